//! `copy` of whole directories: from the controller file by file, on the host by one script that compares and one that
//! copies what differs. Nothing is removed that is only at the destination.

use super::attributes::{Wanted, number, octal, touching};
use super::copy::{MAKE_PARENTS, base_name, of_controller, settle};
use super::file::CREATE;
use super::mode::Mode;
use super::{Args, Change, Host, Outcome, TreeEntry, TreeKind};
use crate::model::{Map, Script};
use crate::questions::Stop;
use crate::questions::files::{Inspect, Inspected, NodeKind};
use crate::questions::trees::Unlike;

/// Copies what differs below a directory of the host; owner, group and modes are set where they are given.
pub(super) const COPY_TREE: Script = Script {
    name: "copy_tree",
    text: r#"source=$1 dest=$2 uid=$3 gid=$4 mode=$5 directory_mode=$6 named=$7
cd -- "$source" || exit 113
[ -d "$dest" ] || { mkdir -p -- "$dest" && chmod "$(stat -c %a .)" "$dest"; } || exit 1
export dest uid gid directory_mode
# Directories first: find names those before what lies in them.
find . -type d -exec sh -c 'for path; do
    to=$dest/${path#./}
    [ "$path" = . ] || [ -d "$to" ] || { mkdir -- "$to" && chmod "$(stat -c %a -- "$path")" "$to"; } || exit 1
    if [ "$directory_mode" != - ] && [ "$path" != . ] && [ ! -L "$to" ]; then chmod "$directory_mode" "$to" || exit 1; fi
    if [ "$uid" != - ]; then chown -h "$uid" "$to" || exit 1; fi
    if [ "$gid" != - ]; then chgrp -h "$gid" "$to" || exit 1; fi
done' sh {} + || exit 1
find . ! -type d -exec sh -c 'for path; do
    to=$dest/${path#./}
    if [ -L "$path" ]; then
        if [ "$(readlink -- "$path")" != "$(readlink -- "$to" 2>/dev/null)" ]; then
            rm -f -- "$to" && cp -P -- "$path" "$to" || exit 1
        fi
    elif [ -f "$path" ]; then
        if [ -L "$to" ] || ! cmp -s -- "$path" "$to"; then
            new=$(mktemp "${to%/*}/.wgops.XXXXXXXXXX") || exit 1
            # Whose the source is does not matter: it belongs to who copies, or to whom the one before did.
            cp -- "$path" "$new" &&
                { [ -L "$to" ] || [ ! -e "$to" ] || chown "$(stat -c %u:%g -- "$to")" "$new"; } &&
                chmod "$(stat -c %a -- "$path")" "$new" && touch -r "$path" "$new" &&
                mv -f -- "$new" "$to" || { rm -f -- "$new"; exit 1; }
        fi
    fi
    if [ "$uid" != - ]; then chown -h "$uid" "$to" || exit 1; fi
    if [ "$gid" != - ]; then chgrp -h "$gid" "$to" || exit 1; fi
done' sh {} + || exit 1
# The mode is that of the place that was named, as under Ansible.
if [ "$mode" != - ]; then chmod "$mode" "$named" || exit 1; fi
exit 0"#,
};

/// Where a directory's content goes: with a slash at the source's end straight below `dest`, else below its name there.
fn root(src: &str, dest: &str) -> String {
    let dest = dest.trim_end_matches('/');
    match base_name(src) {
        Some(name) => format!("{dest}/{name}"),
        None => dest.to_owned(),
    }
}

/// The outcome of copying a directory of the controller.
///
/// # Errors
/// Refuses as [`settle`]; stops to ask.
pub(super) fn from_controller(
    src: &str,
    entries: &[TreeEntry],
    args: &Args,
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    let root = root(src, args.needed("dest")?);
    let wanted = Wanted::ask(args, host);
    let place = |entry: &TreeEntry| format!("{root}/{}", entry.name);
    let directories = entries.iter().filter(|entry| entry.kind == TreeKind::Directory);
    let mut paths = vec![root.clone()];
    paths.extend(directories.map(place));
    let seen = host.get(paths.iter().map(|path| Inspect::path(path)).collect::<Vec<_>>());
    let (wanted, seen) = (wanted?, seen?);
    let mut changes = Vec::new();
    for (at, (path, seen)) in paths.iter().zip(&seen).enumerate() {
        let wanted =
            Wanted { mode: args.text("directory_mode").map(Mode::parse).transpose()?, ..wanted.clone() };
        changes.extend(directory(path, seen, &wanted, at == 0)?);
    }
    let mut stop = None;
    for entry in entries {
        let TreeKind::File { path, mode } = &entry.kind else { continue };
        let source = of_controller(host.controller.file(path)?, None, Some(*mode));
        // Every file is looked at before the first stop counts, so that all are asked about at once.
        match settle(source, place(entry), args, host) {
            // The directories are made already.
            Ok(outcome) => {
                changes.extend(outcome.changes.into_iter().filter(|c| c.script.name != MAKE_PARENTS.name));
            }
            Err(Stop::Ask) => stop = Some(Stop::Ask),
            Err(other) => return Err(other),
        }
    }
    match stop {
        Some(stop) => Err(stop),
        None => Ok(Outcome::change(result(src, args)?, changes)),
    }
}

/// The changes that make a directory; one that was there keeps its owner unless it lies below the destination.
fn directory(path: &str, seen: &Inspected, wanted: &Wanted, is_root: bool) -> Result<Option<Change>, Stop> {
    match seen.followed() {
        Some(node) if node.kind == NodeKind::Directory => {
            let missing = wanted.missing(node, seen.umask);
            let change = missing.change(path, &seen.followed_path(), node);
            Ok((!is_root && !missing.is_empty()).then_some(change))
        }
        Some(node) => {
            let kind = node.kind.as_str();
            Err(Stop::refuse(format!("{path} is a {kind}, and a directory is to be there")))
        }
        None if !seen.parent_exists && is_root => {
            let mode = octal(Some(wanted.new_mode(0o777, true, seen.umask)));
            let args = [path.to_owned(), mode, number(wanted.uid), number(wanted.gid)];
            let summary = format!("make the directory {path}");
            Ok(Some(Change::state(summary, MAKE_PARENTS, args, touching(path, &seen.real))))
        }
        None => {
            let mode = octal(Some(wanted.new_mode(0o777, true, seen.umask)));
            let kind = NodeKind::Directory.as_str().to_owned();
            let args = [path.to_owned(), kind, mode, number(wanted.uid), number(wanted.gid)];
            let summary = format!("make the directory {path}");
            Ok(Some(Change::state(summary, CREATE, args, touching(path, &seen.real))))
        }
    }
}

/// The outcome of copying a directory of the host.
///
/// # Errors
/// Stops to ask; refuses symbolic modes, of which nobody knows what they come to on many files.
pub(super) fn on_host(src: &str, args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let dest = root(src, args.needed("dest")?);
    let wanted = Wanted::ask(args, host);
    let mode = exact(args, "mode")?;
    let directory_mode = exact(args, "directory_mode")?;
    let from = src.trim_end_matches('/').to_owned();
    let named = args.needed("dest")?.trim_end_matches('/').to_owned();
    let wanted = wanted?;
    let owners = [number(wanted.uid), number(wanted.gid)];
    let modes = [octal(mode), octal(directory_mode)];
    let unlike = host.get(Unlike {
        source: from.clone(),
        dest: dest.clone(),
        owners: owners.clone(),
        modes: modes.clone(),
        named: named.clone(),
    })?;
    let change = (unlike.count > 0).then(|| {
        let [uid, gid] = owners;
        let [mode, directory_mode] = modes;
        let first = unlike.names.join(", ");
        let more = if unlike.count > unlike.names.len() as u64 { ", …" } else { "" };
        let summary = format!("copy {} of {src} to {dest}: {first}{more}", unlike.count);
        let words = [from, dest.clone(), uid, gid, mode, directory_mode, named.clone()];
        Change::state(summary, COPY_TREE, words, touching(&dest, &named))
    });
    Ok(Outcome::change(result(src, args)?, change.into_iter().collect()))
}

fn exact(args: &Args, name: &str) -> Result<Option<u32>, Stop> {
    match args.text(name).map(Mode::parse).transpose()? {
        None | Some(Mode::Preserve) => Ok(None),
        Some(Mode::Exact(bits)) => Ok(Some(bits)),
        Some(Mode::Symbolic(_)) => {
            Err(Stop::refuse(format!("'{name}' must be octal where a directory of the host is copied")))
        }
    }
}

fn result(src: &str, args: &Args) -> Result<Map, Stop> {
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), args.needed("dest")?.into());
    Ok(result)
}

#[cfg(test)]
mod tests {
    use crate::modules::copy::MODULE;
    use crate::modules::harness::Bench;
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn mode_of(bench: &Bench, name: &str) -> u32 {
        std::fs::metadata(bench.at(name)).unwrap().mode() & 0o7777
    }

    #[test]
    fn links_below_a_directory_here_are_followed_or_it_is_refused() {
        let mut bench = Bench::new();
        bench.source("tree/a", "one");
        let args = json!({"src": "tree", "dest": bench.path("to"), "local_follow": false});
        assert!(bench.refusal(&MODULE, &args).contains("links below it are followed"));
    }

    #[test]
    fn a_directory_of_the_controller_arrives_below_its_name_or_without_it() {
        for mut bench in Bench::every_shell() {
            bench.source("tree/a", "one");
            bench.source("tree/sub dir/b", "two");
            let mut args =
                json!({"src": "tree", "dest": bench.path("d"), "mode": "0640", "directory_mode": "0750"});
            bench.changes(&MODULE, &args);
            assert_eq!(
                (bench.read("d/tree/a"), bench.read("d/tree/sub dir/b")),
                ("one".into(), "two".into())
            );
            assert_eq!((mode_of(&bench, "d/tree/a"), mode_of(&bench, "d/tree/sub dir")), (0o640, 0o750));
            bench.in_order(&MODULE, &args);
            args["src"] = json!("tree/");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("d/sub dir/b"), "two");
            std::fs::write(bench.at("d/a"), "other").unwrap();
            assert_eq!(bench.settle(&MODULE, &args).changes.len(), 1);
            assert_eq!(bench.read("d/a"), "one");
        }
    }

    #[test]
    fn a_directory_of_the_host_is_copied_where_it_differs() {
        for bench in Bench::every_shell() {
            std::fs::create_dir_all(bench.at("s/-d/two\nlines")).unwrap();
            for name in ["s/x y", "s/-d/*", "s/-d/two\nlines/'q"] {
                bench.file(name, name);
            }
            symlink("x y", bench.at("s/link")).unwrap();
            std::fs::set_permissions(bench.at("s/x y"), PermissionsExt::from_mode(0o751)).unwrap();
            let mut args = json!({"src": bench.path("s"), "dest": bench.path("new"), "remote_src": true});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("new/s/-d/two\nlines/'q"), "s/-d/two\nlines/'q");
            assert_eq!(mode_of(&bench, "new/s/x y"), 0o751);
            assert!(bench.at("new/s/link").is_symlink());
            bench.in_order(&MODULE, &args);
            args["src"] = json!(format!("{}/", bench.path("s")));
            args["mode"] = json!("0750");
            args["directory_mode"] = json!("0700");
            bench.changes(&MODULE, &args);
            assert_eq!((mode_of(&bench, "new/x y"), mode_of(&bench, "new/-d")), (0o751, 0o700));
            assert_eq!(mode_of(&bench, "new"), 0o750);
            bench.in_order(&MODULE, &args);
            let theirs = 65_534;
            let is_root = std::os::unix::fs::chown(bench.at("s/-d/*"), Some(theirs), None).is_ok();
            bench.file("new/-d/*", "changed");
            bench.file("new/-d/mine", "mine");
            bench.changes(&MODULE, &args);
            assert_eq!((bench.read("new/-d/*"), bench.read("new/-d/mine")), ("s/-d/*".into(), "mine".into()));
            // Whose the source is does not matter.
            let owner = |name: &str| std::fs::metadata(bench.at(name)).unwrap().uid();
            assert_eq!(owner("new/-d/*"), owner("new/-d/mine"));
            assert_eq!(is_root, owner("s/-d/*") == theirs);
            bench.file("s/-d/fresh", "fresh");
            let _ = std::os::unix::fs::chown(bench.at("s/-d/fresh"), Some(theirs), None);
            std::fs::set_permissions(bench.at("s/-d"), PermissionsExt::from_mode(0o710)).unwrap();
            let args =
                json!({"src": bench.path("s/-d/"), "dest": bench.path("other/-d"), "remote_src": true});
            bench.changes(&MODULE, &args);
            assert_eq!((owner("other/-d/fresh"), mode_of(&bench, "other/-d")), (owner("new/-d/mine"), 0o710));
            bench.in_order(&MODULE, &args);
        }
    }
}

//! `file` with `recurse`: owner and mode of all that is below a directory.
//!
//! Links below it are chowned themselves and never followed: a link in a tree that others may write to would lead the
//! change anywhere. (Ansible follows them unless told otherwise.)

use super::attributes::{number, touching};
use super::file::Target;
use super::mode::Bits;
use super::{Change, Host};
use crate::model::Script;
use crate::questions::Stop;
use crate::questions::files::NodeKind;
use crate::questions::tree::{Alike, Survey};

/// Sets owner, group, then modes (and prints what came of the directory itself): each pair of old and new mode for all files, or
/// all directories, that have the old. Whoever owns a folder can put a link in its place, or in that of a file in it, at any
/// moment. So `find` goes into each folder, where it can, and what it starts knows names in there alone; and a mode is set on
/// what is held open and is still what lies there.
pub(super) const SET_BELOW: Script = Script {
    name: "set_attributes_below",
    text: r#"root=$1 uid=$2 gid=$3
shift 3
if [ ! -d "$root" ] || [ -L "$root" ]; then exit 113; fi
seen=$(stat -c %d:%i -- "$root") && cd -- "$root" && [ "$(stat -c %d:%i .)" = "$seen" ] || exit 113
here=-exec
if find . -prune -execdir true {} + 2>/dev/null; then here=-execdir; fi
if [ "$uid" != - ]; then
    find . ! -user "$uid" "$here" chown -h "$uid" {} + || exit 1
fi
if [ "$gid" != - ]; then
    find . ! -group "$gid" "$here" chgrp -h "$gid" {} + || exit 1
fi
held='for path; do
    exec 7<"$path" || exit 1
    if [ "$(stat -c %d:%i -- "$path")" != "$(stat -L -c %d:%i /proc/self/fd/7)" ]; then
        printf "%s was exchanged meanwhile\n" "$path" >&2
        exit 113
    fi
    chmod "$new" /proc/self/fd/7 || exit 1
done'
# Only root can be led astray.
if [ "$(id -u)" != 0 ] || [ ! -e /proc/self/fd/0 ]; then held='chmod "$new" "$@"'; fi
export new
while [ $# -ge 3 ]; do
    new=$3
    find . -depth -type "$1" -perm "$2" "$here" sh -c "$held" sh {} + || exit 1
    shift 3
done
stat -c '%f %u %g %s
%U
%G' . || exit 1
exit 0"#,
};

/// The change that is missing below a directory, if any.
///
/// # Errors
/// Asks what is there; refuses where not everything can be seen.
pub(super) fn change(target: &Target<'_>, host: &Host<'_>) -> Result<Option<Change>, Stop> {
    let real = target.real();
    let survey = host.get(Survey(real.clone()))?;
    let wanted = target.wanted;
    let owners = survey.iter().filter(|alike| wanted.uid.is_some_and(|uid| uid != alike.uid));
    let groups = survey.iter().filter(|alike| wanted.gid.is_some_and(|gid| gid != alike.gid));
    let (owners, groups) = (count(owners), count(groups));
    let modes = modes(target, &survey);
    if owners == 0 && groups == 0 && modes.is_empty() {
        return Ok(None);
    }
    let uid = wanted.uid.filter(|_| owners > 0);
    let gid = wanted.gid.filter(|_| groups > 0);
    let moded: u64 = modes.iter().map(|mode| mode.count).sum();
    let mut args = vec![real.clone(), number(uid), number(gid)];
    for mode in &modes {
        args.extend([mode.kind.to_owned(), format!("{:04o}", mode.old), format!("{:05o}", mode.new)]);
    }
    let parts = [(owners, "owner"), (groups, "group"), (moded, "mode")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{what} of {count}"))
        .collect();
    let summary = format!("set {} at and below {}", parts.join(", "), target.named);
    Ok(Some(Change::state(summary, SET_BELOW, args, touching(target.named, &real))))
}

fn count<'a>(alike: impl Iterator<Item = &'a Alike>) -> u64 {
    alike.map(|alike| alike.count).sum()
}

/// A mode that some files have and should not.
struct Wrong {
    kind: &'static str,
    old: u32,
    new: u32,
    count: u64,
}

fn modes(target: &Target<'_>, survey: &[Alike]) -> Vec<Wrong> {
    let Some(wanted) = &target.wanted.mode else { return Vec::new() };
    let mut wrong: Vec<Wrong> = Vec::new();
    for alike in survey {
        let is_directory = alike.kind == NodeKind::Directory;
        let kind = match alike.kind {
            NodeKind::Directory => "d",
            NodeKind::File => "f",
            _ => continue,
        };
        let bits = Bits { mode: alike.mode, is_directory, umask: target.seen.umask };
        let Some(new) = wanted.of(bits).filter(|new| *new != alike.mode) else { continue };
        match wrong.iter_mut().find(|w| w.kind == kind && w.old == alike.mode) {
            Some(known) => known.count += alike.count,
            None => wrong.push(Wrong { kind, old: alike.mode, new, count: alike.count }),
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use crate::modules::file::MODULE;
    use crate::modules::harness::Bench;
    use crate::questions::workbench::is_root;
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    fn tree(bench: &Bench) {
        std::fs::create_dir_all(bench.at("t/-d/a b")).unwrap();
        for (name, mode) in [("t/x", 0o755), ("t/-d/*", 0o644), ("t/-d/a b/two\nlines", 0o600)] {
            bench.file(name, "");
            std::fs::set_permissions(bench.at(name), PermissionsExt::from_mode(mode)).unwrap();
        }
        bench.file("outside", "");
        std::fs::set_permissions(bench.at("outside"), PermissionsExt::from_mode(0o604)).unwrap();
        symlink("../outside", bench.at("t/link")).unwrap();
    }

    fn mode_of(bench: &Bench, name: &str) -> u32 {
        std::fs::metadata(bench.at(name)).unwrap().mode() & 0o7777
    }

    #[test]
    fn modes_below_a_directory_are_set_and_links_in_it_not_followed() {
        for bench in Bench::every_shell() {
            tree(&bench);
            let args = json!({"path": bench.path("t"), "state": "directory", "recurse": true, "mode": "u=rwX,g=rX,o="});
            let result = bench.changes(&MODULE, &args);
            assert_eq!(result["mode"], json!("0750"));
            assert_eq!((mode_of(&bench, "t"), mode_of(&bench, "t/-d/a b")), (0o750, 0o750));
            assert_eq!((mode_of(&bench, "t/x"), mode_of(&bench, "t/-d/*")), (0o750, 0o640));
            assert_eq!(mode_of(&bench, "t/-d/a b/two\nlines"), 0o640);
            assert_eq!(mode_of(&bench, "outside"), 0o604);
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn owners_below_a_directory_are_set_and_links_chowned_themselves() {
        if !is_root() {
            return;
        }
        for bench in Bench::every_shell() {
            tree(&bench);
            let args = json!({"path": bench.path("t"), "recurse": true, "owner": "daemon", "group": 12});
            bench.changes(&MODULE, &args);
            let owner = |name: &str| {
                let meta = std::fs::symlink_metadata(bench.at(name)).unwrap();
                (meta.uid(), meta.gid())
            };
            for name in ["t", "t/-d/a b/two\nlines", "t/link"] {
                assert_eq!(owner(name), (1, 12), "{name}");
            }
            assert_eq!(owner("outside").0, 0);
        }
    }

    #[test]
    fn a_link_put_in_the_place_of_a_folder_or_a_file_meanwhile_leads_root_nowhere() {
        if !is_root() {
            return;
        }
        let mut bench = Bench::new();
        for name in ["victim", "t", "t/a"] {
            std::fs::create_dir(bench.at(name)).unwrap();
        }
        for name in ["victim/x", "t/a/x", "t/y"] {
            bench.file(name, "");
            std::fs::set_permissions(bench.at(name), PermissionsExt::from_mode(0o600)).unwrap();
        }
        let swaps = |of: &str, by: &str| {
            let (of, by) = (bench.path(of), bench.path(by));
            format!("/bin/mv '{of}' '{of}.away' 2>/dev/null && /bin/ln -s '{by}' '{of}'\n")
        };
        let (folder, file) = (swaps("t/a", "victim"), swaps("t/y", "victim/x"));
        bench.program("chown", &format!("{folder}exec /bin/chown \"$@\""));
        bench.program("chmod", &format!("{file}exec /bin/chmod \"$@\""));
        let args = json!({"path": bench.path("t"), "recurse": true, "owner": "daemon", "mode": "a=rwX"});
        let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
        bench.apply(&outcome.changes[0]);
        for name in ["t/a", "t/y"] {
            assert!(
                std::fs::symlink_metadata(bench.at(name)).unwrap().is_symlink(),
                "{name} was not swapped"
            );
        }
        let victim = std::fs::metadata(bench.at("victim/x")).unwrap();
        assert_eq!((victim.uid(), victim.mode() & 0o7777), (0, 0o600));
    }
}

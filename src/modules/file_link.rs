//! `file` with `state: link` and `state: hard`.

use super::attributes::{touching, with_still};
use super::file::Target;
use super::{Change, Host, Outcome};
use crate::model::Script;
use crate::questions::Stop;
use crate::questions::files::{Inspect, Node, NodeKind};
use crate::questions::tree::IsEmpty;

/// Makes a symbolic link; what is there goes first, a directory only if it is empty.
pub(super) const SYMLINK: Script = Script {
    name: "make_symlink",
    text: with_still!(
        r#"path=$1 target=$3
still "$path" "$2"
if [ -d "$path" ] && [ ! -L "$path" ]; then rmdir -- "$path" || exit 1; fi
ln -sfn -- "$target" "$path" || exit 1
exit 0"#
    ),
};

/// Makes a hard link; what is there goes first.
pub(super) const HARD_LINK: Script = Script {
    name: "make_hard_link",
    text: with_still!(
        r#"path=$1 source=$3
still "$path" "$2"
if [ -d "$path" ] && [ ! -L "$path" ]; then exit 113; fi
new=
trap 'if [ -n "$new" ]; then rm -f -- "$new"; fi' EXIT
new=$(mktemp "${path%/*}/.wgops.XXXXXXXXXX") || exit 1
rm -f -- "$new" || exit 1
ln -- "$source" "$new" || exit 1
if [ -L "$path" ]; then rm -f -- "$path" || exit 1; fi
mv -f -- "$new" "$path" || exit 1
exit 0"#
    ),
};

/// The outcome of `state: link`.
pub(super) fn symbolic(target: &Target<'_>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (args, seen) = (target.args, target.seen);
    let old = seen.link.as_ref().map(|link| link.target.as_str());
    let Some(src) = args.text("src").or(old.filter(|_| args.flag("follow") || seen.link.is_some())) else {
        return target.refuse("src is required for creating new symlinks".into());
    };
    // A relative target counts from the directory that the link lies in.
    let leads_to = seen.beside(src);
    let there = host.get(Inspect::path(&leads_to))?;
    if there.followed().is_none() && !args.flag("force") && args.text("src").is_some() {
        return target.refuse(format!(
            "src file does not exist, use \"force=yes\" if you really want to create the link: {leads_to}"
        ));
    }
    if old != Some(src) {
        replaceable(target, host)?;
        let stamp = seen.node.as_ref().map_or("-".into(), Node::stamp);
        let summary = format!("link {} to {src}", target.named);
        let change = Change::state(
            summary,
            SYMLINK,
            [seen.real.clone(), stamp, src.to_owned()],
            touching(target.named, &seen.real),
        );
        return Ok(linked(target, src, [Some(change), attributes(target, &there, src)]));
    }
    Ok(linked(target, src, [None, attributes(target, &there, src)]))
}

/// Owner and mode are those of what the link leads to, or the link's own where it isn't followed.
fn attributes(target: &Target<'_>, there: &crate::questions::files::Inspected, src: &str) -> Option<Change> {
    let (node, real) = match target.args.flag("follow") {
        true => (there.followed()?.clone(), there.followed_path()),
        false => {
            (target.seen.node.clone().filter(|node| node.kind == NodeKind::Link)?, target.seen.real.clone())
        }
    };
    let missing = target.wanted.missing(&node, target.seen.umask);
    let named = if target.args.flag("follow") { src } else { target.named };
    (!missing.is_empty()).then(|| missing.change(named, &real, &node))
}

fn linked(target: &Target<'_>, src: &str, changes: [Option<Change>; 2]) -> Outcome {
    let mut outcome = target.outcome("link", changes.into_iter().flatten().collect());
    outcome.result.shift_remove("path");
    outcome.result.insert("dest".into(), target.named.into());
    outcome.result.insert("src".into(), src.into());
    outcome
}

/// Refuses to put a link in the place of something that would be lost.
fn replaceable(target: &Target<'_>, host: &Host<'_>) -> Result<(), Stop> {
    let Some(node) = &target.seen.node else {
        if !target.seen.parent_exists {
            return target
                .refuse(format!("Error while linking: No such file or directory: {}", target.named));
        }
        return Ok(());
    };
    let forced = target.args.flag("force");
    match node.kind {
        NodeKind::Link => Ok(()),
        NodeKind::Directory if forced => match *host.get(IsEmpty(target.seen.real.clone()))? {
            true => Ok(()),
            false => {
                target.refuse(format!("the directory {} is not empty, refusing to convert it", target.named))
            }
        },
        NodeKind::File if forced => Ok(()),
        kind => {
            let kind = kind.as_str();
            target.refuse(format!("refusing to convert from {kind} to symlink for {}", target.named))
        }
    }
}

/// The outcome of `state: hard`.
pub(super) fn hard(target: &Target<'_>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let seen = target.seen;
    let Some(src) = target.args.text("src") else {
        return target.refuse("src is required for creating new hardlinks".into());
    };
    if !src.starts_with('/') {
        return target.refuse(format!("src must be an absolute path for a hard link: {src}"));
    }
    let there = host.get(Inspect::path(src))?;
    let Some(source) = there.followed() else { return target.refuse("src does not exist".into()) };
    let same = |node: &Node| (node.device, node.inode) == (source.device, source.inode);
    let change = match &seen.node {
        Some(node) if same(node) => None,
        Some(node) if node.kind == NodeKind::Directory => {
            return target
                .refuse(format!("refusing to convert from directory to hard link for {}", target.named));
        }
        Some(node) if node.kind == NodeKind::File && !target.args.flag("force") => {
            let what = if node.links > 1 { "different hard link" } else { "file" };
            return target.refuse(format!("Cannot link, {what} exists at destination"));
        }
        None if !seen.parent_exists => {
            return target
                .refuse(format!("Error while linking: No such file or directory: {}", target.named));
        }
        node => {
            let stamp = node.as_ref().map_or("-".into(), Node::stamp);
            let args = [seen.real.clone(), stamp, there.followed_path()];
            let summary = format!("hard link {} to {src}", target.named);
            Some(Change::state(summary, HARD_LINK, args, touching(target.named, &seen.real)))
        }
    };
    let missing = target.wanted.missing(source, seen.umask);
    let set = (!missing.is_empty()).then(|| missing.change(src, &there.followed_path(), source));
    let mut outcome = linked(target, src, [change, set]);
    outcome.result.insert("state".into(), "hard".into());
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::file::MODULE;
    use crate::modules::harness::Bench;
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn links_are_made_changed_and_left_alone_whatever_they_are_called() {
        for bench in Bench::every_shell() {
            std::fs::create_dir(bench.at("dir")).unwrap();
            bench.file("dir/file", "");
            for name in ["link", "a b", "-n", "two\nlines", "*", "'"] {
                // From nothing to a directory, and from a link to a directory to a file.
                for src in [bench.path("dir"), "dir/file".to_owned(), "dir".to_owned()] {
                    let args = json!({"path": bench.path(name), "src": src, "state": "link"});
                    let result = bench.changes(&MODULE, &args);
                    assert_eq!((&result["dest"], &result["src"]), (&args["path"], &args["src"]));
                    assert_eq!(std::fs::read_link(bench.at(name)).unwrap().to_str().unwrap(), src);
                    bench.in_order(&MODULE, &args);
                }
            }
            assert_eq!(std::fs::read_dir(bench.at("dir")).unwrap().count(), 1);
        }
    }

    #[test]
    fn nothing_is_lost_to_a_link_unless_forced_and_a_full_directory_never() {
        for bench in Bench::every_shell() {
            let file = bench.file("file", "");
            std::fs::create_dir(bench.at("dir")).unwrap();
            let mut to_file = json!({"path": file, "src": "dir", "state": "link"});
            assert_eq!(
                bench.refusal(&MODULE, &to_file),
                format!("refusing to convert from file to symlink for {file}")
            );
            to_file["force"] = json!(true);
            bench.changes(&MODULE, &to_file);
            let mut to_dir = json!({"path": bench.path("dir"), "src": "/", "state": "link"});
            assert!(bench.refusal(&MODULE, &to_dir).starts_with("refusing to convert from directory"));
            to_dir["force"] = json!(true);
            bench.file("dir/x", "");
            assert!(bench.refusal(&MODULE, &to_dir).contains("is not empty"));
            std::fs::remove_file(bench.at("dir/x")).unwrap();
            bench.changes(&MODULE, &to_dir);
            assert!(bench.at("dir").is_symlink());
        }
    }

    #[test]
    fn a_link_to_nothing_takes_force() {
        for bench in Bench::every_shell() {
            let mut args = json!({"path": bench.path("link"), "src": "none", "state": "link"});
            assert!(bench.refusal(&MODULE, &args).starts_with("src file does not exist, use \"force=yes\""));
            args["force"] = json!(true);
            bench.changes(&MODULE, &args);
            let plain = json!({"path": bench.path("new"), "state": "link"});
            assert_eq!(bench.refusal(&MODULE, &plain), "src is required for creating new symlinks");
        }
    }

    #[test]
    fn hard_links_share_their_file() {
        for bench in Bench::every_shell() {
            let src = bench.file("src", "x");
            let mut args = json!({"path": bench.path("-h"), "src": src, "state": "hard"});
            bench.changes(&MODULE, &args);
            let inode = |name: &str| std::fs::symlink_metadata(bench.at(name)).unwrap().ino();
            assert_eq!(inode("-h"), inode("src"));
            args["path"] = json!(bench.file("other", ""));
            assert_eq!(bench.refusal(&MODULE, &args), "Cannot link, file exists at destination");
            args["force"] = json!(true);
            bench.changes(&MODULE, &args);
            assert_eq!(inode("other"), inode("src"));
            symlink("/", bench.at("link")).unwrap();
            args["path"] = json!(bench.path("link"));
            bench.changes(&MODULE, &args);
            assert_eq!(inode("link"), inode("src"));
            args["src"] = json!(bench.path("none"));
            assert_eq!(bench.refusal(&MODULE, &args), "src does not exist");
        }
    }

    #[test]
    fn a_link_stops_where_something_else_is_there_by_now() {
        for bench in Bench::every_shell() {
            let args = json!({"path": bench.path("link"), "src": "/", "state": "link"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            bench.file("link", "precious");
            assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
            assert_eq!(bench.read("link"), "precious");
        }
    }
}

//! `file`: that a path is a file, a directory, a link or nothing, and how it is owned and moded.
//!
//! What a state comes to is decided here; links have a file of their own (`file_link`), trees too (`file_tree`).

use super::attributes::{self, GROUP, MODE, OWNER, Wanted, describe, number, octal, touching, with_still};
use super::labels::{self, ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::nest::hold;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, file_link,
    file_times, file_tree,
};
use crate::model::{Map, Script, Subject};
use crate::questions::files::{Inspect, Inspected, Node, NodeKind};
use crate::questions::{Refusal, Stop};

const STATES: Kind = Kind::Choice(&["absent", "directory", "file", "hard", "link", "touch"]);

/// The module.
pub static MODULE: Module = Module {
    name: "file",
    aliases: &[],
    summary: "Makes a path a file, a directory, a link or nothing, and sets owner and mode",
    params: &[
        Param::required("path", Kind::Path, "the path").or(&["dest", "name"]),
        Param::optional("state", STATES, "what is to be there; without it, what is there already"),
        Param::optional("src", Kind::Text, "what a link leads to"),
        Param::optional("recurse", Kind::Bool, "also set owner and mode of all that is below a directory")
            .default("no"),
        Param::optional("force", Kind::Bool, "make a link to nothing, or in the place of a file")
            .default("no"),
        Param::optional("follow", Kind::Bool, "look where a link leads").default("yes"),
        Param::optional(
            "access_time",
            Kind::Text,
            "'preserve', 'now', or a time; without it, touch sets now",
        ),
        Param::optional("access_time_format", Kind::Text, "how that time is written")
            .default("%Y%m%d%H%M.%S"),
        Param::optional("modification_time", Kind::Text, "the same for the time of the last change"),
        Param::optional("modification_time_format", Kind::Text, "how that time is written")
            .default("%Y%m%d%H%M.%S"),
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Make the directory for uploads
  file:
    path: /srv/app/uploads
    state: directory
    owner: www-data
    group: www-data
    mode: "0750"
- name: Switch the site on
  file:
    src: /etc/nginx/sites-available/app
    dest: /etc/nginx/sites-enabled/app
    state: link
- name: No default site
  file: {path: /etc/nginx/sites-enabled/default, state: absent}
"#,
        returns: &[
            Returned { name: "path", help: "the path" },
            Returned { name: "dest", help: "the path, where it is a link or was touched" },
            Returned { name: "src", help: "what a link leads to" },
            Returned { name: "mode", help: "the permissions, as four octal digits" },
            Returned { name: "uid", help: "the owner's number" },
            Returned { name: "gid", help: "the group's number" },
            Returned { name: "owner", help: "the owner's name" },
            Returned { name: "group", help: "the group's name" },
            Returned { name: "size", help: "the size in bytes" },
            Returned { name: "state", help: "`file`, `directory`, `link`, `hard` or `absent`" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: attributes::result,
};

/// Makes an empty file, or a directory, with its mode and ownership from the start.
pub(super) const CREATE: Script = Script {
    name: "create_node",
    text: with_still!(
        hold!(),
        r#"path=$1 kind=$2 mode=$3 uid=$4 gid=$5
still "$path" -
umask 077
# Whoever owns the folder may put something else under that name, so it is not used again.
if [ "$kind" = directory ]; then
    held=.
    name=${path##*/}
    above=${path%/*}
    cd -P -- "${above:-/}" || exit 1
    above=${PWD%/}
    mkdir -- "$path" && cd -P -- "./$name" || exit 1
    if [ ! -O . ] || [ "$PWD" != "$above/$name" ]; then exit 113; fi
else
    held=/proc/self/fd/7
    set -C
    exec 7>"$path"
    if [ ! -e $held ]; then held=$path; elif [ ! -f $held ]; then exit 113; fi
fi
give "$uid" "$gid" || exit 1
chmod "$mode" "$held" || exit 1
stat -c '%f %u %g %s
%U
%G' -- "$path" || exit 1
exit 0"#
    ),
};

/// Removes a path, whatever lies below it.
pub(super) const REMOVE: Script = Script {
    name: "remove_path",
    text: r#"case $2 in
file) [ -f "$1" ] && [ ! -L "$1" ] ;;
directory) [ -d "$1" ] && [ ! -L "$1" ] ;;
link) [ -L "$1" ] ;;
*) [ -e "$1" ] && [ ! -d "$1" ] ;;
esac || { printf '%s is not as it was seen\n' "$1" >&2; exit 113; }
rm -rf -- "$1" || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] =
    &[CREATE, REMOVE, file_times::TOUCH, file_link::SYMLINK, file_link::HARD_LINK, file_tree::SET_BELOW];

/// A path that a task is about.
pub(super) struct Target<'a> {
    /// The path as the user names it.
    pub named: &'a str,
    /// What is there.
    pub seen: &'a Inspected,
    /// Owner, group and mode.
    pub wanted: &'a Wanted,
    /// The task's arguments.
    pub args: &'a Args,
}

impl Target<'_> {
    /// What counts as being there.
    pub fn node(&self) -> Option<&Node> {
        if self.args.flag("follow") { self.seen.followed() } else { self.seen.node.as_ref() }
    }

    /// Where that really lies.
    pub fn real(&self) -> String {
        if self.args.flag("follow") { self.seen.followed_path() } else { self.seen.real.clone() }
    }

    /// The change of owner and mode that is missing, if any.
    fn attributes(&self, node: &Node) -> Option<Change> {
        let missing = self.wanted.missing(node, self.seen.umask);
        (!missing.is_empty()).then(|| missing.change(self.named, &self.real(), node))
    }

    /// An outcome about this path.
    pub fn outcome(&self, state: &str, changes: Vec<Change>) -> Outcome {
        let mut result = Map::new();
        result.insert("path".into(), self.named.into());
        if self.args.text("state") == Some("touch") {
            result.insert("dest".into(), self.named.into());
        }
        if let Some(node) = self.node().filter(|_| state != "absent") {
            describe(&mut result, node);
        }
        result.insert("state".into(), state.into());
        Outcome::change(result, changes)
    }

    /// A refusal with Ansible's keys.
    pub fn refuse<T>(&self, message: String) -> Result<T, Stop> {
        let mut result = Map::new();
        result.insert("path".into(), self.named.into());
        result.insert("state".into(), self.node().map_or("absent", |node| node.kind.as_str()).into());
        Err(Stop::Refuse(Refusal { message, result }))
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let named = trimmed(args.needed("path")?);
    let wanted = Wanted::ask(args, host);
    let seen = host.get(Inspect::path(named))?;
    let wanted = wanted?;
    let target = Target { named, seen: &seen, wanted: &wanted, args };
    let state = match args.text("state") {
        Some(state) => state,
        None if args.flag("recurse") => "directory",
        None => match target.node().map(|node| node.kind) {
            Some(NodeKind::Directory) => "directory",
            Some(NodeKind::Link) => "link",
            _ => "file",
        },
    };
    if args.flag("recurse") && state != "directory" {
        return target.refuse("recurse option requires state to be 'directory'".into());
    }
    if args.text("src").is_some() && !matches!(state, "link" | "hard") {
        return target.refuse("src option requires state to be 'link' or 'hard'".into());
    }
    let mut outcome = match state {
        "absent" => return absent(&target),
        "directory" => directory(&target, host),
        "touch" => touch(&target),
        "link" => return file_link::symbolic(&target, host),
        "hard" => return file_link::hard(&target, host),
        _ => file(&target),
    }?;
    finish(&target, state, &mut outcome, host)?;
    Ok(outcome)
}

/// Without slashes at its end.
fn trimmed(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

fn file(target: &Target<'_>) -> Result<Outcome, Stop> {
    match target.node() {
        Some(node) if !matches!(node.kind, NodeKind::Directory | NodeKind::Link) => {
            Ok(target.outcome("file", target.attributes(node).into_iter().collect()))
        }
        other => {
            let kind = other.map_or("absent", |node| node.kind.as_str());
            target.refuse(format!("file ({}) is {kind}, cannot continue", target.named))
        }
    }
}

fn absent(target: &Target<'_>) -> Result<Outcome, Stop> {
    let Subject::Path(normal) = Subject::path(target.named) else {
        return target.refuse("this is no path".into());
    };
    if normal == "/" || target.seen.real == "/." {
        return target.refuse("the root directory is not removed".into());
    }
    let removal = target.seen.node.as_ref().map(|node| {
        let (kind, real) = (node.kind.as_str(), target.seen.real.clone());
        let summary = match node.kind {
            NodeKind::Directory => format!("remove {} and all below it", target.named),
            _ => format!("remove {}", target.named),
        };
        let touches = touching(target.named, &real);
        Change::state(summary, REMOVE, [real, kind.to_owned()], touches)
    });
    Ok(target.outcome("absent", removal.into_iter().collect()))
}

fn touch(target: &Target<'_>) -> Result<Outcome, Stop> {
    let Some(node) = target.node() else {
        if !target.seen.parent_exists {
            let message = "Error, could not touch target: No such file or directory";
            return target.refuse(format!("{message}: {}", target.named));
        }
        let change = create(target, &target.real(), target.named, NodeKind::File);
        return Ok(target.outcome("file", vec![change]));
    };
    let changes = target.attributes(node).into_iter().collect();
    Ok(target.outcome(node.kind.as_str(), changes))
}

/// What follows the changes that make a path what it is to be: its times, and what hangs on it besides.
fn finish(target: &Target<'_>, state: &str, outcome: &mut Outcome, host: &Host<'_>) -> Result<(), Stop> {
    let (node, real) = (target.node(), target.real());
    let default = if state == "touch" { "now" } else { "preserve" };
    // What the changes before it set is part of what the script looks for.
    let stamp = node.map(|node| {
        let missing = target.wanted.missing(node, target.seen.umask);
        let after = Node {
            mode: missing.mode.unwrap_or(node.mode),
            uid: missing.uid.unwrap_or(node.uid),
            gid: missing.gid.unwrap_or(node.gid),
            ..node.clone()
        };
        after.stamp()
    });
    // A file that is just made has the time of now.
    let default = if node.is_some() { default } else { "preserve" };
    let stamp = stamp.unwrap_or_else(|| "any".into());
    let times = file_times::change(target.args, default, (target.named, &real), node, stamp, host)?;
    let labels = labels::changes(target.args, host, target.named, &real)?;
    outcome.changes.extend(times.into_iter().chain(labels));
    Ok(())
}

fn directory(target: &Target<'_>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let changes = match target.node() {
        None => directories(target)?,
        // What is below includes the directory itself.
        Some(node) if node.kind == NodeKind::Directory && target.args.flag("recurse") => {
            file_tree::change(target, host)?.into_iter().collect()
        }
        Some(node) if node.kind == NodeKind::Directory => target.attributes(node).into_iter().collect(),
        Some(node) => {
            return target.refuse(format!("{} already exists as a {}", target.named, node.kind.as_str()));
        }
    };
    Ok(target.outcome("directory", changes))
}

/// One change for each directory that is missing, from the top down, all with the same owner and mode.
fn directories(target: &Target<'_>) -> Result<Vec<Change>, Stop> {
    let real = target.real();
    if target.seen.link.is_some() && target.args.flag("follow") {
        return Ok(vec![create(target, &real, target.named, NodeKind::Directory)]);
    }
    let first_missing = target.seen.existing_bytes;
    let mut changes = Vec::new();
    for (at, _) in real.match_indices('/').filter(|(at, _)| *at > first_missing) {
        let path = real.get(..at).unwrap_or_default();
        changes.push(create(target, path, path, NodeKind::Directory));
    }
    changes.push(create(target, &real, target.named, NodeKind::Directory));
    Ok(changes)
}

fn create(target: &Target<'_>, real: &str, named: &str, kind: NodeKind) -> Change {
    let is_directory = kind == NodeKind::Directory;
    let plain = if is_directory { 0o777 } else { 0o666 };
    let mode = target.wanted.new_mode(plain, is_directory, target.seen.umask);
    let args = [
        real.to_owned(),
        kind.as_str().to_owned(),
        octal(Some(mode)),
        number(target.wanted.uid),
        number(target.wanted.gid),
    ];
    let what = if is_directory { "make the directory" } else { "create" };
    Change::state(format!("{what} {named}"), CREATE, args, touching(named, real))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with, misfit};
    use crate::modules::{Nature, PRECONDITION_FAILED};
    use crate::questions::workbench::is_root;
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    const NAMES: [&str; 8] = ["plain", "with space", "-n", "a'b\"c", "two\nlines", "*", "$(id)", "ünï"];

    fn mode_of(bench: &Bench, name: &str) -> u32 {
        std::fs::symlink_metadata(bench.at(name)).unwrap().mode() & 0o7777
    }

    #[test]
    fn directories_are_made_with_their_parents_and_removed_again() {
        for bench in Bench::every_shell() {
            for name in NAMES {
                let path = bench.path(&format!("{name}/a/b"));
                let args = json!({"path": path, "state": "directory", "mode": "0750"});
                let result = bench.changes(&MODULE, &args);
                assert_eq!((&result["mode"], &result["state"]), (&json!("0750"), &json!("directory")));
                assert_eq!(mode_of(&bench, name), 0o750);
                bench.in_order(&MODULE, &args);
                let gone = json!({"path": bench.path(name), "state": "absent"});
                assert_eq!(bench.changes(&MODULE, &gone)["state"], json!("absent"));
                bench.in_order(&MODULE, &gone);
                assert!(!bench.at(name).exists());
            }
        }
    }

    #[test]
    fn a_file_is_touched_once_more_each_time_and_created_once() {
        for bench in Bench::every_shell() {
            for name in NAMES {
                let mut args = json!({"path": bench.path(name), "state": "touch", "mode": "0600"});
                let made = bench.changes(&MODULE, &args);
                assert_eq!((&made["mode"], &made["dest"]), (&json!("0600"), &made["path"]));
                std::fs::File::open(bench.at(name)).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
                args["mode"] = json!("0640");
                let settled = bench.settle(&MODULE, &args);
                assert_eq!((settled.changes.len(), &settled.result["mode"]), (2, &json!("0640")));
                assert!(std::fs::metadata(bench.at(name)).unwrap().mtime() > 0);
                args["access_time"] = json!("preserve");
                args["modification_time"] = json!("preserve");
                bench.in_order(&MODULE, &args);
            }
        }
    }

    #[test]
    fn what_is_there_is_told_and_its_mode_set_with_and_without_a_state() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "x");
            bench.changes(&MODULE, &json!({"path": path, "mode": "u=rwx,go="}));
            assert_eq!(mode_of(&bench, "f"), 0o700);
            let result = bench.in_order(&MODULE, &json!({"path": path, "state": "file"}));
            assert_eq!((&result["state"], &result["size"]), (&json!("file"), &json!(1)));
            let absent = json!({"path": bench.path("none"), "mode": "0600"});
            let none = bench.path("none");
            assert_eq!(bench.refusal(&MODULE, &absent), format!("file ({none}) is absent, cannot continue"));
            let directory = json!({"path": bench.path("."), "state": "file"});
            assert!(bench.refusal(&MODULE, &directory).contains("is directory, cannot continue"));
            let file = json!({"path": path, "state": "directory"});
            assert_eq!(bench.refusal(&MODULE, &file), format!("{path} already exists as a file"));
            let below = json!({"path": bench.path("none/x"), "state": "touch"});
            assert!(bench.refusal(&MODULE, &below).contains("No such file or directory"));
        }
    }

    #[test]
    fn set_id_bits_of_a_directory_go_when_the_mode_has_none() {
        for bench in Bench::every_shell() {
            std::fs::create_dir(bench.at("d")).unwrap();
            std::fs::set_permissions(bench.at("d"), PermissionsExt::from_mode(0o2755)).unwrap();
            bench.changes(&MODULE, &json!({"path": bench.path("d"), "mode": "0755"}));
            assert_eq!(mode_of(&bench, "d"), 0o755);
        }
    }

    #[test]
    fn owners_are_set_by_name_and_number_and_set_id_bits_survive() {
        if !is_root() {
            return;
        }
        for bench in Bench::every_shell() {
            let path = bench.file("f", "");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o4755)).unwrap();
            let result = bench.changes(&MODULE, &json!({"path": path, "owner": "daemon", "group": 12}));
            assert_eq!((&result["owner"], &result["gid"]), (&json!("daemon"), &json!(12)));
            assert_eq!(mode_of(&bench, "f"), 0o4755);
            bench.in_order(&MODULE, &json!({"path": path, "owner": "1", "group": "12"}));
        }
    }

    #[test]
    fn a_link_is_followed_unless_it_is_not_to_be() {
        for bench in Bench::every_shell() {
            bench.file("target", "");
            std::fs::set_permissions(bench.at("target"), PermissionsExt::from_mode(0o600)).unwrap();
            symlink("target", bench.at("link")).unwrap();
            bench.changes(&MODULE, &json!({"path": bench.path("link"), "mode": "0644"}));
            assert_eq!(mode_of(&bench, "target"), 0o644);
            bench.changes(&MODULE, &json!({"path": bench.path("link"), "state": "absent"}));
            assert!(bench.at("target").exists() && !bench.at("link").is_symlink());
        }
    }

    #[test]
    fn a_removal_stops_where_something_else_is_there_by_now() {
        for bench in Bench::every_shell() {
            let args = json!({"path": bench.file("f", ""), "state": "absent"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            std::fs::remove_file(bench.at("f")).unwrap();
            std::fs::create_dir(bench.at("f")).unwrap();
            assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
            assert!(bench.at("f").exists());
        }
    }

    #[test]
    fn creating_stops_where_something_is_there_by_now() {
        for bench in Bench::every_shell() {
            let args = json!({"path": bench.path("f"), "state": "touch"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            symlink("/nowhere", bench.at("f")).unwrap();
            assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
        }
    }

    #[test]
    fn the_root_directory_is_never_removed() {
        let bench = Bench::new();
        for path in ["/", "//", "/.", "/tmp/..", "/../"] {
            let message = bench.refusal(&MODULE, &json!({"path": path, "state": "absent"}));
            assert!(message.contains("root directory"), "{path}: {message}");
        }
    }

    #[test]
    fn parameters_that_do_not_go_together_are_refused() {
        let bench = Bench::new();
        let path = bench.file("f", "");
        let recurse = bench.refusal(&MODULE, &json!({"path": path, "state": "file", "recurse": true}));
        assert_eq!(recurse, "recurse option requires state to be 'directory'");
        let src = bench.refusal(&MODULE, &json!({"path": path, "state": "absent", "src": "x"}));
        assert_eq!(src, "src option requires state to be 'link' or 'hard'");
        let time = json!({"path": path, "state": "touch", "access_time": "2020"});
        assert!(bench.refusal(&MODULE, &time).starts_with("access_time: '2020' is no time of the format %Y"));
        assert!(misfit(&MODULE, &json!({"path": path, "setypes": "s0"})).contains("no parameter"));
        assert!(misfit(&MODULE, &json!({"path": path, "state": "gone"})).contains("one of absent"));
    }

    #[test]
    fn times_are_set_once_and_are_those_of_the_hosts_clock() {
        for bench in Bench::every_shell() {
            let path = bench.file("a b", "");
            let mut args = json!({"path": path, "state": "touch", "modification_time": "202001020304.05", "access_time": "preserve"});
            bench.changes(&MODULE, &args);
            let mut anew = args.clone();
            anew["path"] = json!(bench.path("anew"));
            bench.changes(&MODULE, &anew);
            bench.in_order(&MODULE, &anew);
            let first = std::fs::metadata(&path).unwrap().mtime();
            bench.in_order(&MODULE, &args);
            args["state"] = json!("file");
            args["modification_time"] = json!("2020-01-02 03:04:07");
            args["modification_time_format"] = json!("%Y-%m-%d %H:%M:%S");
            bench.changes(&MODULE, &args);
            assert_eq!(std::fs::metadata(&path).unwrap().mtime(), first + 2);
            let new = json!({"path": bench.path("d"), "state": "directory", "modification_time": "202001020304.05"});
            bench.changes(&MODULE, &new);
            assert_eq!(std::fs::metadata(bench.at("d")).unwrap().mtime(), first);
        }
    }

    #[test]
    fn a_touch_is_an_event_and_a_directory_a_state() {
        let bench = Bench::new();
        let nature = |args| bench.diff(&MODULE, &args).unwrap().0.changes[0].nature;
        assert_eq!(nature(json!({"path": bench.file("f", ""), "state": "touch"})), Nature::Event);
        assert_eq!(nature(json!({"path": bench.path("d"), "state": "directory"})), Nature::State);
    }

    #[test]
    fn a_host_that_may_not_look_is_shown_with_what_it_said() {
        let denied = answer_with(&MODULE, &json!({"path": "/root/x", "state": "absent"}), &mut |_| {
            let stderr = b"stat: cannot statx '/root/x': Permission denied".to_vec();
            Ok(crate::questions::Output { status: 1, stderr, ..Default::default() })
        });
        assert!(matches!(denied, Err(Stop::Refuse(r)) if r.message.contains("Permission denied")));
    }
}

//! `copy`: a file of the controller, a text, or a file that is on the host already, to a place on the host.
//!
//! `template` differs only in where its content comes from, and shares [`put`].

use super::attributes::{self, GROUP, MODE, OWNER, Wanted, describe_seen, octal};
use super::copy_tree;
use super::labels::{self, ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::mode::{Bits, Mode};
use super::place::{BACKUP, New, Placement, VALIDATE, WRITE};
use super::python_json;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Content, Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::files::{Algorithm, Digesting, Inspect, Inspected, NodeKind};
use sha1::Digest as _;
use std::sync::Arc;

/// `force`, as copy and template have it.
pub(super) const FORCE: Param = Param::optional(
    "force",
    Kind::Bool,
    "replace a file with other content; otherwise only make a missing one",
)
.default("yes");
/// `follow`, as copy and template have it.
pub(super) const FOLLOW: Param =
    Param::optional("follow", Kind::Bool, "write where a link leads, instead of replacing the link")
        .default("no");

/// The module.
pub static MODULE: Module = Module {
    name: "copy",
    aliases: &[],
    summary: "Puts a file or a text in a place on the host",
    params: &[
        Param::optional("src", Kind::Source, "a file beside the playbook, or on the host with remote_src"),
        Param::optional(
            "content",
            Kind::Any,
            "what to write, instead of src; a mapping or list becomes JSON",
        ),
        Param::required("dest", Kind::Path, "where to; a directory takes the file under its own name"),
        Param::optional("remote_src", Kind::Bool, "src is on the host").default("no"),
        FORCE,
        FOLLOW,
        BACKUP,
        VALIDATE,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
        Param::optional("directory_mode", Kind::Mode, "the mode of directories that are made"),
        Param::optional("checksum", Kind::Text, "the SHA-1 that the source must have"),
        Param::optional("decrypt", Kind::Bool, "decrypt a source that is in Ansible's vault").default("yes"),
        Param::optional("local_follow", Kind::Bool, "only 'yes': links below a directory here are followed")
            .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Put the key in place
  copy:
    src: app.key
    dest: /etc/app/app.key
    owner: root
    group: app
    mode: "0640"
- name: Say what this host is
  copy:
    content: |
      This host is kept by wgops.
    dest: /etc/motd
    mode: "0644"
"#,
        returns: &[
            Returned { name: "dest", help: "where it is" },
            Returned { name: "src", help: "the file beside the playbook" },
            Returned { name: "checksum", help: "the SHA-1 of what is there now" },
            Returned { name: "md5sum", help: "the same as MD5, where the content came from here" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
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

/// Makes the directories that `dest: /some/new/directory/` names.
pub(super) const MAKE_PARENTS: Script = Script {
    name: "make_parents",
    text: r#"mode=$2 uid=$3 gid=$4
make() {
    if [ -d "$1" ]; then return 0; fi
    case $1 in ?*/*) make "${1%/*}" || return 1 ;; esac
    mkdir -- "$1" || return 1
    if [ "$mode$uid$gid" != --- ]; then adorn "${1##*/}" "${1%/*}"; fi
}
# Whoever owns the directory above may put something else under that name.
adorn() (
    cd -P -- "${2:-/}" || return 1
    above=${PWD%/}
    cd -P -- "./$1" && [ -O . ] && [ "$PWD" = "$above/$1" ] || return 1
    if [ "$uid" != - ]; then chown "$uid" . || return 1; fi
    if [ "$gid" != - ]; then chgrp "$gid" . || return 1; fi
    if [ "$mode" != - ]; then chmod "$mode" . || return 1; fi
)
make "$1" || exit 1
exit 0"#,
};

/// Scripts of this module and of those that share its code.
pub(super) const SCRIPTS: &[Script] = &[MAKE_PARENTS, WRITE, attributes::SET, copy_tree::COPY_TREE];

/// What is to be put somewhere.
pub(super) struct Source<'a> {
    /// Its content.
    pub new: New<'a>,
    /// Its size.
    pub size: u64,
    /// Its name without directories, where it has one.
    pub base_name: Option<&'a str>,
    /// Its mode, where `preserve` asks for it.
    pub mode: Option<u32>,
    /// Ansible's `checksum` of it, SHA-1.
    pub checksum: Option<String>,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let source = match (args.value("content"), args.text("src")) {
        (Some(_), Some(_)) => Err(Stop::refuse("'src' and 'content' are given, and only one can be")),
        (None, None) => Err(Stop::refuse("src (or content) is required")),
        (Some(content), None) => Ok(of_content(text_of(content).into_bytes())),
        (None, Some(src)) if args.flag("remote_src") => match on_host(src, args, host)? {
            Some(source) => Ok(source),
            None => return copy_tree::on_host(src, args, host),
        },
        (None, Some(src)) => match host.controller.tree(src)? {
            Some(_) if args.maybe_flag("local_follow") == Some(false) => {
                let why = "'local_follow' can only be 'yes' where a directory is copied: links below it are followed";
                Err(Stop::refuse(why))
            }
            Some(entries) => return copy_tree::from_controller(src, &entries, args, host),
            None => on_controller(src, args, host),
        },
    };
    let source = source?;
    match (args.text("checksum"), &source.checksum) {
        (Some(wanted), Some(there)) if !wanted.eq_ignore_ascii_case(there) => {
            Err(Stop::refuse(format!("the source's checksum is {there}, and not {wanted} as it should be")))
        }
        _ => put(source, args, host),
    }
}

/// A text, with a mapping or a list as JSON.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Array(_) | Value::Object(_) => python_json::dump(content),
        other => other.to_string(),
    }
}

fn of_content(bytes: Vec<u8>) -> Source<'static> {
    of_controller(Content::new(bytes), None, None)
}

/// A source of which the content is here.
pub(super) fn of_controller<'a>(
    content: Content,
    base_name: Option<&'a str>,
    mode: Option<u32>,
) -> Source<'a> {
    let checksum = sha1::Sha1::digest(content.bytes()).iter().map(|b| format!("{b:02x}")).collect();
    let size = content.bytes().len() as u64;
    Source { new: New::Content(content), size, base_name, mode, checksum: Some(checksum) }
}

fn on_controller<'a>(src: &'a str, args: &Args, host: &Host<'_>) -> Result<Source<'a>, Stop> {
    let mode = match args.text("mode") {
        Some("preserve") => Some(host.controller.mode(src)?),
        _ => None,
    };
    let content = host.controller.file(src)?;
    if args.flag("decrypt") && content.bytes().starts_with(b"$ANSIBLE_VAULT;") {
        return Err(Stop::refuse(format!("{src} is in Ansible's vault, which is not read yet")));
    }
    Ok(of_controller(content, base_name(src), mode))
}

/// A source on the host; nothing where it is a directory.
fn on_host<'a>(src: &'a str, args: &Args, host: &Host<'_>) -> Result<Option<Source<'a>>, Stop> {
    // The destination is asked about at the same time.
    let destination = args.needed("dest").map(|dest| host.get(Inspect::path(dest)));
    let seen = host.get(Inspect::path(src).digesting(Digesting::By(Algorithm::SHA256)))?;
    let sum = match args.text("checksum") {
        Some(_) => host.get(Inspect::path(src).digesting(Digesting::By(Algorithm::SHA1)))?.digest.clone(),
        None => None,
    };
    destination??;
    let node = seen.followed().ok_or_else(|| Stop::refuse(format!("Source {src} not found")))?;
    match (node.kind, &seen.digest) {
        (NodeKind::Directory, _) => Ok(None),
        (NodeKind::File, Some(digest)) => Ok(Some(Source {
            new: New::OnHost { path: src, digest: digest.clone() },
            size: node.size,
            base_name: base_name(src),
            mode: Some(node.mode),
            checksum: sum,
        })),
        _ => Err(Stop::refuse(format!("Source {src} not readable"))),
    }
}

/// The last name of a path.
pub(super) fn base_name(path: &str) -> Option<&str> {
    path.rsplit('/').next().filter(|name| !name.is_empty())
}

/// Puts a source at `dest`: the outcome.
///
/// # Errors
/// Refuses a destination that can't hold it.
pub(super) fn put(source: Source<'_>, args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wanted = Wanted::ask(args, host);
    let (dest, seen) = destination(&source, args, host)?;
    wanted?;
    settle_at(source, (dest, seen), args, host)
}

/// Puts a source at a path that is no directory.
///
/// # Errors
/// As [`put`].
pub(super) fn settle(
    source: Source<'_>,
    dest: String,
    args: &Args,
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    let seen = host.get(Inspect::path(&dest).digesting(Digesting::IfSize(source.size)))?;
    settle_at(source, (dest, seen), args, host)
}

fn settle_at(
    source: Source<'_>,
    (dest, seen): (String, Arc<Inspected>),
    args: &Args,
    host: &Host<'_>,
) -> Result<Outcome, Stop> {
    let wanted = Wanted::ask(args, host)?;
    if wanted.mode == Some(Mode::Preserve) && source.mode.is_none() {
        return Err(Stop::refuse("'mode: preserve' needs a source file"));
    }
    let mut result = Map::new();
    result.insert("dest".into(), dest.clone().into());
    if let Some(src) = args.text("src") {
        result.insert("src".into(), src.into());
    }
    describe_seen(&mut result, &seen);
    let parents = missing_parents(&dest, &seen, args)?;
    if seen.node.is_some() && args.maybe_flag("force") == Some(false) {
        result.insert("msg".into(), "file already exists".into());
        return Ok(Outcome::in_order(result));
    }
    if let Some(checksum) = &source.checksum {
        result.insert("checksum".into(), checksum.clone().into());
    }
    if let New::Content(content) = &source.new {
        result.insert("md5sum".into(), format!("{:x}", md5::compute(content.bytes())).into());
    }
    result.insert("size".into(), source.size.into());
    result.insert("state".into(), "file".into());
    let placement = Placement {
        named: &dest,
        seen: &seen,
        follow: args.flag("follow"),
        new: source.new,
        wanted: &wanted,
        preserved: source.mode,
        args,
        old: None,
    };
    let change = placement.change(host)?;
    let labels = labels::changes(args, host, &dest, &placement.real())?;
    Ok(Outcome::change(result, parents.into_iter().chain(change).chain(labels).collect()))
}

/// Where the file is to be, and what is there: inside of `dest` where that is a directory.
fn destination(source: &Source<'_>, args: &Args, host: &Host<'_>) -> Result<(String, Arc<Inspected>), Stop> {
    let dest = args.needed("dest")?;
    let ask = |path: &str| host.get(Inspect::path(path).digesting(Digesting::IfSize(source.size)));
    let inside = |name: &str| format!("{}/{name}", dest.trim_end_matches('/'));
    if dest.ends_with('/') {
        let Some(name) = source.base_name else {
            return Err(Stop::refuse("can not use content with a dir as dest"));
        };
        let dest = inside(name);
        let seen = ask(&dest)?;
        return Ok((dest, seen));
    }
    let seen = ask(dest)?;
    match source.base_name {
        Some(name) if seen.is_directory() => {
            let dest = inside(name);
            let seen = ask(&dest)?;
            Ok((dest, seen))
        }
        None if seen.is_directory() => Err(Stop::refuse("can not use content with a dir as dest")),
        _ => Ok((dest.to_owned(), seen)),
    }
}

/// The directories above a file are made only where the user named one by a slash at its end.
fn missing_parents(dest: &str, seen: &Inspected, args: &Args) -> Result<Option<Change>, Stop> {
    if seen.parent_exists {
        return Ok(None);
    }
    let parent = dest.rsplit_once('/').map_or("/", |(parent, _)| parent);
    let is_named = args.needed("dest")?.ends_with('/') || args.text("dest") != Some(dest);
    if !is_named {
        return Err(Stop::refuse(format!("Destination directory {parent} does not exist")));
    }
    let summary = format!("make the directory {parent}");
    let mode = args.text("directory_mode").map(Mode::parse).transpose()?;
    let mode = mode
        .and_then(|mode| mode.of(Bits { mode: 0o777 & !seen.umask, is_directory: true, umask: seen.umask }));
    let words = [parent.to_owned(), octal(mode), "-".to_owned(), "-".to_owned()];
    Ok(Some(Change::state(summary, MAKE_PARENTS, words, [Subject::path(parent)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, misfit};
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    const NAMES: [&str; 9] =
        ["plain", "with space", "-n", "a'b\"c", "two\nlines", "*", "$(id)", "ünï", "back\\slash"];

    fn mode_of(bench: &Bench, name: &str) -> u32 {
        std::fs::metadata(bench.at(name)).unwrap().mode() & 0o7777
    }

    fn left_over(bench: &Bench) -> Vec<String> {
        let names = std::fs::read_dir(bench.at(".")).unwrap().map(|e| e.unwrap().file_name());
        names.map(|n| n.to_string_lossy().into_owned()).filter(|n| n.starts_with(".wgops")).collect()
    }

    #[test]
    fn content_is_written_once_whatever_the_file_is_called_and_whatever_it_holds() {
        for bench in Bench::every_shell() {
            for name in NAMES {
                for content in ["", "one line\n", "no end", "'\"\\n$x`id`\0\u{1b}é"] {
                    let args = json!({"dest": bench.path(name), "content": content, "mode": "0640"});
                    bench.settle(&MODULE, &args);
                    assert_eq!(bench.read(name), content);
                    assert_eq!(mode_of(&bench, name), 0o640);
                    bench.in_order(&MODULE, &args);
                }
            }
            assert!(left_over(&bench).is_empty());
        }
    }

    #[test]
    fn a_settled_copy_takes_one_exchange_and_registers_ansibles_keys() {
        let mut bench = Bench::new();
        bench.source("motd", "hello\n");
        let args = json!({"src": "motd", "dest": bench.path("motd"), "owner": "0", "group": "0"});
        let args = if crate::questions::workbench::is_root() {
            args
        } else {
            json!({"src": "motd", "dest": bench.path("motd")})
        };
        let result = bench.changes(&MODULE, &args);
        assert_eq!(result["checksum"], json!("f572d396fae9206628714fb2ce00f72e94f2258f"));
        assert_eq!((&result["size"], &result["state"]), (&json!(6), &json!("file")));
        assert_eq!(result["mode"], json!("0644"));
        assert_eq!((&result["src"], &result["dest"]), (&args["src"], &args["dest"]));
        for key in ["owner", "group", "uid", "gid"] {
            assert!(result.contains_key(key), "{key}");
        }
        let settled = bench.settle(&MODULE, &args);
        assert_eq!((settled.rounds, settled.changes.len()), (1, 0));
        assert_eq!(settled.result["mode"], json!("0644"));
    }

    #[test]
    fn the_mode_alone_is_set_where_the_content_is_right() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "same");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
            let inode = std::fs::metadata(&path).unwrap().ino();
            let result =
                bench.changes(&MODULE, &json!({"dest": path, "content": "same", "mode": "u=rw,go=r"}));
            assert_eq!(result["mode"], json!("0644"));
            assert_eq!(std::fs::metadata(&path).unwrap().ino(), inode);
            // The mode of an old file stays where none is asked for.
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o751)).unwrap();
            bench.changes(&MODULE, &json!({"dest": path, "content": "other"}));
            assert_eq!(mode_of(&bench, "f"), 0o751);
        }
    }

    #[test]
    fn directories_on_the_way_get_the_mode_that_is_asked_for() {
        for bench in Bench::every_shell() {
            let dest = bench.path("new/er/");
            let args = json!({"src": bench.file("s", "x"), "dest": dest, "remote_src": true, "directory_mode": "0711"});
            bench.changes(&MODULE, &args);
            assert_eq!((mode_of(&bench, "new"), mode_of(&bench, "new/er")), (0o711, 0o711));
            assert_eq!(bench.read("new/er/s"), "x");
        }
    }

    #[test]
    fn where_a_file_can_not_be_replaced_it_is_written_into() {
        let mut bench = Bench::new();
        bench.program("mv", "exit 1");
        let path = bench.file("f", "old, and longer");
        let inode = std::fs::metadata(&path).unwrap().ino();
        let mut args = json!({"dest": path, "content": "new", "mode": "0640"});
        assert_eq!(bench.settle(&MODULE, &args).result["failed"], json!(true));
        args["unsafe_writes"] = json!(true);
        bench.changes(&MODULE, &args);
        assert_eq!((bench.read("f").as_str(), mode_of(&bench, "f")), ("new", 0o640));
        assert_eq!(std::fs::metadata(&path).unwrap().ino(), inode);
        assert!(left_over(&bench).is_empty());
    }

    #[test]
    fn a_directory_takes_the_file_under_its_own_name_and_a_slash_makes_it() {
        for mut bench in Bench::every_shell() {
            bench.source("files/a.conf", "x");
            std::fs::create_dir(bench.at("d")).unwrap();
            bench.changes(&MODULE, &json!({"src": "files/a.conf", "dest": bench.path("d")}));
            assert_eq!(bench.read("d/a.conf"), "x");
            bench.changes(&MODULE, &json!({"src": "files/a.conf", "dest": bench.path("new/er/")}));
            assert_eq!(bench.read("new/er/a.conf"), "x");
            let missing = json!({"src": "files/a.conf", "dest": bench.path("no/such")});
            assert!(bench.refusal(&MODULE, &missing).starts_with("Destination directory "));
            let content = json!({"content": "x", "dest": bench.path("d")});
            assert_eq!(bench.refusal(&MODULE, &content), "can not use content with a dir as dest");
        }
    }

    #[test]
    fn a_link_is_replaced_unless_it_is_to_be_followed() {
        for bench in Bench::every_shell() {
            bench.file("target", "old");
            symlink("target", bench.at("link")).unwrap();
            let mut args = json!({"dest": bench.path("link"), "content": "new", "follow": true});
            bench.changes(&MODULE, &args);
            assert!(bench.at("link").is_symlink());
            assert_eq!(bench.read("target"), "new");
            args["follow"] = json!(false);
            bench.changes(&MODULE, &args);
            assert!(!bench.at("link").is_symlink());
        }
    }

    #[test]
    fn force_no_leaves_what_is_there_and_backup_keeps_it_beside() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "old");
            let mut args = json!({"dest": path, "content": "new", "force": false});
            bench.in_order(&MODULE, &args);
            assert_eq!(bench.read("f"), "old");
            args["force"] = json!(true);
            args["backup"] = json!(true);
            let result = bench.changes(&MODULE, &args);
            let backup = result["backup_file"].as_str().unwrap();
            assert_eq!(std::fs::read_to_string(backup).unwrap(), "old");
            assert_eq!(bench.read("f"), "new");
        }
    }

    #[test]
    fn what_does_not_validate_is_never_put_in_place() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "old");
            let args = |validate: &str| json!({"dest": path, "content": "good", "validate": validate});
            let failed = bench.settle(&MODULE, &args("grep bad %s")).result;
            assert!(failed["msg"].as_str().unwrap().starts_with("failed to validate: rc:1"), "{failed:?}");
            assert_eq!(bench.read("f"), "old");
            bench.changes(&MODULE, &args("sh -c 'grep -q \"$1\" \"$0\"' %s good"));
            assert_eq!(bench.read("f"), "good");
            assert!(left_over(&bench).is_empty());
            let twice = json!({"dest": path, "content": "x", "validate": "true"});
            assert!(bench.refusal(&MODULE, &twice).contains("must contain %s"));
        }
    }

    #[test]
    fn a_link_put_under_a_name_meanwhile_leads_nobody_to_another_file() {
        for mut bench in Bench::every_shell() {
            let victim = bench.file("victim", "mine");
            std::fs::set_permissions(&victim, std::fs::Permissions::from_mode(0o600)).unwrap();
            std::fs::create_dir(bench.at("d")).unwrap();
            // Whoever owns the folder is quick, and acts while the content is looked at.
            let swap = format!(
                "for new in \"{0}\"/.wgops.*; do [ ! -e \"$new\" ] || {{ /bin/mv \"$new\" \"{0}/away\" && /bin/ln -s \"{victim}\" \"$new\"; }}; done\n\
                 exec /usr/bin/sha256sum \"$@\"",
                bench.path("d")
            );
            bench.program("sha256sum", &swap);
            let args = json!({"dest": bench.path("d/f"), "content": "theirs", "mode": "0644"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            bench.apply(&outcome.changes[0]);
            assert!(bench.at("d/away").exists(), "nothing was swapped");
            assert_eq!((bench.read("victim").as_str(), mode_of(&bench, "victim")), ("mine", 0o600));
            assert_eq!((bench.read("d/f").as_str(), mode_of(&bench, "d/f")), ("theirs", 0o644));
        }
    }

    #[test]
    fn a_change_stops_where_the_file_was_touched_since_it_was_seen() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "old");
            let (outcome, _) = bench.diff(&MODULE, &json!({"dest": path, "content": "new"})).unwrap();
            bench.file("f", "else");
            let output = bench.apply(&outcome.changes[0]);
            assert_eq!(output.status, super::super::PRECONDITION_FAILED);
            assert_eq!(bench.read("f"), "else");
            let args = json!({"dest": bench.path("g"), "content": "new"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            symlink("f", bench.at("g")).unwrap();
            assert_eq!(bench.apply(&outcome.changes[0]).status, super::super::PRECONDITION_FAILED);
            assert_eq!(bench.read("f"), "else");
            assert!(left_over(&bench).is_empty());
        }
    }

    #[test]
    fn damaged_content_is_never_put_in_place() {
        for bench in Bench::every_shell() {
            let args = json!({"dest": bench.path("f"), "content": "whole"});
            let (mut outcome, _) = bench.diff(&MODULE, &args).unwrap();
            outcome.changes[0].content = Some(Content::new(*b"who"));
            assert_eq!(bench.apply(&outcome.changes[0]).status, 1);
            assert!(!bench.at("f").exists() && left_over(&bench).is_empty());
        }
    }

    #[test]
    fn a_file_of_the_host_is_copied_on_the_host() {
        for bench in Bench::every_shell() {
            let src = bench.file("from", "content");
            std::fs::set_permissions(&src, PermissionsExt::from_mode(0o710)).unwrap();
            let args = json!({"src": src, "dest": bench.path("to"), "remote_src": true, "mode": "preserve"});
            bench.changes(&MODULE, &args);
            assert_eq!((bench.read("to").as_str(), mode_of(&bench, "to")), ("content", 0o710));
            let missing = json!({"src": bench.path("none"), "dest": "/x", "remote_src": true});
            assert!(bench.refusal(&MODULE, &missing).ends_with("not found"));
            let wrong = json!({"src": src, "dest": "/x", "remote_src": true, "checksum": "0"});
            assert!(bench.refusal(&MODULE, &wrong).contains("040f06fd774092478d450774f5ba30c5da78acc8"));
        }
    }

    #[test]
    fn contents_are_compared_only_when_that_is_wanted() {
        let mut bench = Bench::new();
        let args = json!({"dest": bench.file("f", "old\n"), "content": "new\n"});
        assert!(bench.diff(&MODULE, &args).unwrap().0.changes[0].diff.is_none());
        bench.show_diff = true;
        let diff = bench.diff(&MODULE, &args).unwrap().0.changes[0].diff.clone().unwrap();
        assert_eq!((diff.before.as_str(), diff.after.as_str()), ("old\n", "new\n"));
    }

    #[test]
    fn what_it_can_not_do_is_refused_by_name() {
        let bench = Bench::new();
        assert!(bench.refusal(&MODULE, &json!({"src": "dir/", "dest": "/x"})).contains("dir/"));
        let mut bench = bench;
        bench.source("sealed", "$ANSIBLE_VAULT;1.1;AES256\n00\n");
        assert!(bench.refusal(&MODULE, &json!({"src": "sealed", "dest": "/x"})).contains("vault"));
        let wrong = json!({"content": "x", "dest": bench.path("f"), "checksum": "0"});
        assert!(bench.refusal(&MODULE, &wrong).contains("11f6ad8ec52a2984abaafd7c3b516503785c2072"));
        assert_eq!(bench.refusal(&MODULE, &json!({"dest": "/x"})), "src (or content) is required");
        let nobody = json!({"dest": bench.path("f"), "content": "", "owner": "no-such-user"});
        assert_eq!(bench.refusal(&MODULE, &nobody), "chown failed: failed to look up user no-such-user");
        let lacking = misfit(&MODULE, &json!({"dest": "/x", "contents": "x"}));
        assert_eq!(lacking, "there is no parameter 'contents'");
    }

    #[test]
    fn mappings_and_lists_become_json_as_python_writes_it() {
        let bench = Bench::new();
        let content = json!({"a": [1, true, null, "é\n"], "b": {}});
        bench.changes(&MODULE, &json!({"dest": bench.path("f"), "content": content}));
        assert_eq!(bench.read("f"), r#"{"a": [1, true, null, "\u00e9\n"], "b": {}}"#);
    }
}

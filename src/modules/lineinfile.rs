//! `lineinfile`: that a line is in a file, or is not. What that comes to is computed from the file's content by
//! `line_edit`; the file is then put in place as a whole.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::line_edit::{Edit, Edited as Changed};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "lineinfile",
    aliases: &[],
    summary: "Puts a line in a file, changes one, or removes lines",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["dest", "destfile", "name"]),
        Param::optional("line", Kind::Text, "the line").or(&["value"]),
        Param::optional(
            "regexp",
            Kind::Text,
            "a pattern: the last line that fits is replaced, or all removed",
        )
        .or(&["regex"]),
        Param::optional("search_string", Kind::Text, "the same with a text instead of a pattern"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether the line is to be there")
            .default("present"),
        Param::optional(
            "insertafter",
            Kind::Text,
            "EOF, or a pattern: a new line goes behind its last match",
        ),
        Param::optional(
            "insertbefore",
            Kind::Text,
            "BOF, or a pattern: a new line goes before its last match",
        ),
        Param::optional("firstmatch", Kind::Bool, "use the first match instead of the last").default("no"),
        Param::optional("backrefs", Kind::Bool, "line may hold \\1; without a match nothing is changed")
            .default("no"),
        Param::optional("create", Kind::Bool, "make the file if it isn't there").default("no"),
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
        Param::optional(
            "encoding",
            Kind::Choice(&["utf-8", "UTF-8", "utf8"]),
            "only UTF-8; other bytes stay as they are",
        )
        .default("utf-8"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: No login as root
  lineinfile:
    path: /etc/ssh/sshd_config
    regexp: '^#?PermitRootLogin\b'
    line: PermitRootLogin no
    validate: /usr/sbin/sshd -t -f %s
- name: No old names
  lineinfile: {path: /etc/hosts, regexp: '\sold\.example\.org$', state: absent}
",
        returns: &[
            Returned { name: "msg", help: "what was done with the line" },
            Returned { name: "backup", help: "with `backup`: where the old file is" },
            Returned { name: "found", help: "with `state: absent`: how many lines went" },
            Returned { name: "mode", help: "the permissions, as four octal digits" },
            Returned { name: "uid", help: "the owner's number" },
            Returned { name: "gid", help: "the group's number" },
            Returned { name: "owner", help: "the owner's name" },
            Returned { name: "group", help: "the group's name" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    // What is wrong with the parameters is said before the host is asked.
    Edit::read(args, &str::to_owned)?;
    let absent = args.text("state") == Some("absent");
    let missing = match (absent, args.flag("create")) {
        (true, _) => Missing::Told,
        (false, true) => Missing::Made,
        (false, false) => Missing::Refused("Destination"),
    };
    let file = Edited::look(args, host, missing)?;
    let mut result = Map::new();
    if absent && !file.exists() {
        result.insert("msg".into(), "file not present".into());
        return Ok(Outcome::in_order(result));
    }
    let text = file.text();
    let edit = Edit::read(args, &|given| text.adapt(given))?;
    result.insert("backup".into(), "".into());
    let (lines, message, settles) = if absent {
        let (lines, removed) = edit.remove(text.lines())?;
        result.insert("found".into(), removed.into());
        (lines, format!("{removed} line(s) removed"), true)
    } else {
        let Changed { lines, message } = edit.put(text.lines())?;
        let whole = lines.concat();
        let as_read = whole.split_inclusive('\n').map(str::to_owned).collect();
        let settles = edit.put(as_read)?.lines.concat() == whole;
        (lines, message.to_owned(), settles)
    };
    let outcome = file.finish(Ending { new: text.encode(&lines.concat()), message, result }, host)?;
    Ok(if settles { outcome } else { edited::unsettled(outcome) })
}

/// Ansible calls the backup `backup` here.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = edited::result(outcome, outputs);
    if let Some(backup) = result.shift_remove("backup_file") {
        result.insert("backup".into(), backup);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use crate::modules::{Nature, PRECONDITION_FAILED};
    use serde_json::json;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    #[test]
    fn a_line_is_put_once_in_one_exchange_and_removed_again() {
        for bench in Bench::every_shell() {
            for name in ["plain", "a b", "-n", "two\nlines", "*", "'"] {
                let mut args =
                    json!({"path": bench.file(name, "a=1\n"), "regexp": "^b=", "line": "b='$x' \\"});
                let settled = bench.settle(&MODULE, &args);
                assert_eq!((settled.rounds, &settled.result["msg"]), (1, &json!("line added")));
                assert_eq!(bench.read(name), "a=1\nb='$x' \\\n");
                assert_eq!(bench.in_order(&MODULE, &args)["msg"], json!(""));
                args["state"] = json!("absent");
                let result = bench.changes(&MODULE, &args);
                assert_eq!((&result["found"], &result["msg"]), (&json!(1), &json!("1 line(s) removed")));
                assert_eq!(bench.read(name), "a=1\n");
            }
        }
    }

    #[test]
    fn a_line_that_would_be_changed_again_is_changed_once_in_each_run() {
        let bench = Bench::new();
        let path = bench.file("grub", "CMD=\"quiet\"\n");
        let args =
            json!({"path": path, "regexp": "^CMD=\"(.*)\"$", "line": "CMD=\"\\1 splash\"", "backrefs": true});
        let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
        assert!(outcome.changes.iter().all(|change| change.nature == Nature::Event));
        assert_eq!(bench.apply(&outcome.changes[0]).status, 0);
        assert_eq!(bench.read("grub"), "CMD=\"quiet splash\"\n");
    }

    #[test]
    fn a_missing_file_is_refused_or_made_with_its_directories_and_mode() {
        for bench in Bench::every_shell() {
            let path = bench.path("d/e/f");
            let mut args = json!({"path": path, "line": "x", "mode": "0600"});
            assert_eq!(bench.refusal(&MODULE, &args), format!("Destination {path} does not exist !"));
            args["create"] = json!(true);
            assert_eq!(bench.changes(&MODULE, &args)["mode"], json!("0600"));
            assert_eq!(bench.read("d/e/f"), "x\n");
            let gone = json!({"path": bench.path("none"), "line": "x", "state": "absent"});
            assert_eq!(bench.in_order(&MODULE, &gone)["msg"], json!("file not present"));
            let directory = json!({"path": bench.path("d"), "line": "x"});
            assert!(bench.refusal(&MODULE, &directory).contains("is a directory !"));
        }
    }

    #[test]
    fn mode_owner_and_link_of_the_file_stay() {
        for bench in Bench::every_shell() {
            bench.file("target", "");
            std::fs::set_permissions(bench.at("target"), PermissionsExt::from_mode(0o604)).unwrap();
            symlink("target", bench.at("link")).unwrap();
            let mut args = json!({"path": bench.path("link"), "line": "x"});
            bench.changes(&MODULE, &args);
            assert!(bench.at("link").is_symlink());
            let mode = || std::fs::metadata(bench.at("target")).unwrap().mode() & 0o7777;
            assert_eq!((bench.read("target").as_str(), mode()), ("x\n", 0o604));
            args["mode"] = json!("0640");
            let result = bench.changes(&MODULE, &args);
            assert_eq!(
                (&result["msg"], mode()),
                (&json!("ownership, perms or SE linux context changed"), 0o640)
            );
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_stay_as_they_are() {
        for bench in Bench::every_shell() {
            std::fs::write(bench.at("f"), b"caf\xe9\n\xff\r\n").unwrap();
            let args = json!({"path": bench.path("f"), "line": "thé", "insertbefore": "^caf"});
            bench.changes(&MODULE, &args);
            assert_eq!(std::fs::read(bench.at("f")).unwrap(), b"th\xc3\xa9\ncaf\xe9\n\xff\r\n");
        }
    }

    #[test]
    fn what_does_not_validate_stays_out_and_a_backup_is_named() {
        for bench in Bench::every_shell() {
            let path = bench.file("f", "good\n");
            let args = |validate| json!({"path": path, "line": "new", "validate": validate, "backup": true});
            assert_eq!(bench.settle(&MODULE, &args("grep -q nothing %s")).result["failed"], json!(true));
            assert_eq!(bench.read("f"), "good\n");
            let result = bench.changes(&MODULE, &args("grep -q new %s"));
            let backup = std::fs::read_to_string(result["backup"].as_str().unwrap()).unwrap();
            assert_eq!(backup, "good\n");
        }
    }

    #[test]
    fn an_edit_stops_where_the_file_is_another_by_then() {
        for bench in Bench::every_shell() {
            let args = json!({"path": bench.file("f", "a\n"), "line": "x"});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            bench.file("f", "b\n");
            assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
            assert_eq!(bench.read("f"), "b\n");
        }
    }

    #[test]
    fn both_contents_are_there_to_compare() {
        let mut bench = Bench::new();
        bench.show_diff = true;
        let args = json!({"path": bench.file("f", "a\n"), "line": "x"});
        let (outcome, rounds) = bench.diff(&MODULE, &args).unwrap();
        let diff = outcome.changes[0].diff.clone().unwrap();
        assert_eq!((diff.before.as_str(), diff.after.as_str(), rounds), ("a\n", "a\nx\n", 1));
    }
}

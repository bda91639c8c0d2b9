//! `group`: that a group is there, or isn't.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, printable};
use crate::questions::accounts::{Group, GroupEntry, is_name, subjects};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "group",
    aliases: &[],
    summary: "Makes, changes or removes a group",
    params: &[
        Param::required("name", Kind::Text, "the group's name"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("gid", Kind::Int, "its number"),
        Param::optional("system", Kind::Bool, "number it among the system's groups").default("no"),
        Param::optional("non_unique", Kind::Bool, "take the number even if another group has it")
            .default("no"),
        Param::optional("force", Kind::Bool, "with absent: even if it is a user's primary group")
            .default("no"),
        Param::optional("gid_min", Kind::Int, "the least number that a new group may get"),
        Param::optional("gid_max", Kind::Int, "the greatest number that a new group may get"),
        Param::optional(
            "local",
            Kind::Bool,
            "taken and not needed: groups are always made on the host itself",
        ),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: A group for those who deploy
  group: {name: deploy, gid: 2000}
",
        returns: &[
            Returned { name: "name", help: "the group's name" },
            Returned { name: "gid", help: "its number" },
            Returned { name: "system", help: "whether it is one of the system's" },
            Returned { name: "state", help: "`present` or `absent`" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Puts the tools' common beginning before a script: what must be installed, and looking a name up.
macro_rules! with_accounts {
    ($($script:expr),+) => {
        concat!(
            r#"needs() {
    command -v "$1" >/dev/null && return 0
    printf '%s is not installed on this host\n' "$1" >&2
    exit 1
}
entry() {
    if command -v getent >/dev/null; then getent "$1" "$2"; return 0; fi
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in "$2":*) printf '%s\n' "$line" ;; esac
    done <"/etc/$1"
}
"#,
            $($script),+
        )
    };
}
pub(super) use with_accounts;

const ADD: Script = Script {
    name: "add_group",
    text: with_accounts!(
        r#"name=$1
shift
needs groupadd
[ -z "$(entry group "$name")" ] || exit 113
groupadd "$@" -- "$name" || exit 1
entry group "$name"
exit 0"#
    ),
};

const RENUMBER: Script = Script {
    name: "renumber_group",
    text: with_accounts!(
        r#"name=$1 before=$2
shift 2
needs groupmod
gid=$(entry group "$name")
gid=${gid#*:*:}
[ "${gid%%:*}" = "$before" ] || exit 113
groupmod "$@" -- "$name" || exit 1
entry group "$name"
exit 0"#
    ),
};

const REMOVE: Script = Script {
    name: "remove_group",
    text: with_accounts!(
        r#"needs groupdel
[ -n "$(entry group "$1")" ] || exit 113
groupdel $2 -- "$1" || exit 1
exit 0"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[ADD, RENUMBER, REMOVE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if !is_name(name) {
        return Err(Stop::refuse(format!("'{}' can't be a group's name", printable(name))));
    }
    let group = host.get(GroupEntry(name.to_owned()))?;
    let state = args.needed("state")?;
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), state.into());
    let change = match (state, group.as_ref()) {
        ("absent", None) => None,
        ("absent", Some(_)) => {
            let forced = args.flag("force").then_some("-f");
            let argv: Vec<String> = [Some(name), forced].into_iter().flatten().map(str::to_owned).collect();
            Some(Change::state(format!("remove the group {name}"), REMOVE, argv, subjects()))
        }
        (_, group) => {
            result.insert("system".into(), args.flag("system").into());
            if let Some(gid) = args.int("gid").or(group.as_ref().map(|group| group.gid.into())) {
                result.insert("gid".into(), gid.into());
            }
            present(name, group.as_ref(), args)
        }
    };
    Ok(Outcome::change(result, change.into_iter().collect()))
}

fn present(name: &str, group: Option<&Group>, args: &Args) -> Option<Change> {
    let mut options = Vec::new();
    if let Some(gid) = args.int("gid") {
        options.extend(["-g".to_owned(), gid.to_string()]);
        if args.flag("non_unique") {
            options.push("-o".to_owned());
        }
    }
    let Some(group) = group else {
        if args.flag("system") {
            options.push("-r".to_owned());
        }
        for (parameter, key) in [("gid_min", "GID_MIN"), ("gid_max", "GID_MAX")] {
            let bound = args.int(parameter).map(|bound| ["-K".to_owned(), format!("{key}={bound}")]);
            options.extend(bound.into_iter().flatten());
        }
        let argv = [vec![name.to_owned()], options].concat();
        return Some(Change::state(format!("add the group {name}"), ADD, argv, subjects()));
    };
    let gid = args.int("gid").filter(|gid| *gid != i64::from(group.gid))?;
    let argv = [vec![name.to_owned(), group.gid.to_string()], options].concat();
    let summary = format!("give the group {name} the number {gid} (was {})", group.gid);
    Some(Change::state(summary, RENUMBER, argv, subjects()))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let last = outputs.last().filter(|output| output.status == 0);
    if let Some(group) = last.and_then(|output| Group::read(output.text().trim_end())) {
        result.insert("gid".into(), group.gid.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with, misfit};
    use serde_json::json;

    #[test]
    fn a_group_is_made_renumbered_and_removed() {
        let Some(bench) = Bench::with_own_accounts() else { return };
        let result = bench.changes(&MODULE, &json!({"name": "staff_x", "gid": 4711, "system": true}));
        let expected = json!({"name": "staff_x", "state": "present", "system": true, "gid": 4711});
        assert_eq!(json!(result), expected);
        bench.in_order(&MODULE, &json!({"name": "staff_x"}));
        let renumbered = bench.changes(&MODULE, &json!({"name": "staff_x", "gid": 4712}));
        assert_eq!(renumbered["gid"], json!(4712));
        let twice = bench.settle(&MODULE, &json!({"name": "staff_y", "gid": 4712}));
        assert_eq!(twice.result["failed"], json!(true));
        bench.changes(&MODULE, &json!({"name": "staff_y", "gid": 4712, "non_unique": true}));
        bench.changes(&MODULE, &json!({"name": "staff_x", "state": "absent"}));
        bench.in_order(&MODULE, &json!({"name": "staff_x", "state": "absent"}));
    }

    #[test]
    fn each_change_stops_where_the_group_is_not_as_it_was_seen() {
        let Some(bench) = Bench::with_own_accounts() else { return };
        let change = |args| bench.diff(&MODULE, &args).unwrap().0.changes.remove(0);
        let add = change(json!({"name": "gx"}));
        assert_eq!(bench.apply(&add).status, 0);
        assert_eq!(bench.apply(&add).status, super::super::PRECONDITION_FAILED);
        let renumber = change(json!({"name": "gx", "gid": 4711}));
        let remove = change(json!({"name": "gx", "state": "absent"}));
        assert_eq!(bench.apply(&renumber).status, 0);
        assert_eq!(bench.apply(&renumber).status, super::super::PRECONDITION_FAILED);
        assert_eq!(bench.apply(&remove).status, 0);
        assert_eq!(bench.apply(&remove).status, super::super::PRECONDITION_FAILED);
    }

    #[test]
    fn the_options_are_those_of_the_tools() {
        let cases = [
            (json!({"name": "g"}), "", Some("g")),
            (json!({"name": "g", "gid": 5, "system": true}), "", Some("g -g 5 -r")),
            (json!({"name": "g", "gid": 5}), "g:x:6:", Some("g 6 -g 5")),
            (json!({"name": "g", "gid": 5, "non_unique": true}), "g:x:6:", Some("g 6 -g 5 -o")),
            (json!({"name": "g", "gid": 6}), "g:x:6:", None),
            (json!({"name": "g", "state": "absent"}), "g:x:6:", Some("g")),
            (json!({"name": "g", "state": "absent", "force": true}), "g:x:6:", Some("g -f")),
            (json!({"name": "g", "state": "absent"}), "", None),
        ];
        for (args, entry, argv) in cases {
            let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(entry))).unwrap();
            let came = outcome.changes.first().map(|change| change.args.0.join(" "));
            assert_eq!(came.as_deref(), argv, "{args}");
        }
    }

    #[test]
    fn names_that_are_none_and_missing_tools_are_said() {
        let bench = Bench::new();
        for name in ["", "-g", "12", "a:b", "a\nb"] {
            let message = bench.refusal(&MODULE, &json!({"name": name}));
            assert!(message.contains("can't be a group's name"), "{message}");
        }
        assert!(misfit(&MODULE, &json!({"name": "g", "locale": true})).contains("no parameter 'locale'"));
        for bench in Bench::every_shell().iter().filter(|bench| bench.name() == "busybox") {
            let failed = bench.settle(&MODULE, &json!({"name": "no_such_group_x"})).result;
            assert_eq!(failed["msg"], json!("groupadd is not installed on this host"));
        }
    }
}

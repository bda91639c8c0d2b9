//! `cronvar`: variables in a user's crontab, or in a file below `/etc/cron.d`, written as they are given.

use super::cron::{Editing, result};
use super::cron_table::{Place, Table};
use super::place::BACKUP;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "cronvar",
    aliases: &[],
    summary: "Sets a variable in a crontab, or removes one",
    params: &[
        Param::required("name", Kind::Text, "the variable"),
        Param::optional("value", Kind::Text, "its value, with quotes where it is to have them"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("user", Kind::Text, "whose crontab"),
        Param::optional("cron_file", Kind::Text, "a file below /etc/cron.d instead of a crontab"),
        Param::optional("insertafter", Kind::Text, "the variable behind which a new one goes"),
        Param::optional("insertbefore", Kind::Text, "the variable before which a new one goes"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Reports of root's jobs go to the group
  cronvar: {name: MAILTO, value: infra@example.org}
- name: Jobs of the backup find their programs
  cronvar: {name: PATH, value: "/usr/local/sbin:/usr/bin:/bin", cron_file: backup}
- name: No proxy any more
  cronvar: {name: http_proxy, state: absent, user: www-data}
"#,
        returns: &[
            Returned { name: "vars", help: "the names of the crontab's variables" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old one is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    check(args)?;
    Editing { args, edited, registered, summary, empty_file_goes: false }.outcome(host)
}

/// Refuses parameters that don't go together.
fn check(args: &Args) -> Result<(), Stop> {
    let present = args.text("state") != Some("absent");
    let problem = match () {
        () if args.needed("name")?.contains(['\n', '\r', '=', '#']) => "'name' is no variable's",
        () if args.text("value").is_some_and(|value| value.contains(['\n', '\r'])) => {
            "'value' holds a line feed: a crontab has one line for each variable"
        }
        () if present && args.text("value").is_none() => {
            "You must specify 'value' to insert a new cron variable"
        }
        () if args.text("insertafter").is_some() && args.text("insertbefore").is_some() => {
            "parameters are mutually exclusive: insertbefore|insertafter"
        }
        () => return Ok(()),
    };
    Err(Stop::refuse(problem))
}

fn edited(mut table: Table, args: &Args) -> Result<Table, Stop> {
    let name = args.needed("name")?;
    if args.text("state") == Some("absent") {
        table.remove_setting(name);
        return Ok(table);
    }
    let place = match (args.text("insertafter"), args.text("insertbefore")) {
        (Some(other), _) => Place::After(other),
        (None, Some(other)) => Place::Before(other),
        (None, None) => Place::Top,
    };
    // Nothing at all behind the equals sign would be read as a job.
    let value = Some(args.needed("value")?).filter(|value| !value.is_empty()).unwrap_or("\"\"");
    match (table.put_setting(name, value, place), place) {
        (None, Place::After(other) | Place::Before(other)) => {
            Err(Stop::refuse(format!("Variable named '{other}' not found.")))
        }
        _ => Ok(table),
    }
}

fn registered(table: &Table) -> Map {
    let mut result = Map::new();
    result.insert("vars".into(), table.setting_names().into());
    result
}

fn summary(args: &Args, place: &str) -> String {
    let name = args.text("name").unwrap_or_default();
    match args.text("state") {
        Some("absent") => format!("remove the variable '{name}' from {place}"),
        _ => format!("set the variable '{name}' in {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, without_host};
    use serde_json::json;

    #[test]
    fn a_variable_is_set_moved_and_removed() {
        for bench in Bench::every_shell() {
            let path = bench.path("jobs");
            let mut args = json!({"name": "MAILTO", "value": "a@example.org", "cron_file": path});
            let result = bench.changes(&MODULE, &args);
            assert_eq!(result["vars"], json!(["MAILTO"]));
            assert_eq!(bench.read("jobs"), "MAILTO=a@example.org\n");
            bench.in_order(&MODULE, &args);
            let spaced =
                json!({"name": "NOTE", "value": "yes 100%", "cron_file": path, "insertafter": "MAILTO"});
            bench.changes(&MODULE, &spaced);
            bench.in_order(&MODULE, &spaced);
            assert_eq!(bench.read("jobs"), "MAILTO=a@example.org\nNOTE=yes 100%\n");
            args["value"] = json!("");
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
            assert_eq!(bench.read("jobs"), "MAILTO=\"\"\nNOTE=yes 100%\n");
            for name in ["MAILTO", "NOTE"] {
                let gone = json!({"name": name, "state": "absent", "cron_file": path});
                bench.changes(&MODULE, &gone);
                bench.in_order(&MODULE, &gone);
            }
            assert_eq!(bench.read("jobs"), "");
        }
    }

    #[test]
    fn what_makes_no_line_is_refused() {
        let cases = [
            (json!({"name": "A"}), "You must specify 'value'"),
            (json!({"name": "A=B", "value": "1"}), "no variable's"),
            (json!({"name": "A", "value": "1\n2"}), "line feed"),
            (
                json!({"name": "A", "value": "1", "insertafter": "B", "insertbefore": "C"}),
                "mutually exclusive",
            ),
        ];
        for (args, expected) in cases {
            let Err(Stop::Refuse(refusal)) = without_host(&MODULE, &args) else { panic!("{args}") };
            assert!(refusal.message.contains(expected), "{}", refusal.message);
        }
        let bench = Bench::new();
        let lost = json!({"name": "A", "value": "1", "insertbefore": "B", "cron_file": bench.path("none")});
        assert_eq!(bench.refusal(&MODULE, &lost), "Variable named 'B' not found.");
    }
}

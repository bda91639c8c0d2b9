//! `ini_file`: that an option in a section of an INI file has a value, or is not there. What that comes to is computed by
//! `ini_lines`.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::ini_lines::{Condition, Wish};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::BACKUP;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "ini_file",
    aliases: &["ini"],
    summary: "Sets or removes an option in a section of an INI file",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["dest"]),
        Param::optional("section", Kind::Text, "the section; without it, what stands above the first one"),
        Param::optional("option", Kind::Text, "the option; without it, the section itself"),
        Param::optional("value", Kind::Text, "its value"),
        Param::optional("values", Kind::List, "its values, a line each"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("exclusive", Kind::Bool, "other lines of the option go").default("yes"),
        Param::optional("create", Kind::Bool, "make the file if it isn't there").default("yes"),
        Param::optional("no_extra_spaces", Kind::Bool, "no blanks around =").default("no"),
        Param::optional(
            "ignore_spaces",
            Kind::Bool,
            "a line that differs in blanks around = only is left alone",
        )
        .default("no"),
        Param::optional("allow_no_value", Kind::Bool, "an option may stand without = and a value")
            .default("no"),
        Param::optional(
            "modify_inactive_option",
            Kind::Bool,
            "a line that is commented out counts as the option",
        )
        .default("yes"),
        Param::optional(
            "section_has_values",
            Kind::Any,
            "a list of {option, value or values}: of several sections of the name, the one that has these",
        ),
        Param::optional("follow", Kind::Bool, "write where a link leads, instead of replacing the link")
            .default("no"),
        BACKUP,
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
- name: More memory for PHP
  ini_file:
    path: /etc/php/8.2/fpm/php.ini
    section: PHP
    option: memory_limit
    value: 256M
- name: No legacy section
  ini_file: {path: /etc/app.ini, section: legacy, state: absent}
"#,
        returns: &[
            Returned { name: "path", help: "the file" },
            Returned {
                name: "msg",
                help: "`option added`, `option changed`, `section and option added` …; `OK`: nothing",
            },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wish = wish(args)?;
    let missing = if args.flag("create") { Missing::Made } else { Missing::Refused("Destination") };
    let file = Edited::look(args, host, missing)?;
    let text = file.text();
    // A mark of byte order is no part of the first line.
    let granted = wish.grant(text.text.trim_start_matches('\u{feff}'));
    let mut result = Map::new();
    result.insert("path".into(), args.needed("path")?.into());
    let (new, message) = match granted.changed {
        true => (granted.lines.concat(), granted.message),
        false => (text.text.clone(), if file.exists() { "OK" } else { "" }),
    };
    let new = text.encode(&new);
    let mut outcome = file.finish(Ending { new, message: message.to_owned(), result }, host)?;
    let said = outcome.result.get("msg").and_then(Value::as_str).unwrap_or_default();
    if let Some(attributes) = said.strip_prefix("OK and ") {
        let attributes = attributes.to_owned();
        outcome.result.insert("msg".into(), attributes.into());
    } else if said.is_empty() {
        outcome.result.insert("msg".into(), "OK".into());
    }
    Ok(outcome)
}

fn wish(args: &Args) -> Result<Wish<'_>, Stop> {
    let (value, values) = (args.text("value"), args.list("values"));
    if value.is_some() && args.has("values") {
        return Err(Stop::refuse("parameters are mutually exclusive: value|values"));
    }
    let mut all: Vec<String> = Vec::new();
    for value in value.into_iter().chain(values) {
        if !all.iter().any(|known| known == value) {
            all.push(value.to_owned());
        }
    }
    if all.iter().any(|value| value.contains('\n')) {
        return Err(Stop::refuse("a value that has several lines is not put in an INI file"));
    }
    let is_present = args.text("state") != Some("absent");
    let allows_no_value = args.flag("allow_no_value");
    if is_present && all.is_empty() && !allows_no_value {
        return Err(Stop::refuse(
            "Parameter 'value(s)' must be defined if state=present and allow_no_value=False.",
        ));
    }
    Ok(Wish {
        section: args.text("section").unwrap_or_default(),
        section_has: conditions(args.value("section_has_values"))?,
        option: args.text("option"),
        values: all,
        is_present,
        is_exclusive: args.flag("exclusive"),
        allows_no_value,
        takes_inactive: args.flag("modify_inactive_option"),
        ignores_spaces: args.flag("ignore_spaces"),
        equals: if args.flag("no_extra_spaces") { "=" } else { " = " },
    })
}

fn conditions(given: Option<&Value>) -> Result<Vec<Condition>, Stop> {
    let wrong = || Stop::refuse("'section_has_values' is a list of {option, value} or {option, values}");
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(if *flag { "True" } else { "False" }.to_owned()),
        _ => None,
    };
    let Some(given) = given else { return Ok(Vec::new()) };
    let mut conditions = Vec::new();
    for item in given.as_array().ok_or_else(wrong)? {
        let option = item.get("option").and_then(text).ok_or_else(wrong)?;
        let one = item.get("value").into_iter();
        let many = item.get("values").and_then(Value::as_array).into_iter().flatten();
        let values: Option<Vec<String>> = one.chain(many).map(text).collect();
        conditions.push(Condition { option, values: values.ok_or_else(wrong)? });
    }
    Ok(conditions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_file_is_made_changed_and_left_alone() {
        for bench in Bench::every_shell() {
            let path = bench.path("d/a b.ini");
            let mut args = json!({"path": path, "section": "s", "option": "o", "value": 1, "mode": "0640"});
            let result = bench.changes(&MODULE, &args);
            assert_eq!((&result["msg"], &result["path"]), (&json!("section and option added"), &json!(path)));
            assert_eq!(bench.read("d/a b.ini"), "\n[s]\no = 1\n");
            assert_eq!(bench.in_order(&MODULE, &args)["msg"], json!("OK"));
            args["mode"] = json!("0600");
            assert_eq!(
                bench.changes(&MODULE, &args)["msg"],
                json!("ownership, perms or SE linux context changed")
            );
            args["value"] = json!("a = b; c");
            assert_eq!(bench.changes(&MODULE, &args)["msg"], json!("option changed"));
            let gone = json!({"path": path, "section": "s", "state": "absent"});
            bench.changes(&MODULE, &gone);
            assert_eq!(bench.read("d/a b.ini"), "\n");
            let nothing =
                json!({"path": bench.path("none"), "section": "s", "option": "o", "state": "absent"});
            bench.in_order(&MODULE, &nothing);
            assert!(!bench.at("none").exists());
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let bench = Bench::new();
        let refusal = |args: serde_json::Value| bench.refusal(&MODULE, &args);
        assert!(refusal(json!({"path": "/x", "option": "o"})).starts_with("Parameter 'value(s)' must be"));
        assert!(refusal(json!({"path": "/x", "value": "1", "values": ["2"]})).contains("exclusive"));
        assert!(refusal(json!({"path": "/x", "value": "1\n[other]"})).contains("several lines"));
        let missing = json!({"path": bench.path("f"), "option": "o", "value": "1", "create": false});
        assert!(refusal(missing).contains("does not exist"));
    }
}

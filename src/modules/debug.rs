//! `debug`: shows a text or a variable.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// What Ansible shows for a variable that isn't there.
const UNDEFINED: &str = "VARIABLE IS NOT DEFINED!";

/// The module.
pub static MODULE: Module = Module {
    name: "debug",
    aliases: &[],
    summary: "Shows a text or a variable",
    params: &[
        Param::optional("msg", Kind::Any, "what to show"),
        Param::optional("var", Kind::Expression, "an expression to show; not beside msg"),
        Param::optional("verbosity", Kind::Int, "how many -v it takes to show it").default("0"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Say where it runs
  debug:
    msg: "{{ inventory_hostname }} serves {{ site_name }}"
- name: Show a variable, with -vv alone
  debug: {var: ansible_mounts, verbosity: 2}
"#,
        returns: &[
            Returned { name: "msg", help: "the text, with `msg`" },
            Returned { name: "NAME", help: "with `var`: its value, under the expression itself" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    if args.int("verbosity").unwrap_or(0) > i64::from(host.verbosity) {
        let skipped = Some("Verbosity threshold not met.".to_owned());
        return Ok(Outcome { skipped, ..Outcome::default() });
    }
    let (key, value) = match (args.value("var"), args.value("msg")) {
        (Some(_), Some(_)) => return Err(Stop::refuse("'msg' and 'var' are incompatible options")),
        (Some(var), None) => variable(var),
        (None, Some(msg)) => ("msg".to_owned(), msg.clone()),
        (None, None) => ("msg".to_owned(), "Hello world!".into()),
    };
    let message = match &value {
        Value::String(text) if key == "msg" => text.clone(),
        other => {
            let shown = serde_json::to_string_pretty(other).unwrap_or_default();
            if key == "msg" { shown } else { format!("{key}: {shown}") }
        }
    };
    let mut result = Map::new();
    result.insert(key, value);
    Ok(Outcome { result, message: Some(message), ..Outcome::default() })
}

/// An expression and what it comes to.
fn variable(var: &Value) -> (String, Value) {
    let expression = var.get("expression").and_then(Value::as_str).unwrap_or_default();
    (expression.to_owned(), var.get("value").cloned().unwrap_or_else(|| UNDEFINED.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn texts_lists_and_variables_are_registered_and_shown() {
        let cases = [
            (json!({}), json!({"msg": "Hello world!"}), "Hello world!"),
            (json!({"msg": "a\nb"}), json!({"msg": "a\nb"}), "a\nb"),
            (json!({"msg": ["a", 1]}), json!({"msg": ["a", 1]}), "[\n  \"a\",\n  1\n]"),
            (json!({"var": {"expression": "x.y", "value": 3}}), json!({"x.y": 3}), "x.y: 3"),
            (
                json!({"var": {"expression": "x"}}),
                json!({"x": "VARIABLE IS NOT DEFINED!"}),
                "x: \"VARIABLE IS NOT DEFINED!\"",
            ),
        ];
        for (args, result, message) in cases {
            let outcome = without_host(&MODULE, &args).unwrap();
            assert_eq!((json!(outcome.result), outcome.message.as_deref()), (result, Some(message)));
        }
    }

    #[test]
    fn it_is_skipped_below_its_verbosity_and_refuses_two_things_at_once() {
        let quiet = without_host(&MODULE, &json!({"msg": "x", "verbosity": 2})).unwrap();
        assert_eq!(quiet.skipped.as_deref(), Some("Verbosity threshold not met."));
        assert_eq!(quiet.message, None);
        assert!(without_host(&MODULE, &json!({"msg": "x", "var": {"expression": "x"}})).is_err());
    }
}

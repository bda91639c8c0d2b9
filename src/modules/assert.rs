//! `assert`: goes on only where conditions hold.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::{Refusal, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "assert",
    aliases: &[],
    summary: "Fails unless conditions hold",
    params: &[
        Param::required("that", Kind::Conditions, "a condition or a list of conditions"),
        Param::optional("fail_msg", Kind::Any, "what to say when one doesn't hold").or(&["msg"]),
        Param::optional("success_msg", Kind::Any, "what to say when all hold")
            .default("All assertions passed"),
        Param::optional("quiet", Kind::Bool, "say nothing when all hold").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: The disk is large enough
  assert:
    that:
      - ansible_memtotal_mb > 1024
      - data_disk is defined
    fail_msg: this host is too small for the database
",
        returns: &[
            Returned { name: "msg", help: "that all hold, or what is said where one does not" },
            Returned { name: "assertion", help: "where one does not hold: which" },
            Returned { name: "evaluated_to", help: "what it came to" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let none = Vec::new();
    let conditions = args.value("that").and_then(Value::as_array).unwrap_or(&none);
    let holds = |condition: &&Value| condition.get("holds") == Some(&Value::Bool(true));
    if let Some(failed) = conditions.iter().find(|condition| !holds(condition)) {
        return Err(Stop::Refuse(refusal(args, failed)));
    }
    let said = args.value("success_msg").cloned().unwrap_or_default();
    let mut result = Map::new();
    result.insert("msg".into(), said.clone());
    let message = (!args.flag("quiet")).then(|| spoken(&said));
    Ok(Outcome { result, message, ..Outcome::default() })
}

/// Names the condition unless the playbook says what to say; `msg` is Ansible's in any case.
fn refusal(args: &Args, failed: &Value) -> Refusal {
    let condition = failed.get("condition").cloned().unwrap_or_default();
    let given = args.value("fail_msg");
    let message = match given {
        Some(text) => spoken(text),
        None => format!("Assertion failed: {}", spoken(&condition)),
    };
    let mut result = Map::new();
    result.insert("assertion".into(), condition);
    result.insert("evaluated_to".into(), failed.get("holds").cloned().unwrap_or(Value::Bool(false)));
    result.insert("msg".into(), given.cloned().unwrap_or_else(|| "Assertion failed".into()));
    Refusal { message, result }
}

/// A message, which may be several lines.
pub(super) fn spoken(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().map(spoken).collect::<Vec<_>>().join("\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    fn refused(args: Value) -> (String, Value) {
        match without_host(&MODULE, &args) {
            Err(Stop::Refuse(refusal)) => (refusal.message, json!(refusal.result)),
            _ => panic!("{args} was not refused"),
        }
    }

    #[test]
    fn the_first_condition_that_does_not_hold_is_named() {
        let that = json!([
            {"condition": "a", "holds": true},
            {"condition": "b == 1", "holds": false},
            {"condition": "c", "holds": false},
        ]);
        let (message, result) = refused(json!({"that": that}));
        assert_eq!(message, "Assertion failed: b == 1");
        let expected = json!({"assertion": "b == 1", "evaluated_to": false, "msg": "Assertion failed"});
        assert_eq!(result, expected);
        let (message, result) = refused(json!({"that": that, "msg": "no b"}));
        assert_eq!((message.as_str(), &result["msg"]), ("no b", &json!("no b")));
        assert_eq!(refused(json!({"that": that, "fail_msg": ["x", "y"]})).0, "x\ny");
    }

    #[test]
    fn conditions_that_hold_are_said_to_unless_it_is_quiet() {
        let that = json!([{"condition": "a", "holds": true}]);
        let outcome = without_host(&MODULE, &json!({"that": that})).unwrap();
        assert_eq!(outcome.message.as_deref(), Some("All assertions passed"));
        let outcome =
            without_host(&MODULE, &json!({"that": that, "quiet": true, "success_msg": "ok"})).unwrap();
        assert_eq!((outcome.message, json!(outcome.result)), (None, json!({"msg": "ok"})));
    }
}

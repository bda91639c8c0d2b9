//! `set_fact`: gives later tasks of a host new variables.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value, printable};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "set_fact",
    aliases: &[],
    summary: "Sets variables for later tasks of the host",
    params: &[Param::optional(
        "cacheable",
        Kind::Bool,
        "also makes them facts; they last no longer than the run",
    )
    .default("no")],
    free_form: FreeForm::AnyKeys,
    docs: Docs {
        examples: r#"
- name: Name the release to deploy
  set_fact:
    release_dir: "/srv/app/releases/{{ version }}"
"#,
        returns: &[Returned { name: "ansible_facts", help: "the variables" }],
    },
    effect: Effect::Variables,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let mut variables = args.all().clone();
    variables.shift_remove("cacheable");
    if variables.is_empty() {
        let message = "No key/value pairs provided, at least one is required for this action to succeed";
        return Err(Stop::refuse(message));
    }
    if let Some(name) = variables.keys().find(|name| !is_variable_name(name)) {
        return Err(Stop::refuse(format!(
            "The variable name '{}' is not valid. Variables must start with a letter or underscore \
             character, and contain only letters, numbers and underscores.",
            printable(name)
        )));
    }
    let mut result = Map::new();
    result.insert("ansible_facts".into(), Value::Object(variables.clone()));
    let facts = if args.flag("cacheable") { variables.clone() } else { Map::new() };
    Ok(Outcome { result, variables, facts, ..Outcome::default() })
}

fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn any_values_become_variables_and_cacheable_ones_facts_too() {
        let outcome = without_host(&MODULE, &json!({"a": [1], "_b": {"c": null}})).unwrap();
        assert_eq!(json!(outcome.variables), json!({"a": [1], "_b": {"c": null}}));
        assert!(outcome.facts.is_empty());
        assert_eq!(outcome.result["ansible_facts"]["a"], json!([1]));
        let outcome = without_host(&MODULE, &json!({"a": 1, "cacheable": true})).unwrap();
        assert_eq!((json!(outcome.variables), json!(outcome.facts)), (json!({"a": 1}), json!({"a": 1})));
    }

    #[test]
    fn names_that_no_expression_could_use_and_no_names_are_refused() {
        for args in
            [json!({}), json!({"cacheable": true}), json!({"a-b": 1}), json!({"1a": 1}), json!({"": 1})]
        {
            assert!(without_host(&MODULE, &args).is_err(), "{args}");
        }
    }
}

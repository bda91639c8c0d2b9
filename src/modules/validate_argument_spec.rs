//! `validate_argument_spec`: whether arguments are what a specification says. It is put before the tasks of a role that has
//! `meta/argument_specs.yml`.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::{Refusal, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "validate_argument_spec",
    aliases: &[],
    summary: "Checks arguments against a specification",
    params: &[
        Param::required(
            "argument_spec",
            Kind::Map,
            "by argument: type, required, choices, elements, options",
        ),
        Param::optional("provided_arguments", Kind::Map, "the arguments by name"),
        Param::optional("validate_args_context", Kind::Map, "what the arguments belong to, for messages"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Make sure that the release is named well
  validate_argument_spec:
    argument_spec:
      release: {type: str, required: true, choices: [stable, testing]}
    provided_arguments:
      release: "{{ release }}"
"#,
        returns: &[Returned { name: "argument_errors", help: "when it fails: what is wrong, one by one" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let empty = Map::new();
    let map = |name: &str| args.value(name).and_then(Value::as_object).unwrap_or(&empty);
    let mut errors = Vec::new();
    check(map("argument_spec"), map("provided_arguments"), "", &mut errors);
    let context = Value::Object(map("validate_args_context").clone());
    if errors.is_empty() {
        let said = "The arg spec validation passed";
        let result =
            Map::from_iter([("msg".to_owned(), said.into()), ("validate_args_context".to_owned(), context)]);
        return Ok(Outcome { result, ..Outcome::default() });
    }
    let message = format!("Validation of arguments failed:\n{}", errors.join("\n"));
    let result = Map::from_iter([
        ("argument_errors".to_owned(), errors.into()),
        ("argument_spec_data".to_owned(), Value::Object(map("argument_spec").clone())),
        ("validate_args_context".to_owned(), context),
    ]);
    Err(Stop::Refuse(Refusal { message, result }))
}

/// Collects what is wrong with arguments; `within` names the argument that they are in.
fn check(spec: &Map, given: &Map, within: &str, errors: &mut Vec<String>) {
    let found_in = if within.is_empty() { String::new() } else { format!(" found in {within}") };
    let aliases = |option: &Value| -> Vec<String> { texts(option.get("aliases")) };
    let value_of = |name: &str, option: &Value| {
        let names = std::iter::once(name.to_owned()).chain(aliases(option));
        names.into_iter().find_map(|name| given.get(&name).cloned())
    };
    let known =
        |name: &String| spec.iter().any(|(own, option)| own == name || aliases(option).contains(name));
    let unknown: Vec<&str> = given.keys().filter(|name| !known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        let mut names: Vec<&str> = spec.keys().map(String::as_str).collect();
        names.sort_unstable();
        errors.push(format!("{}. Supported parameters include: {}.", unknown.join(", "), names.join(", ")));
    }
    let required = |option: &Value| option.get("required").is_some_and(is_yes);
    let missing: Vec<&str> = spec
        .iter()
        .filter(|(name, option)| required(option) && value_of(name, option).is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    if !missing.is_empty() {
        errors.push(format!("missing required arguments: {}{found_in}", missing.join(", ")));
    }
    for (name, option) in spec {
        let Some(value) = value_of(name, option) else { continue };
        if value.is_null() && !required(option) {
            continue;
        }
        one(name, option, &value, &found_in, errors);
        let inner = option.get("options").and_then(Value::as_object);
        if let Some(inner) = inner {
            let path = if within.is_empty() { name.clone() } else { format!("{within} -> {name}") };
            let items = value.as_array().map_or(std::slice::from_ref(&value), Vec::as_slice);
            for item in items.iter().filter_map(Value::as_object) {
                check(inner, item, &path, errors);
            }
        }
    }
}

/// One argument: its type, its items' types, and its choices.
fn one(name: &str, option: &Value, value: &Value, found_in: &str, errors: &mut Vec<String>) {
    let kind = option.get("type").and_then(Value::as_str).unwrap_or("str");
    let Some(value) = converted(kind, value) else {
        errors.push(format!(
            "argument '{name}' is of type {}{found_in} and we were unable to convert to {kind}",
            type_of(value)
        ));
        return;
    };
    if let (Some(element), Value::Array(items)) = (option.get("elements").and_then(Value::as_str), &value) {
        for item in items.iter().filter(|item| converted(element, item).is_none()) {
            errors.push(format!(
                "Elements value for option '{name}'{found_in} is of type {} and we were unable to convert to {element}",
                type_of(item)
            ));
        }
    }
    if let Some(Value::Array(choices)) = option.get("choices") {
        let same = |value: &Value| choices.iter().any(|choice| plain(choice) == plain(value));
        let listed = || choices.iter().map(plain).collect::<Vec<_>>().join(", ");
        match &value {
            Value::Array(items) => {
                let wrong: Vec<String> = items.iter().filter(|item| !same(item)).map(plain).collect();
                if !wrong.is_empty() {
                    errors.push(format!(
                        "value of {name} must be one or more of: {}. Got no match for: {}{found_in}",
                        listed(),
                        wrong.join(", ")
                    ));
                }
            }
            one if !same(one) => {
                errors.push(format!(
                    "value of {name} must be one of: {}, got: {}{found_in}",
                    listed(),
                    plain(one)
                ));
            }
            _ => {}
        }
    }
}

/// A value as a type, if it can be one.
fn converted(kind: &str, value: &Value) -> Option<Value> {
    let text = value.as_str().map(str::trim);
    match kind {
        "str" | "path" => match value {
            Value::Array(_) | Value::Object(_) if kind == "path" => None,
            _ => Some(plain(value).into()),
        },
        "int" => match value {
            // As Python has it, a boolean is a number, and stays what it is.
            Value::Bool(_) => return Some(value.clone()),
            Value::Number(n) => {
                n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64))
            }
            _ => text.and_then(|text| text.parse().ok()),
        }
        .map(Value::from),
        "float" => value.as_f64().or_else(|| text?.parse().ok()).map(Value::from),
        "bool" => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::Number(n) if [Some(0), Some(1)].contains(&n.as_i64()) => Some(value.clone()),
            _ => text.filter(|text| is_word_for_bool(text)).map(Value::from),
        },
        "list" => match value {
            Value::Array(_) => Some(value.clone()),
            Value::String(text) => Some(text.split(',').collect()),
            Value::Number(_) => Some(vec![plain(value)].into()),
            _ => None,
        },
        "dict" => match value {
            Value::Object(_) => Some(value.clone()),
            Value::String(text) if text.trim_start().starts_with('{') => serde_json::from_str(text).ok(),
            Value::String(text) if text.contains('=') => Some(value.clone()),
            _ => None,
        },
        _ => Some(value.clone()),
    }
}

fn is_word_for_bool(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "1", "0", "y", "n", "t", "f", "1.0", "0.0"];
    words.contains(&text.to_lowercase().as_str())
}

fn is_yes(value: &Value) -> bool {
    match value {
        Value::String(text) => ["true", "yes", "on", "1"].contains(&text.to_lowercase().as_str()),
        other => other.as_bool().unwrap_or(false),
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_array).into_iter().flatten().map(plain).collect()
}

/// A value as it prints.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "<class 'NoneType'>",
        Value::Bool(_) => "<class 'bool'>",
        Value::Number(n) if n.is_f64() => "<class 'float'>",
        Value::Number(_) => "<class 'int'>",
        Value::String(_) => "<class 'str'>",
        Value::Array(_) => "<class 'list'>",
        Value::Object(_) => "<class 'dict'>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn errors(given: Value) -> Vec<String> {
        let spec = json!({
            "name": {"required": true},
            "port": {"type": "int", "choices": [80, 443]},
            "users": {"type": "list", "elements": "dict", "options": {
                "login": {"required": true}, "shell": {"choices": ["/bin/sh"]}}},
            "on": {"type": "bool"},
            "where": {"type": "path"},
            "map": {"type": "dict"},
        });
        let mut errors = Vec::new();
        check(spec.as_object().unwrap(), given.as_object().unwrap(), "", &mut errors);
        errors
    }

    #[test]
    fn what_fits_passes_in_whatever_form_it_is_written() {
        let all = json!({"name": 5, "port": "80", "users": [{"login": "a"}], "on": "yes", "where": "/x", "map": {}});
        assert_eq!(errors(all), Vec::<String>::new());
        assert_eq!(errors(json!({"name": "x", "port": null})), Vec::<String>::new());
        assert_eq!(converted("int", &json!(true)), Some(json!(true)), "a boolean is a number to Python");
    }

    #[test]
    fn everything_that_does_not_fit_is_said() {
        assert_eq!(errors(json!({})), ["missing required arguments: name"]);
        let wrong =
            json!({"name": "x", "port": 8080, "on": "maybe", "users": [{"shell": "/bin/x"}], "map": 3});
        assert_eq!(
            errors(wrong),
            [
                "value of port must be one of: 80, 443, got: 8080",
                "missing required arguments: login found in users",
                "value of shell must be one of: /bin/sh, got: /bin/x found in users",
                "argument 'on' is of type <class 'str'> and we were unable to convert to bool",
                "argument 'map' is of type <class 'int'> and we were unable to convert to dict",
            ]
        );
        assert_eq!(
            errors(json!({"name": "x", "nmae": 1})),
            ["nmae. Supported parameters include: map, name, on, port, users, where."]
        );
    }
}

//! The tests that templates can make: what follows `is`. They are Jinja's and Ansible's; versions are compared in
//! `version.rs`.

use super::call::{Call, Word, defined, items_of, text_of, unsupported, wrong};
use super::filters::{is_address, pattern};
use super::version;
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// Adds the tests to an environment and returns their names.
pub(super) fn register(environment: &mut Environment<'static>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for word in TESTS {
        let collection = if word.name.starts_with("ip") { "ansible.utils" } else { "ansible.builtin" };
        for name in [word.name.to_owned(), format!("{collection}.{}", word.name)] {
            environment.add_test(name.clone(), move |state: &mut State, args: Rest<ValueOrKwargs>| {
                let call = Call::with_operand(word, args)?;
                if !matches!(word.name, "defined" | "undefined") {
                    defined(&call.operand)?;
                }
                (word.body)(state, &call)
            });
            names.insert(name);
        }
    }
    names
}

const VERSION: &[&str] = &["version", "operator", "strict", "version_type"];
const REGEX: &[&str] = &["pattern", "ignorecase", "multiline"];

const TESTS: &[Word] = &[
    Word { name: "defined", params: &[], body: |_, call| truth(!call.operand.is_undefined()) },
    Word { name: "undefined", params: &[], body: |_, call| truth(call.operand.is_undefined()) },
    Word { name: "none", params: &[], body: |_, call| truth(call.operand.is_none()) },
    Word { name: "string", params: &[], body: |_, call| kind(call, &[ValueKind::String]) },
    Word { name: "mapping", params: &[], body: |_, call| kind(call, &[ValueKind::Map]) },
    Word { name: "boolean", params: &[], body: |_, call| kind(call, &[ValueKind::Bool]) },
    Word { name: "number", params: &[], body: |_, call| kind(call, &[ValueKind::Number, ValueKind::Bool]) },
    Word { name: "integer", params: &[], body: |_, call| truth(call.operand.is_integer()) },
    Word {
        name: "float",
        params: &[],
        body: |_, call| truth(call.operand.is_number() && !call.operand.is_integer()),
    },
    Word { name: "sequence", params: &[], body: |_, call| kind(call, ITERABLE) },
    Word { name: "iterable", params: &[], body: |_, call| kind(call, ITERABLE) },
    Word { name: "callable", params: &[], body: |_, call| kind(call, &[ValueKind::Plain]) },
    Word { name: "true", params: &[], body: |_, call| truth(is_bool(&call.operand, true)) },
    Word { name: "false", params: &[], body: |_, call| truth(is_bool(&call.operand, false)) },
    Word { name: "truthy", params: &["convert_bool"], body: |_, call| truth(call.operand.is_true()) },
    Word { name: "falsy", params: &["convert_bool"], body: |_, call| truth(!call.operand.is_true()) },
    Word { name: "even", params: &[], body: |_, call| divides(call, 2, 0) },
    Word { name: "odd", params: &[], body: |_, call| divides(call, 2, 1) },
    Word {
        name: "divisibleby",
        params: &["num"],
        body: |_, call| divides(call, call.integer("num")?.unwrap_or(0), 0),
    },
    Word { name: "lower", params: &[], body: |_, call| cased(call, char::is_lowercase, char::is_uppercase) },
    Word { name: "upper", params: &[], body: |_, call| cased(call, char::is_uppercase, char::is_lowercase) },
    Word { name: "sameas", params: &["other"], body: sameas },
    Word { name: "eq", params: &["other"], body: |_, call| truth(call.operand == *call.need("other")?) },
    Word { name: "equalto", params: &["other"], body: |_, call| truth(call.operand == *call.need("other")?) },
    Word { name: "==", params: &["other"], body: |_, call| truth(call.operand == *call.need("other")?) },
    Word { name: "ne", params: &["other"], body: |_, call| truth(call.operand != *call.need("other")?) },
    Word { name: "!=", params: &["other"], body: |_, call| truth(call.operand != *call.need("other")?) },
    Word { name: "lt", params: &["other"], body: |_, call| compares(call, Ordering::is_lt) },
    Word { name: "lessthan", params: &["other"], body: |_, call| compares(call, Ordering::is_lt) },
    Word { name: "<", params: &["other"], body: |_, call| compares(call, Ordering::is_lt) },
    Word { name: "le", params: &["other"], body: |_, call| compares(call, Ordering::is_le) },
    Word { name: "<=", params: &["other"], body: |_, call| compares(call, Ordering::is_le) },
    Word { name: "gt", params: &["other"], body: |_, call| compares(call, Ordering::is_gt) },
    Word { name: "greaterthan", params: &["other"], body: |_, call| compares(call, Ordering::is_gt) },
    Word { name: ">", params: &["other"], body: |_, call| compares(call, Ordering::is_gt) },
    Word { name: "ge", params: &["other"], body: |_, call| compares(call, Ordering::is_ge) },
    Word { name: ">=", params: &["other"], body: |_, call| compares(call, Ordering::is_ge) },
    Word {
        name: "in",
        params: &["container"],
        body: |_, call| truth(contains(call.need("container")?, &call.operand)?),
    },
    Word {
        name: "contains",
        params: &["item"],
        body: |_, call| truth(contains(&call.operand, call.need("item")?)?),
    },
    Word {
        name: "subset",
        params: &["other"],
        body: |_, call| truth(subset(&call.operand, call.need("other")?)?),
    },
    Word {
        name: "issubset",
        params: &["other"],
        body: |_, call| truth(subset(&call.operand, call.need("other")?)?),
    },
    Word {
        name: "superset",
        params: &["other"],
        body: |_, call| truth(subset(call.need("other")?, &call.operand)?),
    },
    Word {
        name: "issuperset",
        params: &["other"],
        body: |_, call| truth(subset(call.need("other")?, &call.operand)?),
    },
    Word { name: "all", params: &[], body: |_, call| truth(call.items()?.iter().all(Value::is_true)) },
    Word { name: "any", params: &[], body: |_, call| truth(call.items()?.iter().any(Value::is_true)) },
    Word { name: "match", params: REGEX, body: |_, call| matches(call, At::Start) },
    Word { name: "search", params: REGEX, body: |_, call| matches(call, At::Anywhere) },
    Word { name: "regex", params: &["pattern", "ignorecase", "multiline", "match_type"], body: regex },
    Word { name: "version", params: VERSION, body: version },
    Word { name: "version_compare", params: VERSION, body: version },
    Word { name: "failed", params: &[], body: |_, call| result(call, "failed") },
    Word { name: "failure", params: &[], body: |_, call| result(call, "failed") },
    Word { name: "succeeded", params: &[], body: |_, call| truth(!flag(call, "failed")?) },
    Word { name: "success", params: &[], body: |_, call| truth(!flag(call, "failed")?) },
    Word { name: "successful", params: &[], body: |_, call| truth(!flag(call, "failed")?) },
    Word { name: "changed", params: &[], body: changed },
    Word { name: "change", params: &[], body: changed },
    Word { name: "skipped", params: &[], body: |_, call| result(call, "skipped") },
    Word { name: "skip", params: &[], body: |_, call| result(call, "skipped") },
    Word { name: "unreachable", params: &[], body: |_, call| result(call, "unreachable") },
    Word { name: "reachable", params: &[], body: |_, call| truth(!flag(call, "unreachable")?) },
    Word { name: "finished", params: &[], body: |_, call| finished(call) },
    Word { name: "started", params: &[], body: |_, call| result(call, "started") },
    Word { name: "url", params: &[], body: |_, call| truth(call.operand_text()?.contains("://")) },
    Word { name: "ip", params: &[], body: |_, call| truth(is_address(&call.operand_text()?, None)) },
    Word { name: "ip_address", params: &[], body: |_, call| truth(is_address(&call.operand_text()?, None)) },
    Word {
        name: "ipv4_address",
        params: &[],
        body: |_, call| truth(is_address(&call.operand_text()?, Some(4))),
    },
    Word {
        name: "ipv6_address",
        params: &[],
        body: |_, call| truth(is_address(&call.operand_text()?, Some(6))),
    },
    Word { name: "ipv4", params: &[], body: |_, call| truth(is_address(&call.operand_text()?, Some(4))) },
    Word { name: "ipv6", params: &[], body: |_, call| truth(is_address(&call.operand_text()?, Some(6))) },
    Word { name: "abs", params: &[], body: |_, call| truth(call.operand_text()?.starts_with('/')) },
    Word { name: "file", params: &[], body: |_, _| Err(looks_at_files("file")) },
    Word { name: "directory", params: &[], body: |_, _| Err(looks_at_files("directory")) },
    Word { name: "exists", params: &[], body: |_, _| Err(looks_at_files("exists")) },
    Word { name: "link", params: &[], body: |_, _| Err(looks_at_files("link")) },
    Word { name: "mount", params: &[], body: |_, _| Err(looks_at_files("mount")) },
    Word { name: "same_file", params: &["other"], body: |_, _| Err(looks_at_files("same_file")) },
];

/// Over what one can iterate, as Python sees it: text too.
const ITERABLE: &[ValueKind] = &[ValueKind::Seq, ValueKind::Iterable, ValueKind::Map, ValueKind::String];

fn truth(it: bool) -> Result<Value, Error> {
    Ok(Value::from(it))
}

fn kind(call: &Call, kinds: &[ValueKind]) -> Result<Value, Error> {
    truth(kinds.contains(&call.operand.kind()))
}

fn is_bool(value: &Value, wanted: bool) -> bool {
    value.kind() == ValueKind::Bool && value.is_true() == wanted
}

fn looks_at_files(test: &str) -> Error {
    unsupported(format!(
        "'is {test}' looks at this machine rather than at the host, and is not supported yet; use stat"
    ))
}

fn divides(call: &Call, divisor: i64, rest: i64) -> Result<Value, Error> {
    let number = i64::try_from(call.operand.clone()).map_err(|_| call.wrong("a whole number is needed"))?;
    match number.checked_rem_euclid(divisor) {
        Some(found) => truth(found == rest),
        None => Err(call.wrong("nothing is divisible by zero")),
    }
}

fn cased(call: &Call, wanted: fn(char) -> bool, other: fn(char) -> bool) -> Result<Value, Error> {
    let text = call.operand_text()?;
    truth(text.chars().any(wanted) && !text.chars().any(other))
}

/// The same object, which for scalars is the same type and value.
fn sameas(_: &mut State, call: &Call) -> Result<Value, Error> {
    let other = call.need("other")?;
    truth(call.operand.kind() == other.kind() && call.operand == *other)
}

fn compares(call: &Call, holds: fn(Ordering) -> bool) -> Result<Value, Error> {
    let other = call.need("other")?;
    if call.operand.kind() != other.kind() {
        return Err(call.wrong(format!("{} and {} can't be compared", call.operand.kind(), other.kind())));
    }
    truth(holds(call.operand.cmp(other)))
}

fn contains(container: &Value, item: &Value) -> Result<bool, Error> {
    if let Some(text) = container.as_str() {
        return Ok(text.contains(&text_of(item)?));
    }
    Ok(items_of(container, "in")?.contains(item))
}

fn subset(part: &Value, whole: &Value) -> Result<bool, Error> {
    let whole = items_of(whole, "subset")?;
    Ok(items_of(part, "subset")?.iter().all(|item| whole.contains(item)))
}

#[derive(Clone, Copy)]
enum At {
    Start,
    Anywhere,
}

fn matches(call: &Call, at: At) -> Result<Value, Error> {
    let (text, pattern) = (call.operand_text()?, pattern(call, "pattern")?);
    let found = match at {
        At::Start => pattern.is_at_start(&text),
        At::Anywhere => pattern.is_found(&text),
    };
    found.map(Value::from).map_err(|error| wrong(error.to_string()))
}

fn regex(_: &mut State, call: &Call) -> Result<Value, Error> {
    match call.text("match_type")?.as_deref() {
        None | Some("search") => matches(call, At::Anywhere),
        Some("match") => matches(call, At::Start),
        Some("fullmatch") => {
            let (text, pattern) = (call.operand_text()?, pattern(call, "pattern")?);
            let found = pattern.search_from(&text, 0).map_err(|error| wrong(error.to_string()))?;
            truth(found.is_some_and(|found| found.start == 0 && found.end == text.len()))
        }
        Some(other) => Err(call.wrong(format!("match_type is search, match or fullmatch, not '{other}'"))),
    }
}

fn version(_: &mut State, call: &Call) -> Result<Value, Error> {
    let kind = call.text("version_type")?;
    let operator = call.text("operator")?.unwrap_or_else(|| "eq".into());
    version::compare(&call.operand_text()?, &operator, &call.need_text("version")?, kind.as_deref())
        .map(Value::from)
        .map_err(|message| call.wrong(message))
}

/// A member of a task's result, if the operand is one.
fn of_result(call: &Call, member: &str) -> Result<Option<Value>, Error> {
    if call.operand.kind() != ValueKind::Map {
        return Err(call.wrong("this is asked of a registered result, which is a mapping"));
    }
    let value = super::convert::valid(call.operand.get_attr(member)?)?;
    Ok((!value.is_undefined()).then_some(value))
}

fn flag(call: &Call, member: &str) -> Result<bool, Error> {
    Ok(of_result(call, member)?.is_some_and(|value| value.is_true()))
}

fn result(call: &Call, member: &str) -> Result<Value, Error> {
    flag(call, member).map(Value::from)
}

/// A loop's result has changed if one of its items has.
fn changed(_: &mut State, call: &Call) -> Result<Value, Error> {
    if let Some(changed) = of_result(call, "changed")? {
        return truth(changed.is_true());
    }
    let Some(results) = of_result(call, "results")? else { return truth(false) };
    let mut any = false;
    for item in items_of(&results, "changed")? {
        any |= item.kind() == ValueKind::Map && item.get_attr("changed")?.is_true();
    }
    truth(any)
}

fn finished(call: &Call) -> Result<Value, Error> {
    truth(of_result(call, "finished")?.is_none_or(|value| value.is_true()))
}

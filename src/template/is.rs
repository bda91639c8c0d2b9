//! The tests that templates can make: what follows `is`. They are Jinja's and Ansible's; versions are compared in
//! `version.rs`.

use super::call::{Call, Word, defined, items_of, text_of, wrong};
use super::compile::Cache;
use super::controller::{Controller, Kind};
use super::filters::{is_address, pattern};
use super::lazy::{Names, SELF};
use super::version;
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    Word { name: "exists", params: &[], body: |state, call| is_there(state, call, None) },
    Word { name: "file", params: &[], body: |state, call| is_there(state, call, Some(Kind::File)) },
    Word { name: "is_file", params: &[], body: |state, call| is_there(state, call, Some(Kind::File)) },
    Word { name: "directory", params: &[], body: |state, call| is_there(state, call, Some(Kind::Folder)) },
    Word { name: "is_dir", params: &[], body: |state, call| is_there(state, call, Some(Kind::Folder)) },
    Word { name: "link", params: &[], body: is_link },
    Word { name: "is_link", params: &[], body: is_link },
    Word { name: "link_exists", params: &[], body: is_link_or_there },
    Word { name: "mount", params: &[], body: is_mount },
    Word { name: "is_mount", params: &[], body: is_mount },
    Word { name: "same_file", params: &["other"], body: same_file },
    Word { name: "is_same_file", params: &["other"], body: same_file },
    Word {
        name: "timedout",
        params: &[],
        body: |_, call| truth(of_result(call, "timedout")?.is_some_and(|v| v.is_true())),
    },
    Word {
        name: "nan",
        params: &[],
        body: |_, call| truth(f64::try_from(call.operand.clone()).is_ok_and(f64::is_nan)),
    },
    Word {
        name: "isnan",
        params: &[],
        body: |_, call| truth(f64::try_from(call.operand.clone()).is_ok_and(f64::is_nan)),
    },
    Word { name: "uri", params: &["schemes"], body: |_, call| uri(call, false) },
    Word { name: "url", params: &["schemes"], body: |_, call| uri(call, true) },
    Word {
        name: "urn",
        params: &[],
        body: |_, call| truth(call.operand_text()?.to_lowercase().starts_with("urn:")),
    },
    Word {
        name: "vault_encrypted",
        params: &[],
        body: |_, call| truth(call.operand_text()?.starts_with("$ANSIBLE_VAULT;")),
    },
    Word { name: "vaulted_file", params: &[], body: vaulted_file },
    Word { name: "escaped", params: &[], body: |_, call| truth(call.operand.is_safe()) },
    Word {
        name: "filter",
        params: &[],
        body: |state, call| truth(cache(state)?.names().filters.contains(&call.operand_text()?)),
    },
    Word {
        name: "test",
        params: &[],
        body: |state, call| truth(cache(state)?.names().tests.contains(&call.operand_text()?)),
    },
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
    Word { name: "truthy", params: &["convert_bool"], body: |_, call| truth(truthy(call)) },
    Word { name: "falsy", params: &["convert_bool"], body: |_, call| truth(!truthy(call)) },
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
    Word {
        name: "started",
        params: &[],
        body: |_, call| truth(of_result(call, "started")?.is_none_or(|value| value.is_true())),
    },
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
    Word { name: "is_abs", params: &[], body: |_, call| truth(call.operand_text()?.starts_with('/')) },
    Word { name: "abs", params: &[], body: |_, call| truth(call.operand_text()?.starts_with('/')) },
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

/// What the templates see of this machine, and a path on it.
fn on_machine(state: &State, call: &Call) -> Result<(Arc<dyn Controller>, PathBuf), Error> {
    let names = state.lookup(SELF).and_then(|scope| scope.downcast_object::<Names>());
    let names = names.ok_or_else(|| wrong("there is no machine here"))?;
    Ok((names.session.cache.controller.clone(), PathBuf::from(call.operand_text()?)))
}

fn cache(state: &State) -> Result<Arc<Cache>, Error> {
    let names = state.lookup(SELF).and_then(|scope| scope.downcast_object::<Names>());
    names.map(|names| names.session.cache.clone()).ok_or_else(|| wrong("there are no names here"))
}

fn is_there(state: &State, call: &Call, wanted: Option<Kind>) -> Result<Value, Error> {
    let (controller, path) = on_machine(state, call)?;
    let kind = controller.kind(&path);
    truth(wanted.map_or(kind.is_some(), |wanted| kind == Some(wanted)))
}

fn is_link(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (controller, path) = on_machine(state, call)?;
    truth(controller.is_link(&path))
}

fn is_link_or_there(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (controller, path) = on_machine(state, call)?;
    truth(controller.is_link(&path) || controller.kind(&path).is_some())
}

fn vaulted_file(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (controller, path) = on_machine(state, call)?;
    let content =
        controller.read(&path).map_err(|error| call.wrong(format!("'{}': {error}", path.display())))?;
    truth(content.starts_with(b"$ANSIBLE_VAULT;"))
}

fn same_file(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (controller, path) = on_machine(state, call)?;
    truth(controller.resolved(&path) == controller.resolved(Path::new(&call.need_text("other")?)))
}

/// A mount is on another device than the folder above it.
fn is_mount(state: &mut State, call: &Call) -> Result<Value, Error> {
    use std::os::unix::fs::MetadataExt as _;
    let (controller, path) = on_machine(state, call)?;
    if controller.kind(&path).is_none() || controller.is_link(&path) {
        return truth(false);
    }
    let device = |path: &Path| std::fs::metadata(path).map(|about| (about.dev(), about.ino()));
    let (here, above) = (device(&path), device(&path.join("..")));
    truth(matches!((here, above), (Ok(here), Ok(above)) if here.0 != above.0 || here.1 == above.1))
}

/// A text that says yes or no counts as that where `convert_bool` is set.
fn truthy(call: &Call) -> bool {
    if call.is_set("convert_bool")
        && let Some(text) = call.operand.as_str()
    {
        match text.to_lowercase().as_str() {
            "yes" | "on" | "true" | "1" | "y" | "t" => return true,
            "no" | "off" | "false" | "0" | "n" | "f" => return false,
            _ => {}
        }
    }
    call.operand.is_true()
}

/// Whether a text is a URI: something with a scheme, and one of those that were named.
fn uri(call: &Call, needs_place: bool) -> Result<Value, Error> {
    let text = call.operand_text()?;
    let Some((scheme, rest)) = text.split_once(':') else { return truth(false) };
    let formed = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let named = match call.arg("schemes").filter(|schemes| !schemes.is_none()) {
        Some(schemes) => items_of(schemes, "schemes")?.iter().any(|known| known.as_str() == Some(scheme)),
        None => true,
    };
    let place = rest.strip_prefix("//").is_some_and(|place| !place.is_empty() && !place.starts_with('/'));
    truth(formed && named && !rest.is_empty() && (place || !needs_place))
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
    let strict = call.is_set("strict").then(|| "strict".to_owned());
    let kind = call.text("version_type")?.or(strict);
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

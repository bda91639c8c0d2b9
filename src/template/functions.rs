//! The functions that templates can call, and `omit`. What `lookup` can look up is in `lookups.rs`.

use super::call::{Call, Word, defined, items_of, pairs_of, text_of, wrong};
use super::convert::Omit;
use super::lookups::Found;
use super::moment::Moment;
use super::rewrite::{MINUS, PERCENT, WITHIN};
use super::{clock, lookups, operators, own};
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};
use minijinja_contrib::globals::{cycler, joiner};
use std::collections::BTreeSet;

/// Functions and names of the engine's own.
const ENGINE: [&str; 5] = ["range", "namespace", "loop", "caller", "super"];

const FUNCTIONS: &[Word] = &[
    Word { name: "now", params: &["utc", "fmt"], body: now },
    Word { name: PERCENT, params: &["left", "right"], body: operators::percent },
    Word { name: MINUS, params: &["left", "right"], body: operators::minus },
    Word { name: WITHIN, params: &["value"], body: operators::within },
    Word { name: "undef", params: &["hint"], body: |_, _| Ok(Value::UNDEFINED) },
    own::FUNCTION,
];

/// Adds the functions to an environment and returns their names.
pub(super) fn register(environment: &mut Environment<'static>) -> BTreeSet<String> {
    environment.remove_global("debug");
    environment.add_global("omit", Value::from_object(Omit));
    let mut names: BTreeSet<String> = ENGINE.into_iter().map(str::to_owned).collect();
    for word in FUNCTIONS {
        environment.add_function(word.name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
            (word.body)(state, &Call::of_function(word, args)?)
        });
        names.insert(word.name.to_owned());
    }
    environment.add_function("cycler", |args: Rest<Value>| cycler(args.to_vec()));
    environment.add_function("joiner", joiner);
    names.extend(["cycler", "joiner"].map(str::to_owned));
    environment.add_function("dict", |args: Rest<ValueOrKwargs>| dict(args.into_values()));
    names.insert("dict".to_owned());
    for name in ["lookup", "query", "q"] {
        environment.add_function(name, move |state: &mut State, args: Rest<ValueOrKwargs>| {
            look_up(state, args, name == "lookup")
        });
        names.insert(name.to_owned());
    }
    names
}

/// `lookup` joins what was found with commas unless it is asked for a list; `query` always gives a list.
fn look_up(state: &mut State, args: Rest<ValueOrKwargs>, joins: bool) -> Result<Value, Error> {
    let mut args = args.into_values();
    let plugin = match args.is_empty() {
        true => return Err(wrong("a lookup needs the name of what to look up")),
        false => text_of(&args.remove(0))?,
    };
    let found = match lookups::find(state, &plugin, args)? {
        Found::Nothing(wants_list) if joins && !wants_list => return Ok(Value::from(())),
        Found::Nothing(_) => return Ok(Value::from(Vec::<Value>::new())),
        Found::Items(found, wants_list) if !joins || wants_list => return Ok(Value::from(found)),
        Found::Items(found, _) => found,
    };
    let all_text = found.iter().all(|item| defined(item).is_ok_and(|item| item.kind() == ValueKind::String));
    Ok(match found.as_slice() {
        [one] => one.clone(),
        many if all_text => Value::from(many.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")),
        many => Value::from(many.to_vec()),
    })
}

/// A mapping of another, of pairs, and of named arguments.
fn dict(args: Vec<Value>) -> Result<Value, Error> {
    let mut pairs = indexmap::IndexMap::new();
    for arg in args {
        if arg.is_kwargs() || arg.kind() == ValueKind::Map {
            pairs.extend(pairs_of(&arg, "dict")?);
            continue;
        }
        for pair in items_of(&arg, "dict")? {
            match items_of(&pair, "dict")?.as_slice() {
                [key, value] => pairs.insert(key.clone(), value.clone()),
                _ => return Err(wrong("'dict' needs a mapping or a list of pairs")),
            };
        }
    }
    Ok(Value::from_pairs(pairs))
}

/// The time: its text in Python's format, or a moment.
fn now(state: &mut State, call: &Call) -> Result<Value, Error> {
    let now = clock::now(state)?;
    let now = if call.is_set("utc") { now.with_time_zone(jiff::tz::TimeZone::UTC) } else { now };
    match call.text("fmt")?.filter(|format| !format.is_empty()) {
        Some(format) => clock::format(&now, &format).map(Value::from),
        None => Ok(Value::from_object(Moment(now.datetime()))),
    }
}

/// The terms of a lookup: lists among them count as their items.
pub(super) fn terms(values: Vec<Value>) -> Result<Vec<Value>, Error> {
    let mut terms = Vec::new();
    for value in values {
        match defined(&value)?.kind() {
            ValueKind::Seq | ValueKind::Iterable => terms.extend(items_of(&value, "lookup")?),
            _ => terms.push(value),
        }
    }
    Ok(terms)
}

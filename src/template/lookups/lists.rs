//! Lookups that put lists together; each is also what a `with_…` loop goes over.

use crate::template::call::{Call, defined, items_of, pairs_of, python_type, tuple, wrong};
use crate::template::chance;
use crate::template::convert::valid;
use crate::template::functions::terms;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

/// The most items that a lookup may give.
pub(super) const ITEMS_MAX: i64 = 100_000;

pub(super) fn flat_once(_: &mut State, call: &Call) -> Result<Value, Error> {
    terms(call.rest.clone()).map(Value::from)
}

pub(super) fn flattened(_: &mut State, call: &Call) -> Result<Value, Error> {
    fn flatten(values: Vec<Value>, flat: &mut Vec<Value>, depth: usize) -> Result<(), Error> {
        for value in values {
            match value.kind() {
                ValueKind::Seq | ValueKind::Iterable if depth < 64 => {
                    flatten(items_of(&value, "flattened")?, flat, depth + 1)?;
                }
                ValueKind::None => {}
                _ => flat.push(value),
            }
        }
        Ok(())
    }
    let mut flat = Vec::new();
    flatten(call.rest.clone(), &mut flat, 0)?;
    Ok(Value::from(flat))
}

pub(super) fn dict(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut items = Vec::new();
    for map in &call.rest {
        if defined(map)?.kind() != ValueKind::Map {
            let kind = python_type(map);
            return Err(wrong(format!(
                "the 'dict' lookup plugin expects a dictionary, not '{map}' of type {kind}"
            )));
        }
        for (key, value) in pairs_of(map, "dict")? {
            items.push(Value::from_pairs([("key", key), ("value", value)]));
        }
    }
    Ok(Value::from(items))
}

pub(super) fn indexed_items(state: &mut State, call: &Call) -> Result<Value, Error> {
    let items = items_of(&flat_once(state, call)?, "indexed_items")?;
    Ok(items.into_iter().enumerate().map(|(at, item)| tuple([Value::from(at), item])).collect())
}

/// Each element with each item of a list that it holds: `[elements, 'path.to.list', {'skip_missing': true}]`.
pub(super) fn subelements(_: &mut State, call: &Call) -> Result<Value, Error> {
    let terms = |what: &str| call.wrong(format!("it expects a list of two or three items, {what}"));
    let [elements, path, rest @ ..] = call.rest.as_slice() else {
        return Err(terms("the elements and the name of the list in each"));
    };
    let flags = match rest {
        [] => None,
        [flags] if flags.kind() == ValueKind::Map => Some(flags),
        [_] => return Err(terms("the optional third item must be a dict: {'skip_missing': true}")),
        _ => return Err(terms("not more")),
    };
    let skips =
        flags.map(|flags| flags.get_attr("skip_missing")).transpose()?.is_some_and(|set| set.is_true());
    let elements: Vec<Value> = match (defined(elements)?.kind(), path.as_str()) {
        // What `register` got of a loop that was skipped.
        (ValueKind::Map, Some(_)) if elements.get_attr("skipped")?.is_true() => Vec::new(),
        (ValueKind::Map, Some(_)) => {
            pairs_of(elements, "subelements")?.into_iter().map(|(_, one)| one).collect()
        }
        (ValueKind::Seq | ValueKind::Iterable, Some(_)) => items_of(elements, "subelements")?,
        _ => return Err(terms("first a dict or a list, second a string that leads to the list in each")),
    };
    let path: Vec<&str> = path.as_str().unwrap_or_default().split('.').collect();
    let mut pairs = Vec::new();
    for element in elements {
        if defined(&element)?.kind() != ValueKind::Map {
            return Err(call.wrong(format!("it expects a dictionary, got '{element}'")));
        }
        if element.get_attr("skipped")?.is_true() {
            continue;
        }
        let Some(items) = within(call, &element, &path, skips)? else { continue };
        let keys: Vec<Value> = path.iter().copied().map(Value::from).collect();
        let rest = without(&element, &keys)?;
        pairs.extend(items.into_iter().map(|item| tuple([rest.clone(), item])));
    }
    Ok(Value::from(pairs))
}

/// The list to which a path leads; nothing where it ends early and that may be.
fn within(call: &Call, element: &Value, path: &[&str], skips: bool) -> Result<Option<Vec<Value>>, Error> {
    let mut at = element.clone();
    for (place, key) in path.iter().enumerate() {
        let next = valid(at.get_attr(key)?)?;
        let is_last = place + 1 == path.len();
        match next.kind() {
            ValueKind::Undefined if skips => return Ok(None),
            ValueKind::Undefined => {
                return Err(call.wrong(format!("could not find '{key}' key in iterated item '{at}'")));
            }
            ValueKind::Map if !is_last => {}
            ValueKind::Seq | ValueKind::Iterable if is_last => {}
            _ if skips => return Ok(None),
            _ => {
                let wanted = if is_last { "list" } else { "dictionary" };
                return Err(call.wrong(format!("the key {key} should point to a {wanted}, got '{next}'")));
            }
        }
        at = next;
    }
    items_of(&at, "subelements").map(Some)
}

/// A mapping without what a path leads to: the list went into the items.
fn without(element: &Value, path: &[Value]) -> Result<Value, Error> {
    let [first, rest @ ..] = path else { return Ok(element.clone()) };
    let mut pairs = Vec::new();
    for (key, value) in pairs_of(element, "subelements")? {
        match (key == *first, rest) {
            (false, _) => pairs.push((key, value)),
            (true, []) => {}
            (true, rest) => pairs.push((key, without(&value, rest)?)),
        }
    }
    Ok(Value::from_pairs(pairs))
}

/// One of the terms, by chance.
pub(super) fn random_choice(state: &mut State, call: &Call) -> Result<Value, Error> {
    let Some(last) = call.rest.len().checked_sub(1) else { return Ok(Value::from(Vec::<Value>::new())) };
    let mut chance = chance::drawn(state, "random_choice")?;
    let at = usize::try_from(chance.below(last as u64 + 1)).unwrap_or_default();
    Ok(call.rest.get(at).cloned().into_iter().collect())
}

fn lists(call: &Call) -> Result<Vec<Vec<Value>>, Error> {
    call.rest.iter().map(|list| items_of(list, "lookup")).collect()
}

pub(super) fn together(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = lists(call)?;
    if lists.is_empty() {
        return Err(call.wrong("with_together requires at least one element in each list"));
    }
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| -> Value {
        lists.iter().map(|list| list.get(at).cloned().unwrap_or(Value::from(()))).collect()
    };
    Ok((0..longest).map(row).collect())
}

pub(super) fn nested(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = lists(call)?;
    if lists.is_empty() {
        return Err(call.wrong("with_nested requires at least one element in the nested list"));
    }
    let size = lists.iter().try_fold(1_usize, |size, list| size.checked_mul(list.len()));
    if size.is_none_or(|size| size as i64 > ITEMS_MAX) {
        return Err(call.wrong(format!("there are more than {ITEMS_MAX} combinations")));
    }
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    for list in &lists {
        rows = rows
            .iter()
            .flat_map(|row| list.iter().map(|item| [row.as_slice(), std::slice::from_ref(item)].concat()))
            .collect();
    }
    Ok(rows.into_iter().map(Value::from).collect())
}

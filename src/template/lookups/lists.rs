//! Lookups that put lists together; each is also what a `with_…` loop goes over.

use crate::template::call::{Call, items_of, pairs_of, text_of, tuple};
use crate::template::functions::terms;
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

/// The most items that a lookup may give.
const ITEMS_MAX: i64 = 100_000;

pub(super) fn flat_once(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut items = Vec::new();
    for term in terms(call.rest.clone())? {
        match term.kind() {
            ValueKind::Seq | ValueKind::Iterable => items.extend(items_of(&term, "items")?),
            _ => items.push(term),
        }
    }
    Ok(Value::from(items))
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

fn lists(call: &Call) -> Result<Vec<Vec<Value>>, Error> {
    call.rest.iter().map(|list| items_of(list, "lookup")).collect()
}

pub(super) fn together(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = lists(call)?;
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| -> Value {
        lists.iter().map(|list| list.get(at).cloned().unwrap_or(Value::from(()))).collect()
    };
    Ok((0..longest).map(row).collect())
}

pub(super) fn nested(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = lists(call)?;
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

/// Numbers as texts: `sequence` with `start=1 end=3 format=web%02d`, as words or as arguments.
pub(super) fn sequence(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut options: Vec<(String, String)> = Vec::new();
    for term in &call.rest {
        for word in text_of(term)?.split_whitespace() {
            let (key, value) =
                word.split_once('=').ok_or_else(|| call.wrong(format!("'{word}' is not 'option=value'")))?;
            options.push((key.to_owned(), value.to_owned()));
        }
    }
    for key in ["start", "end", "count", "stride", "format"] {
        if let Some(value) = call.text(key)? {
            options.push((key.to_owned(), value));
        }
    }
    let option =
        |key: &str| options.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
    let number = |key: &str| {
        option(key)
            .map(|value| {
                value.parse::<i64>().map_err(|_| call.wrong(format!("{key} is a number, not '{value}'")))
            })
            .transpose()
    };
    let (start, stride) = (number("start")?.unwrap_or(1), number("stride")?.unwrap_or(1));
    let end = match (number("end")?, number("count")?) {
        (Some(end), _) => end,
        (None, Some(0)) => return Ok(Value::from(Vec::<Value>::new())),
        (None, Some(count)) => start.saturating_add(count.saturating_sub(1).saturating_mul(stride)),
        (None, None) => return Err(call.wrong("it needs 'end' or 'count'")),
    };
    let steps = end.checked_sub(start).filter(|_| stride != 0).map(|span| span / stride);
    if steps.is_none_or(|steps| steps >= ITEMS_MAX) {
        return Err(call.wrong(format!("it would have more than {ITEMS_MAX} items")));
    }
    let written = option("format").unwrap_or("%d");
    let number_at = |step: i64| format(FormatStyle::Printf, written, &[Value::from(start + step * stride)]);
    let texts: Result<Vec<String>, Error> = (0..=steps.unwrap_or(-1)).map(number_at).collect();
    Ok(texts?.into_iter().map(Value::from).collect())
}

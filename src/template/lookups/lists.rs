//! Lookups that put lists together; each is also what a `with_…` loop goes over.

use crate::template::call::{Call, items_of, pairs_of, text_of, tuple};
use crate::template::chance;
use crate::template::filters::pairs_with;
use crate::template::functions::terms;
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

/// The most items that a lookup may give.
const ITEMS_MAX: i64 = 100_000;

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
    let [elements, path, rest @ ..] = call.rest.as_slice() else {
        return Err(call.wrong("it needs a list (or mapping) and the name of the list in each"));
    };
    let skips = match rest.first() {
        Some(flags) if flags.kind() == ValueKind::Map => flags.get_attr("skip_missing")?.is_true(),
        _ => false,
    };
    let path: Vec<Value> = match path.as_str() {
        Some(path) => path.split('.').map(Value::from).collect(),
        None => items_of(path, "subelements")?,
    };
    let pairs = items_of(&pairs_with(elements, &path.iter().cloned().collect(), skips)?, "subelements")?;
    let pairs = pairs.into_iter().map(|pair| {
        let element = without(&pair.get_item_by_index(0)?, &path)?;
        Ok(tuple([element, pair.get_item_by_index(1)?]))
    });
    pairs.collect::<Result<Vec<_>, Error>>().map(Value::from)
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
        let text = text_of(term)?;
        if let Some(short) = shortcut(&text) {
            options.extend(short);
            continue;
        }
        for word in text.split_whitespace() {
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
                number_in(value).ok_or_else(|| call.wrong(format!("{key} is a number, not '{value}'")))
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

/// A number as Python reads one in a program: also `0x1f`, `0o17`.
fn number_in(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        _ => (10, digits),
    };
    i64::from_str_radix(digits, radix).ok().map(|number| sign * number)
}

/// Reads `[start-]end[/stride][:format]`.
fn shortcut(text: &str) -> Option<Vec<(String, String)>> {
    let (numbers, format) =
        text.split_once(':').map_or((text, None), |(numbers, format)| (numbers, Some(format)));
    let (span, stride) =
        numbers.split_once('/').map_or((numbers, None), |(span, stride)| (span, Some(stride)));
    let (start, end) = span.split_once('-').map_or((None, span), |(start, end)| (Some(start), end));
    number_in(end)?;
    let pairs = [("start", start), ("end", Some(end)), ("stride", stride), ("format", format)];
    if [start, stride].into_iter().flatten().any(|number| number_in(number).is_none()) {
        return None;
    }
    Some(pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect())
}

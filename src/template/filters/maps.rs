//! Filters on mappings.

use crate::template::call::{Call, Word, items_of, pairs_of};
use crate::template::convert::valid;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "combine", params: &["*maps", "recursive", "list_merge"], body: combine },
    Word { name: "dict2items", params: &["key_name", "value_name"], body: dict2items },
    Word { name: "items2dict", params: &["key_name", "value_name"], body: items2dict },
];

pub(super) const GENERAL: &[Word] = &[Word { name: "dict", params: &[], body: dict }];

type Pairs = Vec<(Value, Value)>;

/// How lists under the same key are put together.
#[derive(Clone, Copy)]
enum ListMerge {
    Replace,
    Keep,
    Append,
    Prepend,
    AppendNew,
    PrependNew,
}

impl ListMerge {
    fn of(call: &Call) -> Result<Self, Error> {
        Ok(match call.text("list_merge")?.as_deref() {
            None | Some("replace") => Self::Replace,
            Some("keep") => Self::Keep,
            Some("append") => Self::Append,
            Some("prepend") => Self::Prepend,
            Some("append_rp") => Self::AppendNew,
            Some("prepend_rp") => Self::PrependNew,
            Some(_) => {
                return Err(
                    call.wrong("list_merge is replace, keep, append, prepend, append_rp or prepend_rp")
                );
            }
        })
    }

    fn merge(self, old: &Value, new: &Value) -> Result<Value, Error> {
        let (mut a, mut b) = (items_of(old, "combine")?, items_of(new, "combine")?);
        Ok(Value::from(match self {
            Self::Replace => b,
            Self::Keep => a,
            Self::Append => {
                a.append(&mut b);
                a
            }
            Self::Prepend => {
                b.append(&mut a);
                b
            }
            Self::AppendNew => {
                a.retain(|item| !b.contains(item));
                a.append(&mut b);
                a
            }
            Self::PrependNew => {
                a.retain(|item| !b.contains(item));
                b.append(&mut a);
                b
            }
        }))
    }
}

fn combine(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = ListMerge::of(call)?;
    let depth = if call.is_set("recursive") { 64 } else { 0 };
    let mut maps = Vec::new();
    for map in std::iter::once(&call.operand).chain(&call.rest) {
        match map.kind() {
            ValueKind::Seq | ValueKind::Iterable => maps.extend(items_of(map, "combine")?),
            _ => maps.push(map.clone()),
        }
    }
    let mut combined = Pairs::new();
    for map in &maps {
        combined = merge(combined, pairs_of(map, "combine")?, depth, lists)?;
    }
    Ok(Value::from_pairs(combined))
}

fn merge(old: Pairs, new: Pairs, depth: usize, lists: ListMerge) -> Result<Pairs, Error> {
    let mut merged: indexmap::IndexMap<Value, Value> = old.into_iter().collect();
    for (key, value) in new {
        let value = match merged.get(&key) {
            Some(old) => merge_member(old, value, depth, lists)?,
            None => value,
        };
        merged.insert(key, value);
    }
    Ok(merged.into_iter().collect())
}

fn merge_member(old: &Value, new: Value, depth: usize, lists: ListMerge) -> Result<Value, Error> {
    let is_list = |value: &Value| matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable);
    if depth > 0 && old.kind() == ValueKind::Map && new.kind() == ValueKind::Map {
        let merged = merge(pairs_of(old, "combine")?, pairs_of(&new, "combine")?, depth - 1, lists)?;
        return Ok(Value::from_pairs(merged));
    }
    if is_list(old) && is_list(&new) { lists.merge(old, &new) } else { Ok(new) }
}

fn names(call: &Call) -> Result<(Value, Value), Error> {
    let name = |param, usual: &str| {
        Ok::<_, Error>(Value::from(call.text(param)?.unwrap_or_else(|| usual.to_owned())))
    };
    Ok((name("key_name", "key")?, name("value_name", "value")?))
}

fn dict2items(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (key_name, value_name) = names(call)?;
    let item = |(key, value)| Value::from_pairs([(key_name.clone(), key), (value_name.clone(), value)]);
    Ok(call.pairs()?.into_iter().map(item).collect())
}

fn items2dict(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (key_name, value_name) = names(call)?;
    let mut pairs = Pairs::new();
    for item in call.items()? {
        let (key, value) = (valid(item.get_item(&key_name)?)?, valid(item.get_item(&value_name)?)?);
        if key.is_undefined() || value.is_undefined() {
            return Err(call.wrong(format!("every item needs '{key_name}' and '{value_name}'")));
        }
        pairs.push((key, value));
    }
    Ok(Value::from_pairs(pairs))
}

/// A mapping of a list of pairs.
fn dict(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut pairs = Pairs::new();
    for pair in call.items()? {
        match items_of(&pair, "dict")?.as_slice() {
            [key, value] => pairs.push((key.clone(), value.clone())),
            other => return Err(call.wrong(format!("it needs pairs, not {} values", other.len()))),
        }
    }
    Ok(Value::from_pairs(pairs))
}

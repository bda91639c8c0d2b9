//! Filters on mappings.

use crate::model::{Pattern, PatternOptions};
use crate::template::call::{Call, ITEMS_MAX, Word, items_of, pairs_of, text_of, too_many};
use crate::template::convert::valid;
use crate::template::version;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "combine", params: &["*maps", "recursive", "list_merge"], body: combine },
    Word { name: "dict2items", params: &["key_name", "value_name"], body: dict2items },
    Word { name: "items2dict", params: &["key_name", "value_name"], body: items2dict },
];

pub(super) const GENERAL: &[Word] = &[
    Word { name: "dict", params: &[], body: dict },
    Word {
        name: "dict_kv",
        params: &["key"],
        body: |_, call| Ok(Value::from_pairs([(call.need("key")?.clone(), call.operand.clone())])),
    },
    Word {
        name: "keep_keys",
        params: &["target", "matching_parameter"],
        body: |_, call| some_keys(call, true),
    },
    Word {
        name: "remove_keys",
        params: &["target", "matching_parameter"],
        body: |_, call| some_keys(call, false),
    },
    Word { name: "lists_mergeby", params: &["*lists", "recursive", "list_merge"], body: lists_mergeby },
    Word { name: "groupby_as_dict", params: &["attribute"], body: groupby_as_dict },
    Word { name: "counter", params: &[], body: counter },
    Word { name: "version_sort", params: &["reverse"], body: version_sort },
];

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
        if a.len() + b.len() > ITEMS_MAX {
            return Err(too_many("combine"));
        }
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

/// Each mapping with those of its members that a list names, or without them.
fn some_keys(call: &Call, keeps: bool) -> Result<Value, Error> {
    let target = call.need("target")?;
    let names = match target.as_str() {
        Some(_) => vec![target.clone()],
        None => items_of(target, "target")?,
    };
    let names = names.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    let matching = call.text("matching_parameter")?.unwrap_or_else(|| "equal".into());
    let patterns: Vec<Pattern> = match matching.as_str() {
        "regex" => names
            .iter()
            .map(|name| Pattern::new(name, PatternOptions::default()).map_err(|error| call.wrong(error)))
            .collect::<Result<_, _>>()?,
        _ => Vec::new(),
    };
    let meant = |key: &str| match matching.as_str() {
        "equal" => Ok(names.iter().any(|name| name == key)),
        "starts_with" => Ok(names.iter().any(|name| key.starts_with(name))),
        "ends_with" => Ok(names.iter().any(|name| key.ends_with(name))),
        "regex" => Ok(patterns.iter().any(|pattern| pattern.is_at_start(key).unwrap_or(false))),
        other => Err(call
            .wrong(format!("matching_parameter is equal, starts_with, ends_with or regex, not '{other}'"))),
    };
    let mut kept = Vec::new();
    for map in call.items()? {
        let mut members = Pairs::new();
        for (key, value) in pairs_of(&map, "keys")? {
            if meant(&text_of(&key)?)? == keeps {
                members.push((key, value));
            }
        }
        kept.push(Value::from_pairs(members));
    }
    Ok(Value::from(kept))
}

/// Lists of mappings put together: those with the same value under a key become one. The last argument is the key.
fn lists_mergeby(_: &mut State, call: &Call) -> Result<Value, Error> {
    let Some((key, more)) = call.rest.split_last() else { return Err(call.wrong("it needs a key")) };
    let depth = if call.is_set("recursive") { 64 } else { 0 };
    let lists = ListMerge::of(call)?;
    let mut found: indexmap::IndexMap<Value, Pairs> = indexmap::IndexMap::new();
    for list in std::iter::once(&call.operand).chain(more) {
        for item in items_of(list, "lists_mergeby")? {
            let name = valid(item.get_item(key)?)?;
            if name.is_undefined() {
                continue;
            }
            let old = found.shift_remove(&name).unwrap_or_default();
            found.insert(name, merge(old, pairs_of(&item, "lists_mergeby")?, depth, lists)?);
        }
    }
    found.sort_keys();
    Ok(found.into_values().map(Value::from_pairs).collect())
}

fn groupby_as_dict(_: &mut State, call: &Call) -> Result<Value, Error> {
    let key = call.need("attribute")?;
    let mut found = indexmap::IndexMap::new();
    for item in call.items()? {
        let name = valid(item.get_item(key)?)?;
        if name.is_undefined() || found.insert(name.clone(), item).is_some() {
            return Err(call.wrong(format!("every item has its own '{key}'")));
        }
    }
    Ok(Value::from_pairs(found))
}

/// How often each item is there.
fn counter(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut found: indexmap::IndexMap<Value, i64> = indexmap::IndexMap::new();
    for item in call.items()? {
        *found.entry(item).or_default() += 1;
    }
    Ok(Value::from_pairs(found.into_iter().map(|(item, count)| (item, Value::from(count)))))
}

fn version_sort(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut texts = call.items()?.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    let before = |a: &str, b: &str| version::compare(a, "<", b, None).unwrap_or(a < b);
    texts.sort_by(|a, b| match (before(a, b), before(b, a)) {
        (true, _) => std::cmp::Ordering::Less,
        (_, true) => std::cmp::Ordering::Greater,
        _ => std::cmp::Ordering::Equal,
    });
    if call.is_set("reverse") {
        texts.reverse();
    }
    Ok(texts.into_iter().map(Value::from).collect())
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

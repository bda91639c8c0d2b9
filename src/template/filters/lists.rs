//! Filters on lists. Order is kept, and equality is Python's.

use crate::template::call::{
    Call, ITEMS_MAX, Word, defined, items_of, kind_of, pairs_of, text_of, tuple, wrong,
};
use crate::template::convert::valid;
use crate::template::evaluate::OUTPUT_BYTES_MAX;
use crate::template::explain::{into_engine, too_large};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "join", params: &["d", "attribute"], body: join },
    Word {
        name: "first",
        params: &[],
        body: |_, call| Ok(call.items()?.into_iter().next().unwrap_or_default()),
    },
    Word { name: "last", params: &[], body: |_, call| Ok(call.items()?.pop().unwrap_or_default()) },
    Word { name: "unique", params: &["case_sensitive", "attribute"], body: unique },
    Word { name: "union", params: &["other"], body: union },
    Word { name: "intersect", params: &["other"], body: intersect },
    Word { name: "difference", params: &["other"], body: difference },
    Word { name: "symmetric_difference", params: &["other"], body: symmetric_difference },
    Word { name: "flatten", params: &["levels", "skip_nulls"], body: flatten },
    Word { name: "zip", params: &["*lists"], body: zip },
    Word { name: "zip_longest", params: &["*lists", "fillvalue"], body: zip_longest },
    Word { name: "product", params: &["*lists", "repeat"], body: product },
    Word { name: "subelements", params: &["subelements", "skip_missing"], body: subelements },
    Word { name: "extract", params: &["container", "morekeys"], body: extract },
];

fn join(_: &mut State, call: &Call) -> Result<Value, Error> {
    let joiner = call.text("d")?.unwrap_or_default();
    let path = call.text("attribute")?;
    let mut out = String::new();
    for (at, item) in call.items()?.into_iter().enumerate() {
        if at > 0 {
            out.push_str(&joiner);
        }
        out.push_str(&text_of(&attribute(item, path.as_deref())?)?);
        if out.len() > OUTPUT_BYTES_MAX {
            return Err(into_engine(too_large()));
        }
    }
    Ok(Value::from(out))
}

/// A member of an item by its dotted path; the item itself without one.
fn attribute(item: Value, path: Option<&str>) -> Result<Value, Error> {
    let mut at = item;
    for part in path.into_iter().flat_map(|path| path.split('.')) {
        let key = part.parse::<usize>().map_or_else(|_| Value::from(part), Value::from);
        at = valid(at.get_item(&key)?)?;
    }
    Ok(at)
}

fn keep_first(items: Vec<Value>) -> Vec<Value> {
    let mut seen = Seen::default();
    items.into_iter().filter(|item| seen.is_new(item)).collect()
}

/// The items met so far. Strings are found by their text, so that long lists of them stay quick.
#[derive(Default)]
struct Seen {
    texts: std::collections::HashSet<String>,
    others: Vec<Value>,
}

impl Seen {
    fn of(items: &[Value]) -> Self {
        let mut seen = Self::default();
        items.iter().for_each(|item| {
            seen.is_new(item);
        });
        seen
    }

    fn is_new(&mut self, item: &Value) -> bool {
        let new = !self.has(item);
        match item.as_str() {
            Some(text) if new => {
                self.texts.insert(text.to_owned());
            }
            None if new => self.others.push(item.clone()),
            _ => {}
        }
        new
    }

    fn has(&self, item: &Value) -> bool {
        item.as_str().map_or_else(|| self.others.contains(item), |text| self.texts.contains(text))
    }
}

fn unique(_: &mut State, call: &Call) -> Result<Value, Error> {
    let path = call.text("attribute")?;
    let folds = call.arg("case_sensitive").is_some_and(|given| !given.is_true());
    let mut seen = Seen::default();
    let mut kept = Vec::new();
    for item in call.items()? {
        let mut key = attribute(item.clone(), path.as_deref())?;
        if let Some(text) = key.as_str().filter(|_| folds) {
            key = Value::from(text.to_lowercase());
        }
        if seen.is_new(&key) {
            kept.push(item);
        }
    }
    Ok(Value::from(kept))
}

fn other(call: &Call) -> Result<Vec<Value>, Error> {
    items_of(call.need("other")?, "other")
}

fn union(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut items = call.items()?;
    items.extend(other(call)?);
    Ok(Value::from(keep_first(items)))
}

fn intersect(_: &mut State, call: &Call) -> Result<Value, Error> {
    let others = Seen::of(&other(call)?);
    Ok(Value::from(keep_first(call.items()?.into_iter().filter(|item| others.has(item)).collect())))
}

fn difference(_: &mut State, call: &Call) -> Result<Value, Error> {
    let others = Seen::of(&other(call)?);
    Ok(Value::from(keep_first(call.items()?.into_iter().filter(|item| !others.has(item)).collect())))
}

fn symmetric_difference(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (ours, theirs) = (call.items()?, other(call)?);
    let (seen_ours, seen_theirs) = (Seen::of(&ours), Seen::of(&theirs));
    let mut apart: Vec<Value> = ours.into_iter().filter(|item| !seen_theirs.has(item)).collect();
    apart.extend(theirs.into_iter().filter(|item| !seen_ours.has(item)));
    Ok(Value::from(keep_first(apart)))
}

fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

fn flatten(_: &mut State, call: &Call) -> Result<Value, Error> {
    let skips_nulls = call.arg("skip_nulls").is_none_or(Value::is_true);
    let levels = call.integer("levels")?.unwrap_or(i64::MAX);
    let mut flat = Vec::new();
    flatten_into(call.items()?, levels, skips_nulls.then_some(()), &mut flat)?;
    Ok(Value::from(flat))
}

fn flatten_into(
    items: Vec<Value>,
    levels: i64,
    skips_nulls: Option<()>,
    flat: &mut Vec<Value>,
) -> Result<(), Error> {
    for item in items {
        if is_list(defined(&item)?) && levels > 0 {
            flatten_into(items_of(&item, "flatten")?, levels - 1, skips_nulls, flat)?;
        } else if !(item.is_none() && skips_nulls.is_some()) {
            flat.push(item);
        }
    }
    Ok(())
}

/// The operand and the further lists, each as its items.
fn all_lists(call: &Call) -> Result<Vec<Vec<Value>>, Error> {
    std::iter::once(&call.operand).chain(&call.rest).map(|list| items_of(list, "zip")).collect()
}

fn zip(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = all_lists(call)?;
    let shortest = lists.iter().map(Vec::len).min().unwrap_or_default();
    Ok((0..shortest).map(|at| row(&lists, at, &Value::UNDEFINED)).collect())
}

fn zip_longest(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = all_lists(call)?;
    let fill = call.arg("fillvalue").cloned().unwrap_or(Value::from(()));
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    Ok((0..longest).map(|at| row(&lists, at, &fill)).collect())
}

fn row(lists: &[Vec<Value>], at: usize, fill: &Value) -> Value {
    tuple(lists.iter().map(|list| list.get(at).unwrap_or(fill).clone()))
}

fn product(_: &mut State, call: &Call) -> Result<Value, Error> {
    let once = all_lists(call)?;
    let repeat = call.integer("repeat")?.map_or(Ok(1), usize::try_from).unwrap_or(1).min(64);
    let lists: Vec<&Vec<Value>> = std::iter::repeat_n(&once, repeat).flatten().collect();
    let size = lists.iter().try_fold(1_usize, |size, list| size.checked_mul(list.len()));
    if size.is_none_or(|size| size > ITEMS_MAX) {
        return Err(call.wrong(format!("the product has more than {ITEMS_MAX} items")));
    }
    let mut rows = vec![Vec::new()];
    for list in lists {
        let extend = |row: &Vec<Value>| {
            let row = row.clone();
            list.iter()
                .map(move |item| row.iter().chain([item]).cloned().collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        rows = rows.iter().flat_map(extend).collect();
    }
    Ok(rows.into_iter().map(tuple).collect())
}

fn subelements(_: &mut State, call: &Call) -> Result<Value, Error> {
    pairs_with(defined(&call.operand)?, call.need("subelements")?, call.is_set("skip_missing"))
}

/// Each element with each item of a list that it holds.
fn pairs_with(elements: &Value, path: &Value, skips_missing: bool) -> Result<Value, Error> {
    let elements: Vec<Value> = match elements.kind() {
        ValueKind::Map => {
            pairs_of(elements, "subelements")?.into_iter().map(|(_, element)| element).collect()
        }
        _ => items_of(elements, "subelements")?,
    };
    let path: Vec<Value> = match path.as_str() {
        Some(path) => path.split('.').map(Value::from).collect(),
        None => items_of(path, "subelements")?,
    };
    let mut pairs = Vec::new();
    for element in elements {
        let mut at = element.clone();
        for key in &path {
            at = if at.is_undefined() { at } else { valid(at.get_item(key)?)? };
        }
        if at.is_undefined() && skips_missing {
            continue;
        }
        if !is_list(defined(&at)?) {
            return Err(wrong(format!("'subelements': the subelements are {}, not a list", kind_of(&at))));
        }
        for sub in items_of(&at, "subelements")? {
            pairs.push(tuple([element.clone(), sub]));
        }
    }
    Ok(Value::from(pairs))
}

/// The operand is a key into the container; further keys lead further in.
fn extract(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut at = valid(call.need("container")?.get_item(defined(&call.operand)?)?)?;
    let more = match call.arg("morekeys").filter(|more| !more.is_none()) {
        None => Vec::new(),
        Some(keys) if is_list(keys) => items_of(keys, "extract")?,
        Some(key) => vec![key.clone()],
    };
    for key in more {
        at = valid(at.get_item(&key)?)?;
    }
    Ok(at)
}

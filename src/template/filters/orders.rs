//! Filters that put lists in another order or apply another filter to each item, with what the engine's own lack: `map`
//! hands named arguments on, `sort` takes its arguments by position, too, and refuses what can't be compared.

use crate::template::call::{Call, Word, defined, items_of, kind_of, pairs_of, text_of, tuple, wrong};
use crate::template::convert::valid;
use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "permutations", params: &["r"], body: |_, call| chosen(call, Order::Counts) },
    Word { name: "combinations", params: &["r"], body: |_, call| chosen(call, Order::IsKept) },
    Word { name: "rekey_on_member", params: &["key", "duplicates"], body: rekey_on_member },
];

/// Replaces the engine's.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter(
        "map",
        |state: &mut State, value: Value, args: Rest<ValueOrKwargs>| {
            if value.is_undefined() { Ok(value) } else { map(state, value, args) }
        },
    );
    environment.add_filter(
        "sort",
        |state: &mut State, value: Value, args: Rest<ValueOrKwargs>| {
            if value.is_undefined() { Ok(value) } else { sort(state, value, args) }
        },
    );
}

fn map(state: &mut State, value: Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let args = args.into_values();
    let Some((name, rest)) = args.split_first().filter(|(first, _)| !first.is_kwargs()) else {
        if args.is_empty() {
            return Err(wrong("'map' needs a filter's name or attribute=…"));
        }
        return filters::map(state, value, Rest(args.into_iter().map(ValueOrKwargs::from).collect()))
            .map(Value::from);
    };
    let name = text_of(name)?;
    let apply = |item: Value| {
        let args: Vec<Value> = std::iter::once(item).chain(rest.iter().cloned()).collect();
        state.apply_filter(&name, &args)
    };
    items_of(&value, "map")?.into_iter().map(apply).collect::<Result<Vec<_>, _>>().map(Value::from)
}

fn sort(state: &mut State, value: Value, args: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    let mut named: Vec<(String, Value)> = Vec::new();
    for (at, arg) in args.into_values().into_iter().enumerate() {
        if arg.is_kwargs() {
            for (name, value) in pairs_of(&arg, "sort")? {
                named.push((name.to_string(), value));
            }
            continue;
        }
        let name = ["reverse", "case_sensitive", "attribute"].get(at);
        named.push(((*name.ok_or_else(|| wrong("'sort' takes at most 3 arguments"))?).to_owned(), arg));
    }
    if !named.iter().any(|(name, value)| name == "attribute" && !value.is_none()) {
        comparable(&items_of(&value, "sort")?)?;
    }
    filters::sort(state, value, named.into_iter().collect::<Kwargs>())
}

/// Numbers and booleans can be compared with each other, everything else with its own kind.
fn comparable(items: &[Value]) -> Result<(), Error> {
    let kind = |value: &Value| match value.kind() {
        ValueKind::Bool => ValueKind::Number,
        kind => kind,
    };
    for pair in items.windows(2) {
        if let [a, b] = pair
            && kind(defined(a)?) != kind(defined(b)?)
        {
            return Err(wrong(format!("{} and {} can't be compared", kind_of(a), kind_of(b))));
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Counts,
    IsKept,
}

/// The most rows that are made.
const ROWS_MAX: usize = 200_000;

fn chosen(call: &Call, order: Order) -> Result<Value, Error> {
    let items = call.items()?;
    let length = match (call.integer("r")?, order) {
        (Some(length), _) => usize::try_from(length).map_err(|_| call.wrong("the length is negative"))?,
        (None, Order::Counts) => items.len(),
        (None, Order::IsKept) => return Err(call.wrong("it needs a length")),
    };
    let mut rows: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..length {
        let mut longer = Vec::new();
        for row in &rows {
            let from = if order == Order::IsKept { row.last().map_or(0, |last| last + 1) } else { 0 };
            for at in (from..items.len()).filter(|at| !row.contains(at)) {
                longer.push([row.as_slice(), &[at]].concat());
            }
            if longer.len() > ROWS_MAX {
                return Err(call.wrong(format!("there are more than {ROWS_MAX}")));
            }
        }
        rows = longer;
    }
    Ok(rows.iter().map(|row| tuple(row.iter().filter_map(|at| items.get(*at).cloned()))).collect())
}

/// A mapping of items by one of their members.
fn rekey_on_member(_: &mut State, call: &Call) -> Result<Value, Error> {
    let key = call.need("key")?;
    let overwrites = match call.text("duplicates")?.as_deref() {
        None | Some("error") => false,
        Some("overwrite") => true,
        Some(other) => return Err(call.wrong(format!("duplicates is error or overwrite, not '{other}'"))),
    };
    let items = match call.operand.kind() {
        ValueKind::Map => call.pairs()?.into_iter().map(|(_, item)| item).collect(),
        _ => call.items()?,
    };
    let mut found = indexmap::IndexMap::new();
    for item in items {
        let member = valid(item.get_item(key)?)?;
        if member.is_undefined() {
            return Err(call.wrong(format!("an item has no '{key}'")));
        }
        if found.insert(member.clone(), item).is_some() && !overwrites {
            return Err(call.wrong(format!("two items have the same '{key}', '{member}'")));
        }
    }
    Ok(Value::from_pairs(found))
}

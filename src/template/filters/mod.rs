//! The filters that templates can use. Each file holds a table of them; this one joins the tables.

mod basic;
mod encoding;
mod lists;
mod maps;
mod net;
mod numbers;
mod paths;
mod patterns;
mod text;
mod time;

pub(super) use net::is_address;
pub(super) use patterns::pattern;

use super::call::{Call, Word};
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, State};
use std::collections::BTreeSet;

/// The tables of filters.
const TABLES: [&[Word]; 10] = [
    basic::FILTERS,
    encoding::FILTERS,
    lists::FILTERS,
    maps::FILTERS,
    net::FILTERS,
    numbers::FILTERS,
    paths::FILTERS,
    patterns::FILTERS,
    text::FILTERS,
    time::FILTERS,
];

/// Filters of the engine's own that do what Jinja's do.
const ENGINE: [&str; 24] = [
    "abs",
    "batch",
    "dictsort",
    "e",
    "escape",
    "format",
    "groupby",
    "items",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "sum",
    "tojson",
    "urlencode",
];

/// Adds the filters to an environment and returns their names.
pub(super) fn register(environment: &mut Environment<'static>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ENGINE.into_iter().map(str::to_owned).collect();
    for word in TABLES.into_iter().flatten() {
        for name in [word.name.to_owned(), format!("ansible.builtin.{}", word.name)] {
            environment.add_filter(name.clone(), move |state: &mut State, args: Rest<ValueOrKwargs>| {
                (word.body)(state, &Call::with_operand(word, args)?)
            });
            names.insert(name);
        }
    }
    names
}

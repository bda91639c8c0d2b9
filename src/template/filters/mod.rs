//! The filters that templates can use. Each file holds a table of them; this one joins the tables.

mod basic;

use super::call::{Call, Word};
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, State};
use std::collections::BTreeSet;

/// The tables of filters.
const TABLES: [&[Word]; 1] = [basic::FILTERS];

/// Filters of the engine that do what Ansible's do.
const ENGINE: [&str; 23] = [
    "abs",
    "batch",
    "count",
    "dictsort",
    "first",
    "groupby",
    "items",
    "join",
    "last",
    "length",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "sum",
    "unique",
    "upper",
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

//! The filters that templates can use. Each file holds a table of them; this one joins the tables.

mod basic;
mod bounded;
mod encoding;
mod lists;
mod maps;
mod net;
mod numbers;
mod orders;
mod passwords;
mod paths;
mod patterns;
mod queries;
mod text;
mod time;

pub(super) use net::is_address;
pub(super) use passwords::{Hashing, hash_password, new_salt};
pub(super) use patterns::pattern;

use super::call::{Call, Word};
use super::rewrite::MEMBER;
pub(in crate::template) use bounded::{check_growth, check_widths, occurrences};
use minijinja::value::{Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};
use std::collections::BTreeSet;

/// The tables of filters, with the collection that each belongs to in full names.
const TABLES: [(&str, &[Word]); 15] = [
    ("ansible.builtin", basic::FILTERS),
    ("ansible.builtin", encoding::FILTERS),
    ("ansible.builtin", lists::FILTERS),
    ("ansible.builtin", maps::FILTERS),
    ("community.general", maps::GENERAL),
    ("ansible.builtin", net::URL_FILTERS),
    ("ansible.utils", net::FILTERS),
    ("ansible.builtin", numbers::FILTERS),
    ("ansible.builtin", orders::FILTERS),
    ("ansible.builtin", passwords::FILTERS),
    ("community.general", queries::FILTERS),
    ("ansible.builtin", paths::FILTERS),
    ("ansible.builtin", patterns::FILTERS),
    ("ansible.builtin", text::FILTERS),
    ("ansible.builtin", time::FILTERS),
];

/// Filters of the engine's own that do what Jinja's do.
const ENGINE: [&str; 23] = [
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
    "urlencode",
];

/// Puts filters of the engine's own behind a look at what they are given.
macro_rules! passing {
    ($environment:ident: $($name:literal $filter:path),*) => {
        $(
            $environment.add_filter(concat!("\0", $name), $filter);
            $environment.add_filter($name, |state: &mut State, args: Rest<ValueOrKwargs>| {
                let args = args.into_values();
                match args.first().filter(|operand| operand.is_undefined()) {
                    Some(undefined) => Ok(undefined.clone()),
                    None => state.apply_filter(concat!("\0", $name), &args),
                }
            });
        )*
    };
}

/// Adds the filters to an environment and returns their names.
pub(super) fn register(environment: &mut Environment<'static>) -> BTreeSet<String> {
    orders::register(environment);
    let mut names: BTreeSet<String> = ENGINE.into_iter().map(str::to_owned).collect();
    for name in ENGINE {
        for collection in ["ansible.builtin", "ansible.legacy"] {
            let full = format!("{collection}.{name}");
            environment.add_filter(full.clone(), move |state: &mut State, args: Rest<ValueOrKwargs>| {
                state.apply_filter(name, &args.into_values())
            });
            names.insert(full);
        }
    }
    for (word, collection) in
        TABLES.iter().flat_map(|(collection, words)| words.iter().map(move |word| (word, collection)))
    {
        let legacy = format!("ansible.legacy.{}", word.name);
        // Where the filters for addresses were before.
        let before = (*collection == "ansible.utils").then(|| format!("ansible.netcommon.{}", word.name));
        let names_of_it = [word.name.to_owned(), format!("{collection}.{}", word.name), legacy];
        for name in names_of_it.into_iter().chain(before) {
            environment.add_filter(name.clone(), move |state: &mut State, args: Rest<ValueOrKwargs>| {
                let call = Call::with_operand(word, args)?;
                match call.operand.is_undefined() && !TAKE_UNDEFINED.contains(&word.name) {
                    true => Ok(call.operand),
                    false => {
                        let value = (word.body)(state, &call)?;
                        bounded::made(state, word.name, value)
                    }
                }
            });
            names.insert(name);
        }
    }
    bounded::register(environment);
    passing!(environment: "select" filters::select, "reject" filters::reject, "selectattr" filters::selectattr,
        "rejectattr" filters::rejectattr, "reverse" filters::reverse, "min" filters::min, "max" filters::max,
        "sum" filters::sum, "round" filters::round, "abs" filters::abs, "items" filters::items,
        "dictsort" filters::dictsort, "groupby" filters::groupby, "urlencode" urlencode);
    names
}

/// Names and values of a mapping have their spaces as a form sends them.
fn urlencode(value: &Value) -> Result<String, Error> {
    if value.kind() == ValueKind::Seq && value.len() == Some(0) {
        return Ok(String::new());
    }
    let encoded = filters::urlencode(value)?;
    Ok(if value.as_str().is_some() { encoded } else { encoded.replace("%20", "+") })
}

/// Filters that have a use for what is undefined. All others hand it on, as ansible-core does: in the end `default` may
/// take it, or it is never looked at.
const TAKE_UNDEFINED: [&str; 4] = ["default", "d", "mandatory", MEMBER];

//! What `lookup` and `query` can look up: variables, the controller's environment and files, and lists put together.
//! Nothing here runs a program; lookups that would are refused by name.

mod files;
mod lists;

use super::call::{Body, Call, Word, items_of, text_of, unsupported, wrong};
use super::convert::valid;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::explain::into_engine;
use super::functions::terms;
use super::lazy::{Names, SELF};
use crate::model::{Pattern, PatternOptions, nearest};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Error, State, Value};
use std::path::Path;
use std::sync::Arc;

const LOOKUPS: &[Word] = &[
    Word { name: "env", params: &["*terms", "default", "wantlist"], body: env },
    Word { name: "vars", params: &["*terms", "default", "wantlist"], body: vars },
    Word { name: "varnames", params: &["*terms", "wantlist"], body: varnames },
    Word { name: "file", params: &["*terms", "rstrip", "lstrip", "errors", "wantlist"], body: files::file },
    Word {
        name: "template",
        params: &["*terms", "convert_data", "template_vars", "wantlist"],
        body: files::template,
    },
    Word {
        name: "first_found",
        params: &["*terms", "files", "paths", "skip", "errors", "wantlist"],
        body: files::first_found,
    },
    Word { name: "items", params: &["*terms", "wantlist"], body: lists::flat_once },
    Word {
        name: "list",
        params: &["*terms", "wantlist"],
        body: |_, call| Ok(Value::from(call.rest.clone())),
    },
    Word { name: "flattened", params: &["*terms", "wantlist"], body: lists::flattened },
    Word { name: "dict", params: &["*terms", "wantlist"], body: lists::dict },
    Word { name: "indexed_items", params: &["*terms", "wantlist"], body: lists::indexed_items },
    Word { name: "together", params: &["*terms", "wantlist"], body: lists::together },
    Word { name: "nested", params: &["*terms", "wantlist"], body: lists::nested },
    Word { name: "cartesian", params: &["*terms", "wantlist"], body: lists::nested },
    Word {
        name: "sequence",
        params: &["*terms", "start", "end", "count", "stride", "format", "wantlist"],
        body: lists::sequence,
    },
];

/// Lookups that run something, or reach out to somewhere.
const REFUSED: [&str; 13] = [
    "pipe",
    "password",
    "url",
    "lines",
    "ini",
    "csvfile",
    "fileglob",
    "inventory_hostnames",
    "random_choice",
    "dig",
    "hashi_vault",
    "subelements",
    "config",
];

/// The text of a template that another one brings in, ready to be compiled; nothing where there is none of this name.
/// It is looked for where templates are, and beside the one that names it.
pub(super) fn included(
    names: &Names,
    beside: Option<&Path>,
    name: &str,
    syntax: &SyntaxConfig,
) -> Result<Option<String>, Error> {
    let Some(text) = files::included(names, beside, name)? else { return Ok(None) };
    names.session.cache.included(name, &text, syntax).map(Some).map_err(into_engine)
}

/// Looks something up; also says whether a list was asked for.
pub(super) fn find(state: &mut State, plugin: &str, args: Vec<Value>) -> Result<(Vec<Value>, bool), Error> {
    let name = plugin
        .strip_prefix("ansible.builtin.")
        .or_else(|| plugin.strip_prefix("community.general."))
        .unwrap_or(plugin);
    let Some(word) = LOOKUPS.iter().find(|word| word.name == name) else { return Err(no_such(name)) };
    let call = Call::of_function(word, Rest(args.into_iter().map(ValueOrKwargs::from).collect()))?;
    let body: Body = word.body;
    let found = items_of(&body(state, &call)?, name)?;
    Ok((found, call.is_set("wantlist")))
}

fn no_such(name: &str) -> Error {
    if REFUSED.contains(&name) {
        return unsupported(format!("the lookup '{name}' is not supported yet"));
    }
    let near = nearest(name, LOOKUPS.iter().map(|word| word.name));
    let error = TemplateError::new(Kind::UnknownName, format!("there is no lookup '{name}'"));
    into_engine(error.hint(near.map(|near| format!("did you mean '{near}'?"))))
}

fn lookup_error(message: String) -> Error {
    into_engine(TemplateError::new(Kind::Lookup, message))
}

/// The namespace of this evaluation.
fn names(state: &State) -> Result<Arc<Names>, Error> {
    let scope = state.lookup(SELF).and_then(|scope| scope.downcast_object::<Names>());
    scope.ok_or_else(|| wrong("there are no variables here"))
}

fn env(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let value = names.session.cache.controller.variable(&text_of(&term)?).map(Value::from);
        found.push(value.or_else(|| call.arg("default").cloned()).unwrap_or_else(|| Value::from("")));
    }
    Ok(Value::from(found))
}

fn vars(state: &mut State, call: &Call) -> Result<Value, Error> {
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let name = text_of(&term)?;
        let value = state.lookup(&name).map(valid).transpose()?.filter(|value| !value.is_undefined());
        let value = value.or_else(|| call.arg("default").cloned());
        found.push(value.ok_or_else(|| undefined(state, &name))?);
    }
    Ok(Value::from(found))
}

fn undefined(state: &State, name: &str) -> Error {
    let known = names(state).map(|names| names.scope.names()).unwrap_or_default();
    let near = nearest(name, known.iter().map(String::as_str));
    let error = TemplateError::new(Kind::Undefined, format!("'{name}' is undefined"));
    into_engine(error.hint(near.map(|near| format!("did you mean '{near}'?"))))
}

/// The names of variables that match one of the patterns.
fn varnames(state: &mut State, call: &Call) -> Result<Value, Error> {
    let known = names(state)?.scope.names();
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let pattern = Pattern::new(&text_of(&term)?, PatternOptions::default())
            .map_err(|error| wrong(error.to_string()))?;
        for name in &known {
            if pattern.is_found(name).map_err(|error| wrong(error.to_string()))? {
                found.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(Value::from(found))
}

//! What `lookup` and `query` can look up: variables, the controller's environment and files, and lists put together.
//! `pipe`, `lines`, `url` and `password` do more than look: where a run may not act, what they come to is not known.

mod files;
mod filetree;
mod hosts;
mod lists;
mod programs;
mod secrets;
mod sequence;
mod tables;

pub(super) use files::globs;

use super::call::{Body, Call, Word, items_of, pairs_of, python_type, text_of, unsupported, wrong};
use super::convert::valid;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::explain::into_engine;
use super::functions::terms;
use super::lazy::{Names, SELF};
use crate::model::{Pattern, PatternOptions, nearest};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, ValueOrKwargs};
use minijinja::{Error, State, Value};
use std::path::Path;
use std::sync::Arc;

const LOOKUPS: &[Word] = &[
    Word { name: "env", params: &["*terms", "default"], body: env },
    Word { name: "vars", params: &["*terms", "default"], body: vars },
    Word { name: "varnames", params: &["*terms"], body: varnames },
    Word { name: "file", params: &["*terms", "rstrip", "lstrip"], body: files::file },
    Word { name: "unvault", params: &["*terms"], body: files::unvault },
    Word { name: "template", params: files::TEMPLATE, body: files::template },
    Word { name: "first_found", params: &["*terms", "files", "paths", "skip"], body: files::first_found },
    Word { name: "fileglob", params: &["*terms"], body: files::fileglob },
    Word { name: "filetree", params: &["*terms", "exclude"], body: filetree::filetree },
    Word { name: "csvfile", params: tables::CSV, body: tables::csvfile },
    Word { name: "ini", params: tables::INI, body: tables::ini },
    Word { name: "pipe", params: &["*terms"], body: programs::pipe },
    Word { name: "lines", params: &["*terms"], body: programs::lines },
    Word { name: "url", params: programs::URL, body: programs::url },
    Word { name: "password", params: secrets::PASSWORD, body: secrets::password },
    Word { name: "items", params: &["*terms"], body: lists::flat_once },
    Word { name: "list", params: &["*terms"], body: |_, call| Ok(Value::from(call.rest.clone())) },
    Word { name: "flattened", params: &["*terms"], body: lists::flattened },
    Word { name: "dict", params: &["*terms"], body: lists::dict },
    Word { name: "indexed_items", params: &["*terms"], body: lists::indexed_items },
    Word { name: "together", params: &["*terms"], body: lists::together },
    Word { name: "nested", params: &["*terms"], body: lists::nested },
    Word { name: "cartesian", params: &["*terms"], body: lists::nested },
    Word { name: "subelements", params: &["*terms"], body: lists::subelements },
    Word { name: "random_choice", params: &["*terms"], body: lists::random_choice },
    Word { name: "inventory_hostnames", params: &["*terms"], body: hosts::inventory_hostnames },
    Word { name: "sequence", params: sequence::SEQUENCE, body: sequence::sequence },
];

/// Lookups that reach out to where nothing of ours goes.
const REFUSED: [&str; 6] = ["config", "dig", "hashi_vault", "passwordstore", "aws_ssm", "onepassword"];

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

/// What a lookup came to.
pub(super) enum Found {
    /// These, and whether they were asked for as a list.
    Items(Vec<Value>, bool),
    /// Nothing, where that is no error (`errors='ignore'`); whether a list was asked for.
    Nothing(bool),
}

/// Looks something up.
pub(super) fn find(state: &mut State, plugin: &str, args: Vec<Value>) -> Result<Found, Error> {
    let name = ["ansible.builtin.", "ansible.legacy.", "community.general."]
        .iter()
        .find_map(|collection| plugin.strip_prefix(collection))
        .unwrap_or(plugin);
    let Some(word) = LOOKUPS.iter().find(|word| word.name == name) else { return Err(no_such(name)) };
    let mut manner = Manner::default();
    let args = args.into_iter().map(|arg| manner.taken_from(arg)).collect::<Result<Vec<_>, _>>()?;
    let call = Call::of_function(word, Rest(args.into_iter().map(ValueOrKwargs::from).collect()))?;
    let body: Body = word.body;
    match body(state, &call).and_then(|found| items_of(&found, name)) {
        Ok(found) => Ok(Found::Items(found, manner.wants_list)),
        Err(error) if manner.forgives && !names(state)?.session.is_unknown() => {
            let _ = error;
            Ok(Found::Nothing(manner.wants_list))
        }
        Err(error) => Err(error),
    }
}

/// Named arguments that every lookup takes.
#[derive(Default)]
struct Manner {
    wants_list: bool,
    forgives: bool,
}

impl Manner {
    /// Takes them away from the others.
    fn taken_from(&mut self, arg: Value) -> Result<Value, Error> {
        if !arg.is_kwargs() {
            return Ok(arg);
        }
        let mut rest = Vec::new();
        for (name, value) in pairs_of(&arg, "lookup")? {
            match name.as_str() {
                Some("wantlist") => self.wants_list = value.is_true(),
                Some("errors") => {
                    self.forgives = match text_of(&value)?.as_str() {
                        "strict" => false,
                        "ignore" | "warn" => true,
                        other => {
                            return Err(wrong(format!("'errors' is strict, warn or ignore, not '{other}'")));
                        }
                    }
                }
                _ => rest.push((name.to_string(), value)),
            }
        }
        Ok(Value::from(rest.into_iter().collect::<Kwargs>()))
    }
}

/// The options of a term that is written `word option=value …`, and what is left of the term.
fn options_in(term: &str, known: &[&str]) -> (String, Vec<(String, String)>) {
    let (mut words, mut options) = (Vec::new(), Vec::new());
    for word in term.split_whitespace() {
        match word.split_once('=').filter(|(name, _)| known.contains(name)) {
            Some((name, value)) => options.push((name.to_owned(), value.to_owned())),
            None => words.push(word),
        }
    }
    (words.join(" "), options)
}

/// An option: from the term itself, or as a named argument.
fn option(call: &Call, options: &[(String, String)], name: &str) -> Result<Option<String>, Error> {
    match options.iter().rev().find(|(known, _)| known == name) {
        Some((_, value)) => Ok(Some(value.clone())),
        None => call.text(name),
    }
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
        let (name, controller) = (text_of(&term)?, &names.session.cache.controller);
        if !controller.shows_variable(&name) {
            let what = if names.session.is_tainted() { "a variable".into() } else { format!("'{name}'") };
            return Err(names
                .session
                .unknown(&format!("what {what} says here, which needs an operator's real run")));
        }
        let value = controller.variable(&name).map(Value::from);
        found.push(value.or_else(|| call.arg("default").cloned()).unwrap_or_else(|| Value::from("")));
    }
    Ok(Value::from(found))
}

fn vars(state: &mut State, call: &Call) -> Result<Value, Error> {
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let Some(name) = term.as_str().map(str::to_owned) else {
            let kind = python_type(&term);
            return Err(call.wrong(format!("Variable name must be 'str' not '{kind}'")));
        };
        let value = state.lookup(&name).map(valid).transpose()?.filter(|value| !value.is_undefined());
        let value = value.or_else(|| call.arg("default").cloned());
        found.push(value.ok_or_else(|| undefined(state, &name))?);
    }
    Ok(Value::from(found))
}

fn undefined(state: &State, name: &str) -> Error {
    let known = names(state).map(|names| names.scope.names()).unwrap_or_default();
    let near = nearest(name, known.iter().map(String::as_str));
    let error = TemplateError::new(Kind::Undefined, format!("No variable named '{name}' was found"));
    into_engine(error.hint(near.map(|near| format!("did you mean '{near}'?"))))
}

/// The names of variables that match one of the patterns.
fn varnames(state: &mut State, call: &Call) -> Result<Value, Error> {
    let known = names(state)?.scope.names();
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let Some(text) = term.as_str() else {
            let kind = python_type(&term);
            return Err(
                call.wrong(format!("Invalid setting identifier, \"{term}\" is no string, but {kind}"))
            );
        };
        let pattern = Pattern::new(text, PatternOptions::default()).map_err(|error| {
            call.wrong(format!("Unable to use \"{text}\" as a search parameter: {error}"))
        })?;
        for name in &known {
            if pattern.is_found(name).map_err(|error| wrong(error.to_string()))? {
                found.push(Value::from(name.as_str()));
            }
        }
    }
    Ok(Value::from(found))
}

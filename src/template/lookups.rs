//! What `lookup` and `query` can look up: variables, the controller's environment and files, and lists put together.
//! Nothing here runs a program; lookups that would are refused by name.

use super::call::{Body, Call, Word, defined, items_of, text_of, unsupported, wrong};
use super::convert::valid;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::evaluate::into_engine;
use super::functions::terms;
use super::lazy::{Names, SELF};
use crate::model::{Pattern, PatternOptions, nearest};
use minijinja::value::{Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Error, State, Value};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const LOOKUPS: &[Word] = &[
    Word { name: "env", params: &["*terms", "default", "wantlist"], body: env },
    Word { name: "vars", params: &["*terms", "default", "wantlist"], body: vars },
    Word { name: "varnames", params: &["*terms", "wantlist"], body: varnames },
    Word { name: "file", params: &["*terms", "rstrip", "lstrip", "errors", "wantlist"], body: file },
    Word {
        name: "template",
        params: &["*terms", "convert_data", "template_vars", "wantlist"],
        body: template,
    },
    Word {
        name: "first_found",
        params: &["*terms", "files", "paths", "skip", "errors", "wantlist"],
        body: first_found,
    },
    Word { name: "items", params: &["*terms", "wantlist"], body: flat_once },
    Word {
        name: "list",
        params: &["*terms", "wantlist"],
        body: |_, call| Ok(Value::from(call.rest.clone())),
    },
    Word { name: "flattened", params: &["*terms", "wantlist"], body: flattened },
    Word { name: "dict", params: &["*terms", "wantlist"], body: dict },
    Word { name: "indexed_items", params: &["*terms", "wantlist"], body: indexed_items },
    Word { name: "together", params: &["*terms", "wantlist"], body: together },
    Word { name: "nested", params: &["*terms", "wantlist"], body: nested },
    Word { name: "cartesian", params: &["*terms", "wantlist"], body: nested },
    Word {
        name: "sequence",
        params: &["*terms", "start", "end", "count", "stride", "format", "wantlist"],
        body: sequence,
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

/// The most items that a lookup may give.
const ITEMS_MAX: i64 = 100_000;

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

/// Where a file may be: as written, or in one of the scope's folders and their usual subfolder.
fn candidates(names: &Names, path: &str, subfolder: &str) -> Vec<PathBuf> {
    if Path::new(path).is_absolute() {
        return vec![PathBuf::from(path)];
    }
    let beneath = |dir: PathBuf| [dir.join(subfolder).join(path), dir.join(path)];
    names.scope.search_dirs().into_iter().flat_map(beneath).collect()
}

/// The first of a file's possible places where there is one.
fn locate(names: &Names, path: &str, subfolder: &str) -> Option<PathBuf> {
    candidates(names, path, subfolder)
        .into_iter()
        .find(|candidate| names.session.cache.controller.is_file(candidate))
}

fn read(names: &Names, path: &str, subfolder: &str) -> Result<String, Error> {
    let Some(found) = locate(names, path, subfolder) else {
        let tried: Vec<String> =
            candidates(names, path, subfolder).iter().map(|path| path.display().to_string()).collect();
        let places = if tried.is_empty() {
            "no folder is searched here".into()
        } else {
            format!("tried {}", tried.join(", "))
        };
        return Err(lookup_error(format!("there is no file '{path}'; {places}")));
    };
    let content = names.session.cache.controller.read(&found);
    let bytes =
        content.map_err(|error| lookup_error(format!("'{}' can't be read: {error}", found.display())))?;
    String::from_utf8(bytes).map_err(|_| lookup_error(format!("'{}' is no text", found.display())))
}

fn file(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let errors = call.text("errors")?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let text = match read(&names, &text_of(&term)?, "files") {
            Ok(text) => text,
            Err(_) if matches!(errors.as_deref(), Some("ignore" | "warn")) => continue,
            Err(error) => return Err(error),
        };
        let text = if call.is_set("lstrip") { text.trim_start() } else { &text };
        let text = if call.arg("rstrip").is_none_or(Value::is_true) { text.trim_end() } else { text };
        found.push(Value::from(text));
    }
    Ok(Value::from(found))
}

/// Renders a template file with the same variables.
fn template(state: &mut State, call: &Call) -> Result<Value, Error> {
    if call.arg("template_vars").is_some() {
        return Err(unsupported("'template_vars' of the lookup 'template' is not supported yet"));
    }
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let path = text_of(&term)?;
        let source = read(&names, &path, "templates")?;
        let rendered = names.session.nested_file(&path, &source, &names).map_err(into_engine)?;
        found.push(rendered);
    }
    Ok(Value::from(found))
}

/// The first file that there is. What is looked for comes as terms or as `files`; where, as `paths`.
fn first_found(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut skips = call.is_set("skip") || matches!(call.text("errors")?.as_deref(), Some("ignore"));
    let mut wanted: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    if let Some(files) = call.arg("files") {
        wanted.push((texts(files)?, call.arg("paths").map(texts).transpose()?.unwrap_or_default()));
    }
    for term in terms(call.rest.clone())? {
        if term.kind() != ValueKind::Map {
            wanted
                .push((vec![text_of(&term)?], call.arg("paths").map(texts).transpose()?.unwrap_or_default()));
            continue;
        }
        let member = |name: &str| {
            Ok::<_, Error>(Some(valid(term.get_attr(name)?)?).filter(|member| !member.is_undefined()))
        };
        skips |= member("skip")?.is_some_and(|skip| skip.is_true());
        let list = |name| member(name)?.as_ref().map(texts).transpose().map(Option::unwrap_or_default);
        wanted.push((list("files")?, list("paths")?));
    }
    for (files, paths) in &wanted {
        let places = if paths.is_empty() { vec![String::new()] } else { paths.clone() };
        for (place, file) in places.iter().flat_map(|place| files.iter().map(move |file| (place, file))) {
            let path = Path::new(place).join(file).to_string_lossy().into_owned();
            let found = ["files", "templates", "vars", "tasks"]
                .iter()
                .find_map(|folder| locate(&names, &path, folder));
            if let Some(found) = found {
                return Ok(Value::from(vec![Value::from(found.to_string_lossy().into_owned())]));
            }
        }
    }
    match skips {
        true => Ok(Value::from(Vec::<Value>::new())),
        false => Err(lookup_error(format!("none of these files was found: {}", all_files(&wanted)))),
    }
}

fn all_files(wanted: &[(Vec<String>, Vec<String>)]) -> String {
    wanted.iter().flat_map(|(files, _)| files).cloned().collect::<Vec<_>>().join(", ")
}

/// A list of texts; one text counts as a list of what its commas separate.
fn texts(value: &Value) -> Result<Vec<String>, Error> {
    match value.as_str() {
        Some(text) => Ok(text.split([',', ';', ':']).map(|part| part.trim().to_owned()).collect()),
        None => items_of(defined(value)?, "first_found")?.iter().map(text_of).collect(),
    }
}

fn flat_once(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut items = Vec::new();
    for term in terms(call.rest.clone())? {
        match term.kind() {
            ValueKind::Seq | ValueKind::Iterable => items.extend(items_of(&term, "items")?),
            _ => items.push(term),
        }
    }
    Ok(Value::from(items))
}

fn flattened(_: &mut State, call: &Call) -> Result<Value, Error> {
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

fn dict(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut items = Vec::new();
    for map in &call.rest {
        for (key, value) in super::call::pairs_of(map, "dict")? {
            items.push(Value::from_pairs([("key", key), ("value", value)]));
        }
    }
    Ok(Value::from(items))
}

fn pair(a: Value, b: Value) -> Value {
    Value::from(Tuple::from([a, b]))
}

fn indexed_items(state: &mut State, call: &Call) -> Result<Value, Error> {
    let items = items_of(&flat_once(state, call)?, "indexed_items")?;
    Ok(items.into_iter().enumerate().map(|(at, item)| pair(Value::from(at), item)).collect())
}

fn lists(call: &Call) -> Result<Vec<Vec<Value>>, Error> {
    call.rest.iter().map(|list| items_of(list, "lookup")).collect()
}

fn together(_: &mut State, call: &Call) -> Result<Value, Error> {
    let lists = lists(call)?;
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| -> Value {
        lists.iter().map(|list| list.get(at).cloned().unwrap_or(Value::from(()))).collect()
    };
    Ok((0..longest).map(row).collect())
}

fn nested(_: &mut State, call: &Call) -> Result<Value, Error> {
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
fn sequence(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut options: Vec<(String, String)> = Vec::new();
    for term in &call.rest {
        for word in text_of(term)?.split_whitespace() {
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
                value.parse::<i64>().map_err(|_| call.wrong(format!("{key} is a number, not '{value}'")))
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
    if stride == 0 || (end - start) / stride >= ITEMS_MAX {
        return Err(call.wrong(format!("it would have more than {ITEMS_MAX} items")));
    }
    let format = option("format").unwrap_or("%d");
    let mut found = Vec::new();
    let mut at = start;
    while if stride > 0 { at <= end } else { at >= end } {
        let text = minijinja::formatting::format(
            minijinja::formatting::FormatStyle::Printf,
            format,
            &[Value::from(at)],
        )?;
        found.push(Value::from(text));
        at += stride;
    }
    Ok(Value::from(found))
}

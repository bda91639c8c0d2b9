//! Lookups in files of the controller: their text, a template among them, the first of several that there is.

use super::{lookup_error, names};
use crate::template::Binding;
use crate::template::call::{Call, defined, items_of, pairs_of, text_of, unsupported};
use crate::template::controller::Kind;
use crate::template::convert::{to_model_whole, valid};
use crate::template::explain::into_engine;
use crate::template::functions::terms;
use crate::template::lazy::Names;
use crate::template::scope::{LOOP_FOLDER, Over};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a file may be: as written, or in one of the scope's folders and their usual subfolder.
pub(super) fn candidates(names: &Names, path: &str, subfolder: &str) -> Vec<PathBuf> {
    names.session.cache.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
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

/// A template that another one brings in by its path below a folder of templates.
pub(super) fn included(names: &Names, beside: Option<&Path>, name: &str) -> Result<Option<String>, Error> {
    let mut places = candidates(names, name, "templates");
    places.extend(
        beside.into_iter().flat_map(|beside| [beside.join("templates").join(name), beside.join(name)]),
    );
    let controller = &names.session.cache.controller;
    let climbs = Path::new(name).components().any(|part| matches!(part, std::path::Component::ParentDir));
    let Some(found) = places.into_iter().find(|place| !climbs && controller.is_file(place)) else {
        return Ok(None);
    };
    content(names, &found).map(Some)
}

fn content(names: &Names, found: &Path) -> Result<String, Error> {
    let content = names.session.cache.controller.read(found);
    let bytes =
        content.map_err(|error| lookup_error(format!("'{}' can't be read: {error}", found.display())))?;
    let bytes = names.session.opened_file(found, bytes).map_err(lookup_error)?;
    String::from_utf8(bytes).map_err(|_| lookup_error(format!("'{}' is no text", found.display())))
}

pub(super) fn read(names: &Names, path: &str, subfolder: &str) -> Result<String, Error> {
    content(names, &place(names, path, subfolder)?)
}

/// Where a file is that must be there.
fn place(names: &Names, path: &str, subfolder: &str) -> Result<PathBuf, Error> {
    let Some(found) = locate(names, path, subfolder) else {
        let candidates = candidates(names, path, subfolder);
        let controller = &names.session.cache.controller;
        if let Some(there) = candidates.iter().find(|place| controller.kind(place) == Some(Kind::File)) {
            let there = there.display();
            return Err(lookup_error(format!(
                "'{there}' lies outside the ops repository: copy it there first"
            )));
        }
        let tried: Vec<String> = candidates.iter().map(|path| path.display().to_string()).collect();
        let places = if tried.is_empty() {
            "no folder is searched here".into()
        } else {
            format!("tried {}", tried.join(", "))
        };
        return Err(lookup_error(format!("there is no file '{path}'; {places}")));
    };
    Ok(found)
}

pub(super) fn file(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let text = read(&names, &text_of(&term)?, "files")?;
        let text = if call.is_set("lstrip") { text.trim_start() } else { &text };
        let text = if call.arg("rstrip").is_none_or(Value::is_true) { text.trim_end() } else { text };
        found.push(Value::from(text));
    }
    Ok(Value::from(found))
}

/// The whole text of a file, nothing taken away.
pub(super) fn unvault(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let text = read(&names, &text_of(&term)?, "files")?;
        if text.starts_with("$ANSIBLE_VAULT;") {
            return Err(unsupported(
                "'wgops vault import FILE' seals it for people instead of for a password",
            ));
        }
        found.push(Value::from(text));
    }
    Ok(Value::from(found))
}

pub(super) const TEMPLATE: &[&str] = &[
    "*terms",
    "convert_data",
    "template_vars",
    "jinja2_native",
    "variable_start_string",
    "variable_end_string",
    "comment_start_string",
    "comment_end_string",
    "trim_blocks",
];

/// Renders a template file with the same variables, those of `template_vars`, and what the file is called.
pub(super) fn template(state: &mut State, call: &Call) -> Result<Value, Error> {
    let mut options = Vec::new();
    for name in TEMPLATE.get(4..).unwrap_or_default() {
        if let Some(value) = call.text(name)? {
            options.push((*name, value));
        }
    }
    let names = names(state)?;
    let mut given = HashMap::new();
    if let Some(vars) = call.arg("template_vars").filter(|given| !given.is_none()) {
        for (name, value) in pairs_of(vars, "template_vars")? {
            given.insert(name.to_string(), Binding::Data(Arc::new(to_model_whole(&value)?)));
        }
    }
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let path = text_of(&term)?;
        let file = place(&names, &path, "templates")?;
        let source = content(&names, &file)?;
        let whole = std::path::absolute(&file).unwrap_or_else(|_| file.clone());
        let mut laid = given.clone();
        let whole = whole.to_string_lossy().into_owned();
        for (name, said) in [("template_path", path.to_string()), ("template_fullpath", whole)] {
            laid.entry(name.to_owned()).or_insert(Binding::Data(Arc::new(said.into())));
        }
        let names = names.session.scope(Arc::new(Over { beneath: names.scope.clone(), names: laid }));
        let rendered = names.session.nested_file(&path, &source, &options, &names).map_err(into_engine)?;
        found.push(rendered);
    }
    Ok(Value::from(found))
}

/// The files that a pattern matches, in order. Folders in the pattern are taken as they are; only its last part is one.
pub(super) fn fileglob(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let controller = &names.session.cache.controller;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let term = text_of(&term)?;
        let (folder, pattern) = term.rsplit_once('/').map_or(("", term.as_str()), |(f, p)| (f, p));
        let folder = if folder.is_empty() && term.starts_with('/') { "/" } else { folder };
        for place in candidates(&names, folder, "files") {
            let matching: Vec<Value> = controller
                .entries(&place)
                .into_iter()
                .filter(|name| globs(pattern, name) && controller.is_file(&place.join(name)))
                .map(|name| Value::from(place.join(name).to_string_lossy()))
                .collect();
            if !matching.is_empty() {
                found.extend(matching);
                break;
            }
        }
    }
    Ok(Value::from(found))
}

/// Whether a name matches a pattern of the shell; names that begin with a dot only where the pattern does.
pub(in crate::template) fn globs(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let mut expression = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' => expression.push_str(".*"),
            '?' => expression.push('.'),
            '[' => {
                expression.push('[');
                if rest.next_if_eq(&'!').is_some() {
                    expression.push('^');
                }
                let mut inside = String::new();
                for c in rest.by_ref().take_while(|c| *c != ']') {
                    if c != '-' && !c.is_alphanumeric() {
                        inside.push('\\');
                    }
                    inside.push(c);
                }
                expression.push_str(&inside);
                expression.push(']');
            }
            c => expression.push_str(&regex::escape(&c.to_string())),
        }
    }
    expression.push('$');
    regex::Regex::new(&expression).map_or(pattern == name, |regex| regex.is_match(name))
}

/// The first file that there is. What is looked for comes as terms or as `files`; where, as `paths`.
pub(super) fn first_found(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut skips = call.is_set("skip");
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
    let folder = match names.scope.get(LOOP_FOLDER) {
        Some(Binding::Data(folder)) => folder.as_str().unwrap_or_default().to_owned(),
        _ => "files".to_owned(),
    };
    for (files, paths) in &wanted {
        let places = if paths.is_empty() { vec![String::new()] } else { paths.clone() };
        for (place, file) in places.iter().flat_map(|place| files.iter().map(move |file| (place, file))) {
            let path = Path::new(place).join(file).to_string_lossy().into_owned();
            if let Some(found) = locate(&names, &path, &folder) {
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

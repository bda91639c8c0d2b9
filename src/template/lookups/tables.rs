//! Lookups in tables: `csvfile`, and `ini` for files of sections and properties.

use super::files::read;
use super::{lookup_error, names, option, options_in};
use crate::model::{Pattern, PatternOptions};
use crate::template::call::{Call, text_of, wrong};
use crate::template::functions::terms;
use minijinja::{Error, State, Value};

pub(super) const CSV: &[&str] = &["*terms", "file", "delimiter", "col", "default", "encoding", "keycol"];

/// The cell of the first row whose key is the term.
pub(super) fn csvfile(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let (key, options) =
            options_in(&text_of(&term)?, &["file", "delimiter", "col", "default", "encoding", "keycol"]);
        let column = |name: &str, usual: usize| -> Result<usize, Error> {
            match option(call, &options, name)? {
                None => Ok(usual),
                Some(text) => {
                    text.parse().map_err(|_| call.wrong(format!("{name} is a number, not '{text}'")))
                }
            }
        };
        let (at, key_at) = (column("col", 1)?, column("keycol", 0)?);
        let file = option(call, &options, "file")?.unwrap_or_else(|| "ansible.csv".into());
        let delimiter = match option(call, &options, "delimiter")?.as_deref() {
            None | Some("TAB" | "t") => '\t',
            Some(text) => text.chars().next().unwrap_or('\t'),
        };
        let rows = rows(&read(&names, &file, "files")?, delimiter);
        let row = rows.into_iter().find(|row| row.get(key_at) == Some(&key));
        match row {
            Some(row) => found.push(Value::from(
                row.get(at).cloned().ok_or_else(|| lookup_error(format!("'{file}' has no column {at}")))?,
            )),
            None => found.extend(option(call, &options, "default")?.map(Value::from)),
        }
    }
    Ok(Value::from(found))
}

/// Rows of cells; what stands between double quotes may hold anything, two of them stand for one.
fn rows(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c if c == delimiter && !quoted => row.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows
}

pub(super) const INI: &[&str] = &[
    "*terms",
    "section",
    "file",
    "re",
    "default",
    "type",
    "encoding",
    "case_sensitive",
    "interpolation",
    "allow_none",
];

/// The value of a key in a section, or every value whose key matches where `re` is set.
pub(super) fn ini(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let known = ["section", "file", "re", "default", "type", "case_sensitive"];
        let (key, options) = options_in(&text_of(&term)?, &known);
        let given = |name: &str, usual: &str| {
            Ok::<_, Error>(option(call, &options, name)?.unwrap_or_else(|| usual.to_owned()))
        };
        let is_set = |name: &str| {
            Ok::<_, Error>(
                call.is_set(name) || matches!(given(name, "")?.to_lowercase().as_str(), "true" | "yes" | "1"),
            )
        };
        let file = given("file", "ansible.ini")?;
        let text = read(&names, &file, "files")?;
        let section = match given("type", "ini")?.as_str() {
            "properties" => "java_properties".to_owned(),
            _ => given("section", "global")?,
        };
        let text = if section == "java_properties" { format!("[java_properties]\n{text}") } else { text };
        let folds = !is_set("case_sensitive")?;
        let members = members(&text, &section, folds)
            .ok_or_else(|| lookup_error(format!("'{file}' has no section '{section}'")))?;
        if is_set("re")? {
            let pattern =
                Pattern::new(&key, PatternOptions::default()).map_err(|error| wrong(error.to_string()))?;
            for (name, value) in members {
                if pattern.is_at_start(&name).map_err(|error| wrong(error.to_string()))? {
                    found.push(Value::from(value));
                }
            }
            continue;
        }
        let key = if folds { key.to_lowercase() } else { key };
        let value = members.into_iter().rev().find(|(name, _)| *name == key).map(|(_, value)| value);
        found.push(Value::from(value.map_or_else(|| given("default", ""), Ok)?));
    }
    Ok(Value::from(found))
}

/// The keys and values of a section. A line that begins with white space goes on with the value before it.
fn members(text: &str, section: &str, folds: bool) -> Option<Vec<(String, String)>> {
    let mut inside = false;
    let mut found: Option<Vec<(String, String)>> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = name == section;
            if inside {
                found.get_or_insert_with(Vec::new);
            }
            continue;
        }
        let Some(members) = found.as_mut().filter(|_| inside) else { continue };
        if line.starts_with(char::is_whitespace)
            && let Some((_, value)) = members.last_mut()
        {
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        let (name, value) = trimmed.split_once(['=', ':']).unwrap_or((trimmed, ""));
        let name = name.trim();
        members.push((if folds { name.to_lowercase() } else { name.to_owned() }, value.trim().to_owned()));
    }
    found
}

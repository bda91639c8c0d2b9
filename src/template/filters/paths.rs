//! Filters on paths. They work on the text alone, but for those that ask this machine (`realpath`, `expanduser`,
//! `expandvars`, `fileglob`).

use crate::template::Controller;
use crate::template::call::{Call, Word, items_of, text_of, wrong};
use crate::template::lazy::{Names, SELF};
use crate::template::lookups::globs;
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, State, Value};
use std::path::Path;
use std::sync::Arc;

pub(super) const FILTERS: &[Word] = &[
    Word { name: "basename", params: &[], body: basename },
    Word { name: "dirname", params: &[], body: dirname },
    Word { name: "splitext", params: &[], body: splitext },
    Word { name: "path_join", params: &[], body: path_join },
    Word { name: "normpath", params: &[], body: |_, call| Ok(Value::from(normal(&call.operand_text()?))) },
    Word { name: "relpath", params: &["start"], body: relpath },
    Word { name: "commonpath", params: &[], body: commonpath },
    Word {
        name: "win_basename",
        params: &[],
        body: |_, call| Ok(Value::from(win_split(&win_drive(call)?.1).1)),
    },
    Word { name: "win_dirname", params: &[], body: win_dirname },
    Word { name: "win_splitdrive", params: &[], body: win_splitdrive },
    Word { name: "realpath", params: &[], body: realpath },
    Word { name: "expanduser", params: &[], body: |state, call| expanded(state, call, expand_user) },
    Word { name: "expandvars", params: &[], body: |state, call| expanded(state, call, expand_variables) },
    Word { name: "fileglob", params: &[], body: fileglob },
];

/// What the templates see of this machine.
fn controller(state: &State) -> Result<Arc<dyn Controller>, Error> {
    let names = state.lookup(SELF).and_then(|scope| scope.downcast_object::<Names>());
    names.map(|names| names.session.cache.controller.clone()).ok_or_else(|| wrong("there is no machine here"))
}

/// The path on this machine, links resolved.
fn realpath(state: &mut State, call: &Call) -> Result<Value, Error> {
    let path = normal(&call.operand_text()?);
    Ok(Value::from(controller(state)?.resolved(Path::new(&path)).to_string_lossy()))
}

fn expanded(state: &State, call: &Call, expand: fn(&str, &dyn Controller) -> String) -> Result<Value, Error> {
    Ok(Value::from(expand(&call.operand_text()?, &*controller(state)?)))
}

fn expand_user(path: &str, controller: &dyn Controller) -> String {
    match path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        Some(rest) => controller.variable("HOME").map_or_else(|| path.to_owned(), |home| home + rest),
        None => path.to_owned(),
    }
}

/// `$NAME` and `${NAME}` of this machine's environment; unknown ones stay.
fn expand_variables(path: &str, controller: &dyn Controller) -> String {
    let (mut out, mut rest) = (String::new(), path);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let (name, end) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                (after.get(..end).unwrap_or_default(), end)
            }
        };
        let (written, after) = after.split_at(end);
        match controller.variable(name).filter(|_| !name.is_empty()) {
            Some(value) => out.push_str(&value),
            None => out.push_str(&format!("${written}")),
        }
        rest = after;
    }
    out + rest
}

/// Files of this machine that a pattern matches in its last part.
fn fileglob(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (pattern, controller) = (call.operand_text()?, controller(state)?);
    let (folder, name) = split(&pattern);
    let files = controller.entries(Path::new(folder)).into_iter().filter(|entry| globs(name, entry));
    Ok(files
        .map(|entry| Path::new(folder).join(entry))
        .filter(|path| controller.is_file(path))
        .map(|path| Value::from(path.to_string_lossy()))
        .collect())
}

fn commonpath(_: &mut State, call: &Call) -> Result<Value, Error> {
    let paths = call.items()?.iter().map(text_of).collect::<Result<Vec<_>, _>>()?;
    let absolute = paths.iter().all(|path| path.starts_with('/'));
    if paths.is_empty() || (!absolute && paths.iter().any(|path| path.starts_with('/'))) {
        return Err(call.wrong("all paths are absolute, or none is"));
    }
    let parts = |path: &String| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let common = paths
        .iter()
        .map(parts)
        .reduce(|a, b| a.into_iter().zip(b).take_while(|(a, b)| a == b).map(|(part, _)| part).collect());
    let root = if absolute { "/" } else { "" };
    Ok(Value::from(format!("{root}{}", common.unwrap_or_default().join("/"))))
}

/// A path of Windows: its drive, and what follows.
fn win_drive(call: &Call) -> Result<(String, String), Error> {
    let path = call.operand_text()?;
    let drive = path.char_indices().nth(1).is_some_and(|(at, c)| at == 1 && c == ':');
    let (drive, rest) = path.split_at(if drive { 2 } else { 0 });
    Ok((drive.to_owned(), rest.to_owned()))
}

fn win_split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind(['\\', '/']).map_or(0, |at| at + 1))
}

fn win_dirname(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (drive, rest) = win_drive(call)?;
    let head = win_split(&rest).0;
    let trimmed = head.trim_end_matches(['\\', '/']);
    Ok(Value::from(drive + if trimmed.is_empty() { head } else { trimmed }))
}

fn win_splitdrive(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (drive, rest) = win_drive(call)?;
    Ok(Value::from(Tuple::from([Value::from(drive), Value::from(rest)])))
}

/// What is before the last slash, as written, and what is after it.
fn split(path: &str) -> (&str, &str) {
    let at = path.rfind('/').map_or(0, |at| at + 1);
    path.split_at(at)
}

fn basename(_: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(Value::from(split(&call.operand_text()?).1))
}

fn dirname(_: &mut State, call: &Call) -> Result<Value, Error> {
    let path = call.operand_text()?;
    let head = split(&path).0;
    let trimmed = head.trim_end_matches('/');
    Ok(Value::from(if trimmed.is_empty() { head } else { trimmed }))
}

fn splitext(_: &mut State, call: &Call) -> Result<Value, Error> {
    let path = call.operand_text()?;
    let name_start = path.len() - split(&path).1.len();
    let name = path.get(name_start..).unwrap_or_default();
    let leading = name.len() - name.trim_start_matches('.').len();
    let dot = name.rfind('.').filter(|dot| *dot >= leading && *dot > 0);
    let (root, extension) = path.split_at(dot.map_or(path.len(), |dot| name_start + dot));
    Ok(Value::from(Tuple::from([Value::from(root), Value::from(extension)])))
}

fn path_join(_: &mut State, call: &Call) -> Result<Value, Error> {
    if call.operand.kind() == ValueKind::String {
        return Ok(call.operand.clone());
    }
    let mut joined = String::new();
    for part in items_of(&call.operand, "path_join")? {
        let part = text_of(&part)?;
        if part.starts_with('/') {
            joined.clear();
        } else if !joined.is_empty() && !joined.ends_with('/') {
            joined.push('/');
        }
        joined.push_str(&part);
    }
    Ok(Value::from(joined))
}

/// The path without `.`, `..` and doubled slashes, as far as that can be said from the text.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        match (part, parts.last()) {
            ("..", Some(last)) if *last != ".." => {
                parts.pop();
            }
            ("..", None) if path.starts_with('/') => {}
            _ => parts.push(part),
        }
    }
    match (path.starts_with('/'), parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".into(),
        (false, false) => parts.join("/"),
    }
}

fn relpath(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (path, start) = (normal(&call.operand_text()?), normal(&call.need_text("start")?));
    if path.starts_with('/') != start.starts_with('/') {
        return Err(call.wrong("both paths are absolute, or neither is"));
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let (path, start) = (parts(&path), parts(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), start.len() - common);
    let relative: Vec<String> = up.chain(path.into_iter().skip(common)).collect();
    Ok(Value::from(if relative.is_empty() { ".".to_owned() } else { relative.join("/") }))
}

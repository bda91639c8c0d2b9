//! Filters on paths. They work on the text alone: no file is looked at.

use crate::template::call::{Call, Word, items_of, text_of, unsupported};
use minijinja::value::{Tuple, ValueKind};
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "basename", params: &[], body: basename },
    Word { name: "dirname", params: &[], body: dirname },
    Word { name: "splitext", params: &[], body: splitext },
    Word { name: "path_join", params: &[], body: path_join },
    Word { name: "normpath", params: &[], body: |_, call| Ok(Value::from(normal(&call.operand_text()?))) },
    Word { name: "relpath", params: &["start"], body: relpath },
    Word { name: "realpath", params: &[], body: |_, _| Err(looks_at_files("realpath")) },
    Word { name: "expanduser", params: &[], body: |_, _| Err(looks_at_files("expanduser")) },
    Word { name: "expandvars", params: &[], body: |_, _| Err(looks_at_files("expandvars")) },
    Word { name: "fileglob", params: &[], body: |_, _| Err(looks_at_files("fileglob")) },
];

fn looks_at_files(filter: &str) -> Error {
    unsupported(format!("'{filter}' looks at this machine rather than at the host, and is not supported yet"))
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

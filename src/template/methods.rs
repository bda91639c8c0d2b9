//! Python's methods on strings, lists and mappings, as far as the engine's own set lacks them.

use super::call::{items_of, kind_of, pairs_of, text_of, tuple, wrong};
use super::changing;
use super::filters::{check_growth, check_widths, occurrences};
use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat;

/// The most characters that a text is filled up to.
const WIDTH_MAX: usize = 10_000;

/// Calls a method that the value itself doesn't know.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    if let (Some(text), "format") = (value.as_str(), method) {
        check_widths(text, '{')?;
    }
    if let (Some(text), Some(longest)) =
        (value.as_str(), args.iter().filter_map(Value::as_str).max_by_key(|text| text.len()))
    {
        match (method, args.first().and_then(Value::as_str)) {
            ("replace", Some(old)) => check_growth(occurrences(text, old), longest)?,
            ("format", _) => check_growth(occurrences(text, "{"), longest)?,
            _ => {}
        }
    }
    if let (Some(text), "join", [items]) = (value.as_str(), method, args) {
        check_join(text, items)?;
    }
    match pycompat::unknown_method_callback(state, value, method, args) {
        Err(error) if error.kind() == ErrorKind::UnknownMethod => {}
        result => return result,
    }
    match value.kind() {
        ValueKind::String => on_text(value.as_str().unwrap_or_default(), method, args),
        ValueKind::Seq | ValueKind::Iterable => on_list(value, method, args),
        ValueKind::Map => on_mapping(value, method, args),
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

fn on_text(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    Ok(match method {
        "rsplit" => {
            let (sep, most): (Option<String>, Option<i64>) = from_args(args)?;
            rsplit(text, sep.as_deref(), most.and_then(|most| usize::try_from(most).ok()))
        }
        "partition" | "rpartition" => {
            let (sep,): (String,) = from_args(args)?;
            let at = if method == "partition" { text.find(&sep) } else { text.rfind(&sep) };
            let parts = match (at, method) {
                (Some(at), _) => [text.get(..at), Some(sep.as_str()), text.get(at + sep.len()..)],
                (None, "partition") => [Some(text), None, None],
                (None, _) => [None, None, Some(text)],
            };
            tuple(parts.map(|part| Value::from(part.unwrap_or_default())))
        }
        "ljust" | "rjust" | "center" | "zfill" => {
            let (width, fill): (i64, Option<char>) = from_args(args)?;
            Value::from(filled(text, method, width, fill)?)
        }
        "removeprefix" => {
            let (prefix,): (String,) = from_args(args)?;
            Value::from(text.strip_prefix(&prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (String,) = from_args(args)?;
            Value::from(text.strip_suffix(&suffix).unwrap_or(text))
        }
        "expandtabs" => {
            let (width,): (Option<i64>,) = from_args(args)?;
            Value::from(tabs_expanded(text, width.unwrap_or(8))?)
        }
        "casefold" => Value::from(text.to_lowercase()),
        "swapcase" => {
            let swap = |c: char| {
                if c.is_uppercase() { c.to_lowercase().to_string() } else { c.to_uppercase().to_string() }
            };
            Value::from(text.chars().map(swap).collect::<String>())
        }
        "index" => {
            let (what,): (String,) = from_args(args)?;
            let at = text.find(&what).and_then(|at| text.get(..at)).map(|before| before.chars().count());
            Value::from(at.ok_or_else(|| wrong(format!("'index': the text doesn't hold '{what}'")))?)
        }
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

/// Refuses to join what is too large together.
fn check_join(joiner: &str, items: &Value) -> Result<(), Error> {
    let Ok(items) = items_of(items, "join") else { return Ok(()) };
    check_growth(items.len(), joiner)?;
    let longest = items.iter().filter_map(Value::as_str).max_by_key(|text| text.len()).unwrap_or_default();
    let sum: usize = items.iter().filter_map(Value::as_str).map(str::len).sum();
    check_growth(sum.div_ceil(longest.len().max(1)), longest)
}

/// Each tab as blanks up to the next multiple of a width.
fn tabs_expanded(text: &str, width: i64) -> Result<String, Error> {
    let width = usize::try_from(width).unwrap_or(0);
    if width > WIDTH_MAX {
        return Err(wrong(format!("'expandtabs': a tab is {WIDTH_MAX} characters wide at most")));
    }
    let mut column = 0;
    let mut expanded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' if width == 0 => {}
            '\t' => {
                let free = width - column % width;
                expanded.extend(std::iter::repeat_n(' ', free));
                column += free;
            }
            _ => {
                expanded.push(c);
                column = if matches!(c, '\n' | '\r') { 0 } else { column + 1 };
            }
        }
    }
    Ok(expanded)
}

fn rsplit(text: &str, sep: Option<&str>, most: Option<usize>) -> Value {
    let mut parts: Vec<&str> = match (sep, most) {
        (Some(sep), Some(most)) if !sep.is_empty() => text.rsplitn(most + 1, sep).collect(),
        (Some(sep), None) if !sep.is_empty() => text.rsplit(sep).collect(),
        (_, Some(most)) => {
            let trimmed = text.trim();
            trimmed
                .rsplitn(most + 1, char::is_whitespace)
                .map(str::trim)
                .filter(|part| !part.is_empty())
                .collect()
        }
        (_, None) => text.split_whitespace().rev().collect(),
    };
    parts.reverse();
    parts.into_iter().map(Value::from).collect()
}

fn filled(text: &str, method: &str, width: i64, fill: Option<char>) -> Result<String, Error> {
    let width = usize::try_from(width).unwrap_or(0);
    if width > WIDTH_MAX {
        return Err(wrong(format!("'{method}': a text is filled up to {WIDTH_MAX} characters at most")));
    }
    let free = width.saturating_sub(text.chars().count());
    let fill = fill.unwrap_or(' ').to_string();
    Ok(match method {
        "ljust" => format!("{text}{}", fill.repeat(free)),
        "rjust" => format!("{}{text}", fill.repeat(free)),
        "center" => {
            let left = free / 2 + (free & width & 1);
            format!("{}{text}{}", fill.repeat(left), fill.repeat(free - left))
        }
        _ => {
            let (sign, digits) = text.split_at(usize::from(text.starts_with(['-', '+'])));
            format!("{sign}{}{digits}", "0".repeat(free))
        }
    })
}

fn on_list(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "copy" => items_of(value, method).map(Value::from),
        "index" => {
            let (item,): (Value,) = from_args(args)?;
            let at = items_of(value, method)?.iter().position(|known| *known == item);
            at.map(Value::from)
                .ok_or_else(|| wrong(format!("'index': the list doesn't hold {}", kind_of(&item))))
        }
        _ => Err(unchangeable(method, "build a new list with +")),
    }
}

fn on_mapping(value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    match method {
        "copy" => Ok(Value::from_pairs(pairs_of(value, method)?)),
        "has_key" => {
            let (key,): (Value,) = from_args(args)?;
            Ok(Value::from(
                pairs_of(value, method)?.iter().any(|(known, _)| text_of(known).ok() == text_of(&key).ok()),
            ))
        }
        _ => Err(unchangeable(method, "build a new mapping with combine")),
    }
}

fn unchangeable(method: &str, instead: &str) -> Error {
    if changing::METHODS.contains(&method) {
        return wrong(format!(
            "'{method}': this can't be changed in place, only variables and what the template set itself; {instead}"
        ));
    }
    Error::from(ErrorKind::UnknownMethod)
}

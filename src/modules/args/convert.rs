//! From what stands in a playbook to the type that a parameter has.

use super::Kind;
use crate::model::{Map, Value};

/// A value as the kind's type, or what was expected.
pub(super) fn convert(kind: Kind, value: &Value) -> Result<Value, String> {
    match kind {
        Kind::Any | Kind::Conditions | Kind::Checks | Kind::Expression => Ok(value.clone()),
        Kind::Text | Kind::Told | Kind::Source | Kind::Template => {
            text_of(value).map(Value::String).ok_or_else(|| "a text".into())
        }
        Kind::Path => text_of(value)
            .filter(|path| !path.trim().is_empty())
            .map(Value::String)
            .ok_or_else(|| "a path".into()),
        Kind::Place => text_of(value).map(Value::String).ok_or_else(|| "a path".into()),
        Kind::Paths => list_of(value)
            .filter(|list| {
                list.as_array().is_some_and(|all| {
                    all.iter().filter_map(Value::as_str).all(|path| !path.trim().is_empty())
                })
            })
            .ok_or_else(|| "a list of paths".into()),
        Kind::Mode => {
            mode_text(value).map(Value::String).ok_or_else(|| "a mode such as \"0644\" or u=rw,go=r".into())
        }
        Kind::Bool => bool_of(value).map(Value::Bool).ok_or_else(|| "yes or no".into()),
        Kind::Int => int_of(value).map(Value::from).ok_or_else(|| "a whole number".into()),
        Kind::Choice(words) => text_of(value)
            .filter(|word| words.contains(&word.as_str()))
            .map(Value::String)
            .ok_or_else(|| format!("one of {}", words.join(", "))),
        Kind::List => list_of(value).ok_or_else(|| "a list of texts".into()),
        Kind::Map => map_of(value).ok_or_else(|| "a mapping".into()),
    }
}

/// A text, or the texts of a list.
pub(super) fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let list = value.as_array().into_iter().flatten();
    value.as_str().into_iter().chain(list.filter_map(Value::as_str))
}

pub(super) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".into()),
        Value::Bool(false) => Some("False".into()),
        _ => None,
    }
}

/// Octal digits as written; a number is what YAML made of an octal literal, so it is printed in octal again.
fn mode_text(value: &Value) -> Option<String> {
    match value {
        Value::Number(n) => n.as_u64().filter(|n| *n <= 0o7777).map(|n| format!("0{n:o}")),
        Value::String(text) => {
            // As Python reads an octal number: `0o644` is what YAML 1.2 calls it.
            let is_octal = |text: &str| !text.is_empty() && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
            let digits = text.strip_prefix("0o").or(text.strip_prefix("0O")).filter(|rest| is_octal(rest));
            let text = digits.map_or_else(|| text.clone(), |digits| format!("0{digits}"));
            let octal = (3..=5).contains(&text.len()) && is_octal(&text);
            let symbolic = !text.is_empty()
                && text.contains(['=', '+', '-'])
                && text.bytes().all(|b| b"ugoarwxXst=+-,".contains(&b));
            (octal || symbolic || text == "preserve" || text == "0").then_some(text)
        }
        _ => None,
    }
}

fn bool_of(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => match n.as_i64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        Value::String(text) => match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" | "y" | "t" => Some(true),
            "false" | "no" | "off" | "0" | "n" | "f" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn int_of(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n.as_i64().or_else(|| n.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn list_of(value: &Value) -> Option<Value> {
    let texts: Option<Vec<String>> = match value {
        Value::Array(items) => items.iter().map(text_of).collect(),
        Value::String(text) => {
            Some(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect())
        }
        other => text_of(other).map(|t| vec![t]),
    };
    texts.map(|list| list.into_iter().map(Value::String).collect())
}

/// A mapping, or a text that is one: in JSON, or words such as `a=1, b="x y"`.
fn map_of(value: &Value) -> Option<Value> {
    let Value::String(text) = value else { return value.as_object().map(|_| value.clone()) };
    let text = text.trim();
    if text.starts_with('{') {
        return serde_json::from_str(text).ok().filter(Value::is_object);
    }
    let words = assignments(text).into_iter().map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), Value::from(value)))
    });
    words.collect::<Option<Map>>().filter(|map| !map.is_empty()).map(Value::Object)
}

/// The words of a text between commas and blanks that are not quoted, without the quotes.
fn assignments(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut escaped) = (Vec::new(), String::new(), None, false);
    for c in text.chars() {
        match (c, quote) {
            _ if escaped => {
                word.push(c);
                escaped = false;
            }
            ('\\', _) => escaped = true,
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if open == c => quote = None,
            (',' | ' ', None) => words.push(std::mem::take(&mut word)),
            _ => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Makes two slashes in a path one (`"{{ directory }}/file"`, where the directory ends with one).
pub(super) fn tidy(path: &mut Value) {
    match path {
        Value::String(text) => {
            while text.contains("//") && !text.contains("://") {
                *text = text.replace("//", "/");
            }
        }
        Value::Array(all) => all.iter_mut().for_each(tidy),
        _ => {}
    }
}

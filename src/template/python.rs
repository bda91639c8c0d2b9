//! Text as Python's own libraries write it, so that what a template wrote under Ansible comes out the same to the byte:
//! JSON here, YAML in `yaml/`.

use crate::model::{self, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// How JSON is written.
pub(super) struct JsonStyle {
    /// Spaces per level; everything on one line without.
    pub indent: Option<usize>,
    /// Whether keys are put in order.
    pub sort_keys: bool,
    /// Whether what is not ASCII is escaped.
    pub ensure_ascii: bool,
    /// What stands between items, and between a key and its value, where that is not the usual.
    pub separators: Option<[String; 2]>,
}

impl JsonStyle {
    fn between_items(&self) -> &str {
        match &self.separators {
            Some([item, _]) => item,
            None if self.indent.is_some() => ",",
            None => ", ",
        }
    }

    fn after_key(&self) -> &str {
        self.separators.as_ref().map_or(": ", |[_, key]| key)
    }
}

/// A value as JSON.
pub(super) fn json(value: &Value, style: &JsonStyle) -> String {
    let mut out = String::new();
    write(value, style, 0, &mut out);
    out
}

fn write(value: &Value, style: &JsonStyle, level: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&float_or_int(number)),
        Value::String(text) => string(text, style, out),
        Value::Array(items) => container(items.iter(), ('[', ']'), style, level, out, |item, level, out| {
            write(item, style, level, out);
        }),
        Value::Object(map) => {
            let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
            if style.sort_keys {
                // Python's encoder makes texts of keys before it puts them in order.
                pairs.sort_by_key(|(key, _)| key_text(key));
            }
            container(pairs.into_iter(), ('{', '}'), style, level, out, |(key, member), level, out| {
                string(&key_text(key), style, out);
                out.push_str(style.after_key());
                write(member, style, level, out);
            });
        }
    }
}

/// A key as JSON has it: what is no text is written as one.
fn key_text(key: &str) -> Cow<'_, str> {
    match model::typed_key(key) {
        Some(Value::Number(number)) => float_or_int(&number).into(),
        _ => model::plain_key(key).into(),
    }
}

/// The order of two keys: numbers by what they are, and before texts.
pub(super) fn key_order(a: &str, b: &str) -> Ordering {
    let number = |key: &str| model::typed_key(key)?.as_f64();
    match (number(a), number(b)) {
        (Some(x), Some(y)) => x.total_cmp(&y),
        _ => a.cmp(b),
    }
}

fn container<T>(
    items: impl ExactSizeIterator<Item = T>,
    (open, close): (char, char),
    style: &JsonStyle,
    level: usize,
    out: &mut String,
    write_item: impl Fn(T, usize, &mut String),
) {
    out.push(open);
    let filled = items.len() > 0;
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push_str(style.between_items());
        }
        new_line(style, level + 1, out);
        write_item(item, level + 1, out);
    }
    if filled {
        new_line(style, level, out);
    }
    out.push(close);
}

fn new_line(style: &JsonStyle, level: usize, out: &mut String) {
    if let Some(indent) = style.indent {
        out.push('\n');
        out.push_str(&" ".repeat(indent * level));
    }
}

fn string(text: &str, style: &JsonStyle, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if u32::from(c) < 0x20 || (style.ensure_ascii && !c.is_ascii()) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A number as Python's `repr` has it.
pub(super) fn float_or_int(number: &serde_json::Number) -> String {
    match number.as_f64().filter(|_| number.is_f64()) {
        Some(float) => float_repr(float),
        None => number.to_string(),
    }
}

pub(super) fn float_repr(float: f64) -> String {
    if !float.is_finite() {
        return float.to_string().replace("NaN", "nan");
    }
    if float != 0.0 && !(1e-4..1e16).contains(&float.abs()) {
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    let text = float.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// A string as Python's `repr` has it.
pub(super) fn string_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 || (0x7f..0xa1).contains(&u32::from(c)) || c == '\u{ad}' => {
                out.push_str(&format!("\\x{:02x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_written_as_python_writes_it() {
        let value =
            json!({"b": [1, 1.0, "é\u{1f600}\u{7f}\u{1}"], "a": {}, "c": [], "d": null, "e": [[true]]});
        let one_line = JsonStyle { indent: None, sort_keys: false, ensure_ascii: true, separators: None };
        assert_eq!(
            super::json(&value, &one_line),
            "{\"b\": [1, 1.0, \"\\u00e9\\ud83d\\ude00\u{7f}\\u0001\"], \"a\": {}, \"c\": [], \"d\": null, \"e\": [[true]]}"
        );
        let nice = JsonStyle { indent: Some(4), sort_keys: true, ensure_ascii: false, separators: None };
        assert_eq!(
            super::json(&json!({"b": [1, "é"], "a": {}}), &nice),
            "{\n    \"a\": {},\n    \"b\": [\n        1,\n        \"é\"\n    ]\n}"
        );
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (float, text) in
            [(1.0, "1.0"), (0.1, "0.1"), (1e16, "1e+16"), (1.5e-7, "1.5e-07"), (0.0, "0.0"), (-2.5, "-2.5")]
        {
            assert_eq!(float_repr(float), text);
        }
    }
}

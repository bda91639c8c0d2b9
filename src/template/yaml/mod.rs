//! YAML as PyYAML writes it, which is what `to_yaml` and `to_nice_yaml` come to under Ansible: a file that a template
//! wrote then must not change when wgops writes it. Which quotes a text needs is decided in `scalar.rs`, how it is written in `pen.rs`.
//!
//! # Source
//! The output of PyYAML 6.0 with libyaml, which is what ansible-core uses where it is there.

mod pen;
mod scalar;

use super::python;
use crate::model::{self, Value};
use pen::Pen;
use scalar::{Scalar, Style};

/// How YAML is written.
pub(super) struct YamlStyle {
    /// Spaces per level.
    pub indent: usize,
    /// The column after which long texts are folded.
    pub width: usize,
    /// Whether keys are put in order.
    pub sort_keys: bool,
    /// Which lists and mappings are written on one line.
    pub flow: Flow,
}

/// Which lists and mappings are written on one line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// None but empty ones.
    Never,
    /// Those that hold scalars only.
    Leaves,
    /// All.
    Always,
}

/// A value as a YAML document, without a marker at its start.
pub(super) fn yaml(value: &Value, style: &YamlStyle) -> String {
    let mut writer = Writer { style, pen: Pen::new(style.width), flow_level: 0 };
    writer.node(value, Place::Root);
    writer.pen.line_to_indent();
    writer.pen.out
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Item,
    Key,
    Member,
}

struct Writer<'s> {
    style: &'s YamlStyle,
    pen: Pen,
    flow_level: usize,
}

impl Writer<'_> {
    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.scalar(&Scalar::token("null"), place),
            Value::Bool(value) => self.scalar(&Scalar::token(if *value { "true" } else { "false" }), place),
            Value::Number(number) => self.scalar(&Scalar::token(&number_token(number)), place),
            Value::String(text) => self.scalar(&Scalar::text(text), place),
            Value::Array(items) => {
                let leaves = items.iter().all(is_scalar);
                if self.is_flow(leaves, items.is_empty()) {
                    self.flow_list(items)
                } else {
                    self.block_list(items, place)
                }
            }
            Value::Object(map) => {
                let leaves = map.values().all(is_scalar);
                let mut pairs: Vec<(&String, &Value)> = map.iter().collect();
                if self.style.sort_keys {
                    pairs.sort_by(|(a, _), (b, _)| python::key_order(a, b));
                }
                if self.is_flow(leaves, map.is_empty()) {
                    self.flow_map(&pairs)
                } else {
                    self.block_map(&pairs)
                }
            }
        }
    }

    fn is_flow(&self, leaves: bool, empty: bool) -> bool {
        self.flow_level > 0
            || empty
            || match self.style.flow {
                Flow::Never => false,
                Flow::Leaves => leaves,
                Flow::Always => true,
            }
    }

    /// Writes an indented part and comes back to the indentation before.
    fn indented(&mut self, indent: Option<usize>, part: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.pen.indent, indent);
        part(self);
        self.pen.indent = before;
    }

    fn deeper(&self, at_root: usize) -> Option<usize> {
        Some(self.pen.indent.map_or(at_root, |indent| indent + self.style.indent))
    }

    fn block_list(&mut self, items: &[Value], place: Place) {
        let same_column = place == Place::Member && !self.pen.indention;
        let indent = if same_column { Some(self.pen.indent.unwrap_or(0)) } else { self.deeper(0) };
        self.indented(indent, |writer| {
            for item in items {
                writer.pen.line_to_indent();
                writer.pen.indicator_opening("-");
                writer.node(item, Place::Item);
            }
        });
    }

    fn block_map(&mut self, pairs: &[(&String, &Value)]) {
        self.indented(self.deeper(0), |writer| {
            for (key, member) in pairs {
                writer.pen.line_to_indent();
                let token = key_token(key);
                let scalar = token.as_deref().map_or_else(|| Scalar::text(key), Scalar::token);
                if scalar.is_simple_key() {
                    writer.scalar(&scalar, Place::Key);
                    writer.pen.indicator(":", false);
                } else {
                    writer.pen.indicator_opening("?");
                    writer.scalar(&scalar, Place::Member);
                    writer.pen.line_to_indent();
                    writer.pen.indicator_opening(":");
                }
                writer.node(member, Place::Member);
            }
        });
    }

    fn flow_list(&mut self, items: &[Value]) {
        self.in_flow("[", "]", |writer| {
            for (at, item) in items.iter().enumerate() {
                writer.flow_separator(at);
                writer.node(item, Place::Item);
            }
        });
    }

    fn flow_map(&mut self, pairs: &[(&String, &Value)]) {
        self.in_flow("{", "}", |writer| {
            for (at, (key, member)) in pairs.iter().enumerate() {
                writer.flow_separator(at);
                let token = key_token(key);
                let scalar = token.as_deref().map_or_else(|| Scalar::text(key), Scalar::token);
                if scalar.is_simple_key() {
                    writer.scalar(&scalar, Place::Key);
                    writer.pen.indicator(":", false);
                } else {
                    writer.pen.indicator("?", true);
                    writer.scalar(&scalar, Place::Member);
                    if writer.pen.is_past_width() {
                        writer.pen.line_to_indent();
                    }
                    writer.pen.indicator(":", true);
                }
                writer.node(member, Place::Member);
            }
        });
    }

    fn in_flow(&mut self, open: &str, close: &str, part: impl FnOnce(&mut Self)) {
        self.pen.indicator(open, true);
        self.pen.whitespace = true;
        self.flow_level += 1;
        self.indented(self.deeper(self.style.indent), part);
        self.flow_level -= 1;
        self.pen.indicator(close, false);
    }

    fn flow_separator(&mut self, at: usize) {
        if at > 0 {
            self.pen.indicator(",", false);
        }
        if self.pen.is_past_width() {
            self.pen.line_to_indent();
        }
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, place: Place) {
        let splits = place != Place::Key;
        let style = scalar.style(self.flow_level > 0, place == Place::Key);
        self.indented(self.deeper(self.style.indent), |writer| match style {
            Style::Plain => writer.pen.plain(scalar.text, splits),
            Style::Single => writer.pen.single_quoted(scalar.text, splits),
            Style::Double => writer.pen.double_quoted(scalar.text, splits),
        });
    }
}

fn number_token(number: &serde_json::Number) -> String {
    let text = python::float_or_int(number);
    if !text.contains('.') && text.contains('e') { text.replacen('e', ".0e", 1) } else { text }
}

/// How a key is written that is no text.
fn key_token(key: &str) -> Option<String> {
    Some(match model::typed_key(key)? {
        Value::Number(number) => number_token(&number),
        other => other.to_string(),
    })
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NICE: YamlStyle = YamlStyle { indent: 4, width: 80, sort_keys: true, flow: Flow::Never };
    const TERSE: YamlStyle = YamlStyle { indent: 2, width: 80, sort_keys: true, flow: Flow::Leaves };

    #[test]
    fn nice_yaml_is_pyyamls() {
        let value = json!({
            "b": {"x": 1, "a": [1, "two", {"k": "v", "l": [[1, 2], []]}]},
            "a": ["yes", "no way", "0644", "1.5", "", "~", "it's", "a: b", "- x", "é", "line\nfeed\n", "tab\t", " x", "2026-01-02"],
            "empty": {}, "n": null, "t": true, "f": 1.0, "": 1
        });
        assert_eq!(
            yaml(&value, &NICE),
            "? ''\n: 1\na:\n- 'yes'\n- no way\n- '0644'\n- '1.5'\n- ''\n- '~'\n- it's\n- 'a: b'\n- '- x'\n- é\n- 'line\n\n    feed\n\n    '\n- \"tab\\t\"\n- ' x'\n- '2026-01-02'\nb:\n    a:\n    - 1\n    - two\n    -   k: v\n        l:\n        -   - 1\n            - 2\n        - []\n    x: 1\nempty: {}\nf: 1.0\nn: null\nt: true\n"
        );
    }

    #[test]
    fn terse_yaml_puts_leaves_on_one_line() {
        let value = json!({"a": [1, "x"], "b": {"c": {"d": 1}, "e": []}});
        assert_eq!(yaml(&value, &TERSE), "a: [1, x]\nb:\n  c: {d: 1}\n  e: []\n");
        assert_eq!(yaml(&json!("abc"), &TERSE), "abc\n");
        assert_eq!(yaml(&json!("yes"), &TERSE), "'yes'\n");
        assert_eq!(yaml(&json!([]), &TERSE), "[]\n");
    }

    #[test]
    fn long_texts_are_folded() {
        let words = ["word"; 30].join(" ");
        let folded = yaml(&json!({"a": words}), &NICE);
        let line = ["word"; 16].join(" ");
        assert_eq!(folded, format!("a: {line}\n    {}\n", ["word"; 14].join(" ")));
    }
}

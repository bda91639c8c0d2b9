//! YAML as PyYAML writes it, which is what `to_yaml` and `to_nice_yaml` come to under Ansible: a file that a template
//! wrote then must not change when wgops writes it. Which quotes a text needs is decided in `yaml_scalar.rs`.
//!
//! # Source
//! The output of PyYAML 6.0 (`yaml.dump`), with which this was compared on random values.

use super::python;
use super::yaml_scalar::{Scalar, Style};
use crate::model::Value;

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
    let mut writer = Writer::new(style);
    writer.node(value, Place::Root);
    writer.line_to_indent();
    if writer.open_ended {
        writer.out.push_str("...\n");
    }
    writer.out
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
    out: String,
    column: usize,
    /// Whether what was written last separates already.
    whitespace: bool,
    /// Whether only indentation and `-` stand on the line so far.
    indention: bool,
    indent: Option<usize>,
    flow_level: usize,
    open_ended: bool,
}

impl<'s> Writer<'s> {
    fn new(style: &'s YamlStyle) -> Self {
        Self {
            style,
            out: String::new(),
            column: 0,
            whitespace: true,
            indention: true,
            indent: None,
            flow_level: 0,
            open_ended: false,
        }
    }

    fn node(&mut self, value: &Value, place: Place) {
        match value {
            Value::Null => self.scalar(&Scalar::token("null"), place),
            Value::Bool(value) => self.scalar(&Scalar::token(if *value { "true" } else { "false" }), place),
            Value::Number(number) => {
                let mut text = python::float_or_int(number);
                if !text.contains('.') && text.contains('e') {
                    text = text.replacen('e', ".0e", 1);
                }
                self.scalar(&Scalar::token(&text), place);
            }
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
                    pairs.sort_by_key(|(key, _)| *key);
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
        let before = std::mem::replace(&mut self.indent, indent);
        part(self);
        self.indent = before;
    }

    fn deeper(&self, at_root: usize) -> Option<usize> {
        Some(self.indent.map_or(at_root, |indent| indent + self.style.indent))
    }

    fn block_list(&mut self, items: &[Value], place: Place) {
        let same_column = place == Place::Member && !self.indention;
        let indent = if same_column { Some(self.indent.unwrap_or(0)) } else { self.deeper(0) };
        self.indented(indent, |writer| {
            for item in items {
                writer.line_to_indent();
                writer.indicator_opening("-");
                writer.node(item, Place::Item);
            }
        });
    }

    fn block_map(&mut self, pairs: &[(&String, &Value)]) {
        self.indented(self.deeper(0), |writer| {
            for (key, member) in pairs {
                writer.line_to_indent();
                let scalar = Scalar::text(key);
                if scalar.is_simple_key() {
                    writer.scalar(&scalar, Place::Key);
                    writer.indicator(":", false);
                } else {
                    writer.indicator_opening("?");
                    writer.scalar(&scalar, Place::Member);
                    writer.line_to_indent();
                    writer.indicator_opening(":");
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
                let scalar = Scalar::text(key);
                if scalar.is_simple_key() {
                    writer.scalar(&scalar, Place::Key);
                    writer.indicator(":", false);
                } else {
                    writer.indicator("?", true);
                    writer.scalar(&scalar, Place::Member);
                    writer.indicator(":", true);
                }
                writer.node(member, Place::Member);
            }
        });
    }

    fn in_flow(&mut self, open: &str, close: &str, part: impl FnOnce(&mut Self)) {
        self.indicator(open, true);
        self.whitespace = true;
        self.flow_level += 1;
        self.indented(self.deeper(self.style.indent), part);
        self.flow_level -= 1;
        self.indicator(close, false);
    }

    fn flow_separator(&mut self, at: usize) {
        if at > 0 {
            self.indicator(",", false);
        }
        if self.column > self.style.width {
            self.line_to_indent();
        }
    }

    fn scalar(&mut self, scalar: &Scalar<'_>, place: Place) {
        let splits = place != Place::Key;
        let style = scalar.style(self.flow_level > 0, place == Place::Key);
        self.indented(self.deeper(self.style.indent), |writer| match style {
            Style::Plain => {
                writer.open_ended = place == Place::Root;
                writer.plain(scalar.text, splits);
            }
            Style::Single => writer.single_quoted(scalar.text, splits),
            Style::Double => writer.double_quoted(scalar.text, splits),
        });
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.chars().count();
    }

    fn indicator(&mut self, text: &str, needs_space: bool) {
        if needs_space && !self.whitespace {
            self.write(" ");
        }
        self.write(text);
        self.whitespace = false;
        self.indention = false;
        self.open_ended = false;
    }

    /// `-`, `?` or `:` that opens a line, after which more may be nested on the same line.
    fn indicator_opening(&mut self, text: &str) {
        let indention = self.indention;
        self.indicator(text, true);
        self.indention = indention;
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
        self.whitespace = true;
        self.indention = true;
    }

    fn line_to_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.line_break();
        }
        if self.column < indent {
            self.whitespace = true;
            self.write(&" ".repeat(indent - self.column));
        }
    }

    /// A space between words, or a new line in its stead where the line is long enough.
    fn fold(&mut self, spaces: usize, may_fold: bool) {
        if spaces == 1 && self.column > self.style.width && may_fold {
            self.line_to_indent();
            self.whitespace = false;
            self.indention = false;
        } else {
            self.write(&" ".repeat(spaces));
        }
    }

    fn plain(&mut self, text: &str, splits: bool) {
        if !self.whitespace {
            self.write(" ");
        }
        self.whitespace = false;
        self.indention = false;
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.find(' ').unwrap_or(rest.len());
            self.write(rest.get(..word).unwrap_or_default());
            rest = rest.get(word..).unwrap_or_default();
            let after = rest.trim_start_matches(' ');
            if rest.len() > after.len() {
                self.fold(rest.len() - after.len(), splits);
            }
            rest = after;
        }
    }

    fn single_quoted(&mut self, text: &str, splits: bool) {
        self.indicator("'", true);
        let (mut rest, mut first) = (text, true);
        while let Some(c) = rest.chars().next() {
            let end = rest.find(|other: char| class(other) != class(c)).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            match class(c) {
                Class::Space => self.fold(run.len(), splits && !first && !after.is_empty()),
                Class::Break => {
                    if c == '\n' {
                        self.line_break();
                    }
                    run.chars().for_each(|_| self.line_break());
                    self.line_to_indent();
                }
                Class::Other => self.write(&run.replace('\'', "''")),
            }
            rest = after;
            first = false;
        }
        self.indicator("'", false);
    }

    fn double_quoted(&mut self, text: &str, splits: bool) {
        self.indicator("\"", true);
        let chars: Vec<char> = text.chars().collect();
        let mut start = 0;
        for end in 0..=chars.len() {
            let c = chars.get(end).copied();
            if c.is_none_or(is_escaped) {
                self.write_chars(&chars, &mut start, end);
                if let Some(c) = c {
                    self.write(&escape(c));
                    start = end + 1;
                }
            }
            let inside = end > 0 && end + 1 < chars.len();
            let pending = end.saturating_sub(start);
            if inside
                && (c == Some(' ') || start >= end)
                && self.column + pending > self.style.width
                && splits
            {
                self.write_chars(&chars, &mut start, end);
                self.write("\\");
                self.line_to_indent();
                self.whitespace = false;
                self.indention = false;
                if chars.get(start) == Some(&' ') {
                    self.write("\\");
                }
            }
        }
        self.indicator("\"", false);
    }

    fn write_chars(&mut self, chars: &[char], start: &mut usize, end: usize) {
        if *start < end {
            let text: String = chars.get(*start..end).into_iter().flatten().collect();
            self.write(&text);
            *start = end;
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

#[derive(PartialEq, Eq)]
enum Class {
    Space,
    Break,
    Other,
}

fn class(c: char) -> Class {
    match c {
        ' ' => Class::Space,
        '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => Class::Break,
        _ => Class::Other,
    }
}

fn is_escaped(c: char) -> bool {
    !matches!(c, '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        || matches!(c, '"' | '\\' | '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
}

fn escape(c: char) -> String {
    let short = match c {
        '\0' => '0',
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\u{1b}' => 'e',
        '"' => '"',
        '\\' => '\\',
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        other => {
            let code = u32::from(other);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{short}")
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
        assert_eq!(yaml(&json!("abc"), &TERSE), "abc\n...\n");
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

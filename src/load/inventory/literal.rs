//! Values in INI inventories: Python literals where they are one, and text otherwise, as Ansible reads them.

use crate::model::Value;

/// Deepest nesting of lists and mappings.
const DEPTH_MAX: usize = 32;

/// The value that a text stands for: `80` a number, `True` a boolean, `['a']` a list, `0644` and `yes` the text itself.
///
/// # Source
/// Python's `ast.literal_eval`, whose failures Ansible takes for text. Numbers beyond 64 bits stay text here.
pub(super) fn value(text: &str) -> Value {
    let mut parser = Parser { rest: text.trim_start(), depth: 0 };
    match parser.whole() {
        Some(value) => value,
        None => Value::String(text.to_owned()),
    }
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Option<Value> {
        let first = self.item()?;
        let value = if self.eat(',') { Value::Array(self.items(vec![first], "")?) } else { first };
        (self.rest.is_empty() || self.rest.starts_with('#')).then_some(value)
    }

    fn skip_blank(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn eat(&mut self, c: char) -> bool {
        let Some(rest) = self.rest.strip_prefix(c) else { return false };
        self.rest = rest;
        self.skip_blank();
        true
    }

    /// The items of a list up to its end, `close` being eaten; the first ones are known already.
    fn items(&mut self, mut items: Vec<Value>, close: &str) -> Option<Vec<Value>> {
        loop {
            let ended = match close.chars().next() {
                Some(close) => self.eat(close),
                None => self.rest.is_empty() || self.rest.starts_with('#'),
            };
            if ended {
                return Some(items);
            }
            items.push(self.item()?);
            if !self.eat(',') {
                let ended = close.chars().next().is_none_or(|close| self.eat(close));
                return ended.then_some(items);
            }
        }
    }

    fn item(&mut self) -> Option<Value> {
        self.depth += 1;
        let value = if self.depth > DEPTH_MAX { None } else { self.any() };
        self.depth -= 1;
        self.skip_blank();
        value
    }

    fn any(&mut self) -> Option<Value> {
        match self.rest.chars().next()? {
            '[' => {
                self.eat('[');
                self.items(Vec::new(), "]").map(Value::Array)
            }
            '(' => self.tuple(),
            '{' => self.braces(),
            '\'' | '"' => self.text(),
            'u' | 'U' if self.rest.get(1..).is_some_and(|rest| rest.starts_with(['\'', '"'])) => {
                self.rest = self.rest.get(1..)?;
                self.text()
            }
            c if c.is_alphabetic() => self.name(),
            _ => self.number(),
        }
    }

    fn tuple(&mut self) -> Option<Value> {
        self.eat('(');
        if self.eat(')') {
            return Some(Value::Array(Vec::new()));
        }
        let first = self.item()?;
        if self.eat(')') {
            return Some(first);
        }
        self.eat(',').then(|| self.items(vec![first], ")"))?.map(Value::Array)
    }

    fn braces(&mut self) -> Option<Value> {
        self.eat('{');
        let mut map = crate::model::Map::new();
        while !self.eat('}') {
            let key = match self.item()? {
                Value::String(text) => text,
                Value::Array(_) | Value::Object(_) => return None,
                other => other.to_string(),
            };
            if !self.eat(':') {
                return None;
            }
            let value = self.item()?;
            map.insert(key, value);
            if !self.eat(',') {
                return self.eat('}').then_some(Value::Object(map));
            }
        }
        Some(Value::Object(map))
    }

    fn text(&mut self) -> Option<Value> {
        let quote = self.rest.chars().next()?;
        let mut out = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        loop {
            let (at, c) = chars.next()?;
            match c {
                '\\' => match chars.next()?.1 {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    same @ ('\\' | '\'' | '"') => out.push(same),
                    'x' | 'u' | 'U' | 'N' | '0'..='7' | 'a' | 'b' | 'f' | 'v' => return None,
                    other => out.extend(['\\', other]),
                },
                c if c == quote => {
                    self.rest = self.rest.get(at + 1..)?;
                    return Some(Value::String(out));
                }
                c => out.push(c),
            }
        }
    }

    fn token(&mut self) -> &'a str {
        let part = |c: char| c.is_alphanumeric() || "_.".contains(c);
        let end = self.rest.find(|c: char| !part(c)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.rest = rest;
        token
    }

    fn name(&mut self) -> Option<Value> {
        match self.token() {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.rest.starts_with('-');
        if negative || self.rest.starts_with('+') {
            self.rest = self.rest.get(1..)?;
        }
        let mut token = self.token().to_owned();
        if token.ends_with(['e', 'E']) && !token.starts_with("0x") && self.rest.starts_with(['-', '+']) {
            token.push_str(self.rest.get(..1)?);
            self.rest = self.rest.get(1..)?;
            token.push_str(self.token());
        }
        number(&token, negative)
    }
}

fn number(token: &str, negative: bool) -> Option<Value> {
    let begins = token.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if !begins || token.ends_with('_') || token.contains("__") {
        return None;
    }
    let sign = if negative { "-" } else { "" };
    let plain = token.replace('_', "").to_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Value::from);
        }
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let padded = plain.len() > 1 && plain.starts_with('0') && plain.bytes().any(|byte| byte != b'0');
        return if padded { None } else { format!("{sign}{plain}").parse::<i64>().ok().map(Value::from) };
    }
    let float = plain.bytes().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte));
    let parsed: f64 = float.then(|| format!("{sign}{plain}").parse().ok())??;
    serde_json::Number::from_f64(parsed).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn python_literals_become_values_and_everything_else_stays_text() {
        let cases = [
            ("80", json!(80)),
            ("-5", json!(-5)),
            ("1_000", json!(1000)),
            ("0x1f", json!(31)),
            ("0o17", json!(15)),
            ("1.5", json!(1.5)),
            ("1e-3", json!(0.001)),
            ("True", json!(true)),
            ("None", json!(null)),
            ("'it is'", json!("it is")),
            (r#""a\n""#, json!("a\n")),
            ("u'x'", json!("x")),
            ("[1, 'a', [True]]", json!([1, "a", [true]])),
            ("(1, 2)", json!([1, 2])),
            ("(1)", json!(1)),
            ("80,443", json!([80, 443])),
            ("{'a': 1, 2: 'b',}", json!({"a": 1, "2": "b"})),
            ("{}", json!({})),
            ("80 # http", json!(80)),
            ("0644", json!("0644")),
            ("0", json!(0)),
            ("true", json!("true")),
            ("yes", json!("yes")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("web # not a comment", json!("web # not a comment")),
            ("[1, x]", json!("[1, x]")),
            ("'open", json!("'open")),
            ("1j", json!("1j")),
            ("{{ x }}", json!("{{ x }}")),
            ("99999999999999999999", json!("99999999999999999999")),
            ("1e999", json!("1e999")),
            ("", json!("")),
            ("-", json!("-")),
            ("1 2", json!("1 2")),
        ];
        for (text, meant) in cases {
            assert_eq!(value(text), meant, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(value(&deep), json!(deep));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\](){}:,'\"\\\\ué0-9.eE+\\-_x TrueNo#]{0,40}") {
            let _ = value(&text);
        }
    }
}

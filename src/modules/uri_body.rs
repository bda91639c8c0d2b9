//! What `uri` sends: a text, a mapping as JSON or as a form, or a file.

use super::{Args, Host, python_json};
use crate::model::{Content, Value};
use crate::questions::Stop;
use crate::questions::contents::{Content as Read, Read as Ask};

/// Largest file of the host that is sent.
const BYTES_MAX: u64 = 32 << 20;

/// What is sent.
#[derive(Default)]
pub(super) struct Sent {
    /// The bytes; nothing: no body.
    pub content: Option<Content>,
    /// What kind of content that is, unless the task says so itself.
    pub kind: Option<&'static str>,
}

impl Sent {
    /// Whether it can stand in an argument.
    pub fn is_text(&self) -> bool {
        self.content
            .as_ref()
            .is_none_or(|content| std::str::from_utf8(content.bytes()).is_ok_and(|text| !text.contains('\0')))
    }

    /// It as a text.
    pub fn text(&self) -> Option<String> {
        self.content.as_ref().map(|content| String::from_utf8_lossy(content.bytes()).into_owned())
    }
}

/// Reads the parameters `body`, `body_format` and `src`.
///
/// # Errors
/// Refuses what doesn't go together; stops to ask for a file of the host.
pub(super) fn read(args: &Args, host: &Host<'_>) -> Result<Sent, Stop> {
    let kind = match args.text("body_format") {
        Some("json") => Some("application/json"),
        Some("form-urlencoded") => Some("application/x-www-form-urlencoded"),
        _ => None,
    };
    match (args.value("body"), args.text("src")) {
        (Some(_), Some(_)) => Err(Stop::refuse("parameters are mutually exclusive: body|src")),
        (None, None) => Ok(Sent { content: None, kind }),
        (None, Some(src)) => Ok(Sent { content: Some(file(src, args, host)?), kind }),
        (Some(body), None) => {
            let text = match (body, args.text("body_format")) {
                (Value::String(text), _) => text.clone(),
                (body, Some("form-urlencoded")) => form(body)?,
                (body, _) => python_json::dump(body),
            };
            Ok(Sent { content: Some(Content::new(text.into_bytes())), kind })
        }
    }
}

fn file(src: &str, args: &Args, host: &Host<'_>) -> Result<Content, Stop> {
    if !args.flag("remote_src") {
        return host.controller.file(src);
    }
    let content = host.get(Ask { path: src.to_owned(), bytes_max: BYTES_MAX })?;
    match content.as_ref() {
        Read::Whole(bytes) => Ok(Content::new(bytes.clone())),
        _ => Err(Stop::refuse(format!("{src} is no file on the host that can be sent"))),
    }
}

/// A mapping, or a list of pairs, as a form.
fn form(body: &Value) -> Result<String, Stop> {
    let wrong = || {
        Stop::refuse("failed to parse body as form_urlencoded: it is neither a mapping nor a list of pairs")
    };
    let mut pairs: Vec<(String, &Value)> = Vec::new();
    match body {
        Value::Object(map) => pairs.extend(map.iter().map(|(name, value)| (name.clone(), value))),
        Value::Array(list) => {
            for pair in list {
                match pair.as_array().map(Vec::as_slice) {
                    Some([name, value]) => pairs.push((plain(name), value)),
                    _ => return Err(wrong()),
                }
            }
        }
        _ => return Err(wrong()),
    }
    let mut out: Vec<String> = Vec::new();
    for (name, value) in &pairs {
        let values = match value {
            Value::Array(values) => values.iter().collect(),
            one => vec![*one],
        };
        out.extend(values.into_iter().map(|value| format!("{}={}", quoted(name), quoted(&plain(value)))));
    }
    Ok(out.join("&"))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Null => "None".into(),
        other => other.to_string(),
    }
}

/// As Python's `quote_plus` has it.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mappings_lists_and_pairs_become_a_form() {
        let pairs = json!({"a b": "c&d=é", "n": 1, "l": [true, "x"]});
        assert_eq!(form(&pairs).unwrap(), "a+b=c%26d%3D%C3%A9&n=1&l=True&l=x");
        assert_eq!(form(&json!([["a", 1], ["a", 2]])).unwrap(), "a=1&a=2");
        for wrong in [json!([1]), json!(1), json!([["a"]])] {
            assert!(form(&wrong).is_err(), "{wrong}");
        }
    }
}

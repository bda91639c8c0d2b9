//! Events for programs: one JSON object on each line, as `event` serialises them; the first names the vocabulary's
//! version.
//!
//! Characters that a terminal obeys are written as `\u` escapes, so that the text is the same and can be looked at:
//!
//! ```
//! let line = r#"{"event":"progress","host":"web1","message":"evil \u009b2J"}"#;
//! let event: wgops::event::Event = serde_json::from_str(line).unwrap();
//! assert!(matches!(event, wgops::event::Event::Progress { message, .. } if message == "evil \u{9b}2J"));
//! ```

use super::Reporter;
use crate::event::Event;
use crate::model::printable;
use serde::Serialize;
use std::io::{self, Write};

pub(super) struct Json;

impl Reporter for Json {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::Works { .. } => Ok(()),
            event => writeln!(out, "{}", line(event)?),
        }
    }
}

/// A value as JSON on one line, safe to look at.
///
/// # Errors
/// The value can't be written as JSON.
pub fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(safe(&serde_json::to_string(value)?))
}

/// A value as JSON on several lines, safe to look at.
///
/// # Errors
/// The value can't be written as JSON.
pub fn document(value: &impl Serialize) -> io::Result<String> {
    Ok(safe(&serde_json::to_string_pretty(value)?))
}

/// In JSON such characters stand inside strings only, all of them below U+10000: each becomes one escape.
fn safe(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        let mut bytes = [0; 4];
        match printable(c.encode_utf8(&mut bytes)) {
            std::borrow::Cow::Borrowed(same) => out.push_str(same),
            std::borrow::Cow::Owned(_) => out.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_reads_back_and_that_no_terminal_obeys() {
        let message = "a\u{1b}]52;c;x\u{7}\u{9b}2J\u{202e}\n\u{7f}é".to_owned();
        let event = Event::Progress { host: "web1".parse().unwrap(), message, done: Some(1), of: None };
        let mut out = Vec::new();
        Json.event(&event, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.trim_end().chars().any(|c| c.is_control() || c == '\u{202e}'));
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
    }

    use crate::model::{Map, Value};
    use std::collections::BTreeSet;

    fn schema() -> Value {
        serde_json::from_str(include_str!("../../docs/schemas/events.schema.json")).unwrap()
    }

    /// The smallest value that fits a part of the schema.
    fn sample(part: &Value, key: &str, whole: &Value) -> Value {
        if let Some(name) = part["$ref"].as_str() {
            return sample(whole.pointer(name.trim_start_matches('#')).unwrap(), key, whole);
        }
        if let Some(word) = part.get("const").or_else(|| part["enum"].get(0)) {
            return word.clone();
        }
        if let Some(first) = part["oneOf"].get(0).or_else(|| part["anyOf"].get(0)) {
            return sample(first, key, whole);
        }
        let kind = part["type"].as_str().or_else(|| part["type"][0].as_str()).unwrap_or("null");
        match kind {
            "string" if part.get("format").is_some() => "2026-11-21T22:00:00Z".into(),
            "string" if part.get("pattern").is_some() => format!("sha256:{}", "0".repeat(64)).into(),
            "string" if key == "run" => "01JDC0000000000000000000AA".into(),
            "string" => "web1".into(),
            "integer" => 1.into(),
            "number" => 0.5.into(),
            "boolean" => true.into(),
            "array" => vec![sample(&part["items"], key, whole)].into(),
            "object" => {
                let one = |(key, part): (&String, &Value)| (key.clone(), sample(part, key, whole));
                part["properties"]
                    .as_object()
                    .map(|all| all.iter().map(one).collect::<Map>())
                    .unwrap_or_default()
                    .into()
            }
            _ => Value::Null,
        }
    }

    #[test]
    fn the_schema_knows_each_event_and_all_of_its_members() {
        let schema = schema();
        let parts = schema["oneOf"].as_array().unwrap();
        let described: BTreeSet<String> =
            parts.iter().map(|part| part["title"].as_str().unwrap().to_owned()).collect();
        let unknown = serde_json::from_str::<Event>(r#"{"event":"nosuch"}"#).unwrap_err().to_string();
        let there: BTreeSet<String> =
            unknown.split('`').skip(3).step_by(2).map(str::to_owned).filter(|name| name != "works").collect();
        assert_eq!(described, there);
        // What findings and judgements hold is described where audits are.
        for part in parts.iter().filter(|part| part["title"] != "found" && part["title"] != "judging") {
            let made = sample(part, "", &schema);
            let event: Event = serde_json::from_value(made.clone())
                .unwrap_or_else(|error| panic!("{}: {error}: {made}", part["title"]));
            assert_eq!(serde_json::to_value(event).unwrap(), made, "{}", part["title"]);
        }
    }
}

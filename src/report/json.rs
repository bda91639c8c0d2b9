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
}

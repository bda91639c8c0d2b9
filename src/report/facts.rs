//! What hosts say about themselves: one JSON document for people and programs alike, hosts by name.

use super::Reporter;
use super::json::document;
use crate::event::Event;
use crate::model::{Map, Value};
use std::io::{self, Write};

/// Collects facts, and shows them when the run ends.
#[derive(Default)]
pub(super) struct Facts(Map);

impl Reporter for Facts {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        match event {
            Event::TaskEnds(end) => {
                let facts = end.result.get("ansible_facts").filter(|facts| facts.is_object());
                self.0.extend(facts.map(|facts| (end.host.to_string(), facts.clone())));
            }
            Event::RunEnds { .. } => {
                let all = Value::Object(std::mem::take(&mut self.0));
                writeln!(out, "{}", document(&all)?)?;
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::human::cases::end;
    use super::*;
    use crate::event::TaskEnd;
    use serde_json::json;

    #[test]
    fn facts_are_shown_by_host() {
        let result = json!({"ansible_facts": {"ansible_kernel": "6.1"}});
        let (mut facts, mut out) = (Facts::default(), Vec::new());
        for event in [
            Event::TaskEnds(Box::new(TaskEnd { result, ..end("web1", 0) })),
            Event::TaskEnds(Box::new(end("web2", 0))),
            Event::RunEnds { recap: Default::default(), interrupted: false, seconds: 1.0 },
        ] {
            facts.event(&event, &mut out).unwrap();
        }
        let shown: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(shown, json!({"web1": {"ansible_kernel": "6.1"}}));
    }
}

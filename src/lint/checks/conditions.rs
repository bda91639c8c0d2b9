//! Conditions that work and say it in a roundabout way, or would be better said elsewhere.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::Task;
use crate::load::Node;
use regex::Regex;
use std::sync::LazyLock;

/// Keywords that are conditions.
const CONDITIONS: [&str; 4] = ["when", "changed_when", "failed_when", "until"];

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    for (key, node) in task.entries.iter().filter(|(key, _)| CONDITIONS.contains(&key.name.as_str())) {
        for item in node.items() {
            let Ok(text) = item.str() else { continue };
            braces(desk, item, text, &key.name);
            compared(desk, item, text);
        }
    }
    if let Some(node) = task.own("when").filter(|_| !task.is_handler) {
        handler(desk, node);
    }
}

fn braces(desk: &mut Desk<'_>, node: &Node, text: &str, keyword: &str) {
    let text = text.trim();
    if text.starts_with("{{") && text.ends_with("}}") {
        let message = format!("'{keyword}' is an expression already");
        desk.say(&rules::NO_JINJA_WHEN, &node.place, message, Some("leave out '{{' and '}}'".into()));
    }
}

fn compared(desk: &mut Desk<'_>, node: &Node, text: &str) {
    static LITERAL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?i)(==|!=|\bis\s+(not\s+)?)\s*(true|false)\b").ok());
    let found = LITERAL.as_ref().and_then(|literal| literal.captures(text));
    let Some(operator) = found.as_ref().and_then(|found| found.get(1)) else { return };
    if operator.as_str().starts_with("is") {
        return;
    }
    let help = "write 'x' or 'not x', with '| bool' where it is a text".to_owned();
    desk.say(&rules::LITERAL_COMPARE, &node.place, "compares with true or false", Some(help));
}

fn handler(desk: &mut Desk<'_>, node: &Node) {
    static CHANGED: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"^\s*[A-Za-z_]\w*(\.changed|\s+is\s+changed|\s*\|\s*changed)\s*$").ok());
    let [only] = node.items() else { return };
    let Ok(text) = only.str() else { return };
    if CHANGED.as_ref().is_some_and(|changed| changed.is_match(text)) {
        let help = "notify a handler, and flush handlers where it can't wait".to_owned();
        desk.say(&rules::NO_HANDLER, &only.place, "runs where another task changed something", Some(help));
    }
}

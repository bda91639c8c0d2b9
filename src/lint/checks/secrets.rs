//! Secrets that stand in files as they are. What is sealed, rendered or looked up is none.

use super::Desk;
use crate::lint::rules;
use crate::lint::tree::Kind;
use crate::load::{Key, Node, NodeValue};
use regex::Regex;
use std::sync::LazyLock;

/// Least columns of a line of a real key.
const KEY_COLUMNS_MIN: usize = 32;
/// Values that are placeholders, words of other kinds or nothing.
const HARMLESS: [&str; 14] = [
    "",
    "changeme",
    "change_me",
    "changeit",
    "password",
    "secret",
    "none",
    "null",
    "undefined",
    "omit",
    "present",
    "absent",
    "always",
    "on_create",
];

pub(super) fn document(desk: &mut Desk<'_>) {
    private_key(desk);
    match (desk.document.kind, &desk.document.node) {
        (Kind::Vars, Some(node)) => variables(desk, node),
        (Kind::Playbook, _) => {
            let plays = desk.document.plays();
            plays.iter().filter_map(|play| play.get("vars")).for_each(|node| variables(desk, node));
        }
        (Kind::Inventory, Some(node)) => variables(desk, node),
        (Kind::Inventory, None) => ini(desk),
        _ => {}
    }
}

fn private_key(desk: &mut Desk<'_>) {
    let document = desk.document;
    if !document.file.text.contains("PRIVATE KEY-----") {
        return;
    }
    let mut lines = (1..).zip(document.file.text.lines()).peekable();
    while let Some((number, line)) = lines.next() {
        // In a manual, dots follow.
        let real = lines.peek().is_some_and(|(_, next)| next.trim().len() >= KEY_COLUMNS_MIN);
        let begins = real
            && line
                .trim_start()
                .strip_prefix("-----BEGIN ")
                .is_some_and(|rest| rest.ends_with("PRIVATE KEY-----"));
        if begins {
            let column = line.chars().take_while(|c| c.is_whitespace()).count() + 1;
            let place = document.file.place(number, column);
            let help =
                "seal it, or keep it out of the repository; whoever could read this file has it".to_owned();
            desk.say(
                &rules::PRIVATE_KEY,
                &place,
                "a private key, readable for all who read this file",
                Some(help),
            );
            return;
        }
    }
}

fn is_secret_name(name: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(^|_)(pass|passwd|password|passphrase|secret|token|api_?key|private_key|secret_key|access_key)$").ok()
    });
    NAME.as_ref().is_some_and(|pattern| pattern.is_match(name))
}

fn is_secret(text: &str) -> bool {
    let text = text.trim();
    let points_elsewhere =
        text.starts_with(['/', '~', '<', '*']) || text.contains("{{") || text.contains("://");
    let hashed = text.starts_with('$') && text.matches('$').count() >= 3;
    let flag = matches!(text.to_lowercase().as_str(), "yes" | "no" | "true" | "false");
    !points_elsewhere
        && !hashed
        && !flag
        && text.len() > 3
        && !HARMLESS.contains(&text.to_lowercase().as_str())
}

fn variables(desk: &mut Desk<'_>, node: &Node) {
    match &node.value {
        NodeValue::Map(entries) => {
            for (key, node) in entries {
                match &node.value {
                    NodeValue::Text(text) if node.tag.is_none() => {
                        if is_secret_name(&key.name) && is_secret(text) {
                            cleartext(desk, key);
                        }
                    }
                    _ => variables(desk, node),
                }
            }
        }
        NodeValue::List(items) => items.iter().for_each(|item| variables(desk, item)),
        _ => {}
    }
}

fn cleartext(desk: &mut Desk<'_>, key: &Key) {
    let message = format!("'{}' stands here as it is", key.name);
    let help =
        "seal it, or take it from elsewhere: lookup('env', …), a file outside the repository".to_owned();
    desk.say(&rules::CLEARTEXT_SECRET, &key.place, message, Some(help));
}

fn ini(desk: &mut Desk<'_>) {
    let document = desk.document;
    for (number, line) in (1..).zip(document.file.text.lines()) {
        let line = line.split('#').next().unwrap_or_default();
        for word in line.split_whitespace().filter(|word| !word.starts_with(';')) {
            let Some((name, value)) = word.split_once('=') else { continue };
            if is_secret_name(name) && is_secret(value.trim_matches(['"', '\''])) {
                cleartext(desk, &Key::new(&document.file.place(number, 1), name));
            }
        }
    }
}

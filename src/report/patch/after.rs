//! What became of a host beside its packages: services, units, removals, and what was left lying; read leniently from the
//! modules' results. What could not be looked at is said, and never passes for fine.

use super::super::line::one_line;
use crate::event::{Status, TaskEnd};
use crate::model::Value;

/// Names that are listed before the rest is counted.
const NAMES_MAX: usize = 12;

/// What is known so far.
#[derive(Default)]
pub(super) struct After {
    removed: Vec<String>,
    would_remove: Vec<String>,
    leftovers: Vec<String>,
    phased: Vec<String>,
    subscription: Vec<String>,
    outdated: Vec<String>,
    restarted: Vec<String>,
    would_restart: Vec<String>,
    not_restarted: bool,
    left: Vec<String>,
    down: Vec<String>,
    failed_before: Option<Vec<String>>,
    failed_since: Vec<String>,
    blind: bool,
}

impl After {
    pub fn pending(&mut self, result: &Value) {
        self.outdated = names(&result["services"]);
        self.phased = names(&result["phased"]);
        self.subscription = names(&result["needs_subscription"]);
    }

    pub fn applied(&mut self, end: &TaskEnd) {
        let removed = entries(&end.result["removed"], |entry| {
            format!("{} {}", text(&entry["name"]), text(&entry["version"])).trim_end().to_owned()
        });
        match end.status {
            Status::WouldChange => self.would_remove = removed,
            _ => self.removed = removed,
        }
        self.leftovers = names(&end.result["leftovers"]);
    }

    pub fn restarts(&mut self, end: &TaskEnd) {
        let result = &end.result;
        match end.status {
            Status::WouldChange => self.would_restart = names(&result["services"]),
            Status::Skipped => self.not_restarted = true,
            _ => self.restarted = names(&result["restarted"]),
        }
        self.left = entries(&result["left"], |entry| {
            format!("{}: {}; {}", text(&entry["name"]), text(&entry["reason"]), text(&entry["remedy"]))
        });
        self.down = entries(&result["failures"], |entry| text(&entry["name"]));
        self.blind |= result["sees_all"].as_bool() == Some(false);
    }

    pub fn units(&mut self, end: &TaskEnd) {
        match end.status {
            Status::Ok | Status::Failed => {}
            _ => return,
        }
        if end.result["assessed"].as_bool() != Some(true) {
            self.blind = true;
            return;
        }
        self.failed_since = names(&end.result["new"]);
        self.failed_before.get_or_insert_with(|| names(&end.result["names"]));
    }

    /// One line for each kind of thing.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |what: &str, names: &[String]| {
            if !names.is_empty() {
                notes.push(format!("{what}: {}", listed(names)));
            }
        };
        note("would REMOVE", &self.would_remove);
        note("removed", &self.removed);
        note("rolled out in phases, not yet to this host", &self.phased);
        note("need a subscription", &self.subscription);
        note("left by an interrupted change", &self.leftovers);
        note("would restart", &self.would_restart);
        note("restarted", &self.restarted);
        note("did not come back", &self.down);
        if self.not_restarted {
            note("still on replaced files, not restarted", &self.outdated);
        }
        self.left.iter().for_each(|left| note("still on replaced files", std::slice::from_ref(left)));
        note("failed since this began", &self.failed_since);
        note("had failed before", self.failed_before.as_deref().unwrap_or_default());
        if self.blind {
            notes.push("not all services could be looked at: whether they are well is unknown".into());
        }
        notes
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(|text| one_line(text).into_owned()).unwrap_or_default()
}

fn names(value: &Value) -> Vec<String> {
    entries(value, text)
}

fn entries(value: &Value, read: impl Fn(&Value) -> String) -> Vec<String> {
    let all = value.as_array().into_iter().flatten().map(read);
    all.filter(|entry| !entry.is_empty()).collect()
}

//! A task's end on one host, put together from those of its units: what is said of it, and what `register` gets.

use super::task::Loop;
use super::unit::{Running, Stage, Unit, UnitEnd, loop_variable};
use crate::event::{ChangeMade, ItemEnd, Status, TaskEnd};
use crate::model::{HostName, Map, Value, plain};
use serde_json::json;
use std::time::Duration;

/// A whole task's end, put together from its units'.
pub struct Whole {
    /// What to say of it.
    pub event: TaskEnd,
    /// What `register` gets.
    pub result: Map,
    /// Whether a secret is in it.
    pub tainted: bool,
    /// Whether nothing of it may be shown, for that reason or another.
    pub hidden: bool,
    /// Names what only the real run knows, if the result is unknown.
    pub unknown: Option<String>,
}

impl Running {
    /// Puts the task's end together.
    pub fn whole(&self, host: &HostName, name: String, now: Duration, hides: bool) -> Whole {
        let ends: Vec<(&Unit, &UnitEnd)> = self
            .units
            .iter()
            .flatten()
            .filter_map(|unit| match &unit.stage {
                Stage::Ended(end) => Some((unit, end.as_ref())),
                _ => None,
            })
            .collect();
        let tainted = ends.iter().any(|(_, end)| end.tainted);
        let hide = tainted || hides;
        // A loop that never began has no items to speak of.
        let has_begun = ends.is_empty() || ends.iter().any(|(unit, _)| unit.item.is_some());
        let each = self.task.each.as_ref().filter(|_| has_begun);
        let looped = each.is_some();
        let status = worst(ends.iter().map(|(_, end)| &end.status), looped);
        let unknown = ends.iter().find_map(|(_, end)| end.unknown()).map(str::to_owned);
        let result = each.map_or_else(|| single_result(&ends), |each| loop_result(each, &ends));
        // Of an include that can't be opened, nothing else says why.
        let says = |end: &&UnitEnd| !looped || self.task.include.is_some() && end.status == Status::Failed;
        let says = ends.iter().map(|(_, end)| *end).find(says);
        let message = says.and_then(|end| shown(end, hide));
        let changes =
            if looped { Vec::new() } else { ends.iter().flat_map(|(_, e)| made(e, hide, tainted)).collect() };
        let items = if looped {
            ends.iter()
                .map(|(unit, end)| ItemEnd {
                    label: if hide {
                        "(item not shown)".into()
                    } else {
                        unit.label.clone().unwrap_or_default()
                    },
                    status: end.status.clone(),
                    message: shown(end, hide),
                    changes: made(end, hide, tainted),
                })
                .collect()
        } else {
            Vec::new()
        };
        let event = TaskEnd {
            host: host.clone(),
            number: self.task.number,
            task: name,
            module: self.task.module.name.to_owned(),
            place: self.task.place.clone(),
            handler: self.task.handler,
            status,
            ignored: false,
            rescued: false,
            message,
            changes,
            items,
            result: if hide { Value::Null } else { plain(&Value::Object(result.clone())).into_owned() },
            seconds: now.saturating_sub(self.begun.unwrap_or(now)).as_secs_f64(),
            asks_out: Vec::new(),
            kept: None,
        };
        Whole { event, result, tainted, hidden: hide, unknown }
    }
}

fn shown(end: &UnitEnd, hide: bool) -> Option<String> {
    let hidden = || end.in_open.clone().unwrap_or_else(|| "(not shown: it may hold a secret)".to_owned());
    end.message.as_ref().map(|text| if hide { hidden() } else { text.clone() })
}

fn made(end: &UnitEnd, hide: bool, tainted: bool) -> Vec<ChangeMade> {
    end.changes.iter().map(|c| if hide { c.covered(tainted) } else { c.clone() }).collect()
}

/// The worst status of the units; of a loop without items: skipped.
fn worst<'a>(all: impl Iterator<Item = &'a Status>, looped: bool) -> Status {
    let rank = |status: &Status| match status {
        Status::Unknown => 8,
        Status::Failed => 7,
        Status::KnownAfterApply { .. } | Status::Unseen { .. } => 6,
        Status::Provisional { .. } => 5,
        Status::WouldRun => 4,
        Status::Changed | Status::WouldChange => 3,
        Status::Ok => 2,
        Status::Skipped => 1,
    };
    all.max_by_key(|s| rank(s)).cloned().unwrap_or(if looped { Status::Skipped } else { Status::Ok })
}

/// Whether a status counts as changed in what `register` gets.
fn is_changed(status: &Status) -> bool {
    matches!(status, Status::Changed | Status::WouldChange | Status::WouldRun)
}

fn single_result(ends: &[(&Unit, &UnitEnd)]) -> Map {
    ends.first().map(|(_, end)| unit_result(end)).unwrap_or_default()
}

/// What `register` gets of one unit: the module's keys and Ansible's `changed`, `failed` and `skipped`.
pub fn unit_result(end: &UnitEnd) -> Map {
    let mut result = end.result.clone();
    let said = result.get("changed").and_then(Value::as_bool);
    let changed = match end.status {
        // What was done before it failed was done.
        Status::Failed => said.unwrap_or(!end.changes.is_empty()),
        ref status => is_changed(status),
    };
    result.insert("changed".into(), changed.into());
    result.insert("failed".into(), (end.status == Status::Failed || end.gave_up).into());
    if end.status == Status::Failed {
        // Where a module has no trace to show, Ansible says so under this key.
        result.entry("exception").or_insert_with(|| "(traceback unavailable)".into());
    }
    if end.status == Status::Skipped {
        result.insert("skipped".into(), true.into());
        if let Some(why) = &end.message {
            result.entry("skip_reason").or_insert_with(|| why.clone().into());
        }
    }
    result
}

fn loop_result(each: &Loop, ends: &[(&Unit, &UnitEnd)]) -> Map {
    let results: Vec<Value> = ends
        .iter()
        .map(|(unit, end)| {
            let mut result = unit_result(end);
            let variable = loop_variable(&unit.layer).unwrap_or(&each.variable);
            result.insert(variable.to_owned(), unit.item.clone().unwrap_or_default());
            result.insert("ansible_loop_var".into(), variable.into());
            if let Some(name) = &each.index_variable {
                result.insert(name.clone(), unit.index.into());
                result.insert("ansible_index_var".into(), name.clone().into());
            }
            if let Some(place) = &unit.loop_place {
                result.insert("ansible_loop".into(), place.clone());
            }
            Value::Object(result)
        })
        .collect();
    let any = |test: fn(&Status) -> bool| ends.iter().any(|(_, end)| test(&end.status));
    let failed = any(|s| *s == Status::Failed) || ends.iter().any(|(_, end)| end.gave_up);
    let skipped = ends.iter().all(|(_, end)| end.status == Status::Skipped);
    let mut result = Map::new();
    result.insert("results".into(), Value::Array(results));
    result.insert("changed".into(), any(is_changed).into());
    result.insert("failed".into(), failed.into());
    if skipped {
        result.insert("skipped".into(), true.into());
    }
    let message = match (failed, skipped) {
        (true, _) => "One or more items failed",
        (false, true) if ends.is_empty() => "No items in the list",
        (false, true) => "All items skipped",
        (false, false) => "All items completed",
    };
    // Nothing to go over is a reason, not a message.
    result.insert(if ends.is_empty() { "skipped_reason" } else { "msg" }.into(), json!(message));
    result
}

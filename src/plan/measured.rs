//! What of a task's words may be written down before somebody said yes. Who writes a playbook chooses what is read, on hosts and here,
//! and can make names, messages and findings of it, which people push with the ledger. So what is kept is what people wrote, and
//! what wgops measured: never what stood in files.
//!
//! That is found out by rendering a task once more without all that was read: what comes out the same holds none of it.

use super::control::Common;
use super::evaluate::{Rendering, Truth, text_of};
use super::ground::Ground;
use super::scope::{Frame, Layer};
use super::task::Task;
use super::unit::{Running, Stage, Unit, UnitEnd, loop_variable};
use super::whole::Whole;
use crate::event::{Kept, Status};
use crate::model::{Digest, Map, Value};
use crate::modules::{Args, Effect, Facts};
use crate::template::{Binding, Cause, Rendered, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Modules whose results are measures, versions and names, and those that only say again what they were given.
const MEASURES: [&str; 17] = [
    "assert",
    "automatic_updates",
    "check",
    "debug",
    "fail",
    "failed_units",
    "foreign_packages",
    "free_space",
    "login_keys",
    "package_sources",
    "pending_updates",
    "release_support",
    "set_fact",
    "sshd_settings",
    "sudo_rules",
    "user_accounts",
    "vulnerabilities",
];
/// Facts that hold what somebody put into files or an environment.
const CONTENTS: [&str; 4] = ["cmdline", "env", "local", "proc_cmdline"];

/// Names of variables and facts that hold nothing but measures and what people wrote.
#[derive(Clone, Default)]
pub(super) struct Measured {
    variables: BTreeSet<String>,
    facts: BTreeSet<String>,
}

impl Measured {
    /// A variable was set anew, to who knows what.
    pub fn forget(&mut self, name: &str) {
        self.variables.remove(name);
    }

    /// The same of facts.
    pub fn forget_facts(&mut self, facts: &Map) {
        for name in facts.keys() {
            self.facts.remove(short(name));
        }
    }

    /// Variables, of which those are unknown that may hold more.
    pub fn of(&self, set: &Layer) -> Layer {
        known_of(set, |name| self.variables.contains(name))
    }

    /// The same of facts.
    pub fn of_facts(&self, layer: &Layer) -> Layer {
        let mut all = known_of(layer, |name| name == "ansible_facts" || self.facts.contains(short(name)));
        if let Some(Binding::Data(facts)) = layer.get("ansible_facts") {
            let facts = MeasuredFacts { facts: facts.clone(), known: self.facts.clone() };
            all.insert("ansible_facts".into(), Binding::Scope(Arc::new(facts)));
        }
        all
    }
}

/// A layer in which all is unknown but what these names have. It is there all the same: what a template says where a name is missing
/// (`default`) would tell that it is.
pub(super) fn known_of(layer: &Layer, is_known: impl Fn(&str) -> bool) -> Layer {
    let bound = |(name, bound): (&String, &Binding)| {
        (name.clone(), if is_known(name) { bound.clone() } else { was_read() })
    };
    layer.iter().map(bound).collect()
}

/// Stands among what an include gives its tasks where it is for what was read to say whether, and how often, they are done.
const BY_WHAT_WAS_READ: &str = "wgops_by_what_was_read";

/// Notes that among what an include gives its tasks.
pub(super) fn mark_as_read(given: &mut Arc<Layer>) {
    Arc::make_mut(given).insert(BY_WHAT_WAS_READ.to_owned(), was_read());
}

/// What stands in the place of all that was read.
pub(super) fn was_read() -> Binding {
    Binding::Unknown(Cause::from("what was read"))
}

/// `ansible_facts`, of which some are unknown.
struct MeasuredFacts {
    facts: Arc<Value>,
    known: BTreeSet<String>,
}

impl Scope for MeasuredFacts {
    fn get(&self, name: &str) -> Option<Binding> {
        let value = self.facts.get(name)?;
        let is_known = self.known.contains(short(name));
        Some(if is_known { Binding::Data(Arc::new(value.clone())) } else { was_read() })
    }

    fn names(&self) -> Vec<String> {
        self.facts.as_object().map(|facts| facts.keys().cloned().collect()).unwrap_or_default()
    }
}

/// A fact's name without its prefix.
fn short(name: &str) -> &str {
    name.strip_prefix("ansible_").unwrap_or(name)
}

/// What makes arguments these and no others.
pub(super) fn identity(args: &Args) -> Digest {
    Digest::of(Value::Object(args.all().clone()).to_string())
}

impl Ground {
    /// Whether nothing may be written down but what people wrote and what was measured.
    pub(super) fn keeps_little(&self) -> bool {
        self.quiet.is_some()
    }

    /// Whether of a task that came out so anything may be written down, and less than all.
    pub(super) fn is_kept(&self, running: &Running, whole: &Whole) -> bool {
        let ends = running.units.iter().flatten().filter_map(|unit| match &unit.stage {
            Stage::Ended(end) => Some(end),
            _ => None,
        });
        let is_quiet = matches!(whole.event.status, Status::Ok | Status::Skipped);
        let sets = running.task.sets();
        let is_used = sets.register.is_some() || sets.variables.is_some() || sets.facts;
        let says = |end: &UnitEnd| !end.findings.is_empty() || !end.changes.is_empty();
        let is_told = !is_quiet || running.task.module.name.ends_with("_updates");
        self.keeps_little() && (is_told || is_used || ends.into_iter().any(|end| says(end)))
    }

    /// What of a task's end may be written down, which is told under this name.
    pub(super) fn kept(&self, running: &Running, name: &str) -> Kept {
        let units = running.units.as_deref().unwrap_or_default();
        let items = self.are_measured(running, units);
        let view = self.variables.measured_view(&running.layer, &Arc::default());
        let template = Value::String(running.task.name.clone());
        let is_written = matches!(self.templates.render(&template, &view),
            Ok(Rendered::Known { value, tainted: false }) if text_of(&value) == name);
        let task = if is_written { name.to_owned() } else { running.task.name.clone() };
        Kept { task, whole: !items.is_empty() && items.iter().all(|is| *is), items }
    }

    /// Of each unit, whether all that it was given is measured or was written by people.
    pub(super) fn are_measured(&self, running: &Running, units: &[Unit]) -> Vec<bool> {
        if running.layer.given.contains_key(BY_WHAT_WAS_READ) {
            return vec![false; units.len()];
        }
        let plain = self.variables.measured_view(&running.layer, &Arc::default());
        let items = running.task.each.as_ref().map(|each| self.items_of(&running.task, each, &plain));
        let is_written = |unit: &Unit| match &items {
            None => true,
            Some(items) => {
                let own = items.as_ref().and_then(|items| items.get(unit.index));
                own.is_some() && own == unit.item.as_ref()
            }
        };
        units.iter().map(|unit| is_written(unit) && self.is_measured(running, unit)).collect()
    }

    /// Whether a unit whose item may be written down is given nothing else.
    fn is_measured(&self, running: &Running, unit: &Unit) -> bool {
        let view = self.variables.measured_view(&running.layer, &Arc::new(of_loop(&unit.layer)));
        let labelled = running.task.each.as_ref().filter(|each| each.label.is_some());
        let is_label = labelled.is_none_or(|each| self.label_of(each, &view) == unit.label);
        // How it came out would tell what they were judged by.
        let task = &running.task;
        let judges = [&task.failed_when, &task.changed_when];
        let is_judged = judges.into_iter().flatten().flatten().any(|condition| !condition.is_boolean());
        is_label && !is_judged && task.retry.is_none() && self.comes_to(task, &view, unit.given)
    }

    /// Whether what is looked at is given nothing but what people wrote and what was measured.
    pub(super) fn is_plain(&self, task: &Task, layer: &Arc<Frame>, item: &Arc<Layer>) -> bool {
        let plain = self.variables.measured_view(layer, &Arc::default());
        let is_written = task.each.as_ref().is_none_or(|each| {
            let own = item.get(loop_variable(item).unwrap_or(&each.variable)).and_then(Binding::value);
            self.items_of(task, each, &plain).zip(own).is_some_and(|(items, own)| items.contains(own))
        });
        let view = self.variables.measured_view(layer, &Arc::new(of_loop(item)));
        is_written && self.comes_to(task, &view, self.looked_at)
    }

    /// Whether a task is done where nothing else is seen, and comes to these arguments.
    fn comes_to(&self, task: &Task, view: &Arc<dyn Scope>, given: Option<Digest>) -> bool {
        let means = self.means();
        if !matches!(means.conditions(&task.when, view), Ok(Truth::Holds)) {
            return false;
        }
        let Ok(Rendering::Done(frozen)) = means.render(task, view) else { return false };
        !frozen.tainted && given == Some(identity(&frozen.args))
    }

    /// Counts what a task has set as measured, where all that it was given is.
    pub(super) fn trust(&mut self, running: &Running, common: &Common, is_measured: bool) {
        if !self.keeps_little() || !is_measured {
            return;
        }
        let measured = &mut self.variables.measured;
        if matches!(running.task.module.effect, Effect::Facts(Facts::Gathered)) {
            let known = common.facts.keys().map(|name| short(name)).filter(|name| !CONTENTS.contains(name));
            measured.facts.extend(known.map(str::to_owned));
        } else if MEASURES.contains(&running.task.module.name) {
            measured.variables.extend(common.variables.iter().map(|(name, _)| name.clone()));
        }
    }
}

/// What a loop itself gives an item; what items before it set, and the other items, are unknown.
fn of_loop(layer: &Layer) -> Layer {
    let text = |name: &str| layer.get(name).and_then(Binding::value).and_then(Value::as_str);
    let names = ["ansible_loop_var", "ansible_index_var"];
    let named: BTreeSet<&str> = names.into_iter().filter_map(text).chain(names).collect();
    known_of(layer, |name| named.contains(name))
}

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
use crate::template::{Binding, Rendered, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Modules whose results are measures, versions and names, and those that only say again what they were given.
const MEASURES: [&str; 18] = [
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
    "stat",
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

    /// The variables of these that are known to be no more.
    pub fn of(&self, set: &Layer) -> Layer {
        let known = set.iter().filter(|(name, _)| self.variables.contains(*name));
        known.map(|(name, bound)| (name.clone(), bound.clone())).collect()
    }

    /// The same of facts.
    pub fn of_facts(&self, layer: &Layer) -> Layer {
        let is_known = |name: &str| self.facts.contains(short(name));
        let plain = layer.iter().filter(|(name, _)| *name != "ansible_facts" && is_known(name));
        let mut all: Layer = plain.map(|(name, bound)| (name.clone(), bound.clone())).collect();
        if let Some(Value::Object(facts)) = layer.get("ansible_facts").and_then(Binding::value) {
            let facts = facts.iter().filter(|(name, _)| is_known(name));
            let facts: Map = facts.map(|(name, value)| (name.clone(), value.clone())).collect();
            all.insert("ansible_facts".into(), Binding::Data(Arc::new(Value::Object(facts))));
        }
        all
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
    fn are_measured(&self, running: &Running, units: &[Unit]) -> Vec<bool> {
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
        is_label && self.comes_to(&running.task, &view, unit.given)
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

/// What a loop itself gives an item, without what items before it set and without the other items.
fn of_loop(layer: &Layer) -> Layer {
    let text = |name: &str| layer.get(name).and_then(Binding::value).and_then(Value::as_str);
    let names = ["ansible_loop_var", "ansible_index_var"];
    let named: BTreeSet<&str> = names.into_iter().filter_map(text).chain(names).collect();
    let own = layer.iter().filter(|(name, _)| named.contains(name.as_str()));
    own.map(|(name, bound)| (name.clone(), bound.clone())).collect()
}

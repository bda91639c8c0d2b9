//! From the events of a dry run to what is planned on each host.

use super::{HostPlan, PlannedChange, PlannedPackage, PlannedQuestion, PlannedTask};
use crate::event::{ChangeMade, Event, Status, TaskEnd, Whole};
use crate::model::{Excerpt, HostName, Nonce, Value};
use indexmap::IndexMap;

/// Scripts that only make known what there is: whether they run depends on the hour, and changes nothing else.
pub const BOOKKEEPING: [&str; 1] = ["apt_update_lists"];

/// What it means that only the real run knows a task's outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Weight {
    /// Nothing: the task changes no host.
    None,
    /// It follows from what is planned, and is planned with it.
    Follows,
    /// It might be anything.
    Unknown,
}

/// Gathers what is planned.
pub struct Gather<'a> {
    weigh: &'a dyn Fn(&str) -> Weight,
    key: Option<Nonce>,
    mask: &'a dyn Fn(&str) -> String,
    /// By host, in the order in which they came.
    pub hosts: IndexMap<HostName, HostPlan>,
}

impl<'a> Gather<'a> {
    /// `weigh` knows modules by name; without a key, changes that hold secrets are in no plan. `mask` puts stars for secrets.
    pub fn new(
        weigh: &'a dyn Fn(&str) -> Weight,
        key: Option<Nonce>,
        mask: &'a dyn Fn(&str) -> String,
    ) -> Self {
        Self { weigh, key, mask, hosts: IndexMap::new() }
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunBegins { hosts, .. } => hosts.iter().for_each(|host| {
                self.host(host);
            }),
            Event::TaskEnds(end) => self.task(end),
            Event::HostLeaves { host, reason: Some(reason) } => {
                let reason = Excerpt::single(reason);
                let plan = self.host(host);
                if plan.unknown.is_empty() {
                    plan.unknown.push(reason);
                }
            }
            Event::PlayStops { reason, not_begun } => not_begun.iter().for_each(|host| {
                let why = format!("it was not looked at: {}", Excerpt::single(reason));
                self.host(host).unknown.push(why);
            }),
            Event::RunEnds { interrupted: true, .. } => {
                self.hosts.values_mut().for_each(|plan| plan.unknown.push("interrupted".into()));
            }
            _ => {}
        }
    }

    fn host(&mut self, host: &HostName) -> &mut HostPlan {
        self.hosts.entry(host.clone()).or_default()
    }

    fn task(&mut self, end: &TaskEnd) {
        let (weight, key, mask) = ((self.weigh)(&end.module), self.key.clone(), self.mask);
        let plan = self.host(&end.host);
        let task = Excerpt::single(&end.task);
        asks(plan, end, &task);
        match &end.status {
            Status::WouldChange | Status::WouldRun => changes(plan, end, &task, key.as_ref(), mask),
            // `changed_when` says that it changes nothing; it is sent all the same.
            Status::Ok if sends(end) => changes(plan, end, &task, key.as_ref(), mask),
            Status::Failed if !end.ignored => {
                let why = end.message.as_deref().map(Excerpt::single).unwrap_or_else(|| "it failed".into());
                plan.unknown.push(format!("{task}: {why}"));
            }
            Status::Unseen { why } => {
                plan.unknown.push(format!(
                    "{task} ({}) needs an operator: {}",
                    end.module,
                    Excerpt::single(why)
                ));
            }
            Status::Provisional { cause } | Status::KnownAfterApply { cause } => match weight {
                Weight::None => {}
                Weight::Follows => {
                    let behind = plan.changes.len();
                    plan.after.push(PlannedTask { task, module: end.module.clone(), behind });
                }
                Weight::Unknown => {
                    plan.unknown.push(format!(
                        "{task} ({}) is known only after {}",
                        end.module,
                        Excerpt::single(cause)
                    ));
                }
            },
            _ => {}
        }
    }
}

fn asks(plan: &mut HostPlan, end: &TaskEnd, task: &str) {
    for asks in &end.asks_out {
        let Some(question) = asks.question else {
            plan.unknown.push(format!(
                "{task} asks another machine with words that are not shown: no plan names them"
            ));
            continue;
        };
        let (module, script, words) = (end.module.clone(), asks.script.clone(), asks.words.clone());
        let asks = PlannedQuestion { task: task.to_owned(), module, script, words, question };
        if !plan.asks.contains(&asks) {
            plan.asks.push(asks);
        }
    }
}

/// Whether a task that counts as in order would send something.
fn sends(end: &TaskEnd) -> bool {
    !end.changes.is_empty() || end.items.iter().any(|item| !item.changes.is_empty())
}

/// Whether a change only makes known what there is, and nobody else hears of it than usual: an environment may name a proxy.
fn is_bookkeeping(change: &ChangeMade) -> bool {
    let has_environment = change.whole.as_ref().is_none_or(|whole| !whole.environment.is_empty());
    BOOKKEEPING.contains(&change.script.as_str()) && !has_environment
}

fn changes(
    plan: &mut HostPlan,
    end: &TaskEnd,
    task: &str,
    key: Option<&Nonce>,
    mask: &dyn Fn(&str) -> String,
) {
    let all = end.changes.iter().chain(end.items.iter().flat_map(|item| &item.changes));
    for change in all.filter(|change| !is_bookkeeping(change)) {
        if change.is_unsaid {
            plan.unknown.push(format!(
                "{task} ({}) has no_log, so nobody could be shown what it does: take no_log away, or do it without a plan",
                end.place
            ));
            continue;
        }
        match planned(change, end, task, key, mask) {
            Some(change) => plan.changes.push(change),
            None => plan.unknown.push(format!("{task} holds a secret, which is part of no plan")),
        }
    }
    if end.module == "apply_updates" {
        match end.result["packages"].as_array() {
            Some(packages) => {
                let removed = end.result["removed"].as_array().into_iter().flatten();
                plan.packages.extend(packages.iter().filter_map(package).chain(removed.filter_map(goes)));
            }
            None => plan.unknown.push(format!("{task} does not say which packages it changes")),
        }
    }
}

fn planned(
    change: &ChangeMade,
    end: &TaskEnd,
    task: &str,
    key: Option<&Nonce>,
    mask: &dyn Fn(&str) -> String,
) -> Option<PlannedChange> {
    let keyed = change.sends.is_none();
    let hidden = || Some(change.hidden.as_ref()?.keyed(key?));
    // The summary is hidden, too.
    let masked = |whole: &Whole| {
        let what = format!("{} ({})", end.module, change.script);
        [vec![what], whole.masked(mask).lines()].concat()
    };
    Some(PlannedChange {
        task: task.to_owned(),
        module: end.module.clone(),
        summary: Excerpt::single(&change.summary),
        script: change.script.clone(),
        script_digest: change.script_digest.parse().ok()?,
        sends: change.sends.clone().or_else(hidden)?,
        keyed,
        attempts: change.attempts,
        says: change.whole.as_ref().filter(|_| !keyed).map(Whole::lines).unwrap_or_default(),
        says_sealed: change.whole.as_ref().filter(|_| keyed).map(masked).unwrap_or_default(),
    })
}

fn package(value: &Value) -> Option<PlannedPackage> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    Some(PlannedPackage { name: text("name")?, from: text("from"), to: text("to") })
}

/// A package that is removed.
fn goes(value: &Value) -> Option<PlannedPackage> {
    let from = value["version"].as_str().map(str::to_owned);
    Some(PlannedPackage { name: value["name"].as_str()?.to_owned(), from, to: None })
}

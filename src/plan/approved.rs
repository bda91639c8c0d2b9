//! What a real run may send where somebody approved it beforehand: the changes of a plan, in their order, each as often as it
//! stands there. A playbook can tell one run from the next (by the hour, by what another host says), so that a change was
//! planned is not enough for it to be made again, or before others.

use super::effective::Effective;
use super::made::change_made;
use super::task::Task;
use super::unit::Prepared;
use crate::event::{ChangeMade, Sent};
use crate::model::{Digest, Excerpt, Nonce};
use crate::modules::{Change, Nature};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What may be sent to one host. Clones share how far it is.
#[derive(Clone, Default)]
pub struct Approved {
    /// Changes, in order.
    pub steps: Arc<[Step]>,
    /// Tasks of which only the real run knows what they do.
    pub follows: Arc<[Follow]>,
    /// Questions that may be put to other machines.
    pub questions: Arc<BTreeSet<Digest>>,
    /// What identities of changes that hold secrets are made under.
    pub key: Option<Nonce>,
    /// Modules and scripts that are bound in another way.
    pub exempt: Arc<[&'static str]>,
    /// The host key of the machine that it is for; none: this machine here.
    pub machine: Option<String>,
    /// How far it is.
    pub progress: Arc<Mutex<Progress>>,
}

/// A planned change.
#[derive(Clone)]
pub struct Step {
    /// The task, as the plan names it.
    pub task: String,
    /// Its module.
    pub module: String,
    /// What it does, for people.
    pub summary: String,
    /// Its identity.
    pub change: Digest,
    /// Whether that is made under the key.
    pub keyed: bool,
    /// How often it is done at the most, where it is done until it is as wished.
    pub attempts: Option<u64>,
}

/// A task that follows from the changes.
#[derive(Clone)]
pub struct Follow {
    /// The task, as the plan names it.
    pub task: String,
    /// Its module.
    pub module: String,
    /// How many changes stand before it.
    pub behind: usize,
}

/// How far a host is in what may be sent to it.
#[derive(Debug, Default)]
pub struct Progress {
    /// The first change that may still be made.
    next: usize,
    /// Changes that were made.
    made: BTreeSet<usize>,
    /// Tasks that followed, by their numbers.
    followed: BTreeSet<usize>,
}

/// What one unit of a task was allowed: it is given back where nothing of it was begun, or it is done again.
pub struct Granted {
    before: usize,
    made: Vec<usize>,
    followed: Option<usize>,
    /// How often it may be tried.
    pub attempts: Option<u64>,
}

/// A change that is not allowed.
pub struct Lack<'a> {
    /// What it does, for people.
    pub summary: &'a str,
    /// Whether it stands in the plan, at a place that was passed or for another task.
    pub is_elsewhere: bool,
}

/// Who asks to be allowed something.
pub struct Asking<'a> {
    /// The task.
    pub task: &'a Task,
    /// Its name, as people see it.
    pub name: &'a str,
    /// How often it would be tried at the most, where it is done until it is as wished.
    pub attempts: Option<u64>,
}

impl Asking<'_> {
    /// Whether a plan's task of this name and module is the one. A name that a dry run can't make out stands as it was written.
    fn is(&self, name: &str, module: &str) -> bool {
        let last = |module: &str| module.rsplit('.').next().map(str::to_owned);
        last(module) == last(self.task.module.name)
            && [self.name, &self.task.name].iter().any(|own| Excerpt::single(own) == name)
    }
}

impl Approved {
    /// Allows a unit its changes, if they are what comes next.
    ///
    /// # Errors
    /// The first of its changes that nobody approved, or not here.
    pub fn grant<'a>(&self, asking: &Asking<'_>, prepared: &'a Prepared) -> Result<Granted, Lack<'a>> {
        let mut progress = self.progress();
        let before = progress.next;
        let nothing = Granted { before, made: Vec::new(), followed: None, attempts: None };
        let changes: Vec<&Change> = prepared
            .outcome
            .changes
            .iter()
            .filter(|change| self.is_bound(asking, change, &prepared.user))
            .collect();
        if changes.is_empty() {
            return Ok(nothing);
        }
        if let Some(followed) = self.follows_now(asking, &changes, &progress) {
            progress.followed.insert(followed);
            progress.next = before.max(self.follows.get(followed).map_or(0, |follow| follow.behind));
            return Ok(Granted { followed: Some(followed), ..nothing });
        }
        let (mut next, mut made, mut attempts) = (before, Vec::new(), None);
        for change in changes {
            let identities = self.identities(change, prepared);
            let is_it = |step: &Step| identities.contains(&Some((step.change, step.keyed)));
            let fits = |step: &Step| {
                let in_number = match (change.nature, asking.attempts) {
                    (Nature::Opaque, Some(most)) => step.attempts.is_some_and(|planned| most <= planned),
                    _ => true,
                };
                in_number && is_it(step) && asking.is(&step.task, &step.module)
            };
            let found = self.steps.iter().enumerate().skip(next).find(|(_, step)| fits(step));
            let Some((number, step)) = found else {
                let is_elsewhere = self.steps.iter().any(is_it);
                return Err(Lack { summary: &change.summary, is_elsewhere });
            };
            made.push(number);
            attempts = step.attempts;
            next = number + 1;
        }
        progress.made.extend(&made);
        progress.next = next;
        Ok(Granted { made, attempts, ..nothing })
    }

    /// Takes back what was allowed.
    pub fn give_back(&self, granted: &Granted) {
        let mut progress = self.progress();
        progress.next = progress.next.min(granted.before);
        progress.made.retain(|made| !granted.made.contains(made));
        if let Some(followed) = granted.followed {
            progress.followed.remove(&followed);
        }
    }

    /// The changes that were not made, of those that are bound.
    pub fn left(&self) -> Vec<&Step> {
        let progress = self.progress();
        let is_bound = |step: &Step| !self.exempt.contains(&step.module.as_str());
        let steps = self.steps.iter().enumerate().filter(|(number, _)| !progress.made.contains(number));
        steps.map(|(_, step)| step).filter(|step| is_bound(step)).collect()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a playbook names instead of the usual command has to be among the changes that people were shown.
    /// So has what is done with an environment: it names who hears of it.
    fn is_bound(&self, asking: &Asking<'_>, change: &Change, user: &Effective) -> bool {
        let is_exempt = |name: &str| self.exempt.contains(&name);
        let has_environment = user.environment.iter().next().is_some();
        has_environment
            || change.names_a_command()
            || !(is_exempt(change.script.name) || is_exempt(asking.task.module.name))
    }

    /// The number of the task that follows, if this is one.
    fn follows_now(&self, asking: &Asking<'_>, changes: &[&Change], progress: &Progress) -> Option<usize> {
        if changes.iter().any(|change| change.names_a_command()) {
            return None;
        }
        let mut open = self.follows.iter().enumerate().filter(|(n, _)| !progress.followed.contains(n));
        open.find(|(_, follow)| asking.is(&follow.task, &follow.module)).map(|(number, _)| number)
    }

    /// What a change is called in a plan: in the open, and under the key.
    fn identities(&self, change: &Change, prepared: &Prepared) -> [Option<(Digest, bool)>; 2] {
        let made = change_made(change, &prepared.user);
        let of = |sends: &Sent| ChangeMade::identity_of(&made.script_digest, sends);
        let keyed =
            self.key.as_ref().zip(made.sends.as_ref()).map(|(key, sends)| (of(&sends.keyed(key)), true));
        [made.sends.as_ref().map(|sends| (of(sends), false)), keyed]
    }
}

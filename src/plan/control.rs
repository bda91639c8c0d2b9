//! What a task waits for before it begins, and what `meta` does: everything about a host's way that isn't done on the
//! host, and what hosts of a batch share with each other.

use super::evaluate::text_of;
use super::host_run::{HostRun, Next, Queued};
use super::unit::Running;
use super::way::Way;
use crate::model::{Map, Value};
use crate::modules::Effect;
use crate::template::Binding;
use std::time::Duration;

/// What `meta` does for all hosts of a batch as soon as it does it for one.
const FOR_ALL: [&str; 5] = ["clear_facts", "clear_host_errors", "end_batch", "end_play", "refresh_inventory"];

/// Whose turn a task of which one host's is enough (`run_once`) is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Turn {
    /// Nobody has said yet.
    #[default]
    Open,
    /// This host's: what it finds out is for all.
    Leads,
}

/// What one host found out for all of its batch.
#[derive(Clone, Default)]
pub struct Common {
    /// Variables: registered, or set.
    pub variables: Vec<(String, Binding)>,
    /// Facts.
    pub facts: Map,
    /// It failed there, and so it does everywhere.
    pub failed: bool,
    /// What `meta` did.
    pub meta: Option<String>,
}

/// How the play ends before its steps do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ended {
    /// It ends for the batches after this one, too.
    pub play: bool,
    /// Hosts that failed take part again from the next play on.
    pub forgives: bool,
}

/// How to wait for a connection.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After which it is given up.
    pub timeout: Duration,
    /// Before the first attempt.
    pub delay: Duration,
    /// Between attempts.
    pub sleep: Duration,
}

impl HostRun {
    /// What the first task waits for before it begins.
    pub(super) fn hold(&mut self) -> Option<Next> {
        let Some(Queued::Task(running)) = self.queue.front() else { return None };
        let (task, way) = (&running.task, &running.way);
        self.ground.variables.stand_at(way);
        if let Some(host) = self.judged_by(running) {
            return Some(Next::Await(host, way.clone()));
        }
        if running.turn == Turn::Open && self.is_for_all(running) {
            return Some(Next::Once(way.clone()));
        }
        if let (Some(throttle), false) = (&task.throttle, running.is_admitted) {
            let most = self.ground.number(throttle, running, &std::sync::Arc::default()).ok().flatten();
            if let Some(most) = most.filter(|most| *most >= 1.0) {
                return Some(Next::Throttle(way.clone(), most as usize));
            }
        }
        if task.module.effect == Effect::Connection && !running.is_admitted {
            let seconds = |name: &str, default: u64| {
                let value = task.args.get(name);
                let number =
                    value.and_then(|v| self.ground.number(v, running, &std::sync::Arc::default()).ok()?);
                Duration::from_secs_f64(number.unwrap_or(default as f64).clamp(0.0, 86_400.0))
            };
            return Some(Next::Connect(Patience {
                timeout: seconds("timeout", 600),
                delay: seconds("delay", 0),
                sleep: seconds("sleep", 1).max(Duration::from_millis(100)),
            }));
        }
        None
    }

    /// A host that has yet to find out by what the first task will be judged.
    fn judged_by(&self, running: &Running) -> Option<crate::model::HostName> {
        let task = &running.task;
        let until = task.retry.as_ref().and_then(|retry| retry.until.as_ref());
        let conditions = [task.failed_when.as_ref(), task.changed_when.as_ref(), until];
        let about_others = |condition: &&Value| text_of(condition).contains("hostvars");
        let conditions: Vec<Value> =
            conditions.into_iter().flatten().flatten().filter(about_others).cloned().collect();
        if conditions.is_empty() || running.is_admitted {
            return None;
        }
        let unknown = Binding::Unknown("its result".into());
        // What it comes to doesn't matter yet, only what was asked for.
        let _judged = self.ground.judge(&conditions, running, &std::sync::Arc::default(), unknown);
        self.ground.variables.take_wait()
    }

    /// Whether a task is done on one host for all of the batch.
    fn is_for_all(&self, running: &Running) -> bool {
        let task = &running.task;
        let meta = task.module.effect == Effect::Course
            && task.args.get("action").is_some_and(|action| FOR_ALL.contains(&text_of(action).as_str()));
        // As Ansible has it: what is added is added once.
        meta || task.module.effect == Effect::Hosts
            || asks_somebody(task)
            || task.run_once.is_some()
                && self.ground.flag(task.run_once.as_ref(), &running.layer) == Some(true)
    }

    /// The first task may begin.
    pub fn admit(&mut self) {
        if let Some(Queued::Task(running)) = self.queue.front_mut() {
            running.is_admitted = true;
        }
    }

    /// The first task is done here, for all.
    pub fn lead(&mut self) {
        if let Some(Queued::Task(running)) = self.queue.front_mut() {
            running.turn = Turn::Leads;
        }
    }

    /// The first task was done elsewhere, for all.
    pub fn follow(&mut self, common: &Common) {
        let Some(Queued::Task(_)) = self.queue.pop_front() else { return };
        for (name, binding) in &common.variables {
            self.ground.variables.set(name.clone(), binding.clone());
        }
        if !common.facts.is_empty() {
            self.ground.variables.add_facts(common.facts.clone());
        }
        self.ground.variables.publish();
        if common.failed {
            self.fail_over();
        }
        if let Some(action) = &common.meta {
            self.meta(action, &Way::default());
        }
    }

    /// What a task that is over found out for all, to be told to the others.
    pub fn take_common(&mut self) -> Option<(Way, Common)> {
        self.common.take()
    }

    /// How the play ended before its steps did.
    pub fn ended(&self) -> Ended {
        self.ended
    }

    /// Does what `meta` says.
    pub(super) fn meta(&mut self, action: &str, way: &Way) {
        match action {
            "flush_handlers" => self.queue.push_front(Queued::Flush(way.clone())),
            "end_host" | "end_batch" => self.wind_up(),
            "end_play" => {
                self.ended.play = true;
                self.wind_up();
            }
            "end_role" => self.end_role(),
            "clear_facts" => self.ground.variables.clear_facts(),
            "clear_host_errors" => self.ended.forgives = true,
            "reset_connection" => self.resets = true,
            _ => {}
        }
    }

    /// Leaves what is left of the role that the host is in.
    fn end_role(&mut self) {
        let mut inner = 0_usize;
        while let Some(queued) = self.queue.front() {
            match queued {
                Queued::RoleBegins(_) => inner += 1,
                Queued::RoleEnds(_) if inner == 0 => return,
                Queued::RoleEnds(_) => inner -= 1,
                _ => {}
            }
            self.queue.pop_front();
        }
    }

    /// A batch was stopped: whoever is in a block does what is always done.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.was_cut |= self.queue.iter().any(|queued| matches!(queued, Queued::Task(_)));
        self.fail_over();
    }

    /// Whether that took tasks from it.
    pub fn was_cut(&self) -> bool {
        self.was_cut
    }

    /// The host could not be reached in time.
    pub fn not_connected(&mut self, why: &str) {
        if let Some(Queued::Task(running)) = self.queue.front_mut() {
            running.without_loop();
            for unit in running.units.iter_mut().flatten() {
                unit.end(super::unit::UnitEnd::failed(why.to_owned(), Map::new()));
            }
            running.is_admitted = true;
        }
    }
}

/// Whether a task asks somebody: once, whatever the number of hosts.
fn asks_somebody(task: &super::task::Task) -> bool {
    let lasts = ["seconds", "minutes"].iter().any(|name| task.args.contains_key(*name));
    task.module.effect == Effect::Rest && (task.args.contains_key("prompt") || !lasts)
}

/// The action that a `meta` task asked for.
pub(super) fn action_of(result: &Map) -> Option<&str> {
    result.get("meta").and_then(Value::as_str)
}

//! What a task's changes come to: in a dry run what would be, in a real run what converged.

use super::advance::Front;
use super::effective::Effective;
use super::evaluate::Verdict;
use super::host_run::{Conduct, HostRun};
use super::jobs;
use super::made::{change_made, registered};
use super::scope::Layer;
use super::task::Task;
use super::unit::{Prepared, Running, Stage, UnitEnd};
use crate::event::{ChangeMade, Event, Status};
use crate::model::{Map, Subjects, Value};
use crate::modules::{Args, Change, Effect, Facts, Nature, Outcome};
use crate::questions::{Output, Reading};
use std::sync::Arc;

impl HostRun {
    /// Shows a change that would be sent, to whoever asked for that.
    fn explain(&mut self, user: Option<&str>, change: &Change, hide: bool) {
        if !self.ground.explain {
            return;
        }
        self.events.push(Event::Sends {
            host: self.host.clone(),
            user: user.map(str::to_owned),
            changes: true,
            script: change.script.name.to_owned(),
            text: change.script.text.to_owned(),
            args: if hide { Vec::new() } else { change.args.0.clone() },
            content_bytes: change.content.as_ref().map(|c| c.bytes().len()),
        });
    }

    /// What a dry run says of changes.
    pub(super) fn would(&mut self, running: &Running, item: &Arc<Layer>, prepared: Prepared) -> UnitEnd {
        let task = &running.task;
        let hide = prepared.tainted || self.ground.hides(task, &running.layer);
        let Prepared { outcome, tainted, user, frozen } = prepared;
        for change in &outcome.changes {
            self.explain(user.user.as_deref(), change, hide);
        }
        let opaque = outcome.changes.iter().any(|c| c.nature == Nature::Opaque);
        if opaque && self.conduct == Conduct::Real {
            return never_run(task, &outcome, &frozen.args, tainted);
        }
        // A real run's task with `check_mode: true` touches nothing that a later task could see.
        if self.conduct != Conduct::Real {
            for change in &outcome.changes {
                self.ground.would_touch(user.at.as_ref(), &change.touches, &task.name);
            }
        }
        // What is sent may be no change, as its module counts.
        let status = match outcome.result.get("changed") {
            _ if opaque => Status::WouldRun,
            Some(Value::Bool(false)) => Status::Ok,
            _ => Status::WouldChange,
        };
        let attempts = self.attempts_max(running, item);
        let made = |change: &Change| ChangeMade {
            attempts: attempts.filter(|_| change.nature == Nature::Opaque),
            ..change_made(change, &user)
        };
        UnitEnd {
            changes: outcome.changes.iter().map(made).collect(),
            result: registered(task, &outcome, &[]),
            tainted,
            variables: outcome.variables,
            facts: outcome.facts,
            warnings: outcome.warnings,
            findings: outcome.findings,
            unforeseeable: opaque || outcome.changes.iter().any(jobs::is_unwaited),
            ..UnitEnd::plain(status, outcome.message)
        }
    }

    /// What a dry run says of a task whose answers an unapplied change may alter.
    pub(super) fn provisional(
        &mut self,
        task: &Task,
        outcome: Option<Outcome>,
        reading: &Reading,
        cause: String,
    ) -> UnitEnd {
        // What was gathered is no guess: facts of a host are hardly ever what a command before it makes them.
        let facts = match (&task.module.effect, &outcome) {
            (Effect::Facts(Facts::Gathered), Some(outcome)) => outcome.facts.clone(),
            _ => Map::new(),
        };
        let changes: Vec<_> = outcome.iter().flat_map(|o| o.changes.iter()).collect();
        let made = changes
            .iter()
            .map(|c| ChangeMade { sends: None, ..change_made(c, &Effective::default()) })
            .collect();
        let touches: Vec<Subjects> = changes.iter().map(|c| c.touches.clone()).collect();
        let read = if task.acts_on_host() { &reading.reads } else { &Subjects::NONE };
        for touched in touches.iter().chain([read]) {
            self.ground.would_touch(None, touched, &task.name);
        }
        UnitEnd { changes: made, facts, ..UnitEnd::plain(Status::Provisional { cause }, None) }
    }

    /// Looks again after state changes: nothing of them may be left to do.
    pub(super) fn check_convergence(
        &mut self,
        running: &mut Running,
        index: usize,
        prepared: Box<Prepared>,
        outputs: Vec<Output>,
    ) -> Front {
        let task = running.task.clone();
        let mut end = applied(&task, &prepared, &outputs);
        let job = jobs::begun(&prepared, &outputs).map(str::to_owned);
        let converges = job.is_none() && prepared.outcome.changes.iter().any(|c| c.nature == Nature::State);
        if let Some(name) = job {
            self.ground.variables.jobs().goes_on(name, task.module, &prepared);
        }
        // Run in a dry run, and what it needs may be what another task would have made.
        if let (Status::Failed, Conduct::DryButForced, Some(cause)) =
            (&end.status, self.conduct, self.ground.first_unapplied())
        {
            end = UnitEnd {
                changes: end.changes,
                ..UnitEnd::plain(Status::KnownAfterApply { cause }, end.message)
            };
        }
        let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) else {
            return Front::Over;
        };
        if converges && end.status == Status::Changed {
            let evaluation = self.ground.look_again(&task, &running.layer, &unit.layer, &prepared);
            match evaluation.verdict {
                Verdict::Ask => {
                    unit.stage = Stage::Applied(prepared, outputs);
                    return Front::Ask;
                }
                Verdict::Ready(again) => {
                    let left: Vec<&str> = again
                        .changes
                        .iter()
                        .filter(|c| c.nature == Nature::State)
                        .map(|c| c.summary.as_str())
                        .collect();
                    if !left.is_empty() {
                        let message = format!("did not converge; still to do: {}", left.join("; "));
                        end = UnitEnd { changes: end.changes, ..UnitEnd::failed(message, end.result) };
                    } else {
                        end.findings = again.findings;
                    }
                }
                Verdict::Refuse(refusal) => {
                    let message = format!("did not converge: {}", refusal.message);
                    end = UnitEnd { changes: end.changes, ..UnitEnd::failed(message, end.result) };
                }
                Verdict::Unknown(_) | Verdict::Unseen(_) => {}
            }
        }
        unit.end(end);
        self.judge(running, index);
        self.again(running, index)
    }
}

/// How a unit ends whose changes ran.
pub(super) fn applied(task: &Task, prepared: &Prepared, outputs: &[Output]) -> UnitEnd {
    let result = match jobs::begun(prepared, outputs) {
        Some(name) => jobs::handle(name),
        None => {
            let mut result = registered(task, &prepared.outcome, outputs);
            if task.patience.is_some() {
                // Its end was waited for.
                result.extend(["started", "finished"].map(|key| (key.to_owned(), true.into())));
            }
            result
        }
    };
    let failed = result.get("failed").and_then(Value::as_bool).unwrap_or(false);
    let made: Vec<_> =
        prepared.outcome.changes.iter().take(outputs.len()).map(|c| change_made(c, &prepared.user)).collect();
    let message = result.get("msg").and_then(Value::as_str).map(str::to_owned);
    // What only its script could find out: nothing is another than before. What was sent is told all the same.
    let is_same = result.get("changed") == Some(&Value::Bool(false));
    UnitEnd {
        changes: made,
        result,
        tainted: prepared.tainted,
        variables: prepared.outcome.variables.clone(),
        facts: prepared.outcome.facts.clone(),
        warnings: prepared.outcome.warnings.clone(),
        findings: prepared.outcome.findings.clone(),
        ..if failed {
            UnitEnd::plain(Status::Failed, message)
        } else {
            let status = if is_same { Status::Ok } else { Status::Changed };
            UnitEnd::plain(status, prepared.outcome.message.clone())
        }
    }
}

/// A command in a real run that its own task keeps from running (`check_mode: true`): nothing comes behind it that would make
/// its result known, so it has the one that Ansible gives it.
fn never_run(task: &Task, outcome: &Outcome, args: &Args, tainted: bool) -> UnitEnd {
    let message = "Command would have run if not in check mode";
    let mut result = (task.module.result)(outcome, &[]);
    for (key, value) in
        [("rc", 0.into()), ("msg", message.into()), ("stdout", "".into()), ("stderr", "".into())]
    {
        result.insert(key.to_owned(), value);
    }
    let decides = ["creates", "removes"].iter().any(|name| args.has(name));
    let status = if decides { Status::WouldChange } else { Status::Skipped };
    UnitEnd { result, tainted, ..UnitEnd::plain(status, Some(message.to_owned())) }
}

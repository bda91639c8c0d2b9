//! One host's way through a play, as a machine without any I/O: it says what to send next, is told what came back, and
//! puts into words what happened. `crate::execute` moves the bytes.
//!
//! A dry run takes the same way; it only never says *apply*.

use super::evaluate::Truth;
use super::exchange::{InFlight, Reply};
use super::ground::{Ground, Look};
use super::scope::Pending;
use super::task::{Play, Step, Task};
use super::unit::{Effective, Prepared, Running, Stage, UnitEnd, change_made, unit_result};
use crate::event::{Counts, Event, Status};
use crate::model::{HostName, Subjects, Value};
use crate::modules::{Nature, Outcome};
use crate::questions::{Key, Output, Reading};
use crate::template::{Binding, Cause};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Whether a run applies changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conduct {
    /// It does.
    Real,
    /// It doesn't, but for tasks with `check_mode: false`, which a cleared operator's dry run runs.
    DryButForced,
    /// It applies nothing at all.
    Dry,
}

/// What is to be done next on a host.
pub enum Next {
    /// Send this, and say what came back by [`HostRun::take`].
    Exchange(super::exchange::Exchange),
    /// Wait for the other hosts of the batch at the barrier of this number.
    Wait(usize),
    /// Nothing: the host is through.
    Done,
}

pub(super) enum Queued {
    Task(Box<Running>),
    Flush,
    Barrier(usize),
}

/// One host's way through a play.
pub struct HostRun {
    /// The host.
    pub host: HostName,
    pub(super) play: Arc<Play>,
    pub(super) conduct: Conduct,
    pub(super) ground: Ground,
    pub(super) queue: VecDeque<Queued>,
    notified: Vec<(usize, Option<String>)>,
    pub(super) in_flight: InFlight,
    failed: bool,
    events: Vec<Event>,
    pub(super) counts: Counts,
    now: Duration,
}

enum Front {
    Over,
    Ask,
    Apply,
}

impl HostRun {
    /// A host at the beginning of a play.
    pub fn new(host: HostName, play: Arc<Play>, conduct: Conduct, ground: Ground) -> Self {
        let mut barriers = 0;
        let queue = play
            .steps
            .iter()
            .map(|step| match step {
                Step::Task(task) => Queued::Task(Box::new(Running::new(task.clone(), None))),
                Step::FlushHandlers => Queued::Flush,
                Step::Barrier => {
                    barriers += 1;
                    Queued::Barrier(barriers)
                }
            })
            .collect();
        Self {
            host,
            play,
            conduct,
            ground,
            queue,
            notified: Vec::new(),
            in_flight: InFlight::default(),
            failed: false,
            events: Vec::new(),
            counts: Counts::default(),
            now: Duration::ZERO,
        }
    }

    /// What is to be done next; `now` is the run's clock.
    pub fn next(&mut self, now: Duration) -> Next {
        self.now = now;
        loop {
            match self.queue.front_mut() {
                None => return Next::Done,
                Some(Queued::Barrier(number)) => {
                    let number = *number;
                    self.queue.pop_front();
                    return Next::Wait(number);
                }
                Some(Queued::Flush) => {
                    self.queue.pop_front();
                    self.flush();
                }
                Some(Queued::Task(running)) => {
                    running.begun.get_or_insert(now);
                    match self.advance() {
                        Front::Over => self.finish_front(),
                        Front::Ask => return Next::Exchange(self.gather()),
                        Front::Apply => return Next::Exchange(self.batch()),
                    }
                }
            }
        }
    }

    /// Takes what happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Whether a task failed, so that the host goes no further.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Lets later plays and other hosts see what this one found out.
    pub fn publish(&self) {
        self.ground.variables.publish();
    }

    /// Goes no further: the play was stopped, or somebody interrupted it.
    pub fn abandon(&mut self) {
        self.queue.clear();
    }

    /// The connection is gone. What was answered before counts; what was being changed is unknown, neither failed nor
    /// done. With `nothing_sent` nothing was under way at all.
    pub fn lose(&mut self, reason: &str, replies: Vec<Vec<Reply>>, nothing_sent: bool) {
        self.failed = true;
        self.counts.unreachable = 1;
        let units: Vec<(usize, usize)> = self.in_flight.units().collect();
        self.take(replies);
        for (position, unit) in units {
            let Some(Queued::Task(running)) = self.queue.get_mut(position) else { continue };
            let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(unit)) else { continue };
            match std::mem::replace(&mut unit.stage, Stage::Fresh) {
                Stage::Applied(prepared, outputs) => unit.end(applied(&running.task, &prepared, &outputs)),
                Stage::Ready(prepared) if !nothing_sent => {
                    let changes = prepared.outcome.changes.iter().map(change_made).collect();
                    let message = format!("the connection was lost while this was under way: {reason}");
                    unit.end(UnitEnd { changes, ..UnitEnd::plain(Status::Unknown, Some(message)) });
                }
                other => unit.stage = other,
            }
        }
        for queued in std::mem::take(&mut self.queue) {
            let Queued::Task(running) = queued else { continue };
            let ended = running.units.iter().flatten().any(|unit| matches!(unit.stage, Stage::Ended(_)));
            if ended {
                let whole = running.whole(&self.host, self.ground.name_of(&running), self.now);
                self.counts.add(&whole.event);
                self.events.push(Event::TaskEnds(Box::new(whole.event)));
            }
        }
    }

    /// Whether this task's changes are applied.
    fn applies(&self, task: &Task) -> bool {
        match (self.conduct, task.check_mode) {
            (Conduct::Real, check) => check != Some(true),
            (Conduct::DryButForced, check) => check == Some(false),
            (Conduct::Dry, _) => false,
        }
    }

    /// Brings the first task as far as it gets without an exchange.
    fn advance(&mut self) -> Front {
        let Some(Queued::Task(mut running)) = self.queue.pop_front() else { return Front::Over };
        let front = self.advance_task(&mut running);
        self.queue.push_front(Queued::Task(running));
        front
    }

    fn advance_task(&mut self, running: &mut Running) -> Front {
        if let Some(cause) = running.uncertain.clone() {
            running.without_loop();
            for unit in running.units.iter_mut().flatten() {
                let status = Status::Provisional { cause: cause.clone() };
                unit.end(UnitEnd::plain(status, Some("handler may run".into())));
            }
            self.ground.would_touch(&Subjects::Undeclared, &running.task.name);
            return Front::Over;
        }
        if let Err(end) = self.ground.unfold(running, None) {
            running.without_loop();
            let unknown = end.unknown().is_some();
            for unit in running.units.iter_mut().flatten() {
                unit.end(UnitEnd {
                    changes: Vec::new(),
                    ..UnitEnd::plain(end.status.clone(), end.message.clone())
                });
            }
            if unknown && !running.task.module.only_looks() {
                self.ground.would_touch(&Subjects::Undeclared, &running.task.name);
            }
            return Front::Over;
        }
        let count = running.units.as_ref().map_or(0, Vec::len);
        for index in 0..count {
            match self.advance_unit(running, index) {
                Front::Over => {}
                other => return other,
            }
        }
        Front::Over
    }

    fn advance_unit(&mut self, running: &mut Running, index: usize) -> Front {
        let task = running.task.clone();
        let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) else {
            return Front::Over;
        };
        match std::mem::replace(&mut unit.stage, Stage::Fresh) {
            Stage::Ended(end) => {
                unit.stage = Stage::Ended(end);
                return Front::Over;
            }
            Stage::Ready(prepared) => {
                unit.stage = Stage::Ready(prepared);
                return Front::Apply;
            }
            Stage::Applied(prepared, outputs) => {
                return self.check_convergence(running, index, prepared, outputs);
            }
            Stage::Fresh => match self.ground.look(&task, &running.layer, &unit.layer, None) {
                Look::Ask => return Front::Ask,
                Look::End(end) => unit.end(end),
                Look::Unknown(cause) => {
                    let status = Status::KnownAfterApply { cause };
                    unit.end(UnitEnd::plain(status, None));
                    if !task.module.only_looks() {
                        self.ground.would_touch(&Subjects::Undeclared, &task.name);
                    }
                }
                Look::Provisional(outcome, reading, cause) => {
                    let end = self.provisional(&task, outcome, &reading, cause);
                    unit.end(end);
                }
                Look::Changes(prepared, _) if self.applies(&task) => {
                    unit.stage = Stage::Ready(Box::new(prepared));
                    return Front::Apply;
                }
                Look::Changes(prepared, _) => {
                    let end = self.would(&task, prepared);
                    unit.end(end);
                }
            },
        }
        if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
            for (user, key) in std::mem::take(&mut unit.volatile) {
                self.drop_answer(&user, &key);
            }
        }
        self.judge(running, index);
        Front::Over
    }

    fn drop_answer(&mut self, user: &Effective, key: &Key) {
        if let Some(answers) = self.ground.stores.get_mut(user) {
            answers.drop_one(key);
        }
    }

    /// What a dry run says of changes.
    fn would(&mut self, task: &Task, prepared: Prepared) -> UnitEnd {
        let Prepared { outcome, tainted, .. } = prepared;
        let opaque = outcome.changes.iter().any(|c| c.nature == Nature::Opaque);
        // A real run's task with `check_mode: true` touches nothing that a later task could see.
        if self.conduct != Conduct::Real {
            for change in &outcome.changes {
                self.ground.would_touch(&change.touches, &task.name);
            }
        }
        UnitEnd {
            changes: outcome.changes.iter().map(change_made).collect(),
            result: (task.module.result)(&outcome, &[]),
            tainted,
            variables: outcome.variables,
            facts: outcome.facts,
            warnings: outcome.warnings,
            findings: outcome.findings,
            unforeseeable: opaque,
            ..UnitEnd::plain(if opaque { Status::WouldRun } else { Status::WouldChange }, outcome.message)
        }
    }

    /// What a dry run says of a task whose answers an unapplied change may alter.
    fn provisional(
        &mut self,
        task: &Task,
        outcome: Option<Outcome>,
        reading: &Reading,
        cause: String,
    ) -> UnitEnd {
        let changes: Vec<_> = outcome.iter().flat_map(|o| o.changes.iter()).collect();
        let made = changes.iter().map(|c| change_made(c)).collect();
        let touches: Vec<Subjects> = changes.iter().map(|c| c.touches.clone()).collect();
        let read = if task.module.only_looks() { &Subjects::NONE } else { &reading.reads };
        for touched in touches.iter().chain([read]) {
            self.ground.would_touch(touched, &task.name);
        }
        UnitEnd { changes: made, ..UnitEnd::plain(Status::Provisional { cause }, None) }
    }

    /// Looks again after state changes: nothing of them may be left to do.
    fn check_convergence(
        &mut self,
        running: &mut Running,
        index: usize,
        prepared: Box<Prepared>,
        outputs: Vec<Output>,
    ) -> Front {
        let task = running.task.clone();
        let converges = prepared.outcome.changes.iter().any(|c| c.nature == Nature::State);
        let mut end = applied(&task, &prepared, &outputs);
        let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) else {
            return Front::Over;
        };
        if converges && end.status == Status::Changed {
            let evaluation = self.ground.look_again(&task, &running.layer, &unit.layer, &prepared);
            match evaluation.verdict {
                super::evaluate::Verdict::Ask => {
                    unit.stage = Stage::Applied(prepared, outputs);
                    return Front::Ask;
                }
                super::evaluate::Verdict::Ready(again) => {
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
                super::evaluate::Verdict::Refuse(refusal) => {
                    let message = format!("did not converge: {}", refusal.message);
                    end = UnitEnd { changes: end.changes, ..UnitEnd::failed(message, end.result) };
                }
                super::evaluate::Verdict::Unknown(_) => {}
            }
        }
        unit.end(end);
        self.judge(running, index);
        Front::Over
    }

    /// Applies `changed_when` and `failed_when`.
    fn judge(&mut self, running: &mut Running, index: usize) {
        let task = running.task.clone();
        if task.changed_when.is_none() && task.failed_when.is_none() {
            return;
        }
        let Some(unit) = running.units.as_ref().and_then(|units| units.get(index)) else { return };
        let Stage::Ended(end) = &unit.stage else { return };
        if matches!(end.status, Status::Skipped | Status::KnownAfterApply { .. } | Status::Provisional { .. })
        {
            return;
        }
        let foreseen = end.status == Status::WouldRun;
        let bound = |end: &UnitEnd| {
            if foreseen {
                return Binding::Unknown(Cause::from(format!("result of task '{}'", task.name)));
            }
            let data = Binding::Data(Arc::new(Value::Object(unit_result(end))));
            if end.tainted { Binding::Secret(Box::new(data)) } else { data }
        };
        let mut status = end.status.clone();
        let mut message = end.message.clone();
        if let Some(conditions) = &task.failed_when {
            match self.ground.judge(conditions, running, &unit.layer, bound(end)) {
                Ok(Truth::Holds) if !foreseen => {
                    status = Status::Failed;
                    message = message.or_else(|| Some("failed_when holds".into()));
                }
                Ok(Truth::Fails(_)) if status == Status::Failed => {
                    status = if end.changes.is_empty() { Status::Ok } else { Status::Changed };
                    message = None;
                }
                Ok(_) => {}
                Err(error) => {
                    status = Status::Failed;
                    message = Some(format!("failed_when: {error}"));
                }
            }
        }
        if let (Some(conditions), true) = (&task.changed_when, status != Status::Failed) {
            match self.ground.judge(conditions, running, &unit.layer, bound(end)) {
                Ok(Truth::Holds) if !foreseen => status = Status::Changed,
                Ok(Truth::Fails(_)) if foreseen => {
                    status = Status::Ok;
                    message = Some("would run; changed_when says that it changes nothing".into());
                }
                Ok(Truth::Fails(_)) => status = Status::Ok,
                Ok(_) => {}
                Err(error) => {
                    status = Status::Failed;
                    message = Some(format!("changed_when: {error}"));
                }
            }
        }
        let unknown_result = foreseen;
        if let Some(Stage::Ended(end)) =
            running.units.as_mut().and_then(|units| units.get_mut(index)).map(|u| &mut u.stage)
        {
            end.status = status;
            end.message = message;
            end.unforeseeable |= unknown_result;
        }
    }

    /// Registers, notifies and reports the first task, which is over.
    fn finish_front(&mut self) {
        let Some(Queued::Task(mut running)) = self.queue.pop_front() else { return };
        let name = self.ground.name_of(&running);
        let mut whole = running.whole(&self.host, name, self.now);
        self.take_over(&mut running, &whole);
        let failed = whole.event.status == Status::Failed;
        if failed && self.is_ignored(&running) {
            whole.event.ignored = true;
        }
        self.notify(&running.task, &whole.event.status);
        self.counts.add(&whole.event);
        let fatal = failed && !whole.event.ignored;
        self.events.push(Event::TaskEnds(Box::new(whole.event)));
        if fatal {
            self.failed = true;
            self.queue.clear();
            if self.play.force_handlers && !running.task.handler {
                self.queue.push_back(Queued::Flush);
            }
        }
    }

    fn is_ignored(&self, running: &Running) -> bool {
        let Some(condition) = &running.task.ignore_errors else { return false };
        let empty = Arc::default();
        let nothing = Binding::Data(Arc::new(Value::Null));
        let conditions = std::slice::from_ref(condition);
        matches!(self.ground.judge(conditions, running, &empty, nothing), Ok(Truth::Holds))
    }

    /// Takes over what a task sets: registered result, variables, facts; and passes on its warnings and findings.
    fn take_over(&mut self, running: &mut Running, whole: &super::unit::Whole) {
        for unit in running.units.iter_mut().flatten() {
            let Stage::Ended(end) = &mut unit.stage else { continue };
            for message in std::mem::take(&mut end.warnings) {
                self.events.push(Event::Warning { host: Some(self.host.clone()), message });
            }
            for finding in std::mem::take(&mut end.findings) {
                self.events.push(Event::Found { host: self.host.clone(), finding });
            }
            let tainted = end.tainted;
            for (name, value) in std::mem::take(&mut end.variables) {
                let data = Binding::Data(Arc::new(value));
                let bound = if tainted { Binding::Secret(Box::new(data)) } else { data };
                self.ground.variables.set(name, bound);
            }
            let facts = std::mem::take(&mut end.facts);
            if !facts.is_empty() {
                self.ground.variables.add_facts(facts);
            }
        }
        let unsure = whole.unknown.is_some();
        if let (true, Some(names)) = (unsure, running.task.sets().variables) {
            for name in names.keys() {
                let cause = Cause::from(format!("task '{}'", whole.event.task));
                self.ground.variables.set(name.clone(), Binding::Unknown(cause));
            }
        }
        if let Some(name) = &running.task.register {
            let bound = if unsure {
                Binding::Unknown(Cause::from(format!("result of task '{}'", whole.event.task)))
            } else {
                let data = Binding::Data(Arc::new(Value::Object(whole.result.clone())));
                if whole.tainted { Binding::Secret(Box::new(data)) } else { data }
            };
            self.ground.variables.set(name.clone(), bound);
        }
    }

    fn notify(&mut self, task: &Task, status: &Status) {
        let uncertain = match status {
            Status::Changed | Status::WouldChange | Status::WouldRun => None,
            Status::Provisional { cause } | Status::KnownAfterApply { cause } => Some(cause.clone()),
            _ => return,
        };
        for name in &task.notify {
            for (index, handler) in self.play.handlers.iter().enumerate() {
                if handler.name != *name && !handler.listen.contains(name) {
                    continue;
                }
                match self.notified.iter_mut().find(|(known, _)| *known == index) {
                    Some((_, was)) if uncertain.is_none() => *was = None,
                    Some(_) => {}
                    None => self.notified.push((index, uncertain.clone())),
                }
            }
        }
    }

    /// Puts notified handlers to the front, in the order of their definition; more may be notified by them.
    fn flush(&mut self) {
        if self.notified.is_empty() {
            return;
        }
        self.notified.sort_by_key(|(index, _)| *index);
        self.queue.push_front(Queued::Flush);
        for (index, uncertain) in std::mem::take(&mut self.notified).into_iter().rev() {
            let Some(handler) = self.play.handlers.get(index) else { continue };
            self.queue.push_front(Queued::Task(Box::new(Running::new(handler.clone(), uncertain))));
        }
    }

    pub(super) fn all_handlers(&self, pending: &mut Arc<Pending>) {
        for handler in &self.play.handlers {
            Arc::make_mut(pending).add(&handler.sets());
        }
    }
}

/// How a unit ends whose changes ran.
fn applied(task: &Task, prepared: &Prepared, outputs: &[Output]) -> UnitEnd {
    let result = (task.module.result)(&prepared.outcome, outputs);
    let failed = result.get("failed").and_then(Value::as_bool).unwrap_or(false);
    let made: Vec<_> = prepared.outcome.changes.iter().take(outputs.len()).map(change_made).collect();
    let message = result.get("msg").and_then(Value::as_str).map(str::to_owned);
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
            UnitEnd::plain(Status::Changed, prepared.outcome.message.clone())
        }
    }
}

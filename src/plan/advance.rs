//! How far the first task of a host gets without an exchange: item by item, each looked at, judged, and tried again.

use super::approved::{Asking, Granted};
use super::effective::Effective;
use super::evaluate::Truth;
use super::finish::bound;
use super::host_run::{HostRun, Queued};
use super::look::Look;
use super::scope::Layer;
use super::unit::{Handed, Prepared, Running, Stage, UnitEnd};
use super::whole::unit_result;
use crate::event::Status;
use crate::model::{HostName, Map, Subjects, Value};
use crate::modules::Prompt;
use crate::questions::Key;
use std::sync::Arc;
use std::time::Duration;

/// Why a change is not made that was in no plan.
const NOT_APPROVED: &str = "this is not what was planned, so it was not done";
/// Why a change is not made that was planned, but not here.
const OTHERWISE: &str =
    "this is not what was planned, so it was not done: the plan has it in another place, or not as often";

/// How far the first task got without an exchange.
pub(super) enum Front {
    /// It ended.
    Over,
    /// It wants answers.
    Ask,
    /// It has changes to apply.
    Apply,
    /// It waits until then, on the run's clock.
    Wait(Duration),
    /// It needs what that host finds out before.
    Await(HostName),
    /// It needs an answer from whoever is at the terminal.
    Prompt(Prompt),
}

impl HostRun {
    /// Fails the first task because its module never has enough: a defect, which must not go on for ever.
    pub(super) fn give_up(&mut self) {
        let Some(Queued::Task(running)) = self.queue.front_mut() else { return };
        for unit in running.units.iter_mut().flatten() {
            if !matches!(unit.stage, Stage::Ended(_)) {
                let message =
                    format!("{} asks without end; this is a defect of wgops", running.task.module.name);
                unit.end(UnitEnd::failed(message, Map::new()));
            }
        }
    }

    /// Brings the first task as far as it gets without an exchange.
    pub(super) fn advance(&mut self) -> Front {
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
            self.ground.would_touch(None, &Subjects::Undeclared, &running.task.name);
            return Front::Over;
        }
        if let Some(units) = running.ahead.take() {
            running.units = Some(units);
            return Front::Over;
        }
        if let Err(end) = self.ground.unfold(running, None) {
            if let Some(host) = self.ground.variables.take_wait() {
                return Front::Await(host);
            }
            running.without_loop();
            let unknown = end.unknown().is_some();
            for unit in running.units.iter_mut().flatten() {
                unit.end(UnitEnd {
                    changes: Vec::new(),
                    result: end.result.clone(),
                    ..UnitEnd::plain(end.status.clone(), end.message.clone())
                });
            }
            if unknown && running.task.acts_on_host() {
                self.ground.would_touch(None, &Subjects::Undeclared, &running.task.name);
            }
            return Front::Over;
        }
        let count = running.units.as_ref().map_or(0, Vec::len);
        let mut handed = Handed::default();
        for index in 0..count {
            running.hand_on(index, &mut handed);
            if let Some(until) = self.pause_before(running, index) {
                return Front::Wait(until);
            }
            match self.advance_unit(running, index) {
                Front::Over if self.breaks(running, index) => {
                    running.units.iter_mut().for_each(|units| units.truncate(index + 1));
                    return Front::Over;
                }
                Front::Over => {}
                other => return other,
            }
        }
        Front::Over
    }

    /// Until when the loop rests before this item.
    fn pause_before(&self, running: &mut Running, index: usize) -> Option<Duration> {
        let task = running.task.clone();
        let pause = task.each.as_ref()?.pause.as_ref().filter(|_| index > 0 && self.applies(running))?;
        let layer = running.units.as_ref()?.get(index)?.layer.clone();
        let seconds = self.ground.number(pause, running, &layer).ok().flatten().unwrap_or(0.0);
        let unit = running.units.as_mut()?.get_mut(index)?;
        if std::mem::replace(&mut unit.has_paused, true) {
            return None;
        }
        let until = self.now.saturating_add(Duration::from_secs_f64(seconds.clamp(0.0, 86_400.0)));
        unit.not_before = Some(until);
        (until > self.now).then_some(until)
    }

    /// Whether the loop ends with this item, which is over.
    fn breaks(&self, running: &Running, index: usize) -> bool {
        let Some(conditions) = running.task.each.as_ref().and_then(|each| each.break_when.as_ref()) else {
            return false;
        };
        let Some(unit) = running.units.as_ref().and_then(|units| units.get(index)) else { return false };
        let Stage::Ended(end) = &unit.stage else { return false };
        let result = bound(Value::Object(unit_result(end)), end.tainted);
        matches!(self.ground.judge(conditions, running, &unit.layer, result), Ok(Truth::Holds))
    }

    fn advance_unit(&mut self, running: &mut Running, index: usize) -> Front {
        let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) else {
            return Front::Over;
        };
        if let Some(until) = unit.not_before.filter(|until| *until > self.now) {
            return Front::Wait(until);
        }
        match std::mem::replace(&mut unit.stage, Stage::Fresh) {
            Stage::Ended(end) => {
                unit.stage = Stage::Ended(end);
                return self.again(running, index);
            }
            Stage::Ready(prepared) => {
                unit.stage = Stage::Ready(prepared);
                return Front::Apply;
            }
            Stage::Applied(prepared, outputs) => {
                return self.check_convergence(running, index, prepared, outputs);
            }
            Stage::Fresh => {
                let item = unit.layer.clone();
                match self.look_fresh(running, index, &item) {
                    Ok(end) => end_unit(running, index, end),
                    Err(front) => return front,
                }
            }
        }
        if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
            for (user, key) in std::mem::take(&mut unit.volatile) {
                self.drop_answer(&user, &key);
            }
        }
        self.judge(running, index);
        match running.units.as_ref().and_then(|units| units.get(index)?.not_before) {
            Some(until) if until > self.now => Front::Wait(until),
            _ => self.again(running, index),
        }
    }

    /// How a fresh unit ends, or what it waits for.
    fn look_fresh(
        &mut self,
        running: &mut Running,
        index: usize,
        item: &Arc<Layer>,
    ) -> Result<UnitEnd, Front> {
        let task = running.task.clone();
        let applies = self.applies(running);
        let looked = self.ground.look(&task, &running.layer, item, None);
        if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
            unit.was_looked_at(&self.ground);
        }
        if let Some(host) = self.ground.variables.take_wait() {
            return Err(Front::Await(host));
        }
        match looked {
            Look::Ask => Err(Front::Ask),
            Look::End(mut end, _) => {
                if self.ground.is_unwaited(&task, &running.layer, item) && end.status == Status::Ok {
                    end.result = self.ground.variables.jobs().over(&end);
                }
                if let Some(prompt) = end.prompt.take() {
                    match (applies, self.answer.take()) {
                        (true, None) => return Err(Front::Prompt(prompt)),
                        (true, Some(answer)) => self.take_answer(&mut end, &prompt, answer),
                        (false, _) => end.unforeseeable = true,
                    }
                }
                let pause = end.pause.take().filter(|_| applies);
                if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
                    unit.not_before = pause.map(|pause| self.now.saturating_add(pause));
                }
                Ok(end)
            }
            // What nobody could know was in no plan, and does not get known by what a lookup would run.
            Look::Unknown(cause) if applies && self.ground.approved.is_some() && task.acts_on_host() => {
                Ok(UnitEnd::failed(format!("{NOT_APPROVED}: it depends on {cause}"), Map::new()))
            }
            Look::Unknown(cause) => {
                if task.acts_on_host() {
                    self.ground.would_touch(None, &Subjects::Undeclared, &task.name);
                }
                Ok(UnitEnd::plain(Status::KnownAfterApply { cause }, None))
            }
            Look::Unseen(why, _) if applies && self.ground.approved.is_some() => {
                Ok(UnitEnd::failed(format!("{NOT_APPROVED}: {why}"), Map::new()))
            }
            Look::Unseen(why, reads) => {
                // What it would change is, for all that is known, no more than what it looks at.
                if task.acts_on_host() {
                    self.ground.would_touch(None, &reads, &task.name);
                }
                Ok(UnitEnd::plain(Status::Unseen { why }, None))
            }
            Look::Provisional(outcome, reading, cause) => {
                Ok(self.provisional(&task, outcome, &reading, cause))
            }
            Look::Changes(prepared, _) if applies => match self.granted(running, item, &prepared) {
                Err(end) => Ok(*end),
                Ok(granted) => {
                    make_ready(running, index, prepared, granted);
                    Err(Front::Apply)
                }
            },
            Look::Changes(prepared, _) => Ok(self.would(running, item, prepared)),
        }
    }

    /// What somebody at the terminal answered; nothing: nobody is there.
    pub fn answer(&mut self, answer: Option<String>) {
        self.answer = Some(answer);
    }

    fn take_answer(&mut self, end: &mut UnitEnd, prompt: &Prompt, answer: Option<String>) {
        if answer.is_none() {
            let message = format!("nobody is at a terminal, so nobody was asked: {}", prompt.text.trim());
            self.warn_once(message);
        }
        end.tainted |= !prompt.echo;
        end.result.insert("user_input".into(), answer.unwrap_or_default().into());
    }

    /// What a unit is allowed, where a plan is carried out; else how it ends.
    pub(super) fn granted(
        &self,
        running: &Running,
        item: &Arc<Layer>,
        prepared: &Prepared,
    ) -> Result<Option<Granted>, Box<UnitEnd>> {
        let Some(approved) = &self.ground.approved else { return Ok(None) };
        let name = self.ground.name_of(running);
        let hides = prepared.tainted || self.ground.hides(&running.task, &running.layer);
        let asking = Asking { task: &running.task, name: &name, attempts: self.attempts_max(running, item) };
        let granted = approved.grant(&asking, prepared).map_err(|lack| {
            let why = if lack.is_elsewhere { OTHERWISE } else { NOT_APPROVED };
            let message = if hides { why.to_owned() } else { format!("{why}: {}", lack.summary) };
            Box::new(UnitEnd::failed(message, Map::new()))
        })?;
        Ok(Some(granted))
    }

    fn drop_answer(&mut self, user: &Effective, key: &Key) {
        if let Some(answers) = self.ground.stores.get_mut(user) {
            answers.drop_one(key);
        }
    }
}

fn make_ready(running: &mut Running, index: usize, prepared: Prepared, granted: Option<Granted>) {
    if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
        unit.granted = granted;
        unit.stage = Stage::Ready(Box::new(prepared));
    }
}

fn end_unit(running: &mut Running, index: usize, end: UnitEnd) {
    if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
        unit.end(end);
    }
}

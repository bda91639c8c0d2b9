//! `until`: a task is done again until its result is as wished, with a wait between attempts. Each attempt asks anew. What
//! a dry run would change it doesn't do again; what only looks it may look at again.

use super::advance::Front;
use super::evaluate::Truth;
use super::finish::bound;
use super::host_run::HostRun;
use super::scope::Layer;
use super::task::Retry;
use super::unit::{Running, Stage, UnitEnd};
use super::whole::unit_result;
use crate::event::{Event, Status};
use crate::model::{Subjects, Value};
use std::sync::Arc;
use std::time::Duration;

/// How often a task is done again where only `until` is given.
const RETRIES: u64 = 3;
/// Seconds between attempts where nothing is given.
const DELAY: f64 = 5.0;
/// Longest wait between two attempts: a day.
const DELAY_SECONDS_MAX: f64 = 86_400.0;

/// What an attempt comes to.
enum Attempt {
    /// It is as wished, or can't be done again.
    Enough,
    /// Once more, after so long.
    Again(Duration),
    /// It was the last one, and not as wished, for this reason.
    GivenUp(String),
}

impl HostRun {
    /// Decides whether a unit that ended is done again.
    pub(super) fn again(&mut self, running: &mut Running, index: usize) -> Front {
        let task = running.task.clone();
        let Some(unit) = running.units.as_ref().and_then(|units| units.get(index)) else {
            return Front::Over;
        };
        let (Some(retry), Stage::Ended(end), false) = (&task.retry, &unit.stage, unit.tried_enough) else {
            return Front::Over;
        };
        let attempt = unit.attempts + 1;
        let decided = match end.status {
            // A dry run: there is no result that could be as wished.
            Status::Ok if end.unknown().is_some() => Ok(Attempt::Enough),
            Status::Ok | Status::Changed | Status::Failed => {
                self.attempt(running, index, retry, end, attempt)
            }
            _ => Ok(Attempt::Enough),
        };
        let name = self.ground.name_of(running);
        let unit = running.units.as_mut().and_then(|units| units.get_mut(index));
        let Some((unit, end)) =
            unit.and_then(|unit| match std::mem::replace(&mut unit.stage, Stage::Fresh) {
                Stage::Ended(end) => Some((unit, end)),
                other => {
                    unit.stage = other;
                    None
                }
            })
        else {
            return Front::Over;
        };
        unit.attempts = attempt;
        if matches!(decided, Ok(Attempt::Again(_))) {
            unit.gives_back(self.ground.approved.as_ref());
        }
        match decided {
            Ok(Attempt::Again(delay)) => {
                unit.do_again(end, self.now.saturating_add(delay));
                running.asked = 0;
                let message = format!(
                    "{name}: attempt {attempt} is not as wished yet; again in {} s",
                    delay.as_secs_f64()
                );
                self.events.push(Event::Progress { host: self.host.clone(), message, done: None, of: None });
                self.ground.forget(&Subjects::Undeclared);
                return Front::Wait(self.now.saturating_add(delay));
            }
            Ok(Attempt::Enough) => unit.enough(end, attempt),
            Ok(Attempt::GivenUp(why)) if task.failed_when.is_some() && end.status != Status::Failed => {
                let message = Some(format!("{why}; failed_when lets that pass"));
                unit.enough(Box::new(UnitEnd { gave_up: true, message, ..*end }), attempt);
            }
            // Ansible counts what was done again.
            Ok(Attempt::GivenUp(why)) => unit.enough(failed(*end, why), attempt.saturating_sub(1)),
            Err(why) => unit.enough(failed(*end, why), attempt),
        }
        Front::Over
    }

    /// How often a unit is tried at the most, where it is done until it is as wished.
    pub(super) fn attempts_max(&self, running: &Running, item: &Arc<Layer>) -> Option<u64> {
        let retries = running.task.retry.as_ref()?.retries.as_ref();
        let number = retries.and_then(|retries| self.ground.number(retries, running, item).ok().flatten());
        Some(number.map_or(RETRIES, whole).saturating_add(1))
    }

    fn attempt(
        &self,
        running: &Running,
        index: usize,
        retry: &Retry,
        end: &UnitEnd,
        attempt: u64,
    ) -> Result<Attempt, String> {
        let Some(unit) = running.units.as_ref().and_then(|units| units.get(index)) else {
            return Ok(Attempt::Enough);
        };
        let unmet = match &retry.until {
            None if end.status == Status::Failed => Some("it still fails".to_owned()),
            None => None,
            Some(conditions) => {
                let mut result = unit_result(end);
                result.insert("attempts".into(), attempt.into());
                let result = bound(Value::Object(result), end.tainted);
                match self.ground.judge(conditions, running, &unit.layer, result) {
                    Ok(Truth::Holds) => None,
                    Ok(Truth::Fails(condition)) => {
                        Some(format!("until: {}", super::evaluate::text_of(&condition)))
                    }
                    Ok(Truth::Unknown(_)) => None,
                    Err(error) => return Err(format!("until: {error}")),
                }
            }
        };
        let Some(unmet) = unmet else { return Ok(Attempt::Enough) };
        let number = |value: &Option<Value>, name: &str| match value {
            Some(value) => {
                self.ground.number(value, running, &unit.layer).map_err(|why| format!("{name}: {why}"))
            }
            None => Ok(None),
        };
        let retries = number(&retry.retries, "retries")?.map_or(RETRIES, whole);
        // No more often than what was approved says, whatever the number is by now.
        let most = unit.granted.as_ref().and_then(|granted| granted.attempts).unwrap_or(u64::MAX);
        let is_dry = self.ground.quiet.is_some() && self.ground.approved.is_none();
        if is_dry && attempt >= TRIED_MAX && retries > attempt {
            let why = "no more is tried before the real run";
            return Ok(Attempt::GivenUp(format!("tried {attempt} times, and not as wished: {unmet}; {why}")));
        }
        if attempt > retries || attempt >= most {
            let said = end.message.as_ref().filter(|_| end.status == Status::Failed);
            let said = said.map(|said| format!("; it says: {said}")).unwrap_or_default();
            let times = if attempt == 1 { "once".to_owned() } else { format!("{attempt} times") };
            return Ok(Attempt::GivenUp(format!("tried {times}, and not as wished: {unmet}{said}")));
        }
        let delay = number(&retry.delay, "delay")?.unwrap_or(DELAY);
        let delay = if delay < 0.0 { 1.0 } else { delay.min(DELAY_SECONDS_MAX) };
        Ok(Attempt::Again(Duration::from_secs_f64(delay)))
    }
}

/// How often a task is tried before somebody said yes, whatever its number says.
const TRIED_MAX: u64 = 200;

/// A number of retries. Below nothing is none, as Ansible has it; so is a broken part of one.
fn whole(retries: f64) -> u64 {
    retries.max(0.0) as u64
}

fn failed(end: UnitEnd, why: String) -> Box<UnitEnd> {
    let mut result = end.result.clone();
    result.entry("msg").or_insert_with(|| why.clone().into());
    result.insert("failed".into(), true.into());
    Box::new(UnitEnd { status: Status::Failed, message: Some(why), result, ..end })
}

impl super::unit::Unit {
    /// Puts an attempt aside and begins the next one then.
    fn do_again(&mut self, end: Box<UnitEnd>, not_before: Duration) {
        self.stage = Stage::Fresh;
        self.recomputed = 0;
        self.volatile.clear();
        self.not_before = Some(not_before);
        self.before = Some(self.with_earlier(end));
    }

    /// Ends it for good; `register` gets how often it was tried.
    fn enough(&mut self, mut end: Box<UnitEnd>, attempts: u64) {
        if !matches!(end.status, Status::Skipped) {
            end.result.insert("attempts".into(), attempts.into());
        }
        self.tried_enough = true;
        self.stage = Stage::Ended(self.with_earlier(end));
    }

    /// An end with the changes of earlier attempts before its own; the same one done again is named once.
    pub(super) fn with_earlier(&mut self, mut end: Box<UnitEnd>) -> Box<UnitEnd> {
        if let Some(earlier) = self.before.take() {
            let own = std::mem::replace(&mut end.changes, earlier.changes);
            let new: Vec<_> = own.into_iter().filter(|change| !end.changes.contains(change)).collect();
            end.changes.extend(new);
        }
        end
    }
}

/// Nobody comes back to a unit: what its earlier attempts changed is told all the same.
pub(super) fn last_attempt(unit: &mut super::unit::Unit) {
    unit.stage = match std::mem::replace(&mut unit.stage, Stage::Fresh) {
        Stage::Ended(end) => Stage::Ended(unit.with_earlier(end)),
        other => unit.before.take().map_or(other, Stage::Ended),
    };
}

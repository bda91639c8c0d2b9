//! What becomes of a host's way that goes no further: its connection is gone, or it is stopped. Nothing that was changed is
//! left out of the report.

use super::changes::applied;
use super::exchange::{InFlight, Reply};
use super::host_run::{HostRun, Queued};
use super::made::change_made;
use super::retry::last_attempt;
use super::unit::{Prepared, Running, Stage, Unit, UnitEnd};
use crate::event::{ChangeMade, Event, Status};
use crate::model::Map;
use crate::questions::Output;

impl HostRun {
    /// The connection is gone. What was answered before counts; what was being changed is unknown, neither failed nor
    /// done. With `nothing_sent` nothing was under way at all.
    pub fn lose(&mut self, reason: &str, replies: Vec<Vec<Reply>>, nothing_sent: bool) {
        let units: Vec<(usize, usize)> = self.in_flight.units().collect();
        self.take(replies);
        if self.goes_on_unreachable(reason, &units, nothing_sent) {
            return;
        }
        self.failed = true;
        self.counts.unreachable = 1;
        for (position, unit) in units {
            let Some(Queued::Task(running)) = self.queue.get_mut(position) else { continue };
            let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(unit)) else { continue };
            match std::mem::replace(&mut unit.stage, Stage::Fresh) {
                Stage::Applied(prepared, outputs) if is_cut(&prepared, &outputs) => {
                    let begun = outputs.len() + 1;
                    unit.end(UnitEnd { tainted: prepared.tainted, ..cut(&prepared, begun, reason) });
                }
                Stage::Ready(prepared) if !nothing_sent => {
                    let begun = prepared.outcome.changes.len();
                    unit.end(UnitEnd { tainted: prepared.tainted, ..cut(&prepared, begun, reason) });
                }
                other => unit.stage = other,
            }
        }
        self.wind_up();
    }

    /// Whether the task that was under way, or else the first one, lets an unreachable host go on; it has failed then, and that
    /// is ignored. No other task's changes were sent behind its own.
    fn goes_on_unreachable(&mut self, reason: &str, sent: &[(usize, usize)], nothing_sent: bool) -> bool {
        let is_open = |(position, unit): &&(usize, usize)| match self.queue.get(*position) {
            Some(Queued::Task(running)) => match running.units.as_ref().and_then(|units| units.get(*unit)) {
                Some(Unit { stage: Stage::Ready(_), .. }) => true,
                Some(Unit { stage: Stage::Applied(prepared, outputs), .. }) => is_cut(prepared, outputs),
                _ => false,
            },
            _ => false,
        };
        let position = sent.iter().find(is_open).map_or(0, |(position, _)| *position);
        let Some(Queued::Task(running)) = self.queue.get(position) else { return false };
        let keyword = running.task.ignore_unreachable.as_ref();
        if self.ground.flag(keyword, &running.layer) != Some(true) {
            return false;
        }
        self.in_flight = InFlight::default();
        self.forget_all();
        let Some(Queued::Task(running)) = self.queue.get_mut(position) else { return false };
        let begun: Vec<ChangeMade> =
            running.units.iter_mut().flatten().flat_map(|unit| begun(unit, nothing_sent)).collect();
        running.without_loop();
        for unit in running.units.iter_mut().flatten() {
            let mut end = UnitEnd::failed(reason.to_owned(), Map::new());
            end.result.insert("unreachable".into(), true.into());
            unit.end(UnitEnd { changes: begun.clone(), ..end });
            unit.tried_enough = true;
        }
        running.is_unreachable = true;
        true
    }

    /// Empties the queue. What was changed in tasks that nobody comes back to is reported all the same.
    pub(super) fn wind_up(&mut self) {
        for queued in std::mem::take(&mut self.queue) {
            if let Queued::Task(running) = queued {
                self.leave_task(*running);
            }
        }
    }

    /// A task that nobody comes back to: what was changed in it is reported all the same.
    pub(super) fn leave_task(&mut self, mut running: Running) {
        let task = running.task.clone();
        for unit in running.units.iter_mut().flatten() {
            match std::mem::replace(&mut unit.stage, Stage::Fresh) {
                Stage::Applied(prepared, outputs) => unit.end(applied(&task, &prepared, &outputs)),
                other => unit.stage = other,
            }
            last_attempt(unit);
        }
        let ended = running.units.iter().flatten().any(|unit| matches!(unit.stage, Stage::Ended(_)));
        if ended {
            let whole = self.whole(&running);
            // Nothing comes behind it that could be kept from happening.
            let _missing = self.notify(&running, &whole.event.status);
            self.counts.add(&whole.event);
            self.events.push(Event::TaskEnds(Box::new(whole.event)));
        }
    }
}

/// What was changed in a unit, or was being changed when the connection was lost.
fn begun(unit: &mut Unit, nothing_sent: bool) -> Vec<ChangeMade> {
    let (prepared, count) = match &mut unit.stage {
        Stage::Fresh => return Vec::new(),
        Stage::Ended(end) => return std::mem::take(&mut end.changes),
        Stage::Ready(_) if nothing_sent => return Vec::new(),
        Stage::Ready(prepared) => (prepared, usize::MAX),
        Stage::Applied(prepared, outputs) => (prepared, outputs.len() + 1),
    };
    prepared.outcome.changes.iter().take(count).map(|change| change_made(change, &prepared.user)).collect()
}

/// Whether some of a unit's changes ran well, and the next one's reply never came.
fn is_cut(prepared: &Prepared, outputs: &[Output]) -> bool {
    outputs.len() < prepared.outcome.changes.len() && outputs.last().is_some_and(|o| o.status == 0)
}

/// The end of a unit whose changes were under way when the connection was lost; so many may have begun.
fn cut(prepared: &Prepared, begun: usize, reason: &str) -> UnitEnd {
    let changes = prepared
        .outcome
        .changes
        .iter()
        .take(begun)
        .map(|change| change_made(change, &prepared.user))
        .collect();
    let message = format!("the connection was lost while this was under way: {reason}");
    UnitEnd { changes, ..UnitEnd::plain(Status::Unknown, Some(message)) }
}

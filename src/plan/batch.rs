//! Changes whose subjects are apart travel in one exchange, in order, stopping at the first failure; the questions that
//! will be asked after them travel behind.

use super::effective::Effective;
use super::exchange::{Exchange, InFlight, Item, Sent, ShellWork};
use super::host_run::{HostRun, Queued};
use super::look::Look;
use super::pending::Pending;
use super::task::Loop;
use super::unit::{Running, Stage};
use crate::event::Status;
use crate::model::Subjects;
use crate::modules::{Change, Delivery, Nature};
use crate::questions::{Asked, Cost};
use std::sync::Arc;

/// Changes that travel in one exchange.
const CHANGES_MAX: usize = 100;
/// Bytes of content that travel in one exchange, beyond the first change.
const CONTENT_BYTES_MAX: usize = 4 << 20;

impl HostRun {
    /// Puts together the changes that may travel with the first task's, and the questions that will be asked after them.
    pub(super) fn batch(&mut self) -> Exchange {
        let mut batch = Batch::default();
        let mut pending: Arc<Pending> = Arc::default();
        for position in 0.. {
            match self.queue.get(position) {
                Some(Queued::RoleEnds(_)) => continue,
                Some(Queued::RoleBegins(role)) if !self.may_be_left_out(role) => continue,
                Some(Queued::Task(running)) if running.task.include.is_some() => {
                    match running.is_open || self.open_ahead(position, &pending) {
                        true => continue,
                        false => break,
                    }
                }
                // What is behind depends on what the files hold.
                Some(Queued::Task(running)) if running.task.leaves_undecided() => break,
                _ => {}
            }
            let go_on = self.extend(&mut batch, position, &pending);
            let Some(Queued::Task(running)) = self.queue.get(position) else { break };
            // Behind a task of which an item failed already, nothing is to happen.
            if !go_on || running.task.is_judged() || running.has_failed() {
                break;
            }
            Arc::make_mut(&mut pending).add(&running.task.sets());
        }
        self.ground.forget(&batch.touched);
        self.ground.take_wanted();
        let mut items: Vec<Item> = batch.changes.into_iter().map(|c| Item::Apply(Box::new(c))).collect();
        let mut sent = batch.sent;
        let user = batch.user.unwrap_or_default();
        if !batch.apart {
            self.expect_applied(&sent);
            self.look_ahead();
            self.revert_expected(&sent);
            let same_user =
                |(of, asked): (Effective, Asked)| (of == user && asked.cost == Cost::Cheap).then_some(asked);
            for asked in self.ground.take_wanted().into_iter().filter_map(same_user) {
                items.push(Item::Ask(asked.clone()));
                sent.push(Sent::Question(user.clone(), asked));
            }
        }
        self.in_flight = InFlight { asked: vec![sent] };
        Exchange { shells: vec![ShellWork { user, items }] }
    }

    /// Adds one queued task's changes to a batch; whether the batch may go on with the next task.
    fn extend(&mut self, batch: &mut Batch, position: usize, pending: &Arc<Pending>) -> bool {
        let Some(mut running) = self.take_queued(position) else { return false };
        let mut pending = pending.clone();
        Arc::make_mut(&mut pending).stand_at(&running.way);
        let ahead = if position == 0 { None } else { Some(&pending) };
        let task = running.task.clone();
        let mut go_on = running.uncertain.is_none() && self.applies(&running);
        go_on &= position == 0 || !task.waits_before();
        let asked = self.ground.templates.files_asked();
        if go_on && self.ground.unfold(&mut running, ahead).is_err() || self.is_stale(asked, batch) {
            running.units = None;
            go_on = false;
        }
        let mut units = running.units.take();
        for (number, unit) in units.iter_mut().flatten().enumerate() {
            if !go_on {
                break;
            }
            if matches!(unit.stage, Stage::Fresh) {
                let asked = self.ground.templates.files_asked();
                let looked = self.ground.look(&task, &running.layer, &unit.layer, ahead);
                unit.was_looked_at(&self.ground);
                if self.is_stale(asked, batch) {
                    go_on = false;
                    break;
                }
                match looked {
                    Look::Changes(prepared, reading) if !reading.reads.meet(&batch.touched) => {
                        // What is not allowed says so when its turn comes.
                        let Ok(granted) = self.granted(&running, &unit.layer, &prepared) else {
                            go_on = false;
                            break;
                        };
                        unit.granted = granted;
                        unit.stage = Stage::Ready(Box::new(prepared));
                    }
                    // In order, or not to be done, whatever the batch does: it says so when its turn comes. No change
                    // behind it may touch what it read, or it would then see what came after it.
                    Look::End(end, reads)
                        if matches!(end.status, Status::Ok | Status::Skipped)
                            && end.pause.is_none()
                            && !reads.meet(&batch.touched) =>
                    {
                        batch.passed.extend(&reads);
                        continue;
                    }
                    _ => {
                        go_on = false;
                        break;
                    }
                }
            }
            if let Stage::Ready(prepared) = &unit.stage {
                go_on = batch.add(&prepared.user, &prepared.outcome.changes, position, number);
                if !batch.holds(position, number) {
                    unit.gives_back(self.ground.approved.as_ref());
                }
                // The next item waits until this one is as wished.
                go_on &= task.retry.is_none() && !task.each.as_ref().is_some_and(Loop::is_stepwise);
            }
        }
        // A loop unfolded ahead may look different when its turn comes: only one begun is kept.
        let has_begun = units.iter().flatten().any(|unit| !matches!(unit.stage, Stage::Fresh));
        running.units = units.filter(|_| position == 0 || has_begun);
        self.put_queued(position, running);
        go_on
    }

    /// Whether files of the controller were looked for that changes before may make other ones: they are done on it.
    fn is_stale(&self, asked: u64, batch: &Batch) -> bool {
        self.ground.is_local && !batch.changes.is_empty() && self.ground.templates.files_asked() != asked
    }

    pub(super) fn take_queued(&mut self, position: usize) -> Option<Box<Running>> {
        let slot = self.queue.get_mut(position)?;
        match std::mem::replace(slot, Queued::Begin) {
            Queued::Task(running) => Some(running),
            other => {
                *slot = other;
                None
            }
        }
    }

    pub(super) fn put_queued(&mut self, position: usize, running: Box<Running>) {
        if let Some(slot) = self.queue.get_mut(position) {
            *slot = Queued::Task(running);
        }
    }

    /// Pretends that the batch ran, so that looking ahead asks what comes after it.
    fn expect_applied(&mut self, sent: &[Sent]) {
        self.each_unit(sent, |stage| match stage {
            Stage::Ready(prepared) => Stage::Applied(prepared, Vec::new()),
            other => other,
        });
    }

    fn revert_expected(&mut self, sent: &[Sent]) {
        self.each_unit(sent, |stage| match stage {
            Stage::Applied(prepared, _) => Stage::Ready(prepared),
            other => other,
        });
    }

    fn each_unit(&mut self, sent: &[Sent], change: impl Fn(Stage) -> Stage) {
        let mut last = None;
        for sent in sent {
            let Sent::Change { position, unit } = sent else { continue };
            if last.replace((*position, *unit)) == Some((*position, *unit)) {
                continue;
            }
            if let Some(Queued::Task(running)) = self.queue.get_mut(*position)
                && let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(*unit))
            {
                let stage = std::mem::replace(&mut unit.stage, Stage::Fresh);
                unit.stage = change(stage);
            }
        }
    }
}

/// Changes that travel together.
struct Batch {
    user: Option<Effective>,
    changes: Vec<Change>,
    sent: Vec<Sent>,
    touched: Subjects,
    /// What state changes touch: they are looked at again afterwards, so nothing behind them may touch it before.
    settles: Subjects,
    /// What tasks read that are in order and lie between the changes.
    passed: Subjects,
    content_bytes: usize,
    /// The last change is carried out apart from the shell, so nothing may follow it.
    apart: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            user: None,
            changes: Vec::new(),
            sent: Vec::new(),
            touched: Subjects::NONE,
            settles: Subjects::NONE,
            passed: Subjects::NONE,
            content_bytes: 0,
            apart: false,
        }
    }
}

impl Batch {
    /// Adds a unit's changes, if they may travel along; whether more may follow.
    fn add(&mut self, user: &Effective, changes: &[Change], position: usize, unit: usize) -> bool {
        let bytes: usize = changes.iter().filter_map(|c| c.content.as_ref()).map(|c| c.bytes().len()).sum();
        let apart = changes.iter().any(|c| c.delivery != Delivery::Attached);
        let first = self.changes.is_empty();
        let fits = self.user.as_ref().is_none_or(|u| u == user)
            && !self.apart
            && !apart
            && !changes.iter().any(|c| c.touches.meet(&self.passed) || c.touches.meet(&self.settles))
            && self.changes.len() + changes.len() <= CHANGES_MAX
            && self.content_bytes + bytes <= CONTENT_BYTES_MAX;
        if !first && !fits {
            return false;
        }
        self.user = Some(user.clone());
        self.content_bytes += bytes;
        self.apart = apart;
        for change in changes {
            self.touched.extend(&change.touches);
            if change.nature == Nature::State {
                self.settles.extend(&change.touches);
            }
            self.changes.push(change.clone());
            self.sent.push(Sent::Change { position, unit });
        }
        !apart
    }

    fn holds(&self, position: usize, unit: usize) -> bool {
        self.sent
            .iter()
            .any(|s| matches!(s, Sent::Change { position: p, unit: u } if (*p, *u) == (position, unit)))
    }
}

//! What goes over the wire together: the questions of all tasks ahead, and changes whose subjects are apart.
//!
//! An exchange with changes holds them in order and stops at the first failure. It never crosses a task whose end is
//! judged (`failed_when`, `changed_when`, `ignore_errors`), a use of a registered result, a flush of handlers, or a
//! barrier: whatever comes after those depends on how the changes ended.

use super::effective::Effective;
use super::ground::Ground;
use super::host_run::{HostRun, Queued};
use super::look::Look;
use super::pending::Pending;
use super::ran::{Ran, begun_of, killed, late, verdict};
use super::task::{Sets, Task};
use super::unit::{Handed, Running, Stage, Unit, UnitEnd};
use crate::event::{Event, Status};
use crate::model::{Map, Subjects};
use crate::modules::Change;
use crate::questions::{Asked, Cost, Key, Output};
use std::sync::Arc;
use std::time::Duration;

/// Tasks and loop items that are looked at ahead of their turn.
const AHEAD_MAX: usize = 200;

/// Exchanges that one task may take to learn what it wants to know, and two more for each item.
const ASKED_MAX: usize = 50;

/// How often what is done on another host is computed anew because somebody else changed that host.
const RECOMPUTED_ELSEWHERE_MAX: u32 = 100;

/// What is sent to one host at once; the shells work side by side.
pub struct Exchange {
    /// One entry for each effective user.
    pub shells: Vec<ShellWork>,
}

/// What one effective user's shell is to do, in order.
pub struct ShellWork {
    /// The user.
    pub user: Effective,
    /// Questions and changes.
    pub items: Vec<Item>,
}

/// A question or a change.
pub enum Item {
    /// A question. It is asked even where a change before it failed.
    Ask(Asked),
    /// A change. It is left out where a change before it failed.
    Apply(Box<Change>),
}

/// What became of an [`Item`].
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It ran.
    Done(Output),
    /// A change before it failed, so it was left out.
    NotRun,
    /// It has no output, for this reason: a limit.
    Failed(String),
    /// It did not end within this time and was killed.
    TimedOut(Duration),
    /// It was not begun, and what comes after it is not either, for this reason.
    Refused(String),
    /// The account that asks can't know what the one asked for would, for this reason.
    Unseen(String),
}

impl Reply {
    /// Whether it ran and ended with exit status 0.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Done(output) if output.status == 0)
    }

    /// The same without telling its deadline from anything else that kept it from having an output.
    #[must_use]
    pub fn untimed(self) -> Self {
        match self {
            Self::TimedOut(after) => Self::Failed(killed(after)),
            other => other,
        }
    }
}

/// What an exchange under way is about.
#[derive(Default)]
pub(super) struct InFlight {
    pub(super) asked: Vec<Vec<Sent>>,
}

pub(super) enum Sent {
    Question(Effective, Asked),
    Change { position: usize, unit: usize },
}

/// What a task that is looked at ahead of its turn will set, as far as that is known.
struct Foreseen {
    variables: Map,
    included: Map,
    tainted: bool,
    /// Every unit of it is foreseen.
    is_sure: bool,
    units: usize,
}

impl Default for Foreseen {
    fn default() -> Self {
        Self { variables: Map::new(), included: Map::new(), tainted: false, is_sure: true, units: 0 }
    }
}

impl Foreseen {
    fn add(&mut self, look: &Look) {
        self.units += 1;
        match look {
            Look::End(end, _) if end.status == Status::Ok && end.facts.is_empty() => {
                self.variables.extend(end.variables.clone());
                self.included.extend(end.written.clone());
                self.tainted |= end.tainted;
            }
            Look::End(end, _) if end.status == Status::Skipped => {}
            _ => self.is_sure = false,
        }
    }

    /// Tells what is ahead of the task; whether anything can be known there.
    fn add_to(self, pending: &mut Pending, task: &Task) -> bool {
        let sure = self.is_sure && self.units > 0;
        if sure && !task.is_judged() {
            pending.add(&Sets { variables: None, ..task.sets() });
            pending.know(&self.variables, &self.included, self.tainted);
            return true;
        }
        pending.add(&task.sets());
        !task.leaves_undecided()
    }
}

impl Ground {
    /// Looks at a task's units ahead of their turn; each sees what those before it set.
    fn foresee(&mut self, running: &Running, units: &[Unit], pending: &Arc<Pending>) -> Foreseen {
        let (task, layer) = (&running.task, &running.layer);
        let (mut sets, mut handed) = (Foreseen::default(), Handed::default());
        for unit in units {
            match &unit.stage {
                Stage::Fresh if !task.waits_before() => {
                    let look = self.look(task, layer, &handed.to(&unit.layer), Some(pending));
                    if let Look::End(end, _) = &look {
                        handed.take(task, end);
                    }
                    sets.add(&look);
                }
                _ => sets.is_sure = false,
            }
        }
        for unit in units {
            if let Stage::Applied(prepared, _) = &unit.stage {
                self.look_again(task, layer, &unit.layer, prepared);
            }
        }
        sets
    }
}

impl InFlight {
    /// The units whose changes are under way, each once: position in the queue, number of the unit.
    pub(super) fn units(&self) -> impl Iterator<Item = (usize, usize)> {
        let mut units: Vec<(usize, usize)> = self
            .asked
            .iter()
            .flatten()
            .filter_map(|sent| match sent {
                Sent::Change { position, unit } => Some((*position, *unit)),
                Sent::Question(..) => None,
            })
            .collect();
        units.dedup();
        units.into_iter()
    }
}

impl HostRun {
    /// Gathers what the first task wants, and what tasks ahead will want; nothing when the task wants nothing new.
    pub(super) fn gather(&mut self) -> Option<Exchange> {
        let wanted = self.ground.take_wanted();
        if let Some(Queued::Task(running)) = self.queue.front_mut() {
            running.asked += 1;
            let most = ASKED_MAX + 2 * running.units.as_ref().map_or(0, Vec::len);
            if wanted.is_empty() || running.asked > most {
                return None;
            }
        }
        let alone = wanted.iter().any(|(user, asked)| asked.cost != Cost::Cheap || user.at.is_some());
        let volatile = wanted.iter().any(|(_, asked)| matches!(asked.cost, Cost::Costly { .. }));
        let mut all = wanted;
        if alone {
            // What is long or volatile travels alone: nothing else may wait behind it or grow stale beside it.
            if volatile && let Some(Queued::Task(running)) = self.queue.front_mut() {
                for unit in running.units.iter_mut().flatten() {
                    if matches!(unit.stage, Stage::Fresh) {
                        unit.volatile.extend(all.iter().map(|(user, asked)| (user.clone(), asked.key())));
                        break;
                    }
                }
            }
        } else {
            self.look_ahead();
            let ahead = self.ground.take_wanted();
            all.extend(ahead.into_iter().filter(|(_, asked)| asked.cost == Cost::Cheap));
        }
        for (user, asked) in &all {
            self.explain_question(user, asked);
        }
        let mut shells: Vec<ShellWork> = Vec::new();
        let mut in_flight = InFlight::default();
        for (user, asked) in all {
            let index = match shells.iter().position(|s| s.user == user) {
                Some(index) => index,
                None => {
                    shells.push(ShellWork { user: user.clone(), items: Vec::new() });
                    in_flight.asked.push(Vec::new());
                    shells.len() - 1
                }
            };
            if let (Some(shell), Some(sent)) = (shells.get_mut(index), in_flight.asked.get_mut(index)) {
                shell.items.push(Item::Ask(asked.clone()));
                sent.push(Sent::Question(user, asked));
            }
        }
        self.in_flight = in_flight;
        Some(Exchange { shells })
    }

    fn explain_question(&mut self, user: &Effective, asked: &Asked) {
        if self.ground.explain {
            self.events.push(Event::Sends {
                host: self.host.clone(),
                user: user.user.clone(),
                changes: false,
                script: asked.script.name.to_owned(),
                text: asked.script.text.to_owned(),
                args: asked.words().0,
                content_bytes: None,
            });
        }
    }

    /// Evaluates tasks ahead of their turn, only to learn what they want to know.
    pub(super) fn look_ahead(&mut self) {
        let mut pending: Arc<Pending> = Arc::default();
        let mut looked = 0;
        let mut left_out = None;
        for position in 0.. {
            if looked >= AHEAD_MAX || position >= self.queue.len() {
                return;
            }
            match (self.queue.get(position), left_out) {
                (Some(Queued::RoleBegins(role)), None) if self.may_be_left_out(role) => {
                    left_out = Some(role.instance);
                }
                (Some(Queued::RoleEnds(role)), Some(instance)) if role.instance == instance => {
                    left_out = None
                }
                _ => {}
            }
            if left_out.is_some() {
                continue;
            }
            match self.queue.get_mut(position) {
                // What comes behind an include depends on what it opens.
                Some(Queued::Task(running)) if running.task.include.is_some() => {
                    let is_open = running.is_open || self.open_ahead(position, &pending);
                    if !is_open {
                        return;
                    }
                }
                Some(Queued::Task(running)) if running.uncertain.is_none() => {
                    Arc::make_mut(&mut pending).stand_at(&running.way);
                    let units = self.ground.unfold(running, Some(&pending)).map(|()| running.units.take());
                    let mut sets = Foreseen::default();
                    if let Ok(Some(units)) = units {
                        sets = self.ground.foresee(running, &units, &pending);
                        looked += sets.units;
                        // A loop unfolded ahead may look different when its turn comes: only one begun is kept.
                        if units.iter().any(|u| !matches!(u.stage, Stage::Fresh)) || position == 0 {
                            running.units = Some(units);
                        }
                    }
                    if !sets.add_to(Arc::make_mut(&mut pending), &running.task) {
                        return;
                    }
                }
                Some(Queued::Flush(_) | Queued::FlushMore(..)) => self.all_handlers(&mut pending),
                _ => {}
            }
        }
    }

    /// Takes the replies to the exchange that [`HostRun::next`] asked for, in the same arrangement.
    pub fn take(&mut self, replies: Vec<Vec<Reply>>) {
        self.counts.exchanges += 1;
        let in_flight = std::mem::take(&mut self.in_flight);
        for (sent, replies) in in_flight.asked.into_iter().zip(replies) {
            let mut outputs: Vec<((usize, usize), Reply)> = Vec::new();
            let mut stale = false;
            for (sent, reply) in sent.into_iter().zip(replies) {
                match sent {
                    Sent::Change { position, unit } => {
                        stale |= !matches!(&reply, Reply::Done(output) if output.status == 0);
                        outputs.push(((position, unit), reply));
                    }
                    Sent::Question(user, asked) => self.store(&user, &asked, reply),
                }
            }
            if stale {
                // Something did not go as foreseen, so nothing that was foreseen holds.
                self.ground.forget(&Subjects::Undeclared);
            }
            self.settle(outputs);
        }
    }

    /// Answers that live as long as the first task, which asked for something costly.
    fn waited_for(&self) -> Vec<(Effective, Key)> {
        let Some(Queued::Task(running)) = self.queue.front() else { return Vec::new() };
        running.units.iter().flatten().flat_map(|unit| unit.volatile.clone()).collect()
    }

    fn store(&mut self, user: &Effective, asked: &Asked, reply: Reply) {
        let raw = match reply {
            Reply::Done(output) => Ok(output),
            Reply::NotRun => return,
            Reply::Unseen(why) => {
                if let Some(answers) = self.ground.stores.get_mut(user) {
                    answers.store_unseen(asked, why);
                }
                return;
            }
            Reply::Failed(why) | Reply::Refused(why) => Err(why),
            Reply::TimedOut(after) => Err(killed(after)),
        };
        if matches!(asked.cost, Cost::Costly { .. }) {
            // It took its time: what was known before it is old, but for what the same task waited for as well.
            let kept = self.waited_for();
            self.ground.forget_all_but(&kept);
        }
        if let Some(answers) = self.ground.stores.get_mut(user) {
            answers.store(asked, raw);
        }
    }

    /// Gives each unit its changes' replies.
    fn settle(&mut self, replies: Vec<((usize, usize), Reply)>) {
        let mut rest = replies.into_iter().peekable();
        while let Some((place, first)) = rest.next() {
            let mut of_unit = vec![first];
            while let Some((_, reply)) = rest.next_if(|(next, _)| *next == place) {
                of_unit.push(reply);
            }
            let Some(Queued::Task(running)) = self.queue.get_mut(place.0) else { continue };
            let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(place.1)) else {
                continue;
            };
            let stage = std::mem::replace(&mut unit.stage, Stage::Fresh);
            let Stage::Ready(prepared) = stage else {
                unit.stage = stage;
                continue;
            };
            // Others may be at the same file of the same other host: each look is soon old there.
            let most = if running.task.may_be_elsewhere() { RECOMPUTED_ELSEWHERE_MAX } else { 1 };
            let ran = verdict(of_unit, unit.recomputed, most);
            let barred = matches!(ran, Ran::Barred(..));
            match ran {
                Ran::Never => unit.gives_back(self.ground.approved.as_ref()),
                Ran::Stale => {
                    unit.recomputed += 1;
                    unit.gives_back(self.ground.approved.as_ref());
                }
                Ran::Through(outputs) => unit.stage = Stage::Applied(prepared, outputs),
                Ran::Late(begun, after) => {
                    let changes = begun_of(&prepared, begun);
                    let end = UnitEnd { changes, ..late(after, prepared.outcome.result.clone()) };
                    unit.end(UnitEnd { tainted: prepared.tainted, ..end });
                }
                Ran::Barred(begun, message) | Ran::Broken(begun, message) => {
                    let changes = begun_of(&prepared, begun);
                    let end =
                        UnitEnd { changes, ..UnitEnd::failed(message, prepared.outcome.result.clone()) };
                    let in_open = end.message.clone().filter(|_| barred);
                    unit.end(UnitEnd { tainted: prepared.tainted, in_open, ..end });
                }
            }
        }
    }
}

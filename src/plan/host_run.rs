//! One host's way through a play, as a machine without any I/O: it says what to send next, is told what came back, and
//! puts into words what happened. `crate::execute` moves the bytes.
//!
//! A dry run takes the same way; it only never says *apply*.

use super::around::InRole;
use super::block::{Mark, block};
use super::changes::applied;
use super::control::{Common, Ended, Patience};
use super::effective::Effective;
use super::evaluate::Truth;
use super::exchange::{InFlight, Reply};
use super::finish::bound;
use super::ground::{Ground, Look};
use super::retry::last_attempt;
use super::scope::Layer;
use super::task::{Play, Step, Task};
use super::unit::{Handed, Prepared, Running, Stage, UnitEnd, change_made, unit_result};
use super::way::Way;
use crate::event::{Counts, Event, Status};
use crate::model::{HostName, Subjects, Value};
use crate::modules::Prompt;
use crate::questions::{Key, Output};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
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
    /// Wait for so long, then come back; the connection stays.
    Pause(Duration),
    /// Wait for the other hosts of the batch at the barrier that stands there.
    Wait(Way),
    /// One host does what stands there for all of the batch: wait for the others, then either it is this one
    /// ([`HostRun::lead`]), or it takes over what that one found out ([`HostRun::follow`]).
    Once(Way),
    /// Wait until that host of the batch has come so far, for its results are needed here.
    Await(HostName, Way),
    /// No more than so many hosts may be at what stands there: wait for that, then [`HostRun::admit`].
    Throttle(Way, usize),
    /// Ask whoever is at the terminal, then [`HostRun::answer`].
    Prompt(Prompt),
    /// Close the connection; it opens again when it is used.
    Reset,
    /// Wait until the host can be reached, then [`HostRun::admit`] or [`HostRun::not_connected`].
    Connect(Patience),
    /// Nothing: the host is through.
    Done,
}

pub(super) enum Queued {
    Task(Box<Running>),
    /// Handlers that were notified run.
    Flush(Way),
    /// The same, behind handlers of this flush; for so many-th time.
    FlushMore(Way, usize),
    Barrier(Way),
    /// A block with `rescue` or `always` begins.
    Begin,
    /// A part of it ends.
    End(Box<Mark>),
    /// A role begins, unless the host went through the same already.
    RoleBegins(Arc<InRole>),
    RoleEnds(Arc<InRole>),
}

/// Why a change is not made that was in no plan.
const NOT_APPROVED: &str = "this is not what was planned, so it was not done";

/// One host's way through a play.
pub struct HostRun {
    /// The host.
    pub host: HostName,
    pub(super) play: Arc<Play>,
    pub(super) conduct: Conduct,
    pub(super) ground: Ground,
    pub(super) queue: VecDeque<Queued>,
    /// Handlers that the host knows: the play's, and those of what it included.
    pub(super) handlers: Vec<Arc<Task>>,
    /// What includes gave handlers, by their numbers.
    pub(super) given_to_handlers: BTreeMap<usize, Arc<Layer>>,
    pub(super) notified: Vec<(usize, Option<String>)>,
    /// Handlers that ran in the flush under way: each runs once in it, whoever notifies it again.
    pub(super) flushed: BTreeSet<usize>,
    pub(super) in_flight: InFlight,
    pub(super) roles: RolesSeen,
    /// What was warned of already.
    warned: BTreeSet<String>,
    pub(super) failed: bool,
    /// The batch was stopped.
    pub(super) stopping: bool,
    /// The connection is to be closed.
    pub(super) resets: bool,
    pub(super) ended: Ended,
    /// A task failed whose failure stops all.
    pub(super) fatal: bool,
    /// What is to be told to the other hosts.
    pub(super) common: Option<(Way, Common)>,
    pub(super) events: Vec<Event>,
    pub(super) counts: Counts,
    pub(super) now: Duration,
    /// What somebody at the terminal answered to the task that asked; nothing: nobody was there.
    answer: Option<Option<String>>,
}

/// Roles that the host came through in this play, by their instances.
#[derive(Default)]
pub(super) struct RolesSeen {
    /// A task of theirs ran.
    pub(super) tried: BTreeSet<usize>,
    /// And they came to their end.
    pub(super) done: BTreeSet<usize>,
}

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
    /// A host at the beginning of a play.
    pub fn new(host: HostName, play: Arc<Play>, conduct: Conduct, ground: Ground) -> Self {
        let queue = opened(&play.steps, &Way::default(), 0, &Arc::default()).into();
        let handlers = play.handlers.clone();
        let mut this = Self {
            host,
            handlers,
            given_to_handlers: BTreeMap::new(),
            play,
            conduct,
            ground,
            queue,
            notified: Vec::new(),
            flushed: BTreeSet::new(),
            in_flight: InFlight::default(),
            roles: RolesSeen::default(),
            warned: BTreeSet::new(),
            failed: false,
            stopping: false,
            resets: false,
            ended: Ended::default(),
            fatal: false,
            common: None,
            events: Vec::new(),
            counts: Counts::default(),
            now: Duration::ZERO,
            answer: None,
        };
        this.read_vars_files();
        this
    }

    /// Warns, once.
    pub(super) fn warn_once(&mut self, message: String) {
        if self.warned.insert(message.clone()) {
            self.events.push(Event::Warning { host: Some(self.host.clone()), message });
        }
    }

    /// What is to be done next; `now` is the run's clock.
    pub fn next(&mut self, now: Duration) -> Next {
        self.now = now;
        loop {
            if std::mem::take(&mut self.resets) {
                self.forget_all();
                return Next::Reset;
            }
            if let Some(next) = self.hold() {
                return next;
            }
            match self.queue.front_mut() {
                None => return Next::Done,
                Some(Queued::Barrier(way)) => {
                    let way = way.clone();
                    self.queue.pop_front();
                    return Next::Wait(way);
                }
                Some(Queued::Task(running)) => {
                    running.begun.get_or_insert(now);
                    match self.advance() {
                        Front::Over => self.finish_front(),
                        Front::Ask => match self.gather() {
                            Some(exchange) => return Next::Exchange(exchange),
                            None => self.give_up(),
                        },
                        Front::Apply => return Next::Exchange(self.batch()),
                        Front::Prompt(prompt) => return Next::Prompt(prompt),
                        Front::Await(host) => {
                            let way = self.way().cloned().unwrap_or_default();
                            return Next::Await(host, way);
                        }
                        Front::Wait(until) => {
                            // What was known before a wait is old after it.
                            self.forget_all();
                            return Next::Pause(until.saturating_sub(now));
                        }
                    }
                }
                Some(_) => self.pass_mark(),
            }
        }
    }

    /// Takes what stands first, where that is no task: where a role or a block begins or ends, or handlers run.
    fn pass_mark(&mut self) {
        match self.queue.pop_front() {
            Some(Queued::RoleBegins(role)) => self.begin_role(&role),
            Some(Queued::RoleEnds(role)) if self.roles.tried.contains(&role.instance) => {
                self.roles.done.insert(role.instance);
            }
            Some(Queued::Begin) => self.enter_block(),
            Some(Queued::End(mark)) => self.leave_part(&mark),
            Some(Queued::Flush(way)) => {
                self.flushed.clear();
                self.flush(&way, 0);
            }
            Some(Queued::FlushMore(way, round)) => self.flush(&way, round),
            Some(Queued::RoleEnds(_) | Queued::Task(_) | Queued::Barrier(_)) | None => {}
        }
    }

    /// Whether a role may be left out once it is reached: the same began before it.
    pub(super) fn may_be_left_out(&self, role: &InRole) -> bool {
        let same =
            |queued: &Queued| matches!(queued, Queued::RoleEnds(ended) if ended.instance == role.instance);
        let known = self.roles.tried.contains(&role.instance) || self.roles.done.contains(&role.instance);
        !role.allow_duplicates && (known || self.queue.iter().filter(|queued| same(queued)).count() > 1)
    }

    /// Leaves a role out that the host went through already.
    fn begin_role(&mut self, role: &InRole) {
        if role.included {
            self.ground.variables.name_role(&role.name);
        }
        if role.allow_duplicates || !self.roles.done.contains(&role.instance) {
            return;
        }
        while let Some(queued) = self.queue.pop_front() {
            if matches!(&queued, Queued::RoleEnds(ended) if ended.instance == role.instance) {
                break;
            }
        }
    }

    /// Takes what happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.events);
        if !self.ground.show_diff {
            events.iter_mut().for_each(Event::drop_contents);
        }
        events
    }

    /// Says how far the host is to whoever asks for its results; nothing: it has left.
    pub fn note_progress(&self, way: Option<&Way>) {
        self.ground.variables.note_progress(way);
    }

    /// Whether a task failed since the last call whose failure stops all.
    pub fn take_fatal(&mut self) -> bool {
        std::mem::take(&mut self.fatal)
    }

    /// Where the task stands that it is at.
    pub fn way(&self) -> Option<&Way> {
        match self.queue.front()? {
            Queued::Task(running) => Some(&running.way),
            _ => None,
        }
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

    /// Drops every answer: somebody else may have changed the host.
    pub fn forget_all(&mut self) {
        self.ground.forget(&Subjects::Undeclared);
    }

    /// Goes no further: the play was stopped, or somebody interrupted it.
    pub fn abandon(&mut self) {
        self.wind_up();
    }

    /// The connection is gone. What was answered before counts; what was being changed is unknown, neither failed nor
    /// done. With `nothing_sent` nothing was under way at all.
    pub fn lose(&mut self, reason: &str, replies: Vec<Vec<Reply>>, nothing_sent: bool) {
        if self.goes_on_unreachable(reason) {
            return;
        }
        self.failed = true;
        self.counts.unreachable = 1;
        let units: Vec<(usize, usize)> = self.in_flight.units().collect();
        self.take(replies);
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

    /// Whether the first task lets an unreachable host go on; it has failed then, and that is ignored.
    fn goes_on_unreachable(&mut self, reason: &str) -> bool {
        let Some(Queued::Task(running)) = self.queue.front() else { return false };
        let keyword = running.task.ignore_unreachable.as_ref();
        if self.ground.flag(keyword, &running.layer) != Some(true) {
            return false;
        }
        self.in_flight = InFlight::default();
        self.forget_all();
        let Some(Queued::Task(running)) = self.queue.front_mut() else { return false };
        running.without_loop();
        for unit in running.units.iter_mut().flatten() {
            let mut end = UnitEnd::failed(reason.to_owned(), crate::model::Map::new());
            end.result.insert("unreachable".into(), true.into());
            unit.end(end);
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

    /// Whether this task's changes are applied.
    pub(super) fn applies(&self, running: &Running) -> bool {
        let keyword = running.task.check_mode.as_ref();
        // What can't be told is no leave to change anything.
        let check = keyword.map(|_| self.ground.flag(keyword, &running.layer).unwrap_or(true));
        match (self.conduct, check) {
            (Conduct::Real, check) => check != Some(true),
            (Conduct::DryButForced, check) => check == Some(false),
            (Conduct::Dry, _) => false,
        }
    }

    /// Fails the first task because its module never has enough: a defect, which must not go on for ever.
    fn give_up(&mut self) {
        let Some(Queued::Task(running)) = self.queue.front_mut() else { return };
        for unit in running.units.iter_mut().flatten() {
            if !matches!(unit.stage, Stage::Ended(_)) {
                let message =
                    format!("{} asks without end; this is a defect of wgops", running.task.module.name);
                unit.end(UnitEnd::failed(message, crate::model::Map::new()));
            }
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
            unit.secret |= self.ground.looked_at_secret;
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
            Look::Unknown(cause) => {
                if task.acts_on_host() {
                    self.ground.would_touch(None, &Subjects::Undeclared, &task.name);
                }
                Ok(UnitEnd::plain(Status::KnownAfterApply { cause }, None))
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
            Look::Changes(prepared, _) if applies => match self.not_approved(running, &prepared) {
                Some(end) => Ok(end),
                None => {
                    if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
                        unit.stage = Stage::Ready(Box::new(prepared));
                    }
                    Err(Front::Apply)
                }
            },
            Look::Changes(prepared, _) => Ok(self.would(running, prepared)),
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

    /// The end of a unit with a change that is not in the plan that is carried out.
    fn not_approved(&self, running: &Running, prepared: &Prepared) -> Option<UnitEnd> {
        let summary = self.ground.approved.as_ref()?.lacks(running.task.module.name, prepared)?;
        let message = match prepared.tainted || self.ground.hides(&running.task, &running.layer) {
            true => NOT_APPROVED.to_owned(),
            false => format!("{NOT_APPROVED}: {summary}"),
        };
        Some(UnitEnd::failed(message, crate::model::Map::new()))
    }

    fn drop_answer(&mut self, user: &Effective, key: &Key) {
        if let Some(answers) = self.ground.stores.get_mut(user) {
            answers.drop_one(key);
        }
    }
}

fn end_unit(running: &mut Running, index: usize, end: UnitEnd) {
    if let Some(unit) = running.units.as_mut().and_then(|units| units.get_mut(index)) {
        unit.end(end);
    }
}

/// Steps as the queue has them; the first has this number inside of what stands there.
pub(super) fn opened(steps: &[Step], at: &Way, first: usize, given: &Arc<Layer>) -> Vec<Queued> {
    let step = |(number, step): (usize, &Step)| {
        let way = at.child(first + number);
        match step {
            Step::Task(task) => {
                vec![Queued::Task(Box::new(Running::new(task.clone(), None).at(way).given(given)))]
            }
            Step::FlushHandlers => vec![Queued::Flush(way)],
            Step::Barrier => vec![Queued::Barrier(way)],
            Step::Block(steps) => block(steps, &way, given),
            Step::RoleBegins(role) => vec![Queued::RoleBegins(role.clone())],
            Step::RoleEnds(role) => vec![Queued::RoleEnds(role.clone())],
        }
    };
    steps.iter().enumerate().flat_map(step).collect()
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

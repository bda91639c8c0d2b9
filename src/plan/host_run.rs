//! One host's way through a play, as a machine without any I/O: it says what to send next, is told what came back, and
//! puts into words what happened. `crate::execute` moves the bytes.
//!
//! A dry run takes the same way; it only never says *apply*.

use super::advance::Front;
use super::around::InRole;
use super::block::{Mark, block};
use super::control::{Common, Ended, Patience};
use super::exchange::InFlight;
use super::ground::Ground;
use super::scope::Layer;
use super::task::{Play, Step, Task};
use super::unit::Running;
use super::way::Way;
use crate::event::{Counts, Event};
use crate::model::{HostName, Subjects};
use crate::modules::Prompt;
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
    /// It had tasks left then.
    pub(super) was_cut: bool,
    /// The connection is to be closed.
    pub(super) resets: bool,
    /// It waited for others, who may have found something out for it.
    pub(super) waited: bool,
    pub(super) ended: Ended,
    /// A task failed whose failure stops all.
    pub(super) fatal: bool,
    /// What is to be told to the other hosts.
    pub(super) common: Option<(Way, Common)>,
    pub(super) events: Vec<Event>,
    pub(super) counts: Counts,
    pub(super) now: Duration,
    /// What somebody at the terminal answered to the task that asked; nothing: nobody was there.
    pub(super) answer: Option<Option<String>>,
}

/// Roles that the host came through in this play, by their instances.
#[derive(Default)]
pub(super) struct RolesSeen {
    /// A task of theirs ran.
    pub(super) tried: BTreeSet<usize>,
    /// And they came to their end.
    pub(super) done: BTreeSet<usize>,
}

impl HostRun {
    /// A host at the beginning of a play.
    pub fn new(host: HostName, play: Arc<Play>, conduct: Conduct, ground: Ground) -> Self {
        // What carries a plan out starts nothing that its plan has not.
        let starts_nothing = conduct == Conduct::Dry || ground.approved.is_some();
        let ground = Ground { starts_nothing, conduct, ..ground };
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
            was_cut: false,
            resets: false,
            waited: false,
            ended: Ended::default(),
            fatal: false,
            common: None,
            events: Vec::new(),
            counts: Counts::default(),
            now: Duration::ZERO,
            answer: None,
        };
        this.ground.variables.begin();
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
            if std::mem::take(&mut self.waited) {
                self.ground.variables.hear();
            }
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
                    self.waited = true;
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

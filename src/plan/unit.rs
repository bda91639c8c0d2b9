//! The progress of one task on one host, item by item.

use super::approved::{Approved, Granted};
use super::control::Turn;
use super::effective::Effective;
use super::evaluate::Frozen;
use super::ground::Ground;
use super::scope::{Frame, Layer};
use super::task::Task;
use super::way::Way;
use crate::event::{ChangeMade, Status};
use crate::model::{Digest, Finding, Map, Value};
use crate::modules::{Outcome, Prompt};
use crate::questions::{Key, Output};
use crate::template::{Binding, Cause};
use std::sync::Arc;
use std::time::Duration;

/// A task under way on a host.
pub struct Running {
    /// The task.
    pub task: Arc<Task>,
    /// Where it stands.
    pub way: Way,
    /// Its own variables, and what stands around it.
    pub layer: Arc<Frame>,
    /// The handler was notified by a task of which a dry run can't say whether it changes anything.
    pub uncertain: Option<String>,
    /// One unit for each item, or one; none before the loop is known.
    pub units: Option<Vec<Unit>>,
    /// When the task was reached, on the run's clock.
    pub begun: Option<Duration>,
    /// Exchanges that were made because it wanted to know something.
    pub asked: usize,
    /// An include whose steps stand behind it already, and how its units ended.
    pub ahead: Option<Vec<Unit>>,
    /// An include whose steps stand in the queue.
    pub is_open: bool,
    /// Whose turn it is, where one host does it for all.
    pub turn: Turn,
    /// What it had to wait for before it begins is there.
    pub is_admitted: bool,
    /// The host could not be reached, and goes on all the same.
    pub is_unreachable: bool,
}

/// One item of a task, or the task where it has no loop.
pub struct Unit {
    /// Loop variables.
    pub layer: Arc<Layer>,
    /// The item as people should see it; none without a loop.
    pub label: Option<String>,
    /// The item, for what `register` gets.
    pub item: Option<Value>,
    /// Its number in the loop, from 0.
    pub index: usize,
    /// `ansible_loop`, where the task wants it.
    pub loop_place: Option<Value>,
    /// The time between it and the item before it has passed, or is passing.
    pub has_paused: bool,
    /// How far it is.
    pub stage: Stage,
    /// When it goes on, on the run's clock, where it waits.
    pub not_before: Option<Duration>,
    /// How often its precondition failed.
    pub recomputed: u32,
    /// Answers that must not outlive it.
    pub volatile: Vec<(Effective, Key)>,
    /// How often it was tried (`until`).
    pub attempts: u64,
    /// It is not tried again.
    pub tried_enough: bool,
    /// How the attempt before ended, with the changes of all so far.
    pub before: Option<Box<UnitEnd>>,
    /// Whether a secret had a part in it: nothing of it is shown then.
    pub secret: bool,
    /// What it may send, where somebody approved that beforehand.
    pub granted: Option<Granted>,
    /// What its arguments came to, where that decides what is written down.
    pub given: Option<Digest>,
}

/// How far a unit is.
pub enum Stage {
    /// Not evaluated, or to be evaluated again.
    Fresh,
    /// Its changes are known and wait to be applied.
    Ready(Box<Prepared>),
    /// Its changes ran; what converges is looked at again.
    Applied(Box<Prepared>, Vec<Output>),
    /// Over.
    Ended(Box<UnitEnd>),
}

/// Changes that are ready to be applied.
pub struct Prepared {
    /// What the module said.
    pub outcome: Outcome,
    /// Its arguments.
    pub frozen: Frozen,
    /// Who it runs as.
    pub user: Effective,
    /// Whether nothing of it may be shown.
    pub tainted: bool,
}

/// How a unit ended.
pub struct UnitEnd {
    /// The status.
    pub status: Status,
    /// Why it failed or was skipped, or what it says.
    pub message: Option<String>,
    /// What was changed, or would be.
    pub changes: Vec<ChangeMade>,
    /// What `register` gets.
    pub result: Map,
    /// Whether a secret is in it.
    pub tainted: bool,
    /// It was tried as often as may be and never came out as wished, which `failed_when` lets pass.
    pub gave_up: bool,
    /// Variables to set.
    pub variables: Map,
    /// Variables that it sets as they were written.
    pub written: Map,
    /// Facts to set.
    pub facts: Map,
    /// Warnings to show.
    pub warnings: Vec<String>,
    /// What an audit should say.
    pub findings: Vec<Finding>,
    /// A dry run: the real run's result can't be foreseen.
    pub unforeseeable: bool,
    /// How long it waits before it is over.
    pub pause: Option<Duration>,
    /// Its message in words that may be told where nothing else of it may.
    pub in_open: Option<String>,
    /// What it sets is known in the real run, though it ended.
    pub is_undecided: bool,
    /// What somebody is asked before it is over.
    pub prompt: Option<Prompt>,
}

impl UnitEnd {
    /// An end with nothing but a status and a message.
    pub fn plain(status: Status, message: Option<String>) -> Self {
        Self {
            status,
            message,
            changes: Vec::new(),
            result: Map::new(),
            tainted: false,
            gave_up: false,
            variables: Map::new(),
            written: Map::new(),
            facts: Map::new(),
            warnings: Vec::new(),
            findings: Vec::new(),
            unforeseeable: false,
            pause: None,
            in_open: None,
            is_undecided: false,
            prompt: None,
        }
    }

    /// A failure.
    pub fn failed(message: String, mut result: Map) -> Self {
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), message.clone().into());
        Self { result, ..Self::plain(Status::Failed, Some(message)) }
    }

    /// What only the real run knows, if this is such an end: its registered result is unknown.
    pub fn unknown(&self) -> Option<&str> {
        match &self.status {
            _ if self.unforeseeable => Some("its result"),
            Status::Provisional { cause } | Status::KnownAfterApply { cause } => Some(cause),
            Status::Unseen { why } => Some(why),
            _ => None,
        }
    }
}

impl Running {
    /// A task that is not begun.
    pub fn new(task: Arc<Task>, uncertain: Option<String>) -> Self {
        let layer = task.frame.clone();
        Self {
            task,
            way: Way::default(),
            layer,
            uncertain,
            units: None,
            begun: None,
            asked: 0,
            ahead: None,
            is_open: false,
            turn: Turn::Open,
            is_admitted: false,
            is_unreachable: false,
        }
    }

    /// The same with what an include gives it.
    #[must_use]
    pub fn given(self, given: &Arc<Layer>) -> Self {
        Self { layer: self.layer.with(given), ..self }
    }

    /// The same, standing there.
    #[must_use]
    pub fn at(self, way: Way) -> Self {
        Self { way, ..self }
    }

    /// Gives it one unit without a loop.
    pub fn without_loop(&mut self) {
        self.units = Some(vec![Unit::new(Arc::default(), None, None)]);
    }

    /// Gives an item what those before it set.
    pub(super) fn hand_on(&mut self, index: usize, handed: &mut Handed) {
        let units = self.units.as_deref_mut().unwrap_or_default();
        let before = index.checked_sub(1).and_then(|before| units.get(before));
        if let Some(Stage::Ended(end)) = before.map(|before| &before.stage) {
            handed.take(&self.task, end);
        }
        if let Some(unit) = units.get_mut(index).filter(|unit| matches!(unit.stage, Stage::Fresh)) {
            unit.layer = handed.to(&unit.layer);
        }
    }

    /// Whether a unit of it failed.
    pub fn has_failed(&self) -> bool {
        self.units.iter().flatten().any(|unit| match &unit.stage {
            Stage::Ended(end) => end.status == Status::Failed,
            _ => false,
        })
    }

    /// Whether every unit ended.
    pub fn is_over(&self) -> bool {
        self.units.as_ref().is_some_and(|units| units.iter().all(|u| matches!(u.stage, Stage::Ended(_))))
    }
}

impl Unit {
    /// A unit that is not begun.
    pub fn new(layer: Arc<Layer>, label: Option<String>, item: Option<Value>) -> Self {
        Self {
            layer,
            label,
            item,
            index: 0,
            loop_place: None,
            has_paused: false,
            stage: Stage::Fresh,
            not_before: None,
            recomputed: 0,
            volatile: Vec::new(),
            attempts: 0,
            tried_enough: false,
            before: None,
            secret: false,
            granted: None,
            given: None,
        }
    }

    /// Nothing that it was allowed was begun, or it is done again: it is fresh, and asks anew.
    pub(super) fn gives_back(&mut self, approved: Option<&Approved>) {
        self.stage = Stage::Fresh;
        if let Some((granted, approved)) = self.granted.take().zip(approved) {
            approved.give_back(&granted);
        }
    }

    /// Notes what it was found to be given.
    pub(super) fn was_looked_at(&mut self, ground: &Ground) {
        self.secret |= ground.looked_at_secret;
        self.given = ground.looked_at;
    }

    /// Ends it.
    pub fn end(&mut self, mut end: UnitEnd) {
        end.tainted |= self.secret;
        self.stage = Stage::Ended(Box::new(end));
    }
}

/// What items of a loop that set variables leave to the items after them: each sees what those before it set.
#[derive(Default)]
pub(super) struct Handed(Layer);

impl Handed {
    /// An item's own variables, with what was set before.
    pub fn to(&self, item: &Arc<Layer>) -> Arc<Layer> {
        if self.0.is_empty() {
            return item.clone();
        }
        let mut layer = Layer::clone(item);
        layer.extend(self.0.iter().map(|(name, bound)| (name.clone(), bound.clone())));
        Arc::new(layer)
    }

    /// Takes what an item of this task set, which ended so.
    pub fn take(&mut self, task: &Task, end: &UnitEnd) {
        let Some(names) = task.sets().variables else { return };
        if let Some(cause) = end.unknown() {
            let unknown = || Binding::Unknown(Cause::from(cause.to_owned()));
            self.0.extend(names.keys().map(|name| (name.clone(), unknown())));
        }
        for (name, value) in &end.variables {
            let data = Binding::Data(Arc::new(value.clone()));
            let bound = if end.tainted { Binding::Secret(Box::new(data)) } else { data };
            self.0.insert(name.clone(), bound);
        }
    }
}

/// The variable that holds the item, as the item's own variables have it.
pub(super) fn loop_variable(item: &Layer) -> Option<&str> {
    item.get("ansible_loop_var").and_then(Binding::value).and_then(Value::as_str)
}

//! Includes, which are opened when a host comes to them: a file of tasks, or a role.
//!
//! What an include opens is compiled once for all hosts that open the same there. Where its condition, its name and its
//! loop are known ahead of its turn, it is opened ahead, so that the questions of its tasks travel with the others'.

use super::around::{Around, Exported, InRole};
use super::compile::{Compiler, Spot};
use super::host_run::{HostRun, Queued, opened};
use super::inherit::inherit;
use super::library::Library;
use super::measured;
use super::pending::Pending;
use super::roles::Asked;
use super::scope::{Layer, written};
use super::task::{Play, Step, Task};
use super::unit::{Running, Stage, Unit, UnitEnd};
use super::vars_files::VarsFile;
use crate::event::Status;
use crate::load::playbook::{self, Keywords, Section};
use crate::load::role::FromFiles;
use crate::load::yaml::Variable;
use crate::load::{Problem, Problems, yaml};
use crate::model::{Map, Place, Value};
use crate::modules::Args;
use crate::template::Templates;
use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock};

/// Keywords that do nothing on an include, each with what to do.
const MEANINGLESS: &str =
    "put it under 'apply:', which every task of the include gets, or around it in a block";

/// What is known of a play without a host, and what its includes have opened so far.
#[derive(Default)]
pub struct Foundation {
    pub(super) tags: super::tags::Tags,
    pub(super) extra: Arc<Layer>,
    pub(super) files: Arc<Layer>,
    pub(super) play: Arc<Layer>,
    pub(super) magic: Arc<Layer>,
    /// `vars_files` that a host has to name.
    pub(super) late_files: Vec<VarsFile>,
    /// Files of roles and tasks.
    pub library: Arc<Library>,
    /// Hosts wait for each other behind each task.
    pub(super) lockstep: bool,
    pub(super) numbers: AtomicUsize,
    pub(super) exported: OnceLock<Exported>,
    pub(super) shelves: Mutex<Shelves>,
}

/// What includes opened already, by the include and what it wanted: compiled once for all hosts.
type Shelves = HashMap<(usize, Wanted), Result<Arc<Opening>, String>>;

/// What an include opens.
pub struct Include {
    spot: Spot,
    section: Section,
    place: Place,
    /// `vars` with it.
    vars: Map,
    validate: bool,
}

/// What an include wants on a host.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Wanted {
    File(String),
    Role { name: String, from: FromFiles, public: bool, allow_duplicates: bool, validate: bool },
}

/// What an include came to.
#[derive(Default)]
pub(super) struct Opening {
    steps: Vec<Step>,
    handlers: Vec<Arc<Task>>,
    /// A role that all later tasks see.
    exported: Option<Arc<InRole>>,
}

impl Foundation {
    /// A foundation on which nothing stands yet.
    pub(super) fn on(library: Arc<Library>) -> Self {
        Self { library, ..Self::default() }
    }

    /// The tags that were chosen, as `ansible_run_tags` and `ansible_skip_tags` have them.
    pub fn tags(&self) -> [Vec<String>; 2] {
        let all = || vec!["all".to_owned()];
        let only = if self.tags.only.is_empty() { all() } else { self.tags.only.clone() };
        [only, self.tags.skip.clone()]
    }

    fn open(
        &self,
        this: &Arc<Self>,
        templates: &Templates,
        task: &Task,
        wanted: Wanted,
    ) -> Result<Arc<Opening>, String> {
        let Some(include) = &task.include else { return Err("opens nothing".into()) };
        let Ok(mut shelves) = self.shelves.lock() else { return Err("can't be opened any more".into()) };
        let key = (task.number, wanted);
        if let Some(known) = shelves.get(&key) {
            return known.clone();
        }
        let mut problems = Vec::new();
        let mut compiler = Compiler::new(templates, this, &mut problems);
        let opening = compiler.open_include(include, &key.1);
        let done = match Problems::check(problems) {
            Ok(()) => Ok(Arc::new(opening)),
            Err(problems) => Err(problems.to_string()),
        };
        // What can't be opened now may be there when the turn comes.
        if done.is_ok() {
            shelves.insert(key, done.clone());
        }
        done
    }
}

impl Compiler<'_> {
    /// What a task opens, if it is an include.
    pub(super) fn include(&mut self, task: &playbook::Task, spot: &Spot, handler: bool) -> Option<Include> {
        if task.module != "include_tasks" && task.module != "include_role" {
            return None;
        }
        self.refuse_meaningless(task);
        let mut inherited = spot.inherited.clone();
        if task.keywords.no_log.is_some() {
            inherited.no_log = task.keywords.no_log.clone();
        }
        if let Some(apply) = &task.apply {
            inherited = inherit(&inherited, apply);
        }
        let vars = yaml::values(&task.keywords.vars);
        let mut around = Around::clone(&spot.around);
        Arc::make_mut(&mut around.params).extend(written(&vars));
        Some(Include {
            spot: Spot { inherited, around: Arc::new(around), ..spot.clone() },
            section: if handler { Section::Handlers } else { Section::Tasks },
            place: task.module_key.place.clone(),
            vars,
            validate: true,
        })
    }

    fn refuse_meaningless(&mut self, task: &playbook::Task) {
        let keywords = &task.keywords;
        let nodes = [
            ("become", keywords.r#become.as_ref()),
            ("become_user", keywords.become_user.as_ref()),
            ("become_method", keywords.become_method.as_ref()),
            ("check_mode", keywords.check_mode.as_ref()),
            ("diff", keywords.diff.as_ref()),
            ("delegate_to", keywords.delegate_to.as_ref()),
            ("environment", keywords.environment.first()),
            ("notify", keywords.notify.first()),
            ("changed_when", task.changed_when.first()),
            ("failed_when", task.failed_when.first()),
            ("until", task.until.first()),
        ];
        for (name, node) in nodes {
            if let Some(node) = node {
                let problem = Problem::at(&node.place, format!("'{name}' does nothing on {}", task.module));
                self.problems.push(problem.help(MEANINGLESS));
            }
        }
    }

    fn open_include(&mut self, include: &Include, wanted: &Wanted) -> Opening {
        let mut opening = Opening::default();
        match wanted {
            Wanted::File(name) => {
                let playbook = &self.foundation.library.directory;
                let tries = include.spot.includes_files(name, include.section, playbook);
                let path = self.tasks_file(name, &tries, &include.place);
                let found = path
                    .and_then(|path| self.open(&path, include.spot.clone(), include.section, &include.place));
                if let Some(found) = found {
                    match include.section {
                        Section::Tasks => {
                            for item in found.items.iter() {
                                self.item(item, &found.spot, &mut opening.steps);
                            }
                        }
                        Section::Handlers => {
                            found.items.iter().for_each(|item| self.handler(item, &found.spot));
                            opening.steps.extend(self.handlers.drain(..).map(Step::Task));
                        }
                    }
                }
            }
            Wanted::Role { name, from, public, allow_duplicates, validate } => {
                let none = Keywords::default();
                let asked = Asked {
                    place: &include.place,
                    name: name.clone(),
                    from: from.clone(),
                    keywords: &none,
                    vars: include.vars.clone(),
                    params: Map::new(),
                    allow_duplicates: Some(*allow_duplicates),
                    validate: *validate && include.validate,
                    included: true,
                };
                let chain = include.spot.around.role.as_ref().map(InRole::whole_chain).unwrap_or_default();
                let role = self.role(&asked, &include.spot, &chain, &mut opening.steps);
                opening.exported = role.filter(|_| *public);
            }
        }
        opening.handlers = std::mem::take(&mut self.handlers);
        opening
    }
}

/// What an `include` of old means: an import where its name is plain and nothing repeats it, with parameters as variables.
pub(super) fn modern(task: &playbook::Task) -> playbook::Task {
    let mut task = task.clone();
    let named = task.args.free.as_ref().or_else(|| task.args.get("file"));
    let dynamic = task.r#loop.is_some() || named.is_none_or(crate::load::Node::is_template);
    task.module = if dynamic { "include_tasks" } else { "import_tasks" }.into();
    for (key, node) in std::mem::take(&mut task.args.params) {
        match key.name.as_str() {
            "file" | "apply" => task.args.params.push((key, node)),
            "static" => {}
            _ => {
                task.keywords.vars.insert(key.name, Variable { place: key.place, node });
            }
        }
    }
    task
}

/// What a unit of an include that ended well wants.
fn wanted(end: &UnitEnd) -> Option<Wanted> {
    if let Some(file) = end.result.get("include").and_then(Value::as_str) {
        return Some(Wanted::File(file.to_owned()));
    }
    let given = end.result.get("include_args")?;
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let file = |name: &str| text(name).filter(|file| file != "main");
    let flag = |name: &str| given.get(name).and_then(Value::as_bool).unwrap_or(false);
    Some(Wanted::Role {
        name: text("name")?,
        from: FromFiles {
            tasks: file("tasks_from"),
            vars: file("vars_from"),
            defaults: file("defaults_from"),
            handlers: file("handlers_from"),
        },
        public: flag("public"),
        allow_duplicates: flag("allow_duplicates"),
        validate: flag("rolespec_validate"),
    })
}

/// What an include gives the tasks of one of its items.
fn given(running: &Running, unit: &Unit) -> Arc<Layer> {
    let mut given = Layer::clone(&running.layer.given);
    given.extend(unit.layer.iter().map(|(name, bound)| (name.clone(), bound.clone())));
    Arc::new(given)
}

/// A task as far as it is known without a host, and how many includes it is in.
pub struct Foreseen {
    /// The task.
    pub task: Arc<Task>,
    /// How many includes are around it.
    pub depth: usize,
}

/// The tasks and handlers of a play as far as they are known without a host: what includes with plain names open is among
/// them. Also says whether that is all of them.
pub fn foresee(play: &Play, templates: &Templates) -> (Vec<Foreseen>, bool) {
    let mut sight = Sight { foundation: &play.foundation, templates, seen: Vec::new(), is_whole: true };
    sight.steps(&play.steps, 0);
    sight.tasks(play.handlers.iter(), 0);
    (sight.seen, sight.is_whole)
}

/// Deepest nesting of includes that is looked through ahead.
const SIGHT_MAX: usize = 8;

struct Sight<'a> {
    foundation: &'a Arc<Foundation>,
    templates: &'a Templates,
    seen: Vec<Foreseen>,
    is_whole: bool,
}

impl Sight<'_> {
    fn steps(&mut self, steps: &[Step], depth: usize) {
        for step in steps {
            self.tasks(step.tasks().into_iter(), depth);
        }
    }

    fn tasks<'t>(&mut self, tasks: impl Iterator<Item = &'t Arc<Task>>, depth: usize) {
        for task in tasks {
            self.seen.push(Foreseen { task: task.clone(), depth });
            if task.include.is_none() {
                continue;
            }
            let named = named_plainly(task).filter(|_| depth < SIGHT_MAX);
            let opening =
                named.map(|named| self.foundation.open(self.foundation, self.templates, task, named));
            match opening {
                Some(Ok(opening)) => {
                    self.steps(&opening.steps, depth + 1);
                    self.tasks(opening.handlers.iter(), depth + 1);
                }
                // What can't be opened is told when a host comes to it.
                Some(Err(_)) | None => self.is_whole = false,
            }
        }
    }
}

/// What an include wants, where nothing of that is a template.
fn named_plainly(task: &Task) -> Option<Wanted> {
    let is_open = task.args.values().any(Templates::has_templates);
    if is_open || !task.more_args.is_empty() {
        return None;
    }
    let args = Args::parse(task.module.params, task.module.free_form, &task.args).ok()?;
    let mut end = UnitEnd::plain(Status::Ok, None);
    match args.text("file") {
        Some(file) => end.result.insert("include".into(), file.into()),
        None => end.result.insert("include_args".into(), args.all().clone().into()),
    };
    wanted(&end)
}

impl HostRun {
    /// Opens what an include that ended wants; an item that can't be opened has failed.
    pub(super) fn open_include(&mut self, running: &mut Running) -> Vec<Queued> {
        let mut inside = Vec::new();
        if running.task.include.is_none() || running.is_open {
            return inside;
        }
        running.is_open = true;
        let (task, way) = (running.task.clone(), running.way.clone());
        let mut units = running.units.take();
        let measured = self.ground.keeps_little().then(|| {
            let units = units.as_deref().unwrap_or_default();
            self.ground.are_measured(running, units)
        });
        for (number, unit) in units.iter_mut().flatten().enumerate() {
            let Stage::Ended(end) = &unit.stage else { continue };
            let Some(wanted) = Some(end).filter(|end| end.status == Status::Ok).and_then(|end| wanted(end))
            else {
                continue;
            };
            let foundation = self.play.foundation.clone();
            match foundation.open(&foundation, &self.ground.templates, &task, wanted) {
                Ok(opening) => {
                    let mut given = given(running, unit);
                    if measured.as_ref().is_some_and(|all| all.get(number) != Some(&true)) {
                        measured::mark_as_read(&mut given);
                    }
                    inside.extend(opened(&opening.steps, &way.child(number), 0, &given));
                    self.take_up(&opening, &given);
                }
                Err(problems) => unit.end(UnitEnd::failed(problems, Map::new())),
            }
        }
        running.units = units;
        inside
    }

    fn take_up(&mut self, opening: &Opening, given: &Arc<Layer>) {
        for handler in &opening.handlers {
            // Of a role that is included more than once, the last one's handlers count.
            self.given_to_handlers.insert(handler.number, given.clone());
            if !self.handlers.iter().any(|known| Arc::ptr_eq(known, handler)) {
                self.handlers.push(handler.clone());
            }
        }
        if let Some(role) = &opening.exported {
            self.ground.variables.export(role);
        }
    }

    /// Opens an include ahead of its turn, where all that it depends on is known; whether it was.
    pub(super) fn open_ahead(&mut self, position: usize, pending: &Arc<Pending>) -> bool {
        let Some(mut running) = self.take_queued(position) else { return false };
        let decided = self.decide(&mut running, pending);
        let inside = if decided { self.open_include(&mut running) } else { Vec::new() };
        let done = decided && !running.has_failed();
        running.is_open = done;
        // Nobody is to hear of it before its turn comes.
        running.ahead = running.units.take().filter(|_| done);
        self.put_queued(position, running);
        if done {
            let behind = self.queue.split_off(position + 1);
            self.queue.extend(inside);
            self.queue.extend(behind);
        }
        done
    }

    /// Evaluates every unit of an include; whether each of them is skipped or wants something.
    fn decide(&mut self, running: &mut Running, pending: &Arc<Pending>) -> bool {
        // What hosts do for each other is no matter of one host alone.
        if running.task.waits_before() || running.uncertain.is_some() {
            return false;
        }
        let mut pending = pending.clone();
        Arc::make_mut(&mut pending).stand_at(&running.way);
        let pending = &pending;
        let unfolded = self.ground.unfold(running, Some(pending));
        // Another host has yet to find out what it depends on.
        if self.ground.variables.take_wait().is_some() || unfolded.is_err() {
            return false;
        }
        let (task, layer) = (running.task.clone(), running.layer.clone());
        for unit in running.units.iter_mut().flatten() {
            let looked = self.ground.look(&task, &layer, &unit.layer, Some(pending));
            unit.was_looked_at(&self.ground);
            if self.ground.variables.take_wait().is_some() {
                return false;
            }
            match looked {
                super::look::Look::End(end, _) if matches!(end.status, Status::Ok | Status::Skipped) => {
                    unit.end(end);
                }
                _ => return false,
            }
        }
        true
    }
}

//! From playbook files to plays that can run: modules found, arguments' names checked, templates compiled, tags chosen.
//! Everything that is wrong is collected; no host is touched before nothing is.

use super::around::{Around, Exported, InRole};
use super::include::Foundation;
use super::inherit::inherit;
use super::library::Library;
use super::scope::{Layer, written};
use super::tags::Tags;
use super::task::{BlockSteps, Play, Step, Task};
use super::waves::PlayScope;
use crate::load::playbook::{self, Keywords, Section, TaskItem};
use crate::load::project::Project;
use crate::load::text::lies_beneath;
use crate::load::{Node, Playbook, Problem, Problems, yaml};
use crate::model::{Map, Value};
use crate::modules::{self, Effect};
use crate::template::Templates;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a playbook is compiled with.
pub struct Given<'a> {
    /// `--tags` and `--skip-tags`.
    pub tags: &'a Tags,
    /// The template environment.
    pub templates: &'a Templates,
    /// `--extra-vars`.
    pub extra: &'a Map,
    /// Folders of roles that the operator named.
    pub roles_path: Arc<[PathBuf]>,
}

/// Makes plays of a playbook; extra variables win over those of a play.
///
/// # Errors
/// Everything that is wrong with it and can be known without a host.
pub fn compile(playbook: &Playbook, given: &Given<'_>) -> Result<Vec<Arc<Play>>, Problems> {
    let directory = playbook.file.parent().unwrap_or(Path::new("")).to_owned();
    let root = root_of(&directory);
    let mut problems = Vec::new();
    let mut plays = Vec::new();
    if !lies_beneath(&root, &playbook.file) && playbook.file.exists() {
        let problem = Problem::in_file(&**playbook.file, "leads out of the ops repository");
        problems.push(problem.help("put the playbook itself there, not a link"));
    }
    let controller = given.templates.controller();
    if let Some(why) = controller.withholds(&playbook.file) {
        problems.push(Problem::in_file(&**playbook.file, why));
    }
    for (number, play) in playbook.plays.iter().enumerate() {
        let file = &play.place.file;
        if let Some(why) = controller.withholds(file).filter(|_| **file != **playbook.file) {
            problems.push(Problem::at(&play.place, why));
        }
        if **file != **playbook.file && !lies_beneath(&root, file) {
            let problem = Problem::at(&play.place, "leads out of the ops repository");
            problems.push(problem.help("put the playbook itself there"));
        }
        let directory = file.parent().unwrap_or(Path::new(""));
        let library = Arc::new(Library::new(directory, &root, &given.roles_path).asking(controller));
        let mut compiler = Compiler::new(given.templates, &Arc::new(Foundation::on(library)), &mut problems);
        plays.push(Arc::new(compiler.play(play, number, given)));
    }
    Problems::check(problems)?;
    Ok(plays)
}

pub(super) struct Compiler<'a> {
    pub(super) templates: &'a Templates,
    pub(super) foundation: Arc<Foundation>,
    /// What roles of the play let all others see.
    pub(super) exported: Exported,
    /// Roles that were imported, in order.
    pub(super) imported: Vec<Arc<InRole>>,
    pub(super) problems: &'a mut Vec<Problem>,
    /// What is wrong with tasks that hosts may never come to.
    pub(super) warnings: Vec<Problem>,
    /// Handlers so far, in the order in which they run.
    pub(super) handlers: Vec<Arc<Task>>,
    /// Names that tasks notify, and where.
    pub(super) notified: Vec<Node>,
    /// There are includes, which are opened when a host comes to them.
    pub(super) dynamic: bool,
    /// Hosts wait for each other after each task, so that a failure on one can stop all.
    lockstep: bool,
    /// In how many blocks with a rescue it is: what fails in them is provided for.
    pub(super) rescued: usize,
    /// Whether the task that is compiled has a condition: hosts may never come to it.
    pub(super) conditional: bool,
}

/// Where tasks stand: what they inherit, and what is around them.
#[derive(Clone)]
pub(super) struct Spot {
    pub inherited: Keywords,
    pub around: Arc<Around>,
    /// The folders of the files of tasks that led here, nearest first.
    pub folders: Arc<[PathBuf]>,
    /// How many roles and files are opened around it.
    pub depth: usize,
}

impl<'a> Compiler<'a> {
    /// A compiler that has compiled nothing yet.
    pub(super) fn new(
        templates: &'a Templates,
        foundation: &Arc<Foundation>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self {
            templates,
            foundation: foundation.clone(),
            exported: foundation.exported.get().cloned().unwrap_or_default(),
            imported: Vec::new(),
            problems,
            warnings: Vec::new(),
            handlers: Vec::new(),
            notified: Vec::new(),
            dynamic: false,
            lockstep: foundation.lockstep,
            rescued: 0,
            conditional: false,
        }
    }

    fn play(&mut self, play: &playbook::Play, number: usize, given: &Given<'_>) -> Play {
        let keywords = &play.keywords;
        self.refuse_play_keywords(play);
        let vars = yaml::values(&keywords.vars);
        let library = self.foundation.library.clone();
        let known = |files: &Map| PlayScope::of(given.extra, files, &vars);
        let (file_vars, late_files) = self.file_vars(play, &known);
        let scope = known(&file_vars);
        let max_fail = play.max_fail_percentage.as_ref().and_then(|node| self.max_fail(node, &scope));
        let fatal = keywords.any_errors_fatal.as_ref().is_some_and(|node| self.plain_bool(node));
        self.lockstep = max_fail.is_some() || fatal;
        self.foundation = Arc::new(Foundation {
            lockstep: self.lockstep,
            tags: given.tags.clone(),
            extra: Arc::new(written(given.extra)),
            files: Arc::new(written(&file_vars)),
            play: Arc::new(written(&vars)),
            magic: Arc::new(self.magic()),
            late_files,
            ..Foundation::on(library.clone())
        });
        let spot = self.top(keywords);
        let mut steps = Vec::new();
        if let Some(task) = self.gather_facts(play, &spot) {
            steps.push(Step::Task(task));
        }
        self.sections(play, &spot, &mut steps);
        Play {
            name: keywords.name.clone().unwrap_or_else(|| play.hosts.clone()),
            number,
            hosts: play.hosts.clone(),
            serial: self.serial(&play.serial, &scope),
            max_fail_percentage: max_fail,
            any_errors_fatal: fatal,
            steps,
            handlers: std::mem::take(&mut self.handlers),
            force_handlers: play.force_handlers.as_ref().is_some_and(|node| self.plain_bool(node)),
            vars,
            file_vars,
            connection: keywords.connection.as_ref().map(Node::to_value),
            remote_user: keywords.remote_user.as_ref().map(Node::to_value),
            port: keywords.port.as_ref().map(Node::to_value),
            exported: self.exported.clone(),
            warnings: std::mem::take(&mut self.warnings),
            foundation: self.foundation.clone(),
        }
    }

    /// What a play does, in the order in which it does it.
    fn sections(&mut self, play: &playbook::Play, spot: &Spot, steps: &mut Vec<Step>) {
        self.items(&play.pre_tasks, spot, steps);
        let mut roles = Vec::new();
        for entry in &play.roles {
            if let Some(role) = self.role_entry(entry, spot, &[], steps) {
                self.exported.add(&role);
                roles.push(role);
            }
        }
        if !play.roles.is_empty() && play.tasks.is_empty() {
            steps.push(Step::FlushHandlers);
        }
        self.items(&play.tasks, spot, steps);
        self.items(&play.post_tasks, spot, steps);
        for item in &play.handlers {
            self.handler(item, spot);
        }
        if !self.dynamic {
            self.check_notified();
        }
        // Those that were imported win over those of the play, wherever they stand.
        self.exported = Exported::default();
        roles.iter().chain(&self.imported).for_each(|role| self.exported.add(role));
        let _ = self.foundation.exported.set(self.exported.clone());
        if self.handlers.is_empty() && !self.dynamic {
            steps.retain(|step| !matches!(step, Step::FlushHandlers));
        }
    }

    /// Where the tasks of the play itself stand.
    fn top(&self, keywords: &Keywords) -> Spot {
        let folder = self.foundation.library.directory.clone();
        let around = Around { folders: Arc::new([folder.clone()]), ..Around::default() };
        Spot {
            // What a play says of connections is a matter of how its hosts are reached.
            inherited: Keywords {
                name: None,
                vars: yaml::Variables::default(),
                connection: None,
                remote_user: None,
                port: None,
                any_errors_fatal: None,
                ..keywords.clone()
            },
            around: Arc::new(around),
            folders: Arc::new([folder]),
            depth: 0,
        }
    }

    fn magic(&self) -> Layer {
        let directory = super::library::whole(&self.foundation.library.directory);
        written(&Map::from_iter([("playbook_dir".to_owned(), directory.to_string_lossy().into())]))
    }

    /// A section of a play; handlers that it notified run at its end.
    fn items(&mut self, items: &[TaskItem], spot: &Spot, steps: &mut Vec<Step>) {
        for item in items {
            self.item(item, spot, steps);
        }
        if !items.is_empty() {
            steps.push(Step::FlushHandlers);
        }
    }

    fn refuse_play_keywords(&mut self, play: &playbook::Play) {
        let own = &play.keywords;
        let texts = [&own.connection, &own.remote_user, &own.port, &play.strategy];
        texts.into_iter().flatten().for_each(|node| self.check_templates(node));
    }

    fn gather_facts(&mut self, play: &playbook::Play, spot: &Spot) -> Option<Arc<Task>> {
        let module = modules::gathering()?;
        let wanted = play.gather_facts.as_ref().map_or(Value::Bool(true), Node::to_value);
        if wanted == Value::Bool(false) || !self.foundation.tags.choose(&["always".to_owned()]) {
            return None;
        }
        let mut when: Vec<Value> = spot.inherited.when.iter().map(Node::to_value).collect();
        when.extend(Some(wanted).filter(|wanted| *wanted != Value::Bool(true)));
        Some(Arc::new(Task {
            name: "Gathering Facts".into(),
            title: "Gathering Facts".into(),
            place: play.place.to_string(),
            args: play.gathering.iter().map(|(name, node)| (name.clone(), node.to_value())).collect(),
            when,
            ..self.plain_task(module, spot)
        }))
    }

    pub(super) fn number_next(&mut self) -> usize {
        self.foundation.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn item(&mut self, item: &TaskItem, spot: &Spot, steps: &mut Vec<Step>) {
        match item {
            TaskItem::Task(task) if task.module == "import_role" => self.import_role(task, spot, steps),
            TaskItem::Task(task) if task.module == "import_tasks" => {
                if let Some(opened) = self.import_tasks(task, spot, Section::Tasks) {
                    for item in opened.items.iter() {
                        self.item(item, &opened.spot, steps);
                    }
                }
            }
            TaskItem::Task(task) if task.module == "include" => {
                let task = super::include::modern(task);
                self.item(&TaskItem::Task(Box::new(task)), spot, steps);
            }
            TaskItem::Task(task) => {
                if let Some(task) = self.task(task, spot, false) {
                    // Behind it everybody sees who is in which group, and what is known of others.
                    let barrier = self.lockstep
                        || task.any_errors_fatal.is_some()
                        || task.delegate_facts.is_some()
                        || task.module.effect == Effect::Groups;
                    steps.push(Step::Task(task));
                    if barrier {
                        steps.push(Step::Barrier);
                    }
                }
            }
            TaskItem::Block(block) => {
                let inside = Spot { inherited: inherit(&spot.inherited, &block.keywords), ..spot.clone() };
                let rescues = usize::from(!block.rescue.is_empty());
                let parts = [(&block.tasks, rescues), (&block.rescue, 0), (&block.always, 0)];
                let [main, rescue, always] = parts.map(|(part, rescues)| {
                    let mut steps = Vec::new();
                    self.rescued += rescues;
                    for item in part {
                        self.item(item, &inside, &mut steps);
                    }
                    self.rescued -= rescues;
                    steps
                });
                match main.is_empty() || (rescue.is_empty() && always.is_empty()) {
                    true => steps.extend(main.into_iter().chain(always)),
                    false => steps.push(Step::Block(Arc::new(BlockSteps { main, rescue, always }))),
                }
            }
        }
    }

    /// Takes up a handler, or those of a file.
    pub(super) fn handler(&mut self, item: &TaskItem, spot: &Spot) {
        match item {
            TaskItem::Task(task) if task.module == "import_tasks" => {
                if let Some(opened) = self.import_tasks(task, spot, Section::Handlers) {
                    opened.items.iter().for_each(|item| self.handler(item, &opened.spot));
                }
            }
            TaskItem::Task(task) if task.module == "include" => {
                self.handler(&TaskItem::Task(Box::new(super::include::modern(task))), spot);
            }
            TaskItem::Task(task) => {
                let handler = self.task(task, spot, true);
                self.handlers.extend(handler);
            }
            TaskItem::Block(block) => {
                let inside = Spot { inherited: inherit(&spot.inherited, &block.keywords), ..spot.clone() };
                [&block.tasks, &block.rescue, &block.always]
                    .into_iter()
                    .flatten()
                    .for_each(|item| self.handler(item, &inside));
            }
        }
    }
}

/// The folder out of which a playbook's files are not read: the ops repository that it is in, or else its own folder.
pub fn root_of(directory: &Path) -> PathBuf {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    match Project::find(&absolute) {
        Ok(Some(project)) => project.root().to_owned(),
        _ => absolute,
    }
}

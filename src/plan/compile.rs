//! From playbook files to plays that can run: modules found, arguments' names checked, templates compiled, tags chosen.
//! Everything that is wrong is collected; no host is touched before nothing is.

use super::around::{Around, Exported, InRole};
use super::include::Foundation;
use super::library::Library;
use super::scope::{Frame, Layer, written};
use super::tags::Tags;
use super::task::{BlockSteps, Loop, Play, Privilege, Retry, Step, Task};
use super::waves::PlayScope;
use crate::load::playbook::{self, Keywords, Section, TaskItem};
use crate::load::project::Project;
use crate::load::text::lies_beneath;
use crate::load::{Node, Playbook, Problem, Problems, yaml};
use crate::model::{Map, Value, nearest};
use crate::modules::{self, FreeForm, Module};
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
    for (number, play) in playbook.plays.iter().enumerate() {
        let file = &play.place.file;
        if **file != **playbook.file && !lies_beneath(&root, file) {
            let problem = Problem::at(&play.place, "leads out of the ops repository");
            problems.push(problem.help("put the playbook itself there"));
        }
        let directory = file.parent().unwrap_or(Path::new(""));
        let library = Arc::new(Library::new(directory, &root, &given.roles_path));
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
    /// Handlers so far, in the order in which they run.
    pub(super) handlers: Vec<Arc<Task>>,
    /// Names that tasks notify, and where.
    notified: Vec<Node>,
    /// There are includes, which are opened when a host comes to them.
    dynamic: bool,
    /// Hosts wait for each other after each task, so that a failure on one can stop all.
    lockstep: bool,
    /// In how many blocks with a rescue it is: what fails in them is provided for.
    pub(super) rescued: usize,
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
            handlers: Vec::new(),
            notified: Vec::new(),
            dynamic: false,
            lockstep: foundation.lockstep,
            rescued: 0,
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
            exported: self.exported.clone(),
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
        let texts = [&play.keywords.connection, &play.keywords.remote_user, &play.strategy];
        texts.into_iter().flatten().for_each(|node| self.check_templates(node));
    }

    fn gather_facts(&mut self, play: &playbook::Play, spot: &Spot) -> Option<Arc<Task>> {
        let module = modules::find("setup")?;
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

    /// A task of the engine's own.
    pub(super) fn plain_task(&mut self, module: &'static Module, spot: &Spot) -> Task {
        Task {
            number: self.number_next(),
            name: module.name.into(),
            title: module.name.into(),
            frame: Frame::new(Map::new(), spot.around.clone()),
            include: None,
            place: String::new(),
            module,
            args: Map::new(),
            more_args: Vec::new(),
            handler: false,
            when: Vec::new(),
            each: None,
            register: None,
            privilege: privilege(&spot.inherited),
            changed_when: None,
            failed_when: None,
            retry: None,
            ignore_errors: None,
            notify: Vec::new(),
            listen: Vec::new(),
            check_mode: None,
            diff: None,
            no_log: None,
            environment: spot.inherited.environment.iter().map(Node::to_value).collect(),
            delegate_to: None,
            delegate_facts: None,
            connection: None,
            run_once: None,
            any_errors_fatal: None,
            ignore_unreachable: setting(&spot.inherited.ignore_unreachable),
            throttle: None,
            timeout: None,
            patience: None,
            poll: None,
            tags: spot.inherited.tags.clone(),
        }
    }

    fn number_next(&mut self) -> usize {
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
                    // Behind it everybody sees who is in which group.
                    let barrier =
                        self.lockstep || task.any_errors_fatal.is_some() || task.module.name == "group_by";
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

    fn task(&mut self, task: &playbook::Task, spot: &Spot, handler: bool) -> Option<Arc<Task>> {
        let own = inherit(&spot.inherited, &task.keywords);
        self.refuse_keywords(task, &own);
        let chosen = handler || self.foundation.tags.choose(&own.tags);
        let module = self.module(task, &own)?;
        let is_missing = std::ptr::eq(module, modules::MISSING);
        let (args, more_args) = self.checked_args(task, module, spot, &own);
        self.check_conditions(&own.when);
        self.check_conditions(&task.changed_when);
        self.check_conditions(&task.failed_when);
        let each = task.r#loop.as_ref().map(|each| self.each(each, &task.loop_control));
        let notify = own.notify.iter().map(|node| super::evaluate::text_of(&node.to_value())).collect();
        self.notified.extend(own.notify.iter().cloned());
        let include = self.include(task, spot, handler);
        // What an include's tasks get is a matter of theirs.
        let args: Map = match include {
            Some(_) => args.into_iter().filter(|(name, _)| name != "apply").collect(),
            None => args,
        };
        self.dynamic |= include.is_some();
        let number = self.number_next();
        let called = if is_missing { task.module_key.name.as_str() } else { module.name };
        let title = task.keywords.name.clone().unwrap_or_else(|| called.to_owned());
        let compiled = Task {
            number,
            name: spot.around.shown(&title),
            title,
            frame: Frame::new(yaml::values(&own.vars), spot.around.clone()),
            include,
            place: task.place.to_string(),
            module,
            args,
            more_args,
            handler,
            when: own.when.iter().map(Node::to_value).collect(),
            each,
            register: task.register.clone(),
            privilege: privilege(&own),
            changed_when: conditions(&task.changed_when),
            failed_when: conditions(&task.failed_when),
            retry: self.retry(task),
            ignore_errors: setting(&own.ignore_errors),
            notify,
            listen: task.listen.clone(),
            diff: own.diff.as_ref().map(Node::to_value),
            check_mode: own.check_mode.as_ref().map(Node::to_value),
            no_log: setting(&own.no_log),
            environment: own.environment.iter().map(Node::to_value).collect(),
            delegate_to: own.delegate_to.as_ref().map(Node::to_value),
            delegate_facts: setting(&own.delegate_facts),
            connection: own.connection.as_ref().map(Node::to_value),
            run_once: setting(&own.run_once),
            any_errors_fatal: setting(&own.any_errors_fatal),
            ignore_unreachable: setting(&own.ignore_unreachable),
            throttle: setting(&own.throttle),
            timeout: setting(&own.timeout),
            patience: setting(&task.r#async),
            poll: task.poll.as_ref().map(Node::to_value),
            tags: own.tags.clone(),
        };
        chosen.then(|| Arc::new(compiled))
    }

    /// The arguments as far as they are known, and mappings of more of them; of a module that wgops lacks, its name.
    fn checked_args(
        &mut self,
        task: &playbook::Task,
        module: &'static Module,
        spot: &Spot,
        own: &Keywords,
    ) -> (Map, Vec<Value>) {
        if std::ptr::eq(module, modules::MISSING) {
            let name = task.module_key.name.as_str().into();
            return (Map::from_iter([("module".to_owned(), name)]), Vec::new());
        }
        let args = self.args(task, module);
        let more_args = self.more_args(task, own, module);
        self.check_args(task, module, &args, &more_args, &spot.around, own);
        (args, more_args)
    }

    /// `until`, or `retries` alone; a `delay` alone waits for nothing.
    fn retry(&mut self, task: &playbook::Task) -> Option<Retry> {
        self.check_conditions(&task.until);
        let numbers = [&task.retries, &task.delay].map(|node| node.as_ref());
        numbers.into_iter().flatten().for_each(|node| self.check_templates(node));
        let [retries, delay] = numbers.map(|node| node.map(Node::to_value));
        let until = conditions(&task.until);
        (until.is_some() || retries.is_some()).then_some(Retry { until, retries, delay })
    }

    /// The arguments by name; the free form under the name that the module gives it.
    fn args(&mut self, task: &playbook::Task, module: &Module) -> Map {
        let mut args: Map =
            task.args.params.iter().map(|(key, node)| (key.name.clone(), node.to_value())).collect();
        if let Some(free) = &task.args.free {
            match module.free_form {
                FreeForm::Is(name) => {
                    args.insert(name.to_owned(), free.to_value());
                    self.check_templates(free);
                }
                _ if is_whole_template(free) => {}
                _ => self.problems.push(
                    Problem::at(&free.place, format!("{} takes no text, only parameters", module.name))
                        .help("write 'name: value' lines below it, or name=value words"),
                ),
            }
        }
        args
    }

    /// Arguments that `module_defaults` has, and those that a template gives: of `args`, or in place of all arguments.
    fn more_args(&mut self, task: &playbook::Task, own: &Keywords, module: &Module) -> Vec<Value> {
        let is_module = |name: &str| {
            let found = modules::find(playbook::short_module_name(name));
            found.is_some_and(|found| found.name == module.name)
        };
        let takes_text = matches!(module.free_form, FreeForm::Is(_));
        let whole = task.args.free.as_ref().filter(|free| !takes_text && is_whole_template(free));
        let defaults =
            own.module_defaults.iter().filter(|(key, _)| is_module(&key.name)).map(|(_, node)| node);
        let more: Vec<&Node> = defaults.chain(whole).chain(&task.args.template).collect();
        more.iter().for_each(|node| self.check_templates(node));
        more.into_iter().map(Node::to_value).collect()
    }

    fn each(&mut self, each: &playbook::Loop, control: &playbook::LoopControl) -> Loop {
        let parts = [&control.label, &control.pause, &control.extended, &control.all_items];
        for node in parts.into_iter().flatten().chain([&each.items]) {
            self.check_templates(node);
        }
        self.check_conditions(&control.break_when);
        let [label, pause, extended, all_items] = parts.map(|node| node.as_ref().map(Node::to_value));
        Loop {
            items: each.items.to_value(),
            kind: each.kind.clone(),
            variable: control.loop_var.clone(),
            index_variable: control.index_var.clone(),
            label,
            pause,
            extended: extended.filter(|flag| *flag != Value::Bool(false)),
            all_items,
            break_when: conditions(&control.break_when),
        }
    }

    /// Complains about handlers that tasks notify and that there are none of.
    fn check_notified(&mut self) {
        let handlers = &self.handlers;
        let names = || handlers.iter().flat_map(|h| [&h.title, &h.name].into_iter().chain(&h.listen));
        for node in std::mem::take(&mut self.notified) {
            let name = super::evaluate::text_of(&node.to_value());
            // What a template names is known when something is notified.
            let is_open = name.contains("{{") || names().any(|known| known.contains("{{"));
            if is_open || names().any(|known| *known == name) || handlers.iter().any(|h| h.listens_to(&name))
            {
                continue;
            }
            let problem = Problem::at(&node.place, format!("no handler is called '{name}' or listens to it"));
            let help = match nearest(&name, names().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None => "name a handler of this play".into(),
            };
            self.problems.push(problem.help(help));
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

/// Whether a text is one template and nothing else.
fn is_whole_template(node: &Node) -> bool {
    let text = node.to_value();
    let text = text.as_str().unwrap_or_default().trim();
    node.is_template() && text.starts_with("{{") && text.ends_with("}}")
}

fn conditions(nodes: &[Node]) -> Option<Vec<Value>> {
    if nodes.is_empty() { None } else { Some(nodes.iter().map(Node::to_value).collect()) }
}

/// What a keyword says, unless that is no.
fn setting(node: &Option<Node>) -> Option<Value> {
    node.as_ref().map(Node::to_value).filter(|value| *value != Value::Bool(false))
}

fn privilege(keywords: &Keywords) -> Privilege {
    Privilege {
        active: keywords.r#become.as_ref().map(Node::to_value),
        user: keywords.become_user.as_ref().map(Node::to_value),
        method: keywords.become_method.as_ref().map(Node::to_value),
    }
}

/// What a task or block has of its own, over what it inherits: conditions, tags, and variables add up.
pub(super) fn inherit(outer: &Keywords, own: &Keywords) -> Keywords {
    let mut vars = outer.vars.clone();
    vars.extend(own.vars.clone());
    let or = |own: &Option<Node>, outer: &Option<Node>| own.clone().or_else(|| outer.clone());
    Keywords {
        name: own.name.clone(),
        when: outer.when.iter().chain(&own.when).cloned().collect(),
        tags: outer.tags.iter().chain(&own.tags).cloned().collect(),
        vars,
        environment: outer.environment.iter().chain(&own.environment).cloned().collect(),
        r#become: or(&own.r#become, &outer.r#become),
        become_user: or(&own.become_user, &outer.become_user),
        become_method: or(&own.become_method, &outer.become_method),
        ignore_errors: or(&own.ignore_errors, &outer.ignore_errors),
        any_errors_fatal: or(&own.any_errors_fatal, &outer.any_errors_fatal),
        no_log: or(&own.no_log, &outer.no_log),
        check_mode: or(&own.check_mode, &outer.check_mode),
        diff: or(&own.diff, &outer.diff),
        run_once: or(&own.run_once, &outer.run_once),
        delegate_to: or(&own.delegate_to, &outer.delegate_to),
        notify: outer.notify.iter().chain(&own.notify).cloned().collect(),
        delegate_facts: or(&own.delegate_facts, &outer.delegate_facts),
        connection: or(&own.connection, &outer.connection),
        remote_user: or(&own.remote_user, &outer.remote_user),
        ignore_unreachable: or(&own.ignore_unreachable, &outer.ignore_unreachable),
        throttle: or(&own.throttle, &outer.throttle),
        timeout: or(&own.timeout, &outer.timeout),
        module_defaults: outer.module_defaults.iter().chain(&own.module_defaults).cloned().collect(),
    }
}

//! From playbook files to plays that can run: modules found, arguments' names checked, templates compiled, tags chosen.
//! Everything that is wrong is collected; no host is touched before nothing is.

use super::tags::Tags;
use super::task::{BlockSteps, Loop, Play, Privilege, Retry, Step, Task};
use super::waves::PlayScope;
use crate::load::playbook::{self, Keywords, LoopKind, TaskItem};
use crate::load::project::Project;
use crate::load::{Node, Playbook, Problem, Problems, yaml};
use crate::model::{Map, Value, nearest};
use crate::modules::{self, FreeForm, Module};
use crate::template::Templates;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Makes plays of a playbook; `extra` wins over the variables of a play.
///
/// # Errors
/// Everything that is wrong with it and can be known without a host.
pub fn compile(
    playbook: &Playbook,
    tags: &Tags,
    templates: &Templates,
    extra: &Map,
) -> Result<Vec<Arc<Play>>, Problems> {
    let directory = playbook.file.parent().unwrap_or(Path::new("")).to_owned();
    let root = root_of(&directory);
    let mut problems = Vec::new();
    let mut plays = Vec::new();
    if !super::desk::lies_beneath(&root, &playbook.file) && playbook.file.exists() {
        let problem = Problem::in_file(&**playbook.file, "leads out of the ops repository");
        problems.push(problem.help("put the playbook itself there, not a link"));
    }
    for (number, play) in playbook.plays.iter().enumerate() {
        let mut compiler = Compiler {
            templates,
            tags,
            extra,
            directory: &directory,
            problems: &mut problems,
            next: 0,
            lockstep: false,
        };
        plays.push(Arc::new(compiler.play(play, number, &directory, &root)));
    }
    Problems::check(problems)?;
    Ok(plays)
}

pub(super) struct Compiler<'a> {
    pub(super) templates: &'a Templates,
    tags: &'a Tags,
    extra: &'a Map,
    pub(super) directory: &'a Path,
    pub(super) problems: &'a mut Vec<Problem>,
    next: usize,
    /// Hosts wait for each other after each task, so that a failure on one can stop all.
    lockstep: bool,
}

impl Compiler<'_> {
    fn play(&mut self, play: &playbook::Play, number: usize, directory: &Path, root: &Path) -> Play {
        let keywords = &play.keywords;
        self.refuse_play_keywords(play);
        let vars = yaml::values(&keywords.vars);
        let file_vars = self.file_vars(play, directory, root);
        let scope = PlayScope::of(self.extra, &file_vars, &vars);
        let max_fail = play.max_fail_percentage.as_ref().and_then(|node| self.max_fail(node, &scope));
        let fatal = keywords.any_errors_fatal.as_ref().is_some_and(|node| self.plain_bool(node));
        self.lockstep = max_fail.is_some() || fatal;
        let inherited = Keywords { name: None, vars: yaml::Variables::default(), ..keywords.clone() };
        let mut steps = Vec::new();
        if let Some(task) = self.gather_facts(play, &inherited) {
            steps.push(Step::Task(task));
        }
        let mut handlers = Vec::new();
        let handler_names = handler_names(&play.handlers);
        for section in [&play.pre_tasks, &play.tasks, &play.post_tasks] {
            for item in section {
                self.item(item, &inherited, &handler_names, &mut steps);
            }
            if !section.is_empty() && !play.handlers.is_empty() {
                steps.push(Step::FlushHandlers);
            }
        }
        for item in &play.handlers {
            for task in item.tasks() {
                handlers.extend(self.task(task, &inherited, &handler_names, true));
            }
        }
        Play {
            name: keywords.name.clone().unwrap_or_else(|| play.hosts.clone()),
            number,
            hosts: play.hosts.clone(),
            serial: self.serial(&play.serial, &scope),
            max_fail_percentage: max_fail,
            any_errors_fatal: fatal,
            steps,
            handlers,
            force_handlers: play.force_handlers.as_ref().is_some_and(|node| self.plain_bool(node)),
            vars,
            file_vars,
            directory: directory.to_owned(),
            root: root.to_owned(),
        }
    }

    fn refuse_play_keywords(&mut self, play: &playbook::Play) {
        let nodes = [("connection", &play.connection), ("remote_user", &play.remote_user)];
        for (name, node) in nodes {
            if let Some(node) = node {
                let help = format!(
                    "set 'ansible_{}' in the inventory",
                    if name == "connection" { name } else { "user" }
                );
                self.not_yet(&node.place, name, &help);
            }
        }
    }

    fn gather_facts(&mut self, play: &playbook::Play, inherited: &Keywords) -> Option<Arc<Task>> {
        let module = modules::find("setup")?;
        let wanted = play.gather_facts.as_ref().map_or(Value::Bool(true), Node::to_value);
        if wanted == Value::Bool(false) || !self.tags.choose(&["always".to_owned()]) {
            return None;
        }
        let when = if wanted == Value::Bool(true) { Vec::new() } else { vec![wanted] };
        let number = self.number_next();
        Some(Arc::new(Task {
            number,
            name: "Gathering Facts".into(),
            place: play.place.to_string(),
            module,
            args: Map::new(),
            handler: false,
            when,
            each: None,
            register: None,
            privilege: privilege(inherited),
            changed_when: None,
            failed_when: None,
            retry: None,
            ignore_errors: None,
            notify: Vec::new(),
            listen: Vec::new(),
            vars: Map::new(),
            check_mode: None,
            diff: None,
            no_log: false,
        }))
    }

    fn number_next(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn item(&mut self, item: &TaskItem, inherited: &Keywords, handlers: &[String], steps: &mut Vec<Step>) {
        match item {
            TaskItem::Task(task) => {
                if let Some(task) = self.task(task, inherited, handlers, false) {
                    steps.push(Step::Task(task));
                    if self.lockstep {
                        steps.push(Step::Barrier);
                    }
                }
            }
            TaskItem::Block(block) => {
                if let Some(node) = &block.keywords.any_errors_fatal {
                    self.not_yet(&node.place, "any_errors_fatal of a block", "set it for the play");
                }
                let merged = inherit(inherited, &block.keywords);
                let [main, rescue, always] = [&block.tasks, &block.rescue, &block.always].map(|part| {
                    let mut steps = Vec::new();
                    for item in part {
                        self.item(item, &merged, handlers, &mut steps);
                    }
                    steps
                });
                match main.is_empty() || (rescue.is_empty() && always.is_empty()) {
                    true => steps.extend(main.into_iter().chain(always)),
                    false => steps.push(Step::Block(Arc::new(BlockSteps { main, rescue, always }))),
                }
            }
        }
    }

    fn task(
        &mut self,
        task: &playbook::Task,
        inherited: &Keywords,
        handlers: &[String],
        handler: bool,
    ) -> Option<Arc<Task>> {
        let own = inherit(inherited, &task.keywords);
        self.refuse_keywords(task, &own);
        let chosen = handler || self.tags.choose(&own.tags);
        let module = self.module(task)?;
        let args = self.args(task, module);
        self.check_args(task, module, &args);
        self.check_conditions(&own.when);
        self.check_conditions(&task.changed_when);
        self.check_conditions(&task.failed_when);
        let each = task.r#loop.as_ref().map(|each| self.each(each, &task.loop_control));
        let notify = self.notify(&own, handlers);
        let number = self.number_next();
        let compiled = Task {
            number,
            name: task.keywords.name.clone().unwrap_or_else(|| module.name.to_owned()),
            place: task.place.to_string(),
            module,
            args,
            handler,
            when: own.when.iter().map(Node::to_value).collect(),
            each,
            register: task.register.clone(),
            privilege: privilege(&own),
            changed_when: conditions(&task.changed_when),
            failed_when: conditions(&task.failed_when),
            retry: self.retry(task),
            ignore_errors: own
                .ignore_errors
                .as_ref()
                .map(Node::to_value)
                .filter(|v| *v != Value::Bool(false)),
            notify,
            listen: task.listen.clone(),
            vars: yaml::values(&own.vars),
            diff: own.diff.as_ref().map(|node| self.plain_bool(node)),
            check_mode: own.check_mode.as_ref().map(|node| self.plain_bool(node)),
            no_log: own.no_log.as_ref().is_some_and(|node| self.plain_bool(node)),
        };
        chosen.then(|| Arc::new(compiled))
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
                _ => self.problems.push(
                    Problem::at(&free.place, format!("{} takes no text, only parameters", module.name))
                        .help("write 'name: value' lines below it, or name=value words"),
                ),
            }
        }
        args
    }

    fn each(&mut self, each: &playbook::Loop, control: &playbook::LoopControl) -> Loop {
        self.check_templates(&each.items);
        if let Some(pause) = &control.pause {
            self.not_yet(&pause.place, "pause", "leave it out");
        }
        Loop {
            items: each.items.to_value(),
            flatten: each.kind == LoopKind::Items,
            variable: control.loop_var.clone(),
            index_variable: control.index_var.clone(),
            label: control.label.as_ref().map(Node::to_value),
        }
    }

    fn notify(&mut self, own: &Keywords, handlers: &[String]) -> Vec<String> {
        let mut names = Vec::new();
        for node in &own.notify {
            let name = super::evaluate::text_of(&node.to_value());
            if !handlers.contains(&name) {
                let problem =
                    Problem::at(&node.place, format!("no handler is called '{name}' or listens to it"));
                let help = match nearest(&name, handlers.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => "name a handler of this play".into(),
                };
                self.problems.push(problem.help(help));
            }
            names.push(name);
        }
        names
    }

    fn file_vars(&mut self, play: &playbook::Play, directory: &Path, root: &Path) -> Map {
        let mut all = Map::new();
        for node in &play.vars_files {
            let candidates: Vec<String> = match node.to_value() {
                Value::Array(list) => list.iter().map(super::evaluate::text_of).collect(),
                one => vec![super::evaluate::text_of(&one)],
            };
            if let Some(templated) = candidates.iter().find(|name| name.contains("{{")) {
                self.not_yet(
                    &node.place,
                    &format!("a template in vars_files ('{templated}')"),
                    "name the file",
                );
                continue;
            }
            let tries = candidates.iter().flat_map(|n| [directory.join(n), directory.join("vars").join(n)]);
            match tries.clone().find(|path| path.is_file()) {
                Some(path) if !super::desk::lies_beneath(root, &path) => self.problems.push(
                    Problem::at(&node.place, format!("{} lies outside {}", path.display(), root.display()))
                        .help("copy the file into the ops repository"),
                ),
                Some(path) => match yaml::load_vars(&path) {
                    Ok(variables) => all.extend(yaml::values(&variables)),
                    Err(problems) => self.problems.extend(problems.0),
                },
                None => {
                    let looked: Vec<String> = tries.map(|p| p.display().to_string()).collect();
                    let problem = Problem::at(&node.place, "there is no such variables file");
                    self.problems.push(problem.help(format!("looked for {}", looked.join(", "))));
                }
            }
        }
        all
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

/// The names and topics that `notify` may use.
fn handler_names(handlers: &[TaskItem]) -> Vec<String> {
    let tasks = || handlers.iter().flat_map(TaskItem::tasks);
    let names = tasks().filter_map(|task| task.keywords.name.clone());
    names.chain(tasks().flat_map(|task| task.listen.clone())).collect()
}

fn conditions(nodes: &[Node]) -> Option<Vec<Value>> {
    if nodes.is_empty() { None } else { Some(nodes.iter().map(Node::to_value).collect()) }
}

fn privilege(keywords: &Keywords) -> Privilege {
    Privilege {
        active: keywords.r#become.as_ref().map(Node::to_value),
        user: keywords.become_user.as_ref().map(Node::to_value),
    }
}

/// What a task or block has of its own, over what it inherits: conditions, tags, and variables add up.
fn inherit(outer: &Keywords, own: &Keywords) -> Keywords {
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
    }
}

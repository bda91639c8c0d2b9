//! From playbook files to plays that can run: modules found, arguments' names checked, templates compiled, tags chosen.
//! Everything that is wrong is collected; no host is touched before nothing is.

use super::tags::Tags;
use super::task::{BlockSteps, Loop, Play, Privilege, Retry, Step, Task};
use super::waves::PlayScope;
use crate::load::playbook::{self, Keywords, TaskItem};
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
        // What a play says of connections is a matter of how its hosts are reached.
        let inherited = Keywords {
            name: None,
            vars: yaml::Variables::default(),
            connection: None,
            remote_user: None,
            any_errors_fatal: None,
            ..keywords.clone()
        };
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
            connection: keywords.connection.as_ref().map(Node::to_value),
            remote_user: keywords.remote_user.as_ref().map(Node::to_value),
            directory: directory.to_owned(),
            root: root.to_owned(),
        }
    }

    fn refuse_play_keywords(&mut self, play: &playbook::Play) {
        let texts = [&play.keywords.connection, &play.keywords.remote_user, &play.strategy];
        texts.into_iter().flatten().for_each(|node| self.check_templates(node));
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
            more_args: Vec::new(),
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
            no_log: None,
            environment: inherited.environment.iter().map(Node::to_value).collect(),
            delegate_to: None,
            delegate_facts: None,
            connection: None,
            run_once: None,
            any_errors_fatal: None,
            ignore_unreachable: setting(&inherited.ignore_unreachable),
            throttle: None,
            timeout: None,
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
        let more_args = self.more_args(task, &own, module);
        self.check_args(task, module, &args, &more_args);
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
            vars: yaml::values(&own.vars),
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
        delegate_facts: or(&own.delegate_facts, &outer.delegate_facts),
        connection: or(&own.connection, &outer.connection),
        remote_user: or(&own.remote_user, &outer.remote_user),
        ignore_unreachable: or(&own.ignore_unreachable, &outer.ignore_unreachable),
        throttle: or(&own.throttle, &outer.throttle),
        timeout: or(&own.timeout, &outer.timeout),
        module_defaults: outer.module_defaults.iter().chain(&own.module_defaults).cloned().collect(),
    }
}

//! From playbook files to plays that can run: modules found, arguments' names checked, templates compiled, tags chosen.
//! Everything that is wrong is collected; no host is touched before nothing is.

use super::tags::Tags;
use super::task::{BatchSize, Loop, Play, Privilege, Step, Task};
use crate::load::playbook::{self, Batch, Keywords, LoopKind, TaskItem};
use crate::load::{Node, Playbook, Problem, Problems, yaml};
use crate::model::{Map, Place, Value, nearest};
use crate::modules::{self, Args, FreeForm, Kind, Module};
use crate::template::{TemplateError, Templates};
use std::path::Path;
use std::sync::Arc;

/// Modules of Ansible's that are a matter of the engine, and not built yet.
const NOT_YET: &[&str] = &[
    "import_tasks",
    "include_tasks",
    "include",
    "import_role",
    "include_role",
    "import_playbook",
    "include_vars",
    "meta",
    "add_host",
    "group_by",
];

/// Makes plays of a playbook.
///
/// # Errors
/// Everything that is wrong with it and can be known without a host.
pub fn compile(playbook: &Playbook, tags: &Tags, templates: &Templates) -> Result<Vec<Arc<Play>>, Problems> {
    let directory = playbook.file.parent().unwrap_or(Path::new("")).to_owned();
    let mut problems = Vec::new();
    let mut plays = Vec::new();
    for (number, play) in playbook.plays.iter().enumerate() {
        let mut compiler = Compiler { templates, tags, problems: &mut problems, next: 0, lockstep: false };
        plays.push(Arc::new(compiler.play(play, number, &directory)));
    }
    Problems::check(problems)?;
    Ok(plays)
}

struct Compiler<'a> {
    templates: &'a Templates,
    tags: &'a Tags,
    problems: &'a mut Vec<Problem>,
    next: usize,
    /// Hosts wait for each other after each task, so that a failure on one can stop all.
    lockstep: bool,
}

impl Compiler<'_> {
    fn play(&mut self, play: &playbook::Play, number: usize, directory: &Path) -> Play {
        let keywords = &play.keywords;
        self.refuse_play_keywords(play);
        let max_fail = play.max_fail_percentage.as_ref().and_then(|node| self.number(node));
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
            serial: play.serial.iter().filter_map(|node| self.batch(node)).collect(),
            max_fail_percentage: max_fail,
            any_errors_fatal: fatal,
            steps,
            handlers,
            force_handlers: play.force_handlers.as_ref().is_some_and(|node| self.plain_bool(node)),
            vars: yaml::values(&keywords.vars),
            file_vars: self.file_vars(play, directory),
            directory: directory.to_owned(),
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
            ignore_errors: None,
            notify: Vec::new(),
            listen: Vec::new(),
            vars: Map::new(),
            check_mode: None,
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
                for (name, part) in [("rescue", &block.rescue), ("always", &block.always)] {
                    if let Some(first) = part.first() {
                        self.not_yet(
                            first.place(),
                            name,
                            "use ignore_errors and a condition on the registered result",
                        );
                    }
                }
                let merged = inherit(inherited, &block.keywords);
                for item in &block.tasks {
                    self.item(item, &merged, handlers, steps);
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
            ignore_errors: own
                .ignore_errors
                .as_ref()
                .map(Node::to_value)
                .filter(|v| *v != Value::Bool(false)),
            notify,
            listen: task.listen.clone(),
            vars: yaml::values(&own.vars),
            check_mode: own.check_mode.as_ref().map(|node| self.plain_bool(node)),
            no_log: own.no_log.as_ref().is_some_and(|node| self.plain_bool(node)),
        };
        chosen.then(|| Arc::new(compiled))
    }

    fn module(&mut self, task: &playbook::Task) -> Option<&'static Module> {
        if let Some(module) = modules::find(&task.module) {
            return Some(module);
        }
        let place = &task.module_key.place;
        if NOT_YET.contains(&task.module.as_str()) {
            self.not_yet(place, &task.module, "put the tasks into the playbook");
            return None;
        }
        let message = format!("there is no module '{}'", task.module_key.name);
        let names =
            || modules::ALL.iter().flat_map(|m| std::iter::once(m.name).chain(m.aliases.iter().copied()));
        let problem = Problem::at(place, message);
        let help = match nearest(&task.module, names()) {
            Some(near) => format!("did you mean '{near}'?"),
            None => {
                format!("there are {}", modules::ALL.iter().map(|m| m.name).collect::<Vec<_>>().join(", "))
            }
        };
        self.problems.push(problem.help(help));
        None
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

    /// Adds the free form to the arguments, and checks names and templates.
    fn check_args(&mut self, task: &playbook::Task, module: &Module, args: &Map) {
        let names: Vec<&str> = args.keys().map(String::as_str).collect();
        for problem in Args::check_names(module.params, module.free_form, names.into_iter()) {
            let key =
                problem.key.as_deref().and_then(|k| task.args.params.iter().find(|(key, _)| key.name == k));
            let place = key.map_or(&task.module_key.place, |(key, _)| &key.place);
            let told = Problem::at(place, format!("{}: {}", module.name, problem.message));
            self.problems.push(match problem.help {
                Some(help) => told.help(help),
                None => told,
            });
        }
        for (key, node) in &task.args.params {
            let kind =
                module.params.iter().find(|p| p.name == key.name || p.aliases.contains(&key.name.as_str()));
            match kind.map(|p| p.kind) {
                Some(Kind::Conditions) => self.check_conditions(std::slice::from_ref(node)),
                Some(Kind::Expression) => {}
                _ => self.check_templates(node),
            }
        }
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

    fn refuse_keywords(&mut self, task: &playbook::Task, own: &Keywords) {
        let optional = [
            ("run_once", own.run_once.as_ref(), "limit the play to one host"),
            ("delegate_to", own.delegate_to.as_ref(), "write a play for that host"),
            ("environment", own.environment.first(), "set variables in the command itself"),
            ("retries", task.retries.as_ref(), "use wait_for"),
            ("until", task.until.first(), "use wait_for"),
        ];
        for (name, node, help) in optional {
            if let Some(node) = node.filter(|node| node.to_value() != Value::Bool(false)) {
                self.not_yet(&node.place, name, help);
            }
        }
        if let Some(node) = &own.become_method {
            if node.to_value() != Value::String("sudo".into()) {
                self.not_yet(&node.place, "become_method other than sudo", "use sudo");
            }
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

    fn check_templates(&mut self, node: &Node) {
        for error in self.templates.check(&node.to_value()) {
            self.template_problem(&node.place, &error);
        }
    }

    fn check_conditions(&mut self, nodes: &[Node]) {
        for node in nodes {
            for error in self.templates.check_condition(&node.to_value()) {
                self.template_problem(&node.place, &error);
            }
        }
    }

    fn template_problem(&mut self, place: &Place, error: &TemplateError) {
        let problem = Problem::at(place, error.to_string());
        self.problems.push(match &error.hint {
            Some(hint) => problem.help(hint.clone()),
            None => problem,
        });
    }

    fn file_vars(&mut self, play: &playbook::Play, directory: &Path) -> Map {
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

    fn batch(&mut self, node: &Node) -> Option<BatchSize> {
        match Batch::of(&node.to_value()) {
            Some(Batch::All) => Some(BatchSize::Percent(100.0)),
            Some(Batch::Hosts(n)) => Some(BatchSize::Hosts(n)),
            Some(Batch::Percent(share)) => Some(BatchSize::Percent(share)),
            None => {
                self.not_yet(&node.place, "a template in serial", "write a number or a percentage");
                None
            }
        }
    }

    fn number(&mut self, node: &Node) -> Option<f64> {
        let value = node.to_value();
        let number =
            value.as_f64().or_else(|| value.as_str().and_then(|s| s.trim_end_matches('%').parse().ok()));
        if number.is_none() {
            self.not_yet(&node.place, "a template in max_fail_percentage", "write a number");
        }
        number
    }

    fn plain_bool(&mut self, node: &Node) -> bool {
        match node.bool() {
            Ok(flag) => flag,
            Err(_) => {
                self.not_yet(&node.place, "a template here", "write yes or no");
                false
            }
        }
    }

    fn not_yet(&mut self, place: &Place, what: &str, help: &str) {
        self.problems.push(Problem::at(place, format!("{what} is not supported yet")).help(help.to_owned()));
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

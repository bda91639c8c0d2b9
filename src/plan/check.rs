//! What can be wrong with a task before any host is touched, told with its place: unknown modules and parameters,
//! templates that can't be compiled, and what wgops doesn't do yet.

use super::around::Around;
use super::compile::Compiler;
use crate::load::playbook::{self, Keywords};
use crate::load::{Node, Problem, TextFile};
use crate::model::{BecomeMethod, Map, Place, Value, nearest};
use crate::modules::{self, Args, Kind, Module, RAW};
use crate::template::{TemplateError, TemplateErrorKind, Templates};
use std::path::{Path, PathBuf};

impl Compiler<'_> {
    pub(super) fn module(
        &mut self,
        task: &playbook::Task,
        own: &Keywords,
        around: &Around,
        chosen: bool,
    ) -> Option<&'static Module> {
        if let Some(module) = modules::find(&task.module) {
            return Some(module);
        }
        let place = &task.module_key.place;
        if task.module == "import_playbook" {
            let problem = Problem::at(place, "import_playbook is no task");
            self.problems.push(problem.help("put it beside the plays, not into one"));
            return None;
        }
        // Nobody mistypes the name of a collection; and a role for many systems need not come to it on this one, nor where
        // tags leave it out.
        let is_whole = task.module_key.name.matches('.').count() >= 2;
        let brought = around.brings_module(&task.module);
        if (is_whole || brought || modules::is_elsewhere(&task.module)) && (!own.when.is_empty() || !chosen) {
            return Some(modules::MISSING);
        }
        let message = format!("there is no module '{}'", task.module_key.name);
        if brought {
            let problem =
                Problem::at(place, format!("{message}: the one in 'library' is a program for Ansible"));
            self.problems
                .push(problem.help("hosts need no Python here: do it with other modules, or with 'script'"));
            return None;
        }
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

    /// Checks the names of arguments, the values that nothing is rendered in, and templates.
    pub(super) fn check_args(
        &mut self,
        task: &playbook::Task,
        module: &Module,
        args: &Map,
        more: &[Value],
        around: &Around,
        own: &Keywords,
    ) {
        // Whether what we lack is wanted may be known only where it is rendered, or where the task is come to.
        let may_lack = |name: &str, value: &Value| {
            let lacks = module.params.iter().any(|p| !p.supported && p.is(name));
            lacks && (Templates::has_templates(value) || !own.when.is_empty())
        };
        let named = args.iter().filter(|(name, value)| !may_lack(name, value) && *name != RAW);
        let names = named.map(|(name, _)| name.as_str());
        let plain = args.iter().filter(|(_, value)| !Templates::has_templates(value));
        let mut problems = Args::check_names(module.params, module.free_form, names);
        // What is missing may come from a template, or from the defaults of the module.
        problems.retain(|problem| problem.key.is_some() || more.is_empty());
        // Where a condition keeps hosts away, nobody misses it, nor what only another version of Ansible takes.
        problems.retain(|problem| own.when.is_empty() || problem.key.is_some() && !problem.foreign);
        problems.extend(Args::check_plain(module.params, plain.map(|(key, value)| (key.as_str(), value))));
        // Ansible never looks at the arguments of a task for another system; where it is come to, they are judged.
        if is_for_some_systems(&own.when) {
            problems.clear();
        }
        for problem in problems {
            let key =
                problem.key.as_deref().and_then(|k| task.args.params.iter().find(|(key, _)| key.name == k));
            let place = key.map_or(&task.module_key.place, |(key, _)| &key.place);
            let told = Problem::at(place, format!("{}: {}", module.name, problem.message));
            let told = match problem.help {
                Some(help) => told.help(help),
                None => told,
            };
            self.told(told);
        }
        for (key, node) in &task.args.params {
            let kind =
                module.params.iter().find(|p| p.name == key.name || p.aliases.contains(&key.name.as_str()));
            match kind.map(|p| p.kind) {
                Some(Kind::Conditions | Kind::Checks) => self.check_conditions(std::slice::from_ref(node)),
                Some(Kind::Expression) => {}
                Some(kind @ (Kind::Source | Kind::Template)) if is_on_controller(module, task, node) => {
                    let found = self.check_source(module, node, around);
                    // With marks of its own a template is no text that can be judged by the usual ones.
                    let has_marks = args.keys().any(|name| name.ends_with("_string"));
                    if let (Some(path), Kind::Template, false) = (found, kind, has_marks)
                        && !path.is_dir()
                        && self.rescued == 0
                    {
                        self.check_template(&path);
                    }
                }
                _ => self.check_templates(node),
            }
        }
    }

    /// Finds a file of the controller that a task names outright; it has to be there, unless the task may never need it.
    fn check_source(&mut self, module: &Module, node: &Node, around: &Around) -> Option<PathBuf> {
        let name = node.word().unwrap_or_default();
        let tries: Vec<_> = around.candidates(module.folder(), Path::new(&name)).collect();
        let found = tries.iter().find(|path| path.exists());
        if found.is_none() && !self.conditional {
            let looked: Vec<String> = tries.iter().map(|path| path.display().to_string()).collect();
            let problem = Problem::at(&node.place, "there is no such file here");
            self.problems.push(problem.help(format!("looked for {}", looked.join(" and "))));
        }
        found.cloned()
    }

    /// Checks a template's text.
    fn check_template(&mut self, path: &Path) {
        match TextFile::read(path) {
            Ok(file) => {
                for error in self.templates.check_text(&path.to_string_lossy(), &file.text) {
                    let place = file.place(error.line.max(1), error.column.max(1));
                    self.template_problem(&place, &error);
                }
            }
            Err(problem) => self.problems.push(problem),
        }
    }

    /// Complains about handlers that tasks notify and that there are none of.
    pub(super) fn check_notified(&mut self) {
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

    pub(super) fn refuse_keywords(&mut self, task: &playbook::Task, own: &Keywords) {
        if let Some(node) = own.become_method.as_ref().filter(|node| !node.is_template())
            && BecomeMethod::named(&node.word().unwrap_or_default()).is_none()
        {
            let problem = Problem::at(&node.place, "wgops has no such way to become a user");
            self.problems.push(problem.help("use 'sudo', 'su' or 'doas'"));
        }
        let templates = [
            &own.no_log,
            &own.check_mode,
            &own.diff,
            &own.delegate_to,
            &own.delegate_facts,
            &own.connection,
            &own.remote_user,
            &own.port,
            &own.r#become,
            &own.become_user,
            &own.become_method,
            &own.ignore_errors,
            &own.run_once,
            &own.any_errors_fatal,
            &own.ignore_unreachable,
            &own.throttle,
            &own.timeout,
            &task.r#async,
            &task.poll,
        ];
        for node in templates.into_iter().flatten().chain(&own.environment) {
            self.check_templates(node);
        }
    }

    pub(super) fn check_templates(&mut self, node: &Node) {
        for error in self.templates.check(&node.to_value()) {
            self.template_problem(&node.place, &error);
        }
    }

    pub(super) fn check_conditions(&mut self, nodes: &[Node]) {
        for (number, node) in nodes.iter().enumerate() {
            let outer = self.conditional;
            // Where one before it doesn't hold, nobody looks at it.
            self.conditional |= number > 0;
            for error in self.templates.check_condition(&node.to_value()) {
                self.template_problem(&node.place, &error);
            }
            self.conditional = outer;
        }
    }

    /// Refuses what is wrong; of a task with a condition, or whose failure is provided for, Ansible finds it out where a host
    /// comes to it, if one ever does.
    pub(super) fn told(&mut self, problem: Problem) {
        match self.conditional {
            false => self.problems.push(problem),
            true => self.warnings.push(problem.warning().or_else("it fails where a host comes to it")),
        }
    }

    fn template_problem(&mut self, place: &Place, error: &TemplateError) {
        // What is no mistyped name belongs to somebody's plugin, which may never be come to; where it is, the task fails.
        if self.conditional && error.kind == TemplateErrorKind::UnknownName && error.hint.is_none() {
            return;
        }
        let problem = Problem::at(place, error.to_string());
        let problem = match &error.hint {
            Some(hint) => problem.help(hint.clone()),
            None => problem,
        };
        self.told(problem);
    }

    pub(super) fn plain_bool(&mut self, node: &Node) -> bool {
        match node.bool() {
            Ok(flag) => flag,
            Err(_) => {
                self.not_yet(&node.place, "a template here", "write yes or no");
                false
            }
        }
    }

    pub(super) fn not_yet(&mut self, place: &Place, what: &str, help: &str) {
        self.problems.push(Problem::at(place, format!("{what} is not supported yet")).help(help.to_owned()));
    }
}

/// Whether conditions choose by what kind of system a host is.
fn is_for_some_systems(conditions: &[Node]) -> bool {
    const FACTS: [&str; 4] = ["os_family", "distribution", "pkg_mgr", "service_mgr"];
    conditions.iter().any(|condition| {
        let text = super::evaluate::text_of(&condition.to_value());
        text.contains("ansible_") && FACTS.iter().any(|fact| text.contains(fact))
    })
}

/// Whether an argument names a file of the controller outright: no template, and not `remote_src`.
fn is_on_controller(module: &Module, task: &playbook::Task, node: &Node) -> bool {
    let given = |name| task.args.get(name).map(|node| node.to_value() != Value::Bool(false));
    let usual = module.params.iter().any(|param| param.name == "remote_src" && param.default == "yes");
    let remote = given("remote_src").or(given("copy").map(|copies| !copies)).unwrap_or(usual);
    let pulled = task.args.get("mode").is_some_and(|node| node.word().is_ok_and(|word| word == "pull"));
    !remote && !pulled && !node.is_template()
}

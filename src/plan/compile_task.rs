//! From a task as it was read to one that can run.

use super::compile::{Compiler, Spot};
use super::inherit::inherit;
use super::scope::Frame;
use super::task::{Loop, Privilege, Retry, Task};
use crate::load::playbook::{self, Keywords};
use crate::load::{Node, Problem, yaml};
use crate::model::{Map, Value};
use crate::modules::{self, FreeForm, Module, RAW};
use std::sync::Arc;

impl Compiler<'_> {
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
            remote_user: login(&spot.inherited.remote_user),
            port: login(&spot.inherited.port),
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

    pub(super) fn task(&mut self, task: &playbook::Task, spot: &Spot, handler: bool) -> Option<Arc<Task>> {
        let own = self.own_keywords(task, spot);
        let chosen = handler || self.foundation.tags.choose(&own.tags);
        let module = self.module(task, &own, &spot.around, chosen)?;
        let is_missing = std::ptr::eq(module, modules::MISSING);
        let (args, more_args) = self.checked_args(task, module, spot, &own);
        self.conditional = self.endures(task, &own);
        let each = task.r#loop.as_ref().map(|each| self.each(each, &task.loop_control));
        let retry = self.retry(task);
        self.conditional = false;
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
            retry,
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
            remote_user: login(&own.remote_user),
            port: login(&own.port),
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

    /// What a task has of its own and of what is around it, checked.
    fn own_keywords(&mut self, task: &playbook::Task, spot: &Spot) -> Keywords {
        let own = inherit(&spot.inherited, &task.keywords);
        let own = Keywords { tags: self.known_tags(&own, spot), ..own };
        self.refuse_keywords(task, &own);
        self.conditional = self.endures(task, &own);
        self.check_conditions(&own.when);
        self.conditional |= !own.when.is_empty();
        self.check_conditions(&task.changed_when);
        self.check_conditions(&task.failed_when);
        self.conditional = false;
        own
    }

    /// Whether a playbook provides for it that a task fails.
    fn endures(&self, task: &playbook::Task, own: &Keywords) -> bool {
        let ignores = own.ignore_errors.as_ref().is_some_and(|node| node.bool() != Ok(false));
        let asks_again = task.register.is_some() && !task.until.is_empty();
        self.rescued > 0 || ignores || asks_again || !task.failed_when.is_empty()
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
        self.conditional = !own.when.is_empty() || self.endures(task, own);
        let args = self.args(task, module);
        let more_args = self.more_args(task, own, module);
        self.check_args(task, module, &args, &more_args, &spot.around, own);
        self.conditional = false;
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
                _ => {
                    let message = format!("{} takes no text, only parameters", module.name);
                    let problem = Problem::at(&free.place, message);
                    self.told(problem.help("write 'name: value' lines below it, or name=value words"));
                    // Where somebody comes to the task all the same, this is no parameter of it.
                    args.insert(RAW.to_owned(), free.to_value());
                }
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
        let is_group = |name: &str| name.strip_prefix("group/").is_some_and(|name| module.is_in_group(name));
        // What stands nearest takes the place of what stands farther out, whole; a module's own goes before its group's.
        let nearest = |is_meant: &dyn Fn(&str) -> bool| {
            let found = own.module_defaults.iter().rev().find(|(key, _)| is_meant(&key.name));
            found.map(|(_, node)| node)
        };
        let takes_text = matches!(module.free_form, FreeForm::Is(_));
        let whole = task.args.free.as_ref().filter(|free| !takes_text && is_whole_template(free));
        let defaults = nearest(&is_group).into_iter().chain(nearest(&is_module));
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

/// Who logs in or at which port, where that says anything.
fn login(node: &Option<Node>) -> Option<Value> {
    let is_nothing = |value: &Value| *value == Value::Bool(false) || *value == 0 || *value == "";
    node.as_ref().map(Node::to_value).filter(|value| !is_nothing(value))
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

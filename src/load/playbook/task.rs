//! Reading tasks and blocks.

use super::keywords::{Scope, later, short_module_name};
use super::words::{self, CommandWords};
use super::{Args, Block, Keywords, Loop, LoopControl, LoopKind, Reader, Task, TaskItem};
use crate::load::problem::Problem;
use crate::load::yaml::{Key, Node, NodeValue};

/// What a task has besides what it shares with blocks.
#[derive(Default)]
struct Parts {
    keywords: Keywords,
    modules: Vec<(Key, Node)>,
    args: Option<Node>,
    r#loop: Option<Loop>,
    loop_control: LoopControl,
    register: Option<String>,
    changed_when: Vec<Node>,
    failed_when: Vec<Node>,
    until: Vec<Node>,
    retries: Option<Node>,
    delay: Option<Node>,
    r#async: Option<Node>,
    poll: Option<Node>,
    listen: Vec<String>,
}

impl Reader<'_> {
    /// Reads a task or a block.
    pub(super) fn item(&mut self, node: &Node, scope: Scope) -> Option<TaskItem> {
        let entries =
            self.take(node.map().map_err(|_| node.expected("a task (a mapping with one module)")))?;
        if node.get("block").is_some() {
            return Some(TaskItem::Block(Box::new(self.block(node, entries, scope))));
        }
        self.task(node, entries, scope).map(|task| TaskItem::Task(Box::new(task)))
    }

    fn block(&mut self, node: &Node, entries: &[(Key, Node)], scope: Scope) -> Block {
        let mut block = Block {
            place: node.place.clone(),
            keywords: Keywords::default(),
            tasks: Vec::new(),
            rescue: Vec::new(),
            always: Vec::new(),
        };
        for (key, value) in entries {
            match key.name.as_str() {
                "block" => block.tasks = self.tasks(value, scope),
                "rescue" => block.rescue = self.tasks(value, scope),
                "always" => block.always = self.tasks(value, scope),
                _ if self.shared(&mut block.keywords, Scope::Block, key, value).is_some() => {}
                name if Scope::Block.is_later(name) => self.problems.push(later(key)),
                name => {
                    let problem = Problem::at(&key.place, format!("a block has no keyword '{name}'"));
                    self.problems.push(problem.nearest(name, Scope::Block.known()));
                }
            }
        }
        block
    }

    fn task(&mut self, node: &Node, entries: &[(Key, Node)], scope: Scope) -> Option<Task> {
        let mut parts = Parts::default();
        for (key, value) in entries {
            if self.shared(&mut parts.keywords, scope, key, value).is_none() {
                self.task_keyword(&mut parts, scope, key, value);
            }
        }
        let (module_key, value) = self.one_module(node, &parts.modules, scope)?;
        let (module_key, value) = self.action(&mut parts.keywords, module_key, value)?;
        let module = short_module_name(&module_key.name).to_owned();
        let mut args = self.args(&module, &value);
        if let Some(more) = &parts.args {
            self.add_args(&mut args, more);
        }
        let apply = self.apply(&module, &args);
        Some(Task {
            apply,
            place: node.place.clone(),
            keywords: parts.keywords,
            module,
            module_key,
            args,
            r#loop: parts.r#loop,
            loop_control: parts.loop_control,
            register: parts.register,
            changed_when: parts.changed_when,
            failed_when: parts.failed_when,
            until: parts.until,
            retries: parts.retries,
            delay: parts.delay,
            r#async: parts.r#async,
            poll: parts.poll,
            listen: parts.listen,
        })
    }

    /// The module and its arguments where they stand behind `action` or `local_action`.
    fn action(&mut self, keywords: &mut Keywords, key: Key, node: Node) -> Option<(Key, Node)> {
        if !matches!(key.name.as_str(), "action" | "local_action") {
            return Some((key, node));
        }
        if key.name == "local_action" {
            keywords.delegate_to = Some(Node::text(&key.place, "localhost"));
        }
        let named = match &node.value {
            NodeValue::Map(entries) => {
                let name = entries.iter().find(|(key, _)| key.name == "module");
                let rest = entries.iter().filter(|(key, _)| key.name != "module").cloned().collect();
                let rest = Node { value: NodeValue::Map(rest), ..node.clone() };
                name.and_then(|(_, name)| Some((name.str().ok()?.trim().to_owned(), rest)))
            }
            NodeValue::Text(text) => {
                let text = text.trim();
                let (name, rest) = super::words::first_word(text);
                let rest = match rest.trim() {
                    "" => NodeValue::Null,
                    rest => NodeValue::Text(rest.to_owned()),
                };
                Some((name.to_owned(), Node { value: rest, ..node.clone() }))
            }
            _ => None,
        };
        match named.filter(|(name, _)| !name.is_empty()) {
            Some((name, rest)) => {
                let name = by_fact(&name).map_or(name, str::to_owned);
                Some((Key::new(&node.place, name), rest))
            }
            None => {
                let help = format!("for example '{}: {{module: copy, dest: /x, content: y}}'", key.name);
                self.problems.push(node.expected("a module and its arguments").help(help));
                None
            }
        }
    }

    fn task_keyword(&mut self, parts: &mut Parts, scope: Scope, key: &Key, node: &Node) {
        match key.name.as_str() {
            "args" => parts.args = Some(node.clone()),
            "loop" => self.set_loop(parts, LoopKind::List, key, node),
            "with_items" => self.set_loop(parts, LoopKind::Items, key, node),
            name if name.starts_with("with_") => {
                let name = short_module_name(name.trim_start_matches("with_"));
                let kind = match name {
                    "items" => LoopKind::Items,
                    name => LoopKind::Lookup(name.to_owned()),
                };
                self.set_loop(parts, kind, key, node);
            }
            "loop_control" => parts.loop_control = self.loop_control(node),
            "register" => parts.register = self.variable_name(node),
            "changed_when" => parts.changed_when = self.conditions(node),
            "failed_when" => parts.failed_when = self.conditions(node),
            "until" => parts.until = self.conditions(node),
            "retries" => parts.retries = self.number(node),
            "delay" => parts.delay = self.number(node),
            "async" => parts.r#async = self.number(node),
            "poll" => parts.poll = self.number(node),
            "listen" if scope == Scope::Handler => {
                parts.listen = self.take(node.words()).unwrap_or_default();
            }
            "listen" => {
                let problem = Problem::at(&key.place, "only a handler can listen");
                self.problems.push(problem.help("move the task under 'handlers:'"));
            }
            "rescue" | "always" => {
                let problem = Problem::at(&key.place, format!("'{}' without 'block'", key.name));
                self.problems.push(problem.help("put the tasks that may fail under 'block:'"));
            }
            name if scope.is_later(name) => self.problems.push(later(key)),
            // The keywords `action` and `local_action` as well.
            _ => parts.modules.push((key.clone(), node.clone())),
        }
    }

    /// What an include has its tasks get.
    fn apply(&mut self, module: &str, args: &Args) -> Option<Box<Keywords>> {
        let node =
            args.get("apply").filter(|_| matches!(module, "include_tasks" | "include_role" | "include"))?;
        let entries = self.take(node.map().map_err(|_| node.expected("a mapping of keywords")))?;
        let mut keywords = Keywords::default();
        for (key, value) in entries {
            if self.shared(&mut keywords, Scope::Block, key, value).is_none() {
                let problem = Problem::at(&key.place, format!("'apply' has no keyword '{}'", key.name));
                self.problems.push(problem.nearest(&key.name, Scope::Block.known()));
            }
        }
        Some(Box::new(keywords))
    }

    /// The one key that is no keyword.
    fn one_module(&mut self, node: &Node, found: &[(Key, Node)], scope: Scope) -> Option<(Key, Node)> {
        let known = scope.known();
        let misspelt = |(key, _): &&(Key, Node)| {
            let is_known = known.contains(&key.name.as_str());
            !is_known && crate::model::nearest(&key.name, known.iter().copied()).is_some()
        };
        match found {
            [one] => return Some(one.clone()),
            [] => {
                let problem = Problem::at(&node.place, "a task without a module");
                self.problems.push(problem.help("add a module, for example 'apt: {name: curl}'"));
            }
            several => match several.iter().find(misspelt) {
                Some((key, _)) => {
                    let problem = Problem::at(&key.place, format!("a task has no keyword '{}'", key.name));
                    self.problems.push(problem.nearest(&key.name, known));
                }
                None => {
                    let names: Vec<String> =
                        several.iter().map(|(key, _)| format!("'{}'", key.name)).collect();
                    let message = format!("a task has one module, this one has {}", names.join(" and "));
                    let (second, _) = &several[1];
                    let problem = Problem::at(&second.place, message);
                    self.problems.push(
                        problem.help("give each module a task of its own; or is it a misspelt keyword?"),
                    );
                }
            },
        }
        None
    }

    fn set_loop(&mut self, parts: &mut Parts, kind: LoopKind, key: &Key, node: &Node) {
        if parts.r#loop.is_some() {
            self.problems.push(Problem::at(&key.place, "a task has one loop"));
        }
        let list = node.list().is_ok() || node.is_template() || kind != LoopKind::List;
        if list {
            parts.r#loop = Some(Loop { kind, items: node.clone() });
        } else {
            self.problems.push(node.expected("a list, or a template in '{{ }}'"));
        }
    }

    fn loop_control(&mut self, node: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        self.problems.extend(node.unknown_keys(&[
            "loop_var",
            "index_var",
            "label",
            "pause",
            "extended",
            "extended_allitems",
            "break_when",
        ]));
        for (key, value) in node.map().unwrap_or_default() {
            match key.name.as_str() {
                // Each host renders a template there.
                "loop_var" if value.is_template() => {
                    control.loop_var = self.take(value.word()).unwrap_or(control.loop_var);
                }
                "loop_var" => control.loop_var = self.variable_name(value).unwrap_or(control.loop_var),
                "index_var" => control.index_var = self.variable_name(value),
                "label" => control.label = Some(value.clone()),
                "pause" => control.pause = self.number(value),
                "extended" => control.extended = self.flag(value),
                "extended_allitems" => control.all_items = self.flag(value),
                "break_when" => control.break_when = self.conditions(value),
                _ => {}
            }
        }
        control
    }

    fn variable_name(&mut self, node: &Node) -> Option<String> {
        let name = self.take(node.str())?.to_owned();
        self.check_variable_name(&Key::new(&node.place, &name));
        Some(name)
    }

    /// A module's arguments in whichever form they are written.
    fn args(&mut self, module: &str, node: &Node) -> Args {
        let text = match &node.value {
            NodeValue::Null => return Args::default(),
            NodeValue::Map(entries) => return Args { params: entries.clone(), ..Args::default() },
            NodeValue::List(_) => {
                self.problems.push(node.expected("arguments: a mapping or text"));
                return Args::default();
            }
            NodeValue::Text(text) => text.clone(),
            NodeValue::Bool(_) | NodeValue::Number(_) => self.as_written(node),
        };
        if node.tag.is_some() {
            return Args { free: Some(node.clone()), ..Args::default() };
        }
        let split = match CommandWords::of(module) {
            Some(taken) => words::split_command(&text, taken),
            None => words::split_arguments(&text),
        };
        let unbalanced = || {
            Problem::at(&node.place, "a quote or '{{' is not closed")
                .help("write the arguments as a mapping; for a command: 'cmd: |' and the text below")
        };
        let (pairs, rest) = self.take(split.map_err(|_| unbalanced())).unwrap_or_default();
        let key = |name: String| Key::new(&node.place, name);
        Args {
            params: pairs
                .into_iter()
                .map(|(name, value)| (key(name), Node::text(&node.place, value)))
                .collect(),
            free: (!rest.is_empty()).then(|| Node::text(&node.place, rest)),
            template: None,
        }
    }

    /// The text of a scalar that YAML takes for a boolean or a number: `command: true` runs `true`, `yes` runs `yes`.
    fn as_written(&self, node: &Node) -> String {
        let skipped = usize::try_from(node.place.column).unwrap_or(1).saturating_sub(1);
        let line = self.file.line(node.place.line).unwrap_or_default();
        line.chars().skip(skipped).take_while(|c| !c.is_whitespace() && !",}#".contains(*c)).collect()
    }

    fn add_args(&mut self, args: &mut Args, more: &Node) {
        if more.is_template() {
            args.template = Some(more.clone());
            return;
        }
        let expected = || more.expected("a mapping of arguments, or a template in '{{ }}'");
        let entries = self.take(more.entries().map_err(|_| expected())).unwrap_or_default();
        for (key, value) in entries {
            // What stands behind the module's name counts for more, as with Ansible.
            if args.get(&key.name).is_none() {
                args.params.push((key.clone(), value.clone()));
            }
        }
    }
}

/// The module for a name that a fact gives, as `action: "{{ ansible_pkg_mgr }} name=curl"`: it is found out anyway.
fn by_fact(name: &str) -> Option<&'static str> {
    let fact = name.strip_prefix("{{")?.strip_suffix("}}")?;
    let facts = [("pkg_mgr", "package"), ("service_mgr", "service")];
    facts.into_iter().find(|(part, _)| fact.contains(part)).map(|(_, module)| module)
}

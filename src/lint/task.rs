//! A task as rules see it: as it was written, with the play and the blocks around it.

use crate::load::playbook::{glance, short_module_name};
use crate::load::{Key, Node, NodeValue};
use crate::modules::{self, FreeForm, Module};

/// What includes, imports and controls; each with its parameters.
const ACTIONS: &[(&str, &[&str])] = &[
    ("include", &["file", "tags", "static", "vars"]),
    ("include_tasks", &["file", "apply"]),
    ("import_tasks", &["file"]),
    ("import_playbook", &[]),
    ("include_role", ROLE),
    ("import_role", ROLE),
    (
        "include_vars",
        &[
            "file",
            "dir",
            "depth",
            "name",
            "files_matching",
            "ignore_files",
            "extensions",
            "ignore_unknown_extensions",
            "hash_behaviour",
        ],
    ),
    ("meta", &[]),
    ("add_host", &["name", "hostname", "host", "groups", "group", "groupname"]),
    ("group_by", &["key", "parents"]),
];
const ROLE: &[&str] = &[
    "name",
    "role",
    "tasks_from",
    "vars_from",
    "defaults_from",
    "handlers_from",
    "allow_duplicates",
    "apply",
    "public",
    "rolespec_validate",
];

/// Whether a name is that of an include, an import or another thing that the engine does itself.
pub(super) fn is_action(name: &str) -> bool {
    ACTIONS.iter().any(|(action, _)| *action == name)
}

/// The parameters of an action that takes no others.
pub(super) fn action_parameters(name: &str) -> Option<&'static [&'static str]> {
    let closed = |action: &str| !matches!(action, "include" | "add_host" | "meta" | "import_playbook");
    ACTIONS.iter().find(|(action, _)| *action == name && closed(action)).map(|(_, parameters)| *parameters)
}

/// How a module's arguments were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Mapping,
    Words,
}

/// The module that a task calls, and with what.
pub(super) struct Call {
    pub key: Key,
    /// Without a collection that wgops knows.
    pub name: String,
    pub args: Vec<(Key, Node)>,
    pub free: Option<Node>,
    pub form: Form,
    /// Whether a template makes arguments that nobody knows yet.
    pub open: bool,
}

/// A task, and what is around it.
pub(super) struct Task<'a> {
    pub node: &'a Node,
    pub entries: &'a [(Key, Node)],
    pub call: Option<Call>,
    pub is_handler: bool,
    /// The play and the blocks around it, outermost first.
    pub around: Vec<&'a Node>,
}

impl Call {
    pub fn module(&self) -> Option<&'static Module> {
        modules::find(&self.name)
    }

    /// An argument under any of its names.
    pub fn arg(&self, names: &[&str]) -> Option<&Node> {
        self.args.iter().find(|(key, _)| names.contains(&key.name.as_str())).map(|(_, node)| node)
    }

    /// An argument as text, if it is plain.
    pub fn word(&self, names: &[&str]) -> Option<String> {
        self.arg(names).filter(|node| !node.is_template()).and_then(|node| node.word().ok())
    }

    /// The text that has no name, or the argument of this name.
    pub fn free_or(&self, names: &[&str]) -> Option<&Node> {
        self.free.as_ref().or_else(|| self.arg(names))
    }

    fn of(key: &Key, value: &Node, more: Option<&Node>) -> Self {
        let name = short_module_name(&key.name).to_owned();
        let mut call = Self {
            key: key.clone(),
            name,
            args: Vec::new(),
            free: None,
            form: Form::Mapping,
            open: more.is_some_and(|more| more.map().is_err()),
        };
        match &value.value {
            NodeValue::Map(entries) => call.args = entries.clone(),
            NodeValue::Text(text) => call.words(value, text),
            NodeValue::Bool(_) | NodeValue::Number(_) => call.free = Some(value.clone()),
            NodeValue::Null | NodeValue::List(_) => {}
        }
        call.args.extend(more.and_then(|more| more.map().ok()).into_iter().flatten().cloned());
        call
    }

    fn words(&mut self, value: &Node, text: &str) {
        let whole = text.trim();
        let takes_text = matches!(self.module().map(|m| m.free_form), Some(FreeForm::Is(_)));
        if whole.starts_with("{{") && whole.ends_with("}}") && !takes_text && !is_action(&self.name) {
            self.open = true;
            return;
        }
        let Some((pairs, rest)) = glance::split_words(&self.name, text) else {
            self.open = true;
            self.free = Some(value.clone());
            return;
        };
        if !pairs.is_empty() {
            self.form = Form::Words;
        }
        let key = |name: String| Key::new(&value.place, name);
        self.args =
            pairs.into_iter().map(|(name, text)| (key(name), Node::text(&value.place, text))).collect();
        self.free = (!rest.is_empty()).then(|| Node::text(&value.place, rest));
    }
}

impl<'a> Task<'a> {
    fn new(node: &'a Node, entries: &'a [(Key, Node)], is_handler: bool, around: &[&'a Node]) -> Self {
        let more = node.get("args");
        let mut others = entries.iter().filter(|(key, _)| !glance::is_task_keyword(&key.name)).peekable();
        let first = others.peek().copied();
        let known = others.find(|(key, _)| {
            let name = short_module_name(&key.name);
            modules::find(name).is_some() || is_action(name) || glance::ACTION_KEYS.contains(&name)
        });
        let call = known.or(first).map(|(key, value)| {
            named_by_action(key, value, more).unwrap_or_else(|| Call::of(key, value, more))
        });
        Self { node, entries, call, is_handler, around: around.to_vec() }
    }

    /// A keyword of the task itself.
    pub fn own(&self, name: &str) -> Option<&'a Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// A keyword of the task, or else of the nearest block or play around it that has it.
    pub fn inherited(&self, name: &str) -> Option<&'a Node> {
        self.own(name).or_else(|| self.around.iter().rev().find_map(|around| around.get(name)))
    }

    /// Whether a keyword is literally true.
    pub fn is_set(&self, name: &str) -> bool {
        self.own(name).is_some_and(is_yes)
    }

    /// The key of a loop, `loop` or `with_…`, and what it repeats over.
    pub fn each(&self) -> Option<&'a (Key, Node)> {
        self.entries.iter().find(|(key, _)| key.name == "loop" || key.name.starts_with("with_"))
    }

    /// The name of the variable that its loop sets.
    pub fn loop_variable(&self) -> Option<String> {
        self.each()?;
        let named = self.own("loop_control").and_then(|control| control.get("loop_var"));
        Some(named.and_then(|node| node.word().ok()).unwrap_or_else(|| "item".into()))
    }
}

/// Whether a node says yes.
pub(super) fn is_yes(node: &Node) -> bool {
    match &node.value {
        NodeValue::Bool(flag) => *flag,
        NodeValue::Text(text) => matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1"),
        _ => false,
    }
}

/// `action: copy src=a dest=b` and `local_action: {module: copy, …}`.
fn named_by_action(key: &Key, value: &Node, more: Option<&Node>) -> Option<Call> {
    if !glance::ACTION_KEYS.contains(&key.name.as_str()) {
        return None;
    }
    if let NodeValue::Map(entries) = &value.value {
        let (_, module) = entries.iter().find(|(key, _)| key.name == "module")?;
        let inner = Key::new(&module.place, module.word().ok()?);
        let args = entries.iter().filter(|(key, _)| key.name != "module").cloned().collect();
        let args = Node { value: NodeValue::Map(args), ..value.clone() };
        return Some(Call::of(&inner, &args, more));
    }
    let text = value.str().ok()?.trim();
    let (module, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let inner = Key::new(&value.place, module);
    Some(Call::of(&inner, &Node::text(&value.place, rest.trim()), more))
}

/// Visits every task of a list, those in blocks too.
pub(super) fn each_task<'a>(
    list: &'a Node,
    is_handler: bool,
    around: &[&'a Node],
    visit: &mut dyn FnMut(&Task<'a>),
) {
    for item in list.list().unwrap_or_default() {
        let Ok(entries) = item.map() else { continue };
        if item.get("block").is_some() {
            let inner: Vec<&Node> = around.iter().copied().chain([item]).collect();
            for part in ["block", "rescue", "always"] {
                item.get(part).into_iter().for_each(|list| each_task(list, is_handler, &inner, visit));
            }
        } else {
            visit(&Task::new(item, entries, is_handler, around));
        }
    }
}

/// Visits every block of a list.
pub(super) fn each_block<'a>(list: &'a Node, visit: &mut dyn FnMut(&'a Node)) {
    for item in list.list().unwrap_or_default().iter().filter(|item| item.get("block").is_some()) {
        visit(item);
        for part in ["block", "rescue", "always"] {
            item.get(part).into_iter().for_each(|list| each_block(list, visit));
        }
    }
}

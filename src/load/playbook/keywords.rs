//! Which keywords there are, which of them wgops can't do yet, and the types of those that plays, blocks and tasks share.

use super::{Keywords, Reader};
use crate::load::problem::Problem;
use crate::load::yaml::{Key, Node, NodeValue, is_variable_name};

/// Collections whose names may be left out of a module's name, and are.
pub const MODULE_PREFIXES: [&str; 11] = [
    "ansible.builtin.",
    "ansible.legacy.",
    "ansible.posix.",
    "ansible.mysql.",
    "community.general.",
    "community.crypto.",
    "community.docker.",
    "community.mysql.",
    "community.postgresql.",
    "community.rabbitmq.",
    "wgops.",
];

/// A module's name without a collection that wgops knows.
pub fn short_module_name(written: &str) -> &str {
    MODULE_PREFIXES.iter().find_map(|prefix| written.strip_prefix(prefix)).unwrap_or(written)
}

/// Where a keyword stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    Play,
    Role,
    Block,
    Task,
    Handler,
}

/// Keywords of every scope.
const SHARED: &[&str] = &[
    "name",
    "tags",
    "vars",
    "environment",
    "become",
    "become_user",
    "become_method",
    "ignore_errors",
    "any_errors_fatal",
    "no_log",
    "check_mode",
    "diff",
    "run_once",
    "become_exe",
    "become_flags",
    "connection",
    "debugger",
    "ignore_unreachable",
    "module_defaults",
    "port",
    "remote_user",
    "throttle",
    "timeout",
    "collections",
];
/// Keywords of blocks and tasks.
const INNER: &[&str] = &["when", "notify", "delegate_to", "delegate_facts"];
const PLAY: &[&str] = &[
    "hosts",
    "gather_facts",
    "gather_subset",
    "gather_timeout",
    "fact_path",
    "vars_files",
    "serial",
    "max_fail_percentage",
    "order",
    "force_handlers",
    "user",
    "strategy",
    "roles",
    "vars_prompt",
    "pre_tasks",
    "tasks",
    "post_tasks",
    "handlers",
];
const BLOCK: &[&str] = &["block", "rescue", "always"];
const TASK: &[&str] = &[
    "args",
    "loop",
    "with_items",
    "with_list",
    "loop_control",
    "action",
    "local_action",
    "register",
    "changed_when",
    "failed_when",
    "until",
    "retries",
    "delay",
    "async",
    "poll",
];
/// Keywords that mean what they mean where they are not written when nothing stands behind them.
const MAY_BE_EMPTY: &[&str] = &[
    "become",
    "become_user",
    "become_method",
    "ignore_errors",
    "any_errors_fatal",
    "no_log",
    "check_mode",
    "diff",
    "run_once",
    "delegate_to",
    "delegate_facts",
    "connection",
    "remote_user",
    "ignore_unreachable",
    "throttle",
    "timeout",
    "port",
    "loop",
    "register",
    "until",
    "retries",
    "delay",
    "poll",
];
/// What Ansible has and wgops has not, yet.
const LATER: &[&str] = &["validate_argspec"];

impl Scope {
    /// The keywords of this scope.
    pub(super) fn known(self) -> Vec<&'static str> {
        let own = match self {
            Self::Play => [PLAY, &[]],
            Self::Role => [INNER, &[]],
            Self::Block => [INNER, BLOCK],
            Self::Task => [INNER, TASK],
            Self::Handler => [INNER, TASK],
        };
        let listen: &[&str] = if self == Self::Handler { &["listen"] } else { &[] };
        [SHARED, own[0], own[1], listen].concat()
    }

    /// Whether a key is a keyword that wgops can't do yet in this scope.
    pub(super) fn is_later(self, name: &str) -> bool {
        LATER.contains(&name) && !self.known().contains(&name)
    }
}

/// The error for a keyword that wgops can't do yet.
pub(super) fn later(key: &Key) -> Problem {
    Problem::at(&key.place, format!("'{}' is not supported yet", key.name))
}

impl Reader<'_> {
    /// Reads a keyword that the scopes share; `None` where the key is none of those.
    pub(super) fn shared(&mut self, into: &mut Keywords, scope: Scope, key: &Key, node: &Node) -> Option<()> {
        if scope == Scope::Play && INNER.contains(&key.name.as_str()) {
            return None;
        }
        if node.is_null()
            && scope.known().contains(&key.name.as_str())
            && MAY_BE_EMPTY.contains(&key.name.as_str())
        {
            return Some(());
        }
        match key.name.as_str() {
            "name" => into.name = self.optional_word(node),
            "when" => into.when = self.conditions(node),
            "tags" => into.tags = self.tags(node),
            "vars" => into.vars = self.vars(node),
            "environment" => into.environment = self.environment(node),
            "become" => into.r#become = self.flag(node),
            "become_user" => into.become_user = self.text(node),
            "become_method" => into.become_method = self.text(node),
            "ignore_errors" => into.ignore_errors = self.flag(node),
            "any_errors_fatal" => into.any_errors_fatal = self.flag(node),
            "no_log" => into.no_log = self.flag(node),
            "check_mode" => into.check_mode = self.flag(node),
            "diff" => into.diff = self.flag(node),
            "run_once" => into.run_once = self.flag(node),
            "delegate_to" => into.delegate_to = self.text(node),
            "delegate_facts" => into.delegate_facts = self.flag(node),
            "connection" => into.connection = self.text(node),
            "remote_user" => into.remote_user = self.text(node),
            "ignore_unreachable" => into.ignore_unreachable = self.flag(node),
            "throttle" => into.throttle = self.number(node),
            "timeout" => into.timeout = self.number(node),
            "module_defaults" => into.module_defaults = self.module_defaults(node),
            "become_exe" | "become_flags" => self.become_words(key, node),
            "port" => into.port = self.number(node),
            "debugger" => self.debugger(node),
            // Names are resolved without it; a module from elsewhere is unknown all the same.
            "collections" => {}
            "notify" => into.notify = self.texts(node),
            _ => return None,
        }
        Some(())
    }

    /// True, false or a template; the words for them in quotes count as well.
    pub(super) fn flag(&mut self, node: &Node) -> Option<Node> {
        let flag = match &node.value {
            NodeValue::Bool(flag) => *flag,
            NodeValue::Text(text) if !node.is_template() => match text.to_lowercase().as_str() {
                "yes" | "true" | "on" | "1" => true,
                "no" | "false" | "off" | "0" => false,
                _ => return self.take(Err(node.expected("true, false or a template in '{{ }}'"))),
            },
            NodeValue::Text(_) => return Some(node.clone()),
            _ => return self.take(Err(node.expected("true, false or a template in '{{ }}'"))),
        };
        Some(Node { value: NodeValue::Bool(flag), ..node.clone() })
    }

    /// A number or a template; a number in quotes counts as well.
    pub(super) fn number(&mut self, node: &Node) -> Option<Node> {
        let parsed = match &node.value {
            NodeValue::Number(_) => return Some(node.clone()),
            NodeValue::Text(_) if node.is_template() => return Some(node.clone()),
            NodeValue::Text(text) => text.trim().parse::<u32>().ok(),
            _ => None,
        };
        let number = self.take(parsed.ok_or_else(|| node.expected("a number or a template in '{{ }}'")))?;
        Some(Node { value: NodeValue::Number(number.into()), ..node.clone() })
    }

    /// Text, which may be a template.
    pub(super) fn text(&mut self, node: &Node) -> Option<Node> {
        let word = self.take(node.word())?;
        Some(Node { value: NodeValue::Text(word), ..node.clone() })
    }

    /// Text or a list of texts, each of which may be a template.
    pub(super) fn texts(&mut self, node: &Node) -> Vec<Node> {
        node.items().iter().filter_map(|item| self.text(item)).collect()
    }

    /// Conditions: booleans and expressions.
    pub(super) fn conditions(&mut self, node: &Node) -> Vec<Node> {
        let mut conditions = Vec::new();
        if node.is_null() {
            self.problems.push(node.expected("a condition"));
        }
        for item in node.items() {
            match &item.value {
                NodeValue::Bool(_) | NodeValue::Text(_) | NodeValue::Number(_) => {
                    conditions.push(item.clone())
                }
                _ => self.problems.push(item.expected("a condition")),
            }
        }
        conditions
    }

    fn optional_word(&mut self, node: &Node) -> Option<String> {
        if node.is_null() { None } else { self.take(node.word()) }
    }

    fn tags(&mut self, node: &Node) -> Vec<String> {
        let words = self.take(node.words()).unwrap_or_default();
        let split = words.iter().flat_map(|word| word.split(','));
        split.map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
    }

    fn vars(&mut self, node: &Node) -> crate::load::yaml::Variables {
        let variables = self.take(node.variables()).unwrap_or_default();
        for (name, variable) in &variables {
            self.check_variable_name(&Key::new(&variable.place, name));
        }
        variables
    }

    /// Complains about a name that no template could use.
    pub(super) fn check_variable_name(&mut self, key: &Key) {
        if !is_variable_name(&key.name) {
            let problem = Problem::at(&key.place, format!("'{}' is no variable name", key.name));
            self.problems.push(problem.help("a name has letters, digits and '_', and begins with no digit"));
        }
    }

    /// Words for a way to become a user: wgops knows itself how to call it, and takes those that say the same.
    fn become_words(&mut self, key: &Key, node: &Node) {
        let text = node.word().unwrap_or_default();
        // Mostly a variable that nobody sets, or one that repeats what the inventory says.
        if node.is_template() {
            return;
        }
        let says_nothing_new = match key.name.as_str() {
            "become_exe" => matches!(text.rsplit('/').next(), Some("sudo" | "su" | "doas")),
            _ => text.split_whitespace().all(|word| {
                matches!(
                    word,
                    "-H" | "-S" | "-n" | "-i" | "--login" | "-l" | "-" | "-s" | "/bin/sh" | "/bin/bash"
                )
            }),
        };
        if !says_nothing_new {
            let problem = Problem::at(&node.place, format!("'{}' can't be '{text}' here", key.name));
            self.problems.push(problem.help("leave it out: wgops calls sudo, su and doas in its own way"));
        }
    }

    /// `debugger`: when Ansible would stop and ask what to do. Nothing here does.
    fn debugger(&mut self, node: &Node) {
        let known = ["always", "never", "on_failed", "on_skipped", "on_unreachable"];
        if let Some(when) = self.take(node.str()).filter(|when| !known.contains(when) && !node.is_template())
        {
            let problem = Problem::at(&node.place, format!("'{when}' is no time for a debugger"));
            self.problems.push(problem.nearest(when, known));
        }
    }

    /// `module_defaults`: by module, arguments that its tasks have unless they say.
    fn module_defaults(&mut self, node: &Node) -> Vec<(Key, Node)> {
        let mut found = Vec::new();
        for layer in node.items() {
            for (key, args) in self.take(layer.map()).unwrap_or_default() {
                if args.map().is_ok() || args.is_template() {
                    found.push((key.clone(), args.clone()));
                } else {
                    self.problems.push(args.expected("a mapping of arguments, or a template in '{{ }}'"));
                }
            }
        }
        found
    }

    fn environment(&mut self, node: &Node) -> Vec<Node> {
        let mut layers = Vec::new();
        for layer in node.items() {
            if layer.map().is_ok() || layer.is_template() {
                layers.push(layer.clone());
            } else {
                self.problems
                    .push(layer.expected("a mapping of environment variables, or a template in '{{ }}'"));
            }
        }
        layers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_on_the_dialect_names_every_keyword() {
        let page = include_str!("../../../docs/dialect.md");
        let table: String = page.lines().skip_while(|line| !line.starts_with("| plays |")).take(8).collect();
        let named = |name: &str| table.contains(&format!("`{name}`")) || name.starts_with("with_");
        let lists = [SHARED, INNER, PLAY, BLOCK, TASK, LATER];
        let missing: Vec<&str> = lists.concat().into_iter().filter(|name| !named(name)).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}

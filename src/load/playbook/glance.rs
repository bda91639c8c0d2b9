//! A glance at tasks that are not to run: what is wrong with a list of them, which key is the module, and what its
//! `name=value` words are. A file that can't be loaded as a whole is still looked at as far as it goes.

use super::keywords::{self, Scope};
use super::words::{self, CommandWords};
use super::{Playbook, Reader};
use crate::load::problem::Problem;
use crate::load::text::TextFile;
use crate::load::yaml::Node;

/// Arguments with names, and the text that has none.
pub type Words = (Vec<(String, String)>, String);

/// Everything that is wrong with a list of tasks, or of handlers.
pub fn problems_of_tasks(file: &TextFile, node: &Node, handlers: bool) -> Vec<Problem> {
    let mut reader = Reader { file, names: None, imports: super::Imports::default(), problems: Vec::new() };
    reader.tasks(node, if handlers { Scope::Handler } else { Scope::Task });
    reader.problems
}

/// Everything that is wrong with a playbook.
pub fn problems_of_plays(file: &TextFile) -> Vec<Problem> {
    // Which playbooks a template names is known to whoever runs it.
    Playbook::parse_within(file, 0, Some(&|_, _| Ok(None)), &super::Imports::default())
        .err()
        .map(|problems| problems.0)
        .unwrap_or_default()
}

/// Whether a key of a task or block is a keyword rather than a module.
pub fn is_task_keyword(name: &str) -> bool {
    let scope = |scope: Scope| scope.known().contains(&name) || scope.is_later(name);
    (scope(Scope::Handler) || scope(Scope::Block) || name.starts_with("with_"))
        && !ACTION_KEYS.contains(&name)
}

/// Keys that are keywords and name a module in their value.
pub const ACTION_KEYS: [&str; 2] = ["action", "local_action"];

/// Splits a module's text into arguments and the rest; `None` where a quote is not closed.
pub fn split_words(module: &str, text: &str) -> Option<Words> {
    match CommandWords::of(module) {
        Some(taken) => words::split_command(text, taken).ok(),
        None => words::split_arguments(text).ok(),
    }
}

/// Whether a key of a play is a keyword.
pub fn is_play_keyword(name: &str) -> bool {
    Scope::Play.known().contains(&name) || keywords::Scope::Play.is_later(name)
}

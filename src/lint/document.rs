//! One file, read once: its text, its YAML, what it is, and where it asks for silence.

use super::noqa::Comments;
use super::task::{self, Task};
use super::tree::{self, Kind};
use crate::load::{Node, Problem, TextFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lists of tasks of a play.
const SECTIONS: [&str; 4] = ["pre_tasks", "tasks", "post_tasks", "handlers"];

/// A file that rules look at.
pub(super) struct Document {
    pub path: PathBuf,
    pub kind: Kind,
    pub file: TextFile,
    pub node: Option<Node>,
    pub comments: Comments,
    /// Why it is no YAML.
    pub broken: Vec<Problem>,
}

impl Document {
    /// Reads a file; `None` where it is none that anybody wrote for wgops.
    pub fn read(root: &Path, path: &Path) -> Option<Self> {
        let by_path = tree::kind_by_path(root, path);
        let is_code = tree::is_yaml(path) && !matches!(by_path, Some(Kind::Text | Kind::Vars));
        if is_code && tree::is_too_large(path) {
            return Some(Self::unread(path));
        }
        let file = tree::text(path)?;
        let mut document = Self {
            path: path.to_owned(),
            kind: by_path.unwrap_or(Kind::Text),
            comments: Comments::of(&file.text),
            file,
            node: None,
            broken: Vec::new(),
        };
        if matches!(by_path, Some(Kind::Text | Kind::Template))
            || !(tree::is_yaml(path) || by_path == Some(Kind::Vars))
        {
            return Some(document);
        }
        match Node::parse(&document.file) {
            Ok(node) => document.holds(node, by_path),
            Err(problems) if by_path.is_some() || tree::looks_like_tasks(&document.file.text) => {
                document.broken = problems.0;
            }
            Err(_) => document.kind = Kind::Text,
        }
        Some(document)
    }

    /// A file of which nothing is known but that it is too large.
    fn unread(path: &Path) -> Self {
        let file = TextFile { file: Arc::new(path.to_owned()), text: String::new() };
        let message = format!("larger than {} MiB: nothing in it was looked at", tree::BYTES_MAX >> 20);
        let broken = vec![Problem::at(&file.place(1, 1), message)];
        let comments = Comments::of("");
        Self { path: path.to_owned(), kind: Kind::Text, file, node: None, comments, broken }
    }

    fn holds(&mut self, node: Node, by_path: Option<Kind>) {
        let by_content = tree::kind_by_content(&node);
        self.kind = match (by_path, by_content) {
            // Plays stand in the oddest folders.
            (Some(Kind::Tasks | Kind::Handlers), Some(Kind::Playbook)) => Kind::Playbook,
            // Data and an argument specification lie in such folders, too.
            (Some(Kind::Tasks | Kind::Handlers), _) if node.list().is_err() && !node.is_null() => Kind::Text,
            (Some(Kind::Vars), _) if node.list().is_ok() => Kind::Text,
            (Some(kind), _) => kind,
            (None, by_content) => by_content.unwrap_or(Kind::Text),
        };
        self.node = Some(node);
    }

    /// The plays of a playbook.
    pub fn plays(&self) -> &[Node] {
        match (&self.node, self.kind) {
            (Some(node), Kind::Playbook) => node.list().unwrap_or_default(),
            _ => &[],
        }
    }

    /// Every list of tasks, with the play around it and whether it is one of handlers.
    pub fn lists(&self) -> Vec<(&Node, Option<&Node>, bool)> {
        match (&self.node, self.kind) {
            (Some(node), Kind::Tasks) => vec![(node, None, false)],
            (Some(node), Kind::Handlers) => vec![(node, None, true)],
            _ => {
                let of_play = |play: &'_ Node| -> Vec<(&'_ str, bool)> {
                    SECTIONS
                        .iter()
                        .filter(|name| play.get(name).is_some())
                        .map(|name| (*name, *name == "handlers"))
                        .collect()
                };
                let mut all = Vec::new();
                for play in self.plays() {
                    for (name, handlers) in of_play(play) {
                        all.extend(play.get(name).map(|list| (list, Some(play), handlers)));
                    }
                }
                all
            }
        }
    }

    /// Visits every task.
    pub fn each_task<'a>(&'a self, visit: &mut dyn FnMut(&Task<'a>)) {
        for (list, play, handlers) in self.lists() {
            let around: Vec<&Node> = play.into_iter().collect();
            task::each_task(list, handlers, &around, visit);
        }
    }

    /// Visits every block.
    pub fn each_block<'a>(&'a self, visit: &mut dyn FnMut(&'a Node)) {
        self.lists().into_iter().for_each(|(list, _, _)| task::each_block(list, visit));
    }
}

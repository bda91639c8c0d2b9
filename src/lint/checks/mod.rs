//! What rules look for, one file for each family. A check sees one document, or one task of it, and what is known of all
//! files together; it says what it found to the [`Desk`].

mod commands;
mod conditions;
mod habits;
mod handlers;
mod jinja;
mod missing;
mod modules;
mod risks;
mod secrets;
mod structure;

use super::document::Document;
use super::index::Index;
use super::rules::Rule;
use super::task::Task;
use crate::load::Node;
use crate::model::{Place, Remark};
use crate::template::Templates;
use std::ops::RangeInclusive;

/// What a check works with, and where it puts what it found.
pub(super) struct Desk<'a> {
    pub index: &'a Index,
    pub templates: &'a Templates,
    pub document: &'a Document,
    found: Vec<Remark>,
    /// The lines of the task that is looked at: a comment in any of them counts.
    lines: Option<RangeInclusive<u32>>,
}

impl<'a> Desk<'a> {
    /// Everything that is found in a document.
    pub fn look(index: &'a Index, templates: &'a Templates, document: &'a Document) -> Vec<Remark> {
        let mut desk = Self { index, templates, document, found: Vec::new(), lines: None };
        structure::document(&mut desk);
        secrets::document(&mut desk);
        jinja::document(&mut desk);
        missing::document(&mut desk);
        handlers::document(&mut desk);
        habits::document(&mut desk);
        document.each_task(&mut |task| {
            desk.lines = Some(task.node.place.line..=last_line(task.node));
            desk.task(task);
            desk.lines = None;
        });
        desk.found
    }

    fn task(&mut self, task: &Task<'_>) {
        modules::task(self, task);
        jinja::task(self, task);
        missing::task(self, task);
        handlers::task(self, task);
        conditions::task(self, task);
        commands::task(self, task);
        risks::task(self, task);
        habits::task(self, task);
    }

    /// Notes something, unless a comment asks for silence.
    pub fn say(
        &mut self,
        rule: &'static Rule,
        place: &Place,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        let comments = &self.document.comments;
        let silent = |lines: RangeInclusive<u32>| comments.silence(rule.name, lines);
        if silent(place.line..=place.line) || self.lines.clone().is_some_and(silent) {
            return;
        }
        self.found.push(Remark {
            rule: rule.name,
            about: rule.about,
            weight: rule.weight,
            place: place.clone(),
            message: message.into(),
            help,
        });
    }
}

/// The last line on which something of a node begins.
fn last_line(node: &Node) -> u32 {
    let below = match &node.value {
        crate::load::NodeValue::List(items) => items.iter().map(last_line).max(),
        crate::load::NodeValue::Map(entries) => {
            entries.iter().map(|(key, node)| key.place.line.max(last_line(node))).max()
        }
        _ => None,
    };
    below.unwrap_or(0).max(node.place.line)
}

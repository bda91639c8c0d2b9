//! Reading what names a role: an entry of a play's `roles`, or of a role's `dependencies`.

use super::keywords::{Scope, later};
use super::{Keywords, Reader};
use crate::load::problem::Problem;
use crate::load::yaml::{Key, Node, NodeValue};
use crate::model::Place;

/// A role that is named, with what it is given.
#[derive(Clone, Debug)]
pub struct RoleEntry {
    /// Where it stands.
    pub place: Place,
    /// Its name, or a path; may be a template.
    pub name: Node,
    /// What its tasks inherit; its `vars` rank with the role's own.
    pub keywords: Keywords,
    /// Any other key: parameters, which rank above nearly everything.
    pub params: Vec<(Key, Node)>,
}

impl Reader<'_> {
    /// Reads a list of roles.
    pub(super) fn roles(&mut self, node: &Node) -> Vec<RoleEntry> {
        match &node.value {
            NodeValue::Null => Vec::new(),
            NodeValue::List(items) => items.iter().filter_map(|item| self.role_entry(item)).collect(),
            _ => {
                self.problems.push(node.expected("a list of roles").help("begin each role with '- '"));
                Vec::new()
            }
        }
    }

    fn role_entry(&mut self, node: &Node) -> Option<RoleEntry> {
        let mut entry = RoleEntry {
            place: node.place.clone(),
            name: node.clone(),
            keywords: Keywords::default(),
            params: Vec::new(),
        };
        let NodeValue::Map(entries) = &node.value else {
            entry.name = self.text(node)?;
            return Some(entry);
        };
        let name = node.get("role").or_else(|| node.get("name"));
        let Some(name) = name else {
            let problem = Problem::at(&node.place, "a role without a name");
            self.problems.push(problem.help("write '- role: NAME'"));
            return None;
        };
        entry.name = self.text(name)?;
        for (key, value) in entries {
            match key.name.as_str() {
                "role" | "name" => {}
                _ if self.shared(&mut entry.keywords, Scope::Role, key, value).is_some() => {}
                name if Scope::Role.is_later(name) => self.problems.push(later(key)),
                _ => entry.params.push((key.clone(), value.clone())),
            }
        }
        Some(entry)
    }

    /// Reads the dependencies in a role's `meta/main.yml`: names, mappings, or what ansible-galaxy is to fetch.
    pub(super) fn dependencies(&mut self, node: &Node) -> Vec<RoleEntry> {
        let mut entries = Vec::new();
        for item in node.items() {
            let is_requirement = item.get("role").is_none() && item.get("name").is_none();
            match item.get("src").filter(|_| is_requirement) {
                Some(source) => {
                    let problem = Problem::at(&item.place, "a dependency without 'role'");
                    self.problems.push(
                        problem
                            .help(format!("name the role that '{}' is", source.word().unwrap_or_default())),
                    );
                }
                None => entries.extend(self.role_entry(item)),
            }
        }
        let known = ["src", "scm", "version"];
        entries.iter_mut().for_each(|e| e.params.retain(|(key, _)| !known.contains(&key.name.as_str())));
        entries
    }
}

//! An inventory while its sources are read: groups and hosts as they are named, checked as a whole at the end.

use super::hierarchy::{self, Children};
use super::{Group, Host, Inventory};
use crate::load::problem::{Problem, Problems};
use crate::load::yaml::{Key, Node, Variable, Variables};
use crate::model::{HostName, Place};
use indexmap::{IndexMap, IndexSet};
use std::collections::{HashMap, HashSet};

/// The group of every host.
pub(super) const ALL: &str = "all";
/// The group of hosts that are in no other.
pub(super) const UNGROUPED: &str = "ungrouped";
/// A variable that ranks a group among those of the same depth.
const PRIORITY: &str = "ansible_group_priority";

/// What the sources have said so far.
pub(super) struct Draft {
    groups: IndexMap<String, DraftGroup>,
    hosts: IndexMap<HostName, Host>,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

#[derive(Default)]
struct DraftGroup {
    defined: bool,
    named: Option<Place>,
    hosts: IndexSet<HostName>,
    children: IndexMap<String, Option<Place>>,
    variables: Variables,
}

impl Draft {
    pub(super) fn new() -> Self {
        let built_in = || DraftGroup { defined: true, ..DraftGroup::default() };
        Self {
            groups: [ALL, UNGROUPED].into_iter().map(|name| (name.to_owned(), built_in())).collect(),
            hosts: IndexMap::new(),
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// A group is defined here.
    pub(super) fn define(&mut self, key: &Key) {
        self.named(key).defined = true;
    }

    /// A group gets a child, which has to be defined somewhere.
    pub(super) fn child(&mut self, parent: &Key, child: &Key) {
        self.named(child);
        self.named(parent).children.entry(child.name.clone()).or_insert_with(|| Some(child.place.clone()));
    }

    /// A host belongs to a group.
    pub(super) fn host(&mut self, group: &Key, host: &HostName, place: &Place) {
        let fresh = || Host { place: place.clone(), variables: Variables::new() };
        self.hosts.entry(host.clone()).or_insert_with(fresh);
        self.named(group).hosts.insert(host.clone());
    }

    /// A host has a variable.
    pub(super) fn host_variable(&mut self, host: &HostName, key: &Key, node: Node) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.variables.insert(key.name.clone(), Variable { place: key.place.clone(), node });
        }
    }

    /// A group has a variable; the group has to be defined somewhere.
    pub(super) fn group_variable(&mut self, group: &Key, key: &Key, node: Node) {
        let variable = Variable { place: key.place.clone(), node };
        self.named(group).variables.insert(key.name.clone(), variable);
    }

    /// The group of a name, which needs a definition somewhere.
    fn named(&mut self, key: &Key) -> &mut DraftGroup {
        if !self.groups.contains_key(&key.name) && !is_group_name(&key.name) {
            let problem = Problem::at(&key.place, format!("'{}' is no group name", key.name));
            self.problems.push(problem.help("a name has letters, digits, '_', '-' and '.'"));
        }
        let group = self.groups.entry(key.name.clone()).or_default();
        group.named.get_or_insert_with(|| key.place.clone());
        group
    }

    /// Checks the whole and makes an inventory of it.
    ///
    /// # Errors
    /// The sources were wrong, a group is undefined or its own descendant.
    pub(super) fn finish(mut self) -> Result<Inventory, Problems> {
        self.check_definitions();
        self.check_names();
        self.adopt_groups();
        self.adopt_hosts();
        if self.hosts.is_empty() {
            self.warnings.push(Problem::bare("the inventory has no hosts").warning());
        }
        let children = self.children();
        let depths = hierarchy::depths(&children).unwrap_or_else(|way| {
            self.complain_of_loop(&way);
            HashMap::new()
        });
        let problems = &mut self.problems;
        let groups = self.groups.into_iter().map(|(name, group)| {
            let priority = priority(&group.variables, problems);
            let depth = depths.get(name.as_str()).copied().unwrap_or_default();
            let children = group.children.into_keys().collect();
            (name, Group { hosts: group.hosts, children, variables: group.variables, priority, depth })
        });
        let groups = groups.collect();
        Problems::check(self.problems)?;
        Ok(Inventory::new(groups, self.hosts, self.warnings))
    }

    fn check_definitions(&mut self) {
        let defined = self.groups.iter().filter(|(_, group)| group.defined).map(|(name, _)| name.as_str());
        for (name, group) in self.groups.iter().filter(|(_, group)| !group.defined) {
            let Some(place) = &group.named else { continue };
            let problem = Problem::at(place, format!("no group is called '{name}'"));
            self.problems.push(match crate::model::nearest(name, defined.clone()) {
                Some(_) => problem.nearest(name, defined.clone()),
                None => problem.help(format!("define it: '[{name}]' in INI, '{name}: {{}}' in YAML")),
            });
        }
    }

    fn check_names(&mut self) {
        for (name, group) in &self.groups {
            let host = name.parse::<HostName>().ok().filter(|name| self.hosts.contains_key(name));
            if let (Some(_), Some(place)) = (host, &group.named) {
                let problem = Problem::at(place, format!("'{name}' is the name of a group and of a host"));
                self.warnings.push(problem.warning().help("as a pattern it means the group"));
            }
        }
    }

    /// Groups without parents become children of `all`: `ungrouped` first, the others last.
    fn adopt_groups(&mut self) {
        let parented: HashSet<&String> =
            self.groups.values().flat_map(|group| group.children.keys()).collect();
        let orphans = self.groups.keys().filter(|name| *name != ALL && !parented.contains(name));
        let (first, last): (Vec<String>, Vec<String>) = orphans.cloned().partition(|name| name == UNGROUPED);
        if let Some(all) = self.groups.get_mut(ALL) {
            let given = std::mem::take(&mut all.children);
            let adopted = |names: Vec<String>| names.into_iter().map(|name| (name, None));
            all.children = adopted(first).chain(given).chain(adopted(last)).collect();
        }
    }

    /// Hosts that are in no other group are `ungrouped`.
    fn adopt_hosts(&mut self) {
        let named = self.groups.iter().filter(|(name, _)| !matches!(name.as_str(), ALL | UNGROUPED));
        let grouped: HashSet<&HostName> = named.flat_map(|(_, group)| &group.hosts).collect();
        let loose = self.hosts.keys().filter(|host| !grouped.contains(host)).cloned().collect();
        if let Some(ungrouped) = self.groups.get_mut(UNGROUPED) {
            ungrouped.hosts = loose;
        }
    }

    fn children(&self) -> Children {
        self.groups
            .iter()
            .map(|(name, group)| (name.clone(), group.children.keys().cloned().collect()))
            .collect()
    }

    fn complain_of_loop(&mut self, way: &[String]) {
        let edge = |pair: &[String]| self.groups.get(pair.first()?)?.children.get(pair.get(1)?)?.clone();
        let message = format!("groups in a loop: {}", way.join(" > "));
        let problem =
            way.windows(2).filter_map(edge).next_back().map(|place| Problem::at(&place, message.clone()));
        let problem = problem.unwrap_or_else(|| Problem::bare(message));
        self.problems.push(problem.help("a group can't be its own descendant: take one of the children out"));
    }
}

fn is_group_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-.@+/".contains(c))
}

fn priority(variables: &Variables, problems: &mut Vec<Problem>) -> i64 {
    let Some(Variable { node, .. }) = variables.get(PRIORITY) else { return 1 };
    let number = node.to_value().as_i64().or_else(|| node.str().ok()?.trim().parse().ok());
    number.unwrap_or_else(|| {
        problems.push(node.expected("a whole number"));
        1
    })
}

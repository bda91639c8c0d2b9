//! Hosts and groups that a run adds to what the inventory's files say.

use super::draft::{ALL, UNGROUPED};
use super::{Group, Host, Inventory};
use crate::load::yaml::Variables;
use crate::model::{HostName, Map, Place};
use indexmap::IndexSet;
use std::sync::Arc;

impl Inventory {
    /// Adds a host to groups, each with its parents; both are made where they are not there yet. Whether anything is new.
    pub fn add(&mut self, host: &HostName, groups: &[(String, Vec<String>)], variables: &Map) -> bool {
        let mut is_new = false;
        if !self.hosts.contains_key(host) {
            let place = Place { file: Arc::new("added by the run".into()), line: 0, column: 0 };
            self.hosts.insert(host.clone(), Host { place, variables: Variables::new() });
            is_new = true;
        }
        for (name, parents) in groups {
            for parent in parents.iter().filter(|parent| *parent != ALL) {
                is_new |= self.make_group(parent);
            }
            is_new |= self.make_group(name);
            for parent in parents {
                is_new |= self.make_child(parent, name);
            }
            if self.groups.get_mut(name).is_some_and(|group| group.hosts.insert(host.clone())) {
                self.upwards.has_home(host, name);
                is_new = true;
            }
        }
        let is_grouped = self.ladder(host).into_iter().any(|name| name != ALL && name != UNGROUPED);
        if let Some(ungrouped) = self.groups.get_mut(UNGROUPED) {
            match is_grouped {
                true if ungrouped.hosts.shift_remove(host) => self.upwards.has_left(host, UNGROUPED),
                false if ungrouped.hosts.insert(host.clone()) => self.upwards.has_home(host, UNGROUPED),
                _ => {}
            }
        }
        self.added.entry(host.clone()).or_default().extend(variables.clone());
        is_new
    }

    fn make_group(&mut self, name: &str) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        let group = Group {
            hosts: IndexSet::new(),
            children: Vec::new(),
            variables: Variables::new(),
            priority: 1,
            depth: 1,
        };
        self.groups.insert(name.to_owned(), group);
        self.make_child(ALL, name);
        true
    }

    fn make_child(&mut self, parent: &str, child: &str) -> bool {
        // A group that were its own ancestor would never end.
        if parent == child || self.descendants(child).contains(parent) {
            return false;
        }
        let depth = self.groups.get(parent).map_or(0, |group| group.depth);
        let Some(group) =
            self.groups.get_mut(parent).filter(|group| !group.children.iter().any(|c| c == child))
        else {
            return false;
        };
        group.children.push(child.to_owned());
        self.upwards.has_parent(child, parent);
        if let Some(group) = self.groups.get_mut(child) {
            group.depth = group.depth.max(depth + 1);
        }
        true
    }

    /// What a run said of a host, but for what its own file says.
    pub fn added_values(&self, host: &HostName) -> Map {
        let of_file = |name: &str| {
            let mut layers = self.layers.iter().filter_map(|layer| layer.hosts.get(host.as_str()));
            layers.any(|variables| variables.contains_key(name))
        };
        let added = self.added.get(host).into_iter().flatten();
        added.filter(|(name, _)| !of_file(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::ini;
    use super::*;
    use crate::load::inventory::Pattern;
    use serde_json::json;

    #[test]
    fn a_host_is_added_to_groups_old_and_new_and_its_variables_are_its_own() {
        let mut inventory = ini("lone\n[web]\na\n[web:vars]\nx=1\n");
        let host: HostName = "new".parse().unwrap();
        let groups = [("web".to_owned(), vec![]), ("fresh".to_owned(), vec!["above".to_owned()])];
        let variables = Map::from_iter([("y".to_owned(), json!({"z": 2}))]);
        assert!(inventory.add(&host, &groups, &variables));
        assert!(!inventory.add(&host, &groups, &variables));
        assert_eq!(inventory.values(&host)["x"], json!(1));
        assert_eq!(inventory.values(&host)["y"], json!({"z": 2}));
        let select = |text: &str| {
            inventory
                .select_known(&Pattern::parse(text, None).unwrap())
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        assert_eq!(select("above"), ["new"]);
        assert_eq!(select("web"), ["a", "new"]);
        assert_eq!(inventory.groups_of(&host), ["above", "fresh", "web"]);
        let lone: HostName = "lone".parse().unwrap();
        inventory.add(&lone, &[("fresh".to_owned(), vec!["all".to_owned()])], &Map::new());
        assert_eq!(inventory.groups_of(&lone), ["above", "fresh"]);
        assert!(inventory.groups()["ungrouped"].is_empty());
    }
}

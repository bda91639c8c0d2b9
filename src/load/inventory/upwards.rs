//! The way from a host up to the groups above it: which groups name it, and which groups have those as children. Looked up, not
//! searched for: an inventory may have thousands of groups, one below the other.

use super::Group;
use crate::model::HostName;
use indexmap::IndexMap;
use std::collections::{HashMap, HashSet};

/// What stands directly above each group and host.
#[derive(Clone, Debug, Default)]
pub(super) struct Upwards {
    parents: HashMap<String, Vec<String>>,
    homes: HashMap<HostName, Vec<String>>,
}

impl Upwards {
    pub fn of(groups: &IndexMap<String, Group>) -> Self {
        let mut upwards = Self::default();
        for (name, group) in groups {
            group.children.iter().for_each(|child| upwards.has_parent(child, name));
            group.hosts.iter().for_each(|host| upwards.has_home(host, name));
        }
        upwards
    }

    /// Notes that a group is another one's child.
    pub fn has_parent(&mut self, child: &str, parent: &str) {
        self.parents.entry(child.to_owned()).or_default().push(parent.to_owned());
    }

    /// Notes that a group names a host.
    pub fn has_home(&mut self, host: &HostName, group: &str) {
        self.homes.entry(host.clone()).or_default().push(group.to_owned());
    }

    /// Notes that a group names a host no more.
    pub fn has_left(&mut self, host: &HostName, group: &str) {
        if let Some(homes) = self.homes.get_mut(host) {
            homes.retain(|home| home != group);
        }
    }

    /// The groups above a host, each once, in no order.
    pub fn from(&self, host: &HostName) -> HashSet<&str> {
        let mut names = HashSet::new();
        let mut fresh: Vec<&String> = self.homes.get(host).into_iter().flatten().collect();
        while let Some(name) = fresh.pop() {
            if names.insert(name.as_str()) {
                fresh.extend(self.parents.get(name).into_iter().flatten());
            }
        }
        names
    }
}

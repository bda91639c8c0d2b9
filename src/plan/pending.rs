//! What a task that is looked at ahead of its turn can't know yet.

use super::scope::{Layer, is_plain_at_top, written};
use super::way::Way;
use crate::model::Map;
use crate::template::Binding;
use std::collections::HashSet;
use std::sync::Arc;

/// What a task ahead of its turn can't know yet: variables that tasks before it will set.
#[derive(Default, Clone)]
pub struct Pending {
    names: HashSet<String>,
    facts: bool,
    /// What tasks before it will set, where that is known.
    pub(super) known: Layer,
    /// What `include_vars` before it will set.
    pub(super) included: Layer,
    /// Where the task stands.
    pub(super) way: Way,
}

impl Pending {
    /// The task that is looked at stands there.
    pub fn stand_at(&mut self, way: &Way) {
        self.way = way.clone();
    }

    /// Notes what a task will set.
    pub fn add(&mut self, sets: &super::task::Sets<'_>) {
        self.names.extend(sets.register.map(str::to_owned));
        self.names.extend(sets.variables.into_iter().flat_map(|m| m.keys().cloned()));
        self.facts |= sets.facts;
        self.names.iter().for_each(|name| {
            self.known.remove(name);
        });
    }

    /// Notes what a task will set, where that is known already.
    pub fn know(&mut self, variables: &Map, included: &Map, tainted: bool) {
        for (name, value) in variables {
            self.names.remove(name);
            let data = Binding::Data(Arc::new(value.clone()));
            let bound = if tainted { Binding::Secret(Box::new(data)) } else { data };
            self.known.insert(name.clone(), bound);
        }
        self.included.extend(written(included));
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        let is_fact = (name.starts_with("ansible_") || is_plain_at_top(name)) && !is_magic(name);
        self.names.contains(name) || (self.facts && is_fact)
    }
}

/// Names that begin like facts and are none.
fn is_magic(name: &str) -> bool {
    matches!(
        name,
        "ansible_check_mode"
            | "ansible_diff_mode"
            | "ansible_play_hosts"
            | "ansible_play_hosts_all"
            | "ansible_play_batch"
            | "ansible_play_name"
            | "ansible_loop_var"
            | "ansible_failed_task"
            | "ansible_failed_result"
            | "ansible_index_var"
            | "ansible_version"
            | "ansible_managed"
            | "ansible_verbosity"
            | "ansible_limit"
            | "ansible_run_tags"
            | "ansible_skip_tags"
            | "ansible_inventory_sources"
            | "ansible_playbook_python"
            | "ansible_forks"
            | "ansible_config_file"
            | "ansible_search_path"
            | "ansible_role_name"
            | "ansible_role_names"
            | "ansible_play_role_names"
            | "ansible_dependent_role_names"
            | "ansible_parent_role_names"
            | "ansible_parent_role_paths"
            | "ansible_collection_name"
    )
}

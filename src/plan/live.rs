//! The hosts of a run: those of the inventory, and what `add_host` and `group_by` make of them on the way. Who looks at them
//! takes what is known now; nothing in it changes any more.

use super::ground::Ground;
use super::host_run::HostRun;
use super::scope::{Frame, Layer, written};
use super::task::Task;
use super::unit::{Running, Stage};
use crate::event::Status;
use crate::load::Inventory;
use crate::model::{HostName, Map, Value};
use crate::modules::Args;
use crate::template::Binding;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

impl HostRun {
    /// Adds what a task that is over says: hosts, or groups of its own one.
    pub(super) fn add_to_inventory(&self, running: &Running) {
        if !running.task.module.alters_inventory() {
            return;
        }
        for unit in running.units.iter().flatten() {
            if let Stage::Ended(end) = &unit.stage
                && let Some(addition) = Addition::of(&end.result).filter(|_| end.status == Status::Ok)
            {
                let addition = Addition { is_secret: end.tainted, ..addition };
                self.ground.variables.add(&addition);
            }
        }
    }
}

impl Addition {
    /// What a result of `add_host` or `group_by` says.
    fn of(result: &Map) -> Option<Self> {
        let texts = |value: Option<&Value>| -> Vec<String> {
            let list = value.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        if let Some(group) = result.get("add_group").and_then(Value::as_str) {
            let groups = vec![(group.to_owned(), texts(result.get("parent_groups")))];
            return Some(Self { groups, ..Self::default() });
        }
        let added = result.get("add_host")?;
        let groups = texts(added.get("groups")).into_iter().map(|group| (group, Vec::new())).collect();
        let variables = added.get("host_vars").and_then(Value::as_object).cloned().unwrap_or_default();
        let host = added.get("host_name")?.as_str()?.parse().ok();
        Some(Self { host, groups, variables, is_secret: false })
    }
}

impl Ground {
    /// Why a host may not be added as a task says: nothing that a host said names a new one, or how one is reached.
    pub(super) fn may_add(
        &self,
        task: &Task,
        layer: &Arc<Frame>,
        item: &Arc<Layer>,
        args: &Args,
    ) -> Result<(), String> {
        let name = args.text("name").unwrap_or_default();
        let settings = |args: &Args| -> Vec<(String, Value)> {
            let all = args.all().iter().filter(|(name, _)| name.starts_with("ansible_"));
            all.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let own = settings(args);
        let known = name.parse().is_ok_and(|host: HostName| self.variables.knows(&host));
        if known && own.is_empty() {
            return Ok(());
        }
        let plain = self.variables.settings_with(layer, &Arc::default());
        let is_written = match &task.each {
            None => true,
            Some(each) => {
                let items = self.items_of(task, each, &plain);
                let variable = super::unit::loop_variable(item).unwrap_or(&each.variable);
                let own = item.get(variable).and_then(Binding::value);
                items.zip(own).is_some_and(|(items, own)| items.contains(own))
            }
        };
        let nothing = Arc::default();
        let view = self.variables.settings_with(layer, if is_written { item } else { &nothing });
        let written = self.rendered(task, &view);
        let same = written.is_some_and(|written| {
            (known || written.text("name") == Some(name)) && settings(&written) == own
        });
        if same {
            return Ok(());
        }
        Err(format!(
            "'{name}' can't be added: who a new host is and how it is reached is written by people, in the playbook, the \
             inventory or --extra-vars, and comes from no other host's facts or results"
        ))
    }
}

/// The hosts of a run, which may become more.
#[derive(Default)]
pub struct Live(RwLock<Arc<Hosts>>);

/// The hosts of a run at a time.
#[derive(Clone, Default)]
pub struct Hosts {
    /// The inventory, with what was added to it.
    pub inventory: Option<Arc<Inventory>>,
    /// Variables of every host.
    pub variables: BTreeMap<HostName, Arc<Layer>>,
    /// `groups`.
    pub groups: Arc<Value>,
    /// `group_names` of every host.
    pub group_names: BTreeMap<HostName, Arc<Value>>,
    /// Hosts of which an added variable may be a secret: nobody knows which one.
    pub secretive: BTreeSet<HostName>,
    /// How often something was added.
    pub additions: usize,
}

/// What a task adds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Addition {
    /// The host; nothing: the task's own.
    pub host: Option<HostName>,
    /// Groups that it is in then, each with its parents.
    pub groups: Vec<(String, Vec<String>)>,
    /// Variables of it.
    pub variables: Map,
    /// Whether a secret is among them.
    pub is_secret: bool,
}

impl Live {
    /// The hosts of an inventory.
    pub fn of(inventory: Arc<Inventory>) -> Self {
        let mut hosts = Hosts { groups: groups(&inventory), ..Hosts::default() };
        for host in inventory.hosts() {
            hosts.variables.insert(host.clone(), Arc::new(layer(&inventory, host, true)));
            hosts.group_names.insert(host.clone(), names(&inventory, host));
        }
        hosts.inventory = Some(inventory);
        Self(RwLock::new(Arc::new(hosts)))
    }

    /// What is known now.
    pub fn now(&self) -> Arc<Hosts> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a host or groups of one; whether anything of it is new.
    pub fn add(&self, own: &HostName, addition: &Addition) -> bool {
        let host = addition.host.as_ref().unwrap_or(own);
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = &now.inventory else { return false };
        let mut inventory = Inventory::clone(before);
        let is_new = inventory.add(host, &addition.groups, &addition.variables);
        if !is_new && addition.variables.is_empty() {
            return false;
        }
        let mut next = Hosts::clone(&now);
        let is_of_file = before.contains(host) && !next.is_added(host);
        if addition.is_secret {
            next.secretive.insert(host.clone());
        }
        let mut all = layer(&inventory, host, is_of_file);
        if next.secretive.contains(host) {
            keep_secret(&mut all, &inventory, host);
        }
        next.variables.insert(host.clone(), Arc::new(all));
        next.group_names.insert(host.clone(), names(&inventory, host));
        next.groups = groups(&inventory);
        next.inventory = Some(Arc::new(inventory));
        next.additions += 1;
        *now = Arc::new(next);
        is_new
    }
}

impl Hosts {
    /// Whether a run added this host.
    fn is_added(&self, host: &HostName) -> bool {
        let place = self.inventory.as_ref().and_then(|inventory| inventory.place_of(host));
        place.is_some_and(|place| place.line == 0)
    }
}

/// A host's variables. What a run added is data; all else was written by a person.
fn layer(inventory: &Inventory, host: &HostName, has_file: bool) -> Layer {
    let mut layer = written(&inventory.values(host));
    for (name, value) in inventory.added_values(host) {
        layer.insert(name, Binding::Data(Arc::new(value)));
    }
    for (name, path) in of_source(inventory, host).into_iter().filter(|_| has_file) {
        layer.entry(name.to_owned()).or_insert_with(|| Binding::Data(Arc::new(path.into())));
    }
    layer
}

/// Counts what was added to a host as secret, but for how it is reached: no secret comes to be that.
fn keep_secret(layer: &mut Layer, inventory: &Inventory, host: &HostName) {
    for (name, _) in inventory.added_values(host) {
        if let Some(bound) = layer.get_mut(&name).filter(|_| !Inventory::is_seen_by_others(&name)) {
            *bound = Binding::Secret(Box::new(bound.clone()));
        }
    }
}

/// `inventory_file` and `inventory_dir` of a host.
fn of_source(inventory: &Inventory, host: &HostName) -> Vec<(&'static str, String)> {
    let Some(file) = inventory.place_of(host).and_then(|place| std::path::absolute(&**place.file).ok())
    else {
        return Vec::new();
    };
    let shown = |path: &Path| path.to_string_lossy().into_owned();
    let mut all = vec![("inventory_file", shown(&file))];
    all.extend(file.parent().map(|folder| ("inventory_dir", shown(folder))));
    all
}

pub(super) fn groups(inventory: &Inventory) -> Arc<Value> {
    let names = |hosts: Vec<&HostName>| -> Value { hosts.iter().map(|h| h.as_str()).collect() };
    let groups = inventory.groups().into_iter().map(|(name, hosts)| (name.to_owned(), names(hosts)));
    Arc::new(Value::Object(groups.collect()))
}

fn names(inventory: &Inventory, host: &HostName) -> Arc<Value> {
    Arc::new(inventory.groups_of(host).into_iter().filter(|group| *group != "all").collect())
}

//! Variables as one task on one host sees them, in Ansible's order of precedence.

use super::around::Exported;
use super::hands::is_this_machine;
use super::live::Hosts;
use super::measured::{known_of, was_read};
use super::pending::Pending;
use super::scope::{Frame, Layer, Shared, Variables};
use super::way::Way;
use crate::model::{HostName, Map, Value};
use crate::template::{Binding, Cause, Scope};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

impl Variables {
    /// A task's view.
    pub fn view(
        &self,
        frame: &Arc<Frame>,
        item: &Arc<Layer>,
        pending: Option<&Arc<Pending>>,
    ) -> Arc<dyn Scope> {
        Arc::new(self.see(frame, item, pending))
    }

    /// The view from which connection and privilege settings are resolved: nothing that came from a host is in it.
    pub fn settings(&self, frame: &Arc<Frame>) -> Arc<dyn Scope> {
        let none = Arc::default();
        let seen = self.see(frame, &none, None);
        let seen = View { set: none.clone(), facts: none, undecided: None, connection: None, ..seen };
        Arc::new(seen.confined())
    }

    /// The same with loop variables that a person wrote.
    pub fn settings_with(&self, frame: &Arc<Frame>, item: &Arc<Layer>) -> Arc<dyn Scope> {
        let none: Arc<Layer> = Arc::default();
        let seen = self.see(&without_given(frame), item, None);
        Arc::new(View { set: none.clone(), facts: none, undecided: None, ..seen }.confined())
    }

    /// What people wrote, and what is known to be measured, with loop variables that are nothing else.
    pub(super) fn measured_view(&self, frame: &Arc<Frame>, item: &Arc<Layer>) -> Arc<dyn Scope> {
        let (set, facts) = (self.measured.of(&self.set), self.measured.of_facts(&self.fact_layer));
        let given = Arc::new(known_of(&frame.given, |_| false));
        let frame = Arc::new(Frame { own: frame.own.clone(), around: frame.around.clone(), given });
        let seen = self.see(&frame, item, None);
        let seen = View { set: Arc::new(set), facts: Arc::new(facts), undecided: None, ..seen };
        Arc::new(View { names_read: true, ..seen.confined() })
    }

    /// The same for another host: what the inventory says of that one counts.
    pub fn settings_at(&self, host: &HostName, frame: &Arc<Frame>) -> Arc<dyn Scope> {
        let none = Arc::default();
        let seen = self.see(frame, &none, None);
        let host = host.clone();
        let seen = View { host, set: none.clone(), facts: none, undecided: None, connection: None, ..seen };
        Arc::new(seen.confined())
    }

    fn see(&self, frame: &Arc<Frame>, item: &Arc<Layer>, pending: Option<&Arc<Pending>>) -> View {
        View {
            host: self.host.clone(),
            hosts: self.shared.live.now(),
            shared: self.shared.clone(),
            item: item.clone(),
            set: self.set.clone(),
            included: self.included.clone(),
            undecided: self.undecided.clone(),
            frame: frame.clone(),
            connection: Some(self.connection.clone()),
            exported: self.exported.clone(),
            files: self.files.clone(),
            play: self.play.clone(),
            facts: self.fact_layer.clone(),
            magic: self.magic.clone(),
            way: match pending {
                Some(pending) => pending.way.clone(),
                None => self.way.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            },
            waits: self.waits.clone(),
            pending: pending.cloned(),
            is_confined: false,
            names_read: false,
        }
    }
}

/// A frame without what an include gave it: that may be items that a host said.
fn without_given(frame: &Frame) -> Arc<Frame> {
    Arc::new(Frame { own: frame.own.clone(), around: frame.around.clone(), given: Arc::default() })
}

/// What one task sees.
#[derive(Clone)]
struct View {
    host: HostName,
    hosts: Arc<Hosts>,
    shared: Arc<Shared>,
    item: Arc<Layer>,
    set: Arc<Layer>,
    included: Arc<Layer>,
    undecided: Option<Cause>,
    frame: Arc<Frame>,
    /// How the host is reached, where no variable says so; nothing where that is just being asked.
    connection: Option<Arc<str>>,
    exported: Exported,
    files: Arc<Layer>,
    play: Arc<Layer>,
    facts: Arc<Layer>,
    magic: Arc<Layer>,
    pending: Option<Arc<Pending>>,
    way: Way,
    waits: Arc<Mutex<Option<HostName>>>,
    /// Nothing in it came from another host either.
    is_confined: bool,
    /// What would have is there by its name, and unknown.
    names_read: bool,
}

impl View {
    /// The same without what other hosts found out, and without variables that a run gave to hosts.
    fn confined(self) -> Self {
        Self { is_confined: true, ..self }
    }

    /// Whether a variable of a host that stands in the inventory is there for whoever looks: how an added host is reached was
    /// compared with what people wrote, its other variables were not.
    fn shows(&self, name: &str, bound: &Binding) -> bool {
        let is_checked = name.starts_with("ansible_") || matches!(name, "inventory_dir" | "inventory_file");
        !self.is_confined || is_checked || matches!(bound, Binding::Written(_))
    }

    /// The layers, highest precedence first.
    fn layers(&self) -> impl Iterator<Item = &Layer> {
        let around = &self.frame.around;
        static NOTHING: std::sync::LazyLock<Layer> = std::sync::LazyLock::new(Layer::new);
        let pending = self.pending.as_ref();
        let [known, included] = pending.map_or([&*NOTHING; 2], |pending| [&pending.known, &pending.included]);
        let above = [
            self.item.as_ref(),
            &self.shared.extra,
            &self.frame.given,
            &around.params,
            known,
            &self.set,
            included,
            &self.included,
            &self.frame.own,
            &around.role_vars,
            &self.exported.vars,
            &self.files,
            &self.play,
            &self.facts,
        ];
        let inventory = self.hosts.variables.get(&self.host).map(Arc::as_ref);
        let below = [around.defaults.as_ref(), &self.exported.defaults, &around.magic, &self.magic];
        above.into_iter().chain(inventory).chain(below)
    }

    /// What tasks know of how their host is reached, where nobody said it.
    fn usual(&self, name: &str) -> Option<Binding> {
        let connection = self.connection.as_deref()?;
        let said = match name {
            "ansible_connection" => connection,
            "ansible_host" | "ansible_ssh_host" => self.host.as_str(),
            // None were gathered, which is no mistake.
            "ansible_facts" if self.undecided.is_none() => {
                return Some(Binding::Data(Arc::new(Value::Object(Map::new()))));
            }
            _ => return None,
        };
        Some(Binding::Data(Arc::new(Value::String(said.to_owned()))))
    }

    fn magic(&self, name: &str) -> Option<Binding> {
        let text = |s: &str| Some(Binding::Data(Arc::new(Value::String(s.to_owned()))));
        match name {
            "inventory_hostname" => text(self.host.as_str()),
            "inventory_hostname_short" => text(self.host.as_str().split('.').next().unwrap_or_default()),
            "vars" => Some(Binding::Scope(Arc::new(self.clone()))),
            // No Python is needed here either; inventories name it for this machine all the same.
            "ansible_playbook_python" => text("/usr/bin/python3"),
            "ansible_search_path" => {
                let folders = self.search_dirs();
                let folders: Value =
                    folders.iter().map(|folder| folder.to_string_lossy().into_owned()).collect();
                Some(Binding::Data(Arc::new(folders)))
            }
            "groups" => Some(Binding::Data(self.hosts.groups.clone())),
            "group_names" => self.hosts.group_names.get(&self.host).map(|n| Binding::Data(n.clone())),
            "hostvars" => Some(Binding::Scope(Arc::new(HostVars { own: self.clone() }))),
            _ => None,
        }
    }
}

impl Scope for View {
    fn get(&self, name: &str) -> Option<Binding> {
        if self.pending.as_ref().is_some_and(|p| p.covers(name)) && !self.item.contains_key(name) {
            return Some(Binding::Unknown(Cause::from("a task that has not run yet")));
        }
        let inventory = self.hosts.variables.get(&self.host).map(Arc::as_ptr);
        let shown = |layer: &Layer| {
            let bound = layer.get(name)?;
            let is_of_host = inventory.is_some_and(|of_host| std::ptr::eq(of_host, layer));
            match !is_of_host || self.shows(name, bound) {
                true => Some(bound.clone()),
                false => self.names_read.then(was_read),
            }
        };
        let known = self.magic(name).or_else(|| self.layers().find_map(shown));
        known.or_else(|| self.usual(name)).or_else(|| self.undecided.clone().map(Binding::Unknown))
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.layers().flat_map(|layer| layer.keys().cloned()).collect();
        names.extend(["inventory_hostname", "groups", "group_names", "hostvars"].map(str::to_owned));
        names.sort();
        names.dedup();
        names
    }

    fn search_dirs(&self) -> Vec<PathBuf> {
        // Whole paths: what a lookup finds is handed on to modules, which look from folders of their own.
        self.frame.around.folders.iter().map(|folder| super::library::whole(folder)).collect()
    }
}

/// `hostvars`: host name to that host's variables.
struct HostVars {
    /// What the asking task sees: its own host's entry, so that what is pending or unknown is so here too.
    own: View,
}

impl Scope for HostVars {
    fn get(&self, name: &str) -> Option<Binding> {
        let host: HostName = name.parse().ok()?;
        if host == self.own.host {
            // What plays, roles and tasks say is no variable of a host.
            let none: Arc<Layer> = Arc::default();
            let of_host = View {
                item: none.clone(),
                frame: Arc::default(),
                exported: Exported::default(),
                files: none.clone(),
                play: none,
                connection: None,
                ..self.own.clone()
            };
            return Some(Binding::Scope(Arc::new(of_host)));
        }
        let shared = &self.own.shared;
        // This machine is there whether or not the inventory has it.
        let inventory = match self.own.hosts.variables.get(&host) {
            Some(said) => said.clone(),
            None if is_this_machine(name) => Arc::default(),
            None => return None,
        };
        let group_names = self.own.hosts.group_names.get(&host).cloned();
        let is_confined = self.own.is_confined;
        let waits = shared.progress.read().ok()?.get(&host).is_some_and(|at| *at < self.own.way);
        let waits = waits.then(|| self.own.waits.clone()).filter(|_| !is_confined);
        let published = match is_confined {
            true if self.own.names_read => {
                let read = shared.published.read().ok()?;
                read.get(&host).map(|read| known_of(read, |_| false)).unwrap_or_default()
            }
            true => Layer::new(),
            false => shared.published.read().ok()?.get(&host).cloned().unwrap_or_default(),
        };
        let inventory = match is_confined {
            true if self.own.names_read => Arc::new(known_of(&inventory, |name| {
                inventory.get(name).is_some_and(|bound| self.own.shows(name, bound))
            })),
            true => {
                let shown = inventory.iter().filter(|(name, bound)| self.own.shows(name, bound));
                Arc::new(shown.map(|(name, bound)| (name.clone(), bound.clone())).collect())
            }
            false => inventory,
        };
        Some(Binding::Scope(Arc::new(OtherHost { host, inventory, published, waits, group_names })))
    }

    fn names(&self) -> Vec<String> {
        self.own.hosts.variables.keys().map(|h| h.as_str().to_owned()).collect()
    }
}

struct OtherHost {
    host: HostName,
    inventory: Arc<Layer>,
    published: Layer,
    /// Set where the host has not come so far yet that all is known of it which the play says is known here.
    waits: Option<Arc<Mutex<Option<HostName>>>>,
    group_names: Option<Arc<Value>>,
}

impl Scope for OtherHost {
    fn get(&self, name: &str) -> Option<Binding> {
        let never_found_out = matches!(
            name,
            "inventory_hostname"
                | "group_names"
                | "ansible_host"
                | "ansible_port"
                | "ansible_user"
                | "ansible_connection"
        );
        if let (Some(waits), false) = (&self.waits, never_found_out) {
            *waits.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.host.clone());
            return Some(Binding::Unknown(Cause::from(format!("what {} has yet to do", self.host))));
        }
        if let Some(binding) = self.published.get(name) {
            return Some(binding.clone());
        }
        if let (Some(short), Some(Binding::Data(facts))) =
            (name.strip_prefix("ansible_"), self.published.get("ansible_facts"))
            && let Some(fact) = facts.get(short)
        {
            return Some(Binding::Data(Arc::new(fact.clone())));
        }
        match name {
            "inventory_hostname" => {
                Some(Binding::Data(Arc::new(Value::String(self.host.as_str().to_owned()))))
            }
            "group_names" => self.group_names.clone().map(Binding::Data),
            _ => self.inventory.get(name).cloned(),
        }
    }

    fn names(&self) -> Vec<String> {
        self.published.keys().chain(self.inventory.keys()).cloned().collect()
    }
}

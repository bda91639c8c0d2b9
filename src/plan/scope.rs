//! Variables as one task on one host sees them, in Ansible's order of precedence.
//!
//! What a person wrote is a template and resolved at use; what came from a host is data for ever. Facts have a layer of
//! their own and never reach connection settings: those are resolved with [`Variables::settings`].

use super::around::{Around, Exported, InRole};
use super::ground::is_this_machine;
use super::live::{Addition, Hosts, Live};
use super::way::Way;
use crate::model::{HostName, Map, Value};
use crate::template::{Binding, Cause, Scope};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Names and what they are bound to.
pub type Layer = HashMap<String, Binding>;

/// Makes a layer of what a person wrote.
pub fn written(map: &Map) -> Layer {
    map.iter().map(|(name, value)| (name.clone(), Binding::Written(Arc::new(value.clone())))).collect()
}

/// A task's own variables, and what stands around it.
#[derive(Default)]
pub struct Frame {
    /// `vars` of the task and of the blocks that it is in.
    pub own: Arc<Layer>,
    /// Roles and includes.
    pub around: Arc<Around>,
    /// What an include gave it on this host: items of a loop.
    pub given: Arc<Layer>,
}

impl Frame {
    /// A frame of what was written.
    pub fn new(own: Map, around: Arc<Around>) -> Arc<Self> {
        Arc::new(Self { own: Arc::new(written(&own)), around, given: Arc::default() })
    }

    /// The same with what an include gives it.
    pub fn with(self: &Arc<Self>, given: &Arc<Layer>) -> Arc<Self> {
        if given.is_empty() {
            return self.clone();
        }
        Arc::new(Self { own: self.own.clone(), around: self.around.clone(), given: given.clone() })
    }
}

/// What all hosts of a run share.
#[derive(Default)]
pub struct Shared {
    /// `--extra-vars`: above everything.
    pub extra: Arc<Layer>,
    /// The hosts, with their groups and what the inventory says of them.
    pub live: Live,
    /// What hosts have found out so far: facts, registered results, set facts. Visible to others by `hostvars`.
    pub published: RwLock<BTreeMap<HostName, Layer>>,
    /// How far each host is that is in the batch under way.
    pub progress: RwLock<BTreeMap<HostName, Way>>,
    /// What goes on apart from tasks (`async`).
    pub jobs: super::jobs::Jobs,
}

/// Variables of one host in one play. Layers are shared, so that a view costs a few counters.
pub struct Variables {
    /// The host.
    pub host: HostName,
    shared: Arc<Shared>,
    /// `set_fact` and `register`.
    set: Arc<Layer>,
    /// `include_vars`.
    included: Arc<Layer>,
    /// Why what nobody knows may be known all the same: a dry run came by an include that it can't decide.
    undecided: Option<Cause>,
    facts: Map,
    /// Whether a secret was made a fact.
    has_secret_facts: bool,
    fact_layer: Arc<Layer>,
    play: Arc<Layer>,
    files: Arc<Layer>,
    magic: Arc<Layer>,
    /// How the host is reached, where no variable says so.
    connection: Arc<str>,
    /// What roles of the play let all tasks see.
    exported: Exported,
    /// Where the task stands that is evaluated.
    way: Mutex<Way>,
    /// A host that must come further before the task can be evaluated.
    waits: Arc<Mutex<Option<HostName>>>,
}

/// What a task ahead of its turn can't know yet: variables that tasks before it will set.
#[derive(Default, Clone)]
pub struct Pending {
    names: HashSet<String>,
    facts: bool,
    /// What tasks before it will set, where that is known.
    known: Layer,
    /// What `include_vars` before it will set.
    included: Layer,
    /// Where the task stands.
    way: Way,
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

    fn covers(&self, name: &str) -> bool {
        let is_fact = (name.starts_with("ansible_") || is_plain_at_top(name)) && !is_magic(name);
        self.names.contains(name) || (self.facts && is_fact)
    }
}

/// Facts that playbooks know without a prefix.
fn is_plain_at_top(name: &str) -> bool {
    matches!(name, "services" | "packages" | "mount_points" | "aggregate_mounts")
        || name.starts_with("getent_")
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

impl Variables {
    /// The variables of a host at the beginning of a play.
    pub fn new(
        host: HostName,
        shared: Arc<Shared>,
        play: Arc<Layer>,
        files: Arc<Layer>,
        magic: Arc<Layer>,
    ) -> Self {
        let known = shared.published.read().ok().and_then(|published| published.get(&host).cloned());
        let mut this = Self {
            host,
            shared,
            set: Arc::default(),
            included: Arc::default(),
            undecided: None,
            facts: Map::new(),
            has_secret_facts: false,
            fact_layer: Arc::default(),
            play,
            files,
            magic,
            connection: Arc::from("ssh"),
            exported: Exported::default(),
            way: Mutex::default(),
            waits: Arc::default(),
        };
        this.recall(known.unwrap_or_default());
        this
    }

    /// The same for a play that says how hosts are reached.
    #[must_use]
    pub fn reached_by(self, connection: Option<&Value>) -> Self {
        let said = connection.and_then(Value::as_str).filter(|said| !said.contains("{{"));
        Self { connection: said.map_or(self.connection.clone(), Arc::from), ..self }
    }

    /// The same, with what roles of the play let all tasks see.
    #[must_use]
    pub fn with_roles(self, exported: Exported) -> Self {
        Self { exported, ..self }
    }

    /// Takes over what the host found out in earlier plays.
    fn recall(&mut self, mut known: Layer) {
        let (facts, secret) = match known.remove("ansible_facts") {
            Some(Binding::Secret(inner)) => (Some(*inner), true),
            other => (other, false),
        };
        if let Some(Binding::Data(facts)) = facts
            && let Value::Object(map) = facts.as_ref()
        {
            self.add_facts(map.clone());
            if secret {
                self.keep_facts_secret();
            }
        }
        // Only what `include_vars` sets is written; everything else came from a host.
        let (included, set) = known.into_iter().partition(|(_, bound)| matches!(bound, Binding::Written(_)));
        (self.included, self.set) = (Arc::new(included), Arc::new(set));
    }

    /// Sets what `include_vars` sets: templates, as they were written.
    pub fn include(&mut self, variables: &Map) {
        Arc::make_mut(&mut self.included).extend(written(variables));
    }

    /// Sets what files of variables say.
    pub fn set_files(&mut self, files: Layer) {
        self.files = Arc::new(files);
    }

    /// Notes that a dry run came by an include that it can't decide.
    pub fn leave_undecided(&mut self, cause: &str) {
        self.undecided.get_or_insert_with(|| Cause::from(cause));
    }

    /// Counts a role among those of the play, now that an include has brought it in.
    pub fn name_role(&mut self, name: &str) {
        let magic = Arc::make_mut(&mut self.magic);
        for list in ["ansible_play_role_names", "ansible_role_names", "role_names"] {
            let Some(Binding::Data(known)) = magic.get(list) else { continue };
            let mut names = known.as_array().cloned().unwrap_or_default();
            if !names.iter().any(|known| known == name) {
                names.push(name.into());
                magic.insert(list.to_owned(), Binding::Data(Arc::new(Value::Array(names))));
            }
        }
    }

    /// Adds a role to those that all tasks see.
    pub fn export(&mut self, role: &InRole) {
        self.exported.add(role);
    }

    /// The task that is evaluated stands there.
    pub fn stand_at(&self, way: &Way) {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner) = way.clone();
    }

    /// The host whose results were needed, and are not there yet.
    pub fn take_wait(&self) -> Option<HostName> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Says how far the host is; nothing: it has left the batch.
    pub fn note_progress(&self, way: Option<&Way>) {
        let Ok(mut progress) = self.shared.progress.write() else { return };
        match way {
            Some(way) => progress.insert(self.host.clone(), way.clone()),
            None => progress.remove(&self.host),
        };
    }

    /// Adds a host or groups for the rest of the run.
    pub fn add(&self, addition: &Addition) -> bool {
        self.shared.live.add(&self.host, addition)
    }

    /// What goes on apart from tasks.
    pub fn jobs(&self) -> &super::jobs::Jobs {
        &self.shared.jobs
    }

    /// Forgets all facts.
    pub fn clear_facts(&mut self) {
        self.facts = Map::new();
        self.fact_layer = Arc::default();
    }

    /// Sets what `set_fact` and `register` set.
    pub fn set(&mut self, name: String, binding: Binding) {
        Arc::make_mut(&mut self.set).insert(name, binding);
    }

    /// Adds facts: below `ansible_facts`, and at the top with the prefix `ansible_`.
    pub fn add_facts(&mut self, facts: Map) {
        let layer = Arc::make_mut(&mut self.fact_layer);
        for (name, value) in &facts {
            let is_long = name.starts_with("ansible_") || is_plain_at_top(name);
            let top = if is_long { name.clone() } else { format!("ansible_{name}") };
            layer.insert(top, Binding::Data(Arc::new(value.clone())));
        }
        self.facts.extend(facts);
        let all = Arc::new(Value::Object(self.facts.clone()));
        layer.insert("ansible_facts".into(), Binding::Data(all));
        if self.has_secret_facts {
            self.keep_facts_secret();
        }
    }

    /// A secret is among the facts: from now on all of them count as one, for nobody knows which is which.
    pub fn keep_facts_secret(&mut self) {
        self.has_secret_facts = true;
        for bound in Arc::make_mut(&mut self.fact_layer).values_mut() {
            if !matches!(bound, Binding::Secret(_)) {
                *bound = Binding::Secret(Box::new(bound.clone()));
            }
        }
    }

    /// Notes that facts can't be known in a dry run, because a change that was not made stands before them. What `setup`
    /// gathered before stays.
    pub fn doubt_facts(&mut self, task: &super::task::Task, cause: &str) {
        if task.module.name == "setup" {
            return;
        }
        let layer = Arc::make_mut(&mut self.fact_layer);
        let database = task.args.get("database").and_then(Value::as_str);
        let plain = match task.module.name {
            "service_facts" => Some("services".to_owned()),
            "package_facts" => Some("packages".to_owned()),
            _ => database.map(|database| format!("getent_{database}")),
        };
        for name in plain.into_iter().chain(["ansible_facts".to_owned()]) {
            layer.insert(name, Binding::Unknown(Cause::from(cause.to_owned())));
        }
    }

    /// Lets other hosts and later plays see what this one found out.
    pub fn publish(&self) {
        let mut layer = (*self.set).clone();
        if let Some(facts) = self.fact_layer.get("ansible_facts") {
            layer.insert("ansible_facts".into(), facts.clone());
        }
        for (name, bound) in self.included.iter() {
            layer.entry(name.clone()).or_insert_with(|| bound.clone());
        }
        if let Ok(mut published) = self.shared.published.write() {
            // Somebody else may have found facts out for it.
            published.entry(self.host.clone()).or_default().extend(layer);
        }
    }

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
        Arc::new(View { set: none.clone(), facts: none, undecided: None, connection: None, ..seen })
    }

    /// The same with loop variables that a person wrote.
    pub fn settings_with(&self, frame: &Arc<Frame>, item: &Arc<Layer>) -> Arc<dyn Scope> {
        let none: Arc<Layer> = Arc::default();
        // What an include gave may be items that a host said.
        let frame = Frame { own: frame.own.clone(), around: frame.around.clone(), given: none.clone() };
        let seen = self.see(&Arc::new(frame), item, None);
        Arc::new(View { set: none.clone(), facts: none, undecided: None, ..seen })
    }

    /// The same for another host: what the inventory says of that one counts.
    pub fn settings_at(&self, host: &HostName, frame: &Arc<Frame>) -> Arc<dyn Scope> {
        let none = Arc::default();
        let seen = self.see(frame, &none, None);
        Arc::new(View {
            host: host.clone(),
            set: none.clone(),
            facts: none,
            undecided: None,
            connection: None,
            ..seen
        })
    }

    /// Whether the inventory has a host of this name.
    pub fn knows(&self, host: &HostName) -> bool {
        self.shared.live.now().variables.contains_key(host)
    }

    /// Takes facts that were found for another host, for it and for whoever asks for its variables.
    pub fn publish_facts_of(&self, host: &HostName, facts: Map, variables: Map, tainted: bool) {
        let bound = |value: Value| {
            let data = Binding::Data(Arc::new(value));
            if tainted { Binding::Secret(Box::new(data)) } else { data }
        };
        let Ok(mut published) = self.shared.published.write() else { return };
        let layer = published.entry(host.clone()).or_default();
        let known = match layer.get("ansible_facts") {
            Some(Binding::Secret(inner)) => Some(&**inner),
            other => other,
        };
        let mut known = match known {
            Some(Binding::Data(known)) => known.as_object().cloned().unwrap_or_default(),
            _ => Map::new(),
        };
        known.extend(facts);
        layer.insert("ansible_facts".into(), bound(Value::Object(known)));
        layer.extend(variables.into_iter().map(|(name, value)| (name, bound(value))));
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
        }
    }
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
}

impl View {
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
        let known = self.magic(name).or_else(|| self.layers().find_map(|layer| layer.get(name)).cloned());
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
        let waits = shared.progress.read().ok()?.get(&host).is_some_and(|at| *at < self.own.way);
        let waits = waits.then(|| self.own.waits.clone());
        let published = shared.published.read().ok()?.get(&host).cloned().unwrap_or_default();
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

//! Variables of one host: who set them, and what is kept of them for other hosts and later plays. `view` puts them in
//! order.
//!
//! What a person wrote is a template and resolved at use; what came from a host is data for ever. Facts have a layer of
//! their own and never reach connection settings: those are resolved with [`Variables::settings`].

use super::around::{Around, Exported, InRole};
use super::live::{Addition, Live};
use super::measured::Measured;
use super::way::Way;
use crate::model::{HostName, Map, Value};
use crate::modules::{Effect, Facts};
use crate::template::{Binding, Cause};
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// Which of them come out of files, that others may have written.
    pub filed: BTreeSet<String>,
    /// The hosts, with their groups and what the inventory says of them.
    pub live: Live,
    /// What hosts have found out so far: facts, registered results, set facts. Visible to others by `hostvars`.
    pub published: RwLock<BTreeMap<HostName, Layer>>,
    /// What others found out for a host (`delegate_facts`) that it has not heard of yet.
    pub found: Mutex<BTreeMap<HostName, Vec<Found>>>,
    /// How far each host is that is in the batch under way.
    pub progress: RwLock<BTreeMap<HostName, Way>>,
    /// What goes on apart from tasks (`async`).
    pub jobs: super::jobs::Jobs,
}

/// What one host found out for another.
pub struct Found {
    facts: Map,
    variables: Layer,
    tainted: bool,
}

/// Variables of one host in one play. Layers are shared, so that a view costs a few counters.
pub struct Variables {
    /// The host.
    pub host: HostName,
    pub(super) shared: Arc<Shared>,
    /// `set_fact` and `register`.
    pub(super) set: Arc<Layer>,
    /// `include_vars`.
    pub(super) included: Arc<Layer>,
    /// Why what nobody knows may be known all the same: a dry run came by an include that it can't decide.
    pub(super) undecided: Option<Cause>,
    facts: Map,
    /// Whether a secret was made a fact.
    has_secret_facts: bool,
    pub(super) fact_layer: Arc<Layer>,
    pub(super) play: Arc<Layer>,
    pub(super) files: Arc<Layer>,
    pub(super) magic: Arc<Layer>,
    /// How the host is reached, where no variable says so.
    pub(super) connection: Arc<str>,
    /// What roles of the play let all tasks see.
    pub(super) exported: Exported,
    /// Where the task stands that is evaluated.
    pub(super) way: Mutex<Way>,
    /// A host that must come further before the task can be evaluated.
    pub(super) waits: Arc<Mutex<Option<HostName>>>,
    /// Which of all that hold nothing that was read in files.
    pub(super) measured: Measured,
}

/// Facts that playbooks know without a prefix.
pub(super) fn is_plain_at_top(name: &str) -> bool {
    matches!(name, "services" | "packages" | "mount_points" | "aggregate_mounts")
        || name.starts_with("getent_")
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
            measured: Measured::default(),
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
    pub fn include(&mut self, variables: &Map, tainted: bool) {
        let marked = |bound: Binding| if tainted { Binding::Secret(Box::new(bound)) } else { bound };
        let all = written(variables).into_iter().map(|(name, bound)| (name, marked(bound)));
        Arc::make_mut(&mut self.included).extend(all);
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
        self.measured.forget(&name);
        Arc::make_mut(&mut self.set).insert(name, binding);
    }

    /// Adds facts: below `ansible_facts`, and at the top with the prefix `ansible_`.
    pub fn add_facts(&mut self, facts: Map) {
        self.measured.forget_facts(&facts);
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
        let plain = match task.module.effect {
            Effect::Facts(Facts::Gathered) => return,
            Effect::Facts(Facts::Named(names)) => names.iter().map(|name| (*name).to_owned()).collect(),
            Effect::Facts(Facts::Each { prefix, param }) => {
                let said = task.args.get(param).and_then(Value::as_str);
                said.map(|said| format!("{prefix}{said}")).into_iter().collect()
            }
            _ => Vec::new(),
        };
        let layer = Arc::make_mut(&mut self.fact_layer);
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
        let own: Layer = variables.into_iter().map(|(name, value)| (name, bound(value))).collect();
        if let Ok(mut found) = self.shared.found.lock() {
            let entry = Found { facts: facts.clone(), variables: own.clone(), tainted };
            found.entry(host.clone()).or_default().push(entry);
        }
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
        layer.extend(own);
    }

    /// Drops what others found out for this host in plays before: it is in what was published.
    pub fn begin(&self) {
        if let Ok(mut found) = self.shared.found.lock() {
            found.remove(&self.host);
        }
    }

    /// Takes what others found out for this host.
    pub fn hear(&mut self) {
        let found = self.shared.found.lock().ok().and_then(|mut found| found.remove(&self.host));
        for Found { facts, variables, tainted } in found.into_iter().flatten() {
            for (name, bound) in variables {
                self.set(name, bound);
            }
            if !facts.is_empty() {
                self.add_facts(facts);
                if tainted {
                    self.keep_facts_secret();
                }
            }
        }
    }
}

//! Runs a playbook over the connection `local` and keeps what happened.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use wgops::event::{Counts, Event, TaskEnd};
use wgops::execute::{Admission, Canary, Company, Fleet, Interrupt, Outcome, Prepared, Wish, prepare};
use wgops::load::inventory::{Inventory, Pattern, Source};
use wgops::load::{Playbook, Problems, TextFile};
use wgops::model::{HostName, Map, RunId};
use wgops::plan::{Conduct, DefaultPrivilege, Tags};
use wgops::template::{Beneath, Binding, Templates};
use wgops::transport::Settings;

/// A directory with a playbook's files, and how it is to be run.
pub struct Stage {
    pub dir: tempfile::TempDir,
    pub conduct: Conduct,
    pub forgetful: bool,
    pub hosts: String,
    pub extra: Map,
    /// The file at whose appearance somebody interrupts the run.
    pub interrupt_at: Option<String>,
    /// Hosts that come first.
    pub canary: Option<String>,
    /// What may hold hosts out.
    pub admission: Option<Admission>,
    /// Which tasks are chosen.
    pub tags: Tags,
    /// Variables that hold secrets.
    pub secrets: Vec<(String, String)>,
    /// Whether this machine and others may be in one run.
    pub company: Company,
    /// The hosts that may be spoken to, if not all.
    pub only: Option<std::collections::BTreeSet<HostName>>,
}

/// What happened.
pub struct Played {
    pub events: Vec<Event>,
    pub outcome: Outcome,
}

impl Stage {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            conduct: Conduct::Real,
            forgetful: false,
            hosts: "one ansible_connection=local\n".into(),
            extra: Map::new(),
            interrupt_at: None,
            canary: None,
            admission: None,
            tags: Tags::default(),
            secrets: Vec::new(),
            company: Company::Mixed,
            only: None,
        }
    }

    pub fn dry() -> Self {
        Self { conduct: Conduct::Dry, ..Self::new() }
    }

    pub fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.dir.path().join(name)).ok()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs tasks; `DIR` in them stands for the stage's directory.
    pub fn tasks(&self, tasks: &str) -> Played {
        let indented: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
        self.play(&format!("- hosts: all\n  gather_facts: no\n  tasks:\n{indented}"))
    }

    /// Checks a playbook and chooses its hosts.
    pub fn prepare(&self, text: &str) -> Result<Prepared, Problems> {
        let text = text.replace("DIR", &self.dir.path().to_string_lossy());
        let file = TextFile::from_bytes(&self.dir.path().join("play.yml"), text.into_bytes()).unwrap();
        let playbook = Playbook::parse(&file)?;
        self.write("hosts.ini", &self.hosts);
        let source = Source::Path(self.dir.path().join("hosts.ini"));
        let mut prepared = prepare(Wish {
            inventory: Inventory::load(&[source])?,
            playbooks: &[playbook],
            limit: None,
            canary: self
                .canary
                .as_ref()
                .map(|text| Canary { hosts: Pattern::parse(text, None).unwrap(), needed: true }),
            tags: self.tags.clone(),
            force_handlers: false,
            conduct: self.conduct,
            show_diff: false,
            explain: false,
            verbosity: 0,
            privilege: DefaultPrivilege::default(),
            become_password: None,
            extra: self.extra.clone(),
            filed: Default::default(),
            user: None,
            private_key: None,
            connection: None,
            connect_timeout: None,
            home: None,
            templates: Arc::new(Templates::new(Arc::new(Beneath::new([self.dir.path().to_owned()])))),
            advisories: None,
            roles_path: Arc::from([]),
            asker: None,
            company: self.company,
            only: self.only.clone(),
        })?;
        let order = &mut prepared.order;
        order.forgetful = self.forgetful;
        if !self.secrets.is_empty() {
            // Nobody else may hold what is altered.
            let reach = Arc::get_mut(&mut order.reach).unwrap();
            reach.shared = Arc::default();
            let shared = Arc::get_mut(&mut order.shared).unwrap();
            let extra = Arc::make_mut(&mut shared.extra);
            for (name, text) in &self.secrets {
                let data = Binding::Data(Arc::new(text.clone().into()));
                extra.insert(name.clone(), Binding::Secret(Box::new(data)));
            }
        }
        Ok(prepared)
    }

    /// Runs a playbook.
    pub fn play(&self, text: &str) -> Played {
        self.try_play(text).unwrap_or_else(|problems| panic!("{problems}"))
    }

    pub fn try_play(&self, text: &str) -> Result<Played, Problems> {
        let prepared = self.prepare(text)?;
        let (order, access) = (prepared.order, prepared.access);
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Ok(runtime.block_on(async {
            // Jobs of two runs lie side by side on this machine.
            static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
            let number = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let run = RunId::from_parts(0, (u128::from(std::process::id()) << 64) + u128::from(number));
            let mut fleet = Fleet::new(Settings::new(self.dir.path(), "nobody"), 20, access, run)
                .admitting(self.admission.clone());
            let (events, mut received) = tokio::sync::mpsc::channel(1000);
            let (sender, interrupt) = tokio::sync::watch::channel(Interrupt::None);
            let sign = self.interrupt_at.as_ref().map(|name| self.dir.path().join(name));
            let interrupter = tokio::spawn(async move {
                let Some(sign) = sign else { return std::future::pending().await };
                while !sign.exists() {
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                }
                let _ = sender.send(Interrupt::Finish);
                std::fs::write(sign.with_extension("interrupted"), "").unwrap();
                std::future::pending::<()>().await;
            });
            let collect = tokio::spawn(async move {
                let mut all = Vec::new();
                while let Some(event) = received.recv().await {
                    all.push(event);
                }
                all
            });
            let outcome = fleet.run(&order, events, interrupt).await;
            fleet.close().await;
            interrupter.abort();
            Played { events: collect.await.unwrap(), outcome }
        }))
    }
}

impl Played {
    pub fn counts(&self) -> Counts {
        self.counts_of("one")
    }

    pub fn counts_of(&self, host: &str) -> Counts {
        self.outcome.recap.get(&host.parse::<HostName>().unwrap()).copied().unwrap()
    }

    pub fn ends(&self) -> Vec<&TaskEnd> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::TaskEnds(end) => Some(end.as_ref()),
                _ => None,
            })
            .collect()
    }

    /// One line for each task: its name, how it ended, and why.
    pub fn story(&self) -> Vec<String> {
        self.ends()
            .iter()
            .map(|end| {
                let status = serde_json::to_value(&end.status).unwrap();
                let cause = status
                    .get("cause")
                    .and_then(|c| c.as_str())
                    .map(|c| format!(" <- {c}"))
                    .unwrap_or_default();
                let status = status["status"].as_str().unwrap().to_owned();
                let message = end.message.as_deref().map(|m| format!(": {m}")).unwrap_or_default();
                let ignored = if end.ignored { " (ignored)" } else { "" };
                format!("{} {status}{ignored}{cause}{message}", end.task)
            })
            .collect()
    }

    pub fn end(&self, task: &str) -> &TaskEnd {
        self.ends().into_iter().find(|end| end.task == task).unwrap_or_else(|| panic!("no task '{task}'"))
    }
}

/// All files below a directory with their contents, but for the stage's own.
pub fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(dir).unwrap().to_string_lossy().into_owned();
                if name != "hosts.ini" {
                    found.insert(name, std::fs::read_to_string(&path).unwrap_or_default());
                }
            }
        }
    }
    found
}

//! What hosts said of their packages in numbers, for metrics: read from the results of `pending_updates`, since findings
//! name each update but count none. A host of which nothing is known has no numbers.

use crate::event::{Event, TaskEnd};
use crate::model::{HostName, Value};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The numbers of all hosts that have some.
#[derive(Default)]
pub(super) struct Packages(BTreeMap<HostName, HostPackages>);

/// One host's numbers.
#[derive(Default)]
pub(super) struct HostPackages {
    /// Upgrades that wait, by origin and architecture.
    pub pending: BTreeMap<(String, String), usize>,
    /// Upgrades that are kept back, by origin and architecture.
    pub held: BTreeMap<(String, String), usize>,
    /// As of when this is.
    pub lists_as_of: Option<Timestamp>,
}

impl Packages {
    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        if let Event::TaskEnds(end) = event
            && end.module == "pending_updates"
        {
            self.task(end);
        }
    }

    pub fn hosts(&self) -> impl Iterator<Item = (&HostName, &HostPackages)> {
        self.0.iter()
    }

    fn task(&mut self, end: &TaskEnd) {
        let Some(updates) =
            end.result["updates"].as_array().filter(|_| end.result["package_manager"] == "apt")
        else {
            return;
        };
        let mut host = HostPackages {
            lists_as_of: end.result["lists_as_of"].as_str().and_then(|text| text.parse().ok()),
            ..HostPackages::default()
        };
        for update in updates.iter().filter(|update| update["kind"] == "upgrade") {
            let text = |key: &str| update[key].as_str().unwrap_or_default().to_owned();
            let counts = if update["held"] == Value::Bool(true) { &mut host.held } else { &mut host.pending };
            *counts.entry((text("origin"), text("arch"))).or_default() += 1;
        }
        self.0.insert(end.host.clone(), host);
    }
}

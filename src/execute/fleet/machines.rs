//! Which machines hosts are, by their host keys: a plan is for those that it was made for.

use super::super::connection::{HostConnection, Machines, told};
use super::Fleet;
use crate::model::{ConnectionKind, HostName};
use crate::plan::Approved;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

impl Fleet {
    /// Fingerprints of the host keys that hosts have shown, as far as they were reached over SSH.
    pub fn host_keys(&self) -> BTreeMap<HostName, String> {
        let shown = self.open.iter().map(|(host, connection)| (host, connection.host_key.clone()));
        shown.filter_map(|(host, key)| Some((host.clone(), key?))).collect()
    }

    /// Connects to those of these hosts that had to be asked nothing, so that their host keys are known; why one could not be
    /// reached.
    pub async fn meet(&mut self, hosts: &BTreeSet<HostName>) -> BTreeMap<HostName, String> {
        let unmet = |host: &HostName, connection: &HostConnection| {
            let is_here = connection.access.connection.kind == ConnectionKind::Local;
            hosts.contains(host) && !is_here && connection.host_key.is_none()
        };
        let forks = Arc::new(Semaphore::new(self.forks));
        let mut meeting = JoinSet::new();
        for (host, mut connection) in self.open.extract_if(.., |host, connection| unmet(host, connection)) {
            let forks = forks.clone();
            meeting.spawn(async move {
                let _turn = forks.acquire().await;
                let met = connection.open().await.map(drop);
                let met = met.map_err(|error| told(&error.to_string(), error.hint()));
                connection.close().await;
                (host, connection, met)
            });
        }
        let mut lost = BTreeMap::new();
        for (host, connection, met) in meeting.join_all().await {
            if let Err(why) = met {
                lost.insert(host.clone(), why);
            }
            self.open.insert(host, connection);
        }
        lost
    }
}

/// For which machines a plan is.
pub(super) fn machines(approved: &BTreeMap<HostName, Approved>) -> Machines {
    let keys = approved.iter().filter_map(|(host, plan)| Some((host.clone(), plan.machine.clone()?)));
    Arc::new(keys.collect())
}

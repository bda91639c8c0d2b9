//! How long hosts take, learned from runs of the same kind in the ledger. It decides no more than whether a host is begun
//! shortly before its window ends; still it is learned from entries that hold, for with others whoever can push would close all windows.

use super::{HostOutcome, Kind, Record};
use crate::model::HostName;
use crate::people::{Roster, Verb};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many of a host's last runs count.
const RUNS_MAX: usize = 5;

impl Record {
    /// The longest that each host took in its last runs of a verb and a playbook; hosts of which nothing is known are
    /// left out.
    pub fn longest(
        &self,
        roster: &Roster,
        verb: Verb,
        playbook: Option<&str>,
    ) -> BTreeMap<HostName, Duration> {
        let vouched = self.vouched(roster, Kind::Outcome);
        let entries = vouched.iter().filter(|entry| entry.public.verb == Some(verb)).filter_map(|entry| {
            let (public, details) = (entry.public, entry.details);
            let same = details.playbook.as_ref().map(|source| source.path.as_str()) == playbook;
            same.then_some((public.time, &details.results))
        });
        let mut entries: Vec<_> = entries.collect();
        entries.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
        let mut taken: BTreeMap<HostName, Vec<Duration>> = BTreeMap::new();
        for (host, result) in entries.into_iter().flat_map(|(_, results)| results) {
            // A run that failed may have been over soon.
            let through = matches!(result.outcome, HostOutcome::Ok | HostOutcome::Changed);
            let seconds = result.seconds.filter(|_| through);
            let Some(time) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
                continue;
            };
            let times = taken.entry(host.clone()).or_default();
            if times.len() < RUNS_MAX {
                times.push(time);
            }
        }
        taken.into_iter().filter_map(|(host, times)| Some((host, times.into_iter().max()?))).collect()
    }
}

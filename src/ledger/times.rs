//! Times that can't be right. They decide nothing in the ledger, but an agreement, a window and a plan are judged by a clock,
//! and whoever's is wrong should hear of it.

use super::{Public, Record};
use crate::people::ChainName;
use jiff::{SignedDuration, Timestamp};
use std::path::PathBuf;

/// How much two clocks may differ.
const SLACK: SignedDuration = SignedDuration::from_mins(10);

/// An entry with a time that can't be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OddTime {
    /// The entry.
    pub file: PathBuf,
    /// The chain that it belongs to.
    pub chain: ChainName,
    /// What it says.
    pub says: Timestamp,
    /// What the entry before says, where that is later; else it lies ahead of now.
    pub after: Option<Timestamp>,
}

impl Record {
    /// The newest entry of each chain that has one with such a time.
    pub fn odd_times(&self, now: Timestamp) -> Vec<OddTime> {
        let latest = later(now);
        let mut found = Vec::new();
        for (chain, entries) in &self.chains {
            let (mut newest, mut odd) = (Timestamp::MIN, None);
            for entry in entries {
                let Ok(Public { time, .. }) = &entry.public else { continue };
                let of =
                    |after| OddTime { file: entry.file.clone(), chain: chain.clone(), says: *time, after };
                if *time > latest {
                    odd = Some(of(None));
                } else if later(*time) < newest {
                    odd = Some(of(Some(newest)));
                } else {
                    newest = newest.max(*time);
                }
            }
            found.extend(odd);
        }
        found
    }

    /// The last entry of a chain that lies furthest ahead of now: somebody whose clock is wrong is at work, or this one is.
    pub fn ahead_of(&self, now: Timestamp) -> Option<OddTime> {
        let lasts = self.chains.iter().filter_map(|(chain, entries)| {
            let entry = entries.last()?;
            let says = entry.public.as_ref().ok()?.time;
            let odd = OddTime { file: entry.file.clone(), chain: chain.clone(), says, after: None };
            (says > later(now)).then_some(odd)
        });
        lasts.max_by_key(|odd| odd.says)
    }
}

fn later(time: Timestamp) -> Timestamp {
    time.checked_add(SLACK).unwrap_or(Timestamp::MAX)
}

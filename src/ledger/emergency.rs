//! Uses of the roster's emergency keys, as comparisons with the hosts' logs found them. Each is told until somebody has
//! answered for it with a note.

use super::{History, Kind, Record, Report};
use crate::model::{Role, RunId};
use crate::people::ChainName;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A use of an emergency key for which nobody has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EmergencyUse {
    /// Where, with which key, and when last.
    pub what: String,
    /// Who found it, and when.
    pub by: ChainName,
    /// When it was found.
    pub found: Timestamp,
    /// The comparison, to which a note answers.
    pub run: Option<RunId>,
}

impl Record {
    /// Those uses that comparisons found and no note of an operator or a lead answers, oldest first. What does not hold by the
    /// report says nothing.
    pub fn emergency_uses(&self, report: &Report, history: &History) -> Vec<EmergencyUse> {
        let broken: BTreeSet<_> = report.breaks.iter().map(|found| &found.file).collect();
        let mut found: BTreeMap<&str, EmergencyUse> = BTreeMap::new();
        let mut runs_of: BTreeMap<&str, BTreeSet<RunId>> = BTreeMap::new();
        let mut answered: BTreeSet<RunId> = BTreeSet::new();
        for (chain, entry) in self.entries().filter(|(_, entry)| !broken.contains(&entry.file)) {
            let (Ok(public), Some(private)) = (&entry.public, entry.private.content()) else { continue };
            if public.kind != Kind::Note {
                continue;
            }
            let role = history.role_in(chain, public.roster);
            if private.details.emergency.is_empty() && matches!(role, Some(Role::Lead | Role::Operator)) {
                answered.extend(public.run);
            }
            for what in &private.details.emergency {
                runs_of.entry(what).or_default().extend(public.run);
                let (found_at, run, by) = (public.time, public.run, chain.clone());
                let this = EmergencyUse { what: what.clone(), by, found: found_at, run };
                let first = found.entry(what).or_insert_with(|| this.clone());
                if first.found > found_at {
                    *first = this;
                }
            }
        }
        let is_answered = |what: &str| runs_of.get(what).is_some_and(|runs| !runs.is_disjoint(&answered));
        let mut open: Vec<EmergencyUse> =
            found.into_iter().filter(|(what, _)| !is_answered(what)).map(|(_, one)| one).collect();
        open.sort_by_key(|one| one.found);
        open
    }
}

//! From when on a host's own log was seen, by this comparison and by those before it. A log that begins later than what people
//! did there leaves a time of which nobody can say anything: it may be gone because somebody emptied it.

use super::{History, Kind, Record, Stored, Traces};
use crate::model::{HostName, Role};
use serde::{Deserialize, Serialize};

/// How much later a log may begin than what it is compared with: clocks differ, and a host starts before it logs.
const SLACK_SECONDS: i64 = 120;

/// A time that a log covers, in seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stretch {
    /// From when on.
    pub from: i64,
    /// Until when.
    pub until: i64,
}

impl Record {
    /// Times since a moment of which no comparison saw the host's log, this one's included, which begins at `oldest`. A host's log
    /// has to go back to where the ledger first names it, or to where it was installed.
    pub(super) fn unseen(
        &self,
        host: &HostName,
        (since, oldest): (i64, i64),
        installed: Option<i64>,
        (history, holds): (&History, &dyn Fn(&Stored) -> bool),
    ) -> Vec<Stretch> {
        let Some(known) = self.known_since(host, holds) else { return Vec::new() };
        let mut at = since.max(known).max(installed.unwrap_or(since));
        let mut seen = self.seen_before(host, (history, holds));
        seen.push(Stretch { from: oldest, until: i64::MAX });
        seen.sort_by_key(|stretch| stretch.from);
        let mut gaps = Vec::new();
        for stretch in seen.into_iter().filter(|stretch| stretch.from <= oldest) {
            if stretch.until <= at {
                continue;
            }
            if stretch.from > at + SLACK_SECONDS {
                gaps.push(Stretch { from: at, until: stretch.from });
            }
            at = stretch.until;
        }
        gaps
    }

    /// A time in which packages changed, by what the host itself keeps or by runs that updated some, and of which its histories of
    /// packages have nothing: they begin later, or end before.
    pub(super) fn unlogged(
        &self,
        host: &HostName,
        traces: &Traces,
        since: i64,
        (updated, holds): (impl Iterator<Item = (i64, i64)>, &dyn Fn(&Stored) -> bool),
    ) -> Option<Stretch> {
        let known = self.known_since(host, holds)?;
        let begin = known.max(traces.installed.unwrap_or(known));
        let counts = |at: i64| at >= since && at > begin + SLACK_SECONDS;
        let (oldest, newest) = (traces.packages_oldest, traces.packages_newest);
        let before = updated.filter(|(from, to)| {
            *from >= begin - SLACK_SECONDS
                && *to >= since
                && oldest.is_none_or(|oldest| oldest > to + SLACK_SECONDS)
        });
        let before = before.map(|(from, to)| Stretch { from, until: oldest.unwrap_or(to) });
        let after = traces.packages_changed.filter(|changed| {
            counts(*changed) && newest.is_none_or(|newest| *changed > newest + SLACK_SECONDS)
        });
        let after = after.map(|until| Stretch { from: newest.unwrap_or(begin).max(begin), until });
        let all: Vec<Stretch> = before.chain(after).collect();
        let from = all.iter().map(|stretch| stretch.from).min()?;
        let until = all.iter().map(|stretch| stretch.until).max()?;
        Some(Stretch { from, until })
    }

    /// When the ledger first says that somebody did something on a host.
    fn known_since(&self, host: &HostName, holds: &dyn Fn(&Stored) -> bool) -> Option<i64> {
        let of_host = self.entries().filter_map(|(_, entry)| {
            let public = entry.public.as_ref().ok().filter(|public| public.kind != Kind::Claim)?;
            let is_about = entry.private.content()?.details.hosts.contains(host);
            (is_about && holds(entry)).then(|| public.time.as_second())
        });
        of_host.min()
    }

    /// What comparisons of operators and leads saw.
    fn seen_before(
        &self,
        host: &HostName,
        (history, holds): (&History, &dyn Fn(&Stored) -> bool),
    ) -> Vec<Stretch> {
        let of_host = self.entries().filter_map(|(chain, entry)| {
            let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Note)?;
            let stretch = *entry.private.content()?.details.compared.get(host)?;
            let role = history.role_in(chain, public.roster);
            let counts = matches!(role, Some(Role::Lead | Role::Operator)) && holds(entry);
            // Nobody saw what came after they looked.
            let until = stretch.until.min(public.time.as_second());
            counts.then_some(Stretch { until, ..stretch })
        });
        of_host.collect()
    }
}

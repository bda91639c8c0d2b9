//! Ages: since when an audit has found a thing on a host, kept in one file from audit to audit.
//!
//! By default the file is `.wgops/history.json`, which belongs to the clone alone; `--history` names another, for a CI
//! that keeps it in its cache. Each audit (by its playbooks) has memories of its own, because what another one did not
//! look for is not gone. An age begins with the oldest version that was offered and is still not installed: a newer
//! version does not make it younger. It ends when an audit that saw all of the host does not find the thing any more.

use crate::model::{Finding, FindingKind, HostName};
use crate::questions::packages::debian_order;
use crate::report::{Assessment, hides};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The one version of the format there is.
const VERSION: u32 = 1;
const KIND: &str = "wgops-history";
/// What was not found for so long is forgotten, whatever became of its host.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How far apart the clocks of machines may be that keep one history.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);
/// Most memories that are kept; the ones not seen for longest go first.
const MEMORIES_MAX: usize = 200_000;

/// What is known from earlier audits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    version: u32,
    kind: String,
    audits: BTreeMap<String, Memories>,
}

/// What is known from earlier audits with the same playbooks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memories {
    /// Since when.
    since: Timestamp,
    hosts: BTreeMap<HostName, BTreeMap<String, Memory>>,
}

/// What is known of one finding on one host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memory {
    /// When it was seen last.
    last: Timestamp,
    /// When each version was offered first; the empty one stands for no version.
    first: BTreeMap<String, Timestamp>,
}

impl Default for History {
    fn default() -> Self {
        Self { version: VERSION, kind: KIND.into(), audits: BTreeMap::new() }
    }
}

impl History {
    /// Reads back what [`History::text`] wrote.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let history: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match (history.version, history.kind.as_str()) {
            (VERSION, KIND) => Ok(history),
            (version, KIND) => Err(format!("version {version} is unknown, expected {VERSION}")),
            (_, kind) => Err(format!("its kind is '{kind}', expected '{KIND}'")),
        }
    }

    /// A time in it that has not come yet, if there is one.
    pub fn ahead_of(&self, now: Timestamp) -> Option<Timestamp> {
        let latest = now.checked_add(CLOCKS_APART).unwrap_or(now);
        let memories = self.audits.values().flat_map(|memories| memories.hosts.values());
        let memories = memories.flat_map(BTreeMap::values);
        let times = memories.flat_map(|memory| memory.first.values().chain([&memory.last]));
        let since = self.audits.values().map(|memories| &memories.since);
        times.chain(since).copied().filter(|time| *time > latest).max()
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Since when an audit with these playbooks keeps count; never later than now.
    pub fn counted_since(&self, audit: &str, now: Timestamp) -> Timestamp {
        self.audits.get(audit).map_or(now, |memories| memories.since.min(now))
    }

    /// Since when a finding has been known on a host; never later than now.
    pub fn since(&self, audit: &str, host: &HostName, finding: &Finding, now: Timestamp) -> Timestamp {
        let memories = self.audits.get(audit).and_then(|memories| memories.hosts.get(host));
        let memory = memories.and_then(|memories| memories.get(&finding.id));
        let first = memory.into_iter().flat_map(|memory| &memory.first);
        let waiting = first.filter(|(version, _)| is_waiting(version, finding));
        waiting.map(|(_, first)| *first).fold(now, Timestamp::min)
    }

    /// Remembers what an audit found, and forgets what it found to be gone.
    pub fn remember(&mut self, audit: &str, assessment: &Assessment) {
        let now = assessment.judging().at;
        let new = || Memories { since: now, hosts: BTreeMap::new() };
        let memories = self.audits.entry(audit.to_owned()).or_insert_with(new);
        memories.since = memories.since.min(now);
        let mut found: BTreeMap<&HostName, Vec<Finding>> =
            assessment.hosts().map(|host| (host, Vec::new())).collect();
        for (host, finding) in assessment.found() {
            found.entry(host).or_default().push(finding);
        }
        for (host, findings) in found {
            let known = memories.hosts.entry(host.clone()).or_default();
            if assessment.looked_at(host) {
                let vulnerabilities = !assessment.judging().feeds.is_empty();
                known.retain(|id, _| !is_gone(id, &findings, vulnerabilities));
            }
            findings.iter().for_each(|finding| note(known, finding, now));
        }
        self.prune(now);
    }

    fn prune(&mut self, now: Timestamp) {
        let all = self.audits.values().flat_map(|memories| memories.hosts.values());
        let mut lasts: Vec<Timestamp> = all.flat_map(BTreeMap::values).map(|memory| memory.last).collect();
        let mut oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        if lasts.len() > MEMORIES_MAX {
            lasts.sort_unstable_by(|a, b| b.cmp(a));
            oldest = lasts.get(MEMORIES_MAX - 1).copied().unwrap_or(oldest).max(oldest);
        }
        for memories in self.audits.values_mut() {
            for known in memories.hosts.values_mut() {
                known.retain(|_, memory| memory.last >= oldest);
            }
            memories.hosts.retain(|_, known| !known.is_empty());
        }
    }
}

/// Whether a version that was offered once is still newer than the one that is installed.
fn is_waiting(version: &str, finding: &Finding) -> bool {
    let installed = finding.installed.as_deref().filter(|_| !version.is_empty());
    installed.is_none_or(|installed| debian_order(version, installed).is_gt())
}

/// Whether a finding that was known is gone for certain.
fn is_gone(id: &str, findings: &[Finding], vulnerabilities: bool) -> bool {
    let kind = id.split('/').next().and_then(|kind| kind.parse::<FindingKind>().ok());
    let Some(kind) = kind else { return true };
    let looked = kind != FindingKind::Vulnerability || vulnerabilities;
    looked && !findings.iter().any(|finding| finding.id == id || hides(finding, kind))
}

fn note(known: &mut BTreeMap<String, Memory>, finding: &Finding, now: Timestamp) {
    let new = || Memory { last: now, first: BTreeMap::new() };
    let memory = known.entry(finding.id.clone()).or_insert_with(new);
    memory.last = now;
    memory.first.retain(|version, _| is_waiting(version, finding));
    let first = memory.first.entry(finding.available.clone().unwrap_or_default()).or_insert(now);
    *first = (*first).min(now);
}

/// The name under which an audit keeps its memories: its playbooks.
pub fn audit_name(playbooks: &[String]) -> String {
    playbooks.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Counts, Event};
    use crate::model::{Judging, Severity};

    fn day(day: u32) -> Timestamp {
        format!("2026-11-{day:02}T03:00:00Z").parse().unwrap()
    }

    fn host() -> HostName {
        "web1".parse().unwrap()
    }

    fn update(installed: &str, available: &str) -> Finding {
        let finding = Finding::new(FindingKind::SecurityUpdate, "openssl", Severity::High, "x");
        finding.versions(Some(installed.into()), Some(available.into()))
    }

    fn other(id: &str) -> Finding {
        let (kind, about) = id.split_once('/').unwrap_or((id, ""));
        Finding::new(kind.parse().unwrap(), about, Severity::Low, "x")
    }

    fn audit(at: Timestamp, findings: &[Finding]) -> Assessment {
        let mut assessment = Assessment::default();
        assessment.event(&Event::Judging(Box::new(Judging { at, ..Judging::default() })));
        for finding in findings {
            assessment.event(&Event::Found { host: host(), finding: finding.clone() });
        }
        let recap = [(host(), Counts::default())].into();
        assessment.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assessment
    }

    fn history(audits: &[(u32, &[Finding])]) -> History {
        let mut history = History::default();
        audits.iter().for_each(|(at, findings)| history.remember("a", &audit(day(*at), findings)));
        History::parse(history.text().as_bytes()).unwrap()
    }

    #[test]
    fn a_time_that_has_not_come_is_found_wherever_it_stands() {
        let history = history(&[(10, &[update("1", "2")])]);
        assert_eq!(history.ahead_of(day(10)), None);
        assert_eq!(history.ahead_of(day(9)), Some(day(10)));
        for place in ["since", "last", "2"] {
            let (now, then) = (format!("\"{place}\":\"2026-11-10"), format!("\"{place}\":\"2027-11-10"));
            let text = history.text();
            assert!(text.contains(&now), "{text}");
            let forged = History::parse(text.replace(&now, &then).as_bytes()).unwrap();
            assert!(forged.ahead_of(day(11)).is_some_and(|time| time > day(30)), "{place}");
        }
    }

    fn since(history: &History, finding: &Finding, now: u32) -> Timestamp {
        history.since("a", &host(), finding, day(now))
    }

    #[test]
    fn an_age_begins_with_the_first_audit_that_saw_it() {
        let known = history(&[(1, &[update("1.0", "1.1")]), (5, &[update("1.0", "1.1")])]);
        assert_eq!(since(&known, &update("1.0", "1.1"), 9), day(1));
        assert_eq!(since(&known, &other("update/new"), 9), day(9));
        assert_eq!(known.counted_since("a", day(9)), day(1));
        assert_eq!(known.counted_since("b", day(9)), day(9));
    }

    #[test]
    fn a_newer_version_makes_nothing_younger_and_an_installed_one_does() {
        let known = history(&[(1, &[update("1.0", "1.1")]), (5, &[update("1.0", "1.2")])]);
        assert_eq!(since(&known, &update("1.0", "1.3"), 9), day(1));
        assert_eq!(since(&known, &update("1.1", "1.2"), 9), day(5));
        assert_eq!(since(&known, &update("1.2", "1.3"), 9), day(9));
    }

    #[test]
    fn what_was_gone_and_is_back_is_young() {
        let reboot = other("reboot-needed");
        let known =
            history(&[(1, std::slice::from_ref(&reboot)), (2, &[]), (3, std::slice::from_ref(&reboot))]);
        assert_eq!(since(&known, &reboot, 9), day(3));
    }

    #[test]
    fn what_could_not_be_looked_at_is_not_taken_for_gone() {
        let reboot = other("reboot-needed");
        for blind in ["not-assessed/kernel", "not-assessed/unheard-of"] {
            let known = history(&[(1, std::slice::from_ref(&reboot)), (2, &[other(blind)])]);
            assert_eq!(since(&known, &reboot, 9), day(1), "{blind}");
        }
        let vulnerable = other("vulnerability/openssl");
        let known = history(&[(1, std::slice::from_ref(&vulnerable)), (2, &[])]);
        assert_eq!(since(&known, &vulnerable, 9), day(1), "nobody looked for vulnerabilities");
    }

    #[test]
    fn a_clock_that_goes_backwards_makes_no_age_negative() {
        let known = history(&[(20, &[update("1.0", "1.1")])]);
        assert_eq!(since(&known, &update("1.0", "1.1"), 9), day(9));
        assert_eq!(known.counted_since("a", day(9)), day(9));
        let known = history(&[(20, &[update("1.0", "1.1")]), (9, &[update("1.0", "1.1")])]);
        assert_eq!(since(&known, &update("1.0", "1.1"), 25), day(9));
    }

    #[test]
    fn other_playbooks_make_nothing_gone() {
        let mut known = history(&[(1, &[update("1.0", "1.1")])]);
        known.remember("b", &audit(day(2), &[]));
        assert_eq!(since(&known, &update("1.0", "1.1"), 9), day(1));
    }

    #[test]
    fn what_nobody_saw_for_a_year_is_forgotten() {
        let mut known = history(&[(1, &[update("1.0", "1.1")])]);
        let mut later = Assessment::default();
        let at = "2028-01-01T00:00:00Z".parse().unwrap();
        later.event(&Event::Judging(Box::new(Judging { at, ..Judging::default() })));
        known.remember("a", &later);
        assert_eq!(known.audits["a"].hosts.len(), 0);
    }

    #[test]
    fn what_is_no_history_is_refused() {
        for text in ["", "{}", "{\"version\":1,\"kind\":\"wgops-audit\",\"audits\":{}}"] {
            assert!(History::parse(text.as_bytes()).is_err(), "{text}");
        }
        let newer = "{\"version\":2,\"kind\":\"wgops-history\",\"audits\":{}}";
        assert_eq!(History::parse(newer.as_bytes()).unwrap_err(), "version 2 is unknown, expected 1");
    }
}

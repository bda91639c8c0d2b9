//! What the ledger keeps of a run, gathered from its events: per host every change and failure, and the events that its
//! report is made from. Contents of files stay out: diffs and results are dropped, but for what packages became. Of what a real run
//! wrote there is a digest, under the nonce of the entry: with it, whoever has a file can tell whether it is the one.
//!
//! Where nobody said yes to what a playbook does (dry runs, audits, what carries a plan out), its words stay out as well, unless they
//! hold nothing but what people wrote and what was measured: a message can be made of a key that was read, and the ledger is pushed.

use crate::event::{ChangeMade, Counts, Event, Mode, Status, TaskEnd};
use crate::ledger::{HostOutcome, HostResult};
use crate::model::{HostName, Nonce, Value};
use crate::report::Assessment;
use indexmap::IndexMap;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Modules whose results say which packages were and are there.
const PACKAGE_MODULES: [&str; 2] = ["pending_updates", "apply_updates"];

/// What stands in the place of words that may hold what was read.
const NOT_KEPT: &str = "(not written down: it may hold what was read)";

/// A run as the ledger keeps it.
#[derive(Default)]
pub struct Chronicle {
    events: Vec<Value>,
    hosts: IndexMap<HostName, HostResult>,
    lost: BTreeSet<HostName>,
    /// Hosts that left before the end.
    cut: BTreeSet<HostName>,
    assessment: Assessment,
    stopped: Option<String>,
    dry: bool,
    held_out: usize,
    begun: BTreeMap<HostName, Instant>,
    /// Counts of the tasks that are written down.
    told: BTreeMap<HostName, Counts>,
    /// The ops repository: places in it are kept as everybody has them.
    root: Option<PathBuf>,
    /// Under what digests of contents are made.
    nonce: Option<Nonce>,
    /// Where words stay out that may hold what was read: what may stand there all the same, as a plan says it.
    spares: Option<BTreeSet<String>>,
}

impl Chronicle {
    /// Of a run in an ops repository, or outside of one.
    pub fn of(root: Option<&Path>) -> Self {
        Self { root: root.and_then(|root| root.canonicalize().ok()), ..Self::default() }
    }

    /// The same of what nobody said yes to, but for what a plan says in these words.
    #[must_use]
    pub fn sparing(self, planned: impl IntoIterator<Item = String>) -> Self {
        Self { spares: Some(planned.into_iter().collect()), ..self }
    }

    /// The same with digests of what was written, made under the nonce that its entry will have.
    #[must_use]
    pub fn keyed_by(self, nonce: Nonce) -> Self {
        Self { nonce: Some(nonce), ..self }
    }

    /// The nonce that its entry has to have.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// Why the run ended before its end, if it did, and how many hosts were held out of it.
    pub fn stopped(&self) -> Option<String> {
        let held = match self.held_out {
            0 => None,
            1 => Some("1 host held out".to_owned()),
            many => Some(format!("{many} hosts held out")),
        };
        let said: Vec<String> = [held, self.stopped.clone()].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// Takes the next event, as it happens.
    pub fn event(&mut self, event: &Event) {
        self.event_at(event, Instant::now());
    }

    fn event_at(&mut self, event: &Event, now: Instant) {
        self.assessment.event(event);
        match event {
            Event::HostBegins { host } => {
                self.begun.insert(host.clone(), now);
                return;
            }
            Event::HostLeaves { host, reason } => {
                self.cut.extend(reason.is_some().then(|| host.clone()));
                self.leaves(host, now);
            }
            Event::HeldOut(_) if !self.dry => self.held_out += 1,
            Event::RunBegins { hosts, mode, .. } => {
                self.dry = matches!(mode, Mode::Dry { .. });
                let skipped =
                    || HostResult { outcome: HostOutcome::Skipped, records: Vec::new(), seconds: None };
                self.hosts.extend(hosts.iter().map(|host| (host.clone(), skipped())));
            }
            Event::TaskEnds(end) => return self.task(end),
            Event::PlayStops { reason, .. } => self.stopped = Some(format!("stopped: {reason}")),
            Event::RunEnds { recap, interrupted, .. } => {
                if *interrupted {
                    self.stopped = Some("interrupted".into());
                }
                for (host, counts) in recap {
                    let outcome = match counts {
                        _ if self.lost.contains(host) => HostOutcome::Unknown,
                        counts if counts.unreachable > 0 => HostOutcome::Unreachable,
                        counts if counts.failed > 0 => HostOutcome::Failed,
                        _ if self.cut.contains(host) => HostOutcome::Interrupted,
                        counts if counts.changed + counts.unknown > 0 => HostOutcome::Changed,
                        _ => HostOutcome::Ok,
                    };
                    self.host(host).outcome = outcome;
                }
            }
            Event::Collected { host, .. } => {
                let record = serde_json::to_value(event).ok();
                self.host(host).records.extend(record);
            }
            Event::Progress { .. } | Event::Works { .. } | Event::Sends { .. } => return,
            // Warnings say what a task was given.
            Event::Warning { host: Some(_), .. } if self.spares.is_some() => return,
            // That there is one tells what it was judged by.
            Event::Found { finding, .. } if finding.is_read && self.spares.is_some() => return,
            _ => {}
        }
        let spared = self.spares.is_some().then(|| self.spared(event));
        self.events.extend(serde_json::to_value(spared.as_ref().unwrap_or(event)).ok());
    }

    /// The end of a run without how many tasks there were beside those that are written down: how often one was done is for what
    /// was read to say. That there was one is told.
    fn spared(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if let Event::RunEnds { recap, .. } = &mut event {
            for (host, all) in recap.iter_mut() {
                let told = self.told.get(host).copied().unwrap_or_default();
                let most = |all: usize, told: usize| told.max(all.min(1));
                *all = Counts {
                    ok: most(all.ok, told.ok),
                    changed: most(all.changed, told.changed),
                    unreachable: all.unreachable,
                    failed: most(all.failed, told.failed),
                    skipped: most(all.skipped, told.skipped),
                    rescued: most(all.rescued, told.rescued),
                    ignored: most(all.ignored, told.ignored),
                    unknown: most(all.unknown, told.unknown),
                    exchanges: 0,
                };
            }
        }
        event
    }

    fn task(&mut self, end: &TaskEnd) {
        let quiet = matches!(end.status, Status::Ok | Status::Skipped);
        if quiet && !is_about_packages(end) {
            return;
        }
        if end.status == Status::Unknown {
            self.lost.insert(end.host.clone());
        }
        let mut end = end.clone();
        if !is_about_packages(&end) {
            end.result = Value::Null;
        }
        end.place = self.within(end.place);
        if self.spares.as_ref().is_some_and(|planned| !spare(&mut end, planned)) {
            return;
        }
        let host = end.host.clone();
        self.told.entry(host.clone()).or_default().add(&end);
        let mut event = Event::TaskEnds(Box::new(end));
        event.drop_contents();
        if let Some(nonce) = self.nonce.as_ref().filter(|_| !self.dry) {
            event.key_contents(nonce);
        }
        event.drop_digests();
        let record = serde_json::to_value(&event).ok();
        if !quiet {
            self.host(&host).records.extend(record.clone());
        }
        self.events.extend(record);
    }

    /// A place `FILE:LINE:COLUMN` from the ops repository on, wherever that lies here and wherever this was typed.
    fn within(&self, place: String) -> String {
        let mut parts = place.rsplitn(3, ':');
        let (Some(column), Some(line), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            return place;
        };
        let whole = Path::new(file).canonicalize().ok();
        let inside = self.root.as_ref().and_then(|root| whole.as_deref()?.strip_prefix(root).ok());
        inside.map(|file| format!("{}:{line}:{column}", file.display())).unwrap_or(place)
    }

    /// A host may leave several plays: what counts is the time to its last step.
    fn leaves(&mut self, host: &HostName, now: Instant) {
        if let Some(begun) = self.begun.get(host) {
            let seconds = now.saturating_duration_since(*begun).as_secs_f64();
            self.host(host).seconds = Some(seconds);
        }
    }

    fn host(&mut self, name: &HostName) -> &mut HostResult {
        let new = || HostResult { outcome: HostOutcome::Skipped, records: Vec::new(), seconds: None };
        self.hosts.entry(name.clone()).or_insert_with(new)
    }

    /// The events that the report is made from.
    pub fn events(&self) -> Vec<Value> {
        self.events.clone()
    }

    /// Each host's outcome and what was done on it.
    pub fn results(&self) -> IndexMap<HostName, HostResult> {
        self.hosts.clone()
    }

    /// The same for an audit, in which a host fails that has a finding to fail on.
    pub fn audited(&self) -> IndexMap<HostName, HostResult> {
        let failing = self.assessment.failing_hosts();
        let judged = |host: &HostName, result: &HostResult| match result.outcome {
            HostOutcome::Unreachable => HostOutcome::Unreachable,
            _ if failing.contains(host) => HostOutcome::Failed,
            other => other,
        };
        let hosts = self.hosts.iter().map(|(host, result)| {
            (host.clone(), HostResult { outcome: judged(host, result), ..result.clone() })
        });
        hosts.collect()
    }

    /// The findings, to be judged.
    pub fn assessment(&self) -> &Assessment {
        &self.assessment
    }
}

/// Takes words out that may hold what was read; whether anything is left. How a task ended that depends on what was read is not
/// written down either, unless a plan has it: many of them would spell that.
fn spare(end: &mut TaskEnd, planned: &BTreeSet<String>) -> bool {
    let Some(kept) = end.kept.take() else { return false };
    let all = end.changes.iter().chain(end.items.iter().flat_map(|item| &item.changes));
    let mut all = all.map(|change| planned.contains(&change.summary)).peekable();
    let is_planned = all.peek().is_some() && all.all(|is| is);
    if !kept.whole && !is_planned {
        return false;
    }
    let is_told = |changes: &[ChangeMade]| is_planned && !changes.is_empty();
    end.task = kept.task;
    end.message = end.message.take().filter(|_| is_told(&end.changes));
    for (number, item) in end.items.iter_mut().enumerate() {
        item.message = item.message.take().filter(|_| is_told(&item.changes));
        if kept.items.get(number) != Some(&true) {
            item.label = format!("item {}", number + 1);
        }
        without_cause(&mut item.status);
    }
    without_cause(&mut end.status);
    if !kept.whole {
        end.result = Value::Null;
    }
    true
}

/// A status without the words of the task that it depends on.
fn without_cause(status: &mut Status) {
    match status {
        Status::Provisional { cause } | Status::KnownAfterApply { cause } => {
            *cause = "what is before it".into()
        }
        Status::Unseen { why } => *why = NOT_KEPT.into(),
        _ => {}
    }
}

fn is_about_packages(end: &TaskEnd) -> bool {
    PACKAGE_MODULES.contains(&end.module.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ChangeMade, Compared, Kept, Sent};
    use crate::model::{Digest, RunId};
    use serde_json::json;

    fn end(host: &str, status: Status) -> Event {
        let diff =
            Compared { header: "/etc/x".into(), before: "old content".into(), after: "new content".into() };
        let change = ChangeMade {
            summary: "write /etc/x".into(),
            script: "write".into(),
            script_digest: String::new(),
            diff: Some(diff),
            sends: None,
            hidden: None,
            attempts: None,
            whole: None,
            is_unsaid: false,
            content: None,
        };
        Event::TaskEnds(Box::new(TaskEnd {
            host: host.parse().unwrap(),
            number: 0,
            task: "Write".into(),
            module: "copy".into(),
            place: "a.yml:1:1".into(),
            handler: false,
            status,
            ignored: false,
            rescued: false,
            message: None,
            changes: vec![change],
            items: Vec::new(),
            result: json!({"content": "new content"}),
            seconds: 0.0,
            asks_out: Vec::new(),
            kept: None,
        }))
    }

    fn chronicle(events: &[Event]) -> Chronicle {
        let mut chronicle = Chronicle::default();
        let hosts = ["a", "b", "c", "d"].map(|host| host.parse().unwrap()).to_vec();
        let run = RunId::from_parts(0, 1);
        chronicle.event(&Event::RunBegins { version: 1, run, verb: "run".into(), mode: Mode::Real, hosts });
        events.iter().for_each(|event| chronicle.event(event));
        chronicle
    }

    #[test]
    fn every_host_has_the_outcome_that_is_known() {
        let recap = [
            ("a", Counts { changed: 1, ..Counts::default() }),
            ("b", Counts { unreachable: 1, ..Counts::default() }),
            ("c", Counts::default()),
        ];
        let recap = recap.map(|(host, counts)| (host.parse().unwrap(), counts)).into();
        let ends = Event::RunEnds { recap, interrupted: false, seconds: 1.0 };
        let all = chronicle(&[end("a", Status::Changed), end("b", Status::Unknown), ends]).results();
        let outcomes: Vec<_> = all.values().map(|result| result.outcome).collect();
        use HostOutcome::{Changed, Ok, Skipped, Unknown};
        assert_eq!(outcomes, [Changed, Unknown, Ok, Skipped]);
    }

    #[test]
    fn what_a_dry_run_counts_is_what_it_writes_down_and_whether_there_is_more() {
        let recap =
            [("a", Counts { ok: 300, changed: 299, ignored: 1204, exchanges: 7, ..Counts::default() })];
        let recap = recap.map(|(host, counts)| (host.parse().unwrap(), counts)).into();
        let ends = Event::RunEnds { recap, interrupted: false, seconds: 1.0 };
        let mut chronicle = Chronicle::default().sparing([]);
        let kept = |whole| Kept { task: "Write".into(), whole, items: vec![whole] };
        for whole in [true, true, false] {
            let Event::TaskEnds(mut end) = end("a", Status::WouldChange) else { unreachable!() };
            end.kept = Some(Box::new(kept(whole)));
            chronicle.event(&Event::TaskEnds(end));
        }
        chronicle.event(&ends);
        let told = chronicle.events().last().unwrap()["recap"]["a"].clone();
        let number = |key: &str| told[key].as_u64().unwrap();
        assert_eq!(["ok", "changed", "ignored", "skipped", "exchanges"].map(number), [2, 2, 1, 0, 0]);
        assert_eq!(chronicle.results().values().next().unwrap().outcome, HostOutcome::Changed);
    }

    #[test]
    fn places_are_kept_from_the_ops_repository_on() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("site.yml"), "").unwrap();
        let chronicle = Chronicle::of(Some(folder.path()));
        let whole = format!("{}/site.yml:2:3", folder.path().display());
        assert_eq!(chronicle.within(whole), "site.yml:2:3");
        for other in ["(built in)/playbooks/patch.yml:1:1", "/elsewhere/site.yml:1:1", "no place"] {
            assert_eq!(chronicle.within(other.into()), other);
        }
    }

    #[test]
    fn how_long_a_host_took_is_kept_from_its_first_step_to_its_last() {
        let mut chronicle = chronicle(&[]);
        let begun = Instant::now();
        let host: HostName = "a".parse().unwrap();
        let after = |seconds| begun + std::time::Duration::from_secs(seconds);
        chronicle.event_at(&Event::HostBegins { host: host.clone() }, begun);
        for seconds in [20, 90] {
            chronicle.event_at(&Event::HostLeaves { host: host.clone(), reason: None }, after(seconds));
        }
        let results = chronicle.results();
        assert_eq!(results[&host].seconds, Some(90.0));
        assert_eq!(results[&"b".parse::<HostName>().unwrap()].seconds, None);
        assert!(!json!(chronicle.events()).to_string().contains("host_begins"));
    }

    #[test]
    fn of_what_a_real_run_wrote_there_is_a_digest_under_the_nonce_of_its_entry() {
        let nonce = Nonce::from_bytes([7; 32]);
        let content = Digest::of("new content");
        let mut wrote = end("a", Status::Changed);
        if let Event::TaskEnds(end) = &mut wrote {
            end.changes[0].sends =
                Some(Sent { user: None, arguments: Digest::of("x"), content: Some(content) });
        }
        let kept = |mode: Mode| {
            let mut chronicle = Chronicle::default().keyed_by(nonce.clone());
            let run = RunId::from_parts(0, 1);
            chronicle.event(&Event::RunBegins {
                version: 1,
                run,
                verb: "run".into(),
                mode,
                hosts: Vec::new(),
            });
            chronicle.event(&wrote);
            json!(chronicle.results()).to_string()
        };
        let real = kept(Mode::Real);
        let keyed = Digest::keyed(&nonce, format!("content {content}"));
        assert!(real.contains(&keyed.to_string()), "{real}");
        assert!(
            !real.contains(&content.to_string()) && !real.contains(&Digest::of("x").to_string()),
            "{real}"
        );
        assert!(!kept(Mode::Dry { why: "--check".into() }).contains("sha256:"));
    }

    #[test]
    fn no_content_of_a_file_is_kept() {
        let kept = chronicle(&[end("a", Status::Changed), end("a", Status::Ok)]);
        let text = format!("{}{}", json!(kept.events()), json!(kept.results()));
        assert!(text.contains("write /etc/x"));
        assert!(!text.contains("content"), "{text}");
        assert_eq!(kept.events().len(), 2);
    }
}

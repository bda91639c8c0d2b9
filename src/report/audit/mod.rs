//! An audit's findings, judged: what was found on which host, what could not be assessed, and whether that fails.
//!
//! A host that could not be reached, or on which a task failed, is not assessed, which is a finding of its own and
//! never reads as clean. Every format writes the same [`Assessment`], by way of one `sheet`; each is a file of its own.

mod html;
mod human;
mod json;
mod junit;
mod kinds;
mod markdown;
mod markup;
mod openmetrics;
mod packages;
mod reporter;
mod rules;
mod sarif;
mod sheet;
mod suppressed;
mod verdict;

pub(super) use reporter::AuditReport;
pub use rules::hides_kind as hides;
pub use verdict::{Judged, Verdict};

use crate::event::{Event, Status};
use crate::model::{Finding, FindingKind, HostName, Judging, RunId, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// Everything an audit found.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    run: Option<RunId>,
    hosts: BTreeMap<HostName, Host>,
    judging: Judging,
    interrupted: bool,
}

/// What is known of one host.
#[derive(Clone, Debug, Default)]
struct Host {
    findings: Vec<Finding>,
    left: Option<String>,
    failed: Vec<String>,
    unseen: Vec<String>,
    lost: bool,
    finished: bool,
    updates: bool,
}

impl Assessment {
    /// Takes the next event of the audit.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunBegins { run, hosts, .. } => {
                self.run = Some(*run);
                self.hosts.extend(hosts.iter().map(|host| (host.clone(), Host::default())));
            }
            Event::Judging(judging) => self.judging = (**judging).clone(),
            Event::Found { host, finding } => self.host(host).findings.push(finding.clone()),
            Event::TaskEnds(end) if end.module == "pending_updates" && end.status == Status::Ok => {
                self.host(&end.host).updates = true;
            }
            Event::TaskEnds(end)
                if matches!(end.status, Status::Failed | Status::Unknown) && !end.ignored =>
            {
                let message = end.message.clone().unwrap_or_else(|| "no reason was given".into());
                self.host(&end.host).failed.push(format!("{}: {message}", end.task));
            }
            Event::TaskEnds(end) if matches!(end.status, Status::Unseen { .. }) => {
                let Status::Unseen { why } = &end.status else { return };
                self.host(&end.host).unseen.push(format!("{}: {why}", end.task));
            }
            Event::HostLeaves { host, reason } => self.host(host).left.clone_from(reason),
            Event::RunEnds { recap, interrupted, .. } => {
                self.interrupted = *interrupted;
                for (name, counts) in recap {
                    let host = self.host(name);
                    host.lost = counts.unreachable > 0;
                    host.finished = counts.unreachable + counts.failed == 0;
                }
            }
            _ => {}
        }
    }

    fn host(&mut self, name: &HostName) -> &mut Host {
        self.hosts.entry(name.clone()).or_default()
    }

    /// By what it is judged.
    pub fn judging(&self) -> &Judging {
        &self.judging
    }

    /// The run.
    pub fn run(&self) -> Option<RunId> {
        self.run
    }

    /// The hosts that it was about.
    pub fn hosts(&self) -> impl Iterator<Item = &HostName> {
        self.hosts.keys()
    }

    /// Whether somebody interrupted it.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// What was found on each host, and what could not be looked at, each once.
    pub fn found(&self) -> Vec<(&HostName, Finding)> {
        let mut all = Vec::new();
        for (name, host) in &self.hosts {
            let first = all.len();
            for finding in host.findings.iter().cloned().chain(self.not_assessed(host)) {
                let here: &[(&HostName, Finding)] = all.get(first..).unwrap_or_default();
                if !here.iter().any(|(_, other)| *other == finding) {
                    all.push((name, finding));
                }
            }
        }
        all
    }

    /// Whether the audit fails.
    pub fn fails(&self) -> bool {
        self.verdict().fails()
    }

    /// Hosts on which the audit fails.
    pub fn failing_hosts(&self) -> BTreeSet<HostName> {
        let failing = self.verdict().findings.into_iter().filter(|judged| judged.fails.is_some());
        failing.map(|judged| judged.host.clone()).collect()
    }

    /// Whether a host was looked at without trouble.
    pub fn looked_at(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|host| self.not_assessed(host).is_none())
    }

    /// Whether a task looked for a host's updates; not every playbook has one.
    pub fn looked_for_updates(&self, host: &HostName) -> bool {
        self.hosts.get(host).is_some_and(|host| host.updates)
    }

    /// The name of a host that it was about.
    fn name_of(&self, host: &HostName) -> Option<&HostName> {
        self.hosts.get_key_value(host).map(|(name, _)| name)
    }

    fn not_assessed(&self, host: &Host) -> Option<Finding> {
        let (about, title) = match host {
            Host { lost: true, .. } => ("unreachable", "the host could not be reached"),
            Host { failed, .. } if !failed.is_empty() => ("task-failed", "the audit failed on this host"),
            Host { finished: false, .. } if self.interrupted => ("interrupted", "the audit was interrupted"),
            Host { finished: false, .. } => ("not-begun", "the audit did not get to this host"),
            Host { unseen, .. } if !unseen.is_empty() => {
                ("not-seen", "a part of this host is not shown to the account that asked")
            }
            _ => return None,
        };
        let evidence =
            host.left.iter().chain(&host.failed).chain(&host.unseen).cloned().collect::<Vec<_>>().join("\n");
        Some(
            Finding::new(FindingKind::NotAssessed, about, Severity::High, title)
                .seen(evidence)
                .remedied_by("put this right and audit the host again"),
        )
    }
}

/// The references of a finding in one line: some, and how many more there are.
fn references(finding: &Finding, shown_max: usize) -> String {
    let shown = finding.references.iter().take(shown_max).cloned().collect::<Vec<_>>().join(", ");
    match finding.references.len().saturating_sub(shown_max) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod cases {
    use super::*;
    use crate::event::{Counts, Mode, TaskEnd};
    use crate::model::{Glob, Suppression};

    pub fn finding(kind: FindingKind, severity: Severity, about: &str) -> Finding {
        Finding::new(kind, about, severity, format!("{about} 3.0.11-1 → 3.0.14-1"))
            .seen("Debian-Security:12/oldstable-security")
            .remedied_by("wgops patch --security")
    }

    pub fn suppression(id: &str, until: &str) -> Suppression {
        Suppression {
            id: Glob::new(id),
            pattern: "web".into(),
            hosts: ["web1", "web2"].map(|host| host.parse().unwrap()).to_vec(),
            reason: "comes with the next release".into(),
            owner: "alice".into(),
            until: until.parse().unwrap(),
            place: "inventory/suppressions.yml:3".into(),
        }
    }

    /// The task that looks for updates ended well.
    pub fn looks(host: &HostName) -> Event {
        Event::TaskEnds(Box::new(TaskEnd {
            host: host.clone(),
            number: 0,
            task: "Pending updates".into(),
            module: "pending_updates".into(),
            place: "audit.yml:7:7".into(),
            handler: false,
            status: Status::Ok,
            ignored: false,
            rescued: false,
            message: None,
            changes: Vec::new(),
            items: Vec::new(),
            result: serde_json::Value::Null,
            seconds: 0.1,
            asks_out: Vec::new(),
            kept: None,
        }))
    }

    pub fn events() -> Vec<Event> {
        let name = |host: &str| host.parse::<HostName>().unwrap();
        let found = |host: &str, finding| Event::Found { host: name(host), finding };
        let ok = Counts { ok: 3, ..Counts::default() };
        let lost = Counts { unreachable: 1, ..Counts::default() };
        vec![
            Event::RunBegins {
                version: 1,
                run: RunId::from_parts(0, 7),
                verb: "audit".into(),
                mode: Mode::Dry { why: "an audit changes nothing".into() },
                hosts: vec![name("web1"), name("web2"), name("db1"), name("clean1")],
            },
            looks(&name("web1")),
            looks(&name("web2")),
            looks(&name("clean1")),
            found("web1", finding(FindingKind::Update, Severity::Low, "htop")),
            found("web1", finding(FindingKind::SecurityUpdate, Severity::High, "openssl")),
            found("web2", finding(FindingKind::SecurityUpdate, Severity::High, "openssl")),
            Event::HostLeaves { host: name("db1"), reason: Some("connection refused".into()) },
            Event::RunEnds {
                recap: [("web1", ok), ("web2", ok), ("db1", lost), ("clean1", ok)]
                    .map(|(h, c)| (name(h), c))
                    .into(),
                interrupted: false,
                seconds: 2.0,
            },
        ]
    }

    /// Holds a text to the example that stands in `examples/`; with `WGOPS_EXAMPLES=write` it becomes the example.
    #[track_caller]
    pub fn held(name: &str, text: &str) {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/report/audit/examples/").to_owned() + name;
        if std::env::var_os("WGOPS_EXAMPLES").is_some_and(|word| word == "write") {
            std::fs::write(&file, text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(&file).unwrap());
    }

    /// Every text of it is out to be something else.
    pub fn hostile() -> Assessment {
        let evil = "x\u{1b}[2J\u{9b}2J\u{202e}\nPASS: all | **PASS** | <script>alert(1)</script><img src=x onerror=alert(1)> \
                    \" onmouseover=\"x' ]]>&amp;--> `code` @root https://evil.example www.evil.example [a](b) {x=\"1\"} \\";
        let finding = Finding {
            title: evil.into(),
            evidence: evil.into(),
            remedy: evil.into(),
            references: vec![evil.into()],
            ..finding(FindingKind::Check, Severity::Info, evil)
        };
        judged(["web1"], vec![finding])
    }

    /// As many findings on one host.
    pub fn many(number: usize) -> Assessment {
        let update = |n| finding(FindingKind::Update, Severity::Low, &format!("package-{n}"));
        judged(["web1"], (0..number).map(update).collect())
    }

    /// The same findings on hosts that were looked at.
    pub fn judged<const N: usize>(hosts: [&str; N], findings: Vec<Finding>) -> Assessment {
        let mut assessment = Assessment::default();
        let hosts = hosts.map(|host| host.parse::<HostName>().unwrap());
        for host in &hosts {
            assessment.event(&looks(host));
            for finding in &findings {
                assessment.event(&Event::Found { host: host.clone(), finding: finding.clone() });
            }
        }
        let recap = hosts.map(|host| (host, Counts::default())).into();
        assessment.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assessment
    }

    /// The same, told to fail on something.
    pub fn failing_on(assessment: &Assessment, words: &str) -> Assessment {
        let mut assessment = assessment.clone();
        let judging = Judging { fail_on: words.parse().unwrap(), ..assessment.judging().clone() };
        assessment.event(&Event::Judging(Box::new(judging)));
        assessment
    }

    pub fn assessment() -> Assessment {
        let mut assessment = Assessment::default();
        events().iter().for_each(|event| assessment.event(event));
        assessment
    }
}

#[cfg(test)]
mod tests {
    use super::cases::{assessment, events};
    use super::*;

    fn ids(assessment: &Assessment) -> Vec<String> {
        assessment.verdict().findings.iter().map(|j| format!("{} {}", j.host, j.finding.id)).collect()
    }

    #[test]
    fn findings_come_worst_first_and_an_unreachable_host_is_one() {
        assert_eq!(
            ids(&assessment()),
            [
                "web1 security-update/openssl",
                "web2 security-update/openssl",
                "db1 not-assessed/unreachable",
                "web1 update/htop"
            ]
        );
    }

    #[test]
    fn what_could_not_be_assessed_never_passes_for_clean() {
        let only = |keep: fn(&Event) -> bool| {
            let mut out = Assessment::default();
            events().iter().filter(|event| keep(event)).for_each(|event| out.event(event));
            out
        };
        let unreachable = only(|event| !matches!(event, Event::Found { .. } | Event::Judging(_)));
        assert_eq!(ids(&unreachable), ["db1 not-assessed/unreachable"]);
        assert!(unreachable.fails());
        let not_begun = only(|event| matches!(event, Event::RunBegins { .. }));
        assert_eq!(not_begun.found().len(), 4);
        assert!(not_begun.fails());
    }
}

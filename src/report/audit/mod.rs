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
mod sarif;
mod sheet;
mod summary;

pub(super) use reporter::AuditReport;

use crate::event::{Event, Status};
use crate::model::{Finding, FindingKind, HostName, RunId, Severity};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What could not be assessed and hides no update: an unprivileged account never sees all of it.
const HIDES_NO_UPDATE: [&str; 3] = ["not-assessed/services", "not-assessed/kernel", "not-assessed/reboot"];

/// What an audit fails on (exit code 5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum FailOn {
    /// A pending security update, or something that could not be assessed and may hide one.
    #[default]
    Security,
    /// Any finding.
    Any,
    /// Nothing: the report alone is wanted.
    None,
}

/// Everything an audit found.
#[derive(Clone, Debug, Default)]
pub struct Assessment {
    run: Option<RunId>,
    hosts: BTreeMap<HostName, Host>,
    interrupted: bool,
}

/// What is known of one host.
#[derive(Clone, Debug, Default)]
struct Host {
    findings: Vec<Finding>,
    left: Option<String>,
    failed: Vec<String>,
    lost: bool,
    finished: bool,
}

impl FailOn {
    /// Every choice, in the order in which help names them.
    pub const ALL: [Self; 3] = [Self::Security, Self::Any, Self::None];

    /// The word that is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Any => "any",
            Self::None => "none",
        }
    }

    fn counts(self, finding: &Finding) -> bool {
        match self {
            Self::Security => match finding.kind {
                FindingKind::SecurityUpdate => true,
                FindingKind::NotAssessed => !HIDES_NO_UPDATE.contains(&finding.id.as_str()),
                _ => false,
            },
            Self::Any => true,
            Self::None => false,
        }
    }
}

impl FromStr for FailOn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|choice| choice.as_str() == text);
        found.ok_or_else(|| "expected security, any or none".to_owned())
    }
}

impl Assessment {
    /// Takes the next event of the audit.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunBegins { run, hosts, .. } => {
                self.run = Some(*run);
                self.hosts.extend(hosts.iter().map(|host| (host.clone(), Host::default())));
            }
            Event::Found { host, finding } => self.host(host).findings.push(finding.clone()),
            Event::TaskEnds(end)
                if matches!(end.status, Status::Failed | Status::Unknown) && !end.ignored =>
            {
                let message = end.message.clone().unwrap_or_else(|| "no reason was given".into());
                self.host(&end.host).failed.push(format!("{}: {message}", end.task));
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

    /// The hosts, and their findings: worst first, then by kind and id.
    pub fn findings(&self) -> Vec<(&HostName, Finding)> {
        let of = |(name, host): (&HostName, &Host)| {
            let own = host.findings.iter().cloned().chain(self.not_assessed(host));
            own.map(|finding| (name.clone(), finding)).collect::<Vec<_>>()
        };
        let mut all: Vec<_> = self.hosts.iter().flat_map(of).collect();
        let rank = |(name, f): &(HostName, Finding)| {
            (std::cmp::Reverse(f.severity), f.kind, f.id.clone(), name.clone())
        };
        all.sort_by_cached_key(rank);
        all.dedup();
        let named = |(name, finding): (HostName, Finding)| {
            self.hosts.get_key_value(&name).map(|(name, _)| (name, finding))
        };
        all.into_iter().filter_map(named).collect()
    }

    /// Whether the audit fails.
    pub fn fails(&self, fail_on: FailOn) -> bool {
        self.findings().iter().any(|(_, finding)| fail_on.counts(finding))
    }

    /// Hosts on which the audit fails.
    pub fn failing_hosts(&self, fail_on: FailOn) -> BTreeSet<&HostName> {
        self.findings()
            .into_iter()
            .filter(|(_, finding)| fail_on.counts(finding))
            .map(|(host, _)| host)
            .collect()
    }

    fn not_assessed(&self, host: &Host) -> Option<Finding> {
        let (about, title) = match host {
            Host { lost: true, .. } => ("unreachable", "the host could not be reached"),
            Host { failed, .. } if !failed.is_empty() => ("task-failed", "the audit failed on this host"),
            Host { finished: false, .. } if self.interrupted => ("interrupted", "the audit was interrupted"),
            Host { finished: false, .. } => ("not-begun", "the audit did not get to this host"),
            _ => return None,
        };
        let evidence = host.left.iter().chain(&host.failed).cloned().collect::<Vec<_>>().join("\n");
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
    use crate::event::{Counts, Mode};

    pub fn finding(kind: FindingKind, severity: Severity, about: &str) -> Finding {
        Finding::new(kind, about, severity, format!("{about} 3.0.11-1 → 3.0.14-1"))
            .seen("Debian-Security:12/oldstable-security")
            .remedied_by("wgops patch --security")
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
            for finding in &findings {
                assessment.event(&Event::Found { host: host.clone(), finding: finding.clone() });
            }
        }
        let recap = hosts.map(|host| (host, Counts::default())).into();
        assessment.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
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
    use super::cases::{assessment, events, finding};
    use super::*;

    fn ids(assessment: &Assessment) -> Vec<String> {
        assessment.findings().iter().map(|(host, f)| format!("{host} {}", f.id)).collect()
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
        let unreachable = only(|event| !matches!(event, Event::Found { .. }));
        assert_eq!(ids(&unreachable), ["db1 not-assessed/unreachable"]);
        assert!(unreachable.fails(FailOn::Security));
        assert!(!unreachable.fails(FailOn::None));
        let not_begun = only(|event| matches!(event, Event::RunBegins { .. }));
        assert_eq!(not_begun.findings().len(), 4);
        assert!(not_begun.fails(FailOn::Security));
    }

    #[test]
    fn what_an_unprivileged_account_never_sees_does_not_fail_for_security() {
        let host: HostName = "web1".parse().unwrap();
        for (about, fails) in
            [("services", false), ("updates", true), ("refresh", true), ("unheard-of", true)]
        {
            let mut one = Assessment::default();
            let finding = finding(FindingKind::NotAssessed, Severity::Medium, about);
            one.event(&Event::Found { host: host.clone(), finding });
            let recap = [(host.clone(), crate::event::Counts::default())].into();
            one.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
            assert_eq!(one.fails(FailOn::Security), fails, "{about}");
            assert!(one.fails(FailOn::Any));
        }
    }

    #[test]
    fn security_alone_fails_on_security_alone() {
        let mut plain = Assessment::default();
        let host: HostName = "web1".parse().unwrap();
        let update = finding(FindingKind::Update, Severity::Low, "htop");
        plain.event(&Event::Found { host: host.clone(), finding: update });
        let recap = [(host, crate::event::Counts::default())].into();
        plain.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assert!(!plain.fails(FailOn::Security));
        assert!(plain.fails(FailOn::Any));
    }
}

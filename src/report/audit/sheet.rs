//! The sheet that every format is written from: the assessment's findings and hosts with all that was decided about
//! them, so that no format judges anything itself and all of them tell the same.

use super::Assessment;
use super::rules::hides_kind;
use super::verdict::{self, Judged, suppression_text};
use crate::model::{Finding, FindingKind, HostName, RunId, Severity};
use jiff::Timestamp;
use std::cmp::Reverse;

/// An audit, judged and counted.
pub(super) struct Sheet<'a> {
    pub run: Option<RunId>,
    /// What it was told to fail on, as it was typed.
    pub fail_on: String,
    pub failed: bool,
    /// The verdict in one line.
    pub summary: String,
    pub interrupted: bool,
    /// Worst first.
    pub rows: Vec<Row<'a>>,
    /// Worst first.
    pub hosts: Vec<HostLine<'a>>,
}

/// One finding on one host.
pub(super) struct Row<'a> {
    pub host: &'a HostName,
    pub finding: Finding,
    /// The audit fails for it.
    pub fails: bool,
    /// Why it does not count, where somebody decided so.
    pub suppressed: Option<String>,
    /// It was not there in the audit that this one is compared with, if it is compared.
    pub new: Option<bool>,
}

/// One host, counted.
pub(super) struct HostLine<'a> {
    pub name: &'a HostName,
    /// It was looked at to the end.
    pub assessed: bool,
    pub findings: usize,
    pub failing: usize,
    pub suppressed: usize,
    pub security: Count,
    pub vulnerabilities: Count,
    pub updates: Count,
    pub held: Count,
    pub reboot: Reboot,
    pub not_assessed: usize,
    /// Findings that no other column counts.
    pub other: Count,
    pub worst: Option<Severity>,
    /// Since when the oldest finding is known.
    pub oldest: Option<Timestamp>,
}

/// How many there are, as far as could be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Count {
    pub seen: usize,
    /// There may be more: something that could hide them could not be looked at.
    pub may_be_more: bool,
}

/// Whether a host needs a reboot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reboot {
    Needed,
    NotNeeded,
    Unknown,
}

impl<'a> Sheet<'a> {
    pub fn of(assessment: &'a Assessment) -> Self {
        let verdict = assessment.verdict();
        let (summary, failed) = (verdict::line(assessment, &verdict), verdict.fails());
        let rows: Vec<Row<'a>> = verdict.findings.into_iter().map(Row::of).collect();
        let mut hosts: Vec<HostLine<'a>> =
            assessment.hosts().map(|name| HostLine::of(name, assessment, &rows)).collect();
        hosts.sort_by_key(|host| (Reverse(host.worst), Reverse(host.failing), Reverse(host.findings)));
        Self {
            run: assessment.run(),
            fail_on: assessment.judging().fail_on.to_string(),
            failed,
            summary,
            interrupted: assessment.interrupted(),
            rows,
            hosts,
        }
    }

    /// When the audit began.
    pub fn at(&self) -> Option<Timestamp> {
        self.run.and_then(RunId::begun)
    }

    /// Hosts that were looked at to the end.
    pub fn assessed(&self) -> usize {
        self.hosts.iter().filter(|host| host.assessed).count()
    }

    /// How long a finding has been known, in words.
    pub fn age(&self, since: Timestamp) -> String {
        age(since, self.at().unwrap_or(since))
    }
}

impl<'a> Row<'a> {
    fn of(judged: Judged<'a>) -> Self {
        Self {
            host: judged.host,
            fails: judged.fails.is_some(),
            suppressed: judged.suppressed.map(suppression_text),
            new: judged.new,
            finding: judged.finding,
        }
    }
}

impl Row<'_> {
    /// Whether two rows differ in nothing but their host and since when each has been known.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let (a, b) = (&self.finding, &other.finding);
        (a.severity, &a.id, &a.title, &a.evidence, &a.remedy, &a.references)
            == (b.severity, &b.id, &b.title, &b.evidence, &b.remedy, &b.references)
            && (self.fails, &self.suppressed, self.new) == (other.fails, &other.suppressed, other.new)
    }
}

impl<'a> HostLine<'a> {
    fn of(name: &'a HostName, assessment: &Assessment, rows: &[Row<'_>]) -> Self {
        let assessed = assessment.looked_at(name);
        let own = || rows.iter().filter(|row| row.host == name);
        let counted = || own().filter(|row| row.suppressed.is_none());
        let of = |kinds: &[FindingKind]| counted().filter(|row| kinds.contains(&row.finding.kind)).count();
        let blind = !assessment.looked_for_updates(name)
            || own().any(|row| hides_kind(&row.finding, FindingKind::SecurityUpdate));
        let reboot_is_unknown = own().any(|row| hides_kind(&row.finding, FindingKind::RebootNeeded));
        let columns = [
            FindingKind::SecurityUpdate,
            FindingKind::Vulnerability,
            FindingKind::Update,
            FindingKind::HeldBack,
            FindingKind::RebootNeeded,
            FindingKind::NotAssessed,
        ];
        Self {
            name,
            assessed,
            findings: own().count(),
            failing: own().filter(|row| row.fails).count(),
            suppressed: own().filter(|row| row.suppressed.is_some()).count(),
            security: Count { seen: of(&[FindingKind::SecurityUpdate]), may_be_more: blind },
            vulnerabilities: Count { seen: of(&[FindingKind::Vulnerability]), may_be_more: !assessed },
            updates: Count { seen: of(&[FindingKind::Update]), may_be_more: blind },
            held: Count { seen: of(&[FindingKind::HeldBack]), may_be_more: blind },
            reboot: match of(&[FindingKind::RebootNeeded]) {
                0 if !assessed || reboot_is_unknown || !assessment.looked_for_updates(name) => {
                    Reboot::Unknown
                }
                0 => Reboot::NotNeeded,
                _ => Reboot::Needed,
            },
            not_assessed: of(&[FindingKind::NotAssessed]),
            other: Count { seen: counted().count() - of(&columns), may_be_more: !assessed },
            worst: counted().map(|row| row.finding.severity).max(),
            oldest: counted().filter_map(|row| row.finding.since).min(),
        }
    }
}

impl HostLine<'_> {
    /// Nothing was found, and nothing that could hide a finding was left out.
    pub fn is_clean(&self) -> bool {
        self.worst.is_none() && self.assessed && !self.security.may_be_more
    }
}

impl Count {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { seen: self.seen + other.seen, may_be_more: self.may_be_more || other.may_be_more }
    }

    /// `3`, `3+` where there may be more, `?` where nothing is known.
    pub fn text(self) -> String {
        match self {
            Self { seen: 0, may_be_more: true } => "?".into(),
            Self { seen, may_be_more: true } => format!("{seen}+"),
            Self { seen, .. } => seen.to_string(),
        }
    }
}

impl Reboot {
    pub fn text(self) -> &'static str {
        match self {
            Self::Needed => "yes",
            Self::NotNeeded => "no",
            Self::Unknown => "?",
        }
    }
}

/// `today`, `1 day`, `24 days`. A clock that went backwards makes nothing negative.
fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(since.as_second()).max(0);
    match seconds / 86_400 {
        0 => "today".into(),
        1 => "1 day".into(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::assessment;
    use super::*;

    #[test]
    fn hosts_come_worst_first_and_what_was_not_seen_never_counts_as_none() {
        let assessment = assessment();
        let sheet = Sheet::of(&assessment);
        let names: Vec<&str> = sheet.hosts.iter().map(|host| host.name.as_str()).collect();
        assert_eq!(names, ["web1", "db1", "web2", "clean1"]);
        let lost = &sheet.hosts[1];
        assert_eq!((lost.security.text(), lost.reboot), ("?".into(), Reboot::Unknown));
        let clean = &sheet.hosts[3];
        assert_eq!((clean.security.text(), clean.reboot), ("0".into(), Reboot::NotNeeded));
        assert_eq!((sheet.hosts[0].updates.text(), sheet.hosts[0].failing), ("1".into(), 1));
        let are_clean: Vec<bool> = sheet.hosts.iter().map(HostLine::is_clean).collect();
        assert_eq!(are_clean, [false, false, false, true]);
        assert_eq!(Count { seen: 2, may_be_more: true }.text(), "2+");
    }

    #[test]
    fn ages_are_whole_days_and_never_negative() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (since, expected) in
            [(0, "24 days"), (86_400 * 23, "1 day"), (86_400 * 24, "today"), (86_400 * 99, "today")]
        {
            assert_eq!(age(at(since), at(86_400 * 24)), expected);
        }
    }
}

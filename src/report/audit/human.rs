//! The audit for people: findings by severity, worst first, a line for each, and equal ones of several hosts together;
//! then a verdict of one line, which stands last because that is where a terminal leaves the reader.

use super::super::View;
use super::super::line::{self, one_line, painted};
use super::{Assessment, FailOn};
use crate::model::{Excerpt, Finding, FindingKind, HostName, Severity};
use owo_colors::Style;
use std::borrow::Cow;

/// What is shown of a finding's evidence.
const EVIDENCE: Excerpt = Excerpt { lines_max: 4, columns_max: 300 };
/// The same with `-v`.
const EVIDENCE_VERBOSE: Excerpt = Excerpt { lines_max: 100, columns_max: 2000 };
/// Most lines of one kind of minor findings without `-v`.
const MINOR_MAX: usize = 10;
/// Most hosts that a line names without `-v`.
const HOSTS_MAX: usize = 5;
/// Widest name that others are padded to.
const SUBJECT_COLUMNS_MAX: usize = 32;

/// One finding, and the hosts that have it.
struct Line<'a> {
    finding: &'a Finding,
    hosts: String,
}

pub(super) fn text(assessment: &Assessment, fail_on: FailOn, view: View) -> String {
    let findings = assessment.findings();
    let all = assessment.hosts.len();
    let lines: Vec<Line<'_>> =
        findings.chunk_by(|(_, a), (_, b)| a == b).filter_map(|group| Line::of(group, all, view)).collect();
    let mut out = String::new();
    for severe in lines.chunk_by(|a, b| a.finding.severity == b.finding.severity) {
        let Some(severity) = severe.first().map(|line| line.finding.severity) else { continue };
        out.push_str(&format!("\n{}\n", painted(severity.to_string().to_uppercase(), style(severity))));
        for same in severe.chunk_by(|a, b| a.finding.kind == b.finding.kind) {
            out.push_str(&kind(same, view));
        }
    }
    format!("{out}\n{}\n", verdict(assessment, &findings, fail_on))
}

impl<'a> Line<'a> {
    /// Neighbours that say the same about several hosts.
    fn of(group: &'a [(&'a HostName, Finding)], all: usize, view: View) -> Option<Self> {
        let (_, finding) = group.first()?;
        let names: Vec<_> = group.iter().map(|(host, _)| one_line(host.as_str())).collect();
        let hosts = match names.len() {
            _ if all == 1 => String::new(),
            number if number == all => format!("  [all {all} hosts]"),
            number if number > HOSTS_MAX && view.verbosity == 0 => {
                let shown = names.iter().take(HOSTS_MAX).cloned().collect::<Vec<_>>().join(", ");
                format!("  [{shown} and {} more]", number - HOSTS_MAX)
            }
            _ => format!("  [{}]", names.join(", ")),
        };
        Some(Self { finding, hosts })
    }

    /// What it is about: a package's name where the kind says the rest, else the title.
    fn subject(&self) -> Cow<'a, str> {
        one_line(self.package().unwrap_or(&self.finding.title))
    }

    fn package(&self) -> Option<&'a str> {
        match self.finding.kind {
            FindingKind::SecurityUpdate | FindingKind::Update | FindingKind::HeldBack => {
                self.finding.id.split_once('/').map(|(_, package)| package)
            }
            _ => None,
        }
    }

    /// A package and its versions on one line; anything else with what was seen below.
    fn short(&self, columns: usize, view: View) -> String {
        let subject = self.subject();
        if self.package().is_none() {
            let below = line::indented(&EVIDENCE.of(self.finding.evidence.trim()), "      ");
            return format!("    {subject}{}\n{below}", painted(&self.hosts, line::FAINT));
        }
        let evidence = one_line(self.finding.evidence.trim());
        let pad = " ".repeat(columns.saturating_sub(line::width(&subject)));
        let gap = if evidence.is_empty() { "" } else { "  " };
        let room = view.line_columns().saturating_sub(4 + line::width(&self.hosts)).max(20);
        let text = format!("{subject}{pad}{gap}{evidence}");
        format!("    {}{}\n", line::fitted(&text, room), painted(&self.hosts, line::FAINT))
    }

    fn whole(&self) -> String {
        let mut out = format!("    {}{}\n", one_line(&self.finding.title), self.hosts);
        out.push_str(&line::indented(&EVIDENCE_VERBOSE.of(self.finding.evidence.trim()), "      "));
        out.push_str(&remedy(self.finding, "      "));
        out
    }
}

/// Findings of one kind: a heading, and a line for each. What to do stands once where it is the same for all.
fn kind(lines: &[Line<'_>], view: View) -> String {
    let Some(first) = lines.first().map(|line| line.finding) else { return String::new() };
    let mut out = format!("  {}: {}\n", painted(first.kind.to_string(), style(first.severity)), lines.len());
    if view.verbosity > 0 {
        lines.iter().for_each(|line| out.push_str(&line.whole()));
        return out;
    }
    let minor = first.severity <= Severity::Low;
    let shown = if minor && lines.len() > MINOR_MAX { MINOR_MAX } else { lines.len() };
    let width = |line: &Line<'_>| line::width(&line.subject()).min(SUBJECT_COLUMNS_MAX);
    let columns = lines.iter().take(shown).map(width).max().unwrap_or(0);
    for part in
        lines.iter().take(shown).collect::<Vec<_>>().chunk_by(|a, b| a.finding.remedy == b.finding.remedy)
    {
        part.iter().for_each(|line| out.push_str(&line.short(columns, view)));
        out.push_str(&part.last().map(|line| remedy(line.finding, "      ")).unwrap_or_default());
    }
    if lines.len() > shown {
        out.push_str(&format!("    … and {} more (-v shows all)\n", lines.len() - shown));
    }
    out
}

fn remedy(finding: &Finding, indent: &str) -> String {
    if finding.remedy.is_empty() {
        return String::new();
    }
    format!("{indent}{}\n", painted(format!("→ {}", one_line(&finding.remedy)), line::FAINT))
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => line::FAILED,
        Severity::Medium => line::CHANGED,
        Severity::Low => line::SKIPPED,
        Severity::Info => line::FAINT,
    }
}

/// `FAIL: 2 security updates pending, 1 thing not assessed; 3 of 4 hosts looked at (fails on: security)`.
fn verdict(assessment: &Assessment, findings: &[(&HostName, Finding)], fail_on: FailOn) -> String {
    let of = |kind: FindingKind| findings.iter().filter(|(_, finding)| finding.kind == kind).count();
    let security = of(FindingKind::SecurityUpdate);
    let blind = of(FindingKind::NotAssessed);
    let others = findings.len() - security - blind;
    let mut parts = vec![match security {
        0 if blind > 0 => "no security update was found".to_owned(),
        0 => "no security update is pending".to_owned(),
        n => format!("{} pending", line::counted(n, "security update")),
    }];
    parts.extend((blind > 0).then(|| format!("{} not assessed", line::counted(blind, "thing"))));
    parts.extend((others > 0).then(|| line::counted(others, "other finding")));
    let assessed =
        format!("{} of {} looked at", assessment.assessed(), line::counted(assessment.hosts.len(), "host"));
    let (word, style) = match assessment.fails(fail_on) {
        true => ("FAIL", line::FAILED),
        false => ("PASS", line::OK),
    };
    format!("{}: {}; {assessed} (fails on: {})", painted(word, style), parts.join(", "), fail_on.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::super::human::cases::plain;
    use super::super::cases::{assessment, finding};
    use super::*;
    use crate::event::Event;

    #[test]
    fn the_worst_stands_first_and_the_verdict_last() {
        let text = plain(text(&assessment(), FailOn::Security, View::default()).as_bytes());
        insta::assert_snapshot!(text, @r"
        HIGH
          security-update: 1
            openssl  Debian-Security:12/oldstable-security  [web1, web2]
              → wgops patch --security
          not-assessed: 1
            the host could not be reached  [db1]
              connection refused
              → put this right and audit the host again

        LOW
          update: 1
            htop  Debian-Security:12/oldstable-security  [web1]
              → wgops patch --security

        FAIL: 2 security updates pending, 1 thing not assessed, 1 other finding; 3 of 4 hosts looked at (fails on: security)
        ");
    }

    #[test]
    fn a_clean_audit_is_one_line() {
        let mut clean = Assessment::default();
        let recap = [("web1".parse().unwrap(), crate::event::Counts::default())].into();
        clean.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        let text = plain(text(&clean, FailOn::Security, View::default()).as_bytes());
        assert_eq!(
            text,
            "\nPASS: no security update is pending; 1 of 1 host looked at (fails on: security)\n"
        );
    }

    #[test]
    fn escapes_in_findings_are_only_shown() {
        let evil = "x\u{1b}[2J\nPASS: all\u{9b}";
        let mut bad = Assessment::default();
        let finding = Finding {
            title: evil.into(),
            evidence: evil.into(),
            remedy: evil.into(),
            ..finding(FindingKind::Check, Severity::Info, evil)
        };
        bad.event(&Event::Found { host: "web1".parse().unwrap(), finding });
        let text = plain(text(&bad, FailOn::Any, View::default()).as_bytes());
        assert_eq!(text, crate::model::printable(&text));
        assert!(!text.lines().any(|line| line.starts_with("PASS")), "{text}");
    }
}

//! The audit for people: findings by severity, worst first, equal ones of several hosts together; then a verdict of one
//! line, which stands last because that is where a terminal leaves the reader.

use super::super::View;
use super::super::line::{self, one_line, painted};
use super::{Assessment, FailOn};
use crate::model::{Excerpt, Finding, FindingKind, HostName, Severity};
use owo_colors::Style;

/// What is shown of a finding's evidence.
const EVIDENCE: Excerpt = Excerpt { lines_max: 3, columns_max: 300 };
const EVIDENCE_VERBOSE: Excerpt = Excerpt { lines_max: 100, columns_max: 2000 };

pub(super) fn text(assessment: &Assessment, fail_on: FailOn, view: View) -> String {
    let findings = assessment.findings();
    let mut out = String::new();
    let mut severity = None;
    for group in grouped(&findings) {
        let Some((_, first)) = group.first() else { continue };
        if severity.replace(first.severity) != Some(first.severity) {
            let title = first.severity.to_string().to_uppercase();
            out.push_str(&format!("\n{}\n", painted(title, style(first.severity))));
        }
        out.push_str(&one(first, &hosts(group, assessment.hosts.len()), view));
    }
    format!("{out}\n{}\n", verdict(assessment, &findings, fail_on))
}

/// Neighbours that say the same about several hosts.
fn grouped<'a>(
    findings: &'a [(&'a HostName, Finding)],
) -> impl Iterator<Item = &'a [(&'a HostName, Finding)]> {
    findings.chunk_by(|(_, a), (_, b)| a == b)
}

fn hosts(group: &[(&HostName, Finding)], all: usize) -> String {
    if group.len() > 1 && group.len() == all {
        return format!("all {all} hosts");
    }
    group.iter().map(|(host, _)| one_line(host.as_str())).collect::<Vec<_>>().join(", ")
}

fn one(finding: &Finding, hosts: &str, view: View) -> String {
    let kind = painted(finding.kind.to_string(), style(finding.severity));
    let mut out = format!("  {kind}  {}\n    on {hosts}\n", one_line(&finding.title));
    let excerpt = if view.verbosity > 0 { EVIDENCE_VERBOSE } else { EVIDENCE };
    out.push_str(&line::indented(&excerpt.of(finding.evidence.trim()), "    "));
    if !finding.remedy.is_empty() {
        out.push_str(&format!("    {}\n", painted(format!("→ {}", one_line(&finding.remedy)), line::FAINT)));
    }
    out
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => line::FAILED,
        Severity::Medium => line::CHANGED,
        Severity::Low => line::SKIPPED,
        Severity::Info => line::FAINT,
    }
}

/// `FAIL: 2 security updates, 1 not assessed; 3 of 4 hosts assessed (fails on: security)`.
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
    parts.extend((blind > 0).then(|| format!("{blind} not assessed")));
    parts.extend((others > 0).then(|| line::counted(others, "other finding")));
    let assessed =
        format!("{} of {} assessed", assessment.assessed(), line::counted(assessment.hosts.len(), "host"));
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
          security-update  openssl 3.0.11-1 → 3.0.14-1
            on web1, web2
            Debian-Security:12/oldstable-security
            → wgops patch --security
          not-assessed  the host could not be reached
            on db1
            connection refused
            → put this right and audit the host again

        LOW
          update  htop 3.0.11-1 → 3.0.14-1
            on web1
            Debian-Security:12/oldstable-security
            → wgops patch --security

        FAIL: 2 security updates pending, 1 not assessed, 1 other finding; 3 of 4 hosts assessed (fails on: security)
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
            "\nPASS: no security update is pending; 1 of 1 host assessed (fails on: security)\n"
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

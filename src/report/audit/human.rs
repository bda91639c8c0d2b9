//! The audit for people: a table of hosts to be read at a glance; findings by severity, worst first, a line for each, and
//! equal ones of several hosts together; then a verdict of one line, which stands last because that is where a terminal
//! leaves the reader.

mod table;

use super::super::View;
use super::super::line::{self, one_line, painted};
use super::sheet::{Row, Sheet};
use crate::model::{Excerpt, Finding, FindingKind, Severity};
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

/// Most references that a line names.
const REFERENCES_MAX: usize = 3;

/// One finding, and the hosts that have it.
struct Line<'a> {
    finding: &'a Finding,
    hosts: String,
    /// What the judgement adds: its age, its references, that it is new.
    marks: String,
}

pub(super) fn text(sheet: &Sheet<'_>, view: View) -> String {
    let all = sheet.hosts.len();
    let mut out = format!("\n{}", table::text(sheet, view));
    let counted: Vec<Line<'_>> = lines(sheet, all, view, |row| row.suppressed.is_none());
    for severe in counted.chunk_by(|a, b| a.finding.severity == b.finding.severity) {
        let Some(severity) = severe.first().map(|line| line.finding.severity) else { continue };
        out.push_str(&format!("\n{}\n", painted(severity.to_string().to_uppercase(), style(severity))));
        for same in severe.chunk_by(|a, b| a.finding.kind == b.finding.kind) {
            out.push_str(&kind(same, view));
        }
    }
    out.push_str(&suppressed(sheet, all, view));
    format!("{out}\n{}\n", verdict(sheet))
}

fn lines<'a>(sheet: &'a Sheet<'_>, all: usize, view: View, wanted: fn(&Row<'_>) -> bool) -> Vec<Line<'a>> {
    let groups = sheet.rows.chunk_by(Row::says_the_same);
    groups
        .filter(|group| group.first().is_some_and(wanted))
        .filter_map(|group| Line::of(group, sheet, all, view))
        .collect()
}

/// What somebody decided not to count: how many, and with their reasons where there is room.
fn suppressed(sheet: &Sheet<'_>, all: usize, view: View) -> String {
    let lines = lines(sheet, all, view, |row| row.suppressed.is_some());
    if lines.is_empty() {
        return String::new();
    }
    let mut out = format!("\n{}: {}\n", painted("SUPPRESSED", line::FAINT), lines.len());
    for line in &lines {
        out.push_str(&line.with_marks(&one_line(&line.finding.id), line::FAINT, view));
    }
    out
}

impl<'a> Line<'a> {
    /// Neighbours that say the same about several hosts.
    fn of(group: &'a [Row<'_>], sheet: &Sheet<'_>, all: usize, view: View) -> Option<Self> {
        let row = group.first()?;
        let names: Vec<_> = group.iter().map(|row| one_line(row.host.as_str())).collect();
        let hosts = match names.len() {
            _ if all == 1 => String::new(),
            number if number == all => format!("  [all {all} hosts]"),
            number if number > HOSTS_MAX && view.verbosity == 0 => {
                let shown = names.iter().take(HOSTS_MAX).cloned().collect::<Vec<_>>().join(", ");
                format!("  [{shown} and {} more]", number - HOSTS_MAX)
            }
            _ => format!("  [{}]", names.join(", ")),
        };
        Some(Self { finding: &row.finding, hosts, marks: marks(group, row, sheet, view) })
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
            return format!("{}{below}", self.with_marks(&subject, Style::new(), view));
        }
        let evidence = one_line(self.finding.evidence.trim());
        let pad = " ".repeat(columns.saturating_sub(line::width(&subject)));
        let gap = if evidence.is_empty() { "" } else { "  " };
        let text = format!("{subject}{pad}{gap}{evidence}");
        let text = line::fitted(&text, view.line_columns().saturating_sub(4));
        self.with_marks(&text, Style::new(), view)
    }

    /// A text, then marks and hosts: on its line where they fit, else below it, broken at blanks.
    fn with_marks(&self, text: &str, style: Style, view: View) -> String {
        let after = format!("{}{}", self.marks, self.hosts);
        let columns = view.line_columns();
        let fits = 4 + line::width(text) + line::width(&after) <= columns;
        let text = painted(text, style);
        if after.is_empty() || fits {
            return format!("    {text}{}\n", painted(after, line::FAINT));
        }
        let below = line::folded(after.trim_start(), columns.saturating_sub(6));
        let below = below.iter().map(|line| format!("      {}\n", painted(line.trim(), line::FAINT)));
        format!("    {text}\n{}", below.collect::<String>())
    }

    fn whole(&self) -> String {
        let mut out = format!("    {}{}{}\n", one_line(&self.finding.title), self.marks, self.hosts);
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

/// Age, references and novelty of a finding, each behind two spaces.
fn marks(group: &[Row<'_>], row: &Row<'_>, sheet: &Sheet<'_>, view: View) -> String {
    let mut marks = Vec::new();
    marks.extend((row.new == Some(true)).then(|| "new".to_owned()));
    let oldest = group.iter().filter_map(|row| row.finding.since).min();
    marks.extend(oldest.map(|since| match sheet.age(since).as_str() {
        "today" => "since today".to_owned(),
        days => format!("for {days}"),
    }));
    let shown_max = if view.verbosity > 0 { usize::MAX } else { REFERENCES_MAX };
    let references = super::references(&row.finding, shown_max);
    marks.extend(Some(one_line(&references).into_owned()).filter(|text| !text.is_empty()));
    marks.extend(row.suppressed.as_ref().map(|why| one_line(why).into_owned()));
    marks.iter().map(|mark| format!("  {mark}")).collect()
}

/// The verdict, its first word in a colour.
fn verdict(sheet: &Sheet<'_>) -> String {
    let (word, rest) = sheet.summary.split_once(':').unwrap_or((&sheet.summary, ""));
    format!("{}:{rest}", painted(word, if sheet.failed { line::FAILED } else { line::OK }))
}

#[cfg(test)]
mod tests {
    use super::super::super::human::cases::plain;
    use super::super::Assessment;
    use super::super::cases::{assessment, failing_on, finding, hostile, judged};
    use super::*;
    use crate::event::Event;

    #[test]
    fn the_worst_stands_first_and_the_verdict_last() {
        let text = shown(&assessment());
        insta::assert_snapshot!(text, @r"
        HOST    SECURITY  UPDATES  HELD  REBOOT  UNSEEN  WORST
        web1           1        1     0  no           0  high
        db1            ?        ?     ?  ?            1  high
        web2           1        0     0  no           0  high
        clean1         0        0     0  no           0  -

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

        FAIL: 2 security updates pending, 1 thing not assessed, 1 other finding; 3 of 4 hosts looked at (fails on security: 3)
        ");
    }

    fn shown(assessment: &Assessment) -> String {
        plain(text(&Sheet::of(assessment), View::default()).as_bytes())
    }

    #[test]
    fn a_clean_audit_is_a_table_and_a_verdict() {
        let text = shown(&judged(["web1"], Vec::new()));
        insta::assert_snapshot!(text, @r"
        HOST  SECURITY  UPDATES  HELD  REBOOT  UNSEEN  WORST
        web1         0        0     0  no           0  -

        PASS: no security update is pending; 1 of 1 host looked at (fails on security)
        ");
    }

    #[test]
    fn hosts_that_differ_only_in_since_share_a_line_with_age_and_references() {
        let at = |day: &str| Some(format!("2026-11-{day}T00:00:00Z").parse().unwrap());
        let mut both = Assessment::default();
        for (host, day) in [("web1", "20"), ("web2", "01")] {
            let references =
                ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3", "CVE-2026-4"].map(str::to_owned).into();
            let openssl = finding(FindingKind::SecurityUpdate, Severity::High, "openssl");
            let finding = Finding { since: at(day), references, ..openssl };
            both.event(&Event::Found { host: host.parse().unwrap(), finding });
        }
        let begun: jiff::Timestamp = "2026-11-25T03:00:00Z".parse().unwrap();
        let begins = Event::RunBegins {
            version: 1,
            run: crate::model::RunId::from_parts(begun.as_millisecond().unsigned_abs(), 7),
            verb: "audit".into(),
            mode: crate::event::Mode::Real,
            hosts: Vec::new(),
        };
        both.event(&begins);
        let text = shown(&both);
        let line = text.lines().find(|line| line.contains("openssl")).unwrap();
        assert!(
            line.contains("for 24 days  CVE-2026-1, CVE-2026-2, CVE-2026-3 and 1 more  [all 2 hosts]"),
            "{line}"
        );
    }

    #[test]
    fn what_does_not_fit_beside_a_finding_stands_below_it_and_nothing_is_cut() {
        let references = ["CVE-2026-1", "CVE-2026-2", "CVE-2026-3"].map(str::to_owned).into();
        let openssl = finding(FindingKind::SecurityUpdate, Severity::High, "openssl");
        let openssl = Finding { references, ..openssl };
        let of_two = ["web1.example.org", "web2.example.org"];
        let mut assessment = judged(of_two, vec![openssl]);
        let third = [("web3.example.org".parse().unwrap(), crate::event::Counts::default())];
        assessment.event(&Event::RunEnds { recap: third.into(), interrupted: false, seconds: 0.0 });
        let view = View { columns: Some(60), verbosity: 0 };
        let text = plain(text(&Sheet::of(&assessment), view).as_bytes());
        let at = text.lines().position(|line| line.contains("openssl")).unwrap();
        let lines: Vec<&str> = text.lines().skip(at).take(4).collect();
        assert_eq!(
            lines,
            [
                "    openssl  Debian-Security:12/oldstable-security",
                "      CVE-2026-1, CVE-2026-2, CVE-2026-3  [web1.example.org,",
                "      web2.example.org]",
                "      → wgops patch --security"
            ]
        );
    }

    #[test]
    fn escapes_in_findings_are_only_shown() {
        let text = shown(&failing_on(&hostile(), "any"));
        assert_eq!(text, crate::model::printable(&text));
        assert!(!text.lines().any(|line| line.starts_with("PASS")), "{text}");
    }
}

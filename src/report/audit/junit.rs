//! The audit for what shows test results: JUnit's XML, as Jenkins, GitLab and their kin read it.
//!
//! A suite for each host, a case for each finding, named by the finding's id so that its history can be followed. What
//! the audit fails for is a failure. What it does not fail for was found all the same and stands in `system-out`; what was
//! suppressed, or could not be assessed without failing the audit, is skipped. A host that was looked at to the end
//! has the case `assessed`, so that one without findings is seen to be there.

use super::markup::{attribute, escaped};
use super::sheet::{HostLine, Row, Sheet};
use crate::model::FindingKind;
use std::fmt::Write;

/// What becomes of a finding's case.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Failure,
    Skipped,
    Passed,
}

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut suites = String::new();
    for (number, host) in sheet.hosts.iter().enumerate() {
        suite(sheet, host, number, &mut suites);
    }
    let count = |verdict| sheet.rows.iter().filter(|row| judged(row) == verdict).count();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"wgops audit\" tests=\"{}\" failures=\"{}\" \
         errors=\"0\" skipped=\"{}\" time=\"0\">\n{suites}</testsuites>\n",
        sheet.rows.len() + sheet.assessed(),
        count(Verdict::Failure),
        count(Verdict::Skipped),
    )
}

fn judged(row: &Row<'_>) -> Verdict {
    match row {
        Row { suppressed: Some(_), .. } => Verdict::Skipped,
        Row { fails: true, .. } => Verdict::Failure,
        Row { finding, .. } if finding.kind == FindingKind::NotAssessed => Verdict::Skipped,
        _ => Verdict::Passed,
    }
}

fn suite(sheet: &Sheet<'_>, host: &HostLine<'_>, number: usize, out: &mut String) {
    let own: Vec<&Row<'_>> = sheet.rows.iter().filter(|row| row.host == host.name).collect();
    let count = |verdict| own.iter().filter(|row| judged(row) == verdict).count();
    let name = attribute(host.name.as_str());
    // The schema wants the time without a zone, and means UTC.
    let at = sheet.at().map(|at| at.strftime(" timestamp=\"%Y-%m-%dT%H:%M:%S\"").to_string());
    let _infallible = writeln!(
        out,
        "  <testsuite name=\"{name}\" hostname=\"{name}\" id=\"{number}\" tests=\"{}\" failures=\"{}\" errors=\"0\" \
         skipped=\"{}\" time=\"0\"{}>",
        own.len() + usize::from(host.assessed),
        count(Verdict::Failure),
        count(Verdict::Skipped),
        at.unwrap_or_default(),
    );
    if host.assessed {
        let _infallible = writeln!(out, "    <testcase classname=\"{name}\" name=\"assessed\" time=\"0\"/>");
    }
    own.iter().for_each(|row| case(sheet, row, out));
    out.push_str("  </testsuite>\n");
}

fn case(sheet: &Sheet<'_>, row: &Row<'_>, out: &mut String) {
    let finding = &row.finding;
    let (class, name) = (format!("{}.{}", row.host, finding.kind), attribute(&finding.id));
    let class = attribute(&class);
    let title = attribute(&finding.title);
    let body = escaped(&body(sheet, row));
    let inside = match (judged(row), &row.suppressed) {
        (Verdict::Failure, _) => {
            format!("<failure message=\"{title}\" type=\"{}\">{body}</failure>", finding.severity)
        }
        (Verdict::Skipped, Some(why)) => {
            format!("<skipped message=\"suppressed: {}\"/>", attribute(why))
        }
        (Verdict::Skipped, None) => {
            format!("<skipped message=\"{title}\"/>\n      <system-out>{body}</system-out>")
        }
        (Verdict::Passed, _) => format!("<system-out>{body}</system-out>"),
    };
    let _infallible = writeln!(
        out,
        "    <testcase classname=\"{class}\" name=\"{name}\" time=\"0\">\n      {inside}\n    </testcase>"
    );
}

/// All that is known of a finding, as plain text.
fn body(sheet: &Sheet<'_>, row: &Row<'_>) -> String {
    let finding = &row.finding;
    let mut lines = vec![format!("{} ({})", finding.title, finding.severity)];
    lines.extend(Some(finding.evidence.trim().to_owned()).filter(|text| !text.is_empty()));
    lines.extend(finding.since.map(|since| format!("known here since {since} ({})", sheet.age(since))));
    lines.extend((!finding.references.is_empty()).then(|| finding.references.join(", ")));
    lines.extend((row.new == Some(true)).then(|| "new since the baseline".to_owned()));
    lines.extend(Some(finding.remedy.trim()).filter(|text| !text.is_empty()).map(|text| format!("→ {text}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, failing_on, held, hostile};
    use super::*;

    #[test]
    fn a_host_is_a_suite_and_a_finding_a_case() {
        let assessment = assessment();
        held("audit.xml", &text(&Sheet::of(&assessment)));
    }

    #[test]
    fn an_audit_that_fails_for_nothing_has_no_failure() {
        let assessment = assessment();
        let text = text(&Sheet::of(&failing_on(&assessment, "none")));
        assert!(text.contains("failures=\"0\"") && !text.contains("<failure"), "{text}");
        assert!(text.contains("<skipped message=\"the host could not be reached\"/>"), "{text}");
    }

    #[test]
    fn hostile_text_stays_text() {
        let assessment = hostile();
        let text = text(&Sheet::of(&failing_on(&assessment, "any")));
        assert!(
            !text.contains("<script") && !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
    }
}

//! The audit for a page that shows Markdown, such as the summary of a CI job: a verdict, a table of hosts, a table of
//! findings, in GitHub's dialect.
//!
//! Text from hosts can become no markup, no link, no mention and no column. A summary may have 1 MiB; this stops well
//! before, and says how many findings it left out.

use super::sheet::{HostLine, Row, Sheet};
use crate::model::{Excerpt, printable};

/// Where the tables end. GitHub refuses a summary of 1 MiB.
const BYTES_MAX: usize = 900 * 1024;
/// What is shown of a finding's evidence.
const EVIDENCE: Excerpt = Excerpt { lines_max: 4, columns_max: 300 };
/// Most references that a finding names.
const REFERENCES_MAX: usize = 3;
/// Most hosts that a line names.
const HOSTS_MAX: usize = 5;

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mark = if sheet.failed { "❌" } else { "✅" };
    let mut out = format!("## {mark} Audit\n\n**{}**\n\n", escaped(&sheet.summary));
    if let (Some(at), Some(run)) = (sheet.at(), sheet.run) {
        out.push_str(&format!("Begun {}, run `{run}`.\n\n", at.strftime("%Y-%m-%d %H:%M UTC")));
    }
    hosts(sheet, &mut out);
    findings(sheet, &mut out);
    out
}

fn hosts(sheet: &Sheet<'_>, out: &mut String) {
    out.push_str("| Host | Security | Updates | Held | Reboot | Other | Not assessed | Worst | Oldest |\n");
    out.push_str("|:--|--:|--:|--:|:--|--:|--:|:--|:--|\n");
    for (at, host) in sheet.hosts.iter().enumerate() {
        if out.len() > BYTES_MAX / 2 {
            out.push_str(&format!("\n… and {} more hosts.\n", sheet.hosts.len() - at));
            break;
        }
        out.push_str(&host_line(sheet, host));
    }
    out.push('\n');
}

fn host_line(sheet: &Sheet<'_>, host: &HostLine<'_>) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
        escaped(host.name.as_str()),
        host.security.text(),
        host.updates.text(),
        host.held.text(),
        host.reboot.text(),
        host.other.and(host.vulnerabilities).text(),
        host.not_assessed,
        host.worst.map(|worst| worst.to_string()).unwrap_or_else(|| if host.is_clean() {
            "–"
        } else {
            "?"
        }
        .into()),
        host.oldest.map(|since| sheet.age(since)).unwrap_or_else(|| "–".into()),
    )
}

fn findings(sheet: &Sheet<'_>, out: &mut String) {
    if sheet.rows.is_empty() {
        return;
    }
    out.push_str(
        "| | Severity | Finding | Hosts | What was seen | What to do |\n|:--|:--|:--|:--|:--|:--|\n",
    );
    let groups: Vec<&[Row<'_>]> = sheet.rows.chunk_by(Row::says_the_same).collect();
    for (at, group) in groups.iter().enumerate() {
        let line = finding(sheet, group);
        if out.len() + line.len() > BYTES_MAX {
            out.push_str(&format!(
                "\n… and {} more findings: the other reports have them all.\n",
                groups.len() - at
            ));
            return;
        }
        out.push_str(&line);
    }
}

fn finding(sheet: &Sheet<'_>, group: &[Row<'_>]) -> String {
    let Some(row) = group.first() else { return String::new() };
    let finding = &row.finding;
    let mark = match row {
        Row { suppressed: Some(_), .. } => "🔇",
        Row { fails: true, .. } => "❌",
        _ => "",
    };
    let mut title = escaped(&finding.title);
    if row.new == Some(true) {
        title.push_str(" **new**");
    }
    let mut seen = vec![escaped(&EVIDENCE.of(finding.evidence.trim()))];
    seen.extend(
        group
            .iter()
            .filter_map(|row| row.finding.since)
            .min()
            .map(|since| format!("since {}", sheet.age(since))),
    );
    seen.extend(
        (!finding.references.is_empty()).then(|| escaped(&super::references(finding, REFERENCES_MAX))),
    );
    seen.extend(row.suppressed.as_ref().map(|why| format!("suppressed: {}", escaped(why))));
    seen.retain(|text| !text.is_empty());
    format!(
        "| {mark} | {} | {title} | {} | {} | {} |\n",
        finding.severity,
        hosts_of(group),
        seen.join("<br>"),
        escaped(&finding.remedy),
    )
}

fn hosts_of(group: &[Row<'_>]) -> String {
    let names: Vec<String> = group.iter().take(HOSTS_MAX).map(|row| escaped(row.host.as_str())).collect();
    let more = group.len().saturating_sub(HOSTS_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Text on one line that stands for itself in a table's cell: no markup, no HTML, no link, no mention, no reference.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let text = printable(text);
    let mut chars = text.trim().chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '!' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            // A backslash would not stop GitHub from finding mentions, emoji and links.
            '@' => out.push_str("&#64;"),
            ':' if chars.peek().is_some_and(|next| !next.is_whitespace()) => out.push_str("&#58;"),
            '\n' => out.push_str("<br>"),
            '\t' => out.push(' '),
            c => out.push(c),
        }
    }
    out.replace("www.", "www&#46;")
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, failing_on, held, hostile, many};
    use super::*;

    #[test]
    fn the_page_is_the_one_that_stands_beside_it() {
        let assessment = assessment();
        held("audit.md", &text(&Sheet::of(&assessment)));
    }

    #[test]
    fn hostile_text_makes_no_column_no_markup_and_no_mention() {
        let assessment = hostile();
        let text = text(&Sheet::of(&failing_on(&assessment, "any")));
        for wild in ["<script", "\u{1b}", "\u{202e}", "@root", "https://", "www.", "**PASS"] {
            assert!(!text.contains(wild), "{wild} in {text}");
        }
        assert!(text.lines().filter(|line| line.starts_with("| ❌")).all(|line| cells(line) == 6), "{text}");
    }

    fn cells(line: &str) -> usize {
        line.replace("\\\\", "").replace("\\|", "").matches('|').count() - 1
    }

    #[test]
    fn a_summary_stays_below_what_is_refused_and_says_what_it_left_out() {
        let assessment = many(20_000);
        let text = text(&Sheet::of(&assessment));
        assert!(text.len() < 1 << 20, "{}", text.len());
        let last = text.lines().last().unwrap();
        assert!(last.starts_with("… and ") && last.contains("more findings"), "{last}");
    }
}

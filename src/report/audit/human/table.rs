//! The table of hosts at the top of an audit: worst first, in the width of a terminal. A number that may hide more ends in
//! `+`, one that is not known is `?`.

use super::super::super::View;
use super::super::super::line::{self, one_line};
use super::super::sheet::{HostLine, Reboot, Sheet};
use crate::model::Severity;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};
use std::borrow::Cow;

/// Hosts without findings beyond this many are only counted, unless `-v` asks for them.
const CLEAN_MAX: usize = 10;
/// Narrowest column of names.
const NAME_COLUMNS_MIN: usize = 12;

/// A column that is not the name's: its heading, what stands in it, and whether it is left out where nothing does.
struct Column {
    heading: &'static str,
    cell: fn(&Sheet<'_>, &HostLine<'_>) -> String,
    optional: bool,
}

const COLUMNS: [Column; 9] = [
    column("SECURITY", |_, host| host.security.text()),
    column("UPDATES", |_, host| host.updates.text()),
    column("HELD", |_, host| host.held.text()),
    column("REBOOT", |_, host| host.reboot.text().into()),
    optional("VULN", |_, host| host.vulnerabilities.text()),
    optional("OTHER", |_, host| host.other.text()),
    column("UNSEEN", |_, host| host.not_assessed.to_string()),
    column("WORST", |_, host| worst(host)),
    optional("OLDEST", |sheet, host| host.oldest.map(|since| sheet.age(since)).unwrap_or_else(|| "-".into())),
];

const fn column(heading: &'static str, cell: fn(&Sheet<'_>, &HostLine<'_>) -> String) -> Column {
    Column { heading, cell, optional: false }
}

const fn optional(heading: &'static str, cell: fn(&Sheet<'_>, &HostLine<'_>) -> String) -> Column {
    Column { heading, cell, optional: true }
}

fn worst(host: &HostLine<'_>) -> String {
    let none = || if host.is_clean() { "-" } else { "?" };
    host.worst.map(Severity::as_str).unwrap_or_else(none).to_owned()
}

pub(super) fn text(sheet: &Sheet<'_>, view: View) -> String {
    let (clean, others): (Vec<_>, Vec<_>) = sheet.hosts.iter().partition(|host| host.findings == 0);
    let shown_max = if view.verbosity > 0 { usize::MAX } else { CLEAN_MAX };
    let hosts: Vec<&HostLine<'_>> = others.into_iter().chain(clean.iter().take(shown_max).copied()).collect();
    let has_some = |column: &&Column| {
        !column.optional || hosts.iter().any(|host| !["0", "-", "?"].contains(&&*(column.cell)(sheet, host)))
    };
    let columns: Vec<&Column> = COLUMNS.iter().filter(has_some).collect();
    let cells: Vec<Vec<String>> =
        hosts.iter().map(|host| columns.iter().map(|column| (column.cell)(sheet, host)).collect()).collect();
    let widest = |(at, column): (usize, &&Column)| {
        let cells = cells.iter().filter_map(|row| row.get(at)).map(|cell| line::width(cell));
        cells.max().unwrap_or(0).max(column.heading.len())
    };
    let taken: usize = columns.iter().enumerate().map(widest).sum();
    let longest = hosts.iter().map(|host| line::width(host.name.as_str())).max().unwrap_or(0);
    let room = |gap: u16| view.drawn_columns().saturating_sub(taken + usize::from(gap) * columns.len());
    let gap = if room(2) >= longest { 2 } else { 1 };
    let mut out = drawn(&columns, hosts.iter().zip(cells), (room(gap).max(NAME_COLUMNS_MIN), gap));
    if clean.len() > shown_max {
        out.push_str(&format!(
            "… and {} more hosts without findings (-v lists them)\n",
            clean.len() - shown_max
        ));
    }
    out
}

/// A name that is too long stands on a line of its own: cut, it could pass for another.
fn drawn<'a>(
    columns: &[&Column],
    rows: impl Iterator<Item = (&'a &'a HostLine<'a>, Vec<String>)>,
    (name_columns, gap): (usize, u16),
) -> String {
    let mut table = Table::new();
    table.style_text_only();
    table
        .load_style(presets::NOTHING)
        .force_no_tty()
        .enforce_styling()
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["HOST"].into_iter().chain(columns.iter().map(|column| column.heading)));
    let mut above = vec![None];
    for (host, cells) in rows {
        let name = one_line(host.name.as_str());
        let fits = line::width(&name) <= name_columns;
        let mut row = vec![Cell::new(if fits { &name } else { "" })];
        above.push((!fits).then_some(name));
        row.extend(columns.iter().zip(cells).map(|(column, text)| cell(column.heading, text, host)));
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if at == 0 { 0 } else { gap }, 0));
    }
    let line = |(row, name): (String, Option<Cow<'_, str>>)| {
        format!("{}{}\n", name.map(|name| format!("{name}\n")).unwrap_or_default(), row.trim_end())
    };
    table.lines().zip(above).map(line).collect()
}

fn cell(heading: &str, text: String, host: &HostLine<'_>) -> Cell {
    let none = text == "0";
    let cell = match heading {
        "REBOOT" | "WORST" | "OLDEST" => Cell::new(text),
        _ => Cell::new(text).set_alignment(CellAlignment::Right),
    };
    match heading {
        "SECURITY" | "VULN" | "UNSEEN" if !none => cell.fg(Color::Red),
        "REBOOT" if host.reboot != Reboot::NotNeeded => cell.fg(Color::Yellow),
        "WORST" => match host.worst {
            Some(Severity::Critical | Severity::High) => cell.fg(Color::Red),
            Some(Severity::Medium) => cell.fg(Color::Yellow),
            Some(_) => cell,
            None if host.is_clean() => cell.fg(Color::Green),
            None => cell.fg(Color::Yellow),
        },
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::super::human::cases::plain;
    use super::super::super::Assessment;
    use super::super::super::cases::{finding, judged};
    use super::*;
    use crate::event::{Counts, Event};
    use crate::model::{Finding, FindingKind};

    fn shown(assessment: &Assessment, view: View) -> String {
        plain(text(&Sheet::of(assessment), view).as_bytes())
    }

    #[test]
    fn a_table_with_every_column_fits_eighty_columns() {
        let since = Some("2026-11-01T00:00:00Z".parse().unwrap());
        let of = |kind, severity| Finding { since, ..finding(kind, severity, "x") };
        let findings = vec![
            of(FindingKind::SecurityUpdate, Severity::High),
            of(FindingKind::Vulnerability, Severity::Critical),
            of(FindingKind::Check, Severity::Low),
        ];
        let assessment = judged(["a-host-with-a-rather-long-name.example.org"], findings);
        let text = shown(&assessment, View { columns: Some(80), verbosity: 0 });
        assert!(text.lines().all(|line| line::width(line) <= 80), "{text}");
        assert!(text.contains("VULN") && text.contains("critical") && text.contains("OTHER"), "{text}");
    }

    #[test]
    fn a_name_that_is_too_long_is_whole_on_a_line_of_its_own() {
        let name = "a-host-with-a-rather-long-name-01.example.org";
        let text = shown(&judged([name, "web1"], Vec::new()), View { columns: Some(60), verbosity: 0 });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], name);
        assert!(lines[2].starts_with("   ") && lines[3].starts_with("web1 "), "{text}");
    }

    #[test]
    fn many_clean_hosts_are_only_counted() {
        let mut clean = Assessment::default();
        let names = (1..=14).map(|n| (format!("web{n}").parse().unwrap(), Counts::default()));
        clean.event(&Event::RunEnds { recap: names.collect(), interrupted: false, seconds: 0.0 });
        let text = shown(&clean, View::default());
        assert!(text.ends_with("… and 4 more hosts without findings (-v lists them)\n"), "{text}");
        let all = shown(&clean, View { verbosity: 1, ..View::default() });
        assert_eq!(all.lines().count(), 15);
        assert!(all.lines().skip(1).all(|line| line.ends_with('?')), "nobody looked for updates: {all}");
    }
}

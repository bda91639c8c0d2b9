//! The end of a run: `PLAY RECAP` in Ansible's words, and one sentence.

use super::super::View;
use super::super::held::Held;
use super::super::line::{self, one_line, painted};
use super::heading;
use crate::event::Counts;
use crate::model::HostName;
use owo_colors::Style;
use std::collections::BTreeMap;

/// What is known when a run ends.
pub(super) struct End<'a> {
    pub recap: &'a BTreeMap<HostName, Counts>,
    /// Hosts of which nobody knows how a change ended.
    pub lost: usize,
    /// Hosts on which a change failed; it may have changed something before.
    pub halfway: usize,
    /// Hosts on which nothing might be begun.
    pub held: &'a Held,
    pub interrupted: bool,
    pub seconds: f64,
    pub dry: bool,
}

/// Longest part of a host's name that is padded for; longer ones push their own line to the right.
const NAME_COLUMNS_MAX: usize = 40;

pub(super) fn text(end: &End<'_>, view: View) -> String {
    let mut out = format!("\n{}\n", heading("PLAY RECAP", "", view));
    let cells: Vec<_> = end.recap.values().map(|counts| cells(counts, end.dry, view)).collect();
    let names: Vec<_> = end.recap.keys().map(|host| one_line(host.as_str())).collect();
    let name_columns = names.iter().map(|name| line::width(name)).max().unwrap_or(0).min(NAME_COLUMNS_MAX);
    let number_columns = columns(&cells);
    for ((name, counts), cells) in names.iter().zip(end.recap.values()).zip(&cells) {
        let pad = " ".repeat(name_columns.saturating_sub(line::width(name)));
        out.push_str(&format!("{}{pad} :", painted(name, worst(counts))));
        out.push_str(&filled(cells, &number_columns, name_columns + 2, view));
        out.push('\n');
    }
    let held = end.held.text(end.dry);
    if !held.is_empty() {
        out.push_str(&format!("\n{held}"));
    }
    out.push_str(&sentence(end));
    out
}

/// Name, number, and the colour where it is not zero.
type Cell = (&'static str, usize, Style);

fn cells(counts: &Counts, dry: bool, view: View) -> Vec<Cell> {
    let mut cells = vec![
        ("ok", counts.ok, line::OK),
        ("changed", counts.changed, line::CHANGED),
        ("unreachable", counts.unreachable, line::FAILED),
        ("failed", counts.failed, line::FAILED),
        ("skipped", counts.skipped, line::SKIPPED),
        ("rescued", counts.rescued, line::OK),
        ("ignored", counts.ignored, line::WARNING),
    ];
    if dry && counts.unknown > 0 {
        cells.push(("unknown", counts.unknown, line::CHANGED));
    }
    if view.verbosity > 0 {
        cells.push(("exchanges", counts.exchanges, line::FAINT));
    }
    cells
}

/// Digits of the longest number of each name.
fn columns(rows: &[Vec<Cell>]) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    for (name, number, _) in rows.iter().flatten() {
        let digits = out.entry(*name).or_insert(0);
        *digits = number.to_string().len().max(*digits);
    }
    out
}

/// The cells behind the name; on a narrow terminal over several lines.
fn filled(cells: &[Cell], columns: &BTreeMap<&str, usize>, indent: usize, view: View) -> String {
    let (mut out, mut taken) = (String::new(), indent);
    for (at, (name, number, style)) in cells.iter().enumerate() {
        let bare = format!("{name}={number}");
        let digits = columns.get(name).copied().unwrap_or(1);
        let padded = name.len() + 1 + digits;
        if taken + 1 + bare.len() > view.line_columns() && taken > indent {
            out.push_str(&format!("\n{}", " ".repeat(indent)));
            taken = indent;
        }
        let pad = if at + 1 < cells.len() { padded.saturating_sub(bare.len()) } else { 0 };
        let bare = if *number > 0 { painted(&bare, *style) } else { bare };
        out.push_str(&format!(" {bare}{}", " ".repeat(pad)));
        taken += 1 + padded;
    }
    out
}

fn worst(counts: &Counts) -> Style {
    if counts.failed + counts.unreachable > 0 {
        line::FAILED
    } else if counts.changed > 0 {
        line::CHANGED
    } else {
        line::OK
    }
}

fn sentence(end: &End<'_>) -> String {
    let hosts = |has: fn(&Counts) -> bool| end.recap.values().filter(|counts| has(counts)).count();
    let changed = hosts(|counts| counts.changed + counts.unknown > 0);
    let what = match (changed, end.dry) {
        (0, true) => "nothing would change".to_owned(),
        (0, false) if end.lost > 0 => "what was changed is unknown".to_owned(),
        (0, false) if end.halfway > 0 => "no change completed".to_owned(),
        (0, false) => "nothing changed".to_owned(),
        (n, true) => format!("{n} would change"),
        (n, false) => format!("{n} changed"),
    };
    let mut parts = vec![line::counted(end.recap.len(), "host"), what];
    let failed = hosts(|counts| counts.failed > 0);
    let unreachable = hosts(|counts| counts.unreachable > 0);
    parts.extend((failed > 0).then(|| format!("{failed} failed")));
    parts.extend((end.lost > 0).then(|| format!("{} unknown", end.lost)));
    parts.extend((unreachable > 0).then(|| format!("{unreachable} unreachable")));
    let held = end.held.len();
    parts.extend((held > 0 && !end.dry).then(|| format!("{held} held out")));
    parts.extend(end.interrupted.then(|| "interrupted".to_owned()));
    format!("\n{} in {}\n", parts.join(", "), duration(end.seconds))
}

fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round();
    format!("{} min {} s", (whole / 60.0).floor(), whole % 60.0)
}

#[cfg(test)]
mod tests {
    use super::super::cases::plain;
    use super::*;

    fn told(list: &[(&str, Counts)], dry: bool, view: View) -> String {
        let recap = list.iter().map(|(host, counts)| (host.parse().unwrap(), *counts)).collect();
        plain(text(&end(&recap, 0, 61.2, dry, &Held::default()), view).as_bytes())
    }

    fn end<'a>(
        recap: &'a BTreeMap<HostName, Counts>,
        halfway: usize,
        seconds: f64,
        dry: bool,
        held: &'a Held,
    ) -> End<'a> {
        End { recap, lost: 0, halfway, held, interrupted: false, seconds, dry }
    }

    #[test]
    fn hosts_that_were_held_out_stand_at_the_end_with_the_reason() {
        let recap = [("web1".parse().unwrap(), Counts { ok: 1, ..Counts::default() })].into();
        let mut held = Held::default();
        held.add(&crate::event::HeldOut {
            host: "web2".parse().unwrap(),
            cause: crate::event::HoldCause::Freeze,
            message: "frozen until 2027-01-03 (holidays)".into(),
            until: None,
        });
        let said = plain(text(&end(&recap, 0, 1.0, false, &held), View::default()).as_bytes());
        let last: Vec<_> = said.lines().skip(3).collect();
        assert_eq!(
            last,
            [
                "",
                "held out: web2: frozen until 2027-01-03 (holidays)",
                "",
                "1 host, nothing changed, 1 held out in 1.0 s"
            ]
        );
    }

    #[test]
    fn a_failed_change_is_never_nothing() {
        let recap = [("web1".parse().unwrap(), Counts { failed: 1, ..Counts::default() })].into();
        let held = Held::default();
        let end = end(&recap, 1, 1.0, false, &held);
        let said = plain(text(&end, View::default()).as_bytes());
        assert_eq!(said.lines().last(), Some("1 host, no change completed, 1 failed in 1.0 s"));
    }

    #[test]
    fn the_recap_has_ansibles_words() {
        let ok = Counts { ok: 50, ..Counts::default() };
        let text = told(&[("web1", ok)], false, View::default());
        assert_eq!(
            text.lines().nth(2),
            Some("web1 : ok=50 changed=0 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0")
        );
        assert_eq!(text.lines().last(), Some("1 host, nothing changed in 1 min 1 s"));
    }

    #[test]
    fn numbers_stand_below_each_other() {
        let a = Counts { ok: 5, changed: 10, exchanges: 4, unknown: 3, ..Counts::default() };
        let b = Counts { ok: 50, failed: 1, exchanges: 14, ..Counts::default() };
        let view = View { columns: Some(120), verbosity: 1 };
        insta::assert_snapshot!(told(&[("a", a), ("web1.example.org", b)], true, view), @r"
        PLAY RECAP *****************************************************************************************
        a                : ok=5  changed=10 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0 unknown=3 exchanges=4
        web1.example.org : ok=50 changed=0  unreachable=0 failed=1 skipped=0 rescued=0 ignored=0 exchanges=14

        2 hosts, 1 would change, 1 failed in 1 min 1 s
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_more_lines_and_no_longer_ones() {
        let ok = Counts { ok: 50, ..Counts::default() };
        let text = told(&[("web1", ok), ("db", ok)], false, View { columns: Some(40), verbosity: 0 });
        assert!(text.lines().all(|line| line.len() <= 40), "{text}");
        assert_eq!(text.matches("ignored=0").count(), 2);
    }
}

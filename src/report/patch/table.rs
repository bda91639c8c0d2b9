//! The table of hosts. Names give way first when it would not fit.

use super::super::View;
use super::super::line;
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, presets};

/// One host's line.
pub(super) struct Row {
    pub host: String,
    pub updates: String,
    pub security: String,
    pub held: String,
    pub reboot: &'static str,
    pub outcome: &'static str,
}

/// Columns that all but the name take at most.
const OTHER_COLUMNS: usize = 56;

pub(super) fn text(rows: Vec<Row>, view: View) -> String {
    let mut table = Table::new();
    table.style_text_only();
    table
        .load_style(presets::NOTHING)
        .force_no_tty()
        .enforce_styling()
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(["HOST", "UPDATES", "SECURITY", "HELD", "REBOOT", "OUTCOME"]);
    let name_columns = view.drawn_columns().saturating_sub(OTHER_COLUMNS).max(12);
    for row in rows {
        table.add_row([
            Cell::new(line::fitted(&row.host, name_columns)),
            number(&row.updates),
            number(&row.security).fg(if row.security == "0" { Color::Reset } else { Color::Red }),
            number(&row.held),
            Cell::new(row.reboot),
            Cell::new(row.outcome).fg(colour(row.outcome)),
        ]);
    }
    for (at, padding) in [(0, (0, 1)), (5, (1, 0))] {
        if let Some(column) = table.column_mut(at) {
            column.set_padding(padding);
        }
    }
    table.lines().map(|row| format!("{}\n", row.trim_end())).collect()
}

fn number(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn colour(outcome: &str) -> Color {
    match outcome {
        "up to date" => Color::Green,
        "patched" | "would be patched" => Color::Yellow,
        _ => Color::Red,
    }
}

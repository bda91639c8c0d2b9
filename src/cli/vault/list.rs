//! `wgops vault list`: every sealed value, who sealed it when and for whom, and what is wrong with it. Opens nothing.

use super::super::args::Shape;
use super::super::{Console, Exit, Failure};
use super::desk::{Desk, Target, today};
use crate::report::{Format, json, one_line};
use crate::vault::{Readers, Seal, State, refusal};
use clap::Args;
use owo_colors::OwoColorize as _;
use serde_json::json;
use std::path::PathBuf;

/// List sealed values: generation, who sealed them and for whom; opens nothing
#[derive(Args)]
pub struct List {
    /// Files; without any, all of the ops repository
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    shape: Shape,
}

/// A sealed value as it is listed.
struct Row<'a> {
    file: String,
    name: Option<String>,
    seal: Option<&'a Seal>,
    wrong: Option<String>,
}

impl List {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::read(console)?;
        let targets = desk.targets(&self.files)?;
        let mut rows = Vec::new();
        for target in &targets {
            match of_file(&desk, target) {
                Ok(of_file) => rows.extend(of_file),
                Err(failure) if self.files.is_empty() => {
                    let wrong = Some(format!("can't be read: {}", failure.message()));
                    rows.push(Row { file: target.file.clone(), name: None, seal: None, wrong });
                }
                Err(failure) => return Err(failure),
            }
        }
        match self.shape.format {
            Format::Json => {
                let rows: Vec<_> = rows.iter().map(machine).collect();
                let text = json::document(&json!({"version": 1, "values": rows}));
                console.result(&format!("{}\n", text.map_err(|error| Failure::usage(error.to_string()))?))?;
            }
            _ if rows.is_empty() => console.tell("Nothing is sealed here.\n"),
            _ => console.result(&rows.iter().map(human).collect::<String>())?,
        }
        Ok(Exit::Well)
    }
}

fn of_file<'a>(desk: &'a Desk<'_>, target: &Target) -> Result<Vec<Row<'a>>, Failure> {
    let readers = Readers::of(&desk.roster, &target.file, today());
    let mut rows = Vec::new();
    for one in desk.standing(target)? {
        let seal = match desk.history.state(&one.subject, one.digest) {
            State::Newest(seal) | State::Parallel(seal) | State::Older(seal, _) => Some(seal),
            State::Foreign(_) | State::Unknown => None,
        };
        let wrong = refusal(&desk.history, &one.subject, one.digest).or_else(|| match (&readers, seal) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(readers), Some(seal)) if readers.keys() != seal.value.keys => {
                Some(format!("its readers are others today: 'wgops vault rekey {}'", target.file))
            }
            _ => None,
        });
        rows.push(Row { file: one.subject.file, name: one.subject.name, seal, wrong });
    }
    Ok(rows)
}

fn names(seal: &Seal) -> String {
    seal.value.readers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn human(row: &Row<'_>) -> String {
    let title = match &row.name {
        Some(name) => format!("{} {}", one_line(&row.file), one_line(name).bold()),
        None => one_line(&row.file).bold().to_string(),
    };
    let sealed = row.seal.map(|seal| {
        format!("  generation {} by {} on {}, for {}", seal.value.generation, seal.by, day(seal), names(seal))
    });
    let wrong = row.wrong.as_ref().map(|why| format!("\n  {} {}", "attention:".yellow(), one_line(why)));
    format!("{title}{}{}\n", sealed.unwrap_or_default(), wrong.unwrap_or_default())
}

/// The day on which somebody says they sealed it.
pub(super) fn day(seal: &Seal) -> String {
    seal.time.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn machine(row: &Row<'_>) -> serde_json::Value {
    json!({
        "file": row.file, "name": row.name, "attention": row.wrong,
        "generation": row.seal.map(|seal| seal.value.generation),
        "by": row.seal.map(|seal| seal.by.to_string()),
        "time": row.seal.map(|seal| seal.time.to_string()),
        "readers": row.seal.map(|seal| seal.value.readers.iter().map(ToString::to_string).collect::<Vec<_>>()),
    })
}

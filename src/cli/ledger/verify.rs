//! `wgops ledger verify`: checks every signature, chain, role and seal, and what was seen here before.

use super::super::repository::Repository;
use super::super::trust::Trust;
use super::super::who::state;
use super::super::{Console, Exit, Failure};
use crate::ledger::{Heads, Record, Report};
use crate::report::one_line;
use clap::Args;
use owo_colors::OwoColorize;
use std::path::{Path, PathBuf};

/// Check every signature, chain, role and seal of the ledger
///
/// Ends with exit code 4 when something does not hold, and names the file. Runs that nobody ended are listed; they are
/// no break. Remembers outside the repository what it verified, so that a ledger that was cut short shows.
#[derive(Args)]
pub struct Verify {}

impl Verify {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let roster = Trust::needed(console, &repository)?.in_force.roster;
        let memory = memory(root);
        let mut heads = memory.as_deref().map_or_else(|| Ok(Heads::default()), Heads::load)?;
        let report = Record::read(root)?.verify(&roster, &heads);
        heads.remember(&report);
        if let Some(file) = &memory {
            heads.save(file)?;
        }
        console.result(&text(&report))?;
        Ok(if report.breaks.is_empty() { Exit::Well } else { Exit::Refused })
    }
}

/// Where this client remembers the heads of an ops repository: outside it.
pub fn memory(root: &Path) -> Option<PathBuf> {
    state(root, "heads")
}

fn text(report: &Report) -> String {
    let shown = |path: &Path| one_line(&path.display().to_string()).into_owned();
    let mut out = String::new();
    for found in &report.breaks {
        out.push_str(&format!(
            "{} {} {}\n",
            "broken:".red(),
            shown(&found.file),
            one_line(&found.fault.to_string())
        ));
    }
    for run in &report.open_runs {
        out.push_str(&format!(
            "{} run {} has no outcome ({})\n",
            "open:".yellow(),
            run.run,
            shown(&run.file)
        ));
    }
    for rest in &report.rests {
        out.push_str(&format!("{} {} was left by an interrupted write\n", "rest:".dimmed(), shown(rest)));
    }
    let counts = format!(
        "{} in {}",
        counted(report.entries, "entry", "entries"),
        counted(report.heads.len(), "chain", "chains")
    );
    let verdict = match report.breaks.len() {
        0 => format!("{}: {counts}, every signature and chain holds", "verified".green()),
        n => format!("{}: {counts}, {n} do not hold", "broken".red()),
    };
    format!("{out}{verdict}\n")
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

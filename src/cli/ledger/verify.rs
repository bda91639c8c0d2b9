//! `wgops ledger verify`: checks every signature, chain, role and seal, and what was seen here before.

use super::super::repository::Repository;
use super::super::trust::{Pin, Trust};
use super::super::who::state;
use super::super::{Console, Exit, Failure};
use super::counted;
use crate::ledger::{Heads, History, NoRosterInForce, Record, Report};
use crate::report::one_line;
use clap::Args;
use owo_colors::OwoColorize;
use std::path::{Path, PathBuf};

/// Check every signature, chain, role and seal of the ledger
///
/// Ends with exit code 4 when something does not hold, and names the file. Runs that nobody ended are listed; they are
/// no break. Remembers outside the repository what it verified, so that a ledger that was cut short shows.
#[derive(Args)]
pub struct Verify {
    /// Verify what 'wgops ledger export --public' wrote there, beginning at --roster-pin or the first roster in it
    #[arg(long, value_name = "DIR")]
    public: Option<PathBuf>,
    /// Look at every signature again, not only at those that were never verified here
    #[arg(long)]
    anew: bool,
}

impl Verify {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let report = match &self.public {
            Some(directory) => public(console, directory)?,
            None => self.own(console)?,
        };
        console.result(&text(&report))?;
        Ok(if report.breaks.is_empty() { Exit::Well } else { Exit::Refused })
    }

    fn own(&self, console: &Console) -> Result<Report, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let roster = Trust::needed(console, &repository)?.in_force.roster;
        let memory = memory(root);
        let mut heads = memory.as_deref().map_or_else(|| Ok(Heads::default()), Heads::load)?;
        if self.anew {
            heads = heads.anew();
        }
        let report = Record::read(root)?.verify(&roster, &heads);
        heads.remember(&report);
        if let Some(file) = &memory {
            heads.save(file)?;
        }
        Ok(report)
    }
}

/// What anybody can verify who has nothing but the public part.
fn public(console: &Console, directory: &Path) -> Result<Report, Failure> {
    let record = Record::read(directory)?;
    if record.entries().next().is_none() {
        let place = super::super::console::shown(directory);
        return Err(Failure::usage(format!("there is no ledger in {place}"))
            .hint("give the directory that has the folder 'ledger' in it"));
    }
    let pin = console.roster_pin.map(Pin::anchor);
    let history = History::public(&record, pin).map_err(|error| no_history(&error))?;
    if pin.is_none() {
        console.tell(&format!(
            "Taken on trust: {}. Compare it with somebody of the group, and give it with --roster-pin.\n",
            history.first()
        ));
    }
    Ok(record.verify_by(&history, &Heads::default()))
}

fn no_history(error: &NoRosterInForce) -> Failure {
    let failure = Failure::of(Exit::Refused, error);
    match error {
        NoRosterInForce::NoAnchor { .. } => failure.hint("a lead signs it with 'wgops operators sign'"),
        NoRosterInForce::Fork { .. } => failure.hint("only one of them can be right: ask the group"),
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
            "{} run {} has no outcome ({}): see 'wgops resume' and 'wgops ledger resolve'\n",
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

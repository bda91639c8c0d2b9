//! `wgops ledger`: reads and verifies the record. `note` and `resolve` add to it; nothing ever changes it.

mod compare;
mod export;
mod log;
mod note;
mod show;
mod verify;

pub use show::{events, find, head, unknown};
pub use verify::{Verified, index, memory, verified, verified_of};

use super::{Console, Exit, Failure};
use crate::ledger::{Break, LedgerError, RunRecord};
use crate::people::Roster;
use clap::{Args, Subcommand};
use std::path::Path;

/// Read and verify the record of who changed what
#[derive(Args)]
pub struct Ledger {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Log(log::Log),
    Show(show::Show),
    Verify(verify::Verify),
    Note(note::Note),
    Resolve(note::Resolve),
    Export(export::Export),
    Compare(compare::Compare),
}

impl Ledger {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Log(verb) => verb.perform(console),
            Verb::Show(verb) => verb.perform(console),
            Verb::Verify(verb) => verb.perform(console),
            Verb::Note(verb) => verb.perform(console),
            Verb::Resolve(verb) => verb.perform(console),
            Verb::Export(verb) => verb.perform(console),
            Verb::Compare(verb) => verb.perform(console),
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let exit = match &error {
            LedgerError::Sealed(_)
            | LedgerError::NotAllowed { .. }
            | LedgerError::Sign(_)
            | LedgerError::BadSignature(_)
            | LedgerError::GoesOn { .. }
            | LedgerError::Newer { .. }
            | LedgerError::Forged { .. }
            | LedgerError::NoGroup(_)
            | LedgerError::OldRoster { .. } => Exit::Refused,
            _ => Exit::Usage,
        };
        Self::of(exit, &error)
    }
}

/// What of a run's entries does not hold: anybody may have written it.
///
/// # Errors
/// The ledger can't be read, or nobody can tell by which roster it is judged.
pub fn unsound(root: &Path, roster: Option<&Roster>, found: &RunRecord) -> Result<Vec<Break>, Failure> {
    let Some(roster) = roster else { return Ok(Vec::new()) };
    let Verified { report, .. } = verified(root, roster, false)?;
    let wrong = found.entries.iter().flat_map(|entry| report.breaks_of(&entry.file));
    Ok(wrong.cloned().collect())
}

/// A number of things.
fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// One sentence of why: the reason, and the ticket in brackets.
fn why(line: &crate::ledger::LogLine) -> String {
    let ticket = line.ticket.as_ref().map(|ticket| format!("[{ticket}]"));
    let parts = [line.reason.clone(), line.remark.clone(), ticket];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

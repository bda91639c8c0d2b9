//! `wgops operators`: the roster on the command line. `list`, `show` and `export` read; `change` makes the next version of
//! the file, and `sign` puts a lead's signature under it, which is what makes it count.

mod change;
mod desk;
mod fit;
mod list;
mod one_person;
mod settle;
mod sign;

use super::{Console, Exit, Failure};
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  wgops operators list
  wgops operators add sam --key sam.pub
  wgops operators clear sam --nda 2026-11-01 --reference INFRA-12
  wgops operators leave bob
  wgops operators export >allowed_signers";

/// See and change who is in the working group, and what each may do
///
/// A change is the next version of inventory/operators.yml, signed by a lead into the ledger; where the roster asks for
/// more leads, it counts once they typed 'wgops operators sign'. Commit and push it with the ledger.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Operators {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    List(list::List),
    Show(list::Show),
    Export(list::Export),
    Add(change::Add),
    Clear(change::Clear),
    Promote(change::Promote),
    Demote(change::Demote),
    Leave(change::Leave),
    Sign(sign::Sign),
}

impl Operators {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        match self.verb {
            Verb::List(verb) => verb.perform(console),
            Verb::Show(verb) => verb.perform(console),
            Verb::Export(verb) => verb.perform(console),
            Verb::Add(verb) => verb.perform(console),
            Verb::Clear(verb) => verb.perform(console),
            Verb::Promote(verb) => verb.perform(console),
            Verb::Demote(verb) => verb.perform(console),
            Verb::Leave(verb) => verb.perform(console),
            Verb::Sign(verb) => verb.perform(console),
        }
    }
}

//! `wgops access`: who may log in on the servers, made from the roster and enforced by the servers' own sshd. `people` says
//! whose keys go where, `sync` shows and makes it so, `gains` says who
//! gains and loses what, `issue` signs certificates.

mod gains;
mod issue;
mod people;
mod sync;

use super::{Console, Exit, Failure};
use clap::{Args, Subcommand};

pub use people::asker;
pub use sync::{PLAYBOOK, ca_of, noted};

const EXAMPLES: &str = "\
Examples:
  wgops access plan -i prod                     who would gain and lose what, changing nothing
  wgops access sync -i prod --reason \"bob left\"
  wgops access issue sam --valid 8h --ca-key ~/.ssh/wgops-ca";

/// Who may log in on the servers, made from the roster
///
/// Cleared operators and leads get the operating account. Shadows whose agreement is signed, and auditors, get an account
/// that answers wgops' questions and runs nothing else, whatever client they use. Whoever left gets nothing. wgops.yml
/// names the accounts under 'access'.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Access {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Plan(sync::Plan),
    Sync(sync::Sync),
    Issue(issue::Issue),
}

impl Access {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Plan(verb) => verb.perform(console),
            Verb::Sync(verb) => verb.perform(console),
            Verb::Issue(verb) => verb.perform(console),
        }
    }
}

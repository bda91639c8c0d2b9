//! `wgops vault`: sealed values on the command line. `desk` is what all verbs share: the roster, the ledger, keys, and the
//! one way in which a file is written; each verb has a file.

mod desk;
mod edit;
mod exposed;
mod files;
mod get;
mod import;
mod list;
mod rekey;
mod set;
mod tmpfs;

pub use desk::opener;
pub use rekey::after_roster;

use super::{Console, Exit, Failure};
use crate::vault::VaultError;
use clap::{Args, Subcommand};

const EXAMPLES: &str = "\
Examples:
  wgops vault set inventory/group_vars/all/vault.yml db_password
  openssl rand -base64 24 | wgops vault set inventory/group_vars/all/vault.yml api_token
  wgops vault set files/tls.key.age <tls.key
  wgops vault edit inventory/group_vars/all/vault.yml
  wgops vault list
  wgops vault exposed bob
  wgops vault import group_vars/all/vault.yml";

/// Seal values for those who may read them, and open them
///
/// A sealed value is an age file of its own, tagged !age, in any file of variables; for whom it is sealed, the roster
/// says. Playbooks use it like any other value; only tasks that need it open it, and it is shown nowhere.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Vault {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Set(set::Set),
    Get(get::Get),
    Edit(edit::Edit),
    List(list::List),
    Rekey(rekey::Rekey),
    Exposed(exposed::Exposed),
    Import(import::Import),
}

impl Vault {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        match self.verb {
            Verb::Set(verb) => verb.perform(console),
            Verb::Get(verb) => verb.perform(console),
            Verb::Edit(verb) => verb.perform(console),
            Verb::List(verb) => verb.perform(console),
            Verb::Rekey(verb) => verb.perform(console),
            Verb::Exposed(verb) => verb.perform(console),
            Verb::Import(verb) => verb.perform(console),
        }
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let exit = match &error {
            VaultError::File(_) | VaultError::NoValue { .. } | VaultError::Entangled { .. } => Exit::Usage,
            _ => Exit::Refused,
        };
        let hint = match &error {
            VaultError::NoRule { .. } => {
                Some("name it in the roster: vaults: [{files: \"inventory/**\", readers: [lead, operator]}]")
            }
            _ => None,
        };
        let failure = Self::of(exit, &error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

//! Who is typing, and what the roster lets them do.

use super::repository::Repository;
use super::{Console, Failure, ask};
use crate::people::{Identity, Roster, Seek, Standing, identify, random_bytes};
use crate::transport::agent::agent_signers;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for an ssh-agent to answer, a touched key included.
const AGENT_DEADLINE: Duration = Duration::from_secs(30);

/// Who is typing.
pub struct Who {
    /// The roster, if the ops repository has one.
    pub roster: Option<Roster>,
    /// Who proved to be typing.
    pub identity: Identity,
    /// What that is worth today.
    pub standing: Standing,
}

impl Who {
    /// Reads the roster of an ops repository, and proves who is typing with a key that it names.
    ///
    /// # Errors
    /// The roster can't be read, or no key could prove anything although there are some.
    pub fn find(console: &Console, repository: &Repository) -> Result<Self, Failure> {
        let roster =
            repository.file("inventory/operators.yml")?.map(|file| Roster::load(&file)).transpose()?;
        let ssh = home().map(|home| home.join(".ssh"));
        let passphrase = |key: &Path| ask::passphrase(console, key);
        let seek = Seek {
            identity_file: console.identity.as_deref(),
            agent: agent(),
            directory: ssh.as_deref(),
            ask: console.is_interactive().then_some(&passphrase),
        };
        let identity = identify(roster.as_ref(), seek, &random_bytes()?)?;
        let today = jiff::Zoned::now().date();
        let standing = identity.standing(roster.as_ref(), today);
        tracing::debug!(%standing, "who is typing");
        Ok(Self { roster, identity, standing })
    }
}

fn agent() -> Vec<Box<dyn crate::model::Signer>> {
    let Some(socket) = std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()) else {
        return Vec::new();
    };
    agent_signers(Path::new(&socket), AGENT_DEADLINE).unwrap_or_else(|error| {
        tracing::debug!("no keys from the agent: {error}");
        Vec::new()
    })
}

/// The home of whoever runs wgops.
pub(super) fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

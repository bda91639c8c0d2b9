//! Who is typing, and what the roster lets them do.

use super::repository::Repository;
use super::trust::Trust;
use super::{Console, Failure, ask};
use crate::ledger::keep_to_owner;
use crate::model::Digest;
use crate::people::{Identity, Roster, Seek, Standing, identify, random_bytes};
use crate::transport::agent::agent_signers;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for an ssh-agent to answer, a touched key included.
const AGENT_DEADLINE: Duration = Duration::from_secs(30);

/// Who is typing.
pub struct Who {
    /// The version of the roster that is in force, if the ops repository has a roster.
    pub roster: Option<Roster>,
    /// Its text.
    pub roster_text: Option<String>,
    /// Why the roster's file is not that version, where it waits for signatures.
    pub waits: Option<String>,
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
        let trust = Trust::find(console, repository)?;
        if let Some(why) = trust.as_ref().and_then(|trust| trust.waits.as_ref()) {
            console.tell(&format!("{why}: see 'wgops operators sign'.\n"));
        }
        let pinned = trust.as_ref().is_none_or(|trust| trust.pinned);
        let (in_force, waits) = trust.map(|trust| (trust.in_force, trust.waits)).unzip();
        let (roster, roster_text) = in_force.map(|file| (file.roster, file.text)).unzip();
        let identity = prove(console, roster.as_ref())?;
        let today = jiff::Zoned::now().date();
        let standing = identity.standing(roster.as_ref(), today).pinned(pinned);
        tracing::debug!(%standing, "who is typing");
        Ok(Self { roster, roster_text, waits: waits.flatten(), identity, standing })
    }
}

/// Finds out who is typing, with a key that this roster names.
///
/// # Errors
/// No key could prove anything although there are some.
pub fn prove(console: &Console, roster: Option<&Roster>) -> Result<Identity, Failure> {
    let ssh = home().map(|home| home.join(".ssh"));
    let passphrase = |key: &Path| ask::passphrase(console, key);
    let seek = Seek {
        identity_file: console.identity.as_deref(),
        agent: agent(),
        directory: ssh.as_deref(),
        ask: console.is_interactive().then_some(&passphrase),
    };
    Ok(identify(roster, seek, &random_bytes()?)?)
}

/// Where this client remembers what no repository may change.
pub(super) fn state_folder() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| home().map(|home| home.join(".local/state")))?;
    let folder = state.join("wgops");
    keep_to_owner(&folder);
    Some(folder)
}

/// Where this client remembers something of a clone of an ops repository, outside it.
pub fn state(root: &Path, what: &str) -> Option<PathBuf> {
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let name = Digest::of(root.as_os_str().as_encoded_bytes()).hex();
    Some(state_folder()?.join(what).join(format!("{name}.json")))
}

/// The keys of whoever types that their agent holds.
pub(super) fn agent() -> Vec<Box<dyn crate::model::Signer>> {
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

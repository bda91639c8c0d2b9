//! Who is typing, and what the roster lets them do.

use super::repository::Repository;
use super::trust::{Trust, Waiting};
use super::{Console, Failure, ask};
use crate::ledger::{Record, keep_to_owner};
use crate::model::{Digest, OperatorName, Role};
use crate::people::{Identity, Key, Proven, Roster, Seek, Standing, identify, own_keys, random_bytes};
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
    pub waits: Option<Waiting>,
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
        Self::find_but(console, repository, &[])
    }

    /// The same for a lead who takes their say from people who tell of a later version that nobody signed.
    ///
    /// # Errors
    /// As [`Who::find`].
    pub fn find_but(
        console: &Console,
        repository: &Repository,
        made_up_by: &[OperatorName],
    ) -> Result<Self, Failure> {
        let trust = Trust::find_but(console, repository, made_up_by)?;
        if let Some(why) = trust.as_ref().and_then(|trust| trust.waits.as_ref()) {
            console.tell(&why.told());
        }
        let pinned = trust.as_ref().is_none_or(|trust| trust.pinned);
        let (in_force, waits) = trust.map(|trust| (trust.in_force, trust.waits)).unzip();
        let (roster, roster_text) = in_force.map(|file| (file.roster, file.text)).unzip();
        let was = || former(console, repository.root()?, roster.as_ref()?);
        let identity = prove(console, roster.as_ref()).map_err(|failure| match was() {
            Some(why) => failure.hint(why),
            None => failure,
        })?;
        let today = jiff::Zoned::now().date();
        let mut standing = identity.standing(roster.as_ref(), today).pinned(pinned);
        if let Some(why) =
            Some(standing).filter(|standing| *standing == Standing::Stranger).and_then(|_| was())
        {
            console.tell(&format!("{why}.\n"));
            standing = Standing::Left;
        }
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
    let agent = agent();
    let held = keys_of(&agent);
    let seek = Seek {
        identity_file: console.identity.as_deref(),
        agent,
        directory: ssh.as_deref(),
        ask: console.is_interactive().then_some(&passphrase),
    };
    let identity = identify(roster, seek, &random_bytes()?)?;
    if let (Some(roster), Some(proven), None) = (roster, identity.proven(), &console.identity) {
        console.tell(&others(roster, proven, &held));
    }
    Ok(identity)
}

fn keys_of(agent: &[Box<dyn crate::model::Signer>]) -> Vec<Key> {
    agent.iter().filter_map(|signer| signer.public_key().parse().ok()).collect()
}

/// Whose keys an agent has besides those of the one who is taken to be typing.
fn others(roster: &Roster, proven: &Proven, held: &[Key]) -> String {
    let owners = held.iter().filter_map(|key| Some(roster.owner(key)?.name.as_str()));
    let mut others: Vec<&str> = owners.filter(|name| *name != proven.operator.as_str()).collect();
    others.sort_unstable();
    others.dedup();
    match others.is_empty() {
        true => String::new(),
        false => format!(
            "You are taken for {}; your ssh-agent has keys of {}, too: --identity FILE.pub says whose you are.\n",
            proven.operator,
            others.join(" and ")
        ),
    }
}

/// Whose the keys at hand were, where that one has left: by the versions of the roster that the ledger has.
fn former(console: &Console, root: &Path, roster: &Roster) -> Option<String> {
    let ssh = home().map(|home| home.join(".ssh"));
    let mut keys = own_keys(console.identity.as_deref(), ssh.as_deref());
    if console.identity.is_none() {
        keys.extend(keys_of(&agent()));
    }
    let keys: Vec<Key> = keys.into_iter().filter(|key| roster.owner(key).is_none()).collect();
    if keys.is_empty() {
        return None;
    }
    let versions = Record::read(root, roster.origin).ok()?.versions(roster);
    keys.iter().find_map(|key| {
        let name = &versions.iter().rev().find_map(|version| version.owner(key))?.name;
        let person = roster.person(name);
        let left = person.is_none_or(|person| person.role == Role::Left);
        let until =
            person.and_then(|person| person.until).map(|day| format!(" on {day}")).unwrap_or_default();
        left.then(|| format!("the key {} was {name}'s, who left{until}", key.fingerprint()))
    })
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

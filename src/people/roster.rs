//! The roster: `inventory/operators.yml`, checked. FORMATS.md specifies it; `read` turns a file into it.

use super::{ChainName, Key, PeopleError, Standing};
use crate::load::{Problem, Problems};
use crate::model::{Digest, OperatorName, Role};
use indexmap::IndexMap;
use jiff::civil::Date;
use std::path::Path;

/// Longest roster that is read.
const ROSTER_BYTES_MAX: u64 = 1 << 20;

/// Who is in the working group, as one version of the roster says.
#[derive(Clone, Debug)]
pub struct Roster {
    /// Counts up by one; the first is 1.
    pub version: u64,
    /// Digest of the file of the version before; none for the first.
    pub previous: Option<Digest>,
    /// Files that were signed at the same time as the version before, or go on from such: this version stands in their place,
    /// too, where their own leads signed it.
    pub settles: Vec<Digest>,
    /// Digest of what `wgops.yml` says of access to the servers; none where nobody signed that yet.
    pub access: Option<Digest>,
    /// Digest of this file's bytes.
    pub digest: Digest,
    /// Digest of the first version's file, by which entries of the ledger know their group. No file says it: whoever finds out which
    /// version is in force does.
    pub origin: Option<Digest>,
    /// The working group's name.
    pub group: String,
    /// How many must agree; for plans not enforced yet.
    pub threshold: Threshold,
    /// Everybody, in the order of the file.
    pub people: IndexMap<OperatorName, Person>,
    /// Chains that nobody may extend any more, and their last entries.
    pub sealed: IndexMap<ChainName, Seal>,
    /// Keys kept on the servers for a lock-out. Not used yet.
    pub emergency_keys: Vec<Key>,
    /// Who may read which vault; the last match wins. Not used yet.
    pub vaults: Vec<VaultRule>,
}

/// One person. A person counts once, however many keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The name in the roster.
    pub name: OperatorName,
    /// The role in the roster; what it allows today, [`Standing`] says.
    pub role: Role,
    /// The agreement signed with the group.
    pub nda: Option<Nda>,
    /// Keys that prove this person; none for who left.
    pub keys: Vec<Key>,
    /// Recipients for vaults.
    pub age: Vec<String>,
    /// The last day of somebody who left.
    pub until: Option<Date>,
}

/// A non-disclosure agreement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nda {
    /// The first day on which it counts.
    pub signed: Date,
    /// The last day on which it counts; none means without end.
    pub until: Option<Date>,
    /// Where it is kept.
    pub reference: Option<String>,
}

/// How many people must agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Leads that must sign the next version of the roster.
    pub roster: u32,
    /// Cleared people behind each applied plan.
    pub apply: ApplyThreshold,
}

/// Cleared people behind each applied plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyThreshold {
    /// Where no group says otherwise.
    pub default: u32,
    /// By group of the inventory.
    pub groups: IndexMap<String, u32>,
}

/// The last entry of a chain that nobody may extend any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Its sequence number; 0 means that the chain has no valid entry.
    pub last: u64,
    /// The digest of that entry's public bytes.
    pub digest: Digest,
}

/// Which vault files whom they are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultRule {
    /// A pattern of paths in the ops repository.
    pub files: String,
    /// Whom they are for.
    pub readers: Vec<Reader>,
}

/// Whom a vault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reader {
    /// Everybody with a role.
    Role(Role),
    /// One person.
    Person(OperatorName),
}

impl Default for Threshold {
    fn default() -> Self {
        Self { roster: 1, apply: ApplyThreshold::default() }
    }
}

impl Default for ApplyThreshold {
    fn default() -> Self {
        Self { default: 1, groups: IndexMap::new() }
    }
}

impl Roster {
    /// Reads and checks a roster.
    ///
    /// # Errors
    /// The file can't be read, or is not what FORMATS asks for; all that is wrong with it is said at once.
    pub fn load(path: &Path) -> Result<Self, PeopleError> {
        let refuse = |reason: String| Problem::in_file(path, format!("can't be read: {reason}"));
        let read = || {
            let meta = std::fs::metadata(path)?;
            let fits = meta.is_file() && meta.len() <= ROSTER_BYTES_MAX;
            if fits { std::fs::read(path) } else { Err(std::io::Error::other("no file of at most 1 MiB")) }
        };
        let bytes = read().map_err(|error| Problems::from(refuse(error.to_string())))?;
        Self::parse(path, bytes)
    }

    /// Reads and checks a roster where there is one. Without a roster nobody changes anything, so that a missing file
    /// is no way around it.
    ///
    /// # Errors
    /// There is one, and [`Roster::load`] refuses it.
    pub fn load_if_present(path: &Path) -> Result<Option<Self>, PeopleError> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            _ => Self::load(path).map(Some),
        }
    }

    /// Checks a roster's bytes; the path is for messages alone.
    ///
    /// # Errors
    /// The bytes are not what FORMATS asks for.
    pub fn parse(path: &Path, bytes: impl Into<Vec<u8>>) -> Result<Self, PeopleError> {
        Ok(super::read::roster(path, bytes.into())?)
    }

    /// The roster of a working group that begins: one lead, version 1. Comments tell what may be added.
    ///
    /// # Errors
    /// The text can't be written, which no valid name brings about.
    pub fn first(group: &str, operator: &OperatorName, key: &Key, nda: &Nda) -> Result<String, PeopleError> {
        super::first::roster(group, operator, key, nda)
    }

    /// The person of this name.
    pub fn person(&self, name: &OperatorName) -> Option<&Person> {
        self.people.get(name)
    }

    /// The person to whom a key belongs.
    pub fn owner(&self, key: &Key) -> Option<&Person> {
        self.people.values().find(|person| person.keys.contains(key))
    }

    /// Whether a chain is somebody's: of a person's key, or one that is sealed.
    pub fn has_chain(&self, chain: &ChainName) -> bool {
        let person = self.person(chain.operator());
        person.is_some_and(|person| person.keys.iter().any(|key| chain.is_of(key)))
            || self.sealed.contains_key(chain)
    }

    /// Whether everybody's chains of another roster are somebody's in this one.
    pub fn has_chains_of(&self, other: &Self) -> bool {
        let has_keys = |person: &Person| {
            self.person(&person.name).is_some_and(|own| person.keys.iter().all(|key| own.keys.contains(key)))
        };
        other.people.values().all(has_keys)
            && other.sealed.keys().all(|chain| self.sealed.contains_key(chain))
    }

    /// How somebody stands on a day.
    pub fn standing(&self, name: &OperatorName, today: Date) -> Standing {
        self.person(name).map_or(Standing::Stranger, |person| Standing::of(person, today))
    }

    /// An OpenSSH `allowed_signers` file: with it, `ssh-keygen -Y verify` checks what wgops signed. Keys of people who
    /// left are not in it.
    pub fn allowed_signers(&self) -> String {
        let namespaces = [
            super::IDENTITY_NAMESPACE,
            super::LEDGER_NAMESPACE,
            super::PLAN_NAMESPACE,
            super::AUDIT_NAMESPACE,
        ]
        .join(",");
        let present = self.people.values().filter(|person| person.role != Role::Left);
        let lines = present.flat_map(|person| person.keys.iter().map(move |key| (&person.name, key)));
        lines.map(|(name, key)| format!("{name} namespaces=\"{namespaces}\" {}\n", key.text())).collect()
    }
}

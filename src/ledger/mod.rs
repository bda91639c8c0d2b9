//! The ledger: who changed what, signed, in files that git merges without conflicts. Append, read, verify, show.
//!
//! This room knows neither engine nor terminal: it takes what happened as data, and gives back lines and breaks. Begin
//! with [`Ledger`] (writing) and [`Record`] (reading, [`Record::verify`], [`Record::log`]); [`Public`] and [`Private`] are
//! what an entry holds.
//!
//! # Format
//!
//! An entry is `ledger/CHAIN/YEAR/SEQ.json`, SEQ with at least 8 digits, YEAR that of its time in UTC. Beside it lie
//! `SEQ.json.sig`, the SSH signature over exactly its bytes in the namespace `ledger@wgops`, and, where there is more to
//! say than the public may read, `SEQ.private.json`, whose digest the entry holds. One chain is written with one key from
//! one clone. Entries are never overwritten:
//!
//! ```json
//! {"version":1,"group":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
//!  "chain":"alice-a1b2c3d4-7f","seq":12,
//!  "previous":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
//!  "seen":{"carol-9f0e1d2c-03":{"seq":4,"digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}},
//!  "roster":17,"time":"2026-11-21T22:00:00Z","kind":"outcome","run":"01ARZ3NDEKTSV4RRFFQ69G5FAV","verb":"patch",
//!  "hosts":12,"changed":2,"failed":0,
//!  "private":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}
//! ```
//!
//! `group` is the digest of the first version of the group's roster: an entry of another group is none in this ledger, whoever signed
//! it. `seq` counts from 1; `previous` is the digest of the entry before, in the same chain; `seen` names the heads of the other
//! chains that its writer had. `hosts`, `changed`, `failed`, `unreachable` and `unknown` count hosts.
//!
//! # Writing
//!
//! Private part and signature get their names first, the entry last, each written in full and synced before; then the
//! directory is synced. Whatever a crash leaves is thus either a whole entry or no entry: [`Record::verify`] notes what was
//! left, and the next append clears it away (a nameless or unsigned rest is removed, an unsigned entry set aside as `.torn`).
//!
//! What belongs to this clone alone is in `.wgops/`, which ignores itself in git: the random part of the chain's name, bound
//! to the clone's path, folder and machine so that a copied clone begins a chain of its own, and the lock under which entries are appended.
//!
//! # Judging
//!
//! `history` finds the versions of the roster from the one in force back to the first; each entry is judged by the one that it
//! names. `compare` holds the record against what hosts' own logs say, and `answers` has what people said to that.

mod answers;
mod append;
mod claims;
mod clone;
mod compare;
mod day;
mod doubles;
mod emergency;
mod entry;
mod estimate;
mod fault;
mod heads;
mod history;
mod hold;
mod index;
mod late;
mod lines;
mod log;
pub mod plan;
mod private;
mod record;
mod rosters;
mod runs;
mod seen;
mod signatures;
#[cfg(test)]
mod tests;
mod times;
mod trail;
mod tree;
mod typed;
mod unfounded;
mod verify;
mod vouched;

pub use answers::{Answer, Point};
pub use append::{EntryRef, Ledger, Stamp};
pub use claims::{CLAIM_MAX, Claim};
pub use clone::{Held, Turn};
pub use compare::{Disagreement, Forged, INSTALLERS, Login, RunLine, Sudo, Traces, Transaction, Whose};
pub use emergency::EmergencyUse;
pub use entry::{Draft, Head, Kind, Public, SignedPerson, SignedRoster};
pub use fault::{Break, Fault};
pub use heads::Heads;
pub use history::History;
pub use hold::{keep_to_owner, lock};
pub use lines::{Rival, Settled};
pub use log::{LogLine, LogOutcome, RunRecord, Shown};
pub use private::{Commit, Counts, Details, HostOutcome, HostResult, Private, SealAct, SealedValue, Source};
pub use record::{NoEntry, PrivatePart, PublicFile, Record, Stored};
pub use rosters::{Anchor, NoRosterInForce, RosterFile, Succession, Successor};
pub use runs::{Handover, RunState};
pub use seen::Stretch;
pub use times::OddTime;
pub use typed::{PlanRef, Typed};
pub use verify::{OpenRun, Report};
pub use vouched::Vouched;

use crate::model::{Role, RunId, SignError};
use crate::people::{ChainName, PeopleError, VerifyError};
use std::path::PathBuf;
use std::time::Duration;

/// Version of the entries that are written.
pub const VERSION: u32 = 1;

/// What can go wrong with writing and reading the ledger. What is wrong *in* it is a [`Break`].
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The system refused.
    #[error("{action} {file}: {source}")]
    Io {
        /// What was tried, "can't read".
        action: &'static str,
        /// On which file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A link lies where the ledger should be: it could lead out of the repository.
    #[error("{file} is no plain file or directory: remove it, the ledger follows no links")]
    Link {
        /// The link.
        file: PathBuf,
    },
    /// A file of the ledger is larger than any that is written.
    #[error("{file} is larger than {limit_bytes} bytes: restore it from git")]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// The most that is read.
        limit_bytes: u64,
    },
    /// Another wgops holds the lock.
    #[error("another wgops holds {file} for more than {} s: wait for it, or see who it is with 'fuser {file}'", .waited.as_secs())]
    Locked {
        /// The lock.
        file: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// Another wgops carries the same run out.
    #[error(
        "run {run} still goes on in this very clone: wait for its end, or interrupt it ('fuser {file}' names it)"
    )]
    GoesOn {
        /// The run.
        run: RunId,
        /// Its lock.
        file: PathBuf,
    },
    /// The last entry of one's own chain can't be read.
    #[error(
        "the last entry of your chain, {file}, can't be read ({reason}): restore it with 'git checkout -- {file}'"
    )]
    Head {
        /// The entry.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The last entry of one's own chain is somebody else's work.
    #[error(
        "{file} lies at the end of your chain, and is not signed with your key for this group: 'git log -- {file}' names who brought it; 'git rm' takes out what was put there, 'git checkout' restores what was changed"
    )]
    Forged {
        /// The entry.
        file: PathBuf,
    },
    /// The chain goes on in a form that is not known yet.
    #[error(
        "the last entry of your chain, {file}, has version {version} of the format, which this wgops does not know: update it"
    )]
    Newer {
        /// The entry.
        file: PathBuf,
        /// Its version.
        version: u64,
    },
    /// The roster is older than one that the chain was written under.
    #[error(
        "the roster has version {have}, but your last entry was written under version {written}: pull before you go on"
    )]
    OldRoster {
        /// The version at hand.
        have: u64,
        /// The version of the last entry.
        written: u64,
    },
    /// Nobody can tell in which group an entry would be written.
    #[error(
        "version {0} of the roster does not lead back to version 1 here, by which a group's entries are known: pull the ledger"
    )]
    NoGroup(u64),
    /// The roster says that this chain has ended.
    #[error("the chain {0} is sealed by the roster: nothing can be appended to it")]
    Sealed(ChainName),
    /// The role may not sign such an entry.
    #[error("the role {role} signs no entry of the kind '{kind}'")]
    NotAllowed {
        /// The writer's role.
        role: Role,
        /// The entry's kind.
        kind: Kind,
    },
    /// What should be signed is no roster.
    #[error(transparent)]
    Roster(#[from] PeopleError),
    /// No signature could be made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// A signature was made that does not verify.
    #[error("the key signed, but {0}")]
    BadSignature(VerifyError),
    /// What should be recorded can't be written as JSON.
    #[error("can't write the entry as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl LedgerError {
    fn io(action: &'static str, file: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let file = file.to_owned();
        move |source| Self::Io { action, file, source }
    }
}

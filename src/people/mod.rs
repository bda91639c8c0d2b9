//! People: who is in the working group, what each may do, and the proof of who is typing.
//!
//! The roster is a file that people edit and review; this room reads it, and makes and verifies SSH signatures. It knows
//! no hosts, keeps no session and asks nobody anything: a passphrase comes through a callback that the command line
//! lends. Start with [`Roster`]; [`Standing`] is FORMATS' table of roles; [`identify`] proves who is typing.
//!
//! `succession` says when one version of the roster follows another, and `edit` makes the next one; which is in force, the
//! ledger knows, which has the signatures.
//!
//! Not yet: accounts on servers, more than one person behind a plan. Their fields are read, checked and kept.

mod certificate;
mod chain;
mod edit;
mod first;
mod identity;
mod key;
mod key_file;
mod merge;
mod read;
mod roster;
mod standing;
mod succession;
#[cfg(test)]
pub(crate) mod testing;

pub use certificate::{Authority, Grant};
pub use chain::{ChainName, ParseChainNameError};
pub use edit::Amendment;
pub use identity::{Anonymous, Identity, NoProof, Proven, Seek, files_of, identify, own_keys};
pub use key::{Key, ParseKeyError, VerifyError};
pub use key_file::{AskPassphrase, FileSigner, KeyFileError};
pub use merge::rank;
pub use roster::{ApplyThreshold, Nda, Person, Reader, Roster, Seal, Threshold, VaultRule};
pub use standing::{Lapse, Permission, Standing, Verb};
pub use succession::{Hand, NoSuccession};

use crate::load::Problems;
use crate::model::ParseOperatorNameError;
use std::path::PathBuf;

/// Namespace of the signatures that prove who is typing.
pub const IDENTITY_NAMESPACE: &str = "identity@wgops";
/// Namespace of the signatures beside ledger entries.
pub const LEDGER_NAMESPACE: &str = "ledger@wgops";

/// Namespace of the signatures beside saved plans.
pub const PLAN_NAMESPACE: &str = "plan@wgops";

/// Namespace of the signatures beside the reports of an auditor's audits.
pub const AUDIT_NAMESPACE: &str = "audit@wgops";

/// What can go wrong with people.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// The roster can't be read, or is not what FORMATS asks for.
    #[error("{0}")]
    Roster(#[from] Problems),
    /// A private key file can't be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The key named by `--identity` is nobody's.
    #[error("the key {fingerprint} in {file} belongs to nobody in the roster")]
    NotInRoster {
        /// The key's file.
        file: PathBuf,
        /// The key's SHA-256 fingerprint.
        fingerprint: String,
    },
    /// Keys of the roster were found, and none of them signed.
    #[error(transparent)]
    NoProof(#[from] NoProof),
    /// A name is no operator's name.
    #[error(transparent)]
    Name(#[from] ParseOperatorNameError),
    /// A public key can't be used.
    #[error(transparent)]
    Key(#[from] ParseKeyError),
    /// A certificate can't be signed.
    #[error("the certificate can't be signed: {0}")]
    Certificate(String),
    /// The first roster could not be written as YAML.
    #[error("could not write the roster: {0}")]
    Unwritable(#[from] serde_yaml::Error),
    /// The system gave no randomness.
    #[error("the system gave no randomness: {0}")]
    Randomness(String),
}

/// Draws 32 random bytes from the system: for challenges, nonces and the random part of a clone's chain.
///
/// # Errors
/// The system has no source of randomness.
pub fn random_bytes() -> Result<[u8; 32], PeopleError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| PeopleError::Randomness(error.to_string()))?;
    Ok(bytes)
}

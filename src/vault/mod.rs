//! Sealed values: sealing, opening, and who could have read what.
//!
//! # Format
//!
//! A sealed value is one armored age file, tagged `!age` wherever variables are written; a sealed file is one age file as
//! a whole. So `age -d` alone opens each, and `git diff` shows which one changed:
//!
//! ```yaml
//! db_user: mautic
//! db_password: !age |
//!   -----BEGIN AGE ENCRYPTED FILE-----
//!   …
//!   -----END AGE ENCRYPTED FILE-----
//! ```
//!
//! For whom it is sealed, the roster in force says and nothing else ([`Readers`]): the last of its rules whose `files` fits
//! the file's path. Each seal is a `vault` entry of the ledger with file, name, digest, generation and readers
//! ([`History`]): what is not what the newest entry of a reader says is refused before anything is decrypted.
//!
//! This room asks nobody anything: passphrases, and what plugins want to know, come through [`Conversation`]. `crypto` is
//! all that touches age; `sheet` finds sealed values in a file and puts others in their place without touching another
//! byte; `opener` is what a run is lent.

mod ansible;
mod crypto;
mod editable;
mod flow;
mod history;
mod opener;
mod readers;
mod seat;
mod sheet;
mod spot;
#[cfg(test)]
mod tests;

pub use ansible::{AnsibleError, is_ansible, open as open_ansible};
pub use crypto::{Conversation, Keys, is_recipient, seal};
pub use editable::Editable;
pub use history::{History, Seal, State, Subject};
pub use opener::{Access, Vault, file_digest, refusal, relative};
pub use readers::{Reader, Readers, left_out, rule_fits};
pub use sheet::{Found, Sheet, digest};

use crate::load::Problems;
use std::path::PathBuf;

/// What can go wrong with sealed values.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No rule says who reads the file.
    #[error("no rule of the roster's 'vaults' fits {file}, so nobody may read it")]
    NoRule {
        /// The file, seen from the root of the repository.
        file: String,
    },
    /// A rule says it, but nobody it names has a key that can open.
    #[error("nobody who may read {file} has a key that can open: {why}")]
    Nobody {
        /// The file.
        file: String,
        /// Who was named, and what is wrong with their keys.
        why: String,
    },
    /// A recipient of the roster is none.
    #[error("the recipient '{recipient}' of {name} can't be used: {reason}")]
    Recipient {
        /// As it is written.
        recipient: String,
        /// Whose it is.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// It could not be sealed.
    #[error("it could not be sealed: {0}")]
    Seal(String),
    /// None of the keys at hand opens it.
    #[error("none of your keys opens it{0}")]
    NoKey(String),
    /// It is damaged, or was never sealed by age.
    #[error("it can't be opened: {0}")]
    Damaged(String),
    /// It holds something that is no text.
    #[error("it holds no text")]
    NoText,
    /// An identity file can't be used.
    #[error("the age identity {file} can't be used: {reason}")]
    Identity {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of variables can't be read.
    #[error("{0}")]
    File(#[from] Problems),
    /// A value has no such name in its file.
    #[error("{file} has no value '{name}'{hint}")]
    NoValue {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// Which one may be meant.
        hint: String,
    },
    /// A file can't be changed without touching other lines.
    #[error("{file}: '{name}' can't be replaced without touching other lines: {reason}")]
    Entangled {
        /// The file.
        file: String,
        /// The name.
        name: String,
        /// What is in the way.
        reason: String,
    },
}

//! An entry as it lies on disk: its parts, and why something is none.

use super::super::{Private, Public};
use crate::model::Digest;
use std::path::{Path, PathBuf};

/// An entry as it lies on disk.
pub struct Stored {
    /// Its public part, seen from the root of the ops repository.
    pub file: PathBuf,
    /// The number in its name.
    pub seq: u64,
    /// The year of its directory.
    pub year: u16,
    /// Digest of its public bytes.
    pub digest: Digest,
    /// Its public part, or why it is none here.
    pub public: Result<Public, NoEntry>,
    /// Its private part.
    pub private: PrivatePart,
    pub(in super::super) bytes: Vec<u8>,
    pub(in super::super) signature: Option<String>,
}

/// A file that everybody may see.
pub struct PublicFile<'a> {
    /// The entry that it belongs to.
    pub entry: &'a Path,
    /// Its place.
    pub file: PathBuf,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Why something is no entry of this ledger.
#[derive(Debug)]
pub enum NoEntry {
    /// Its text is none.
    Text(String),
    /// It was written in another group, and says so.
    OtherGroup(Box<Public>),
    /// It says that it lies elsewhere: in its own place it may be one.
    Elsewhere(Box<Public>),
}

/// The private part of an entry.
pub enum PrivatePart {
    /// Not here: there is none, or this is the public view.
    Absent,
    /// Not looked at: nobody has the chain, so it can say nothing that counts, at whatever length.
    Unread,
    /// Here, with the digest of its bytes; or why it can't be read. The per-host records are left out, but for whether one of
    /// them may have installed something: [`Record::run`](super::Record::run) reads them again.
    Here(Digest, Result<Box<Private>, String>),
}

impl PrivatePart {
    /// Its content, where it is here and can be read.
    pub fn content(&self) -> Option<&Private> {
        match self {
            Self::Here(_, Ok(private)) => Some(private),
            _ => None,
        }
    }
}

//! Sealed values: what whoever renders templates and reads files is lent, so that they need not know of keys, readers or
//! the ledger.

use super::Secret;
use std::path::Path;
use zeroize::Zeroizing;

/// Opens sealed values.
pub trait Opener: Send + Sync {
    /// Opens a sealed value of a file that people write.
    fn value(&self, file: &str, sealed: &str) -> Opened<Secret>;
    /// Opens a whole sealed file.
    fn file(&self, path: &Path, sealed: &[u8]) -> Opened<Zeroizing<Vec<u8>>>;
    /// Whether anything was opened yet.
    fn has_opened(&self) -> bool {
        false
    }
    /// Whether a text shows something that was opened, in any usual spelling.
    fn reveals(&self, text: &str) -> bool;
    /// The name of a sealed value that a text shows as it is.
    fn revealed(&self, _: &str) -> Option<String> {
        None
    }
}

/// What opening something came to.
pub enum Opened<T> {
    /// What it holds.
    Known(T),
    /// Nobody here can know, and need not: this is a dry run.
    Unknown(String),
    /// It can't be used, and why.
    Refused(String),
}

/// Opens nothing.
pub struct Unopened;

impl Opener for Unopened {
    fn value(&self, _: &str, _: &str) -> Opened<Secret> {
        Opened::Refused("sealed values are not opened here".into())
    }

    fn file(&self, _: &Path, _: &[u8]) -> Opened<Zeroizing<Vec<u8>>> {
        Opened::Refused("sealed files are not opened here".into())
    }

    fn reveals(&self, _: &str) -> bool {
        false
    }
}

/// Whether a file's bytes are sealed by age: armored, or as they are.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") || bytes.starts_with(b"age-encryption.org/v1\n")
}

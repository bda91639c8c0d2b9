//! Private keys in files: reading them, asking for a passphrase where one is needed, and signing.
//!
//! A key whose public half is known is decrypted once and kept. A FIDO key's file holds no secret that could sign: such
//! keys sign through ssh-agent.

use super::Key;
use crate::model::{Secret, SignError, Signer, printable};
use russh::keys::ssh_key::{HashAlg, LineEnding, PrivateKey};
use std::path::{Path, PathBuf};

/// Longest key file that is read.
const KEY_BYTES_MAX: u64 = 64 << 10;
/// How often a passphrase is asked for.
const ASK_MAX: usize = 3;

/// Asks for a key file's passphrase; `None` means that its owner gave up.
pub type AskPassphrase<'a> = &'a dyn Fn(&Path) -> Option<Secret>;

/// Why a private key file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It can't be read.
    #[error("can't read the key file {file}: {source}")]
    Unreadable {
        /// The key's file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{file} is no private key that can be used: {reason}")]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It has a passphrase, and nobody could be asked.
    #[error(
        "{file} has a passphrase, and there is no terminal to ask for it: add the key with 'ssh-add {file}'"
    )]
    NobodyToAsk {
        /// The key's file.
        file: PathBuf,
    },
    /// Its owner did not give the passphrase.
    #[error("{file} stayed locked: its passphrase was not given")]
    Locked {
        /// The key's file.
        file: PathBuf,
    },
    /// Its secret half is in a device.
    #[error(
        "{file} belongs to a security key, which signs through ssh-agent alone: add it with 'ssh-add {file}'"
    )]
    InDevice {
        /// The key's file.
        file: PathBuf,
    },
}

/// A key file as it lies on the disk: perhaps still locked.
pub(super) struct KeyFile {
    path: PathBuf,
    content: Content,
}

enum Content {
    /// OpenSSH's form; the public half can be read even while it is locked.
    OpenSsh(Box<PrivateKey>),
    /// An older form, read only when needed.
    Older(Secret),
}

impl KeyFile {
    pub(super) fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = read_bounded(path)?;
        let content = match PrivateKey::from_openssh(text.expose()) {
            Ok(key) => Content::OpenSsh(Box::new(key)),
            Err(_) if text.expose().contains("PRIVATE KEY-----") => Content::Older(text),
            Err(error) => return Err(not_a_key(path, &error)),
        };
        Ok(Self { path: path.to_owned(), content })
    }

    /// The public half, where it can be read without unlocking.
    pub(super) fn public(&self) -> Option<Key> {
        match &self.content {
            Content::OpenSsh(key) => Key::new(key.public_key().clone()).ok(),
            Content::Older(text) => {
                let key = russh::keys::decode_secret_key(text.expose(), None).ok()?;
                Key::new(key.public_key().clone()).ok()
            }
        }
    }

    pub(super) fn is_locked(&self) -> bool {
        match &self.content {
            Content::OpenSsh(key) => key.is_encrypted(),
            Content::Older(text) => {
                matches!(
                    russh::keys::decode_secret_key(text.expose(), None),
                    Err(russh::keys::Error::KeyIsEncrypted)
                )
            }
        }
    }

    fn unlock(&self, passphrase: Option<&Secret>) -> Result<PrivateKey, String> {
        match (&self.content, passphrase) {
            (Content::OpenSsh(key), Some(word)) => {
                key.decrypt(word.expose()).map_err(|error| error.to_string())
            }
            (Content::OpenSsh(key), None) => Ok((**key).clone()),
            (Content::Older(text), word) => {
                russh::keys::decode_secret_key(text.expose(), word.map(Secret::expose))
                    .map_err(|error| error.to_string())
            }
        }
    }

    /// Makes a signer of it, asking for the passphrase where there is one.
    pub(super) fn into_signer(self, ask: Option<AskPassphrase<'_>>) -> Result<FileSigner, KeyFileError> {
        if self.public().is_some_and(|key| key.is_in_device()) {
            return Err(KeyFileError::InDevice { file: self.path });
        }
        let key = if self.is_locked() {
            self.ask_and_unlock(ask)?
        } else {
            self.unlock(None).map_err(|reason| not_a_key(&self.path, &reason))?
        };
        let public = Key::new(key.public_key().clone()).map_err(|error| not_a_key(&self.path, &error))?;
        Ok(FileSigner { public, key, path: self.path })
    }

    fn ask_and_unlock(&self, ask: Option<AskPassphrase<'_>>) -> Result<PrivateKey, KeyFileError> {
        let ask = ask.ok_or_else(|| KeyFileError::NobodyToAsk { file: self.path.clone() })?;
        for _ in 0..ASK_MAX {
            let Some(passphrase) = ask(&self.path) else { break };
            if let Ok(key) = self.unlock(Some(&passphrase)) {
                return Ok(key);
            }
        }
        Err(KeyFileError::Locked { file: self.path.clone() })
    }
}

fn not_a_key(path: &Path, reason: &dyn ToString) -> KeyFileError {
    KeyFileError::NotAKey { file: path.to_owned(), reason: printable(&reason.to_string()).into_owned() }
}

/// Reads a small regular file into custody.
pub(super) fn read_bounded(path: &Path) -> Result<Secret, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable { file: path.to_owned(), source };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() || meta.len() > KEY_BYTES_MAX {
        return Err(not_a_key(path, &"expected a file of at most 64 KiB"));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map(Secret::new).map_err(|_| not_a_key(path, &"it is not text"))
}

/// Signs with a private key that was read from a file.
pub struct FileSigner {
    public: Key,
    key: PrivateKey,
    path: PathBuf,
}

impl FileSigner {
    #[cfg(test)]
    pub(super) fn of(key: PrivateKey) -> Self {
        let public = Key::new(key.public_key().clone()).unwrap();
        Self { public, key, path: "test".into() }
    }

    /// Reads a private key, asking for its passphrase where there is one.
    ///
    /// # Errors
    /// The file can't be read, is no private key, stays locked, or belongs to a security key.
    pub fn open(path: &Path, ask: Option<AskPassphrase<'_>>) -> Result<Self, KeyFileError> {
        KeyFile::read(path)?.into_signer(ask)
    }

    /// The public half.
    pub fn key(&self) -> &Key {
        &self.public
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> &str {
        self.public.text()
    }

    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignError> {
        let signed = self.key.sign(namespace, HashAlg::Sha512, message);
        signed
            .and_then(|signature| signature.to_pem(LineEnding::LF))
            .map_err(|error| SignError(format!("{} could not sign: {error}", self.path.display())))
    }
}

//! What several connections need, once: known_hosts files, private keys, certificates, and the way through a jump host.

use super::Link;
use super::known_hosts::KnownHosts;
use crate::model::Secret;
use russh::keys::{Certificate, PrivateKey, PublicKey, decode_secret_key, load_openssh_certificate, ssh_key};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use zeroize::Zeroizing;

/// Shared by the connections of a run.
#[derive(Default)]
pub(in crate::transport) struct Cache {
    known_hosts: Mutex<HashMap<PathBuf, Arc<KnownHosts>>>,
    keys: Mutex<HashMap<PathBuf, Result<KeyFile, KeyFileError>>>,
    gates: Mutex<HashMap<String, Gate>>,
}

/// A jump host's connection while anybody uses it; whoever makes it holds the lock.
pub(in crate::transport) type Gate = Arc<tokio::sync::Mutex<Weak<Link>>>;

/// What a private key file holds.
#[derive(Clone)]
pub(in crate::transport) enum KeyFile {
    /// A key that can sign, and its certificate where one lies beside it.
    Open { key: Arc<PrivateKey>, certificate: Option<Box<Certificate>> },
    /// A key under a passphrase, or in hardware: only the agent can sign with it.
    Locked { public: Option<Box<PublicKey>> },
}

/// Why a key file can't be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(in crate::transport) enum KeyFileError {
    #[error("there is no such file")]
    Missing,
    #[error("{0}")]
    Unreadable(String),
}

impl Cache {
    /// A known_hosts file; one that is missing is empty.
    pub fn known_hosts(&self, path: &Path) -> std::io::Result<Arc<KnownHosts>> {
        let mut files = self.known_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return Ok(known.clone());
        }
        let known = Arc::new(KnownHosts::read(path)?);
        files.insert(path.to_owned(), known.clone());
        Ok(known)
    }

    /// The place of a jump host's connection; the key says everything that the connection depends on.
    pub fn gate(&self, key: &str) -> Gate {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.entry(key.to_owned()).or_default().clone()
    }

    /// A private key file, with the certificate in `FILE-cert.pub`.
    pub fn key(&self, path: &Path) -> Result<KeyFile, KeyFileError> {
        let mut files = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        files.entry(path.to_owned()).or_insert_with(|| read_key(path, None)).clone()
    }

    /// A private key file under a passphrase becomes one that can sign.
    pub fn unlock(&self, path: &Path, passphrase: &Secret) {
        let file = read_key(path, Some(passphrase.expose()));
        if matches!(file, Ok(KeyFile::Open { .. })) {
            self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), file);
        }
    }
}

fn read_key(path: &Path, passphrase: Option<&str>) -> Result<KeyFile, KeyFileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err(KeyFileError::Missing),
        Err(e) => return Err(KeyFileError::Unreadable(e.to_string())),
    };
    let public = beside(path, ".pub");
    match decode_secret_key(&text, passphrase) {
        // Hardware keys have a file, but the signature comes from the agent.
        Ok(key) if is_hardware(&key) => {
            Ok(KeyFile::Locked { public: Some(Box::new(key.public_key().clone())) })
        }
        Ok(key) => {
            let certificate = load_openssh_certificate(beside(path, "-cert.pub")).ok().map(Box::new);
            Ok(KeyFile::Open { key: Arc::new(key), certificate })
        }
        Err(_) if text.contains("PRIVATE KEY") && is_locked(&text) => {
            let inside = PrivateKey::from_openssh(text.as_bytes()).ok().map(|key| key.public_key().clone());
            let public = inside.or_else(|| PublicKey::read_openssh_file(&public).ok());
            Ok(KeyFile::Locked { public: public.map(Box::new) })
        }
        // `IdentityFile ~/.ssh/id.pub` names a key of the agent by its public half.
        Err(_) if text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-") => {
            match PublicKey::from_openssh(text.trim()) {
                Ok(key) => Ok(KeyFile::Locked { public: Some(Box::new(key)) }),
                Err(e) => Err(KeyFileError::Unreadable(format!("not a key: {e}"))),
            }
        }
        Err(e) => Err(KeyFileError::Unreadable(format!("not a private key that wgops can read: {e}"))),
    }
}

fn is_locked(text: &str) -> bool {
    text.contains("ENCRYPTED")
        || PrivateKey::from_openssh(text.as_bytes()).is_ok_and(|key| key.is_encrypted())
}

fn is_hardware(key: &PrivateKey) -> bool {
    matches!(key.algorithm(), ssh_key::Algorithm::SkEd25519 | ssh_key::Algorithm::SkEcdsaSha2NistP256)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

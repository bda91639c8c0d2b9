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
    /// Its owner gave no passphrase, or none that fits.
    #[error("{file} stayed locked: {reason}")]
    Locked {
        /// The key's file.
        file: PathBuf,
        /// Why.
        reason: String,
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
        let begins = text.expose().trim_start();
        if begins.starts_with("ssh-") || begins.starts_with("ecdsa-") || begins.starts_with("sk-") {
            return Err(not_a_key(
                path,
                &"it is a public key; the private one lies in the file without '.pub'",
            ));
        }
        if !text.expose().contains("-----BEGIN ") {
            return Err(not_a_key(path, &"expected '-----BEGIN OPENSSH PRIVATE KEY-----' in it"));
        }
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
            // In the armour's first lines, and no word that base64 would hold by chance.
            Content::Older(text) => text.expose().contains("ENCRYPTED"),
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
            let Some(passphrase) = ask(&self.path) else {
                return Err(self.locked("no passphrase was given"));
            };
            if let Ok(key) = self.unlock(Some(&passphrase)) {
                return Ok(key);
            }
        }
        Err(match self.content {
            Content::OpenSsh(_) => self.locked("the passphrase was wrong"),
            Content::Older(_) => self.locked(
                "the passphrase was wrong, or the file has a form too old: 'ssh-keygen -p -f' writes it anew",
            ),
        })
    }

    fn locked(&self, reason: &str) -> KeyFileError {
        KeyFileError::Locked { file: self.path.clone(), reason: reason.into() }
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

    /// The private half.
    pub(super) fn private(&self) -> &PrivateKey {
        &self.key
    }

    /// The private half without its passphrase, in OpenSSH's form: for what opens sealed values.
    pub fn unlocked(&self) -> Option<Secret> {
        let text = self.key.to_openssh(LineEnding::LF).ok()?;
        Some(Secret::new(text.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn keygen(arguments: &[&str], path: &Path) {
        let mut command = Command::new("ssh-keygen");
        let status =
            command.args(["-q", "-f"]).arg(path).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn older_forms_of_key_files_sign_too_locked_or_not() {
        let forms: [&[&str]; 4] = [
            &["-t", "rsa", "-m", "PEM"],
            &["-t", "ecdsa", "-m", "PEM"],
            &["-t", "rsa", "-m", "PKCS8"],
            &["-t", "rsa"],
        ];
        for form in forms {
            for passphrase in ["", "right horse"] {
                if form.contains(&"ecdsa") && !passphrase.is_empty() {
                    continue; // a form that is only named, see the test below
                }
                let home = tempfile::tempdir().unwrap();
                let path = home.path().join("key");
                keygen(&[form, &["-N", passphrase]].concat(), &path);
                let file = KeyFile::read(&path).unwrap();
                assert_eq!(file.is_locked(), !passphrase.is_empty(), "{form:?} {passphrase}");
                let asked = |_: &Path| Some(Secret::new(passphrase.into()));
                let signer = file
                    .into_signer(Some(&asked))
                    .unwrap_or_else(|error| panic!("{form:?} {passphrase}: {error}"));
                let public: Key =
                    std::fs::read_to_string(path.with_extension("pub")).unwrap().parse().unwrap();
                let signature = signer.sign("x", b"message").unwrap();
                assert_eq!(public.verify("x", b"message", &signature), Ok(()), "{form:?} {passphrase}");
            }
        }
    }

    #[test]
    fn a_locked_form_that_is_too_old_says_how_to_renew_it() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("key");
        keygen(&["-t", "ecdsa", "-m", "PEM", "-N", "right horse"], &path);
        let asked = |_: &Path| Some(Secret::new("right horse".into()));
        let Err(error) = FileSigner::open(&path, Some(&asked)) else {
            panic!("it can be read now: say so no more")
        };
        assert!(error.to_string().contains("ssh-keygen -p"), "{error}");
    }

    #[test]
    fn what_is_no_key_file_is_refused_by_name() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &[u8]| {
            let path = home.path().join(name);
            std::fs::write(&path, content).unwrap();
            path
        };
        let paths = [
            file("text", b"hello"),
            file("settings", b"version: 1\ngroup: x\n"),
            file("public", b"ssh-ed25519 AAAA me\n"),
            file("cut", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"),
            file("older", b"-----BEGIN RSA PRIVATE KEY-----\n!!\n-----END RSA PRIVATE KEY-----\n"),
            file("binary", &[0xff, 0, 1]),
            file("large", &vec![b'a'; 100_000]),
            home.path().join("missing"),
            home.path().to_owned(),
        ];
        for path in paths {
            let Err(error) = FileSigner::open(&path, None) else { panic!("{} was accepted", path.display()) };
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
            assert!(!error.to_string().contains("PEM preamble"), "{error}");
        }
    }
}

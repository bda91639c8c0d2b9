//! The key ring: what whoever is typing opens sealed values with. A run takes a copy of it along, for nothing is unlocked
//! before something sealed is needed; a passphrase that was given once is not asked for again.

use super::args::Global;
use super::console::shown;
use super::diagnostics::Masks;
use super::hidden;
use super::live::Live;
use super::who::home;
use crate::model::Secret;
use crate::people::{FileSigner, KeyFileError, Person, files_of};
use crate::transport::Keyring;
use crate::vault::{Conversation, Keys};
use std::collections::HashMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest file of identities.
const IDENTITY_BYTES_MAX: u64 = 1 << 20;

/// What opens sealed values.
#[derive(Clone)]
pub struct Ring {
    identity: Option<PathBuf>,
    age_identity: Option<PathBuf>,
    masks: Masks,
    live: Live,
    is_interactive: bool,
    passphrases: Arc<Mutex<HashMap<PathBuf, Secret>>>,
}

impl Ring {
    /// The ring of whoever typed these options.
    pub fn new(global: &Global, masks: Masks, live: Live, is_interactive: bool) -> Self {
        Self {
            identity: global.identity.clone(),
            age_identity: global.age_identity.clone(),
            masks,
            live,
            is_interactive,
            passphrases: Arc::default(),
        }
    }

    /// Remembers the passphrase of a key's file.
    pub fn remember(&self, key: &Path, passphrase: &Secret) {
        let mut known = self.passphrases.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(key.to_owned(), passphrase.clone());
    }

    /// Unlocks the keys whose passphrases were given for logins, too: nobody has to give them a second time to an ssh-agent.
    pub fn unlocks(&self, keyring: &Keyring) {
        let known = self.passphrases.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().for_each(|(file, passphrase)| keyring.unlock(file, passphrase));
    }

    /// How keys and plugins ask.
    pub fn conversation(&self) -> Arc<dyn Conversation> {
        Arc::new(self.clone())
    }

    /// Everything that opens what is sealed for somebody.
    ///
    /// # Errors
    /// A key can't be used, or there is none.
    pub fn keys(&self, person: &Person) -> Result<Keys, String> {
        let mut keys = Keys::new(self.conversation());
        if let Some(file) = &self.age_identity {
            let bytes = read_identities(file)?;
            keys = keys.with_identities(file, &bytes).map_err(|error| error.to_string())?;
        }
        let ssh = home().map(|home| home.join(".ssh"));
        let able: Vec<_> = person.keys.iter().filter(|key| key.opens()).cloned().collect();
        let files = files_of(&able, self.identity.as_deref(), ssh.as_deref());
        let mut reasons = Vec::new();
        let unlocked: Vec<Secret> =
            files.iter().filter_map(|file| FileSigner::open(file, None).ok()?.unlocked()).collect();
        for key in unlocked {
            keys = keys.with_ssh(key);
        }
        if keys.is_empty() {
            for file in &files {
                match self.unlock(file) {
                    Ok(key) => {
                        keys = keys.with_ssh(key);
                        break;
                    }
                    Err(reason) => reasons.push(reason),
                }
            }
        }
        let hint = self.hint(person, able.is_empty());
        if keys.is_empty() {
            return Err(if reasons.is_empty() {
                format!("you have no key that opens it: {hint}")
            } else {
                reasons.join("; ")
            });
        }
        Ok(keys.hinting(hint))
    }

    fn unlock(&self, file: &Path) -> Result<Secret, String> {
        let remembered =
            Mutex::new(self.passphrases.lock().unwrap_or_else(PoisonError::into_inner).get(file).cloned());
        let ask = |path: &Path| {
            let known = remembered.lock().unwrap_or_else(PoisonError::into_inner).take();
            let given = known.or_else(|| self.ask_secret(&format!("Passphrase of {}", shown(path))))?;
            self.remember(path, &given);
            Some(given)
        };
        let asks: crate::people::AskPassphrase<'_> = &ask;
        let known = self.passphrases.lock().unwrap_or_else(PoisonError::into_inner).contains_key(file);
        let asking = (self.is_interactive || known).then_some(asks);
        let signer = FileSigner::open(file, asking).map_err(|error| match error {
            KeyFileError::NobodyToAsk { file } => format!(
                "{} has a passphrase, and there is no terminal to ask for it: type this at one. An ssh-agent signs, but can't decrypt",
                shown(&file)
            ),
            error => error.to_string(),
        })?;
        signer.unlocked().ok_or_else(|| format!("{} can't be used", shown(file)))
    }

    fn hint(&self, person: &Person, no_key_can: bool) -> String {
        if !person.age.is_empty() && self.age_identity.is_none() {
            return "the roster has an age recipient for you: give its identity with --age-identity FILE"
                .into();
        }
        if no_key_can {
            return "security keys and ECDSA keys sign, but can't decrypt: a lead gives you an 'age:' recipient in the roster".into();
        }
        "it takes the file of your ed25519 or RSA key (--identity FILE): an ssh-agent signs, but can't decrypt".into()
    }
}

fn read_identities(file: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let name = shown(file);
    let opened = std::fs::File::open(file).map_err(|error| format!("can't read {name}: {error}"))?;
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    let read = opened.take(IDENTITY_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| format!("can't read {name}: {error}"))?;
    Ok(bytes)
}

impl Conversation for Ring {
    fn tell(&self, text: &str) {
        let _nobody_listens = self.live.apart(|| {
            use std::io::Write as _;
            writeln!(std::io::stderr(), "{text}")
        });
    }

    fn ask(&self, prompt: &str) -> Option<String> {
        if !self.is_interactive {
            return None;
        }
        self.live.apart(|| {
            use std::io::Write as _;
            write!(std::io::stderr(), "{prompt}: ").ok()?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).ok()?;
            Some(line.trim_end_matches(['\r', '\n']).to_owned())
        })
    }

    fn ask_secret(&self, prompt: &str) -> Option<Secret> {
        if !self.is_interactive {
            return None;
        }
        let text = self.live.apart(|| {
            use std::io::Write as _;
            let mut err = std::io::stderr();
            write!(err, "{prompt}: ").and_then(|()| err.flush()).ok()?;
            hidden::line().ok()
        })?;
        let secret = Secret::new(text);
        self.masks.add(&secret);
        Some(secret).filter(|secret| !secret.expose().is_empty())
    }
}

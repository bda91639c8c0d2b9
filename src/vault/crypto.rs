//! All that touches age: sealing for recipients, and opening with what somebody has. The cryptography is the crate's.

use super::{Reader, Readers, VaultError};
use crate::model::Secret;
use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most that one sealed value or file may hold, in bytes.
const PLAIN_BYTES_MAX: u64 = 64 << 20;
/// Longest header: a line or two for each recipient, each of which every key is tried on.
const HEADER_BYTES_MAX: u64 = 256 << 10;

/// What keys and plugins want to know of whoever holds them.
pub trait Conversation: Send + Sync {
    /// Tells them something: to touch a device, say.
    fn tell(&self, text: &str);
    /// Asks for something that may be seen.
    fn ask(&self, prompt: &str) -> Option<String>;
    /// Asks for something that may not.
    fn ask_secret(&self, prompt: &str) -> Option<Secret>;
}

/// What opens sealed values: everything that one person has.
#[derive(Clone)]
pub struct Keys {
    ssh: Vec<Secret>,
    identities: Vec<(PathBuf, Secret)>,
    conversation: Arc<dyn Conversation>,
    /// What to do where none of it opens something.
    hint: String,
}

impl Keys {
    /// Has no key yet.
    pub fn new(conversation: Arc<dyn Conversation>) -> Self {
        Self { ssh: Vec::new(), identities: Vec::new(), conversation, hint: String::new() }
    }

    /// Adds a private SSH key, in OpenSSH's form and without a passphrase.
    #[must_use]
    pub fn with_ssh(mut self, key: Secret) -> Self {
        self.ssh.push(key);
        self
    }

    /// Adds a file of native age identities, or of plugins'.
    ///
    /// # Errors
    /// It is none.
    pub fn with_identities(mut self, file: &Path, bytes: &[u8]) -> Result<Self, VaultError> {
        let refuse = |reason: &str| VaultError::Identity { file: file.to_owned(), reason: reason.into() };
        // What age writes without --armor is no text: that it is sealed comes first.
        let holds = |mark: &str| bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
        if holds("age-encryption.org/v1") || holds("AGE ENCRYPTED FILE") {
            let reason = "it is sealed itself, with a passphrase: give the file that 'age -d' makes of it";
            return Err(refuse(reason));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| refuse("it is no text"))?;
        let text = Secret::new(text.to_owned());
        parse_identities(&text, &self.conversation).map_err(|reason| refuse(&reason))?;
        self.identities.push((file.to_owned(), text));
        Ok(self)
    }

    /// What to say where nothing opens.
    #[must_use]
    pub fn hinting(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// Whether there is no key at all.
    pub fn is_empty(&self) -> bool {
        self.ssh.is_empty() && self.identities.is_empty()
    }

    /// Opens what was sealed, armored or not.
    ///
    /// # Errors
    /// No key fits, or it is damaged.
    pub fn open(&self, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        has_an_end(sealed)?;
        let decryptor = Decryptor::new_buffered(ArmoredReader::new(sealed)).map_err(damaged)?;
        let mut all: Vec<Box<dyn age::Identity>> = Vec::new();
        for key in &self.ssh {
            let read = age::ssh::Identity::from_buffer(key.expose().as_bytes(), None);
            all.push(Box::new(read.map_err(|error| VaultError::Damaged(error.to_string()))?));
        }
        for (file, text) in &self.identities {
            let parsed = parse_identities(text, &self.conversation);
            all.extend(parsed.map_err(|reason| VaultError::Identity { file: file.clone(), reason })?);
        }
        let opened = decryptor.decrypt(all.iter().map(AsRef::as_ref));
        let reader = opened.map_err(|error| match error {
            DecryptError::NoMatchingKeys => VaultError::NoKey(self.no_key()),
            other => damaged(other),
        })?;
        let mut plain = Zeroizing::new(Vec::with_capacity(sealed.len()));
        let read = reader.take(PLAIN_BYTES_MAX + 1).read_to_end(&mut plain);
        read.map_err(|error| VaultError::Damaged(error.to_string()))?;
        if plain.len() as u64 > PLAIN_BYTES_MAX {
            return Err(VaultError::Damaged(format!("it holds more than {} MiB", PLAIN_BYTES_MAX >> 20)));
        }
        Ok(plain)
    }

    /// The same for a value, which is text.
    ///
    /// # Errors
    /// As [`Keys::open`], or it is no text.
    pub fn open_text(&self, sealed: &str) -> Result<Secret, VaultError> {
        let plain = self.open(sealed.as_bytes())?;
        let text = std::str::from_utf8(&plain).map_err(|_| VaultError::NoText)?;
        Ok(Secret::new(text.to_owned()))
    }

    fn no_key(&self) -> String {
        if self.hint.is_empty() { String::new() } else { format!(": {}", self.hint) }
    }
}

/// Makes sure that a header ends before it takes all memory and the whole day: whoever can push may write one of any length.
fn has_an_end(sealed: &[u8]) -> Result<(), VaultError> {
    let mut header = Vec::new();
    let read = ArmoredReader::new(sealed).take(HEADER_BYTES_MAX).read_to_end(&mut header);
    read.map_err(|error| VaultError::Damaged(error.to_string()))?;
    let ends = header.windows(5).any(|bytes| bytes == b"\n--- ");
    match ends || (header.len() as u64) < HEADER_BYTES_MAX {
        true => Ok(()),
        false => Err(VaultError::Damaged(format!(
            "its header is longer than {} KiB, which is more recipients than any group has",
            HEADER_BYTES_MAX >> 10
        ))),
    }
}

fn damaged(error: DecryptError) -> VaultError {
    VaultError::Damaged(crate::model::printable(&error.to_string()).into_owned())
}

fn parse_identities(
    text: &Secret,
    conversation: &Arc<dyn Conversation>,
) -> Result<Vec<Box<dyn age::Identity>>, String> {
    let file = age::IdentityFile::from_buffer(text.expose().as_bytes()).map_err(|error| error.to_string())?;
    let identities = file.with_callbacks(Talk(conversation.clone())).into_identities();
    let identities = identities.map_err(|error| error.to_string())?;
    match identities.is_empty() {
        true => {
            Err("there is no identity in it: expected a line 'AGE-SECRET-KEY-1…' or 'AGE-PLUGIN-…'".into())
        }
        false => Ok(identities),
    }
}

/// Seals bytes for readers: one armored age file.
///
/// # Errors
/// A recipient can't be used, or a plugin failed.
pub fn seal(
    plain: &[u8],
    readers: &Readers,
    conversation: &Arc<dyn Conversation>,
) -> Result<String, VaultError> {
    let mut all: Vec<Box<dyn age::Recipient>> = Vec::new();
    for reader in &readers.readers {
        for text in &reader.recipients {
            all.push(recipient(reader, text, conversation)?);
        }
    }
    let failed = |error: &dyn std::fmt::Display| VaultError::Seal(error.to_string());
    let encryptor = Encryptor::with_recipients(all.iter().map(AsRef::as_ref)).map_err(|e| failed(&e))?;
    let mut sealed = Vec::new();
    let written = || -> std::io::Result<()> {
        let armor = ArmoredWriter::wrap_output(&mut sealed, Format::AsciiArmor)?;
        let mut writer = encryptor.wrap_output(armor)?;
        writer.write_all(plain)?;
        writer.finish()?.finish().map(drop)
    };
    written().map_err(|e| failed(&e))?;
    String::from_utf8(sealed).map_err(|e| failed(&e))
}

/// An age file in binary form as the text that says the same.
pub(super) fn armored(sealed: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    let mut writer = ArmoredWriter::wrap_output(&mut text, Format::AsciiArmor).ok()?;
    writer.write_all(sealed).ok()?;
    writer.finish().ok()?;
    String::from_utf8(text).ok()
}

/// Whether something is a recipient of age, be it a plugin's that is not here.
///
/// # Errors
/// It is none, for this reason.
pub fn is_recipient(text: &str) -> Result<(), String> {
    if text.parse::<age::x25519::Recipient>().is_ok() {
        return Ok(());
    }
    let plugin: Result<age::plugin::Recipient, &str> = text.parse();
    plugin.map(drop).map_err(str::to_owned)
}

fn recipient(
    reader: &Reader,
    text: &str,
    conversation: &Arc<dyn Conversation>,
) -> Result<Box<dyn age::Recipient>, VaultError> {
    let refuse = |reason: String| VaultError::Recipient {
        recipient: text.to_owned(),
        name: reader.name.to_string(),
        reason,
    };
    if text.starts_with("ssh-") {
        let parsed: Result<age::ssh::Recipient, _> = text.parse();
        return parsed
            .map(|recipient| Box::new(recipient) as Box<dyn age::Recipient>)
            .map_err(|error| refuse(format!("{error:?}")));
    }
    if let Ok(native) = text.parse::<age::x25519::Recipient>() {
        return Ok(Box::new(native));
    }
    let plugin: age::plugin::Recipient =
        text.parse().map_err(|reason: &str| refuse(format!("it is no recipient of age ({reason})")))?;
    let name = plugin.plugin().to_owned();
    let recipient = age::plugin::RecipientPluginV1::new(&name, &[plugin], &[], Talk(conversation.clone()));
    let recipient = recipient
        .map_err(|error| refuse(format!("{error}; install age-plugin-{name}, or ask whoever has it")))?;
    Ok(Box::new(recipient))
}

/// Lends a conversation to age.
#[derive(Clone)]
struct Talk(Arc<dyn Conversation>);

impl age::Callbacks for Talk {
    fn display_message(&self, message: &str) {
        self.0.tell(&crate::model::printable(message));
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let no = no.unwrap_or("no");
        let prompt = format!("{message} ({yes}/{no})");
        let answer = self.0.ask(&crate::model::printable(&prompt))?;
        Some(answer.trim().eq_ignore_ascii_case(yes))
    }

    fn request_public_string(&self, description: &str) -> Option<String> {
        self.0.ask(&crate::model::printable(description))
    }

    fn request_passphrase(&self, description: &str) -> Option<SecretString> {
        let secret = self.0.ask_secret(&crate::model::printable(description))?;
        Some(SecretString::from(secret.expose().to_owned()))
    }
}

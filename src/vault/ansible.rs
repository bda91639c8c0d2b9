//! What ansible-vault sealed: opened, so that it can be sealed again for people instead of for a password. Never written.
//!
//! ```text
//! $ANSIBLE_VAULT;1.1;AES256              1.2 has a label behind another ';'
//! hexadecimal lines of: hex(salt) \n hex(HMAC-SHA-256) \n hex(AES-256-CTR of the padded text)
//! ```
//!
//! # Source
//! Ansible's documentation of the vault's file format, and what ansible-core 2.19 writes. PBKDF2-HMAC-SHA-256 with 10,000
//! rounds gives 80 bytes: the cipher's key, the authentication's key, the counter.

use crate::model::Secret;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const HEADER: &str = "$ANSIBLE_VAULT;";
const ROUNDS: u32 = 10_000;
const BLOCK: usize = 16;

/// Why it can't be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnsibleError {
    /// It is something else.
    #[error("it was not sealed by ansible-vault")]
    Other,
    /// It has a form that is too old or too new.
    #[error("it has the form '{0}': expected version 1.1 or 1.2 with AES256")]
    Form(String),
    /// It is damaged.
    #[error("what ansible-vault sealed is damaged: {0}")]
    Damaged(&'static str),
    /// The password is wrong, or it is damaged.
    #[error("the password is wrong{}", .0.as_ref().map(|label| format!(" (its label is '{label}')")).unwrap_or_default())]
    Password(Option<String>),
}

/// Whether a text was sealed by ansible-vault.
pub fn is_ansible(text: &str) -> bool {
    text.trim_start().starts_with(HEADER)
}

/// Opens it with a password.
///
/// # Errors
/// It is something else, damaged, or sealed with another password.
pub fn open(text: &str, password: &Secret) -> Result<Zeroizing<Vec<u8>>, AnsibleError> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().filter(|head| head.starts_with(HEADER)).ok_or(AnsibleError::Other)?;
    let mut words = head.split(';').skip(1);
    let (version, cipher) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !matches!(version, "1.1" | "1.2") || cipher != "AES256" {
        return Err(AnsibleError::Form(crate::model::printable(head).into_owned()));
    }
    let label = words.next().map(|label| crate::model::printable(label).into_owned());
    let inner = unhex(&lines.collect::<String>()).ok_or(AnsibleError::Damaged("it is not hexadecimal"))?;
    let inner = String::from_utf8(inner).map_err(|_| AnsibleError::Damaged("it is not hexadecimal"))?;
    let parts: Option<Vec<Vec<u8>>> = inner.lines().map(unhex).collect();
    let Some([salt, tag, sealed]) = parts.as_deref() else {
        return Err(AnsibleError::Damaged("expected salt, digest and text"));
    };
    let mut keys = Zeroizing::new([0u8; 80]);
    pbkdf2::pbkdf2_hmac::<Sha256>(password.expose().as_bytes(), salt, ROUNDS, &mut *keys);
    decrypt(&keys, tag, sealed, label)
}

fn decrypt(
    keys: &[u8; 80],
    tag: &[u8],
    sealed: &[u8],
    label: Option<String>,
) -> Result<Zeroizing<Vec<u8>>, AnsibleError> {
    let (cipher_key, rest) = keys.split_at(32);
    let (mac_key, counter) = rest.split_at(32);
    let broken = |_| AnsibleError::Damaged("its keys have another length");
    let mut mac = Hmac::<Sha256>::new_from_slice(mac_key).map_err(|_| broken(()))?;
    mac.update(sealed);
    if mac.verify_slice(tag).is_err() {
        return Err(AnsibleError::Password(label));
    }
    let mut cipher =
        ctr::Ctr128BE::<aes::Aes256>::new_from_slices(cipher_key, counter).map_err(|_| broken(()))?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    cipher.apply_keystream(&mut plain);
    let padding = plain.last().map_or(0, |last| usize::from(*last));
    if padding == 0 || padding > BLOCK || padding > plain.len() {
        return Err(AnsibleError::Damaged("its padding is wrong"));
    }
    let length = plain.len() - padding;
    plain.truncate(length);
    Ok(plain)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = bytes.as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? << 4 | digit(*low)?);
    rest.is_empty().then(|| pairs.iter().map(byte).collect())?
}

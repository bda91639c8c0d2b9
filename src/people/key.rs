//! Public keys, and the verifying of signatures made with them. The cryptography is `ssh-key`'s.

use crate::model::printable;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::ssh_key::{Algorithm, Error, HashAlg, PublicKey, SshSig};
use std::fmt;
use std::str::FromStr;

/// Shortest RSA key that counts.
const RSA_BITS_MIN: u32 = 2048;

/// A person's public key: ed25519, RSA, ECDSA, or one of their FIDO forms. Equal whatever the comment.
#[derive(Clone)]
pub struct Key {
    key: PublicKey,
    text: String,
    comment: String,
    /// The first digits of its digest: each entry of a ledger is compared with them.
    short: String,
}

/// Why a text is no usable public key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseKeyError {
    /// It is something else.
    #[error(
        "'{0}' is no OpenSSH public key: expected the line of a .pub file, such as 'ssh-ed25519 AAAA… alice@laptop'"
    )]
    NotAKey(String),
    /// It is a private key.
    #[error(
        "this is a private key: it belongs in no file that others read. Give the line of its .pub file, and make a new key pair if the file was shared"
    )]
    Private,
    /// It is a key of a kind that is not used any more, or a certificate.
    #[error("keys of the kind {0} are not accepted: use ssh-ed25519, ecdsa, rsa or their sk- forms")]
    Kind(String),
    /// It is an RSA key that is too short.
    #[error("an RSA key of {0} bits is too short: expected at least 2048")]
    TooShort(u32),
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// It is no armored SSH signature.
    #[error("this is no SSH signature")]
    NotASignature,
    /// It was made with another key.
    #[error("the signature was made with another key")]
    OtherKey,
    /// It was made for another purpose.
    #[error("the signature was made for '{0}'")]
    OtherNamespace(String),
    /// The message is not what was signed.
    #[error("the signature does not fit the content")]
    Wrong,
}

impl Key {
    /// Algorithm and key as in a `.pub` file, without the comment.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What its owner wrote behind the key; often empty.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// The fingerprint as `ssh-keygen -l` prints it, `SHA256:…`.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The first 8 hexadecimal digits of the key's SHA-256: its short name, never its proof.
    pub fn digest8(&self) -> &str {
        &self.short
    }

    /// Whether what is sealed for it can be opened with it: age knows ed25519 and RSA alone, and no device decrypts.
    pub fn opens(&self) -> bool {
        matches!(self.key.algorithm(), Algorithm::Ed25519 | Algorithm::Rsa { .. })
    }

    /// Whether the key lives in a FIDO device, which signs through ssh-agent alone.
    pub fn is_in_device(&self) -> bool {
        matches!(self.key.algorithm(), Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256)
    }

    /// Whether a signature (armored, as `ssh-keygen -Y sign` writes it) over a message was made with this key.
    ///
    /// # Errors
    /// It was not, or was made for another namespace, or is no signature.
    ///
    /// # Source
    /// OpenSSH's PROTOCOL.sshsig. Whether a FIDO device was touched is not asked: keys may be made without.
    pub fn verify(&self, namespace: &str, message: &[u8], signature: &str) -> Result<(), VerifyError> {
        let signature = SshSig::from_pem(signature).map_err(|_| VerifyError::NotASignature)?;
        self.key.verify(namespace, message, &signature).map_err(|error| match error {
            Error::PublicKey => VerifyError::OtherKey,
            Error::Namespace => VerifyError::OtherNamespace(printable(signature.namespace()).into_owned()),
            _ => VerifyError::Wrong,
        })
    }

    /// The key that a signature says it was made with. Proves nothing until [`Key::verify`] agrees.
    ///
    /// # Errors
    /// It is no signature, or its key is of a kind that is not accepted.
    pub fn claimed_by(signature: &str) -> Result<Self, VerifyError> {
        let signature = SshSig::from_pem(signature).map_err(|_| VerifyError::NotASignature)?;
        Self::new(signature.public_key().clone().into()).map_err(|_| VerifyError::NotASignature)
    }

    /// The key itself.
    pub(super) fn data(&self) -> &KeyData {
        self.key.key_data()
    }

    pub(super) fn new(key: PublicKey) -> Result<Self, ParseKeyError> {
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::Ecdsa { .. }
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256 => {}
            Algorithm::Rsa { .. } => {
                let bits = key.key_data().rsa().map_or(0, |rsa| rsa.key_size());
                if bits < RSA_BITS_MIN {
                    return Err(ParseKeyError::TooShort(bits));
                }
            }
            other => return Err(ParseKeyError::Kind(printable(other.as_str()).into_owned())),
        }
        let comment = printable(key.comment().as_ref()).into_owned();
        let bare = PublicKey::new(key.key_data().clone(), "");
        let text = bare.to_openssh().map_err(|error| ParseKeyError::NotAKey(error.to_string()))?;
        let fingerprint = bare.fingerprint(HashAlg::Sha256);
        let short = fingerprint.as_bytes().iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { key: bare, text: text.trim().to_owned(), comment, short })
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") {
            return Err(ParseKeyError::Private);
        }
        if let Some(kind) = text.split_whitespace().next().filter(|kind| kind.contains("-cert-v01@")) {
            return Err(ParseKeyError::Kind(printable(kind).into_owned()));
        }
        if text.contains(['\n', '\r']) {
            return Err(not_a_key(text));
        }
        Self::new(PublicKey::from_openssh(text).map_err(|_| not_a_key(text))?)
    }
}

fn not_a_key(text: &str) -> ParseKeyError {
    ParseKeyError::NotAKey(crate::model::Excerpt { lines_max: 1, columns_max: 60 }.of(text))
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{key, private_key, signer};
    use super::*;
    use crate::model::Signer as _;
    use russh::keys::signature::Signer as _;
    use russh::keys::ssh_key::public::SkEd25519;
    use russh::keys::ssh_key::{LineEnding, Signature};
    use sha2::{Digest as _, Sha256};

    #[test]
    fn a_key_is_the_same_whatever_its_comment() {
        let plain = key(1);
        let commented: Key = format!("  {} alice@laptop\n", plain.text()).parse().unwrap();
        assert_eq!((&commented, commented.comment()), (&plain, "alice@laptop"));
        assert_ne!(plain, key(2));
        assert_eq!(plain.digest8().len(), 8);
        assert!(plain.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn a_signature_counts_for_its_key_its_purpose_and_its_message_alone() {
        let signature = signer(1).sign("ledger@wgops", b"message").unwrap();
        let says = |number, namespace, message: &[u8]| key(number).verify(namespace, message, &signature);
        assert_eq!(says(1, "ledger@wgops", b"message"), Ok(()));
        assert_eq!(says(2, "ledger@wgops", b"message"), Err(VerifyError::OtherKey));
        assert_eq!(
            says(1, "identity@wgops", b"message"),
            Err(VerifyError::OtherNamespace("ledger@wgops".into()))
        );
        assert_eq!(says(1, "ledger@wgops", b"massage"), Err(VerifyError::Wrong));
        assert_eq!(
            key(1).verify("ledger@wgops", b"message", "no signature"),
            Err(VerifyError::NotASignature)
        );
        assert_eq!(Key::claimed_by(&signature).unwrap(), key(1));
    }

    #[test]
    fn any_flipped_bit_of_a_signature_spoils_it() {
        let signature = signer(1).sign("x", b"message").unwrap();
        for at in 0..signature.len() {
            let mut bytes = signature.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            let outcome = key(1).verify("x", b"message", &changed);
            let only_padding = changed.trim_end() == signature.trim_end();
            assert!(outcome.is_err() || only_padding, "{at}: {changed}");
        }
    }

    #[test]
    fn a_security_key_verifies() {
        let KeyData::Ed25519(public) = private_key(8).public_key().key_data().clone() else {
            panic!("no ed25519")
        };
        let device = PublicKey::new(KeyData::SkEd25519(SkEd25519::new(public, "ssh:")), "");
        let key: Key = device.to_openssh().unwrap().parse().unwrap();
        assert!(key.is_in_device());
        let to_sign = SshSig::signed_data("ledger@wgops", HashAlg::Sha512, b"message").unwrap();
        let (touched, counter) = (1u8, 7u32.to_be_bytes());
        let mut signed = Sha256::digest(b"ssh:").to_vec();
        signed.push(touched);
        signed.extend(counter);
        signed.extend(Sha256::digest(&to_sign));
        let mut raw = private_key(8).try_sign(&signed).unwrap().as_bytes().to_vec();
        raw.push(touched);
        raw.extend(counter);
        let signature = Signature::new(Algorithm::SkEd25519, raw).unwrap();
        let signature =
            SshSig::new(device.key_data().clone(), "ledger@wgops", HashAlg::Sha512, signature).unwrap();
        let pem = signature.to_pem(LineEnding::LF).unwrap();
        assert_eq!(key.verify("ledger@wgops", b"message", &pem), Ok(()));
        assert_eq!(key.verify("ledger@wgops", b"massage", &pem), Err(VerifyError::Wrong));
    }
}

//! Digests: what content is called without saying what it holds.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest; written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

/// 32 random bytes that key digests of what must not be guessed from its digest.
#[derive(Clone)]
pub struct Nonce([u8; 32]);

/// The text is no digest of the form `sha256:` and 64 hexadecimal digits.
#[derive(Debug, thiserror::Error)]
#[error("expected 'sha256:' and 64 hexadecimal digits")]
pub struct ParseDigestError;

impl Digest {
    /// Digests bytes.
    pub fn of(bytes: impl AsRef<[u8]>) -> Self {
        Self(Sha256::digest(bytes.as_ref()).into())
    }

    /// Digests bytes under a nonce, so that short content can't be found by trying (HMAC-SHA-256).
    pub fn keyed(nonce: &Nonce, bytes: impl AsRef<[u8]>) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&nonce.0).expect("any key length is valid");
        mac.update(bytes.as_ref());
        Self(mac.finalize().into_bytes().into())
    }

    /// The 64 hexadecimal digits alone, as `sha256sum` prints them.
    pub fn hex(&self) -> String {
        let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
        self.0.iter().flat_map(digits).flatten().collect()
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// A digest of which the bytes are known.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl Nonce {
    /// Makes a nonce from 32 bytes of randomness.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The nonce as 64 hexadecimal digits, for the private part of a record.
    pub fn hex(&self) -> String {
        Digest(self.0).hex()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text);
        if hex.len() != 64 || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseDigestError);
        }
        let mut bytes = [0; 32];
        for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| ParseDigestError)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| ParseDigestError)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_back_what_it_prints() {
        let digest = Digest::of("abc");
        assert_eq!(
            digest.to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        assert!("sha256:12".parse::<Digest>().is_err());
        assert!("sha256:é".repeat(20).parse::<Digest>().is_err());
    }

    #[test]
    fn a_keyed_digest_depends_on_its_nonce() {
        let (a, b) = (Nonce::from_bytes([1; 32]), Nonce::from_bytes([2; 32]));
        assert_ne!(Digest::keyed(&a, "x"), Digest::keyed(&b, "x"));
        assert_ne!(Digest::keyed(&a, "x"), Digest::of("x"));
    }
}

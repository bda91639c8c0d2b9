//! People: names, roles, and the trait by which a signature is made without this room knowing where the key lives.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An operator's name in the roster: lower case letters, digits, `_` and `-`, at most 32.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperatorName(String);

/// Why a text is no operator's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no operator name: expected 1 to 32 lower case letters, digits, '_' or '-', a letter first")]
pub struct ParseOperatorNameError(String);

impl OperatorName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperatorName {
    type Err = ParseOperatorNameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || text.len() > 32 || !text.chars().all(allowed) {
            return Err(ParseOperatorNameError(super::printable(text).into_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for OperatorName {
    type Error = ParseOperatorNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<OperatorName> for String {
    fn from(name: OperatorName) -> Self {
        name.0
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What somebody may do; the roster says who has which.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Operates, and signs the roster.
    Lead,
    /// Changes servers.
    Operator,
    /// Sees what would happen.
    Shadow,
    /// Audits: a key for scheduled runs.
    Auditor,
    /// Was here once.
    Left,
}

/// Why a text is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no role: expected lead, operator, shadow, auditor or left")]
pub struct ParseRoleError(String);

impl Role {
    /// Every role, in the order of what it may do.
    pub const ALL: [Self; 5] = [Self::Lead, Self::Operator, Self::Shadow, Self::Auditor, Self::Left];

    /// The word that the roster uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Operator => "operator",
            Self::Shadow => "shadow",
            Self::Auditor => "auditor",
            Self::Left => "left",
        }
    }
}

impl FromStr for Role {
    type Err = ParseRoleError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| ParseRoleError(super::printable(text).into_owned()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SignError(pub String);

/// Something that signs with one SSH key: a key file, or an agent.
pub trait Signer: Send + Sync {
    /// The public key in OpenSSH's form without comment, `ssh-ed25519 AAAA…`.
    fn public_key(&self) -> &str;

    /// Signs a message as `ssh-keygen -Y sign -n NAMESPACE` does, SHA-512 inside; returns the armored signature.
    ///
    /// # Errors
    /// The key is gone, locked, or its owner declined.
    fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, SignError>;

    /// Signs bytes as they are, without a namespace around them: certificates, which have their own form. Returns SSH's
    /// encoding of the signature.
    ///
    /// # Errors
    /// As [`Signer::sign`], or nobody should sign such a thing with this key.
    fn sign_plainly(&self, _bytes: &[u8]) -> Result<Vec<u8>, SignError> {
        Err(SignError("this key signs no certificates".into()))
    }
}

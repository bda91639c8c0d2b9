//! One change: what people and the record see of it, and by what two are told apart.

use super::Whole;
use crate::model::{Digest, Nonce};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One change, as people and the record see it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeMade {
    /// What it does.
    pub summary: String,
    /// The script's name.
    pub script: String,
    /// Digest of the script's text.
    pub script_digest: String,
    /// Contents before and after, where the user asked to see them.
    pub diff: Option<Compared>,
    /// What exactly goes to the host, by digests; none where nobody may compare it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<Sent>,
    /// The same of a change that holds a secret; never written, for its digest tells whoever guesses it.
    #[serde(skip)]
    pub hidden: Option<Hidden>,
    /// How often it would be done at the most, where that is until it is as wished. Plans have it.
    #[serde(skip)]
    pub attempts: Option<u64>,
    /// Everything that it sends. Plans have it in words.
    #[serde(skip)]
    pub whole: Option<Whole>,
    /// It is hidden because its task says so (`no_log`), and not because a secret is in it.
    #[serde(skip)]
    pub is_unsaid: bool,
    /// Digest of what it wrote, under the nonce of the ledger's entry that has it; none where a secret is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
}

impl ChangeMade {
    /// What makes it this change and no other: its script and what goes with it; none where nobody may compare it.
    pub fn identity(&self) -> Option<Digest> {
        Some(Self::identity_of(&self.script_digest, self.sends.as_ref()?))
    }

    /// The change with what it sends hidden, and its texts put aside. What it sends stays where a secret is in it, for those who may
    /// read that and put their name behind a plan.
    #[must_use]
    pub fn covered(&self, holds_secret: bool) -> Self {
        Self {
            whole: self.whole.clone().filter(|_| holds_secret),
            is_unsaid: !holds_secret,
            summary: "(not shown: it may hold a secret)".into(),
            diff: None,
            sends: None,
            hidden: self.sends.clone().map(Hidden).or_else(|| self.hidden.clone()),
            ..self.clone()
        }
    }

    /// The identity of a change whose script has this digest.
    pub fn identity_of(script_digest: &str, sends: &Sent) -> Digest {
        let content = sends.content.map(|content| content.to_string());
        Digest::of(format!("{script_digest}\n{}\n{content:?}\n{:?}", sends.arguments, sends.user))
    }
}

/// What a change sends that nobody may compare but under a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Sent);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

impl Hidden {
    /// What it sends, by digests that tell nothing to whoever does not have the key.
    pub fn keyed(&self, key: &Nonce) -> Sent {
        self.0.keyed(key)
    }
}

/// What a change sends besides its script, so that two changes can be compared without being shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// Who it runs as; nothing: who logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Digest of its arguments.
    pub arguments: Digest,
    /// Digest of what it reads on stdin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
}

impl Sent {
    /// The same by digests under a key.
    #[must_use]
    pub fn keyed(&self, key: &Nonce) -> Self {
        let keyed = |part: &str, digest: Digest| Digest::keyed(key, format!("{part} {digest}"));
        Self {
            user: self.user.clone(),
            arguments: keyed("arguments", self.arguments),
            content: self.content.map(|content| keyed("content", content)),
        }
    }
}

/// Contents before and after a change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Compared {
    /// What is compared.
    pub header: String,
    /// Before.
    pub before: String,
    /// After.
    pub after: String,
}

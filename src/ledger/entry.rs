//! What an entry holds: a public part, which is signed, and with it the digest of the private part.

use super::private::{Counts, Details};
use crate::model::{Digest, OperatorName, Role, RunId};
use crate::people::{ChainName, Person, Roster, Verb};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The public part of an entry; the fields stand in the order in which they are written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Version of the format.
    pub version: u32,
    /// The group that it was written in: the digest of its roster's first version. With one key, people are in several.
    pub group: Digest,
    /// The chain that it belongs to.
    pub chain: ChainName,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// Digest of the entry before; none for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Heads of the other chains that the writer had.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<ChainName, Head>,
    /// Version of the roster in force.
    pub roster: u64,
    /// When it was written, to the second: information, never authority.
    pub time: Timestamp,
    /// What it is about.
    pub kind: Kind,
    /// The run it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// What was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verb: Option<Verb>,
    /// How many hosts it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<u64>,
    /// Hosts that were changed (in a dry run: would be).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// Hosts on which something failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// Hosts that could not be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreachable: Option<u64>,
    /// Hosts of which nobody knows how the last change ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<u64>,
    /// The version of the roster that its writer signs with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signs: Option<SignedRoster>,
    /// Digest of the private part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<Digest>,
}

/// A version of the roster as the public may see it: who is in which role, with which keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRoster {
    /// Its version.
    pub version: u64,
    /// Digest of its file.
    pub digest: Digest,
    /// Digest of the file of the version before; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Digests of files that were signed at the same time as the one before, in whose place it stands, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settles: Vec<Digest>,
    /// How many leads must sign the next version.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub signatures: u32,
    /// Everybody in it.
    pub people: IndexMap<OperatorName, SignedPerson>,
    /// Chains that nobody may extend any more, and their last entries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<ChainName, Head>,
}

fn one() -> u32 {
    1
}

fn is_one(number: &u32) -> bool {
    *number == 1
}

/// A person of a [`SignedRoster`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedPerson {
    /// The role.
    pub role: Role,
    /// The keys, without comments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

impl SignedRoster {
    /// What the public may see of a roster.
    pub fn of(roster: &Roster) -> Self {
        let person = |person: &Person| SignedPerson {
            role: person.role,
            keys: person.keys.iter().map(|key| key.text().to_owned()).collect(),
        };
        Self {
            version: roster.version,
            digest: roster.digest,
            previous: roster.previous,
            settles: roster.settles.clone(),
            signatures: roster.threshold.roster,
            sealed: roster
                .sealed
                .iter()
                .map(|(chain, seal)| (chain.clone(), Head { seq: seal.last, digest: seal.digest }))
                .collect(),
            people: roster.people.values().map(|one| (one.name.clone(), person(one))).collect(),
        }
    }
}

/// Where a chain ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The last entry.
    pub seq: u64,
    /// The digest of its public bytes.
    pub digest: Digest,
}

/// What an entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A lead signs a roster.
    Roster,
    /// A run is about to change something.
    Intent,
    /// A run has ended.
    Outcome,
    /// A dry run.
    Shadow,
    /// An audit.
    Audit,
    /// A plan was made.
    Plan,
    /// A plan was approved.
    Approval,
    /// A value was sealed.
    Vault,
    /// Secrets were opened.
    Read,
    /// Somebody takes a task or a host upon themselves.
    Claim,
    /// Somebody hands it over.
    Handoff,
    /// A remark.
    Note,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 12] = [
        Self::Roster,
        Self::Intent,
        Self::Outcome,
        Self::Shadow,
        Self::Audit,
        Self::Plan,
        Self::Approval,
        Self::Vault,
        Self::Read,
        Self::Claim,
        Self::Handoff,
        Self::Note,
    ];

    /// The word that entries use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Roster => "roster",
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Shadow => "shadow",
            Self::Audit => "audit",
            Self::Plan => "plan",
            Self::Approval => "approval",
            Self::Vault => "vault",
            Self::Read => "read",
            Self::Claim => "claim",
            Self::Handoff => "handoff",
            Self::Note => "note",
        }
    }

    /// Whether somebody in a role may sign an entry of this kind. Who rises may still sign what they could before, so
    /// that their older entries stay valid.
    pub fn may_be_signed_by(self, role: Role) -> bool {
        match self {
            Self::Roster => role == Role::Lead,
            Self::Intent
            | Self::Outcome
            | Self::Approval
            | Self::Vault
            | Self::Read
            | Self::Claim
            | Self::Handoff => {
                matches!(role, Role::Lead | Role::Operator)
            }
            Self::Shadow | Self::Plan | Self::Note => {
                matches!(role, Role::Lead | Role::Operator | Role::Shadow)
            }
            Self::Audit => role != Role::Left,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What is to be recorded.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// What it is about.
    pub kind: Kind,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// What was typed.
    pub verb: Option<Verb>,
    /// What the public may count.
    pub counts: Counts,
    /// What only the working group may read.
    pub details: Details,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    /// The example of the module's documentation.
    fn documented() -> String {
        let doc = include_str!("mod.rs");
        let lines = doc.lines().filter_map(|line| line.strip_prefix("//!"));
        lines
            .skip_while(|line| line.trim() != "```json")
            .skip(1)
            .take_while(|line| line.trim() != "```")
            .collect()
    }

    #[test]
    fn the_documented_entry_is_one() {
        let entry: Public = serde_json::from_str(&documented()).unwrap();
        assert_eq!((entry.version, entry.seq, entry.kind, entry.changed), (1, 12, Kind::Outcome, Some(2)));
        let again: Value = serde_json::to_value(&entry).unwrap();
        assert_eq!(again, serde_json::from_str::<Value>(&documented()).unwrap());
    }

    #[test]
    fn an_unknown_missing_or_doubled_field_makes_it_none() {
        let entry = documented();
        let spoilt = [
            entry.replace("\"failed\":0", "\"faild\":0"),
            entry.replace("\"roster\":17,", ""),
            entry.replace("\"group\":\"sha256:", "\"grupp\":\"sha256:"),
            entry.replace("\"seq\":12,", "\"seq\":12,\"seq\":13,"),
            entry.replace("outcome", "income"),
            entry.replace("\"seq\":4,", "\"seq\":4,\"of\":5,"),
        ];
        for text in spoilt {
            assert!(serde_json::from_str::<Public>(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn kinds_are_written_as_they_are_named() {
        for kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn who_may_sign_what_grows_with_the_role() {
        let kinds =
            |role| Kind::ALL.into_iter().filter(move |kind| kind.may_be_signed_by(role)).collect::<Vec<_>>();
        assert_eq!(kinds(Role::Left), []);
        assert_eq!(kinds(Role::Auditor), [Kind::Audit]);
        assert_eq!(kinds(Role::Shadow), [Kind::Shadow, Kind::Audit, Kind::Plan, Kind::Note]);
        assert_eq!(kinds(Role::Operator).len(), 11);
        assert_eq!(kinds(Role::Lead), Kind::ALL);
    }
}

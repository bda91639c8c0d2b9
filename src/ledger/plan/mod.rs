//! Saved plans: what somebody wants to be done, host by host, as a claim that whoever applies it checks against what their
//! own wgops finds. Nothing in a plan is ever carried out as it stands there.
//!
//! # Format
//!
//! One JSON document of version 1, and beside it (`.sig`) its maker's SSH signature over exactly its bytes, in the namespace
//! `plan@wgops`. An unknown field makes it none. What is sent is bound by digests; `says` has the same in lines for whoever puts
//! their name behind it, but for changes that hold secrets.
//!
//! ```json
//! {"version":1,"kind":"wgops-plan","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV",
//!  "group":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","maker":"sam",
//!  "created":"2026-11-25T10:00:00Z","expires":"2026-12-02T10:00:00Z","verb":"patch",
//!  "typed":{"inventory":"prod","variables":{"patch_security":true}},
//!  "hosts":{"web1":{"key":"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
//!   "packages":[{"name":"libfoo","from":"1.0","to":"1.1"}],
//!   "changes":[{"task":"Install updates","module":"apply_updates","summary":"Upgrade 1 package: libfoo 1.0 → 1.1",
//!    "script":"apt_transaction",
//!    "script_digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
//!    "sends":{"user":"root",
//!     "arguments":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
//!    "says":["as root","with libfoo=1.1"]}],
//!   "asks":[{"task":"Ask","module":"uri","script":"fetch_url","words":"GET https://example.org/",
//!    "question":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],
//!   "after":[{"task":"Reboot","module":"reboot","behind":1}]}}}
//! ```
//!
//! `after` names what only the real run knows and what follows from the changes: restarts and reboots, `behind` so many of the
//! changes. `attempts` is how often a command is run at the most that is done until it is as wished.
//! `asks` is what a host asks other machines to find out what there is to do: nothing else of the kind is asked. `unknown` says what
//! the maker could not find out; a host that has it can't be applied.

mod compare;
mod gather;

pub use compare::{differences, in_full};
pub use gather::{BOOKKEEPING, Gather, Weight};

use super::{Commit, Kind, Record, Report, Source, Typed};
use crate::event::{ChangeMade, Sent};
use crate::model::{Digest, HostName, OperatorName, RunId, Value, printable};
use crate::people::{Key, PLAN_NAMESPACE, Roster, Verb};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the plans that are written.
const VERSION: u32 = 1;
/// Longest plan that is read.
pub const PLAN_BYTES_MAX: u64 = 16 << 20;

/// A plan.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    version: u32,
    kind: PlanKind,
    /// The run that it was made by.
    pub id: RunId,
    /// The group in which it was made: the digest of its roster's first version. Nobody's, where there was no roster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Digest>,
    /// Who made it; nobody whom the roster knows, where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maker: Option<OperatorName>,
    /// When it was made.
    pub created: Timestamp,
    /// When it can no longer be applied.
    pub expires: Timestamp,
    /// What is planned: `patch` or `run`.
    pub verb: Verb,
    /// What was typed.
    pub typed: Typed,
    /// The inventory's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Source>,
    /// The ops repository's commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// What opens the digests of changes that hold secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SealedKey>,
    /// What is planned on each host.
    pub hosts: IndexMap<HostName, HostPlan>,
}

/// What makes a document a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum PlanKind {
    #[serde(rename = "wgops-plan")]
    Plan,
}

/// What changes send that hold secrets, in lines for people: by host, for each such change in their order.
pub type SealedWords = BTreeMap<HostName, Vec<Vec<String>>>;

/// What keys the digests of changes that hold secrets: a short secret would be found by trying.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedKey {
    /// 32 bytes and behind them what these changes send, sealed by age for whoever may read the values, in Base64.
    pub key: String,
    /// Which sealed values were opened, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// What is planned on one host.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostPlan {
    /// Fingerprint of the host key that it showed; none for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Packages, in exact versions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<PlannedPackage>,
    /// Changes, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<PlannedChange>,
    /// What the host asks other machines, or may, to find that out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<PlannedQuestion>,
    /// What follows from them and only the real run knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<PlannedTask>,
    /// What could not be found out: with it a host can't be applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A package that changes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPackage {
    /// Its name.
    pub name: String,
    /// The version that is installed; none: it is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The version that it gets; none: it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A change.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedChange {
    /// The task that makes it.
    pub task: String,
    /// The task's module.
    pub module: String,
    /// What it does, for people.
    pub summary: String,
    /// The script's name.
    pub script: String,
    /// Digest of the script's text.
    pub script_digest: Digest,
    /// What goes with the script, by digests.
    pub sends: Sent,
    /// It holds a secret: the digests are under the plan's key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keyed: bool,
    /// How often it is done at the most, where that is until it is as wished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u64>,
    /// All that it sends, in lines for people; nothing where a secret is in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub says: Vec<String>,
    /// The same where a secret is in it: that stands under the plan's seal, and nowhere in the open.
    #[serde(skip)]
    pub says_sealed: Vec<String>,
}

/// A question that a host puts to another machine.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedQuestion {
    /// The task that wants to know.
    pub task: String,
    /// The task's module.
    pub module: String,
    /// The script's name.
    pub script: String,
    /// Its words, for people.
    pub words: String,
    /// What makes it this question and no other.
    pub question: Digest,
}

/// A task that may do something.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedTask {
    /// Its name.
    pub task: String,
    /// Its module.
    pub module: String,
    /// How many changes stand before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub behind: usize,
}

/// A number that says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Why a plan can't be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is no plan.
    #[error("this is no plan: {0}")]
    NoPlan(String),
    /// It was written by a wgops to come.
    #[error("the plan has version {0} of the format, which this wgops does not know: update it")]
    Version(u64),
    /// A text in it is not for a terminal.
    #[error("the plan has control characters in '{0}'")]
    ControlCharacters(String),
    /// Nobody signed it.
    #[error("the plan is not signed by anybody in the roster: plans of strangers can't be applied")]
    Unsigned,
    /// Its signature does not count.
    #[error("the plan says that {maker} made it, but {reason}")]
    Signature {
        /// Who it says made it.
        maker: OperatorName,
        /// What is wrong with the signature.
        reason: String,
    },
    /// It was made in another group, or in none.
    #[error(
        "the plan was made in another group than this one, so it says nothing about what is wanted here: make a plan in this ops repository"
    )]
    OtherGroup,
    /// It is too old.
    #[error("the plan expired at {0}")]
    Expired(Timestamp),
    /// It was applied before.
    #[error("the plan is spent: {by} applied it in run {run}")]
    Spent {
        /// Who applied it.
        by: OperatorName,
        /// In which run.
        run: RunId,
    },
}

impl Plan {
    /// A plan without hosts.
    pub fn new(
        id: RunId,
        maker: Option<OperatorName>,
        verb: Verb,
        typed: Typed,
        times: [Timestamp; 2],
    ) -> Self {
        let [created, expires] = times.map(whole_seconds);
        let (group, inventory, commit, secrets, hosts) = (None, None, None, None, IndexMap::new());
        let (version, kind) = (VERSION, PlanKind::Plan);
        Self {
            version,
            kind,
            id,
            group,
            maker,
            created,
            expires,
            verb,
            typed,
            inventory,
            commit,
            secrets,
            hosts,
        }
    }

    /// The plan as it is signed and written.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn bytes(&self) -> Result<Vec<u8>, PlanError> {
        let mut bytes =
            serde_json::to_vec_pretty(self).map_err(|error| PlanError::NoPlan(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether a change in it holds a secret.
    pub fn holds_secrets(&self) -> bool {
        self.hosts.values().any(|host| host.changes.iter().any(|change| change.keyed))
    }

    /// What its changes that hold secrets send.
    pub fn sealed_words(&self) -> SealedWords {
        let of = |host: &HostPlan| {
            host.changes.iter().filter(|change| change.keyed).map(|c| c.says_sealed.clone()).collect()
        };
        self.hosts.iter().map(|(host, planned)| (host.clone(), of(planned))).collect()
    }

    /// Puts it where it belongs once it was opened.
    pub fn open_words(&mut self, words: SealedWords) {
        for (host, said) in words {
            let changes = self.hosts.get_mut(&host).into_iter().flat_map(|planned| &mut planned.changes);
            changes
                .filter(|change| change.keyed)
                .zip(said)
                .for_each(|(change, said)| change.says_sealed = said);
        }
    }

    /// Takes out changes that hold secrets; their hosts can't be applied, and this is why.
    pub fn without_secrets(&mut self, why: &str) {
        for host in self.hosts.values_mut() {
            let (keyed, others) =
                std::mem::take(&mut host.changes).into_iter().partition(|change| change.keyed);
            host.changes = others;
            let keyed: Vec<PlannedChange> = keyed;
            host.unknown.extend(keyed.iter().map(|change| format!("{} holds a secret: {why}", change.task)));
        }
    }

    /// Reads a plan, from whomever it comes.
    ///
    /// # Errors
    /// It is none, comes from a later wgops, or has texts that are not for a terminal.
    pub fn parse(bytes: &[u8]) -> Result<Self, PlanError> {
        let no_plan =
            |error: serde_json::Error| PlanError::NoPlan(printable(&error.to_string()).into_owned());
        let value: Value = serde_json::from_slice(bytes).map_err(no_plan)?;
        if let Some(version) =
            value.get("version").and_then(Value::as_u64).filter(|v| *v != u64::from(VERSION))
        {
            return Err(PlanError::Version(version));
        }
        if let Some(text) = unprintable(&value) {
            return Err(PlanError::ControlCharacters(text.chars().take(80).collect()));
        }
        // From the bytes again, so that a doubled field is one.
        serde_json::from_slice(bytes).map_err(no_plan)
    }

    /// Who made this plan, proven by its signature over the bytes that it was read from.
    ///
    /// # Errors
    /// Nobody signed it, not who it says, or in another group.
    pub fn proven_maker(
        &self,
        bytes: &[u8],
        signature: Option<&str>,
        roster: &Roster,
    ) -> Result<OperatorName, PlanError> {
        let (Some(maker), Some(signature)) = (&self.maker, signature) else {
            return Err(PlanError::Unsigned);
        };
        let wrong = |reason: String| PlanError::Signature { maker: maker.clone(), reason };
        let key = Key::claimed_by(signature).map_err(|error| wrong(error.to_string()))?;
        match roster.owner(&key) {
            Some(person) if person.name == *maker => {}
            Some(person) => return Err(wrong(format!("{} signed it", person.name))),
            None => return Err(wrong("the key that signed it is not in the roster".into())),
        }
        key.verify(PLAN_NAMESPACE, bytes, signature).map_err(|error| wrong(error.to_string()))?;
        match (self.group, roster.origin) {
            (Some(said), Some(here)) if said == here => Ok(maker.clone()),
            _ => Err(PlanError::OtherGroup),
        }
    }
}

impl PlannedChange {
    /// What makes it this change and no other.
    pub fn identity(&self) -> Digest {
        ChangeMade::identity_of(&self.script_digest.to_string(), &self.sends)
    }
}

impl HostPlan {
    /// Whether there is nothing to do on the host.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty() && self.changes.is_empty()
    }
}

fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The first text, or key, that holds what a terminal must not get.
fn unprintable(value: &Value) -> Option<String> {
    let checked = |text: &str| {
        let shown = printable(text);
        (shown != text || text.contains(['\n', '\t'])).then(|| shown.replace(['\n', '\t'], " "))
    };
    match value {
        Value::String(text) => checked(text),
        Value::Array(items) => items.iter().find_map(unprintable),
        Value::Object(map) => map.iter().find_map(|(key, value)| checked(key).or_else(|| unprintable(value))),
        _ => None,
    }
}

impl Record {
    /// Who applied the plan of this digest, and in which run, by entries that hold.
    pub fn spent(&self, plan: Digest, report: &Report) -> Option<(OperatorName, RunId)> {
        let mut hold = self.entries().filter(|(_, entry)| report.breaks_of(&entry.file).next().is_none());
        hold.find_map(|(chain, entry)| {
            let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Intent)?;
            let details = &entry.private.content()?.details;
            details.plan.as_ref().filter(|known| known.digest == plan)?;
            Some((chain.operator().clone(), public.run?))
        })
    }

    /// Who approved the plan of this digest, by entries that are signed with a key that the roster vouches for, and hold.
    pub fn approvals(&self, plan: Digest, roster: &Roster, report: &Report) -> Vec<OperatorName> {
        let mut approvals = self.vouched(roster, Kind::Approval);
        approvals.retain(|approval| {
            let known = approval.details.plan.as_ref();
            known.is_some_and(|known| known.digest == plan)
                && report.breaks_of(&approval.entry.file).next().is_none()
        });
        approvals.iter().map(|approval| approval.chain.operator().clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Signer as _;
    use crate::people::testing::{roster, signer};

    /// The example of the module's documentation.
    pub(super) fn documented() -> Plan {
        let lines = include_str!("mod.rs").lines().filter_map(|line| line.strip_prefix("//!"));
        let text: String = lines
            .skip_while(|line| line.trim() != "```json")
            .skip(1)
            .take_while(|line| line.trim() != "```")
            .collect();
        Plan::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_documented_plan_is_one_and_reads_back() {
        let plan = documented();
        assert_eq!((plan.verb, plan.hosts.len(), plan.hosts[0].changes.len()), (Verb::Patch, 1, 1));
        assert_eq!(Plan::parse(&plan.bytes().unwrap()).unwrap(), plan);
    }

    #[test]
    fn what_is_no_plan_is_refused_with_a_reason() {
        let text = String::from_utf8(documented().bytes().unwrap()).unwrap();
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (bytes, why) in [
            ("{}".to_owned(), "missing field"),
            (text.replace("\"version\": 1", "\"version\": 2"), "version 2"),
            (text.replace("wgops-plan", "wgops-audit"), "wgops-audit"),
            (text.replace("\"maker\"", "\"mkaer\""), "mkaer"),
            (text.replace("\"id\"", "\"id\": \"01ARZ3NDEKTSV4RRFFQ69G5FAV\", \"id\""), "duplicate field"),
            (text.replace("web1", "web 1; rm -rf /"), "no plan"),
            (text.replace("Install updates", "\\u001b[2J"), "control characters"),
            (text.replace("\"to\": \"1.1\"", "\"to\": [1]"), "no plan"),
            (deep, "no plan"),
        ] {
            let error = Plan::parse(bytes.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{why}: {error}");
            assert_eq!(printable(&error), error);
        }
    }

    #[test]
    fn a_plan_is_its_makers_only_by_a_signature_over_all_of_it() {
        let plan = Plan { group: roster().origin, ..documented() };
        let bytes = plan.bytes().unwrap();
        let signed = |number, namespace| signer(number).sign(namespace, &bytes).unwrap();
        let sam = signed(3, PLAN_NAMESPACE);
        assert_eq!(plan.proven_maker(&bytes, Some(&sam), &roster()).unwrap().as_str(), "sam");
        let doctored = String::from_utf8(bytes.clone()).unwrap().replace("libfoo", "libbar");
        let why = |bytes: &[u8], signature: &str| {
            plan.proven_maker(bytes, Some(signature), &roster()).unwrap_err().to_string()
        };
        assert!(why(doctored.as_bytes(), &sam).contains("does not fit"));
        assert!(why(&bytes, &signed(1, PLAN_NAMESPACE)).contains("alice signed it"));
        assert!(why(&bytes, &signed(9, PLAN_NAMESPACE)).contains("not in the roster"));
        assert!(why(&bytes, &signed(3, "ledger@wgops")).contains("ledger@wgops"));
        for group in [documented().group, None] {
            let plan = Plan { group, ..plan.clone() };
            let bytes = plan.bytes().unwrap();
            let by_sam = signer(3).sign(PLAN_NAMESPACE, &bytes).unwrap();
            let made = plan.proven_maker(&bytes, Some(&by_sam), &roster());
            assert!(matches!(made, Err(PlanError::OtherGroup)), "with a key that is in both");
        }
        assert!(why(&bytes, "nonsense").contains("no SSH signature"));
        assert!(matches!(plan.proven_maker(&bytes, None, &roster()), Err(PlanError::Unsigned)));
    }
}

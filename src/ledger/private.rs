//! The private part of an entry: who did what to which hosts, and how each fared.

use super::{PlanRef, Point, Stretch, Typed};
use crate::model::{Digest, HostName, Map, Nonce, OperatorName, Role, Value};
use indexmap::IndexMap;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// As it is on disk.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Private {
    /// 64 hexadecimal digits of randomness: without them, nobody could hide few possible contents behind a digest.
    pub nonce: String,
    /// Who wrote it.
    pub operator: OperatorName,
    /// In which role.
    pub role: Role,
    /// Everything else.
    #[serde(flatten)]
    pub details: Details,
}

impl Private {
    /// Details under the hand of an operator.
    pub fn new(nonce: &Nonce, operator: OperatorName, role: Role, details: Details) -> Self {
        Self { nonce: nonce.hex(), operator, role, details }
    }

    /// Reads one. What is flattened would be read into values first, which of a long ledger takes longer than all else.
    ///
    /// # Errors
    /// It is none.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct By {
            nonce: String,
            operator: OperatorName,
            role: Role,
        }
        let By { nonce, operator, role } = serde_json::from_slice(bytes)?;
        Ok(Self { nonce, operator, role, details: serde_json::from_slice(bytes)? })
    }
}

/// What only the working group may read.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// `--reason`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// `--ticket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Why a dry run was one, the text of a note: one sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// The hosts it is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostName>,
    /// The playbook that ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playbook: Option<Source>,
    /// The inventory that named the hosts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Source>,
    /// The ops repository's commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<Commit>,
    /// What was typed after the program's name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// `--break-glass`: why windows, freezes and claims were overridden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<String>,
    /// When a claim on `hosts` ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What a claim is for, or what whoever takes over should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Hosts whose claims end here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub released: Vec<HostName>,
    /// What it takes to pick the run up again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub typed: Option<Typed>,
    /// What was shown and confirmed, as variables that bind the run to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved: Option<Map>,
    /// The intent that this intent picks up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumes: Option<Digest>,
    /// What was no longer as the run or plan at hand had it, and was allowed to differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differs: Vec<String>,
    /// The plan that is made, or carried out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanRef>,
    /// The whole file of the roster that is signed, to the byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roster_file: Option<String>,
    /// To whom a run is handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<OperatorName>,
    /// Values that were sealed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<SealedValue>,
    /// Sealed values that were opened, as `FILE NAME`; never what they hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<String>,
    /// Uses of emergency keys that a comparison with the hosts' logs found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub emergency: Vec<String>,
    /// What a comparison with the hosts' logs found that nobody explains yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Point>,
    /// What a comparison saw of hosts' logs, from when until when.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub compared: IndexMap<HostName, Stretch>,
    /// Such things for which the note answers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Point>,
    /// How each host fared.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub results: IndexMap<HostName, HostResult>,
    /// What happened that is about no single host, in the engine's words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Value>,
}

/// A value that was sealed, as the ledger knows it: never what it holds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SealedValue {
    /// Its file in the ops repository.
    pub file: String,
    /// Its name in there; none where the whole file is sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Digest of the sealed text.
    pub digest: Digest,
    /// How often it was sealed.
    pub generation: u64,
    /// Why it was sealed.
    pub act: SealAct,
    /// For whom.
    pub readers: Vec<OperatorName>,
    /// Digest of the public keys for which it was sealed, in order: tells whether somebody's key is another one today.
    pub keys: Digest,
}

/// Why a value was sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealAct {
    /// It holds something new.
    Set,
    /// It holds what it held, for other readers.
    Rekeyed,
    /// It was sealed outside, and is taken over.
    Adopted,
    /// It is gone from its file, and what it held was changed where it was used.
    Retired,
}

/// A file that a run was made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Source {
    /// Its path in the ops repository, or what stands in for one ("built in").
    pub path: String,
    /// Digest of its bytes.
    pub digest: Digest,
}

/// A commit of the ops repository.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commit {
    /// Its name in git.
    pub id: String,
    /// Whether files differed from it.
    pub dirty: bool,
}

/// How one host fared.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HostResult {
    /// How it ended.
    pub outcome: HostOutcome,
    /// Every change and failure, in the engine's words; contents as keyed digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Value>,
    /// How long the host took from its first step to its last, in seconds; what a time budget learns from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// How a run ended on one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostOutcome {
    /// It was as asked already.
    Ok,
    /// It was changed (in a dry run: would be).
    Changed,
    /// Something failed on it.
    Failed,
    /// It could not be reached.
    Unreachable,
    /// The link was lost or dropped during a change: nobody knows how it ended.
    Unknown,
    /// It was stopped before its end: somebody interrupted, or another host's failure stopped all. What was done on it is done.
    Interrupted,
    /// Nothing was begun on it.
    Skipped,
}

/// How many hosts fared how; what is not known is not written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Hosts it is about.
    pub hosts: Option<u64>,
    /// Hosts that were changed (in a dry run: would be).
    pub changed: Option<u64>,
    /// Hosts on which something failed.
    pub failed: Option<u64>,
    /// Hosts that could not be reached.
    pub unreachable: Option<u64>,
    /// Hosts of which nobody knows how the last change ended.
    pub unknown: Option<u64>,
}

impl Counts {
    /// Counts the results of a run.
    pub fn of<'a>(results: impl IntoIterator<Item = &'a HostResult>) -> Self {
        // What was done before a host was stopped is done.
        let fared = |result: &HostResult| match result.outcome {
            HostOutcome::Interrupted if !result.records.is_empty() => HostOutcome::Changed,
            other => other,
        };
        let outcomes: Vec<HostOutcome> = results.into_iter().map(fared).collect();
        let count = |wanted| Some(outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64);
        Self {
            hosts: Some(outcomes.len() as u64),
            changed: count(HostOutcome::Changed),
            failed: count(HostOutcome::Failed),
            unreachable: count(HostOutcome::Unreachable),
            unknown: count(HostOutcome::Unknown),
        }
    }
}

impl Details {
    /// The same with every free text passed through a scrubber: the second net under secrets, which should never have
    /// come this far. Names of hosts, digests and the commit are no free text.
    pub(super) fn scrubbed(&self, scrub: &dyn Fn(&str) -> Cow<'_, str>) -> Self {
        let text = |text: &String| scrub(text).into_owned();
        let source = |source: &Source| Source { path: text(&source.path), ..source.clone() };
        let values = |list: &[Value]| list.iter().map(|value| scrubbed_value(value, scrub)).collect();
        let result = |result: &HostResult| HostResult { records: values(&result.records), ..result.clone() };
        Self {
            reason: self.reason.as_ref().map(text),
            ticket: self.ticket.as_ref().map(text),
            remark: self.remark.as_ref().map(text),
            hosts: self.hosts.clone(),
            playbook: self.playbook.as_ref().map(source),
            inventory: self.inventory.as_ref().map(source),
            commit: self.commit.clone(),
            arguments: self.arguments.iter().map(text).collect(),
            break_glass: self.break_glass.as_ref().map(text),
            until: self.until,
            note: self.note.as_ref().map(text),
            released: self.released.clone(),
            typed: self.typed.as_ref().map(|typed| typed.scrubbed(scrub)),
            approved: self.approved.as_ref().map(|approved| scrubbed_map(approved, scrub)),
            resumes: self.resumes,
            differs: self.differs.iter().map(text).collect(),
            plan: self.plan.clone(),
            // Signed to the byte, and no place for secrets.
            roster_file: self.roster_file.clone(),
            to: self.to.clone(),
            sealed: self.sealed.clone(),
            opened: self.opened.iter().map(text).collect(),
            emergency: self.emergency.iter().map(text).collect(),
            // What an answer is compared with: a scrubbed one would answer nothing.
            found: self.found.clone(),
            compared: self.compared.clone(),
            answers: self.answers.clone(),
            results: self.results.iter().map(|(host, fared)| (host.clone(), result(fared))).collect(),
            events: values(&self.events),
        }
    }
}

pub(super) fn scrubbed_map(map: &Map, scrub: &dyn Fn(&str) -> Cow<'_, str>) -> Map {
    map.iter().map(|(key, value)| (scrub(key).into_owned(), scrubbed_value(value, scrub))).collect()
}

fn scrubbed_value(value: &Value, scrub: &dyn Fn(&str) -> Cow<'_, str>) -> Value {
    match value {
        Value::String(text) => Value::String(scrub(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(|item| scrubbed_value(item, scrub)).collect()),
        Value::Object(map) => Value::Object(scrubbed_map(map, scrub)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_counted_by_how_they_fared() {
        use HostOutcome::{Changed, Failed, Ok, Skipped, Unknown, Unreachable};
        let results = [Ok, Changed, Changed, Failed, Unreachable, Unknown, Skipped];
        let results = results.map(|outcome| HostResult { outcome, records: Vec::new(), seconds: None });
        let counts = Counts::of(&results);
        assert_eq!((counts.hosts, counts.changed, counts.failed), (Some(7), Some(2), Some(1)));
        assert_eq!((counts.unreachable, counts.unknown), (Some(1), Some(1)));
    }
}

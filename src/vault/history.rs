//! What the ledger says of each sealed value: every seal that counts, and which is the newest.
//!
//! A seal counts if its entry holds, and whoever signed it could read the value: the file's rule names them, or an earlier
//! seal that counts was for them. Of two seals neither of which had seen the other nobody can say which is the newer one.

use super::readers::{may_seal, recipients};
use crate::ledger::{History as Rosters, Kind, Record, Report, SealAct, SealedValue, Vouched};
use crate::model::{Digest, OperatorName, Role};
use crate::people::Roster;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A value by file and name; no name stands for the whole file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Subject {
    /// The file, seen from the root of the repository.
    pub file: String,
    /// Its name in there.
    pub name: Option<String>,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// One seal of a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seal {
    /// By whom.
    pub by: OperatorName,
    /// When they say it was.
    pub time: Timestamp,
    /// What the entry says.
    pub value: SealedValue,
    /// Whether a later seal had seen this one.
    pub superseded: bool,
    /// Whether somebody who had seen this one set another value.
    pub replaced: bool,
    /// Who had seen this one and said that the value is no more.
    pub retired_by: Vec<OperatorName>,
    /// Readers of whom a key that it was sealed for is gone since: whoever has that key reads it.
    pub lost: Vec<OperatorName>,
}

/// What a sealed text in a file is, compared with the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State<'a> {
    /// The newest seal of this value.
    Newest(&'a Seal),
    /// One of several that were made in parallel.
    Parallel(&'a Seal),
    /// A seal that was followed by another.
    Older(&'a Seal, &'a Seal),
    /// The ledger has seals of this value, and this is none of them.
    Foreign(&'a Seal),
    /// The ledger knows nothing of this value.
    Unknown,
}

/// Whether a seal was its writer's to make who is not among a file's readers any more: the roster that it names has them, and
/// whoever took them off its rule had seen it.
fn could_seal(entry: &Vouched<'_>, file: &str, versions: &[Roster], rosters: &Rosters) -> bool {
    let by = entry.chain.operator();
    let since = versions.iter().filter(|version| version.version >= entry.public.roster);
    entry.sealed
        || since.filter(|version| !may_seal(version, file, by)).all(|version| {
            version.version > entry.public.roster
                && rosters.seen_by_signers(version.version, entry.chain) >= entry.entry.seq
        })
}

/// Whether something was sealed for a key of somebody who is still here, and has that key no more.
fn lost_a_key(then: &Roster, now: &Roster, name: &OperatorName) -> bool {
    let of = |roster: &Roster| roster.person(name).map(|person| recipients(person).unwrap_or_default());
    match (of(then), of(now)) {
        (Some(then), Some(now)) => then.iter().any(|key| !now.contains(key)),
        _ => false,
    }
}

fn is_lead(roster: &Roster, name: &OperatorName) -> bool {
    roster.person(name).is_some_and(|person| person.role == Role::Lead)
}

/// What whoever has read one of them may know still: the seals in whose place nobody set another value who had seen them. None where
/// the value was said to be no more, by somebody else than who could read it, and nobody sealed it again since or without knowing that.
fn current<'a>(seals: &'a [Seal], name: Option<&OperatorName>) -> Vec<&'a Seal> {
    let is_gone = |seal: &&Seal| seal.retired_by.iter().any(|by| Some(by) != name);
    let all: Vec<&Seal> = seals.iter().filter(|seal| seal.value.act != SealAct::Retired).collect();
    match all.iter().all(is_gone) {
        true => Vec::new(),
        false => all.into_iter().filter(|seal| !seal.replaced).collect(),
    }
}

/// The seals of all values.
#[derive(Default)]
pub struct History(BTreeMap<Subject, Vec<Seal>>);

impl History {
    /// Reads it out of the ledger, as the roster in force vouches for it. `rosters` are the versions that lead to it, and
    /// `report` is what verifying found: what does not hold was sealed by nobody.
    pub fn read(record: &Record, roster: &Roster, rosters: &Rosters, report: &Report) -> Self {
        let mut entries = record.vouched(roster, Kind::Vault);
        let broken = report.broken();
        entries.retain(|entry| !broken.contains(entry.entry.file.as_path()));
        let versions = record.versions(roster);
        // Whoever had seen more comes later; the order of what is parallel means nothing.
        let weights: Vec<usize> =
            entries.iter().map(|entry| entries.iter().filter(|other| entry.follows(other)).count()).collect();
        let mut order: Vec<usize> = (0..entries.len()).collect();
        order.sort_by_key(|at| weights.get(*at).copied().unwrap_or_default());
        entries = order.iter().filter_map(|at| entries.get(*at).copied()).collect();
        let mut counted: BTreeMap<Subject, Vec<(Vouched<'_>, Seal)>> = BTreeMap::new();
        for entry in entries {
            for value in &entry.details.sealed {
                let subject = Subject { file: value.file.clone(), name: value.name.clone() };
                let before = counted.entry(subject).or_default();
                let by = entry.chain.operator();
                let could_read = before.iter().any(|(_, seal)| seal.value.readers.contains(by))
                    || versions.iter().any(|version| {
                        version.version == entry.public.roster && may_seal(version, &value.file, by)
                    });
                let could = could_read && could_seal(&entry, &value.file, &versions, rosters);
                let first = before.is_empty() && entry.sealed;
                // A lead's word that a value is no more opens nothing, and counts whoever reads the file.
                let retires = value.act == SealAct::Retired
                    && versions
                        .iter()
                        .any(|version| version.version == entry.public.roster && is_lead(version, by));
                if !(first || could || retires || may_seal(roster, &value.file, by)) {
                    continue;
                }
                for (_, seal) in before.iter_mut().filter(|(other, _)| entry.follows(other)) {
                    seal.superseded = true;
                    seal.replaced |= value.act == SealAct::Set;
                    seal.retired_by.extend((value.act == SealAct::Retired).then(|| by.clone()));
                }
                let lost = value.readers.iter().filter(|name| {
                    let then = versions.iter().find(|version| version.version == entry.public.roster);
                    then.is_some_and(|then| lost_a_key(then, roster, name))
                });
                let seal = Seal {
                    by: by.clone(),
                    time: entry.public.time,
                    value: value.clone(),
                    superseded: false,
                    replaced: false,
                    retired_by: Vec::new(),
                    lost: lost.cloned().collect(),
                };
                before.push((entry, seal));
            }
        }
        let seals = |seals: Vec<(Vouched<'_>, Seal)>| seals.into_iter().map(|(_, seal)| seal).collect();
        Self(counted.into_iter().map(|(subject, all)| (subject, seals(all))).collect())
    }

    /// Every value that was ever sealed, with its seals in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Subject, &[Seal])> {
        self.0.iter().map(|(subject, seals)| (subject, seals.as_slice()))
    }

    /// The seals of a value, in order.
    pub fn of(&self, subject: &Subject) -> &[Seal] {
        self.0.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody's word that a value is no more would count.
    pub fn may_retire(&self, roster: &Roster, subject: &Subject, name: &OperatorName) -> bool {
        is_lead(roster, name)
            || may_seal(roster, &subject.file, name)
            || self.of(subject).iter().any(|seal| seal.value.readers.contains(name))
    }

    /// Whoever could read a value since it was set last, also with a key that is gone.
    pub fn readers_since_it_was_set(&self, subject: &Subject) -> impl Iterator<Item = (&OperatorName, bool)> {
        let seals = current(self.of(subject), None).into_iter();
        seals.flat_map(|seal| seal.value.readers.iter().map(|name| (name, seal.lost.contains(name))))
    }

    /// Who else sealed a value without having seen this seal, which had not seen theirs.
    pub fn rivals(&self, subject: &Subject, seal: &Seal) -> Vec<&Seal> {
        let digest = seal.value.digest;
        self.of(subject).iter().filter(|other| !other.superseded && other.value.digest != digest).collect()
    }

    /// The number of the next seal of a value.
    pub fn next_generation(&self, subject: &Subject) -> u64 {
        self.of(subject).iter().map(|seal| seal.value.generation).max().unwrap_or_default().saturating_add(1)
    }

    /// What a sealed text is that stands in a file under a name.
    pub fn state(&self, subject: &Subject, digest: Digest) -> State<'_> {
        let seals = self.of(subject);
        let Some(last) = seals.iter().rev().find(|seal| !seal.superseded) else { return State::Unknown };
        let heads = seals.iter().filter(|seal| !seal.superseded).count();
        match seals.iter().rev().find(|seal| seal.value.digest == digest) {
            Some(seal) if seal.superseded => State::Older(seal, last),
            Some(seal) if heads > 1 => State::Parallel(seal),
            Some(seal) => State::Newest(seal),
            None => State::Foreign(last),
        }
    }

    /// Where a sealed text is known from that is not the newest of this value: another value's, or an older one.
    pub fn elsewhere(&self, subject: &Subject, digest: Digest) -> Option<(&Subject, &Seal)> {
        if matches!(self.state(subject, digest), State::Newest(_) | State::Parallel(_)) {
            return None;
        }
        self.iter().find_map(|(known, seals)| {
            seals.iter().rev().find(|seal| seal.value.digest == digest).map(|seal| (known, seal))
        })
    }

    /// The values that somebody could have read and that were not set anew since, unless they may read them today.
    pub fn exposed<'a>(&'a self, name: &'a OperatorName) -> impl Iterator<Item = (&'a Subject, &'a Seal)> {
        self.exposed_where(name, move |seal| seal.value.readers.contains(name))
    }

    /// Those of them that a key of theirs could open which is gone since.
    pub fn exposed_by_a_key<'a>(
        &'a self,
        name: &'a OperatorName,
    ) -> impl Iterator<Item = (&'a Subject, &'a Seal)> {
        self.exposed_where(name, move |seal| seal.lost.contains(name))
    }

    fn exposed_where<'a>(
        &'a self,
        name: &'a OperatorName,
        is: impl Fn(&Seal) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Subject, &'a Seal)> {
        self.0.iter().filter_map(move |(subject, seals)| {
            let current = current(seals, Some(name));
            let last = *current.last()?;
            current.into_iter().any(&is).then_some((subject, last))
        })
    }
}

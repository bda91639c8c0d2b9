//! Who could sign what, and since when: the versions of the roster from the one in force back to the first that the record
//! has. An entry is judged by the version under which it was written. Who lost a right later keeps what they signed before,
//! as far as the roster seals it or those who took the right away had seen it; what turns up afterwards counts for nothing,
//! whatever version or time it claims.

use super::rosters::{RosterFile, signed_file};
use super::{Anchor, Fault, Head, Kind, NoRosterInForce, Public, Record, SignedRoster, Stored};
use crate::model::{Digest, OperatorName, Role};
use crate::people::{ChainName, Key, Roster};
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// The versions of a roster, without a gap; the last one is in force.
pub struct History {
    versions: BTreeMap<u64, Version>,
    /// Files in whose place one of them stands, each with the version that leads to both.
    settled: HashMap<Digest, u64>,
    /// The group: the digest of version 1, where they lead back to it.
    group: Option<Digest>,
}

/// One version, and what those who signed it had seen.
struct Version {
    roster: SignedRoster,
    people: HashMap<OperatorName, (Role, Vec<Key>)>,
    /// The last day of each agreement; nobody's, where the file is not here.
    until: HashMap<OperatorName, Date>,
    seen: HashMap<ChainName, u64>,
}

/// Entries that sign a roster, by the digest of its file.
type Signings<'a> = HashMap<Digest, Vec<(&'a Stored, &'a Public, &'a SignedRoster)>>;

impl Version {
    fn new(roster: SignedRoster) -> Self {
        let keys = |texts: &[String]| texts.iter().filter_map(|text| text.parse().ok()).collect();
        let people = roster.people.iter().map(|(name, one)| (name.clone(), (one.role, keys(&one.keys))));
        Self { people: people.collect(), roster, until: HashMap::new(), seen: HashMap::new() }
    }

    /// The same with what the file says besides.
    fn of(roster: &Roster) -> Self {
        let until =
            roster.people.values().filter_map(|one| Some((one.name.clone(), one.nda.as_ref()?.until?)));
        Self { until: until.collect(), ..Self::new(SignedRoster::of(roster)) }
    }

    fn role(&self, name: &OperatorName, key: &Key) -> Option<Role> {
        let (role, keys) = self.people.get(name)?;
        keys.contains(key).then_some(*role)
    }

    fn all_leads(&self) -> BTreeSet<&OperatorName> {
        self.people.iter().filter(|(_, (role, _))| *role == Role::Lead).map(|(name, _)| name).collect()
    }

    fn leads(&self, key: &Key) -> Option<&OperatorName> {
        let leads = |(role, keys): &(Role, Vec<Key>)| *role == Role::Lead && keys.contains(key);
        self.people.iter().find(|(_, one)| leads(one)).map(|(name, _)| name)
    }
}

impl History {
    /// The versions that lead to the one in force, as far back as the record has them.
    pub fn of(record: &Record, in_force: &Roster) -> Self {
        let signings = signings(record);
        let mut versions = BTreeMap::new();
        let mut next = Some(Version::of(in_force));
        while let Some(version) = next {
            let (number, previous) = (version.roster.version, version.roster.previous);
            let before = previous.and_then(|digest| before(record, &signings, digest, &version));
            next = before.filter(|before| before.roster.version.checked_add(1) == Some(number));
            versions.insert(number, version);
        }
        let mut history = Self { versions, settled: HashMap::new(), group: in_force.origin };
        history.look_through(record, &signings);
        history.settle(record, &signings);
        history
    }

    /// The versions as the public may know them, from the one that is known to be right, or from the first.
    ///
    /// # Errors
    /// There is none to begin with, or two are signed as one version.
    pub fn public(record: &Record, known: Option<Anchor>) -> Result<Self, NoRosterInForce> {
        let signings = signings(record);
        // A file's digest says nothing of who is in it: that is the word of those who signed it, who lead by what they say themselves.
        let is_a_lead = |entry: &Stored, roster: &SignedRoster| {
            record.hand(entry).is_some_and(|key| Version::new(roster.clone()).leads(&key).is_some())
        };
        let mut all: Vec<(&Stored, &SignedRoster)> =
            signings.values().flatten().map(|(entry, _, roster)| (*entry, *roster)).collect();
        all.retain(|(entry, roster)| is_a_lead(entry, roster));
        all.sort_by(|(one, _), (other, _)| one.file.cmp(&other.file));
        let is_first = |(_, roster): &(&Stored, &SignedRoster)| match known {
            Some(anchor) => (roster.version, roster.digest) == (anchor.version, anchor.digest),
            None => roster.previous.is_none(),
        };
        let missing = known.unwrap_or(Anchor { version: 1, digest: Digest::of("") });
        let none = NoRosterInForce::NoAnchor { version: missing.version, digest: missing.digest };
        let mut all_first = all.into_iter().filter(is_first);
        let (entry, first) = all_first.next().ok_or(none)?;
        // Beside a group's own first version anybody may have put one of another group, or another saying of the same file.
        if let Some((beside, other)) = all_first.find(|(_, other)| *other != first) {
            let version = first.version;
            if other.digest == first.digest {
                let (one, other) = (entry.file.clone(), beside.file.clone());
                return Err(NoRosterInForce::Disputed { version, one, other });
            }
            return Err(NoRosterInForce::Fork { version, one: first.digest, other: other.digest });
        }
        let first = first.clone();
        let group = origin(record, &signings, &first);
        let mut versions = BTreeMap::new();
        for roster in one_line(record, &signings, first)? {
            versions.insert(roster.version, Version::new(roster));
        }
        let mut history = Self { versions, settled: HashMap::new(), group };
        history.look_through(record, &signings);
        history.settle(record, &signings);
        Ok(history)
    }

    /// The group whose versions these are; nothing where they don't lead back to the first one.
    pub fn group(&self) -> Option<Digest> {
        self.group
    }

    /// Notes how far those who signed each version had seen every chain, their own included.
    fn look_through(&mut self, record: &Record, signings: &Signings<'_>) {
        let mut before: Option<Version> = None;
        for version in self.versions.values_mut() {
            let signed = signings.get(&version.roster.digest).into_iter().flatten();
            let mut seen = HashMap::new();
            for (entry, public, _) in signed {
                let Some(key) = record.hand(entry) else { continue };
                let leads = version.leads(&key).or(before.as_ref().and_then(|before| before.leads(&key)));
                if leads.is_none() {
                    continue;
                }
                let own = (&public.chain, public.seq);
                for (chain, seq) in public.seen.iter().map(|(chain, head)| (chain, head.seq)).chain([own]) {
                    let known: &mut u64 = seen.entry(chain.clone()).or_default();
                    *known = seq.max(*known);
                }
            }
            version.seen = seen;
            before = Some(Version::new(version.roster.clone()));
        }
    }

    /// Notes what was settled, each file back to the version that leads to it as well.
    fn settle(&mut self, record: &Record, signings: &Signings<'_>) {
        let by_a_lead = |entry: &Stored| {
            let key = record.hand(entry);
            key.is_some_and(|key| self.versions.values().any(|version| version.leads(&key).is_some()))
        };
        let named = |digest: &Digest| -> Option<&SignedRoster> {
            signings.get(digest)?.iter().find(|(entry, _, _)| by_a_lead(entry)).map(|(_, _, roster)| *roster)
        };
        let mut settled = HashMap::new();
        for digest in self.versions.values().flat_map(|version| &version.roster.settles) {
            let (mut line, mut at) = (vec![*digest], named(digest));
            while let Some(roster) = at {
                let Some(previous) = roster.previous else { break };
                let is_known = |version: &&Version| version.roster.digest == previous;
                if let Some(common) = self.versions.values().find(is_known) {
                    settled.extend(line.iter().map(|digest| (*digest, common.roster.version)));
                    break;
                }
                line.push(previous);
                at = named(&previous).filter(|before| before.version < roster.version);
            }
        }
        self.settled = settled;
    }

    fn last(&self) -> Option<&Version> {
        self.versions.values().next_back()
    }

    /// The version in force.
    pub fn version(&self) -> u64 {
        self.last().map_or(0, |last| last.roster.version)
    }

    /// The version from which the others follow, as `--roster-pin` takes it.
    pub fn first(&self) -> String {
        let first = self.versions.values().next();
        first.map(|first| format!("{}:{}", first.roster.version, first.roster.digest)).unwrap_or_default()
    }

    /// Every key that ever signed for somebody, as an OpenSSH `allowed_signers` file for the ledger: also those of people who
    /// left, whose entries stay.
    pub fn allowed_signers(&self) -> String {
        let mut lines = BTreeSet::new();
        for version in self.versions.values() {
            for (name, (_, keys)) in &version.people {
                lines.extend(keys.iter().map(|key| {
                    format!("{name} namespaces=\"{}\" {}\n", crate::people::LEDGER_NAMESPACE, key.text())
                }));
            }
        }
        lines.into_iter().collect()
    }

    /// The role in which somebody wrote a chain under a version.
    pub(super) fn role_in(&self, chain: &ChainName, version: u64) -> Option<Role> {
        let (role, keys) = self.versions.get(&version)?.people.get(chain.operator())?;
        keys.iter().any(|key| chain.is_of(key)).then_some(*role)
    }

    /// Whose a key was in the newest version that has it.
    pub fn owner(&self, is_it: impl Fn(&Key) -> bool) -> Option<&OperatorName> {
        self.versions.values().rev().find_map(|version| {
            let mut people = version.people.iter();
            people.find(|(_, (_, keys))| keys.iter().any(&is_it)).map(|(name, _)| name)
        })
    }

    /// Every key that a version has, with whose it is there.
    pub fn keys(&self) -> impl Iterator<Item = (&OperatorName, &Key)> {
        let people = self.versions.values().flat_map(|version| &version.people);
        people.flat_map(|(name, (_, keys))| keys.iter().map(move |key| (name, key)))
    }

    /// Up to which entry those who signed a version had seen a chain.
    pub fn seen_by_signers(&self, version: u64, chain: &ChainName) -> u64 {
        self.versions.get(&version).and_then(|version| version.seen.get(chain)).copied().unwrap_or_default()
    }

    /// Where a chain ends for good.
    pub(super) fn seal(&self, chain: &ChainName) -> Option<Head> {
        self.last()?.roster.sealed.get(chain).copied()
    }

    /// The key that writes a chain, by the newest version that has it.
    pub(super) fn key(&self, chain: &ChainName) -> Option<&Key> {
        self.versions.values().rev().find_map(|version| {
            let (_, keys) = version.people.get(chain.operator())?;
            keys.iter().find(|key| chain.is_of(key))
        })
    }

    /// Whether somebody had a say at some time in what is done: what others write decides nothing, and hides nothing.
    pub(super) fn has_weight(&self, chain: &ChainName) -> bool {
        let mut roles = self.versions.keys().filter_map(|version| self.role_in(chain, *version)).peekable();
        let is_unknown = roles.peek().is_none() && self.seal(chain).is_some();
        is_unknown || roles.any(|role| matches!(role, Role::Lead | Role::Operator))
    }

    /// Whether what an entry says was past its writer's agreement, by the day on which it can have been written at the earliest.
    pub(super) fn ended(&self, record: &Record, public: &Public) -> Option<Fault> {
        let version = self.versions.get(&public.roster)?;
        let until = *version.until.get(public.chain.operator())?;
        let moves = |chain: &ChainName| {
            matches!(self.role_in(chain, public.roster), Some(Role::Lead | Role::Operator))
        };
        let needs_it = !public.kind.may_be_signed_by(Role::Shadow);
        // Days begin at different times around the world.
        let day = record.earliest_day(public, moves);
        (needs_it && until < day.yesterday().unwrap_or(day)).then_some(Fault::Ended { until, day })
    }

    /// What speaks against an entry of this chain, written with this key: it was not its writer's to sign, then or later.
    pub(super) fn objection(&self, chain: &ChainName, key: &Key, seq: u64, public: &Public) -> Option<Fault> {
        let oldest = *self.versions.keys().next()?;
        let at = public.roster.clamp(oldest, self.version());
        // Of a version that is not here nobody can tell; what was taken away since, one can.
        let is_known = public.roster >= oldest;
        let kind = public.kind;
        let may = |role: Option<Role>| role.is_some_and(|role| kind.may_be_signed_by(role));
        let role = |version: u64| self.versions.get(&version)?.role(chain.operator(), key);
        // Whoever becomes a lead by a version signs it as the lead that they are in it.
        let signs = public.signs.as_ref().filter(|_| kind == Kind::Roster);
        // Of another file with the same number, nobody becomes anything.
        let counts = |signs: &&SignedRoster| {
            self.versions.get(&signs.version).is_none_or(|version| version.roster.digest == signs.digest)
        };
        let becomes = signs.filter(counts).map(|signs| signs.version);
        // What was signed at once with another version, by who led then, was settled since.
        let common = signs.and_then(|signs| self.settled.get(&signs.digest));
        if common.is_some_and(|common| role(*common) == Some(Role::Lead)) {
            return None;
        }
        if is_known && !may(role(at)) && !may(becomes.and_then(role)) {
            return Some(match role(at) {
                Some(role) => Fault::Role { role, kind },
                None => Fault::NotOf { roster: at },
            });
        }
        let after = if is_known { at + 1 } else { at };
        let lost = |number: u64| !may(role(number)) && becomes.is_none_or(|becomes| number > becomes);
        let (lost, version) = self.versions.range(after..).find(|(number, _)| lost(**number))?;
        let sealed = self.seal(chain).is_some_and(|seal| seq <= seal.seq);
        let seen = version.seen.get(chain).is_some_and(|last| seq <= *last);
        (!sealed && !seen).then_some(Fault::Lost { roster: *lost, kind })
    }

    /// Whether an entry is the signature under the very version that seals its chain: who takes their own leave signs once
    /// more after the end.
    pub(super) fn signs_its_own_seal(&self, chain: &ChainName, public: &Public) -> bool {
        let Some(signs) = public.signs.as_ref().filter(|_| public.kind == Kind::Roster) else { return false };
        if self.settled.contains_key(&signs.digest) {
            return true;
        }
        let first = self.versions.values().find(|version| version.roster.sealed.contains_key(chain));
        first.is_some_and(|first| signs.version <= first.roster.version)
            && self.versions.get(&signs.version).is_some_and(|version| version.roster.digest == signs.digest)
    }
}

fn signings(record: &Record) -> Signings<'_> {
    let mut signings: Signings<'_> = HashMap::new();
    for (_, entry) in record.entries() {
        let Ok(public) = &entry.public else { continue };
        let Some(signs) = public.signs.as_ref().filter(|_| public.kind == Kind::Roster) else { continue };
        signings.entry(signs.digest).or_default().push((entry, public, signs));
    }
    signings
}

/// The version whose file has this digest: as the file says, where it is here; else as a lead of the version after it says.
fn before(record: &Record, signings: &Signings<'_>, digest: Digest, after: &Version) -> Option<Version> {
    let signed = signings.get(&digest)?;
    let file = signed.iter().find_map(|(entry, _, _)| {
        let (_, text) = signed_file(entry)?;
        RosterFile::parse(Path::new("inventory/operators.yml"), text?.clone()).ok()
    });
    if let Some(file) = file {
        return Some(Version::of(&file.roster));
    }
    let by_a_lead =
        signed.iter().find(|(entry, _, _)| record.hand(entry).is_some_and(|key| after.leads(&key).is_some()));
    by_a_lead.map(|(_, _, roster)| Version::new((*roster).clone()))
}

/// The first version of all from which one follows, as the public may know it.
fn origin(record: &Record, signings: &Signings<'_>, one: &SignedRoster) -> Option<Digest> {
    let mut at = Version::new(one.clone());
    while at.roster.version > 1 {
        let (number, previous) = (at.roster.version, at.roster.previous?);
        if number == 2 {
            return Some(previous);
        }
        at = before(record, signings, previous, &at)
            .filter(|before| before.roster.version.checked_add(1) == Some(number))?;
    }
    Some(at.roster.digest)
}

/// The versions that lead from one to the last, as the public may know them.
fn one_line(
    record: &Record,
    signings: &Signings<'_>,
    first: SignedRoster,
) -> Result<Vec<SignedRoster>, NoRosterInForce> {
    let all: Vec<&SignedRoster> = signings.values().flatten().map(|(_, _, roster)| *roster).collect();
    let is_next = |at: &SignedRoster, roster: &SignedRoster| {
        let follows = at.version.checked_add(1) == Some(roster.version) && roster.previous == Some(at.digest);
        let settles = roster.version > at.version && roster.settles.contains(&at.digest);
        (follows || settles) && enough(record, signings, &Version::new(at.clone()), roster)
    };
    let (mut met, mut heads) = (vec![first], Vec::new());
    let mut at = 0;
    while let Some(one) = met.get(at).cloned() {
        let next = all.iter().filter(|roster| is_next(&one, roster));
        let next: BTreeMap<String, &SignedRoster> =
            next.map(|roster| (roster.digest.to_string(), *roster)).collect();
        if next.is_empty() {
            heads.push(one);
        }
        for roster in next.into_values() {
            if !met.iter().any(|known| known.digest == roster.digest) {
                met.push(roster.clone());
            }
        }
        at += 1;
    }
    let mut heads = heads.into_iter();
    let head = heads.next();
    if let (Some(one), Some(other)) = (&head, heads.next()) {
        let version = one.version.max(other.version);
        return Err(NoRosterInForce::Fork { version, one: one.digest, other: other.digest });
    }
    let mut line: Vec<SignedRoster> = head.into_iter().collect();
    while let Some(last) = line.last() {
        let mut older = met.iter().filter(|one| one.version < last.version);
        let before = older.clone().find(|one| last.previous == Some(one.digest));
        let Some(one) = before.or_else(|| older.find(|one| last.settles.contains(&one.digest))) else {
            break;
        };
        line.push(one.clone());
    }
    Ok(line)
}

/// Whether as many leads signed a version as the one before asks for; and where it changes who leads or how many must sign, as
/// many of its own as it then asks for.
fn enough(record: &Record, signings: &Signings<'_>, before: &Version, roster: &SignedRoster) -> bool {
    let signed = signings.get(&roster.digest).into_iter().flatten();
    // What they say of it must be one and the same.
    let same = signed.filter(|(_, _, said)| *said == roster);
    let hands: Vec<Key> = same.filter_map(|(entry, _, _)| record.hand(entry)).collect();
    let after = Version::new(roster.clone());
    let are_enough = |version: &Version| {
        let leads: BTreeSet<&OperatorName> = hands.iter().filter_map(|key| version.leads(key)).collect();
        leads.len() >= version.roster.signatures.max(1) as usize
    };
    let otherwise = before.all_leads() != after.all_leads() || before.roster.signatures != roster.signatures;
    are_enough(before) && (!otherwise || are_enough(&after))
}

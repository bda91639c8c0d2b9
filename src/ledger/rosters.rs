//! The versions of the roster that the ledger has, who signed each, and which of them is in force: the last one that can be
//! reached from a version that is known to be right, each step signed by as many leads as the version before asks for.

use super::day::{day, moves_the_day};
use super::lines::{Lines, Rival, Settled, leads};
use super::{Head, Kind, Public, Record, Stored};
use crate::model::{Digest, OperatorName, Role};
use crate::people::{Hand, Key, LEDGER_NAMESPACE, NoSuccession, PeopleError, Roster};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A version of the roster that is known to be right: pinned, or verified here before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Its version.
    pub version: u64,
    /// Digest of its file.
    pub digest: Digest,
}

/// A roster, and its file to the byte.
#[derive(Clone, Debug)]
pub struct RosterFile {
    /// What it says.
    pub roster: Roster,
    /// The file's text.
    pub text: String,
}

/// What the ledger says of a roster's file.
#[derive(Debug)]
pub struct Succession {
    /// The version in force.
    pub in_force: RosterFile,
    /// What the file is, where it is not that version.
    pub file: Successor,
}

/// How a roster's file stands to the version in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Successor {
    /// It is that version.
    InForce,
    /// It is older.
    Older,
    /// It wants to be the next version, and is not yet.
    Waits(NoSuccession),
}

/// Why nobody can tell which version is in force.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoRosterInForce {
    /// The version to begin with is neither the file nor in the ledger.
    #[error("version {version} of the roster ({digest}), from which the others follow, is not in the ledger")]
    NoAnchor {
        /// The version.
        version: u64,
        /// Its digest.
        digest: Digest,
    },
    /// A lead signed a later version, and its text is not here.
    #[error(
        "{file} signs version {version} of the roster, and its private part is gone: restore it with git, and find out who removed it"
    )]
    Hidden {
        /// The version.
        version: u64,
        /// The entry that signs it.
        file: PathBuf,
    },
    /// Somebody who counts wrote under a later version than any that is here.
    #[error(
        "{file} was written under version {version} of the roster, which is not here: pull, or find out who put back an older one"
    )]
    Behind {
        /// The version.
        version: u64,
        /// Who wrote it.
        by: OperatorName,
        /// The entry.
        file: PathBuf,
    },
    /// The versions that are here don't lead back to the first one.
    #[error(
        "version {version} of the roster does not lead back to version 1 here, by which a group's entries are known"
    )]
    NoBeginning {
        /// The version from which was gone back.
        version: u64,
    },
    /// Entries say different things of one and the same file, which is not here.
    #[error(
        "{one} and {other} say different things of version {version} of the roster, and only one can be right"
    )]
    Disputed {
        /// The version.
        version: u64,
        /// One of the entries.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// A version removes a lead who went on without it, and only people whose agreements have ended since say that it was there.
    #[error(
        "version {version} of the roster ({digest}) removes a lead who went on without it, and all who say that it was there in time \
         have agreements that ended since: they may have made it up, or that lead may only have gone on; nobody can tell here"
    )]
    Contested {
        /// The version.
        version: u64,
        /// Its file.
        digest: Digest,
    },
    /// Two files are signed as the same version.
    #[error("two files are signed as version {version} of the roster: {one} and {other}")]
    Fork {
        /// The version.
        version: u64,
        /// One of them.
        one: Digest,
        /// The other.
        other: Digest,
    },
}

impl Anchor {
    /// A roster as the one that is known to be right.
    pub fn of(roster: &Roster) -> Self {
        Self { version: roster.version, digest: roster.digest }
    }
}

impl RosterFile {
    /// Checks a roster's text; the path is for messages alone.
    ///
    /// # Errors
    /// It is no roster.
    pub fn parse(path: &Path, text: String) -> Result<Self, PeopleError> {
        Ok(Self { roster: Roster::parse(path, text.as_bytes())?, text })
    }
}

/// A file that somebody signed, or that is known otherwise.
pub(super) struct Signed<'a> {
    pub file: RosterFile,
    pub hands: Vec<(Key, &'a Public)>,
}

impl Signed<'_> {
    pub fn roster(&self) -> &Roster {
        &self.file.roster
    }
}

impl Record {
    /// Finds the version in force, beginning at the anchor. `known` are files that are known besides those of the ledger:
    /// the one in its place first, then perhaps the anchor's.
    ///
    /// # Errors
    /// The anchor's file is not here, or two files are signed as one version.
    pub fn succession(&self, known: &[RosterFile], anchor: Anchor) -> Result<Succession, NoRosterInForce> {
        let signed = self.signed_rosters(known);
        let Anchor { version, digest } = anchor;
        let first = signed.iter().find(|one| Anchor::of(one.roster()) == anchor);
        let first = first.ok_or(NoRosterInForce::NoAnchor { version, digest })?;
        let lines = Lines { record: self, signed: &signed };
        let heads = lines.heads(first);
        let at = heads.first().copied().unwrap_or(first);
        if let Some(other) = heads.get(1) {
            let (version, one, other) = lines.parting(at.roster(), other.roster());
            return Err(NoRosterInForce::Fork { version, one, other });
        }
        if let Some((one, other)) = lines.undone(first, at) {
            let version = one.version;
            return Err(NoRosterInForce::Fork { version, one: one.digest, other: other.digest });
        }
        if let Some(taken) = lines.contested(first, at) {
            return Err(NoRosterInForce::Contested { version: taken.version, digest: taken.digest });
        }
        self.knows_no_later(at.roster(), &signed)?;
        let file = match signed.first() {
            Some(file) if file.roster().digest == at.roster().digest => Successor::InForce,
            Some(file) if file.roster().version < at.roster().version => Successor::Older,
            Some(file) if file.roster().settles.contains(&at.roster().digest) => {
                waits(lines.settled(at, file))
            }
            Some(file) => waits(lines.follows(at, file)),
            None => Successor::Older,
        };
        Ok(Succession { in_force: at.file.clone(), file })
    }

    /// The signatures over a version, as the leads of another one look at them. Who signed it did so no earlier than what they had
    /// seen by then, than those who signed that other version, and than others who wrote on without it: what a clock said that was set
    /// back brings no agreement back.
    pub(super) fn hands(&self, at: &Signed<'_>, one: &Signed<'_>) -> Vec<Hand> {
        self.hands_by(at, one, &|public| self.made_late(at, public).unwrap_or(Timestamp::MIN))
    }

    /// The same as if nobody had written on without it.
    pub(super) fn hands_in_time(&self, at: &Signed<'_>, one: &Signed<'_>) -> Vec<Hand> {
        self.hands_by(at, one, &|_| Timestamp::MIN)
    }

    /// The same where a lead whom the version removes is believed against those whose agreements have ended since.
    pub(super) fn hands_uncontested(&self, at: &Signed<'_>, one: &Signed<'_>) -> Vec<Hand> {
        self.hands_by(at, one, &|public| self.contested(at, public).unwrap_or(Timestamp::MIN))
    }

    fn hands_by(
        &self,
        at: &Signed<'_>,
        one: &Signed<'_>,
        no_earlier: &dyn Fn(&Public) -> Timestamp,
    ) -> Vec<Hand> {
        let before = at.roster();
        let signed = at
            .hands
            .iter()
            .filter(|(key, _)| leads(before, key))
            .filter_map(|(_, public)| self.believed(public));
        let floor = signed.fold(Timestamp::MIN, Timestamp::max);
        let hands = one.hands.iter().map(|(key, public)| {
            let earliest = self.earliest(public, |chain| moves_the_day(before, chain));
            Hand { key: key.clone(), day: day(earliest.max(floor).max(no_earlier(public))) }
        });
        hands.collect()
    }

    /// The versions that stand beside the one in force, settled by nobody.
    pub fn rivals(&self, known: &[RosterFile], in_force: &Roster) -> Vec<Rival> {
        let signed = self.signed_rosters(known);
        Lines { record: self, signed: &signed }.rivals(in_force)
    }

    /// The versions in whose place the one in force and those that lead to it stand.
    pub fn settled(&self, known: &[RosterFile], in_force: &Roster) -> Vec<Settled> {
        let signed = self.signed_rosters(known);
        let lines = Lines { record: self, signed: &signed };
        lines.all_settled(in_force)
    }

    /// When an entry was written, where its own word is to be believed.
    fn believed(&self, public: &Public) -> Option<Timestamp> {
        let all = self.moments.get(&public.chain)?.get(&public.seq)?;
        let moment = all.iter().find(|moment| moment.time() == public.time)?;
        self.time_of(&public.chain, Head { seq: public.seq, digest: moment.digest() })
    }

    /// Makes sure that nothing in the ledger tells of a later version than the one that was found.
    fn knows_no_later(&self, found: &Roster, signed: &[Signed<'_>]) -> Result<(), NoRosterInForce> {
        let role =
            |entry: &Stored| self.hand(entry).and_then(|key| found.owner(&key).map(|person| person.role));
        for (_, entry) in self.entries() {
            let Ok(public) = &entry.public else { continue };
            let file = || entry.file.clone();
            if let Some((digest, _)) = signed_file(entry)
                && let Some(signs) = public.signs.as_ref().filter(|signs| signs.version > found.version)
                && !signed.iter().any(|one| one.roster().digest == digest)
                && role(entry) == Some(Role::Lead)
            {
                return Err(NoRosterInForce::Hidden { version: signs.version, file: file() });
            }
            let is_believed = !self.made_up_by.contains(public.chain.operator());
            if public.roster > found.version
                && is_believed
                && matches!(role(entry), Some(Role::Lead | Role::Operator))
            {
                let (version, by) = (public.roster, public.chain.operator().clone());
                return Err(NoRosterInForce::Behind { version, by, file: file() });
            }
        }
        Ok(())
    }

    /// The versions that lead to a roster, oldest first and itself last, as far back as their files are here: each names the
    /// one before. `known` are files that are known besides those of the ledger.
    pub fn lineage(&self, roster: &Roster, known: &[RosterFile]) -> Vec<Anchor> {
        let in_ledger = self.entries().filter_map(|(_, entry)| signed_file(entry));
        let mut texts: HashMap<Digest, &String> =
            in_ledger.filter_map(|(digest, text)| Some((digest, text?))).collect();
        texts.extend(known.iter().map(|file| (file.roster.digest, &file.text)));
        let mut line = vec![Anchor::of(roster)];
        let (mut version, mut previous) = (roster.version, roster.previous);
        while let Some(digest) = previous.filter(|_| version > 1) {
            version -= 1;
            line.push(Anchor { version, digest });
            let file = texts.get(&digest).and_then(|text| {
                RosterFile::parse(Path::new("inventory/operators.yml"), (*text).clone()).ok()
            });
            previous =
                file.filter(|file| file.roster.version == version).and_then(|file| file.roster.previous);
        }
        line.reverse();
        line
    }

    /// The versions that lead to one, as [`Record::lineage`]; nothing where its own file is not here.
    pub fn lineage_of(&self, one: Anchor, known: &[RosterFile]) -> Vec<Anchor> {
        let signed = self.signed_rosters(known);
        let found = signed.iter().find(|signed| Anchor::of(signed.roster()) == one);
        found.map(|found| self.lineage(found.roster(), known)).unwrap_or_default()
    }

    /// The versions that lead to a roster and whose files are here, itself the last.
    pub fn versions(&self, roster: &Roster) -> Vec<Roster> {
        let mut files: HashMap<Digest, &String> = HashMap::new();
        files
            .extend(self.entries().filter_map(|(_, entry)| {
                signed_file(entry).and_then(|(digest, text)| Some((digest, text?)))
            }));
        let line = self.lineage(roster, &[]);
        let parsed = line.iter().filter_map(|one| {
            RosterFile::parse(Path::new("inventory/operators.yml"), (*files.get(&one.digest)?).clone()).ok()
        });
        let mut versions: Vec<Roster> = parsed.map(|file| file.roster).collect();
        if versions.last().is_none_or(|last| last.digest != roster.digest) {
            versions.push(roster.clone());
        }
        versions
    }

    /// The first version of the roster that the ledger has, where it has one.
    pub fn first_roster(&self) -> Option<Anchor> {
        let signed = self.signed_rosters(&[]);
        let mut first = signed.iter().map(Signed::roster).filter(|roster| roster.version == 1);
        let one = first.next()?;
        // Of two nobody can tell which was there first.
        first.next().is_none().then(|| Anchor::of(one))
    }

    /// Who signed a file, by signatures that hold.
    pub fn signers(&self, digest: Digest) -> Vec<OperatorName> {
        let signs = |entry: &Stored| {
            signed_file(entry).is_some_and(|(signed, _)| signed == digest) && self.hand(entry).is_some()
        };
        let entries = self.entries().filter(|(_, entry)| signs(entry));
        let mut names: Vec<OperatorName> = entries.map(|(chain, _)| chain.operator().clone()).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Whether the ledger has this version, signed by whomever.
    pub fn has_roster(&self, digest: Digest) -> bool {
        self.entries().any(|(_, entry)| {
            signed_file(entry).is_some_and(|(signed, text)| signed == digest && text.is_some())
        })
    }

    /// Every file that the ledger has or that is known besides, with the keys that signed it.
    fn signed_rosters(&self, known: &[RosterFile]) -> Vec<Signed<'_>> {
        let mut all: Vec<Signed<'_>> =
            known.iter().map(|file| Signed { file: file.clone(), hands: Vec::new() }).collect();
        for (_, entry) in self.entries() {
            let Some((digest, text)) = signed_file(entry) else { continue };
            let known = all.iter().position(|one| one.roster().digest == digest);
            let at = known.or_else(|| {
                let file = RosterFile::parse(Path::new("inventory/operators.yml"), text?.clone()).ok()?;
                all.push(Signed { file, hands: Vec::new() });
                Some(all.len() - 1)
            });
            let Ok(public) = &entry.public else { continue };
            if let (Some(one), Some(key)) = (at.and_then(|at| all.get_mut(at)), self.hand(entry)) {
                one.hands.push((key, public));
            }
        }
        all
    }

    /// The key that signed an entry, where the signature holds and the entry lies in that key's chain.
    pub(super) fn hand(&self, entry: &Stored) -> Option<Key> {
        let public = entry.public.as_ref().ok()?;
        let signature = entry.signature.as_ref()?;
        let key = Key::claimed_by(signature).ok().filter(|key| public.chain.is_of(key))?;
        key.verify(LEDGER_NAMESPACE, &entry.bytes, signature).ok()?;
        Some(key)
    }
}

fn waits(follows: Result<(), NoSuccession>) -> Successor {
    match follows {
        Err(why) => Successor::Waits(why),
        Ok(()) => Successor::InForce,
    }
}

/// The file that an entry signs: its digest, and its text where the private part is here and is that file.
pub(super) fn signed_file(entry: &Stored) -> Option<(Digest, Option<&String>)> {
    let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Roster)?;
    let digest = public.signs.as_ref()?.digest;
    let text = entry.private.content().and_then(|private| private.details.roster_file.as_ref());
    Some((digest, text.filter(|text| Digest::of(text.as_bytes()) == digest)))
}

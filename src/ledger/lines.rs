//! Where versions of the roster lead. Two leads who change it at once, each in their own clone, sign two files as one version, and
//! nobody else can tell which is right. A later version settles that: it follows one of them, names the other, and is signed by
//! as many leads of either as the next version of either needs. So whoever knows one of them takes no more on trust than they would
//! have from its own leads, whichever they know, and nobody settles alone what they may not change alone.

use super::rosters::{RosterFile, Signed};
use super::{Anchor, Record};
use crate::model::{Digest, OperatorName, Role};
use crate::people::{Key, NoSuccession, Roster};
use std::collections::HashSet;

/// The versions that are here, and what follows what.
pub(super) struct Lines<'a> {
    pub record: &'a Record,
    pub signed: &'a [Signed<'a>],
}

/// A version in whose place a later one stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The version.
    pub file: Anchor,
    /// The number of the later one.
    pub by: u64,
}

/// A version beside the one in force: signed by leads of one that both come from, and settled by nobody.
#[derive(Clone, Debug)]
pub struct Rival {
    /// The last version of its line.
    pub file: RosterFile,
    /// The last version that leads to both.
    pub common: RosterFile,
    /// Who signed it, or a version that leads to it alone.
    pub signers: Vec<OperatorName>,
}

impl<'a> Lines<'a> {
    /// A version by its digest.
    pub fn find(&self, digest: Digest) -> Option<&'a Signed<'a>> {
        self.signed.iter().find(|one| one.roster().digest == digest)
    }

    /// The last versions to which one leads, step by step: one, where nobody disagrees.
    pub fn heads(&self, from: &'a Signed<'a>) -> Vec<&'a Signed<'a>> {
        let (mut heads, mut todo, mut met) = (Vec::new(), vec![from], HashSet::new());
        while let Some(at) = todo.pop() {
            if !met.insert(at.roster().digest) {
                continue;
            }
            let next: Vec<&Signed<'_>> = self.signed.iter().filter(|one| self.leads_to(at, one)).collect();
            if next.is_empty() {
                heads.push(at);
            }
            todo.extend(next);
        }
        heads
    }

    fn leads_to(&self, at: &Signed<'_>, one: &Signed<'_>) -> bool {
        self.follows(at, one).is_ok() || self.settles(at, one)
    }

    /// Whether a version rightfully follows another.
    pub fn follows(&self, at: &Signed<'_>, one: &Signed<'_>) -> Result<(), NoSuccession> {
        let (before, after) = (at.roster(), one.roster());
        if after.version != before.version.saturating_add(1) {
            return before.is_followed_by(after, &[]);
        }
        before.is_followed_beside(after, &self.beside(one, at), &self.record.hands(at, one))
    }

    /// A version on the way from one to another, and one that it stands beside: that one does not count because somebody wrote on without
    /// it, and others had gone on under it. Either may be the group's; whoever is removed by one of them would else have the other count.
    pub fn undone(&self, from: &Signed<'_>, to: &Signed<'_>) -> Option<(Anchor, Anchor)> {
        let line = self.origins(to.roster());
        let settled: HashSet<Digest> =
            self.all_settled(to.roster()).iter().map(|one| one.file.digest).collect();
        let steps = line.windows(2).take_while(|two| two.first() != Some(&from.roster().digest));
        for two in steps {
            let [taken, at] = two else { continue };
            let (Some(taken), Some(at)) = (self.find(*taken), self.find(*at)) else { continue };
            let beside = self.signed.iter().find(|one| {
                let roster = one.roster();
                roster.previous == Some(at.roster().digest)
                    && roster.version == taken.roster().version
                    && roster.digest != taken.roster().digest
                    && !settled.contains(&roster.digest)
                    && self.follows(at, one).is_err()
                    && self.followed_in_time(at, one)
                    && self.record.went_on_under(at, one)
            });
            if let Some(beside) = beside {
                return Some((Anchor::of(taken.roster()), Anchor::of(beside.roster())));
            }
        }
        None
    }

    /// A version on the way from one to another that removes a lead, and of which nobody can tell whether it was there in time.
    pub fn contested(&self, from: &Signed<'_>, to: &Signed<'_>) -> Option<Anchor> {
        let line = self.origins(to.roster());
        let mut steps = line.windows(2).take_while(|two| two.first() != Some(&from.roster().digest));
        steps.find_map(|two| {
            let [taken, at] = two else { return None };
            let (taken, at) = (self.find(*taken)?, self.find(*at)?);
            let hands = self.record.hands_uncontested(at, taken);
            let holds =
                || at.roster().is_followed_beside(taken.roster(), &self.beside(taken, at), &hands).is_ok();
            (self.follows(at, taken).is_ok() && !holds()).then(|| Anchor::of(taken.roster()))
        })
    }

    fn followed_in_time(&self, at: &Signed<'_>, one: &Signed<'_>) -> bool {
        let hands = self.record.hands_in_time(at, one);
        at.roster().is_followed_beside(one.roster(), &self.beside(one, at), &hands).is_ok()
    }

    /// Whether a version rightfully stands in the place of another one, and why not.
    pub fn settled(&self, at: &Signed<'_>, one: &Signed<'_>) -> Result<(), NoSuccession> {
        let (before, after) = (at.roster(), one.roster());
        before.is_settled_by(after, &self.beside(one, at), &self.record.hands(at, one))
    }

    fn settles(&self, at: &Signed<'_>, one: &Signed<'_>) -> bool {
        let (before, after) = (at.roster(), one.roster());
        let is_named = after.version > before.version && after.settles.contains(&before.digest);
        is_named && self.settled(at, one).is_ok() && self.comes_from_the_same(at, one)
    }

    /// Whether the line of a version goes back, each step as it should be, to one from which another comes as well.
    fn comes_from_the_same(&self, at: &Signed<'_>, one: &Signed<'_>) -> bool {
        let origins = self.origins(at.roster());
        let mut one = one;
        while let Some(before) = one.roster().previous.and_then(|digest| self.find(digest)) {
            if self.follows(before, one).is_err() {
                return false;
            }
            if origins.contains(&before.roster().digest) {
                return true;
            }
            one = before;
        }
        false
    }

    /// A version and those before it, newest first, by what each file names.
    fn origins(&self, roster: &Roster) -> Vec<Digest> {
        let mut all = vec![roster.digest];
        let (mut version, mut previous) = (roster.version, roster.previous);
        while let Some(digest) = previous {
            all.push(digest);
            let before = self.find(digest).map(Signed::roster).filter(|before| before.version < version);
            previous = before.and_then(|before| before.previous);
            version = before.map_or(0, |before| before.version);
        }
        all
    }

    /// The other files that a version follows or settles.
    fn beside(&self, one: &Signed<'_>, at: &Signed<'_>) -> Vec<&'a Roster> {
        let roster = one.roster();
        if roster.settles.is_empty() {
            return Vec::new();
        }
        let others = roster.settles.iter().copied().chain(roster.previous);
        let others = others.filter(|digest| *digest != at.roster().digest);
        others.filter_map(|digest| self.find(digest)).map(Signed::roster).collect()
    }

    /// The first two files of one version in the lines of two, where they part; else the two themselves.
    pub fn parting(&self, one: &Roster, other: &Roster) -> (u64, Digest, Digest) {
        let (mut of_one, mut of_other) = (self.origins(one), self.origins(other));
        let mut first = (one.version.max(other.version), one.digest, other.digest);
        while let (Some(a), Some(b)) = (of_one.pop(), of_other.pop()) {
            if a != b {
                let version = self.find(a).map_or(first.0, |found| found.roster().version);
                first = (version, a, b);
                break;
            }
        }
        first
    }

    /// What stands beside a version, and comes from one that leads to it.
    pub fn rivals(&self, in_force: &Roster) -> Vec<Rival> {
        let origins = self.origins(in_force);
        let Some(oldest) = origins.iter().rev().find_map(|digest| self.find(*digest)) else {
            return Vec::new();
        };
        let heads = self.heads(oldest).into_iter().filter(|head| head.roster().digest != in_force.digest);
        let rival = |head: &Signed<'_>| {
            let line = self.origins(head.roster());
            let common = line.iter().find(|digest| origins.contains(digest))?;
            // Of what leads to the one in force, nothing stands beside it.
            let common =
                self.find(*common).filter(|common| common.roster().digest != head.roster().digest)?;
            let own = line.iter().take_while(|digest| **digest != common.roster().digest);
            let mut signers: Vec<OperatorName> =
                own.flat_map(|digest| self.record.signers(*digest)).collect();
            signers.sort();
            signers.dedup();
            Some(Rival { file: head.file.clone(), common: common.file.clone(), signers })
        };
        heads.filter_map(rival).collect()
    }

    /// The files in whose place a version and those that lead to it stand, by the right of their own leads.
    pub fn all_settled(&self, roster: &Roster) -> Vec<Settled> {
        let line: Vec<Digest> = self.origins(roster);
        let mut all = Vec::new();
        for one in line.iter().filter_map(|digest| self.find(*digest)) {
            for at in one.roster().settles.iter().filter_map(|digest| self.find(*digest)) {
                if self.settles(at, one) {
                    let origins = self.origins(at.roster()).into_iter();
                    let own = origins.take_while(|digest| !line.contains(digest));
                    let by = one.roster().version;
                    let files = own.filter_map(|digest| self.find(digest));
                    all.extend(files.map(|file| Settled { file: Anchor::of(file.roster()), by }));
                }
            }
        }
        all
    }
}

/// Whether a key is a lead's.
pub(super) fn leads(roster: &Roster, key: &Key) -> bool {
    roster.owner(key).is_some_and(|person| person.role == Role::Lead)
}

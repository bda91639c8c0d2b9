//! Verifying: signatures, chains, roles, seals, what others have seen, and what this client remembers. Pure: it judges a
//! [`Record`] by a roster, and opens no file.

use super::append::year_of;
use super::day::Moment;
use super::doubles::Doubles;
use super::heads::Verified;
use super::rosters::signed_file;
use super::signatures::{signatures, verified};
use super::trail::{Leaf, Trail};
use super::{
    Break, Fault, Head, Heads, History, Kind, NoEntry, PrivatePart, Public, Record, SignedRoster, Stored,
    VERSION,
};
use crate::model::{Digest, Role, RunId};
use crate::people::{ChainName, Key, Roster};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// What verifying found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many entries were looked at.
    pub entries: usize,
    /// Everything that is not as it should be; empty means that the ledger is whole as far as anybody here can tell.
    pub breaks: Vec<Break>,
    /// What interrupted writes left: no part of the record, and no break.
    pub rests: Vec<PathBuf>,
    /// Intents without an outcome.
    pub open_runs: Vec<OpenRun>,
    /// The last entry of each chain.
    pub heads: BTreeMap<ChainName, Head>,
    /// Folders of chains that nobody has: nothing that counts can be hidden in them.
    nobodys: Vec<PathBuf>,
    /// Chains of people who never had a say in what is done: nothing that counts can be hidden in them either, and what they say
    /// to have seen takes nothing from anybody.
    weightless: HashSet<ChainName>,
    /// Files for which nobody vouches. They decide nothing, hide nothing and stop nobody: to put one there changes no more than to
    /// put none there, and what was taken away for it is missed like anything else that is gone.
    unfounded: HashSet<PathBuf>,
    /// The same with the signatures that lead there, where all of them were looked at.
    pub(super) verified: Option<BTreeMap<ChainName, Verified>>,
}

/// A run of which nobody said how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenRun {
    /// The run.
    pub run: RunId,
    /// Its intent.
    pub file: PathBuf,
}

impl Report {
    /// Something that may hide what an entry says.
    pub fn hidden(&self) -> Option<&Break> {
        self.of_somebody().find(|found| found.fault.hides())
    }

    /// An entry that is missing, or another, and that somebody has seen.
    pub fn missing(&self) -> Option<&Break> {
        self.of_somebody().find(|found| found.fault.misses())
    }

    /// An entry that was here, and is not, or is another.
    pub fn gone(&self) -> Option<&Break> {
        let is_signed = |found: &Break| !self.breaks_of(&found.file).any(|one| one.fault.is_nobodys_word());
        self.of_somebody().find(|found| {
            found.fault.is_gone()
                || matches!(found.fault, Fault::Gap { .. } | Fault::Previous) && is_signed(found)
        })
    }

    fn of_somebody(&self) -> impl Iterator<Item = &Break> {
        let nobodys = |found: &Break| self.nobodys.iter().any(|folder| found.file.starts_with(folder));
        let counts =
            move |found: &&Break| !nobodys(found) && !self.is_unfounded(found) && !self.is_weightless(found);
        self.breaks.iter().filter(counts)
    }

    /// Whether nobody vouches for the file. What is missed in its place is another matter.
    pub(super) fn is_unfounded(&self, found: &Break) -> bool {
        self.unfounded.contains(&found.file) && !found.fault.is_of_the_place()
    }

    /// What somebody put into the ledger that is nobody's word, the first of each file.
    pub fn set_aside(&self) -> Vec<&Break> {
        let mut files = HashSet::new();
        let all =
            self.breaks.iter().filter(|found| self.is_unfounded(found) && found.fault.is_nobodys_word());
        all.filter(|found| files.insert(&found.file)).collect()
    }

    fn is_weightless(&self, found: &Break) -> bool {
        let lies_in = |chain: &ChainName| found.file.starts_with(Path::new("ledger").join(chain.to_string()));
        self.weightless.iter().any(|chain| match &found.fault {
            Fault::SeenGone { chain: seen, .. } | Fault::SeenDiffers { chain: seen, .. } if seen == chain => {
                true
            }
            _ => lies_in(chain),
        })
    }

    /// Whether anything is wrong with this file itself. What it has seen and is gone, another one lacks.
    pub fn breaks_of(&self, file: &Path) -> impl Iterator<Item = &Break> {
        self.breaks.iter().filter(move |found| found.file == file && !found.fault.is_of_another())
    }

    /// The files with which something is wrong.
    pub fn broken(&self) -> HashSet<&Path> {
        let own = self.breaks.iter().filter(|found| !found.fault.is_of_another());
        own.map(|found| found.file.as_path()).collect()
    }
}

impl Record {
    /// Judges the record by the roster in force, with what the record has of the versions before it, and by what was
    /// verified here before.
    pub fn verify(&self, roster: &Roster, remembered: &Heads) -> Report {
        self.verify_by(&History::of(self, roster), remembered)
    }

    /// The same by a history of the roster.
    pub fn verify_by(&self, history: &History, remembered: &Heads) -> Report {
        let signatures = signatures(self, history, remembered);
        let unsigned = signatures.iter().map(|found| found.file.clone()).collect();
        let named = HashSet::new();
        let mut judge = Judge { record: self, history, breaks: self.breaks.clone(), unsigned, named };
        judge.breaks.extend(signatures);
        for (chain, entries) in &self.chains {
            judge.chain(chain, entries);
        }
        judge.remembered(remembered);
        judge.signed_before(remembered);
        let unfounded = judge.unfounded();
        // Of what was left out nobody can tell here which runs are through.
        let open_runs = if self.settled.is_empty() { judge.runs() } else { Vec::new() };
        let founded = self.chains.iter().map(|(chain, entries)| {
            let all: Vec<&Stored> = entries.iter().filter(|entry| !unfounded.contains(&entry.file)).collect();
            (chain, all)
        });
        let founded: BTreeMap<_, _> = founded.collect();
        let heads = founded.iter().filter_map(|(chain, all)| Some(((*chain).clone(), all.last()?.head())));
        let heads = heads.collect();
        let verified = self.settled.is_empty().then(|| {
            let chains = founded.iter();
            chains.filter_map(|(name, all)| Some(((*name).clone(), verified(all)?))).collect()
        });
        let mut breaks = judge.breaks;
        breaks.sort_by(|a, b| a.file.cmp(&b.file));
        Report {
            entries: self.entries().count(),
            rests: self.rests.clone(),
            open_runs,
            heads,
            nobodys: self
                .chains
                .keys()
                .filter(|chain| history.key(chain).is_none() && history.seal(chain).is_none())
                .map(|chain| Path::new("ledger").join(chain.to_string()))
                .collect(),
            unfounded,
            weightless: self.chains.keys().filter(|chain| !history.has_weight(chain)).cloned().collect(),
            verified,
            breaks,
        }
    }

    /// Whether an entry is in its place, also one that is left out; nothing, where there is none of its number.
    pub(super) fn has(&self, chain: &ChainName, head: Head) -> Option<bool> {
        let here = self.chains.get(chain).map_or(&[][..], |entries| with_number(entries, head.seq));
        let here = here.iter().filter(|entry| !matches!(entry.public, Err(NoEntry::Elsewhere(_))));
        let left_out = self.moments.get(chain).and_then(|all| all.get(&head.seq)).into_iter().flatten();
        let mut all = here.map(|entry| entry.digest).chain(left_out.map(Moment::digest)).peekable();
        all.peek()?;
        Some(all.any(|digest| digest == head.digest))
    }

    /// Up to which entry a chain was judged before.
    pub(super) fn held_up_to(&self, chain: &ChainName) -> u64 {
        self.settled.get(chain).map_or(0, |head| head.seq)
    }

    fn find(&self, chain: &ChainName, seq: u64) -> Option<&Stored> {
        let here = with_number(self.chains.get(chain)?, seq);
        here.iter().find(|entry| entry.public.is_ok()).or(here.first())
    }
}

/// The entries of a chain that have a number: one, where nobody put another one into another year.
pub(super) fn with_number(entries: &[Stored], seq: u64) -> &[Stored] {
    let from = entries.partition_point(|entry| entry.seq < seq);
    let upto = entries.partition_point(|entry| entry.seq <= seq);
    entries.get(from..upto).unwrap_or_default()
}

impl Stored {
    /// Its number and digest.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, digest: self.digest }
    }

    /// Whether it was written in another group.
    pub fn is_of_another_group(&self) -> bool {
        matches!(self.public, Err(NoEntry::OtherGroup(_)))
    }
}

pub(super) struct Judge<'a> {
    pub record: &'a Record,
    pub history: &'a History,
    pub breaks: Vec<Break>,
    /// Entries whose signatures don't count.
    pub unsigned: HashSet<PathBuf>,
    /// Entries that somebody with a say has seen, by chain; gathered where some are unsigned.
    pub named: HashSet<(&'a ChainName, Digest)>,
}

impl<'a> Judge<'a> {
    pub fn fault(&mut self, entry: &Stored, fault: Fault) {
        self.breaks.push(Break { file: entry.file.clone(), fault });
    }

    fn chain(&mut self, chain: &ChainName, entries: &'a [Stored]) {
        let key = self.history.key(chain).cloned();
        if key.is_none() && self.history.seal(chain).is_none() {
            // Of each entry: whoever asks whether one of them holds must hear of it.
            for entry in entries {
                self.fault(entry, Fault::UnknownKey(chain.operator().to_string()));
            }
            // Nothing else in it can be worse, or hide anything that counts.
            return;
        }
        let mut before: Option<&Stored> = None;
        let settled = self.record.held_up_to(chain);
        let doubles = Doubles::of(entries, &self.unsigned, self.history.seal(chain));
        for entry in entries {
            match &entry.public {
                Ok(_) if entry.seq <= settled => {}
                Ok(_) if doubles.beside.contains_key(&entry.file) => {
                    let other = doubles.beside.get(&entry.file).cloned().unwrap_or_default();
                    self.fault(entry, Fault::Beside(other));
                    continue;
                }
                Ok(_) if doubles.unclear.contains_key(&entry.file) => {
                    let other = doubles.unclear.get(&entry.file).cloned().unwrap_or_default();
                    self.fault(entry, Fault::Twice(other));
                }
                Ok(_) if self.is_put_beside(entry, entries) => continue,
                Ok(public) => self.entry(chain, entry, public, before, key.as_ref()),
                Err(NoEntry::Text(reason)) => self.fault(entry, Fault::NoEntry(reason.clone())),
                Err(NoEntry::OtherGroup(public)) => self.of_another_group(entry, public),
                Err(NoEntry::Elsewhere(public)) => self.elsewhere(chain, entry, public),
            }
            let is_elsewhere = matches!(entry.public, Err(NoEntry::Elsewhere(_)));
            if !is_elsewhere && (entry.public.is_ok() || !self.is_put_beside(entry, entries)) {
                before = Some(entry);
            }
        }
        if let Some(seal) = self.history.seal(chain) {
            self.seal(chain, seal);
        }
    }

    fn entry(
        &mut self,
        chain: &ChainName,
        entry: &'a Stored,
        public: &'a Public,
        before: Option<&Stored>,
        key: Option<&Key>,
    ) {
        if public.version != VERSION {
            self.fault(entry, Fault::Version(public.version));
        }
        let objection = key.and_then(|key| self.history.objection(chain, key, entry.seq, public));
        let objection = objection.or_else(|| self.history.ended(self.record, public));
        // What does not hold has seen nothing. Nor has a chain that a lead sealed: what there was to see then, that lead has seen; and
        // nor has who says it with no say any more.
        let has_say = [public.roster, self.history.version()].into_iter().all(|version| {
            let role = self.history.role_in(chain, version);
            role.is_none_or(|role| matches!(role, Role::Lead | Role::Operator))
        });
        let bears_witness = objection.is_none()
            && !self.unsigned.contains(&entry.file)
            && self.history.seal(chain).is_none()
            && (has_say || !self.history.has_weight(chain));
        if let Some(fault) = objection {
            self.fault(entry, fault);
        }
        self.order(entry, public, before);
        self.private(chain, entry, public);
        if bears_witness {
            self.seen(entry, public);
        }
        if bears_witness && has_say && !self.unsigned.is_empty() {
            self.named.extend(public.seen.iter().map(|(chain, head)| (chain, head.digest)));
        }
    }

    /// Whether one that is signed has the same number: what has no signature of the chain's key takes no place in it.
    fn is_put_beside(&self, entry: &Stored, entries: &[Stored]) -> bool {
        let stands = |other: &Stored| {
            other.file != entry.file && other.public.is_ok() && !self.unsigned.contains(&other.file)
        };
        let counts = entry.public.is_ok() && !self.unsigned.contains(&entry.file);
        !counts && with_number(entries, entry.seq).iter().any(stands)
    }

    /// What lies elsewhere is no entry. Where it is signed, and is not in its own place, somebody took it from there.
    fn elsewhere(&mut self, chain: &ChainName, entry: &Stored, public: &Public) {
        let said = format!("{}, {}, {}", public.chain, public.seq, year_of(public.time));
        self.fault(entry, Fault::Misplaced(said));
        let head = Head { seq: public.seq, digest: entry.digest };
        let is_signed = public.chain == *chain && !self.unsigned.contains(&entry.file);
        if is_signed && self.record.has(chain, head) != Some(true) {
            self.fault(entry, Fault::Moved(public.seq));
        }
    }

    /// Nothing that it says is about this group: it bears no witness, and misses nothing.
    fn of_another_group(&mut self, entry: &Stored, public: &Public) {
        if let Some(here) = self.record.group() {
            self.fault(entry, Fault::OtherGroup { said: public.group, here });
        }
    }

    fn order(&mut self, entry: &Stored, public: &Public, before: Option<&Stored>) {
        let (found, digest) = before.map_or((0, None), |before| (before.seq, Some(before.digest)));
        if entry.seq != found + 1 {
            self.fault(entry, Fault::Gap { found, missing: found + 1 });
        } else if public.previous != digest {
            self.fault(entry, Fault::Previous);
        }
        if public.roster > self.history.version() {
            self.fault(entry, Fault::RosterAhead(public.roster, self.history.version()));
        }
        if let Some(Ok(before)) = before.map(|before| &before.public)
            && public.roster < before.roster
        {
            self.fault(entry, Fault::RosterFell(public.roster, before.roster));
        }
    }

    fn private(&mut self, chain: &ChainName, entry: &Stored, public: &Public) {
        let (digest, content) = match (&entry.private, public.private) {
            (PrivatePart::Absent, Some(_)) if !self.record.is_public => {
                return self.fault(entry, Fault::PrivateGone);
            }
            (PrivatePart::Absent | PrivatePart::Unread, _) => return,
            (PrivatePart::Here(..), None) => return self.fault(entry, Fault::PrivateUnsigned),
            (PrivatePart::Here(found, content), Some(signed)) => (*found == signed, content),
        };
        match content {
            _ if !digest => self.fault(entry, Fault::PrivateDiffers),
            Err(reason) => self.fault(entry, Fault::NoEntry(reason.clone())),
            Ok(private) if private.operator != *chain.operator() => {
                self.fault(entry, Fault::PrivateOfAnother(private.operator.to_string()));
            }
            Ok(private) => {
                let role = self.history.role_in(chain, public.roster);
                let has_say = |role: &Role| matches!(role, Role::Lead | Role::Operator);
                if let Some(role) = role.filter(|role| !has_say(role) && has_say(&private.role)) {
                    self.fault(entry, Fault::RoleSaid { said: private.role, role });
                }
                self.signs(entry, public);
            }
        }
    }

    /// What the public may see of a roster is what the file says that was signed with it.
    fn signs(&mut self, entry: &Stored, public: &Public) {
        let (Some(signs), Some((_, Some(text)))) = (&public.signs, signed_file(entry)) else { return };
        let file = Roster::parse(Path::new("inventory/operators.yml"), text.as_bytes());
        if file.is_ok_and(|roster| SignedRoster::of(&roster) != *signs) {
            self.fault(entry, Fault::SignsDiffers(signs.version));
        }
    }

    fn seen(&mut self, entry: &Stored, public: &Public) {
        // Of a chain that is nobody's nothing is promised.
        let known =
            |chain: &ChainName| self.history.key(chain).is_some() || self.history.seal(chain).is_some();
        // What lies behind a seal counts for nothing, and nobody misses it where it is taken out.
        let is_sealed_off =
            |chain: &ChainName, head: &Head| self.history.seal(chain).is_some_and(|seal| head.seq > seal.seq);
        let counts = |(chain, head): &(&ChainName, &Head)| known(chain) && !is_sealed_off(chain, head);
        let seen: Vec<_> = public.seen.iter().filter(counts).collect();
        for (chain, head) in seen {
            let seq = head.seq;
            match self.record.has(chain, *head) {
                Some(true) => {}
                Some(false) => self.fault(entry, Fault::SeenDiffers { chain: chain.clone(), seq }),
                None => self.fault(entry, Fault::SeenGone { chain: chain.clone(), seq }),
            }
        }
    }

    fn seal(&mut self, chain: &ChainName, seal: Head) {
        let entries: &[Stored] = self.record.chains.get(chain).map_or(&[], |entries| entries);
        let mut own = true;
        for entry in entries.iter().filter(|entry| entry.seq > seal.seq) {
            own &= entry.public.as_ref().is_ok_and(|public| self.history.signs_its_own_seal(chain, public));
            if !own {
                self.fault(entry, Fault::AfterSeal(seal.seq));
            }
        }
        if seal.seq > 0 && self.record.has(chain, seal) != Some(true) {
            let file = self.file_of(chain, seal.seq);
            self.breaks.push(Break { file, fault: Fault::SealDiffers });
        }
    }

    fn remembered(&mut self, remembered: &Heads) {
        for (chain, head) in remembered.iter() {
            let fault = match self.record.has(chain, *head) {
                Some(true) => continue,
                Some(false) => Fault::Rewritten,
                None => Fault::Forgotten,
            };
            self.breaks.push(Break { file: self.file_of(chain, head.seq), fault });
        }
    }

    /// Brings intents and outcomes together; gives back the runs that nobody closed.
    fn runs(&mut self) -> Vec<OpenRun> {
        let record = self.record;
        for (_, entry) in record.entries() {
            let Ok(public) = &entry.public else { continue };
            if matches!(public.kind, Kind::Intent | Kind::Outcome) && public.run.is_none() {
                self.fault(entry, Fault::NoRun);
            }
        }
        // What does not hold by itself says nothing against what does.
        let own = self.breaks.iter().filter(|found| !found.fault.is_of_another());
        let broken: HashSet<PathBuf> = own.map(|found| found.file.clone()).collect();
        let mut open = Vec::new();
        let holds = |leaf: &Leaf<'_>| !broken.contains(&leaf.entry.file);
        for (run, trail) in Trail::all(record) {
            let trail = trail.of_what_holds(holds);
            self.intents(run, &trail.intents.iter().copied().filter(holds).collect::<Vec<_>>());
            if trail.intents.is_empty() {
                trail.outcomes.iter().for_each(|leaf| self.fault(leaf.entry, Fault::NoIntent(run)));
            }
            if let Some(last) = trail.last_intent().filter(|_| trail.outcome().is_none()) {
                open.push(OpenRun { run, file: last.entry.file.clone() });
            }
        }
        open
    }

    /// A run has one intent, and one more for each time that somebody picked it up, which says which one that was.
    fn intents(&mut self, run: RunId, intents: &[Leaf<'a>]) {
        let known = |digest: Digest| intents.iter().any(|leaf| leaf.entry.digest == digest);
        for (at, leaf) in intents.iter().enumerate() {
            match (leaf.private(), leaf.resumes()) {
                (_, Some(resumed)) if !known(resumed) => self.fault(leaf.entry, Fault::ResumesNothing(run)),
                (Some(_), None) if at > 0 => self.fault(leaf.entry, Fault::SecondIntent(run)),
                _ => {}
            }
        }
    }

    fn file_of(&self, chain: &ChainName, seq: u64) -> PathBuf {
        let chain_directory = Path::new("ledger").join(chain.to_string());
        self.record
            .find(chain, seq)
            .map_or_else(|| chain_directory.join(format!("{seq:08}.json")), |entry| entry.file.clone())
    }
}

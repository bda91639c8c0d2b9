//! Verifying: signatures, chains, roles, seals, what others have seen, and what this client remembers. Pure: it judges a
//! [`Record`] by a roster, and opens no file.

use super::append::year_of;
use super::trail::{Leaf, Trail};
use super::{Break, Fault, Head, Heads, Kind, PrivatePart, Public, Record, Stored, VERSION};
use crate::model::{Digest, RunId};
use crate::people::{ChainName, Key, LEDGER_NAMESPACE, Person, Roster, Seal, VerifyError};
use std::collections::BTreeMap;
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
    /// Whether anything is wrong with this file.
    pub fn breaks_of(&self, file: &Path) -> impl Iterator<Item = &Break> {
        self.breaks.iter().filter(move |found| found.file == file)
    }
}

impl Record {
    /// Judges the record by a roster and by what was verified here before.
    pub fn verify(&self, roster: &Roster, remembered: &Heads) -> Report {
        let mut judge = Judge { record: self, roster, breaks: self.breaks.clone() };
        for (chain, entries) in &self.chains {
            judge.chain(chain, entries);
        }
        judge.remembered(remembered);
        let open_runs = judge.runs();
        let heads =
            self.chains.iter().filter_map(|(chain, entries)| Some((chain.clone(), entries.last()?.head())));
        Report {
            entries: self.entries().count(),
            rests: self.rests.clone(),
            open_runs,
            heads: heads.collect(),
            breaks: judge.breaks,
        }
    }

    fn find(&self, chain: &ChainName, seq: u64) -> Option<&Stored> {
        let entries = self.chains.get(chain)?;
        let at = entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        entries.get(at)
    }
}

impl Stored {
    /// Its number and digest.
    pub fn head(&self) -> Head {
        Head { seq: self.seq, digest: self.digest }
    }
}

struct Judge<'a> {
    record: &'a Record,
    roster: &'a Roster,
    breaks: Vec<Break>,
}

/// By whose key, and in which role, a chain was written.
enum Hand<'a> {
    /// Somebody in the roster.
    Known(&'a Person, &'a Key),
    /// Whoever it was: the roster vouches for the chain up to its seal.
    Sealed(&'a Seal, Option<Key>),
    /// Nobody we know.
    Nobody,
}

impl<'a> Judge<'a> {
    fn fault(&mut self, entry: &Stored, fault: Fault) {
        self.breaks.push(Break { file: entry.file.clone(), fault });
    }

    fn chain(&mut self, chain: &ChainName, entries: &'a [Stored]) {
        let hand = self.hand(chain, entries);
        if matches!(hand, Hand::Nobody) && !entries.is_empty() {
            let file = Path::new("ledger").join(chain.to_string());
            self.breaks.push(Break { file, fault: Fault::UnknownKey(chain.operator().to_string()) });
        }
        let mut before: Option<&Stored> = None;
        for entry in entries {
            self.signature(entry, &hand);
            match &entry.public {
                Ok(public) => self.entry(chain, entry, public, before, &hand),
                Err(reason) => self.fault(entry, Fault::NoEntry(reason.clone())),
            }
            before = Some(entry);
        }
        if let Hand::Sealed(seal, _) = hand {
            self.seal(chain, seal);
        }
    }

    fn hand(&self, chain: &ChainName, entries: &[Stored]) -> Hand<'a> {
        let roster = self.roster;
        if let Some(seal) = roster.sealed.get(chain) {
            let claimed = entries.iter().find_map(|entry| Key::claimed_by(entry.signature.as_ref()?).ok());
            return Hand::Sealed(seal, claimed.filter(|key| chain.is_of(key)));
        }
        let person = roster.person(chain.operator());
        let known =
            person.and_then(|person| Some((person, person.keys.iter().find(|key| chain.is_of(key))?)));
        known.map_or(Hand::Nobody, |(person, key)| Hand::Known(person, key))
    }

    fn signature(&mut self, entry: &Stored, hand: &Hand<'_>) {
        let Some(signature) = &entry.signature else { return self.fault(entry, Fault::Unsigned) };
        let key = match hand {
            Hand::Known(_, key) => *key,
            Hand::Sealed(_, Some(key)) => key,
            Hand::Sealed(_, None) => return self.fault(entry, Fault::Signature(VerifyError::OtherKey)),
            Hand::Nobody => return,
        };
        if let Err(error) = key.verify(LEDGER_NAMESPACE, &entry.bytes, signature) {
            self.fault(entry, Fault::Signature(error));
        }
    }

    fn entry(
        &mut self,
        chain: &ChainName,
        entry: &Stored,
        public: &Public,
        before: Option<&Stored>,
        hand: &Hand<'_>,
    ) {
        if public.version > VERSION {
            self.fault(entry, Fault::Version(public.version));
        }
        let said = (&public.chain, public.seq, year_of(public.time));
        if said != (chain, entry.seq, entry.year) {
            self.fault(entry, Fault::Misplaced(format!("{}, {}, {}", said.0, said.1, said.2)));
        }
        if let Hand::Known(person, _) = hand
            && !public.kind.may_be_signed_by(person.role)
        {
            self.fault(entry, Fault::Role { role: person.role, kind: public.kind });
        }
        self.order(entry, public, before);
        self.private(chain, entry, public);
        self.seen(entry, public);
    }

    fn order(&mut self, entry: &Stored, public: &Public, before: Option<&Stored>) {
        let (found, digest) = before.map_or((0, None), |before| (before.seq, Some(before.digest)));
        if let Some(before) = before.filter(|before| before.seq == entry.seq) {
            return self.fault(entry, Fault::Twice(before.file.display().to_string()));
        }
        if entry.seq != found + 1 {
            self.fault(entry, Fault::Gap { found, missing: found + 1 });
        } else if public.previous != digest {
            self.fault(entry, Fault::Previous);
        }
        if public.roster > self.roster.version {
            self.fault(entry, Fault::RosterAhead(public.roster, self.roster.version));
        }
        if let Some(Ok(before)) = before.map(|before| &before.public)
            && public.roster < before.roster
        {
            self.fault(entry, Fault::RosterFell(public.roster, before.roster));
        }
    }

    fn private(&mut self, chain: &ChainName, entry: &Stored, public: &Public) {
        let (digest, content) = match (&entry.private, public.private) {
            (PrivatePart::Absent, _) => return,
            (PrivatePart::Here(..), None) => return self.fault(entry, Fault::PrivateUnsigned),
            (PrivatePart::Here(found, content), Some(signed)) => (*found == signed, content),
        };
        match content {
            _ if !digest => self.fault(entry, Fault::PrivateDiffers),
            Err(reason) => self.fault(entry, Fault::NoEntry(reason.clone())),
            Ok(private) if private.operator != *chain.operator() => {
                self.fault(entry, Fault::PrivateOfAnother(private.operator.to_string()));
            }
            Ok(_) => {}
        }
    }

    fn seen(&mut self, entry: &Stored, public: &Public) {
        for (chain, head) in &public.seen {
            let seq = head.seq;
            match self.digest_of(chain, seq) {
                Some(digest) if digest == head.digest => {}
                Some(_) => self.fault(entry, Fault::SeenDiffers { chain: chain.clone(), seq }),
                None => self.fault(entry, Fault::SeenGone { chain: chain.clone(), seq }),
            }
        }
    }

    fn seal(&mut self, chain: &ChainName, seal: &Seal) {
        let entries: &[Stored] = self.record.chains.get(chain).map_or(&[], |entries| entries);
        for entry in entries.iter().filter(|entry| entry.seq > seal.last) {
            self.fault(entry, Fault::AfterSeal(seal.last));
        }
        if seal.last > 0 && self.digest_of(chain, seal.last) != Some(seal.digest) {
            let file = self.file_of(chain, seal.last);
            self.breaks.push(Break { file, fault: Fault::SealDiffers });
        }
    }

    fn remembered(&mut self, remembered: &Heads) {
        for (chain, head) in remembered.iter() {
            let fault = match self.digest_of(chain, head.seq) {
                Some(digest) if digest == head.digest => continue,
                Some(_) => Fault::Rewritten,
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
        let mut open = Vec::new();
        for (run, trail) in Trail::all(record) {
            self.intents(run, &trail.intents);
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

    fn digest_of(&self, chain: &ChainName, seq: u64) -> Option<Digest> {
        self.record.find(chain, seq).map(|entry| entry.digest)
    }

    fn file_of(&self, chain: &ChainName, seq: u64) -> PathBuf {
        let chain_directory = Path::new("ledger").join(chain.to_string());
        self.record
            .find(chain, seq)
            .map_or_else(|| chain_directory.join(format!("{seq:08}.json")), |entry| entry.file.clone())
    }
}

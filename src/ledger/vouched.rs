//! Entries of a kind that hold: signed with a key that the roster names or a seal vouches for, where they say they are,
//! with the private part that was signed. What is decided by entries (which sealed value is the newest) is decided by these.

use super::append::year_of;
use super::day::moves_the_day;
use super::{Details, Head, Heads, Kind, PrivatePart, Public, Record, Stored};
use crate::model::Digest;
use crate::people::{ChainName, Key, LEDGER_NAMESPACE, Person, Roster};
use jiff::civil::Date;
use std::collections::HashSet;

/// An entry that holds.
#[derive(Clone, Copy)]
pub struct Vouched<'a> {
    /// Its chain.
    pub chain: &'a ChainName,
    /// As it lies on the disk.
    pub entry: &'a Stored,
    /// Its public part.
    pub public: &'a Public,
    /// Its private part.
    pub details: &'a Details,
    /// Whether a seal of the roster vouches for it: whoever signed it may do less today than then.
    pub sealed: bool,
}

impl Record {
    /// The entries of a kind that hold under a roster.
    pub fn vouched(&self, roster: &Roster, kind: Kind) -> Vec<Vouched<'_>> {
        let mut all = Vec::new();
        for (chain, entries) in &self.chains {
            let of_kind = |entry: &&Stored| entry.public.as_ref().is_ok_and(|public| public.kind == kind);
            if !entries.iter().any(|entry| of_kind(&entry)) {
                continue;
            }
            let Some(hand) = Hand::of(self, chain, entries, roster) else { continue };
            let held = entries.iter().filter(of_kind).filter_map(|entry| {
                let day =
                    self.earliest_day(entry.public.as_ref().ok()?, |chain| moves_the_day(roster, chain));
                hand.vouch(chain, entry, (kind, day))
            });
            all.extend(held);
        }
        all
    }
}

impl Record {
    /// The first entry that was seen here before and is not here, or is another.
    pub fn lacks(&self, seen: &Heads) -> Option<(ChainName, u64)> {
        let differs = |(chain, head): &(&ChainName, &super::Head)| self.has(chain, **head) != Some(true);
        seen.iter().find(differs).map(|(chain, head)| (chain.clone(), head.seq))
    }
}

/// By what a chain's entries are judged.
struct Hand<'a> {
    key: Key,
    person: Option<&'a Person>,
    /// The last entry that the roster's seal vouches for.
    last: Option<u64>,
    /// Those that lead to it, where that was looked at: others may have the same numbers.
    links: Option<HashSet<Digest>>,
}

impl<'a> Hand<'a> {
    fn of(record: &Record, chain: &ChainName, entries: &[Stored], roster: &'a Roster) -> Option<Self> {
        let person = roster.person(chain.operator());
        let Some(seal) = roster.sealed.get(chain) else {
            let key = person?.keys.iter().find(|key| chain.is_of(key))?.clone();
            return Some(Self { key, person, last: None, links: None });
        };
        // From the seal backwards, each entry names the digest of the one before.
        let mut digest = Some(seal.digest);
        let is_settled = seal.last <= record.held_up_to(chain);
        if is_settled && record.has(chain, Head { seq: seal.last, digest: seal.digest }) != Some(true) {
            return None;
        }
        let mut links = HashSet::new();
        for seq in (1..=seal.last).rev().filter(|_| !is_settled) {
            let mut all = super::verify::with_number(entries, seq).iter();
            let entry = all.find(|entry| Some(entry.digest) == digest)?;
            links.insert(entry.digest);
            digest = entry.public.as_ref().ok()?.previous;
        }
        let claimed = entries.iter().find_map(|entry| Key::claimed_by(entry.signature.as_ref()?).ok());
        let key = claimed.filter(|key| chain.is_of(key))?;
        Some(Self { key, person: None, last: Some(seal.last), links: (!is_settled).then_some(links) })
    }

    fn vouch<'r>(
        &self,
        chain: &'r ChainName,
        entry: &'r Stored,
        (kind, day): (Kind, Date),
    ) -> Option<Vouched<'r>> {
        let public = entry.public.as_ref().ok()?;
        let placed = (&public.chain, public.seq, year_of(public.time)) == (chain, entry.seq, entry.year);
        let may = self.person.is_none_or(|person| kind.may_be_signed_by(person.role) && !ended(person, day));
        let is_astray = self.links.as_ref().is_some_and(|links| !links.contains(&entry.digest));
        if is_astray || !placed || !may || self.last.is_some_and(|last| entry.seq > last) {
            return None;
        }
        self.key.verify(LEDGER_NAMESPACE, &entry.bytes, entry.signature.as_ref()?).ok()?;
        let PrivatePart::Here(digest, Ok(private)) = &entry.private else { return None };
        let holds = public.private == Some(*digest) && private.operator == *chain.operator();
        let details = &private.details;
        holds.then_some(Vouched { chain, entry, public, details, sealed: self.last.is_some() })
    }
}

/// Whether somebody's clearance had ended on that day.
fn ended(person: &Person, day: Date) -> bool {
    person.nda.as_ref().is_none_or(|nda| nda.until.is_some_and(|until| until < day))
}

impl Vouched<'_> {
    /// Whether its writer had seen the other.
    pub fn follows(&self, other: &Vouched<'_>) -> bool {
        if self.chain == other.chain {
            return self.entry.seq > other.entry.seq;
        }
        self.public.seen.get(other.chain).is_some_and(|head| head.seq >= other.entry.seq)
    }
}

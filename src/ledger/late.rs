//! A signature under a roster whose writer's agreement ended since may have been made after that, with a clock that is set back and
//! as if nothing had been seen of what others did meanwhile. What they wrote under the version before, which their own clients would
//! not have done had there been a next one, says that it was: unless somebody who still counts had seen it in time.

use super::append::year_of;
use super::day::{day, moves_the_day};
use super::rosters::Signed;
use super::tree;
use super::{Public, Record};
use crate::model::{Digest, OperatorName};
use crate::people::{ChainName, LEDGER_NAMESPACE, Roster};
use jiff::{SignedDuration, Timestamp};

/// What an entry says of when it was written.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub seq: u64,
    pub digest: Digest,
    pub time: Timestamp,
    /// The version under which it was written.
    pub roster: u64,
    /// The group in which it was.
    pub group: Digest,
}

impl Written {
    pub fn of(seq: u64, digest: Digest, public: &Public) -> Self {
        Self { seq, digest, time: public.time, roster: public.roster, group: public.group }
    }
}

/// Around the world, the day after an agreement's last one has begun everywhere, and is over.
const SLACK: SignedDuration = SignedDuration::from_hours(48);

impl Record {
    /// When a signature over a version after `at` was made at the earliest, where others wrote on without it after its writer's
    /// agreement had ended.
    pub(super) fn made_late(&self, at: &Signed<'_>, public: &Public) -> Option<Timestamp> {
        let before = at.roster();
        let signer = public.chain.operator();
        let until = before.person(signer)?.nda.as_ref()?.until?;
        let over = until.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().checked_add(SLACK).ok()?;
        let now = self.read_at.checked_add(SignedDuration::from_hours(24)).ok()?;
        let others = || self.others(before, signer);
        let unaware = others().find_map(|(chain, written)| {
            let is_later = written.time >= over && written.time <= now && written.roster <= before.version;
            let entry = is_later.then(|| self.holds(before, chain, written)).flatten()?;
            let has_seen = sees(&entry, public);
            (!has_seen).then_some(written.time)
        })?;
        let mut witnesses = others().filter(|(chain, written)| {
            let is_in_time = written.time < over && written.time >= public.time;
            let person = before.person(chain.operator());
            let counts = person.is_some_and(|person| person.is_agreed(day(unaware)));
            is_in_time
                && counts
                && self.holds(before, chain, written).is_some_and(|entry| sees(&entry, public))
        });
        witnesses.next().is_none().then_some(unaware)
    }

    /// What others wrote whose word on the time counts, as it says.
    fn others<'a>(
        &'a self,
        roster: &'a Roster,
        but: &'a OperatorName,
    ) -> impl Iterator<Item = (&'a ChainName, &'a Written)> {
        let of_others = move |chain: &ChainName| chain.operator() != but && moves_the_day(roster, chain);
        let chains = self.written.iter().filter(move |(chain, _)| of_others(chain));
        chains.flat_map(|(chain, all)| all.iter().map(move |written| (chain, written)))
    }

    /// An entry, where the key that the roster has for its chain signed it.
    fn holds(&self, roster: &Roster, chain: &ChainName, written: &Written) -> Option<Public> {
        let key = roster.person(chain.operator())?.keys.iter().find(|key| chain.is_of(key))?;
        let directory = tree::year_directory(&self.chain_directory(chain), year_of(written.time));
        let (bytes, signature) = tree::read_signed(&directory, written.seq).ok()?;
        let public: Public = serde_json::from_slice(&bytes).ok()?;
        let is_it = Digest::of(&bytes) == written.digest
            && public.group == written.group
            && public.chain == *chain
            && public.seq == written.seq;
        (is_it && key.verify(LEDGER_NAMESPACE, &bytes, &signature).is_ok()).then_some(public)
    }
}

fn sees(entry: &Public, signing: &Public) -> bool {
    entry.seen.get(&signing.chain).is_some_and(|head| head.seq >= signing.seq)
}

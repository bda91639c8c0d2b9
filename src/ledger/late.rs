//! A signature under a roster whose writer's agreement ended since may have been made after that, with a clock that is set back and
//! as if nothing had been seen of what others did meanwhile. What they wrote under the version before, which their own clients would
//! not have done had there been a next one, says that it was: unless somebody who still counts had seen it in time.

use super::append::year_of;
use super::day::{day, moves_the_day};
use super::rosters::Signed;
use super::tree;
use super::{Public, Record};
use crate::model::{Digest, OperatorName, Role};
use crate::people::{ChainName, Key, LEDGER_NAMESPACE, Roster, rank};
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

/// What those say of the past whose agreements have ended since.
#[derive(Clone, Copy)]
enum Lapsed {
    /// What they had seen.
    Tell,
    /// Nothing against a lead.
    TellNothing,
}

/// Around the world, the day after an agreement's last one has begun everywhere, and is over.
const SLACK: SignedDuration = SignedDuration::from_hours(48);

impl Record {
    /// When a signature over a version after `at` was made at the earliest, where others wrote on without it after its writer's
    /// agreement had ended.
    pub(super) fn made_late(&self, at: &Signed<'_>, public: &Public) -> Option<Timestamp> {
        self.made_late_by(at, public, Lapsed::Tell)
    }

    /// The same where nobody whose agreement has ended since tells that it was there in time, against a lead whom it removes and who
    /// went on without it: they may have made it up together, and that lead may have gone on for the sake of it.
    pub(super) fn contested(&self, at: &Signed<'_>, public: &Public) -> Option<Timestamp> {
        self.made_late_by(at, public, Lapsed::TellNothing)
    }

    fn made_late_by(&self, at: &Signed<'_>, public: &Public, lapsed: Lapsed) -> Option<Timestamp> {
        let before = at.roster();
        let signer = public.chain.operator();
        let until = before.person(signer)?.nda.as_ref()?.until?;
        let over = until.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().checked_add(SLACK).ok()?;
        let now = self.read_at.checked_add(SignedDuration::from_hours(24)).ok()?;
        let others = || self.others(before, signer);
        let unaware = |takes_from: bool, whose: &dyn Fn(&ChainName) -> bool| {
            others().find_map(|(chain, written)| {
                let is_later =
                    written.time >= over && written.time <= now && written.roster <= before.version;
                let counts = is_later && takes(before, public, chain) == takes_from && whose(chain);
                let entry = counts.then(|| self.holds(before, chain, written)).flatten()?;
                let has_seen = sees(&entry, public);
                (!has_seen).then_some(written.time)
            })
        };
        let is_witnessed = |agreed_on: &dyn Fn(Timestamp) -> Timestamp| {
            others().any(|(chain, written)| {
                let is_in_time = written.time < over && written.time >= public.time;
                let person = before.person(chain.operator());
                let counts = person.is_some_and(|person| person.is_agreed(day(agreed_on(written.time))));
                is_in_time
                    && counts
                    && !takes(before, public, chain)
                    && self.holds(before, chain, written).is_some_and(|entry| sees(&entry, public))
            })
        };
        let by_others = unaware(false, &|_| true).filter(|unaware| !is_witnessed(&|_| *unaware));
        // Who is taken something by it has every reason not to have seen it: it is enough that somebody had in time whose agreement
        // counted then. Else whoever is removed would undo it once all agreements of those days are over.
        let by_losers = || unaware(true, &|_| true).filter(|_| !is_witnessed(&|written| written));
        let by_leads =
            || unaware(true, &|chain| leads(before, chain)).filter(|unaware| !is_witnessed(&|_| *unaware));
        match lapsed {
            Lapsed::Tell => by_others.or_else(by_losers),
            Lapsed::TellNothing => by_others.or_else(by_losers).or_else(by_leads),
        }
    }

    /// Whether somebody else than those who signed a version wrote under it or a later one, with the signature before their eyes: an
    /// operator or a lead of the version before. Who makes one up alone has nobody who does.
    pub(super) fn went_on_under(&self, at: &Signed<'_>, one: &Signed<'_>) -> bool {
        let before = at.roster();
        let signers: Vec<&OperatorName> =
            one.hands.iter().map(|(_, public)| public.chain.operator()).collect();
        let has_say = |chain: &ChainName| {
            let person = before.person(chain.operator());
            person.is_some_and(|person| matches!(person.role, Role::Lead | Role::Operator))
        };
        let others =
            self.written.iter().filter(|(chain, _)| has_say(chain) && !signers.contains(&chain.operator()));
        others.flat_map(|(chain, all)| all.iter().map(move |written| (chain, written))).any(
            |(chain, written)| {
                written.roster >= one.roster().version
                    && self
                        .holds(before, chain, written)
                        .is_some_and(|entry| one.hands.iter().any(|(_, public)| sees(&entry, public)))
            },
        )
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

fn leads(roster: &Roster, chain: &ChainName) -> bool {
    roster.person(chain.operator()).is_some_and(|person| person.role == Role::Lead)
}

/// Whether a version takes the writer of a chain their role or their key, or ends it.
fn takes(before: &Roster, signing: &Public, chain: &ChainName) -> bool {
    let Some(signs) = &signing.signs else { return false };
    let was = before.person(chain.operator());
    let keeps = signs.people.get(chain.operator()).is_some_and(|person| {
        let has_key = person.keys.iter().any(|key| key.parse().is_ok_and(|key: Key| chain.is_of(&key)));
        has_key && was.is_some_and(|was| rank(person.role) >= rank(was.role))
    });
    !keeps || signs.sealed.contains_key(chain)
}

fn sees(entry: &Public, signing: &Public) -> bool {
    entry.seen.get(&signing.chain).is_some_and(|head| head.seq >= signing.seq)
}

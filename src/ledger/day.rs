//! When an entry can have been written at the earliest. Its own time is its writer's word alone; what it builds on is older than
//! itself, whatever its writer's clock said. An agreement that had ended by then had ended.

use super::{Head, Public, Record};
use crate::model::{Digest, Role};
use crate::people::{ChainName, Roster};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// How far a clock may be off before it is wrong.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// When an entry says that it was written.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    digest: Digest,
    time: Timestamp,
    /// The earliest time of those behind it in its chain.
    after: Timestamp,
}

impl Moment {
    /// The entry's digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// When it says that it was written.
    pub fn time(&self) -> Timestamp {
        self.time
    }
}

/// The times of a chain, by number: of several entries with the same one, all.
pub(super) type Moments = BTreeMap<u64, Vec<Moment>>;

/// The times of a chain, of its entries' numbers, digests and times.
pub(super) fn moments(entries: impl IntoIterator<Item = (u64, Digest, Timestamp)>) -> Moments {
    let mut all = Moments::new();
    for (seq, digest, time) in entries {
        all.entry(seq).or_default().push(Moment { digest, time, after: Timestamp::MAX });
    }
    let mut least = Timestamp::MAX;
    for moments in all.values_mut().rev() {
        moments.iter_mut().for_each(|moment| moment.after = least);
        least = moments.iter().map(|moment| moment.time).fold(least, Timestamp::min);
    }
    all
}

impl Record {
    /// When an entry can have been written at the earliest. What it has seen counts of chains that `moves` lets count: of whoever may
    /// change nothing, no time is believed.
    pub(super) fn earliest(&self, public: &Public, moves: impl Fn(&ChainName) -> bool) -> Timestamp {
        let before = public.previous.zip(public.seq.checked_sub(1));
        let before = before.map(|(digest, seq)| (&public.chain, Head { seq, digest }));
        let seen = public.seen.iter().filter(|(chain, _)| moves(chain)).map(|(chain, head)| (chain, *head));
        let built_on = before.into_iter().chain(seen).filter_map(|(chain, head)| self.time_of(chain, head));
        built_on.fold(public.time, Timestamp::max)
    }

    /// The same as a day.
    pub(super) fn earliest_day(&self, public: &Public, moves: impl Fn(&ChainName) -> bool) -> Date {
        day(self.earliest(public, moves))
    }

    /// When an entry was written, where that is to be believed: a time that has not come, and one behind which its own writer wrote
    /// an earlier one, were a clock that was ahead.
    pub(super) fn time_of(&self, chain: &ChainName, head: Head) -> Option<Timestamp> {
        let all = self.moments.get(chain)?.get(&head.seq)?;
        let moment = all.iter().find(|moment| moment.digest == head.digest)?;
        let was_ahead = moment.after < moment.time.checked_sub(DAY).unwrap_or(Timestamp::MIN);
        let is_to_come = moment.time > self.read_at.checked_add(DAY).unwrap_or(Timestamp::MAX);
        (!was_ahead && !is_to_come).then_some(moment.time)
    }
}

/// Whether somebody whose word on the time counts writes this chain.
pub(super) fn moves_the_day(roster: &Roster, chain: &ChainName) -> bool {
    let person = roster.person(chain.operator());
    person.is_some_and(|person| {
        matches!(person.role, Role::Lead | Role::Operator) && person.keys.iter().any(|key| chain.is_of(key))
    })
}

/// The day of a time.
pub(super) fn day(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

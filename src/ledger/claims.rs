//! Claims that stand: hosts that somebody keeps for themselves for a while, each a signed entry.
//!
//! A claim counts if its signature holds, if whoever signed it is cleared today with that very key, and until its time is
//! over, it is released, or its writer claims the host anew. Its writer releases it, or a lead who had seen it: what a
//! writer had seen is in the entry, whatever clocks say.

use super::append::year_of;
use super::{Break, Fault, Kind, PrivatePart, Public, Record, Stored};
use crate::model::{HostName, OperatorName, Role};
use crate::people::{ChainName, LEDGER_NAMESPACE, Permission, Roster, Standing, Verb};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// Longest claim.
pub const CLAIM_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Hosts that somebody keeps for themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Who.
    pub by: OperatorName,
    /// Which hosts.
    pub hosts: Vec<HostName>,
    /// The first moment after it.
    pub until: Timestamp,
    /// What for.
    pub note: String,
}

/// A claim or a release that holds.
struct Said<'a> {
    chain: &'a ChainName,
    entry: &'a Stored,
    public: &'a Public,
    role: Role,
}

impl Record {
    /// The claims that stand at a moment, in the order in which they end. The record need not go back further than
    /// [`CLAIM_MAX`].
    pub fn claims(&self, roster: &Roster, now: Timestamp, today: Date) -> Vec<Claim> {
        let said: Vec<Said<'_>> =
            self.entries().filter_map(|(chain, entry)| Said::of(chain, entry, roster, today)).collect();
        let mut claims: Vec<Claim> = said.iter().filter_map(|claim| claim.standing(&said, now)).collect();
        claims.sort_by(|a, b| (a.until, &a.by).cmp(&(b.until, &b.by)));
        claims
    }

    /// A claim, or a release, of which nobody can tell what it says: its private part is not the one that was signed. As long as it
    /// could stand, whose hosts are can't be told.
    pub fn unclear_claim(&self, roster: &Roster, now: Timestamp, today: Date) -> Option<Break> {
        let longest = SignedDuration::try_from(CLAIM_MAX).ok()?;
        self.entries().find_map(|(chain, entry)| {
            let said = Said::signed(chain, entry, roster, today)?;
            let could_stand = said.public.time.checked_add(longest).is_ok_and(|until| now < until);
            let fault = match entry.private {
                PrivatePart::Absent => Fault::PrivateGone,
                _ => Fault::PrivateDiffers,
            };
            (could_stand && !said.is_whole()).then(|| Break { file: entry.file.clone(), fault })
        })
    }
}

impl<'a> Said<'a> {
    fn of(chain: &'a ChainName, entry: &'a Stored, roster: &Roster, today: Date) -> Option<Self> {
        Self::signed(chain, entry, roster, today).filter(Self::is_whole)
    }

    /// The same, whatever its private part is.
    fn signed(chain: &'a ChainName, entry: &'a Stored, roster: &Roster, today: Date) -> Option<Self> {
        let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Claim)?;
        let person = roster.person(chain.operator())?;
        let key = person.keys.iter().find(|key| chain.is_of(key))?;
        let sealed = roster.sealed.get(chain).is_some_and(|seal| entry.seq > seal.last);
        let is_cleared = Standing::of(person, today).may(Verb::Patch) == Permission::Change;
        let placed = (&public.chain, public.seq, year_of(public.time)) == (chain, entry.seq, entry.year);
        if sealed || !is_cleared || !placed {
            return None;
        }
        key.verify(LEDGER_NAMESPACE, &entry.bytes, entry.signature.as_ref()?).ok()?;
        Some(Self { chain, entry, public, role: person.role })
    }

    /// Whether its private part is the one that was signed.
    fn is_whole(&self) -> bool {
        let PrivatePart::Here(digest, Ok(private)) = &self.entry.private else { return false };
        self.public.private == Some(*digest) && private.operator == *self.chain.operator()
    }

    fn details(&self) -> Option<&'a super::Details> {
        self.entry.private.content().map(|private| &private.details)
    }

    /// What of a claim stands at a moment, whatever else was said.
    fn standing(&self, said: &[Said<'_>], now: Timestamp) -> Option<Claim> {
        let details = self.details()?;
        let longest = SignedDuration::try_from(CLAIM_MAX).ok()?;
        let until = details.until?.min(self.public.time.checked_add(longest).ok()?);
        let ended = |host: &HostName| said.iter().any(|other| other.ends(self, host));
        let hosts: Vec<HostName> = details.hosts.iter().filter(|host| !ended(host)).cloned().collect();
        let note = details.note.clone().unwrap_or_default();
        let by = self.chain.operator().clone();
        (now < until && !hosts.is_empty()).then_some(Claim { by, hosts, until, note })
    }

    /// Whether this ends a claim on a host: a release, or the same person's next claim.
    fn ends(&self, claim: &Said<'_>, host: &HostName) -> bool {
        let Some(details) = self.details().filter(|_| self.follows(claim)) else { return false };
        let own = self.chain.operator() == claim.chain.operator();
        let releases = details.released.contains(host) && (own || self.role == Role::Lead);
        releases || (own && details.until.is_some() && details.hosts.contains(host))
    }

    /// Whether its writer had seen the other.
    fn follows(&self, other: &Said<'_>) -> bool {
        if self.chain == other.chain {
            return self.entry.seq > other.entry.seq;
        }
        self.public.seen.get(other.chain).is_some_and(|head| head.seq >= other.entry.seq)
    }
}

//! What holds hosts out of a run, gathered from settings and ledger, and said as the run begins.

use super::four_eyes::FourEyes;
use super::ledger::index;
use super::machines::Machines;
use super::repository::Repository;
use super::who::Who;
use super::{Console, Exit, Failure};
use crate::event::{Event, HeldOut, HoldCause};
use crate::execute::{Admission, Holds, Prepared};
use crate::ledger::{CLAIM_MAX, Kind, Record};
use crate::load::{Inventory, Level, Problems};
use crate::model::{Connection, ConnectionKind, HostName};
use crate::people::Verb;
use crate::report::held_out;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Reads what may hold hosts out of somebody's run.
///
/// # Errors
/// The ledger can't be read: then nobody knows whose hosts are.
pub fn gather(
    repository: &Repository,
    who: &Who,
    inventory: &Inventory,
    (verb, playbook): (Verb, Option<&str>),
) -> Result<Holds, Failure> {
    let calendar = repository.settings().calendar;
    let now = Zoned::now();
    let me = who.identity.proven().map(|proven| proven.operator.clone());
    let looks = matches!(verb, Verb::Run | Verb::Patch | Verb::Apply | Verb::Audit);
    let bounded = !calendar.windows.is_empty() || !calendar.freezes.is_empty();
    // Under which inventory a host was named does not change whose it is.
    let others: Vec<Inventory> = match bounded {
        true => repository.inventories().collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let inventories: Vec<&Inventory> = std::iter::once(inventory).chain(&others).collect();
    let (Some(root), Some(roster), true) = (repository.root(), &who.roster, looks) else {
        return Ok(Holds::new(&inventories, calendar, Vec::new(), me, BTreeMap::new()));
    };
    let since = now.timestamp().checked_sub(CLAIM_MAX).unwrap_or(Timestamp::UNIX_EPOCH);
    let year = u16::try_from(since.to_zoned(TimeZone::UTC).year()).unwrap_or_default();
    let kinds: &[Kind] = if bounded { &[Kind::Claim, Kind::Outcome] } else { &[Kind::Claim] };
    let record = Record::read_kinds_since(root, roster, (kinds, year), index(root).as_deref())?;
    let claims = record.claims(roster, now.timestamp(), now.date());
    let estimates = if bounded { record.longest(roster, verb, playbook) } else { BTreeMap::new() };
    Ok(Holds::new(&inventories, calendar, claims, me, estimates))
}

/// Makes sure that windows and freezes are about hosts and groups that the ops repository knows: with a typo they would hold
/// nobody out. What only another of its inventories has is fine.
///
/// # Errors
/// A name is in none of its inventories, or one of these can't be read: then nobody knows.
pub fn check_names(console: &Console, repository: &Repository, inventory: &Inventory) -> Result<(), Failure> {
    let calendar = repository.settings().calendar;
    if calendar.unknown_to(&[inventory]).is_empty() {
        return Ok(());
    }
    let others: Vec<Inventory> = repository.inventories().collect::<Result<_, _>>()?;
    let known: Vec<&Inventory> = std::iter::once(inventory).chain(&others).collect();
    let wrong = calendar.unknown_to(&known).into_iter();
    let (errors, warnings): (Vec<_>, Vec<_>) = wrong.partition(|problem| problem.level == Level::Error);
    console.warn(&Problems::new(warnings).0);
    Ok(Problems::check(errors)?)
}

/// Takes hosts that are held out from what is to be run.
///
/// # Errors
/// No host is left.
pub fn hold_out(prepared: &mut Prepared, held: Vec<HeldOut>) -> Result<(), Failure> {
    let out = |host: &HostName| held.iter().any(|held| held.host == *host);
    prepared.order.plays.iter_mut().for_each(|(_, hosts)| hosts.retain(|host| !out(host)));
    if prepared.order.plays.iter().all(|(_, hosts)| hosts.is_empty()) {
        let message = format!("no host may be changed now\n{}", held_out(&held));
        let hint = match held.iter().all(|held| held.cause == HoldCause::FourEyes) {
            true => "one person alone changes nothing on these hosts: the roster says so in threshold.apply",
            false => {
                "wait, or say with --break-glass REASON why it can't; that stands in every report and the ledger"
            }
        };
        return Err(Failure::new(Exit::Refused, message).hint(hint));
    }
    prepared.held = held;
    Ok(())
}

/// Makes sure that some canary is left, where hosts have any: without it the others would be the canaries.
///
/// # Errors
/// All of them are held out.
pub fn keeps_a_canary(prepared: &Prepared) -> Result<(), Failure> {
    let canaries: Vec<&HostName> =
        prepared.order.canaries.iter().filter(|host| prepared.hosts.contains(host)).collect();
    let of = |canary: &HostName| prepared.held.iter().find(|held| held.host == *canary).cloned();
    let held: Vec<HeldOut> = canaries.iter().filter_map(|canary| of(canary)).collect();
    if canaries.is_empty() || held.len() < canaries.len() {
        return Ok(());
    }
    let message = format!("no canary may be changed now, so that nothing was begun\n{}", held_out(&held));
    Err(Failure::new(Exit::Refused, message).hint("name another with --canary, or wait"))
}

/// What keeps hosts from being changed, under each of their names: a host that is another one by its address or by the key
/// that it shows is held out like it.
pub struct Keeper {
    /// Freezes, claims and windows; none where the hour does not matter.
    pub holds: Option<Arc<Holds>>,
    /// How many people each host asks for, where there is a roster.
    pub eyes: Option<FourEyes>,
    /// How many stand behind what is done.
    pub people: u32,
    /// Which names are one machine.
    pub machines: Machines,
}

impl Keeper {
    /// What holds a host out: by its name, by its address.
    pub fn of(&self, host: &HostName, connection: &Connection, glass: Glass) -> Option<HeldOut> {
        let is_here = connection.kind == ConnectionKind::Local;
        // The machine that wgops runs on is nobody's host, unless an inventory says so; then it is under each of its names.
        let own = if is_here && !self.machines.has(host) { None } else { self.by_name(host, glass) };
        let others = self.machines.at_address_of(host, connection);
        let what = if is_here { "is this machine, as is" } else { "has the address of" };
        own.or_else(|| self.like(host, others, what, glass))
    }

    /// What holds a host out by the key that it shows, where its name and its address don't.
    pub fn by_key(
        &self,
        host: &HostName,
        connection: &Connection,
        key: &str,
        glass: Glass,
    ) -> Option<HeldOut> {
        let known: Vec<&HostName> = self.machines.at_address_of(host, connection).collect();
        let others = self.machines.with_key(key).filter(|name| *name != host && !known.contains(name));
        self.like(host, others, "has the host key of", glass)
    }

    fn by_name(&self, host: &HostName, glass: Glass) -> Option<HeldOut> {
        let alone = self.eyes.as_ref().and_then(|eyes| eyes.out(host, self.people));
        let holds = self.holds.as_ref().filter(|_| glass == Glass::Whole);
        alone.or_else(|| holds?.of(host, Timestamp::now()))
    }

    fn like<'a>(
        &self,
        host: &HostName,
        mut others: impl Iterator<Item = &'a HostName>,
        what: &str,
        glass: Glass,
    ) -> Option<HeldOut> {
        let (name, held) = others.find_map(|name| Some((name, self.by_name(name, glass)?)))?;
        let message = format!("{what} {name}, and that is held out: {}", held.message);
        Some(HeldOut { host: host.clone(), message, ..held })
    }
}

/// Whether somebody broke the glass: then the calendar and claims hold nobody out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Glass {
    /// Nobody did.
    Whole,
    /// Somebody did.
    Broken,
}

/// Asked before each host is begun, and before another one is changed on the way.
pub fn admission(keeper: Arc<Keeper>, glass: Glass) -> Admission {
    Arc::new(move |host, connection, key| match key {
        None => keeper.of(host, connection, glass),
        Some(key) => keeper.by_key(host, connection, key, glass),
    })
}

/// What is said as a run begins: claims, the end of windows, and who is held out, or why nobody is.
pub fn opening(holds: &Holds, prepared: &Prepared, break_glass: Option<&str>) -> Vec<Event> {
    let now = Timestamp::now();
    let claims = holds.claims(&prepared.hosts).map(|(claim, hosts)| Event::Claimed {
        by: claim.by.clone(),
        own: Some(&claim.by) == holds.who(),
        hosts,
        until: claim.until,
        shown: holds.shown(claim.until),
        note: claim.note.clone(),
    });
    let mut events: Vec<Event> = claims.collect();
    if let Some(reason) = break_glass {
        let (held, overridden): (Vec<_>, Vec<_>) =
            prepared.held.iter().cloned().partition(|held| held.cause == HoldCause::FourEyes);
        events.push(Event::GlassBroken { reason: reason.to_owned(), overridden });
        events.extend(held.into_iter().map(Event::HeldOut));
        return events;
    }
    let begins = |host: &&HostName| !prepared.held.iter().any(|held| held.host == **host);
    let hosts: Vec<HostName> = prepared.hosts.iter().filter(begins).cloned().collect();
    events.extend(holds.window(&hosts, now).map(|open| Event::WindowEnds {
        until: open.until,
        shown: open.shown,
        hosts: open.hosts,
        estimate_seconds: open.estimate.as_secs(),
        learned: open.learned,
    }));
    events.extend(prepared.held.iter().cloned().map(Event::HeldOut));
    events
}

//! `wgops claim`: keeps hosts for oneself for a while, says who keeps which, and lets them go.

use super::args::Shape;
use super::handoff::cleared;
use super::ledger::index;
use super::record::Record;
use super::repository::Repository;
use super::who::Who;
use super::{Console, Exit, Failure};
use crate::ledger::{self, CLAIM_MAX, Claim as Claimed, Details, Kind};
use crate::load::{Calendar, Pattern};
use crate::model::{HostName, OperatorName, Role};
use crate::people::{Proven, Roster};
use crate::report::{Format, json, one_line};
use clap::Args;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use owo_colors::OwoColorize;
use serde_json::json;
use std::path::Path;

const EXAMPLES: &str = "\
Examples:
  wgops claim                                              who keeps which hosts
  wgops claim db1 -i prod --until 8h --note \"new disks\"
  wgops claim web -i prod --until \"2026-11-30 18:00\" --note \"moving to bookworm\"
  wgops claim web -i prod --release";

/// Keep hosts for yourself for a while, list who keeps which, or let them go
///
/// Other people's runs leave claimed hosts out and say whose they are, until when and why. A claim ends by itself,
/// after 30 days at the latest. It stands in the ledger: commit and push it, so that others see it.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Claim {
    /// Hosts and groups: a pattern such as 'web:!web3'; without it, claims are listed
    #[arg(value_name = "HOST|GROUP")]
    hosts: Option<String>,
    /// The inventory that names them
    #[arg(short, long, value_name = "INVENTORY", env = "WGOPS_INVENTORY")]
    inventory: Option<String>,
    /// When the claim ends: 8h, 2d, "2026-11-30 18:00", or a day, which belongs to it
    #[arg(long, value_name = "WHEN", requires = "hosts", conflicts_with = "release")]
    until: Option<String>,
    /// What for
    #[arg(long, value_name = "TEXT", requires = "hosts", conflicts_with = "release")]
    note: Option<String>,
    /// Let the hosts go: those that you claimed, and for a lead, anybody's
    #[arg(long, requires = "hosts")]
    release: bool,
    #[command(flatten)]
    shape: Shape,
}

/// The claims of an ops repository.
struct Desk {
    repository: Repository,
    calendar: Calendar,
    now: Zoned,
    who: Who,
}

impl Claim {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        repository.needed()?;
        let who = Who::find(console, &repository)?;
        let desk = Desk { calendar: repository.settings().calendar, now: Zoned::now(), repository, who };
        match &self.hosts {
            None => desk.list(console, self.shape.format),
            Some(pattern) => {
                let hosts = desk.hosts(pattern, self.inventory.as_deref())?;
                if self.release { desk.release(console, hosts) } else { self.claim(console, &desk, hosts) }
            }
        }
    }

    fn claim(&self, console: &Console, desk: &Desk, hosts: Vec<HostName>) -> Result<Exit, Failure> {
        let (me, roster) = cleared(&desk.who, "claim hosts")?;
        let until = self.until.as_deref().ok_or_else(|| missing("--until WHEN"))?;
        let note = self.note.as_deref().filter(|note| !note.trim().is_empty());
        let note = note.ok_or_else(|| missing("--note TEXT"))?;
        let now = desk.now.timestamp();
        let until = desk.calendar.moment(until, now)?;
        if until <= now {
            return Err(Failure::usage("a claim can't end before it begins"));
        }
        if now.checked_add(CLAIM_MAX).is_ok_and(|longest| until > longest) {
            return Err(Failure::usage("a claim lasts 30 days at most").hint("claim the hosts again by then"));
        }
        refuse_claimed(desk, &desk.standing(roster)?, &me.operator, &hosts)?;
        let shown = format!("{} until {}", names(&hosts), desk.calendar.shown(until));
        let details =
            Details { hosts, until: Some(until), note: Some(note.to_owned()), ..Details::default() };
        desk.say(console, details)?;
        console.tell(&format!("Claimed: {shown}. Commit and push the ledger, so that others see it.\n"));
        Ok(Exit::Well)
    }
}

impl Desk {
    fn root(&self) -> Result<&Path, Failure> {
        self.repository.needed()
    }

    fn standing(&self, roster: &Roster) -> Result<Vec<Claimed>, Failure> {
        let now = self.now.timestamp();
        let since = now.checked_sub(CLAIM_MAX).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
        let year = u16::try_from(since.year()).unwrap_or_default();
        let (root, kinds) = (self.root()?, &[Kind::Claim][..]);
        let record = ledger::Record::read_kinds_since(root, roster, (kinds, year), index(root).as_deref())?;
        Ok(record.claims(roster, now, self.now.date()))
    }

    fn hosts(&self, pattern: &str, inventory: Option<&str>) -> Result<Vec<HostName>, Failure> {
        let pattern = Pattern::parse_limit(pattern)?;
        let hosts = self.repository.inventory_named(inventory)?.select(&pattern)?.hosts;
        match hosts.is_empty() {
            false => Ok(hosts),
            true => Err(Failure::usage(format!("no host is called '{}'", one_line(pattern.as_str())))
                .hint("look with 'wgops inventory'")),
        }
    }

    fn list(&self, console: &Console, format: Format) -> Result<Exit, Failure> {
        let Some(roster) = &self.who.roster else {
            return Err(Failure::usage(
                "without a roster nobody claims hosts: there is no inventory/operators.yml",
            ));
        };
        let claims = self.standing(roster)?;
        let me = self.who.identity.proven().map(|proven| &proven.operator);
        match format {
            Format::Json => console.result(&format!("{}\n", machine(&claims)?))?,
            _ if claims.is_empty() => console.tell("No host is claimed.\n"),
            _ => console.result(&claims.iter().map(|claim| self.human(claim, me)).collect::<String>())?,
        }
        Ok(Exit::Well)
    }

    /// `db1, db2  alice until Mon 2026-11-30 18:00 UTC: new disks`
    fn human(&self, claim: &Claimed, me: Option<&OperatorName>) -> String {
        let by = if me == Some(&claim.by) { "you".to_owned() } else { claim.by.to_string() };
        let until = self.calendar.shown(claim.until);
        format!(
            "{}  {} until {until}: {}\n",
            names(&claim.hosts).bold(),
            one_line(&by),
            one_line(&claim.note)
        )
    }

    fn release(&self, console: &Console, hosts: Vec<HostName>) -> Result<Exit, Failure> {
        let (me, roster) = cleared(&self.who, "release hosts")?;
        let claims = self.standing(roster)?;
        let mine = |claim: &&Claimed| claim.by == me.operator || me.role == Role::Lead;
        let claimed: Vec<HostName> = hosts
            .iter()
            .filter(|host| claims.iter().filter(mine).any(|claim| claim.hosts.contains(host)))
            .cloned()
            .collect();
        if claimed.is_empty() {
            return Err(nothing_to_release(&claims, &hosts, me));
        }
        let shown = names(&claimed);
        self.say(console, Details { released: claimed, ..Details::default() })?;
        console.tell(&format!("Released: {shown}. Commit and push the ledger, so that others see it.\n"));
        Ok(Exit::Well)
    }

    fn say(&self, console: &Console, details: Details) -> Result<(), Failure> {
        match Record::of_no_run(console, Some(self.root()?), &self.who, details)? {
            Some(record) => record.say(Kind::Claim),
            None => Err(Failure::new(Exit::Refused, "nobody knows who you are")),
        }
    }
}

fn missing(what: &str) -> Failure {
    Failure::usage(format!("a claim needs {what}")).hint("see 'wgops help claim'")
}

fn refuse_claimed(
    desk: &Desk,
    claims: &[Claimed],
    me: &OperatorName,
    hosts: &[HostName],
) -> Result<(), Failure> {
    let others = claims.iter().filter(|claim| claim.by != *me);
    let Some((claim, host)) = others
        .flat_map(|claim| hosts.iter().map(move |host| (claim, host)))
        .find(|(claim, host)| claim.hosts.contains(host))
    else {
        return Ok(());
    };
    let until = desk.calendar.shown(claim.until);
    let message = format!("{host} is claimed by {} until {until}: {}", claim.by, claim.note);
    Err(Failure::new(Exit::Refused, message)
        .hint(format!("ask {}; a lead can release it with 'wgops claim {host} --release'", claim.by)))
}

fn nothing_to_release(claims: &[Claimed], hosts: &[HostName], me: &Proven) -> Failure {
    let taken = claims.iter().find(|claim| claim.hosts.iter().any(|host| hosts.contains(host)));
    match taken {
        Some(claim) => Failure::new(
            Exit::Refused,
            format!(
                "{} claimed that, not {}: only {} or a lead releases it",
                claim.by, me.operator, claim.by
            ),
        ),
        None => Failure::usage("nobody claimed any of these hosts").hint("'wgops claim' lists claims"),
    }
}

fn names(hosts: &[HostName]) -> String {
    hosts.iter().map(|host| one_line(host.as_str()).into_owned()).collect::<Vec<_>>().join(", ")
}

fn machine(claims: &[Claimed]) -> Result<String, Failure> {
    let claims = claims.iter().map(|claim| {
        json!({"by": claim.by, "hosts": claim.hosts, "until": claim.until.to_string(), "note": claim.note})
    });
    json::document(&json!({"version": 1, "claims": claims.collect::<Vec<_>>()}))
        .map_err(|error| Failure::usage(error.to_string()))
}

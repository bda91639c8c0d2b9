//! `wgops access issue`: signs a short-lived SSH certificate for somebody's key, for groups that run a CA.

use super::super::console::shown;
use super::super::init::public_key;
use super::super::record::{About, Record};
use super::super::repository::Repository;
use super::super::who::{Who, agent};
use super::super::{Console, Exit, Failure, ask};
use super::people::Account;
use super::sync::{is_signed, settings};
use crate::ledger::{Details, Kind};
use crate::model::{OperatorName, Role, RunId};
use crate::people::{Authority, Grant, Key, Permission, Person, Roster, Verb, random_bytes};
use crate::questions::gate::GATE;
use clap::Args;
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// The principal of the operating account.
pub const OPERATING: &str = "wgops-operating";
/// The principal of the shadow account.
pub const SHADOW: &str = "wgops-shadow";
/// A certificate counts from a little before it is made: clocks differ.
const SECONDS_BEFORE: u64 = 5 * 60;
/// Longest validity, in seconds: a week.
const VALID_MAX: u64 = 7 * 24 * 60 * 60;

/// Sign a short-lived SSH certificate for somebody's key, by the group's CA
///
/// For leads who have the CA's private key. Servers take it once 'wgops access sync' ran with the CA's public key under
/// 'access: ca:' in wgops.yml. A shadow's certificate starts the gate and nothing else. Its number stands in the ledger and
/// in sshd's log.
#[derive(Args)]
pub struct Issue {
    /// A name in the roster
    name: OperatorName,
    /// How long it counts: 30m, 8h, 2d; a week at most
    #[arg(long, value_name = "TIME", default_value = "8h", value_parser = validity)]
    valid: u64,
    /// The CA's private key file; without it, the ssh-agent that has the key signs
    #[arg(long, value_name = "FILE", env = "WGOPS_CA_KEY")]
    ca_key: Option<PathBuf>,
    /// Which of their keys, where they have several
    #[arg(long, value_name = "FILE.pub")]
    key: Option<PathBuf>,
    /// Where to write it; NAME-cert.pub in this folder without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A time as it is typed, in seconds.
fn validity(text: &str) -> Result<u64, String> {
    let wrong = || "expected a time such as 30m, 8h or 2d, at most 7d".to_owned();
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).filter(|all| (1..=VALID_MAX).contains(all)).ok_or_else(wrong)
}

impl Issue {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?.to_owned();
        let access = settings(&repository)?;
        let Some(line) = access.ca.clone() else {
            return Err(Failure::usage("wgops.yml names no CA under 'access'")
                .hint("put the line of the CA's .pub file there: ca: ssh-ed25519 AAAA… ca"));
        };
        let ca: Key = line.parse().map_err(crate::people::PeopleError::from)?;
        let who = Who::find(console, &repository)?;
        if let Permission::Refuse { why } | Permission::DryRun { why } = who.standing.may(Verb::Roster) {
            return Err(Failure::new(Exit::Refused, format!("only a lead signs certificates: {why}")));
        }
        let roster = who.roster.clone().ok_or_else(|| Failure::usage("there is no roster"))?;
        is_signed(console, &access, &roster)?;
        let person = roster
            .person(&self.name)
            .ok_or_else(|| Failure::usage(format!("{} is not in the roster", self.name)))?;
        let grant = self.grant(person, &roster)?;
        let subject = self.subject(person)?;
        let authority = self.authority(console, &ca)?;
        note(console, &root, &who, &grant, &subject)?;
        let line = authority.certify(&subject, &grant, &random_bytes()?)?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{}-cert.pub", person.name)));
        std::fs::write(&out, format!("{line}\n"))
            .map_err(|error| Failure::usage(format!("can't write {}: {error}", shown(&out))))?;
        let until =
            Timestamp::from_second(i64::try_from(grant.valid.1).unwrap_or(i64::MAX)).unwrap_or_default();
        console.tell(&format!(
            "Certificate {} for {} counts until {until}: {}\nIt belongs beside the key: for id_ed25519 it is called id_ed25519-cert.pub.\n",
            grant.serial, person.name, shown(&out)
        ));
        Ok(Exit::Well)
    }

    /// What signs: a file, or the agent.
    fn authority(&self, console: &Console, ca: &Key) -> Result<Authority, Failure> {
        let Some(file) = &self.ca_key else {
            return Authority::held(ca, agent()).ok_or_else(|| {
                let message = format!("the ssh-agent does not have the CA's key, {}", ca.fingerprint());
                Failure::new(Exit::Refused, message)
                    .hint("'ssh-add FILE' adds it; or name its file with --ca-key FILE")
            });
        };
        let passphrase = |key: &Path| ask::passphrase(console, key);
        let asks = console.is_interactive().then_some(&passphrase as _);
        let authority = Authority::open(file, asks)?;
        match authority.public() == ca {
            true => Ok(authority),
            false => {
                let message =
                    format!("{} is not the key that wgops.yml names under 'access: ca'", shown(file));
                Err(Failure::usage(message).hint(format!("that one is {}", ca.fingerprint())))
            }
        }
    }

    /// Which of their keys.
    fn subject(&self, person: &Person) -> Result<Key, Failure> {
        match (&self.key, person.keys.as_slice()) {
            (Some(file), keys) => {
                let key = public_key(file)?;
                keys.iter().find(|known| **known == key).cloned().ok_or_else(|| {
                    Failure::usage(format!("{} is no key of {} in the roster", shown(file), person.name))
                })
            }
            (None, [key]) => Ok(key.clone()),
            (None, []) => Err(Failure::new(Exit::Refused, format!("{} has no key", person.name))),
            (None, _) => Err(Failure::usage(format!("{} has several keys", person.name))
                .hint("say which with --key FILE.pub")),
        }
    }

    fn grant(&self, person: &Person, roster: &Roster) -> Result<Grant, Failure> {
        let (principal, command) = match Account::of(person, jiff::Zoned::now().date()) {
            Account::Operating => (OPERATING, None),
            Account::Shadow => (SHADOW, Some(GATE.to_owned())),
            Account::None => {
                let left = if person.role == Role::Left { ", who left the group" } else { "" };
                let message =
                    format!("the roster gives {}{left} no account on the servers today", person.name);
                return Err(Failure::new(Exit::Refused, message)
                    .hint(format!("'wgops operators show {}' says why", person.name)));
            }
        };
        let [a, b, c, d, e, f, g, h, ..] = random_bytes()?;
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let until = now.saturating_add(self.valid).min(over(person).unwrap_or(u64::MAX));
        Ok(Grant {
            principal: principal.to_owned(),
            key_id: format!("{} {} roster:{}", person.name, person.role, roster.version),
            serial: u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1,
            valid: (now.saturating_sub(SECONDS_BEFORE), until),
            command,
        })
    }
}

/// When somebody's agreement is over, in seconds: no certificate counts any longer.
fn over(person: &Person) -> Option<u64> {
    let after = person.nda.as_ref()?.until?.tomorrow().ok()?;
    let begins = after.to_zoned(jiff::tz::TimeZone::system()).ok()?.timestamp();
    u64::try_from(begins.as_second()).ok()
}

/// The ledger has it before it exists.
fn note(console: &Console, root: &Path, who: &Who, grant: &Grant, subject: &Key) -> Result<(), Failure> {
    let text = format!(
        "certificate {} for {}, key {}, principal {}",
        grant.serial,
        grant.key_id,
        subject.fingerprint(),
        grant.principal
    );
    let until = i64::try_from(grant.valid.1).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let details = Details { note: Some(text), until, ..Details::default() };
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    let [bytes @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = random_bytes()?;
    let run = RunId::from_parts(now, u128::from_le_bytes(bytes));
    let about = About { run, verb: Verb::Access, details };
    match Record::open(console, Some(root), who, about)? {
        Some(record) => record.say(Kind::Note),
        None => Err(Failure::new(Exit::Refused, "nobody knows who you are, so nothing can be recorded")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_validity_is_short_and_has_a_unit() {
        assert_eq!((validity("30m"), validity("8h"), validity("7d")), (Ok(1800), Ok(28800), Ok(604_800)));
        for text in ["", "8", "h", "0h", "8d", "-1h", "8 h", "99999999999999999999d", "1é"] {
            assert!(validity(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_certificate_outlives_an_agreement() {
        let roster = crate::people::testing::roster();
        let today = jiff::Zoned::now().date();
        let issue =
            Issue { name: "alice".parse().unwrap(), valid: VALID_MAX, key: None, ca_key: None, out: None };
        let until = |until: Option<jiff::civil::Date>| {
            let mut person = roster.person(&issue.name).unwrap().clone();
            let nda = person.nda.as_mut().unwrap();
            (nda.signed, nda.until) = (today.yesterday().unwrap(), until);
            let seconds = i64::try_from(issue.grant(&person, &roster).unwrap().valid.1).unwrap();
            Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::system())
        };
        assert!(until(None).date() > today.saturating_add(jiff::Span::new().days(5)));
        let last = until(Some(today));
        assert_eq!((last.date(), last.time()), (today.tomorrow().unwrap(), jiff::civil::Time::midnight()));
    }
}

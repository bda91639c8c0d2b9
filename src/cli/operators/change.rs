//! Changing one person: each verb makes the next version of the roster.

use super::super::init::{day, public_key, signed_already};
use super::super::{Console, Exit, Failure};
use super::desk::{Desk, person};
use super::list::{in_short, runs_of};
use crate::ledger::{Kind, Vouched};
use crate::model::{OperatorName, Role};
use crate::people::{Amendment, Nda, Person};
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use std::path::PathBuf;

const COMES_BACK: &str = "who comes back is added under another name: what they signed before stays sealed";

/// What every change can be told.
#[derive(Args)]
pub struct Confirmed {
    /// Sign without asking
    #[arg(short, long)]
    yes: bool,
}

/// Take somebody in: as a shadow, who sees what would happen and changes nothing
#[derive(Args)]
pub struct Add {
    /// The new name: lower case letters, digits, '_' and '-'
    name: OperatorName,
    /// The person's public SSH key; several times for several keys
    #[arg(long, value_name = "FILE.pub", required = true)]
    key: Vec<PathBuf>,
    /// In which role
    #[arg(long, value_name = "ROLE", default_value = "shadow")]
    role: Entry,
    /// The day on which they signed the non-disclosure agreement: servers let in no shadow without one
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    nda: Option<Date>,
    #[command(flatten)]
    confirmed: Confirmed,
}

/// How somebody begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Entry {
    /// A person who learns
    Shadow,
    /// A key for scheduled audits
    Auditor,
}

/// Clear somebody: an operator from now on, who changes servers and opens secrets
///
/// Shows the runs that they shadowed. Their signed non-disclosure agreement is what clears them; it is also how a lapsed
/// one is renewed.
#[derive(Args)]
pub struct Clear {
    /// A name in the roster
    name: OperatorName,
    /// The day on which they signed the non-disclosure agreement, YYYY-MM-DD
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    nda: Date,
    /// The last day on which it counts; without it, it counts without end
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    until: Option<Date>,
    /// Where the agreement is kept: a ticket, a folder
    #[arg(long, value_name = "TEXT")]
    reference: Option<String>,
    #[command(flatten)]
    confirmed: Confirmed,
}

/// Make an operator a lead, who signs the roster
#[derive(Args)]
pub struct Promote {
    /// A name in the roster
    name: OperatorName,
    #[command(flatten)]
    confirmed: Confirmed,
}

/// Take a role back: a lead becomes an operator, an operator a shadow
#[derive(Args)]
pub struct Demote {
    /// A name in the roster
    name: OperatorName,
    #[command(flatten)]
    confirmed: Confirmed,
}

/// Somebody leaves: their keys prove nobody any more, and nothing is added to what they signed
#[derive(Args)]
pub struct Leave {
    /// A name in the roster
    name: OperatorName,
    #[command(flatten)]
    confirmed: Confirmed,
}

impl Add {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        self.nda.map_or(Ok(()), signed_already)?;
        let desk = Desk::open(console)?;
        if desk.roster.person(&self.name).is_some() {
            let name = &self.name;
            let failure = Failure::usage(format!("{name} is in the roster already"));
            return Err(failure.hint(match desk.roster.person(name).is_some_and(|one| one.role == Role::Left) {
                true => COMES_BACK.to_owned(),
                false => format!(
                    "another key of {name}'s goes below 'keys' in inventory/operators.yml, then 'wgops operators sign'; another person \
                     needs another name"
                ),
            }));
        }
        let keys = self.key.iter().map(|file| public_key(file)).collect::<Result<Vec<_>, _>>()?;
        if let Some(owner) = keys.iter().find_map(|key| desk.roster.owner(key)) {
            return Err(Failure::usage(format!(
                "that key is {}'s already: a key proves one person",
                owner.name
            )));
        }
        let role = match self.role {
            Entry::Shadow => Role::Shadow,
            Entry::Auditor => Role::Auditor,
        };
        let nda = self.nda.map(|signed| Nda { signed, until: None, reference: None });
        let new = Person { name: self.name, role, nda, keys, age: Vec::new(), until: None };
        amend(console, &desk, new, &self.confirmed)
    }
}

impl Clear {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        signed_already(self.nda)?;
        let desk = Desk::open(console)?;
        let who = person(&desk.roster, &self.name)?.clone();
        let name = &who.name;
        let role = match who.role {
            Role::Shadow | Role::Operator => Role::Operator,
            // A lapsed lead whose agreement is renewed stays one.
            Role::Lead => Role::Lead,
            Role::Auditor => {
                return Err(Failure::usage(format!("{name} is a key for audits, and no person")));
            }
            Role::Left => {
                return Err(Failure::usage(format!("{name} has left")).hint(COMES_BACK));
            }
        };
        if self.until.is_some_and(|until| until < self.nda) {
            return Err(Failure::usage("--until lies before --nda"));
        }
        if let Some(until) = self.until {
            would_count_no_more(&desk, name, until)?;
        }
        if let Some(over) = self.until.and_then(over) {
            console.tell(&format!("{name} will act as a shadow: {over}.\n"));
        }
        if who.role == Role::Shadow {
            console.tell(&shadowed(&desk, name));
        }
        let nda = Nda { signed: self.nda, until: self.until, reference: self.reference };
        amend(console, &desk, Person { role, nda: Some(nda), ..who }, &self.confirmed)
    }
}

/// Refuses a last day before which somebody's seals lie: the values would be nobody's to open.
fn would_count_no_more(desk: &Desk, name: &OperatorName, until: Date) -> Result<(), Failure> {
    let day = |entry: &Vouched<'_>| entry.public.time.to_zoned(jiff::tz::TimeZone::UTC).date();
    let seals = desk.record.vouched(&desk.roster, Kind::Vault);
    let late =
        seals.iter().filter(|entry| entry.chain.operator() == name).map(day).filter(|day| *day > until);
    let Some(last) = late.max() else { return Ok(()) };
    let message = format!(
        "{name} sealed values until {last}, which is after {until}: with that as the last day of the agreement none of these seals would count, and nobody could open what they sealed"
    );
    Err(Failure::new(Exit::Refused, message).hint(format!(
        "'wgops operators demote {name}' or 'leave {name}' ends it from now on; what they sealed is sealed again then"
    )))
}

impl Promote {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::open(console)?;
        let who = person(&desk.roster, &self.name)?.clone();
        match (who.role, &who.nda) {
            (Role::Operator, Some(_)) => {
                amend(console, &desk, Person { role: Role::Lead, ..who }, &self.confirmed)
            }
            (Role::Lead, _) => Err(Failure::usage(format!("{} leads already", who.name))),
            (Role::Left, _) => Err(Failure::usage(format!("{} has left", who.name)).hint(COMES_BACK)),
            _ => Err(Failure::usage(format!("{} is not cleared: only an operator becomes a lead", who.name))
                .hint(format!("first 'wgops operators clear {} --nda DATE'", who.name))),
        }
    }
}

impl Demote {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::open_but(console, vec![self.name.clone()])?;
        let who = person(&desk.roster, &self.name)?.clone();
        let role = match who.role {
            Role::Lead => Role::Operator,
            Role::Operator => Role::Shadow,
            Role::Left => return Err(Failure::usage(format!("{} has left already", who.name))),
            _ => {
                return Err(Failure::usage(format!("there is no role below {} for {}", who.role, who.name))
                    .hint(format!("'wgops operators leave {}' takes everything", who.name)));
            }
        };
        somebody_else_leads(&desk, &who)?;
        amend(console, &desk, Person { role, ..who }, &self.confirmed)
    }
}

impl Leave {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::open_but(console, vec![self.name.clone()])?;
        let who = person(&desk.roster, &self.name)?.clone();
        if who.role == Role::Left {
            let name = &who.name;
            return Err(Failure::usage(format!("{name} has left already")).hint(format!(
                "where that was interrupted: 'wgops vault rekey' seals anew what is still sealed for {name}, and 'wgops vault exposed {name}' \
                 lists what they could have read"
            )));
        }
        somebody_else_leads(&desk, &who)?;
        let until = Some(jiff::Zoned::now().date());
        let left =
            Person { role: Role::Left, nda: None, keys: Vec::new(), age: Vec::new(), until, name: who.name };
        amend(console, &desk, left, &self.confirmed)
    }
}

/// What a last day says that has passed: a slip in the year takes what it is to give.
fn over(until: Date) -> Option<String> {
    let today = jiff::Zoned::now().date();
    (until < today)
        .then(|| format!("{until} is given as the last day of the agreement, and today is {today}"))
}

/// The last lead stays: without one, nobody could sign a roster again.
fn somebody_else_leads(desk: &Desk, who: &Person) -> Result<(), Failure> {
    let others = desk.roster.people.values();
    let left =
        others.filter(|one| one.name != who.name && one.role == Role::Lead && one.nda.is_some()).count();
    let needed = desk.roster.threshold.roster as usize;
    if who.role != Role::Lead || left >= needed {
        return Ok(());
    }
    let message = match left {
        0 => format!("{} is the last lead: without one nobody could sign a roster again", who.name),
        _ => format!("then {left} would lead, and the roster asks for {needed} signatures"),
    };
    Err(Failure::new(Exit::Refused, message).hint("first 'wgops operators promote NAME'"))
}

/// What somebody has shadowed so far.
fn shadowed(desk: &Desk, name: &OperatorName) -> String {
    let runs = runs_of((&desk.record, &desk.report), name, |kind| kind == Kind::Shadow);
    let lines: String = runs.iter().map(|line| format!("  {}\n", in_short(line))).collect();
    match runs.len() {
        0 => format!("The ledger here has no run that {name} shadowed.\n"),
        _ => format!("What {name} shadowed, as the ledger here has it:\n{lines}"),
    }
}

fn amend(console: &Console, desk: &Desk, changed: Person, confirmed: &Confirmed) -> Result<Exit, Failure> {
    let mut after = desk.roster.people.clone();
    after.insert(changed.name.clone(), changed.clone());
    let change = Amendment { sealed: desk.seals(&after)?, people: vec![changed] };
    let text = desk.roster.amended(&desk.file, &desk.text, &change)?;
    let next = desk.make(console, text, confirmed.yes)?;
    desk.tell(console, &next)?;
    Ok(Exit::Well)
}

//! Reading the roster: everybody, one person, and OpenSSH's form of it.

use super::super::args::Shape;
use super::super::ledger::{Verified, verified};
use super::super::repository::Repository;
use super::super::trust::{Trust, pin};
use super::super::{Console, Exit, Failure};
use super::desk::person;
use crate::ledger::{Kind, LogLine, LogOutcome, Record, Report};
use crate::model::OperatorName;
use crate::people::{Person, Standing};
use crate::report::{Format, json, one_line};
use clap::Args;
use jiff::civil::Date;
use owo_colors::OwoColorize;
use serde_json::{Value, json};

/// Most runs of a person that are shown.
const RUNS_MAX: usize = 10;

/// List everybody in the roster: role, nda, keys, and what that comes to today
#[derive(Args)]
pub struct List {
    #[command(flatten)]
    shape: Shape,
}

/// Show one person: keys, nda, chains of the ledger, and the newest runs
#[derive(Args)]
pub struct Show {
    /// A name in the roster
    name: OperatorName,
    #[command(flatten)]
    shape: Shape,
}

/// Print the roster as OpenSSH's allowed_signers: with it, ssh-keygen -Y verify checks the ledger alone
#[derive(Args)]
pub struct Export {}

impl List {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let trust = Trust::needed(console, &Repository::here()?)?;
        let (roster, today) = (&trust.in_force.roster, today());
        if self.shape.format == Format::Json {
            let people: Vec<Value> = roster.people.values().map(|one| machine(one, today)).collect();
            let all = json!({
                "version": 1, "kind": "wgops-operators", "group": roster.group,
                "roster": {"version": roster.version, "digest": roster.digest}, "people": people,
            });
            console.result(&document(&all)?)?;
            return Ok(Exit::Well);
        }
        let width = roster.people.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
        let rows: String = roster.people.values().map(|one| row(one, width, today)).collect();
        let pin = format!("{} {}", "pin:".dimmed(), pin(roster));
        console.result(&format!("{}, version {}\n{rows}{pin}\n", one_line(&roster.group), roster.version))?;
        if let Some(why) = &trust.waits {
            console.tell(&why.told());
        }
        Ok(Exit::Well)
    }
}

impl Show {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let trust = Trust::needed(console, &repository)?;
        let person = person(&trust.in_force.roster, &self.name)?;
        let Verified { record, report, .. } = verified(repository.needed()?, &trust.in_force.roster, false)?;
        if self.shape.format == Format::Json {
            console.result(&document(
                &json!({"version": 1, "kind": "wgops-operator", "person": machine(person, today())}),
            )?)?;
            return Ok(Exit::Well);
        }
        let mut text = row(person, 0, today());
        for key in &person.keys {
            text.push_str(&format!("  key    {} {}\n", key.fingerprint(), one_line(key.comment())));
        }
        for recipient in &person.age {
            text.push_str(&format!("  age    {recipient}\n"));
        }
        for (chain, entries) in record.chains.iter().filter(|(chain, _)| *chain.operator() == self.name) {
            let sealed = if trust.in_force.roster.sealed.contains_key(chain) { ", sealed" } else { "" };
            text.push_str(&format!("  chain  {chain}: {} entries{sealed}\n", entries.len()));
        }
        for line in runs_of((&record, &report), &self.name, |_| true) {
            text.push_str(&format!("  run    {}\n", in_short(&line)));
        }
        console.result(&text)?;
        Ok(Exit::Well)
    }
}

impl Export {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let trust = Trust::needed(console, &Repository::here()?)?;
        console.result(&trust.in_force.roster.allowed_signers())?;
        Ok(Exit::Well)
    }
}

fn document(value: &Value) -> Result<String, Failure> {
    let text = json::document(value).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(format!("{text}\n"))
}

fn today() -> Date {
    jiff::Zoned::now().date()
}

fn row(person: &Person, width: usize, today: Date) -> String {
    let standing = Standing::of(person, today);
    let role = format!("{:<8}", person.role.as_str());
    let role = match standing {
        Standing::Lead | Standing::Operator => role.green().to_string(),
        Standing::Lapsed(..) => role.red().to_string(),
        Standing::Left => role.dimmed().to_string(),
        _ => role,
    };
    let keys = match person.keys.len() {
        1 => "1 key ".to_owned(),
        n => format!("{n} keys"),
    };
    format!("{:<width$}  {role}  {keys}  {}\n", person.name, one_line(&what_counts(person, standing)))
}

fn what_counts(person: &Person, standing: Standing) -> String {
    if let Some(until) = person.until {
        return format!("until {until}");
    }
    if let Standing::Lapsed(_, lapse) = standing {
        return format!("acts as a shadow: {lapse}");
    }
    let Some(nda) = &person.nda else { return String::new() };
    let until = nda.until.map(|until| format!(", counts until {until}")).unwrap_or_default();
    let reference = nda.reference.as_ref().map(|text| format!(" [{text}]")).unwrap_or_default();
    format!("nda of {}{until}{reference}", nda.signed)
}

fn machine(person: &Person, today: Date) -> Value {
    let nda = person.nda.as_ref().map(|nda| {
        json!({"signed": nda.signed.to_string(), "until": nda.until.map(|d| d.to_string()), "reference": nda.reference})
    });
    let keys: Vec<Value> = person
        .keys
        .iter()
        .map(|key| json!({"fingerprint": key.fingerprint(), "text": key.text(), "comment": key.comment()}))
        .collect();
    let cleared = matches!(Standing::of(person, today), Standing::Lead | Standing::Operator);
    json!({"name": person.name.as_str(), "role": person.role.as_str(), "cleared": cleared, "nda": nda, "keys": keys,
        "age": person.age, "until": person.until.map(|day| day.to_string())})
}

/// The newest runs in which somebody had a part, oldest first; what does not hold is nobody's.
pub fn runs_of(
    (record, report): (&Record, &Report),
    name: &OperatorName,
    wanted: impl Fn(Kind) -> bool,
) -> Vec<LogLine> {
    let holds = |line: &LogLine| !line.files.iter().any(|file| report.breaks_of(file).next().is_some());
    let mut lines: Vec<LogLine> = record.log();
    lines.retain(|line| line.operator == *name && wanted(line.kind) && holds(line));
    lines.drain(..lines.len().saturating_sub(RUNS_MAX));
    lines
}

/// A run on one line.
pub fn in_short(line: &LogLine) -> String {
    let time = line.time.strftime("%Y-%m-%d %H:%MZ");
    let verb = line.verb.map_or_else(|| line.kind.to_string(), |verb| verb.to_string());
    let run = line.run.map(|run| format!("  {run}")).unwrap_or_default();
    let outcome = match line.outcome {
        LogOutcome::Said => line.remark.clone().unwrap_or_default(),
        outcome => outcome.to_string(),
    };
    one_line(&format!("{time} {verb} on {}: {outcome}{run}", line.hosts_in_short(3))).into_owned()
}

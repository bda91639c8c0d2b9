//! `wgops ledger note` and `wgops ledger resolve`: what somebody has to say of a run, and how a run ended of which nobody
//! said so.

use super::super::handoff::cleared;
use super::super::record::{About, Record};
use super::super::repository::Repository;
use super::super::runs::Known;
use super::super::who::Who;
use super::super::{Console, Exit, Failure};
use super::find;
use crate::ledger::{self, Counts, Details, Held, HostOutcome, HostResult, Kind, Point, RunState};
use crate::people::Verb;
use clap::Args;

/// Longest text of a note.
const NOTE_BYTES_MAX: usize = 4096;

/// Add a remark to a run, signed by whoever makes it
#[derive(Args)]
pub struct Note {
    /// The run's id, or enough of its beginning
    run: String,
    /// What there is to say
    text: String,
    /// Answer for what a comparison found, by the name in brackets; may be given several times
    ///
    /// RUN is the comparison. An answer counts where it is an operator's or a lead's, and nobody's whose own login it is about, unless
    /// nobody else is there. 'wgops ledger compare' tells it from then on, and does not count it as open.
    #[arg(long, value_name = "NAME")]
    answers: Vec<String>,
}

/// Say how a run ended that broke off, without going on with it
///
/// An open run is one of which the ledger has no end: wgops was killed, or the disk was full. Look at the hosts first;
/// 'wgops resume' goes on with it instead.
#[derive(Args)]
pub struct Resolve {
    /// The run's id, or enough of its beginning
    run: String,
    /// What became of the hosts, and how you know
    #[arg(long, value_name = "TEXT")]
    note: String,
}

impl Note {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let who = Who::find(console, &repository)?;
        let record = ledger::Record::read(root, who.roster.as_ref().and_then(|roster| roster.origin))?;
        let run = find(&record, &self.run)?;
        let line = record.log().into_iter().find(|line| line.run == Some(run));
        let verb = line.and_then(|line| line.verb).unwrap_or(Verb::Run);
        let answers =
            self.answers.iter().map(|name| point(&record, run, name)).collect::<Result<Vec<_>, _>>()?;
        if !answers.is_empty() {
            cleared(&who, "answer for what a comparison found")?;
        }
        let told: String =
            answers.iter().map(|point| format!("  {}: {}\n", point.host, point.kind)).collect();
        let details = Details { note: Some(said(&self.text)?), answers, ..Details::default() };
        match Record::open(console, Some(root), &who, About { run, verb, details })? {
            Some(record) => record.say(Kind::Note)?,
            None => {
                return Err(Failure::new(Exit::Refused, format!("you can't sign a note: {}", who.standing)));
            }
        }
        if !told.is_empty() {
            console.tell(&format!("Answered:\n{told}"));
        }
        console.tell(&format!("Noted at run {run}. Commit and push the ledger, so that others see it.\n"));
        Ok(Exit::Well)
    }
}

impl Resolve {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let who = Who::find(console, &repository)?;
        let (_, roster) = cleared(&who, "say how a run ended")?;
        let known = Known::read(root, roster)?;
        let run = known.run(&self.run)?;
        known.sound(run)?;
        if !run.open {
            return Err(Failure::usage(format!("the ledger says already how run {} ended", run.run))
                .hint(format!("'wgops ledger note {} TEXT' adds a remark", run.run)));
        }
        // It may still go on in this very clone.
        let _held = Held::take(root, run.run)?;
        resolve(console, root, &who, run, said(&self.note)?)?;
        console.tell(&format!(
            "Run {} is closed; its hosts stay unknown until a run or an audit looks at them.\n",
            run.run
        ));
        Ok(Exit::Well)
    }
}

/// What a comparison found, by the name that it gave it.
fn point(record: &ledger::Record, run: crate::model::RunId, name: &str) -> Result<Point, Failure> {
    record.point(run, name.trim_matches(['[', ']'])).ok_or_else(|| {
        Failure::usage(format!("run {run} found nothing that is called '{}'", crate::report::one_line(name)))
            .hint("'wgops ledger compare' tells names in brackets, and the run under which they are kept; pull, if it was somebody else's")
    })
}

fn said(text: &str) -> Result<String, Failure> {
    let text = text.trim();
    match text.len() {
        0 => Err(Failure::usage("the note is empty")),
        1..=NOTE_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(Failure::usage(format!("the note is longer than {NOTE_BYTES_MAX} bytes"))),
    }
}

/// Writes the outcome that is missing: of hosts of which nobody said how they fared, nobody knows.
fn resolve(
    console: &Console,
    root: &std::path::Path,
    who: &Who,
    run: &RunState,
    note: String,
) -> Result<(), Failure> {
    let result = |outcome: Option<HostOutcome>| HostResult {
        outcome: outcome.unwrap_or(HostOutcome::Unknown),
        records: Vec::new(),
        seconds: None,
    };
    let results = run.hosts.iter().map(|(host, outcome)| (host.clone(), result(*outcome))).collect();
    let details = Details {
        hosts: run.hosts.keys().cloned().collect(),
        note: Some(note),
        remark: Some("resolved by hand".into()),
        results,
        ..Details::default()
    };
    let counts = match run.hosts.is_empty() {
        true => Counts { hosts: Some(run.hosts_count), unknown: Some(run.hosts_count), ..Counts::default() },
        false => Counts::of(details.results.values()),
    };
    let about = About { run: run.run, verb: run.verb.unwrap_or(Verb::Run), details };
    match Record::open(console, Some(root), who, about)? {
        Some(record) => record.say_counted(Kind::Outcome, counts),
        None => Err(Failure::new(Exit::Refused, "nobody knows who you are")),
    }
}

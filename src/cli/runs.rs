//! `wgops runs`: runs as things that people pick up: what is open, what is not through, and whose it is.

use super::args::Shape;
use super::repository::Repository;
use super::who::Who;
use super::{Console, Exit, Failure, ledger};
use crate::ledger::{HostOutcome, Record, Report, RunState};
use crate::model::OperatorName;
use crate::people::Roster;
use crate::report::{Format, json, one_line};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize;
use serde_json::json;
use std::path::Path;

/// How long runs that are through, or that nobody went on with, are listed without `--all`.
const RECENT: SignedDuration = SignedDuration::from_hours(14 * 24);
/// Most hosts that a line names.
const NAMES_MAX: usize = 5;

const EXAMPLES: &str = "\
Examples:
  wgops runs
  wgops resume 01JQ
  wgops handoff 01JQ --to carol --note \"web3 hangs in its boot loader\"";

/// List runs: yours to go on with first, then open, unfinished and recent ones
///
/// A run is open while nobody has said how it ended, and unfinished while hosts are left that failed, could not be
/// reached, are unknown, or were not begun. Runs of the last 14 days are listed, and all open ones.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Runs {
    /// Every run there is
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    shape: Shape,
}

/// The runs of an ops repository, and what holds of its ledger.
pub struct Known {
    /// The ledger.
    pub record: Record,
    /// What is wrong with it.
    pub report: Report,
    /// The runs, oldest first.
    pub runs: Vec<RunState>,
}

impl Known {
    /// Reads and verifies the ledger.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(root: &Path, roster: &Roster) -> Result<Self, Failure> {
        let ledger::Verified { record, report, .. } = ledger::verified(root, roster, false)?;
        let runs = record.runs(roster, &report);
        Ok(Self { record, report, runs })
    }

    /// The one run whose id begins so, of those that may change something.
    ///
    /// # Errors
    /// There is none, or there are several.
    pub fn run(&self, text: &str) -> Result<&RunState, Failure> {
        let id = ledger::find(&self.record, text)?;
        self.runs.iter().find(|run| run.run == id).ok_or_else(|| {
            Failure::usage(format!("{id} changed nothing: it was a dry run, an audit or a plan"))
                .hint("'wgops runs' lists what can be picked up")
        })
    }

    /// Whether every entry of a run holds.
    fn holds(&self, run: &RunState) -> bool {
        self.sound(run).is_ok()
    }

    /// Makes sure that every entry of a run holds.
    ///
    /// # Errors
    /// One does not.
    pub fn sound(&self, run: &RunState) -> Result<(), Failure> {
        match run.files.iter().find_map(|file| self.report.breaks_of(file).next()) {
            None => Ok(()),
            Some(found) => Err(Failure::new(Exit::Refused, found.to_string()).hint(format!(
                "{}; see what else does not hold with 'wgops ledger verify'",
                found.way_out()
            ))),
        }
    }
}

impl Runs {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let who = Who::find(console, &repository)?;
        let Some(roster) = &who.roster else {
            return Err(Failure::usage(
                "without a roster nobody has runs: there is no inventory/operators.yml",
            ));
        };
        let me = who.identity.proven().map(|proven| &proven.operator);
        let known = Known::read(root, roster)?;
        let now = Timestamp::now();
        let mut runs: Vec<&RunState> = known.runs.iter().collect();
        runs.retain(|run| self.all || run.open || now.duration_since(run.begun) < RECENT);
        runs.sort_by_key(|run| (Rank::of(run, me), std::cmp::Reverse((run.begun, run.run))));
        match self.shape.format {
            Format::Json => console.result(&format!("{}\n", machine(&runs, me, &known)?))?,
            _ if runs.is_empty() => console.tell("No runs.\n"),
            _ => console
                .result(&runs.iter().map(|run| marked(run, me, known.holds(run))).collect::<String>())?,
        }
        if !known.report.breaks.is_empty() {
            console.tell("The ledger does not hold everywhere: see 'wgops ledger verify'.\n");
        }
        Ok(Exit::Well)
    }
}

/// In which order runs are listed.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    HandedToMe,
    Open,
    Unfinished,
    Finished,
}

impl Rank {
    fn of(run: &RunState, me: Option<&OperatorName>) -> Self {
        match run {
            run if run.is_finished() => Self::Finished,
            run if is_handed_to(run, me) => Self::HandedToMe,
            run if run.open => Self::Open,
            _ => Self::Unfinished,
        }
    }
}

fn is_handed_to(run: &RunState, me: Option<&OperatorName>) -> bool {
    run.handed.as_ref().is_some_and(|handed| Some(&handed.to) == me)
}

/// What does not hold may have been written by anybody.
fn marked(run: &RunState, me: Option<&OperatorName>, holds: bool) -> String {
    let text = human(run, me);
    match holds {
        true => text,
        false => format!("{} {text}", "does not hold ('wgops ledger verify'):".red()),
    }
}

/// `→ 01J… patch by alice, 2026-11-25 10:00Z: open, 2 of 3 hosts left (web2 unknown, web3)`, and below it who has it.
fn human(run: &RunState, me: Option<&OperatorName>) -> String {
    let mark = if Rank::of(run, me) == Rank::HandedToMe { "→ ".bold().to_string() } else { "  ".into() };
    let verb = run.verb.map(|verb| verb.to_string()).unwrap_or_else(|| "run".into());
    let time = run.begun.strftime("%Y-%m-%d %H:%MZ");
    let state = match (run.is_finished(), run.open) {
        (true, _) => "finished".green().to_string(),
        (_, true) => "open".red().to_string(),
        _ => "unfinished".yellow().to_string(),
    };
    let mut out = format!("{mark}{} {verb} by {}, {time}: {state}, {}\n", run.run, run.owner, hosts(run));
    let why = [run.details.reason.clone(), run.details.ticket.as_ref().map(|ticket| format!("[{ticket}]"))];
    let why: Vec<String> = why.into_iter().flatten().collect();
    if !why.is_empty() {
        out.push_str(&format!("    {}\n", one_line(&why.join(" "))));
    }
    if !run.resumed_by.is_empty() {
        let names: Vec<&str> = run.resumed_by.iter().map(OperatorName::as_str).collect();
        out.push_str(&format!("    resumed by {}\n", names.join(", ")));
    }
    if let Some(handed) = &run.handed {
        let to = if Some(&handed.to) == me { "you".to_owned() } else { handed.to.to_string() };
        let note = handed.note.as_ref().map(|note| format!(": {}", one_line(note))).unwrap_or_default();
        out.push_str(&format!("    handed over to {to} by {}{note}\n", handed.from));
    }
    out
}

fn hosts(run: &RunState) -> String {
    let left: Vec<_> = run.left().collect();
    let all = run.hosts_count;
    let noun = if all == 1 { "host" } else { "hosts" };
    if run.hosts.is_empty() || left.is_empty() {
        return format!("{all} {noun}");
    }
    let named = left.iter().take(NAMES_MAX).map(|(host, outcome)| match outcome.and_then(word) {
        Some(word) => format!("{} {word}", one_line(host.as_str())),
        None => one_line(host.as_str()).into_owned(),
    });
    let mut named: Vec<String> = named.collect();
    if left.len() > NAMES_MAX {
        named.push(format!("{} more", left.len() - NAMES_MAX));
    }
    format!("{} of {all} {noun} left ({})", left.len(), named.join(", "))
}

fn word(outcome: HostOutcome) -> Option<&'static str> {
    match outcome {
        HostOutcome::Failed => Some("failed"),
        HostOutcome::Unreachable => Some("unreachable"),
        HostOutcome::Unknown => Some("unknown"),
        HostOutcome::Interrupted => Some("stopped before its end"),
        HostOutcome::Skipped => Some("not begun"),
        HostOutcome::Ok | HostOutcome::Changed => None,
    }
}

fn machine(runs: &[&RunState], me: Option<&OperatorName>, known: &Known) -> Result<String, Failure> {
    let run = |run: &&RunState| {
        let left: Vec<_> =
            run.left().map(|(host, outcome)| json!({"host": host, "outcome": outcome})).collect();
        json!({
            "run": run.run,
            "verb": run.verb,
            "begun": run.begun.to_string(),
            "owner": run.owner,
            "holder": run.holder,
            "mine": Some(&run.holder) == me,
            "handed": run.handed.as_ref().map(|handed| json!({
                "from": handed.from, "to": handed.to, "note": handed.note, "time": handed.time.to_string(),
            })),
            "resumed_by": run.resumed_by,
            "open": run.open,
            "finished": run.is_finished(),
            "hosts": run.hosts_count,
            "left": left,
            "reason": run.details.reason,
            "ticket": run.details.ticket,
            "holds": known.holds(run),
        })
    };
    let document =
        json!({"version": 1, "kind": "wgops-runs", "runs": runs.iter().map(run).collect::<Vec<_>>()});
    json::document(&document).map_err(|error| Failure::usage(error.to_string()))
}

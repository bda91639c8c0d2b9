//! `wgops ledger log`: the record as a server admin log.

use super::super::args::Shape;
use super::super::repository::Repository;
use super::super::trust::Trust;
use super::super::{Console, Exit, Failure};
use super::{Verified, verified, why};
use crate::ledger::{Kind, LogLine, LogOutcome, Record, Report};
use crate::report::{Format, json, one_line};
use clap::Args;
use owo_colors::{OwoColorize, Style};
use serde_json::json;

/// Most hosts of a run that a line names.
const NAMES_MAX: usize = 3;

const EXAMPLES: &str = "\
Example:
  wgops ledger log --last 20";

/// Tell who did what, when, where and why: a line for each run, the newest last
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Log {
    /// Only the newest so many lines
    #[arg(short = 'n', long, value_name = "LINES")]
    last: Option<usize>,
    #[command(flatten)]
    shape: Shape,
}

impl Log {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let (record, report) = match Trust::find(console, &repository)? {
            Some(trust) => {
                let Verified { record, report, .. } = verified(root, &trust.in_force.roster, false)?;
                (record, report)
            }
            None => (Record::read(root, None)?, Report::default()),
        };
        let mut lines = record.log();
        let holds = |line: &LogLine| !line.files.iter().any(|file| report.breaks_of(file).next().is_some());
        // Whose role a line tells is not known, where it does not hold.
        lines.iter_mut().filter(|line| !holds(line)).for_each(|line| line.role = None);
        let skipped = lines.len().saturating_sub(self.last.unwrap_or(usize::MAX));
        let shown = lines.iter().skip(skipped);
        let text: String = match self.shape.format {
            Format::Json => shown.map(|line| machine(line, holds(line))).collect::<Result<_, _>>()?,
            _ => shown.map(|line| marked(line, holds(line))).collect(),
        };
        if lines.is_empty() {
            console.tell("The ledger is empty.\n");
        }
        console.result(&text)?;
        Ok(Exit::Well)
    }
}

/// What does not hold may have been written by anybody.
fn marked(line: &LogLine, holds: bool) -> String {
    let text = human(line);
    match holds {
        true => text,
        false => format!("{} {text}", "does not hold ('wgops ledger verify'):".red()),
    }
}

/// `2026-11-21 22:00Z alice (lead) patch on web1, web2 and 10 more: 2 changed. weekly updates [INFRA-12]  01J…`
pub(super) fn human(line: &LogLine) -> String {
    let time = line.time.strftime("%Y-%m-%d %H:%MZ").to_string();
    let role = line.role.map(|role| format!(" ({role})")).unwrap_or_default();
    let what = match (line.kind, line.verb) {
        (Kind::Plan | Kind::Handoff | Kind::Note | Kind::Approval, Some(verb)) => {
            format!("{} of {verb}", line.kind)
        }
        (Kind::Shadow, Some(verb)) if line.outcome == LogOutcome::Said => format!("shadow of {verb}"),
        (kind, None) => kind.to_string(),
        (Kind::Read, _) => "read".to_owned(),
        (_, Some(verb)) => verb.to_string(),
    };
    // What is about no host is not about none of them.
    let about_none = line.hosts.is_empty() && line.hosts_count == Some(0);
    let hosts = if about_none { String::new() } else { line.hosts_in_short(NAMES_MAX) };
    let place = if hosts.is_empty() { String::new() } else { format!(" on {hosts}") };
    let outcome = line.outcome.to_string();
    let outcome =
        if outcome.is_empty() { outcome } else { format!(": {}", outcome.style(colour(line.outcome))) };
    let resumed = match line.resumed_by.as_slice() {
        [] => String::new(),
        many => {
            let names: Vec<String> = many.iter().map(ToString::to_string).collect();
            format!(" (resumed by {})", names.join(", "))
        }
    };
    let outcome = format!("{outcome}{resumed}");
    let why = why(line);
    let why = if why.is_empty() { why } else { format!(". {why}") };
    let run = line.run.map(|run| format!("  {}", run.to_string().dimmed())).unwrap_or_default();
    let subject = format!("{}{role} {what}{}", line.operator.to_string().bold(), one_line(&place));
    let glass = line.break_glass.as_ref().map(|why| format!(". {} {why}", "GLASS BROKEN:".red().bold()));
    format!("{time} {subject}{outcome}{why}{}{run}\n", glass.unwrap_or_default())
}

fn colour(outcome: LogOutcome) -> Style {
    match outcome {
        LogOutcome::Open => Style::new().red(),
        LogOutcome::Ended { failed, unreachable, unknown, .. } if failed + unreachable + unknown > 0 => {
            Style::new().red()
        }
        LogOutcome::Audited { findings, unreachable } if findings + unreachable > 0 => Style::new().yellow(),
        LogOutcome::Ended { changed, .. } if changed > 0 => Style::new().yellow(),
        _ => Style::new().green(),
    }
}

fn machine(line: &LogLine, holds: bool) -> Result<String, Failure> {
    let value = json!({
        "version": 1,
        "time": line.time.to_string(),
        "operator": line.operator,
        "role": line.role,
        "kind": line.kind,
        "verb": line.verb,
        "run": line.run,
        "hosts": line.hosts,
        "hosts_count": line.hosts_count,
        "reason": line.reason,
        "ticket": line.ticket,
        "remark": line.remark,
        "break_glass": line.break_glass,
        "resumed_by": line.resumed_by,
        "outcome": line.outcome.to_string(),
        "open": line.outcome == LogOutcome::Open,
        "files": line.files,
        "holds": holds,
    });
    let text = json::line(&value).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(format!("{text}\n"))
}

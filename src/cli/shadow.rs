//! `wgops shadow`: goes through a run that somebody made, step by step, as the ledger has it. Whoever does it to the end has
//! that in the ledger: leads see it when they clear somebody.

use super::ledger::{events, find, head, unknown, unsound};
use super::record::{About, Record};
use super::repository::Repository;
use super::who::Who;
use super::{Console, Exit, Failure, ask, patch};
use crate::event::{ChangeMade, Event, Status, TaskEnd};
use crate::ledger::{self, Counts, Details, Kind, RunRecord};
use crate::model::HostName;
use crate::modules;
use crate::people::Verb;
use crate::report::one_line;
use clap::Args;
use owo_colors::OwoColorize;
use std::collections::{BTreeSet, HashSet};
use std::io::IsTerminal as _;
use std::path::Path;
use std::time::Instant;

/// Most lines of a task that are shown.
const LINES_MAX: usize = 14;
/// Longest playbook that is read for them.
const PLAYBOOK_BYTES_MAX: u64 = 1 << 20;

const EXAMPLES: &str = "\
Examples:
  wgops ledger log
  wgops shadow 01JQ";

/// Go through somebody's recorded run, step by step, with what each step is for
///
/// For people who learn: what was typed and why, each task with its lines in the playbook and what its module does, and what
/// became of each host. Enter goes on. Nothing is connected to. Who went through to the end at a terminal has that in the
/// ledger, with the number of steps and the time it took, where a lead sees it ('wgops operators clear'). What goes to a file or a
/// pager is shown at once, and is no going through.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Shadow {
    /// The run's id, or enough of its beginning
    run: String,
}

impl Shadow {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let who = Who::find(console, &repository)?;
        let record = ledger::Record::read(root, who.roster.as_ref().and_then(|roster| roster.origin))?;
        let run = find(&record, &self.run)?;
        let found = record.run(run).ok_or_else(|| unknown(&self.run))?;
        if let Some(wrong) = unsound(root, who.roster.as_ref(), &found)?.first() {
            return Err(Failure::new(Exit::Refused, wrong.to_string())
                .hint("nobody learns from what anybody may have written: see 'wgops ledger verify'"));
        }
        let happened: Vec<Event> = found.entries.iter().flat_map(events).collect();
        if happened.is_empty() {
            return Err(Failure::usage(format!("the ledger here has no steps of run {run}"))
                .hint("it is a note or the like, or it broke off and somebody resolved it ('wgops ledger show RUN'), or it is open, or its private part is not here: pull, or ask whoever ran it to push"));
        }
        let steps = Steps { root, opening: head(&found, &HashSet::new()) }.all(&happened);
        if !(console.is_interactive() && std::io::stdout().is_terminal()) {
            console.result(&steps.concat())?;
            console.tell(
                "That is not in the ledger: a run is gone through at a terminal, where Enter leads from step to step.\n",
            );
            return Ok(Exit::Well);
        }
        let begun = Instant::now();
        for (at, step) in steps.iter().enumerate() {
            console.result(step)?;
            let last = at + 1 == steps.len();
            if !last && !goes_on(console, at + 1, steps.len())? {
                console.tell("Left before the end: that is not in the ledger.\n");
                return Ok(Exit::Well);
            }
        }
        let how = format!("{} steps in {}", steps.len(), time(begun.elapsed().as_secs()));
        note(console, root, &who, &found, &how)
    }
}

fn time(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

fn goes_on(console: &Console, at: usize, of: usize) -> Result<bool, Failure> {
    let typed = ask::types(console, &format!("[{at}/{of}] Enter goes on, q leaves: "))?;
    console.tell("\n");
    Ok(!typed.eq_ignore_ascii_case("q"))
}

/// Signs that somebody went through it.
fn note(console: &Console, root: &Path, who: &Who, found: &RunRecord, how: &str) -> Result<Exit, Failure> {
    let Some(run) = found.line.run else { return Ok(Exit::Well) };
    let owner = &found.line.operator;
    let details = Details {
        hosts: found.line.hosts.clone(),
        note: Some(format!("went through the run of {owner}, {how}")),
        ..Details::default()
    };
    let counts = Counts { hosts: found.line.hosts_count, ..Counts::default() };
    let about = About { run, verb: found.line.verb.unwrap_or(Verb::Run), details };
    let me = who.identity.proven();
    let may = me.is_some_and(|me| Kind::Shadow.may_be_signed_by(me.role) && me.operator != *owner);
    match Record::open(console, Some(root), who, about)?.filter(|_| may) {
        Some(record) => {
            record.say_counted(Kind::Shadow, counts)?;
            console.tell("It is in the ledger that you went through this run: commit and push it.\n");
        }
        None if me.is_some_and(|me| me.operator == *owner) => console.tell("That was your own run.\n"),
        None => console.tell(&format!("That is not in the ledger: {}.\n", who.standing)),
    }
    Ok(Exit::Well)
}

/// A run as steps that people read one after the other.
struct Steps<'a> {
    root: &'a Path,
    opening: String,
}

/// A task on the hosts on which it left something in the record.
struct Task<'a> {
    ends: Vec<&'a TaskEnd>,
}

impl Steps<'_> {
    fn all(&self, events: &[Event]) -> Vec<String> {
        let mut steps = vec![self.opening.clone()];
        let (mut task, mut hosts): (Task<'_>, Vec<HostName>) = (Task { ends: Vec::new() }, Vec::new());
        for event in events {
            if let Event::TaskEnds(end) = event {
                if !task.has(end) {
                    steps.extend(self.task(&task, &hosts));
                    task.ends.clear();
                }
                task.ends.push(end);
                continue;
            }
            if let Some(text) = said(event) {
                steps.extend(self.task(&task, &hosts));
                task.ends.clear();
                match event {
                    // What belongs to one step is read as one.
                    Event::BatchBegins { .. } | Event::RunEnds { .. } | Event::PlayStops { .. } => {
                        steps.push(text)
                    }
                    _ => steps.last_mut().into_iter().for_each(|step| step.push_str(&text)),
                }
            }
            if let Event::BatchBegins { hosts: batch, .. } = event {
                hosts.clone_from(batch);
            }
        }
        steps.extend(self.task(&task, &hosts));
        steps
    }

    fn task(&self, task: &Task<'_>, batch: &[HostName]) -> Option<String> {
        let first = task.ends.first()?;
        let kind = if first.handler { "Handler" } else { "Task" };
        let mut out = format!("{}\n", format!("{kind}: {}", one_line(&first.task)).bold());
        if let Some(module) = modules::find(&first.module) {
            out.push_str(&format!("  {} is the module for this: {}\n", module.name, module.summary));
        }
        out.push_str(&format!("  {}\n", one_line(&first.place).dimmed()));
        for line in self.lines(&first.place) {
            out.push_str(&format!("  {} {}\n", "|".dimmed(), one_line(&line)));
        }
        for end in &task.ends {
            out.push_str(&told(end));
        }
        let named: BTreeSet<&HostName> = task.ends.iter().map(|end| &end.host).collect();
        let others = batch.iter().filter(|host| !named.contains(host)).count();
        if others > 0 {
            let hosts = if others == 1 { "1 other host".to_owned() } else { format!("{others} other hosts") };
            out.push_str(&format!("  {hosts}: as asked already, skipped, or not reached by it\n"));
        }
        Some(out + "\n")
    }

    /// The lines of a task in its playbook, as they are now.
    fn lines(&self, place: &str) -> Vec<String> {
        let mut parts = place.rsplitn(3, ':');
        let (Some(_), Some(line), Some(file)) = (parts.next(), parts.next(), parts.next()) else {
            return Vec::new();
        };
        let text = match file.strip_prefix("(built in)/") {
            Some("playbooks/patch.yml") => Some(patch::PLAYBOOK.to_owned()),
            Some(_) => None,
            None => self.read(Path::new(file)),
        };
        let line: usize = line.parse().unwrap_or(0);
        text.map(|text| block(&text, line)).unwrap_or_default()
    }

    /// A file of the ops repository, wherever it lay for whoever ran it.
    fn read(&self, file: &Path) -> Option<String> {
        let root = self.root.canonicalize().ok()?;
        let file = root.join(file).canonicalize().ok().filter(|file| file.starts_with(&root))?;
        let fits =
            file.metadata().ok().is_some_and(|meta| meta.is_file() && meta.len() <= PLAYBOOK_BYTES_MAX);
        fits.then(|| std::fs::read_to_string(&file).ok()).flatten()
    }
}

impl Task<'_> {
    fn has(&self, end: &TaskEnd) -> bool {
        self.ends.first().is_none_or(|first| {
            (first.number, &first.place, first.handler, &first.task)
                == (end.number, &end.place, end.handler, &end.task)
        })
    }
}

/// The list item that begins at a line, or around it.
fn block(text: &str, line: usize) -> Vec<String> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let Some(first) = line.checked_sub(1).and_then(|at| text.lines().nth(at)) else { return Vec::new() };
    let column = indent(first);
    let rest = text.lines().skip(line).take_while(|next| next.trim().is_empty() || indent(next) > column);
    let mut lines: Vec<String> = std::iter::once(first)
        .chain(rest)
        .map(|line| line.get(column..).unwrap_or_default().to_owned())
        .collect();
    while lines.last().is_some_and(|line| line.trim().is_empty()) {
        lines.pop();
    }
    if lines.len() > LINES_MAX {
        lines.truncate(LINES_MAX);
        lines.push("…".into());
    }
    lines
}

/// What became of a task on a host.
fn told(end: &TaskEnd) -> String {
    let message = end.message.as_deref().map(|text| format!(": {}", one_line(text))).unwrap_or_default();
    let mut out = format!("  {}: {}{message}\n", one_line(end.host.as_str()), word(end));
    end.changes.iter().for_each(|change| out.push_str(&changed(change)));
    for item in &end.items {
        out.push_str(&format!("    {}: {}\n", one_line(&item.label), status(&item.status)));
        item.changes.iter().for_each(|change| out.push_str(&changed(change)));
    }
    out
}

fn changed(change: &ChangeMade) -> String {
    format!("    - {} (by the script {})\n", one_line(&change.summary), one_line(&change.script))
}

fn word(end: &TaskEnd) -> String {
    let fate = match (end.ignored, end.rescued) {
        (true, _) => ", and the playbook says to go on (ignore_errors)",
        (_, true) => ", and the playbook has a rescue for that",
        _ => "",
    };
    format!("{}{fate}", status(&end.status))
}

fn status(status: &Status) -> String {
    match status {
        Status::Ok => "as asked already".green().to_string(),
        Status::Changed => "changed".yellow().to_string(),
        Status::Failed => "failed".red().to_string(),
        Status::Skipped => "skipped".into(),
        Status::Unknown => "unknown: the connection was lost during the change".red().to_string(),
        Status::WouldChange => "would change".yellow().to_string(),
        Status::WouldRun => "would run; what that does can't be foreseen".yellow().to_string(),
        Status::Provisional { cause } => format!("can't be said before '{}' is done", one_line(cause)),
        Status::KnownAfterApply { cause } => format!("is known only after '{}' is done", one_line(cause)),
        Status::Unseen { .. } => "could not be seen from the account of whoever looked".into(),
    }
}

/// What other events say to people.
fn said(event: &Event) -> Option<String> {
    let names = |hosts: &[HostName]| -> String {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        one_line(&names.join(", ")).into_owned()
    };
    Some(match event {
        Event::BatchBegins { play, batch, batches, hosts, tasks, .. } => {
            let part = if *batches > 1 { format!(", batch {batch} of {batches}") } else { String::new() };
            format!(
                "{}\n  {tasks} tasks on {}\n  What follows are the tasks that changed something, failed, or found out about packages; the others found everything as asked.\n\n",
                format!("Play: {}{part}", one_line(play)).bold(),
                names(hosts)
            )
        }
        Event::Claimed { by, hosts, shown, note, .. } => {
            format!("  {by} keeps {} until {}: {}\n", names(hosts), one_line(shown), one_line(note))
        }
        Event::WindowEnds { shown, hosts, .. } => {
            format!("  the maintenance window of {} ends {}\n", names(hosts), one_line(shown))
        }
        Event::HeldOut(held) => format!("  {} was held out: {}\n", held.host, one_line(&held.message)),
        Event::GlassBroken { reason, .. } => {
            format!("  windows and claims were overridden: {}\n", one_line(reason))
        }
        Event::Warning { host, message } => {
            let host = host.as_ref().map(|host| format!("{host}: ")).unwrap_or_default();
            format!("  {host}{}\n", one_line(message))
        }
        Event::HostLeaves { host, reason: Some(reason) } => {
            format!("  {host} left the run: {}\n", one_line(reason))
        }
        Event::Found { host, finding } => format!("  {host}: {}\n", one_line(&finding.title)),
        Event::PlayStops { reason, not_begun } => {
            let rest = match not_begun.is_empty() {
                true => String::new(),
                false => format!("  not begun: {}\n", names(not_begun)),
            };
            format!("{}\n{rest}\n", format!("Stopped: {}", one_line(reason)).bold())
        }
        Event::RunEnds { recap, interrupted, seconds } => {
            let ended = if *interrupted { "Interrupted" } else { "The end" };
            let mut out = format!("{}\n", format!("{ended}, after {seconds:.0} s").bold());
            for (host, counts) in recap {
                out.push_str(&format!(
                    "  {host}: {} as asked, {} changed, {} failed, {} skipped\n",
                    counts.ok.saturating_sub(counts.changed),
                    counts.changed,
                    counts.failed,
                    counts.skipped
                ));
            }
            out
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_shown_with_its_own_lines_and_no_others() {
        let text = "- hosts: all\n  tasks:\n    - name: One\n      command: x\n\n    - name: Two\n      copy:\n        dest: /a\n";
        assert_eq!(block(text, 3), ["- name: One", "  command: x"]);
        assert_eq!(block(text, 6), ["- name: Two", "  copy:", "    dest: /a"]);
        assert_eq!(block(text, 99), [""; 0]);
        assert_eq!(block(text, 0), [""; 0]);
        let long = format!("- a:\n{}", "  b\n".repeat(40));
        assert_eq!(block(&long, 1).len(), LINES_MAX + 1);
    }
}

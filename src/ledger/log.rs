//! The record as people read it: one line per run or remark, and all of a run. Texts come out printable; on disk they
//! stay as they were signed.

use super::trail::{Leaf, Trail};
use super::{Details, Kind, Private, Public, Record, Stored};
use crate::model::{HostName, OperatorName, Role, RunId, printable};
use crate::people::{ChainName, Verb};
use jiff::Timestamp;
use std::fmt;
use std::path::PathBuf;

/// One line of the log: who did what, when, where, why, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogLine {
    /// When it began, as its writer says.
    pub time: Timestamp,
    /// Who.
    pub operator: OperatorName,
    /// In which role; not known in the public view.
    pub role: Option<Role>,
    /// What it is: a run that may change something is an `intent`, whether it ended or not.
    pub kind: Kind,
    /// What was typed.
    pub verb: Option<Verb>,
    /// The run.
    pub run: Option<RunId>,
    /// Where; empty in the public view.
    pub hosts: Vec<HostName>,
    /// On how many hosts.
    pub hosts_count: Option<u64>,
    /// Why.
    pub reason: Option<String>,
    /// The ticket.
    pub ticket: Option<String>,
    /// The text of a note; why a dry run was one.
    pub remark: Option<String>,
    /// Why windows, freezes and claims were overridden, if they were.
    pub break_glass: Option<String>,
    /// Who picked it up after it had begun.
    pub resumed_by: Vec<OperatorName>,
    /// How it ended.
    pub outcome: LogOutcome,
    /// The entries it was made from.
    pub files: Vec<PathBuf>,
}

/// How something in the log ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LogOutcome {
    /// A run began, and nobody said how it ended.
    Open,
    /// A run ended, and hosts fared so.
    Ended {
        /// Hosts that were changed.
        changed: u64,
        /// Hosts on which something failed.
        failed: u64,
        /// Hosts that could not be reached.
        unreachable: u64,
        /// Hosts of which nobody knows.
        unknown: u64,
    },
    /// An audit, in which `failed` counts the hosts with findings that it was told to fail on.
    Audited {
        /// Those hosts.
        findings: u64,
        /// Hosts that could not be reached.
        unreachable: u64,
    },
    /// A dry run.
    Unchanged {
        /// Hosts that would be changed.
        pending: u64,
        /// Hosts that could not be reached.
        unreachable: u64,
    },
    /// Nothing that ends: a note, a claim.
    Said,
}

/// All that the record has of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct RunRecord {
    /// Its line in the log.
    pub line: LogLine,
    /// Its entries, in the order in which they were written.
    pub entries: Vec<Shown>,
}

impl RunRecord {
    /// The entries of those who began it or picked it up: what others write under its name is about it, and no part of it.
    pub fn own(&self) -> impl Iterator<Item = &Shown> {
        let begins = |entry: &&Shown| entry.public.kind == Kind::Intent;
        let first = self.entries.iter().find(|entry| self.line.files.contains(&entry.file));
        let own: Vec<&ChainName> =
            self.entries.iter().filter(begins).chain(first).map(|entry| &entry.public.chain).collect();
        self.entries.iter().filter(move |entry| own.contains(&&entry.public.chain))
    }
}

/// An entry in full, as it was signed: not made printable.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// Its public part's file.
    pub file: PathBuf,
    /// Its public part.
    pub public: Public,
    /// Its private part, where it is here.
    pub private: Option<Private>,
}

impl Record {
    /// The log, oldest first. Entries that can't be read are left out: [`Record::verify`] names them.
    pub fn log(&self) -> Vec<LogLine> {
        let trails = Trail::all(self);
        let mut lines: Vec<LogLine> = Vec::new();
        for (chain, entry, public) in self.by_time() {
            let trail = public.run.and_then(|run| trails.get(&run));
            let first = trail.and_then(|trail| trail.intents.first());
            match (first, trail) {
                (Some(first), Some(trail)) if first.entry.file == entry.file => {
                    lines.push(LogLine::of_run(trail, *first));
                }
                (Some(_), _) if matches!(public.kind, Kind::Intent | Kind::Outcome) => {}
                _ => lines.push(LogLine::of(chain, entry, public)),
            }
        }
        // Times are whole seconds; the ids of runs tell which began first within one.
        lines.sort_by_key(|line| (line.time, line.run));
        lines
    }

    /// Everything of a run, if the record has it.
    pub fn run(&self, run: RunId) -> Option<RunRecord> {
        let mut lines: Vec<LogLine> = self.log().into_iter().filter(|line| line.run == Some(run)).collect();
        // What began it is its head; a remark of somebody else may say any time.
        let head = lines.iter().position(|line| line.kind == Kind::Intent).unwrap_or(0);
        let line = (head < lines.len()).then(|| lines.swap_remove(head))?;
        let of_run = self.by_time().into_iter().filter(|(_, _, public)| public.run == Some(run));
        let shown = |(_, entry, public): (&ChainName, &Stored, &Public)| Shown {
            file: entry.file.clone(),
            public: public.clone(),
            private: self.read_private(entry),
        };
        Some(RunRecord { line, entries: of_run.map(shown).collect() })
    }

    /// Entries by their times; an intent comes before what has the same time, and a chain's order stays.
    fn by_time(&self) -> Vec<(&ChainName, &Stored, &Public)> {
        let readable =
            self.entries().filter_map(|(chain, entry)| Some((chain, entry, entry.public.as_ref().ok()?)));
        let mut entries: Vec<_> = readable.collect();
        entries.sort_by_key(|(_, entry, public)| (public.time, public.kind != Kind::Intent, entry.seq));
        entries
    }
}

impl LogLine {
    fn of(chain: &ChainName, entry: &Stored, public: &Public) -> Self {
        let private = entry.private.content();
        let details = private.map(|private| &private.details);
        let text = |text: Option<&String>| text.map(|text| one_line(text));
        Self {
            time: public.time,
            operator: chain.operator().clone(),
            role: private.map(|private| private.role),
            kind: public.kind,
            verb: public.verb,
            run: public.run,
            hosts: details.map(|details| details.hosts.clone()).unwrap_or_default(),
            hosts_count: public.hosts,
            reason: text(details.and_then(|details| details.reason.as_ref())),
            ticket: text(details.and_then(|details| details.ticket.as_ref())),
            break_glass: text(details.and_then(|details| details.break_glass.as_ref())),
            remark: remark(details)
                .or_else(|| public.signs.as_ref().map(|signs| format!("version {}", signs.version))),
            resumed_by: Vec::new(),
            outcome: LogOutcome::of(public),
            files: vec![entry.file.clone()],
        }
    }

    /// The line of a run: its first intent, who picked it up, and the outcome after that.
    fn of_run(trail: &Trail<'_>, first: Leaf<'_>) -> Self {
        let mut line = Self::of(first.chain, first.entry, first.public);
        let later = trail.intents.iter().filter(|leaf| leaf.entry.file != first.entry.file);
        for leaf in later.chain(&trail.outcomes) {
            if leaf.public.kind == Kind::Intent {
                line.resumed_by.push(leaf.chain.operator().clone());
            }
            line.files.push(leaf.entry.file.clone());
        }
        if let Some(outcome) = trail.outcome() {
            line.close(outcome.entry, outcome.public);
        }
        line
    }

    fn close(&mut self, entry: &Stored, public: &Public) {
        self.outcome = LogOutcome::of(public);
        self.hosts_count = public.hosts.or(self.hosts_count);
        let remark = entry.private.content().and_then(|private| private.details.remark.as_ref());
        self.remark = remark.map(|text| one_line(text)).or_else(|| self.remark.take());
    }

    /// Where, in a few words: the first hosts by name and the others counted.
    pub fn hosts_in_short(&self, names_max: usize) -> String {
        let names: Vec<&str> = self.hosts.iter().take(names_max).map(HostName::as_str).collect();
        let more = self.hosts.len() - names.len();
        match (names.is_empty(), more) {
            (true, _) => {
                self.hosts_count.map(|count| format!("{count} {}", hosts(count))).unwrap_or_default()
            }
            (false, 0) => names.join(", "),
            (false, more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// What an entry says for people; of a handover to whom it is.
fn remark(details: Option<&Details>) -> Option<String> {
    let details = details?;
    let to = details.to.as_ref().map(|to| format!("to {to}"));
    let said = [to.as_deref(), details.note.as_deref(), details.remark.as_deref()];
    let said: Vec<String> = said.into_iter().flatten().map(one_line).collect();
    Some(said.join(": ")).filter(|text| !text.is_empty())
}

fn hosts(count: u64) -> &'static str {
    if count == 1 { "host" } else { "hosts" }
}

fn one_line(text: &str) -> String {
    printable(text).replace(['\n', '\t'], " ")
}

impl LogOutcome {
    fn of(public: &Public) -> Self {
        let count = |count: Option<u64>| count.unwrap_or_default();
        match public.kind {
            Kind::Intent => Self::Open,
            Kind::Outcome => Self::Ended {
                changed: count(public.changed),
                failed: count(public.failed),
                unreachable: count(public.unreachable),
                unknown: count(public.unknown),
            },
            Kind::Audit => {
                Self::Audited { findings: count(public.failed), unreachable: count(public.unreachable) }
            }
            // Without counts it is no dry run: somebody went through what another did.
            Kind::Shadow if public.changed.is_some() => {
                Self::Unchanged { pending: count(public.changed), unreachable: count(public.unreachable) }
            }
            _ => Self::Said,
        }
    }
}

/// Counts nothing.
const NONE: (u64, &str) = (0, "");

impl fmt::Display for LogOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nothing, counted) = match *self {
            Self::Open => return f.write_str("open: nobody said how it ended"),
            Self::Said => return Ok(()),
            Self::Ended { changed, failed, unreachable, unknown } => (
                "nothing changed",
                [
                    (changed, "changed"),
                    (failed, "failed"),
                    (unreachable, "unreachable"),
                    (unknown, "unknown"),
                ],
            ),
            Self::Audited { findings, unreachable } => {
                ("no findings", [(findings, "with findings"), (unreachable, "unreachable"), NONE, NONE])
            }
            Self::Unchanged { pending, unreachable } => {
                ("nothing to change", [(pending, "would change"), (unreachable, "unreachable"), NONE, NONE])
            }
        };
        let shown = counted.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = shown.map(|(count, what)| format!("{count} {what}")).collect();
        f.write_str(&if parts.is_empty() { nothing.to_owned() } else { parts.join(", ") })
    }
}

//! `wgops ledger show RUN`: all that the record has of a run, through the reporters that showed it when it happened.

use super::super::args::Shape;
use super::super::repository::Repository;
use super::super::trust::Trust;
use super::super::{Console, Exit, Failure, show};
use super::log::human;
use super::unsound;
use crate::event::Event;
use crate::ledger::{Details, Private, Record, RunRecord, Shown};
use crate::model::RunId;
use crate::people::Verb;
use crate::report::{Format, Subject, json, one_line};
use clap::Args;
use owo_colors::OwoColorize;
use serde::Deserialize;
use serde_json::json;
use std::collections::HashSet;
use std::path::Path;

/// Show all that the record has of a run
///
/// The run's id, or the beginning of it, stands at the end of its line in 'wgops ledger log'.
#[derive(Args)]
pub struct Show {
    /// The run's id, or enough of its beginning
    run: String,
    #[command(flatten)]
    shape: Shape,
}

impl Show {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let roster = Trust::find(console, &repository)?.map(|trust| trust.in_force.roster);
        let record = Record::read(root, roster.as_ref().and_then(|roster| roster.origin))?;
        let run = find(&record, &self.run)?;
        let mut found = record.run(run).ok_or_else(|| unknown(&self.run))?;
        let wrong = unsound(root, roster.as_ref(), &found)?;
        for wrong in &wrong {
            console.tell(&format!("{} {}\n", "does not hold:".red(), one_line(&wrong.to_string())));
        }
        let broken: HashSet<&Path> = wrong.iter().map(|wrong| wrong.file.as_path()).collect();
        if found.line.files.iter().any(|file| broken.contains(file.as_path())) {
            found.line.role = None;
        }
        match self.shape.format {
            Format::Json => console.result(&format!("{}\n", machine(&found, &broken)?))?,
            _ => {
                console.result(&head(&found, &broken))?;
                replay(console, &found)?;
            }
        }
        Ok(Exit::Well)
    }
}

/// The one run whose id begins so.
pub fn find(record: &Record, text: &str) -> Result<RunId, Failure> {
    let wanted = text.to_uppercase();
    let mut runs: Vec<RunId> = record.log().iter().filter_map(|line| line.run).collect();
    runs.sort();
    runs.dedup();
    runs.retain(|run| run.to_string().starts_with(&wanted));
    match runs.as_slice() {
        [one] if !wanted.is_empty() => Ok(*one),
        [] => Err(unknown(text)),
        many => Err(Failure::usage(format!("{} runs begin with '{}'", many.len(), one_line(text)))
            .hint("give more of the id")),
    }
}

/// Says that there is no such run.
pub fn unknown(text: &str) -> Failure {
    Failure::usage(format!("the ledger has no run '{}'", one_line(text)))
        .hint("'wgops ledger log' lists runs; 'git pull' brings those of others")
}

/// What is known of a run before its events: its line, and each entry's details. Whose role an entry tells is not known, where it does not
/// hold.
pub fn head(found: &RunRecord, broken: &HashSet<&Path>) -> String {
    let mut out = human(&found.line);
    let mut before = String::new();
    for entry in &found.entries {
        out.push_str(&format!("\n{} {}\n", entry.public.kind, one_line(&entry.file.display().to_string())));
        let details =
            entry.private.as_ref().map(|private| details(private, !broken.contains(entry.file.as_path())));
        let details = details.unwrap_or_else(|| "  the private part is not here\n".into());
        // An outcome says again what its intent said; what differs is shown.
        let new = details.lines().filter(|line| !before.lines().any(|known| known == *line));
        new.for_each(|line| out.push_str(&format!("{line}\n")));
        before = details;
    }
    out.push('\n');
    out
}

fn details(private: &Private, holds: bool) -> String {
    let all = &private.details;
    let Details { reason, ticket, remark, hosts, playbook, inventory, commit, arguments, .. } = all;
    let Details { resumes, differs, plan, to, .. } = all;
    let hosts: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
    let source = |source: &crate::ledger::Source| format!("{} ({})", source.path, source.digest);
    let commit = commit.as_ref().map(|commit| {
        format!("{}{}", commit.id, if commit.dirty { ", with changes that were not committed" } else { "" })
    });
    let rows = [
        (
            "who",
            Some(match holds {
                true => format!("{} ({})", private.operator, private.role),
                false => format!("not known; it says {}", private.operator),
            }),
        ),
        ("resumes", resumes.map(|intent| format!("the intent {intent}"))),
        ("to", to.as_ref().map(ToString::to_string)),
        ("reason", reason.clone()),
        ("ticket", ticket.clone()),
        ("remark", remark.clone()),
        ("GLASS BROKEN", all.break_glass.clone()),
        ("until", all.until.map(|until| until.to_string())),
        ("note", all.note.clone()),
        ("hosts", Some(hosts.join(", ")).filter(|hosts| !hosts.is_empty())),
        ("playbook", playbook.as_ref().map(source)),
        ("inventory", inventory.as_ref().map(source)),
        ("commit", commit),
        ("differs", Some(differs.join(", ")).filter(|list| !list.is_empty())),
        ("plan", plan.as_ref().map(|plan| format!("{} by {}", plan.digest, plan.maker))),
        ("approved by", plan.as_ref().map(approvers).filter(|names| !names.is_empty())),
        ("arguments", Some(arguments.join(" ")).filter(|arguments| !arguments.is_empty())),
    ];
    let rows = rows.into_iter().filter_map(|(name, text)| Some((name, text?)));
    rows.map(|(name, text)| {
        format!("  {name:<10}{}{}\n", if name.len() < 10 { "" } else { " " }, one_line(&text))
    })
    .collect()
}

fn approvers(plan: &crate::ledger::PlanRef) -> String {
    plan.approved_by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Tells the stored events to the reporter that told them first.
fn replay(console: &Console, found: &RunRecord) -> Result<(), Failure> {
    let events: Vec<Event> = found.own().flat_map(events).collect();
    if events.is_empty() {
        return Ok(());
    }
    let subject = match found.line.verb {
        Some(Verb::Audit) => Subject::Audit,
        Some(Verb::Patch) => Subject::Patch,
        Some(Verb::Apply) if found.entries.iter().any(is_bound_by_versions) => Subject::Patch,
        Some(Verb::Access) => Subject::Access,
        _ => Subject::Run,
    };
    let mut show = show::Show::new(console, subject, Format::Human);
    events.iter().for_each(|event| show.event(event));
    show.finish().map(drop)
}

/// Whether a run was bound to package versions, as the plans of patches are.
fn is_bound_by_versions(entry: &Shown) -> bool {
    entry.private.as_ref().is_some_and(|private| private.details.approved.is_some())
}

/// Events of a vocabulary that this wgops doesn't know are left out.
pub fn events(entry: &Shown) -> Vec<Event> {
    let stored = entry.private.iter().flat_map(|private| &private.details.events);
    stored.filter_map(|value| Event::deserialize(value).ok()).collect()
}

fn machine(found: &RunRecord, broken: &HashSet<&Path>) -> Result<String, Failure> {
    let holds = |entry: &Shown| !broken.contains(entry.file.as_path());
    let entry = |entry: &Shown| json!({"file": entry.file, "holds": holds(entry), "public": entry.public, "private": entry.private});
    let entries: Vec<_> = found.entries.iter().map(entry).collect();
    json::document(&json!({"version": 1, "entries": entries}))
        .map_err(|error| Failure::usage(error.to_string()))
}

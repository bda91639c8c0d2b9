//! The runs that may have changed something, as people pick them up: whose each is, what of it is done, and what is left.
//! Only entries that hold are believed; [`Record::verify`] names the others.

use super::trail::{Leaf, Trail};
use super::{Details, HostOutcome, Kind, Record, Report};
use crate::model::{Digest, HostName, OperatorName, Role, RunId};
use crate::people::{Roster, Verb};
use indexmap::IndexMap;
use jiff::Timestamp;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A run, and how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct RunState {
    /// Its id.
    pub run: RunId,
    /// What was typed.
    pub verb: Option<Verb>,
    /// When it began, as its owner says.
    pub begun: Timestamp,
    /// Who began it.
    pub owner: OperatorName,
    /// Whose it is now: of who began it, picked it up, or got it handed over.
    pub holder: OperatorName,
    /// The last time that it was handed over, if nobody picked it up since.
    pub handed: Option<Handover>,
    /// Who picked it up, in order.
    pub resumed_by: Vec<OperatorName>,
    /// Whether nobody has said how it ended.
    pub open: bool,
    /// How each host fared, as far as that was said.
    pub hosts: IndexMap<HostName, Option<HostOutcome>>,
    /// How many hosts it is about; also known where their names are not.
    pub hosts_count: u64,
    /// Its last intent.
    pub intent: Digest,
    /// What that intent says; empty in the public view.
    pub details: Details,
    /// Files of the run's entries.
    pub files: Vec<PathBuf>,
}

/// A run handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handover {
    /// Who handed it over.
    pub from: OperatorName,
    /// To whom.
    pub to: OperatorName,
    /// Why, or what to look at.
    pub note: Option<String>,
    /// When.
    pub time: Timestamp,
}

impl RunState {
    /// Hosts that are not done: nobody said how they fared, or they did not fare well.
    pub fn left(&self) -> impl Iterator<Item = (&HostName, Option<HostOutcome>)> {
        let done = |outcome| matches!(outcome, Some(HostOutcome::Ok | HostOutcome::Changed));
        self.hosts.iter().filter(move |(_, outcome)| !done(**outcome)).map(|(host, outcome)| (host, *outcome))
    }

    /// Whether there is nothing left to pick up.
    pub fn is_finished(&self) -> bool {
        !self.open && self.left().next().is_none()
    }
}

impl Record {
    /// Every run that may have changed something, oldest first. `report` is what verifying this record found: handovers
    /// and pick-ups that do not hold give nobody a run.
    pub fn runs(&self, roster: &Roster, report: &Report) -> Vec<RunState> {
        let broken: HashSet<&Path> = report.breaks.iter().map(|found| found.file.as_path()).collect();
        let trails = Trail::all(self).into_iter().map(|(run, trail)| {
            (run, trail.of_what_holds(|leaf| !broken.contains(leaf.entry.file.as_path())))
        });
        let mut runs: Vec<RunState> =
            trails.filter_map(|(run, trail)| state(run, &trail, roster, report)).collect();
        runs.sort_by_key(|run| (run.begun, run.run));
        runs
    }
}

fn state(run: RunId, trail: &Trail<'_>, roster: &Roster, report: &Report) -> Option<RunState> {
    let (first, last) = (trail.intents.first()?, trail.last_intent()?);
    let outcome = trail.outcome();
    let details = last.private().map(|private| private.details.clone()).unwrap_or_default();
    let results = outcome.and_then(Leaf::private).map(|private| &private.details.results);
    let fared = |host: &HostName| results.and_then(|results| results.get(host)).map(|result| result.outcome);
    let named = first.private().map(|private| private.details.hosts.clone()).unwrap_or_default();
    let mut hosts: IndexMap<_, _> = named.into_iter().map(|host| (host.clone(), fared(&host))).collect();
    for (host, result) in results.into_iter().flatten() {
        hosts.entry(host.clone()).or_insert(Some(result.outcome));
    }
    let owner = first.chain.operator().clone();
    let (holder, handed) = holder(&owner, trail, roster, report);
    let all = trail.intents.iter().chain(&trail.outcomes).chain(&trail.handoffs);
    Some(RunState {
        run,
        verb: first.public.verb,
        begun: first.public.time,
        owner,
        holder,
        handed,
        resumed_by: trail.intents.iter().skip(1).map(|leaf| leaf.chain.operator().clone()).collect(),
        open: outcome.is_none(),
        hosts_count: first.public.hosts.unwrap_or(hosts.len() as u64),
        hosts,
        intent: last.entry.digest,
        details,
        files: all.map(|leaf| leaf.entry.file.clone()).collect(),
    })
}

/// Whose a run is: each pick-up makes it its writer's, each handover by its holder, its owner or a lead somebody else's.
fn holder(
    owner: &OperatorName,
    trail: &Trail<'_>,
    roster: &Roster,
    report: &Report,
) -> (OperatorName, Option<Handover>) {
    let mut steps: Vec<Leaf<'_>> = trail.intents.iter().chain(&trail.handoffs).copied().collect();
    steps.retain(|leaf| report.breaks_of(&leaf.entry.file).next().is_none());
    let mut now = (owner.clone(), None);
    for leaf in in_order(steps) {
        let writer = leaf.chain.operator();
        if leaf.public.kind == Kind::Intent {
            now = (writer.clone(), None);
            continue;
        }
        let Some(details) = leaf.private().map(|private| &private.details) else { continue };
        let is_lead = roster.person(writer).is_some_and(|person| person.role == Role::Lead);
        if let Some(to) = details.to.clone().filter(|_| is_lead || now.0 == *writer || owner == writer) {
            let from = writer.clone();
            let handed =
                Handover { from, to: to.clone(), note: details.note.clone(), time: leaf.public.time };
            now = (to, Some(handed));
        }
    }
    now
}

/// Entries in the order in which their writers saw each other's; by time where none had seen the other.
fn in_order(mut steps: Vec<Leaf<'_>>) -> Vec<Leaf<'_>> {
    steps.sort_by_key(|leaf| (leaf.public.time, leaf.entry.seq));
    let mut ordered = Vec::new();
    while !steps.is_empty() {
        let follows_none = |leaf: &Leaf<'_>| !steps.iter().any(|other| leaf.follows(*other));
        let next = steps.iter().position(follows_none).unwrap_or(0);
        ordered.push(steps.remove(next));
    }
    ordered
}

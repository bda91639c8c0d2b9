//! `wgops patch --same-as RUN`: the versions that another run installed, out of the ledger.

use super::bound::BUILT_IN;
use super::console::shown;
use super::repository::Repository;
use super::runs::Known;
use super::{Exit, Failure};
use crate::event::{Event, Status};
use crate::ledger::{Details, RunRecord};
use crate::load::Playbook;
use crate::model::{HostName, Map, Value};
use crate::people::Roster;
use crate::report::one_line;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a playbook reads to keep to these versions.
const VARIABLE: &str = "patch_same_as";

/// What a run installed, as `NAME=VERSION`.
///
/// # Errors
/// There is no such run, it does not hold, it installed nothing or one package in several versions, or the playbook would
/// not keep to it.
pub fn versions(run: &str, playbook: &Playbook) -> Result<Value, Failure> {
    keeps_to_it(playbook)?;
    let repository = Repository::here()?;
    let root = repository.needed()?;
    let roster = Roster::load(&root.join("inventory/operators.yml"))?;
    let known = Known::read(root, &roster)?;
    let state = known.run(run)?;
    known.sound(state)?;
    let mut record =
        known.record.run(state.run).ok_or_else(|| Failure::usage("the run is gone from the ledger"))?;
    record.entries.retain(|entry| known.report.breaks_of(&entry.file).next().is_none());
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, version) in installed(&record) {
        all.entry(name).or_default().insert(version);
    }
    if all.is_empty() {
        return Err(Failure::usage(format!("run {} installed no packages", state.run))
            .hint("'wgops ledger show RUN' tells what a run did; its private part has to be here"));
    }
    let several: Vec<String> =
        all.iter().filter(|(_, list)| list.len() > 1).map(|(name, _)| one_line(name).into_owned()).collect();
    if !several.is_empty() {
        let message = format!("run {} installed several versions of {}", state.run, several.join(", "));
        return Err(Failure::new(Exit::Usage, message).hint("name a run on hosts of one release"));
    }
    let exact =
        all.iter().flat_map(|(name, list)| list.iter().map(move |version| format!("{name}={version}")));
    Ok(exact.collect::<Vec<_>>().into())
}

/// A playbook of the group's own that does not know the variable would install everything.
fn keeps_to_it(playbook: &Playbook) -> Result<(), Failure> {
    if playbook.file.starts_with(BUILT_IN) {
        return Ok(());
    }
    match std::fs::read_to_string(playbook.file.as_path()) {
        Ok(text) if text.contains(VARIABLE) => Ok(()),
        _ => {
            let file = shown(&playbook.file);
            Err(Failure::usage(format!(
                "{file} does not read {VARIABLE}, so it would not keep to these versions"
            ))
            .hint("give apply_updates 'same_as: \"{{ patch_same_as | default(omit) }}\"'"))
        }
    }
}

fn installed(record: &RunRecord) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for private in record.own().filter_map(|entry| entry.private.as_ref()) {
        for value in &private.details.events {
            match Event::deserialize(value) {
                Ok(Event::TaskEnds(end))
                    if end.module == "apply_updates" && end.status == Status::Changed =>
                {
                    let packages = end.result["packages"].as_array().into_iter().flatten();
                    found.extend(packages.filter_map(exact));
                }
                // What went on without wgops and was collected is what had been confirmed.
                Ok(Event::Collected { host, status: Some(0), .. }) => {
                    found.extend(confirmed(&private.details, &host));
                }
                _ => {}
            }
        }
    }
    found
}

fn exact(package: &Value) -> Option<(String, String)> {
    Some((package["name"].as_str()?.to_owned(), package["to"].as_str()?.to_owned()))
}

fn confirmed(details: &Details, host: &HostName) -> Vec<(String, String)> {
    let only = details.approved.as_ref().and_then(|approved: &Map| approved.get("patch_only"));
    let list = only.and_then(|only| only[host.as_str()].as_array()).into_iter().flatten();
    let split = |entry: &Value| {
        let (name, version) = entry.as_str()?.split_once('=')?;
        Some((name.to_owned(), version.to_owned()))
    };
    list.filter_map(split).collect()
}

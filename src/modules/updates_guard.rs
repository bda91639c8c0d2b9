//! What keeps a plan from being carried out although apt would: sources that failed, too little room, removals. Everything
//! here is found out before anything is changed.

use super::updates::{counted, fits, some_of};
use super::{Args, Host, Kind, Param};
use crate::model::{Map, Value};
use crate::questions::packages::apt::{Candidate, Removable, failed_sources};
use crate::questions::packages::{Need, Plan, Refresh, Sizes, megabytes};
use crate::questions::{Refusal, Stop};
use serde_json::json;

pub(super) const ALLOW_FAILED_SOURCES: Param = Param::optional(
    "allow_failed_sources",
    Kind::Bool,
    "whether to go on where a package source can't be refreshed",
)
.default("no");
pub(super) const ALLOW_REMOVALS: Param = Param::optional(
    "allow_removals",
    Kind::Bool,
    "whether updates may remove packages that are in their way",
)
.default("no");
pub(super) const SPACE_MARGIN: Param = Param::optional(
    "space_margin",
    Kind::Int,
    "how many MB have to stay free on each file system, whatever is installed",
)
.default("64");

/// Refuses where sources failed and nobody allowed that; says so where somebody did.
pub(super) fn sources(args: &Args, refresh: &Refresh) -> Result<Option<String>, Stop> {
    let Refresh::Failed(said) = refresh else { return Ok(None) };
    let failed = failed_sources(said);
    let named: Vec<String> = failed.iter().map(ToString::to_string).collect();
    let named = if named.is_empty() { said.trim().to_owned() } else { named.join("; ") };
    let count = if failed.len() > 1 {
        format!("{} package sources", failed.len())
    } else {
        "a package source".into()
    };
    if args.flag("allow_failed_sources") {
        return Ok(Some(format!("{count} could not be refreshed, which is allowed: {named}")));
    }
    let message = format!(
        "{count} could not be refreshed, so what waits here is not known for certain: {named} (repair it, or go on \
         without: --allow-failed-sources, 'allow_failed_sources: true')"
    );
    let failed: Vec<Value> = failed
        .iter()
        .map(|f| json!({"source": f.source, "trouble": f.trouble.as_str(), "said": f.said}))
        .collect();
    Err(Stop::Refuse(Refusal { message, result: refused("sources", "failed_sources", failed.into()) }))
}

/// Refuses where a file system has less room than the plan needs; gives what is needed and free, and warnings.
pub(super) fn room(args: &Args, sizes: &Sizes) -> Result<(Value, Vec<String>), Stop> {
    let margin = u64::try_from(args.int("space_margin").unwrap_or(0)).unwrap_or(0) * 1024;
    let (needs, unknown) = sizes.needs(margin);
    let space: Vec<Value> = needs.iter().map(value).collect();
    let short: Vec<String> =
        needs.iter().filter(|need| need.missing_kib() > 0).map(|need| shortage(need, sizes)).collect();
    if !short.is_empty() {
        let message = format!("too little room, so nothing was begun: {}", short.join("; "));
        return Err(Stop::Refuse(Refusal { message, result: refused("space", "space", space.into()) }));
    }
    let unknown =
        unknown.iter().map(|place| format!("how much room there is in {place} could not be found out"));
    Ok((space.into(), unknown.collect()))
}

fn refused(why: &str, key: &str, value: Value) -> Map {
    Map::from_iter([("refused".to_owned(), why.into()), (key.to_owned(), value)])
}

/// A need as a value for results; sizes are in bytes.
fn value(need: &Need) -> Value {
    let parts: Map = need.parts.iter().map(|(what, kib)| (what.clone(), (kib * 1024).into())).collect();
    json!({
        "mount": need.mount,
        "needs": need.needs_kib() * 1024,
        "free": need.free_kib * 1024,
        "missing": need.missing_kib() * 1024,
        "parts": parts,
    })
}

/// `/boot needs 120 MB (new kernels 90 MB, …) and has 40 MB: 80 MB are missing; …`
fn shortage(need: &Need, sizes: &Sizes) -> String {
    let parts: Vec<String> =
        need.parts.iter().map(|(what, kib)| format!("{what} {}", megabytes(*kib))).collect();
    let mut text = format!(
        "{} needs {} free ({}) and has {}: {} are missing",
        need.mount,
        megabytes(need.needs_kib()),
        parts.join(", "),
        megabytes(need.free_kib),
        megabytes(need.missing_kib()),
    );
    let remedies = sizes.remedies(&need.mount);
    if !remedies.is_empty() {
        text.push_str(&format!(". What would make room: {}", remedies.join(", ")));
    }
    text
}

/// Refuses removals that nobody allowed, and those that nobody may allow; gives what would go.
pub(super) fn removals(args: &Args, host: &Host<'_>, plan: &Plan) -> Result<Vec<Candidate>, Stop> {
    if plan.removes.is_empty() {
        return Ok(Vec::new());
    }
    if !args.flag("allow_removals") {
        let message = format!(
            "it would remove {}: nothing is removed unasked (--allow-removals, 'allow_removals: true')",
            plan.removes.join(", ")
        );
        return Err(Stop::Refuse(Refusal {
            message,
            result: refused("removals", "would_remove", plan.removes.clone().into()),
        }));
    }
    let known = host.get(Removable { names: plan.removes.clone() })?;
    let exclude = args.list("exclude");
    let mut reasons = Vec::new();
    for name in &plan.removes {
        let bare = name.split(':').next().unwrap_or(name);
        match known.iter().find(|candidate| candidate.name == bare) {
            None => reasons.push(format!("{name}: dpkg says nothing of it")),
            Some(Candidate { vital: Some(why), .. }) => reasons.push(format!("{name}: {why}")),
            Some(_) if exclude.iter().any(|pattern| fits(pattern, bare)) => {
                reasons.push(format!("{name}: it is excluded"));
            }
            Some(_) => {}
        }
    }
    if !reasons.is_empty() {
        let message = format!("it would remove what must stay: {}", reasons.join("; "));
        return Err(Stop::Refuse(Refusal {
            message,
            result: refused("removals", "would_remove", plan.removes.clone().into()),
        }));
    }
    let goes = |candidate: &&Candidate| {
        plan.removes.iter().any(|name| name.split(':').next() == Some(&candidate.name))
    };
    Ok(known.iter().filter(goes).cloned().collect())
}

/// `; remove 2 packages: a 1.0, b 2.0`
pub(super) fn removal_summary(removed: &[Candidate]) -> String {
    if removed.is_empty() {
        return String::new();
    }
    let named: Vec<String> = removed.iter().map(|c| format!("{} {}", c.name, c.version)).collect();
    format!("; remove {}: {}", counted(removed.len(), "package"), some_of(&named))
}

//! What the modules that look at or change packages share: updates as values, the change that carries out a plan, and
//! what is registered of it. Which updates to take is the modules' own decision.

use super::{Args, Change, Delivery, Diff, Kind, Nature, Outcome, Param, Progress};
use crate::model::{Map, Script, Subject, Subjects, Value};
use crate::questions::packages::apt::{
    CLEAN, Cleaning, DpkgCondition, Freshness, InstalledPackages, LISTS_AS_THEY_WERE, NewPackages, REPAIR,
    ScriptFailure, Step, TRANSACTION, TransactionReport, UPDATE_LISTS, failed_sources, step,
    transaction_args,
};
use crate::questions::packages::{Manager, PackageState, Plan, Update};
use crate::questions::{Output, Stop};
use serde_json::json;
use std::time::Duration;

/// The scripts that change packages.
pub(super) const SCRIPTS: &[Script] = &[CLEAN, REPAIR, TRANSACTION, UPDATE_LISTS];

/// How long a transaction may take, without the wait for locks.
const TRANSACTION_DEADLINE: Duration = Duration::from_secs(2 * 60 * 60);

pub(super) const REFRESH: Param =
    Param::optional("refresh", Kind::Bool, "whether lists that are not fresh are refreshed first")
        .default("yes");
pub(super) const CACHE_VALID_TIME: Param =
    Param::optional("cache_valid_time", Kind::Int, "for how many seconds lists count as fresh")
        .default("600");
pub(super) const LOCK_TIMEOUT: Param = Param::optional(
    "lock_timeout",
    Kind::Int,
    "for how many seconds to wait while somebody else works on the package database",
)
.default("300");
pub(super) const DPKG_OPTIONS: Param =
    Param::optional("dpkg_options", Kind::List, "options for dpkg, without dashes")
        .default("force-confdef,force-confold");

/// How fresh the lists have to be, as the task's arguments say.
pub(super) fn freshness(args: &Args) -> Freshness {
    if args.flag("refresh") {
        Freshness::AtMost(seconds(args, "cache_valid_time"))
    } else {
        Freshness::AsTheyAre
    }
}

pub(super) fn new_packages(args: &Args) -> NewPackages {
    if args.flag("new_packages") { NewPackages::Allowed } else { NewPackages::Refused }
}

pub(super) fn seconds(args: &Args, name: &str) -> Duration {
    Duration::from_secs(args.int(name).and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Refuses where the package manager is one that isn't known yet.
pub(super) fn only_apt(manager: Manager) -> Result<(), Stop> {
    match manager {
        Manager::Apt => Ok(()),
        Manager::Unknown => Err(Stop::refuse("no known package manager on this host: expected apt")),
        other => Err(Stop::refuse(format!("this host has {other}; wgops knows only apt so far"))),
    }
}

/// Whether a package's name fits a pattern in which `*` stands for any text.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// An update as a value for results.
pub(super) fn update_value(update: &Update) -> Value {
    json!({
        "name": update.name,
        "arch": update.arch,
        "from": update.from,
        "to": update.to,
        "origin": update.origin,
        "security": update.security,
        "kind": update.kind.as_str(),
        "held": update.held.is_some(),
        "reason": update.held.as_ref().map(ToString::to_string),
    })
}

/// `1 package`, `2 packages`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// Some names, and how many more there are.
pub(super) fn some_of(texts: &[String]) -> String {
    const SHOWN_MAX: usize = 6;
    let shown = texts.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match texts.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A transaction in the making: what exactly comes out of it, and the command line that leads there.
pub(super) struct Transaction<'a> {
    pub summary: String,
    pub plan: &'a Plan,
    pub command_line: &'a [String],
    pub args: &'a Args,
}

impl Transaction<'_> {
    pub(super) fn change(&self) -> Change {
        let patience = seconds(self.args, "lock_timeout");
        let policy = self.args.int("policy_rc_d").map(|status| format!("policy-rc-d={status}"));
        let options = self.args.list("dpkg_options").into_iter().map(str::to_owned).chain(policy);
        let options = options.collect::<Vec<_>>().join(" ");
        let script_args = transaction_args(patience, self.plan, &options, self.command_line);
        let change = Change::state(self.summary.clone(), TRANSACTION, script_args, Subjects::Undeclared);
        Change {
            delivery: Delivery::Detached,
            deadline: TRANSACTION_DEADLINE + patience,
            progress: Some(progress),
            ..change.with_diff(Some(versions(self.plan)))
        }
    }
}

/// How far a transaction is.
fn progress(so_far: &str) -> Option<Progress> {
    step(so_far).map(|Step { doing, number, of }| Progress { message: doing, done: Some(number), of })
}

fn versions(plan: &Plan) -> Diff {
    let line =
        |name: &str, version: Option<&str>| version.map(|v| format!("{name} {v}\n")).unwrap_or_default();
    let before = plan.installs.iter().map(|i| line(&i.name, i.from.as_deref())).collect::<String>();
    let removed = plan.removes.iter().map(|name| format!("{name}\n")).collect::<String>();
    let after = plan.installs.iter().map(|i| line(&i.name, Some(&i.to))).collect();
    Diff { header: "packages".into(), before: before + &removed, after }
}

/// The change that refreshes the host's own lists.
pub(super) fn refresh_lists(args: &Args, tolerance: Tolerance) -> Change {
    refresh_lists_within(seconds(args, "lock_timeout"), tolerance)
}

/// The same with a wait for locks of this length.
pub(super) fn refresh_lists_within(patience: Duration, tolerance: Tolerance) -> Change {
    let word = match tolerance {
        Tolerance::None => "all",
        Tolerance::SomeSources => "some",
    };
    let touches = [Subject::Packages, Subject::path("/var/lib/apt")];
    let change = Change::event(
        "Refresh the package lists",
        UPDATE_LISTS,
        [patience.as_secs().to_string(), word.to_owned()],
        touches,
    );
    Change { deadline: Change::DEADLINE + patience, ..change }
}

/// Whether sources that can't be reached are an error.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tolerance {
    /// They are.
    None,
    /// They are only warned about: what is to be installed is known already.
    SomeSources,
}

/// The change that lets dpkg finish what was interrupted.
fn repair(args: &Args, why: &str) -> Change {
    let patience = seconds(args, "lock_timeout");
    let script_args = [patience.as_secs().to_string(), args.list("dpkg_options").join(" ")];
    let change =
        Change::state(format!("Let dpkg finish first: {why}"), REPAIR, script_args, Subjects::Undeclared);
    Change {
        delivery: Delivery::Detached,
        deadline: TRANSACTION_DEADLINE + patience,
        nature: Nature::Event,
        ..change
    }
}

/// dpkg has to finish what was interrupted before anything else can be done.
pub(super) fn needed_repair(
    args: &Args,
    installed: &InstalledPackages,
    dpkg: &DpkgCondition,
) -> Option<Change> {
    let broken: Vec<String> = installed.broken().map(|p| p.name.clone()).collect();
    match broken.as_slice() {
        [] if dpkg.interrupted => Some(repair(args, "it was interrupted")),
        [] => None,
        names => Some(repair(args, &format!("half installed: {}", some_of(names)))),
    }
}

/// The change that throws downloaded packages away.
pub(super) fn clean(args: &Args, which: Cleaning, count: usize) -> Change {
    let patience = seconds(args, "lock_timeout");
    let touches = [Subject::path("/var/cache/apt")];
    let script_args = [which.as_str().to_owned(), patience.as_secs().to_string()];
    let summary = format!("Throw {} away", counted(count, "downloaded package"));
    let change = Change::state(summary, CLEAN, script_args, touches);
    Change { deadline: Change::DEADLINE + patience, ..change }
}

/// What `register` gets of changes to packages: `packages` as they really are afterwards, the configuration files that
/// were kept, and of a failure which packages it hit and the end of the log.
pub(super) fn transaction_result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = super::plain_result(outcome, outputs);
    let ran = |script: Script| {
        let pair = outcome.changes.iter().zip(outputs).find(|(change, _)| change.script.name == script.name);
        pair.map(|(_, output)| output)
    };
    if let Some(output) = ran(UPDATE_LISTS).filter(|output| output.status != 0) {
        let failed = failed_sources(&output.text());
        let named: Vec<String> = failed.iter().map(ToString::to_string).collect();
        if !named.is_empty() {
            let message = format!("the package lists could not be refreshed: {}", named.join("; "));
            result.insert("msg".into(), message.into());
        }
    }
    if let Some(output) = ran(UPDATE_LISTS).filter(|output| output.status == 0) {
        let as_they_were = output.text().lines().any(|line| line == LISTS_AS_THEY_WERE);
        if result.contains_key("cache_updated") {
            result.insert("cache_updated".into(), (!as_they_were).into());
        }
        if as_they_were && outcome.changes.len() == 1 {
            result.insert("changed".into(), false.into());
        }
    }
    let repair = ran(REPAIR).map(TransactionReport::parse).unwrap_or_default();
    let Some(output) = ran(TRANSACTION) else {
        note_files(&mut result, &repair, &TransactionReport::default());
        return result;
    };
    let report = TransactionReport::parse(output);
    let failed = note_what_became_of_packages(&mut result, &report);
    note_files(&mut result, &repair, &report);
    if output.status != 0 {
        result.insert("msg".into(), failure_message(&failed, &report, output).into());
        result.insert("log".into(), report.tail.into());
    }
    result.insert("failed_packages".into(), failed.into());
    result
}

/// Configuration files that were kept, and what lies beside them unfinished.
fn note_files(result: &mut Map, repair: &TransactionReport, report: &TransactionReport) {
    let kept = repair.conffiles.iter().chain(&report.conffiles);
    let conffiles: Vec<Value> = kept.map(|c| json!({"kept": c.kept, "new": c.beside})).collect();
    result.insert("conffiles".into(), conffiles.into());
    result.insert("leftovers".into(), report.leftovers.clone().into());
}

/// Writes into each entry of `packages` what version is there now; returns the names of those that did not get there.
fn note_what_became_of_packages(result: &mut Map, report: &TransactionReport) -> Vec<String> {
    let mut failed = Vec::new();
    let removed = result.get_mut("removed").and_then(Value::as_array_mut);
    for package in removed.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = package.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let gone = report.find(&name).is_none_or(|after| after.state == PackageState::ConfigFiles);
        package.insert("state".into(), if gone { "removed" } else { "installed" }.into());
        if !gone {
            failed.push(name);
        }
    }
    let packages = result.get_mut("packages").and_then(Value::as_array_mut);
    for package in packages.into_iter().flatten().filter_map(Value::as_object_mut) {
        let text = |key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, planned) = (text("name"), text("to"));
        let Some(after) = report.find(&name) else { continue };
        let there = after.state == PackageState::Installed && after.version == planned;
        let gone = planned.is_empty() && after.state == PackageState::ConfigFiles;
        if !(there || gone) {
            failed.push(name);
        }
        let state = match after.state {
            PackageState::Installed => "installed",
            PackageState::ConfigFiles => "removed",
            PackageState::Broken => "broken",
        };
        package.insert("version".into(), after.version.clone().into());
        package.insert("state".into(), state.into());
    }
    failed
}

fn failure_message(failed: &[String], report: &TransactionReport, output: &Output) -> String {
    let scripts: Vec<String> = report.failures.iter().map(script_failure).collect();
    let said = if scripts.is_empty() { reasons(&report.tail) } else { scripts };
    let stderr = output.error_text();
    let reasons = if said.is_empty() { stderr.trim().to_owned() } else { said.join("; ") };
    let reasons = if reasons.is_empty() { format!("exit status {}", output.status) } else { reasons };
    match failed {
        [] => reasons,
        names => format!("failed: {}; {reasons}", names.join(", ")),
    }
}

/// `failpost: post-installation script returned error exit status 1, after "cannot migrate the database"`
fn script_failure(failure: &ScriptFailure) -> String {
    let said = if failure.said.is_empty() {
        String::new()
    } else {
        format!(", after \"{}\"", failure.said.join(" / "))
    };
    format!("{}: {}{said}", failure.package, failure.what)
}

/// What dpkg and apt call errors, each with the indented line that follows it.
fn reasons(log: &[String]) -> Vec<String> {
    let is_error =
        |line: &str| ["E: ", "dpkg: error", "dpkg: dependency"].iter().any(|start| line.starts_with(start));
    let mut reasons: Vec<String> = Vec::new();
    let mut follows = false;
    for line in log {
        if is_error(line) {
            reasons.push(line.clone());
        } else if let Some(reason) = reasons.last_mut().filter(|_| follows && line.starts_with(' ')) {
            reason.push(' ');
            reason.push_str(line.trim());
        }
        follows = is_error(line);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_pattern_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("bar", "bar", true),
            ("bar", "barn", false),
            ("linux-image-*", "linux-image-6.1.0-30-amd64", true),
            ("linux-image-*", "linux-headers-6.1", false),
            ("*-dev", "libfoo-dev", true),
            ("lib*-dev", "libfoo", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
            ("*", "anything", true),
            ("aa*aa", "aaa", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn an_error_of_dpkg_takes_the_line_that_explains_it_along() {
        let log = [
            "Setting up failpost (1.1) ...",
            "failpost: cannot migrate the database",
            "dpkg: error processing package failpost (--configure):",
            " installed failpost package post-installation script subprocess returned error exit status 1",
            "E: Sub-process /usr/bin/dpkg returned an error code (1)",
        ];
        assert_eq!(
            reasons(&log.map(str::to_owned)),
            [
                "dpkg: error processing package failpost (--configure): installed failpost package \
                 post-installation script subprocess returned error exit status 1",
                "E: Sub-process /usr/bin/dpkg returned an error code (1)",
            ]
        );
    }

    #[test]
    fn a_long_list_of_names_is_cut_and_counted() {
        let names: Vec<String> = (1..=8).map(|n| format!("p{n}")).collect();
        assert_eq!(some_of(&names), "p1, p2, p3, p4, p5, p6 and 2 more");
    }
}

//! What differs between what is planned on a host and what is found there now, line by line.

use super::{HostPlan, PlannedChange, PlannedPackage, PlannedQuestion, PlannedTask};
use std::collections::BTreeSet;

/// Lines that say how a host differs from its plan: `-` planned, `+` found now. None: it is exactly as planned.
pub fn differences(planned: &HostPlan, now: &HostPlan) -> Vec<String> {
    let mut lines = Vec::new();
    if planned.key != now.key {
        let shown = |key: &Option<String>| key.clone().unwrap_or_else(|| "none".into());
        lines.push(format!("- host key {}", shown(&planned.key)));
        lines.push(format!("+ host key {}", shown(&now.key)));
    }
    let same_packages = as_set(&planned.packages) == as_set(&now.packages);
    compare(&planned.packages, &now.packages, package, &mut lines);
    // Where packages differ, so does the change that installs them; once is enough.
    let told = |change: &&PlannedChange| same_packages || change.module != "apply_updates";
    let changes = |plan: &HostPlan| plan.changes.iter().filter(told).cloned().collect::<Vec<_>>();
    compare_changes(&changes(planned), &changes(now), &mut lines);
    compare(&planned.after, &now.after, task, &mut lines);
    // What is not asked any more changes nothing; an answer may be known from before.
    let asked = now.asks.iter().filter(|one| planned.asks.iter().all(|known| known.question != one.question));
    lines.extend(asked.map(|one| format!("+ {}", question(one))));
    lines.extend(now.unknown.iter().map(|why| format!("? {why}")));
    lines
}

fn as_set<T: Ord>(list: &[T]) -> BTreeSet<&T> {
    list.iter().collect()
}

fn compare<T: Ord>(planned: &[T], now: &[T], line: fn(&T) -> String, lines: &mut Vec<String>) {
    let (then, found) = (as_set(planned), as_set(now));
    lines.extend(then.difference(&found).map(|gone| format!("- {}", line(gone))));
    lines.extend(found.difference(&then).map(|new| format!("+ {}", line(new))));
}

/// A change by how it is told and by what is sent.
type Told<'a> = (&'a str, &'a str, &'a str, crate::model::Digest, Option<u64>, [&'a [String]; 2]);

/// Changes are the same by what is sent, in the same order, and by how they are told: that is what people agreed to who were
/// shown the plan.
fn compare_changes(planned: &[PlannedChange], now: &[PlannedChange], lines: &mut Vec<String>) {
    fn told(list: &[PlannedChange]) -> Vec<Told<'_>> {
        let mut told = Vec::new();
        for change in list {
            let PlannedChange { task, module, summary, attempts, says, says_sealed, .. } = change;
            told.push((
                task.as_str(),
                module.as_str(),
                summary.as_str(),
                change.identity(),
                *attempts,
                [says.as_slice(), says_sealed.as_slice()],
            ));
        }
        told
    }
    let (then, found) = (told(planned), told(now));
    if then == found {
        return;
    }
    let before = lines.len();
    let not_in = |list: &[Told<'_>], one| !list.contains(one);
    let gone = planned.iter().zip(&then).filter(|(_, one)| not_in(&found, one));
    lines.extend(gone.map(|(change, _)| format!("- {}", line(change))));
    let new = now.iter().zip(&found).filter(|(_, one)| not_in(&then, one));
    lines.extend(new.map(|(change, _)| format!("+ {}", line(change))));
    if lines.len() == before {
        lines.push("± the same changes, in another order or number".into());
    }
}

/// What a plan does on a host, with all that it sends.
pub fn in_full(planned: &HostPlan) -> Vec<String> {
    let mut lines = Vec::new();
    compare(&[], &planned.packages, package, &mut lines);
    for change in &planned.changes {
        lines.push(format!("+ {}", line(change)));
        let says = change.says.iter().chain(&change.says_sealed);
        lines.extend(says.map(|said| format!("      {said}")));
        if change.keyed {
            lines.push(match change.says_sealed.is_empty() {
                true => "      (a sealed value is in it, so no more of it is shown)".into(),
                false => "      (a sealed value is in it: stars stand for that alone)".to_owned(),
            });
        }
    }
    compare(&[], &planned.after, task, &mut lines);
    lines.extend(planned.asks.iter().map(|one| format!("+ {}", question(one))));
    lines
}

fn line(change: &PlannedChange) -> String {
    let often = change.attempts.map(|most| format!(", {most} times at most")).unwrap_or_default();
    format!("{}: {}{often}", change.task, change.summary)
}

fn package(package: &PlannedPackage) -> String {
    let PlannedPackage { name, from, to } = package;
    match (from, to) {
        (Some(from), Some(to)) => format!("{name} {from} → {to}"),
        (None, Some(to)) => format!("{name} {to} (new)"),
        (from, None) => format!("{name} {} (removed)", from.as_deref().unwrap_or_default()),
    }
}

fn question(asks: &PlannedQuestion) -> String {
    format!("{} ({}) asks another machine: {} {}", asks.task, asks.module, asks.script, asks.words)
}

fn task(task: &PlannedTask) -> String {
    format!("afterwards: {} ({})", task.task, task.module)
}

#[cfg(test)]
mod tests {
    use super::super::tests::documented;
    use super::*;

    fn changed(change: impl Fn(&mut HostPlan)) -> Vec<String> {
        let planned = documented().hosts[0].clone();
        let mut now = planned.clone();
        change(&mut now);
        differences(&planned, &now)
    }

    #[test]
    fn what_is_sent_decides_and_how_it_is_told() {
        assert_eq!(changed(|_| {}), [""; 0]);
        // Who approved it read the text in the plan.
        let other = changed(|now| now.changes[0].summary = "Another text".into());
        assert_eq!(other[1], "+ Install updates: Another text", "{other:?}");
        let other = changed(|now| now.changes[0].script_digest = crate::model::Digest::of("x"));
        assert_eq!(other.len(), 2, "{other:?}");
        let other = changed(|now| now.changes[0].sends.user = None);
        assert_eq!(other.len(), 2, "{other:?}");
        assert_eq!(changed(|now| now.changes.push(now.changes[0].clone())).len(), 1);
    }

    #[test]
    fn every_difference_is_a_line() {
        let lines = changed(|now| {
            now.key = None;
            now.packages[0].to = Some("1.2".into());
            now.packages.push(PlannedPackage { name: "bar".into(), from: None, to: Some("1".into()) });
            now.changes[0].sends.arguments = crate::model::Digest::of("x");
            now.after.clear();
            now.unknown.push("it does not answer".into());
        });
        assert_eq!(
            lines,
            [
                "- host key SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
                "+ host key none",
                "- libfoo 1.0 → 1.1",
                "+ bar 1 (new)",
                "+ libfoo 1.0 → 1.2",
                "- afterwards: Reboot (reboot)",
                "? it does not answer",
            ]
        );
    }
}

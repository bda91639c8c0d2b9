//! What changed in the ops repository since the last run of whoever is typing: said before anything is changed, because
//! playbooks and inventory are programs that others write.

use super::{Console, commit, news_of_trust};
use crate::ledger::{Kind, Record, Report, Typed};
use crate::model::{OperatorName, RunId};
use crate::report::one_line;
use jiff::Timestamp;
use std::path::Path;

/// Most files that are named.
const FILES_MAX: usize = 12;
/// Most that are named where all of them are close to what is run.
const CLOSE_MAX: usize = 60;
/// How many of the newest runs are looked at for a commit that this clone has.
const RUNS_MAX: usize = 20;

/// What is read of the ledger for it: who could sign what, and the newest runs.
pub const KINDS: [(Kind, usize); 2] = [(Kind::Roster, usize::MAX), (Kind::Intent, RUNS_MAX)];

/// The last run that changed something.
struct Last {
    who: OperatorName,
    time: Timestamp,
    run: Option<RunId>,
    commit: String,
}

/// Tells what is new, if anything is; first of all in what is about to be run.
pub fn tell(
    console: &Console,
    root: &Path,
    (record, report): (&Record, &Report),
    me: Option<&OperatorName>,
    typed: &Typed,
) {
    let mut said = String::new();
    if let Some((last, mut changed)) =
        since(root, record, report, me).filter(|(_, changed)| !changed.is_empty())
    {
        changed.sort_by_key(|file| distance(&file.name, typed));
        let close = changed.iter().filter(|file| distance(&file.name, typed) < 2).count();
        let shown = close.clamp(FILES_MAX, CLOSE_MAX);
        let short = last.commit.get(..12).unwrap_or(&last.commit);
        let day = last.time.strftime("%Y-%m-%d");
        let files = if changed.len() == 1 { "1 file has" } else { &format!("{} files have", changed.len()) };
        let whose = if me == Some(&last.who) { "your last run" } else { "the last run" };
        said.push_str(&format!("Since {whose} ({}, {day}) {files} changed:\n", last.who));
        for file in changed.iter().take(shown) {
            said.push_str(&format!("  {}  +{} -{}\n", one_line(&file.name), file.added, file.removed));
        }
        if changed.len() > shown {
            said.push_str(&format!("  and {} more\n", changed.len() - shown));
        }
        // However many files there are: these say whom servers and wgops believe.
        for file in news_of_trust::FILES.iter().filter(|file| changed.iter().any(|one| one.name == **file)) {
            let text = |commit: &str| commit::text_at(root, commit, file).unwrap_or_default();
            let lines = news_of_trust::told(file, &text(&last.commit), &text("HEAD"));
            lines.iter().for_each(|line| said.push_str(&format!("  {file}: {line}\n")));
        }
        let authors = commit::authors_since(root, &last.commit);
        if !authors.is_empty() {
            said.push_str(&format!("  by {}, as git has it\n", one_line(&authors.join(", "))));
        }
        said.push_str(&format!("  see 'git diff {short} HEAD'\n"));
    }
    let dirty = commit::uncommitted(root);
    if !dirty.is_empty() {
        let more = dirty.len().saturating_sub(FILES_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names: Vec<&str> = dirty.iter().take(FILES_MAX).map(String::as_str).collect();
        said.push_str(&format!("Not committed: {}{more}\n", one_line(&names.join(", "))));
    }
    if !said.is_empty() {
        console.tell(&said);
    }
}

/// How far a file is from what is about to be run: its playbooks, then what says which servers there are, how they are reached
/// and with which variables, then all else. Whoever changes a thousand harmless files hides nothing behind them.
fn distance(name: &str, typed: &Typed) -> u8 {
    let is_run = typed.playbooks.iter().any(|playbook| playbook.path == name);
    let settles = name == "wgops.yml"
        || name.starts_with("inventory/")
        || name.split('/').any(|part| part == "group_vars" || part == "host_vars");
    if is_run { 0 } else { 2 - u8::from(settles) }
}

/// Tells that a clock is wrong: this one, or that of somebody who wrote the ledger.
pub fn tell_clock(console: &Console, record: &Record) {
    let now = Timestamp::now();
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%MZ").to_string();
    if let Some(odd) = record.ahead_of(now) {
        console.tell(&format!(
            "By this machine's clock it is {}, and the ledger has an entry of {} from {}: one of the two clocks is wrong. \
             Agreements, windows and plans are judged by this one: see to it before you go on.\n",
            minute(now),
            odd.chain.operator(),
            minute(odd.says)
        ));
    }
}

/// The newest run whose commit is here, and what changed since. One's own counts before those of others: what somebody else
/// ran something harmless with has not been seen by oneself.
fn since(
    root: &Path,
    record: &Record,
    report: &Report,
    me: Option<&OperatorName>,
) -> Option<(Last, Vec<commit::Changed>)> {
    let mut runs: Vec<Last> = record
        .entries()
        .filter(|(_, entry)| report.breaks_of(&entry.file).next().is_none())
        .filter_map(|(chain, entry)| {
            let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Intent)?;
            let commit = entry.private.content()?.details.commit.as_ref()?.id.clone();
            Some(Last { who: chain.operator().clone(), time: public.time, run: public.run, commit })
        })
        .collect();
    runs.sort_by_key(|last| (me != Some(&last.who), std::cmp::Reverse((last.time, last.run))));
    let own = runs.iter().filter(|last| me == Some(&last.who)).count();
    // Where oneself ran something, what others did is no measure.
    runs.truncate(if own > 0 { own } else { runs.len() });
    runs.into_iter()
        .take(RUNS_MAX)
        .find_map(|last| commit::numbers_since(root, &last.commit).map(|changed| (last, changed)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Source;
    use crate::model::Digest;

    #[test]
    fn what_is_run_comes_first_and_then_what_says_where() {
        let run = Source { path: "playbooks/ci.yml".into(), digest: Digest::of("") };
        let typed = Typed { playbooks: vec![run], ..Typed::default() };
        let mut names = [
            "playbooks/aaa/f1.yml",
            "roles/a/tasks/main.yml",
            "inventory/prod.yml",
            "playbooks/ci.yml",
            "playbooks/host_vars/web1.yml",
        ];
        names.sort_by_key(|name| distance(name, &typed));
        assert_eq!(
            names,
            [
                "playbooks/ci.yml",
                "inventory/prod.yml",
                "playbooks/host_vars/web1.yml",
                "playbooks/aaa/f1.yml",
                "roles/a/tasks/main.yml",
            ]
        );
    }
}

//! What changed in the ops repository since the last run of whoever is typing: said before anything is changed, because
//! playbooks and inventory are programs that others write.

use super::{Console, commit, news_of_trust};
use crate::ledger::{Kind, Record, Report};
use crate::model::{OperatorName, RunId};
use crate::report::one_line;
use jiff::Timestamp;
use std::path::Path;

/// Most files that are named.
const FILES_MAX: usize = 12;
/// How many of the newest runs are looked at for a commit that this clone has.
const RUNS_MAX: usize = 20;

/// The last run that changed something.
struct Last {
    who: OperatorName,
    time: Timestamp,
    run: Option<RunId>,
    commit: String,
}

/// Tells what is new, if anything is.
pub fn tell(console: &Console, root: &Path, record: &Record, report: &Report, me: Option<&OperatorName>) {
    let mut said = String::new();
    if let Some((last, changed)) = since(root, record, report, me).filter(|(_, changed)| !changed.is_empty())
    {
        let short = last.commit.get(..12).unwrap_or(&last.commit);
        let day = last.time.strftime("%Y-%m-%d");
        let files = if changed.len() == 1 { "1 file has" } else { &format!("{} files have", changed.len()) };
        let whose = if me == Some(&last.who) { "your last run" } else { "the last run" };
        said.push_str(&format!("Since {whose} ({}, {day}) {files} changed:\n", last.who));
        for file in changed.iter().take(FILES_MAX) {
            said.push_str(&format!("  {}  +{} -{}\n", one_line(&file.name), file.added, file.removed));
        }
        if changed.len() > FILES_MAX {
            said.push_str(&format!("  and {} more\n", changed.len() - FILES_MAX));
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

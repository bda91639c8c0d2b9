//! What changed in the ops repository since the last run of whoever is typing: said before anything is changed, because
//! playbooks and inventory are programs that others write. What can't be told is said, too: it is all new then.

use super::{Console, commit, console, news_of_trust};
use crate::ledger::{Kind, Record, Report};
use crate::model::{OperatorName, RunId};
use crate::report::one_line;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::path::Path;

/// Most files that are named.
const FILES_MAX: usize = 12;
/// Most that are named where all of them are close to what is run.
const CLOSE_MAX: usize = 60;
/// How many of the newest runs are looked at for a commit that this clone has.
const RUNS_MAX: usize = 20;

/// What is read of the ledger for it: who could sign what, the newest runs, and whether anything was sealed.
pub const KINDS: [(Kind, usize); 3] =
    [(Kind::Roster, usize::MAX), (Kind::Intent, RUNS_MAX), (Kind::Vault, 1)];

/// The last run that changed something.
struct Last {
    who: OperatorName,
    time: Timestamp,
    run: Option<RunId>,
    commit: String,
}

impl Last {
    fn day(&self) -> String {
        self.time.strftime("%Y-%m-%d").to_string()
    }

    fn short(&self) -> &str {
        self.commit.get(..12).unwrap_or(&self.commit)
    }
}

/// What is new.
#[derive(Default)]
pub struct News {
    /// In lines for people; empty where nothing is.
    pub said: String,
    /// Why nobody can tell what changed since the last run, though there was one: its commit is not here.
    pub no_history: Option<String>,
    /// Whether files changed since the last run.
    has_changed: bool,
}

impl News {
    /// Finds out what is new, first of all in what is about to be run.
    pub fn gather(
        root: &Path,
        (record, report): (&Record, &Report),
        me: Option<&OperatorName>,
        close: &Close,
    ) -> Self {
        let mut news = Self::default();
        if commit::is_in_git(root) {
            match Since::find(root, record, report, me) {
                Since::Known(last, changed) if !changed.is_empty() => {
                    news.changed(root, me, &last, changed, close)
                }
                Since::Known(..) => {}
                Since::Gone(last) => {
                    let why = format!(
                        "the last run that counts ({}, {}) was made from commit {}, which is not here",
                        last.who,
                        last.day(),
                        last.short()
                    );
                    news.said.push_str(&format!("No history here: {why}. Everything is new.\n"));
                    news.no_history = Some(why);
                }
                Since::Nothing => {
                    news.said.push_str(
                        "The ledger has no run that was made from a commit: everything here is new.\n",
                    );
                }
            }
        } else {
            news.said.push_str("Not in git: nothing here is committed, and what is new can't be told.\n");
        }
        let dirty = commit::uncommitted(root);
        if !dirty.is_empty() {
            let more = dirty.len().saturating_sub(FILES_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names: Vec<&str> = dirty.iter().take(FILES_MAX).map(String::as_str).collect();
            news.said.push_str(&format!("Not committed: {}{more}\n", one_line(&names.join(", "))));
        }
        news
    }

    /// Whether somebody who gives `--allow-dirty` said yes to all of it: nothing is told to have changed, but what is not committed or
    /// has nothing to be compared with.
    pub fn is_allowed_by_flag(&self) -> bool {
        !self.has_changed
    }

    fn changed(
        &mut self,
        root: &Path,
        me: Option<&OperatorName>,
        last: &Last,
        mut changed: Vec<commit::Changed>,
        close: &Close,
    ) {
        self.has_changed = true;
        changed.sort_by_key(|file| close.distance(&file.name));
        let near = changed.iter().filter(|file| close.distance(&file.name) < FAR).count();
        let shown = near.clamp(FILES_MAX, CLOSE_MAX);
        let (short, day) = (last.short(), last.day());
        let files = if changed.len() == 1 { "1 file has" } else { &format!("{} files have", changed.len()) };
        let whose = if me == Some(&last.who) { "your last run" } else { "the last run" };
        let said = &mut self.said;
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
}

/// How far a file is from what is run at the most, as far as that is known.
const FAR: u8 = 3;

/// What is close to what is about to be run: whoever changes a thousand harmless files hides nothing behind them.
#[derive(Default)]
pub struct Close {
    /// Its playbooks.
    pub playbooks: BTreeSet<String>,
    /// Files of its tasks, as far as they are known before it begins.
    pub files: BTreeSet<String>,
}

impl Close {
    /// How far a file is: first the playbooks, then what they import and the roles that they use, then what says which servers there
    /// are, how they are reached and with which variables, then all else.
    fn distance(&self, name: &str) -> u8 {
        let settles = name == "wgops.yml"
            || name.starts_with("inventory/")
            || name.split('/').any(|part| part == "group_vars" || part == "host_vars");
        let role = role_of(name);
        let is_of_role = || role.is_some() && self.files.iter().any(|file| role_of(file) == role);
        match name {
            _ if self.playbooks.contains(name) => 0,
            _ if self.files.contains(name) || is_of_role() => 1,
            _ if settles => 2,
            _ => FAR,
        }
    }
}

/// The folder of the role that a file belongs to.
fn role_of(name: &str) -> Option<&str> {
    let at = if name.starts_with("roles/") { 0 } else { name.find("/roles/")? + 1 };
    let inside = name.get(at + "roles/".len()..)?;
    let role = inside.split('/').next().filter(|role| role.len() < inside.len())?;
    name.get(..at + "roles/".len() + role.len())
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

/// Tells what somebody put into the ledger that is nobody's word: it decides nothing, and is to be taken out all the same.
pub fn tell_set_aside(console: &Console, report: &Report) {
    let aside = report.set_aside();
    let Some(first) = aside.first() else { return };
    let more = match aside.len() - 1 {
        0 => String::new(),
        more => format!(", and so does {more} more"),
    };
    console.tell(&format!(
        "In the ledger {} counts for nothing{more}: nobody in the roster signed it. 'wgops ledger verify' says how to take it out.\n",
        console::shown(&first.file)
    ));
}

/// The newest run whose commit is here, and what changed since.
enum Since {
    /// That one.
    Known(Last, Vec<commit::Changed>),
    /// There are runs, and the commit of none is here: the newest of them.
    Gone(Last),
    /// There is no run that was made from a commit.
    Nothing,
}

impl Since {
    /// One's own counts before those of others: what somebody else ran something harmless with has not been seen by oneself.
    fn find(root: &Path, record: &Record, report: &Report, me: Option<&OperatorName>) -> Self {
        let mut runs: Vec<Last> = record
            .entries()
            .filter(|(_, entry)| report.breaks_of(&entry.file).next().is_none())
            .filter_map(|(chain, entry)| {
                let public = entry.public.as_ref().ok().filter(|public| public.kind == Kind::Intent)?;
                let commit = entry.private.content()?.details.commit.as_ref()?.id.clone();
                let last = Last { who: chain.operator().clone(), time: public.time, run: public.run, commit };
                commit::is_a_commit(&last.commit).then_some(last)
            })
            .collect();
        runs.sort_by_key(|last| (me != Some(&last.who), std::cmp::Reverse((last.time, last.run))));
        let own = runs.iter().filter(|last| me == Some(&last.who)).count();
        // Where oneself ran something, what others did is no measure.
        runs.truncate(if own > 0 { own } else { runs.len() });
        let mut newest = None;
        for last in runs.into_iter().take(RUNS_MAX) {
            match commit::numbers_since(root, &last.commit) {
                Some(changed) => return Self::Known(last, changed),
                None => newest = newest.or(Some(last)),
            }
        }
        newest.map_or(Self::Nothing, Self::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_run_comes_first_with_what_it_imports_and_then_what_says_where() {
        let of = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let close = Close {
            playbooks: of(&["playbooks/ci.yml"]),
            files: of(&["playbooks/roles/web/tasks/main.yml", "tasks/common.yml"]),
        };
        let mut names = [
            "playbooks/aaa/f1.yml",
            "roles/web/tasks/main.yml",
            "inventory/prod.yml",
            "playbooks/roles/web/templates/x.j2",
            "playbooks/ci.yml",
            "playbooks/host_vars/web1.yml",
            "playbooks/roles/web.yml",
            "tasks/common.yml",
        ];
        names.sort_by_key(|name| close.distance(name));
        assert_eq!(
            names,
            [
                "playbooks/ci.yml",
                "playbooks/roles/web/templates/x.j2",
                "tasks/common.yml",
                "inventory/prod.yml",
                "playbooks/host_vars/web1.yml",
                "playbooks/aaa/f1.yml",
                "roles/web/tasks/main.yml",
                "playbooks/roles/web.yml",
            ]
        );
    }
}

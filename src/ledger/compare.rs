//! The ledger held against a host's own logs, both ways: what was done there that no run explains, and runs that left no trace
//! there. Pure: the logs come as data. They are the host's word, and whoever was root there could write anything into them;
//! that is why the two are compared, and neither believed alone.

use super::answers::{self, Answers};
use super::trail::{Leaf, Trail};
use super::{History, HostOutcome, HostResult, Kind, Record, Report, Stretch};
use crate::model::{Digest, HostName, OperatorName, Role, RunId};
use crate::people::{Key, Roster};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How long before its intent a run may log in: it looks, shows, and waits for somebody to confirm.
const PREVIEW_SECONDS: i64 = 3600;
/// How long a dry run or an audit may have taken, of which only the end is known.
const DRY_SECONDS: i64 = 1800;
/// How much clocks may differ, and how long closing a connection may take.
const SLACK_SECONDS: i64 = 120;
/// The same for packages, which a run changes only between its intent and its outcome.
const PACKAGES_SLACK_SECONDS: i64 = 15;
/// How long something may go on on a host of which nobody knows how it ended.
const UNKNOWN_SECONDS: i64 = 6 * 3600;

/// Modules by which packages may be changed: those that are there for it, and those that run what a playbook says.
pub const INSTALLERS: [&str; 12] = [
    "apt",
    "package",
    "dnf",
    "yum",
    "apply_updates",
    "command",
    "shell",
    "script",
    "raw",
    "make",
    "async_status",
    "reboot",
];

/// What a host's own logs have, as `recent_activity` tells it.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Traces {
    /// Transactions of packages.
    pub packages: Vec<Transaction>,
    /// Logins.
    pub logins: Vec<Login>,
    /// Uses of sudo.
    pub sudo: Vec<Sudo>,
    /// Lines that wgops left.
    pub runs: Vec<RunLine>,
    /// How far back the log of logins goes, in seconds since 1970.
    pub oldest: Option<i64>,
    /// How far back the histories of packages go.
    pub packages_oldest: Option<i64>,
    /// When the last of their lines is of.
    pub packages_newest: Option<i64>,
    /// When packages changed last, by what dpkg or rpm itself keeps.
    pub packages_changed: Option<i64>,
    /// When the host was installed, as it says.
    pub installed: Option<i64>,
    /// Logs that could not be read.
    pub unread: Vec<String>,
    /// Lines that say they are of a program, written by a user who can't have been it.
    pub forged: Vec<Forged>,
    /// Whether logins and sudo come from files, into which every local user can have lines written.
    pub from_files: bool,
}

/// A line in the name of a program, which somebody else wrote.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Forged {
    /// When, in seconds since 1970.
    pub at: i64,
    /// By which user, as the journal knows it.
    pub uid: String,
    /// In the name of which program.
    pub program: String,
    /// What it says.
    pub text: String,
}

/// A transaction of packages.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Transaction {
    /// When it began, in seconds since 1970.
    pub from: i64,
    /// When it ended.
    pub to: i64,
    /// What was typed.
    pub command: String,
    /// By whom, where it is known.
    pub by: String,
    /// What changed.
    pub packages: Vec<String>,
}

/// A login.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Login {
    /// When, in seconds since 1970.
    pub at: i64,
    /// As whom.
    pub user: String,
    /// From where.
    pub from: String,
    /// The key's fingerprint.
    pub key: Option<String>,
}

/// A use of sudo.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Sudo {
    /// When, in seconds since 1970.
    pub at: i64,
    /// Who.
    pub user: String,
    /// The command.
    pub command: String,
}

impl Sudo {
    /// Whether it is what wgops becomes root by: a shell that reads what it is to do.
    pub fn is_a_shell(&self) -> bool {
        let (program, rest) = self.command.split_once(' ').unwrap_or((&self.command, ""));
        let shell = program == "sh" || program.ends_with("/sh");
        shell && (rest.is_empty() || (rest.starts_with("-c ") && rest.ends_with("exec sh")))
    }
}

/// A line that wgops left.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct RunLine {
    /// When, in seconds since 1970.
    pub at: i64,
    /// The run's id, as it stands there.
    pub run: String,
    /// The whole line.
    pub line: String,
    /// By which user it was written, where that is known and was not root: a run without 'become', or anybody there.
    #[serde(default)]
    pub uid: Option<String>,
}

/// Something that ledger and host do not agree on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Disagreement {
    /// Packages changed, and no run explains it.
    Packages(Transaction),
    /// Packages changed by themselves.
    Automatic(Transaction),
    /// Packages changed before the group's ledger begins: a host's own installation is nobody's to answer for.
    Before {
        /// How many transactions.
        count: usize,
        /// When the last one ended, in seconds since 1970.
        last: i64,
    },
    /// A time of which nobody saw the log of logins.
    Unseen(Stretch),
    /// A time in which packages changed, and of which the histories of packages have nothing.
    Unlogged(Stretch),
    /// Logins that belong to no run.
    Logins {
        /// As whom.
        user: String,
        /// Whose key it was, by the roster.
        whose: Whose,
        /// When the first was, in seconds since 1970.
        first: i64,
        /// The last one.
        last: Login,
        /// How many.
        count: usize,
    },
    /// Uses of sudo that belong to no run.
    Sudo {
        /// When the first was, in seconds since 1970.
        first: i64,
        /// The last one.
        last: Sudo,
        /// How many of the same command.
        count: usize,
    },
    /// Lines in the name of sshd or sudo that somebody else wrote into the log.
    Forged {
        /// By which user.
        uid: String,
        /// When the first was, in seconds since 1970.
        first: i64,
        /// The last one.
        last: Forged,
        /// How many.
        count: usize,
    },
    /// Somebody answered for it.
    Answered {
        /// For what.
        what: Box<Disagreement>,
        /// Who.
        by: OperatorName,
        /// What they say it was.
        note: String,
    },
    /// wgops changed something, and the ledger has no such run.
    NotInLedger(RunLine),
    /// A run changed the host, and left no trace there.
    NoTrace {
        /// The run.
        run: RunId,
        /// Whose it was.
        owner: OperatorName,
        /// When it began.
        begun: Timestamp,
    },
}

/// Whose key somebody logged in with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// Somebody's of the roster.
    Person(OperatorName),
    /// One for scheduled audits, which leave no entry.
    Auditor(OperatorName),
    /// One that was somebody's in an earlier version of the roster, and counts no more.
    Former(OperatorName),
    /// One that is kept for a lock-out: its use is told whatever else goes on.
    Emergency,
    /// Nobody's that the roster knows.
    Nobody,
}

impl Disagreement {
    /// Whether somebody has to answer for it; what happens by itself is only told.
    pub fn is_open(&self) -> bool {
        !matches!(
            self,
            Self::Automatic(_)
                | Self::Before { .. }
                | Self::Answered { .. }
                | Self::Logins { whose: Whose::Auditor(_), .. }
        )
    }
}

impl Whose {
    /// The person, where it is somebody's.
    fn person(&self) -> Option<&OperatorName> {
        match self {
            Self::Person(name) | Self::Former(name) | Self::Auditor(name) => Some(name),
            Self::Emergency | Self::Nobody => None,
        }
    }

    fn of((roster, history): (&Roster, &History), key: Option<&str>) -> Self {
        let is_it = |one: &Key| Some(one.fingerprint().as_str()) == key;
        if roster.emergency_keys.iter().any(is_it) {
            return Self::Emergency;
        }
        match roster.people.values().find(|person| person.keys.iter().any(is_it)) {
            Some(person) if person.role == Role::Auditor => Self::Auditor(person.name.clone()),
            Some(person) => Self::Person(person.name.clone()),
            None => history.owner(is_it).cloned().map_or(Self::Nobody, Self::Former),
        }
    }
}

/// A time in which something was done on the host.
struct Span {
    from: i64,
    to: i64,
    /// Whether packages may have been changed by it.
    installs: bool,
    /// Whether some were.
    updates: bool,
    /// By whom.
    who: OperatorName,
}

/// A run that changed the host.
struct Changed {
    run: RunId,
    owner: OperatorName,
    begun: Timestamp,
}

impl Record {
    /// Compares what the record has of a host with the host's own logs since a moment. By the report, what does not hold explains
    /// nothing; and nobody's entry explains that somebody else logged in.
    pub fn compared(
        &self,
        (roster, report): (&Roster, &Report),
        host: &HostName,
        traces: &Traces,
        since: i64,
    ) -> Vec<Disagreement> {
        let holds = |entry: &super::Stored| report.breaks_of(&entry.file).next().is_none();
        let (spans, changed) = self.spans(host, &holds);
        let history = &History::of(self, roster);
        let people = (roster, history);
        let answers = Answers::of(self, report, history, roster);
        let within = |from: i64, to: i64, fits: &dyn Fn(&Span) -> bool| {
            spans.iter().any(|span| span.from <= to && from <= span.to && fits(span))
        };
        let mut found = Vec::new();
        let installs = |span: &Span| span.installs;
        let unexplained = traces.packages.iter().filter(|one| !within(one.from, one.to, &installs));
        found.extend(packages(unexplained, self.began(&holds)));
        let unexplained =
            traces.logins.iter().filter(|login| match Whose::of(people, login.key.as_deref()) {
                Whose::Person(name) | Whose::Auditor(name) | Whose::Former(name) => {
                    !within(login.at, login.at, &|span| span.who == name)
                }
                Whose::Emergency | Whose::Nobody => true,
            });
        // What was answered for is no part of what came later.
        let is_answered = |login: &&Login| {
            let what = Digest::of(answers::logins(&login.user, login.key.as_deref()));
            let when = (login.at, login.at);
            answers.to(host, what, when, Whose::of(people, login.key.as_deref()).person()).is_some()
        };
        let (answered, open): (Vec<_>, Vec<_>) = unexplained.partition(is_answered);
        found.extend(logins(people, answered.into_iter()));
        found.extend(logins(people, open.into_iter()));
        let by_hand = |one: &&Sudo| !one.is_a_shell() || !within(one.at, one.at, &|_| true);
        let is_answered = |one: &&Sudo| {
            let what = Digest::of(answers::sudo(&one.user, &one.command));
            answers.to(host, what, (one.at, one.at), None).is_some()
        };
        let (answered, open): (Vec<_>, Vec<_>) = traces.sudo.iter().filter(by_hand).partition(is_answered);
        found.extend(sudo(answered.into_iter()));
        found.extend(sudo(open.into_iter()));
        found.extend(forged(&traces.forged));
        if let Some(oldest) = traces.oldest {
            let unseen = self.unseen(host, (since, oldest), traces.installed, (history, &holds));
            found.extend(unseen.into_iter().map(Disagreement::Unseen));
        }
        let updated = spans.iter().filter(|span| span.updates).map(|span| (span.from, span.to));
        found.extend(self.unlogged(host, traces, since, (updated, &holds)).map(Disagreement::Unlogged));
        let known = |line: &&RunLine| line.run.parse().is_ok_and(|run: RunId| self.has_run(run, &holds));
        let mut strange: BTreeMap<&str, &RunLine> = BTreeMap::new();
        for line in traces.runs.iter().filter(|line| !known(line)) {
            strange.entry(&line.run).or_insert(line);
        }
        found.extend(strange.into_values().cloned().map(Disagreement::NotInLedger));
        let told = |run: RunId| {
            traces.runs.iter().any(|line| line.run.parse::<RunId>().is_ok_and(|known| known == run))
        };
        let oldest = traces.oldest.unwrap_or(since).max(since);
        let silent = changed.into_iter().filter(|one| one.begun.as_second() > oldest && !told(one.run));
        found.extend(silent.map(|Changed { run, owner, begun }| Disagreement::NoTrace { run, owner, begun }));
        found.into_iter().map(|one| answers.beside(host, one)).collect()
    }

    /// When the group began to write things down.
    fn began(&self, holds: &dyn Fn(&super::Stored) -> bool) -> Option<i64> {
        let all = self.entries().filter_map(|(_, entry)| {
            let public = entry.public.as_ref().ok()?;
            holds(entry).then(|| public.time.as_second())
        });
        all.min()
    }

    fn has_run(&self, run: RunId, holds: &dyn Fn(&super::Stored) -> bool) -> bool {
        let is_it = |public: &super::Public| public.kind == Kind::Intent && public.run == Some(run);
        self.entries().any(|(_, entry)| entry.public.as_ref().is_ok_and(is_it) && holds(entry))
    }

    /// When something was done on a host, as the record has it, and the runs that changed it.
    fn spans(&self, host: &HostName, holds: &dyn Fn(&super::Stored) -> bool) -> (Vec<Span>, Vec<Changed>) {
        let (mut spans, mut changed) = (Vec::new(), Vec::new());
        for (run, mut trail) in Trail::all(self) {
            trail.intents.retain(|leaf| holds(leaf.entry));
            trail.outcomes.retain(|leaf| holds(leaf.entry));
            let Some(first) = trail.intents.first() else { continue };
            let is_about =
                |leaf: &Leaf<'_>| leaf.private().is_some_and(|private| private.details.hosts.contains(host));
            if !trail.intents.iter().any(is_about) {
                continue;
            }
            let fared = |leaf: &Leaf<'_>| result_of(leaf, host).map(|result| result.outcome);
            let outcomes: Vec<HostOutcome> = trail.outcomes.iter().filter_map(fared).collect();
            let open = trail.outcome().is_none() || outcomes.contains(&HostOutcome::Unknown);
            let latest =
                trail.intents.iter().chain(&trail.outcomes).map(|leaf| leaf.public.time.as_second()).max();
            let begun = first.public.time;
            let last = latest.unwrap_or_default();
            let until = |slack: i64| last + if open { UNKNOWN_SECONDS } else { slack };
            let from = begun.as_second() - PREVIEW_SECONDS;
            let hands: std::collections::BTreeSet<&OperatorName> =
                trail.intents.iter().map(|leaf| leaf.chain.operator()).collect();
            for who in &hands {
                let who = (*who).clone();
                spans.push(Span { from, to: until(SLACK_SECONDS), installs: false, updates: false, who });
            }
            let has = |leaf: &Leaf<'_>, which: &dyn Fn(&serde_json::Value) -> bool| {
                result_of(leaf, host).is_some_and(|result| result.records.iter().any(which))
            };
            let is_dry = trail.intents.iter().all(foretells);
            if open || trail.outcomes.iter().any(|leaf| has(leaf, &may_install)) {
                let from = begun.as_second() - PACKAGES_SLACK_SECONDS;
                let who = first.chain.operator().clone();
                let updates =
                    |leaf: &Leaf<'_>| fared(leaf) == Some(HostOutcome::Changed) && has(leaf, &has_updated);
                let updates = !is_dry && trail.outcomes.iter().any(updates);
                spans.push(Span { from, to: until(PACKAGES_SLACK_SECONDS), installs: true, updates, who });
            }
            if outcomes.contains(&HostOutcome::Changed) && !is_dry {
                changed.push(Changed { run, owner: first.chain.operator().clone(), begun });
            }
        }
        for (chain, entry) in self.entries().filter(|(_, entry)| holds(entry)) {
            let Ok(public) = &entry.public else { continue };
            let looks = matches!(public.kind, Kind::Shadow | Kind::Audit | Kind::Plan | Kind::Note);
            let is_about =
                entry.private.content().is_some_and(|private| private.details.hosts.contains(host));
            if looks && is_about {
                let end = public.time.as_second();
                // Who looked, was asked, and stopped had as long for that as who went on.
                let took = if public.kind == Kind::Note { PREVIEW_SECONDS } else { DRY_SECONDS };
                let (from, to, who) = (end - took, end + SLACK_SECONDS, chain.operator().clone());
                spans.push(Span { from, to, installs: false, updates: false, who });
            }
        }
        (spans, changed)
    }
}

/// What a run came to on a host, by one of its entries.
fn result_of<'a>(leaf: &Leaf<'a>, host: &HostName) -> Option<&'a HostResult> {
    leaf.private()?.details.results.get(host)
}

/// What a dry run foretells counts as changed, too, where a few of its tasks are carried out all the same.
fn foretells(leaf: &Leaf<'_>) -> bool {
    leaf.private().is_some_and(|private| private.details.remark.is_some())
}

/// Whether what a run's record has may have changed packages: a module for that, or a program that the playbook names. A run that
/// wrote a file explains none.
fn may_install(record: &serde_json::Value) -> bool {
    let word = |name: &str| record.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    INSTALLERS.contains(&word("module")) || word("event") == "collected"
}

/// Whether it is of the module that does nothing but update packages.
fn has_updated(record: &serde_json::Value) -> bool {
    record.get("module").and_then(serde_json::Value::as_str) == Some("apply_updates")
}

/// Leaves of a host's records one, with its module alone, if one of them may have installed something.
pub(super) fn keep_installing(records: &mut Vec<serde_json::Value>) {
    let certain = records.iter().find(|record| has_updated(record));
    let one = certain.or(records.iter().find(|record| may_install(record))).map(|record| {
        let kept = ["event", "module"].into_iter();
        kept.filter_map(|name| Some((name.to_owned(), record.get(name)?.clone()))).collect()
    });
    *records = one.into_iter().map(serde_json::Value::Object).collect();
}

/// Transactions that no run explains: what is older than the group as a number, what happens by itself apart.
fn packages<'a>(unexplained: impl Iterator<Item = &'a Transaction>, began: Option<i64>) -> Vec<Disagreement> {
    let is_before = |one: &&Transaction| began.is_some_and(|began| one.to < began);
    let (before, later): (Vec<_>, Vec<_>) = unexplained.partition(is_before);
    let last = before.iter().map(|one| one.to).max();
    let before = last.map(|last| Disagreement::Before { count: before.len(), last });
    let of_one = |one: &&Transaction| {
        let by_itself = one.command.split_whitespace().next().is_some_and(|program| {
            program.ends_with("/unattended-upgrade") || program.ends_with("/dnf-automatic")
        });
        let found = if by_itself { Disagreement::Automatic } else { Disagreement::Packages };
        found((*one).clone())
    };
    before.into_iter().chain(later.iter().map(of_one)).collect()
}

/// Logins by user and key, each with its last.
fn logins<'a>(people: (&Roster, &History), logins: impl Iterator<Item = &'a Login>) -> Vec<Disagreement> {
    let mut by_key: BTreeMap<(&str, Option<&str>), (usize, i64, &Login)> = BTreeMap::new();
    for login in logins {
        let entry = by_key.entry((login.user.as_str(), login.key.as_deref())).or_insert((0, login.at, login));
        let last = if login.at >= entry.2.at { login } else { entry.2 };
        *entry = (entry.0 + 1, entry.1.min(login.at), last);
    }
    by_key
        .into_iter()
        .map(|((user, key), (count, first, last))| Disagreement::Logins {
            user: user.to_owned(),
            whose: Whose::of(people, key),
            first,
            last: last.clone(),
            count,
        })
        .collect()
}

/// Uses of sudo by user and command, each with its last.
fn sudo<'a>(all: impl Iterator<Item = &'a Sudo>) -> Vec<Disagreement> {
    let mut by_command: BTreeMap<(&str, &str), (usize, i64, &Sudo)> = BTreeMap::new();
    for one in all {
        let entry = by_command.entry((one.user.as_str(), one.command.as_str())).or_insert((0, one.at, one));
        let last = if one.at >= entry.2.at { one } else { entry.2 };
        *entry = (entry.0 + 1, entry.1.min(one.at), last);
    }
    by_command
        .into_values()
        .map(|(count, first, last)| Disagreement::Sudo { first, last: last.clone(), count })
        .collect()
}

/// Forged lines by who wrote them, each with its last.
fn forged(all: &[Forged]) -> Vec<Disagreement> {
    let mut by_user: BTreeMap<&str, (usize, i64, &Forged)> = BTreeMap::new();
    for one in all {
        let entry = by_user.entry(&one.uid).or_insert((0, one.at, one));
        let last = if one.at >= entry.2.at { one } else { entry.2 };
        *entry = (entry.0 + 1, entry.1.min(one.at), last);
    }
    by_user
        .into_iter()
        .map(|(uid, (count, first, last))| Disagreement::Forged {
            uid: uid.to_owned(),
            first,
            last: last.clone(),
            count,
        })
        .collect()
}

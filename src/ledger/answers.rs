//! Answers to what a comparison with the hosts' logs found: somebody says, with their signature, what it was. An answer hides nothing
//! and is about what was found and nothing later: it is told with its writer's name each time, and whoever logged in does not vouch for
//! themselves.

use super::compare::{Disagreement, Whose};
use super::{History, Kind, Record, Report};
use crate::model::{Digest, HostName, OperatorName, Role, RunId};
use crate::people::Roster;
use serde::{Deserialize, Serialize};

/// Something that was found on a host and that somebody has to answer for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Where.
    pub host: HostName,
    /// What kind of thing it is: `logins`, `sudo`, `packages` …
    pub kind: String,
    /// Digest of what it is, without when: what hosts say in their logs is not the ledger's to keep.
    pub what: Digest,
    /// When it was first, in seconds since 1970.
    pub from: i64,
    /// When it was last.
    pub until: i64,
}

impl Point {
    /// What a disagreement is about.
    pub fn of(host: &HostName, found: &Disagreement) -> Self {
        let (what, from, until) = match found {
            Disagreement::Packages(one) | Disagreement::Automatic(one) => {
                (packages(&one.command, &one.by), one.from, one.to)
            }
            Disagreement::Logins { user, first, last, .. } => {
                (logins(user, last.key.as_deref()), *first, last.at)
            }
            Disagreement::Sudo { first, last, .. } => (sudo(&last.user, &last.command), *first, last.at),
            Disagreement::Forged { uid, first, last, .. } => {
                (format!("forged lines of uid {uid}"), *first, last.at)
            }
            Disagreement::NotInLedger(line) => (format!("unrecorded run {}", line.run), line.at, line.at),
            Disagreement::NoTrace { run, begun, .. } => {
                (format!("traceless run {run}"), begun.as_second(), begun.as_second())
            }
            Disagreement::Before { last, .. } => ("before".into(), *last, *last),
            Disagreement::Unseen(stretch) => ("unseen log of logins".into(), stretch.from, stretch.until),
            Disagreement::Unlogged(stretch) => {
                ("unlogged changes of packages".into(), stretch.from, stretch.until)
            }
            Disagreement::Answered { what, .. } => return Self::of(host, what),
        };
        let kind = what.split_whitespace().next().unwrap_or_default().to_owned();
        Self { host: host.clone(), kind, what: Digest::of(what), from, until }
    }

    /// A short name for it, by which somebody answers.
    pub fn name(&self) -> String {
        let all = format!("{}\n{}\n{}\n{}", self.host, self.what, self.from, self.until);
        Digest::of(all).hex().chars().take(NAME_CHARS).collect()
    }

    fn covers(&self, host: &HostName, what: Digest, from: i64, until: i64) -> bool {
        self.host == *host && self.what == what && self.from <= from && until <= self.until
    }
}

/// How long a point's name is.
const NAME_CHARS: usize = 10;

pub(super) fn packages(command: &str, by: &str) -> String {
    format!("packages {command} by {by}")
}

pub(super) fn logins(user: &str, key: Option<&str>) -> String {
    format!("logins {user} {}", key.unwrap_or("without a key"))
}

pub(super) fn sudo(user: &str, command: &str) -> String {
    format!("sudo {user} {command}")
}

/// What somebody said of a point.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Who.
    pub by: OperatorName,
    /// What they say.
    pub note: String,
    point: Point,
}

/// Answers that hold, of people who were operators or leads when they gave them.
pub(super) struct Answers {
    all: Vec<Answer>,
    /// Nobody else is there who could answer.
    is_alone: bool,
}

impl Answers {
    pub(super) fn of(record: &Record, report: &Report, history: &History, roster: &Roster) -> Self {
        let mut all = Vec::new();
        for (chain, entry) in record.entries() {
            let (Ok(public), Some(private)) = (&entry.public, entry.private.content()) else { continue };
            let is_cleared =
                || matches!(history.role_in(chain, public.roster), Some(Role::Lead | Role::Operator));
            if public.kind != Kind::Note
                || private.details.answers.is_empty()
                || report.breaks_of(&entry.file).next().is_some()
                || !is_cleared()
            {
                continue;
            }
            let note = private.details.note.clone().unwrap_or_default();
            let of = |point: &Point| Answer {
                by: chain.operator().clone(),
                note: note.clone(),
                point: point.clone(),
            };
            all.extend(private.details.answers.iter().map(of));
        }
        let cleared =
            roster.people.values().filter(|person| matches!(person.role, Role::Lead | Role::Operator));
        Self { all, is_alone: cleared.count() < 2 }
    }

    /// Who answered for something that happened in this time, if it wasn't whoever it is about; in a group of one nobody else could.
    pub(super) fn to(
        &self,
        host: &HostName,
        what: Digest,
        (from, until): (i64, i64),
        about: Option<&OperatorName>,
    ) -> Option<&Answer> {
        let counts = |answer: &&Answer| self.is_alone || about != Some(&answer.by);
        self.all.iter().find(|answer| answer.point.covers(host, what, from, until) && counts(answer))
    }

    /// The same, with the answer beside it where there is one.
    pub(super) fn beside(&self, host: &HostName, found: Disagreement) -> Disagreement {
        let about = match &found {
            Disagreement::Logins { whose: Whose::Person(name) | Whose::Former(name), .. } => {
                Some(name.clone())
            }
            Disagreement::NoTrace { owner, .. } => Some(owner.clone()),
            _ => None,
        };
        let point = Point::of(host, &found);
        let is_open = found.is_open();
        match self.to(host, point.what, (point.from, point.until), about.as_ref()) {
            Some(answer) if is_open => Disagreement::Answered {
                what: Box::new(found),
                by: answer.by.clone(),
                note: answer.note.clone(),
            },
            _ => found,
        }
    }
}

impl Record {
    /// What a comparison found and nobody could explain then, by the short name that it was told under.
    pub fn point(&self, run: RunId, name: &str) -> Option<Point> {
        let is_of = |public: &super::Public| public.kind == Kind::Note && public.run == Some(run);
        let of_run = self.entries().filter(|(_, entry)| entry.public.as_ref().is_ok_and(is_of));
        let mut points =
            of_run.filter_map(|(_, entry)| Some(&entry.private.content()?.details.found)).flatten();
        points.find(|point| point.name() == name).cloned()
    }
}

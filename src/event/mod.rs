//! The one vocabulary of what happened: the engine says it, the ledger records it, reporters show it.
//!
//! Everything in here is data that may be written down: no secret ever enters an event (values rendered from one are
//! replaced before), and texts from hosts are kept as they came, to be made printable by whoever shows them.

mod change;
mod whole;

pub use change::{ChangeMade, Compared, Hidden, Sent};
pub use whole::Whole;

use crate::model::{Digest, Finding, HostName, Judging, Nonce, OperatorName, RunId, Value};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the vocabulary, part of everything stored.
pub const VERSION: u32 = 1;

/// Something that happened in a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run begins.
    RunBegins {
        /// The vocabulary's version.
        version: u32,
        /// The run.
        run: RunId,
        /// What was typed: `patch`, `run`, `audit` …
        verb: String,
        /// Whether it may change anything, and if not, why not.
        mode: Mode,
        /// Hosts it is about, in the inventory's order.
        hosts: Vec<HostName>,
    },
    /// A batch of a play begins; a play without `serial` is one batch.
    BatchBegins {
        /// The play's name.
        play: String,
        /// Number of the play in the playbook, from 0.
        number: usize,
        /// Number of the batch, from 1.
        batch: usize,
        /// How many batches the play has.
        batches: usize,
        /// The batch's hosts.
        hosts: Vec<HostName>,
        /// How many tasks the play has, without handlers.
        #[serde(default, skip_serializing_if = "is_zero")]
        tasks: usize,
    },
    /// Somebody keeps hosts of the run for themselves: said as the run begins.
    Claimed {
        /// Who.
        by: OperatorName,
        /// Whether that is who runs this.
        own: bool,
        /// The run's hosts that it is about.
        hosts: Vec<HostName>,
        /// When it ends by itself.
        until: Timestamp,
        /// The same as the settings' time zone has it.
        #[serde(default)]
        shown: String,
        /// What for.
        note: String,
    },
    /// Hosts are inside of a maintenance window, which ends: said as the run begins.
    WindowEnds {
        /// When the first of these windows ends.
        until: Timestamp,
        /// The same as the settings' time zone has it.
        shown: String,
        /// The hosts.
        hosts: Vec<HostName>,
        /// How long the slowest of them is thought to take, in seconds.
        estimate_seconds: u64,
        /// Whether that was learned from runs in the ledger; otherwise nothing is known yet.
        learned: bool,
    },
    /// A host is held out: nothing is begun on it. In a dry run: a real one would hold it out.
    HeldOut(HeldOut),
    /// Somebody overrode what would have held hosts out, and said why.
    GlassBroken {
        /// Why.
        reason: String,
        /// What was overridden, by host.
        overridden: Vec<HeldOut>,
    },
    /// A host is about to be reached for the first time.
    HostBegins {
        /// The host.
        host: HostName,
    },
    /// A task ended on a host.
    TaskEnds(Box<TaskEnd>),
    /// A host has no more to do in this batch: it is through, failed, or can't be reached.
    HostLeaves {
        /// The host.
        host: HostName,
        /// Why it leaves before the end, if it does.
        reason: Option<String>,
    },
    /// A play was stopped before its end.
    PlayStops {
        /// Why.
        reason: String,
        /// Hosts on which nothing was begun.
        not_begun: Vec<HostName>,
    },
    /// An audit found something.
    Found {
        /// The host.
        host: HostName,
        /// What.
        finding: Finding,
    },
    /// By what an audit is judged; it stands before the first finding.
    Judging(Box<Judging>),
    /// What is sent to a host, or would be (`--explain`).
    Sends {
        /// The host.
        host: HostName,
        /// Who it runs as; nothing: who logged in.
        user: Option<String>,
        /// It changes the host; otherwise it is a question.
        changes: bool,
        /// The script's name.
        script: String,
        /// The script's text.
        text: String,
        /// Its arguments; empty where nobody may see them.
        args: Vec<String>,
        /// Bytes of content on its stdin.
        content_bytes: Option<usize>,
    },
    /// What the user should know although nothing failed.
    Warning {
        /// The host it is about, if it is about one.
        host: Option<HostName>,
        /// One sentence.
        message: String,
    },
    /// A long step goes on.
    Progress {
        /// The host.
        host: HostName,
        /// What it is doing.
        message: String,
        /// How many of `of` are done, counting the one it is at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// How many there are, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<u64>,
    },
    /// A host begins its next exchange: for whoever redraws what is under way, and neither reported nor recorded.
    Works {
        /// The host.
        host: HostName,
        /// How many questions it is asked.
        questions: usize,
        /// How many changes it is sent.
        changes: usize,
    },
    /// What a run had left behind on a host, apart from any connection, was collected by a later one.
    Collected {
        /// The host.
        host: HostName,
        /// What the change does.
        summary: String,
        /// Its exit status; nothing: it was interrupted on the host, by a power loss or a kill.
        status: Option<u8>,
        /// The last lines that it printed.
        tail: String,
    },
    /// The run is over.
    RunEnds {
        /// The counts of each host.
        recap: BTreeMap<HostName, Counts>,
        /// Whether somebody interrupted it.
        interrupted: bool,
        /// How long it took, in seconds.
        seconds: f64,
    },
}

/// A host on which nothing may be begun now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HeldOut {
    /// The host.
    pub host: HostName,
    /// What holds it out.
    pub cause: HoldCause,
    /// Why, for people, without the host's name.
    pub message: String,
    /// When it may be begun, as far as that is known.
    pub until: Option<Timestamp>,
}

/// What holds a host out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldCause {
    /// A freeze.
    Freeze,
    /// Somebody else's claim.
    Claim,
    /// It is outside of its maintenance windows.
    Window,
    /// It would not be through before its window ends or a freeze begins.
    Budget,
    /// It takes more than one cleared person.
    FourEyes,
}

/// Whether a run may change anything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It changes hosts.
    Real,
    /// It says what would happen; the reason is for people (`--check`, a shadow, no roster).
    Dry {
        /// Why nothing is changed.
        why: String,
    },
}

/// How one task ended on one host.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct TaskEnd {
    /// The host.
    pub host: HostName,
    /// Number of the task within its play, handlers after all tasks.
    pub number: usize,
    /// The task's name, or its module where it has none.
    pub task: String,
    /// The module.
    pub module: String,
    /// File, line and column of the task.
    pub place: String,
    /// Whether it is a handler.
    pub handler: bool,
    /// How it ended.
    pub status: Status,
    /// It failed, and `ignore_errors` says to go on.
    pub ignored: bool,
    /// It failed, and a block that it is in has a `rescue`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rescued: bool,
    /// Why it failed or was skipped, or what `debug` says.
    pub message: Option<String>,
    /// What was changed, or would be.
    pub changes: Vec<ChangeMade>,
    /// The items of a loop, in order; empty without a loop.
    pub items: Vec<ItemEnd>,
    /// What `register` gets; `null` where nobody may see it.
    pub result: Value,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What it asked other machines, or may: a plan names it.
    #[serde(skip)]
    pub asks_out: Vec<AsksOut>,
    /// What of it may be written down where nobody said yes to what is done; nothing: no word of it.
    #[serde(skip)]
    pub kept: Option<Box<Kept>>,
}

/// What of a task's end may be written down before somebody said yes: who writes a playbook chooses its words, and may make them of
/// what is read on hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its name; as it was written, where it would hold more.
    pub task: String,
    /// Whether what it says holds nothing but what people wrote and what was measured.
    pub whole: bool,
    /// The same of each item of a loop.
    pub items: Vec<bool>,
}

/// A question that a host puts to another machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AsksOut {
    /// The script's name.
    pub script: String,
    /// Its words, for people; nothing where they may not be shown.
    pub words: String,
    /// What makes it this question and no other; nothing where its words may not be shown.
    pub question: Option<Digest>,
}

/// How one item of a loop ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ItemEnd {
    /// The item as people should see it.
    pub label: String,
    /// How it ended.
    pub status: Status,
    /// Why it failed or was skipped, or what `debug` says.
    pub message: Option<String>,
    /// What was changed, or would be.
    pub changes: Vec<ChangeMade>,
}

/// How a task, or an item of one, ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Status {
    /// It is as asked; nothing was done.
    Ok,
    /// It was changed and is now as asked.
    Changed,
    /// It failed.
    Failed,
    /// Its condition doesn't hold, or there was nothing to do.
    Skipped,
    /// The connection was lost; what was being changed is unknown.
    Unknown,
    /// A dry run: it would be changed.
    WouldChange,
    /// A dry run: it would be run, and what that does can't be foreseen.
    WouldRun,
    /// A dry run: an earlier change, not applied, touches what this looks at.
    Provisional {
        /// The earlier task.
        cause: String,
    },
    /// A dry run: it depends on a result that only the real run has.
    KnownAfterApply {
        /// The earlier task.
        cause: String,
    },
    /// A dry run by an account that is not shown what it depends on: only an operator can know.
    Unseen {
        /// What it is not shown.
        why: String,
    },
}

/// A host's counts, in Ansible's words and two of our own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Tasks that ended well, changed ones included.
    pub ok: usize,
    /// Tasks that changed something, or would.
    pub changed: usize,
    /// 1 when the host could not be reached or was lost.
    pub unreachable: usize,
    /// Tasks that failed.
    pub failed: usize,
    /// Tasks that were skipped.
    pub skipped: usize,
    /// Failures that a `rescue` made good.
    pub rescued: usize,
    /// Failures that `ignore_errors` let pass.
    pub ignored: usize,
    /// A dry run: tasks whose outcome only the real run knows.
    pub unknown: usize,
    /// Round trips of question and change after login.
    pub exchanges: usize,
}

/// A number that says nothing.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// What is left out where it doesn't hold.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Event {
    /// Takes out contents before and after changes.
    pub fn drop_contents(&mut self) {
        self.changes().for_each(|change| change.diff = None);
    }

    /// Takes out what changes send: the digest of a short argument tells whoever guesses it.
    pub fn drop_digests(&mut self) {
        self.changes().for_each(|change| {
            change.sends = None;
            change.hidden = None;
        });
    }

    /// Puts digests of what was written into changes, under the nonce of the entry that will have them.
    pub fn key_contents(&mut self, nonce: &Nonce) {
        self.changes().for_each(|change| {
            change.content = change.sends.as_ref().and_then(|sends| sends.keyed(nonce).content);
        });
    }

    fn changes(&mut self) -> impl Iterator<Item = &mut ChangeMade> {
        let end = if let Self::TaskEnds(end) = self { Some(end) } else { None };
        end.into_iter().flat_map(|end| {
            let TaskEnd { changes, items, .. } = end.as_mut();
            changes.iter_mut().chain(items.iter_mut().flat_map(|item| &mut item.changes))
        })
    }
}

impl Counts {
    /// Counts one task's end.
    pub fn add(&mut self, end: &TaskEnd) {
        match &end.status {
            Status::Ok => self.ok += 1,
            Status::Changed | Status::WouldChange | Status::WouldRun => {
                self.ok += 1;
                self.changed += 1;
            }
            Status::Failed if end.ignored => {
                self.ok += 1;
                self.ignored += 1;
            }
            Status::Failed if end.rescued => self.rescued += 1,
            Status::Failed => self.failed += 1,
            Status::Skipped => self.skipped += 1,
            Status::Unknown => {}
            Status::Provisional { .. } | Status::KnownAfterApply { .. } | Status::Unseen { .. } => {
                self.unknown += 1;
            }
        }
    }
}

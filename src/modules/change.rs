//! Outcomes and changes: what a module wants done, as data that can be shown, compared, approved, or applied.

use crate::model::{Argv, Content, Finding, Map, Script, Subjects};
use std::path::PathBuf;
use std::time::Duration;

/// Exit status with which a change script says that the host is no longer as its `diff` saw it. Nothing was changed; the
/// task is computed once more.
pub const PRECONDITION_FAILED: u8 = 113;

/// What a module makes of its arguments and the answers.
#[derive(Clone, Default)]
pub struct Outcome {
    /// Keys for what `register` gets, known before anything is changed (`path`, `stat`, `msg` …).
    pub result: Map,
    /// What makes the host as asked, in order; none when it already is.
    pub changes: Vec<Change>,
    /// Variables that later tasks of this host get (`set_fact`), or facts where `facts` says so.
    pub variables: Map,
    /// Variables that later tasks of this host get as they were written in a file: templates (`include_vars`).
    pub written: Map,
    /// Facts that later tasks of this host get below `ansible_facts`, and prefixed with `ansible_` at the top.
    pub facts: Map,
    /// What an audit should say.
    pub findings: Vec<Finding>,
    /// What the user should know although nothing is wrong.
    pub warnings: Vec<String>,
    /// A text to show whatever the verbosity (`debug`).
    pub message: Option<String>,
    /// How long the task waits before it ends, while the connection stays; a dry run doesn't wait.
    pub pause: Option<Duration>,
    /// What somebody at the terminal is asked before the task ends; a dry run asks nobody.
    pub prompt: Option<Prompt>,
    /// Why the module says that there was nothing to do, where it wants that shown as *skipped* (`creates`).
    pub skipped: Option<String>,
}

/// A question to whoever is at the terminal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prompt {
    /// What is asked.
    pub text: String,
    /// Whether what is typed is shown.
    pub echo: bool,
}

/// One step that alters a host.
#[derive(Clone)]
pub struct Change {
    /// What it does, for people: imperative, one line, no secret.
    pub summary: String,
    /// The script. It begins by checking its precondition and exits with [`PRECONDITION_FAILED`] where that no longer holds.
    pub script: Script,
    /// Its arguments.
    pub args: Argv,
    /// What it reads on stdin.
    pub content: Option<Content>,
    /// What it touches. [`Subjects::Undeclared`] touches everything.
    pub touches: Subjects,
    /// State or event.
    pub nature: Nature,
    /// How it is carried out.
    pub delivery: Delivery,
    /// Longest wait for it.
    pub deadline: Duration,
    /// Contents before and after, for `--diff`.
    pub diff: Option<Diff>,
    /// Reads from what a detached change printed so far how far it is.
    pub progress: Option<fn(&str) -> Option<Progress>>,
}

/// How far a change is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// What it is doing.
    pub message: String,
    /// How many of `of` are done, counting the one it is at.
    pub done: Option<u64>,
    /// How many there are, where that is known.
    pub of: Option<u64>,
}

/// Whether a change can be checked by looking again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nature {
    /// Converges: the module is asked again afterwards, and must have nothing left to do.
    State,
    /// Happens once (restart, reboot, touch) and is not checked.
    Event,
    /// An event that wgops can't look into (`command`): a dry run says *would run*, and its result is unknown.
    Opaque,
}

/// How a change is carried out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// In the shell of the connection.
    Attached,
    /// Apart from the SSH session, so that losing the connection harms nothing: output and exit status wait on the host
    /// until they are collected.
    Detached,
    /// Over a second connection, opened anew as the first one was and closed again.
    Login,
    /// The same, as a step of a job (`async`): all steps go on in one, which is killed when it takes too long.
    Job {
        /// After how long.
        limit: Duration,
        /// Whether its end is waited for; else its task ends as soon as it goes on.
        waits: bool,
        /// Whether a secret is in it, which may lie in memory alone.
        secret: bool,
    },
    /// Not on the host at all: its content is written to this file of the controller.
    Here(PathBuf),
    /// The host goes away and comes back: the script only asks for that, and success is a boot id other than this one.
    Reboot {
        /// The boot id before.
        boot_id: String,
        /// What must succeed after the new boot before the host counts as back (`test_command`), a shell command.
        test_command: String,
    },
}

/// Contents before and after a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diff {
    /// What is compared, usually a path.
    pub header: String,
    /// Before; empty when it did not exist.
    pub before: String,
    /// After; empty when it will not exist.
    pub after: String,
}

impl Change {
    /// Whether it carries out a command that the playbook names, in place of the usual one.
    pub fn names_a_command(&self) -> bool {
        matches!(&self.delivery, Delivery::Reboot { test_command, .. } if super::reboot::is_own(&self.args, test_command))
    }

    /// Longest wait for a change unless a module or a user says otherwise.
    pub const DEADLINE: Duration = Duration::from_secs(30 * 60);

    /// A change that converges, carried out in the connection's shell.
    pub fn state(
        summary: impl Into<String>,
        script: Script,
        args: impl Into<Argv>,
        touches: impl Into<Subjects>,
    ) -> Self {
        Self {
            summary: summary.into(),
            script,
            args: args.into(),
            content: None,
            touches: touches.into(),
            nature: Nature::State,
            delivery: Delivery::Attached,
            deadline: Self::DEADLINE,
            diff: None,
            progress: None,
        }
    }

    /// A change that happens once.
    pub fn event(
        summary: impl Into<String>,
        script: Script,
        args: impl Into<Argv>,
        touches: impl Into<Subjects>,
    ) -> Self {
        Self { nature: Nature::Event, ..Self::state(summary, script, args, touches) }
    }

    /// The same with content on stdin.
    #[must_use]
    pub fn with_content(self, content: Content) -> Self {
        Self { content: Some(content), ..self }
    }

    /// The same with contents to compare.
    #[must_use]
    pub fn with_diff(self, diff: Option<Diff>) -> Self {
        Self { diff, ..self }
    }
}

impl Outcome {
    /// Nothing to do, and these keys to register.
    pub fn in_order(result: Map) -> Self {
        Self { result, ..Self::default() }
    }

    /// These changes.
    pub fn change(result: Map, changes: Vec<Change>) -> Self {
        Self { result, changes, ..Self::default() }
    }
}

//! Questions: everything that wgops can want to know about a host, one file per family.
//!
//! A question is a constant, read-only script, arguments that are never spliced into it, and a parser. Questions know
//! nothing of modules, playbooks or connections. A module asks by [`Answers::get`]; what isn't known yet is noted as
//! wanted and the module stops; the engine gathers what all tasks want, asks it in one exchange, and calls the modules
//! again. Where to look next: `crate::modules` for who asks, `crate::plan` for who gathers.

pub mod access;
pub mod accounts;
pub mod acl;
mod answers;
pub mod archives;
pub mod boot;
pub mod clock;
pub mod command;
pub mod connection;
pub mod contents;
pub mod cron;
pub mod facts;
pub mod files;
pub mod find;
pub mod gate;
pub mod gitconfig;
pub mod held;
pub mod http;
pub mod jobs;
pub mod keypair;
pub mod labels;
mod led;
pub mod mysql;
pub mod packages;
pub mod ports;
pub mod postgresql;
pub mod release;
pub mod services;
pub mod space;
pub mod system;
pub mod traces;
pub mod tree;
pub mod trees;
mod withheld;
#[cfg(test)]
pub(crate) mod workbench;

pub use answers::{Answers, Ask, Asked, Key, Raw, Reading};
pub use led::led;
pub use withheld::is_withheld;

use crate::model::{Argv, Script, Subjects};
use std::time::Duration;

/// One read-only question to a host.
pub trait Question {
    /// What the parser makes of the output.
    type Answer: Send + Sync + 'static;
    /// The script; it must change nothing and need no more than POSIX and the usual core utilities.
    const SCRIPT: Script;

    /// The script's arguments: together with the script they identify the question.
    fn args(&self) -> Argv;

    /// What the answer depends on. A change that touches any of it makes the answer stale.
    fn reads(&self) -> Subjects;

    /// What the answer turned out to depend on besides: where a link led. It is noted when the answer arrives.
    fn reads_too(_output: &Output) -> Subjects {
        Subjects::NONE
    }

    /// Reads the script's output.
    ///
    /// # Errors
    /// The output isn't what the script prints on any known host; kept, and raised only when a task needs the answer.
    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError>;

    /// Whether it may be asked before it is certain that a task needs it.
    fn cost(&self) -> Cost {
        Cost::Cheap
    }
}

/// What asking costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cost {
    /// Some milliseconds: asked ahead of need, with a deadline of [`Cost::CHEAP_DEADLINE`].
    Cheap,
    /// Long, but its answer holds like a cheap one's (package lists that are refreshed first): asked only when its task is
    /// reached, and kept for the tasks behind it.
    Slow {
        /// Longest wait for the answer.
        deadline: Duration,
    },
    /// Long or volatile (a search through a tree, waiting for a port): asked only when its task is reached, and forgotten
    /// behind it.
    Costly {
        /// Longest wait for the answer.
        deadline: Duration,
    },
}

impl Cost {
    /// Longest wait for the answer to a cheap question.
    pub const CHEAP_DEADLINE: Duration = Duration::from_secs(60);
}

/// What a script printed, and how it ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Output {
    /// Exit status.
    pub status: u8,
    /// Standard output, whole.
    pub stdout: Vec<u8>,
    /// Standard error, whole.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Exit status 0 and this text on standard output.
    pub fn ok(stdout: impl Into<Vec<u8>>) -> Self {
        Self { status: 0, stdout: stdout.into(), stderr: Vec::new() }
    }

    /// Standard output as text; what is no UTF-8 is replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stdout)
    }

    /// Standard error as text; what is no UTF-8 is replaced.
    pub fn error_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.stderr)
    }
}

/// The host's output is not what the question's script prints.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

impl ParseError {
    /// Says what was expected and shows the beginning of what came.
    pub fn new(expected: &str, output: &Output) -> Self {
        let excerpt = crate::model::Excerpt { lines_max: 3, columns_max: 200 };
        let came = if output.stdout.is_empty() { output.error_text() } else { output.text() };
        Self(format!("expected {expected}, got exit {} and: {}", output.status, excerpt.of(&came)))
    }
}

/// Why a module can't go on.
#[derive(Clone, PartialEq, Debug)]
pub enum Stop {
    /// It wants answers; they are noted.
    Ask,
    /// It can't do what was asked, and says why.
    Refuse(Refusal),
    /// It depends on something known only after an earlier change is applied, which the text names.
    Unknown(String),
    /// The account that asks is not shown what it depends on; the text says what that is.
    Unseen(String),
}

/// A task that fails before it changes anything.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Refusal {
    /// The reason, for people: `msg` in what `register` gets.
    pub message: String,
    /// More keys for what `register` gets.
    pub result: crate::model::Map,
}

impl Stop {
    /// Refuses with a reason.
    pub fn refuse(message: impl Into<String>) -> Self {
        Self::Refuse(Refusal { message: message.into(), result: crate::model::Map::new() })
    }
}

/// Every script that only reads, so that a server can allow these by digest and nothing else.
pub fn read_only_scripts() -> Vec<Script> {
    let scripts = [
        access::entry::WhatLetsIn::SCRIPT,
        access::keys::AuthorizedKeys::SCRIPT,
        access::sshd::SshdSettings::SCRIPT,
        access::sudo::SudoRules::SCRIPT,
        access::users::Accounts::SCRIPT,
        accounts::GroupsOf::SCRIPT,
        accounts::PasswordOf::SCRIPT,
        accounts::UserEntry::SCRIPT,
        acl::AclState::SCRIPT,
        archives::Differences::SCRIPT,
        boot::BootId::SCRIPT,
        boot::Microcode::SCRIPT,
        boot::RebootNeed::SCRIPT,
        clock::EpochOf::SCRIPT,
        clock::Now::SCRIPT,
        command::AnyMatch::SCRIPT,
        command::Environment::SCRIPT,
        connection::Alive::SCRIPT,
        contents::Read::SCRIPT,
        cron::Crontab::SCRIPT,
        facts::Facts::SCRIPT,
        files::Inspect::SCRIPT,
        find::Below::SCRIPT,
        gitconfig::GitSetting::SCRIPT,
        held::PEEK,
        http::Fetch::SCRIPT,
        jobs::COLLECT,
        labels::LabelsOf::SCRIPT,
        labels::MimeOf::SCRIPT,
        keypair::Keypair::SCRIPT,
        mysql::Query::SCRIPT,
        mysql::Rows::SCRIPT,
        packages::WhichManager::SCRIPT,
        packages::apt::automatic::Automatic::SCRIPT,
        packages::apt::foreign::Unlisted::SCRIPT,
        packages::apt::SourcePackages::SCRIPT,
        packages::apt::sources::Sources::SCRIPT,
        packages::apt::Cleanable::SCRIPT,
        packages::apt::DpkgState::SCRIPT,
        packages::apt::Installed::SCRIPT,
        packages::apt::ListTimes::SCRIPT,
        packages::apt::Removable::SCRIPT,
        packages::apt::Simulate::SCRIPT,
        packages::apt::Updates::SCRIPT,
        ports::WaitUntil::SCRIPT,
        postgresql::Query::SCRIPT,
        release::WhichRelease::SCRIPT,
        services::FailedUnits::SCRIPT,
        services::OutdatedPrograms::SCRIPT,
        services::ReloadNeed::SCRIPT,
        services::Service::SCRIPT,
        services::Units::SCRIPT,
        space::Space::SCRIPT,
        tree::IsEmpty::SCRIPT,
        tree::Survey::SCRIPT,
        traces::Traces::SCRIPT,
        trees::Unlike::SCRIPT,
    ];
    scripts.into_iter().chain(system::scripts()).collect()
}

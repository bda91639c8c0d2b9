//! What was typed, in the form that all verbs share.

use super::args::{Cause, Privilege, Reach, Targets};
use super::repository::Repository;
use super::{Console, Failure, ask};
use crate::execute::Canary;
use crate::load::Playbook;
use crate::model::{Map, Secret};
use crate::people::Verb;
use crate::plan::{DefaultPrivilege, Tags};
use std::path::PathBuf;

/// What was typed, as far as all verbs have it.
pub struct Errand {
    /// The verb.
    pub verb: Verb,
    /// Which hosts.
    pub targets: Targets,
    /// How they are reached.
    pub reach: Reach,
    /// What is run on them.
    pub playbooks: Vec<Playbook>,
    /// How another user is become.
    pub privilege: Option<Privilege>,
    /// Why.
    pub cause: Option<Cause>,
    /// Why nothing is to be changed, if somebody asked for that: `--check`.
    pub dry: Option<&'static str>,
    /// What is shown, and which tasks are chosen.
    pub choice: Choice,
}

/// What a playbook is run with.
#[derive(Default, Clone)]
pub struct Choice {
    /// `--tags`, `--skip-tags` and `--start-at-task`.
    pub tags: Tags,
    /// `--force-handlers`.
    pub force_handlers: bool,
    /// Hosts that come first.
    pub canary: Option<Canary>,
    /// Variables that win over all others.
    pub extra: Map,
    /// Files that some of them come from, with what is in each.
    pub files: Vec<(PathBuf, Map)>,
    /// `--become` and `--become-user`.
    pub privilege: DefaultPrivilege,
    /// `--diff`.
    pub show_diff: bool,
    /// `--explain`.
    pub explain: bool,
}

impl Cause {
    /// Compares the ticket with what tickets look like in this repository.
    ///
    /// # Errors
    /// It is no ticket.
    pub fn check(&self, repository: &Repository) -> Result<(), Failure> {
        match (&self.ticket, repository.settings().ticket_pattern) {
            (Some(ticket), Some(pattern)) if !pattern.matches(ticket) => {
                Err(Failure::usage(format!("'{ticket}' does not look like a ticket"))
                    .hint("wgops.yml says in ticket_pattern what one looks like"))
            }
            _ => Ok(()),
        }
    }
}

impl Privilege {
    /// The sudo password, asked for or read.
    ///
    /// # Errors
    /// There is nobody to ask, or the file can't be read.
    pub fn password(&self, console: &Console) -> Result<Option<Secret>, Failure> {
        if self.ask_become_pass {
            return ask::secret(console, "The sudo password", "--become-password-file FILE").map(Some);
        }
        self.become_password_file.as_deref().map(|file| ask::secret_file(console, file)).transpose()
    }
}

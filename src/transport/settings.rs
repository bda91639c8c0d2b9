//! What is the same for every connection of a run: where keys and configuration lie, and limits. All of it is given by
//! the caller; this room reads no environment.

use super::ssh::Cache;
use crate::model::Secret;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where to look, and how long to wait. Cheap to clone; clones share what was read.
#[derive(Clone)]
pub struct Settings {
    /// The home of whoever runs wgops: `.ssh` in it holds keys, configuration and known hosts.
    pub home: PathBuf,
    /// The system's SSH client configuration, `/etc/ssh`.
    pub system: PathBuf,
    /// The local account's name: who logs in where nothing else says.
    pub login: String,
    /// More known_hosts files, as an ops repository has; asked before the user's own.
    pub known_hosts: Vec<PathBuf>,
    /// Where shells of this machine begin: the playbook's folder. Nothing: where wgops was started.
    pub here: Option<PathBuf>,
    /// `-F`: read instead of `~/.ssh/config` and the system's.
    pub ssh_config: Option<PathBuf>,
    /// The SSH agent's socket.
    pub agent_socket: Option<PathBuf>,
    /// After how much silence the peer is asked whether it is still there.
    pub keepalive: Duration,
    /// After how many unanswered questions of that kind the connection is lost.
    pub keepalive_max: usize,
    /// Longest wait for a shell to get ready, where the wait for a login is no longer.
    pub shell_timeout: Duration,
    /// Key files and known_hosts files that were read already.
    pub keyring: Keyring,
}

impl Settings {
    /// Settings with the usual places and limits (keepalive 15 s, three times; 60 s for a shell).
    pub fn new(home: impl Into<PathBuf>, login: impl Into<String>) -> Self {
        Self {
            home: home.into(),
            system: "/etc/ssh".into(),
            login: login.into(),
            known_hosts: Vec::new(),
            here: None,
            ssh_config: None,
            agent_socket: None,
            keepalive: Duration::from_secs(15),
            keepalive_max: 3,
            shell_timeout: Duration::from_secs(60),
            keyring: Keyring::default(),
        }
    }
}

/// What was read once and serves every connection of a run.
#[derive(Clone, Default)]
pub struct Keyring(pub(super) Arc<Cache>);

impl Keyring {
    /// Unlocks a private key file for logins; whoever knows its passphrase was asked for it before.
    pub fn unlock(&self, file: &Path, passphrase: &Secret) {
        self.0.unlock(file, passphrase);
    }
}

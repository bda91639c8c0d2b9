//! Hosts, and how one is reached. Facts from a host never end up in these types: only the inventory and the command
//! line fill them.

use super::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// A host's name in the inventory: not empty, no white space, no control characters, no `/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// Why a text is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no host name: expected letters, digits and . _ - : @ without white space")]
pub struct ParseHostNameError(String);

impl HostName {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for HostName {
    type Err = ParseHostNameError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_alphanumeric() || ".-_:@[]%".contains(c);
        if text.is_empty() || text.len() > 253 || text.starts_with('-') || !text.chars().all(allowed) {
            return Err(ParseHostNameError(super::printable(text).into_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for HostName {
    type Error = ParseHostNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> Self {
        name.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// By which means a host is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionKind {
    /// Over SSH.
    Ssh,
    /// Over SSH, to an account behind the gate: it answers the questions that the host knows, and runs nothing else.
    Gate,
    /// The machine that wgops runs on.
    Local,
}

/// How one host is reached, as the inventory and the command line say.
///
/// `None` means: not said, so that `~/.ssh/config` and then the protocol's default decide.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// SSH or local.
    pub kind: ConnectionKind,
    /// `ansible_host`: name or address to connect to; without it the host's own name.
    pub address: Option<String>,
    /// `ansible_port`.
    pub port: Option<u16>,
    /// `ansible_user`.
    pub user: Option<String>,
    /// `ansible_ssh_private_key_file`.
    pub private_key: Option<PathBuf>,
    /// `ansible_ssh_common_args` and `ansible_ssh_extra_args`, split into words, unread.
    pub ssh_args: Vec<String>,
    /// Longest wait for the connection and login together (`ansible_ssh_timeout`, `--timeout`).
    pub connect_timeout: Duration,
}

/// How another user is become.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Default)]
pub enum BecomeMethod {
    /// `sudo`.
    #[default]
    Sudo,
    /// `su`: with the password of whoever is become, but for root.
    Su,
    /// `doas`, without a password.
    Doas,
}

impl BecomeMethod {
    /// The means of this name; with or without its collection.
    pub fn named(name: &str) -> Option<Self> {
        let short = name.strip_prefix("ansible.builtin.").or_else(|| name.strip_prefix("community.general."));
        match short.unwrap_or(name) {
            "sudo" => Some(Self::Sudo),
            "su" => Some(Self::Su),
            "doas" => Some(Self::Doas),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Su => "su",
            Self::Doas => "doas",
        }
    }
}

/// The user a task runs as, where that is not the one who logged in.
#[derive(Clone)]
pub struct Become {
    /// By which means.
    pub method: BecomeMethod,
    /// `become_user`; `root` unless said.
    pub user: String,
    /// The password that the means may ask for.
    pub password: Option<Secret>,
}

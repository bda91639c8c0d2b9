//! What can go wrong on the way to a host. Every message fits on one line and is safe to print; `hint` names an action.
//! What can go wrong once connected is in `lost.rs`.

use crate::model::{HostName, printable};
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no connection. Nothing has been sent to the host but what SSH needs to ask for its key and to log in.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The host's key can't be trusted.
    #[error("{host}: {problem}")]
    HostKey {
        /// Which host.
        host: HostName,
        /// What is wrong with its key.
        problem: Box<KeyProblem>,
    },
    /// The name can't be resolved.
    #[error("{host}: no address found for '{address}': {reason}")]
    NameNotFound {
        /// Which host.
        host: HostName,
        /// What was looked up.
        address: String,
        /// The resolver's words.
        reason: String,
    },
    /// Nobody listens there.
    #[error("{host}: {address} port {port} refused the connection")]
    Refused {
        /// Which host.
        host: HostName,
        /// Where it was tried.
        address: String,
        /// At which port.
        port: u16,
    },
    /// The network gives no way there, or the connection broke before login.
    #[error("{host}: can't reach {address} port {port}: {reason}")]
    Unreachable {
        /// Which host.
        host: HostName,
        /// Where it was tried.
        address: String,
        /// At which port.
        port: u16,
        /// The system's or the peer's words.
        reason: String,
    },
    /// The connection and login took too long.
    #[error("{host}: {stage} took longer than {} s", .after.as_secs_f32())]
    TimedOut {
        /// Which host.
        host: HostName,
        /// What was being waited for.
        stage: &'static str,
        /// The limit.
        after: Duration,
    },
    /// The server accepted none of the keys.
    #[error("{host}: {user} can't log in: {}", tried_words(.tried))]
    Authentication {
        /// Which host.
        host: HostName,
        /// As whom.
        user: String,
        /// Which keys were offered, and which could not be.
        tried: Vec<String>,
    },
    /// A host on the way could not be passed.
    #[error("{host}: jump host {jump}: {}", without_host(.reason))]
    Jump {
        /// Which host was wanted.
        host: HostName,
        /// Which one on the way failed.
        jump: String,
        /// Why.
        reason: Box<ConnectError>,
    },
    /// A key file that was asked for can't be used.
    #[error("{host}: key file {}: {reason}", printable(&.file.to_string_lossy()))]
    KeyFile {
        /// Which host.
        host: HostName,
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: String,
        /// What the reader can do.
        advice: String,
    },
    /// An SSH option that wgops can't follow.
    #[error("{host}: {reason}")]
    Option {
        /// Which host.
        host: HostName,
        /// Which option, where it stands, and what is wrong.
        reason: String,
        /// What the reader can do.
        advice: String,
    },
}

/// The host wanted stands before the jump host already.
fn without_host(reason: &ConnectError) -> String {
    let words = reason.to_string();
    words.strip_prefix(&format!("{}: ", reason.host())).unwrap_or(&words).to_owned()
}

fn tried_words(tried: &[String]) -> String {
    match tried {
        [] => "there is no key to offer".into(),
        list => format!("refused {}", list.join(", ")),
    }
}

/// What is wrong with a host's key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// No known_hosts file has the host.
    #[error("unknown host key {fingerprint} ({algorithm})")]
    Unknown {
        /// `SHA256:…`.
        fingerprint: String,
        /// `ssh-ed25519` and so on.
        algorithm: String,
        /// The command that adds it.
        command: String,
    },
    /// known_hosts has another key for the host.
    #[error("HOST KEY CHANGED: the host shows {fingerprint} ({algorithm}), but {known} says {expected}")]
    Changed {
        /// What the host shows.
        fingerprint: String,
        /// Its algorithm.
        algorithm: String,
        /// What is known.
        expected: String,
        /// File and line.
        known: String,
    },
    /// The key is marked as revoked.
    #[error("revoked host key {fingerprint} ({algorithm}), by {by}")]
    Revoked {
        /// What the host shows.
        fingerprint: String,
        /// Its algorithm.
        algorithm: String,
        /// File and line.
        by: String,
    },
    /// The host shows a certificate that does not hold.
    #[error("bad host certificate '{id}': {reason}")]
    Certificate {
        /// The certificate's id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConnectError {
    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::HostKey { problem, .. } => problem.hint(),
            Self::NameNotFound { .. } => {
                Some("check the spelling, or set ansible_host to its address".into())
            }
            Self::Refused { port, .. } => {
                Some(format!("check that sshd runs there and listens on port {port}"))
            }
            Self::Unreachable { .. } => {
                Some("check the network between here and there, VPN and firewall".into())
            }
            Self::TimedOut { .. } => Some("check that the host is up; --timeout sets the limit".into()),
            Self::Authentication { user, tried, .. } if tried.is_empty() => Some(format!(
                "'ssh-keygen -t ed25519' makes a key: give its .pub to a lead, who lets it in for {user}; 'ssh-add' loads one that you have"
            )),
            Self::Authentication { user, .. } => Some(format!(
                "load the right key with ssh-add, name it with ansible_ssh_private_key_file, or have your key allowed for {user}: where wgops.yml has 'access', a lead's 'wgops access sync' does that"
            )),
            Self::Jump { reason, .. } => reason.hint(),
            Self::KeyFile { advice, .. } | Self::Option { advice, .. } => Some(advice.clone()),
        }
    }

    /// The host that was wanted.
    pub fn host(&self) -> &HostName {
        match self {
            Self::HostKey { host, .. }
            | Self::NameNotFound { host, .. }
            | Self::Refused { host, .. }
            | Self::Unreachable { host, .. }
            | Self::TimedOut { host, .. }
            | Self::Authentication { host, .. }
            | Self::Jump { host, .. }
            | Self::KeyFile { host, .. }
            | Self::Option { host, .. } => host,
        }
    }
}

impl KeyProblem {
    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { fingerprint, command, .. } => format!(
                "compare {fingerprint} with what the host's owner or console says (ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub); only if they are equal: {command}"
            ),
            Self::Changed { known, .. } => format!(
                "somebody may be listening in, or the host was reinstalled: ask, and only then replace the line at {known}"
            ),
            Self::Revoked { by, .. } => {
                format!("the host must get a new key; {by} says that this one is not to be trusted")
            }
            Self::Certificate { .. } => {
                "ask whoever runs the host's certificate authority for a new certificate".into()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_key_at_all_is_told_how_to_get_one() {
        let hint = |tried: &[&str]| {
            let tried = tried.iter().map(|key| (*key).to_owned()).collect();
            let error =
                ConnectError::Authentication { host: "web1".parse().unwrap(), user: "ops".into(), tried };
            error.hint().unwrap()
        };
        assert!(hint(&[]).contains("ssh-keygen -t ed25519"));
        assert!(!hint(&["~/.ssh/id_ed25519"]).contains("ssh-keygen"));
    }
}

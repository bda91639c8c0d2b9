//! What can go wrong on a connection that stands, or stood. Every message fits on one line and is safe to print; `hint`
//! names an action.

use super::Reply;
use std::time::Duration;

/// Why there is no shell for a user.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// sudo wants a password and none was given.
    #[error("sudo needs a password to become {user}")]
    SudoPasswordRequired {
        /// Who was to be become.
        user: String,
    },
    /// sudo did not take the password.
    #[error("sudo refused the password (asked for becoming {user})")]
    SudoPasswordWrong {
        /// Who was to be become.
        user: String,
    },
    /// sudo does not allow it, with or without password.
    #[error("sudo does not allow becoming {user}: {words}")]
    SudoNotAllowed {
        /// Who was to be become.
        user: String,
        /// sudo's own words.
        words: String,
    },
    /// su did not take the password.
    #[error("su refused the password (asked for becoming {user})")]
    SuPasswordWrong {
        /// Who was to be become.
        user: String,
    },
    /// su or doas does not let us become a user.
    #[error("can't become {user}: {words}")]
    NotBecome {
        /// Who was to be become.
        user: String,
        /// What was said.
        words: String,
    },
    /// Nobody of that name is on the host.
    #[error("there is no user {user} on the host to become")]
    NoUser {
        /// Who was to be become.
        user: String,
    },
    /// The user's name can't be given to sudo.
    #[error("'{user}' can't be a user to become: expected letters, digits and . _ - + @")]
    BadUser {
        /// The name, printable.
        user: String,
    },
    /// The host ended the shell before it was ready: no `sh`, a forced command, an account that may not log in.
    #[error("no shell: {words}")]
    NoShell {
        /// What the host said instead.
        words: String,
    },
    /// The shell did not get ready in time.
    #[error("the shell was not ready after {} s: {words}", .after.as_secs_f32())]
    TimedOut {
        /// The limit.
        after: Duration,
        /// What the host said so far.
        words: String,
    },
    /// The connection was lost before the shell was ready.
    #[error("connection lost: {reason}")]
    Disconnected {
        /// What is known.
        reason: String,
    },
}

impl ShellError {
    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::SudoPasswordRequired { .. } => {
                Some("give --ask-become-pass (-K), or set ansible_become_password".into())
            }
            Self::SudoPasswordWrong { .. } => {
                Some("type it again; it is the password of the account that logs in".into())
            }
            Self::SudoNotAllowed { .. } => {
                Some("the host's sudoers must allow the account that logs in to run sh".into())
            }
            Self::NoUser { .. } => {
                Some("a task before it has to make the user, or to install what brings it".into())
            }
            Self::SuPasswordWrong { user } => {
                Some(format!("type it again; su takes the password of {user}, not that of the account that logs in"))
            }
            Self::NotBecome { .. } => Some(
                "for su, log in as root or give the other user's password (--ask-become-pass); let doas ask for none; or use sudo"
                    .into(),
            ),
            Self::NoShell { .. } => Some("wgops needs an account that may run sh over SSH".into()),
            Self::BadUser { .. } | Self::TimedOut { .. } | Self::Disconnected { .. } => None,
        }
    }
}

/// An exchange that could not be brought to its end. What had been answered is kept; the request after that may have
/// run, wholly or in part, and those after it may have too.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Lost {
    /// The replies that had arrived, in order.
    pub replies: Vec<Reply>,
    /// What happened.
    pub cause: LostCause,
}

/// What ended an exchange early.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LostCause {
    /// The shell never got ready: none of the requests without a reply has run.
    #[error(transparent)]
    NotStarted(#[from] ShellError),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Connection(String),
    /// The shell ended although the connection stands.
    #[error("the shell ended unexpectedly: {0}")]
    Shell(String),
}

impl Lost {
    /// Whether no request without a reply can have begun.
    pub fn rest_never_began(&self) -> bool {
        matches!(self.cause, LostCause::NotStarted(_))
    }

    /// What the reader can do about it.
    pub fn hint(&self) -> Option<String> {
        match &self.cause {
            LostCause::NotStarted(error) => error.hint(),
            LostCause::Connection(_) | LostCause::Shell(_) => None,
        }
    }
}

//! In whose hands a script is put: on which host, as which user, and with which environment. All of it belongs to a
//! question's identity: what root is told with a proxy set is no answer for anybody else.

use crate::model::{BecomeMethod, Environment, HostName};

/// Where, as whom and with what a script runs. The default is who logged in on the task's own host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Effective {
    /// Somewhere else than on the task's own host.
    pub at: Option<At>,
    /// The user that is become; nothing: who logged in.
    pub user: Option<String>,
    /// By which means.
    pub method: BecomeMethod,
    /// Environment variables.
    pub environment: Environment,
}

/// Where a task is carried out, if not on its own host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// On another host (`delegate_to`).
    Host(HostName),
    /// On the machine that wgops runs on, in the host's name (`connection: local`).
    Here,
}

impl Effective {
    /// Somebody who is become by `sudo`, on the task's own host.
    pub fn user(name: &str) -> Self {
        Self { user: Some(name.to_owned()), ..Self::default() }
    }

    /// The shell that it takes: environment variables are set anew for each script.
    #[must_use]
    pub fn shell(&self) -> Self {
        Self { at: None, environment: Environment::default(), ..self.clone() }
    }
}

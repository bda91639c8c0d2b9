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
    /// On another host, or on its own where none is named, over a connection that is entered in another way (a task's
    /// `remote_user` and `port`).
    Login(Option<HostName>, Login),
}

/// How a connection is entered, where that is not as usual.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Login {
    /// Who logs in.
    pub user: Option<String>,
    /// At which port.
    pub port: Option<u16>,
}

impl At {
    /// Whose state is looked at and changed there, whoever logs in.
    pub fn whose(at: Option<&Self>) -> Whose<'_> {
        match at {
            None | Some(Self::Login(None, _)) => Whose::Own,
            Some(Self::Here) => Whose::This,
            Some(Self::Host(host) | Self::Login(Some(host), _)) => Whose::Of(host),
        }
    }
}

/// Whose state is looked at and changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whose<'a> {
    /// The task's own host's.
    Own,
    /// The state of the machine that wgops runs on.
    This,
    /// Another host's.
    Of(&'a HostName),
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

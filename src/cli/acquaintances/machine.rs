//! A machine as whoever types reached it, and in which way another one differs from it.

use crate::execute::HostAccess;
use crate::model::{ConnectionKind, HostName};
use crate::transport::{Settings, known_authorities, known_keys};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where sshd listens unless somebody says otherwise.
const PORT: u16 = 22;

/// A machine, as whoever types reached it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    /// What it shows, or who vouches for it; nothing: it is this machine.
    pub(super) keys: BTreeSet<String>,
    /// Where it is, if others than a key of its own vouch for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// Options of SSH that lead there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    options: Vec<String>,
    /// As whom it was entered.
    user: String,
}

impl Machine {
    pub(super) fn of(settings: &Settings, host: &HostName, access: &HostAccess) -> Self {
        let connection = &access.connection;
        let user = connection.user.clone().unwrap_or_else(|| settings.login.clone());
        if connection.kind == ConnectionKind::Local {
            return Self { keys: BTreeSet::new(), at: None, options: Vec::new(), user };
        }
        let (address, port) =
            (connection.address.as_deref().unwrap_or(host.as_str()), connection.port.unwrap_or(PORT));
        let own = known_keys(settings, address, port);
        let others = known_authorities(settings, address, port);
        let at = (own.is_empty() || !others.is_empty()).then(|| format!("{address} port {port}"));
        let keys = own.into_iter().chain(others).collect();
        Self { keys, at, options: connection.ssh_args.clone(), user }
    }

    pub(super) fn is_here(&self) -> bool {
        self.keys.is_empty() && self.at.is_none()
    }

    /// Whether it is the machine that was known as another one, and entered alike where a password would be sent.
    pub(super) fn is(&self, known: &Self, as_user: bool) -> bool {
        // Where no file has a key for it any more, strict host keys let nobody in.
        let is_closed = self.keys.is_empty() && !known.keys.is_empty();
        self.is_here() == known.is_here()
            && self.options == known.options
            && (is_closed || self.at == known.at && self.keys.is_subset(&known.keys))
            && (!as_user || self.user == known.user)
    }

    /// In which way it differs from the one that was known.
    pub(super) fn differs(&self, known: &Self) -> String {
        let all = |keys: &BTreeSet<String>| match keys.is_empty() {
            true => "none".to_owned(),
            false => keys.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        if self.is_here() != known.is_here() {
            return if self.is_here() { "it is this machine now" } else { "it was this machine here" }
                .to_owned();
        }
        if !self.keys.is_subset(&known.keys) || self.keys.is_empty() != known.keys.is_empty() {
            return format!("its host key is {}, and was {}", all(&self.keys), all(&known.keys));
        }
        if self.at != known.at {
            let place = |at: &Option<String>| at.clone().unwrap_or_else(|| "elsewhere".into());
            return format!("it is at {}, and was at {}", place(&self.at), place(&known.at));
        }
        if self.options != known.options {
            let options = |all: &[String]| if all.is_empty() { "no options".into() } else { all.join(" ") };
            return format!(
                "SSH reaches it with {}, and did with {}",
                options(&self.options),
                options(&known.options)
            );
        }
        format!("it is entered as {}, and was as {}", self.user, known.user)
    }
}

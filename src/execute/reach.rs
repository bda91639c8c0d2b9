//! How a host is reached: from the inventory, the play and the command line, never from facts. Hosts of a play are found
//! out about before it begins, those that tasks are delegated to when one is.

use super::connection::HostAccess;
use crate::load::Problem;
use crate::load::inventory::Inventory;
use crate::model::{Connection, ConnectionKind, HostName, Map, Secret, Value};
use crate::plan::{Frame, Layer, Play, Shared, Variables, written};
use crate::template::{Rendered, Templates};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Finds out how a host is reached.
pub struct Reach {
    /// The hosts that there are.
    pub inventory: Arc<Inventory>,
    /// What all hosts share.
    pub shared: Arc<Shared>,
    /// The template environment.
    pub templates: Arc<Templates>,
    /// `--extra-vars`.
    pub extra: Map,
    /// What `~` stands for.
    pub home: Option<PathBuf>,
    /// `--user`: who logs in where nothing else is said.
    pub user: Option<String>,
    /// `--private-key`: the key where nothing else is said.
    pub private_key: Option<PathBuf>,
    /// `--connection`: the kind where nothing else is said.
    pub connection: Option<String>,
    /// `--timeout`: longest wait for connection and login.
    pub connect_timeout: Option<Duration>,
    /// `--ask-become-pass`.
    pub become_password: Option<Secret>,
    /// Who may only ask, and where.
    pub asker: Option<Asker>,
    /// Where all hosts are, if not both here and elsewhere.
    pub side: Option<Side>,
    /// The hosts that may be spoken to, if not all.
    pub only: Option<BTreeSet<HostName>>,
}

/// On which side of the wire hosts are. What this machine shows of itself, files and all, is its owner's: before somebody said
/// yes to what a playbook does, none of it may go to another host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// This machine alone.
    Here,
    /// Any host but this machine.
    Elsewhere,
}

impl Side {
    /// The side that a host is on.
    pub fn of(access: &HostAccess) -> Self {
        match access.connection.kind {
            ConnectionKind::Local => Self::Here,
            ConnectionKind::Ssh | ConnectionKind::Gate => Self::Elsewhere,
        }
    }
}

/// An account behind the gate, in which somebody asks who may change nothing.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Its name.
    pub account: String,
    /// The hosts that have it.
    pub hosts: BTreeSet<HostName>,
    /// The key that it is entered with, where nothing else is said.
    pub key: Option<PathBuf>,
}

fn sealed(host: &HostName, name: &str) -> Problem {
    Problem::bare(format!("{host}: {name} would be made of a sealed value")).help(
        "how a host is reached is seen in the network and in the logs of others: write it as it is, only passwords are sealed"
            .to_owned(),
    )
}

fn later(host: &HostName, name: &str, cause: &str) -> Problem {
    Problem::bare(format!("{host}: {name} depends on {cause}, and nobody said yes to that yet")).help(
        "how a host is reached is needed before anything else: write it as it is, or give it with -e"
            .to_owned(),
    )
}

/// A setting of a connection, where others may see it.
fn seen_by_others(host: &HostName, name: &str, done: Rendered) -> Result<Option<Value>, Problem> {
    match done {
        Rendered::Known { tainted: true, .. } if Inventory::is_seen_by_others(name) => {
            Err(sealed(host, name))
        }
        // What nobody knows yet would be left out, and the host another one.
        Rendered::Unknown(cause) if Inventory::is_seen_by_others(name) => {
            Err(later(host, name, &cause.to_string()))
        }
        done => Ok(done.known().cloned()),
    }
}

impl Reach {
    /// How a host is reached, in a play or apart from one.
    ///
    /// # Errors
    /// What is said of it makes no sense.
    pub fn host(&self, host: &HostName, play: Option<&Play>) -> Result<HostAccess, Problem> {
        self.permitted(host, self.found(host, play)?)
    }

    /// Lets through what is on the right side.
    fn permitted(&self, host: &HostName, access: HostAccess) -> Result<HostAccess, Problem> {
        if self.only.as_ref().is_some_and(|only| !only.contains(host)) {
            return Err(Problem::bare(format!(
                "{host} is not in the plan, and what carries one out speaks to no other"
            )));
        }
        let what = match self.side.filter(|side| *side != Side::of(&access)) {
            None => return Ok(access),
            Some(Side::Elsewhere) => format!("{host} is this machine here"),
            Some(Side::Here) => format!("{host} is another machine than this one"),
        };
        let why = "what this machine says goes to no other before somebody said yes";
        Err(Problem::bare(format!("{what}, and {why}")))
    }

    fn found(&self, host: &HostName, play: Option<&Play>) -> Result<HostAccess, Problem> {
        let none: Arc<Layer> = Arc::default();
        let layer =
            |map: fn(&Play) -> &Map| play.map(|play| Arc::new(written(map(play)))).unwrap_or_default();
        let (of_play, of_files) = (layer(|play| &play.vars), layer(|play| &play.file_vars));
        let variables = Variables::new(host.clone(), self.shared.clone(), of_play, of_files, none.clone());
        let scope = variables.settings(&Arc::<Frame>::default());
        let inventory = self.shared.live.now().inventory.clone().unwrap_or_else(|| self.inventory.clone());
        let mut written = inventory.values(host);
        for map in play.into_iter().flat_map(|play| [&play.vars, &play.file_vars]) {
            written.extend(map.clone());
        }
        written.extend(self.extra.clone());
        written.retain(|name, _| name.starts_with("ansible_"));
        let render = |name: &str, value: &Value| {
            let done = self.templates.render(value, &scope).map_err(|error| {
                let problem = match inventory.place_of(host) {
                    Some(place) => Problem::at(place, format!("{host}: {name}: {error}")),
                    None => Problem::bare(format!("{host}: {name}: {error}")),
                };
                problem.help("it is needed before anything is known of the host".to_owned())
            })?;
            seen_by_others(host, name, done)
        };
        let mut rendered = Map::new();
        for (name, value) in &written {
            rendered.extend(render(name, value)?.map(|value| (name.clone(), value)));
        }
        let keywords = play.map(|play| {
            [
                ("ansible_connection", "ansible_connection", &play.connection),
                ("ansible_user", "ansible_ssh_user", &play.remote_user),
                ("ansible_port", "ansible_ssh_port", &play.port),
            ]
        });
        for (name, old_name, keyword) in keywords.into_iter().flatten() {
            let said = rendered.contains_key(name) || rendered.contains_key(old_name);
            if let Some(keyword) = keyword.as_ref().filter(|_| !said) {
                rendered.extend(render(name, keyword)?.map(|value| (name.to_owned(), value)));
            }
        }
        if let Some(kind) = &self.connection {
            rendered.entry("ansible_connection").or_insert_with(|| kind.clone().into());
        }
        let (mut connection, privilege) = inventory.connection_of(host, &rendered, self.home.as_deref())?;
        connection.user = connection.user.take().or_else(|| self.user.clone());
        connection.private_key = connection.private_key.take().or_else(|| self.private_key.clone());
        connection.connect_timeout = self.connect_timeout.unwrap_or(connection.connect_timeout);
        let asker = self.asker.as_ref().filter(|asker| asker.hosts.contains(host));
        if let (Some(asker), ConnectionKind::Ssh) = (asker, connection.kind) {
            return Ok(self.behind_the_gate(asker, connection));
        }
        let become_password = privilege.password.or_else(|| self.become_password.clone());
        Ok(HostAccess { connection, become_password })
    }

    /// The account of somebody who may only ask: whoever the inventory logs in as, and with which key, is not for them.
    fn behind_the_gate(&self, asker: &Asker, connection: Connection) -> HostAccess {
        let connection = Connection {
            kind: ConnectionKind::Gate,
            user: Some(asker.account.clone()),
            private_key: self.private_key.clone().or_else(|| asker.key.clone()),
            ..connection
        };
        HostAccess { connection, become_password: None }
    }

    /// This machine, in a host's name.
    ///
    /// # Errors
    /// As [`Reach::host`].
    pub fn here(&self, host: &HostName) -> Result<HostAccess, Problem> {
        let mut access = self.found(host, None)?;
        access.connection.kind = ConnectionKind::Local;
        self.permitted(host, access)
    }

    /// Whether a play says of its own how hosts are reached.
    pub fn differs(play: &Play) -> bool {
        let names = || play.vars.keys().chain(play.file_vars.keys());
        play.connection.is_some()
            || play.remote_user.is_some()
            || play.port.is_some()
            || names().any(|name| name.starts_with("ansible_"))
    }
}

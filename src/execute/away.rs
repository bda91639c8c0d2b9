//! What a host's driver does on other hosts (`delegate_to`), and on this machine in its host's name.
//!
//! It has connections of its own for that, so that twenty hosts that wait for something on this machine wait side by side.
//! What brings another host into a state is done one after the other, whoever does it; and whoever knows something of
//! that host is told that it is old.

use super::admission::Admission;
use super::connection::{Broken, HostAccess, HostConnection, Line, held_out, refused};
use super::drive::Road;
use super::order::Order;
use super::reach::Reach;
use crate::event::Event;
use crate::model::{Connection, ConnectionKind, HostName};
use crate::modules::{Delivery, Nature};
use crate::plan::{At, Conduct, Exchange, Item, Login, Play, Reply, Whose};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc;

/// What the drivers of a batch do on each other's hosts.
#[derive(Default)]
pub struct Elsewhere {
    turns: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    changed: Mutex<BTreeMap<String, u64>>,
}

impl Elsewhere {
    /// What lets one exchange at a time bring a host into a state: between look and change of one nobody else's comes.
    pub fn turn(&self, connection: &HostConnection) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(real(connection)).or_default().clone()
    }

    fn has_changed(&self, connection: &HostConnection) {
        let mut changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *changed.entry(real(connection)).or_default() += 1;
    }

    /// How often others changed a host.
    pub fn changes_of(&self, connection: &HostConnection) -> u64 {
        let changed = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.get(&real(connection)).copied().unwrap_or_default()
    }
}

/// The real host behind a connection.
fn real(connection: &HostConnection) -> String {
    let settings = &connection.access.connection;
    match (settings.kind, &settings.address) {
        (ConnectionKind::Local, _) => "localhost".to_owned(),
        (ConnectionKind::Ssh | ConnectionKind::Gate, Some(address)) => address.clone(),
        (ConnectionKind::Ssh | ConnectionKind::Gate, None) => connection.host.to_string(),
    }
}

/// A driver's ways to other hosts.
pub struct Away {
    own: HostName,
    play: Arc<Play>,
    line: Line,
    reach: Arc<Reach>,
    conduct: Conduct,
    admission: Option<Admission>,
    elsewhere: Arc<Elsewhere>,
    open: BTreeMap<At, HostConnection>,
    admitted: BTreeSet<HostName>,
    events: mpsc::Sender<Event>,
    crowded: bool,
}

impl Away {
    /// The ways of this host's driver; nothing is connected yet.
    pub fn new(
        (own, play): (&HostName, &Arc<Play>),
        line: Line,
        order: &Order,
        admission: Option<Admission>,
        road: &Road,
    ) -> Self {
        Self {
            own: own.clone(),
            play: play.clone(),
            line,
            reach: order.reach.clone(),
            conduct: order.conduct,
            admission,
            elsewhere: road.elsewhere.clone(),
            open: BTreeMap::new(),
            admitted: BTreeSet::new(),
            events: road.events.clone(),
            crowded: road.crowded,
        }
    }

    /// Carries an exchange out somewhere else.
    ///
    /// # Errors
    /// That host can't be reached, or was lost on the way.
    pub async fn exchange(&mut self, at: &At, exchange: &Exchange) -> Result<Vec<Vec<Reply>>, Broken> {
        let broken = |why: String| Broken { reason: why, replies: Vec::new(), nothing_sent: true };
        let target = match At::whose(Some(at)) {
            Whose::Of(host) => host.clone(),
            Whose::Own | Whose::This => self.own.clone(),
        };
        let changes =
            exchange.shells.iter().flat_map(|work| &work.items).any(|item| matches!(item, Item::Apply(_)));
        let mut connection = match self.open.remove(at) {
            Some(open) => open,
            None => {
                let access = match at {
                    At::Host(host) => self.reach.host(host, None),
                    At::Here => self.reach.here(&self.own),
                    At::Login(host, login) => {
                        let play = host.is_none().then_some(&*self.play);
                        self.reach.host(&target, play).map(|access| entered(access, login))
                    }
                };
                let access = access.map_err(|problem| broken(format!("delegated to {target}: {problem}")))?;
                let mut fresh = self.line.fresh(&target, access);
                fresh.conduct(self.conduct);
                fresh.admission = self.admission.clone().filter(|_| *at != At::Here);
                // Many runs go out from this machine at once, and none of them is about it.
                if fresh.access.connection.kind == ConnectionKind::Local {
                    fresh.banner = None;
                }
                fresh
            }
        };
        let reached = &connection.access.connection;
        if let Some(why) = changes.then(|| self.held(at, &target, reached)).flatten() {
            self.open.insert(at.clone(), connection);
            return Ok(refused(exchange, &why));
        }
        connection.events = Some(self.events.clone());
        let is_shared = connection.access.connection.kind != ConnectionKind::Local;
        let turn = sets_state(exchange).then(|| self.elsewhere.turn(&connection));
        let held = match &turn {
            Some(turn) => Some(turn.lock().await),
            None => None,
        };
        let done = connection.exchange(exchange).await;
        if changes {
            self.elsewhere.has_changed(&connection);
        }
        if self.crowded && is_shared {
            connection.release().await;
            connection.close().await;
        }
        drop(held);
        connection.events = None;
        self.open.insert(at.clone(), connection);
        let by = if matches!(at, At::Login(None, _)) { "another login at" } else { "delegated to" };
        done.map_err(|lost| Broken { reason: format!("{by} {target}: {}", lost.reason), ..lost })
    }

    /// Why nothing may be changed there now.
    fn held(&mut self, at: &At, target: &HostName, reached: &Connection) -> Option<String> {
        if *at == At::Here || self.admitted.contains(target) {
            return None;
        }
        let held = self.admission.as_ref().and_then(|admission| admission(target, reached, None));
        if held.is_none() {
            self.admitted.insert(target.clone());
        }
        held.map(|held| held_out(target, &held))
    }

    /// Lets jobs remove themselves that nobody asks for any more.
    pub async fn forget_jobs(&mut self) {
        for connection in self.open.values_mut() {
            connection.forget_jobs().await;
        }
    }

    /// Ends all of it.
    pub async fn close(&mut self) {
        for connection in self.open.values_mut() {
            connection.release().await;
            connection.close().await;
        }
    }
}

/// A way to a host that is entered otherwise than usual; whoever may only ask has but the one way.
fn entered(mut access: HostAccess, login: &Login) -> HostAccess {
    let connection = &mut access.connection;
    if connection.kind == ConnectionKind::Ssh {
        connection.user = login.user.clone().or_else(|| connection.user.take());
        connection.port = login.port.or(connection.port);
    }
    access
}

/// Whether an exchange brings a host into a state, so that what it was computed from must still hold.
pub fn sets_state(exchange: &Exchange) -> bool {
    let mut items = exchange.shells.iter().flat_map(|shell| &shell.items);
    items.any(|item| matches!(item, Item::Apply(change) if change.nature == Nature::State))
}

/// Where an exchange is carried out, if not on the driver's own host.
pub fn place_of(exchange: &Exchange) -> Option<&At> {
    exchange.shells.iter().find_map(|work| work.user.at.as_ref())
}

/// Whether an exchange is nothing but what a shell does itself.
pub fn is_attached(exchange: &Exchange) -> bool {
    let mut items = exchange.shells.iter().flat_map(|shell| &shell.items);
    items.all(|item| !matches!(item, Item::Apply(change) if change.delivery != Delivery::Attached))
}

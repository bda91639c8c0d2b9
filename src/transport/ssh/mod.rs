//! SSH: from a host's options to a connection that is logged in, through jump hosts if need be.
//!
//! `args.rs`, `config.rs` and `options.rs` decide what applies to a host, `known_hosts.rs` whom to trust, `login.rs` which keys
//! are offered; `guard.rs` watches the connection. The agent is never forwarded, and no host on the way can read what
//! passes: each hop is an SSH connection inside the one before.

mod args;
mod cache;
mod config;
mod guard;
mod jump;
mod known_hosts;
mod link;
mod login;
mod options;
mod pattern;
mod stream;

pub(super) use cache::Cache;
pub(super) use link::Link;

use super::exchange::Meter;
use super::{ConnectError, KeyProblem, Settings};
use crate::model::{Connection, HostName};
use args::Args;
use guard::WireError;
use jump::{JumpSpec, ParseJumpError};
use known_hosts::{Names, Trust};
use options::{BadOption, Layer, Options, Tokens};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// Longest chain of jump hosts.
const JUMPS_MAX: usize = 8;

/// One host on the way, or the one wanted.
struct Hop {
    /// How a message calls it.
    shown: String,
    options: Options,
    names: Names,
    trust: Trust,
}

/// Why a hop failed; the caller knows which host was wanted.
enum Failure {
    HostKey(Box<KeyProblem>),
    NameNotFound(String),
    Refused,
    Unreachable(String),
    Authentication { user: String, tried: Vec<String> },
    KeyFile { file: PathBuf, reason: String, advice: String },
}

/// What is being waited for, for the message when it takes too long.
#[derive(Clone)]
struct Stage(Arc<Mutex<&'static str>>);

impl Stage {
    fn set(&self, words: &'static str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
    fn get(&self) -> &'static str {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        match error {
            WireError::HostKey(problem) => Self::HostKey(problem),
            WireError::Ssh(_) => Self::Unreachable(error.words()),
        }
    }
}

/// Connects and logs in.
pub(super) async fn connect(
    host: &HostName,
    connection: &Connection,
    settings: &Settings,
    meter: &Arc<Meter>,
) -> Result<Link, ConnectError> {
    let way = way(host, connection, settings).await.map_err(|bad| ConnectError::Option {
        host: host.clone(),
        reason: bad.reason,
        advice: bad.advice,
    })?;
    let asked = way.last().and_then(|hop| hop.options.connect_timeout);
    let limit = asked.map_or(connection.connect_timeout, |asked| asked.min(connection.connect_timeout));
    let stage = Stage(Arc::new(Mutex::new("connecting")));
    // Who waits longer for a login has a bad line, on which silence means less.
    let silences =
        usize::try_from(limit.as_secs() / settings.keepalive.as_secs().max(1)).unwrap_or(usize::MAX);
    let settings = &Settings { keepalive_max: settings.keepalive_max.max(silences), ..settings.clone() };
    match timeout(limit, travel(host, &way, settings, meter, &stage)).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut { host: host.clone(), stage: stage.get(), after: limit }),
    }
}

/// Connects hop by hop, each through the one before. Connections to jump hosts are shared by all hosts behind them: a
/// hundred hosts knock at their gate once.
async fn travel(
    host: &HostName,
    way: &[Hop],
    settings: &Settings,
    meter: &Arc<Meter>,
    stage: &Stage,
) -> Result<Link, ConnectError> {
    let (wanted, jumps) = way.split_last().ok_or_else(|| nowhere(host))?;
    let mut through: Option<Arc<Link>> = None;
    let mut key = String::new();
    for hop in jumps {
        stage.set("connecting to a jump host");
        key = format!("{key} {:?}", hop.options);
        let gate = settings.keyring.0.gate(&key);
        let mut gate = gate.lock().await;
        let link = match gate.upgrade().filter(|link| !link.is_closed()) {
            Some(link) => link,
            None => {
                let next = Link::establish(through.take(), hop, settings, Arc::default(), stage).await;
                Arc::new(next.map_err(|failure| ConnectError::Jump {
                    host: host.clone(),
                    jump: hop.shown.clone(),
                    reason: Box::new(failure.of(host, hop)),
                })?)
            }
        };
        *gate = Arc::downgrade(&link);
        through = Some(link);
    }
    stage.set("connecting");
    Link::establish(through, wanted, settings, meter.clone(), stage)
        .await
        .map_err(|failure| failure.of(host, wanted))
}

fn nowhere(host: &HostName) -> ConnectError {
    let (reason, advice) = ("there is no way there".into(), "report this".into());
    ConnectError::Option { host: host.clone(), reason, advice }
}

impl Failure {
    fn of(self, host: &HostName, hop: &Hop) -> ConnectError {
        let (host, address, port) = (host.clone(), hop.options.address.clone(), hop.options.port);
        match self {
            Self::HostKey(problem) => ConnectError::HostKey { host, problem },
            Self::NameNotFound(reason) => ConnectError::NameNotFound { host, address, reason },
            Self::Refused => ConnectError::Refused { host, address, port },
            Self::Unreachable(reason) => ConnectError::Unreachable { host, address, port, reason },
            Self::Authentication { user, tried } => ConnectError::Authentication { host, user, tried },
            Self::KeyFile { file, reason, advice } => ConnectError::KeyFile { host, file, reason, advice },
        }
    }
}

/// Where SSH's configuration comes from.
enum Source {
    /// The operator's own files, or those they named on the command line.
    Files(Vec<PathBuf>),
    /// A file that the inventory names.
    Inventory(PathBuf),
}

/// Every host on the way, the one wanted last.
async fn way(host: &HostName, connection: &Connection, settings: &Settings) -> Result<Vec<Hop>, BadOption> {
    let args = Args::parse(&connection.ssh_args)?;
    let target = connection.address.clone().unwrap_or_else(|| host.as_str().to_owned());
    let mut asked = Layer::default();
    connection.port.iter().for_each(|port| asked.push("port", port.to_string()));
    connection.user.iter().for_each(|user| asked.push("user", user));
    connection
        .private_key
        .iter()
        .for_each(|key| asked.push("identityfile", format!("\"{}\"", key.display())));
    let source = match args.config {
        Some(file) => Source::Inventory(file),
        None => Source::Files(config::files(settings)),
    };
    let mut hop = hop(&target, vec![asked, args.layer], &source, settings).await?;
    hop.shown = host.to_string();
    let mut way = vec![hop];
    let mut before = way.iter().flat_map(|hop| hop.options.jumps.clone()).collect::<Vec<_>>();
    // The last jump host is reached through those before it; the first may have jump hosts of its own.
    while let Some(jump) = before.pop() {
        if way.len() > JUMPS_MAX {
            return Err(BadOption {
                reason: format!("more than {JUMPS_MAX} jump hosts, by {jump}"),
                advice: "look for a loop of ProxyJump options".into(),
            });
        }
        let next = jump_hop(&jump, &source, settings).await?;
        if before.is_empty() {
            before.clone_from(&next.options.jumps);
        }
        way.push(next);
    }
    way.reverse();
    Ok(way)
}

async fn jump_hop(jump: &JumpSpec, source: &Source, settings: &Settings) -> Result<Hop, BadOption> {
    let mut asked = Layer::default();
    jump.port.iter().for_each(|port| asked.push("port", port.to_string()));
    jump.user.iter().for_each(|user| asked.push("user", user));
    let mut hop = hop(&jump.host, vec![asked], source, settings).await?;
    hop.shown = jump.to_string();
    Ok(hop)
}

async fn hop(
    target: &str,
    mut layers: Vec<Layer>,
    source: &Source,
    settings: &Settings,
) -> Result<Hop, BadOption> {
    let required = layers.len();
    let asked = Layer(layers.iter().flat_map(|layer| layer.0.clone()).collect());
    let configured = match source {
        Source::Files(files) => config::layer(target, &asked, files).await?,
        Source::Inventory(file) => config::inventory_layer(target, file)?,
    };
    layers.push(configured);
    let home = settings.home.to_string_lossy();
    let tokens = Tokens { home: &home, login: &settings.login };
    let options = Options::resolve(target, &layers, required, &tokens)?;
    let names = match &options.alias {
        Some(alias) => Names::alias(alias),
        None => Names::new(&options.address, options.port),
    };
    let trust = trust(&options, settings)?;
    Ok(Hop { shown: target.into(), options, names, trust })
}

/// Fingerprints of the plain host keys that known_hosts files have for an address: the ops repository's file, the user's,
/// the system's. A file that can't be read has none.
pub fn known_keys(settings: &Settings, address: &str, port: u16) -> Vec<String> {
    usual_trust(settings).fingerprints(&Names::new(address, port))
}

/// Fingerprints of the keys that vouch for an address by these files.
pub fn known_authorities(settings: &Settings, address: &str, port: u16) -> Vec<String> {
    usual_trust(settings).authorities(&Names::new(address, port))
}

fn usual_trust(settings: &Settings) -> Trust {
    let usual = [
        settings.home.join(".ssh/known_hosts"),
        settings.home.join(".ssh/known_hosts2"),
        settings.system.join("ssh_known_hosts"),
        settings.system.join("ssh_known_hosts2"),
    ];
    let paths = settings.known_hosts.iter().chain(&usual);
    let files = paths.filter_map(|path| settings.keyring.0.known_hosts(path).ok()).collect();
    Trust { files, add_to: String::new() }
}

/// Every known_hosts file that counts: the ops repository's, the user's, the system's.
fn trust(options: &Options, settings: &Settings) -> Result<Trust, BadOption> {
    let usual = |folder: &Path, names: [&str; 2]| names.map(|name| folder.join(name)).to_vec();
    let mut paths = settings.known_hosts.clone();
    let users = options.user_known_hosts.clone();
    paths
        .extend(users.unwrap_or_else(|| usual(&settings.home.join(".ssh"), ["known_hosts", "known_hosts2"])));
    let add_to = paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    let system = options.system_known_hosts.clone();
    paths.extend(system.unwrap_or_else(|| usual(&settings.system, ["ssh_known_hosts", "ssh_known_hosts2"])));
    let files = paths.iter().map(|path| {
        settings.keyring.0.known_hosts(path).map_err(|e| BadOption {
            reason: format!("can't read known hosts in {}: {e}", path.display()),
            advice: "check who may read the file".into(),
        })
    });
    Ok(Trust { files: files.collect::<Result<_, _>>()?, add_to })
}

/// How long one of several addresses may take, so that a dead one does not use up all the time.
fn share(limit: Duration, addresses: usize) -> Duration {
    limit / u32::try_from(addresses.max(1)).unwrap_or(u32::MAX)
}

//! One SSH connection, logged in.

use super::guard::{Guard, WireError};
use super::stream::{Counted, Prompt, Proxy, Stream};
use super::{Failure, Hop, Stage, login, share};
use crate::transport::channel::{Ending, FarEnd, Inbox};
use crate::transport::exchange::Meter;
use crate::transport::frame;
use crate::transport::{Settings, ShellError};
use bytes::Bytes;
use russh::client::{self, Handle, Msg};
use russh::keys::Algorithm;
use russh::{ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Disconnect, Preferred};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use zeroize::Zeroizing;

/// How long output is still read after the shell has exited; a background process may hold it open for ever.
const AFTER_EXIT: Duration = Duration::from_secs(1);
/// How long the reason for a lost connection may lag behind the loss.
const FAREWELL_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait for one address where a host has several.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(20);
/// Small windows cost most of the speed on long ways.
const WINDOW_BYTES: u32 = 16 << 20;

/// One connection, and the one it runs through.
pub(in crate::transport) struct Link {
    handle: Handle<Guard>,
    farewell: watch::Receiver<Option<String>>,
    host_key: Arc<OnceLock<String>>,
    user: String,
    _through: Option<Arc<Link>>,
}

impl Link {
    /// Connects to a hop, through another if there is one, checks its key, and logs in.
    pub(super) async fn establish(
        through: Option<Arc<Link>>,
        hop: &Hop,
        settings: &Settings,
        meter: Arc<Meter>,
        stage: &Stage,
    ) -> Result<Self, Failure> {
        let inner = reach(through.as_deref(), hop).await?;
        stage.set("the SSH handshake");
        let (farewell, farewell_seen) = watch::channel(None);
        let host_key = Arc::new(OnceLock::new());
        let guard = Guard {
            trust: hop.trust.clone(),
            names: hop.names.clone(),
            farewell,
            host_key: host_key.clone(),
        };
        let config = Arc::new(config(hop, settings));
        let mut handle = client::connect_stream(config, Counted { inner, meter }, guard).await?;
        stage.set("login");
        login::log_in(&mut handle, hop, settings).await?;
        let user = hop.options.user.clone();
        Ok(Self { handle, farewell: farewell_seen, host_key, user, _through: through })
    }

    /// Runs a command line; the future that comes back serves its pipe until either end is closed.
    pub async fn start(
        &self,
        line: &str,
        far: FarEnd,
    ) -> Result<impl Future<Output = ()> + Send + use<>, ShellError> {
        let channel = match self.handle.channel_open_session().await {
            Ok(channel) => channel,
            Err(russh::Error::ChannelOpenFailure(why)) => {
                return Err(ShellError::NoShell { words: refused(&why) });
            }
            Err(_) => return Err(ShellError::Disconnected { reason: self.farewell().await }),
        };
        if channel.exec(false, line).await.is_err() {
            return Err(ShellError::Disconnected { reason: self.farewell().await });
        }
        let (read, write) = channel.split();
        Ok(serve(read, write, far))
    }

    /// Fingerprint of the key that the host showed.
    pub fn host_key(&self) -> Option<String> {
        self.host_key.get().cloned()
    }

    /// Who logged in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether it has ended, as far as is known.
    pub fn is_closed(&self) -> bool {
        self.handle.is_closed()
    }

    /// Says good-bye.
    pub async fn close(&self) {
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    /// Why the connection is gone, as far as that is known.
    pub async fn farewell(&self) -> String {
        let mut seen = self.farewell.clone();
        let told = timeout(FAREWELL_TIMEOUT, seen.wait_for(Option::is_some)).await;
        let words = told.ok().and_then(Result::ok).and_then(|words| words.clone());
        words.unwrap_or_else(|| "the host closed the connection".into())
    }
}

fn refused(why: &ChannelOpenFailure) -> String {
    match why {
        ChannelOpenFailure::AdministrativelyProhibited => {
            "the host allows no (more) sessions on this connection".into()
        }
        why => format!("the host opens no session: {why:?}"),
    }
}

async fn reach(through: Option<&Link>, hop: &Hop) -> Result<Box<dyn Stream>, Failure> {
    let options = &hop.options;
    if let Some(link) = through {
        let opened = link
            .handle
            .channel_open_direct_tcpip(&options.address, u32::from(options.port), "127.0.0.1", 0)
            .await;
        return match opened {
            Ok(channel) => Ok(Box::new(channel.into_stream())),
            Err(russh::Error::ChannelOpenFailure(why)) => Err(Failure::Unreachable(match why {
                ChannelOpenFailure::ConnectFailed => "the jump host can't connect to it".into(),
                ChannelOpenFailure::AdministrativelyProhibited => {
                    "the jump host does not allow forwarding to it".into()
                }
                why => format!("the jump host says {why:?}"),
            })),
            Err(error) => Err(WireError::from(error).into()),
        };
    }
    if let Some(command) = &options.proxy_command {
        return match Proxy::start(command) {
            Ok(proxy) => Ok(Box::new(proxy)),
            Err(e) => Err(Failure::Unreachable(format!("ProxyCommand: {e}"))),
        };
    }
    let found = tokio::net::lookup_host((options.address.as_str(), options.port)).await;
    let addresses: Vec<_> = found.map_err(|e| Failure::NameNotFound(lookup_words(&e)))?.collect();
    let mut failure = Failure::NameNotFound("the name has no address".into());
    for address in &addresses {
        let limit =
            if addresses.len() == 1 { Duration::MAX } else { share(ADDRESS_TIMEOUT, addresses.len()) };
        failure = match timeout(limit, dial(*address)).await {
            Ok(Ok(stream)) => return Ok(Box::new(Prompt::new(stream))),
            Ok(Err(e)) if e.kind() == ErrorKind::ConnectionRefused => Failure::Refused,
            Ok(Err(e)) => Failure::Unreachable(e.to_string()),
            Err(_) => Failure::Unreachable("no answer".into()),
        };
    }
    Err(failure)
}

/// Connects, however long that takes: the kernel gives up after some two minutes of silence, and whoever waits longer for a
/// login has a bad line.
async fn dial(address: SocketAddr) -> std::io::Result<TcpStream> {
    loop {
        match TcpStream::connect(address).await {
            Err(error) if error.kind() == ErrorKind::TimedOut => {}
            other => return other,
        }
    }
}

/// The resolver's words, without the library's preface.
fn lookup_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    let words = words.strip_prefix("failed to lookup address information: ").unwrap_or(&words);
    crate::model::printable(words).into_owned()
}

fn config(hop: &Hop, settings: &Settings) -> client::Config {
    let mut preferred = Preferred::DEFAULT;
    let known = hop.trust.algorithms(&hop.names);
    let mut keys: Vec<Algorithm> = preferred.key.to_vec();
    keys.sort_by_key(|algorithm| !known.iter().any(|k| same_family(k, algorithm)));
    if hop.trust.has_authority(&hop.names) {
        preferred.host_key_certificates =
            keys.iter().filter(|a| **a != Algorithm::Rsa { hash: None }).cloned().collect();
    }
    preferred.key = keys.into();
    client::Config {
        nodelay: true,
        window_size: WINDOW_BYTES,
        keepalive_interval: Some(settings.keepalive),
        keepalive_max: settings.keepalive_max,
        preferred,
        ..Default::default()
    }
}

/// RSA keys are one family, whatever the hash of the signature.
fn same_family(a: &Algorithm, b: &Algorithm) -> bool {
    a == b || matches!((a, b), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. }))
}

/// Carries bytes both ways until either end is closed.
async fn serve(mut read: ChannelReadHalf, write: ChannelWriteHalf<Msg>, far: FarEnd) {
    let FarEnd { input, gone, inbox } = far;
    let ending = tokio::select! {
        ending = drain(&mut read, &inbox) => ending,
        () = feed(&write, input, gone) => {
            let _ = write.eof().await;
            let _ = write.close().await;
            drain(&mut read, &inbox).await
        }
    };
    inbox.ended(ending);
    let _ = write.close().await;
    // Whoever still holds the far end open must not block the connection.
    while read.wait().await.is_some() {}
}

async fn drain(channel: &mut ChannelReadHalf, inbox: &Inbox) -> Ending {
    let mut status = None;
    loop {
        let message = match status {
            None => channel.wait().await,
            Some(_) => match timeout(AFTER_EXIT, channel.wait()).await {
                Ok(message) => message,
                Err(_) => return Ending::Exited(status),
            },
        };
        match message {
            Some(ChannelMsg::Data { data }) => inbox.feed(frame::Stream::Out, &data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => inbox.feed(frame::Stream::Err, &data),
            Some(ChannelMsg::ExitStatus { exit_status }) => status = Some(exit_status),
            Some(ChannelMsg::ExitSignal { .. }) => status = Some(255),
            Some(ChannelMsg::Close) => return Ending::Exited(status),
            Some(_) => {}
            None if status.is_some() => return Ending::Exited(status),
            None => return Ending::Disconnected,
        }
    }
}

/// Sends what comes until there is no more, or nobody who would want the answer.
async fn feed(
    channel: &ChannelWriteHalf<Msg>,
    mut input: mpsc::Receiver<Zeroizing<Vec<u8>>>,
    mut gone: oneshot::Receiver<()>,
) {
    let write = async {
        while let Some(bytes) = input.recv().await {
            if channel.data_bytes(Bytes::from_owner(bytes)).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = write => {}
        _ = &mut gone => {}
    }
}

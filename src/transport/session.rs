//! A connection to one real host, and the shells on it.

use super::channel::{Incoming, Pipe, Tasks};
use super::exchange::{Meter, Traffic};
use super::frame::Mark;
use super::ssh::Link;
use super::sudo::{self, GateEvent, Start};
use super::{ConnectError, Settings, Shell, ShellError, local, ssh};
use crate::model::{Become, Connection, ConnectionKind, HostName, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// Longest wait for tasks to end when a session is closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// What is asked of sshd where an account has a gate.
const GATE_COMMAND: &str = "wgops-ask";

/// A connection to one real host, over SSH or to this machine.
pub struct Session {
    way: Way,
    /// Whether it ends at a gate, which answers questions and starts no shell.
    is_gated: bool,
    settings: Settings,
    meter: Arc<Meter>,
    tasks: Tasks,
}

#[derive(Clone)]
enum Way {
    Ssh(Arc<Link>),
    /// On this machine, beginning in this folder.
    Local(Option<PathBuf>),
}

/// Connects to a host and logs in; the host's key is checked before anything is sent that matters.
///
/// # Errors
/// See [`ConnectError`]; each says what to do.
pub async fn connect(
    host: &HostName,
    connection: &Connection,
    settings: &Settings,
) -> Result<Session, ConnectError> {
    let meter = Arc::new(Meter::default());
    let way = match connection.kind {
        ConnectionKind::Local => Way::Local(settings.here.clone()),
        ConnectionKind::Ssh | ConnectionKind::Gate => {
            Way::Ssh(Arc::new(ssh::connect(host, connection, settings, &meter).await?))
        }
    };
    let is_gated = connection.kind == ConnectionKind::Gate;
    // Who waits longer for a login has a bad line, over which a shell takes as long.
    let shell_timeout = settings.shell_timeout.max(connection.connect_timeout);
    let settings = Settings { shell_timeout, ..settings.clone() };
    Ok(Session { way, is_gated, settings, meter, tasks: Tasks::default() })
}

impl Session {
    /// Starts a shell: as who logged in, or as another user; behind a gate nobody else can be become. Nothing is needed to
    /// become who one is already: a host that root logs in to may have no sudo. Without a password nothing is waited for but
    /// the channel: that sudo declines may then only show in the first exchange.
    ///
    /// # Errors
    /// See [`ShellError`].
    pub async fn shell(&self, user: Option<&Become>) -> Result<Shell, ShellError> {
        let opener = Opener {
            way: self.way.clone(),
            is_gated: self.is_gated,
            user: user.filter(|wanted| !self.is_of(&wanted.user)).cloned(),
            shell_timeout: self.settings.shell_timeout,
            meter: self.meter.clone(),
            tasks: self.tasks.clone(),
        };
        let pipe = opener.open().await?;
        Ok(Shell::new(opener, pipe))
    }

    /// Whether this is who logged in.
    fn is_of(&self, user: &str) -> bool {
        match &self.way {
            Way::Ssh(link) => link.user() == user,
            Way::Local(_) => user == "root" && rustix::process::geteuid().is_root(),
        }
    }

    /// Fingerprint of the key that the host showed; none for this machine.
    pub fn host_key(&self) -> Option<String> {
        match &self.way {
            Way::Ssh(link) => link.host_key(),
            Way::Local(_) => None,
        }
    }

    /// What went over this connection so far.
    pub fn traffic(&self) -> Traffic {
        self.meter.read()
    }

    /// Ends the connection. Its shells are lost, and what they ran with it.
    pub async fn close(self) {
        let mut tasks = self.tasks.take();
        if let Way::Ssh(link) = &self.way {
            let end = async {
                link.close().await;
                while tasks.join_next().await.is_some() {}
            };
            let _ = timeout(CLOSE_TIMEOUT, end).await;
        }
        tasks.shutdown().await;
    }
}

/// Starts shells of one kind; a shell keeps it, to start the next one when it must kill itself.
#[derive(Clone)]
pub(super) struct Opener {
    way: Way,
    is_gated: bool,
    user: Option<Become>,
    shell_timeout: Duration,
    meter: Arc<Meter>,
    tasks: Tasks,
}

impl Opener {
    /// Starts one, and gets it past sudo's or su's prompt if there may be one.
    pub async fn open(&self) -> Result<Pipe, ShellError> {
        let mark = Mark::random()?;
        if self.is_gated {
            let (pipe, far) = Pipe::new(mark, None);
            // The gate is there whatever is asked for; an account without one has no such command.
            self.launch(&[GATE_COMMAND.to_owned()], far).await?;
            return Ok(pipe);
        }
        match sudo::start(self.user.as_ref())? {
            Start::Plain(words) => {
                let (pipe, far) = Pipe::new(mark, None);
                self.launch(&words, far).await?;
                Ok(pipe)
            }
            Start::Prompted(words, gate) => {
                let (mut pipe, far) = Pipe::new(mark, Some(*gate));
                self.launch(&words, far).await?;
                match timeout(self.shell_timeout, self.pass(&mut pipe)).await {
                    Ok(passed) => passed.map(|()| pipe),
                    Err(_) => Err(self.too_slow(&pipe)),
                }
            }
        }
    }

    async fn launch(&self, words: &[String], far: super::channel::FarEnd) -> Result<(), ShellError> {
        match &self.way {
            Way::Local(here) => {
                self.tasks.spawn(local::start(words, here.as_deref(), far, self.meter.clone())?);
            }
            Way::Ssh(link) => {
                let line = sudo::command_line(words);
                let starting = timeout(self.shell_timeout, link.start(&line, far)).await;
                let words = "the host opens no session".into();
                let late = |_| ShellError::TimedOut { after: self.shell_timeout, words };
                self.tasks.spawn(starting.map_err(late)??);
            }
        }
        Ok(())
    }

    /// Gives the password when, and only when, our prompt asks for it.
    async fn pass(&self, pipe: &mut Pipe) -> Result<(), ShellError> {
        loop {
            match pipe.events.recv().await {
                Some(Incoming::Gate(GateEvent::Open)) => return Ok(()),
                Some(Incoming::Gate(GateEvent::Prompt)) => {
                    if let Some(password) = self.user.as_ref().and_then(|wanted| wanted.password.as_ref()) {
                        let _ = pipe.input.send(line(password)).await;
                    }
                }
                Some(Incoming::Gate(GateEvent::PromptAgain)) => {
                    return Err(sudo::wrong_password(self.user.as_ref()));
                }
                Some(Incoming::Gate(GateEvent::Chatter)) => return Err(self.too_slow(pipe)),
                Some(Incoming::Ended(super::channel::Ending::Exited(status))) => {
                    return Err(sudo::refusal(self.user.as_ref(), &pipe.inbox.partial(), status));
                }
                Some(Incoming::Ended(_)) | None => {
                    return Err(ShellError::Disconnected { reason: self.farewell().await });
                }
                Some(Incoming::Frame(_)) => {}
            }
        }
    }

    fn too_slow(&self, pipe: &Pipe) -> ShellError {
        let (out, err) = pipe.inbox.partial();
        let said = format!("{}\n{}", String::from_utf8_lossy(&err), String::from_utf8_lossy(&out));
        ShellError::TimedOut { after: self.shell_timeout, words: sudo::words(&said, None) }
    }

    /// Why the connection is gone, as far as that can be known.
    pub async fn farewell(&self) -> String {
        match &self.way {
            Way::Ssh(link) => link.farewell().await,
            Way::Local(_) => "the process is gone".into(),
        }
    }

    /// Whether what it opens is a gate.
    pub fn is_gated(&self) -> bool {
        self.is_gated
    }

    pub fn wanted(&self) -> Option<&Become> {
        self.user.as_ref()
    }

    pub fn shell_timeout(&self) -> Duration {
        self.shell_timeout
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}

/// The password as sudo reads it. The writer takes the bytes over.
fn line(password: &Secret) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(password.expose().len() + 1));
    line.extend_from_slice(password.expose().as_bytes());
    line.push(b'\n');
    line
}

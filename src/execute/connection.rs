//! One real host's connection. Only the host's driver uses it, whoever delegates to the host.

use super::detached;
use crate::model::{Argv, Become, BecomeMethod, Connection, HostName, RunId, Script, Secret};
use crate::modules::{Change, Delivery};
use crate::plan::{Effective, Exchange, Item, Reply, ShellWork};
use crate::questions::{Cost, Output};
use crate::transport::{self, ConnectError, End, Lost, OnFailure, Request, Session, Settings, Shell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes that a question or an attached change may print.
const OUTPUT_BYTES_MAX: usize = 16 << 20;
/// Between attempts to reach a host again that holds a detached change.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// Leaves a line in the host's own log, so that it can be compared with the ledger; a host without syslog does without.
pub(super) const ANNOUNCE: Script = Script {
    name: "wgops_announce",
    text: r#"if command -v logger >/dev/null 2>&1; then logger -t wgops -- "$1" >/dev/null 2>&1; fi; :"#,
};

/// How a host is reached, and with which password its sudo is answered.
#[derive(Clone)]
pub struct HostAccess {
    /// How it is reached.
    pub connection: Connection,
    /// What sudo may ask for.
    pub become_password: Option<Secret>,
}

/// A host's connection, opened when it is first used.
pub struct HostConnection {
    pub(super) host: HostName,
    pub(super) access: HostAccess,
    pub(super) settings: Arc<Settings>,
    run: RunId,
    session: Option<Session>,
    shells: BTreeMap<Effective, Shell>,
    detached: u64,
    /// What the host's log is to say before the first change; taken when it was said.
    announcement: Option<String>,
}

/// Why an exchange has no replies, or not all of them.
pub struct Broken {
    /// What went wrong, with what to do about it.
    pub reason: String,
    /// Replies that came before, in the exchange's arrangement.
    pub replies: Vec<Vec<Reply>>,
    /// Nothing was sent at all.
    pub nothing_sent: bool,
}

impl Broken {
    fn before_anything(reason: String) -> Self {
        Self { reason, replies: Vec::new(), nothing_sent: true }
    }
}

impl HostConnection {
    /// A connection that is not open yet.
    pub fn new(
        host: HostName,
        access: HostAccess,
        settings: Arc<Settings>,
        run: RunId,
        announcement: Option<String>,
    ) -> Self {
        let shells = BTreeMap::new();
        Self { host, access, settings, run, session: None, shells, detached: 0, announcement }
    }

    /// The request that must go before the first change, if it has not gone yet.
    pub(super) fn announce(&mut self) -> Option<Request> {
        self.announcement.take().map(|text| Request {
            script: ANNOUNCE,
            args: Argv(vec![text]),
            content: None,
            deadline: Duration::from_secs(20),
            output_bytes_max: 4096,
            on_failure: OnFailure::Continue,
        })
    }

    /// Closes it; it opens again when it is used.
    pub async fn close(&mut self) {
        self.shells.clear();
        if let Some(session) = self.session.take() {
            session.close().await;
        }
    }

    /// Bytes sent and received so far.
    pub fn traffic(&self) -> transport::Traffic {
        self.session.as_ref().map(Session::traffic).unwrap_or_default()
    }

    pub(super) async fn open(&mut self) -> Result<&Session, ConnectError> {
        let session = match self.session.take() {
            Some(session) => session,
            None => transport::connect(&self.host, &self.access.connection, &self.settings).await?,
        };
        Ok(self.session.insert(session))
    }

    /// Carries an exchange out; its shells work side by side.
    ///
    /// # Errors
    /// The host can't be reached, or was lost on the way.
    pub async fn exchange(&mut self, exchange: &Exchange) -> Result<Vec<Vec<Reply>>, Broken> {
        self.open().await.map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?;
        if let [work] = exchange.shells.as_slice()
            && let Some(Item::Apply(change)) = work.items.first()
        {
            match change.delivery.clone() {
                Delivery::Attached => {}
                Delivery::Detached => return self.detached(&work.user, change).await,
                Delivery::Reboot { boot_id, test_command } => {
                    return self.reboot(&work.user, change, &boot_id, &test_command).await;
                }
            }
        }
        self.side_by_side(&exchange.shells).await
    }

    async fn side_by_side(&mut self, shells: &[ShellWork]) -> Result<Vec<Vec<Reply>>, Broken> {
        let changes = shells.iter().flat_map(|s| &s.items).any(|item| matches!(item, Item::Apply(_)));
        let announce = if changes { self.announce() } else { None };
        let announced = usize::from(announce.is_some());
        let mut taken = Vec::new();
        for work in shells {
            taken.push((work.user.clone(), self.shells.remove(&work.user)));
        }
        let Some(session) = &self.session else {
            return Err(Broken::before_anything("the connection is closed".into()));
        };
        let password = self.access.become_password.as_ref();
        let announce = &announce;
        let work = shells.iter().zip(taken).map(|(work, (user, shell))| async move {
            let requests: Vec<Request> =
                announce.iter().cloned().chain(work.items.iter().map(request)).collect();
            let mut shell = match shell {
                Some(shell) => shell,
                None => match session.shell(privilege(&user, password).as_ref()).await {
                    Ok(shell) => shell,
                    Err(error) => {
                        let lost = Lost { replies: Vec::new(), cause: error.into() };
                        return (user, None, requests.len(), Err(lost));
                    }
                },
            };
            let result = shell.exchange(&requests).await;
            (user, Some(shell), requests.len(), result)
        });
        let mut all = Vec::new();
        let mut broken = None;
        for (user, shell, count, result) in join_all(work).await {
            let (replies, lost) = match result {
                Ok(replies) => (replies, None),
                Err(lost) => (Vec::new(), Some(lost)),
            };
            match lost {
                None => {
                    self.shells.extend(shell.map(|shell| (user, shell)));
                    all.push(replies.into_iter().skip(announced).map(reply).collect());
                }
                // A shell that never got ready (sudo declined) is a failure of what it was to do, not of the connection.
                Some(lost) if lost.rest_never_began() && !is_disconnected(&lost) => {
                    let why = told(&lost.to_string(), lost.hint());
                    all.push((announced..count).map(|_| Reply::Failed(why.clone())).collect());
                }
                Some(lost) => {
                    let why = told(&lost.to_string(), lost.hint());
                    broken.get_or_insert(why);
                    all.push(lost.replies.into_iter().skip(announced).map(reply).collect());
                }
            }
        }
        match broken {
            None => Ok(all),
            Some(reason) => {
                self.close().await;
                Err(Broken { reason, replies: all, nothing_sent: false })
            }
        }
    }

    /// Starts a change apart from the session and waits for its end, over as many connections as that takes.
    async fn detached(&mut self, user: &Effective, change: &Change) -> Result<Vec<Vec<Reply>>, Broken> {
        self.detached += 1;
        let directory = detached::directory(self.run, self.detached);
        let until = Instant::now() + change.deadline;
        let mut all: Vec<Request> = self.announce().into_iter().collect();
        all.push(detached::start(&directory, change));
        all.push(detached::collect(&directory, change.deadline));
        let mut reason = match self.requests(user, &all).await {
            Ok(mut replies) => {
                let last = replies.pop().unwrap_or(Reply::NotRun);
                let first = replies.pop().unwrap_or(Reply::NotRun);
                let end = if last == Reply::NotRun { first } else { last };
                return Ok(vec![vec![end]]);
            }
            Err(broken) if broken.nothing_sent => return Err(broken),
            Err(broken) => broken.reason,
        };
        tracing::warn!(host = %self.host, %reason, "connection lost during a detached change; it goes on, reconnecting");
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let kept = format!("{reason}; the change goes on without us, its result waits on the host");
                return Err(Broken { reason: kept, replies: Vec::new(), nothing_sent: false });
            }
            sleep(RETRY_AFTER.min(left)).await;
            self.close().await;
            match self.requests(user, &[detached::collect(&directory, left)]).await {
                Ok(mut replies) => {
                    let reply = replies.pop().unwrap_or(Reply::NotRun);
                    return Ok(vec![vec![match reply {
                        Reply::Done(output) if detached::was_never_started(&output) => {
                            Reply::Failed("the connection was lost before the change was started".into())
                        }
                        other => other,
                    }]]);
                }
                Err(broken) => reason = broken.reason,
            }
        }
    }

    /// Sends requests to one user's shell.
    pub(super) async fn requests(
        &mut self,
        user: &Effective,
        requests: &[Request],
    ) -> Result<Vec<Reply>, Broken> {
        let password = self.access.become_password.clone();
        let known = self.shells.remove(user);
        let session =
            self.open().await.map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?;
        let mut shell = match known {
            Some(shell) => shell,
            None => session
                .shell(privilege(user, password.as_ref()).as_ref())
                .await
                .map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?,
        };
        match shell.exchange(requests).await {
            Ok(replies) => {
                self.shells.insert(user.clone(), shell);
                Ok(replies.into_iter().map(reply).collect())
            }
            Err(lost) => {
                let nothing_sent = lost.rest_never_began();
                let reason = told(&lost.to_string(), lost.hint());
                self.close().await;
                Err(Broken {
                    reason,
                    replies: vec![lost.replies.into_iter().map(reply).collect()],
                    nothing_sent,
                })
            }
        }
    }
}

fn is_disconnected(lost: &Lost) -> bool {
    use crate::transport::{LostCause, ShellError};
    matches!(lost.cause, LostCause::NotStarted(ShellError::Disconnected { .. }))
}

/// A message with what to do about it.
fn told(message: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}\n{hint}"),
        None => message.to_owned(),
    }
}

fn privilege(user: &Effective, password: Option<&Secret>) -> Option<Become> {
    user.as_ref().map(|user| Become {
        method: BecomeMethod::Sudo,
        user: user.clone(),
        password: password.cloned(),
    })
}

fn request(item: &Item) -> Request {
    match item {
        Item::Ask(asked) => Request {
            script: asked.script,
            args: asked.args.clone(),
            content: None,
            deadline: match asked.cost {
                Cost::Cheap => Cost::CHEAP_DEADLINE,
                Cost::Costly { deadline } => deadline,
            },
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_failure: OnFailure::Continue,
        },
        Item::Apply(change) => Request {
            script: change.script,
            args: change.args.clone(),
            content: change.content.clone(),
            deadline: change.deadline,
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_failure: OnFailure::Halt,
        },
    }
}

fn reply(reply: transport::Reply) -> Reply {
    match reply.end {
        End::Exited(status) => Reply::Done(Output { status, stdout: reply.stdout, stderr: reply.stderr }),
        End::NotRun if reply.stderr.is_empty() => Reply::NotRun,
        End::NotRun => Reply::Failed(String::from_utf8_lossy(&reply.stderr).trim().to_owned()),
        End::TimedOut(after) => {
            Reply::Failed(format!("did not end within {} s, so it was killed", after.as_secs()))
        }
        End::TooMuchOutput(bytes) => Reply::Failed(format!(
            "printed more than {} MiB, so it was killed; send its output to a file on the host",
            bytes >> 20
        )),
        End::Interrupted => Reply::Failed("was killed together with the step before it".into()),
    }
}

/// Waits for all, in order; they run side by side on this task.
async fn join_all<F: Future>(work: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = work.map(|f| (Some(Box::pin(f)), None)).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, output) in &mut futures {
            if let Some(running) = future {
                match running.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => {
                        *output = Some(value);
                        *future = None;
                    }
                    std::task::Poll::Pending => waiting = true,
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    futures.into_iter().filter_map(|(_, output)| output).collect()
}

//! One real host's connection. Only the host's driver uses it, whoever delegates to the host.

use crate::event::Event;
use crate::model::{Argv, Become, BecomeMethod, Connection, HostName, RunId, Script, Secret};
use crate::modules::Delivery;
use crate::plan::{Effective, Exchange, Item, Reply, ShellWork};
use crate::questions::{Cost, Output};
use crate::transport::{self, ConnectError, End, Halter, Lost, OnFailure, Request, Session, Settings, Shell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes that a question or an attached change may print.
const OUTPUT_BYTES_MAX: usize = 16 << 20;

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
    pub(super) run: RunId,
    session: Option<Session>,
    shells: BTreeMap<Effective, Shell>,
    pub(super) detached: u64,
    /// Where progress is told, while somebody drives.
    pub(super) events: Option<mpsc::Sender<Event>>,
    /// Halts what the open shells carry.
    halters: Arc<Mutex<Vec<Halter>>>,
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
        Self {
            host,
            access,
            settings,
            run,
            session: None,
            shells,
            detached: 0,
            events: None,
            halters: Arc::default(),
            announcement,
        }
    }

    /// Has every shell begin nothing more of the exchange under way; to be used while somebody waits for that.
    pub fn halting(&self) -> impl Future<Output = ()> + use<> {
        let (halters, host) = (self.halters.clone(), self.host.clone());
        async move {
            let halters = halters.lock().map(|halters| halters.clone()).unwrap_or_default();
            for halter in halters {
                if let Err(error) = halter.halt().await {
                    tracing::warn!(%host, %error, "could not halt what is under way; it goes on to its end");
                }
            }
        }
    }

    /// Closes it; it opens again when it is used.
    pub async fn close(&mut self) {
        self.shells.clear();
        if let Ok(mut halters) = self.halters.lock() {
            halters.clear();
        }
        if let Some(session) = self.session.take() {
            session.close().await;
        }
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
        match exchange.shells.as_slice() {
            [work] if work.items.iter().any(is_apart) => match self.in_parts(work).await {
                Ok(replies) => Ok(vec![replies]),
                Err((before, broken)) => {
                    let nothing_sent = broken.nothing_sent && before.is_empty();
                    let mut replies = before;
                    replies.extend(broken.replies.into_iter().flatten());
                    Err(Broken { replies: vec![replies], nothing_sent, reason: broken.reason })
                }
            },
            shells => self.side_by_side(shells).await,
        }
    }

    /// Carries out changes of which some must not be done in the shell itself, one part after the other, stopping at
    /// the first failure.
    async fn in_parts(&mut self, work: &ShellWork) -> Result<Vec<Reply>, (Vec<Reply>, Broken)> {
        let mut replies: Vec<Reply> = Vec::new();
        for part in work.items.chunk_by(|a, b| !is_apart(a) && !is_apart(b)) {
            if replies.iter().any(|reply| !reply.is_success()) {
                replies.extend(part.iter().map(|_| Reply::NotRun));
                continue;
            }
            let result = match part {
                [Item::Apply(change)] if change.delivery == Delivery::Detached => {
                    self.detached(&work.user, change).await.map(|reply| vec![reply])
                }
                [Item::Apply(change)] if change.delivery != Delivery::Attached => {
                    self.reboot(&work.user, change).await.map(|reply| vec![reply])
                }
                attached => {
                    let requests: Vec<Request> = attached.iter().map(request).collect();
                    self.requests(&work.user, requests).await
                }
            };
            match result {
                Ok(more) => replies.extend(more),
                Err(broken) => return Err((replies, broken)),
            }
        }
        Ok(replies)
    }

    async fn side_by_side(&mut self, shells: &[ShellWork]) -> Result<Vec<Vec<Reply>>, Broken> {
        let mut lent = Vec::new();
        for work in shells {
            let mut requests: Vec<Request> = work.items.iter().map(request).collect();
            let announced =
                self.announce_before(&mut requests, work.items.iter().any(|i| matches!(i, Item::Apply(_))));
            lent.push((work.user.clone(), self.shells.remove(&work.user), requests, announced));
        }
        let Some(session) = &self.session else {
            return Err(Broken::before_anything("the connection is closed".into()));
        };
        let password = self.access.become_password.as_ref();
        let halters = &self.halters;
        let work = lent.into_iter().map(|(user, shell, requests, announced)| async move {
            let opening = Opening { session, user: &user, password, halters };
            let done = carry_out(opening, shell, &requests).await;
            (user, requests.len(), announced, done)
        });
        let mut all = Vec::new();
        let mut broken = None;
        for (user, count, announced, (shell, result)) in join_all(work).await {
            match sort_out(result, count) {
                Ok(replies) => {
                    self.shells.extend(shell.map(|shell| (user, shell)));
                    all.push(replies.into_iter().skip(announced).collect());
                }
                Err((replies, why)) => {
                    broken.get_or_insert(why);
                    all.push(replies.into_iter().skip(announced).collect());
                }
            }
        }
        let Some(reason) = broken else { return Ok(all) };
        self.close().await;
        Err(Broken { reason, replies: all, nothing_sent: false })
    }

    /// Puts the line for the host's log before the first change of all; how many requests it added.
    fn announce_before(&mut self, requests: &mut Vec<Request>, changes: bool) -> usize {
        let announcement = if changes { self.announcement.take() } else { None };
        let Some(text) = announcement else { return 0 };
        let request = Request {
            script: ANNOUNCE,
            args: Argv(vec![text]),
            content: None,
            deadline: Duration::from_secs(20),
            output_bytes_max: 4096,
            on_failure: OnFailure::Continue,
        };
        requests.insert(0, request);
        1
    }

    /// Sends requests that change something to one user's shell.
    pub(super) async fn requests(
        &mut self,
        user: &Effective,
        mut requests: Vec<Request>,
    ) -> Result<Vec<Reply>, Broken> {
        let announced = self.announce_before(&mut requests, true);
        let known = self.shells.remove(user);
        self.open().await.map_err(|e| Broken::before_anything(told(&e.to_string(), e.hint())))?;
        let Some(session) = &self.session else {
            return Err(Broken::before_anything("the connection is closed".into()));
        };
        let password = self.access.become_password.as_ref();
        let opening = Opening { session, user, password, halters: &self.halters };
        let (shell, result) = carry_out(opening, known, &requests).await;
        match sort_out(result, requests.len()) {
            Ok(replies) => {
                self.shells.extend(shell.map(|shell| (user.clone(), shell)));
                Ok(replies.into_iter().skip(announced).collect())
            }
            Err((replies, reason)) => {
                self.close().await;
                let replies = vec![replies.into_iter().skip(announced).collect()];
                Err(Broken { reason, replies, nothing_sent: false })
            }
        }
    }
}

/// What opening a shell takes.
struct Opening<'a> {
    session: &'a Session,
    user: &'a Effective,
    password: Option<&'a Secret>,
    halters: &'a Mutex<Vec<Halter>>,
}

/// Sends requests to a shell, opening it where it isn't open yet; gives the shell back where it can be used again.
async fn carry_out(
    opening: Opening<'_>,
    shell: Option<Shell>,
    requests: &[Request],
) -> (Option<Shell>, Result<Vec<transport::Reply>, Lost>) {
    let mut shell = match shell {
        Some(shell) => shell,
        None => match opening.session.shell(privilege(opening.user, opening.password).as_ref()).await {
            Ok(shell) => {
                if let Ok(mut halters) = opening.halters.lock() {
                    halters.push(shell.halter());
                }
                shell
            }
            Err(error) => return (None, Err(Lost { replies: Vec::new(), cause: error.into() })),
        },
    };
    match shell.exchange(requests).await {
        Ok(replies) => (Some(shell), Ok(replies)),
        Err(lost) => (None, Err(lost)),
    }
}

/// Replies, or those that came before the connection was lost and why it was. A shell that never got ready (sudo
/// declined) is a failure of what it was to do, not of the connection.
fn sort_out(
    result: Result<Vec<transport::Reply>, Lost>,
    count: usize,
) -> Result<Vec<Reply>, (Vec<Reply>, String)> {
    match result {
        Ok(replies) => Ok(replies.into_iter().map(reply).collect()),
        Err(lost) => {
            let why = told(&lost.to_string(), lost.hint());
            if lost.rest_never_began() && !is_disconnected(&lost) {
                return Ok((0..count).map(|_| Reply::Failed(why.clone())).collect());
            }
            Err((lost.replies.into_iter().map(reply).collect(), why))
        }
    }
}

/// Whether an item must not be done in the shell itself.
fn is_apart(item: &Item) -> bool {
    matches!(item, Item::Apply(change) if change.delivery != Delivery::Attached)
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

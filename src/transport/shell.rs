//! A long-lived shell for one effective user, and the exchanges it carries.

use super::channel::{Ending, Incoming, Pipe};
use super::exchange::{End, OnFailure, Reply, Request};
use super::frame::Event;
use super::overrun::{KILL, KILL_TIMEOUT, OUTPUT_GRACE, Told, settle};
use super::session::Opener;
use super::source::{Chunk, Known, Source};
use super::{Lost, LostCause, ShellError, sudo};
use crate::model::{Argv, Environment, Script};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// One framed `sh` for one effective user. Several can run side by side on one connection.
pub struct Shell {
    opener: Opener,
    pipe: Pipe,
    known: Known,
    next: u64,
    pid: Option<u32>,
    halter: Halter,
    broken: Option<LostCause>,
}

/// Asks a shell to begin nothing more of the exchange that it carries, while somebody else waits for that exchange.
#[derive(Clone)]
pub struct Halter {
    opener: Opener,
    /// The shell's process, 0 as long as it isn't ready.
    pid: Arc<AtomicU32>,
}

/// Has a shell halt its exchange.
const HALT: Script = Script { name: "halt", text: r#"kill -USR1 "$1""# };

impl Halter {
    /// Halts the exchange: what runs goes on to its end, and the replies to what is left say that it was not run.
    ///
    /// # Errors
    /// The shell could not be told; it carries its exchange to the end.
    pub async fn halt(&self) -> Result<(), ShellError> {
        let pid = self.pid.load(Ordering::Relaxed);
        // A gate does questions alone, each with a deadline, and takes no order to end one.
        if pid == 0 || self.opener.is_gated() {
            return Ok(());
        }
        let mut other = Shell::new(self.opener.clone(), self.opener.open().await?);
        let request = Request {
            script: HALT,
            environment: Environment::default(),
            args: [pid.to_string()].into(),
            content: None,
            deadline: KILL_TIMEOUT,
            output_bytes_max: 4096,
            on_failure: OnFailure::Continue,
        };
        match other.exchange(&[request]).await {
            Ok(_) => Ok(()),
            Err(lost) => Err(ShellError::Disconnected { reason: lost.to_string() }),
        }
    }
}

/// What is asked of a shell to see that it answers.
const NOTHING: Script = Script { name: "nothing", text: ":" };

/// How far one round of sending and collecting came.
enum Round {
    Complete,
    /// The request after the last reply must be killed, by way of another shell; so many had been sent as a whole.
    Overrun {
        end: End,
        sent: usize,
        other: Box<Shell>,
    },
}

/// What happened next while sending and collecting.
enum Step {
    Sent { requests_complete: usize },
    Came(Option<Incoming>),
    Late,
}

impl Shell {
    pub(super) fn new(opener: Opener, pipe: Pipe) -> Self {
        let halter = Halter { opener: opener.clone(), pid: Arc::default() };
        Self { opener, pipe, known: Known::default(), next: 1, pid: None, halter, broken: None }
    }

    /// What halts this shell's exchanges.
    pub fn halter(&self) -> Halter {
        self.halter.clone()
    }

    /// Runs the requests in order and brings all replies, in one round trip. A request that exceeds its deadline or
    /// output limit is killed without harm to those after it.
    ///
    /// # Errors
    /// [`Lost`] when the connection or the shell ended; a failed request is no error. A shell that was lost, or whose
    /// exchange was dropped half-way, stays so.
    pub async fn exchange(&mut self, requests: &[Request]) -> Result<Vec<Reply>, Lost> {
        self.opener.meter().exchange();
        let mut replies = Vec::with_capacity(requests.len());
        match self.carry_out(requests, &mut replies).await {
            Ok(()) => Ok(replies),
            Err(cause) => {
                self.broken = Some(cause.clone());
                Err(Lost { replies, cause })
            }
        }
    }

    async fn carry_out(&mut self, requests: &[Request], replies: &mut Vec<Reply>) -> Result<(), LostCause> {
        let abandoned = LostCause::Shell("an exchange was abandoned half-way".into());
        if let Some(cause) = self.broken.replace(abandoned) {
            return Err(cause);
        }
        while let Some(rest) = requests.get(replies.len()..).filter(|rest| !rest.is_empty()) {
            let before = replies.len();
            if let Round::Overrun { end, sent, other } = self.round(rest, replies).await? {
                let (stdout, stderr) = self.pipe.inbox.partial();
                let ended_by_itself = self.replace(*other).await?;
                settle(requests, replies, Reply { end, stdout, stderr }, ended_by_itself, before + sent);
            }
        }
        self.broken = None;
        Ok(())
    }

    /// Sends requests and collects their replies, both at once so that neither direction can block the other.
    async fn round(&mut self, requests: &[Request], replies: &mut Vec<Reply>) -> Result<Round, LostCause> {
        let first = self.next;
        for (number, request) in (first..).zip(requests) {
            self.pipe.inbox.expect(number, request.output_bytes_max);
            self.next = number + 1;
        }
        let mut source = self.source(requests, first);
        let mut chunk = None;
        let (mut sent, mut done, mut since) = (0, 0, Instant::now());
        // Told for a request, perhaps before the end of the one before it is told by the other stream.
        let mut over: Option<(u64, Instant)> = None;
        // Another shell that was opened because a request is late, and until when that one is waited for all the same.
        let mut late: Option<(u64, Box<Self>, Instant)> = None;
        while let Some(current) = requests.get(done) {
            chunk = chunk.or_else(|| source.next());
            let limit = if self.pid.is_some() { current.deadline } else { self.opener.shell_timeout() };
            let number = first + done as u64;
            let is_over = over.filter(|(over, _)| *over == number);
            let until = is_over.map_or(since + limit, |(_, when)| (when + OUTPUT_GRACE).min(since + limit));
            let is_late = late.as_ref().filter(|(late, ..)| *late == number).map(|(.., more)| *more);
            let until = is_late.map_or(until, |more| until.max(more));
            let mut step = self.step(&mut chunk, sent, until).await;
            if matches!(step, Step::Late) && self.pid.is_some() && is_late.is_none() {
                let other = Box::new(self.beside().await?);
                // What it had said by then is here. Or the line held up the request, and the host has it only now.
                let more = is_over.map_or(limit.min(self.opener.shell_timeout()), |_| Duration::ZERO);
                late = Some((number, other, Instant::now() + more));
                match self.pipe.events.try_recv() {
                    Ok(incoming) => step = Step::Came(Some(incoming)),
                    Err(_) => continue,
                }
            }
            match step {
                Step::Sent { requests_complete } => {
                    if sent <= done {
                        since = Instant::now();
                    }
                    sent = requests_complete;
                }
                Step::Came(incoming) => match self.take_in(incoming).await? {
                    // No reply is taken for that of another request: a shell's replies are counted where its streams are cut, one that
                    // says another number makes no sense there, and each that comes here is one request more that is done.
                    Some(Event::Reply { number: told_number, told }) => {
                        debug_assert_eq!(told_number, number, "replies and requests are counted alike");
                        replies.push(told.into_reply(current));
                        source.answered(number);
                        done += 1;
                        since = Instant::now();
                    }
                    Some(Event::Go { number }) => source.going(number),
                    Some(Event::TooMuch { number }) => over = Some((number, Instant::now())),
                    Some(_) => {}
                    None => since = Instant::now(),
                },
                Step::Late => {
                    let Some((_, other, _)) = late else { return Err(self.not_ready()) };
                    let limit = End::TimedOut(limit);
                    let end = is_over.map_or(limit, |_| End::TooMuchOutput(current.output_bytes_max));
                    return Ok(Round::Overrun { end, sent, other });
                }
            }
        }
        Ok(Round::Complete)
    }

    fn source<'r>(&mut self, requests: &'r [Request], first: u64) -> Source<'r> {
        if self.opener.is_gated() {
            Source::asking(requests, first, &self.pipe.mark, &mut self.known)
        } else {
            Source::new(requests, first, &self.pipe.mark, &mut self.known)
        }
    }

    /// Waits for what happens next, sending the chunk where there is room.
    async fn step(&mut self, chunk: &mut Option<Chunk>, sent: usize, until: Instant) -> Step {
        tokio::select! {
            permit = self.pipe.input.reserve(), if chunk.is_some() => {
                // Where the writer is gone, the end of the shell is about to be told.
                let (Ok(permit), Some(chunk)) = (permit, chunk.take()) else {
                    return Step::Sent { requests_complete: sent };
                };
                permit.send(chunk.bytes.into());
                Step::Sent { requests_complete: chunk.requests_complete }
            }
            incoming = self.pipe.events.recv() => Step::Came(incoming),
            () = sleep_until(until) => Step::Late,
        }
    }

    /// Notes that the shell is ready; turns its end into a cause.
    async fn take_in(&mut self, incoming: Option<Incoming>) -> Result<Option<Event>, LostCause> {
        match incoming {
            Some(Incoming::Frame(Event::Ready { pid, .. })) => {
                self.pid = Some(pid);
                self.halter.pid.store(pid, Ordering::Relaxed);
                Ok(None)
            }
            Some(Incoming::Frame(Event::Garbled)) => {
                Err(LostCause::Shell("its output makes no sense".into()))
            }
            Some(Incoming::Frame(event)) => Ok(Some(event)),
            Some(Incoming::Gate(_)) => Ok(None),
            Some(Incoming::Ended(ending)) => Err(self.cause(ending).await),
            None => Err(self.cause(Ending::Disconnected).await),
        }
    }

    /// A shell that exits before it is ready has run nothing. Where the connection breaks before that nobody knows: the
    /// requests are sent together with what makes it ready.
    async fn cause(&self, ending: Ending) -> LostCause {
        let noise = self.pipe.inbox.partial();
        match (ending, self.pid) {
            (Ending::Exited(status), None) => sudo::refusal(self.opener.wanted(), &noise, status).into(),
            (Ending::Exited(status), Some(_)) => {
                LostCause::Shell(sudo::words(&String::from_utf8_lossy(&noise.1), status))
            }
            (Ending::Disconnected, _) => LostCause::Connection(self.opener.farewell().await),
        }
    }

    fn not_ready(&self) -> LostCause {
        let noise = self.pipe.inbox.partial();
        let said = format!("{}\n{}", String::from_utf8_lossy(&noise.1), String::from_utf8_lossy(&noise.0));
        let after = self.opener.shell_timeout().as_secs_f32();
        LostCause::Shell(format!("it was not ready after {after} s: {}", sudo::words(&said, None)))
    }

    /// Another shell for the same user, that has answered. The connection keeps its order, so what this one said before
    /// that is here by then: where the line alone was slow, nothing need be killed.
    fn beside(&self) -> Pin<Box<dyn Future<Output = Result<Self, LostCause>> + Send + '_>> {
        Box::pin(async {
            let mut other = Self::new(self.opener.clone(), self.opener.open().await.map_err(not_ended)?);
            // A gate answers no more than its questions; that it was opened is an answer.
            if !self.opener.is_gated() {
                other.quickly(NOTHING, Argv::default()).await?;
            }
            Ok(other)
        })
    }

    /// Has another shell kill this one and take its place. Brings what this one still answered by itself.
    async fn replace(&mut self, other: Self) -> Result<Vec<Told>, LostCause> {
        let mut old = std::mem::replace(self, other);
        self.broken = old.broken.take();
        // A gate is left behind: it ends when it finds nobody who reads what it says.
        if self.opener.is_gated() {
            return Ok(Vec::new());
        }
        std::mem::swap(&mut self.halter, &mut old.halter);
        self.halter.pid.store(self.pid.unwrap_or_default(), Ordering::Relaxed);
        if let Some(pid) = old.pid {
            self.quickly(KILL, [pid.to_string()].into()).await?;
        }
        Ok(rest_of(&mut old.pipe).await)
    }

    /// Runs a script that takes no time but that of the line.
    async fn quickly(&mut self, script: Script, args: Argv) -> Result<(), LostCause> {
        let deadline = self.opener.shell_timeout().max(KILL_TIMEOUT);
        let request = [Request {
            script,
            environment: Environment::default(),
            args,
            content: None,
            deadline,
            output_bytes_max: 4096,
            on_failure: OnFailure::Continue,
        }];
        match timeout(deadline, self.round(&request, &mut Vec::new())).await {
            Ok(Ok(Round::Complete)) => Ok(()),
            Ok(Err(LostCause::NotStarted(error))) => Err(not_ended(error)),
            Ok(Err(cause)) => Err(cause),
            // Its reply would be taken for that of what is asked next.
            Ok(Ok(Round::Overrun { .. })) | Err(_) => {
                let waited = deadline.as_secs();
                Err(LostCause::Connection(format!(
                    "the line is slow: no answer from another shell within {waited} s"
                )))
            }
        }
    }
}

/// What the old shell runs goes on, so that nothing can be said of it.
fn not_ended(error: ShellError) -> LostCause {
    match error {
        ShellError::Disconnected { reason } => LostCause::Connection(reason),
        error => LostCause::Shell(format!("what it runs can't be ended: {error}")),
    }
}

async fn rest_of(old: &mut Pipe) -> Vec<Told> {
    let mut rest = Vec::new();
    let wait = async {
        while let Some(incoming) = old.events.recv().await {
            match incoming {
                Incoming::Frame(Event::Reply { told, .. }) => rest.push(told),
                Incoming::Ended(_) => break,
                _ => {}
            }
        }
    };
    let _ = timeout(KILL_TIMEOUT, wait).await;
    rest
}

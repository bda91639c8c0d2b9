//! A long-lived shell for one effective user, and the exchanges it carries.

use super::channel::{Ending, Incoming, Pipe};
use super::exchange::{End, OnFailure, Reply, Request};
use super::frame::Event;
use super::session::Opener;
use super::source::{Known, Source, has_nul};
use super::{Lost, LostCause, ShellError, sudo};
use crate::model::Script;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Longest wait for a killed shell to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// Kills the process group of a shell: it, what it runs, and the login shell or sudo around it. Of the ways to write
/// that, only `kill -KILL -GROUP` is understood by dash, bash and busybox alike.
const KILL: Script = Script {
    name: "kill",
    text: r#"group=
if IFS= read -r stat <"/proc/$1/stat"; then
  set -- "$1" ${stat##*) }
  group=$4
else
  group=$(ps -o pgid= -p "$1" | tr -d ' ')
fi 2>/dev/null
case $group in
'' | *[!0-9]* | 0 | 1) kill -KILL "$1" ;;
*) kill -KILL "-$group" || kill -KILL "$1" ;;
esac"#,
};

/// One framed `sh` for one effective user. Several can run side by side on one connection.
pub struct Shell {
    opener: Opener,
    pipe: Pipe,
    known: Known,
    next: u64,
    pid: Option<u32>,
    broken: Option<LostCause>,
}

/// How far one round of sending and collecting came.
enum Round {
    Complete,
    /// The request after the last reply must be killed.
    Overrun {
        end: End,
        begun_at_most: usize,
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
        Self { opener, pipe, known: Known::default(), next: 1, pid: None, broken: None }
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
            if let Round::Overrun { end, begun_at_most } = self.round(rest, replies).await? {
                self.end_overrun(requests, replies, end, before + begun_at_most).await?;
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
        let mut source = Source::new(requests, first, &self.pipe.mark, &mut self.known);
        let mut chunk = source.next();
        let (mut sent, mut done, mut since) = (0, 0, Instant::now());
        while let Some(current) = requests.get(done) {
            let limit = if self.pid.is_some() { current.deadline } else { self.opener.shell_timeout() };
            let step = tokio::select! {
                permit = self.pipe.input.reserve(), if chunk.is_some() => {
                    // Where the writer is gone, the end of the shell is about to be told.
                    if let (Ok(permit), Some(chunk)) = (permit, chunk.take()) {
                        permit.send(chunk.bytes.into());
                        Step::Sent { requests_complete: chunk.requests_complete }
                    } else {
                        Step::Sent { requests_complete: sent }
                    }
                }
                incoming = self.pipe.events.recv() => Step::Came(incoming),
                () = sleep_until(since + limit) => Step::Late,
            };
            match step {
                Step::Sent { requests_complete } => {
                    if sent <= done {
                        since = Instant::now();
                    }
                    sent = requests_complete;
                    chunk = source.next();
                }
                Step::Came(incoming) => match self.take_in(incoming).await? {
                    Some(Event::Reply { status, stdout, stderr, .. }) => {
                        replies.push(reply(current, status, stdout, stderr));
                        done += 1;
                        since = Instant::now();
                    }
                    Some(Event::TooMuch { number }) if number == first + done as u64 => {
                        let end = End::TooMuchOutput(current.output_bytes_max);
                        return Ok(Round::Overrun { end, begun_at_most: sent });
                    }
                    _ => since = Instant::now(),
                },
                Step::Late if self.pid.is_none() => return Err(self.not_ready()),
                Step::Late => return Ok(Round::Overrun { end: End::TimedOut(limit), begun_at_most: sent }),
            }
        }
        Ok(Round::Complete)
    }

    /// Notes that the shell is ready; turns its end into a cause.
    async fn take_in(&mut self, incoming: Option<Incoming>) -> Result<Option<Event>, LostCause> {
        match incoming {
            Some(Incoming::Frame(Event::Ready { pid, .. })) => {
                self.pid = Some(pid);
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

    async fn cause(&self, ending: Ending) -> LostCause {
        let noise = self.pipe.inbox.partial();
        match (ending, self.pid) {
            (Ending::Exited(status), None) => sudo::refusal(self.opener.wanted(), &noise, status).into(),
            (Ending::Exited(status), Some(_)) => {
                LostCause::Shell(sudo::words(&String::from_utf8_lossy(&noise.1), status))
            }
            (Ending::Disconnected, None) => {
                ShellError::Disconnected { reason: self.opener.farewell().await }.into()
            }
            (Ending::Disconnected, Some(_)) => LostCause::Connection(self.opener.farewell().await),
        }
    }

    fn not_ready(&self) -> LostCause {
        let noise = self.pipe.inbox.partial();
        let said = format!("{}\n{}", String::from_utf8_lossy(&noise.1), String::from_utf8_lossy(&noise.0));
        let words = match said.trim() {
            "" => "it said nothing".into(),
            said => sudo::words(said, None),
        };
        ShellError::TimedOut { after: self.opener.shell_timeout(), words }.into()
    }

    /// Kills what the shell runs, goes on with a fresh shell, and says what became of the requests that were under way.
    async fn end_overrun(
        &mut self,
        requests: &[Request],
        replies: &mut Vec<Reply>,
        end: End,
        begun_at_most: usize,
    ) -> Result<(), LostCause> {
        let (stdout, stderr) = self.pipe.inbox.partial();
        let ended_by_itself = self.replace().await?;
        if ended_by_itself.is_empty() {
            replies.push(Reply { end, stdout, stderr });
        } else {
            for (status, stdout, stderr) in ended_by_itself {
                let Some(request) = requests.get(replies.len()) else { break };
                replies.push(reply(request, status, stdout, stderr));
            }
            if replies.len() < begun_at_most {
                replies.push(Reply { end: End::Interrupted, ..Reply::not_run() });
            }
        }
        let halted = requests
            .iter()
            .zip(&*replies)
            .any(|(r, reply)| r.on_failure == OnFailure::Halt && !reply.end.is_success());
        if halted {
            replies.resize_with(requests.len(), Reply::not_run);
        }
        Ok(())
    }

    /// Opens another shell, has it kill this one, and takes its place. Brings what this one still answered by itself.
    async fn replace(&mut self) -> Result<Vec<(Option<u8>, Vec<u8>, Vec<u8>)>, LostCause> {
        let fresh = self.opener.open().await.map_err(|error| match error {
            ShellError::Disconnected { reason } => LostCause::Connection(reason),
            error => LostCause::Shell(format!("what it runs can't be ended: {error}")),
        })?;
        let mut old = std::mem::replace(&mut self.pipe, fresh);
        self.known = Known::default();
        self.next = 1;
        if let Some(pid) = self.pid.take() {
            let kill = [Request {
                script: KILL,
                args: [pid.to_string()].into(),
                content: None,
                deadline: KILL_TIMEOUT,
                output_bytes_max: 4096,
                on_failure: OnFailure::Continue,
            }];
            self.round(&kill, &mut Vec::new()).await?;
        }
        Ok(rest_of(&mut old).await)
    }
}

async fn rest_of(old: &mut Pipe) -> Vec<(Option<u8>, Vec<u8>, Vec<u8>)> {
    let mut rest = Vec::new();
    let wait = async {
        while let Some(incoming) = old.events.recv().await {
            match incoming {
                Incoming::Frame(Event::Reply { status, stdout, stderr, .. }) => {
                    rest.push((status, stdout, stderr))
                }
                Incoming::Ended(_) => break,
                _ => {}
            }
        }
    };
    let _ = timeout(KILL_TIMEOUT, wait).await;
    rest
}

fn reply(request: &Request, status: Option<u8>, stdout: Vec<u8>, mut stderr: Vec<u8>) -> Reply {
    if has_nul(request) {
        stderr = b"wgops: an argument holds a NUL byte, which no process can be given".to_vec();
    }
    Reply { end: status.map_or(End::NotRun, End::Exited), stdout, stderr }
}

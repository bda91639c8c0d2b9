//! Changes that must outlive the SSH session: they run apart from it, and their output and exit status wait on the host,
//! in a directory that only their user can read, until they are collected. A lost line, a closed laptop or a killed
//! wgops harms nothing.
//!
//! `left` collects what an earlier wgops left so, when its run is resumed.

use super::connection::{Broken, HostConnection};
use super::lock::Purpose;
use crate::event::Event;
use crate::model::{Argv, Content, Environment, Excerpt, RunId, Script};
use crate::modules::{Change, Progress};
use crate::plan::{Effective, Reply};
use crate::questions::Output;
pub(super) use crate::questions::jobs::{COLLECT, Look, OUTPUT_BYTES_MAX};
use crate::transport::{OnFailure, Request, arguments};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for a detached change to be started.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(60);
/// Between attempts to reach a host again that holds a change under way.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// Longest that nothing is heard of a change that prints nothing.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// How often it is said how far a change is that doesn't count its steps.
const SAY_AGAIN: Duration = Duration::from_secs(5);

/// Starts a script apart from the session; see its head.
const START: Script = Script { name: "wgops_detach", text: include_str!("detached/start.sh") };

/// Removes its directory once its output has arrived.
const CLEAR: Script = Script { name: "wgops_clear", text: include_str!("detached/clear.sh") };

/// Says what a run left on the host.
pub(super) const LIST: Script = Script {
    name: "wgops_left",
    text: concat!(include_str!("../questions/held/holders.sh"), include_str!("detached/list.sh")),
};

/// All these scripts, for whoever lists what may be sent.
pub const SCRIPTS: [Script; 4] = [START, CLEAR, LIST, super::job::FORGET];

/// What was heard of a change so far.
#[derive(Default)]
pub(super) struct Heard {
    /// Bytes of its output that are known.
    pub(super) bytes: u64,
    text: String,
    told: Option<Progress>,
    told_at: Option<Instant>,
}

impl Heard {
    /// Takes news; what there is to tell, if that is worth telling already.
    pub(super) fn news(
        &mut self,
        bytes: u64,
        text: &str,
        read: Option<fn(&str) -> Option<Progress>>,
    ) -> Option<Progress> {
        self.bytes = bytes;
        self.text.push_str(text);
        if self.text.len() > OUTPUT_BYTES_MAX {
            let from = (self.text.len() / 2..).find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
            self.text.drain(..from);
        }
        let counted = read.and_then(|read| read(&self.text));
        let progress = counted.or_else(|| {
            let recently = self.told_at.is_some_and(|at| at.elapsed() < SAY_AGAIN);
            let line = self.text.lines().rev().find(|line| !line.trim().is_empty())?.trim();
            let message = Excerpt { lines_max: 1, columns_max: 200 }.of(line);
            (!recently).then_some(Progress { message, done: None, of: None })
        })?;
        if self.told.as_ref() == Some(&progress) {
            return None;
        }
        self.told = Some(progress.clone());
        self.told_at = Some(Instant::now());
        Some(progress)
    }
}

/// The request that looks at a change, waiting for so long for its end or for news.
pub(super) fn collect(directory: &str, wait: Duration, known_bytes: u64) -> Request {
    let args = [
        directory.to_owned(),
        OUTPUT_BYTES_MAX.to_string(),
        wait.as_secs().to_string(),
        known_bytes.to_string(),
    ];
    Request {
        script: COLLECT,
        environment: Environment::default(),
        args: Argv(args.to_vec()),
        content: None,
        deadline: wait + START_DEADLINE,
        output_bytes_max: 2 * OUTPUT_BYTES_MAX + 4096,
        on_failure: OnFailure::Halt,
    }
}

/// What is begun apart from the session.
#[derive(Default)]
pub(super) struct Begins {
    /// The script's arguments.
    pub args: Vec<String>,
    /// The script.
    pub script: Vec<u8>,
    /// What its steps read.
    pub content: Vec<u8>,
    /// After how long it is killed.
    pub limit: Option<Duration>,
    /// Whether a secret is in it.
    pub secret: bool,
}

impl Begins {
    /// The request that starts it; told are its name, who has it done, for how many seconds, and what it does.
    pub(super) fn request(self, user: &Effective, about: [String; 4]) -> Request {
        let script = match self.args.is_empty() {
            true => self.script,
            false => [arguments(&self.args), self.script].concat(),
        };
        let length = if self.content.is_empty() { 0 } else { script.len() };
        let limit = self.limit.map_or(0, |limit| limit.as_secs());
        let mut args = about.to_vec();
        let secret = if self.secret { "secret" } else { "-" };
        args.extend([limit.to_string(), length.to_string(), secret.to_owned()]);
        Request {
            script: START,
            environment: user.environment.clone(),
            args: Argv(args),
            content: Some(Content::new([script, self.content].concat())),
            deadline: START_DEADLINE,
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_failure: OnFailure::Halt,
        }
    }
}

/// What a change's next look comes to.
enum After {
    Over(Reply),
    GoesOn,
}

impl HostConnection {
    /// A detached change's name on the host: the run and a number that no other change of the run has.
    pub(super) fn directory(&self, run: RunId) -> String {
        format!("{run}-{}", self.numbers.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The request that starts a change.
    fn start(&self, user: &Effective, directory: &str, change: &Change) -> Request {
        let holder = self.banner.as_ref().map(|banner| banner.holder.clone()).unwrap_or_default();
        let summary = Excerpt { lines_max: 1, columns_max: 300 }.of(&change.summary);
        let begins = Begins {
            args: change.args.0.clone(),
            script: format!("{}\n", change.script.text).into_bytes(),
            ..Begins::default()
        };
        let about = [directory.to_owned(), holder, change.deadline.as_secs().to_string(), summary];
        begins.request(user, about)
    }

    /// Starts a change apart from the session and waits for its end, over as many connections as that takes.
    pub(super) async fn detached(&mut self, user: &Effective, change: &Change) -> Result<Reply, Broken> {
        let directory = self.directory(self.run);
        let start = self.start(user, &directory, change);
        self.awaited(user, &directory, start, change).await
    }

    /// The same with a request that starts something under that name; the change says how long and what is told of it.
    pub(super) async fn awaited(
        &mut self,
        user: &Effective,
        directory: &str,
        start: Request,
        change: &Change,
    ) -> Result<Reply, Broken> {
        let until = Instant::now() + change.deadline;
        let mut heard = Heard::default();
        let mut started = false;
        let mut requests = vec![start, collect(directory, LOOK_AGAIN, 0)];
        loop {
            let starts = requests.len() > 1;
            let purpose =
                if starts { Purpose::Change(change.deadline) } else { Purpose::Watch(change.deadline) };
            let lost = match self.requests(user, requests, purpose).await {
                Ok(mut replies) => {
                    let collected = replies.pop().unwrap_or(Reply::NotRun);
                    if let Some(reply) = replies.pop().filter(|reply| !reply.is_success()) {
                        return Ok(reply);
                    }
                    started |= starts;
                    let known = Known { directory, change, started };
                    match self.looked(user, known, collected, &mut heard).await? {
                        After::Over(reply) => return Ok(reply),
                        After::GoesOn => None,
                    }
                }
                Err(broken) if starts && broken.nothing_sent => return Err(broken),
                Err(broken) => {
                    let first = broken.replies.first().and_then(|replies| replies.first());
                    started |= starts && first.is_some_and(Reply::is_success);
                    tracing::warn!(host = %self.host, reason = broken.reason, "connection lost; the change goes on");
                    sleep(RETRY_AFTER).await;
                    Some(broken.reason)
                }
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.given_up(directory, change, lost);
            }
            requests = vec![collect(directory, LOOK_AGAIN.min(left), heard.bytes)];
        }
    }

    /// Makes something of a look at a change under way.
    async fn looked(
        &mut self,
        user: &Effective,
        known: Known<'_>,
        collected: Reply,
        heard: &mut Heard,
    ) -> Result<After, Broken> {
        let output = match collected.untimed() {
            Reply::Done(output) => output,
            Reply::Failed(why) | Reply::Refused(why) | Reply::Unseen(why) => {
                return Ok(After::Over(Reply::Failed(still_unknown(known.directory, &why))));
            }
            Reply::NotRun | Reply::TimedOut(_) => return Ok(After::Over(Reply::NotRun)),
        };
        let said = output.error_text().trim().to_owned();
        match Look::parse(output) {
            Some(Look::Going(bytes, text)) => {
                if let Some(progress) = heard.news(bytes, &text, known.change.progress) {
                    self.tell(progress).await;
                }
                Ok(After::GoesOn)
            }
            Some(Look::Ended(output)) => {
                self.clear(user, known.directory).await;
                Ok(After::Over(Reply::Done(output)))
            }
            Some(Look::Cut(output)) => {
                self.clear(user, known.directory).await;
                Err(interrupted(&last_lines(&output)))
            }
            Some(Look::Nothing) if known.started => Err(interrupted("")),
            Some(Look::Nothing) => {
                Ok(After::Over(Reply::Failed("the connection was lost before the change was started".into())))
            }
            None => Ok(After::Over(Reply::Failed(still_unknown(known.directory, &said)))),
        }
    }

    /// The deadline passed; the change itself goes on, so its directory stays.
    fn given_up(&self, directory: &str, change: &Change, lost: Option<String>) -> Result<Reply, Broken> {
        match lost {
            None => {
                let waited = format!("took more than {} s", change.deadline.as_secs());
                Ok(Reply::Failed(still_unknown(directory, &waited)))
            }
            Some(reason) => {
                let run = self.run;
                let reason = format!(
                    "{reason}\nthe change goes on without us, its result waits on the host: 'wgops resume {run}' collects it"
                );
                Err(Broken { reason, replies: Vec::new(), nothing_sent: false })
            }
        }
    }

    /// Says how far a change is.
    pub(super) async fn tell(&self, progress: Progress) {
        let Progress { message, done, of } = progress;
        if let Some(events) = &self.events {
            // Nobody listens any more: the change goes on all the same.
            let _ = events.send(Event::Progress { host: self.host.clone(), message, done, of }).await;
        }
    }

    /// Removes what was collected. Where that fails, only a small directory in `/run` stays until the next boot.
    pub(super) async fn clear(&mut self, user: &Effective, directory: &str) {
        let request = Request {
            script: CLEAR,
            environment: Environment::default(),
            args: Argv(vec![directory.to_owned()]),
            content: None,
            deadline: START_DEADLINE,
            output_bytes_max: 1 << 16,
            on_failure: OnFailure::Continue,
        };
        if let Err(broken) = self.requests(user, vec![request], Purpose::Look).await {
            tracing::debug!(host = %self.host, reason = broken.reason, "left a collected change's directory behind");
        }
    }
}

/// What is known of a change that is looked at.
struct Known<'a> {
    directory: &'a str,
    change: &'a Change,
    /// The host said that it was started.
    started: bool,
}

/// A change of which nobody knows how it ends.
fn still_unknown(directory: &str, why: &str) -> String {
    format!(
        "nobody knows yet how it ends: waiting for it {why}, and it goes on on the host; its output and exit status \
         will be in {directory} below /run/wgops (or ~/.wgops of who isn't root)"
    )
}

/// A change that was cut off on the host itself.
fn interrupted(said: &str) -> Broken {
    let said = if said.is_empty() { String::new() } else { format!("; it said last: {said}") };
    let reason = format!(
        "it was interrupted on the host, by a restart or a kill, and nobody knows how far it came{said}\n\
         run again: what is half done is looked at first"
    );
    Broken { reason, replies: Vec::new(), nothing_sent: false }
}

/// The last lines of what a change printed.
pub(super) fn last_lines(output: &Output) -> String {
    const LINES: usize = 5;
    let (out, err) = (output.text(), output.error_text());
    let lines: Vec<&str> = out.lines().chain(err.lines()).filter(|line| !line.trim().is_empty()).collect();
    lines.iter().skip(lines.len().saturating_sub(LINES)).copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;

//! What an interrupted run left on a host, apart from any connection: before anything else is done there for the run, it
//! is waited for, reported and cleared away.

use super::connection::{Broken, HostConnection};
use super::detached::{Heard, LIST, LOOK_AGAIN, Look, OUTPUT_BYTES_MAX, START_DEADLINE, collect, last_lines};
use super::lock::Purpose;
use crate::event::Event;
use crate::model::{Argv, Environment};
use crate::modules::{Change, Progress};
use crate::plan::{Conduct, Effective, Reply};
use crate::questions::Output;
use crate::questions::held::{Left, Others};
use crate::transport::{OnFailure, Request};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

impl HostConnection {
    /// Collects what the run left in the hands of these users; each is asked once.
    pub(super) async fn collect_left<'a>(
        &mut self,
        users: impl Iterator<Item = &'a Effective>,
    ) -> Result<(), Broken> {
        for user in users {
            let Some(asked) = &mut self.collected else { return Ok(()) };
            if !asked.insert(user.shell()) {
                continue;
            }
            for left in self.list_left(user).await? {
                self.collect_one(user, &left).await?;
            }
        }
        Ok(())
    }

    /// What the run left in a user's hands, oldest first; new changes get other numbers.
    async fn list_left(&mut self, user: &Effective) -> Result<Vec<Left>, Broken> {
        let request = Request {
            script: LIST,
            environment: Environment::default(),
            args: Argv(vec![self.run.to_string()]),
            content: None,
            deadline: START_DEADLINE,
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_failure: OnFailure::Continue,
        };
        let replies = self.requests(user, vec![request], Purpose::Look).await?;
        let output = match replies.into_iter().next().map(Reply::untimed) {
            Some(Reply::Done(output)) if output.status == 0 => output,
            Some(Reply::Done(output)) => return Err(unknown(output.error_text().trim())),
            Some(Reply::Failed(why) | Reply::Refused(why) | Reply::Unseen(why)) => return Err(unknown(&why)),
            Some(Reply::NotRun | Reply::TimedOut(_)) | None => return Err(unknown("it was not asked")),
        };
        let mut left = Others::parse(&output.text()).left;
        let number = |left: &Left| left.name.rsplit('-').next().and_then(|n| n.parse::<u64>().ok());
        left.sort_by_key(number);
        if let Some(highest) = left.iter().filter_map(number).max() {
            self.numbers.fetch_max(highest, Ordering::Relaxed);
        }
        Ok(left)
    }

    /// Waits for one change, reports how it ended, and clears it away.
    async fn collect_one(&mut self, user: &Effective, left: &Left) -> Result<(), Broken> {
        let (since, mut heard) = (Instant::now(), Heard::default());
        let waits = u64::try_from(left.holder.until.saturating_sub(left.holder.now)).unwrap_or_default();
        let longest = Duration::from_secs(waits).clamp(LOOK_AGAIN, 2 * Change::DEADLINE);
        loop {
            let request = collect(&left.name, LOOK_AGAIN, heard.bytes);
            let mut replies = self.requests(user, vec![request], Purpose::Watch(longest)).await?;
            let Some(Reply::Done(output)) = replies.pop() else {
                return Err(unknown("its result can't be read"));
            };
            match Look::parse(output) {
                Some(Look::Going(..)) if since.elapsed() > longest => {
                    let summary = &left.summary;
                    let waited = since.elapsed().as_secs();
                    return Err(unknown(&format!(
                        "'{summary}' still goes on there after another {waited} s"
                    )));
                }
                Some(Look::Going(bytes, text)) => {
                    if let Some(progress) = heard.news(bytes, &text, None) {
                        self.tell(Progress { message: progress.message, done: None, of: None }).await;
                    }
                }
                Some(Look::Ended(output)) => {
                    self.report_left(left, Some(output.status), &output).await;
                    self.clear_left(user, left).await;
                    return Ok(());
                }
                Some(Look::Cut(output)) => {
                    self.report_left(left, None, &output).await;
                    self.clear_left(user, left).await;
                    return Ok(());
                }
                // Somebody else collected it meanwhile.
                Some(Look::Nothing) => return Ok(()),
                None => return Err(unknown("its result can't be read")),
            }
        }
    }

    /// A dry run changes nothing, and leaves the report to the real one.
    async fn clear_left(&mut self, user: &Effective, left: &Left) {
        if self.conduct == Conduct::Real {
            self.clear(user, &left.name).await;
        }
    }

    async fn report_left(&self, left: &Left, status: Option<u8>, output: &Output) {
        if let Some(events) = &self.events {
            let (summary, tail) = (left.summary.clone(), last_lines(output));
            // Nobody listens any more: it is collected all the same.
            let _ = events.send(Event::Collected { host: self.host.clone(), summary, status, tail }).await;
        }
    }
}

/// Nothing is begun on a host of which nobody knows what the run left there.
fn unknown(why: &str) -> Broken {
    let reason = format!("what this run left on the host is not known, so nothing new was begun: {why}");
    Broken { reason, replies: Vec::new(), nothing_sent: true }
}

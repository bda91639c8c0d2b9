//! The lock of a host under change: who changes it, which run, since when and until when at the latest. It travels in
//! front of the changes, so it costs no round trip, and nothing is done behind it where somebody else has it. A lock
//! whose shell is gone or whose time is over frees itself, unless a change of that run still goes on on the host.
//!
//! `lock/take.sh` says how two at once are kept apart, `crate::questions::held` what is known of others.

use super::connection::HostConnection;
use crate::event::Event;
use crate::model::{Argv, Environment, Script, printable};
use crate::plan::{Conduct, Effective, Reply};
use crate::questions::Output;
use crate::questions::held::{Others, PEEK, Stage};
use crate::transport::{OnFailure, Request};
use std::time::Duration;
use tokio::time::timeout;

/// Takes or renews the lock; see its head.
const TAKE: Script = Script {
    name: "wgops_lock",
    text: concat!(include_str!("../questions/held/holders.sh"), include_str!("lock/take.sh")),
};

/// Gives it back.
const RELEASE: Script = Script { name: "wgops_unlock", text: include_str!("lock/release.sh") };

/// The scripts, for whoever lists what may be sent.
pub const SCRIPTS: [Script; 2] = [TAKE, RELEASE];

/// Exit status of taking what somebody else has.
const HELD: u8 = 116;
/// The same where the host's log has another run of the plan that is applied.
const SPENT: u8 = 117;
/// Longest wait for the lock: no more than some tries a second apart.
const DEADLINE: Duration = Duration::from_secs(30);
/// Longest wait for giving it back.
const RELEASE_DEADLINE: Duration = Duration::from_secs(10);
/// What a lease has beyond the deadlines of the changes behind it.
const SLACK: Duration = Duration::from_secs(5 * 60);
/// Longest lease.
const LEASE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What a run says of itself on each host that it changes.
#[derive(Clone)]
pub struct Banner {
    /// Who it is: an operator and their role.
    pub holder: String,
    /// The line for the host's own log.
    pub announcement: String,
    /// The part of it that names a plan, which is carried out once on a host.
    pub spends: Option<String>,
    /// Tells this wgops from another that does the same run.
    pub process: String,
}

/// What an exchange does to the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// It changes it, for so long at the most: nothing is done without the lock.
    Change(Duration),
    /// It looks at a change that goes on: the lock is renewed for so long if that can be.
    Watch(Duration),
    /// It looks.
    Look,
}

/// What travels in front of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Front {
    Nothing,
    Lock,
    Renewal,
    Peek,
}

impl HostConnection {
    /// Puts what belongs there in front of requests.
    pub(super) fn put_in_front(
        &mut self,
        user: &Effective,
        purpose: Purpose,
        requests: &mut Vec<Request>,
    ) -> Front {
        let Some(banner) = self.banner.as_ref().filter(|_| !self.only_asks()) else { return Front::Nothing };
        let (front, lease) = match purpose {
            Purpose::Change(lease) => (Front::Lock, lease),
            Purpose::Watch(lease) if self.conduct == Conduct::Real => (Front::Renewal, lease),
            Purpose::Look if self.peeks => {
                self.peeks = false;
                requests.insert(0, request(PEEK, Vec::new(), OnFailure::Continue));
                return Front::Peek;
            }
            Purpose::Watch(_) | Purpose::Look => return Front::Nothing,
        };
        let said = |text: Option<&String>| text.filter(|_| !self.announced).cloned().unwrap_or_default();
        let seconds = lease.saturating_add(SLACK).min(LEASE_MAX).as_secs();
        let args = vec![
            self.run.to_string(),
            banner.holder.clone(),
            seconds.to_string(),
            said(Some(&banner.announcement)),
            banner.process.clone(),
            said(banner.spends.as_ref()),
        ];
        let on_failure = if front == Front::Lock { OnFailure::Halt } else { OnFailure::Continue };
        requests.insert(0, request(TAKE, args, on_failure));
        self.locked.insert(user.shell());
        front
    }

    /// Takes the reply to what travelled in front; where the lock is somebody else's, the reply that the first change
    /// gets instead.
    pub(super) async fn take_front(&mut self, front: Front, reply: Option<Reply>) -> Option<Reply> {
        match (front, reply) {
            (Front::Nothing, _) => None,
            (Front::Lock | Front::Renewal, Some(Reply::Done(output))) if output.status == 0 => {
                self.announced = true;
                self.tell_of_others(&Others::parse(&output.text())).await;
                None
            }
            // Interrupted before it: what is behind it was not run either.
            (Front::Lock, Some(Reply::NotRun) | None) => None,
            (Front::Lock, Some(reply)) => Some(Reply::Refused(refusal(&reply))),
            // The line was cut, or the host is on its way down: the lock is taken anew before the next change.
            (Front::Renewal, None | Some(Reply::NotRun)) => None,
            (Front::Renewal, Some(reply)) => {
                tracing::warn!(host = %self.host, why = refusal(&reply), "the lock could not be renewed");
                None
            }
            (Front::Peek, Some(Reply::Done(output))) if output.status == 0 => {
                if let Some(who) = Others::parse(&output.text()).who_now() {
                    self.warn(format!("{who}; what is shown here may be old by the time you read it")).await;
                }
                None
            }
            (Front::Peek, _) => None,
        }
    }

    /// Says, once, which dead run's lock was taken over and what others left behind.
    async fn tell_of_others(&mut self, others: &Others) {
        let run = self.run.to_string();
        for holder in others.dead.iter().filter(|dead| dead.run != run) {
            let text = format!(
                "took over the lock of a run that is gone, held by {holder}; 'wgops runs' may show it as open"
            );
            self.warn(text).await;
        }
        for left in &others.left {
            let run = &left.holder.run;
            let what = match left.stage {
                Stage::Ended => "has ended, and its result waits on the host",
                Stage::Cut => "was interrupted on the host, by a kill or a power loss",
                Stage::Going => continue,
            };
            if self.told.insert(left.name.clone()) {
                self.warn(format!("{left} {what}: 'wgops resume {run}' collects it")).await;
            }
        }
    }

    pub(super) async fn warn(&self, message: String) {
        if let Some(events) = &self.events {
            // Nobody listens any more: the host goes on all the same.
            let _ = events.send(Event::Warning { host: Some(self.host.clone()), message }).await;
        }
    }

    /// Gives the lock back where it was taken and the connection is still there; else it frees itself.
    pub(super) async fn release(&mut self) {
        let users = std::mem::take(&mut self.locked);
        let process = self.banner.as_ref().map(|banner| banner.process.clone()).unwrap_or_default();
        if self.session.is_none() || self.under_way {
            return;
        }
        for user in users {
            let args = vec![self.run.to_string(), process.clone()];
            let mut release = request(RELEASE, args, OnFailure::Continue);
            release.deadline = RELEASE_DEADLINE;
            let given = timeout(RELEASE_DEADLINE, self.requests(&user, vec![release], Purpose::Look)).await;
            if !matches!(given, Ok(Ok(_))) {
                tracing::debug!(host = %self.host, "the lock could not be given back; it frees itself");
                return;
            }
        }
    }
}

fn request(script: Script, args: Vec<String>, on_failure: OnFailure) -> Request {
    Request {
        script,
        environment: Environment::default(),
        args: Argv(args),
        content: None,
        deadline: DEADLINE,
        output_bytes_max: 1 << 16,
        on_failure,
    }
}

/// Why nothing is done behind a lock that was not to be had.
fn refusal(reply: &Reply) -> String {
    match reply {
        Reply::Done(output) if output.status == HELD => held(&Others::parse(&output.text())),
        Reply::Done(output) if output.status == SPENT => {
            let text = output.text();
            let line = printable(text.lines().last().unwrap_or_default()).into_owned();
            let line = line.strip_prefix("spent ").unwrap_or(&line);
            format!(
                "the plan is spent: this host's log has '{line}'; nothing was sent.\n\
                 Pull, so that the ledger here has that run; for what is left to do make a new plan with --plan-out"
            )
        }
        Reply::Done(Output { stderr, .. }) => {
            format!("the host's lock could not be taken: {}", String::from_utf8_lossy(stderr).trim())
        }
        Reply::Failed(why) | Reply::Refused(why) | Reply::Unseen(why) => {
            format!("the host's lock could not be taken: {why}")
        }
        Reply::TimedOut(after) => {
            format!("the host's lock could not be taken: no answer in {} s", after.as_secs())
        }
        Reply::NotRun => "interrupted before the host's lock was taken".to_owned(),
    }
}

/// On two lines, so that what to do is not cut off where the packages are many.
fn held(others: &Others) -> String {
    if let Some(holder) = others.holders.first() {
        return format!(
            "this host is being changed by {holder}; nothing was sent.\nRun again once they are through, or ask \
             them; if their wgops is gone, 'wgops resume {}' goes on with it",
            holder.run
        );
    }
    match others.in_stage(Stage::Going).next() {
        Some(left) => format!(
            "this host is being changed: {left} still goes on there, though nobody waits for it; nothing was sent.\n\
             'wgops resume {}' waits for it and collects its result; or run again once it has ended",
            left.holder.run
        ),
        None => "somebody else is changing this host; nothing was sent. Run again in a while".to_owned(),
    }
}

impl Purpose {
    /// For changes that take so long together.
    pub(super) fn change(deadlines: impl Iterator<Item = Duration>) -> Self {
        Self::Change(deadlines.fold(Duration::ZERO, Duration::saturating_add))
    }
}

#[cfg(test)]
mod tests;

//! What the plan wants of a host, as requests to its shells, and their replies as the plan understands them.

use super::super::lock::Purpose;
use super::OUTPUT_BYTES_MAX;
use crate::model::{Become, Secret};
use crate::modules::Delivery;
use crate::plan::{Effective, Item, Reply};
use crate::questions::{Cost, Output};
use crate::transport::{self, End, Halter, Lost, OnFailure, Request, Session, Shell};
use std::sync::Mutex;

/// What opening a shell takes.
pub(super) struct Opening<'a> {
    pub session: &'a Session,
    pub user: &'a Effective,
    pub password: Option<&'a Secret>,
    pub halters: &'a Mutex<Vec<Halter>>,
}

/// Sends requests to a shell, opening it where it isn't open yet; gives the shell back where it can be used again.
pub(super) async fn carry_out(
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
pub(super) fn sort_out(
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

/// Whether an item is a step of a job.
pub(super) fn is_job(item: &Item) -> bool {
    matches!(item, Item::Apply(change) if matches!(change.delivery, Delivery::Job { .. }))
}

/// Whether an item must not be done in the shell itself.
pub(super) fn is_apart(item: &Item) -> bool {
    matches!(item, Item::Apply(change) if change.delivery != Delivery::Attached)
}

pub(super) fn is_change(item: &Item) -> bool {
    matches!(item, Item::Apply(_))
}

/// What items come to: a change for as long as all of them may take, or a look.
pub(super) fn purpose(items: &[Item]) -> Purpose {
    let deadlines = items.iter().filter_map(|item| match item {
        Item::Apply(change) => Some(change.deadline),
        Item::Ask(_) => None,
    });
    if items.iter().any(is_change) { Purpose::change(deadlines) } else { Purpose::Look }
}

fn is_disconnected(lost: &Lost) -> bool {
    use crate::transport::{LostCause, ShellError};
    matches!(lost.cause, LostCause::NotStarted(ShellError::Disconnected { .. }))
}

/// A message with what to do about it.
pub(in crate::execute) fn told(message: &str, hint: Option<String>) -> String {
    match hint {
        Some(hint) => format!("{message}\n{hint}"),
        None => message.to_owned(),
    }
}

pub(in crate::execute) fn privilege(user: &Effective, password: Option<&Secret>) -> Option<Become> {
    user.user.as_ref().map(|name| Become {
        method: user.method,
        user: name.clone(),
        password: password.cloned(),
    })
}

pub(super) fn request(item: &Item, user: &Effective) -> Request {
    match item {
        Item::Ask(asked) => Request {
            script: asked.script,
            environment: user.environment.clone(),
            args: asked.words(),
            content: None,
            deadline: match asked.cost {
                Cost::Cheap => Cost::CHEAP_DEADLINE,
                Cost::Slow { deadline } | Cost::Costly { deadline } => deadline,
            },
            output_bytes_max: OUTPUT_BYTES_MAX,
            on_failure: OnFailure::Continue,
        },
        Item::Apply(change) => Request {
            script: change.script,
            environment: user.environment.clone(),
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
        End::TimedOut(after) => Reply::TimedOut(after),
        End::TooMuchOutput(bytes) => Reply::Failed(format!(
            "printed more than {} MiB, so it was killed; send its output to a file on the host",
            bytes >> 20
        )),
        End::Interrupted => Reply::Failed("was killed together with the step before it".into()),
    }
}

/// Waits for all, in order; they run side by side on this task.
pub(super) async fn join_all<F: Future>(work: impl Iterator<Item = F>) -> Vec<F::Output> {
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

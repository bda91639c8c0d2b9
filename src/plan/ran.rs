//! What became of a unit's changes, by the replies to them.

use super::exchange::Reply;
use super::made::change_made;
use super::unit::{Prepared, UnitEnd};
use crate::event::ChangeMade;
use crate::model::Map;
use crate::modules::PRECONDITION_FAILED;
use crate::questions::Output;
use serde_json::json;
use std::time::Duration;

/// The changes that were begun.
pub(super) fn begun_of(prepared: &Prepared, begun: usize) -> Vec<ChangeMade> {
    prepared.outcome.changes.iter().take(begun).map(|change| change_made(change, &prepared.user)).collect()
}

pub(super) fn killed(after: Duration) -> String {
    format!("did not end within {} s, so it was killed", after.as_secs())
}

/// The end of a unit that took too long. Ansible says so in the same words, and how long it was given.
pub(super) fn late(after: Duration, mut result: Map) -> UnitEnd {
    let seconds = after.as_secs();
    let message = format!(
        "Timed out after {}: it {}",
        if seconds == 1 { "1 second".to_owned() } else { format!("{seconds} seconds") },
        killed(after)
    );
    result.insert("timedout".into(), json!({"period": seconds, "frame": ""}));
    UnitEnd::failed(message, result)
}

/// What became of a unit's changes.
pub(super) enum Ran {
    /// None was begun: it is computed again.
    Never,
    /// The host was no longer as seen: it is computed again.
    Stale,
    /// They ran until the end or the first failure.
    Through(Vec<Output>),
    /// So many were begun; the last of them has no output, for this reason.
    Broken(usize, String),
    /// So many were begun; the last of them did not end within this time.
    Late(usize, Duration),
    /// So many were begun, and the next one was refused before it was, for this reason, in which no script had a word.
    Barred(usize, String),
}

pub(super) fn verdict(replies: Vec<Reply>, recomputed: u32, most: u32) -> Ran {
    let mut outputs = Vec::new();
    for reply in replies {
        match reply {
            Reply::NotRun => break,
            Reply::Refused(why) | Reply::Unseen(why) => return Ran::Barred(outputs.len(), why),
            Reply::Failed(why) => return Ran::Broken(outputs.len() + 1, why),
            Reply::TimedOut(after) => return Ran::Late(outputs.len() + 1, after),
            // Behind a change of the same task that ran, computing it again would forget that one.
            Reply::Done(output)
                if output.status == PRECONDITION_FAILED && recomputed < most && outputs.is_empty() =>
            {
                return Ran::Stale;
            }
            Reply::Done(output) if output.status == PRECONDITION_FAILED => {
                let said = output.error_text().trim().to_owned();
                let why = if said.is_empty() { String::new() } else { format!(": {said}") };
                let often = match recomputed {
                    0 => String::new(),
                    1 => ", twice".to_owned(),
                    more => format!(", {} times", more + 1),
                };
                let message = format!("the host changed between look and change{often}{why}");
                return Ran::Broken(outputs.len(), message);
            }
            Reply::Done(output) => {
                let failed = output.status != 0;
                outputs.push(output);
                if failed {
                    break;
                }
            }
        }
    }
    if outputs.is_empty() { Ran::Never } else { Ran::Through(outputs) }
}

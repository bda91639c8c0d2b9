//! A reboot: the host is asked to go, and counts as back when it answers with another boot id.

use super::connection::{Broken, HostConnection};
use super::lock::Purpose;
use crate::model::{Argv, ConnectionKind, Script};
use crate::modules::{Change, Delivery};
use crate::plan::{Effective, Reply};
use crate::questions::Output;
use crate::transport::{OnFailure, Request};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Between attempts to reach the host again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Longest single attempt.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Prints the boot id, and runs a test if there is one.
const BACK: Script = Script {
    name: "wgops_is_back",
    text: r#"cat /proc/sys/kernel/random/boot_id
[ -z "$1" ] || sh -c "$1" >/dev/null 2>&1"#,
};

impl HostConnection {
    /// Asks the host to reboot and waits until it has.
    pub(super) async fn reboot(&mut self, user: &Effective, change: &Change) -> Result<Reply, Broken> {
        let Delivery::Reboot { boot_id, test_command } = &change.delivery else { return Ok(Reply::NotRun) };
        if self.access.connection.kind == ConnectionKind::Local {
            let why = "this is the machine that wgops runs on: reboot it yourself".to_owned();
            return Ok(Reply::Failed(why));
        }
        let ask = Request {
            script: change.script,
            args: change.args.clone(),
            content: None,
            deadline: Duration::from_secs(60),
            output_bytes_max: 1 << 16,
            on_failure: OnFailure::Halt,
        };
        match self.requests(user, vec![ask], Purpose::Change(change.deadline)).await {
            Ok(replies) => match replies.into_iter().next() {
                Some(reply) if reply.is_success() => {}
                other => return Ok(other.unwrap_or(Reply::NotRun)),
            },
            Err(broken) if broken.nothing_sent => return Err(broken),
            // The host may have been quicker than its answer.
            Err(_) => {}
        }
        self.close().await;
        let begun = Instant::now();
        let mut last = "it did not go down".to_owned();
        while begun.elapsed() < change.deadline {
            sleep(RETRY_AFTER).await;
            match timeout(ATTEMPT, self.is_back(user, test_command)).await {
                Ok(Ok(id)) if id != *boot_id && !id.is_empty() => {
                    let stdout = format!("boot_id={id}\nseconds={:.1}\n", begun.elapsed().as_secs_f64());
                    return Ok(Reply::Done(Output::ok(stdout)));
                }
                Ok(Ok(_)) => last = "it still has the old boot id".into(),
                Ok(Err(why)) => {
                    self.close().await;
                    last = why;
                }
                Err(_) => {
                    self.close().await;
                    last = "it does not answer".into();
                }
            }
        }
        let why = format!("not back {} s after it was asked to reboot: {last}", change.deadline.as_secs());
        Ok(Reply::Failed(why))
    }

    async fn is_back(&mut self, user: &Effective, test_command: &str) -> Result<String, String> {
        let ask = Request {
            script: BACK,
            args: Argv(vec![test_command.to_owned()]),
            content: None,
            deadline: ATTEMPT,
            output_bytes_max: 1 << 16,
            on_failure: OnFailure::Continue,
        };
        match self.requests(user, vec![ask], Purpose::Watch(ATTEMPT)).await {
            Ok(replies) => match replies.into_iter().next() {
                Some(Reply::Done(output)) if output.status == 0 => Ok(output.text().trim().to_owned()),
                Some(Reply::Done(_)) => Err("the test command fails".into()),
                _ => Err("it does not answer".into()),
            },
            Err(broken) => Err(broken.reason),
        }
    }
}

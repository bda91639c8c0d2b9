//! A reboot: the host is asked to go, and counts as back when it answers with another boot id.

use super::connection::{Broken, HostConnection, told};
use super::lock::Purpose;
use crate::model::{Argv, ConnectionKind, Environment, Script};
use crate::modules::{Change, Delivery};
use crate::plan::{Effective, Reply};
use crate::questions::Output;
use crate::transport::{ConnectError, OnFailure, Request};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Between attempts to reach the host again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Longest single attempt.
const ATTEMPT: Duration = Duration::from_secs(20);

/// Prints the boot id, and, where that is another than `$1`, how the command `$2` ended if there is one: its exit status
/// and the last lines that it printed.
const BACK: Script = Script {
    name: "wgops_is_back",
    text: r#"read -r id </proc/sys/kernel/random/boot_id
echo "$id"
if [ "$id" != "$1" ] && [ -n "$2" ]; then
    said=$(sh -c "$2" 2>&1)
    status=$?
    echo "$status"
    printf '%s\n' "$said" | tail -n 3
fi"#,
};

/// How far a host is that was asked to reboot.
enum Attempt {
    /// It is back under this boot id.
    Back(String),
    /// Not yet, for this reason.
    NotYet(String),
    /// It must not be waited for any longer.
    Never(String),
}

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
            environment: user.environment.clone(),
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
            match timeout(ATTEMPT, self.is_back(user, boot_id, test_command)).await {
                Ok(Attempt::Back(id)) => {
                    let stdout = format!("boot_id={id}\nseconds={:.1}\n", begun.elapsed().as_secs_f64());
                    return Ok(Reply::Done(Output::ok(stdout)));
                }
                Ok(Attempt::NotYet(why)) => last = why,
                Ok(Attempt::Never(why)) => return Ok(Reply::Failed(why)),
                Err(_) => {
                    self.close().await;
                    last = "it does not answer".into();
                }
            }
        }
        let why = format!("not back {} s after it was asked to reboot: {last}", change.deadline.as_secs());
        Ok(Reply::Failed(why))
    }

    async fn is_back(&mut self, user: &Effective, old: &str, test_command: &str) -> Attempt {
        if let Err(error) = self.open().await {
            let why = told(&error.to_string(), error.hint());
            return match is_about_its_key(&error) {
                true => Attempt::Never(format!(
                    "after the reboot another key answers at its address, so nothing more was sent there. Was the host \
                     installed anew, or is this another machine? Look at its console: {why}"
                )),
                false => Attempt::NotYet(why),
            };
        }
        let ask = Request {
            script: BACK,
            environment: Environment::default(),
            args: Argv(vec![old.to_owned(), test_command.to_owned()]),
            content: None,
            deadline: ATTEMPT,
            output_bytes_max: 1 << 16,
            on_failure: OnFailure::Continue,
        };
        match self.requests(user, vec![ask], Purpose::Watch(ATTEMPT)).await {
            Ok(replies) => match replies.into_iter().next() {
                Some(Reply::Done(output)) => judged(&output, old),
                _ => {
                    self.close().await;
                    Attempt::NotYet("it does not answer".into())
                }
            },
            Err(broken) => Attempt::NotYet(broken.reason),
        }
    }
}

/// Whether it is the host's key that can't be trusted, its own or that of a host on the way.
fn is_about_its_key(error: &ConnectError) -> bool {
    match error {
        ConnectError::HostKey { .. } => true,
        ConnectError::Jump { reason, .. } => is_about_its_key(reason),
        _ => false,
    }
}

/// What the host says of itself.
fn judged(output: &Output, old: &str) -> Attempt {
    let text = output.text();
    let mut lines = text.lines();
    let id = lines.next().unwrap_or_default().trim();
    if id.is_empty() {
        return Attempt::NotYet("it says no boot id".into());
    }
    if id == old {
        return Attempt::NotYet("it still has the old boot id".into());
    }
    let status = lines.next().unwrap_or("0").trim();
    if status == "0" {
        return Attempt::Back(id.to_owned());
    }
    let said = lines.filter(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("; ");
    let said = if said.is_empty() { "prints nothing".to_owned() } else { format!("prints: {said}") };
    Attempt::NotYet(format!("it is up again, but the test command ends with exit status {status} and {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    fn judge(old: &str, test_command: &str) -> Vec<Attempt> {
        let args = || Argv(vec![old.to_owned(), test_command.to_owned()]);
        Workbench::every_shell().iter().map(|bench| judged(&bench.run(BACK, &args(), None), old)).collect()
    }

    #[test]
    fn a_host_is_back_under_another_boot_id_once_its_test_holds() {
        for test_command in ["", "echo fine; true"] {
            for attempt in judge("another boot", test_command) {
                assert!(matches!(attempt, Attempt::Back(id) if id.len() == 36));
            }
        }
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        for attempt in judge(id.trim(), "true") {
            assert!(matches!(attempt, Attempt::NotYet(why) if why == "it still has the old boot id"));
        }
    }

    #[test]
    fn a_test_that_fails_is_named_with_what_it_printed() {
        for attempt in judge("another boot", "echo db is down >&2; exit 3") {
            let Attempt::NotYet(why) = attempt else { panic!("it counts as back") };
            assert!(why.contains("ends with exit status 3 and prints: db is down"), "{why}");
        }
    }

    #[test]
    fn a_host_that_says_nothing_is_not_back() {
        assert!(matches!(judged(&Output::ok(""), "x"), Attempt::NotYet(_)));
    }
}

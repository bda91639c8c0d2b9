//! Changes that must outlive the SSH session: they run apart from it, and their output and exit status wait on the host,
//! in a directory that only their user can read, until they are collected. A lost line, a closed laptop or a killed
//! wgops harms nothing.

use super::connection::{Broken, HostConnection};
use super::lock::Purpose;
use crate::event::Event;
use crate::model::{Argv, Content, RunId, Script};
use crate::modules::Change;
use crate::plan::{Effective, Reply};
use crate::questions::Output;
use crate::transport::{OnFailure, Request};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longest wait for a detached change to be started.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Between attempts to reach a host again that holds a change under way.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// Bytes of its output that are kept.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Starts a script apart from the session. `$1` is the name of its directory; the rest are the script's arguments; the
/// script itself comes on stdin.
const START: Script = Script {
    name: "wgops_detach",
    text: r#"umask 077
if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1
shift
mkdir -p "$base" || exit 1
if ! mkdir "$dir" 2>/dev/null; then
  echo "$dir exists: this change was started before" >&2
  exit 1
fi
cat >"$dir/script" && [ -s "$dir/script" ] || { echo "no room for the script in $dir" >&2; rm -rf "$dir"; exit 1; }
if command -v setsid >/dev/null 2>&1; then apart=setsid; else apart=; fi
(
  trap '' HUP INT
  $apart sh -c 'dir=$1; shift
    sh "$dir/script" "$@" >"$dir/out" 2>"$dir/err" </dev/null
    echo $? >"$dir/status.new" && mv "$dir/status.new" "$dir/status"' wgops "$dir" "$@" \
    >/dev/null 2>&1 </dev/null &
)"#,
};

/// Waits for a detached script's end, prints what it printed, and ends as it ended. `$1` is the directory's name, `$2` how
/// many bytes to print of each stream, from the end, `$3` for how many seconds to wait: after that it prints the last
/// line so far. It removes nothing: the line may be cut before the output arrives.
const COLLECT: Script = Script {
    name: "wgops_collect",
    text: r#"if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
dir=$base/$1
left=$(($3 * 100))
while [ ! -f "$dir/status" ]; do
  [ -d "$dir" ] || { echo "there is no $dir: the change was never started" >&2; exit 114; }
  if [ "$left" -le 0 ]; then
    tail -n 1 "$dir/out" 2>/dev/null
    exit 115
  fi
  if [ "$left" -gt $(($3 * 100 - 200)) ]; then pause=0.05 ticks=5; else pause=0.2 ticks=20; fi
  sleep "$pause" 2>/dev/null || sleep 1
  left=$((left - ticks))
done
read -r status <"$dir/status"
tail -c "$2" "$dir/out"
tail -c "$2" "$dir/err" >&2
exit "$status""#,
};

/// Removes a detached script's directory once its output has arrived. `$1` is the directory's name.
const CLEAR: Script = Script {
    name: "wgops_clear",
    text: r#"if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
rm -rf "$base/$1"
rmdir "$base" 2>/dev/null
:"#,
};

/// Exit status of collecting what was never started.
const NEVER_STARTED: u8 = 114;

/// Exit status of collecting what goes on.
const GOES_ON: u8 = 115;
/// How long is waited before it is said how far a change is.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// All three scripts, for whoever lists what may be sent.
pub const SCRIPTS: [Script; 3] = [START, COLLECT, CLEAR];

/// A detached change's name on the host: the run and its number within it.
fn directory(run: RunId, number: u64) -> String {
    format!("{run}-{number}")
}

/// The request that starts a change.
fn start(directory: &str, change: &Change) -> Request {
    let mut args = vec![directory.to_owned()];
    args.extend(change.args.0.iter().cloned());
    Request {
        script: START,
        args: Argv(args),
        content: Some(Content::new(format!("{}\n", change.script.text).into_bytes())),
        deadline: START_DEADLINE,
        output_bytes_max: OUTPUT_BYTES_MAX,
        on_failure: OnFailure::Halt,
    }
}

/// The request that waits for its end, for so long.
fn collect(directory: &str, wait: Duration) -> Request {
    let seconds = wait.as_secs().max(1).to_string();
    Request {
        script: COLLECT,
        args: Argv(vec![directory.to_owned(), OUTPUT_BYTES_MAX.to_string(), seconds]),
        content: None,
        deadline: wait + START_DEADLINE,
        output_bytes_max: 2 * OUTPUT_BYTES_MAX + 4096,
        on_failure: OnFailure::Halt,
    }
}

impl HostConnection {
    /// Starts a change apart from the session and waits for its end, over as many connections as that takes.
    pub(super) async fn detached(&mut self, user: &Effective, change: &Change) -> Result<Reply, Broken> {
        self.detached += 1;
        let directory = directory(self.run, self.detached);
        let until = Instant::now() + change.deadline;
        let mut requests =
            vec![start(&directory, change), collect(&directory, LOOK_AGAIN.min(change.deadline))];
        let mut told = String::new();
        loop {
            let starts = requests.len() > 1;
            let purpose =
                if starts { Purpose::Change(change.deadline) } else { Purpose::Watch(change.deadline) };
            let lost = match self.requests(user, requests, purpose).await {
                Ok(mut replies) => {
                    let collected = replies.pop().unwrap_or(Reply::NotRun);
                    match (replies.pop(), collected) {
                        (Some(started), _) if !started.is_success() => return Ok(started),
                        (_, Reply::Done(output)) if output.status == GOES_ON => {
                            self.tell(&output, &mut told).await
                        }
                        (_, Reply::Done(output)) if output.status == NEVER_STARTED => {
                            let why = "the connection was lost before the change was started";
                            return Ok(Reply::Failed(why.into()));
                        }
                        (_, reply) => return Ok(self.collected(user, &directory, reply).await),
                    }
                    None
                }
                Err(broken) if starts && broken.nothing_sent => return Err(broken),
                Err(broken) => {
                    tracing::warn!(host = %self.host, reason = broken.reason, "connection lost; the change goes on");
                    sleep(RETRY_AFTER).await;
                    Some(broken.reason)
                }
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waited = format!("took more than {} s", change.deadline.as_secs());
                return match lost {
                    None => Ok(self.collected(user, &directory, Reply::Failed(waited)).await),
                    Some(reason) => {
                        let reason =
                            format!("{reason}\nthe change goes on without us, its result waits on the host");
                        Err(Broken { reason, replies: Vec::new(), nothing_sent: false })
                    }
                };
            }
            requests = vec![collect(&directory, LOOK_AGAIN.min(left))];
        }
    }

    /// Says how far a change is, if that is news.
    async fn tell(&self, output: &Output, told: &mut String) {
        let line = output.text().trim().to_owned();
        if line.is_empty() || line == *told {
            return;
        }
        told.clone_from(&line);
        if let Some(events) = &self.events {
            // Nobody listens any more: the change goes on all the same.
            let _ = events
                .send(Event::Progress { host: self.host.clone(), message: line, done: None, of: None })
                .await;
        }
    }

    /// Clears away what was collected. Where waiting came to its deadline, only the waiting was given up: the change
    /// itself goes on, so its directory stays.
    async fn collected(&mut self, user: &Effective, directory: &str, reply: Reply) -> Reply {
        match reply {
            Reply::Failed(why) => Reply::Failed(format!(
                "nobody knows yet how it ends: waiting for it {why}, and it goes on on the host; its output and \
                 exit status will be in {directory} below /run/wgops (or ~/.wgops of who isn't root)"
            )),
            done => {
                self.clear(user, directory).await;
                done
            }
        }
    }

    /// Removes what was collected. Where that fails, only a small directory in `/run` stays until the next boot.
    async fn clear(&mut self, user: &Effective, directory: &str) {
        let request = Request {
            script: CLEAR,
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

//! Jobs (`async`): all changes of a task go on apart from the session in one script, which is killed when it takes too long.
//! Either its end is waited for, or its task is over as soon as it goes on, and `async_status` asks for it later.

use super::connection::{Broken, HostConnection};
use super::detached::{Begins, START_DEADLINE};
use super::lock::Purpose;
use crate::model::{Argv, Environment, Excerpt, Script};
use crate::modules::{Change, Delivery};
use crate::plan::{Effective, Item, Reply};
use crate::questions::Output;
use crate::questions::jobs::{TOO_LONG, steps};
use crate::transport::{OnFailure, Request};
use std::time::Duration;
use tokio::time::timeout;

/// What runs a job's steps.
const RUNNER: &str = include_str!("detached/runner.sh");

/// Lets jobs remove themselves that nobody asks for any more.
pub(super) const FORGET: Script = Script { name: "wgops_forget", text: include_str!("detached/forget.sh") };

/// Longest wait until jobs are forgotten.
const FORGET_DEADLINE: Duration = Duration::from_secs(15);

impl HostConnection {
    /// Starts the changes of a task as one job. Where its end is not waited for, each reply says its name.
    pub(super) async fn job(
        &mut self,
        user: &Effective,
        first: &Change,
        items: &[Item],
    ) -> Result<Vec<Reply>, Broken> {
        let Delivery::Job { limit, waits, secret } = first.delivery else { return Ok(Vec::new()) };
        let changes: Vec<&Change> = items
            .iter()
            .filter_map(|item| match item {
                Item::Apply(change) => Some(change.as_ref()),
                Item::Ask(_) => None,
            })
            .collect();
        let name = self.directory(self.run);
        let holder = self.banner.as_ref().map(|banner| banner.holder.clone()).unwrap_or_default();
        let summary = match secret {
            true => "a task with a sealed value".to_owned(),
            false => Excerpt { lines_max: 1, columns_max: 300 }.of(&first.summary),
        };
        let about = [name.clone(), holder, limit.as_secs().to_string(), summary];
        let start = Begins { secret, ..composed(&changes, limit) }.request(user, about);
        if waits {
            let patient = Change { deadline: limit + START_DEADLINE, ..first.clone() };
            let reply = self.awaited(user, &name, start, &patient).await?;
            return Ok(parted(reply, changes.len()));
        }
        let mut replies = self.requests(user, vec![start], Purpose::Change(limit)).await?;
        match replies.pop() {
            Some(reply) if reply.is_success() => {
                self.jobs.push((user.clone(), name.clone()));
                Ok(changes.iter().map(|_| Reply::Done(Output::ok(name.as_str()))).collect())
            }
            other => Ok(behind(other.into_iter().collect(), changes.len())),
        }
    }

    /// Lets jobs remove themselves: nobody asks for them any more.
    pub(super) async fn forget_jobs(&mut self) {
        let jobs = std::mem::take(&mut self.jobs);
        if self.session.is_none() {
            return;
        }
        for (user, name) in jobs {
            let request = Request {
                script: FORGET,
                environment: Environment::default(),
                args: Argv(vec![name]),
                content: None,
                deadline: FORGET_DEADLINE,
                output_bytes_max: 1 << 16,
                on_failure: OnFailure::Continue,
            };
            // Where that fails, only a small directory in `/run` stays until the next boot.
            let asked = self.requests(&user, vec![request], Purpose::Look);
            if !matches!(timeout(FORGET_DEADLINE, asked).await, Ok(Ok(_))) {
                tracing::debug!(host = %self.host, "left a job's directory behind");
                return;
            }
        }
    }
}

/// One script of all changes, and what they read.
fn composed(changes: &[&Change], limit: Duration) -> Begins {
    let mut begins = Begins { limit: Some(limit), ..Begins::default() };
    for (number, change) in changes.iter().enumerate() {
        let function = format!("wgops_step_{number}");
        begins.script.extend(format!("{function}() {{\n{}\n}}\n", change.script.text).bytes());
        let (from, length) = (begins.content.len(), change.content.as_ref().map_or(0, |c| c.bytes().len()));
        begins.args.extend([
            function,
            change.args.0.len().to_string(),
            from.to_string(),
            if length == 0 { "-".to_owned() } else { length.to_string() },
        ]);
        begins.args.extend(change.args.0.iter().cloned());
        begins.content.extend(change.content.iter().flat_map(|content| content.bytes()));
    }
    begins.script.extend(RUNNER.bytes());
    begins
}

/// The replies of a job's steps.
fn parted(reply: Reply, count: usize) -> Vec<Reply> {
    let replies = match reply {
        Reply::Done(output) => match steps(&output) {
            Some(steps) => steps.into_iter().map(Reply::Done).collect(),
            None if output.status == TOO_LONG => {
                vec![Reply::Failed(
                    "did not end within the time that 'async' gives it, so it was killed".into(),
                )]
            }
            None => vec![Reply::Done(output)],
        },
        other => vec![other],
    };
    behind(replies, count)
}

/// Replies, and those of what was left out behind them.
fn behind(mut replies: Vec<Reply>, count: usize) -> Vec<Reply> {
    replies.resize(count.max(replies.len()), Reply::NotRun);
    replies
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::detached::{Look, SCRIPTS, collect};
    use crate::model::Content;
    use crate::questions::workbench::Workbench;

    fn begin(bench: &Workbench, changes: &[Change], seconds: u64) -> Look {
        let all: Vec<&Change> = changes.iter().collect();
        let about = ["run-1", "alice", "60", "x"].map(str::to_owned);
        let begins = composed(&all, Duration::from_secs(seconds));
        let request = begins.request(&Effective::default(), about);
        let started = bench.run(request.script, &request.args, request.content.as_ref());
        assert_eq!(started.status, 0, "{}: {}", bench.name(), started.error_text());
        let request = collect("run-1", Duration::from_secs(20), 0);
        Look::parse(bench.run(request.script, &request.args, None)).unwrap()
    }

    fn step(text: &'static str, args: &[&str]) -> Change {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Change::event("x", Script { name: "t", text }, args, crate::model::Subjects::NONE)
    }

    fn benches() -> Vec<Workbench> {
        let mut benches = Workbench::every_shell();
        benches.iter_mut().for_each(|bench| bench.program("id", "echo 1000"));
        benches
    }

    #[test]
    fn steps_have_their_arguments_and_contents_and_stop_at_the_first_failure() {
        for bench in benches() {
            let read = |text: &[u8]| Content::new(text.to_vec());
            let changes = [
                step("printf '[%s]' \"$@\"; cat", &["a b", "", "*"]).with_content(read(b"one\0\n")),
                step("cat; echo err >&2; exit 5", &[]).with_content(read(b"two")),
                step("echo never", &[]),
            ];
            let Look::Ended(output) = begin(&bench, &changes, 20) else { panic!("{}", bench.name()) };
            let replies = parted(Reply::Done(output), 3);
            let Reply::Done(first) = &replies[0] else { panic!("{replies:?}") };
            assert_eq!((first.status, first.text().as_ref()), (0, "[a b][][*]one\0\n"), "{}", bench.name());
            let Reply::Done(second) = &replies[1] else { panic!("{replies:?}") };
            assert_eq!((second.status, second.text().as_ref()), (5, "two"));
            assert_eq!((second.error_text().as_ref(), &replies[2]), ("err\n", &Reply::NotRun));
            bench.run(FORGET, &Argv(vec!["run-1".into()]), None);
            assert!(!bench.at("..").join(".wgops").exists(), "{}", bench.name());
        }
    }

    #[test]
    fn what_takes_too_long_is_killed_with_all_that_it_began() {
        for bench in benches() {
            let sign = bench.path("sign");
            let changes = [step("(sleep 3; : >\"$1\") & sleep 20", &[&sign])];
            let Look::Ended(output) = begin(&bench, &changes, 1) else { panic!("{}", bench.name()) };
            assert_eq!(output.status, TOO_LONG, "{}", bench.name());
            assert!(
                matches!(&parted(Reply::Done(output), 1)[0], Reply::Failed(why) if why.contains("async"))
            );
            std::thread::sleep(Duration::from_millis(2500));
            assert!(!bench.at("sign").exists(), "{}", bench.name());
        }
    }

    #[test]
    fn a_forgotten_job_removes_itself_at_its_end() {
        for bench in benches() {
            let all = [step("sleep 1", &[])];
            let all: Vec<&Change> = all.iter().collect();
            let about = ["run-1", "alice", "60", "x"].map(str::to_owned);
            let request = composed(&all, Duration::from_secs(60)).request(&Effective::default(), about);
            bench.run(request.script, &request.args, request.content.as_ref());
            bench.run(FORGET, &Argv(vec!["run-1".into()]), None);
            assert!(bench.at("..").join(".wgops").exists(), "{}", bench.name());
            std::thread::sleep(Duration::from_millis(2000));
            assert!(!bench.at("..").join(".wgops/run-1").exists(), "{}", bench.name());
        }
        assert!(SCRIPTS.contains(&FORGET));
    }
}

//! When a request overruns its deadline or output limit: how its shell is killed, and what is then true of the requests
//! that had been sent to it.

use super::exchange::{End, OnFailure, Reply, Request};
use super::source::has_nul;
use crate::model::Script;
use std::time::Duration;

/// Longest wait for a killed shell to be gone.
pub(super) const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a request that wrote too much may still end by itself: most do, and nothing need be killed then.
pub(super) const OUTPUT_GRACE: Duration = Duration::from_millis(300);

/// Kills the process group of a shell: it, what it runs, and the login shell or sudo around it. Of the ways to write
/// that, only `kill -KILL -GROUP` is understood by dash, bash and busybox alike.
pub(super) const KILL: Script = Script {
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

/// A request that ended by itself, as the framed streams tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Told {
    pub status: Option<u8>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// It wrote more than it may.
    pub over: bool,
}

impl Told {
    /// The reply to the request.
    pub fn into_reply(self, request: &Request) -> Reply {
        let mut stderr = self.stderr;
        if has_nul(request) {
            stderr = b"wgops: an argument holds a NUL byte, which no process can be given".to_vec();
        }
        let end = match self.status {
            _ if self.over => End::TooMuchOutput(request.output_bytes_max),
            Some(status) => End::Exited(status),
            None => End::NotRun,
        };
        Reply { end, stdout: self.stdout, stderr }
    }
}

/// Adds what is true after a shell was killed. `overrun` is the reply for the request that was to be killed;
/// `ended_by_itself` are those that ended after all before the kill arrived, beginning with it; the first
/// `sent` requests had been sent to that shell as a whole.
pub(super) fn settle(
    requests: &[Request],
    replies: &mut Vec<Reply>,
    overrun: Reply,
    ended_by_itself: Vec<Told>,
    sent: usize,
) {
    if ended_by_itself.is_empty() {
        replies.push(overrun);
    } else {
        for told in ended_by_itself {
            let Some(request) = requests.get(replies.len()) else { break };
            replies.push(told.into_reply(request));
        }
        // The shell went on to the next one before it was killed.
        if replies.len() < sent {
            replies.push(Reply { end: End::Interrupted, stdout: Vec::new(), stderr: Vec::new() });
        }
    }
    let failed = |(request, reply): (&Request, &Reply)| {
        request.on_failure == OnFailure::Halt && !reply.end.is_success()
    };
    if requests.iter().zip(&*replies).any(failed) {
        replies.resize_with(requests.len(), Reply::not_run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Argv, Environment};

    fn requests(on_failure: &[OnFailure]) -> Vec<Request> {
        let one = |on_failure: &OnFailure| Request {
            script: Script { name: "x", text: ":" },
            environment: Environment::default(),
            args: Argv::default(),
            content: None,
            deadline: Duration::from_secs(1),
            output_bytes_max: 10,
            on_failure: *on_failure,
        };
        on_failure.iter().map(one).collect()
    }

    fn told(status: u8) -> Told {
        Told { status: Some(status), stdout: Vec::new(), stderr: Vec::new(), over: false }
    }

    fn ends(requests: &[Request], before: &[u8], ended_by_itself: Vec<Told>, sent: usize) -> Vec<End> {
        let mut replies: Vec<Reply> =
            before.iter().zip(requests).map(|(s, r)| told(*s).into_reply(r)).collect();
        let overrun =
            Reply { end: End::TimedOut(Duration::from_secs(1)), stdout: Vec::new(), stderr: Vec::new() };
        settle(requests, &mut replies, overrun, ended_by_itself, sent);
        replies.iter().map(|reply| reply.end).collect()
    }

    const LATE: End = End::TimedOut(Duration::from_secs(1));

    #[test]
    fn the_rest_is_left_to_be_run_anew() {
        let requests = requests(&[OnFailure::Continue; 3]);
        assert_eq!(ends(&requests, &[0], vec![], 3), [End::Exited(0), LATE]);
    }

    #[test]
    fn a_failure_that_halts_leaves_the_rest_not_run() {
        let requests = requests(&[OnFailure::Continue, OnFailure::Halt, OnFailure::Continue]);
        assert_eq!(ends(&requests, &[1], vec![], 3), [End::Exited(1), LATE, End::NotRun]);
    }

    #[test]
    fn what_ended_after_all_keeps_its_status_and_the_next_may_have_begun() {
        let requests = requests(&[OnFailure::Continue; 3]);
        assert_eq!(ends(&requests, &[], vec![told(4)], 3), [End::Exited(4), End::Interrupted]);
        assert_eq!(ends(&requests, &[], vec![told(4)], 1), [End::Exited(4)]);
        assert_eq!(
            ends(&requests, &[], vec![told(0), told(0), told(5)], 3),
            [End::Exited(0), End::Exited(0), End::Exited(5)]
        );
    }

    #[test]
    fn too_much_output_is_no_success_whatever_the_status() {
        let requests = requests(&[OnFailure::Halt, OnFailure::Continue]);
        let over = Told { over: true, ..told(0) };
        assert_eq!(over.into_reply(&requests[0]).end, End::TooMuchOutput(10));
    }
}

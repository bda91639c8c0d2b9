//! The wire against real shells and a real sshd: what must work, and what must be refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::panic,
    reason = "tests may"
)]

mod agents;
mod keys;
mod lab;
mod line;
mod shells;
mod sshd;
mod sudo;

use std::time::Duration;
use wgops::model::{Argv, Environment, Script};
use wgops::transport::{ConnectError, End, OnFailure, Reply, Request, Session, Settings, connect};

const SAY: Script = Script { name: "say", text: "printf '%s' \"$1\"; printf '%s' \"$2\" >&2; exit \"$3\"" };
const CAT: Script = Script { name: "cat", text: "cat" };
const EVAL: Script = Script { name: "eval", text: "eval \"$1\"" };

fn request<const N: usize>(script: Script, args: [&str; N]) -> Request {
    Request {
        script,
        environment: Environment::default(),
        args: Argv::from(args),
        content: None,
        deadline: Duration::from_secs(20),
        output_bytes_max: 1 << 20,
        on_failure: OnFailure::Continue,
    }
}

fn eval(text: &str) -> Request {
    request(EVAL, [text])
}

fn exited(status: u8, stdout: &[u8], stderr: &[u8]) -> Reply {
    Reply { end: End::Exited(status), stdout: stdout.to_vec(), stderr: stderr.to_vec() }
}

async fn try_ssh(sshd: &sshd::Sshd, settings: &Settings) -> Result<Session, ConnectError> {
    connect(&"web1".parse().unwrap(), &sshd.connection(), settings).await
}

async fn ssh(sshd: &sshd::Sshd) -> Session {
    try_ssh(sshd, &sshd.settings()).await.unwrap()
}

fn refusal(result: Result<Session, ConnectError>) -> ConnectError {
    match result {
        Ok(_) => panic!("connected, and should not have"),
        Err(error) => error,
    }
}

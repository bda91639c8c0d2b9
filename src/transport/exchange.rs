//! What travels in an exchange: requests out, replies back.

use crate::model::{Argv, Content, Environment, Script};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One script to run once.
#[derive(Clone)]
pub struct Request {
    /// What to run.
    pub script: Script,
    /// Its `$1`, `$2` …
    pub args: Argv,
    /// Environment variables that it is given.
    pub environment: Environment,
    /// Its stdin; `None` is `/dev/null`.
    pub content: Option<Content>,
    /// Longest time from the moment it could begin until it must have ended.
    pub deadline: Duration,
    /// Most bytes of stdout, and of stderr, that it may write.
    pub output_bytes_max: usize,
    /// What its failure means for the requests after it in the same exchange.
    pub on_failure: OnFailure,
}

/// What a request's failure (any end but exit status 0) means for those after it in the same exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnFailure {
    /// Nothing.
    Continue,
    /// They are not run.
    Halt,
}

/// What became of one request.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// How it ended.
    pub end: End,
    /// What it wrote to stdout, up to the limit.
    pub stdout: Vec<u8>,
    /// What it wrote to stderr, up to the limit.
    pub stderr: Vec<u8>,
}

/// How a request ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// By itself, with this exit status.
    Exited(u8),
    /// Killed: its deadline, given here, had passed.
    TimedOut(Duration),
    /// Killed: it wrote more than the limit, given here in bytes.
    TooMuchOutput(usize),
    /// Killed together with the request before it, which ended by itself just as its deadline or limit was reached.
    /// It may have run in part. Rare.
    Interrupted,
    /// Never begun: an earlier request halted the exchange, or it can't be sent (stderr says why).
    NotRun,
}

impl End {
    /// Whether it ended by itself with exit status 0.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// Sizes only: output may be secret.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({:?}, {} + {} bytes)", self.end, self.stdout.len(), self.stderr.len())
    }
}

impl Reply {
    /// A reply to a request that never began.
    pub(super) fn not_run() -> Self {
        Self { end: End::NotRun, stdout: Vec::new(), stderr: Vec::new() }
    }
}

/// What went over a connection so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Exchanges begun.
    pub exchanges: u64,
    /// Bytes sent, login and encryption included.
    pub bytes_sent: u64,
    /// Bytes received, login and encryption included.
    pub bytes_received: u64,
}

/// Counts traffic from several tasks.
#[derive(Default)]
pub(super) struct Meter {
    exchanges: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Meter {
    pub fn exchange(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }
    pub fn sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
    pub fn read(&self) -> Traffic {
        Traffic {
            exchanges: self.exchanges.load(Ordering::Relaxed),
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
        }
    }
}

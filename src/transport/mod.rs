//! The wire: one connection to one real host (SSH, or this machine), and long-lived framed shells on it, one for each
//! effective user. It carries scripts, arguments and content, and brings back output and exit statuses, bounded.
//!
//! It refuses to know what a script is for, and it trusts nothing that a host sends: output is bytes, host keys are
//! checked before anything is sent, a password goes only where our own prompt asked for it.
//!
//! Start at [`connect`] in `session.rs`; `shell.rs` runs exchanges, `frame.rs` is the framing's specification, `ssh/`
//! is everything that only SSH needs.

pub mod agent;
mod channel;
mod error;
mod exchange;
mod frame;
mod local;
mod lost;
mod overrun;
mod quote;
mod session;
mod settings;
mod shell;
mod source;
mod ssh;
mod sudo;

pub use error::{ConnectError, KeyProblem};
pub use exchange::{End, OnFailure, Reply, Request, Traffic};
pub use lost::{Lost, LostCause, ShellError};
pub use quote::arguments;
pub use session::{Session, connect};
pub use settings::{Keyring, Settings};
pub use shell::{Halter, Shell};
pub use ssh::{known_authorities, known_keys};

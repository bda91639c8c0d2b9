//! The engine's hands: connections, exchanges, barriers, limits and interrupts. It decides nothing about tasks; each host
//! is driven by its [`crate::plan::HostRun`], a machine without I/O.
//!
//! `prepare` makes an order of files and options; `fleet` owns what all hosts share and runs plays batch by batch; `drive` takes one host through a batch;
//! `connection` is one real host's connection, which only its driver uses, `asking` that of somebody who may only ask, and `reach` how it is found; `away` is what a driver does on other hosts; `gate` is where hosts wait for each other;
//! `holds` says what holds hosts out of a run, and `admission` asks it; `lock` keeps two runs off one host; `detached` carries out what must outlive
//! the connection, and `job` what nobody waits for.

mod acquaintance;
mod admission;
mod asking;
mod away;
mod chooser;
mod connection;
mod detached;
mod drive;
mod fleet;
mod gate;
mod holds;
mod job;
mod keep;
mod left;
mod lock;
mod login;
mod order;
mod prepare;
mod reach;
mod reboot;

pub use acquaintance::Acquaintance;
pub use admission::Admission;
pub use connection::HostAccess;
pub use detached::SCRIPTS as DETACHED_SCRIPTS;
pub use drive::Asks;
pub use fleet::Fleet;
pub use holds::{ESTIMATE_DEFAULT, Holds, OpenWindow};
pub use lock::{Banner, SCRIPTS as LOCK_SCRIPTS};
pub use order::{Order, Outcome};
pub use prepare::{Canary, Company, Prepared, Wish, prepare};
pub use reach::{Asker, Reach, Side};

/// How far an interrupt has gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Interrupt {
    /// Nobody interrupted.
    None,
    /// The first: no new change begins, those under way end.
    Finish,
    /// The second: connections are dropped; what was under way is unknown.
    Drop,
}

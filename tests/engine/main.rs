//! The engine against real shells on this machine: playbooks over the connection `local`, in directories of their own.
//! What needs real hosts is in `tests/hosts`.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod added;
mod blocks;
mod control;
mod edges;
mod elsewhere;
mod includes;
mod loops;
mod machine;
mod order;
mod public;
mod retry;
mod roles;
mod stage;
mod unknown;
mod waves;

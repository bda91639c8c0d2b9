//! The engine against real shells on this machine: playbooks over the connection `local`, in directories of their own.
//! What needs real hosts is in `tests/hosts`.

mod order;
mod stage;
mod unknown;

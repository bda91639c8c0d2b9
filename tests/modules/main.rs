//! Modules on real hosts: each one's scripts run where they are meant to run, and a second time finds nothing to do.
//!
//! No engine is involved: [`driver`] asks a module's questions over OpenSSH, applies its changes, and asks again. These
//! tests need the lab, as those in `tests/e2e` do.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod driver;
#[expect(dead_code, reason = "shared with tests/e2e, which uses the rest")]
#[path = "../e2e/lab.rs"]
mod lab;
mod packages;
mod services;
mod updates;

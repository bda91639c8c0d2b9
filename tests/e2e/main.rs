//! The program as a person runs it, against real hosts.
//!
//! These tests need the lab: `scripts/test` brings one up and names it in `WGOPS_TEST_LAB`. They are `#[ignore]`d, so that
//! a plain `cargo test` says plainly that they did not run. Each takes hosts for itself ([`lab`]) and has an ops repository
//! of its own ([`ops`]), in which somebody types ([`typed`]).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may")]

mod access;
mod advisories;
mod auditing;
mod calendar;
mod ci;
mod comparing;
mod databases;
mod doors;
mod faults;
mod files;
mod finding;
mod judging;
mod kinds;
mod lab;
mod mistakes;
mod ops;
mod output;
mod patching;
mod people;
mod planning;
mod planning_secrets;
mod playbooks;
mod rebooting;
mod record;
mod resuming;
mod roles;
mod secrets;
mod shadowing;
mod shown;
mod site;
mod software;
mod syncing;
mod system;
mod together;
mod transaction;
mod typed;
#[path = "../terminal/typist.rs"]
mod typist;

use lab::Lab;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_of_the_lab_is_one_tests_own_and_answers() {
    let lab = Lab::open();
    let host = lab.host();
    assert!(lab.ssh(&host, "true").status.success());
    let (other, another) = lab.two_hosts();
    assert_ne!(host.name(), other.name());
    assert_ne!(other.name(), another.name());
    let name = host.name().to_owned();
    drop((host, another));
    let kernel = lab.kernel_host();
    lab.reset(&other);
    assert!(lab.ssh(&other, "test -e /srv/repo").status.success());
    assert!(kernel.name() == "h3" || kernel.name() == "h6", "{name} {}", kernel.name());
}

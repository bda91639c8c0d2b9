//! Packages and repositories that make trouble.

use super::{has, here, is_whole, version};
use crate::lab::Lab;
use crate::ops::Ops;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_package_that_ends_every_session_and_restarts_sshd_is_installed() {
    here(|lab, host, ops| {
        has(lab, host, "sshcutter");
        let said = ops.types("alice", "patch -i ops --yes").within(60).says();
        said.expect(0, &["sshcutter", "changed=1", "unreachable=0"]);
        assert_eq!(version(lab, host, "sshcutter"), "1.1 ii");
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_disk_that_fills_up_while_packages_are_unpacked_is_named_and_the_next_run_repairs() {
    let lab = Lab::open();
    let host = lab.tiny_host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    has(&lab, &host, "liar");
    let said = ops.types("alice", "patch -i ops --yes").within(60).says();
    said.expect(1, &["liar", "No space left on device", "failed=1"]);
    assert_eq!(version(&lab, &host, "liar"), "1.0 ii", "{said}");
    assert_eq!(version(&lab, &host, "libfoo"), "1.1 iU", "{said}");
    ops.newest_run().expect(0, &["1 failed", "No space left on device"]);
    let said = ops.types("alice", "patch -i ops --yes --exclude liar").within(60).says();
    said.expect(0, &["changed=1"]);
    assert_eq!(lab.exec(&host, "dpkg --audit"), "", "{said}");
    assert_eq!(version(&lab, &host, "libfoo"), "1.1 ii", "{said}");
}

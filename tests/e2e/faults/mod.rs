//! The faults of a bad day, each tried on real hosts: what is said, what is recorded, what the host is left in, and that
//! the next `wgops patch` brings it to the end. `docs/faults.md` is the table of them.

mod controller;
mod full;
mod host;
mod killed;
mod line;
mod packages;
mod reboots;

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::wait_until;

/// A lab, a host with a fresh disk, and an ops repository.
fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// Version and state of a package, as `1.1 ii`; empty where it isn't there.
fn version(lab: &Lab, host: &Host, package: &str) -> String {
    let query =
        format!("dpkg-query -W -f '${{Version}} ${{db:Status-Abbrev}}' {package} 2>/dev/null || true");
    lab.exec(host, &query)
}

/// All that dpkg knows, to be compared.
fn packages(lab: &Lab, host: &Host) -> String {
    lab.exec(host, "dpkg -l | sha256sum")
}

/// Installs the version of before, whose update is the trouble.
fn has(lab: &Lab, host: &Host, package: &str) {
    lab.exec(host, &format!("apt-get -q -y install {package}=1.0 >/dev/null 2>&1"));
}

/// Waits until the package manager stands in the middle of a transaction: `slowpost` is being set up.
fn in_the_middle(lab: &Lab, host: &Host) {
    wait_until("slowpost is being set up", 40, || lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
}

/// The next run brings the host to the end, and nothing of ours is left on it.
fn is_whole(lab: &Lab, host: &Host, ops: &Ops<'_>) {
    let said = ops.types("alice", "patch -i ops --yes").within(90).says();
    said.expect(0, &[]);
    assert_eq!(lab.exec(host, "dpkg --audit"), "", "{said}");
    for package in ["libfoo", "bar", "svcd"] {
        assert_eq!(version(lab, host, package), "1.1 ii", "{package}: {said}");
    }
    assert!(!lab.holds(host, "ls -A /run/wgops 2>/dev/null | grep ."), "nothing is left behind: {said}");
}

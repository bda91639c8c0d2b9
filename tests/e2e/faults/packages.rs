//! Packages and repositories that make trouble.

use super::{has, here, is_whole, packages, version};
use crate::lab::{Host, Lab};
use crate::ops::Ops;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_package_that_ends_every_session_and_restarts_sshd_is_installed() {
    here(|lab, host, ops| {
        has(lab, host, "sshcutter");
        let said = ops.types("alice", "patch -i ops --yes").within(60).says();
        said.expect(0, &["sshcutter", "patched", "unreachable=0"]);
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
    // Room for what it says, and for what is kept free on top of that.
    lab.exec(
        &host,
        "free=$(df -Pk / | awk 'END { print $4 }'); head -c $((free - 92160))k /dev/zero >/filler",
    );
    let said = ops.types("alice", "patch -i ops --yes").within(60).says();
    said.expect(1, &["liar", "No space left on device", "failed=1"]);
    assert_eq!(version(&lab, &host, "liar"), "1.0 ii", "{said}");
    assert_eq!(version(&lab, &host, "libfoo"), "1.1 iU", "{said}");
    ops.newest_run().expect(0, &["1 failed", "No space left on device"]);
    let said = ops.types("alice", "patch -i ops --yes --exclude liar").within(60).says();
    said.expect(0, &["patched"]);
    assert_eq!(lab.exec(&host, "dpkg --audit"), "", "{said}");
    assert_eq!(version(&lab, &host, "libfoo"), "1.1 ii", "{said}");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_package_that_asks_gets_no_answer_and_holds_up_nothing() {
    here(|lab, host, ops| {
        has(lab, host, "asker");
        let said = ops.types("alice", "patch -i ops --yes").within(60).says();
        said.expect(0, &["asker", "changed="]);
        assert_eq!(version(lab, host, "asker"), "1.1 ii");
        is_whole(lab, host, ops);
    });
}

/// Gives the host a repository of its own with the same packages, to be spoilt; its lists are due for a look.
fn own_repository(lab: &Lab, host: &Host) {
    lab.exec(
        host,
        "cp -a /srv/repo /srv/own && sed -i s,/srv/repo,/srv/own, /etc/apt/sources.list.d/lab.list && \
         apt-get -q update >/dev/null && find /var/lib/apt -exec touch -d '2 days ago' {} +",
    );
}

/// Spoils the host's repository; nothing is changed then, and `words` are said. Once it is in order again, all goes on.
fn with_a_spoilt_repository(spoil: &str, mend: &str, words: &[&str]) {
    here(|lab, host, ops| {
        own_repository(lab, host);
        lab.exec(host, spoil);
        let before = packages(lab, host);
        let said = ops.types("alice", "patch -i ops --yes").within(60).says();
        said.expect(1, words);
        assert_eq!(packages(lab, host), before, "{said}");
        assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
        ops.newest_run().expect(0, words);
        lab.exec(host, mend);
        is_whole(lab, host, ops);
    });
}

const MEND: &str = "rm -rf /srv/own && cp -a /srv/repo /srv/own";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_repository_that_is_gone_stops_the_host_and_is_named() {
    with_a_spoilt_repository("rm -rf /srv/own/dists/bookworm-security", MEND, &["bookworm-security"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_repository_with_a_wrong_signature_stops_the_host_and_is_named() {
    let spoil = "sed -i 's/^Origin: Debian/Origin: Somebody/' /srv/own/dists/bookworm-security/InRelease";
    with_a_spoilt_repository(spoil, MEND, &["bookworm-security", "signature"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_package_that_is_not_what_the_lists_say_is_not_installed() {
    let spoil = "for deb in /srv/own/pool/*/libfoo_1.1_*.deb; do printf x | dd of=$deb bs=1 seek=900 conv=notrunc 2>/dev/null; done";
    with_a_spoilt_repository(spoil, MEND, &["libfoo", "Hash Sum mismatch"]);
}

//! Patching real hosts: what is asked, what is upgraded, what is left alone, and what happens when it goes wrong.

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

fn version(lab: &Lab, host: &Host, package: &str) -> String {
    lab.exec(
        host,
        &format!("dpkg-query -W -f '${{Version}} ${{db:Status-Abbrev}}' {package} 2>/dev/null || true"),
    )
}

fn packages(lab: &Lab, host: &Host) -> String {
    lab.exec(host, "dpkg -l | sha256sum")
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_a_terminal_it_names_the_flag_and_changes_nothing() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        ops.alice("patch -i ops").expect(2, &["--yes", "terminal"]);
        assert_eq!(packages(lab, host), before);
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_wrong_number_of_hosts_changes_nothing_and_the_right_one_patches() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        for wrong in ["2\nyes\n0\n", "\n"] {
            let said = ops.types("alice", "patch -i ops --reason weekly").at_a_terminal(wrong).says();
            assert!(said.out.contains("libfoo") && said.out.contains("1.0 → 1.1"), "{said}");
            said.expect(0, &["nothing was changed"]);
            assert_eq!(packages(lab, host), before, "{said}");
        }
        let said = ops.types("alice", "patch -i ops --reason weekly").at_a_terminal("1\n").says();
        said.expect(0, &["libfoo"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        let line = ops.newest();
        assert!(line.contains("1 changed") && line.contains("weekly"), "{line}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn everything_pending_is_upgraded_but_what_is_held_and_what_somebody_changed() {
    here(|lab, host, ops| {
        let said = ops.alice("patch -i ops --yes --reason weekly");
        said.expect(0, &["heldpkg", "/etc/confpkg.conf", "libfoo", "security"]);
        for package in ["libfoo", "bar", "svcd", "confpkg", "keptback"] {
            assert_eq!(version(lab, host, package), "1.1 ii", "{package}: {said}");
        }
        assert_eq!(version(lab, host, "heldpkg"), "1.0 hi");
        assert!(lab.holds(host, "grep -q listen=8080 /etc/confpkg.conf"));
        ops.newest_run().expect(0, &["libfoo", "1.0", "1.1", "weekly", host.name()]);
        let again = ops.alice("patch -i ops --yes");
        again.expect(0, &["nothing changed"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn security_updates_are_told_by_their_origin() {
    here(|lab, host, ops| {
        ops.alice("patch -i ops --yes --security").expect(0, &["libfoo"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        for package in ["bar", "svcd", "confpkg", "keptback"] {
            assert_eq!(version(lab, host, package), "1.0 ii", "{package}");
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_is_excluded_stays_as_it_is() {
    here(|lab, host, ops| {
        ops.alice("patch -i ops --yes --exclude ba*,svcd --exclude confpkg").expect(0, &["libfoo"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        for package in ["bar", "svcd", "confpkg"] {
            assert_eq!(version(lab, host, package), "1.0 ii", "{package}");
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_reboot_that_is_needed_is_made_and_proven() {
    let lab = Lab::open();
    let host = lab.kernel_host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = lab.exec(&host, boot);
    ops.alice("patch -i ops --yes --security").expect(0, &["linux-fake"]);
    assert_eq!(lab.exec(&host, boot), before, "nobody asked for a reboot");
    ops.alice("audit -i ops --fail-on any").expect(5, &["reboot"]);
    let said = ops.types("alice", "patch -i ops --yes --reboot if-needed").within(120).says();
    said.expect(0, &["Reboot"]);
    assert_ne!(lab.exec(&host, boot), before);
    assert!(!lab.holds(&host, "test -e /run/reboot-required"));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_failing_package_stops_before_the_next_batch_and_the_others_are_upgraded() {
    let lab = Lab::open();
    let (first, second) = lab.two_hosts();
    for host in [&first, &second] {
        lab.reset(host);
    }
    lab.exec(&first, "apt-get install -y failpost=1.0 >/dev/null");
    let ops = Ops::of(&lab, &[&first, &second]);
    let before = packages(&lab, &second);
    let said = ops.types("alice", "patch -i ops --yes").within(90).says();
    said.expect(1, &["failpost", "failed=1", first.name(), second.name(), "not begun"]);
    assert_eq!(version(&lab, &first, "libfoo"), "1.1 ii", "{said}");
    assert_eq!(version(&lab, &first, "bar"), "1.1 ii", "{said}");
    assert_eq!(packages(&lab, &second), before, "{said}");
    let line = ops.newest();
    assert!(line.contains("1 failed"), "{line}");
    ops.newest_run().expect(0, &["failpost", "failed"]);
    lab.reset(&first);
}

/// Holds dpkg's locks as apt does, for some seconds, by installing a package whose postinst is slow.
fn somebody_installs_slowpost(lab: &Lab, host: &Host) {
    lab.exec(host, "systemd-run --unit slow --collect apt-get install -y slowpost=1.1 >/dev/null 2>&1");
    wait_until("slowpost is being set up", 20, || lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_lock_is_waited_for_and_its_holder_named() {
    here(|lab, host, ops| {
        somebody_installs_slowpost(lab, host);
        let said = ops.types("alice", "patch -i ops --yes").within(90).says();
        said.expect(0, &["changed=2"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_lost_connection_loses_no_transaction() {
    here(|lab, host, ops| {
        lab.exec(host, "apt-get install -y slowpost=1.0 >/dev/null 2>&1");
        let run = ops.types("alice", "patch -i ops --yes").within(120).starts();
        wait_until("the transaction is under way", 40, || {
            lab.holds(host, "ls -d /run/wgops/* && pgrep -f '[s]lowpost.postinst'")
        });
        lab.exec(host, "pkill -KILL -u ops sshd");
        let said = run.says();
        said.expect(0, &["slowpost", "patched", "unreachable=0", ": Setting up slowpost (1.1)"]);
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii");
        assert!(!lab.holds(host, "ls -A /run/wgops 2>/dev/null | grep ."), "nothing is left behind");
        assert!(ops.newest().contains("1 changed"), "{}", ops.newest());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn while_it_waits_for_a_lock_it_names_the_holder() {
    here(|lab, host, ops| {
        somebody_installs_slowpost(lab, host);
        let said = ops.types("alice", "patch -i ops --yes").within(90).says();
        said.expect(0, &["apt-get", "waiting"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_lock_that_is_not_let_go_in_time_fails_and_names_its_holder() {
    here(|lab, host, ops| {
        let file = ops.play("hasty", "  become: true\n", "- apply_updates: {lock_timeout: 1}");
        somebody_installs_slowpost(lab, host);
        let said = ops.types("alice", &format!("run {file} -i ops")).within(60).says();
        said.expect(1, &["apt-get", "waited", "failed=1"]);
        assert_eq!(version(lab, host, "libfoo"), "1.0 ii");
        assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
        wait_until("the other has finished", 30, || !lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
    });
}

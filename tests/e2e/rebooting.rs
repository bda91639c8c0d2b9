//! Reboots that go as they should, and those that don't.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::Said;

/// Runs a play as root.
fn run(ops: &Ops<'_>, tasks: &str) -> Said {
    let file = ops.play("reboots", "  become: true\n", tasks);
    ops.types("alice", &format!("run {file} -i ops")).within(60).says()
}

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn after_a_reboot_the_host_has_the_runs_lock_again() {
    here(|lab, host, ops| {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = lab.exec(host, boot);
        let tasks = "- reboot: {reboot_timeout: 40}\n- command: grep -h holder /run/wgops/lock -r\n  register: r\n\
                     - debug: {msg: '{{ r.stdout }}'}";
        run(ops, tasks).expect(0, &["holder alice (lead)"]);
        assert_ne!(lab.exec(host, boot), before);
        assert!(!lab.holds(host, "test -e /run/wgops"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_is_up_again_but_not_well_is_said_with_what_its_test_printed() {
    here(|_, _, ops| {
        let tasks = "- reboot: {reboot_timeout: 9, test_command: 'echo the database is down >&2; exit 3'}\n\
                     - command: touch /tmp/after";
        let said = run(ops, tasks);
        said.expect(1, &["not back", "exit status 3", "prints: the database is down"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_never_comes_back_is_given_up_at_its_deadline() {
    here(|lab, host, ops| {
        let said = run(ops, "- reboot: {reboot_timeout: 8, reboot_command: systemctl poweroff}");
        lab.power_on(host);
        said.expect(1, &["not back", " s after it was asked to reboot: "]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_comes_back_with_another_key_is_told_nothing_more() {
    here(|lab, host, ops| {
        let new_keys = "rm /etc/ssh/ssh_host_*; ssh-keygen -qA; systemctl reboot";
        lab.exec(host, &format!("cp -a /etc/ssh /root/ssh && echo '{new_keys}' >/root/reinstall"));
        let tasks = "- reboot: {reboot_timeout: 600, reboot_command: sh /root/reinstall}\n- command: touch /root/after";
        let said = run(ops, tasks);
        assert!(!lab.holds(host, "test -e /root/after"), "{said}");
        lab.exec(
            host,
            "cp -a /root/ssh/. /etc/ssh/ && systemctl restart ssh && rm -r /root/ssh /root/reinstall",
        );
        said.expect(1, &["after the reboot another key answers", "nothing more was sent", "SHA256:"]);
    });
}

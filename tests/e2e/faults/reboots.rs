//! Reboots that go wrong.

use super::{is_whole, version};
use crate::lab::{Host, Lab};
use crate::ops::Ops;

fn kernel(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.kernel_host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
    lab.reset(&host);
}

const PATCH: &str = "patch -i ops --yes --reboot if-needed --reboot-timeout";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_does_not_come_back_is_given_up_at_the_deadline() {
    kernel(|lab, host, ops| {
        lab.exec(host, "systemctl disable ssh.service");
        let said = ops.types("alice", &format!("{PATCH} 10")).within(60).says();
        said.expect(1, &["not back", "after it was asked to reboot", "failed=1"]);
        assert_eq!(version(lab, host, "linux-fake"), "1.1 ii");
        ops.newest_run().expect(0, &["not back", "failed"]);
        lab.exec(host, "systemctl enable --now ssh.service");
        is_whole(lab, host, ops);
    });
}

/// Puts a unit on the host that is done once in each boot from now on, but not in this one.
fn from_the_next_boot_on(lab: &Lab, host: &Host, install: &str, script: &str) {
    let unit = format!(
        "[Unit]\nBefore=ssh.service\nConditionPathExists=!/run/this-boot\n[Service]\nType=oneshot\n\
         ExecStart=/bin/sh -c '{script}'\n[Install]\n{install}\n"
    );
    lab.exec(
        host,
        &format!(
            "touch /run/this-boot\ncat >/etc/systemd/system/lab.service <<'E'\n{unit}E\nsystemctl enable lab"
        ),
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_comes_back_with_a_failed_unit_has_failed() {
    kernel(|lab, host, ops| {
        from_the_next_boot_on(lab, host, "WantedBy=multi-user.target", "echo the glue has gone; exit 1");
        let said = ops.types("alice", &format!("{PATCH} 60")).within(90).says();
        said.expect(1, &["lab.service", "the glue has gone", "failed=1"]);
        ops.newest_run().expect(0, &["lab.service", "the glue has gone"]);
        lab.exec(host, "touch /run/this-boot; systemctl reset-failed lab; systemctl restart lab");
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_comes_back_with_another_key_is_not_talked_to() {
    kernel(|lab, host, ops| {
        // sshd reads its keys for each connection, so they may not change before the host goes down.
        let script =
            "cd /etc/ssh && rm ssh_host_* && ssh-keygen -q -t ed25519 -N \"\" -f ssh_host_ed25519_key";
        from_the_next_boot_on(lab, host, "RequiredBy=ssh.service", script);
        let said = ops.types("alice", &format!("{PATCH} 10")).within(60).says();
        assert!(matches!(said.code, Some(1 | 3)), "{said}");
        said.expect(said.code.unwrap(), &["HOST KEY CHANGED"]);
        ops.newest_run().expect(0, &["HOST KEY CHANGED"]);
        ops.alice("audit -i ops").expect(3, &["HOST KEY CHANGED"]);
    });
}

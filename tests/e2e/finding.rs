//! What audits find on real hosts: each fault that a host is given appears once, under its id, and is gone when it is put
//! right; and what can't be looked at never reads as clean.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use serde_json::Value;

/// What somebody does to a host, how it is put right, and what the audit says of it.
type Fault = (&'static str, &'static str, &'static str);

const FAULTS: &[Fault] = &[
    (
        "sed -i 's/\"12\"/\"10\"/' /usr/lib/os-release",
        "sed -i 's/\"10\"/\"12\"/' /usr/lib/os-release",
        "high end-of-life",
    ),
    (
        "sed -i 's/^deb .signed-by=/deb [trusted=yes signed-by=/' /etc/apt/sources.list.d/lab.list",
        "sed -i 's/trusted=yes //' /etc/apt/sources.list.d/lab.list",
        "high repository/unsigned/srv/repo/bookworm",
    ),
    (
        "echo 'deb [signed-by=/usr/share/keyrings/lab-archive-keyring.gpg] file:///srv/gone s main' >/etc/apt/sources.list.d/gone.list",
        "rm /etc/apt/sources.list.d/gone.list",
        "medium repository/failing/srv/gone/s",
    ),
    (
        "mkdir -p /tmp/strange/DEBIAN; printf 'Package: strange\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\n\
         Description: x\\n' >/tmp/strange/DEBIAN/control; dpkg-deb -b /tmp/strange /tmp/strange.deb; dpkg -i /tmp/strange.deb",
        "dpkg -P strange",
        "low foreign-package/strange",
    ),
    (
        "mkdir -p /tmp/uu/DEBIAN; printf 'Package: unattended-upgrades\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\n\
         Description: x\\n' >/tmp/uu/DEBIAN/control; dpkg-deb -b /tmp/uu /tmp/uu.deb; dpkg -i /tmp/uu.deb; \
         echo 'APT::Periodic::Unattended-Upgrade \"1\"; Unattended-Upgrade::Origins-Pattern { \"label=Debian-Security\"; };' \
         >/etc/apt/apt.conf.d/50uu",
        "dpkg -P unattended-upgrades; rm /etc/apt/apt.conf.d/50uu",
        "medium automatic-updates/idle",
    ),
    (
        "mkdir -p /var/log/unattended-upgrades; echo '2026-11-25 ERROR Cache has broken packages, exiting' \
         >/var/log/unattended-upgrades/unattended-upgrades.log",
        "rm -r /var/log/unattended-upgrades",
        "medium automatic-updates/failed",
    ),
    (
        "printf '[Service]\\nType=oneshot\\nExecStart=/bin/false\\n' >/etc/systemd/system/broken.service; systemctl start broken; true",
        "systemctl reset-failed broken",
        "medium failed-unit/broken.service",
    ),
    (
        "mkdir -p /var/tiny; mount -t tmpfs -o size=4m tmpfs /var/tiny; head -c 4000000 /dev/zero >/var/tiny/full",
        "rm /var/tiny/full",
        "medium low-disk//var/tiny",
    ),
];

const ACCESS_FAULTS: &[Fault] = &[
    (
        "sed -i '1i PermitRootLogin yes' /etc/ssh/sshd_config",
        "sed -i 1d /etc/ssh/sshd_config",
        "high check/ssh-root-login",
    ),
    (
        "echo 'nosudo ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/nosudo; chmod 440 /etc/sudoers.d/nosudo",
        "rm /etc/sudoers.d/nosudo",
        "high check/sudo-without-password/nosudo",
    ),
    (
        "chmod g+w /etc/sudoers.d/README",
        "chmod g-w /etc/sudoers.d/README",
        "critical check/sudo-file//etc/sudoers.d/README",
    ),
    ("useradd -o -u 0 -M twin", "userdel -f twin", "critical check/uid-zero/twin"),
    ("passwd -d nosudo", "passwd -l nosudo", "critical check/password/nosudo"),
    ("chmod 777 /home/nosudo/.ssh", "chmod 700 /home/nosudo/.ssh", "high check/key-file/nosudo"),
    (
        "ssh-keygen -q -t rsa -b 1024 -N '' -f /root/weak; cat /root/weak.pub >>/home/audit/.ssh/authorized_keys",
        "sed -i '$d' /home/audit/.ssh/authorized_keys",
        "high check/weak-key/audit/",
    ),
];

fn here(host: fn(&Lab) -> Option<Host>, test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let Some(host) = host(&lab) else { return };
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// Every finding of an audit as `SEVERITY ID`.
fn found(ops: &Ops<'_>, line: &str) -> Vec<String> {
    let said = ops.alice(&format!("{line} --format json --fail-on none"));
    said.expect(0, &[]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let findings = report["findings"].as_array().unwrap_or_else(|| panic!("no findings: {said}"));
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    for finding in findings {
        assert!(!text(finding, "remedy").is_empty() && !text(finding, "evidence").is_empty(), "{finding}");
    }
    findings.iter().map(|finding| format!("{} {}", text(finding, "severity"), text(finding, "id"))).collect()
}

/// Gives a host all faults at once and puts them right again; an audit before, between and after.
fn appears_and_goes(faults: &[Fault], line: &str) {
    here(
        |lab| Some(lab.host()),
        |lab, host, ops| {
            let count = |all: &[String], id: &str| {
                all.iter().filter(|one| *one == id || (id.ends_with('/') && one.starts_with(id))).count()
            };
            ops.keep(
                "playbooks/audit.yml",
                include_str!("../../playbooks/audit.yml")
                    .replace("foreign_packages:\n", "foreign_packages: {each_max: 1000}\n"),
            );
            let before = found(ops, line);
            for (make, ..) in faults {
                lab.exec(host, make);
            }
            let with = found(ops, line);
            for (_, right, _) in faults {
                lab.exec(host, right);
            }
            let after = found(ops, line);
            for (_, _, id) in faults {
                assert_eq!(
                    (count(&before, id), count(&with, id), count(&after, id)),
                    (0, 1, 0),
                    "{id}: {with:#?}"
                );
            }
            assert_eq!(before, after);
        },
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn each_fault_of_a_host_is_found_once_and_is_gone_when_it_is_put_right() {
    appears_and_goes(FAULTS, "audit -i audit");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn each_way_in_that_should_not_be_is_found_once_and_is_gone_when_it_is_put_right() {
    appears_and_goes(ACCESS_FAULTS, "audit audit-access audit-users -i ops --become");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_account_without_rights_is_told_what_it_could_not_see_and_keys_are_known_by_the_roster() {
    here(
        |lab| Some(lab.host()),
        |_, _, ops| {
            let said = ops.alice("audit audit-access audit-users -i audit");
            said.expect(
                0,
                &["who may use sudo is unknown", "what passwords are worth is unknown", "keys of"],
            );
            let all = found(ops, "audit audit-users -i ops --become");
            // alice and sam may enter as ops and are in the roster; the lab's own key is in nobody's entry.
            let unknown = |user: &str| {
                all.iter().filter(|id| id.contains(&format!("check/unknown-key/{user}/"))).count()
            };
            assert_eq!((unknown("ops"), unknown("root")), (1, 1), "{all:#?}");
        },
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_systemd_and_apt_nothing_reads_as_clean() {
    here(
        |lab| lab.host_of("sysvinit"),
        |lab, host, ops| {
            assert!(found(ops, "audit -i audit").contains(&"low not-assessed/failed-unit".to_owned()));
            lab.exec(host, "mkdir /opt/off; mv /usr/bin/apt-* /opt/off");
            let all = found(ops, "audit -i audit");
            for blind in ["updates", "repository", "foreign-package", "automatic-updates", "failed-unit"] {
                assert!(
                    all.iter().any(|id| id.ends_with(&format!(" not-assessed/{blind}"))),
                    "{blind}: {all:#?}"
                );
            }
            ops.alice("audit -i audit").expect(5, &[]);
        },
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_disk_that_is_full_is_found() {
    here(
        |lab| Some(lab.tiny_host()),
        |lab, host, ops| {
            let fill =
                "free=$(df -Pk / | awk 'END { print $4 }'); head -c $((free - 2048))k /dev/zero >/var/full";
            lab.exec(host, fill);
            let all = found(ops, "audit -i audit");
            assert!(all.contains(&"high low-disk//".to_owned()), "{all:#?}");
        },
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_groups_own_check_is_a_finding_and_a_wrong_name_is_told() {
    here(
        |lab| Some(lab.host()),
        |_, _, ops| {
            let tasks = "- setup: {gather_subset: min}\n\
                     - check: {id: old, that: \"ansible_kernel is version('99', '>=')\", title: the kernel is old, severity: high, remedy: upgrade}\n\
                     - check: {id: seen, that: ansible_nothing == 1, title: nothing is wrong, remedy: none}\n";
            let file = ops.play("ours", "", tasks);
            assert_eq!(
                found(ops, &format!("audit {file} -i audit")),
                ["high check/old", "medium not-assessed/check/seen"]
            );
            ops.alice("audit audit-acess -i audit").expect(2, &["audit-access"]);
        },
    );
}

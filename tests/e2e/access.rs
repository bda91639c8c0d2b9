//! Hosts that cannot be entered, or not as somebody wants to: what it is, what to do, and what the ledger knows.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use std::os::unix::fs::PermissionsExt;

const LEFT: &str = "/tmp/e2e-entered";

/// A lab, a host and an ops repository; and what happens to whoever tries to leave a file on the host.
fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    ops.play("touch", "", &format!("- command: touch {LEFT}"));
    ops.play("sudo", "  become: true\n", &format!("- command: touch {LEFT}"));
    test(&lab, &host, &ops);
    lab.exec(&host, &format!("rm -f {LEFT}"));
}

/// The host was not reached: exit 3, said so, recorded so.
#[track_caller]
fn unreachable(lab: &Lab, host: &Host, ops: &Ops<'_>, words: &[&str]) {
    let said = ops.alice("run playbooks/touch.yml -i ops --timeout 4 --reason why");
    said.expect(3, words).expect(3, &[host.name(), "unreachable=1", "changed=0", "failed=0"]);
    let line = ops.newest();
    assert!(line.contains("1 unreachable") && line.contains("why"), "{line}");
    ops.newest_run().expect(0, &[host.name(), "unreachable"]);
    assert!(!lab.holds(host, &format!("test -e {LEFT}")));
}

/// Changes the inventory, or another file of the repository, by replacing a text in it.
fn replaced(ops: &Ops<'_>, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(ops.root().join(file)).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    ops.keep(file, text.replace(from, to));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_is_down_is_unreachable() {
    here(|lab, host, ops| {
        let address = lab.address(host);
        // The lab numbers its hosts from both ends; nobody gets this one.
        let nowhere = format!("{}.5", address.rsplit_once('.').unwrap().0);
        replaced(ops, "inventory/ops.yml", &address, &nowhere);
        unreachable(lab, host, ops, &[&nowhere, "port 22", "check the network"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_name_that_nobody_knows_is_unreachable() {
    here(|lab, host, ops| {
        replaced(ops, "inventory/ops.yml", &lab.address(host), "nosuch.invalid");
        unreachable(lab, host, ops, &["nosuch.invalid", "check the spelling"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_refused_connection_is_unreachable() {
    here(|lab, host, ops| {
        lab.exec(host, "systemctl stop ssh.socket ssh.service 2>/dev/null; systemctl stop ssh.service");
        unreachable(lab, host, ops, &["port 22 refused the connection", "check that sshd runs"]);
        lab.exec(host, "systemctl start ssh.service");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_changed_host_key_is_refused_before_anything_is_sent() {
    here(|lab, host, ops| {
        let theirs = std::fs::read_to_string(lab.path("keys/id_stranger.pub")).unwrap();
        let theirs: Vec<&str> = theirs.split_whitespace().take(2).collect();
        ops.keep("inventory/known_hosts", format!("{} {}\n", lab.address(host), theirs.join(" ")));
        let words = ["HOST KEY CHANGED", "inventory/known_hosts:1", "listening in"];
        unreachable(lab, host, ops, &words);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_unknown_host_key_is_refused_with_the_command_that_adds_it() {
    here(|lab, host, ops| {
        ops.keep("inventory/known_hosts", "");
        let command = format!("echo '{} ssh-ed25519", lab.address(host));
        unreachable(lab, host, ops, &["unknown host key", &command, "compare"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_wrong_key_is_unreachable_and_named() {
    here(|lab, host, ops| {
        replaced(ops, "inventory/ops.yml", "keys/id_ed25519", "keys/id_stranger");
        let words = ["ops can't log in", "id_stranger", "ansible_ssh_private_key_file"];
        unreachable(lab, host, ops, &words);
    });
}

/// Sudo was not to be had: exit 1, and nothing done.
#[track_caller]
fn no_sudo(lab: &Lab, host: &Host, ops: &Ops<'_>, line: &str, words: &[&str]) {
    ops.alice(line).expect(1, words).expect(1, &["failed=1", "changed=0"]).without(&["not-this-one"]);
    assert!(!lab.holds(host, &format!("test -e {LEFT}")));
    assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
}

/// A file with a password, which only its owner reads.
fn password(ops: &Ops<'_>, text: &str) -> String {
    let file = ops.elsewhere().join("password");
    std::fs::write(&file, format!("{text}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    file.to_string_lossy().into_owned()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn sudo_without_a_password_that_it_wants_fails_and_names_the_flag() {
    here(|lab, host, ops| {
        let line = "run playbooks/sudo.yml -i opspw";
        no_sudo(lab, host, ops, line, &["sudo needs a password to become root", "--ask-become-pass"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_wrong_sudo_password_fails_and_the_right_one_does() {
    here(|lab, host, ops| {
        let line = format!(
            "run playbooks/sudo.yml -i opspw --become-password-file {}",
            password(ops, "not-this-one")
        );
        no_sudo(lab, host, ops, &line, &["sudo refused the password"]);
        password(ops, "opspw-secret");
        ops.alice(&line).expect(0, &["changed=1"]).without(&["opspw-secret"]);
        assert!(lab.holds(host, &format!("test -e {LEFT}")));
        ops.newest_run().expect(0, &["changed"]).without(&["opspw-secret"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_password_file_that_others_may_read_is_refused() {
    here(|lab, host, ops| {
        let file = password(ops, "opspw-secret");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let said = ops.alice(&format!("run playbooks/sudo.yml -i opspw --become-password-file {file}"));
        said.expect(2, &[&file, "chmod 600"]);
        assert!(!lab.holds(host, &format!("test -e {LEFT}")));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_password_that_is_asked_for_without_a_terminal_names_the_flag() {
    here(|lab, host, ops| {
        let said = ops.alice("run playbooks/sudo.yml -i opspw --ask-become-pass");
        said.expect(2, &["terminal", "--become-password-file"]);
        assert!(!lab.holds(host, &format!("test -e {LEFT}")));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_user_whom_sudo_does_not_know_fails() {
    here(|lab, host, ops| {
        no_sudo(lab, host, ops, "run playbooks/sudo.yml -i nosudo", &["sudo", "root"]);
        ops.alice("run playbooks/touch.yml -i nosudo").expect(0, &["changed=1"]);
        assert_eq!(lab.exec(host, &format!("stat -c %U {LEFT}")), "nosudo");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_login_shell_that_is_not_sh_makes_no_difference() {
    here(|lab, host, ops| {
        ops.alice("run playbooks/sudo.yml -i fishy").expect(0, &["changed=1"]);
        assert_eq!(lab.exec(host, &format!("stat -c %U {LEFT}")), "root");
        ops.alice("audit -i fishy").expect(5, &["libfoo"]);
        ops.alice("ping -i fishy").expect(0, &["ok"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_login_shell_that_lets_nobody_in_fails_and_says_what_it_printed() {
    here(|lab, host, ops| {
        lab.exec(host, "usermod --shell /usr/sbin/nologin nosudo");
        let said = ops.alice("run playbooks/touch.yml -i nosudo");
        lab.exec(host, "usermod --shell /bin/sh nosudo");
        said.expect(1, &["failed=1", "not available", "an account that may run sh"]);
        assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn one_host_that_is_down_does_not_keep_the_others_from_their_play() {
    here(|lab, host, ops| {
        let far = format!("{}    far: {{ansible_host: nosuch.invalid}}\n", ops.inventory("ops", &[host]));
        ops.keep("inventory/two.yml", far);
        let said = ops.alice("run playbooks/touch.yml -i two");
        said.expect(3, &["nosuch.invalid", "unreachable=1", "changed=1"]);
        assert!(lab.holds(host, &format!("test -e {LEFT}")));
        let line = ops.newest();
        assert!(line.contains("1 changed") && line.contains("1 unreachable"), "{line}");
    });
}

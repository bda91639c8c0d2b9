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

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn su_takes_the_password_of_whoever_is_become_and_asks_root_for_none() {
    here(|lab, host, ops| {
        lab.exec(host, "echo root:root-secret | chpasswd");
        let bare = "run playbooks/sudo.yml -i audit --become-method su";
        no_sudo(lab, host, ops, bare, &["can't become root", "none was given", "--ask-become-pass"]);
        let line = format!("{bare} --become-password-file {}", password(ops, "not-this-one"));
        no_sudo(lab, host, ops, &line, &["su refused the password", "takes the password of root"]);
        password(ops, "root-secret");
        ops.alice(&line).expect(0, &["changed=1"]).without(&["root-secret"]);
        assert_eq!(lab.exec(host, &format!("stat -c %U {LEFT}")), "root");
        ops.newest_run().expect(0, &["changed"]).without(&["root-secret"]);
        ops.keep("inventory/root.yml", ops.inventory("root", &[host]));
        let keywords = "  become: true\n  become_method: su\n  become_user: audit\n";
        let tasks = "- command: id -un\n  register: who\n- assert: {that: who.stdout == 'audit'}\n";
        let file = ops.play("audit", keywords, tasks);
        ops.alice(&format!("run {file} -i root")).expect(0, &["failed=0"]);
        ops.alice(&format!("run {file} -i root -e ansible_become_user=nosuch"))
            .expect(1, &["no user nosuch"]);
    });
}

/// A host stops to answer in the middle of a play, and comes back a few seconds later.
const GONE: &str = r"
- command: true
- name: it goes
  shell: >
    systemd-run --on-active=6 --timer-property=AccuracySec=100ms systemctl start ssh.service;
    systemctl stop ssh.socket ssh.service; systemctl stop ssh.service;
    pkill -x sshd; sleep 30
  ignore_unreachable: true
- name: it is away
  ping:
  ignore_unreachable: true
  register: away
- assert: {that: [away is unreachable, away is failed, away is not skipped]}
- wait_for_connection: {timeout: 30}
- command: id -un
  register: back
- assert: {that: back.stdout == 'root'}
";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_goes_away_in_the_middle_of_a_play_goes_on_where_that_is_ignored() {
    here(|lab, host, ops| {
        let file = ops.play("gone", "  become: true\n", GONE);
        let line = format!("run {file} -i ops --timeout 4");
        let recap = ops.alice(&line).expect(0, &["refused the connection"]).recap(host.name());
        assert_eq!((recap["unreachable"], recap["failed"], recap["ignored"]), (0, 0, 2), "{recap:?}");
        let strict = GONE.replace("  ignore_unreachable: true\n", "");
        let file = ops.play("gone", "  become: true\n", &strict);
        ops.alice(&format!("run {file} -i ops --timeout 4")).expect(3, &["unreachable=1"]);
        std::thread::sleep(std::time::Duration::from_secs(7));
        assert!(lab.ssh(host, "true").status.success());
        // The run that lost it keeps its lock there.
        lab.reset(host);
    });
}

const LOGINS: &str = r"
- command: id -un
  register: usual
- file: {path: /root/e2e-login, state: directory}
  remote_user: root
- stat: {path: /root/e2e-login}
  remote_user: root
  register: made
- command: id -un
  vars: {ansible_user: audit}
  port: 22
  register: by_variable
- block:
    - command: id -un
      register: by_block
  remote_user: audit
- command: id -un
  register: again
- assert:
    that:
      - usual.stdout == 'ops' and again.stdout == 'ops'
      - made.stat.isdir
      - by_variable.stdout == 'audit' and by_block.stdout == 'audit'
- file: {path: /root/e2e-login, state: absent}
  remote_user: root
";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_task_may_log_in_as_somebody_else() {
    here(|lab, host, ops| {
        let inventory = ops.inventory("ops", &[host]).replace("    ansible_user: ops\n", "");
        ops.keep("inventory/anyone.yml", inventory);
        let file = ops.play("logins", "  remote_user: ops\n", LOGINS);
        let recap = ops.alice(&format!("run {file} -i anyone")).expect(0, &[]).recap(host.name());
        assert_eq!((recap["changed"], recap["failed"]), (6, 0), "{recap:?}");
        assert!(!lab.holds(host, "test -e /root/e2e-login"));
        // Where the inventory says who logs in, a keyword says nothing.
        ops.alice(&format!("run {file} -i ops")).expect(1, &["failed=1"]);
    });
}

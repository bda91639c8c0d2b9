//! Bad playbooks: each is refused as a whole, at its place, before a host is touched or a word is recorded.

use crate::lab::Lab;
use crate::ops::Ops;

const TASK: &str = "/tmp/e2e-never";

/// Runs a play whose first task would leave a file, and whose second is as given: refused as a whole.
#[track_caller]
fn refused(task: &str, words: &[&str]) {
    refused_at(5, task, words);
}

/// The same, where the mistake is found on another line.
#[track_caller]
fn refused_at(line: usize, task: &str, words: &[&str]) {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    let file = ops.play("bad", "", &format!("- command: touch {TASK}\n{task}"));
    lab.exec(&host, &format!("rm -f {TASK}*"));
    let said = ops.alice(&format!("run {file} -i ops --reason test"));
    said.expect(2, words).expect(2, &[&format!("playbooks/bad.yml:{line}:")]);
    assert_eq!(said.out, "", "nothing of it was begun");
    assert_eq!(ops.entries(), 0, "nothing was meant to be changed");
    assert!(!lab.holds(&host, &format!("test -e {TASK}")), "nothing was sent");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_unknown_key_is_refused_at_its_place() {
    refused("- {command: 'true', whem: x}", &["no keyword 'whem'", "did you mean 'when'", "^"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_misspelt_module_is_refused_at_its_place() {
    refused("- comand: 'true'", &["no module 'comand'", "did you mean 'command'"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_misspelt_parameter_is_refused_at_its_place() {
    refused("- file: {path: /tmp/x, sate: touch}", &["'sate'", "did you mean 'state'"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_parameter_of_the_wrong_type_is_refused_at_its_place() {
    refused("- file: {path: /tmp/x, state: [a]}", &["state", "expected"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_word_that_a_parameter_does_not_know_is_refused_at_its_place() {
    refused("- file: {path: /tmp/x, state: presnt}", &["presnt", "directory"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_parameter_that_is_missing_is_refused_at_its_place() {
    refused("- file: {state: touch}", &["path"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_tab_in_the_indentation_is_refused_at_its_place() {
    refused_at(6, "-\tcommand: 'true'\n\tname: x", &["tab", "spaces"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_quote_that_is_not_closed_is_refused_at_its_place() {
    refused_at(6, "- command: \"true", &["quote"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_broken_template_is_refused_at_its_place() {
    refused("- debug: {msg: '{{ 1 + }}'}", &["{{ 1 + }}", "^"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_binary_file_is_no_playbook() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    ops.keep("playbooks/bad.yml", [0x7f, b'E', b'L', b'F', 0, 0, 0xff, 0xfe, 0x1b, b'[', b'2', b'J']);
    let said = ops.alice("run playbooks/bad.yml -i ops");
    said.expect(2, &["playbooks/bad.yml", "binary"]).without(&["\u{1b}"]);
    assert_eq!((said.out.as_str(), ops.entries()), ("", 0));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_undefined_variable_fails_its_task_alone_and_says_where() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    let task = format!("- command: touch {TASK}-{{{{ nosuch }}}}\n- command: touch {TASK}");
    let file = ops.play("bad", "", &task);
    let said = ops.alice(&format!("run {file} -i ops"));
    said.expect(1, &["failed: [", "'nosuch' is undefined", "playbooks/bad.yml:4:", "failed=1", "changed=0"]);
    assert!(!lab.holds(&host, &format!("ls {TASK}*")));
    assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn checking_and_listing_touch_no_host() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    ops.keep("inventory/far.yml", "all:\n  hosts:\n    far: {ansible_host: 192.0.2.1}\n");
    let file = ops.play("good", "", "- name: Touch it\n  command: touch /tmp/x");
    let quick = |line: &str| ops.types("alice", line).within(5).says();
    quick(&format!("run {file} -i far --syntax-check")).expect(0, &[]);
    quick(&format!("run {file} -i far --list-tasks")).expect(0, &["Touch it"]);
    quick(&format!("run {file} -i far --list-hosts")).expect(0, &["far"]);
    quick("inventory -i far --graph").expect(0, &["far"]);
    quick("inventory -i far --host far").expect(0, &["192.0.2.1"]);
    quick("inventory -i far --list").expect(0, &["_meta"]);
    ops.keep("playbooks/bad.yml", "- hosts: all\n  tsks: []\n");
    quick("run playbooks/bad.yml -i far --syntax-check").expect(2, &["playbooks/bad.yml:2:3", "tasks"]);
    assert_eq!(ops.entries(), 0);
}

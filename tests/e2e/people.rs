//! Who may do what: whatever somebody types who is not cleared, the hosts stay as they are.

use crate::lab::{Host, Lab};
use crate::ops::Ops;

const PLACES: &str =
    "dpkg -l; find /etc /home /tmp /var/tmp -xdev -not -type d -printf '%p %s %m %T@\\n' | sort";

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let tasks = "- command: touch /tmp/e2e-shadow\n  check_mode: false\n\
                 - copy: {dest: /etc/e2e-shadow, content: hello}\n  check_mode: false\n\
                 - shell: rm -rf /home/ops/.ssh\n  become: true\n  changed_when: false";
    ops.play("mischief", "", tasks);
    test(&lab, &host, &ops);
}

/// Holds two pictures of a host to be the same, and says what is not.
#[track_caller]
fn same(now: &str, before: &str, after: &str) {
    let new: Vec<&str> = now.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert!(now == before, "{after}: {new:#?}");
}

/// Nothing that is typed changes the host.
#[track_caller]
fn harmless(lab: &Lab, host: &Host, ops: &Ops<'_>, who: &str, lines: &[&str]) {
    let before = lab.exec(host, PLACES);
    for line in lines {
        ops.types(who, line).says().expect(0, &["nothing is changed"]);
        same(&lab.exec(host, PLACES), &before, &format!("{who}: {line}"));
    }
}

const MISCHIEF: [&str; 3] =
    ["patch -i ops --yes", "patch -i ops --yes --reboot if-needed", "run playbooks/mischief.yml -i ops"];

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_shadow_changes_nothing_whatever_they_type() {
    here(|lab, host, ops| {
        harmless(lab, host, ops, "sam", &MISCHIEF);
        let line = ops.newest();
        assert!(line.contains("sam (shadow)"), "{line}");
        assert_eq!(ops.entries(), MISCHIEF.len(), "each is recorded, and as what it was");
        ops.types("sam", "audit -i ops").says().expect(5, &["libfoo"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_unknown_key_gets_a_dry_run_that_is_not_recorded() {
    here(|lab, host, ops| {
        harmless(lab, host, ops, "mallory", &MISCHIEF);
        assert_eq!(ops.entries(), 0);
        ops.types("mallory", "audit -i ops").says().expect(5, &["libfoo"]);
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_a_roster_everybody_gets_a_dry_run() {
    here(|lab, host, ops| {
        std::fs::remove_file(ops.root().join("inventory/operators.yml")).unwrap();
        ops.keep("README.md", "No roster here\n");
        // Where there was one, it is missed.
        ops.types("alice", "ping -i ops").says().expect(4, &["operators.yml is gone"]);
        std::fs::remove_dir_all(ops.elsewhere().join("home/.local/state")).unwrap();
        harmless(lab, host, ops, "alice", &MISCHIEF);
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_auditor_audits_and_is_refused_the_rest() {
    here(|lab, host, ops| {
        let before = lab.exec(host, PLACES);
        for line in MISCHIEF {
            ops.types("ci", line).says().expect(4, &["auditor"]);
        }
        ops.types("ci", "audit -i ops").says().expect(5, &["libfoo"]);
        same(&lab.exec(host, PLACES), &before, "");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn somebody_who_left_is_refused_everything() {
    here(|lab, host, ops| {
        let before = lab.exec(host, PLACES);
        for line in MISCHIEF.iter().chain(&["audit -i ops"]) {
            ops.types("bob", line).says().expect(4, &["left"]);
        }
        same(&lab.exec(host, PLACES), &before, "");
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_leads_check_changes_nothing_but_what_says_that_it_runs_in_a_dry_run() {
    here(|lab, host, ops| {
        let file = ops.play(
            "asked",
            "",
            "- command: touch /tmp/e2e-asked\n- copy: {dest: /tmp/e2e-copied, content: x}",
        );
        ops.alice(&format!("run {file} -i ops --check")).expect(0, &["would run", "would change"]);
        assert!(!lab.holds(host, "ls /tmp/e2e-*"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn changes_that_are_not_committed_are_refused_unless_allowed_and_then_recorded() {
    here(|lab, host, ops| {
        let file = ops.play("good", "", "- command: touch /tmp/e2e-dirty");
        ops.write("inventory/group_vars/all.yml", "new: 1\n");
        ops.alice(&format!("run {file} -i ops")).expect(4, &["not committed", "--allow-dirty"]);
        assert!(!lab.holds(host, "ls /tmp/e2e-dirty"));
        assert_eq!(ops.entries(), 0);
        ops.alice(&format!("run {file} -i ops --allow-dirty")).expect(0, &["changed=1"]);
    });
}

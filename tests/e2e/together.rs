//! Several at once on the same hosts, and work that outlives whoever began it.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::{Running, wait_until};

/// A play that changes something and is at it for as long as the host's `/tmp/stop` isn't there.
const SLOW: &str = "- shell: touch /tmp/begun; while [ ! -e /tmp/stop ]; do sleep 0.1; done";
const CLEAN: &str = "rm -rf /tmp/stop /tmp/begun /tmp/quick";
const QUICK: &str = "- command: touch /tmp/quick";

fn begun(lab: &Lab, host: &Host) {
    wait_until("the change is under way", 20, || lab.holds(host, "test -e /tmp/begun"));
}

/// The run that has the host's lock.
fn run_at(lab: &Lab, host: &Host) -> String {
    lab.exec(host, "ls /run/wgops/lock | cut -d. -f1")
}

fn nothing_stays(lab: &Lab, host: &Host) {
    let left = lab.exec(host, "ls -A /run/wgops 2>/dev/null || true");
    assert_eq!(left, "", "nothing is left behind");
}

fn transaction_under_way(lab: &Lab, host: &Host, ops: &Ops<'_>) -> Running {
    lab.exec(host, "apt-get install -y slowpost=1.0 >/dev/null 2>&1");
    let running = ops.types("alice", "patch -i ops --yes").within(120).starts();
    wait_until("the transaction is under way", 40, || lab.holds(host, "pgrep -f '[s]lowpost.postinst'"));
    running
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn of_two_operators_the_second_is_told_who_changes_the_host_and_goes_through_afterwards() {
    let lab = Lab::open();
    let host = lab.host();
    lab.exec(&host, CLEAN);
    let (one, other) = (Ops::of(&lab, &[&host]), Ops::of(&lab, &[&host]));
    let slow = one.play("slow", "  become: true\n", SLOW);
    let quick = other.play("quick", "  become: true\n", "- copy: {dest: /tmp/quick, content: new}");
    let first = one.types("alice", &format!("run {slow} -i ops")).starts();
    begun(&lab, &host);
    let run = run_at(&lab, &host);
    let second = other.types("alice", &format!("run {quick} -i ops")).says();
    second.expect(1, &["is being changed by alice (lead)", &run, " ago, until ", "nothing was sent"]);
    assert!(!lab.holds(&host, "test -e /tmp/quick"), "{second}");
    assert_eq!(other.newest_run().code, Some(0));
    // Who only looks is held up by nobody, and told.
    let looks = other.types("alice", &format!("run {quick} -i ops --check")).says();
    looks.expect(0, &["warning", "is being changed by alice (lead)"]);
    lab.exec(&host, "touch /tmp/stop");
    first.says().expect(0, &["changed=1"]);
    nothing_stays(&lab, &host);
    let again = other.types("alice", &format!("run {quick} -i ops")).says();
    again.expect(0, &["changed=1"]).without(&["warning"]);
    nothing_stays(&lab, &host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn where_wgops_was_killed_a_host_is_free_at_once_but_for_one_that_is_still_changed() {
    let lab = Lab::open();
    let (idle, busy) = lab.two_hosts();
    lab.exec(&idle, CLEAN);
    lab.exec(&busy, CLEAN);
    let ops = Ops::of(&lab, &[&idle, &busy]);
    let tasks =
        format!("- command: touch /tmp/begun\n{SLOW}\n  when: inventory_hostname == '{}'\n", busy.name());
    ops.play("both", "  become: true\n", &tasks);
    let both = std::fs::read_to_string(ops.root().join("playbooks/both.yml")).unwrap();
    // A second play for both: the idle one waits for it, its lock in hand.
    ops.keep("playbooks/twice.yml", format!("{both}{}", both.trim_start_matches("---\n")));
    let quick = ops.play("quick", "  become: true\n", QUICK);
    let first = ops.types("alice", "run playbooks/twice.yml -i ops").starts();
    begun(&lab, &busy);
    wait_until("the idle host waits", 10, || {
        lab.holds(&idle, "grep -qx 'state held' /run/wgops/lock/*") && lab.holds(&idle, "test -e /tmp/begun")
    });
    let run = run_at(&lab, &idle);
    first.signal("KILL");
    first.says();
    wait_until("its shell on the idle host is gone", 10, || {
        !lab.holds(&idle, "test -e /proc/$(sed -n 's/^pid //p' /run/wgops/lock/*)")
    });
    let said = ops.types("alice", &format!("run {quick} -i ops")).says();
    said.expect(1, &["took over the lock", &run, "is being changed by alice (lead)"]);
    assert_eq!(said.recap(idle.name())["changed"], 1, "{said}");
    assert_eq!(said.recap(busy.name())["failed"], 1, "{said}");
    lab.exec(&busy, "touch /tmp/stop");
    wait_until("the change on the busy host has ended", 10, || !lab.holds(&busy, "pgrep -f '[t]mp/begun'"));
    ops.types("alice", &format!("run {quick} -i ops")).says().expect(0, &["took over the lock"]);
    nothing_stays(&lab, &idle);
    nothing_stays(&lab, &busy);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_transaction_keeps_its_host_though_wgops_was_killed_and_its_result_waits() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let quick = ops.play("quick", "  become: true\n", QUICK);
    let first = transaction_under_way(&lab, &host, &ops);
    let run = run_at(&lab, &host);
    first.signal("KILL");
    first.says();
    wait_until("its shell is gone", 10, || {
        !lab.holds(&host, "test -e /proc/$(sed -n 's/^pid //p' /run/wgops/lock/*)")
    });
    let said = ops.types("alice", &format!("run {quick} -i ops")).says();
    said.expect(1, &["'Upgrade ", "still goes on there", &format!("wgops resume {run}"), "alice (lead)"]);
    wait_until("the transaction has ended", 30, || lab.holds(&host, "test -e /run/wgops/*-1/status"));
    let said = ops.types("alice", &format!("run {quick} -i ops")).says();
    said.expect(0, &["changed=1", "has ended, and its result waits", &format!("wgops resume {run}")]);
    lab.reset(&host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_interrupt_gives_the_lock_back_and_a_second_one_lets_it_free_itself() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    let slow = ops.play("slow", "  become: true\n", &format!("{SLOW}\n{QUICK}"));
    let quick = ops.play("quick", "  become: true\n", QUICK);
    for signal in ["INT", "TERM", "HUP"] {
        lab.exec(&host, CLEAN);
        let first = ops.types("alice", &format!("run {slow} -i ops")).starts();
        begun(&lab, &host);
        first.signal(signal);
        lab.exec(&host, "sleep 0.3; touch /tmp/stop");
        first.says().expect(130, &["Interrupted"]);
        nothing_stays(&lab, &host);
        assert!(!lab.holds(&host, "test -e /tmp/quick"));
    }
    lab.exec(&host, CLEAN);
    let first = ops.types("alice", &format!("run {slow} -i ops")).starts();
    begun(&lab, &host);
    first.signal("INT");
    lab.exec(&host, "sleep 0.3");
    first.signal("INT");
    first.says().expect(130, &["Interrupted again"]);
    // What it was at goes on, so nobody else may.
    ops.types("alice", &format!("run {quick} -i ops")).says().expect(1, &["is being changed by alice"]);
    lab.exec(&host, "touch /tmp/stop");
    wait_until("the change has ended", 10, || !lab.holds(&host, "pgrep -f '[t]mp/begun'"));
    ops.types("alice", &format!("run {quick} -i ops")).says().expect(0, &["took over the lock"]);
    nothing_stays(&lab, &host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn two_names_of_one_host_and_more_hosts_than_connections_are_in_nobodys_way() {
    let lab = Lab::open();
    let (one, two) = lab.two_hosts();
    let ops = Ops::of(&lab, &[&one, &two]);
    let inventory = std::fs::read_to_string(ops.root().join("inventory/ops.yml")).unwrap();
    let alias = format!("{}    alias: {{ansible_host: {}}}\n", inventory, lab.address(&one));
    ops.keep("inventory/ops.yml", alias);
    let known = lab.known_hosts(&one).replace(&format!("{},", one.name()), "alias,");
    let all = std::fs::read_to_string(ops.root().join("inventory/known_hosts")).unwrap();
    ops.keep("inventory/known_hosts", format!("{all}{known}"));
    let tasks = "- command: touch /tmp/one-{{ inventory_hostname }}\n- command: touch /tmp/two-{{ inventory_hostname }}\n  changed_when: true";
    let play = ops.play("names", "  become: true\n  any_errors_fatal: true\n", tasks);
    for forks in ["", " --forks 1"] {
        let said = ops.types("alice", &format!("run {play} -i ops{forks}")).says();
        said.expect(0, &[]).without(&["warning", "lock"]);
        assert_eq!(said.out.matches(" : ok=2 changed=2 unreachable=0 failed=0").count(), 3, "{said}");
        nothing_stays(&lab, &one);
        nothing_stays(&lab, &two);
    }
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_interrupt_lets_a_transaction_end_and_a_second_one_leaves_it_to_itself() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let first = transaction_under_way(&lab, &host, &ops);
    let run = run_at(&lab, &host);
    first.signal("INT");
    lab.exec(&host, "sleep 0.5");
    first.signal("INT");
    first.says().expect(130, &["Interrupted again", "unknown"]);
    assert!(lab.holds(&host, "pgrep -f '[s]lowpost.postinst'"), "it goes on");
    // The shell there looks up from what it waits for after a second, and finds that nobody listens.
    let holder = "kill -0 $(sed -n 's/^pid //p' /run/wgops/lock/*)";
    wait_until("the host saw the line go", 10, || !lab.holds(&host, holder));
    let quick = ops.play("quick", "  become: true\n", QUICK);
    let said = ops.types("alice", &format!("run {quick} -i ops")).says();
    said.expect(1, &["still goes on there", &format!("wgops resume {run}")]);
    wait_until("the transaction has ended", 30, || lab.holds(&host, "test -e /run/wgops/*-1/status"));
    assert!(lab.exec(&host, "cat /run/wgops/*/status").lines().all(|status| status == "0"));
    lab.reset(&host);
}

//! Runs that somebody goes on with: after wgops was killed, after a handover, and where something has changed since.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::{Said, wait_until};

/// A host in the midst of a transaction that takes seconds, whose wgops was killed; and the run's id.
fn killed_in_a_transaction(test: impl FnOnce(&Lab, &Host, &Ops<'_>, &str)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    lab.exec(&host, "apt-get install -y slowpost=1.0 >/dev/null 2>&1");
    let ops = Ops::of(&lab, &[&host]);
    ops.joins("carol");
    let typed = "patch -i ops --exclude bar --reason weekly --ticket INFRA-1";
    let run = ops.types("alice", typed).at_a_terminal("1\n").within(120).starts();
    wait_until("the transaction is under way", 40, || lab.holds(&host, "pgrep -f '[s]lowpost.postinst'"));
    run.kill();
    let runs = ops.alice("runs");
    runs.expect(0, &["open", "1 of 1 host left", host.name(), "weekly"]);
    test(&lab, &host, &ops, &first_run(&runs));
}

/// The id in the first line of `wgops runs`.
fn first_run(said: &Said) -> String {
    let line = said.out.lines().next().unwrap_or_else(|| panic!("no run in:\n{said}"));
    line.trim_start_matches(['→', ' ']).split_whitespace().next().unwrap().to_owned()
}

fn version(lab: &Lab, host: &Host, package: &str) -> String {
    lab.exec(host, &format!("dpkg-query -W -f '${{Version}} ${{db:Status-Abbrev}}' {package} || true"))
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_killed_run_is_picked_up_where_its_hosts_are() {
    killed_in_a_transaction(|lab, host, ops, run| {
        let said =
            ops.types("alice", &format!("resume {}", &run[..20])).at_a_terminal("1\n").within(90).says();
        said.expect(0, &["Going on with run", host.name()]);
        for package in ["slowpost", "libfoo", "svcd"] {
            assert_eq!(version(lab, host, package), "1.1 ii", "{package}: {said}");
        }
        assert_eq!(version(lab, host, "bar"), "1.0 ii", "what was not confirmed stays: {said}");
        let line = ops.newest();
        assert!(line.contains(run) && line.contains("resumed by alice") && line.contains("weekly"), "{line}");
        assert!(!line.contains("open"), "{line}");
        ops.newest_run().expect(0, &["resumes", "collected", "slowpost 1.0 → 1.1"]);
        assert_eq!(ops.entries(), 3, "two intents, one outcome");
        ops.alice(&format!("resume {run}")).expect(0, &["Nothing is left"]);
        assert!(!lab.holds(host, "ls -A /run/wgops 2>/dev/null | grep ."), "nothing is left behind");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_run_is_handed_to_somebody_who_goes_on_with_it_and_to_nobody_else() {
    killed_in_a_transaction(|lab, host, ops, run| {
        ops.types("carol", &format!("resume {run} --yes")).says().expect(4, &["alice's", "--take-over"]);
        ops.types("sam", &format!("resume {run} --yes")).says().expect(4, &["shadow"]);
        for (to, code, words) in [("nobody", 2, "carol"), ("sam", 4, "shadow"), ("bob", 4, "left")] {
            ops.alice(&format!("handoff {run} --to {to} --note x")).expect(code, &[words]);
        }
        ops.types("carol", &format!("handoff {run} --to carol --note mine")).says().expect(4, &["alice"]);
        ops.alice(&format!("handoff {run} --to carol --note lunch")).expect(0, &["carol"]);
        let said = ops.types("carol", "runs").says();
        said.expect(0, &["→", "handed over to you by alice: lunch"]);
        ops.alice("runs").expect(0, &["handed over to carol"]).without(&["→"]);
        ops.alice(&format!("resume {run} --yes")).expect(4, &["carol's"]);
        ops.alice(&format!("ledger show {run}")).expect(0, &["handoff", "carol", "lunch"]);
        let said = ops.types("carol", &format!("resume {run} --yes")).within(90).says();
        said.expect(0, &[]);
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii", "{said}");
        ops.alice("ledger verify").expect(0, &["verified"]).without(&["open:"]);
        ops.alice(&format!("ledger show {run}")).expect(0, &["resumed by carol"]);
        ops.alice("runs").expect(0, &["finished"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_has_changed_since_is_named_and_refused_unless_allowed() {
    let lab = Lab::open();
    let host = lab.host();
    lab.exec(&host, "rm -rf /tmp/e2e-*");
    let ops = Ops::of(&lab, &[&host]);
    let tasks = "- command: touch /tmp/e2e-one\n  args: {creates: /tmp/e2e-one}\n- command: test -e /tmp/e2e-go\n\
                 - command: touch /tmp/e2e-{{ name }}\n  args: {creates: '/tmp/e2e-{{ name }}'}";
    let file = ops.play("steps", "", tasks);
    ops.alice(&format!("run {file} -i ops -e name=two -e db_password=hunter22")).expect(1, &["failed=1"]);
    let run = first_run(&ops.alice("runs"));
    lab.exec(&host, "touch /tmp/e2e-go");
    ops.alice(&format!("resume {run} --yes")).expect(2, &["db_password", "-e"]);
    let again = format!("resume {run} --yes -e db_password=hunter22");
    ops.keep("playbooks/other.yml", "- hosts: all\n");
    ops.alice(&again).expect(4, &["playbooks/other.yml", "--allow-changed"]);
    assert!(!lab.holds(&host, "test -e /tmp/e2e-two"));
    ops.alice(&format!("{again} --allow-changed")).expect(0, &["ok=3"]);
    assert!(lab.holds(&host, "test -e /tmp/e2e-two"));
    ops.newest_run().expect(0, &["differs", "playbooks/other.yml"]);
    assert!(ops.newest().contains("resumed by alice"), "{}", ops.newest());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_was_stopped_before_its_end_is_left_and_picked_up() {
    let lab = Lab::open();
    let (one, two) = lab.two_hosts();
    let ops = Ops::of(&lab, &[&one, &two]);
    let clean = |host| lab.exec(host, "rm -f /tmp/e2e-*");
    [&one, &two].into_iter().for_each(|host| drop(clean(host)));
    // Somebody interrupts once, in the midst of the first task.
    let tasks = "- shell: touch /tmp/e2e-began; sleep 4\n- command: touch /tmp/e2e-second\n";
    let slow = ops.play("slow", "", tasks);
    let run = ops.types("alice", &format!("run {slow} -i ops")).starts();
    wait_until("it has begun", 30, || lab.holds(&two, "test -e /tmp/e2e-began"));
    run.signal("INT");
    run.says().expect(130, &["interrupted before its next step"]);
    assert!(!lab.holds(&one, "test -e /tmp/e2e-second"));
    let runs = ops.alice("runs");
    runs.expect(0, &["2 of 2 hosts left", "stopped before its end"]);
    ops.alice(&format!("resume {} --yes", first_run(&runs))).expect(0, &["changed=2"]);
    assert!(lab.holds(&two, "test -e /tmp/e2e-second"));
    // Another host's failure stops all.
    let name = one.name();
    let tasks =
        format!("- shell: test {{{{ inventory_hostname }}}} != {name}\n- command: touch /tmp/e2e-third\n");
    let fatal = ops.play("fatal", "  any_errors_fatal: true\n", &tasks);
    ops.alice(&format!("run {fatal} -i ops")).expect(1, &["stopped before its end"]);
    assert!(!lab.holds(&two, "test -e /tmp/e2e-third"));
    ops.alice("runs").expect(0, &["2 of 2 hosts left", "failed", "stopped before its end"]);
    [&one, &two].into_iter().for_each(|host| drop(clean(host)));
}

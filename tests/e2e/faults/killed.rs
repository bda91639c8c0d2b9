//! wgops is killed at each of its steps, so that it can't clean up after itself.

use super::{has, here, in_the_middle, is_whole, packages, version};
use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::{Said, wait_until};

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn killed_before_the_intent_it_has_changed_nothing_and_recorded_nothing() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        let run = ops.types("alice", "patch -i ops").at_a_terminal("").starts();
        wait_until("it looks at the host", 20, || lab.holds(host, "pgrep -u ops sshd"));
        run.kill();
        assert_eq!(packages(lab, host), before);
        assert_eq!(ops.entries(), 0);
        is_whole(lab, host, ops);
    });
}

/// Has killed wgops, and picks its run up: it comes to its end, and nothing is left on the host or open in the record.
fn is_resumed(lab: &Lab, host: &Host, ops: &Ops<'_>) -> Said {
    let line = ops.newest();
    assert!(line.contains("open"), "{line}");
    let run = line.split_whitespace().last().unwrap();
    ops.alice("runs").expect(0, &["open", run, host.name()]);
    let said = ops.types("alice", &format!("resume {run} --yes")).within(60).says();
    said.expect(0, &[host.name()]);
    assert!(!ops.newest().contains("open"), "{}", ops.newest());
    is_whole(lab, host, ops);
    said
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn killed_after_the_intent_its_run_is_open_and_resumed() {
    here(|lab, host, ops| {
        let run = ops.types("alice", "patch -i ops --yes").starts();
        wait_until("the intent is there", 20, || ops.entries() == 1);
        run.kill();
        // Whether its transaction had begun or not: what has begun is waited for.
        is_resumed(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn killed_during_the_transaction_it_is_resumed_while_that_goes_on() {
    here(|lab, host, ops| {
        has(lab, host, "slowpost");
        let run = ops.types("alice", "patch -i ops --yes").starts();
        in_the_middle(lab, host);
        run.kill();
        // Somebody who does not know about it is held up, and told.
        let other = ops.types("alice", "patch -i ops --yes").says();
        other.expect(1, &["is being changed", "nothing was sent", "wgops resume"]);
        let open = ops.alice("runs");
        open.expect(0, &["open"]);
        let line = ops.alice("ledger log").out.lines().find(|line| line.contains("open")).unwrap().to_owned();
        let run = line.split_whitespace().last().unwrap();
        let said = ops.types("alice", &format!("resume {run} --yes")).within(60).says();
        said.expect(0, &["Upgrade 7 packages"]);
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii");
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn killed_before_the_outcome_its_result_waits_until_it_is_resumed() {
    here(|lab, host, ops| {
        has(lab, host, "slowpost");
        let run = ops.types("alice", "patch -i ops --yes").starts();
        in_the_middle(lab, host);
        run.signal("STOP");
        wait_until("the host has finished", 30, || lab.holds(host, "ls /run/wgops/*/status"));
        run.kill();
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii");
        is_resumed(lab, host, ops).expect(0, &["Upgrade 7 packages"]);
    });
}

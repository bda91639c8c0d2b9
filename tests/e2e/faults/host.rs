//! Hosts that lose their power, their time or their room.

use super::{has, here, in_the_middle, is_whole, packages, version};
use crate::lab::Lab;
use crate::ops::Ops;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_power_loss_in_the_middle_is_said_and_repaired_by_the_next_run() {
    here(|lab, host, ops| {
        has(lab, host, "slowpost");
        let run = ops.types("alice", "patch -i ops --yes").within(100).starts();
        in_the_middle(lab, host);
        lab.power_off(host);
        lab.power_on(host);
        assert_ne!(lab.exec(host, "dpkg --audit"), "", "dpkg was interrupted");
        let said = run.says();
        said.expect(3, &[host.name(), "interrupted on the host", "what was changed is unknown"]);
        assert!(ops.newest().contains("1 unknown"), "{}", ops.newest());
        let said = ops.types("alice", "patch -i ops --check").says();
        said.expect(0, &["slowpost"]);
        is_whole(lab, host, ops);
        assert_eq!(version(lab, host, "slowpost"), "1.1 ii");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_clock_that_is_a_year_ahead_is_no_hindrance_and_reaches_no_record() {
    here(|lab, host, ops| {
        let before = ops.newest();
        let _clock = lab.clock(host, 31_536_000);
        ops.types("alice", "patch -i ops --yes").within(60).says().expect(0, &["libfoo"]);
        assert_eq!(version(lab, host, "libfoo"), "1.1 ii");
        let year = lab.exec(host, "date +%Y");
        let line = ops.newest();
        assert!(line != before && !line.contains(&year), "{year} in {line}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn with_a_clock_that_is_a_year_behind_no_repository_is_believed() {
    here(|lab, host, ops| {
        let before = packages(lab, host);
        let clock = lab.clock(host, -31_536_000);
        lab.exec(host, "find /var/lib/apt -exec touch -d '2 years ago' {} +");
        let said = ops.types("alice", "patch -i ops --yes").within(60).says();
        said.expect(1, &["clock"]);
        assert_eq!(packages(lab, host), before);
        drop(clock);
        is_whole(lab, host, ops);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_room_for_the_updates_nothing_is_begun_and_what_is_missing_is_said() {
    let lab = Lab::open();
    let host = lab.tiny_host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    has(&lab, &host, "bulky");
    let before = packages(&lab, &host);
    ops.alice("patch -i ops --check").expect(1, &["too little room", "free", "missing"]);
    let said = ops.types("alice", "patch -i ops --yes").within(60).says();
    said.expect(1, &["too little room", "nothing was begun", "free", "missing"]);
    assert_eq!(packages(&lab, &host), before, "{said}");
    ops.newest_run().expect(0, &["1 failed", "too little room"]);
    ops.types("alice", "patch -i ops --yes --exclude bulky").within(60).says().expect(0, &["patched"]);
    assert_eq!(version(&lab, &host, "libfoo"), "1.1 ii");
}

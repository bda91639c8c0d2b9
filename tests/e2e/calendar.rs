//! When hosts may be changed, and in which order: windows, freezes, claims and waves.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan, Zoned};

const MARK: &str = "/tmp/changed";

/// Two hosts that were not changed yet, and a playbook that changes them.
fn here(test: impl FnOnce(&Lab, &[&Host; 2], &Ops<'_>, &str)) {
    let lab = Lab::open();
    let (one, other) = lab.two_hosts();
    let hosts = [&one, &other];
    hosts.iter().for_each(|host| drop(lab.exec(host, &format!("rm -f {MARK}"))));
    let ops = Ops::of(&lab, &hosts);
    let play = ops.play("change", "", &format!("- copy: {{dest: {MARK}, content: x}}"));
    test(&lab, &hosts, &ops, &format!("run {play} -i ops"));
}

fn changed(lab: &Lab, host: &Host) -> bool {
    lab.holds(host, &format!("test -e {MARK}"))
}

fn settings(ops: &Ops<'_>, text: &str) {
    ops.keep("wgops.yml", format!("version: 1\ngroup: Lab\n{text}\n"));
}

/// A day of the week and a time of day, so long ago: for windows and freezes of now.
fn ago(span: Span) -> (String, String) {
    let then = Zoned::now().with_time_zone(TimeZone::UTC).checked_sub(span).unwrap();
    (then.strftime("%a").to_string().to_lowercase(), then.strftime("%H:%M").to_string())
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn outside_its_window_a_host_is_left_as_it_is_and_the_others_go_on() {
    here(|lab, [shut, open], ops, run| {
        let (day, time) = ago(-2.days());
        let (today, earlier) = ago(1.hour());
        settings(
            ops,
            &format!(
                "windows:\n  - {{hosts: {}, days: [{day}], from: '{time}', for: 1h}}\n  - {{hosts: {}, days: [{today}], \
                 from: '{earlier}', for: 4h}}",
                shut.name(),
                open.name()
            ),
        );
        let dry = ops.alice(&format!("{run} --check"));
        dry.expect(0, &["window", shut.name(), &time]);
        let said = ops.alice(run);
        said.expect(4, &["window", shut.name(), &time]);
        assert!(!changed(lab, shut) && changed(lab, open), "{said}");
        ops.newest_run().expect(0, &["window"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn no_host_begins_that_would_not_be_through_before_its_window_closes() {
    here(|lab, [host, other], ops, run| {
        let (day, time) = ago(1.hour());
        settings(
            ops,
            &format!("windows:\n  - {{hosts: {}, days: [{day}], from: '{time}', for: 1h5m}}", host.name()),
        );
        let said = ops.alice(run);
        said.expect(4, &[host.name(), "10 min"]);
        assert!(!changed(lab, host) && changed(lab, other), "{said}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_freeze_is_refused_with_its_reason_unless_somebody_breaks_the_glass() {
    here(|lab, [host, other], ops, run| {
        let now = Zoned::now().with_time_zone(TimeZone::UTC);
        let (from, until) = (now.date(), now.date().checked_add(2.days()).unwrap());
        settings(ops, &format!("freezes:\n  - {{from: {from}, until: {until}, reason: election night}}"));
        ops.alice(&format!("{run} --check")).expect(0, &["election night"]);
        let said = ops.alice(run);
        said.expect(4, &["election night", "frozen until", "--break-glass"]);
        assert!(!changed(lab, host) && !changed(lab, other), "{said}");
        ops.alice("patch -i ops --yes").expect(4, &["election night"]);
        let broken = ops.alice(&format!("{run} --break-glass outage"));
        broken.expect(0, &["outage"]);
        assert!(changed(lab, host) && changed(lab, other), "{broken}");
        ops.newest_run().expect(0, &["outage"]);
        assert!(ops.newest().contains("outage"), "{}", ops.newest());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_somebody_claims_is_left_to_them_until_they_let_it_go() {
    here(|lab, [host, other], ops, run| {
        ops.joins("carol");
        let claim = format!("claim {} -i ops --until 8h --note disks", host.name());
        ops.types("sam", &claim).says().expect(4, &["shadow"]);
        ops.types("carol", &claim).says().expect(0, &["Claimed", host.name()]);
        ops.alice("claim").expect(0, &[host.name(), "carol", "disks"]);
        let said = ops.alice(run);
        said.expect(4, &[host.name(), "carol", "disks"]);
        assert!(!changed(lab, host) && changed(lab, other), "{said}");
        ops.alice(&claim).expect(4, &["carol"]);
        // Whose it is may go on.
        ops.types("carol", run).says().expect(0, &["disks"]);
        assert!(changed(lab, host));
        ops.types("carol", &format!("claim {} -i ops --release", host.name()))
            .says()
            .expect(0, &["Released"]);
        ops.alice("claim").expect(0, &["No host is claimed"]);
        ops.alice(run).expect(0, &[]).without(&["carol"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn canaries_come_first_and_after_a_failed_wave_nothing_is_begun() {
    let lab = Lab::open();
    let (one, canary) = lab.two_hosts();
    [&one, &canary].iter().for_each(|host| lab.reset(host));
    let ops = Ops::of(&lab, &[&one, &canary]);
    lab.exec(&canary, "apt-get install -y failpost=1.0 >/dev/null 2>&1");
    let said = ops
        .types("alice", &format!("patch -i ops --yes --serial 1 --canary {}", canary.name()))
        .within(60)
        .says();
    said.expect(1, &["failpost", "not begun"]);
    assert_eq!(lab.exec(&one, "dpkg-query -W -f '${Version}' bar"), "1.0", "{said}");
    lab.exec(&canary, "printf '#!/bin/sh\\n' > /var/lib/dpkg/info/failpost.postinst");
    settings(&ops, "patch:\n  serial: [1]\n  pause: 1");
    let said = ops.types("alice", "patch -i ops --yes").within(90).says();
    said.expect(0, &["Wait before the next hosts", "patched"]);
    assert_eq!(lab.exec(&one, "dpkg-query -W -f '${Version}' bar"), "1.1", "{said}");
    ops.alice("patch -i ops --yes --serial many").expect(2, &["--serial", "25%"]);
}

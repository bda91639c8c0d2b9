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
    // Whoever goes on begins with the canary again.
    let runs = ops.alice("runs");
    let run = runs.out.lines().next().and_then(|line| line.split_whitespace().find(|word| word.len() == 26));
    let again = format!("resume {} --yes", run.unwrap_or_else(|| panic!("no run in {runs}")));
    let said = ops.types("alice", &again).within(60).says();
    said.expect(1, &["failpost", "not begun"]);
    assert_eq!(lab.exec(&one, "dpkg-query -W -f '${Version}' bar"), "1.0", "{said}");
    lab.exec(&canary, "printf '#!/bin/sh\\n' > /var/lib/dpkg/info/failpost.postinst");
    settings(&ops, "patch:\n  serial: [1]\n  pause: 1");
    let said = ops.types("alice", "patch -i ops --yes").within(90).says();
    said.expect(0, &["Wait before the next hosts", "patched"]);
    assert_eq!(lab.exec(&one, "dpkg-query -W -f '${Version}' bar"), "1.1", "{said}");
    ops.alice("patch -i ops --yes --serial many").expect(2, &["--serial", "25%"]);
}

/// A freeze of today and tomorrow for some hosts.
fn freeze(hosts: &str) -> String {
    let now = Zoned::now().with_time_zone(TimeZone::UTC);
    let (from, until) = (now.date(), now.date().checked_add(2.days()).unwrap());
    format!("freezes:\n  - {{hosts: {hosts}, from: {from}, until: {until}, reason: election night}}")
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_is_applied_but_for_hosts_that_are_held_out_unless_somebody_breaks_the_glass() {
    here(|lab, [shut, open], ops, run| {
        settings(ops, &freeze(shut.name()));
        let plan = |file: &str| {
            ops.alice(&format!("{run} --plan-out {file}")).expect(0, &["Plan for", "election night"]);
        };
        std::fs::create_dir(ops.root().join("plans")).unwrap();
        plan("plans/first.json");
        let told = ["election night", "held out", shut.name()];
        let said = ops.alice("apply plans/first.json --yes --all-or-nothing");
        said.expect(4, &told).expect(4, &["Nothing was changed"]).without(&["is refused"]);
        assert!(!changed(lab, open), "{said}");
        let said = ops.alice("apply plans/first.json --yes");
        said.expect(4, &told).without(&["is refused"]);
        assert!(!changed(lab, shut) && changed(lab, open), "{said}");
        ops.newest_run().expect(0, &["election night", shut.name()]);

        plan("plans/second.json");
        ops.alice("apply plans/second.json --yes").expect(4, &["election night", "--break-glass"]);
        let said = ops.alice("apply plans/second.json --yes --break-glass outage");
        said.expect(0, &["GLASS BROKEN", "outage", "election night"]);
        assert!(changed(lab, shut), "{said}");
        ops.newest_run().expect(0, &["outage"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn windows_and_freezes_for_hosts_that_no_inventory_has_are_refused() {
    here(|lab, [host, _], ops, run| {
        settings(ops, &freeze("lba"));
        let said = ops.alice(run);
        said.expect(2, &["no group or host is called 'lba'", "wgops.yml:4:13", "did you mean 'lab'?"]);
        assert!(!changed(lab, host));
        ops.alice("patch -i ops --check").expect(2, &["'lba'"]);
        ops.alice("audit -i ops --fail-on none").without(&["'lba'"]);
        // Another inventory of the group has it: it is no concern of this run.
        ops.keep("inventory/elsewhere.yml", "lba:\n  hosts:\n    far: {ansible_host: nosuch.invalid}\n");
        ops.alice(run).expect(0, &[]).without(&["'lba'"]);
        assert!(changed(lab, host));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_canary_has_to_be_there_and_may_not_be_held_out() {
    here(|lab, [shut, open], ops, _| {
        lab.reset(open);
        let before = lab.exec(open, "dpkg -l | sha256sum");
        settings(ops, &freeze(shut.name()));
        ops.alice("patch -i ops --yes --canary nosuch").expect(2, &["no group or host is called 'nosuch'"]);
        let said = ops.alice(&format!("patch -i ops --yes --canary {}", shut.name()));
        said.expect(4, &["no canary may be changed now", "election night", "--canary"]);
        let elsewhere = format!("patch -i ops --yes --limit {} --canary {}", open.name(), shut.name());
        ops.alice(&elsewhere).expect(2, &["no host of this run is a canary"]);
        assert_eq!(lab.exec(open, "dpkg -l | sha256sum"), before);
        // What settings say is for every run of the group.
        settings(ops, &format!("patch: {{canary: {}}}", shut.name()));
        let said = ops.alice(&format!("patch -i ops --check --limit {}", open.name()));
        said.expect(0, &["no host of this run is a canary", "bar"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_machine_is_known_by_its_host_key_whatever_it_is_called() {
    let lab = Lab::open();
    let host = lab.host();
    lab.exec(&host, "rm -f /tmp/e2e-key");
    let ops = Ops::of(&lab, &[&host]);
    let file = ops.play("key", "", "- command: touch /tmp/e2e-key");
    ops.keep(
        "wgops.yml",
        "freezes:\n  - {hosts: lab, from: 2026-01-01, until: 2099-01-01, reason: moving}\n",
    );
    // The same address in another spelling is seen through before anything is connected.
    let spelt = format!("::ffff:{}", lab.address(&host));
    let inventory =
        ops.inventory("ops", &[&host]).replace("lab:", "strangers:").replace(host.name(), "other");
    ops.keep("inventory/spelt.yml", inventory.replace(&lab.address(&host), &format!("'{spelt}'")));
    ops.alice(&format!("run {file} -i spelt")).expect(4, &["has the address of", "frozen until"]);
    // The same machine behind another port, and somebody who has its key for that.
    lab.exec(&host, "/usr/sbin/sshd -p 2022 -o PidFile=/run/sshd-2022.pid");
    let known =
        lab.known_hosts(&host).replace(&lab.address(&host), &format!("[{}]:2022", lab.address(&host)));
    std::fs::write(ops.elsewhere().join("home/.ssh/known_hosts"), known).unwrap();
    let address = format!("ansible_host: {}", lab.address(&host));
    let other = inventory.replace(&address, &format!("{address}, ansible_port: 2022"));
    assert_ne!(other, inventory);
    ops.keep("inventory/other.yml", other);
    let said = ops.alice(&format!("run {file} -i other"));
    said.expect(1, &["has the host key of", host.name(), "frozen until"]);
    assert!(!lab.holds(&host, "test -e /tmp/e2e-key"), "{said}");
    ops.alice(&format!("run {file} -i other --break-glass now")).expect(0, &["changed=1"]);
    lab.exec(&host, "kill $(cat /run/sshd-2022.pid)");
}

//! Audits of real hosts: exit codes, what could not be assessed, reports in files, and this very machine.

use crate::lab::{Host, Lab};
use crate::ops::Ops;

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn security_updates_fail_an_audit_until_they_are_installed() {
    here(|lab, host, ops| {
        let before = lab.exec(host, "dpkg -l | sha256sum");
        ops.alice("audit -i ops").expect(5, &["libfoo", "heldpkg", "security-update", "on hold"]);
        ops.alice("audit -i ops --fail-on none").expect(0, &["libfoo"]);
        assert_eq!(lab.exec(host, "dpkg -l | sha256sum"), before);
        lab.exec(host, "apt-mark unhold heldpkg");
        ops.alice("patch -i ops --yes --security").expect(0, &["heldpkg"]);
        ops.alice("audit -i ops --become").without(&["security-update"]);
        ops.alice("audit -i ops").without(&["security-update"]);
        ops.alice("audit -i ops --fail-on any").expect(5, &["bar"]);
        let line = ops.newest();
        assert!(line.contains("audit"), "{line}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_audit_needs_no_sudo_and_says_what_it_could_not_see() {
    here(|_, host, ops| {
        let said = ops.alice("audit -i audit --format json");
        said.expect(5, &[]);
        let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let text = report.to_string();
        for word in ["libfoo", "security-update", "not-assessed", host.name()] {
            assert!(text.contains(word), "no {word} in {text}");
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_can_not_be_reached_is_a_finding_and_never_reads_as_clean() {
    here(|_, host, ops| {
        let far = "lab:\n  hosts:\n    far: {ansible_host: nosuch.invalid}\n";
        ops.keep("inventory/far.yml", far);
        ops.alice("audit -i far").expect(3, &["not-assessed", "far"]).without(&["PASS"]);
        ops.alice("audit -i far --fail-on none").expect(3, &["not-assessed"]);
        let both = format!("{}    far: {{ansible_host: nosuch.invalid}}\n", ops.inventory("ops", &[host]));
        ops.keep("inventory/both.yml", both);
        // Findings and an unreachable host at once: the worse of the two is told.
        ops.alice("audit -i both").expect(3, &["not-assessed", "libfoo", "1 of 2 hosts looked at"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_report_appears_in_its_file_when_it_is_whole_and_only_then() {
    here(|_, _, ops| {
        let file = ops.elsewhere().join("audit.json");
        let line = format!("audit -i ops --format json --output {}", file.display());
        let said = ops.alice(&line);
        said.expect(5, &[]);
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        assert!(report.to_string().contains("libfoo"), "{report}");
        std::fs::remove_file(&file).unwrap();
        let nowhere = "audit -i ops --format json --output /nonexistent/audit.json";
        ops.alice(nowhere).expect(2, &["/nonexistent"]);
        ops.alice(&format!("audit -i nosuch --output {}", file.display())).expect(2, &["nosuch"]);
        assert!(!file.exists());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_hosts_own_names_for_trouble_reach_no_report_raw() {
    here(|lab, host, ops| {
        lab.exec(host, "printf 'linux\\033[2J\\n' >/run/reboot-required.pkgs; touch /run/reboot-required");
        for format in ["human", "json"] {
            let said = ops.alice(&format!("audit -i ops --fail-on any --format {format}"));
            lab.holds(host, "true");
            said.expect(5, &["reboot"]).without(&["\u{1b}"]);
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn this_very_machine_is_audited_without_any_repository() {
    let lab = Lab::open();
    let ops = Ops::of(&lab, &[]);
    let said = crate::typed::Command::new(ops.elsewhere())
        .args(&["audit", "-i", "local", "--fail-on", "none"])
        .env("HOME", &ops.elsewhere().to_string_lossy())
        .within(120)
        .says();
    said.expect(0, &["1 of 1 host looked at"]);
    assert!(!ops.elsewhere().join("ledger").exists());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn ping_and_facts_tell_about_hosts_and_record_nothing() {
    here(|_, host, ops| {
        ops.alice("ping -i ops").expect(0, &[host.name(), "ok"]);
        ops.alice("facts -i audit").expect(0, &["Debian", host.name()]);
        let said = ops.alice("facts -i ops --format json");
        said.expect(0, &["\"distribution\": \"Debian\""]);
        ops.keep("inventory/far.yml", "lab:\n  hosts:\n    far: {ansible_host: nosuch.invalid}\n");
        ops.alice("ping -i far").expect(3, &["nosuch.invalid"]);
        ops.alice("facts -i far").expect(3, &["nosuch.invalid"]);
        ops.alice("ping -i ops -l nosuch").expect(2, &["nosuch"]);
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn explaining_shows_what_would_be_sent_and_sends_questions_only() {
    here(|lab, host, ops| {
        let tasks = "- copy: {dest: /tmp/e2e-explained, content: hello}\n- command: touch /tmp/e2e-explained";
        let file = ops.play("explained", "", tasks);
        let said = ops.alice(&format!("run {file} -i ops --explain"));
        said.expect(0, &["touch", "/tmp/e2e-explained", "DRY RUN"]);
        assert!(!lab.holds(host, "test -e /tmp/e2e-explained"));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_audit_explains_itself_and_finds_the_same() {
    here(|_, _, ops| {
        let said = ops.alice("audit -i ops --explain");
        said.expect(5, &["asks: apt_updates 600 new", "apt-get", "security-update"])
            .without(&["would change"]);
        ops.alice("audit -i ops --explain --format json").expect(2, &["--explain is for people"]);
    });
}

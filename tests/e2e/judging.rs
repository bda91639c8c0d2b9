//! Audits judged: rules with ages, a baseline, suppressions; and the record, which tells the same verdict later.

use crate::lab::{Host, Lab};
use crate::ops::Ops;

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// The last line that an audit says.
fn verdict(text: &str) -> &str {
    text.trim_end().lines().next_back().unwrap_or_default()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_rule_with_an_age_fails_when_an_update_has_waited_for_so_long() {
    here(|lab, host, ops| {
        let line = "audit -i audit --fail-on security:7d,reboot-needed:30d";
        let first = ops.alice(line);
        first.expect(0, &["libfoo", "fails on security:7d, reboot-needed:30d", "ages are counted since"]);
        // A week and more goes by.
        let file = ops.root().join(".wgops/history.json");
        let year = jiff::Timestamp::now().strftime("%Y-").to_string();
        let older = std::fs::read_to_string(&file).unwrap().replace(&format!("\"{year}"), "\"2020-");
        std::fs::write(&file, &older).unwrap();
        let late = ops.alice(line);
        late.expect(5, &["FAIL", "security:7d: 2", "since 2020-"]);
        let shown = ops.newest_run();
        assert_eq!(verdict(&shown.out), verdict(&late.out), "{shown}");
        // What is installed meanwhile is as young as what is offered then.
        lab.exec(host, "apt-mark unhold heldpkg && apt-get -qq -y install libfoo heldpkg");
        ops.alice(line).expect(0, &["PASS"]);
        // Another history knows nothing of it, and a spoilt one is not guessed at.
        std::fs::write(&file, older).unwrap();
        lab.exec(host, "apt-get -qq -y --allow-downgrades install libfoo=1.0");
        ops.alice(line).expect(5, &["security:7d: 1"]);
        let other = ops.elsewhere().join("history.json");
        ops.alice(&format!("{line} --history {}", other.display())).expect(0, &[]);
        assert!(other.exists());
        // Where there is none, the ledger's audits serve.
        std::fs::remove_file(&file).unwrap();
        let again = ops.alice("audit -i audit --format json");
        let report: serde_json::Value = serde_json::from_str(&again.out).unwrap();
        let libfoo =
            report["findings"].as_array().unwrap().iter().find(|f| f["id"] == "security-update/libfoo");
        let since = libfoo.unwrap()["since"].as_str().unwrap();
        assert!(since < report["time"].as_str().unwrap(), "{again}");
        std::fs::write(&file, "{").unwrap();
        ops.alice(line).expect(2, &["history.json", "--history FILE"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_is_typed_wrongly_is_refused_before_any_host_is_reached() {
    here(|_, _, ops| {
        ops.alice("audit -i ops --fail-on securty").expect(2, &["did you mean 'security'?"]);
        ops.alice("audit -i ops --fail-on security:7").expect(2, &["such as 24h"]);
        ops.alice("audit -i ops --baseline nosuch.json").expect(2, &["nosuch.json"]);
        ops.write("x.json", "{\"version\": 1, \"kind\": \"other\"}");
        ops.alice("audit -i ops --baseline x.json").expect(2, &["x.json", "its kind is 'other'"]);
        let aged = ["audit", "-i", "local", "--fail-on", "security:7d"];
        let elsewhere = crate::typed::Command::new(ops.elsewhere()).args(&aged).says();
        elsewhere.expect(2, &["nobody keeps them here", "--history FILE"]);
        assert_eq!(ops.entries(), 0);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn held_against_a_baseline_only_what_is_new_fails() {
    here(|lab, host, ops| {
        let base = ops.elsewhere().join("base.json");
        ops.alice(&format!("audit -i ops --output {}", base.display())).expect(5, &[]);
        let line = format!("audit -i ops --fail-on any --baseline {}", base.display());
        ops.alice(&line).expect(0, &["PASS", "no new security update", "0 fixed since"]);
        lab.exec(host, "apt-get -qq -y install libfoo");
        ops.alice(&line).expect(0, &["1 fixed since"]);
        lab.exec(
            host,
            "printf 'Package: bar\\nPin: version 1.0\\nPin-Priority: 1001\\n' >/etc/apt/preferences.d/bar",
        );
        let new = ops.alice(&line);
        new.expect(5, &["FAIL", "held-back", "bar", "new", "any: 1"]);
        let far = "lab:\n  hosts:\n    far: {ansible_host: nosuch.invalid}\n";
        ops.write("inventory/far.yml", far);
        ops.alice(&line.replace("-i ops", "-i far")).expect(2, &["it looked at none of these hosts"]);
        let both = format!("{}    far: {{ansible_host: nosuch.invalid}}\n", ops.inventory("ops", &[host]));
        ops.write("inventory/both.yml", both);
        let said = ops.alice(&line.replace("-i ops", "-i both"));
        said.expect(3, &["it did not look at 1 of these hosts"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_is_suppressed_does_not_fail_stays_in_sight_and_counts_again_when_its_time_is_over() {
    here(|_, host, ops| {
        let suppress = |until: &str| {
            let entry = |id: &str| {
                format!(
                    "  - {{id: {id}, hosts: lab, reason: waits for the vendor, owner: alice, until: {until}}}\n"
                )
            };
            let entries = ["security-update/*", "update/nosuch"].map(entry).concat();
            ops.write("inventory/suppressions.yml", format!("version: 1\nsuppressions:\n{entries}"));
        };
        let day = |days: i64| {
            let at = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
            at.strftime("%Y-%m-%d").to_string()
        };
        suppress(&day(30));
        let held = ops.alice("audit -i ops");
        held.expect(0, &["PASS", "SUPPRESSED", "waits for the vendor", "alice", "2 suppressed"]);
        held.expect(0, &["suppresses nothing any more"]);
        let shown = ops.newest_run();
        assert_eq!(verdict(&shown.out), verdict(&held.out), "{shown}");
        ops.alice("audit -i ops --no-suppressions").expect(5, &["FAIL"]).without(&["SUPPRESSED"]);
        let json = ops.alice("audit -i ops --format json");
        let report: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let libfoo =
            report["findings"].as_array().unwrap().iter().find(|f| f["id"] == "security-update/libfoo");
        assert_eq!(libfoo.unwrap()["suppressed"]["reason"], "waits for the vendor");
        suppress(&day(-1));
        let expired = ops.alice("audit -i ops");
        expired.expect(5, &["FAIL", "the suppression of security-update/* has expired", host.name()]);
        let wrong = "version: 1\nsuppressions:\n  - {id: update/x, hosts: lab, reason: x, owner: alcie, until: 2020-01-01}\n";
        ops.write("inventory/suppressions.yml", wrong);
        ops.alice("audit -i ops").expect(2, &["suppressions.yml:3:", "'alcie'", "did you mean 'alice'?"]);
        ops.write("inventory/suppressions.yml", "version: 1\nsupressions: []\n");
        ops.alice("audit -i ops").expect(2, &["suppressions.yml:2:1", "did you mean 'suppressions'?"]);
    });
}

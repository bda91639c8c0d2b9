//! What waits, and applying it: security told by origin, holds, configuration files, failing and slow packages, locks.

use crate::driver::Account;
use crate::lab::Lab;
use serde_json::{Value, json};
use wgops::model::FindingKind;

fn entry<'a>(list: &'a Value, name: &str) -> &'a Value {
    list.as_array()
        .unwrap()
        .iter()
        .find(|e| e["name"] == name)
        .unwrap_or_else(|| panic!("no {name} in {list:#}"))
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_account_without_rights_sees_what_waits_and_what_it_could_not_see() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let (root, audit) = (Account::new(&lab, &host, "root"), Account::new(&lab, &host, "audit"));
    let lists = "ls -l --time-style=full-iso /var/lib/apt/lists /var/lib/apt/periodic; ls /tmp /var/tmp";
    let before = root.sh(lists);
    // The lists count as stale, so that they are refreshed in private.
    let args = json!({"cache_valid_time": 0});
    let outcome = audit.diff("pending_updates", &args);
    assert!(outcome.changes.is_empty());
    assert_eq!(root.sh(lists), before);
    let result = Value::Object(outcome.result.clone());
    assert_eq!(result["lists_refreshed"], true);
    let updates = &result["updates"];
    let libfoo = entry(updates, "libfoo");
    assert_eq!(
        (&libfoo["from"], &libfoo["to"], &libfoo["security"]),
        (&json!("1.0"), &json!("1.1"), &json!(true))
    );
    assert_eq!(libfoo["origin"], "Debian bookworm-security");
    assert_eq!(entry(updates, "bar")["security"], false);
    assert_eq!(entry(updates, "newdep")["kind"], "new");
    assert_eq!(entry(&result["held_back"], "heldpkg")["reason"], "on hold");
    let kinds = |kind| outcome.findings.iter().filter(move |f| f.kind == kind).map(|f| f.id.as_str());
    let security: Vec<_> = kinds(FindingKind::SecurityUpdate).collect();
    assert!(security.contains(&"security-update/libfoo") && security.contains(&"security-update/heldpkg"));
    assert!(
        kinds(FindingKind::NotAssessed).any(|id| id == "not-assessed/services"),
        "{:#?}",
        outcome.findings
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn security_alone_then_everything_and_nothing_a_third_time() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let security = root.settle("apply_updates", &json!({"security": true}));
    assert_eq!(security.result["packages"][0]["name"], "libfoo");
    assert_eq!(security.result["packages"][0]["version"], "1.1");
    let installed = root.sh("dpkg-query -W -f '${Package}=${Version} ' bar libfoo heldpkg confpkg keptback");
    assert_eq!(installed, "bar=1.0 confpkg=1.0 heldpkg=1.0 keptback=1.0 libfoo=1.1");

    let outcome = root.diff("pending_updates", &json!({}));
    assert_eq!(outcome.result["services"], json!(["svcd"]), "{:#?}", outcome.findings);

    let rest = root.settle("apply_updates", &json!({}));
    assert_eq!(entry(&rest.result["packages"], "newdep")["from"], Value::Null);
    assert_eq!(
        rest.result["conffiles"],
        json!([{"kept": "/etc/confpkg.conf", "new": "/etc/confpkg.conf.dpkg-dist"}])
    );
    assert_eq!(root.sh("cat /etc/confpkg.conf.dpkg-dist | head -n 1"), "# settings of confpkg 1.1");
    assert_eq!(entry(&rest.result["held_back"], "heldpkg")["reason"], "on hold");
    assert_eq!(root.sh("apt-mark showauto newdep; apt-mark showmanual bar"), "newdep\nbar");

    let (settled, rounds) = root.try_diff("apply_updates", &json!({})).unwrap();
    assert!(settled.changes.is_empty() && rounds == 1, "{rounds} exchanges");
    assert_eq!(settled.result["updates_count"], 0);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_was_approved_is_done_exactly_or_refused_with_the_difference() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let refusal = |only: &[&str]| root.refusal("apply_updates", &json!({"only": only}));
    assert_eq!(refusal(&["bar=1.2"]), "bar 1.2 was approved, but 1.1 is available");
    assert_eq!(refusal(&["nosuch=1"]), "nosuch 1 was approved, but nothing waits for nosuch");
    assert_eq!(refusal(&["heldpkg=1.1"]), "heldpkg 1.1 was approved, but is kept back: on hold");
    assert_eq!(refusal(&["keptback=1.1"]), "newdep=1.0 would come along, but was not approved");
    assert_eq!(
        refusal(&["bar"]),
        "'only' holds 'bar': expected NAME=VERSION, or NAME- for what may be removed"
    );
    let done = root.settle("apply_updates", &json!({"only": ["keptback=1.1", "newdep=1.0", "libfoo=1.1"]}));
    assert_eq!(done.result["packages"].as_array().unwrap().len(), 3);
    assert_eq!(root.sh("dpkg-query -W -f '${Version}' bar"), "1.0");
    let excluded = root.diff("apply_updates", &json!({"exclude": ["ba*", "svcd"], "refresh": false}));
    assert!(!excluded.changes[0].summary.contains("bar "), "{}", excluded.changes[0].summary);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_failing_package_is_named_the_others_are_done_and_the_next_run_repairs_first() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    root.sh("apt-get -qq install failpost=1.0 asker=1.0 >/dev/null 2>&1");
    let done = root.apply("apply_updates", &json!({}));
    assert_eq!(done.result["failed"], true);
    assert_eq!(done.result["failed_packages"], json!(["failpost"]), "{:#}", done.result);
    let message = done.result["msg"].as_str().unwrap();
    assert!(message.starts_with("failed: failpost; ") && message.contains("exit status 1"), "{message}");
    let packages = &done.result["packages"];
    assert_eq!(entry(packages, "failpost")["state"], "broken");
    assert_eq!(
        (&entry(packages, "bar")["state"], &entry(packages, "asker")["version"]),
        (&json!("installed"), &json!("1.1"))
    );
    let findings = root.diff("pending_updates", &json!({})).findings;
    assert!(findings.iter().any(|f| f.id == "broken-packages/failpost"));
    let next = root.diff("apply_updates", &json!({}));
    assert_eq!(next.changes[0].summary, "Let dpkg finish first: half installed: failpost");
    // Somebody mends it; then the repair succeeds and nothing is left.
    root.sh("printf '#!/bin/sh\\n' > /var/lib/dpkg/info/failpost.postinst");
    root.settle("apply_updates", &json!({}));
    assert_eq!(root.sh("dpkg --audit"), "");
}

/// Holds a lock as apt does, for some seconds or until [`release`].
fn hold(root: &Account<'_>, file: &str, seconds: u32) {
    let perl = "use Fcntl; open F, q(>>), $ARGV[0] or die; \
                my $l = pack(q(s s l! l! i), F_WRLCK, 0, 0, 0, 0); fcntl F, F_SETLK, $l or die; \
                open S, q(>), q(/run/held); print S $$; close S; sleep $ARGV[1]";
    root.sh(&format!(
        "rm -f /run/held; setsid perl -e '{perl}' {file} {seconds} >/dev/null 2>&1 </dev/null & \
         for try in $(seq 100); do [ ! -s /run/held ] || exit 0; sleep 0.05; done; exit 1"
    ));
}

fn release(root: &Account<'_>) {
    root.sh("pid=$(cat /run/held); kill $pid; while [ -e /proc/$pid ]; do sleep 0.05; done");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn every_lock_is_waited_for_and_its_holder_named() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let all = [
        "/var/lib/dpkg/lock-frontend",
        "/var/lib/dpkg/lock",
        "/var/lib/apt/lists/lock",
        "/var/cache/apt/archives/lock",
    ];
    for file in all {
        hold(&root, file, 600);
        let findings = root.diff("pending_updates", &json!({})).findings;
        let locked = findings.iter().find(|f| f.id == "not-assessed/package-database").unwrap();
        assert!(
            locked.evidence.contains("perl (pid ") && locked.evidence.ends_with(file),
            "{}",
            locked.evidence
        );
        let gave_up = root.apply("apply_updates", &json!({"lock_timeout": 0, "refresh": false}));
        let message = gave_up.result["msg"].as_str().unwrap();
        assert!(message.contains("perl (pid ") && message.contains(file), "{message}");
        release(&root);
    }
    hold(&root, all[3], 3);
    root.settle("apply_updates", &json!({"lock_timeout": 60}));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_plan_that_no_longer_holds_is_not_carried_out() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let planned = root.diff("apply_updates", &json!({"refresh": false}));
    root.sh("apt-get -qq install bar=1.1 >/dev/null 2>&1");
    let output = root.carry_out(&planned.changes[0]);
    assert_eq!(output.status, wgops::modules::PRECONDITION_FAILED, "{}", output.error_text());
    assert_eq!(root.sh("dpkg-query -W -f '${Version}' libfoo"), "1.0");
    // Without rights it says so, and does nothing.
    let nobody = Account::new(&lab, &host, "audit");
    let planned = nobody.diff("apply_updates", &json!({"refresh": false}));
    let output = nobody.carry_out(&planned.changes[0]);
    assert!(output.status == 1 && output.error_text().contains("use become"), "{}", output.error_text());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_with_a_new_kernel_says_that_it_wants_a_reboot_and_who_asked() {
    let lab = Lab::open();
    let host = lab.kernel_host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    assert_eq!(root.diff("pending_updates", &json!({})).result["reboot_required"], false);
    root.settle("apply_updates", &json!({"security": true}));
    let outcome = root.diff("pending_updates", &json!({}));
    assert_eq!(outcome.result["reboot_reasons"], json!(["linux-fake asked for it"]));
    assert!(outcome.findings.iter().any(|f| f.kind == FindingKind::RebootNeeded));
}

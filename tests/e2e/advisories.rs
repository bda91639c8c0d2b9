//! Vulnerabilities of real hosts, by advisories in both formats about made-up packages.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use serde_json::{Value, json};

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// The tracker's document about the release that the host says it has.
fn tracker(lab: &Lab, host: &Host) -> Value {
    let codename = lab.exec(host, ". /etc/os-release; echo $VERSION_CODENAME");
    let of = |status: &str, fixed: Option<&str>, urgency: &str| {
        let mut release = json!({"status": status, "repositories": {}, "urgency": urgency});
        if let Some(fixed) = fixed {
            release["fixed_version"] = fixed.into();
        }
        json!({"releases": {&codename: release}})
    };
    json!({
        "libfoo": {
            "CVE-2026-1001": of("resolved", Some("1.1"), "high"),
            "CVE-2026-1002": of("open", None, "not yet assigned"),
            "CVE-2026-1003": of("resolved", Some("0"), "not yet assigned"),
        },
        "bar": {"CVE-2026-2001": of("resolved", Some("0.9"), "not yet assigned")},
        "svcd": {"CVE-2026-3001": of("open", None, "unimportant")},
    })
}

fn report(said: &crate::typed::Said) -> Vec<Value> {
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said}"));
    report["findings"].as_array().unwrap().clone()
}

fn finding<'a>(findings: &'a [Value], id: &str) -> Option<&'a Value> {
    findings.iter().find(|finding| finding["id"] == id)
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_package_is_vulnerable_until_the_fixed_version_is_installed() {
    here(|lab, host, ops| {
        ops.write("debian.json", tracker(lab, host).to_string());
        let line = "audit -i audit --advisories debian.json --fail-on vulnerability";
        let before = ops.alice(&format!("{line} --format json"));
        before.expect(5, &[]);
        let findings = report(&before);
        let libfoo = finding(&findings, "vulnerability/libfoo").unwrap();
        assert_eq!((&libfoo["installed"], &libfoo["available"]), (&json!("1.0"), &json!("1.1")));
        assert_eq!(libfoo["references"], json!(["CVE-2026-1001", "CVE-2026-1002"]));
        assert_eq!(libfoo["severity"], "high");
        assert!(finding(&findings, "vulnerability/bar").is_none());
        assert_eq!(finding(&findings, "vulnerability/svcd").unwrap()["severity"], "info");
        let update = finding(&findings, "security-update/libfoo").unwrap();
        assert_eq!(update["references"], json!(["CVE-2026-1001"]));
        let told = ops.alice("audit -i audit --advisories debian.json");
        told.expect(5, &["libfoo 1.0 has 2 vulnerabilities, 1 of them with a fix", "CVE-2026-1001"]);
        lab.exec(host, "apt-mark unhold heldpkg && apt-get -qq -y install libfoo heldpkg");
        let after = ops.alice("audit -i audit --advisories debian.json");
        after.expect(0, &["PASS", "libfoo 1.1 has a vulnerability, no fix yet", "2 vulnerable packages"]);
        let shown = ops.newest_run();
        assert!(shown.out.contains("2 vulnerable packages"), "{shown}");
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_tree_of_osv_files_is_read_and_what_it_does_not_cover_is_not_assessed() {
    here(|_, _, ops| {
        let entry = |ecosystem: &str, modified: &jiff::Timestamp| {
            json!({
                "id": "DEBIAN-CVE-2026-1001", "modified": modified.to_string(), "upstream": ["CVE-2026-1001"],
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
                "affected": [{"package": {"ecosystem": ecosystem, "name": "libfoo"}, "ranges":
                    [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}]}],
            })
            .to_string()
        };
        let now = jiff::Timestamp::now();
        ops.write("osv/2026/DEBIAN-CVE-2026-1001.json", entry("Debian:12", &now));
        let line = "audit -i audit --advisories osv";
        ops.alice(&format!("{line} --fail-on critical")).expect(5, &["CRITICAL", "CVE-2026-1001", "libfoo"]);
        let old = now - jiff::SignedDuration::from_hours(24 * 30);
        ops.write("osv/2026/DEBIAN-CVE-2026-1001.json", entry("Debian:12", &old));
        ops.alice(line).expect(5, &["advisories are 30 days old", "fetch them again"]);
        ops.write("osv/2026/DEBIAN-CVE-2026-1001.json", entry("Ubuntu:22.04:LTS", &now));
        let uncovered = ops.alice(&format!("{line} --fail-on vulnerability"));
        uncovered.expect(
            5,
            &["vulnerabilities are unknown", "do not cover debian 12", "they cover: ubuntu 22.04"],
        );
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn advisories_that_can_not_be_read_or_that_no_task_looks_at_are_refused() {
    here(|lab, host, ops| {
        let whole = tracker(lab, host).to_string();
        ops.write("half.json", whole.get(..whole.len() / 2).unwrap());
        ops.alice("audit -i audit --advisories half.json")
            .expect(2, &["half.json", "a broken one", "fetch it again"]);
        ops.alice("audit -i audit --advisories nosuch.json").expect(2, &["nosuch.json"]);
        ops.write("debian.json", whole);
        let file = ops.play("own", "", "- pending_updates:");
        let unread = ops.alice(&format!("audit {file} -i audit --advisories debian.json"));
        unread.expect(2, &["no task of this audit looks at them", "- vulnerabilities:"]);
    });
}

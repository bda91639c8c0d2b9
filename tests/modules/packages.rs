//! Packages through a real apt: there, gone, the newest, and what is refused.

use crate::driver::Account;
use crate::lab::Lab;
use serde_json::json;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn packages_come_go_and_get_newer_and_a_second_time_changes_nothing() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let version = |name: &str| {
        root.sh(&format!("dpkg-query -W -f '${{Status}} ${{Version}}' {name} 2>/dev/null || true"))
    };

    root.settle("apt", &json!({"name": ["slowpost=1.0", "bar"]}));
    assert_eq!(
        (version("slowpost"), version("bar")),
        ("install ok installed 1.0".into(), "install ok installed 1.0".into())
    );
    let newest = root.settle("apt", &json!({"name": "keptback", "state": "latest"}));
    assert_eq!(newest.result["packages"][1]["name"], "newdep");
    assert_eq!(version("keptback"), "install ok installed 1.1");

    root.settle("package", &json!({"name": "confpkg", "state": "absent"}));
    assert_eq!(version("confpkg"), "deinstall ok config-files 1.0");
    root.settle("package", &json!({"name": "confpkg", "state": "absent", "purge": true}));
    assert_eq!(version("confpkg"), "");
    root.settle("apt", &json!({"name": "keptback", "state": "absent", "autoremove": true}));
    assert!(!version("newdep").starts_with("install"), "{}", version("newdep"));

    let refusal = |args| root.refusal("apt", &args);
    assert_eq!(refusal(json!({"name": "nosuch"})), "No package matching 'nosuch' is available");
    assert!(refusal(json!({"name": "libfoo=9"})).contains("Version '9' for 'libfoo' was not found"));
    root.settle("apt", &json!({"name": "bar=1.1"}));
    assert!(refusal(json!({"name": "bar=1.0"})).contains("downgraded"));
    root.settle("apt", &json!({"name": "bar=1.0", "allow_downgrade": true}));
    assert!(refusal(json!({"name": "heldpkg", "state": "latest"})).contains("Held packages were changed"));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn lists_are_refreshed_when_they_are_old_and_then_count_as_fresh() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    root.sh("touch -d '2 days ago' /var/lib/apt/lists /var/lib/apt/lists/partial");
    let args = json!({"update_cache": true, "cache_valid_time": 3600});
    assert_eq!(root.diff("apt", &args).changes.len(), 1);
    root.settle("apt", &args);
    assert!(root.diff("apt", &args).changes.is_empty());
    assert_eq!(root.diff("pending_updates", &json!({})).result["lists_refreshed"], false);
    // A source that can't be reached is an error.
    root.sh("echo 'deb [trusted=yes] file:///nowhere x main' >/etc/apt/sources.list.d/gone.list");
    let failed = root.apply("apt", &json!({"update_cache": true}));
    assert_eq!(failed.result["failed"], true);
    assert!(failed.result["msg"].as_str().unwrap().contains("nowhere"), "{}", failed.result["msg"]);
    // What is pending is told nonetheless, with what could not be looked at.
    let outcome = root.diff("pending_updates", &json!({"cache_valid_time": 0}));
    assert!(
        outcome.findings.iter().any(|f| f.id == "not-assessed/refresh" && f.evidence.contains("nowhere"))
    );
    assert!(outcome.findings.iter().any(|f| f.id == "security-update/libfoo"));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_refresh_in_which_a_source_failed_makes_nothing_fresh() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let as_seen = |args| {
        let outcome = root.diff("pending_updates", &args);
        let failed = outcome.findings.iter().find(|f| f.id == "not-assessed/refresh");
        (outcome.result["lists_refreshed"].clone(), failed.map(|f| f.evidence.clone()).unwrap_or_default())
    };
    root.sh("mkdir /srv/second && cp -r /srv/repo/dists /srv/repo/pool /srv/second/ && \
             sed 's,/srv/repo,/srv/second,' /etc/apt/sources.list.d/lab.list >/etc/apt/sources.list.d/second.list");
    root.settle("apt", &json!({"update_cache": true}));
    assert_eq!(as_seen(json!({})), (json!(false), String::new()));

    // apt keeps the lists that it has of a source that fails, and ends well where some other did not.
    root.sh(
        "mv /srv/second /srv/elsewhere; apt-get update || true; ls /var/lib/apt/lists | grep -q srv_second",
    );
    let (refreshed, evidence) = as_seen(json!({}));
    assert!(refreshed == json!(false) && evidence.contains("/srv/second"), "{refreshed} {evidence}");
    // Tools that touch apt's stamp after such a refresh don't change that.
    root.sh("touch /var/lib/apt/periodic/update-success-stamp");
    assert!(as_seen(json!({})).1.contains("/srv/second"));

    root.sh("mv /srv/elsewhere /srv/second");
    root.settle("apt", &json!({"update_cache": true}));
    assert_eq!(as_seen(json!({})), (json!(false), String::new()));
    // A source that came later was never asked.
    root.sh("echo 'deb [trusted=yes] file:///nowhere x main' >/etc/apt/sources.list.d/gone.list");
    assert!(as_seen(json!({})).1.contains("nowhere"));
}

//! Services under a real systemd.

use crate::driver::Account;
use crate::lab::Lab;
use serde_json::json;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn services_are_started_stopped_enabled_masked_and_settle() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    let state = || root.sh("systemctl is-active svcd; systemctl is-enabled svcd || true").replace('\n', " ");
    for (args, expected) in [
        (json!({"state": "stopped", "enabled": false}), "inactive disabled"),
        (json!({"state": "started", "enabled": true}), "active enabled"),
        (json!({"masked": true, "state": "stopped"}), "inactive masked"),
        (json!({"masked": false, "enabled": true, "state": "started"}), "active enabled"),
    ] {
        let mut args = args;
        args["name"] = "svcd".into();
        root.settle("systemd", &args);
        let got =
            root.sh("systemctl is-active svcd || true; systemctl is-enabled svcd || true").replace('\n', " ");
        assert_eq!(got, expected, "{args}");
    }
    let before = root.sh("systemctl show -p MainPID svcd");
    root.settle("service", &json!({"name": "svcd", "state": "restarted"}));
    assert_ne!(root.sh("systemctl show -p MainPID svcd"), before);
    assert_eq!(state(), "active enabled");
    let missing = root.refusal("service", &json!({"name": "nosuch", "state": "started"}));
    assert_eq!(missing, "Could not find the requested service nosuch: host");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn changed_unit_files_are_read_again_once() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    root.sh("mkdir -p /etc/systemd/system/svcd.service.d; printf '[Service]\\nNice=5\\n' >/etc/systemd/system/svcd.service.d/nice.conf");
    let args = json!({"name": "svcd", "daemon_reload": true, "state": "restarted"});
    root.settle("systemd", &args);
    assert_eq!(root.sh("systemctl show -p Nice --value svcd"), "5");
    assert!(root.diff("systemd", &json!({"daemon_reload": true})).changes.is_empty());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_service_that_does_not_start_fails_with_its_own_words() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let root = Account::new(&lab, &host, "root");
    root.sh("printf '[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \"echo no database; exit 3\"\\n' >/etc/systemd/system/bad.service");
    let failed = root.apply("systemd", &json!({"name": "bad", "state": "started", "daemon_reload": true}));
    assert_eq!(failed.result["failed"], true);
    let message = failed.result["msg"].as_str().unwrap();
    assert!(message.contains("no database"), "{message}");
}

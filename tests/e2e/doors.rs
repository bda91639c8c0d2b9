//! What sshd's own settings say beside what `access sync` writes: they shut out nobody who syncs, and open no gate.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::shadowing::{alive, ask_frame, ssh};

const OTHER: &str = "/etc/ssh/sshd_config.d/00-other.conf";
const RELOAD: &str = "sshd -t && kill -HUP $(cat /run/sshd.pid) && sleep 1";

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.opens_to_shadows();
    test(&lab, &host, &ops);
    lab.reset(&host);
}

/// Puts settings before those of wgops; sshd goes on with what it read before.
fn says(lab: &Lab, host: &Host, text: &str) {
    lab.exec(host, &format!("cat >{OTHER} <<'END'\n{text}\nEND\nsshd -t"));
}

/// Settings that sshd has not read yet would be read with what a sync writes: for good, where they shut whoever syncs out.
#[test]
#[ignore = "needs the lab: run scripts/test"]
fn settings_that_would_shut_out_whoever_syncs_are_told_before_anything_is_changed() {
    here(|lab, host, ops| {
        let seen = "ls -lR --time-style=full-iso /usr/local/lib /home/ops /etc/ssh /etc/sudoers.d; id wgops-shadow 2>&1; true";
        lab.exec(host, "printf 'Match Address 10.0.0.0/8\\n DenyGroups ops\\n' >/etc/ssh/late");
        for (text, words) in [
            ("Match Address 10.0.0.0/8\n DenyUsers ops", "DenyUsers ops (for who comes from 10."),
            (
                "Match User ops Address 10.0.0.0/8\n AuthenticationMethods publickey,password",
                "AuthenticationMethods publickey,password (for",
            ),
            ("Match Group ops\n PubkeyAuthentication no", "'PubkeyAuthentication no'"),
            ("AllowUsers ops@192.168.0.0/16 root", "AllowUsers ops@192.168.0.0/16 root (for"),
            ("AllowGroups wheel", "'AllowGroups wheel'"),
            ("DenyUsers ops@10.*", "DenyUsers ops@10.* (for"),
            ("Include /etc/ssh/late", "DenyGroups ops (for"),
            ("Port 2222", ":2222 (for"),
        ] {
            says(lab, host, text);
            let before = lab.exec(host, seen);
            let refused = ops.types("alice", "access sync -i ops --yes --reason why").within(60).says();
            refused.expect(1, &["would let nobody in as ops", "Nothing is changed here", words]);
            assert_eq!(lab.exec(host, seen), before, "{text}");
        }
        // What shuts others out is nobody's business here.
        says(lab, host, "DenyUsers ops@192.168.0.0/16 nobody\nMatch Address 192.168.0.0/16\n DenyUsers ops");
        ops.types("alice", "access sync -i ops --yes --reason why").within(60).says().expect(0, &["+ sam"]);
        ops.alice("ping -i ops").expect(0, &["ok"]);
    });
}

/// `ForceCommand` counts for more than the command of a key. All the rest has to be allowed by both.
#[test]
#[ignore = "needs the lab: run scripts/test"]
fn where_sshd_would_start_another_program_than_the_gate_no_shadow_comes_in_and_nothing_else_opens_it() {
    here(|lab, host, ops| {
        let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(60).says();
        let question = ask_frame(&alive());
        let asks = || ssh(lab, ops, ("sam", "wgops-shadow"), host, &["id"], question.as_bytes());
        for text in [
            "Match User wgops-shadow Address 10.0.0.0/8\n ForceCommand /bin/sh",
            "Match Group wgops-shadow\n ForceCommand /bin/sh",
        ] {
            says(lab, host, text);
            sync().expect(1, &["would start something else than", "/bin/sh", "as they were"]);
            let (said, status) = asks();
            assert!(status == Some(255) && said.contains("Permission denied"), "{text}: {said}");
        }
        says(lab, host, "Match User wgops-shadow\n TrustedUserCAKeys /etc/ssh/other-ca");
        sync().expect(1, &["does not take the shadow account's keys from", "/etc/ssh/other-ca"]);
        let all = "AcceptEnv *\nPermitUserEnvironment yes\nMatch User wgops-shadow\n PermitTTY yes\n PermitUserRC yes\n \
                   AllowTcpForwarding yes\n AllowStreamLocalForwarding yes\n AllowAgentForwarding yes\n \
                   X11Forwarding yes\n PermitTunnel yes\n GatewayPorts yes\n AuthenticationMethods any";
        says(lab, host, all);
        sync().expect(0, &[]);
        lab.exec(host, RELOAD);
        let (said, _) = asks();
        assert!(said.contains("alive"), "{said}");
        for words in [
            &["-tt", "touch /tmp/e2e-evil"][..],
            &["-A", "-X", "touch /tmp/e2e-evil"],
            &["-oSetEnv=LC_X=x PATH=/tmp BASH_ENV=/tmp/x LD_PRELOAD=/tmp/x.so", "touch /tmp/e2e-evil"],
            &["-s", "sftp"],
            &["-W127.0.0.1:22"],
            &["-W/run/systemd/private"],
            &["-N", "-R22223:127.0.0.1:22"],
            &["-N", "-R/tmp/e2e-evil:127.0.0.1:22"],
        ] {
            let (said, status) = ssh(lab, ops, ("sam", "wgops-shadow"), host, words, b"x\n");
            assert!(status != Some(0) && !lab.holds(host, "test -e /tmp/e2e-evil"), "{words:?}: {said}");
        }
        assert_eq!(
            lab.exec(host, "ps -o args= -u wgops-shadow | grep -v '[s]shd\\|[s]ystemd\\|sd-pam' || true"),
            ""
        );
    });
}

/// The gate of another Debian, or of a host whose `sh` is busybox: what is asked of sshd with a shadow's key leads to it.
fn the_gate_holds_on(kind: &str) {
    let lab = Lab::open();
    let Some(host) = lab.host_of(kind) else { return };
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.opens_to_shadows();
    ops.types("alice", "access sync -i ops --yes --reason why").within(100).says().expect(0, &["+ sam"]);
    for words in [
        &["touch /tmp/e2e-evil"][..],
        &["-tt", "touch /tmp/e2e-evil"],
        &["-A", "-X", "/usr/local/lib/wgops/ask; touch /tmp/e2e-evil"],
        &["-s", "sftp"],
        &["-W127.0.0.1:22"],
        &["-N", "-R22223:127.0.0.1:22"],
    ] {
        let (said, status) = ssh(&lab, &ops, ("sam", "wgops-shadow"), &host, words, b"x\n");
        assert!(matches!(status, Some(2 | 255)), "{words:?}: {status:?} {said}");
    }
    assert!(!lab.holds(&host, "test -e /tmp/e2e-evil"));
    ops.types("sam", "ping -i ops").says().expect(0, &["ok"]);
    ops.types("sam", "facts -i ops").says().expect(0, &[host.name()]);
    // Nothing is guessed of what only root reads.
    ops.types("sam", "access plan -i ops")
        .within(100)
        .says()
        .expect(0, &["needs an operator"])
        .without(&["+ sam"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_gate_holds_on_debian_11() {
    the_gate_holds_on("bullseye");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_gate_holds_on_debian_13() {
    the_gate_holds_on("trixie");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_gate_holds_where_sh_is_busybox() {
    the_gate_holds_on("sysvinit");
}

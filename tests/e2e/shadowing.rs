//! Access as the roster has it, enforced by the servers' own sshd: what a sync does and never does, what a shadow sees through
//! the gate, and what somebody with a shadow's key and a client of their own can do, which is nothing.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::wait_until;
use std::io::Write as _;
use std::process::{Command, Stdio};
use wgops::questions::gate;

/// All that a shadow could have altered; what sshd and the lab themselves write is left out.
const PLACES: &str = "dpkg -l; find /etc /home /root /usr/local /opt /srv /tmp /var/tmp /dev/shm /var/spool /var/mail \
     -xdev -not -type d -printf '%p %s %m %U %T@\\n' | sort; crontab -l -u wgops-shadow 2>&1; atq 2>&1; \
     ps -eo user:20,args | grep '^wgops-shadow' | grep -vE '[s]shd|systemd --user|sd-pam'; true";

const MARK: &str = "00112233445566778899aabbccddeeff";

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.keeps_access();
    test(&lab, &host, &ops);
    lab.reset(&host);
}

fn roster(ops: &Ops<'_>, from: &str, to: &str) {
    ops.replaces("inventory/operators.yml", from, to);
}

/// The inventory's key is the lab's; from here on it is alice's own.
fn with_her_own_key(lab: &Lab, ops: &Ops<'_>) {
    let key = |name: &str| lab.path(name).to_string_lossy().into_owned();
    ops.replaces("inventory/ops.yml", &key("keys/id_ed25519"), &key("keys/alice"));
}

/// ssh with somebody's key alone; `input` is what is sent.
pub fn ssh(
    lab: &Lab,
    ops: &Ops<'_>,
    (key, user): (&str, &str),
    host: &Host,
    words: &[&str],
    input: &[u8],
) -> (String, Option<i32>) {
    let mut child = Command::new("timeout")
        .args(["-s", "KILL", "10", "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
        .args([
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            "-o",
            "LogLevel=ERROR",
        ])
        .args(["-o", "SendEnv=LC_EVIL", "-o", "ExitOnForwardFailure=yes", "-i"])
        .arg(ops.key(key))
        .args(words.iter().take_while(|word| word.starts_with('-') && **word != "--"))
        .arg(format!("{user}@{}", lab.address(host)))
        .args(words.iter().skip_while(|word| word.starts_with('-') && **word != "--"))
        .env("LC_EVIL", "() { :;}; touch /tmp/e2e-evil")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    let all = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&all).into_owned(), output.status.code())
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_sync_gives_and_takes_what_the_roster_says_and_locks_nobody_out() {
    here(|lab, host, ops| {
        let keys = "cat /home/ops/.ssh/authorized_keys";
        let before = lab.exec(host, keys);
        let places = lab.exec(host, PLACES);
        let plan = ops.types("alice", "access plan -i ops").within(120).says();
        plan.expect(
            0,
            &[
                "Who would gain and lose access",
                "+ sam (shadow)",
                "- nobody in the roster",
                "in /home/ops/.ssh/authorized_keys",
            ],
        );
        assert_eq!(lab.exec(host, PLACES), places, "a plan changes nothing");

        // The inventory's key is nobody's in the roster: with it, nobody could log in again.
        let refused = ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
        refused.expect(1, &["a second login fails", "as they were"]);
        assert_eq!(lab.exec(host, keys), before, "everything is back");
        assert!(!lab.holds(host, "test -e /etc/ssh/sshd_config.d/wgops.conf"));

        with_her_own_key(lab, ops);
        let done = ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
        done.expect(0, &["Who gained and lost access", "+ sam (shadow)"]);
        let now = lab.exec(host, keys);
        assert!(now.lines().count() == 1 && now.contains("alice (lead)"), "{now}");
        let line = ops.newest();
        assert!(line.contains("access") && line.contains("why"), "{line}");
        let again = ops.types("alice", "access sync -i ops --yes").within(120).says();
        again.expect(0, &["changed=0"]);
        ops.types("alice", "access plan -i ops").within(120).says().expect(0, &["Nobody gains or loses"]);

        // A stolen laptop: whoever left is out.
        let question = ask_frame(&alive());
        let (said, _) = ssh(lab, ops, ("sam", "wgops-shadow"), host, &["x"], question.as_bytes());
        assert!(said.contains("alive"), "{said}");
        ops.alice("operators leave sam --yes").expect(0, &["in force"]);
        ops.keep("inventory/README", "sam left");
        let left = ops.types("alice", "access sync -i ops --yes --reason left").within(120).says();
        left.expect(0, &["Who gained and lost access", "- sam, who left"]);
        let (said, status) = ssh(lab, ops, ("sam", "wgops-shadow"), host, &["x"], question.as_bytes());
        assert!(status == Some(255) && said.contains("Permission denied"), "{said}");
    });
}

pub fn alive() -> String {
    let script = gate::scripts().into_iter().find(|script| script.name == "alive").unwrap();
    script.digest().hex()
}

/// What a client of wgops' own would send to have this question answered.
pub fn ask_frame(digest: &str) -> String {
    format!("wgops-ask 1\n{MARK}\nask 1 {digest} 0\n")
}

fn digest(name: &str) -> String {
    gate::scripts().into_iter().find(|script| script.name == name).unwrap().digest().hex()
}

/// What sshd itself refuses, in its client's words: where it didn't, ssh would stay until it is killed, which is no success either. `-L`
/// and `-D` open the same kind of channel as `-W`, when somebody uses them.
const CLOSED: [(&[&str], &str); 3] = [
    (&["-tt", "x"], "PTY allocation request failed"),
    (&["-N", "-R22223:127.0.0.1:22"], "remote port forwarding failed"),
    (&["-W127.0.0.1:22"], "stdio forwarding failed"),
];

/// What somebody might ask of sshd.
const EVIL: [&[&str]; 10] = [
    &["touch /tmp/e2e-evil"],
    &["sh", "-c", "'touch /tmp/e2e-evil'"],
    &["/usr/local/lib/wgops/ask; touch /tmp/e2e-evil"],
    &["wgops-ask;touch${IFS}/tmp/e2e-evil"],
    &["$(touch /tmp/e2e-evil)"],
    &["sudo -n touch /tmp/e2e-evil"],
    &["crontab", "-"],
    &["at now"],
    &["-tt", "touch /tmp/e2e-evil"],
    &["-s", "sftp"],
];

/// Frames for the gate that are none, or hold something else.
fn crafted() -> Vec<String> {
    let inspect = digest("inspect");
    let plan = digest("apt_plan");
    vec![
        "touch /tmp/e2e-evil\n".to_owned(),
        format!("wgops-ask 1\n{MARK}\nask 1 {} 0\ntouch /tmp/e2e-evil\n", alive()),
        format!("wgops-ask 1\n{MARK}\nask 1 {} 1\n$(touch /tmp/e2e-evil)\n", "0".repeat(64)),
        format!("wgops-ask 1\n{MARK}\nask 1 {inspect} 3\n'; touch /tmp/e2e-evil; '\n-\n-\n"),
        format!(
            "wgops-ask 1\n{MARK}\nask 1 {inspect} 3\n/etc/passwd\\0012touch /tmp/e2e-evil\n/tmp/x;touch /tmp/e2e-evil #\n-\n"
        ),
        format!(
            "wgops-ask 1\n{MARK}\nask 1 {plan} 4\n-\n-o\nAPT::Update::Pre-Invoke::=touch /tmp/e2e-evil\nupdate\n"
        ),
        format!(
            "wgops-ask 1\n{MARK}\nask 1 {plan} 3\n-\n-oDPkg::Pre-Invoke::=touch /tmp/e2e-evil\nupgrade\n"
        ),
        format!("wgops-ask 1\n{MARK}\nask 1 {} 1\n{}\n", digest("read_file"), "A".repeat(1 << 20)),
        format!("wgops-ask 1\n{MARK}\nask 1 {} 1\n../../usr/bin/touch\n", digest("service")),
        "A".repeat(1 << 20),
    ]
}

/// Whether a file can be copied there.
fn copies(lab: &Lab, ops: &Ops<'_>, host: &Host) -> bool {
    let scp = Command::new("timeout")
        .args(["-s", "KILL", "20", "scp", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"])
        .arg(ops.key("sam"))
        .arg("/etc/hostname")
        .arg(format!("wgops-shadow@{}:/tmp/e2e-evil", lab.address(host)))
        .output()
        .unwrap();
    scp.status.success()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_shadow_s_key_changes_nothing_whatever_the_client() {
    here(|lab, host, ops| {
        with_her_own_key(lab, ops);
        ops.types("alice", "access sync -i ops --yes --reason why")
            .within(120)
            .says()
            .expect(0, &["sam (shadow)"]);
        let before = lab.exec(host, PLACES);
        for user in ["ops", "opspw", "nosudo", "fishy", "audit", "root"] {
            let (said, status) = ssh(lab, ops, ("sam", user), host, &["touch", "/tmp/e2e-evil"], b"");
            assert_eq!(status, Some(255), "{user}: {said}");
        }
        let shadow = ("sam", "wgops-shadow");
        for words in EVIL {
            let (said, status) = ssh(lab, ops, shadow, host, words, b"* * * * * touch /tmp/e2e-evil\n");
            assert_ne!(status, Some(0), "{words:?}: {said}");
        }
        for (words, refusal) in CLOSED {
            let (said, status) = ssh(lab, ops, shadow, host, words, b"");
            assert!(status == Some(255) && said.contains(refusal), "{words:?}: {said}");
        }
        let frames = crafted();
        for frame in &frames {
            let (said, _) = ssh(lab, ops, shadow, host, &["x"], frame.as_bytes());
            let shown: String = frame.chars().take(200).collect();
            assert!(!said.contains("uid="), "{shown}: {said}");
        }
        assert!(!copies(lab, ops, host));
        // Nor does it keep the host at work: what a client that is gone asked for ends by itself.
        let at_work = "pgrep -u wgops-shadow -f lib/wgops/ask";
        wait_until("the gate is at rest", 20, || !lab.holds(host, at_work));
        let after = lab.exec(host, PLACES);
        let new: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
        assert!(after == before, "{new:#?}");
        // The account itself, if it had a shell: no sudo, no cron, nothing of its own to write to.
        for command in [
            "sudo -n true",
            "crontab -l",
            "touch /usr/local/lib/wgops/ask",
            "touch /usr/local/lib/wgops/shadow/x",
            "echo touch /tmp/e2e-evil | at now",
            "kill -TERM 1",
            "kill -KILL $(cat /run/sshd.pid)",
        ] {
            assert!(!lab.holds(host, &format!("su -s /bin/sh wgops-shadow -c '{command}'")), "{command}");
        }
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_shadow_is_shown_the_truth_and_told_what_only_an_operator_sees() {
    here(|lab, host, ops| {
        let tasks = "- copy: {dest: /etc/e2e-shadow, content: hello}\n\
                     - copy: {dest: /root/hidden/e2e, content: hello}\n\
                     - copy: {dest: /etc/sudoers.d/README, content: hello, mode: '0440'}\n\
                     - service: {name: cron, state: started}\n\
                     - apt: {name: bar, state: latest}\n\
                     - cron: {name: x, job: /bin/true}\n\
                     - file: {path: /etc/hostname, state: file, mode: '0644'}\n\
                     - debug: {msg: \"after {{ ansible_check_mode }}\"}";
        ops.play("site", "  become: true\n", tasks);
        with_her_own_key(lab, ops);
        // Not one server lets in who signed nothing.
        roster(ops, "    nda: {signed: 2026-01-01}\n", "");
        ops.types("sam", "run playbooks/site.yml -i ops").says().expect(4, &["no agreement of sam"]);
        roster(
            ops,
            "  sam:\n    role: shadow\n",
            "  sam:\n    role: shadow\n    nda: {signed: 2026-01-01}\n",
        );
        let early = ops.types("sam", "run playbooks/site.yml -i ops").says();
        early.expect(3, &["wgops-shadow can't log in"]);
        ops.types("alice", "access sync -i ops --yes --reason why")
            .within(120)
            .says()
            .expect(0, &["sam (shadow)"]);

        let before = lab.exec(host, PLACES);
        let said = ops.types("sam", "run playbooks/site.yml -i ops").within(120).says();
        said.expect(
            0,
            &[
                "would change",
                "create /etc/e2e-shadow",
                "needs an operator",
                "after True",
                "unreachable=0",
                "failed=0",
            ],
        );
        assert_eq!(said.out.matches("needs an operator").count(), 3, "{said}");
        let patch = ops.types("sam", "patch -i ops").within(180).says();
        patch.expect(0, &["libfoo", "svcd", "bar"]);
        let hers = ops.types("alice", "patch -i ops --check").within(180).says();
        let packages = |text: &str| {
            text.lines().filter(|line| line.contains("→ 1.1")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(packages(&patch.out), packages(&hers.out), "{patch}\n{hers}");
        ops.types("sam", "audit -i ops").within(180).says().expect(5, &["libfoo"]);
        ops.types("ci", "audit -i ops").within(180).says().expect(5, &["libfoo"]);
        ops.types("sam", "facts -i ops").within(60).says().expect(0, &["Debian"]);
        ops.types("sam", "ping -i ops").within(60).says().expect(0, &[]);
        let after = lab.exec(host, PLACES);
        let new: Vec<&str> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
        assert!(after == before, "{new:#?}");
        // What root alone reads of apt's settings may decide what is pending.
        let pin = "printf 'Package: *\\nPin: release *\\nPin-Priority: -1\\n' >/etc/apt/preferences.d/e2e; chmod 600 /etc/apt/preferences.d/e2e";
        lab.exec(host, pin);
        let patch = ops.types("sam", "patch -i ops").within(180).says();
        patch.expect(0, &["needs an operator"]).without(&["libfoo"]);
        lab.exec(host, "rm /etc/apt/preferences.d/e2e");
    });
}

/// A CA of the group's own, its fingerprint, and hosts that were told of it.
fn trusts_a_ca(lab: &Lab, ops: &Ops<'_>) -> (std::path::PathBuf, String) {
    let ca = ops.elsewhere().join("ca");
    let keygen =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&ca).status().unwrap();
    assert!(keygen.success());
    let public = std::fs::read_to_string(ca.with_extension("pub")).unwrap();
    let settings = std::fs::read_to_string(ops.root().join("wgops.yml")).unwrap();
    ops.keep("wgops.yml", format!("{settings}  ca: {}\n", public.trim()));
    with_her_own_key(lab, ops);
    let print = Command::new("ssh-keygen").arg("-lf").arg(&ca).output().unwrap();
    let print = String::from_utf8(print.stdout).unwrap();
    let print = print.split_whitespace().nth(1).unwrap().to_owned();
    ops.types("alice", &format!("access sync -i ops --yes --reason why --new-ca {print}"))
        .within(120)
        .says()
        .expect(0, &["sam (shadow)"]);
    (ca, print)
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_certificate_lets_in_for_a_while_and_a_shadow_s_leads_to_the_gate() {
    here(|lab, host, ops| {
        ops.joins("dora");
        let (ca, print) = trusts_a_ca(lab, ops);
        let issue = |who: &str, name: &str| {
            let (ca, out) =
                (ca.to_string_lossy().into_owned(), ops.elsewhere().join(format!("{name}-cert.pub")));
            let words = format!("access issue {name} --valid 8h --ca-key {ca} --out {}", out.display());
            (ops.types(who, &words).says(), out)
        };
        issue("sam", "sam").0.expect(4, &["only a lead"]);
        let (said, sams) = issue("alice", "sam");
        said.expect(0, &["counts until"]);
        assert!(ops.newest().contains("certificate"), "{}", ops.newest());
        let (_, hers) = issue("alice", "alice");
        // The keys themselves count no more: what lets in is the certificate.
        lab.exec(
            host,
            ": >/usr/local/lib/wgops/shadow/.ssh/authorized_keys; : >/home/ops/.ssh/authorized_keys",
        );
        let question = ask_frame(&alive());
        let with = |file: &std::path::Path| format!("-oCertificateFile={}", file.display());
        let enter = |key: &str, user: &str, certificate: &str, command: &str| {
            ssh(lab, ops, (key, user), host, &[certificate, command], question.as_bytes())
        };
        let (said, _) = enter("sam", "wgops-shadow", &with(&sams), "touch /tmp/e2e-evil");
        assert!(said.contains("alive"), "{said}");
        let (said, status) = enter("sam", "ops", &with(&sams), "id");
        assert_eq!(status, Some(255), "{said}");
        let (said, status) = enter("alice", "ops", &with(&hers), "id");
        assert!(status == Some(0) && said.contains("(ops)"), "{said}");
        let (said, status) = enter("alice", "root", &with(&hers), "id");
        assert_eq!(status, Some(255), "{said}");
        assert!(!lab.holds(host, "test -e /tmp/e2e-evil"));
        let log = lab.exec(host, "journalctl -t sshd --no-pager | grep -c 'sam shadow roster:1'");
        assert_ne!(log.trim(), "0");
        // A stolen laptop with a certificate that goes on for hours: after a sync it opens nothing.
        let (_, doras) = issue("alice", "dora");
        let (said, status) = enter("dora", "ops", &with(&doras), "id");
        assert!(status == Some(0) && said.contains("(ops)"), "{said}");
        let left = ops.alice("operators leave dora --yes");
        left.expect(0, &["in force", "dora's certificate", "wgops access sync"]);
        ops.keep("inventory/README", "dora left");
        // Alice herself comes with her key.
        let hers_alone = std::fs::read_to_string(lab.path("keys/alice.pub")).unwrap();
        lab.exec(host, &format!("echo '{}' >/home/ops/.ssh/authorized_keys", hers_alone.trim()));
        ops.types("alice", &format!("access sync -i ops --yes --reason left --new-ca {print}"))
            .within(120)
            .says()
            .expect(0, &["wgops-revoked/ops"]);
        let (said, status) = enter("dora", "ops", &with(&doras), "id");
        assert!(status == Some(255) && said.contains("Permission denied"), "{said}");
        lab.exec(host, ": >/home/ops/.ssh/authorized_keys");
        assert_eq!(enter("alice", "ops", &with(&hers), "id").1, Some(0));
        assert!(enter("sam", "wgops-shadow", &with(&sams), "x").0.contains("alive"));
    });
}

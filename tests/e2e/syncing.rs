//! `access sync` where it is less simple: keys of others, keys for a lock-out, freezes, jump hosts, a CA in an agent.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use std::path::Path;
use std::process::Command;

const KEYS: &str = "cat /home/ops/.ssh/authorized_keys";

/// wgops.yml with what it says under 'access', and more.
fn settings(ops: &Ops<'_>, access: &str, more: &str) {
    let text = std::fs::read_to_string(ops.root().join("wgops.yml")).unwrap();
    ops.keep("wgops.yml", format!("{text}\naccess:\n  account: ops\n{access}{more}"));
}

fn replaced(ops: &Ops<'_>, file: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(ops.root().join(file)).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    ops.keep(file, text.replace(from, to));
}

fn with_her_own_key(lab: &Lab, ops: &Ops<'_>) {
    let key = |name: &str| lab.path(name).to_string_lossy().into_owned();
    replaced(ops, "inventory/ops.yml", &key("keys/id_ed25519"), &key("keys/alice"));
}

fn keygen(file: &Path) -> String {
    let keygen = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status();
    assert!(keygen.unwrap().success());
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}

/// Logs in as ssh does, with this key alone; its exit code.
fn enters(key: &Path, host: &Host, lab: &Lab, more: &[&str]) -> Option<i32> {
    let mut ssh = Command::new("timeout");
    ssh.args(["-s", "KILL", "10", "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(more)
        .arg("-i")
        .arg(key)
        .arg(format!("ops@{}", lab.address(host)))
        .arg("true");
    ssh.output().unwrap().status.code()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_sync_asks_keeps_others_keys_minds_no_freeze_and_no_window_and_a_key_for_a_lock_out_is_told() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let spare = ops.elsewhere().join("spare");
    let public = keygen(&spare);
    let roster = std::fs::read_to_string(ops.root().join("inventory/operators.yml")).unwrap();
    ops.keep("inventory/operators.yml", format!("{roster}emergency_keys: ['{public}']\n"));
    let today = jiff::Zoned::now().date();
    let tomorrow = today.tomorrow().unwrap();
    let freeze = format!("freezes:\n  - {{from: {today}, until: {tomorrow}, reason: election night}}\n");
    let shut = today.checked_add(jiff::ToSpan::days(2)).unwrap().strftime("%a").to_string().to_lowercase();
    let window = format!("windows:\n  - {{hosts: all, days: [{shut}], from: '03:00', for: 1h}}\n");
    settings(&ops, "  other_keys: keep\n", &window);
    // Nothing else may touch this host today.
    let run = format!("run {} -i ops", ops.play("touch", "", "- command: touch /tmp/e2e-held"));
    ops.alice(&run).expect(4, &["window"]);
    replaced(&ops, "wgops.yml", "windows:\n", &format!("{freeze}windows:\n"));
    ops.alice(&run).expect(4, &["election night"]);
    let before = lab.exec(&host, KEYS);
    let sync = "access sync -i ops --reason why";
    ops.alice(sync).expect(2, &["terminal", "--yes"]);
    let asked = |typed: &str| ops.types("alice", sync).at_a_terminal(typed).within(120).says();
    let difference = ["Who would gain and lose access", "+ an emergency key", "number of hosts"];
    asked("7\n\n").expect(0, &difference).expect(0, &["Stopped; nothing was changed"]);
    ops.newest_run().expect(0, &["access", "looked, and changed nothing"]);
    assert_eq!(lab.exec(&host, KEYS), before);
    asked("1\n")
        .expect(0, &difference)
        .expect(0, &["Who gained and lost access"])
        .without(&["election", "window"]);
    let now = lab.exec(&host, KEYS);
    // But for hers who is a shadow, the keys of others are as they were.
    let sams = std::fs::read_to_string(lab.path("keys/sam.pub")).unwrap();
    let kept = before.replace(sams.trim(), "");
    assert!(kept != before && now.starts_with(kept.trim_end()), "{now}");
    assert!(now.contains("alice (lead)") && now.contains(&public[..60]), "{now}");
    asked("\n").expect(0, &["Nothing to do"]);
    ops.alice("ledger compare -i ops --since 1h").without(&["emergency key:"]);
    assert_eq!(enters(&spare, &host, &lab, &[]), Some(0));
    ops.alice("ledger compare -i ops --since 1h").expect(5, &["emergency key:", "to be answered for"]);
    // What a comparison found, whoever verifies the ledger reads, too, until somebody answers for it.
    let verified = ops.alice("ledger verify");
    verified.expect(0, &["emergency key:", host.name(), "1 login as ops", "found by alice"]);
    let (_, note) = verified.out.split_once("wgops ledger note ").unwrap();
    ops.alice(&format!("ledger note {} a-drill", &note[..26])).expect(0, &["Noted"]);
    ops.alice("ledger verify").expect(0, &["every signature"]).without(&["emergency key:"]);
    lab.reset(&host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_behind_another_is_synced_and_nobody_is_locked_out_of_it() {
    let lab = Lab::open();
    let (jump, host) = lab.two_hosts();
    [&jump, &host].iter().for_each(|one| lab.reset(one));
    let ops = Ops::of(&lab, &[&jump, &host]);
    let hers = std::fs::read_to_string(lab.path("keys/alice.pub")).unwrap();
    lab.exec(&jump, &format!("echo '{}' >>/home/ops/.ssh/authorized_keys", hers.trim()));
    // The way to the first host is ssh's own: with the key that it finds at home.
    for end in ["", ".pub"] {
        let home = ops.elsewhere().join(format!("home/.ssh/id_ed25519{end}"));
        std::fs::copy(lab.path(&format!("keys/alice{end}")), home).unwrap();
    }
    // From here nothing but the first host reaches it.
    let here = "$(ip -4 route get 10.0.0.1 2>/dev/null | sed -n 's/.* via \\([0-9.]*\\).*/\\1/p')";
    lab.exec(&host, &format!("iptables -I INPUT -p tcp --dport 22 -s {here} -j DROP 2>/dev/null || true"));
    let line = format!("{}: {{ansible_host: {}", host.name(), lab.address(&host));
    let through = format!("{line}, ansible_ssh_common_args: '-o ProxyJump=ops@{}'", lab.address(&jump));
    replaced(&ops, "inventory/ops.yml", &line, &through);
    settings(&ops, "", "");
    let only = format!("-i ops -l {} --yes --reason why", host.name());
    let refused = ops.types("alice", &format!("access sync {only}")).within(120).says();
    refused.expect(1, &["a second login fails", "as they were"]);
    with_her_own_key(&lab, &ops);
    let done = ops.types("alice", &format!("access sync {only}")).within(120).says();
    done.expect(0, &["Who gained and lost access", "- nobody in the roster"]);
    assert!(lab.exec(&host, KEYS).lines().count() == 1);
    ops.types("alice", &format!("access sync {only}")).within(120).says().expect(0, &["changed=0"]);
    // Both, the one on the way included.
    let both = ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    both.expect(0, &["failed=0", "unreachable=0"]);
    [&jump, &host].iter().for_each(|one| lab.reset(one));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn who_left_is_named_where_their_key_goes_though_the_roster_has_it_no_more() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    settings(&ops, "", "");
    with_her_own_key(&lab, &ops);
    let dora = ops.elsewhere().join("dora");
    let public = keygen(&dora);
    ops.alice(&format!("operators add dora --key {}.pub --yes", dora.display())).expect(0, &["in force"]);
    ops.alice("operators clear dora --nda 2026-01-01 --yes").expect(0, &["in force"]);
    ops.keep("inventory/README", "dora is here");
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    sync().expect(0, &["+ dora (operator)"]);
    assert_eq!(enters(&dora, &host, &lab, &[]), Some(0));
    // Whose agreement has ended loses hers, and that is why.
    ops.alice("operators clear dora --nda 2025-01-01 --until 2025-12-31 --yes").expect(0, &["in force"]);
    let plan = ops.types("alice", "access plan -i ops").within(120).says();
    plan.expect(0, &["- dora (operator), whose agreement ended on 2025-12-31"]);
    ops.alice("operators clear dora --nda 2026-01-01 --yes").expect(0, &["in force"]);
    ops.types("alice", "access plan -i ops").within(120).says().expect(0, &["Nobody gains or loses a key"]);
    // As root she keeps a second way in, in the other file that sshd looks at by itself.
    lab.exec(&host, "cp -p /home/ops/.ssh/authorized_keys /home/ops/.ssh/authorized_keys2");
    // A clone of somebody who does not pull.
    let clone = ops.elsewhere().join("clone");
    let cp = Command::new("cp").arg("-a").args([&ops.root(), &clone]).status().unwrap();
    assert!(cp.success());
    let pin = ops.alice("operators list").out;
    let pin = pin.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
    ops.alice("operators leave dora --yes").expect(0, &["in force"]);
    ops.keep("inventory/README", "dora left");
    let gone = ["Who gained and lost access", "- dora, who left  in /home/ops/.ssh/authorized_keys\n"];
    sync().expect(0, &gone).expect(0, &["- dora, who left  in /home/ops/.ssh/authorized_keys2"]);
    assert_eq!(enters(&dora, &host, &lab, &[]), Some(255));
    // Nor by whoever syncs without having heard that she left.
    let home = ops.elsewhere().join("other home");
    let stale = crate::typed::Command::new(&clone)
        .args(&["access", "sync", "-i", "ops", "--yes", "--reason", "weekly", "--allow-dirty"])
        .env("HOME", &home.to_string_lossy())
        .env("WGOPS_IDENTITY", &ops.key("alice").to_string_lossy())
        .env("WGOPS_ROSTER_PIN", &pin)
        .within(120)
        .says();
    stale.expect(4, &["was set up by version", "pull"]).without(&["+ dora"]);
    assert!(lab.exec(&host, "stat -c %a /usr/local/lib/wgops/roster").starts_with("600"));
    assert_eq!(enters(&dora, &host, &lab, &[]), Some(255));
    // Nor does she come in by it later: what stands there counts for nothing, and is shown.
    lab.exec(&host, &format!("cat >>/home/ops/.ssh/authorized_keys2 <<'K'\n{public}\nK"));
    assert_eq!(enters(&dora, &host, &lab, &[]), Some(255));
    ops.alice("access plan -i ops").expect(0, &["- dora, who left  in /home/ops/.ssh/authorized_keys2"]);
    lab.reset(&host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_operating_account_gets_sudo_where_the_settings_say_so_and_loses_it_with_them() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    settings(&ops, "  sudo: true\n", "");
    replaced(&ops, "wgops.yml", "account: ops\n", "account: opspw\n");
    let becomes_root = || lab.holds(&host, "runuser -u opspw -- sudo -n true");
    assert!(!becomes_root());
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    sync().expect(0, &["+ alice (lead)"]);
    assert!(becomes_root());
    sync().expect(0, &["changed=0"]);
    replaced(&ops, "wgops.yml", "  sudo: true\n", "");
    sync().expect(0, &["zz-wgops"]);
    assert!(!becomes_root());
    lab.reset(&host);
}

/// Keys that sshd would find elsewhere: a second file, a program, a block for some addresses.
#[test]
#[ignore = "needs the lab: run scripts/test"]
fn who_left_finds_no_other_door_and_what_stands_open_is_told() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let bobs = ops.key("bob");
    let public = std::fs::read_to_string(bobs.with_extension("pub")).unwrap();
    let second = "/home/ops/.ssh/authorized_keys2";
    let write = format!("echo '{}' >{second}; chown ops: {second}; chmod 600 {second}", public.trim());
    lab.exec(&host, &write);
    settings(&ops, "", "");
    with_her_own_key(&lab, &ops);
    assert_eq!(enters(&bobs, &host, &lab, &[]), Some(0));
    // He is in, and stays while the connection does.
    let mut stays = Command::new("timeout")
        .args(["-s", "KILL", "120", "ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"])
        .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-i"])
        .arg(&bobs)
        .arg(format!("ops@{}", lab.address(&host)))
        .arg("sleep 100")
        .spawn()
        .unwrap();
    crate::typed::wait_until("bob is in", 10, || lab.holds(&host, "pgrep -u ops -x sleep"));
    let gone = format!("- bob (left)  in {second}");
    ops.types("alice", "access plan -i ops").within(120).says().expect(0, &[&gone]);
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    sync().expect(0, &[&gone, "1 session(s) as ops", "end it by hand"]);
    stays.kill().unwrap();
    stays.wait().unwrap();
    lab.exec(&host, "pkill -u ops -x sleep; true");
    assert_eq!(enters(&bobs, &host, &lab, &[]), Some(255));
    let plan = ops.types("alice", "access plan -i ops").within(120).says();
    plan.expect(0, &["Nobody gains or loses", "changed=0", "failed=0"]);
    // Whoever is root may write it again: sshd doesn't read it any more.
    lab.exec(&host, &write);
    assert_eq!(enters(&bobs, &host, &lab, &[]), Some(255));
    // What was said of the account before wgops' own file is read, sshd tells.
    let other = "/etc/ssh/sshd_config.d/00-other.conf";
    let reload = "kill -HUP $(cat /run/sshd.pid); sleep 1";
    lab.exec(&host, &format!("mkdir -p /etc/other; mv {second} /etc/other/ops; chown -R root: /etc/other; chmod 644 /etc/other/ops"));
    let ways = [
        (
            "Match User ops\\n AuthorizedKeysFile .ssh/authorized_keys /etc/other/%u\\n",
            "keys in /etc/other/ops",
        ),
        (
            "Match User ops\\n AuthorizedKeysCommand /bin/true\\n AuthorizedKeysCommandUser nobody\\n",
            "keys that /bin/true names",
        ),
        ("Match User ops\\n TrustedUserCAKeys /etc/other/ca\\n", "certificates by keys in /etc/other/ca"),
        (
            "Match Address 10.0.0.0/8\\n TrustedUserCAKeys /etc/other/ca\\n",
            "set for Match Address 10.0.0.0/8",
        ),
    ];
    for (text, words) in ways {
        lab.exec(&host, &format!("printf '%b' '{text}' >{other}; {reload}"));
        sync().expect(1, &["by something else than what is written here", words]);
    }
    lab.exec(&host, &format!("rm -r {other} /etc/other; {reload}"));
    sync().expect(0, &["changed=0"]);
    lab.reset(&host);
}

/// With a mistake that nobody noticed yet, sshd goes on with what it read before, and nothing has it read more.
#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_whose_sshd_would_not_start_again_is_left_alone_and_goes_on() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    settings(&ops, "", "");
    with_her_own_key(&lab, &ops);
    let other = "/etc/ssh/sshd_config.d/00-other.conf";
    lab.exec(&host, &format!("echo bad >{other}"));
    let mistake = ["sshd on this host would not start again", "00-other.conf"];
    ops.types("alice", "access plan -i ops").within(120).says().expect(1, &mistake);
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    sync().expect(1, &mistake);
    // Nor is sshd told to read what would let nobody in any more, which it has not read yet.
    lab.exec(&host, &format!("echo 'AllowUsers root' >{other}"));
    let barred = ["would let nobody in as ops", "AllowUsers root", "Nothing is changed here"];
    sync().expect(1, &barred);
    lab.exec(&host, &format!("rm {other}"));
    sync().expect(0, &["wgops.conf"]);
    lab.reset(&host);
}

/// Where keys of others are kept, those of people of the group who are no operators are none of them; and an account that is
/// somebody else's becomes nobody's.
#[test]
#[ignore = "needs the lab: run scripts/test"]
fn keys_of_whoever_left_are_nobody_s_to_keep_and_no_service_s_account_becomes_the_shadows() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let public = std::fs::read_to_string(ops.key("bob").with_extension("pub")).unwrap();
    let files = "/home/ops/.ssh/authorized_keys /home/ops/.ssh/authorized_keys2";
    lab.exec(
        &host,
        &format!("echo '{}' | tee -a {files}; chown ops: {files}; chmod 600 {files}", public.trim()),
    );
    settings(&ops, "  other_keys: keep\n", "");
    let before = lab.exec(&host, KEYS);
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(120).says();
    sync().expect(0, &["- bob (left)  in /home/ops/.ssh/authorized_keys\n", "authorized_keys2"]);
    assert_eq!(enters(&ops.key("bob"), &host, &lab, &[]), Some(255));
    let now = lab.exec(&host, KEYS);
    assert!(now.starts_with(before.lines().next().unwrap()) && now.contains("alice (lead)"), "{now}");
    sync().expect(0, &["changed=0"]);
    // Who can push writes another account into wgops.yml, and another key of the host.
    replaced(&ops, "wgops.yml", "  other_keys: keep\n", "  other_keys: keep\n  shadow: www-data\n");
    replaced(
        &ops,
        "inventory/known_hosts",
        &lab.address(&host),
        &format!("other.invalid,{}", lab.address(&host)),
    );
    let before = lab.exec(&host, "cat /etc/passwd /etc/ssh/sshd_config.d/wgops.conf");
    let refused = sync();
    refused.expect(4, &["www-data is an account of this host that wgops did not make"]);
    refused.expect(
        4,
        &["access: shadow was wgops-shadow, and is www-data", "a host key of other.invalid came: SHA256:"],
    );
    assert_eq!(lab.exec(&host, "cat /etc/passwd /etc/ssh/sshd_config.d/wgops.conf"), before);
    lab.reset(&host);
}

/// An agent of its own for a test.
struct Agent {
    socket: String,
    pid: String,
}

impl Agent {
    fn with(folder: &Path, key: &Path) -> Self {
        let socket = folder.join("agent.sock").to_string_lossy().into_owned();
        let said = Command::new("ssh-agent").args(["-s", "-a", &socket]).output().unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        let pid = said.split("SSH_AGENT_PID=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        let added =
            Command::new("ssh-add").arg("-q").arg(key).env("SSH_AUTH_SOCK", &socket).status().unwrap();
        assert!(added.success());
        Self { socket, pid }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = Command::new("kill").arg(&self.pid).status();
    }
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_ca_in_an_agent_signs_and_its_certificate_lets_in() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let ca = ops.elsewhere().join("ca");
    let public = keygen(&ca);
    settings(&ops, &format!("  ca: {public}\n"), "");
    with_her_own_key(&lab, &ops);
    // Whoever can push can write a CA into wgops.yml: a new one is compared first.
    let sync = |more: &str| {
        ops.types("alice", &format!("access sync -i ops --yes --reason why{more}")).within(120).says()
    };
    let refused = sync("");
    refused.expect(4, &["was not in the last sync", "compare its fingerprint"]);
    let print = refused.err.split("--new-ca ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    sync(" --new-ca SHA256:other").expect(4, &["was not in the last sync"]);
    sync(&format!(" --new-ca {print}")).expect(0, &[&format!("+ whoever the CA {print} certifies")]);
    sync("").expect(0, &["certifies who may log in as ops"]);
    // Another one in its place is another one.
    let mine = std::fs::read_to_string(ops.root().join("wgops.yml")).unwrap();
    let other = keygen(&ops.elsewhere().join("other-ca"));
    replaced(&ops, "wgops.yml", &public, &other);
    sync("").expect(4, &["was not in the last sync"]);
    ops.keep("wgops.yml", mine);
    let out = ops.elsewhere().join("alice-cert.pub");
    let issue = format!("access issue alice --out {}", out.display());
    ops.alice(&issue).expect(4, &["does not have the CA's key", "--ca-key"]);
    let agent = Agent::with(ops.elsewhere(), &ca);
    // Its file is on no machine any more.
    std::fs::remove_file(&ca).unwrap();
    ops.types("alice", &issue).env("SSH_AUTH_SOCK", &agent.socket).says().expect(0, &["counts until"]);
    lab.exec(&host, ": >/home/ops/.ssh/authorized_keys");
    let key = ops.key("alice");
    assert_eq!(enters(&key, &host, &lab, &[]), Some(255));
    let with = format!("-oCertificateFile={}", out.display());
    assert_eq!(enters(&key, &host, &lab, &[&with]), Some(0));
    // wgops logs in with it, too, where it lies beside the key.
    let beside = ops.elsewhere().join("hers");
    std::fs::create_dir(&beside).unwrap();
    for (from, to) in [(&key, "alice"), (&lab.path("keys/alice.pub"), "alice.pub"), (&out, "alice-cert.pub")]
    {
        std::fs::copy(from, beside.join(to)).unwrap();
    }
    replaced(&ops, "inventory/ops.yml", &key.to_string_lossy(), &beside.join("alice").to_string_lossy());
    ops.alice("ping -i ops").expect(0, &["ok"]);
    lab.reset(&host);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_that_is_down_or_broken_keeps_nobody_s_key_on_the_others() {
    let lab = Lab::open();
    let (first, second) = lab.two_hosts();
    [&first, &second].iter().for_each(|one| lab.reset(one));
    let ops = Ops::of(&lab, &[&first, &second]);
    with_her_own_key(&lab, &ops);
    settings(&ops, "", "");
    // Somebody who left still logs in to both.
    let key = keygen(&ops.elsewhere().join("left"));
    let let_in = format!("echo '{key}' >>/home/ops/.ssh/authorized_keys");
    let still = |host: &Host| lab.exec(host, KEYS).contains(&key[..60]);
    [&first, &second].iter().for_each(|one| drop(lab.exec(one, &let_in)));
    lab.power_off(&first);
    let left = [first.name(), "was not reached, or not done", "whoever could log in there still can"];
    let plan = ops.types("alice", "access plan -i ops").within(120).says();
    plan.expect(3, &left).expect(3, &[second.name(), "- nobody in the roster"]);
    let sync = "access sync -i ops --reason why";
    let synced = ops.types("alice", &format!("{sync} --yes")).within(180).says();
    synced.expect(3, &left).expect(3, &[second.name(), "- nobody in the roster"]);
    assert!(!still(&second), "{synced}");
    lab.power_on(&first);
    assert!(still(&first), "{synced}");
    // One whose sshd has a mistake already is left as it is, and keeps nobody waiting either.
    lab.exec(&first, "echo 'Nonsense yes' >>/etc/ssh/sshd_config");
    lab.exec(&second, &let_in);
    let asked = ops.types("alice", sync).at_a_terminal("1\n").within(180).says();
    asked.expect(1, &left).expect(1, &["- nobody in the roster"]);
    assert!(!still(&second) && still(&first), "{asked}");
    // What fails on the first host alone may fail on each: the rest is told, and how it goes on.
    lab.reset(&first);
    [&first, &second].iter().for_each(|one| drop(lab.exec(one, &let_in)));
    lab.exec(&first, "mount --bind /home /home && mount -o remount,bind,ro /home");
    let halted = ops.types("alice", &format!("{sync} --yes")).within(180).says();
    let begun = format!("--limit '!{}'", first.name());
    halted.expect(1, &left).expect(1, &[second.name(), "was not begun: whoever could log in", &begun]);
    assert!(still(&second), "{halted}");
    let others = ops.types("alice", &format!("{sync} --yes --limit !{}", first.name())).within(180).says();
    others.expect(0, &[second.name(), "- nobody in the roster"]);
    assert!(!still(&second), "{others}");
    lab.exec(&first, "umount /home");
    lab.reset(&first);
    lab.reset(&second);
}

//! The ledger against hosts' own logs: what was done by hand, a run that was hidden from the ledger, and one that left no line.

use crate::lab::Lab;
use crate::ops::Ops;
use std::path::{Path, PathBuf};

const COMPARE: &str = "ledger compare -i ops --since 1h";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_was_done_by_hand_and_what_was_hidden_on_either_side_is_found() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    // By a module that installs nothing, and so explains no packages.
    let file = ops.play("touch", "  become: true\n", "- file: {path: /tmp/e2e-compared, state: touch}");
    ops.alice(&format!("run {file} -i ops")).expect(0, &["changed=1"]);
    let said = ops.alice(COMPARE);
    said.without(&["left no trace", "not in the ledger", "backdoor", "not compared"]);
    // By hand.
    let by_hand = "at=$(date '+%F  %T'); printf '\\nStart-Date: %s\\nCommandline: apt-get install backdoor\\nRequested-By: eve (1000)\\nInstall: backdoor:amd64 (6.6)\\nEnd-Date: %s\\n' \"$at\" \"$at\" >>/var/log/apt/history.log";
    lab.exec(&host, by_hand);
    ops.alice(COMPARE).expect(
        5,
        &[host.name(), "no run explains:", "'apt-get install backdoor' by eve", "to be answered for"],
    );
    // A run of which the ledger shall know nothing.
    ops.alice(&format!("run {file} -i ops")).expect(0, &["changed=1"]);
    let newest = newest_intent(&ops.root().join("ledger"));
    for end in ["json", "json.sig", "private.json"] {
        std::fs::remove_file(newest.with_extension(end)).unwrap();
    }
    ops.alice(COMPARE).expect(5, &["not in the ledger:", "by alice (lead)"]);
    // A run of which the host shall know nothing. Where an entry is gone, nothing goes on as if it had never been.
    lab.exec(&host, "mv /usr/bin/logger /usr/bin/logger.away");
    ops.alice(&format!("run {file} -i ops")).expect(4, &["is missing: removed, or not yet pulled"]);
    ops.alice(&format!("run {file} -i ops --break-glass known")).expect(0, &["changed=1"]);
    lab.exec(&host, "mv /usr/bin/logger.away /usr/bin/logger");
    ops.alice(COMPARE).expect(5, &["left no trace:", "of alice"]);
    // Who may not become root there is told that it is not the whole story.
    let said = ops.types("sam", "ledger compare -i nosudo --since 1h").says();
    said.expect(1, &["not compared", host.name()]);
    let json = ops.alice(&format!("{COMPARE} --format json"));
    json.expect(5, &["\"wgops-compare\"", "\"no-trace\"", "\"not-in-ledger\""]);
}

fn newest_intent(ledger: &Path) -> PathBuf {
    let find = std::process::Command::new("grep")
        .args(["-rl", "\"kind\":\"intent\"", "--include=????????.json"])
        .arg(ledger)
        .output();
    let text = String::from_utf8_lossy(&find.unwrap().stdout).into_owned();
    text.lines().max().unwrap().into()
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn who_stopped_at_the_question_is_in_the_ledger_and_what_is_left_can_be_answered() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let sudo = "       ops : PWD=/ ; USER=root ; COMMAND=/usr/bin/by-hand";
    let logger = |of: &str| format!("logger -t {of}");
    lab.exec(&host, &format!("{} '{sudo}'", logger("sudo")));
    let stopped = ops.types("alice", "patch -i ops").at_a_terminal("\n").within(90).says();
    assert_eq!(stopped.code, Some(0), "{stopped}");
    ops.newest_run().expect(0, &["looked, and changed nothing"]);
    // A user of the host writes into its log what ops never did.
    let forged = sudo.replace("by-hand", "never");
    lab.exec(&host, &format!("su -s /bin/sh nobody -c \"{} '{forged}'\"", logger("sudo")));
    let said = ops.alice(COMPARE);
    said.expect(
        5,
        &["/usr/bin/by-hand [", "forged:", "in the name of sudo, written by uid 65534", "--answers NAME"],
    );
    let line = said.out.lines().find(|line| line.contains("/usr/bin/by-hand")).unwrap();
    let name = line.rsplit('[').next().unwrap().trim_end_matches(']');
    let run = said.err.split("ledger note ").nth(1).unwrap().split(' ').next().unwrap();
    let note = format!("ledger note {run} checked --answers");
    ops.alice(&format!("{note} 0123456789")).expect(2, &["found nothing that is called '0123456789'"]);
    ops.types("sam", &format!("{note} {name}")).says().expect(4, &["shadow"]);
    ops.alice(&format!("{note} {name}")).expect(0, &["Answered:", "sudo", "Noted"]);
    ops.alice(COMPARE).expect(5, &["answered:", "alice: checked"]).without(&["by-hand ["]);
    // Who may only audit would be shown too little to compare.
    ops.types("ci", "ledger compare -i nosudo --since 1h")
        .says()
        .expect(4, &["audits and does nothing else"]);
    // A host without a log is no host on which all is well.
    let logs = "/usr/bin/journalctl /var/log/auth.log /var/log/syslog /var/log/messages /var/log/secure";
    lab.exec(&host, &format!("for file in {logs}; do [ ! -e $file ] || mv $file $file.away; done"));
    let blind = ops.alice(COMPARE);
    lab.exec(&host, &format!("for file in {logs}; do [ ! -e $file.away ] || mv $file.away $file; done"));
    blind.expect(1, &["not compared:", "no log that tells who logged in", "Nothing was compared"]);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_emptied_history_of_packages_is_told() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let file = ops.play("touch", "  become: true\n", "- file: {path: /tmp/e2e-compared, state: touch}");
    ops.alice(&format!("run {file} -i ops")).expect(0, &["changed=1"]);
    // By hand, and as if some minutes had passed.
    lab.exec(
        &host,
        "mkdir -p /root/p/DEBIAN && printf 'Package: e2e-by-hand\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@x>\\nDescription: x\\n' >/root/p/DEBIAN/control && dpkg-deb -b /root/p /root/p.deb && dpkg -i /root/p.deb",
    );
    lab.exec(&host, "touch -d '+300 seconds' /var/lib/dpkg/info");
    let told = "its history of packages has nothing of that time";
    ops.alice(COMPARE).expect(5, &["e2e-by-hand", told]);
    lab.exec(&host, "touch -d 'now' /var/lib/dpkg/info");
    ops.alice(COMPARE).expect(5, &["e2e-by-hand"]).without(&[told]);
    // Whoever did it empties the logs.
    lab.exec(&host, "rm -f /var/log/apt/history.log.* /var/log/dpkg.log.*; : >/var/log/apt/history.log; : >/var/log/dpkg.log");
    lab.exec(&host, "touch -d '+300 seconds' /var/lib/dpkg/info");
    ops.alice(&format!("{COMPARE} --format json")).expect(5, &["\"unlogged\""]);
    let said = ops.alice(COMPARE);
    lab.reset(&host);
    said.expect(5, &["not seen:", told]).without(&["e2e-by-hand"]);
}

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
    let file = ops.play("touch", "  become: true\n", "- command: touch /tmp/e2e-compared");
    ops.alice(&format!("run {file} -i ops")).expect(0, &["changed=1"]);
    let said = ops.alice(COMPARE);
    said.without(&["left no trace", "not in the ledger", "backdoor", "not compared"]);
    // By hand, half an hour ago.
    let by_hand = "at=$(date -d '-30 min' '+%F  %T'); printf '\\nStart-Date: %s\\nCommandline: apt-get install backdoor\\nRequested-By: eve (1000)\\nInstall: backdoor:amd64 (6.6)\\nEnd-Date: %s\\n' \"$at\" \"$at\" >>/var/log/apt/history.log";
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

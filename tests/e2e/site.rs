//! A small site of roles, includes and handlers on a real host: it ends as ansible-core left its twin, the dry run foretold
//! that, and a second run finds nothing to do.

use crate::lab::Lab;
use crate::ops::Ops;
use crate::typed::Said;
use std::collections::BTreeMap;
use std::path::Path;

/// What ansible-core 2.19 made of a twin host, as `look.sh` shows it.
const EXPECTED: &str = include_str!("site/expected.txt");

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn roles_end_as_ansible_ends_them_and_settle_and_are_foretold() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/site");
    copy(&ops, &site, "playbooks/own");
    ops.keep("playbooks/own/README", "a site");
    let look = std::fs::read_to_string(site.join("look.sh")).unwrap();
    let run = |options: &str| -> Said {
        let line = format!("run playbooks/own/site.yml -i ops --format json {options}");
        let said = ops.types("alice", &line).within(120).says();
        said.expect(0, &[]);
        said
    };

    let foretold = tasks(&run("--check"));
    assert!(!lab.holds(&host, "ls -d /etc/site-* /srv/www"), "a dry run changes nothing");
    let done = tasks(&run(""));
    for (task, status) in &done {
        let said = foretold.get(task).map_or("nothing", String::as_str);
        let wrong = match status.as_str() {
            "changed" => ["ok", "skipped", "nothing"].contains(&said),
            "ok" | "skipped" => ["would_change", "would_run"].contains(&said),
            _ => false,
        };
        assert!(!wrong, "{task}: {status}, foretold: {said}");
    }
    let ends: Vec<String> = lab.exec(&host, &look).lines().map(|line| line.trim_end().to_owned()).collect();
    assert_eq!(ends, EXPECTED.lines().collect::<Vec<_>>());

    let again = tasks(&run(""));
    let changed: Vec<_> = again.iter().filter(|(_, status)| *status == "changed").collect();
    assert!(changed.is_empty(), "settled: {changed:?}");
}

/// Copies a folder of ours into the ops repository.
fn copy(ops: &Ops<'_>, from: &Path, to: &str) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let below = format!("{to}/{}", entry.file_name().to_string_lossy());
        match entry.file_type().unwrap().is_dir() {
            true => copy(ops, &entry.path(), &below),
            false => ops.write(&below, std::fs::read(entry.path()).unwrap()),
        }
    }
}

/// How each task ended, by its place, its name, and for the how-manieth time.
fn tasks(said: &Said) -> BTreeMap<String, String> {
    let mut ends = BTreeMap::new();
    for line in said.out.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["event"] != "task_ends" {
            continue;
        }
        let name = format!("{} {}", event["place"], event["task"]);
        let status = match event["message"].as_str() {
            // What a rescue does is foretold with its condition.
            Some("only if the block fails") => "only_if".to_owned(),
            _ => event["status"]["status"].as_str().unwrap_or_default().to_owned(),
        };
        let times = (1..).find(|times| !ends.contains_key(&format!("{name} {times}"))).unwrap_or_default();
        ends.insert(format!("{name} {times}"), status);
    }
    ends
}

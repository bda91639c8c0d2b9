//! The ledger's verbs: remarks, runs that broke off, the public view, and going through somebody's run.

use crate::group::{Group, said};
use assert_cmd::Command;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Says which shell it is in, and goes on until a file is gone.
const SLOW: &str = r"
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo $$ >FOLDER/shell; while [ -e FOLDER/going ]; do sleep 0.1; done
";

#[test]
fn a_run_that_broke_off_is_open_until_somebody_says_what_became_of_it() {
    let group = Group::new();
    let (going, shell) = (group.folder.path().join("going"), group.folder.path().join("shell"));
    fs::write(&going, "").unwrap();
    let slow = SLOW.replace("FOLDER", &group.folder.path().to_string_lossy());
    fs::write(group.root().join("playbooks/slow.yml"), slow).unwrap();
    let chain = || group.chains(&group.root(), "alice").first().map_or(0, |chain| group.entries(chain).len());
    let mut process = std::process::Command::new(assert_cmd::cargo::cargo_bin("wgops"));
    process
        .args(["run", "playbooks/slow.yml", "-i", "local", "--allow-dirty"])
        .current_dir(group.root())
        .env_clear();
    process.env("HOME", group.folder.path().join("home_alice")).env("WGOPS_IDENTITY", group.key("alice"));
    process.env("PATH", std::env::var("PATH").unwrap_or_default());
    process.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let mut process = process.stderr(std::process::Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !group.root().join("ledger").exists() || chain() == 0 || !shell.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is under way");
        std::thread::sleep(Duration::from_millis(20));
    }
    let run = group.newest_run();
    group.says("alice", &format!("ledger resolve {run} --note nothing")).expect(4, &["still goes on"]);
    process.kill().unwrap();
    process.wait().unwrap();
    // The lock on this machine, where other tests have their turn, ends with the shell.
    fs::remove_file(&going).unwrap();
    let holder = fs::read_to_string(&shell).unwrap();
    let gone = || !Path::new("/proc").join(holder.trim()).exists();
    while !gone() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the shell {holder} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    group.says("alice", "ledger verify").expect(0, &["open:", &run, "wgops ledger resolve"]);
    group.says("alice", "runs").expect(0, &["open"]);
    group.types("alice", &["ledger", "note", &run, "the laptop fell"]).expect(0, &["Noted"]);
    group.types("alice", &["ledger", "resolve", &run, "--note", " "]).expect(2, &["empty"]);
    group
        .types("alice", &["ledger", "resolve", &run, "--note", "looked: nothing was left"])
        .expect(0, &["is closed"]);
    let verified = group.says("alice", "ledger verify");
    verified.expect(0, &["every signature and chain holds"]);
    assert!(!verified.text.contains("open:"), "{}", verified.text);
    let shown = group.says("alice", &format!("ledger show {run}"));
    shown.expect(0, &["the laptop fell", "looked: nothing was left", "resolved by hand"]);
    group.says("alice", "ledger log").expect(0, &["note of run", "1 unknown"]);
    group.says("alice", &format!("ledger resolve {run} --note twice")).expect(2, &["already"]);
    group
        .says("bob", &format!("ledger note {run} hello --roster-pin 1:sha256:{}", "0".repeat(64)))
        .expect(4, &[]);
}

#[test]
fn the_public_view_verifies_alone_and_says_nothing_that_is_private() {
    let group = Group::new();
    group.has_hosts();
    let public = group.folder.path().join("public");
    let export = format!("ledger export --public {}", public.display());
    group.says("alice", &export).expect(4, &["operators sign"]);
    group.says("alice", "operators sign --yes").expect(0, &["in the ledger now"]);
    group.adds("sam");
    let words = [
        "run",
        "playbooks/each.yml",
        "-i",
        "prod",
        "--reason",
        "CANARY-WHY",
        "--ticket",
        "CANARY-7",
        "-l",
        "web1",
    ];
    group.types("alice", &words).expect(0, &["changed=1"]);
    group.says("alice", &export).expect(0, &["4 entries"]);
    let mut texts = String::new();
    for file in walk(&public) {
        assert!(!file.to_string_lossy().contains("private"), "{}", file.display());
        texts.push_str(&fs::read_to_string(file).unwrap());
    }
    for private in ["CANARY", "web1", "localhost", "each.yml", "laptop"] {
        assert!(!texts.contains(private), "{private}");
    }
    let verify = format!("ledger verify --public {}", public.display());
    let outside = group.folder.path();
    let said_of = |line: &str| said(group.command("bob").current_dir(outside).args(line.split_whitespace()));
    said_of(&verify)
        .expect(0, &["Taken on trust: 1:sha256:", "every signature and chain holds", "4 entries"]);
    said_of(&format!("{verify} --roster-pin 1:sha256:{}", "0".repeat(64))).expect(4, &["not in the ledger"]);
    let chain = group.chains(&public, "alice").pop().unwrap();
    let entry = group.entries(&chain).pop().unwrap();
    let mut keygen = Command::new("ssh-keygen");
    keygen
        .args(["-Y", "verify", "-I", "alice", "-n", "ledger@wgops", "-f"])
        .arg(public.join("allowed_signers"));
    keygen
        .arg("-s")
        .arg(entry.with_added_extension("sig"))
        .write_stdin(fs::read(&entry).unwrap())
        .assert()
        .success();
    // Later exports add, and say what is another.
    group.says("alice", &export).expect(0, &["0 files are new"]);
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(&entry, text.replace("\"changed\":1", "\"changed\":0")).unwrap();
    said_of(&verify).expect(4, &["does not fit the content"]);
    group.says("alice", &export).expect(4, &["is another than the one in this ledger"]);
    fs::write(&entry, text).unwrap();
    said_of(&format!("ledger verify --public {}", outside.display())).expect(2, &["no ledger"]);
}

#[test]
fn what_an_auditors_job_finds_is_signed_and_in_no_ledger() {
    let group = Group::new();
    group.key_of("ci");
    let add = format!("operators add ci --role auditor --key {} --yes", group.public("ci"));
    group.says("alice", &add).expect(0, &["in force"]);
    let before = group.chains(&group.root(), "ci").len();
    let audit = group.says("ci", "audit -i local --output audit.json --output junit=audit");
    assert!(matches!(audit.code, Some(0 | 1 | 5)), "{}", audit.text);
    audit.without(&["not in the ledger", "is in no ledger"]);
    assert_eq!((before, group.chains(&group.root(), "ci").len()), (0, 0), "an auditor's audit is an entry");
    let signers = group.says("ci", "operators export");
    let allowed = group.folder.path().join("allowed");
    fs::write(&allowed, &signers.text).unwrap();
    for name in ["audit.json", "audit"] {
        let report = group.root().join(name);
        let verified = |bytes: Vec<u8>| {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-Y", "verify", "-I", "ci", "-n", "audit@wgops", "-f"]).arg(&allowed);
            keygen.arg("-s").arg(report.with_added_extension("sig")).write_stdin(bytes).ok().is_ok()
        };
        let bytes = fs::read(&report).unwrap();
        assert!(!bytes.is_empty() && verified(bytes.clone()), "{name}: {}", audit.text);
        assert!(!verified([bytes.as_slice(), b" "].concat()), "{name}");
    }
    // Nothing is kept where nothing was asked for; and of others nothing but the ledger's entry is signed.
    group.says("ci", "audit -i local").expect(audit.code.unwrap(), &["--output FILE keeps it, signed"]);
    let hers = group.says("alice", "audit -i local --output hers.json");
    hers.without(&["is in no ledger"]);
    assert!(group.root().join("hers.json").exists() && !group.root().join("hers.json.sig").exists());
    group.says("alice", "ledger log").expect(0, &["audit"]);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_shadow_goes_through_a_run_and_a_lead_sees_that() {
    let group = Group::new();
    group.has_hosts();
    group.adds("sam");
    group.pinned("sam", "operators list").expect(0, &[]);
    let words = ["run", "playbooks/each.yml", "-i", "prod", "--reason", "to see it"];
    group.types("alice", &words).expect(0, &["changed=1"]);
    let run = group.newest_run();
    // What goes by in a pipe was not gone through, nor what was left before the end.
    group.says("sam", &format!("shadow {run}")).expect(0, &["The end", "not in the ledger", "at a terminal"]);
    group.at_a_terminal("sam", &format!("shadow {run}"), "\nq\n").expect(0, &["Left before the end"]);
    assert!(!group.says("alice", "ledger log").text.contains("went through"));
    let said = group.at_a_terminal("sam", &format!("shadow {run}"), "\n\n\n\n\n\n\n\n");
    said.expect(
        0,
        &[
            "Enter goes on",
            "to see it",
            "Play:",
            "Task: command",
            "command is the module for this",
            "- command: touch",
            "web1: changed",
            "db1: changed",
            "The end",
            "in the ledger",
        ],
    );
    group
        .says("alice", "ledger log")
        .expect(0, &["sam (shadow) shadow of run", "went through the run of alice, ", " steps in "]);
    group.says("alice", "operators show sam").expect(0, &[&run]);
    let cleared = group.says("alice", "operators clear sam --nda 2026-11-01 --yes");
    cleared.expect(0, &["What sam shadowed", "went through", &run]);
    group.at_a_terminal("alice", &format!("shadow {run}"), "\n\n\n\n\n\n\n\n").expect(0, &["your own run"]);
    group.says("sam", "shadow 7ZZZ").expect(2, &["no run '7ZZZ'"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn where_the_ledger_can_not_be_read_or_written_nothing_is_changed() {
    let group = Group::new();
    let ledger = group.root().join("ledger");
    if ledger.exists() {
        fs::remove_dir_all(&ledger).unwrap();
    }
    fs::write(&ledger, "").unwrap();
    group.run("alice").expect(2, &["ledger: Not a directory"]);
    fs::remove_file(&ledger).unwrap();
    std::os::unix::fs::symlink(group.folder.path(), &ledger).unwrap();
    group.run("alice").expect(2, &["ledger", "the ledger follows no links"]);
    fs::remove_file(&ledger).unwrap();
    // Where this clone keeps its lock.
    fs::write(group.root().join(".wgops"), "").unwrap();
    let said = group.run("alice");
    assert_ne!(said.code, Some(0), "{}", said.text);
    assert!(!group.made().exists(), "{}", said.text);
}

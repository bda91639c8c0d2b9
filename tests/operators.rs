//! The roster as people type it: who is taken in, rises and leaves, whose signature counts, and what does not help
//! somebody who would like to rise by themselves. No host is needed.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use assert_cmd::Command;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const TOUCH: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch MADE\n";

/// An ops repository that alice began, and people with keys who share it.
struct Group {
    folder: TempDir,
}

/// What a command printed, and how it ended.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "'{word}' is missing in:\n{}", self.text);
        }
    }
}

impl Group {
    fn new() -> Self {
        let group = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["alice", "carol", "sam", "bob"] {
            let key = group.key(name);
            let mut keygen = std::process::Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key);
            assert!(keygen.status().unwrap().success());
        }
        let public = group.public("alice");
        let begin =
            ["init", "--group", "G", "--operator", "alice", "--nda", "2026-01-01", "--no-git", "--key"];
        let words: Vec<&str> = begin.into_iter().chain([public.as_str(), "."]).collect();
        fs::create_dir(group.root()).unwrap();
        group.types("alice", &words).expect(0, &["inventory/operators.yml"]);
        let play = TOUCH.replace("MADE", &group.made().to_string_lossy());
        fs::write(group.root().join("playbooks/touch.yml"), play).unwrap();
        group
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("ops")
    }

    fn made(&self) -> PathBuf {
        self.folder.path().join("made")
    }

    fn roster(&self) -> PathBuf {
        self.root().join("inventory/operators.yml")
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("key_{name}"))
    }

    fn public(&self, name: &str) -> String {
        format!("{}.pub", self.key(name).display())
    }

    /// Types words as somebody whose home remembers what it has met; there is no terminal.
    fn types(&self, who: &str, words: &[&str]) -> Said {
        let home = self.folder.path().join(format!("home_{who}"));
        let mut command = Command::cargo_bin("wgops").unwrap();
        let command = command.args(words).current_dir(self.root()).env_clear().env("HOME", home);
        let command = command.env("PATH", std::env::var("PATH").unwrap_or_default());
        let output = command.env("WGOPS_IDENTITY", self.key(who)).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Said { code: output.status.code(), text: text.concat() }
    }

    fn says(&self, who: &str, line: &str) -> Said {
        self.types(who, &line.split_whitespace().collect::<Vec<_>>())
    }

    /// The same with a roster that somebody told them on the phone.
    fn pinned(&self, who: &str, line: &str) -> Said {
        let listed = self.says("alice", "operators list").text;
        let pin = listed.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
        self.says(who, &format!("{line} --roster-pin {pin}"))
    }

    fn adds(&self, name: &str) {
        let line = format!("operators add {name} --key {} --yes", self.public(name));
        self.says("alice", &line).expect(0, &["in force"]);
    }

    fn run(&self, who: &str) -> Said {
        self.says(who, "run playbooks/touch.yml -i local --allow-dirty")
    }
}

#[test]
fn a_lead_takes_somebody_in_clears_them_and_lets_them_go() {
    let group = Group::new();
    group.adds("sam");
    group.says("alice", "operators list").expect(0, &["version 2", "sam    shadow"]);
    group.pinned("sam", "run playbooks/touch.yml -i local --allow-dirty").expect(0, &["would"]);
    assert!(!group.made().exists());
    group
        .says("alice", "operators clear sam --nda 2026-11-01 --reference INFRA-12 --yes")
        .expect(0, &["What sam shadowed", "run on", "Version 3 is in force"]);
    group.run("sam").expect(0, &["changed=1"]);
    assert!(group.made().exists());
    group.says("alice", "operators demote sam --yes").expect(0, &["sealed", "Version 4"]);
    fs::remove_file(group.made()).unwrap();
    group.run("sam").expect(0, &["would"]);
    assert!(!group.made().exists());
    group.says("alice", "operators leave sam --yes").expect(0, &["Version 5"]);
    group.run("sam").expect(4, &[]);
    group.says("alice", "operators show sam").expect(0, &["left", "sealed"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn nobody_rises_by_editing_the_file() {
    let group = Group::new();
    group.adds("sam");
    let signed = fs::read_to_string(group.roster()).unwrap();
    let risen = signed.replace("    role: shadow", "    role: operator\n    nda: {signed: 2026-01-01}");
    fs::write(group.roster(), &risen).unwrap();
    let run = "run playbooks/touch.yml -i local --allow-dirty";
    group
        .says("sam", &format!("{run} --roster-pin 1:sha256:{}", "0".repeat(64)))
        .expect(4, &["not in the ledger"]);
    group.run("alice").expect(0, &["not in force", "changed=1"]);
    fs::remove_file(group.made()).unwrap();
    group.says("sam", "operators sign --yes").expect(4, &["only a lead"]);
    group.says("sam", "operators promote sam --yes").expect(4, &["only a lead"]);
    // With the version in force known to sam's machine, the file changes nothing for sam either.
    fs::write(group.roster(), &signed).unwrap();
    group.pinned("sam", run).expect(0, &["would"]);
    fs::write(group.roster(), &risen).unwrap();
    group.run("sam").expect(0, &["not in force", "would"]);
    assert!(!group.made().exists());
}

#[test]
fn an_older_roster_is_refused_and_said_to_be_older() {
    let group = Group::new();
    let first = fs::read_to_string(group.roster()).unwrap();
    group.adds("sam");
    fs::write(group.roster(), first).unwrap();
    group.run("alice").expect(4, &["older than version 2"]);
    assert!(!group.made().exists());
    // Somebody who comes new reads in the ledger that there is a later one.
    group.run("carol").expect(4, &["older than version 2"]);
}

#[test]
fn a_roster_that_nobody_compared_changes_nothing_without_a_terminal() {
    let group = Group::new();
    fs::rename(group.folder.path().join("home_alice"), group.folder.path().join("gone")).unwrap();
    group.run("alice").expect(4, &["--roster-pin", "1:sha256:"]);
    assert!(!group.made().exists());
    group.says("alice", "runs").expect(0, &["met here for the first time"]);
}

#[test]
fn two_leads_sign_where_the_roster_asks_for_two() {
    let group = Group::new();
    group.adds("carol");
    group.says("alice", "operators clear carol --nda 2026-01-01 --yes").expect(0, &["Version 3"]);
    group.says("alice", "operators promote carol --yes").expect(0, &["Version 4"]);
    let one = fs::read_to_string(group.roster()).unwrap();
    fs::write(group.roster(), one + "threshold: {roster: 2}\n").unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["not in force yet", "1 of the 2"]);
    group.says("alice", "operators add sam --key x --yes").expect(4, &["operators sign"]);
    group.pinned("carol", "operators sign --yes").expect(0, &["Version 5 is in force"]);
    // Neither of them goes while two must sign.
    group.says("alice", "operators leave carol --yes").expect(4, &["asks for 2"]);
}

#[test]
fn the_last_lead_stays_and_mistakes_are_named() {
    let group = Group::new();
    group.says("alice", "operators leave alice --yes").expect(4, &["last lead"]);
    group.says("alice", "operators demote alice --yes").expect(4, &["last lead"]);
    group.adds("sam");
    group.says("alice", "operators clear smm --nda 2026-01-01 --yes").expect(2, &["did you mean 'sam'"]);
    group.says("alice", "operators promote sam --yes").expect(2, &["operators clear sam"]);
    let again = format!("operators add bob --key {} --yes", group.public("sam"));
    group.says("alice", &again).expect(2, &["sam's already"]);
    group.says("alice", "operators add bob --key nowhere.pub --yes").expect(2, &["nowhere.pub"]);
    group.says("alice", &format!("operators add bob --key {}", group.public("bob"))).expect(2, &["--yes"]);
    group.says("alice", "operators list").expect(0, &["version 2"]);
}

#[test]
fn what_is_exported_lets_openssh_verify_a_signed_roster_alone() {
    let group = Group::new();
    group.adds("sam");
    let signers = group.folder.path().join("allowed_signers");
    fs::write(&signers, group.says("alice", "operators export").text).unwrap();
    let chain = fs::read_dir(group.root().join("ledger")).unwrap().next().unwrap().unwrap().path();
    let year = fs::read_dir(chain).unwrap().next().unwrap().unwrap().path();
    let entry = year.join("00000002.json");
    let verify = |bytes: Vec<u8>| {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "verify", "-I", "alice", "-n", "ledger@wgops", "-f"]).arg(&signers);
        keygen
            .arg("-s")
            .arg(entry.with_added_extension("sig"))
            .write_stdin(bytes)
            .output()
            .unwrap()
            .status
            .success()
    };
    let bytes = fs::read(&entry).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains("\"kind\":\"roster\""));
    assert!(verify(bytes.clone()));
    assert!(!verify([bytes, b" ".to_vec()].concat()));
}

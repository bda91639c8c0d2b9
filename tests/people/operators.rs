//! The roster as people type it: who is taken in, rises and leaves, whose signature counts, and what does not help
//! somebody who would like to rise by themselves.

use crate::group::Group;
use assert_cmd::Command;
use std::fs;

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

#[test]
fn a_clearance_ends_with_its_last_day_and_a_lead_renews_it() {
    let group = Group::new();
    group.adds("sam");
    group
        .says("alice", "operators clear sam --nda 2024-01-01 --until 2025-01-01 --yes")
        .expect(0, &["sam will act as a shadow: 2025-01-01 is given as the last day", "in force"]);
    let run = group.pinned("sam", "run playbooks/touch.yml -i local --allow-dirty");
    run.expect(0, &["the nda ended on 2025-01-01", "would"]);
    group.says("alice", "operators list").expect(0, &["acts as a shadow"]);
    group.says("sam", "approve plans/x.json --yes").expect(4, &["the nda ended on 2025-01-01"]);
    assert!(!group.made().exists());
    group.says("alice", "operators clear sam --nda 2026-11-01 --yes").expect(0, &["in force"]);
    group.run("sam").expect(0, &["changed=1"]);
}

#[test]
fn a_roster_of_a_wgops_to_come_and_one_that_breaks_a_rule_are_refused_with_the_line() {
    let group = Group::new();
    let good = fs::read_to_string(group.roster()).unwrap();
    let emergency = fs::read_to_string(group.public("alice")).unwrap();
    for (more, words) in [
        ("quorum: 2\n", vec!["quorum", "operators.yml"]),
        ("emergency_keys: [EMERGENCY]\n", vec!["alice"]),
        ("sealed: {alice: {last: 1, digest: x}}\n", vec!["is no chain"]),
    ] {
        let text = good.clone() + &more.replace("EMERGENCY", emergency.trim());
        fs::write(group.roster(), text).unwrap();
        group.run("alice").expect(2, &words);
    }
    assert!(!group.made().exists());
}

#[test]
fn a_key_that_is_not_there_and_one_that_is_nobodys_are_told_apart() {
    let group = Group::new();
    group.says("bob", "run playbooks/touch.yml -i local --allow-dirty").expect(4, &["belongs to nobody"]);
    let mut nowhere = group.command("alice");
    nowhere.env("WGOPS_IDENTITY", group.folder.path().join("key_nobody"));
    crate::group::said(nowhere.args(["run", "playbooks/touch.yml", "-i", "local"]))
        .expect(2, &["key_nobody"]);
    assert!(!group.made().exists());
}

#[test]
fn what_wgops_yml_says_of_access_is_signed_with_the_roster_and_with_nothing_else() {
    let group = Group::new();
    let settings = group.root().join("wgops.yml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\naccess:\n  account: ops\n")).unwrap();
    // What comes first of a plan is all that is wanted here: there is no such inventory.
    let plan = || group.says("alice", "access plan -i nowhere");
    plan().expect(2, &["'access' in wgops.yml is signed by nobody yet"]);
    let signed = group.says("alice", "operators sign --yes");
    signed.expect(0, &["It signs 'access' of wgops.yml: account ops,", "in force", "+access: sha256:"]);
    signed.expect(0, &["git add wgops.yml inventory/operators.yml ledger &&"]);
    plan().expect(2, &["nowhere"]).without(&["signed by nobody"]);
    group.says("alice", "operators sign --yes").expect(0, &["nothing to sign"]);
    // Somebody who can push names a CA of their own.
    let ca = fs::read_to_string(group.public("bob")).unwrap();
    fs::write(&settings, format!("{text}\naccess:\n  account: ops\n  ca: {ca}")).unwrap();
    let refused = ["'access' in wgops.yml is not what version 2 of the roster signed", "operators sign"];
    plan().expect(4, &refused);
    group.says("alice", "access sync -i nowhere --reason why").expect(4, &refused);
    group.says("alice", "access issue alice").expect(4, &refused);
    // A change of the roster that is about something else does not take it up unseen.
    group.adds("sam");
    plan().expect(4, &["is not what version 3 of the roster signed"]);
    group
        .says("alice", "operators sign --yes")
        .expect(0, &["It signs 'access'", "CA ssh-ed25519 ", "in force"]);
    plan().expect(2, &["nowhere"]);
    group.says("alice", "operators list").expect(0, &["version 4"]);
}

#[test]
fn a_shadows_playbook_learns_nothing_of_the_environment_that_may_be_a_secret() {
    let group = Group::new();
    group.adds("sam");
    group.clears("carol");
    let task = "debug: {msg: \"{{ lookup('env', 'TOKEN') }} {{ lookup('env', 'HOME') | basename }}\"}";
    let play = format!("- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n");
    fs::write(group.root().join("playbooks/env.yml"), play).unwrap();
    let run = |who: &str, check: &[&str]| {
        let mut command = group.command(who);
        command.args(["run", "playbooks/env.yml", "-i", "local", "--allow-dirty", "--roster-pin"]);
        crate::group::said(command.arg(group.pin()).args(check).env("TOKEN", "canary-7f3a"))
    };
    for who in ["sam", "carol"] {
        run(who, &["--check"]).expect(0, &["needs an operator"]).without(&["canary-7f3a"]);
    }
    run("carol", &[]).expect(0, &["canary-7f3a home_carol"]);
}

//! What people read where something went wrong: whose key it is, which roster counts, and where an export may go.

use crate::group::{Group, said};
use std::fs;

#[test]
fn who_left_and_whose_key_is_in_no_agent_are_told_so() {
    let group = Group::new();
    group.adds("bob");
    let until = "who left on 2";
    group.says("alice", "operators leave bob --yes").expect(0, &["in force"]);
    group
        .says("alice", "operators leave bob --yes")
        .expect(2, &["left already", "vault rekey", "vault exposed bob"]);
    let pin = format!("--roster-pin {}", group.pin());
    // A key that is named, and one that lies where keys lie.
    group
        .says("bob", &format!("run playbooks/touch.yml -i local --allow-dirty {pin}"))
        .expect(4, &["was bob's", until]);
    let home = group.folder.path().join("home_bob");
    let ssh = home.join(".ssh");
    fs::create_dir_all(&ssh).unwrap();
    fs::copy(group.key("bob"), ssh.join("id_ed25519")).unwrap();
    fs::copy(group.public("bob"), ssh.join("id_ed25519.pub")).unwrap();
    let as_bob = |line: &str| {
        let mut command = group.command("bob");
        said(command.env_remove("WGOPS_IDENTITY").args(format!("{line} {pin}").split_whitespace()))
    };
    as_bob("run playbooks/touch.yml -i local --allow-dirty")
        .expect(4, &["was bob's", until, "you left the group"]);
    assert!(!group.made().exists());
    // Somebody's own public key, and no agent.
    for name in ["id_ed25519", "id_ed25519.pub"] {
        fs::remove_file(ssh.join(name)).unwrap();
    }
    fs::copy(group.public("alice"), ssh.join("id_ed25519.pub")).unwrap();
    let run = as_bob("run playbooks/touch.yml -i local --allow-dirty");
    run.expect(4, &["id_ed25519.pub is alice's", "ssh-add"]).without(&["none of your keys"]);
}

#[test]
fn which_roster_counts_is_said_where_two_have_one_number() {
    let group = Group::new();
    group.adds("sam");
    let good = fs::read_to_string(group.roster()).unwrap();
    // Changed by hand, and pushed.
    fs::write(group.roster(), format!("{good}# a word\n")).unwrap();
    let edited = group.says("alice", "operators list");
    edited.expect(0, &["nobody signed that", "git log -- inventory/operators.yml", "wgops operators sign"]);
    edited.without(&["does not follow"]);
    // In another clone a lead signed another version of that number.
    fs::write(group.roster(), &good).unwrap();
    let other = group.folder.path().join("other");
    assert!(
        std::process::Command::new("cp").arg("-r").arg(group.root()).arg(&other).status().unwrap().success()
    );
    group.adds("carol");
    let line = format!("operators add bob --key {} --yes --roster-pin", group.public("bob"));
    let before: Vec<&str> = good.lines().collect();
    assert!(before.contains(&"version: 2"), "{good}");
    let pin = format!("2:{}", wgops::model::Digest::of(&good));
    let mut command = group.command("alice");
    command.current_dir(&other).env("HOME", group.folder.path().join("home_elsewhere"));
    said(command.args(format!("{line} {pin}").split_whitespace())).expect(0, &["Version 3 is in force"]);
    for entry in fs::read_dir(other.join("ledger")).unwrap() {
        let from = entry.unwrap().path();
        let copied =
            std::process::Command::new("cp").arg("-rn").arg(&from).arg(group.root().join("ledger")).status();
        assert!(copied.unwrap().success());
    }
    fs::copy(other.join("inventory/operators.yml"), group.roster()).unwrap();
    let list = group.says("alice", "operators list");
    list.without(&["does not follow"]);
    let theirs = wgops::model::Digest::of(fs::read(group.roster()).unwrap());
    assert!(
        list.text.contains(&format!("3:{theirs}")) || list.text.contains("two files are signed"),
        "{}",
        list.text
    );
}

#[test]
fn an_export_goes_where_nothing_else_lies() {
    let group = Group::new();
    group.says("alice", "operators sign --yes").expect(0, &[]);
    let readme = fs::read(group.root().join("README.md")).unwrap();
    for inside in [".", "public", "..", "inventory/../x"] {
        group
            .says("alice", &format!("ledger export --public {inside}"))
            .expect(2, &["ops repository", "outside"]);
    }
    assert_eq!(fs::read(group.root().join("README.md")).unwrap(), readme);
    assert!(!group.root().join("allowed_signers").exists() && !group.root().join("public").exists());
    let others = group.folder.path().join("others");
    fs::create_dir(&others).unwrap();
    fs::write(others.join("README.md"), "# Mine\n").unwrap();
    let export = format!("ledger export --public {}", others.display());
    group.says("alice", &export).expect(2, &["something else than an earlier export"]);
    assert_eq!(fs::read_to_string(others.join("README.md")).unwrap(), "# Mine\n");
    // An empty one, in git or not, and one of before.
    fs::remove_file(others.join("README.md")).unwrap();
    fs::create_dir(others.join(".git")).unwrap();
    group.says("alice", &export).expect(0, &["1 entry"]);
    group.says("alice", &export).expect(0, &["0 files are new"]);
}

#[test]
fn a_day_is_asked_for_as_it_is_written() {
    let group = Group::new();
    let add = format!("operators add sam --key {} --nda 01.11.2026", group.public("sam"));
    group.says("alice", &add).expect(2, &["YYYY-MM-DD", "2026-11-01"]).without(&["four digit"]);
    let text = fs::read_to_string(group.roster()).unwrap();
    fs::write(group.roster(), format!("{text}<<<<<<< HEAD\n=======\n>>>>>>> other\n")).unwrap();
    group
        .says("alice", "operators list")
        .expect(2, &["git checkout --ours", "docs/people.md"])
        .without(&["YAML"]);
}

#[test]
fn an_auditor_who_compares_is_told_that_an_auditors_key_audits() {
    let group = Group::new();
    group.has_hosts();
    group.adds("sam");
    group.changes_roster(|text| text.replace("role: shadow", "role: auditor"));
    let said = group.pinned("sam", "ledger compare -i prod");
    said.expect(4, &["an auditor's key audits and does nothing else"]).without(&["traces", "shadow"]);
}

#[test]
fn whoever_signed_the_first_version_meets_it_no_more() {
    let group = Group::new();
    // As who wrote the roster by hand, and has signed nothing yet.
    fs::rename(group.folder.path().join("home_alice"), group.folder.path().join("gone")).unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["Version 1 is in the ledger now"]);
    group.says("alice", "runs").expect(0, &[]).without(&["for the first time"]);
    group.run("alice").expect(0, &[]);
    assert!(group.made().exists());
}

#[test]
fn what_was_mistyped_is_told_before_anybody_is_asked_for() {
    let group = Group::new();
    group.has_hosts();
    let said = group.says("alice", "patch -i prod -l nohost --allow-dirty");
    said.expect(2, &["nohost"]).without(&["--yes"]);
    group
        .says("alice", "vault rekey nowhere.yml")
        .expect(2, &["nowhere.yml"])
        .without(&["Nothing had to be"]);
    group.says("alice", "patch -i prod --allow-dirty").expect(2, &["--yes"]);
}

#[test]
fn where_nothing_is_to_be_done_no_plan_is_kept() {
    let group = Group::new();
    group.has_hosts();
    let play = "- hosts: all\n  gather_facts: false\n  tasks:\n    - file: {path: /tmp, state: directory}\n";
    fs::write(group.root().join("playbooks/idle.yml"), play).unwrap();
    fs::create_dir_all(group.root().join("plans")).unwrap();
    let said = group.says("alice", "run playbooks/idle.yml -i prod --plan-out plans/a.json");
    said.expect(0, &["There is nothing to do, so no plan is kept"]).without(&["Plan for"]);
    assert_eq!(fs::read_dir(group.root().join("plans")).unwrap().count(), 0);
}

#[test]
fn who_reads_a_plan_that_is_nobody_s_is_told_what_to_do() {
    let group = Group::new();
    fs::create_dir_all(group.root().join("plans")).unwrap();
    let line = "run playbooks/touch.yml -i local --plan-out plans/a.json";
    group.says("alice", line).expect(0, &["Plan for 1 host"]);
    let (plan, signature) = ("plans/a.json", group.root().join("plans/a.json.sig"));
    let kept = fs::read(&signature).unwrap();
    fs::remove_file(&signature).unwrap();
    let apply = format!("apply {plan} --yes --allow-dirty");
    group.says("alice", &apply).expect(4, &["not signed by anybody", ".sig behind its name"]);
    fs::write(&signature, kept).unwrap();
    let file = group.root().join(plan);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("touch", "tuoch", 1)).unwrap();
    group.says("alice", &apply).expect(4, &["git log -p", "--plan-out"]);
    assert!(!group.made().exists());
}

/// What comes out of a pipe at a terminal, where lines are redrawn.
#[test]
fn beside_a_pipe_no_line_of_progress_stands_among_the_results() {
    let group = Group::new();
    let program = assert_cmd::cargo::cargo_bin("wgops");
    let line = format!("{} run playbooks/touch.yml -i local --allow-dirty", program.display());
    let at_a_terminal = |line: &str| {
        let mut script = std::process::Command::new("script");
        script.args(["-q", "-e", "-c", line, "/dev/null"]).current_dir(group.root()).env_clear();
        script.env("HOME", group.folder.path().join("home_alice")).env("WGOPS_IDENTITY", group.key("alice"));
        script.env("PATH", std::env::var("PATH").unwrap_or_default()).env("TERM", "xterm");
        String::from_utf8_lossy(&script.output().unwrap().stdout).into_owned()
    };
    // Lines are redrawn where the results go to the terminal, too.
    assert!(at_a_terminal(&line).contains("begins"));
    fs::remove_file(group.made()).unwrap();
    let piped = at_a_terminal(&format!("{line} | cat"));
    assert!(piped.contains("changed") && !piped.contains("begins"), "{piped:?}");
}

#[test]
fn yes_is_taken_by_a_run_and_makes_nobody_more_than_they_are() {
    let group = Group::new();
    group.adds("sam");
    for flag in ["--yes", "-y"] {
        let run = format!("run playbooks/touch.yml -i local {flag}");
        group.says("sam", &run).expect(0, &[]);
        assert!(!group.made().exists(), "a shadow's is a dry run");
        group.says("alice", &format!("{run} --check")).expect(0, &[]);
        assert!(!group.made().exists(), "so is one with --check");
        group.says("alice", &run).expect(0, &["changed=1"]);
        fs::remove_file(group.made()).unwrap();
        group.says("alice", "run playbooks/touch.yml -i local -y --step").expect(2, &["takes no --step"]);
    }
}

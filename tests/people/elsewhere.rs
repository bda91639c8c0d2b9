//! Two groups with one person in both, who has one key: what was signed in one of them is copied into the other.

use crate::group::{Group, said};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A second group of alice's with bob in it, in a folder beside the first one. Bob is in both.
fn elsewhere(group: &Group) -> PathBuf {
    let other = group.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    let public = group.public("alice");
    let words = [
        "init",
        "--group",
        "X",
        "--operator",
        "alice",
        "--nda",
        "2026-01-01",
        "--no-git",
        "--key",
        &public,
        ".",
    ];
    said(group.command("alice").current_dir(&other).args(words)).expect(0, &["inventory/operators.yml"]);
    for line in [
        format!("operators add bob --key {} --yes", group.public("bob")),
        "operators clear bob --nda 2026-01-01 --yes".to_owned(),
    ] {
        group.says_in(&other, "alice", &line).expect(0, &["in force"]);
    }
    for folder in ["inventory", "playbooks"] {
        copies(&group.root().join(folder), &other.join(folder), "prod.yml");
        copies(&group.root().join(folder), &other.join(folder), "each.yml");
    }
    let pin = group.says_in(&other, "alice", "operators list").text;
    let pin = pin.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
    group.says_in(&other, "bob", &format!("operators list --roster-pin {pin}")).expect(0, &[]);
    other
}

fn copies(from: &Path, to: &Path, name: &str) {
    if from.join(name).exists() {
        fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

/// Copies every chain of a ledger into another, as whoever can push may; gives back their names.
fn brings(from: &Path, to: &Path) -> Vec<String> {
    let all = fs::read_dir(from.join("ledger")).unwrap().map(|entry| entry.unwrap().path());
    let chains: Vec<PathBuf> = all.filter(|path| path.is_dir()).collect();
    for chain in &chains {
        let copied = Command::new("cp").arg("-a").arg(chain).arg(to.join("ledger")).status().unwrap();
        assert!(copied.success());
    }
    chains.iter().map(|chain| chain.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_somebody_signed_in_another_group_counts_for_nothing_here_and_keeps_nobody_from_anything() {
    let group = Group::new();
    group.has_hosts();
    group.clears("bob");
    let other = elsewhere(&group);
    // There bob keeps the hosts for himself, and alice leads to a later version than there is here.
    group.says_in(&other, "bob", "claim web1,db1 -i prod --until 8h --note mine").expect(0, &["Claimed"]);
    let line = format!("operators add carol --key {} --yes", group.public("carol"));
    group.says_in(&other, "alice", &line).expect(0, &["in force"]);
    group.says_in(&other, "alice", "run playbooks/each.yml -i prod --allow-dirty").expect(4, &["mine"]);

    group.says("alice", "ledger verify").expect(0, &["verified"]);
    let brought = brings(&other, &group.root());
    let told = group.says("alice", "ledger verify");
    told.expect(4, &["is of another group, sha256:", "and here it is sha256:", "'git rm -r ledger/"]);
    told.without(&["gone", "missing", "later version"]);
    group.says("alice", "ledger log").without(&["claim"]);
    // It holds no host, shuts no vault, and nobody's next entry or roster builds on it.
    group
        .says("alice", "run playbooks/each.yml -i prod --allow-dirty")
        .expect(0, &["changed=1"])
        .without(&["mine"]);
    assert!(group.made_on("web1") && group.made_on("db1"));
    said(
        group
            .command("bob")
            .args(["vault", "set", "inventory/group_vars/all/vault.yml", "tok"])
            .write_stdin("s"),
    )
    .expect(0, &["Sealed"]);
    group.says("alice", "operators leave bob --yes").expect(0, &["in force"]);
    let roster = fs::read_to_string(group.roster()).unwrap();
    let entries: String = group
        .chains(&group.root(), "alice")
        .iter()
        .filter(|chain| !brought.contains(&chain.file_name().unwrap().to_string_lossy().into_owned()))
        .flat_map(|chain| group.entries(chain))
        .map(|entry| fs::read_to_string(entry).unwrap())
        .collect();
    for chain in &brought {
        assert!(!roster.contains(chain), "a seal of {chain}:\n{roster}");
        assert!(!entries.contains(&format!("\"{chain}\":")), "{chain} is named as seen");
        fs::remove_dir_all(group.root().join("ledger").join(chain)).unwrap();
    }
    group.says("alice", "ledger verify").expect(0, &["verified"]);
}

#[test]
fn a_plan_and_an_approval_of_another_group_stand_behind_nothing_here() {
    let group = Group::new();
    group.has_hosts();
    group.clears("bob");
    group.changes_roster(|text| text + "threshold: {apply: {default: 2}}\n");
    group.pinned("bob", "operators list").expect(0, &[]);
    let other = elsewhere(&group);
    let plan = "run playbooks/each.yml -i prod --plan-out plans/a.json --allow-dirty";
    group.says_in(&other, "bob", plan).expect(0, &["Plan for"]);
    fs::create_dir_all(group.root().join("plans")).unwrap();
    for name in ["a.json", "a.json.sig"] {
        copies(&other.join("plans"), &group.root().join("plans"), name);
    }
    for line in ["approve plans/a.json --yes", "apply plans/a.json --yes --allow-dirty --allow-changed"] {
        group.says("alice", line).expect(4, &["was made in another group than this one"]);
    }
    assert!(!group.made_on("web1"));
}

#[test]
fn the_export_of_a_ledger_takes_nothing_of_another_group_with_it() {
    let group = Group::new();
    group.adds("sam");
    let other = elsewhere(&group);
    let brought = brings(&other, &group.root());
    let public = group.folder.path().join("public");
    let line = format!("ledger export --public {}", public.display());
    group.says("alice", &line).expect(0, &["left out"]);
    for chain in &brought {
        assert!(!public.join("ledger").join(chain).exists(), "{chain}");
    }
    group.says("alice", &format!("ledger verify --public {}", public.display())).expect(0, &["verified"]);
    // Whoever copies it there finds it told.
    brings(&other, &public);
    let line = format!("ledger verify --public {} --roster-pin {}", public.display(), group.pin());
    group.says("alice", &line).expect(4, &["is of another group"]);
    group
        .says("alice", &format!("ledger verify --public {}", public.display()))
        .expect(4, &["two files are signed"]);
}

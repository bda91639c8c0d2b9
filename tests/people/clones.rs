//! Several clones of one group on one machine, and repositories that only say that they are the same group's: what one of them
//! showed to somebody is known in all of them.

use crate::group::{Group, said};
use std::fs;
use std::path::{Path, PathBuf};

/// alice's clone, which she works in, and a second one of hers that is as old as it was made.
struct Two {
    group: Group,
    second: PathBuf,
}

impl Two {
    fn new() -> Self {
        let group = Group::new();
        group.clears("carol");
        group.git(&group.root(), &["init", "-q"]);
        group.commits(&group.root(), "all");
        let second = clone(&group, &group.root(), "second");
        Self { group, second }
    }

    fn in_second(&self, line: &str) -> crate::group::Said {
        self.group.says_in(&self.second, "alice", line)
    }
}

fn clone(group: &Group, of: &Path, name: &str) -> PathBuf {
    let made = group.folder.path().join(name);
    group.git(group.folder.path(), &["clone", "-q", &of.to_string_lossy(), &made.to_string_lossy()]);
    made
}

/// Removes an entry with all that belongs to it.
fn remove(entry: &Path) {
    for file in [entry.to_owned(), entry.with_added_extension("sig"), entry.with_extension("private.json")] {
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_second_clone_is_known_and_held_against_what_the_first_one_saw() {
    let two = Two::new();
    // Nobody has to be told the pin of what their other clone knows.
    two.in_second("operators list").expect(0, &["This clone is new here", "which", "met before", "carol"]);
    two.in_second("operators list").expect(0, &["carol"]).without(&["new here"]);
    two.in_second("run playbooks/touch.yml -i local --allow-dirty").expect(0, &["changed=1"]);
    // In the first one carol leaves; the second one was not pulled.
    two.group.git(&two.group.root(), &["pull", "-q", &two.second.to_string_lossy(), "HEAD"]);
    two.group.says("alice", "operators leave carol --yes").expect(0, &["in force"]);
    let older = two.in_second("operators list");
    older.expect(4, &["the roster here is older", "was in force on this machine", "/ops", "pull"]);
    let run = two.in_second("run playbooks/touch.yml -i local --allow-dirty");
    run.expect(4, &["the roster here is older"]);
    // A pin that was noted then is no way back.
    let pin = format!("--roster-pin {}", pin_of(&two.second));
    two.in_second(&format!("operators list {pin}")).expect(4, &["the roster here is older"]);
    two.group.commits(&two.group.root(), "carol left");
    two.group.git(&two.second, &["stash", "-q", "-u"]);
    two.group.git(&two.second, &["pull", "-q"]);
    two.in_second("operators list").expect(0, &["left"]);
}

/// The pin of the file that lies in a clone.
fn pin_of(root: &Path) -> String {
    let text = fs::read_to_string(root.join("inventory/operators.yml")).unwrap();
    let version = text.lines().find_map(|line| line.strip_prefix("version: ")).unwrap();
    format!("{version}:{}", wgops::model::Digest::of(text.as_bytes()))
}

#[test]
fn what_one_clone_verified_is_missed_in_a_fresh_one_until_it_is_there_or_given_up() {
    let two = Two::new();
    let group = &two.group;
    group.run("carol").expect(0, &["changed=1"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    // Somebody cuts carol's chain short and pushes by force; alice clones anew.
    let chain = group.chains(&group.root(), "carol").pop().unwrap();
    let entries = group.entries(&chain);
    group.commits(&group.root(), "carol's run");
    entries[1..].iter().for_each(|entry| remove(entry));
    group.commits(&group.root(), "nothing to see here");
    let third = clone(group, &group.root(), "third");
    let verify = group.says_in(&third, "alice", "ledger verify");
    verify.expect(4, &["carol-", "was verified here before, and is gone", "--forget carol-"]);
    // carol, who is new to that folder, misses it, too: she wrote it on this machine.
    group.says_in(&third, "carol", "ledger verify").expect(4, &["was verified here before"]);
    let name = chain.file_name().unwrap().to_string_lossy().into_owned();
    group
        .says_in(&third, "alice", "ledger verify --forget carol-00000000-aa")
        .expect(2, &["remembers no chain carol-00000000-aa"]);
    group
        .says_in(&third, "alice", &format!("ledger verify --forget {name}"))
        .expect(0, &["Forgotten: carol-", "every signature and chain holds"]);
    group.says_in(&third, "alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn a_memory_by_folders_of_before_is_taken_over() {
    let two = Two::new();
    let group = &two.group;
    group.says("alice", "ledger verify").expect(0, &["every signature"]);
    // As an older wgops left it: heads by the clone's folder, and nothing of groups.
    let state = group.folder.path().join("home_alice/.local/state/wgops");
    let by_group = fs::read_dir(state.join("heads")).unwrap().map(|entry| entry.unwrap().path());
    let by_group =
        by_group.into_iter().find(|file| file.extension().is_some_and(|end| end == "json")).unwrap();
    let root = group.root().canonicalize().unwrap();
    let folder = wgops::model::Digest::of(root.as_os_str().as_encoded_bytes()).hex();
    fs::rename(&by_group, state.join(format!("heads/{folder}.json"))).unwrap();
    fs::remove_dir_all(state.join("groups")).unwrap();
    let chain = group.chains(&root, "alice").pop().unwrap();
    remove(group.entries(&chain).last().unwrap());
    group.says("alice", "ledger verify").expect(4, &["was verified here before, and is gone"]);
    assert!(by_group.exists() && !state.join(format!("heads/{folder}.json")).exists());
}

#[test]
fn a_strangers_copy_of_a_beginning_takes_no_place_in_what_is_known_of_the_group() {
    let two = Two::new();
    let group = &two.group;
    // carol, who led for a while, goes on from there in a repository of her own.
    group.says("alice", "operators promote carol --yes").expect(0, &["in force"]);
    group.commits(&group.root(), "carol leads");
    group.pinned("carol", "operators list").expect(0, &[]);
    let hers = clone(group, &group.root(), "hers");
    group.says_in(&hers, "carol", "operators demote alice --yes").expect(0, &["in force"]);
    group.commits(&hers, "alice is no lead");
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    group.commits(&group.root(), "carol is no lead");
    // Who knows the group is refused there, whether the folder is new or not.
    let refused = group.says_in(&hers, "alice", "operators list");
    refused.expect(4, &["does not go on from version", "both begin alike", "--roster-pin"]);
    group.says("alice", "operators list").expect(0, &[]);
    // Who was there first, and trusted it, is told of it in the right one, and not by silence.
    let mut sam = group.command("sam");
    let theirs = pin_of(&hers);
    sam.current_dir(&hers).args(["operators", "list", "--roster-pin", &theirs]);
    said(&mut sam).expect(0, &[]);
    group.says("sam", "operators list").expect(4, &["both begin alike"]);
    let run = group.says("sam", "run playbooks/touch.yml -i local --allow-dirty");
    run.expect(4, &["both begin alike"]);
    // Old pins of what both have in common decide nothing; the right one does, and for good.
    let common = pin_of(&two.second);
    group.says("sam", &format!("operators list --roster-pin {common}")).expect(4, &["both begin alike"]);
    group.pinned("sam", "operators list").expect(0, &["carol"]);
    group.says("sam", "operators list").expect(0, &["carol"]);
    group.says_in(&hers, "sam", "operators list").expect(4, &["both begin alike"]);
}

#[test]
fn a_forged_second_version_counts_nowhere_and_two_groups_never_mix() {
    let two = Two::new();
    let group = &two.group;
    let known = group.says("alice", "operators list").text;
    // The first version, and behind it one that mallory wrote.
    let forged = group.folder.path().join("forged");
    let first = first_version(group);
    fs::create_dir_all(forged.join("inventory")).unwrap();
    fs::write(forged.join("wgops.yml"), "version: 1\n").unwrap();
    let next = format!("version: 9\nprevious: {}\n", wgops::model::Digest::of(first.as_bytes()))
        + first.split_once('\n').unwrap().1.split_once("version: 1\n").map_or("", |(_, rest)| rest);
    fs::write(forged.join("inventory/operators.yml"), next).unwrap();
    let list = group.says_in(&forged, "alice", "operators list");
    assert!(list.code != Some(0), "{}", list.text);
    assert_eq!(group.says("alice", "operators list").text, known);
    // Two that are begun with the same words are two groups, though everything else is alike.
    let public = group.public("alice");
    for name in ["one", "other"] {
        let folder = group.folder.path().join(name);
        let words =
            ["init", "--group", "G", "--operator", "alice", "--nda", "2026-01-01", "--no-git", "--key"];
        let words: Vec<&str> = words.into_iter().chain([public.as_str(), folder.to_str().unwrap()]).collect();
        group.types("alice", &words).expect(0, &[]);
        group.says_in(&folder, "alice", "operators list").expect(0, &["version 1"]);
    }
    assert_eq!(group.says("alice", "operators list").text, known);
}

/// The group's first roster, as the ledger has it.
fn first_version(group: &Group) -> String {
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let private = group.entries(&chain)[0].with_extension("private.json");
    let private: serde_json::Value = serde_json::from_slice(&fs::read(private).unwrap()).unwrap();
    private["roster_file"].as_str().unwrap().to_owned()
}

#[test]
fn two_who_change_the_roster_or_a_vault_at_once_in_one_clone_do_it_one_after_the_other() {
    let two = Two::new();
    let group = &two.group;
    group.clears("bob");
    let at_once = |lines: [&[&str]; 2], input: &str| {
        std::thread::scope(|scope| {
            let run = |words: &[&str]| {
                let mut command = group.command("alice");
                command.args(words).write_stdin(input);
                said(&mut command)
            };
            let [one, other] = lines.map(|words| scope.spawn(move || run(words)));
            [one.join().unwrap(), other.join().unwrap()]
        })
    };
    let both =
        at_once([&["operators", "demote", "carol", "--yes"], &["operators", "demote", "bob", "--yes"]], "");
    for one in &both {
        one.expect(0, &["in force"]);
    }
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let file = "inventory/group_vars/all/vault.yml";
    let both = at_once([&["vault", "set", file, "a1"], &["vault", "set", file, "a2"]], "x");
    for one in &both {
        one.expect(0, &["Sealed"]);
    }
    let text = fs::read_to_string(group.root().join(file)).unwrap();
    assert!(text.contains("a1:") && text.contains("a2:"), "{text}");
}

#[test]
fn a_folder_of_it_that_looks_like_an_ops_repository_has_no_rules_of_its_own() {
    let group = Group::new();
    let nested = group.root().join("playbooks");
    fs::create_dir_all(nested.join("inventory")).unwrap();
    fs::write(nested.join("wgops.yml"), "version: 1\ngroup: G\n").unwrap();
    let refused = |what: &str| {
        let said = group.says_in(&nested, "alice", "run touch.yml -i local --allow-dirty");
        said.expect(2, &["lies inside of", what, "/ops", "WGOPS_SAFE_DIRECTORY="]);
        assert!(!group.made().exists());
    };
    refused("the ops repository");
    // Where the same push takes away what shows it, git's own folder still does.
    group.git(&group.root(), &["init", "-q"]);
    fs::remove_file(group.root().join("wgops.yml")).unwrap();
    fs::rename(group.root().join("inventory"), group.folder.path().join("away")).unwrap();
    refused("the git repository");
    let mut named = group.command("alice");
    named.current_dir(&nested).env("WGOPS_SAFE_DIRECTORY", &nested);
    said(named.args(["run", "touch.yml", "-i", "local"])).without(&["lies inside of"]);
}

#[test]
fn a_pin_that_is_of_another_group_is_refused_however_much_of_this_one_is_known() {
    let group = Group::new();
    let first = group.pin();
    assert!(first.starts_with("1:sha256:"), "{first}");
    group.clears("carol");
    let other = format!("1:sha256:{}", "0".repeat(64));
    for line in ["operators list", "run playbooks/touch.yml -i local", "ledger verify", "vault list"] {
        group
            .says("alice", &format!("{line} --roster-pin {other}"))
            .expect(4, &["names another version 1 of the roster", "by voice"]);
    }
    assert!(!group.made().exists());
    group
        .says("alice", &format!("run playbooks/touch.yml -i local --roster-pin {first}"))
        .expect(0, &["changed=1"]);
}

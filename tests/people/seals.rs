//! For whom a value is sealed is not decided by what somebody pushes: a link, a shared recipient, or what is half sealed.

use crate::group::{Group, Said, said};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use wgops::model::Digest;

const ALL: &str = "inventory/group_vars/all/vault.yml";
const PAYMENTS: &str = "inventory/group_vars/payments/vault.yml";

fn sets(group: &Group, file: &str, name: &str, value: &str) -> Said {
    said(group.command("alice").args(["vault", "set", file, name]).write_stdin(value))
}

/// Where a file's text lies while it is half sealed.
fn aside(group: &Group, file: &str) -> PathBuf {
    let name = Digest::of(file).hex();
    group.root().join(format!(".wgops/vault-{}.new", &name[..16]))
}

#[test]
fn a_link_lets_no_other_rule_decide_who_reads_a_value() {
    let group = Group::new();
    group.clears("bob");
    group.changes_roster(|text| {
        text + "vaults:\n  - {files: 'inventory/**/vault.yml', readers: [lead, operator]}\n  \
                - {files: 'inventory/group_vars/payments/vault.yml', readers: [alice]}\n"
    });
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    sets(&group, ALL, "tok", "for everybody").expect(0, &["Sealed", "bob"]);
    let before = fs::read(group.root().join(ALL)).unwrap();
    // bob, who reads no payments, pushes a link: to the file, or of the folder.
    let folder = group.root().join("inventory/group_vars/payments");
    let refused =
        ["is a link", ALL, "name the file that is meant", "git log -- inventory/group_vars/payments"];
    fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink("../all/vault.yml", folder.join("vault.yml")).unwrap();
    sets(&group, PAYMENTS, "pin", "NEWPIN42").expect(4, &refused);
    fs::remove_dir_all(&folder).unwrap();
    std::os::unix::fs::symlink("all", &folder).unwrap();
    sets(&group, PAYMENTS, "pin", "NEWPIN42").expect(4, &refused);
    assert_eq!(fs::read(group.root().join(ALL)).unwrap(), before);
    // Without it, the rule for the file's own name holds.
    fs::remove_file(&folder).unwrap();
    let sealed = sets(&group, PAYMENTS, "pin", "NEWPIN42");
    sealed.expect(0, &["Sealed", "for alice."]).without(&["bob"]);
    // How somebody comes to the repository is their own affair.
    let way = group.folder.path().join("way");
    std::os::unix::fs::symlink(group.root(), &way).unwrap();
    sets(&group, &format!("{}/{PAYMENTS}", way.display()), "pin", "NEWPIN43").expect(0, &["for alice."]);
}

#[test]
fn a_recipient_opens_for_one_person_and_leaves_with_them() {
    let group = Group::new();
    group.clears("bob");
    group.clears("carol");
    let age = |text: String, name: &str, recipient: &str| {
        let (before, after) = text.split_once(&format!("  {name}:\n")).unwrap();
        format!("{before}  {name}:\n    age: [{recipient}]\n{after}")
    };
    let one = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    group.changes_roster(|text| age(text, "carol", one));
    let good = fs::read_to_string(group.roster()).unwrap();
    fs::write(group.roster(), age(good.clone(), "bob", one)).unwrap();
    let refused = ["carol's", "bob", one, "age-keygen"];
    group.says("alice", "operators sign --yes").expect(4, &refused);
    // Nor does it become another's when she has left.
    fs::write(group.roster(), good).unwrap();
    group.says("alice", "operators leave carol --yes").expect(0, &["in force"]);
    let left = fs::read_to_string(group.roster()).unwrap();
    fs::write(group.roster(), age(left.clone(), "bob", one)).unwrap();
    group.says("alice", "operators sign --yes").expect(4, &refused);
    // A key may be that of somebody who comes back; a lead is told whose it was.
    fs::write(group.roster(), left).unwrap();
    let again = format!("operators add dora --key {} --yes", group.public("carol"));
    group.says("alice", &again).expect(0, &["of dora was carol's", "make sure", "in force"]);
}

#[test]
fn nothing_of_a_clones_own_folder_comes_by_git() {
    let group = Group::new();
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    fs::write(group.root().join(ALL), "---\nssh_admin_key: GOOD\n").unwrap();
    sets(&group, ALL, "tok", "x").expect(0, &["Sealed"]);
    group.git(&group.root(), &["init", "-q"]);
    group.commits(&group.root(), "all");
    group.says("alice", "vault list").expect(0, &["tok"]);
    // sam commits what looks half sealed.
    let evil = fs::read_to_string(group.root().join(ALL)).unwrap().replace("GOOD", "EVIL");
    fs::write(aside(&group, ALL), evil).unwrap();
    group.git(&group.root(), &["add", "-f", ".wgops"]);
    group.commits(&group.root(), "nothing special");
    for line in ["vault list", "operators list", "ledger log", "audit -i local"] {
        group
            .says("alice", line)
            .expect(4, &["somebody committed .wgops/", "git rm -f", "git log -- .wgops"]);
    }
    assert!(fs::read_to_string(group.root().join(ALL)).unwrap().contains("GOOD"));
    let tracked = group.git(&group.root(), &["ls-files", "--", ".wgops"]);
    let words: Vec<&str> = ["rm", "-q", "-f"].into_iter().chain(tracked.lines()).collect();
    group.git(&group.root(), &words);
    group.says("alice", "vault list").expect(0, &["tok"]).without(&["attention"]);
    assert!(fs::read_to_string(group.root().join(ALL)).unwrap().contains("GOOD"));
}

#[test]
fn what_is_half_sealed_brings_what_is_sealed_and_no_other_line() {
    let group = Group::new();
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let file = group.root().join(ALL);
    fs::write(&file, "---\n# Ours.\nssh_admin_key: GOOD\n").unwrap();
    sets(&group, ALL, "tok", "one").expect(0, &["Sealed"]);
    let before = fs::read_to_string(&file).unwrap();
    sets(&group, ALL, "tok", "two").expect(0, &["Sealed"]);
    let after = fs::read_to_string(&file).unwrap();
    fs::write(&file, &before).unwrap();
    fs::write(aside(&group, ALL), after.replace("GOOD", "EVIL")).unwrap();
    for words in [vec!["vault", "list", ALL], vec!["vault", "rekey", ALL]] {
        group.types("alice", &words).expect(4, &["more than what is sealed", "diff ", "mv "]);
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
    fs::write(aside(&group, ALL), &after).unwrap();
    group.types("alice", &["vault", "list", ALL]).expect(0, &["interrupted", "generation 2"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), after);
}

#[test]
fn nobody_else_on_the_machine_holds_a_lock_and_whoever_waits_hears_for_whom() {
    let group = Group::new();
    group.adds("sam");
    let mode = |path: &PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (folder, lock) = (group.root().join(".wgops"), group.root().join(".wgops/ledger.lock"));
    let heads = group.folder.path().join("home_alice/.local/state/wgops");
    // As an older wgops left them.
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(&heads, fs::Permissions::from_mode(0o755)).unwrap();
    let held = fs::File::options().write(true).open(&lock).unwrap();
    held.lock().unwrap();
    let group = &group;
    let waits = std::thread::scope(|scope| {
        let line = format!("operators add carol --key {} --yes", group.public("carol"));
        let typing = scope.spawn(move || group.says("alice", &line));
        std::thread::sleep(std::time::Duration::from_millis(3500));
        held.unlock().unwrap();
        typing.join().unwrap()
    });
    let me = format!("process {}", std::process::id());
    waits.expect(0, &["waiting for", "ledger.lock", &me]);
    assert_eq!((mode(&folder), mode(&lock), mode(&heads)), (0o700, 0o600, 0o700));
}

#[test]
fn a_value_that_somebody_planted_keeps_no_other_from_being_sealed_anew() {
    let group = Group::new();
    group.clears("bob");
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    sets(&group, ALL, "tok", "known to bob").expect(0, &["for alice, bob"]);
    sets(&group, ALL, "other", "x").expect(0, &["Sealed"]);
    // A copy under another name is nobody's.
    let file = group.root().join(ALL);
    let text = fs::read_to_string(&file).unwrap();
    let (_, after) = text.split_once("other: !age |\n").unwrap();
    fs::write(&file, format!("{text}planted: !age |\n{after}")).unwrap();
    let left = group.says("alice", "operators leave bob --yes");
    left.expect(0, &["in force", "2 values were sealed again", "Not sealed again", "planted"]);
    let list = group.says("alice", "vault list").text;
    assert!(list.contains("tok  generation 2 by alice") && !list.contains("readers are others"), "{list}");
}

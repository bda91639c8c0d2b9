//! Where it hurts: what people come to who did nothing wrong, and the sentence that helps them on.

use crate::group::{Group, Said, said};
use std::fs;

#[test]
fn who_has_two_keys_is_one_person_with_either_and_each_writes_its_own_chain() {
    let group = Group::new();
    group.clears("carol");
    let second = fs::read_to_string(group.public("bob")).unwrap();
    group.changes_roster(|text| {
        let at = text.find("  carol:\n").unwrap();
        let keys = at + text[at..].find("keys:").unwrap();
        let list = keys + text[keys..].find('\n').unwrap();
        match text[keys..list].contains('[') {
            true => format!(
                "{}keys: [\"{}\", {}",
                &text[..keys],
                second.trim(),
                text[keys..].split_once('[').unwrap().1
            ),
            false => format!("{}\n      - {}{}", &text[..list], second.trim(), &text[list..]),
        }
    });
    group.pinned("carol", "run playbooks/touch.yml -i local --allow-dirty").expect(0, &["changed=1"]);
    let mut other = group.command("carol");
    other.env("WGOPS_IDENTITY", group.key("bob")).args(["run", "playbooks/touch.yml", "-i", "local"]);
    said(other.args(["--allow-dirty", "--roster-pin", &group.pin()])).expect(0, &["changed=1"]);
    assert_eq!(group.chains(&group.root(), "carol").len(), 2);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    // Certificates are for one key: which, is asked.
    group.says("alice", "operators show carol").expect(0, &["carol"]);
}

#[test]
fn who_lost_a_laptop_gets_a_new_key_and_the_old_one_signs_nothing_that_counts() {
    let group = Group::new();
    group.clears("carol");
    group.run("carol").expect(0, &["changed=1"]);
    let (old, new) = (
        fs::read_to_string(group.public("carol")).unwrap(),
        fs::read_to_string(group.public("bob")).unwrap(),
    );
    let key = |line: &str| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    group.changes_roster(|text| {
        assert!(text.contains(&key(&old)), "{text}");
        text.replace(&key(&old), &key(&new))
    });
    // Whoever found it knows the roster as it is now, or as it was.
    let found = group.pinned("carol", "run playbooks/touch.yml -i local --allow-dirty");
    assert!(found.code != Some(0) || found.text.contains("DRY RUN"), "{}", found.text);
    let mut hers = group.command("carol");
    hers.env("WGOPS_IDENTITY", group.key("bob")).args(["run", "playbooks/touch.yml", "-i", "local"]);
    said(hers.args(["--allow-dirty", "--roster-pin", &group.pin()])).expect(0, &["changed=1"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    // An entry that the old key adds to its chain shows.
    let chains = group.chains(&group.root(), "carol");
    let sealed =
        chains.iter().find(|chain| group.entries(chain).len() == 2 && old_signed(&group, chain, &old));
    let chain = sealed.unwrap_or_else(|| panic!("{chains:?}"));
    let last = group.entries(chain).pop().unwrap();
    let next = last.with_file_name("00000003.json");
    fs::write(&next, fs::read_to_string(&last).unwrap().replace("\"seq\":2", "\"seq\":3")).unwrap();
    group.signs("carol", "ledger@wgops", &next);
    group.says("alice", "ledger verify").expect(4, &["was appended after the chain was sealed at 2"]);
}

/// Whether a chain is of this key: its name has the beginning of the key's digest, and the other one is new.
fn old_signed(group: &Group, chain: &std::path::Path, old: &str) -> bool {
    let signers = group.folder.path().join("old_signers");
    fs::write(&signers, format!("carol {old}")).unwrap();
    let entry = group.entries(chain).remove(0);
    let mut keygen = assert_cmd::Command::new("ssh-keygen");
    keygen.args(["-Y", "verify", "-I", "carol", "-n", "ledger@wgops", "-f"]).arg(&signers);
    let keygen =
        keygen.arg("-s").arg(entry.with_added_extension("sig")).write_stdin(fs::read(&entry).unwrap());
    keygen.output().unwrap().status.success()
}

/// A library that makes a program's clock wrong by so many seconds.
fn clock(group: &Group, seconds: i64) -> std::path::PathBuf {
    let library = group.folder.path().join(format!("clock{seconds}.so"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/clock.c");
    let mut cc = std::process::Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-nostdlib", &format!("-DOFFSET={seconds}"), "-o"]).arg(&library);
    assert!(cc.arg(source).status().unwrap().success());
    library
}

const HOUR: i64 = 3600;
const YEAR: i64 = 365 * 24 * HOUR;
const RUN: &str = "run playbooks/touch.yml -i local --allow-dirty";

pub fn at_a_wrong_time(group: &Group, who: &str, seconds: i64, line: &str) -> Said {
    let mut command = group.command(who);
    said(command.env("LD_PRELOAD", clock(group, seconds)).args(line.split_whitespace()))
}

#[test]
fn a_clock_that_is_behind_is_told_by_the_ledger_and_makes_nobody_cleared() {
    let group = Group::new();
    group.run("alice").expect(0, &["changed=1"]);
    let told =
        ["By this machine's clock it is ", "an entry of alice from ", "one of the two clocks is wrong"];
    let said = at_a_wrong_time(&group, "alice", -HOUR, RUN);
    said.expect(0, &told).expect(0, &["changed=1"]);
    // The chain holds whatever its times say; that one of them is wrong is told.
    let verified = group.says("alice", "ledger verify");
    verified.expect(0, &["every signature and chain holds", "clock: ", ", behind one of "]);
    group.run("alice").expect(0, &["changed=1"]).without(&told);
    // Before the day of her agreement she may not change anything, and reads which day that is.
    fs::remove_file(group.made()).unwrap();
    let said = at_a_wrong_time(&group, "alice", -5 * YEAR, RUN);
    said.expect(0, &["DRY RUN", "the nda begins on 2026-01-01"]);
    assert!(!group.made().exists());
}

#[test]
fn a_clock_that_is_ahead_ends_agreements_and_is_told_to_everybody_who_reads_what_it_wrote() {
    let group = Group::new();
    group.adds("carol");
    group
        .says("alice", "operators clear carol --nda 2026-01-01 --until 2100-01-01 --yes")
        .expect(0, &["in force"]);
    group.pinned("carol", "operators list").expect(0, &[]);
    at_a_wrong_time(&group, "alice", 48 * HOUR, RUN).expect(0, &["changed=1"]);
    group.says("carol", RUN).expect(0, &["an entry of alice from ", "one of the two clocks is wrong"]);
    let verified = group.says("carol", "ledger verify");
    verified.expect(0, &["every signature and chain holds", "clock: ", ", which has not come"]);
    // Once her clock is set and she goes on, nobody is bothered.
    group.run("alice").expect(0, &[]);
    group.says("carol", RUN).expect(0, &["changed=1"]).without(&["clocks is wrong"]);
    fs::remove_file(group.made()).unwrap();
    let said = at_a_wrong_time(&group, "carol", 100 * YEAR, RUN);
    said.expect(0, &["DRY RUN", "the nda ended on 2100-01-01"]);
    assert!(!group.made().exists());
}

#[test]
fn an_entry_or_a_plan_of_a_wgops_to_come_says_update() {
    let group = Group::new();
    group.run("alice").expect(0, &["changed=1"]);
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let last = group.entries(&chain).pop().unwrap();
    let number: u64 = last.file_stem().unwrap().to_string_lossy().parse().unwrap();
    let next = last.with_file_name(format!("{:08}.json", number + 1));
    let text = fs::read_to_string(&last).unwrap();
    let newer = text.replace(&format!("\"seq\":{number}"), &format!("\"seq\":{}", number + 1));
    fs::write(&next, newer.replacen("\"version\":1", "\"version\":9", 1)).unwrap();
    group.signs("alice", "ledger@wgops", &next);
    group.says("alice", "ledger verify").expect(4, &["version 9", "update"]);
    // And nothing is changed on top of what it can't read.
    fs::remove_file(group.made()).unwrap();
    let run = group.run("alice");
    assert!(run.code != Some(0) && !group.made().exists(), "{}", run.text);
    [next.clone(), next.with_added_extension("sig")].iter().for_each(|file| fs::remove_file(file).unwrap());
    group.run("alice").expect(0, &["changed=1"]);
    let plan = group.folder.path().join("plan.json");
    fs::write(&plan, "{\"version\": 9, \"kind\": \"wgops-plan\"}").unwrap();
    group.says("alice", &format!("apply {} --yes", plan.display())).expect(2, &["version 9", "update it"]);
}

/// Ends somebody's agreement a month ago, by a version that is signed today.
fn ends_agreement(group: &Group, who: &str) {
    let month = jiff::Zoned::now().date().checked_sub(jiff::Span::new().days(30)).unwrap();
    group.changes_roster(|text| {
        let (before, after) = text.split_once(&format!("  {who}:")).unwrap();
        let after = after.replacen(
            "nda: {signed: 2026-01-01}",
            &format!("nda: {{signed: 2026-01-01, until: {month}}}"),
            1,
        );
        format!("{before}  {who}:{after}")
    });
}

#[test]
fn a_lead_whose_agreement_has_ended_takes_nothing_with_a_clock_that_is_set_back() {
    let group = Group::new();
    group.clears("carol");
    group.says("alice", "operators promote carol --yes").expect(0, &["in force"]);
    ends_agreement(&group, "carol");
    let (good, back) = (fs::read_to_string(group.roster()).unwrap(), -60 * 24 * HOUR);
    group.says("carol", "operators list").expect(0, &["acts as a shadow"]);
    group.says("carol", "operators demote alice --yes").expect(4, &[]);
    // With a clock that says what she likes, her own wgops goes along; nobody else's does.
    at_a_wrong_time(&group, "carol", back, "operators demote alice --yes");
    assert_ne!(fs::read_to_string(group.roster()).unwrap(), good);
    group.says("alice", "operators list").expect(0, &["signed by 0 of the 1 leads"]);
    fs::write(group.roster(), &good).unwrap();
    let verified = group.says("alice", "ledger verify");
    verified.expect(4, &["their agreement ended on", "whatever its own time says"]);
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    group.says("alice", "operators list").expect(0, &["alice", "lead"]);
}

#[test]
fn a_clock_that_is_set_back_brings_no_reader_back() {
    let group = Group::new();
    group.clears("bob");
    let file = "inventory/group_vars/all/vault.yml";
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let set = |who: &str, value: &str, seconds: i64| {
        let mut command = group.command(who);
        if seconds != 0 {
            command.env("LD_PRELOAD", clock(&group, seconds));
        }
        said(command.args(["vault", "set", file, "tok"]).write_stdin(value))
    };
    set("alice", "alice's", 0).expect(0, &["Sealed"]);
    ends_agreement(&group, "bob");
    set("bob", "bob's", 0).expect(4, &[]);
    set("bob", "bob's", -60 * 24 * HOUR).expect(0, &["Sealed"]);
    let list = group.says("alice", "vault list");
    assert!(list.text.contains("attention:") && !list.text.contains("by bob"), "{}", list.text);
    group.says("alice", "ledger verify").expect(4, &["their agreement ended on"]);
}

#[test]
fn a_lead_whose_agreement_has_ended_takes_nothing_as_if_nothing_had_happened_since() {
    let group = Group::new();
    let back = -60 * 24 * HOUR;
    let month = jiff::Zoned::now().date().checked_sub(jiff::Span::new().days(30)).unwrap();
    let clear = format!("operators clear carol --nda 2026-01-01 --until {month} --yes");
    let add = format!("operators add carol --key {} --yes", group.public("carol"));
    for line in [add.as_str(), &clear, "operators promote carol --yes"] {
        at_a_wrong_time(&group, "alice", back, line).expect(0, &["in force"]);
    }
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "two months ago");
    let hers = group.folder.path().join("hers");
    group.git(group.folder.path(), &["clone", "-q", &root.to_string_lossy(), &hers.to_string_lossy()]);
    group.run("alice").expect(0, &["changed=1"]);
    group.commits(&root, "alice works on");
    // carol's clone knows nothing of that, and her clock says what she likes.
    let pin = group.pin();
    let mut command = group.command("carol");
    command.current_dir(&hers).env("LD_PRELOAD", clock(&group, back + 24 * HOUR));
    let line = format!("operators demote alice --yes --roster-pin {pin}");
    said(command.args(line.split_whitespace())).expect(0, &["in force"]);
    group.commits(&hers, "carol's");
    group.git(&root, &["pull", "-q", "--no-rebase", "--no-edit", &hers.to_string_lossy(), "HEAD"]);
    for who in ["alice", "newcomer"] {
        let list = group.says(who, &format!("operators list --roster-pin {pin}"));
        list.expect(0, &["signed by 0 of the 1 leads", "carol"]);
        let alice = list.text.lines().find(|line| line.starts_with("alice")).unwrap();
        assert!(alice.contains("lead"), "{alice}");
    }
    group.git(&root, &["checkout", "-q", "HEAD^1", "--", "inventory/operators.yml"]);
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
}

#[test]
fn the_last_lead_who_counts_is_not_signed_away_by_a_day_or_a_number() {
    let group = Group::new();
    let ended = "operators clear alice --nda 2026-01-01 --until 2026-01-10 --yes";
    group.says("alice", ended).expect(4, &["nobody would lead whose agreement counts today"]);
    let good = fs::read_to_string(group.roster()).unwrap();
    for (change, words) in [
        (
            good.replace("      signed: 2026-01-01", "      signed: 2026-01-01\n      until: 2026-01-10"),
            "nobody would lead",
        ),
        (format!("{good}threshold: {{roster: 9}}\n"), "the roster asks for 9 of them"),
        (
            good.replace("    keys:", "    age: [age1xyz]\n    keys:"),
            "'age1xyz' of alice is no recipient of age",
        ),
    ] {
        assert_ne!(change, good);
        fs::write(group.roster(), &change).unwrap();
        let signed = group.says("alice", "operators sign --yes");
        assert!(signed.code != Some(0) && signed.text.contains(words), "{}", signed.text);
        assert_eq!(fs::read_to_string(group.roster()).unwrap(), change);
    }
    fs::write(group.roster(), &good).unwrap();
    // A seal that is taken back is named before anybody signs that.
    group.clears("bob");
    group.run("bob").expect(0, &["changed=1"]);
    group.says("alice", "operators leave bob --yes").expect(0, &["in force"]);
    let sealed = fs::read_to_string(group.roster()).unwrap();
    let back = sealed.replace("{last: 2,", "{last: 1,");
    assert_ne!(back, sealed);
    fs::write(group.roster(), back).unwrap();
    group.says("alice", "operators sign --yes").expect(4, &["what was sealed stays sealed", "last: 2"]);
    fs::write(group.roster(), sealed).unwrap();
    group
        .says("alice", &format!("operators add bob --key {}", group.public("sam")))
        .expect(2, &["another name"]);
    group.says("alice", "operators promote bob").expect(2, &["another name"]);
}

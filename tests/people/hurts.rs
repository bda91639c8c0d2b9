//! Where it hurts: what people come to who did nothing wrong, and the sentence that helps them on.

use crate::group::{Group, said};
use std::fs;

/// The pin of the roster that counts, as somebody tells it on the phone.
fn pin(group: &Group) -> String {
    let listed = group.says("alice", "operators list").text;
    listed.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned()
}

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
    said(other.args(["--allow-dirty", "--roster-pin", &pin(&group)])).expect(0, &["changed=1"]);
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
    said(hers.args(["--allow-dirty", "--roster-pin", &pin(&group)])).expect(0, &["changed=1"]);
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

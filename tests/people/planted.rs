//! Values that somebody seals, and writes into the ledger by hand, who may not: nobody makes them theirs, whatever becomes of
//! that person afterwards.

use crate::group::{Group, Said, said};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use wgops::model::Digest;

const FILE: &str = "inventory/group_vars/all/vault.yml";

fn sets(group: &Group, who: &str, name: &str, value: &str) {
    fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
    let mut command = group.command(who);
    said(command.args(["vault", "set", FILE, name]).write_stdin(value)).expect(0, &["Sealed"]);
}

/// What stands under a name in the file of sealed values.
fn armor(group: &Group, name: &str) -> String {
    let text = fs::read_to_string(group.root().join(FILE)).unwrap();
    let begins = format!("{name}: !age |\n");
    let (_, rest) = text.split_once(&begins).unwrap();
    rest.lines().take_while(|line| line.starts_with(' ')).map(|line| format!("{line}\n")).collect()
}

/// Puts a sealed text under a name, and nothing else but what stands there.
fn puts(group: &Group, name: &str, armor: &str) {
    fs::write(group.root().join(FILE), format!("---\n{name}: !age |\n{armor}")).unwrap();
}

/// An entry in a chain of somebody's own, which says that they sealed this text under a name. It is made from alice's
/// newest of that kind, and signed as OpenSSH does.
fn forges(group: &Group, who: &str, (name, armor): (&str, &str), generation: u64, roster: Option<u64>) {
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let is_vault = |entry: &PathBuf| fs::read_to_string(entry).unwrap().contains("\"kind\":\"vault\"");
    let template = group.entries(&chain).into_iter().rev().find(is_vault).unwrap();
    let json = |file: PathBuf| -> Value { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    let (mut public, mut private) = (json(template.clone()), json(template.with_extension("private.json")));
    let key: wgops::people::Key = fs::read_to_string(group.public(who)).unwrap().parse().unwrap();
    let own = format!("{who}-{}-aa", key.digest8());
    let lines: String = armor.lines().map(|line| format!("{}\n", line.trim())).collect();
    private["operator"] = json!(who);
    private["sealed"][0]["file"] = json!(FILE);
    private["sealed"][0]["name"] = json!(name);
    private["sealed"][0]["digest"] = json!(Digest::of(&lines).to_string());
    private["sealed"][0]["generation"] = json!(generation);
    let private = format!("{private}\n");
    public["seen"] = json!({chain.file_name().unwrap().to_string_lossy(): {
        "seq": public["seq"], "digest": Digest::of(fs::read(&template).unwrap()).to_string(),
    }});
    public["chain"] = json!(own);
    public["seq"] = json!(1);
    public.as_object_mut().unwrap().remove("previous");
    public["private"] = json!(Digest::of(&private).to_string());
    if let Some(roster) = roster {
        public["roster"] = json!(roster);
    }
    let place = chain.with_file_name(&own).join(template.parent().unwrap().file_name().unwrap());
    fs::create_dir_all(&place).unwrap();
    let entry = place.join("00000001.json");
    fs::write(&entry, format!("{public}\n")).unwrap();
    fs::write(place.join("00000001.private.json"), private).unwrap();
    group.signs(who, "ledger@wgops", &entry);
}

fn uses(group: &Group) {
    let play =
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {dest: MADE, content: '{{ tok }}'}\n";
    let play = play.replace("MADE", &group.made().to_string_lossy());
    fs::write(group.root().join("playbooks/touch.yml"), play).unwrap();
    let here = "all: {hosts: {here: {ansible_connection: local}}}\n";
    fs::write(group.root().join("inventory/here.yml"), here).unwrap();
}

fn run(group: &Group, who: &str) -> Said {
    group.says(who, "run playbooks/touch.yml -i here --allow-dirty")
}

#[track_caller]
fn is_nobodys(group: &Group) {
    let list = group.says("alice", "vault list");
    assert!(list.text.contains("attention:") && !list.text.contains("tok  generation"), "{}", list.text);
    let run = run(group, "alice");
    run.expect(1, &["vault.yml tok"]);
    assert!(!group.made().exists());
}

#[test]
fn what_a_shadow_planted_is_nobodys_when_they_are_cleared_and_when_they_leave() {
    for becomes in ["operators clear sam --nda 2026-01-01 --yes", "operators leave sam --yes"] {
        let group = Group::new();
        group.adds("sam");
        sets(&group, "alice", "other", "planted by sam");
        let planted = armor(&group, "other");
        uses(&group);
        puts(&group, "tok", &planted);
        forges(&group, "sam", ("tok", &planted), 1, None);
        group.says("alice", "ledger verify").expect(4, &["'vault', which the role shadow may not sign"]);
        is_nobodys(&group);
        let said = group.says("alice", becomes);
        said.expect(0, &["in force"]).without(&["sealed again for those"]);
        is_nobodys(&group);
    }
}

#[test]
fn who_was_taken_off_a_rule_seals_its_values_no_more_under_whatever_roster_they_say() {
    let rule = |readers: &str| format!("vaults: [{{files: \"inventory/**\", readers: [{readers}]}}]\n");
    let version = |text: &str| -> u64 {
        text.lines().find_map(|line| line.strip_prefix("version: ")).unwrap().parse().unwrap()
    };
    // As it is today, and as if it had been before the rule was another.
    for today in [true, false] {
        let group = Group::new();
        group.clears("bob");
        group.changes_roster(|text| text + &rule("alice, bob"));
        sets(&group, "alice", "planted", "bob's");
        let planted = armor(&group, "planted");
        sets(&group, "alice", "tok", "alice's");
        let before = version(&fs::read_to_string(group.roster()).unwrap());
        group.changes_roster(|text| text.replace(&rule("alice, bob"), &rule("alice")));
        sets(&group, "alice", "tok", "alice's own");
        let hers = armor(&group, "tok");
        uses(&group);
        puts(&group, "tok", &planted);
        forges(&group, "bob", ("tok", &planted), 4, (!today).then_some(before));
        is_nobodys(&group);
        puts(&group, "tok", &hers);
        group.says("alice", "vault list").expect(0, &["tok  generation"]).without(&["attention:"]);
        run(&group, "alice").expect(0, &["changed=1"]);
        assert_eq!(fs::read_to_string(group.made()).unwrap(), "alice's own");
    }
}

#[test]
fn what_a_reader_sealed_stays_after_the_rule_names_them_no_more() {
    let group = Group::new();
    group.clears("bob");
    group.clears("carol");
    let rule = |readers: &str| format!("vaults: [{{files: \"inventory/**\", readers: [{readers}]}}]\n");
    group.changes_roster(|text| text + &rule("bob, carol"));
    for name in ["bob", "carol"] {
        group.pinned(name, "operators list").expect(0, &[]);
    }
    sets(&group, "bob", "tok", "bob's, then");
    // alice, who reads none of it, takes bob off; nobody has sealed it anew yet.
    group.changes_roster(|text| text.replace(&rule("bob, carol"), &rule("carol")));
    uses(&group);
    group.says("carol", "operators list").expect(0, &[]);
    run(&group, "carol").expect(0, &["changed=1"]);
    assert_eq!(fs::read_to_string(group.made()).unwrap(), "bob's, then");
}

/// An entry in a chain of somebody's own, which says that they have seen this one of alice's.
fn claims(group: &Group, who: &str, kind: &str, seen: u64) -> PathBuf {
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let template = group.entries(&chain).pop().unwrap();
    let json = |file: PathBuf| -> Value { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    let (mut public, mut private) = (json(template.clone()), json(template.with_extension("private.json")));
    let key: wgops::people::Key = fs::read_to_string(group.public(who)).unwrap().parse().unwrap();
    let own = format!("{who}-{}-aa", key.digest8());
    (private["operator"], private["role"]) = (json!(who), json!("shadow"));
    for name in ["sealed", "roster_file"] {
        private.as_object_mut().unwrap().remove(name);
    }
    let private = format!("{private}\n");
    let nothing = Digest::of("anything").to_string();
    public["seen"] = json!({chain.file_name().unwrap().to_string_lossy(): {"seq": seen, "digest": nothing}});
    (public["chain"], public["seq"], public["kind"]) = (json!(own), json!(1), json!(kind));
    for name in ["previous", "signs", "run", "verb"] {
        public.as_object_mut().unwrap().remove(name);
    }
    public["private"] = json!(Digest::of(&private).to_string());
    let place = chain.with_file_name(&own).join(template.parent().unwrap().file_name().unwrap());
    fs::create_dir_all(&place).unwrap();
    let entry = place.join("00000001.json");
    fs::write(&entry, format!("{public}\n")).unwrap();
    fs::write(place.join("00000001.private.json"), private).unwrap();
    group.signs(who, "ledger@wgops", &entry);
    entry
}

#[test]
fn what_a_shadow_says_to_have_seen_shuts_the_vault_for_nobody() {
    for seen in [99, 1] {
        let group = Group::new();
        group.adds("sam");
        sets(&group, "alice", "tok", "alice's");
        let entry = claims(&group, "sam", "note", seen);
        // It is told, with a way out that takes nobody's good entry out.
        let told = group.says("alice", "ledger verify");
        told.expect(4, &["has seen ", "sam-"]).without(&["git rm"]);
        group.says("alice", "vault list").expect(0, &["tok  generation"]);
        sets(&group, "alice", "tok", "alice's new one");
        // She has seen that entry by now; without it, it is one of sam's that is missing, which decides nothing.
        let [text, signature] =
            [entry.clone(), entry.with_added_extension("sig")].map(|file| fs::read(file).unwrap());
        fs::remove_file(&entry).unwrap();
        group.says("alice", "ledger verify").expect(4, &["which is gone"]).without(&["git rm"]);
        group.says("alice", "vault list").expect(0, &["tok  generation"]);
        fs::write(&entry, text).unwrap();
        fs::write(entry.with_added_extension("sig"), signature).unwrap();
        // A lead who takes sam's chain for over ends the matter.
        group.says("alice", "operators leave sam --yes").expect(0, &["in force"]);
        group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
    }
}

#[test]
fn what_an_operator_says_to_have_seen_and_never_was_is_ended_by_a_lead() {
    for seen in [99, 1] {
        let group = Group::new();
        group.clears("bob");
        sets(&group, "alice", "tok", "alice's");
        claims(&group, "bob", "note", seen);
        // An operator's word counts: until somebody looked, something may be missing. The message says who looks.
        let shut = group.says("alice", "vault list");
        shut.expect(4, &["has seen ", "bob says to have seen what never was", "operators demote"])
            .without(&["git rm"]);
        group.says("alice", "operators demote bob --yes").expect(0, &["in force"]);
        group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
        group.says("alice", "vault list").expect(0, &["tok  generation"]);
        sets(&group, "alice", "tok", "alice's new one");
        // bob goes on saying so: in another chain, as the shadow that bob is now, and under the version of before.
        let chain = group.chains(&group.root(), "bob").pop().unwrap();
        let other = chain.with_file_name(chain.file_name().unwrap().to_string_lossy().replace("-aa", "-bb"));
        fs::create_dir_all(&other).unwrap();
        let year = fs::read_dir(&chain).unwrap().next().unwrap().unwrap().file_name();
        fs::create_dir_all(other.join(&year)).unwrap();
        let entry = other.join(&year).join("00000001.json");
        let text = fs::read_to_string(chain.join(&year).join("00000001.json")).unwrap();
        fs::write(&entry, text.replace("-aa\"", "-bb\"")).unwrap();
        let private = chain.join(&year).join("00000001.private.json");
        fs::copy(private, other.join(&year).join("00000001.private.json")).unwrap();
        group.signs("bob", "ledger@wgops", &entry);
        group.says("alice", "vault list").expect(0, &["tok  generation"]);
    }
}

#[test]
fn what_does_not_hold_has_seen_nothing() {
    let group = Group::new();
    group.clears("bob");
    group.adds("sam");
    sets(&group, "alice", "tok", "alice's");
    group.says("alice", "operators leave bob --yes").expect(0, &["in force"]);
    // A key of somebody who left, in a chain that nobody sealed; and a kind that a shadow may not sign.
    claims(&group, "bob", "note", 99);
    claims(&group, "sam", "vault", 99);
    let told = group.says("alice", "ledger verify");
    told.expect(4, &["bob-", "sam-"]).without(&["has seen "]);
    group.says("alice", "vault list").expect(0, &["tok  generation"]);
}

#[test]
fn a_shadow_is_no_lead_by_their_own_word_and_heads_nobody_s_run() {
    let group = Group::new();
    group.adds("sam");
    group.run("alice").expect(0, &["changed=1"]);
    let run = group.newest_run();
    let entry = claims(&group, "sam", "shadow", 1);
    let json = |file: &PathBuf| -> Value { serde_json::from_slice(&fs::read(file).unwrap()).unwrap() };
    let private_file = entry.with_extension("private.json");
    let (mut public, mut private) = (json(&entry), json(&private_file));
    private["role"] = json!("lead");
    private["reason"] = json!("forged reason");
    let text = format!("{private}\n");
    public["private"] = json!(Digest::of(&text).to_string());
    (public["run"], public["seen"]) = (json!(run), json!({}));
    let time = public["time"].as_str().unwrap().to_owned();
    let (year, _) = time.split_once('-').unwrap();
    public["time"] = json!(format!("{year}-01-01T00:00:00Z"));
    fs::write(&private_file, text).unwrap();
    fs::write(&entry, format!("{public}\n")).unwrap();
    group.signs("sam", "ledger@wgops", &entry);
    group.says("alice", "ledger verify").expect(4, &["acted as lead, and by the roster they were shadow"]);
    let shown = group.says("alice", &format!("ledger show {run}"));
    let head = shown.text.lines().find(|line| line.contains("(lead)")).unwrap();
    assert!(head.contains("alice (lead)"), "{}", shown.text);
}

#[test]
fn an_audit_that_somebody_forged_begins_no_age_anew_and_makes_none_older() {
    let group = Group::new();
    let audit = "audit -i local --fail-on security:7d";
    let today = || jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let before = today();
    let is_counted = |said: &Said| {
        [&before, &today()].iter().any(|day| said.text.contains(&format!("ages are counted since {day}")))
    };
    let first = group.says("alice", audit);
    assert!(is_counted(&first), "{}", first.text);
    // What the clone itself knew is gone, and the ledger serves: somebody without a key dates its audit back.
    fs::remove_file(group.root().join(".wgops/history.json")).unwrap();
    let chain = group.chains(&group.root(), "alice").pop().unwrap();
    let is_audit = |entry: &PathBuf| fs::read_to_string(entry).unwrap().contains("\"kind\":\"audit\"");
    let entry = group.entries(&chain).into_iter().rev().find(is_audit).unwrap();
    let private = entry.with_extension("private.json");
    let back =
        |file: &PathBuf| fs::read_to_string(file).unwrap().replace(&format!("{before}T"), "2026-01-01T");
    let (text, whole) = (back(&entry), back(&private));
    let known = text.split("\"private\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(&private, &whole).unwrap();
    fs::write(&entry, text.replace(&known, &Digest::of(&whole).to_string())).unwrap();
    assert!(whole.contains("2026-01-01T"), "{whole}");
    group.signs("bob", "ledger@wgops", &entry);
    let again = group.says("alice", audit);
    assert!(is_counted(&again), "{}", again.text);
    again.without(&["since 2026-01-01"]);
}

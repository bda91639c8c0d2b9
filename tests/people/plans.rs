//! Plans and the people behind them: who may apply one, how many it takes, and what is refused.

use crate::group::Group;
use std::fs;

/// alice leads, carol operates, sam shadows; on the group db it takes two.
fn four_eyes() -> Group {
    let group = Group::new();
    group.has_hosts();
    group.clears("carol");
    group.adds("sam");
    group.changes_roster(|text| text + "threshold: {apply: {default: 1, groups: {db: 2}}}\n");
    fs::create_dir_all(group.root().join("plans")).unwrap();
    for name in ["carol", "sam"] {
        group.pinned(name, "operators list").expect(0, &[]);
    }
    group
}

fn plans(group: &Group, who: &str, file: &str) {
    let line = format!("run playbooks/each.yml -i prod --plan-out plans/{file}");
    group.says(who, &line).expect(0, &["Plan for 2 hosts"]);
}

#[test]
fn one_person_alone_changes_nothing_where_the_roster_asks_for_two() {
    let group = four_eyes();
    let run = "run playbooks/each.yml -i prod --allow-dirty";
    group
        .says("alice", &format!("{run} -l db"))
        .expect(4, &["db1", "takes 2 cleared people", "threshold.apply"]);
    group.says("alice", &format!("{run} -l db --break-glass now")).expect(4, &["takes 2 cleared people"]);
    let said = group.says("alice", run);
    assert!(said.text.contains("takes 2 cleared people"), "{}", said.text);
    assert!(group.made_on("web1") && !group.made_on("db1"), "{}", said.text);
    // Under another inventory it is the same host.
    let said = group.says("alice", "run playbooks/each.yml -i db1, --allow-dirty");
    said.expect(4, &["takes 2 cleared people"]);
    group.says("carol", &format!("{run} -l db --check")).expect(0, &["takes 2 cleared people", "would run"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn a_plan_is_applied_once_two_cleared_people_stand_behind_it_and_once_only() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    let apply = "apply plans/a.json --yes --allow-changed";
    group.says("alice", apply).expect(4, &["not approved", "db1 asks for 2", "wgops approve plans/a.json"]);
    group.says("sam", "approve plans/a.json --yes").expect(4, &["shadow"]);
    group.says("alice", "approve plans/a.json").expect(2, &["--yes"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["db1", "touch", "Approved"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["already"]);
    // Whoever approves and applies is one person.
    group.says("alice", apply).expect(4, &["behind it stands alice"]);
    assert!(!group.made_on("db1") && !group.made_on("web1"));
    group.says("carol", "approve plans/a.json --yes").expect(0, &["Approved"]);
    group.says("alice", apply).expect(0, &["2 changed"]);
    assert!(group.made_on("db1") && group.made_on("web1"));
    group
        .says("alice", &format!("ledger show {}", group.newest_run()))
        .expect(0, &["by sam", "approved by", "carol"]);
    group.says("carol", apply).expect(4, &["spent", "alice"]);
    group.says("carol", "approve plans/a.json --yes").expect(4, &["spent"]);
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn maker_and_applier_are_two_people_if_both_are_cleared_today() {
    let group = four_eyes();
    plans(&group, "carol", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(2, &["a person counts once"]);
    group.says("carol", "apply plans/a.json --yes --allow-changed").expect(4, &["behind it stands carol"]);
    group.says("alice", "apply plans/a.json --yes --allow-changed").expect(0, &["2 changed"]);
    for host in ["web1", "db1"] {
        fs::remove_file(group.folder.path().join(format!("made-{host}"))).unwrap();
    }
    // Who was cleared as the plan was made, and is not any more, does not count.
    plans(&group, "carol", "b.json");
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    group.says("alice", "apply plans/b.json --yes --allow-changed").expect(4, &["behind it stands alice"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn an_approval_that_somebody_else_wrote_in_ones_name_counts_for_nothing() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    group.says("carol", "approve plans/a.json --yes").expect(0, &["Approved"]);
    let chain = group.chains(&group.root(), "carol").pop().unwrap();
    let entry = group.entries(&chain).pop().unwrap();
    group.signs("sam", "ledger@wgops", &entry);
    group.says("alice", "apply plans/a.json --yes --allow-changed").expect(4, &["not approved"]);
    assert!(!group.made_on("db1"));
}

#[test]
fn an_expired_or_a_foreign_plan_is_refused_however_well_it_is_signed() {
    let group = four_eyes();
    plans(&group, "sam", "a.json");
    let file = group.root().join("plans/a.json");
    let text = fs::read_to_string(&file).unwrap();
    let expires = text.lines().find(|line| line.contains("\"expires\"")).unwrap();
    fs::write(&file, text.replace(expires, "  \"expires\": \"2026-01-01T00:00:00Z\",")).unwrap();
    group.signs("sam", "plan@wgops", &file);
    for line in ["apply plans/a.json --yes", "approve plans/a.json --yes"] {
        group.says("alice", line).expect(4, &["expired at 2026-01-01"]);
    }
    fs::write(&file, &text).unwrap();
    for (who, namespace, why) in [
        ("bob", "plan@wgops", "not in the roster"),
        ("alice", "plan@wgops", "alice signed it"),
        ("sam", "ledger@wgops", "was made for 'ledger@wgops'"),
    ] {
        group.signs(who, namespace, &file);
        group.says("alice", "apply plans/a.json --yes").expect(4, &[why]);
    }
    fs::remove_file(file.with_added_extension("sig")).unwrap();
    group.says("alice", "approve plans/a.json --yes").expect(4, &["not signed"]);
    group.says("alice", "approve plans/b.json --yes").expect(2, &["plans/b.json"]);
    assert!(!group.made_on("web1"));
}

#[test]
fn a_threshold_for_a_group_that_no_inventory_has_asks_for_somebody_who_mends_it() {
    let group = four_eyes();
    group.changes_roster(|text| text.replace("{db: 2}", "{bd: 2}"));
    let run = "run playbooks/each.yml -i prod --allow-dirty";
    group.says("alice", run).expect(2, &["'bd', which no inventory has", "operators sign"]);
    assert!(!group.made_on("web1"));
}

#[test]
fn an_operator_is_shown_what_changed_since_the_last_run() {
    let group = Group::new();
    group.has_hosts();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "begin");
    let run = "run playbooks/each.yml -i prod";
    let first = group.says("alice", run);
    first.expect(0, &["changed=1"]);
    assert!(!first.text.contains("Since the last run"), "{}", first.text);
    let play = root.join("playbooks/each.yml");
    fs::write(&play, fs::read_to_string(&play).unwrap() + "    - command: /bin/true\n").unwrap();
    group.commits(&root, "more");
    group.says("alice", run).expect(
        0,
        &["Since the last run (alice", "1 file has changed", "playbooks/each.yml  +1 -0", "by somebody"],
    );
    group.commits(&root, "ledger");
    let again = group.says("alice", run);
    assert!(!again.text.contains("Since the last run"), "{}", again.text);
    fs::write(root.join("inventory/more.yml"), "all: {}\n").unwrap();
    group.says("alice", run).expect(4, &["inventory/more.yml", "--allow-dirty"]);
    group.says("alice", &format!("{run} --allow-dirty")).expect(0, &["Not committed: inventory/more.yml"]);
}

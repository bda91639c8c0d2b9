//! What holds a machine out holds it out under each of its names and on every way to it: named by its address, added by a
//! task, delegated to, in a dry run, and where somebody picks up the run of a plan.

use crate::group::Group;
use std::fs;

/// Where db9 is, and nobody listens.
const ADDRESS: &str = "127.0.0.7";

/// alice leads, carol operates, sam shadows. web1 is this machine; db1, web9 and db9 are elsewhere.
fn group() -> Group {
    let group = Group::new();
    group.has_hosts();
    group.has_db1("ansible_host: 127.0.0.9");
    let far = format!(
        "web: {{hosts: {{web9: {{ansible_host: 127.0.0.8}}}}}}\ndb: {{hosts: {{db9: {{ansible_host: {ADDRESS}}}}}}}\n"
    );
    fs::write(group.root().join("inventory/far.yml"), far).unwrap();
    fs::create_dir_all(group.root().join("plans")).unwrap();
    group
}

/// The same where the group db asks for two people.
fn four_eyes() -> Group {
    let group = group();
    group.clears("carol");
    group.adds("sam");
    group.changes_roster(|text| text + "threshold: {apply: {default: 1, groups: {db: 2}}}\n");
    for name in ["carol", "sam"] {
        group.pinned(name, "operators list").expect(0, &[]);
    }
    group
}

/// Keeps a playbook in which MADE is what [`Group::made_on`] looks for.
fn keep(group: &Group, name: &str, text: &str) {
    let text = text.replace("MADE", &group.made().to_string_lossy());
    fs::write(group.root().join(format!("playbooks/{name}.yml")), text).unwrap();
}

const ADDED: &str = "\
- hosts: web1
  gather_facts: false
  tasks:
    - add_host: {name: other, ansible_host: ADDRESS}
- hosts: other
  gather_facts: false
  tasks:
    - command: touch MADE-other
";

const OWN_NAME: &str = "\
- hosts: web1
  gather_facts: false
  tasks:
    - add_host: {name: db1, groups: zzz}
- hosts: zzz
  gather_facts: false
  tasks:
    - command: touch MADE-db1
";

const SECOND_PLAY: &str = "\
- hosts: web1
  gather_facts: false
  tasks:
    - command: 'true'
- hosts: web1
  gather_facts: false
  connection: ssh
  vars: {ansible_connection: ssh, ansible_host: ADDRESS}
  tasks:
    - command: touch MADE-other
";

const DELEGATED: &str = "\
- hosts: web1
  gather_facts: false
  tasks:
    - command: touch MADE-web1
    - command: touch MADE-db1
      delegate_to: db1
";

/// Each way to a held machine under another name, with what is said of it.
fn every_way_is_held(group: &Group, why: &str) {
    for (name, text) in
        [("added", ADDED), ("own", OWN_NAME), ("second", SECOND_PLAY), ("delegated", DELEGATED)]
    {
        keep(group, name, &text.replace("ADDRESS", ADDRESS));
    }
    let as_db9 = format!("has the address of db9, and that is held out: {why}");
    for line in [
        format!("each.yml -i {ADDRESS},"),
        format!("each.yml -i far -l web9 -e ansible_host={ADDRESS}"),
        "added.yml -i prod".into(),
        "second.yml -i prod".into(),
    ] {
        group.says("alice", &format!("run playbooks/{line} --allow-dirty")).expect(4, &[&as_db9]);
    }
    group.says("alice", "run playbooks/own.yml -i prod --allow-dirty").expect(4, &["db1", why]);
    let delegated = group.says("alice", "run playbooks/delegated.yml -i prod -l web1 --allow-dirty");
    delegated.expect(1, &["db1 is held out", why]);
    assert!(group.made_on("web1") && !group.made_on("db1"), "{}", delegated.text);
}

#[test]
fn where_two_people_are_asked_for_no_other_name_of_the_machine_does_without() {
    let group = four_eyes();
    every_way_is_held(&group, "takes 2 cleared people");
    let line = format!("run playbooks/each.yml -i {ADDRESS}, --allow-dirty");
    group.says("alice", &format!("{line} --break-glass now")).expect(4, &["takes 2 cleared people"]);
    group
        .says("alice", &format!("{line} --check"))
        .expect(0, &["would be held out", "has the address of db9"]);
    // A group that asks for one person more than the others leaves these alone.
    group.says("alice", "run playbooks/each.yml -i prod -l web1 --allow-dirty").expect(0, &["changed=1"]);
}

#[test]
fn what_is_frozen_is_frozen_under_every_name_and_inventory() {
    let group = group();
    let file = group.root().join("wgops.yml");
    let freeze = "freezes:\n  - {hosts: db, from: 2026-01-01, until: 2099-01-01, reason: moving}\n";
    fs::write(&file, fs::read_to_string(&file).unwrap() + freeze).unwrap();
    every_way_is_held(&group, "frozen until");
    group.says("alice", "run playbooks/each.yml -i db1, --allow-dirty").expect(4, &["frozen until"]);
}

#[test]
fn this_machine_is_one_under_all_of_its_names() {
    for held in ["takes 2 cleared people", "frozen until"] {
        let group = if held.starts_with("takes") { four_eyes() } else { group() };
        group.has_db1("ansible_connection: local");
        if held.starts_with("frozen") {
            let file = group.root().join("wgops.yml");
            let freeze = "freezes:\n  - {hosts: db, from: 2026-01-01, until: 2099-01-01, reason: moving}\n";
            fs::write(&file, fs::read_to_string(&file).unwrap() + freeze).unwrap();
        }
        let as_db1 = format!("is this machine, as is db1, and that is held out: {held}");
        for line in ["-i prod -l web1", "-i local"] {
            let said = group.says("alice", &format!("run playbooks/each.yml {line} --allow-dirty"));
            said.expect(4, &[&as_db1]);
        }
        // Also where it has no name in any inventory.
        let delegated = DELEGATED
            .replace("hosts: web1", "hosts: web9")
            .replace("delegate_to: db1", "delegate_to: localhost");
        let delegated = delegated.replace("    - command: touch MADE-web1\n", "");
        keep(&group, "delegated", &delegated);
        let said = group.says("alice", "run playbooks/delegated.yml -i far --allow-dirty");
        assert!(said.code != Some(0) && said.text.contains(&as_db1), "{}", said.text);
        assert!(
            !group.made_on("web1") && !group.made_on("db1") && !group.made_on("localhost"),
            "{}",
            said.text
        );
        // Elsewhere it is none of this machine's business.
        group.has_db1("ansible_host: 127.0.0.9");
        group.says("alice", "run playbooks/each.yml -i prod -l web1 --allow-dirty").expect(0, &["changed=1"]);
    }
}

#[test]
fn a_task_that_dry_runs_carry_out_is_not_carried_out_where_the_host_is_held() {
    let forced = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch MADE-{{ inventory_hostname }}\n      check_mode: false\n";
    let delegated = DELEGATED.replace("delegate_to", "check_mode: false\n      delegate_to");
    for held in ["takes 2 cleared people", "frozen until"] {
        let group = if held.starts_with("takes") { four_eyes() } else { group() };
        if held.starts_with("frozen") {
            let file = group.root().join("wgops.yml");
            let freeze = "freezes:\n  - {hosts: db, from: 2026-01-01, until: 2099-01-01, reason: moving}\n";
            fs::write(&file, fs::read_to_string(&file).unwrap() + freeze).unwrap();
        }
        keep(&group, "forced", forced);
        keep(&group, "delegated", &delegated);
        group.has_db1("ansible_connection: local");
        let said = group.says("alice", "run playbooks/forced.yml -i prod --check --allow-dirty");
        said.expect(0, &[held, "would run"]);
        assert!(!group.made_on("web1") && !group.made_on("db1"), "{}", said.text);
        group.has_db1("ansible_host: 127.0.0.9");
        let said = group.says("alice", "run playbooks/forced.yml -i prod -l web1 --check --allow-dirty");
        said.expect(0, &["which run: command (", "playbooks/forced.yml:4"]);
        assert!(group.made_on("web1"), "{}", said.text);
        // Where both are this machine, one of them is held out like the other.
        group.has_db1("ansible_connection: local");
        let said = group.says("alice", "run playbooks/delegated.yml -i prod -l web1 --check --allow-dirty");
        said.expect(0, &["is this machine, as is db1", held]);
        assert!(!group.made_on("db1"), "{}", said.text);
    }
}

const STEPS: &str = "\
- hosts: db1
  gather_facts: false
  tasks:
    - command: touch MADE-begun
      args: {creates: MADE-begun}
    - command: test -e MADE-go
    - command: touch MADE-db1
";

const OTHER: &str = "\
- hosts: db1
  gather_facts: false
  tasks:
    - command: touch MADE-evil
    - command: touch MADE-db1
";

#[test]
fn who_picks_up_a_plans_run_does_what_is_in_it_and_counts_again_who_stands_behind_it() {
    let group = four_eyes();
    group.has_db1("ansible_connection: local");
    keep(&group, "steps", STEPS);
    let line = "run playbooks/steps.yml -i prod --plan-out plans/a.json";
    group.says("carol", line).expect(0, &["Plan for 1 host"]);
    group.says("alice", "approve plans/a.json --yes").expect(0, &["Approved"]);
    // A test that fails, and does not change a thing, is planned as well.
    group.says("carol", "apply plans/a.json --yes").expect(1, &["failed=1"]);
    assert!(group.made_on("begun"));
    let resume = format!("resume {} --yes", group.newest_run());
    keep(&group, "steps", OTHER);
    group.says("carol", &resume).expect(4, &["playbooks/steps.yml is not what it was"]);
    let said = group.says("carol", &format!("{resume} --allow-changed"));
    said.expect(4, &["on db1 nothing is done to which one person alone agreed"]);
    assert!(!group.made_on("evil") && !group.made_on("db1"), "{}", said.text);
    keep(&group, "steps", STEPS);
    fs::write(format!("{}-go", group.made().display()), "").unwrap();
    let plan = group.root().join("plans/a.json");
    let elsewhere = group.folder.path().join("b.json");
    fs::rename(&plan, &elsewhere).unwrap();
    fs::rename(plan.with_added_extension("sig"), elsewhere.with_added_extension("sig")).unwrap();
    group.says("carol", &resume).expect(4, &["not below plans/", "--plan FILE"]);
    let named = format!("{resume} --plan {}", elsewhere.display());
    // Who is no longer cleared stands behind nothing.
    group.says("alice", "operators demote carol --yes").expect(0, &["in force"]);
    group.says("alice", &format!("{named} --take-over --reason x")).expect(4, &["behind it stands alice"]);
    group.says("alice", "operators clear carol --nda 2026-01-01 --yes").expect(0, &["in force"]);
    let said = group.says("carol", &named);
    said.expect(0, &["ok=3"]);
    assert!(group.made_on("db1"), "{}", said.text);
    let shown = group.says("alice", &format!("ledger show {}", group.newest_run()));
    shown.expect(0, &["by carol", "approved by", "alice"]);
}

#[test]
fn what_git_does_not_look_at_is_no_part_of_a_run_that_the_record_calls_committed() {
    let group = Group::new();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    let include = "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: local.yml\n";
    fs::write(root.join("playbooks/site.yml"), include).unwrap();
    let role = "- hosts: all\n  gather_facts: false\n  roles: [hidden]\n";
    fs::write(root.join("playbooks/role.yml"), role).unwrap();
    let lookup = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: \"{{ lookup('file', 'local.txt') }}\"\n";
    fs::write(root.join("playbooks/lookup.yml"), lookup).unwrap();
    fs::write(root.join("playbooks/record.yml"), lookup.replace("local.txt", "../plans/a.json")).unwrap();
    let ignore = root.join(".gitignore");
    let known = fs::read_to_string(&ignore).unwrap_or_default();
    fs::write(&ignore, known + "\nlocal.*\nhidden\n").unwrap();
    group.commits(&root, "begin");
    let touch = format!("- command: touch {}\n", group.made().display());
    fs::write(root.join("playbooks/local.yml"), &touch).unwrap();
    fs::create_dir_all(root.join("playbooks/files")).unwrap();
    fs::write(root.join("playbooks/files/local.txt"), format!("touch {}", group.made().display())).unwrap();
    fs::create_dir_all(root.join("roles/hidden/tasks")).unwrap();
    fs::write(root.join("roles/hidden/tasks/main.yml"), &touch).unwrap();
    fs::create_dir_all(root.join("plans")).unwrap();
    fs::write(root.join("plans/a.json"), format!("touch {}", group.made().display())).unwrap();
    // A file that is no part of the playbook itself may lie there, as what was fetched does; the record says so.
    group.says("alice", "run playbooks/lookup.yml -i local").expect(0, &["changed=1"]);
    let shown = group.says("alice", &format!("ledger show {}", group.newest_run()));
    shown.expect(0, &["with changes that were not committed"]);
    fs::remove_file(group.made()).unwrap();
    for name in ["site", "role"] {
        let run = format!("run playbooks/{name}.yml -i local");
        let said = group.says("alice", &run);
        assert!(said.code != Some(0) && said.text.contains("is in no commit"), "{name}: {}", said.text);
        assert!(!group.made().exists(), "{name}: {}", said.text);
    }
    let said = group.says("alice", "run playbooks/record.yml -i local");
    assert!(said.code != Some(0) && said.text.contains("keeps the ledger and plans"), "{}", said.text);
    assert!(!group.made().exists(), "{}", said.text);
    // Somebody who says so runs it, and the record says so, too.
    group.says("alice", "run playbooks/role.yml -i local --allow-dirty").expect(0, &["changed=1"]);
    group.says("alice", &format!("ledger show {}", group.newest_run())).expect(0, &["not committed"]);
    fs::remove_file(group.made()).unwrap();
    // A file whose changes git was told not to look for.
    group.git(&root, &["update-index", "--assume-unchanged", "playbooks/touch.yml"]);
    fs::write(root.join("playbooks/touch.yml"), "- hosts: all\n").unwrap();
    group
        .says("alice", "run playbooks/touch.yml -i local")
        .expect(4, &["playbooks/touch.yml is not what commit", "--allow-dirty"]);
}

#[test]
fn an_inventory_that_nobody_can_read_lets_nobody_through() {
    let mine = "all: {hosts: {db1: {ansible_connection: local}}}\n";
    let text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch MADE-db1\n";
    for held in ["four eyes", "freeze"] {
        let group = if held == "freeze" { group() } else { four_eyes() };
        if held == "freeze" {
            let file = group.root().join("wgops.yml");
            let freeze = "freezes:\n  - {hosts: db, from: 2026-01-01, until: 2099-01-01, reason: moving}\n";
            fs::write(&file, fs::read_to_string(&file).unwrap() + freeze).unwrap();
        }
        keep(&group, "mine", text);
        fs::write(group.root().join("inventory/mine.yml"), mine).unwrap();
        fs::write(group.root().join("inventory/prod.yml"), "{{{\n").unwrap();
        group
            .says("alice", "run playbooks/mine.yml -i mine --allow-dirty")
            .expect(2, &["inventory/prod.yml:1"]);
        assert!(!group.made_on("db1"), "{held}");
    }
}

#[test]
fn what_changes_while_a_run_goes_on_is_no_part_of_the_commit_that_it_is_recorded_with() {
    let group = Group::new();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    let (tasks, file) = (root.join("playbooks/late.yml"), root.join("playbooks/files/late.txt"));
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let harmless = "- debug: {msg: harmless}\n";
    fs::write(&tasks, harmless).unwrap();
    fs::write(&file, "reviewed").unwrap();
    let evil = format!("- command: touch {}", group.made().display());
    let made = group.made().display().to_string();
    // As whoever pulls in another terminal does, or changes a file and puts it back.
    let play = |task: &str| {
        format!(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: |\n        echo '{evil}' > {0}/late.yml\n        \
             echo '{evil}' > {0}/new.yml\n        echo evil > {0}/files/late.txt\n        echo late; echo new\n      register: r\n    - {task}\n",
            root.join("playbooks").display()
        )
    };
    for (name, task) in [
        ("tasks", "include_tasks: \"{{ r.stdout_lines[0] }}.yml\"".to_owned()),
        ("new", "include_tasks: \"{{ r.stdout_lines[1] }}.yml\"".into()),
        ("file", format!("copy: {{src: late.txt, dest: '{made}', mode: '0600'}}")),
        (
            "lookup",
            format!(
                "copy: {{content: \"{{{{ lookup('file', 'files/late.txt') }}}}\", dest: '{made}', mode: '0600'}}"
            ),
        ),
    ] {
        fs::write(root.join(format!("playbooks/case_{name}.yml")), play(&task)).unwrap();
    }
    group.commits(&root, "begin");
    let commit = group.git(&root, &["rev-parse", "HEAD"]);
    for name in ["tasks", "new", "file", "lookup"] {
        let said = group.says("alice", &format!("run playbooks/case_{name}.yml -i local"));
        let why = if name == "new" { "came since the run began" } else { "is not what commit" };
        assert!(said.code != Some(0) && said.text.contains(why), "{name}: {}", said.text);
        assert!(!group.made().exists(), "{name}: {}", said.text);
        group.git(&root, &["checkout", "-q", "--", "."]);
        fs::remove_file(root.join("playbooks/new.yml")).unwrap();
    }
    group.says("alice", "run playbooks/case_file.yml -i local --allow-dirty").expect(0, &["changed=2"]);
    group.says("alice", &format!("ledger show {}", group.newest_run())).expect(0, &["not committed"]);
    fs::remove_file(group.made()).unwrap();
    group.git(&root, &["checkout", "-q", "--", "."]);
    fs::remove_file(root.join("playbooks/new.yml")).unwrap();
    assert_eq!(group.git(&root, &["rev-parse", "HEAD"]), commit);
    // What git takes for unchanged: an expanded keyword.
    fs::write(root.join(".gitattributes"), "*.yml ident\n").unwrap();
    fs::write(&tasks, "- debug: {msg: $Id$}\n").unwrap();
    let plain = "- hosts: all\n  gather_facts: false\n  tasks:\n    - include_tasks: late.yml\n";
    fs::write(root.join("playbooks/ident.yml"), plain).unwrap();
    group.commits(&root, "keywords");
    // Checked out anew, it says what the commit doesn't.
    fs::remove_file(&tasks).unwrap();
    group.git(&root, &["checkout", "-q", "--", "."]);
    assert!(fs::read_to_string(&tasks).unwrap().contains("$Id: "));
    assert_eq!(group.git(&root, &["status", "--porcelain", "playbooks"]), "");
    let said = group.says("alice", "run playbooks/ident.yml -i local");
    assert!(said.code != Some(0) && said.text.contains("is not what commit"), "{}", said.text);
}

#[test]
fn what_lies_outside_of_the_repository_is_in_no_commit_of_it() {
    let group = Group::new();
    fs::write(group.root().join("inventory/near"), "near ansible_connection=local\n").unwrap();
    group.git(&group.root(), &["init", "--quiet"]);
    group.commits(&group.root(), "all");
    let outside = group.folder.path().join("out.yml");
    fs::copy(group.root().join("playbooks/touch.yml"), &outside).unwrap();
    let run = format!("run {} -i near", outside.display());
    group.says("alice", &run).expect(4, &["out.yml is outside of the ops repository", "--allow-dirty"]);
    assert!(!group.made().exists());
    let inventory = group.folder.path().join("near");
    fs::copy(group.root().join("inventory/near"), &inventory).unwrap();
    let run_in = format!("run playbooks/touch.yml -i {}", inventory.display());
    group.says("alice", &run_in).expect(4, &["near is outside of the ops repository"]);
    group.says("alice", &format!("{run} --allow-dirty")).expect(0, &["changed=1"]);
    let shown = group.says("alice", &format!("ledger show {}", group.newest_run()));
    shown.expect(0, &["with changes that were not committed"]);
}

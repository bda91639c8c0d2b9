//! What is new since somebody's last run: what nobody can tell is new as a whole, what is carried out in dry runs waits for a yes, and
//! so does what is sealed where a host is new.

use crate::group::{Group, said};
use std::fs;
use std::path::{Path, PathBuf};

/// A group whose ops repository is in git, with all of it committed.
fn committed() -> (Group, PathBuf) {
    let group = Group::new();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    group.commits(&root, "begin");
    (group, root)
}

fn plays(group: &Group, root: &Path, tasks: &str) {
    let text = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(root.join("playbooks/forced.yml"), text).unwrap();
    group.commits(root, "a play");
}

const RUN: &str = "run playbooks/touch.yml -i local";

#[test]
fn a_copied_folder_is_like_a_tree_of_which_nothing_is_committed() {
    let group = Group::new();
    let bare = said(group.command("alice").args(RUN.split(' ')));
    bare.expect(4, &["is in no git repository", "'git init'", "--allow-dirty"]);
    assert!(!group.made().exists());
    let run = group.says("alice", &format!("{RUN} --allow-dirty"));
    run.expect(0, &["Not in git: nothing here is committed", "changed=1"]);
    let shown = group.says("alice", &format!("ledger show {} --format json", group.newest_run()));
    shown.expect(0, &["\"id\": \"none\"", "\"dirty\": true"]);
    // A dry run needs no flag.
    group.says("alice", &format!("{RUN} --check")).expect(0, &["would run"]);
}

#[test]
fn where_the_last_run_s_commit_is_not_here_everything_is_new_and_takes_the_flag() {
    let (group, root) = committed();
    group.says("alice", RUN).expect(0, &["no run that was made from a commit: everything here is new"]);
    group.commits(&root, "the ledger");
    group.says("alice", RUN).expect(0, &["changed=1"]).without(&["everything here is new"]);
    group.commits(&root, "more of it");
    let shallow = group.folder.path().join("shallow");
    let from = format!("file://{}", root.display());
    group.git(&root, &["clone", "-q", "--depth", "1", &from, &shallow.to_string_lossy()]);
    let pinned = format!("{RUN} --roster-pin {}", group.pin());
    fs::remove_file(group.made()).unwrap();
    let refused = group.says_in(&shallow, "alice", &pinned);
    refused.expect(
        4,
        &["No history here", "what changed can't be told", "git fetch --unshallow", "--allow-dirty"],
    );
    assert!(!group.made().exists());
    group.says_in(&shallow, "alice", &format!("{pinned} --allow-dirty")).expect(0, &["changed=1"]);
    group.git(&shallow, &["fetch", "-q", "--unshallow"]);
    group.says_in(&shallow, "alice", &pinned).expect(0, &["changed=1"]);
}

#[test]
fn a_role_that_is_used_is_named_before_a_hundred_other_files() {
    let (group, root) = committed();
    plays(&group, &root, "    - include_role: {name: web}\n    - import_tasks: more/one.yml\n");
    let write = |file: &str, text: &str| {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    };
    write("playbooks/roles/web/tasks/main.yml", "- debug: {msg: a}\n");
    write("playbooks/roles/web/templates/x.j2", "a\n");
    write("playbooks/more/one.yml", "- debug: {msg: a}\n");
    group.commits(&root, "a role");
    let run = "run playbooks/forced.yml -i local";
    group.says("alice", run).expect(0, &[]);
    (0..100).for_each(|at| write(&format!("aaa/{at}.yml"), "x\n"));
    for file in ["playbooks/roles/web/templates/x.j2", "playbooks/more/one.yml"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        write(file, &format!("{text}# more\n"));
    }
    group.commits(&root, "noise");
    group
        .says("alice", run)
        .expect(0, &["roles/web/templates/x.j2  +1 -0", "playbooks/more/one.yml  +1 -0", "and 90 more"]);
}

#[test]
fn a_task_that_dry_runs_carry_out_waits_for_a_yes_to_what_is_new() {
    let (group, root) = committed();
    let task = |name: &str| {
        format!(
            "    - command: touch {}\n      check_mode: false\n",
            group.folder.path().join(name).display()
        )
    };
    let made = |name: &str| {
        let file = group.folder.path().join(name);
        let is_there = file.exists();
        drop(fs::remove_file(file));
        is_there
    };
    plays(&group, &root, &task("one"));
    let check = "run playbooks/forced.yml -i local --check";
    // Nobody ever ran it.
    let held_back = ["are foretold, too, for nobody said yes to what is new", "would run"];
    group.says("alice", check).expect(0, &held_back);
    assert!(!made("one"));
    group.says("alice", "run playbooks/forced.yml -i local").expect(0, &["changed=1"]);
    assert!(made("one"));
    group.says("alice", check).expect(0, &["which run: command (", "changed=1"]);
    assert!(made("one"));
    // Somebody pushes another one.
    plays(&group, &root, &task("two"));
    for line in [
        check.to_owned(),
        format!("{check} --allow-dirty"),
        "run playbooks/forced.yml -i local --plan-out plans/p.json".into(),
    ] {
        let dry = group.says("alice", &line);
        dry.expect(0, &["Since your last run", "playbooks/forced.yml  +1 -1", "type 'yes' at a terminal"]);
        assert!(!made("two"), "{line}: {}", dry.text);
    }
    // Nobody is asked where nothing would be carried out.
    group
        .at_a_terminal("alice", &format!("{check} --list-hosts"), "")
        .expect(0, &["localhost"])
        .without(&["Type 'yes'"]);
    group.at_a_terminal("alice", check, "\n").expect(0, &["Type 'yes' to have that done", "would run"]);
    assert!(!made("two"));
    group.at_a_terminal("alice", check, "yes\n").expect(0, &["which run: command ("]);
    assert!(made("two"));
    // Said once, and recorded.
    group.says("alice", check).expect(0, &["which run: command ("]);
    assert!(made("two"));
    // What is not committed is what alice herself writes, as a rule: the flag says so.
    fs::write(
        root.join("playbooks/forced.yml"),
        format!("- hosts: all\n  gather_facts: false\n  tasks:\n{}", task("three")),
    )
    .unwrap();
    group.says("alice", check).expect(0, &["Not committed: playbooks/forced.yml", "or give --allow-dirty"]);
    assert!(!made("three"));
    group.says("alice", &format!("{check} --allow-dirty")).expect(0, &["which run: command ("]);
    assert!(made("three"));
}

#[test]
fn a_host_that_is_new_gets_nothing_sealed_before_somebody_said_yes() {
    let (group, root) = committed();
    let inventory = |hosts: &str| {
        fs::write(root.join("inventory/far.yml"), format!("all: {{hosts: {{{hosts}}}}}\n")).unwrap();
        group.commits(&root, "hosts");
    };
    let far = |port: u16| format!("{{ansible_host: 127.0.0.1, ansible_port: {port}}}");
    inventory(&format!("old: {}", far(1)));
    let run = "run playbooks/touch.yml -i far";
    group.says("alice", run).expect(3, &["refused the connection"]);
    // Without anything sealed it is told.
    inventory(&format!("old: {}, new: {}", far(1), far(2)));
    group.says("alice", &format!("{run} -l old")).expect(3, &[]).without(&["new at"]);
    group.commits(&root, "the ledger");
    let mut set = group.command("alice");
    set.args(["vault", "set", "inventory/group_vars/all/vault.yml", "token"])
        .write_stdin("canary-51c7-secret");
    said(&mut set).expect(0, &[]);
    group.commits(&root, "a secret");
    let words = [
        "New since your last run",
        "new at 127.0.0.1",
        "sealed values may be sent there",
        "nobody said yes to new yet",
        "--new-host-key new=unknown",
    ];
    let refused = group.says("alice", run);
    refused.expect(4, &words).without(&["refused the connection"]);
    group.at_a_terminal("alice", run, "\n").expect(4, &["Type 'yes'"]);
    // A run on others makes it no more known.
    group.says("alice", &format!("{run} -l old")).expect(3, &["refused the connection"]);
    group.says("alice", run).expect(4, &words);
    group.says("alice", &format!("{run} --new-host-key new=unknown")).expect(3, &["refused the connection"]);
    group.at_a_terminal("alice", run, "yes\n").expect(3, &["refused the connection"]);
}

//! Before somebody said yes: what a playbook and an inventory name is kept on its own side, whoever types.

use crate::group::Group;
use std::fs;

fn plays(group: &Group, name: &str, hosts: &str, tasks: &str) {
    let text = format!("- hosts: {hosts}\n  gather_facts: false\n  tasks:\n{tasks}");
    fs::write(group.root().join("playbooks").join(name), text).unwrap();
}

#[test]
fn nothing_of_this_machine_goes_out_before_somebody_said_yes() {
    let group = Group::new();
    let secret = group.folder.path().join("id_ed25519");
    fs::write(&secret, "canary-5c1e").unwrap();
    let hosts = "near ansible_connection=local\nfar ansible_host=127.0.0.1 ansible_port=1\n";
    fs::write(group.root().join("inventory/both"), hosts).unwrap();
    fs::write(group.root().join("inventory/near"), "near ansible_connection=local\n").unwrap();
    let reads = format!("    - {{name: reads, slurp: {{src: '{}'}}, register: r}}\n", secret.display());
    let tells = "    - {name: tells, uri: {url: 'http://192.0.2.1:9/{{ r.content }}'}}\n";
    plays(&group, "touch.yml", "near", &(reads.clone() + tells));
    plays(&group, "audit.yml", "all", &(reads + tells));
    // A lead's own dry run leaves this machine out where there are others, and asks none of them for it.
    group
        .says("alice", "run playbooks/audit.yml -i both --check")
        .expect(3, &["near is left out"])
        .without(&["reads"]);
    let alone = group.says("alice", "run playbooks/touch.yml -i near --check --new-host-key near=local");
    alone.expect(0, &["known after apply", "not asked before the real run"]);
    let audit = group.says("alice", "audit -i near");
    assert_ne!(audit.code, Some(0), "{}", audit.text);
    audit.expect(audit.code.unwrap_or(-1), &["fetch_url"]).without(&["HTTP Error"]);
}

#[test]
fn a_preview_runs_no_program_here_that_a_connection_names() {
    let group = Group::new();
    let told = group.folder.path().join("told");
    let port = format!("{{{{ lookup('pipe', 'touch {}; echo 22') }}}}", told.display());
    let inventory =
        format!("all:\n  hosts:\n    near: {{ansible_connection: local, ansible_port: \"{port}\"}}\n");
    fs::write(group.root().join("inventory/piped.yml"), inventory).unwrap();
    for line in ["patch -i piped --allow-dirty", "patch -i piped --check", "facts -i piped"] {
        let said = group.at_a_terminal("alice", line, "\n");
        assert!(said.text.contains("nobody said yes to that yet"), "{line}: {}", said.text);
        assert!(!told.exists(), "{line}");
    }
    // Who runs a playbook answers for it.
    group.says("alice", "run playbooks/touch.yml -i piped --allow-dirty").expect(0, &["changed=1"]);
    assert!(told.exists());
}

#[test]
fn no_inventory_says_anything_to_the_shell_of_ones_own_proxy_command() {
    let group = Group::new();
    let told = group.folder.path().join("told");
    let home = group.folder.path().join("home");
    fs::create_dir_all(home.join(".ssh")).unwrap();
    fs::write(home.join(".ssh/config"), "Host *\n  ProxyCommand true %h %r\n").unwrap();
    let touch = format!("$(touch${{IFS}}{})", told.display());
    for variables in [
        format!("{{ansible_ssh_common_args: \"-o 'HostName={touch}'\"}}"),
        format!("{{ansible_ssh_common_args: \"-o 'User=x{touch}'\"}}"),
        format!("{{ansible_host: '{touch}'}}"),
        format!("{{ansible_user: 'x{touch}'}}"),
    ] {
        fs::write(
            group.root().join("inventory/bastion.yml"),
            format!("all:\n  hosts:\n    far: {variables}\n"),
        )
        .unwrap();
        for verb in ["ping", "facts", "run playbooks/touch.yml --allow-dirty"] {
            let mut command = group.command("alice");
            command.env("HOME", &home).args(verb.split(' ')).args(["-i", "bastion"]);
            let said = crate::group::said(&mut command);
            assert_ne!(said.code, Some(0), "{variables}: {}", said.text);
            assert!(!told.exists(), "{variables}: {}", said.text);
        }
    }
}

#[test]
fn a_host_that_came_to_be_another_is_asked_about_or_refused() {
    let group = Group::new();
    let inventory = group.root().join("inventory/prod");
    fs::write(&inventory, "near ansible_connection=local\n").unwrap();
    let run = "run playbooks/touch.yml -i prod --allow-dirty";
    group.says("alice", run).expect(0, &["changed=1"]);
    // Somebody pushes another machine in its place.
    fs::write(&inventory, "near ansible_host=127.0.0.1 ansible_port=1\n").unwrap();
    let refused =
        ["near: it was this machine here", "near came to be another machine", "--new-host-key near="];
    group.says("alice", run).expect(4, &refused);
    group.at_a_terminal("alice", run, "\n").expect(4, &["Type 'yes'"]);
    group.at_a_terminal("alice", run, "yes\n").expect(3, &["refused the connection"]);
    // Who only looks sends nothing secret there.
    plays(&group, "look.yml", "all", "    - stat: {path: /}\n");
    let look = "run playbooks/look.yml -i prod --check";
    group.says("alice", look).expect(3, &["refused the connection"]);
    fs::write(group.folder.path().join("password"), "canary-77aa\n").unwrap();
    let password = format!("--become-password-file {}", group.folder.path().join("password").display());
    std::process::Command::new("chmod")
        .args(["600"])
        .arg(group.folder.path().join("password"))
        .status()
        .unwrap();
    group
        .says("alice", &format!("{look} {password}"))
        .expect(3, &["not the machine that you spoke to before"])
        .without(&["refused the connection"]);
    // The one that was known is known still.
    fs::write(&inventory, "near ansible_connection=local\n").unwrap();
    group.says("alice", run).expect(0, &["changed=1"]);
}

#[test]
fn what_git_and_wgops_keep_is_read_by_no_playbook() {
    let group = Group::new();
    let kept = [".git/config", ".wgops/token"];
    group.git(&group.root(), &["init", "-q"]);
    for name in kept {
        let file = group.root().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, before + "# canary-0b2d\n").unwrap();
    }
    let tasks: String = kept
        .iter()
        .map(|name| {
            format!(
                "    - debug: {{msg: \"{{{{ lookup('file', '../{name}') }}}}\"}}\n      ignore_errors: true\n    \
                 - copy: {{src: '../{name}', dest: '{made}'}}\n      ignore_errors: true\n    \
                 - template: {{src: '../{name}', dest: '{made}'}}\n      ignore_errors: true\n    \
                 - include_vars: {{file: '../{name}'}}\n      ignore_errors: true\n",
                made = group.made().display()
            )
        })
        .collect();
    plays(&group, "touch.yml", "all", &tasks);
    let said = group.says("alice", "run playbooks/touch.yml -i local --check");
    said.expect(said.code.unwrap_or(-1), &["git or wgops keep for themselves"]).without(&["canary-0b2d"]);
    assert!(!said.text.contains("changed=1"), "{}", said.text);
    assert!(!group.made().exists());
}

/// All that the ledger holds, private parts included.
fn ledger(group: &Group) -> String {
    let chains = ["alice", "sam"].into_iter().flat_map(|who| group.chains(&group.root(), who));
    let entries = chains.flat_map(|chain| group.entries(&chain)).collect::<Vec<_>>();
    let private =
        entries.iter().map(|entry| fs::read_to_string(entry.with_extension("private.json")).unwrap());
    private.collect()
}

/// A group, a file to be read on two hosts that are this machine, and a path that is not there yet.
fn a_file_to_read() -> (Group, String, String) {
    let group = Group::new();
    let secret = group.folder.path().join("id_ed25519");
    fs::write(&secret, "canary-5c1e").unwrap();
    let hosts = "near ansible_connection=local\nnigh ansible_connection=local\n";
    fs::write(group.root().join("inventory/near"), hosts).unwrap();
    let made = group.made().display().to_string();
    (group, secret.display().to_string(), made)
}

/// What was read.
const READ: &str = "{{ r.content | b64decode }}";

/// Tasks that say what they read, in each way that there is, and some that don't.
fn tasks_that_say(src: &str, made: &str) -> String {
    let read = READ;
    format!(
        r#"    - {{name: Reads, slurp: {{src: '{src}'}}, register: r}}
    - {{name: Fails plainly, fail: {{msg: a plain word}}, ignore_errors: true}}
    - {{name: Fails with it, fail: {{msg: '{read}'}}, ignore_errors: true}}
    - {{name: 'Named {read}', fail: {{msg: x}}, ignore_errors: true}}
    - {{name: Kept, set_fact: {{kept: '{read}'}}}}
    - {{name: Added, add_host: {{name: nigh, told: '{read}'}}}}
    - {{name: Makes, copy: {{dest: '{made}-{{{{ kept }}}}', content: x}}}}
    - {{name: Makes elsewhere, copy: {{dest: "{made}-{{{{ hostvars['near'].kept | default('') }}}}", content: x}}}}
    - {{name: Makes as told, copy: {{dest: "{made}-{{{{ told | default('') }}}}", content: x}}}}
    - {{name: Makes plainly, copy: {{dest: '{made}-{{{{ inventory_hostname }}}}', content: x}}}}
    - {{name: Asserts, assert: {{that: kept == '', fail_msg: 'not {{{{ kept }}}}'}}, ignore_errors: true}}
    - name: Each
      fail: {{msg: '{{{{ item }}}}'}}
      loop: ['{read}']
      loop_control: {{label: 'label {read}'}}
      ignore_errors: true
    - name: Labelled
      copy: {{dest: '{made}-{{{{ item }}}}', content: x}}
      loop: [one]
      loop_control: {{label: 'label {read}'}}
    - name: Each plainly
      copy: {{dest: '{made}-{{{{ item }}}}', content: x}}
      loop: [two]
    - {{name: Bits of it, fail: {{msg: x}}, ignore_errors: true}}
    - {{name: Bit one, fail: {{msg: x}}, when: "(r.content | b64decode)[0] == 'c'", ignore_errors: true}}
    - {{name: Bit two, fail: {{msg: x}}, when: "(r.content | default('Y'))[0] == 'Y'", ignore_errors: true}}
    - {{name: Bit three, debug: {{msg: x}}, failed_when: "r.content[0] == 'Y'", ignore_errors: true}}
    - {{name: Bit four, fail: {{msg: x}}, when: "(hostvars['near'].r.content | default('Y'))[0] == 'Y'", ignore_errors: true}}
    - name: With it before
      vars: {{before: '{{{{ kept }}}}'}}
      copy: {{dest: '{made}-{{{{ before }}}}', content: x}}
    - name: Where it is so
      copy: {{dest: '{made}-so', content: x}}
      when: kept == '{{{{ kept }}}}'
"#
    )
}

#[test]
fn the_ledger_keeps_what_people_wrote_and_nothing_that_was_read_where_nobody_said_yes() {
    let (group, src, made) = a_file_to_read();
    plays(&group, "touch.yml", "all", &tasks_that_say(&src, &made));
    let shown = group.says("alice", "run playbooks/touch.yml -i near --check");
    shown.expect(0, &["canary-5c1e"]);
    let kept = ledger(&group);
    assert!(!kept.contains("canary-5c1e"), "{kept}");
    for words in ["Fails plainly", "Named {{ r.content", "create ", "made-near", "made-two"] {
        assert!(kept.contains(words), "'{words}' is missing in {kept}");
    }
    // Nor how a task ended that what was read decided: many of them would spell it.
    assert!(!kept.contains("Bit ") && kept.contains("Bits of it"), "{kept}");
}

#[test]
fn the_ledger_keeps_findings_of_an_audit_that_hold_nothing_that_was_read() {
    let (group, src, _) = a_file_to_read();
    let read = READ;
    // An audit, whose findings are what it is for.
    let checks = format!(
        r#"    - {{slurp: {{src: '{src}'}}, register: r}}
    - {{failed_units: {{}}, register: s}}
    - {{check: {{id: plain, that: s.nothing is defined, title: it is not empty, evidence: 'size {{{{ inventory_hostname | length }}}}'}}}}
    - {{check: {{id: 'read/{read}', that: inventory_hostname == 'x', title: 't {read}', evidence: 'e {read}', remedy: 'r {read}'}}}}
    - {{check: {{id: two, that: r.content == '', title: what was read decides}}}}
"#
    );
    plays(&group, "audit.yml", "all", &checks);
    let audit = group.says("alice", "audit -i near");
    audit.expect(audit.code.unwrap_or(-1), &["canary-5c1e", "size 4"]);
    let kept = ledger(&group);
    assert!(!kept.contains("canary-5c1e") && !kept.contains("what was read decides"), "{kept}");
    assert!(kept.contains("check/plain") && kept.contains("size 4"), "{kept}");
}

#[test]
fn the_ledger_keeps_of_what_carries_a_plan_out_what_the_plan_says() {
    let (group, src, made) = a_file_to_read();
    let read = READ;
    // What carries a plan out says what the plan says, and no more: whoever made it was shown less.
    group.adds("sam");
    group.pinned("sam", "operators list").expect(0, &[]);
    fs::create_dir_all(group.root().join("plans")).unwrap();
    let hidden = "when: \"lookup('env', 'USER') != 'sam'\"";
    let tasks = format!(
        "    - {{name: Makes, copy: {{dest: '{made}', content: x}}}}\n    - {{slurp: {{src: '{src}'}}, register: r, {hidden}}}\n    \
         - {{name: Says, fail: {{msg: 'F {read}'}}, ignore_errors: true, {hidden}}}\n"
    );
    plays(&group, "touch.yml", "all", &tasks);
    let mut maker = group.command("sam");
    let line = "run playbooks/touch.yml -i near --plan-out plans/a.json";
    crate::group::said(maker.env("USER", "sam").args(line.split_whitespace())).expect(0, &["Plan for"]);
    group.says("alice", "apply plans/a.json --yes --allow-changed").expect(0, &["F canary-5c1e"]);
    let kept = ledger(&group);
    assert!(!kept.contains("canary-5c1e"), "{kept}");
    assert!(kept.contains(&format!("create {made}")), "{kept}");
}

#[test]
fn this_machine_is_looked_at_where_it_was_before_or_is_typed() {
    let group = Group::new();
    let inventory = group.root().join("inventory/prod");
    fs::write(&inventory, "far ansible_host=127.0.0.1 ansible_port=1\n").unwrap();
    plays(&group, "audit.yml", "all", "    - {name: reads, slurp: {src: /etc/hostname}}\n");
    group.says("alice", "audit -i prod").expect(3, &["refused the connection"]);
    // Somebody pushes this machine in the place of all hosts, under the name of one that was there and under a new one.
    fs::write(&inventory, "far ansible_connection=local\nnew ansible_connection=local\n").unwrap();
    for line in ["audit -i prod", "run playbooks/audit.yml -i prod --check", "facts -i prod"] {
        let said = group.says("alice", line);
        said.expect(said.code.unwrap_or(-1), &["it is new, and it is this machine"])
            .without(&["ansible_env"]);
        assert_ne!(said.code, Some(0), "{}", said.text);
    }
    group.says("alice", "run playbooks/audit.yml -i local --check").expect(0, &[]);
    group
        .at_a_terminal("alice", "run playbooks/audit.yml -i prod --check", "yes\n")
        .expect(0, &["Type 'yes'"]);
    group.says("alice", "audit -i prod").expect(0, &[]);
}

#[test]
fn two_jobs_at_once_remember_the_machines_of_both() {
    let group = Group::new();
    let line = |name: &str| format!("{name} ansible_connection=local\n");
    for name in ["one", "other"] {
        fs::write(group.root().join("inventory").join(name), line(name)).unwrap();
    }
    let (begun, go) = (group.folder.path().join("begun"), group.folder.path().join("go"));
    let waits = format!(
        "    - shell: |\n        touch {}\n        until [ -e {} ]; do sleep 0.05; done\n",
        begun.display(),
        go.display()
    );
    plays(&group, "waits.yml", "one", &waits);
    plays(&group, "quick.yml", "other", "    - stat: {path: /}\n");
    let words = ["run", "playbooks/waits.yml", "-i", "one", "--allow-dirty"];
    let first = std::thread::scope(|scope| {
        let first = scope.spawn(|| crate::group::said(group.command("alice").args(words)));
        let since = std::time::Instant::now();
        while !begun.exists() && since.elapsed().as_secs() < 60 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // One run at a time changes this machine; whoever looks goes on.
        let quick = group.says("alice", "run playbooks/quick.yml -i other --check");
        fs::write(&go, "").unwrap();
        quick.expect(0, &["ok=1"]);
        first.join().unwrap()
    });
    first.expect(0, &["changed=1"]);
    // Each of them is known: neither may become another machine unnoticed.
    for name in ["one", "other"] {
        let elsewhere = format!("{name} ansible_host=127.0.0.1 ansible_port=1\n");
        fs::write(group.root().join("inventory").join(name), elsewhere).unwrap();
        let run = format!("run playbooks/touch.yml -i {name} --allow-dirty");
        group.says("alice", &run).expect(4, &[&format!("{name}: it was this machine here")]);
    }
}

#[test]
fn a_new_host_key_that_says_nothing_is_refused() {
    let group = Group::new();
    fs::write(group.root().join("inventory/prod"), "near ansible_connection=local\n").unwrap();
    let run = "run playbooks/touch.yml -i prod --allow-dirty --new-host-key";
    group.says("alice", &format!("{run} naer=local")).expect(2, &["'naer'", "did you mean 'near'?"]);
    group.says("alice", &format!("{run} near=SHA256:abc")).expect(2, &["'SHA256:abc' is no fingerprint"]);
    assert!(!group.made().exists());
    group.says("alice", &format!("{run} near=local")).expect(0, &["changed=1"]);
}

#[test]
fn variables_of_hosts_are_not_read_from_what_git_and_wgops_keep() {
    let group = Group::new();
    let kept = group.root().join(".wgops/token.yml");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    fs::write(&kept, "token: canary-3f1b\n").unwrap();
    fs::write(group.root().join("inventory/prod"), "near ansible_connection=local\n").unwrap();
    plays(&group, "show.yml", "all", "    - debug: {var: token}\n");
    for folder in ["playbooks/host_vars", "inventory/host_vars"] {
        let link = group.root().join(folder).join("near.yml");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("../../.wgops/token.yml", &link).unwrap();
        let said = group.says("alice", "run playbooks/show.yml -i prod --check");
        said.expect(2, &["near.yml", "what git or wgops keep for themselves"]).without(&["canary-3f1b"]);
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn what_git_ignores_in_a_clone_is_read_after_somebody_said_yes_alone() {
    let group = Group::new();
    group.git(&group.root(), &["init", "-q"]);
    fs::write(group.root().join(".gitignore"), ".vault_pass\n/roles/fetched\n").unwrap();
    fs::write(group.root().join(".vault_pass"), "canary-0b2d").unwrap();
    let role = group.root().join("roles/fetched/tasks");
    fs::create_dir_all(&role).unwrap();
    fs::write(role.join("main.yml"), "- debug: {msg: from the role}\n").unwrap();
    let text = "{{ lookup('file', '../.vault_pass') }}";
    let tasks = format!(
        "    - include_role: {{name: fetched}}\n    - {{debug: {{msg: '{}'}}, ignore_errors: true}}\n    \
         - {{copy: {{src: ../.vault_pass, dest: '{}'}}, ignore_errors: true}}\n",
        text.replace('\'', "''"),
        group.made().display()
    );
    plays(&group, "touch.yml", "all", &tasks);
    let dry = group.says("alice", "run playbooks/touch.yml -i local --check");
    dry.expect(0, &["from the role", "not read before somebody said yes"]).without(&["canary-0b2d"]);
    assert!(!dry.text.contains("changed=1"), "{}", dry.text);
    group
        .says("alice", "run playbooks/touch.yml -i local --allow-dirty")
        .expect(0, &["canary-0b2d", "changed=1"]);
}

#[test]
fn what_no_commit_has_is_read_in_a_dry_run_where_whoever_types_says_that_there_is_such() {
    let group = Group::new();
    let root = group.root();
    group.git(&root, &["init", "-q"]);
    fs::write(root.join(".gitignore"), ".wgops/\n.token\n").unwrap();
    let text = "{{ lookup('file', '../.token') }}".replace('\'', "''");
    plays(&group, "touch.yml", "all", &format!("    - debug: {{msg: '{text}'}}\n"));
    group.commits(&root, "all of it");
    fs::write(root.join(".token"), "canary-77ab").unwrap();
    let line = "run playbooks/touch.yml -i local --check";
    group.says("alice", line).expect(1, &["git is told to ignore"]).without(&["canary-77ab"]);
    // Somebody pushes that it is ignored no more: a file that is in no commit stays where it is.
    for rules in [".wgops/\n", ".wgops/\n.token\n!.token\n"] {
        fs::write(root.join(".gitignore"), rules).unwrap();
        group.git(&root, &["add", ".gitignore"]);
        group.git(&root, &["commit", "-q", "-m", "rules"]);
        let said = group.says("alice", line);
        said.expect(1, &["is not committed, and is not read"]).without(&["canary-77ab"]);
    }
    group.says("alice", &format!("{line} --allow-dirty")).expect(0, &["canary-77ab"]);
    // What the commit has may be edited, and new roles wait for the flag.
    plays(&group, "touch.yml", "all", "    - include_role: {name: fresh}\n");
    fs::create_dir_all(root.join("roles/fresh/tasks")).unwrap();
    fs::write(root.join("roles/fresh/tasks/main.yml"), "- debug: {msg: from the role}\n").unwrap();
    let said = group.says("alice", line);
    assert!(said.text.contains("is not committed, and is not read"), "{}", said.text);
    group.says("alice", &format!("{line} --allow-dirty")).expect(0, &["from the role"]);
}

#[test]
fn a_roster_that_somebody_removed_is_missed() {
    let group = Group::new();
    group.says("alice", "audit -i local");
    let pin = group.pin();
    let text = fs::read_to_string(group.roster()).unwrap();
    fs::remove_file(group.roster()).unwrap();
    let line = "run playbooks/touch.yml -i local --check";
    group
        .says("alice", line)
        .expect(4, &["operators.yml is gone", "version 1 of the roster was in force here"]);
    // Somebody whose client knows nothing of the group sees it by the ledger, or by the pin that they have.
    group.says("bob", line).expect(4, &["operators.yml is gone", "the ledger beside it"]);
    fs::rename(group.root().join("ledger"), group.folder.path().join("ledger")).unwrap();
    group.says("bob", &format!("{line} --roster-pin {pin}")).expect(4, &["operators.yml is gone"]);
    fs::write(group.roster(), text).unwrap();
    fs::rename(group.folder.path().join("ledger"), group.root().join("ledger")).unwrap();
    group.says("alice", line).expect(0, &[]);
}

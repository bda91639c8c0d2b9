//! Environments, and tasks that are done somewhere else than on their own host.

use crate::stage::Stage;

#[test]
fn an_environment_is_merged_from_outside_to_inside_and_belongs_to_its_tasks_alone() {
    let stage =
        Stage { extra: serde_json::from_str(r#"{"more": {"B": "extra", "N": 3}}"#).unwrap(), ..Stage::new() };
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  environment: {A: play, B: play, C: play}\n  tasks:\n\
         \x20   - block:\n        - name: inner\n          shell: echo $A $B $C $N\n          environment: [{C: \"it's\"}, '{{ more }}']\n      environment: {A: block}\n\
         \x20   - name: outer\n      shell: echo $A $B $C $N\n\
         \x20   - name: sees\n      command: printenv LC_ALL\n      environment: {LC_ALL: de_DE}\n",
    );
    let out = |task: &str| played.end(task).result["stdout"].as_str().unwrap_or_default().to_owned();
    assert_eq!([out("inner"), out("outer"), out("sees")], ["block extra it's 3", "play play play", "de_DE"]);
}

#[test]
fn a_name_that_is_no_variables_is_refused() {
    let played = Stage::new().tasks("- name: t\n  command: 'true'\n  environment: {a-b: x}\n");
    assert_eq!(played.end("t").message.as_deref(), Some("environment: 'a-b' can't be a variable's name"));
}

#[test]
fn a_task_is_delegated_with_its_own_hosts_variables() {
    let stage = Stage {
        hosts: "one ansible_connection=local who=first\ntwo ansible_connection=local who=second\n".into(),
        ..Stage::new()
    };
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  tasks:\n\
         \x20   - name: there\n      copy: {dest: DIR/there, content: '{{ who }} {{ inventory_hostname }}'}\n      delegate_to: two\n\
         \x20   - name: each\n      shell: echo {{ item }} >> DIR/each\n      delegate_to: '{{ item }}'\n      loop: [two, localhost, one]\n\
         \x20   - local_action: copy dest=DIR/local content=x\n\
         \x20   - name: asks\n      stat: {path: DIR/there}\n      connection: local\n      register: r\n\
         \x20   - name: nobody\n      command: 'true'\n      delegate_to: '{{ omit }}'\n",
    );
    assert_eq!(stage.read("there").as_deref(), Some("first one"));
    assert_eq!(stage.read("each").as_deref(), Some("two\nlocalhost\none\n"));
    assert_eq!(stage.read("local").as_deref(), Some("x"));
    assert_eq!(played.end("asks").result["stat"]["exists"], true);
    assert_eq!(played.counts_of("one").failed, 0);
    assert!(played.outcome.recap.keys().all(|host| host.as_str() == "one"));
}

#[test]
fn hosts_that_change_one_file_elsewhere_lose_nothing() {
    let names: Vec<String> = (1..=8).map(|number| format!("h{number}")).collect();
    let hosts: String = names.iter().map(|name| format!("{name} ansible_connection=local\n")).collect();
    let stage = Stage { hosts, ..Stage::new() };
    stage.write("list", "");
    let played = stage.tasks(
        "- lineinfile: {path: DIR/list, line: '{{ inventory_hostname }}'}\n  delegate_to: localhost\n",
    );
    let mut lines: Vec<String> = stage.read("list").unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, names, "{:?}", played.story());
}

#[test]
fn a_dry_run_of_a_delegated_command_leaves_its_own_host_known() {
    let played = Stage { hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(), ..Stage::dry() }
        .play(
            "- hosts: one\n  gather_facts: no\n  tasks:\n    - command: 'true'\n      delegate_to: two\n    - name: own\n      file: {path: DIR/d, state: directory}\n",
        );
    assert_eq!(played.story()[1], "own would_change");
}

#[test]
fn words_of_a_host_name_no_host_that_the_inventory_does_not_know() {
    let played = Stage::new().tasks(
        "- command: echo elsewhere.example\n  register: r\n\
         - name: t\n  command: 'true'\n  delegate_to: '{{ r.stdout }}'\n",
    );
    assert!(played.end("t").message.as_deref().unwrap().contains("is not in the inventory"));
}

#[test]
fn a_plays_own_connection_counts_where_the_inventory_says_nothing() {
    let stage = Stage { hosts: "one\n".into(), ..Stage::new() };
    let by_keyword = stage
        .play("- hosts: one\n  gather_facts: no\n  connection: local\n  tasks:\n    - command: 'true'\n");
    assert_eq!(by_keyword.counts().changed, 1);
    let by_variable = stage.play(
        "- hosts: one\n  gather_facts: no\n  vars: {ansible_connection: local}\n  tasks:\n    - command: 'true'\n",
    );
    assert_eq!(by_variable.counts().changed, 1);
}

#[test]
fn nothing_of_a_hidden_task_is_shown_whoever_says_that_it_is_hidden() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- name: by template\n  command: echo canary\n  no_log: '{{ quiet }}'\n  vars: {quiet: true}\n\
         - name: by mistake\n  command: echo canary\n  no_log: '{{ nothing }}'\n\
         - name: shown\n  command: echo seen\n  no_log: '{{ not true }}'\n",
    );
    let told = serde_json::to_string(&played.events).unwrap();
    assert!(!told.contains("canary") && told.contains("seen"));
}

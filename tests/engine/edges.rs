//! Ends that differ from what was foreseen: failures in loops, changes that travelled along, handlers in circles.

use crate::stage::Stage;

#[test]
fn nothing_travels_behind_a_loop_of_which_an_item_failed() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- name: loop\n  command: sh -c 'echo {{ item }} >> DIR/log; exit {{ item }}'\n  loop: [1, 0]\n\
         - name: after\n  command: touch DIR/after\n",
    );
    assert_eq!(played.story(), ["loop failed"]);
    assert_eq!(stage.read("log").unwrap(), "1\n0\n");
    assert_eq!(stage.read("after"), None);
}

/// A text that grows while it is validated, so that what comes of it is not what was wished.
const GROWS: &str = "- name: grows\n  copy: {dest: DIR/x, content: b=1, validate: 'sed -i s/$/x/ %s'}\n";

#[test]
fn a_change_that_travelled_behind_one_that_did_not_converge_is_reported_and_notifies() {
    let stage = Stage::new();
    stage.write("x", "a=1\n");
    let tasks = format!("{GROWS}- name: after\n  copy: {{dest: DIR/after, content: y}}\n  notify: h\n");
    let indented: String = tasks.lines().map(|line| format!("  {line}\n")).collect();
    let played = stage.play(&format!(
        "- hosts: all\n  gather_facts: no\n  force_handlers: yes\n  tasks:\n{indented}  handlers:\n  - name: h\n    \
         command: touch DIR/handled\n"
    ));
    let story = played.story();
    let words: Vec<&str> = story.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    assert_eq!(words, ["grows failed", "after changed", "h changed"], "{story:#?}");
    assert!(stage.read("after").is_some() && stage.read("handled").is_some());
}

#[test]
fn handlers_that_notify_each_other_come_to_an_end() {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let played = Stage::new().play(
            "- hosts: all\n  gather_facts: no\n  tasks:\n  - command: 'true'\n    notify: b\n  handlers:\n  - name: a\n    \
             command: 'true'\n    notify: b\n  - name: b\n    command: 'true'\n    notify: a\n",
        );
        let _ = send.send(played.story());
    });
    let story = receive.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(story, ["command changed", "b changed", "a changed"]);
}

#[test]
fn a_hosts_own_results_are_in_hostvars_at_once() {
    let stage = Stage::new();
    let asks = "{{ hostvars[inventory_hostname].r.stdout | default('swallowed') }}";
    let play = |word: &str| {
        format!(
            "- hosts: all\n  gather_facts: no\n  tasks:\n  - command: echo {word}\n    register: r\n  - name: d\n    \
             command: echo {word} {asks}\n    register: s\n  - debug: {{msg: \"{{{{ s.stdout }}}}\"}}\n"
        )
    };
    let story = stage.play(&format!("{}{}", play("one"), play("two"))).story();
    assert!(story.contains(&"debug ok: one one".to_owned()), "{story:#?}");
    assert!(story.contains(&"debug ok: two two".to_owned()), "{story:#?}");
}

#[test]
fn a_dry_run_swallows_no_unknown_result_by_way_of_hostvars() {
    let played = Stage::dry().tasks(
        "- command: echo x\n  register: r\n- name: d\n  debug: {msg: \"{{ hostvars['one'].r.stdout | default('no') }}\"}\n\
         - name: e\n  debug: {msg: x}\n  when: hostvars[inventory_hostname]['r'] is not defined\n",
    );
    let cause = "known_after_apply <- result of task 'command'";
    assert_eq!(played.story()[1..], [format!("d {cause}"), format!("e {cause}")]);
}

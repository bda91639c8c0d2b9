//! Blocks with `rescue` and `always`.

use crate::stage::Stage;

/// Tasks that tell a path through nested blocks by appending to a file.
fn path(tasks: &str) -> (Vec<String>, Vec<String>, wgops::event::Counts) {
    let stage = Stage::new();
    let tasks: String = tasks
        .lines()
        .map(|line| match line.split_once("say ") {
            Some((before, word)) => {
                let indent = " ".repeat(before.len());
                format!("{before}name: {word}\n{indent}shell: echo {word} >> DIR/path\n")
            }
            None => format!("{line}\n"),
        })
        .collect();
    let played = stage.tasks(&tasks);
    let path = stage.read("path").unwrap_or_default().lines().map(str::to_owned).collect();
    (path, played.story(), played.counts())
}

#[test]
fn a_failure_leads_to_the_rescue_and_the_host_goes_on() {
    let (path, story, counts) = path(
        "- block:\n    - say one\n    - name: fails\n      command: 'false'\n    - say never\n\
         \x20 rescue:\n    - say saved\n  always:\n    - say always\n- say after\n",
    );
    assert_eq!(path, ["one", "saved", "always", "after"]);
    assert!(story[1].starts_with("fails failed"), "{story:?}");
    assert_eq!((counts.failed, counts.rescued, counts.changed), (0, 1, 4));
}

#[test]
fn nobody_rescues_a_rescue_and_always_is_done_all_the_same() {
    let (path, _, counts) = path(
        "- block:\n    - command: 'false'\n  rescue:\n    - say saving\n    - command: 'false'\n    - say never\n\
         \x20 always:\n    - say always\n    - command: 'false'\n    - say not even\n- say after\n",
    );
    assert_eq!(path, ["saving", "always"]);
    assert_eq!((counts.failed, counts.rescued), (2, 1));
}

#[test]
fn an_outer_rescue_makes_good_what_an_inner_block_lets_pass() {
    let (path, _, counts) = path(
        "- block:\n    - block:\n        - command: 'false'\n      always:\n        - say inner\n    - say never\n    - block:\n        - say not this\n      rescue:\n        - say nor this\n\
         \x20 rescue:\n    - say outer\n    - block:\n        - command: 'false'\n      rescue:\n        - say again\n  always:\n    - say end\n- say after\n",
    );
    assert_eq!(path, ["inner", "outer", "again", "end", "after"]);
    assert_eq!((counts.failed, counts.rescued), (0, 2));
}

#[test]
fn a_rescue_knows_what_failed() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- block:\n    - name: breaks {{ 1 + 1 }}\n      command: sh -c 'exit 3'\n  rescue:\n\
         \x20   - name: told\n      debug: {msg: '{{ ansible_failed_task.name }} {{ ansible_failed_task.action }} {{ ansible_failed_result.rc }}'}\n",
    );
    assert_eq!(played.end("told").message.as_deref(), Some("breaks 2 command 3"));
}

#[test]
fn ignored_errors_rescue_nobody_and_handlers_of_a_rescued_host_run() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  handlers:\n    - name: h\n      shell: echo h >> DIR/path\n  tasks:\n\
         \x20   - block:\n        - shell: echo a >> DIR/path\n          notify: h\n        - command: 'false'\n          ignore_errors: yes\n\
         \x20       - command: 'false'\n      rescue:\n        - shell: echo b >> DIR/path\n",
    );
    assert_eq!(stage.read("path").as_deref(), Some("a\nb\nh\n"));
    let counts = played.counts();
    assert_eq!((counts.failed, counts.rescued, counts.ignored), (0, 1, 1));
}

#[test]
fn in_a_dry_run_a_rescue_is_only_if_the_block_fails() {
    let block = |task: &str| {
        format!(
            "- block:\n    - name: main\n      {task}\n  rescue:\n    - name: saved\n      command: echo\n  always:\n    - name: always\n      debug: {{msg: x}}\n"
        )
    };
    let story = |task: &str| Stage::dry().tasks(&block(task)).story();
    assert_eq!(
        story("command: echo"),
        ["main would_run", "saved skipped: only if the block fails", "always ok: x"]
    );
    assert_eq!(story("stat: {path: /}"), ["main ok", "always ok: x"]);
    let failed = story("fail: {msg: broken}");
    assert_eq!(failed, ["main failed: broken", "saved would_run", "always ok: x"]);
}

#[test]
fn barriers_in_blocks_hold_nobody_up_who_goes_another_way() {
    let stage = Stage {
        hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(),
        ..Stage::new()
    };
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  max_fail_percentage: 50\n  tasks:\n    - block:\n        - fail:\n          when: inventory_hostname == 'one'\n\
         \x20       - debug: {msg: main}\n      rescue:\n        - debug: {msg: a}\n        - debug: {msg: b}\n      always:\n        - debug: {msg: c}\n    - debug: {msg: d}\n",
    );
    assert_eq!(played.counts_of("one").ok, 4);
    assert_eq!(played.counts_of("two").ok, 3);
}

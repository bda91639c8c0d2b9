//! What public playbooks write, and what must come of it.

use crate::stage::{Played, Stage};

/// What the task `say` said, in the order in which it was said.
fn said(played: &Played) -> Vec<String> {
    let says = played.ends().into_iter().filter(|end| end.task == "say");
    says.map(|end| end.message.clone().unwrap_or_default()).collect()
}

#[test]
fn the_variable_of_a_loop_may_be_named_by_a_template() {
    let stage = Stage::new();
    stage.write("inner.yml", "- name: say\n  debug: {msg: '{{ thing }} {{ ansible_loop_var }}'}\n");
    let played = stage.tasks(
        "- include_tasks: inner.yml\n  loop: [a, b]\n  loop_control: {loop_var: '{{ name }}'}\n  vars: {name: thing}\n\
         - debug: {msg: x}\n  loop: [1]\n  loop_control: {loop_var: '{{ name }}'}\n  vars: {name: thing}\n  register: r\n\
         - name: say\n  debug: {msg: '{{ r.results[0].thing }}'}\n\
         - name: bad\n  debug: {msg: x}\n  loop: [1]\n  loop_control: {loop_var: '{{ name }}'}\n  vars: {name: no-name}\n",
    );
    assert_eq!(said(&played), ["a thing", "b thing", "1"], "{:#?}", played.story());
    let why = played.end("bad").message.as_deref();
    assert_eq!(why, Some("loop_var: 'no-name' is no variable name"));
}

#[test]
fn this_machine_has_variables_though_no_inventory_has_it() {
    let played = Stage::new().tasks(
        "- set_fact: {made: here}\n  delegate_to: localhost\n  delegate_facts: true\n\
         - name: say\n  debug: {msg: \"{{ hostvars['localhost'].made }} {{ 'localhost' in hostvars }}\"}\n",
    );
    assert_eq!(said(&played), ["here True"], "{:#?}", played.story());
}

#[test]
fn an_environment_that_adds_to_the_hosts_own_waits_for_facts() {
    let played = Stage::new().play(
        "- hosts: all\n  environment: {PATH: '{{ ansible_env.PATH }}:/added', ADDED: yes it is}\n  tasks:\n\
         \x20   - shell: 'echo $PATH $ADDED'\n      register: r\n\
         \x20   - name: say\n      debug: {msg: \"{{ r.stdout is search(':/added yes it is$') }} {{ ansible_env.ADDED }} {{ ansible_env.PATH is search('added') }}\"}\n",
    );
    assert_eq!(said(&played), ["True yes it is False"], "{:#?}", played.story());
}

#[test]
fn a_topic_may_be_named_with_the_role_of_who_listens() {
    let stage = Stage::new();
    let handlers = "- name: one\n  debug: {msg: of a}\n  listen: topic\n- name: other\n  debug: {msg: other}\n  listen: b\n";
    stage.write("roles/a/handlers/main.yml", handlers);
    stage.write("roles/a/tasks/main.yml", "- debug: {msg: x}\n");
    let play = |topic: &str| {
        stage.try_play(&format!(
            "- hosts: all\n  gather_facts: no\n  roles: [a]\n  post_tasks: [{{command: 'true', notify: '{topic}'}}]\n"
        ))
    };
    let played = play("a : topic").unwrap();
    let ran: Vec<_> = played.ends().iter().skip(2).map(|end| end.task.clone()).collect();
    assert_eq!(ran, ["a : one"], "{:#?}", played.story());
    let refused = play("x : topic").err().unwrap().to_string();
    assert!(refused.contains("no handler is called 'x : topic'"), "{refused}");
}

#[test]
fn a_relative_path_begins_where_the_shell_does_and_a_dry_run_says_so() {
    let tasks =
        "- name: t\n  file: {path: target/relative-of-a-test/, state: directory}\n  delegate_to: localhost\n";
    let played = Stage::dry().tasks(tasks);
    let here = std::env::current_dir().unwrap();
    let change = played.end("t").changes.first().unwrap().summary.clone();
    assert!(change.contains(&format!("{}/target/relative-of-a-test", here.display())), "{change}");
}

#[test]
fn items_of_a_loop_see_what_those_before_them_set() {
    let stage = Stage::new();
    stage.write("three.yml", "- name: say\n  debug: {msg: there are three}\n");
    let tasks = "- set_fact: {p: '{{ p + [item] }}', n: \"{{ n | default([]) + [item] }}\"}\n  loop: [1, 2, 3]\n\
         - include_tasks: three.yml\n  when: n | length == 3\n\
         - name: say\n  debug: {msg: '{{ p }} {{ n }} {{ late }}'}\n\
         - set_fact: {q: '{{ q + [item] }}'}\n  loop: [a, b]\n  vars: {q: [z]}\n\
         - name: say\n  debug: {msg: '{{ q | join }}'}\n\
         - command: 'true'\n  register: ran\n\
         - set_fact: {u: \"{{ u | default('') ~ ran.rc }}\"}\n  loop: [1, 2]\n\
         - name: say\n  debug: {msg: '{{ u }}'}\n";
    let indented: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    let play = format!(
        "- hosts: all\n  gather_facts: no\n  vars: {{p: [0], late: '{{{{ p | sum }}}}'}}\n  tasks:\n{indented}"
    );
    let played = stage.play(&play);
    let known = ["there are three", "[0, 1, 2, 3] [1, 2, 3] 6", "zab"];
    assert_eq!(said(&played)[..3], known, "{:#?}", played.story());
    assert_eq!(said(&played)[3], "00");
    let dry = Stage { conduct: wgops::plan::Conduct::Dry, ..stage }.play(&play);
    assert_eq!(said(&dry)[..3], known, "{:#?}", dry.story());
    let end = dry.ends().into_iter().rfind(|end| end.task == "say").unwrap();
    assert!(matches!(end.status, wgops::event::Status::KnownAfterApply { .. }), "{:#?}", dry.story());
}

#[test]
fn where_no_facts_were_gathered_there_are_none_and_that_is_no_mistake() {
    let played = Stage::new().tasks(
        "- name: say\n  debug: {msg: \"{{ ansible_facts is mapping }} {{ ansible_facts.os_family | default('none') }} {{ 'x' in ansible_facts }}\"}\n\
         - name: bad\n  debug: {msg: '{{ ansible_facts.os_family }}'}\n",
    );
    assert_eq!(said(&played), ["True none False"], "{:#?}", played.story());
    let why = played.end("bad").message.clone().unwrap();
    assert!(why.contains("'ansible_facts.os_family' is undefined"), "{why}");
}

#[test]
fn a_looked_up_template_knows_its_name_and_takes_marks_of_its_own() {
    let stage = Stage::new();
    stage.write("templates/a.j2", "{{ template_path | basename }} [[ x ]]");
    let look = "lookup('template', 'a.j2', variable_start_string='[[', variable_end_string=']]')";
    let played = stage.tasks(&format!(
        "- name: say\n  debug: {{msg: \"{{{{ lookup('template', 'a.j2') }}}} {{{{ {look} }}}}\"}}\n  vars: {{x: 1}}\n"
    ));
    let expected = "a.j2 [[ x ]] {{ template_path | basename }} 1";
    assert_eq!(said(&played), [expected], "{:#?}", played.story());
}

#[test]
fn a_list_that_a_template_makes_is_a_text_as_python_has_it_where_a_text_is_asked_for() {
    let stage = Stage::new();
    stage.tasks("- lineinfile: {path: DIR/x, create: true, line: \"{{ ['a', 1] }}\"}\n");
    assert_eq!(stage.read("x").as_deref(), Some("['a', 1]\n"));
}

#[test]
fn a_job_that_was_waited_for_is_finished() {
    let played = Stage::new().tasks(
        "- command: 'true'\n  async: 10\n  poll: 1\n  register: r\n- name: say\n  debug: {msg: '{{ r.finished }} {{ r.rc }}'}\n",
    );
    assert_eq!(said(&played), ["True 0"], "{:#?}", played.story());
}

#[test]
fn a_tag_may_be_a_template_over_what_is_known_without_a_host() {
    let only = vec!["web".to_owned()];
    let stage = Stage { tags: wgops::plan::Tags { only, ..wgops::plan::Tags::default() }, ..Stage::new() };
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  vars: {part: web, parts: [db, web]}\n  tasks:\n\
         \x20   - {name: one, debug: {msg: x}, tags: ['{{ part }}']}\n\
         \x20   - {name: two, debug: {msg: x}, tags: '{{ parts }}'}\n\
         \x20   - {name: three, debug: {msg: x}, tags: ['{{ other }}'], vars: {other: db}}\n",
    );
    assert_eq!(played.story(), ["one ok: x", "two ok: x"]);
}

#[test]
fn what_is_wrong_with_a_task_that_may_fail_is_told_and_fails_where_a_host_comes_to_it() {
    let stage = Stage::new();
    let text = |more: &str| {
        let task = format!("    - file: {{path: DIR/x, sate: touch, mode: u=z}}\n{more}");
        let after = "    - name: say\n      debug: {msg: behind}\n";
        format!("- hosts: all\n  gather_facts: no\n  tasks:\n{task}{after}")
    };
    let [fails, holds, ignores] =
        ["      when: false\n", "      when: true\n", "      ignore_errors: yes\n"].map(text);
    assert_eq!(said(&stage.play(&fails)), ["behind"]);
    let why = stage.play(&holds).ends()[0].message.clone().unwrap();
    assert!(why.starts_with("Unsupported parameters for (file) module: sate. Supported"), "{why}");
    assert!(why.ends_with("(did you mean 'state'?)"), "{why}");
    assert_eq!(said(&stage.play(&ignores)), ["behind"]);
    let prepared = stage.prepare(&fails).unwrap_or_else(|problems| panic!("{problems}"));
    let warned: String = prepared.warnings.iter().map(ToString::to_string).collect();
    assert!(warned.contains("file: there is no parameter 'sate'"), "{warned}");
    let refused = stage.prepare(&text("")).err().unwrap().to_string();
    assert!(refused.contains("file: there is no parameter 'sate'"), "{refused}");
}

#[test]
fn a_playbook_may_provide_for_each_mistake_in_a_task() {
    let tries = [
        ("ping: text", "Action 'ping' does not support raw params."),
        ("file: {state: touch}", "missing required arguments: path"),
        (
            "find: {paths: /, file_type: nope}",
            "value of file_type must be one of: any, directory, file, link, got: nope",
        ),
        ("debug: {msg: \"{{ x | nosuchfilter }}\"}", "there is no filter 'nosuchfilter'"),
        ("debug: {msg: \"{{ x y }}\"}", "unexpected"),
        ("copy: {src: missing, dest: DIR/x}", "there is no file 'missing' here"),
    ];
    for (task, expected) in tries {
        let tasks = format!(
            "- block:\n    - {task}\n  rescue:\n    - name: say\n      debug: {{msg: '{{{{ ansible_failed_result.msg | default(ansible_failed_result) }}}}'}}\n"
        );
        let played = Stage::new().tasks(&tasks);
        let said = said(&played);
        assert!(said.len() == 1 && said[0].contains(expected), "{task}: {said:?} {:#?}", played.story());
    }
}

#[test]
fn what_stands_behind_a_modules_name_counts_for_more_than_args() {
    let played = Stage::new().tasks("- name: say\n  debug: msg=a\n  args: {msg: b}\n");
    assert_eq!(said(&played), ["a"], "{:#?}", played.story());
}

#[test]
fn a_condition_with_templates_is_a_mistake_only_where_a_task_comes_to_it() {
    let stage = Stage::new();
    let task = |when: &str| {
        format!(
            "- hosts: all\n  gather_facts: no\n  tasks:\n    - name: t\n      assert: {{that: 'x == {{{{ x }}}}'}}\n      vars: {{x: 1}}\n{when}"
        )
    };
    let played = stage.play(&task("      when: false\n      failed_when: not {{ x }}\n"));
    assert!(played.story()[0].starts_with("t skipped"), "{:?}", played.story());
    let played = stage.play(&task("      when: true\n"));
    assert!(played.story()[0].contains("holds no templates"), "{:?}", played.story());
    let refused = stage.try_play(&task("")).err().unwrap().to_string();
    assert!(refused.contains("holds no templates"), "{refused}");
}

#[test]
fn the_neighbours_of_a_linked_role_are_those_of_what_it_leads_to() {
    let stage = Stage::new();
    stage.write("elsewhere/a/meta/main.yml", "dependencies: [b]\n");
    stage.write("elsewhere/b/tasks/main.yml", "- name: say\n  debug: {msg: of b}\n");
    stage.write("roles/c/tasks/main.yml", "- debug: {msg: x}\n");
    std::os::unix::fs::symlink("../elsewhere/a", stage.dir.path().join("roles/a")).unwrap();
    let played = stage.play("- hosts: all\n  gather_facts: no\n  roles: [a]\n");
    let story = played.story();
    assert!(story[0].contains("of b"), "{story:?}");
}

#[test]
fn a_dry_run_knows_the_facts_that_it_gathers_behind_a_command() {
    let played = Stage::dry().tasks(
        "- command: 'true'\n  changed_when: false\n- setup: {gather_subset: [min]}\n\
         - name: say\n  debug: {msg: '{{ item }}'}\n  loop: \"{{ [ansible_system] }}\"\n",
    );
    assert_eq!(played.story()[2], "say ok", "{:#?}", played.story());
}

//! Hosts that share something: `run_once`, results of others, stops; and what `meta` does.

use crate::stage::{Played, Stage};

fn two() -> Stage {
    Stage { hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(), ..Stage::new() }
}

/// Tasks and handlers of a play for two hosts.
fn play(stage: &Stage, keywords: &str, tasks: &str) -> Played {
    let indented: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    stage.play(&format!("- hosts: all\n  gather_facts: no\n{keywords}  tasks:\n{indented}"))
}

#[test]
fn one_host_does_it_for_all_and_all_know_what_it_found_out() {
    let stage = two();
    let played = play(
        &stage,
        "",
        "- shell: echo {{ inventory_hostname }} >> DIR/ran; echo found\n  run_once: true\n  register: r\n\
         - set_fact: {given: '{{ inventory_hostname }}'}\n  run_once: yes\n\
         - name: told\n  debug: {msg: '{{ r.stdout }} {{ given }}'}\n",
    );
    assert_eq!(stage.read("ran").as_deref(), Some("one\n"));
    let told: Vec<_> =
        played.ends().iter().filter(|end| end.task == "told").map(|end| end.message.clone()).collect();
    assert_eq!(told, [Some("found one".to_owned()), Some("found one".to_owned())]);
    assert_eq!((played.counts_of("one").ok, played.counts_of("two").ok), (3, 1));
}

#[test]
fn what_fails_for_one_fails_for_all_and_each_is_rescued() {
    let played = play(
        &two(),
        "",
        "- block:\n    - fail: {msg: x}\n      run_once: true\n  rescue:\n    - debug: {msg: saved}\n- debug: {msg: on}\n",
    );
    assert_eq!((played.counts_of("one").ok, played.counts_of("two").ok), (2, 2));
    let played = play(&two(), "", "- fail: {msg: x}\n  run_once: true\n- debug: {msg: never}\n");
    assert_eq!((played.counts_of("one").failed, played.counts_of("two").ok), (1, 0));
}

#[test]
fn a_hosts_results_are_waited_for() {
    let stage = two();
    let played = play(
        &stage,
        "",
        "- shell: sleep 0.4; echo slow\n  register: r\n  when: inventory_hostname == 'two'\n\
         - set_fact: {mine: 'of {{ inventory_hostname }}'}\n\
         - name: told\n  debug: {msg: \"{{ hostvars['two'].r.stdout }} {{ hostvars.two.mine }} {{ hostvars['one']['mine'] }}\"}\n\
         - name: looped\n  debug: {msg: '{{ item }}'}\n  loop: \"{{ groups['all'] | map('extract', hostvars, 'mine') | list }}\"\n",
    );
    let told: Vec<_> = played
        .ends()
        .iter()
        .filter(|end| end.task == "told")
        .map(|end| end.message.clone().unwrap())
        .collect();
    assert_eq!(told, ["slow of two of one"; 2], "{:?}", played.story());
    let looped =
        played.end("looped").items.iter().map(|item| item.message.clone().unwrap()).collect::<Vec<_>>();
    assert_eq!(looped, ["of one", "of two"]);
}

#[test]
fn facts_that_are_found_for_another_host_are_its_own() {
    let played = play(
        &two(),
        "",
        "- set_fact: {role: main}\n  delegate_to: two\n  delegate_facts: true\n  when: inventory_hostname == 'one'\n\
         - name: told\n  debug: {msg: \"{{ hostvars.two.role | default('-') }} {{ role | default('none') }}\"}\n  when: inventory_hostname == 'one'\n",
    );
    let told =
        played.ends().into_iter().find(|end| end.task == "told" && end.host.as_str() == "one").unwrap();
    assert_eq!(told.message.as_deref(), Some("main none"));
}

#[test]
fn a_play_ends_for_a_host_for_all_or_for_a_batch() {
    let ended = |keywords: &str, action: &str, when: &str| {
        let stage = two();
        let played = play(
            &stage,
            keywords,
            &format!("- debug: {{msg: a}}\n- meta: {action}\n  when: {when}\n- debug: {{msg: b}}\n"),
        );
        let ok = |host: &str| played.outcome.recap.get(&host.parse().unwrap()).map_or(0, |counts| counts.ok);
        assert_eq!(played.outcome.stopped, None);
        (ok("one"), ok("two"))
    };
    assert_eq!(ended("", "end_host", "inventory_hostname == 'one'"), (1, 2));
    assert_eq!(ended("", "end_play", "inventory_hostname == 'one'"), (1, 1));
    assert_eq!(ended("  serial: 1\n", "end_play", "true"), (1, 0));
    assert_eq!(ended("  serial: 1\n", "end_batch", "true"), (1, 1));
    assert_eq!(ended("", "noop", "true"), (2, 2));
}

#[test]
fn handlers_run_where_meta_says_and_none_of_it_is_a_task() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  handlers:\n    - name: h\n      shell: echo h >> DIR/path\n  tasks:\n\
         \x20   - shell: echo a >> DIR/path\n      notify: h\n    - meta: flush_handlers\n    - shell: echo b >> DIR/path\n",
    );
    assert_eq!(stage.read("path").as_deref(), Some("a\nh\nb\n"));
    assert_eq!(played.counts().ok, 3);
}

#[test]
fn hosts_that_failed_are_forgiven_by_meta() {
    let stage = two();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n    - fail: {msg: x}\n      when: inventory_hostname == 'one'\n    - meta: clear_host_errors\n\
         - hosts: all\n  gather_facts: no\n  tasks:\n    - shell: echo {{ inventory_hostname }} >> DIR/second\n",
    );
    let mut second: Vec<String> =
        stage.read("second").unwrap_or_default().lines().map(str::to_owned).collect();
    second.sort();
    assert_eq!(second, ["one", "two"], "{:?}", played.story());
}

#[test]
fn a_tasks_failure_can_stop_all() {
    let stage = two();
    let played = play(
        &stage,
        "",
        "- block:\n    - fail: {msg: x}\n      when: inventory_hostname == 'one'\n      any_errors_fatal: true\n\
         \x20   - shell: echo {{ inventory_hostname }} >> DIR/never\n  always:\n    - shell: echo {{ inventory_hostname }} >> DIR/always\n",
    );
    assert!(stage.read("never").is_none());
    assert_eq!(stage.read("always").map(|text| text.lines().count()), Some(2));
    assert!(
        played.outcome.stopped.as_deref().unwrap().contains("any_errors_fatal"),
        "{:?}",
        played.outcome.stopped
    );
}

#[test]
fn a_throttled_task_is_one_hosts_at_a_time() {
    let stage =
        Stage { hosts: (0..4).map(|n| format!("h{n} ansible_connection=local\n")).collect(), ..Stage::new() };
    stage.tasks("- shell: mkdir DIR/alone && sleep 0.1 && rmdir DIR/alone\n  throttle: 1\n  register: r\n- shell: echo x >> DIR/through\n");
    assert_eq!(stage.read("through").map(|text| text.lines().count()), Some(4));
}

#[test]
fn a_task_that_takes_too_long_has_failed() {
    let played = Stage::new().tasks("- name: t\n  command: sleep 20\n  timeout: 1\n");
    assert!(played.end("t").message.as_deref().unwrap().contains("did not end within 1 s"));
}

#[test]
fn handlers_are_notified_by_templates_and_topics_and_the_first_of_a_name_counts() {
    let stage = Stage::new();
    let said = |word: &str| format!("shell: echo {word} >> DIR/path");
    let played = stage.play(&format!(
        "- hosts: all\n  gather_facts: no\n  vars: {{svc: web}}\n  handlers:\n\
         \x20   - name: same\n      {}\n    - name: 'restart {{{{ svc }}}}'\n      {}\n    - name: db\n      listen: [all of them, topic]\n      {}\n\
         \x20   - name: same\n      {}\n    - name: quiet\n      {}\n\
         \x20 tasks:\n    - command: 'true'\n      notify: '{{{{ item }}}}'\n      loop: [same, topic]\n    - command: 'true'\n      notify: ['restart web', '{{{{ none_of_them }}}}']\n      vars: {{none_of_them: []}}\n",
        said("first"), said("web"), said("db"), said("last"), said("quiet"),
    ));
    assert_eq!(stage.read("path").as_deref(), Some("first\nweb\ndb\n"), "{:?}", played.story());
}

#[test]
fn a_role_ends_where_meta_says_and_the_play_goes_on() {
    let stage = Stage::new();
    stage.write("roles/r/tasks/main.yml", "- debug: {msg: a}\n- meta: end_role\n- debug: {msg: never}\n");
    let played =
        stage.play("- hosts: all\n  gather_facts: no\n  roles: [r]\n  tasks:\n    - debug: {msg: b}\n");
    let said: Vec<_> = played.ends().iter().map(|end| end.message.clone().unwrap_or_default()).collect();
    assert_eq!(said, ["a", "b"]);
}

#[test]
fn facts_of_packages_are_known_by_their_plain_name() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  tasks:\n    - package_facts:\n    - name: there\n      debug: {msg: '{{ packages is mapping }}'}\n",
    );
    assert_eq!(played.end("there").message.as_deref(), Some("true"));
}

#[test]
fn a_result_says_what_failed_when_came_to() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  tasks:\n    - command: 'false'\n      failed_when: false\n      register: r\n    - name: said\n      debug: {msg: '{{ r.failed_when_result }}'}\n",
    );
    assert_eq!(played.end("said").message.as_deref(), Some("false"));
}

#[test]
fn the_package_manager_may_be_named_by_a_fact_and_a_variable_by_a_template() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  vars: {n: a}\n  tasks:\n    - set_fact: '{{ n }}_b=c'\n    - name: said\n      debug: {msg: '{{ a_b }}'}\n\
         \x20   - name: never\n      action: '{{ ansible_pkg_mgr }} name={{ n }} state=present'\n      when: false\n",
    );
    assert_eq!(played.end("said").message.as_deref(), Some("c"));
    assert_eq!(played.end("never").module, "package");
}

#[test]
fn arguments_of_a_task_for_another_system_are_judged_where_it_is_come_to() {
    let stage = Stage::new();
    let play = |when: &str| {
        format!(
            "- hosts: one\n  gather_facts: no\n  vars: {{ansible_os_family: Debian}}\n  tasks:\n    - dnf: {{name: x, state: enabled}}\n      when: {when}\n\
             \x20   - pacman: {{name: x}}\n      when: {when}\n"
        )
    };
    let played = stage.play(&play("ansible_os_family == 'RedHat'"));
    assert_eq!(played.counts_of("one").skipped, 2);
    let warned =
        |condition: &str| stage.prepare(&play(condition)).ok().map(|prepared| prepared.warnings.len());
    assert!(warned("some_flag is defined").is_some_and(|count| count > 0));
    assert_eq!(warned("ansible_os_family == 'RedHat'"), Some(0));
    assert_eq!(stage.play(&play("ansible_os_family == 'Debian'")).counts_of("one").failed, 1);
    // Nor is a module missed that tags leave out.
    let left_out = "- hosts: one\n  gather_facts: no\n  tasks:\n    - pacman: {name: x}\n      tags: never\n";
    assert_eq!(stage.play(left_out).counts_of("one").failed, 0);
}

#[test]
fn the_first_file_may_be_looked_for_by_names_that_are_not_defined() {
    let stage = Stage::new();
    stage.write("vars/known.yml", "found: yes\n");
    let played = stage.tasks(
        "- name: t\n  include_vars: '{{ item }}'\n  with_first_found: ['{{ nosuch }}.yml', known.yml]\n",
    );
    assert_eq!(played.counts_of("one").failed, 0, "{:?}", played.story());
    let none =
        stage.tasks("- name: t\n  include_vars: '{{ item }}'\n  with_first_found: ['{{ nosuch }}.yml']\n");
    assert_eq!(none.counts_of("one").failed, 1);
}

#[test]
fn what_failed_is_told_although_it_can_not_be_judged() {
    let played = Stage::new()
        .tasks("- name: t\n  fail: {msg: broken}\n  changed_when: \"'x' in r.nosuch\"\n  register: r\n");
    assert_eq!(played.end("t").message.as_deref(), Some("broken"));
}

#[test]
fn what_a_task_lacks_is_missed_where_it_is_come_to() {
    let stage = Stage::new();
    let play = |when: &str| {
        stage.try_play(&format!(
            "- hosts: one\n  gather_facts: no\n  tasks:\n    - assert: {{fail_msg: x}}\n{when}"
        ))
    };
    assert!(play("").is_err());
    assert_eq!(play("      when: flag | default(false)\n").unwrap().counts_of("one").skipped, 1);
    assert_eq!(play("      when: flag | default(true)\n").unwrap().counts_of("one").failed, 1);
    let unknown = |key: &str| {
        let play = format!(
            "- hosts: one\n  gather_facts: no\n  tasks:\n    - stat: {{path: /, {key}: x}}\n      when: false\n"
        );
        stage.prepare(&play).ok().map(|prepared| prepared.warnings.len())
    };
    assert_eq!([unknown("zigzag_of_old"), unknown("folow")], [Some(0), Some(1)], "a slip is told at once");
}

#[test]
fn what_a_role_brings_for_ansible_alone_is_missed_where_it_is_come_to() {
    let stage = Stage::new();
    stage.write("roles/r/library/stamp.py", "#!/usr/bin/python\n");
    let play = |when: &str| {
        stage.write(
            "roles/r/tasks/main.yml",
            &format!(
                "- stamp: {{of: x}}\n{when}- name: filtered\n  debug: {{msg: \"{{{{ 'x' | zigzag_by_r }}}}\"}}\n{when}"
            ),
        );
        stage.try_play("- hosts: one\n  gather_facts: no\n  roles: [r]\n")
    };
    assert_eq!(play("  when: flag | default(false)\n").unwrap().counts_of("one").skipped, 2);
    let come_to = play("  when: flag | default(true)\n").unwrap();
    assert_eq!(come_to.counts_of("one").failed, 1);
    let problems = play("").err().unwrap().to_string();
    assert!(problems.contains("is a program for Ansible") && problems.contains("zigzag_by_r"), "{problems}");
    let typed = stage.prepare(
        "- hosts: one\n  gather_facts: no\n  tasks:\n    - debug: {msg: \"{{ 'x' | uper }}\"}\n      when: flag is defined\n",
    );
    assert_eq!(typed.ok().map(|prepared| prepared.warnings.len()), Some(1), "a slip is told at once");
}

#[test]
fn a_task_knows_how_its_host_is_reached() {
    let stage = Stage { hosts: "one\n".into(), ..Stage::new() };
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  connection: local\n  tasks:\n    - name: said\n      debug: {msg: '{{ ansible_connection }} {{ ansible_host }} {{ hostvars.one.ansible_host is defined }}'}\n",
    );
    assert_eq!(played.end("said").message.as_deref(), Some("local one False"));
}

#[test]
fn a_run_can_start_at_a_task() {
    let start = |name: &str| Stage {
        tags: wgops::plan::Tags { start_at: Some(name.into()), ..wgops::plan::Tags::default() },
        ..Stage::new()
    };
    let tasks = "- name: a\n  debug: {msg: a}\n- block:\n    - name: b\n      debug: {msg: b}\n    - name: c\n      debug: {msg: c}\n  always:\n    - name: d\n      debug: {msg: d}\n- name: e\n  debug: {msg: e}\n";
    let story = |name: &str| start(name).tasks(tasks).story();
    assert_eq!(story("c"), ["c ok: c", "d ok: d", "e ok: e"]);
    assert_eq!(story("e"), ["e ok: e"]);
    let refused = start("nowhere").try_play("- hosts: all\n  tasks: []\n").err().unwrap().to_string();
    assert!(refused.contains("no task is called 'nowhere'"), "{refused}");
}

#[test]
fn what_is_polled_ends_as_without_async_and_is_killed_when_it_takes_too_long() {
    let played = Stage::new().tasks(
        "- name: t\n  shell: echo {{ 1 + 1 }}; cat\n  args: {stdin: words}\n  async: 20\n  register: r\n\
         - name: told\n  debug: {msg: '{{ r.stdout }} {{ r.rc }} {{ r is finished }}'}\n\
         - name: late\n  command: sleep 30\n  async: 1\n  poll: 1\n- name: never\n  debug: {msg: x}\n",
    );
    assert_eq!(played.end("told").message.as_deref(), Some("2\nwords 0 True"));
    assert!(played.end("late").message.as_deref().unwrap().contains("'async'"), "{:?}", played.story());
    assert_eq!(played.ends().len(), 3);
}

#[test]
fn a_job_goes_on_while_other_things_are_done_and_is_asked_for_later() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- name: start\n  shell: sleep 1; echo {{ item }} > DIR/{{ item }}; exit {{ item }}\n  async: 30\n  poll: 0\n  loop: [0, 7]\n  register: all\n\
         - name: told\n  debug: {msg: \"{{ all.results[0].finished }} {{ all.results[0].started }} {{ all is changed }}\"}\n\
         - name: first\n  async_status: {jid: '{{ all.results[0].ansible_job_id }}'}\n  register: r\n  until: r is finished\n  retries: 20\n  delay: 1\n\
         - name: rc\n  debug: {msg: '{{ r.rc }} {{ r.changed }} {{ r.attempts > 1 }}'}\n\
         - name: second\n  async_status: {jid: '{{ all.results[1].ansible_job_id }}'}\n  register: r\n  until: r.finished\n  retries: 20\n  delay: 1\n  ignore_errors: true\n\
         - name: failed\n  debug: {msg: '{{ r.rc }} {{ r.msg }} {{ r is failed }} {{ r.finished }}'}\n\
         - name: clean\n  async_status: {jid: '{{ item.ansible_job_id }}', mode: cleanup}\n  loop: '{{ all.results }}'\n\
         - name: gone\n  async_status: {jid: '{{ all.results[1].ansible_job_id }}'}\n  ignore_errors: true\n\
         - name: nothing to do\n  file: {path: DIR/0, state: file}\n  async: 20\n  poll: 0\n  register: n\n\
         - name: nothing done\n  async_status: {jid: '{{ n.ansible_job_id }}'}\n  register: n\n\
         - name: end\n  debug: {msg: '{{ n.finished }} {{ n.changed }} {{ n.path is defined }}'}\n",
    );
    let said = |task: &str| played.end(task).message.clone().unwrap_or_default();
    let story = played.story();
    assert_eq!(said("told"), "False True True", "{story:#?}");
    assert_eq!(said("rc"), "0 True True", "{story:#?}");
    assert_eq!(said("failed"), "7 non-zero return code True True", "{story:#?}");
    assert_eq!(said("gone"), "could not find job", "{story:#?}");
    assert_eq!(said("end"), "True False True", "{story:#?}");
    assert_eq!((stage.read("0").as_deref(), stage.read("7").as_deref()), (Some("0\n"), Some("7\n")));
}

#[test]
fn a_dry_run_starts_no_job_and_knows_nothing_of_its_end() {
    let played = Stage::dry().tasks(
        "- name: start\n  file: {path: DIR/x, state: touch}\n  async: 30\n  poll: 0\n  register: r\n\
         - name: wait\n  async_status: {jid: '{{ r.ansible_job_id }}'}\n  register: s\n  until: s.finished\n",
    );
    let story = played.story();
    assert!(
        story[0].starts_with("start would_change") && story[1].starts_with("wait known_after_apply"),
        "{story:?}"
    );
}

#[test]
fn a_command_that_its_task_keeps_from_running_is_skipped_and_what_is_behind_it_knows() {
    let played = Stage::new().tasks(
        "- name: kept\n  command: 'false'\n  check_mode: true\n  register: r\n\
         - name: known\n  debug: {msg: '{{ r is skipped }} {{ r.rc }} {{ r is changed }}'}\n\
         - name: made\n  command: 'touch DIR/x'\n  args: {creates: DIR/x}\n  check_mode: true\n  register: c\n\
         - name: would\n  debug: {msg: '{{ c is changed }} {{ c is skipped }}'}\n",
    );
    let story = played.story();
    assert!(story[0].starts_with("kept skipped: Command would have run"), "{story:?}");
    assert_eq!((&*story[1], &*story[3]), ("known ok: True 0 False", "would ok: True False"), "{story:?}");
}

#[test]
fn an_item_that_changed_notifies_the_handlers_of_all_items_that_were_done() {
    let played = Stage::new().play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - command: 'true'\n      loop: [a, b, c]\n      when: item != 'c'\n      changed_when: item == 'b'\n      notify: 'restart {{ item }}'\n\
         \x20 handlers:\n    - {name: restart a, debug: {msg: a}}\n    - {name: restart b, debug: {msg: b}}\n    - {name: restart c, debug: {msg: c}}\n",
    );
    assert_eq!(played.story()[1..], ["restart a ok: a", "restart b ok: b"]);
}

#[test]
fn a_handler_behind_one_that_failed_in_a_block_runs_at_the_end() {
    let played = Stage::new().play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - block:\n        - command: 'true'\n          notify: [bad, good]\n        - meta: flush_handlers\n      rescue:\n        - name: saved\n          debug: {msg: s}\n\
         \x20   - name: last\n      debug: {msg: l}\n\
         \x20 handlers:\n    - {name: bad, fail: {msg: b}}\n    - {name: good, debug: {msg: g}}\n",
    );
    let story = played.story();
    let names: Vec<&str> = story.iter().filter_map(|told| told.split(' ').next()).collect();
    assert_eq!(names[1..], ["bad", "saved", "last", "good"], "{story:?}");
}

#[test]
fn facts_that_one_host_sets_for_another_are_waited_for() {
    let hosts: String = (1..=4).map(|n| format!("h{n} ansible_connection=local\n")).collect();
    let played = Stage { hosts, ..Stage::new() }.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - command: sleep 0.3\n      when: inventory_hostname == 'h3'\n\
         \x20   - set_fact: {df: 'from {{ inventory_hostname }}'}\n      delegate_to: h2\n      delegate_facts: true\n      when: inventory_hostname == 'h3'\n\
         \x20   - name: said\n      debug: {msg: \"{{ hostvars.h2.df | default('none') }}\"}\n\
         \x20   - name: own\n      debug: {msg: \"{{ df | default('none') }}\"}\n",
    );
    let of = |task: &str, host: &str| {
        let ends = played.ends().into_iter().filter(|end| end.task == task && end.host.as_str() == host);
        ends.filter_map(|end| end.message.clone()).collect::<Vec<_>>().concat()
    };
    for host in ["h1", "h2", "h3", "h4"] {
        assert_eq!(of("said", host), "from h3", "{host}");
    }
    assert_eq!((of("own", "h2").as_str(), of("own", "h1").as_str()), ("from h3", "none"));
}

#[test]
fn a_program_that_is_not_there_changed_nothing() {
    let played = Stage::new().tasks(
        "- name: asks\n  command: /no/such/program\n  register: r\n  failed_when: false\n\
         - name: knows\n  debug: {msg: '{{ r.rc }} {{ r is changed }} {{ r.msg }}'}\n",
    );
    let story = played.story();
    assert!(story[0].starts_with("asks ok"), "{story:?}");
    assert_eq!(story[1], "knows ok: 2 False Error executing command.");
}

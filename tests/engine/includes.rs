//! Includes, which are opened when a host comes to them, or ahead of that where everything is known.

use crate::stage::{Played, Stage};

fn play(stage: &Stage, keywords: &str) -> Played {
    stage.play(&format!("- hosts: all\n  gather_facts: no\n{keywords}"))
}

#[test]
fn a_file_is_included_with_its_variables_and_each_item() {
    let stage = Stage::new();
    stage.write("tasks/one.yml", "- name: one\n  debug: {msg: '{{ x }} {{ item | default(\"none\") }}'}\n");
    let played = play(
        &stage,
        "  tasks:\n\
         \x20   - include_tasks: tasks/one.yml\n      vars: {x: '{{ y }}'}\n\
         \x20   - include_tasks: '{{ folder }}/one.yml'\n      loop: [a, b]\n      vars: {x: 2}\n\
         \x20   - include_tasks: {file: tasks/nosuch.yml}\n      when: false\n  vars: {y: 1, folder: tasks}\n",
    );
    assert_eq!(
        played.story(),
        [
            "include_tasks ok: included: tasks/one.yml",
            "one ok: 1 none",
            "include_tasks ok",
            "one ok: 2 a",
            "one ok: 2 b",
            "include_tasks skipped: when: False",
        ]
    );
}

#[test]
fn conditions_and_tags_of_an_include_are_its_own_and_apply_reaches_its_tasks() {
    let stage = Stage::new();
    stage.write("t.yml", "- set_fact: {go: false}\n- name: then\n  debug: {msg: '{{ x }}'}\n");
    let played = play(
        &stage,
        "  vars: {go: true}\n  tasks:\n    - include_tasks: {file: t.yml, apply: {vars: {x: applied}}}\n      when: go\n\
         \x20   - include_tasks: {file: t.yml, apply: {when: go}}\n",
    );
    assert_eq!(
        played.story(),
        [
            "include_tasks ok: included: t.yml",
            "set_fact ok",
            "then ok: applied",
            "include_tasks ok: included: t.yml",
            "set_fact skipped: when: go",
            "then skipped: when: go",
        ]
    );
}

#[test]
fn a_role_that_is_included_lends_its_handlers_and_if_public_its_variables() {
    let stage = Stage::new();
    stage.write("roles/r/defaults/main.yml", "d: default\n");
    stage.write("roles/r/tasks/main.yml", "- import_tasks: sub/main.yml\n");
    stage.write(
        "roles/r/tasks/sub/main.yml",
        "- name: do\n  command: 'true'\n  notify: later\n- include_tasks: beside.yml\n- include_tasks: other.yml\n",
    );
    stage
        .write("roles/r/tasks/sub/beside.yml", "- name: beside\n  debug: {msg: '{{ role_name }} {{ d }}'}\n");
    stage.write("roles/r/tasks/other.yml", "- name: other\n  debug: {msg: '{{ p }}'}\n");
    stage.write("roles/r/handlers/main.yml", "- name: later\n  debug: {msg: 'later {{ d }}'}\n");
    let played = play(
        &stage,
        "  tasks:\n    - include_role: {name: r, public: true}\n      vars: {p: given}\n    - debug: {msg: '{{ d }}'}\n",
    );
    assert_eq!(
        played.story(),
        [
            "include_role ok: included: r",
            "r : do changed",
            "r : include_tasks ok: included: beside.yml",
            "r : beside ok: r default",
            "r : include_tasks ok: included: other.yml",
            "r : other ok: given",
            "debug ok: default",
            "r : later ok: later default",
        ]
    );
}

#[test]
fn variables_of_files_are_templates_and_rank_below_set_facts() {
    let stage = Stage::new();
    stage.write("vars/a.yml", "v: 'from {{ w }}'\nu: file\n");
    stage.write("vars/d/1.yml", "one: 1\nboth: 1\n");
    stage.write("vars/d/2.yml", "both: 2\n");
    let played = play(
        &stage,
        "  vars: {w: play, u: play}\n  tasks:\n    - include_vars: a.yml\n    - debug: {msg: '{{ v }} {{ u }}'}\n\
         \x20   - set_fact: {w: fact, u: fact}\n    - debug: {msg: '{{ v }} {{ u }}'}\n\
         \x20   - include_vars: {dir: vars/d, name: all}\n    - debug: {msg: '{{ all.one }} {{ all.both }}'}\n\
         \x20   - include_vars: '{{ item }}'\n      with_first_found: [nosuch.yml, a.yml]\n\
         - hosts: all\n  gather_facts: no\n  tasks:\n    - debug: {msg: '{{ v }}'}\n"
            .replace("      with_first_found: [nosuch.yml, a.yml]\n", "      loop: [a.yml]\n")
            .as_str(),
    );
    let said: Vec<String> = played
        .ends()
        .iter()
        .filter(|end| end.module == "debug")
        .filter_map(|end| end.message.clone())
        .collect();
    assert_eq!(said, ["from play file", "from fact fact", "1 2", "from fact"]);
}

#[test]
fn variables_of_files_are_laid_into_those_that_are_there_where_that_is_asked() {
    let stage = Stage::new();
    stage.write("vars/a.yml", "settings: {port: 81, deep: {one: '{{ w }}'}, list: [3]}\nplain: new\n");
    let played = play(
        &stage,
        "  vars: {w: play, plain: {old: 1}, settings: {port: 80, host: h, deep: {two: 2}, list: [1, 2]}}\n  tasks:\n\
         \x20   - include_vars: {file: a.yml, hash_behaviour: merge}\n\
         \x20   - debug: {msg: '{{ settings | to_json }} {{ plain }}'}\n\
         \x20   - command: printf '{{ \"{{ w }}\" }}'\n      register: said\n      changed_when: false\n\
         \x20   - set_fact: {settings: {port: '{{ said.stdout }}'}}\n\
         \x20   - include_vars: {file: a.yml, hash_behaviour: merge}\n      ignore_errors: true\n",
    );
    let ends = played.ends();
    let said = ends[1].message.as_deref().unwrap();
    let expected = r#"{"port": 81, "host": "h", "deep": {"two": 2, "one": "play"}, "list": [3]} new"#;
    assert_eq!(said, expected);
    // What a host said is never read as a template.
    assert!(ends[4].ignored && ends[4].message.as_deref().unwrap().contains("never read as a template"));
}

#[test]
fn names_of_variables_may_be_templates() {
    let stage = Stage::new();
    let played = play(
        &stage,
        "  vars: {v_b: kept}\n  tasks:\n    - set_fact: {'v_{{ item }}': 'is {{ item }}'}\n      loop: [a, b]\n\
         \x20     when: 'item == \"a\" or v_b is not defined'\n    - debug: {msg: '{{ v_a }} {{ v_b }}'}\n",
    );
    assert_eq!(played.ends()[1].message.as_deref(), Some("is a kept"));
}

#[test]
fn a_dry_run_says_what_it_can_not_know_of_an_include_and_of_what_comes_behind() {
    let stage = Stage::dry();
    stage.write("t.yml", "- set_fact: {inner: 1}\n");
    let played = play(
        &stage,
        "  tasks:\n    - command: 'true'\n      register: r\n    - include_tasks: t.yml\n      when: r.rc == 0\n\
         \x20   - debug: {msg: '{{ inner }}'}\n",
    );
    let story = played.story();
    assert!(story[1].starts_with("include_tasks known_after_apply <- result of task 'command'"), "{story:?}");
    assert!(story[2].starts_with("debug known_after_apply <- task 'include_tasks'"), "{story:?}");
}

#[test]
fn what_an_include_can_not_open_fails_where_it_stands_and_may_be_rescued() {
    let stage = Stage::new();
    stage.write("bad.yml", "- nosuchmodule: {}\n");
    let played = play(
        &stage,
        "  tasks:\n    - block:\n        - include_tasks: nosuch.yml\n      rescue:\n        - debug: {msg: rescued}\n\
         \x20   - include_tasks: bad.yml\n",
    );
    let story = played.story();
    assert!(story[0].contains("there is no file of tasks 'nosuch.yml'"), "{story:?}");
    assert_eq!(story[1], "debug ok: rescued");
    assert!(story[2].contains("there is no module 'nosuchmodule'") && story[2].contains("bad.yml:1:3"));
    assert_eq!(played.counts().failed, 1);
}

#[test]
fn files_that_include_each_other_come_to_an_end() {
    let stage = Stage::new();
    stage.write("a.yml", "- include_tasks: b.yml\n");
    stage.write("b.yml", "- include_tasks: a.yml\n");
    let played = play(&stage, "  tasks: [{include_tasks: a.yml}]\n");
    assert_eq!(played.counts().failed, 1);
    assert!(played.story().last().unwrap().contains("without end"));
}

#[test]
fn settled_tasks_of_includes_and_roles_cost_no_more_exchanges_than_if_they_stood_in_the_play() {
    let stage = Stage::new();
    let tasks = |name: &str| {
        let dir = stage.dir.path().display().to_string();
        (0..10)
            .map(|n| format!("- copy: {{dest: '{dir}/{name}{n}', content: '{{{{ text }}}}'}}\n"))
            .collect::<String>()
    };
    stage.write("inc.yml", &tasks("inc"));
    stage.write("vars/more.yml", "text: more\n");
    for role in ["a", "b", "c"] {
        stage.write(
            &format!("roles/{role}/tasks/main.yml"),
            &format!("{}- include_tasks: deep.yml\n", tasks(role)),
        );
        stage.write(&format!("roles/{role}/tasks/deep.yml"), &tasks(&format!("{role}deep")));
    }
    let keywords = "  pre_tasks: [{include_vars: more.yml}]\n  roles: [a, b]\n  tasks:\n    - include_tasks: inc.yml\n\
                    \x20   - include_role: {name: c}\n      when: text == 'more'\n";
    let first = play(&stage, keywords);
    assert_eq!(first.counts().failed, 0, "{:?}", first.story());
    let second = play(&stage, keywords);
    assert_eq!(second.counts().changed, 0);
    assert!(second.counts().exchanges <= 3, "{} exchanges", second.counts().exchanges);
}

#[test]
fn what_a_role_is_given_is_checked_before_its_tasks() {
    let stage = Stage::new();
    stage.write("roles/r/tasks/main.yml", "- debug: {msg: '{{ prt }}'}\n");
    stage.write(
        "roles/r/meta/argument_specs.yml",
        "argument_specs:\n  main:\n    short_description: what r takes\n    options:\n\
         \x20     prt: {type: int, required: true, description: ['the {{ prt }}']}\n      kind: {choices: [a, b]}\n      outer.in-ner: {type: bool}\n",
    );
    let good = play(&stage, "  roles: [{role: r, prt: 80}]\n");
    assert_eq!(good.counts().ok, 2, "{:?}", good.story());
    let bad = play(&stage, "  roles: [{role: r, kind: c}]\n");
    assert_eq!(bad.ends()[0].task, "r : Validating arguments against arg spec 'main' - what r takes");
    let said = bad.ends()[0].message.clone().unwrap();
    assert!(said.contains("missing required arguments: prt"), "{said}");
    assert!(said.contains("value of kind must be one of: a, b, got: c"), "{said}");
    let unchecked =
        play(&stage, "  tasks: [{include_role: {name: r, rolespec_validate: false}, vars: {prt: x}}]\n");
    assert_eq!(unchecked.counts().failed, 0);
}

#[test]
fn a_role_that_is_there_twice_has_one_handler_of_a_name_the_last_one() {
    let stage = Stage::new();
    stage.write("roles/r/tasks/main.yml", "- command: echo {{ w }}\n  notify: h\n");
    stage.write("roles/r/handlers/main.yml", "- name: h\n  debug: {msg: 'of {{ w }}'}\n");
    for how in ["include_role", "import_role"] {
        let played = stage.tasks(&format!(
            "- {how}: {{name: r}}\n  vars: {{w: one}}\n- {how}: {{name: r}}\n  vars: {{w: two}}\n"
        ));
        let told: Vec<_> =
            played.ends().into_iter().filter(|end| end.handler).map(|end| end.message.clone()).collect();
        assert_eq!(told, [Some("of two".to_owned())], "{how}");
    }
}

#[test]
fn a_handler_that_is_not_there_fails_the_task_that_notifies_it() {
    let stage = Stage::new();
    stage.write("more.yml", "- name: h\n  debug: {msg: x}\n");
    let played = stage.tasks(
        "- include_tasks: more.yml\n- name: t\n  command: echo\n  notify: nothere\n- debug: {msg: never}\n",
    );
    let end = played.end("t");
    assert!(
        end.message.as_deref().unwrap().contains("no handler is called 'nothere'"),
        "{:?}",
        played.story()
    );
    assert_eq!((played.counts().failed, played.ends().len()), (1, 3));
}

#[test]
fn a_looped_include_that_cant_be_opened_says_why() {
    let played = Stage::new().tasks("- name: i\n  include_tasks: '{{ item }}'\n  loop: [nosuch.yml]\n");
    assert!(played.end("i").message.as_deref().unwrap().contains("nosuch.yml"), "{:?}", played.story());
}

#[test]
fn an_include_waits_for_what_another_host_finds_out_just_before_it() {
    let stage = Stage {
        hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(),
        ..Stage::new()
    };
    stage.write("more.yml", "- name: inside\n  debug: {msg: x}\n");
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - shell: sleep 0.4; echo yes\n      register: r\n      when: inventory_hostname == 'two'\n\
         \x20   - include_tasks: more.yml\n      when: hostvars['two'].r.stdout | default('no') == 'yes'\n\
         \x20   - name: judged\n      command: echo\n      changed_when: hostvars['two'].r.rc == 0\n",
    );
    let inside = played.ends().into_iter().filter(|end| end.task == "inside").count();
    assert_eq!(inside, 2, "{:#?}", played.story());
}

#[test]
fn a_result_is_judged_by_what_another_host_found_out() {
    let stage = Stage {
        hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(),
        ..Stage::new()
    };
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - shell: sleep 0.4; echo yes\n      register: r\n      when: inventory_hostname == 'two'\n\
         \x20   - name: judged\n      command: echo\n      failed_when: \"hostvars['two'].r.stdout | default('no') == 'yes'\"\n\
         \x20     changed_when: \"hostvars['two'].r.rc | default(1) == 0\"\n      ignore_errors: true\n",
    );
    let failed = played.ends().into_iter().filter(|end| end.task == "judged" && end.ignored).count();
    assert_eq!(failed, 2, "{:#?}", played.story());
}

#[test]
fn what_includes_with_plain_names_open_is_foreseen() {
    let stage = Stage::new();
    stage.write("a.yml", "- name: in a\n  debug: {msg: x}\n- include_tasks: b.yml\n");
    stage.write("b.yml", "- name: in b\n  debug: {msg: x}\n- include_tasks: a.yml\n  when: false\n");
    let text = "- hosts: all\n  tasks:\n    - include_tasks: a.yml\n";
    let prepared = stage.prepare(text).unwrap();
    let (play, _) = &prepared.order.plays[0];
    let (tasks, is_whole) = wgops::plan::foresee(play, &prepared.order.templates);
    let seen = |name: &str| tasks.iter().find(|seen| seen.task.title == name).map(|seen| seen.depth);
    assert_eq!((seen("in a"), seen("in b"), is_whole), (Some(1), Some(2), false));
}

//! Hosts and groups that tasks add for the rest of a run, and who may say what.

use crate::stage::{Played, Stage};

fn two() -> Stage {
    Stage {
        hosts: "one ansible_connection=local x=1\ntwo ansible_connection=local x=2\n".into(),
        ..Stage::new()
    }
}

fn said(played: &Played, task: &str) -> Vec<String> {
    let of = played.ends().into_iter().filter(|end| end.task == task);
    let mut said: Vec<_> =
        of.map(|end| format!("{}: {}", end.host, end.message.clone().unwrap_or_default())).collect();
    said.sort();
    said
}

#[test]
fn hosts_are_grouped_by_what_is_known_of_them_and_later_plays_are_for_those_groups() {
    let stage = two();
    stage.write("group_vars/x_2.yml", "of_group: yes it is\n");
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - group_by: {key: 'x {{ x }}', parents: [by x]}\n\
         \x20   - name: seen\n      debug: {msg: \"{{ groups['x-1'] }} {{ groups['by-x'] | sort }} {{ group_names }}\"}\n\
         \x20   - group_by: {key: x_2}\n      when: x == 2\n\
         - hosts: x-1\n  gather_facts: no\n  tasks: [{name: first, debug: {msg: '{{ x }}'}}]\n\
         - hosts: by-x:!x-1\n  gather_facts: no\n  tasks: [{name: second, debug: {msg: '{{ x }} {{ of_group }}'}}]\n\
         - hosts: nobody\n  tasks: [{name: never, debug: {msg: x}}]\n",
    );
    assert_eq!(
        said(&played, "seen"),
        ["one: ['one'] ['one', 'two'] ['by-x', 'x-1']", "two: ['one'] ['one', 'two'] ['by-x', 'x-2']"],
        "{:#?}",
        played.story()
    );
    assert_eq!(said(&played, "first"), ["one: 1"]);
    assert_eq!(said(&played, "second"), ["two: 2 yes it is"]);
    assert!(said(&played, "never").is_empty());
}

#[test]
fn a_host_is_added_once_and_is_there_at_once_and_in_later_plays() {
    let stage = two();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n\
         \x20   - name: add\n      add_host: {name: '{{ item }}', groups: [new, web], ansible_connection: local, y: '{{ item }}!'}\n      loop: [three, four]\n      register: added\n\
         \x20   - name: seen\n      debug: {msg: \"{{ groups.new }} {{ hostvars.three.y }} {{ added.results[1].add_host.host_name }}\"}\n\
         \x20   - add_host: {name: two, groups: web, z: '{{ x }}'}\n\
         - hosts: web\n  gather_facts: no\n  order: sorted\n  tasks:\n\
         \x20   - name: there\n      debug: {msg: \"{{ y | default(z) }} {{ group_names }}\"}\n\
         \x20   - command: pwd\n",
    );
    assert_eq!(
        said(&played, "seen"),
        ["one: ['three', 'four'] three! four", "two: ['three', 'four'] three! four"],
        "{:#?}",
        played.story()
    );
    assert_eq!(said(&played, "add").len(), 1);
    assert_eq!(
        said(&played, "there"),
        ["four: four! ['new', 'web']", "three: three! ['new', 'web']", "two: 1 ['web']"]
    );
    assert_eq!(played.counts_of("four").changed, 1);
}

#[test]
fn no_host_is_named_or_reached_by_what_another_one_said() {
    for (task, refused) in [
        ("add_host: {name: '{{ r.stdout }}'}", true),
        ("add_host: {name: two, ansible_host: '{{ r.stdout }}'}", true),
        ("add_host: {name: '{{ item }}'}\n      loop: '{{ r.stdout_lines }}'", true),
        ("add_host: {name: two, groups: '{{ r.stdout }}', y: '{{ r.stdout }}'}", false),
        ("add_host: {name: '{{ wanted }}', ansible_host: 127.0.0.1}", false),
    ] {
        let played = two().play(&format!(
            "- hosts: one\n  gather_facts: no\n  vars: {{wanted: three}}\n  tasks:\n    - command: echo evil\n      register: r\n    - name: add\n      {task}\n"
        ));
        let said =
            played.end("add").message.clone().or_else(|| played.end("add").items.first()?.message.clone());
        let is_refused = said.is_some_and(|said| said.contains("can't be added"));
        assert_eq!(is_refused, refused, "{task}: {:?}", played.story());
    }
}

#[test]
fn a_play_that_adds_nothing_knows_its_groups_beforehand() {
    let refused = two().try_play("- hosts: nobody\n  tasks: []\n").err().unwrap().to_string();
    assert!(refused.contains("no group or host is called 'nobody'"), "{refused}");
}

#[test]
fn a_play_for_a_group_that_there_is_not_is_passed_over_where_another_play_has_hosts() {
    let said = "  gather_facts: no\n  tasks:\n    - name: said\n      command: 'true'\n";
    let played = two().play(&format!("- hosts: nobody\n{said}- hosts: one\n{said}"));
    assert_eq!(played.counts_of("one").changed, 1);
    assert_eq!(played.outcome.recap.len(), 1);
}

#[test]
fn hosts_may_be_named_by_templates_over_the_plays_own_variables_and_the_groups() {
    let said = "  gather_facts: no\n  tasks:\n    - name: said\n      command: 'true'\n";
    let names = |hosts: &str, extra: &str| {
        let extra = serde_json::from_str(extra).unwrap();
        let played =
            Stage { extra, ..two() }.play(&format!("- hosts: {hosts}\n  vars: {{own: [two]}}\n{said}"));
        played.outcome.recap.keys().map(|host| host.as_str().to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("\"{{ target | default('two') }}\"", "{}"), "two");
    assert_eq!(names("\"{{ target | default('two') }}\"", r#"{"target": "one"}"#), "one");
    assert_eq!(names("\"all:!{{ target | default('two') }}\"", "{}"), "one");
    assert_eq!(names("\"{{ own }}\"", "{}"), "two");
    assert_eq!(names("['{{ own }}', one]", "{}"), "one two");
    assert_eq!(names("\"{{ groups.all | first }}\"", "{}"), "one");
    let undefined =
        two().try_play(&format!("- hosts: '{{{{ target }}}}'\n{said}")).err().unwrap().to_string();
    assert!(undefined.contains("'target' is undefined") && undefined.contains("--extra-vars"), "{undefined}");
}

#[test]
fn nobody_is_asked_where_nobody_is_at_a_terminal_and_once_where_somebody_is() {
    let played = two().play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n    - pause: {prompt: Sure?}\n      register: r\n\
         \x20   - name: told\n      debug: {msg: '<{{ r.user_input }}>'}\n",
    );
    assert_eq!(said(&played, "told"), ["one: <>", "two: <>"]);
    assert_eq!(said(&played, "pause").len(), 1);
}

//! Loops: what they are over, what tasks see of them, and where they end.

use crate::stage::Stage;

/// What a debug task says for each item of a loop.
fn said(keywords: &str, msg: &str) -> Vec<String> {
    let stage = Stage::new();
    stage.write("one.txt", "first\n");
    stage.write("files/two.txt", "second\n");
    let played = stage.tasks(&format!("- name: t\n  debug: {{msg: \"{msg}\"}}\n{keywords}"));
    let end = played.end("t");
    let items: Vec<String> = end.items.iter().map(|item| item.message.clone().unwrap_or_default()).collect();
    if items.is_empty() { vec![end.message.clone().unwrap_or_default()] } else { items }
}

#[test]
fn every_lookup_makes_a_loop() {
    let cases = [
        ("  with_items: [1, [2, 3], [[4]]]\n", "{{ item | string }}", "1 2 3 [4]"),
        ("  with_list: [1, [2, 3]]\n", "{{ item | string }}", "1 [2, 3]"),
        ("  with_dict: {a: 1, b: 2}\n", "{{ item.key }}{{ item.value }}", "a1 b2"),
        ("  with_together: [[1, 2], [a, b]]\n", "{{ item.0 }}{{ item.1 }}", "1a 2b"),
        ("  with_nested: [[1, 2], [a, b]]\n", "{{ item[0] }}{{ item[1] }}", "1a 1b 2a 2b"),
        ("  with_cartesian: [[1], [a, b]]\n", "{{ item[0] }}{{ item[1] }}", "1a 1b"),
        ("  with_community.general.flattened: [1, [2, [3]]]\n", "{{ item }}", "1 2 3"),
        ("  with_indexed_items: [a, b]\n", "{{ item.0 }}{{ item.1 }}", "0a 1b"),
        ("  with_sequence: start=1 end=3 format=n%02d\n", "{{ item }}", "n01 n02 n03"),
        ("  with_ansible.builtin.sequence: count=2\n", "{{ item }}", "1 2"),
        ("  with_file: [one.txt, two.txt]\n", "{{ item }}", "first second"),
        ("  with_first_found: [no.txt, one.txt]\n", "{{ item | basename }}", "one.txt"),
        (
            "  with_first_found:\n    - files: [no.txt, two.txt]\n      paths: [files]\n",
            "{{ item | basename }}",
            "two.txt",
        ),
        ("  with_items: '{{ list }}'\n  vars: {list: [x, y]}\n", "{{ item }}", "x y"),
        ("  with_dict: '{{ map }}'\n  vars: {map: {k: v}}\n", "{{ item.key }}={{ item.value }}", "k=v"),
    ];
    for (keywords, msg, expected) in cases {
        assert_eq!(said(keywords, msg).join(" "), expected, "{keywords}");
    }
}

#[test]
fn an_undefined_list_under_a_false_condition_is_skipped() {
    let played = Stage::new().tasks(
        "- name: t\n  debug: {msg: x}\n  with_items: '{{ nothing.at.all }}'\n  when: false\n\
         - name: d\n  debug: {msg: x}\n  with_dict: '{{ nothing }}'\n  when: nothing is defined\n",
    );
    assert!(played.story().iter().all(|line| line.contains("skipped")), "{:?}", played.story());
}

#[test]
fn tasks_see_their_place_in_an_extended_loop() {
    let control = "  loop: [a, b, c]\n  loop_control: {extended: true, loop_var: it, index_var: n}\n";
    let msg = "{{ ansible_loop.index }}{{ ansible_loop.revindex0 }}{{ ansible_loop.first }}{{ ansible_loop.last }}\
               {{ ansible_loop.previtem | default('-') }}{{ ansible_loop.nextitem | default('-') }}{{ ansible_loop.length }}\
               {{ ansible_loop.allitems | join }}{{ ansible_loop_var }}{{ it }}{{ n }}{{ ansible_index_var }}";
    let expected = ["12TrueFalse-b3abcita0n", "21FalseFalseac3abcitb1n", "30FalseTrueb-3abcitc2n"];
    assert_eq!(said(control, msg), expected);
}

#[test]
fn a_loops_result_names_its_variables() {
    let played = Stage::new().tasks(
        "- command: echo {{ it }}\n  loop: [a]\n  loop_control: {loop_var: it, index_var: n}\n  register: r\n\
         - name: t\n  debug: {msg: '{{ r.results[0].it }} {{ r.results[0].n }} {{ r.results[0].ansible_loop_var }} {{ r.results[0].stdout }}'}\n\
         - debug: {msg: x}\n  loop: []\n  register: empty\n\
         - name: n\n  debug: {msg: '{{ empty.skipped }} {{ empty.results }}'}\n",
    );
    assert_eq!(played.end("t").message.as_deref(), Some("a 0 it a"));
    assert_eq!(played.end("n").message.as_deref(), Some("True []"));
}

#[test]
fn a_loop_ends_where_break_when_says_and_rests_between_items() {
    let stage = Stage::new();
    let begun = std::time::Instant::now();
    let played = stage.tasks(
        "- name: t\n  shell: echo {{ item }} >> DIR/out; echo {{ item }}\n  loop: [1, 2, 3, 4]\n  register: r\n\
         \x20 loop_control: {break_when: [\"r.stdout == '2'\"], pause: 0.3}\n",
    );
    assert_eq!(stage.read("out").as_deref(), Some("1\n2\n"));
    assert_eq!(played.end("t").items.len(), 2);
    assert!(begun.elapsed() >= std::time::Duration::from_millis(300));
}

#[test]
fn nothing_behind_a_rest_is_done_before_it() {
    let stage = Stage::new();
    let now = |name: &str| format!("- shell: date +%s%N > DIR/{name}\n");
    let tasks = [
        now("a"),
        "- pause: {seconds: 1}\n".into(),
        now("b"),
        "- debug: {msg: x}\n  loop: [1, 2]\n  loop_control: {pause: 0.5}\n".into(),
        now("c"),
        "- wait_for: {timeout: 1}\n".into(),
        now("d"),
    ];
    assert_eq!(stage.tasks(&tasks.concat()).counts().failed, 0);
    let [a, b, c, d] =
        ["a", "b", "c", "d"].map(|name| stage.read(name).unwrap().trim().parse::<u64>().unwrap());
    let rests = [b - a, c - b, d - c];
    assert!(rests[0] >= 1_000_000_000 && rests[1] >= 500_000_000 && rests[2] >= 1_000_000_000, "{rests:?}");
}

#[test]
fn what_can_not_be_judged_says_why_and_attempts_are_counted_in_conditions() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- debug: {msg: x}\n  failed_when: boom\n  ignore_errors: true\n  register: one\n\
         - debug: {msg: x}\n  changed_when: boom\n  ignore_errors: true\n  register: two\n\
         - command: 'true'\n  register: three\n  until: three.attempts == 2\n  delay: 0\n\
         \x20 changed_when: three.attempts == 2\n  failed_when: three.attempts > 2\n\
         - assert:\n    that:\n    - one is failed and \"'boom' is undefined\" in one.failed_when_result\n\
         \x20   - two is failed and \"'boom' is undefined\" in two.changed_when_result\n    - three is changed\n",
    );
    assert_eq!(played.counts().failed, 0, "{:?}", played.story());
}

#[test]
fn a_loop_that_never_began_is_no_loop_in_its_result() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- include_tasks: nothing.yml\n  loop: '{{ nosuch }}'\n  when: false\n  register: included\n\
         - debug: {msg: x}\n  loop: '{{ nosuch }}'\n  when: nosuch is defined\n  register: shown\n\
         - debug: {msg: x}\n  loop: '{{ nosuch }}'\n  ignore_errors: true\n  register: failed\n\
         - debug: {msg: x}\n  loop: []\n  register: empty\n\
         - assert:\n    that:\n    - included.results is undefined and included is skipped and included.skip_reason is defined\n\
         \x20   - shown.results is undefined and shown.false_condition == 'nosuch is defined'\n\
         \x20   - failed.results is undefined and 'nosuch' in failed.msg\n    - empty.results == [] and empty is skipped\n",
    );
    assert_eq!(played.counts().failed, 0, "{:?}", played.story());
}

#[test]
fn actions_and_arguments_come_in_every_form() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  module_defaults:\n    copy: {mode: '0600', content: default}\n  vars:\n    given: {content: of a template, dest: DIR/c}\n  tasks:\n\
         \x20   - action: copy dest=DIR/a content=words\n\
         \x20   - action: {module: copy, dest: DIR/b, content: mapping}\n\
         \x20   - copy:\n      args: '{{ given }}'\n\
         \x20   - copy: '{{ given | combine({\"dest\": \"DIR/d\"}) }}'\n\
         \x20   - copy: {dest: DIR/e}\n\
         \x20   - block:\n        - copy: {dest: DIR/f}\n      module_defaults:\n        ansible.builtin.copy: {content: inner}\n",
    );
    assert_eq!(played.counts().failed, 0, "{:?}", played.story());
    let read = |name| stage.read(name).unwrap();
    assert_eq!(
        ["a", "b", "c", "d", "e", "f"].map(read),
        ["words", "mapping", "of a template", "of a template", "default", "inner"]
    );
    use std::os::unix::fs::PermissionsExt;
    let mode = |name| std::fs::metadata(stage.dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    // The block's defaults of the module take the place of the play's.
    assert_eq!(["e", "f"].map(mode), [0o600, 0o644]);
}

//! What is asked and changed together, and in which order.

use crate::stage::{Stage, tree};

/// Fifty settled tasks of several kinds.
fn fifty_settled(stage: &Stage) -> String {
    let mut tasks = String::new();
    for n in 0..20 {
        stage.write(&format!("f{n}"), &format!("content {n}\n"));
        tasks.push_str(&format!(
            "- name: copy {n}\n  copy: {{dest: DIR/f{n}, content: \"content {n}\\n\"}}\n"
        ));
    }
    for n in 0..20 {
        tasks.push_str(&format!("- name: line {n}\n  lineinfile: {{path: DIR/f{n}, line: content {n}}}\n"));
    }
    for n in 0..10 {
        tasks.push_str(&format!("- name: stat {n}\n  stat: {{path: DIR/f{n}}}\n  register: s{n}\n"));
    }
    tasks
}

#[test]
fn files_of_the_controller_are_read_after_what_writes_them_on_this_machine() {
    let stage = Stage::new();
    stage.write("gen.txt", "old");
    stage.write("t.j2", "old");
    let played = stage.tasks(
        "- copy: {dest: DIR/gen.txt, content: new}\n- copy: {dest: DIR/a, content: \"{{ lookup('file', 'DIR/gen.txt') }}\"}\n\
         - command: sh -c 'echo next > DIR/gen.txt; echo next > DIR/t.j2'\n- copy: {dest: DIR/b, src: DIR/gen.txt}\n\
         - template: {dest: DIR/c, src: DIR/t.j2}\n- command: mkdir DIR/d\n- command: touch DIR/d/one DIR/d/two\n\
         - copy: {dest: 'DIR/got-{{ item | basename }}', content: x}\n  with_fileglob: DIR/d/*\n\
         - command: sh -c 'echo v{{ \":\" }} 1 > DIR/v.yml'\n- include_vars: DIR/v.yml\n- copy: {dest: DIR/v1, content: '{{ v }}'}\n\
         - command: sh -c 'echo v{{ \":\" }} 22 > DIR/v.yml'\n- include_vars: DIR/v.yml\n- copy: {dest: DIR/v2, content: '{{ v }}'}\n\
         - copy: {dest: DIR/e, content: \"{{ lookup('file', 'DIR/' ~ item) | default('-', true) }} {{ item }}\"}\n  loop: [gen.txt, e]\n",
    );
    assert_eq!(played.counts().failed, 0, "{:?}", played.story());
    let read = |name: &str| stage.read(name).unwrap();
    assert_eq!(["a", "b", "c"].map(read), ["new", "next\n", "next\n"]);
    assert_eq!(["got-one", "got-two"].map(read), ["x", "x"]);
    assert_eq!(["v1", "v2"].map(read), ["1", "22"]);
    assert_eq!(read("e"), "next gen.txt e");
}

#[test]
fn fifty_settled_tasks_take_at_most_five_exchanges_and_a_dry_run_no_more() {
    let stage = Stage::new();
    let played = stage.tasks(&fifty_settled(&stage));
    let real = played.counts();
    assert_eq!((real.ok, real.changed, real.failed), (50, 0, 0), "{:#?}", played.story());
    assert!(real.exchanges <= 5, "{} exchanges", real.exchanges);
    let dry = Stage::dry();
    let counts = dry.tasks(&fifty_settled(&dry)).counts();
    assert_eq!((counts.ok, counts.changed), (50, 0));
    assert!(counts.exchanges <= real.exchanges, "{} > {}", counts.exchanges, real.exchanges);
}

#[test]
fn ten_commands_whose_results_nobody_uses_travel_in_one_exchange() {
    let stage = Stage::new();
    let commands: String = (0..10).map(|n| format!("- shell: echo {n} >> DIR/log\n")).collect();
    let counts = stage.tasks(&commands).counts();
    assert_eq!((counts.ok, counts.changed, counts.exchanges), (10, 10, 1));
    assert_eq!(stage.read("log").unwrap(), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

#[test]
fn a_used_result_adds_one_exchange() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- command: echo yes\n  register: said\n- command: touch DIR/x\n  when: said.stdout == 'yes'\n\
         - command: touch DIR/y\n",
    );
    assert_eq!(played.counts().exchanges, 2, "{:#?}", played.story());
    assert!(stage.read("x").is_some() && stage.read("y").is_some());
}

#[test]
fn what_is_settled_is_looked_at_again_before_a_command_may_undo_it() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- copy: {dest: DIR/a, content: ''}\n- shell: echo more >> DIR/a\n\
         - copy: {dest: '{{ item }}', content: ''}\n  loop: [DIR/b, DIR/c]\n\
         - shell: echo more >> {{ item }}\n  loop: [DIR/b, DIR/c]\n",
    );
    let counts = played.counts();
    assert_eq!((counts.ok, counts.changed, counts.failed), (4, 4, 0), "{:#?}", played.story());
    assert_eq!(["a", "b", "c"].map(|name| stage.read(name).unwrap()), ["more\n"; 3]);
}

#[test]
fn the_first_failure_stops_what_travels_with_it() {
    let stage = Stage::new();
    let played = stage.tasks("- command: touch DIR/a\n- command: 'false'\n- command: touch DIR/b\n");
    let counts = played.counts();
    assert_eq!((counts.ok, counts.changed, counts.failed), (1, 1, 1), "{:#?}", played.story());
    assert!(stage.read("a").is_some());
    assert!(stage.read("b").is_none());
}

#[test]
fn a_failure_that_is_ignored_or_judged_well_lets_the_host_go_on() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- name: ignored\n  command: 'false'\n  ignore_errors: yes\n\
         - name: judged\n  command: 'false'\n  register: r\n  failed_when: r.rc > 1\n  changed_when: no\n\
         - name: last\n  command: touch DIR/x\n",
    );
    assert_eq!(
        played.story(),
        ["ignored failed (ignored): non-zero return code", "judged ok", "last changed"]
    );
    let counts = played.counts();
    assert_eq!((counts.ok, counts.ignored, counts.failed, counts.changed), (3, 1, 0, 1));
}

#[test]
fn handlers_run_once_in_the_order_of_their_definition_and_after_their_section() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  pre_tasks:\n    - {command: echo, notify: [second]}\n\
         \x20 tasks:\n    - {command: echo, notify: [second, first]}\n    - {command: echo, notify: topic}\n    - {name: last, command: echo}\n\
         \x20 handlers:\n    - {name: first, shell: echo first >> DIR/log}\n    - {name: second, shell: echo second >> DIR/log, listen: topic}\n",
    );
    assert_eq!(stage.read("log").unwrap(), "second\nfirst\nsecond\n", "{:#?}", played.story());
}

#[test]
fn a_settled_task_notifies_nobody() {
    let stage = Stage::new();
    stage.write("x", "a");
    stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n    - {copy: {dest: DIR/x, content: a}, notify: h}\n\
         \x20 handlers:\n    - {name: h, command: touch DIR/ran}\n",
    );
    assert!(stage.read("ran").is_none());
}

#[test]
fn a_playbook_ends_the_same_when_every_change_drops_every_answer() {
    let tasks = "- file: {path: DIR/d, state: directory}\n\
                 - copy: {dest: DIR/d/a, content: \"one\\ntwo\\n\"}\n\
                 - lineinfile: {path: DIR/d/a, regexp: '^two', line: three}\n\
                 - command: cp DIR/d/a DIR/d/b\n\
                 - lineinfile: {path: DIR/d/b, line: four}\n\
                 - stat: {path: DIR/d/b}\n  register: b\n\
                 - copy: {dest: DIR/d/c, content: '{{ b.stat.size }}'}\n\
                 - file: {path: 'DIR/d/{{ item }}', mode: '0600'}\n  loop: [a, b, c]\n\
                 - file: {path: DIR/d/b, state: absent}\n";
    let run = |forgetful| {
        let stage = Stage { forgetful, ..Stage::new() };
        let played = stage.tasks(tasks);
        let story: Vec<String> = played.story();
        let mut files = tree(stage.dir.path());
        files.remove("play.yml");
        (story, files)
    };
    let (kept, dropped) = (run(false), run(true));
    assert_eq!(kept, dropped);
    assert_eq!(kept.1["d/a"], "one\nthree\n");
    assert_eq!(kept.1["d/c"], "15");
}

#[test]
fn values_from_hosts_are_never_rendered_again() {
    let stage = Stage::new();
    stage.write("evil", "{{ 7 * 6 }}");
    stage.tasks(
        "- command: cat DIR/evil\n  register: r\n- set_fact: {x: '{{ r.stdout }}'}\n\
         - copy: {dest: DIR/out, content: '{{ x }} and {{ r.stdout }}'}\n",
    );
    assert_eq!(stage.read("out").as_deref(), Some("{{ 7 * 6 }} and {{ 7 * 6 }}"));
}

#[test]
fn facts_do_not_steer_the_connection() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- set_fact: {ansible_become: yes, ansible_become_user: nobody, ansible_host: 203.0.113.1}\n\
         - command: id -u\n  register: who\n- copy: {dest: DIR/who, content: '{{ who.stdout }}'}\n",
    );
    assert_eq!(played.counts().failed, 0, "{:#?}", played.story());
    let me = String::from_utf8(std::process::Command::new("id").arg("-u").output().unwrap().stdout).unwrap();
    assert_eq!(stage.read("who").unwrap(), me.trim());
}

#[test]
fn a_host_that_changes_between_look_and_change_is_computed_once_more() {
    let stage = Stage::new();
    stage.write("x", "old");
    // The first task alters what the second has already looked at, behind the engine's back: its own claim is that it
    // touches another file only.
    let played = stage.tasks(
        "- name: other\n  copy: {dest: DIR/y, content: 'a', validate: 'sh -c \"echo meddled > DIR/x; test -f %s\"'}\n\
         - name: mine\n  copy: {dest: DIR/x, content: new}\n",
    );
    assert_eq!(stage.read("x").as_deref(), Some("new"), "{:#?}", played.story());
    assert_eq!(played.counts().failed, 0);
}

#[test]
fn hosts_in_serial_batches_stop_after_the_first_failed_batch() {
    let mut stage = Stage::new();
    stage.hosts = (1..=4).map(|n| format!("h{n} ansible_connection=local\n")).collect();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  serial: [1, 100%]\n  max_fail_percentage: 0\n  tasks:\n\
         \x20   - command: test {{ inventory_hostname }} != h1\n    - command: touch DIR/{{ inventory_hostname }}\n",
    );
    assert_eq!(played.counts_of("h1").failed, 1);
    let names: Vec<String> = played.outcome.not_begun.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["h2", "h3", "h4"]);
    assert!(stage.read("h2").is_none());
    assert!(played.outcome.stopped.is_some());
}

#[test]
fn any_errors_fatal_stops_all_hosts_before_their_next_task() {
    let mut stage = Stage::new();
    stage.hosts = (1..=3).map(|n| format!("h{n} ansible_connection=local\n")).collect();
    stage.play(
        "- hosts: all\n  gather_facts: no\n  any_errors_fatal: yes\n  tasks:\n\
         \x20   - command: test {{ inventory_hostname }} != h2\n    - command: touch DIR/{{ inventory_hostname }}\n",
    );
    assert!(["h1", "h2", "h3"].iter().all(|h| stage.read(h).is_none()));
}

#[test]
fn a_task_that_an_earlier_change_puts_out_of_order_is_not_overtaken_by_a_later_one() {
    let stage = Stage::new();
    stage.write("f", "hello\nbye\n");
    // The line is there when the host is first looked at, and no longer once the file is replaced.
    let tasks = "- copy: {dest: DIR/f, content: \"hello\\n\"}\n- lineinfile: {path: DIR/f, line: bye}\n\
                 - command: cp DIR/f DIR/seen\n";
    let counts = stage.tasks(tasks).counts();
    assert_eq!((counts.changed, counts.failed), (3, 0));
    assert_eq!(stage.read("seen").as_deref(), Some("hello\nbye\n"));
}

#[test]
fn a_task_in_order_does_not_see_what_a_later_task_changes() {
    let stage = Stage::new();
    stage.write("f", "hello\n");
    let tasks = "- copy: {dest: DIR/other, content: x}\n- copy: {dest: DIR/f, content: \"hello\\n\"}\n\
                 - lineinfile: {path: DIR/f, line: bye}\n";
    let played = stage.tasks(tasks);
    let counts = played.counts();
    assert_eq!((counts.changed, counts.failed), (2, 0), "{:#?}", played.story());
    assert_eq!(stage.read("f").as_deref(), Some("hello\nbye\n"));
}

#[test]
fn two_names_for_one_real_host_take_turns() {
    let mut stage = Stage::new();
    stage.hosts = (1..=4).map(|n| format!("h{n} ansible_connection=local\n")).collect();
    stage.write("n", "0");
    // Each adds one, slowly: side by side they would overwrite each other's sum.
    stage.tasks("- shell: n=$(cat DIR/n); sleep 0.1; echo $((n + 1)) > DIR/n\n");
    assert_eq!(stage.read("n").as_deref(), Some("4\n"));
}

#[test]
fn files_and_templates_are_checked_before_any_host_is_touched() {
    let stage = Stage::new();
    stage.write("templates/bad.j2", "fine\n  {{ oops | nosuchfilter }}\n");
    stage.write("files/here", "x");
    let refused = |tasks: &str| {
        let text = format!(
            "- hosts: all\n  gather_facts: no\n  tasks:\n    - command: touch DIR/ran\n    - {tasks}\n"
        );
        let problems = stage.try_play(&text).err().unwrap_or_else(|| panic!("it ran")).to_string();
        assert!(stage.read("ran").is_none());
        problems
    };
    let bad = refused("template: {src: bad.j2, dest: DIR/x}");
    assert!(bad.contains("templates/bad.j2:2:13") && bad.contains("nosuchfilter"), "{bad}");
    let missing = refused("copy: {src: heer, dest: DIR/x}");
    assert!(missing.contains("there is no such file here") && missing.contains("files/heer"), "{missing}");
    // Where a rescue stands behind it, it fails when a host comes to it.
    for broken in ["template: {src: bad.j2, dest: DIR/x}", "copy: {src: heer, dest: DIR/x}"] {
        let text =
            format!("- block:\n    - {broken}\n  rescue:\n    - copy: {{dest: DIR/saved, content: x}}\n");
        let run = stage.tasks(&text);
        assert_eq!(
            (run.counts().failed, stage.read("saved").as_deref()),
            (0, Some("x")),
            "{:#?}",
            run.story()
        );
        std::fs::remove_file(stage.dir.path().join("saved")).unwrap();
    }
    let lookup = stage.tasks("- copy: {dest: DIR/y, content: \"{{ lookup('file', 'here') }}\"}\n");
    assert_eq!((lookup.counts().failed, stage.read("y").as_deref()), (0, Some("x")), "{:#?}", lookup.story());
}

#[test]
fn the_first_interrupt_lets_the_current_change_end_and_begins_no_other_even_of_those_that_were_sent() {
    let stage = Stage { interrupt_at: Some("log".into()), ..Stage::new() };
    // The first ends only after the interrupt, and gives the engine time to pass it on, on a busy machine, too.
    let waits = "while [ ! -e DIR/log.interrupted ]; do sleep 0.02; done; sleep 3";
    let tasks: String = (0..6)
        .map(|n| format!("- shell: echo {n} >> DIR/log; {}\n", if n == 0 { waits } else { "true" }))
        .collect();
    let played = stage.tasks(&tasks);
    let ran = stage.read("log").unwrap().lines().count();
    assert_eq!(ran, 1, "{ran} of 6 ran");
    assert_eq!(played.counts().changed, ran, "{:#?}", played.story());
    assert!(played.outcome.interrupted);
}

#[test]
fn facts_are_registered_as_ansible_does() {
    let stage = Stage::new();
    let played = stage.tasks(
        "- setup:\n  register: s\n- copy: {dest: DIR/x, content: '{{ s.ansible_facts.ansible_kernel == ansible_kernel }}'}\n\
         - set_fact: {a: 1}\n  register: f\n- copy: {dest: DIR/y, content: '{{ f.ansible_facts.a }}'}\n",
    );
    assert_eq!(
        (stage.read("x").as_deref(), stage.read("y").as_deref()),
        (Some("True"), Some("1")),
        "{:#?}",
        played.story()
    );
}

#[test]
fn no_file_outside_the_playbooks_folder_is_read_whoever_names_it() {
    let stage = Stage::new();
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "canary").unwrap();
    let outside = outside.path().display();
    std::os::unix::fs::symlink(outside.to_string(), stage.dir.path().join("link")).unwrap();
    for (task, says) in [
        (format!("copy: {{dest: DIR/x, src: {outside}}}"), "lies outside"),
        ("copy: {dest: DIR/x, src: link}".to_owned(), "lies outside"),
        (format!("template: {{dest: DIR/x, src: {outside}}}"), "lies outside"),
        (
            format!("copy: {{dest: DIR/x, content: \"{{{{ lookup('file', '{outside}') }}}}\"}}"),
            "lies outside",
        ),
    ] {
        let played = stage.tasks(&format!("- name: it\n  {task}\n"));
        let message = played.end("it").message.clone().unwrap_or_default();
        assert!(played.counts().failed == 1 && message.contains(says), "{task}: {message}");
        assert!(stage.read("x").is_none());
    }
    let text = format!("- hosts: all\n  vars_files: [{outside}]\n  tasks: []\n");
    assert!(stage.prepare(&text).err().unwrap().to_string().contains("lies outside"));
}

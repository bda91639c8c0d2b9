//! What playbooks are read as, and what is said of those that can't be.

use super::*;
use serde_json::json;

fn load(text: &str) -> Result<Playbook, Problems> {
    Playbook::parse(&TextFile::from_bytes(Path::new("p.yml"), text.as_bytes().to_vec()).unwrap())
}

fn play(text: &str) -> Play {
    load(text).unwrap_or_else(|problems| panic!("{problems}")).plays.remove(0)
}

fn task(text: &str) -> Task {
    let indented = text.replace('\n', "\n      ");
    let play = play(&format!("- hosts: all\n  tasks:\n    - {indented}\n"));
    play.tasks[0].tasks()[0].clone()
}

fn refused(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

fn refused_task(text: &str) -> String {
    let indented = text.replace('\n', "\n      ");
    refused(&format!("- hosts: all\n  tasks:\n    - {indented}\n"))
}

#[test]
fn a_play_has_its_keywords_and_its_tasks_in_order() {
    let play = play(
        "- name: web\n  hosts: [web, '!db']\n  become: yes\n  gather_facts: 'no'\n  serial: [1, '25%', '{{ n }}']\n\
         \x20 max_fail_percentage: 30\n  vars: {a: 1}\n  vars_files: [x.yml, [y.yml, z.yml]]\n  tags: a, b\n\
         \x20 environment: {K: v}\n  order: sorted\n  connection: local\n  user: bob\n\
         \x20 pre_tasks: [{ping: }]\n  tasks: [{name: one, ping: }, {name: two, ping: }]\n\
         \x20 post_tasks:\n  handlers: [{name: h, ping: , listen: topic}]\n",
    );
    assert_eq!((play.hosts.as_str(), play.hosts_place.line), ("web,!db", 2));
    assert_eq!(play.keywords.r#become.unwrap().to_value(), json!(true));
    assert_eq!(play.gather_facts.unwrap().to_value(), json!(false));
    assert_eq!(play.keywords.tags, ["a", "b"]);
    assert_eq!((play.serial.len(), play.vars_files.len(), play.order), (3, 2, Order::Sorted));
    assert_eq!(play.keywords.remote_user.unwrap().to_value(), json!("bob"));
    let names: Vec<_> =
        play.tasks.iter().flat_map(TaskItem::tasks).map(|t| t.keywords.name.clone()).collect();
    assert_eq!(names, [Some("one".into()), Some("two".into())]);
    assert_eq!(play.handlers[0].tasks()[0].listen, ["topic"]);
    assert!(play.post_tasks.is_empty());
}

#[test]
fn a_module_is_named_with_or_without_a_collection() {
    for (written, short) in [
        ("ansible.builtin.apt", "apt"),
        ("apt", "apt"),
        ("community.general.ini_file", "ini_file"),
        ("wgops.updates", "updates"),
        ("containers.podman.x", "containers.podman.x"),
    ] {
        let task = task(&format!("{written}: {{name: x}}"));
        assert_eq!((task.module.as_str(), task.module_key.name.as_str()), (short, written));
    }
}

#[test]
fn arguments_come_in_every_form() {
    let value = |task: &Task, name: &str| task.args.get(name).map(Node::to_value);
    let free = |task: &Task| task.args.free.as_ref().map(Node::to_value);
    let mapping = task("file:\n  path: /x\n  mode: 0644");
    assert_eq!((value(&mapping, "mode"), free(&mapping)), (Some(json!("0644")), None));
    let words = task("file: path=/x mode=0644");
    assert_eq!(value(&words, "mode"), Some(json!("0644")));
    let command = task("command: make creates=/x\nargs:\n  chdir: /srv");
    assert_eq!(free(&command), Some(json!("make")));
    assert_eq!(
        (value(&command, "creates"), value(&command, "chdir")),
        (Some(json!("/x")), Some(json!("/srv")))
    );
    assert_eq!(free(&task("command: true")), Some(json!("true")));
    assert_eq!(free(&task("command: yes # for ever")), Some(json!("yes")));
    assert_eq!(free(&task("meta: flush_handlers")), Some(json!("flush_handlers")));
    assert_eq!(task("ping:").args, Args::default());
    let unsafe_text = task("command: !unsafe 'echo {{ x }} creates=/x'");
    assert_eq!(unsafe_text.args.free.unwrap().tag, Some(crate::load::Tag::Unsafe));
}

#[test]
fn a_task_has_its_keywords() {
    let task = task(
        "apt: {name: '{{ it }}'}\nloop: [a, b]\nloop_control: {loop_var: it, label: x, pause: 2}\nregister: r\n\
         when: [a is defined, true]\nchanged_when: false\nfailed_when: r.rc > 1\nuntil: r is success\nretries: '3'\n\
         delay: '{{ d }}'\nnotify: [one, 'two {{ x }}']\nbecome_user: bob\nno_log: '{{ quiet }}'\ntags: [t, 'u,v']\n\
         vars: {x: 1}\nenvironment: '{{ proxy }}'\ndelegate_to: localhost\nrun_once: true\nignore_errors: yes",
    );
    assert_eq!(task.r#loop.unwrap().kind, LoopKind::List);
    assert_eq!(task.loop_control.loop_var, "it");
    assert_eq!(task.keywords.when.len(), 2);
    assert_eq!(task.retries.unwrap().to_value(), json!(3));
    assert_eq!(task.keywords.notify.len(), 2);
    assert_eq!(task.keywords.tags, ["t", "u", "v"]);
    assert_eq!(task.changed_when[0].to_value(), json!(false));
    assert!(task.keywords.no_log.unwrap().is_template());
}

#[test]
fn blocks_nest() {
    let play = play(
        "- hosts: all\n  tasks:\n    - when: x\n      block:\n        - ping:\n        - block: [{ping: }]\n\
         \x20     rescue: [{ping: }]\n      always: [{ping: }]\n",
    );
    let TaskItem::Block(block) = &play.tasks[0] else { panic!("no block") };
    assert_eq!((block.tasks.len(), block.rescue.len(), block.always.len()), (2, 1, 1));
    assert_eq!(play.tasks[0].tasks().len(), 4);
}

#[test]
fn everything_that_is_wrong_with_plays_is_shown_at_once() {
    let text = "- hosts: all\n  gather_fact: no\n  serial: many\n  roles: [x]\n  become: maybe\n\
                - hsots: web\n- import_playbook: x.yml\n";
    insta::assert_snapshot!(refused(text), @r#"
    error: a play has no keyword 'gather_fact'
     --> p.yml:2:3
      |
    2 |   gather_fact: no
      |   ^
    help: did you mean 'gather_facts'?

    error: expected a number of hosts or a percentage
     --> p.yml:3:11
      |
    3 |   serial: many
      |           ^
    help: for example 'serial: 2' or 'serial: [1, "25%"]'

    error: expected true, false or a template in '{{ }}', found text
     --> p.yml:5:11
      |
    5 |   become: maybe
      |           ^

    error: a play has no keyword 'hsots'
     --> p.yml:6:3
      |
    6 | - hsots: web
      |   ^
    help: did you mean 'hosts'?

    error: x.yml: can't be read: no such file
     --> p.yml:7:20
      |
    7 | - import_playbook: x.yml
      |                    ^
    help: name a playbook, relative to this one
    "#);
}

#[test]
fn everything_that_is_wrong_with_tasks_is_shown_at_once() {
    let text = "- hosts: all\n  tasks:\n    - name: a\n      atp: {name: x}\n      whne: y\n\
                \x20     register: my-result\n    - name: b\n      debugger: on_fail\n      ping:\n    - just text\n";
    insta::assert_snapshot!(refused(text), @"
    error: a task has no keyword 'whne'
     --> p.yml:5:7
      |
    5 |       whne: y
      |       ^
    help: did you mean 'when'?

    error: 'my-result' is no variable name
     --> p.yml:6:17
      |
    6 |       register: my-result
      |                 ^
    help: a name has letters, digits and '_', and begins with no digit

    error: 'on_fail' is no time for a debugger
     --> p.yml:8:17
      |
    8 |       debugger: on_fail
      |                 ^
    help: did you mean 'on_failed'?

    error: expected a task (a mapping with one module), found text
     --> p.yml:10:7
       |
    10 |     - just text
       |       ^
    ");
}

#[test]
fn a_keyword_with_nothing_behind_it_is_as_one_that_is_not_there() {
    let plain = task("ping:");
    let words = "become no_log check_mode diff run_once delegate_to become_user ignore_errors throttle loop register until retries delay poll";
    for word in words.split(' ') {
        let read = task(&format!("ping:\n{word}:"));
        assert_eq!(format!("{read:?}"), format!("{plain:?}"), "{word}");
    }
}

#[test]
fn a_task_that_is_no_task_says_why() {
    let first = |text: &str| {
        let all = refused_task(text);
        let help = all.lines().find_map(|line| line.strip_prefix("help: ")).unwrap_or_default();
        format!("{} ({help})", all.lines().next().unwrap_or_default())
    };
    let all = [
        first("name: nothing"),
        first("apt: {name: x}\ncopy: {dest: y}"),
        first("ping:\nwith_dict: {a: 1}\nloop: [1]"),
        first("ping:\nlocal_action: ping"),
        first("ping:\nlisten: x"),
        first("ping:\nrescue: []"),
        first("ping:\nloop: 5"),
        first("ping:\nloop: [1]\nwith_items: [2]"),
        first("ping:\nloop_control: {loopvar: x}"),
        first("shell: echo it's"),
        first("file: [a]"),
        first("file: {path: a}\nargs: x"),
        first("ping:\nvars: {a-b: 1}"),
        first("ping:\nretries: often"),
        first("ping:\nwhen: {a: b}"),
        first("ping:\nwhen:"),
        first("block: []\nloop: [1]"),
        first("block: {ping: }"),
        first("ping:\nenvironment: x"),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    error: a task without a module (add a module, for example 'apt: {name: curl}')
    error: a task has one module, this one has 'apt' and 'copy' (give each module a task of its own; or is it a misspelt keyword?)
    error: a task has one loop ()
    error: a task has one module, this one has 'ping' and 'local_action' (give each module a task of its own; or is it a misspelt keyword?)
    error: only a handler can listen (move the task under 'handlers:')
    error: 'rescue' without 'block' (put the tasks that may fail under 'block:')
    error: expected a list, or a template in '{{ }}', found a number ()
    error: a task has one loop ()
    error: unknown key 'loopvar' (did you mean 'loop_var'?)
    error: a quote or '{{' is not closed (write the arguments as a mapping; for a command: 'cmd: |' and the text below)
    error: expected arguments: a mapping or text, found a list ()
    error: expected a mapping of arguments, or a template in '{{ }}', found text ()
    error: 'a-b' is no variable name (a name has letters, digits and '_', and begins with no digit)
    error: expected a number or a template in '{{ }}', found text ()
    error: expected a condition, found a mapping ()
    error: expected a condition, found nothing ()
    error: a block has no keyword 'loop' (known: name, tags, vars, environment, become, become_user, become_method, ignore_errors, any_errors_fatal, no_log, check_mode, diff, and 19 more)
    error: expected a list of tasks, found a mapping (begin each task with '- ')
    error: expected a mapping of environment variables, or a template in '{{ }}', found text ()
    ");
}

#[test]
fn a_file_without_plays_is_refused() {
    assert!(refused("").contains("holds no play"));
    assert!(refused("[]").contains("holds no play"));
    assert!(refused("hosts: all").contains("expected a list of plays"));
    assert!(refused("- hosts:\n  tasks: []").contains("'hosts' is empty"));
    assert!(refused("- ping:\n").contains("a play needs 'hosts'"));
}

proptest::proptest! {
    #[test]
    fn no_mapping_of_keywords_makes_it_panic(
        entries in proptest::collection::vec(("(hosts|tasks|when|vars|loop|block|serial|name|apt|tags)", "[a-z{}'\\[\\]:, 1%]{0,12}"), 0..8)
    ) {
        let lines: String = entries.iter().map(|(key, value)| format!("  {key}: {value}\n")).collect();
        let _ = load(&format!("-{}", lines.get(1..).unwrap_or_default()));
    }
}

//! What a dry run says, and what it can't know.

use crate::stage::{Played, Stage};
use wgops::event::Status;
use wgops::execute::Company;
use wgops::model::Value;
use wgops::plan::Conduct;

#[test]
fn a_dry_run_changes_nothing_and_says_what_the_real_run_then_does() {
    let tasks = "- name: dir\n  file: {path: DIR/d, state: directory}\n\
                 - name: file\n  copy: {dest: DIR/f, content: x}\n\
                 - name: settled\n  stat: {path: /etc/passwd}\n";
    let stage = Stage::dry();
    let dry = stage.tasks(tasks);
    assert_eq!(dry.story(), ["dir would_change", "file would_change", "settled ok"]);
    assert!(stage.read("f").is_none() && !stage.dir.path().join("d").exists());
    let foreseen: Vec<_> = dry.ends().iter().map(|end| end.changes.clone()).collect();
    let real = Stage { conduct: Conduct::Real, ..stage }.tasks(tasks);
    assert_eq!(real.story(), ["dir changed", "file changed", "settled ok"]);
    assert_eq!(foreseen, real.ends().iter().map(|end| end.changes.clone()).collect::<Vec<_>>());
}

#[test]
fn what_depends_on_a_commands_result_is_known_after_apply_and_default_does_not_swallow_it() {
    let played = Stage::dry().tasks(
        "- name: ask\n  command: echo yes\n  register: r\n\
         - name: by condition\n  debug: {msg: x}\n  when: r.stdout == 'yes'\n\
         - name: by default\n  debug: {msg: \"{{ r.stdout | default('no') }}\"}\n\
         - name: by defined\n  debug: {msg: x}\n  when: r is not defined\n\
         - name: by variable\n  debug: {msg: '{{ lazy }}'}\n  vars: {lazy: '{{ r.rc }}'}\n\
         - name: by loop\n  debug: {msg: '{{ item }}'}\n  loop: '{{ r.stdout_lines }}'\n\
         - name: not at all\n  debug: {msg: x}\n  when: false and r.rc == 0\n",
    );
    let cause = "known_after_apply <- result of task 'ask'";
    assert_eq!(
        played.story(),
        [
            "ask would_run".to_owned(),
            format!("by condition {cause}"),
            format!("by default {cause}"),
            format!("by defined {cause}"),
            format!("by variable {cause}"),
            format!("by loop {cause}: its items are known after apply"),
            "not at all skipped: when: false and r.rc == 0".to_owned(),
        ]
    );
}

#[test]
fn what_an_unapplied_change_touches_is_provisional_and_names_it() {
    let stage = Stage::dry();
    stage.write("b", "x");
    let played = stage.tasks(
        "- name: make\n  file: {path: DIR/d, state: directory}\n\
         - name: inside\n  copy: {dest: DIR/d/a, content: x}\n\
         - name: beside\n  copy: {dest: DIR/b, content: x}\n",
    );
    assert_eq!(played.story(), ["make would_change", "inside provisional <- make", "beside ok"]);
    assert_eq!(played.counts().unknown, 1);
}

#[test]
fn after_a_command_everything_is_provisional_even_if_it_says_that_it_changes_nothing() {
    let stage = Stage::dry();
    stage.write("b", "x");
    let played = stage.tasks(
        "- name: run\n  command: echo\n  changed_when: false\n- name: file\n  copy: {dest: DIR/b, content: x}\n",
    );
    assert_eq!(
        played.story(),
        ["run ok: would run; changed_when says that it changes nothing", "file provisional <- run"]
    );
}

#[test]
fn a_provisional_notifier_means_that_its_handler_may_run() {
    let stage = Stage::dry();
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  tasks:\n    - {name: run, command: echo, register: r}\n\
         \x20   - {name: maybe, copy: {dest: DIR/x, content: a}, notify: h}\n\
         \x20 handlers:\n    - {name: h, command: touch DIR/ran}\n",
    );
    assert_eq!(
        played.story(),
        ["run would_run", "maybe provisional <- run", "h provisional <- run: handler may run"]
    );
}

#[test]
fn a_task_that_asks_for_it_runs_in_a_cleared_operators_dry_run_and_never_in_a_shadows() {
    let tasks = "- name: look\n  command: echo 42\n  check_mode: false\n  changed_when: false\n  register: r\n\
                 - name: use\n  debug: {msg: '{{ r.stdout }}'}\n";
    let cleared = Stage { conduct: wgops::plan::Conduct::DryButForced, ..Stage::new() }.tasks(tasks);
    assert_eq!(cleared.story(), ["look ok", "use ok: 42"]);
    let shadow = Stage::dry().tasks(tasks);
    assert_eq!(
        shadow.end("use").status,
        wgops::event::Status::KnownAfterApply { cause: "result of task 'look'".into() }
    );
}

#[test]
fn what_fails_in_a_dry_run_for_want_of_an_unapplied_change_is_known_after_apply() {
    let look = "- name: look\n  command: cat DIR/f\n  check_mode: false\n  register: r\n\
                - name: use\n  debug: {msg: '{{ r.stdout }}'}\n";
    let cleared = || Stage { conduct: wgops::plan::Conduct::DryButForced, ..Stage::new() };
    let made = format!("- name: make\n  copy: {{dest: DIR/f, content: x}}\n{look}");
    let after = "known_after_apply <- make";
    let story = cleared().tasks(&made).story();
    assert!(story[1].starts_with(&format!("look {after}")), "{story:?}");
    assert_eq!(story[2], "use known_after_apply <- result of task 'look'");
    let story = cleared().tasks(look).story();
    assert!(story[0].starts_with("look failed"), "nobody would have made it: {story:?}");
}

#[test]
fn a_task_in_check_mode_changes_nothing_in_a_real_run() {
    let stage = Stage::new();
    let played = stage.tasks("- name: x\n  copy: {dest: DIR/x, content: a}\n  check_mode: true\n");
    assert_eq!(played.story(), ["x would_change"]);
    assert!(stage.read("x").is_none());
}

#[test]
fn what_is_made_of_a_secret_is_shown_nowhere_and_taints_what_is_derived_from_it() {
    let mut stage = Stage::new();
    stage.secrets = vec![("password".into(), "canary-7f3a".into())];
    let played = stage.play(
        "- hosts: all\n  gather_facts: no\n  vars: {url: 'db://x:{{ password }}@h'}\n  tasks:\n\
         \x20   - {name: file, copy: {dest: DIR/out, content: '{{ url }}'}, register: r}\n\
         \x20   - {name: command, command: 'echo {{ password }}', register: said}\n\
         \x20   - {name: derived, debug: {msg: '{{ said.stdout }}'}}\n\
         \x20   - {name: item, debug: {msg: '{{ item }}'}, loop: ['{{ password }}']}\n\
         \x20   - {name: failing, fail: {msg: 'no {{ url }}'}, ignore_errors: yes}\n\
         \x20   - {name: found, check: {that: false, id: '{{ url }}', title: t, evidence: '{{ url }}'}}\n\
         \x20   - {name: 'named {{ password }}', debug: {msg: plain}}\n",
    );
    assert_eq!(stage.read("out").as_deref(), Some("db://x:canary-7f3a@h"));
    assert_eq!(played.counts().failed, 0, "{:#?}", played.story());
    let told = serde_json::to_string(&played.events).unwrap();
    assert!(!told.contains("canary") && told.contains("check/hidden/found"), "{told}");
}

#[test]
fn a_task_with_no_log_is_shown_without_contents() {
    let stage = Stage::new();
    let played = stage.tasks("- {name: quiet, command: echo canary-1, no_log: yes}\n");
    let told = serde_json::to_string(&played.events).unwrap();
    assert!(!told.contains("canary") && told.contains("quiet"), "{told}");
}

#[test]
fn a_check_that_can_not_be_known_is_not_assessed_and_neither_fails_nor_passes() {
    let played = Stage::dry().tasks(
        "- name: ask\n  command: echo yes\n  register: r\n\
         - name: by result\n  check: {that: r.stdout == 'yes', id: a, title: 't {{ r.stdout }}'}\n\
         - name: by nothing\n  check: {that: [nothing.here == 1], id: b, title: t, evidence: '{{ nothing }}'}\n\
         - name: by half\n  check: {that: [nothing.here == 1, 1 > 2], id: c, title: t}\n\
         - name: by good\n  check: {that: 1 < 2, id: d, title: t}\n",
    );
    let found: Vec<&str> = played
        .events
        .iter()
        .filter_map(|event| match event {
            wgops::event::Event::Found { finding, .. } => Some(finding.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(found, ["not-assessed/check/a", "not-assessed/check/b", "check/c"]);
    assert_eq!(&played.story()[1..], ["by result ok", "by nothing ok", "by half ok", "by good ok"]);
}

#[test]
fn a_look_that_runs_in_an_operators_dry_run_makes_nothing_uncertain() {
    let stage = Stage { conduct: wgops::plan::Conduct::DryButForced, ..Stage::new() };
    stage.write("there", "x");
    let played = stage.tasks(
        "- name: look\n  command: cat DIR/there\n  changed_when: false\n  check_mode: false\n  register: r\n\
         - name: sure\n  copy: {dest: DIR/there, content: x}\n\
         - name: depends\n  copy: {dest: DIR/new, content: '{{ r.stdout }}'}\n  when: r.stdout == 'x'\n",
    );
    assert_eq!(played.story(), ["look ok", "sure ok", "depends would_change"]);
}

#[test]
fn a_dry_run_waits_for_nothing_that_it_left_undone() {
    let begun = std::time::Instant::now();
    let played = Stage::dry().tasks(
        "- name: make\n  copy: {dest: DIR/x, content: x}\n\
         - name: wait\n  wait_for: {path: DIR/never, timeout: 40}\n\
         - name: again\n  command: cat DIR/x\n  register: r\n  until: r.stdout == 'x'\n  retries: 9\n  delay: 40\n",
    );
    let counts = played.counts();
    assert_eq!((counts.failed, played.ends().len()), (0, 3), "{:#?}", played.story());
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn whoever_may_change_nothing_starts_nothing_that_a_play_names() {
    use std::os::unix::fs::PermissionsExt as _;
    let task = "- name: look\n  setup: {fact_path: DIR/facts}\n";
    let ran = |stage: Stage| {
        stage.write("facts/own.fact", "#!/bin/sh\ntouch \"${0%/*}/../ran\"\necho '{}'\n");
        let fact = stage.dir.path().join("facts/own.fact");
        std::fs::set_permissions(&fact, std::fs::Permissions::from_mode(0o755)).unwrap();
        let status = stage.tasks(task).end("look").status.clone();
        (stage.read("ran").is_some(), status)
    };
    let (started, status) = ran(Stage::dry());
    assert!(!started);
    assert!(matches!(status, wgops::event::Status::Unseen { why } if why.contains("fact_path")));
    // Nor does the dry run of somebody who may, before they said yes; the run itself does.
    let cleared = || Stage { conduct: wgops::plan::Conduct::DryButForced, ..Stage::new() };
    let (started, status) = ran(cleared());
    assert!(!started);
    assert!(matches!(status, wgops::event::Status::KnownAfterApply { cause } if cause.contains("fact_path")));
    assert!(ran(Stage::new()).0);
}

#[test]
fn nothing_is_named_by_a_sealed_value_and_no_error_says_it() {
    let tasks = "- {name: fact, set_fact: {'x_{{ turned }}': 1}, ignore_errors: true}\n\
                 - {name: group, group_by: {key: 'g_{{ turned }}'}, ignore_errors: true}\n\
                 - {name: groups, add_host: {name: hh, groups: 'g_{{ turned }}'}, ignore_errors: true}\n\
                 - {name: variable, add_host: {name: hh, zz: '{{ turned }}'}}\n\
                 - {name: words, command: 'echo {{ hostvars.hh.zz }}', ignore_errors: true}\n\
                 - {name: told, debug: {msg: '{{ hostvars.hh.zz }}'}}\n\
                 - {name: handler, command: 'true', notify: '{{ turned }}', ignore_errors: true}\n\
                 - {name: lookup, debug: {msg: \"{{ lookup('vars', turned) }}\"}, ignore_errors: true}\n\
                 - {name: address, debug: {msg: \"{{ '10.0.0.1' | ipaddr(turned) }}\"}, ignore_errors: true}\n\
                 - {name: surroundings, command: 'true', environment: '{{ turned }}', ignore_errors: true}\n\
                 - {name: times, command: 'false', until: false, retries: '{{ turned }}', delay: 0, ignore_errors: true}\n\
                 - {name: own, debug: {msg: '{{ token.nothing_such }}'}, ignore_errors: true}\n";
    let secrets = || vec![("token".into(), "Zebra-7c1e".into())];
    let extra = || [("turned".to_owned(), Value::from("{{ token | reverse }}"))].into_iter().collect();
    for conduct in [Conduct::Real, Conduct::DryButForced] {
        let company = if conduct == Conduct::Real { Company::Mixed } else { Company::Apart };
        let stage = Stage { conduct, company, secrets: secrets(), extra: extra(), ..Stage::new() };
        let played = stage.tasks(tasks);
        let all = serde_json::to_string(&played.events).unwrap();
        assert!(!all.contains("e1c7-arbeZ"), "{all}");
        if conduct == Conduct::Real {
            for name in
                ["fact", "group", "groups", "handler", "lookup", "address", "surroundings", "times", "own"]
            {
                assert_eq!(played.end(name).status, Status::Failed, "{name}");
            }
            assert!(played.end("own").message.as_ref().unwrap().contains("nothing_such"));
        }
    }
}

#[test]
fn no_word_of_a_play_says_what_runs_to_answer_a_question_before_somebody_said_yes() {
    let tasks = "- {name: program, supervisorctl: {name: x, state: started, supervisorctl_path: /bin/sh, config: DIR/ran}}\n\
                 - {name: settings, mysql_db: {name: a, config_file: DIR/evil.cnf}}\n\
                 - {name: folder, gem: {name: x, install_dir: DIR/g, user_install: false}}\n\
                 - {name: package, pip: {name: DIR/evil, extra_args: '--no-index --log DIR/log'}}\n\
                 - {name: option, unarchive: {src: DIR/a.tgz, dest: DIR, remote_src: true, include: ['--checkpoint-action=exec=id']}}\n\
                 - {name: hosts, postgresql_db: {name: a, login_host: '/nowhere,127.0.0.2'}}\n";
    let stage = |conduct| {
        let stage = Stage { company: Company::Apart, conduct, ..Stage::new() };
        stage.write("a.tgz", "\u{1f}x");
        stage
    };
    for conduct in [Conduct::Dry, Conduct::DryButForced] {
        let played = stage(conduct).tasks(tasks);
        for name in ["program", "settings", "folder", "package", "option", "hosts"] {
            let status = serde_json::to_string(&played.end(name).status).unwrap();
            let expected = if conduct == Conduct::Dry { "unseen" } else { "known_after_apply" };
            assert!(status.contains(expected), "{name}: {status}");
        }
    }
}

#[test]
fn whoever_may_change_nothing_hands_no_environment_to_what_only_looks() {
    let task =
        |variables: &str| format!("- name: look\n  stat: {{path: DIR}}\n  environment: {{{variables}}}\n");
    let status = |stage: Stage, variables: &str| stage.tasks(&task(variables)).end("look").status.clone();
    let evil = "PATH: 'DIR/evil:/usr/bin:/bin'";
    let unseen = status(Stage::dry(), evil);
    assert!(matches!(unseen, wgops::event::Status::Unseen { why } if why.contains("PATH")));
    let ok = wgops::event::Status::Ok;
    assert_eq!(status(Stage::dry(), "LC_ALL: C, PATH: '/usr/bin:/bin'"), ok);
    assert!(matches!(status(Stage::dry(), "PATH: '/usr/bin:'"), wgops::event::Status::Unseen { .. }));
    let cleared = || Stage { conduct: wgops::plan::Conduct::DryButForced, ..Stage::new() };
    let unknown = status(cleared(), evil);
    assert!(matches!(unknown, wgops::event::Status::KnownAfterApply { cause } if cause.contains("PATH")));
    // A task that is run all the same was announced, and is run as it stands.
    let forced = cleared().tasks(&format!("{}  check_mode: false\n", task(evil)));
    assert_eq!(forced.end("look").status, ok);
}

#[test]
fn what_this_machine_says_goes_to_no_other_where_nobody_answers_for_the_playbook() {
    let far = "far ansible_host=127.0.0.1 ansible_port=1\n";
    let apart = |hosts: String| Stage { company: Company::Apart, hosts, ..Stage::dry() };
    let play = "- hosts: all\n  gather_facts: no\n  tasks: [{name: x, stat: {path: /}}]\n";
    let both = apart(format!("one ansible_connection=local\n{far}")).prepare(play).unwrap();
    let hosts: Vec<&str> = both.hosts.iter().map(|host| host.as_str()).collect();
    assert_eq!(hosts, ["far"]);
    assert!(both.warnings.iter().any(|warning| warning.message.starts_with("one is left out")));
    let here = apart(format!("one ansible_connection=local\n[others]\n{far}"));
    let tasks = "- {name: asks, stat: {path: DIR}, register: r}\n\
                 - {name: knows, getent: {database: passwd, key: root}}\n\
                 - {name: speaks, uri: {url: 'http://127.0.0.1:1/{{ r.stat.path }}'}}\n\
                 - {name: waits, wait_for: {host: 127.0.0.1, port: 1, timeout: 1}}\n\
                 - {name: looks up, getent: {database: hosts, key: '{{ r.stat.uid }}.invalid'}}\n\
                 - {name: hands on, stat: {path: '/{{ r.stat.path }}'}, delegate_to: far}\n";
    let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    let played = here.play(&format!("- hosts: one\n  gather_facts: no\n  tasks:\n{tasks}"));
    assert_eq!(played.end("asks").status, Status::Ok);
    let said = |name: &str| serde_json::to_string(&played.end(name).status).unwrap();
    assert!(said("hands on").contains("another machine than this one"), "{}", said("hands on"));
    assert_eq!(played.end("knows").status, Status::Ok);
    for name in ["speaks", "waits", "looks up"] {
        assert!(matches!(&played.end(name).status, Status::Unseen { .. }), "{}", said(name));
    }
    // Whoever may change things is told all of it.
    let mixed = Stage {
        hosts: "one ansible_connection=local\ntwo ansible_connection=local\n".into(),
        ..Stage::dry()
    };
    let played = mixed
        .play("- hosts: one\n  gather_facts: no\n  tasks: [{name: x, stat: {path: /}, delegate_to: two}]\n");
    assert_eq!(played.end("x").status, Status::Ok);
}

#[test]
fn what_goes_out_is_not_asked_before_somebody_said_yes_but_of_the_host_s_own_services() {
    let tasks = "- {name: tells, uri: {url: 'http://192.0.2.1:9/{{ inventory_hostname }}'}, register: r, ignore_errors: true}\n\
                 - {name: follows, debug: {msg: '{{ r.status }}'}}\n\
                 - {name: looks up, getent: {database: hosts, key: x.invalid}}\n\
                 - {name: own, wait_for: {port: 1, state: stopped, timeout: 1}}\n\
                 - {name: forced, uri: {url: 'http://192.0.2.1:9/', timeout: 1}, check_mode: false, ignore_errors: true}\n";
    let said = |played: &Played, name: &str| serde_json::to_string(&played.end(name).status).unwrap();
    for conduct in [Conduct::Dry, Conduct::DryButForced] {
        let played = Stage { company: Company::Apart, conduct, ..Stage::new() }.tasks(tasks);
        for name in ["tells", "looks up"] {
            let status = said(&played, name);
            assert!(status.contains("unseen") || status.contains("known_after_apply"), "{name}: {status}");
        }
        assert!(said(&played, "follows").contains("known_after_apply"), "{}", said(&played, "follows"));
        // This machine's own services are asked for whoever may change things.
        assert_eq!(played.end("own").status == Status::Ok, conduct == Conduct::DryButForced);
        // An operator's dry run asks what its task says is to be asked all the same.
        let asked = played.end("forced").status == Status::Failed;
        assert_eq!(asked, conduct == Conduct::DryButForced, "{}", said(&played, "forced"));
    }
    // What carries a plan out asks it no more than the dry run did.
    let played = Stage { company: Company::Apart, ..Stage::new() }.tasks(tasks);
    assert!(said(&played, "tells").contains("known_after_apply"), "{}", said(&played, "tells"));
}

#[test]
fn what_carries_a_plan_out_speaks_to_none_but_its_hosts() {
    let hosts = "one ansible_connection=local\ntwo ansible_connection=local\n".to_owned();
    let only = Some(["one".parse().unwrap()].into());
    let stage = Stage { hosts, only, company: Company::Apart, ..Stage::new() };
    let played = stage.play(
        "- hosts: one\n  gather_facts: no\n  tasks:\n  - {name: own, stat: {path: /}}\n  \
         - {name: hands on, stat: {path: /}, delegate_to: two}\n  \
         - {name: elsewhere, stat: {path: /}, delegate_to: 192.0.2.1, vars: {ansible_port: 9977}}\n",
    );
    assert_eq!(played.end("own").status, Status::Ok);
    for name in ["hands on", "elsewhere"] {
        let status = serde_json::to_string(&played.end(name).status).unwrap();
        assert!(status.contains("not in the plan"), "{name}: {status}");
    }
}

#[test]
fn no_sealed_value_decides_what_is_seen_to_happen_before_somebody_said_yes() {
    let tasks = "- {name: when, stat: {path: DIR}, when: \"token[0] == 'Z'\"}\n\
                 - {name: fails, fail: {msg: x}, ignore_errors: true, when: \"token[0] == 'Z'\"}\n\
                 - {name: not, fail: {msg: x}, ignore_errors: true, when: \"token[0] == 'Y'\"}\n\
                 - {name: asserts, assert: {that: \"token[0] == 'Z'\"}}\n\
                 - {name: judged, stat: {path: DIR}, failed_when: \"token[0] == 'Z'\"}\n\
                 - {name: changed, stat: {path: DIR}, changed_when: \"token[0] == 'Y'\"}\n\
                 - {name: set, set_fact: {bit: \"{{ token[0] == 'Z' }}\"}}\n\
                 - {name: carried, stat: {path: DIR}, when: bit}\n\
                 - {name: there, stat: {path: DIR}, when: token is defined}\n\
                 - {name: result, stat: {path: DIR}, register: r, failed_when: not r.stat.exists}\n\
                 - {name: error, stat: {path: DIR}, when: \"{'Y': true}[token[0]]\"}\n\
                 - {name: told error, debug: {msg: \"{{ {'Y': 1}[token[0]] }}\"}}\n\
                 - {name: told, debug: {msg: \"{{ token[0] }}\"}}\n\
                 - {name: set error, set_fact: {maybe: \"{{ {'Y': 1}[token[0]] }}\"}}\n\
                 - {name: set well, set_fact: {maybe_too: \"{{ {'Z': 1}[token[0]] }}\"}}\n\
                 - {name: uses error, stat: {path: DIR}, when: maybe == 1}\n\
                 - {name: own words, slurp: {src: \"/etc/{{ 'passwd' if token[0] == 'Z' else 'group' }}\"}, register: s, failed_when: s.content is defined}\n\
                 - {name: by template, stat: {path: DIR}, when: chosen is defined, vars: {chosen: \"{{ token if token[0] == 'Y' else nosuch }}\"}}\n\
                 - {name: through, stat: {path: DIR}, when: named is defined, vars: {named: \"{{ token }}\"}}\n\
                 - {name: told off, stat: {path: DIR}, no_log: \"{{ token[0] == 'Y' }}\"}\n\
                 - {name: misfit, command: {argv: ['true'], chdir: /, creates: \"{{ {'Y': 1}[token[0]] }}\"}}\n\
                 - {name: forced, command: {cmd: 'touch DIR/forced'}, check_mode: \"{{ token[0] == 'Y' }}\"}\n\
                 - {name: included, include_tasks: \"{{ 'a' if token[0] == 'Z' else 'b' }}.yml\"}\n";
    let told = |stage: Stage| {
        let played = stage.tasks(tasks);
        let status = |name: &str| played.end(name).status.clone();
        let unknown = [
            "when",
            "fails",
            "not",
            "asserts",
            "judged",
            "changed",
            "carried",
            "error",
            "told error",
            "told",
            "uses error",
            "own words",
            "included",
            "by template",
            "misfit",
        ];
        for name in unknown {
            assert!(matches!(status(name), Status::KnownAfterApply { .. }), "{name}: {:?}", status(name));
        }
        for name in ["result", "set error", "set well", "through", "told off"] {
            assert_eq!(status(name), Status::Ok, "{name}");
        }
        assert!(stage.read("forced").is_none());
        status("there")
    };
    let sealed =
        |company| Stage { company, secrets: vec![("token".into(), "Zebra-7c1e".into())], ..Stage::dry() };
    assert_eq!(told(sealed(Company::Apart)), Status::Ok);
}

#[test]
fn a_task_is_not_tried_without_end_before_somebody_said_yes() {
    let tasks = "- {name: tries, debug: {msg: x}, until: false, retries: 2000000000, delay: 0, ignore_errors: true}\n\
                 - {name: few, debug: {msg: x}, until: false, retries: 2, delay: 0, ignore_errors: true}\n";
    for conduct in [Conduct::Dry, Conduct::DryButForced] {
        let played = Stage { company: Company::Apart, conduct, ..Stage::new() }.tasks(tasks);
        let why = played.end("tries").message.clone().unwrap();
        assert!(why.contains("tried 200 times") && why.contains("before the real run"), "{why}");
        assert!(played.end("few").message.clone().unwrap().contains("tried 3 times"));
    }
}

//! Whole trees, as somebody might have written them: what is remarked, and what is not.

use super::*;
use crate::template::ThisMachine;
use std::sync::Arc;

/// A tree of files, and what is remarked on it, as `file:line rule`.
fn remarks(files: &[(&str, &str)]) -> Vec<String> {
    let home = tree_of(files);
    let wanted = Wanted { paths: vec![home.path().to_owned()], ..Wanted::default() };
    told(&wanted, home.path())
}

fn tree_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("ansible.cfg"), "").unwrap();
    for (name, text) in files {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home
}

fn told(wanted: &Wanted, home: &Path) -> Vec<String> {
    let templates = Templates::new(Arc::new(ThisMachine));
    let linted = lint(wanted, &templates).unwrap();
    let name = |remark: &Remark| {
        let file = remark.place.file.strip_prefix(home).unwrap().display().to_string();
        format!("{file}:{} {}", remark.place.line, remark.rule)
    };
    linted.remarks.iter().map(name).collect()
}

/// What is remarked on the tasks of a play; lines count from the first task.
fn of_tasks(tasks: &str) -> Vec<String> {
    let indented = tasks.trim_matches('\n').replace('\n', "\n    ");
    let text = format!("- name: A play\n  hosts: all\n  tasks:\n    {indented}\n");
    let all = remarks(&[("site.yml", &text)]);
    let relative = |told: &String| {
        let (place, rule) = told.split_once(' ').unwrap();
        let line: usize = place.rsplit(':').next().unwrap().parse().unwrap();
        format!("{} {rule}", line - 3)
    };
    all.iter().map(relative).collect()
}

#[test]
fn what_is_in_order_is_not_remarked_on() {
    let site = "- name: Web servers\n  hosts: web\n  become: true\n  vars: {port: 80}\n  tasks:\n\
                \x20   - name: Write the site\n      ansible.builtin.template:\n        src: site.conf.j2\n\
                \x20       dest: /etc/nginx/site.conf\n        mode: \"0644\"\n      notify: Restart nginx\n\
                \x20   - name: Look\n      command: nginx -t\n      changed_when: false\n\
                \x20 handlers:\n    - name: Restart nginx\n      service: {name: nginx, state: restarted}\n";
    let files = [("site.yml", site), ("templates/site.conf.j2", "listen {{ port | int }};\n")];
    assert_eq!(remarks(&files), Vec::<String>::new());
}

#[test]
fn modules_and_arguments_are_held_against_the_tables() {
    insta::assert_snapshot!(of_tasks(
        "
- name: a
  atp: {name: curl}
- name: b
  apt: {nmae: curl, state: there}
- name: c
  file: {state: directory, mode: 755}
- name: d
  stat: {pth: /x}
- name: e
  lineinfile: path=/etc/x line={{ x }}
- name: f
  apt: '{{ arguments }}'
- name: g
  copy: {content: x, dest: /x, mode: 0644}
- name: h
  include_tasks: {fiel: x.yml}"
    )
    .join("\n"), @r"
    2 unknown-module
    4 unknown-parameter
    4 bad-value
    6 missing-parameter
    6 risky-octal
    8 missing-parameter
    8 unknown-parameter
    10 no-free-form
    16 missing-parameter
    16 unknown-parameter
    ");
}

#[test]
fn templates_are_compiled_wherever_they_stand() {
    let files = [
        (
            "roles/web/tasks/main.yml",
            "- name: a {{ x\n  debug: {msg: '{{ x | nosuch }}'}\n  when: a ==\n- name: b\n  debug: {msg: x}\n  when: '{{ x }}'\n",
        ),
        ("roles/web/templates/a.j2", "ok\n{% if x %}\n{{ y is nosuchtest }}\n{% endif %}\n"),
        ("roles/web/templates/b.j2", "{% for x in y %}\n"),
        ("roles/web/templates/base.j2", "{% macro shared(x) %}{{ x }}{% endmacro %}\n"),
        (
            "roles/web/templates/child.j2",
            "{% extends 'base.j2' %}{% block b %}{{ shared(1) }}{{ unshared(1) }}{% endblock %}\n",
        ),
        ("roles/web/defaults/main.yml", "a: '{{ b | }}'\nc: !unsafe '{{ d | }}'\n"),
        ("roles/web/files/c.j2.txt", "{{ nothing of ours"),
    ];
    insta::assert_snapshot!(remarks(&files).join("\n"), @r"
    roles/web/defaults/main.yml:1 jinja
    roles/web/tasks/main.yml:1 jinja
    roles/web/tasks/main.yml:2 unknown-jinja-name
    roles/web/tasks/main.yml:3 jinja
    roles/web/tasks/main.yml:6 no-jinja-when
    roles/web/templates/a.j2:3 unknown-jinja-name
    roles/web/templates/b.j2:1 jinja
    roles/web/templates/child.j2:1 unknown-jinja-name
    ");
}

#[test]
fn handlers_are_known_across_files() {
    let task = |notify: &str| format!("- name: t\n  ping:\n  notify: {notify}\n");
    let tasks = [
        task("Restart web"),
        task("web topic"),
        task("'web : Restart web'"),
        task("Restrat web"),
        task("restart db for {{ x }}"),
        task("Reload db"),
    ];
    let handlers = "- name: Restart web\n  ping:\n  listen: web topic\n- name: Never\n  ping:\n";
    let files = [
        ("roles/web/tasks/main.yml", tasks.concat()),
        ("roles/web/handlers/main.yml", handlers.to_owned()),
        ("roles/db/handlers/main.yml", "- name: Reload {{ x }}\n  ping:\n".to_owned()),
        ("roles/db/tasks/main.yml", String::new()),
        ("roles/empty/handlers/main.yml", "---\n".to_owned()),
        ("roles/empty/tasks/main.yml", "---\n".to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    insta::assert_snapshot!(remarks(&files).join("\n"), @r"
    roles/empty/handlers/main.yml:1 empty-handlers
    roles/web/tasks/main.yml:12 undefined-handler
    ");
}

#[test]
fn a_handler_that_nothing_notifies_is_told_where_that_is_sure() {
    let files = [
        ("roles/web/tasks/main.yml", "- name: t\n  ping:\n  notify: A\n"),
        ("roles/web/handlers/main.yml", "- name: A\n  ping:\n- name: B\n  ping:\n"),
    ];
    assert_eq!(remarks(&files), ["roles/web/handlers/main.yml:3 unused-handler"]);
}

#[test]
fn what_is_named_and_not_there_is_told() {
    let site = "- name: p\n  hosts: all\n  vars_files: [vars/here.yml, vars/gone.yml]\n  roles: [web, wbe, geerlingguy.ntp, '{{ x }}']\n\
                - import_playbook: gone.yml\n";
    let tasks = "- include_tasks: more.yml\n- include_tasks: gone.yml\n- import_role: {name: nosuch}\n\
                 - name: c\n  copy: {src: here.conf, dest: /x, mode: '0644'}\n\
                 - name: d\n  copy: {src: gone.conf, dest: /x, mode: '0644'}\n\
                 - name: e\n  copy: {src: gone.conf, dest: /x, mode: '0644', remote_src: true}\n\
                 - name: f\n  template: {src: '{{ x }}.j2', dest: /x, mode: '0644'}\n\
                 - name: g\n  script: here.conf --all creates=/x\n\
                 - name: h\n  script: gone.sh --all\n";
    let files = [
        ("site.yml", site),
        ("vars/here.yml", "a: 1\n"),
        ("requirements.yml", "roles: [{name: geerlingguy.ntp}]\n"),
        ("roles/web/tasks/main.yml", tasks),
        ("roles/web/tasks/more.yml", "---\n"),
        ("roles/web/files/here.conf", "x"),
        ("roles/web/meta/main.yml", "dependencies: [{role: web}, {role: nosuch}]\n"),
    ];
    let told: Vec<String> = remarks(&files).into_iter().filter(|told| told.contains("missing")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    roles/web/meta/main.yml:1 missing-role
    roles/web/tasks/main.yml:2 missing-file
    roles/web/tasks/main.yml:3 missing-role
    roles/web/tasks/main.yml:7 missing-file
    roles/web/tasks/main.yml:15 missing-file
    site.yml:3 missing-file
    site.yml:4 missing-role
    site.yml:5 missing-file
    ");
}

#[test]
fn a_path_without_its_slash_is_told_where_it_is_on_a_host() {
    let tasks = "- name: a\n  copy: {content: x, dest: etc/motd, mode: '0644'}\n\
                 - name: b\n  copy: {content: x, dest: build/etc/motd, mode: '0644'}\n\
                 - name: c\n  copy: {content: x, dest: etc/motd, mode: '0644'}\n  delegate_to: localhost\n\
                 - name: d\n  copy: {src: etc/motd, dest: /etc/motd, mode: '0644'}\n";
    let files = [("roles/web/tasks/main.yml", tasks), ("roles/web/files/etc/motd", "x")];
    assert_eq!(remarks(&files), ["roles/web/tasks/main.yml:2 missing-slash"]);
}

#[test]
fn commands_that_a_module_does_better_and_shells_without_need_are_told() {
    insta::assert_snapshot!(of_tasks(
        "
- name: a
  command: apt-get install -y curl
  changed_when: true
- name: b
  shell: systemctl restart x
  changed_when: true
- name: c
  command: systemctl is-active x
  changed_when: false
- name: d
  shell: rm -rf /tmp/x && mkdir /tmp/x
  changed_when: true
- name: e
  command: ls | wc -l
  changed_when: false
- name: f
  shell: ls -l
  changed_when: false
- name: g
  shell: ls -l | wc -l
- name: h
  command: LANG=C ls
  changed_when: false
- name: i
  command: echo {{ a | b }}
  changed_when: false
- name: j
  command: /usr/bin/x
  args: {creates: /x}"
    )
    .join("\n"), @r"
    2 command-instead-of-module
    5 command-instead-of-module
    5 shell-not-needed
    14 shell-syntax-in-command
    17 shell-not-needed
    20 no-changed-when
    20 risky-shell-pipe
    22 inline-env-var
    25 unknown-jinja-name
    ");
}

#[test]
fn risks_and_old_habits_are_told() {
    insta::assert_snapshot!(of_tasks(
        "
- name: a
  copy: {content: x, dest: /x}
- name: b
  ping:
  ignore_errors: true
- name: c
  ping:
  ignore_errors: true
  register: tried
- name: d
  apt: {name: x, state: latest}
- name: e
  ping:
  become_user: x
- name: f
  ping:
  register: groups
- ping:
- name: h
  debug: {msg: x}
  when: tried is changed
- name: i
  debug: {msg: x}
  when: x == true or y is not false
- name: j
  debug: {msg: '{{ item }}'}
  with_items: users"
    )
    .join("\n"), @r"
    2 risky-file-permissions
    5 ignore-errors
    11 package-latest
    14 partial-become
    17 variable-name
    18 name-missing
    21 no-handler
    24 literal-compare
    27 loop-keyword
    27 deprecated-bare-vars
    ");
}

#[test]
fn a_rescue_that_never_runs_and_a_loop_in_a_loop_are_told() {
    let tasks = "- name: a\n  block:\n    - name: b\n      ping:\n      ignore_errors: true\n      register: x\n  rescue:\n    - name: c\n      ping:\n\
                 - name: d\n  block:\n    - name: e\n      ping:\n  rescue:\n    - name: f\n      ping:\n\
                 - include_tasks: inner.yml\n  loop: [1]\n\
                 - include_tasks: inner.yml\n  loop: [1]\n  loop_control: {loop_var: outer}\n";
    let files = [
        ("roles/x/tasks/main.yml", tasks),
        ("roles/x/tasks/inner.yml", "- name: i\n  debug: {msg: '{{ item }}'}\n  loop: [1]\n"),
    ];
    let rules = ["unreachable-rescue", "shadowed-loop-variable"];
    let told: Vec<String> =
        remarks(&files).into_iter().filter(|told| rules.iter().any(|rule| told.ends_with(rule))).collect();
    assert_eq!(
        told,
        ["roles/x/tasks/main.yml:8 unreachable-rescue", "roles/x/tasks/main.yml:18 shadowed-loop-variable"]
    );
}

#[test]
fn what_may_fail_is_rescued_and_what_has_a_mode_by_default_needs_none() {
    let play = "- name: p\n  hosts: all\n  module_defaults:\n    ansible.builtin.copy: {mode: '0644'}\n  tasks:\n\
                - name: a\n    copy: {content: x, dest: /x}\n  - name: b\n    template: {src: t.j2, dest: /y}\n\
                - name: c\n    block:\n      - name: d\n        debug: {msg: '{{ nowhere }}'}\n    rescue:\n      - name: e\n        ping:\n";
    let play = play.replace("tasks:\n-", "tasks:\n  -").replace("\n- name", "\n  - name");
    let told = remarks(&[("site.yml", &play), ("templates/t.j2", "x\n")]);
    assert_eq!(told, ["site.yml:9 risky-file-permissions"]);
}

#[test]
fn secrets_are_told_and_what_is_none_is_not() {
    let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n-----END OPENSSH PRIVATE KEY-----\n";
    let vars = "db_password: hunter2hunter2\napi_token: '{{ vault_token }}'\nroot_password: /etc/secret\n\
                sealed_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\nuser_password: $6$salt$hash\n\
                nested: [{name: a, secret: swordfish}]\nupdate_password: always\n";
    let files = [
        ("group_vars/all.yml", vars),
        ("roles/x/files/id_ed25519", key),
        ("README.md", "    -----BEGIN PRIVATE KEY-----\n    …\n"),
        ("roles/x/tasks/main.yml", "---\n"),
        ("inventory/prod.ini", "[web]\nweb1 ansible_become_pass=hunter2 a=1\n"),
    ];
    insta::assert_snapshot!(remarks(&files).join("\n"), @r"
    group_vars/all.yml:1 cleartext-secret
    group_vars/all.yml:8 cleartext-secret
    inventory/prod.ini:2 cleartext-secret
    roles/x/files/id_ed25519:1 private-key
    ");
}

#[test]
fn a_comment_anywhere_in_the_task_silences_it() {
    let told = of_tasks(
        "
- name: a
  apt:
    name: x
    state: latest  # noqa: package-latest
- name: b  # noqa
  apt: {nmae: x, state: latest}
- name: c  # noqa: ignore-errors
  apt: {name: x, state: latest}",
    );
    assert_eq!(told, ["8 package-latest"]);
}

#[test]
fn a_file_that_is_wrong_is_looked_at_as_far_as_it_goes() {
    let files = [
        ("broken.yml", "- hosts: all\n  tasks:\n  - name: x\n   ping:\n"),
        ("twice.yml", "- hosts: all\n  name: a\n  name: b\n"),
        (
            "site.yml",
            "- name: p\n  hosts: all\n  tasks:\n    - just text\n    - name: x\n      ping:\n      whne: y\n    - name: y\n      atp:\n",
        ),
        ("docker-compose.yml", "services: {x: {image: '{{'}}\n"),
        ("more/data.yml", "- a\n- b\n"),
        (".github/x.yml", "- hosts: [\n"),
    ];
    insta::assert_snapshot!(remarks(&files).join("\n"), @r"
    broken.yml:4 yaml-syntax
    site.yml:4 structure
    site.yml:7 structure
    site.yml:9 unknown-module
    twice.yml:3 yaml-syntax
    ");
}

#[test]
fn a_playbook_that_is_too_large_to_be_looked_at_passes_nothing() {
    let large = format!("- hosts: all\n# {}\n", "x".repeat(3 << 20));
    let files = [("site.yml", large.as_str()), ("files/data.yml", &large), ("group_vars/all.yml", &large)];
    assert_eq!(remarks(&files), ["site.yml:1 yaml-syntax"]);
}

#[test]
fn one_file_is_told_of_with_all_that_is_around_it_known() {
    let home = tree_of(&[
        ("roles/web/tasks/main.yml", "- name: t\n  ping:\n  notify: A\n- ping:\n"),
        ("roles/web/handlers/main.yml", "- name: A\n  ping:\n"),
        ("roles/web/tasks/other.yml", "- ping:\n"),
    ]);
    let wanted = Wanted { paths: vec![home.path().join("roles/web/tasks/main.yml")], ..Wanted::default() };
    assert_eq!(told(&wanted, home.path()), ["roles/web/tasks/main.yml:4 name-missing"]);
    let skipped = Wanted { skipped: BTreeSet::from(["name-missing"]), ..wanted.clone() };
    assert!(told(&skipped, home.path()).is_empty());
    let only = Wanted { only: BTreeSet::from(["undefined-handler"]), ..wanted };
    assert!(told(&only, home.path()).is_empty());
    let excluded = Wanted {
        paths: vec![home.path().to_owned()],
        excluded: vec![Glob::new("roles/web/tasks/*")],
        ..Wanted::default()
    };
    assert_eq!(told(&excluded, home.path()), ["roles/web/handlers/main.yml:1 unused-handler"]);
    let missing = Wanted { paths: vec![home.path().join("nosuch")], ..Wanted::default() };
    assert!(lint(&missing, &Templates::new(Arc::new(ThisMachine))).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_that_lies_in_a_tree_makes_it_panic(
        lines in proptest::collection::vec(
            ("( |  |    )", "(- |)", "(hosts|name|block|rescue|when|notify|include_tasks|shell|copy|loop|action|local_action|roles|vars|handlers|args)", "[a-z{}'|%# \\[\\]:=,é]{0,14}"),
            0..12,
        )
    ) {
        let text: String = lines.iter().map(|(i, d, key, value)| format!("{i}{d}{key}: {value}\n")).collect();
        let files = [("site.yml", text.as_str()), ("roles/x/tasks/main.yml", &text), ("roles/x/vars/main.yml", &text), ("t.j2", &text)];
        let _ = remarks(&files);
    }
}

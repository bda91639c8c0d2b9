//! Roles and imports, which are opened before any host is known.

use crate::stage::{Played, Stage};
use serde_json::json;

/// What the task `say` said, in the order in which it was said.
fn said(played: &Played) -> Vec<String> {
    let ends = played.ends();
    ends.iter().filter(|end| end.module == "debug").filter_map(|end| end.message.clone()).collect()
}

fn play(stage: &Stage, keywords: &str) -> Played {
    stage.play(&format!("- hosts: all\n  gather_facts: no\n{keywords}"))
}

const SAY: &str = "- name: say\n  debug: {msg: '{{ x }} {{ role_name }}'}\n";

#[test]
fn a_role_has_its_defaults_variables_tasks_handlers_and_files() {
    let stage = Stage::new();
    stage.write("roles/web/defaults/main.yml", "x: default\ny: default\n");
    stage.write("roles/web/vars/main.yaml", "y: from vars\n");
    stage
        .write("roles/web/tasks/main.yml", "- import_tasks: more.yml\n  when: y == 'from vars'\n  tags: t\n");
    stage.write(
        "roles/web/tasks/more.yml",
        "- name: put\n  template: {src: a.j2, dest: 'DIR/out'}\n  notify: again\n\
         - name: plain\n  copy: {src: b, dest: 'DIR/out2'}\n"
            .replace("DIR", &stage.dir.path().to_string_lossy())
            .as_str(),
    );
    stage.write("roles/web/templates/a.j2", "{{ x }} {{ y }}\n");
    stage.write("roles/web/files/b", "b of the role\n");
    stage.write("files/b", "b of the playbook\n");
    stage.write("roles/web/handlers/main.yml", "- name: again\n  debug: {msg: 'again {{ x }}'}\n");
    let played = play(&stage, "  roles: [web]\n  post_tasks: [{name: last, debug: {msg: '{{ y }}'}}]\n");
    assert_eq!(stage.read("out").as_deref(), Some("default from vars\n"));
    assert_eq!(stage.read("out2").as_deref(), Some("b of the role\n"));
    let names: Vec<&str> = played.ends().iter().map(|end| end.task.as_str()).collect();
    assert_eq!(names, ["web : put", "web : plain", "web : again", "last"]);
    assert_eq!(said(&played), ["again default", "from vars"]);
}

#[test]
fn sections_and_roles_come_in_ansibles_order_and_dependencies_first() {
    let stage = Stage::new();
    let say = |role: &str| stage.write(&format!("roles/{role}/tasks/main.yml"), SAY);
    ["base", "web", "db"].into_iter().for_each(say);
    stage.write("roles/web/meta/main.yml", "dependencies:\n  - base\n  - {role: db, x: given, when: true}\n");
    stage.write("roles/db/meta/main.yml", "dependencies: [base]\n");
    let played = play(
        &stage,
        "  vars: {x: play}\n  tasks: [{debug: {msg: tasks}}]\n  pre_tasks: [{debug: {msg: pre}}]\n  roles: [web]\n",
    );
    // 'base' without parameters ran once, as the same role with the same parameters does.
    assert_eq!(said(&played), ["pre", "play base", "given db", "play web", "tasks"]);
}

#[test]
fn the_same_role_runs_again_with_other_parameters_or_where_its_metadata_allows_that() {
    let stage = Stage::new();
    stage.write("roles/a/tasks/main.yml", SAY);
    stage.write("roles/b/tasks/main.yml", SAY);
    stage.write("roles/b/meta/main.yml", "allow_duplicates: true\n");
    stage.write("roles/s/tasks/main.yml", "- name: say\n  debug: {msg: no}\n  when: run | default(false)\n");
    let played = play(
        &stage,
        "  vars: {x: play}\n  roles:\n    - a\n    - a\n    - {role: a, x: 1}\n    - {role: a, vars: {x: 2}}\n\
         \x20   - b\n    - b\n    - s\n    - {role: s}\n",
    );
    assert_eq!(
        said(&played)[..6],
        ["play a", "1 a", "2 a", "play b", "play b", "when: run | default(false)"]
    );
    // Where nothing of it ran, it did not run.
    assert_eq!(played.ends().iter().filter(|end| end.task == "s : say").count(), 2);
}

#[test]
fn tags_conditions_and_variables_reach_every_task_of_what_is_imported() {
    let stage = Stage::new();
    stage.write("roles/a/tasks/main.yml", SAY);
    stage.write("roles/a/tasks/other.yml", "- name: other\n  debug: {msg: 'other {{ x }}'}\n");
    stage.write("deep/er/t.yml", "- name: t\n  debug: {msg: '{{ x }}'}\n- import_tasks: beside.yml\n");
    stage.write("deep/er/beside.yml", "- name: beside\n  debug: {msg: 'beside {{ x }}'}\n");
    let played = play(
        &stage,
        "  vars: {x: play, where: deep}\n  tasks:\n\
         \x20   - import_role: {name: a, tasks_from: other}\n      vars: {x: given}\n\
         \x20   - import_tasks: '{{ where }}/er/t.yml'\n      vars: {x: to file}\n\
         \x20   - import_tasks: deep/er/t.yml\n      when: x == 'never'\n",
    );
    assert_eq!(
        played.story(),
        [
            "a : other ok: other given",
            "t ok: to file",
            "beside ok: beside to file",
            "t skipped: when: x == 'never'",
            "beside skipped: when: x == 'never'"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_role_is_told_with_its_place() {
    let stage = Stage::new();
    stage.write("roles/a/tasks/main.yml", "- debug: {msg: x}\n  notify: nobody\n");
    stage.write("roles/loop/meta/main.yml", "dependencies: [loop]\n");
    let refused = |keywords: &str| {
        let played = stage.try_play(&format!("- hosts: all\n  gather_facts: no\n{keywords}"));
        played.err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    let unknown = refused("  roles: [b]\n");
    assert!(unknown.contains("there is no role 'b'") && unknown.contains("play.yml:3:11"), "{unknown}");
    assert!(refused("  roles: [a]\n").contains("roles/a/tasks/main.yml:2:11"));
    assert!(refused("  roles: [loop]\n").contains("without end"));
    let of_collection = refused("  roles: [some.thing.role]\n");
    assert!(of_collection.contains("collections/ansible_collections"), "{of_collection}");
    let missing = refused("  tasks: [{import_role: {name: a, tasks_from: nosuch}}]\n");
    assert!(missing.contains("the role has no file 'tasks/nosuch'"), "{missing}");
    let file = refused("  tasks: [{import_tasks: '{{ inventory_hostname }}.yml'}]\n");
    assert!(file.contains("include_tasks"), "{file}");
}

/// The ladder, from its lowest rung: with each that is added, what it says counts.
const RUNGS: [&str; 17] = [
    "role_defaults",
    "group_in_file",
    "group_vars_all",
    "group_vars_web",
    "host_in_file",
    "host_vars",
    "play_vars",
    "vars_files",
    "role_vars",
    "entry_vars",
    "block_vars",
    "task_vars",
    "include_vars",
    "set_fact",
    "role_params",
    "include_params",
    "extra_vars",
];

#[test]
fn variables_win_in_ansibles_order() {
    for (top, winner) in RUNGS.iter().enumerate() {
        let mut stage = Stage::new();
        let has = |rung: &str| RUNGS.iter().position(|name| *name == rung).unwrap() <= top;
        let value = |rung: &str| if has(rung) { format!("v: {rung}") } else { "unused: 1".to_owned() };
        let ini = |rung: &str| value(rung).replace(": ", "=");
        for (file, rung) in [
            ("roles/a/defaults/main.yml", "role_defaults"),
            ("roles/a/vars/main.yml", "role_vars"),
            ("group_vars/all.yml", "group_vars_all"),
            ("group_vars/web.yml", "group_vars_web"),
            ("host_vars/one.yml", "host_vars"),
            ("files.yml", "vars_files"),
            ("roles/a/vars/more.yml", "include_vars"),
        ] {
            stage.write(file, &value(rung));
        }
        stage.hosts = format!(
            "[web]\none ansible_connection=local {}\n[web:vars]\n{}\n",
            ini("host_in_file"),
            ini("group_in_file")
        );
        if has("extra_vars") {
            stage.extra.insert("v".into(), json!("extra_vars"));
        }
        let params = if has("include_params") { "  vars: {v: include_params}\n" } else { "" };
        let tasks = format!(
            "- set_fact: {{{}}}\n- include_vars: more.yml\n- include_tasks: look.yml\n{params}",
            value("set_fact")
        );
        stage.write("roles/a/tasks/main.yml", &tasks);
        let look = format!(
            "- vars: {{{}}}\n  block:\n    - name: look\n      debug: {{msg: '{{{{ v }}}}'}}\n      vars: {{{}}}\n",
            value("block_vars"),
            value("task_vars")
        );
        stage.write("roles/a/tasks/look.yml", &look);
        let params = if has("role_params") { ", v: role_params" } else { "" };
        let played = play(
            &stage,
            &format!(
                "  vars: {{{}}}\n  vars_files: [files.yml]\n  roles:\n    - {{role: a, vars: {{{}}}{params}}}\n",
                value("play_vars"),
                value("entry_vars")
            ),
        );
        assert_eq!(said(&played).last().map(String::as_str), Some(*winner));
    }
}

#[test]
fn files_of_variables_may_be_named_by_what_is_found_out_on_a_host() {
    let stage = Stage::new();
    stage.write("vars/Linux.yml", "v: of Linux\nw: of Linux\n");
    stage.write("last.yml", "w: last\n");
    stage.write("plain.yml", "w: plain\nu: plain\n");
    let played = stage.play(
        "- hosts: all\n  vars_files:\n    - '{{ first }}.yml'\n    - ['nosuch.yml', 'vars/{{ ansible_system }}.yml']\n\
         \x20   - last.yml\n  vars: {first: plain}\n  tasks: [{debug: {msg: '{{ v }} {{ w }} {{ u }}'}}]\n",
    );
    assert_eq!(said(&played), ["of Linux last plain"]);
}

#[test]
fn a_play_says_which_facts_are_gathered() {
    let stage = Stage::new();
    let played = stage.play(
        "- hosts: all\n  gather_subset: ['!all', '!min', env]\n  gather_timeout: 5\n\
         \x20 tasks: [{debug: {msg: '{{ ansible_env is defined }}'}}]\n",
    );
    assert_eq!((played.counts().failed, said(&played)), (0, vec!["true".to_owned()]));
}

#[test]
fn a_playbook_that_is_imported_finds_its_files_beside_itself() {
    let stage = Stage::new();
    stage.write(
        "sub/roles/r/tasks/main.yml",
        "- debug: {msg: '{{ role_name }} {{ x }} {{ playbook_dir | basename }}'}\n",
    );
    stage.write("sub/p.yml", "- hosts: all\n  gather_facts: no\n  roles: [r]\n  vars: {x: own}\n");
    let played = stage.play(
        "- import_playbook: sub/p.yml\n  vars: {x: given}\n- import_playbook: sub/p.yml\n  when: x == 'never'\n",
    );
    assert_eq!(said(&played), ["r given sub", "when: x == 'never'"]);
}

#[test]
fn a_role_knows_its_name_its_folder_and_who_brought_it() {
    let stage = Stage::new();
    stage.write("roles/outer/meta/main.yml", "dependencies: [dep]\n");
    stage.write("roles/outer/tasks/main.yml", "- import_role: {name: inner}\n");
    stage.write(
        "roles/dep/tasks/main.yml",
        "- debug: {msg: '{{ ansible_parent_role_names | default(\"depends\") }}'}\n",
    );
    stage.write(
        "roles/inner/tasks/main.yml",
        "- debug: {msg: '{{ role_name }} {{ role_path | basename }} {{ ansible_parent_role_names[0] }}'}\n",
    );
    let played = play(
        &stage,
        "  roles: [outer]\n  tasks: [{debug: {msg: '{{ ansible_play_role_names | join(\" \") }}, {{ ansible_dependent_role_names[0] }}'}}]\n",
    );
    assert_eq!(said(&played), ["depends", "inner inner outer", "outer inner, dep"]);
}

#[test]
fn the_first_file_that_is_found_is_of_the_kind_that_the_loops_module_reads() {
    let stage = Stage::new();
    stage.write("roles/r/vars/Debian.yml", "x: from vars\n");
    stage.write("roles/r/tasks/Debian.yml", SAY);
    stage.write(
        "roles/r/tasks/main.yml",
        "- include_vars: '{{ item }}'\n  with_first_found: [None.yml, Debian.yml]\n\
         - include_tasks: '{{ item }}'\n  with_first_found: [None.yml, Debian.yml]\n",
    );
    // Whoever brought the role here is asked last.
    stage.write("roles/outer/vars/Debian.yml", "x: from outside\n");
    stage.write("roles/outer/meta/main.yml", "dependencies: [r]\n");
    assert_eq!(said(&play(&stage, "  roles: [outer]\n")), ["from vars r"]);
}

#[test]
fn a_handler_brings_in_a_file_of_tasks() {
    let stage = Stage::new();
    stage.write("roles/r/tasks/main.yml", "- command: 'true'\n  notify: clean\n");
    stage.write("roles/r/tasks/cleanup.yml", SAY);
    stage.write("roles/r/handlers/main.yml", "- name: clean\n  include_tasks: cleanup.yml\n");
    assert_eq!(said(&play(&stage, "  vars: {x: cleaned}\n  roles: [r]\n")), ["cleaned r"]);
}

#[test]
fn a_template_knows_where_it_is() {
    let stage = Stage::new();
    stage.write(
        "roles/r/templates/a.j2",
        "{{ template_fullpath is search('/r/templates/a.j2$') }} {{ template_path }} {{ template_destpath | basename }} \
         {{ template_mtime.year > 2000 and template_mtime <= template_run_date }} {{ template_run_date.strftime('%Y') | length }}",
    );
    stage.write(
        "roles/r/tasks/main.yml",
        &format!("- template: {{src: a.j2, dest: '{}/out'}}\n", stage.dir.path().display()),
    );
    play(&stage, "  roles: [r]\n");
    assert_eq!(stage.read("out").as_deref(), Some("True a.j2 out True 4"));
}

#[test]
fn a_role_of_a_collection_is_found_by_its_whole_name() {
    let stage = Stage::new();
    stage.write(
        "collections/ansible_collections/ns/coll/roles/r/tasks/main.yml",
        "- name: t\n  debug: {msg: '{{ d }}'}\n\
         - debug: {msg: '{{ role_name }} {{ ansible_role_name }} {{ ansible_collection_name }}'}\n",
    );
    stage
        .write("collections/ansible_collections/ns/coll/roles/r/defaults/main.yml", "d: of the collection\n");
    let text = "- hosts: all\n  gather_facts: no\n  roles: [ns.coll.r]\n  tasks: [{include_role: {name: ns.coll.r}}]\n";
    let played = stage.play(text);
    let said: Vec<_> = played.ends().iter().filter_map(|end| end.message.clone()).collect();
    for expected in ["of the collection", "r ns.coll.r ns.coll"] {
        assert_eq!(said.iter().filter(|said| *said == expected).count(), 2, "{:?}", played.story());
    }
}

//! Roles, imports and includes on a real host: dry run, run, run again.

use crate::lab::Lab;
use crate::ops::Ops;

/// A small role with all that roles have, and one that it depends on.
const FILES: &[(&str, &str)] = &[
    ("base/defaults/main.yml", "base_dir: /srv/base\n"),
    (
        "base/tasks/main.yml",
        "- name: The folder\n  file: {path: '{{ base_dir }}', state: directory, mode: '0755'}\n",
    ),
    ("app/meta/main.yml", "dependencies:\n  - {role: base, base_dir: /srv/app}\n"),
    (
        "app/meta/argument_specs.yml",
        "argument_specs:\n  main:\n    options:\n      app_sites:\n        type: list\n        elements: dict\n\
         \x20       required: true\n        options: {name: {required: true}, port: {type: int}}\n",
    ),
    ("app/defaults/main.yml", "app_user: root\n"),
    ("app/vars/main.yml", "app_banner: '{{ ansible_distribution }} {{ app_flavour }}'\n"),
    ("app/vars/Debian.yml", "app_flavour: flavoured\n"),
    (
        "app/templates/site.j2",
        "{{ item.name }} {{ item.port | default(80) }} {{ app_banner }} {{ role_name }}\n",
    ),
    ("app/files/plain", "plain\n"),
    (
        "app/tasks/main.yml",
        "- include_vars: '{{ ansible_os_family }}.yml'\n- import_tasks: files.yml\n- include_tasks: site.yml\n\
         \x20 loop: '{{ app_sites }}'\n- include_tasks: never.yml\n  when: ansible_os_family == 'RedHat'\n\
         - command: /bin/true\n  register: probe\n  changed_when: false\n- include_tasks: probe.yml\n\
         \x20 when: probe.rc == 0\n",
    ),
    ("app/tasks/files.yml", "- copy: {src: plain, dest: /srv/app/plain, owner: '{{ app_user }}'}\n"),
    (
        "app/tasks/site.yml",
        "- name: Site {{ item.name }}\n  template: {src: site.j2, dest: '/srv/app/{{ item.name }}'}\n  notify: note\n",
    ),
    ("app/tasks/probe.yml", "- copy: {content: probed, dest: /srv/app/probe}\n"),
    ("app/handlers/main.yml", "- name: note\n  copy: {content: '{{ app_banner }}', dest: /srv/app/noted}\n"),
];

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_tree_of_roles_is_foretold_done_and_settles() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    for (file, text) in FILES {
        ops.write(&format!("playbooks/roles/{file}"), text);
    }
    ops.keep(
        "playbooks/app.yml",
        "- hosts: all\n  become: true\n  vars: {app_sites: [{name: one}, {name: two, port: 81}]}\n  roles: [base, app]\n\
         \x20 post_tasks:\n    - include_role: {name: base}\n      vars: {base_dir: /srv/other}\n",
    );
    let types = |more: &str| ops.types("alice", &format!("run playbooks/app.yml -i ops -v {more}")).says();
    let foreseen = types("--check").expect(0, &["known after apply"]).recap(host.name());
    assert_eq!(lab.exec(&host, "ls -d /srv/app 2>/dev/null || echo none"), "none");
    let done = types("--reason roles").expect(0, &["app : Site two"]).recap(host.name());
    assert_eq!(done["changed"], 8);
    // What the include behind the command brings, nobody could tell before.
    assert!(foreseen["changed"] + foreseen["unknown"] >= 7, "{foreseen:?}");
    assert_eq!(lab.exec(&host, "cat /srv/app/two"), "two 81 Debian flavoured app");
    assert_eq!(
        lab.exec(&host, "cat /srv/app/noted /srv/app/probe; ls -d /srv/other"),
        "Debian flavouredprobed/srv/other"
    );
    let again = types("--reason roles").expect(0, &[]).recap(host.name());
    assert_eq!(again["changed"], 0);
    assert!(again["exchanges"] <= 5, "{again:?}");
}

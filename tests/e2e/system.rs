//! Modules for the system on a real host that has neither Python nor gpg: a dry run, a run, and a second run that changes
//! nothing.

use crate::lab::Lab;
use crate::ops::Ops;

const KEY: &str = include_str!("../../src/modules/apt_keyring/key_gpg_2.2.40.asc");

/// Each module of state once.
const STATES: &str = "\
- sysctl: {name: vm.swappiness, value: 10, sysctl_file: /etc/sysctl.d/90-e2e.conf, reload: false}
- mount: {path: /srv/e2e, src: tmpfs, fstype: tmpfs, opts: 'size=1m,mode=1777', state: mounted}
- hostname: {name: e2e.example.com}
- debconf: {name: e2e, question: e2e/answer, vtype: string, value: forty two}
- dpkg_selections: {name: bar, selection: hold}
- dpkg_divert: {path: /etc/e2e.conf}
- alternatives: {name: e2e, link: /usr/local/bin/e2e, path: /bin/true}
- apt_repository: {repo: 'deb http://packages.example.com/debian bookworm main', update_cache: false}
- deb822_repository: {name: E2E, uris: 'https://packages.example.com/', suites: bookworm, components: main, enabled: false}
- apt_key: {data: \"{{ lookup('file', 'key.asc') }}\", keyring: /etc/apt/keyrings/e2e.gpg}
- yum_repository: {name: e2e, description: E2E, baseurl: 'https://packages.example.com/', gpgcheck: true}
- pam_limits: {domain: ops, limit_type: '-', limit_item: nofile, value: '4096'}
- kernel_blacklist: {name: pcspkr}
- user: {name: e2e, generate_ssh_key: true, ssh_key_type: ed25519, password_expire_max: 90}
";

/// What only looks, behind it.
const FACTS: &str = "\
- getent: {database: group, key: root}
- service_facts:
- package_facts:
- mount_facts:
- assert:
    that:
      - getent_group.root[1] == '0'
      - ansible_facts.services['svcd.service'].state == 'running'
      - ansible_facts.packages['bar'][0].version == '1.0'
      - ansible_facts.mount_points['/srv/e2e'].fstype == 'tmpfs'
- seboolean: {name: httpd_can_network_connect, state: true}
  register: switch
  ignore_errors: true
- assert: {that: \"switch.msg == 'SELinux is disabled on this host.'\"}
";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn the_system_is_as_asked_after_one_run_and_a_second_one_changes_nothing() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.write("playbooks/files/key.asc", KEY);
    let states = ops.play("states", "  become: true\n", STATES);
    let facts = ops.play("facts", "  become: true\n", FACTS);
    let run = |line: &str| ops.types("alice", line).says().expect(0, &[]).recap(host.name());

    let foreseen = run(&format!("run {states} -i ops --check"));
    let done = run(&format!("run {states} -i ops"));
    assert_eq!(done["changed"], 14);
    assert!(
        foreseen["changed"] + foreseen["unknown"] >= 14,
        "nothing is passed off as in order: {foreseen:?}"
    );
    let again = run(&format!("run {states} -i ops"));
    assert_eq!((again["changed"], again["failed"]), (0, 0));
    run(&format!("run {facts} -i ops"));
    let seen = lab.exec(
        &host,
        "uname -n; readlink -f /usr/local/bin/e2e; dpkg-divert --listpackage /etc/e2e.conf; dpkg --get-selections bar",
    );
    let words: Vec<&str> = seen.split_whitespace().collect();
    assert_eq!(words, ["e2e.example.com", "/usr/bin/true", "LOCAL", "bar", "hold"]);
    // It has another name now.
    lab.reset(&host);
}

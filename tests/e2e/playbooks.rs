//! Playbooks on real hosts: dry run, run, run again; and who may do which.

use crate::lab::Lab;
use crate::ops::Ops;

/// What a small server is made of: each module of state at least once.
const SERVER: &str = "\
- file: {path: /srv/e2e, state: directory, mode: '0750'}
- copy: {dest: /srv/e2e/one, content: \"one\\n\", mode: '0644'}
- template: {src: two.j2, dest: /srv/e2e/two}
- lineinfile: {path: /srv/e2e/three, line: a=1, regexp: '^a=', create: true}
- file: {src: /srv/e2e/one, dest: /srv/e2e/link, state: link}
- group: {name: e2e}
- user: {name: e2e, group: e2e, shell: /bin/sh}
- cron: {name: e2e, minute: '5', job: /bin/true}
- stat: {path: /srv/e2e/one}
  register: one
- debug: {msg: \"{{ one.stat.size }}\"}
";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_dry_run_says_what_the_run_then_does_and_a_second_run_changes_nothing() {
    let lab = Lab::open();
    let host = lab.host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.write("playbooks/templates/two.j2", "{% for n in [1, 2] %}\nnumber {{ n }}\n{% endfor %}\n");
    let playbook = ops.play("server", "  become: true\n", SERVER);
    let world = || {
        lab.exec(&host, "find /srv /etc/passwd /etc/group /var/spool/cron -printf '%p %m %U %T@\\n' | sort")
    };

    let untouched = world();
    let foreseen = ops
        .types("alice", &format!("run {playbook} -i ops --check"))
        .says()
        .expect(0, &[])
        .recap(host.name());
    assert_eq!(world(), untouched, "a dry run changes nothing");
    let shadow =
        ops.types("sam", &format!("run {playbook} -i ops")).says().expect(0, &["DRY RUN"]).recap(host.name());
    assert_eq!(world(), untouched, "nor does a shadow, whatever they type");
    assert_eq!(shadow, foreseen);

    let done =
        ops.types("alice", &format!("run {playbook} -i ops -v")).says().expect(0, &[]).recap(host.name());
    assert_eq!(done["changed"], 8);
    assert_eq!(
        foreseen["changed"] + foreseen["unknown"],
        10,
        "nothing is passed off as in order that then changes"
    );
    assert_eq!(lab.exec(&host, "cat /srv/e2e/two"), "number 1\nnumber 2");
    assert!(ops.newest().contains("1 changed"));

    let settled = world();
    let again =
        ops.types("alice", &format!("run {playbook} -i ops -v")).says().expect(0, &[]).recap(host.name());
    assert_eq!(again["changed"], 0);
    assert!(again["exchanges"] <= 5, "{again:?}");
    assert_eq!(world(), settled);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn fifty_settled_tasks_take_at_most_five_exchanges_and_a_dry_run_no_more() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    let tasks: String = (0..50)
        .map(|n| match n % 5 {
            0 => format!("- file: {{path: /srv/fifty{n}, state: directory}}\n"),
            1 => format!("- copy: {{dest: /srv/fifty{}/file, content: \"{n}\\n\"}}\n", n - 1),
            2 => format!("- lineinfile: {{path: /srv/fifty{}/lines, line: a{n}, create: true}}\n", n - 2),
            3 => format!("- group: {{name: fifty{n}}}\n"),
            _ => format!("- cron: {{name: fifty{n}, minute: '{n}', job: /bin/true}}\n"),
        })
        .collect();
    let playbook = ops.play("fifty", "  become: true\n", &tasks);
    ops.types("alice", &format!("run {playbook} -i ops")).says().expect(0, &[]);
    let settled =
        ops.types("alice", &format!("run {playbook} -i ops -v")).says().expect(0, &[]).recap(host.name());
    assert_eq!((settled["ok"], settled["changed"]), (50, 0));
    assert!(settled["exchanges"] <= 5, "{settled:?}");
    let dry = ops
        .types("alice", &format!("run {playbook} -i ops -v --check"))
        .says()
        .expect(0, &[])
        .recap(host.name());
    assert!(dry["exchanges"] <= settled["exchanges"], "{dry:?} {settled:?}");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn who_is_not_in_the_roster_gets_a_dry_run_and_no_entry() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    let playbook = ops.play("touch", "  become: true\n", "- command: touch /root/stranger-was-here");
    ops.bare(&["run", &playbook, "-i", "ops"]).says().expect(0, &["DRY RUN"]);
    assert!(!lab.holds(&host, "test -e /root/stranger-was-here"));
    assert_eq!(ops.entries(), 0);
}

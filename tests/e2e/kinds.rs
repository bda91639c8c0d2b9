//! The same on hosts of other kinds: Debian 11 and 13, a host without systemd whose `sh` is busybox, and one on which
//! Debian's own updates wait.

use crate::lab::{Host, Lab};
use crate::ops::Ops;

fn on(kind: &str, test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let Some(host) = lab.host_of(kind) else { return };
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

/// Audits, patches, audits and patches again, and looks at what dpkg says.
fn is_audited_and_patched(kind: &str) {
    on(kind, |lab, host, ops| {
        let before = lab.exec(host, "dpkg -l | sha256sum");
        ops.alice("audit -i ops").expect(5, &["libfoo", "security-update", "heldpkg"]);
        ops.alice("patch -i ops --check").expect(0, &["libfoo", "1.0 → 1.1", "security"]);
        assert_eq!(lab.exec(host, "dpkg -l | sha256sum"), before);
        let said = ops.types("alice", "patch -i ops --yes --reason kinds").within(110).says();
        said.expect(0, &["libfoo", "changed=", "/etc/confpkg.conf"]);
        for package in ["libfoo", "bar", "svcd", "confpkg", "keptback"] {
            let state = lab.exec(host, &format!("dpkg -s {package} | grep -E '^(Status|Version)'"));
            assert_eq!(state, "Status: install ok installed\nVersion: 1.1", "{package}: {said}");
        }
        assert!(lab.holds(host, "grep -q listen=8080 /etc/confpkg.conf && test -z \"$(dpkg --audit)\""));
        lab.exec(host, "apt-mark unhold heldpkg; apt-get -q -y install heldpkg >/dev/null 2>&1");
        ops.alice("audit -i ops --fail-on security").expect(0, &[]).without(&["security-update"]);
        ops.alice("patch -i ops --yes").expect(0, &["nothing changed"]);
        ops.newest_run().expect(0, &[host.name()]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn debian_11_is_audited_and_patched() {
    is_audited_and_patched("bullseye");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn debian_13_is_audited_and_patched() {
    is_audited_and_patched("trixie");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_without_systemd_whose_sh_is_busybox_is_audited_and_patched() {
    is_audited_and_patched("sysvinit");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn debians_own_updates_are_installed_and_sshd_is_one_of_them() {
    is_audited_and_patched("real");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_without_systemd_reboots_and_its_services_are_started() {
    on("sysvinit", |lab, host, ops| {
        let boot = "cat /proc/sys/kernel/random/boot_id";
        let before = lab.exec(host, boot);
        let tasks = "- reboot:\n- service: {name: cron, state: stopped}\n- service: {name: cron, state: started, enabled: true}\n";
        let file = ops.play("restart", "  become: true\n", tasks);
        ops.types("alice", &format!("run {file} -i ops")).within(60).says().expect(0, &["changed=3"]);
        assert_ne!(lab.exec(host, boot), before);
        assert!(lab.holds(host, "pgrep cron"));
    });
}

/// What most playbooks are made of.
const USUAL: &str = "\
- file: {path: /srv/a/b, state: directory, mode: '0750', owner: ops}
- copy: {dest: /srv/a/c, content: \"one\\ntwo\\n\", mode: '0640', backup: true}
- copy: {src: tree/, dest: /srv/t/}
- template: {src: t.j2, dest: /srv/a/t}
- lineinfile: {path: /srv/a/l, line: two=2, regexp: ^two, create: true}
- blockinfile: {path: /srv/a/k, block: \"x\\ny\", create: true, mode: '0600'}
- user: {name: bb, shell: /bin/sh, groups: adm, append: true}
- group: {name: bbg, system: true}
- cron: {name: nightly, minute: '3', hour: '4', job: 'true', user: root, cron_file: bb}
- ini_file: {path: /srv/a/i, section: s, option: o, value: v}
- file: {src: /srv/a/c, dest: /srv/a/link, state: link}
- archive: {path: /srv/t, dest: /srv/t.tar.gz}
- file: {path: /srv/u, state: directory}
- unarchive: {src: /srv/t.tar.gz, dest: /srv/u, remote_src: true}
- synchronize: {src: tree/, dest: /srv/sync}
- authorized_key: {user: bb, key: \"{{ lookup('file', 'key.pub') }}\"}
- service: {name: svcd, state: stopped}
";

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_most_playbooks_are_made_of_settles_where_sh_is_busybox() {
    on("sysvinit", |lab, host, ops| {
        ops.write("playbooks/files/tree/a/f", "f\n");
        ops.write("playbooks/files/key.pub", std::fs::read(lab.path("keys/alice.pub")).unwrap());
        ops.write("playbooks/templates/t.j2", "{{ inventory_hostname }}\n");
        let file = ops.play("usual", "  become: true\n", USUAL);
        let all = u32::try_from(USUAL.lines().count()).unwrap();
        let run =
            |more: &str| ops.alice(&format!("run {file} -i ops {more}")).expect(0, &[]).recap(host.name());
        let foreseen = run("--check");
        assert_eq!(foreseen["changed"] + foreseen["unknown"], all, "{foreseen:?}");
        let done = run("");
        assert_eq!((done["changed"], done["failed"]), (all, 0), "{done:?}");
        let again = run("");
        assert_eq!((again["changed"], again["failed"]), (0, 0), "{again:?}");
        assert_eq!(lab.exec(host, "cat /srv/u/t/a/f /srv/a/l"), "f\ntwo=2");
        lab.reset(host);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_secret_reaches_a_host_whose_sh_is_busybox_and_is_shown_nowhere() {
    on("sysvinit", |lab, host, ops| {
        let secret = "Kanari-9d3e-Vogel";
        let vars = ["vault", "set", "inventory/group_vars/all/vault.yml", "password"];
        crate::secrets::seals(ops, &vars, secret);
        let tasks = "- copy: {content: '{{ password }}', dest: /root/e2e-copied, mode: '0600'}
- lineinfile: {path: /root/e2e-lines, line: 'a={{ password }}', create: true, mode: '0600'}
- shell: {cmd: 'cat >/root/e2e-through', stdin: '{{ password }}'}
- slurp: {src: /root/e2e-lines}
  register: slurped
- debug: {var: slurped}
- debug: {msg: '{{ slurped.content | b64decode }}'}
- command: cat /root/e2e-lines
  register: printed
- debug: {var: printed.stdout}
";
        let file = ops.play("secret", "  become: true\n", tasks);
        let said = ops.alice(&format!("run {file} -i ops --diff -vvv"));
        // As it is, and in the middle of something else in Base64.
        said.expect(0, &["failed=0"]).without(&[
            secret,
            "S2FuYXJpLTlkM2UtVm9nZWw",
            "YT1LYW5hcmktOWQzZS1Wb2dlb",
        ]);
        for (name, content) in [("copied", secret.to_owned()), ("lines", format!("a={secret}"))] {
            assert_eq!(lab.exec(host, &format!("cat /root/e2e-{name}")), content);
        }
        assert_eq!(lab.exec(host, "cat /root/e2e-through; rm /root/e2e-*"), secret);
    });
}

//! Hosts without room on their disk or in `/tmp`, where nothing may be executed either: nothing is half written, nothing of
//! ours stays behind, what is missing is said, and nobody is shut out.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::secrets::seals;

const SECRET: &str = "Platz-6e1a-Mangel";

const TASKS: &str = "- copy: {content: new, dest: /etc/e2e-old}
- lineinfile: {path: /etc/e2e-old, line: more}
- template: {src: secret.j2, dest: '/etc/e2e-made', mode: '0600'}
- copy: {content: \"{{ 'x' * 100000 }}\", dest: /etc/e2e-big}
- shell: {cmd: 'cat >/dev/null', stdin: '{{ canary }}'}
- command: 'true'
  async: 20
  poll: 1
- script: some.sh
";

/// What was written since the test began, and what lies about in places of passage.
fn written(lab: &Lab, host: &Host) -> String {
    let found = "find /etc /root /home /srv /usr /opt /var/tmp /tmp /dev/shm /run/wgops -newer /run/begun -type f 2>/dev/null";
    lab.exec(host, &format!("{found} | sort; grep -r -l {SECRET} /etc /root /home /var /tmp /dev/shm 2>/dev/null | grep -v e2e-made || true"))
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn without_room_nothing_is_half_written_or_left_behind_and_nobody_is_shut_out() {
    let lab = Lab::open();
    let host = lab.tiny_host();
    lab.reset(&host);
    let ops = Ops::of(&lab, &[&host]);
    ops.opens_to_shadows();
    seals(&ops, &["vault", "set", "inventory/group_vars/all/vault.yml", "canary"], SECRET);
    ops.write("playbooks/templates/secret.j2", "{{ canary }}\n");
    ops.write("playbooks/files/some.sh", "#!/bin/sh\ntrue\n");
    let file = ops.play("full", "  become: true\n", TASKS);
    let ignoring: String = TASKS.replace("\n- ", "\n  ignore_errors: true\n- ");
    let forgiving = ops.play("forgiving", "  become: true\n", &format!("{ignoring}  ignore_errors: true\n"));
    lab.exec(
        &host,
        "echo old >/etc/e2e-old; touch /run/begun; sleep 0.1; head -c 400M /dev/zero >/filler; true",
    );
    let all = u32::try_from(TASKS.matches("\n- ").count() + 1).unwrap();

    let foreseen = ops.alice(&format!("run {file} -i ops --check"));
    foreseen.expect(0, &["failed=0", "would change"]);
    assert_eq!(written(&lab, &host), "");
    let said = ops.alice(&format!("run {forgiving} -i ops"));
    said.expect(0, &["No space left on device"]).without(&[SECRET]);
    // What goes on apart is in memory, and one command writes nothing.
    assert!(said.recap(host.name())["ignored"] >= all - 3, "{said}");
    assert_eq!(written(&lab, &host), "");
    assert_eq!(lab.exec(&host, "cat /etc/e2e-old"), "old");
    let sync = || ops.types("alice", "access sync -i ops --yes --reason why").within(60).says();
    sync().expect(1, &["No space left on device"]);
    ops.alice("ping -i ops").expect(0, &["ok"]);

    // In `/tmp` there is no room, and nothing of it is executed: nothing here needs that.
    lab.exec(
        &host,
        "rm /filler; mount -t tmpfs -o size=64k,noexec tmpfs /tmp; head -c 64k /dev/zero >/tmp/filler; touch -d yesterday /tmp/filler",
    );
    let run = || ops.alice(&format!("run {file} -i ops")).expect(0, &["failed=0"]).recap(host.name());
    assert!(run()["changed"] >= all - 2);
    assert_eq!(lab.exec(&host, "cat /etc/e2e-old; cat /etc/e2e-made"), format!("new\nmore\n{SECRET}"));
    sync().expect(0, &["+ sam (shadow)"]);
    ops.types("sam", "ping -i ops").says().expect(0, &["ok"]);
    assert_eq!(
        lab.exec(&host, "ls -A /tmp /dev/shm /run/wgops | grep -v systemd-private || true"),
        "/dev/shm:\n\n/tmp:\nfiller"
    );
    lab.reset(&host);
}

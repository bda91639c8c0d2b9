//! What hosts print, and where they let nothing be written: too much, what a terminal would obey, a read-only `/tmp`.

use crate::lab::{Host, Lab};
use crate::ops::Ops;
use crate::typed::wait_until;

fn here(test: impl FnOnce(&Lab, &Host, &Ops<'_>)) {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::of(&lab, &[&host]);
    test(&lab, &host, &ops);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_gigabyte_of_output_ends_at_the_limit_and_says_so() {
    here(|lab, host, ops| {
        let tasks = "- shell: yes | head -c 1073741824\n- command: touch /tmp/e2e-after";
        let file = ops.play("flood", "", tasks);
        let mut run = ops.types("alice", &format!("run {file} -i ops")).starts();
        let mut most = 0;
        wait_until("the end of the flood", 60, || {
            most = run.memory().unwrap_or(0).max(most);
            !run.runs()
        });
        let said = run.says();
        said.expect(1, &["printed more than", "MiB", "killed", "file on the host", "failed=1"]);
        assert!(said.out.len() + said.err.len() < 100_000, "{} bytes", said.out.len());
        assert!(most < 400 * 1024, "{most} KiB of memory");
        assert!(!lab.holds(host, "test -e /tmp/e2e-after"), "what comes after it was not begun");
        wait_until("it no longer runs on the host", 10, || !lab.holds(host, "pgrep -x yes"));
        assert!(ops.newest().contains("1 failed"), "{}", ops.newest());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_gigabyte_on_stderr_ends_at_the_limit_too() {
    here(|_, _, ops| {
        let file = ops.play("flood", "", "- shell: yes | head -c 1073741824 >&2");
        let said = ops.alice(&format!("run {file} -i ops"));
        said.expect(1, &["printed more than", "failed=1"]);
    });
}

/// Sets a clipboard, clears the screen, names the window, turns text around.
const ESCAPES: &str = r"printf 'a\033]52;c;aGk=\007\033[2J\033]0;t\007\302\2332J\342\200\256z\n'";

#[track_caller]
fn tame(text: &str, what: &str) {
    let wild = text.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(wild, None, "{what}: {text:?}");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn terminal_escapes_reach_no_terminal_and_no_report() {
    here(|_, host, ops| {
        let tasks = format!(
            "- shell: \"{0}; {0} >&2\"\n  register: seen\n- debug: {{var: seen}}\n- debug: {{msg: '{{{{ seen.stdout }}}}'}}\n\
             - set_fact: {{evil: '{{{{ seen.stdout }}}}'}}\n- fail: {{msg: '{{{{ evil }}}}'}}\n  ignore_errors: true\n\
             - shell: \"{0} >&2; exit 3\"\n",
            ESCAPES.replace('\\', "\\\\")
        );
        let file = ops.play("escapes", "", &tasks);
        for options in ["", " -v", " -vvv", " --diff", " --format json", " --explain", " --check"] {
            let said = ops.alice(&format!("run {file} -i ops{options}"));
            tame(&said.out, options);
            tame(&said.err, options);
            assert!(options.len() > 5 || said.out.contains("a^[]52;"), "made visible: {said}");
        }
        for line in ["ledger log", "inventory -i ops --graph"] {
            let said = ops.alice(line);
            tame(&said.out, line);
        }
        let shown = ops.newest_run();
        tame(&shown.out, host.name());
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn what_a_host_prints_is_never_rendered() {
    here(|lab, host, ops| {
        let tasks = "- shell: printf '%s' '{''{ lookup(\"pipe\", \"id\") }''}'\n  register: seen\n\
                     - copy: {dest: /tmp/e2e-literal, content: '{{ seen.stdout }}'}\n\
                     - set_fact: {again: '{{ seen.stdout }}'}\n\
                     - debug: {msg: '{{ again }}'}";
        let file = ops.play("literal", "", tasks);
        let said = ops.alice(&format!("run {file} -i ops"));
        said.expect(0, &["{{ lookup("]).without(&["uid="]);
        assert!(lab.exec(host, "cat /tmp/e2e-literal; rm /tmp/e2e-literal").starts_with("{{ lookup("));
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_failed_command_says_what_it_said() {
    here(|_, _, ops| {
        let file = ops.play("fails", "", "- shell: echo fine; echo the disk is on fire >&2; exit 3");
        let said = ops.alice(&format!("run {file} -i ops"));
        said.expect(1, &["the disk is on fire", "3", "playbooks/fails.yml:4:"]);
        said.without(&["nothing changed"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_read_only_tmp_makes_no_difference_to_what_needs_none() {
    here(|lab, host, ops| {
        let tasks = "- copy: {dest: /etc/e2e, content: \"it's $HOME `here`\\n\", mode: '0600'}\n\
                     - lineinfile: {path: /etc/e2e, line: second}\n\
                     - command: sh -c 'exit 0'\n";
        lab.reset(host);
        let file = ops.play("readonly", "  become: true\n", tasks);
        lab.exec(host, "mount -t tmpfs -o ro,mode=1777 none /tmp");
        let said = ops.alice(&format!("run {file} -i fishy"));
        let failing = ops.play("touch", "", "- command: touch /tmp/e2e");
        let failed = ops.alice(&format!("run {failing} -i ops"));
        let audit = ops.alice("audit -i audit");
        lab.exec(host, "umount /tmp");
        said.expect(0, &["changed=3"]);
        assert_eq!(
            lab.exec(host, "cat /etc/e2e; stat -c %a /etc/e2e; rm /etc/e2e"),
            "it's $HOME `here`\nsecond\n600"
        );
        failed.expect(1, &["Read-only file system", "/tmp/e2e"]);
        // apt needs a place for temporary files even to look: it gets another one.
        audit.expect(5, &["libfoo"]);
        audit.without(&["Read-only file system"]);
    });
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn patching_goes_on_where_tmp_is_read_only() {
    here(|lab, host, ops| {
        lab.reset(host);
        lab.exec(host, "mount -t tmpfs -o ro,mode=1777 none /tmp");
        let said = ops.alice("patch -i ops --yes");
        lab.exec(host, "umount /tmp");
        // The updates, and the service that ran on what they replaced.
        said.expect(0, &["patched", "changed=2"]);
        assert_eq!(lab.exec(host, "dpkg-query -W -f '${Version}' bar"), "1.1");
        assert_eq!(
            lab.exec(host, "ls /var/tmp | grep -v ^systemd-private || :"),
            "",
            "nothing is left where temporary files went"
        );
        lab.reset(host);
    });
}

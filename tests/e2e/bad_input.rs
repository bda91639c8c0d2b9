//! What people and hosts get wrong, each with its message, its exit code, and a ledger that says what is known.

use crate::lab::Lab;
use crate::ops::Ops;
use std::process::Command;

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_mistake_in_a_playbook_is_told_with_its_place_before_any_host_is_touched() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    let logins = || lab.root(&host, "journalctl -u ssh --no-pager | grep -c 'Accepted.* for ops'");
    let before = logins();
    let head = "- hosts: all\n  tasks:\n    - name: One\n";
    let cases: [(&str, String, &[&str]); 5] = [
        (
            "unknown key",
            format!("{head}      command: 'true'\n      whenn: true\n"),
            &["whenn", ":5:7", "'when'"],
        ),
        ("misspelt module", format!("{head}      comand: 'true'\n"), &["comand", ":4:7", "command"]),
        ("a tab", format!("{head}\tcommand: 'true'\n"), &["playbooks/bad.yml:", "tab"]),
        ("not closed", format!("{head}      command: \"true\n"), &["bad.yml:5:1", "quote"]),
        ("a missing argument", format!("{head}      copy: {{content: y}}\n"), &["dest"]),
    ];
    for (what, text, expected) in cases {
        ops.write("playbooks/bad.yml", &text);
        ops.commit();
        let said = ops.types("alice", &["run", "playbooks/bad.yml"]).exits(2);
        for part in expected {
            assert!(said.stderr.contains(part), "{what}: no '{part}' in:\n{}", said.stderr);
        }
    }
    ops.write("playbooks/bad.yml", b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe");
    ops.commit();
    ops.types("alice", &["run", "playbooks/bad.yml"]).exits(2).says("playbooks/bad.yml");
    assert_eq!(logins(), before);
    assert!(!ops.has_entries(), "nothing was to be done, so there is nothing to record");
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn an_undefined_variable_fails_its_task_and_names_itself() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    let playbook = ops.playbook("undefined", "", "- command: echo {{ nowhere }}\n- command: 'true'");
    let said = ops.types("alice", &["run", &playbook]).exits(1).says("nowhere");
    assert_eq!(said.recap(host.name())["failed"], 1);
    assert!(ops.last_of_ledger().contains("failed"));
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn hosts_that_cannot_be_reached_are_told_apart_and_recorded() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    let playbook = ops.playbook("true", "", "- command: 'true'");
    let stranger = lab.path("keys/id_stranger");
    let cases = [
        ("ansible_port=1", "refused"),
        // An address of the lab's network that nobody has.
        ("ansible_host=10.213.255.254 ansible_ssh_common_args='-o ConnectTimeout=2'", "10.213.255.254"),
        (&format!("ansible_ssh_private_key_file={}", stranger.display()), "key"),
    ];
    for (variables, expected) in cases {
        let said = ops
            .types("alice", &["run", &playbook, "--timeout", "2", "-e", variables])
            .exits(3)
            .says(expected);
        assert_eq!(said.recap(host.name())["unreachable"], 1, "{variables}");
        let line = ops.last_of_ledger();
        assert!(line.contains("unreachable"), "{line}");
    }
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_host_key_that_is_unknown_or_another_ends_it_before_anything_is_sent() {
    let lab = Lab::open();
    let (host, other) = (lab.host(), lab.host());
    let ops = Ops::begin(&lab, &[&host]);
    let playbook = ops.playbook("true", "", "- command: 'true'");
    let logins = || lab.root(&host, "journalctl -u ssh --no-pager | grep -c 'Accepted.* for ops'");
    let before = logins();

    ops.write("inventory/known_hosts", "");
    ops.commit();
    ops.types("alice", &["run", &playbook]).exits(3).says("unknown host key").says("inventory/known_hosts");

    let known = std::fs::read_to_string(lab.path("known_hosts")).unwrap();
    let line = known.lines().find(|line| line.starts_with(&format!("{},", other.name()))).unwrap();
    let (_, key) = line.split_once(' ').unwrap();
    ops.write("inventory/known_hosts", format!("{} {key}\n", lab.address(&host)));
    ops.commit();
    ops.types("alice", &["run", &playbook]).exits(3).says("changed");
    let audit = ops.types("alice", &["audit", "--fail-on", "security"]);
    assert!([3, 5].contains(&audit.code), "{}", audit.all());
    assert!(audit.all().contains("not-assessed"), "{}", audit.all());
    assert_eq!(logins(), before);
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn a_wrong_sudo_password_is_said_and_changes_nothing() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    let playbook = ops.playbook("sudo", "  become: true", "- command: touch /root/was-here");
    let passwords = tempfile::tempdir().unwrap();
    let file = passwords.path().join("password");
    let path = file.to_str().unwrap().to_owned();
    let run = |password: &str| {
        std::fs::write(&file, password).unwrap();
        Command::new("chmod").args(["600", &path]).status().unwrap();
        ops.types("alice", &["run", &playbook, "-e", "ansible_user=opspw", "--become-password-file", &path])
    };
    let said = run("wrong\n").says("sudo");
    assert!([1, 3].contains(&said.code), "{}", said.all());
    assert!(!said.all().contains("wrong\n"));
    assert_eq!(lab.root(&host, "ls /root/was-here 2>/dev/null | wc -l"), "0");
    run("opspw-secret\n").exits(0);
    assert_eq!(lab.root(&host, "ls /root/was-here | wc -l"), "1");
    let none = ops.types("alice", &["run", &playbook, "-e", "ansible_user=nosudo"]);
    assert!([1, 3].contains(&none.code), "{}", none.all());
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn another_login_shell_and_a_read_only_tmp_do_not_matter() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    lab.root(&host, "mount -t tmpfs -o ro,mode=1777 none /tmp");
    let tasks = "- copy: {dest: /etc/wgops-e2e, content: \"it's $HOME `here`\\n\", mode: '0600'}\n\
                 - lineinfile: {path: /etc/wgops-e2e, line: second}\n\
                 - command: sh -c 'exit 0'\n\
                 - pending_updates:";
    let playbook = ops.playbook("shells", "  become: true", tasks);
    let said = ops.types("alice", &["run", &playbook, "-e", "ansible_user=fishy"]);
    lab.root(&host, "umount /tmp");
    said.exits(0);
    assert_eq!(
        lab.root(&host, "cat /etc/wgops-e2e; stat -c %a /etc/wgops-e2e"),
        "it's $HOME `here`\nsecond\n600"
    );
}

#[test]
#[ignore = "needs the lab: run scripts/test"]
fn endless_output_and_terminal_escapes_from_a_host_do_no_harm() {
    let lab = Lab::open();
    let host = lab.host();
    let ops = Ops::begin(&lab, &[&host]);
    let escapes = ops.playbook("escapes", "", "- shell: printf '\\033]52;c;x\\007\\033[2J\\302\\233\\342\\200\\256'\n  register: seen\n- debug: {var: seen.stdout}");
    let said = ops.types("alice", &["run", &escapes, "-v"]).exits(0);
    for control in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'] {
        assert!(!said.all().contains(control), "{control:?}");
    }
    let flood = ops.playbook("flood", "", "- shell: head -c 1000000000 /dev/zero | tr '\\0' x");
    let said = ops.types("alice", &["run", &flood]).exits(1);
    assert!(said.all().len() < 100_000, "{} bytes", said.all().len());
    assert!(said.all().contains("output"), "{}", said.all());
    assert!(ops.last_of_ledger().contains("failed"));
}

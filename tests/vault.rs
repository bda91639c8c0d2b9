//! The vault as people type it, on this machine: no host is needed. What must not be there afterwards is looked for.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const VARS: &str = "inventory/group_vars/all/vault.yml";
const CANARY: &str = "Kanarienvogel-7f3a";

/// An ops repository with people who have keys.
struct Group {
    folder: TempDir,
    /// Another clone of it, in which people type instead.
    clone: Option<PathBuf>,
}

/// What a command printed, and how it ended.
struct Said {
    code: Option<i32>,
    text: String,
}

impl Said {
    #[track_caller]
    fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "'{word}' is missing in:\n{}", self.text);
        }
        self
    }

    #[track_caller]
    fn hides(&self, secret: &str) {
        assert!(!self.text.contains(secret), "'{secret}' is shown:\n{}", self.text);
    }
}

impl Group {
    fn new() -> Self {
        let group = Self { folder: tempfile::tempdir().unwrap(), clone: None };
        for name in ["alice", "carol", "oscar", "sam"] {
            let mut keygen = std::process::Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(group.key(name));
            assert!(keygen.status().unwrap().success());
        }
        let public = group.public("alice");
        let begin =
            ["init", "--group", "G", "--operator", "alice", "--nda", "2026-01-01", "--no-git", "--key"];
        let words: Vec<&str> = begin.into_iter().chain([public.as_str(), "."]).collect();
        fs::create_dir(group.root()).unwrap();
        group.types("alice", &words, "").expect(0, &[]);
        fs::create_dir_all(group.root().join("inventory/group_vars/all")).unwrap();
        let here = "all: {hosts: {here: {ansible_connection: local}}}\n";
        fs::write(group.root().join("inventory/here.yml"), here).unwrap();
        group
    }

    fn root(&self) -> PathBuf {
        self.clone.clone().unwrap_or_else(|| self.folder.path().join("ops"))
    }

    fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("key_{name}"))
    }

    fn public(&self, name: &str) -> String {
        format!("{}.pub", self.key(name).display())
    }

    fn types(&self, who: &str, words: &[&str], input: &str) -> Said {
        let home = self.folder.path().join(format!("home_{who}"));
        let mut command = Command::cargo_bin("wgops").unwrap();
        let command = command.args(words).current_dir(self.root()).env_clear().env("HOME", home);
        let command = command.env("PATH", std::env::var("PATH").unwrap_or_default());
        let command = command.write_stdin(input.to_owned());
        let output = command.env("WGOPS_IDENTITY", self.key(who)).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Said { code: output.status.code(), text: text.concat() }
    }

    fn says(&self, who: &str, line: &str) -> Said {
        self.types(who, &line.split_whitespace().collect::<Vec<_>>(), "")
    }

    /// The same on a machine that is told which roster counts.
    fn pinned(&self, who: &str, line: &str) -> Said {
        let listed = self.says("alice", "operators list").text;
        let pin = listed.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
        self.says(who, &format!("{line} --roster-pin {pin}"))
    }

    /// What alice types at a terminal, with this editor.
    fn at_a_terminal(&self, line: &str, editor: &str) -> Said {
        let home = self.folder.path().join("home_alice");
        let program = assert_cmd::cargo::cargo_bin("wgops");
        let mut command = Command::new("script");
        let command = command.args(["-q", "-e", "-c", &format!("{} {line}", program.display()), "/dev/null"]);
        let command = command.current_dir(self.root()).env_clear().env("HOME", home).env("EDITOR", editor);
        let command = command.env("PATH", std::env::var("PATH").unwrap_or_default());
        let output = command.env("WGOPS_IDENTITY", self.key("alice")).output().unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Said { code: output.status.code(), text: text.concat() }
    }

    fn sets(&self, who: &str, name: &str, value: &str) -> Said {
        self.types(who, &["vault", "set", VARS, name], value)
    }

    fn adds(&self, name: &str) {
        let line = format!("operators add {name} --key {} --yes", self.public(name));
        self.says("alice", &line).expect(0, &["in force"]);
    }

    fn clears(&self, name: &str) -> Said {
        self.adds(name);
        self.says("alice", &format!("operators clear {name} --nda 2026-01-01 --yes"))
    }

    fn vars(&self) -> String {
        fs::read_to_string(self.root().join(VARS)).unwrap()
    }

    /// Runs tasks on this machine.
    fn runs(&self, who: &str, tasks: &str, more: &str) -> Said {
        // Every test means this machine, and a run locks the host that it changes.
        let turn = fs::File::create(std::env::temp_dir().join("wgops-tests-of-this-machine.lock")).unwrap();
        turn.lock().unwrap();
        let play = format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}");
        let play = play.replace("FOLDER", &self.folder.path().to_string_lossy());
        fs::write(self.root().join("playbooks/test.yml"), play).unwrap();
        self.pinned(who, &format!("run playbooks/test.yml -i here --allow-dirty {more}"))
    }

    fn made(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(name)).ok()
    }

    /// Every file in which a text stands, below the repository and the homes.
    fn found(&self, secret: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut pending = vec![self.folder.path().to_owned()];
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    pending.push(path);
                } else if String::from_utf8_lossy(&fs::read(&path).unwrap()).contains(secret) {
                    found.push(path);
                }
            }
        }
        found
    }
}

fn copies(name: &str) -> String {
    format!("    - copy: {{content: '{{{{ {name} }}}}', dest: FOLDER/made, mode: '0600'}}\n")
}

#[test]
fn a_value_is_set_used_set_anew_and_nowhere_shown() {
    let group = Group::new();
    fs::write(group.root().join(VARS), "# ours\nplain: 1\n").unwrap();
    group.sets("alice", "db_password", &format!("{CANARY}\n")).expect(0, &["Sealed", "alice"]).hides(CANARY);
    let vars = group.vars();
    assert!(vars.starts_with("# ours\nplain: 1\ndb_password: !age |\n  -----BEGIN AGE"), "{vars}");
    group.says("alice", "vault list").expect(0, &[VARS, "db_password", "generation 1", "alice"]);
    let said = group.runs("alice", &copies("db_password"), "--diff -vvv --explain");
    said.hides(CANARY);
    let said = group.runs("alice", &copies("db_password"), "--diff -vvv");
    said.expect(0, &["changed=1"]).hides(CANARY);
    assert_eq!(group.made("made").unwrap(), CANARY);
    group.says("alice", "ledger log").expect(0, &["read", "vault"]);
    group.sets("alice", "db_password", "other").expect(0, &[]);
    group.says("alice", "vault list").expect(0, &["generation 2"]);
    group.runs("alice", &copies("db_password"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "other");
    assert_eq!(group.found(CANARY), Vec::<PathBuf>::new());
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn a_shadow_opens_nothing_and_sees_that_it_needs_an_operator() {
    let group = Group::new();
    group.sets("alice", "db_password", CANARY).expect(0, &[]);
    group.adds("sam");
    let said = group.runs("sam", &copies("db_password"), "-vvv");
    said.expect(0, &["needs an operator"]).hides(CANARY);
    assert!(group.made("made").is_none());
    group.pinned("sam", &format!("vault set {VARS} x")).expect(4, &["only cleared operators"]);
    group.pinned("sam", "vault rekey").expect(4, &["only cleared operators"]);
    // Nor with another tool: it is sealed for others.
    if std::process::Command::new("age").arg("--version").output().is_ok() {
        let armor: String = group.vars().lines().skip(2).map(|line| format!("{}\n", line.trim())).collect();
        let opens = |who: &str| {
            let mut age = Command::new("age");
            age.arg("-d").arg("-i").arg(group.key(who)).write_stdin(armor.clone()).output().unwrap()
        };
        assert!(!opens("sam").status.success());
        assert_eq!(String::from_utf8_lossy(&opens("alice").stdout), CANARY);
    }
}

#[test]
fn whoever_is_cleared_reads_and_whoever_leaves_reads_no_more_and_leaves_a_list() {
    let group = Group::new();
    group.sets("alice", "one", CANARY).expect(0, &[]);
    group.sets("alice", "two", "zwei").expect(0, &[]);
    group.clears("oscar").expect(0, &["2 values were sealed again"]);
    group.runs("oscar", &copies("one"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), CANARY);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "two", "may read it today"]);
    group
        .says("alice", "operators leave oscar --yes")
        .expect(0, &["2 values were sealed again", "oscar could read these values", "vault exposed oscar"]);
    group.runs("oscar", &copies("one"), "").expect(4, &[]);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "two", "to be set anew"]);
    group.sets("alice", "one", "new").expect(0, &[]);
    let left = group.says("alice", "vault exposed oscar");
    left.expect(0, &["two"]);
    assert!(!left.text.contains("one"), "{}", left.text);
    group.sets("alice", "two", "new").expect(0, &[]);
    group.says("alice", "vault exposed oscar").expect(0, &["Nothing that oscar could have read"]);
}

#[test]
fn who_is_about_to_leave_takes_nothing_off_their_own_list() {
    let group = Group::new();
    group.sets("alice", "one", CANARY).expect(0, &[]);
    group.clears("oscar").expect(0, &[]);
    let (vars, away) = (group.root().join(VARS), group.root().join("away"));
    fs::rename(&vars, &away).unwrap();
    group.pinned("oscar", "vault exposed oscar --retire --yes").expect(0, &[]);
    fs::rename(&away, &vars).unwrap();
    group.says("alice", "operators leave oscar --yes").expect(0, &["oscar could read these values"]);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "to be set anew"]);
    group.sets("alice", "one", "another").expect(0, &["Sealed"]);
    group.says("alice", "vault exposed oscar").expect(0, &["Nothing that oscar could have read"]);
}

#[test]
fn the_same_text_again_takes_nothing_out_of_a_head() {
    let group = Group::new();
    for name in ["one", "two"] {
        group.sets("alice", name, CANARY).expect(0, &[]);
    }
    // As long as everybody reads it who could, it may be the same.
    group.sets("alice", "one", CANARY).expect(0, &[]);
    group.clears("oscar").expect(0, &["2 values were sealed again"]);
    group.says("alice", "operators leave oscar --yes").expect(0, &["oscar could read these values"]);
    let refused = group.sets("alice", "one", CANARY);
    refused.expect(2, &["is that very text already, and oscar could read it", "vault rekey"]);
    assert!(!refused.text.contains(CANARY), "{}", refused.text);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "two"]);
    group.sets("alice", "one", "another").expect(0, &["Sealed"]);
    let left = group.says("alice", "vault exposed oscar");
    left.expect(0, &["two"]);
    assert!(!left.text.contains("one"), "{}", left.text);
}

#[test]
fn a_file_that_looks_like_another_ones_is_sealed_by_no_rule() {
    let group = Group::new();
    for name in ["files/tre\u{301}sor.age", "files/tre\u{200b}sor.age"] {
        let words = ["vault", "set", name];
        group.types("alice", &words, "x").expect(2, &["nothing is sealed in", "looks like another one's"]);
    }
    group.types("alice", &["vault", "set", "files/tr\u{e9}sor.age"], "x").expect(0, &["Sealed"]);
}

#[test]
fn what_a_leaver_sealed_counts_until_it_is_sealed_again_and_nothing_of_theirs_after() {
    let group = Group::new();
    group.clears("oscar").expect(0, &[]);
    let pin = group.pinned("oscar", "vault list");
    pin.expect(0, &[]);
    group.sets("oscar", "his", CANARY).expect(0, &["alice, oscar"]);
    // An agreement that was over before would take it from everybody.
    group
        .says("alice", "operators clear oscar --nda 2025-01-01 --until 2026-02-01 --yes")
        .expect(4, &["oscar sealed values until", "after 2026-02-01", "operators demote oscar"]);
    let by_oscar = group.vars();
    group.says("alice", "operators leave oscar --yes").expect(0, &["One value was sealed again"]);
    group.runs("alice", &copies("his"), "").expect(0, &["changed=1"]);
    // The file as it was before: still a seal of oscar's, and an older one.
    fs::write(group.root().join(VARS), by_oscar).unwrap();
    group.runs("alice", &copies("his"), "").expect(1, &["generation 1", "generation 2"]);
}

#[test]
fn what_was_not_sealed_last_by_a_reader_is_refused_before_it_is_opened() {
    let group = Group::new();
    group.sets("alice", "one", CANARY).expect(0, &[]);
    let first = group.vars();
    group.sets("alice", "one", "newer").expect(0, &[]);
    let second = group.vars();
    // An older one is put back.
    fs::write(group.root().join(VARS), &first).unwrap();
    let said = group.runs("alice", &copies("one"), "-vvv");
    said.expect(1, &["this is generation 1", "generation 2"]).hides(CANARY);
    assert!(group.made("made").is_none());
    group.says("alice", "vault list").expect(0, &["attention", "generation 2"]);
    group.says("alice", "vault rekey --all").expect(4, &["generation 1"]);
    // It stands under another name.
    fs::write(group.root().join(VARS), second.replace("one:", "two:")).unwrap();
    group.runs("alice", &copies("two"), "").expect(1, &["no cleared reader sealed it"]);
    // Two values are swapped.
    fs::write(group.root().join(VARS), &second).unwrap();
    group.sets("alice", "two", "zwei").expect(0, &[]);
    let swapped = group.vars().replace("one:", "x:").replace("two:", "one:").replace("x:", "two:");
    fs::write(group.root().join(VARS), swapped).unwrap();
    group.runs("alice", &copies("one"), "").expect(1, &["it is not what alice sealed last"]);
    assert!(group.made("made").is_none());
}

#[test]
fn what_age_sealed_outside_is_refused_until_it_is_taken_over() {
    if std::process::Command::new("age").arg("--version").output().is_err() {
        return;
    }
    let group = Group::new();
    let mut age = Command::new("age");
    let sealed = age.args(["-a", "-R", &group.public("alice")]).write_stdin(CANARY).output().unwrap().stdout;
    let armor = String::from_utf8(sealed).unwrap();
    let block: String = armor.lines().map(|line| format!("  {line}\n")).collect();
    fs::write(group.root().join(VARS), format!("# by hand\ntoken: !age |\n{block}")).unwrap();
    group.runs("alice", &copies("token"), "").expect(1, &["vault import"]).hides(CANARY);
    group
        .says("alice", &format!("vault import {VARS}"))
        .expect(0, &["one value is sealed now"])
        .hides(CANARY);
    group.runs("alice", &copies("token"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), CANARY);
}

#[test]
fn whole_files_are_sealed_copied_rendered_and_looked_up() {
    let group = Group::new();
    fs::create_dir_all(group.root().join("playbooks/files")).unwrap();
    fs::create_dir_all(group.root().join("playbooks/templates")).unwrap();
    let key = format!("-----BEGIN KEY-----\n{CANARY}\n-----END KEY-----\n");
    group.types("alice", &["vault", "set", "playbooks/files/tls.key.age"], &key).expect(0, &["Sealed"]);
    group
        .types(
            "alice",
            &["vault", "set", "playbooks/templates/conf.j2.age"],
            "key={{ 1 + 1 }} Kanarienvogel-7f3a\n",
        )
        .expect(0, &[]);
    let tasks = "    - copy: {src: tls.key.age, dest: FOLDER/made, mode: '0600'}\n    \
                 - template: {src: conf.j2.age, dest: FOLDER/conf, mode: '0600'}\n    \
                 - copy: {content: \"{{ lookup('file', 'tls.key.age') }}\", dest: FOLDER/looked, mode: '0600'}\n";
    let said = group.runs("alice", tasks, "--diff -vvv");
    said.expect(0, &["changed=3"]).hides(CANARY);
    assert_eq!(group.made("made").unwrap(), key);
    assert_eq!(group.made("conf").unwrap(), format!("key=2 {CANARY}\n"));
    assert_eq!(group.made("looked").unwrap(), key.trim_end());
    group.says("alice", "vault list").expect(0, &["tls.key.age", "conf.j2.age"]);
}

/// Every way in which a play could tell a secret, and the one place where it may be.
const WAYS: &str = "    - set_fact: {derived: 'x{{ secret }}y', coded: '{{ secret | b64encode }}'}
    - debug: {var: secret}
    - debug: {msg: 'it is {{ derived }} and {{ hostvars[inventory_hostname].derived }}'}
    - debug: {var: coded}
    - name: 'the name has {{ secret }}'
      debug: {msg: hello}
    - debug: {msg: '{{ item }}'}
      loop: ['{{ secret }}', other]
    - debug: {msg: nothing}
      loop: ['{{ secret }}', other]
      when: false
      register: skipped
    - debug: {var: skipped}
    - set_fact: {kept: '{{ secret }}', cacheable: true}
    - debug: {msg: '{{ ansible_facts.kept }}'}
    - copy: {content: '{{ secret }}', dest: FOLDER/made, mode: '0600'}
      register: copied
    - debug: {var: copied}
    - lineinfile: {path: FOLDER/lines, line: 'password={{ secret }}', create: true, mode: '0600'}
    - blockinfile: {path: FOLDER/lines, block: 'again {{ secret }}'}
    - shell: {cmd: 'cat > FOLDER/through', stdin: '{{ secret }}'}
      register: ran
    - debug: {var: ran}
    - assert: {that: secret == 'no', fail_msg: 'it was {{ secret }}'}
      ignore_errors: true
    - fail: {msg: '{{ secret }}'}
      ignore_errors: true
    - file: {path: 'relative/{{ secret }}', state: '{{ secret }}'}
      ignore_errors: true
    - copy: {content: x, dest: '/nowhere/{{ secret }}', mode: '{{ secret }}'}
      ignore_errors: true
    - shell: echo {{ secret }}
      ignore_errors: true
    - shell: echo hello
      environment: {TOKEN: '{{ secret }}'}
      ignore_errors: true
    - debug: {msg: '{{ secret.nothing.at.all }}'}
      ignore_errors: true
    - debug: {msg: '{{ secret | int / 0 }}'}
      ignore_errors: true
    - block:
        - fail: {msg: '{{ secret }}'}
      rescue:
        - debug: {var: ansible_failed_result}
";

#[test]
fn a_canary_in_every_way_of_a_play_is_told_nowhere() {
    let group = Group::new();
    group.sets("alice", "secret", CANARY).expect(0, &[]);
    let coded = "S2FuYXJpZW52b2dlbC03ZjNh";
    for more in ["--check --diff -vvv", "--check --explain -vvv", "--diff -vvv", "--diff -vvv --format json"]
    {
        let said = group.runs("alice", WAYS, more);
        said.expect(0, &[]).hides(CANARY);
        said.hides(coded);
        said.hides("Kanarienvogel");
        if more.contains("--check") {
            assert_eq!(group.found(CANARY), Vec::<PathBuf>::new(), "{more}");
        }
    }
    let mut found: Vec<String> = group
        .found(CANARY)
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    found.sort();
    assert_eq!(found, ["lines", "made", "through"]);
    assert_eq!(group.found(coded), Vec::<PathBuf>::new());
    let said = group.runs("alice", "    - shell: echo {{ secret }}\n", "");
    said.expect(1, &["would stand in the words of a command", "stdin"]);
    let said = group.runs("alice", "    - shell: echo\n      environment: {A: '{{ secret }}'}\n", "");
    said.expect(1, &["environment of a program"]);
}

#[test]
fn ansible_vaults_files_and_values_come_over() {
    let ansible = Path::new("src/vault/tests/ansible-core-2.19-1.1.txt");
    let value = fs::read_to_string(ansible).unwrap();
    let group = Group::new();
    let password = group.folder.path().join("pass");
    fs::write(&password, "right horse\n").unwrap();
    let mut mode = fs::metadata(&password).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o600);
    fs::set_permissions(&password, mode).unwrap();
    let block: String = value.lines().map(|line| format!("          {line}\n")).collect();
    fs::write(group.root().join(VARS), format!("# kept\nplain: yes\nold: !vault |\n{block}end: 1\n"))
        .unwrap();
    group.runs("alice", &copies("old"), "").expect(1, &["vault import"]);
    let import = format!("vault import {VARS} --password-file {}", password.display());
    group.says("alice", &import).expect(0, &["one value is sealed now"]).hides("battery");
    let vars = group.vars();
    assert!(
        vars.starts_with("# kept\nplain: yes\nold: !age |\n  -----BEGIN") && vars.ends_with("end: 1\n"),
        "{vars}"
    );
    group.runs("alice", &copies("old"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "battery staple\n");
    group.says("alice", &import).expect(0, &["nothing to take over"]);
    // A whole file that is no file of variables stays one.
    fs::create_dir_all(group.root().join("playbooks/files")).unwrap();
    // It has a label, which says whose password it is.
    let labelled = fs::read("src/vault/tests/ansible-core-2.19-1.2.txt").unwrap();
    fs::write(group.root().join("playbooks/files/key"), labelled).unwrap();
    let other = group.folder.path().join("other");
    fs::copy(&password, &other).unwrap();
    fs::write(&other, "wrong\n").unwrap();
    let wrong = format!("vault import playbooks/files/key --password-file {}", other.display());
    let wrong = group.says("alice", &wrong);
    assert!(wrong.code != Some(0) && wrong.text.contains("its label is 'prod'"), "{}", wrong.text);
    let import = format!("vault import playbooks/files/key --password-file {}", password.display());
    group.says("alice", &import).expect(0, &["one value"]);
    let tasks = "    - copy: {src: key, dest: FOLDER/made2, mode: '0600'}\n";
    group.runs("alice", tasks, "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made2").unwrap(), "battery staple\n");
}

#[test]
fn a_sealed_value_is_no_part_of_where_and_as_whom_anything_is_done_in_dry_runs_either() {
    let group = Group::new();
    group.sets("alice", "one", CANARY).expect(0, &["Sealed"]);
    for more in ["--check", ""] {
        for (tasks, name) in [
            ("    - {stat: {path: /}, delegate_to: '{{ one }}.exfil.invalid'}\n", "delegate_to"),
            ("    - {command: id, become: true, become_user: '{{ one }}'}\n", "ansible_become_user"),
            ("    - add_host: {name: 'x.{{ one }}.invalid'}\n", "name"),
            ("    - add_host: {name: x, ansible_user: '{{ one }}'}\n", "ansible_user"),
        ] {
            let said = group.runs("alice", tasks, more);
            said.expect(1, &[&format!("{name} would be made of a sealed value")]).hides(CANARY);
        }
        let said =
            group.runs("alice", "    - ping:\n", &format!("-e ansible_host={{{{one}}}}.invalid {more}"));
        assert!(said.code != Some(0), "{}", said.text);
        assert!(said.text.contains("ansible_host would be made of a sealed value"), "{}", said.text);
        said.hides(CANARY);
    }
    // Passwords are what sealed values are for.
    let said = group.runs("alice", "    - ping:\n", "-e ansible_become_password={{one}}");
    said.expect(0, &["ok=1"]).hides(CANARY);
}

#[test]
fn a_sealed_value_that_is_a_common_word_hinders_no_task_that_says_the_word_itself() {
    let group = Group::new();
    group.sets("alice", "port", "0600").expect(0, &["Sealed"]);
    group
        .sets("alice", "short", "abc")
        .expect(0, &["Sealed", "shorter than 4 characters", "nothing masks it"]);
    let said = group.runs("alice", &copies("port"), "");
    said.expect(0, &["changed=1"]);
    assert_eq!(group.made("made").as_deref(), Some("0600"));
    // What is made of it is refused in words as before, and the message says which value that is.
    let tasks = "    - copy: {content: x, dest: 'FOLDER/x-{{ port }}', mode: '0600'}\n";
    let said = group.runs("alice", tasks, "");
    said.expect(1, &["a sealed value", VARS, "port", "would stand in the words of"]);
    assert_eq!(group.made("x-0600"), None);
}

#[test]
fn a_whole_file_of_ansible_vault_comes_over_however_its_values_are_written() {
    let group = Group::new();
    let password = group.folder.path().join("pass");
    fs::write(&password, "right horse\n").unwrap();
    fs::set_permissions(&password, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::copy("src/vault/tests/ansible-core-2.19-variables.txt", group.root().join(VARS)).unwrap();
    let import = format!("vault import {VARS} --password-file {} --plain", password.display());
    group.says("alice", &format!("{import} hots")).expect(2, &["has no text 'hots'", "did you mean 'host'?"]);
    group.says("alice", &format!("{import} host --plain user.name")).expect(0, &["7 values are sealed now"]);
    let vars = group.vars();
    for kept in ["# The database.\nhost: localhost\nuser:   # as it was\n  name: root\n", "again: *shared\n"]
    {
        assert!(vars.contains(kept), "{kept} is missing in:\n{vars}");
    }
    for gone in ["it''s secret", "[one", "second", "common word", "a, b"] {
        assert!(!vars.contains(gone), "{gone} is in:\n{vars}");
    }
    // 'root' stays a word like any other.
    let tasks = "    - copy: {dest: FOLDER/made, mode: '0600', content: '{{ motto }} {{ user.password }} {{ again }} {{ port }} {{ tokens[1] }} {{ text }}'}\n      become: false\n";
    group.runs("alice", tasks, "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "it's secret a, b common word 5432 two first second");
    group.types("alice", &["vault", "set", VARS, "user.name"], "dba").expect(0, &["Sealed"]);
    group.says("alice", &format!("vault import {VARS} --plain x")).expect(2, &["'--plain' is about"]);
}

#[test]
fn mistakes_are_named_and_secrets_go_to_a_terminal_alone() {
    let group = Group::new();
    group.sets("alice", "db_password", "x1234").expect(0, &[]);
    group
        .says("alice", &format!("vault get {VARS} db_password"))
        .expect(2, &["terminal alone"])
        .hides("x1234");
    group.says("alice", &format!("vault edit {VARS}")).expect(2, &["terminal"]);
    group.sets("alice", "empty", "").expect(2, &["nothing was sealed"]);
    group.types("alice", &["vault", "set", VARS], "x").expect(2, &["which of its values"]);
    group.types("alice", &["vault", "set", "/etc/x.yml", "a"], "x").expect(2, &["outside"]);
    group.types("alice", &["vault", "set", "../x.yml", "a"], "x").expect(2, &["outside"]);
    group.types("alice", &["vault", "set", "inventory/host_vars/h/v.yml", "a"], "x").expect(0, &["Sealed"]);
    group.types("alice", &["vault", "set", VARS, "a.b"], "x").expect(2, &["not there yet"]);
    group.says("alice", "vault exposed alise").expect(2, &["did you mean 'alice'"]);
    group.says("alice", &format!("vault set {VARS} a secret")).expect(2, &["unexpected argument"]);
    // A rule is written, and it does not fit.
    let roster = group.root().join("inventory/operators.yml");
    let text = fs::read_to_string(&roster).unwrap();
    fs::write(&roster, text + "vaults: [{files: 'inventory/host_vars/**', readers: [lead]}]\n").unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["in force", "no rule"]);
    group.sets("alice", "new", "x").expect(4, &["no rule", "vaults:"]);
}

#[test]
fn what_a_crash_left_is_finished_or_cleared_away() {
    let group = Group::new();
    group.sets("alice", "one", "first").expect(0, &[]);
    let name = wgops::model::Digest::of(VARS).hex();
    let (vars, aside) =
        (group.root().join(VARS), group.root().join(format!(".wgops/vault-{}.new", &name[..16])));
    // The ledger never heard of it.
    fs::write(&aside, group.vars().replace("one:", "other:")).unwrap();
    group.sets("alice", "two", "second").expect(0, &[]);
    assert!(!aside.exists() && !group.vars().contains("other:"));
    // The ledger has it, and the file has not got its name yet.
    let before = group.vars();
    group.sets("alice", "one", "newer").expect(0, &[]);
    fs::rename(&vars, &aside).unwrap();
    fs::write(&vars, before).unwrap();
    group.says("alice", &format!("vault list {VARS}")).expect(0, &["generation 2"]);
    group.runs("alice", &copies("one"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "newer");
    // Beside the file lies nothing of that kind: what is there was committed by somebody.
    let beside = group.root().join(format!("{VARS}.wgops-new"));
    fs::write(&beside, format!("{}ssh_admin_key: EVIL\n", group.vars())).unwrap();
    let before = group.vars();
    group.sets("alice", "two", "again").expect(0, &["Sealed"]);
    assert!(!group.vars().contains("EVIL") && group.vars() != before);
}

#[test]
fn a_key_that_is_gone_leaves_a_list_like_somebody_who_left() {
    let group = Group::new();
    group.clears("oscar").expect(0, &["in force"]);
    group.sets("alice", "one", "known to the old key").expect(0, &["Sealed"]);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "may read it today"]);
    let roster = group.root().join("inventory/operators.yml");
    let key = |name: &str| {
        let line = fs::read_to_string(group.public(name)).unwrap();
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    };
    let text = fs::read_to_string(&roster).unwrap();
    assert!(text.contains(&key("oscar")), "{text}");
    fs::write(&roster, text.replace(&key("oscar"), &key("sam"))).unwrap();
    let signed = group.says("alice", "operators sign --yes");
    signed.expect(
        0,
        &["sealed again", "oscar could read these values, and so can whoever has their key that is gone"],
    );
    group
        .says("alice", "vault exposed oscar")
        .expect(0, &["one", "to be set anew: a key of theirs that is gone"]);
    group.sets("alice", "one", "new").expect(0, &["Sealed"]);
    group.says("alice", "vault exposed oscar").expect(0, &["may read it today"]);
}

#[test]
fn nothing_is_sealed_where_nobody_would_find_it_or_where_all_must_read() {
    let group = Group::new();
    for (file, why) in [
        ("inventory/.h/vault.yml", "hidden"),
        (".git/x.yml", "hidden"),
        ("plans/v.yml", "no part of a play"),
        ("ledger/v.yml", "no part of a play"),
        ("inventory/operators.yml", "read by everybody"),
        ("wgops.yml", "read by everybody"),
    ] {
        group
            .types("alice", &["vault", "set", file, "tok"], "secret")
            .expect(2, &["nothing is sealed in", why]);
    }
    group.types("alice", &["vault", "set", "ledger/x.age"], "secret").expect(2, &["no part of a play"]);
    group.types("alice", &["vault", "set", "playbooks/vars/v.yml", "tok"], "secret").expect(0, &["Sealed"]);
}

#[test]
fn an_editor_that_keeps_what_it_was_shown_is_told_not_to() {
    let group = Group::new();
    fs::write(group.root().join(VARS), "plain: 1\n").unwrap();
    group.sets("alice", "one", CANARY).expect(0, &[]);
    let folder = group.folder.path().join("editors");
    fs::create_dir(&folder).unwrap();
    let asked = folder.join("asked");
    let script = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >{}\n", asked.display());
    for name in ["vim.basic", "nvim", "other"] {
        fs::write(folder.join(name), &script).unwrap();
        fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    std::os::unix::fs::symlink("vim.basic", folder.join("vi")).unwrap();
    std::os::unix::fs::symlink("other", folder.join("elvis")).unwrap();
    for (name, is_known) in
        [("vi", true), ("vim.basic", true), ("nvim", true), ("other", false), ("elvis", false)]
    {
        let editor = format!("{} --mine", folder.join(name).display());
        group.at_a_terminal(&format!("vault edit {VARS}"), &editor).expect(0, &["Nothing was changed"]);
        let words = fs::read_to_string(&asked).unwrap();
        let words: Vec<&str> = words.lines().collect();
        assert_eq!(words.windows(2).any(|two| two == ["-i", "NONE"]), is_known, "{name}: {words:?}");
        let mine = words.iter().position(|word| *word == "--mine").unwrap();
        assert_eq!(mine + 2, words.len(), "what is one's own stands last, before the file: {words:?}");
    }
}

#[test]
fn on_a_terminal_a_value_is_shown_and_a_file_edited_and_the_open_text_leaves_nothing_behind() {
    let group = Group::new();
    fs::write(group.root().join(VARS), "# ours\nplain: 1\n").unwrap();
    group.sets("alice", "one", CANARY).expect(0, &[]);
    group.sets("alice", "two", "zwei").expect(0, &[]);
    let before = group.vars();
    let shown = group.at_a_terminal(&format!("vault get {VARS} one"), "true");
    shown.expect(0, &[CANARY]);
    let log = group.says("alice", "ledger log");
    log.expect(0, &["read"]);
    group.at_a_terminal(&format!("vault edit {VARS}"), "true").expect(0, &["Nothing was changed"]);
    assert_eq!(group.vars(), before);
    group.at_a_terminal(&format!("vault edit {VARS}"), "sed -i s/zwei/drei/").expect(0, &["Sealed: two"]);
    let after = group.vars();
    let until_two = before.find("two:").unwrap();
    assert!(after.starts_with(&before[..until_two]) && after != before);
    group.runs("alice", &copies("two"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "drei");
    group.at_a_terminal(&format!("vault edit {VARS}"), "false").expect(2, &["nothing was changed"]);
    assert_eq!(group.vars(), after);
    for place in ["/dev/shm", "/run/user/0"] {
        let left = fs::read_dir(place).into_iter().flatten().flatten();
        let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("wgops-edit-"));
        assert_eq!(left.count(), 0, "{place}");
    }
    assert_eq!(group.found(CANARY), Vec::<PathBuf>::new());
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

#[test]
fn two_people_who_seal_one_value_in_two_clones_are_asked_which_one_is_right() {
    let mut group = Group::new();
    group.sets("alice", "one", "first").expect(0, &[]);
    group.clears("oscar").expect(0, &[]);
    group.pinned("oscar", "vault list").expect(0, &[]);
    let (here, there) = (group.root(), group.folder.path().join("clone"));
    copy(&here, &there);
    group.sets("alice", "one", "by alice").expect(0, &[]);
    // oscar has another clone, and has not seen that.
    group.clone = Some(there.clone());
    let pin = group.pinned("oscar", "operators list");
    pin.expect(0, &[]);
    group.pinned("oscar", "vault list").expect(0, &["generation 2"]);
    group.types("oscar", &["vault", "set", VARS, "two"], "zwei").expect(0, &[]);
    group.types("oscar", &["vault", "set", VARS, "one"], "by oscar").expect(0, &[]);
    group.clone = None;
    for chain in fs::read_dir(there.join("ledger")).unwrap().flatten() {
        let chain = chain.path();
        if chain.file_name().unwrap().to_string_lossy().starts_with("oscar") {
            copy(&chain, &here.join("ledger"));
        }
    }
    let both = ["alice (generation 3) sealed what stands here, and oscar (generation 3) sealed another one"];
    group.runs("alice", &copies("one"), "").expect(1, &["in parallel", "vault rekey"]).expect(1, &both);
    group.says("alice", "vault list").expect(0, &["attention"]);
    group.says("alice", &format!("vault rekey {VARS}")).expect(0, &["One value was sealed again"]);
    group.runs("alice", &copies("one"), "").expect(0, &["changed=1"]);
    assert_eq!(group.made("made").unwrap(), "by alice");
    group.says("alice", "ledger verify").expect(0, &["every signature and chain holds"]);
}

#[test]
fn what_was_set_without_knowing_that_somebody_left_stays_on_their_list() {
    let mut group = Group::new();
    group.sets("alice", "one", "first").expect(0, &[]);
    group.clears("carol").expect(0, &[]);
    group.clears("oscar").expect(0, &[]);
    group.pinned("oscar", "vault list").expect(0, &[]);
    let (here, there) = (group.root(), group.folder.path().join("clone"));
    copy(&here, &there);
    group.says("alice", "operators leave carol --yes").expect(0, &["carol could read these values"]);
    group.sets("alice", "one", "by alice").expect(0, &[]);
    group.says("alice", "vault exposed carol").expect(0, &["Nothing that carol could have read"]);
    // oscar has not pulled, and sets it anew for carol, too.
    group.clone = Some(there.clone());
    group.sets("oscar", "one", "by oscar").expect(0, &["alice, carol, oscar"]);
    let by_oscar = group.vars();
    group.clone = None;
    for chain in fs::read_dir(there.join("ledger")).unwrap().flatten() {
        let chain = chain.path();
        if chain.file_name().unwrap().to_string_lossy().starts_with("oscar") {
            copy(&chain, &here.join("ledger"));
        }
    }
    group.says("alice", "vault exposed carol").expect(0, &[VARS, "one"]);
    fs::write(here.join(VARS), by_oscar).unwrap();
    group.says("alice", &format!("vault rekey {VARS}")).expect(0, &["One value was sealed again"]);
    group.says("alice", "vault exposed carol").expect(0, &["one", "to be set anew"]);
    group.sets("alice", "one", "newer than both").expect(0, &[]);
    group.says("alice", "vault exposed carol").expect(0, &["Nothing that carol could have read"]);
}

#[test]
fn a_seal_by_somebody_who_may_not_read_the_file_counts_for_nothing() {
    let group = Group::new();
    group.clears("oscar").expect(0, &[]);
    group.pinned("oscar", "vault list").expect(0, &[]);
    let roster = group.root().join("inventory/operators.yml");
    let text = fs::read_to_string(&roster).unwrap();
    let rules = "vaults:\n  - {files: 'inventory/**', readers: [lead, operator]}\n  - {files: 'inventory/**/vault.yml', readers: [alice]}\n";
    fs::write(&roster, text + rules).unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["in force"]);
    group.sets("alice", "one", CANARY).expect(0, &["for alice."]);
    group.pinned("oscar", &format!("vault set {VARS} one")).expect(4, &["you may not read"]);
    group
        .runs("oscar", &copies("one"), "")
        .expect(1, &["you may not read it", "it is read by alice"])
        .hides(CANARY);
    group.runs("alice", &copies("one"), "").expect(0, &["changed=1"]);
}

#[test]
fn a_file_that_can_t_be_read_is_named_wherever_all_files_are_gone_over() {
    let group = Group::new();
    group.clears("oscar").expect(0, &[]);
    group.sets("alice", "one", CANARY).expect(0, &["alice, oscar"]);
    let (whole, file) = (group.vars(), group.root().join(VARS));
    // Two people changed it, and nobody settled that yet.
    fs::write(&file, format!("<<<<<<< HEAD\n{whole}=======\n{whole}>>>>>>> theirs\n")).unwrap();
    let marks = format!("{VARS}:1: git's conflict marks");
    group.says("alice", "vault list").expect(0, &["can't be read", &marks]);
    group
        .says("alice", "vault rekey")
        .expect(4, &["left as it is", &marks, "Nothing had to be sealed again"]);
    group
        .says("alice", "operators leave oscar --yes")
        .expect(0, &["Not sealed again", &marks, "vault rekey"]);
    group.says("alice", "vault exposed oscar").expect(0, &["one", "its file can't be read"]);
    fs::write(&file, format!("{whole}\tx\n")).unwrap();
    group.says("alice", "vault list").expect(0, &["can't be read", VARS]);
    group.says("alice", "vault rekey").expect(4, &["left as it is", VARS]);
    // A whole file, too.
    let (key, sealed) = ("playbooks/tls.age", group.root().join("playbooks/tls.age"));
    group.types("alice", &["vault", "set", key], "key").expect(0, &[]);
    let text = fs::read_to_string(&sealed).unwrap();
    fs::write(&sealed, format!("<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> theirs\n")).unwrap();
    group.says("alice", "vault rekey").expect(4, &["playbooks/tls.age:1: git's conflict marks"]);
    fs::write(&sealed, text).unwrap();
    fs::write(&file, whole).unwrap();
    group.says("alice", "vault rekey").expect(0, &["One value was sealed again"]);
    assert_eq!(group.made("made"), None);
}

#[test]
fn whoever_is_taken_off_a_rule_is_named_with_what_they_have_read() {
    let group = Group::new();
    group.clears("oscar").expect(0, &[]);
    group.sets("alice", "one", CANARY).expect(0, &["oscar"]);
    let roster = group.root().join("inventory/operators.yml");
    let text = fs::read_to_string(&roster).unwrap();
    let rule = "vaults:\n  - {files: 'inventory/**', readers: [alice]}\n";
    fs::write(&roster, text + rule).unwrap();
    let said = group.says("alice", "operators sign --yes");
    said.expect(0, &["in force", "oscar could read these values", "vault exposed oscar", "one"]);
    assert!(!said.text.contains("alice could read"), "{}", said.text);
}

#[test]
fn a_list_gets_empty_whoever_the_rules_name_today_and_says_what_stands_open() {
    let group = Group::new();
    group.clears("oscar").expect(0, &[]);
    group.clears("carol").expect(0, &[]);
    for name in ["one", "two"] {
        group.sets("alice", name, CANARY).expect(0, &["oscar"]);
    }
    group.types("alice", &["vault", "set", "old.yml", "gone"], "old").expect(0, &["oscar"]);
    let roster = group.root().join("inventory/operators.yml");
    let text = fs::read_to_string(&roster).unwrap();
    fs::write(&roster, text + "vaults:\n  - {files: 'inventory/**', readers: [lead, operator]}\n").unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["in force"]);
    fs::remove_file(group.root().join("old.yml")).unwrap();
    // Who is cleared as before has lost nothing.
    let again = group.says("alice", "operators clear carol --nda 2026-02-02 --yes");
    again.expect(0, &["in force"]);
    assert!(!again.text.contains("carol could read"), "{}", again.text);
    group.says("alice", "operators leave oscar --yes").expect(0, &["oscar could read", "old.yml gone"]);
    // One value is in plain text now.
    let plain = group.vars();
    let at = plain.find("two:").unwrap();
    fs::write(group.root().join(VARS), format!("{}two: open\n", &plain[..at])).unwrap();
    let said = group.says("alice", "vault exposed oscar");
    said.expect(0, &["for everybody to read", "old.yml gone", "gone from its file"]);
    group
        .says("alice", "vault exposed oscar --retire --yes")
        .expect(0, &["old.yml gone", "Taken off the list"]);
    let said = group.says("alice", "vault exposed oscar");
    said.expect(0, &["one", "two"]);
    assert!(!said.text.contains("old.yml"), "{}", said.text);
    for name in ["one", "two"] {
        group.sets("alice", name, "new").expect(0, &[]);
    }
    group.says("alice", "vault exposed oscar").expect(0, &["Nothing that oscar could have read"]);
}

#[test]
fn a_file_that_is_sealed_as_a_whole_is_set_anew_whatever_its_name_is() {
    let group = Group::new();
    group.types("alice", &["vault", "set", "playbooks/tls.age"], "key").expect(0, &[]);
    fs::rename(group.root().join("playbooks/tls.age"), group.root().join("playbooks/tls")).unwrap();
    group
        .types("alice", &["vault", "set", "playbooks/tls"], "new")
        .expect(0, &["Sealed: playbooks/tls, for alice"]);
    group.says("alice", "vault list").expect(0, &["playbooks/tls", "generation 1 by alice"]);
    fs::write(group.root().join("playbooks/plain"), "plain").unwrap();
    group.types("alice", &["vault", "set", "playbooks/plain"], "new").expect(2, &["not sealed as a whole"]);
}

#[test]
fn an_interrupt_at_a_hidden_question_gives_the_terminal_back() {
    let group = Group::new();
    group.sets("alice", "one", "eins zwei").expect(0, &["Sealed"]);
    let key = group.key("alice");
    let mut keygen = std::process::Command::new("ssh-keygen");
    assert!(
        keygen.args(["-q", "-p", "-P", "", "-N", "drei vier", "-f"]).arg(&key).status().unwrap().success()
    );
    let program = assert_cmd::cargo::cargo_bin("wgops");
    // What whoever types sees is read by the same terminal, and the interrupt is typed at it.
    let typed = format!(
        "stty -a | grep -o -e ' -echo ' ; {} vault get {VARS} one; echo ended $?; stty -a | tr ' ;' '\n\n' | grep -x -e echo -e -echo",
        program.display()
    );
    let mut command = std::process::Command::new("script");
    command
        .args(["-q", "-c", &format!("trap : INT; {typed}"), "/dev/null"])
        .current_dir(group.root())
        .env_clear();
    command.env("HOME", group.folder.path().join("home_alice")).env("WGOPS_IDENTITY", &key);
    command.env("PATH", std::env::var("PATH").unwrap_or_default());
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut text = String::new();
    let mut piece = [0; 1024];
    use std::io::{Read as _, Write as _};
    while !text.contains("Passphrase of") {
        let length = output.read(&mut piece).unwrap();
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    // The question stands there a moment before the terminal is silent.
    std::thread::sleep(std::time::Duration::from_millis(500));
    input.write_all(b"\x03").unwrap();
    output.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert!(lines.contains(&"ended 130") && lines.ends_with(&["echo"]), "{text}");
}

#[test]
fn who_reads_a_value_is_named_to_whoever_does_not() {
    let group = Group::new();
    group.clears("carol").expect(0, &["in force"]);
    group.sets("alice", "one", "eins zwei").expect(0, &["Sealed"]);
    let roster = group.root().join("inventory/operators.yml");
    let text = fs::read_to_string(&roster).unwrap();
    let rule = format!("{text}vaults:\n  - {{files: \"inventory/**\", readers: [alice]}}\n");
    let rule = if text.contains("\nvaults:") {
        text.replace("readers: [lead, operator]", "readers: [alice]")
    } else {
        rule
    };
    fs::write(&roster, rule).unwrap();
    group.says("alice", "operators sign --yes").expect(0, &["in force"]);
    let program = assert_cmd::cargo::cargo_bin("wgops");
    let pin = group.says("alice", "operators list").text;
    let pin = pin.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned();
    let mut command = Command::new("script");
    let typed = format!("{} vault get {VARS} one --roster-pin {pin}", program.display());
    command.args(["-q", "-e", "-c", &typed, "/dev/null"]).current_dir(group.root()).env_clear();
    command.env("HOME", group.folder.path().join("home_carol")).env("WGOPS_IDENTITY", group.key("carol"));
    let output = command.env("PATH", std::env::var("PATH").unwrap_or_default()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("you may not read") && text.contains("it is read by alice"), "{text}");
}

#[test]
fn a_template_that_is_sealed_is_named_when_it_is_imported() {
    let group = Group::new();
    let file = group.root().join(VARS);
    let seal = |text: &str| {
        let key: String = fs::read_to_string(group.public("alice")).unwrap();
        let recipient: age::ssh::Recipient = key.parse().unwrap();
        age::encrypt_and_armor(&recipient, text.as_bytes()).unwrap()
    };
    let indented: String = seal("mysql://{{ one }}").lines().map(|line| format!("  {line}\n")).collect();
    fs::write(&file, format!("url: !age |\n{indented}")).unwrap();
    group
        .says("alice", &format!("vault import {VARS}"))
        .expect(0, &["warning", "url holds a template", "in plain text"]);
}

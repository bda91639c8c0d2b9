//! A working group: an ops repository that alice began, and people with keys who type.

use crate::typist::answers;
use assert_cmd::Command;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;

const TOUCH: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch MADE\n";

/// An ops repository that alice began, and people with keys who share it.
pub struct Group {
    pub folder: TempDir,
    /// This machine is changed by one run at a time, whoever's it is: tests wait for each other.
    _turn: fs::File,
}

/// What a command printed, and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub text: String,
}

impl Said {
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for word in words {
            assert!(self.text.contains(word), "'{word}' is missing in:\n{}", self.text);
        }
        self
    }

    #[track_caller]
    pub fn without(&self, words: &[&str]) -> &Self {
        for word in words {
            assert!(!self.text.contains(word), "'{word}' in:\n{}", self.text);
        }
        self
    }
}

impl Group {
    pub fn new() -> Self {
        let turn = fs::File::create(std::env::temp_dir().join("wgops-tests-of-this-machine.lock")).unwrap();
        turn.lock().unwrap();
        let group = Self { folder: tempfile::tempdir().unwrap(), _turn: turn };
        ["alice", "carol", "sam", "bob"].iter().for_each(|name| group.key_of(name));
        let public = group.public("alice");
        let begin =
            ["init", "--group", "G", "--operator", "alice", "--nda", "2026-01-01", "--no-git", "--key"];
        let words: Vec<&str> = begin.into_iter().chain([public.as_str(), "."]).collect();
        fs::create_dir(group.root()).unwrap();
        group.types("alice", &words).expect(0, &["inventory/operators.yml"]);
        let play = TOUCH.replace("MADE", &group.made().to_string_lossy());
        fs::write(group.root().join("playbooks/touch.yml"), play).unwrap();
        group
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ops")
    }

    pub fn made(&self) -> PathBuf {
        self.folder.path().join("made")
    }

    pub fn roster(&self) -> PathBuf {
        self.root().join("inventory/operators.yml")
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("key_{name}"))
    }

    /// Makes somebody's key.
    pub fn key_of(&self, name: &str) {
        let mut keygen = std::process::Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(self.key(name));
        assert!(keygen.status().unwrap().success());
    }

    pub fn public(&self, name: &str) -> String {
        format!("{}.pub", self.key(name).display())
    }

    /// Types words as somebody whose home remembers what it has met; there is no terminal.
    pub fn types(&self, who: &str, words: &[&str]) -> Said {
        said(self.command(who).args(words).args(self.flag(words)))
    }

    /// Most groups are in no git repository, where nothing is committed: what changes hosts takes a flag there.
    fn flag(&self, words: &[&str]) -> Option<&'static str> {
        let changes = words.first().is_some_and(|verb| ["run", "patch", "apply", "resume"].contains(verb));
        (changes && !words.contains(&"--allow-dirty") && !self.root().join(".git").exists())
            .then_some("--allow-dirty")
    }

    /// wgops, as somebody types it.
    pub fn command(&self, who: &str) -> Command {
        let home = self.folder.path().join(format!("home_{who}"));
        let mut command = Command::cargo_bin("wgops").unwrap();
        command.current_dir(self.root()).env_clear().env("HOME", home);
        command.env("PATH", std::env::var("PATH").unwrap_or_default()).env("WGOPS_IDENTITY", self.key(who));
        command
    }

    /// The same in a clone of the ops repository.
    pub fn says_in(&self, clone: &Path, who: &str, line: &str) -> Said {
        said(self.command(who).current_dir(clone).args(line.split_whitespace()))
    }

    pub fn says(&self, who: &str, line: &str) -> Said {
        self.types(who, &line.split_whitespace().collect::<Vec<_>>())
    }

    /// The same with a roster that somebody told them on the phone.
    pub fn pinned(&self, who: &str, line: &str) -> Said {
        self.says(who, &format!("{line} --roster-pin {}", self.pin()))
    }

    /// The pin of the roster that counts, as somebody tells it on the phone.
    pub fn pin(&self) -> String {
        let listed = self.says("alice", "operators list").text;
        listed.lines().find_map(|line| line.strip_prefix("pin: ")).unwrap().to_owned()
    }

    /// What somebody sees who types this at a terminal, and these lines there.
    pub fn at_a_terminal(&self, who: &str, line: &str, typed: &str) -> Said {
        let mut child = self.terminal(who, line).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let text = answers(input, output, typed, true).join().unwrap();
        let code = child.wait().unwrap().code();
        Said { code, text: String::from_utf8_lossy(&text).into_owned() }
    }

    /// The terminal at which somebody types this.
    pub fn terminal(&self, who: &str, line: &str) -> std::process::Command {
        let program = assert_cmd::cargo::cargo_bin("wgops");
        let mut script = std::process::Command::new("script");
        let flag = self.flag(&line.split(' ').collect::<Vec<_>>()).unwrap_or_default();
        script.args(["-q", "-e", "-c", &format!("{} {line} {flag}", program.display()), "/dev/null"]);
        let home = self.folder.path().join(format!("home_{who}"));
        script.current_dir(self.root()).env_clear().env("HOME", home);
        script
            .env("NO_COLOR", "1")
            .env("PATH", with_path(self.folder.path()))
            .env("WGOPS_IDENTITY", self.key(who));
        script.env("WGOPS_ROSTER_PIN", self.pin());
        script.stdin(Stdio::piped()).stdout(Stdio::piped());
        script
    }

    pub fn adds(&self, name: &str) {
        let line = format!("operators add {name} --key {} --yes", self.public(name));
        self.says("alice", &line).expect(0, &["in force"]);
    }

    pub fn run(&self, who: &str) -> Said {
        self.says(who, "run playbooks/touch.yml -i local --allow-dirty")
    }

    /// Makes somebody an operator who was in no roster.
    pub fn clears(&self, name: &str) {
        self.adds(name);
        let line = format!("operators clear {name} --nda 2026-01-01 --yes");
        self.says("alice", &line).expect(0, &["in force"]);
        self.pinned(name, "operators list").expect(0, &[]);
    }

    /// An inventory of two hosts, which are both this machine, in groups of their own.
    pub fn has_hosts(&self) {
        let host = |name: &str| format!("{name}: {{ansible_connection: local}}");
        let text = format!("web: {{hosts: {{{}}}}}\ndb: {{hosts: {{{}}}}}\n", host("web1"), host("db1"));
        fs::write(self.root().join("inventory/prod.yml"), text).unwrap();
        let made = self.made();
        let play = TOUCH.replace("MADE", &format!("{}-{{{{ inventory_hostname }}}}", made.display()));
        fs::write(self.root().join("playbooks/each.yml"), play).unwrap();
    }

    /// Says how db1 is reached: where it is this machine, too, it is one with web1.
    pub fn has_db1(&self, how: &str) {
        let text = format!(
            "web: {{hosts: {{web1: {{ansible_connection: local}}}}}}\ndb: {{hosts: {{db1: {{{how}}}}}}}\n"
        );
        fs::write(self.root().join("inventory/prod.yml"), text).unwrap();
    }

    /// Whether the play of [`Group::has_hosts`] was run on a host.
    pub fn made_on(&self, host: &str) -> bool {
        self.folder.path().join(format!("made-{host}")).exists()
    }

    /// Changes the roster's file by hand, and signs it.
    pub fn changes_roster(&self, change: impl Fn(String) -> String) {
        let text = change(fs::read_to_string(self.roster()).unwrap());
        fs::write(self.roster(), text).unwrap();
        self.says("alice", "operators sign --yes").expect(0, &["in force"]);
    }

    /// Signs a file as OpenSSH does, for whatever purpose.
    pub fn signs(&self, who: &str, namespace: &str, file: &Path) {
        let beside = file.with_added_extension("sig");
        if beside.exists() {
            fs::remove_file(beside).unwrap();
        }
        let mut keygen = std::process::Command::new("ssh-keygen");
        keygen.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(self.key(who)).arg(file);
        assert!(keygen.output().unwrap().status.success());
    }

    /// git, in the ops repository or a clone of it.
    pub fn git(&self, folder: &Path, words: &[&str]) -> String {
        let mut git = std::process::Command::new("git");
        git.args([
            "-c",
            "user.name=somebody",
            "-c",
            "user.email=s@example.org",
            "-c",
            "commit.gpgsign=false",
        ]);
        git.args(["-c", "init.defaultBranch=main", "-C"]).arg(folder).args(words);
        let output = git.env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", self.folder.path()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "git {words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Commits all there is.
    pub fn commits(&self, folder: &Path, what: &str) {
        self.git(folder, &["add", "-A"]);
        self.git(folder, &["commit", "-q", "-m", what]);
    }

    /// The chains of the ledger in a clone that are somebody's, by name.
    pub fn chains(&self, root: &Path, who: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(root.join("ledger")).unwrap().map(|entry| entry.unwrap().path());
        let begins = format!("{who}-");
        let mut chains: Vec<PathBuf> =
            all.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begins)).collect();
        chains.sort();
        chains
    }

    /// The entries of a chain, in order.
    pub fn entries(&self, chain: &Path) -> Vec<PathBuf> {
        let years = fs::read_dir(chain).unwrap().map(|year| year.unwrap().path());
        let files = years.flat_map(|year| fs::read_dir(year).unwrap().map(|file| file.unwrap().path()));
        let is_entry = |file: &PathBuf| {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            name.ends_with(".json") && !name.ends_with(".private.json")
        };
        let mut entries: Vec<PathBuf> = files.filter(is_entry).collect();
        entries.sort();
        entries
    }

    /// The id of the newest run.
    pub fn newest_run(&self) -> String {
        let log = self.says("alice", "ledger log").text;
        let words = log.lines().rev().filter_map(|line| line.split_whitespace().last());
        words.into_iter().find(|word| word.len() == 26).unwrap().to_owned()
    }
}

/// Where programs are found, with a folder before all others.
pub fn with_path(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

/// What a command says.
pub fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Said { code: output.status.code(), text: text.concat() }
}

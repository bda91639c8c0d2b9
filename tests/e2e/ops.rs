//! An ops repository with people in it, and the program typed in its folder.

use crate::lab::{Host, Lab};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A working group: alice is a cleared lead, sam a shadow.
pub struct Ops<'a> {
    lab: &'a Lab,
    folder: TempDir,
}

/// What the program said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Both streams, for checks that don't care which.
    pub fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Holds the exit code; shows what was said where it is another one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.all());
        self
    }

    /// Holds that something was said.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "no '{text}' in:\n{}", self.all());
        self
    }

    /// The counts of a host in the recap.
    #[track_caller]
    pub fn recap(&self, host: &str) -> BTreeMap<String, u32> {
        let line = self.stdout.lines().find(|line| line.starts_with(&format!("{host} : ")));
        let line = line.unwrap_or_else(|| panic!("no recap of {host} in:\n{}", self.all()));
        let counts = line.split_whitespace().filter_map(|word| word.split_once('='));
        counts.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect()
    }
}

impl<'a> Ops<'a> {
    /// Begins a repository with these hosts in the inventory `lab`.
    pub fn begin(lab: &'a Lab, hosts: &[&Host]) -> Self {
        let ops = Self { lab, folder: tempfile::tempdir().unwrap() };
        let key = lab.path("keys/alice.pub");
        let init = ["init", "--group", "Test", "--operator", "alice", "--nda", "2026-01-01", "--key"];
        ops.bare(&[&init[..], &[key.to_str().unwrap()]].concat()).exits(0);
        let sam = std::fs::read_to_string(lab.path("keys/sam.pub")).unwrap();
        ops.append("inventory/operators.yml", &format!("  sam: {{role: shadow, keys: [{}]}}\n", sam.trim()));
        std::fs::copy(lab.path("known_hosts"), ops.at("inventory/known_hosts")).unwrap();
        let lines: String = hosts
            .iter()
            .map(|host| format!("    {}: {{ansible_host: {}}}\n", host.name(), lab.address(host)))
            .collect();
        let key = lab.path("keys/id_ed25519");
        let vars = format!("{{ansible_user: ops, ansible_ssh_private_key_file: {}}}", key.display());
        ops.write("inventory/lab.yml", format!("lab:\n  vars: {vars}\n  hosts:\n{lines}"));
        ops.commit();
        ops
    }

    /// A path in the repository.
    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// Writes a file.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.at(path), content).unwrap();
    }

    fn append(&self, path: &str, text: &str) {
        let before = std::fs::read_to_string(self.at(path)).unwrap();
        self.write(path, before + text);
    }

    /// Commits all there is.
    pub fn commit(&self) {
        for args in [&["add", "--all"][..], &["commit", "--quiet", "--allow-empty", "--message", "Go on"]] {
            let git = ["-c", "user.name=alice", "-c", "user.email=alice@example.org"];
            let status = Command::new("git").args(git).args(args).current_dir(self.folder.path()).status();
            assert!(status.unwrap().success());
        }
    }

    /// Writes tasks as a playbook for all hosts, and commits it. Gives its path.
    pub fn playbook(&self, name: &str, head: &str, tasks: &str) -> String {
        let path = format!("playbooks/{name}.yml");
        let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
        self.write(&path, format!("- hosts: all\n  gather_facts: false\n{head}\n  tasks:\n{tasks}"));
        self.commit();
        path
    }

    /// What a person of the group types, behind `wgops`, for the inventory `lab`.
    pub fn types(&self, person: &str, args: &[&str]) -> Said {
        let key = self.lab.path("keys").join(person);
        self.bare(&[args, &["--inventory", "lab", "--identity", key.to_str().unwrap()]].concat())
    }

    /// The program with nothing of whoever runs the tests around it.
    pub fn bare(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgops"));
        command.args(args).current_dir(self.folder.path()).env_clear();
        let home = self.lab.path("home");
        let _there_already = std::fs::create_dir(&home);
        let output =
            command.env("HOME", home).env("PATH", std::env::var_os("PATH").unwrap()).output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Holds that the ledger is whole, and gives its last line.
    #[track_caller]
    pub fn last_of_ledger(&self) -> String {
        self.bare(&["ledger", "verify"]).exits(0);
        let log = self.bare(&["ledger", "log"]).exits(0);
        log.stdout.lines().last().unwrap_or_default().to_owned()
    }

    /// Whether the ledger has any entry.
    pub fn has_entries(&self) -> bool {
        Path::new(&self.at("ledger")).exists()
    }
}

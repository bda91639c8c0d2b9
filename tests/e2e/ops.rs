//! An ops repository of its own for a test, and people who type `wgops` in it.
//!
//! alice is its lead and sam a shadow; ci is an auditor, bob has left, and mallory is nobody the roster knows. Inventories
//! are named after the user who logs in: `-i ops`, `-i opspw`, `-i nosudo`, `-i fishy`, `-i audit`.

use crate::lab::{Host, Lab};
use crate::typed::{Command, Said};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wgops::model::Digest;

const USERS: [&str; 5] = ["ops", "opspw", "nosudo", "fishy", "audit"];

/// A project's folder with everything that `wgops` finds, and a home of nobody in particular.
pub struct Ops<'a> {
    lab: &'a Lab,
    folder: TempDir,
}

impl<'a> Ops<'a> {
    /// An ops repository whose inventories name these hosts.
    pub fn of(lab: &'a Lab, hosts: &[&Host]) -> Self {
        let ops = Self { lab, folder: tempfile::tempdir().unwrap() };
        let ssh = ops.folder.path().join("home/.ssh");
        std::fs::create_dir_all(&ssh).unwrap();
        for end in ["", ".pub"] {
            std::fs::copy(lab.path(&format!("keys/id_stranger{end}")), ssh.join(format!("id_ed25519{end}")))
                .unwrap();
        }
        let alice = lab.path("keys/alice.pub");
        let init = ["init", "--group", "Lab", "--operator", "alice", "--nda", "2026-11-01", "--key"];
        let dir = ops.root().to_string_lossy().into_owned();
        let home = ops.folder.path().join("home").to_string_lossy().into_owned();
        let init = Command::new(ops.folder.path())
            .env("HOME", &home)
            .args(&init)
            .args(&[&alice.to_string_lossy(), &dir])
            .says();
        assert_eq!(init.code, Some(0), "{init}");
        ops.roster();
        for user in USERS {
            ops.write(&format!("inventory/{user}.yml"), ops.inventory(user, hosts));
        }
        let known: String = hosts.iter().map(|host| lab.known_hosts(host)).collect();
        ops.write("inventory/known_hosts", &known);
        ops.commit();
        ops
    }

    /// An inventory of these hosts, entered as `user` with the lab's key.
    pub fn inventory(&self, user: &str, hosts: &[&Host]) -> String {
        let key = self.lab.path("keys/id_ed25519");
        let mut text = format!(
            "lab:\n  vars:\n    ansible_user: {user}\n    ansible_ssh_private_key_file: {}\n  hosts:\n",
            key.display()
        );
        for host in hosts {
            text.push_str(&format!("    {}: {{ansible_host: {}}}\n", host.name(), self.lab.address(host)));
        }
        text
    }

    fn roster(&self) {
        let file = self.root().join("inventory/operators.yml");
        let mut roster = std::fs::read_to_string(&file).unwrap();
        let key = |name: &str| std::fs::read_to_string(format!("{}.pub", self.key(name).display())).unwrap();
        for name in ["ci", "bob"] {
            ssh_keygen(&self.folder.path().join(name));
        }
        for (name, role) in [("sam", "shadow"), ("ci", "auditor"), ("bob", "left")] {
            let until = if role == "left" { "\n    until: 2026-05-01" } else { "" };
            roster.push_str(&format!(
                "  {name}:\n    role: {role}{until}\n    keys: ['{}']\n",
                key(name).trim()
            ));
        }
        std::fs::write(file, roster).unwrap();
    }

    /// Takes somebody into the roster as an operator who may change servers.
    pub fn joins(&self, name: &str) {
        ssh_keygen(&self.folder.path().join(name));
        let key = std::fs::read_to_string(self.folder.path().join(name).with_extension("pub")).unwrap();
        let file = self.root().join("inventory/operators.yml");
        let mut roster = std::fs::read_to_string(&file).unwrap();
        roster.push_str(&format!(
            "  {name}:\n    role: operator\n    nda: {{signed: 2026-01-01}}\n    keys: ['{}']\n",
            key.trim()
        ));
        self.keep("inventory/operators.yml", roster);
    }

    /// The folder in which people type.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("ops")
    }

    /// A folder that is no ops repository.
    pub fn elsewhere(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into the repository, not committed.
    pub fn write(&self, file: &str, text: impl AsRef<[u8]>) {
        let file = self.root().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Puts a file into the repository, for good.
    pub fn keep(&self, file: &str, text: impl AsRef<[u8]>) {
        self.write(file, text);
        self.commit();
    }

    /// Replaces a text that is in a file, for good.
    pub fn replaces(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.root().join(file)).unwrap();
        assert!(text.contains(from), "no {from} in {text}");
        self.keep(file, text.replace(from, to));
    }

    /// Who may log in on the hosts follows from the roster, in which sam has signed an agreement.
    pub fn keeps_access(&self) {
        let settings = std::fs::read_to_string(self.root().join("wgops.yml")).unwrap_or_default();
        self.keep("wgops.yml", format!("{settings}\naccess:\n  account: ops\n"));
        let sam = "  sam:\n    role: shadow\n";
        self.replaces("inventory/operators.yml", sam, &format!("{sam}    nda: {{signed: 2026-01-01}}\n"));
    }

    /// The same, and alice logs in with a key of her own.
    pub fn opens_to_shadows(&self) {
        self.keeps_access();
        let key = |name: &str| self.lab.path(name).to_string_lossy().into_owned();
        self.replaces("inventory/ops.yml", &key("keys/id_ed25519"), &key("keys/alice"));
    }

    fn commit(&self) {
        let git = |args: &[&str]| {
            let git = std::process::Command::new("git")
                .args(["-c", "user.name=alice", "-c", "user.email=alice@example.org", "-c", "gc.auto=0"])
                .args(args)
                .current_dir(self.root())
                .output()
                .unwrap();
            assert!(git.status.success(), "{}", String::from_utf8_lossy(&git.stderr));
        };
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--allow-empty", "--message", "As a test wants it"]);
    }

    /// Keeps a play for all hosts with these tasks as `playbooks/NAME.yml`; each of its lines is indented here.
    pub fn play(&self, name: &str, keywords: &str, tasks: &str) -> String {
        let indented: String = tasks.trim_end().lines().map(|line| format!("    {line}\n")).collect();
        let file = format!("playbooks/{name}.yml");
        self.keep(&file, format!("- hosts: all\n  gather_facts: false\n{keywords}  tasks:\n{indented}"));
        file
    }

    /// Somebody's private key.
    pub fn key(&self, who: &str) -> PathBuf {
        match who {
            "alice" | "sam" => self.lab.path(&format!("keys/{who}")),
            _ => self.folder.path().join(who),
        }
    }

    /// What somebody types after `wgops`, split at blanks.
    pub fn types(&self, who: &str, line: &str) -> Command {
        let words: Vec<&str> = line.split_whitespace().collect();
        match who {
            // Her key is where ssh finds it, and that is all there is to say about her.
            "mallory" => self.bare(&words),
            _ => self.bare(&words).env("WGOPS_IDENTITY", &self.key(who).to_string_lossy()),
        }
    }

    /// The same by somebody who shows no key at all.
    pub fn bare(&self, words: &[&str]) -> Command {
        let command = Command::new(&self.root()).args(words);
        let command = command.env("HOME", &self.folder.path().join("home").to_string_lossy());
        // What a lead would tell on the phone: there is no terminal at which anybody could compare.
        match self.pin() {
            Some(pin) => command.env("WGOPS_ROSTER_PIN", &pin),
            None => command,
        }
    }

    /// The roster as somebody compares it; nothing where there is none.
    pub fn pin(&self) -> Option<String> {
        let roster = std::fs::read_to_string(self.root().join("inventory/operators.yml")).ok()?;
        let version = roster.lines().find_map(|line| line.strip_prefix("version: "))?;
        Some(format!("{version}:{}", Digest::of(&roster)))
    }

    /// What alice types.
    pub fn alice(&self, line: &str) -> Said {
        self.types("alice", line).says()
    }

    /// The ledger's newest line. The ledger has to verify.
    pub fn newest(&self) -> String {
        let verify = self.alice("ledger verify");
        assert_eq!(verify.code, Some(0), "{verify}");
        let log = self.alice("ledger log");
        assert_eq!(log.code, Some(0), "{log}");
        log.out.lines().last().unwrap_or_default().to_owned()
    }

    /// All that the ledger has of the newest run.
    pub fn newest_run(&self) -> Said {
        let line = self.newest();
        let run = line.split_whitespace().last().unwrap_or_default();
        self.alice(&format!("ledger show {run}"))
    }

    /// How many entries the ledger has, of whatever kind.
    pub fn entries(&self) -> usize {
        let find = std::process::Command::new("find")
            .arg(self.root().join("ledger"))
            .args(["-name", "*.json.sig"])
            .output()
            .unwrap();
        String::from_utf8_lossy(&find.stdout).lines().count()
    }
}

fn ssh_keygen(file: &Path) {
    let keygen = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(file)
        .output()
        .unwrap();
    assert!(keygen.status.success(), "{}", String::from_utf8_lossy(&keygen.stderr));
}

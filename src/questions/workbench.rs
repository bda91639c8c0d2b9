//! A bench for tests: it runs scripts in a real local shell; every file lies in a temporary directory.
//!
//! `Workbench::every_shell()` has one for each shell on this machine; the busybox one finds nothing but busybox's own
//! utilities. What drives modules on top of it is `crate::modules::harness`.

use super::Output;
use crate::model::{Argv, Content, Script};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A shell and a temporary directory.
pub(crate) struct Workbench {
    home: tempfile::TempDir,
    shell: Vec<&'static str>,
    search_path: String,
    /// Whether scripts see an `/etc` and a `/home` of their own.
    own_accounts: bool,
}

/// Runs what follows with copies of `/etc` and `/home` that nobody else sees.
const IN_OWN_ACCOUNTS: &str = r#"mount --bind "$0/etc" /etc && mount --bind "$0/home" /home && exec "$@""#;

impl Workbench {
    /// A bench with this machine's `sh`.
    pub fn new() -> Self {
        Self::with(vec!["sh"])
    }

    /// A bench for each shell that is here.
    pub fn every_shell() -> Vec<Self> {
        [vec!["dash"], vec!["bash", "--posix"], vec!["busybox", "sh"]]
            .into_iter()
            .filter(|words| program(words[0]).is_some())
            .map(Self::with)
            .collect()
    }

    fn with(shell: Vec<&'static str>) -> Self {
        let home = tempfile::Builder::new().prefix("bench ").tempdir().unwrap();
        let mut search_path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".to_owned();
        if shell[0] == "busybox" {
            let applets = home.path().join("applets");
            std::fs::create_dir(&applets).unwrap();
            let installed = Command::new("busybox").args(["--install", "-s"]).arg(&applets).status().unwrap();
            assert!(installed.success());
            search_path = applets.to_str().unwrap().to_owned();
        }
        std::fs::create_dir(home.path().join("work")).unwrap();
        Self { home, shell, search_path, own_accounts: false }
    }

    /// A bench with this machine's `sh`, whose scripts find these programs and no other.
    pub fn with_only(names: &[&str]) -> Self {
        let mut bench = Self::new();
        let programs = bench.home.path().join("only");
        std::fs::create_dir(&programs).unwrap();
        for name in names {
            std::os::unix::fs::symlink(program(name).unwrap(), programs.join(name)).unwrap();
        }
        bench.search_path = programs.to_str().unwrap().to_owned();
        bench
    }

    /// A bench whose scripts may change users and groups: they see copies. Nothing where that takes rights that this
    /// process doesn't have.
    pub fn with_own_accounts() -> Option<Self> {
        let bench = Self { own_accounts: true, ..Self::new() };
        let copied = Command::new("cp").arg("-a").arg("/etc").arg(bench.home.path()).status().ok()?;
        std::fs::create_dir(bench.home.path().join("home")).ok()?;
        let probe = bench.command().arg("-c").arg(":").output().ok()?;
        let works = is_root() && copied.success() && probe.status.success();
        if !works {
            println!("skipped: this process can't give a script an /etc of its own");
        }
        works.then_some(bench)
    }

    /// Whether something is below the `/home` that scripts see.
    pub fn exists_at_home(&self, name: &str) -> bool {
        self.home.path().join("home").join(name).exists()
    }

    /// Puts a program in the way of scripts, written in sh.
    pub fn program(&mut self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let directory = self.home.path().join("programs");
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        let directory = directory.to_str().unwrap();
        if !self.search_path.starts_with(directory) {
            self.search_path = format!("{directory}:{}", self.search_path);
        }
    }

    /// The shell, about to be started.
    fn command(&self) -> Command {
        let shell = program(self.shell[0]).unwrap();
        if !self.own_accounts {
            let mut command = Command::new(shell);
            command.args(&self.shell[1..]);
            return command;
        }
        let mut command = Command::new("/usr/bin/unshare");
        command.args(["-m", "sh", "-c", IN_OWN_ACCOUNTS]).arg(self.home.path()).arg(shell);
        command.args(&self.shell[1..]);
        command
    }

    /// The shell's name, for messages.
    pub fn name(&self) -> &'static str {
        self.shell[0]
    }

    /// An absolute path in the bench's directory.
    pub fn path(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// The same as a `PathBuf`.
    pub fn at(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// Writes a file in the bench's directory and gives its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        std::fs::write(self.at(name), content).unwrap();
        self.path(name)
    }

    /// Reads a file of the bench's directory.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.at(name)).unwrap()
    }

    /// What the shell has to say against a script's syntax.
    pub fn syntax_error(&self, script: Script) -> Option<String> {
        let path = self.home.path().join("source");
        std::fs::write(&path, format!("f() (\n{}\n)\n", script.text)).unwrap();
        let shell = program(self.shell[0]).unwrap();
        let output = Command::new(shell).args(&self.shell[1..]).arg("-n").arg(path).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then_some(said)
    }

    /// Runs a script as a function's body in a subshell of the bench's shell.
    pub fn run(&self, script: Script, args: &Argv, content: Option<&Content>) -> Output {
        let stdin = match content {
            None => PathBuf::from("/dev/null"),
            Some(content) => {
                let path = self.home.path().join("stdin");
                std::fs::write(&path, content.bytes()).unwrap();
                path
            }
        };
        let mut source = format!("wgops_x_{}() (\n{}\n)\nwgops_x_{0}", script.name, script.text);
        for word in args.0.iter().map(String::as_str) {
            source.push_str(&format!(" {}", quoted(word)));
        }
        source.push_str(&format!(" <{}\nexit $?\n", quoted(stdin.to_str().unwrap())));
        let path = self.home.path().join("source");
        std::fs::write(&path, source).unwrap();
        let output = self
            .command()
            .arg("-s")
            .env_clear()
            .env("PATH", &self.search_path)
            .env("HOME", self.home.path())
            .env("LC_ALL", "C")
            .current_dir(self.home.path().join("work"))
            .stdin(std::fs::File::open(path).unwrap())
            .output()
            .unwrap();
        let status = u8::try_from(output.status.code().unwrap()).unwrap();
        Output { status, stdout: output.stdout, stderr: output.stderr }
    }
}

/// Where a program lies: the bench's own search path need not have the shell.
fn program(name: &str) -> Option<PathBuf> {
    let directories = ["/usr/local/bin", "/usr/bin", "/bin"].into_iter().map(Path::new);
    directories.map(|directory| directory.join(name)).find(|path| path.exists())
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Whether this process may give files to others, which some tests need.
pub(crate) fn is_root() -> bool {
    let uid = |path: &Path| std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(path).unwrap());
    uid(Path::new("/proc/self")) == 0
}

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
}

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
        Self { home, shell, search_path }
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
        let output = Command::new(program(self.shell[0]).unwrap())
            .args(&self.shell[1..])
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

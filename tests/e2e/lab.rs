//! The lab that `scripts/test` brought up, and whose turn it is on which host.
//!
//! Test runners run tests side by side, some as threads and some as processes, so a host is taken by a lock on a file,
//! which goes with its holder however that one ends. A host comes as the test before left it: who needs a fresh disk
//! asks for one ([`Lab::reset`]). What a test does to a host's line or clock ends with the test ([`Trouble`]).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A lab of real Debian hosts; see `tests/lab/README.md`.
pub struct Lab {
    dir: PathBuf,
}

/// A host that nobody else uses until this is dropped.
pub struct Host {
    name: String,
    _turn: File,
}

impl Host {
    /// As it is called in the lab's inventory.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Lab {
    /// The lab that was brought up for the tests.
    pub fn open() -> Self {
        let dir = std::env::var_os("WGOPS_TEST_LAB")
            .unwrap_or_else(|| panic!("WGOPS_TEST_LAB is not set: run scripts/test"));
        Self { dir: dir.into() }
    }

    /// A file or directory of the lab, such as `inventory.yml`.
    pub fn path(&self, below: &str) -> PathBuf {
        self.dir.join(below)
    }

    /// Any ordinary host (`h1`, `h2` …).
    pub fn host(&self) -> Host {
        self.take(is_ordinary)
    }

    /// A host that wants a reboot after its updates.
    pub fn kernel_host(&self) -> Host {
        self.take(|dir| is_ordinary(dir) && kind(dir) == "kernel")
    }

    /// The host of another kind: `bullseye`, `trixie`, `sysvinit`, `real`. None where Debian's mirror no longer has what
    /// it is made of, which `scripts/test` finds out and says; a test is over then.
    pub fn host_of(&self, wanted: &str) -> Option<Host> {
        let without = std::env::var("WGOPS_TEST_WITHOUT").unwrap_or_default();
        if without.split_whitespace().any(|kind| kind == wanted) {
            return None;
        }
        assert!(
            self.hosts().iter().any(|dir| kind(dir) == wanted),
            "no such host in the lab: scripts/lab up 1 --kind {wanted} --name {wanted}"
        );
        Some(self.take(|dir| kind(dir) == wanted))
    }

    /// The host whose disk has room for 150 MB.
    pub fn tiny_host(&self) -> Host {
        let is_tiny = |dir: &Path| dir.join("disk_size").exists();
        let there = self.hosts().iter().any(|dir| is_tiny(dir));
        assert!(there, "no such host in the lab: scripts/lab up 1 --disk 160M --name tiny");
        self.take(is_tiny)
    }

    fn hosts(&self) -> Vec<PathBuf> {
        let hosts = std::fs::read_dir(self.path("hosts")).unwrap();
        hosts.map(|entry| entry.unwrap().path()).collect()
    }

    /// Waits for its turn on the first host that `fits`, unless another is free at once.
    fn take(&self, fits: impl Fn(&Path) -> bool) -> Host {
        let mut hosts = self.hosts();
        hosts.retain(|dir| fits(dir));
        hosts.sort();
        let turns: Vec<(PathBuf, File)> =
            hosts.into_iter().map(|dir| (dir.clone(), File::create(dir.join("turn")).unwrap())).collect();
        let mut waiting = None;
        for (dir, turn) in turns {
            match turn.try_lock() {
                Ok(()) => return Host::new(&dir, turn),
                Err(TryLockError::WouldBlock) => waiting = waiting.or(Some((dir, turn))),
                Err(TryLockError::Error(error)) => panic!("{}: {error}", dir.display()),
            }
        }
        let (dir, turn) = waiting.unwrap_or_else(|| panic!("no such host in the lab"));
        turn.lock().unwrap();
        Host::new(&dir, turn)
    }

    /// Two hosts; the turn for both is waited for in one order, so that no two tests wait for each other.
    pub fn two_hosts(&self) -> (Host, Host) {
        let _one_at_a_time = self.pairing();
        let first = self.host();
        // Never one's own: where all others are busy, that would be waited for without end.
        let second = self.take(|dir| is_ordinary(dir) && !dir.ends_with(first.name()));
        (first, second)
    }

    /// Held while hosts are taken by somebody who holds some already.
    fn pairing(&self) -> File {
        let turn = File::create(self.path("pairing")).unwrap();
        turn.lock().unwrap();
        turn
    }

    /// The address at which the host listens.
    pub fn address(&self, host: &Host) -> String {
        let known = std::fs::read_to_string(self.path("known_hosts")).unwrap();
        let names = known.lines().find_map(|line| line.strip_prefix(&format!("{},", host.name())));
        names.unwrap().split_whitespace().next().unwrap().to_owned()
    }

    /// The host's line of `known_hosts`.
    pub fn known_hosts(&self, host: &Host) -> String {
        let known = std::fs::read_to_string(self.path("known_hosts")).unwrap();
        let lines = known.lines().filter(|line| line.starts_with(&format!("{},", host.name())));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// Runs a script as root, past sshd; what it prints, trimmed. It has to succeed.
    #[track_caller]
    pub fn exec(&self, host: &Host, script: &str) -> String {
        let output = self.script(&["exec", host.name(), script]);
        assert!(
            output.status.success(),
            "{script}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Whether a script as root on the host, past sshd, succeeds.
    pub fn holds(&self, host: &Host, script: &str) -> bool {
        self.script(&["exec", host.name(), script]).status.success()
    }

    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/lab");
        let name = self.dir.file_name().unwrap();
        Command::new(script).args(args).env("WGOPS_LAB", name).output().unwrap()
    }

    /// Gives the host a disk as on its first day.
    pub fn reset(&self, host: &Host) {
        let output = self.script(&["reset", host.name()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    #[track_caller]
    fn verb(&self, args: &[&str]) {
        let output = self.script(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn trouble<'a>(&'a self, host: &'a Host, begin: &[&str], end: &[&str]) -> Trouble<'a> {
        self.verb(begin);
        let end = end.iter().map(|&word| word.to_owned()).collect();
        Trouble { lab: self, _host: host, end }
    }

    /// Lets no frame pass to or from the host; nobody is told.
    pub fn cut<'a>(&'a self, host: &'a Host) -> Trouble<'a> {
        self.trouble(host, &["cut", host.name()], &["heal", host.name()])
    }

    /// Loses so many percent of the frames, each way.
    pub fn lossy<'a>(&'a self, host: &'a Host, percent: u8) -> Trouble<'a> {
        self.trouble(host, &["net", host.name(), "0", &percent.to_string()], &["net", host.name(), "0"])
    }

    /// Lets so many bytes a second pass, each way.
    pub fn slow<'a>(&'a self, host: &'a Host, rate: u32) -> Trouble<'a> {
        self.trouble(host, &["slow", host.name(), &rate.to_string()], &["slow", host.name(), "0"])
    }

    /// Sets the host's clock wrong by so many seconds.
    pub fn clock<'a>(&'a self, host: &'a Host, seconds: i64) -> Trouble<'a> {
        self.trouble(host, &["clock", host.name(), &seconds.to_string()], &["clock", host.name(), "0"])
    }

    /// Takes the host's power away.
    pub fn power_off(&self, host: &Host) {
        self.verb(&["stop", "--now", host.name()]);
    }

    /// Switches it on again, and waits until it lets people in.
    pub fn power_on(&self, host: &Host) {
        self.verb(&["start", host.name()]);
    }

    /// Runs a command with OpenSSH's client, as somebody who looks at the host without wgops.
    pub fn ssh(&self, host: &Host, command: &str) -> Output {
        Command::new("ssh")
            .arg("-F")
            .arg(self.path("ssh_config"))
            .args([host.name(), command])
            .output()
            .unwrap()
    }
}

/// What a host suffers from until this is dropped.
pub struct Trouble<'a> {
    lab: &'a Lab,
    _host: &'a Host,
    end: Vec<String>,
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        let words: Vec<&str> = self.end.iter().map(String::as_str).collect();
        self.lab.script(&words);
    }
}

fn kind(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("kind")).unwrap().trim().to_owned()
}

fn is_ordinary(dir: &Path) -> bool {
    let name = dir.file_name().unwrap().to_string_lossy();
    name.strip_prefix('h').is_some_and(|number| number.parse::<u32>().is_ok())
}

impl Host {
    fn new(dir: &Path, turn: File) -> Self {
        Self { name: dir.file_name().unwrap().to_string_lossy().into_owned(), _turn: turn }
    }
}

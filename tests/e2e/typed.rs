//! A command as somebody types it: what it prints, how it ends, and that it ends.
//!
//! No command may outlive its deadline; one that does is killed, and the test fails with what it had printed.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

/// How often something is looked at that cannot tell by itself.
const LOOK: Duration = Duration::from_millis(20);

/// A command that has not begun.
pub struct Command {
    folder: PathBuf,
    words: Vec<String>,
    env: Vec<(String, String)>,
    deadline: Duration,
    terminal: Option<String>,
}

/// What a command printed, and how it ended.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A command that is under way.
pub struct Running {
    child: Child,
    out: JoinHandle<Vec<u8>>,
    err: JoinHandle<Vec<u8>>,
    until: Instant,
}

impl Command {
    /// `wgops` in a folder, with an empty environment and no terminal.
    pub fn new(folder: &Path) -> Self {
        let path = std::env::var("PATH").unwrap_or_default();
        Self {
            folder: folder.to_owned(),
            words: Vec::new(),
            env: vec![("PATH".into(), path)],
            deadline: Duration::from_secs(60),
            terminal: None,
        }
    }

    pub fn args(mut self, words: &[&str]) -> Self {
        self.words.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets it take longer, or less long.
    pub fn within(mut self, seconds: u64) -> Self {
        self.deadline = Duration::from_secs(seconds);
        self
    }

    /// Gives it a terminal, at which this is typed.
    pub fn at_a_terminal(mut self, typed: &str) -> Self {
        self.terminal = Some(typed.to_owned());
        self
    }

    fn command(&self) -> std::process::Command {
        let wgops = env!("CARGO_BIN_EXE_wgops");
        let mut command = match self.terminal {
            None => std::process::Command::new(wgops),
            Some(_) => {
                let words: Vec<String> = self.words.iter().map(|word| format!("'{word}'")).collect();
                let mut script = std::process::Command::new("script");
                script.args(["-qec", &format!("'{wgops}' {}", words.join(" ")), "/dev/null"]);
                script
            }
        };
        if self.terminal.is_none() {
            command.args(&self.words);
        }
        command.current_dir(&self.folder).env_clear().envs(self.env.iter().cloned());
        command
    }

    /// Begins it.
    pub fn starts(self) -> Running {
        let stdin = if self.terminal.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child =
            self.command().stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = child.stdout.take().unwrap();
        let out = match (&self.terminal, child.stdin.take()) {
            (Some(typed), Some(stdin)) => crate::typist::answers(stdin, out, typed, false),
            _ => reader(out),
        };
        let err = reader(child.stderr.take().unwrap());
        Running { child, out, err, until: Instant::now() + self.deadline }
    }

    /// Carries it out.
    pub fn says(self) -> Said {
        self.starts().says()
    }
}

/// A process and all that descend from it, itself first.
fn descendants(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let below = children.split_whitespace().filter_map(|child| child.parse().ok()).flat_map(descendants);
    [pid].into_iter().chain(below).collect()
}

fn reader(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

impl Running {
    /// Sends it a signal, such as `INT`.
    pub fn signal(&self, name: &str) {
        let kill =
            std::process::Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Kills it at once, and what it has started on this machine: a terminal does not outlive it either.
    pub fn kill(mut self) {
        let mut all = descendants(self.child.id());
        all.reverse();
        for pid in all {
            let _gone_already =
                std::process::Command::new("kill").args(["-s", "KILL", &pid.to_string()]).output();
        }
        self.child.wait().unwrap();
    }

    /// The most memory it has had so far, in KiB.
    pub fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
    }

    /// Whether it is still under way.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub fn says(mut self) -> Said {
        let mut late = false;
        while self.runs() {
            if Instant::now() > self.until {
                late = true;
                self.child.kill().unwrap();
            }
            sleep(LOOK);
        }
        let code = self.child.wait().unwrap().code();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let said = Said { code, out: text(self.out.join().unwrap()), err: text(self.err.join().unwrap()) };
        assert!(!late, "it did not end in time\n{said}");
        said
    }
}

impl Said {
    /// Holds it to its exit code and to words that it has to say, on either stream.
    #[track_caller]
    pub fn expect(&self, code: i32, words: &[&str]) -> &Self {
        assert_eq!(self.code, Some(code), "{self}");
        let all = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(all.contains(word), "no '{word}' in:\n{self}");
        }
        self
    }

    /// The counts of a host in the recap.
    #[track_caller]
    pub fn recap(&self, host: &str) -> BTreeMap<String, u32> {
        let line = self.out.lines().find(|line| line.starts_with(&format!("{host} : ")));
        let line = line.unwrap_or_else(|| panic!("no recap of {host} in:\n{self}"));
        let counts = line.split_whitespace().filter_map(|word| word.split_once('='));
        counts.map(|(name, count)| (name.to_owned(), count.parse().unwrap())).collect()
    }

    /// Holds it to words that it must not say.
    #[track_caller]
    pub fn without(&self, words: &[&str]) -> &Self {
        let all = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(!all.contains(word), "'{word}' in:\n{self}");
        }
        self
    }
}

impl Display for Said {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let (out, err) = (shortened(&self.out), shortened(&self.err));
        write!(f, "exit {:?}\n--- stdout\n{out}\n--- stderr\n{err}", self.code)
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(6000).collect()
}

/// Looks until it is so.
#[track_caller]
pub fn wait_until(what: &str, seconds: u64, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !so() {
        assert!(Instant::now() < until, "not within {seconds} s: {what}");
        sleep(LOOK);
    }
}

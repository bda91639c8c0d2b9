//! The file that a history lies in: read whole, replaced in one step under a lock, so that two audits at once lose
//! nothing of each other.

use super::history::History;
use crate::cli::console::shown;
use crate::cli::output::OutputFile;
use crate::cli::repository::Repository;
use crate::cli::{Exit, Failure};
use crate::report::Assessment;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Largest file that is read.
const BYTES_MAX: u64 = 128 << 20;
/// Longest wait for another audit that writes the same file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
const LOCK_EVERY: Duration = Duration::from_millis(20);
/// Where it lies unless somebody says otherwise, seen from the ops repository.
const DEFAULT: &str = ".wgops/history.json";

/// A history's file, and what was in it.
pub struct HistoryFile {
    path: PathBuf,
    /// What was in it when it was read.
    pub history: History,
}

impl HistoryFile {
    /// Reads the file that was named, or the clone's own; without an ops repository there is none.
    ///
    /// # Errors
    /// There is one, and it can't be read.
    pub fn open(repository: &Repository, named: Option<&Path>) -> Result<Option<Self>, Failure> {
        let path = match named {
            Some(path) => Some(path.to_owned()),
            None => repository.place(DEFAULT)?,
        };
        path.map(|path| Ok(Self { history: read(&path)?, path })).transpose()
    }

    /// Adds what an audit found.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remember(&self, audit: &str, assessment: &Assessment) -> Result<(), Failure> {
        self.make_directory()?;
        let _lock = self.lock()?;
        let mut history = read(&self.path)?;
        history.remember(audit, assessment);
        let mut file = OutputFile::create(&self.path)?;
        let written = file.writer().write_all(history.text().as_bytes());
        written.map_err(|error| file.failed(&error))?;
        file.finish()
    }

    /// The clone's own directory ignores itself in git.
    fn make_directory(&self) -> Result<(), Failure> {
        let Some(directory) = self.path.parent().filter(|directory| directory.ends_with(".wgops")) else {
            return Ok(());
        };
        let ignore = directory.join(".gitignore");
        let made = std::fs::create_dir_all(directory).and_then(|()| match ignore.exists() {
            true => Ok(()),
            false => std::fs::write(&ignore, "*\n"),
        });
        made.map_err(|error| self.failure(&format!("can't be written: {error}")))
    }

    fn lock(&self) -> Result<File, Failure> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = open.map_err(|error| self.failure(&format!("can't be locked: {error}")))?;
        let deadline = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => {
                    return Err(self.failure(&format!("can't be locked: {error}")));
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(self.failure("is being written by another audit"));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_EVERY),
            }
        }
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(Exit::Usage, format!("the history of audits {} {what}", shown(&self.path)))
    }
}

/// A file that is not there is a history that begins.
fn read(path: &Path) -> Result<History, Failure> {
    let refused = |why: String| {
        Failure::usage(format!("the history of audits {} can't be read: {why}", shown(path)))
            .hint("move it away to count ages anew, or name another with --history FILE")
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(History::default()),
        Err(error) => return Err(refused(error.to_string())),
        Ok(about) if !about.is_file() || about.len() > BYTES_MAX => {
            return Err(refused(format!("no file of at most {} MiB", BYTES_MAX >> 20)));
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    History::parse(&bytes).map_err(refused)
}

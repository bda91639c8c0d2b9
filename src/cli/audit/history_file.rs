//! The file that a history lies in: read whole, replaced in one step under a lock, so that two audits at once lose
//! nothing of each other. Where there is none yet, the audits in the ledger serve.

use super::history::{History, audit_name};
use crate::cli::console::shown;
use crate::cli::ledger::{Verified, verified_of};
use crate::cli::output::OutputFile;
use crate::cli::repository::Repository;
use crate::cli::{Exit, Failure};
use crate::event::Event;
use crate::ledger::{Kind, LedgerError, keep_to_owner, lock};
use crate::model::RunId;
use crate::people::Roster;
use crate::report::Assessment;
use jiff::Timestamp;
use serde::Deserialize as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Largest file that is read.
const BYTES_MAX: u64 = 128 << 20;
/// Most audits of the ledger that are read where there is no file yet.
const AUDITS_MAX: usize = 100;
/// Longest wait for another audit that writes the same file.
const LOCK_WAIT: Duration = Duration::from_secs(10);
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
    pub fn open(
        repository: &Repository,
        roster: Option<&Roster>,
        named: Option<&Path>,
    ) -> Result<Option<Self>, Failure> {
        let path = match named {
            Some(path) => Some(path.to_owned()),
            None => repository.place(DEFAULT)?,
        };
        let Some(path) = path else { return Ok(None) };
        let history = match read(&path)? {
            Some(history) => history,
            None => repository.root().zip(roster).map(told_by_ledger).unwrap_or_default(),
        };
        Ok(Some(Self { path, history }))
    }

    /// Adds what an audit found.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn remember(&self, audit: &str, assessment: &Assessment) -> Result<(), Failure> {
        self.make_directory()?;
        let _lock = self.lock()?;
        let mut history = read(&self.path)?.unwrap_or_else(|| self.history.clone());
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
        keep_to_owner(directory);
        made.map_err(|error| self.failure(&format!("can't be written: {error}")))
    }

    fn lock(&self) -> Result<File, Failure> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        lock(Path::new(&path), LOCK_WAIT).map_err(|error| match error {
            LedgerError::Locked { .. } => self.failure("is being written by another audit"),
            error => self.failure(&format!("can't be locked: {error}")),
        })
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::new(Exit::Usage, format!("the history of audits {} {what}", shown(&self.path)))
    }
}

/// What the newest audits of the ledger found, as far as they are here; what can't be read, or doesn't hold, tells nothing: who
/// pushes a file would begin all ages anew.
fn told_by_ledger((root, roster): (&Path, &Roster)) -> History {
    let mut history = History::default();
    let Ok(Verified { record, report, .. }) = verified_of(root, roster, &[(Kind::Audit, AUDITS_MAX)]) else {
        return history;
    };
    let log = record.log();
    let holds = |run: &RunId| {
        let found = record.run(*run);
        found
            .iter()
            .flat_map(|found| &found.entries)
            .any(|entry| report.breaks_of(&entry.file).next().is_none())
    };
    let audits = log.iter().rev().filter(|line| line.kind == Kind::Audit);
    let runs: Vec<RunId> = audits.filter_map(|line| line.run).filter(holds).take(AUDITS_MAX).collect();
    for run in runs.into_iter().rev() {
        let mut assessment = Assessment::default();
        let mut entries = record.run(run).map(|found| found.entries).unwrap_or_default();
        entries.retain(|entry| report.breaks_of(&entry.file).next().is_none());
        let events =
            entries.iter().filter_map(|entry| entry.private.as_ref()).flat_map(|p| &p.details.events);
        events.filter_map(|value| Event::deserialize(value).ok()).for_each(|event| assessment.event(&event));
        let playbooks = assessment.judging().playbooks.clone();
        // Older entries don't say when they were judged, nor by which playbooks.
        if !playbooks.is_empty() {
            history.remember(&audit_name(&playbooks), &assessment);
        }
    }
    history
}

/// None where there is no file yet.
fn read(path: &Path) -> Result<Option<History>, Failure> {
    let refused = |why: String| {
        Failure::usage(format!("the history of audits {} can't be read: {why}", shown(path)))
            .hint("move it away to count ages anew, or name another with --history FILE")
    };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(error.to_string())),
        Ok(about) if !about.is_file() || about.len() > BYTES_MAX => {
            return Err(refused(format!("no file of at most {} MiB", BYTES_MAX >> 20)));
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let history = History::parse(&bytes).map_err(&refused)?;
    // An age that begins tomorrow would never come.
    match history.ahead_of(Timestamp::now()) {
        None => Ok(Some(history)),
        Some(time) => Err(refused(format!(
            "it speaks of {}, which has not come yet: a clock is wrong, or somebody wrote it by hand",
            time.strftime("%Y-%m-%d %H:%MZ")
        ))),
    }
}

//! Locks of files: whoever waits for one hears for whom, and nobody else on the machine can take one. A lock asks for no right to
//! write, so what others may open, they may hold for ever.

use super::{LedgerError, tree};
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a lock is tried while another has it.
const EVERY: Duration = Duration::from_millis(20);
/// How long is waited without a word.
const QUIET: Duration = Duration::from_secs(2);

/// Opens the file of a lock, for its owner alone.
///
/// # Errors
/// It is a link, or the disk refused.
pub(super) fn open(path: &Path) -> Result<File, LedgerError> {
    tree::refuse_link(path)?;
    let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = open.map_err(LedgerError::io("can't open", path))?;
    keep_to_owner(path);
    Ok(file)
}

/// Takes a lock, which is let go when dropped.
///
/// # Errors
/// Another has it for longer than that, or the disk refused.
pub fn lock(path: &Path, wait: Duration) -> Result<File, LedgerError> {
    let file = open(path)?;
    let (begin, mut told) = (Instant::now(), false);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(LedgerError::io("can't lock", path)(source)),
            Err(TryLockError::WouldBlock) if begin.elapsed() >= wait => {
                return Err(LedgerError::Locked { file: path.to_owned(), waited: wait });
            }
            Err(TryLockError::WouldBlock) => {
                if !told && begin.elapsed() >= QUIET {
                    tracing::warn!("{}", waiting(&file, path, wait));
                    told = true;
                }
                std::thread::sleep(EVERY);
            }
        }
    }
}

/// Takes from others what they may do with a file or folder of one's own. Where that can't be done it stays as it is: it may be
/// another's, who shares it on purpose.
pub fn keep_to_owner(path: &Path) {
    let Ok(about) = std::fs::symlink_metadata(path) else { return };
    let mode = about.permissions().mode();
    if mode & 0o077 != 0 && !about.is_symlink() {
        let _best_effort = std::fs::set_permissions(path, Permissions::from_mode(mode & 0o700));
    }
}

fn waiting(file: &File, path: &Path, wait: Duration) -> String {
    let by = holder(file).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    format!(
        "waiting for {}, which {by} holds: most likely another wgops at work in this clone; it is waited for {} s at most",
        path.display(),
        wait.as_secs()
    )
}

/// The process that has a lock, as far as the system says.
fn holder(file: &File) -> Option<u32> {
    let inode = file.metadata().ok()?.ino().to_string();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "FLOCK")?;
        let (pid, place) = (words.get(at + 3)?, words.get(at + 4)?);
        let is_it = place.rsplit(':').next() == Some(&inode) && !words.contains(&"->");
        pid.parse().ok().filter(|pid| is_it && *pid > 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_its_owners_alone_also_where_it_lay_open() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        std::fs::write(&old, "").unwrap();
        std::fs::set_permissions(&old, Permissions::from_mode(0o644)).unwrap();
        for path in [&new, &old] {
            lock(path, Duration::ZERO).unwrap();
            assert_eq!(mode(path), 0o600);
        }
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&old, &link).unwrap();
        assert!(matches!(lock(&link, Duration::ZERO), Err(LedgerError::Link { .. })));
    }

    #[test]
    fn whoever_waits_can_say_for_whom() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = lock(&path, Duration::ZERO).unwrap();
        let other = open(&path).unwrap();
        let said = waiting(&other, &path, Duration::from_secs(30));
        let own = format!("process {} holds", std::process::id());
        assert!(said.contains(&own) && said.contains("30 s at most"), "{said}");
        drop(held);
        assert!(waiting(&other, &path, Duration::ZERO).contains("another process"));
    }
}

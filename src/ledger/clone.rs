//! What belongs to this clone of the ops repository alone, in `.wgops/`: the random part of its chains' names, and the lock
//! under which entries are appended. The directory ignores itself in git.

use super::{LedgerError, hold, tree};
use crate::model::{Digest, RunId};
use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an append waits for another: longer than somebody takes to touch a security key.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// This clone's own directory.
pub(super) struct Clone {
    directory: PathBuf,
}

/// Held while an entry is appended; released when dropped.
pub(super) struct Lock {
    _file: File,
}

impl Clone {
    pub(super) fn at(root: &Path) -> Result<Self, LedgerError> {
        let directory = root.join(".wgops");
        tree::make_directory(&directory)?;
        hold::keep_to_owner(&directory);
        let ignore = directory.join(".gitignore");
        if std::fs::symlink_metadata(&ignore).is_err() {
            write(&ignore, "*\n")?;
        }
        Ok(Self { directory })
    }

    /// The random part of this clone's chains. A clone that was copied or moved is another clone: two that wrote the same
    /// chain would break it.
    pub(super) fn id(&self, random: [u8; 3]) -> Result<[u8; 3], LedgerError> {
        let _lock = self.lock(LOCK_WAIT)?;
        let file = self.directory.join("clone");
        let here = self.here()?;
        tree::refuse_link(&file)?;
        let known = std::fs::read_to_string(&file).unwrap_or_default();
        if let Some(id) =
            known.split_once(' ').filter(|(_, path)| path.trim_end() == here).and_then(|(id, _)| parse(id))
        {
            return Ok(id);
        }
        write(&file, &format!("{} {here}\n", hex(random)))?;
        Ok(random)
    }

    /// What tells this clone from every copy of it: its path, the machine, and the folder on its disk. A home that was restored
    /// from a backup, or copied to a second machine, has the same path.
    fn here(&self) -> Result<String, LedgerError> {
        let cannot = |error| LedgerError::io("can't find", &self.directory)(error);
        let path = self.directory.canonicalize().map_err(cannot)?;
        let folder = std::fs::metadata(&path).map_err(cannot)?.ino();
        let machine = ["/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/hostname"];
        let machine = machine.iter().find_map(|file| std::fs::read(file).ok()).unwrap_or_default();
        let machine = Digest::of(machine).hex();
        let machine = machine.get(..12).unwrap_or_default();
        Ok(format!("{machine} {folder} {}", path.to_string_lossy().escape_default()))
    }

    /// Gives this clone's chains another random part: the one before is sealed.
    pub(super) fn renew(&self, random: [u8; 3]) -> Result<[u8; 3], LedgerError> {
        let file = self.directory.join("clone");
        {
            let _lock = self.lock(LOCK_WAIT)?;
            tree::refuse_link(&file)?;
            write(&file, "")?;
        }
        self.id(random)
    }

    pub(super) fn lock_to_append(&self) -> Result<Lock, LedgerError> {
        self.lock(LOCK_WAIT)
    }

    fn lock(&self, wait: Duration) -> Result<Lock, LedgerError> {
        self.lock_as("ledger.lock", wait)
    }

    fn lock_as(&self, name: &str, wait: Duration) -> Result<Lock, LedgerError> {
        Ok(Lock { _file: hold::lock(&self.directory.join(name), wait)? })
    }
}

/// Held from reading a signed file until it is written: who would change the same in this clone meanwhile waits.
pub struct Turn {
    _lock: Lock,
}

impl Turn {
    /// Takes the turn at the roster.
    ///
    /// # Errors
    /// Another wgops has it for long, or the disk refused.
    pub fn at_the_roster(root: &Path) -> Result<Self, LedgerError> {
        Ok(Self { _lock: Clone::at(root)?.lock_as("roster.lock", LOCK_WAIT)? })
    }

    /// Takes the turn at what is sealed, unless somebody has it.
    ///
    /// # Errors
    /// The disk refused.
    pub fn at_the_vault_if_free(root: &Path) -> Result<Option<Self>, LedgerError> {
        match Clone::at(root)?.lock_as("vault.lock", Duration::ZERO) {
            Ok(lock) => Ok(Some(Self { _lock: lock })),
            Err(LedgerError::Locked { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Takes the turn at what is sealed.
    ///
    /// # Errors
    /// As [`Turn::at_the_roster`].
    pub fn at_the_vault(root: &Path) -> Result<Self, LedgerError> {
        Ok(Self { _lock: Clone::at(root)?.lock_as("vault.lock", LOCK_WAIT)? })
    }
}

/// Held while a run is carried out; let go when dropped, and by the system when wgops dies.
pub struct Held {
    file: PathBuf,
    _lock: File,
}

impl Held {
    /// Holds a run of the ops repository at this root.
    ///
    /// # Errors
    /// Another wgops holds it, or the disk refused.
    pub fn take(root: &Path, run: RunId) -> Result<Self, LedgerError> {
        let file = Clone::at(root)?.directory.join(format!("run-{run}.lock"));
        let lock = hold::open(&file)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { file, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::GoesOn { run, file }),
            Err(TryLockError::Error(source)) => Err(LedgerError::io("can't lock", &file)(source)),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Where it can't be removed it stays as an empty file that nobody holds.
        let _ = std::fs::remove_file(&self.file);
    }
}

fn write(file: &Path, text: &str) -> Result<(), LedgerError> {
    let written = File::create(file).and_then(|mut open| {
        open.write_all(text.as_bytes())?;
        open.sync_all()
    });
    written.map_err(LedgerError::io("can't write", file))
}

fn hex([a, b, c]: [u8; 3]) -> String {
    format!("{a:02x}{b:02x}{c:02x}")
}

fn parse(id: &str) -> Option<[u8; 3]> {
    let digits = Some(id).filter(|id| id.len() == 6 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let [_, a, b, c] = number.to_be_bytes();
    Some([a, b, c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_random_part_and_a_copy_of_it_gets_another() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("a"), root.path().join("b"));
        std::fs::create_dir(&first).unwrap();
        assert_eq!(Clone::at(&first).unwrap().id([1, 2, 3]).unwrap(), [1, 2, 3]);
        assert_eq!(Clone::at(&first).unwrap().id([9, 9, 9]).unwrap(), [1, 2, 3]);
        std::fs::create_dir_all(second.join(".wgops")).unwrap();
        std::fs::copy(first.join(".wgops/clone"), second.join(".wgops/clone")).unwrap();
        assert_eq!(Clone::at(&second).unwrap().id([9, 9, 9]).unwrap(), [9, 9, 9]);
        assert_eq!(std::fs::read_to_string(first.join(".wgops/.gitignore")).unwrap(), "*\n");
        // A copy that lies where the first one lay: as a home on a second machine.
        std::fs::rename(&first, root.path().join("moved")).unwrap();
        std::fs::create_dir_all(first.join(".wgops")).unwrap();
        std::fs::copy(root.path().join("moved/.wgops/clone"), first.join(".wgops/clone")).unwrap();
        assert_eq!(Clone::at(&first).unwrap().id([7, 7, 7]).unwrap(), [7, 7, 7]);
        // What says the path alone may have come with a commit.
        let path = first.join(".wgops").canonicalize().unwrap();
        std::fs::write(first.join(".wgops/clone"), format!("010203 {}\n", path.display())).unwrap();
        assert_eq!(Clone::at(&first).unwrap().id([8, 8, 8]).unwrap(), [8, 8, 8]);
    }

    #[test]
    fn a_held_lock_is_waited_for_and_then_named() {
        let root = tempfile::tempdir().unwrap();
        let clone = Clone::at(root.path()).unwrap();
        let held = clone.lock(Duration::ZERO).unwrap();
        let Err(error) = clone.lock(Duration::from_millis(30)) else { panic!("locked twice") };
        assert!(error.to_string().contains(".wgops/ledger.lock"), "{error}");
        drop(held);
        assert!(clone.lock(Duration::ZERO).is_ok());
    }

    #[test]
    fn a_run_is_held_once_and_can_be_held_again_after_its_end() {
        let root = tempfile::tempdir().unwrap();
        let (run, other) = (RunId::from_parts(1, 1), RunId::from_parts(2, 1));
        let held = Held::take(root.path(), run).unwrap();
        assert!(matches!(Held::take(root.path(), run), Err(LedgerError::GoesOn { .. })));
        assert!(Held::take(root.path(), other).is_ok());
        drop(held);
        assert!(Held::take(root.path(), run).is_ok());
        assert!(!root.path().join(format!(".wgops/run-{run}.lock")).exists());
    }

    #[test]
    fn links_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join(".wgops")).unwrap();
        assert!(matches!(Clone::at(root.path()), Err(LedgerError::Link { .. })));
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    }
}

//! A private folder in memory, for an editor: on a file system that is checked to be one that never reaches a disk, and
//! gone when it is let go of.

use super::super::{Console, Failure};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What `statfs` says of a tmpfs.
const TMPFS: i128 = 0x0102_1994;
/// What `statfs` says of a ramfs.
const RAMFS: i128 = 0x8584_58f6;
/// How folders begin that are ours.
const PREFIX: &str = "wgops-edit-";

/// A folder in memory.
pub struct Memory(TempDir);

impl Memory {
    /// Makes one.
    ///
    /// # Errors
    /// There is no file system in memory that one may write to.
    pub fn make(console: &Console) -> Result<Self, Failure> {
        let run = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
        let places = run.into_iter().chain([PathBuf::from("/dev/shm")]);
        for place in places.filter(|place| is_in_memory(place)) {
            clear_away(&place);
            let prefix = format!("{PREFIX}{}-", std::process::id());
            let made = tempfile::Builder::new()
                .prefix(&prefix)
                .permissions(std::fs::Permissions::from_mode(0o700))
                .tempdir_in(&place);
            if let Ok(folder) = made {
                if swaps() {
                    console.tell("This machine swaps: what is edited may reach its swap space, unless that is encrypted.\n");
                }
                return Ok(Self(folder));
            }
        }
        Err(Failure::usage(
            "there is no folder in memory for the editor: neither $XDG_RUNTIME_DIR nor /dev/shm is a tmpfs",
        )
        .hint("'wgops vault set' needs none"))
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// The memory is full.
    pub fn file(&self, name: &str, text: &[u8]) -> std::io::Result<PathBuf> {
        use std::io::Write as _;
        let path = self.0.path().join(name);
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        file.write_all(text)?;
        Ok(path)
    }
}

fn is_in_memory(place: &Path) -> bool {
    rustix::fs::statfs(place).is_ok_and(|about| {
        // Its type is another one on other machines.
        let kind = i128::from(about.f_type);
        kind == TMPFS || kind == RAMFS
    })
}

fn swaps() -> bool {
    std::fs::read_to_string("/proc/swaps").is_ok_and(|text| text.lines().count() > 1)
}

/// Removes what an edit left whose wgops was killed.
fn clear_away(place: &Path) {
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        let is_left = owner.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists());
        if is_left {
            let _not_ours_perhaps = std::fs::remove_dir_all(entry.path());
        }
    }
}

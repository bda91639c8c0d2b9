//! What templates may learn of the machine that wgops runs on: its clock, its environment, its files. Nothing here
//! runs a program. Tests, and whoever narrows what a playbook may read, bring their own [`Controller`].

use std::io;
use std::path::{Path, PathBuf};

/// The machine that wgops runs on, as far as templates see it.
pub trait Controller: Send + Sync {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// The time, in the controller's own time zone.
    fn now(&self) -> jiff::Zoned;
    /// Whether there is a file of this name.
    fn is_file(&self, path: &Path) -> bool;
    /// A file's content.
    ///
    /// # Errors
    /// The file can't be read, or may not be.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The real machine: everything that the operator may read.
pub struct ThisMachine;

impl Controller for ThisMachine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn now(&self) -> jiff::Zoned {
        jiff::Zoned::now()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// The real machine, but of its files only what lies in certain folders: a playbook from somewhere else must not carry
/// the operator's files to hosts. Links that lead out of the folders are not followed.
pub struct Beneath {
    roots: Vec<PathBuf>,
}

impl Beneath {
    /// Confines to these folders.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { roots: roots.into_iter().filter_map(|root| root.canonicalize().ok()).collect() }
    }

    fn holds(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.roots.iter().any(|root| path.starts_with(root)))
    }
}

impl Controller for Beneath {
    fn variable(&self, name: &str) -> Option<String> {
        ThisMachine.variable(name)
    }

    fn now(&self) -> jiff::Zoned {
        ThisMachine.now()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.holds(path) && ThisMachine.is_file(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.holds(path) {
            return ThisMachine.read(path);
        }
        Err(io::Error::new(io::ErrorKind::PermissionDenied, "it lies outside the ops repository"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_folders_is_read_not_even_by_a_link() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(inside.path().join("a"), "in").unwrap();
        std::fs::write(outside.path().join("b"), "out").unwrap();
        std::os::unix::fs::symlink(outside.path().join("b"), inside.path().join("link")).unwrap();
        let machine = Beneath::new([inside.path().to_owned()]);
        assert_eq!(machine.read(&inside.path().join("a")).unwrap(), b"in");
        for path in [outside.path().join("b"), inside.path().join("link"), inside.path().join("../b")] {
            assert!(!machine.is_file(&path) && machine.read(&path).is_err(), "{}", path.display());
        }
    }
}

//! What templates may learn of the machine that wgops runs on: its clock, its environment, its files. Nothing here
//! runs a program. Tests, and whoever narrows what a playbook may read, bring their own [`Controller`].

use std::io;
use std::path::Path;

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

//! What templates may learn of the machine that wgops runs on: its clock, its environment, its files. Where a run may act,
//! lookups that say so also run a program there (`pipe`, `lines`, `url`) or keep a new password. Tests, and whoever
//! narrows what a playbook may read, bring their own [`Controller`].

use crate::model::{Opener, Unopened};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// What is under this name, a link followed; nothing where nothing is.
    fn kind(&self, path: &Path) -> Option<Kind> {
        self.is_file(path).then_some(Kind::File)
    }
    /// Whether the name is a link, wherever that leads.
    fn is_link(&self, path: &Path) -> bool {
        path.is_symlink()
    }
    /// What is said of a name, a link not followed; nothing where nothing is.
    fn about(&self, path: &Path) -> Option<std::fs::Metadata> {
        std::fs::symlink_metadata(path).ok()
    }
    /// Where a link leads, as it is written.
    fn target(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(path).ok()
    }
    /// The path with every link resolved, or itself where there is none.
    fn resolved(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
    /// The names in a folder, in order; none where there is no such folder.
    fn entries(&self, folder: &Path) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }
    /// Whether lookups may do more than look: run programs, keep a new password, draw by chance. In a dry run they may not.
    fn acts(&self) -> bool {
        false
    }
    /// What a program prints that a lookup runs, by its words and what it reads. Asked once for each such program.
    ///
    /// # Errors
    /// It can't be run, or it failed.
    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        let _ = (program, input, folder);
        Err(io::Error::new(io::ErrorKind::Unsupported, "no programs are run here"))
    }
    /// Keeps a secret that a lookup made in a new file that only its owner may read.
    ///
    /// # Errors
    /// The file can't be written, or may not be.
    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        let _ = (path, text);
        Err(io::Error::new(io::ErrorKind::Unsupported, "nothing is kept here"))
    }
    /// What chance begins with, the same for the whole run.
    fn chance(&self) -> [u8; 32] {
        [0; 32]
    }
    /// What opens sealed values.
    fn opener(&self) -> &dyn Opener {
        &Unopened
    }
}

/// What there can be under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Something else: a device, a pipe.
    Other,
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

    fn kind(&self, path: &Path) -> Option<Kind> {
        let about = std::fs::metadata(path).ok()?;
        Some(match (about.is_file(), about.is_dir()) {
            (true, _) => Kind::File,
            (_, true) => Kind::Folder,
            _ => Kind::Other,
        })
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<String> =
            names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        super::machine::run(program, input, folder)
    }

    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        super::machine::keep(path, text)
    }
}

/// The real machine, but of its files only what lies in certain folders: a playbook from somewhere else must not carry
/// the operator's files to hosts. Links that lead out of the folders are not followed.
pub struct Beneath {
    roots: Vec<PathBuf>,
    acts: bool,
    draws: bool,
    chance: [u8; 32],
    opener: Arc<dyn Opener>,
    /// What programs printed that lookups ran: each is run once.
    printed: Mutex<HashMap<String, Result<String, String>>>,
}

impl Beneath {
    /// Confines to these folders.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        let roots = roots.into_iter().filter_map(|root| root.canonicalize().ok()).collect();
        let mut chance = [0; 32];
        // Without chance nothing is drawn: see `acts`.
        let draws = getrandom::fill(&mut chance).is_ok();
        Self { roots, acts: false, draws, chance, opener: Arc::new(Unopened), printed: Mutex::default() }
    }

    /// Lets lookups act, which they may where the run may change something.
    #[must_use]
    pub fn acting(self, acts: bool) -> Self {
        Self { acts, ..self }
    }

    /// Opens sealed values with this.
    #[must_use]
    pub fn opening(self, opener: Arc<dyn Opener>) -> Self {
        Self { opener, ..self }
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
        Err(outside())
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        ThisMachine.kind(path)
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        if self.holds(folder) { ThisMachine.entries(folder) } else { Vec::new() }
    }

    fn acts(&self) -> bool {
        self.acts && self.draws
    }

    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let folder_name = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
        let key = [program.join("\0"), input.to_owned(), folder_name].join("\0\0");
        let said = printed
            .entry(key)
            .or_insert_with(|| ThisMachine.run(program, input, folder).map_err(|error| error.to_string()));
        said.clone().map_err(io::Error::other)
    }

    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        let there = path.ancestors().skip(1).find(|folder| folder.exists());
        let climbs = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        if !climbs && there.is_some_and(|folder| self.holds(folder)) {
            ThisMachine.keep(path, text)
        } else {
            Err(outside())
        }
    }

    fn chance(&self) -> [u8; 32] {
        self.chance
    }

    fn opener(&self) -> &dyn Opener {
        &*self.opener
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "it lies outside the ops repository")
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

//! Results in a file: written beside it, synced and renamed, so that nobody ever reads half a report.

use super::console::shown;
use super::{Exit, Failure};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that appears under its name when all of it is written.
pub struct OutputFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl OutputFile {
    /// Begins to write; finds out now rather than after the work whether it can.
    ///
    /// # Errors
    /// The directory isn't there or can't be written to.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if path.is_dir() {
            return Err(Failure::usage(format!("{} is a directory: expected a file to write", shown(path))));
        }
        if !directory.exists() {
            let message = format!("can't write {}: there is no folder {}", shown(path), shown(directory));
            return Err(Failure::usage(message).hint("make it first ('mkdir -p'), or name another file"));
        }
        let file = NamedTempFile::new_in(directory).map_err(|error| failed(path, &error))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where to write.
    pub fn writer(&mut self) -> &mut (dyn Write + 'static) {
        &mut self.file
    }

    /// The failure when it can't be written to.
    pub fn failed(&self, error: &io::Error) -> Failure {
        failed(&self.path, error)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// The disk is full, or the name can't be taken.
    pub fn finish(self) -> Result<(), Failure> {
        let path = self.path;
        self.file.as_file().sync_all().map_err(|error| failed(&path, &error))?;
        readable(self.file.as_file()).map_err(|error| failed(&path, &error))?;
        self.file.persist(&path).map_err(|error| failed(&path, &error.error))?;
        Ok(())
    }
}

/// A temporary file is its owner's alone; a report is for whoever the umask lets read.
#[cfg(unix)]
fn readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("can't write {}: {error}", shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_only_when_it_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.json");
        let mut file = OutputFile::create(&path).unwrap();
        file.writer().write_all(b"{}").unwrap();
        assert!(!path.exists());
        file.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{}");
        drop(OutputFile::create(&path).unwrap());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_place_that_can_not_be_written_to_is_told_before_the_work() {
        let home = tempfile::tempdir().unwrap();
        for path in [home.path().to_owned(), home.path().join("none/audit.json")] {
            assert_eq!(OutputFile::create(&path).err().unwrap().exit, Exit::Usage);
        }
    }
}

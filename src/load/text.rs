//! Text files as people write them: read whole, within limits, or refused with what is wrong with them.
//!
//! Only regular files are read (a named pipe would block for ever), only UTF-8, and never more than 16 MiB.

use super::problem::Problem;
use crate::model::Place;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most bytes of one file.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// A file's text without byte order mark, and the name by which the user knows it.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// The file as the user would name it.
    pub file: Arc<PathBuf>,
    /// The text.
    pub text: String,
}

impl TextFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It can't be read, is no regular file, is too large, or is no UTF-8 text.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let refuse =
            |error: std::io::Error| Problem::in_file(path, format!("can't be read: {}", reason(&error)));
        let metadata = std::fs::metadata(path).map_err(refuse)?;
        if metadata.is_dir() {
            return Err(Problem::in_file(path, "is a directory, expected a file"));
        }
        if !metadata.is_file() {
            return Err(Problem::in_file(path, "is no regular file"));
        }
        let mut bytes = Vec::new();
        let limit = FILE_BYTES_MAX as u64 + 1;
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(refuse)?;
        Self::from_bytes(path, bytes)
    }

    /// Takes bytes as the text of a file.
    ///
    /// # Errors
    /// They are too many, or no UTF-8 text.
    pub fn from_bytes(path: &Path, mut bytes: Vec<u8>) -> Result<Self, Problem> {
        if bytes.len() > FILE_BYTES_MAX {
            let limit = FILE_BYTES_MAX >> 20;
            return Err(Problem::in_file(path, format!("is larger than {limit} MiB")).help("split it"));
        }
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            return Err(Problem::in_file(path, "is UTF-16").help("save it as UTF-8"));
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
            return Err(Self::refused(path, &bytes, at, "is a binary file, expected text"));
        }
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { file: Arc::new(path.to_owned()), text }),
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                Err(Self::refused(path, error.as_bytes(), at, "is not UTF-8").help("save it as UTF-8"))
            }
        }
    }

    fn refused(path: &Path, bytes: &[u8], at: usize, message: &str) -> Problem {
        let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Problem::at(&place(&Arc::new(path.to_owned()), line, column), message)
    }

    /// A line of the text, counted from 1, without its end.
    pub fn line(&self, number: u32) -> Option<&str> {
        self.text.lines().nth(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// The place of a character of this file; line and column from 1.
    pub fn place(&self, line: usize, column: usize) -> Place {
        place(&self.file, line, column)
    }
}

fn place(file: &Arc<PathBuf>, line: usize, column: usize) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file: Arc::clone(file), line: number(line), column: number(column) }
}

/// Whether a path, its links followed, lies in a folder.
pub fn lies_beneath(root: &Path, path: &Path) -> bool {
    match (root.canonicalize(), path.canonicalize()) {
        (Ok(root), Ok(path)) => path.starts_with(root),
        _ => false,
    }
}

/// What the operating system says, without Rust's error number.
pub(crate) fn reason(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "no such file".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_lowercase()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bytes: &[u8]) -> String {
        TextFile::from_bytes(Path::new("f"), bytes.to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_place() {
        insta::assert_snapshot!(refused(b"a\nb\xff"), @"
        error: is not UTF-8
         --> f:2:2
        help: save it as UTF-8
        ");
        insta::assert_snapshot!(refused(b"\x7fELF\0\0"), @"
        error: is a binary file, expected text
         --> f:1:5
        ");
        assert!(refused(b"\xff\xfea\0").contains("UTF-16"));
        assert!(refused(&vec![b'a'; FILE_BYTES_MAX + 1]).contains("larger than 16 MiB"));
    }

    #[test]
    fn a_byte_order_mark_is_dropped() {
        let file = TextFile::from_bytes(Path::new("f"), b"\xef\xbb\xbfa: 1".to_vec()).unwrap();
        assert_eq!(file.text, "a: 1");
    }

    #[test]
    fn directories_pipes_and_missing_files_are_refused_without_waiting() {
        assert!(TextFile::read(Path::new("/")).unwrap_err().message.contains("directory"));
        assert!(TextFile::read(Path::new("/dev/null")).unwrap_err().message.contains("no regular file"));
        assert!(TextFile::read(Path::new("/nowhere")).unwrap_err().message.contains("no such file"));
    }
}

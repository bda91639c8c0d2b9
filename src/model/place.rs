//! A place in a file that somebody wrote.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// File, line and column, both counted from 1; 0 means that only the file is known.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Place {
    /// The file as the user would name it.
    pub file: Arc<PathBuf>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", super::printable(&self.file.to_string_lossy()))?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

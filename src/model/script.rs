//! What may be sent to a host: constant scripts, arguments that are never spliced into them, and content on stdin.

use super::Digest;
use std::sync::Arc;

/// A constant POSIX shell script. Its arguments arrive as `$1`, `$2` …; nothing is ever spliced into its text.
///
/// The text runs as the body of a shell function in a subshell of its own: `exit` ends it, variables stay in it. Its
/// stdin is `/dev/null`, or the content that was sent with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Script {
    /// A short name, unique among all scripts: lower case letters, digits and `_`.
    pub name: &'static str,
    /// The script's text.
    pub text: &'static str,
}

impl Script {
    /// Digest of the text, by which a server can allow the script.
    pub fn digest(&self) -> Digest {
        Digest::of(self.text)
    }
}

/// A script's arguments.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, PartialOrd, Ord)]
pub struct Argv(pub Vec<String>);

impl<S: Into<String>, const N: usize> From<[S; N]> for Argv {
    fn from(args: [S; N]) -> Self {
        Self(args.into_iter().map(Into::into).collect())
    }
}

impl From<Vec<String>> for Argv {
    fn from(args: Vec<String>) -> Self {
        Self(args)
    }
}

/// Bytes for a script's stdin: a file's content, which may be secret. Cheap to clone; has no `Debug` on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Arc<[u8]>);

impl Content {
    /// Takes bytes as content.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes' digest.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

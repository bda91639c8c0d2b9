//! What may be sent to a host: constant scripts, arguments that are never spliced into them, and content on stdin.

use super::Digest;
use std::collections::BTreeMap;
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

    /// What the script itself calls its arguments, by position: nothing for those that it gives no name to before it does
    /// anything. `path=$1 mode=$2` at the beginning of lines, and whatever follows a `shift 2`.
    pub fn argument_names(&self) -> BTreeMap<usize, &'static str> {
        let mut names = BTreeMap::new();
        let mut shifted = 0;
        for line in self.text.lines() {
            let mut words = line.split_ascii_whitespace();
            match (line.chars().next(), words.next()) {
                // Inside of a function, which has arguments of its own.
                (Some(' ' | '}'), _) | (None, _) => {}
                // From here on what stands where depends on more than this text.
                (_, Some("for" | "while" | "until" | "set" | "case" | "if")) => break,
                (_, Some("shift")) => {
                    let number = words.next().and_then(|number| number.parse::<usize>().ok());
                    shifted += number.unwrap_or(1);
                }
                _ => {
                    let given = line.split_ascii_whitespace().map_while(given);
                    names.extend(given.map(|(position, name)| (shifted + position, name)));
                }
            }
        }
        names
    }
}

/// The position and name in `name=$1`.
fn given(word: &'static str) -> Option<(usize, &'static str)> {
    let (name, value) = word.split_once('=')?;
    let is_name =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    Some((value.strip_prefix('$')?.parse().ok()?, name)).filter(|_| is_name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_arguments_itself() {
        let names = |text| Script { name: "some", text }.argument_names().into_iter().collect::<Vec<_>>();
        let text = "say() {\n    what=$1\n}\npath=$1 mode=$3\nstamp=$2\nshift 3\nunsafe=$1\nshift\n\"$@\"";
        assert_eq!(names(text), [(1, "path"), (2, "stamp"), (3, "mode"), (4, "unsafe")]);
        assert_eq!(names("exec \"$@\""), []);
        assert_eq!(names("while [ $# -gt 0 ]; do\nname=$1\nshift\ndone\nother=$1"), [], "who knows which");
        assert_eq!(names("first=$1; second=$2"), [], "a name that is told is the whole word");
    }
}

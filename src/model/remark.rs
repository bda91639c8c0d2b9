//! Remarks: what is worth changing in a file that somebody wrote, found without a host.

use super::Place;
use std::fmt;
use std::str::FromStr;

/// One remark on a place in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// The rule's name, which stays the same for ever.
    pub rule: &'static str,
    /// What the rule is about, in a sentence.
    pub about: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// Where.
    pub place: Place,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What the reader can do.
    pub help: Option<String>,
}

/// How much a remark matters, from the least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weight {
    /// A matter of taste, or of habit.
    Info,
    /// Something that goes wrong sooner or later, or hides what does.
    Warning,
    /// It can't run, or does not do what it says.
    Error,
}

impl Weight {
    /// Every weight, from the least.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Weight {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|weight| weight.as_str() == text);
        found.ok_or_else(|| "expected error, warning or info".into())
    }
}

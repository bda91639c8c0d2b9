//! Exit codes: what a script is told.

use std::process::ExitCode;

/// How a run of wgops ended. Where several things are true, the worst is told; [`Exit::worst`] says which that is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// All is well; also a dry run with changes pending.
    Well,
    /// Something failed on a host.
    Failed,
    /// Wrong usage or unreadable input; also a prompt without a terminal.
    Usage,
    /// A host could not be reached.
    Unreachable,
    /// Refused: not cleared, a signature or the record does not hold, a freeze, a stale plan.
    Refused,
    /// An audit, lint or comparison found what it was told to fail on.
    Findings,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// Every exit, from the best to the worst.
    pub const ALL: [Self; 7] = [
        Self::Well,
        Self::Findings,
        Self::Unreachable,
        Self::Failed,
        Self::Interrupted,
        Self::Refused,
        Self::Usage,
    ];

    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Self::Well => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Findings => 5,
            Self::Interrupted => 130,
        }
    }

    /// The worse of two.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit| Self::ALL.iter().position(|known| *known == exit);
        if rank(self) >= rank(other) { self } else { other }
    }

    fn meaning(self) -> &'static str {
        match self {
            Self::Well => "all is well; also a dry run with changes pending",
            Self::Failed => "something failed on a host",
            Self::Usage => "wrong usage or unreadable input; also a question without a terminal",
            Self::Unreachable => "a host could not be reached",
            Self::Refused => {
                "refused: not cleared, a bad signature or ledger, a window, freeze or claim, a stale plan"
            }
            Self::Findings => "an audit, lint or comparison found what it was told to fail on",
            Self::Interrupted => "interrupted",
        }
    }

    /// The codes and their meanings, for help.
    pub(super) fn table() -> String {
        let mut all = Self::ALL;
        all.sort_by_key(|exit| exit.code());
        let lines = all.map(|exit| format!("  {:>3}  {}", exit.code(), exit.meaning()));
        format!("{}\nOf several, the worst is given: 2, 4, 130, 1, 3, 5.", lines.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins_in_the_documented_order() {
        let order = [2, 4, 130, 1, 3, 5, 0];
        let mut all = Exit::ALL;
        all.reverse();
        assert_eq!(all.map(Exit::code), order);
        for (at, worse) in all.iter().enumerate() {
            for better in &all[at..] {
                assert_eq!(worse.worst(*better), *worse);
                assert_eq!(better.worst(*worse), *worse);
            }
        }
    }
}

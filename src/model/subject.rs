//! Subjects: what a question reads and a change touches, so that the engine knows which answers a change makes stale.

use std::fmt;

/// One thing on a host that can be read or touched.
#[derive(Clone, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Subject {
    /// A path and all that lies under it; absolute and normalised (see [`Subject::path`]).
    Path(String),
    /// The package database, package lists and their caches.
    Packages,
    /// A service by name without `.service`; `*` stands for the service manager as a whole.
    Service(String),
    /// The user and group databases.
    Users,
    /// Mounted file systems.
    Mounts,
    /// A user's crontab.
    Cron(String),
    /// What can't change during a run, or only by a reboot: kernel, hardware, boot id.
    Machine,
}

/// A set of subjects. *Undeclared* stands for everything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subjects {
    /// Not said: it may be anything, so it meets everything.
    Undeclared,
    /// Exactly these; an empty list meets nothing.
    These(Vec<Subject>),
}

impl Subject {
    /// The subject of a path. A relative path can't be compared, so it becomes `/`, which meets every path.
    pub fn path(path: &str) -> Self {
        if !path.starts_with('/') {
            return Self::Path("/".into());
        }
        let mut parts: Vec<&str> = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        Self::Path(format!("/{}", parts.join("/")))
    }

    /// Whether a change to one can alter an answer about the other. Symmetric: a directory's answer depends on what
    /// lies in it, and a file's on the directories above.
    pub fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => lies_under(a, b) || lies_under(b, a),
            (Self::Service(a), Self::Service(b)) => a == b || a == "*" || b == "*",
            _ => self == other,
        }
    }
}

fn lies_under(path: &str, directory: &str) -> bool {
    directory == "/"
        || path == directory
        || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

impl Subjects {
    /// Meets nothing: for what reads or touches no state at all.
    pub const NONE: Self = Self::These(Vec::new());

    /// Whether any subject of one meets any of the other.
    pub fn meet(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::These(a), Self::These(b)) => a.iter().any(|x| b.iter().any(|y| x.meets(y))),
            (Self::These(list), Self::Undeclared) | (Self::Undeclared, Self::These(list)) => !list.is_empty(),
            (Self::Undeclared, Self::Undeclared) => true,
        }
    }

    /// Adds the other's subjects.
    pub fn extend(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::These(mine), Self::These(theirs)) => mine.extend(theirs.iter().cloned()),
            _ => *self = Self::Undeclared,
        }
    }
}

impl<const N: usize> From<[Subject; N]> for Subjects {
    fn from(list: [Subject; N]) -> Self {
        Self::These(list.into())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Packages => f.write_str("packages"),
            Self::Service(name) => write!(f, "service {name}"),
            Self::Users => f.write_str("users"),
            Self::Mounts => f.write_str("mounts"),
            Self::Cron(user) => write!(f, "crontab of {user}"),
            Self::Machine => f.write_str("the machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_meet_what_lies_under_and_above_them_and_nothing_beside() {
        let etc = Subject::path("/etc/ssh/");
        assert!(etc.meets(&Subject::path("/etc/ssh/sshd_config")));
        assert!(etc.meets(&Subject::path("/etc")));
        assert!(!etc.meets(&Subject::path("/etc/sshd")));
        assert!(!etc.meets(&Subject::path("/etc/ssh/../passwd")));
        assert!(etc.meets(&Subject::path("relative")));
    }

    #[test]
    fn undeclared_meets_everything_but_nothing_at_all() {
        assert!(Subjects::Undeclared.meet(&[Subject::Users].into()));
        assert!(Subjects::Undeclared.meet(&Subjects::Undeclared));
        assert!(!Subjects::Undeclared.meet(&Subjects::NONE));
        assert!(!Subjects::from([Subject::Users]).meet(&[Subject::Packages].into()));
    }
}

//! What is installed, what waits, and what a package operation would do, in words that fit every package manager.
//!
//! A package manager is a family: one file with its questions, parsers and change scripts (`apt.rs`; dnf, zypper, apk
//! and pacman would stand beside it) that answers in the nouns of this file. Nothing in here decides what to do about
//! an update: that is for `crate::modules`.

pub mod apt;
mod space;
mod version;

pub use space::{Need, PackageSize, Room, Sizes, megabytes};
pub use version::debian_order;

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use std::fmt;

/// The package managers that are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Manager {
    /// Debian's and Ubuntu's.
    Apt,
    /// Fedora's and its relatives'.
    Dnf,
    /// SUSE's.
    Zypper,
    /// Alpine's.
    Apk,
    /// Arch's.
    Pacman,
    /// None of these.
    Unknown,
}

/// A package on a host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Package {
    /// Its name without architecture.
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// Its version.
    pub version: String,
    /// In which state it is.
    pub state: PackageState,
    /// Whether somebody put it on hold.
    pub held: bool,
}

/// In which state a package is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PackageState {
    /// Installed and configured.
    Installed,
    /// Removed; its configuration files are still there.
    ConfigFiles,
    /// Half done: unpacked but not configured, half installed, waiting for triggers …
    Broken,
}

/// One package that could be another version, or that would come or go with such a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Update {
    /// The name as the package manager takes it: with the architecture where it is a foreign one (`libc6:i386`).
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// The version now; none for a new package.
    pub from: Option<String>,
    /// The version then; empty where nobody says, because it is for subscribers alone.
    pub to: String,
    /// Where it comes from, for people: origin and suite.
    pub origin: String,
    /// Whether it, or a version between the two, was published as a security update.
    pub security: bool,
    /// What happens to the package.
    pub kind: UpdateKind,
    /// Why it would not be upgraded although a newer version is there.
    pub held: Option<Held>,
}

/// What happens to a package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UpdateKind {
    /// A newer version of what is installed.
    Upgrade,
    /// A package that an upgraded one needs.
    New,
    /// It would be removed.
    Remove,
}

/// The real cause why a package is kept back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Held {
    /// Somebody put it on hold.
    Hold,
    /// It is rolled out in phases, and this host's turn has not come.
    Phased,
    /// A pin prefers another version.
    Pin,
    /// It would remove these packages.
    WouldRemove(Vec<String>),
    /// It needs packages that are not installed.
    NeedsNew,
    /// Its dependencies can't be met; what the package manager says of it.
    Dependencies(String),
    /// It is only for subscribers of this service.
    Subscription(String),
}

/// Everything that waits on a host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pending {
    /// What could be upgraded, what would come along, and what is kept back.
    pub updates: Vec<Update>,
    /// What the lists of available packages are worth.
    pub lists: Lists,
    /// Why the package manager could not compute what is pending.
    pub failure: Option<String>,
    /// How large the upgrades and what comes along are, and how much room there is.
    pub sizes: Sizes,
}

/// The lists of available packages.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lists {
    /// The host's time, in seconds since 1970.
    pub now: i64,
    /// When the host's own lists were last refreshed for certain, in seconds since 1970; 0 when that isn't known.
    pub refreshed: i64,
    /// What became of the private refresh.
    pub refresh: Refresh,
    /// How many sources have a list.
    pub sources: usize,
    /// Whether one of the sources is for security updates.
    pub has_security: bool,
}

/// What became of a private refresh of the lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Refresh {
    /// None was wanted or needed: the host's own lists were used.
    #[default]
    None,
    /// It worked: the answer is as of now.
    Private,
    /// It failed, entirely or for some sources; what the package manager said.
    Failed(String),
}

impl Lists {
    /// As of when the answer holds, in seconds since 1970.
    pub fn as_of(&self) -> i64 {
        if self.refresh == Refresh::Private { self.now } else { self.refreshed }
    }
}

/// What one package operation would do, exactly.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Packages that get a version, in alphabetical order.
    pub installs: Vec<PlannedInstall>,
    /// Packages that go.
    pub removes: Vec<String>,
    /// Why it can't be done.
    pub failure: Option<String>,
    /// Whether it was computed from lists that were refreshed in private.
    pub refresh: Refresh,
    /// How large all of it is, and how much room there is.
    pub sizes: Sizes,
    /// What the package manager says for people to read.
    pub said: String,
}

/// A package that a plan gives a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlannedInstall {
    /// Its name as in [`Update::name`].
    pub name: String,
    /// Its architecture.
    pub arch: String,
    /// The version now; none for a new package.
    pub from: Option<String>,
    /// The version then.
    pub to: String,
    /// Where it comes from, in the package manager's words.
    pub origin: String,
}

/// Asks which package manager the host has.
pub struct WhichManager;

impl Question for WhichManager {
    type Answer = Manager;
    const SCRIPT: Script = Script { name: "package_manager", text: include_str!("manager.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages].into()
    }

    fn parse(&self, output: &Output) -> Result<Manager, ParseError> {
        match output.text().trim() {
            "apt" => Ok(Manager::Apt),
            "dnf" => Ok(Manager::Dnf),
            "zypper" => Ok(Manager::Zypper),
            "apk" => Ok(Manager::Apk),
            "pacman" => Ok(Manager::Pacman),
            "unknown" => Ok(Manager::Unknown),
            _ => Err(ParseError::new("the name of a package manager", output)),
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
            Self::Zypper => "zypper",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Unknown => "unknown",
        })
    }
}

impl UpdateKind {
    /// The word for results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::New => "new",
            Self::Remove => "remove",
        }
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold => f.write_str("on hold"),
            Self::Phased => f.write_str("rolled out in phases, not yet to this host"),
            Self::Pin => f.write_str("pinned to another version"),
            Self::WouldRemove(names) => write!(f, "would remove {}", names.join(", ")),
            Self::NeedsNew => f.write_str("needs packages that are not installed"),
            Self::Dependencies(why) if why.is_empty() => f.write_str("its dependencies can't be met"),
            Self::Subscription(service) => write!(f, "needs a subscription ({service})"),
            Self::Dependencies(why) => write!(f, "its dependencies can't be met: {why}"),
        }
    }
}

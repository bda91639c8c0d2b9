//! apt and dpkg: what is asked of them, and the scripts that change something through them.
//!
//! The scripts lie beside this file, one each. What they print is apt's own words in sections (`== name rest`), read by
//! `simulation.rs` and `policy.rs`. Which updates to take, and what to say about them, is decided in `crate::modules`.

pub mod automatic;
mod failures;
pub mod foreign;
#[cfg(test)]
mod lists;
mod pending;
mod policy;
mod progress;
mod sections;
mod simulation;
mod sizes;
mod source_packages;
pub mod sources;
mod transaction;
mod vital;

pub use failures::{FailedSource, Trouble, failed_sources};
pub use progress::{Step, step};
pub use source_packages::{SourcePackage, SourcePackages};
pub use transaction::{
    CLEAN, Conffile, LISTS_AS_THEY_WERE, PackageAfter, REPAIR, ScriptFailure, TRANSACTION, TransactionReport,
    UPDATE_LISTS, transaction_args,
};
pub use vital::{Candidate, Removable};

use super::{Lists, Package, PackageState, Pending, Plan};
use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Cost, Output, ParseError, Question};
use pending::{lists, pending, refresh};
use policy::Sources;
use sections::Sections;
use simulation::Simulation;
use sizes::sizes;
use std::time::Duration;

/// How long a question may take that refreshes the lists first.
const REFRESH_DEADLINE: Duration = Duration::from_secs(240);

/// How fresh the lists of available packages have to be for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Freshness {
    /// The host's own lists, however old.
    AsTheyAre,
    /// Lists that are older than this are refreshed in a private directory first; the host's own stay as they are.
    AtMost(Duration),
}

/// Asks everything that waits: upgrades, what comes along, what is kept back and why. `None` where there is no apt.
pub struct Updates {
    /// How fresh the lists have to be.
    pub freshness: Freshness,
    /// Whether upgrades may bring new packages along.
    pub new_packages: NewPackages,
}

/// Whether upgrades may bring new packages along.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewPackages {
    /// They may: a new kernel is a new package.
    Allowed,
    /// What needs one is kept back.
    Refused,
}

/// Asks what an `apt-get` command line would do. `None` where there is no apt.
pub struct Simulate {
    /// How fresh the lists have to be.
    pub freshness: Freshness,
    /// `apt-get`'s arguments.
    pub command_line: Vec<String>,
}

/// Asks when the host's own lists were last refreshed.
pub struct ListTimes;

/// Asks how many downloaded packages could be thrown away.
pub struct Cleanable {
    /// Which of them count.
    pub which: Cleaning,
}

/// Which downloaded packages can be thrown away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cleaning {
    /// All.
    Everything,
    /// Those that can't be downloaded any more.
    Obsolete,
}

/// Asks for every package that dpkg knows.
pub struct Installed;

/// Asks who works on the package database, and whether somebody was interrupted doing so.
pub struct DpkgState;

/// Every package that dpkg knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InstalledPackages {
    /// In the order of their names.
    pub packages: Vec<Package>,
    /// The host's own architecture.
    pub native: String,
}

/// Who works on the package database, and whether somebody was interrupted doing so.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DpkgCondition {
    /// Whether dpkg was stopped in the middle of something that it has to finish first.
    pub interrupted: bool,
    /// Who holds a lock: `apt-get (pid 812) holds /var/lib/dpkg/lock`.
    pub lock_holders: Vec<String>,
}

impl Freshness {
    fn arg(self) -> String {
        match self {
            Self::AsTheyAre => "-".into(),
            Self::AtMost(age) => age.as_secs().to_string(),
        }
    }

    fn cost(self) -> Cost {
        match self {
            Self::AsTheyAre => Cost::Cheap,
            Self::AtMost(_) => Cost::Slow { deadline: REFRESH_DEADLINE },
        }
    }
}

/// What the answers of apt depend on.
fn apt_reads() -> Subjects {
    [Subject::Packages, Subject::path("/etc/apt"), Subject::path("/var/lib/apt")].into()
}

impl Question for Updates {
    type Answer = Option<Pending>;
    const SCRIPT: Script = Script {
        name: "apt_updates",
        text: concat!(
            include_str!("apt/scratch.sh"),
            include_str!("apt/lists.sh"),
            include_str!("apt/sizes.sh"),
            include_str!("apt/updates.sh")
        ),
    };

    fn args(&self) -> Argv {
        let new = match self.new_packages {
            NewPackages::Allowed => "new",
            NewPackages::Refused => "known",
        };
        [self.freshness.arg(), new.to_owned()].into()
    }

    fn reads(&self) -> Subjects {
        apt_reads()
    }

    fn cost(&self) -> Cost {
        self.freshness.cost()
    }

    fn parse(&self, output: &Output) -> Result<Option<Pending>, ParseError> {
        let text = output.text();
        let sections = Sections::parse(&text);
        if sections.find("absent").is_some() {
            return Ok(None);
        }
        sections.complete(output)?;
        Ok(Some(pending(&sections)))
    }
}

impl Question for Simulate {
    type Answer = Option<Plan>;
    const SCRIPT: Script = Script {
        name: "apt_plan",
        text: concat!(
            include_str!("apt/scratch.sh"),
            include_str!("apt/lists.sh"),
            include_str!("apt/sizes.sh"),
            include_str!("apt/plan.sh")
        ),
    };

    fn args(&self) -> Argv {
        std::iter::once(self.freshness.arg())
            .chain(self.command_line.iter().cloned())
            .collect::<Vec<_>>()
            .into()
    }

    fn reads(&self) -> Subjects {
        apt_reads()
    }

    fn cost(&self) -> Cost {
        self.freshness.cost()
    }

    fn parse(&self, output: &Output) -> Result<Option<Plan>, ParseError> {
        let text = output.text();
        let sections = Sections::parse(&text);
        if sections.find("absent").is_some() {
            return Ok(None);
        }
        sections.complete(output)?;
        let plan = sections.find("plan").ok_or_else(|| ParseError::new("a section '== plan'", output))?;
        let plan = Simulation::parse(plan.rest, &plan.lines).plan;
        Ok(Some(Plan { refresh: refresh(&sections), sizes: sizes(&sections), ..plan }))
    }
}

impl Question for ListTimes {
    type Answer = Lists;
    const SCRIPT: Script =
        Script { name: "apt_list_times", text: concat!(include_str!("apt/lists.sh"), "fresh_lists -\n") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        apt_reads()
    }

    fn parse(&self, output: &Output) -> Result<Lists, ParseError> {
        let text = output.text();
        let sections = Sections::parse(&text);
        match sections.find("times") {
            Some(_) => Ok(lists(&sections, &Sources::default())),
            None => Err(ParseError::new("a line '== times …'", output)),
        }
    }
}

impl Cleaning {
    /// `apt-get`'s word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "clean",
            Self::Obsolete => "autoclean",
        }
    }
}

impl Question for Cleanable {
    type Answer = usize;
    const SCRIPT: Script = Script { name: "apt_cleanable", text: include_str!("apt/cleanable.sh") };

    fn args(&self) -> Argv {
        [self.which.as_str()].into()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages, Subject::path("/var/cache/apt")].into()
    }

    fn parse(&self, output: &Output) -> Result<usize, ParseError> {
        output.text().trim().parse().map_err(|_| ParseError::new("a number", output))
    }
}

impl Question for Installed {
    type Answer = InstalledPackages;
    const SCRIPT: Script = Script { name: "dpkg_packages", text: include_str!("apt/packages.sh") };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        [Subject::Packages].into()
    }

    fn parse(&self, output: &Output) -> Result<InstalledPackages, ParseError> {
        let text = output.text();
        let packages: Option<Vec<Package>> = text.lines().map(package).collect();
        let mut packages =
            packages.ok_or_else(|| ParseError::new("STATUS|NAME|ARCH|VERSION lines", output))?;
        packages.sort_by(|a, b| (&a.name, &a.arch).cmp(&(&b.name, &b.arch)));
        let dpkg = packages.iter().find(|p| p.name == "dpkg");
        let native = dpkg.map(|p| p.arch.clone()).unwrap_or_default();
        Ok(InstalledPackages { packages, native })
    }
}

impl Question for DpkgState {
    type Answer = DpkgCondition;
    const SCRIPT: Script = Script {
        name: "dpkg_state",
        text: concat!(include_str!("apt/locks.sh"), include_str!("apt/state.sh")),
    };

    fn args(&self) -> Argv {
        Argv::default()
    }

    fn reads(&self) -> Subjects {
        Subjects::Undeclared
    }

    fn parse(&self, output: &Output) -> Result<DpkgCondition, ParseError> {
        let text = output.text();
        let mut condition = DpkgCondition::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("interrupted", _)) => condition.interrupted = true,
                Some(("locked", who)) => condition.lock_holders.push(who.to_owned()),
                _ => return Err(ParseError::new("lines 'interrupted …' or 'locked …'", output)),
            }
        }
        Ok(condition)
    }
}

/// Reads `ii |bash|amd64|5.2.15-2+b8`.
fn package(line: &str) -> Option<Package> {
    let mut fields = line.split('|');
    let status = fields.next()?;
    let (name, arch, version) = (fields.next()?, fields.next()?, fields.next()?);
    let mut letters = status.chars();
    let (want, current, error) = (letters.next()?, letters.next()?, letters.next().unwrap_or(' '));
    let state = match current {
        'i' if error == ' ' => PackageState::Installed,
        'c' | 'n' => PackageState::ConfigFiles,
        _ => PackageState::Broken,
    };
    let held = want == 'h';
    Some(Package { name: name.into(), arch: arch.into(), version: version.into(), state, held })
}

impl InstalledPackages {
    /// The package that a name means: `NAME`, or `NAME:ARCH`.
    pub fn find(&self, name: &str) -> Option<&Package> {
        let (name, arch) = name.split_once(':').unwrap_or((name, ""));
        let mut all = self.packages.iter().filter(|p| p.name == name);
        match arch {
            "" => all.clone().find(|p| p.arch == self.native || p.arch == "all").or_else(|| all.next()),
            arch => all.find(|p| p.arch == arch),
        }
    }

    /// The version of a package that is installed and configured.
    pub fn version(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|p| p.state == PackageState::Installed).map(|p| p.version.as_str())
    }

    /// Packages that are half done.
    pub fn broken(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|p| p.state == PackageState::Broken)
    }
}

//! apt and dpkg: what is asked of them, and the scripts that change something through them.
//!
//! The scripts lie beside this file, one each. What they print is apt's own words in sections (`== name rest`), read by
//! `simulation.rs` and `policy.rs`. Which updates to take, and what to say about them, is decided in `crate::modules`.

mod policy;
mod simulation;
mod transaction;

pub use transaction::{
    CLEAN, Conffile, PackageAfter, REPAIR, TRANSACTION, TransactionReport, UPDATE_LISTS, transaction_args,
};

use super::{Held, Lists, Package, PackageState, Pending, Plan, Refresh, Update, UpdateKind};
use crate::model::{Argv, Script, Subject, Subjects};
use crate::questions::{Cost, Output, ParseError, Question};
use policy::{Sources, VersionTable};
use simulation::Simulation;
use std::collections::HashMap;
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
            Self::AtMost(_) => Cost::Costly { deadline: REFRESH_DEADLINE },
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
        text: concat!(include_str!("apt/lists.sh"), include_str!("apt/updates.sh")),
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
    const SCRIPT: Script =
        Script { name: "apt_plan", text: concat!(include_str!("apt/lists.sh"), include_str!("apt/plan.sh")) };

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
        Ok(Some(Plan { refresh: refresh(&sections), ..plan }))
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

/// One section of a script's output.
struct Section<'a> {
    name: &'a str,
    rest: &'a str,
    lines: Vec<&'a str>,
}

struct Sections<'a>(Vec<Section<'a>>);

impl<'a> Sections<'a> {
    fn parse(text: &'a str) -> Self {
        let mut sections: Vec<Section<'a>> = Vec::new();
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("== ") {
                let (name, rest) = head.split_once(' ').unwrap_or((head, ""));
                sections.push(Section { name, rest, lines: Vec::new() });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line);
            }
        }
        Self(sections)
    }

    fn find(&self, name: &str) -> Option<&Section<'a>> {
        self.0.iter().find(|s| s.name == name)
    }

    fn lines(&self, name: &str) -> &[&'a str] {
        self.find(name).map(|s| s.lines.as_slice()).unwrap_or_default()
    }

    /// Refuses output whose end is missing.
    fn complete(&self, output: &Output) -> Result<(), ParseError> {
        match self.find("end") {
            Some(_) => Ok(()),
            None => Err(ParseError::new("output that ends with '== end'", output)),
        }
    }
}

fn pending(sections: &Sections<'_>) -> Pending {
    let sources = Sources::parse(sections.lines("sources"));
    let tables = VersionTable::parse_all(sections.lines("policy"));
    let simulate =
        |name| sections.find(name).map(|s| Simulation::parse(s.rest, &s.lines)).unwrap_or_default();
    let now = simulate("upgrade");
    let mut updates: Vec<Update> = now.plan.installs.iter().map(|i| planned(i, &tables, &sources)).collect();
    let causes = Causes { now: &now, full: simulate("full"), held: held(sections), why: why(sections) };
    let pinned = tables.iter().filter(|(_, t)| t.candidate == t.installed).map(|(name, _)| name);
    let mut kept: Vec<&String> = now.kept.iter().chain(&now.phased).chain(pinned).collect();
    kept.sort();
    kept.dedup();
    updates.extend(kept.into_iter().filter_map(|name| {
        let table = tables.get(name)?;
        kept_back(name, table, causes.of(name, table), &sources)
    }));
    Pending { updates, lists: lists(sections, &sources), failure: now.plan.failure.clone() }
}

fn planned(
    install: &super::PlannedInstall,
    tables: &HashMap<String, VersionTable>,
    sources: &Sources,
) -> Update {
    let table = tables.get(&install.name);
    Update {
        name: install.name.clone(),
        arch: install.arch.clone(),
        from: install.from.clone(),
        to: install.to.clone(),
        origin: table.map(|t| t.origin(&install.to, sources)).unwrap_or_else(|| install.origin.clone()),
        security: table.is_some_and(|t| t.is_security(&install.to, sources)),
        kind: if install.from.is_some() { UpdateKind::Upgrade } else { UpdateKind::New },
        held: None,
    }
}

fn kept_back(name: &str, table: &VersionTable, cause: Held, sources: &Sources) -> Option<Update> {
    let from = table.installed.clone()?;
    let to = match &table.candidate {
        Some(candidate) if *candidate != from => candidate.clone(),
        _ => table.newest()?.to_owned(),
    };
    Some(Update {
        name: name.to_owned(),
        arch: name.split_once(':').map(|(_, arch)| arch.to_owned()).unwrap_or_default(),
        origin: table.origin(&to, sources),
        security: table.is_security(&to, sources),
        from: Some(from),
        to,
        kind: UpdateKind::Upgrade,
        held: Some(cause),
    })
}

/// What is known about why packages are kept back.
struct Causes<'a> {
    now: &'a Simulation,
    full: Simulation,
    held: Vec<&'a str>,
    why: HashMap<&'a str, String>,
}

impl Causes<'_> {
    fn of(&self, name: &str, table: &VersionTable) -> Held {
        if self.held.contains(&name) {
            return Held::Hold;
        }
        if self.now.phased.iter().any(|n| n == name) {
            return Held::Phased;
        }
        if table.candidate == table.installed {
            return Held::Pin;
        }
        let full = &self.full.plan;
        if full.installs.iter().any(|i| i.name == name) {
            return match full.removes.as_slice() {
                [] => Held::NeedsNew,
                removes => Held::WouldRemove(removes.to_vec()),
            };
        }
        Held::Dependencies(self.why.get(name).cloned().unwrap_or_default())
    }
}

fn held<'a>(sections: &Sections<'a>) -> Vec<&'a str> {
    sections.lines("held").iter().flat_map(|line| line.split_whitespace()).collect()
}

fn why<'a>(sections: &Sections<'a>) -> HashMap<&'a str, String> {
    let reasons = sections.0.iter().filter(|s| s.name == "why");
    reasons
        .map(|s| {
            (
                s.rest,
                s.lines.iter().map(|l| l.trim()).filter(|l| l.contains(" : ")).collect::<Vec<_>>().join("; "),
            )
        })
        .collect()
}

fn lists(sections: &Sections<'_>, sources: &Sources) -> Lists {
    let times = sections.find("times").map(|s| s.rest).unwrap_or_default();
    let (now, refreshed) = times.split_once(' ').unwrap_or(("0", "0"));
    Lists {
        now: now.parse().unwrap_or(0),
        refreshed: refreshed.parse().unwrap_or(0),
        refresh: refresh(sections),
        sources: sources.len(),
        has_security: sources.has_security(),
    }
}

fn refresh(sections: &Sections<'_>) -> Refresh {
    match sections.find("refresh") {
        Some(section) if section.rest == "private" => Refresh::Private,
        Some(section) => Refresh::Failed(section.lines.join("\n")),
        None => Refresh::None,
    }
}

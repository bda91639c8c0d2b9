//! Which of the updates that wait `apply_updates` takes, and what apt would do about them.

use super::updates::{fits, freshness};
use super::{Args, Host};
use crate::questions::Stop;
use crate::questions::packages::apt::{InstalledPackages, Simulate};
use crate::questions::packages::{Pending, Plan, PlannedInstall, Update, UpdateKind};

/// Which upgrades to take, as `NAME=VERSION` for apt.
pub(super) enum Selection {
    /// Everything that waits.
    All,
    /// These, and what they need.
    Some(Vec<String>),
    /// These, and nothing else whatever.
    Exactly(Approved),
}

/// What somebody approved, as far as it isn't installed already.
pub(super) struct Approved {
    /// Upgrades of what is installed.
    pub upgrades: Vec<String>,
    /// New packages that were approved with them.
    pub new: Vec<String>,
}

impl Selection {
    pub(super) fn of(args: &Args, pending: &Pending) -> Self {
        let exclude = args.list("exclude");
        let waiting = || pending.updates.iter().filter(|u| u.kind == UpdateKind::Upgrade && u.held.is_none());
        let taken: Vec<&Update> = waiting()
            .filter(|u| u.security || !args.flag("security"))
            .filter(|u| !exclude.iter().any(|pattern| fits(pattern, &u.name)))
            .collect();
        if taken.len() == waiting().count() {
            return Self::All;
        }
        Self::Some(taken.into_iter().map(|u| format!("{}={}", u.name, u.to)).collect())
    }

    /// What exactly would be done, and the command line for it; none when there is nothing to do.
    pub(super) fn plan(
        &self,
        args: &Args,
        host: &Host<'_>,
        pending: &Pending,
    ) -> Result<Option<(Plan, Vec<String>)>, Stop> {
        let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let named = match self {
            Self::All => {
                let plan = everything(pending);
                let mut command_line = words(&["--no-remove", "upgrade"]);
                if args.flag("new_packages") {
                    command_line.push("--with-new-pkgs".into());
                }
                return Ok((!plan.installs.is_empty()).then_some((plan, command_line)));
            }
            Self::Some(named) => named,
            Self::Exactly(approved) => &approved.upgrades,
        };
        if named.is_empty() {
            return Ok(None);
        }
        let mut command_line = words(&["--no-remove", "install", "--only-upgrade"]);
        command_line.extend(named.iter().cloned());
        let simulate = Simulate { freshness: freshness(args), command_line: command_line.clone() };
        let plan = host.get(simulate)?;
        let plan = (*plan).clone().unwrap_or_default();
        Ok(Some((plan, command_line)))
    }
}

/// The plan of taking everything that isn't kept back.
fn everything(pending: &Pending) -> Plan {
    let installs = pending.updates.iter().filter(|u| u.held.is_none()).map(|u| PlannedInstall {
        name: u.name.clone(),
        arch: u.arch.clone(),
        from: u.from.clone(),
        to: u.to.clone(),
        origin: u.origin.clone(),
    });
    Plan { installs: installs.collect(), ..Plan::default() }
}

/// Compares what was approved with what is there and what waits; whatever differs is named.
pub(super) fn approved(
    only: &[&str],
    pending: &Pending,
    installed: &InstalledPackages,
) -> Result<Approved, Stop> {
    let mut approved = Approved { upgrades: Vec::new(), new: Vec::new() };
    let mut differences = Vec::new();
    for entry in only {
        let Some((name, version)) = entry.split_once('=') else {
            return Err(Stop::refuse(format!("'only' holds '{entry}': expected NAME=VERSION")));
        };
        if installed.version(name) == Some(version) {
            continue;
        }
        match pending.updates.iter().find(|u| u.name == name) {
            None => differences.push(format!("{name} {version} was approved, but nothing waits for {name}")),
            Some(u) if u.to != version => {
                differences.push(format!("{name} {version} was approved, but {} is available", u.to));
            }
            Some(Update { held: Some(cause), .. }) => {
                differences.push(format!("{name} {version} was approved, but is kept back: {cause}"));
            }
            Some(u) if u.kind == UpdateKind::New => approved.new.push((*entry).to_owned()),
            Some(_) => approved.upgrades.push((*entry).to_owned()),
        }
    }
    if differences.is_empty() { Ok(approved) } else { Err(Stop::refuse(differences.join("; "))) }
}

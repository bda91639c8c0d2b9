//! Which of the updates that wait `apply_updates` takes, and what apt would do about them.

use super::updates::{fits, freshness};
use super::{Args, Host};
use crate::questions::Stop;
use crate::questions::packages::apt::{InstalledPackages, Simulate};
use crate::questions::packages::{Held, Pending, Plan, PlannedInstall, Update, UpdateKind};

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
    /// Packages that may go.
    pub removals: Vec<String>,
}

impl Selection {
    pub(super) fn of(args: &Args, pending: &Pending) -> Self {
        let exclude = args.list("exclude");
        let is_free = |update: &Update| update.held.is_none() || may_remove(args, update);
        let waiting = || pending.updates.iter().filter(|u| u.kind == UpdateKind::Upgrade && is_free(u));
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
        let removing = match self {
            Self::Exactly(approved) => !approved.removals.is_empty(),
            _ => args.flag("allow_removals"),
        };
        let mut command_line = match self {
            Self::All if removing => words(&["dist-upgrade"]),
            _ if removing => words(&["install", "--only-upgrade"]),
            _ => words(&["--no-remove", "install", "--only-upgrade"]),
        };
        match self {
            Self::All if removing => {}
            Self::All => {
                let plan = everything(pending);
                let mut command_line = words(&["--no-remove", "upgrade"]);
                if args.flag("new_packages") {
                    command_line.push("--with-new-pkgs".into());
                }
                return Ok((!plan.installs.is_empty()).then_some((plan, command_line)));
            }
            Self::Some(named) if named.is_empty() => return Ok(None),
            Self::Some(named) => command_line.extend(named.iter().cloned()),
            Self::Exactly(approved) if approved.upgrades.is_empty() => return Ok(None),
            Self::Exactly(approved) => {
                command_line.extend(approved.upgrades.iter().cloned());
                command_line.extend(approved.removals.iter().map(|name| format!("{name}-")));
            }
        }
        let simulate = Simulate { freshness: freshness(args), command_line: command_line.clone() };
        let plan = host.get(simulate)?;
        let plan = (*plan).clone().unwrap_or_default();
        if let Self::Exactly(approved) = self
            && plan.failure.is_none()
            && let Some(missing) = approved.upgrades.iter().find(|entry| !installs(&plan, entry))
        {
            return Err(Stop::refuse(format!("apt would not install {missing}: it is no longer offered")));
        }
        let idle = plan.failure.is_none() && plan.installs.is_empty() && plan.removes.is_empty();
        Ok((!idle).then_some((plan, command_line)))
    }
}

fn installs(plan: &Plan, entry: &str) -> bool {
    plan.installs.iter().any(|install| format!("{}={}", install.name, install.to) == entry)
}

/// Whether an update is only kept back because it would remove something, and may.
fn may_remove(args: &Args, update: &Update) -> bool {
    args.flag("allow_removals") && matches!(update.held, Some(Held::WouldRemove(_)))
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
    Plan { installs: installs.collect(), sizes: pending.sizes.clone(), ..Plan::default() }
}

/// Compares what was approved with what is there and what waits; whatever differs is named.
pub(super) fn approved(
    args: &Args,
    pending: &Pending,
    installed: &InstalledPackages,
) -> Result<Approved, Stop> {
    let mut approved = Approved { upgrades: Vec::new(), new: Vec::new(), removals: Vec::new() };
    let mut differences = Vec::new();
    for entry in args.list("only") {
        let Some((name, version)) = entry.split_once('=') else {
            match entry.strip_suffix('-').filter(|name| !name.is_empty()) {
                Some(name) if installed.version(name).is_some() => approved.removals.push(name.to_owned()),
                Some(_) => {}
                None => {
                    return Err(Stop::refuse(format!(
                        "'only' holds '{entry}': expected NAME=VERSION, or NAME- for what may be removed"
                    )));
                }
            }
            continue;
        };
        if installed.version(name) == Some(version) {
            continue;
        }
        match pending.updates.iter().find(|u| u.name == name) {
            None => differences.push(format!("{name} {version} was approved, but nothing waits for {name}")),
            Some(u) if u.to != version => {
                differences.push(format!("{name} {version} was approved, but {} is available", u.to));
            }
            Some(u @ Update { held: Some(cause), .. }) if !may_remove(args, u) => {
                differences.push(format!("{name} {version} was approved, but is kept back: {cause}"));
            }
            Some(u) if u.kind == UpdateKind::New => approved.new.push(entry.to_owned()),
            Some(_) => approved.upgrades.push(entry.to_owned()),
        }
    }
    if differences.is_empty() { Ok(approved) } else { Err(Stop::refuse(differences.join("; "))) }
}

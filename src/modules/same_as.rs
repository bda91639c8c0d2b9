//! `same_as` of `apply_updates`: the versions that another run installed, as far as a host has these packages in older ones.
//! What waits beyond them is left alone, and said. Whether such a version is still offered, only apt can tell.

use super::updates::some_of;
use crate::questions::Stop;
use crate::questions::packages::apt::InstalledPackages;
use crate::questions::packages::{Held, Pending, UpdateKind, debian_order};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What of another run's versions a host takes.
#[derive(PartialEq, Eq, Debug, Default)]
pub(super) struct SameAs {
    /// Upgrades of what is installed, as `NAME=VERSION`.
    pub upgrades: Vec<String>,
    /// New packages that these may bring along.
    pub new: Vec<String>,
    /// What is left alone, and why.
    pub warnings: Vec<String>,
}

impl SameAs {
    /// Chooses from `list`; `only` is what was shown and confirmed, if anything was.
    ///
    /// # Errors
    /// An entry is no `NAME=VERSION`, or something was confirmed that the other run did not install.
    pub(super) fn of(
        list: &[&str],
        only: Option<&[&str]>,
        pending: &Pending,
        installed: &InstalledPackages,
    ) -> Result<Self, Stop> {
        let mut same = Self::default();
        if let Some(foreign) = only.into_iter().flatten().find(|entry| !list.contains(entry)) {
            return Err(Stop::refuse(format!(
                "{foreign} was approved, but the other run did not install it"
            )));
        }
        for entry in list.iter().filter(|entry| only.is_none_or(|only| only.contains(entry))) {
            let Some((name, version)) = entry.split_once('=') else {
                return Err(Stop::refuse(format!("'same_as' holds '{entry}': expected NAME=VERSION")));
            };
            let waiting = pending.updates.iter().find(|update| update.name == name);
            match installed.version(name) {
                None if waiting.is_some_and(|u| u.kind == UpdateKind::New && u.to == version) => {
                    same.new.push((*entry).to_owned());
                }
                None => {}
                Some(now) if debian_order(now, version) != Ordering::Less => {}
                Some(_) if waiting.is_some_and(|u| u.held == Some(Held::Hold)) => {
                    same.warnings.push(format!("{entry} is left alone here: {name} is on hold"));
                }
                Some(_) => same.upgrades.push((*entry).to_owned()),
            }
        }
        same.warnings.extend(beyond(list, pending));
        Ok(same)
    }
}

/// Names what waits that the other run did not install.
fn beyond(list: &[&str], pending: &Pending) -> Option<String> {
    let names: BTreeSet<&str> =
        list.iter().filter_map(|entry| entry.split_once('=')).map(|(name, _)| name).collect();
    let others = pending.updates.iter().filter(|u| u.kind == UpdateKind::Upgrade && u.held.is_none());
    let others: Vec<String> =
        others.filter(|u| !names.contains(u.name.as_str())).map(|u| format!("{} {}", u.name, u.to)).collect();
    (!others.is_empty())
        .then(|| format!("left alone, because the other run did not install them: {}", some_of(&others)))
}

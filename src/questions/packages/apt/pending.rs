//! What waits, out of what apt says: the simulation names the upgrades, the policy their origins; and why the rest is
//! kept back.

use super::policy::{Sources, VersionTable};
use super::sections::Sections;
use super::simulation::Simulation;
use super::sizes::sizes;
use crate::questions::packages::{Held, Lists, Pending, PlannedInstall, Refresh, Update, UpdateKind};
use std::collections::HashMap;

/// Everything that waits.
pub(super) fn pending(sections: &Sections<'_>) -> Pending {
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
    let waiting: Vec<String> = updates.iter().map(|update| update.name.clone()).collect();
    let subscribers = subscriptions(sections.lines("esm")).into_iter();
    updates.extend(
        subscribers
            .filter(|(name, _)| !waiting.contains(name))
            .map(|(name, service)| for_subscribers(&name, service, tables.get(&name))),
    );
    Pending {
        updates,
        lists: lists(sections, &sources),
        failure: now.plan.failure.clone(),
        sizes: sizes(sections),
    }
}

fn planned(install: &PlannedInstall, tables: &HashMap<String, VersionTable>, sources: &Sources) -> Update {
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

/// A security update that this host would get with a subscription. Which version that is, its sources don't say.
fn for_subscribers(name: &str, service: String, table: Option<&VersionTable>) -> Update {
    Update {
        name: name.to_owned(),
        arch: String::new(),
        from: table.and_then(|table| table.installed.clone()),
        to: String::new(),
        origin: format!("Ubuntu Pro {service}"),
        security: true,
        kind: UpdateKind::Upgrade,
        held: Some(Held::Subscription(service)),
    }
}

/// Packages that have a security update for subscribers alone, and the service that has it.
///
/// # Source
/// What the hook of Ubuntu's pro client has `apt upgrade` print: `The following security updates require Ubuntu Pro with
/// 'esm-infra' enabled:`, or `Get more security updates through Ubuntu Pro with 'esm-apps' enabled:`, and indented names.
fn subscriptions(lines: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut service = None;
    for line in lines {
        if line.contains("Ubuntu Pro with '") && line.ends_with(':') {
            service = line.split('\'').nth(1);
        } else if let (Some(service), true) = (service, line.starts_with("  ")) {
            found.extend(line.split_whitespace().map(|name| (name.to_owned(), service.to_owned())));
        } else {
            service = None;
        }
    }
    found
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
            return if table.newest().is_some_and(|newest| table.is_phased(newest)) {
                Held::Phased
            } else {
                Held::Pin
            };
        }
        let full = &self.full.plan;
        let target = table.candidate.as_deref().or_else(|| table.newest()).unwrap_or_default();
        if table.is_phased(target) && !full.installs.iter().any(|i| i.name == name) {
            return Held::Phased;
        }
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

/// What the lists are worth.
pub(super) fn lists(sections: &Sections<'_>, sources: &Sources) -> Lists {
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

/// What became of the private refresh.
pub(super) fn refresh(sections: &Sections<'_>) -> Refresh {
    match sections.find("refresh") {
        Some(section) if section.rest == "private" => Refresh::Private,
        Some(section) => Refresh::Failed(section.lines.join("\n")),
        None => Refresh::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lab host with Debian 12 and apt 2.6.1, lists refreshed in private.
    const DEBIAN_12: &str = include_str!("captured_debian_12_updates.txt");

    fn of(text: &str) -> Pending {
        pending(&Sections::parse(text))
    }

    fn find<'a>(pending: &'a Pending, name: &str) -> &'a Update {
        pending.updates.iter().find(|u| u.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    #[test]
    fn a_debian_host_tells_security_by_origin_and_what_is_held() {
        let pending = of(DEBIAN_12);
        let security: Vec<&str> =
            pending.updates.iter().filter(|u| u.security).map(|u| u.name.as_str()).collect();
        assert_eq!(security, ["libfoo", "heldpkg"]);
        let libfoo = find(&pending, "libfoo");
        assert_eq!(
            (libfoo.from.as_deref(), libfoo.to.as_str(), libfoo.arch.as_str()),
            (Some("1.0"), "1.1", "amd64")
        );
        assert_eq!(libfoo.origin, "Debian bookworm-security");
        assert_eq!(find(&pending, "heldpkg").held, Some(Held::Hold));
        assert_eq!(find(&pending, "newdep").kind, UpdateKind::New);
        let lists = &pending.lists;
        assert_eq!((&lists.refresh, lists.sources, lists.has_security), (&Refresh::Private, 3, true));
        assert_eq!(lists.as_of(), lists.now);
        assert_eq!(pending.failure, None);
    }

    /// One package `x` that has 1.0 and could have 1.1, with more sections before the policy.
    fn kept(simulated: &str, more: &str, candidate: &str) -> Held {
        let text = format!(
            "== times 100 50\n== upgrade 0\n{simulated}\n{more}\n== sources 0\n== policy 0\nx:\n  Installed: 1.0\n  \
             Candidate: {candidate}\n  Version table:\n     1.1 500\n        500 http://m/d stable/main amd64 Packages\n \
             *** 1.0 100\n        100 /var/lib/dpkg/status\n== end\n"
        );
        find(&of(&text), "x").held.clone().unwrap()
    }

    #[test]
    fn every_package_that_is_kept_back_has_its_real_cause() {
        let back = "The following packages have been kept back:\n  x";
        let full = "== full 0\nInst x [1.0] (1.1 D:1/stable [amd64])";
        let phased = "The following upgrades have been deferred due to phasing:\n  x";
        assert_eq!(kept(back, "== held 0\n x ", "1.1"), Held::Hold);
        assert_eq!(kept(phased, "", "1.1"), Held::Phased);
        assert_eq!(kept(back, full, "1.1"), Held::NeedsNew);
        let removing = format!("{full}\nRemv y [1.0]");
        assert_eq!(kept(back, &removing, "1.1"), Held::WouldRemove(vec!["y".into()]));
        assert_eq!(kept("", "", "1.0"), Held::Pin);
        let why = "== full 0\n== why x\n x : Depends: y but it is not installable";
        assert_eq!(
            kept(back, why, "1.1"),
            Held::Dependencies("x : Depends: y but it is not installable".into())
        );
    }

    /// Ubuntu 22.04 with apt 2.4 counts phased updates among those that are kept back; 24.04 names them apart, and its pro
    /// client says what is for subscribers. No such host was at hand: put together from output that users of both and
    /// Ubuntu's documentation published.
    #[test]
    fn ubuntus_phased_updates_and_those_for_subscribers_are_told_apart() {
        let jammy = of(include_str!("published_ubuntu_22.04_phased.txt"));
        assert_eq!(find(&jammy, "python3-software-properties").held, Some(Held::Phased));
        let noble = of(include_str!("published_ubuntu_24.04_phased_and_esm.txt"));
        assert_eq!(find(&noble, "python3-distupgrade").held, Some(Held::Phased));
        let apps = find(&noble, "python3-waitress");
        assert_eq!((apps.held.clone(), apps.to.as_str()), (Some(Held::Subscription("esm-apps".into())), ""));
        assert_eq!(apps.from.as_deref(), Some("2.1.2-2"));
        let names: Vec<_> =
            noble.updates.iter().filter(|u| u.held.is_none()).map(|u| u.name.as_str()).collect();
        assert_eq!(names, ["libssl3t64"]);
    }

    #[test]
    fn a_refresh_that_failed_leaves_the_time_of_the_hosts_own_lists() {
        let pending =
            of("== times 100 50\n== refresh failed\nE: no network\n== upgrade 0\n== sources 0\n== end\n");
        assert_eq!(pending.lists.refresh, Refresh::Failed("E: no network".into()));
        assert_eq!(pending.lists.as_of(), 50);
    }

    #[test]
    fn what_apt_refuses_to_plan_is_a_failure_with_its_reason() {
        let pending = of("== upgrade 100\nE: Unmet dependencies. Try 'apt --fix-broken install'\n== end\n");
        assert!(pending.failure.unwrap().contains("Unmet dependencies"));
    }
}

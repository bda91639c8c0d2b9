//! `apply_updates`: brings packages up to date, exactly as planned and nothing else. What it takes is computed from the
//! same questions as `pending_updates`; a reboot is `reboot`'s business.

use super::apply_selection::{Approved, Selection, approved};
use super::same_as::SameAs;
use super::updates::{
    CACHE_VALID_TIME, DPKG_OPTIONS, LOCK_TIMEOUT, REFRESH, Tolerance, Transaction, counted, fits, freshness,
    needed_repair, new_packages, only_apt, refresh_lists, some_of, transaction_result, update_value,
};
use super::updates_guard::{
    ALLOW_FAILED_SOURCES, ALLOW_REMOVALS, SPACE_MARGIN, removal_summary, removals, room, sources,
};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::packages::apt::{DpkgState, Installed, Updates};
use crate::questions::packages::{Held, Pending, Plan, Refresh, WhichManager};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "apply_updates",
    aliases: &[],
    summary: "Upgrades packages to exactly the versions that were shown; removes nothing unless that is allowed",
    params: &[
        Param::optional("security", Kind::Bool, "whether to take security updates alone").default("no"),
        Param::optional("exclude", Kind::List, "packages to leave as they are; * stands for any text"),
        Param::optional(
            "only",
            Kind::List,
            "what was approved, as NAME=VERSION, and NAME- for what may go: exactly this is done, or the task is refused",
        ),
        Param::optional(
            "same_as",
            Kind::List,
            "what another run installed, as NAME=VERSION: a host gets what it has in an older version, and nothing else",
        ),
        Param::optional(
            "new_packages",
            Kind::Bool,
            "whether updates may bring new packages along: kernels do",
        )
        .or(&["dist"])
        .default("yes"),
        ALLOW_REMOVALS,
        ALLOW_FAILED_SOURCES,
        SPACE_MARGIN,
        REFRESH,
        CACHE_VALID_TIME,
        LOCK_TIMEOUT,
        DPKG_OPTIONS,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Install security updates
  apply_updates: {security: true}
  register: updates
- name: All updates but the kernel's
  apply_updates:
    exclude: ["linux-*"]
"#,
        returns: &[
            Returned { name: "updates_count", help: "how many packages are installed or upgraded" },
            Returned { name: "security_count", help: "how many of them are security updates" },
            Returned {
                name: "packages",
                help: "each of them: `name`, `arch`, `from`, `to`, `origin`, `security`, `kind`, and once it ran `version` and `state`",
            },
            Returned { name: "held_back", help: "updates that stay out, and why" },
            Returned { name: "removed", help: "packages that go: `name` and `version`" },
            Returned { name: "space", help: "what it downloads, and what it needs and finds of free space" },
            Returned { name: "log", help: "the end of what the package manager printed, where it failed" },
            Returned { name: "failed_packages", help: "packages that could not be configured" },
            Returned { name: "conffiles", help: "configuration files that were kept beside new versions" },
            Returned { name: "leftovers", help: "packages that nothing needs any more" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: transaction_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let updates = Updates { freshness: freshness(args), new_packages: new_packages(args) };
    let (manager, (updates, installed, dpkg)) = host.get((WhichManager, (updates, Installed, DpkgState)))?;
    only_apt(*manager)?;
    let pending = (*updates).as_ref().ok_or_else(|| Stop::refuse("there is no apt-get on this host"))?;
    let mut warnings: Vec<String> = sources(args, &pending.lists.refresh)?.into_iter().collect();
    warnings.extend(locked(args, &dpkg.lock_holders));
    let repair = needed_repair(args, &installed, &dpkg);
    if let Some(outcome) = cannot_plan(pending, repair.as_ref(), &warnings)? {
        return Ok(outcome);
    }
    let only = args.value("only").map(|_| args.list("only"));
    let selection = match (args.value("same_as"), only) {
        (Some(_), only) => {
            let same = SameAs::of(&args.list("same_as"), only.as_deref(), pending, &installed)?;
            warnings.extend(same.warnings);
            Selection::Exactly(Approved { upgrades: same.upgrades, new: same.new, removals: Vec::new() })
        }
        (None, Some(_)) => Selection::Exactly(approved(args, pending, &installed)?),
        (None, None) => Selection::of(args, pending),
    };
    let Some((plan, command_line)) = selection.plan(args, host, pending)? else {
        let changes = repair.into_iter().collect();
        return Ok(Outcome { warnings, ..Outcome::change(result(&Plan::default(), pending), changes) });
    };
    check(&plan, &selection, pending, args)?;
    let removed = removals(args, host, &plan)?;
    let (space, unsure) = room(args, &plan.sizes)?;
    warnings.extend(unsure);
    let mut changes: Vec<Change> = repair.into_iter().collect();
    if pending.lists.refresh != Refresh::None {
        let tolerance =
            if args.flag("allow_failed_sources") { Tolerance::SomeSources } else { Tolerance::None };
        changes.push(refresh_lists(args, tolerance));
    }
    let summary = summary(&plan, pending) + &removal_summary(&removed);
    changes.push(Transaction { summary, plan: &plan, command_line: &command_line, args }.change());
    let mut result = result(&plan, pending);
    let removed: Vec<Value> = removed.iter().map(|c| json!({"name": c.name, "version": c.version})).collect();
    result.insert("removed".into(), removed.into());
    result.insert("space".into(), space);
    Ok(Outcome { warnings, ..Outcome::change(result, changes) })
}

/// Who is in the way right now.
fn locked(args: &Args, holders: &[String]) -> Option<String> {
    let patience = args.int("lock_timeout").unwrap_or(0);
    (!holders.is_empty()).then(|| {
        format!(
            "the package database is in use and is waited for, for up to {patience} s: {}",
            holders.join("; ")
        )
    })
}

/// Where apt can't plan: the repair alone, if there is one to try; else a refusal.
fn cannot_plan(
    pending: &Pending,
    repair: Option<&Change>,
    warnings: &[String],
) -> Result<Option<Outcome>, Stop> {
    if pending.lists.sources == 0 {
        return Err(Stop::refuse("apt has no package lists on this host: what is pending is unknown"));
    }
    match (&pending.failure, repair) {
        (None, _) => Ok(None),
        (Some(why), None) => Err(Stop::refuse(format!("apt can't plan an upgrade: {why}"))),
        (Some(why), Some(repair)) => {
            let mut warnings = warnings.to_vec();
            warnings.push(format!(
                "apt can't plan an upgrade before dpkg is repaired; run again afterwards: {why}"
            ));
            let outcome = Outcome::change(result(&Plan::default(), pending), vec![repair.clone()]);
            Ok(Some(Outcome { warnings, ..outcome }))
        }
    }
}

/// Refuses a plan that does more than it may.
fn check(plan: &Plan, selection: &Selection, pending: &Pending, args: &Args) -> Result<(), Stop> {
    if let Some(why) = &plan.failure {
        return Err(Stop::refuse(format!("apt can't do it: {why}")));
    }
    if let Selection::Exactly(approved) = selection
        && let Some(name) = plan.removes.iter().find(|name| !approved.removals.contains(name))
        && args.flag("allow_removals")
    {
        return Err(Stop::refuse(format!("{name} would be removed, but that was not approved")));
    }
    let exclude = args.list("exclude");
    for install in &plan.installs {
        let entry = format!("{}={}", install.name, install.to);
        let held = pending.updates.iter().any(|u| u.name == install.name && u.held == Some(Held::Hold));
        if exclude.iter().any(|pattern| fits(pattern, &install.name)) {
            return Err(Stop::refuse(format!("{entry} is needed by the rest, but is excluded")));
        }
        if held {
            return Err(Stop::refuse(format!("{entry} is needed by the rest, but is on hold")));
        }
        if let Selection::Exactly(approved) = selection
            && !approved.upgrades.contains(&entry)
            && !approved.new.contains(&entry)
        {
            return Err(Stop::refuse(format!("{entry} would come along, but was not approved")));
        }
        if install.from.is_none() && !args.flag("new_packages") {
            return Err(Stop::refuse(format!("{entry} would be new, which new_packages forbids")));
        }
    }
    Ok(())
}

fn summary(plan: &Plan, pending: &Pending) -> String {
    let named: Vec<String> = plan
        .installs
        .iter()
        .map(|i| match &i.from {
            Some(from) => format!("{} {from} → {}", i.name, i.to),
            None => format!("{} {} (new)", i.name, i.to),
        })
        .collect();
    let security = plan.installs.iter().filter(|i| is_security(&i.name, pending)).count();
    let security = if security == 0 { String::new() } else { format!(" ({security} for security)") };
    format!("Upgrade {}{security}: {}", counted(plan.installs.len(), "package"), some_of(&named))
}

fn is_security(name: &str, pending: &Pending) -> bool {
    pending.updates.iter().any(|u| u.name == name && u.security)
}

fn result(plan: &Plan, pending: &Pending) -> Map {
    let packages: Vec<Value> = plan
        .installs
        .iter()
        .map(|i| {
            let known = pending.updates.iter().find(|u| u.name == i.name);
            json!({
                "name": i.name,
                "arch": i.arch,
                "from": i.from,
                "to": i.to,
                "origin": known.map_or(&i.origin, |u| &u.origin),
                "security": known.is_some_and(|u| u.security),
                "kind": if i.from.is_some() { "upgrade" } else { "new" },
            })
        })
        .collect();
    let held: Vec<Value> = pending.updates.iter().filter(|u| u.held.is_some()).map(update_value).collect();
    let mut result = Map::new();
    result.insert("updates_count".into(), packages.len().into());
    result.insert(
        "security_count".into(),
        plan.installs.iter().filter(|i| is_security(&i.name, pending)).count().into(),
    );
    result.insert("packages".into(), packages.into());
    result.insert("held_back".into(), held.into());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    const UPDATES: &str = include_str!("../questions/packages/apt/captured_debian_12_updates.txt");

    /// What apt was asked to plan, and the outcome.
    fn run(args: &Value, dpkg: &str, updates: &str, plan: &str) -> (Vec<String>, Result<Outcome, Stop>) {
        let mut planned = Vec::new();
        let outcome = answer_with(&MODULE, args, &mut |asked| {
            Ok(match asked.script.name {
                "package_manager" => Output::ok("apt\n"),
                "apt_updates" => Output::ok(updates),
                "dpkg_packages" => Output::ok(dpkg),
                "dpkg_state" => Output::ok(""),
                "dpkg_removable" => Output::ok(
                    "kernel 6.1\npackage old|no||1.0\npackage new|no||1.0\npackage dpkg|yes||1.21\n",
                ),
                "apt_plan" => {
                    planned.push(asked.args.0.join(" "));
                    Output::ok(format!("== plan 0\n{plan}\n== end\n"))
                }
                other => panic!("asked {other}"),
            })
        });
        (planned, outcome)
    }

    const DPKG: &str = "ii |dpkg|amd64|1.21\nii |bar|all|1.0\nii |svcd|amd64|1.1\n";

    fn outcome(args: Value, plan: &str) -> (Vec<String>, Outcome) {
        let (planned, outcome) = run(&args, DPKG, UPDATES, plan);
        (planned, outcome.unwrap_or_else(|stop| panic!("{stop:?}")))
    }

    fn refusal(args: Value, updates: &str, plan: &str) -> String {
        match run(&args, DPKG, updates, plan).1 {
            Err(Stop::Refuse(refusal)) => refusal.message,
            Ok(outcome) => panic!("{:?}", outcome.changes.iter().map(|c| &c.summary).collect::<Vec<_>>()),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn everything_that_waits_is_planned_without_another_question() {
        let (planned, outcome) = outcome(json!({}), "");
        assert!(planned.is_empty());
        let [refresh, upgrade] = outcome.changes.as_slice() else { panic!("two changes") };
        assert_eq!(refresh.summary, "Refresh the package lists");
        assert_eq!(
            upgrade.summary,
            "Upgrade 6 packages (1 for security): bar 1.0 → 1.1, confpkg 1.0 → 1.1, keptback 1.0 → 1.1, \
             libfoo 1.0 → 1.1, newdep 1.0 (new), svcd 1.0 → 1.1"
        );
        let expected = "Inst bar 1.1\nInst confpkg 1.1\nInst keptback 1.1\nInst libfoo 1.1\nInst newdep 1.0\nInst svcd 1.1";
        assert_eq!(upgrade.args.0[1], expected);
        assert_eq!(upgrade.args.0[3..], ["--no-remove", "upgrade", "--with-new-pkgs"]);
        assert_eq!(outcome.result["security_count"], 1);
    }

    #[test]
    fn a_part_is_named_with_exact_versions() {
        let (planned, outcome) = outcome(
            json!({"security": true}),
            "Inst libfoo [1.0] (1.1 Debian-Security:12/oldstable-security [amd64])",
        );
        assert_eq!(planned, ["600 --no-remove install --only-upgrade libfoo=1.1"]);
        assert_eq!(outcome.result["packages"][0]["security"], true);
        let (planned, _) = self::outcome(
            json!({"exclude": ["libfoo", "svcd", "k*", "conf*"]}),
            "Inst bar [1.0] (1.1 D:1/s [all])",
        );
        assert_eq!(planned, ["600 --no-remove install --only-upgrade bar=1.1"]);
    }

    #[test]
    fn what_another_run_installed_is_taken_where_it_is_older_here_and_the_rest_is_left_alone() {
        let bar = "Inst bar [1.0] (1.1 D:1/s [all])";
        let (planned, outcome) = outcome(json!({"same_as": ["bar=1.1", "svcd=1.1", "absent=2"]}), bar);
        assert_eq!(planned, ["600 --no-remove install --only-upgrade bar=1.1"]);
        assert_eq!(outcome.result["updates_count"], 1);
        assert!(outcome.warnings[0].contains("confpkg 1.1"), "{:?}", outcome.warnings);
        // Newer here than there: nothing is taken back.
        let (planned, _) = self::outcome(json!({"same_as": ["svcd=1.0", "bar=0.9"]}), "");
        assert!(planned.is_empty());
        let confirmed = json!({"same_as": ["bar=1.1"], "only": ["libfoo=1.1"]});
        assert!(refusal(confirmed, UPDATES, "").contains("the other run did not install it"));
        let gone = refusal(json!({"same_as": ["bar=1.0.5"]}), UPDATES, "");
        assert_eq!(gone, "apt would not install bar=1.0.5: it is no longer offered");
    }

    #[test]
    fn nothing_is_done_where_nothing_is_left() {
        for args in [json!({"exclude": "*"}), json!({"only": []}), json!({"only": ["svcd=1.1"]})] {
            let (planned, outcome) = outcome(args.clone(), "");
            assert!(planned.is_empty() && outcome.changes.is_empty(), "{args}");
        }
    }

    #[test]
    fn a_plan_that_does_more_than_it_may_is_refused() {
        let bar = "Inst bar [1.0] (1.1 D:1/s [all])";
        let plan = |more: &str| format!("{bar}\n{more}");
        let only = || json!({"only": ["bar=1.1"]});
        assert_eq!(
            refusal(only(), UPDATES, &plan("Inst newdep (1.0 D:1/s [all])")),
            "newdep=1.0 would come along, but was not approved"
        );
        assert_eq!(
            refusal(only(), UPDATES, &plan("Remv svcd [1.0]")),
            "it would remove svcd: nothing is removed unasked (--allow-removals, 'allow_removals: true')"
        );
        assert_eq!(
            refusal(json!({"exclude": ["svcd"]}), UPDATES, &plan("Inst svcd [1.0] (1.1 D:1/s [amd64])")),
            "svcd=1.1 is needed by the rest, but is excluded"
        );
        assert_eq!(
            refusal(only(), UPDATES, &plan("Inst heldpkg [1.0] (1.1 D:1/s [all])")),
            "heldpkg=1.1 is needed by the rest, but is on hold"
        );
    }

    #[test]
    fn what_differs_from_what_was_approved_is_named() {
        let differs = |entry: &str| refusal(json!({"only": [entry]}), UPDATES, "");
        assert_eq!(differs("bar=1.2"), "bar 1.2 was approved, but 1.1 is available");
        assert_eq!(differs("heldpkg=1.1"), "heldpkg 1.1 was approved, but is kept back: on hold");
        assert_eq!(differs("nosuch=1"), "nosuch 1 was approved, but nothing waits for nosuch");
        assert_eq!(
            differs("bar"),
            "'only' holds 'bar': expected NAME=VERSION, or NAME- for what may be removed"
        );
    }

    /// The lab's updates with a source that failed.
    fn with_failed_source() -> String {
        UPDATES.replace(
            "== refresh private",
            "== refresh failed\nE: The repository 'file:/srv/gone x Release' does not have a Release file.",
        )
    }

    #[test]
    fn a_source_that_fails_stops_the_host_unless_that_is_allowed() {
        let said = refusal(json!({}), &with_failed_source(), "");
        assert!(
            said.contains("file:/srv/gone x: nothing is there") && said.contains("--allow-failed-sources")
        );
        let (_, allowed) = run(&json!({"allow_failed_sources": true}), DPKG, &with_failed_source(), "");
        let allowed = allowed.unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(allowed.changes[0].args.0[1], "some");
        assert!(allowed.warnings[0].contains("which is allowed: file:/srv/gone x"), "{:?}", allowed.warnings);
    }

    #[test]
    fn too_little_room_is_refused_before_anything_is_changed_and_named() {
        let with = |free: u32| {
            let room = format!(
                "== new 0\nbar all 1.1 4096 20672\n== old 0\nbar all 4096\n== room 0\n\
                 /usr /dev/vda1 9 9 {free} 9% /\n/var/cache/apt/archives /dev/vda1 9 9 {free} 9% /\n== cached 0\n\
                 20480\t/var/cache/apt/archives\n== end"
            );
            UPDATES.replace("== end", &room)
        };
        let said = refusal(json!({}), &with(4096), "");
        assert_eq!(
            said,
            "too little room, so nothing was begun: / needs 68 MB free (margin 64 MB, the largest package beside its \
             old version 4 MB) and has 4 MB: 64 MB are missing. What would make room: apt-get clean (frees 20 MB)"
        );
        let (_, fits) = run(&json!({}), DPKG, &with(69 * 1024), "");
        let fits = fits.unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(fits.result["space"][0]["needs"], 68 * 1024 * 1024);
        let (_, tight) = run(&json!({"space_margin": 0}), DPKG, &with(4096), "");
        assert!(tight.is_ok());
    }

    #[test]
    fn what_is_removed_is_shown_and_bound_and_what_is_vital_stays() {
        let allowed = |only: &[&str], goes: &str| {
            let mut args = json!({"allow_removals": true});
            if !only.is_empty() {
                args["only"] = only.into();
            }
            let plan = format!("Inst bar [1.0] (1.1 D:1/s [all])\nRemv {goes} [1.0]");
            let dpkg = format!("{DPKG}ii |old|all|1.0\nii |new|all|1.0\n");
            run(&args, &dpkg, UPDATES, &plan)
        };
        let (planned, outcome) = allowed(&[], "old");
        assert_eq!(planned, ["600 dist-upgrade"]);
        let outcome = outcome.unwrap_or_else(|stop| panic!("{stop:?}"));
        let last = outcome.changes.last().unwrap();
        assert!(last.summary.ends_with("; remove 1 package: old 1.0"), "{}", last.summary);
        assert_eq!(last.args.0[1], "Inst bar 1.1\nRemv old");
        assert_eq!(outcome.result["removed"], json!([{"name": "old", "version": "1.0"}]));
        let (planned, outcome) = allowed(&["bar=1.1", "old-"], "old");
        assert_eq!(planned, ["600 install --only-upgrade bar=1.1 old-"]);
        assert!(outcome.is_ok());
        let refused = |only: &[&str], goes: &str| match allowed(only, goes).1 {
            Err(Stop::Refuse(refusal)) => refusal.message,
            _ => panic!("accepted"),
        };
        assert_eq!(refused(&["bar=1.1", "new-"], "old"), "old would be removed, but that was not approved");
        assert_eq!(refused(&[], "dpkg"), "it would remove what must stay: dpkg: it is essential");
    }

    #[test]
    fn where_apt_knows_nothing_or_can_plan_nothing_it_is_refused() {
        let none = "== times 100 90\n== upgrade 0\n== sources 0\n== end\n";
        assert!(refusal(json!({}), none, "").contains("no package lists"));
        let unmet = UPDATES.replace("== upgrade 0", "== upgrade 100\nE: Unmet dependencies.");
        assert_eq!(refusal(json!({}), &unmet, ""), "apt can't plan an upgrade: E: Unmet dependencies.");
        let half = format!("{DPKG}iF |failpost|all|1.1\n");
        let (_, repaired) = run(&json!({}), &half, &unmet, "");
        let repaired = repaired.unwrap_or_else(|stop| panic!("{stop:?}"));
        assert_eq!(repaired.changes.len(), 1);
        assert_eq!(repaired.changes[0].summary, "Let dpkg finish first: half installed: failpost");
    }
}

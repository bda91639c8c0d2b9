//! What apt-get would have to be told, what it says it would do then, and the changes that come of it.

use super::wishes::{State, Upgrade, Wish, Wishes};
use crate::model::{Map, Value};
use crate::modules::updates::{
    Tolerance, Transaction, clean, counted, needed_repair, refresh_lists, seconds, some_of,
};
use crate::modules::{Args, Host, Outcome};
use crate::questions::Stop;
use crate::questions::packages::apt::{
    Cleanable, Cleaning, DpkgState, Freshness, InstalledPackages, ListTimes, Simulate,
};
use crate::questions::packages::{PackageState, Plan, Refresh};
use serde_json::json;
use std::time::Duration;

/// A task, before a host on which these packages are installed.
pub(super) struct Task<'a> {
    pub args: &'a Args,
    pub wishes: Wishes,
    pub installed: &'a InstalledPackages,
}

impl Task<'_> {
    /// What apt-get would have to be told; none where nothing about packages is left to do.
    pub(super) fn command_line(&self) -> Option<Vec<String>> {
        let purge = self.args.flag("purge");
        let autoremove = self.args.flag("autoremove");
        let (verb, names): (&str, Vec<String>) = match (self.wishes.upgrade, self.wishes.state) {
            (Some(Upgrade::Safe), _) => ("upgrade", vec!["--with-new-pkgs".into()]),
            (Some(Upgrade::Full), _) => ("dist-upgrade", Vec::new()),
            (None, State::Present) => ("install", self.named(|wish| !wish.is_met(self.installed))),
            (None, State::Latest) => ("install", self.named(|_| true)),
            (None, State::Absent) => {
                let there = self.wishes.packages.iter().flat_map(|wish| wish.installed(self.installed));
                let names = there.filter(|wish| self.is_there(wish, purge)).map(|wish| wish.argument());
                (if purge { "purge" } else { "remove" }, names.collect())
            }
            (None, State::BuildDep) => ("build-dep", self.named(|_| true)),
            (None, State::Fixed) => ("install", vec!["--fix-broken".into()]),
        };
        let (verb, names) = match (names.is_empty() && self.wishes.upgrade.is_none(), autoremove) {
            (false, _) => (verb, names),
            (true, true) => ("autoremove", Vec::new()),
            (true, false) => return None,
        };
        let mut words = self.options(verb);
        words.push(verb.to_owned());
        words.extend(names);
        Some(words)
    }

    fn named(&self, wanted: impl Fn(&Wish) -> bool) -> Vec<String> {
        let only_known = self.args.flag("only_upgrade");
        if only_known {
            let there = self.wishes.packages.iter().flat_map(|wish| wish.installed(self.installed));
            let there = there.filter(|wish| self.installed.version(&wish.name).is_some() && wanted(wish));
            return there.map(|wish| wish.argument()).collect();
        }
        self.wishes.packages.iter().filter(|wish| wanted(wish)).map(Wish::argument).collect()
    }

    fn is_there(&self, wish: &Wish, purge: bool) -> bool {
        let state = self.installed.find(&wish.name).map(|package| package.state);
        matches!(state, Some(PackageState::Installed | PackageState::Broken))
            || (purge && state == Some(PackageState::ConfigFiles))
    }

    pub(super) fn options(&self, verb: &str) -> Vec<String> {
        let mut options: Vec<String> = Vec::new();
        if let Some(release) = self.args.text("default_release").filter(|release| !release.is_empty()) {
            options.extend(["-t".to_owned(), release.to_owned()]);
        }
        match self.args.maybe_flag("install_recommends") {
            Some(true) => options.push("--install-recommends".into()),
            Some(false) => options.push("--no-install-recommends".into()),
            None => {}
        }
        for (param, option) in [
            ("allow_downgrade", "--allow-downgrades"),
            ("allow_change_held_packages", "--allow-change-held-packages"),
            ("allow_unauthenticated", "--allow-unauthenticated"),
            ("only_upgrade", "--only-upgrade"),
        ] {
            let forced = self.args.flag("force") && param != "only_upgrade";
            if self.args.flag(param) || forced {
                options.push(option.into());
            }
        }
        if verb == "autoremove" && self.args.flag("purge") {
            options.push("--purge".into());
        }
        if self.args.flag("autoremove") && verb != "autoremove" {
            options.push("--auto-remove".into());
        }
        options
    }

    pub(super) fn transaction(&self, host: &Host<'_>, command_line: Vec<String>) -> Result<Outcome, Stop> {
        let removes = command_line.iter().any(|w| matches!(w.as_str(), "remove" | "purge" | "autoremove"));
        let cleans_up = command_line.iter().any(|w| w == "--auto-remove");
        // What is to be installed must not cost anything that is there: asked without the clean-up that may go with it.
        let strict: Vec<String> = std::iter::once("--no-remove".to_owned())
            .chain(command_line.iter().filter(|w| *w != "--auto-remove").cloned())
            .collect();
        let command_line = if removes || cleans_up { command_line } else { strict.clone() };
        let simulate =
            |words: &[String]| Simulate { freshness: self.freshness(), command_line: words.to_vec() };
        let (plan, dpkg) = if cleans_up && !removes {
            let ((plan, strict), dpkg) =
                host.get(((simulate(&command_line), simulate(&strict)), DpkgState))?;
            self.refused((*strict).as_ref())?;
            (plan, dpkg)
        } else {
            host.get((simulate(&command_line), DpkgState))?
        };
        let plan = (*plan).clone().unwrap_or_default();
        self.refused(Some(&plan))?;
        let mut outcome = Outcome { result: result(&plan), ..Outcome::default() };
        note_what_was_said(&mut outcome, &plan);
        if let Refresh::Failed(why) = &plan.refresh {
            outcome.warnings.push(format!("package lists could not be refreshed entirely: {why}"));
        }
        outcome.changes.extend(needed_repair(self.args, self.installed, &dpkg));
        if plan.installs.is_empty() && plan.removes.is_empty() {
            return Ok(outcome);
        }
        if plan.refresh != Refresh::None {
            outcome.changes.push(refresh_lists(self.args, Tolerance::SomeSources));
        }
        let summary = summary(&plan);
        let args = self.args;
        outcome
            .changes
            .push(Transaction { summary, plan: &plan, command_line: &command_line, args }.change());
        Ok(outcome)
    }

    fn freshness(&self) -> Freshness {
        if !self.wants_lists() {
            return Freshness::AsTheyAre;
        }
        // Lists of this very minute are fresh: they were refreshed for this task.
        Freshness::AtMost(seconds(self.args, "cache_valid_time").max(Duration::from_secs(60)))
    }

    fn wants_lists(&self) -> bool {
        self.args.maybe_flag("update_cache").unwrap_or(self.args.int("cache_valid_time").unwrap_or(0) > 0)
    }

    fn refused(&self, plan: Option<&Plan>) -> Result<(), Stop> {
        let Some(why) = plan.and_then(|plan| plan.failure.as_deref()) else { return Ok(()) };
        let missing = |line: &str| {
            let name = line.strip_prefix("E: Unable to locate package ")?;
            Some(format!("No package matching '{name}' is available"))
        };
        let removal = why.contains("Packages need to be removed but remove is disabled");
        let message = match why.split("; ").find_map(missing) {
            Some(message) => message,
            None if removal => "it would remove packages, and nothing is removed unasked".to_owned(),
            None => format!("apt can't do it: {why}"),
        };
        Err(Stop::refuse(message))
    }

    /// Nothing about packages is to be done: the lists alone, if their refresh is all that the task is for.
    pub(super) fn lists_alone(&self, host: &Host<'_>) -> Result<Outcome, Stop> {
        let mut outcome = Outcome { result: result(&Plan::default()), ..Outcome::default() };
        let named = !self.wishes.packages.is_empty() || self.args.value("name").is_some();
        if !self.wants_lists() || named {
            return Ok(outcome);
        }
        let lists = host.get(ListTimes)?;
        let age = lists.now.saturating_sub(lists.refreshed);
        outcome.result.insert("cache_update_time".into(), lists.refreshed.into());
        let valid = self.args.int("cache_valid_time").unwrap_or(0);
        if valid == 0 || age > valid {
            outcome.changes.push(refresh_lists(self.args, Tolerance::None));
        }
        outcome.result.insert("cache_updated".into(), (!outcome.changes.is_empty()).into());
        Ok(outcome)
    }

    pub(super) fn cleaned(&self, host: &Host<'_>, mut outcome: Outcome) -> Result<Outcome, Stop> {
        let which = match (self.args.flag("clean"), self.args.flag("autoclean")) {
            (true, _) => Cleaning::Everything,
            (false, true) => Cleaning::Obsolete,
            (false, false) => return Ok(outcome),
        };
        let count = *host.get(Cleanable { which })?;
        if count > 0 {
            outcome.changes.push(clean(self.args, which, count));
        }
        Ok(outcome)
    }
}

fn result(plan: &Plan) -> Map {
    let installs = plan.installs.iter().map(|i| {
        json!({"name": i.name, "arch": i.arch, "from": i.from, "to": i.to, "origin": i.origin,
               "kind": if i.from.is_some() { "upgrade" } else { "new" }})
    });
    let removes =
        plan.removes.iter().map(|name| json!({"name": name, "from": null, "to": "", "kind": "remove"}));
    let packages: Vec<Value> = installs.chain(removes).collect();
    Map::from_iter([("packages".to_owned(), packages.into()), ("cache_updated".to_owned(), false.into())])
}

/// What apt-get says of an operation, where one was asked for: roles read from it whether anything was upgraded.
fn note_what_was_said(outcome: &mut Outcome, plan: &Plan) {
    let lines: Vec<&str> = plan.said.lines().collect();
    outcome.result.insert("stdout".into(), plan.said.as_str().into());
    outcome.result.insert("stdout_lines".into(), lines.into());
    outcome.result.insert("stderr".into(), "".into());
    outcome.result.insert("stderr_lines".into(), Value::Array(Vec::new()));
}

fn summary(plan: &Plan) -> String {
    let named = |new: bool| -> Vec<String> {
        plan.installs
            .iter()
            .filter(|i| i.from.is_none() == new)
            .map(|i| match &i.from {
                Some(from) => format!("{} {from} → {}", i.name, i.to),
                None => format!("{} {}", i.name, i.to),
            })
            .collect()
    };
    let parts = [("install", named(true)), ("upgrade", named(false)), ("remove", plan.removes.clone())];
    let said: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(verb, names)| match names.as_slice() {
            [one] => format!("{verb} {one}"),
            _ => format!("{verb} {}: {}", counted(names.len(), "package"), some_of(names)),
        })
        .collect();
    let text = said.join("; ");
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

//! `apt` and `package`: packages that shall be there, gone, or the newest. What exactly is done is known before it is
//! done: versions, what comes along, what goes. `package` is the same function on hosts whose manager is apt.

use super::apt_deb;
use super::dnf;
use super::updates::{
    Tolerance, Transaction, clean, counted, fits, needed_repair, only_apt, refresh_lists, seconds, some_of,
    transaction_result,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::packages::apt::{
    Cleanable, Cleaning, DpkgState, Freshness, Installed, InstalledPackages, ListTimes, Simulate,
};
use crate::questions::packages::{Manager, PackageState, Plan, Refresh, WhichManager};
use crate::questions::{Output, Stop};
use serde_json::json;
use std::time::Duration;

/// The module for apt alone.
pub static APT: Module = Module {
    name: "apt",
    aliases: &[],
    summary: "Installs, upgrades and removes packages with apt",
    params: PARAMS,
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Install the web server
  apt:
    name: [nginx, certbot]
    state: present
    update_cache: true
    cache_valid_time: 3600
- name: No telnet
  apt: {name: telnet, state: absent, purge: true}
",
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
            Returned {
                name: "stdout, stdout_lines",
                help: "what apt-get says of the operation, where one was needed",
            },
            Returned { name: "cache_updated", help: "whether the package lists were fetched" },
            Returned { name: "cache_update_time", help: "when they last were, in seconds since 1970" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: transaction_result,
};

/// The module for whatever package manager the host has.
pub static PACKAGE: Module = Module {
    name: "package",
    aliases: &[],
    summary: "Installs, upgrades and removes packages with the host's package manager",
    params: PACKAGE_PARAMS,
    diff: with_any_manager,
    result: any_result,
    ..APT_LIKE
};

const APT_LIKE: Module = Module {
    name: "",
    aliases: &[],
    summary: "",
    params: PARAMS,
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Install what every host has
  package:
    name: [htop, rsync]
    state: present
",
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
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: transaction_result,
};

/// The parameters, and more behind them.
macro_rules! params {
    ($($more:expr,)*) => {
        &[
    Param::optional("name", Kind::List, "packages, each NAME or NAME=VERSION").or(&["pkg", "package"]),
    Param::optional(
        "state",
        Kind::Choice(&["present", "absent", "latest", "installed", "removed", "build-dep", "fixed"]),
        "what they shall be",
    )
    .default("present"),
    Param::optional("update_cache", Kind::Bool, "whether lists that are not fresh are refreshed first")
        .or(&["update-cache"]),
    Param::optional("cache_valid_time", Kind::Int, "for how many seconds lists count as fresh").default("0"),
    Param::optional(
        "upgrade",
        Kind::Choice(&["no", "yes", "safe", "full", "dist", "True", "False"]),
        "what is upgraded",
    )
    .default("no"),
    Param::optional("default_release", Kind::Text, "the release that is preferred").or(&["default-release"]),
    Param::optional("install_recommends", Kind::Bool, "whether recommended packages come along")
        .or(&["install-recommends"]),
    Param::optional("only_upgrade", Kind::Bool, "whether packages that are not installed are left out"),
    Param::optional("allow_downgrade", Kind::Bool, "whether a package may get an older version").or(&[
        "allow-downgrade",
        "allow_downgrades",
        "allow-downgrades",
    ]),
    Param::optional("allow_change_held_packages", Kind::Bool, "whether packages on hold may change"),
    Param::optional("purge", Kind::Bool, "whether removed packages lose their configuration files too"),
    Param::optional("autoremove", Kind::Bool, "whether packages go that nothing needs any more"),
    Param::optional("clean", Kind::Bool, "whether downloaded packages are thrown away"),
    Param::optional("autoclean", Kind::Bool, "whether downloaded packages are thrown away that are outdated"),
    super::updates::DPKG_OPTIONS,
    super::updates::LOCK_TIMEOUT,
    Param::optional(
        "allow_unauthenticated",
        Kind::Bool,
        "whether packages may be installed that nobody signed",
    )
    .or(&["allow-unauthenticated"]),
    Param::optional("force", Kind::Bool, "whether packages may be unsigned, downgraded and on hold"),
    Param::optional("deb", Kind::Text, "a package's file: its path on the host, or its URL"),
    Param::optional("fail_on_autoremove", Kind::Bool, "taken and not needed: nothing is removed unasked"),
    Param::optional("auto_install_module_deps", Kind::Bool, "taken and not needed: no Python is used"),
    Param::optional("policy_rc_d", Kind::Int, "what packages are told that want to start services; 101: not to"),
    Param::optional("force_apt_get", Kind::Bool, "taken and not needed: it is always apt-get"),
    Param::optional("update_cache_retries", Kind::Int, "taken and not needed"),
    Param::optional("update_cache_retry_max_delay", Kind::Int, "taken and not needed"),
    Param::optional("use", Kind::Text, "taken and not needed: the manager is found out"),
    $($more,)*
        ]
    };
}

const PARAMS: &[Param] = params![];

/// What `package` takes besides, for the managers of other hosts.
const PACKAGE_PARAMS: &[Param] = params![
    Param::optional("enablerepo", Kind::List, "for dnf: sources that are used besides"),
    Param::optional("disablerepo", Kind::List, "for dnf: sources that are not used"),
    Param::optional("exclude", Kind::List, "for dnf: packages that are left out"),
    Param::optional("disable_plugin", Kind::List, "for dnf: plugins that are off"),
    Param::optional("disable_gpg_check", Kind::Bool, "for dnf: whether signatures don't matter"),
    Param::optional("allowerasing", Kind::Bool, "for dnf: whether others may go for it"),
    Param::optional("nobest", Kind::Bool, "for dnf: whether an older version does"),
];
/// Does it with whichever manager the host has.
fn with_any_manager(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    match *host.get(WhichManager)? {
        Manager::Dnf => dnf::diff(args, host),
        Manager::Apt => {
            let foreign = ["enablerepo", "disablerepo", "exclude", "disable_plugin", "nobest"];
            match foreign.into_iter().find(|param| args.value(param).is_some()) {
                Some(param) => Err(Stop::refuse(format!("'{param}' is for dnf, and this host has apt"))),
                None => diff(args, host),
            }
        }
        other => Err(only_apt(other).err().unwrap_or(Stop::Ask)),
    }
}

fn any_result(outcome: &Outcome, outputs: &[Output]) -> Map {
    match outcome.result.contains_key("results") {
        true => (dnf::MODULE.result)(outcome, outputs),
        false => transaction_result(outcome, outputs),
    }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wishes = Wishes::of(args)?;
    let (manager, installed) = host.get((WhichManager, Installed))?;
    only_apt(*manager)?;
    let task = Task { args, wishes, installed: &installed };
    if let Some(source) = args.text("deb") {
        return apt_deb::diff(source, &task.options("install"), &installed, args, host);
    }
    let outcome = match task.command_line() {
        Some(command_line) => task.transaction(host, command_line)?,
        None => task.lists_alone(host)?,
    };
    task.cleaned(host, outcome)
}

/// What is asked for, in checked form.
struct Wishes {
    packages: Vec<Wish>,
    state: State,
    upgrade: Option<Upgrade>,
}

/// A package as the task names it.
struct Wish {
    /// The name, with `:ARCH` where given.
    name: String,
    version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Latest,
    Absent,
    /// What building these packages takes.
    BuildDep,
    /// Broken dependencies are mended.
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Upgrade {
    /// Nothing is removed for it.
    Safe,
    /// What a new release of the distribution wants; removals are refused.
    Full,
}

impl Wishes {
    fn of(args: &Args) -> Result<Self, Stop> {
        let state = match args.text("state") {
            Some("absent" | "removed") => State::Absent,
            Some("latest") => State::Latest,
            Some("build-dep") => State::BuildDep,
            Some("fixed") => State::Fixed,
            _ => State::Present,
        };
        let upgrade = match args.text("upgrade") {
            Some("full" | "dist") => Some(Upgrade::Full),
            Some("yes" | "safe" | "True") => Some(Upgrade::Safe),
            _ => None,
        };
        let packages = args.list("name").into_iter().map(Wish::parse).collect::<Result<Vec<_>, _>>()?;
        if upgrade.is_some() && !packages.is_empty() {
            return Err(Stop::refuse("'upgrade' takes everything: it can't stand beside 'name'"));
        }
        // Nothing is no release's name, and means none: roles hand it down so.
        if args.text("default_release").is_some_and(|release| !release.is_empty() && !is_word(release)) {
            return Err(Stop::refuse("'default_release' is no release's name"));
        }
        Ok(Self { packages, state, upgrade })
    }
}

/// A text that apt-get takes for nothing but a name.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.:~_*".contains(c))
}

impl Wish {
    fn parse(text: &str) -> Result<Self, Stop> {
        let wrong = |why: &str| Err(Stop::refuse(format!("'{text}' is no package: {why}")));
        if text.contains(['?', '[']) {
            return wrong("of patterns only * is supported");
        }
        if text.contains('/') || text.ends_with(".deb") {
            return wrong("a file is given with 'deb'");
        }
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name.trim_end(), Some(version.trim_start_matches('=').trim())),
            None => (text, None),
        };
        if name.ends_with(['<', '>']) {
            return wrong("a version is given as NAME=VERSION");
        }
        if !is_word(name) || !version.is_none_or(is_word) {
            return wrong("expected NAME or NAME=VERSION");
        }
        Ok(Self { name: name.to_owned(), version: version.map(str::to_owned) })
    }

    fn argument(&self) -> String {
        match &self.version {
            Some(version) => format!("{}={version}", self.name),
            None => self.name.clone(),
        }
    }

    fn is_met(&self, installed: &InstalledPackages) -> bool {
        // What a pattern stands for, apt knows.
        let version = installed.version(&self.name).filter(|_| !self.is_pattern());
        version.is_some_and(|there| self.version.as_deref().is_none_or(|wanted| fits(wanted, there)))
    }

    fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }

    /// What it stands for among the packages that dpkg knows.
    fn installed(&self, installed: &InstalledPackages) -> Vec<Self> {
        if !self.is_pattern() {
            return vec![Self { name: self.name.clone(), version: self.version.clone() }];
        }
        let named = installed.packages.iter().filter(|package| fits(&self.name, &package.name));
        named.map(|package| Self { name: package.name.clone(), version: None }).collect()
    }
}

struct Task<'a> {
    args: &'a Args,
    wishes: Wishes,
    installed: &'a InstalledPackages,
}

impl Task<'_> {
    /// What apt-get would have to be told; none where nothing about packages is left to do.
    fn command_line(&self) -> Option<Vec<String>> {
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

    fn options(&self, verb: &str) -> Vec<String> {
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

    fn transaction(&self, host: &Host<'_>, command_line: Vec<String>) -> Result<Outcome, Stop> {
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
    fn lists_alone(&self, host: &Host<'_>) -> Result<Outcome, Stop> {
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

    fn cleaned(&self, host: &Host<'_>, mut outcome: Outcome) -> Result<Outcome, Stop> {
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

fn result(plan: &Plan) -> crate::model::Map {
    let installs = plan.installs.iter().map(|i| {
        json!({"name": i.name, "arch": i.arch, "from": i.from, "to": i.to, "origin": i.origin,
               "kind": if i.from.is_some() { "upgrade" } else { "new" }})
    });
    let removes =
        plan.removes.iter().map(|name| json!({"name": name, "from": null, "to": "", "kind": "remove"}));
    let packages: Vec<Value> = installs.chain(removes).collect();
    crate::model::Map::from_iter([("packages".to_owned(), packages.into())])
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;

    const DPKG: &str = "ii |dpkg|amd64|1.21\nii |bar|all|1.0\nrc |gone|all|1.0\nhi |heldpkg|all|1.0\n";

    /// The command line that apt would be asked about, and the summaries of the changes.
    fn run(args: Value, simulation: &str) -> (Vec<String>, Result<Vec<String>, String>) {
        let mut asked_about = Vec::new();
        let outcome = answer_with(&APT, &args, &mut |asked| {
            Ok(match asked.script.name {
                "package_manager" => Output::ok("apt\n"),
                "dpkg_packages" => Output::ok(DPKG),
                "dpkg_state" => Output::ok(""),
                "apt_list_times" => Output::ok("== times 10000 9000\n"),
                "apt_cleanable" => Output::ok("3\n"),
                "apt_plan" => {
                    asked_about.push(asked.args.0.join(" "));
                    Output::ok(format!("== times 10000 9000\n{simulation}\n== end\n"))
                }
                other => panic!("asked {other}"),
            })
        });
        let outcome = match outcome {
            Ok(outcome) => Ok(outcome.changes.iter().map(|c| c.summary.clone()).collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        };
        (asked_about, outcome)
    }

    #[test]
    fn what_is_there_needs_no_question_to_apt() {
        for args in [
            json!({"name": "bar"}),
            json!({"name": "bar=1.0"}),
            json!({"name": ["bar", "heldpkg"], "update_cache": true}),
            json!({"name": "nosuch,gone", "state": "absent"}),
            json!({"name": "nosuch", "only_upgrade": true}),
            json!({"name": []}),
        ] {
            assert_eq!(run(args.clone(), ""), (vec![], Ok(vec![])), "{args}");
        }
    }

    #[test]
    fn only_what_is_missing_is_named_and_the_plan_is_shown_in_full() {
        let plan = "== plan 0\nInst new (1.1 Debian:12/stable [all])\nInst dep (2.0 Debian:12/stable [all])\n\
                    Inst bar [1.0] (1.1 Debian:12/stable [all])";
        let (asked, changes) =
            run(json!({"name": ["bar=1.1", "new", "heldpkg"], "install_recommends": false}), plan);
        assert_eq!(asked, ["- --no-remove --no-install-recommends install bar=1.1 new"]);
        assert_eq!(changes, Ok(vec!["Install 2 packages: dep 2.0, new 1.1; upgrade bar 1.0 → 1.1".into()]));
    }

    #[test]
    fn what_apt_says_for_people_is_in_the_result() {
        let plan = "== plan 0\nReading package lists...\nInst bar [1.0] (1.1 Debian:12/stable [all])\n\
                    Conf bar (1.1 Debian:12/stable [all])\n1 upgraded, 0 newly installed, 0 to remove and 2 not upgraded.";
        let outcome = answer_with(&APT, &json!({"upgrade": "safe"}), &mut |asked| {
            Ok(match asked.script.name {
                "package_manager" => Output::ok("apt\n"),
                "dpkg_packages" => Output::ok(DPKG),
                "dpkg_state" => Output::ok(""),
                _ => Output::ok(format!("== times 10000 9000\n{plan}\n== end\n")),
            })
        });
        let result = outcome.unwrap().result;
        let lines =
            ["Reading package lists...", "1 upgraded, 0 newly installed, 0 to remove and 2 not upgraded."];
        assert_eq!(result["stdout_lines"], json!(lines));
        assert_eq!(result["stdout"], lines.join("\n"));
    }

    #[test]
    fn a_pattern_stands_for_what_is_installed_or_for_what_apt_knows() {
        let (asked, _) = run(json!({"name": "ba*", "state": "absent"}), "== plan 0\nRemv bar [1.0]");
        assert_eq!(asked, ["- remove bar"]);
        assert!(run(json!({"name": "no*", "state": "absent"}), "").0.is_empty());
        assert_eq!(run(json!({"name": "ba*"}), "== plan 0").0, ["- --no-remove install ba*"]);
        assert!(run(json!({"name": "bar=1.*"}), "").0.is_empty());
        let (asked, _) = run(json!({"name": "bar", "state": "build-dep"}), "== plan 0");
        assert_eq!(asked, ["- --no-remove build-dep bar"]);
    }

    #[test]
    fn removals_name_what_goes_along_and_purging_takes_what_was_left() {
        let (asked, changes) =
            run(json!({"name": "bar", "state": "absent"}), "== plan 0\nRemv dependent [1]\nRemv bar [1.0]");
        assert_eq!(asked, ["- remove bar"]);
        assert_eq!(changes, Ok(vec!["Remove 2 packages: bar, dependent".into()]));
        let (asked, changes) =
            run(json!({"name": "gone", "state": "absent", "purge": true}), "== plan 0\nPurg gone [1.0]");
        assert_eq!(asked, ["- purge gone"]);
        assert_eq!(changes, Ok(vec!["Remove gone".into()]));
    }

    #[test]
    fn an_installation_that_would_remove_something_is_refused_even_with_autoremove() {
        let failure = "== plan 100\nE: Packages need to be removed but remove is disabled.";
        let refusal = Err("it would remove packages, and nothing is removed unasked".to_owned());
        assert_eq!(run(json!({"name": "new"}), failure).1, refusal);
        let (asked, outcome) = run(json!({"name": "new", "autoremove": true}), failure);
        assert_eq!(asked, ["- --auto-remove install new", "- --no-remove install new"]);
        assert_eq!(outcome, refusal);
    }

    #[test]
    fn lists_alone_are_refreshed_when_they_are_older_than_they_may_be() {
        let refreshed = Ok(vec!["Refresh the package lists".to_owned()]);
        assert_eq!(run(json!({"update_cache": true}), "").1, refreshed);
        assert_eq!(run(json!({"update_cache": true, "cache_valid_time": 3600}), "").1, Ok(vec![]));
        assert_eq!(run(json!({"cache_valid_time": 60}), "").1, refreshed);
    }

    #[test]
    fn lists_that_were_refreshed_in_private_for_a_plan_are_refreshed_on_the_host_before_it() {
        let plan = "== refresh private\n== plan 0\nInst new (1.1 Debian:12/stable [all])";
        let (asked, changes) = run(json!({"name": "new", "update_cache": true}), plan);
        assert_eq!(asked, ["60 --no-remove install new"]);
        assert_eq!(changes, Ok(vec!["Refresh the package lists".into(), "Install new 1.1".into()]));
    }

    #[test]
    fn what_apt_would_take_for_something_else_is_refused() {
        for (name, expected) in [
            ("ba?", "only * is supported"),
            ("*", "expected NAME"),
            ("./x.deb", "with 'deb'"),
            ("x.deb", "with 'deb'"),
            ("-y", "expected NAME"),
            ("bar; reboot", "expected NAME"),
            ("bar>=1.0", "a version is given as NAME=VERSION"),
        ] {
            let message = run(json!({"name": [name]}), "").1.unwrap_err();
            assert!(message.contains(expected), "{name}: {message}");
        }
        let unsigned = run(json!({"name": "new", "allow_unauthenticated": true}), "== plan 0");
        assert_eq!(unsigned.0, ["- --no-remove --allow-unauthenticated install new"]);
        let missing = run(json!({"name": "nosuch"}), "== plan 100\nE: Unable to locate package nosuch").1;
        assert_eq!(missing, Err("No package matching 'nosuch' is available".into()));
    }

    #[test]
    fn upgrades_and_clean_ups_stand_alone() {
        let plan = "== plan 0\nInst bar [1.0] (1.1 Debian:12/stable [all])";
        assert_eq!(run(json!({"upgrade": true}), plan).0, ["- --no-remove upgrade --with-new-pkgs"]);
        assert_eq!(run(json!({"upgrade": "dist"}), plan).0, ["- --no-remove dist-upgrade"]);
        assert_eq!(run(json!({"autoremove": true, "purge": true}), "== plan 0").0, ["- --purge autoremove"]);
        let thrown = Ok(vec!["Throw 3 downloaded packages away".to_owned()]);
        assert_eq!(run(json!({"clean": true}), "").1, thrown);
        assert!(run(json!({"upgrade": "yes", "name": "bar"}), plan).1.is_err());
    }
}

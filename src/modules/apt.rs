//! `apt` and `package`: packages that shall be there, gone, or the newest. What exactly is done is known before it is
//! done: versions, what comes along, what goes. `package` is the same function on hosts whose manager is apt.

mod task;
mod wishes;

use super::apt_deb;
use super::dnf;
use super::updates::{only_apt, transaction_result};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::packages::apt::Installed;
use crate::questions::packages::{Manager, WhichManager};
use crate::questions::{Output, Stop};
use task::Task;
use wishes::Wishes;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::modules::harness::answer_with;
    use serde_json::json;

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
    fn a_refresh_that_brings_nothing_new_changes_nothing() {
        let outcome = answer_with(&APT, &json!({"update_cache": true}), &mut |asked| {
            Ok(match asked.script.name {
                "package_manager" => Output::ok("apt\n"),
                "dpkg_packages" => Output::ok(DPKG),
                "dpkg_state" => Output::ok(""),
                _ => Output::ok("== times 10000 9000\n"),
            })
        });
        let outcome = outcome.unwrap();
        let of = |said: &str| {
            let result = (APT.result)(&outcome, &[Output::ok(said)]);
            (result.get("changed").cloned(), result["cache_updated"].clone())
        };
        let hit = "Hit:1 http://deb.example.org bookworm InRelease\n";
        assert_eq!(of(hit), (None, json!(true)));
        let same = format!("{hit}wgops: the lists are as they were\n");
        assert_eq!(of(&same), (Some(json!(false)), json!(false)));
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

//! `pending_updates`: what waits on a host, and what could not be looked at. It changes nothing, and an account without
//! any rights can ask. Applying is `apply_updates`' business.

mod running;

use super::advisory_match::{named, refer_to};
use super::updates::{CACHE_VALID_TIME, REFRESH, counted, fits, freshness, update_value};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Map, Severity, Value};
use crate::questions::Stop;
use crate::questions::boot::{Microcode, RebootNeed};
use crate::questions::packages::apt::{
    DpkgCondition, DpkgState, Installed, InstalledPackages, NewPackages, SourcePackages, Updates,
};
use crate::questions::packages::{Held, Manager, Pending, Refresh, Update, UpdateKind, WhichManager};
use crate::questions::release::WhichRelease;
use crate::questions::services::OutdatedPrograms;
use std::sync::Arc;

/// The module.
pub static MODULE: Module = Module {
    name: "pending_updates",
    aliases: &[],
    summary: "Reports which updates wait, which of them are for security, and what could not be assessed",
    params: &[
        REFRESH,
        CACHE_VALID_TIME,
        Param::optional("security", Kind::Bool, "whether to leave out what is not for security")
            .default("no"),
        Param::optional("exclude", Kind::List, "packages to leave out; * stands for any text"),
        Param::optional("lists_age_max", Kind::Int, "after how many seconds lists count as stale")
            .default("604800"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: See what waits
  pending_updates: {security: true}
  register: pending
- name: Say it
  debug: {msg: "{{ pending.updates_count }} updates, {{ pending.security_count }} for security"}
"#,
        returns: &[
            Returned { name: "package_manager", help: "the host's package manager" },
            Returned {
                name: "updates",
                help: "each update: name, versions, origin, whether it is for security, whether it is held and why",
            },
            Returned { name: "updates_count", help: "how many there are" },
            Returned { name: "security_count", help: "how many are for security" },
            Returned { name: "held_back", help: "updates that are held" },
            Returned { name: "phased", help: "updates that are not for this host yet" },
            Returned { name: "phased_count", help: "how many those are" },
            Returned { name: "needs_subscription", help: "updates that need a subscription" },
            Returned { name: "lists_age", help: "how old the package lists are, in seconds" },
            Returned { name: "lists_as_of", help: "as of when they are" },
            Returned { name: "lists_refreshed", help: "whether they were fetched for this look" },
            Returned { name: "broken_packages", help: "packages that are not whole" },
            Returned { name: "locked_by", help: "what holds the package manager's locks" },
            Returned { name: "reboot_required", help: "whether the host asks for a restart" },
            Returned { name: "reboot_reasons", help: "what asks for it" },
            Returned { name: "reboot_advised", help: "whether a replaced library is in use everywhere" },
            Returned { name: "microcode", help: "the processor's microcode, loaded and there" },
            Returned { name: "services", help: "services that run on replaced files" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let updates = Updates { freshness: freshness(args), new_packages: NewPackages::Allowed };
    // Each on its own: what one can't tell must not hide what the others can.
    let manager = host.get(WhichManager);
    let updates = host.get(updates);
    let installed = host.get(Installed);
    let dpkg = host.get(DpkgState);
    let reboot = host.get(RebootNeed);
    let programs = host.get(OutdatedPrograms);
    let microcode = host.get(Microcode);

    let mut audit = Audit::default();
    match audit.known("package-manager", manager)?.as_deref() {
        Some(Manager::Apt) => {
            let pending = audit.known("updates", updates)?;
            let installed = audit.known("packages", installed)?;
            let dpkg = audit.known("package-database", dpkg)?;
            audit.package_manager("apt");
            if let Some(pending) = pending.as_deref().and_then(Option::as_ref) {
                audit.pending(pending, args);
                audit.refer(host)?;
            }
            audit.broken(installed.as_deref(), dpkg.as_deref());
        }
        Some(other) => audit.unknown_manager(*other),
        None => {}
    }
    let reboot = audit.known("reboot", reboot)?;
    let programs = audit.known("services", programs)?;
    audit.reboot(reboot.as_deref(), programs.as_deref());
    let microcode = audit.known("reboot-needed/microcode", microcode)?;
    audit.microcode(microcode.as_deref());
    audit.services(programs.as_deref());
    Ok(Outcome {
        result: audit.result,
        findings: audit.findings,
        warnings: audit.warnings,
        ..Outcome::default()
    })
}

/// What has been seen so far.
#[derive(Default)]
struct Audit {
    result: Map,
    findings: Vec<Finding>,
    warnings: Vec<String>,
}

impl Audit {
    /// An answer, or a finding that there is none.
    fn known<T>(&mut self, what: &str, answer: Result<Arc<T>, Stop>) -> Result<Option<Arc<T>>, Stop> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Stop::Refuse(refusal)) => {
                self.not_assessed(
                    what,
                    &format!("could not look at {what}"),
                    &refusal.message,
                    "see the evidence",
                );
                Ok(None)
            }
            Err(stop) => Err(stop),
        }
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.result.insert(key.into(), value.into());
    }

    fn find(&mut self, id: String, kind: FindingKind, severity: Severity, texts: [&str; 3]) {
        let [title, evidence, remedy] = texts.map(str::to_owned);
        self.findings.push(Finding {
            id,
            ..Finding::new(kind, "", severity, title).seen(evidence).remedied_by(remedy)
        });
    }

    fn not_assessed(&mut self, what: &str, title: &str, evidence: &str, remedy: &str) {
        let id = format!("not-assessed/{what}");
        self.find(id, FindingKind::NotAssessed, Severity::Medium, [title, evidence, remedy]);
    }

    fn package_manager(&mut self, name: &str) {
        self.set("package_manager", name);
    }

    fn unknown_manager(&mut self, manager: Manager) {
        self.package_manager(&manager.to_string());
        self.not_assessed(
            "updates",
            "pending updates are unknown: no package manager that wgops knows",
            &format!("package manager: {manager}"),
            "look at the host's updates by hand",
        );
    }

    fn pending(&mut self, pending: &Pending, args: &Args) {
        let exclude = args.list("exclude");
        let wanted: Vec<&Update> = pending
            .updates
            .iter()
            .filter(|u| !exclude.iter().any(|pattern| fits(pattern, &u.name)))
            .filter(|u| u.security || !args.flag("security"))
            .collect();
        // Neither is for this host yet: counted apart, so that they pass for no work that is left undone.
        let later = |u: &&&Update| matches!(u.held, Some(Held::Phased | Held::Subscription(_)));
        let upgrades = || wanted.iter().filter(|u| u.kind == UpdateKind::Upgrade && !later(u));
        let names = |is: fn(&Held) -> bool| -> Vec<Value> {
            let all = wanted.iter().filter(|u| u.held.as_ref().is_some_and(is));
            all.map(|u| u.name.as_str().into()).collect()
        };
        let held: Vec<Value> = wanted.iter().filter(|u| u.held.is_some()).map(|u| update_value(u)).collect();
        let phased = names(|held| *held == Held::Phased);
        let waiting = wanted.iter().filter(|u| !later(u));
        self.set("updates", waiting.map(|u| update_value(u)).collect::<Vec<_>>());
        self.set("updates_count", upgrades().count());
        self.set("security_count", upgrades().filter(|u| u.security).count());
        self.set("held_back", held);
        self.set("phased_count", phased.len());
        self.set("phased", phased);
        self.set("needs_subscription", names(|held| matches!(held, Held::Subscription(_))));
        for update in wanted.iter().filter(later) {
            self.later(update);
        }
        for update in upgrades() {
            self.update(update);
        }
        self.lists(pending, args);
        if let Some(failure) = &pending.failure {
            self.not_assessed(
                "updates",
                "apt can't say what is pending",
                failure,
                "repair the host's packages: apt-get --fix-broken install",
            );
        }
    }

    fn update(&mut self, update: &Update) {
        let name = &update.name;
        let versions = format!("{} → {}", update.from.as_deref().unwrap_or("none"), update.to);
        let held = update.held.as_ref().map(|cause| format!(", kept back: {cause}")).unwrap_or_default();
        let evidence = format!("{versions} from {}{held}", update.origin);
        let remedy = remedy(update);
        let (kind, severity, title) = match (update.security, &update.held) {
            (true, _) => (FindingKind::SecurityUpdate, Severity::High, format!("security update of {name}")),
            (false, Some(_)) => (FindingKind::HeldBack, Severity::Low, format!("{name} is kept back")),
            (false, None) => (FindingKind::Update, Severity::Low, format!("update of {name}")),
        };
        self.find(format!("{kind}/{name}"), kind, severity, [&title, &evidence, &remedy]);
        if let Some(finding) = self.findings.last_mut() {
            finding.installed.clone_from(&update.from);
            finding.available = Some(update.to.clone());
        }
    }

    /// Says which vulnerabilities security updates put right, where there are advisories.
    fn refer(&mut self, host: &Host<'_>) -> Result<(), Stop> {
        let Some(advisories) = host.controller.advisories() else { return Ok(()) };
        let (release, packages) = (host.get(WhichRelease), host.get(SourcePackages));
        let (release, packages) = match (release, packages) {
            (Ok(release), Ok(packages)) => (release, packages),
            (Err(Stop::Ask), _) | (_, Err(Stop::Ask)) => return Err(Stop::Ask),
            // `vulnerabilities` tells what could not be looked at.
            _ => return Ok(()),
        };
        let packages = packages.as_deref().unwrap_or_default();
        for finding in self.findings.iter_mut().filter(|f| f.kind == FindingKind::SecurityUpdate) {
            refer_to(finding, advisories, named(&release), packages);
        }
        Ok(())
    }

    /// An update that is not for this host, or not yet: no work is left undone, but it is good to know.
    fn later(&mut self, update: &Update) {
        let (severity, title) = match &update.held {
            Some(Held::Subscription(service)) => (
                Severity::Medium,
                format!("a security update of {} needs Ubuntu Pro ({service})", update.name),
            ),
            _ => (Severity::Info, format!("{} is rolled out in phases, not yet to this host", update.name)),
        };
        let to = if update.to.is_empty() { "a version that nobody names" } else { &update.to };
        let evidence = format!("{} → {to} from {}", update.from.as_deref().unwrap_or("none"), update.origin);
        let id = format!("{}/{}", FindingKind::HeldBack, update.name);
        self.find(id, FindingKind::HeldBack, severity, [&title, &evidence, &remedy(update)]);
    }

    fn lists(&mut self, pending: &Pending, args: &Args) {
        let lists = &pending.lists;
        let age = lists.now.saturating_sub(lists.as_of()).max(0);
        let as_of = jiff::Timestamp::from_second(lists.as_of()).map(|t| t.to_string()).unwrap_or_default();
        self.set("lists_age", age);
        self.set("lists_as_of", as_of.clone());
        self.set("lists_refreshed", lists.refresh == Refresh::Private);
        if lists.sources == 0 {
            self.not_assessed(
                "updates",
                "no package lists: what is pending is unknown",
                "apt has no list of available packages",
                "refresh them: apt-get update",
            );
        } else if !lists.has_security {
            self.not_assessed(
                "security-source",
                "no source for security updates is configured",
                &format!("{}, none of them for security", counted(lists.sources, "source")),
                "add the distribution's security archive to /etc/apt/sources.list",
            );
        }
        if let Refresh::Failed(why) = &lists.refresh {
            self.warnings.push(format!("package lists could not be refreshed; as of {as_of}"));
            let title =
                format!("package lists could not be refreshed; what is said of updates is as of {as_of}");
            self.not_assessed("refresh", &title, why, "see whether the host reaches its package sources");
        }
        if age > args.int("lists_age_max").unwrap_or(i64::MAX) {
            let title =
                format!("package lists are {} old", counted((age / 86_400).unsigned_abs() as usize, "day"));
            let evidence = format!("last refreshed {as_of}");
            let texts = [title.as_str(), &evidence, "let apt refresh its lists daily"];
            self.find("stale-lists".into(), FindingKind::StaleLists, Severity::Medium, texts);
        }
    }

    fn broken(&mut self, installed: Option<&InstalledPackages>, dpkg: Option<&DpkgCondition>) {
        let broken: Vec<String> =
            installed.into_iter().flat_map(InstalledPackages::broken).map(|p| p.name.clone()).collect();
        for name in &broken {
            let title = format!("{name} is half installed or not configured");
            let texts = [
                title.as_str(),
                "dpkg's state of the package is neither installed nor removed",
                "dpkg --configure -a",
            ];
            self.find(format!("broken-packages/{name}"), FindingKind::BrokenPackages, Severity::High, texts);
        }
        self.set("broken_packages", broken);
        let Some(dpkg) = dpkg else { return };
        if dpkg.interrupted {
            let texts =
                ["dpkg was interrupted", "journal files in /var/lib/dpkg/updates", "dpkg --configure -a"];
            self.find("broken-packages".into(), FindingKind::BrokenPackages, Severity::High, texts);
        }
        self.set("locked_by", dpkg.lock_holders.clone());
        if !dpkg.lock_holders.is_empty() {
            self.not_assessed(
                "package-database",
                "somebody is changing packages right now: what is said of them may be out of date already",
                &dpkg.lock_holders.join("; "),
                "look again later",
            );
        }
    }
}

fn remedy(update: &Update) -> String {
    match &update.held {
        None => "apply it: wgops patch".into(),
        Some(Held::Hold) => format!("apt-mark unhold {}, or leave it with a reason", update.name),
        Some(Held::Phased) => "wait, its rollout goes on by itself".into(),
        Some(Held::Subscription(service)) => format!("pro enable {service}, or leave it with a reason"),
        Some(Held::Pin) => "look at /etc/apt/preferences and preferences.d".into(),
        Some(Held::NeedsNew | Held::WouldRemove(_) | Held::Dependencies(_)) => {
            format!("see what apt says: apt-get -s install {}", update.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::{Asked, Output, Raw};
    use serde_json::json;

    const UPDATES: &str = include_str!("../questions/packages/apt/captured_debian_12_updates.txt");

    /// A host on which all is well, but for what `special` answers.
    fn audit(args: Value, special: &dyn Fn(&Asked) -> Option<Raw>) -> Outcome {
        let answered = answer_with(&MODULE, &args, &mut |asked| {
            special(asked).unwrap_or_else(|| {
                Ok(match asked.script.name {
                    "package_manager" => Output::ok("apt\n"),
                    "apt_updates" => Output::ok(UPDATES),
                    "dpkg_packages" => Output::ok("ii |dpkg|amd64|1.21\n"),
                    "dpkg_state" => Output::ok(""),
                    "reboot_needed" => Output::ok("running 6.1\nbuild x\ncontainer\n"),
                    "outdated_programs" => Output::ok("seen all\n"),
                    "microcode" => Output::ok("guest\n"),
                    other => panic!("asked {other}"),
                })
            })
        });
        answered.unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    fn ids(outcome: &Outcome) -> Vec<&str> {
        outcome.findings.iter().map(|f| f.id.as_str()).collect()
    }

    #[test]
    fn findings_have_ids_that_stay_and_a_held_security_update_is_one() {
        let outcome = audit(json!({}), &|_| None);
        assert!(outcome.changes.is_empty());
        assert_eq!(
            ids(&outcome),
            [
                "update/bar",
                "update/confpkg",
                "update/keptback",
                "security-update/libfoo",
                "update/svcd",
                "security-update/heldpkg",
            ]
        );
        let held = &outcome.findings[5];
        assert_eq!(held.evidence, "1.0 → 1.1 from Debian bookworm-security, kept back: on hold");
        assert_eq!(
            (&outcome.result["updates_count"], &outcome.result["security_count"]),
            (&json!(6), &json!(2))
        );
        assert_eq!(outcome.result["held_back"][0]["name"], "heldpkg");
    }

    #[test]
    fn security_alone_and_exclusions_leave_the_rest_out() {
        let outcome = audit(json!({"security": true, "exclude": "held*"}), &|_| None);
        assert_eq!(ids(&outcome), ["security-update/libfoo"]);
    }

    #[test]
    fn what_could_not_be_looked_at_is_a_finding_each_and_the_rest_is_told() {
        let outcome = audit(json!({}), &|asked| match asked.script.name {
            "apt_updates" => Some(Err("no answer within 240 s".into())),
            "outdated_programs" => Some(Ok(Output::ok("seen own\n"))),
            "reboot_needed" => Some(Ok(Output::ok("running 6.1\nbuild x\nunknown\n"))),
            "dpkg_state" => Some(Ok(Output::ok("locked apt-get (pid 7) holds /var/lib/dpkg/lock\n"))),
            _ => None,
        });
        assert_eq!(
            ids(&outcome),
            [
                "not-assessed/updates",
                "not-assessed/package-database",
                "not-assessed/kernel",
                "not-assessed/services",
            ]
        );
        assert!(outcome.findings[0].evidence.contains("240 s"));
    }

    #[test]
    fn no_lists_no_security_source_or_an_unknown_manager_never_read_as_clean() {
        let with = |name: &'static str, text: &'static str| {
            audit(json!({}), &move |asked| (asked.script.name == name).then(|| Ok(Output::ok(text))))
        };
        let none = with("apt_updates", "== times 100 90\n== upgrade 0\n== sources 0\n== end\n");
        assert_eq!(ids(&none), ["not-assessed/updates"]);
        let plain = with(
            "apt_updates",
            "== times 100 90\n== upgrade 0\n== sources 0\n 500 http://m/d stable/main amd64 Packages\n     \
             release o=Debian,n=stable,l=Debian\n== end\n",
        );
        assert_eq!(ids(&plain), ["not-assessed/security-source"]);
        let dnf = with("package_manager", "dnf\n");
        assert_eq!(
            (ids(&dnf), &dnf.result["package_manager"]),
            (vec!["not-assessed/updates"], &json!("dnf"))
        );
    }

    #[test]
    fn old_lists_broken_packages_and_replaced_files_are_findings() {
        let outcome = audit(json!({"lists_age_max": 3600}), &|asked| match asked.script.name {
            "apt_updates" => Some(Ok(Output::ok(
                "== times 1795311386 1795000000\n== upgrade 0\n== sources 0\n 500 http://m/d s-security/main amd64 \
                 Packages\n     release o=Debian,n=s-security,l=Debian-Security\n== end\n",
            ))),
            "dpkg_packages" => Some(Ok(Output::ok("iF |failpost|all|1.1\n"))),
            "outdated_programs" => Some(Ok(Output::ok(
                "seen all\nprocess 3 svcd|/system.slice/svcd.service\nfile /usr/lib/libfoo.so.1\n",
            ))),
            "reboot_needed" => {
                Some(Ok(Output::ok("flag /run/reboot-required\nrunning 6.1\nbuild x\ncontainer\n")))
            }
            _ => None,
        });
        assert_eq!(
            ids(&outcome),
            ["stale-lists", "broken-packages/failpost", "reboot-needed", "service-restart/svcd"]
        );
        assert_eq!(outcome.findings[0].title, "package lists are 3 days old");
        assert_eq!(outcome.result["lists_as_of"], "2026-11-18T11:06:40Z");
    }

    #[test]
    fn a_reboot_is_told_once_whatever_speaks_for_it_and_microcode_is_not_guessed() {
        let programs: String = (0..9)
            .map(|n| format!("process {n} p{n}|/system.slice/s{n}.service\nfile /usr/lib/libc.so.6\n"))
            .collect();
        let with = |flag: &'static str, count: usize, microcode: &'static str| {
            let programs: String = programs.lines().take(2 * count).map(|line| format!("{line}\n")).collect();
            let outcome = audit(json!({"exclude": "*"}), &move |asked| match asked.script.name {
                "outdated_programs" => Some(Ok(Output::ok(format!("seen all\n{programs}")))),
                "reboot_needed" => Some(Ok(Output::ok(format!("{flag}running 6.1\nbuild x\ncontainer\n")))),
                "microcode" => Some(Ok(Output::ok(microcode))),
                _ => None,
            });
            let told = outcome.findings.iter().filter(|f| !f.id.starts_with("service-restart/"));
            let told: Vec<String> = told.map(|f| format!("{} {}", f.severity, f.id)).collect();
            (told, outcome.result["reboot_required"].clone(), outcome.result["reboot_advised"].clone())
        };
        let told = |id: &str| vec![id.to_owned()];
        assert_eq!(with("", 7, "guest\n"), (vec![], json!(false), json!(false)));
        assert_eq!(with("", 9, "guest\n"), (told("low reboot-needed"), json!(false), json!(true)));
        let flag = "flag /run/reboot-required\n";
        assert_eq!(with(flag, 9, "guest\n"), (told("medium reboot-needed"), json!(true), json!(true)));
        let microcode = "running 0xf0\nnewer intel-microcode\n";
        let blind = told("low not-assessed/reboot-needed/microcode");
        assert_eq!(with("", 0, microcode), (blind, json!(false), json!(false)));
        assert_eq!(with("", 0, "running 0xf0\nolder intel-microcode\n").0, [""; 0]);
    }

    #[test]
    fn what_can_not_just_be_restarted_has_another_remedy() {
        let outcome = audit(json!({"exclude": "*"}), &|asked| match asked.script.name {
            "outdated_programs" => Some(Ok(Output::ok(
                "seen all\nprocess 1 systemd|/init.scope\nfile /usr/lib/a.so\nprocess 2 dbus-daemon|/system.slice/dbus.service\n\
                 file /usr/lib/a.so\nprocess 3 svcd|/system.slice/svcd.service\nfile /usr/lib/a.so\n",
            ))),
            _ => None,
        });
        let remedies: Vec<&str> = outcome.findings.iter().map(|f| f.remedy.as_str()).collect();
        assert_eq!(remedies, ["reboot", "systemctl restart svcd", "systemctl daemon-reexec"]);
    }
}

//! `service` and `systemd`: whether a service runs, and whether it starts at boot. Restarts and reloads happen each time
//! they are asked for; everything else is a state. Both modules are the same function; `systemd` takes no other manager.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::services::{
    ReloadNeed, Scope, Service, ServiceManager, ServiceState, UnitFiles, plain_name,
};

/// The module for any service manager.
pub static SERVICE: Module = Module {
    name: "service",
    aliases: &["sysvinit"],
    summary: "Starts, stops, restarts and enables services",
    params: &[
        Param::optional(
            "name",
            Kind::Text,
            "the service; without it only systemd itself can be told something",
        )
        .or(&["service"]),
        STATE,
        ENABLED,
        MASKED,
        DAEMON_RELOAD,
        Param::optional("use", Kind::Text, "taken and not needed: the manager is found out"),
        Param::optional("sleep", Kind::Int, "seconds between stop and start of a restart, for init scripts"),
        Param::optional("arguments", Kind::Text, "arguments of an init script").or(&["args"]),
        Param::optional("runlevel", Kind::Text, "taken and not needed: the usual ones"),
        Param::optional("pattern", Kind::Text, "taken and not needed: the service's own state counts"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: nginx runs, now and after each boot
  service: {name: nginx, state: started, enabled: true}
",
        returns: &[
            Returned { name: "name", help: "the service" },
            Returned { name: "state", help: "`started` or `stopped`" },
            Returned { name: "enabled", help: "with `enabled`: whether it starts at boot" },
            Returned { name: "status", help: "what was known of the service before" },
        ],
    },
    effect: Effect::OnHost,
    diff: |args, host| diff(args, host, Managers::Any),
    result: plain_result,
};

/// The module for systemd's units.
pub static SYSTEMD: Module = Module {
    name: "systemd",
    aliases: &["systemd_service"],
    summary: "Starts, stops, restarts, enables and masks systemd's units",
    params: &[
        Param::optional("name", Kind::Text, "the unit; without it only systemd itself can be told something")
            .or(&["service", "unit"]),
        STATE,
        ENABLED,
        MASKED,
        DAEMON_RELOAD,
        Param::optional("daemon_reexec", Kind::Bool, "whether systemd runs itself anew")
            .or(&["daemon-reexec"]),
        Param::optional("no_block", Kind::Bool, "whether not to wait until it is done"),
        Param::optional("scope", Kind::Choice(&["system", "user", "global"]), "whose units")
            .default("system"),
        Param::optional("force", Kind::Bool, "whether links that are in the way are overwritten"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Start the timer
  systemd:
    name: backup.timer
    state: started
    enabled: true
    daemon_reload: true
- name: Nobody starts this by accident
  systemd: {name: rpcbind.socket, masked: true, state: stopped}
",
        returns: &[
            Returned { name: "name", help: "the service" },
            Returned { name: "state", help: "`started` or `stopped`" },
            Returned { name: "enabled", help: "with `enabled`: whether it starts at boot" },
            Returned { name: "status", help: "what was known of the service before" },
        ],
    },
    effect: Effect::OnHost,
    diff: |args, host| diff(args, host, Managers::Systemd),
    result: plain_result,
};

const STATE: Param = Param::optional(
    "state",
    Kind::Choice(&["started", "stopped", "restarted", "reloaded"]),
    "what it should do",
);
const ENABLED: Param = Param::optional("enabled", Kind::Bool, "whether it starts at boot");
const MASKED: Param = Param::optional("masked", Kind::Bool, "whether it can't be started at all");
const DAEMON_RELOAD: Param =
    Param::optional("daemon_reload", Kind::Bool, "whether systemd reads unit files again that changed")
        .or(&["daemon-reload"]);

const SYSTEMD_CHANGE: Script = Script { name: "systemd_change", text: include_str!("service/systemd.sh") };
const INIT_CHANGE: Script = Script { name: "init_change", text: include_str!("service/init.sh") };

/// The scripts that change services.
pub(super) const SCRIPTS: &[Script] = &[INIT_CHANGE, SYSTEMD_CHANGE];

/// Which service managers a module takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Managers {
    Any,
    Systemd,
}

fn diff(args: &Args, host: &Host<'_>, managers: Managers) -> Result<Outcome, Stop> {
    let wants_reload = args.flag("daemon_reload") && scope(args) == Scope::System;
    let unit_files = wants_reload.then(|| host.get(ReloadNeed));
    let name = args.text("name");
    let state =
        name.map(|name| checked(name).and_then(|name| host.get(Service { name, scope: scope(args) })));
    let mut outcome = Outcome::default();
    if let Some(unit_files) = unit_files {
        outcome.changes.extend(reload(&*unit_files?)?);
    }
    if args.flag("daemon_reexec") {
        outcome.changes.push(Change::event(
            "Let systemd run itself anew",
            SYSTEMD_CHANGE,
            ["daemon-reexec", "", "", "", scope(args).word()],
            [Subject::Service("*".into())],
        ));
    }
    if args.flag("daemon_reload") && scope(args) == Scope::User {
        let stale = match &state {
            Some(state) => {
                state.clone()?.properties.contains(&("NeedDaemonReload".to_owned(), "yes".to_owned()))
            }
            None => true,
        };
        let args = ["daemon-reload", "", "", "", "user"];
        let summary = "Let the user's systemd read its unit files again";
        let change = Change::event(summary, SYSTEMD_CHANGE, args, [Subject::Service("*".into())]);
        outcome.changes.extend(stale.then_some(change));
    }
    // What systemd reads is no change of the host, as Ansible counts.
    let readings = outcome.changes.len();
    if readings > 0 {
        outcome.result.insert("changed".into(), false.into());
    }
    let Some((name, state)) = name.zip(state) else {
        let needs_unit = ["state", "enabled", "masked"].into_iter().find(|p| args.value(p).is_some());
        return match needs_unit {
            None if outcome.changes.is_empty()
                && !args.flag("daemon_reload")
                && managers == Managers::Any =>
            {
                Err(Stop::refuse("the parameter 'name' is missing"))
            }
            Some(param) => Err(Stop::refuse(format!("'{param}' needs the parameter 'name'"))),
            None => Ok(outcome),
        };
    };
    let state = state?;
    result(&mut outcome.result, name, &state, args);
    Task { name, state: &state, args, managers }.changes(&mut outcome)?;
    if outcome.changes.len() > readings {
        outcome.result.shift_remove("changed");
    }
    Ok(outcome)
}

/// Whose units are meant.
fn scope(args: &Args) -> Scope {
    match args.text("scope") {
        Some("user") => Scope::User,
        Some("global") => Scope::Global,
        _ => Scope::System,
    }
}

/// A name that neither systemctl nor a path takes for something else.
fn checked(name: &str) -> Result<String, Stop> {
    let harmless = |c: char| !c.is_whitespace() && !c.is_control() && !"*?[]/".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(harmless) {
        return Err(Stop::refuse(format!(
            "'{name}' is no service's name: expected one name without patterns"
        )));
    }
    Ok(name.to_owned())
}

fn reload(unit_files: &UnitFiles) -> Result<Option<Change>, Stop> {
    let touches = [Subject::Service("*".into())];
    let change = |summary: String| {
        Change::state(summary, SYSTEMD_CHANGE, ["daemon-reload", "", "", ""], touches.clone())
    };
    match unit_files {
        UnitFiles::Current => Ok(None),
        UnitFiles::Changed(place) => {
            Ok(Some(change(format!("Let systemd read its unit files again: {place} changed"))))
        }
        UnitFiles::Unknown => {
            let change = change("Let systemd read its unit files again".into());
            Ok(Some(Change { nature: Nature::Event, ..change }))
        }
        UnitFiles::NoSystemd => {
            Err(Stop::refuse("'daemon_reload' needs systemd, which doesn't run on this host"))
        }
    }
}

fn result(result: &mut Map, name: &str, state: &ServiceState, args: &Args) {
    result.insert("name".into(), name.into());
    if let Some(wanted) = args.text("state") {
        let stays = if matches!(wanted, "restarted" | "reloaded") { "started" } else { wanted };
        result.insert("state".into(), stays.into());
    }
    if let Some(enabled) = args.maybe_flag("enabled") {
        result.insert("enabled".into(), enabled.into());
    }
    let status: Map = state.properties.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    result.insert("status".into(), status.into());
}

/// One service, and what is wanted of it.
struct Task<'a> {
    name: &'a str,
    state: &'a ServiceState,
    args: &'a Args,
    managers: Managers,
}

impl Task<'_> {
    fn changes(&self, outcome: &mut Outcome) -> Result<(), Stop> {
        let (name, state) = (self.name, self.state);
        match (state.manager, self.managers) {
            (ServiceManager::None, _) => {
                return Err(Stop::refuse("no service manager that wgops knows runs on this host"));
            }
            (ServiceManager::InitScripts, Managers::Systemd) => {
                return Err(Stop::refuse("systemd doesn't run on this host; the module 'service' may do"));
            }
            _ => {}
        }
        if !state.found {
            return Err(Stop::refuse(format!("Could not find the requested service {name}: host")));
        }
        let masked = self.args.maybe_flag("masked");
        let stays_masked = masked.unwrap_or(state.masked);
        match masked {
            Some(true) if !state.masked => outcome.changes.push(self.change(Verb::Mask)),
            Some(false) if state.masked => outcome.changes.push(self.change(Verb::Unmask)),
            _ => {}
        }
        self.enable(outcome, stays_masked)?;
        self.run(outcome, stays_masked)
    }

    fn enable(&self, outcome: &mut Outcome, masked: bool) -> Result<(), Stop> {
        match (self.args.maybe_flag("enabled"), self.state.enabled) {
            (Some(true), _) if masked => {
                Err(Stop::refuse(format!("{} is masked: it can't be enabled", self.name)))
            }
            (Some(true), Some(false)) => {
                let change = self.change(Verb::Enable);
                // Of a unit that only a generator links, systemd may know nowhere else to put a link.
                let is_linked = self.state.properties.iter().any(|(_, value)| value == "enabled-runtime");
                let nature = if is_linked { Nature::Event } else { change.nature };
                outcome.changes.push(Change { nature, ..change });
                Ok(())
            }
            (Some(false), Some(true)) => {
                outcome.changes.push(self.change(Verb::Disable));
                Ok(())
            }
            (Some(false), None) => {
                outcome.warnings.push(format!("{} has no setting for boot: others start it", self.name));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn run(&self, outcome: &mut Outcome, masked: bool) -> Result<(), Stop> {
        let runs = matches!(self.state.active.as_str(), "active" | "reloading" | "refreshing");
        let stands = matches!(self.state.active.as_str(), "inactive" | "failed");
        let verb = match self.args.text("state") {
            None => return Ok(()),
            Some("stopped") if stands => return Ok(()),
            Some("stopped") => Verb::Stop,
            Some("started") if runs => return Ok(()),
            Some("restarted") if runs => Verb::Restart,
            Some("reloaded") if runs => Verb::Reload,
            // What does not run is started, however it was asked for.
            Some(_) => Verb::Start,
        };
        if masked && verb != Verb::Stop {
            return Err(Stop::refuse(format!("{} is masked: it can't be started", self.name)));
        }
        let mut change = self.change(verb);
        let asked_once = matches!(self.args.text("state"), Some("restarted" | "reloaded"));
        // A unit that ends by itself, that nobody waits for, or that systemd finds no reason to start, need not be found
        // active afterwards.
        let starting = verb == Verb::Start;
        let held_back = starting && self.state.held_back;
        if held_back {
            let message =
                format!("systemd last left {} alone: a condition of the unit is not met", self.name);
            outcome.warnings.push(message);
        }
        if asked_once || self.args.flag("no_block") || held_back || (starting && self.state.oneshot) {
            change.nature = Nature::Event;
        }
        outcome.changes.push(change);
        Ok(())
    }

    fn change(&self, verb: Verb) -> Change {
        let subject = [Subject::Service(plain_name(self.name).to_owned())];
        let summary = format!("{} {}", verb.title(), self.name);
        if self.state.manager == ServiceManager::InitScripts {
            let arguments = self.args.text("arguments").unwrap_or_default();
            let pause =
                self.args.int("sleep").filter(|_| verb == Verb::Restart).map(|n| n.max(0).to_string());
            let words = [verb.word(), self.name, arguments, pause.as_deref().unwrap_or_default()];
            return Change::state(summary, INIT_CHANGE, words, subject);
        }
        let expected = match verb {
            Verb::Start | Verb::Stop => self.state.active.as_str(),
            _ => "",
        };
        let option = match verb {
            Verb::Start | Verb::Stop | Verb::Restart | Verb::Reload if self.args.flag("no_block") => {
                "--no-block"
            }
            Verb::Enable | Verb::Mask if self.args.flag("force") => "--force",
            _ => "",
        };
        let words = [verb.word(), self.name, expected, option, scope(self.args).word()];
        Change::state(summary, SYSTEMD_CHANGE, words, subject)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Stop,
    Restart,
    Reload,
    Enable,
    Disable,
    Mask,
    Unmask,
}

impl Verb {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Reload => "reload",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Mask => "mask",
            Self::Unmask => "unmask",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Stop => "Stop",
            Self::Restart => "Restart",
            Self::Reload => "Reload",
            Self::Enable => "Enable",
            Self::Disable => "Disable",
            Self::Mask => "Mask",
            Self::Unmask => "Unmask",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn summaries(
        module: &Module,
        args: Value,
        service: &str,
        unit_files: &str,
    ) -> Result<Vec<String>, String> {
        let outcome = answer_with(module, &args, &mut |asked| match asked.script.name {
            "service" => Ok(Output::ok(service)),
            "systemd_reload_need" => Ok(Output::ok(unit_files)),
            other => panic!("asked {other}"),
        });
        match outcome {
            Ok(outcome) => Ok(outcome
                .changes
                .iter()
                .map(|c| format!("{}{}", c.summary, if c.nature == Nature::Event { " (once)" } else { "" }))
                .collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    fn unit(active: &str, file: &str) -> String {
        let load = if file == "masked" { "masked" } else { "loaded" };
        format!(
            "manager systemd\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\nType=simple\n"
        )
    }

    #[test]
    fn each_state_leads_to_the_changes_that_are_missing_and_no_others() {
        for (args, active, file, expected) in [
            (json!({"state": "started"}), "active", "enabled", vec![]),
            (json!({"state": "started"}), "inactive", "enabled", vec!["Start x"]),
            (json!({"state": "started"}), "failed", "enabled", vec!["Start x"]),
            (json!({"state": "started"}), "activating", "enabled", vec!["Start x"]),
            (json!({"state": "stopped"}), "failed", "enabled", vec![]),
            (json!({"state": "stopped", "enabled": false}), "active", "enabled", vec!["Disable x", "Stop x"]),
            (
                json!({"state": "started", "enabled": true}),
                "inactive",
                "disabled",
                vec!["Enable x", "Start x"],
            ),
            (json!({"state": "restarted"}), "active", "enabled", vec!["Restart x (once)"]),
            (json!({"state": "restarted"}), "inactive", "enabled", vec!["Start x (once)"]),
            (json!({"state": "reloaded"}), "active", "enabled", vec!["Reload x (once)"]),
            (json!({"enabled": true}), "active", "static", vec![]),
            // A generator's links in /run are not there after the next boot.
            (json!({"enabled": true}), "active", "enabled-runtime", vec!["Enable x (once)"]),
            (json!({"enabled": false}), "active", "enabled-runtime", vec![]),
            (json!({"enabled": false}), "active", "static", vec![]),
            (json!({"masked": true, "state": "stopped"}), "active", "enabled", vec!["Mask x", "Stop x"]),
            (
                json!({"masked": false, "enabled": true, "state": "started"}),
                "inactive",
                "masked",
                vec!["Unmask x", "Enable x", "Start x"],
            ),
            (json!({"masked": true}), "inactive", "masked", vec![]),
        ] {
            let mut args = args;
            args["name"] = "x".into();
            let got = summaries(&SYSTEMD, args.clone(), &unit(active, file), "");
            assert_eq!(got, Ok(expected.into_iter().map(str::to_owned).collect()), "{args} {active} {file}");
        }
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_its_reason() {
        let refused = |args: Value, service: &str| summaries(&SYSTEMD, args, service, "current").unwrap_err();
        let started = json!({"name": "x", "state": "started"});
        assert_eq!(
            refused(started.clone(), "manager systemd\nLoadState=not-found\nActiveState=inactive\n"),
            "Could not find the requested service x: host"
        );
        assert_eq!(refused(started.clone(), &unit("inactive", "masked")), "x is masked: it can't be started");
        assert_eq!(
            refused(started, "manager none\n"),
            "no service manager that wgops knows runs on this host"
        );
        assert_eq!(refused(json!({"state": "started"}), ""), "'state' needs the parameter 'name'");
        assert!(refused(json!({"name": "../x", "state": "started"}), "").contains("no service's name"));
        assert!(refused(json!({"name": "x*", "state": "started"}), "").contains("no service's name"));
    }

    #[test]
    fn unit_files_are_read_again_only_when_they_changed() {
        let reload = |unit_files: &str| summaries(&SYSTEMD, json!({"daemon_reload": true}), "", unit_files);
        assert_eq!(reload("current"), Ok(vec![]));
        assert_eq!(
            reload("changed /etc/systemd/system"),
            Ok(vec!["Let systemd read its unit files again: /etc/systemd/system changed".into()])
        );
        assert_eq!(reload("unknown"), Ok(vec!["Let systemd read its unit files again (once)".into()]));
        assert!(reload("none").is_err());
    }

    #[test]
    fn what_systemd_reads_is_no_change_but_what_else_is_done_is_one() {
        let counts = |args: Value| {
            let outcome = answer_with(&SYSTEMD, &args, &mut |asked| match asked.script.name {
                "service" => Ok(Output::ok(unit("inactive", "enabled"))),
                _ => Ok(Output::ok("changed /etc/systemd/system")),
            });
            outcome.ok().and_then(|outcome| outcome.result.get("changed").cloned())
        };
        for args in [json!({"daemon_reload": true}), json!({"daemon_reexec": true})] {
            assert_eq!(counts(args), Some(json!(false)));
        }
        assert_eq!(
            counts(json!({"daemon_reload": true, "name": "x", "state": "stopped"})),
            Some(json!(false))
        );
        assert_eq!(counts(json!({"daemon_reload": true, "name": "x", "state": "started"})), None);
    }

    #[test]
    fn a_unit_that_ends_by_itself_need_not_stay_active() {
        let held_back = unit("inactive", "enabled")
            + "ConditionResult=no\nConditionTimestamp=Sun 2026-11-29 03:34:17 CET\n";
        let got = summaries(&SYSTEMD, json!({"name": "x", "state": "started"}), &held_back, "");
        assert_eq!(got, Ok(vec!["Start x (once)".into()]));
        let oneshot = unit("inactive", "static") + "Type=oneshot\nRemainAfterExit=no\n";
        let oneshot = oneshot.replace("Type=simple\n", "");
        let got = summaries(&SYSTEMD, json!({"name": "x", "state": "started"}), &oneshot, "");
        assert_eq!(got, Ok(vec!["Start x (once)".into()]));
    }

    #[test]
    fn init_scripts_serve_where_there_is_no_systemd() {
        let init = "manager init\nfound\nrunning no\nenabled no\n";
        let args = json!({"name": "x", "state": "started", "enabled": true});
        assert_eq!(
            summaries(&SERVICE, args.clone(), init, ""),
            Ok(vec!["Enable x".into(), "Start x".into()])
        );
        assert!(summaries(&SYSTEMD, args, init, "").unwrap_err().contains("systemd doesn't run"));
    }
}

//! `restart_services`: restarts the services that still run on files which an update has replaced, but for those whose
//! restart would hurt more than it helps ([`LEFT_ALONE`]). What is left is reported with what to do about it.

use super::updates::{counted, fits, some_of};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::services::{Outdated, OutdatedProgram, OutdatedPrograms, Unit, Units, plain_name};
use crate::questions::{Output, Stop};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "restart_services",
    aliases: &[],
    summary: "Restarts services that still run on replaced files, and reports those that are left alone",
    params: &[
        Param::optional(
            "deny",
            Kind::List,
            "services to leave alone, instead of the usual ones; * stands for any text",
        ),
        Param::optional("also_deny", Kind::List, "services to leave alone besides; * stands for any text"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Restart what runs on replaced libraries
  restart_services:
    also_deny: [postgresql@*]
  register: restarts
",
        returns: &[
            Returned { name: "services", help: "the services that ran on replaced files" },
            Returned { name: "restarted", help: "those that were restarted" },
            Returned { name: "left", help: "those that were left alone: `name`, `reason`, `remedy`" },
            Returned {
                name: "failures",
                help: "those that could not be restarted: `name` and what was `said`",
            },
            Returned { name: "sees_all", help: "whether every process could be looked at" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

const RESTART: Script =
    Script { name: "restart_outdated", text: include_str!("restart_services/restart.sh") };
const REEXEC: Script = Script { name: "systemd_reexec", text: include_str!("restart_services/reexec.sh") };

/// The scripts that restart something.
pub(super) const SCRIPTS: &[Script] = &[REEXEC, RESTART];

/// What to do about a service that is left alone unless a task says otherwise; nothing for the others.
pub(super) fn instead_of_restart(service: &str) -> Option<&'static str> {
    let named =
        |(patterns, ..): &&(&[&str], &str, &str)| patterns.iter().any(|pattern| fits(pattern, service));
    LEFT_ALONE.iter().find(named).map(|(_, _, instead)| *instead)
}

/// Services that are left alone unless a task says otherwise: patterns, why, and what to do instead.
const LEFT_ALONE: &[(&[&str], &str, &str)] = &[
    (&["dbus", "dbus-broker", "dbus-daemon"], "everything that speaks over the bus would lose it", "reboot"),
    (
        &["systemd-logind", "elogind"],
        "sessions would be lost",
        "reboot, or restart it when nobody is logged in",
    ),
    (
        &["gdm*", "lightdm", "sddm", "lxdm", "xdm", "display-manager"],
        "graphical sessions would end",
        "restart it when nobody is logged in",
    ),
    (
        &["getty@*", "serial-getty@*", "console-getty", "container-getty@*", "user@*", "ssh@*", "sshd@*"],
        "somebody's session would end",
        "log out and in again",
    ),
    (
        &[
            "NetworkManager",
            "systemd-networkd",
            "networking",
            "ifup@*",
            "dhcpcd*",
            "wpa_supplicant*",
            "wg-quick@*",
            "openvpn*",
            "strongswan*",
            "ipsec",
            "tinc*",
        ],
        "the host could lose its network, and this connection with it",
        "restart it from the console, or reboot",
    ),
    (
        &[
            "libvirtd",
            "virtqemud",
            "docker",
            "containerd",
            "crio",
            "podman*",
            "lxc*",
            "lxd*",
            "incus*",
            "systemd-nspawn@*",
        ],
        "guests and containers could stop",
        "restart it when they may stop",
    ),
    (
        &["postgresql*", "mariadb*", "mysql*", "mongod*", "corosync", "pacemaker", "ceph-*"],
        "programs that rely on it would lose it",
        "restart it when they may lose it",
    ),
    (&["rc-local", "emergency", "rescue"], "a restart would do more than restart", "reboot"),
    (
        &["apt-daily*", "unattended-upgrades", "packagekit"],
        "it may be in the middle of an update",
        "restart it when it is through",
    ),
];

/// What is to become of a program that runs on replaced files.
enum Verdict {
    /// It is restarted: its unit, and the main process as it was seen.
    Restart(String, u32),
    /// systemd runs itself anew.
    Reexec,
    /// It is left: why, and what to do.
    Leave(String, String),
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let outdated = host.get(OutdatedPrograms)?;
    let names: Vec<String> =
        outdated.programs.iter().filter_map(|p| Some(format!("{}.service", p.service.as_deref()?))).collect();
    let units = if names.is_empty() { None } else { Some(host.get(Units { names })?) };
    let units = units.as_ref().and_then(|units| units.as_deref()).unwrap_or_default();
    let mut outcome = Outcome::default();
    let (mut services, mut left) = (Vec::new(), Vec::new());
    for program in &outdated.programs {
        let name = program.service.as_deref().unwrap_or(&program.program);
        match verdict(program, units, args) {
            Verdict::Restart(unit, main) => {
                outcome.changes.push(restart(&unit, main, &program.files));
                services.push(Value::from(plain_name(&unit)));
            }
            Verdict::Reexec => {
                outcome.changes.push(reexec(&program.files));
                services.push("systemd".into());
            }
            Verdict::Leave(reason, remedy) => {
                left.push(json!({"name": name, "reason": reason, "remedy": remedy}));
            }
        }
    }
    outcome.result = Map::from_iter([
        ("services".into(), services.into()),
        ("restarted".into(), json!([])),
        ("left".into(), left.into()),
        ("failures".into(), json!([])),
        ("sees_all".into(), outdated.sees_all.into()),
    ]);
    outcome.warnings.extend(blind(&outdated));
    Ok(outcome)
}

fn blind(outdated: &Outdated) -> Option<String> {
    (!outdated.sees_all).then(|| "other users' programs could not be looked at: use become".into())
}

fn verdict(program: &OutdatedProgram, units: &[Unit], args: &Args) -> Verdict {
    let leave = |why: &str, what: &str| Verdict::Leave(why.to_owned(), what.to_owned());
    let Some(service) = &program.service else {
        return leave("it runs outside of any service", "end the session, or start the program again");
    };
    if service == "systemd" {
        return match denied(service, args) {
            Some((why, what)) => Verdict::Leave(why, what),
            None => Verdict::Reexec,
        };
    }
    let name = format!("{service}.service");
    let Some(unit) = units.iter().find(|unit| unit.name == name) else {
        return leave("no service manager says what it is", "restart it by hand");
    };
    let main_is_new = unit.main_pid != 0 && !program.pids.contains(&unit.main_pid);
    match unit {
        _ if unit.load != "loaded" => leave("its unit file is gone", "reboot, or end it by hand"),
        _ if unit.transient => leave("it was started by a command and would not come back", "let it end"),
        _ if unit.active != "active" => Verdict::Leave(format!("it is {}", unit.active), by_hand(service)),
        _ if unit.kind == "oneshot" => leave("it does its work once and would do it again", "reboot"),
        _ if unit.refuses => leave("systemd restarts it for nobody", "reboot"),
        _ if main_is_new && matches!(unit.kill_mode.as_str(), "process" | "none") => {
            leave("only what it started still runs on old files", "end that, or log out and in again")
        }
        _ => match denied(service, args) {
            Some((why, what)) => Verdict::Leave(why, what),
            None => Verdict::Restart(name, unit.main_pid),
        },
    }
}

/// Why a service is not to be restarted, and what to do instead.
fn denied(service: &str, args: &Args) -> Option<(String, String)> {
    let on = |name: &str| args.list(name).iter().any(|pattern| fits(plain_name(pattern), service));
    if on("deny") || on("also_deny") {
        return Some(("it is on the list of those to leave alone".into(), by_hand(service)));
    }
    if args.value("deny").is_some() {
        return None;
    }
    let (_, why, what) =
        LEFT_ALONE.iter().find(|(patterns, ..)| patterns.iter().any(|pattern| fits(pattern, service)))?;
    Some(((*why).into(), (*what).into()))
}

fn by_hand(service: &str) -> String {
    format!("restart it when that suits: systemctl restart {service}")
}

fn restart(unit: &str, main: u32, files: &[String]) -> Change {
    let name = plain_name(unit);
    let summary = format!("Restart {name}, which runs on replaced files: {}", some_of(files));
    // What depends on a unit is restarted along with it.
    Change::event(summary, RESTART, [unit.to_owned(), main.to_string()], [Subject::Service("*".into())])
}

fn reexec(files: &[String]) -> Change {
    let summary = format!("Let systemd run itself anew: it runs on replaced files: {}", some_of(files));
    Change::event(summary, REEXEC, [""; 0], [Subject::Service("*".into()), Subject::Machine])
}

/// What became of each, out of what the scripts said.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let services: Vec<Value> =
        outcome.result.get("services").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut left: Vec<Value> =
        outcome.result.get("left").and_then(Value::as_array).cloned().unwrap_or_default();
    let (mut restarted, mut failures) = (Vec::new(), Vec::new());
    for (name, output) in services.into_iter().zip(outputs).filter(|(_, output)| output.status == 0) {
        let text = output.text();
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        match first.split_once(' ').unwrap_or((first, "")) {
            ("up" | "already", _) => restarted.push(name),
            ("gone", state) => left.push(json!({
                "name": name, "reason": format!("it is {state} by now"), "remedy": "none is needed",
            })),
            ("refused", why) => failures.push(json!({"name": name, "said": why})),
            (_, state) => {
                let said =
                    if rest.trim().is_empty() { format!("it is {state}") } else { rest.trim().to_owned() };
                failures.push(json!({"name": name, "said": said}));
            }
        }
    }
    if !failures.is_empty() {
        result.insert("failed".into(), true.into());
        result.insert("msg".into(), message(&failures).into());
    }
    result.insert("restarted".into(), restarted.into());
    result.insert("left".into(), left.into());
    result.insert("failures".into(), failures.into());
    result
}

fn message(failures: &[Value]) -> String {
    let text = |failure: &Value, key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    let mut message = format!("{} did not come back:", counted(failures.len(), "service"));
    for failure in failures {
        for line in text(failure, "said").lines() {
            message.push_str(&format!("\n{}: {line}", text(failure, "name")));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;

    const OUTDATED: &str = "seen all\n\
        process 1 systemd|/init.scope\nfile /usr/lib/systemd/systemd\n\
        process 7 bash|/user.slice/user-1000.slice/session-1.scope\nfile /usr/lib/libc.so.6\n\
        process 8 systemd|/user.slice/user-1000.slice/user@1000.service/init.scope\nfile /usr/lib/libc.so.6\n\
        process 20 dbus-daemon|/system.slice/dbus.service\nfile /usr/lib/libc.so.6\n\
        process 31 sshd|/system.slice/ssh.service\nfile /usr/lib/libc.so.6\n\
        process 40 svcd|/system.slice/svcd.service\nfile /usr/lib/libfoo.so.1\n\
        process 50 job|/system.slice/run-1.service\nfile /usr/lib/libc.so.6\n";
    const UNITS: &str = "systemd\n\
        Id=dbus.service\nLoadState=loaded\nActiveState=active\nType=notify\nMainPID=20\n\n\
        Id=ssh.service\nLoadState=loaded\nActiveState=active\nType=notify\nKillMode=process\nMainPID=30\n\n\
        Id=svcd.service\nLoadState=loaded\nActiveState=active\nType=simple\nKillMode=control-group\nMainPID=40\n\n\
        Id=run-1.service\nLoadState=loaded\nActiveState=active\nType=simple\nTransient=yes\nMainPID=50\n";

    fn outcome(args: Value, units: &'static str) -> Outcome {
        answer_with(&MODULE, &args, &mut |asked| {
            Ok(Output::ok(if asked.script.name == "units" { units } else { OUTDATED }))
        })
        .unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    fn left(outcome: &Outcome) -> Vec<&str> {
        outcome.result["left"].as_array().unwrap().iter().map(|l| l["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn what_can_be_restarted_is_and_the_rest_is_named_with_what_to_do() {
        let outcome = outcome(json!({}), UNITS);
        assert_eq!(outcome.result["services"], json!(["svcd", "systemd"]));
        assert_eq!(outcome.changes[0].args.0, ["svcd.service", "40"]);
        // The sshd that listens runs on new files already; only a session of it does not.
        assert_eq!(left(&outcome), ["bash", "systemd", "dbus", "run-1", "ssh"]);
        assert!(outcome.result["left"].as_array().unwrap().iter().all(|l| l["remedy"].is_string()));
    }

    #[test]
    fn the_list_of_those_to_leave_alone_is_the_tasks() {
        let more = outcome(json!({"also_deny": ["svc*.service"]}), UNITS);
        assert_eq!(more.result["services"], json!(["systemd"]));
        let other = outcome(json!({"deny": ["systemd"]}), UNITS);
        assert_eq!(other.result["services"], json!(["dbus", "svcd"]));
    }

    #[test]
    fn without_systemd_nothing_is_restarted_and_all_is_reported() {
        let outcome = outcome(json!({"deny": ["systemd"]}), "none\n");
        assert!(outcome.changes.is_empty());
        assert_eq!(left(&outcome).len(), 7);
    }

    #[test]
    fn what_does_not_come_back_fails_the_host_with_its_own_words() {
        let outcome = outcome(json!({}), UNITS);
        let result = result(&outcome, &[Output::ok("down failed\nno database\n"), Output::ok("up\n")]);
        assert_eq!((&result["failed"], &result["restarted"]), (&json!(true), &json!(["systemd"])));
        assert_eq!(result["msg"], "1 service did not come back:\nsvcd: no database");
    }
}

//! `service_facts`: every service of the host, as facts.

use super::{Args, Docs, Effect, Facts, FreeForm, Host, Module, Outcome, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::accounts::Services;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "service_facts",
    aliases: &[],
    summary: "Says which services there are, as facts",
    params: &[],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Look at all services\n  service_facts:\n- name: Restart one that is there\n  service:\n    name: ssh\n    state: restarted\n  when: \"'ssh.service' in ansible_facts.services\"\n",
        returns: &[Returned {
            name: "ansible_facts.services",
            help: "For each service its name, source, state (running, stopped) and status (enabled, disabled).",
        }],
    },
    effect: Effect::Facts(Facts::Named(&["services"])),
    diff,
    result: plain_result,
};

fn diff(_: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let said = host.get(Services(vec![]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let facts = Map::from_iter([("services".to_owned(), Value::Object(services(&said)))]);
    let result = Map::from_iter([("ansible_facts".to_owned(), Value::Object(facts.clone()))]);
    Ok(Outcome { result, facts, ..Outcome::default() })
}

/// States of a unit that its file's setting for boot doesn't replace.
const BAD: [&str; 3] = ["not-found", "masked", "failed"];

fn services(text: &str) -> Map {
    let mut services = Map::new();
    let mut section = "";
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match (section, words.as_slice()) {
            (_, ["==", name]) => section = name,
            ("units", [name, load, active, sub, ..]) => {
                let status =
                    BAD.into_iter().find(|bad| [*load, *active, *sub].contains(bad)).unwrap_or(active);
                let state = if *sub == "running" { "running" } else { "stopped" };
                let unit = json!({"name": name, "state": state, "status": status, "source": "systemd"});
                services.insert((*name).to_owned(), unit);
            }
            ("files", [name, status, ..]) => match services.get_mut(*name) {
                Some(unit) if BAD.iter().any(|bad| unit["status"] == *bad) => {}
                Some(unit) => unit["status"] = (*status).into(),
                None => {
                    let unit =
                        json!({"name": name, "state": "inactive", "status": status, "source": "systemd"});
                    services.insert((*name).to_owned(), unit);
                }
            },
            ("scripts", [name, state]) => {
                services.insert((*name).to_owned(), json!({"name": name, "state": state, "source": "sysv"}));
            }
            _ => {}
        }
    }
    services
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_their_files_and_init_scripts_become_services() {
        let said = "== units\nssh.service loaded active running OpenBSD Secure Shell server\n\
            getty@tty1.service loaded inactive dead Getty on tty1\nmissing.service not-found inactive dead missing.service\n\
            == files\nssh.service enabled enabled\nrsync.service disabled enabled\nmissing.service masked enabled\n";
        let services = services(said);
        assert_eq!(
            services["ssh.service"],
            json!({"name": "ssh.service", "state": "running", "status": "enabled", "source": "systemd"})
        );
        assert_eq!(services["rsync.service"]["state"], "inactive");
        assert_eq!(services["missing.service"]["status"], "not-found");
        assert_eq!(super::services("== scripts\ncron running\n")["cron"]["source"], "sysv");
    }
}

//! `reboot`: restarts a host and waits until it is back under another boot id. The engine does the waiting.

use super::{
    Args, Change, Delivery, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned,
    plain_result,
};
use crate::model::{Argv, Map, Script, Subjects, Value};
use crate::questions::boot::{BootId, RebootNeed};
use crate::questions::{Output, Stop};
use std::time::Duration;

/// What has to succeed on a host that is back, unless the playbook names something else.
const USUAL_TEST: &str = "whoami";

/// The module.
pub static MODULE: Module = Module {
    name: "reboot",
    aliases: &[],
    summary: "Restarts the host and waits until it is back",
    params: &[
        Param::optional("when_needed", Kind::Bool, "only where a new kernel or library asks for it")
            .default("no"),
        Param::optional("reboot_timeout", Kind::Int, "longest wait for the host to be back, in seconds")
            .or(&["reboot_timeout_sec"])
            .default("600"),
        Param::optional("pre_reboot_delay", Kind::Int, "seconds before the host goes").default("0"),
        Param::optional(
            "test_command",
            Kind::Text,
            "a shell command that must succeed before the host counts as back",
        )
        .default(USUAL_TEST),
        Param::optional(
            "post_reboot_delay",
            Kind::Int,
            "seconds after the boot before the host is asked anything",
        )
        .default("0"),
        Param::optional("connect_timeout", Kind::Int, "taken and not needed: the whole wait has a limit"),
        Param::optional("boot_time_command", Kind::Text, "taken and not needed: the boot id is compared"),
        Param::optional("search_paths", Kind::List, "taken and not needed"),
        Param::optional("reboot_command", Kind::Text, "what restarts the host, if not the usual"),
        Param::optional("msg", Kind::Text, "what users who are logged in are told")
            .default("Reboot initiated by wgops"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Boot the new kernel where there is one
  reboot:
    when_needed: true
    reboot_timeout: 600
    msg: Restarting for updates
",
        returns: &[
            Returned { name: "rebooted", help: "whether the host was restarted" },
            Returned { name: "reasons", help: "with `when_needed`: what asks for it" },
            Returned { name: "boot_id", help: "the id of the new boot" },
            Returned { name: "elapsed", help: "how many seconds the host was away" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Asks the host to restart. `$1` is its boot id, `$2` the seconds to wait, `$3` a command or nothing, `$4` the message.
const REBOOT: Script = Script { name: "reboot", text: include_str!("reboot/reboot.sh") };

/// The scripts that change a host.
pub const SCRIPTS: &[Script] = &[REBOOT];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let reasons = if args.flag("when_needed") {
        let (_, need) = host.get((BootId, RebootNeed))?;
        if need.reasons.is_empty() {
            let mut result = Map::new();
            result.insert("rebooted".into(), false.into());
            let mut outcome = Outcome::in_order(result);
            outcome.warnings.extend(need.not_assessed.clone());
            return Ok(outcome);
        }
        need.reasons.clone()
    } else {
        Vec::new()
    };
    let boot_id = host.get(BootId)?;
    let seconds = |name: &str, least: i64| args.int(name).unwrap_or(least).max(least);
    let delay = seconds("pre_reboot_delay", 1);
    let command = args.text("reboot_command").unwrap_or_default();
    let argv = Argv(vec![
        (*boot_id).clone(),
        delay.to_string(),
        command.to_owned(),
        args.text("msg").unwrap_or_default().to_owned(),
    ]);
    let mut summary = "reboot".to_owned();
    if !command.is_empty() {
        summary.push_str(&format!(" by '{command}'"));
    }
    match args.text("test_command") {
        None | Some(USUAL_TEST) => {}
        Some(test) => summary.push_str(&format!(" until '{test}' succeeds")),
    }
    if !reasons.is_empty() {
        summary.push_str(&format!(": {}", reasons.join("; ")));
    }
    let mut change = Change::event(summary, REBOOT, argv, Subjects::Undeclared);
    change.nature = Nature::Event;
    change.delivery = Delivery::Reboot { boot_id: (*boot_id).clone(), test_command: test_command(args) };
    let wait = seconds("reboot_timeout", 10).saturating_add(delay);
    change.deadline = Duration::from_secs(u64::try_from(wait).unwrap_or(600));
    let mut result = Map::new();
    result.insert("reasons".into(), reasons.into_iter().map(Value::String).collect());
    Ok(Outcome::change(result, vec![change]))
}

/// Whether a change names a command of its own for the reboot, or for what has to succeed after it.
pub(super) fn is_own(args: &Argv, test_command: &str) -> bool {
    let names_one = args.0.get(2).is_some_and(|command| !command.is_empty());
    let test = match test_command.strip_prefix("sleep ").and_then(|rest| rest.split_once("; ")) {
        Some((seconds, test)) if seconds.parse::<u64>().is_ok() => test,
        _ => test_command,
    };
    names_one || test != USUAL_TEST
}

/// What has to succeed after the boot, and how long to wait before that.
fn test_command(args: &Args) -> String {
    let command = args.text("test_command").unwrap_or_default();
    match args.int("post_reboot_delay").filter(|seconds| *seconds > 0) {
        Some(seconds) => format!("sleep {seconds}; {command}"),
        None => command.to_owned(),
    }
}

/// The engine's output names the new boot id and the seconds that it took.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if result.get("failed").is_some() || outcome.changes.is_empty() {
        return result;
    }
    result.insert("rebooted".into(), true.into());
    let text = outputs.first().map(Output::text).unwrap_or_default();
    for line in text.lines() {
        match line.split_once('=') {
            Some(("boot_id", id)) => {
                result.insert("boot_id".into(), id.into());
            }
            Some(("seconds", seconds)) => {
                result.insert("elapsed".into(), seconds.parse::<f64>().unwrap_or_default().into());
            }
            _ => {}
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    fn outcome(args: serde_json::Value, needed: &'static str) -> Outcome {
        answer_with(&MODULE, &args, &mut |asked| {
            Ok(Output::ok(if asked.script.name == "boot_id" { "abc\n" } else { needed }))
        })
        .unwrap_or_else(|_| panic!("refused"))
    }

    #[test]
    fn it_goes_once_and_is_proven_by_another_boot_id() {
        let outcome = outcome(json!({"reboot_timeout": 30, "test_command": "true"}), "");
        let [change] = outcome.changes.as_slice() else { panic!("one change") };
        assert_eq!(change.delivery, Delivery::Reboot { boot_id: "abc".into(), test_command: "true".into() });
        assert_eq!((change.nature, change.deadline), (Nature::Event, Duration::from_secs(31)));
        assert_eq!(change.touches, Subjects::Undeclared);
        let result = result(&outcome, &[Output::ok("boot_id=def\nseconds=2.5\n")]);
        assert_eq!(result["rebooted"], json!(true));
        assert_eq!((&result["boot_id"], &result["elapsed"]), (&json!("def"), &json!(2.5)));
    }

    #[test]
    fn where_nothing_asks_for_it_a_reboot_when_needed_does_nothing() {
        let outcome = outcome(json!({"when_needed": true}), "container\n");
        assert!(outcome.changes.is_empty());
        assert_eq!(outcome.result["rebooted"], json!(false));
    }

    #[test]
    fn a_host_that_was_rebooted_meanwhile_is_not_rebooted_again() {
        for bench in crate::modules::harness::Bench::every_shell() {
            let argv = Argv(vec!["not this boot".into(), "1".into(), "false".into(), String::new()]);
            let change = Change::event("reboot", REBOOT, argv, Subjects::Undeclared);
            assert_eq!(bench.apply(&change).status, crate::modules::PRECONDITION_FAILED);
        }
    }
}

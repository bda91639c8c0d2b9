//! `sr_fingerprint`: what roles of the Linux System Roles say of themselves before and after their tasks. There it is a
//! module of the role's own, in Python, that writes a line in the system's log. Here the line is the task's result: runs
//! stand in wgops' own records, and the host stays as it is.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "sr_fingerprint",
    aliases: &[],
    summary: "Takes what Linux System Roles say of themselves, and writes it in no log",
    params: &[
        Param::optional("sr_message", Kind::Text, "what the role says"),
        Param::optional("status", Kind::Choice(&["begin", "success"]), "whether the role begins or is done"),
        Param::optional("role_name", Kind::Text, "its name"),
        Param::optional("role_path", Kind::Text, "taken and not needed"),
        Param::optional("ansible_play_hosts_all", Kind::Any, "taken and not needed"),
        Param::optional("distribution", Kind::Text, "taken and not needed"),
        Param::optional("distribution_version", Kind::Text, "taken and not needed"),
        Param::optional("write_log_file", Kind::Bool, "taken and not needed: no log is written"),
        Param::optional("log_file", Kind::Text, "taken and not needed"),
        Param::optional("max_log_size", Kind::Int, "taken and not needed"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Say which role begins\n  sr_fingerprint:\n    status: begin\n    role_name: timesync\n",
        returns: &[Returned { name: "message", help: "what the role says" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let words = ["status", "role_name"].map(|name| args.text(name).unwrap_or_default());
    let message = args.text("sr_message").map_or_else(|| words.join(" "), str::to_owned);
    Ok(Outcome::in_order(Map::from_iter([("message".to_owned(), message.trim().into())])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_tells_and_changes_nothing() {
        let outcome = without_host(&MODULE, &json!({"sr_message": "begin timesync"})).unwrap();
        assert!(outcome.changes.is_empty());
        assert_eq!(json!(outcome.result), json!({"message": "begin timesync"}));
        let parts = json!({"status": "success", "role_name": "sudo", "ansible_play_hosts_all": ["a"], "write_log_file": "no"});
        assert_eq!(without_host(&MODULE, &parts).unwrap().result["message"], "success sudo");
    }
}

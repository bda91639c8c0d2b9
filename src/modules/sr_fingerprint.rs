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
    params: &[Param::required("sr_message", Kind::Text, "what the role says")],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Say which role begins\n  sr_fingerprint:\n    sr_message: begin timesync\n",
        returns: &[Returned { name: "message", help: "what the role says" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let message = args.needed("sr_message")?;
    Ok(Outcome::in_order(Map::from_iter([("message".to_owned(), message.into())])))
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
    }
}

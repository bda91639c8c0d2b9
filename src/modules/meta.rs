//! `meta`: what happens to the run itself. The engine does it; this only says what was asked.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;

/// Everything that can be asked.
const ACTIONS: &[&str] = &[
    "clear_facts",
    "clear_host_errors",
    "end_batch",
    "end_host",
    "end_play",
    "end_role",
    "flush_handlers",
    "noop",
    "refresh_inventory",
    "reset_connection",
];

/// The module.
pub static MODULE: Module = Module {
    name: "meta",
    aliases: &[],
    summary: "Runs notified handlers now, ends a play for a host or for all, and the like",
    params: &[Param::required("action", Kind::Choice(ACTIONS), "what is to happen")],
    free_form: FreeForm::Is("action"),
    docs: Docs {
        examples: r"
- name: Restart what was notified before anything else is done
  meta: flush_handlers

- name: There is nothing to do on the other hosts
  meta: end_host
  when: not is_primary
",
        returns: &[Returned { name: "meta", help: "what happened" }],
    },
    effect: Effect::Course,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    Ok(Outcome::in_order(Map::from_iter([("meta".to_owned(), args.needed("action")?.into())])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_says_what_was_asked_and_nothing_else_can_be() {
        let outcome = without_host(&MODULE, &json!({"action": "noop"})).ok().unwrap();
        assert_eq!(outcome.result["meta"], "noop");
    }
}

//! `ping`: whether a host answers; nothing is changed. It proves more than a connection: a shell ran what it was sent.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::connection::Alive;

/// The module.
pub static MODULE: Module = Module {
    name: "ping",
    aliases: &[],
    summary: "Asks whether the host answers",
    params: &[Param::optional("data", Kind::Text, "what the answer's 'ping' holds").default("pong")],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: See that the host answers
  ping:
",
        returns: &[Returned { name: "ping", help: "`pong`, or what `data` says" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    host.get(Alive)?;
    let data = args.needed("data")?;
    if data == "crash" {
        return Err(Stop::refuse("boom"));
    }
    let mut result = Map::new();
    result.insert("ping".into(), data.into());
    Ok(Outcome::in_order(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_host_that_answers_gives_pong_in_one_exchange() {
        for bench in Bench::every_shell() {
            let settled = bench.settle(&MODULE, &json!({}));
            assert_eq!((settled.rounds, json!(settled.result)), (1, json!({"ping": "pong"})));
        }
    }

    #[test]
    fn an_answer_that_no_shell_gave_is_refused() {
        let garbage = answer_with(&MODULE, &json!({}), &mut |_| Ok(Output::ok("login:")));
        assert!(matches!(garbage, Err(Stop::Refuse(refusal)) if refusal.message.contains("login:")));
    }
}

//! `wait_for_connection`: waits until a host can be reached. The engine tries; this is asked once it could.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::connection::Alive;

/// The module.
pub static MODULE: Module = Module {
    name: "wait_for_connection",
    aliases: &[],
    summary: "Waits until the host can be reached",
    params: &[
        Param::optional("timeout", Kind::Int, "seconds after which it has failed").default("600"),
        Param::optional("delay", Kind::Int, "seconds before it is tried for the first time").default("0"),
        Param::optional("sleep", Kind::Int, "seconds between attempts").default("1"),
        Param::optional("connect_timeout", Kind::Int, "seconds that one attempt may take").default("5"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: A host that was just installed needs a while
  wait_for_connection: {timeout: 300}
",
        returns: &[Returned { name: "elapsed", help: "how many seconds that took" }],
    },
    effect: Effect::Connection,
    diff,
    result: plain_result,
};

fn diff(_: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    host.get(Alive)?;
    Ok(Outcome::in_order(Map::from_iter([("elapsed".to_owned(), 0.into())])))
}

//! What stands for a module of a collection that wgops has not: it refuses. A task with a condition may never come to it, so
//! that roles for many systems run where they need no more than there is.

use super::{Args, Docs, Effect, FreeForm, Host, Module, Outcome, plain_result};
use crate::questions::Stop;

/// The module; its one argument is the name of what is missing.
pub static MODULE: Module = Module {
    name: "(missing)",
    aliases: &[],
    summary: "Refuses, in place of a module that there is not",
    params: &[],
    free_form: FreeForm::AnyKeys,
    docs: Docs::NONE,
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("module")?;
    Err(Stop::refuse(format!("there is no module '{name}' (yet), and this task needs it")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn it_names_what_is_missing() {
        let refused = without_host(&MODULE, &json!({"module": "community.general.pamd"}));
        assert!(
            matches!(refused, Err(Stop::Refuse(refusal)) if refusal.message.contains("'community.general.pamd'"))
        );
    }
}

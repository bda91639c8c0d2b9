//! `rabbitmq_plugin`: which plugins of RabbitMQ are enabled.

use super::rabbitmq::{checked, plugins};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::system::brokers::RabbitmqPlugins;

/// The module.
pub static MODULE: Module = Module {
    name: "rabbitmq_plugin",
    aliases: &[],
    summary: "Enables and disables plugins of RabbitMQ",
    params: &[
        Param::required("names", Kind::List, "the plugins").or(&["name"]),
        Param::optional("new_only", Kind::Bool, "whether other plugins that are enabled stay so")
            .default("no"),
        Param::optional("state", Kind::Choice(&["enabled", "disabled"]), "what they are to be")
            .default("enabled"),
        Param::optional(
            "broker_state",
            Kind::Choice(&["online", "offline"]),
            "whether a broker that runs is told, or the file alone is written",
        )
        .default("online"),
        Param::optional("prefix", Kind::Path, "the directory above sbin or bin where RabbitMQ lies").starts(),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: RabbitMQ shows itself in the browser\n  rabbitmq_plugin: {names: rabbitmq_management, new_only: true}\n",
        returns: &[
            Returned { name: "enabled", help: "which plugins are enabled anew" },
            Returned { name: "disabled", help: "which plugins are disabled" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let names = args.list("names");
    for name in &names {
        checked("names", name)?;
    }
    let prefix = args
        .text("prefix")
        .map(|prefix| format!("{}/sbin", prefix.trim_end_matches('/')))
        .unwrap_or_default();
    let said = host.get(RabbitmqPlugins(vec![prefix.clone()]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |letter: &str| said.lines().filter_map(|line| line.strip_prefix(letter)).collect::<Vec<_>>();
    let (now, known) = (of("e "), of("a "));
    let on = args.text("state") != Some("disabled");
    if let Some(name) = names.iter().find(|name| on && !known.is_empty() && !known.contains(name)) {
        return Err(Stop::refuse(format!("RabbitMQ has no plugin '{name}' on this host")));
    }
    let enabled: Vec<&str> = names.iter().copied().filter(|name| on && !now.contains(name)).collect();
    let disabled: Vec<&str> = match on {
        true if args.flag("new_only") => Vec::new(),
        true => now.iter().copied().filter(|name| !names.contains(name)).collect(),
        false => now.iter().copied().filter(|name| names.contains(name)).collect(),
    };
    let mode = args.text("broker_state").unwrap_or("online");
    let change = |verb: &str, which: &[&str]| {
        let words: Vec<String> =
            std::iter::once(verb).chain(which.iter().copied()).map(str::to_owned).collect();
        (!which.is_empty())
            .then(|| plugins(format!("{verb} RabbitMQ's {}", which.join(", ")), &prefix, mode, &words))
    };
    let changes = [change("enable", &enabled), change("disable", &disabled)];
    let mut result = Map::new();
    result.insert("enabled".into(), enabled.clone().into());
    result.insert("disabled".into(), disabled.clone().into());
    Ok(Outcome::change(result, changes.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: &Value) -> Result<Vec<String>, Stop> {
        let said = "e one\ne two\na one\na two\na three\n";
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }

    #[test]
    fn plugins_are_enabled_alone_or_beside_others() {
        assert!(run(&json!({"names": "one,two"})).unwrap().is_empty());
        assert_eq!(
            run(&json!({"names": "three"})).unwrap(),
            [" online enable three", " online disable one two"]
        );
        let beside = json!({"names": "three", "new_only": true, "broker_state": "offline"});
        assert_eq!(run(&beside).unwrap(), [" offline enable three"]);
        assert_eq!(run(&json!({"name": "two", "state": "disabled"})).unwrap(), [" online disable two"]);
        assert!(run(&json!({"name": "three", "state": "disabled"})).unwrap().is_empty());
        assert!(run(&json!({"names": "four"})).is_err());
    }
}

//! `rabbitmq_policy` and `rabbitmq_parameter`: what RabbitMQ keeps for a virtual host by name, as JSON.

use super::rabbitmq::{NODE, checked, decoded, list, run};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module for policies.
pub static POLICY: Module = Module {
    name: "rabbitmq_policy",
    aliases: &[],
    summary: "Sets or removes a policy of RabbitMQ",
    params: &[
        Param::required("name", Kind::Text, "the policy"),
        Param::optional("vhost", Kind::Text, "its virtual host").default("/"),
        Param::optional("pattern", Kind::Text, "a pattern of the names that it is for"),
        Param::optional("apply_to", Kind::Choice(&["all", "exchanges", "queues"]), "what it is for")
            .default("all"),
        Param::optional("tags", Kind::Map, "what it says, as {ha-mode: all}"),
        Param::optional("priority", Kind::Int, "which one counts where more than one fits").default("0"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        NODE,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: No queue of the shop grows without end
  rabbitmq_policy:
    name: limits
    vhost: /shop
    pattern: ^orders
    apply_to: queues
    tags: {max-length: 100000}
"#,
        returns: &[],
    },
    effect: Effect::OnHost,
    diff: policy,
    result: plain_result,
};

/// The module for parameters.
pub static PARAMETER: Module = Module {
    name: "rabbitmq_parameter",
    aliases: &[],
    summary: "Sets or removes a parameter of a part of RabbitMQ",
    params: &[
        Param::required("component", Kind::Text, "the part, as federation"),
        Param::required("name", Kind::Text, "the parameter"),
        Param::optional("value", Kind::Any, "its value, in JSON or as it is"),
        Param::optional("vhost", Kind::Text, "its virtual host").default("/"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        NODE,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Messages come from the other site
  rabbitmq_parameter:
    component: federation-upstream
    name: north
    vhost: /shop
    value: {uri: amqps://north.example.org, expires: 3600000}
"#,
        returns: &[],
    },
    effect: Effect::OnHost,
    diff: parameter,
    result: plain_result,
};

fn policy(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = checked("name", args.needed("name")?)?;
    let (vhost, node) = (checked("vhost", args.needed("vhost")?)?, args.text("node").unwrap_or_default());
    let rows = list(host, node, &["list_policies", "-p", vhost])?;
    let there = rows.iter().find(|row| row["name"] == name);
    if args.text("state") == Some("absent") {
        let change = there.map(|_| {
            run(
                format!("remove RabbitMQ's policy {name} from {vhost}"),
                node,
                &["clear_policy", "-p", vhost, name],
            )
        });
        return Ok(Outcome::change(Map::new(), change.into_iter().collect()));
    }
    let pattern = args.needed("pattern")?;
    let tags = args.value("tags").ok_or_else(|| Stop::refuse("the parameter 'tags' is needed here"))?;
    let (apply, priority) = (args.needed("apply_to")?, args.int("priority").unwrap_or(0));
    let is_so = there.is_some_and(|row| {
        let number = row["priority"].as_i64().or_else(|| row["priority"].as_str()?.parse().ok());
        let applied = row["apply-to"].as_str().or(row["apply_to"].as_str());
        row["pattern"] == pattern
            && applied.is_none_or(|applied| applied == apply)
            && number == Some(priority)
            && decoded(&row["definition"]) == *tags
    });
    let priority = priority.to_string();
    let definition = tags.to_string();
    let words =
        ["set_policy", "-p", vhost, "--priority", &priority, "--apply-to", apply, name, pattern, &definition];
    let change = (!is_so).then(|| run(format!("set RabbitMQ's policy {name} in {vhost}"), node, &words));
    Ok(Outcome::change(Map::new(), change.into_iter().collect()))
}

fn parameter(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (component, name) =
        (checked("component", args.needed("component")?)?, checked("name", args.needed("name")?)?);
    let (vhost, node) = (checked("vhost", args.needed("vhost")?)?, args.text("node").unwrap_or_default());
    let rows = list(host, node, &["list_parameters", "-p", vhost])?;
    let there = rows.iter().find(|row| row["component"] == component && row["name"] == name);
    if args.text("state") == Some("absent") {
        let words = ["clear_parameter", "-p", vhost, component, name];
        let change =
            there.map(|_| run(format!("remove RabbitMQ's parameter {component} {name}"), node, &words));
        return Ok(Outcome::change(Map::new(), change.into_iter().collect()));
    }
    let given = args.value("value").ok_or_else(|| Stop::refuse("the parameter 'value' is needed here"))?;
    let wanted: Value = decoded(given);
    let is_so = there.is_some_and(|row| decoded(&row["value"]) == wanted);
    let text = wanted.to_string();
    let words = ["set_parameter", "-p", vhost, component, name, &text];
    let change = (!is_so).then(|| run(format!("set RabbitMQ's parameter {component} {name}"), node, &words));
    Ok(Outcome::change(Map::new(), change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    fn run(module: &Module, args: &Value, rows: &str) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(module, args, &mut |_| Ok(Output::ok(rows)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.get(1..).unwrap().join(" ")).collect())
    }

    #[test]
    fn a_policy_is_set_where_it_says_something_else() {
        let rows = r#"[{"vhost":"/","name":"ha","pattern":".*","apply-to":"all","definition":"{\"ha-mode\":\"all\"}","priority":0}]"#;
        let mut args = json!({"name": "ha", "pattern": ".*", "tags": {"ha-mode": "all"}});
        assert!(run(&POLICY, &args, rows).unwrap().is_empty());
        args["priority"] = json!(3);
        assert_eq!(
            run(&POLICY, &args, rows).unwrap(),
            [r#"set_policy -p / --priority 3 --apply-to all ha .* {"ha-mode":"all"}"#]
        );
        assert_eq!(
            run(&POLICY, &json!({"name": "ha", "state": "absent"}), rows).unwrap(),
            ["clear_policy -p / ha"]
        );
        assert!(run(&POLICY, &json!({"name": "x", "state": "absent"}), rows).unwrap().is_empty());
        assert!(run(&POLICY, &json!({"name": "x"}), rows).is_err());
    }

    #[test]
    fn a_parameter_is_set_where_its_value_is_another() {
        let rows = r#"[{"component":"federation","name":"n","value":"\"x\""}]"#;
        let of = |value: Value| json!({"component": "federation", "name": "n", "value": value});
        assert!(run(&PARAMETER, &of(json!("\"x\"")), rows).unwrap().is_empty());
        assert!(run(&PARAMETER, &of(json!("x")), rows).unwrap().is_empty());
        let other = run(&PARAMETER, &of(json!({"a": 1})), rows).unwrap();
        assert_eq!(other, [r#"set_parameter -p / federation n {"a":1}"#]);
        let gone = json!({"component": "federation", "name": "n", "state": "absent"});
        assert_eq!(run(&PARAMETER, &gone, rows).unwrap(), ["clear_parameter -p / federation n"]);
    }
}

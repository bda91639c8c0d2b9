//! `rabbitmq_vhost`: that a virtual host of RabbitMQ is there, or isn't.

use super::rabbitmq::{NODE, checked, list, run};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "rabbitmq_vhost",
    aliases: &[],
    summary: "Makes or removes a virtual host of RabbitMQ",
    params: &[
        Param::required("name", Kind::Text, "the virtual host").or(&["vhost"]),
        Param::optional("tracing", Kind::Bool, "whether its messages are traced").default("no"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        NODE,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A virtual host for the shop\n  rabbitmq_vhost: {name: /shop}\n",
        returns: &[
            Returned { name: "name", help: "the virtual host" },
            Returned { name: "state", help: "as it was given" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = checked("name", args.needed("name")?)?;
    let (node, state) = (args.text("node").unwrap_or_default(), args.needed("state")?);
    let hosts = list(host, node, &["list_vhosts", "name", "tracing"])?;
    let there = hosts.iter().find(|row| row["name"] == name);
    let traced = there.is_some_and(|row| row["tracing"] == true || row["tracing"] == "true");
    let mut changes = Vec::new();
    if state == "absent" {
        let summary = format!("remove RabbitMQ's virtual host {name}");
        changes.extend(there.map(|_| run(summary, node, &["delete_vhost", name])));
    } else {
        if there.is_none() {
            changes.push(run(format!("make RabbitMQ's virtual host {name}"), node, &["add_vhost", name]));
        }
        if args.flag("tracing") != traced {
            let verb = if args.flag("tracing") { "trace_on" } else { "trace_off" };
            changes.push(run(format!("{verb} in RabbitMQ's virtual host {name}"), node, &[verb, "-p", name]));
        }
    }
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), state.into());
    Ok(Outcome::change(result, changes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    #[test]
    fn a_virtual_host_comes_is_traced_and_goes() {
        let run = |args: &Value| {
            let rows = r#"[{"name":"/","tracing":false},{"name":"/t","tracing":true}]"#;
            let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(rows))).unwrap();
            outcome.changes.into_iter().map(|c| c.args.0.get(1..).unwrap().join(" ")).collect::<Vec<_>>()
        };
        assert!(run(&json!({"name": "/"})).is_empty());
        assert_eq!(run(&json!({"name": "/x", "tracing": true})), ["add_vhost /x", "trace_on -p /x"]);
        assert_eq!(run(&json!({"name": "/t"})), ["trace_off -p /t"]);
        assert_eq!(run(&json!({"name": "/t", "state": "absent"})), ["delete_vhost /t"]);
        assert!(run(&json!({"name": "/x", "state": "absent"})).is_empty());
    }

    #[test]
    fn what_rabbitmq_says_instead_of_a_list_is_told() {
        let down =
            |_: &_| Ok(Output { status: 3, stdout: vec![], stderr: b"Error: unable to connect\n".to_vec() });
        let Err(Stop::Refuse(refusal)) = answer_with(&MODULE, &json!({"name": "/"}), &mut { down }) else {
            panic!()
        };
        assert_eq!(refusal.message, "RabbitMQ can't be asked: Error: unable to connect");
    }
}

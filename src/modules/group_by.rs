//! `group_by`: puts the task's own host into a group for the rest of the run. The engine does it; this says which.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "group_by",
    aliases: &[],
    summary: "Puts the host into a group for the rest of the run",
    params: &[
        Param::required("key", Kind::Text, "the group, mostly made of facts"),
        Param::optional("parents", Kind::List, "groups that the group is in").default("all"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Sort hosts by their distribution
  group_by:
    key: "os_{{ ansible_facts.distribution | lower }}"
    parents: [by_os]
"#,
        returns: &[
            Returned { name: "add_group", help: "the group" },
            Returned { name: "parent_groups", help: "the groups that it is in" },
        ],
    },
    effect: Effect::Groups,
    diff,
    result: plain_result,
};

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    // Names of groups have no blanks, as Ansible has it.
    let name = |text: &str| text.trim().replace(' ', "-");
    let key = name(args.needed("key")?);
    if key.is_empty() {
        return Err(Stop::refuse("'key' is empty: the group needs a name"));
    }
    let parents: Vec<Value> = args.list("parents").into_iter().map(|parent| name(parent).into()).collect();
    Ok(Outcome::in_order(Map::from_iter([
        ("add_group".to_owned(), key.into()),
        ("parent_groups".to_owned(), Value::Array(parents)),
    ])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    #[test]
    fn names_have_no_blanks() {
        let outcome = without_host(&MODULE, &json!({"key": "os Debian 12"})).ok().unwrap();
        assert_eq!(
            (&outcome.result["add_group"], &outcome.result["parent_groups"]),
            (&json!("os-Debian-12"), &json!(["all"]))
        );
        assert!(without_host(&MODULE, &json!({"key": " "})).is_err());
    }
}

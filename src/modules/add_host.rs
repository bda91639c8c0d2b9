//! `add_host`: a host, for the rest of the run. The engine adds it; this only says which, and to which groups.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{HostName, Map, Value};
use crate::questions::Stop;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "add_host",
    aliases: &[],
    summary: "Adds a host to the inventory for the rest of the run, or to more groups",
    params: &[
        Param::required("name", Kind::Text, "the host, perhaps with ':PORT'").or(&["host", "hostname"]),
        Param::optional("groups", Kind::List, "groups that it is in then; new ones are made")
            .or(&["group", "groupname"]),
    ],
    free_form: FreeForm::AnyKeys,
    docs: Docs {
        examples: r#"
- name: The databases of this site are a group of their own in the next play
  add_host:
    name: "{{ item }}"
    groups: [site_databases]
    backup_window: "02:00"
  loop: "{{ groups['databases'] | intersect(groups[site]) }}"
"#,
        returns: &[Returned { name: "add_host", help: "the host: 'host_name', 'groups' and 'host_vars'" }],
    },
    effect: Effect::Hosts,
    diff,
    result: plain_result,
};

/// Arguments that are no variables.
const OWN: [&str; 6] = ["name", "host", "hostname", "groups", "group", "groupname"];

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let given = args.needed("name")?.trim();
    let (name, port) = match given.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => (name, Some(port)),
        _ => (given, None),
    };
    name.parse::<HostName>().map_err(|why| Stop::refuse(format!("add_host: {why}")))?;
    let mut groups: Vec<String> = Vec::new();
    for group in args.list("groups") {
        let group = group.trim().to_owned();
        if !group.is_empty() && !groups.contains(&group) {
            groups.push(group);
        }
    }
    let mut variables: Map = args.all().clone();
    variables.retain(|name, _| !OWN.contains(&name.as_str()));
    if let Some(port) = port {
        variables.insert("ansible_port".into(), port.into());
    }
    let host = json!({"host_name": name, "groups": groups, "host_vars": Value::Object(variables)});
    Ok(Outcome::in_order(Map::from_iter([("add_host".to_owned(), host)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;

    #[test]
    fn what_is_no_name_and_no_group_is_a_variable() {
        let args = json!({"hostname": "web9:2222", "groups": "web, new", "x": [1]});
        let outcome = without_host(&MODULE, &args).ok().unwrap();
        let expected = json!({"host_name": "web9", "groups": ["web", "new"], "host_vars": {"x": [1], "ansible_port": "2222"}});
        assert_eq!(outcome.result["add_host"], expected);
        assert!(without_host(&MODULE, &json!({"name": "a b"})).is_err());
    }
}

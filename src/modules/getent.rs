//! `getent`: entries of the host's databases, as facts.

use super::{
    Args, Docs, Effect, Facts, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::accounts::Entries;

/// The module.
pub static MODULE: Module = Module {
    name: "getent",
    aliases: &[],
    summary: "Looks entries of a database of the host up: users, groups, hosts",
    params: &[
        Param::required("database", Kind::Text, "the database, as passwd"),
        Param::optional("key", Kind::Text, "the entry; without it all of them"),
        Param::optional("service", Kind::Text, "the source that is asked, instead of the usual"),
        Param::optional("split", Kind::Text, "what stands between fields, if not the usual"),
        Param::optional("fail_key", Kind::Bool, "whether a key that isn't there is an error").default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Look a user up\n  getent:\n    database: passwd\n    key: root\n- name: Say where it lives\n  debug:\n    msg: \"{{ getent_passwd['root'][4] }}\"\n",
        returns: &[Returned {
            name: "ansible_facts.getent_DATABASE",
            help: "The fields of each entry behind its key.",
        }],
    },
    effect: Effect::Facts(Facts::Each { prefix: "getent_", param: "database" }),
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let database = args.needed("database")?;
    if database.is_empty() || !database.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Stop::refuse(format!("'{database}' is no database's name")));
    }
    let mut words = vec![database.to_owned(), args.text("service").unwrap_or_default().to_owned()];
    words.extend(args.text("key").map(str::to_owned));
    let said = host.get(Entries(words))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let (status, text) = said.split_once('\n').unwrap_or((&said, ""));
    let colons = matches!(database, "passwd" | "shadow" | "group" | "gshadow");
    let split = args.text("split").or(colons.then_some(":"));
    let message = match status {
        "0" => return Ok(outcome(database, entries(text, split), None)),
        "1" => "Missing arguments, or database unknown.",
        "2" => "One or more supplied key could not be found in the database.",
        "3" => "Enumeration not supported on this database.",
        _ => "Unexpected failure!",
    };
    match args.text("key").filter(|_| status == "2" && !args.flag("fail_key")) {
        Some(key) => {
            let nothing = Map::from_iter([(key.to_owned(), Value::Null)]);
            Ok(outcome(database, nothing, Some(message)))
        }
        None => Err(Stop::refuse(message)),
    }
}

fn outcome(database: &str, entries: Map, message: Option<&str>) -> Outcome {
    let facts = Map::from_iter([(format!("getent_{database}"), Value::Object(entries))]);
    let mut result = Map::from_iter([("ansible_facts".to_owned(), Value::Object(facts.clone()))]);
    if let Some(message) = message {
        result.insert("msg".into(), message.into());
    }
    Outcome { result, facts, ..Outcome::default() }
}

/// Each entry's fields by its key; entries that share a key become a list.
fn entries(text: &str, split: Option<&str>) -> Map {
    let mut entries: indexmap::IndexMap<String, Vec<Value>> = indexmap::IndexMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = match split {
            Some(split) if !split.is_empty() => line.split(split).collect(),
            _ => line.split_whitespace().collect(),
        };
        let Some((key, rest)) = fields.split_first() else { continue };
        let rest: Vec<Value> = rest.iter().map(|field| Value::from(*field)).collect();
        entries.entry((*key).to_owned()).or_default().push(rest.into());
    }
    let whole = |mut lists: Vec<Value>| if lists.len() == 1 { lists.remove(0) } else { Value::Array(lists) };
    entries.into_iter().map(|(key, lists)| (key, whole(lists))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_key_is_looked_up_and_one_that_is_missing_is_an_error_or_nothing() {
        for bench in Bench::every_shell() {
            let (outcome, _) = bench.diff(&MODULE, &json!({"database": "passwd", "key": "root"})).unwrap();
            assert_eq!(outcome.facts["getent_passwd"]["root"][1], json!("0"));
            let mut args = json!({"database": "passwd", "key": "no_such_user_x"});
            assert!(bench.refusal(&MODULE, &args).contains("could not be found"));
            args["fail_key"] = json!(false);
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            assert_eq!(outcome.facts["getent_passwd"], json!({"no_such_user_x": null}));
            let all = bench.diff(&MODULE, &json!({"database": "group"})).unwrap().0;
            assert!(all.facts["getent_group"]["root"].is_array());
        }
    }

    #[test]
    fn entries_with_one_key_become_a_list() {
        let args = json!({"database": "hosts"});
        let said = "0\n127.0.0.1       localhost\n127.0.0.1 web web.example\n";
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(said))).unwrap();
        assert_eq!(
            outcome.result["ansible_facts"]["getent_hosts"]["127.0.0.1"],
            json!([["localhost"], ["web", "web.example"]])
        );
    }
}

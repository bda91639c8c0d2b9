//! `postgresql_query`: SQL for a PostgreSQL database. A query that only looks is a question, and its rows come as they are; what
//! changes something is run once, and a dry run says so.

use super::postgresql::{
    CA_CERT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER, NOT_YET, SESSION_ROLE,
    SSL_MODE, TRUST_INPUT, ask_written, login, result as plain, run,
};
use super::sql::{Dialect, speaks_to_the_client};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Subjects, Value};
use crate::questions::postgresql::text;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "postgresql_query",
    aliases: &[],
    summary: "Runs SQL in a PostgreSQL database, through `psql` on the host",
    params: &[
        Param::required("query", Kind::Any, "a statement, or a list of them"),
        Param::optional("positional_args", Kind::Any, "what stands for each %s"),
        Param::optional("named_args", Kind::Map, "what stands for each %(name)s"),
        Param::optional("login_db", Kind::Text, "the database").or(&["db"]).default("postgres"),
        Param::optional("search_path", Kind::List, "schemas that are looked through"),
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_SOCKET,
        LOGIN_PORT,
        SSL_MODE,
        CA_CERT,
        SESSION_ROLE,
        TRUST_INPUT,
        NOT_YET,
        Param::not_yet("autocommit").or(&["encoding", "as_single_query", "path_to_script"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: How many orders wait
  postgresql_query:
    login_db: shop
    query: SELECT count(*) AS waiting FROM orders WHERE state = %(state)s
    named_args: {state: new}
  register: orders

- name: Say it
  debug: {var: 'orders.query_result[0].waiting'}
"#,
        returns: &[
            Returned { name: "query", help: "the last statement" },
            Returned { name: "query_list", help: "all statements" },
            Returned {
                name: "query_result",
                help: "of queries that look: the last one's rows, each a mapping",
            },
            Returned { name: "query_all_results", help: "of queries that look: the rows of each" },
            Returned { name: "rowcount", help: "of queries that look: how many rows" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let queries = queries(args)?;
    let login = login(args, args.needed("login_db")?);
    let mut result = Map::new();
    result.insert("query".into(), queries.last().cloned().into());
    result.insert("query_list".into(), queries.clone().into());
    let path = search_path(args);
    if path.is_none() && queries.iter().all(|query| only_looks(query)) {
        let selects = queries.iter().enumerate().map(|(at, query)| {
            let query = query.trim().trim_end_matches(';');
            let select =
                format!("SELECT coalesce(json_agg(row_to_json(found)), '[]') FROM ({query}\n) AS found");
            ask_written(host, &login, &format!("database/{}/query/{at}", login.database), select)
        });
        let selects: Vec<Result<Value, Stop>> = selects.collect();
        let rows: Vec<Value> = selects.into_iter().collect::<Result<_, _>>()?;
        let count: usize = rows.iter().filter_map(Value::as_array).map(Vec::len).sum();
        result.insert("query_result".into(), rows.last().cloned().unwrap_or_default());
        result.insert("query_all_results".into(), rows.into());
        result.insert("rowcount".into(), count.into());
        result.insert("statusmessage".into(), format!("SELECT {count}").into());
        return Ok(Outcome::in_order(result));
    }
    let statements: Vec<String> = path
        .into_iter()
        .chain(queries.iter().map(|query| query.trim().trim_end_matches(';').to_owned()))
        .collect();
    let change = run(format!("run SQL in {}", login.database), &login, "", "", &statements);
    let change = Change { nature: Nature::Opaque, touches: Subjects::Undeclared, ..change };
    Ok(Outcome::change(result, vec![change]))
}

fn queries(args: &Args) -> Result<Vec<String>, Stop> {
    let wrong = || Stop::refuse("'query' is neither a text nor a list of texts");
    let given: Vec<String> = match args.value("query") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(all)) => all
            .iter()
            .map(|query| query.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()?,
        _ => return Err(wrong()),
    };
    if let Some(query) = given.iter().find(|query| speaks_to_the_client(query, Dialect::Postgresql)) {
        return Err(Stop::refuse(format!(
            "'{}' has a backslash outside of a text in quotes: psql takes what follows for a command of its own, which is no SQL",
            query.trim()
        )));
    }
    let positional = args.value("positional_args").and_then(Value::as_array);
    let named = args.value("named_args").and_then(Value::as_object);
    match (positional, named) {
        (Some(_), Some(_)) => {
            Err(Stop::refuse("parameters are mutually exclusive: positional_args|named_args"))
        }
        (None, None) => Ok(given),
        (positional, named) => given.iter().map(|query| filled(query, positional, named)).collect(),
    }
}

/// A statement with values in the place of `%s` and `%(name)s`.
fn filled(query: &str, positional: Option<&Vec<Value>>, named: Option<&Map>) -> Result<String, Stop> {
    let mut values = positional.into_iter().flatten();
    let (mut made, mut rest) = (String::new(), query);
    while let Some((before, after)) = rest.split_once('%') {
        made.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            made.push('%');
            rest = after;
        } else if let Some(after) = after.strip_prefix('s').filter(|_| positional.is_some()) {
            let value =
                values.next().ok_or_else(|| Stop::refuse("there are more %s than 'positional_args'"))?;
            made.push_str(&literal(value));
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('(').and_then(|after| after.split_once(")s")) {
            let value = named.and_then(|named| named.get(name));
            let value = value.ok_or_else(|| Stop::refuse(format!("'named_args' has no '{name}'")))?;
            made.push_str(&literal(value));
            rest = after;
        } else {
            return Err(Stop::refuse(
                "a percent sign of the query's own is written %% where there are arguments",
            ));
        }
    }
    Ok(made + rest)
}

/// A value as SQL.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(true) => "TRUE".to_owned(),
        Value::Bool(false) => "FALSE".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(given) => text(given),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("ARRAY[{}]", items.join(", "))
        }
        Value::Object(_) => text(&value.to_string()),
    }
}

/// Whether a statement is one query that changes nothing: the question is asked in a transaction that may only read.
fn only_looks(query: &str) -> bool {
    let plain = query.trim().trim_end_matches(';');
    let word = plain.split_whitespace().next().unwrap_or_default().to_uppercase();
    matches!(word.as_str(), "SELECT" | "TABLE" | "VALUES")
        && !plain.contains(';')
        && !plain.contains("--")
        && !plain.to_uppercase().split_whitespace().any(|word| word == "INTO")
        && !plain.contains("nextval")
        && !plain.contains("pg_reload_conf")
        && !plain.contains("pg_terminate")
}

fn search_path(args: &Args) -> Option<String> {
    let names: Vec<String> =
        args.list("search_path").into_iter().map(crate::questions::postgresql::name).collect();
    (!names.is_empty()).then(|| format!("SET search_path TO {}", names.join(", ")))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain(outcome, outputs);
    if let Some(output) = outputs.first().filter(|output| output.status == 0) {
        let text = output.text();
        let rows: Vec<&str> = text.lines().collect();
        result.insert("statusmessage".into(), "".into());
        result.insert("rowcount".into(), rows.len().into());
        result.insert("query_result".into(), rows.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    #[test]
    fn a_query_that_looks_is_asked_and_its_rows_are_told() {
        let args =
            json!({"query": "SELECT a FROM t WHERE b = %s AND c LIKE 'x%%';", "positional_args": ["it's"]});
        let mut asked = String::new();
        let outcome = answer_with(&MODULE, &args, &mut |question| {
            asked = question.args.0.last().unwrap().clone();
            Ok(Output::ok(r#"[{"a": 1}, {"a": null}]"#))
        })
        .unwrap();
        assert!(outcome.changes.is_empty());
        assert!(asked.contains("SELECT a FROM t WHERE b = E'it''s' AND c LIKE 'x%'\n) AS found"), "{asked}");
        assert_eq!(outcome.result["query_result"], json!([{"a": 1}, {"a": null}]));
        assert_eq!(outcome.result["rowcount"], json!(2));
    }

    #[test]
    fn what_changes_something_is_run_once_and_not_in_a_dry_run() {
        for query in [
            "UPDATE t SET a = 1",
            "SELECT 1; DROP TABLE t",
            "SELECT * INTO x FROM t",
            "with a as (delete from t) select 1",
        ] {
            let outcome = answer_with(&MODULE, &json!({"query": query}), &mut |_| panic!("{query}")).unwrap();
            assert_eq!(outcome.changes[0].nature, Nature::Opaque, "{query}");
        }
        let args = json!({"query": "INSERT INTO t VALUES (%(n)s, %(l)s, %(none)s)", "named_args": {"n": 1, "l": ["a"], "none": null}});
        let outcome = answer_with(&MODULE, &args, &mut |_| panic!()).unwrap();
        let sql = String::from_utf8(outcome.changes[0].content.as_ref().unwrap().bytes().to_vec()).unwrap();
        assert!(sql.contains("VALUES (1, ARRAY[E'a'], NULL);"), "{sql}");
        for wrong in [
            json!({"query": "\\! id"}),
            json!({"query": "SELECT %s", "positional_args": []}),
            json!({"query": 1.5}),
        ] {
            assert!(answer_with(&MODULE, &wrong, &mut |_| panic!()).is_err(), "{wrong}");
        }
    }
}

//! `mysql_query`: SQL for a MySQL or MariaDB server. Queries that only look are asked in a transaction that may only read; what
//! changes something is run once, and a dry run says so.
//!
//! # Source
//! mariadb(1) of MariaDB 10.11, `--xml`: a `<row>` for each row, in it a `<field name="…">` for each column, with
//! `xsi:nil="true"` where there is NULL.

use super::mysql::{
    CA_CERT, CONFIG_FILE, CONNECT_TIMEOUT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER,
    NOT_YET, login, result as plain, run,
};
use super::sql::{Dialect, speaks_to_the_client};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Subjects, Value};
use crate::questions::mysql::{Login, Rows, name, text};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "mysql_query",
    aliases: &[],
    summary: "Runs SQL in MySQL or MariaDB, through the client on the host",
    params: &[
        Param::required("query", Kind::Any, "a statement, or a list of them"),
        Param::optional("positional_args", Kind::Any, "what stands for each %s"),
        Param::optional("named_args", Kind::Map, "what stands for each %(name)s"),
        Param::optional("login_db", Kind::Text, "the database"),
        Param::optional(
            "single_transaction",
            Kind::Bool,
            "whether all statements are undone where one fails",
        )
        .default("no"),
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_PORT,
        LOGIN_SOCKET,
        CONFIG_FILE,
        CA_CERT,
        CONNECT_TIMEOUT,
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: How many orders wait
  mysql_query:
    login_db: shop
    query: SELECT count(*) AS waiting FROM orders WHERE state = %s
    positional_args: [new]
  register: orders

- name: Say it
  debug: {var: 'orders.query_result[0][0].waiting'}
"#,
        returns: &[
            Returned { name: "executed_queries", help: "all statements" },
            Returned {
                name: "query_result",
                help: "of queries that look: the rows of each, each row a mapping",
            },
            Returned { name: "rowcount", help: "how many rows each has or changed" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: counted,
};

/// What stands before the number of rows that a statement changed, in what the client prints.
const ROWS: &str = "wgops-rows ";

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let queries = queries(args)?;
    let login = login(args);
    let mut result = Map::new();
    result.insert("executed_queries".into(), queries.clone().into());
    let database = args.text("login_db").unwrap_or_default();
    if queries.iter().all(|query| only_looks(query)) {
        let found: Vec<Result<Vec<Value>, Stop>> =
            queries.iter().map(|query| rows(host, &login, database, query)).collect();
        let found: Vec<Vec<Value>> = found.into_iter().collect::<Result<_, _>>()?;
        let counts: Vec<usize> = found.iter().map(Vec::len).collect();
        result.insert("query_result".into(), found.into());
        result.insert("rowcount".into(), counts.into());
        return Ok(Outcome::in_order(result));
    }
    let mut statements: Vec<String> = Vec::new();
    if !database.is_empty() {
        statements.push(format!("USE {}", name(database)));
    }
    let once = args.flag("single_transaction");
    statements.extend(once.then(|| "START TRANSACTION".to_owned()));
    for query in &queries {
        statements.push(query.trim().trim_end_matches(';').to_owned());
        statements.push(format!("SELECT CONCAT('{ROWS}', ROW_COUNT())"));
    }
    statements.extend(once.then(|| "COMMIT".to_owned()));
    let place = if database.is_empty() { "the database server" } else { database };
    let change = run(format!("run SQL in {place}"), &login, &[], "", &statements);
    let change = Change { nature: Nature::Opaque, touches: Subjects::Undeclared, ..change };
    Ok(Outcome::change(result, vec![change]))
}

/// What `register` gets: whether anything is another than before, as Ansible judges it: statements about data change something
/// where they change rows, those about tables always, others never.
fn counted(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain(outcome, outputs);
    let Some(done) = outputs.first().filter(|output| output.status == 0) else { return result };
    let text = done.text();
    let counts: Vec<i64> =
        text.lines().filter_map(|line| line.strip_prefix(ROWS)?.trim().parse().ok()).collect();
    let queries = outcome.result.get("executed_queries").and_then(Value::as_array);
    let Some(queries) = queries.filter(|queries| queries.len() == counts.len()) else { return result };
    let has_changed = |(query, count): (&Value, &i64)| {
        let first = query.as_str()?.split_whitespace().next()?.to_uppercase();
        Some(match first.as_str() {
            "CREATE" | "DROP" | "ALTER" | "RENAME" | "TRUNCATE" => true,
            "INSERT" | "UPDATE" | "DELETE" | "REPLACE" => *count > 0,
            _ => false,
        })
    };
    // Of several statements in one text only the last one is counted.
    let is_single =
        |query: &Value| query.as_str().is_some_and(|query| !query.trim().trim_end_matches(';').contains(';'));
    if queries.iter().all(is_single) {
        let changed = queries.iter().zip(&counts).any(|pair| has_changed(pair).unwrap_or(true));
        result.insert("changed".into(), changed.into());
    }
    result.insert("rowcount".into(), counts.into());
    result
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
    // The client's own commands would be run here: \! starts a program.
    if let Some(query) = given.iter().find(|query| {
        speaks_to_the_client(query, Dialect::Mysql) || query.contains('\0') || is_command(query)
    }) {
        return Err(Stop::refuse(format!(
            "'{}' has a command of the client's own, which is no SQL",
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

/// Whether a line begins with a word that the client takes for itself.
fn is_command(query: &str) -> bool {
    const WORDS: [&str; 12] = [
        "system",
        "source",
        "tee",
        "notee",
        "pager",
        "nopager",
        "edit",
        "delimiter",
        "connect",
        "charset",
        "exit",
        "quit",
    ];
    query.lines().any(|line| {
        let word = line.split_whitespace().next().unwrap_or_default().to_lowercase();
        WORDS.contains(&word.trim_end_matches(';'))
    })
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
            made.push_str(&literal(value)?);
            rest = after;
        } else if let Some((key, after)) = after.strip_prefix('(').and_then(|after| after.split_once(")s")) {
            let value = named.and_then(|named| named.get(key));
            let value = value.ok_or_else(|| Stop::refuse(format!("'named_args' has no '{key}'")))?;
            made.push_str(&literal(value)?);
            rest = after;
        } else {
            return Err(Stop::refuse(
                "a percent sign of the query's own is written %% where there are arguments",
            ));
        }
    }
    Ok(made + rest)
}

/// A value as SQL; a list is what stands behind IN.
fn literal(value: &Value) -> Result<String, Stop> {
    Ok(match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(yes) => u8::from(*yes).to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(given) => text(given),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect::<Result<_, _>>()?;
            format!("({})", items.join(", "))
        }
        Value::Object(_) => return Err(Stop::refuse("a mapping is no value that SQL has")),
    })
}

/// Whether a statement is one query that changes nothing.
fn only_looks(query: &str) -> bool {
    let plain = query.trim().trim_end_matches(';');
    let words: Vec<String> = plain.split_whitespace().map(str::to_uppercase).collect();
    let first = words.first().map_or("", String::as_str);
    let looks = matches!(first, "SELECT" | "SHOW" | "DESCRIBE" | "DESC" | "EXPLAIN" | "VALUES");
    looks && !plain.contains(';') && !words.iter().any(|word| matches!(word.as_str(), "INTO" | "ANALYZE"))
}

/// The rows of a query, each a mapping.
fn rows(host: &Host<'_>, login: &Login, database: &str, query: &str) -> Result<Vec<Value>, Stop> {
    let select = query.trim().trim_end_matches(';').to_owned();
    let asked = Rows { login: login.clone(), database: database.to_owned(), select };
    match host.get(asked)?.as_ref() {
        Ok(xml) => read(xml).ok_or_else(|| Stop::refuse("the client's answer can't be read")),
        Err(said) => Err(Stop::refuse(format!("Cannot execute SQL '{}': {said}", query.trim()))),
    }
}

/// Reads the client's XML.
fn read(xml: &str) -> Option<Vec<Value>> {
    let mut rows = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once("<row>") {
        let (row, after) = after.split_once("</row>")?;
        rest = after;
        let mut fields = Map::new();
        let mut row = row;
        while let Some((_, after)) = row.split_once("<field name=\"") {
            let (key, after) = after.split_once('"')?;
            let (attributes, after) = after.split_once('>')?;
            if attributes.contains("xsi:nil=\"true\"") {
                fields.insert(plain_text(key), Value::Null);
                row = after;
                continue;
            }
            let (value, after) = after.split_once("</field>")?;
            fields.insert(plain_text(key), typed(plain_text(value)));
            row = after;
        }
        rows.push(fields.into());
    }
    Some(rows)
}

fn plain_text(xml: &str) -> String {
    xml.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

/// What looks like a whole number is one: the client doesn't tell the types of columns.
fn typed(text: String) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let is_plain = digits == "0" && !text.starts_with('-') || !digits.starts_with('0') && !digits.is_empty();
    match text.parse::<i64>() {
        Ok(number) if is_plain && digits.bytes().all(|byte| byte.is_ascii_digit()) => number.into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    const XML: &str = "<?xml version=\"1.0\"?>\n\n<resultset statement=\"SELECT\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\n\
        <row>\n\t<field name=\"a\">1</field>\n\t<field name=\"b &lt;\">x &amp; &quot;y&quot;\n</field>\n\t<field name=\"c\" xsi:nil=\"true\" />\n</row>\n\
        <row>\n\t<field name=\"a\">007</field>\n</row>\n</resultset>\n";

    #[test]
    fn a_query_that_looks_is_asked_and_its_rows_are_told() {
        let args = json!({"query": "SELECT a FROM t WHERE b IN %s AND c = %s;", "positional_args": [["it's", 2], null], "login_db": "shop"});
        let mut asked = Vec::new();
        let outcome = answer_with(&MODULE, &args, &mut |question| {
            asked.clone_from(&question.args.0);
            Ok(Output::ok(XML))
        })
        .unwrap();
        assert!(outcome.changes.is_empty());
        let sql = asked.last().unwrap();
        assert!(sql.contains("SELECT a FROM t WHERE b IN ('it''s', 2) AND c = NULL;"), "{sql}");
        assert_eq!(
            outcome.result["query_result"],
            json!([[{"a": 1, "b <": "x & \"y\"\n", "c": null}, {"a": "007"}]])
        );
        assert_eq!(outcome.result["rowcount"], json!([2]));
    }

    #[test]
    fn what_changes_something_is_run_once_and_commands_of_the_client_are_refused() {
        for query in ["UPDATE t SET a = 1", "SELECT 1; DROP TABLE t", "SELECT 1 INTO OUTFILE '/x'"] {
            let outcome = answer_with(&MODULE, &json!({"query": query}), &mut |_| panic!("{query}")).unwrap();
            assert_eq!(outcome.changes[0].nature, Nature::Opaque, "{query}");
        }
        for query in ["\\! id", "system id", "SELECT 1;\nsource /etc/x"] {
            assert!(
                answer_with(&MODULE, &json!({"query": query}), &mut |_| panic!("{query}")).is_err(),
                "{query}"
            );
        }
        let args = json!({"query": ["DELETE FROM t", "DELETE FROM u"], "single_transaction": true, "login_db": "a`b"});
        let outcome = answer_with(&MODULE, &args, &mut |_| panic!()).unwrap();
        let sql = String::from_utf8(outcome.changes[0].content.as_ref().unwrap().bytes().to_vec()).unwrap();
        assert!(
            sql.ends_with(
                "USE `a``b`;\nSTART TRANSACTION;\nDELETE FROM t;\nSELECT CONCAT('wgops-rows ', ROW_COUNT());\n\
                 DELETE FROM u;\nSELECT CONCAT('wgops-rows ', ROW_COUNT());\nCOMMIT;\n"
            ),
            "{sql}"
        );
    }

    #[test]
    fn rows_that_were_changed_decide_whether_anything_was() {
        let changed = |query: Value, said: &str| {
            let outcome = answer_with(&MODULE, &json!({"query": query}), &mut |_| panic!()).unwrap();
            (MODULE.result)(&outcome, &[Output::ok(said)]).get("changed").cloned()
        };
        let no = Some(Value::Bool(false));
        assert_eq!(changed("DELETE FROM t".into(), "wgops-rows 0\n"), no);
        assert_eq!(changed("DELETE FROM t".into(), "wgops-rows 2\n"), Some(true.into()));
        assert_eq!(changed("DROP TABLE t".into(), "wgops-rows 0\n"), Some(true.into()));
        assert_eq!(changed("FLUSH PRIVILEGES".into(), "wgops-rows 0\n"), no);
        assert_eq!(
            changed(json!(["SELECT 1", "UPDATE t SET a = 1"]), "1\nwgops-rows -1\nwgops-rows 0\n"),
            no
        );
        assert_eq!(
            changed("DELETE FROM t; DELETE FROM u".into(), "wgops-rows 0\n"),
            None,
            "not all is counted"
        );
    }
}

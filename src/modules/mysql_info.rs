//! `mysql_info`: what a MySQL or MariaDB server says of itself.

use super::mysql::{
    CA_CERT, CONFIG_FILE, CONNECT_TIMEOUT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER,
    NOT_YET, ask, login, result,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::mysql::Login;
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "mysql_info",
    aliases: &[],
    summary: "Tells what a MySQL or MariaDB server says of itself",
    params: &[
        Param::optional(
            "filter",
            Kind::List,
            "what is asked for: version, databases, settings, global_status, engines; one with ! before it is left out",
        ),
        Param::optional("return_empty_dbs", Kind::Bool, "whether databases without tables are told, too")
            .default("no"),
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_PORT,
        LOGIN_SOCKET,
        CONFIG_FILE,
        CA_CERT,
        CONNECT_TIMEOUT,
        Param::not_yet("exclude_fields").or(&["login_db"]),
        NOT_YET,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Which server is it\n  mysql_info: {filter: version}\n  register: server\n- assert:\n    that: server.version.full is version('10.5', '>=')\n",
        returns: &[
            Returned { name: "version", help: "`major`, `minor`, `release`, `suffix` and `full`" },
            Returned { name: "databases", help: "each with its `size` in bytes" },
            Returned { name: "settings", help: "the server's variables" },
            Returned { name: "global_status", help: "its counters" },
            Returned { name: "engines", help: "each storage engine, with what it can do" },
            Returned { name: "server_engine", help: "MariaDB or MySQL" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

const PARTS: [&str; 5] = ["version", "databases", "settings", "global_status", "engines"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let filter = args.list("filter");
    let plain = |word: &&str| PARTS.contains(&word.trim_start_matches('!'));
    if let Some(strange) = filter.iter().find(|word| !plain(word)) {
        let message = format!("'filter' has {strange}: expected some of {}", PARTS.join(", "));
        return Err(Stop::refuse(message));
    }
    let named = filter.iter().any(|word| !word.starts_with('!'));
    let wanted =
        |part: &str| !filter.contains(&format!("!{part}").as_str()) && (!named || filter.contains(&part));
    let login = login(args);
    let settings = pairs(&ask(host, &login, "settings", "SHOW GLOBAL VARIABLES".to_owned())?);
    let full = settings.get("version").map(text).unwrap_or_default();
    let mut result = Map::new();
    let engine = if full.to_lowercase().contains("mariadb") { "MariaDB" } else { "MySQL" };
    result.insert("server_engine".into(), engine.into());
    if wanted("version") {
        result.insert("version".into(), version(&full));
    }
    if wanted("databases") {
        result.insert("databases".into(), databases(host, &login, args.flag("return_empty_dbs"))?);
    }
    if wanted("global_status") {
        let said = ask(host, &login, "status", "SHOW GLOBAL STATUS".to_owned())?;
        result.insert("global_status".into(), pairs(&said).into());
    }
    if wanted("engines") {
        result.insert("engines".into(), engines(&ask(host, &login, "engines", "SHOW ENGINES".to_owned())?));
    }
    if wanted("settings") {
        result.insert("settings".into(), settings.into());
    }
    Ok(Outcome::in_order(result))
}

/// Lines of a name and a value; numbers as such.
fn pairs(said: &str) -> Map {
    let pair = |line: &str| {
        let (name, value) = line.split_once('\t')?;
        Some((name.to_owned(), number_or_text(value)))
    };
    said.lines().filter_map(pair).collect()
}

fn number_or_text(word: &str) -> Value {
    word.parse::<i64>().map_or_else(|_| word.into(), Value::from)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `10.11.6-MariaDB-0+deb12u1` in its parts.
fn version(full: &str) -> Value {
    let (numbers, suffix) = full.split_once('-').unwrap_or((full, ""));
    let mut numbers = numbers.split('.').map(|part| part.parse::<i64>().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    let (major, minor, release) = (next(), next(), next());
    json!({"major": major, "minor": minor, "release": release, "suffix": suffix, "full": full})
}

fn databases(host: &Host<'_>, login: &Login, empty: bool) -> Result<Value, Stop> {
    let sizes = "SELECT table_schema, COALESCE(SUM(data_length + index_length), 0) \
                 FROM information_schema.tables GROUP BY table_schema";
    let mut found = Map::new();
    for (name, size) in pairs(&ask(host, login, "database", sizes.to_owned())?) {
        found.insert(name, json!({"size": size}));
    }
    if empty {
        let all = ask(host, login, "database", "SHOW DATABASES".to_owned())?;
        for name in all.lines().filter(|name| !name.is_empty()) {
            found.entry(name).or_insert_with(|| json!({"size": 0}));
        }
    }
    Ok(found.into())
}

fn engines(said: &str) -> Value {
    const COLUMNS: [&str; 5] = ["Support", "Comment", "Transactions", "XA", "Savepoints"];
    let engine = |line: &str| {
        let mut cells = line.split('\t');
        let name = cells.next()?.to_owned();
        let told: Map =
            COLUMNS.iter().zip(cells).map(|(key, cell)| ((*key).to_owned(), cell.into())).collect();
        Some((name, Value::Object(told)))
    };
    Value::Object(said.lines().filter_map(engine).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn run(args: Value) -> Result<Map, Stop> {
        let outcome = answer_with(&MODULE, &args, &mut |asked| {
            let sql = asked.args.0.last().cloned().unwrap_or_default();
            Ok(Output::ok(if sql.contains("VARIABLES") {
                "port\t3306\nversion\t10.11.6-MariaDB-0+deb12u1\n"
            } else if sql.contains("SUM(") {
                "app\t16384\n"
            } else if sql.contains("DATABASES") {
                "app\nnew\n"
            } else if sql.contains("ENGINES") {
                "InnoDB\tDEFAULT\tthe usual\tYES\tYES\tYES\n"
            } else {
                "Uptime\t77\n"
            }))
        })?;
        assert!(outcome.changes.is_empty());
        Ok(outcome.result)
    }

    #[test]
    fn a_server_tells_what_is_asked_for() {
        let version = json!({"major": 10, "minor": 11, "release": 6, "suffix": "MariaDB-0+deb12u1",
                             "full": "10.11.6-MariaDB-0+deb12u1"});
        let only = run(json!({"filter": "version"})).unwrap();
        assert_eq!(Value::Object(only), json!({"version": version, "server_engine": "MariaDB"}));
        let all = run(json!({"return_empty_dbs": true})).unwrap();
        assert_eq!(all["settings"]["port"], 3306);
        assert_eq!(all["databases"], json!({"app": {"size": 16384}, "new": {"size": 0}}));
        assert_eq!(all["engines"]["InnoDB"]["Support"], "DEFAULT");
        assert_eq!(all["global_status"]["Uptime"], 77);
        let less = run(json!({"filter": ["!settings", "!engines"]})).unwrap();
        assert!(less.contains_key("version") && !less.contains_key("settings"));
        assert!(run(json!({"filter": "users"})).is_err());
    }
}

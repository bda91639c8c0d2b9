//! `mysql_variables`: a setting of a MySQL or MariaDB server that runs.

use super::mysql::{
    CA_CERT, CONFIG_FILE, CONNECT_TIMEOUT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER,
    NOT_YET, ask, login, result, run,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::mysql::text;

/// The module.
pub static MODULE: Module = Module {
    name: "mysql_variables",
    aliases: &[],
    summary: "Sets or reads a setting of MySQL or MariaDB",
    params: &[
        Param::required("variable", Kind::Text, "the setting"),
        Param::optional("value", Kind::Text, "its value; without one it is read"),
        Param::optional(
            "mode",
            Kind::Choice(&["global", "persist", "persist_only"]),
            "until the server ends, also behind that, or only behind that (the latter two: MySQL 8)",
        )
        .default("global"),
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
        examples: "- name: The server tells what is slow\n  mysql_variables: {variable: slow_query_log, value: 1}\n",
        returns: &[
            Returned { name: "msg", help: "without `value`: the value; else what was done" },
            Returned { name: "queries", help: "the SQL that is run" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let variable = args.needed("variable")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if variable.is_empty() || !variable.chars().all(plain) {
        return Err(Stop::refuse(format!("invalid variable name \"{variable}\"")));
    }
    let login = login(args);
    let about = format!("variable/{variable}");
    let mode = args.needed("mode")?;
    let select = match mode {
        "persist_only" => {
            format!(
                "SELECT variable_name, variable_value FROM performance_schema.persisted_variables WHERE variable_name = {}",
                text(variable)
            )
        }
        _ => format!("SHOW GLOBAL VARIABLES WHERE variable_name = {}", text(variable)),
    };
    let said = ask(host, &login, &about, select)?;
    let now = said.trim_end_matches('\n').split_once('\t').map(|(_, value)| value.to_owned());
    let mut result = Map::new();
    let Some(wanted) = args.text("value") else {
        let now = now.ok_or_else(|| Stop::refuse(format!("Variable not available \"{variable}\"")))?;
        result.insert("msg".into(), now.into());
        return Ok(Outcome::in_order(result));
    };
    if now.is_none() && mode != "persist_only" {
        return Err(Stop::refuse(format!("Variable not available \"{variable}\"")));
    }
    if now.as_deref().is_some_and(|now| same(now, wanted)) {
        result.insert("msg".into(), "Variable is already set to requested value.".into());
        return Ok(Outcome::in_order(result));
    }
    let words = mode.to_uppercase();
    let name: Vec<String> = variable.split('.').map(|part| format!("`{part}`")).collect();
    let query = format!("SET {words} {} = {}", name.join("."), literal(wanted));
    result.insert("queries".into(), vec![query.clone()].into());
    result.insert("msg".into(), "Variable change succeeded".into());
    let was = now.map(|now| format!(" (was {now})")).unwrap_or_default();
    let change = run(format!("set {variable} to {wanted}{was}"), &login, &[about], "", &[query]);
    Ok(Outcome::change(result, vec![change]))
}

/// Whether the server's word for a value is a user's.
fn same(now: &str, wanted: &str) -> bool {
    let switch = |word: &str| match word.to_lowercase().as_str() {
        "on" | "true" | "1" | "yes" => Some(true),
        "off" | "false" | "0" | "no" => Some(false),
        _ => None,
    };
    let number = |word: &str| word.parse::<f64>().ok();
    now == wanted
        || now.eq_ignore_ascii_case(wanted) && switch(now).is_some()
        || switch(now).is_some() && number(now).is_none() && switch(now) == switch(wanted)
        || number(now).is_some() && number(now) == number(wanted)
}

/// A value in SQL: a number as it is, anything else as a text.
fn literal(value: &str) -> String {
    match value.parse::<f64>() {
        Ok(number) if number.is_finite() && !value.contains(['n', 'N', 'f', 'F']) => {
            Value::from(value).as_str().map(str::to_owned).unwrap_or_default()
        }
        _ if value.eq_ignore_ascii_case("true") => "ON".to_owned(),
        _ if value.eq_ignore_ascii_case("false") => "OFF".to_owned(),
        _ => text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    fn run(args: &Value, said: &'static str) -> Result<Option<String>, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said)))?;
        Ok(outcome.result.get("queries").map(|queries| queries[0].as_str().unwrap().to_owned()))
    }

    #[test]
    fn a_setting_is_set_where_the_server_says_something_else() {
        let of = |value: &str| json!({"variable": "slow_query_log", "value": value});
        assert_eq!(run(&of("1"), "slow_query_log\tON\n").unwrap(), None);
        assert_eq!(
            run(&of("ON"), "slow_query_log\tOFF\n").unwrap().unwrap(),
            "SET GLOBAL `slow_query_log` = 'ON'"
        );
        assert_eq!(
            run(&of("True"), "slow_query_log\tOFF\n").unwrap().unwrap(),
            "SET GLOBAL `slow_query_log` = ON"
        );
        let size = json!({"variable": "max_connections", "value": 200});
        assert_eq!(
            run(&size, "max_connections\t151\n").unwrap().unwrap(),
            "SET GLOBAL `max_connections` = 200"
        );
        assert_eq!(run(&size, "max_connections\t200\n").unwrap(), None);
        assert!(run(&size, "").is_err());
        assert!(run(&json!({"variable": "a; DROP"}), "").is_err());
        let hostile = json!({"variable": "x", "value": "1; DROP TABLE y"});
        assert_eq!(run(&hostile, "x\ty\n").unwrap().unwrap(), "SET GLOBAL `x` = '1; DROP TABLE y'");
    }
}

//! What the modules about PostgreSQL share: how a server is reached, asking it, and the change that runs SQL.

use super::{Args, Change, Kind, Outcome, Param, plain_result};
use crate::model::{Content, Map, Script, Value};
use crate::modules::Host;
use crate::questions::postgresql::{Login, Query, Written, complaint, subject, text, with_psql};
use crate::questions::{Output, Stop};

pub(super) const LOGIN_USER: Param =
    Param::optional("login_user", Kind::Text, "the role to log in as").default("postgres");
pub(super) const LOGIN_PASSWORD: Param = Param::optional("login_password", Kind::Text, "its password");
pub(super) const LOGIN_HOST: Param = Param::optional(
    "login_host",
    Kind::Text,
    "the server; without it, the one on this host, through its socket",
)
.or(&["host"]);
pub(super) const LOGIN_SOCKET: Param =
    Param::optional("login_unix_socket", Kind::Text, "the directory of the server's socket")
        .or(&["unix_socket"]);
pub(super) const LOGIN_PORT: Param =
    Param::optional("login_port", Kind::Int, "its port").or(&["port"]).default("5432");
pub(super) const SSL_MODE: Param = Param::optional(
    "ssl_mode",
    Kind::Choice(&["allow", "disable", "prefer", "require", "verify-ca", "verify-full"]),
    "whether the connection is encrypted, and what is checked of the server's certificate",
)
.default("prefer");
pub(super) const CA_CERT: Param =
    Param::optional("ca_cert", Kind::Text, "a file on the host with the authorities' certificates")
        .or(&["ssl_rootcert"]);
pub(super) const SESSION_ROLE: Param =
    Param::optional("session_role", Kind::Text, "the role to become after the login");
pub(super) const TRUST_INPUT: Param =
    Param::optional("trust_input", Kind::Bool, "accepted and not needed: names and texts are quoted")
        .default("yes");
pub(super) const NOT_YET: Param = Param::not_yet("connect_params").or(&["ssl_cert", "ssl_key"]);

/// Runs the SQL on stdin once the check, a `SELECT` of one truth, holds.
const RUN: Script = Script {
    name: "run_postgresql",
    text: with_psql!(
        r#"if [ -n "$1" ]; then
    holds=$(printf '%s' "$1" | sql) || exit 113
    [ "$holds" = t ] || exit 113
fi
sql || exit 1"#
    ),
};

/// The scripts of the modules about PostgreSQL.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// How the arguments say that the server is reached.
pub(super) fn login(args: &Args, database: &str) -> Login {
    let given = |name: &str| args.text(name).unwrap_or_default().to_owned();
    let host = match (given("login_host").as_str(), given("login_unix_socket")) {
        ("" | "localhost", socket) if !socket.is_empty() => socket,
        (host, _) => host.to_owned(),
    };
    Login {
        user: given("login_user"),
        host,
        port: args.int("login_port").unwrap_or(5432).to_string(),
        password: given("login_password"),
        ssl_mode: given("ssl_mode"),
        ca_cert: given("ca_cert"),
        session_role: given("session_role"),
        database: database.to_owned(),
    }
}

/// Asks for one value, about something of the server's: `role/NAME`, `database/NAME`.
pub(super) fn ask(host: &Host<'_>, login: &Login, about: &str, select: String) -> Result<Value, Stop> {
    let query = Query { login: login.clone(), about: about.to_owned(), select };
    value(login, host.get(query)?.as_ref())
}

/// The same with what a playbook wrote.
pub(super) fn ask_written(
    host: &Host<'_>,
    login: &Login,
    about: &str,
    select: String,
) -> Result<Value, Stop> {
    let query = Query { login: login.clone(), about: about.to_owned(), select };
    value(login, host.get(Written(query))?.as_ref())
}

fn value(login: &Login, answer: &Result<Value, String>) -> Result<Value, Stop> {
    match answer {
        Ok(value) => Ok(value.clone()),
        Err(said) => Err(Stop::refuse(format!("the database {} can't be asked: {said}", login.database))),
    }
}

/// The change of something that runs statements where a check still holds.
pub(super) fn run(summary: String, login: &Login, about: &str, check: &str, statements: &[String]) -> Change {
    let mut args = login.args();
    let check = if check.is_empty() { String::new() } else { format!("{}{check};\n", login.prelude()) };
    args.push(check);
    let sql: String = statements.iter().map(|statement| format!("{statement};\n")).collect();
    let content = Content::new((login.prelude() + &sql).into_bytes());
    Change::state(summary, RUN, args, [subject(about)]).with_content(content)
}

/// That a role, a database … of this name is there, or isn't.
pub(super) fn there(catalog: &str, column: &str, name: &str, wanted: bool) -> String {
    let not = if wanted { "" } else { "NOT " };
    format!("SELECT {not}EXISTS (SELECT 1 FROM {catalog} WHERE {column} = {})", text(name))
}

/// What `register` gets: as always, with the server's own words where it refused.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let Some(failed) =
        outputs.iter().find(|output| output.status != 0 && output.status != super::PRECONDITION_FAILED)
    {
        result.insert("msg".into(), complaint(failed.error_text().trim()).into());
    }
    result
}

/// Statements for `register`.
pub(super) fn told(statements: &[String]) -> Value {
    statements.iter().map(|statement| Value::from(statement.as_str())).collect()
}

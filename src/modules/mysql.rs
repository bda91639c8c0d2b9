//! What the modules about MySQL and MariaDB share: how a server is reached, asking it, and the change that runs SQL.

use super::{Args, Change, Host, Kind, Outcome, Param, plain_result};
use crate::model::{Content, Map, Script, Subject, Subjects, Value};
use crate::questions::mysql::{Login, PRELUDE, Query, complaint, subject, with_mysql};
use crate::questions::{Output, Stop};
use std::sync::Arc;

pub(super) const LOGIN_USER: Param = Param::optional(
    "login_user",
    Kind::Text,
    "who logs in; without it what `config_file` says, or the account itself",
);
pub(super) const LOGIN_PASSWORD: Param = Param::optional("login_password", Kind::Text, "the password");
pub(super) const LOGIN_HOST: Param =
    Param::optional("login_host", Kind::Text, "the server").default("localhost");
pub(super) const LOGIN_PORT: Param = Param::optional("login_port", Kind::Int, "its port").default("3306");
pub(super) const LOGIN_SOCKET: Param =
    Param::optional("login_unix_socket", Kind::Text, "its socket, for a server on this host");
pub(super) const CONFIG_FILE: Param = Param::optional(
    "config_file",
    Kind::Text,
    "an option file of the host that says how to log in, if it is there",
)
.default("~/.my.cnf");
pub(super) const CA_CERT: Param =
    Param::optional("ca_cert", Kind::Text, "a file on the host with the authorities' certificates")
        .or(&["ssl_ca"]);
pub(super) const CONNECT_TIMEOUT: Param =
    Param::optional("connect_timeout", Kind::Int, "seconds to wait for the server").default("30");
pub(super) const IMPLICIT_ADMIN: Param =
    Param::optional("check_implicit_admin", Kind::Bool, "try to log in as root without a password first")
        .default("no");
pub(super) const NOT_YET: Param =
    Param::not_yet("client_cert").or(&["ssl_cert", "client_key", "ssl_key", "check_hostname"]);

/// Runs the SQL on stdin once the check, a `SELECT` of one truth, holds.
const RUN: Script = Script {
    name: "run_mysql",
    text: with_mysql!(
        r#"if [ -n "$1" ]; then
    holds=$(printf '%s' "$1" | sql) || exit 113
    [ "$holds" = 1 ] || exit 113
fi
sql || exit 1"#
    ),
};

/// The scripts of the modules about MySQL.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// How the arguments say that the server is reached.
pub(super) fn login(args: &Args) -> Login {
    let given = |name: &str| args.text(name).unwrap_or_default();
    let socket = given("login_unix_socket");
    let host = given("login_host");
    let far = socket.is_empty() && host != "localhost" && !host.is_empty();
    let port = args.int("login_port").filter(|_| far).map(|port| port.to_string()).unwrap_or_default();
    let login = Login { config: given("config_file").to_owned(), ..Login::default() };
    let login = login.with("user", given("login_user")).with("password", given("login_password"));
    let login = login.with("socket", socket).with("host", if far { host } else { "" }).with("port", &port);
    login.with("ssl-ca", given("ca_cert"))
}

/// The same, or as root without a password where that is asked for and works (`check_implicit_admin`).
///
/// # Errors
/// Stops to ask.
pub(super) fn working_login(args: &Args, host: &Host<'_>) -> Result<Login, Stop> {
    let given = login(args);
    if !args.flag("check_implicit_admin") {
        return Ok(given);
    }
    let without = Login::default()
        .with("user", "root")
        .with("socket", args.text("login_unix_socket").unwrap_or_default());
    match ask(host, &without, "account/root", "SELECT 1".into()) {
        Err(Stop::Refuse(_)) => Ok(given),
        answer => answer.map(|_| without),
    }
}

/// Asks about something of the server's (`database/NAME`, `account/NAME`), and gives lines of rows.
pub(super) fn ask(host: &Host<'_>, login: &Login, about: &str, select: String) -> Result<String, Stop> {
    let query = Query { login: login.clone(), about: about.to_owned(), select };
    let answer: Arc<Result<String, String>> = host.get(query)?;
    match answer.as_ref() {
        Ok(rows) => Ok(rows.clone()),
        Err(said) => Err(Stop::refuse(format!("the database server can't be asked: {said}"))),
    }
}

/// The change that runs statements where a check still holds.
pub(super) fn run(
    summary: String,
    login: &Login,
    about: &[String],
    check: &str,
    statements: &[String],
) -> Change {
    let mut args = login.args();
    args.push(if check.is_empty() { String::new() } else { format!("{PRELUDE}{check};\n") });
    let sql: String = statements.iter().map(|statement| format!("{statement};\n")).collect();
    let content = Content::new((PRELUDE.to_owned() + &sql).into_bytes());
    let touches: Vec<Subject> = about.iter().map(|about| subject(about)).collect();
    Change::state(summary, RUN, args, Subjects::These(touches)).with_content(content)
}

/// What `register` gets: as always, with the server's own words where it refused.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let failed =
        outputs.iter().find(|output| output.status != 0 && output.status != super::PRECONDITION_FAILED);
    if let Some(failed) = failed {
        result.insert("msg".into(), complaint(&failed.error_text()).into());
    }
    result
}

/// Texts for `register`.
pub(super) fn told(texts: &[String]) -> Value {
    texts.iter().map(|text| Value::from(text.as_str())).collect()
}

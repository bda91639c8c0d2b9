//! `postgresql_user`: that a role is there as wanted, or isn't.

mod password;

use super::postgresql::{
    CA_CERT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER, NOT_YET, SESSION_ROLE,
    SSL_MODE, TRUST_INPUT, ask, login, result, run, there, told,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::postgresql::{Login, name, text};

/// The module.
pub static MODULE: Module = Module {
    name: "postgresql_user",
    aliases: &[],
    summary: "Makes, changes or removes a PostgreSQL role that may log in",
    params: &[
        Param::required("name", Kind::Text, "the role's name").or(&["user"]),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "password",
            Kind::Text,
            "its password, or the hash of it (SCRAM-SHA-256$…, md5…); empty: none",
        ),
        Param::optional(
            "no_password_changes",
            Kind::Bool,
            "leave the password of a role that is there as it is",
        )
        .default("no"),
        Param::optional("encrypted", Kind::Bool, "accepted: a server keeps hashes alone").default("yes"),
        Param::optional("role_attr_flags", Kind::Text, "attributes such as CREATEDB,NOSUPERUSER"),
        Param::optional("expires", Kind::Text, "until when the password is good"),
        Param::optional("conn_limit", Kind::Int, "how many connections it may have; -1: any number"),
        Param::optional("comment", Kind::Text, "a description of it"),
        Param::optional(
            "quote_configuration_values",
            Kind::Bool,
            "accepted: without `configuration` there are none",
        )
        .default("yes"),
        Param::optional("db", Kind::Text, "the database to log in to").or(&["login_db"]).default("postgres"),
        Param::optional(
            "fail_on_user",
            Kind::Bool,
            "fail where it can't be removed because something is its own",
        )
        .or(&["fail_on_role"])
        .default("yes"),
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
        Param::not_yet("priv").or(&["groups", "configuration"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The shop's role
  become: true
  become_user: postgres
  postgresql_user: {name: shop, password: "{{ shop_password }}", role_attr_flags: "CREATEDB,NOSUPERUSER"}
  no_log: true
"#,
        returns: &[
            Returned { name: "user", help: "the role's name" },
            Returned { name: "queries", help: "the SQL that is run, without passwords" },
            Returned { name: "user_removed", help: "with `state: absent`: whether it is removed" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Words of `role_attr_flags`, each with its column and what the column is then.
const FLAGS: [(&str, &str, bool); 14] = [
    ("SUPERUSER", "rolsuper", true),
    ("NOSUPERUSER", "rolsuper", false),
    ("CREATEROLE", "rolcreaterole", true),
    ("NOCREATEROLE", "rolcreaterole", false),
    ("CREATEDB", "rolcreatedb", true),
    ("NOCREATEDB", "rolcreatedb", false),
    ("INHERIT", "rolinherit", true),
    ("NOINHERIT", "rolinherit", false),
    ("LOGIN", "rolcanlogin", true),
    ("NOLOGIN", "rolcanlogin", false),
    ("REPLICATION", "rolreplication", true),
    ("NOREPLICATION", "rolreplication", false),
    ("BYPASSRLS", "rolbypassrls", true),
    ("NOBYPASSRLS", "rolbypassrls", false),
];

type Flag = (&'static str, &'static str, bool);

fn flags(args: &Args) -> Result<Vec<Flag>, Stop> {
    let words = args.text("role_attr_flags").unwrap_or_default().split(',').map(str::trim);
    let find = |word: &str| {
        let found = FLAGS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(word));
        found.copied().ok_or_else(|| {
            let near = crate::model::nearest(word, FLAGS.iter().map(|(known, ..)| *known));
            let near = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            Stop::refuse(format!("Invalid role_attr_flags specified: {word}{near}"))
        })
    };
    words.filter(|word| !word.is_empty()).map(find).collect()
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let role = args.needed("name")?;
    let flags = flags(args)?;
    let login = login(args, args.text("db").unwrap_or("postgres"));
    let is = found(args, host, &login)?;
    let absent = args.text("state") == Some("absent");
    let (summary, statements) = match (absent, is.is_null()) {
        (true, true) => (String::new(), Vec::new()),
        (true, false) => (format!("remove the role {role}"), vec![removal(args)]),
        (false, true) => (format!("make the role {role}"), created(args, &flags)),
        (false, false) => (format!("change the role {role}"), changed(args, host, &login, &is, &flags)?),
    };
    let mut result = Map::new();
    result.insert("user".into(), role.into());
    let shown: Vec<String> = statements.iter().map(|statement| statement.shown()).collect();
    result.insert("queries".into(), told(&shown));
    if absent {
        result.insert("user_removed".into(), (!statements.is_empty()).into());
    }
    let sent: Vec<String> = statements.into_iter().map(|statement| statement.text).collect();
    let check = there("pg_roles", "rolname", role, !is.is_null());
    let change = (!sent.is_empty()).then(|| run(summary, &login, &format!("role/{role}"), &check, &sent));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

/// A statement, and the password that stands in it.
struct Statement {
    text: String,
    secret: Option<String>,
}

impl Statement {
    fn of(text: String) -> Self {
        Self { text, secret: None }
    }

    fn shown(&self) -> String {
        match &self.secret {
            Some(secret) => self.text.replace(secret, "'********'"),
            None => self.text.clone(),
        }
    }
}

fn removal(args: &Args) -> Statement {
    let role = args.text("name").unwrap_or_default();
    match args.flag("fail_on_user") {
        true => Statement::of(format!("DROP USER {}", name(role))),
        // What it owns or may do keeps it there, which is then no failure.
        false => Statement::of(format!(
            "DO $body$ BEGIN EXECUTE {}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $body$",
            text(&format!("DROP USER {}", name(role)))
        )),
    }
}

/// What the server says of the role; null where there is none.
fn found(args: &Args, host: &Host<'_>, login: &Login) -> Result<Value, Stop> {
    let expires = match args.text("expires").unwrap_or_default() {
        "" => "true".to_owned(),
        expires => format!("rolvaliduntil IS NOT DISTINCT FROM {}::timestamptz", text(expires)),
    };
    let columns: Vec<String> =
        FLAGS.iter().filter(|(.., is)| *is).map(|(_, column, _)| format!("'{column}', {column}")).collect();
    let select = format!(
        "SELECT coalesce((SELECT json_build_object({}, 'conn_limit', rolconnlimit, 'same_expiry', {expires}, 'comment', \
         coalesce(shobj_description(oid, 'pg_authid'), '')) FROM pg_roles WHERE rolname = {}), 'null'::json)",
        columns.join(", "),
        text(args.needed("name")?)
    );
    ask(host, login, &format!("role/{}", args.needed("name")?), select)
}

/// `PASSWORD …`, and what of it is secret.
fn password_clause(wanted: &str) -> (String, Option<String>) {
    match wanted {
        "" => ("PASSWORD NULL".into(), None),
        wanted => (format!("ENCRYPTED PASSWORD {}", text(wanted)), Some(text(wanted))),
    }
}

fn comment(role: &str, wanted: &str) -> Statement {
    Statement::of(format!("COMMENT ON ROLE {} IS {}", name(role), text(wanted)))
}

fn created(args: &Args, flags: &[Flag]) -> Vec<Statement> {
    let role = args.text("name").unwrap_or_default();
    let (clause, secret) =
        args.text("password").filter(|wanted| !wanted.is_empty()).map(password_clause).unwrap_or_default();
    let mut words: Vec<String> = Some(clause).filter(|clause| !clause.is_empty()).into_iter().collect();
    words.extend(
        args.text("expires")
            .filter(|expires| !expires.is_empty())
            .map(|expires| format!("VALID UNTIL {}", text(expires))),
    );
    words.extend(args.int("conn_limit").map(|limit| format!("CONNECTION LIMIT {limit}")));
    words.extend(flags.iter().map(|(word, ..)| (*word).to_owned()));
    let with = if words.is_empty() { String::new() } else { format!(" WITH {}", words.join(" ")) };
    let create = Statement { text: format!("CREATE USER {}{with}", name(role)), secret };
    std::iter::once(create).chain(args.text("comment").map(|wanted| comment(role, wanted))).collect()
}

fn changed(
    args: &Args,
    host: &Host<'_>,
    login: &Login,
    is: &Value,
    flags: &[Flag],
) -> Result<Vec<Statement>, Stop> {
    let role = args.needed("name")?;
    let (mut words, mut secret) = (Vec::new(), None);
    if let Some(wanted) = args.text("password").filter(|_| !args.flag("no_password_changes")) {
        let select = format!(
            "SELECT to_json(coalesce((SELECT rolpassword FROM pg_authid WHERE rolname = {}), ''))",
            text(role)
        );
        let kept = ask(host, login, &format!("role/{role}"), select)?;
        if !password::is(wanted, kept.as_str().unwrap_or_default(), role) {
            let (clause, hidden) = password_clause(wanted);
            words.push(clause);
            secret = hidden;
        }
    }
    words.extend(
        args.text("expires")
            .filter(|_| is["same_expiry"] != true)
            .map(|expires| format!("VALID UNTIL {}", text(expires))),
    );
    words.extend(
        args.int("conn_limit")
            .filter(|limit| is["conn_limit"] != *limit)
            .map(|limit| format!("CONNECTION LIMIT {limit}")),
    );
    words.extend(
        flags
            .iter()
            .filter(|(_, column, wanted)| is[*column] != *wanted)
            .map(|(word, ..)| (*word).to_owned()),
    );
    let mut statements = Vec::new();
    if !words.is_empty() {
        statements
            .push(Statement { text: format!("ALTER USER {} WITH {}", name(role), words.join(" ")), secret });
    }
    statements.extend(
        args.text("comment").filter(|wanted| is["comment"] != *wanted).map(|wanted| comment(role, wanted)),
    );
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    const HASH: &str = "md58296fef81e2849bf85232edc1a46a4ce";

    /// The SQL that is sent, and what is told of it.
    fn sent(args: Value, is: &str) -> (String, Value) {
        let outcome = answer_with(&MODULE, &args, &mut |asked| {
            let sql = asked.args.0.last().unwrap();
            Ok(Output::ok(if sql.contains("rolpassword") { format!("\"{HASH}\"") } else { is.to_owned() }))
        });
        let outcome = outcome.unwrap();
        let sql = outcome.changes.first().and_then(|change| change.content.as_ref());
        let sql =
            sql.map(|content| String::from_utf8_lossy(content.bytes()).into_owned()).unwrap_or_default();
        (sql, outcome.result["queries"].clone())
    }

    const THERE: &str = r#"{"rolsuper": false, "rolcreatedb": false, "rolcanlogin": true, "conn_limit": -1, "same_expiry": true, "comment": ""}"#;

    #[test]
    fn a_role_is_made_with_everything_and_its_password_is_told_to_nobody() {
        let args = json!({"name": "probe", "password": "it's", "role_attr_flags": "createdb,NOSUPERUSER", "conn_limit": 3});
        let (sql, told) = sent(args, "null");
        assert_eq!(
            sql,
            "CREATE USER \"probe\" WITH ENCRYPTED PASSWORD E'it''s' CONNECTION LIMIT 3 CREATEDB NOSUPERUSER;\n"
        );
        assert_eq!(
            told,
            json!([
                "CREATE USER \"probe\" WITH ENCRYPTED PASSWORD '********' CONNECTION LIMIT 3 CREATEDB NOSUPERUSER"
            ])
        );
        assert_eq!(sent(json!({"name": "probe"}), "null").0, "CREATE USER \"probe\";\n");
    }

    #[test]
    fn only_what_differs_is_altered() {
        for same in [
            json!({"name": "probe", "password": "geheim", "role_attr_flags": "LOGIN,NOCREATEDB"}),
            json!({"name": "probe", "password": HASH}),
            json!({"name": "probe", "password": "other", "no_password_changes": true}),
        ] {
            assert_eq!(sent(same.clone(), THERE).0, "", "{same}");
        }
        let (sql, told) = sent(
            json!({"name": "probe", "password": "other", "role_attr_flags": "SUPERUSER", "comment": "c"}),
            THERE,
        );
        assert_eq!(
            sql,
            "ALTER USER \"probe\" WITH ENCRYPTED PASSWORD E'other' SUPERUSER;\nCOMMENT ON ROLE \"probe\" IS E'c';\n"
        );
        assert!(!told.to_string().contains("other"));
        assert_eq!(sent(json!({"name": "probe", "state": "absent"}), THERE).0, "DROP USER \"probe\";\n");
        assert_eq!(sent(json!({"name": "probe", "state": "absent"}), "null").0, "");
    }

    #[test]
    fn a_flag_that_there_is_not_is_refused_with_the_nearest() {
        let Err(Stop::Refuse(refusal)) = crate::modules::harness::without_host(
            &MODULE,
            &json!({"name": "x", "role_attr_flags": "CREATDB"}),
        ) else {
            panic!()
        };
        assert_eq!(refusal.message, "Invalid role_attr_flags specified: CREATDB; did you mean 'CREATEDB'?");
    }
}

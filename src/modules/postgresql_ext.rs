//! `postgresql_ext`: that an extension is installed in a database, or isn't.

use super::postgresql::{
    CA_CERT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER, NOT_YET, SESSION_ROLE,
    SSL_MODE, TRUST_INPUT, ask, login, result, run, there, told,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::postgresql::{name, text};

/// The module.
pub static MODULE: Module = Module {
    name: "postgresql_ext",
    aliases: &[],
    summary: "Installs, updates or removes an extension of a PostgreSQL database",
    params: &[
        Param::required("name", Kind::Text, "the extension").or(&["ext"]),
        Param::required("db", Kind::Text, "the database").or(&["login_db"]),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional("version", Kind::Text, "its version; `latest`: the newest that the host has"),
        Param::optional("schema", Kind::Text, "the schema a new one goes to"),
        Param::optional("cascade", Kind::Bool, "with the extensions that it needs, or that need it")
            .default("no"),
        Param::optional("comment", Kind::Text, "a description of it"),
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
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Trigrams in the shop's database
  become: true
  become_user: postgres
  postgresql_ext: {name: pg_trgm, db: shop}
"#,
        returns: &[Returned { name: "queries", help: "the SQL that is run" }],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let extension = args.needed("name")?;
    let login = login(args, args.needed("db")?);
    let select = format!(
        "SELECT json_build_object('installed', (SELECT extversion FROM pg_extension WHERE extname = {0}), 'newest', (SELECT \
         default_version FROM pg_available_extensions WHERE name = {0}), 'comment', (SELECT coalesce(obj_description(oid, \
         'pg_extension'), '') FROM pg_extension WHERE extname = {0}))",
        text(extension)
    );
    let about = format!("database/{}/extension/{extension}", login.database);
    let is = ask(host, &login, &about, select)?;
    let installed = is["installed"].as_str();
    let cascade = if args.flag("cascade") { " CASCADE" } else { "" };
    let latest = args.text("version") == Some("latest");
    let version = if latest {
        is["newest"].as_str()
    } else {
        args.text("version").filter(|version| !version.is_empty())
    };
    let mut statements: Vec<String> = match (args.text("state"), installed) {
        (Some("absent"), None) => vec![],
        (Some("absent"), Some(_)) => vec![format!("DROP EXTENSION {}{cascade}", name(extension))],
        (_, None) => {
            if is["newest"].is_null() {
                return Err(Stop::refuse(format!("Extension {extension} is not available")));
            }
            let schema =
                args.text("schema").map(|schema| format!(" SCHEMA {}", name(schema))).unwrap_or_default();
            let version = version
                .filter(|_| !latest)
                .map(|version| format!(" VERSION {}", text(version)))
                .unwrap_or_default();
            vec![format!("CREATE EXTENSION {}{schema}{version}{cascade}", name(extension))]
        }
        (_, Some(now)) => {
            let newer = version.filter(|version| *version != now);
            let update =
                |version: &str| format!("ALTER EXTENSION {} UPDATE TO {}", name(extension), text(version));
            newer.map(update).into_iter().collect()
        }
    };
    let comment = args
        .text("comment")
        .filter(|wanted| args.text("state") != Some("absent") && is["comment"] != *wanted);
    statements.extend(
        comment.map(|wanted| format!("COMMENT ON EXTENSION {} IS {}", name(extension), text(wanted))),
    );
    let mut result = Map::new();
    result.insert("queries".into(), told(&statements));
    let check = there("pg_extension", "extname", extension, installed.is_some());
    let summary = match (args.text("state"), installed) {
        (Some("absent"), _) => format!("remove the extension {extension} from {}", login.database),
        (_, None) => format!("install the extension {extension} in {}", login.database),
        _ => format!("change the extension {extension} in {}", login.database),
    };
    let change = (!statements.is_empty()).then(|| run(summary, &login, &about, &check, &statements));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn queries(args: Value, is: &str) -> Result<Value, Stop> {
        answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(is)))
            .map(|outcome| outcome.result["queries"].clone())
    }

    #[test]
    fn an_extension_comes_gets_newer_and_goes() {
        let absent = r#"{"installed": null, "newest": "1.6", "comment": null}"#;
        let old = r#"{"installed": "1.5", "newest": "1.6", "comment": ""}"#;
        let of = |more: Value| {
            let mut args = json!({"name": "pg_trgm", "db": "shop"});
            args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            args
        };
        assert_eq!(
            queries(of(json!({"schema": "s", "cascade": true})), absent).unwrap(),
            json!(["CREATE EXTENSION \"pg_trgm\" SCHEMA \"s\" CASCADE"])
        );
        assert_eq!(queries(of(json!({})), old).unwrap(), json!([]));
        assert_eq!(
            queries(of(json!({"version": "latest"})), old).unwrap(),
            json!(["ALTER EXTENSION \"pg_trgm\" UPDATE TO E'1.6'"])
        );
        assert_eq!(
            queries(of(json!({"state": "absent"})), old).unwrap(),
            json!(["DROP EXTENSION \"pg_trgm\""])
        );
        assert_eq!(queries(of(json!({"state": "absent"})), absent).unwrap(), json!([]));
        let unknown = r#"{"installed": null, "newest": null, "comment": null}"#;
        let Err(Stop::Refuse(refusal)) = queries(of(json!({})), unknown) else { panic!() };
        assert_eq!(refusal.message, "Extension pg_trgm is not available");
    }
}

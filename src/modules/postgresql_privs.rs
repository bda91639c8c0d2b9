//! `postgresql_privs`: that roles may do something with objects of a database, or may not. What they may do is read from the
//! objects' own lists: what a role has by another role, or as a superuser, does not count.

mod acl;

use super::postgresql::{
    CA_CERT, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT, LOGIN_SOCKET, LOGIN_USER, NOT_YET, SESSION_ROLE,
    SSL_MODE, TRUST_INPUT, ask, login, result, run, told,
};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;
use acl::Wish;

const TYPES: Kind = Kind::Choice(&[
    "database",
    "default_privs",
    "function",
    "group",
    "procedure",
    "schema",
    "sequence",
    "table",
]);

/// The module.
pub static MODULE: Module = Module {
    name: "postgresql_privs",
    aliases: &[],
    summary: "Grants privileges on objects of a PostgreSQL database, or takes them away",
    params: &[
        Param::required("database", Kind::Text, "the database").or(&["db", "login_db"]),
        Param::required("roles", Kind::List, "the roles; PUBLIC: all").or(&["role"]),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether they are to have it")
            .default("present"),
        Param::optional("type", TYPES, "what the objects are; group: the roles become members of others")
            .default("table"),
        Param::optional(
            "objs",
            Kind::List,
            "the objects, or ALL_IN_SCHEMA; for default_privs TABLES, SEQUENCES …, or ALL_DEFAULT",
        )
        .or(&["obj"]),
        Param::optional("schema", Kind::Text, "the schema of the objects; public unless said"),
        Param::optional("privs", Kind::List, "SELECT, INSERT …, or ALL").or(&["priv"]),
        Param::optional("grant_option", Kind::Bool, "whether they may grant it to others, too")
            .or(&["admin_option"]),
        Param::optional("target_roles", Kind::List, "for default_privs: of objects that these roles make"),
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
        Param::optional(
            "fail_on_role",
            Kind::Bool,
            "whether roles that there are not are an error; no: they are left out",
        )
        .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Reports may read every table
  become: true
  become_user: postgres
  postgresql_privs: {database: shop, roles: reports, objs: ALL_IN_SCHEMA, privs: SELECT}
"#,
        returns: &[Returned { name: "queries", help: "the SQL that is run" }],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let login = login(args, args.needed("database")?);
    let mut wish = Wish::of(args, &login.database)?;
    if args.maybe_flag("fail_on_role") == Some(false) {
        let there = ask(host, &login, "", wish.roles_there())?;
        if !wish.keep_roles(&there) {
            return Ok(Outcome::in_order(Map::new()));
        }
    }
    // What it says of roles depends on these, too, and on objects of any kind.
    let about = format!("database/{}", login.database);
    let holds = ask(host, &login, "", format!("SELECT to_json(({})::boolean)", wish.holds()))?;
    let statements = if holds == true { vec![] } else { wish.statements() };
    let mut result = Map::new();
    result.insert("queries".into(), told(&statements));
    let change = (!statements.is_empty()).then(|| run(wish.summary(), &login, &about, "", &statements));
    Ok(Outcome::change(result, change.into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn queries(more: Value) -> Result<Value, String> {
        let mut args = json!({"database": "shop", "roles": "reports"});
        args.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match answer_with(&MODULE, &args, &mut |_| Ok(Output::ok("false"))) {
            Ok(outcome) => Ok(outcome.result["queries"].clone()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn privileges_are_granted_and_taken_by_quoted_names() {
        for (args, statements) in [
            (
                json!({"objs": "t,s.u", "privs": "select,INSERT"}),
                json!(["GRANT SELECT, INSERT ON TABLE \"public\".\"t\", \"s\".\"u\" TO \"reports\""]),
            ),
            (
                json!({"objs": "ALL_IN_SCHEMA", "privs": "ALL", "schema": "s", "state": "absent"}),
                json!(["REVOKE ALL ON ALL TABLES IN SCHEMA \"s\" FROM \"reports\""]),
            ),
            (
                json!({"type": "database", "privs": "TEMP", "roles": "PUBLIC", "grant_option": true}),
                json!(["GRANT TEMP ON DATABASE \"shop\" TO PUBLIC WITH GRANT OPTION"]),
            ),
            (json!({"type": "group", "objs": "a,b"}), json!(["GRANT \"a\", \"b\" TO \"reports\""])),
            (
                json!({"type": "function", "objs": "add(int:int)", "privs": "EXECUTE"}),
                json!(["GRANT EXECUTE ON FUNCTION \"public\".\"add\"(int, int) TO \"reports\""]),
            ),
            (
                json!({"type": "default_privs", "objs": "TABLES", "privs": "SELECT", "target_roles": "shop"}),
                json!([
                    "ALTER DEFAULT PRIVILEGES FOR ROLE \"shop\" IN SCHEMA \"public\" GRANT SELECT ON TABLES TO \"reports\""
                ]),
            ),
        ] {
            assert_eq!(queries(args.clone()), Ok(statements), "{args}");
        }
    }

    #[test]
    fn roles_that_there_are_not_may_be_left_out() {
        let args = json!({"database": "shop", "roles": "reports,none", "objs": "t", "privs": "SELECT", "fail_on_role": false});
        let outcome = |there: &'static str| {
            let mut answers = [there, "false"].into_iter();
            answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(answers.next().unwrap_or(there)))).unwrap()
        };
        let some = outcome(r#"["reports"]"#);
        assert_eq!(some.result["queries"], json!(["GRANT SELECT ON TABLE \"public\".\"t\" TO \"reports\""]));
        assert!(outcome("[]").changes.is_empty());
    }

    #[test]
    fn what_has_no_such_privilege_is_refused() {
        for (args, why) in [
            (json!({"objs": "t", "privs": "CONNECT"}), "Invalid privs specified for table: CONNECT"),
            (json!({"objs": "t"}), "'privs' is needed"),
            (json!({"privs": "SELECT"}), "'objs' is needed"),
            (json!({"type": "default_privs", "objs": "COLUMNS", "privs": "ALL"}), "not COLUMNS"),
        ] {
            assert!(queries(args).unwrap_err().contains(why), "{why}");
        }
    }
}

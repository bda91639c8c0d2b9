//! `mysql_user`: that an account of MySQL or MariaDB is there with its password and privileges, or isn't.

mod grants;
mod tls;

use super::mysql::{
    CA_CERT, CONFIG_FILE, CONNECT_TIMEOUT, IMPLICIT_ADMIN, LOGIN_HOST, LOGIN_PASSWORD, LOGIN_PORT,
    LOGIN_SOCKET, LOGIN_USER, NOT_YET, ask, result, run, told, working_login,
};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::mysql::{Login, text};
use grants::{Grants, Manner};
use sha1::{Digest as _, Sha1};
use tls::Tls;

/// The module.
pub static MODULE: Module = Module {
    name: "mysql_user",
    aliases: &[],
    summary: "Makes, changes or removes an account of MySQL or MariaDB",
    params: &[
        Param::required("name", Kind::Text, "the account's name").or(&["user"]),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "host",
            Kind::Text,
            "from where it logs in; % and _ stand for any text and any letter",
        )
        .default("localhost"),
        Param::optional(
            "host_all",
            Kind::Bool,
            "take all accounts of this name that there are, whatever their host",
        )
        .default("no"),
        Param::optional("password", Kind::Text, "its password"),
        Param::optional("encrypted", Kind::Bool, "the password is the hash that the server keeps")
            .default("no"),
        Param::optional(
            "update_password",
            Kind::Choice(&["always", "on_create"]),
            "whether the password of one that is there is changed",
        )
        .default("always"),
        Param::optional(
            "plugin",
            Kind::Text,
            "the plugin by which a new one logs in, in place of a password",
        ),
        Param::optional("priv", Kind::Any, "privileges: `db.table:SELECT,INSERT/other.*:ALL`, or a mapping"),
        Param::optional("append_privs", Kind::Bool, "leave other privileges as they are").default("no"),
        Param::optional("subtract_privs", Kind::Bool, "take these privileges away").default("no"),
        Param::optional(
            "column_case_sensitive",
            Kind::Bool,
            "accepted: names of columns stay as they are written",
        )
        .default("yes"),
        IMPLICIT_ADMIN,
        LOGIN_USER,
        LOGIN_PASSWORD,
        LOGIN_HOST,
        LOGIN_PORT,
        LOGIN_SOCKET,
        CONFIG_FILE,
        CA_CERT,
        CONNECT_TIMEOUT,
        NOT_YET,
        Param::optional(
            "tls_requires",
            Kind::Map,
            "what it has to show when it connects: SSL, X509, or CIPHER, ISSUER and SUBJECT with their values; empty: nothing",
        ),
        Param::not_yet("plugin_hash_string").or(&[
            "plugin_auth_string",
            "resource_limits",
            "sql_log_bin",
            "session_vars",
            "force_context",
            "salt",
            "password_expire",
            "password_expire_interval",
            "attributes",
            "locked",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The shop's account
  mysql_user:
    name: shop
    password: "{{ shop_password }}"
    priv: "shop.*:ALL"
    login_unix_socket: /run/mysqld/mysqld.sock
  no_log: true
"#,
        returns: &[
            Returned { name: "user", help: "the account's name" },
            Returned {
                name: "password_changed",
                help: "whether the password of one that is there is changed",
            },
            Returned { name: "executed_commands", help: "the SQL that is run, without passwords" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let user = args.needed("name")?;
    if args.flag("append_privs") && args.flag("subtract_privs") {
        return Err(Stop::refuse("append_privs and subtract_privs are mutually exclusive"));
    }
    let wanted = grants::wanted(args.value("priv").unwrap_or(&Value::Null))?;
    let login = working_login(args, host)?;
    let hosts = hosts(args, host, &login)?;
    let mut done = Done::default();
    for from in &hosts {
        one(args, host, &login, from, &wanted, &mut done)?;
    }
    let mut result = Map::new();
    result.insert("user".into(), user.into());
    result.insert("password_changed".into(), done.password.into());
    result.insert("executed_commands".into(), told(&done.shown));
    Ok(Outcome::change(result, done.changes))
}

/// What is to be done for all hosts.
#[derive(Default)]
struct Done {
    changes: Vec<Change>,
    shown: Vec<String>,
    password: bool,
}

fn about(args: &Args) -> Result<String, Stop> {
    Ok(format!("account/{}", args.needed("name")?))
}

/// The hosts that accounts of this name are for.
fn hosts(args: &Args, host: &Host<'_>, login: &Login) -> Result<Vec<String>, Stop> {
    let from = args.needed("host")?.to_lowercase();
    if !args.flag("host_all") {
        return Ok(vec![from]);
    }
    let select = format!("SELECT host FROM mysql.user WHERE BINARY user = {}", text(args.needed("name")?));
    let all: Vec<String> = ask(host, login, &about(args)?, select)?.lines().map(str::to_owned).collect();
    Ok(if all.is_empty() && args.text("state") != Some("absent") { vec![from] } else { all })
}

fn one(
    args: &Args,
    host: &Host<'_>,
    login: &Login,
    from: &str,
    wanted: &Option<Grants>,
    done: &mut Done,
) -> Result<(), Stop> {
    let user = args.needed("name")?;
    let account = format!("{}@{}", text(user), text(from));
    let of = format!("FROM mysql.user WHERE BINARY user = {} AND host = {}", text(user), text(from));
    let is = ask(host, login, &about(args)?, format!("SELECT plugin, authentication_string {of}"))?;
    let is = is.lines().next().map(|line| line.split_once('\t').unwrap_or((line, "")));
    let absent = args.text("state") == Some("absent");
    let (mut sent, mut shown) = (Vec::new(), Vec::new());
    let (verb, check) = match (absent, is) {
        (true, None) => return Ok(()),
        (true, Some(_)) => {
            sent.push(format!("DROP USER {account}"));
            ("remove", format!("SELECT COUNT(*) = 1 {of}"))
        }
        (false, None) => {
            let (clause, secret) = identified(args, None);
            let requires = tls(args)?.map(|tls| tls.clause()).unwrap_or_default();
            sent.push(format!("CREATE USER {account}{clause}{requires}"));
            shown.push(format!("CREATE USER {account}{secret}{requires}"));
            sent.extend(grants::steps(&Grants::default(), wanted.as_ref(), Manner::of(args), &account));
            ("make", format!("SELECT COUNT(*) = 0 {of}"))
        }
        (false, Some((plugin, kept))) => {
            if args.text("update_password") == Some("always") && other_password(args, plugin, kept)? {
                let (clause, secret) = identified(args, Some(plugin));
                sent.push(format!("ALTER USER {account}{clause}"));
                shown.push(format!("ALTER USER {account}{secret}"));
                done.password = true;
            }
            if let Some(tls) = tls(args)? {
                let row = ask(host, login, &about(args)?, format!("SELECT {} {of}", tls::COLUMNS))?;
                sent.extend(
                    (!tls.is(row.lines().next().unwrap_or_default()))
                        .then(|| format!("ALTER USER {account}{}", tls.clause())),
                );
            }
            if wanted.is_some() {
                let now = ask(host, login, &about(args)?, format!("SHOW GRANTS FOR {account}"))?;
                sent.extend(grants::steps(&grants::read(&now), wanted.as_ref(), Manner::of(args), &account));
            }
            ("change", format!("SELECT COUNT(*) = 1 {of}"))
        }
    };
    if sent.is_empty() {
        return Ok(());
    }
    let rest = sent.get(shown.len()..).unwrap_or_default().iter().cloned();
    done.shown.extend(shown.into_iter().chain(rest));
    let change = run(format!("{verb} the account {user}@{from}"), login, &[about(args)?], &check, &sent);
    // Whoever changes how they log in themselves can't look again as they did before.
    let own = if login.user.is_empty() { "root" } else { &login.user };
    let nature = if own == user { Nature::Event } else { change.nature };
    done.changes.push(Change { nature, ..change });
    Ok(())
}

fn tls(args: &Args) -> Result<Option<Tls>, Stop> {
    args.value("tls_requires").map(Tls::wanted).transpose()
}

/// How it is to prove who it is; and the same for people.
fn identified(args: &Args, plugin: Option<&str>) -> (String, String) {
    if let Some(plugin) = args.text("plugin").filter(|_| plugin.is_none()) {
        let clause = format!(" IDENTIFIED VIA {plugin}");
        return (clause.clone(), clause);
    }
    match (args.text("password"), args.flag("encrypted")) {
        (None | Some(""), _) => (String::new(), String::new()),
        (Some(hash), true) => {
            (format!(" IDENTIFIED BY PASSWORD {}", text(hash)), " IDENTIFIED BY PASSWORD '********'".into())
        }
        (Some(password), false) => {
            (format!(" IDENTIFIED BY {}", text(password)), " IDENTIFIED BY '********'".into())
        }
    }
}

/// Whether the password that is kept is another one.
fn other_password(args: &Args, plugin: &str, kept: &str) -> Result<bool, Stop> {
    let Some(password) = args.text("password").filter(|password| !password.is_empty()) else {
        return Ok(false);
    };
    if args.flag("encrypted") {
        return Ok(!kept.eq_ignore_ascii_case(password));
    }
    match plugin {
        "mysql_native_password" | "" => Ok(!kept.eq_ignore_ascii_case(&native_hash(password))),
        "caching_sha2_password" | "sha256_password" => Err(Stop::refuse(format!(
            "the server keeps passwords by {plugin}, which can't be compared: use update_password: on_create"
        ))),
        _ => Ok(true),
    }
}

/// What `mysql_native_password` keeps of a password.
fn native_hash(password: &str) -> String {
    let twice = Sha1::digest(Sha1::digest(password.as_bytes()));
    twice.iter().fold("*".to_owned(), |text, byte| text + &format!("{byte:02X}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_password_is_kept_as_the_server_does_it() {
        assert_eq!(native_hash("secret"), "*14E65567ABDB5135D0CFD9A70B3032C179A49EE7");
    }

    /// The SQL that is sent where the account is as these rows say; and what is told.
    fn sent(args: serde_json::Value, row: &str, grants: &str) -> (Vec<String>, String) {
        let outcome = crate::modules::harness::answer_with(&MODULE, &args, &mut |asked| {
            let sql = asked.args.0.last().unwrap();
            let rows = if sql.contains("SHOW GRANTS") {
                grants
            } else if sql.contains("SELECT host") {
                "a\nb\n"
            } else {
                row
            };
            Ok(crate::questions::Output::ok(rows))
        });
        let outcome = outcome.unwrap();
        let text = |change: &Change| {
            String::from_utf8_lossy(change.content.as_ref().unwrap().bytes())
                .replace(crate::questions::mysql::PRELUDE, "")
        };
        (outcome.changes.iter().map(text).collect(), outcome.result["executed_commands"].to_string())
    }

    #[test]
    fn what_it_has_to_show_is_set_where_it_differs() {
        let run = |args: serde_json::Value, there: bool| {
            let outcome = crate::modules::harness::answer_with(&MODULE, &args, &mut |asked| {
                let is_tls = asked.args.0.last().unwrap().contains("ssl_type");
                let rows = if is_tls { "ANY\t\t\t\n" } else { "mysql_native_password\t*00\n" };
                Ok(crate::questions::Output::ok(if there { rows } else { "" }))
            });
            outcome.unwrap().result["executed_commands"].clone()
        };
        let args = |tls: serde_json::Value| json!({"name": "shop", "tls_requires": tls});
        assert_eq!(run(args(json!({"SSL": null})), true), json!([]));
        assert_eq!(
            run(args(json!({"X509": null})), true),
            json!(["ALTER USER 'shop'@'localhost' REQUIRE X509"])
        );
        assert_eq!(
            run(args(json!({"SSL": null})), false),
            json!(["CREATE USER 'shop'@'localhost' REQUIRE SSL"])
        );
    }

    #[test]
    fn who_changes_their_own_password_is_not_looked_at_again() {
        let nature = |args: serde_json::Value| {
            let outcome = crate::modules::harness::answer_with(&MODULE, &args, &mut |_| {
                Ok(crate::questions::Output::ok("mysql_native_password\t*00\n"))
            });
            outcome.unwrap().changes[0].nature
        };
        let args = |user: &str| json!({"name": user, "password": "new", "login_user": "admin"});
        assert_eq!(nature(args("shop")), Nature::State);
        assert_eq!(nature(args("admin")), Nature::Event);
        assert_eq!(nature(json!({"name": "root", "password": "new"})), Nature::Event);
    }

    #[test]
    fn an_account_is_made_kept_changed_and_removed() {
        let args = json!({"name": "shop", "password": "secret", "priv": "shop.*:ALL"});
        let (sql, told) = sent(args.clone(), "", "");
        assert_eq!(
            sql,
            [
                "CREATE USER 'shop'@'localhost' IDENTIFIED BY 'secret';\nGRANT ALL ON `shop`.* TO 'shop'@'localhost';\n"
            ]
        );
        assert!(!told.contains("secret") && told.contains("GRANT ALL"), "{told}");
        let kept = format!("mysql_native_password\t{}\n", native_hash("secret"));
        let grants = "GRANT USAGE ON *.* TO `shop`@`localhost`\nGRANT ALL PRIVILEGES ON `shop`.* TO `shop`@`localhost`\n";
        assert!(sent(args.clone(), &kept, grants).0.is_empty());
        let (sql, told) = sent(args.clone(), "mysql_native_password\t*0\n", grants);
        assert_eq!(sql, ["ALTER USER 'shop'@'localhost' IDENTIFIED BY 'secret';\n"]);
        assert!(!told.contains("secret"), "{told}");
        let once = json!({"name": "shop", "password": "other", "update_password": "on_create"});
        assert!(sent(once, &kept, "").0.is_empty());
        let gone = json!({"name": "shop", "state": "absent", "host_all": true});
        assert_eq!(sent(gone.clone(), &kept, "").0, ["DROP USER 'shop'@'a';\n", "DROP USER 'shop'@'b';\n"]);
        assert!(sent(gone, "", "").0.is_empty());
    }
}

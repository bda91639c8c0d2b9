//! `rabbitmq_user`: a user of RabbitMQ, with tags, a password and permissions in virtual hosts.

use super::rabbitmq::{NODE, checked, list, run, run_with};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::system::brokers::RabbitmqPassword;

/// The module.
pub static MODULE: Module = Module {
    name: "rabbitmq_user",
    aliases: &[],
    summary: "Makes, changes or removes a user of RabbitMQ",
    params: &[
        Param::required("user", Kind::Text, "the user's name").or(&["username", "name"]),
        Param::optional("password", Kind::Text, "the password; without one nobody can log in with it"),
        Param::optional("tags", Kind::Text, "tags, with commas between them; a user's others go"),
        Param::optional(
            "permissions",
            Kind::Any,
            "a list of {vhost, configure_priv, write_priv, read_priv}: all that the user may; what is not in it goes",
        ),
        Param::optional(
            "vhost",
            Kind::Text,
            "without `permissions`: the virtual host that the three below are for",
        )
        .default("/"),
        Param::optional("configure_priv", Kind::Text, "a pattern of what the user may configure")
            .default("^$"),
        Param::optional("write_priv", Kind::Text, "a pattern of what the user may write to").default("^$"),
        Param::optional("read_priv", Kind::Text, "a pattern of what the user may read").default("^$"),
        Param::optional(
            "update_password",
            Kind::Choice(&["on_create", "always"]),
            "whether the password of a user that is there is set, too",
        )
        .default("on_create"),
        Param::optional("force", Kind::Bool, "make the user anew each time").default("no"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether the user is to be there")
            .default("present"),
        NODE,
        Param::not_yet("topic_permissions").or(&[
            "login_protocol",
            "login_host",
            "login_port",
            "login_user",
            "login_password",
            "ca_cert",
            "client_cert",
            "client_key",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The shop may use its own virtual host
  rabbitmq_user:
    user: shop
    password: "{{ shop_broker_password }}"
    tags: monitoring
    permissions:
      - {vhost: /shop, configure_priv: .*, write_priv: .*, read_priv: .*}
  no_log: true

- name: Nobody logs in as guest
  rabbitmq_user: {user: guest, state: absent}
"#,
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// What a user may in a virtual host.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Right {
    vhost: String,
    configure: String,
    write: String,
    read: String,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let user = checked("user", args.needed("user")?)?;
    let node = args.text("node").unwrap_or_default();
    let rights = wanted_rights(args)?;
    let users = list(host, node, &["list_users"])?;
    let there = users.iter().find(|row| row["user"] == user);
    let mut changes = Vec::new();
    let removal = || run(format!("remove RabbitMQ's user {user}"), node, &["delete_user", user]);
    if args.text("state") == Some("absent") {
        changes.extend(there.map(|_| removal()));
        return Ok(Outcome::change(Map::new(), changes));
    }
    let anew = there.is_some() && args.flag("force");
    if anew {
        changes.push(removal());
    }
    let there = there.filter(|_| !anew);
    changes.extend(login(args, host, node, user, there.is_some())?);
    if let Some(tags) = args.text("tags") {
        let wanted = words(tags);
        let now: Vec<String> = there.map(tags_of).unwrap_or_default();
        if sorted(&wanted) != sorted(&now) {
            let argv: Vec<&str> =
                ["set_user_tags", user].into_iter().chain(wanted.iter().map(String::as_str)).collect();
            changes.push(run(
                format!("set the tags of RabbitMQ's user {user} to '{}'", wanted.join(", ")),
                node,
                &argv,
            ));
        }
    }
    let now = match there {
        Some(_) => rights_of(&list(host, node, &["list_user_permissions", user])?),
        None => Vec::new(),
    };
    let all = args.has("permissions");
    let gone = now.iter().filter(|right| all && !rights.iter().any(|wanted| wanted.vhost == right.vhost));
    changes.extend(gone.map(|right| {
        let summary = format!("take all permissions in {} from RabbitMQ's user {user}", right.vhost);
        run(summary, node, &["clear_permissions", "-p", &right.vhost, user])
    }));
    let missing = rights.iter().filter(|right| !now.contains(right));
    changes.extend(missing.map(|right| {
        let summary = format!("set the permissions of RabbitMQ's user {user} in {}", right.vhost);
        run(
            summary,
            node,
            &["set_permissions", "-p", &right.vhost, user, &right.configure, &right.write, &right.read],
        )
    }));
    if anew {
        // It is made anew each time, so looking again can't find it settled.
        changes.iter_mut().for_each(|change| change.nature = Nature::Event);
    }
    Ok(Outcome::change(Map::new(), changes))
}

/// What makes the user, or sets another password.
fn login(args: &Args, host: &Host<'_>, node: &str, user: &str, there: bool) -> Result<Vec<Change>, Stop> {
    let password = args.text("password").filter(|password| !password.is_empty());
    if password.is_some_and(|password| password.contains('\n')) {
        return Err(Stop::refuse("'password' holds a line feed"));
    }
    if !there {
        let summary = format!("make RabbitMQ's user {user}");
        return Ok(match password {
            Some(password) => vec![run_with(summary, node, &["add_user", user], password)],
            // There is no way to make one without: one is made with what nobody knows, and then has none.
            None => vec![
                run(summary, node, &["add_user", user, ""]),
                run(format!("let nobody log in as {user} with a password"), node, &["clear_password", user]),
            ],
        });
    }
    let Some(password) = password.filter(|_| args.text("update_password") == Some("always")) else {
        return Ok(Vec::new());
    };
    let asked = RabbitmqPassword(vec![node.to_owned(), user.to_owned(), password.to_owned()]);
    let said = host.get(asked)?.as_ref().clone().map_err(Stop::refuse)?.text;
    let summary = format!("set the password of RabbitMQ's user {user}");
    let change =
        (said.trim() != "yes").then(|| run_with(summary, node, &["change_password", user], password));
    Ok(change.into_iter().collect())
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn sorted(words: &[String]) -> Vec<&String> {
    let mut words: Vec<&String> = words.iter().collect();
    words.sort();
    words
}

fn tags_of(row: &Value) -> Vec<String> {
    let texts = |value: &Value| value.as_str().map(str::to_owned);
    match &row["tags"] {
        Value::Array(tags) => tags.iter().filter_map(texts).collect(),
        Value::String(text) => words(text.trim_matches(['[', ']'])),
        _ => Vec::new(),
    }
}

fn rights_of(rows: &[Value]) -> Vec<Right> {
    let one = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        Right { vhost: text("vhost"), configure: text("configure"), write: text("write"), read: text("read") }
    };
    rows.iter().map(one).collect()
}

/// What the arguments ask for: of `permissions`, or of the three patterns.
fn wanted_rights(args: &Args) -> Result<Vec<Right>, Stop> {
    let wrong = || Stop::refuse("'permissions' is no list of {vhost, configure_priv, write_priv, read_priv}");
    let Some(given) = args.value("permissions") else {
        let text = |name: &str| args.text(name).unwrap_or_default().to_owned();
        let right = Right {
            vhost: text("vhost"),
            configure: text("configure_priv"),
            write: text("write_priv"),
            read: text("read_priv"),
        };
        checked("vhost", &right.vhost)?;
        return Ok(vec![right]);
    };
    let one = |item: &Value| {
        let item = item.as_object().ok_or_else(wrong)?;
        const KEYS: [&str; 4] = ["vhost", "configure_priv", "write_priv", "read_priv"];
        if let Some(key) = item.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(Stop::refuse(format!(
                "there is no '{key}' in 'permissions': it has {}",
                KEYS.join(", ")
            )));
        }
        let text = |key: &str, default: &str| match item.get(key) {
            None | Some(Value::Null) => Ok(default.to_owned()),
            Some(value) => value.as_str().map(str::to_owned).ok_or_else(wrong),
        };
        let right = Right {
            vhost: text("vhost", "/")?,
            configure: text("configure_priv", "^$")?,
            write: text("write_priv", "^$")?,
            read: text("read_priv", "^$")?,
        };
        checked("vhost", &right.vhost)?;
        Ok(right)
    };
    given.as_array().ok_or_else(wrong)?.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::{Asked, Output};
    use serde_json::json;

    const USERS: &str = r#"[{"user":"guest","tags":["administrator"]},{"user":"shop","tags":[]}]"#;

    fn run(args: &Value) -> Result<Vec<String>, Stop> {
        let mut answer = |asked: &Asked| {
            Ok(Output::ok(match asked.args.0.get(1).map(String::as_str) {
                Some("list_users") => USERS,
                Some("list_user_permissions") => {
                    r#"[{"vhost":"/","configure":".*","write":".*","read":".*"},{"vhost":"/old","configure":"","write":"","read":"x"}]"#
                }
                _ if asked.args.0.get(2).is_some_and(|password| password == "right") => "yes\n",
                _ => "no\n",
            }))
        };
        let outcome = answer_with(&MODULE, args, &mut answer)?;
        Ok(outcome.changes.into_iter().map(|change| change.args.0.get(1..).unwrap().join(" ")).collect())
    }

    #[test]
    fn a_user_comes_with_password_tags_and_permissions_and_goes() {
        let new = json!({"user": "new", "password": "p", "tags": "a, b", "vhost": "/v", "read_priv": ".*"});
        assert_eq!(
            run(&new).unwrap(),
            ["add_user new", "set_user_tags new a b", "set_permissions -p /v new ^$ ^$ .*"]
        );
        let bare = run(&json!({"user": "new"})).unwrap();
        assert_eq!(bare, ["add_user new ", "clear_password new", "set_permissions -p / new ^$ ^$ ^$"]);
        assert_eq!(run(&json!({"user": "shop", "state": "absent"})).unwrap(), ["delete_user shop"]);
        assert!(run(&json!({"user": "none", "state": "absent"})).unwrap().is_empty());
    }

    #[test]
    fn a_user_that_is_there_is_changed_where_something_differs() {
        let all = json!([{"vhost": "/", "configure_priv": ".*", "write_priv": ".*", "read_priv": ".*"}]);
        let mut args = json!({"user": "shop", "permissions": all, "password": "wrong"});
        assert_eq!(run(&args).unwrap(), ["clear_permissions -p /old shop"]);
        args["update_password"] = json!("always");
        args["tags"] = json!("");
        assert_eq!(run(&args).unwrap(), ["change_password shop", "clear_permissions -p /old shop"]);
        args["password"] = json!("right");
        args["permissions"] =
            json!([{"vhost": "/old", "configure_priv": "", "write_priv": "", "read_priv": "x"}]);
        assert_eq!(run(&args).unwrap(), ["clear_permissions -p / shop"]);
        let single = json!({"user": "shop", "configure_priv": ".*", "write_priv": ".*", "read_priv": ".*"});
        assert!(run(&single).unwrap().is_empty(), "other virtual hosts stay");
        assert!(run(&json!({"user": "shop", "permissions": [{"vhsot": "/"}]})).is_err());
        assert!(run(&json!({"user": "-x"})).is_err());
    }

    #[test]
    fn a_password_is_on_stdin_alone() {
        let args = json!({"user": "new", "password": "very secret"});
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok("[]"))).unwrap();
        let made = &outcome.changes[0];
        assert!(!made.args.0.iter().any(|word| word.contains("secret")) && !made.summary.contains("secret"));
        assert_eq!(made.content.as_ref().unwrap().bytes(), b"very secret\n");
    }
}

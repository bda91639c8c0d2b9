//! `user`: that a user is there and as described, or isn't there.
//!
//! `user_changes` decides what is missing, `user_scripts` has the scripts that do it. Passwords travel as hashes, on stdin; the host's own is never brought here.

use super::user_changes::{Groups, Wanted, removal};
use super::user_extras;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value, printable};
use crate::questions::accounts::{GroupsOf, User, UserEntry, is_name};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "user",
    aliases: &[],
    summary: "Makes, changes or removes a user",
    params: &[
        Param::required("name", Kind::Text, "the login name").or(&["user"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("uid", Kind::Int, "the number"),
        Param::optional("non_unique", Kind::Bool, "take the number even if another user has it")
            .default("no"),
        Param::optional("group", Kind::Text, "the primary group's name or number"),
        Param::optional("groups", Kind::List, "the other groups; empty: none"),
        Param::optional("append", Kind::Bool, "only add to the groups").default("no"),
        Param::optional("comment", Kind::Text, "the full name"),
        Param::optional("home", Kind::Path, "the home directory"),
        Param::optional("shell", Kind::Place, "the login shell"),
        Param::optional("create_home", Kind::Bool, "make the home directory")
            .or(&["createhome"])
            .default("yes"),
        Param::optional("move_home", Kind::Bool, "move the home directory to its new place").default("no"),
        Param::optional("skeleton", Kind::Path, "what a new home directory is a copy of"),
        Param::optional("system", Kind::Bool, "number it among the system's users").default("no"),
        Param::optional("password", Kind::Text, "the password's hash, as in the shadow file"),
        Param::optional(
            "update_password",
            Kind::Choice(&["always", "on_create"]),
            "whether a user who is there gets it too",
        )
        .default("always"),
        Param::optional("password_lock", Kind::Bool, "lock or unlock the password"),
        Param::optional(
            "expires",
            Kind::Any,
            "when the account ends, in seconds since 1970; negative: never",
        ),
        Param::optional("remove", Kind::Bool, "with absent: remove the home directory too").default("no"),
        Param::optional("force", Kind::Bool, "with absent: even if the user is logged in").default("no"),
        Param::optional(
            "generate_ssh_key",
            Kind::Bool,
            "whether the user gets an SSH key; with 'force' a new one",
        )
        .default("no"),
        Param::optional("ssh_key_type", Kind::Text, "the key's type: rsa, ed25519, ecdsa").default("rsa"),
        Param::optional("ssh_key_bits", Kind::Int, "the key's size; by default what ssh-keygen takes"),
        Param::optional(
            "ssh_key_file",
            Kind::Text,
            "where it lies, below the home directory; by default .ssh/id_TYPE",
        ),
        Param::optional("ssh_key_comment", Kind::Text, "the key's comment; by default with the host's name"),
        Param::optional("umask", Kind::Mode, "the mask for a new home directory"),
        Param::optional("uid_min", Kind::Int, "the least number that a new user may get"),
        Param::optional("uid_max", Kind::Int, "the greatest number that a new user may get"),
        Param::optional("password_expire_max", Kind::Int, "after how many days a password has to be changed"),
        Param::optional("password_expire_min", Kind::Int, "how many days have to pass between changes"),
        Param::optional("password_expire_warn", Kind::Int, "how many days before that the user is warned"),
        Param::optional(
            "password_expire_account_disable",
            Kind::Int,
            "how many days after that the account is off",
        ),
        Param::optional(
            "local",
            Kind::Bool,
            "taken and not needed: users are always made on the host itself",
        ),
        Param::optional(
            "ssh_key_passphrase",
            Kind::Text,
            "what the key is locked with; by default with nothing",
        ),
        Param::not_yet("seuser").or(&["hidden", "login_class", "profile", "authorization", "role"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: An account for deployments
  user:
    name: deploy
    groups: [www-data]
    append: true
    shell: /bin/bash
- name: Eva has left
  user: {name: eva, state: absent, remove: true}
",
        returns: &[
            Returned { name: "name", help: "the login name" },
            Returned { name: "state", help: "`present` or `absent`" },
            Returned { name: "uid", help: "the number" },
            Returned { name: "group", help: "the primary group's number" },
            Returned { name: "groups", help: "the other groups, with commas between" },
            Returned { name: "append", help: "whether groups were only added" },
            Returned { name: "comment", help: "the full name" },
            Returned { name: "home", help: "the home directory" },
            Returned { name: "shell", help: "the login shell" },
            Returned { name: "password", help: "that there was one; never the hash" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if !is_name(name) {
        return Err(Stop::refuse(format!("'{}' can't be a user's name", printable(name))));
    }
    let mut result = Map::new();
    result.insert("name".into(), name.into());
    result.insert("state".into(), args.needed("state")?.into());
    if args.text("state") == Some("absent") {
        let user = host.get(UserEntry(name.to_owned()))?;
        for key in ["force", "remove"] {
            result.insert(key.into(), args.flag(key).into());
        }
        let removal = user.as_ref().as_ref().map(|user| removal(user, args));
        return Ok(Outcome::change(result, removal.into_iter().collect()));
    }
    let wanted = Wanted::read(args)?;
    let groups = Groups::ask(args, host);
    let (user, member) = host.get((UserEntry(name.to_owned()), GroupsOf(name.to_owned())))?;
    let groups = groups?;
    let mut changes = match user.as_ref() {
        None => wanted.additions(name, &groups, args),
        Some(user) => {
            describe(&mut result, user);
            wanted.modifications(user, &member, &groups, args, host)?
        }
    };
    let user = user.as_ref().as_ref();
    changes.extend(user_extras::aging(name, user, args, host)?);
    changes.extend(user_extras::ssh_key(user, args, host, &mut result)?);
    registered(&mut result, args);
    Ok(Outcome { warnings: wanted.warnings(), ..Outcome::change(result, changes) })
}

fn describe(result: &mut Map, user: &User) {
    result.insert("uid".into(), user.uid.into());
    result.insert("group".into(), user.gid.into());
    result.insert("comment".into(), user.comment.clone().into());
    result.insert("home".into(), user.home.clone().into());
    result.insert("shell".into(), user.shell.clone().into());
}

/// What Ansible repeats of the arguments.
fn registered(result: &mut Map, args: &Args) {
    for (key, parameter) in [
        ("append", "append"),
        ("move_home", "move_home"),
        ("create_home", "create_home"),
        ("system", "system"),
    ] {
        result.insert(key.into(), args.flag(parameter).into());
    }
    if let Some(groups) = args.value("groups").and_then(Value::as_array) {
        let names: Vec<&str> = groups.iter().filter_map(Value::as_str).collect();
        result.insert("groups".into(), names.join(",").into());
    }
    if args.value("password").is_some() {
        result.insert("password".into(), "NOT_LOGGING_PASSWORD".into());
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let last = outputs.iter().rev().filter(|output| output.status == 0);
    if let Some(user) = last.filter_map(|output| User::read(output.text().trim_end())).next() {
        describe(&mut result, &user);
    }
    user_extras::describe_key(&mut result, outcome, outputs);
    result
}

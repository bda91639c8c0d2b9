//! `user_accounts`: every account, for checks: numbers, shells, homes, groups, and what passwords are worth. No hash leaves
//! the host.

use super::gathered::Gathered;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Severity, Value};
use crate::questions::Stop;
use crate::questions::access::users::{Account, Accounts, Everybody};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "user_accounts",
    aliases: &[],
    summary: "Says which accounts there are, and what their passwords are worth",
    params: &[
        Param::optional("people_from", Kind::Int, "from which number on accounts are people's")
            .default("1000"),
        Param::optional("passwords", Kind::Bool, "whether it is a finding that passwords can't be looked at")
            .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Who has an account
  user_accounts: {people_from: 1000}
  become: true
",
        returns: &[
            Returned { name: "assessed", help: "whether it could be looked at" },
            Returned { name: "passwords_known", help: "whether passwords could be, too" },
            Returned {
                name: "accounts",
                help: "each account: `name`, `uid`, `person`, `has_shell`, `groups`, `home_mode`, `home_safe`, `password`, `password_scheme`, `password_age_days`, `expired`, `twins`",
            },
            Returned { name: "groups", help: "each group's members" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

const SECONDS_PER_DAY: i64 = 86_400;
/// `nobody` and its kin are no people.
const NOBODY: u32 = 65_534;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let everybody = seen.known(("check/accounts", "accounts"), host.get(Accounts))?;
    let everybody = everybody.as_deref();
    let known = everybody.is_some_and(|everybody| everybody.passwords_known);
    if everybody.is_some() && !known && args.flag("passwords") {
        let evidence = "this account may not read /etc/shadow";
        let texts = ["what passwords are worth is unknown", evidence, "audit with --become"];
        seen.not_assessed("check/passwords", Severity::Medium, texts);
    }
    let people_from = args.int("people_from").and_then(|n| u32::try_from(n).ok()).unwrap_or(1000);
    let accounts =
        |all: &Everybody| all.accounts.iter().map(|a| value(a, all, people_from)).collect::<Vec<_>>();
    seen.set("assessed", everybody.is_some());
    seen.set("passwords_known", known);
    seen.set("accounts", everybody.map(accounts).unwrap_or_default());
    seen.set("groups", everybody.map(|all| json!(all.groups)).unwrap_or_else(|| json!({})));
    Ok(seen.outcome())
}

fn value(account: &Account, all: &Everybody, people_from: u32) -> Value {
    let user = &account.user;
    let today = all.now / SECONDS_PER_DAY;
    let password = account.password.as_ref();
    let groups: Vec<&String> =
        all.groups.iter().filter(|(_, members)| members.contains(&user.name)).map(|(name, _)| name).collect();
    let twins: Vec<&str> = all
        .accounts
        .iter()
        .filter(|other| other.user.uid == user.uid && other.user.name != user.name)
        .map(|other| other.user.name.as_str())
        .collect();
    json!({
        "name": user.name,
        "twins": twins,
        "uid": user.uid,
        "gid": user.gid,
        "comment": user.comment,
        "home": user.home,
        "shell": user.shell,
        "has_shell": account.has_shell(),
        "person": user.uid >= people_from && user.uid < NOBODY,
        "groups": groups,
        "home_mode": account.home.map(|(mode, _)| format!("{mode:04o}")),
        "home_safe": account.home.is_none_or(|(mode, uid)| mode & 0o022 == 0 && (uid == user.uid || uid == 0)),
        "password": password.map_or("unknown", |p| p.state.as_str()),
        "password_scheme": password.map(|p| p.scheme.clone()),
        "password_age_days": password.and_then(|p| p.changed).map(|day| today - day),
        "expired": password.and_then(|p| p.expires).is_some_and(|day| day <= today),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn ask(args: Value, text: &str) -> (Value, Vec<String>) {
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(text))).unwrap();
        let ids = outcome.findings.iter().map(|f| f.id.clone()).collect();
        (outcome.result.into(), ids)
    }

    const TEXT: &str = "now 1728000000\npasswd root:x:0:0::/root:/bin/bash\npasswd eve:x:1000:1000::/home/eve:/bin/sh\n\
        passwd eva:x:1000:1000::/:/bin/false\n\
        passwd www:x:33:33::/var/www:/usr/sbin/nologin\ngroup docker:x:9:eve\nhome eve 777 1000\n";

    #[test]
    fn accounts_say_what_checks_ask_for() {
        let (result, ids) =
            ask(json!({}), &format!("{TEXT}shadow yes\npassword eve set md5 19900 99999 19950\n"));
        assert_eq!(ids, [""; 0]);
        let eve = &result["accounts"][1];
        for (key, value) in [
            ("twins", json!(["eva"])),
            ("person", json!(true)),
            ("has_shell", json!(true)),
            ("groups", json!(["docker"])),
            ("home_mode", json!("0777")),
            ("home_safe", json!(false)),
            ("password", json!("set")),
            ("password_scheme", json!("md5")),
            ("password_age_days", json!(100)),
            ("expired", json!(true)),
        ] {
            assert_eq!(eve[key], value, "{key}");
        }
        let www = &result["accounts"][3];
        assert_eq!(
            (&www["person"], &www["has_shell"], &www["password"]),
            (&json!(false), &json!(false), &json!("unknown"))
        );
    }

    #[test]
    fn passwords_that_may_not_be_looked_at_are_told_unless_nobody_asks() {
        assert_eq!(ask(json!({}), TEXT).1, ["not-assessed/check/passwords"]);
        assert_eq!(ask(json!({"passwords": false}), TEXT).1, [""; 0]);
        assert_eq!(ask(json!({}), "").1, ["not-assessed/check/accounts"]);
    }
}

//! `hostname`: what the host calls itself, now and after a boot. `/etc/hosts` is left alone.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::accounts::HostNames;

/// The module.
pub static MODULE: Module = Module {
    name: "hostname",
    aliases: &[],
    summary: "Sets the host's name",
    params: &[
        Param::required("name", Kind::Text, "the name"),
        Param::optional("use", Kind::Text, "taken and not needed: how the host keeps its name is found out"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Give the host its name\n  hostname:\n    name: web1.example.com\n",
        returns: &[super::Returned { name: "name", help: "The name." }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets the name: as it was seen, as it shall be.
const SET: Script = Script {
    name: "set_hostname",
    text: r#"[ "$(uname -n)" = "$1" ] || exit 113
if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null 2>&1 &&
    hostnamectl --static set-hostname "$2" >/dev/null 2>&1; then
    hostnamectl --pretty set-hostname "$2" >/dev/null 2>&1
    hostnamectl --transient set-hostname "$2" >/dev/null 2>&1
fi
# Without D-Bus hostnamectl can do nothing.
if [ "$(head -n 1 /etc/hostname 2>/dev/null)" != "$2" ]; then printf '%s\n' "$2" >/etc/hostname || exit 1; fi
if [ "$(uname -n)" != "$2" ]; then hostname "$2" || exit 1; fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    if name.is_empty() || name.len() > 64 || name.starts_with(['-', '.']) || !name.chars().all(fits) {
        return Err(Stop::refuse(format!("'{name}' can't be a host's name")));
    }
    let said = host.get(HostNames(vec![]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let now = of("now ").unwrap_or_default();
    let mut outcome = Outcome { result: named(name), facts: facts(name), ..Outcome::default() };
    if now == name && of("file ") == Some(name) {
        return Ok(outcome);
    }
    let touches = ["/etc/hostname", "/etc/machine-info", "/proc/sys/kernel/hostname"].map(Subject::path);
    outcome.changes.push(Change::state(
        format!("call the host {name} (was {now})"),
        SET,
        [now, name],
        touches,
    ));
    Ok(outcome)
}

fn named(name: &str) -> Map {
    Map::from_iter([("name".to_owned(), Value::from(name))])
}

/// What Ansible tells later tasks.
fn facts(name: &str) -> Map {
    let (short, domain) = name.split_once('.').unwrap_or((name, ""));
    [("hostname", short), ("nodename", name), ("fqdn", name), ("domain", domain)]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn a_name_is_set_unless_it_holds_now_and_after_a_boot() {
        let run = |said: &'static str| {
            let args = json!({"name": "web1.example.com"});
            let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(said))).unwrap();
            assert_eq!(outcome.facts["domain"], json!("example.com"));
            outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect::<Vec<_>>()
        };
        assert!(run("now web1.example.com\nfile web1.example.com\n").is_empty());
        assert_eq!(run("now web1.example.com\nfile old\nsystemd\n"), ["web1.example.com web1.example.com"]);
        assert_eq!(run("now old\n"), ["old web1.example.com"]);
    }
}

//! `firewalld`: what is allowed in a zone of firewalld, now and behind a restart.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subjects};
use crate::questions::Stop;
use crate::questions::system::firewalls::{FirewalldState, firewalld};

/// The module.
pub static MODULE: Module = Module {
    name: "firewalld",
    aliases: &[],
    summary: "Allows something in a zone of firewalld, or no longer",
    params: &[
        Param::required(
            "state",
            Kind::Choice(&["absent", "disabled", "enabled", "present"]),
            "whether it is so",
        ),
        Param::optional("service", Kind::Text, "a service by firewalld's name for it"),
        Param::optional("port", Kind::Text, "a port or a range, as 8080/tcp"),
        Param::optional("protocol", Kind::Text, "a protocol of IP, as ospf"),
        Param::optional("source", Kind::Text, "a network that belongs to the zone"),
        Param::optional("interface", Kind::Text, "an interface that belongs to the zone"),
        Param::optional("rich_rule", Kind::Text, "a rule in firewalld's rich language"),
        Param::optional("icmp_block", Kind::Text, "a kind of ICMP that is blocked"),
        Param::optional(
            "masquerade",
            Kind::Bool,
            "whether addresses are hidden behind the host's; no: the other way round",
        ),
        Param::optional(
            "icmp_block_inversion",
            Kind::Bool,
            "whether kinds of ICMP are blocked that are not named",
        ),
        Param::optional("zone", Kind::Text, "the zone; the default one unless said"),
        Param::optional("permanent", Kind::Bool, "whether it is so behind a restart").default("no"),
        Param::optional("immediate", Kind::Bool, "with permanent: whether it is so now, too").default("no"),
        Param::optional("timeout", Kind::Int, "seconds until it is no more, if not permanent").default("0"),
        Param::optional("offline", Kind::Bool, "whether it is set where firewalld doesn't run, too")
            .default("no"),
        Param::not_yet("port_forward").or(&["forward", "target"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Let web browsers in\n  firewalld: {service: https, state: enabled, permanent: true, immediate: true}\n",
        returns: &[Returned { name: "msg", help: "what was set where" }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Runs firewalld's tool, or the one for when it doesn't run: `now` or `offline`, then what it is told.
const RUN: Script = Script {
    name: "run_firewalld",
    text: r#"PATH=$PATH:/usr/sbin:/sbin
if [ "$1" = offline ]; then tool=firewall-offline-cmd; else tool=firewall-cmd; fi
shift
command -v "$tool" >/dev/null 2>&1 || { echo "this host has no $tool" >&2; exit 1; }
"$tool" "$@" </dev/null >/dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// What has a value, and what is a yes or a no.
const VALUED: [&str; 7] = ["service", "port", "protocol", "source", "interface", "rich_rule", "icmp_block"];
const SWITCHES: [&str; 2] = ["masquerade", "icmp_block_inversion"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let zone = args.text("zone").unwrap_or_default();
    if zone.starts_with('-') || zone.contains(['\n', ' ']) {
        return Err(Stop::refuse(format!("'{zone}' is no zone's name")));
    }
    let given: Vec<&str> = VALUED.into_iter().chain(SWITCHES).filter(|name| args.has(name)).collect();
    let [name] = given[..] else {
        return Err(Stop::refuse(match given.len() {
            0 => "nothing is named: expected service, port, source, interface, rich_rule …".to_owned(),
            _ => format!("can only operate on one at once, and there are {}", given.join(", ")),
        }));
    };
    let value = args.text(name).filter(|_| VALUED.contains(&name));
    if value.is_some_and(|value| value.is_empty() || value.contains('\n')) {
        return Err(Stop::refuse(format!("'{name}' is empty, or has more than one line")));
    }
    let asked = FirewalldState(vec![zone.to_owned(), option("query", name, value)]);
    let said = host.get(asked)?.as_ref().clone().map_err(|why| Stop::refuse(format!("firewalld: {why}")))?;
    let (changes, message) = changes(args, name, value, &said.text)?;
    let mut result = Map::new();
    result.insert("msg".into(), message.join(", ").into());
    Ok(Outcome::change(result, changes))
}

/// An option of firewalld's tools: what is done with what.
fn option(verb: &str, name: &str, value: Option<&str>) -> String {
    let word = name.replace('_', "-");
    match value {
        Some(value) => format!("--{verb}-{word}={value}"),
        None => format!("--{verb}-{word}"),
    }
}

/// What is missing for good and now, and Ansible's words for it.
fn changes(
    args: &Args,
    name: &str,
    value: Option<&str>,
    said: &str,
) -> Result<(Vec<Change>, Vec<&'static str>), Stop> {
    let of = |key: &str| said.lines().find_map(|line| line.strip_prefix(key));
    let running = said.lines().any(|line| line == "running");
    if !running && !args.flag("offline") {
        return Err(Stop::refuse(
            "firewall is not currently running, unable to perform immediate actions without a running firewall daemon; offline: true sets it for later",
        ));
    }
    let reversed = SWITCHES.contains(&name) && args.maybe_flag(name) == Some(false);
    let on = matches!(args.needed("state")?, "enabled" | "present") != reversed;
    let permanent = args.flag("permanent");
    let zone = of("zone ").unwrap_or_default();
    let verb = if on { "add" } else { "remove" };
    let told = option(verb, name, value);
    let shown = value.unwrap_or(name);
    let summary = |when: &str| format!("{verb} {name} {shown} in firewalld's zone {zone}, {when}");
    let (mut changes, mut message) = (Vec::new(), Vec::new());
    if (permanent || !running) && (of("later ") == Some("yes")) != on {
        let head: &[&str] = if running { &["now", "--permanent"] } else { &["offline"] };
        let words =
            head.iter().map(|word| (*word).to_owned()).chain([format!("--zone={zone}"), told.clone()]);
        changes.push(run(summary("for good"), words.collect()));
        message.push("Permanent operation");
    }
    let immediate = args.flag("immediate") || !permanent;
    if immediate && running && (of("now ") == Some("yes")) != on {
        let mut words = vec!["now".to_owned(), format!("--zone={zone}"), told];
        let timeout = args.int("timeout").filter(|seconds| on && *seconds > 0 && !permanent);
        words.extend(timeout.map(|seconds| format!("--timeout={seconds}")));
        changes.push(run(summary("now"), words));
        message.push("Non-permanent operation");
    }
    message.extend((!changes.is_empty()).then_some("Changed"));
    Ok((changes, message))
}

fn run(summary: String, words: Vec<String>) -> Change {
    Change::state(summary, RUN, words, Subjects::These(firewalld()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn told(args: &Value, said: &'static str) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }

    #[test]
    fn something_is_allowed_now_and_for_good_and_forbidden_again() {
        let off = "running\nzone public\nnow no\nlater no\n";
        let mut args = json!({"service": "https", "state": "enabled", "permanent": true, "immediate": true});
        assert_eq!(
            told(&args, off).unwrap(),
            ["now --permanent --zone=public --add-service=https", "now --zone=public --add-service=https"]
        );
        assert!(told(&args, "running\nzone public\nnow yes\nlater yes\n").unwrap().is_empty());
        args["state"] = json!("disabled");
        args["immediate"] = json!(false);
        assert_eq!(
            told(&args, "running\nzone public\nnow yes\nlater yes\n").unwrap(),
            ["now --permanent --zone=public --remove-service=https"]
        );
        let hide = json!({"masquerade": false, "state": "enabled", "zone": "dmz"});
        assert_eq!(
            told(&hide, "running\nzone dmz\nnow yes\nlater no\n").unwrap(),
            ["now --zone=dmz --remove-masquerade"]
        );
        let port = json!({"port": "8080/tcp", "state": "enabled", "timeout": 60});
        assert_eq!(told(&port, off).unwrap(), ["now --zone=public --add-port=8080/tcp --timeout=60"]);
    }

    #[test]
    fn where_it_does_not_run_it_is_set_for_later_only_if_asked() {
        let mut args = json!({"service": "https", "state": "enabled", "permanent": true});
        assert!(told(&args, "zone public\nlater no\n").is_err());
        args["offline"] = json!(true);
        assert_eq!(
            told(&args, "zone public\nlater no\n").unwrap(),
            ["offline --zone=public --add-service=https"]
        );
        assert!(told(&json!({"state": "enabled"}), "").is_err());
        assert!(told(&json!({"state": "enabled", "port": "1/tcp", "service": "x"}), "").is_err());
    }
}

//! `ufw`: Ubuntu's front for the packet filter. What a command would do is asked of ufw itself beforehand (`--dry-run`).

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::tools::UfwState;

/// The module.
pub static MODULE: Module = Module {
    name: "ufw",
    aliases: &[],
    summary: "Sets the firewall ufw and its rules",
    params: &[
        Param::optional(
            "state",
            Kind::Choice(&["enabled", "disabled", "reloaded", "reset"]),
            "whether it works at all",
        ),
        Param::optional(
            "default",
            Kind::Choice(&["allow", "deny", "reject"]),
            "what becomes of what no rule names",
        )
        .or(&["policy"]),
        Param::optional(
            "direction",
            Kind::Choice(&["in", "incoming", "out", "outgoing", "routed"]),
            "of which direction",
        ),
        Param::optional(
            "logging",
            Kind::Choice(&["on", "off", "low", "medium", "high", "full", "True", "False"]),
            "how much is logged",
        ),
        Param::optional("rule", Kind::Choice(&["allow", "deny", "limit", "reject"]), "a rule"),
        Param::optional("route", Kind::Bool, "whether it is for what passes through").default("no"),
        Param::optional("delete", Kind::Bool, "whether the rule goes").default("no"),
        Param::optional("insert", Kind::Int, "the place of a new rule"),
        Param::optional("insert_relative_to", Kind::Choice(&["zero"]), "only zero so far").default("zero"),
        Param::optional("log", Kind::Bool, "whether connections of this rule are logged").default("no"),
        Param::optional("from_ip", Kind::Text, "whose").or(&["from", "src"]).default("any"),
        Param::optional("from_port", Kind::Text, "from which port"),
        Param::optional("to_ip", Kind::Text, "to whom").or(&["dest", "to"]).default("any"),
        Param::optional("to_port", Kind::Text, "to which port").or(&["port"]),
        Param::optional(
            "proto",
            Kind::Choice(&["any", "tcp", "udp", "ipv6", "esp", "ah", "gre", "igmp", "vrrp"]),
            "the protocol",
        )
        .or(&["protocol"]),
        Param::optional("name", Kind::Text, "a program that ufw knows").or(&["app"]),
        Param::optional("interface", Kind::Text, "of which interface, with 'direction'").or(&["if"]),
        Param::optional("interface_in", Kind::Text, "where it comes in").or(&["if_in"]),
        Param::optional("interface_out", Kind::Text, "where it goes out").or(&["if_out"]),
        Param::optional("comment", Kind::Text, "a comment on the rule"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Let ssh in, before anything else\n  ufw:\n    rule: limit\n    port: ssh\n    proto: tcp\n- name: Let nothing else in\n  ufw:\n    state: enabled\n    policy: deny\n    direction: incoming\n",
        returns: &[Returned { name: "commands", help: "What ufw is told." }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Tells ufw something.
const TELL: Script = Script {
    name: "ufw_tell",
    text: r#"command -v ufw >/dev/null 2>&1 || exit 113
ufw "$@" </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[TELL];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let given = |name: &str| args.value(name).is_some();
    if !["state", "default", "rule", "logging"].into_iter().any(given) {
        return Err(Stop::refuse("one of the following is required: state, default, rule, logging"));
    }
    let said = host.get(UfwState(vec![]));
    let rule = args.text("rule").map(|rule| rule_words(args, rule)).transpose()?;
    let dry = rule.as_ref().map(|words| host.get(UfwState(words.clone())));
    let said = said?.as_ref().clone().map_err(Stop::refuse)?.text;
    let now = Now::read(&said);
    let mut changes = Vec::new();
    if let Some(state) = args.text("state") {
        changes.extend(now.state(state));
    }
    if let Some(policy) = args.text("default") {
        changes.extend(now.policy(policy, args.text("direction").unwrap_or("incoming")));
    }
    if let (Some(words), Some(dry)) = (&rule, dry) {
        let dry = dry?.as_ref().clone().map_err(|why| Stop::refuse(format!("ufw: {why}")))?.text;
        changes.extend(would_change(&dry).then(|| tell(words, Nature::State)));
    }
    if let Some(level) = args.text("logging") {
        changes.extend(now.logging(level));
    }
    let mut result = Map::new();
    let commands: Vec<Value> =
        changes.iter().map(|change| format!("ufw {}", change.args.0.join(" ")).into()).collect();
    result.insert("commands".into(), commands.into());
    result.insert("msg".into(), said.split("== defaults").next().unwrap_or_default().trim().into());
    Ok(Outcome::change(result, changes))
}

fn tell(words: &[String], nature: Nature) -> Change {
    let touches = [
        Subject::path("/etc/ufw"),
        Subject::path("/etc/default/ufw"),
        Subject::path("/proc/net/ip_tables_names"),
    ];
    let shown: Vec<String> = words
        .iter()
        .map(|word| if word.contains(' ') { format!("'{word}'") } else { word.clone() })
        .collect();
    Change { nature, ..Change::state(format!("ufw {}", shown.join(" ")), TELL, words.to_vec(), touches) }
}

fn tells(words: &[&str], nature: Nature) -> Change {
    tell(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), nature)
}

/// How ufw is set.
struct Now<'a> {
    active: bool,
    settings: &'a str,
}

impl<'a> Now<'a> {
    fn read(said: &'a str) -> Self {
        let (status, settings) = said.split_once("== defaults").unwrap_or((said, ""));
        Self { active: status.lines().any(|line| line.trim() == "Status: active"), settings }
    }

    fn setting(&self, key: &str) -> String {
        let value = self
            .settings
            .lines()
            .filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))
            .next_back();
        value.unwrap_or_default().trim_matches(['"', '\'']).to_lowercase()
    }

    fn state(&self, state: &str) -> Option<Change> {
        match state {
            "enabled" if !self.active => Some(tells(&["--force", "enable"], Nature::State)),
            "disabled" if self.active => Some(tells(&["disable"], Nature::State)),
            "reloaded" if self.active => Some(tells(&["reload"], Nature::Event)),
            "reset" => Some(tells(&["--force", "reset"], Nature::Event)),
            _ => None,
        }
    }

    fn policy(&self, policy: &str, direction: &str) -> Option<Change> {
        let (direction, key) = match direction {
            "out" | "outgoing" => ("outgoing", "DEFAULT_OUTPUT_POLICY"),
            "routed" => ("routed", "DEFAULT_FORWARD_POLICY"),
            _ => ("incoming", "DEFAULT_INPUT_POLICY"),
        };
        let now = match self.setting(key).as_str() {
            "drop" => "deny",
            "accept" => "allow",
            "reject" => "reject",
            _ => "",
        };
        (now != policy).then(|| tells(&["default", policy, direction], Nature::State))
    }

    fn logging(&self, level: &str) -> Option<Change> {
        let level = match level {
            "True" => "on",
            "False" => "off",
            other => other,
        };
        let now = self.setting("LOGLEVEL");
        let same = now == level || (level == "on" && !matches!(now.as_str(), "" | "off"));
        (!same).then(|| tells(&["logging", level], Nature::State))
    }
}

/// Whether the rules after a dry run are others than those there are. Each protocol that is not skipped has all its rules
/// printed as they would be.
fn would_change(said: &str) -> bool {
    let (then, now) = said.split_once("== now").unwrap_or((said, ""));
    let is_v6 = |tuple: &str| tuple.split(' ').nth(6).is_some_and(|to| to.contains(':'));
    let tuples = |text: &str, v6: bool| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("### tuple"));
        lines.filter(|tuple| is_v6(tuple) == v6).map(str::to_owned).collect()
    };
    [false, true].into_iter().any(|v6| {
        let mut told = then.lines().map(str::trim).filter(|line| line.starts_with("Rule"));
        told.any(|line| line.ends_with("(v6)") == v6) && tuples(then, v6) != tuples(now, v6)
    })
}

/// The rule in ufw's words.
fn rule_words(args: &Args, rule: &str) -> Result<Vec<String>, Stop> {
    // Nothing is what roles hand down where nothing is meant.
    let text = |name: &str| args.text(name).filter(|text| !text.is_empty());
    if text("interface").is_some() && text("direction").is_none() {
        return Err(Stop::refuse("Direction must be specified when creating a rule on an interface."));
    }
    if !args.flag("route") && text("interface_in").is_some() && text("interface_out").is_some() {
        return Err(Stop::refuse("Only route rules can combine interface_in and interface_out"));
    }
    let mut words: Vec<&str> = Vec::new();
    let place = args.int("insert").map(|place| place.to_string());
    if args.flag("route") {
        words.push("route");
    }
    if args.flag("delete") {
        words.push("delete");
    }
    if let Some(place) = place.as_deref().filter(|_| !args.flag("delete")) {
        words.extend(["insert", place]);
    }
    words.push(rule);
    match text("direction") {
        Some("in" | "incoming") => words.push("in"),
        Some("out" | "outgoing") => words.push("out"),
        _ => {}
    }
    if let Some(interface) = text("interface") {
        words.extend(["on", interface]);
    }
    if let Some(interface) = text("interface_in") {
        words.extend(["in", "on", interface]);
    }
    if let Some(interface) = text("interface_out") {
        words.extend(["out", "on", interface]);
    }
    if args.flag("log") {
        words.push("log");
    }
    for (param, word) in
        [("from_ip", "from"), ("from_port", "port"), ("to_ip", "to"), ("to_port", "port"), ("proto", "proto")]
    {
        if let Some(value) = text(param) {
            words.extend([word, value]);
        }
    }
    if let Some(app) = text("name") {
        words.extend(["app", app]);
    }
    if let Some(comment) = text("comment").filter(|_| !args.flag("delete")) {
        words.extend(["comment", comment]);
    }
    Ok(words.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    const SAID: &str = "Status: inactive\n== defaults\nDEFAULT_INPUT_POLICY=\"DROP\"\nDEFAULT_OUTPUT_POLICY=\"ACCEPT\"\n\
                        DEFAULT_FORWARD_POLICY=\"DROP\"\nENABLED=no\nLOGLEVEL=low\n";

    fn run(args: &Value, dry: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |asked| {
            Ok(Output::ok(if asked.args.0.is_empty() { SAID } else { dry }))
        });
        outcome.unwrap().changes.into_iter().map(|c| c.args.0.join(" ")).collect()
    }

    #[test]
    fn state_policy_and_logging_are_set_where_they_differ() {
        let args = json!({"state": "enabled", "policy": "deny", "direction": "incoming", "logging": "on"});
        assert_eq!(run(&args, ""), ["--force enable"]);
        assert_eq!(run(&json!({"default": "reject", "direction": "out"}), ""), ["default reject outgoing"]);
        assert_eq!(run(&json!({"logging": "off"}), ""), ["logging off"]);
        assert!(run(&json!({"state": "disabled"}), "").is_empty());
        assert!(run(&json!({"state": "reloaded"}), "").is_empty());
    }

    #[test]
    fn a_rule_is_put_unless_ufw_would_skip_it() {
        let mut args = json!({"rule": "allow", "port": "22", "proto": "tcp", "comment": "it is ssh", "from": "10.0.0.0/8"});
        let words = "allow from 10.0.0.0/8 to any port 22 proto tcp comment it is ssh";
        let tuple = "### tuple ### allow tcp 22 0.0.0.0/0 any 10.0.0.0/8 in";
        let six = "### tuple ### allow tcp 22 ::/0 any ::/0 in";
        assert_eq!(run(&args, &format!("*filter\n{tuple}\n\nRules updated\n== now\n{six}\n")), [words]);
        assert!(run(&args, &format!("Skipping adding existing rule\n== now\n{tuple}\n")).is_empty());
        args["delete"] = json!(true);
        let delete = "delete allow from 10.0.0.0/8 to any port 22 proto tcp";
        assert_eq!(run(&args, &format!("*filter\n\nRules updated\n== now\n{tuple}\n")), [delete]);
        assert!(run(&args, &format!("{tuple}\nRules updated\n== now\n{tuple}\n{six}\n")).is_empty());
        let nothing = json!({"rule": "allow", "to_port": "22", "from_port": "", "interface": "", "name": ""});
        let then = format!("*filter\n{tuple}\n\nRules updated\n== now\n{six}\n");
        assert_eq!(run(&nothing, &then), ["allow from any to any port 22"]);
        args["interface"] = json!("eth0");
        assert!(answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(SAID))).is_err());
    }
}

//! `iptables`: one rule of the packet filter, a chain, or a chain's policy. Rules are compared by iptables itself (`-C`),
//! and live until the next boot.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::tools::IptablesState;

/// The module.
pub static MODULE: Module = Module {
    name: "iptables",
    aliases: &[],
    summary: "Puts a rule in the kernel's packet filter, or removes one",
    params: &[
        Param::optional("table", Kind::Choice(&["filter", "nat", "mangle", "raw", "security"]), "the table")
            .default("filter"),
        Param::optional("chain", Kind::Text, "the chain; needed unless all are flushed"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether the rule is there")
            .default("present"),
        Param::optional("action", Kind::Choice(&["append", "insert"]), "where a new rule goes")
            .default("append"),
        Param::optional("rule_num", Kind::Text, "the place of an inserted rule"),
        Param::optional("ip_version", Kind::Choice(&["ipv4", "ipv6", "both"]), "for which protocol")
            .default("ipv4"),
        Param::optional(
            "protocol",
            Kind::Text,
            "tcp, udp, icmp …; ! before a value negates it here and below",
        ),
        Param::optional("source", Kind::Text, "whose packets"),
        Param::optional("destination", Kind::Text, "to whom"),
        Param::optional("match", Kind::List, "modules that are loaded"),
        Param::optional("tcp_flags", Kind::Map, "flags and flags_set, two lists"),
        Param::optional("jump", Kind::Text, "what is done: ACCEPT, DROP, a chain …"),
        Param::optional("gateway", Kind::Text, "with TEE: who gets the copy"),
        Param::optional("goto", Kind::Text, "the chain that goes on"),
        Param::optional("in_interface", Kind::Text, "where it comes in"),
        Param::optional("out_interface", Kind::Text, "where it goes out"),
        Param::optional("fragment", Kind::Text, "further fragments"),
        Param::optional("set_counters", Kind::Text, "counters that a new rule begins with"),
        Param::optional("source_port", Kind::Text, "a port or FIRST:LAST"),
        Param::optional("destination_port", Kind::Text, "a port or FIRST:LAST"),
        Param::optional("destination_ports", Kind::List, "several ports"),
        Param::optional("to_ports", Kind::Text, "the port instead"),
        Param::optional("to_destination", Kind::Text, "the destination instead"),
        Param::optional("to_source", Kind::Text, "the source instead"),
        Param::optional("set_dscp_mark", Kind::Text, "a DSCP mark"),
        Param::optional("set_dscp_mark_class", Kind::Text, "a DSCP class"),
        Param::optional("src_range", Kind::Text, "FIRST-LAST"),
        Param::optional("dst_range", Kind::Text, "FIRST-LAST"),
        Param::optional("ctstate", Kind::List, "states of a connection"),
        Param::optional("match_set", Kind::Text, "a set of ipset"),
        Param::optional("match_set_flags", Kind::Text, "src, dst, or both with a comma"),
        Param::optional("limit", Kind::Text, "how often, as 10/minute"),
        Param::optional("limit_burst", Kind::Text, "how many at once"),
        Param::optional("uid_owner", Kind::Text, "whose program sent it"),
        Param::optional("gid_owner", Kind::Text, "which group's program sent it"),
        Param::optional("reject_with", Kind::Text, "the answer of REJECT"),
        Param::optional("icmp_type", Kind::Text, "the type of ICMP"),
        Param::optional("comment", Kind::Text, "a comment"),
        Param::optional("log_prefix", Kind::Text, "what a line of the log begins with"),
        Param::optional("log_level", Kind::Text, "the log's level"),
        Param::optional(
            "syn",
            Kind::Choice(&["ignore", "match", "negate"]),
            "whether it begins a connection",
        )
        .default("ignore"),
        Param::optional("wait", Kind::Text, "seconds to wait for others"),
        Param::optional("numeric", Kind::Bool, "taken and not needed").default("no"),
        Param::optional(
            "policy",
            Kind::Choice(&["ACCEPT", "DROP", "QUEUE", "RETURN"]),
            "the chain's policy, instead of a rule",
        ),
        Param::optional("flush", Kind::Bool, "whether all rules go, of the chain or of the table")
            .default("no"),
        Param::optional("chain_management", Kind::Bool, "whether the chain itself comes or goes")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Let the web in\n  iptables:\n    chain: INPUT\n    protocol: tcp\n    destination_port: \"443\"\n    ctstate: NEW\n    jump: ACCEPT\n    comment: web\n",
        returns: &[super::Returned { name: "rule", help: "The rule in iptables' words." }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Tells iptables something: the program, then its words.
const TELL: Script = Script {
    name: "iptables_tell",
    text: r#"program=$1
shift
"$program" "$@" || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[TELL];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let programs: &[&str] = match args.text("ip_version") {
        Some("both") => &["iptables", "ip6tables"],
        Some("ipv6") => &["ip6tables"],
        _ => &["iptables"],
    };
    let chain = args.text("chain");
    if chain.is_none() && !args.flag("flush") {
        return Err(Stop::refuse("flush is False but all of the following are missing: chain"));
    }
    if args.value("set_dscp_mark").is_some() && args.value("set_dscp_mark_class").is_some() {
        return Err(Stop::refuse("parameters are mutually exclusive: set_dscp_mark|set_dscp_mark_class"));
    }
    let mut changes = Vec::new();
    let mut asked = Ok(());
    for program in programs {
        match (Family { args, program, chain: chain.unwrap_or_default() }).changes(host) {
            Ok(more) => changes.extend(more),
            Err(stop) => asked = Err(stop),
        }
    }
    asked?;
    let mut result = Map::new();
    for key in ["table", "chain", "state", "flush", "ip_version"] {
        result.insert(key.into(), args.value(key).cloned().unwrap_or_default());
    }
    result.insert("rule".into(), rule(args, programs[0])?.join(" ").into());
    Ok(Outcome::change(result, changes))
}

/// One protocol's filter.
struct Family<'a> {
    args: &'a Args,
    program: &'a str,
    chain: &'a str,
}

impl Family<'_> {
    fn ask(&self, host: &Host<'_>, what: &str, rule: &[String]) -> Result<String, Stop> {
        let table = self.args.needed("table")?;
        let words = [self.program, table, what, self.chain].map(str::to_owned);
        let said = host.get(IptablesState([&words[..], rule].concat()))?;
        said.as_ref().clone().map(|said| said.text).map_err(Stop::refuse)
    }

    fn tell(&self, summary: String, words: &[&str], rule: &[String]) -> Change {
        let wait = match self.args.text("wait") {
            Some(seconds) => vec!["-w".to_owned(), seconds.to_owned()],
            None => vec!["-w".to_owned()],
        };
        let table = self.args.text("table").unwrap_or("filter");
        let mut argv = vec![self.program.to_owned()];
        argv.extend(wait);
        argv.extend(["-t".to_owned(), table.to_owned()]);
        argv.extend(words.iter().map(|word| (*word).to_owned()));
        argv.extend_from_slice(rule);
        Change::state(
            format!("{}: {summary}", self.program),
            TELL,
            argv,
            [Subject::path("/proc/net/ip_tables_names")],
        )
    }

    fn changes(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let (args, chain) = (self.args, self.chain);
        let present = args.text("state") != Some("absent");
        if args.flag("flush") {
            let what = if chain.is_empty() { "all" } else { "chain" };
            let rules = self.ask(host, what, &[])?;
            let any = rules.lines().any(|line| line.starts_with("-A "));
            let name = if chain.is_empty() { "all chains" } else { chain };
            let words: &[&str] = if chain.is_empty() { &["-F"] } else { &["-F", chain] };
            return Ok(any.then(|| self.tell(format!("flush {name}"), words, &[])).into_iter().collect());
        }
        if let Some(policy) = args.text("policy") {
            let rules = self.ask(host, "chain", &[])?;
            let now = rules.lines().find_map(|line| line.strip_prefix(&format!("-P {chain} ")));
            if now.is_none() {
                return Err(Stop::refuse(format!("{chain} is no built-in chain: it has no policy")));
            }
            let change =
                || self.tell(format!("set the policy of {chain} to {policy}"), &["-P", chain, policy], &[]);
            return Ok((now != Some(policy)).then(change).into_iter().collect());
        }
        let rule = rule(args, self.program)?;
        if args.flag("chain_management") && (rule.is_empty() || present) {
            let known = self.ask(host, "chain", &[]);
            let missing = known?.starts_with("missing");
            if rule.is_empty() {
                return Ok(match (present, missing) {
                    (true, true) => vec![self.tell(format!("make the chain {chain}"), &["-N", chain], &[])],
                    (false, false) => {
                        vec![self.tell(format!("remove the chain {chain}"), &["-X", chain], &[])]
                    }
                    _ => Vec::new(),
                });
            }
            if missing {
                let make = self.tell(format!("make the chain {chain}"), &["-N", chain], &[]);
                return Ok(vec![make, self.put(&rule)]);
            }
        }
        let there = self.ask(host, "rule", &rule)?.trim() == "there";
        Ok(match (present, there) {
            (true, false) => vec![self.put(&rule)],
            (false, true) => {
                vec![self.tell(format!("remove from {chain}: {}", rule.join(" ")), &["-D", chain], &rule)]
            }
            _ => Vec::new(),
        })
    }

    fn put(&self, rule: &[String]) -> Change {
        let chain = self.chain;
        let summary = format!("put in {chain}: {}", rule.join(" "));
        let change = match (self.args.text("action"), self.args.text("rule_num")) {
            (Some("insert"), Some(place)) => self.tell(summary, &["-I", chain, place], rule),
            (Some("insert"), None) => self.tell(summary, &["-I", chain], rule),
            _ => self.tell(summary, &["-A", chain], rule),
        };
        Change { nature: Nature::State, ..change }
    }
}

/// A rule in iptables' words.
fn rule(args: &Args, program: &str) -> Result<Vec<String>, Stop> {
    let mut rule: Vec<String> = Vec::new();
    let put = |rule: &mut Vec<String>, param: &str, flag: &str| {
        if let Some(text) = args.text(param) {
            match text.strip_prefix('!') {
                Some(rest) => rule.extend(["!".to_owned(), flag.to_owned(), rest.trim_start().to_owned()]),
                None => rule.extend([flag.to_owned(), text.to_owned()]),
            }
        }
    };
    let load = |rule: &mut Vec<String>, module: &str| rule.extend(["-m".to_owned(), module.to_owned()]);
    let matches = args.list("match");
    put(&mut rule, "protocol", "-p");
    put(&mut rule, "source", "-s");
    put(&mut rule, "destination", "-d");
    matches.iter().for_each(|module| load(&mut rule, module));
    if let Some(flags) = args.value("tcp_flags") {
        let list = |key: &str| match flags.get(key) {
            Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        rule.extend(["--tcp-flags".to_owned(), list("flags"), list("flags_set")]);
    }
    put(&mut rule, "jump", "-j");
    put(&mut rule, "gateway", "--gateway");
    put(&mut rule, "goto", "-g");
    put(&mut rule, "in_interface", "-i");
    put(&mut rule, "out_interface", "-o");
    put(&mut rule, "fragment", "-f");
    put(&mut rule, "set_counters", "-c");
    put(&mut rule, "source_port", "--source-port");
    put(&mut rule, "destination_port", "--destination-port");
    let ports = args.list("destination_ports");
    if !ports.is_empty() {
        load(&mut rule, "multiport");
        rule.extend(["--dports".to_owned(), ports.join(",")]);
    }
    for (param, flag) in [
        ("to_ports", "--to-ports"),
        ("to_destination", "--to-destination"),
        ("to_source", "--to-source"),
        ("set_dscp_mark", "--set-dscp"),
        ("set_dscp_mark_class", "--set-dscp-class"),
    ] {
        put(&mut rule, param, flag);
    }
    let states = args.list("ctstate");
    if !states.is_empty() {
        let old = matches.contains(&"state") && !matches.contains(&"conntrack");
        if !old && !matches.contains(&"conntrack") {
            load(&mut rule, "conntrack");
        }
        rule.extend([if old { "--state" } else { "--ctstate" }.to_owned(), states.join(",")]);
    }
    ranges_and_limits(args, &matches, &mut rule);
    last_words(args, program, &mut rule);
    Ok(rule)
}

/// What belongs to a module of its own.
fn ranges_and_limits(args: &Args, matches: &[&str], rule: &mut Vec<String>) {
    for (module, pairs) in [
        ("iprange", &[("src_range", "--src-range"), ("dst_range", "--dst-range")][..]),
        ("limit", &[("limit", "--limit"), ("limit_burst", "--limit-burst")]),
        ("owner", &[("uid_owner", "--uid-owner"), ("gid_owner", "--gid-owner")]),
    ] {
        let given: Vec<(&str, &str)> =
            pairs.iter().filter_map(|(param, flag)| args.text(param).map(|text| (*flag, text))).collect();
        if !given.is_empty() && !matches.contains(&module) {
            rule.extend(["-m".to_owned(), module.to_owned()]);
        }
        for (flag, text) in given {
            match text.strip_prefix('!') {
                Some(rest) => rule.extend(["!".to_owned(), flag.to_owned(), rest.to_owned()]),
                None => rule.extend([flag.to_owned(), text.to_owned()]),
            }
        }
    }
    if let Some((set, flags)) = args.text("match_set").zip(args.text("match_set_flags")) {
        if !matches.contains(&"set") {
            rule.extend(["-m".to_owned(), "set".to_owned()]);
        }
        rule.extend(["--match-set".to_owned(), set.to_owned(), flags.to_owned()]);
    }
}

fn last_words(args: &Args, program: &str, rule: &mut Vec<String>) {
    let mut put = |words: &[&str]| rule.extend(words.iter().map(|word| (*word).to_owned()));
    if let Some(answer) = args.text("reject_with") {
        if args.text("jump").is_none() {
            put(&["-j", "REJECT"]);
        }
        put(&["--reject-with", answer]);
    }
    if let Some(kind) = args.text("icmp_type") {
        put(&[if program == "ip6tables" { "--icmpv6-type" } else { "--icmp-type" }, kind]);
    }
    if let Some(comment) = args.text("comment") {
        put(&["-m", "comment", "--comment", comment]);
    }
    if args.text("jump").is_none() && (args.text("log_prefix").is_some() || args.text("log_level").is_some())
    {
        put(&["-j", "LOG"]);
    }
    for (param, flag) in [("log_prefix", "--log-prefix"), ("log_level", "--log-level")] {
        if let Some(text) = args.text(param) {
            put(&[flag, text]);
        }
    }
    match args.text("syn") {
        Some("match") => put(&["--syn"]),
        Some("negate") => put(&["!", "--syn"]),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    fn run(args: &Value, said: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))).unwrap();
        outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect()
    }

    #[test]
    fn a_rule_is_put_removed_and_left_alone() {
        let mut args = json!({"chain": "INPUT", "protocol": "tcp", "destination_port": 22, "source": "!10.0.0.0/8",
            "ctstate": ["NEW"], "jump": "ACCEPT", "comment": "ssh", "limit": "5/min"});
        let rule = "-p tcp ! -s 10.0.0.0/8 -j ACCEPT --destination-port 22 -m conntrack --ctstate NEW -m limit --limit 5/min \
                    -m comment --comment ssh";
        assert_eq!(run(&args, "missing\n"), [format!("iptables -w -t filter -A INPUT {rule}")]);
        assert!(run(&args, "there\n").is_empty());
        args["action"] = json!("insert");
        args["rule_num"] = json!("1");
        args["ip_version"] = json!("both");
        assert_eq!(run(&args, "missing\n")[1], format!("ip6tables -w -t filter -I INPUT 1 {rule}"));
        args["state"] = json!("absent");
        assert_eq!(run(&args, "there\n").len(), 2);
    }

    #[test]
    fn policies_chains_and_flushing() {
        let policy = json!({"chain": "INPUT", "policy": "DROP"});
        assert_eq!(run(&policy, "there\n-P INPUT ACCEPT\n"), ["iptables -w -t filter -P INPUT DROP"]);
        assert!(run(&policy, "there\n-P INPUT DROP\n").is_empty());
        let chain = json!({"chain": "MINE", "chain_management": true});
        assert_eq!(run(&chain, "missing\n"), ["iptables -w -t filter -N MINE"]);
        assert!(run(&chain, "there\n-N MINE\n").is_empty());
        let flush = json!({"flush": true, "table": "nat"});
        assert_eq!(run(&flush, "-P INPUT ACCEPT\n-A INPUT -j ACCEPT\n"), ["iptables -w -t nat -F"]);
        assert!(run(&flush, "-P INPUT ACCEPT\n").is_empty());
    }
}

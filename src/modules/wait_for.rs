//! `wait_for`: waits until a port or a file is as it should be. It only looks, so a dry run waits too, unless a change
//! that was not made stands before it.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Pattern, PatternOptions, Value, extended};
use crate::questions::ports::{Awaited, Target, WaitUntil, Waited};
use crate::questions::{Refusal, Stop};
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "wait_for",
    aliases: &[],
    summary: "Waits until a port or a file is as it should be",
    params: &[
        Param::optional("host", Kind::Text, "name or address of the port, as the host reaches it")
            .default("127.0.0.1"),
        Param::optional("port", Kind::Int, "a TCP port"),
        Param::optional("path", Kind::Path, "a file or directory"),
        Param::optional("search_regex", Kind::Text, "what the file, or what the port says, has to hold"),
        Param::optional(
            "state",
            Kind::Choice(&["started", "stopped", "present", "absent", "drained"]),
            "what is waited for",
        )
        .default("started"),
        Param::optional("timeout", Kind::Int, "longest wait, in seconds").default("300"),
        Param::optional("delay", Kind::Int, "seconds before the first look").default("0"),
        Param::optional("sleep", Kind::Int, "seconds between looks").default("1"),
        Param::optional("connect_timeout", Kind::Int, "longest wait for a connection, in seconds")
            .default("5"),
        Param::optional("msg", Kind::Text, "what is said when the time is over"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Wait until the database listens
  wait_for: {port: 5432, timeout: 60}
- name: Wait until the lock is gone
  wait_for: {path: /run/app.lock, state: absent}
",
        returns: &[
            Returned { name: "elapsed", help: "how many seconds it took" },
            Returned { name: "state", help: "what was waited for" },
            Returned { name: "port", help: "the port" },
            Returned { name: "path", help: "the path" },
            Returned {
                name: "match_groups",
                help: "with `search_regex` and a path: what the pattern's groups took in the first line that has it",
            },
            Returned { name: "match_groupdict", help: "the same of the groups that have names" },
            Returned { name: "msg", help: "where it took too long: that it did" },
        ],
    },
    effect: Effect::Wait,
    diff,
    result: plain_result,
};

/// Longest wait that is taken: a day.
const LIMIT_SECONDS: i64 = 24 * 60 * 60;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let question = question(args)?;
    let waited = host.get(question.clone())?;
    let mut result = Map::new();
    for param in ["host", "port", "path", "state", "search_regex"] {
        if let Some(value) = args.value(param).filter(|_| param != "host" || args.value("port").is_some()) {
            result.insert(param.into(), value.clone());
        }
    }
    match &*waited {
        Waited::Holds(seconds, line) => {
            result.insert("elapsed".into(), (*seconds).into());
            if let Some(pattern) = args.text("search_regex") {
                groups(pattern, line, &mut result);
            }
            Ok(Outcome::in_order(result))
        }
        Waited::TimedOut(seconds) => {
            result.insert("elapsed".into(), (*seconds).into());
            let message = args.text("msg").map_or_else(|| timed_out(&question), str::to_owned);
            Err(Stop::Refuse(Refusal { message, result }))
        }
        Waited::Unable(why) => Err(Stop::refuse(why.clone())),
    }
}

/// What the groups of a pattern took, as far as the host said.
fn groups(pattern: &str, line: &str, result: &mut Map) {
    let Ok(pattern) = Pattern::new(pattern, PatternOptions::default()) else { return };
    let found = pattern.search_from(line, 0).ok().flatten();
    let groups = found.map(|found| found.groups).unwrap_or_default();
    let value = |at: usize| groups.get(at).copied().flatten().map_or(Value::Null, Value::from);
    let all = (1..groups.len()).map(value).collect();
    let named = pattern.names().filter(|_| !groups.is_empty());
    let named = named.map(|(name, at)| (name.to_owned(), value(at))).collect();
    result.insert("match_groups".into(), Value::Array(all));
    result.insert("match_groupdict".into(), Value::Object(named));
}

fn question(args: &Args) -> Result<WaitUntil, Stop> {
    let state = match args.text("state") {
        Some("stopped" | "absent") => Awaited::Stopped,
        Some("drained") => Awaited::Drained,
        _ => Awaited::Started,
    };
    let port = args.int("port").map(|port| match u16::try_from(port) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Stop::refuse(format!("'port' is {port}: expected 1 to 65535"))),
    });
    let target = match (port.transpose()?, args.text("path")) {
        (Some(_), Some(_)) => return Err(Stop::refuse("'port' and 'path' can't be waited for at once")),
        (Some(port), None) => Target::Port { host: checked_host(args.needed("host")?)?, port },
        (None, Some(path)) => Target::Path(path.to_owned()),
        (None, None) => Target::Nothing,
    };
    if state == Awaited::Drained && !matches!(target, Target::Port { .. }) {
        return Err(Stop::refuse("'state: drained' needs a port"));
    }
    let seconds = |name: &str, least: i64| {
        Duration::from_secs(args.int(name).unwrap_or(0).clamp(least, LIMIT_SECONDS).unsigned_abs())
    };
    let pattern = args.text("search_regex").map(|pattern| {
        extended(pattern).map_err(|what| {
            Stop::refuse(format!(
                "'search_regex': it is looked for with the host's grep, which has no word for {what}"
            ))
        })
    });
    Ok(WaitUntil {
        target,
        state,
        pattern: pattern.transpose()?,
        limit: seconds("timeout", 0),
        delay: seconds("delay", 0),
        pause: seconds("sleep", 1),
        connect: seconds("connect_timeout", 1),
    })
}

/// A name that no program takes for an option.
fn checked_host(host: &str) -> Result<String, Stop> {
    let fits = |c: char| c.is_alphanumeric() || ".-_:%".contains(c);
    if host.is_empty() || host.starts_with('-') || !host.chars().all(fits) {
        return Err(Stop::refuse(format!("'{host}' is no host's name or address")));
    }
    Ok(host.to_owned())
}

fn timed_out(question: &WaitUntil) -> String {
    let what = match &question.target {
        Target::Port { host, port } => format!("{host}:{port}"),
        Target::Path(path) => format!("file {path}"),
        Target::Nothing => "the time".to_owned(),
    };
    let what = match &question.pattern {
        Some(pattern) => format!("search string {pattern} in {what}"),
        None => what,
    };
    let end = match question.state {
        Awaited::Started => "",
        Awaited::Stopped => " to stop or be absent",
        Awaited::Drained => " to have no connections left",
    };
    format!("Timeout when waiting for {what}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    fn refused(args: Value, output: &str) -> String {
        match answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(output))) {
            Err(Stop::Refuse(refusal)) => refusal.message,
            _ => panic!("{args} was taken"),
        }
    }

    #[test]
    fn a_file_that_is_there_is_not_waited_for() {
        let bench = Bench::new();
        let path = bench.file("ready", "yes");
        let result = bench.in_order(&MODULE, &json!({"path": path, "search_regex": "^yes"}));
        assert_eq!((&result["state"], &result["path"]), (&json!("started"), &json!(path)));
        assert_eq!(
            bench.refusal(&MODULE, &json!({"path": bench.path("none"), "timeout": 0})),
            format!("Timeout when waiting for file {}", bench.path("none"))
        );
    }

    #[test]
    fn the_end_of_the_time_says_what_was_waited_for() {
        assert_eq!(refused(json!({"port": 80}), "timeout 300"), "Timeout when waiting for 127.0.0.1:80");
        assert_eq!(
            refused(json!({"port": 80, "state": "stopped"}), "timeout 300"),
            "Timeout when waiting for 127.0.0.1:80 to stop or be absent"
        );
        assert_eq!(refused(json!({"port": 80, "msg": "no web"}), "timeout 300"), "no web");
        assert!(refused(json!({"port": 80}), "unable this host has no nc").contains("no nc"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert_eq!(refused(json!({"port": 70000}), ""), "'port' is 70000: expected 1 to 65535");
        assert!(refused(json!({"port": 80, "path": "/x"}), "").contains("at once"));
        assert!(refused(json!({"path": "/x", "state": "drained"}), "").contains("needs a port"));
        assert!(refused(json!({"port": 80, "host": "-e sh"}), "").contains("no host's name"));
    }
}

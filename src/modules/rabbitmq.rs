//! What the modules about RabbitMQ share: asking its tools on the host, and the change that runs one of them.

use super::{Change, Host, Kind, Param};
use crate::model::{Content, Script, Subjects, Value};
use crate::questions::Stop;
use crate::questions::system::brokers::{RabbitmqList, rabbitmq};

/// `node`.
pub(super) const NODE: Param =
    Param::optional("node", Kind::Text, "the node that is asked").default("rabbit");

/// Runs rabbitmqctl: the node or nothing, then what it is told. A password is on stdin, which it asks for one without.
const RUN: Script = Script {
    name: "run_rabbitmqctl",
    text: r#"command -v rabbitmqctl >/dev/null 2>&1 || { echo 'this host has no rabbitmqctl' >&2; exit 1; }
node=$1
shift
rabbitmqctl -q ${node:+-n "$node"} "$@" || exit 1
exit 0"#,
};

/// Sets which plugins are enabled: the directory of rabbitmq-plugins or nothing, `online` or `offline`, then what it is told.
const PLUGINS: Script = Script {
    name: "run_rabbitmq_plugins",
    text: r#"tool=${1:+$1/}rabbitmq-plugins mode=$2
shift 2
"$tool" -q "$@" "--$mode" </dev/null || exit 1
exit 0"#,
};

/// The scripts of the modules about RabbitMQ.
pub(super) const SCRIPTS: &[Script] = &[RUN, PLUGINS];

/// The rows of one of rabbitmqctl's lists.
pub(super) fn list(host: &Host<'_>, node: &str, words: &[&str]) -> Result<Vec<Value>, Stop> {
    let asked = std::iter::once(node).chain(words.iter().copied()).map(str::to_owned).collect();
    let said = host.get(RabbitmqList(asked))?.as_ref().clone().map_err(|why| {
        let first: Vec<&str> = why.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
        Stop::refuse(format!("RabbitMQ can't be asked: {}", first.join(" ")))
    })?;
    // Older ones print a line of text before the list.
    let text = said.text.find('[').and_then(|at| said.text.get(at..)).unwrap_or("[]");
    serde_json::from_str(text)
        .map_err(|_| Stop::refuse(format!("rabbitmqctl {} gave no JSON", words.join(" "))))
}

/// The change that tells rabbitmqctl something.
pub(super) fn run(summary: String, node: &str, words: &[&str]) -> Change {
    let argv: Vec<String> = std::iter::once(node).chain(words.iter().copied()).map(str::to_owned).collect();
    Change::state(summary, RUN, argv, Subjects::These(rabbitmq()))
}

/// The same with a password on stdin.
pub(super) fn run_with(summary: String, node: &str, words: &[&str], password: &str) -> Change {
    run(summary, node, words).with_content(Content::new(format!("{password}\n").into_bytes()))
}

/// The change that tells rabbitmq-plugins something.
pub(super) fn plugins(summary: String, prefix: &str, mode: &str, words: &[String]) -> Change {
    let argv = [[prefix.to_owned(), mode.to_owned()].as_slice(), words].concat();
    Change::state(summary, PLUGINS, argv, Subjects::These(rabbitmq()))
}

/// A name that rabbitmqctl doesn't take for an option.
pub(super) fn checked<'a>(param: &str, name: &'a str) -> Result<&'a str, Stop> {
    match name.is_empty() || name.starts_with('-') || name.contains(['\n', '\0']) {
        true => Err(Stop::refuse(format!("'{param}' can't be '{name}'"))),
        false => Ok(name),
    }
}

/// What a value is that RabbitMQ gives as JSON, or as a text of JSON.
pub(super) fn decoded(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        other => other.clone(),
    }
}

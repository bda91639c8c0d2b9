//! Message brokers: what RabbitMQ says of itself, through its own tools.
//!
//! # Source
//! rabbitmqctl(8) and rabbitmq-plugins(8) of RabbitMQ 3.10; `--formatter json` has been there since 3.7.

use super::questions;
use crate::model::Subject;

/// What anything about RabbitMQ depends on.
pub fn rabbitmq() -> Vec<Subject> {
    vec![
        Subject::path("/var/lib/rabbitmq"),
        Subject::path("/etc/rabbitmq"),
        Subject::Service("rabbitmq-server".into()),
        Subject::Packages,
    ]
}

questions! {
    /// Asks for a list: the node or nothing, then what rabbitmqctl is told. In JSON.
    RabbitmqList {
        script: "rabbitmq_list",
        reads: |_| rabbitmq(),
        text: r#"command -v rabbitmqctl >/dev/null 2>&1 || { echo 'this host has no rabbitmqctl' >&2; exit 3; }
node=$1
shift
rabbitmqctl -q ${node:+-n "$node"} "$@" --formatter json </dev/null || exit 3"#,
    }

    /// Asks whether a password is a user's: node or nothing, user, password. `yes` or `no`.
    RabbitmqPassword {
        script: "rabbitmq_password",
        reads: |_| rabbitmq(),
        text: r#"command -v rabbitmqctl >/dev/null 2>&1 || { echo 'this host has no rabbitmqctl' >&2; exit 3; }
if printf '%s\n' "$3" | rabbitmqctl -q ${1:+-n "$1"} authenticate_user -- "$2" >/dev/null 2>&1; then
    echo yes
else
    echo no
fi"#,
    }

    /// Asks which plugins are enabled: the directory of rabbitmq-plugins or nothing. `e NAME` for each that was enabled by
    /// name, `a NAME` for each there is.
    RabbitmqPlugins {
        script: "rabbitmq_plugins",
        reads: |_| rabbitmq(),
        text: r#"tool=${1:+$1/}rabbitmq-plugins
command -v "$tool" >/dev/null 2>&1 || { echo "this host has no $tool" >&2; exit 3; }
enabled=$("$tool" -q list -E -m </dev/null) || exit 3
all=$("$tool" -q list -m </dev/null) || exit 3
printf '%s\n' "$enabled" | sed -n 's/^\([A-Za-z0-9_]\{1,\}\)$/e \1/p'
printf '%s\n' "$all" | sed -n 's/^\([A-Za-z0-9_]\{1,\}\)$/a \1/p'"#,
    }
}

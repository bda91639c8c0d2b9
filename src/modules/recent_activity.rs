//! `recent_activity`: what a host's own logs say of the last days: packages that changed, logins, sudo, and runs of wgops. It
//! changes nothing, and judges nothing.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::traces::{Found, Trace, Traces, What};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "recent_activity",
    aliases: &[],
    summary: "Reports what a host's own logs say of package changes, logins, sudo and runs of wgops",
    params: &[Param::optional(
        "since",
        Kind::Int,
        "since when, in seconds since 1970; without it, what is still there",
    )],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: See who was here
  recent_activity:
  become: true
  register: activity

- name: Show who logged in
  debug:
    msg: "{{ activity.logins | map(attribute='user') | unique }}"
"#,
        returns: &[
            Returned {
                name: "packages",
                help: "each transaction: `from`, `to` (seconds since 1970), `command`, `by`, `packages`",
            },
            Returned {
                name: "logins",
                help: "each login by SSH: `at`, `user`, `from`, `key` (a fingerprint)",
            },
            Returned { name: "sudo", help: "each use of sudo: `at`, `user`, `command`" },
            Returned {
                name: "runs",
                help: "each line that wgops left: `at`, `run`, `line`, and `uid` where it wasn't root's",
            },
            Returned {
                name: "forged",
                help: "lines in the name of sshd or sudo that another user wrote: `at`, `uid`, `program`, `text`",
            },
            Returned {
                name: "from_files",
                help: "whether there is no journal, which knows who wrote a line: into files every user can have lines written",
            },
            Returned { name: "oldest", help: "how far back the log of logins goes, where that is known" },
            Returned { name: "packages_oldest", help: "how far back the histories of packages go" },
            Returned { name: "packages_newest", help: "when the last of their lines is of" },
            Returned {
                name: "packages_changed",
                help: "when packages changed last, by what dpkg or rpm itself keeps",
            },
            Returned { name: "installed", help: "when the host was installed, or first started" },
            Returned { name: "unread", help: "logs that could not be read, wholly or in part" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let since = args.value("since").and_then(Value::as_i64).unwrap_or(0).max(0);
    let found = host.get(Traces { since })?;
    let mut outcome = Outcome::in_order(result(&found));
    if !found.blind.is_empty() {
        let unread = found.blind.join(", ");
        outcome.warnings.push(format!("not all could be read ({unread}): look as root (become)"));
    }
    Ok(outcome)
}

fn result(found: &Found) -> Map {
    let all = |pick: &dyn Fn(&Trace) -> Option<Value>| -> Value {
        found.traces.iter().filter_map(pick).collect::<Vec<_>>().into()
    };
    let packages = all(&|trace| match &trace.what {
        What::Packages { command, by, packages } => Some(json!({
            "from": trace.from, "to": trace.to, "command": command, "by": by, "packages": packages,
        })),
        _ => None,
    });
    let logins = all(&|trace| match &trace.what {
        What::Login { user, from, key } => {
            Some(json!({"at": trace.from, "user": user, "from": from, "key": key}))
        }
        _ => None,
    });
    let sudo = all(&|trace| match &trace.what {
        What::Sudo { user, command } => Some(json!({"at": trace.from, "user": user, "command": command})),
        _ => None,
    });
    let runs = all(&|trace| match &trace.what {
        What::Run { run, line, uid } => Some(json!({"at": trace.from, "run": run, "line": line, "uid": uid})),
        _ => None,
    });
    let forged = all(&|trace| match &trace.what {
        What::Forged { uid, program, text } => {
            Some(json!({"at": trace.from, "uid": uid, "program": program, "text": text}))
        }
        _ => None,
    });
    Map::from_iter([
        ("packages".to_owned(), packages),
        ("logins".into(), logins),
        ("sudo".into(), sudo),
        ("runs".into(), runs),
        ("forged".into(), forged),
        ("from_files".into(), found.from_files.into()),
        ("oldest".into(), json!(found.oldest)),
        ("packages_oldest".into(), json!(found.packages_oldest)),
        ("packages_newest".into(), json!(found.packages_newest)),
        ("packages_changed".into(), json!(found.packages_changed)),
        ("installed".into(), json!(found.installed)),
        ("unread".into(), json!(found.blind)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_trace_has_its_list() {
        let trace = |what| Trace { from: 5, to: 6, what };
        let found = Found {
            traces: vec![
                trace(What::Packages {
                    command: "dpkg".into(),
                    by: String::new(),
                    packages: vec!["x".into()],
                }),
                trace(What::Login { user: "ops".into(), from: "a".into(), key: None }),
                trace(What::Sudo { user: "ops".into(), command: "/bin/sh".into() }),
                trace(What::Run { run: "01".into(), line: "run 01".into(), uid: None }),
                trace(What::Forged { uid: "1001".into(), program: "sudo".into(), text: "x".into() }),
            ],
            oldest: None,
            packages_oldest: None,
            packages_newest: None,
            packages_changed: None,
            installed: None,
            from_files: false,
            blind: vec!["journal".into()],
        };
        let result = result(&found);
        for list in ["packages", "logins", "sudo", "runs", "forged"] {
            assert_eq!(result[list].as_array().map(Vec::len), Some(1), "{list}");
        }
        assert_eq!(result["packages"][0]["to"], 6);
        assert_eq!(result["unread"], json!(["journal"]));
    }
}

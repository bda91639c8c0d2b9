//! `async_status`: how far a job is that a task began with `async` and `poll: 0`.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, command};
use crate::model::{Map, Script, Subjects, Value};
use crate::questions::jobs::{JobState, Look, TOO_LONG, steps};
use crate::questions::{Output, Refusal, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "async_status",
    aliases: &[],
    summary: "Says how far a job is that nobody waited for",
    params: &[
        Param::required("jid", Kind::Text, "the job: `ansible_job_id` of what its task registered"),
        Param::optional(
            "mode",
            Kind::Choice(&["status", "cleanup"]),
            "'status' asks, 'cleanup' removes what the job left on the host",
        )
        .default("status"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Build the index while other things are done
  command: /usr/local/bin/build-index
  async: 1800
  poll: 0
  register: index
- name: Wait for it
  async_status:
    jid: "{{ index.ansible_job_id }}"
  register: built
  until: built is finished
  retries: 60
  delay: 30
"#,
        returns: &[
            Returned { name: "ansible_job_id", help: "the job" },
            Returned { name: "started", help: "whether it was begun" },
            Returned {
                name: "finished",
                help: "whether it is over; then there is, too, what its own module returns",
            },
            Returned { name: "results_file", help: "where its result waits on the host" },
            Returned { name: "erased", help: "with 'cleanup': what was removed" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result,
};

/// Removes what a job left.
const CLEANUP: Script = Script {
    name: "job_cleanup",
    text: r#"if [ "$(id -u)" = 0 ]; then base=/run/wgops; else base=${HOME:?}/.wgops; fi
[ ! -d "$base/$1" ] || [ -f "$base/$1/status" ] || : >"$base/$1/forget"
[ ! -f "$base/$1/status" ] || rm -rf "$base/$1"
rmdir "$base" 2>/dev/null
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[CLEANUP];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("jid")?;
    if !JobState::is_name(name) {
        return Err(Stop::refuse(format!(
            "'{name}' is no job: expected the ansible_job_id of a task with async and 'poll: 0'"
        )));
    }
    if args.text("mode") == Some("cleanup") {
        return Ok(cleanup(name, host));
    }
    if let Some(result) = host.controller.job(name, &[]) {
        return finished(name, result);
    }
    let about = |finished: bool| {
        let mut about = about(name, finished);
        for key in ["stdout", "stderr"] {
            about.insert(key.into(), "".into());
            about.insert(format!("{key}_lines"), Value::Array(Vec::new()));
        }
        about
    };
    let refuse =
        |message: &str| Err(Stop::Refuse(Refusal { message: message.to_owned(), result: about(true) }));
    match host.get(JobState { name: name.to_owned() })?.as_ref() {
        Look::Nothing => refuse("could not find job"),
        Look::Going(..) => Ok(Outcome::in_order(about(false))),
        Look::Cut(_) => {
            refuse("the job was ended on the host, by a restart or a kill: nobody knows how far it came")
        }
        Look::Ended(output) => match steps(output) {
            None if output.status == TOO_LONG => refuse("Timeout exceeded"),
            None => refuse("the job was ended on the host by a kill: nobody knows how far it came"),
            Some(steps) => {
                let result = host.controller.job(name, &steps);
                finished(name, result.unwrap_or_else(|| command::result(&Outcome::default(), &steps)))
            }
        },
    }
}

/// What is known of a job itself.
fn about(name: &str, finished: bool) -> Map {
    Map::from_iter([
        ("ansible_job_id".to_owned(), name.into()),
        ("results_file".to_owned(), format!("/run/wgops/{name}").into()),
        ("started".to_owned(), true.into()),
        ("finished".to_owned(), finished.into()),
    ])
}

/// A job's end is its task's: what its module would have returned, or its failure.
fn finished(name: &str, mut result: Map) -> Result<Outcome, Stop> {
    result.extend(about(name, true));
    let says = |key: &str| result.get(key).and_then(Value::as_bool);
    if says("failed") == Some(true) {
        let message = result.get("msg").and_then(Value::as_str).unwrap_or("the job failed").to_owned();
        return Err(Stop::Refuse(Refusal { message, result }));
    }
    if says("changed").is_none() {
        result.insert("changed".into(), true.into());
    }
    Ok(Outcome::in_order(result))
}

fn cleanup(name: &str, host: &Host<'_>) -> Outcome {
    let mut result = about(name, false);
    result.insert("started".into(), false.into());
    result.shift_remove("results_file");
    result.insert("erased".into(), format!("/run/wgops/{name}").into());
    // What is left on the host of a job is no state of it.
    result.insert("changed".into(), false.into());
    if host.controller.job(name, &[]).is_some() {
        return Outcome::in_order(result);
    }
    let args = [name.to_owned()];
    Outcome::change(
        result,
        vec![Change::event(format!("remove what job {name} left"), CLEANUP, args, Subjects::NONE)],
    )
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    super::plain_result(outcome, outputs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{answer_with, without_host};
    use serde_json::json;

    fn status(said: &str) -> Result<Map, Refusal> {
        let done = answer_with(&MODULE, &json!({"jid": "run-1"}), &mut |asked| {
            assert_eq!(asked.args.0[0], "run-1");
            Ok(Output::ok(said))
        });
        match done {
            Ok(outcome) => Ok(outcome.result),
            Err(Stop::Refuse(refusal)) => Err(refusal),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_job_goes_on_ends_or_fails_as_its_task_would() {
        let going = status("going 4\nabc\n").unwrap();
        assert_eq!((&going["finished"], &going["started"]), (&json!(false), &json!(true)));
        let run = "hi\n0 1 2026-01-01 10:00:00 2 2026-01-01 10:00:01\n";
        let ended = format!("ended 0\n{run}\nwgops-steps 0:{}:0\n", run.len());
        let ended = status(&ended).unwrap();
        assert_eq!(
            (&ended["finished"], &ended["rc"], &ended["changed"]),
            (&json!(true), &json!(0), &json!(true))
        );
        assert_eq!(ended["stdout"], json!("hi"));
        let failed = status("ended 1\n\n3 1 a b 2 c d\n\nwgops-steps 1:16:0\n").unwrap_err();
        assert_eq!(failed.message, "non-zero return code");
        assert_eq!((&failed.result["rc"], &failed.result["finished"]), (&json!(3), &json!(true)));
        assert_eq!(status("ended 124\nhalf").unwrap_err().message, "Timeout exceeded");
        assert_eq!(status("none\n").unwrap_err().message, "could not find job");
        assert!(status("cut\nhalf").unwrap_err().message.contains("ended on the host"));
    }

    #[test]
    fn what_is_no_job_is_refused_and_what_it_left_is_removed() {
        assert!(without_host(&MODULE, &json!({"jid": "../x"})).is_err());
        let outcome = without_host(&MODULE, &json!({"jid": "run-1", "mode": "cleanup"})).unwrap();
        assert_eq!(outcome.result["erased"], json!("/run/wgops/run-1"));
        assert_eq!(outcome.changes.len(), 1);
    }
}

//! `pause`: waits, on the controller, for so long. Nothing waits in a dry run, and a prompt is nobody's to answer in a
//! run of many hosts.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::Map;
use crate::questions::Stop;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "pause",
    aliases: &[],
    summary: "Waits for a while before the host goes on",
    params: &[
        Param::optional("seconds", Kind::Int, "how long, in seconds"),
        Param::optional("minutes", Kind::Int, "how long, in minutes; both add up"),
        Param::not_yet("prompt").or(&["echo"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Let the caches fill
  pause: {seconds: 20}
",
        returns: &[Returned { name: "delta", help: "how many seconds that were" }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Longest pause: a day.
const SECONDS_MAX: u64 = 24 * 60 * 60;

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let part = |name: &str, unit: u64| match args.int(name).map(u64::try_from) {
        None => Ok(None),
        Some(Ok(number)) => Ok(number.checked_mul(unit)),
        Some(Err(_)) => Err(Stop::refuse(format!("'{name}' is less than nothing"))),
    };
    let seconds = match (part("minutes", 60)?, part("seconds", 1)?) {
        (None, None) => {
            return Err(Stop::refuse("'seconds' or 'minutes' is needed: nobody answers a prompt"));
        }
        (minutes, seconds) => minutes.unwrap_or_default().saturating_add(seconds.unwrap_or_default()),
    };
    if seconds > SECONDS_MAX {
        return Err(Stop::refuse("a pause lasts a day at most"));
    }
    let result = Map::from_iter([("delta".to_owned(), seconds.into())]);
    let pause = (seconds > 0).then_some(Duration::from_secs(seconds));
    Ok(Outcome { pause, ..Outcome::in_order(result) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::{Value, json};

    fn pause(args: Value) -> Result<Option<u64>, String> {
        match without_host(&MODULE, &args) {
            Ok(outcome) => Ok(outcome.pause.map(|pause| pause.as_secs())),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(_) => Err("asks".into()),
        }
    }

    #[test]
    fn minutes_and_seconds_add_up_and_nothing_is_no_pause() {
        assert_eq!(pause(json!({"minutes": 2, "seconds": "5"})), Ok(Some(125)));
        assert_eq!(pause(json!({"seconds": 0})), Ok(None));
    }

    #[test]
    fn what_never_ends_or_waits_for_somebody_is_refused() {
        assert!(pause(json!({})).unwrap_err().contains("'seconds' or 'minutes'"));
        assert!(pause(json!({"seconds": -1})).unwrap_err().contains("less than nothing"));
        assert!(pause(json!({"minutes": 1441})).unwrap_err().contains("a day at most"));
        assert!(pause(json!({"minutes": i64::MAX})).is_err());
    }
}

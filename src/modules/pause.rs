//! `pause`: waits, on the controller, for so long, or until somebody at the terminal has answered. Nothing waits in a dry
//! run. Where there is no terminal nobody is asked, and the run goes on, as Ansible has it.

use super::{
    Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Prompt, Returned, plain_result,
};
use crate::model::Map;
use crate::questions::Stop;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "pause",
    aliases: &[],
    summary: "Waits for a while, or for somebody's answer, before the host goes on",
    params: &[
        Param::optional("seconds", Kind::Int, "how long, in seconds"),
        Param::optional("minutes", Kind::Int, "how long, in minutes; both add up"),
        Param::optional("prompt", Kind::Text, "what whoever is at the terminal is asked, once for all hosts"),
        Param::optional("echo", Kind::Bool, "show what is typed").default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Let the caches fill
  pause: {seconds: 20}
- name: Ask before the old data goes
  pause:
    prompt: Type 'drop' to remove the old database
  register: answer
",
        returns: &[
            Returned { name: "delta", help: "how many seconds that were" },
            Returned { name: "user_input", help: "where somebody was asked: what they typed" },
            Returned { name: "echo", help: "whether it was shown" },
        ],
    },
    effect: Effect::Rest,
    diff,
    result: plain_result,
};

/// Longest pause: a day.
const SECONDS_MAX: u64 = 24 * 60 * 60;

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let part = |name: &str, unit: u64| match args.int(name).map(u64::try_from) {
        None => Ok(None),
        Some(Ok(number)) => Ok(Some(number.saturating_mul(unit))),
        Some(Err(_)) => Err(Stop::refuse(format!("'{name}' is less than nothing"))),
    };
    let lasts = (part("minutes", 60)?, part("seconds", 1)?);
    let seconds = lasts.0.unwrap_or_default().saturating_add(lasts.1.unwrap_or_default());
    if seconds > SECONDS_MAX {
        return Err(Stop::refuse("a pause lasts a day at most"));
    }
    let echo = args.flag("echo");
    // With a time, Ansible shows the prompt and waits for nobody.
    let waits_for_somebody = lasts == (None, None);
    let text = args.text("prompt").map(str::to_owned);
    let prompt = waits_for_somebody.then(|| Prompt {
        text: text.clone().unwrap_or_else(|| "Press enter to continue, Ctrl+C to interrupt".into()),
        echo,
    });
    let result = Map::from_iter([
        ("delta".to_owned(), seconds.into()),
        ("echo".to_owned(), echo.into()),
        ("user_input".to_owned(), "".into()),
    ]);
    let pause = (seconds > 0).then_some(Duration::from_secs(seconds));
    let message = text.filter(|_| !waits_for_somebody);
    Ok(Outcome { pause, prompt, message, ..Outcome::in_order(result) })
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
    fn without_a_time_somebody_is_asked_once() {
        let asked = |args: Value| without_host(&MODULE, &args).ok().unwrap().prompt;
        let prompt = asked(json!({"prompt": "Sure?", "echo": false})).unwrap();
        assert_eq!((prompt.text.as_str(), prompt.echo), ("Sure?", false));
        assert!(asked(json!({})).unwrap().text.contains("enter"));
        assert_eq!(asked(json!({"prompt": "look", "seconds": 1})), None);
    }

    #[test]
    fn what_never_ends_is_refused() {
        assert!(pause(json!({"seconds": -1})).unwrap_err().contains("less than nothing"));
        assert!(pause(json!({"minutes": 1441})).unwrap_err().contains("a day at most"));
        assert!(pause(json!({"minutes": i64::MAX})).is_err());
    }
}

//! Where a secret would be seen: in the words of a command, which everybody on the host can list, or in its environment. A
//! task that would put it there is refused, and told how to do without.

use super::effective::Effective;
use super::evaluate::Frozen;
use super::task::Task;
use crate::model::{Argv, RunId, Script, Value};
use crate::modules::Change;
use crate::questions::{Answers, Refusal, is_withheld};
use crate::template::Templates;
use std::cell::RefCell;

/// Modules whose arguments become the words of a program; what stands under `stdin` does not.
const COMMANDS: [&str; 5] = ["command", "shell", "raw", "script", "expect"];
/// Their parameters that no program gets as a word.
const APART: [&str; 2] = ["stdin", "responses"];
/// Arguments that are shorter are in too many words by chance.
const SHORTEST: usize = 3;

/// Why a task's arguments or environment can't be used, if they can't.
pub(super) fn of_task(
    task: &Task,
    frozen: &Frozen,
    user: &Effective,
    templates: &Templates,
) -> Option<Refusal> {
    if !frozen.tainted || !templates.opener().has_opened() {
        return None;
    }
    let in_environment = user.environment.iter().any(|(_, value)| templates.opener().reveals(value));
    if in_environment {
        return Some(refused(
            "a sealed value would stand in the environment of a program, where others of its user read it: give it on 'stdin', or in a file that 'copy' or 'template' writes with 'mode: \"0600\"'",
        ));
    }
    let seen = frozen.secret.iter().find(|name| !APART.contains(&name.as_str()))?;
    COMMANDS.contains(&task.module.name).then(|| {
        refused(&format!(
            "a sealed value would stand in the words of a command ('{seen}'), which everybody on the host can list: give it on 'stdin', or in a file that 'copy' or 'template' writes with 'mode: \"0600\"'"
        ))
    })
}

/// The same for what a module made of its arguments: words of scripts, those that only ask included.
pub(super) fn of_words(
    frozen: &Frozen,
    changes: &[Change],
    answers: &Answers,
    templates: &Templates,
) -> Option<Refusal> {
    let opener = templates.opener();
    if !opener.has_opened() {
        return None;
    }
    // What is too short for the mask is known by the argument that it went into.
    let given: Vec<&str> = frozen
        .secret
        .iter()
        .filter_map(|name| frozen.args.text(name))
        .filter(|text| text.len() >= SHORTEST && !is_job(text))
        .collect();
    // What the task says itself, in an argument that no secret went into, everybody knows: that a sealed value is the same
    // common word ("root") shows nothing.
    let mut said = Vec::new();
    let plain = frozen.args.all().iter().filter(|(name, _)| !frozen.secret.contains(name));
    plain.for_each(|(_, value)| texts(value, &mut said));
    let reveals = |word: &str| {
        (opener.reveals(word) || given.iter().any(|text| word.contains(text)))
            && !said.iter().any(|text| text.contains(word) || is_same_number(text, word))
    };
    let shows = |script: &Script, args: &Argv| {
        let mut words = args.0.iter().enumerate();
        words.any(|(position, word)| reveals(word) && !is_withheld(script, position, word))
    };
    let which = RefCell::new(None);
    let shown = |script: &Script, args: &Argv| {
        let found = shows(script, args);
        if found {
            let name = args.0.iter().find_map(|word| opener.revealed(word));
            *which.borrow_mut() = name;
        }
        found
    };
    let asked = answers.refuse_wanted(0, |asked| shown(&asked.script, &asked.args));
    let script = match asked {
        Some(script) => script,
        None => changes.iter().find(|change| shown(&change.script, &change.args))?.script.name,
    };
    let which = which.take().map(|name| format!(" ({name})")).unwrap_or_default();
    Some(refused(&format!(
        "a sealed value{which} would stand in the words of '{script}', which everybody on the host can list: this module takes no secret there; write it into a file with 'copy' or 'template' instead. A common word that is no secret need not be sealed"
    )))
}

/// Whether this names a job of a run: the engine's own word, also where its task had a secret.
fn is_job(text: &str) -> bool {
    let counts = |number: &str| number.parse::<u64>().is_ok();
    let begun =
        text.rsplit_once('-').is_some_and(|(run, number)| run.parse::<RunId>().is_ok() && counts(number));
    begun || text.strip_prefix('j').and_then(|rest| rest.strip_suffix(".0")).is_some_and(counts)
}

/// Whether two texts are one number, as modes are written with more or fewer zeros.
fn is_same_number(one: &str, other: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(one) && digits(other) && one.trim_start_matches('0') == other.trim_start_matches('0')
}

/// Every text and number in a value.
fn texts(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Number(number) => all.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(map) => map.values().for_each(|value| texts(value, all)),
        _ => {}
    }
}

fn refused(message: &str) -> Refusal {
    Refusal { message: message.to_owned(), ..Refusal::default() }
}

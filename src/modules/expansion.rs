//! Puts in what `~`, `~user`, `$NAME` and `${NAME}` stand for in paths and arguments: on the host, for the user that the
//! task runs as. A variable that is not set there stays as it is written, and so does a user whom nobody knows.

use super::Host;
use crate::model::Value;
use crate::questions::Stop;
use crate::questions::accounts::UserEntry;
use crate::questions::command::Environment;
use std::collections::BTreeMap;

/// Whether anything in a text, or in a list of texts, may stand for something else.
pub(super) fn is_needed(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with('~') || text.contains('$'),
        Value::Array(all) => all.iter().any(is_needed),
        _ => false,
    }
}

/// Whether a path begins where the user's shell does.
pub(super) fn is_relative(path: &str) -> bool {
    !path.starts_with(['/', '~', '$'])
}

/// A path, or a list of paths, with where it begins.
///
/// # Errors
/// Stops to ask.
pub(super) fn begun(value: &Value, host: &Host<'_>) -> Result<Value, Stop> {
    match value {
        Value::String(path) if is_relative(path) => {
            let known = host.get(Environment(vec!["PWD".into()]))?;
            let here = known.get("PWD").map(|here| here.trim_end_matches('/')).unwrap_or_default();
            let steps = path.split('/').filter(|step| !matches!(*step, "" | "."));
            let mut whole = steps.fold(here.to_owned(), |whole, step| format!("{whole}/{step}"));
            if whole.is_empty() || path.ends_with('/') {
                whole.push('/');
            }
            Ok(whole.into())
        }
        Value::Array(all) => all.iter().map(|one| begun(one, host)).collect(),
        other => Ok(other.clone()),
    }
}

/// Puts it in, in a text or in a list of texts.
///
/// # Errors
/// Stops to ask.
pub(super) fn expand(value: &Value, host: &Host<'_>) -> Result<Value, Stop> {
    match value {
        Value::String(text) => {
            let mut all = expand_all(vec![text.clone()], host)?;
            Ok(all.pop().unwrap_or_default().into())
        }
        Value::Array(all) => {
            let texts = all.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            Ok(expand_all(texts, host)?.into())
        }
        other => Ok(other.clone()),
    }
}

/// Puts it in, in several words.
///
/// # Errors
/// Stops to ask.
pub(super) fn expand_all(words: Vec<String>, host: &Host<'_>) -> Result<Vec<String>, Stop> {
    let mut names: Vec<String> = words.iter().flat_map(|word| variables(word)).collect();
    if words.iter().any(|word| home_of(word) == Some("")) {
        names.push("HOME".into());
    }
    names.sort_unstable();
    names.dedup();
    let users: Vec<&str> =
        words.iter().filter_map(|word| home_of(word)).filter(|user| !user.is_empty()).collect();
    if names.is_empty() && users.is_empty() {
        return Ok(words);
    }
    let environment = match names.is_empty() {
        true => Ok(BTreeMap::new()),
        false => host.get(Environment(names)).map(|known| (*known).clone()),
    };
    let entries = host.get(users.iter().map(|user| UserEntry((*user).to_owned())).collect::<Vec<_>>())?;
    let environment = environment?;
    let homes: BTreeMap<&str, &str> = users
        .iter()
        .zip(&entries)
        .filter_map(|(user, entry)| Some((*user, entry.as_ref().as_ref()?.home.as_str())))
        .chain(environment.get("HOME").map(|home| ("", home.as_str())))
        .collect();
    Ok(words.iter().map(|word| expanded(word, &homes, &environment)).collect())
}

/// Whose home a word begins with: `~` is the user's own, which has no name.
fn home_of(word: &str) -> Option<&str> {
    word.strip_prefix('~').map(|rest| rest.split('/').next().unwrap_or_default())
}

/// One variable in a text: where it stands, and its name.
fn variable(text: &str) -> Option<(std::ops::Range<usize>, &str)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins_name = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    for (at, _) in text.match_indices('$') {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (name, length) = match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) if name.chars().all(is_name) => (name, name.len() + 3),
            _ => {
                let name = rest.split(|c| !is_name(c)).next().unwrap_or_default();
                (name, name.len() + 1)
            }
        };
        if begins_name(name) {
            return Some((at..at + length, name));
        }
    }
    None
}

fn variables(word: &str) -> Vec<String> {
    let (mut names, mut rest) = (Vec::new(), word);
    while let Some((place, name)) = variable(rest) {
        names.push(name.to_owned());
        rest = rest.get(place.end..).unwrap_or_default();
    }
    names
}

fn expanded(word: &str, homes: &BTreeMap<&str, &str>, environment: &BTreeMap<String, String>) -> String {
    let (mut out, mut rest) = (String::new(), word);
    if let Some((user, home)) = home_of(word).and_then(|user| homes.get_key_value(user)) {
        out.push_str(home.trim_end_matches('/'));
        rest = word.get(1 + user.len()..).unwrap_or_default();
    }
    while let Some((place, name)) = variable(rest) {
        out.push_str(rest.get(..place.start).unwrap_or_default());
        match environment.get(name) {
            Some(value) => out.push_str(value),
            None => out.push_str(rest.get(place.clone()).unwrap_or_default()),
        }
        rest = rest.get(place.end..).unwrap_or_default();
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use crate::modules::harness::Bench;
    use crate::modules::stat::MODULE;
    use serde_json::json;

    #[test]
    fn a_relative_path_begins_where_the_shell_does() {
        for bench in Bench::every_shell() {
            let made = bench
                .settle(&crate::modules::file::MODULE, &json!({"path": "./a//b/", "state": "directory"}));
            assert_eq!(made.changes.len(), 2);
            let path = |path: &str| bench.in_order(&MODULE, &json!({"path": path}))["stat"]["path"].clone();
            assert_eq!(path("a/b"), json!(bench.path("a/b")));
            assert_eq!(path("."), json!(bench.path("").trim_end_matches('/')));
            let found = json!({"paths": ["a"], "file_type": "directory"});
            let found = bench.in_order(&crate::modules::find::MODULE, &found);
            assert_eq!(found["files"][0]["path"], json!(bench.path("a/b")));
        }
    }

    #[test]
    fn homes_and_variables_in_a_path_are_those_of_the_user_there() {
        for bench in Bench::every_shell() {
            let path = |path: &str| bench.in_order(&MODULE, &json!({"path": path}))["stat"]["path"].clone();
            let home = bench.path("").trim_end_matches("work/").to_owned();
            assert_eq!(path("~/work"), json!(format!("{home}work")));
            assert_eq!(path("$HOME/work"), json!(format!("{home}work")));
            assert_eq!(path("${HOME}"), json!(home.trim_end_matches('/')));
            assert_eq!(path("~root"), json!("/root"));
            let refused = bench.refusal(&MODULE, &json!({"path": "~nobody-of-that-name/x"}));
            assert!(refused.contains("no absolute path"), "{refused}");
            let refused = bench.refusal(&MODULE, &json!({"path": "$NO_SUCH_VARIABLE/x"}));
            assert!(refused.contains("no absolute path"), "{refused}");
        }
    }
}

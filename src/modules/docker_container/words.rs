//! Words of a task as docker takes them: what runs in a container, its variables, its image.

use super::super::docker::plain;
use super::super::{Args, shell_words};
use crate::model::Value;
use crate::questions::Stop;

/// What runs in a container: the entry point's first word, and all words behind it.
pub(super) struct Words {
    pub(super) entrypoint: Option<String>,
    pub(super) command: Option<Vec<String>>,
}

impl Words {
    pub(super) fn of(args: &Args) -> Result<Self, Stop> {
        let words = |param: &str| match args.value(param) {
            None => Ok(None),
            Some(Value::String(text)) => shell_words::split(text)
                .map(Some)
                .map_err(|error| Stop::refuse(format!("'{param}': {error}"))),
            Some(Value::Array(all)) => Ok(Some(all.iter().map(plain).collect())),
            Some(_) => Err(Stop::refuse(format!("'{param}' is a list or a text"))),
        };
        let (entry, command) = (words("entrypoint")?, words("command")?);
        let Some((first, rest)) = entry.as_ref().and_then(|all| all.split_first()) else {
            return Ok(Self { entrypoint: None, command });
        };
        let behind = rest.iter().cloned().chain(command.iter().flatten().cloned()).collect::<Vec<_>>();
        let given = command.is_some() || !behind.is_empty();
        Ok(Self { entrypoint: Some(first.clone()), command: given.then_some(behind) })
    }
}

/// Lines of variables as docker reads them.
pub(super) fn variables(args: &Args) -> Result<Vec<String>, Stop> {
    let given = args.value("env").and_then(Value::as_object).into_iter().flatten();
    given
        .map(|(name, value)| {
            let value = plain(value);
            match value.contains('\n') || name.is_empty() || name.contains(['\n', '=', '#']) {
                true => Err(Stop::refuse(format!(
                    "'env': '{name}' has a name or several lines that docker takes in no file"
                ))),
                false => Ok(format!("{name}={value}")),
            }
        })
        .collect()
}

pub(super) fn restart_option(policy: &str, retries: i64) -> String {
    match (policy, retries) {
        ("on-failure", 1..) => format!("--restart=on-failure:{retries}"),
        _ => format!("--restart={policy}"),
    }
}

/// An image with its tag, digest or id.
pub(super) fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

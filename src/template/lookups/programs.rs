//! Lookups that run a program on this machine: a command line, or `curl` for what is under a URL. Each is run once in a
//! run, however often it is asked for, and where the run may not act, what it would say is not known.

use super::{lookup_error, names};
use crate::template::call::{Call, pairs_of, text_of};
use crate::template::error::{TemplateError, TemplateErrorKind as Kind};
use crate::template::explain::{PLACED, into_engine};
use crate::template::functions::terms;
use crate::template::lazy::Names;
use minijinja::{Error, State, Value};
use std::path::PathBuf;

/// Where a command line runs: the playbook's folder, which is searched last.
fn folder(names: &Names) -> Option<PathBuf> {
    let controller = &names.session.cache.controller;
    names.scope.search_dirs().pop().filter(|folder| !controller.entries(folder).is_empty())
}

fn run(state: &State, call: &Call, name: &str) -> Result<Vec<String>, Error> {
    let names = names(state)?;
    let controller = &names.session.cache.controller;
    let mut printed = Vec::new();
    for term in terms(call.rest.clone())? {
        let line = text_of(&term)?;
        in_no_word(&names, &line, "the words of a program here, which everybody on this machine can list")?;
        if !controller.acts() {
            return Err(names.session.unknown(&format!("what {} prints here", told(&names, &line))));
        }
        let text = controller
            .run(&["/bin/sh", "-c", &line], "", folder(&names).as_deref())
            .map_err(|error| lookup_error(format!("{name}: '{line}': {error}")))?;
        printed.push(text);
    }
    Ok(printed)
}

/// Refuses what would show a sealed value: where it would stand.
fn in_no_word(names: &Names, text: &str, place: &str) -> Result<(), Error> {
    let session = &names.session;
    if session.is_tainted() && session.cache.controller.opener().reveals(text) {
        let message = format!("{PLACED}{place}");
        return Err(into_engine(TemplateError::new(Kind::Unsupported, message)));
    }
    Ok(())
}

/// A text as it may be told: not where a secret had a part in what is looked up.
fn told(names: &Names, text: &str) -> String {
    if names.session.is_tainted() { "something that may hold a secret".into() } else { format!("'{text}'") }
}

/// What a command line prints, without the white space at its end.
pub(super) fn pipe(state: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(run(state, call, "pipe")?.into_iter().map(|text| Value::from(text.trim_end())).collect())
}

/// The lines that a command line prints.
pub(super) fn lines(state: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(run(state, call, "lines")?.iter().flat_map(|text| text.lines()).map(Value::from).collect())
}

pub(super) const URL: &[&str] = &[
    "*terms",
    "validate_certs",
    "split_lines",
    "use_proxy",
    "username",
    "password",
    "headers",
    "timeout",
    "http_agent",
    "follow_redirects",
    "ca_path",
];

/// What is under a URL: its lines, or its whole text where `split_lines` is false. Nothing of the request is seen in a list of
/// processes: `curl` reads it.
pub(super) fn url(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let mut found = Vec::new();
    for term in terms(call.rest.clone())? {
        let url = text_of(&term)?;
        in_no_word(
            &names,
            &url,
            "a URL, which whoever serves it writes into its logs: 'headers' and 'password' take it",
        )?;
        // Whoever looks what a playbook would do sends nothing of theirs to where it says.
        if !names.session.cache.controller.acts() {
            return Err(names.session.unknown(&format!("what is under {}", told(&names, &url))));
        }
        let request = request(call, &url)?;
        let program =
            ["curl", "-q", "--silent", "--show-error", "--fail", "--proto", "=http,https", "--config", "-"];
        let text = names
            .session
            .cache
            .controller
            .run(&program, &request, None)
            .map_err(|error| lookup_error(format!("url: '{url}': {error}")))?;
        match call.arg("split_lines").is_none_or(Value::is_true) {
            true => found.extend(text.lines().map(Value::from)),
            false => found.push(Value::from(text)),
        }
    }
    Ok(Value::from(found))
}

/// The request as a file of options for curl.
fn request(call: &Call, url: &str) -> Result<String, Error> {
    let mut options = vec![("url", url.to_owned())];
    let text = |name: &str| call.text(name);
    options.push(("max-time", text("timeout")?.unwrap_or_else(|| "10".into())));
    options.push(("user-agent", text("http_agent")?.unwrap_or_else(|| "ansible-httpget".into())));
    if let Some(user) = text("username")? {
        options.push(("user", format!("{user}:{}", text("password")?.unwrap_or_default())));
    }
    if let Some(file) = text("ca_path")? {
        options.push(("cacert", file));
    }
    if let Some(headers) = call.arg("headers").filter(|headers| !headers.is_none()) {
        for (name, value) in pairs_of(headers, "headers")? {
            options.push(("header", format!("{}: {}", text_of(&name)?, text_of(&value)?)));
        }
    }
    let mut file = String::new();
    if text("follow_redirects")?.as_deref().is_none_or(|follow| !matches!(follow, "no" | "none" | "False")) {
        file.push_str("location\n");
    }
    if call.arg("validate_certs").is_some_and(|checks| !checks.is_true()) {
        file.push_str("insecure\n");
    }
    for (name, value) in options {
        if value.contains(['\n', '\r']) {
            return Err(call.wrong(format!("{name} holds a line feed")));
        }
        file.push_str(&format!("{name} = \"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\"")));
    }
    Ok(file)
}

//! A change as people and the record see it, and what it sends.

use super::effective::{At, Effective};
use super::task::Task;
use crate::event::{ChangeMade, Compared, Sent, Whole};
use crate::model::{Content, Digest, Excerpt, Map, Value};
use crate::modules::{Change, Outcome};
use crate::questions::Output;
use serde_json::json;

/// All of it that is told and recorded.
pub fn change_made(change: &Change, user: &Effective) -> ChangeMade {
    ChangeMade {
        summary: Excerpt { lines_max: 1, columns_max: 300 }.of(&change.summary),
        script: change.script.name.to_owned(),
        script_digest: change.script.digest().to_string(),
        diff: change.diff.as_ref().map(|d| Compared {
            header: d.header.clone(),
            before: d.before.clone(),
            after: d.after.clone(),
        }),
        sends: Some(sent(change, user)),
        hidden: None,
        attempts: None,
        whole: Some(Whole {
            user: user.user.clone(),
            at: user.at.as_ref().map(place),
            environment: user
                .environment
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            arguments: change.args.0.to_vec(),
            names: change.script.argument_names(),
            content: change.content.clone(),
        }),
        is_unsaid: false,
        content: None,
    }
}

/// Where a change is made that is not made as its host's others are.
fn place(at: &At) -> String {
    match at {
        At::Host(host) => host.to_string(),
        At::Here => "the machine that wgops runs on".to_owned(),
        At::Login(host, login) => {
            let host = host.as_ref().map_or("the same host", |host| host.as_str());
            let user = login.user.iter().map(|user| format!(", logged in as {user}"));
            let port = login.port.iter().map(|port| format!(", at port {port}"));
            user.chain(port).fold(host.to_owned(), |place, more| place + &more)
        }
    }
}

/// What `register` gets of what a module came to, besides its own keys: what it warns of, and what it compared.
pub fn registered(task: &Task, outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = (task.module.result)(outcome, outputs);
    if !outcome.warnings.is_empty() {
        result.entry("warnings").or_insert_with(|| outcome.warnings.clone().into());
    }
    let compared = outcome.changes.iter().filter_map(|change| change.diff.as_ref());
    let mut compared: Vec<Value> = compared
        .filter(|_| task.register.is_some())
        .map(|diff| {
            let (before, after, header) = (&diff.before, &diff.after, &diff.header);
            json!({"before": before, "after": after, "before_header": header, "after_header": header})
        })
        .collect();
    let is_list = task.module.lists_its_diffs() || compared.len() > 1;
    if let Some(one) = (!is_list).then(|| compared.pop()).flatten() {
        result.entry("diff").or_insert(one);
    } else if !compared.is_empty() {
        result.entry("diff").or_insert(Value::Array(compared));
    }
    result
}

/// What a change sends besides its script, by digests. Arguments can't be shifted into each other: each is counted. So are
/// environment variables, and where it is carried out if that is not the task's own host.
fn sent(change: &Change, user: &Effective) -> Sent {
    let counted = change.args.0.iter().map(|arg| format!("{}:{arg}", arg.len()));
    let variables = user.environment.iter().map(|(name, value)| format!("{name}={}:{value}", value.len()));
    let at = user.at.as_ref().map(|at| match at {
        At::Host(host) => format!("at {host}"),
        At::Here => "here".to_owned(),
        At::Login(host, login) => format!("at {host:?} as {login:?}"),
    });
    let counted = counted.chain(variables).chain(at);
    Sent {
        user: user.user.clone(),
        arguments: Digest::of(counted.collect::<String>()),
        content: change.content.as_ref().map(Content::digest),
    }
}

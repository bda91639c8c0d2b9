//! `snap`: that snaps are installed, or aren't, with their channels and settings.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::Stop;
use crate::questions::system::volumes::Snaps;
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "snap",
    aliases: &[],
    summary: "Installs, removes and switches snaps",
    params: &[
        Param::required("name", Kind::List, "the snaps; with `dangerous` also paths of files on the host"),
        Param::optional(
            "state",
            Kind::Choice(&["absent", "present", "enabled", "disabled"]),
            "what they are to be",
        )
        .default("present"),
        Param::optional("classic", Kind::Bool, "whether they may do without confinement").default("no"),
        Param::optional("channel", Kind::Text, "the channel, as stable or 1.2/edge"),
        Param::optional("revision", Kind::Int, "the revision"),
        Param::optional("options", Kind::List, "settings: KEY=VALUE, or SNAP:KEY=VALUE"),
        Param::optional("dangerous", Kind::Bool, "whether files without a signature are taken").default("no"),
        Param::optional("devmode", Kind::Bool, "whether they run in development mode").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Certificates by certbot's own snap\n  snap: {name: certbot, classic: true}\n",
        returns: &[
            Returned { name: "snaps_installed", help: "which are installed" },
            Returned { name: "snaps_removed", help: "which are removed" },
            Returned { name: "options_changed", help: "which settings are changed" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Runs snap: what it is told.
const RUN: Script = Script {
    name: "run_snap",
    text: r#"command -v snap >/dev/null 2>&1 || { echo 'this host has no snap (snapd)' >&2; exit 1; }
snap "$@" </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// A snap that is installed.
struct There<'a> {
    name: &'a str,
    revision: &'a str,
    channel: &'a str,
    disabled: bool,
}

fn list(said: &str) -> Vec<There<'_>> {
    said.lines()
        .filter(|line| !line.starts_with("Name ") && !line.starts_with("== "))
        .filter_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, _, revision, channel, ..] = words[..] else { return None };
            let disabled = words.last().is_some_and(|notes| notes.split(',').any(|note| note == "disabled"));
            Some(There { name, revision, channel, disabled })
        })
        .collect()
}

/// A channel with its track: snap says `latest/stable` where a user says `stable`.
fn full(channel: &str) -> String {
    match channel {
        "stable" | "candidate" | "beta" | "edge" => format!("latest/{channel}"),
        track if !track.contains('/') => format!("{track}/stable"),
        other => other.to_owned(),
    }
}

/// The snap's name in a file's.
fn name_of(given: &str) -> &str {
    match given.strip_suffix(".snap") {
        Some(path) => path.rsplit('/').next().unwrap_or(path).split('_').next().unwrap_or(path),
        None => given,
    }
}

fn run(summary: String, words: Vec<String>) -> Change {
    let touches = [Subject::path("/var/lib/snapd"), Subject::path("/snap"), Subject::Service("*".into())];
    Change { deadline: Duration::from_secs(60 * 60), ..Change::state(summary, RUN, words, touches) }
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let names = args.list("name");
    if let Some(name) = names.iter().find(|name| name.is_empty() || name.starts_with('-')) {
        return Err(Stop::refuse(format!("'{name}' is no snap's name")));
    }
    if args.has("channel") && args.has("revision") {
        return Err(Stop::refuse("parameters are mutually exclusive: channel|revision"));
    }
    let options = options(args, &names)?;
    let mut asked: Vec<String> = options.iter().map(|(name, ..)| name.clone()).collect();
    asked.dedup();
    let said = host.get(Snaps(asked))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let (table, settings) = said.split_once("== ").map_or((said.as_str(), ""), |(table, rest)| (table, rest));
    let there = list(table);
    let mut changes = Vec::new();
    let (mut installed, mut removed) = (Vec::new(), Vec::new());
    for given in &names {
        let name = name_of(given);
        let now = there.iter().find(|snap| snap.name == name);
        let Some(change) = one(args, given, now)? else { continue };
        match (args.text("state"), now) {
            (Some("absent"), _) => removed.push(name),
            (_, None) => installed.push(name),
            _ => {}
        }
        changes.push(change);
    }
    let mut changed = Vec::new();
    if args.text("state") == Some("present") {
        for (name, key, value) in &options {
            if setting(settings, name, key).as_deref() != Some(value) {
                changed.push(format!("{name}:{key}={value}"));
                let words = vec!["set".to_owned(), name.clone(), format!("{key}={value}")];
                changes.push(run(format!("set {key} of the snap {name}"), words));
            }
        }
    }
    let mut result = Map::new();
    result.insert("classic".into(), args.flag("classic").into());
    result.insert("channel".into(), args.text("channel").into());
    result.insert("snaps_installed".into(), installed.into());
    result.insert("snaps_removed".into(), removed.into());
    result.insert("options_changed".into(), changed.into());
    Ok(Outcome::change(result, changes))
}

/// What is to be done about one snap.
fn one(args: &Args, given: &str, now: Option<&There<'_>>) -> Result<Option<Change>, Stop> {
    let name = name_of(given);
    Ok(match (args.text("state"), now) {
        (Some("absent"), None) => None,
        (Some("absent"), Some(_)) => {
            Some(run(format!("remove the snap {name}"), vec!["remove".into(), name.into()]))
        }
        (Some(state @ ("enabled" | "disabled")), Some(now)) => {
            let verb = if state == "enabled" { "enable" } else { "disable" };
            let change = || run(format!("{verb} the snap {name}"), vec![verb.into(), name.into()]);
            (now.disabled == (state == "enabled")).then(change)
        }
        (Some("enabled" | "disabled"), None) => {
            return Err(Stop::refuse(format!("Please install the snap {name} first: it is not there")));
        }
        (_, None) => Some(run(format!("install the snap {name}"), words("install", given, args))),
        (_, Some(now)) => {
            let channel = args.text("channel").is_some_and(|wanted| full(wanted) != full(now.channel));
            let revision = args.int("revision").is_some_and(|wanted| now.revision != wanted.to_string());
            let change =
                || run(format!("bring the snap {name} to what is asked"), words("refresh", given, args));
            (channel || revision).then(change)
        }
    })
}

/// What snap is told to install one.
fn words(verb: &str, given: &str, args: &Args) -> Vec<String> {
    let mut words = vec![verb.to_owned()];
    let flags = ["classic", "dangerous", "devmode"]
        .into_iter()
        .filter(|flag| args.flag(flag) && (verb == "install" || *flag != "dangerous"));
    words.extend(flags.map(|flag| format!("--{flag}")));
    words.extend(args.text("channel").map(|channel| format!("--channel={channel}")));
    words.extend(args.int("revision").map(|revision| format!("--revision={revision}")));
    words.push(given.to_owned());
    words
}

/// Settings: of which snap, which, and what.
fn options(args: &Args, names: &[&str]) -> Result<Vec<(String, String, String)>, Stop> {
    let wrong =
        |text: &str| Stop::refuse(format!("'options' has '{text}': expected KEY=VALUE or SNAP:KEY=VALUE"));
    let mut all = Vec::new();
    for text in args.list("options") {
        let (key, value) =
            text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| wrong(text))?;
        match key.split_once(':') {
            Some((name, key)) => all.push((name.to_owned(), key.to_owned(), value.to_owned())),
            None => all.extend(
                names.iter().map(|name| (name_of(name).to_owned(), key.to_owned(), value.to_owned())),
            ),
        }
    }
    all.sort();
    Ok(all)
}

/// What a snap's setting is now, as `snap set` would take it.
fn setting(said: &str, name: &str, key: &str) -> Option<String> {
    let part = said.split("== ").find_map(|part| part.strip_prefix(name)?.strip_prefix('\n'))?;
    let all: Value = serde_json::from_str(part).ok()?;
    let value = key.split('.').try_fold(&all, |value, key| value.get(key))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    const SAID: &str = "Name    Version  Rev    Tracking       Publisher   Notes\n\
        core    16-2.61  16202  latest/stable  canonical✓  core\n\
        hello   2.10     42     latest/stable  canonical✓  disabled\n\
        == core\n{\"system\": {\"timezone\": \"UTC\"}, \"proxy\": {\"port\": 80}}\n";

    fn run(args: &Value) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(SAID)))?;
        Ok(outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())
    }

    #[test]
    fn snaps_come_go_and_are_switched() {
        assert_eq!(
            run(&json!({"name": ["core", "certbot"], "classic": true, "channel": "stable"})).unwrap(),
            ["install --classic --channel=stable certbot"]
        );
        assert_eq!(
            run(&json!({"name": "core", "channel": "edge"})).unwrap(),
            ["refresh --channel=edge core"]
        );
        assert_eq!(run(&json!({"name": "hello", "revision": 41})).unwrap(), ["refresh --revision=41 hello"]);
        assert_eq!(run(&json!({"name": "hello,none", "state": "absent"})).unwrap(), ["remove hello"]);
        assert_eq!(run(&json!({"name": "hello", "state": "enabled"})).unwrap(), ["enable hello"]);
        assert!(run(&json!({"name": "core", "state": "enabled"})).unwrap().is_empty());
        assert!(run(&json!({"name": "none", "state": "enabled"})).is_err());
        let file = json!({"name": "/tmp/hello_2.1_amd64.snap", "dangerous": true});
        assert!(run(&file).unwrap().is_empty());
    }

    #[test]
    fn settings_are_set_where_they_differ() {
        let args = json!({"name": "core", "options": ["system.timezone=UTC", "core:proxy.port=81", "x=1"]});
        assert_eq!(run(&args).unwrap(), ["set core proxy.port=81", "set core x=1"]);
        assert!(run(&json!({"name": "core", "options": "nonsense"})).is_err());
    }
}

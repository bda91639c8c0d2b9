//! `authorized_key`: who may log in as a user by key. The file is edited as a whole by `authorized_keys`.

use super::attributes::{Wanted, number, octal, touching};
use super::authorized_keys::{Key, change, read, text};
use super::edited::{self, Edited, Ending, Missing};
use super::file::CREATE;
use super::http_request;
use super::mode::Mode;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::Map;
use crate::questions::Stop;
use crate::questions::accounts::{User, UserEntry};
use crate::questions::files::{Inspect, NodeKind};
use crate::questions::http::{Body, Fetch, Fetched, Leniency, Request};

/// The module.
pub static MODULE: Module = Module {
    name: "authorized_key",
    aliases: &[],
    summary: "Lets keys in as a user, or no longer",
    params: &[
        Param::required("user", Kind::Text, "the user"),
        Param::required("key", Kind::Text, "the public keys, a line each, or an https URL that has them"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether they are to be there")
            .default("present"),
        Param::optional("path", Kind::Path, "the file; without it, .ssh/authorized_keys of the user"),
        Param::optional(
            "manage_dir",
            Kind::Bool,
            "make the directory, owned by the user and closed to others",
        )
        .default("yes"),
        Param::optional("key_options", Kind::Text, "options of the keys, as sshd reads them"),
        Param::optional("exclusive", Kind::Bool, "no other keys than these").default("no"),
        Param::optional("comment", Kind::Text, "the comment behind the keys, instead of their own"),
        Param::optional("follow", Kind::Bool, "write where a link leads, instead of replacing the link")
            .default("no"),
        Param::optional(
            "validate_certs",
            Kind::Bool,
            "taken; a URL is asked by a verified certificate alone",
        )
        .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Let Alice in for backups only
  authorized_key:
    user: backup
    key: "{{ lookup('file', 'keys/alice.pub') }}"
    key_options: 'command="/usr/local/bin/backup",no-pty'
- name: These keys and no other
  authorized_key: {user: deploy, key: "{{ deploy_keys | join('\n') }}", exclusive: true}
"#,
        returns: &[
            Returned { name: "keyfile", help: "the file" },
            Returned { name: "user, key, state, exclusive, key_options", help: "as they were given" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let keys = keys(args, &given(args, host)?)?;
    let name = args.needed("user")?;
    let user = host.get(UserEntry(name.to_owned()))?;
    let Some(user) = user.as_ref() else {
        return Err(Stop::refuse(format!("Failed to lookup user {name}: nobody of that name is there")));
    };
    let standard = format!("{}/.ssh/authorized_keys", user.home.trim_end_matches('/'));
    let path = args.text("path").unwrap_or(&standard).to_owned();
    let directory = directory(&path, user, args, host);
    let file = Edited::look_at(&path, args, host, Missing::Made);
    let (directory, file) = (directory?, file?);
    let before = file.text();
    let mut lines = read(&before.text);
    let is_present = args.text("state") != Some("absent");
    let changed = change(&mut lines, &keys, is_present, args.flag("exclusive"));
    let mut result = Map::new();
    for (name, value) in args.all() {
        result.insert(name.clone(), value.clone());
    }
    result.insert("keyfile".into(), path.clone().into());
    if !changed {
        return Ok(Outcome::in_order(result));
    }
    let wanted = Wanted { uid: Some(user.uid), gid: Some(user.gid), mode: Some(Mode::Exact(0o600)) };
    let message = if is_present { "keys added" } else { "keys removed" };
    let ending = Ending { new: before.encode(&text(&lines)), message: message.into(), result };
    let mut outcome = file.owned(wanted).finish(ending, host)?;
    // The directory was made as it should be, or there is one.
    outcome.changes.retain(|change| change.script.name != super::copy::MAKE_PARENTS.name);
    outcome.changes.splice(0..0, directory);
    outcome.result.shift_remove("msg");
    Ok(outcome)
}

/// The keys as they are written, or as a URL has them. Whoever answers there is let in: so it has to be who it says it is,
/// and nobody else that it sends us to.
fn given(args: &Args, host: &Host<'_>) -> Result<String, Stop> {
    let given = args.needed("key")?.trim();
    let Some((scheme @ ("http" | "https" | "ftp" | "file"), _)) = given.split_once("://") else {
        return Ok(given.to_owned());
    };
    if scheme != "https" || args.maybe_flag("validate_certs") == Some(false) {
        return Err(Stop::refuse(format!(
            "a key is fetched by https and a verified certificate alone, for whoever answers is let in: {given}"
        )));
    }
    let leniency = Leniency { any_certificate: false, redirects: false };
    let request = Request { leniency, ..Request::get(given) };
    match http_request::fetched(host, Fetch { request, body: Body::Wanted, sends: None })? {
        Fetched::Answered(response) if response.status == 200 => {
            Ok(String::from_utf8_lossy(&response.body).into_owned())
        }
        Fetched::Answered(response) => {
            Err(Stop::refuse(format!("{given} answers with {} {}", response.status, response.reason)))
        }
        Fetched::Failed { why, .. } | Fetched::Unable(why) => {
            Err(Stop::refuse(format!("Error getting key from: {given}: {why}")))
        }
    }
}

/// The keys that are given, with the options and the comment that they are to have.
fn keys(args: &Args, given: &str) -> Result<Vec<Key>, Stop> {
    let mut keys = Vec::new();
    for line in given.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let Some(mut key) = Key::read(line) else {
            return Err(Stop::refuse(format!("invalid key specified: {line}")));
        };
        if let Some(options) = args.text("key_options") {
            key.options = options.to_owned();
        }
        if let Some(comment) = args.text("comment") {
            key.comment = comment.to_owned();
        }
        keys.push(key);
    }
    Ok(keys)
}

/// The change that makes the directory, or closes it to others.
fn directory(path: &str, user: &User, args: &Args, host: &Host<'_>) -> Result<Option<Change>, Stop> {
    if !args.flag("manage_dir") {
        return Ok(None);
    }
    let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
    let seen = host.get(Inspect::path(parent))?;
    match seen.followed() {
        Some(node) if node.kind == NodeKind::Directory => {
            let mode = Some(Mode::Exact(0o700)).filter(|_| args.text("path").is_none());
            let owner = |number| args.text("path").is_none().then_some(number);
            let wanted = Wanted { uid: owner(user.uid), gid: owner(user.gid), mode };
            let missing = wanted.missing(node, seen.umask);
            Ok((!missing.is_empty()).then(|| missing.change(parent, &seen.followed_path(), node)))
        }
        Some(node) => Err(Stop::refuse(format!("{parent} is a {}, not a directory", node.kind.as_str()))),
        None if !seen.parent_exists => {
            Err(Stop::refuse(format!("{parent} can't be made: the directory above it is not there")))
        }
        None => {
            let words = [
                seen.real.clone(),
                NodeKind::Directory.as_str().to_owned(),
                octal(Some(0o700)),
                number(Some(user.uid)),
                number(Some(user.gid)),
            ];
            let touches = touching(parent, &seen.real);
            Ok(Some(Change::state(format!("make the directory {parent}"), CREATE, words, touches)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBvX alice@example.org";

    #[test]
    fn a_key_is_put_once_in_a_file_of_the_users_and_removed() {
        for bench in Bench::every_shell() {
            let path = bench.path("k/authorized_keys");
            let mut args = json!({"user": "root", "key": KEY, "path": path});
            let result = bench.changes(&MODULE, &args);
            assert_eq!((&result["keyfile"], &result["mode"]), (&json!(path), &json!("0600")));
            assert_eq!(bench.read("k/authorized_keys"), format!("{KEY}\n"));
            bench.in_order(&MODULE, &args);
            args["key_options"] = json!("no-pty");
            args["comment"] = json!("c");
            bench.changes(&MODULE, &args);
            assert!(bench.read("k/authorized_keys").starts_with("no-pty ssh-ed25519 "));
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("k/authorized_keys"), "");
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn keys_come_from_a_url_whose_owner_is_proven() {
        let mut bench = Bench::new();
        let path = bench.path("k/authorized_keys");
        let args = json!({"user": "root", "key": "https://keys.example.org/alice", "path": path});
        let answer =
            format!("printf 'HTTP/1.1 200 OK\\r\\n\\r\\n{KEY}\\n\\n200 0 https://keys.example.org/alice'");
        bench.program("curl", &answer);
        bench.changes(&MODULE, &args);
        assert_eq!(bench.read("k/authorized_keys"), format!("{KEY}\n"));
        bench.in_order(&MODULE, &args);
        // Elsewhere is somebody else.
        let mut asked_for = Vec::new();
        let elsewhere = answer_with(&MODULE, &args, &mut |asked| {
            asked_for = asked.args.0[1..6].to_vec();
            Ok(Output::ok("perl\nHTTP/1.1 302 Found\r\n\r\n"))
        });
        assert!(
            matches!(elsewhere, Err(Stop::Refuse(refusal)) if refusal.message.contains("answers with 302"))
        );
        assert_eq!(asked_for, ["GET", "https://keys.example.org/alice", "30", "yes", "no"]);
    }

    #[test]
    fn what_is_no_key_and_who_is_no_user_are_refused() {
        let bench = Bench::new();
        let refusal = |args: serde_json::Value| bench.refusal(&MODULE, &args);
        assert!(refusal(json!({"user": "no-such-user", "key": KEY})).starts_with("Failed to lookup user"));
        for (key, words) in
            [("rubbish", "invalid key specified: rubbish"), ("http://keys.example.org/x", "https")]
        {
            let args = json!({"user": "root", "key": key});
            let Err(Stop::Refuse(refusal)) = answer_with(&MODULE, &args, &mut |_| panic!("asked")) else {
                panic!("{key}")
            };
            assert!(refusal.message.contains(words), "{}", refusal.message);
        }
    }
}

//! `login_keys`: the SSH keys that let people in, for checks: whose they are, how strong, and who else could add one.

use super::gathered::Gathered;
use super::updates::some_of;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Severity, Value};
use crate::questions::Stop;
use crate::questions::access::keys::{AuthorizedKeys, KeyFile, KeyRing, PublicKey};
use crate::questions::access::sshd::{SshdSettings, SshdState};
use serde_json::json;
use std::collections::HashMap;

/// The module.
pub static MODULE: Module = Module {
    name: "login_keys",
    aliases: &[],
    summary: "Says which SSH keys let people in, and who else could add one",
    params: &[Param::optional(
        "known",
        Kind::List,
        "keys that are known, as lines of an authorized_keys file; the comment names whose",
    )],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Which keys let people in
  login_keys:
  become: true
  register: logins
",
        returns: &[
            Returned { name: "assessed", help: "whether all of it could be read" },
            Returned { name: "files", help: "the files: `user`, `path`, `keys`, `problems`" },
            Returned {
                name: "keys",
                help: "each key: `user`, `file`, `type`, `bits`, `fingerprint`, `short`, `comment`, `options`, `restricted`, `weakness`, `owner`, `known`",
            },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Where sshd looks unless it is told otherwise.
const PLACES: &str = ".ssh/authorized_keys .ssh/authorized_keys2";

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let sshd = match host.get(SshdSettings) {
        // What can't be known of sshd is told by `sshd_settings`; its default is looked at in any case.
        Err(Stop::Refuse(_)) => None,
        answer => Some(answer?),
    };
    let places = places(sshd.as_deref());
    let ring =
        seen.known(("check/login-keys", "keys that let people in"), host.get(AuthorizedKeys { places }))?;
    let known = args.value("known").map(|_| owners(&args.list("known")));
    if let Some(ring) = ring.as_deref().filter(|ring| !ring.blind.is_empty()) {
        let names: Vec<String> = ring.blind.iter().cloned().collect();
        let evidence = format!("keys of {} may not be looked at", some_of(&names));
        let texts = ["not every key that lets people in was looked at", &evidence, "audit with --become"];
        seen.not_assessed("check/login-keys", Severity::Medium, texts);
    }
    let files = |ring: &KeyRing| ring.files.iter().map(file).collect::<Vec<_>>();
    let keys = |ring: &KeyRing| {
        ring.files
            .iter()
            .flat_map(|f| f.keys.iter().map(|k| key(f, k, known.as_ref())).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    seen.set("assessed", ring.as_deref().is_some_and(|ring| ring.blind.is_empty()));
    seen.set("files", ring.as_deref().map(files).unwrap_or_default());
    seen.set("keys", ring.as_deref().map(keys).unwrap_or_default());
    Ok(seen.outcome())
}

fn places(sshd: Option<&SshdState>) -> Vec<String> {
    let set = sshd.and_then(|state| {
        let list = state.effective.as_ref().unwrap_or(&state.global);
        list.iter().find(|(key, _)| key == "authorizedkeysfile").map(|(_, value)| value.as_str())
    });
    let in_blocks = sshd.into_iter().flat_map(|state| &state.matches).flat_map(|found| &found.settings);
    let in_blocks = in_blocks.filter(|(key, _)| key == "authorizedkeysfile").map(|(_, value)| value.as_str());
    let all = std::iter::once(set.unwrap_or(PLACES)).chain(in_blocks).flat_map(str::split_whitespace);
    let mut places: Vec<String> = Vec::new();
    for place in all.filter(|place| *place != "none") {
        if !places.iter().any(|known| known == place) {
            places.push(place.to_owned());
        }
    }
    places
}

/// Whose each known key is, by fingerprint.
fn owners(lines: &[&str]) -> HashMap<String, String> {
    lines.iter().filter_map(|line| PublicKey::read(line)).map(|key| (key.fingerprint, key.comment)).collect()
}

fn key(file: &KeyFile, key: &PublicKey, known: Option<&HashMap<String, String>>) -> Value {
    let owner = known.and_then(|known| known.get(&key.fingerprint));
    json!({
        "user": file.user,
        "file": file.path,
        "type": key.kind,
        "bits": key.bits,
        "fingerprint": key.fingerprint,
        "short": short(&key.fingerprint),
        "comment": key.comment,
        "options": key.options,
        "restricted": key.options.iter().any(|option| option == "restrict"),
        "weakness": key.weakness(),
        "owner": owner,
        "known": known.map(|_| owner.is_some()),
    })
}

/// The beginning of a fingerprint, fit for an id.
fn short(fingerprint: &str) -> String {
    let digest = fingerprint.trim_start_matches("SHA256:").chars().take(8);
    digest.map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn file(file: &KeyFile) -> Value {
    let open = |(_, mode, uid): &&(String, u32, u32)| mode & 0o022 != 0 || (*uid != file.uid && *uid != 0);
    let writable: Vec<String> = file
        .modes
        .iter()
        .filter(open)
        .map(|(path, mode, uid)| format!("{path} has mode {mode:04o} and owner {uid}"))
        .collect();
    json!({
        "user": file.user,
        "path": file.path,
        "keys": file.keys.len(),
        "other_lines": file.other_lines,
        "safe": writable.is_empty(),
        "problems": writable,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDbvWSPdnWL7lXVApUq02jVJWwRK66499RqgqM/QEdxh";

    fn ask(args: Value, keys: &str) -> (Value, Vec<String>) {
        let outcome = answer_with(&MODULE, &args, &mut |asked| {
            Ok(match asked.script.name {
                "sshd_settings" => {
                    Output::ok("begin /etc/ssh/sshd_config\nline AuthorizedKeysFile %h/k /etc/keys/%u\nend\n")
                }
                _ => {
                    assert_eq!(asked.args.0, ["%h/k", "/etc/keys/%u"]);
                    Output::ok(keys)
                }
            })
        });
        let outcome = outcome.unwrap();
        (outcome.result.clone().into(), outcome.findings.iter().map(|f| f.id.clone()).collect())
    }

    #[test]
    fn keys_say_whose_they_are_and_files_who_could_add_one() {
        let text = format!(
            "account bob 1000 /home/bob/k\nmode 600 1000 /home/bob/k\nmode 777 1000 /home/bob\nkey {KEY} bob@x\n"
        );
        let (result, ids) = ask(json!({"known": [format!("{KEY} alice")]}), &text);
        assert_eq!((ids, &result["assessed"]), (vec![], &json!(true)));
        let key = &result["keys"][0];
        assert_eq!(
            (&key["known"], &key["owner"], &key["comment"]),
            (&json!(true), &json!("alice"), &json!("bob@x"))
        );
        assert_eq!(result["files"][0]["problems"], json!(["/home/bob has mode 0777 and owner 1000"]));
        assert_eq!(ask(json!({"known": []}), &text).0["keys"][0]["known"], json!(false));
        assert_eq!(ask(json!({}), &text).0["keys"][0]["known"], json!(null));
    }

    #[test]
    fn accounts_whose_keys_can_not_be_seen_are_told() {
        let (result, ids) = ask(json!({}), "blind root\nblind eve\n");
        assert_eq!(
            (ids, &result["assessed"]),
            (vec!["not-assessed/check/login-keys".to_owned()], &json!(false))
        );
    }
}

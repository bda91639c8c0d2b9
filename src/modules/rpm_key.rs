//! `rpm_key`: a key that rpm trusts. The key is read here, so that its id is known beforehand.

use super::apt_keyring::{self, Key, keys, plain_id};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Content, Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::contents::{Content as Old, Read};
use crate::questions::system::rpm::RpmKeys;

/// The module.
pub static MODULE: Module = Module {
    name: "rpm_key",
    aliases: &[],
    summary: "Lets rpm trust a key, or no longer",
    params: &[
        Param::required("key", Kind::Text, "the key's URL, a file on the host, or with absent its id"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is trusted")
            .default("present"),
        Param::optional("fingerprint", Kind::List, "the fingerprint that it has to have"),
        Param::optional("validate_certs", Kind::Bool, "taken; certificates are always verified")
            .default("yes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Trust a key\n  rpm_key:\n    key: https://packages.example.com/key.asc\n    fingerprint: \"7B4E 4C87 C69A E28C 03C9  B74C 79C7 3AE3 C034 A70C\"\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Imports the key on stdin.
const IMPORT: Script = Script {
    name: "import_rpm_key",
    text: r#"if rpm -q gpg-pubkey 2>/dev/null | grep -q -i -e "^gpg-pubkey-$1-"; then exit 113; fi
file=$(mktemp "${TMPDIR:-/tmp}/wgops.XXXXXXXXXX") || exit 1
trap 'rm -f -- "$file"' EXIT
cat >"$file" || exit 1
rpm --import "$file" || exit 1
exit 0"#,
};

/// Forgets keys by their ids.
const ERASE: Script = Script {
    name: "erase_rpm_key",
    text: r#"for id; do
    name=$(rpm -q gpg-pubkey 2>/dev/null | grep -i -e "^gpg-pubkey-$id-")
    [ -n "$name" ] || exit 113
    rpm --erase --allmatches $name || exit 1
done
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[IMPORT, ERASE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let key = args.needed("key")?;
    let absent = args.text("state") == Some("absent");
    let there = host.get(RpmKeys(vec![]))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let is_there = |short: &str| {
        there.lines().any(|line| line.to_lowercase().starts_with(&format!("gpg-pubkey-{short}-")))
    };
    let plain = plain_id(key);
    let touches = || [Subject::Packages, Subject::path("/var/lib/rpm")];
    if absent && plain.len() >= 8 && plain.chars().all(|c| c.is_ascii_hexdigit()) {
        let short = plain.get(plain.len() - 8..).unwrap_or_default().to_lowercase();
        let change = is_there(&short)
            .then(|| Change::state(format!("no longer trust the key {key}"), ERASE, [short], touches()));
        return Ok(Outcome::change(Map::new(), change.into_iter().collect()));
    }
    let bytes = given(key, host)?;
    let found = keys(&bytes).map_err(|why| Stop::refuse(format!("Not a valid key: {key}: {why}")))?;
    let Some(first) = found.first() else { return Err(Stop::refuse(format!("Not a valid key: {key}"))) };
    let wanted: Vec<String> = args.list("fingerprint").into_iter().map(plain_id).collect();
    if !wanted.is_empty() && !wanted.contains(&first.fingerprint) {
        return Err(Stop::refuse(format!(
            "The specified fingerprint, '{}', does not match the key fingerprint '{}'",
            wanted.join(", "),
            first.fingerprint
        )));
    }
    let short = |key: &Key| key.id().get(8..).unwrap_or_default().to_lowercase();
    let change = match (absent, is_there(&short(first))) {
        (true, true) => Some(Change::state(
            format!("no longer trust the key {}", first.id()),
            ERASE,
            [short(first)],
            touches(),
        )),
        (false, false) => {
            let summary = format!("trust the key {} of {key}", first.id());
            let import = Change::state(summary, IMPORT, [short(first)], touches());
            Some(import.with_content(Content::new(bytes)))
        }
        _ => None,
    };
    Ok(Outcome::change(Map::new(), change.into_iter().collect()))
}

fn given(key: &str, host: &Host<'_>) -> Result<Vec<u8>, Stop> {
    if key.contains("://") {
        return apt_keyring::fetched(host, key);
    }
    if !key.starts_with('/') {
        return Err(Stop::refuse(format!("Not a valid key {key}")));
    }
    match host.get(Read { path: key.to_owned(), bytes_max: 1 << 20 })?.as_ref() {
        Old::Whole(bytes) => Ok(bytes.clone()),
        _ => Err(Stop::refuse(format!("Not a valid key {key}: there is no such file"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    const KEY: &str = include_str!("apt_keyring/key_gpg_2.2.40.asc");

    fn run(args: &Value, there: &str) -> Result<Vec<String>, String> {
        let outcome = answer_with(&MODULE, args, &mut |asked| {
            Ok(Output::ok(if asked.script.name == "rpm_keys" { there } else { KEY }))
        });
        match outcome {
            Ok(outcome) => Ok(outcome
                .changes
                .into_iter()
                .map(|c| format!("{} {}", c.script.name, c.args.0.join(" ")))
                .collect()),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    #[test]
    fn a_key_is_imported_once_and_only_with_the_right_fingerprint() {
        let mut args = json!({"key": "/etc/pki/key"});
        assert_eq!(run(&args, ""), Ok(vec!["import_rpm_key c034a70c".into()]));
        assert_eq!(run(&args, "gpg-pubkey-c034a70c-12345678\n"), Ok(vec![]));
        args["fingerprint"] = json!("0000");
        assert!(run(&args, "").unwrap_err().contains("does not match"));
        let gone = json!({"key": "0xC034A70C", "state": "absent"});
        assert_eq!(run(&gone, "gpg-pubkey-c034a70c-12345678\n"), Ok(vec!["erase_rpm_key c034a70c".into()]));
        assert_eq!(run(&gone, ""), Ok(vec![]));
    }
}

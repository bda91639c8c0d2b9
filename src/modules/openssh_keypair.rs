//! `openssh_keypair`: that a pair of SSH keys is there, of a kind and a length, or isn't. Keys are made on the host and never
//! leave it.

use super::attributes::{GROUP, MODE, OWNER, Wanted, number, octal};
use super::labels::{self, ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::nest::nest;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Value};
use crate::questions::files::Inspect;
use crate::questions::keypair::{Keypair, Pair, subjects};
use crate::questions::{Output, Stop};

const REGENERATE: Kind =
    Kind::Choice(&["never", "fail", "partial_idempotence", "full_idempotence", "always"]);

/// The module.
pub static MODULE: Module = Module {
    name: "openssh_keypair",
    aliases: &[],
    summary: "Makes a pair of SSH keys on the host, or removes it",
    params: &[
        Param::required("path", Kind::Path, "the private key; the public one is beside it, with .pub"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there").default("present"),
        Param::optional("type", Kind::Choice(&["dsa", "ecdsa", "ed25519", "rsa", "rsa1"]), "the kind of key").default("rsa"),
        Param::optional("size", Kind::Int, "its length in bits; 4096 for rsa, 256 for ecdsa unless said"),
        Param::optional("comment", Kind::Text, "what stands behind the public key"),
        Param::optional("force", Kind::Bool, "make it anew where what is there is no such key").default("no"),
        Param::optional("regenerate", REGENERATE, "when one that is there is made anew: never; fail where it is another kind; partial: where it is another kind; full: also where it can't be read; always")
            .default("partial_idempotence"),
        Param::optional("backend", Kind::Choice(&["auto", "cryptography", "opensshbin"]), "accepted: the host's ssh-keygen makes it")
            .default("auto"),
        Param::optional("private_key_format", Kind::Choice(&["auto", "pkcs1", "pkcs8", "ssh"]), "accepted as auto or ssh: OpenSSH's own form")
            .default("auto"),
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        Param::not_yet("passphrase").or(&["unsafe_writes"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A key for backups
  openssh_keypair: {path: /root/.ssh/backup, type: ed25519, comment: backup}
  register: backup

- name: What the backup server has to let in
  debug: {var: backup.public_key}
"#,
        returns: &[
            Returned { name: "filename", help: "the private key's path" },
            Returned { name: "type", help: "its kind" },
            Returned { name: "size", help: "its length in bits" },
            Returned { name: "fingerprint", help: "of a key that is there: its fingerprint" },
            Returned { name: "public_key", help: "of a key that is there: the public key, without its comment" },
            Returned { name: "comment", help: "its comment" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Stops where the private key is not the one that was seen.
macro_rules! as_seen {
    ($script:literal) => {
        concat!(
            nest!(),
            r#"path=$1 before=$2
shift 2
if [ "$before" = - ]; then
    [ ! -e "$path" ] && [ ! -L "$path" ] || exit 113
else
    sum=$(sha256sum 2>/dev/null <"$path") || exit 113
    [ "${sum%% *}" = "$before" ] || exit 113
fi
"#,
            $script
        )
    };
}

/// Makes a pair in a directory of its own, and puts it in its place when it is whole.
const MAKE: Script = Script {
    name: "make_ssh_keypair",
    text: as_seen!(
        r#"kind=$1 size=$2 comment=$3 mode=$4 uid=$5 gid=$6
[ -d "${path%/*}/" ] || { printf 'the directory of %s is not there\n' "$path" >&2; exit 1; }
umask 077
trap leave EXIT
nest "$path"
ssh-keygen -q -t "$kind" ${size:+-b "$size"} -N '' -C "$comment" -f ./key </dev/null >&2 || exit 1
[ -z "$uid$gid" ] || chown "$uid:$gid" key key.pub || exit 1
chmod "$mode" key && chmod 0644 key.pub || exit 1
ssh-keygen -l -f key.pub || exit 1
cat key.pub
settle key "$path" && settle key.pub "$path.pub""#
    ),
};

/// Writes the public key that belongs to a private one.
const PUBLISH: Script = Script {
    name: "publish_ssh_key",
    text: as_seen!(
        r#"public=$1
umask 077
trap leave EXIT
nest "$path"
printf '%s\n' "$public" >new && chmod 0644 new || exit 1
if [ "$(id -u)" = 0 ]; then chown "$(stat -c %u:%g "$path")" new || exit 1; fi
settle new "$path.pub""#
    ),
};

/// Writes another comment into both keys.
const COMMENT: Script = Script {
    name: "comment_ssh_key",
    text: as_seen!(r#"ssh-keygen -q -c -P '' -C "$1" -f "$path" </dev/null >/dev/null"#),
};

const REMOVE: Script =
    Script { name: "remove_ssh_keypair", text: as_seen!(r#"rm -f -- "$path" "$path.pub""#) };

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE, PUBLISH, COMMENT, REMOVE];

/// What becomes of a pair.
#[derive(PartialEq, Eq)]
enum Fate {
    Made,
    Kept,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    if matches!(args.text("private_key_format"), Some("pkcs1" | "pkcs8")) {
        return Err(Stop::refuse("'private_key_format' is supported as auto and ssh alone"));
    }
    let (pair, seen) = host.get((Keypair { path: path.to_owned() }, Inspect::path(path)))?;
    let before = pair.digest.clone().unwrap_or_else(|| "-".into());
    if args.text("state") == Some("absent") {
        let there = pair.digest.is_some() || pair.file.is_some();
        let change = there.then(|| {
            Change::state(
                format!("remove the keys {path}"),
                REMOVE,
                [path.to_owned(), before],
                subjects(path),
            )
        });
        return Ok(Outcome::change(told(args, None), change.into_iter().collect()));
    }
    let wanted = Wanted::ask(args, host)?;
    if fate(args, &pair)? == Fate::Made {
        let mode = wanted.new_mode(0o600, false, 0);
        let argv = [
            path.to_owned(),
            before,
            args.needed("type")?.to_owned(),
            size(args).map(|size| size.to_string()).unwrap_or_default(),
            args.text("comment").unwrap_or_default().to_owned(),
            octal(Some(mode)),
            plain(number(wanted.uid)),
            plain(number(wanted.gid)),
        ];
        let summary = format!("make the {} key {path}", args.needed("type")?);
        let change = Change::state(summary, MAKE, argv, subjects(path));
        let changes = std::iter::once(change).chain(labels::changes(args, host, path, &seen.real)?);
        return Ok(Outcome::change(told(args, None), changes.collect()));
    }
    let mut changes: Vec<Change> = written_about(args, &pair, path, before).into_iter().collect();
    if let Some(node) = &seen.node {
        let missing = wanted.missing(node, seen.umask);
        if !missing.is_empty() {
            changes.push(missing.change(path, &seen.real, node));
        }
    }
    changes.extend(labels::changes(args, host, path, &seen.real)?);
    Ok(Outcome::change(told(args, Some(&pair)), changes))
}

/// What is to be written of a pair that is kept: its comment, or its public half where that is not what the private one says.
fn written_about(args: &Args, pair: &Pair, path: &str, before: String) -> Option<Change> {
    if pair.unreadable.is_some() {
        return None;
    }
    let comment = args.text("comment").unwrap_or_else(|| pair.comment());
    // Older tools don't print the comment of the private key: then that of the public one counts.
    let recorded = pair.public.splitn(3, ' ').nth(2).or(pair.file.as_ref().map(|_| pair.comment()));
    let other = |now: &str| args.text("comment").is_some_and(|wanted| now != wanted);
    if recorded.is_some_and(other) {
        let argv = [path.to_owned(), before, comment.to_owned()];
        return Some(Change::state(format!("comment the keys {path}"), COMMENT, argv, subjects(path)));
    }
    let key = Pair::key(&pair.public);
    if pair.file.as_deref().map(Pair::key).as_deref() == Some(&key) && !other(pair.comment()) {
        return None;
    }
    let line = format!("{key} {comment}");
    let argv = [path.to_owned(), before, line.trim_end().to_owned()];
    Some(Change::state(format!("write the public key {path}.pub"), PUBLISH, argv, subjects(path)))
}

fn plain(number: String) -> String {
    if number == "-" { String::new() } else { number }
}

fn size(args: &Args) -> Option<i64> {
    match (args.text("type"), args.int("size")) {
        (Some("ed25519"), _) => None,
        (_, Some(size)) => Some(size),
        (Some("ecdsa"), None) => Some(256),
        (Some("dsa"), None) => Some(1024),
        (_, None) => Some(4096),
    }
}

fn fate(args: &Args, pair: &Pair) -> Result<Fate, Stop> {
    let path = args.needed("path")?;
    let regenerate = args.text("regenerate").unwrap_or_default();
    if pair.digest.is_none() || regenerate == "always" {
        return Ok(Fate::Made);
    }
    let anew = args.flag("force") || regenerate == "full_idempotence";
    if let Some(why) = &pair.unreadable {
        return match anew {
            true => Ok(Fate::Made),
            false => Err(Stop::refuse(format!(
                "Unable to read the key {path}: {why}; it is made anew with regenerate: full_idempotence"
            ))),
        };
    }
    let fits = Some(pair.kind.as_str()) == args.text("type")
        && size(args).is_none_or(|size| i64::from(pair.bits) == size);
    match regenerate {
        _ if fits => Ok(Fate::Kept),
        "never" => Ok(Fate::Kept),
        "fail" if !anew => Err(Stop::refuse(format!(
            "the key {path} is another one ({} with {} bits), and regenerate: fail keeps it",
            pair.kind, pair.bits
        ))),
        _ => Ok(Fate::Made),
    }
}

fn told(args: &Args, pair: Option<&Pair>) -> Map {
    let mut result = Map::new();
    result.insert("filename".into(), args.text("path").unwrap_or_default().into());
    if args.text("state") == Some("absent") {
        return result;
    }
    result.insert("type".into(), args.text("type").unwrap_or_default().into());
    result.insert("size".into(), size(args).unwrap_or(256).into());
    result.insert("comment".into(), args.text("comment").unwrap_or_default().into());
    if let Some(pair) = pair.filter(|pair| pair.unreadable.is_none()) {
        result.insert("type".into(), pair.kind.as_str().into());
        result.insert("size".into(), pair.bits.into());
        result.insert("fingerprint".into(), pair.fingerprint.as_str().into());
        result.insert("public_key".into(), Pair::key(&pair.public).into());
        let comment = args.text("comment").unwrap_or_else(|| pair.comment());
        result.insert("comment".into(), comment.into());
    }
    result
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let made = outcome
        .changes
        .iter()
        .zip(outputs)
        .find(|(change, output)| change.script.name == MAKE.name && output.status == 0);
    if let Some((_, output)) = made {
        let text = output.text();
        let mut lines = text.lines();
        let fingerprint = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        result.insert("fingerprint".into(), fingerprint.into());
        result.insert("public_key".into(), Value::from(Pair::key(lines.next().unwrap_or_default())));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::harness::Bench;
    use serde_json::json;

    fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        benches.iter_mut().for_each(|bench| bench.program("ssh-keygen", "exec /usr/bin/ssh-keygen \"$@\""));
        benches
    }

    #[test]
    fn a_pair_is_made_kept_and_removed() {
        for bench in benches() {
            let mut args = json!({"path": bench.path("a key"), "type": "ed25519", "comment": "it's $(id)", "mode": "0400"});
            let made = bench.changes(&MODULE, &args);
            assert_eq!((&made["type"], &made["size"]), (&json!("ed25519"), &json!(256)));
            let public = bench.read("a key.pub");
            assert!(public.trim_end().ends_with("it's $(id)"), "{public}");
            assert!(public.starts_with(made["public_key"].as_str().unwrap()), "{made:?}");
            let kept = bench.in_order(&MODULE, &args);
            assert_eq!(
                (&kept["fingerprint"], &kept["public_key"]),
                (&made["fingerprint"], &made["public_key"])
            );
            args["comment"] = json!("another");
            bench.changes(&MODULE, &args);
            assert!(bench.read("a key.pub").trim_end().ends_with("another"));
            std::fs::remove_file(bench.at("a key.pub")).unwrap();
            bench.changes(&MODULE, &args);
            assert!(bench.read("a key.pub").starts_with(made["public_key"].as_str().unwrap()));
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            assert!(!bench.at("a key").exists() && !bench.at("a key.pub").exists());
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn another_key_is_made_anew_kept_or_refused_as_is_said() {
        let bench = &benches()[0];
        let path = bench.path("key");
        bench.changes(&MODULE, &json!({"path": path, "type": "ecdsa"}));
        let of =
            |regenerate: &str| json!({"path": path, "type": "rsa", "size": 2048, "regenerate": regenerate});
        assert!(bench.refusal(&MODULE, &of("fail")).contains("another one (ecdsa with 256 bits)"));
        bench.in_order(&MODULE, &of("never"));
        bench.changes(&MODULE, &of("partial_idempotence"));
        assert!(bench.read("key.pub").starts_with("ssh-rsa "));
        bench.in_order(&MODULE, &of("fail"));
        bench.file("key", "nonsense");
        assert!(bench.refusal(&MODULE, &of("partial_idempotence")).contains("Unable to read the key"));
        bench.changes(&MODULE, &of("full_idempotence"));
        let (outcome, _) = bench.diff(&MODULE, &json!({"path": path, "state": "absent"})).unwrap();
        bench.file("key", "changed meanwhile");
        assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
        assert!(bench.at("key").exists());
    }
}

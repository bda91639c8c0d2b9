//! `openssl_privatekey`: that a private key of a kind and a length is there, or isn't. Keys are made on the host and don't leave
//! it unless `return_content` says so.

use super::attributes::{GROUP, MODE, OWNER};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::made_file::{self, Made, made_file};
use super::openssl_key::{self, Key, Known};
use super::place::BACKUP;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, x509,
};
use crate::model::{Content, Map, Script};
use crate::questions::{Output, Stop};

const TYPES: Kind = Kind::Choice(&["DSA", "ECC", "Ed25519", "Ed448", "RSA", "X25519", "X448"]);
const CURVES: Kind = Kind::Choice(&[
    "secp224r1",
    "secp256k1",
    "secp256r1",
    "secp384r1",
    "secp521r1",
    "secp192r1",
    "brainpoolP256r1",
    "brainpoolP384r1",
    "brainpoolP512r1",
    "sect163k1",
    "sect163r2",
    "sect233k1",
    "sect233r1",
    "sect283k1",
    "sect283r1",
    "sect409k1",
    "sect409r1",
    "sect571k1",
    "sect571r1",
]);
const REGENERATE: Kind =
    Kind::Choice(&["never", "fail", "partial_idempotence", "full_idempotence", "always"]);

/// The module.
pub static MODULE: Module = Module {
    name: "openssl_privatekey",
    aliases: &[],
    summary: "Makes a private key for TLS on the host, or removes it",
    params: &[
        Param::required("path", Kind::Path, "where the key is"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there").default("present"),
        Param::optional("type", TYPES, "the kind of key").default("RSA"),
        Param::optional("size", Kind::Int, "the length of an RSA or DSA key in bits").default("4096"),
        Param::optional("curve", CURVES, "the curve of an ECC key, which needs one"),
        Param::optional("passphrase", Kind::Text, "what protects the key"),
        Param::optional("cipher", Kind::Choice(&["auto", "aes256"]), "with what it is protected: AES-256").default("auto"),
        Param::optional(
            "format",
            Kind::Choice(&["pkcs1", "pkcs8", "auto", "auto_ignore"]),
            "auto: pkcs1 where the kind has it, else pkcs8; auto_ignore: the same for new ones, and others stay",
        )
        .default("auto_ignore"),
        Param::optional("format_mismatch", Kind::Choice(&["regenerate"]), "what is done about a key of another format").default("regenerate"),
        Param::optional("force", Kind::Bool, "make it anew each time").default("no"),
        Param::optional(
            "regenerate",
            REGENERATE,
            "when one that is there is made anew: never; fail where it differs; partial: where it differs; full: also where it can't be read; always",
        )
        .default("full_idempotence"),
        Param::optional("return_content", Kind::Bool, "whether `register` gets the key itself").default("no"),
        Param::optional("select_crypto_backend", Kind::Choice(&["auto", "cryptography"]), "accepted: the host's openssl makes it")
            .default("auto"),
        BACKUP,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        Param::not_yet("unsafe_writes"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A key for the web site
  openssl_privatekey: {path: /etc/ssl/private/www.pem, type: ECC, curve: secp256r1}
"#,
        returns: &[
            Returned { name: "filename", help: "where the key is" },
            Returned { name: "type", help: "its kind" },
            Returned { name: "size", help: "the length that was asked for" },
            Returned { name: "curve", help: "of an ECC key: its curve" },
            Returned { name: "fingerprint", help: "of a key that is there: digests of its public half" },
            Returned { name: "privatekey", help: "with `return_content`: the key" },
            Returned { name: "backup_file", help: "with `backup`, and where something changed: where the old one is" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Makes a key: its kind, its length or curve, its form, whether it is protected by what is on stdin.
const MAKE: Script = Script {
    name: "make_private_key",
    text: made_file!(
        r#"kind=$1 detail=$2 form=$3 protected=$4
raw=$dir/raw
case $kind in
RSA) said=$(openssl genpkey -algorithm RSA -pkeyopt "rsa_keygen_bits:$detail" -out "$raw" 2>&1) ;;
DSA) said=$(openssl dsaparam -genkey -noout -out "$raw" "$detail" 2>&1) ;;
ECC) said=$(openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$detail" -pkeyopt ec_param_enc:named_curve -out "$raw" 2>&1) ;;
*) said=$(openssl genpkey -algorithm "$kind" -out "$raw" 2>&1) ;;
esac || { printf '%s\n' "$said" | tail -n 2 >&2; exit 1; }
if [ "$protected" = yes ]; then
    openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$raw" -passout stdin -out "$new" || exit 1
elif [ "$form" = pkcs1 ]; then
    openssl pkey -in "$raw" -traditional -out "$new" || exit 1
else
    openssl pkcs8 -topk8 -nocrypt -in "$raw" -out "$new" || exit 1
fi"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let path = args.needed("path")?;
    let passphrase = args.text("passphrase").unwrap_or_default();
    if passphrase.contains('\n') {
        return Err(Stop::refuse("'passphrase' holds a line feed"));
    }
    if args.text("state") == Some("absent") {
        return Ok(Made::ask(args, host)?.remove(told(args, None)?));
    }
    let detail = detail(args)?;
    let (file, key) = (Made::ask(args, host), openssl_key::ask(host, path, passphrase));
    let (file, key) = (file?, key?);
    let fate = fate(args, key.as_ref(), &detail)?;
    if fate == Fate::Kept {
        let mut result = told(args, key.and_then(|key| key.known))?;
        file.tell(&mut result, "privatekey");
        return Ok(Outcome::change(result, file.keep(host)?));
    }
    let kind = args.needed("type")?;
    let words = vec![
        kind.to_owned(),
        detail,
        form(args, kind).to_owned(),
        if passphrase.is_empty() { "no" } else { "yes" }.to_owned(),
    ];
    let mut changes = file.make(host, format!("make the {kind} key {path}"), (MAKE, 0o600), words)?;
    if let Some(made) = changes.first_mut() {
        let nature = if fate == Fate::MadeEachTime { Nature::Event } else { Nature::State };
        let content = (!passphrase.is_empty()).then(|| Content::new(format!("{passphrase}\n").into_bytes()));
        *made = Change { nature, content, ..made.clone() };
    }
    Ok(Outcome::change(told(args, None)?, changes))
}

/// A key's length, or its curve in openssl's words.
fn detail(args: &Args) -> Result<String, Stop> {
    match args.needed("type")? {
        "ECC" => {
            let curve = args
                .text("curve")
                .ok_or_else(|| Stop::refuse("the parameter 'curve' is needed for type ECC"))?;
            Ok(openssl_curve(curve).to_owned())
        }
        "RSA" | "DSA" => {
            let size = args.int("size").filter(|size| (512..=32768).contains(size));
            size.map(|size| size.to_string())
                .ok_or_else(|| Stop::refuse("'size' is no length of a key: expected 512 to 32768"))
        }
        _ => Ok(String::new()),
    }
}

fn openssl_curve(curve: &str) -> &str {
    match curve {
        "secp256r1" => "prime256v1",
        "secp192r1" => "prime192v1",
        other => other,
    }
}

fn form(args: &Args, kind: &str) -> &'static str {
    match args.text("format") {
        Some("pkcs1") => "pkcs1",
        Some("pkcs8") => "pkcs8",
        _ if matches!(kind, "RSA" | "DSA" | "ECC") => "pkcs1",
        _ => "pkcs8",
    }
}

/// What becomes of the key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Kept,
    Made,
    MadeEachTime,
}

fn fate(args: &Args, key: Option<&Key>, detail: &str) -> Result<Fate, Stop> {
    let regenerate = args.text("regenerate").unwrap_or_default();
    if args.flag("force") || regenerate == "always" {
        return Ok(Fate::MadeEachTime);
    }
    let Some(key) = key else { return Ok(Fate::Made) };
    let protected = args.text("passphrase").is_some_and(|passphrase| !passphrase.is_empty());
    let Some(known) = key.known.as_ref().filter(|_| key.encrypted == protected) else {
        return match regenerate {
            "full_idempotence" => Ok(Fate::Made),
            _ => Err(Stop::refuse(
                "Unable to read the key. The key is protected with another passphrase, with none, or it is broken. It is made anew with regenerate: full_idempotence",
            )),
        };
    };
    let kind = args.needed("type")?;
    let is_so = known.kind == kind
        && match kind {
            "RSA" | "DSA" => known.bits.to_string() == detail,
            "ECC" => known.curve == detail,
            _ => true,
        };
    let label = key.form.as_str();
    let is_form = match args.text("format") {
        Some("auto_ignore") | None => true,
        _ if protected => label.ends_with("PRIVATE KEY"),
        _ => (form(args, kind) == "pkcs8") == (label == "PRIVATE KEY"),
    };
    match regenerate {
        _ if is_so && is_form => Ok(Fate::Kept),
        "never" => Ok(Fate::Kept),
        "fail" => Err(Stop::refuse(
            "Key has wrong type, size or format, and regenerate: fail keeps it. It is made anew with regenerate: partial_idempotence",
        )),
        _ => Ok(Fate::Made),
    }
}

fn told(args: &Args, known: Option<Known>) -> Result<Map, Stop> {
    let mut result = Map::new();
    result.insert("filename".into(), args.needed("path")?.into());
    result.insert("type".into(), args.needed("type")?.into());
    result.insert("size".into(), args.int("size").unwrap_or(4096).into());
    if args.text("type") == Some("ECC") {
        result.insert("curve".into(), args.text("curve").unwrap_or_default().into());
    }
    if let Some(known) = known {
        result.insert("fingerprint".into(), x509::fingerprints(&known.public));
    }
    Ok(result)
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    made_file::result(outcome, outputs, "privatekey")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::PRECONDITION_FAILED;
    use crate::modules::harness::Bench;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    pub(super) fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        benches.iter_mut().for_each(|bench| bench.program("openssl", "exec /usr/bin/openssl \"$@\""));
        benches
    }

    #[test]
    fn a_key_is_made_kept_and_removed() {
        for bench in benches() {
            let mut args = json!({"path": bench.path("a key"), "type": "ECC", "curve": "secp256r1", "return_content": true});
            let made = bench.changes(&MODULE, &args);
            assert!(made["privatekey"].as_str().unwrap().starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
            let mode = std::fs::metadata(bench.at("a key")).unwrap().permissions().mode() & 0o7777;
            assert_eq!(mode, 0o600);
            let kept = bench.in_order(&MODULE, &args);
            assert_eq!(kept["privatekey"], made["privatekey"]);
            assert_eq!(kept["fingerprint"]["sha256"].as_str().unwrap().len(), 95);
            args["mode"] = json!("0640");
            bench.changes(&MODULE, &args);
            args["backup"] = json!(true);
            args["curve"] = json!("secp384r1");
            let other = bench.changes(&MODULE, &args);
            let saved = std::fs::read_to_string(other["backup_file"].as_str().unwrap()).unwrap();
            assert_eq!(json!(saved), made["privatekey"]);
            args["state"] = json!("absent");
            assert!(bench.changes(&MODULE, &args)["backup_file"].as_str().unwrap().ends_with('~'));
            assert!(!bench.at("a key").exists());
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn a_passphrase_protects_a_key_and_a_wrong_one_is_told_or_ends_it() {
        let bench = &benches()[0];
        let mut args = json!({"path": bench.path("key"), "type": "Ed25519", "passphrase": "it's $secret"});
        let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
        assert!(!outcome.changes[0].args.0.iter().any(|word| word.contains("secret")));
        bench.changes(&MODULE, &args);
        assert!(bench.read("key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        bench.in_order(&MODULE, &args);
        args["passphrase"] = json!("other");
        args["regenerate"] = json!("partial_idempotence");
        assert!(bench.refusal(&MODULE, &args).starts_with("Unable to read the key"));
        args["regenerate"] = json!("full_idempotence");
        bench.changes(&MODULE, &args);
    }

    #[test]
    fn another_key_is_refused_kept_or_made_anew_as_is_said() {
        let bench = &benches()[0];
        let path = bench.path("key");
        bench.changes(&MODULE, &json!({"path": path, "type": "X25519"}));
        let of =
            |regenerate: &str| json!({"path": path, "type": "RSA", "size": 1024, "regenerate": regenerate});
        assert!(bench.refusal(&MODULE, &of("fail")).contains("wrong type"));
        bench.in_order(&MODULE, &of("never"));
        let (outcome, _) = bench.diff(&MODULE, &of("full_idempotence")).unwrap();
        bench.changes(&MODULE, &of("full_idempotence"));
        assert_eq!(bench.apply(&outcome.changes[0]).status, PRECONDITION_FAILED);
        assert!(bench.read("key").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
        let mut modern = of("full_idempotence");
        modern["format"] = json!("pkcs8");
        bench.changes(&MODULE, &modern);
        assert!(bench.read("key").starts_with("-----BEGIN PRIVATE KEY-----"));
        assert!(bench.refusal(&MODULE, &json!({"path": path, "type": "ECC"})).contains("'curve' is needed"));
        let nowhere = json!({"path": bench.path("none/key")});
        assert!(bench.refusal(&MODULE, &nowhere).contains("does not exist or the file is not a directory"));
        assert!(
            std::fs::read_dir(bench.at("."))
                .unwrap()
                .all(|entry| { !entry.unwrap().file_name().to_string_lossy().starts_with(".wgops") })
        );
    }
}

//! `x509_certificate`: that a certificate is there which fits a key and a request, signed by the key itself or by an authority
//! of one's own; or that it isn't there. The host's openssl signs.

use super::attributes::{GROUP, MODE, OWNER};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::made_file::{self, Made, made_file};
use super::openssl_csr::DIGESTS;
use super::place::BACKUP;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, openssl_key,
    x509,
};
use crate::model::{Content, Map, Script, Value};
use crate::questions::contents::{Content as Old, Read};
use crate::questions::{Output, Stop};
use x509_cert::Certificate;
use x509_cert::request::CertReq;

const IDENTIFIER: Kind = Kind::Choice(&["create_if_not_provided", "always_create", "never_create"]);

/// The module.
pub static MODULE: Module = Module {
    name: "x509_certificate",
    aliases: &["openssl_certificate"],
    summary: "Makes a certificate that its own key signs, or an authority of one's own, or removes it",
    params: &[
        Param::required("path", Kind::Path, "where the certificate is"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional(
            "provider",
            Kind::Choice(&["selfsigned", "ownca"]),
            "who signs it; needed unless it is removed",
        ),
        Param::optional("csr_path", Kind::Path, "the request: what the certificate says; ownca needs one"),
        Param::optional("csr_content", Kind::Text, "the same as a text"),
        Param::optional("privatekey_path", Kind::Path, "the certificate's key; selfsigned needs it"),
        Param::optional("privatekey_passphrase", Kind::Text, "what protects it"),
        Param::optional(
            "ignore_timestamps",
            Kind::Bool,
            "whether times that are absolute and differ are no reason to make it anew",
        )
        .default("yes"),
        Param::optional("selfsigned_digest", DIGESTS, "the digest that is signed").default("sha256"),
        Param::optional("selfsigned_not_before", Kind::Text, "from when it holds: +0s, -1d, 20300101000000Z")
            .or(&["selfsigned_notBefore"])
            .default("+0s"),
        Param::optional("selfsigned_not_after", Kind::Text, "until when it holds")
            .or(&["selfsigned_notAfter"])
            .default("+3650d"),
        Param::optional(
            "selfsigned_create_subject_key_identifier",
            IDENTIFIER,
            "whether it has an identifier of its key",
        )
        .default("create_if_not_provided"),
        Param::optional("selfsigned_version", Kind::Int, "accepted: it is 3").default("3"),
        Param::optional("ownca_path", Kind::Path, "the authority's certificate"),
        Param::optional("ownca_privatekey_path", Kind::Path, "the authority's key"),
        Param::optional("ownca_privatekey_passphrase", Kind::Text, "what protects it"),
        Param::optional("ownca_digest", DIGESTS, "the digest that is signed").default("sha256"),
        Param::optional("ownca_not_before", Kind::Text, "from when it holds").default("+0s"),
        Param::optional("ownca_not_after", Kind::Text, "until when it holds").default("+3650d"),
        Param::optional(
            "ownca_create_subject_key_identifier",
            IDENTIFIER,
            "whether it has an identifier of its key",
        )
        .default("create_if_not_provided"),
        Param::optional(
            "ownca_create_authority_key_identifier",
            Kind::Bool,
            "whether it has an identifier of the authority's key",
        )
        .default("yes"),
        Param::optional("ownca_version", Kind::Int, "accepted: it is 3").default("3"),
        Param::optional("force", Kind::Bool, "make it anew each time").default("no"),
        Param::optional("return_content", Kind::Bool, "whether `register` gets the certificate")
            .default("no"),
        Param::optional(
            "select_crypto_backend",
            Kind::Choice(&["auto", "cryptography"]),
            "accepted: the host's openssl makes it",
        )
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
        Param::not_yet("privatekey_content").or(&[
            "ownca_content",
            "ownca_privatekey_content",
            "acme_accountkey_path",
            "acme_challenge_path",
            "acme_chain",
            "acme_directory",
            "unsafe_writes",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A certificate until there is a real one
  x509_certificate:
    path: /etc/ssl/www.crt
    provider: selfsigned
    privatekey_path: /etc/ssl/private/www.pem
    csr_path: /etc/ssl/www.csr
    selfsigned_not_after: +90d

- name: Our own authority signs the database's certificate
  x509_certificate:
    path: /etc/ssl/db.crt
    provider: ownca
    csr_path: /etc/ssl/db.csr
    ownca_path: /etc/ssl/ca.crt
    ownca_privatekey_path: /etc/ssl/private/ca.pem
"#,
        returns: &[
            Returned { name: "filename", help: "where the certificate is" },
            Returned { name: "privatekey", help: "the key's path" },
            Returned { name: "csr", help: "the request's path" },
            Returned { name: "notBefore", help: "of one that is there: from when it holds" },
            Returned { name: "notAfter", help: "of one that is there: until when it holds" },
            Returned { name: "serial_number", help: "of one that is there: its number" },
            Returned { name: "certificate", help: "with `return_content`: the certificate" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old one is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Signs a request, which is on stdin, or one that says nothing where that is empty: the key that signs and its passphrase,
/// the authority's certificate or nothing, digest, when it begins and ends, what its key's identifier is, and the authority's.
///
/// `openssl ca` alone can set both times in every version; it keeps its books in the directory that goes.
const SIGN: Script = Script {
    name: "sign_certificate",
    text: made_file!(
        r#"key=$1 passphrase=$2 authority=$3 digest=$4 begin=$5 end=$6 subject_key=$7 authority_key=$8
moment() {
    case $1 in
    *Z) printf '%s' "$1" ;;
    *) date -u -d "@$(($(date +%s) + $1))" +%Y%m%d%H%M%SZ ;;
    esac
}
begin=$(moment "$begin") && end=$(moment "$end") || exit 1
complain() { printf '%s\n' "$said" | grep -v -e '^Using conf' -e '^Check that' -e '^Signature ok' | head -n 3 >&2; exit 1; }
cat >"$dir/request"
printf '[req]\nprompt = no\ndistinguished_name = name\n[name]\n' >"$dir/nothing"
if [ ! -s "$dir/request" ]; then
    said=$(printf '%s\n' "$passphrase" | openssl req -new -batch -key "$key" -passin stdin -subj / -config "$dir/nothing" -out "$dir/request" 2>&1) || complain
fi
: >"$dir/index"
mkdir "$dir/made" || exit 1
cat >"$dir/config" <<END || exit 1
[ca]
default_ca = here
[here]
database = $dir/index
new_certs_dir = $dir/made
rand_serial = yes
default_md = $digest
policy = all
email_in_dn = yes
unique_subject = no
copy_extensions = copyall
x509_extensions = more
[all]
commonName = optional
[more]
$subject_key
$authority_key
END
if [ -n "$authority" ]; then set -- -cert "$authority"; else set -- -selfsign; fi
said=$(printf '%s\n' "$passphrase" | openssl ca -batch -notext -preserveDN -config "$dir/config" -md "$digest" -in "$dir/request" -keyfile "$key" -passin stdin \
    -startdate "$begin" -enddate "$end" -out "$new" "$@" 2>&1) || complain"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SIGN];

const SUBJECT_KEY: &str = "2.5.29.14";
const AUTHORITY_KEY: &str = "2.5.29.35";

/// Who signs, and what.
struct Signing {
    /// The key that signs, and its passphrase.
    key: (String, String),
    /// The authority's certificate.
    authority: Option<(String, Certificate)>,
    /// The request and its text.
    request: Option<(CertReq, Vec<u8>)>,
    /// The public key that the certificate is to have.
    public: Vec<u8>,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut result = Map::new();
    result.insert("filename".into(), args.needed("path")?.into());
    if args.text("state") == Some("absent") {
        return Ok(Made::ask(args, host)?.remove(result));
    }
    result.insert("privatekey".into(), args.text("privatekey_path").into());
    result.insert("csr".into(), args.text("csr_path").into());
    let by = args.needed("provider")?;
    let times = (moment(args, by, "not_before")?, moment(args, by, "not_after")?);
    let (file, signing) = (Made::ask(args, host), Signing::ask(args, host, by));
    let (file, signing) = (file?, signing?);
    let there = file.old.as_deref().and_then(x509::certificate);
    let fits =
        there.as_ref().is_some_and(|there| signing.is_met(there, args, by) && in_time(there, args, &times));
    if let Some(there) = there.as_ref().filter(|_| fits && !args.flag("force")) {
        let validity = there.tbs_certificate().validity();
        result.insert("notBefore".into(), x509::moment(&validity.not_before).into());
        result.insert("notAfter".into(), x509::moment(&validity.not_after).into());
        result.insert("serial_number".into(), x509::serial(there));
        file.tell(&mut result, "certificate");
        return Ok(Outcome::change(result, file.keep(host)?));
    }
    let identifier = args.text(&format!("{by}_create_subject_key_identifier")).unwrap_or_default();
    let asked =
        signing.request.as_ref().is_some_and(|(request, _)| has(&x509::requested(request), SUBJECT_KEY));
    let subject_key = match identifier {
        "never_create" => "",
        "create_if_not_provided" if asked => "",
        _ => "subjectKeyIdentifier = hash",
    };
    let authority_key = by == "ownca" && args.flag("ownca_create_authority_key_identifier");
    let words = vec![
        signing.key.0,
        signing.key.1,
        signing.authority.map(|(path, _)| path).unwrap_or_default(),
        args.needed(&format!("{by}_digest"))?.to_owned(),
        times.0,
        times.1,
        subject_key.to_owned(),
        if authority_key { "authorityKeyIdentifier = keyid" } else { "" }.to_owned(),
    ];
    let summary = format!("make the certificate {}", args.needed("path")?);
    let mut changes = file.make(host, summary, (SIGN, 0o666), words)?;
    if let Some(made) = changes.first_mut() {
        let nature = if args.flag("force") { Nature::Event } else { Nature::State };
        let request = Content::new(signing.request.map(|(_, text)| text).unwrap_or_default());
        *made = Change { nature, ..made.clone().with_content(request) };
    }
    Ok(Outcome::change(result, changes))
}

fn has(extensions: &[x509_cert::ext::Extension], oid: &str) -> bool {
    extensions.iter().any(|extension| extension.extn_id.to_string() == oid)
}

/// The content of a file that is needed.
fn needed_file(host: &Host<'_>, path: &str, what: &str) -> Result<Vec<u8>, Stop> {
    match host.get(Read { path: path.to_owned(), bytes_max: 1 << 20 })?.as_ref() {
        Old::Whole(bytes) => Ok(bytes.clone()),
        _ => Err(Stop::refuse(format!("The {what} file {path} does not exist"))),
    }
}

impl Signing {
    fn ask(args: &Args, host: &Host<'_>, by: &str) -> Result<Self, Stop> {
        let given = |name: &str| args.text(name).unwrap_or_default().to_owned();
        let text = match (args.text("csr_path"), args.text("csr_content")) {
            (Some(_), Some(_)) => {
                return Err(Stop::refuse("parameters are mutually exclusive: csr_path|csr_content"));
            }
            (Some(path), None) => Some(needed_file(host, path, "certificate signing request")),
            (None, Some(text)) => Some(Ok(text.as_bytes().to_vec())),
            (None, None) => None,
        };
        let own = args.text("privatekey_path");
        let own = own.map(|path| openssl_key::needed(host, path, &given("privatekey_passphrase")));
        if by == "selfsigned" {
            let own = own.ok_or_else(|| {
                Stop::refuse("the parameter 'privatekey_path' is needed for the provider selfsigned")
            })?;
            let request = read_request(text.transpose()?)?;
            let key = (given("privatekey_path"), given("privatekey_passphrase"));
            return Self { key, authority: None, request, public: own?.public }.checked();
        }
        let (path, key) = (args.needed("ownca_path")?, args.needed("ownca_privatekey_path")?);
        let authority = needed_file(host, path, "CA certificate");
        let signer = openssl_key::needed(host, key, &given("ownca_privatekey_passphrase"));
        let request = read_request(text.transpose()?)?
            .ok_or_else(|| Stop::refuse("csr_path or csr_content is needed for the provider ownca"))?;
        let (authority, signer) = (authority?, signer?);
        let authority =
            x509::certificate(&authority).ok_or_else(|| Stop::refuse(format!("{path} is no certificate")))?;
        if x509::public_key(authority.tbs_certificate().subject_public_key_info()) != signer.public {
            return Err(Stop::refuse("The CA private key does not belong to the CA certificate"));
        }
        let public = match own {
            Some(own) => own?.public,
            None => x509::public_key(&request.0.info.public_key),
        };
        let key = (key.to_owned(), given("ownca_privatekey_passphrase"));
        Self { key, authority: Some((path.to_owned(), authority)), request: Some(request), public }.checked()
    }

    fn checked(self) -> Result<Self, Stop> {
        let other =
            |(request, _): &(CertReq, Vec<u8>)| x509::public_key(&request.info.public_key) != self.public;
        match self.request.as_ref().is_some_and(other) {
            true => Err(Stop::refuse("the certificate request is for another key than the private key's")),
            false => Ok(self),
        }
    }

    /// Whether a certificate says what the request does, of the right key, by the right signer.
    fn is_met(&self, there: &Certificate, args: &Args, by: &str) -> bool {
        let body = there.tbs_certificate();
        if x509::public_key(body.subject_public_key_info()) != self.public {
            return false;
        }
        let extensions = body.extensions().map(Vec::as_slice).unwrap_or_default();
        if let Some((request, _)) = &self.request {
            let asked = x509::requested(request);
            let own = if has(&asked, SUBJECT_KEY) { "" } else { SUBJECT_KEY };
            let without: &[&str] = &[own, AUTHORITY_KEY];
            if request.info.subject != *body.subject()
                || x509::raw(&asked, without) != x509::raw(extensions, without)
            {
                return false;
            }
        }
        let said = x509::said(extensions);
        match &self.authority {
            None => body.issuer() == body.subject(),
            Some((_, authority)) => {
                let authority = authority.tbs_certificate();
                let id =
                    x509::said(authority.extensions().map(Vec::as_slice).unwrap_or_default()).subject_key;
                let signed = said.authority_key.is_none() || id.is_none() || said.authority_key == id;
                let named = args.flag(&format!("{by}_create_authority_key_identifier"));
                body.issuer() == authority.subject()
                    && signed
                    && (!named || id.is_none() || said.authority_key.is_some())
            }
        }
    }
}

fn read_request(text: Option<Vec<u8>>) -> Result<Option<(CertReq, Vec<u8>)>, Stop> {
    text.map(|text| {
        let request = x509::request(&text)
            .ok_or_else(|| Stop::refuse("what is given as a certificate request is none"));
        request.map(|request| (request, text))
    })
    .transpose()
}

/// Whether the times are as asked, where that counts.
fn in_time(there: &Certificate, args: &Args, times: &(String, String)) -> bool {
    let validity = there.tbs_certificate().validity();
    let is = |wanted: &str, now: String| !wanted.ends_with('Z') || now == wanted;
    args.flag("ignore_timestamps")
        || is(&times.0, x509::moment(&validity.not_before)) && is(&times.1, x509::moment(&validity.not_after))
}

/// A time: seconds from now, or `YYYYMMDDhhmmssZ`.
fn moment(args: &Args, by: &str, which: &str) -> Result<String, Stop> {
    let param = format!("{by}_{which}");
    let text = args.needed(&param)?;
    let wrong = || Stop::refuse(format!("'{param}' is '{text}': expected +90d, -1h30m or 20300101000000Z"));
    if let Some(digits) = text.strip_suffix('Z') {
        let plain = digits.len() == 14 && digits.bytes().all(|byte| byte.is_ascii_digit());
        return if plain { Ok(text.to_owned()) } else { Err(wrong()) };
    }
    seconds(text).map(|seconds| seconds.to_string()).ok_or_else(wrong)
}

/// `+1w2d3h4m5s` in seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(at);
        let each = match unit.chars().next()? {
            'w' => 604_800,
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(each)?)?;
        rest = unit.get(1..)?;
    }
    Some(sign * total)
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = made_file::result(outcome, outputs, "certificate");
    let made =
        result.get("certificate").and_then(Value::as_str).and_then(|text| x509::certificate(text.as_bytes()));
    if let Some(made) = made {
        let validity = made.tbs_certificate().validity();
        result.insert("notBefore".into(), x509::moment(&validity.not_before).into());
        result.insert("notAfter".into(), x509::moment(&validity.not_after).into());
        result.insert("serial_number".into(), x509::serial(&made));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use crate::modules::{openssl_csr, openssl_privatekey, x509_certificate_info};
    use serde_json::json;

    fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        for bench in &mut benches {
            bench.program("openssl", "exec /usr/bin/openssl \"$@\"");
            for name in ["key", "ca key"] {
                let key = json!({"path": bench.path(name), "type": "ECC", "curve": "secp256r1", "passphrase": name});
                bench.changes(&openssl_privatekey::MODULE, &key);
            }
            let csr = json!({"path": bench.path("csr"), "privatekey_path": bench.path("key"), "privatekey_passphrase": "key",
                "CN": "www.example.org", "O": "Ops", "email_address": "a@example.org", "subject": {"OU": "über"},
                "extended_key_usage": "serverAuth", "key_usage": "digitalSignature"});
            bench.changes(&openssl_csr::MODULE, &csr);
        }
        benches
    }

    fn own(bench: &Bench) -> Value {
        json!({"path": bench.path("a crt"), "provider": "selfsigned", "privatekey_path": bench.path("key"),
            "privatekey_passphrase": "key", "csr_path": bench.path("csr"), "selfsigned_not_before": "20250101000000Z",
            "selfsigned_not_after": "+90d", "return_content": true})
    }

    #[test]
    fn a_key_signs_its_own_certificate() {
        for bench in benches() {
            let mut args = own(&bench);
            let made = bench.changes(&MODULE, &args);
            assert_eq!(made["notBefore"], json!("20250101000000Z"));
            let kept = bench.in_order(&MODULE, &args);
            assert_eq!(
                (&kept["certificate"], &kept["serial_number"]),
                (&made["certificate"], &made["serial_number"])
            );
            let info = bench.in_order(
                &x509_certificate_info::MODULE,
                &json!({"path": bench.path("a crt"), "valid_at": {"then": "20240101000000Z", "soon": "+1d"}}),
            );
            assert_eq!(info["subject"], info["issuer"]);
            assert_eq!(info["subject"]["organizationalUnitName"], json!("über"));
            assert_eq!(info["subject"]["emailAddress"], json!("a@example.org"));
            assert_eq!(info["subject_alt_name"], json!(["DNS:www.example.org"]));
            assert_eq!(info["extended_key_usage"], json!(["TLS Web Server Authentication"]));
            assert_eq!(info["valid_at"], json!({"then": false, "soon": true}));
            assert_eq!((&info["expired"], &info["version"]), (&json!(false), &json!(3)));
            assert!(info["subject_key_identifier"].is_string());
            args["ignore_timestamps"] = json!(false);
            args["selfsigned_not_before"] = json!("20240601000000Z");
            bench.changes(&MODULE, &args);
            args["state"] = json!("absent");
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn an_authority_of_ones_own_signs() {
        for bench in benches() {
            let request = json!({"path": bench.path("ca csr"), "privatekey_path": bench.path("ca key"), "privatekey_passphrase": "ca key",
                "CN": "Our CA", "use_common_name_for_san": false, "basic_constraints": "CA:TRUE", "basic_constraints_critical": true,
                "key_usage": "keyCertSign"});
            bench.changes(&openssl_csr::MODULE, &request);
            let authority = json!({"path": bench.path("ca crt"), "provider": "selfsigned", "privatekey_path": bench.path("ca key"),
                "privatekey_passphrase": "ca key", "csr_path": bench.path("ca csr")});
            bench.changes(&MODULE, &authority);
            bench.in_order(&MODULE, &authority);
            let mut args = json!({"path": bench.path("crt"), "provider": "ownca", "csr_path": bench.path("csr"),
                "ownca_path": bench.path("ca crt"), "ownca_privatekey_path": bench.path("ca key"),
                "ownca_privatekey_passphrase": "ca key", "ownca_not_after": "+1w"});
            bench.changes(&MODULE, &args);
            bench.in_order(&MODULE, &args);
            let verified = std::process::Command::new("openssl")
                .arg("verify")
                .arg("-CAfile")
                .arg(bench.at("ca crt"))
                .arg(bench.at("crt"))
                .status();
            assert!(verified.unwrap().success());
            // The authority gets another certificate with another key: what it signed before counts no more.
            let key = json!({"path": bench.path("ca key"), "type": "Ed25519", "passphrase": "ca key"});
            bench.changes(&openssl_privatekey::MODULE, &key);
            assert!(bench.refusal(&MODULE, &args).contains("does not belong to the CA certificate"));
            bench.changes(&openssl_csr::MODULE, &request);
            bench.changes(&MODULE, &authority);
            bench.changes(&MODULE, &args);
            args["ownca_path"] = json!(bench.path("none"));
            assert!(bench.refusal(&MODULE, &args).contains("does not exist"));
        }
    }

    #[test]
    fn a_request_that_changed_makes_it_anew_and_none_is_needed() {
        let bench = &benches()[0];
        let mut args = own(bench);
        bench.changes(&MODULE, &args);
        let csr = json!({"path": bench.path("csr"), "privatekey_path": bench.path("key"), "privatekey_passphrase": "key", "CN": "other"});
        bench.changes(&openssl_csr::MODULE, &csr);
        bench.changes(&MODULE, &args);
        args.as_object_mut().unwrap().remove("csr_path");
        bench.in_order(&MODULE, &args);
        args["path"] = json!(bench.path("bare"));
        bench.changes(&MODULE, &args);
        args["selfsigned_not_after"] = json!("soon");
        assert!(bench.refusal(&MODULE, &args).contains("expected +90d"));
        args["privatekey_path"] = json!(bench.path("ca key"));
        args["privatekey_passphrase"] = json!("ca key");
        args["selfsigned_not_after"] = json!("+1d");
        args["csr_path"] = json!(bench.path("csr"));
        assert!(bench.refusal(&MODULE, &args).contains("another key"));
    }

    #[test]
    fn spans_are_added_up() {
        assert_eq!(seconds("+1w2d3h4m5s"), Some(788_645));
        assert_eq!(seconds("-1d"), Some(-86_400));
        for wrong in ["", "1d", "+d", "+1", "+1y", "+1.5d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}

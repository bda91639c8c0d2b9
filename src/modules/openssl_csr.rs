//! `openssl_csr`: that a request for a certificate is there which says what it should, or isn't. What it should say is
//! written for openssl in its own format, and compared with what a request that is there says.

use super::attributes::{GROUP, MODE, OWNER};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER};
use super::made_file::{self, Made, made_file};
use super::place::BACKUP;
use super::x509::{self, Said};
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, openssl_key,
};
use crate::model::{Content, Map, Script, Value};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "openssl_csr",
    aliases: &[],
    summary: "Makes a request for a certificate, or removes it",
    params: &[
        Param::required("path", Kind::Path, "where the request is"),
        Param::optional("state", Kind::Choice(&["absent", "present"]), "whether it is to be there")
            .default("present"),
        Param::optional("privatekey_path", Kind::Path, "the key that signs it; needed unless it is removed"),
        Param::optional("privatekey_passphrase", Kind::Text, "what protects the key"),
        Param::optional("digest", DIGESTS, "the digest that is signed").default("sha256"),
        Param::optional("common_name", Kind::Text, "CN of the subject").or(&["CN", "commonName"]),
        Param::optional("country_name", Kind::Text, "C of the subject").or(&["C", "countryName"]),
        Param::optional("state_or_province_name", Kind::Text, "ST of the subject")
            .or(&["ST", "stateOrProvinceName"]),
        Param::optional("locality_name", Kind::Text, "L of the subject").or(&["L", "localityName"]),
        Param::optional("organization_name", Kind::Text, "O of the subject").or(&["O", "organizationName"]),
        Param::optional("organizational_unit_name", Kind::Text, "OU of the subject")
            .or(&["OU", "organizationalUnitName"]),
        Param::optional("email_address", Kind::Text, "the subject's address for mail")
            .or(&["E", "emailAddress"]),
        Param::optional(
            "subject",
            Kind::Map,
            "more parts of the subject, by their names; a list for several of a name",
        ),
        Param::optional(
            "subject_ordered",
            Kind::Any,
            "all parts of the subject in order: a list of mappings with one key each",
        ),
        Param::optional("subject_alt_name", Kind::List, "alternative names: DNS:…, IP:…, email:…, URI:…")
            .or(&["subjectAltName"]),
        Param::optional("subject_alt_name_critical", Kind::Bool, "whether they are critical")
            .or(&["subjectAltName_critical"])
            .default("no"),
        Param::optional(
            "use_common_name_for_san",
            Kind::Bool,
            "without alternative names, the common name is one",
        )
        .or(&["useCommonNameForSAN"])
        .default("yes"),
        Param::optional("key_usage", Kind::List, "what the key is for, as digitalSignature")
            .or(&["keyUsage"]),
        Param::optional("key_usage_critical", Kind::Bool, "whether that is critical")
            .or(&["keyUsage_critical"])
            .default("no"),
        Param::optional("extended_key_usage", Kind::List, "what the certificate is for, as serverAuth")
            .or(&["extKeyUsage", "extendedKeyUsage"]),
        Param::optional("extended_key_usage_critical", Kind::Bool, "whether that is critical")
            .or(&["extKeyUsage_critical", "extendedKeyUsage_critical"])
            .default("no"),
        Param::optional("basic_constraints", Kind::List, "CA:TRUE, CA:FALSE, pathlen:N")
            .or(&["basicConstraints"]),
        Param::optional("basic_constraints_critical", Kind::Bool, "whether they are critical")
            .or(&["basicConstraints_critical"])
            .default("no"),
        Param::optional("ocsp_must_staple", Kind::Bool, "whether servers have to staple answers of OCSP")
            .or(&["ocspMustStaple"])
            .default("no"),
        Param::optional("ocsp_must_staple_critical", Kind::Bool, "whether that is critical")
            .or(&["ocspMustStaple_critical"])
            .default("no"),
        Param::optional(
            "create_subject_key_identifier",
            Kind::Bool,
            "whether the request has an identifier of its key",
        )
        .default("no"),
        Param::optional("force", Kind::Bool, "make it anew each time").default("no"),
        Param::optional("return_content", Kind::Bool, "whether `register` gets the request").default("no"),
        Param::optional(
            "select_crypto_backend",
            Kind::Choice(&["auto", "cryptography"]),
            "accepted: the host's openssl makes it",
        )
        .default("auto"),
        Param::optional("version", Kind::Int, "accepted: it is 1").default("1"),
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
            "name_constraints_permitted",
            "name_constraints_excluded",
            "name_constraints_critical",
            "subject_key_identifier",
            "authority_key_identifier",
            "authority_cert_issuer",
            "authority_cert_serial_number",
            "crl_distribution_points",
            "unsafe_writes",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: A request for the web site's certificate
  openssl_csr:
    path: /etc/ssl/www.csr
    privatekey_path: /etc/ssl/private/www.pem
    common_name: www.example.org
    subject_alt_name: ["DNS:www.example.org", "DNS:example.org"]
    extended_key_usage: serverAuth
"#,
        returns: &[
            Returned { name: "filename", help: "where the request is" },
            Returned { name: "privatekey", help: "the key's path" },
            Returned { name: "subject", help: "the subject: a list of pairs" },
            Returned { name: "subjectAltName", help: "the alternative names" },
            Returned { name: "keyUsage", help: "what the key is for" },
            Returned { name: "extendedKeyUsage", help: "what the certificate is for" },
            Returned { name: "basicConstraints", help: "whether it is for an authority" },
            Returned { name: "ocspMustStaple", help: "whether answers of OCSP have to be stapled" },
            Returned { name: "csr", help: "with `return_content`: the request" },
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

/// Digests that are signed.
pub(super) const DIGESTS: Kind = Kind::Choice(&["sha1", "sha224", "sha256", "sha384", "sha512"]);

/// Makes a request as the configuration on stdin says: key, passphrase, digest.
const MAKE: Script = Script {
    name: "make_certificate_request",
    text: made_file!(
        r#"cat >"$dir/config" || exit 1
# A key of these kinds has its digest in it.
said=$(printf '%s\n' "$2" | openssl req -new -batch -key "$1" -passin stdin "-$3" -config "$dir/config" -out "$new" 2>&1) ||
    { printf '%s\n' "$said" | head -n 3 >&2; exit 1; }"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

/// What a request is to say.
struct Wish {
    subject: Vec<(String, String)>,
    ordered: bool,
    said: Said,
}

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let wish = Wish::read(args)?;
    let mut result = told(args, &wish)?;
    if args.text("state") == Some("absent") {
        return Ok(Made::ask(args, host)?.remove(result));
    }
    let key_path = args.needed("privatekey_path")?;
    let passphrase = args.text("privatekey_passphrase").unwrap_or_default();
    let (file, key) = (Made::ask(args, host), openssl_key::needed(host, key_path, passphrase));
    let (file, key) = (file?, key?);
    let fits = file.old.as_deref().and_then(x509::request).is_some_and(|request| {
        wish.is_met(&request, args) && x509::public_key(&request.info.public_key) == key.public
    });
    if fits && !args.flag("force") {
        file.tell(&mut result, "csr");
        return Ok(Outcome::change(result, file.keep(host)?));
    }
    let words = vec![key_path.to_owned(), passphrase.to_owned(), args.needed("digest")?.to_owned()];
    let summary = format!("make the certificate request {}", args.needed("path")?);
    let mut changes = file.make(host, summary, (MAKE, 0o666), words)?;
    if let Some(made) = changes.first_mut() {
        let nature = if args.flag("force") { Nature::Event } else { Nature::State };
        let config = Content::new(wish.config(args.flag("create_subject_key_identifier"))?.into_bytes());
        *made = Change { nature, ..made.clone().with_content(config) };
    }
    Ok(Outcome::change(result, changes))
}

impl Wish {
    fn read(args: &Args) -> Result<Self, Stop> {
        let (subject, ordered) = subject(args)?;
        let mut names: Vec<String> = Vec::new();
        for name in args.list("subject_alt_name") {
            names.push(alternative(name)?);
        }
        let common = subject.iter().find(|(key, _)| key == "CN").map(|(_, name)| name);
        if let Some(common) = common.filter(|_| names.is_empty() && args.flag("use_common_name_for_san")) {
            names.push(format!("DNS:{common}"));
        }
        let mut bits = 0;
        for word in args.list("key_usage") {
            bits |= x509::usage(word)
                .map(|(bit, _)| bit)
                .ok_or_else(|| unknown("key_usage", word, "digitalSignature, keyEncipherment"))?;
        }
        let purposes = args.list("extended_key_usage").into_iter().map(|word| {
            x509::purpose(word)
                .map(|(oid, _)| oid)
                .ok_or_else(|| unknown("extended_key_usage", word, "serverAuth, clientAuth, or an OID"))
        });
        let purposes = purposes.collect::<Result<Vec<_>, _>>()?;
        let constraints = constraints(&args.list("basic_constraints"))?;
        let some =
            |list: Vec<String>, critical: &str| (!list.is_empty()).then(|| (list, args.flag(critical)));
        let said = Said {
            alternative: some(names, "subject_alt_name_critical"),
            usage: (bits != 0).then(|| (bits, args.flag("key_usage_critical"))),
            purposes: some(purposes, "extended_key_usage_critical"),
            constraints: some(constraints, "basic_constraints_critical"),
            staple: args.flag("ocsp_must_staple").then(|| args.flag("ocsp_must_staple_critical")),
            ..Said::default()
        };
        Ok(Self { subject, ordered, said })
    }

    /// Whether a request says this.
    fn is_met(&self, request: &x509_cert::request::CertReq, args: &Args) -> bool {
        let sorted = |mut list: Vec<(String, String)>| {
            if !self.ordered {
                list.sort();
            }
            list
        };
        if sorted(x509::parts(&request.info.subject)) != sorted(self.subject.clone()) {
            return false;
        }
        let there = x509::said(&x509::requested(request));
        let has_key = there.subject_key.is_some() == args.flag("create_subject_key_identifier");
        has_key && normal(&there) == normal(&self.said)
    }

    /// What openssl is told.
    fn config(&self, identifier: bool) -> Result<String, Stop> {
        let mut text =
            "[req]\nprompt = no\nutf8 = yes\nstring_mask = utf8only\ndistinguished_name = name\n".to_owned();
        let extensions = self.extensions(identifier)?;
        if !extensions.is_empty() {
            text.push_str("req_extensions = extensions\n");
        }
        text.push_str("[name]\n");
        for (at, (key, value)) in self.subject.iter().enumerate() {
            text.push_str(&format!("{at}.{key} = {}\n", quoted(value)?));
        }
        if !extensions.is_empty() {
            text.push_str(&format!("[extensions]\n{extensions}"));
        }
        if let Some((names, _)) = &self.said.alternative {
            text.push_str("[names]\n");
            for (at, name) in names.iter().enumerate() {
                let (kind, value) = name.split_once(':').unwrap_or(("DNS", name));
                text.push_str(&format!("{kind}.{at} = {}\n", quoted(value)?));
            }
        }
        Ok(text)
    }

    fn extensions(&self, identifier: bool) -> Result<String, Stop> {
        let mut text = String::new();
        let mut put = |name: &str, critical: bool, value: &str| {
            let critical = if critical { "critical," } else { "" };
            text.push_str(&format!("{name} = {critical}{value}\n"));
        };
        if let Some((_, critical)) = &self.said.alternative {
            put("subjectAltName", *critical, "@names");
        }
        if let Some((bits, critical)) = self.said.usage {
            put("keyUsage", critical, &x509::usage_words(bits).join(","));
        }
        if let Some((oids, critical)) = &self.said.purposes {
            put("extendedKeyUsage", *critical, &oids.join(","));
        }
        if let Some((words, critical)) = &self.said.constraints {
            put("basicConstraints", *critical, &words.join(","));
        }
        if let Some(critical) = self.said.staple {
            put("tlsfeature", critical, "status_request");
        }
        if identifier {
            put("subjectKeyIdentifier", false, "hash");
        }
        Ok(text)
    }
}

/// The same however it is ordered, and without what is compared elsewhere.
fn normal(said: &Said) -> Said {
    let sorted = |list: &Option<(Vec<String>, bool)>| {
        list.clone().map(|(mut list, critical)| {
            list.sort();
            (list, critical)
        })
    };
    Said {
        alternative: sorted(&said.alternative),
        purposes: sorted(&said.purposes),
        constraints: sorted(&said.constraints),
        subject_key: None,
        authority_key: None,
        ..said.clone()
    }
}

fn unknown(param: &str, word: &str, expected: &str) -> Stop {
    Stop::refuse(format!("'{param}' has '{word}': expected {expected} …"))
}

/// The subject's parts by their short names, and whether their order counts.
fn subject(args: &Args) -> Result<(Vec<(String, String)>, bool), Stop> {
    let mut parts = Vec::new();
    let single = [
        ("C", "country_name"),
        ("ST", "state_or_province_name"),
        ("L", "locality_name"),
        ("O", "organization_name"),
        ("OU", "organizational_unit_name"),
        ("CN", "common_name"),
        ("emailAddress", "email_address"),
    ];
    parts.extend(
        single.into_iter().filter_map(|(key, param)| Some((key.to_owned(), args.text(param)?.to_owned()))),
    );
    if let Some(given) = args.value("subject_ordered") {
        if args.has("subject") {
            return Err(Stop::refuse("parameters are mutually exclusive: subject|subject_ordered"));
        }
        let wrong = || Stop::refuse("'subject_ordered' is no list of mappings with one key each");
        for item in given.as_array().ok_or_else(wrong)? {
            let item = item.as_object().filter(|item| item.len() == 1).ok_or_else(wrong)?;
            add(&mut parts, item)?;
        }
        return Ok((parts, true));
    }
    if let Some(more) = args.value("subject").and_then(Value::as_object) {
        add(&mut parts, more)?;
    }
    Ok((parts, false))
}

fn add(parts: &mut Vec<(String, String)>, more: &Map) -> Result<(), Stop> {
    for (key, value) in more {
        let short = x509::short_name(key)
            .ok_or_else(|| unknown("subject", key, "CN, O, OU, C, ST, L, emailAddress"))?;
        let mut put = |value: &Value| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return Err(Stop::refuse(format!("'{key}' of the subject is no text"))),
            };
            parts.push((short.to_owned(), text));
            Ok(())
        };
        match value {
            Value::Array(several) => several.iter().try_for_each(put)?,
            one => put(one)?,
        }
    }
    Ok(())
}

/// An alternative name as it is compared: `DNS:…`, an address in its usual form.
fn alternative(name: &str) -> Result<String, Stop> {
    let (kind, value) = name
        .split_once(':')
        .ok_or_else(|| unknown("subject_alt_name", name, "DNS:…, IP:…, email:…, URI:"))?;
    let value = value.trim();
    match kind {
        "DNS" | "email" | "URI" | "RID" if !value.is_empty() => Ok(format!("{kind}:{value}")),
        "IP" => {
            let address: Result<std::net::IpAddr, _> = value.parse();
            address
                .map(|address| format!("IP:{address}"))
                .map_err(|_| unknown("subject_alt_name", name, "IP: and an address"))
        }
        _ => Err(unknown("subject_alt_name", name, "DNS:…, IP:…, email:…, URI:")),
    }
}

fn constraints(given: &[&str]) -> Result<Vec<String>, Stop> {
    let one = |word: &&str| {
        let plain = word.trim().replace(' ', "");
        let (key, value) = plain.split_once(':').unwrap_or((&plain, ""));
        match (key, value.to_uppercase().as_str()) {
            ("CA", value @ ("TRUE" | "FALSE")) => Ok(format!("CA:{value}")),
            ("pathlen", number) if number.parse::<u8>().is_ok() => Ok(format!("pathlen:{number}")),
            _ => Err(unknown("basic_constraints", word, "CA:TRUE, CA:FALSE, pathlen:N")),
        }
    };
    let all: Vec<String> = given.iter().map(one).collect::<Result<_, _>>()?;
    let has_ca = all.is_empty() || all.iter().any(|word| word.starts_with("CA:"));
    Ok(if has_ca { all } else { [vec!["CA:FALSE".to_owned()], all].concat() })
}

/// A value as openssl's configuration takes it, whatever is in it.
fn quoted(value: &str) -> Result<String, Stop> {
    if value.contains(['\n', '\r', '\0']) || value.trim() != value || value.is_empty() {
        return Err(Stop::refuse(format!("'{}' can't stand in a certificate request", value.escape_debug())));
    }
    Ok(value.chars().fold(String::new(), |mut text, c| {
        if matches!(c, '\\' | '$' | '#' | '"' | '\'' | ';') {
            text.push('\\');
        }
        text.push(c);
        text
    }))
}

fn told(args: &Args, wish: &Wish) -> Result<Map, Stop> {
    let mut result = Map::new();
    result.insert("filename".into(), args.needed("path")?.into());
    result.insert("privatekey".into(), args.text("privatekey_path").into());
    let pairs: Vec<Value> =
        wish.subject.iter().map(|(key, value)| vec![key.clone(), value.clone()].into()).collect();
    result.insert("subject".into(), pairs.into());
    let names = wish.said.alternative.as_ref().map(|(names, _)| names.clone());
    result.insert("subjectAltName".into(), names.into());
    for (key, param) in [
        ("keyUsage", "key_usage"),
        ("extendedKeyUsage", "extended_key_usage"),
        ("basicConstraints", "basic_constraints"),
    ] {
        result.insert(key.into(), args.value(param).cloned().unwrap_or_default());
    }
    result.insert("ocspMustStaple".into(), args.flag("ocsp_must_staple").into());
    Ok(result)
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    made_file::result(outcome, outputs, "csr")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use crate::modules::openssl_privatekey;
    use serde_json::json;

    fn benches() -> Vec<Bench> {
        let mut benches = Bench::every_shell();
        for bench in &mut benches {
            bench.program("openssl", "exec /usr/bin/openssl \"$@\"");
            let key =
                json!({"path": bench.path("key"), "type": "ECC", "curve": "secp256r1", "passphrase": "p w"});
            bench.changes(&openssl_privatekey::MODULE, &key);
        }
        benches
    }

    fn full(bench: &Bench) -> Value {
        json!({
            "path": bench.path("a csr"), "privatekey_path": bench.path("key"), "privatekey_passphrase": "p w",
            "common_name": "www.example.org", "O": "Jörg's #1 $hop; \"x\" \\ y", "C": "DE",
            "subject": {"OU": ["one", "two"]},
            "subject_alt_name": ["DNS:www.example.org", "DNS:*.example.org", "IP:2001:db8:0::1", "email:a@example.org", "URI:https://example.org/a,b"],
            "subject_alt_name_critical": true,
            "key_usage": ["digitalSignature", "Key Agreement"], "key_usage_critical": true,
            "extended_key_usage": ["serverAuth", "1.3.6.1.5.5.7.3.2"],
            "basic_constraints": ["pathlen:0", "CA:TRUE"], "ocsp_must_staple": true,
            "create_subject_key_identifier": true, "mode": "0644",
        })
    }

    #[test]
    fn a_request_says_all_that_is_asked_and_is_then_left_alone() {
        for bench in benches() {
            let mut args = full(&bench);
            let made = bench.changes(&MODULE, &args);
            assert_eq!(made["subject"][0], json!(["C", "DE"]));
            let request = x509::request(&std::fs::read(bench.at("a csr")).unwrap()).unwrap();
            let parts = x509::parts(&request.info.subject);
            assert!(parts.contains(&("O".into(), "Jörg's #1 $hop; \"x\" \\ y".into())), "{parts:?}");
            assert_eq!(parts.iter().filter(|(key, _)| key == "OU").count(), 2);
            args["return_content"] = json!(true);
            let kept = bench.in_order(&MODULE, &args);
            assert!(kept["csr"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
        }
    }

    #[test]
    fn each_difference_makes_it_anew() {
        let bench = &benches()[0];
        let mut args = full(bench);
        bench.changes(&MODULE, &args);
        for (key, value) in [
            ("common_name", json!("other")),
            ("subject_alt_name_critical", json!(false)),
            ("key_usage", json!("digitalSignature")),
            ("extended_key_usage", json!("clientAuth")),
            ("basic_constraints", json!("CA:FALSE")),
            ("ocsp_must_staple", json!(false)),
            ("create_subject_key_identifier", json!(false)),
        ] {
            args[key] = value;
            bench.changes(&MODULE, &args);
        }
        let key =
            json!({"path": bench.path("key"), "type": "ECC", "curve": "secp384r1", "passphrase": "p w"});
        bench.changes(&openssl_privatekey::MODULE, &key);
        bench.changes(&MODULE, &args);
        args["state"] = json!("absent");
        bench.changes(&MODULE, &args);
        bench.in_order(&MODULE, &args);
    }

    #[test]
    fn the_common_name_is_an_alternative_name_unless_that_is_not_wanted() {
        let bench = &benches()[0];
        let mut args = json!({"path": bench.path("csr"), "privatekey_path": bench.path("key"), "privatekey_passphrase": "p w", "CN": "a.example"});
        assert_eq!(bench.changes(&MODULE, &args)["subjectAltName"], json!(["DNS:a.example"]));
        args["use_common_name_for_san"] = json!(false);
        bench.changes(&MODULE, &args);
        args["key_usage"] = json!("digitalSignatur");
        assert!(bench.refusal(&MODULE, &args).contains("'key_usage' has 'digitalSignatur'"));
        args["key_usage"] = json!([]);
        args["privatekey_passphrase"] = json!("wrong");
        assert!(bench.refusal(&MODULE, &args).contains("has another passphrase"));
        args["privatekey_path"] = json!(bench.path("none"));
        assert!(bench.refusal(&MODULE, &args).contains("does not exist"));
        let ordered = json!({"path": bench.path("o"), "privatekey_path": bench.path("key"), "privatekey_passphrase": "p w",
            "subject_ordered": [{"CN": "x"}, {"O": "b"}, {"OU": "a"}]});
        bench.changes(&MODULE, &ordered);
        bench.in_order(&MODULE, &ordered);
    }
}

//! `x509_certificate_info` and `get_certificate`: what a certificate says that lies on the host, or that a server shows.

use super::{
    Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result, x509,
    x509_certificate,
};
use crate::model::{Map, Value};
use crate::questions::Stop;
use crate::questions::contents::{Content as Old, Read};
use crate::questions::system::keys::{Moment, ServerCertificate};
use base64::Engine as _;

/// The module for files.
pub static MODULE: Module = Module {
    name: "x509_certificate_info",
    aliases: &["openssl_certificate_info"],
    summary: "Says what is in a certificate",
    params: &[
        Param::optional("path", Kind::Path, "where the certificate is"),
        Param::optional("content", Kind::Text, "the certificate itself"),
        Param::optional(
            "valid_at",
            Kind::Map,
            "times by names of your own, as +30d or 20300101000000Z: whether it holds then",
        ),
        Param::optional("name_encoding", Kind::Choice(&["ignore"]), "names are shown as they are")
            .default("ignore"),
        Param::optional("select_crypto_backend", Kind::Choice(&["auto", "cryptography"]), "accepted")
            .default("auto"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: What the web site has
  x509_certificate_info:
    path: /etc/ssl/www.crt
    valid_at: {in_a_month: +30d}
  register: www

- name: It is time for another one
  debug: {msg: "{{ www.subject.commonName }} ends at {{ www.not_after }}"}
  when: not www.valid_at.in_a_month
"#,
        returns: &[
            Returned { name: "subject", help: "the subject, by long names" },
            Returned { name: "issuer", help: "who signed it, by long names" },
            Returned { name: "not_before", help: "from when it holds, as 20300101000000Z" },
            Returned { name: "not_after", help: "until when it holds" },
            Returned { name: "expired", help: "whether that is over by the host's clock" },
            Returned { name: "valid_at", help: "whether it holds at the times that were given" },
            Returned { name: "serial_number", help: "its number; a text of digits where that is long" },
            Returned { name: "subject_alt_name", help: "alternative names" },
            Returned { name: "key_usage", help: "what the key is for" },
            Returned { name: "extended_key_usage", help: "what the certificate is for" },
            Returned { name: "basic_constraints", help: "whether it is an authority's" },
            Returned { name: "fingerprints", help: "digests by their kinds" },
            Returned { name: "public_key", help: "the public key in PEM" },
            Returned { name: "signature_algorithm", help: "how it is signed" },
        ],
    },
    effect: Effect::Nothing,
    diff: info,
    result: plain_result,
};

/// The module for servers.
pub static SERVER: Module = Module {
    name: "get_certificate",
    aliases: &[],
    summary: "Gets the certificate that a server shows",
    params: &[
        Param::required("host", Kind::Text, "the server"),
        Param::required("port", Kind::Int, "its port"),
        Param::optional(
            "server_name",
            Kind::Text,
            "the name that is asked for; the server's, unless that is an address",
        ),
        Param::optional(
            "ca_cert",
            Kind::Path,
            "a file on the host with authorities' certificates: the server's has to be signed by one",
        ),
        Param::optional("timeout", Kind::Int, "seconds to wait").default("10"),
        Param::optional(
            "starttls",
            Kind::Choice(&["mysql"]),
            "how encryption begins, where it doesn't at once",
        ),
        Param::optional("asn1_base64", Kind::Bool, "accepted: extensions are in base64").default("yes"),
        Param::optional("select_crypto_backend", Kind::Choice(&["auto", "cryptography"]), "accepted")
            .default("auto"),
        Param::not_yet("proxy_host").or(&[
            "proxy_port",
            "ciphers",
            "tls_ctx_options",
            "get_certificate_chain",
        ]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: What the web site shows\n  get_certificate: {host: www.example.org, port: 443}\n  register: shown\n",
        returns: &[
            Returned { name: "cert", help: "the certificate in PEM" },
            Returned { name: "subject", help: "the subject, by short names" },
            Returned { name: "issuer", help: "who signed it, by short names" },
            Returned { name: "not_before", help: "from when it holds, as 20300101000000Z" },
            Returned { name: "not_after", help: "until when it holds" },
            Returned { name: "expired", help: "whether that is over by the host's clock" },
            Returned { name: "serial_number", help: "its number; a text of digits where that is long" },
            Returned { name: "extensions", help: "a list of {name, critical, asn1_data}" },
        ],
    },
    effect: Effect::Nothing,
    diff: server,
    result: plain_result,
};

fn info(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let now = host.get(Moment(vec![]));
    let bytes = match (args.text("path"), args.text("content")) {
        (Some(path), None) => match host.get(Read { path: path.to_owned(), bytes_max: 1 << 20 })?.as_ref() {
            Old::Whole(bytes) => bytes.clone(),
            _ => {
                return Err(Stop::refuse(format!(
                    "Cannot read the certificate {path}: it is not there, or no file"
                )));
            }
        },
        (None, Some(text)) => text.as_bytes().to_vec(),
        (None, None) => return Err(Stop::refuse("one of the following is required: path, content")),
        (Some(_), Some(_)) => return Err(Stop::refuse("parameters are mutually exclusive: path|content")),
    };
    let now = now?.as_ref().clone().map_err(Stop::refuse)?.text.trim().to_owned();
    let certificate =
        x509::certificate(&bytes).ok_or_else(|| Stop::refuse("what is there is no certificate"))?;
    let mut result = x509::describe(&certificate);
    let text = |key: &str| result.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (begin, end) = (text("not_before"), text("not_after"));
    let mut holds = Map::new();
    for (name, when) in args.value("valid_at").and_then(Value::as_object).into_iter().flatten() {
        let when = when.as_str().and_then(|when| at(when, &now)).ok_or_else(|| {
            Stop::refuse(format!("'{name}' of 'valid_at' is no time: expected +30d or 20300101000000Z"))
        })?;
        holds.insert(name.clone(), (begin <= when && when <= end).into());
    }
    result.insert("expired".into(), (end < now).into());
    result.insert("valid_at".into(), holds.into());
    Ok(Outcome::in_order(result))
}

/// A time as certificates have it, from one that may be relative to now.
fn at(when: &str, now: &str) -> Option<String> {
    const FORMAT: &str = "%Y%m%d%H%M%SZ";
    if when.ends_with('Z') {
        return (when.len() == 15).then(|| when.to_owned());
    }
    let now = jiff::civil::DateTime::strptime(FORMAT, now).ok()?;
    let then = now.checked_add(jiff::SignedDuration::from_secs(x509_certificate::seconds(when)?)).ok()?;
    Some(then.strftime(FORMAT).to_string())
}

fn server(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("host")?;
    if name.is_empty()
        || name.starts_with('-')
        || !name.chars().all(|c| c.is_ascii_alphanumeric() || ".:-_".contains(c))
    {
        return Err(Stop::refuse(format!("'{name}' is no server's name")));
    }
    let port = args.int("port").filter(|port| (1..=65535).contains(port));
    let port = port.ok_or_else(|| Stop::refuse("'port' is no port: expected 1 to 65535"))?;
    let is_address = name.parse::<std::net::IpAddr>().is_ok();
    let asked = args.text("server_name").or((!is_address).then_some(name)).unwrap_or_default();
    let words = vec![
        name.to_owned(),
        port.to_string(),
        asked.to_owned(),
        args.int("timeout").unwrap_or(10).clamp(1, 55).to_string(),
        args.text("starttls").unwrap_or_default().to_owned(),
        args.text("ca_cert").unwrap_or_default().to_owned(),
    ];
    let said = host
        .get(ServerCertificate(words))?
        .as_ref()
        .clone()
        .map_err(|why| Stop::refuse(format!("Failed to get cert from {name}:{port}, error: {why}")))?;
    let (pem, now) = said.text.trim_end().rsplit_once('\n').unwrap_or((&said.text, ""));
    let certificate = x509::certificate(pem.as_bytes())
        .ok_or_else(|| Stop::refuse(format!("what {name}:{port} shows is no certificate")))?;
    let all = x509::describe(&certificate);
    let body = certificate.tbs_certificate();
    let mut result = Map::new();
    result.insert("cert".into(), format!("{pem}\n").into());
    for (key, name) in [("subject", body.subject()), ("issuer", body.issuer())] {
        let parts: Map = x509::parts(name).into_iter().map(|(key, text)| (key, text.into())).collect();
        result.insert(key.into(), parts.into());
    }
    for key in ["not_before", "not_after", "serial_number", "signature_algorithm"] {
        result.insert(key.into(), all.get(key).cloned().unwrap_or_default());
    }
    result.insert("version".into(), (body.version() as u8).into());
    let end = all.get("not_after").and_then(Value::as_str).unwrap_or_default();
    result.insert("expired".into(), (end < now).into());
    let extensions = body.extensions().map(Vec::as_slice).unwrap_or_default().iter().map(|extension| {
        let mut one = Map::new();
        one.insert("name".into(), x509::extension_name(&extension.extn_id.to_string()).into());
        one.insert("critical".into(), extension.critical.into());
        let data = base64::engine::general_purpose::STANDARD.encode(extension.extn_value.as_bytes());
        one.insert("asn1_data".into(), data.into());
        Value::from(one)
    });
    result.insert("extensions".into(), extensions.collect());
    Ok(Outcome::in_order(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;
    use serde_json::json;

    #[test]
    fn times_are_absolute_or_from_now() {
        assert_eq!(at("20300101000000Z", "x").as_deref(), Some("20300101000000Z"));
        assert_eq!(at("+1d", "20241231120000Z").as_deref(), Some("20250101120000Z"));
        assert_eq!(at("soon", "20241231120000Z"), None);
    }

    #[test]
    fn what_can_not_be_read_is_refused() {
        let bench = Bench::new();
        assert!(bench.refusal(&MODULE, &json!({})).contains("one of the following is required"));
        assert!(bench.refusal(&MODULE, &json!({"path": bench.path("none")})).contains("not there"));
        assert!(bench.refusal(&MODULE, &json!({"content": "x"})).contains("no certificate"));
    }

    #[test]
    fn a_servers_certificate_is_taken_apart() {
        let made = std::process::Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:1024",
                "-nodes",
                "-keyout",
                "/dev/null",
                "-subj",
                "/CN=x/O=y",
                "-days",
                "2",
            ])
            .output()
            .unwrap();
        let said = format!("{}19990101000000Z\n", String::from_utf8(made.stdout).unwrap());
        let outcome =
            answer_with(&SERVER, &json!({"host": "x", "port": 443}), &mut |_| Ok(Output::ok(said.clone())))
                .unwrap();
        assert_eq!(outcome.result["subject"], json!({"CN": "x", "O": "y"}));
        assert_eq!((&outcome.result["expired"], &outcome.result["version"]), (&json!(false), &json!(2)));
        assert!(
            outcome.result["extensions"]
                .as_array()
                .unwrap()
                .iter()
                .any(|one| one["name"] == "basicConstraints")
        );
        let refused = answer_with(&SERVER, &json!({"host": "-x", "port": 443}), &mut |_| panic!());
        assert!(refused.is_err());
    }
}

//! Certificates and requests for them: what they say, in Ansible's words. Everything about cryptography is done by the host's
//! openssl; here PEM and DER are read and compared.
//!
//! # Source
//! RFC 5280 and RFC 2986, read by the crate `x509-cert`; names as OpenSSL 3.0 has them.

use crate::model::{Map, Value};
use base64::Engine as _;
use sha1::Digest as _;
use std::fmt::Write as _;
use std::net::IpAddr;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, ExtensionReq};

/// What parts of a name are called: OID, short, long.
const NAMES: &[(&str, &str, &str)] = &[
    ("2.5.4.3", "CN", "commonName"),
    ("2.5.4.4", "SN", "surname"),
    ("2.5.4.5", "serialNumber", "serialNumber"),
    ("2.5.4.6", "C", "countryName"),
    ("2.5.4.7", "L", "localityName"),
    ("2.5.4.8", "ST", "stateOrProvinceName"),
    ("2.5.4.9", "street", "streetAddress"),
    ("2.5.4.10", "O", "organizationName"),
    ("2.5.4.11", "OU", "organizationalUnitName"),
    ("2.5.4.12", "title", "title"),
    ("2.5.4.17", "postalCode", "postalCode"),
    ("2.5.4.42", "GN", "givenName"),
    ("2.5.4.43", "initials", "initials"),
    ("2.5.4.44", "generationQualifier", "generationQualifier"),
    ("2.5.4.46", "dnQualifier", "dnQualifier"),
    ("2.5.4.65", "pseudonym", "pseudonym"),
    ("2.5.4.97", "organizationIdentifier", "organizationIdentifier"),
    ("1.2.840.113549.1.9.1", "emailAddress", "emailAddress"),
    ("0.9.2342.19200300.100.1.1", "UID", "userId"),
    ("0.9.2342.19200300.100.1.25", "DC", "domainComponent"),
];

/// Uses of keys: bit, as openssl takes it, as it is shown.
const USAGES: &[(u16, &str, &str)] = &[
    (1, "digitalSignature", "Digital Signature"),
    (1 << 1, "nonRepudiation", "Content Commitment"),
    (1 << 2, "keyEncipherment", "Key Encipherment"),
    (1 << 3, "dataEncipherment", "Data Encipherment"),
    (1 << 4, "keyAgreement", "Key Agreement"),
    (1 << 5, "keyCertSign", "Certificate Sign"),
    (1 << 6, "cRLSign", "CRL Sign"),
    (1 << 7, "encipherOnly", "Encipher Only"),
    (1 << 8, "decipherOnly", "Decipher Only"),
];

/// Purposes of certificates: OID, as openssl takes it, as it is shown.
const PURPOSES: &[(&str, &str, &str)] = &[
    ("1.3.6.1.5.5.7.3.1", "serverAuth", "TLS Web Server Authentication"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth", "TLS Web Client Authentication"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning", "Code Signing"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection", "E-mail Protection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping", "Time Stamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning", "OCSP Signing"),
    ("1.3.6.1.5.5.7.3.5", "ipsecEndSystem", "IPSec End System"),
    ("1.3.6.1.5.5.7.3.6", "ipsecTunnel", "IPSec Tunnel"),
    ("1.3.6.1.5.5.7.3.7", "ipsecUser", "IPSec User"),
    ("2.5.29.37.0", "anyExtendedKeyUsage", "Any Extended Key Usage"),
];

const SIGNATURES: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.5", "sha1WithRSAEncryption"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.11", "sha256WithRSAEncryption"),
    ("1.2.840.113549.1.1.12", "sha384WithRSAEncryption"),
    ("1.2.840.113549.1.1.13", "sha512WithRSAEncryption"),
    ("1.2.840.113549.1.1.14", "sha224WithRSAEncryption"),
    ("1.2.840.10045.4.1", "ecdsa-with-SHA1"),
    ("1.2.840.10045.4.3.1", "ecdsa-with-SHA224"),
    ("1.2.840.10045.4.3.2", "ecdsa-with-SHA256"),
    ("1.2.840.10045.4.3.3", "ecdsa-with-SHA384"),
    ("1.2.840.10045.4.3.4", "ecdsa-with-SHA512"),
    ("1.3.101.112", "ED25519"),
    ("1.3.101.113", "ED448"),
];

const KEYS: &[(&str, &str)] = &[
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.10045.2.1", "ECC"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

const EXTENSIONS: &[(&str, &str)] = &[
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.19", "basicConstraints"),
    ("2.5.29.30", "nameConstraints"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("2.5.29.32", "certificatePolicies"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.37", "extendedKeyUsage"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    (TLS_FEATURE, "TLSFeature"),
    ("1.3.6.1.4.1.11129.2.4.2", "signedCertificateTimestampList"),
];

/// The name of an extension.
pub(super) fn extension_name(oid: &str) -> String {
    let named = EXTENSIONS.iter().find(|(known, _)| *known == oid);
    named.map_or_else(|| oid.to_owned(), |(_, name)| (*name).to_owned())
}

/// The extension that asks servers to staple answers of OCSP.
const TLS_FEATURE: &str = "1.3.6.1.5.5.7.1.24";

/// The bytes of the first part of a PEM text with this label.
pub(super) fn pem(text: &str, labels: &[&str]) -> Option<Vec<u8>> {
    labels.iter().find_map(|label| {
        let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
        let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        base64::engine::general_purpose::STANDARD.decode(body).ok()
    })
}

/// A certificate from PEM, or from DER.
pub(super) fn certificate(bytes: &[u8]) -> Option<Certificate> {
    let text = String::from_utf8_lossy(bytes);
    match pem(&text, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]) {
        Some(der) => Certificate::from_der(&der).ok(),
        None => Certificate::from_der(bytes).ok(),
    }
}

/// A request for a certificate, from PEM.
pub(super) fn request(bytes: &[u8]) -> Option<CertReq> {
    let text = String::from_utf8_lossy(bytes);
    CertReq::from_der(&pem(&text, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])?).ok()
}

/// The extensions that a request asks for.
pub(super) fn requested(request: &CertReq) -> Vec<Extension> {
    let asked =
        request.info.attributes.iter().find(|attribute| attribute.oid.to_string() == "1.2.840.113549.1.9.14");
    let value =
        asked.and_then(|attribute| attribute.values.iter().next()).and_then(|value| value.to_der().ok());
    value.and_then(|der| ExtensionReq::from_der(&der).ok()).map(|asked| asked.0).unwrap_or_default()
}

/// The public key of a certificate or a request, as DER.
pub(super) fn public_key(key: &x509_cert::spki::SubjectPublicKeyInfoOwned) -> Vec<u8> {
    key.to_der().unwrap_or_default()
}

/// What a part of a name is called: its short name for either name or an OID.
pub(super) fn short_name(given: &str) -> Option<&'static str> {
    let is = |(oid, short, long): &&(&str, &str, &str)| {
        *oid == given || short.eq_ignore_ascii_case(given) || long.eq_ignore_ascii_case(given)
    };
    NAMES.iter().find(is).map(|(_, short, _)| *short)
}

/// A name's parts, by their short names, in order.
pub(super) fn parts(name: &Name) -> Vec<(String, String)> {
    name.iter()
        .map(|part| {
            let oid = part.oid.to_string();
            let short = NAMES
                .iter()
                .find(|(known, _, _)| *known == oid)
                .map_or(oid.clone(), |(_, short, _)| (*short).to_owned());
            (short, text_of(part.value.tag(), part.value.value()))
        })
        .collect()
}

fn text_of(tag: x509_cert::der::Tag, bytes: &[u8]) -> String {
    use x509_cert::der::Tag;
    match tag {
        Tag::BmpString => {
            let units: Vec<u16> = bytes
                .chunks(2)
                .map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)))
                .collect();
            String::from_utf16_lossy(&units)
        }
        Tag::TeletexString => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn long_name(short: &str) -> &str {
    NAMES.iter().find(|(_, known, _)| *known == short).map_or(short, |(_, _, long)| long)
}

/// A key's use by any of its names.
pub(super) fn usage(given: &str) -> Option<(u16, &'static str)> {
    let plain = |text: &str| text.replace(' ', "").to_lowercase();
    let is =
        |(_, short, long): &&(u16, &str, &str)| plain(short) == plain(given) || plain(long) == plain(given);
    match plain(given).as_str() {
        "contentcommitment" => Some((2, "nonRepudiation")),
        "keycertsign" | "certificatesign" => Some((1 << 5, "keyCertSign")),
        _ => USAGES.iter().find(is).map(|(bit, short, _)| (*bit, *short)),
    }
}

/// What openssl takes for bits of key usage.
pub(super) fn usage_words(bits: u16) -> Vec<&'static str> {
    USAGES.iter().filter(|(bit, ..)| bits & bit != 0).map(|(_, word, _)| *word).collect()
}

/// A certificate's purpose by any of its names: its OID, and what openssl takes for it.
pub(super) fn purpose(given: &str) -> Option<(String, String)> {
    let is = |(oid, short, long): &&(&str, &str, &str)| {
        *oid == given || short.eq_ignore_ascii_case(given) || long.eq_ignore_ascii_case(given)
    };
    let is_oid = given.contains('.') && given.chars().all(|c| c.is_ascii_digit() || c == '.');
    match PURPOSES.iter().find(is) {
        Some((oid, short, _)) => Some(((*oid).to_owned(), (*short).to_owned())),
        None => is_oid.then(|| (given.to_owned(), given.to_owned())),
    }
}

/// An alternative name as it is written: `DNS:…`, `IP:…`.
fn alternative(name: &GeneralName) -> String {
    match name {
        GeneralName::DnsName(name) => format!("DNS:{name}"),
        GeneralName::Rfc822Name(name) => format!("email:{name}"),
        GeneralName::UniformResourceIdentifier(name) => format!("URI:{name}"),
        GeneralName::IpAddress(bytes) => {
            let bytes = bytes.as_bytes();
            let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from));
            address.map_or_else(|_| format!("IP:{}", colons(bytes)), |address| format!("IP:{address}"))
        }
        GeneralName::RegisteredId(oid) => format!("RID:{oid}"),
        GeneralName::DirectoryName(name) => {
            let parts: Vec<String> =
                parts(name).into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("dirName:{}", parts.join(","))
        }
        GeneralName::OtherName(other) => format!("otherName:{}", other.type_id),
        GeneralName::EdiPartyName(_) => "ediPartyName:".to_owned(),
    }
}

/// Bytes in hexadecimal with colons.
pub(super) fn colons(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        let colon = if at == 0 { "" } else { ":" };
        // Writing to a text can't fail.
        let _ = write!(text, "{colon}{byte:02x}");
    }
    text
}

/// Digests of bytes by the names of their kinds.
pub(super) fn fingerprints(bytes: &[u8]) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, digest: &[u8]| {
        all.insert(name.to_owned(), colons(digest).into());
    };
    put("md5", &md5::compute(bytes).0);
    put("sha1", &sha1::Sha1::digest(bytes));
    put("sha224", &sha2::Sha224::digest(bytes));
    put("sha256", &sha2::Sha256::digest(bytes));
    put("sha384", &sha2::Sha384::digest(bytes));
    put("sha512", &sha2::Sha512::digest(bytes));
    all.into()
}

/// What extensions say that can be asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Said {
    /// Alternative names, and whether they are critical.
    pub alternative: Option<(Vec<String>, bool)>,
    /// Bits of key usage.
    pub usage: Option<(u16, bool)>,
    /// OIDs of purposes.
    pub purposes: Option<(Vec<String>, bool)>,
    /// `CA:TRUE`, `pathlen:0`.
    pub constraints: Option<(Vec<String>, bool)>,
    /// Whether answers of OCSP have to be stapled.
    pub staple: Option<bool>,
    /// The subject key's identifier.
    pub subject_key: Option<Vec<u8>>,
    /// The issuer key's identifier.
    pub authority_key: Option<Vec<u8>>,
}

/// Reads extensions.
pub(super) fn said(extensions: &[Extension]) -> Said {
    let mut said = Said::default();
    for extension in extensions {
        let (bytes, critical) = (extension.extn_value.as_bytes(), extension.critical);
        match extension.extn_id.to_string().as_str() {
            "2.5.29.17" => {
                let names =
                    SubjectAltName::from_der(bytes).map(|names| names.0.iter().map(alternative).collect());
                said.alternative = Some((names.unwrap_or_default(), critical));
            }
            "2.5.29.15" => {
                said.usage = KeyUsage::from_der(bytes).ok().map(|usage| (usage.0.bits(), critical))
            }
            "2.5.29.37" => {
                let oids = ExtendedKeyUsage::from_der(bytes)
                    .map(|all| all.0.iter().map(ToString::to_string).collect());
                said.purposes = Some((oids.unwrap_or_default(), critical));
            }
            "2.5.29.19" => {
                said.constraints = BasicConstraints::from_der(bytes).ok().map(|it| {
                    let ca = if it.ca { "CA:TRUE" } else { "CA:FALSE" }.to_owned();
                    let length = it.path_len_constraint.map(|length| format!("pathlen:{length}"));
                    (std::iter::once(ca).chain(length).collect(), critical)
                });
            }
            TLS_FEATURE => said.staple = Some(critical),
            "2.5.29.14" => {
                said.subject_key =
                    SubjectKeyIdentifier::from_der(bytes).ok().map(|id| id.0.as_bytes().to_vec());
            }
            "2.5.29.35" => {
                let id = AuthorityKeyIdentifier::from_der(bytes).ok().and_then(|id| id.key_identifier);
                said.authority_key = id.map(|id| id.as_bytes().to_vec());
            }
            _ => {}
        }
    }
    said
}

impl Said {
    /// Puts in what Ansible says of extensions.
    pub fn describe(&self, result: &mut Map) {
        let mut put = |name: &str, value: Option<Vec<String>>, critical: Option<bool>| {
            result.insert(name.to_owned(), value.map_or(Value::Null, Value::from));
            result.insert(format!("{name}_critical"), critical.unwrap_or(false).into());
        };
        put(
            "subject_alt_name",
            self.alternative.clone().map(|all| all.0),
            self.alternative.as_ref().map(|all| all.1),
        );
        let names = self.usage.map(|(bits, _)| {
            let mut names: Vec<String> = USAGES
                .iter()
                .filter(|(bit, ..)| bits & bit != 0)
                .map(|(_, _, name)| (*name).to_owned())
                .collect();
            names.sort();
            names
        });
        put("key_usage", names, self.usage.map(|usage| usage.1));
        let purposes = self.purposes.as_ref().map(|(oids, _)| {
            let long = |oid: &String| {
                PURPOSES
                    .iter()
                    .find(|(known, ..)| known == oid)
                    .map_or(oid.clone(), |(_, _, long)| (*long).to_owned())
            };
            let mut names: Vec<String> = oids.iter().map(long).collect();
            names.sort();
            names
        });
        put("extended_key_usage", purposes, self.purposes.as_ref().map(|all| all.1));
        put(
            "basic_constraints",
            self.constraints.clone().map(|all| all.0),
            self.constraints.as_ref().map(|all| all.1),
        );
        result.insert("ocsp_must_staple".into(), self.staple.map_or(Value::Null, |_| true.into()));
        result.insert("ocsp_must_staple_critical".into(), self.staple.unwrap_or(false).into());
        let id = |id: &Option<Vec<u8>>| id.as_deref().map_or(Value::Null, |bytes| colons(bytes).into());
        result.insert("subject_key_identifier".into(), id(&self.subject_key));
        result.insert("authority_key_identifier".into(), id(&self.authority_key));
    }
}

/// What extensions say that are asked for or there, by OID, without those that a signer adds by itself.
pub(super) fn raw(extensions: &[Extension], without: &[&str]) -> Vec<(String, bool, Vec<u8>)> {
    let one = |extension: &Extension| {
        (extension.extn_id.to_string(), extension.critical, extension.extn_value.as_bytes().to_vec())
    };
    let mut all: Vec<_> =
        extensions.iter().map(one).filter(|(oid, ..)| !without.contains(&oid.as_str())).collect();
    all.sort();
    all
}

/// A number of any length in decimal digits.
fn decimal(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = vec![0];
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            let value = u32::from(*digit) * 256 + carry;
            *digit = u8::try_from(value % 10).unwrap_or_default();
            carry = value / 10;
        }
        while carry > 0 {
            digits.push(u8::try_from(carry % 10).unwrap_or_default());
            carry /= 10;
        }
    }
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

/// A serial number: as a number, or as its digits where it is longer than numbers are here.
pub(super) fn serial(certificate: &Certificate) -> Value {
    let text = decimal(certificate.tbs_certificate().serial_number().as_bytes());
    text.parse::<u64>().map_or_else(|_| text.clone().into(), Value::from)
}

/// A time as ASN.1 has it: `20300101000000Z`.
pub(super) fn moment(time: &x509_cert::time::Time) -> String {
    let at = time.to_date_time();
    let (year, month, day) = (at.year(), at.month(), at.day());
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}Z", at.hour(), at.minutes(), at.seconds())
}

/// The name of an algorithm of signing.
fn signature(oid: &str) -> &str {
    SIGNATURES.iter().find(|(known, _)| *known == oid).map_or(oid, |(_, name)| name)
}

/// What kind a public key is of.
fn key_kind(oid: &str) -> &str {
    KEYS.iter().find(|(known, _)| *known == oid).map_or("unknown", |(_, name)| name)
}

/// A name as a mapping of long names, and in order.
fn named(name: &Name) -> (Value, Value) {
    let (mut by_name, mut ordered) = (Map::new(), Vec::new());
    for (short, text) in parts(name) {
        let long = long_name(&short).to_owned();
        ordered.push(Value::from(vec![long.clone(), text.clone()]));
        by_name.insert(long, text.into());
    }
    (by_name.into(), ordered.into())
}

/// All that Ansible says of a certificate but whether it has expired.
pub(super) fn describe(certificate: &Certificate) -> Map {
    let body = certificate.tbs_certificate();
    let mut result = Map::new();
    let mut put = |name: &str, value: Value| {
        result.insert(name.to_owned(), value);
    };
    let (subject, issuer) = (named(body.subject()), named(body.issuer()));
    put("subject", subject.0);
    put("subject_ordered", subject.1);
    put("issuer", issuer.0);
    put("issuer_ordered", issuer.1);
    put("not_before", moment(&body.validity().not_before).into());
    put("not_after", moment(&body.validity().not_after).into());
    put("serial_number", serial(certificate));
    put("version", (body.version() as u8 + 1).into());
    put("signature_algorithm", signature(&certificate.signature_algorithm().oid.to_string()).into());
    let key = body.subject_public_key_info();
    let der = public_key(key);
    let lines: Vec<String> = base64_lines(&der);
    put(
        "public_key",
        format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n")).into(),
    );
    put("public_key_type", key_kind(&key.algorithm.oid.to_string()).into());
    put("public_key_fingerprints", fingerprints(&der));
    put("fingerprints", fingerprints(&certificate.to_der().unwrap_or_default()));
    let extensions = body.extensions().map(Vec::as_slice).unwrap_or_default();
    let by_oid = |extension: &Extension| {
        let mut one = Map::new();
        one.insert("critical".into(), extension.critical.into());
        let value = base64::engine::general_purpose::STANDARD.encode(extension.extn_value.as_bytes());
        one.insert("value".into(), value.into());
        (extension.extn_id.to_string(), Value::from(one))
    };
    put("extensions_by_oid", extensions.iter().map(by_oid).collect::<Map>().into());
    said(extensions).describe(&mut result);
    result
}

fn base64_lines(bytes: &[u8]) -> Vec<String> {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_length_are_shown_in_decimal() {
        assert_eq!(decimal(&[]), "0");
        assert_eq!(decimal(&[1, 0]), "256");
        assert_eq!(decimal(&[0xff; 20]), "1461501637330902918203684832716283019655932542975");
    }

    #[test]
    fn names_uses_and_purposes_go_by_every_word_for_them() {
        assert_eq!(short_name("commonName"), Some("CN"));
        assert_eq!(short_name("2.5.4.11"), Some("OU"));
        assert_eq!(short_name("nonsense"), None);
        assert_eq!(usage("Digital Signature"), Some((1, "digitalSignature")));
        assert_eq!(usage("Certificate Sign"), usage("keyCertSign"));
        assert_eq!(usage("digitalSignatur"), None);
        assert_eq!(purpose("TLS Web Server Authentication"), purpose("serverAuth"));
        assert_eq!(purpose("1.2.3"), Some(("1.2.3".into(), "1.2.3".into())));
        assert_eq!(purpose("server"), None);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        assert!(certificate(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_none());
        assert!(certificate(b"").is_none() && request(b"nonsense").is_none());
    }
}

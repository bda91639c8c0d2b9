//! A public key as OpenSSH writes it, from what TLS has: the line that lets somebody in.
//!
//! # Source
//! RFC 4253 (section 6.6), RFC 5656 and RFC 8709 for OpenSSH's side; RFC 5280 and RFC 8017 for the other one.

use base64::Engine as _;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// Curves of keys: OID, OpenSSH's word.
const CURVES: &[(&str, &str)] =
    &[("1.2.840.10045.3.1.7", "nistp256"), ("1.3.132.0.34", "nistp384"), ("1.3.132.0.35", "nistp521")];

/// The kind and the key, without a comment; nothing where OpenSSH has no such keys.
pub(super) fn from_public(der: &[u8]) -> Option<String> {
    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    let key = info.subject_public_key.as_bytes()?;
    let (kind, parts) = match info.algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => {
            let (modulus, exponent) = rsa(key)?;
            ("ssh-rsa".to_owned(), vec![exponent, modulus])
        }
        "1.2.840.10045.2.1" => {
            let oid = info.algorithm.parameters?.decode_as::<ObjectIdentifier>().ok()?.to_string();
            let (_, curve) = CURVES.iter().find(|(known, _)| *known == oid)?;
            (format!("ecdsa-sha2-{curve}"), vec![curve.as_bytes().to_vec(), key.to_vec()])
        }
        "1.3.101.112" => ("ssh-ed25519".to_owned(), vec![key.to_vec()]),
        _ => return None,
    };
    let mut blob = Vec::new();
    for part in std::iter::once(kind.as_bytes().to_vec()).chain(parts) {
        blob.extend(u32::try_from(part.len()).ok()?.to_be_bytes());
        blob.extend(part);
    }
    Some(format!("{kind} {}", base64::engine::general_purpose::STANDARD.encode(blob)))
}

/// Modulus and exponent: both worlds write such numbers the same way, with a zero before a first bit that is set.
fn rsa(key: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let whole = AnyRef::from_der(key).ok()?;
    let mut reader = SliceReader::new(whole.value()).ok()?;
    let mut number = || AnyRef::decode(&mut reader).ok().map(|number| number.value().to_vec());
    let numbers = (number()?, number()?);
    reader.is_finished().then_some(numbers)
}

/// Kind and key of such a line, whatever its comment is.
pub(super) fn words(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

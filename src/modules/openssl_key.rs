//! What is known of a private key of the host: what the modules about keys, requests and certificates share.

use super::{Host, x509};
use crate::questions::Stop;
use crate::questions::system::keys::PrivateKey;

/// A private key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Key {
    /// The label of its PEM: `RSA PRIVATE KEY`.
    pub form: String,
    /// Whether a passphrase protects it.
    pub encrypted: bool,
    /// What it is; nothing where it can't be read.
    pub known: Option<Known>,
}

/// What a key that can be read is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Known {
    /// As Ansible calls it: `RSA`, `ECC`, `Ed25519`.
    pub kind: String,
    /// Its length in bits.
    pub bits: i64,
    /// The curve of an ECC key, in openssl's words.
    pub curve: String,
    /// Its public half, as DER.
    pub public: Vec<u8>,
}

/// Asks for a key; nothing where there is none.
pub(super) fn ask(host: &Host<'_>, path: &str, passphrase: &str) -> Result<Option<Key>, Stop> {
    let asked = PrivateKey(vec![path.to_owned(), passphrase.to_owned()]);
    let said = host.get(asked)?.as_ref().clone().map_err(Stop::refuse)?.text;
    Ok(read(&said))
}

/// The key that is needed to sign with.
///
/// # Errors
/// Stops to ask; refuses where there is none, or it can't be read.
pub(super) fn needed(host: &Host<'_>, path: &str, passphrase: &str) -> Result<Known, Stop> {
    match ask(host, path, passphrase)? {
        None => Err(Stop::refuse(format!("The private key {path} does not exist"))),
        Some(Key { known: Some(known), .. }) => Ok(known),
        Some(_) => Err(Stop::refuse(format!(
            "the private key {path} can't be read: it is broken, or has another passphrase"
        ))),
    }
}

fn read(said: &str) -> Option<Key> {
    let mut key = Key::default();
    let mut known = Known::default();
    let mut readable = true;
    for line in said.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("absent", _) => return None,
            ("form", label) => key.form = label.to_owned(),
            ("encrypted", _) => key.encrypted = true,
            ("unreadable", _) => readable = false,
            ("type", text) => {
                let text = text.to_owned();
                let (name, rest) = text.split_once("Private-Key:").unwrap_or((&text, ""));
                let name = name.trim();
                let named = ["Ed25519", "Ed448", "X25519", "X448"]
                    .into_iter()
                    .find(|known| known.eq_ignore_ascii_case(name));
                if let Some(named) = named {
                    named.clone_into(&mut known.kind);
                    known.bits = match named {
                        "Ed448" => 456,
                        "X448" => 448,
                        _ => 256,
                    };
                } else if name == "RSA" {
                    known.kind = "RSA".to_owned();
                }
                let digits: String = rest
                    .chars()
                    .skip_while(|c| !c.is_ascii_digit())
                    .take_while(char::is_ascii_digit)
                    .collect();
                if let Ok(bits) = digits.parse() {
                    known.bits = bits;
                }
            }
            ("curve", curve) => {
                known.kind = "ECC".to_owned();
                curve.trim().clone_into(&mut known.curve);
            }
            ("rsa", _) => known.kind = "RSA".to_owned(),
            ("dsa", _) if known.kind.is_empty() => known.kind = "DSA".to_owned(),
            _ => {}
        }
    }
    known.public = x509::pem(said, &["PUBLIC KEY"]).unwrap_or_default();
    key.known = (readable && !known.public.is_empty()).then_some(known);
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_known_by_what_openssl_prints_of_them() {
        let public = "-----BEGIN PUBLIC KEY-----\nAQID\n-----END PUBLIC KEY-----\n";
        let of = |said: &str| read(&format!("{said}{public}")).unwrap().known.unwrap();
        let rsa = of("form PRIVATE KEY\ntype Private-Key: (2048 bit, 2 primes)\nrsa\n");
        assert_eq!((rsa.kind.as_str(), rsa.bits, rsa.public), ("RSA", 2048, vec![1, 2, 3]));
        let older = of("form RSA PRIVATE KEY\ntype RSA Private-Key: (4096 bit, 2 primes)\nrsa\n");
        assert_eq!((older.kind.as_str(), older.bits), ("RSA", 4096));
        let curve = of("type Private-Key: (256 bit)\ncurve prime256v1\n");
        assert_eq!((curve.kind.as_str(), curve.bits, curve.curve.as_str()), ("ECC", 256, "prime256v1"));
        assert_eq!(of("type ED25519 Private-Key:\n").kind, "Ed25519");
        assert_eq!(of("type DSA Private-Key: (2048 bit)\ndsa\n").kind, "DSA");
        assert_eq!(read("absent\n"), None);
        let locked = read("form ENCRYPTED PRIVATE KEY\nencrypted\nunreadable\n").unwrap();
        assert!(locked.encrypted && locked.known.is_none());
    }
}

//! Hashes of passwords as crypt(3) has them.
//!
//! # Source
//! SHA-crypt by Ulrich Drepper's description (the crate `sha-crypt`), bcrypt 2b (the crate `bcrypt`). The usual number of
//! rounds is the one that Ansible has from passlib 1.7.

use crate::template::call::{Call, Word};
use crate::template::chance::{self, Stream};
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use minijinja::{Error, State, Value};
use sha2::{Digest as _, Sha512};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

pub(super) const FILTERS: &[Word] = &[Word {
    name: "password_hash",
    params: &["hashtype", "salt", "salt_size", "rounds", "ident"],
    body: password_hash,
}];

/// How a password is to be hashed.
pub(in crate::template) struct Hashing<'a> {
    /// `sha512`, `sha256` or `bcrypt`, by any of their names.
    pub kind: &'a str,
    /// The salt, as it stands in the hash.
    pub salt: &'a str,
    /// How many rounds; of bcrypt, the power of two that they are.
    pub rounds: Option<u32>,
}

/// What crypt(3) writes salts with.
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sha256,
    Sha512,
    Bcrypt,
}

impl Kind {
    fn of(name: &str) -> Result<Self, String> {
        Ok(match name.trim_end_matches("_crypt") {
            "sha512" => Self::Sha512,
            "sha256" => Self::Sha256,
            "bcrypt" | "blowfish" => Self::Bcrypt,
            "md5" | "des" => return Err(format!("{name} is no safe way to keep a password; use sha512")),
            _ => {
                return Err(format!(
                    "there is no hash '{name}' for passwords, only sha512, sha256 and bcrypt"
                ));
            }
        })
    }

    fn salt_length(self) -> usize {
        if self == Self::Bcrypt { 22 } else { 16 }
    }
}

fn password_hash(state: &mut State, call: &Call) -> Result<Value, Error> {
    let kind = call.text("hashtype")?.unwrap_or_else(|| "sha512".into());
    if call.text("ident")?.is_some_and(|ident| ident != "2b") {
        return Err(call.wrong("ident is 2b"));
    }
    let password = call.operand_text()?;
    let rounds = call.integer("rounds")?.map(u32::try_from).transpose();
    let rounds = rounds.map_err(|_| call.wrong("rounds is out of range"))?;
    let salt = match call.text("salt")?.filter(|salt| !salt.is_empty()) {
        Some(salt) => salt,
        None => {
            let mut salt = new_salt(&kind, &mut chance::drawn(state, "salt")?);
            let size = call.integer("salt_size")?.and_then(|size| usize::try_from(size).ok());
            salt.truncate(size.filter(|_| kind.starts_with("sha")).unwrap_or(usize::MAX));
            salt
        }
    };
    hash_password(&Hashing { kind: &kind, salt: &salt, rounds }, &password)
        .map(Value::from)
        .map_err(|message| call.wrong(message))
}

/// A new salt for a kind of hash.
pub(in crate::template) fn new_salt(kind: &str, chance: &mut Stream) -> String {
    let length = Kind::of(kind).unwrap_or(Kind::Sha512).salt_length();
    let mut any = |choices: &[u8]| {
        let at = usize::try_from(chance.below(choices.len() as u64)).unwrap_or_default();
        choices.get(at).copied().map(char::from)
    };
    // The last character of bcrypt's salts has two bits only.
    let last = (length == 22).then(|| any(b".Oeu")).flatten();
    (0..length - usize::from(last.is_some())).filter_map(|_| any(ALPHABET)).collect::<String>()
        + &last.map(String::from).unwrap_or_default()
}

/// Hashes made before: each costs a good part of a second, and a template is rendered more than once.
static MADE: LazyLock<Mutex<HashMap<Vec<u8>, String>>> = LazyLock::new(Mutex::default);

/// A password's hash as it stands in `/etc/shadow`.
pub(in crate::template) fn hash_password(how: &Hashing<'_>, password: &str) -> Result<String, String> {
    let kind = Kind::of(how.kind)?;
    let key = format!("{}\0{}\0{:?}\0{password}", how.kind, how.salt, how.rounds);
    let key = Sha512::digest(key).to_vec();
    let made = |all: &HashMap<Vec<u8>, String>| all.get(&key).cloned();
    if let Some(made) = made(&MADE.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(made);
    }
    let hash = match kind {
        Kind::Bcrypt => bcrypt_hash(how, password)?,
        kind => sha_hash(kind, how, password)?,
    };
    MADE.lock().unwrap_or_else(PoisonError::into_inner).insert(key, hash.clone());
    Ok(hash)
}

fn sha_hash(kind: Kind, how: &Hashing<'_>, password: &str) -> Result<String, String> {
    if how.salt.len() > 16 || !how.salt.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return Err("a salt has at most 16 of the characters a-z A-Z 0-9 . /".into());
    }
    let (id, usual) = if kind == Kind::Sha512 { (6, 656_000) } else { (5, 535_000) };
    let rounds = how.rounds.unwrap_or(usual);
    let params =
        sha_crypt::Params::new(rounds).map_err(|_| "rounds are from 1000 to 999999999".to_owned())?;
    let salt = how.salt.as_bytes();
    let bytes = match kind {
        Kind::Sha512 => {
            shuffled(&sha_crypt::sha512_crypt(password.as_bytes(), salt, params), [0, 21, 42], |[a, b, c]| {
                [b, c, a]
            })
        }
        _ => {
            shuffled(&sha_crypt::sha256_crypt(password.as_bytes(), salt, params), [0, 10, 20], |[a, b, c]| {
                [c, a, b]
            })
        }
    };
    let shown = if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") };
    Ok(format!("${id}${shown}{}${}", how.salt, written(&bytes)))
}

/// A digest's bytes in the order in which crypt(3) writes them: by threes, each three from the one before; what is left
/// comes last.
fn shuffled(digest: &[u8], first: [usize; 3], turned: fn([usize; 3]) -> [usize; 3]) -> Vec<u8> {
    let (mut three, mut bytes) = (first, Vec::with_capacity(digest.len()));
    for _ in 0..digest.len() / 3 {
        bytes.extend(three.iter().rev().filter_map(|at| digest.get(*at)));
        three = turned(three).map(|at| at + 1);
    }
    bytes.extend(digest.get(digest.len() / 3 * 3..).unwrap_or_default());
    bytes
}

/// Bytes in crypt(3)'s own order of bits.
fn written(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three.iter().rev().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        for place in 0..=three.len() {
            let at = (number >> (6 * place)) & 63;
            text.extend(ALPHABET.get(at as usize).copied().map(char::from));
        }
    }
    text
}

fn bcrypt_hash(how: &Hashing<'_>, password: &str) -> Result<String, String> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let salt = GeneralPurpose::new(&BCRYPT, lenient).decode(how.salt).ok();
    let salt: [u8; 16] = salt
        .and_then(|salt| salt.try_into().ok())
        .ok_or("a salt for bcrypt has 22 of the characters a-z A-Z 0-9 . /")?;
    let parts = bcrypt::hash_with_salt(password, how.rounds.unwrap_or(12), salt)
        .map_err(|error| format!("bcrypt: {error}"))?;
    Ok(parts.format_for_version(bcrypt::Version::TwoB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_crypt() {
        let hash = |kind, salt, rounds| hash_password(&Hashing { kind, salt, rounds }, "pw");
        for (kind, salt, rounds, expected) in [
            (
                "sha512",
                "saltsalt",
                Some(5000),
                "$6$saltsalt$pauPrmdmG4BTE9h2HPmywiw152IFch6BJCEsaY6D.PLTfpV8sqvXwWdyfsgVgozkYH9B80bAip/08R2BPH2xk/",
            ),
            (
                "sha512_crypt",
                "saltsalt",
                Some(10_000),
                "$6$rounds=10000$saltsalt$PCkl82bcVNZUyS5el2MR9Coq8KSFAH2TLAV2NKcVGH1Dq51jMRJNvf2NrUOE/Sv9WOINUlZWqywN9lCRzMZF.1",
            ),
            (
                "sha256",
                "saltsalt",
                None,
                "$5$rounds=535000$saltsalt$DV/wdBU9TkuhhcQfLffJ5EE3oF.grHgoEMJBmRv0tP2",
            ),
        ] {
            assert_eq!(hash(kind, salt, rounds).unwrap(), expected, "{kind}");
        }
        let bcrypt = hash("blowfish", "abcdefghijklmnopqrstuu", Some(5)).unwrap();
        assert!(bcrypt.starts_with("$2b$05$abcdefghijklmnopqrstuu"), "{bcrypt}");
        assert!(bcrypt::verify("pw", &bcrypt).unwrap());
    }

    #[test]
    fn what_is_no_safe_hash_is_refused() {
        for (kind, salt) in
            [("md5", "saltsalt"), ("rot13", "a"), ("sha512", "bad salt!"), ("bcrypt", "short")]
        {
            assert!(hash_password(&Hashing { kind, salt, rounds: None }, "pw").is_err(), "{kind}");
        }
    }
}

//! Keys that package sources are signed with: reading OpenPGP's packets without gpg, which a minimal host doesn't have.
//!
//! # Source
//! RFC 9580: packet headers (4.2), fingerprints (5.5.4), ASCII armor (6.2).

use super::attributes::{Wanted, touching};
use super::file::REMOVE;
use super::http_request;
use super::mode::Mode;
use super::place::{New, Placement};
use super::{Args, Change, Host};
use crate::model::{Content, Subject};
use crate::questions::Stop;
use crate::questions::files::{Digesting, Inspect};
use crate::questions::http::{Body, Fetch, Fetched, Leniency, Request};
use base64::Engine as _;
use sha1::Digest as _;
use std::time::Duration;

/// A key with all that belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Key {
    /// The fingerprint, in capital hexadecimal digits.
    pub fingerprint: String,
    /// Fingerprints of its subkeys.
    pub subkeys: Vec<String>,
    /// Its packets.
    pub bytes: Vec<u8>,
}

impl Key {
    /// Whether a short or long id or a fingerprint, perhaps after `0x`, names it.
    pub fn is_named(&self, id: &str) -> bool {
        let id = plain_id(id);
        !id.is_empty() && std::iter::once(&self.fingerprint).chain(&self.subkeys).any(|fp| fp.ends_with(&id))
    }

    /// The last 16 digits.
    pub fn id(&self) -> &str {
        self.fingerprint.get(self.fingerprint.len().saturating_sub(16)..).unwrap_or_default()
    }
}

/// An id without `0x` and in capital letters.
pub(super) fn plain_id(id: &str) -> String {
    let id: String = id.to_uppercase().chars().filter(|c| !c.is_whitespace()).collect();
    id.strip_prefix("0X").map_or(id.clone(), str::to_owned)
}

/// Whether it is a key as text.
pub(super) fn is_armored(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains("-----BEGIN PGP PUBLIC KEY BLOCK-----")
}

/// The packets, out of the armor where there is one.
pub(super) fn packets(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if !is_armored(bytes) {
        return Ok(bytes.to_vec());
    }
    let text = String::from_utf8_lossy(bytes);
    let mut packets = Vec::new();
    for block in text.split("-----BEGIN PGP PUBLIC KEY BLOCK-----").skip(1) {
        let (block, _) =
            block.split_once("-----END PGP PUBLIC KEY BLOCK-----").ok_or("the key's armor has no end")?;
        let lines = block.lines().map(str::trim).skip(1);
        // Headers end with an empty line; the checksum begins with `=`.
        let lines: Vec<&str> = lines.collect();
        let begin = lines.iter().position(|line| line.is_empty()).map_or(0, |at| at + 1);
        let body: String = lines.iter().skip(begin).filter(|line| !line.starts_with('=')).copied().collect();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(body)
            .map_err(|_| "the key's armor is damaged")?;
        packets.extend(bytes);
    }
    Ok(packets)
}

/// The keys in a keyring.
pub(super) fn keys(bytes: &[u8]) -> Result<Vec<Key>, String> {
    const PRIMARY: u8 = 6;
    const SUBKEY: u8 = 14;
    let all = packets(bytes)?;
    let mut keys: Vec<Key> = Vec::new();
    let mut rest = all.as_slice();
    while !rest.is_empty() {
        let (tag, head, length) = header(rest).ok_or("it is no OpenPGP key")?;
        let whole = rest.get(..head + length).ok_or("the key is cut off")?;
        let body = whole.get(head..).unwrap_or_default();
        match (tag, keys.last_mut()) {
            (PRIMARY, _) => {
                keys.push(Key { fingerprint: fingerprint(body), subkeys: Vec::new(), bytes: whole.to_vec() });
            }
            (_, Some(key)) => {
                if tag == SUBKEY {
                    key.subkeys.push(fingerprint(body));
                }
                key.bytes.extend_from_slice(whole);
            }
            (_, None) => return Err("it is no public key".to_owned()),
        }
        rest = rest.get(head + length..).unwrap_or_default();
    }
    Ok(keys)
}

/// A packet's tag, and how many bytes its header and its body have.
fn header(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let at = |index: usize| bytes.get(index).map(|byte| usize::from(*byte));
    let first = *bytes.first()?;
    if first & 0x80 == 0 {
        return None;
    }
    if first & 0x40 != 0 {
        let (head, length) = match at(1)? {
            short @ 0..=191 => (2, short),
            two @ 192..=223 => (3, ((two - 192) << 8) + at(2)? + 192),
            255 => (6, (at(2)? << 24) | (at(3)? << 16) | (at(4)? << 8) | at(5)?),
            _ => return None,
        };
        return Some((first & 0x3f, head, length));
    }
    let (head, length) = match first & 3 {
        0 => (2, at(1)?),
        1 => (3, (at(1)? << 8) | at(2)?),
        2 => (5, (at(1)? << 24) | (at(2)? << 16) | (at(3)? << 8) | at(4)?),
        _ => (1, bytes.len() - 1),
    };
    Some(((first >> 2) & 15, head, length))
}

/// The fingerprint of a key of version 4; later ones are digested otherwise.
fn fingerprint(body: &[u8]) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    if body.first() == Some(&6) {
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let input = [&[0x9b][..], &length, body].concat();
        return crate::model::Digest::of(input).hex().to_uppercase();
    }
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    let mut hash = sha1::Sha1::new();
    hash.update([0x99]);
    hash.update(length);
    hash.update(body);
    hex(&hash.finalize())
}

/// Fetches a key, from the host.
///
/// # Errors
/// Stops to ask; refuses where nobody answers with a key.
pub(super) fn fetched(host: &Host<'_>, url: &str) -> Result<Vec<u8>, Stop> {
    const LIMIT: Duration = Duration::from_secs(30);
    let leniency = Leniency { redirects: true, ..Leniency::default() };
    let request = Request {
        method: "GET".to_owned(),
        url: url.to_owned(),
        limit: LIMIT,
        leniency,
        headers: Vec::new(),
        agent: String::new(),
        proxy: true,
        files: Default::default(),
    };
    let question = Fetch { request, body: Body::Wanted, sends: None };
    match http_request::fetched(host, question)? {
        Fetched::Answered(response) if response.status == 200 => Ok(response.body),
        Fetched::Answered(response) => {
            Err(Stop::refuse(format!("{url} answers with {} {}", response.status, response.reason)))
        }
        Fetched::Failed { why, .. } | Fetched::Unable(why) => Err(Stop::refuse(format!("{url}: {why}"))),
    }
}

/// The changes that make a file hold these bytes, readable by all.
///
/// # Errors
/// Stops to ask; refuses where something else than a file is there.
pub(super) fn put(host: &Host<'_>, path: &str, bytes: Vec<u8>) -> Result<Vec<Change>, Stop> {
    let seen =
        host.get(Inspect::path(path).digesting(Digesting::By(crate::questions::files::Algorithm::SHA256)))?;
    let wanted = Wanted { mode: Some(Mode::Exact(0o644)), ..Wanted::default() };
    let placement = Placement {
        named: path,
        seen: &seen,
        follow: true,
        new: New::Content(Content::new(bytes)),
        wanted: &wanted,
        preserved: None,
        args: &Args::default(),
        old: None,
    };
    let Some(change) = placement.change(host)? else { return Ok(Vec::new()) };
    let parent = path.rsplit_once('/').filter(|_| !seen.parent_exists).map(|(parent, _)| {
        let summary = format!("make the directory {parent}");
        Change::state(summary, super::copy::MAKE_PARENTS, [parent, "-", "-", "-"], [Subject::path(parent)])
    });
    Ok(parent.into_iter().chain([change]).collect())
}

/// The change that removes a file; none where it isn't there.
///
/// # Errors
/// Stops to ask.
pub(super) fn removal(host: &Host<'_>, path: &str) -> Result<Option<Change>, Stop> {
    let seen = host.get(Inspect::path(path))?;
    let kind = if seen.link.is_some() { "link" } else { "file" };
    let change =
        || Change::state(format!("remove {path}"), REMOVE, [&seen.real, kind], touching(path, &seen.real));
    Ok(seen.node.as_ref().map(|_| change()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key for tests (Ed25519 and Curve25519), made by gpg 2.2.40, which says that its fingerprints are these.
    const ARMORED: &str = include_str!("apt_keyring/key_gpg_2.2.40.asc");
    const FINGERPRINT: &str = include_str!("apt_keyring/key_gpg_2.2.40.fingerprint");

    #[test]
    fn a_key_is_known_by_the_fingerprint_that_gpg_gives_it() {
        let keys = keys(ARMORED.as_bytes()).unwrap();
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        let mut printed = FINGERPRINT.lines();
        assert_eq!(key.fingerprint, printed.next().unwrap());
        assert_eq!(key.subkeys, [printed.next().unwrap()]);
        assert!(key.is_named(key.id()) && key.is_named(&format!("0x{}", key.id().to_lowercase())));
        assert!(!key.is_named("0x12345678") && !key.is_named(""));
        let twice = [key.bytes.clone(), key.bytes.clone()].concat();
        assert_eq!(super::keys(&twice).unwrap().len(), 2);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bytes in [&b"hello"[..], &[0x99, 0x01, 0x0d, 4], b"<html>", &[0xc6, 0xff, 0xff, 0xff, 0xff, 0xff]]
        {
            assert!(keys(bytes).is_err(), "{bytes:?}");
        }
        assert!(
            keys(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%%%\n-----END PGP PUBLIC KEY BLOCK-----\n")
                .is_err()
        );
    }
}

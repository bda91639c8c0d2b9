//! The keys that let people in: `authorized_keys` of every account.
//!
//! # Source
//! `sshd(8)` of OpenSSH 9.2, *AUTHORIZED_KEYS FILE FORMAT*; RFC 4253, section 6.6, for what is in a key.

use crate::model::{Argv, Script, Subjects};
use crate::questions::{Output, ParseError, Question};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// Asks for every account's authorized keys.
pub struct AuthorizedKeys {
    /// Where sshd looks for them, with `%h`, `%u` and `%U`.
    pub places: Vec<String>,
}

/// Every account's authorized keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyRing {
    /// Files, in the order of accounts.
    pub files: Vec<KeyFile>,
    /// Accounts whose keys this account may not see.
    pub blind: BTreeSet<String>,
}

/// One file of keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeyFile {
    /// Whom it lets in.
    pub user: String,
    /// The number of whom it lets in.
    pub uid: u32,
    /// Where it is.
    pub path: String,
    /// The file, its directory and the home: path, permission bits, owner.
    pub modes: Vec<(String, u32, u32)>,
    /// Its keys.
    pub keys: Vec<PublicKey>,
    /// How many of its lines are no keys.
    pub other_lines: usize,
}

/// One key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PublicKey {
    /// `ssh-ed25519`, `ssh-rsa` …
    pub kind: String,
    /// Its size; none where the kind alone says it.
    pub bits: Option<u64>,
    /// As `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// The comment behind it.
    pub comment: String,
    /// Names of its options: `restrict`, `command`, `from` …
    pub options: Vec<String>,
}

impl Question for AuthorizedKeys {
    type Answer = KeyRing;
    const SCRIPT: Script = Script { name: "authorized_keys", text: include_str!("keys.sh") };

    fn args(&self) -> Argv {
        self.places.clone().into()
    }

    fn reads(&self) -> Subjects {
        Subjects::Undeclared
    }

    fn parse(&self, output: &Output) -> Result<KeyRing, ParseError> {
        let text = output.text();
        let mut ring = KeyRing::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match (word, ring.files.last_mut()) {
                ("blind", _) => {
                    ring.blind.insert(rest.to_owned());
                }
                ("account", _) => {
                    let file =
                        account(rest).ok_or_else(|| ParseError::new("'account NAME UID PATH'", output))?;
                    ring.files.push(file);
                }
                ("other", Some(file)) => file.other_lines += 1,
                ("mode", Some(file)) => file.modes.extend(mode(rest)),
                ("key", Some(file)) => match PublicKey::read(rest) {
                    Some(key) => file.keys.push(key),
                    None => file.other_lines += 1,
                },
                _ => return Err(ParseError::new("lines 'account', 'mode', 'key', 'blind'", output)),
            }
        }
        Ok(ring)
    }
}

fn account(rest: &str) -> Option<KeyFile> {
    let mut fields = rest.splitn(3, ' ');
    let (user, uid, path) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
    Some(KeyFile { user: user.to_owned(), uid, path: path.to_owned(), ..KeyFile::default() })
}

/// Reads `755 1000 /home/a/.ssh`.
fn mode(rest: &str) -> Option<(String, u32, u32)> {
    let mut fields = rest.splitn(3, ' ');
    let (mode, uid, path) = (fields.next()?, fields.next()?, fields.next()?);
    Some((path.to_owned(), u32::from_str_radix(mode, 8).ok()?, uid.parse().ok()?))
}

impl PublicKey {
    /// Reads `OPTIONS TYPE KEY COMMENT`, of which options and comment may be missing.
    pub fn read(line: &str) -> Option<Self> {
        let (first, rest) = word(line.trim())?;
        let (options, (kind, rest)) = if is_kind(first) { ("", (first, rest)) } else { (first, word(rest)?) };
        let (key, comment) = word(rest)?;
        if !is_kind(kind) {
            return None;
        }
        let bytes = STANDARD_NO_PAD.decode(key.trim_end_matches('=')).ok()?;
        // Each part is a length of four bytes and so many bytes; the first one says the kind again.
        let mut parts = Parts(&bytes);
        if parts.next()? != kind.as_bytes() {
            return None;
        }
        let digest = Sha256::digest(&bytes);
        Some(Self {
            kind: kind.to_owned(),
            bits: bits(kind, parts),
            fingerprint: format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)),
            comment: comment.to_owned(),
            options: option_names(options),
        })
    }

    /// Why it is too weak, if it is.
    pub fn weakness(&self) -> Option<String> {
        match (self.kind.as_str(), self.bits) {
            ("ssh-dss", _) => Some("DSA keys are broken".into()),
            ("ssh-rsa", Some(bits)) if bits < 2048 => Some(format!("RSA with {bits} bits")),
            _ => None,
        }
    }
}

fn is_kind(word: &str) -> bool {
    ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-", "rsa-sha2-"].iter().any(|begin| word.starts_with(begin))
}

/// The first word, in which quotes may hold blanks, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            ' ' | '\t' if !quoted => return Some((text.get(..at)?, text.get(at..)?.trim_start())),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    (!text.is_empty()).then_some((text, ""))
}

/// The names of options: their values may be nobody's business.
fn option_names(text: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted, mut in_value) = (Vec::new(), String::new(), false, false);
    for c in text.chars().chain([',']) {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => {
                names.push(std::mem::take(&mut name));
                in_value = false;
            }
            '=' if !quoted => in_value = true,
            _ if !in_value => name.push(c.to_ascii_lowercase()),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];
    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(part)
    }
}

/// The size of a key: of RSA's and DSA's first large number, or as the kind says.
fn bits(kind: &str, mut parts: Parts<'_>) -> Option<u64> {
    let number = match kind {
        "ssh-rsa" => parts.nth(1)?,
        "ssh-dss" => parts.next()?,
        "ssh-ed25519" => return Some(256),
        _ => return kind.strip_prefix("ecdsa-sha2-nistp").and_then(|bits| bits.parse().ok()),
    };
    let number = number.iter().position(|byte| *byte != 0).and_then(|at| number.get(at..))?;
    let top = u64::from(number.first()?.leading_zeros());
    Some(number.len() as u64 * 8 - top)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;

    /// Made with ssh-keygen, OpenSSH 9.2.
    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDbvWSPdnWL7lXVApUq02jVJWwRK66499RqgqM/QEdxh";
    const ED25519_PRINT: &str = "SHA256:Fvq0va1t5awLluQklCDgN8tLI0/9t1J0DlezLYOI7wc";
    const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQCWT8RScXUNpkAXnmwpROtkTJKTxlbW3G8kiUy2z+tmfU1vGlKIFcVYmohXn7e9SngFFPprylCZjMRvmjElbKXd0QotHIkWN7/00ZX1lMWg8AUgMbka0O+46P/YqxK+RKLaqBl6AaXWW5LZOjd+l3bT4PBrGveE0D/TRpcX8cSFUQ==";
    const ECDSA: &str = "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNoYTItbmlzdHAzODQAAAAIbmlzdHAzODQAAABhBAEr21d/C67QchFR9nFmsLyFQTyrVc5889An+JMwRJ+09Pzkxp6hg0i9bpjwhLRhRcPnSBw6rqVL6Mh4OqOMTyitKHlKNLIyLtaUpO+Q/LKXmsbPJhw2I6lV7TwdZdaxQg==";

    #[test]
    fn keys_are_read_as_ssh_keygen_shows_them() {
        let key = PublicKey::read(&format!("{ED25519} a@b c")).unwrap();
        assert_eq!((key.kind.as_str(), key.bits, key.comment.as_str()), ("ssh-ed25519", Some(256), "a@b c"));
        assert_eq!(key.fingerprint, ED25519_PRINT);
        assert_eq!((key.weakness(), key.options), (None, Vec::new()));
        let rsa = PublicKey::read(RSA_1024).unwrap();
        assert_eq!((rsa.bits, rsa.weakness()), (Some(1024), Some("RSA with 1024 bits".into())));
        assert_eq!(PublicKey::read(ECDSA).unwrap().bits, Some(384));
    }

    #[test]
    fn options_are_named_without_their_values_and_what_is_no_key_is_none() {
        let line = format!("restrict,Command=\"echo \\\"a b\\\", x\",from=\"10.0.0.1\" {ED25519}");
        assert_eq!(PublicKey::read(&line).unwrap().options, ["restrict", "command", "from"]);
        for line in [
            "",
            "x",
            "root:$6$abc:1::",
            "ssh-ed25519 AAAA",
            "ssh-rsa !!! x",
            &ED25519.replace("ssh-ed25519 ", "ssh-rsa "),
        ] {
            assert_eq!(PublicKey::read(line), None, "{line}");
        }
    }

    #[test]
    fn files_come_with_modes_and_what_can_not_be_seen_is_told() {
        let text = format!(
            "blind eve\naccount bob 1000 /home/bob/.ssh/authorized_keys\nmode 664 1000 /home/bob/.ssh/authorized_keys\n\
                            mode 700 1000 /home/bob/.ssh\nkey {ED25519}\nkey ssh-nothing\nother\nblind eve\n"
        );
        let ring = AuthorizedKeys { places: Vec::new() }.parse(&Output::ok(text)).unwrap();
        assert_eq!((ring.files.len(), ring.blind.len()), (1, 1));
        let file = &ring.files[0];
        assert_eq!((file.user.as_str(), file.keys.len(), file.other_lines), ("bob", 1, 2));
        assert_eq!(file.modes[0], ("/home/bob/.ssh/authorized_keys".into(), 0o664, 1000));
    }

    #[test]
    fn every_shell_sends_keys_and_nothing_else_of_a_file() {
        for bench in Workbench::every_shell() {
            let path = bench.file("keys", &format!("# x\n\n{ED25519} a\nroot:$6$hash:1::\n"));
            let question = AuthorizedKeys { places: vec![path] };
            let output = bench.run(AuthorizedKeys::SCRIPT, &question.args(), None);
            assert!(!output.text().contains("hash"), "{}", output.text());
            let ring = question.parse(&output).unwrap();
            let file = ring.files.first().unwrap_or_else(|| panic!("{}: {}", bench.name(), output.text()));
            assert_eq!((file.keys.len(), file.other_lines), (1, 1), "{}", bench.name());
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(
            lines in proptest::collection::vec(("account a 1|mode 755 0|key|key ssh-rsa|key ssh-ed25519 AAAA|blind|other", "[ -~é\t]{0,40}"), 0..8)
        ) {
            let text: String = lines.iter().map(|(word, rest)| format!("{word} {rest}\n")).collect();
            let _read = AuthorizedKeys { places: Vec::new() }.parse(&Output::ok(text));
        }
    }
}

//! Questions about a pair of SSH keys in files.
//!
//! # Source
//! ssh-keygen(1) of OpenSSH 9.2: `-y` derives the public key, `-l` prints `4096 SHA256:… comment (RSA)`.

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks for the pair whose private key has this path.
#[derive(Clone, Debug)]
pub struct Keypair {
    /// The private key; the public one has `.pub` behind it.
    pub path: String,
}

/// What is there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pair {
    /// The digest of the private key's file; nothing where there is none.
    pub digest: Option<String>,
    /// Why the private key can't be read.
    pub unreadable: Option<String>,
    /// The public key that belongs to it: type, key, comment.
    pub public: String,
    /// Length in bits.
    pub bits: u32,
    /// `SHA256:…`
    pub fingerprint: String,
    /// The kind of key in small letters: `rsa`, `ed25519`.
    pub kind: String,
    /// What the file with the public key holds; nothing where there is none.
    pub file: Option<String>,
}

/// What a pair is known by.
pub fn subjects(path: &str) -> Subjects {
    [Subject::path(path), Subject::path(&format!("{path}.pub"))].into()
}

impl Question for Keypair {
    type Answer = Pair;
    const SCRIPT: Script = Script {
        name: "ssh_keypair",
        text: r#"command -v ssh-keygen >/dev/null || { echo 'ssh-keygen is not installed on this host' >&2; exit 1; }
if [ -e "$1" ]; then
    sum=$(sha256sum <"$1") || exit 1
    echo "digest ${sum%% *}"
    if public=$(ssh-keygen -y -P '' -f "$1" 2>&1 </dev/null); then
        printf 'public %s\n' "$public"
        printf 'print %s\n' "$(printf '%s\n' "$public" | ssh-keygen -l -f /dev/stdin)"
    else
        printf 'unreadable %s\n' "$(printf '%s' "$public" | tr '\n' ' ')"
    fi
fi
[ ! -e "$1.pub" ] || printf 'file %s\n' "$(head -n 1 "$1.pub")""#,
    };

    fn args(&self) -> Argv {
        [self.path.clone()].into()
    }

    fn reads(&self) -> Subjects {
        subjects(&self.path)
    }

    fn parse(&self, output: &Output) -> Result<Pair, ParseError> {
        let wrong = || ParseError::new("lines 'digest', 'public', 'print', 'file'", output);
        if output.status != 0 {
            return Err(wrong());
        }
        let text = output.text();
        let mut pair = Pair::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "digest" => pair.digest = Some(rest.to_owned()),
                "public" => pair.public = rest.trim_end().to_owned(),
                "unreadable" => pair.unreadable = Some(rest.trim().to_owned()),
                "file" => pair.file = Some(rest.trim_end().to_owned()),
                "print" => {
                    let mut words = rest.split_whitespace();
                    pair.bits = words.next().and_then(|bits| bits.parse().ok()).ok_or_else(wrong)?;
                    words.next().unwrap_or_default().clone_into(&mut pair.fingerprint);
                    pair.kind = words.last().unwrap_or_default().trim_matches(['(', ')']).to_lowercase();
                }
                _ => return Err(wrong()),
            }
        }
        Ok(pair)
    }
}

impl Pair {
    /// The comment of the public key's file.
    pub fn comment(&self) -> &str {
        self.file.as_deref().and_then(|file| file.splitn(3, ' ').nth(2)).unwrap_or_default()
    }

    /// Type and key, without the comment.
    pub fn key(line: &str) -> String {
        line.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }
}

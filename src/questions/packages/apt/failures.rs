//! Why package sources could not be refreshed: which one, and what kind of trouble it is, out of what `apt-get update` says.
//!
//! # Source
//! The messages of apt 2.6, as a host with Debian 12 printed them (`captured_debian_12_refresh_failed.txt`); the one of a
//! release that changed its suite is from `apt-secure(8)`.

use std::fmt;

/// A source that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedSource {
    /// Address and suite: `http://mirror.example.org/debian bookworm`; empty where apt names none.
    pub source: String,
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// What apt said of it.
    pub said: String,
}

/// What kind of trouble a source has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The time up to which its Release file is good is over.
    Expired,
    /// Its Release file is from the future.
    Future,
    /// What was fetched is not what the Release file promises.
    Mismatch,
    /// Its signature does not hold.
    BadSignature,
    /// It is signed with a key that this host doesn't have.
    UnknownKey,
    /// It is signed with a key that has expired.
    ExpiredKey,
    /// It is not signed.
    Unsigned,
    /// Nothing is there.
    Gone,
    /// It calls itself something else than it did.
    Renamed,
    /// Its name can't be resolved.
    NoName,
    /// Its server's certificate does not hold.
    Certificate,
    /// It does not answer.
    Unreachable,
    /// Something else.
    Other,
}

/// The sources that failed, each once, in the order in which apt names them.
pub fn failed_sources(said: &str) -> Vec<FailedSource> {
    let mut failed: Vec<FailedSource> = Vec::new();
    for found in said.lines().filter_map(failure) {
        match failed.iter_mut().find(|known| !found.source.is_empty() && known.source == found.source) {
            // That it is not signed is what follows from trouble with its signature.
            Some(known) if known.trouble == Trouble::Other => *known = found,
            Some(_) => {}
            None => failed.push(found),
        }
    }
    failed
}

/// Reads one line; nothing where it tells of no source that failed.
fn failure(line: &str) -> Option<FailedSource> {
    let text = line.strip_prefix("E: ").or_else(|| line.strip_prefix("W: "))?;
    let error = line.starts_with("E: ");
    let (source, trouble) = if let Some((_, rest)) = text.split_once("GPG error: ") {
        let (source, why) = rest.split_once(": ").unwrap_or((rest, ""));
        (source, of_signature(why))
    } else if let Some(rest) = text.strip_prefix("Release file for ") {
        let (source, why) = rest.split_once(" is ").unwrap_or((rest, ""));
        (source, if why.starts_with("expired") { Trouble::Expired } else { Trouble::Future })
    } else if let Some(rest) = text.strip_prefix("Failed to fetch ") {
        let (source, why) = rest.split_once(' ').unwrap_or((rest, ""));
        (source, of_fetch(why))
    } else if let Some(rest) = text.strip_prefix("The repository '") {
        let (source, why) = rest.split_once('\'').unwrap_or((rest, ""));
        (source, if why.contains("not signed") { Trouble::Unsigned } else { Trouble::Gone })
    } else if let Some(rest) = text.strip_prefix("Repository '").filter(|rest| rest.contains("changed its")) {
        (rest.split('\'').next().unwrap_or_default(), Trouble::Renamed)
    } else if error && !text.starts_with("Some index files failed") {
        ("", Trouble::Other)
    } else {
        return None;
    };
    Some(FailedSource { source: named(source), trouble, said: text.to_owned() })
}

fn of_signature(why: &str) -> Trouble {
    match why {
        _ if why.contains("Not live until") => Trouble::Future,
        _ if why.contains("NO_PUBKEY") || why.contains("Missing key") => Trouble::UnknownKey,
        _ if why.contains("EXPKEYSIG") || why.contains("KEYEXPIRED") => Trouble::ExpiredKey,
        _ => Trouble::BadSignature,
    }
}

fn of_fetch(why: &str) -> Trouble {
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    match why {
        _ if has(&["signature", "Not live until"]) => of_signature(why),
        _ if has(&["Hash Sum mismatch", "unexpected size"]) => Trouble::Mismatch,
        _ if has(&["resolving", "resolve"]) => Trouble::NoName,
        _ if has(&["ertificate", "SSL", "TLS"]) => Trouble::Certificate,
        _ if has(&["404", "File not found", "No such file"]) => Trouble::Gone,
        _ if has(&["onnect", "imed out", "timeout", "unreachable"]) => Trouble::Unreachable,
        _ => Trouble::Other,
    }
}

/// Address and suite: apt names a source by what is in `sources.list`, or by a file below `dists/`.
fn named(source: &str) -> String {
    match source.split_once("/dists/") {
        Some((base, rest)) => {
            let suite = rest.split("/main/").next().unwrap_or(rest);
            let suite = suite.trim_end_matches("/InRelease").trim_end_matches("/Release");
            format!("{base} {}", suite.split("/binary-").next().unwrap_or(suite))
        }
        None => source.trim_end_matches(" InRelease").trim_end_matches(" Release").to_owned(),
    }
}

impl Trouble {
    /// What it is and what to do, for people.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Expired => {
                "its Release file has expired: the mirror stands still, or this host's clock is wrong"
            }
            Self::Future => "its Release file is from the future: this host's clock is wrong, most likely",
            Self::Mismatch => {
                "what was fetched is not what was promised: the mirror is being updated, or a proxy interferes"
            }
            Self::BadSignature => "its signature does not hold: somebody or something changed it on its way",
            Self::UnknownKey => "it is signed with a key that this host doesn't have: look at its Signed-By",
            Self::ExpiredKey => "it is signed with a key that has expired: install the source's newer key",
            Self::Unsigned => "it is not signed",
            Self::Gone => {
                "nothing is there: the address or the suite is wrong, or the release has moved to an archive"
            }
            Self::Renamed => {
                "it calls itself something else than before: look, then apt-get update --allow-releaseinfo-change"
            }
            Self::NoName => "its name can't be resolved",
            Self::Certificate => "its server's certificate does not hold",
            Self::Unreachable => "it does not answer",
            Self::Other => "apt could not refresh it",
        }
    }

    /// The word for results.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Future => "future",
            Self::Mismatch => "mismatch",
            Self::BadSignature => "bad-signature",
            Self::UnknownKey => "unknown-key",
            Self::ExpiredKey => "expired-key",
            Self::Unsigned => "unsigned",
            Self::Gone => "gone",
            Self::Renamed => "renamed",
            Self::NoName => "no-name",
            Self::Certificate => "certificate",
            Self::Unreachable => "unreachable",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for FailedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source.as_str(), self.trouble) {
            ("", _) => f.write_str(&self.said),
            (source, Trouble::Other) => write!(f, "{source}: {}", self.said),
            (source, trouble) => write!(f, "{source}: {}", trouble.advice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_source_is_named_once_with_the_kind_of_its_trouble() {
        let failed = failed_sources(include_str!("captured_debian_12_refresh_failed.txt"));
        let seen: Vec<_> = failed.iter().map(|f| (f.source.as_str(), f.trouble)).collect();
        assert_eq!(
            seen,
            [
                ("file:/srv/odd/expired x", Trouble::Expired),
                ("file:/srv/odd/future x", Trouble::Future),
                ("file:/srv/odd/mismatch x", Trouble::Mismatch),
                ("file:/srv/odd/badsig x", Trouble::BadSignature),
                ("file:/srv/odd/unsigned x", Trouble::Unsigned),
                ("file:/srv/odd/nokey x", Trouble::UnknownKey),
                ("file:/srv/gone x", Trouble::Gone),
                ("http://nosuch.invalid/debian x", Trouble::NoName),
                ("http://10.213.1.1/debian x", Trouble::Unreachable),
                ("file:/srv/odd/good x", Trouble::UnknownKey),
            ]
        );
    }

    #[test]
    fn trouble_without_a_source_is_told_in_apts_words_and_notes_are_none() {
        let failed =
            failed_sources("E: it took longer than two minutes\nW: Key is stored in legacy keyring\n");
        assert_eq!(failed.len(), 1);
        assert_eq!(failed[0].to_string(), "it took longer than two minutes");
        let renamed = failed_sources(
            "E: Repository 'http://mirror.example.org/debian bookworm InRelease' changed its 'Suite' value from \
             'stable' to 'oldstable'\n",
        );
        assert_eq!(
            (renamed[0].source.as_str(), renamed[0].trouble),
            ("http://mirror.example.org/debian bookworm", Trouble::Renamed)
        );
    }
}

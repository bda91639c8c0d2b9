//! What apt complains of when it refreshes lists, and which source each complaint is about.
//!
//! # Source
//! Messages of apt 2.6 (`apt-pkg/acquire-item.cc`), which are the same in 2.2 and 2.9.

use crate::model::{Finding, FindingKind, Severity};
use crate::questions::packages::apt::sources::Source;

/// One complaint.
pub(super) struct Refusal<'a> {
    /// The source it is about, where one of the configured ones fits.
    pub source: Option<&'a Source>,
    kind: Complaint,
    about: String,
    said: String,
}

/// What a complaint says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Complaint {
    Unsigned,
    Signature,
    Expired,
    Clock,
    Failing,
}

/// Marks of complaints, the more telling ones first.
const MARKS: [(&str, Complaint); 10] = [
    ("is not valid yet", Complaint::Clock),
    ("is expired", Complaint::Expired),
    ("NO_PUBKEY", Complaint::Signature),
    ("GPG error", Complaint::Signature),
    ("OpenPGP signature verification failed", Complaint::Signature),
    ("is not signed", Complaint::Unsigned),
    ("is no longer signed", Complaint::Unsigned),
    ("does not have a Release file", Complaint::Failing),
    ("no longer has a Release file", Complaint::Failing),
    ("Failed to fetch", Complaint::Failing),
];

/// Reads the complaints; those about no address in particular are left to who reports the refresh as a whole.
pub(super) fn refusals<'a>(said: &str, sources: &[&'a Source]) -> Vec<Refusal<'a>> {
    let mut refusals: Vec<Refusal<'a>> = said.lines().filter_map(|line| refusal(line, sources)).collect();
    // That it can't be fetched either says no more of a source whose signature is wrong.
    let telling: Vec<String> =
        refusals.iter().filter(|r| r.kind != Complaint::Failing).map(|r| r.about.clone()).collect();
    refusals.retain(|r| r.kind != Complaint::Failing || !telling.contains(&r.about));
    refusals
}

fn refusal<'a>(line: &str, sources: &[&'a Source]) -> Option<Refusal<'a>> {
    let (_, kind) = MARKS.into_iter().find(|(mark, _)| line.contains(mark))?;
    let address = address(line)?;
    let fits = |source: &&&Source| {
        let uri = source.uri.trim_end_matches('/');
        let rest = bare(address).strip_prefix(bare(uri));
        let within = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let suite = source.suite.trim_matches('/');
        within && (address.contains(&format!("/dists/{suite}/")) || line.contains(&format!(" {suite} ")))
    };
    let source = sources.iter().find(fits).copied();
    let about = match source {
        Some(source) => source.name().replace(' ', "/"),
        None => bare(address).trim_matches('/').to_owned(),
    };
    Some(Refusal { source, kind, about, said: line.to_owned() })
}

/// The first address in a line.
fn address(line: &str) -> Option<&str> {
    let words = line.split([' ', '\'', '"']);
    words.filter(|word| word.contains(":/")).map(|word| word.trim_end_matches([':', ',', '.'])).next()
}

/// An address without scheme, user and needless slashes.
fn bare(address: &str) -> &str {
    let (_, place) = address.split_once(':').unwrap_or(("", address));
    let place = place.trim_start_matches('/');
    place.split_once('@').map_or(place, |(_, host)| host)
}

impl Refusal<'_> {
    /// The finding that says so.
    pub(super) fn finding(&self) -> Finding {
        let name = self.source.map_or_else(|| self.about.clone(), Source::name);
        let (word, severity, title, remedy) = match self.kind {
            Complaint::Unsigned => {
                ("unsigned", Severity::High, "is not signed", "have it signed, or do without it")
            }
            Complaint::Signature => (
                "signature",
                Severity::High,
                "has no valid signature",
                "see whose key it is signed with before it is trusted",
            ),
            Complaint::Expired => {
                ("expired", Severity::Medium, "has expired", "see why it is no longer published")
            }
            Complaint::Clock => {
                ("clock", Severity::Medium, "is from the future", "set the host's clock: timedatectl")
            }
            Complaint::Failing => (
                "failing",
                Severity::Medium,
                "can't be fetched",
                "see whether the host reaches it: apt-get update",
            ),
        };
        Finding::new(
            FindingKind::Repository,
            &format!("{word}/{}", self.about),
            severity,
            format!("{name} {title}"),
        )
        .seen(self.said.clone())
        .remedied_by(remedy)
    }
}

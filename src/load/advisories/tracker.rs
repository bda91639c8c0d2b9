//! The Debian security tracker's document.
//!
//! ```json
//! {"openssl": {"CVE-2026-1": {"releases": {"bookworm":
//!   {"status": "resolved", "fixed_version": "3.0.14-1~deb12u1", "urgency": "not yet assigned"}}}}}
//! ```
//!
//! Packages are source packages. `resolved` with a `fixed_version` means that older ones are vulnerable, `0` that none
//! ever was; `open` that no version of the release is fixed, and `undetermined` that nobody knows yet, which is not taken
//! for clean. The document has no date; its file has.
//!
//! # Source
//! The JSON data of <https://security-tracker.debian.org/tracker/data/json>, and the meaning of its words in
//! <https://security-team.debian.org/security_tracker.html>.

use super::Portion;
use crate::model::{Advisories, Advisory, Severity, Span, Until};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use std::collections::HashMap;
use std::fmt;

#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    releases: HashMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: Status,
    fixed_version: Option<String>,
    urgency: Option<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Status {
    Resolved,
    Open,
    Undetermined,
    #[serde(other)]
    Unknown,
}

pub(super) fn parse(bytes: &[u8], changed: Timestamp) -> Result<Portion, serde_json::Error> {
    let mut advisories = Advisories::default();
    let mut document = serde_json::Deserializer::from_slice(bytes);
    Packages(&mut advisories).deserialize(&mut document)?;
    document.end()?;
    Ok(Portion { advisories, newest: Some(changed) })
}

/// Reads package by package, so that the whole document is never there as values.
struct Packages<'a>(&'a mut Advisories);

impl<'de> DeserializeSeed<'de> for Packages<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, document: D) -> Result<(), D::Error> {
        document.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("source packages with their vulnerabilities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut packages: A) -> Result<(), A::Error> {
        while let Some((source, issues)) = packages.next_entry::<String, HashMap<String, Issue>>()? {
            for (id, issue) in issues {
                for (codename, release) in issue.releases {
                    self.0.cover("debian", &codename);
                    if let Some(advisory) = advisory(&id, release) {
                        self.0.add("debian", &codename, &source, advisory);
                    }
                }
            }
        }
        Ok(())
    }
}

/// None where no version of the release is or was vulnerable.
fn advisory(id: &str, release: Release) -> Option<Advisory> {
    let until = match (release.status, release.fixed_version) {
        (_, Some(fixed)) if fixed == "0" => return None,
        (Status::Resolved, None) => return None,
        (_, Some(fixed)) => Until::Fixed(fixed.into()),
        (Status::Open | Status::Undetermined | Status::Unknown, None) => Until::Never,
    };
    Some(Advisory {
        vulnerabilities: vec![id.into()],
        id: None,
        spans: vec![Span { from: None, until }],
        severity: release.urgency.as_deref().and_then(severity),
        only_with: None,
    })
}

/// A star behind an urgency says that Debian's own people gave it.
fn severity(urgency: &str) -> Option<Severity> {
    match urgency.trim_end_matches('*') {
        "unimportant" => Some(Severity::Info),
        "low" | "end-of-life" => Some(Severity::Low),
        "medium" => Some(Severity::Medium),
        "high" => Some(Severity::High),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReleaseName;

    fn of(source: &str) -> Vec<Advisory> {
        let bytes = include_bytes!("example_tracker.json");
        let portion = parse(bytes, Timestamp::UNIX_EPOCH).unwrap();
        let release = ReleaseName { distribution: "debian", version: "", codename: "bookworm" };
        let mut all: Vec<Advisory> = portion.advisories.of(release, source).into_iter().cloned().collect();
        all.sort_by_key(|advisory| advisory.vulnerabilities.clone());
        all
    }

    #[test]
    fn every_status_says_which_versions_are_vulnerable() {
        let libfoo = of("libfoo");
        let said: Vec<(&str, &Until, Option<Severity>)> =
            libfoo.iter().map(|one| (&*one.vulnerabilities[0], &one.spans[0].until, one.severity)).collect();
        assert_eq!(
            said,
            [
                ("CVE-2026-1001", &Until::Fixed("1.1".into()), Some(Severity::High)),
                ("CVE-2026-1002", &Until::Never, None),
                ("CVE-2026-1004", &Until::Never, Some(Severity::Info)),
                ("TEMP-0000001-ABCDEF", &Until::Never, None),
            ],
            "CVE-2026-1003 never touched this release"
        );
    }
}

//! Advisories in the format of OSV: one, or a list of them, in a document.
//!
//! ```json
//! {"id": "UBUNTU-CVE-2026-1", "modified": "2026-11-20T08:00:00Z", "upstream": ["CVE-2026-1"], "affected": [
//!   {"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "openssl"}, "ranges": [
//!     {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.2-0ubuntu1.20"}]}]}]}
//! ```
//!
//! Of ecosystems those are read whose versions dpkg orders: `Debian:12`, `Ubuntu:22.04:LTS`, and `Ubuntu:Pro:…`, whose
//! fixes come with Ubuntu Pro alone. Packages are source packages. What was withdrawn says nothing.
//!
//! # Source
//! The schema of <https://ossf.github.io/osv-schema/>, version 1.7.

use super::{Portion, cvss};
use crate::model::{Advisories, Advisory, Severity, Span, Until};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    modified: Timestamp,
    withdrawn: Option<IgnoredAny>,
    aliases: Option<Vec<String>>,
    upstream: Option<Vec<String>>,
    related: Option<Vec<String>>,
    severity: Option<Vec<Score>>,
    affected: Option<Vec<Affected>>,
}

#[derive(Deserialize)]
struct Score {
    r#type: String,
    score: String,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Package>,
    ranges: Option<Vec<Range>>,
    versions: Option<Vec<String>>,
    severity: Option<Vec<Score>>,
    ecosystem_specific: Option<Specific>,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    r#type: String,
    events: Vec<RangeEvent>,
}

#[derive(Deserialize)]
struct RangeEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
}

#[derive(Deserialize)]
struct Specific {
    urgency: Option<String>,
    ubuntu_priority: Option<String>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Portion, serde_json::Error> {
    let entries = match bytes.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice::<Vec<Entry<'_>>>(bytes)?,
        _ => vec![serde_json::from_slice::<Entry<'_>>(bytes)?],
    };
    let mut portion = Portion::default();
    for entry in entries {
        portion.newest = portion.newest.max(Some(entry.modified));
        if entry.withdrawn.is_none() {
            take(entry, &mut portion.advisories);
        }
    }
    Ok(portion)
}

fn take(entry: Entry<'_>, advisories: &mut Advisories) {
    let (vulnerabilities, id) = names(&entry);
    let general = entry.severity.as_deref().and_then(severity);
    for affected in entry.affected.into_iter().flatten() {
        let Some(package) = &affected.package else { continue };
        let Some(release) = release(&package.ecosystem) else { continue };
        advisories.cover(release.distribution, release.version);
        let own = affected.severity.as_deref().and_then(severity);
        let specific = affected.ecosystem_specific.as_ref();
        let words = specific.into_iter().flat_map(|s| [&s.ubuntu_priority, &s.urgency]).flatten();
        let urgency = words.filter_map(|word| cvss::word(word)).max();
        let spans = spans(&affected);
        if spans.is_empty() {
            continue;
        }
        let advisory = Advisory {
            vulnerabilities: vulnerabilities.clone(),
            id: id.clone(),
            spans,
            severity: urgency.or(own).or(general),
            only_with: release.only_with,
        };
        advisories.add(release.distribution, release.version, &package.name, advisory);
    }
}

/// The CVE ids that it is about, and its own id where that is not just one of them with a prefix.
fn names(entry: &Entry<'_>) -> (Vec<Box<str>>, Option<Box<str>>) {
    let own = entry.id.as_ref();
    let bare = ["UBUNTU-", "DEBIAN-"].into_iter().find_map(|prefix| own.strip_prefix(prefix)).unwrap_or(own);
    let cves_of = |lists: &[&Option<Vec<String>>]| -> Vec<Box<str>> {
        let ids = lists.iter().copied().flatten().flatten().map(String::as_str);
        ids.filter(|id| id.starts_with("CVE-")).map(Box::from).collect()
    };
    let mut cves = match bare.starts_with("CVE-") {
        true => vec![bare.into()],
        false => cves_of(&[&entry.aliases, &entry.upstream]),
    };
    // Older entries have nothing but what is related.
    if cves.is_empty() {
        cves = cves_of(&[&entry.related]);
    }
    cves.sort_unstable();
    cves.dedup();
    match cves.is_empty() {
        true => (vec![own.into()], None),
        false if bare.starts_with("CVE-") => (cves, None),
        false => (cves, Some(own.into())),
    }
}

/// The distribution and release that an ecosystem means.
struct Release<'a> {
    distribution: &'static str,
    version: &'a str,
    only_with: Option<&'static str>,
}

fn release(ecosystem: &str) -> Option<Release<'_>> {
    let mut words = ecosystem.split(':');
    match (words.next()?, words.next()?) {
        ("Debian", version) => Some(Release { distribution: "debian", version, only_with: None }),
        // Variants such as FIPS have packages of their own and say nothing of the plain ones.
        ("Ubuntu", "Pro") => {
            let version = words.next().filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
            Some(Release { distribution: "ubuntu", version, only_with: Some("Ubuntu Pro") })
        }
        ("Ubuntu", version) if version.starts_with(|c: char| c.is_ascii_digit()) => {
            Some(Release { distribution: "ubuntu", version, only_with: None })
        }
        _ => None,
    }
}

/// The ranges; where there are none, each version that is listed.
fn spans(affected: &Affected) -> Vec<Span> {
    let ranges = affected.ranges.iter().flatten().filter(|range| range.r#type == "ECOSYSTEM");
    let mut spans: Vec<Span> = ranges.flat_map(|range| of_range(&range.events)).collect();
    if spans.is_empty() {
        let single = |version: &String| Span {
            from: Some(version.as_str().into()),
            until: Until::Last(version.as_str().into()),
        };
        spans.extend(affected.versions.iter().flatten().map(single));
    }
    spans
}

fn of_range(events: &[RangeEvent]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut from: Option<Option<Box<str>>> = None;
    for event in events {
        if let Some(introduced) = &event.introduced {
            from = Some(Some(introduced.as_str()).filter(|version| *version != "0").map(Box::from));
        }
        let until = match (&event.fixed, &event.last_affected) {
            (Some(fixed), _) => Until::Fixed(fixed.as_str().into()),
            (None, Some(last)) => Until::Last(last.as_str().into()),
            (None, None) => continue,
        };
        spans.extend(from.take().map(|from| Span { from, until }));
    }
    spans.extend(from.map(|from| Span { from, until: Until::Never }));
    spans
}

/// A distribution's own word counts before a score.
fn severity(scores: &[Score]) -> Option<Severity> {
    let word =
        scores.iter().find(|score| score.r#type == "Ubuntu").and_then(|score| cvss::word(&score.score));
    word.or_else(|| scores.iter().filter_map(|score| cvss::severity(&score.score)).max())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReleaseName;

    fn of(text: &str, version: &str, source: &str) -> Vec<Advisory> {
        let portion = parse(text.as_bytes()).unwrap();
        let distribution = if version.contains('.') { "ubuntu" } else { "debian" };
        let release = ReleaseName { distribution, version, codename: "" };
        portion.advisories.of(release, source).into_iter().cloned().collect()
    }

    #[test]
    fn an_ubuntu_advisory_is_read_for_its_releases_and_pro_is_told_apart() {
        let text = include_str!("example_osv_ubuntu.json");
        let jammy = of(text, "22.04", "foo");
        assert_eq!(jammy.len(), 1);
        assert_eq!(*jammy[0].vulnerabilities, [Box::from("CVE-2026-1")]);
        assert_eq!(jammy[0].spans, [Span { from: None, until: Until::Fixed("1.0-1ubuntu0.1".into()) }]);
        assert_eq!((jammy[0].severity, jammy[0].only_with), (Some(Severity::Medium), None));
        let focal = of(text, "20.04", "foo");
        assert_eq!(focal[0].only_with, Some("Ubuntu Pro"));
        assert!(of(text, "22.04", "foo-fips").is_empty());
    }

    #[test]
    fn a_debian_advisory_names_its_cves_and_itself() {
        let text = r#"[{"id": "DSA-5999-1", "modified": "2026-11-01T00:00:00Z", "upstream": ["CVE-2026-7", "CVE-2026-5"],
            "affected": [{"package": {"ecosystem": "Debian:12", "name": "foo"}, "ranges": [{"type": "ECOSYSTEM",
            "events": [{"introduced": "0"}, {"fixed": "1.1"}, {"introduced": "2.0"}, {"last_affected": "2.3"},
            {"introduced": "3.0"}]}, {"type": "GIT", "events": []}]}]},
            {"id": "DSA-1-1", "modified": "2026-10-01T00:00:00Z", "withdrawn": "2026-10-02T00:00:00Z", "affected":
            [{"package": {"ecosystem": "Debian:12", "name": "foo"}, "versions": ["1"]}]}]"#;
        let all = of(text, "12", "foo");
        assert_eq!(all.len(), 1);
        assert_eq!(*all[0].vulnerabilities, [Box::from("CVE-2026-5"), Box::from("CVE-2026-7")]);
        assert_eq!(all[0].id.as_deref(), Some("DSA-5999-1"));
        let ends: Vec<&Until> = all[0].spans.iter().map(|span| &span.until).collect();
        assert_eq!(ends, [&Until::Fixed("1.1".into()), &Until::Last("2.3".into()), &Until::Never]);
    }
}

//! Which vulnerabilities a version of a source package has, by the advisories: pure comparison of versions, as dpkg
//! orders them.

use crate::model::{Advisories, Advisory, Finding, ReleaseName, Severity, Span, Until};
use crate::questions::packages::apt::SourcePackage;
use crate::questions::packages::debian_order;
use crate::questions::release::Release;
use std::collections::{BTreeMap, BTreeSet};

/// Architectures whose signed kernels Debian builds from a source of their own.
const SIGNED_BY_ARCHITECTURE: [&str; 3] = ["amd64", "arm64", "i386"];

/// A vulnerability of an installed version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Vulnerability {
    /// Its id.
    pub id: String,
    /// The version that puts it right, and what one needs to get it, if that is more than everybody's updates.
    pub fix: Option<(String, Option<&'static str>)>,
    /// How bad it is, where somebody says so.
    pub severity: Option<Severity>,
    /// Advisories that are about it.
    pub advisories: BTreeSet<String>,
}

impl Vulnerability {
    /// The version that everybody's updates bring.
    pub fn available(&self) -> Option<&str> {
        self.fix.as_ref().filter(|(_, with)| with.is_none()).map(|(version, _)| version.as_str())
    }
}

/// The release under the names that feeds use.
pub(super) fn named(release: &Release) -> ReleaseName<'_> {
    ReleaseName { distribution: &release.id, version: &release.version, codename: &release.codename }
}

/// The vulnerabilities of a version, by their ids.
pub(super) fn vulnerabilities(
    advisories: &Advisories,
    release: ReleaseName<'_>,
    source: &str,
    version: &str,
) -> Vec<Vulnerability> {
    let all = advisories.of(release, source);
    let mut found: BTreeMap<&str, Vulnerability> = BTreeMap::new();
    for advisory in &all {
        let Some(until) = touching(advisory, version) else { continue };
        for id in &advisory.vulnerabilities {
            let new = || Vulnerability {
                id: id.to_string(),
                fix: None,
                severity: None,
                advisories: BTreeSet::new(),
            };
            found.entry(id).or_insert_with(new).learn(advisory, until);
        }
    }
    // Who has the fix from elsewhere has it, whatever is said of those who don't.
    for advisory in all.iter().filter(|advisory| advisory.only_with.is_some()) {
        if has_fix(advisory, version) {
            advisory.vulnerabilities.iter().for_each(|id| drop(found.remove(&**id)));
        }
    }
    found.into_values().collect()
}

impl Vulnerability {
    fn learn(&mut self, advisory: &Advisory, until: &Until) {
        self.severity = self.severity.max(advisory.severity);
        self.advisories.extend(advisory.id.as_deref().map(str::to_owned));
        let Until::Fixed(fixed) = until else { return };
        let better = match &self.fix {
            None => true,
            Some((_, Some(_))) => advisory.only_with.is_none(),
            Some((known, None)) => advisory.only_with.is_none() && debian_order(fixed, known).is_gt(),
        };
        if better {
            self.fix = Some((fixed.to_string(), advisory.only_with));
        }
    }
}

/// Where the vulnerable versions end among which this one is.
fn touching<'a>(advisory: &'a Advisory, version: &str) -> Option<&'a Until> {
    let inside = |span: &&Span| {
        let begun = span.from.as_deref().is_none_or(|from| debian_order(from, version).is_le());
        begun
            && match &span.until {
                Until::Fixed(fixed) => debian_order(version, fixed).is_lt(),
                Until::Last(last) => debian_order(version, last).is_le(),
                Until::Never => true,
            }
    };
    advisory.spans.iter().find(inside).map(|span| &span.until)
}

fn has_fix(advisory: &Advisory, version: &str) -> bool {
    let fixed =
        |span: &Span| matches!(&span.until, Until::Fixed(fixed) if debian_order(version, fixed).is_ge());
    advisory.spans.iter().any(fixed) && touching(advisory, version).is_none()
}

/// The sources of what is installed, each with the version that counts: the oldest one that is there, but of kernels
/// the newest, since older ones stay installed beside it and are not run.
pub(super) fn sources(packages: &[SourcePackage]) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for package in packages {
        let (source, version) = unsigned(&package.source, &package.source_version);
        let newest = source == "linux" || source.starts_with("linux-");
        match all.get(&source).map(|known| debian_order(&version, known)) {
            Some(order) if order.is_eq() || order.is_gt() != newest => {}
            _ => drop(all.insert(source, version)),
        }
    }
    all
}

/// Signed kernels have a source of their own, which no advisory names: that of the kernel, and its version.
pub(super) fn unsigned(source: &str, version: &str) -> (String, String) {
    let Some(rest) = source.strip_prefix("linux-signed") else {
        return (source.to_owned(), version.to_owned());
    };
    if rest.strip_prefix('-').is_some_and(|architecture| SIGNED_BY_ARCHITECTURE.contains(&architecture)) {
        return ("linux".into(), version.replacen('+', "-", 1));
    }
    (format!("linux{rest}"), version.to_owned())
}

/// A version without the mark of a rebuild: `1.0-1+b2` is built from the source 1.0-1.
fn without_rebuild(version: &str) -> &str {
    match version.rsplit_once("+b") {
        Some((source, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => source,
        _ => version,
    }
}

/// What an update of a package puts right: the vulnerabilities that the installed version has and the other one has not.
/// Nothing where the package's versions are not those of its source.
pub(super) fn fixed_by(
    advisories: &Advisories,
    release: ReleaseName<'_>,
    package: &SourcePackage,
    to: &str,
) -> Vec<Vulnerability> {
    let (source, version) = unsigned(&package.source, &package.source_version);
    if without_rebuild(&package.version) != package.source_version {
        return Vec::new();
    }
    let (_, to) = unsigned(&package.source, without_rebuild(to));
    let left: BTreeSet<String> =
        vulnerabilities(advisories, release, &source, &to).into_iter().map(|one| one.id).collect();
    let now = vulnerabilities(advisories, release, &source, &version);
    now.into_iter().filter(|one| !left.contains(&one.id)).collect()
}

/// Gives the finding of a security update the vulnerabilities that it puts right; a critical one makes it critical.
pub(super) fn refer_to(
    finding: &mut Finding,
    advisories: &Advisories,
    release: ReleaseName<'_>,
    packages: &[SourcePackage],
) {
    let about = finding.id.split_once('/').map_or("", |(_, about)| about);
    let name = about.split(':').next().unwrap_or_default();
    let package = packages.iter().find(|package| package.package == name);
    let (Some(package), Some(to)) = (package, &finding.available) else { return };
    let fixed = fixed_by(advisories, release, package, to);
    finding.references = references(&fixed);
    if fixed.iter().any(|one| one.severity == Some(Severity::Critical)) {
        finding.severity = Severity::Critical;
    }
}

/// Ids for a finding: vulnerabilities first, then the advisories about them.
pub(super) fn references<'a>(vulnerabilities: impl IntoIterator<Item = &'a Vulnerability>) -> Vec<String> {
    let (mut ids, mut advisories) = (Vec::new(), BTreeSet::new());
    for one in vulnerabilities {
        ids.push(one.id.clone());
        advisories.extend(one.advisories.iter().cloned());
    }
    ids.extend(advisories);
    ids
}

#[cfg(test)]
pub(super) mod cases {
    use super::*;

    pub const BOOKWORM: ReleaseName<'_> =
        ReleaseName { distribution: "debian", version: "12", codename: "bookworm" };

    pub fn advisory(id: &str, until: Until, severity: Option<Severity>) -> Advisory {
        let spans = vec![Span { from: None, until }];
        Advisory { vulnerabilities: vec![id.into()], id: None, spans, severity, only_with: None }
    }

    /// What a feed says of `foo` in bookworm.
    pub fn advisories(all: Vec<Advisory>) -> Advisories {
        let mut advisories = Advisories::default();
        all.into_iter().for_each(|one| advisories.add("debian", "bookworm", "foo", one));
        advisories
    }

    pub fn package(package: &str, version: &str, source: &str, source_version: &str) -> SourcePackage {
        let [package, version, source, source_version] =
            [package, version, source, source_version].map(str::to_owned);
        SourcePackage { package, version, source, source_version }
    }
}

#[cfg(test)]
mod tests {
    use super::cases::*;
    use super::*;

    fn ids(advisories: &Advisories, version: &str) -> Vec<String> {
        vulnerabilities(advisories, BOOKWORM, "foo", version).into_iter().map(|one| one.id).collect()
    }

    #[test]
    fn a_version_is_vulnerable_by_dpkgs_order() {
        let all = advisories(vec![
            advisory("CVE-1", Until::Fixed("1.10".into()), None),
            advisory("CVE-2", Until::Never, None),
            advisory("CVE-3", Until::Last("1.0~rc1".into()), None),
        ]);
        assert_eq!(ids(&all, "1.9"), ["CVE-1", "CVE-2"]);
        assert_eq!(ids(&all, "1.10"), ["CVE-2"]);
        assert_eq!(ids(&all, "1.10~1"), ["CVE-1", "CVE-2"]);
        assert_eq!(ids(&all, "1.0~rc1"), ["CVE-1", "CVE-2", "CVE-3"]);
        assert_eq!(ids(&all, "1:0.1"), ["CVE-2"]);
        assert!(vulnerabilities(&all, BOOKWORM, "bar", "1").is_empty());
    }

    #[test]
    fn two_feeds_make_one_vulnerability_with_the_fix_and_the_worse_word() {
        let all = advisories(vec![
            advisory("CVE-1", Until::Never, Some(Severity::Critical)),
            advisory("CVE-1", Until::Fixed("1.1".into()), Some(Severity::Low)),
        ]);
        let found = vulnerabilities(&all, BOOKWORM, "foo", "1.0");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].available(), found[0].severity), (Some("1.1"), Some(Severity::Critical)));
    }

    #[test]
    fn a_fix_from_elsewhere_is_no_update_and_whoever_has_it_is_not_vulnerable() {
        let pro = Advisory {
            only_with: Some("Ubuntu Pro"),
            ..advisory("CVE-1", Until::Fixed("1.0-1~esm1".into()), None)
        };
        let all = advisories(vec![pro, advisory("CVE-1", Until::Never, None)]);
        let found = vulnerabilities(&all, BOOKWORM, "foo", "0.9");
        assert_eq!((found[0].available(), found[0].fix.clone().unwrap().1), (None, Some("Ubuntu Pro")));
        assert!(ids(&all, "1.0-1~esm1").is_empty());
    }

    #[test]
    fn kernels_count_by_the_newest_and_everything_else_by_the_oldest() {
        let all = sources(&[
            package("libfoo1", "1.0", "foo", "1.0"),
            package("libfoo2", "2.0", "foo", "2.0"),
            package("linux-image-6.1.0-9-amd64", "6.1.27-1", "linux-signed-amd64", "6.1.27+1"),
            package("linux-image-6.1.0-31-amd64", "6.1.128-1", "linux-signed-amd64", "6.1.128+1"),
            package("linux-image-6.8-generic", "6.8.0-1.1", "linux-signed-hwe-6.8", "6.8.0-1.1"),
        ]);
        let all: Vec<(&str, &str)> =
            all.iter().map(|(source, version)| (source.as_str(), version.as_str())).collect();
        assert_eq!(all, [("foo", "1.0"), ("linux", "6.1.128-1"), ("linux-hwe-6.8", "6.8.0-1.1")]);
    }

    #[test]
    fn an_update_puts_right_what_the_new_version_has_no_more() {
        let all = advisories(vec![
            advisory("CVE-1", Until::Fixed("1.1".into()), None),
            advisory("CVE-2", Until::Fixed("1.2".into()), None),
            advisory("CVE-3", Until::Never, None),
        ]);
        let fixed = |package: SourcePackage, to: &str| references(&fixed_by(&all, BOOKWORM, &package, to));
        assert_eq!(fixed(package("libfoo", "1.0+b2", "foo", "1.0"), "1.1"), ["CVE-1"]);
        assert_eq!(fixed(package("libfoo", "1.0", "foo", "1.0"), "1.2+b1"), ["CVE-1", "CVE-2"]);
        assert!(fixed(package("foo-tools", "4:1.0", "foo", "1.0"), "4:1.2").is_empty());
    }

    #[test]
    fn the_finding_of_a_security_update_says_what_it_puts_right() {
        let all = advisories(vec![advisory("CVE-1", Until::Fixed("1.1".into()), Some(Severity::Critical))]);
        let kind = crate::model::FindingKind::SecurityUpdate;
        let finding = |about: &str| {
            Finding::new(kind, about, Severity::High, "x").versions(Some("1.0".into()), Some("1.1".into()))
        };
        let packages = [package("libfoo", "1.0", "foo", "1.0")];
        let mut update = finding("libfoo:i386");
        refer_to(&mut update, &all, BOOKWORM, &packages);
        assert_eq!(
            (update.references.as_slice(), update.severity),
            (&["CVE-1".to_owned()][..], Severity::Critical)
        );
        let mut other = finding("bar");
        refer_to(&mut other, &all, BOOKWORM, &packages);
        assert_eq!((other.references.len(), other.severity), (0, Severity::High));
    }
}

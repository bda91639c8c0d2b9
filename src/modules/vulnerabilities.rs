//! `vulnerabilities`: which source packages on a host are vulnerable by the advisories that the audit was given. Without
//! advisories it looks at nothing; what they do not cover is not assessed, and never reads as clean.

use super::advisory_match::{Vulnerability, named, references, sources, vulnerabilities};
use super::{Args, Docs, Effect, FreeForm, Host, Module, Outcome, Returned, plain_result};
use crate::model::{Advisories, Finding, FindingKind, Map, Severity, Value};
use crate::questions::Stop;
use crate::questions::packages::apt::{SourcePackage, SourcePackages};
use crate::questions::packages::debian_order;
use crate::questions::release::{Release, WhichRelease};
use serde_json::json;
use std::sync::Arc;

/// From which age on advisories are old.
const STALE_SECONDS: u64 = 7 * 86_400;
/// Most vulnerabilities that a finding's evidence lists.
const LISTED_MAX: usize = 40;

/// The module.
pub static MODULE: Module = Module {
    name: "vulnerabilities",
    aliases: &[],
    summary: "Reports which installed packages are vulnerable, by the advisories of `wgops audit --advisories`",
    params: &[],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Which packages are vulnerable
  vulnerabilities:
",
        returns: &[
            Returned { name: "assessed", help: "whether there were advisories for this release" },
            Returned {
                name: "packages",
                help: "each vulnerable package: `source`, `installed`, `available`, `references`",
            },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(_args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let Some(advisories) = host.controller.advisories() else {
        return Ok(outcome(json!({"assessed": false}), Vec::new()));
    };
    // Both are asked before either is looked at, so that they travel together.
    let (release, packages) = (host.get(WhichRelease), host.get(SourcePackages));
    Ok(match (known(release)?, known(packages)?) {
        (Ok(release), Ok(packages)) => judge(advisories, &release, packages.as_deref()),
        (Err(why), _) | (_, Err(why)) => not_assessed("what is installed could not be looked at", &why),
    })
}

/// An answer, or why there is none.
fn known<T>(answer: Result<Arc<T>, Stop>) -> Result<Result<Arc<T>, String>, Stop> {
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(Stop::Refuse(refusal)) => Ok(Err(refusal.message)),
        Err(stop) => Err(stop),
    }
}

fn judge(advisories: &Advisories, release: &Release, packages: Option<&[SourcePackage]>) -> Outcome {
    let Some(packages) = packages else {
        return not_assessed("this host has no dpkg", "advisories are compared with dpkg's packages alone");
    };
    if !advisories.covers(named(release)) {
        let of = match (release.id.as_str(), release.version.as_str(), release.codename.as_str()) {
            ("", ..) => "an unknown distribution".to_owned(),
            (id, "", codename) => format!("{id} {codename}"),
            (id, version, codename) => format!("{id} {version} {codename}"),
        };
        let about = format!("the advisories do not cover {}", of.trim_end());
        return not_assessed(&about, &format!("they cover: {}", advisories.releases().join(", ")));
    }
    let mut findings: Vec<Finding> = stale(advisories).into_iter().collect();
    let mut results = Vec::new();
    for (source, version) in sources(packages) {
        let found = vulnerabilities(advisories, named(release), &source, &version);
        if !found.is_empty() {
            let new = finding(&source, &version, found);
            results.push(json!({"source": source, "installed": version, "available": new.available, "references": new.references}));
            findings.push(new);
        }
    }
    outcome(json!({"assessed": true, "packages": results}), findings)
}

fn outcome(result: Value, findings: Vec<Finding>) -> Outcome {
    let result: Map = result.as_object().cloned().unwrap_or_default();
    Outcome { result, findings, ..Outcome::default() }
}

fn not_assessed(why: &str, evidence: &str) -> Outcome {
    let kind = FindingKind::NotAssessed;
    let title = format!("vulnerabilities are unknown: {why}");
    let finding =
        Finding::new(kind, FindingKind::Vulnerability.as_str(), Severity::Medium, title).seen(evidence);
    let remedy = "give the audit advisories of this host's release: docs/advisories.md";
    outcome(json!({"assessed": false}), vec![finding.remedied_by(remedy)])
}

fn stale(advisories: &Advisories) -> Option<Finding> {
    if advisories.age_seconds <= STALE_SECONDS {
        return None;
    }
    let days = advisories.age_seconds / 86_400;
    let feeds = advisories.feeds.iter().map(|feed| format!("{}: as of {}", feed.source, feed.newest));
    let title = format!("advisories are {days} days old: what was found since is not known");
    let finding = Finding::new(FindingKind::StaleLists, "advisories", Severity::Medium, title);
    Some(finding.seen(feeds.collect::<Vec<_>>().join("\n")).remedied_by("fetch them again"))
}

/// One finding for each source package. What has no fix yet is of little use to whoever patches.
fn finding(source: &str, version: &str, mut found: Vec<Vulnerability>) -> Finding {
    found.sort_by_key(|one| (one.available().is_none(), std::cmp::Reverse(one.severity)));
    let fixable = || found.iter().filter(|one| one.available().is_some());
    let available = fixable().filter_map(Vulnerability::available).max_by(|a, b| debian_order(a, b));
    let severity = match fixable().map(|one| one.severity.unwrap_or(Severity::Medium)).max() {
        Some(severity) => severity,
        None if found.iter().all(|one| one.severity == Some(Severity::Info)) => Severity::Info,
        None => Severity::Low,
    };
    let number = match found.len() {
        1 => "a vulnerability".to_owned(),
        number => format!("{number} vulnerabilities"),
    };
    let (fixes, remedy) = match (fixable().count(), available) {
        (0, _) => ("no fix yet".to_owned(), "no update puts it right yet: look whether it touches you"),
        (count, Some(to)) if count == found.len() => (format!("fixed in {to}"), "update it: wgops patch"),
        (count, _) => (format!("{count} of them with a fix"), "update it: wgops patch"),
    };
    let title = format!("{source} {version} has {number}, {fixes}");
    let kind = FindingKind::Vulnerability;
    let mut new = Finding::new(kind, source, severity, title)
        .seen(evidence(version, &found))
        .remedied_by(remedy)
        .versions(Some(version.to_owned()), available.map(str::to_owned));
    new.references = references(&found);
    new
}

fn evidence(version: &str, found: &[Vulnerability]) -> String {
    let mut lines = vec![format!("source package in version {version}")];
    for one in found.iter().take(LISTED_MAX) {
        let severity = one.severity.map(|severity| format!(" ({severity})")).unwrap_or_default();
        let fix = match &one.fix {
            Some((fixed, None)) => format!("fixed in {fixed}"),
            Some((fixed, Some(with))) => format!("fixed in {fixed}, with {with} alone"),
            None => "no fix yet".to_owned(),
        };
        lines.push(format!("{}{severity}: {fix}", one.id));
    }
    let more = found.len().saturating_sub(LISTED_MAX);
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::super::advisory_match::cases::{advisories, advisory, package};
    use super::*;
    use crate::model::{Feed, Until};

    fn bookworm() -> Release {
        let [id, version, codename] = ["debian", "12", "bookworm"].map(str::to_owned);
        Release { id, version, codename, ..Release::default() }
    }

    fn on(advisories: &Advisories, version: &str) -> Vec<Finding> {
        judge(advisories, &bookworm(), Some(&[package("libfoo", version, "foo", version)])).findings
    }

    #[test]
    fn a_vulnerable_source_package_is_one_finding_and_a_fixed_one_none() {
        let all = advisories(vec![
            advisory("CVE-1", Until::Fixed("1.1".into()), None),
            advisory("CVE-2", Until::Fixed("1.2".into()), Some(Severity::Critical)),
            advisory("CVE-3", Until::Never, None),
        ]);
        let [one] = on(&all, "1.0").try_into().unwrap();
        assert_eq!((one.id.as_str(), one.severity), ("vulnerability/foo", Severity::Critical));
        assert_eq!(one.title, "foo 1.0 has 3 vulnerabilities, 2 of them with a fix");
        assert_eq!((one.installed.as_deref(), one.available.as_deref()), (Some("1.0"), Some("1.2")));
        assert_eq!(one.references, ["CVE-2", "CVE-1", "CVE-3"]);
        assert_eq!(
            one.evidence,
            "source package in version 1.0\nCVE-2 (critical): fixed in 1.2\nCVE-1: fixed in 1.1\nCVE-3: no fix yet"
        );
        let all = advisories(vec![advisory("CVE-1", Until::Fixed("1.1".into()), None)]);
        assert!(on(&all, "1.1").is_empty());
    }

    #[test]
    fn what_has_no_fix_is_minor_and_has_no_version_to_wait_for() {
        let worst = advisories(vec![advisory("CVE-1", Until::Never, Some(Severity::Critical))]);
        let one = &on(&worst, "1.0")[0];
        assert_eq!((one.severity, one.available.as_deref()), (Severity::Low, None));
        let unimportant = advisories(vec![advisory("CVE-1", Until::Never, Some(Severity::Info))]);
        assert_eq!(on(&unimportant, "1.0")[0].severity, Severity::Info);
    }

    #[test]
    fn what_the_feeds_do_not_cover_is_not_assessed_and_names_it() {
        let all = advisories(Vec::new());
        let kali = Release { id: "kali".into(), version: "2026.3".into(), ..Release::default() };
        let uncovered = judge(&all, &kali, Some(&[]));
        assert_eq!(uncovered.findings[0].id, "not-assessed/vulnerability");
        assert_eq!(
            uncovered.findings[0].title,
            "vulnerabilities are unknown: the advisories do not cover kali 2026.3"
        );
        let all = advisories(vec![advisory("CVE-1", Until::Never, None)]);
        assert_eq!(judge(&all, &bookworm(), None).findings[0].id, "not-assessed/vulnerability");
    }

    #[test]
    fn old_advisories_are_a_finding() {
        let mut all = advisories(vec![advisory("CVE-1", Until::Fixed("1".into()), None)]);
        let newest = "2026-11-01T00:00:00Z".parse().unwrap();
        all.feeds.push(Feed { source: "debian.json".into(), newest });
        all.age_seconds = 12 * 86_400;
        let [old] = on(&all, "1.0").try_into().unwrap();
        assert_eq!((old.id.as_str(), old.severity), ("stale-lists/advisories", Severity::Medium));
        assert!(old.title.contains("12 days old") && old.evidence.contains("debian.json"));
    }
}

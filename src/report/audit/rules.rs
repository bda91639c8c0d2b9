//! Which findings a rule of `--fail-on` means.
//!
//! What could not be assessed fails like what it may hide, and at once: nobody knows how old that is. An id
//! `not-assessed/KIND…` hides findings of that kind; a few older words are known here; any other may hide everything.

use crate::model::{Finding, FindingKind, Rule, What};
use jiff::Timestamp;

/// Kinds that hang on what waits and what is installed.
const OF_PACKAGES: [FindingKind; 6] = [
    FindingKind::SecurityUpdate,
    FindingKind::Vulnerability,
    FindingKind::Update,
    FindingKind::HeldBack,
    FindingKind::BrokenPackages,
    FindingKind::ForeignPackage,
];

/// Whether a rule means this finding, as old as it is at a time.
pub(super) fn counts(rule: &Rule, finding: &Finding, at: Timestamp) -> bool {
    if !is_meant(rule.what, finding) {
        return false;
    }
    let (Some(age), Some(since)) = (rule.age, finding.since) else {
        return true;
    };
    let hides = finding.kind == FindingKind::NotAssessed
        && !matches!(rule.what, What::Any | What::Kind(FindingKind::NotAssessed));
    hides || at.duration_since(since) >= age.duration()
}

fn is_meant(what: What, finding: &Finding) -> bool {
    let hides_security = || {
        hides_kind(finding, FindingKind::SecurityUpdate) || hides_kind(finding, FindingKind::Vulnerability)
    };
    match what {
        What::Any => true,
        What::Security => match finding.kind {
            FindingKind::SecurityUpdate => true,
            FindingKind::Vulnerability => finding.available.is_some(),
            _ => hides_security(),
        },
        What::Severity(severity) => finding.severity >= severity || hides_security(),
        What::Kind(kind) => finding.kind == kind || hides_kind(finding, kind),
    }
}

/// Whether this says that something could not be assessed, behind which a finding of the kind may be.
pub fn hides_kind(finding: &Finding, kind: FindingKind) -> bool {
    let Some(about) = finding.id.strip_prefix("not-assessed/") else { return false };
    let word = about.split('/').next().unwrap_or_default();
    match word {
        "kernel" | "reboot" => kind == FindingKind::RebootNeeded,
        "services" => kind == FindingKind::ServiceRestart,
        "updates" | "refresh" | "packages" | "package-manager" | "package-database" | "security-source" => {
            OF_PACKAGES.contains(&kind)
        }
        word => word.parse::<FindingKind>().map_or(true, |hidden| hidden == kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Severity;

    fn finding(id: &str, severity: Severity) -> Finding {
        let (kind, about) = id.split_once('/').unwrap_or((id, ""));
        Finding::new(kind.parse().unwrap(), about, severity, "x")
    }

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn fails(rule: &str, finding: &Finding) -> bool {
        counts(&rule.parse().unwrap(), finding, now())
    }

    #[test]
    fn rules_mean_kinds_and_severities() {
        let cases = [
            ("security", "security-update/x", Severity::High, true),
            ("security", "update/x", Severity::Critical, false),
            ("any", "update/x", Severity::Info, true),
            ("high", "update/x", Severity::Critical, true),
            ("high", "update/x", Severity::Medium, false),
            ("reboot-needed", "reboot-needed", Severity::Info, true),
            ("reboot-needed", "update/x", Severity::High, false),
            ("vulnerability", "vulnerability/x", Severity::Low, true),
        ];
        for (rule, id, severity, expected) in cases {
            assert_eq!(fails(rule, &finding(id, severity)), expected, "{rule} {id}");
        }
    }

    #[test]
    fn a_vulnerability_fails_for_security_where_there_is_a_fix() {
        let vulnerable = finding("vulnerability/openssl", Severity::Low);
        assert!(!fails("security", &vulnerable));
        assert!(fails("security", &vulnerable.versions(Some("1".into()), Some("2".into()))));
    }

    #[test]
    fn what_could_not_be_assessed_fails_like_what_it_may_hide() {
        let cases = [
            ("security", "not-assessed/unreachable", true),
            ("security", "not-assessed/unheard-of", true),
            ("security", "not-assessed/updates", true),
            ("security", "not-assessed/vulnerability", true),
            ("security", "not-assessed/services", false),
            ("security", "not-assessed/kernel", false),
            ("security", "not-assessed/low-disk/var", false),
            ("security", "not-assessed/check/backup", false),
            ("critical", "not-assessed/updates", true),
            ("critical", "not-assessed/services", false),
            ("reboot-needed", "not-assessed/kernel", true),
            ("reboot-needed", "not-assessed/updates", false),
            ("reboot-needed", "not-assessed/unreachable", true),
            ("low-disk", "not-assessed/low-disk/var", true),
            ("not-assessed", "not-assessed/services", true),
        ];
        for (rule, id, expected) in cases {
            assert_eq!(fails(rule, &finding(id, Severity::Medium)), expected, "{rule} {id}");
        }
    }

    #[test]
    fn an_age_spares_what_is_younger_and_nothing_of_unknown_age() {
        let aged = |id: &str, since: &str| Finding {
            since: Some(since.parse().unwrap()),
            ..finding(id, Severity::High)
        };
        assert!(fails("security:7d", &aged("security-update/x", "2026-11-18T12:00:00Z")));
        assert!(!fails("security:7d", &aged("security-update/x", "2026-11-18T12:00:01Z")));
        assert!(!fails("security:1h", &aged("security-update/x", "2031-01-01T00:00:00Z")));
        assert!(fails("security:7d", &finding("security-update/x", Severity::High)));
        assert!(fails("security:7d", &aged("not-assessed/updates", "2026-11-25T11:59:00Z")));
        assert!(!fails("not-assessed:7d", &aged("not-assessed/updates", "2026-11-25T11:59:00Z")));
    }
}

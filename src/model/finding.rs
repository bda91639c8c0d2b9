//! Findings: what an audit says about a host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One thing that an audit found on one host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Stable from run to run: the kind and what it is about, `security-update/openssl`.
    pub id: String,
    /// What kind of thing was found.
    pub kind: FindingKind,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub title: String,
    /// What was seen on the host.
    pub evidence: String,
    /// What to do about it.
    pub remedy: String,
    /// Advisories and CVE ids that it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Since when it has been known here, where somebody keeps count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The version that is installed, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
    /// The version that would put it right, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available: Option<String>,
    /// Whether a playbook made its words of what it read on a host.
    #[serde(skip)]
    pub is_read: bool,
}

impl Finding {
    /// A finding of a kind about something: the two make its id, `security-update/openssl`.
    pub fn new(kind: FindingKind, about: &str, severity: Severity, title: impl Into<String>) -> Self {
        let id = if about.is_empty() { kind.to_string() } else { format!("{kind}/{about}") };
        Self {
            id,
            kind,
            severity,
            title: title.into(),
            evidence: String::new(),
            remedy: String::new(),
            references: Vec::new(),
            since: None,
            installed: None,
            available: None,
            is_read: false,
        }
    }

    /// The same with what was seen.
    #[must_use]
    pub fn seen(self, evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), ..self }
    }

    /// The same with the version that is installed, and the one that would put it right.
    #[must_use]
    pub fn versions(self, installed: Option<String>, available: Option<String>) -> Self {
        Self { installed, available, ..self }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn remedied_by(self, remedy: impl Into<String>) -> Self {
        Self { remedy: remedy.into(), ..self }
    }
}

/// The kinds of findings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A security update waits.
    SecurityUpdate,
    /// A vulnerability that advisories know of touches what is installed.
    Vulnerability,
    /// Something could not be looked at; it never counts as clean.
    NotAssessed,
    /// The release gets no security updates any more, or soon will not.
    EndOfLife,
    /// A package source is unsigned, or fails.
    Repository,
    /// A new kernel or library needs a reboot.
    RebootNeeded,
    /// A service still runs on files that were replaced.
    ServiceRestart,
    /// Another update waits.
    Update,
    /// A package is held, or kept back, and why.
    HeldBack,
    /// Package lists are old.
    StaleLists,
    /// A package operation was interrupted or left half done.
    BrokenPackages,
    /// How the host updates itself is not as it should be.
    AutomaticUpdates,
    /// A package comes from no source that the host has.
    ForeignPackage,
    /// A unit of systemd has failed.
    FailedUnit,
    /// A file system is nearly full.
    LowDisk,
    /// A suppression of a finding has expired, or suppresses nothing.
    Suppression,
    /// A playbook's own check.
    Check,
}

/// How bad a finding is, worst last.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Some day.
    Low,
    /// Soon.
    Medium,
    /// Now.
    High,
    /// At once.
    Critical,
}

impl FindingKind {
    /// Every kind, in the order in which equally bad ones are shown.
    pub const ALL: [Self; 17] = [
        Self::SecurityUpdate,
        Self::Vulnerability,
        Self::NotAssessed,
        Self::EndOfLife,
        Self::Repository,
        Self::RebootNeeded,
        Self::ServiceRestart,
        Self::Update,
        Self::HeldBack,
        Self::StaleLists,
        Self::BrokenPackages,
        Self::AutomaticUpdates,
        Self::ForeignPackage,
        Self::FailedUnit,
        Self::LowDisk,
        Self::Suppression,
        Self::Check,
    ];

    /// The word in ids and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecurityUpdate => "security-update",
            Self::Vulnerability => "vulnerability",
            Self::NotAssessed => "not-assessed",
            Self::EndOfLife => "end-of-life",
            Self::Repository => "repository",
            Self::RebootNeeded => "reboot-needed",
            Self::ServiceRestart => "service-restart",
            Self::Update => "update",
            Self::HeldBack => "held-back",
            Self::StaleLists => "stale-lists",
            Self::BrokenPackages => "broken-packages",
            Self::AutomaticUpdates => "automatic-updates",
            Self::ForeignPackage => "foreign-package",
            Self::FailedUnit => "failed-unit",
            Self::LowDisk => "low-disk",
            Self::Suppression => "suppression",
            Self::Check => "check",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for FindingKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

impl Severity {
    /// Every severity, the worst last.
    pub const ALL: [Self; 5] = [Self::Info, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl FromStr for Severity {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_severities_are_read_as_they_are_written() {
        for kind in FindingKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for severity in Severity::ALL {
            assert_eq!(severity.to_string().parse(), Ok(severity));
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.as_str());
        }
        assert!(Severity::ALL.is_sorted());
    }
}

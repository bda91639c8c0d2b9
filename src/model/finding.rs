//! Findings: what an audit says about a host.

use serde::{Deserialize, Serialize};
use std::fmt;

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
}

/// The kinds of findings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// A security update waits.
    SecurityUpdate,
    /// Something could not be looked at; it never counts as clean.
    NotAssessed,
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

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SecurityUpdate => "security-update",
            Self::NotAssessed => "not-assessed",
            Self::RebootNeeded => "reboot-needed",
            Self::ServiceRestart => "service-restart",
            Self::Update => "update",
            Self::HeldBack => "held-back",
            Self::StaleLists => "stale-lists",
            Self::BrokenPackages => "broken-packages",
            Self::Check => "check",
        })
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

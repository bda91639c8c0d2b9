//! By what an audit is judged: rules, suppressions, a baseline, advisories. It travels with the run's events, so that a
//! run that is replayed is judged as it was then.

use super::{FailOn, FindingKind, HostName, RunId, Severity};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By what an audit is judged.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Judging {
    /// When.
    pub at: Timestamp,
    /// What it fails on.
    pub fail_on: FailOn,
    /// The playbooks that looked.
    #[serde(default)]
    pub playbooks: Vec<String>,
    /// Since when somebody keeps count of ages; none: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_since: Option<Timestamp>,
    /// An earlier audit: only what is new since then fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// What is not to fail, why, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressions: Vec<Suppression>,
    /// The advisories that installed packages were compared with; none: nobody looked for vulnerabilities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<Feed>,
}

/// Findings that are not to fail, for a while.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Suppression {
    /// Ids of findings; `*` stands for any text.
    pub id: Glob,
    /// The hosts as somebody wrote them.
    pub pattern: String,
    /// The hosts that are meant.
    pub hosts: Vec<HostName>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it counts, in UTC.
    pub until: Date,
    /// File and line where it stands.
    pub place: String,
}

/// An earlier audit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// When it was judged.
    pub at: Timestamp,
    /// What was found on each host that it looked at, by id.
    pub hosts: BTreeMap<HostName, BTreeMap<String, Known>>,
}

/// A finding of an earlier audit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Known {
    /// Its kind.
    pub kind: FindingKind,
    /// How bad it was.
    pub severity: Severity,
    /// The version that was installed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installed: Option<String>,
}

/// Advisories that were read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feed {
    /// The file or folder.
    pub source: String,
    /// How new the newest of them is.
    pub newest: Timestamp,
}

/// A text in which `*` stands for any text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Glob(String);

impl Judging {
    /// Whether the audit's own playbook looked, so that what was not found is not there.
    pub fn is_whole(&self) -> bool {
        self.playbooks.iter().any(|playbook| playbook.ends_with("playbooks/audit.yml"))
    }

    /// The day, in UTC.
    pub fn today(&self) -> Date {
        self.at.to_zoned(jiff::tz::TimeZone::UTC).date()
    }
}

impl Suppression {
    /// Whether it means a finding of this id on this host, expired or not.
    pub fn means(&self, host: &HostName, id: &str) -> bool {
        self.id.fits(id) && self.hosts.contains(host)
    }
}

impl Glob {
    /// Every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the whole text looks like this.
    pub fn fits(&self, text: &str) -> bool {
        let mut parts: Vec<&str> = self.0.split('*').collect();
        let first = parts.remove(0);
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        let fits = |glob: &str, text: &str| Glob::new(glob).fits(text);
        assert!(fits("update/htop", "update/htop"));
        assert!(fits("update/*", "update/htop") && fits("*/htop", "update/htop") && fits("*", ""));
        assert!(fits("a*b*c", "aXbYc") && fits("a*b*c", "abbc"));
        assert!(!fits("update/h", "update/htop") && !fits("a*b*c", "acb") && !fits("ab*ba", "aba"));
    }
}

//! A baseline: the report that an earlier audit wrote with `--format json`, against which a later one is held.
//!
//! What was suppressed then is not taken as known: it counts again when its suppression ends.

use super::problem::Problem;
use crate::model::{Baseline, FindingKind, HostName, Known, RunId, Severity};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Largest report that is read.
const BYTES_MAX: u64 = 256 << 20;
/// The version of the report.
const VERSION: u32 = 1;
const KIND: &str = "wgops-audit";

#[derive(Deserialize)]
struct Head {
    version: u32,
    kind: String,
}

#[derive(Deserialize)]
struct Report {
    run: Option<RunId>,
    time: Option<Timestamp>,
    #[serde(default)]
    playbooks: Vec<String>,
    hosts: Vec<Host>,
    findings: Vec<Found>,
}

#[derive(Deserialize)]
struct Host {
    name: HostName,
    assessed: bool,
}

#[derive(Deserialize)]
struct Found {
    host: HostName,
    id: String,
    kind: FindingKind,
    severity: Severity,
    installed: Option<String>,
    suppressed: Option<serde::de::IgnoredAny>,
}

/// A baseline, and what else is known of the audit that wrote it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// What it found.
    pub baseline: Baseline,
    /// The playbooks that looked.
    pub playbooks: Vec<String>,
    /// Hosts that could not be looked at to the end.
    pub not_assessed: Vec<HostName>,
}

/// Reads an earlier audit's report.
///
/// # Errors
/// It can't be read, or is no such report.
pub fn read(path: &Path) -> Result<Earlier, Problem> {
    let unreadable = |error: std::io::Error| Problem::in_file(path, format!("can't be read: {error}"));
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if !about.is_file() || about.len() > BYTES_MAX {
        let message = format!("expected a file of at most {} MiB", BYTES_MAX >> 20);
        return Err(Problem::in_file(path, message));
    }
    parse(path, &std::fs::read(path).map_err(unreadable)?)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Earlier, Problem> {
    const HELP: &str = "write one with 'wgops audit --format json --output FILE.json'";
    let foreign = |why: String| Problem::in_file(path, format!("no report of an audit: {why}")).help(HELP);
    let head: Head = serde_json::from_slice(bytes).map_err(|error| foreign(error.to_string()))?;
    if head.kind != KIND {
        return Err(foreign(format!("its kind is '{}', expected '{KIND}'", head.kind)));
    }
    if head.version != VERSION {
        let newer = if head.version > VERSION { "; a newer wgops wrote it: update this one" } else { "" };
        return Err(foreign(format!("its version is {}, expected {VERSION}{newer}", head.version)));
    }
    let report: Report = serde_json::from_slice(bytes).map_err(|error| foreign(error.to_string()))?;
    let at = report.time.or_else(|| report.run.and_then(RunId::begun));
    let at = at.ok_or_else(|| foreign("it does not say when it was written".into()))?;
    let not_assessed = report.hosts.iter().filter(|host| !host.assessed);
    let not_assessed = not_assessed.map(|host| host.name.clone()).collect();
    let mut hosts: BTreeMap<HostName, BTreeMap<String, Known>> =
        report.hosts.into_iter().map(|host| (host.name, BTreeMap::new())).collect();
    for Found { host, id, kind, severity, installed, suppressed } in report.findings {
        if suppressed.is_none() {
            hosts.entry(host).or_default().insert(id, Known { kind, severity, installed });
        }
    }
    Ok(Earlier {
        baseline: Baseline { run: report.run, at, hosts },
        playbooks: report.playbooks,
        not_assessed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Earlier, Problem> {
        parse(Path::new("base.json"), text.as_bytes())
    }

    #[test]
    fn the_report_of_an_audit_is_a_baseline_without_what_was_suppressed() {
        let earlier = parsed(include_str!("../report/audit/example.json")).unwrap();
        let web1: HostName = "web1".parse().unwrap();
        let ids: Vec<&String> = earlier.baseline.hosts[&web1].keys().collect();
        assert_eq!(ids, ["security-update/openssl"]);
        assert_eq!(earlier.baseline.hosts.len(), 4);
        assert_eq!(earlier.baseline.at.to_string(), "2026-11-25T03:00:00Z");
        assert_eq!(earlier.not_assessed, ["db1".parse().unwrap()]);
    }

    #[test]
    fn what_is_no_such_report_is_refused_and_says_why() {
        let example = include_str!("../report/audit/example.json");
        for (text, why) in [
            (String::new(), "EOF while parsing"),
            ("[]".into(), "expected struct Head"),
            (example.replace("wgops-audit", "wgops-run"), "its kind is 'wgops-run', expected 'wgops-audit'"),
            (example.replace("\"version\": 1", "\"version\": 2"), "its version is 2, expected 1"),
            (example.replace("\"high\"", "\"dire\""), "unknown variant `dire`"),
        ] {
            let problem = parsed(&text).unwrap_err();
            assert!(problem.message.contains(why), "{}", problem.message);
            assert!(problem.help.unwrap().contains("--format json"));
        }
    }
}

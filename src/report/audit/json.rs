//! The audit for programs: one document, version 1.
//!
//! `findings` stand worst first. An `id` says what a finding is about and stays the same from run to run, so that two
//! audits can be compared by host and id. `assessed` is false for a host that could not be looked at to the end; that,
//! and single things that could not be seen, are findings of kind `not-assessed`. `failed` is whether wgops exits with 5 for the findings alone; a host that could
//! not be reached makes it exit with 3 all the same.
//!
//! | kind | says |
//! |---|---|
//! | `security-update` | a security update waits |
//! | `not-assessed` | something could not be looked at |
//! | `reboot-needed` | a new kernel or library needs a reboot |
//! | `service-restart` | a service still runs on files that were replaced |
//! | `update` | another update waits |
//! | `held-back` | a package is held or kept back, and why |
//! | `stale-lists` | package lists are old |
//! | `broken-packages` | a package operation was interrupted |
//! | `check` | a playbook's own check |
//!
//! Severities: `critical`, `high`, `medium`, `low`, `info`.
//!
#![doc = concat!("```json\n", include_str!("example.json"), "```")]

use super::{Assessment, FailOn};
use crate::model::{Finding, HostName, RunId};
use crate::report::json::document;
use serde::Serialize;
use std::io;

/// Version of the document.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    kind: &'static str,
    run: Option<RunId>,
    fail_on: &'static str,
    failed: bool,
    interrupted: bool,
    hosts: Vec<HostLine<'a>>,
    findings: Vec<FindingLine<'a>>,
}

#[derive(Serialize)]
struct HostLine<'a> {
    name: &'a HostName,
    assessed: bool,
    findings: usize,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    host: &'a HostName,
    #[serde(flatten)]
    finding: &'a Finding,
}

pub(super) fn text(assessment: &Assessment, fail_on: FailOn) -> io::Result<String> {
    let findings = assessment.findings();
    let host = |(name, host)| HostLine {
        name,
        assessed: assessment.not_assessed(host).is_none(),
        findings: findings.iter().filter(|(on, _)| *on == name).count(),
    };
    document(&Document {
        version: VERSION,
        kind: "wgops-audit",
        run: assessment.run,
        fail_on: fail_on.as_str(),
        failed: assessment.fails(fail_on),
        interrupted: assessment.interrupted,
        hosts: assessment.hosts.iter().map(host).collect(),
        findings: findings.iter().map(|(host, finding)| FindingLine { host, finding }).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::cases::assessment;
    use super::*;

    #[test]
    fn the_document_is_the_one_that_the_format_shows() {
        let text = text(&assessment(), FailOn::Security).unwrap();
        assert_eq!(format!("{text}\n"), include_str!("example.json"));
    }
}

//! The audit for programs: one document, version 1.
//!
//! `findings` stand worst first. An `id` says what a finding is about and stays the same from run to run, so that two
//! audits can be compared by host and id. `assessed` is false for a host that could not be looked at to the end; that,
//! and single things that could not be seen, are findings of kind `not-assessed`. `failed` is whether wgops exits with 5
//! for the findings alone; a host that could not be reached makes it exit with 3 all the same.
//!
//! `fail_on` and `rules` say what it fails on, and on how many findings by each rule. A finding that fails names the first
//! such rule in `fails`; `suppressed` says why one does not count, and `new` whether the baseline lacked it. `since` is
//! since when it has been known here, `installed` and `available` are versions. `fixed` counts findings of the baseline
//! that are gone. `advisories` names what installed packages were compared with.
//!
//! | kind | says |
//! |---|---|
//! | `security-update` | a security update waits |
//! | `vulnerability` | an advisory touches what is installed |
//! | `not-assessed` | something could not be looked at |
//! | `end-of-life` | the release gets no security updates any more, or soon will not |
//! | `repository` | a package source is unsigned, or fails |
//! | `reboot-needed` | a new kernel or library needs a reboot |
//! | `service-restart` | a service still runs on files that were replaced |
//! | `update` | another update waits |
//! | `held-back` | a package is held or kept back, and why |
//! | `stale-lists` | package lists are old |
//! | `broken-packages` | a package operation was interrupted |
//! | `automatic-updates` | the host does not update itself as it should |
//! | `foreign-package` | a package comes from no source that the host has |
//! | `failed-unit` | a unit of systemd has failed |
//! | `low-disk` | a file system is nearly full |
//! | `suppression` | a suppression has expired, or suppresses nothing |
//! | `check` | a playbook's own check |
//!
//! Severities: `critical`, `high`, `medium`, `low`, `info`. The whole is in `docs/schemas/audit.schema.json`.
//!
#![doc = concat!("```json\n", include_str!("example.json"), "```")]

use super::{Assessment, Judged};
use crate::model::{Feed, Finding, HostName, RunId, Suppression};
use crate::report::json::document;
use jiff::Timestamp;
use serde::Serialize;
use std::io;

/// Version of the document.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    kind: &'static str,
    run: Option<RunId>,
    time: Timestamp,
    playbooks: &'a [String],
    fail_on: String,
    failed: bool,
    interrupted: bool,
    rules: Vec<RuleLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ages_since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineLine>,
    #[serde(skip_serializing_if = "<[Feed]>::is_empty")]
    advisories: &'a [Feed],
    hosts: Vec<HostLine<'a>>,
    findings: Vec<FindingLine<'a>>,
}

#[derive(Serialize)]
struct RuleLine {
    rule: String,
    failed: usize,
}

#[derive(Serialize)]
struct BaselineLine {
    run: Option<RunId>,
    time: Timestamp,
    fixed: usize,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    fails: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    new: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed: Option<SuppressedLine<'a>>,
}

#[derive(Serialize)]
struct SuppressedLine<'a> {
    id: &'a str,
    reason: &'a str,
    owner: &'a str,
    until: String,
}

pub(super) fn text(assessment: &Assessment) -> io::Result<String> {
    let verdict = assessment.verdict();
    let judging = assessment.judging();
    let host = |name| HostLine {
        name,
        assessed: assessment.looked_at(name),
        findings: verdict.findings.iter().filter(|judged| judged.host == name).count(),
    };
    let baseline = judging.baseline.as_ref().map(|baseline| BaselineLine {
        run: baseline.run,
        time: baseline.at,
        fixed: verdict.fixed.unwrap_or_default(),
    });
    let rule =
        |(rule, failed): &(&crate::model::Rule, usize)| RuleLine { rule: rule.to_string(), failed: *failed };
    document(&Document {
        version: VERSION,
        kind: "wgops-audit",
        run: assessment.run(),
        time: judging.at,
        playbooks: &judging.playbooks,
        fail_on: judging.fail_on.to_string(),
        failed: verdict.fails(),
        interrupted: assessment.interrupted(),
        rules: verdict.rules.iter().map(rule).collect(),
        ages_since: judging.counted_since,
        baseline,
        advisories: &judging.feeds,
        hosts: assessment.hosts().map(host).collect(),
        findings: verdict.findings.iter().map(FindingLine::of).collect(),
    })
}

impl<'a> FindingLine<'a> {
    fn of(judged: &'a Judged<'a>) -> Self {
        let suppressed = |suppression: &'a Suppression| SuppressedLine {
            id: suppression.id.as_str(),
            reason: &suppression.reason,
            owner: &suppression.owner,
            until: suppression.until.to_string(),
        };
        Self {
            host: judged.host,
            finding: &judged.finding,
            fails: judged.fails.map(ToString::to_string),
            new: judged.new,
            suppressed: judged.suppressed.map(suppressed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, suppression};
    use super::*;
    use crate::event::Event;
    use crate::model::{FindingKind, Judging, Severity, Value};

    fn judged() -> Assessment {
        let mut assessment = assessment();
        assessment.event(&Event::Judging(Box::new(Judging {
            at: "2026-11-25T03:00:00Z".parse().unwrap(),
            playbooks: vec!["playbooks/audit.yml".into()],
            suppressions: vec![suppression("update/*", "2026-12-31")],
            ..Judging::default()
        })));
        assessment
    }

    #[test]
    fn the_document_is_the_one_that_the_format_shows() {
        let text = text(&judged()).unwrap();
        assert_eq!(format!("{text}\n"), include_str!("example.json"));
    }

    #[test]
    fn the_schema_knows_every_kind_and_severity() {
        let schema: Value =
            serde_json::from_str(include_str!("../../../docs/schemas/audit.schema.json")).unwrap();
        let kinds = schema["$defs"]["kind"]["oneOf"].as_array().unwrap().iter().map(|kind| &kind["const"]);
        assert!(kinds.eq(FindingKind::ALL.iter().map(|kind| kind.as_str())));
        let severities = schema["$defs"]["severity"]["enum"].as_array().unwrap().iter();
        assert!(severities.eq(Severity::ALL.iter().rev().map(|severity| severity.as_str())));
        assert_eq!(schema["properties"]["version"]["const"], VERSION);
    }
}

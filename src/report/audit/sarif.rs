//! The audit for code scanning: SARIF 2.1.0, one run, a rule for each kind of finding that there is.
//!
//! A host is a logical location, and the made-up artifact `hosts/NAME` besides, since GitHub shows nothing without a file.
//! Fingerprints are made from host and id, so that a finding is the same one from run to run. What was suppressed is there
//! with its reason; `baselineState` is there where audits were compared.
//!
//! # Source
//! OASIS SARIF 2.1.0 plus errata 01; of GitHub's subset `security-severity` and `primaryLocationLineHash`.

use super::kinds;
use super::sheet::{Row, Sheet};
use crate::model::{Digest, FindingKind, HostName, Severity, Value, printable};
use crate::report::json::document;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;

pub(super) fn text(sheet: &Sheet<'_>) -> io::Result<String> {
    let rules = rules(sheet);
    let index: BTreeMap<FindingKind, usize> =
        rules.keys().enumerate().map(|(at, kind)| (*kind, at)).collect();
    let results: Vec<Value> =
        sheet.rows.iter().map(|row| result(sheet, row, index.get(&row.finding.kind).copied())).collect();
    let hosts: Vec<Value> = sheet.hosts.iter().map(|host| logical(host.name)).collect();
    let mut run = json!({
        "tool": {"driver": {
            "name": "wgops",
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.into_values().collect::<Vec<_>>(),
        }},
        "invocations": [{
            "executionSuccessful": !sheet.interrupted && sheet.assessed() == sheet.hosts.len(),
            "properties": {"failOn": sheet.fail_on, "failed": sheet.failed},
        }],
        "logicalLocations": hosts,
        "results": results,
        "columnKind": "unicodeCodePoints",
    });
    if let Some(id) = sheet.run {
        run["automationDetails"] = json!({"id": format!("wgops-audit/{id}")});
    }
    if let Some(at) = sheet.at() {
        run["invocations"][0]["startTimeUtc"] = json!(at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string());
    }
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    document(&json!({"$schema": schema, "version": "2.1.0", "runs": [run]}))
}

/// The rules that results refer to; the worst finding of a kind says how bad its rule is.
fn rules(sheet: &Sheet<'_>) -> BTreeMap<FindingKind, Value> {
    let mut worst: BTreeMap<FindingKind, Severity> = BTreeMap::new();
    for row in &sheet.rows {
        let severity = worst.entry(row.finding.kind).or_insert(row.finding.severity);
        *severity = row.finding.severity.max(*severity);
    }
    let rule = |(kind, severity): (FindingKind, Severity)| {
        let mut rule = json!({
            "id": kind.to_string(),
            "shortDescription": {"text": kinds::says(kind)},
            "fullDescription": {"text": kinds::says(kind)},
            "help": {"text": kinds::help(kind).replace('`', "'"), "markdown": kinds::help(kind)},
            "defaultConfiguration": {"level": level(severity)},
            "properties": {"tags": ["security"], "precision": "high", "security-severity": kinds::score(severity)},
        });
        // A name that says no more than the id is an error to validators.
        let name = kinds::name(kind);
        if !name.eq_ignore_ascii_case(kind.as_str()) {
            rule["name"] = json!(name);
        }
        (kind, rule)
    };
    worst.into_iter().map(rule).collect()
}

fn result(sheet: &Sheet<'_>, row: &Row<'_>, rule_index: Option<usize>) -> Value {
    let finding = &row.finding;
    let hash = Digest::of(format!("{}\0{}", row.host, finding.id)).hex();
    let mut result = json!({
        "ruleId": finding.kind.to_string(),
        "ruleIndex": rule_index,
        "level": level(finding.severity),
        "message": {"text": message(row)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": format!("hosts/{}", uri(row.host.as_str()))},
                "region": {"startLine": 1},
            },
            "logicalLocations": [logical(row.host)],
        }],
        "partialFingerprints": {"wgopsFinding/v1": hash, "primaryLocationLineHash": format!("{hash}:1")},
        "properties": {
            "id": finding.id,
            "severity": finding.severity,
            "security-severity": kinds::score(finding.severity),
            "fails": row.fails,
        },
    });
    if let Some(why) = &row.suppressed {
        result["suppressions"] =
            json!([{"kind": "external", "status": "accepted", "justification": printable(why)}]);
    }
    if let Some(new) = row.new {
        result["baselineState"] = json!(if new { "new" } else { "unchanged" });
    }
    if let Some(since) = finding.since {
        result["properties"]["since"] = json!(since);
        result["properties"]["age"] = json!(sheet.age(since));
    }
    if !finding.references.is_empty() {
        result["properties"]["references"] = json!(finding.references);
    }
    result
}

/// Plain text: a title, then what was seen and what to do.
fn message(row: &Row<'_>) -> String {
    let finding = &row.finding;
    let mut text = format!("{}: {}", row.host, finding.title);
    for more in [finding.evidence.trim(), finding.remedy.trim()].into_iter().filter(|more| !more.is_empty()) {
        text.push('\n');
        text.push_str(more);
    }
    literal(&printable(&text))
}

/// Text that no viewer makes a link or a placeholder of (SARIF 2.1.0, 3.11.5 and 3.11.6).
fn literal(text: &str) -> String {
    let text = if text.contains("](") {
        text.replace('\\', r"\\").replace('[', r"\[").replace(']', r"\]")
    } else {
        text.to_owned()
    };
    text.replace('{', "{{").replace('}', "}}")
}

fn logical(host: &HostName) -> Value {
    json!({"name": host, "fullyQualifiedName": host, "kind": "resource"})
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A name as a segment of a URI's path.
fn uri(name: &str) -> String {
    let segment = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    name.bytes().map(segment).collect()
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, failing_on, held, hostile};
    use super::*;

    #[test]
    fn the_document_is_the_one_that_stands_beside_it() {
        let assessment = assessment();
        let text = text(&Sheet::of(&assessment)).unwrap();
        held("audit.sarif", &format!("{text}\n"));
    }

    #[test]
    fn a_finding_keeps_its_fingerprint_and_each_result_its_rule() {
        let assessment = assessment();
        let sheet = Sheet::of(&assessment);
        let log: Value = serde_json::from_str(&text(&sheet).unwrap()).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        for result in results {
            let rule =
                &log["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], result["ruleId"]);
        }
        let prints: std::collections::BTreeSet<String> =
            results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
        assert_eq!(prints.len(), results.len());
    }

    #[test]
    fn hostile_text_stays_text() {
        let assessment = hostile();
        let text = text(&Sheet::of(&failing_on(&assessment, "any"))).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        assert_eq!(uri("a:b[é]"), "a%3Ab%5B%C3%A9%5D");
        assert_eq!(literal("[a](b) {0}"), r"\[a\](b) {{0}}");
        assert_eq!(literal(r"a[1] C:\x"), r"a[1] C:\x");
    }
}

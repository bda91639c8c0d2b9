//! The audit for monitoring: a file for node_exporter's textfile collector.
//!
//! That collector reads Prometheus' text format, others read OpenMetrics; this is valid as both: gauges only, no
//! timestamps, and `# EOF` and `# UNIT`, which the one wants and the other takes for comments. Names that the community's
//! scripts for apt have made usual are used in their meaning and with their help text, since the collector wants one
//! text for a name; all others begin with `wgops_`. A number that is not known is not there.
//!
//! # Source
//! OpenMetrics 1.0; Prometheus' exposition format 0.0.4; `apt_info.py` of node-exporter-textfile-collector-scripts.

use super::packages::Packages;
use super::sheet::{Reboot, Row, Sheet};
use crate::model::{FindingKind, HostName, printable};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A metric's name, unit and help.
type Head = (&'static str, Option<&'static str>, &'static str);

const PENDING: Head = ("apt_upgrades_pending", None, "Apt packages pending updates by origin.");
const HELD: Head = ("apt_upgrades_held", None, "Apt packages pending updates but held back.");
const LISTS: Head = ("apt_package_cache_timestamp_seconds", Some("seconds"), "Apt update last run time.");
const REBOOT: Head = ("node_reboot_required", None, "Node reboot is required for software updates.");
const AT: Head =
    ("wgops_audit_timestamp_seconds", Some("seconds"), "When the audit began, in seconds since 1970.");
const FAILED: Head = ("wgops_audit_failed", None, "Whether the audit found what it was told to fail on.");
const ASSESSED: Head = ("wgops_audit_host_assessed", None, "Whether the host could be looked at to the end.");
const FINDINGS: Head =
    ("wgops_audit_findings", None, "Findings that are not suppressed, by kind and severity.");
const FAILING: Head = ("wgops_audit_failing_findings", None, "Findings that the audit fails for.");
const SUPPRESSED: Head = ("wgops_audit_suppressed_findings", None, "Findings that are suppressed.");
const OLDEST: Head = (
    "wgops_audit_oldest_security_update_timestamp_seconds",
    Some("seconds"),
    "Since when the oldest pending security update is known, in seconds since 1970.",
);

pub(super) fn text(sheet: &Sheet<'_>, packages: &Packages) -> String {
    let mut out = String::new();
    apt(packages, &mut out);
    let reboots = sheet.hosts.iter().filter_map(|host| match host.reboot {
        Reboot::Needed => Some((of(host.name), "1".to_owned())),
        Reboot::NotNeeded => Some((of(host.name), "0".to_owned())),
        Reboot::Unknown => None,
    });
    metric(REBOOT, reboots, &mut out);
    metric(AT, sheet.at().map(|at| (String::new(), seconds(at))), &mut out);
    metric(FAILED, [(String::new(), u8::from(sheet.failed).to_string())], &mut out);
    let each = |number: fn(&super::sheet::HostLine<'_>) -> usize| {
        sheet.hosts.iter().map(move |host| (of(host.name), number(host).to_string()))
    };
    metric(ASSESSED, each(|host| usize::from(host.assessed)), &mut out);
    metric(FAILING, each(|host| host.failing), &mut out);
    metric(SUPPRESSED, each(|host| host.suppressed), &mut out);
    metric(FINDINGS, findings(sheet), &mut out);
    metric(OLDEST, oldest(sheet), &mut out);
    out.push_str("# EOF\n");
    out
}

fn apt(packages: &Packages, out: &mut String) {
    let counts = |host: &HostName, counts: &BTreeMap<(String, String), usize>| {
        let line = |((origin, arch), count): (&(String, String), &usize)| {
            let labels = [("host", host.as_str()), ("origin", origin), ("arch", arch)];
            (labelled(&labels), count.to_string())
        };
        let mut lines: Vec<(String, String)> = counts.iter().map(line).collect();
        if lines.is_empty() {
            // As the community's scripts say it: nothing waits, from nowhere.
            lines.push((labelled(&[("host", host.as_str()), ("origin", ""), ("arch", "")]), "0".into()));
        }
        lines
    };
    metric(PENDING, packages.hosts().flat_map(|(host, of)| counts(host, &of.pending)), out);
    metric(HELD, packages.hosts().flat_map(|(host, of)| counts(host, &of.held)), out);
    let lists =
        packages.hosts().filter_map(|(host, packages)| Some((of(host), seconds(packages.lists_as_of?))));
    metric(LISTS, lists, out);
}

fn findings(sheet: &Sheet<'_>) -> Vec<(String, String)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for Row { host, finding, .. } in sheet.rows.iter().filter(|row| row.suppressed.is_none()) {
        let (kind, severity) = (finding.kind.to_string(), finding.severity.to_string());
        let labels = [("host", host.as_str()), ("kind", kind.as_str()), ("severity", severity.as_str())];
        *counts.entry(labelled(&labels)).or_default() += 1;
    }
    counts.into_iter().map(|(labels, count)| (labels, count.to_string())).collect()
}

fn oldest(sheet: &Sheet<'_>) -> Vec<(String, String)> {
    let mut oldest: BTreeMap<&HostName, Timestamp> = BTreeMap::new();
    let security =
        |row: &&Row<'_>| row.finding.kind == FindingKind::SecurityUpdate && row.suppressed.is_none();
    for row in sheet.rows.iter().filter(security) {
        let Some(since) = row.finding.since else { continue };
        let known = oldest.entry(row.host).or_insert(since);
        *known = since.min(*known);
    }
    oldest.into_iter().map(|(host, since)| (of(host), seconds(since))).collect()
}

/// A metric with its head; nothing at all where it has no samples.
fn metric((name, unit, help): Head, samples: impl IntoIterator<Item = (String, String)>, out: &mut String) {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_none() {
        return;
    }
    let _infallible = write!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n");
    if let Some(unit) = unit {
        let _infallible = writeln!(out, "# UNIT {name} {unit}");
    }
    for (labels, value) in samples {
        let _infallible = writeln!(out, "{name}{labels} {value}");
    }
}

fn of(host: &HostName) -> String {
    labelled(&[("host", host.as_str())])
}

fn labelled(labels: &[(&str, &str)]) -> String {
    let label = |(name, value): &(&str, &str)| {
        let value = printable(value).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{name}=\"{value}\"")
    };
    format!("{{{}}}", labels.iter().map(label).collect::<Vec<_>>().join(","))
}

fn seconds(at: Timestamp) -> String {
    at.as_second().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, events, held};
    use super::*;

    #[test]
    fn the_metrics_are_those_that_stand_beside_it() {
        let (assessment, mut packages) = (assessment(), Packages::default());
        events().iter().for_each(|event| packages.event(event));
        let text = text(&Sheet::of(&assessment), &packages);
        held("audit.prom", &text);
    }

    #[test]
    fn a_label_ends_where_its_value_does() {
        let label = labelled(&[("origin", "a\"} 1\n\\b\u{1b}")]);
        assert_eq!(label, r#"{origin="a\"} 1\n\\b^["}"#);
    }
}

//! What is found about suppressions themselves: one that has expired, and one that suppresses nothing any more.

use super::Assessment;
use crate::model::{Finding, FindingKind, HostName, Judging, Severity, Suppression};

/// Where a suppression has expired and what it meant is still there: a finding on each such host.
pub(super) fn expired<'a>(
    judging: &Judging,
    found: &[(&'a HostName, Finding)],
) -> Vec<(&'a HostName, Finding)> {
    let today = judging.today();
    let mut out: Vec<(&HostName, Finding)> = Vec::new();
    for suppression in judging.suppressions.iter().filter(|known| known.until < today) {
        for (host, _) in found.iter().filter(|(host, finding)| suppression.means(host, &finding.id)) {
            let new = finding(suppression, Severity::Medium, "has expired").remedied_by(
                "put right what it suppressed, or give it a later date and a reason to have one",
            );
            if !out.iter().any(|(on, other)| on == host && other.id == new.id) {
                out.push((host, new));
            }
        }
    }
    out
}

/// Where a suppression meant nothing that was found, on hosts that were all looked at: a finding on the first of them.
pub(super) fn unused<'a>(
    assessment: &'a Assessment,
    found: &[(&HostName, Finding)],
) -> Vec<(&'a HostName, Finding)> {
    let judging = assessment.judging();
    let looked_for = |suppression: &Suppression| {
        let vulnerabilities = suppression.id.as_str().starts_with(FindingKind::Vulnerability.as_str());
        !vulnerabilities || !judging.feeds.is_empty()
    };
    let idle = judging.suppressions.iter().filter(|suppression| {
        judging.is_whole()
            && looked_for(suppression)
            && suppression.hosts.iter().all(|host| assessment.looked_at(host))
            && !found.iter().any(|(host, finding)| suppression.means(host, &finding.id))
    });
    idle.filter_map(|suppression| {
        let host = assessment.name_of(suppression.hosts.first()?)?;
        let finding = finding(suppression, Severity::Info, "suppresses nothing any more");
        Some((host, finding.remedied_by("take it out of inventory/suppressions.yml")))
    })
    .collect()
}

fn finding(suppression: &Suppression, severity: Severity, what: &str) -> Finding {
    let Suppression { id, pattern, reason, owner, until, place, .. } = suppression;
    let id = id.as_str();
    Finding::new(FindingKind::Suppression, id, severity, format!("the suppression of {id} {what}"))
        .seen(format!("{place}: {reason} (hosts {pattern}, owner {owner}, until {until})"))
}

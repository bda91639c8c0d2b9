//! Findings, judged: which of them fail by which rule, which are suppressed, which are new since the baseline; and the
//! line that says so.

use super::Assessment;
use super::rules::{counts, hides_kind};
use super::suppressed::{expired, unused};
use crate::model::{Baseline, Finding, FindingKind, HostName, Judging, Known, Rule, Suppression, printable};
use crate::report::line;

/// One finding on one host, and how it is judged.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged<'a> {
    /// The host.
    pub host: &'a HostName,
    /// What was found.
    pub finding: Finding,
    /// Why it does not count, for a while.
    pub suppressed: Option<&'a Suppression>,
    /// Whether it is new since the baseline; none without a baseline.
    pub new: Option<bool>,
    /// The first rule by which the audit fails on it.
    pub fails: Option<&'a Rule>,
}

/// What an audit comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Verdict<'a> {
    /// Every finding, the worst first, then by kind, id and host.
    pub findings: Vec<Judged<'a>>,
    /// Every rule, and on how many findings the audit fails by it.
    pub rules: Vec<(&'a Rule, usize)>,
    /// How many findings of the baseline are gone; none without a baseline.
    pub fixed: Option<usize>,
}

impl Verdict<'_> {
    /// Whether the audit fails.
    pub fn fails(&self) -> bool {
        self.findings.iter().any(|judged| judged.fails.is_some())
    }

    /// How many findings are suppressed.
    pub fn suppressed(&self) -> usize {
        self.findings.iter().filter(|judged| judged.suppressed.is_some()).count()
    }

    /// How many findings the baseline knew.
    pub fn known(&self) -> usize {
        self.findings.iter().filter(|judged| judged.new == Some(false)).count()
    }
}

impl Assessment {
    /// Judges every finding.
    pub fn verdict(&self) -> Verdict<'_> {
        let judging = self.judging();
        let found = self.found();
        let more = expired(judging, &found).into_iter().chain(unused(self, &found));
        let mut all: Vec<(&HostName, Finding)> = found.clone();
        all.extend(more);
        all.sort_by_cached_key(|(host, finding)| {
            (std::cmp::Reverse(finding.severity), finding.kind, finding.id.clone(), (*host).clone())
        });
        let findings: Vec<Judged<'_>> =
            all.into_iter().map(|(host, finding)| judged(judging, host, finding)).collect();
        let broken =
            |rule: &Rule| findings.iter().filter(|j| j.fails.is_some() && meets(judging, rule, j)).count();
        let rules = judging.fail_on.rules().iter().map(|rule| (rule, broken(rule))).collect();
        let fixed = judging.baseline.as_ref().map(|baseline| fixed(self, baseline, &found));
        Verdict { findings, rules, fixed }
    }
}

fn meets(judging: &Judging, rule: &Rule, judged: &Judged<'_>) -> bool {
    counts(rule, &judged.finding, judging.at)
}

fn judged<'a>(judging: &'a Judging, host: &'a HostName, finding: Finding) -> Judged<'a> {
    let today = judging.today();
    let suppressible = finding.kind != FindingKind::Suppression;
    let suppressed = judging
        .suppressions
        .iter()
        .find(|known| suppressible && known.until >= today && known.means(host, &finding.id));
    let new = judging.baseline.as_ref().map(|baseline| is_new(judging, baseline, host, &finding));
    let fails = judging
        .fail_on
        .rules()
        .iter()
        .find(|rule| suppressed.is_none() && new != Some(false) && counts(rule, &finding, judging.at));
    Judged { host, finding, suppressed, new, fails }
}

/// Whether the baseline does not have it, or not so bad, or it was put right meanwhile and is there again.
fn is_new(judging: &Judging, baseline: &Baseline, host: &HostName, finding: &Finding) -> bool {
    let Some(known) = baseline.hosts.get(host).and_then(|ids| ids.get(&finding.id)) else { return true };
    let counted = judging.counted_since.is_some_and(|since| since <= baseline.at);
    let came_back = counted && finding.since.is_some_and(|since| since > baseline.at);
    finding.severity > known.severity || updated_since(known, finding) || came_back
}

/// Another version is installed now: what waited then was installed, and this waits anew.
fn updated_since(known: &Known, finding: &Finding) -> bool {
    matches!((&known.installed, &finding.installed), (Some(then), Some(now)) if then != now)
}

/// Findings of the baseline that are gone for certain: nothing that could not be looked at may hide them.
fn fixed(assessment: &Assessment, baseline: &Baseline, found: &[(&HostName, Finding)]) -> usize {
    let gone = |host: &HostName, id: &str, known: &Known| {
        let here = || found.iter().filter(|(on, _)| *on == host).map(|(_, finding)| finding);
        let looked = match known.kind {
            FindingKind::Vulnerability => !assessment.judging().feeds.is_empty(),
            FindingKind::SecurityUpdate | FindingKind::Update | FindingKind::HeldBack => {
                assessment.looked_for_updates(host)
            }
            _ => true,
        };
        let counts = !matches!(known.kind, FindingKind::NotAssessed | FindingKind::Suppression);
        counts && looked && !here().any(|finding| finding.id == id || hides_kind(finding, known.kind))
    };
    let hosts = baseline.hosts.iter().filter(|(host, _)| assessment.looked_at(host));
    hosts.map(|(host, ids)| ids.iter().filter(|(id, known)| gone(host, id, known)).count()).sum()
}

/// `FAIL: 2 security updates pending, 1 thing not assessed; 3 of 4 hosts looked at (fails on security:7d: 2)`.
pub(super) fn line(assessment: &Assessment, verdict: &Verdict<'_>) -> String {
    let looked_at = assessment.hosts().filter(|host| assessment.looked_at(host)).count();
    let assessed = format!("{} of {} looked at", looked_at, line::counted(assessment.hosts.len(), "host"));
    let word = if verdict.fails() { "FAIL" } else { "PASS" };
    let rules: Vec<String> = verdict.rules.iter().map(|(rule, number)| by_rule(rule, *number)).collect();
    let rules = if rules.is_empty() { "nothing".to_owned() } else { rules.join(", ") };
    let parts = parts(assessment, verdict).join(", ");
    format!("{word}: {parts}; {assessed} (fails on {rules}){}", counted(assessment.judging()))
}

fn by_rule(rule: &Rule, number: usize) -> String {
    if number == 0 { rule.to_string() } else { format!("{rule}: {number}") }
}

/// Since when ages are counted, where a rule needs to know.
fn counted(judging: &Judging) -> String {
    match judging.counted_since.filter(|_| judging.fail_on.needs_ages()) {
        Some(since) => format!("; ages are counted since {}", since.strftime("%Y-%m-%d")),
        None => String::new(),
    }
}

fn parts(assessment: &Assessment, verdict: &Verdict<'_>) -> Vec<String> {
    let open = || verdict.findings.iter().filter(|j| j.suppressed.is_none() && j.new != Some(false));
    let of = |kind: FindingKind| open().filter(|judged| judged.finding.kind == kind).count();
    let security = of(FindingKind::SecurityUpdate);
    let blind = of(FindingKind::NotAssessed);
    let vulnerable = of(FindingKind::Vulnerability);
    let others = open().count() - security - blind - vulnerable;
    let new = if verdict.fixed.is_some() { "new " } else { "" };
    let unseen = |host: &&HostName| assessment.looked_at(host) && !assessment.looked_for_updates(host);
    let unseen = assessment.hosts().filter(unseen).count();
    let all_unseen = unseen > 0 && !assessment.hosts().any(|host| assessment.looked_for_updates(host));
    let mut parts = vec![match security {
        0 if all_unseen => "updates were not looked at".to_owned(),
        0 if blind > 0 => format!("no {new}security update was found"),
        0 => format!("no {new}security update is pending"),
        n => format!("{} pending", line::counted(n, &format!("{new}security update"))),
    }];
    parts.extend(
        (unseen > 0 && !all_unseen)
            .then(|| format!("updates of {} not looked at", line::counted(unseen, "host"))),
    );
    let more = [
        (vulnerable, format!("{new}vulnerable package")),
        (others, format!("{}other finding", if new.is_empty() { "" } else { "new " })),
    ];
    parts.extend((blind > 0).then(|| format!("{} not assessed", line::counted(blind, "thing"))));
    parts.extend(more.iter().filter(|(n, _)| *n > 0).map(|(n, what)| line::counted(*n, what)));
    let suppressed = verdict.suppressed();
    parts.extend((suppressed > 0).then(|| format!("{suppressed} suppressed")));
    if let Some(fixed) = verdict.fixed {
        parts.push(format!("{} known before", verdict.known()));
        parts.push(format!("{fixed} fixed since"));
    }
    parts
}

/// Why and until when a finding does not count, for people.
pub(super) fn suppression_text(suppression: &Suppression) -> String {
    let Suppression { reason, owner, until, .. } = suppression;
    let text = format!("suppressed by {owner} until {until}: {reason}");
    printable(&text).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::super::cases::{assessment, events, finding, looks, suppression};
    use super::*;
    use crate::event::{Counts, Event};
    use crate::model::{FailOn, Severity};
    use std::collections::BTreeMap;

    fn host(name: &str) -> HostName {
        name.parse().unwrap()
    }

    fn at() -> jiff::Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    fn judging(fail_on: &str) -> Judging {
        let playbooks = vec!["playbooks/audit.yml".into()];
        Judging { at: at(), fail_on: fail_on.parse().unwrap(), playbooks, ..Judging::default() }
    }

    /// web1 and web2, looked at to the end, with these findings on web1.
    fn audit(judging: Judging, findings: &[Finding]) -> Assessment {
        let mut assessment = Assessment::default();
        assessment.event(&Event::Judging(Box::new(judging)));
        for finding in findings {
            assessment.event(&Event::Found { host: host("web1"), finding: finding.clone() });
        }
        for name in ["web1", "web2"] {
            assessment.event(&looks(&host(name)));
        }
        let recap = ["web1", "web2"].map(|name| (host(name), Counts::default())).into();
        assessment.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assessment
    }

    fn security(about: &str) -> Finding {
        finding(FindingKind::SecurityUpdate, Severity::High, about)
    }

    fn ids(assessment: &Assessment) -> Vec<String> {
        let findings = assessment.verdict().findings;
        findings.iter().map(|judged| format!("{} {}", judged.host, judged.finding.id)).collect()
    }

    fn said(assessment: &Assessment) -> String {
        line(assessment, &assessment.verdict())
    }

    #[test]
    fn the_line_says_by_which_rule_how_many_fail() {
        let old = Finding { since: Some("2026-11-01T00:00:00Z".parse().unwrap()), ..security("openssl") };
        let new = Finding { since: Some("2026-11-25T00:00:00Z".parse().unwrap()), ..security("bash") };
        let mut judging = judging("security:7d,critical");
        judging.counted_since = Some("2026-10-01T00:00:00Z".parse().unwrap());
        assert_eq!(
            said(&audit(judging, &[old, new])),
            "FAIL: 2 security updates pending; 2 of 2 hosts looked at (fails on security:7d: 1, critical); ages are \
             counted since 2026-10-01"
        );
        assert_eq!(
            said(&audit(self::judging("none"), &[security("x")])),
            "PASS: 1 security update pending; 2 of 2 hosts looked at (fails on nothing)"
        );
    }

    #[test]
    fn a_suppression_holds_until_its_last_day_and_is_a_finding_after_it() {
        let with = |until: &str| {
            let suppressions = vec![suppression("security-update/open*", until)];
            audit(Judging { suppressions, ..judging("security") }, &[security("openssl")])
        };
        let holds = with("2026-11-25");
        assert!(!holds.fails());
        assert_eq!(holds.verdict().findings[0].suppressed.unwrap().owner, "alice");
        assert!(said(&holds).contains("no security update is pending, 1 suppressed"), "{}", said(&holds));
        let expired = with("2026-11-24");
        assert!(expired.fails());
        assert_eq!(ids(&expired), ["web1 security-update/openssl", "web1 suppression/security-update/open*"]);
    }

    #[test]
    fn a_suppression_of_nothing_is_told_once_where_all_of_its_hosts_were_looked_at() {
        let suppressions = vec![suppression("security-update/gone", "2027-01-01")];
        let idle = audit(Judging { suppressions: suppressions.clone(), ..judging("security") }, &[]);
        assert_eq!(ids(&idle), ["web1 suppression/security-update/gone"]);
        assert!(!idle.fails());
        let other_playbook = Judging { playbooks: vec!["playbooks/x.yml".into()], ..judging("security") };
        let other_playbook = Judging { suppressions: suppressions.clone(), ..other_playbook };
        assert_eq!(ids(&audit(other_playbook, &[])), Vec::<String>::new());
        let mut unreachable = suppressions;
        unreachable[0].hosts.push(host("db1"));
        let of_more = Judging { suppressions: unreachable, ..judging("security") };
        assert_eq!(ids(&audit(of_more, &[])), Vec::<String>::new());
        let of_vulnerabilities = vec![suppression("vulnerability/x", "2027-01-01")];
        let nobody_looked = Judging { suppressions: of_vulnerabilities, ..judging("security") };
        assert_eq!(ids(&audit(nobody_looked, &[])), Vec::<String>::new());
    }

    #[test]
    fn what_could_not_be_assessed_can_be_suppressed_in_sight_of_all() {
        let mut judging = judging("any");
        judging.suppressions = vec![suppression("not-assessed/services", "2027-01-01")];
        let services = finding(FindingKind::NotAssessed, Severity::Medium, "services");
        let one = audit(judging, &[services]);
        assert!(!one.fails());
        assert_eq!(one.verdict().suppressed(), 1);
    }

    /// A baseline in which web1 and web2 were looked at, and web1 had these.
    fn baseline(findings: &[Finding]) -> Baseline {
        let known = |finding: &Finding| Known {
            kind: finding.kind,
            severity: finding.severity,
            installed: finding.installed.clone(),
        };
        let of_web1 = findings.iter().map(|finding| (finding.id.clone(), known(finding))).collect();
        let hosts = [(host("web1"), of_web1), (host("web2"), BTreeMap::new())].into();
        Baseline { run: None, at: "2026-11-20T00:00:00Z".parse().unwrap(), hosts }
    }

    fn against(before: &[Finding], now: &[Finding]) -> Assessment {
        audit(Judging { baseline: Some(baseline(before)), ..judging("any") }, now)
    }

    #[test]
    fn only_what_is_new_since_the_baseline_fails_and_what_is_gone_is_counted() {
        let old = against(&[security("openssl"), security("bash")], &[security("openssl")]);
        assert!(!old.fails());
        assert!(said(&old).contains("no new security update is pending, 1 known before, 1 fixed since"));
        let new = against(&[security("openssl")], &[security("openssl"), security("curl")]);
        assert!(new.fails());
        assert!(said(&new).contains("1 new security update pending, 1 known before, 0 fixed since"));
    }

    #[test]
    fn what_got_worse_or_came_back_is_new() {
        let low = Finding { severity: Severity::Low, ..security("openssl") };
        assert!(against(&[low], &[security("openssl")]).fails());
        let versions = |installed: &str, available: &str| {
            security("openssl").versions(Some(installed.into()), Some(available.into()))
        };
        assert!(against(&[versions("1.0", "1.1")], &[versions("1.1", "1.2")]).fails());
        assert!(!against(&[versions("1.0", "1.1")], &[versions("1.0", "1.2")]).fails());
        let reboot = Finding::new(FindingKind::RebootNeeded, "", Severity::Medium, "x");
        let again = Finding { since: Some("2026-11-22T00:00:00Z".parse().unwrap()), ..reboot.clone() };
        let mut judging = Judging { baseline: Some(baseline(&[reboot])), ..judging("any") };
        assert!(!audit(judging.clone(), std::slice::from_ref(&again)).fails());
        judging.counted_since = Some("2026-11-01T00:00:00Z".parse().unwrap());
        assert!(audit(judging, &[again]).fails());
    }

    #[test]
    fn updates_that_no_task_looked_for_are_not_said_to_be_none() {
        let mut other = Assessment::default();
        let recap = [(host("web1"), Counts::default())].into();
        other.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assert_eq!(
            said(&other),
            "PASS: updates were not looked at; 1 of 1 host looked at (fails on security)"
        );
        other.event(&looks(&host("web2")));
        let recap = ["web1", "web2"].map(|name| (host(name), Counts::default())).into();
        other.event(&Event::RunEnds { recap, interrupted: false, seconds: 0.0 });
        assert!(
            said(&other).starts_with("PASS: no security update is pending, updates of 1 host not looked at")
        );
    }

    #[test]
    fn nothing_counts_as_fixed_that_could_not_be_looked_at() {
        let blind = finding(FindingKind::NotAssessed, Severity::Medium, "updates");
        let hidden = against(&[security("openssl")], &[blind]);
        assert_eq!(hidden.verdict().fixed, Some(0));
        let vulnerable = finding(FindingKind::Vulnerability, Severity::High, "openssl");
        assert_eq!(against(std::slice::from_ref(&vulnerable), &[]).verdict().fixed, Some(0));
    }

    #[test]
    fn a_run_told_by_its_stored_events_is_judged_as_it_was() {
        let stored: Vec<Event> = events()
            .iter()
            .map(|event| serde_json::from_value(serde_json::to_value(event).unwrap()).unwrap())
            .collect();
        let mut again = Assessment::default();
        stored.iter().for_each(|event| again.event(event));
        assert_eq!(again.verdict(), assessment().verdict());
        assert_eq!(again.judging().fail_on, FailOn::default());
    }
}

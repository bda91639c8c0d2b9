//! `check`: a working group's own check of an audit. Conditions that don't hold make a finding; nothing fails, nothing is
//! changed, and what can't be known is *not assessed*.

use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Excerpt, Finding, FindingKind, Map, Severity, Value};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "check",
    aliases: &[],
    summary: "Makes a finding of an audit where conditions don't hold",
    params: &[
        Param::required("that", Kind::Checks, "a condition or a list of conditions"),
        Param::required("id", Kind::Text, "what names the finding from run to run: check/ID"),
        Param::required("title", Kind::Told, "what is wrong where they don't hold, in one line"),
        Param::optional("severity", Kind::Choice(SEVERITIES), "how bad that is").default("medium"),
        Param::optional("evidence", Kind::Told, "what was seen; without it, the conditions"),
        Param::optional("remedy", Kind::Told, "what to do about it"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Mail leaves by our relay alone
  check:
    id: mail/relay
    that: relay is defined and relay == 'mail.example.org'
    title: mail does not leave by the relay
    severity: medium
    remedy: set relayhost in /etc/postfix/main.cf
",
        returns: &[
            Returned { name: "passed", help: "the conditions that hold" },
            Returned { name: "fails", help: "those that don't" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

const SEVERITIES: &[&str] = &["info", "low", "medium", "high", "critical"];

/// What of a condition is shown where there is no evidence.
const SHOWN: Excerpt = Excerpt { lines_max: 1, columns_max: 200 };

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let id = id(args.needed("id")?)?;
    let title = args.needed("title")?;
    let conditions = args.value("that").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let holds = |condition: &Value| condition.get("holds").and_then(Value::as_bool);
    let fails: Vec<String> = texts(conditions.iter().filter(|c| holds(c) == Some(false)));
    let unknown: Vec<&Value> = conditions.iter().filter(|c| holds(c).is_none()).collect();
    let passed = if !fails.is_empty() { Some(false) } else { unknown.is_empty().then_some(true) };
    let finding = match passed {
        Some(true) => None,
        Some(false) => {
            let evidence = args.text("evidence").map(str::to_owned);
            let evidence = evidence.unwrap_or_else(|| format!("does not hold: {}", fails.join("; ")));
            Some(Finding::new(FindingKind::Check, &id, severity(args), title).seen(evidence))
        }
        None => {
            let why: Vec<String> = unknown.iter().map(|c| reason(c)).collect();
            let title = format!("not known whether: {title}");
            let about = format!("check/{id}");
            let blind = Finding::new(FindingKind::NotAssessed, &about, Severity::Medium, title);
            Some(blind.seen(why.join("; ")))
        }
    };
    let remedy = args.text("remedy").unwrap_or_default();
    let mut result = Map::new();
    result.insert("passed".into(), passed.into());
    result.insert("fails".into(), fails.into());
    let findings = finding.map(|f| f.remedied_by(remedy)).into_iter().collect();
    Ok(Outcome { result, findings, ..Outcome::default() })
}

/// The finding's id: one word, for that is how it is written elsewhere.
fn id(text: &str) -> Result<String, Stop> {
    let id = text.split_whitespace().collect::<Vec<_>>().join("-");
    if id.is_empty() {
        return Err(Stop::refuse("'id' is empty: expected a name such as root-login"));
    }
    Ok(id)
}

fn texts<'a>(conditions: impl Iterator<Item = &'a Value>) -> Vec<String> {
    conditions.map(|c| SHOWN.of(c.get("condition").and_then(Value::as_str).unwrap_or_default())).collect()
}

fn reason(condition: &Value) -> String {
    let text = |key| condition.get(key).and_then(Value::as_str).unwrap_or_default();
    format!("{}: {}", SHOWN.of(text("condition")), text("unknown"))
}

fn severity(args: &Args) -> Severity {
    match args.text("severity") {
        Some("info") => Severity::Info,
        Some("low") => Severity::Low,
        Some("high") => Severity::High,
        Some("critical") => Severity::Critical,
        _ => Severity::Medium,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::without_host;
    use serde_json::json;

    fn checked(that: Value) -> (Value, Option<Finding>) {
        let args = json!({
            "that": that, "id": "root login", "title": "root may log in", "severity": "high",
            "evidence": "PermitRootLogin yes", "remedy": "set it to no",
        });
        let outcome = without_host(&MODULE, &args).unwrap();
        assert!(outcome.changes.is_empty() && outcome.findings.len() < 2);
        (outcome.result["passed"].clone(), outcome.findings.into_iter().next())
    }

    #[test]
    fn what_does_not_hold_is_a_finding_and_what_holds_is_none() {
        let good = json!({"condition": "a", "holds": true});
        let bad = json!({"condition": "b", "holds": false});
        assert_eq!(checked(json!([good])), (json!(true), None));
        let (passed, finding) = checked(json!([good, bad]));
        let finding = finding.unwrap();
        assert_eq!((passed, finding.id.as_str()), (json!(false), "check/root-login"));
        assert_eq!((finding.severity, finding.evidence.as_str()), (Severity::High, "PermitRootLogin yes"));
        assert_eq!(finding.remedy, "set it to no");
    }

    #[test]
    fn what_can_not_be_known_is_not_assessed_unless_another_condition_fails_anyway() {
        let unknown = json!({"condition": "sshd.x == 1", "unknown": "'sshd' is undefined"});
        let bad = json!({"condition": "b", "holds": false});
        let (passed, finding) = checked(json!([unknown]));
        let finding = finding.unwrap();
        assert_eq!((passed, finding.id.as_str()), (json!(null), "not-assessed/check/root-login"));
        assert_eq!(finding.evidence, "sshd.x == 1: 'sshd' is undefined");
        assert_eq!(checked(json!([unknown, bad])).1.unwrap().id, "check/root-login");
    }

    #[test]
    fn without_evidence_the_conditions_are_shown_and_without_an_id_nothing_is_found() {
        let that = json!([{"condition": "b == 1", "holds": false}]);
        let outcome = without_host(&MODULE, &json!({"that": that, "id": "b", "title": "no b"})).unwrap();
        assert_eq!(outcome.findings[0].evidence, "does not hold: b == 1");
        assert_eq!(outcome.findings[0].severity, Severity::Medium);
        assert!(without_host(&MODULE, &json!({"that": that, "id": " ", "title": "no b"})).is_err());
    }
}

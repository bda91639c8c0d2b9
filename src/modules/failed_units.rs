//! `failed_units`: which units have failed, and whether one of them is news. Asked before a change and again after it, it
//! tells what the change broke. It changes nothing; restarting is `service`'s and `restart_services`' business.

use super::updates::{counted, seconds, some_of};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Map, Severity, Value};
use crate::questions::services::{FailedUnit, FailedUnits, Failures};
use crate::questions::{Refusal, Stop};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "failed_units",
    aliases: &[],
    summary: "Reports which units have failed, and fails where one has that had not before",
    params: &[
        Param::optional(
            "known",
            Kind::List,
            "units that had failed before: any other one fails the host; without it nothing does",
        ),
        Param::optional(
            "settle",
            Kind::Int,
            "for how many seconds to wait where the system, or a unit, is still starting",
        )
        .default("0"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: See which units have failed
  failed_units:
  register: before
",
        returns: &[
            Returned { name: "assessed", help: "whether there is a systemd to ask" },
            Returned { name: "system", help: "what systemd says of the whole" },
            Returned { name: "names", help: "the failed units' names" },
            Returned { name: "new", help: "those that had not failed before" },
            Returned { name: "units", help: "each of them: `name`, `state`, `log`" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Most lines of journals in a message.
const SAID_MAX: usize = 6;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let looking = args.value("known").is_none();
    let failures = match host.get(FailedUnits { settle: seconds(args, "settle") }) {
        // An audit goes on to its other questions.
        Err(Stop::Refuse(refusal)) if looking => {
            return Ok(Outcome { findings: vec![not_assessed(&refusal.message)], ..unassessed() });
        }
        answer => answer?,
    };
    let Some(failures) = &*failures else {
        return Ok(Outcome {
            findings: vec![not_assessed("systemd does not run here")],
            warnings: vec!["systemd doesn't run here: whether a service has failed is unknown".into()],
            ..unassessed()
        });
    };
    let known = args.list("known");
    let is_new = |unit: &&FailedUnit| !looking && !known.contains(&unit.name.as_str());
    let new: Vec<&FailedUnit> = failures.units.iter().filter(is_new).collect();
    let result = result(failures, &new);
    if !new.is_empty() {
        return Err(Stop::Refuse(Refusal { message: message(&new), result }));
    }
    let mut outcome = Outcome::in_order(result);
    if looking {
        outcome.findings = findings(failures);
    }
    if matches!(failures.system.as_str(), "starting" | "initializing") {
        outcome.warnings.push("the system is still starting: a unit may yet fail".into());
    }
    Ok(outcome)
}

/// What is registered where nothing could be looked at.
fn unassessed() -> Outcome {
    Outcome::in_order(Map::from_iter([("assessed".into(), false.into()), ("names".into(), json!([]))]))
}

/// What an audit says: one finding for each unit, or that the service manager told nothing.
fn findings(failures: &Failures) -> Vec<Finding> {
    if matches!(failures.system.as_str(), "offline" | "unknown") {
        return vec![not_assessed("systemctl does not say how the system is")];
    }
    let found = |unit: &FailedUnit| {
        let name = &unit.name;
        let evidence = std::iter::once(&unit.state).chain(&unit.log).cloned().collect::<Vec<_>>().join("\n");
        Finding::new(FindingKind::FailedUnit, name, Severity::Medium, format!("{name} has failed"))
            .seen(evidence)
            .remedied_by(format!("see why: journalctl -u {name}; then systemctl restart, or reset-failed"))
    };
    failures.units.iter().map(found).collect()
}

fn not_assessed(evidence: &str) -> Finding {
    let title = "whether a service has failed is unknown";
    let finding = Finding::new(FindingKind::NotAssessed, "failed-unit", Severity::Low, title);
    finding.seen(evidence).remedied_by("look at the host's services by hand")
}

fn result(failures: &Failures, new: &[&FailedUnit]) -> Map {
    let names = |units: &mut dyn Iterator<Item = &FailedUnit>| -> Value {
        units.map(|unit| unit.name.as_str()).collect::<Vec<_>>().into()
    };
    let units: Vec<Value> = failures
        .units
        .iter()
        .map(|unit| json!({"name": unit.name, "state": unit.state, "log": unit.log}))
        .collect();
    Map::from_iter([
        ("assessed".into(), true.into()),
        ("system".into(), failures.system.as_str().into()),
        ("names".into(), names(&mut failures.units.iter())),
        ("new".into(), names(&mut new.iter().copied())),
        ("units".into(), units.into()),
    ])
}

/// What failed, and on the lines below what each said last.
fn message(new: &[&FailedUnit]) -> String {
    let names: Vec<String> = new.iter().map(|unit| unit.name.clone()).collect();
    let verb = if new.len() == 1 { "has" } else { "have" };
    let count = counted(new.len(), "unit");
    let mut message = format!("{count} {verb} failed since this began: {}", some_of(&names));
    let said = new.iter().flat_map(|unit| unit.log.iter().map(move |line| (&unit.name, line)));
    for (name, line) in said.take(SAID_MAX) {
        message.push_str(&format!("\n{name}: {line}"));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn ask(args: Value, answer: &str) -> Result<Outcome, Stop> {
        answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(answer)))
    }

    const TWO: &str =
        "system degraded\nunit a.service failed\nlog no database\nunit b.service auto-restart\n";

    #[test]
    fn before_a_change_it_reports_and_after_it_only_news_fail() {
        let before = ask(json!({}), TWO).unwrap();
        assert_eq!(before.result["names"], json!(["a.service", "b.service"]));
        assert_eq!(before.result["new"], json!([]));
        assert!(ask(json!({"known": ["b.service", "a.service", "c.service"]}), TWO).is_ok());
        let Err(Stop::Refuse(refusal)) = ask(json!({"known": ["b.service"]}), TWO) else { panic!("passes") };
        assert_eq!(refusal.message, "1 unit has failed since this began: a.service\na.service: no database");
        assert_eq!(refusal.result["new"], json!(["a.service"]));
    }

    #[test]
    fn an_audit_gets_a_finding_for_each_unit_and_what_tells_nothing_never_reads_as_clean() {
        let ids = |args: Value, answer: &str| {
            let outcome = ask(args, answer).unwrap();
            outcome.findings.iter().map(|f| f.id.clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(json!({}), TWO), ["failed-unit/a.service", "failed-unit/b.service"]);
        assert_eq!(ids(json!({"known": ["a.service", "b.service"]}), TWO), [""; 0]);
        assert_eq!(ids(json!({}), "system running\n"), [""; 0]);
        for blind in ["none\n", "system \n", "no bus", "system offline\n"] {
            assert_eq!(ids(json!({}), blind), ["not-assessed/failed-unit"], "{blind}");
        }
    }

    #[test]
    fn where_nothing_can_be_known_or_is_not_over_yet_that_is_said() {
        let none = ask(json!({"known": []}), "none\n").unwrap();
        assert_eq!((&none.result["assessed"], none.warnings.len()), (&json!(false), 1));
        assert_eq!(ask(json!({"known": []}), "system starting\n").unwrap().warnings.len(), 1);
    }
}

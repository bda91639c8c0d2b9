//! `automatic_updates`: whether the host installs security updates by itself, and whether that works. A group that patches
//! by hand is not judged for it; one that relies on it is told where it doesn't work.

use super::gathered::Gathered;
use super::updates::{counted, some_of};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Severity};
use crate::questions::Stop;
use crate::questions::packages::apt::automatic::{Automatic, AutomaticState};

/// The module.
pub static MODULE: Module = Module {
    name: "automatic_updates",
    aliases: &[],
    summary: "Reports whether security updates install themselves, and whether that works",
    params: &[
        Param::optional("expect", Kind::Choice(&["any", "on", "off"]), "what the group wants").default("any"),
        Param::optional("late", Kind::Int, "after how many days without a run it counts as not working")
            .default("3"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Security updates should install themselves
  automatic_updates: {expect: "on"}
"#,
        returns: &[
            Returned { name: "installed", help: "whether there is something that installs them" },
            Returned { name: "enabled", help: "whether it is switched on" },
            Returned { name: "origins", help: "where it takes updates from" },
            Returned { name: "covers_security", help: "whether the security archive is among those" },
            Returned { name: "ran", help: "when it last ran through" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

const SECONDS_PER_DAY: i64 = 86_400;

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let Some(state) = seen.known(("automatic-updates", "automatic updates"), host.get(Automatic))? else {
        return Ok(seen.outcome());
    };
    let Some(state) = state.as_ref() else {
        let texts =
            ["whether updates install themselves is unknown", "wgops knows only apt's way", "look by hand"];
        seen.not_assessed("automatic-updates", Severity::Low, texts);
        return Ok(seen.outcome());
    };
    let on = state.installed && state.enabled;
    seen.set("installed", state.installed);
    seen.set("enabled", on);
    seen.set("origins", state.origins.clone());
    seen.set("covers_security", state.covers_security());
    let expect = args.text("expect").unwrap_or("any");
    match on {
        false if expect != "off" => seen.find(off(state, expect)),
        false => {}
        true => working(state, args, &mut seen),
    }
    if on && expect == "off" {
        let finding = found("on", Severity::Low, "updates install themselves, which is not wanted here");
        seen.find(
            finding.seen("unattended-upgrades is enabled").remedied_by("apt-get purge unattended-upgrades"),
        );
    }
    Ok(seen.outcome())
}

fn found(about: &str, severity: Severity, title: impl Into<String>) -> Finding {
    Finding::new(FindingKind::AutomaticUpdates, about, severity, title)
}

fn off(state: &AutomaticState, expect: &str) -> Finding {
    let severity = if expect == "on" { Severity::Medium } else { Severity::Info };
    let evidence = match state.installed {
        false => "unattended-upgrades is not installed",
        true => "APT::Periodic does not start unattended-upgrades",
    };
    let remedy =
        "apt-get install unattended-upgrades; dpkg-reconfigure unattended-upgrades; or patch by hand";
    found("off", severity, "security updates do not install themselves").seen(evidence).remedied_by(remedy)
}

/// What keeps it from working, where it is on.
fn working(state: &AutomaticState, args: &Args, seen: &mut Gathered) {
    if !state.covers_security() {
        let title = "updates install themselves, but not the security updates";
        let evidence =
            if state.origins.is_empty() { "no origin is named".into() } else { some_of(&state.origins) };
        let remedy = "name the security archive in Unattended-Upgrade::Origins-Pattern";
        seen.find(found("origins", Severity::Medium, title).seen(evidence).remedied_by(remedy));
    }
    if !state.idle.is_empty() || !state.starter {
        let evidence =
            if state.starter { state.idle.join("; ") } else { "neither a timer nor cron starts it".into() };
        let remedy = "systemctl unmask apt-daily.timer apt-daily-upgrade.timer; systemctl enable --now both";
        seen.find(
            found("idle", Severity::Medium, "automatic updates are enabled, but nothing starts them")
                .seen(evidence)
                .remedied_by(remedy),
        );
    } else {
        seen.set("ran", state.ran);
        let days = state.ran.map(|ran| (state.now - ran) / SECONDS_PER_DAY);
        if let Some(days) = days.filter(|days| *days > args.int("late").unwrap_or(3)) {
            let title = "automatic updates have not run through lately";
            let evidence = format!("last time {} ago", counted(usize::try_from(days).unwrap_or(0), "day"));
            let remedy = "see why: unattended-upgrades --dry-run --debug";
            seen.find(found("late", Severity::Medium, title).seen(evidence).remedied_by(remedy));
        }
    }
    match &state.said {
        None => {
            let texts = [
                "how the last automatic update went is unknown",
                "its log may not be read",
                "audit with become",
            ];
            seen.not_assessed("automatic-updates", Severity::Info, texts);
        }
        Some(said) => {
            let errors: Vec<String> = said.iter().filter(|line| line.contains(" ERROR ")).cloned().collect();
            if !errors.is_empty() {
                let finding = found("failed", Severity::Medium, "the last automatic update failed");
                seen.find(finding.seen(errors.join("\n")).remedied_by("see /var/log/unattended-upgrades"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    const ON: &str = "now 1000000\npackage ii |2.9\noption APT::Periodic::Unattended-Upgrade \"1\";\n\
        option Unattended-Upgrade::Origins-Pattern:: \"label=Debian-Security\";\ntimer apt-daily.timer enabled active\n\
        timer apt-daily-upgrade.timer enabled active\nstamp unattended-upgrades-stamp 990000\nlog readable\n";

    fn found(args: Value, text: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(text))).unwrap();
        outcome.findings.iter().map(|f| format!("{} {}", f.severity, f.id)).collect()
    }

    #[test]
    fn what_works_or_is_not_wanted_is_no_finding() {
        assert_eq!(found(json!({}), ON), [""; 0]);
        let off = "now 1\n";
        assert_eq!(found(json!({}), off), ["info automatic-updates/off"]);
        assert_eq!(found(json!({"expect": "on"}), off), ["medium automatic-updates/off"]);
        assert_eq!(found(json!({"expect": "off"}), off), [""; 0]);
        assert_eq!(found(json!({"expect": "off"}), ON), ["low automatic-updates/on"]);
    }

    #[test]
    fn each_reason_why_it_does_not_work_is_told() {
        for (from, to, expected) in [
            ("label=Debian-Security", "label=Debian", "medium automatic-updates/origins"),
            (
                "upgrade.timer enabled active",
                "upgrade.timer masked inactive",
                "medium automatic-updates/idle",
            ),
            (
                "stamp unattended-upgrades-stamp 990000",
                "stamp unattended-upgrades-stamp 1000",
                "medium automatic-updates/late",
            ),
            ("log readable", "log unreadable", "info not-assessed/automatic-updates"),
            (
                "log readable",
                "log readable\nsaid 2026-11-24 ERROR Cache has broken packages",
                "medium automatic-updates/failed",
            ),
        ] {
            assert_eq!(found(json!({}), &ON.replace(from, to)), [expected]);
        }
        assert_eq!(found(json!({}), "absent\n"), ["low not-assessed/automatic-updates"]);
    }
}

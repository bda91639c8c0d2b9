//! `foreign_packages`: installed packages that no source of the host knows, so that nobody updates them; told apart from
//! those of which a source has another version.

use super::gathered::Gathered;
use super::updates::{counted, fits, some_of};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Severity, Value};
use crate::questions::Stop;
use crate::questions::packages::apt::foreign::{Stray, Strays, Unlisted};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "foreign_packages",
    aliases: &[],
    summary: "Reports installed packages that come from none of the host's sources",
    params: &[
        Param::optional("ignore", Kind::List, "packages to leave out; * stands for any text"),
        Param::optional(
            "each_max",
            Kind::Int,
            "up to how many packages get a finding each; more get one together",
        )
        .default("20"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Look for packages from nowhere
  foreign_packages:
    ignore: ["our-*"]
"#,
        returns: &[
            Returned {
                name: "foreign",
                help: "packages that no source offers: `name`, `version`, `offered`",
            },
            Returned { name: "ahead", help: "packages that are newer than what is offered, likewise" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

const REMEDY: &str = "add its source, replace it, or remove it: apt-get purge";

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let Some(strays) = seen.known(("foreign-package", "where packages come from"), host.get(Unlisted))?
    else {
        return Ok(seen.outcome());
    };
    let blind = match strays.as_ref() {
        Some(Strays::These(strays)) => {
            judge(strays, args, &mut seen);
            return Ok(seen.outcome());
        }
        Some(Strays::NoLists) => "apt has no list of available packages",
        None => "wgops knows only apt's packages",
    };
    let title = "which packages come from no source is unknown";
    seen.not_assessed("foreign-package", Severity::Low, [title, blind, "refresh the lists: apt-get update"]);
    Ok(seen.outcome())
}

fn judge(strays: &[Stray], args: &Args, seen: &mut Gathered) {
    let ignored = args.list("ignore");
    let wanted: Vec<&Stray> =
        strays.iter().filter(|s| !ignored.iter().any(|pattern| fits(pattern, &s.name))).collect();
    let foreign: Vec<&Stray> = wanted.iter().copied().filter(|s| s.offered.is_none()).collect();
    let ahead: Vec<&Stray> =
        wanted.iter().copied().filter(|s| s.offered.is_some() && !s.is_behind()).collect();
    let each_max = args.int("each_max").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    if foreign.len() > each_max {
        let title = format!("{} come from no source", counted(foreign.len(), "package"));
        let finding = Finding::new(FindingKind::ForeignPackage, "", Severity::Low, title);
        seen.find(
            finding
                .seen(some_of(&names(&foreign)))
                .remedied_by("see whether a source is missing, and which of them are still needed"),
        );
    } else {
        for stray in &foreign {
            let finding = Finding::new(
                FindingKind::ForeignPackage,
                &stray.name,
                Severity::Low,
                format!("{} comes from no source", stray.name),
            );
            seen.find(
                finding
                    .seen(format!("version {}; nobody updates it", stray.version))
                    .versions(Some(stray.version.clone()), None)
                    .remedied_by(REMEDY),
            );
        }
    }
    if !ahead.is_empty() {
        let title = format!("{} newer than in any source", counted(ahead.len(), "package"));
        let evidence: Vec<String> = ahead
            .iter()
            .map(|s| {
                format!("{} {} (sources have {})", s.name, s.version, s.offered.as_deref().unwrap_or("none"))
            })
            .collect();
        let finding = Finding::new(FindingKind::ForeignPackage, "ahead-of-sources", Severity::Info, title);
        seen.find(
            finding
                .seen(some_of(&evidence))
                .remedied_by("see where they came from: a source that is gone, or a file"),
        );
    }
    seen.set("foreign", foreign.iter().map(|s| value(s)).collect::<Vec<_>>());
    seen.set("ahead", ahead.iter().map(|s| value(s)).collect::<Vec<_>>());
}

fn names(strays: &[&Stray]) -> Vec<String> {
    strays.iter().map(|stray| stray.name.clone()).collect()
}

fn value(stray: &Stray) -> Value {
    json!({"name": stray.name, "version": stray.version, "offered": stray.offered})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    fn found(args: Value, text: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(text))).unwrap();
        outcome.findings.iter().map(|f| format!("{} {}: {}", f.severity, f.id, f.title)).collect()
    }

    #[test]
    fn packages_of_no_source_are_told_and_old_versions_are_just_updates_that_wait() {
        let text = "lists\npackage chrome 1.0\npackage old 1.0 1.1\npackage ahead 2.0 1.9\n";
        assert_eq!(
            found(json!({}), text),
            [
                "low foreign-package/chrome: chrome comes from no source",
                "info foreign-package/ahead-of-sources: 1 package newer than in any source",
            ]
        );
        assert_eq!(found(json!({"ignore": "chr*, ahead"}), text), [""; 0]);
    }

    #[test]
    fn many_are_one_finding_and_nothing_known_never_reads_as_clean() {
        let text = "lists\npackage a 1\npackage b 1\npackage c 1\n";
        assert_eq!(
            found(json!({"each_max": 2}), text),
            ["low foreign-package: 3 packages come from no source"]
        );
        for blind in ["absent\n", "nolists\n", "?"] {
            let found = found(json!({}), blind);
            assert!(found.len() == 1 && found[0].contains("not-assessed/foreign-package"), "{found:?}");
        }
    }
}

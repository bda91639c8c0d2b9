//! `release_support`: whether the host's release still gets security updates, and for how long. The dates are shipped
//! (`dates.txt` says where they are from); a release that they don't know is not assessed.

mod dates;

use super::gathered::Gathered;
use super::updates::counted;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Severity, Value};
use crate::questions::Stop;
use crate::questions::release::{Release, WhichRelease};
use dates::{AS_OF, Known, Lifetime};
use jiff::civil::Date;

/// The module.
pub static MODULE: Module = Module {
    name: "release_support",
    aliases: &[],
    summary: "Reports whether the host's release still gets security updates",
    params: &[Param::optional("soon", Kind::Int, "how many days before the end that is worth a finding")
        .default("90")],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Is the release still cared for
  release_support: {soon: 120}
",
        returns: &[
            Returned { name: "release", help: "the release's name" },
            Returned { name: "id", help: "the distribution" },
            Returned { name: "version", help: "the release's version" },
            Returned { name: "supported_until", help: "the last day of security updates" },
            Returned { name: "days_left", help: "how many days that is ahead" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    if let Some(release) = seen.known(("end-of-life", "the release"), host.get(WhichRelease))? {
        seen.set("release", release.name.clone());
        seen.set("id", release.id.clone());
        seen.set("version", release.version.clone());
        judge(&release, args.int("soon").unwrap_or(90), &mut seen);
    }
    Ok(seen.outcome())
}

fn judge(release: &Release, soon: i64, seen: &mut Gathered) {
    let today =
        jiff::Timestamp::from_second(release.now).map(|now| now.to_zoned(jiff::tz::TimeZone::UTC).date());
    match (dates::of(release), today) {
        (Known::Dates(lifetime), Ok(today)) => dated(release, lifetime, today, soon, seen),
        (Known::Rolling, _) => seen.set("supported_until", Value::Null),
        _ => {
            let name = if release.name.is_empty() { "this release" } else { &release.name };
            let title = format!("until when {name} is supported is unknown");
            let evidence = format!("ID={} VERSION_ID={}; {AS_OF}", release.id, release.version);
            let remedy = "see what the distribution says about the end of its releases";
            seen.not_assessed("end-of-life", Severity::Medium, [title.as_str(), &evidence, remedy]);
        }
    }
}

fn dated(release: &Release, lifetime: Lifetime<'_>, today: Date, soon: i64, seen: &mut Gathered) {
    let usual = lifetime.long.unwrap_or(lifetime.regular);
    let extended = lifetime.extended.filter(|_| release.extended).map(|(end, _)| end);
    let end = extended.unwrap_or(usual);
    let left = days(today, end);
    seen.set("supported_until", end.to_string());
    seen.set("days_left", left);
    let name = &release.name;
    let found = |severity, title: String| Finding::new(FindingKind::EndOfLife, "", severity, title);
    let upgrade = "upgrade to the distribution's next release";
    let finding = if left < 0 {
        let evidence = format!("support ended {end}{}; {AS_OF}", more(&lifetime, today, release.extended));
        found(Severity::High, format!("{name} gets no security updates any more"))
            .seen(evidence)
            .remedied_by(upgrade)
    } else if left <= soon {
        let days = counted(usize::try_from(left).unwrap_or(0), "day");
        let evidence = format!("support ends {end}{}; {AS_OF}", more(&lifetime, today, release.extended));
        let title = format!("{name} gets security updates for {days} more");
        found(Severity::Medium, title).seen(evidence).remedied_by(upgrade)
    } else if days(today, lifetime.regular) < 0 {
        let by = if extended.is_some() { "extended support" } else { "long-term support" };
        let evidence = format!("regular support ended {}, {by} ends {end}; {AS_OF}", lifetime.regular);
        let title = format!("{name} is in {by}");
        found(Severity::Info, title)
            .seen(evidence)
            .remedied_by("plan the upgrade; not every package is covered")
    } else {
        return;
    };
    seen.find(finding);
}

/// What could be had beyond the end.
fn more(lifetime: &Lifetime<'_>, today: Date, used: bool) -> String {
    match lifetime.extended {
        Some((end, name)) if !used && days(today, end) >= 0 => {
            format!(", with {name} {end}, which this host does not use")
        }
        _ => String::new(),
    }
}

/// Days from one day to another; negative where that lies before.
fn days(from: Date, to: Date) -> i64 {
    from.until(to).map(|span| i64::from(span.get_days())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::json;

    /// The finding about a release on a day, as `SEVERITY id: title`.
    fn on(day: &str, id: &str, version: &str, more: &str) -> String {
        let now = format!("{day}T12:00:00Z").parse::<jiff::Timestamp>().unwrap().as_second();
        let text =
            format!("os ID={id}\nos VERSION_ID=\"{version}\"\nos PRETTY_NAME=\"It\"\nnow {now}\n{more}");
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| Ok(Output::ok(text.clone()))).unwrap();
        assert!(outcome.findings.len() < 2);
        let found = outcome.findings.first().map(|f| format!("{} {}: {}", f.severity, f.id, f.title));
        found.unwrap_or_else(|| format!("fine until {}", outcome.result["supported_until"]))
    }

    #[test]
    fn what_a_day_means_for_a_release() {
        for (day, id, version, more, expected) in [
            ("2026-07-11", "debian", "12", "", "fine until \"2028-06-30\""),
            ("2026-11-25", "debian", "12", "", "info end-of-life: It is in long-term support"),
            (
                "2028-06-01",
                "debian",
                "12",
                "",
                "medium end-of-life: It gets security updates for 29 days more",
            ),
            (
                "2028-06-30",
                "debian",
                "12",
                "",
                "medium end-of-life: It gets security updates for 0 days more",
            ),
            ("2028-07-01", "debian", "12", "", "high end-of-life: It gets no security updates any more"),
            (
                "2026-11-25",
                "debian",
                "11",
                "extended debian\n",
                "info end-of-life: It is in extended support",
            ),
            ("2026-11-25", "ubuntu", "20.04", "", "high end-of-life: It gets no security updates any more"),
            (
                "2026-11-25",
                "ubuntu",
                "20.04",
                "extended ubuntu\n",
                "info end-of-life: It is in extended support",
            ),
            ("2026-11-25", "ubuntu", "26.04", "", "fine until \"2031-05-29\""),
            (
                "2026-11-25",
                "fedora",
                "43",
                "",
                "medium end-of-life: It gets security updates for 14 days more",
            ),
            ("2026-11-25", "arch", "", "", "fine until null"),
            (
                "2026-11-25",
                "debian",
                "",
                "",
                "medium not-assessed/end-of-life: until when It is supported is unknown",
            ),
            (
                "2026-11-25",
                "",
                "",
                "",
                "medium not-assessed/end-of-life: until when It is supported is unknown",
            ),
        ] {
            assert_eq!(on(day, id, version, more), expected, "{day} {id} {version}");
        }
    }

    #[test]
    fn an_answer_that_can_not_be_read_is_not_assessed() {
        let outcome = answer_with(&MODULE, &json!({}), &mut |_| Err("no answer".into())).unwrap();
        assert_eq!(outcome.findings[0].id, "not-assessed/end-of-life");
    }
}

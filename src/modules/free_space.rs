//! `free_space`: which file systems are nearly full, in space or in inodes. The ones that a host can't do without (`/`,
//! `/var`, `/boot`) weigh more.

use super::gathered::Gathered;
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Severity, Value};
use crate::questions::Stop;
use crate::questions::space::{FileSystem, Space};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "free_space",
    aliases: &[],
    summary: "Reports which file systems are nearly full",
    params: &[
        Param::optional("percent", Kind::Int, "from how many percent on a file system counts as nearly full")
            .default("90"),
        Param::optional("percent_full", Kind::Int, "from how many percent on it counts as full")
            .default("95"),
        Param::optional("enough", Kind::Int, "how many free MiB are enough, whatever the percentage")
            .default("20480"),
        Param::optional("ignore", Kind::List, "places that are left out"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Is there room
  free_space: {percent: 85, ignore: [/mnt/scratch]}
",
        returns: &[
            Returned {
                name: "file_systems",
                help: "each file system: `place`, `size_mib`, `free_mib` and how full it is",
            },
            Returned { name: "remote", help: "places that belong to other machines and were not asked" },
        ],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

/// Without room here, nothing can be patched, logged or booted.
const VITAL: [&str; 5] = ["/", "/var", "/boot", "/boot/efi", "/usr"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut seen = Gathered::default();
    let Some(systems) = seen.known(("low-disk", "file systems"), host.get(Space))? else {
        return Ok(seen.outcome());
    };
    let ignored = args.list("ignore");
    let wanted = |system: &&FileSystem| !ignored.contains(&system.place.as_str());
    for system in systems.here.iter().filter(wanted) {
        judge(system, args, &mut seen);
    }
    if systems.here.is_empty() || !systems.untold.is_empty() {
        let evidence = format!("df tells nothing of {}", systems.untold.join(", "));
        let texts = ["how full a file system is could not be seen", &evidence, "see df as root"];
        seen.not_assessed("low-disk", Severity::Low, texts);
    }
    seen.set("file_systems", systems.here.iter().map(value).collect::<Vec<_>>());
    seen.set("remote", systems.remote.clone());
    Ok(seen.outcome())
}

fn judge(system: &FileSystem, args: &Args, seen: &mut Gathered) {
    let free_mib = system.free_kib / 1024;
    let roomy = free_mib >= args.int("enough").and_then(|n| u64::try_from(n).ok()).unwrap_or(u64::MAX);
    let place = &system.place;
    if let Some(severity) =
        severity(place, percent(system.size_kib, system.free_kib), args).filter(|_| !roomy)
    {
        let used = percent(system.size_kib, system.free_kib);
        let finding = Finding::new(FindingKind::LowDisk, place, severity, format!("{place} is nearly full"));
        let evidence = format!("{used} % used, {free_mib} MiB free");
        seen.find(finding.seen(evidence).remedied_by(format!("make room: du -xh {place} | sort -h | tail")));
    }
    let Some((all, free)) = system.inodes else { return };
    if let Some(severity) = severity(place, percent(all, free), args) {
        let about = format!("{place}:inodes");
        let title = format!("{place} has nearly no inodes left");
        let finding = Finding::new(FindingKind::LowDisk, &about, severity, title);
        let evidence = format!("{} % used, {free} free", percent(all, free));
        seen.find(
            finding.seen(evidence).remedied_by(format!(
                "find where the many files are: du --inodes -x {place} | sort -n | tail"
            )),
        );
    }
}

/// How bad it is that so much is used; nothing where it isn't.
fn severity(place: &str, used: i64, args: &Args) -> Option<Severity> {
    let from = |name| args.int(name).unwrap_or(100);
    let vital = VITAL.contains(&place);
    match (used >= from("percent_full"), used >= from("percent")) {
        (true, _) if vital => Some(Severity::High),
        (true, _) => Some(Severity::Medium),
        (false, true) if vital => Some(Severity::Medium),
        (false, true) => Some(Severity::Low),
        (false, false) => None,
    }
}

/// What is used, in percent, rounded up as df does.
fn percent(all: u64, free: u64) -> i64 {
    let used = u128::from(all.saturating_sub(free)) * 100;
    i64::try_from(used.div_ceil(u128::from(all.max(1)))).unwrap_or(100)
}

fn value(system: &FileSystem) -> Value {
    json!({
        "place": system.place,
        "size_mib": system.size_kib / 1024,
        "free_mib": system.free_kib / 1024,
        "used_percent": percent(system.size_kib, system.free_kib),
        "inodes_used_percent": system.inodes.map(|(all, free)| percent(all, free)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with};
    use crate::questions::Output;

    fn found(args: Value, rows: &[(&str, u64, u64, u64)]) -> Vec<String> {
        let mut text = String::new();
        for (number, (place, used, free, inodes_free)) in rows.iter().enumerate() {
            text.push_str(&format!(
                "mount /dev/sd{number} {place}\nspace /dev/sd{number} 0 {used} {free} 1% {place}\n\
                 inodes /dev/sd{number} 0 {} {inodes_free} 1% {place}\n",
                1000 - inodes_free
            ));
        }
        let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(text.clone()))).unwrap();
        outcome.findings.iter().map(|f| format!("{} {}", f.severity, f.id)).collect()
    }

    #[test]
    fn vital_places_weigh_more_and_much_room_is_enough_whatever_the_percentage() {
        let mib = 1024;
        let rows = [
            ("/", 89 * mib, 11 * mib, 500),
            ("/var", 91 * mib, 9 * mib, 500),
            ("/srv", 91 * mib, 9 * mib, 500),
            ("/boot", 97 * mib, 3 * mib, 500),
            ("/data", 97 * mib, 3 * mib, 20),
            ("/archive", 9_900_000 * mib, 100_000 * mib, 500),
        ];
        let all = [
            "medium low-disk//var",
            "low low-disk//srv",
            "high low-disk//boot",
            "medium low-disk//data",
            "medium low-disk//data:inodes",
        ];
        assert_eq!(found(json!({}), &rows), all);
        assert_eq!(found(json!({"percent": 98, "percent_full": 99, "ignore": "/data"}), &rows), [""; 0]);
        assert_eq!(found(json!({"percent": 89, "percent_full": 99, "enough": 10}), &rows[..1]), [""; 0]);
    }

    #[test]
    fn nothing_told_is_not_assessed_and_this_machine_tells_something() {
        assert_eq!(found(json!({}), &[]), ["low not-assessed/low-disk"]);
        for bench in Bench::every_shell() {
            let result = bench.in_order(&MODULE, &json!({}));
            assert!(!result["file_systems"].as_array().unwrap().is_empty());
        }
    }
}

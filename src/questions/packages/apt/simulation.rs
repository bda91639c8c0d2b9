//! What `apt-get --simulate` prints: the packages it would install and remove, and those it leaves alone.
//!
//! # Source
//! `apt-get(8)`, option `-s`, as apt 2.6 prints it: `Inst NAME [OLD] (NEW ORIGIN:SUITE, ORIGIN:SUITE [ARCH]) …` with
//! `[OLD]` absent for a new package, `Remv NAME [OLD]`, and `Purg NAME [OLD]` where configuration files go too.

use crate::questions::packages::{Plan, PlannedInstall};

/// A simulation's outcome.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Simulation {
    /// What it would do.
    pub plan: Plan,
    /// Packages that stay although something newer is there.
    pub kept: Vec<String>,
    /// Packages that stay because their rollout has not reached this host.
    pub phased: Vec<String>,
}

impl Simulation {
    pub(super) fn parse<'a>(status: &str, lines: &[&'a str]) -> Self {
        let installs = lines.iter().filter_map(|line| install(line));
        let gone = |line: &'a str| line.strip_prefix("Remv ").or_else(|| line.strip_prefix("Purg "));
        let removes = lines.iter().filter_map(|line| gone(line)?.split_whitespace().next());
        let mut plan = Plan {
            installs: installs.collect(),
            removes: removes.map(str::to_owned).collect(),
            said: said(lines),
            ..Plan::default()
        };
        plan.installs.sort_by(|a, b| (&a.name, &a.to).cmp(&(&b.name, &b.to)));
        plan.installs.dedup();
        plan.removes.sort();
        plan.removes.dedup();
        if status != "0" {
            plan.failure = Some(what_failed(status, lines));
        }
        Self {
            plan,
            kept: named_below("The following packages have been kept back:", lines),
            phased: named_below("The following upgrades have been deferred due to phasing:", lines),
        }
    }
}

/// The lines that are for people: those that a real run prints, too.
fn said(lines: &[&str]) -> String {
    let step = |line: &str| ["Inst ", "Conf ", "Remv ", "Purg "].iter().any(|verb| line.starts_with(verb));
    lines.iter().filter(|line| !step(line)).copied().collect::<Vec<_>>().join("\n")
}

/// Reads `Inst NAME [OLD] (NEW ORIGINS [ARCH]) …`.
fn install(line: &str) -> Option<PlannedInstall> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (from, rest) = match rest.strip_prefix('[') {
        Some(old) => old.split_once(']').map(|(from, rest)| (Some(from.to_owned()), rest.trim_start()))?,
        None => (None, rest),
    };
    let (inside, _) = rest.strip_prefix('(')?.split_once(')')?;
    let (to, origins) = inside.split_once(' ').unwrap_or((inside, ""));
    let (origins, arch) = match origins.rsplit_once('[') {
        Some((origins, arch)) => (origins.trim(), arch.trim_end_matches(']')),
        None => (origins, ""),
    };
    Some(PlannedInstall {
        name: name.to_owned(),
        arch: arch.to_owned(),
        from,
        to: to.to_owned(),
        origin: origins.to_owned(),
    })
}

/// The names below a heading: lines that are indented by two spaces.
fn named_below(heading: &str, lines: &[&str]) -> Vec<String> {
    lines
        .iter()
        .skip_while(|line| **line != heading)
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .flat_map(|line| line.split_whitespace())
        .map(str::to_owned)
        .collect()
}

/// apt-get's own reasons: its errors, and the first of the dependencies that it names before them.
fn what_failed(status: &str, lines: &[&str]) -> String {
    const DEPENDENCIES_MAX: usize = 5;
    let dependencies: Vec<&str> = lines
        .iter()
        .filter(|line| line.starts_with(' ') && line.contains(" : "))
        .map(|line| line.trim())
        .collect();
    let errors = lines.iter().copied().filter(|line| line.starts_with("E: "));
    let shown = dependencies.iter().copied().take(DEPENDENCIES_MAX);
    let mut reasons: Vec<String> = shown.chain(errors).map(str::to_owned).collect();
    if let more @ 1.. = dependencies.len().saturating_sub(DEPENDENCIES_MAX) {
        reasons.push(format!("and {more} more packages with such dependencies"));
    }
    if reasons.is_empty() { format!("apt-get ended with exit status {status}") } else { reasons.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::Question as _;
    use crate::questions::packages::apt::{Freshness, Simulate};
    use crate::questions::workbench::Workbench;

    #[test]
    fn an_apt_that_cleans_up_by_itself_is_told_not_to_where_nothing_may_be_removed() {
        for mut bench in Workbench::every_shell() {
            bench.program("apt-get", "printf 'args %s\\n' \"$*\"");
            let asked = |words: &str| {
                let command_line = words.split(' ').map(str::to_owned).collect();
                let question = Simulate { freshness: Freshness::AsTheyAre, command_line };
                bench.run(Simulate::SCRIPT, &question.args(), None).text().into_owned()
            };
            let strict = asked("--no-remove install new");
            assert!(
                strict.contains("-o APT::Get::AutomaticRemove=false --no-remove install new"),
                "{strict}"
            );
            let plain = asked("--auto-remove install new");
            assert!(
                plain.contains("--auto-remove install new") && !plain.contains("AutomaticRemove"),
                "{plain}"
            );
        }
    }

    fn simulate(text: &str) -> Simulation {
        Simulation::parse("0", &text.lines().collect::<Vec<_>>())
    }

    #[test]
    fn a_line_with_two_origins_a_new_package_and_a_removal_are_read() {
        let plan = simulate(
            "Inst python3-jwt [2.6.0-1] (2.6.0-1+deb12u1 Debian:12.15/oldstable, Debian-Security:12/oldstable-security [all])\n\
             Inst newdep (1.0 Debian:12-updates/oldstable-updates [all])\n\
             Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.15/oldstable [i386]) []\n\
             Remv old-thing [1.0]\nPurg older-thing [1.0]\nConf newdep (1.0 Debian:12-updates/oldstable-updates [all])\n",
        )
        .plan;
        let seen: Vec<_> =
            plan.installs.iter().map(|i| (&*i.name, i.from.as_deref(), &*i.to, &*i.arch)).collect();
        assert_eq!(
            seen,
            [
                ("libc6:i386", Some("2.36-9"), "2.36-10", "i386"),
                ("newdep", None, "1.0", "all"),
                ("python3-jwt", Some("2.6.0-1"), "2.6.0-1+deb12u1", "all"),
            ]
        );
        assert_eq!(plan.installs[2].origin, "Debian:12.15/oldstable, Debian-Security:12/oldstable-security");
        assert_eq!(plan.removes, ["old-thing", "older-thing"]);
    }

    #[test]
    fn kept_back_and_phased_packages_are_read_from_their_lists_alone() {
        let simulation = simulate(
            "Calculating upgrade...\nThe following upgrades have been deferred due to phasing:\n  python3-software\n\
             The following packages have been kept back:\n  heldpkg\n  keptback other\n\
             The following packages will be upgraded:\n  bar\n1 upgraded, 0 newly installed\n",
        );
        assert_eq!(simulation.kept, ["heldpkg", "keptback", "other"]);
        assert_eq!(simulation.phased, ["python3-software"]);
    }

    #[test]
    fn a_failure_keeps_the_reasons_that_apt_gives() {
        let lines = [
            "Reading package lists...",
            " keptback : Depends: newdep but it is not installable",
            "E: Unable to correct problems, you have held broken packages.",
        ];
        let plan = Simulation::parse("100", &lines).plan;
        assert_eq!(
            plan.failure.as_deref(),
            Some(
                "keptback : Depends: newdep but it is not installable; \
                 E: Unable to correct problems, you have held broken packages."
            )
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_fall_over(text in "(Inst |Remv |  )?[ -~\\[\\]()]{0,60}") {
            simulate(&text);
        }
    }
}

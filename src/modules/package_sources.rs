//! `package_sources`: whether packages come from sources that can be trusted and reached: signed, checked, not expired, and
//! not failing when lists are refreshed.

mod refusals;

use super::gathered::Gathered;
use super::updates::{CACHE_VALID_TIME, REFRESH, freshness, some_of};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result};
use crate::model::{Finding, FindingKind, Severity, Value};
use crate::questions::Stop;
use crate::questions::packages::apt::sources::{Configured, List, Source, Sources, says_yes};
use crate::questions::packages::apt::{NewPackages, Updates};
use crate::questions::packages::{Refresh, WhichManager};
use refusals::{Refusal, refusals};
use serde_json::json;

/// The module.
pub static MODULE: Module = Module {
    name: "package_sources",
    aliases: &[],
    summary: "Reports sources of packages that are unsigned, expired or failing",
    params: &[
        REFRESH,
        CACHE_VALID_TIME,
        Param::optional("ignore", Kind::List, "sources to leave out, as ADDRESS SUITE without the scheme"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Are the package sources sound
  package_sources:
",
        returns: &[Returned {
            name: "sources",
            help: "each source: `file`, `line`, `uri`, `suite`, and of its `list` how old it is and whether it is signed",
        }],
    },
    effect: Effect::Nothing,
    diff,
    result: plain_result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    // `pending_updates` asks the same, so that the lists are refreshed once for both.
    let updates = host.get(Updates { freshness: freshness(args), new_packages: NewPackages::Allowed });
    let manager = host.get(WhichManager);
    let sources = host.get(Sources);
    let mut seen = Gathered::default();
    let manager = match manager {
        Err(Stop::Refuse(_)) => None,
        answer => Some(answer?),
    };
    let updates = match updates {
        // What that means is told where updates are.
        Err(Stop::Refuse(_)) => None,
        answer => Some(answer?),
    };
    if let Some(sources) = seen.known(("repository", "package sources"), sources)? {
        let refresh = updates.as_deref().and_then(Option::as_ref).map(|pending| &pending.lists.refresh);
        match sources.as_ref() {
            Some(configured) => Judge { configured, refresh, ignored: args.list("ignore") }.all(&mut seen),
            None => {
                let manager = manager.map(|manager| manager.to_string()).unwrap_or_default();
                let evidence = format!("package manager: {manager}");
                let texts =
                    ["package sources were not looked at: wgops knows only apt's", &evidence, "look by hand"];
                seen.not_assessed("repository", Severity::Low, texts);
            }
        }
    }
    Ok(seen.outcome())
}

struct Judge<'a> {
    configured: &'a Configured,
    /// What became of the refresh, where one was asked for.
    refresh: Option<&'a Refresh>,
    ignored: Vec<&'a str>,
}

impl Judge<'_> {
    fn all(&self, seen: &mut Gathered) {
        let sources: Vec<&Source> =
            self.configured.sources.iter().filter(|s| !self.ignored.contains(&s.name().as_str())).collect();
        let mut told: Vec<String> = Vec::new();
        let mut find = |finding: Finding, seen: &mut Gathered| {
            if !told.contains(&finding.id) {
                told.push(finding.id.clone());
                seen.find(finding);
            }
        };
        let failing = match self.refresh {
            Some(Refresh::Failed(said)) => refusals(said, &sources),
            _ => Vec::new(),
        };
        for source in &sources {
            self.unsigned(source).into_iter().chain(self.expired(source)).for_each(|f| find(f, seen));
        }
        failing.iter().map(Refusal::finding).for_each(|f| find(f, seen));
        self.missing(&sources, &failing).into_iter().for_each(|f| find(f, seen));
        self.options().into_iter().chain(any_key(&sources)).for_each(|f| find(f, seen));
        self.blind(seen);
        seen.set("sources", sources.iter().map(|source| value(source)).collect::<Vec<_>>());
    }

    /// Packages from here are installed without anybody's signature, or would be.
    fn unsigned(&self, source: &Source) -> Option<Finding> {
        let says = |name: &str| source.option(name).is_some_and(says_yes);
        let mut reasons = Vec::new();
        for option in ["trusted", "allow-insecure", "allow-weak", "allow-downgrade-to-insecure"] {
            if says(option) {
                reasons.push(format!("{}:{} says {option}=yes", source.file, source.line));
            }
        }
        if source.list == List::Unsigned {
            reasons.push("its list has no signature".to_owned());
        }
        (!reasons.is_empty()).then(|| {
            let title = format!("packages from {} need no signature", source.name());
            finding("unsigned", source, Severity::High, title)
                .seen(reasons.join("; "))
                .remedied_by("take the option away, and name the repository's key with signed-by")
        })
    }

    fn expired(&self, source: &Source) -> Option<Finding> {
        if source.refuses("check-valid-until") {
            let title = format!("old lists of {} would be accepted for ever", source.name());
            let evidence = format!("{}:{} says check-valid-until=no", source.file, source.line);
            let finding = finding("valid-until", source, Severity::Low, title);
            return Some(finding.seen(evidence).remedied_by("take the option away"));
        }
        let List::Signed(Some(until)) = &source.list else { return None };
        let at = time(until)?;
        // A refresh that works brings newer lists.
        let newer = self.refresh == Some(&Refresh::Private);
        (at < self.configured.now && !newer).then(|| {
            let title = format!("the list of {} has expired", source.name());
            let finding = finding("expired", source, Severity::Medium, title);
            finding
                .seen(format!("valid until {until}"))
                .remedied_by("refresh it: apt-get update; or see why it is no longer published")
        })
    }

    /// Sources of which no list was ever fetched, unless it is said already why.
    fn missing(&self, sources: &[&Source], failing: &[Refusal<'_>]) -> Vec<Finding> {
        let known = |source: &Source| failing.iter().any(|refusal| refusal.source == Some(source));
        let works = self.refresh == Some(&Refresh::Private);
        if works || !self.configured.any_list {
            return Vec::new();
        }
        let missing = sources.iter().filter(|source| source.list == List::Missing && !known(source));
        missing
            .map(|source| {
                let title = format!("no list of {} was ever fetched", source.name());
                finding("missing", source, Severity::Medium, title)
                    .seen(format!("{}:{} names it", source.file, source.line))
                    .remedied_by("see what apt says: apt-get update")
            })
            .collect()
    }

    /// Options of apt that switch checks off for every source.
    fn options(&self) -> Vec<Finding> {
        let wrong = |name: &str, value: &str| match name {
            "Acquire::Check-Valid-Until" | "Acquire::https::Verify-Peer" => !says_yes(value),
            _ => says_yes(value),
        };
        let options = self.configured.options.iter().filter(|(name, value)| wrong(name, value));
        options
            .map(|(name, value)| {
                let severity =
                    if name == "Acquire::Check-Valid-Until" { Severity::Low } else { Severity::High };
                let title = format!("apt is told not to check what it fetches: {name}");
                Finding::new(FindingKind::Repository, &format!("option/{name}"), severity, title)
                    .seen(format!("{name} \"{value}\""))
                    .remedied_by(format!(
                        "take it away: grep -rn {} /etc/apt/apt.conf*",
                        name.rsplit(':').next().unwrap_or(name)
                    ))
            })
            .collect()
    }

    fn blind(&self, seen: &mut Gathered) {
        if !self.configured.unreadable.is_empty() {
            let evidence = some_of(&self.configured.unreadable);
            let texts = ["some sources could not be read", &evidence, "audit with become"];
            seen.not_assessed("repository", Severity::Medium, texts);
        } else if self.configured.sources.is_empty() {
            let texts = [
                "no package source is configured",
                "nothing in /etc/apt/sources.list and sources.list.d",
                "name one",
            ];
            seen.find(
                Finding::new(FindingKind::Repository, "none", Severity::High, texts[0])
                    .seen(texts[1])
                    .remedied_by(texts[2]),
            );
        }
    }
}

fn finding(problem: &str, source: &Source, severity: Severity, title: String) -> Finding {
    let about = format!("{problem}/{}", source.name().replace(' ', "/"));
    Finding::new(FindingKind::Repository, &about, severity, title)
}

/// Sources that any of the keys that apt knows may sign for.
fn any_key(sources: &[&Source]) -> Option<Finding> {
    let names: Vec<String> = sources
        .iter()
        .filter(|source| {
            source.option("signed-by").is_none() && !source.option("trusted").is_some_and(says_yes)
        })
        .map(|source| source.name())
        .collect();
    (!names.is_empty()).then(|| {
        let title = "any key that apt knows may sign for some sources";
        Finding::new(FindingKind::Repository, "signed-by", Severity::Info, title)
            .seen(some_of(&names))
            .remedied_by("name each one's key with signed-by")
    })
}

fn value(source: &Source) -> Value {
    let list = match source.list {
        List::Unknown => "unknown",
        List::Missing => "missing",
        List::Unsigned => "unsigned",
        List::Signed(_) => "signed",
    };
    json!({"file": source.file, "line": source.line, "uri": source.uri, "suite": source.suite, "list": list})
}

/// Reads `Sat, 05 Dec 2026 02:13:59 UTC`.
fn time(text: &str) -> Option<i64> {
    let text = text.trim().replace("UTC", "+0000");
    jiff::fmt::rfc2822::parse(&text).ok().map(|time| time.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;

    /// The findings about these lines of configuration and lists, with what a refresh said; all is well otherwise.
    fn found(lines: &str, refresh: &str) -> Vec<String> {
        let updates = format!("== times 100 90\n== refresh {refresh}\n== upgrade 0\n== sources 0\n== end\n");
        let sources = format!("now 1795000000\nfile /etc/apt/sources.list\n{lines}");
        let outcome = answer_with(&MODULE, &json!({}), &mut |asked| {
            Ok(Output::ok(match asked.script.name {
                "package_manager" => "apt\n".to_owned(),
                "apt_updates" => updates.clone(),
                _ => sources.clone(),
            }))
        });
        outcome.unwrap().findings.iter().map(|f| format!("{} {}", f.severity, f.id)).collect()
    }

    const GOOD: &str = "line deb [signed-by=/k] http://h/d s main\nlist h_d_dists_s_InRelease\n";

    #[test]
    fn a_signed_source_is_fine_and_everything_that_weakens_one_is_told_once() {
        assert_eq!(found(GOOD, "private"), [""; 0]);
        for (lines, expected) in [
            (
                "line deb [trusted=yes signed-by=/k] http://h/d s main\nlist h_d_dists_s_Release\n",
                "high repository/unsigned/h/d/s",
            ),
            (
                "line deb [allow-insecure=yes signed-by=/k] http://h/d s main\nlist h_d_dists_s_InRelease\n",
                "high repository/unsigned/h/d/s",
            ),
            (
                "line deb [signed-by=/k] http://h/d s main\nlist h_d_dists_s_Release\n",
                "high repository/unsigned/h/d/s",
            ),
            ("line deb http://h/d s main\nlist h_d_dists_s_InRelease\n", "info repository/signed-by"),
            (
                "line deb [signed-by=/k check-valid-until=no] http://h/d s main\nlist h_d_dists_s_InRelease\n",
                "low repository/valid-until/h/d/s",
            ),
            (
                "line deb [signed-by=/k] http://h/d s main\nlist h_d_dists_s_InRelease\noption APT::Get::AllowUnauthenticated \"true\";\n",
                "high repository/option/APT::Get::AllowUnauthenticated",
            ),
            (
                "line deb [signed-by=/k] http://h/d s main\nlist h_d_dists_s_InRelease\noption Acquire::AllowWeakRepositories \"0\";\noption Acquire::Check-Valid-Until \"false\";\n",
                "low repository/option/Acquire::Check-Valid-Until",
            ),
            ("", "high repository/none"),
            ("unreadable /etc/apt/sources.list.d/x.list\n", "medium not-assessed/repository"),
        ] {
            assert_eq!(found(lines, "private"), [expected], "{lines}");
        }
    }

    #[test]
    fn an_expired_or_missing_list_counts_unless_a_refresh_just_worked() {
        let expired = format!("{GOOD}until Sat, 05 Sep 2026 02:13:59 UTC\n");
        assert_eq!(found(&expired, "private"), [""; 0]);
        assert_eq!(found(&expired, "failed"), ["medium repository/expired/h/d/s"]);
        let later = format!("{GOOD}until Sat, 05 Dec 2026 02:13:59 UTC\n");
        assert_eq!(found(&later, "failed"), [""; 0]);
        let two = format!("line deb [signed-by=/k] http://h/other s main\n{GOOD}");
        assert_eq!(found(&two, "failed"), ["medium repository/missing/h/other/s"]);
    }

    #[test]
    fn what_a_refresh_complains_of_is_told_of_the_source_it_means() {
        let said = |line: &str| found(GOOD, &format!("failed\n{line}"));
        for (line, expected) in [
            (
                "E: Failed to fetch http://h/d/dists/s/InRelease  404  Not Found [IP: 10.0.0.1 80]",
                "medium repository/failing/h/d/s",
            ),
            (
                "W: GPG error: http://h/d s InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 1",
                "high repository/signature/h/d/s",
            ),
            ("E: The repository 'http://h/d s Release' is not signed.", "high repository/unsigned/h/d/s"),
            (
                "E: Release file for http://h/d/dists/s/InRelease is expired (invalid since 3d 2h). Updates for this repository will not be applied.",
                "medium repository/expired/h/d/s",
            ),
            (
                "E: Release file for http://h/d/dists/s/InRelease is not valid yet (invalid for another 300d).",
                "medium repository/clock/h/d/s",
            ),
        ] {
            assert_eq!(said(line), [expected], "{line}");
            assert_eq!(said(&format!("{line}\n{line}")).len(), 1);
        }
        assert_eq!(
            said("W: Some index files failed to download. They have been ignored, or old ones used instead."),
            [""; 0]
        );
    }

    #[test]
    fn another_package_manager_is_not_assessed() {
        let outcome = answer_with(&MODULE, &json!({}), &mut |asked| {
            Ok(Output::ok(match asked.script.name {
                "package_manager" => "dnf\n",
                "apt_updates" => "== absent\n",
                _ => "absent\n",
            }))
        });
        assert_eq!(outcome.unwrap().findings[0].id, "not-assessed/repository");
    }
}

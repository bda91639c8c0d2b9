//! `dnf`, `yum`, `dnf5`: packages on hosts of Red Hat's family. What a command line would do is asked of dnf beforehand
//! (`--assumeno`).

use super::{
    Args, Change, Delivery, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned,
    plain_result,
};
use crate::model::{Map, Script, Subjects, Value};
use crate::questions::system::rpm::{DnfPlan, RpmInstalled};
use crate::questions::{Output, Stop};
use std::time::Duration;

/// The module.
pub static MODULE: Module = Module {
    name: "dnf",
    aliases: &["yum", "dnf5"],
    summary: "Installs, upgrades and removes packages with dnf or yum",
    params: &[
        Param::optional("name", Kind::List, "packages, @GROUP, files or URLs; * with latest: all")
            .or(&["pkg"]),
        Param::optional(
            "state",
            Kind::Choice(&["present", "absent", "latest", "installed", "removed"]),
            "what they shall be; absent where 'autoremove' is yes",
        ),
        Param::optional("update_cache", Kind::Bool, "whether lists are refreshed first")
            .or(&["expire-cache"])
            .default("no"),
        Param::optional("enablerepo", Kind::List, "sources that are used besides"),
        Param::optional("disablerepo", Kind::List, "sources that are not used"),
        Param::optional("exclude", Kind::List, "packages that are left out"),
        Param::optional("security", Kind::Bool, "whether upgrades are for security only").default("no"),
        Param::optional("bugfix", Kind::Bool, "whether upgrades mend mistakes only").default("no"),
        Param::optional("autoremove", Kind::Bool, "whether packages go that nothing needs any more")
            .default("no"),
        Param::optional("update_only", Kind::Bool, "whether packages that are not installed are left out")
            .default("no"),
        Param::optional("allow_downgrade", Kind::Bool, "whether a package may get an older version")
            .default("no"),
        Param::optional("allowerasing", Kind::Bool, "whether others may go for it").default("no"),
        Param::optional("nobest", Kind::Bool, "whether an older version does where the newest can't be had"),
        Param::optional("best", Kind::Bool, "whether it has to be the newest"),
        Param::optional("skip_broken", Kind::Bool, "whether what can't be had is left out").default("no"),
        Param::optional("disable_gpg_check", Kind::Bool, "whether signatures don't matter").default("no"),
        Param::optional("disable_excludes", Kind::Text, "whose exclusions don't count"),
        Param::optional("disable_plugin", Kind::List, "plugins that are off"),
        Param::optional("enable_plugin", Kind::List, "plugins that are on"),
        Param::optional("install_weak_deps", Kind::Bool, "whether recommended packages come along")
            .default("yes"),
        Param::optional("releasever", Kind::Text, "the release whose packages are meant"),
        Param::optional("conf_file", Kind::Path, "dnf's settings"),
        Param::optional("installroot", Kind::Path, "the host's root, if not /").default("/"),
        Param::optional("cacheonly", Kind::Bool, "whether nothing is fetched").default("no"),
        Param::optional("lock_timeout", Kind::Int, "taken: dnf waits by itself").default("30"),
        Param::optional("validate_certs", Kind::Bool, "whether certificates are verified").default("yes"),
        Param::optional("sslverify", Kind::Bool, "whether certificates of sources are verified")
            .default("yes"),
        Param::optional("use_backend", Kind::Text, "taken and not needed: the tool is found out")
            .or(&["use"]),
        Param::optional("install_repoquery", Kind::Bool, "taken and not needed"),
        Param::not_yet("list").or(&["download_only", "download_dir"]),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: The web server, from a source that is off otherwise\n  dnf:\n    name: nginx\n    state: present\n    enablerepo: epel\n- name: All that is there for security\n  dnf:\n    name: \"*\"\n    state: latest\n    security: true\n",
        returns: &[Returned { name: "results", help: "What dnf said." }],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs dnf: the digest of what was installed, or nothing, then its words.
const RUN: Script = Script {
    name: "run_dnf",
    text: concat!(
        include_str!("../questions/system/dnf_find.sh"),
        r#"
find_dnf || exit 1
if [ -n "$1" ]; then
    sum=$(rpm -qa --qf '%{NAME}-%{EVR}.%{ARCH}\n' | sort | sha256sum)
    [ "${sum%% *}" = "$1" ] || exit 113
fi
shift
"$dnf" -y "$@" 2>&1 </dev/null || exit 1
exit 0"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// What is asked for; also `package` asks it on such hosts.
pub(super) fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let names = args.list("name");
    if let Some(wrong) = names.iter().find(|name| name.starts_with('-') || name.contains(char::is_whitespace))
    {
        return Err(Stop::refuse(format!("'{wrong}' is no package")));
    }
    let state = match (args.text("state"), args.flag("autoremove")) {
        (Some("absent" | "removed"), _) | (None, true) => "absent",
        (Some("latest"), false) => "latest",
        (_, true) => return Err(Stop::refuse("Autoremove should be used alone or with state=absent")),
        _ => "present",
    };
    let known = host.get(RpmInstalled(names.iter().map(|name| (*name).to_owned()).collect()))?;
    let known = known.as_ref().clone().map_err(Stop::refuse)?.text;
    let mut digest = known.lines().find_map(|line| line.strip_prefix("digest ")).unwrap_or_default();
    let there = known.lines().filter(|line| matches!(*line, "there" | "missing")).map(|line| line == "there");
    let there: Vec<bool> = there.collect();
    let result = Map::from_iter([("results".to_owned(), Value::Array(Vec::new()))]);
    let mut outcome = Outcome { result, ..Outcome::default() };
    if names.is_empty() && args.flag("update_cache") && !args.flag("autoremove") {
        let words = vec![String::new(), "makecache".to_owned(), "--refresh".to_owned()];
        let touches = [crate::model::Subject::Packages];
        outcome.changes.push(Change::event("Refresh the package lists", RUN, words, touches));
        return Ok(outcome);
    }
    for (verb, names) in steps(args, state, &names, &there) {
        let words = words(args, verb, &names);
        let said = host.get(DnfPlan(words.clone()))?.as_ref().clone().map_err(Stop::refuse)?.text;
        if would_change(&said)? {
            outcome.changes.push(change(verb, &names, digest, words));
            // The second of two steps finds what the first one left.
            digest = "";
        }
    }
    Ok(outcome)
}

/// What dnf is to be told, one after the other: verbs, and the packages that each is about.
fn steps<'a>(
    args: &Args,
    state: &str,
    names: &[&'a str],
    there: &[bool],
) -> Vec<(&'static str, Vec<&'a str>)> {
    let of = |wanted: bool| -> Vec<&'a str> {
        names.iter().zip(there).filter(|(_, there)| **there == wanted).map(|(name, _)| *name).collect()
    };
    let some = |verb: &'static str, names: Vec<&'a str>| (!names.is_empty()).then_some((verb, names));
    let steps = match state {
        "absent" if names.is_empty() => [Some(("autoremove", Vec::new())), None],
        "absent" => [some("remove", of(true)), None],
        "latest" if *names == ["*"] => [Some(("upgrade", Vec::new())), None],
        "latest" if args.flag("update_only") => [some("upgrade", of(true)), None],
        "latest" => [some("install", of(false)), some("upgrade", of(true))],
        _ if args.flag("allow_downgrade") => [some("install", names.to_vec()), None],
        _ => [some("install", of(false)), None],
    };
    steps.into_iter().flatten().collect()
}

fn change(verb: &str, names: &[&str], digest: &str, words: Vec<String>) -> Change {
    let what = if names.is_empty() { "everything".to_owned() } else { names.join(", ") };
    let argv = [vec![digest.to_owned()], words].concat();
    let change = Change::state(format!("dnf {verb} {what}"), RUN, argv, Subjects::Undeclared);
    Change { delivery: Delivery::Detached, deadline: Duration::from_secs(2 * 60 * 60), ..change }
}

/// dnf's words for what is asked for.
fn words(args: &Args, verb: &str, names: &[&str]) -> Vec<String> {
    let mut words = Vec::new();
    let refresh = args.flag("update_cache").then(|| "--refresh".to_owned());
    words.extend(refresh);
    for (param, option) in [
        ("enablerepo", "--enablerepo"),
        ("disablerepo", "--disablerepo"),
        ("exclude", "--exclude"),
        ("disable_plugin", "--disableplugin"),
        ("enable_plugin", "--enableplugin"),
    ] {
        words.extend(args.list(param).into_iter().map(|value| format!("{option}={value}")));
    }
    for (param, option) in [
        ("security", "--security"),
        ("bugfix", "--bugfix"),
        ("allowerasing", "--allowerasing"),
        ("nobest", "--nobest"),
        ("best", "--best"),
        ("skip_broken", "--skip-broken"),
        ("disable_gpg_check", "--nogpgcheck"),
        ("cacheonly", "--cacheonly"),
    ] {
        let fits = verb == "upgrade" || !matches!(param, "security" | "bugfix");
        words.extend((args.flag(param) && fits).then(|| option.to_owned()));
    }
    for (param, option) in
        [("releasever", "--releasever"), ("conf_file", "--config"), ("disable_excludes", "--disableexcludes")]
    {
        words.extend(args.text(param).map(|value| format!("{option}={value}")));
    }
    let root = args.text("installroot").filter(|root| *root != "/");
    words.extend(root.map(|root| format!("--installroot={root}")));
    let setting = |name: &str, text: &str| [format!("--setopt={name}={text}")];
    if args.maybe_flag("install_weak_deps") == Some(false) {
        words.extend(setting("install_weak_deps", "False"));
    }
    if args.maybe_flag("sslverify") == Some(false) || args.maybe_flag("validate_certs") == Some(false) {
        words.extend(setting("sslverify", "False"));
    }
    words.push(verb.to_owned());
    words.extend(names.iter().map(|name| (*name).to_owned()));
    words
}

/// Whether dnf would do anything.
///
/// # Source
/// dnf 4.14 with `--assumeno`: `Nothing to do.` and exit status 0, or `Operation aborted.` and 1 behind the transaction.
fn would_change(said: &str) -> Result<bool, Stop> {
    let (status, text) = said.split_once('\n').unwrap_or((said, ""));
    if text.contains("Operation aborted") || text.contains("Exiting on user command") {
        return Ok(true);
    }
    if status == "0" {
        return Ok(false);
    }
    let missing = text.lines().find_map(|line| {
        line.strip_prefix("No match for argument: ")
            .or_else(|| line.strip_prefix("Error: Unable to find a match: "))
    });
    let why = missing.map(|name| format!("No package {} available.", name.trim()));
    let error = text.lines().find(|line| line.starts_with("Error") || line.starts_with("Failed"));
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    Err(Stop::refuse(
        why.unwrap_or_else(|| format!("dnf can't do it: {}", error.or(last).unwrap_or_default())),
    ))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let Some(output) = outputs.last() {
        let lines: Vec<Value> = output.text().lines().map(Value::from).collect();
        result.insert("results".into(), lines.into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    fn run(args: &Value, there: &str, plan: &str) -> Result<(Vec<String>, Vec<String>), String> {
        let mut asked = Vec::new();
        let outcome = answer_with(&MODULE, args, &mut |question| {
            Ok(Output::ok(match question.script.name {
                "rpm_installed" => format!("tool dnf\ndigest abc\n{there}"),
                _ => {
                    asked.push(question.args.0.join(" "));
                    plan.to_owned()
                }
            }))
        });
        match outcome {
            Ok(outcome) => Ok((asked, outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect())),
            Err(Stop::Refuse(refusal)) => Err(refusal.message),
            Err(stop) => panic!("{stop:?}"),
        }
    }

    const ABORTED: &str = "1\nDependencies resolved.\nInstall  1 Package\nOperation aborted.\n";

    #[test]
    fn only_what_is_missing_is_asked_for_and_installed() {
        let args = json!({"name": ["bash", "nginx"], "enablerepo": "epel", "security": true});
        let (asked, changes) = run(&args, "there\nmissing\n", ABORTED).unwrap();
        assert_eq!(asked, ["--enablerepo=epel install nginx"]);
        assert_eq!(changes, ["abc --enablerepo=epel install nginx"]);
        assert_eq!(run(&args, "there\nthere\n", ABORTED), Ok((vec![], vec![])));
        assert_eq!(run(&args, "there\nmissing\n", "0\nNothing to do.\n").unwrap().1.len(), 0);
        let missing = run(&args, "there\nmissing\n", "1\nError: Unable to find a match: nginx\n");
        assert_eq!(missing, Err("No package nginx available.".into()));
    }

    #[test]
    fn the_newest_of_all_or_some_and_removal() {
        let all = json!({"name": "*", "state": "latest", "security": true});
        assert_eq!(run(&all, "missing\n", ABORTED).unwrap().1, ["abc --security upgrade"]);
        let some = json!({"name": ["a", "b"], "state": "latest"});
        assert_eq!(run(&some, "there\nmissing\n", ABORTED).unwrap().1, ["abc install b", " upgrade a"]);
        let gone = json!({"name": ["a", "b"], "state": "absent"});
        assert_eq!(run(&gone, "there\nmissing\n", ABORTED).unwrap().1, ["abc remove a"]);
        assert_eq!(run(&gone, "missing\nmissing\n", ABORTED).unwrap().1.len(), 0);
        assert_eq!(run(&json!({"autoremove": true}), "", ABORTED).unwrap().1, ["abc autoremove"]);
    }
}

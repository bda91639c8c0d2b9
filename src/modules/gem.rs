//! `gem`: packages of Ruby.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::tools::GemList;

/// The module.
pub static MODULE: Module = Module {
    name: "gem",
    aliases: &[],
    summary: "Installs and removes packages of Ruby",
    params: &[
        Param::required("name", Kind::Text, "the package"),
        Param::optional("state", Kind::Choice(&["present", "absent", "latest"]), "what it shall be")
            .default("present"),
        Param::optional("version", Kind::Text, "the package's version"),
        Param::optional("gem_source", Kind::Path, "a file on the host with the package"),
        Param::optional("repository", Kind::Text, "where packages come from").or(&["source"]),
        Param::optional("executable", Kind::Text, "gem, if not the usual one").starts(),
        Param::optional("user_install", Kind::Bool, "whether it is for the user alone").default("yes"),
        Param::optional("install_dir", Kind::Path, "where packages lie; 'user_install' must be off"),
        Param::optional("bindir", Kind::Path, "where programs are put"),
        Param::optional("norc", Kind::Bool, "whether a gemrc is left out of account").default("yes"),
        Param::optional("include_dependencies", Kind::Bool, "whether what it needs comes along")
            .default("yes"),
        Param::optional("include_doc", Kind::Bool, "whether documentation is made").default("no"),
        Param::optional("pre_release", Kind::Bool, "whether versions before a release count").default("no"),
        Param::optional("env_shebang", Kind::Bool, "whether programs look for Ruby with env").default("no"),
        Param::optional("build_flags", Kind::Text, "what is said to what is built"),
        Param::optional("force", Kind::Bool, "whether gem is told to go on regardless").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A program for everybody\n  gem:\n    name: bundler\n    user_install: false\n",
        returns: &[
            Returned { name: "name, state", help: "as they were given" },
            Returned { name: "version", help: "as it was given" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Runs gem: its program or nothing, the directory of packages or nothing, then what it is told.
const RUN: Script = Script {
    name: "run_gem",
    text: r#"gem=${1:-gem}
[ -z "$2" ] || { GEM_HOME=$2; export GEM_HOME; }
shift 2
"$gem" "$@" </dev/null"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') || !name.chars().all(plain) {
        return Err(Stop::refuse(format!("'{name}' is no package's name")));
    }
    let version = args.text("version").filter(|version| !version.is_empty());
    if version.is_some_and(|version| version.starts_with('-')) {
        return Err(Stop::refuse("'version' is no version"));
    }
    let state = args.needed("state")?;
    if version.is_some() && state == "latest" {
        return Err(Stop::refuse("Cannot specify version when state=latest"));
    }
    if args.has("gem_source") && state == "latest" {
        return Err(Stop::refuse("Cannot maintain state=latest when installing from local source"));
    }
    if args.has("install_dir") && args.flag("user_install") {
        return Err(Stop::refuse("install_dir requires user_install=false"));
    }
    let there = versions(host, args, "--local", name)?;
    let (verb, words) = match state {
        "absent" if version.map_or(there.is_empty(), |version| !has(&there, version)) => ("", Vec::new()),
        "absent" => ("uninstall", removal(args, version)),
        "latest" => {
            let newest = versions(host, args, "--remote", name)?.into_iter().next();
            match newest.filter(|newest| !has(&there, newest)) {
                Some(newest) => ("install", installation(args, Some(&newest))),
                None => ("", Vec::new()),
            }
        }
        _ if version.map_or(!there.is_empty(), |version| has(&there, version)) => ("", Vec::new()),
        _ => ("install", installation(args, version)),
    };
    let mut result = Map::new();
    for key in ["name", "state", "version"] {
        result.extend(args.value(key).map(|value| (key.to_owned(), value.clone())));
    }
    if verb.is_empty() {
        return Ok(Outcome::in_order(result));
    }
    let what = args.text("gem_source").filter(|_| verb == "install").unwrap_or(name);
    let mut argv = [args.text("executable"), args.text("install_dir")]
        .map(|word| word.unwrap_or_default().to_owned())
        .to_vec();
    argv.push(verb.to_owned());
    argv.extend(args.flag("norc").then(|| "--norc".to_owned()));
    argv.extend(words);
    argv.push(what.to_owned());
    if let (Some(flags), "install") = (args.text("build_flags"), verb) {
        argv.extend(["--".to_owned(), flags.to_owned()]);
    }
    let touches = [Subject::path(args.text("install_dir").unwrap_or("/usr/local"))];
    let shown = version.map(|version| format!(" {version}")).unwrap_or_default();
    let change = Change::state(format!("gem {verb} {name}{shown}"), RUN, argv, touches);
    Ok(Outcome::change(result, vec![change]))
}

fn has(there: &[String], version: &str) -> bool {
    there.iter().any(|known| known == version)
}

/// The versions of a package that are on the host, or that can be had; the newest first.
fn versions(host: &Host<'_>, args: &Args, place: &str, name: &str) -> Result<Vec<String>, Stop> {
    let mut words: Vec<String> = ["executable", "install_dir"]
        .iter()
        .map(|key| args.text(key).unwrap_or_default().to_owned())
        .collect();
    words.push(place.to_owned());
    words.extend(args.flag("norc").then(|| "--norc".to_owned()));
    if place == "--remote" {
        words.extend(args.flag("pre_release").then(|| "--prerelease".to_owned()));
        words.extend(args.text("repository").map(|url| format!("--source={url}")));
    }
    words.push(format!("^{}$", name.replace('.', r"\.")));
    let said = host.get(GemList(words))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" (")?.strip_suffix(')'));
    // `2.4.1, default: 2.3.7, 1.0 java`
    let version = |word: &str| {
        word.trim().trim_start_matches("default: ").split(' ').next().unwrap_or_default().to_owned()
    };
    Ok(line.into_iter().flat_map(|line| line.split(',')).map(version).collect())
}

fn removal(args: &Args, version: Option<&str>) -> Vec<String> {
    let mut words = match version {
        Some(version) => vec![format!("--version={version}")],
        None => vec!["--all".to_owned()],
    };
    words.push("--executables".to_owned());
    words.extend(args.text("install_dir").map(|path| format!("--install-dir={path}")));
    words.extend(args.text("bindir").map(|path| format!("--bindir={path}")));
    words.extend(args.flag("force").then(|| "--force".to_owned()));
    words
}

fn installation(args: &Args, version: Option<&str>) -> Vec<String> {
    let mut words: Vec<String> = version.map(|version| format!("--version={version}")).into_iter().collect();
    words.extend(args.text("repository").map(|url| format!("--source={url}")));
    words.extend(args.text("install_dir").map(|path| format!("--install-dir={path}")));
    words.extend(args.text("bindir").map(|path| format!("--bindir={path}")));
    words.push(if args.flag("user_install") { "--user-install" } else { "--no-user-install" }.to_owned());
    for (param, when, option) in [
        ("include_dependencies", false, "--ignore-dependencies"),
        ("pre_release", true, "--pre"),
        ("include_doc", false, "--no-document"),
        ("env_shebang", true, "--env-shebang"),
        ("force", true, "--force"),
    ] {
        words.extend((args.flag(param) == when).then(|| option.to_owned()));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use crate::questions::Output;
    use serde_json::{Value, json};

    fn run(args: Value) -> Result<Vec<String>, Stop> {
        let outcome = answer_with(&MODULE, &args, &mut |asked| {
            Ok(match asked.args.0.iter().any(|word| word == "--remote") {
                true => Output::ok("rake (13.2.1)\n"),
                false => Output::ok("rake (13.0.6, default: 12.3.3)\n"),
            })
        })?;
        Ok(outcome.changes.into_iter().map(|change| change.args.0.join(" ")).collect())
    }

    #[test]
    fn a_package_is_installed_where_it_or_its_version_is_missing() {
        assert!(run(json!({"name": "rake"})).unwrap().is_empty());
        assert!(run(json!({"name": "rake", "version": "12.3.3"})).unwrap().is_empty());
        assert!(run(json!({"name": "rak", "state": "absent"})).unwrap().is_empty());
        assert_eq!(
            run(json!({"name": "rake", "version": "11.0", "user_install": false})).unwrap(),
            ["  install --norc --version=11.0 --no-user-install --no-document rake"]
        );
        assert_eq!(
            run(json!({"name": "rake", "state": "latest", "norc": false})).unwrap(),
            ["  install --version=13.2.1 --user-install --no-document rake"]
        );
        assert_eq!(
            run(json!({"name": "rake", "state": "absent"})).unwrap(),
            ["  uninstall --norc --all --executables rake"]
        );
        let built =
            json!({"name": "pg", "build_flags": "--with-x", "install_dir": "/opt/g", "user_install": false});
        assert_eq!(
            run(built).unwrap(),
            [" /opt/g install --norc --install-dir=/opt/g --no-user-install --no-document pg -- --with-x"]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for args in [
            json!({"name": "-x"}),
            json!({"name": "a b"}),
            json!({"name": "rake", "version": "1", "state": "latest"}),
            json!({"name": "rake", "install_dir": "/opt"}),
        ] {
            assert!(run(args.clone()).is_err(), "{args}");
        }
    }
}

//! `npm`: packages of Node.js, for the whole host or in a project's directory.

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::system::tools::NpmList;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "npm",
    aliases: &[],
    summary: "Installs and removes packages of Node.js",
    params: &[
        Param::optional("name", Kind::Text, "the package; without it what the project lists"),
        Param::optional("path", Kind::Path, "the project's directory; needed unless 'global'"),
        Param::optional("version", Kind::Text, "the package's version"),
        Param::optional("state", Kind::Choice(&["present", "absent", "latest"]), "what it shall be")
            .default("present"),
        Param::optional("global", Kind::Bool, "whether it is for the whole host").default("no"),
        Param::optional("executable", Kind::Path, "npm, if not the usual one").starts(),
        Param::optional("ignore_scripts", Kind::Bool, "whether packages' scripts don't run").default("no"),
        Param::optional("unsafe_perm", Kind::Bool, "whether scripts keep their user").default("no"),
        Param::optional("ci", Kind::Bool, "whether exactly what the lock file says is installed anew")
            .or(&["clean_install"])
            .default("no"),
        Param::optional("production", Kind::Bool, "whether what is for development alone is left out")
            .default("no"),
        Param::optional("registry", Kind::Text, "where packages come from"),
        Param::optional("no_optional", Kind::Bool, "whether optional packages are left out").default("no"),
        Param::optional("no_bin_links", Kind::Bool, "whether programs are not linked").default("no"),
        Param::optional("force", Kind::Bool, "whether npm is told to go on regardless").default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: A program for everybody\n  npm:\n    name: yarn\n    global: true\n- name: What the project needs\n  npm:\n    path: /srv/app\n    production: true\n",
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs npm: a directory or nothing, the program or nothing, then what it is told.
const RUN: Script = Script {
    name: "run_npm",
    text: r#"npm=${2:-npm}
if [ -n "$1" ]; then mkdir -p -- "$1" && cd -- "$1" || exit 1; fi
shift 2
"$npm" "$@" </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let global = args.flag("global");
    let name = args.text("name");
    let path = args.text("path").unwrap_or_default();
    if path.is_empty() && !global {
        return Err(Stop::refuse("path must be specified when not using global"));
    }
    if name.is_some_and(|name| name.starts_with('-') || name.is_empty() || name.contains(char::is_whitespace))
    {
        return Err(Stop::refuse("'name' is no package's name"));
    }
    if name.is_none() && args.text("state") == Some("absent") {
        return Err(Stop::refuse("uninstalling a package is only available for named packages"));
    }
    let place = if global { "" } else { path };
    let asked = vec![place.to_owned(), args.text("executable").unwrap_or_default().to_owned()];
    let said = host.get(NpmList(asked))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let listed: Value =
        serde_json::from_str(&said).map_err(|_| Stop::refuse("what 'npm list' prints is no JSON"))?;
    let listed = Listed::read(&listed);
    let change = |verb: &str, what: Option<String>, nature: Nature| {
        let mut argv =
            vec![place.to_owned(), args.text("executable").unwrap_or_default().to_owned(), verb.to_owned()];
        argv.extend(options(args));
        argv.extend(what.clone());
        let touches = [Subject::path(if global { "/usr/local" } else { path })];
        let summary = format!("npm {verb} {}", what.unwrap_or_else(|| format!("in {path}")));
        Change { nature, ..Change::state(summary, RUN, argv, touches) }
    };
    let wanted = name.map(|name| match args.text("version") {
        Some(version) => format!("{name}@{version}"),
        None => name.to_owned(),
    });
    let changes = match (args.text("state"), name) {
        (Some("absent"), Some(name)) => {
            listed.version(name).map(|_| change("uninstall", Some(name.to_owned()), Nature::State))
        }
        (Some("latest"), Some(name)) if listed.version(name).is_none() => {
            Some(change("install", Some(format!("{name}@latest")), Nature::State))
        }
        (Some("latest"), _) => Some(change("update", name.map(str::to_owned), Nature::Event)),
        (_, Some(name)) => {
            let there = listed.version(name);
            let same = there.is_some_and(|version| {
                args.text("version").is_none_or(|wanted| wanted.trim_start_matches('v') == version)
            });
            (!same).then(|| change("install", wanted, Nature::State))
        }
        (_, None) if args.flag("ci") => Some(change("ci", None, Nature::Event)),
        (_, None) => {
            (listed.missing || listed.packages.is_empty()).then(|| change("install", None, Nature::Event))
        }
    };
    Ok(Outcome::change(Map::new(), changes.into_iter().collect()))
}

/// What npm says is there.
struct Listed {
    packages: Vec<(String, String)>,
    missing: bool,
}

impl Listed {
    fn read(value: &Value) -> Self {
        let mut listed = Self { packages: Vec::new(), missing: false };
        for (name, entry) in value.get("dependencies").and_then(Value::as_object).into_iter().flatten() {
            let is = |key: &str| {
                entry.get(key).is_some_and(|value| value != &Value::Bool(false) && !value.is_null())
            };
            let version = entry.get("version").and_then(Value::as_str);
            match version.filter(|_| !is("missing") && !is("invalid")) {
                Some(version) => listed.packages.push((name.clone(), version.to_owned())),
                None => listed.missing = true,
            }
        }
        listed
    }

    fn version(&self, name: &str) -> Option<&str> {
        self.packages.iter().find(|(known, _)| known == name).map(|(_, version)| version.as_str())
    }
}

fn options(args: &Args) -> Vec<String> {
    let flags = [
        ("global", "--global"),
        ("production", "--production"),
        ("force", "--force"),
        ("ignore_scripts", "--ignore-scripts"),
        ("unsafe_perm", "--unsafe-perm"),
        ("no_optional", "--no-optional"),
        ("no_bin_links", "--no-bin-links"),
    ];
    let given = flags.into_iter().filter(|(param, _)| args.flag(param)).map(|(_, flag)| flag.to_owned());
    let registry = args.text("registry").map(|url| format!("--registry={url}"));
    given.chain(registry).collect()
}

/// npm says itself whether an update found anything.
fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let (Some(output), Some(change)) = (outputs.last(), outcome.changes.last()) {
        let text = output.text();
        result.insert("stdout".into(), text.trim_end().into());
        let idle = text.lines().all(|line| {
            !line.starts_with("added") && !line.starts_with("changed") && !line.starts_with("removed")
        });
        if change.nature == Nature::Event
            && change.args.0.get(2).is_some_and(|verb| verb == "update")
            && idle
            && output.status == 0
        {
            result.insert("changed".into(), false.into());
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    fn run(args: &Value, said: &str) -> Vec<String> {
        let outcome = answer_with(&MODULE, args, &mut |_| Ok(Output::ok(said))).unwrap();
        outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect()
    }

    #[test]
    fn a_package_is_installed_where_it_is_missing_or_another_version() {
        let said = r#"{"dependencies": {"yarn": {"version": "1.22.0"}, "gone": {"required": "^1", "missing": true}}}"#;
        assert!(run(&json!({"name": "yarn", "global": true}), said).is_empty());
        assert!(run(&json!({"name": "yarn", "global": true, "version": "1.22.0"}), said).is_empty());
        assert_eq!(
            run(&json!({"name": "yarn", "global": true, "version": "2"}), said),
            ["  install --global yarn@2"]
        );
        assert_eq!(run(&json!({"name": "gone", "path": "/p"}), said), ["/p  install gone"]);
        assert_eq!(run(&json!({"path": "/p", "production": true}), said), ["/p  install --production"]);
        assert_eq!(
            run(&json!({"name": "yarn", "path": "/p", "state": "absent"}), said),
            ["/p  uninstall yarn"]
        );
        assert!(run(&json!({"name": "none", "path": "/p", "state": "absent"}), "{}").is_empty());
        assert!(answer_with(&MODULE, &json!({"name": "x"}), &mut |_| Ok(Output::ok("{}"))).is_err());
    }
}

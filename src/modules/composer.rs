//! `composer`: what a PHP project needs. composer itself is asked beforehand what it would do (`--dry-run`).

use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject};
use crate::questions::system::tools::ComposerPlan;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "composer",
    aliases: &[],
    summary: "Installs what a PHP project needs",
    params: &[
        Param::optional("command", Kind::Text, "composer's command").default("install"),
        Param::optional("arguments", Kind::Text, "its arguments, as vendor/package"),
        Param::optional("working_dir", Kind::Path, "the project's directory; needed unless 'global_command'")
            .starts()
            .or(&["working-dir"]),
        Param::optional("executable", Kind::Path, "PHP, if not the usual one").starts().or(&["php_path"]),
        Param::optional("composer_executable", Kind::Path, "composer, if not the usual one"),
        Param::optional("global_command", Kind::Bool, "whether it is for the user instead of a project")
            .default("no"),
        Param::optional("prefer_source", Kind::Bool, "whether sources are cloned").default("no"),
        Param::optional("prefer_dist", Kind::Bool, "whether archives are unpacked").default("no"),
        Param::optional("force", Kind::Bool, "taken and not needed").default("no"),
        Param::optional("no_dev", Kind::Bool, "whether what is for development alone is left out")
            .default("yes"),
        Param::optional("no_scripts", Kind::Bool, "whether scripts don't run").default("no"),
        Param::optional("no_plugins", Kind::Bool, "whether plugins are off").default("no"),
        Param::optional("optimize_autoloader", Kind::Bool, "whether the autoloader is made fast")
            .default("yes"),
        Param::optional("classmap_authoritative", Kind::Bool, "whether classes come from the map alone")
            .default("no"),
        Param::optional("apcu_autoloader", Kind::Bool, "whether APCu keeps what was found").default("no"),
        Param::optional("ignore_platform_reqs", Kind::Bool, "whether what PHP lacks doesn't matter")
            .default("no"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: What the site needs\n  composer:\n    working_dir: /srv/site\n",
        returns: &[super::Returned { name: "stdout", help: "What composer said." }],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs composer: the program, PHP or nothing, a directory or nothing, then what it is told.
const RUN: Script = Script {
    name: "run_composer",
    text: r#"composer=$1 php=$2
[ -z "$3" ] || cd -- "$3" || exit 1
shift 3
COMPOSER_ALLOW_SUPERUSER=1
export COMPOSER_ALLOW_SUPERUSER
if [ -n "$php" ]; then
    path=$(command -v "$composer") || path=$composer
    "$php" "$path" "$@" 2>&1 </dev/null || exit 1
else
    "$composer" "$@" 2>&1 </dev/null || exit 1
fi
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// Commands that can be asked what they would do.
const FORESEEABLE: [&str; 4] = ["install", "update", "require", "remove"];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let command = args.needed("command")?;
    if command.is_empty() || command.contains(char::is_whitespace) || command.starts_with('-') {
        return Err(Stop::refuse("Use the 'arguments' param for passing arguments with the 'command'"));
    }
    let global = args.flag("global_command");
    let place = args.text("working_dir").unwrap_or_default();
    if place.is_empty() && !global {
        return Err(Stop::refuse("'working_dir' is needed unless 'global_command' is yes"));
    }
    let head = [
        args.text("composer_executable").unwrap_or("composer"),
        args.text("executable").unwrap_or_default(),
        place,
    ];
    let argv = [head.map(str::to_owned).to_vec(), words(args, command, global)?].concat();
    let summary = format!("composer {command} {}", args.text("arguments").unwrap_or(place));
    let touches = Subject::path(if place.is_empty() { "/" } else { place });
    if !FORESEEABLE.contains(&command) {
        return Ok(Outcome::change(Map::new(), vec![Change::event(summary, RUN, argv, [touches])]));
    }
    let said = host.get(ComposerPlan(argv.clone()))?;
    let said = said.as_ref().clone().map_err(|why| Stop::refuse(format!("composer: {why}")))?.text;
    let change = Change { nature: Nature::State, ..Change::state(summary, RUN, argv, [touches]) };
    Ok(Outcome::change(Map::new(), would_change(&said).then_some(change).into_iter().collect()))
}

fn would_change(said: &str) -> bool {
    let idle = ["Nothing to install", "0 installs, 0 updates, 0 removals"];
    let busy = |line: &str| {
        let line = line.trim_start();
        line.starts_with("- Installing")
            || line.starts_with("- Upgrading")
            || line.starts_with("- Downgrading")
            || line.starts_with("- Removing")
    };
    said.lines().any(busy) || !idle.iter().any(|text| said.contains(text))
}

fn words(args: &Args, command: &str, global: bool) -> Result<Vec<String>, Stop> {
    let mut words: Vec<String> = Vec::new();
    words.extend(global.then(|| "global".to_owned()));
    words.push(command.to_owned());
    words.extend(["--no-ansi", "--no-interaction", "--no-progress"].map(str::to_owned));
    let installs = matches!(command, "install" | "update");
    for (param, flag, fits) in [
        ("prefer_source", "--prefer-source", true),
        ("prefer_dist", "--prefer-dist", true),
        ("no_dev", "--no-dev", installs || command == "dump-autoload"),
        ("no_scripts", "--no-scripts", true),
        ("no_plugins", "--no-plugins", true),
        ("optimize_autoloader", "--optimize-autoloader", FORESEEABLE.contains(&command)),
        ("classmap_authoritative", "--classmap-authoritative", FORESEEABLE.contains(&command)),
        ("apcu_autoloader", "--apcu-autoloader", FORESEEABLE.contains(&command)),
        ("ignore_platform_reqs", "--ignore-platform-reqs", true),
    ] {
        words.extend((args.flag(param) && fits).then(|| flag.to_owned()));
    }
    let given = super::shell_words::split(args.text("arguments").unwrap_or_default());
    words.extend(given.map_err(|why| Stop::refuse(format!("arguments: {why}")))?);
    Ok(words)
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    if let Some(output) = outputs.last() {
        result.insert("stdout".into(), output.text().trim_end().into());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::answer_with;
    use serde_json::json;

    #[test]
    fn composer_runs_where_it_says_that_it_would_do_something() {
        let run = |said: &'static str| {
            let mut asked = String::new();
            let outcome = answer_with(&MODULE, &json!({"working_dir": "/srv/site"}), &mut |question| {
                asked = question.args.0.join(" ");
                Ok(Output::ok(said))
            });
            (asked, outcome.unwrap().changes.len())
        };
        let (asked, changes) =
            run("Installing dependencies from lock file\nNothing to install, update or remove\n");
        assert_eq!(changes, 0);
        assert_eq!(
            asked,
            "composer  /srv/site install --no-ansi --no-interaction --no-progress --no-dev --optimize-autoloader"
        );
        assert_eq!(
            run("Package operations: 1 install, 0 updates, 0 removals\n  - Installing a/b (1.0)\n").1,
            1
        );
    }
}

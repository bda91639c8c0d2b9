//! `django_manage`: a command of a Django project's `manage.py`. What it does is Django's affair, so a dry run says *would run*;
//! from what it prints, it is known afterwards whether something changed.

use super::shell_words::split;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subjects, Value};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "django_manage",
    aliases: &[],
    summary: "Runs a command of a Django project's manage.py",
    params: &[
        Param::required(
            "command",
            Kind::Text,
            "the command, as migrate or collectstatic, with its own words",
        ),
        Param::required("project_path", Kind::Path, "the directory of manage.py").or(&["app_path", "chdir"]),
        Param::optional("virtualenv", Kind::Path, "the virtual environment it runs in").or(&["virtual_env"]),
        Param::optional("settings", Kind::Text, "the module of Python with the settings"),
        Param::optional("pythonpath", Kind::Path, "a directory where modules of Python are looked for, too")
            .or(&["python_path"]),
        Param::optional(
            "apps",
            Kind::Text,
            "of which apps (flush, migrate, test and the like), with blanks between them",
        ),
        Param::optional(
            "database",
            Kind::Text,
            "which database (createcachetable, flush, loaddata, migrate)",
        ),
        Param::optional("cache_table", Kind::Text, "the table (createcachetable)"),
        Param::optional("fixtures", Kind::Text, "which fixtures (loaddata), with blanks between them"),
        Param::optional("clear", Kind::Bool, "whether old files go first (collectstatic)").default("no"),
        Param::optional("failfast", Kind::Bool, "whether the first failure ends it (test)")
            .or(&["fail_fast"])
            .default("no"),
        Param::optional("testrunner", Kind::Text, "what runs the tests (test)").or(&["test_runner"]),
        Param::optional("skip", Kind::Bool, "skip what is out of order (migrate)"),
        Param::optional("merge", Kind::Bool, "merge what is out of order (migrate)"),
        Param::optional("link", Kind::Bool, "link files instead of copying them (collectstatic)"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Bring the tables up to date
  django_manage: {command: migrate, project_path: /srv/shop, virtualenv: /srv/shop/venv, settings: shop.settings}
"#,
        returns: &[
            Returned { name: "cmd", help: "what was run" },
            Returned { name: "out", help: "what it printed" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs manage.py: the directory, a virtual environment or nothing, then its words.
const RUN: Script = Script {
    name: "run_django_manage",
    text: r#"cd -- "$1" || exit 1
if [ -n "$2" ]; then
    [ -x "$2/bin/python" ] || [ -x "$2/bin/python3" ] || { printf '%s is no virtual environment\n' "$2" >&2; exit 1; }
    PATH=$2/bin:$PATH VIRTUAL_ENV=$2
    export PATH VIRTUAL_ENV
fi
shift 2
./manage.py "$@" 2>&1 </dev/null"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

/// Parameters that only some commands take.
const OWN: &[(&str, &[&str])] = &[
    ("apps", &["cleanup", "flush", "migrate", "syncdb", "test", "validate"]),
    ("clear", &["collectstatic"]),
    ("database", &["createcachetable", "flush", "loaddata", "syncdb", "migrate"]),
    ("failfast", &["test"]),
    ("fixtures", &["loaddata"]),
    ("testrunner", &["test"]),
    ("skip", &["syncdb", "migrate"]),
    ("merge", &["syncdb", "migrate"]),
    ("link", &["collectstatic"]),
    ("cache_table", &["createcachetable"]),
];

fn diff(args: &Args, _host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut words = split(args.needed("command")?).map_err(|why| Stop::refuse(format!("command: {why}")))?;
    let command = words.first().cloned().ok_or_else(|| Stop::refuse("'command' is empty"))?;
    let given = |name: &str| match args.value(name) {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(_) => true,
    };
    if let Some((name, _)) = OWN.iter().find(|(name, own)| given(name) && !own.contains(&command.as_str())) {
        return Err(Stop::refuse(format!("{name} param is incompatible with command={command}")));
    }
    if command == "loaddata" && !given("fixtures") {
        return Err(Stop::refuse("fixtures param is required for command=loaddata"));
    }
    let asks = matches!(command.as_str(), "flush" | "syncdb" | "migrate" | "test" | "collectstatic");
    if asks && !words.iter().any(|word| word == "--noinput") {
        words.push("--noinput".into());
    }
    for name in ["settings", "pythonpath", "database", "testrunner"] {
        words.extend(args.text(name).filter(|text| !text.is_empty()).map(|text| format!("--{name}={text}")));
    }
    for name in ["clear", "failfast", "skip", "merge", "link"] {
        words.extend(args.flag(name).then(|| format!("--{name}")));
    }
    for name in ["apps", "cache_table", "fixtures"] {
        let more = split(args.text(name).unwrap_or_default())
            .map_err(|why| Stop::refuse(format!("{name}: {why}")))?;
        words.extend(more);
    }
    let mut result = Map::new();
    result.insert("cmd".into(), format!("./manage.py {}", words.join(" ")).into());
    result.insert("app_path".into(), args.needed("project_path")?.into());
    let head =
        [args.needed("project_path")?.to_owned(), args.text("virtualenv").unwrap_or_default().to_owned()];
    let summary = format!("run manage.py {}", words.join(" "));
    let change = Change::event(summary, RUN, [head.to_vec(), words].concat(), Subjects::Undeclared);
    Ok(Outcome::change(result, vec![Change { nature: Nature::Opaque, ..change }]))
}

/// Whether a line says that something was done.
fn tells_of_change(command: &str, line: &str) -> bool {
    let installed = line.contains("Installed") && !line.contains("Installed 0 object");
    match command {
        "flush" | "loaddata" => installed,
        "syncdb" => installed || line.contains("Creating table "),
        "migrate" => installed || line.contains("Migrating forwards ") || line.contains("Applying"),
        "collectstatic" => !line.is_empty() && !line.contains("0 static files"),
        _ => false,
    }
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let command = outcome.changes.first().and_then(|change| change.args.0.get(2)).map_or("", String::as_str);
    let Some(output) = outputs.first() else { return result };
    let text = output.text().into_owned();
    let there = command == "createcachetable" && text.contains("already exists");
    if output.status == 0 || there {
        let changed = match command {
            "createcachetable" => !there,
            _ => text.lines().any(|line| tells_of_change(command, line)),
        };
        result.insert("changed".into(), changed.into());
    }
    if there {
        for key in ["failed", "msg", "rc"] {
            result.shift_remove(key);
        }
    }
    result.insert("out".into(), text.into());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_command_is_run_with_its_words_and_says_whether_it_changed_something() {
        for bench in Bench::every_shell() {
            bench.file(
                "manage.py",
                "#!/bin/sh\necho \"$@\"\n[ \"$1\" != migrate ] || echo '  Applying shop.0001... OK'\n",
            );
            std::fs::set_permissions(bench.at("manage.py"), PermissionsExt::from_mode(0o755)).unwrap();
            let mut args = json!({"command": "migrate --fake", "project_path": bench.path("."), "settings": "a.b", "apps": "shop 'x y'"});
            let done = bench.changes(&MODULE, &args);
            assert!(
                done["out"]
                    .as_str()
                    .unwrap()
                    .starts_with("migrate --fake --noinput --settings=a.b shop x y\n")
            );
            assert_eq!(done["changed"], json!(true));
            args["command"] = json!("test");
            assert_eq!(bench.changes(&MODULE, &args)["changed"], json!(false));
            args["clear"] = json!(true);
            assert!(bench.refusal(&MODULE, &args).contains("clear param is incompatible with command=test"));
            let lacking = json!({"command": "loaddata", "project_path": bench.path(".")});
            assert!(bench.refusal(&MODULE, &lacking).contains("fixtures param is required"));
            let nowhere = json!({"command": "check", "project_path": bench.path("none")});
            assert_eq!(bench.settle(&MODULE, &nowhere).result["failed"], json!(true));
        }
    }
}

//! `git_config`: a setting of git, for a repository, a user or the whole host.

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subjects, Value};
use crate::questions::Stop;
use crate::questions::gitconfig::GitSetting;

/// The module.
pub static MODULE: Module = Module {
    name: "git_config",
    aliases: &[],
    summary: "Sets or removes a setting of git",
    params: &[
        Param::optional("name", Kind::Text, "the setting, such as user.email"),
        Param::optional("value", Kind::Text, "its value"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether it is to be there")
            .default("present"),
        Param::optional("scope", Kind::Choice(&["file", "global", "local", "system"]), "whose setting it is"),
        Param::optional("repo", Kind::Path, "the repository, for scope local"),
        Param::optional("file", Kind::Path, "the file, for scope file"),
        Param::optional("add_mode", Kind::Choice(&["add", "replace-all"]), "whether other values stay")
            .default("replace-all"),
        Param::not_yet("list_all"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r"
- name: Everybody pulls by rebasing
  git_config: {name: pull.rebase, value: 'true', scope: system}
",
        returns: &[Returned { name: "config_value", help: "without `value`: the value that there is" }],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Sets or removes a setting.
const SET: Script = Script {
    name: "set_git_setting",
    text: r#"repo=$1 verb=$2 name=$3 value=$4
shift 4
if [ -n "$repo" ]; then cd -- "$repo" || exit 1; else cd /; fi
case $verb in
unset) git config "$@" --unset-all "$name" || exit 1 ;;
add) git config "$@" --add "$name" "$value" || exit 1 ;;
*) git config "$@" --replace-all "$name" "$value" || exit 1 ;;
esac
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[SET];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let name = args.needed("name")?;
    if name.starts_with('-') || !name.contains('.') || name.chars().any(char::is_control) {
        return Err(Stop::refuse(format!("'name' is {name}: expected SECTION.KEY, such as user.email")));
    }
    let repo = args.text("repo").unwrap_or_default().to_owned();
    let scope = scope(args, &repo)?;
    let question = GitSetting { repo: repo.clone(), scope: scope.clone(), name: name.to_owned() };
    let values = match host.get(question)?.as_ref() {
        Ok(values) => values.clone(),
        Err(why) => return Err(Stop::refuse(format!("git config: {why}"))),
    };
    let value = args.text("value");
    let mut result = Map::new();
    let verb = match (args.text("state"), value) {
        (Some("absent"), _) => (!values.is_empty()).then_some("unset"),
        (_, None) => {
            let there = values.first().map_or(Value::from(""), |value| value.clone().into());
            result.insert("config_value".into(), there);
            None
        }
        (_, Some(value)) => match args.text("add_mode") {
            Some("add") => (!values.iter().any(|there| there == value)).then_some("add"),
            _ => (values != [value]).then_some("set"),
        },
    };
    let change = verb.map(|verb| {
        let summary = match verb {
            "unset" => format!("remove git's setting {name}"),
            _ => format!("set git's {name}"),
        };
        let mut words = vec![repo, verb.to_owned(), name.to_owned(), value.unwrap_or_default().to_owned()];
        words.extend(scope);
        Change::state(summary, SET, words, Subjects::Undeclared)
    });
    Ok(Outcome::change(result, change.into_iter().collect()))
}

fn scope(args: &Args, repo: &str) -> Result<Vec<String>, Stop> {
    let default = if repo.is_empty() { "global" } else { "local" };
    match args.text("scope").unwrap_or(default) {
        "local" if repo.is_empty() => Err(Stop::refuse("'repo' is needed with scope local")),
        "file" => Ok(vec!["--file".to_owned(), args.needed("file")?.to_owned()]),
        other => Ok(vec![format!("--{other}")]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_setting_is_set_once_read_and_removed() {
        let bench = Bench::new();
        if std::process::Command::new("git").arg("--version").output().is_err() {
            return;
        }
        let file = bench.path("a b.conf");
        let mut args = json!({"name": "user.name", "value": "A \"B\" $c", "scope": "file", "file": file});
        bench.changes(&MODULE, &args);
        bench.in_order(&MODULE, &args);
        args["value"] = json!("other");
        bench.changes(&MODULE, &args);
        let read = json!({"name": "user.name", "scope": "file", "file": file});
        assert_eq!(bench.in_order(&MODULE, &read)["config_value"], json!("other"));
        args["state"] = json!("absent");
        bench.changes(&MODULE, &args);
        bench.in_order(&MODULE, &args);
        assert!(bench.refusal(&MODULE, &json!({"name": "user", "value": "x"})).contains("SECTION.KEY"));
        let local = json!({"name": "a.b", "value": "x", "scope": "local"});
        assert!(bench.refusal(&MODULE, &local).contains("'repo' is needed"));
    }
}

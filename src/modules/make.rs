//! `make`: a target of a Makefile. make itself is asked beforehand whether there is anything to do (`--question`).

use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, plain_result,
};
use crate::model::{Map, Script, Subjects, Value};
use crate::questions::system::tools::MakeQuestion;
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "make",
    aliases: &[],
    summary: "Makes a target of a Makefile",
    params: &[
        Param::required("chdir", Kind::Path, "the directory").starts(),
        Param::optional("target", Kind::Text, "the target; by default the first one"),
        Param::optional("targets", Kind::List, "several targets"),
        Param::optional("params", Kind::Map, "variables"),
        Param::optional("file", Kind::Text, "the Makefile, if not the usual one"),
        Param::optional("make", Kind::Path, "make, if not the usual one").starts(),
        Param::optional("jobs", Kind::Int, "how many things are made at once"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "- name: Build it\n  make:\n    chdir: /usr/local/src/tool\n    target: install\n    params:\n      PREFIX: /usr/local\n",
        returns: &[
            Returned { name: "command", help: "What was run." },
            Returned { name: "stdout", help: "What make said." },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs make: a directory, make or nothing, then its words.
const RUN: Script = Script {
    name: "run_make",
    text: r#"cd -- "$1" || exit 1
make=${2:-make}
shift 2
"$make" "$@" </dev/null || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut words = Vec::new();
    words.extend(args.text("file").into_iter().flat_map(|file| ["-f".to_owned(), file.to_owned()]));
    words.extend(args.int("jobs").map(|jobs| format!("-j{jobs}")));
    let targets: Vec<&str> = args.text("target").into_iter().chain(args.list("targets")).collect();
    if targets.iter().any(|target| target.starts_with('-')) {
        return Err(Stop::refuse("a target can't begin with a dash"));
    }
    words.extend(targets.into_iter().map(str::to_owned));
    for (name, value) in args.value("params").and_then(Value::as_object).into_iter().flatten() {
        words.push(match value {
            Value::Null => name.clone(),
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
    }
    let head = vec![args.needed("chdir")?.to_owned(), args.text("make").unwrap_or_default().to_owned()];
    let argv = [head, words.clone()].concat();
    let said = host.get(MakeQuestion(argv.clone()))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let mut result = Map::new();
    result.insert("command".into(), format!("make {}", words.join(" ")).into());
    if said.trim() == "0" {
        return Ok(Outcome::in_order(result));
    }
    // A target that is no file is never done: it is run once.
    let change = Change::event(format!("make {}", words.join(" ")), RUN, argv, Subjects::Undeclared);
    Ok(Outcome::change(result, vec![Change { nature: Nature::Event, ..change }]))
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
    fn make_runs_where_it_says_that_something_is_to_be_done() {
        let run = |said: &'static str| {
            let args = json!({"chdir": "/src", "target": "install", "params": {"PREFIX": "/usr"}, "jobs": 2});
            let outcome = answer_with(&MODULE, &args, &mut |_| Ok(Output::ok(said))).unwrap();
            outcome.changes.into_iter().map(|c| c.args.0.join(" ")).collect::<Vec<_>>()
        };
        assert!(run("0\n").is_empty());
        assert_eq!(run("1\n"), ["/src  -j2 install PREFIX=/usr"]);
    }
}

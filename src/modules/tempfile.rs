//! `tempfile`: a new file or directory with a name that nobody else has. What it is called is known only afterwards.

use super::attributes;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Script, Subject, Value};
use crate::questions::{Output, Stop};

/// The module.
pub static MODULE: Module = Module {
    name: "tempfile",
    aliases: &[],
    summary: "Makes a temporary file or directory",
    params: &[
        Param::optional("state", Kind::Choice(&["directory", "file"]), "what is made").default("file"),
        Param::optional(
            "path",
            Kind::Path,
            "the directory that it is made in; without it, the host's own for that",
        ),
        Param::optional("prefix", Kind::Text, "how its name begins").default("ansible."),
        Param::optional("suffix", Kind::Text, "how its name ends"),
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: "
- name: A place to work in
  tempfile: {state: directory, suffix: build}
  register: place
- name: Tidy up
  file: {path: \"{{ place.path }}\", state: absent}
",
        returns: &[
            Returned { name: "path", help: "where it is" },
            Returned { name: "mode", help: "the permissions, as four octal digits" },
            Returned { name: "state", help: "`file` or `directory`" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Makes it, and prints its name behind what it is like.
const MAKE: Script = Script {
    name: "make_temporary",
    text: r#"kind=$1 directory=${2:-${TMPDIR:-/tmp}} prefix=$3 suffix=$4
umask 077
[ -d "$directory" ] || { printf 'there is no directory %s\n' "$directory" >&2; exit 1; }
tries=0
while [ "$tries" -lt 20 ]; do
    tries=$((tries + 1))
    path=$(mktemp -u "$directory/${prefix}XXXXXXXX") || exit 1
    path=$path$suffix
    if [ "$kind" = directory ]; then
        mkdir -- "$path" 2>/dev/null || continue
    else
        (set -C; : >"$path") 2>/dev/null || continue
    fi
    stat -c '%f %u %g %s
%U
%G' -- "$path" || exit 1
    printf '%s' "$path"
    exit 0
done
printf 'nothing can be made in %s\n' "$directory" >&2
exit 1"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[MAKE];

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let kind = args.needed("state")?.to_owned();
    let text = |name| args.text(name).unwrap_or_default().to_owned();
    for name in ["prefix", "suffix"] {
        if text(name).contains('/') {
            return Err(Stop::refuse(format!(
                "{name} must be a valid file name component: it is part of a name, and can't hold a slash"
            )));
        }
    }
    let words = [kind.clone(), text("path"), text("prefix"), text("suffix")];
    let directory = args.text("path").unwrap_or("/");
    let summary = format!("make a temporary {kind}");
    let change =
        Change { nature: Nature::Opaque, ..Change::event(summary, MAKE, words, [Subject::path(directory)]) };
    Ok(Outcome::change(Map::new(), vec![change]))
}

fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = attributes::result(outcome, outputs);
    if let Some(path) = result.shift_remove("backup_file") {
        result.insert("path".into(), path);
    }
    // A name of several lines is whole behind the first three.
    let output = outputs.first().filter(|output| output.status == 0);
    if let Some(path) = output.and_then(|o| o.text().splitn(4, '\n').nth(3).map(str::to_owned)) {
        result.insert("path".into(), Value::from(path));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn files_and_directories_are_made_each_time_for_nobody_else() {
        for bench in Bench::every_shell() {
            for (state, mode) in [("file", 0o600), ("directory", 0o700)] {
                let args = json!({"state": state, "path": bench.path(""), "prefix": "a b.", "suffix": ".x"});
                let (one, other) = (bench.changes(&MODULE, &args), bench.changes(&MODULE, &args));
                let path = one["path"].as_str().unwrap();
                assert_ne!(one["path"], other["path"]);
                assert!(path.contains("/a b.") && path.ends_with(".x"), "{path}");
                assert_eq!(std::fs::metadata(path).unwrap().mode() & 0o777, mode);
                assert_eq!(one["state"], json!(state));
            }
            let nowhere = json!({"path": bench.path("none")});
            assert_eq!(bench.settle(&MODULE, &nowhere).result["failed"], json!(true));
            assert!(bench.refusal(&MODULE, &json!({"prefix": "../x"})).contains("slash"));
        }
    }
}

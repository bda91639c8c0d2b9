//! `script`: a program of the controller, run on the host. It lies there only while it runs.

use super::command::{CHDIR, CREATES, REMOVES, not_needed, result, with_run};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Map, Script, Subjects};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "script",
    aliases: &[],
    summary: "Runs a program of the controller on the host",
    params: &[
        Param::required("cmd", Kind::Text, "a file beside the playbook, and arguments as a shell reads them")
            .or(&["free_form"]),
        CHDIR,
        CREATES,
        REMOVES,
        Param::optional("executable", Kind::Text, "what runs it; without it, what its first line says"),
        Param::optional("decrypt", Kind::Bool, "decrypt a file that is in Ansible's vault").default("yes"),
    ],
    free_form: FreeForm::Is("cmd"),
    docs: Docs {
        examples: r"
- name: Set the cluster up
  script: setup.sh --node {{ inventory_hostname }}
  args:
    creates: /var/lib/cluster/ready
",
        returns: &[
            Returned { name: "rc", help: "the exit status" },
            Returned { name: "stdout, stderr", help: "what it printed" },
            Returned { name: "stdout_lines, stderr_lines", help: "the same as lists of lines" },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result,
};

/// Runs what is on stdin as a program in a directory; only the user can read it meanwhile.
const RUN_FILE: Script = Script {
    name: "run_file",
    text: with_run!(
        r#"directory=$1 executable=$2 rest=$3
new=
trap 'if [ -n "$new" ]; then rm -f -- "$new"; fi' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
for place in "$HOME" "${TMPDIR:-/tmp}"; do
    new=$(umask 077; mktemp "$place/.wgops.XXXXXXXXXX" 2>/dev/null) && break
done
[ -n "$new" ] || { echo 'there is no place for a file' >&2; printf '\n-\n'; exit 1; }
cat >"$new" && chmod 700 "$new" || { printf '\n-\n'; exit 1; }
if [ -n "$directory" ]; then
    cd -- "$directory" || { printf '\n-\n'; exit 1; }
fi
if [ -n "$executable" ]; then
    set -- /bin/sh -c "$executable \"\$0\" $rest" "$new"
else
    set -- /bin/sh -c "\"\$0\" $rest" "$new"
fi
"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN_FILE];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let (file, rest) = parted(args.needed("cmd")?)?;
    let mut result = Map::new();
    if let Some(why) = not_needed(args, host)? {
        let message = format!("skipped, since {why}");
        result.insert("msg".into(), message.clone().into());
        return Ok(Outcome { skipped: Some(message), ..Outcome::in_order(result) });
    }
    let content = host.controller.file(&file)?;
    if args.flag("decrypt") && content.bytes().starts_with(b"$ANSIBLE_VAULT;") {
        return Err(Stop::refuse(format!("{file} is in Ansible's vault, which is not read yet")));
    }
    let text = |name| args.text(name).unwrap_or_default().to_owned();
    let words = [text("chdir"), text("executable"), rest.to_owned()];
    let change = Change {
        nature: Nature::Opaque,
        ..Change::event(format!("run {file} there"), RUN_FILE, words, Subjects::Undeclared)
    };
    Ok(Outcome::change(result, vec![change.with_content(content)]))
}

/// The file's name, which may stand in quotes, and what is behind it.
fn parted(cmd: &str) -> Result<(String, &str), Stop> {
    let cmd = cmd.trim();
    let found = match cmd.chars().next().filter(|c| matches!(c, '\'' | '"')) {
        Some(quote) => cmd.get(1..).and_then(|rest| rest.split_once(quote)),
        None => Some(cmd.split_once(char::is_whitespace).unwrap_or((cmd, ""))),
    };
    let (file, rest) = found.ok_or_else(|| Stop::refuse(format!("the quote in {cmd} is not closed")))?;
    match file.is_empty() {
        true => Err(Stop::refuse("no script given")),
        false => Ok((file.to_owned(), rest.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn a_file_is_run_with_its_arguments_and_gone_then() {
        for mut bench in Bench::every_shell() {
            bench.source("a b.sh", "#!/bin/sh\necho \"$# $1 $2\"; pwd; cat; exit $3\n");
            std::fs::create_dir(bench.at("d")).unwrap();
            let args = json!({"cmd": "'a b.sh' 'x  y' \"$HOME\" 0", "chdir": bench.path("d")});
            let result = bench.settle(&MODULE, &args).result;
            let home = bench.path("").trim_end_matches("/work/").to_owned();
            let lines = result["stdout_lines"].as_array().unwrap();
            assert_eq!(lines[0], json!(format!("3 x  y {home}")), "in {}: {result:?}", bench.name());
            assert_eq!(lines[1], json!(bench.path("d")));
            let left = std::fs::read_dir(&home).unwrap().map(|e| e.unwrap().file_name());
            assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".wgops")));
            let failed = bench.settle(&MODULE, &json!({"cmd": "'a b.sh' 1 2 7"})).result;
            assert_eq!((&failed["rc"], &failed["failed"]), (&json!(7), &json!(true)));
            let by_sh =
                bench.settle(&MODULE, &json!({"cmd": "'a b.sh' 1 2 0", "executable": "/bin/sh"})).result;
            assert_eq!(by_sh["rc"], json!(0));
        }
    }

    #[test]
    fn nothing_is_run_where_it_is_not_needed_and_what_is_no_file_is_refused() {
        let mut bench = Bench::new();
        bench.source("x", "");
        let args = json!({"cmd": "x", "creates": bench.file("there", "")});
        bench.in_order(&MODULE, &args);
        assert!(bench.refusal(&MODULE, &json!({"cmd": "none a"})).contains("none"));
        assert!(bench.refusal(&MODULE, &json!({"cmd": "'x a"})).contains("not closed"));
    }
}

//! `raw`: a command line in a shell, as it is. It differs from `shell` in that it knows nothing else.

use super::command::{RUN, result};
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned};
use crate::model::{Excerpt, Map, Subjects};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "raw",
    aliases: &[],
    summary: "Runs a command line in a shell, as it is",
    params: &[
        Param::required("cmd", Kind::Text, "the command line").or(&["free_form"]),
        Param::optional("executable", Kind::Place, "the shell").default("/bin/sh"),
    ],
    free_form: FreeForm::Is("cmd"),
    docs: Docs {
        examples: r"
- name: Look for Python
  raw: command -v python3
  register: python
  changed_when: false
  failed_when: false
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

fn diff(args: &Args, _: &Host<'_>) -> Result<Outcome, Stop> {
    let cmd = args.needed("cmd")?;
    if cmd.trim().is_empty() {
        return Err(Stop::refuse("no command given"));
    }
    let shown = Excerpt { lines_max: 1, columns_max: 100 }.of(cmd).to_string();
    let words = [String::new(), args.needed("executable")?.to_owned(), "-c".to_owned(), cmd.to_owned()];
    let change = Change {
        nature: Nature::Opaque,
        ..Change::event(format!("run {shown}"), RUN, words, Subjects::Undeclared)
    };
    Ok(Outcome::change(Map::new(), vec![change]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, without_host};
    use serde_json::json;

    #[test]
    fn a_command_line_is_run_as_it_is() {
        for bench in Bench::every_shell() {
            let result = bench.settle(&MODULE, &json!({"cmd": "echo 'a  b'; echo x >&2; exit 3"})).result;
            assert_eq!((&result["stdout"], &result["stderr"]), (&json!("a  b\n"), &json!("x\n")));
            assert_eq!((&result["rc"], &result["failed"]), (&json!(3), &json!(true)));
            assert_eq!(result["stdout_lines"], json!(["a  b"]));
        }
        assert!(without_host(&MODULE, &json!({"cmd": " "})).is_err());
    }
}

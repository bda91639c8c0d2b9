//! `command` and `shell`: run what the user says. What that does nobody can know, so a dry run says *would run*.

use super::shell_words::split;
use super::{
    Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Nature, Outcome, Param, Returned, expansion,
    plain_result,
};
use crate::model::{Content, Map, Script, Subjects, Value, printable};
use crate::questions::command::AnyMatch;
use crate::questions::{Output, Stop};

/// `chdir`.
pub(super) const CHDIR: Param = Param::optional("chdir", Kind::Place, "the directory to run it in");
/// `creates`.
pub(super) const CREATES: Param =
    Param::optional("creates", Kind::Place, "a path or pattern; nothing is run where it exists");
/// `removes`.
pub(super) const REMOVES: Param =
    Param::optional("removes", Kind::Place, "a path or pattern; nothing is run where it doesn't exist");
const STDIN: Param = Param::optional("stdin", Kind::Text, "what the command reads");
const NEWLINE: Param =
    Param::optional("stdin_add_newline", Kind::Bool, "end stdin with a line feed").default("yes");
const WARN: Param =
    Param::optional("warn", Kind::Bool, "taken and without meaning; from Ansible before 2.14");
const STRIP: Param =
    Param::optional("strip_empty_ends", Kind::Bool, "drop empty lines at the end of the output")
        .default("yes");

/// The module `command`.
pub static COMMAND: Module = Module {
    name: "command",
    aliases: &[],
    summary: "Runs a program, without a shell",
    params: &[
        Param::optional("cmd", Kind::Text, "program and arguments in one text"),
        Param::optional("argv", Kind::List, "program and arguments as a list"),
        Param::optional("executable", Kind::Text, "taken and not needed: no shell has a part in it"),
        Param::optional("expand_argument_vars", Kind::Bool, "put in $VARIABLES and ~").default("yes"),
        CHDIR,
        CREATES,
        REMOVES,
        STDIN,
        NEWLINE,
        STRIP,
        WARN,
    ],
    free_form: FreeForm::Is("cmd"),
    docs: Docs {
        examples: r#"
- name: Look which version runs
  command: nginx -v
  register: nginx_version
  changed_when: false
- name: Unpack the schema once
  command:
    argv: [/usr/bin/schema-load, --into, "{{ database }}"]
    chdir: /srv/app
    creates: /srv/app/.schema-loaded
"#,
        returns: &[
            Returned { name: "cmd", help: "what was run: the words as a list" },
            Returned { name: "rc", help: "the exit status" },
            Returned { name: "stdout", help: "what it printed" },
            Returned { name: "stdout_lines", help: "the same as a list of lines" },
            Returned { name: "stderr", help: "what it printed as errors" },
            Returned { name: "stderr_lines", help: "the same as a list of lines" },
            Returned { name: "start", help: "when it began" },
            Returned { name: "end", help: "when it ended" },
            Returned { name: "delta", help: "how long it took" },
            Returned { name: "msg", help: "why it was not run, or that its status was not 0" },
        ],
    },
    effect: Effect::OnHost,
    diff: diff_command,
    result,
};

/// The module `shell`.
pub static SHELL: Module = Module {
    name: "shell",
    aliases: &[],
    summary: "Runs a command line in a shell",
    params: &[
        Param::required("cmd", Kind::Text, "the command line"),
        Param::optional("executable", Kind::Place, "the shell").default("/bin/sh"),
        Param::optional("expand_argument_vars", Kind::Bool, "taken and not needed: the shell sees to that"),
        CHDIR,
        CREATES,
        REMOVES,
        STDIN,
        NEWLINE,
        STRIP,
        WARN,
    ],
    free_form: FreeForm::Is("cmd"),
    docs: Docs {
        examples: r"
- name: Count the mails that wait
  shell: mailq | grep -c '^[A-F0-9]'
  register: waiting
  changed_when: false
  failed_when: waiting.rc > 1
- name: Make a secret once
  shell:
    cmd: umask 077; head -c 32 /dev/urandom | base64 > /etc/app.secret
    creates: /etc/app.secret
",
        returns: &[
            Returned { name: "cmd", help: "the command line" },
            Returned { name: "rc", help: "the exit status" },
            Returned { name: "stdout", help: "what it printed" },
            Returned { name: "stdout_lines", help: "the same as a list of lines" },
            Returned { name: "stderr", help: "what it printed as errors" },
            Returned { name: "stderr_lines", help: "the same as a list of lines" },
            Returned { name: "start", help: "when it began" },
            Returned { name: "end", help: "when it ended" },
            Returned { name: "delta", help: "how long it took" },
            Returned { name: "msg", help: "why it was not run, or that its status was not 0" },
        ],
    },
    effect: Effect::OnHost,
    diff: diff_shell,
    result,
};

/// Puts a beginning before a script that runs `"$@"` with the locale that the user's own shell would have had.
///
/// Both outputs pass through a `cat` of their own, so that the request ends when nobody can write to them any more:
/// else a background process would write into later replies. The status follows stdout behind a last line feed; the
/// script's own tells only whether it was 0, for any status could mean something to wgops.
macro_rules! with_run {
    ($beginning:literal) => {
        concat!(
            $beginning,
            r#"if [ -n "${wgops_lc_all+x}" ]; then LC_ALL=$wgops_lc_all; else unset LC_ALL; fi
began=$(date '+%s %Y-%m-%d %H:%M:%S')
exec 3>&1 4>&2
status=$(
    exec 6>&1
    {
        {
            exec 7>&1 2>/dev/null
            ( exec 1>&5 2>&7 3>&- 4>&- 5>&- 6>&- 7>&-; exec "$@" )
            echo "$?" >&6
        } | cat >&4 5>&-
    } 5>&1 | cat >&3
)
printf '\n%s %s %s\n' "$status" "$began" "$(date '+%s %Y-%m-%d %H:%M:%S')"
[ "$status" = 0 ] || exit 1
exit 0"#
        )
    };
}
pub(super) use with_run;

/// Runs a program in a directory.
pub(super) const RUN: Script = Script {
    name: "run_command",
    text: with_run!(
        r#"if [ -n "$1" ]; then
    cd -- "$1" || { printf '\n-\n'; exit 1; }
fi
shift
"#
    ),
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[RUN];

fn diff_command(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let words = match (args.text("cmd"), args.list("argv")) {
        (Some(_), argv) if !argv.is_empty() => {
            return Err(Stop::refuse("only command or argv can be given, not both"));
        }
        (Some(cmd), _) => split(cmd).map_err(|why| Stop::refuse(format!("cmd: {why}")))?,
        (None, argv) => argv.into_iter().map(str::to_owned).collect(),
    };
    if words.first().is_none_or(|program| program.is_empty()) {
        return Err(Stop::refuse("no command given: one of the following is required: cmd, argv"));
    }
    let cmd = Value::from(words.clone());
    let mut outcome = prepare(args, cmd, words, host)?;
    if let Some(shell) = args.text("executable") {
        outcome
            .warnings
            .push(format!("'executable' is no longer supported by 'command', so {shell} has no part in it"));
    }
    Ok(outcome)
}

fn diff_shell(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let cmd = args.needed("cmd")?;
    if cmd.trim().is_empty() {
        return Err(Stop::refuse("no command given: one of the following is required: cmd, argv"));
    }
    let words = vec![args.needed("executable")?.to_owned(), "-c".to_owned(), cmd.to_owned()];
    prepare(args, cmd.into(), words, host)
}

fn prepare(args: &Args, cmd: Value, words: Vec<String>, host: &Host<'_>) -> Result<Outcome, Stop> {
    let mut result = Map::new();
    result.insert("cmd".into(), cmd);
    if let Some(why) = not_needed(args, host)? {
        result.insert("rc".into(), 0.into());
        insert_text(&mut result, "stdout", format!("skipped, since {}", without_quotes(&why)));
        insert_text(&mut result, "stderr", String::new());
        let message = format!("Did not run command since {why}");
        result.insert("msg".into(), message.clone().into());
        return Ok(Outcome { message: Some(message), ..Outcome::in_order(result) });
    }
    // Kept for `result`, which sees no arguments.
    result.insert("strip_empty_ends".into(), args.flag("strip_empty_ends").into());
    let words = match args.maybe_flag("expand_argument_vars") {
        Some(true) => expand(words, host)?,
        _ => words,
    };
    if words.first().is_some_and(|program| program.starts_with('-')) {
        return Err(Stop::refuse("the program's name can't begin with '-'"));
    }
    let shown = words.iter().map(|word| shown(word)).collect::<Vec<_>>().join(" ");
    let mut argv = vec![args.text("chdir").unwrap_or_default().to_owned()];
    argv.extend(words);
    let change = Change {
        nature: Nature::Opaque,
        content: args.text("stdin").map(|text| stdin(text, args)),
        ..Change::event(format!("run {shown}"), RUN, argv, Subjects::Undeclared)
    };
    Ok(Outcome::change(result, vec![change]))
}

/// A word on one line, in quotes where a shell would want them.
fn shown(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:,@%+".contains(c);
    let one_line = printable(word).replace('\n', "\\n");
    if !word.is_empty() && word.chars().all(plain) {
        one_line
    } else {
        format!("'{}'", one_line.replace('\'', "'\\''"))
    }
}

fn stdin(text: &str, args: &Args) -> Content {
    let mut text = text.to_owned();
    if args.flag("stdin_add_newline") {
        text.push('\n');
    }
    Content::new(text.into_bytes())
}

/// The same without the quotes around the path, as Ansible has it in what a command is said to print.
fn without_quotes(why: &str) -> String {
    let parted = why.strip_prefix('\'').and_then(|rest| rest.rsplit_once("' "));
    parted.map_or_else(|| why.to_owned(), |(path, words)| format!("{path} {words}"))
}

/// Why nothing is to be run, in Ansible's words.
pub(super) fn not_needed(args: &Args, host: &Host<'_>) -> Result<Option<String>, Stop> {
    let directory = args.text("chdir").unwrap_or_default().to_owned();
    let exists = |pattern: &str| {
        let question = AnyMatch { pattern: pattern.to_owned(), directory: directory.clone() };
        host.get(question).map(|found| *found)
    };
    let creates = args.text("creates").map(|path| Ok((path, exists(path)?)));
    let removes = args.text("removes").map(|path| Ok((path, exists(path)?)));
    let (creates, removes) = (creates.transpose()?, removes.transpose()?);
    Ok(match (creates, removes) {
        (Some((path, true)), _) => Some(format!("'{path}' exists")),
        (_, Some((path, false))) => Some(format!("'{path}' does not exist")),
        _ => None,
    })
}

/// Puts in variables of the environment (`$NAME`, `${NAME}`) and `~`, as Ansible does for `command`. A variable that is
/// not set stays as it is written.
fn expand(words: Vec<String>, host: &Host<'_>) -> Result<Vec<String>, Stop> {
    expansion::expand_all(words, host)
}

/// What `register` gets.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let Some(output) = outputs.first() else { return without_private(outcome.result.clone()) };
    let Some((stdout, status, times)) = parted(&output.stdout) else {
        return without_private(plain_result(outcome, outputs));
    };
    let strip = outcome.result.get("strip_empty_ends") == Some(&Value::Bool(true));
    let mut result = without_private(outcome.result.clone());
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        if strip { text.trim_end_matches(['\r', '\n']).to_owned() } else { text.into_owned() }
    };
    if let Some(number) = never_began(&result, stdout, status, &output.stderr) {
        let words = result.get("cmd").and_then(Value::as_array).cloned().unwrap_or_default();
        let words: Vec<String> = words.iter().filter_map(Value::as_str).map(shown).collect();
        let keys = [("failed", true.into()), ("changed", false.into()), ("rc", number.into())];
        let texts = [("msg", "Error executing command.".into()), ("cmd", words.join(" ").into())];
        result
            .extend(keys.into_iter().chain(texts).map(|(key, value): (&str, Value)| (key.to_owned(), value)));
        insert_text(&mut result, "stdout", String::new());
        insert_text(&mut result, "stderr", text(&output.stderr));
        return result;
    }
    insert_text(&mut result, "stdout", text(stdout));
    insert_text(&mut result, "stderr", text(&output.stderr));
    result.insert("rc".into(), status.into());
    if let Some(times) = times {
        times.insert(&mut result);
    }
    let message = if status == 0 { "" } else { "non-zero return code" };
    result.insert("msg".into(), message.into());
    if status != 0 {
        result.insert("failed".into(), true.into());
    }
    result
}

/// The system's number for why a program could not be begun at all, which `command` tells from one that ran and failed.
fn never_began(result: &Map, stdout: &[u8], status: u8, stderr: &[u8]) -> Option<u8> {
    let said = String::from_utf8_lossy(stderr);
    let program = result.get("cmd").and_then(Value::as_array).and_then(|words| words.first()?.as_str())?;
    // What the shell says that was to become the program; bash says it twice.
    let is_the_shells = said.trim_end().lines().count() <= 2 && said.contains(&format!(" {program}: "));
    if !stdout.is_empty() || !is_the_shells {
        return None;
    }
    let says = |text| said.trim_end().ends_with(text);
    match status {
        126 | 127 if says("not found") || says("No such file or directory") => Some(2),
        126 | 127 if says("ermission denied") => Some(13),
        _ => None,
    }
}

fn without_private(mut result: Map) -> Map {
    result.shift_remove("strip_empty_ends");
    result
}

/// When a command ran.
struct Times {
    began: String,
    ended: String,
    seconds: i64,
}

impl Times {
    /// Reads what stands behind the status: seconds since 1970, day and time of the beginning, and of the end.
    fn read(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split(' ').collect();
        let [began, day, time, ended, last_day, last_time] = words[..] else { return None };
        let seconds = ended.parse::<i64>().ok()? - began.parse::<i64>().ok()?;
        Some(Self { began: format!("{day} {time}"), ended: format!("{last_day} {last_time}"), seconds })
    }

    /// Ansible's keys; its times have fractions, of which the host's clock says nothing here.
    fn insert(self, result: &mut Map) {
        let (hours, minutes, seconds) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        result.insert("start".into(), format!("{}.000000", self.began).into());
        result.insert("end".into(), format!("{}.000000", self.ended).into());
        result.insert("delta".into(), format!("{hours}:{minutes:02}:{seconds:02}.000000").into());
    }
}

/// Parts what the command wrote from the status behind it, and when that was; `None` where the command was not run.
fn parted(stdout: &[u8]) -> Option<(&[u8], u8, Option<Times>)> {
    let body = stdout.strip_suffix(b"\n")?;
    let at = body.iter().rposition(|b| *b == b'\n')?;
    let (output, line) = (body.get(..at)?, body.get(at + 1..)?);
    let line = std::str::from_utf8(line).ok()?;
    let (status, times) = line.split_once(' ').unwrap_or((line, ""));
    Some((output, status.parse().ok()?, Times::read(times)))
}

fn insert_text(result: &mut Map, key: &str, text: String) {
    result.insert(format!("{key}_lines"), lines(&text).into());
    result.insert(key.into(), text.into());
}

/// Lines as Python's `splitlines` has them.
fn lines(text: &str) -> Vec<Value> {
    let text = text.replace("\r\n", "\n");
    let ends = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines: Vec<Value> = text.split(ends).map(Value::from).collect();
    if text.is_empty() || text.ends_with(ends) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::{Bench, answer_with, without_host};
    use serde_json::json;

    fn sh(bench: &Bench, cmd: &str) -> Map {
        bench.settle(&SHELL, &json!({"cmd": cmd})).result
    }

    #[test]
    fn output_status_and_lines_are_registered_as_ansible_does() {
        for bench in Bench::every_shell() {
            let result = sh(&bench, "echo one; echo; echo two >&2; printf 'x\\n\\n'");
            assert_eq!(result["stdout"], json!("one\n\nx"));
            assert_eq!(result["stdout_lines"], json!(["one", "", "x"]));
            assert_eq!((&result["stderr"], &result["stderr_lines"]), (&json!("two"), &json!(["two"])));
            assert_eq!((&result["rc"], &result["msg"]), (&json!(0), &json!("")));
            assert_eq!(result.get("failed"), None);
            assert_eq!(result.get("strip_empty_ends"), None);
            assert!(result["delta"].as_str().unwrap().starts_with("0:00:0"), "{result:?}");
            let (start, end) = (result["start"].as_str().unwrap(), result["end"].as_str().unwrap());
            assert!(start.len() == "2026-01-02 03:04:05.000000".len() && start <= end, "{result:?}");
            let result = sh(&bench, "exit 113");
            assert_eq!((&result["rc"], &result["failed"]), (&json!(113), &json!(true)));
            assert_eq!(result["msg"], json!("non-zero return code"));
            assert_eq!((&result["stdout"], &result["stdout_lines"]), (&json!(""), &json!([])));
        }
    }

    #[test]
    fn a_command_that_ends_with_113_is_not_taken_for_a_failed_precondition() {
        let bench = Bench::new();
        let (outcome, _) = bench.diff(&SHELL, &json!({"cmd": "exit 113"})).unwrap();
        assert_eq!(bench.apply(&outcome.changes[0]).status, 1);
    }

    #[test]
    fn arguments_reach_the_program_untouched_and_no_shell_looks_at_them() {
        for bench in Bench::every_shell() {
            let argv = ["printf", "[%s]", "a b", "", "*", "`id`", "'\"", "two\nlines", "\\", "ü", "-n"];
            let result = bench.settle(&COMMAND, &json!({"argv": argv})).result;
            assert_eq!(result["stdout"], json!("[a b][][*][`id`]['\"][two\nlines][\\][ü][-n]"));
            let result = bench.settle(&COMMAND, &json!({"cmd": "echo 'a  b' | cat > x; *"})).result;
            assert_eq!(result["stdout"], json!("a  b | cat > x; *"));
            assert_eq!(result["cmd"], json!(["echo", "a  b", "|", "cat", ">", "x;", "*"]));
        }
    }

    #[test]
    fn a_program_that_ends_as_one_that_is_not_there_did_run() {
        for bench in Bench::every_shell() {
            std::fs::write(bench.at("p"), "#!/bin/sh\nno-such-program\n").unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(bench.at("p"), mode).unwrap();
            let result = bench.settle(&COMMAND, &json!({"argv": [bench.path("p")]})).result;
            assert_eq!((&result["rc"], result.get("changed")), (&json!(127), None), "{result:?}");
        }
    }

    #[test]
    fn builtins_and_functions_of_our_own_shell_are_no_programs() {
        for bench in Bench::every_shell() {
            for name in ["cd", "wgops_x_run_command", "no-such-program", "/no/such/program"] {
                let result = bench.settle(&COMMAND, &json!({"argv": [name, "/"]})).result;
                let told = (&result["rc"], &result["msg"], &result["changed"]);
                assert_eq!(
                    told,
                    (&json!(2), &json!("Error executing command."), &json!(false)),
                    "{result:?}"
                );
                assert_eq!(result["cmd"], format!("{name} /"));
                assert!(result["stderr"].as_str().unwrap().contains(name));
            }
        }
    }

    #[test]
    fn a_request_ends_when_the_last_writer_has_and_keeps_what_it_wrote() {
        for bench in Bench::every_shell() {
            let result = sh(&bench, "(sleep 1; echo late; echo later >&2) & echo hi; exit 3");
            assert_eq!(result["stdout"], json!("hi\nlate"), "{}", bench.name());
            assert_eq!((&result["stderr"], &result["rc"]), (&json!("later"), &json!(3)));
            // One that keeps neither output is not waited for.
            let begun = std::time::Instant::now();
            let result = sh(&bench, "sleep 20 >/dev/null 2>&1 </dev/null & echo hi $!");
            assert!(begun.elapsed().as_secs() < 15, "{}", bench.name());
            let pid = result["stdout"].as_str().unwrap().strip_prefix("hi ").unwrap().to_owned();
            sh(&bench, &format!("kill {pid}"));
        }
    }

    #[test]
    fn a_signal_is_told_by_its_number_and_nothing_is_said_that_the_program_did_not_say() {
        for bench in Bench::every_shell() {
            let result = sh(&bench, "echo out; kill -9 $$");
            assert_eq!((&result["rc"], &result["stdout"]), (&json!(137), &json!("out")));
            assert_eq!(result["stderr"], json!(""), "{}", bench.name());
        }
    }

    #[test]
    fn output_that_looks_like_a_status_and_binary_output_stay_output() {
        for bench in Bench::every_shell() {
            assert_eq!(sh(&bench, "printf '7\\n0'; exit 2")["stdout"], json!("7\n0"));
            assert_eq!(sh(&bench, "printf '\\0a\\0'")["stdout"], json!("\0a\0"));
        }
    }

    #[test]
    fn directory_stdin_shell_and_locale_are_the_users() {
        for bench in Bench::every_shell() {
            std::fs::create_dir(bench.at("a dir")).unwrap();
            let chdir = json!({"cmd": "pwd", "chdir": bench.path("a dir")});
            assert_eq!(bench.settle(&COMMAND, &chdir).result["stdout"], json!(bench.path("a dir")));
            let missing = bench.settle(&COMMAND, &json!({"cmd": "pwd", "chdir": "/no/such"})).result;
            assert_eq!(missing["failed"], json!(true));
            assert!(missing["msg"].as_str().unwrap().contains("/no/such"), "{missing:?}");
            let cat = |newline: bool| {
                let args = json!({"cmd": "wc -c", "stdin": "x", "stdin_add_newline": newline});
                bench.settle(&COMMAND, &args).result["stdout"].as_str().unwrap().trim().to_owned()
            };
            assert_eq!((cat(true).as_str(), cat(false).as_str()), ("2", "1"));
            assert_eq!(sh(&bench, "cat; echo ${LC_ALL-unset}")["stdout"], json!("unset"));
        }
        let bench = Bench::new();
        let bash = json!({"cmd": "echo ${BASH_VERSION%%.*} ${x:-$0}", "executable": "/bin/bash"});
        let stdout = bench.settle(&SHELL, &bash).result["stdout"].clone();
        assert!(stdout.as_str().unwrap().ends_with("/bin/bash"), "{stdout}");
    }

    #[test]
    fn nothing_is_run_where_creates_exists_or_removes_does_not() {
        for bench in Bench::every_shell() {
            bench.file("there", "");
            let run = |key: &str, path: &str| {
                let settled = bench.settle(&COMMAND, &json!({"cmd": "echo ran", key: bench.path(path)}));
                (settled.changes.len(), settled.result)
            };
            assert_eq!(run("creates", "none*").0, 1);
            assert_eq!(run("removes", "th*").0, 1);
            let (changes, result) = run("creates", "there");
            assert_eq!((changes, &result["rc"]), (0, &json!(0)));
            let why = format!("'{}' exists", bench.path("there"));
            let said = format!("skipped, since {} exists", bench.path("there"));
            assert_eq!(result["stdout"], json!(said));
            assert_eq!(result["msg"], json!(format!("Did not run command since {why}")));
            let (changes, result) = run("removes", "none");
            assert!(changes == 0 && result["msg"].as_str().unwrap().ends_with("does not exist"));
        }
        let (outcome, _) = Bench::new().diff(&COMMAND, &json!({"cmd": "x", "creates": "/"})).unwrap();
        assert!(outcome.skipped.is_none() && outcome.message.is_some());
    }

    #[test]
    fn variables_of_the_users_environment_are_put_in_and_unset_ones_stay() {
        let args = json!({"cmd": "echo $HOME/${A}x ~/y ~ '$NOPE' $ $1 a~"});
        let outcome = answer_with(&COMMAND, &args, &mut |asked| {
            assert_eq!(asked.args.0, ["A", "HOME", "NOPE"]);
            Ok(Output::ok("A=1 2\0HOME=/h\0"))
        });
        let words = outcome.unwrap().changes[0].args.0.clone();
        assert_eq!(words, ["", "echo", "/h/1 2x", "/h/y", "/h", "$NOPE", "$", "$1", "a~"]);
        let args = json!({"cmd": "echo $HOME", "expand_argument_vars": false});
        assert_eq!(without_host(&COMMAND, &args).unwrap().changes[0].args.0, ["", "echo", "$HOME"]);
    }

    #[test]
    fn a_dry_run_can_say_what_would_run_and_knows_nothing_else() {
        let outcome = without_host(&COMMAND, &json!({"cmd": "apt-get 'clean up' \"\n\u{1b}\""})).unwrap();
        let change = &outcome.changes[0];
        assert_eq!(change.summary, "run apt-get 'clean up' '\\n^['");
        assert_eq!((change.nature, &change.touches), (Nature::Opaque, &Subjects::Undeclared));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        for args in [
            json!({}),
            json!({"cmd": ""}),
            json!({"cmd": "a", "argv": ["b"]}),
            json!({"cmd": "a 'b"}),
            json!({"cmd": "-x"}),
        ] {
            assert!(without_host(&COMMAND, &args).is_err(), "{args}");
        }
        assert!(without_host(&SHELL, &json!({"cmd": " "})).is_err());
    }

    #[test]
    fn lines_are_pythons() {
        assert_eq!(lines("a\r\nb\rc\u{2028}d\n"), ["a", "b", "c", "d"]);
        assert_eq!(lines("\n\n"), ["", ""]);
        assert!(lines("").is_empty());
    }
}

//! `patch`: that a patch has been applied to files of the host, or is undone. The host's own `patch` applies it.

use super::place::BACKUP;
use super::{Args, Change, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, plain_result};
use crate::model::{Content, Map, Script, Subject};
use crate::questions::Stop;
use crate::questions::system::labels::PatchState;

/// Largest patch that is sent.
const BYTES_MAX: usize = 1 << 20;

/// The module.
pub static MODULE: Module = Module {
    name: "patch",
    aliases: &[],
    summary: "Applies a patch to files of the host, or undoes it",
    params: &[
        Param::required(
            "src",
            Kind::Source,
            "the patch: a file of the controller, or with `remote_src` of the host",
        )
        .or(&["patchfile"]),
        Param::optional("dest", Kind::Path, "the file that is patched; otherwise the patch says which")
            .or(&["originalfile"]),
        Param::optional("basedir", Kind::Path, "the directory that names in the patch are relative to"),
        Param::optional("strip", Kind::Int, "how many leading parts of names in the patch don't count")
            .default("0"),
        Param::optional("remote_src", Kind::Bool, "whether the patch lies on the host").default("no"),
        Param::optional("binary", Kind::Bool, "whether ends of lines are left as they are").default("no"),
        Param::optional("ignore_whitespace", Kind::Bool, "whether blanks may differ").default("no"),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "absent: undo it").default("present"),
        BACKUP,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: The fix that upstream has not released
  patch: {src: fix-1234.patch, basedir: /opt/shop, strip: 1}
"#,
        returns: &[],
    },
    effect: Effect::OnHost,
    diff,
    result: plain_result,
};

/// Applies a patch that is on stdin, or in a file: directory, file or nothing, how many parts to strip, options, the patch's
/// file or nothing, then `-R` or `-N`. What can't be applied whole is not begun with.
const APPLY: Script = Script {
    name: "apply_patch",
    text: r#"cd -- "$1" || exit 113
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
if [ -n "$5" ]; then cat <"$5" >"$dir/patch"; else cat >"$dir/patch"; fi || exit 1
case $(patch --version 2>/dev/null) in GNU*) force=-f ;; *) force= ;; esac
patch $force --dry-run $6 "-p$3" $4 ${2:+"$2"} <"$dir/patch" >/dev/null 2>&1 || exit 113
patch $force $6 "-p$3" $4 $7 ${2:+"$2"} <"$dir/patch" || exit 1
exit 0"#,
};

/// This module's scripts.
pub(super) const SCRIPTS: &[Script] = &[APPLY];

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    let src = args.needed("src")?;
    let (dest, base) = (args.text("dest").unwrap_or_default(), args.text("basedir"));
    let base = match base {
        Some(base) => base,
        None if dest.is_empty() => {
            return Err(Stop::refuse("one of the following is required: dest, basedir"));
        }
        None => dest.rsplit_once('/').map_or("/", |(above, _)| if above.is_empty() { "/" } else { above }),
    };
    let strip = args.int("strip").filter(|strip| (0..100).contains(strip));
    let strip = strip.ok_or_else(|| Stop::refuse("'strip' is no small number"))?.to_string();
    let mut options: Vec<&str> = Vec::new();
    options.extend(args.flag("binary").then_some("--binary"));
    options.extend(args.flag("ignore_whitespace").then_some("--ignore-whitespace"));
    let options = options.join(" ");
    let remote = args.flag("remote_src");
    if remote && !src.starts_with('/') {
        return Err(Stop::refuse("'src' is no absolute path, which 'remote_src' needs"));
    }
    let content = if remote { None } else { Some(text(src, host)?) };
    let asked = vec![
        base.to_owned(),
        dest.to_owned(),
        strip.clone(),
        options.clone(),
        content.clone().unwrap_or_default(),
        if remote { src.to_owned() } else { String::new() },
    ];
    let said = host.get(PatchState(asked))?.as_ref().clone().map_err(Stop::refuse)?.text;
    let mut lines = said.lines().peekable();
    let undoable = lines.next_if_eq(&"undoable").is_some();
    let applicable = lines.next_if_eq(&"applicable").is_some();
    let present = args.text("state") != Some("absent");
    if present == undoable && (present || applicable) {
        return Ok(Outcome::in_order(Map::new()));
    }
    if !undoable && !applicable {
        let why: Vec<&str> = lines.collect();
        return Err(Stop::refuse(format!("the patch {src} does not fit {base}: {}", why.join("; "))));
    }
    let argv = [
        base,
        dest,
        &strip,
        &options,
        if remote { src } else { "" },
        if present { "-N" } else { "-R" },
        if args.flag("backup") { "-b -V numbered" } else { "" },
    ];
    let verb = if present { "apply" } else { "undo" };
    let place = if dest.is_empty() { base } else { dest };
    let change =
        Change::state(format!("{verb} the patch {src} in {place}"), APPLY, argv, [Subject::path(base)]);
    let change = match content {
        Some(content) => change.with_content(Content::new(content.into_bytes())),
        None => change,
    };
    Ok(Outcome::change(Map::new(), vec![change]))
}

fn text(src: &str, host: &Host<'_>) -> Result<String, Stop> {
    let content = host.controller.file(src)?;
    let text = std::str::from_utf8(content.bytes()).ok().filter(|text| !text.contains('\0'));
    match text {
        Some(text) if !text.is_empty() && text.len() <= BYTES_MAX => Ok(text.to_owned()),
        _ => Err(Stop::refuse(format!("the patch {src} is empty, too large, or no UTF-8 text"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::json;

    const PATCH: &str = "--- a/greeting\n+++ b/greeting\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";

    fn benches() -> Vec<Bench> {
        let Ok(real) = std::process::Command::new("patch").arg("--version").output() else {
            return Vec::new();
        };
        assert!(real.status.success());
        let mut benches = Bench::every_shell();
        for bench in &mut benches {
            // busybox has its own.
            if bench.name() != "busybox" {
                bench.program("patch", "exec /usr/bin/patch \"$@\"");
            }
            bench.source("a.patch", PATCH);
        }
        benches
    }

    #[test]
    fn a_patch_is_applied_once_and_undone() {
        for bench in benches() {
            bench.file("greeting", "one\ntwo\nthree\n");
            let mut args = json!({"src": "a.patch", "basedir": bench.path("."), "strip": 1});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("greeting"), "one\n2\nthree\n");
            bench.in_order(&MODULE, &args);
            args["state"] = json!("absent");
            let gnu = bench.name() != "busybox";
            args["backup"] = json!(gnu);
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("greeting"), "one\ntwo\nthree\n");
            if gnu {
                assert_eq!(bench.read("greeting.~1~"), "one\n2\nthree\n");
            }
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn one_file_is_patched_by_a_patch_of_the_host() {
        for bench in benches() {
            bench.file("a file", "one\ntwo\nthree\n");
            let args =
                json!({"src": bench.file("p", PATCH), "remote_src": true, "dest": bench.path("a file")});
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("a file"), "one\n2\nthree\n");
            bench.in_order(&MODULE, &args);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_is_touched() {
        for bench in benches() {
            bench.file("greeting", "something else\n");
            let args = json!({"src": "a.patch", "basedir": bench.path("."), "strip": 1});
            let said = bench.refusal(&MODULE, &args);
            assert!(said.contains("does not fit"), "{said}");
            assert_eq!(bench.read("greeting"), "something else\n");
            assert!(!bench.at("greeting.rej").exists() && !bench.at("greeting.orig").exists());
            let nowhere = json!({"src": "a.patch", "basedir": bench.path("none")});
            assert!(bench.refusal(&MODULE, &nowhere).contains("doesn't exist"));
            assert!(
                bench
                    .refusal(&MODULE, &json!({"src": "a.patch"}))
                    .contains("one of the following is required")
            );
        }
    }
}

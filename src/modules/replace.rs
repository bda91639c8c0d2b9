//! `replace`: every match of a pattern in a file, or in a part of it, by a text. Patterns and replacements are Python's, and
//! `^` and `$` match at each line.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Pattern, PatternError, PatternOptions};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "replace",
    aliases: &[],
    summary: "Replaces every match of a pattern in a file",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["dest", "destfile", "name"]),
        Param::required("regexp", Kind::Text, "the pattern; ^ and $ match at each line"),
        Param::optional(
            "replace",
            Kind::Text,
            r"what stands for each match; \1 and \g<name> are its groups; without it, matches go",
        ),
        Param::optional(
            "after",
            Kind::Text,
            "a pattern: only what stands behind its first match is looked at",
        ),
        Param::optional("before", Kind::Text, "a pattern: only what stands before its match is looked at"),
        Param::optional(
            "encoding",
            Kind::Choice(&["utf-8", "UTF-8", "utf8"]),
            "only UTF-8; other bytes stay as they are",
        )
        .default("utf-8"),
        BACKUP,
        VALIDATE,
        OWNER,
        GROUP,
        MODE,
        ATTRIBUTES,
        SEUSER,
        SEROLE,
        SETYPE,
        SELEVEL,
        UNSAFE_WRITES,
    ],
    free_form: FreeForm::No,
    docs: Docs {
        examples: r#"
- name: Listen on all addresses
  replace:
    path: /etc/app/app.conf
    regexp: '^(listen\s*=\s*)127\.0\.0\.1:'
    replace: '\g<1>0.0.0.0:'
- name: Comment out what stands in one section
  replace:
    path: /etc/app/app.conf
    after: '\[legacy\]'
    before: '\[new\]'
    regexp: '^(\w.*)$'
    replace: '# \1'
"#,
        returns: &[
            Returned { name: "msg", help: "how many replacements were made" },
            Returned { name: "rc", help: "where there is no such file: 257; where it is a directory: 256" },
            Returned {
                name: "backup_file",
                help: "with `backup`, and where something changed: where the old file is",
            },
        ],
    },
    effect: Effect::OnHost,
    diff,
    result: edited::result,
};

fn diff(args: &Args, host: &Host<'_>) -> Result<Outcome, Stop> {
    // What is wrong with the patterns is said before the host is asked.
    Edit::read(args, &str::to_owned)?;
    let file = Edited::look(args, host, Missing::Refused("Path"))?;
    let text = file.text();
    let edit = Edit::read(args, &|given| text.adapt(given))?;
    let Some((start, end)) = edit.section(&text.text)? else {
        let message =
            format!("Pattern for before/after params did not match the given file: {}", edit.around);
        let new = text.encode(&text.text);
        return file.finish(Ending { new, message, result: Map::new() }, host);
    };
    let (before, rest) = text.text.split_at_checked(start).unwrap_or_default();
    let (section, after) = rest.split_at_checked(end - start).unwrap_or_default();
    let count = edit.pattern.all(section).map_err(|error| refused("regexp", &error))?.len();
    let replaced = edit
        .pattern
        .replace(section, &edit.replacement, 0)
        .map_err(|error| Stop::refuse(format!("Unable to process replace due to error: {error}")))?;
    let message = match replaced == section {
        true => String::new(),
        false => format!("{count} replacements made"),
    };
    let whole = format!("{before}{replaced}{after}");
    let settles = edit.apply(&whole)?.is_none_or(|again| again == whole);
    let new = text.encode(&whole);
    let outcome = file.finish(Ending { new, message, result: Map::new() }, host)?;
    Ok(if settles { outcome } else { edited::unsettled(outcome) })
}

fn refused(parameter: &str, error: &PatternError) -> Stop {
    Stop::refuse(format!("{parameter}: {error}"))
}

fn unable(error: &PatternError) -> Stop {
    Stop::refuse(format!("Unable to process replace due to error: {error}"))
}

/// What is to be done.
struct Edit {
    pattern: Pattern,
    replacement: String,
    /// The pattern that `after` and `before` come to; empty where neither is given.
    around: String,
    section: Option<Pattern>,
}

impl Edit {
    fn read(args: &Args, adapt: &dyn Fn(&str) -> String) -> Result<Self, Stop> {
        let text = |name| args.text(name).map(adapt);
        let options = PatternOptions { multi_line: true, ..PatternOptions::default() };
        let pattern = Pattern::new(&adapt(args.needed("regexp")?), options);
        let around = match (text("after"), text("before")) {
            (Some(after), Some(before)) => format!("{after}(?P<subsection>.*?){before}"),
            (Some(after), None) => format!("{after}(?P<subsection>.*)"),
            (None, Some(before)) => format!("(?P<subsection>.*){before}"),
            (None, None) => String::new(),
        };
        let section = match around.is_empty() {
            true => None,
            false => Some(
                Pattern::new(&format!("(?s){around}"), PatternOptions::default())
                    .map_err(|error| refused("after/before", &error))?,
            ),
        };
        let edit = Self {
            pattern: pattern.map_err(|error| refused("regexp", &error))?,
            replacement: text("replace").unwrap_or_default(),
            around,
            section,
        };
        // A group that the pattern lacks is a mistake whatever the file holds.
        edit.pattern.replace("", &edit.replacement, 0).map_err(|error| unable(&error))?;
        Ok(edit)
    }

    /// A text after the edit; nothing where there is no such part as is looked at.
    fn apply(&self, text: &str) -> Result<Option<String>, Stop> {
        let Some((start, end)) = self.section(text)? else { return Ok(None) };
        let (before, rest) = text.split_at_checked(start).unwrap_or_default();
        let (section, after) = rest.split_at_checked(end - start).unwrap_or_default();
        let replaced = self.pattern.replace(section, &self.replacement, 0).map_err(|error| unable(&error))?;
        Ok(Some(format!("{before}{replaced}{after}")))
    }

    /// Where the part that is looked at begins and ends; nothing where it isn't found.
    fn section(&self, text: &str) -> Result<Option<(usize, usize)>, Stop> {
        let Some(pattern) = &self.section else { return Ok(Some((0, text.len()))) };
        let found = pattern.search_from(text, 0).map_err(|error| refused("after/before", &error))?;
        let Some(found) = found else { return Ok(None) };
        let part = pattern.group("subsection").and_then(|group| found.groups.get(group).copied().flatten());
        // A group is a part of the text, so where it lies in memory says where it lies in the text.
        Ok(part.and_then(|part| {
            let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
            Some((start, start + part.len()))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::Nature;
    use crate::modules::harness::Bench;
    use serde_json::json;

    #[test]
    fn matches_are_replaced_as_python_replaces_them() {
        let bench = Bench::new();
        let cases = [
            (
                "a=1\nb=2\n",
                json!({"regexp": "^(\\w)=", "replace": "\\1: "}),
                "a: 1\nb: 2\n",
                "2 replacements made",
            ),
            (
                "one two\n",
                json!({"regexp": "(?P<x>two)", "replace": "<\\g<x>>"}),
                "one <two>\n",
                "1 replacements made",
            ),
            ("a b a\n", json!({"regexp": "a"}), " b \n", "2 replacements made"),
            ("x\n\n\ny\n", json!({"regexp": "\n\n+", "replace": "\n"}), "x\ny\n", "1 replacements made"),
            ("a$\nb$\n", json!({"regexp": "\\$$", "replace": "!"}), "a!\nb!\n", "2 replacements made"),
            ("foo bar\n", json!({"regexp": "foo(?! baz)", "replace": "x"}), "x bar\n", "1 replacements made"),
            (
                "k v\n",
                json!({"regexp": "^k .*$", "replace": "k\tv\\nnext"}),
                "k\tv\nnext\n",
                "1 replacements made",
            ),
        ];
        for (before, mut args, after, message) in cases {
            args["path"] = json!(bench.file("f", before));
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            assert_eq!(bench.apply(&outcome.changes[0]).status, 0);
            assert_eq!(
                (bench.read("f").as_str(), &outcome.result["msg"]),
                (after, &json!(message)),
                "{args}"
            );
        }
    }

    #[test]
    fn what_would_match_again_happens_once_in_each_run() {
        let bench = Bench::new();
        let mut args = json!({"path": bench.file("f", "a\n"), "regexp": "^(.+)$", "replace": "'\\1'"});
        let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
        assert!(outcome.changes.iter().all(|change| change.nature == Nature::Event));
        assert_eq!(outcome.warnings.len(), 1);
        args["regexp"] = json!("^(\\w+)$");
        let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
        assert!(outcome.changes.iter().all(|change| change.nature == Nature::State));
    }

    #[test]
    fn only_the_part_between_after_and_before_is_looked_at() {
        let bench = Bench::new();
        let text = "x\n[a]\nx\n[b]\nx\n[c]\nx\n";
        for (after, before, expected) in [
            (Some("\\[a\\]"), Some("\\[c\\]"), "x\n[a]\ny\n[b]\ny\n[c]\nx\n"),
            (Some("\\[b\\]"), None, "x\n[a]\nx\n[b]\ny\n[c]\ny\n"),
            (None, Some("\\[a\\]"), "y\n[a]\nx\n[b]\nx\n[c]\nx\n"),
        ] {
            let mut args = json!({"path": bench.file("f", text), "regexp": "x", "replace": "y"});
            args["after"] = json!(after);
            args["before"] = json!(before);
            bench.changes(&MODULE, &args);
            assert_eq!(bench.read("f"), expected, "{args}");
            bench.in_order(&MODULE, &args);
        }
        let args = json!({"path": bench.path("f"), "regexp": "x", "replace": "y", "after": "nowhere"});
        let said = bench.in_order(&MODULE, &args)["msg"].clone();
        assert_eq!(
            said,
            json!("Pattern for before/after params did not match the given file: nowhere(?P<subsection>.*)")
        );
    }

    #[test]
    fn a_file_that_does_not_match_is_left_alone_but_for_its_mode() {
        for bench in Bench::every_shell() {
            let mut args = json!({"path": bench.file("a b", "text\n"), "regexp": "none", "replace": "x"});
            assert_eq!(bench.in_order(&MODULE, &args)["msg"], json!(""));
            args["mode"] = json!("0600");
            let result = bench.changes(&MODULE, &args);
            assert_eq!(result["msg"], json!("ownership, perms or SE linux context changed"));
            assert_eq!(bench.read("a b"), "text\n");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let bench = Bench::new();
        let path = bench.file("f", "a\n");
        let refusal = |args: serde_json::Value| bench.refusal(&MODULE, &args);
        assert!(refusal(json!({"path": path, "regexp": "("})).starts_with("regexp: '('"));
        assert!(refusal(json!({"path": path, "regexp": "a", "replace": "\\1"})).contains("group '1'"));
        assert_eq!(
            refusal(json!({"path": bench.path("none"), "regexp": "a"})),
            format!("Path {} does not exist !", bench.path("none"))
        );
        assert!(refusal(json!({"path": bench.path("."), "regexp": "a"})).ends_with("is a directory !"));
    }
}

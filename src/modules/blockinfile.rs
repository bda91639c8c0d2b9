//! `blockinfile`: some lines between two lines that mark them, kept as they are given.

use super::attributes::{GROUP, MODE, OWNER};
use super::edited::{self, Edited, Ending, Missing};
use super::labels::{ATTRIBUTES, SELEVEL, SEROLE, SETYPE, SEUSER, UNSAFE_WRITES};
use super::place::{BACKUP, VALIDATE};
use super::{Args, Docs, Effect, FreeForm, Host, Kind, Module, Outcome, Param, Returned};
use crate::model::{Map, Pattern, PatternError, PatternOptions};
use crate::questions::Stop;

/// The module.
pub static MODULE: Module = Module {
    name: "blockinfile",
    aliases: &[],
    summary: "Puts lines between two marks in a file, or removes them with their marks",
    params: &[
        Param::required("path", Kind::Path, "the file").or(&["dest", "destfile", "name"]),
        Param::optional("block", Kind::Text, "the lines; without any, the block is removed").or(&["content"]),
        Param::optional("state", Kind::Choice(&["present", "absent"]), "whether the block is to be there")
            .default("present"),
        Param::optional("marker", Kind::Text, "the line above and below; {mark} is BEGIN and END")
            .default("# {mark} ANSIBLE MANAGED BLOCK"),
        Param::optional("marker_begin", Kind::Text, "what {mark} is above the block").default("BEGIN"),
        Param::optional("marker_end", Kind::Text, "what {mark} is below the block").default("END"),
        Param::optional(
            "insertafter",
            Kind::Text,
            "EOF, or a pattern: a new block goes behind its last match",
        ),
        Param::optional(
            "insertbefore",
            Kind::Text,
            "BOF, or a pattern: a new block goes before its last match",
        ),
        Param::optional("create", Kind::Bool, "make the file if it isn't there").default("no"),
        Param::optional("append_newline", Kind::Bool, "keep an empty line behind the block").default("no"),
        Param::optional("prepend_newline", Kind::Bool, "keep an empty line before the block").default("no"),
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
        examples: r##"
- name: Our hosts
  blockinfile:
    path: /etc/hosts
    marker: "# {mark} app"
    block: |
      10.0.0.5 db
      10.0.0.6 cache
- name: No block of ours any more
  blockinfile: {path: /etc/hosts, marker: "# {mark} app", state: absent}
"##,
        returns: &[
            Returned { name: "msg", help: "`Block inserted`, `Block removed`, `File created`, or nothing" },
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
    // What is wrong with the parameters is said before the host is asked.
    Edit::read(args, &str::to_owned)?;
    let is_absent = args.text("state") == Some("absent");
    let missing = match (args.flag("create"), is_absent) {
        (_, true) => Missing::Told,
        (true, _) => Missing::Made,
        (false, false) => Missing::Refused("Path"),
    };
    let file = Edited::look(args, host, missing)?;
    if is_absent && !file.exists() {
        let mut result = Map::new();
        result.insert("msg".into(), format!("File {} not present", args.needed("path")?).into());
        return Ok(Outcome::in_order(result));
    }
    let text = file.text();
    let edit = Edit::read(args, &|given| text.adapt(given))?;
    let lines = edit.put(text.lines())?;
    let new = lines.concat();
    let message = match () {
        () if file.exists() && new == text.text => "",
        () if !file.exists() => "File created",
        () if edit.block.is_empty() => "Block removed",
        () => "Block inserted",
    };
    let ending = Ending { new: text.encode(&new), message: message.to_owned(), result: Map::new() };
    file.finish(ending, host)
}

fn refused(parameter: &str, error: &PatternError) -> Stop {
    Stop::refuse(format!("{parameter}: {error}"))
}

/// Where a new block goes.
enum Insert {
    End,
    Beginning,
    After(Pattern),
    Before(Pattern),
}

/// What is to be done.
struct Edit {
    begin: String,
    end: String,
    /// The block with its marks; nothing where it is to go.
    block: Vec<String>,
    insert: Insert,
    /// Whether an empty line is kept before and behind the block.
    empty: (bool, bool),
}

impl Edit {
    fn read(args: &Args, adapt: &dyn Fn(&str) -> String) -> Result<Self, Stop> {
        if args.has("insertafter") && args.has("insertbefore") {
            return Err(Stop::refuse("parameters are mutually exclusive: insertbefore|insertafter"));
        }
        let marker = args.needed("marker")?;
        let mark =
            |name| Ok::<_, Stop>(adapt(&format!("{}\n", marker.replace("{mark}", args.needed(name)?))));
        let (begin, end) = (mark("marker_begin")?, mark("marker_end")?);
        if begin == end {
            return Err(Stop::refuse(format!(
                "the marks above and below the block are the same ({}): put {{mark}} in 'marker'",
                begin.trim_end()
            )));
        }
        let is_present = args.text("state") != Some("absent");
        let given = args.text("block").filter(|block| is_present && !block.is_empty());
        let block = given.map_or_else(Vec::new, |block| {
            let block = adapt(block);
            let end_of_last = if block.ends_with('\n') { "" } else { "\n" };
            let inner = format!("{block}{end_of_last}");
            let inner = inner.split_inclusive('\n').map(str::to_owned);
            std::iter::once(begin.clone()).chain(inner).chain([end.clone()]).collect()
        });
        let pattern = |name: &str, text: &str| {
            Pattern::new(&adapt(text), PatternOptions::default()).map_err(|error| refused(name, &error))
        };
        let insert = match (args.text("insertafter"), args.text("insertbefore")) {
            (Some("EOF"), _) | (None, None) => Insert::End,
            (None, Some("BOF")) => Insert::Beginning,
            (Some(text), _) => Insert::After(pattern("insertafter", text)?),
            (None, Some(text)) => Insert::Before(pattern("insertbefore", text)?),
        };
        let empty = (is_present && args.flag("prepend_newline"), is_present && args.flag("append_newline"));
        Ok(Self { begin, end, block, insert, empty })
    }

    /// The lines with the block in its place.
    fn put(&self, mut lines: Vec<String>) -> Result<Vec<String>, Stop> {
        let mark = |mark: &str| lines.iter().rposition(|line| line == mark);
        let mut at = match (mark(&self.begin), mark(&self.end)) {
            (Some(begin), Some(end)) => {
                let (first, last) = (begin.min(end), begin.max(end));
                lines.drain(first..=last);
                first
            }
            _ => self.place(&lines)?,
        };
        if let Some(before) = at.checked_sub(1).and_then(|before| lines.get_mut(before)) {
            if !before.ends_with('\n') {
                before.push('\n');
            }
            if self.empty.0 && before != "\n" {
                lines.insert(at, "\n".into());
                at += 1;
            }
        }
        lines.splice(at..at, self.block.iter().cloned());
        let behind = at + self.block.len();
        if self.empty.1 && lines.get(behind).is_some_and(|line| line != "\n") {
            lines.insert(behind, "\n".into());
        }
        Ok(lines)
    }

    /// Where a block goes that isn't there yet.
    fn place(&self, lines: &[String]) -> Result<usize, Stop> {
        // A pattern that says `(?m)` is looked for in the whole text, and may be of several lines.
        let whole = |pattern: &Pattern, name: &str| {
            let text = lines.concat();
            let found = pattern.search_from(&text, 0).map_err(|error| refused(name, &error))?;
            let lines_before = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count();
            Ok::<_, Stop>(
                found.map(|found| lines_before(if name == "insertafter" { found.end } else { found.start })),
            )
        };
        let last = |pattern: &Pattern, name: &str| {
            if pattern.is_multi_line() {
                return whole(pattern, name);
            }
            let mut found = None;
            for (at, line) in lines.iter().enumerate() {
                if pattern.is_found(line).map_err(|error| refused(name, &error))? {
                    found = Some(at);
                }
            }
            Ok::<_, Stop>(found)
        };
        let end = lines.len();
        Ok(match &self.insert {
            Insert::End => end,
            Insert::Beginning => 0,
            Insert::After(pattern) => last(pattern, "insertafter")?.map_or(end, |at| at + 1),
            Insert::Before(pattern) => last(pattern, "insertbefore")?.unwrap_or(end),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::harness::Bench;
    use serde_json::{Value, json};

    const B: &str = "# BEGIN ANSIBLE MANAGED BLOCK\n";
    const E: &str = "# END ANSIBLE MANAGED BLOCK\n";

    fn put(args: Value, before: &str) -> String {
        let mut args = args;
        args["path"] = json!("/x");
        let args = Args::parse(MODULE.params, MODULE.free_form, args.as_object().unwrap()).unwrap();
        let edit = Edit::read(&args, &str::to_owned).unwrap_or_else(|stop| panic!("{stop:?}"));
        edit.put(before.split_inclusive('\n').map(str::to_owned).collect()).unwrap().concat()
    }

    #[test]
    fn a_block_is_put_replaced_and_removed() {
        let there = format!("a\n{B}old\n{E}b\n");
        for (args, before, after) in [
            (json!({"block": "x\ny"}), "a", format!("a\n{B}x\ny\n{E}")),
            (json!({"block": "x\n"}), "", format!("{B}x\n{E}")),
            (json!({"block": "x"}), &there, format!("a\n{B}x\n{E}b\n")),
            (json!({"block": ""}), &there, "a\nb\n".into()),
            (json!({}), &there, "a\nb\n".into()),
            (json!({"block": "x", "state": "absent"}), &there, "a\nb\n".into()),
            (json!({"block": "x", "state": "absent"}), "a\n", "a\n".into()),
            // Only one of the marks is none.
            (json!({"block": "x"}), &format!("{B}a\n"), format!("{B}a\n{B}x\n{E}")),
            // The wrong way round.
            (json!({"block": "x"}), &format!("{E}a\n{B}b\n"), format!("{B}x\n{E}b\n")),
            (
                json!({"block": "x", "marker": "<!-- {mark} -->", "marker_begin": "Open", "marker_end": "Close"}),
                "",
                "<!-- Open -->\nx\n<!-- Close -->\n".into(),
            ),
        ] {
            assert_eq!(put(args.clone(), before), after, "{args} {before}");
        }
    }

    #[test]
    fn a_new_block_goes_where_it_is_wanted_and_an_old_one_stays() {
        for (args, after) in [
            // The last match counts.
            (json!({"insertafter": "^a"}), format!("a\nb\na\n{B}x\n{E}c\n")),
            (json!({"insertbefore": "^c"}), format!("a\nb\na\n{B}x\n{E}c\n")),
            (json!({"insertbefore": "BOF"}), format!("{B}x\n{E}a\nb\na\nc\n")),
            (json!({"insertafter": "EOF"}), format!("a\nb\na\nc\n{B}x\n{E}")),
            (json!({"insertafter": "none"}), format!("a\nb\na\nc\n{B}x\n{E}")),
            (json!({"insertbefore": "none"}), format!("a\nb\na\nc\n{B}x\n{E}")),
        ] {
            let mut args = args;
            args["block"] = json!("x");
            assert_eq!(put(args.clone(), "a\nb\na\nc\n"), after, "{args}");
            let moved = format!("{B}x\n{E}a\nc\n");
            assert_eq!(put(args.clone(), &moved), moved, "{args}");
        }
    }

    #[test]
    fn empty_lines_around_a_block_are_made_once() {
        let args =
            json!({"block": "x", "insertafter": "^a", "prepend_newline": true, "append_newline": true});
        let once = put(args.clone(), "a\nb\n");
        assert_eq!(once, format!("a\n\n{B}x\n{E}\nb\n"));
        assert_eq!(put(args.clone(), &once), once);
        assert_eq!(put(args, ""), format!("{B}x\n{E}"));
    }

    #[test]
    fn files_are_made_and_left_as_ansible_does() {
        for bench in Bench::every_shell() {
            let path = bench.path("d/two\nlines");
            let mut args = json!({"path": path, "block": "x", "mode": "0600"});
            assert_eq!(bench.refusal(&MODULE, &args), format!("Path {path} does not exist !"));
            args["create"] = json!(true);
            assert_eq!(bench.changes(&MODULE, &args)["msg"], json!("File created"));
            assert_eq!(bench.read("d/two\nlines"), format!("{B}x\n{E}"));
            assert_eq!(bench.in_order(&MODULE, &args)["msg"], json!(""));
            args["state"] = json!("absent");
            assert_eq!(bench.changes(&MODULE, &args)["msg"], json!("Block removed"));
            assert_eq!(bench.read("d/two\nlines"), "");
            args["path"] = json!(bench.path("none"));
            let said = bench.in_order(&MODULE, &args)["msg"].clone();
            assert_eq!(said, json!(format!("File {} not present", bench.path("none"))));
        }
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let bench = Bench::new();
        let both = json!({"path": "/x", "insertafter": "a", "insertbefore": "b"});
        assert!(bench.refusal(&MODULE, &both).starts_with("parameters are mutually exclusive"));
        assert!(
            bench.refusal(&MODULE, &json!({"path": "/x", "insertafter": "("})).starts_with("insertafter:")
        );
        assert!(bench.refusal(&MODULE, &json!({"path": "/x", "marker": "# ours"})).contains("{mark}"));
    }
}

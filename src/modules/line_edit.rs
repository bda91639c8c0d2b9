//! What `lineinfile` does to the lines of a file: pure text in, text out.
//!
//! Lines keep their ends. Where several lines fit, the last one counts unless the first is asked for.

use super::Args;
use crate::model::{Found, Pattern, PatternError, PatternOptions};
use crate::questions::Stop;

/// What is to be done.
pub(super) struct Edit {
    find: Find,
    line: Option<String>,
    insert: Insert,
    first: bool,
    backrefs: bool,
}

/// Which lines are meant besides the line itself.
enum Find {
    Pattern(Pattern),
    Text(String),
    Nothing,
}

/// Where a new line goes.
enum Insert {
    End,
    Beginning,
    After(Pattern),
    Before(Pattern),
}

/// What an edit came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Edited {
    /// The lines as they should be.
    pub lines: Vec<String>,
    /// Ansible's word for what was done; empty: nothing.
    pub message: &'static str,
}

/// Python's name of no pattern.
fn refused(parameter: &str, error: &PatternError) -> Stop {
    Stop::refuse(format!("{parameter}: {error}"))
}

impl Edit {
    /// Reads the parameters, with their texts in the terms of the file.
    ///
    /// # Errors
    /// Refuses parameters that don't go together, and patterns that are none.
    pub fn read(args: &Args, adapt: &dyn Fn(&str) -> String) -> Result<Self, Stop> {
        check(args)?;
        let text = |name| args.text(name).map(adapt);
        let pattern = |name| {
            let compiled = text(name).map(|text| Pattern::new(&text, PatternOptions::default()));
            compiled.transpose().map_err(|error| refused(name, &error))
        };
        let find = match (pattern("regexp")?, text("search_string")) {
            (Some(pattern), _) => Find::Pattern(pattern),
            (None, Some(text)) => Find::Text(text),
            (None, None) => Find::Nothing,
        };
        let insert = match (args.text("insertafter"), args.text("insertbefore")) {
            (Some("BOF"), _) | (None, Some("BOF")) => Insert::Beginning,
            (Some("EOF"), _) | (None, None) => Insert::End,
            (Some(_), _) => pattern("insertafter")?.map_or(Insert::End, Insert::After),
            (None, Some(_)) => pattern("insertbefore")?.map_or(Insert::End, Insert::Before),
        };
        let (first, backrefs) = (args.flag("firstmatch"), args.flag("backrefs"));
        Ok(Self { find, line: text("line"), insert, first, backrefs })
    }

    /// Puts the line there.
    ///
    /// # Errors
    /// Refuses a pattern that takes too long, and a line that names a group the pattern lacks.
    pub fn put(&self, mut lines: Vec<String>) -> Result<Edited, Stop> {
        let line = self.line.as_deref().unwrap_or_default();
        if let Some((at, new)) = self.replacement(&lines, line)? {
            return Ok(replace(lines, at, new));
        }
        let is_line = |there: &String| content(there) == line;
        if let Some(at) = lines.iter().rposition(is_line) {
            return Ok(replace(lines, at, line.to_owned()));
        }
        if self.backrefs {
            return Ok(Edited { lines, message: "" });
        }
        let at = match &self.insert {
            Insert::Beginning => 0,
            Insert::End => lines.len(),
            Insert::After(pattern) => {
                self.place(&lines, pattern, "insertafter")?.map_or(lines.len(), |at| at + 1)
            }
            Insert::Before(pattern) => self.place(&lines, pattern, "insertbefore")?.unwrap_or(lines.len()),
        };
        if at == lines.len() {
            end_last_line(&mut lines);
        }
        lines.insert(at, ended(line.to_owned()));
        Ok(Edited { lines, message: "line added" })
    }

    /// Removes every line that is meant; also says how many.
    ///
    /// # Errors
    /// Refuses a pattern that takes too long.
    pub fn remove(&self, lines: Vec<String>) -> Result<(Vec<String>, usize), Stop> {
        let before = lines.len();
        let mut kept = Vec::new();
        for there in lines {
            let is_meant = match &self.find {
                Find::Pattern(pattern) => {
                    pattern.is_found(&there).map_err(|error| refused("regexp", &error))?
                }
                Find::Text(text) => there.contains(text),
                Find::Nothing => self.line.as_deref() == Some(content(&there)),
            };
            if !is_meant {
                kept.push(there);
            }
        }
        let removed = before - kept.len();
        Ok((kept, removed))
    }

    /// The line that is replaced because it fits, and by what.
    fn replacement(&self, lines: &[String], line: &str) -> Result<Option<(usize, String)>, Stop> {
        let mut found = None;
        for (at, there) in lines.iter().enumerate() {
            let new = match &self.find {
                Find::Nothing => return Ok(None),
                Find::Text(text) => there.contains(text).then(|| line.to_owned()),
                Find::Pattern(pattern) => {
                    let hit = pattern.search_from(there, 0).map_err(|error| refused("regexp", &error))?;
                    hit.map(|hit| self.expanded(pattern, &hit, line)).transpose()?
                }
            };
            if let Some(new) = new {
                found = Some((at, new));
                if self.first {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn expanded(&self, pattern: &Pattern, hit: &Found<'_>, line: &str) -> Result<String, Stop> {
        match self.backrefs {
            true => pattern.expand(hit, line).map_err(|error| refused("line", &error)),
            false => Ok(line.to_owned()),
        }
    }

    fn place(&self, lines: &[String], pattern: &Pattern, name: &str) -> Result<Option<usize>, Stop> {
        let mut place = None;
        for (at, there) in lines.iter().enumerate() {
            if pattern.is_found(there).map_err(|error| refused(name, &error))? {
                place = Some(at);
                if self.first {
                    break;
                }
            }
        }
        Ok(place)
    }
}

/// Refuses parameters that don't go together.
fn check(args: &Args) -> Result<(), Stop> {
    let has = |name: &str| match name {
        "backrefs" => args.flag(name),
        _ => args.text(name).is_some(),
    };
    let rivals =
        [("insertbefore", "insertafter"), ("regexp", "search_string"), ("backrefs", "search_string")];
    if let Some((one, other)) = rivals.iter().find(|(one, other)| has(one) && has(other)) {
        return Err(Stop::refuse(format!("parameters are mutually exclusive: {one}|{other}")));
    }
    let absent = args.text("state") == Some("absent");
    let problem = match () {
        () if absent && !has("regexp") && !has("search_string") && !has("line") => {
            "one of line, search_string, or regexp is required with state=absent"
        }
        () if !absent && has("backrefs") && !has("regexp") => "regexp is required with backrefs=true",
        () if !absent && !has("line") => "line is required with state=present",
        () => return Ok(()),
    };
    Err(Stop::refuse(problem))
}

fn replace(mut lines: Vec<String>, at: usize, new: String) -> Edited {
    let new = ended(new);
    let mut message = "";
    if let Some(there) = lines.get_mut(at).filter(|there| **there != new) {
        *there = new;
        message = "line replaced";
    }
    Edited { lines, message }
}

/// A line without its end.
fn content(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

fn ended(mut line: String) -> String {
    if !line.ends_with('\n') {
        line.push('\n');
    }
    line
}

fn end_last_line(lines: &mut [String]) {
    if let Some(last) = lines.last_mut().filter(|last| !last.ends_with(['\n', '\r'])) {
        last.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::modules::lineinfile::MODULE;
    use serde_json::json;

    fn edit(args: &Value) -> Edit {
        let mut args = args.clone();
        args["path"] = json!("/x");
        let args = Args::parse(MODULE.params, MODULE.free_form, args.as_object().unwrap()).unwrap();
        Edit::read(&args, &str::to_owned).unwrap_or_else(|stop| panic!("{stop:?}"))
    }

    fn lines(text: &str) -> Vec<String> {
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    fn put(args: &Value, before: &str) -> (String, &'static str) {
        let edited = edit(args).put(lines(before)).unwrap();
        (edited.lines.concat(), edited.message)
    }

    #[test]
    fn lines_are_added_replaced_and_left_as_ansible_does() {
        const ADDED: &str = "line added";
        const REPLACED: &str = "line replaced";
        let cases = [
            // The line itself.
            (json!({"line": "x"}), "", "x\n", ADDED),
            (json!({"line": "x"}), "a\n", "a\nx\n", ADDED),
            (json!({"line": "x"}), "a", "a\nx\n", ADDED),
            (json!({"line": "x"}), "x\na\n", "x\na\n", ""),
            (json!({"line": "x"}), "a\nx", "a\nx\n", REPLACED),
            (json!({"line": "x"}), "x\r\n", "x\n", REPLACED),
            (json!({"line": "x", "insertbefore": "BOF"}), "a\n", "x\na\n", ADDED),
            (json!({"line": "x", "insertafter": "EOF"}), "a\n", "a\nx\n", ADDED),
            // A pattern: the last match counts, or the first.
            (json!({"line": "p=2", "regexp": "^p="}), "p=1\nq\np=0\n", "p=1\nq\np=2\n", REPLACED),
            (
                json!({"line": "p=2", "regexp": "^p=", "firstmatch": true}),
                "p=1\np=0\n",
                "p=2\np=0\n",
                REPLACED,
            ),
            (json!({"line": "p=2", "regexp": "^p="}), "p=2\n", "p=2\n", ""),
            (json!({"line": "p=2", "regexp": "^p="}), "q\n", "q\np=2\n", ADDED),
            (json!({"line": "p=2", "regexp": "^#p="}), "p=2\nq\n", "p=2\nq\n", ""),
            (json!({"line": "n", "regexp": "end$"}), "the end\n", "n\n", REPLACED),
            (json!({"line": "n", "regexp": "^(?!#)a"}), "#a\na\n", "#a\nn\n", REPLACED),
            // A text instead of a pattern.
            (json!({"line": "n", "search_string": "a.b"}), "axb\na.b\n", "axb\nn\n", REPLACED),
            (json!({"line": "n", "search_string": "."}), "a\n", "a\nn\n", ADDED),
            // Where a new line goes.
            (json!({"line": "x", "insertafter": "^a"}), "a1\na2\nb\n", "a1\na2\nx\nb\n", ADDED),
            (json!({"line": "x", "insertafter": "^a", "firstmatch": true}), "a\na\n", "a\nx\na\n", ADDED),
            (json!({"line": "x", "insertafter": "^b"}), "a\nb", "a\nb\nx\n", ADDED),
            (json!({"line": "x", "insertafter": "^z"}), "a\n", "a\nx\n", ADDED),
            (json!({"line": "x", "insertbefore": "^a"}), "a\nb\na\n", "a\nb\nx\na\n", ADDED),
            (json!({"line": "x", "insertbefore": "^z"}), "a\n", "a\nx\n", ADDED),
            (json!({"line": "x", "insertafter": "^a"}), "x\na\n", "x\na\n", ""),
            (json!({"line": "x", "regexp": "^x", "insertafter": "^a"}), "a\nx=1\n", "a\nx\n", REPLACED),
            // Groups.
            (
                json!({"line": "\\1=new", "regexp": "^(\\w+)=", "backrefs": true}),
                "key=old\n",
                "key=new\n",
                REPLACED,
            ),
            (json!({"line": "\\1", "regexp": "^(z)", "backrefs": true}), "a\n", "a\n", ""),
            (json!({"line": "\\1", "regexp": "^(a)"}), "a\n", "\\1\n", REPLACED),
        ];
        for (args, before, after, message) in cases {
            assert_eq!(put(&args, before), (after.to_owned(), message), "{args} on {before:?}");
            // Once put, it stays put.
            if !args.to_string().contains("\\1") {
                assert_eq!(put(&args, after), (after.to_owned(), ""), "{args} on {after:?}");
            }
        }
    }

    #[test]
    fn all_lines_that_are_meant_are_removed() {
        let remove = |args: Value, before: &str| {
            let (kept, removed) = edit(&args).remove(lines(before)).unwrap();
            (kept.concat(), removed)
        };
        let absent = |mut args: Value| {
            args["state"] = json!("absent");
            args
        };
        assert_eq!(remove(absent(json!({"line": "a"})), "a\nb\na\r\na1\n"), ("b\na1\n".into(), 2));
        assert_eq!(remove(absent(json!({"regexp": "^a"})), "a\nb\na1\n"), ("b\n".into(), 2));
        assert_eq!(remove(absent(json!({"search_string": "1"})), "a\na1\n"), ("a\n".into(), 1));
        assert_eq!(remove(absent(json!({"line": "z"})), "a\n"), ("a\n".into(), 0));
    }

    #[test]
    fn parameters_that_do_not_go_together_and_bad_patterns_are_refused() {
        let refused = |args: Value| {
            let mut args = args;
            args["path"] = json!("/x");
            let args = Args::parse(MODULE.params, MODULE.free_form, args.as_object().unwrap()).unwrap();
            match Edit::read(&args, &str::to_owned) {
                Err(Stop::Refuse(refusal)) => refusal.message,
                _ => panic!("{args:?} was accepted"),
            }
        };
        let cases = [
            (json!({}), "line is required with state=present"),
            (json!({"state": "absent"}), "one of line, search_string, or regexp is required"),
            (json!({"line": "x", "backrefs": true}), "regexp is required with backrefs=true"),
            (json!({"line": "x", "regexp": "a", "search_string": "b"}), "mutually exclusive"),
            (json!({"line": "x", "insertafter": "a", "insertbefore": "b"}), "mutually exclusive"),
            (json!({"line": "x", "regexp": "("}), "regexp: '(' is no regular expression"),
            (json!({"line": "x", "insertafter": "[b"}), "insertafter: "),
        ];
        for (args, expected) in cases {
            let message = refused(args);
            assert!(message.contains(expected), "{message}");
        }
        let lacking = edit(&json!({"line": "\\2", "regexp": "(a)", "backrefs": true}));
        assert!(lacking.put(lines("a\n")).is_err());
    }
}

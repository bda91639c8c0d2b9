//! What the YAML parser complains about, in words for the person who wrote the file.

use super::read::DEPTH_MAX;
use crate::load::problem::Problem;
use crate::load::text::TextFile;
use crate::model::Place;
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::{Error, Location, UserMessageFormatter};

/// The problem behind an error of the parser.
pub(super) fn explained(file: &TextFile, error: &Error) -> Problem {
    let at = error.location().unwrap_or(Location::UNKNOWN);
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let place = file.place(number(at.line()), number(at.column()));
    let innermost = match error {
        Error::AliasError { error, .. } => error,
        error => error,
    };
    if let Some(problem) = conflict(file, place.line) {
        return problem;
    }
    let problem = tab(file, place.line).unwrap_or_else(|| worded(&place, innermost));
    match file.line(place.line) {
        Some(line) if has_bare_template(line) => {
            problem.help("a value that begins with '{{' needs quotes around it")
        }
        _ => problem,
    }
}

fn worded(place: &Place, error: &Error) -> Problem {
    match error {
        Error::MultipleDocuments { .. } => {
            Problem::at(place, "a second YAML document begins here, expected one").help("remove the '---'")
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            Problem::at(place, format!("nested deeper than {DEPTH_MAX} levels"))
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            Problem::at(place, "too many values, or too many aliases within aliases").help("split the file")
        }
        Error::UnknownAnchor { .. } => Problem::at(place, "no anchor has the name of this alias")
            .help("text that begins with '*' needs quotes"),
        _ => {
            let text = error.render_with_formatter(&UserMessageFormatter);
            let message = text.lines().next().and_then(|line| line.split(" at line ").next());
            let message = message.unwrap_or_default();
            let problem = Problem::at(place, format!("no valid YAML: {message}"));
            match HINTS.iter().find(|(part, _)| message.contains(part)) {
                Some((_, hint)) => problem.help(*hint),
                None => problem,
            }
        }
    }
}

/// What is usually meant by a complaint of the parser.
const HINTS: [(&str, &str); 5] = [
    ("mapping values are not allowed", "text that holds ': ' needs quotes; otherwise check the indentation"),
    ("illegal placement of ':'", "a '[' or '{' above may not be closed"),
    ("quoted scalar", "a quote may not be closed"),
    ("unexpected character", "text that begins with this character needs quotes"),
    ("expected string scalar", "a key must be text"),
];

fn has_bare_template(line: &str) -> bool {
    [": {{", "- {{", ":{{"].iter().any(|start| line.contains(start))
}

/// What git leaves of two versions that it could not put together, at or before the line that the parser stumbled over.
fn conflict(file: &TextFile, line: u32) -> Option<Problem> {
    let begins = |number: &u32| file.line(*number).is_some_and(|line| line.starts_with("<<<<<<< "));
    let number = (1..=line).find(begins)?;
    let place = file.place(usize::try_from(number).ok()?, 1);
    Some(
        Problem::at(&place, "git's conflict marks stand in it")
            .help("settle them first: 'git status' names the files"),
    )
}

/// A tab in the indentation of the line that the parser stumbled over, or of the one before.
fn tab(file: &TextFile, line: u32) -> Option<Problem> {
    [line, line.saturating_sub(1)].into_iter().find_map(|number| {
        let indent: String = file.line(number)?.chars().take_while(|c| c.is_whitespace()).collect();
        let column = indent.chars().position(|c| c == '\t')? + 1;
        let place = file.place(usize::try_from(number).ok()?, column);
        Some(Problem::at(&place, "a tab in the indentation").help("YAML wants spaces"))
    })
}

#[cfg(test)]
mod tests {
    use crate::load::{Node, TextFile};
    use std::path::Path;

    fn refused(text: &str) -> String {
        let file = TextFile::from_bytes(Path::new("f.yml"), text.as_bytes().to_vec()).unwrap();
        Node::parse(&file).unwrap_err().to_string()
    }

    #[test]
    fn what_git_could_not_put_together_is_said() {
        let said = refused("a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> theirs\n");
        assert!(said.contains("f.yml:2:1") && said.contains("git's conflict marks stand in it"), "{said}");
        // A text that only looks like one is no conflict.
        assert!(!refused("a: '<<<<<<< x'\nb: [\n").contains("conflict"));
    }

    #[test]
    fn what_people_get_wrong_with_quotes_is_explained() {
        for text in ["- name: {{ x }}\n", "a: 'open\nb: 2\n", "a: *x\n", "a: b: c\n", "a: @x\n"] {
            let shown = refused(text);
            assert!(shown.contains("quote"), "{text}: {shown}");
        }
        insta::assert_snapshot!(refused("- name: {{ x }}\n"), @"
        error: no valid YAML: expected string scalar
         --> f.yml:1:10
          |
        1 | - name: {{ x }}
          |          ^
        help: a value that begins with '{{' needs quotes around it
        ");
        insta::assert_snapshot!(refused("a: *x\n"), @"
        error: no anchor has the name of this alias
         --> f.yml:1:4
          |
        1 | a: *x
          |    ^
        help: text that begins with '*' needs quotes
        ");
        insta::assert_snapshot!(refused("a: b: c\n"), @"
        error: no valid YAML: mapping values are not allowed in this context
         --> f.yml:1:5
          |
        1 | a: b: c
          |     ^
        help: text that holds ': ' needs quotes; otherwise check the indentation
        ");
    }

    #[test]
    fn what_people_get_wrong_with_structure_is_explained() {
        insta::assert_snapshot!(refused("a:\n\tb: 1\n"), @"
        error: a tab in the indentation
         --> f.yml:2:1
          |
        2 |     b: 1
          | ^
        help: YAML wants spaces
        ");
        insta::assert_snapshot!(refused("a: 1\n---\nb: 2\n"), @"
        error: a second YAML document begins here, expected one
         --> f.yml:3:1
          |
        3 | b: 2
          | ^
        help: remove the '---'
        ");
        insta::assert_snapshot!(refused("a: 1\n b: 2\n"), @"
        error: no valid YAML: mapping values are not allowed in this context
         --> f.yml:2:3
          |
        2 |  b: 2
          |   ^
        help: text that holds ': ' needs quotes; otherwise check the indentation
        ");
        insta::assert_snapshot!(refused("a: [1, 2\nb: 3\n"), @"
        error: no valid YAML: illegal placement of ':' indicator
         --> f.yml:2:2
          |
        2 | b: 3
          |  ^
        help: a '[' or '{' above may not be closed
        ");
    }
}

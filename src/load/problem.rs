//! What is wrong in a file that somebody wrote, shown with its line and a caret, and all at once.
//!
//! Plain text only: colour belongs to `cli`. A problem made where the file's text isn't at hand gets its line when it
//! joins [`Problems`], which reads the file once more for that.

use super::text::TextFile;
use crate::model::{Place, printable};
use regex::Regex;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use unicode_width::UnicodeWidthStr;

/// Most problems that are shown of one loading; the rest are counted.
const SHOWN_MAX: usize = 50;
/// Most columns of a source line that are shown on either side of the caret.
const AROUND_COLUMNS: usize = 60;

/// Whether a problem stops us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Nothing is done before it is put right.
    Error,
    /// Worth a look; work goes on.
    Warning,
}

/// One thing that is wrong, where, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Whether it stops us.
    pub level: Level,
    /// Where; `None` for what came from the command line.
    pub place: Option<Place>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What the reader can do.
    pub help: Option<String>,
    /// The line of the file that `place` names; an empty one isn't shown.
    pub line_text: Option<String>,
}

impl Problem {
    /// An error at a place in a file.
    pub fn at(place: &Place, message: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), ..Self::bare(message) }
    }

    /// An error with a file as a whole.
    pub fn in_file(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::at(&Place { file: Arc::new(file.into()), line: 0, column: 0 }, message)
    }

    /// An error in what was typed, not in a file.
    pub fn bare(message: impl Into<String>) -> Self {
        Self { level: Level::Error, place: None, message: message.into(), help: None, line_text: None }
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the nearest known word as help, or the known words themselves where none is near.
    #[must_use]
    pub fn nearest<'a>(self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        match crate::model::nearest(word, known.iter().copied()) {
            Some(near) => self.help(format!("did you mean '{}'?", printable(near))),
            None if known.is_empty() => self,
            None => self.help(format!("known: {}", listed(&known))),
        }
    }

    /// Adds something else that the reader can do.
    #[must_use]
    pub fn or_else(mut self, more: &str) -> Self {
        self.help = Some(self.help.map_or_else(|| more.to_owned(), |help| format!("{help}; {more}")));
        self
    }

    /// A version of a format that is not known here.
    pub fn unknown_version(place: &Place, version: u64, known: u64) -> Self {
        let problem = Self::at(place, format!("version {version} is unknown, expected {known}"));
        match version > known {
            true => problem.help("a newer wgops wrote it: update this one"),
            false => problem,
        }
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.level = Level::Warning;
        self
    }

    /// The same without the line: for a place that holds a secret.
    #[must_use]
    pub fn without_line(self) -> Self {
        Self { line_text: Some(String::new()), ..self }
    }

    /// Takes the line to show from the file's text, unless it has one.
    pub(crate) fn quote(&mut self, text: &TextFile) {
        let Some(place) = &self.place else { return };
        if self.line_text.is_none() && place.line > 0 && *place.file == *text.file {
            self.line_text = text.line(place.line).map(str::to_owned);
        }
    }

    fn write_excerpt(&self, f: &mut fmt::Formatter<'_>, place: &Place) -> fmt::Result {
        let Some(line) = self.line_text.as_deref().filter(|line| !line.is_empty()) else { return Ok(()) };
        let number = place.line.to_string();
        let gutter = " ".repeat(number.len());
        let (line, column) = without_secret(line, place.column);
        let (shown, indent) = excerpt(&line, column);
        write!(f, "\n{gutter} |\n{number} | {}\n{gutter} | {}^", shown.trim_end(), " ".repeat(indent))
    }
}

/// By file, then from top to bottom.
fn order(problem: &Problem) -> Option<(&PathBuf, u32, u32)> {
    problem.place.as_ref().map(|place| (&*place.file, place.line, place.column))
}

/// A few known words for a sentence.
fn listed(words: &[&str]) -> String {
    let mut out: Vec<String> = words.iter().take(12).map(|word| printable(word).into_owned()).collect();
    if words.len() > out.len() {
        out.push(format!("and {} more", words.len() - out.len()));
    }
    out.join(", ")
}

/// A line without what follows a word such as `password:`, unless that is a template; the caret stays on what is left.
fn without_secret(line: &str, column: u32) -> (Cow<'_, str>, u32) {
    static SECRET: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let words = r"(?i)(pass|passwd|password|passphrase|secret|token|api_?key|private_key)\S{0,2}\s*[:=]";
        Regex::new(words).ok()
    });
    let Some(end) = SECRET.as_ref().and_then(|secret| secret.find(line)).map(|found| found.end()) else {
        return (Cow::Borrowed(line), column);
    };
    let (shown, hidden) = line.split_at_checked(end).unwrap_or((line, ""));
    if hidden.trim().is_empty() || hidden.contains("{{") {
        return (Cow::Borrowed(line), column);
    }
    let last = u32::try_from(shown.chars().count()).map_or(u32::MAX, |count| count.saturating_add(2));
    (Cow::Owned(format!("{shown} …")), column.min(last))
}

/// The part of a line around a column, safe to print, and how many columns of the terminal lie before the caret.
fn excerpt(line: &str, column: u32) -> (String, usize) {
    let at = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
    let skipped = at.saturating_sub(AROUND_COLUMNS);
    let before: String = line.chars().take(at).skip(skipped).collect();
    let after: String = line.chars().skip(at).take(AROUND_COLUMNS).collect();
    let safe = |text: &str| printable(&text.replace('\t', "    ").replace('\n', " ")).into_owned();
    let start = if skipped > 0 { "…" } else { "" };
    let end = if line.chars().nth(at.saturating_add(AROUND_COLUMNS)).is_some() { "…" } else { "" };
    let before = format!("{start}{}", safe(&before));
    let indent = before.width();
    (format!("{before}{}{end}", safe(&after)), indent)
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{label}: {}", printable(&self.message))?;
        if let Some(place) = &self.place {
            write!(f, "\n --> {place}")?;
            self.write_excerpt(f, place)?;
        }
        match &self.help {
            Some(help) => write!(f, "\nhelp: {}", printable(help)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// Everything that is wrong with what was loaded; never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Collects problems in the order of their places, each once, and reads the lines they name.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        let mut texts: HashMap<Arc<PathBuf>, Option<TextFile>> = HashMap::new();
        for problem in &mut problems {
            let Some(place) = problem.place.as_ref().filter(|place| place.line > 0) else { continue };
            if problem.line_text.is_none() {
                let file = Arc::clone(&place.file);
                let text = texts.entry(Arc::clone(&file)).or_insert_with(|| TextFile::read(&file).ok());
                text.iter().for_each(|text| problem.quote(text));
            }
        }
        problems.sort_by(|a, b| order(a).cmp(&order(b)));
        problems.dedup();
        Self(problems)
    }

    /// `Ok` where nothing was found to be wrong.
    ///
    /// # Errors
    /// There are problems.
    pub fn check(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self::new(problems)) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self::new(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().take(SHOWN_MAX).enumerate() {
            let gap = if at > 0 { "\n\n" } else { "" };
            write!(f, "{gap}{problem}")?;
        }
        match self.0.len().saturating_sub(SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\n\n… and {more} more problems"),
        }
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32, text: &str) -> Problem {
        let place = Place { file: Arc::new("a.yml".into()), line, column };
        Problem { line_text: Some(text.into()), ..Problem::at(&place, "not so") }
    }

    #[test]
    fn a_problem_shows_its_line_with_a_caret_and_help() {
        insta::assert_snapshot!(at(12, 3, "  hosst: web").help("did you mean 'hosts'?"), @"
        error: not so
         --> a.yml:12:3
           |
        12 |   hosst: web
           |   ^
        help: did you mean 'hosts'?
        ");
    }

    #[test]
    fn the_caret_stands_under_its_column_whatever_comes_before() {
        let caret = |p: Problem| p.to_string().lines().last().unwrap().find('^').unwrap();
        assert_eq!(caret(at(1, 3, "é: x")) - caret(at(1, 1, "é: x")), 2);
        assert_eq!(caret(at(1, 3, "日本x")) - caret(at(1, 1, "x")), 4);
        assert_eq!(caret(at(1, 2, "\tx")) - caret(at(1, 1, "x")), 4);
        assert_eq!(caret(at(1, 2, "\u{1b}x")) - caret(at(1, 1, "x")), 2);
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides_of_the_caret() {
        let line = format!("{}!{}", "a".repeat(5000), "b".repeat(5000));
        let shown = at(1, 5001, &line).to_string();
        assert!(shown.lines().all(|line| line.chars().count() < 140));
        let lines: Vec<&str> = shown.lines().collect();
        let column = lines[4].find('^').unwrap();
        assert_eq!(lines[3].chars().nth(column), Some('!'));
    }

    #[test]
    fn what_looks_like_a_secret_is_not_quoted() {
        for line in [
            "db_password: hunter2",
            "web1 ansible_become_pass=hunter2 a=1",
            "  'api_key' : hunter2",
            "{user: x, token: hunter2}",
        ] {
            for column in [1, 12, 40] {
                let shown = at(1, column, line).to_string();
                assert!(!shown.contains("hunter2") && shown.contains('…'), "{shown}");
            }
        }
        for line in [
            "password: '{{ vault_password }}'",
            "ansible_ssh_private_key_file: id",
            "- name: set the password",
        ] {
            assert!(at(1, 1, line).to_string().contains(line));
        }
        assert!(!at(1, 1, "x").without_line().to_string().contains('|'));
    }

    #[test]
    fn escapes_in_messages_and_lines_never_reach_the_terminal() {
        let mut problem = at(1, 1, "\u{1b}]52;c;AA\u{7}").help("\u{1b}[2J");
        problem.message = "\u{9b}2J".into();
        assert!(!problem.to_string().contains(['\u{1b}', '\u{9b}', '\u{7}']));
    }

    #[test]
    fn more_problems_than_fit_are_counted() {
        let all = Problems((0..60).map(|n| at(n, 1, "x")).collect()).to_string();
        assert!(all.ends_with("… and 10 more problems"));
    }
}

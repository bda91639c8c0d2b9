//! Errors as people see them: a message, its causes without repetition, and hints, each an action the reader can take.

use super::Exit;
use crate::load::Problems;
use crate::model::printable;
use crate::people::PeopleError;
use owo_colors::{OwoColorize, Style};
use std::error::Error;

const LABEL: Style = Style::new().red().bold();
const HINT: Style = Style::new().cyan();

/// Why wgops ends without having done what it was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    said: Said,
    hints: Vec<String>,
}

#[derive(Debug)]
enum Said {
    Error { message: String, causes: Vec<String> },
    Problems(Problems),
}

impl Failure {
    /// A failure with a message of our own.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let said = Said::Error { message: message.into(), causes: Vec::new() };
        Self { exit, said, hints: Vec::new() }
    }

    /// An error with its causes; a cause that its error names already is left out.
    pub fn of(exit: Exit, error: &(dyn Error + 'static)) -> Self {
        let message = error.to_string();
        let mut causes: Vec<String> = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            let text = cause.to_string();
            if !causes.iter().chain([&message]).any(|said| said.contains(&text)) {
                causes.push(text);
            }
            next = cause.source();
        }
        Self { exit, said: Said::Error { message, causes }, hints: Vec::new() }
    }

    /// Something typed wrongly, or that can't be read.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Adds what the reader can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// What it says in one line, without hints.
    pub fn message(&self) -> String {
        match &self.said {
            Said::Problems(problems) => problems.to_string(),
            Said::Error { message, causes } => {
                std::iter::once(message).chain(causes).cloned().collect::<Vec<_>>().join(": ")
            }
        }
    }

    /// The whole text for stderr, with colours.
    pub fn text(&self) -> String {
        let mut out = match &self.said {
            Said::Problems(problems) => coloured(&problems.to_string()),
            Said::Error { message, causes } => {
                let mut out = labelled("error", LABEL, message);
                causes.iter().for_each(|cause| out.push_str(&labelled("because", LABEL, cause)));
                out
            }
        };
        self.hints.iter().for_each(|hint| out.push_str(&labelled("hint", HINT, hint)));
        out
    }
}

fn labelled(label: &str, style: Style, text: &str) -> String {
    format!("{} {}\n", format!("{label}:").style(style), printable(text.trim_end()))
}

/// Problems come as plain text; their labels and carets get a colour.
pub fn coloured(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", coloured_line(line))).collect()
}

fn coloured_line(line: &str) -> String {
    let labels = [("error:", LABEL), ("warning:", Style::new().yellow().bold()), ("help:", HINT)];
    for (label, style) in labels {
        if let Some(rest) = line.strip_prefix(label) {
            return format!("{}{rest}", label.style(style));
        }
    }
    match line.split_once(" | ") {
        Some((gutter, rest)) if rest.trim() == "^" => format!("{gutter} | {}", rest.style(LABEL)),
        _ => line.to_owned(),
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self { exit: Exit::Usage, said: Said::Problems(problems), hints: Vec::new() }
    }
}

impl From<crate::load::Problem> for Failure {
    fn from(problem: crate::load::Problem) -> Self {
        Problems::from(problem).into()
    }
}

impl From<PeopleError> for Failure {
    fn from(error: PeopleError) -> Self {
        match &error {
            PeopleError::Roster(problems) => problems.clone().into(),
            PeopleError::NoProof(_) => Self::of(Exit::Refused, &error)
                .hint("unlock the key with 'ssh-add', or name another with --identity FILE"),
            PeopleError::NotInRoster { .. } => Self::of(Exit::Refused, &error)
                .hint("name a key of the roster with --identity FILE, or have a lead add yours"),
            _ => Self::of(Exit::Usage, &error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn plain(failure: &Failure) -> String {
        anstream::adapter::strip_str(&failure.text()).to_string()
    }

    #[test]
    fn causes_are_named_once_and_hints_stand_last() {
        let inner = Layer { text: "permission denied", source: None };
        let middle = Layer { text: "can't open: permission denied", source: Some(Box::new(inner)) };
        let outer = Layer { text: "can't read the roster", source: Some(Box::new(middle)) };
        let failure = Failure::of(Exit::Usage, &outer).hint("see \u{1b}[2Jwho owns it");
        insta::assert_snapshot!(plain(&failure), @r"
        error: can't read the roster
        because: can't open: permission denied
        hint: see ^[[2Jwho owns it
        ");
    }

    #[test]
    fn problems_keep_their_text_and_only_gain_colours() {
        let text = "error: not so\n --> a.yml:1:3\n  |\n1 | a: b\n  |   ^\nhelp: do so\n";
        let shown = coloured(text);
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), text);
        assert_ne!(shown, text);
    }
}

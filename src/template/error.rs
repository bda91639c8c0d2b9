//! What went wrong in a template, told so that its author finds the place and knows what to write instead.

use std::fmt;
use std::ops::{Deref, Range};

/// What kind of mistake a template has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TemplateErrorKind {
    /// It can't be parsed.
    Syntax,
    /// It uses a filter, test or function that doesn't exist.
    UnknownName,
    /// It uses a variable or member that doesn't exist.
    Undefined,
    /// An operation can't be done on the values it got.
    Operation,
    /// A condition is neither true nor false.
    NotBoolean,
    /// A condition has templates in it.
    Embedded,
    /// A variable needs itself.
    Loop,
    /// It ran too long, went too deep or grew too large.
    Limit,
    /// It asks for something that wgops doesn't do yet.
    Unsupported,
    /// It looked for a file or variable that can't be had.
    Lookup,
}

/// A mistake in a template. What is known of it are the fields of [`Mistake`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError(Box<Mistake>);

/// What is known of a mistake in a template, with its place in the template's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// What kind of mistake it is.
    pub kind: TemplateErrorKind,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where something is known to help.
    pub hint: Option<String>,
    /// The variables through which the mistake was reached, innermost first.
    pub via: Vec<String>,
    /// `expression`, `condition` or the template's name.
    pub name: String,
    /// The line in which the mistake is, as it was written.
    pub line_text: String,
    /// That line's number in the template, from 1; 0 when it is not known.
    pub line: usize,
    /// The column in characters, from 1; 0 when it is not known.
    pub column: usize,
    /// The bytes of the template's source that are meant.
    pub range: Option<Range<usize>>,
}

impl TemplateError {
    /// An error without a place yet.
    pub(crate) fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Mistake {
            kind,
            message: message.into(),
            hint: None,
            via: Vec::new(),
            name: String::new(),
            line_text: String::new(),
            line: 0,
            column: 0,
            range: None,
        }))
    }

    /// The same mistake in other words.
    pub(crate) fn saying(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint;
        self
    }

    /// Puts the error at a byte range of its source, unless it has a place already.
    pub(crate) fn at(mut self, name: &str, source: &str, range: Option<Range<usize>>) -> Self {
        if !self.name.is_empty() {
            return self;
        }
        self.0.name = name.to_owned();
        let Some(range) = range.filter(|range| source.get(range.clone()).is_some()) else {
            self.0.line_text = source.lines().next().unwrap_or_default().to_owned();
            return self;
        };
        let before = source.get(..range.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        self.0.line = before.matches('\n').count() + 1;
        self.0.column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        self.0.line_text =
            source.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default().to_owned();
        self.0.range = Some(range);
        self
    }

    /// Moves the place: the source that it was found in begins so many bytes into the whole.
    pub(crate) fn moved(mut self, whole: &str, by: usize) -> Self {
        let range = self.0.range.take().map(|range| range.start + by..range.end + by);
        let name = std::mem::take(&mut self.0.name);
        self.at(&name, whole, range)
    }

    /// Notes the variable through which the error was reached.
    pub(crate) fn through(mut self, variable: &str) -> Self {
        self.0.via.push(variable.to_owned());
        self
    }
}

impl Deref for TemplateError {
    type Target = Mistake;

    fn deref(&self) -> &Mistake {
        &self.0
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.message.clone();
        if !self.via.is_empty() {
            text.push_str(&format!(" (needed by {})", self.via.join(", which is needed by ")));
        }
        f.write_str(&crate::model::printable(&text))
    }
}

impl std::error::Error for TemplateError {}

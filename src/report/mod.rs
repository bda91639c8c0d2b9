//! Reports: one file per output format, each turning events into text for people or for programs.
//!
//! A reporter sees events and nothing else, so a run that is replayed from the ledger reads as it did when it happened.
//! It knows no terminal: it is told how wide one is, and always writes colours, which whoever owns the stream strips
//! where they are not wanted. Everything from a host passes through `model::printable` here.
//!
//! To add a format: a new file, and its line in [`Format`] and [`reporter`].

pub mod audit;
mod both;
mod facts;
mod held;
mod human;
pub mod json;
mod line;
pub mod lint;
mod narration;
mod patch;
mod ping;
mod progress;

pub use audit::{Assessment, Judged, Verdict, hides};
pub use held::held_out;
pub use line::one_line;
pub use progress::Progress;

use crate::event::Event;
use crate::model::nearest;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// Turns events into text.
pub trait Reporter: Send {
    /// Takes the next event, and writes what there is to say by now.
    ///
    /// # Errors
    /// The stream can't be written to; a closed pipe is for the caller to forgive.
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()>;
}

/// What a report is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Tasks and their changes.
    Run,
    /// Those tasks alone that change something or fail: of a playbook that mostly makes sure of things.
    Access,
    /// Tasks, their changes, and a summary of updates by host.
    Patch,
    /// The summary of updates by host alone: what is shown before an operator confirms.
    Updates,
    /// Findings, judged.
    Audit,
    /// Which hosts answered.
    Ping,
    /// What hosts say about themselves; the same document for people and programs.
    Facts,
    /// What people should know while a run goes on: warnings and progress, for stderr.
    Narration,
}

/// An output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// For people.
    Human,
    /// For programs: one document for an audit, else one event on each line.
    Json,
    /// Test results, for CI.
    Junit,
    /// Code scanning.
    Sarif,
    /// The summary of a CI job.
    Markdown,
    /// Metrics for monitoring.
    OpenMetrics,
    /// One page for a browser.
    Html,
}

/// How much is shown, and how wide.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// Columns of the terminal; `None` where there is none, so that a log's lines stay whole.
    pub columns: Option<usize>,
    /// How often `-v` was given.
    pub verbosity: u8,
}

impl View {
    /// Columns for what is drawn: headings and tables.
    fn drawn_columns(self) -> usize {
        self.columns.unwrap_or(80)
    }

    /// Columns after which a line is cut or continued below.
    fn line_columns(self) -> usize {
        self.columns.unwrap_or(usize::MAX)
    }
}

impl Format {
    /// Every format, in the order in which help names them; an audit has them all.
    pub const ALL: [Self; 7] =
        [Self::Human, Self::Json, Self::Junit, Self::Sarif, Self::Markdown, Self::OpenMetrics, Self::Html];
    /// Those of everything else.
    pub const OF_RUNS: [Self; 2] = [Self::Human, Self::Json];

    /// The word that is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Markdown => "markdown",
            Self::OpenMetrics => "openmetrics",
            Self::Html => "html",
        }
    }

    /// How names of files in this format end; the first is the usual one.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Human => &["txt"],
            Self::Json => &["json"],
            Self::Junit => &["xml"],
            Self::Sarif => &["sarif"],
            Self::Markdown => &["md"],
            Self::OpenMetrics => &["prom"],
            Self::Html => &["html", "htm"],
        }
    }

    /// Parses a format of everything that is no audit.
    ///
    /// # Errors
    /// It is none, or one of audits alone.
    pub fn of_runs(text: &str) -> Result<Self, String> {
        match text.parse() {
            Ok(format) if Self::OF_RUNS.contains(&format) => Ok(format),
            Ok(format) => Err(format!("{format} is a format of audits; {}", expected(&Self::OF_RUNS))),
            Err(_) => Err(unknown(text, &Self::OF_RUNS)),
        }
    }
}

fn expected(formats: &[Format]) -> String {
    format!("expected one of {}", formats.iter().map(|format| format.as_str()).collect::<Vec<_>>().join(", "))
}

fn unknown(text: &str, formats: &[Format]) -> String {
    let near = nearest(text, formats.iter().map(|format| format.as_str()));
    format!(
        "{}{}",
        expected(formats),
        near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default()
    )
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| unknown(text, &Self::ALL))
    }
}

/// The reporter of a subject in a format.
pub fn reporter(subject: Subject, format: Format, view: View) -> Box<dyn Reporter> {
    match (subject, format) {
        (Subject::Narration, _) => Box::new(narration::Narration::default()),
        (Subject::Audit, _) => Box::new(audit::AuditReport::new(format, view)),
        (Subject::Facts, _) => Box::new(facts::Facts::default()),
        (_, Format::Json) => Box::new(json::Json),
        // What follows has one other format only; the command line refuses those of audits.
        (Subject::Run, _) => Box::new(human::Human::new(view)),
        (Subject::Access, _) => Box::new(human::Human::brief(view)),
        (Subject::Ping, _) => Box::new(ping::Ping::new(view)),
        (Subject::Updates, _) => Box::new(patch::Summary::new(view)),
        (Subject::Patch, _) => Box::new(both::Both(patch::Summary::new(view), human::Human::new(view))),
    }
}

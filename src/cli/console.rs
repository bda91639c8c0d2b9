//! The terminal: results go to stdout, everything else to stderr, colours only where somebody sees them.
//!
//! Writers of text always write colours; the streams of this file strip them where there is no terminal, and where
//! `NO_COLOR`, `CLICOLOR` or `--color never` say so. A closed pipe is no error.

use super::args::{Color, Global};
use super::diagnostics::Masks;
use super::live::Live;
use super::ring::Ring;
use super::runner_log::inert;
use super::trust::Pin;
use super::{Exit, Failure, failure};
use crate::load::Problem;
use crate::report::View;
use anstream::{AutoStream, ColorChoice};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The streams, and what was said about all verbs.
pub struct Console {
    color: ColorChoice,
    /// How much is shown, and how wide.
    pub view: View,
    /// `--identity`.
    pub identity: Option<PathBuf>,
    /// What opens sealed values.
    pub ring: Ring,
    /// `--roster-pin`.
    pub roster_pin: Option<Pin>,
    /// Secrets that diagnostics must not show.
    pub masks: Masks,
    /// What is redrawn on the terminal while a run goes on.
    pub live: Live,
}

impl Console {
    /// Looks at the streams and the options.
    pub fn new(global: &Global) -> Self {
        let color = match global.color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        let columns = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
        let view =
            View { columns: columns.map(|(width, _)| usize::from(width.0)), verbosity: global.verbose };
        let masks = Masks::default();
        let live = Live::new(global.color);
        let is_interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
        let ring = Ring::new(global, masks.clone(), live.clone(), is_interactive);
        Self {
            color,
            view,
            ring,
            identity: global.identity.clone(),
            roster_pin: global.roster_pin,
            masks,
            live,
        }
    }

    /// The stream of results.
    pub fn out(&self) -> AutoStream<io::Stdout> {
        AutoStream::new(io::stdout(), self.color)
    }

    /// The stream of everything else.
    pub fn err(&self) -> AutoStream<io::Stderr> {
        AutoStream::new(io::stderr(), self.color)
    }

    /// Whether there is somebody to answer questions.
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Writes a result to stdout.
    pub fn result(&self, text: &str) -> Result<(), Failure> {
        let mut out = self.out();
        forgiven(out.write_all(&inert(text.as_bytes())).and_then(|()| out.flush()))
            .map_err(|error| unwritable(&error))
    }

    /// Tells the user something on stderr; where nobody can read it, it is lost.
    pub fn tell(&self, text: &str) {
        let _nobody_listens = self.live.apart(|| self.err().write_all(&inert(text.as_bytes())));
    }

    /// Shows what is worth a look though nothing is wrong.
    pub fn warn(&self, warnings: &[Problem]) {
        warnings.iter().for_each(|warning| self.tell(&failure::coloured(&warning.to_string())));
    }

    /// Shows why wgops ends.
    pub fn fail(&self, failure: &Failure) -> Exit {
        self.tell(&failure.text());
        failure.exit
    }
}

/// A reader that went away is no error.
pub(super) fn forgiven(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The failure when stdout can't be written to.
pub(super) fn unwritable(error: &io::Error) -> Failure {
    Failure::new(Exit::Usage, format!("can't write the results to stdout: {error}"))
}

/// A path as a person would type it.
pub(super) fn shown(path: &Path) -> String {
    crate::report::one_line(&path.display().to_string()).into_owned()
}

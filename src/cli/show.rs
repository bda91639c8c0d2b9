//! From events to streams: a reporter's text to stdout, others' to files, warnings and progress to stderr.

use super::console::{forgiven, unwritable};
use super::live::{Board, Live};
use super::output::OutputFile;
use super::runner_log::inert;
use super::{Console, Exit, Failure};
use crate::event::{Counts, Event, Mode};
use crate::report::{Format, Reporter, Subject, View, reporter};
use anstream::{AutoStream, StripStream};
use std::io;

/// Shows a run while it goes on, and knows afterwards how it ended.
pub struct Show {
    subject: Subject,
    reporter: Box<dyn Reporter>,
    narration: Box<dyn Reporter>,
    out: Out,
    err: AutoStream<io::Stderr>,
    files: Vec<(Box<dyn Reporter>, OutputFile)>,
    live: Live,
    board: Option<Board>,
    exit: Exit,
    dry: bool,
    held_out: bool,
    trouble: Option<Failure>,
}

enum Out {
    Stdout(AutoStream<io::Stdout>),
    Stderr(AutoStream<io::Stderr>),
}

impl Show {
    /// Shows on stdout.
    pub fn new(console: &Console, subject: Subject, format: Format) -> Self {
        Self {
            subject,
            reporter: reporter(subject, format, console.view),
            narration: reporter(Subject::Narration, format, console.view),
            out: Out::Stdout(console.out()),
            err: console.err(),
            files: Vec::new(),
            live: console.live.clone(),
            board: console.live.board(),
            exit: Exit::Well,
            dry: false,
            held_out: false,
            trouble: None,
        }
    }

    /// Writes into files, too, each in its format.
    #[must_use]
    pub fn into_files(self, files: Vec<(Format, OutputFile)>) -> Self {
        // A file is as wide as its lines, whatever the terminal is.
        let of = |format| reporter(self.subject, format, View::default());
        let files = files.into_iter().map(|(format, file)| (of(format), file)).collect();
        Self { files, ..self }
    }

    /// Shows on stderr what somebody is to be asked about.
    pub fn preview(console: &Console, subject: Subject) -> Self {
        let subject = if subject == Subject::Patch { Subject::Updates } else { subject };
        let show = Self::new(console, subject, Format::Human);
        Self { out: Out::Stderr(console.err()), ..show }
    }

    /// Takes the next event. A reader that went away stops nothing.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunBegins { mode, .. } => self.dry = *mode != Mode::Real,
            Event::HeldOut(_) => self.held_out |= !self.dry,
            Event::RunEnds { recap, interrupted, .. } => {
                let hosts = recap.values().map(exit_of).fold(Exit::Well, Exit::worst);
                let held = if self.held_out { Exit::Refused } else { Exit::Well };
                let interrupted = if *interrupted { Exit::Interrupted } else { Exit::Well };
                self.exit = hosts.worst(interrupted).worst(held);
            }
            _ => {}
        }
        self.narrate(event);
        // A document of facts has no place for hosts that have none.
        if let (Subject::Facts, Event::HostLeaves { host, reason: Some(reason) }) = (self.subject, event) {
            let message = reason.replace('\n', "; ");
            self.narrate(&Event::Warning { host: Some(host.clone()), message });
        }
        if let Err(error) = forgiven(self.report(event)) {
            self.trouble.get_or_insert_with(|| unwritable(&error));
        }
        for (reporter, file) in &mut self.files {
            if let Err(error) = reporter.event(event, &mut StripStream::new(file.writer())) {
                self.trouble.get_or_insert_with(|| file.failed(&error));
            }
        }
    }

    /// Warnings as lines; progress as lines only where none are redrawn.
    fn narrate(&mut self, event: &Event) {
        if let Some(board) = &mut self.board {
            board.event(event);
        }
        if !(self.live.redraws() && matches!(event, Event::Progress { .. })) {
            let mut text = Vec::new();
            let told = self.narration.event(event, &mut text);
            let _nobody_listens = told.and_then(|()| self.live.written(&inert(&text), &mut self.err));
        }
    }

    fn report(&mut self, event: &Event) -> io::Result<()> {
        let mut text = Vec::new();
        self.reporter.event(event, &mut text)?;
        let text = inert(&text);
        match &mut self.out {
            Out::Stdout(out) => self.live.written(&text, out),
            Out::Stderr(err) => self.live.written(&text, err),
        }
    }

    /// Ends the report, and says how the run ended.
    ///
    /// # Errors
    /// The report could not be written; then no file of it appears.
    pub fn finish(self) -> Result<Exit, Failure> {
        if let Some(failure) = self.trouble {
            return Err(failure);
        }
        self.files.into_iter().try_for_each(|(_, file)| file.finish())?;
        Ok(self.exit)
    }
}

fn exit_of(counts: &Counts) -> Exit {
    let failed = if counts.failed > 0 { Exit::Failed } else { Exit::Well };
    let unreachable = if counts.unreachable > 0 { Exit::Unreachable } else { Exit::Well };
    failed.worst(unreachable)
}

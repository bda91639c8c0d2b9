//! The reporter of an audit: it listens until the run ends, then writes the whole report in its format. Only what is sent
//! (`--explain`) is written as it is sent, and only for people.

use super::packages::Packages;
use super::sheet::Sheet;
use super::{Assessment, html, human, json, junit, markdown, openmetrics, sarif};
use crate::event::Event;
use crate::report::human::explain;
use crate::report::{Format, Reporter, View};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Writes the assessment when the run ends.
pub(in crate::report) struct AuditReport {
    assessment: Assessment,
    packages: Packages,
    format: Format,
    view: View,
    /// The scripts whose text was shown.
    explained: BTreeSet<String>,
}

impl AuditReport {
    pub fn new(format: Format, view: View) -> Self {
        Self {
            assessment: Assessment::default(),
            packages: Packages::default(),
            format,
            view,
            explained: BTreeSet::new(),
        }
    }

    fn text(&self) -> io::Result<String> {
        let sheet = Sheet::of(&self.assessment);
        Ok(match self.format {
            Format::Human => human::text(&sheet, self.view),
            Format::Json => json::text(&self.assessment)? + "\n",
            Format::Junit => junit::text(&sheet),
            Format::Sarif => sarif::text(&sheet)? + "\n",
            Format::Markdown => markdown::text(&sheet),
            Format::OpenMetrics => openmetrics::text(&sheet, &self.packages),
            Format::Html => html::text(&sheet),
        })
    }
}

impl Reporter for AuditReport {
    fn event(&mut self, event: &Event, out: &mut dyn Write) -> io::Result<()> {
        self.assessment.event(event);
        self.packages.event(event);
        match event {
            Event::RunEnds { .. } => out.write_all(self.text()?.as_bytes()),
            Event::Sends { .. } if self.format == Format::Human => {
                explain::sends(event, &mut self.explained, out)
            }
            _ => Ok(()),
        }
    }
}

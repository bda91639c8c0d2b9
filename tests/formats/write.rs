//! Writes an audit in every format, for the programs that other people read them with: `check` beside this file.
//!
//!     cargo run --example audit_formats -- FOLDER <EVENTS
//!
//! EVENTS are a run's events, one JSON object on each line; `made.py` makes some.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use wgops::event::Event;
use wgops::report::{Format, Reporter, Subject, View, reporter};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("expected the folder to write to")?);
    let mut reports = Vec::new();
    for format in Format::ALL {
        let name = format!("audit.{}", format.extensions().first().ok_or("a format without an extension")?);
        let view = View { columns: (format == Format::Human).then_some(80), ..View::default() };
        let file = BufWriter::new(File::create(folder.join(name))?);
        reports.push((reporter(Subject::Audit, format, view), file));
    }
    for line in std::io::stdin().lines() {
        let event: Event = serde_json::from_str(&line?)?;
        tell(&mut reports, &event)?;
    }
    Ok(())
}

fn tell(reports: &mut [(Box<dyn Reporter>, BufWriter<File>)], event: &Event) -> std::io::Result<()> {
    for (report, file) in reports {
        report.event(event, file)?;
        file.flush()?;
    }
    Ok(())
}

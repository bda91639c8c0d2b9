//! What `wgops lint` found, in each of its formats. Texts come from files that anybody may have written: none of them
//! reaches a terminal as it is.

mod human;
mod json;
mod sarif;

use super::Format;
use crate::model::{Remark, Weight};
use std::io;

/// What there is to report.
#[derive(Clone, Copy)]
pub struct Sheet<'a> {
    /// Remarks, by file and from top to bottom.
    pub remarks: &'a [Remark],
    /// How many files were looked at.
    pub files: usize,
    /// The least weight that is shown to people; the rest is counted.
    pub shown: Weight,
}

impl Sheet<'_> {
    fn count(&self, weight: Weight) -> usize {
        self.remarks.iter().filter(|remark| remark.weight == weight).count()
    }
}

/// The formats that there are.
pub const FORMATS: [Format; 3] = [Format::Human, Format::Json, Format::Sarif];

/// The whole text in a format of [`FORMATS`].
///
/// # Errors
/// It can't be written as JSON.
pub fn text(sheet: &Sheet<'_>, format: Format) -> io::Result<String> {
    match format {
        Format::Json => json::text(sheet),
        Format::Sarif => sarif::text(sheet),
        _ => Ok(human::text(sheet)),
    }
}

#[cfg(test)]
mod cases {
    use crate::model::{Place, Remark, Weight};
    use std::sync::Arc;

    pub(super) fn remarks() -> Vec<Remark> {
        let at = |file: &str, line, column| Place { file: Arc::new(file.into()), line, column };
        vec![
            Remark {
                rule: "unknown-module",
                about: "A module that there is not",
                weight: Weight::Error,
                place: at("roles/web/tasks/main.yml", 12, 3),
                message: "there is no module 'atp'".into(),
                help: Some("did you mean 'apt'?".into()),
            },
            Remark {
                rule: "name-missing",
                about: "A task without a name",
                weight: Weight::Info,
                place: at("site \u{1b}[2J.yml", 1, 1),
                message: "a play {0} without [a](name)\u{202e}".into(),
                help: None,
            },
        ]
    }
}

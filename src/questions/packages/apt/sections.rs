//! A script's output in sections: a line `== NAME REST`, and the lines up to the next such line.

use crate::questions::{Output, ParseError};

/// One section of a script's output.
pub(super) struct Section<'a> {
    pub name: &'a str,
    pub rest: &'a str,
    pub lines: Vec<&'a str>,
}

/// All sections, in order.
pub(super) struct Sections<'a>(pub Vec<Section<'a>>);

impl<'a> Sections<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let mut sections: Vec<Section<'a>> = Vec::new();
        for line in text.lines() {
            if let Some(head) = line.strip_prefix("== ") {
                let (name, rest) = head.split_once(' ').unwrap_or((head, ""));
                sections.push(Section { name, rest, lines: Vec::new() });
            } else if let Some(section) = sections.last_mut() {
                section.lines.push(line);
            }
        }
        Self(sections)
    }

    /// The first section of a name.
    pub(super) fn find(&self, name: &str) -> Option<&Section<'a>> {
        self.0.iter().find(|s| s.name == name)
    }

    /// The lines of the first section of a name.
    pub(super) fn lines(&self, name: &str) -> &[&'a str] {
        self.find(name).map(|s| s.lines.as_slice()).unwrap_or_default()
    }

    /// Refuses output whose end is missing.
    pub(super) fn complete(&self, output: &Output) -> Result<(), ParseError> {
        match self.find("end") {
            Some(_) => Ok(()),
            None => Err(ParseError::new("output that ends with '== end'", output)),
        }
    }
}

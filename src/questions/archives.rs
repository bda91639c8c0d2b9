//! What of an archive on the host is not unpacked yet.

use super::{Cost, Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};
use std::time::Duration;

/// Text of the change that unpacks an archive, where it lies, comes on stdin, or is fetched; see there for its arguments.
pub const UNPACK: &str = concat!(
    include_str!("http/request.sh"),
    include_str!("archives/get.sh"),
    include_str!("archives/lib.sh"),
    include_str!("archives/unpack.sh")
);

/// An archive and where it belongs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unpacking {
    /// The archive; `-`: what is on stdin.
    pub archive: String,
    /// The directory that it is unpacked in.
    pub dest: String,
    /// Owner's and group's number, and a mode, that everything is to have; `-`: what the archive says.
    pub attributes: [String; 3],
    /// Whether newer files stay.
    pub keeps_newer: bool,
    /// Options of tar; of a zip archive names that are left out.
    pub options: Vec<String>,
    /// Names that are meant; none: all.
    pub names: Vec<String>,
}

/// What is missing or different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unpacked {
    /// Ansible's name for what unpacks such an archive.
    pub handler: String,
    /// How many entries it has.
    pub entries: u64,
    /// What is missing or different; none: nothing.
    pub differences: Vec<String>,
}

/// Asks what of an archive is not unpacked yet; an error of the archive is an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Differences(pub Unpacking);

impl Unpacking {
    /// The words that the scripts take.
    pub fn words(&self) -> Vec<String> {
        let mut words = vec![self.archive.clone(), self.dest.clone()];
        words.extend(self.attributes.iter().cloned());
        words.push(if self.keeps_newer { "yes" } else { "no" }.to_owned());
        words.push(self.options.len().to_string());
        words.extend(self.options.iter().chain(&self.names).cloned());
        words
    }
}

impl Question for Differences {
    type Answer = Result<Unpacked, String>;
    const SCRIPT: Script = Script {
        name: "archive_differences",
        text: concat!(include_str!("archives/lib.sh"), include_str!("archives/ask.sh")),
    };

    fn args(&self) -> Argv {
        self.0.words().into()
    }

    fn reads(&self) -> Subjects {
        [Subject::path(&self.0.archive), Subject::path(&self.0.dest)].into()
    }

    fn parse(&self, output: &Output) -> Result<Self::Answer, ParseError> {
        if output.status != 0 {
            let said = output.error_text().trim().to_owned();
            return match said.is_empty() {
                true => Err(ParseError::new("what is in an archive", output)),
                false => Ok(Err(said)),
            };
        }
        let text = output.text();
        let mut lines = text.lines();
        let head = lines.next().zip(lines.next().and_then(|count| count.trim().parse().ok()));
        let (handler, entries) = head.ok_or_else(|| ParseError::new("what is in an archive", output))?;
        let differences = lines.map(str::to_owned).collect();
        Ok(Ok(Unpacked { handler: handler.to_owned(), entries, differences }))
    }

    fn cost(&self) -> Cost {
        Cost::Costly { deadline: Duration::from_secs(900) }
    }
}

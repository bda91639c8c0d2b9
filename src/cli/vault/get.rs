//! `wgops vault get`: shows one value on a terminal, and nowhere else; that it was opened is in the ledger before.

use super::super::{Console, Exit, Failure};
use super::desk::{Desk, Sealed};
use super::files::bytes_of;
use crate::model::{is_sealed, printable};
use crate::report::one_line;
use crate::vault::{Sheet, State, Subject, digest, file_digest};
use clap::Args;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Show a sealed value, on a terminal alone
#[derive(Args)]
pub struct Get {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The value's name; none for a file that is sealed as a whole
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Get {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if !std::io::stdout().is_terminal() {
            return Err(Failure::usage("secrets are shown on a terminal alone, and standard output is none")
                .hint("playbooks use sealed values as they are; 'age -d' opens one for another program"));
        }
        let desk = Desk::open(console)?;
        let target = desk.target(&self.file)?;
        desk.is_read_by_me(&target)?;
        let bytes = bytes_of(&target.path)?;
        let (sealed, text) = match (&self.name, is_sealed(&bytes)) {
            (None, true) => {
                let subject = Subject { file: target.file.clone(), name: None };
                (Sealed { subject, digest: file_digest(&bytes) }, bytes)
            }
            (Some(name), false) => {
                let sheet = Sheet::read(&target.path)?;
                let found = sheet.named(name)?;
                let subject = Subject { file: target.file.clone(), name: Some(name.clone()) };
                (Sealed { subject, digest: digest(&found.text) }, found.text.clone().into_bytes())
            }
            (Some(_), true) => {
                return Err(Failure::usage("the file is sealed as a whole: leave the name out"));
            }
            (None, false) => {
                let sheet = Sheet::read(&target.path)?;
                let names: Vec<&str> = sheet.sealed().map(|found| found.name.as_str()).collect();
                return Err(
                    Failure::usage("which of its values?").hint(format!("it has {}", names.join(", ")))
                );
            }
        };
        let keys = desk.keys()?;
        let plain = match desk.history.state(&sealed.subject, sealed.digest) {
            // Which of two is right, whoever looks at it may find out.
            State::Parallel(_) => {
                let why = crate::vault::refusal(&desk.history, &sealed.subject, sealed.digest);
                console.tell(&format!("warning: {}\n", one_line(&why.unwrap_or_default())));
                desk.holds_unvouched(&keys, &text)?
            }
            _ => desk.holds(&keys, &sealed, &text)?,
        };
        desk.opened(&[sealed.subject])?;
        let Ok(text) = std::str::from_utf8(&plain) else {
            return Err(Failure::usage("it is no text, and a terminal shows nothing else")
                .hint("'age -d -i KEY' opens a sealed file for another program"));
        };
        // Whoever seals a value could otherwise steer the terminal of whoever looks at it.
        let text = Zeroizing::new(printable(text).into_owned());
        if text.as_bytes() != &plain[..] {
            console.tell("It holds characters that steer a terminal: they are shown as ^[ and the like.\n");
        }
        let mut out = std::io::stdout();
        let end: &[u8] = if text.ends_with('\n') { b"" } else { b"\n" };
        let shown =
            out.write_all(text.as_bytes()).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
        shown.map_err(|error| Failure::usage(format!("can't write to the terminal: {error}")))?;
        Ok(Exit::Well)
    }
}

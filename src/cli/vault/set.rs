//! `wgops vault set`: seals a value that is typed or comes on standard input; never one from an argument, which everybody
//! on the machine could read.

use super::super::{Console, Exit, Failure, ask};
use super::desk::{Desk, ToSeal};
use super::files::{EMPTY, bytes_of};
use crate::ledger::SealAct;
use crate::load::TextFile;
use crate::model::is_sealed;
use crate::vault::{Readers, Sheet, Subject};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Most that is read from standard input.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Seal a value: asked for, or read from standard input
///
/// What was there under the name is replaced, and counts as changed: whoever could read the old value can't read the new
/// one unless the roster says so. Without NAME, all of standard input becomes a sealed file FILE.age.
#[derive(Args)]
pub struct Set {
    /// The file of variables, or with the ending .age, the file to seal as a whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The value's name; inside of others as 'db.password' or 'users[0].password'
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl Set {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::to_seal(console)?;
        let target = desk.target(&self.file)?;
        let readers = desk.readers_with_me(&target)?;
        let subject = Subject { file: target.file.clone(), name: self.name.clone() };
        let there = target.path.exists();
        let text = if there { bytes_of(&target.path)? } else { Vec::new() };
        let plain = match &self.name {
            Some(name) => {
                if is_sealed(&text) {
                    return Err(Failure::usage(format!(
                        "{} is sealed as a whole: it has no value '{name}'",
                        target.file
                    )));
                }
                typed(console, name)?
            }
            None => {
                // Whatever its name: a file that is sealed as a whole is set anew as one.
                let whole = if there { is_sealed(&text) } else { target.file.ends_with(".age") };
                if !whole {
                    let message =
                        format!("{} is not sealed as a whole: which of its values is meant?", target.file);
                    return Err(Failure::usage(message)
                        .hint("'wgops vault set FILE NAME', or give a sealed file the ending .age"));
                }
                input(console, "the file's content")?
            }
        };
        is_another(&desk, &subject, (&text, &plain), &readers)?;
        let (armor, value) =
            desk.seal(&ToSeal { subject: subject.clone(), plain, act: SealAct::Set }, &readers)?;
        let text = match &self.name {
            None => armor,
            Some(name) => {
                let text = if there { text } else { EMPTY.to_vec() };
                let file = TextFile::from_bytes(&target.path, text).map_err(crate::load::Problems::from)?;
                let file = TextFile { file: Arc::new(PathBuf::from(&target.file)), ..file };
                Sheet::parse(file)?.with(&BTreeMap::from([(name.clone(), armor)]))?
            }
        };
        let names: Vec<String> = value.readers.iter().map(ToString::to_string).collect();
        desk.commit(&target, text.as_bytes(), vec![value])?;
        console.tell(&format!(
            "Sealed: {subject}, for {}. Commit the file with the ledger.\n",
            names.join(", ")
        ));
        Ok(Exit::Well)
    }
}

/// Makes sure that a value which somebody could read who may not any more is set to another text: the same one would come off their list,
/// and stay in their head.
fn is_another(
    desk: &Desk<'_>,
    subject: &Subject,
    (there, plain): (&[u8], &[u8]),
    readers: &Readers,
) -> Result<(), Failure> {
    let today = readers.names();
    let since = desk.history.readers_since_it_was_set(subject);
    let still = since.filter(|(name, lost)| *lost || !today.contains(name)).map(|(name, _)| name.to_string());
    let still: BTreeSet<String> = still.collect();
    if still.is_empty() {
        return Ok(());
    }
    let names = still.into_iter().collect::<Vec<_>>().join(", ");
    let sealed = match &subject.name {
        None => Some(there.to_vec()),
        Some(name) => {
            let file = TextFile::from_bytes(&desk.root.join(&subject.file), there.to_vec()).ok();
            let sheet = file.and_then(|file| Sheet::parse(file).ok());
            sheet.and_then(|sheet| Some(sheet.named(name).ok()?.text.clone().into_bytes()))
        }
    };
    let Some(sealed) = sealed else { return Ok(()) };
    match desk.keys().and_then(|keys| desk.holds_unvouched(&keys, &sealed)) {
        Ok(before) if *before == *plain => {
            let message = format!("{subject} is that very text already, and {names} could read it");
            Err(Failure::usage(message).hint(format!(
                "change it where it is used, and set what it is then; 'wgops vault rekey {}' seals the same text for others",
                subject.file
            )))
        }
        Ok(_) => Ok(()),
        Err(_) => {
            desk.console.tell(&format!(
                "Whether that is another text than before can't be told, for you can't open what is there: {names} could read that.\n"
            ));
            Ok(())
        }
    }
}

/// A value: typed twice, or what comes on standard input without its last line's end.
fn typed(console: &Console, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !std::io::stdin().is_terminal() {
        let mut plain = input(console, "the value")?;
        if plain.ends_with(b"\n") {
            let length = plain.len() - if plain.ends_with(b"\r\n") { 2 } else { 1 };
            plain.truncate(length);
        }
        if std::str::from_utf8(&plain).is_err() || plain.contains(&0) {
            return Err(Failure::usage("a value is text, and this is not: seal it as a file FILE.age"));
        }
        return match plain.is_empty() {
            true => Err(Failure::usage("standard input is empty, and nothing was sealed")),
            false => Ok(plain),
        };
    }
    let first = ask::secret(console, &format!("Value of {name}"), "standard input")?;
    let second = ask::secret(console, "The same again", "standard input")?;
    if first.expose() != second.expose() {
        return Err(Failure::usage("these are two values, and nothing was sealed"));
    }
    match first.expose().is_empty() {
        true => Err(Failure::usage("nothing was typed, and nothing was sealed")),
        false => Ok(Zeroizing::new(first.expose().as_bytes().to_vec())),
    }
}

fn input(console: &Console, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if std::io::stdin().is_terminal() {
        console.tell(&format!("Type {what}, and Ctrl-D at the end:\n"));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    let read = std::io::stdin().take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::usage(format!("can't read standard input: {error}")))?;
    match bytes.len() as u64 > INPUT_BYTES_MAX {
        true => Err(Failure::usage(format!("more than {} MiB", INPUT_BYTES_MAX >> 20))),
        false => Ok(bytes),
    }
}

//! `wgops vault edit`: a file with its sealed values open, in an editor. The open text lies in memory alone; what was not
//! changed keeps its seal to the byte, and so do all other lines.

use super::super::{Console, Exit, Failure, ask};
use super::desk::{Desk, Sealed, Target, ToSeal};
use super::files::bytes_of;
use super::tmpfs::Memory;
use crate::ledger::{SealAct, SealedValue};
use crate::load::shell_words;
use crate::model::is_sealed;
use crate::vault::{Editable, Keys, Readers, Sheet, Subject, digest, file_digest};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Edit a file with its sealed values open; every value tagged !age is sealed again
///
/// A value becomes sealed by writing !age before it: 'token: !age hunter2'. The open text is in memory alone, never on a
/// disk; vim is told to keep nothing of it, keep another editor from writing elsewhere (backups, undo files).
#[derive(Args)]
pub struct Edit {
    /// The file of variables, or a file that is sealed as a whole
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Edit {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        if !console.is_interactive() {
            return Err(Failure::usage("an editor needs a terminal, and there is none")
                .hint("'wgops vault set FILE NAME' reads a value from standard input"));
        }
        let desk = Desk::to_seal(console)?;
        let target = desk.target(&self.file)?;
        let readers = desk.readers_with_me(&target)?;
        let keys = desk.keys()?;
        let bytes = bytes_of(&target.path)?;
        let memory = Memory::make(console)?;
        let work = Work { desk, target, readers, memory };
        if is_sealed(&bytes) { work.whole(&bytes, &keys) } else { work.values(&keys) }
    }
}

/// An edit under way.
struct Work<'a> {
    desk: Desk<'a>,
    target: Target,
    readers: Readers,
    memory: Memory,
}

impl Work<'_> {
    /// A file that is sealed as a whole.
    fn whole(&self, bytes: &[u8], keys: &Keys) -> Result<Exit, Failure> {
        let Self { desk, target, readers, memory } = self;
        let subject = Subject { file: target.file.clone(), name: None };
        let sealed = Sealed { subject: subject.clone(), digest: file_digest(bytes) };
        let open = desk.holds(keys, &sealed, bytes)?;
        desk.opened(std::slice::from_ref(&subject))?;
        let name = Path::new(&target.file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let edited = edit(memory, &name, &open)?;
        if *edited == *open {
            desk.console.tell("Nothing was changed.\n");
            return Ok(Exit::Well);
        }
        let what = ToSeal { subject, plain: edited, act: SealAct::Set };
        let (armor, entry) = desk.seal(&what, readers)?;
        self.is_still(bytes)?;
        desk.commit(target, armor.as_bytes(), vec![entry])?;
        desk.console.tell(&format!("Sealed again: {}. Commit it with the ledger.\n", target.file));
        Ok(Exit::Well)
    }

    /// A file of variables.
    fn values(&self, keys: &Keys) -> Result<Exit, Failure> {
        let Self { desk, target, memory, .. } = self;
        let sheet = Sheet::read(&target.path)?;
        let mut subjects = Vec::new();
        for found in sheet.sealed() {
            let subject = Subject { file: target.file.clone(), name: Some(found.name.clone()) };
            desk.vouched(&subject, digest(&found.text))?;
            subjects.push(subject);
        }
        let before = sheet.file.text.clone();
        let editable = Editable::open(sheet, keys)?;
        if !subjects.is_empty() {
            desk.opened(&subjects)?;
        }
        let name = Path::new(&target.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut open = Zeroizing::new(editable.text().as_bytes().to_vec());
        loop {
            let edited = edit(memory, &name, &open)?;
            let sealed = std::str::from_utf8(&edited)
                .map_err(|_| Failure::usage("the text is no UTF-8 now"))
                .and_then(|text| self.seal(&editable, text));
            match sealed {
                Ok((text, entries)) => return self.write(&before, &text, entries),
                Err(failure) => {
                    desk.console.tell(&failure.text());
                    if ask::types(desk.console, "Edit it again? [y/n] ")?.to_lowercase() != "y" {
                        return Err(Failure::usage(format!("{} is as it was", target.file)));
                    }
                    open = edited;
                }
            }
        }
    }

    fn write(&self, before: &str, text: &str, entries: Vec<SealedValue>) -> Result<Exit, Failure> {
        let Self { desk, target, .. } = self;
        if text == before {
            desk.console.tell("Nothing was changed.\n");
            return Ok(Exit::Well);
        }
        let names: Vec<String> = entries.iter().filter_map(|entry| entry.name.clone()).collect();
        self.is_still(before.as_bytes())?;
        desk.commit(target, text.as_bytes(), entries)?;
        desk.console.tell(&match names.is_empty() {
            true => format!("No sealed value changed; {} is written.\n", target.file),
            false => format!("Sealed: {}. Commit {} with the ledger.\n", names.join(", "), target.file),
        });
        Ok(Exit::Well)
    }

    /// Makes sure that the file is as it was when it was opened: another wgops waits, git does not.
    fn is_still(&self, before: &[u8]) -> Result<(), Failure> {
        if bytes_of(&self.target.path)? == before {
            return Ok(());
        }
        let message = format!("{} changed while it was edited; nothing was written", self.target.file);
        Err(Failure::usage(message).hint("git may have done that: look at it, and edit it again"))
    }

    /// The file's new text, and what the ledger is told.
    fn seal(&self, editable: &Editable, edited: &str) -> Result<(String, Vec<SealedValue>), Failure> {
        let Self { desk, target, readers, .. } = self;
        let (mut armors, mut entries) = (BTreeMap::new(), Vec::new());
        for (name, secret) in editable.changed(edited)? {
            desk.console.masks.add(&secret);
            let subject = Subject { file: target.file.clone(), name: Some(name.clone()) };
            let plain = Zeroizing::new(secret.expose().as_bytes().to_vec());
            let (armor, entry) = desk.seal(&ToSeal { subject, plain, act: SealAct::Set }, readers)?;
            armors.insert(name, armor);
            entries.push(entry);
        }
        Ok((editable.sealed_again(edited, &armors)?, entries))
    }
}

/// Lets somebody edit a text in memory, and gives back what they made of it.
fn edit(memory: &Memory, name: &str, text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let full = |error: std::io::Error| Failure::usage(format!("can't write in memory: {error}"));
    let file = memory.file(name, text).map_err(full)?;
    let status = run_editor(&file)?;
    if !status {
        return Err(Failure::usage("the editor failed; nothing was changed"));
    }
    let edited = Zeroizing::new(std::fs::read(&file).map_err(full)?);
    std::fs::remove_file(&file).map_err(full)?;
    Ok(edited)
}

/// What keeps an editor that we know from writing anywhere else what it was shown: vim keeps words of it in ~/.viminfo, and texts in
/// files for swap, undo and backups where its settings say so.
fn discreet(program: &str) -> &'static [&'static str] {
    let found = match program.contains('/') {
        true => Some(PathBuf::from(program)),
        false => std::env::var_os("PATH").and_then(|path| {
            std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
        }),
    };
    // `vi` may be vim, or another.
    let real = found.and_then(|file| file.canonicalize().ok());
    let names = [real.as_deref(), Some(Path::new(program))].into_iter().flatten().filter_map(Path::file_name);
    let is_vim = |name: &std::ffi::OsStr| {
        let name = name.to_string_lossy();
        ["vim", "nvim", "gvim"].iter().any(|known| name == *known || name.starts_with(&format!("{known}.")))
    };
    match names.into_iter().any(is_vim) {
        true => &["-n", "-i", "NONE", "-c", "silent! set noundofile nobackup nowritebackup"],
        false => &[],
    }
}

/// Runs the editor. Interrupts are the editor's own affair meanwhile; whoever ends wgops ends it in order, so that nothing
/// stays in memory.
fn run_editor(file: &Path) -> Result<bool, Failure> {
    let named = ["VISUAL", "EDITOR"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|text| !text.trim().is_empty()));
    let line = named.unwrap_or_else(|| "vi".into());
    let words = shell_words::split(&line)
        .map_err(|_| Failure::usage(format!("$EDITOR is '{line}', with a quote too many")))?;
    let mut words = words.into_iter().map(|word| word.text);
    let program = words.next().unwrap_or_else(|| "vi".into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::usage(format!("can't start: {error}")))?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let unheard = |error: std::io::Error| Failure::usage(format!("can't listen for signals: {error}"));
        let mut ignored = signal(SignalKind::interrupt()).map_err(unheard)?;
        let mut quit = signal(SignalKind::quit()).map_err(unheard)?;
        let mut ended = signal(SignalKind::terminate()).map_err(unheard)?;
        let mut hung_up = signal(SignalKind::hangup()).map_err(unheard)?;
        let mut child = tokio::process::Command::new(&program)
            .args(discreet(&program))
            .args(words)
            .arg(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                Failure::usage(format!("can't start the editor '{program}': {error}")).hint("set EDITOR")
            })?;
        loop {
            tokio::select! {
                status = child.wait() => return Ok(status.map_err(unheard)?.success()),
                _ = ignored.recv() => {}
                _ = quit.recv() => {}
                _ = ended.recv() => break,
                _ = hung_up.recv() => break,
            }
        }
        Err(Failure::new(Exit::Interrupted, "interrupted; nothing was changed"))
    })
}

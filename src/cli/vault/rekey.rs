//! `wgops vault rekey`: seals what is there for whoever may read it today. What it holds stays the same, and so whoever
//! could read it before is exposed to it until it is set anew.

use super::super::who::Who;
use super::super::{Console, Exit, Failure};
use super::desk::{Desk, Sealed, Target, ToSeal};
use super::files::bytes_of;
use crate::ledger::{SealAct, SealedValue, Turn};
use crate::model::{OperatorName, is_sealed};
use crate::people::Roster;
use crate::vault::{Keys, Readers, Sheet, State, digest};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Seal what is sealed for those who may read it today, and settle what was sealed in parallel
#[derive(Args)]
pub struct Rekey {
    /// Files; without any, all of the ops repository
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Also what is sealed for the right people already
    #[arg(long)]
    all: bool,
}

/// How rekeying went.
#[derive(Default)]
struct Done {
    sealed: usize,
    refused: Vec<String>,
}

impl Rekey {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let desk = Desk::to_seal(console)?;
        let targets = desk.targets(&self.files)?;
        let done = rekey(&desk, &targets, self.all)?;
        for why in &done.refused {
            console.tell(&format!("left as it is: {why}\n"));
        }
        console.tell(&match done.sealed {
            0 => "Nothing had to be sealed again.\n".to_owned(),
            1 => "One value was sealed again. Commit its file with the ledger.\n".to_owned(),
            n => format!("{n} values were sealed again. Commit their files with the ledger.\n"),
        });
        Ok(if done.refused.is_empty() { Exit::Well } else { Exit::Refused })
    }
}

fn rekey(desk: &Desk<'_>, targets: &[Target], all: bool) -> Result<Done, Failure> {
    let (mut done, mut keys) = (Done::default(), None);
    for target in targets {
        let due = match due(desk, target, all) {
            Ok(Due { left, readers, values }) => {
                done.refused.extend(left);
                if values.is_empty() {
                    continue;
                }
                desk.readers_with_me(target).map(|_| (readers, values))
            }
            Err(failure) => Err(failure),
        };
        let keys = match &mut keys {
            Some(keys) => keys,
            empty => empty.insert(desk.keys()?),
        };
        let sealed = due.and_then(|(readers, due)| one_file(desk, target, keys, &readers, &due));
        match sealed {
            Ok(count) => done.sealed += count,
            Err(failure) => done.refused.push(format!("{}: {}", target.file, plain(&failure))),
        }
    }
    Ok(done)
}

/// What of a file is to be sealed again, for whom, and what stays as it is because nobody vouches for it: one such value keeps
/// no other one from being sealed for those who read it now.
struct Due {
    readers: Readers,
    values: Vec<Sealed>,
    left: Vec<String>,
}

fn due(desk: &Desk<'_>, target: &Target, all: bool) -> Result<Due, Failure> {
    let standing = desk.standing(target)?;
    let readers = desk.readers(target)?;
    let (keys, mut values, mut left) = (readers.keys(), Vec::new(), Vec::new());
    for one in standing {
        match desk.history.state(&one.subject, one.digest) {
            State::Newest(seal) if seal.value.keys == keys && !all => {}
            State::Newest(_) | State::Parallel(_) => values.push(one),
            _ => left.extend(desk.vouched(&one.subject, one.digest).err().map(|failure| plain(&failure))),
        }
    }
    Ok(Due { readers, values, left })
}

fn one_file(
    desk: &Desk<'_>,
    target: &Target,
    keys: &Keys,
    readers: &Readers,
    due: &[Sealed],
) -> Result<usize, Failure> {
    let bytes = bytes_of(&target.path)?;
    let whole = is_sealed(&bytes);
    let sheet = if whole { None } else { Some(Sheet::read(&target.path)?) };
    let (mut armors, mut entries): (BTreeMap<String, String>, Vec<SealedValue>) = Default::default();
    for one in due {
        let sealed = match (&sheet, &one.subject.name) {
            (Some(sheet), Some(name)) => sheet.named(name)?.text.clone().into_bytes(),
            _ => bytes.clone(),
        };
        if whole || digest(&String::from_utf8_lossy(&sealed)) == one.digest {
            let plain = desk.holds_unvouched(keys, &sealed)?;
            let what = ToSeal { subject: one.subject.clone(), plain, act: SealAct::Rekeyed };
            let (armor, entry) = desk.seal(&what, readers)?;
            armors.insert(one.subject.name.clone().unwrap_or_default(), armor);
            entries.push(entry);
        }
    }
    let count = entries.len();
    let text = match sheet {
        Some(sheet) => sheet.with(&armors)?,
        None => armors.into_values().next().unwrap_or_default(),
    };
    desk.commit(target, text.as_bytes(), entries)?;
    Ok(count)
}

fn plain(failure: &Failure) -> String {
    failure.message()
}

/// After a new roster came into force: seals for the readers that it names, and says what somebody who reads no longer
/// could read: who changed in it, and whom a rule of `before` named. A failure here takes nothing back; the roster counts.
pub fn after_roster(
    console: &Console,
    root: &Path,
    who: Who,
    (before, mut changed): (&Roster, Vec<OperatorName>),
) {
    let rekeyed = || -> Result<(), Failure> {
        let turn = Some(Turn::at_the_vault(root)?);
        let desk = Desk { turn, ..Desk::of(console, root, who)? };
        let targets = desk.files();
        if targets.is_empty() {
            return Ok(());
        }
        let done = rekey(&desk, &targets, false)?;
        if done.sealed > 0 {
            console.tell(&format!(
                "{} sealed again for those who may read now. Commit the files, too.\n",
                if done.sealed == 1 {
                    "One value was".to_owned()
                } else {
                    format!("{} values were", done.sealed)
                }
            ));
        }
        for why in &done.refused {
            console.tell(&format!("Not sealed again: {why}\n"));
        }
        if !done.refused.is_empty() {
            console.tell("Whoever may read these types 'wgops vault rekey'.\n");
        }
        changed.extend(super::exposed::taken_off(&desk, before));
        changed.sort();
        changed.dedup();
        for name in &changed {
            super::exposed::tell(console, &desk, name);
        }
        Ok(())
    };
    if let Err(failure) = rekeyed() {
        console.tell(&failure.text());
        console.tell("The roster counts all the same. Whoever reads the vault types 'wgops vault rekey'.\n");
    }
}

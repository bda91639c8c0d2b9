//! `wgops ledger export --public`: the ledger as everybody may see it. The entries and signatures are the same files, to the
//! byte; private parts, in which hosts, tickets and reasons stand, stay out.

use super::super::console::shown;
use super::super::repository::Repository;
use super::super::trust::Trust;
use super::super::{Console, Exit, Failure};
use super::counted;
use crate::ledger::{Heads, History, LedgerError, Record};
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  wgops ledger export --public ../ledger-for-all
  wgops ledger verify --public ../ledger-for-all
  ssh-keygen -Y verify -f allowed_signers -I alice -n ledger@wgops -s 00000001.json.sig <00000001.json";

const README: &str = "\
# A signed record

Written by `wgops ledger export --public`. Each entry is a JSON file under `ledger/`, with its SSH signature beside it (`.sig`,
namespace `ledger@wgops`). Private parts are not here; the entries name their digests. `wgops ledger verify --public .` checks
all of it, and `ssh-keygen -Y verify -f allowed_signers` one entry.
";

/// Copy what everybody may see of the ledger to a directory: no hosts, no tickets, no reasons
///
/// Entries and signatures stay the same to the byte, so that anybody can verify them, with 'wgops ledger verify --public' or
/// ssh-keygen. A later export into the same directory adds what is new.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    /// Where to
    #[arg(long, value_name = "DIR")]
    public: PathBuf,
}

impl Export {
    pub fn perform(self, console: &Console) -> Result<Exit, Failure> {
        let repository = Repository::here()?;
        let root = repository.needed()?;
        let roster = Trust::needed(console, &repository)?.in_force.roster;
        let record = Record::read(root, roster.origin)?;
        let report = record.verify(&roster, &Heads::default());
        if !report.breaks.is_empty() {
            console.tell("The ledger does not hold everywhere, and neither will what is exported: see 'wgops ledger verify'.\n");
        }
        if !record.has_roster(roster.digest) {
            let message =
                format!("version {} of the roster was never signed into the ledger", roster.version);
            return Err(Failure::new(Exit::Refused, message).hint(
                "'wgops operators sign' does that: without it nobody outside can tell whose keys these are",
            ));
        }
        is_a_place_for_it(root, &self.public)?;
        let mut new = 0;
        // Under the group's name nothing is published that nobody of it signed: it may say anything.
        let nobodys: BTreeSet<&Path> = report
            .breaks
            .iter()
            .filter(|found| found.fault.is_nobodys_word())
            .map(|found| found.file.as_path())
            .collect();
        for (from, bytes) in
            record.public_files().filter(|one| !nobodys.contains(one.entry)).map(|one| (one.file, one.bytes))
        {
            new += usize::from(place(&self.public, &self.public.join(from), bytes)?);
        }
        let left_out = record.entries().filter(|(_, entry)| nobodys.contains(entry.file.as_path())).count();
        if left_out > 0 {
            console.tell(&format!(
                "{} left out, for nobody of this group signed what lies there: see 'wgops ledger verify'.\n",
                counted(left_out, "entry is", "entries are")
            ));
        }
        let signers = History::of(&record, &roster).allowed_signers();
        replace(&self.public.join("allowed_signers"), signers.as_bytes())?;
        replace(&self.public.join("README.md"), README.as_bytes())?;
        console.tell(&format!(
            "{} in {}; {} new.\n",
            counted(report.entries - left_out, "entry", "entries"),
            shown(&self.public),
            counted(new, "file is", "files are")
        ));
        Ok(Exit::Well)
    }
}

/// Makes sure that a folder holds an earlier export, or nothing: whatever lies there is taken to be published, and the export has
/// files of its own names.
fn is_a_place_for_it(root: &Path, folder: &Path) -> Result<(), Failure> {
    let place = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let there = place.ancestors().find(|path| path.exists()).unwrap_or(&place);
    let rest = place.strip_prefix(there).unwrap_or(Path::new(""));
    let whole = there.canonicalize().unwrap_or_else(|_| there.to_owned()).join(rest);
    let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    if whole.starts_with(&root) || root.starts_with(&whole) {
        let message = format!("{} is in the ops repository, or around it", shown(folder));
        return Err(Failure::usage(message)
            .hint("the export is published, private parts are not: name a folder outside, such as ../ledger-for-all"));
    }
    let others = std::fs::read_dir(&place).into_iter().flatten().flatten();
    let is_empty = !others.into_iter().any(|entry| entry.file_name() != ".git");
    let title = README.lines().next().unwrap_or_default();
    let is_an_export =
        std::fs::read_to_string(place.join("README.md")).is_ok_and(|text| text.starts_with(title));
    match is_empty || is_an_export {
        true => Ok(()),
        false => Err(Failure::usage(format!("{} holds something else than an earlier export", shown(folder)))
            .hint("name an empty folder, or one that is not there yet: README.md and allowed_signers would be replaced")),
    }
}

/// Puts a file into its place, unless the same one is there; a link on the way is refused.
fn place(top: &Path, file: &Path, bytes: &[u8]) -> Result<bool, Failure> {
    let folders: Vec<&Path> = file.ancestors().skip(1).take_while(|folder| folder.starts_with(top)).collect();
    for folder in folders.into_iter().rev() {
        let is_link = folder != top && folder.symlink_metadata().is_ok_and(|meta| !meta.is_dir());
        if is_link {
            return Err(LedgerError::Link { file: folder.to_owned() }.into());
        }
    }
    if let Ok(there) = std::fs::read(file) {
        if there == bytes {
            return Ok(false);
        }
        let message = format!("{} is another than the one in this ledger", shown(file));
        return Err(Failure::new(Exit::Refused, message)
            .hint("one of them was exchanged: 'wgops ledger verify' here and '--public' there tell which"));
    }
    replace(file, bytes).map(|()| true)
}

/// Writes a file whole or not at all, with the folders above it.
fn replace(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        let mut new = tempfile::Builder::new().prefix(".tmp").permissions(permissions).tempfile_in(folder)?;
        new.write_all(bytes)?;
        new.persist(file).map(drop).map_err(|error| error.error)
    };
    written().map_err(|error| Failure::usage(format!("can't write {}: {error}", shown(file))))
}

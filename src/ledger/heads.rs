//! The heads that this client has verified before. They lie outside the repository: whoever cuts a chain short can't cut
//! this memory with it.

use super::{Head, LedgerError, Report, hold, tree};
use crate::model::Digest;
use crate::people::ChainName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// Longest memory that is read.
const HEADS_BYTES_MAX: u64 = 4 << 20;
/// Longest wait for another clone's wgops that changes the same memory.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// The last entry of each chain that was verified or written here.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heads {
    version: u32,
    chains: BTreeMap<ChainName, Head>,
    /// How far every signature of a chain was verified here: up to there, it need not be done again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    verified: BTreeMap<ChainName, Verified>,
}

/// How far a chain was verified, and with which signatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verified {
    /// The last entry.
    pub(super) head: Head,
    /// Digest of the digests of all signatures up to there.
    pub(super) signatures: Digest,
}

impl Heads {
    /// Reads the memory of one ops repository; a missing file is an empty one.
    ///
    /// # Errors
    /// The file can't be read, or is no such memory.
    pub fn load(file: &Path) -> Result<Self, LedgerError> {
        if std::fs::symlink_metadata(file).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Ok(Self::default());
        }
        let bytes = tree::read(file, HEADS_BYTES_MAX)?;
        let wrong = |error: serde_json::Error| LedgerError::io("can't understand", file)(error.into());
        serde_json::from_slice(&bytes).map_err(wrong)
    }

    /// Writes the memory, whole or not at all, and makes the directories above it.
    ///
    /// # Errors
    /// The disk refused.
    pub fn save(&self, file: &Path) -> Result<(), LedgerError> {
        let saved = || {
            let directory = file.parent().unwrap_or(Path::new("."));
            std::fs::create_dir_all(directory)?;
            let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
            serde_json::to_writer(&mut temporary, &Self { version: super::VERSION, ..self.clone() })?;
            temporary.flush()?;
            temporary.as_file().sync_all()?;
            temporary.persist(file).map(drop).map_err(|error| error.error)
        };
        saved().map_err(LedgerError::io("can't write", file))
    }

    /// Changes the memory, with nobody else at it meanwhile: clones of one group share it.
    ///
    /// # Errors
    /// It can't be read, or the disk refused.
    pub fn change(file: &Path, change: impl Fn(&mut Self)) -> Result<(), LedgerError> {
        let changed = || -> Result<Option<Self>, LedgerError> {
            let known = Self::load(file)?;
            let mut changed = known.clone();
            change(&mut changed);
            Ok(Some(changed).filter(|changed| *changed != known))
        };
        if changed()?.is_none() {
            return Ok(());
        }
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(LedgerError::io("can't make the directory", folder))?;
        let _held = hold::lock(&file.with_extension("lock"), LOCK_WAIT)?;
        changed()?.map_or(Ok(()), |changed| changed.save(file))
    }

    /// Takes over what another memory knows.
    pub fn take_over(&mut self, other: &Self) {
        other.iter().for_each(|(chain, head)| self.advance(chain, *head));
    }

    /// Forgets a chain; gives back its last known entry.
    pub fn forget(&mut self, chain: &ChainName) -> Option<Head> {
        self.verified.remove(chain);
        self.chains.remove(chain)
    }

    /// Takes over the heads of a report, of each chain that has no break but in what nobody vouches for: what was not right is not
    /// remembered as if it were.
    pub fn remember(&mut self, report: &Report) {
        let broken: BTreeSet<&std::ffi::OsStr> = report
            .breaks
            .iter()
            .filter(|found| !report.is_unfounded(found))
            .filter_map(|found| found.file.components().nth(1).map(|chain| chain.as_os_str()))
            .collect();
        let holds = |chain: &ChainName| !broken.contains(std::ffi::OsStr::new(&chain.to_string()));
        for (chain, head) in report.heads.iter().filter(|(chain, _)| holds(chain)) {
            self.advance(chain, *head);
        }
        let Some(all) = &report.verified else { return };
        self.verified.retain(|chain, _| all.contains_key(chain));
        let verified = all.iter().filter(|(chain, _)| holds(chain));
        self.verified.extend(verified.map(|(chain, one)| (chain.clone(), *one)));
    }

    /// The last entry of a chain up to which every signature was verified here.
    pub(super) fn verified(&self, chain: &ChainName) -> Option<Verified> {
        self.verified.get(chain).copied()
    }

    /// The same without what was verified: everything is looked at anew.
    #[must_use]
    pub fn anew(self) -> Self {
        Self { verified: BTreeMap::new(), ..self }
    }

    /// Takes over a head, unless a later one is known.
    pub fn advance(&mut self, chain: &ChainName, head: Head) {
        let known = self.chains.entry(chain.clone()).or_insert(head);
        if known.seq < head.seq {
            *known = head;
        }
    }

    /// The last known entry of a chain.
    pub fn of(&self, chain: &ChainName) -> Option<Head> {
        self.chains.get(chain).copied()
    }

    /// Each chain and its last known entry.
    pub fn iter(&self) -> impl Iterator<Item = (&ChainName, &Head)> {
        self.chains.iter()
    }
}

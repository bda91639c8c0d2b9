//! The ledger as it lies on disk, read once: [`Record::verify`] and [`Record::log`] are then pure.

use super::day::{Moments, moments};
use super::tree::{self, PRIVATE_BYTES_MAX, PUBLIC_BYTES_MAX, Part, SIGNATURE_BYTES_MAX};
use super::{Break, Fault, Kind, LedgerError, Private, Public};
use crate::model::Digest;
use crate::people::{ChainName, Roster};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What lies in `ledger/`. Nothing in it is believed before [`Record::verify`].
pub struct Record {
    root: PathBuf,
    /// Every chain, its entries in the order of their numbers.
    pub chains: BTreeMap<ChainName, Vec<Stored>>,
    /// What should not be there, or can't be read.
    pub(super) breaks: Vec<Break>,
    /// What an interrupted write left.
    pub(super) rests: Vec<PathBuf>,
    /// Whether private parts belong to it, or this is what the public may see.
    pub(super) is_public: bool,
    /// When each entry says that it was written, those that are left out included.
    pub(super) moments: BTreeMap<ChainName, Moments>,
    /// When it was read.
    pub(super) read_at: Timestamp,
    /// Entries of other kinds are left out.
    only: Option<Kind>,
}

/// An entry's number, digest and time.
type Time = (u64, Digest, Timestamp);

/// An entry as it lies on disk.
pub struct Stored {
    /// Its public part, seen from the root of the ops repository.
    pub file: PathBuf,
    /// The number in its name.
    pub seq: u64,
    /// The year of its directory.
    pub year: u16,
    /// Digest of its public bytes.
    pub digest: Digest,
    /// Its public part, or why it is none.
    pub public: Result<Public, String>,
    /// Its private part.
    pub private: PrivatePart,
    pub(super) bytes: Vec<u8>,
    pub(super) signature: Option<String>,
}

/// The private part of an entry.
pub enum PrivatePart {
    /// Not here: there is none, or this is the public view.
    Absent,
    /// Not looked at: nobody has the chain, so it can say nothing that counts, at whatever length.
    Unread,
    /// Here, with the digest of its bytes, and without the per-host records, which [`Record::run`] reads again; or why it
    /// can't be read.
    Here(Digest, Result<Box<Private>, String>),
}

impl PrivatePart {
    /// Its content, where it is here and can be read.
    pub fn content(&self) -> Option<&Private> {
        match self {
            Self::Here(_, Ok(private)) => Some(private),
            _ => None,
        }
    }
}

impl Record {
    /// Reads the ledger under the root of an ops repository; without one, the record is empty.
    ///
    /// # Errors
    /// A directory can't be read, or the ledger is a link. What is wrong with single files becomes part of the record.
    pub fn read(root: &Path) -> Result<Self, LedgerError> {
        Self::read_where(root, 0, None, None)
    }

    /// The same; private parts are read only of chains that are somebody's by one of these rosters: whoever can push could let
    /// everybody else read gigabytes.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_of(root: &Path, rosters: &[&Roster]) -> Result<Self, LedgerError> {
        Self::read_where(root, 0, None, Some(rosters))
    }

    /// The same of what the public may see: without private parts, and nobody misses them.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_public(root: &Path) -> Result<Self, LedgerError> {
        Ok(Self { is_public: true, ..Self::read(root)? })
    }

    /// The entries that sign a roster, and the last of each chain and year: enough to tell which version is in force, which every
    /// command has to. Texts are read only of chains that are somebody's by one of these rosters.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_rosters(root: &Path, rosters: &[&Roster]) -> Result<Self, LedgerError> {
        Self::read_where(root, 0, Some(Kind::Roster), Some(rosters))
    }

    /// The same without what is older than a year: for what can't be that old.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_since(root: &Path, year: u16) -> Result<Self, LedgerError> {
        Self::read_where(root, year, None, None)
    }

    fn read_where(
        root: &Path,
        year: u16,
        only: Option<Kind>,
        rosters: Option<&[&Roster]>,
    ) -> Result<Self, LedgerError> {
        let ledger = root.join("ledger");
        tree::refuse_link(&ledger)?;
        let mut record = Self {
            root: root.to_owned(),
            chains: BTreeMap::new(),
            breaks: Vec::new(),
            rests: Vec::new(),
            is_public: false,
            moments: BTreeMap::new(),
            read_at: Timestamp::now(),
            only,
        };
        for (name, kind) in tree::list(&ledger)? {
            let path = ledger.join(&name);
            match name.parse::<ChainName>() {
                Ok(chain) if kind.is_dir() => {
                    let is_known =
                        |rosters: &[&Roster]| rosters.iter().any(|roster| roster.has_chain(&chain));
                    let mut times = Vec::new();
                    let known = rosters.is_none_or(is_known);
                    let entries = record.read_chain(&path, year, known, &mut times)?;
                    record.moments.insert(chain.clone(), moments(times));
                    record.chains.insert(chain, entries);
                }
                _ if kind.is_symlink() => record.fault(&path, Fault::Link),
                _ if kind.is_file() && (name.starts_with('.') || name.starts_with("README")) => {}
                _ => record.fault(&path, Fault::Stray),
            }
        }
        Ok(record)
    }

    /// The root of the ops repository.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Every entry, chain by chain.
    pub fn entries(&self) -> impl Iterator<Item = (&ChainName, &Stored)> {
        self.chains.iter().flat_map(|(chain, entries)| entries.iter().map(move |entry| (chain, entry)))
    }

    /// What everybody may see: each entry and its signature, seen from the root of the ops repository.
    pub fn public_files(&self) -> impl Iterator<Item = (PathBuf, &[u8])> {
        self.entries().flat_map(|(_, entry)| {
            let signature = entry
                .signature
                .as_ref()
                .map(|text| (entry.file.with_file_name(Part::Signature.name(entry.seq)), text.as_bytes()));
            [Some((entry.file.clone(), entry.bytes.as_slice())), signature].into_iter().flatten()
        })
    }

    /// Reads a private part in full.
    pub(super) fn read_private(&self, entry: &Stored) -> Option<Private> {
        let file = self.root.join(&entry.file).with_file_name(Part::Private.name(entry.seq));
        serde_json::from_slice(&tree::read(&file, PRIVATE_BYTES_MAX).ok()?).ok()
    }

    fn read_chain(
        &mut self,
        chain: &Path,
        since: u16,
        known: bool,
        times: &mut Vec<Time>,
    ) -> Result<Vec<Stored>, LedgerError> {
        let mut entries = Vec::new();
        for (name, kind) in tree::list(chain)? {
            match tree::parse_year(&name) {
                Some(year) if kind.is_dir() && year < since => {}
                Some(year) if kind.is_dir() => self.read_year(chain, year, known, (&mut entries, times))?,
                _ if kind.is_symlink() => self.fault(&chain.join(name), Fault::Link),
                _ => self.fault(&chain.join(name), Fault::Stray),
            }
        }
        entries.sort_by_key(|entry: &Stored| (entry.seq, entry.year));
        Ok(entries)
    }

    fn read_year(
        &mut self,
        chain: &Path,
        year: u16,
        known: bool,
        (entries, times): (&mut Vec<Stored>, &mut Vec<Time>),
    ) -> Result<(), LedgerError> {
        let directory = tree::year_directory(chain, year);
        let scanned = tree::scan(&directory)?;
        scanned.links.iter().for_each(|path| self.fault(path, Fault::Link));
        scanned.strays.iter().for_each(|path| self.fault(path, Fault::Stray));
        let rests: Vec<PathBuf> = scanned.rests.iter().map(|path| self.relative(path)).collect();
        self.rests.extend(rests);
        let last = scanned.entries.keys().next_back().copied();
        for (seq, mut parts) in scanned.entries {
            parts.is_known = known;
            if !parts.entry {
                let part = if parts.signature { Part::Signature } else { Part::Private };
                self.rests.push(self.relative(&directory.join(part.name(seq))));
                continue;
            }
            let wanted = self.only.filter(|_| Some(seq) != last);
            match self.read_entry(&directory, year, seq, parts, wanted) {
                Ok((time, entry)) => {
                    times.extend(time);
                    entries.extend(entry);
                }
                Err(error) => {
                    self.fault(&directory.join(Part::Entry.name(seq)), Fault::Unreadable(error.to_string()))
                }
            }
        }
        Ok(())
    }

    fn read_entry(
        &self,
        directory: &Path,
        year: u16,
        seq: u64,
        parts: tree::Parts,
        wanted: Option<Kind>,
    ) -> Result<(Option<Time>, Option<Stored>), LedgerError> {
        let path = |part: Part| directory.join(part.name(seq));
        let bytes = tree::read(&path(Part::Entry), PUBLIC_BYTES_MAX)?;
        let public: Result<Public, String> =
            serde_json::from_slice(&bytes).map_err(|error| error.to_string());
        let digest = Digest::of(&bytes);
        let time = public.as_ref().ok().map(|public| (seq, digest, public.time));
        if wanted.is_some_and(|wanted| public.as_ref().is_ok_and(|public| public.kind != wanted)) {
            return Ok((time, None));
        }
        let signature = if parts.signature {
            let signature = tree::read(&path(Part::Signature), SIGNATURE_BYTES_MAX)?;
            Some(String::from_utf8_lossy(&signature).into_owned())
        } else {
            None
        };
        let private = match parts {
            tree::Parts { private: false, .. } => PrivatePart::Absent,
            tree::Parts { is_known: false, .. } => PrivatePart::Unread,
            _ => read_private_part(&path(Part::Private))?,
        };
        let entry = Stored {
            file: self.relative(&path(Part::Entry)),
            seq,
            year,
            digest,
            public,
            private,
            bytes,
            signature,
        };
        Ok((time, Some(entry)))
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    fn fault(&mut self, path: &Path, fault: Fault) {
        self.breaks.push(Break { file: self.relative(path), fault });
    }
}

fn read_private_part(file: &Path) -> Result<PrivatePart, LedgerError> {
    let bytes = tree::read(file, PRIVATE_BYTES_MAX)?;
    let content = serde_json::from_slice::<Private>(&bytes).map_err(|error| error.to_string());
    let without_records = content.map(|mut private| {
        private.details.events.clear();
        private.details.results.values_mut().for_each(|result| result.records.clear());
        Box::new(private)
    });
    Ok(PrivatePart::Here(Digest::of(&bytes), without_records))
}

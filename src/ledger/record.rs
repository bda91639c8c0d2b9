//! The ledger as it lies on disk, read once: [`Record::verify`] and [`Record::log`] are then pure.

mod reading;
mod stored;

pub use stored::{NoEntry, PrivatePart, PublicFile, Stored};

use super::day::{Moments, moments};
use super::index::Index;
use super::late::Written;
use super::tree::{self, PRIVATE_BYTES_MAX, Part};
use super::{Break, Fault, Head, Kind, LedgerError, Private, Report};
use crate::model::{Digest, OperatorName};
use crate::people::{ChainName, Roster};
use jiff::Timestamp;
use reading::Reading;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What lies in `ledger/`. Nothing in it is believed before [`Record::verify`].
pub struct Record {
    root: PathBuf,
    /// The group whose entries count; all do, where that is not known yet.
    group: Option<Digest>,
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
    /// The same as it lies there, in no order.
    pub(super) written: BTreeMap<ChainName, Vec<Written>>,
    /// When it was read.
    pub(super) read_at: Timestamp,
    /// Where each chain was judged before, up to which it is the same to the time at which its files changed; nothing where all was read.
    pub(super) settled: BTreeMap<ChainName, Head>,
    /// What the system says of the files that were looked at.
    index: Index,
    /// Whose word on later versions of the roster counts for nothing: whoever leads says that they made one up.
    pub(super) made_up_by: Vec<OperatorName>,
}

impl Record {
    /// Reads the ledger under the root of an ops repository; without one, the record is empty. Entries of another group than this
    /// one are none; where the group is not known, whoever reads believes nothing.
    ///
    /// # Errors
    /// A directory can't be read, or the ledger is a link. What is wrong with single files becomes part of the record.
    pub fn read(root: &Path, group: Option<Digest>) -> Result<Self, LedgerError> {
        Self::read_what(root, Reading { group, ..Reading::default() })
    }

    /// The same; private parts are read only of chains that are somebody's by one of these rosters: whoever can push could let
    /// everybody else read gigabytes.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_of(root: &Path, rosters: &[&Roster]) -> Result<Self, LedgerError> {
        let group = rosters.iter().find_map(|roster| roster.origin);
        Self::read_what(root, Reading { rosters: Some(rosters), group, notes: true, ..Reading::default() })
    }

    /// The same of what the public may see: without private parts, and nobody misses them. [`Record::keep_to`] says whose it is.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_public(root: &Path) -> Result<Self, LedgerError> {
        Ok(Self { is_public: true, ..Self::read(root, None)? })
    }

    /// The entries that sign a roster, and the last of each chain and year: enough to tell which version is in force, which every
    /// command has to. Texts are read only of chains that are somebody's by one of these rosters. What did not change since it was
    /// read last is not opened, if its kind was another one; `index` is where that is remembered. Which group it is follows from what
    /// is found: [`Record::keep_to`] says it.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_rosters(root: &Path, rosters: &[&Roster], index: Option<&Path>) -> Result<Self, LedgerError> {
        let kinds = &[(Kind::Roster, usize::MAX)];
        Self::read_indexed(
            root,
            Reading { kinds: Some(kinds), rosters: Some(rosters), ..Reading::default() },
            index,
        )
    }

    /// The same of other kinds, without what is older than a year: for what can't be that old.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_kinds_since(
        root: &Path,
        roster: &Roster,
        (kinds, since): (&[Kind], u16),
        index: Option<&Path>,
    ) -> Result<Self, LedgerError> {
        let kinds: Vec<(Kind, usize)> = kinds.iter().map(|kind| (*kind, usize::MAX)).collect();
        let reading = Reading {
            since,
            kinds: Some(&kinds),
            rosters: Some(&[roster]),
            group: roster.origin,
            ..Reading::default()
        };
        Self::read_indexed(root, reading, index)
    }

    /// What came to a ledger since all of it held by this very roster, and of what was there before the entries of some kinds, of
    /// each chain the last so many; nothing where any of it is not as it was then: it is to be read as a whole. [`Record::verify`]
    /// judges what is new.
    ///
    /// # Errors
    /// As [`Record::read`].
    pub fn read_new(
        root: &Path,
        roster: &Roster,
        kinds: &[(Kind, usize)],
        index: &Path,
    ) -> Result<Option<Self>, LedgerError> {
        let index = Index::load(index, &root.join("ledger"));
        if index.roster != Some(roster.digest) {
            return Ok(None);
        }
        let mut record = Self::read_what(
            root,
            Reading {
                kinds: Some(kinds),
                rosters: Some(&[roster]),
                index: Some(&index),
                notes: true,
                settled_by: index.roster,
                group: roster.origin,
                since: 0,
            },
        )?;
        let settled = record.all_settled(&index).filter(|_| record.breaks.is_empty());
        Ok(settled.map(|settled| {
            record.settled = settled;
            record
        }))
    }

    fn read_indexed(root: &Path, reading: Reading<'_>, file: Option<&Path>) -> Result<Self, LedgerError> {
        let index = file.map(|file| Index::load(file, &root.join("ledger")));
        let notes = index.is_some();
        let mut record = Self::read_what(root, Reading { index: index.as_ref(), notes, ..reading })?;
        if let (Some(index), Some(file)) = (&index, file) {
            if record.index.settled() != index.settled() {
                // Something that held is another or gone: what builds on it is to be looked at as well.
                record.index.roster = None;
            }
            record.index.keep(file);
        }
        Ok(record)
    }

    /// Remembers what the files are of a ledger in which everything holds by this roster: [`Record::read_new`] then reads what is
    /// new.
    pub fn settle(&mut self, roster: &Roster, report: &Report, file: &Path) {
        if !report.breaks.is_empty() || !self.index.is_to_be_kept() {
            return;
        }
        self.index.fresh = 0;
        let before = Index::load(file, &self.root.join("ledger"));
        let by_another = before.roster != Some(roster.digest);
        self.index.roster = Some(roster.digest);
        for ((chain, year), lines) in &mut self.index.years {
            for (seq, line) in lines {
                line.settled = true;
                let same = before.line(chain, *year, *seq).is_some_and(|before| before == line);
                self.index.fresh += usize::from(by_another || !same);
            }
        }
        self.index.keep(file);
    }

    /// The last entry up to which each chain held before, where everything that did is as it was.
    fn all_settled(&self, before: &Index) -> Option<BTreeMap<ChainName, Head>> {
        let found = self.index.settled();
        let same = before.settled().into_iter().all(|(chain, count)| found.get(chain) == Some(&count));
        if !same {
            return None;
        }
        let mut settled = BTreeMap::new();
        for (chain, count) in found {
            let seq = u64::try_from(count).ok()?;
            let [moment] = self.moments.get(chain)?.get(&seq)?.as_slice() else { return None };
            let digest = moment.digest();
            let years = self.index.years.iter().filter(|((of, _), _)| of == chain);
            let mut lines = years.flat_map(|(_, lines)| lines).filter(|(_, line)| line.settled);
            // One after the other from the first, in whichever years.
            if lines.any(|(number, _)| *number > seq) {
                return None;
            }
            // What is new and has a number of before is to be judged like all else.
            let is_settled = |entry: &Stored| {
                self.index.line(chain, entry.year, entry.seq).is_some_and(|line| line.settled)
            };
            let entries = self.chains.get(chain).into_iter().flatten();
            if entries.into_iter().any(|entry| entry.seq <= seq && !is_settled(entry)) {
                return None;
            }
            settled.insert(chain.clone(), Head { seq, digest });
        }
        Some(settled)
    }

    fn read_what(root: &Path, reading: Reading<'_>) -> Result<Self, LedgerError> {
        let ledger = root.join("ledger");
        tree::refuse_link(&ledger)?;
        let mut record = Self {
            root: root.to_owned(),
            group: None,
            chains: BTreeMap::new(),
            breaks: Vec::new(),
            rests: Vec::new(),
            is_public: false,
            moments: BTreeMap::new(),
            written: BTreeMap::new(),
            read_at: Timestamp::now(),
            settled: BTreeMap::new(),
            index: Index::new(&ledger),
            made_up_by: Vec::new(),
        };
        let kept = reading.index.into_iter().flat_map(|index| &index.years);
        let kept = kept.filter(|((_, year), _)| *year < reading.since);
        record.index.years = kept.map(|(of, lines)| (of.clone(), lines.clone())).collect();
        record.index.roster = reading.index.and_then(|index| index.roster);
        let picked =
            reading.index.zip(reading.kinds).map(|(index, kinds)| index.pick(kinds)).unwrap_or_default();
        for (name, kind) in tree::list(&ledger)? {
            let path = ledger.join(&name);
            match name.parse::<ChainName>() {
                Ok(chain) if kind.is_dir() => record.read_chain(chain, &path, (&reading, &picked))?,
                _ if kind.is_symlink() => record.fault(&path, Fault::Link),
                _ if kind.is_file() && (name.starts_with('.') || name.starts_with("README")) => {}
                _ => record.fault(&path, Fault::Stray),
            }
        }
        if let Some(group) = reading.group {
            record.keep_to(group);
        }
        Ok(record)
    }

    /// From here on, what was written in another group is no entry, whoever signed it. Each way to read a ledger comes through here.
    pub fn keep_to(&mut self, group: Digest) {
        self.group = Some(group);
        for entry in self.chains.values_mut().flatten() {
            if let Ok(public) = &entry.public
                && public.group != group
            {
                entry.public = Err(NoEntry::OtherGroup(Box::new(public.clone())));
            }
        }
        for (chain, written) in &mut self.written {
            let all = written.len();
            written.retain(|one| one.group == group);
            if written.len() != all {
                self.moments.insert(chain.clone(), moments_of(written));
            }
        }
    }

    /// From here on, nobody looks for a version of the roster that these people alone tell of.
    pub fn disbelieve(&mut self, names: &[OperatorName]) {
        self.made_up_by = names.to_vec();
    }

    /// The group whose entries count.
    pub(super) fn group(&self) -> Option<Digest> {
        self.group
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
    pub fn public_files(&self) -> impl Iterator<Item = PublicFile<'_>> {
        self.entries().flat_map(|(_, entry)| {
            let of = |file, bytes| PublicFile { entry: &entry.file, file, bytes };
            let beside = || entry.file.with_file_name(Part::Signature.name(entry.seq));
            let signature = entry.signature.as_ref().map(|text| of(beside(), text.as_bytes()));
            [Some(of(entry.file.clone(), &entry.bytes)), signature].into_iter().flatten()
        })
    }

    /// Where a chain lies.
    pub(super) fn chain_directory(&self, chain: &ChainName) -> PathBuf {
        self.root.join("ledger").join(chain.to_string())
    }

    /// Reads a private part in full.
    pub(super) fn read_private(&self, entry: &Stored) -> Option<Private> {
        let file = self.root.join(&entry.file).with_file_name(Part::Private.name(entry.seq));
        Private::parse(&tree::read(&file, PRIVATE_BYTES_MAX).ok()?).ok()
    }

    fn relative(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    fn fault(&mut self, path: &Path, fault: Fault) {
        self.breaks.push(Break { file: self.relative(path), fault });
    }
}

/// The times of a chain.
fn moments_of(written: &[Written]) -> Moments {
    moments(written.iter().map(|one| (one.seq, one.digest, one.time)))
}

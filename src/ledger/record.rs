//! The ledger as it lies on disk, read once: [`Record::verify`] and [`Record::log`] are then pure.

use super::append::year_of;
use super::day::{Moments, moments};
use super::index::{Folder, Index, Line, Picked, Print, prints};
use super::late::Written;
use super::tree::{self, PRIVATE_BYTES_MAX, PUBLIC_BYTES_MAX, Part, SIGNATURE_BYTES_MAX};
use super::{Break, Fault, Head, Kind, LedgerError, Private, Public, Report};
use crate::model::{Digest, OperatorName};
use crate::people::{ChainName, Roster};
use jiff::Timestamp;
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

/// What of a ledger is read.
#[derive(Default, Clone, Copy)]
struct Reading<'a> {
    /// Nothing of the years before.
    since: u16,
    /// Only entries of these kinds, and the last of each chain and year; of each chain the last so many of a kind, as far as they are
    /// known. All, where nothing is said.
    kinds: Option<&'a [(Kind, usize)]>,
    /// Private parts only of chains that are somebody's by one of these.
    rosters: Option<&'a [&'a Roster]>,
    /// What was found in the files before.
    index: Option<&'a Index>,
    /// Whether it is noted what the system says of the files.
    notes: bool,
    /// What is left out must have held by this roster.
    settled_by: Option<Digest>,
    /// The group whose entries count.
    group: Option<Digest>,
}

impl Reading<'_> {
    fn has(&self, kind: Kind) -> bool {
        self.kinds.is_none_or(|kinds| kinds.iter().any(|(one, _)| *one == kind))
    }

    /// Whether each file of an entry is looked at, or its public part alone.
    fn looks_at_all(&self) -> bool {
        self.kinds.is_none() || self.settled_by.is_some()
    }
}

/// An entry to be read.
struct Wanted {
    seq: u64,
    parts: tree::Parts,
    prints: Option<[Print; 3]>,
    /// Whatever its kind.
    anyway: bool,
}

/// Where of a ledger's year something is read.
#[derive(Clone, Copy)]
struct Place<'a> {
    chain: &'a ChainName,
    directory: &'a Path,
    year: u16,
    known: bool,
}

/// Fewer are read one after the other.
const AT_ONCE_MIN: usize = 128;

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
    /// Its public part, or why it is none here.
    pub public: Result<Public, NoEntry>,
    /// Its private part.
    pub private: PrivatePart,
    pub(super) bytes: Vec<u8>,
    pub(super) signature: Option<String>,
}

/// A file that everybody may see.
pub struct PublicFile<'a> {
    /// The entry that it belongs to.
    pub entry: &'a Path,
    /// Its place.
    pub file: PathBuf,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// Why something is no entry of this ledger.
#[derive(Debug)]
pub enum NoEntry {
    /// Its text is none.
    Text(String),
    /// It was written in another group, and says so.
    OtherGroup(Box<Public>),
    /// It says that it lies elsewhere: in its own place it may be one.
    Elsewhere(Box<Public>),
}

/// The private part of an entry.
pub enum PrivatePart {
    /// Not here: there is none, or this is the public view.
    Absent,
    /// Not looked at: nobody has the chain, so it can say nothing that counts, at whatever length.
    Unread,
    /// Here, with the digest of its bytes, and without the per-host records, which [`Record::run`] reads again, but for whether
    /// one of them may have installed something; or why it
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

    fn read_chain(
        &mut self,
        chain: ChainName,
        path: &Path,
        (reading, picked): (&Reading<'_>, &Picked),
    ) -> Result<(), LedgerError> {
        let has_chain = |roster: &&Roster| roster.has_chain(&chain);
        let known = reading.rosters.is_none_or(|rosters| rosters.iter().any(has_chain));
        let (mut entries, mut times) = (Vec::new(), Vec::new());
        for (name, kind) in tree::list(path)? {
            match tree::parse_year(&name) {
                Some(year) if kind.is_dir() && year < reading.since => {}
                Some(year) if kind.is_dir() => {
                    let directory = tree::year_directory(path, year);
                    let place = Place { chain: &chain, directory: &directory, year, known };
                    self.read_year(place, (reading, picked), (&mut entries, &mut times))?;
                }
                _ if kind.is_symlink() => self.fault(&path.join(name), Fault::Link),
                _ => self.fault(&path.join(name), Fault::Stray),
            }
        }
        entries.sort_by_key(|entry: &Stored| (entry.seq, entry.year));
        self.moments.insert(chain.clone(), moments_of(&times));
        self.written.insert(chain.clone(), times);
        self.chains.insert(chain, entries);
        Ok(())
    }

    fn read_year(
        &mut self,
        place: Place<'_>,
        (reading, picked): (&Reading<'_>, &Picked),
        (entries, times): (&mut Vec<Stored>, &mut Vec<Written>),
    ) -> Result<(), LedgerError> {
        let Place { chain, directory, year, known } = place;
        let scanned = tree::scan(directory)?;
        scanned.links.iter().for_each(|path| self.fault(path, Fault::Link));
        scanned.strays.iter().for_each(|path| self.fault(path, Fault::Stray));
        let rests: Vec<PathBuf> = scanned.rests.iter().map(|path| self.relative(path)).collect();
        self.rests.extend(rests);
        let folder = Folder::open(directory);
        let lines = reading.index.and_then(|index| index.lines(chain, year));
        let last = scanned.entries.keys().next_back().copied();
        // What is new goes on from it.
        let settled = lines.filter(|_| reading.settled_by.is_some());
        let settled = settled.and_then(|lines| lines.iter().rev().find(|(_, line)| line.settled));
        let ends = [last, settled.map(|(seq, _)| *seq)];
        let picked = picked.get(&(chain.clone(), year));
        let is_picked = |seq: u64| picked.is_some_and(|picked| picked.contains(&seq));
        let (mut wanted, mut found) = (Vec::new(), BTreeMap::new());
        for (seq, mut parts) in scanned.entries {
            parts.is_known = known;
            if !parts.entry {
                let part = if parts.signature { Part::Signature } else { Part::Private };
                self.rests.push(self.relative(&directory.join(part.name(seq))));
                continue;
            }
            let all = reading.looks_at_all();
            let prints = if reading.notes { prints(&folder, seq, parts, all) } else { None };
            let before = lines.and_then(|lines| lines.get(&seq));
            let line = before.filter(|line| is_as_it_was(line, prints, reading)).copied();
            if let Some(line) = line {
                found.insert(seq, line);
                if !ends.contains(&Some(seq)) && !is_picked(seq) {
                    let Line { digest, time, roster, group, .. } = line;
                    times.push(Written { seq, digest, time, roster, group });
                    continue;
                }
            }
            // Of what is new all is judged.
            let anyway = last == Some(seq) || reading.settled_by.is_some();
            wanted.push(Wanted { seq, parts, prints, anyway });
        }
        for (one, read) in wanted.iter().zip(read_all(self, place, reading, &wanted)) {
            match read {
                Ok((time, kind, entry)) => {
                    if let Some(line) = self.line(one, time, kind).filter(|_| !found.contains_key(&one.seq)) {
                        self.index.fresh += 1;
                        found.insert(one.seq, line);
                    }
                    times.extend(time);
                    entries.extend(entry);
                }
                Err(error) => {
                    let file = directory.join(Part::Entry.name(one.seq));
                    self.fault(&file, Fault::Unreadable(error.to_string()));
                }
            }
        }
        self.index.years.insert((chain.clone(), year), found);
        Ok(())
    }

    /// What is noted of an entry, where its files have been as they are for a while.
    fn line(&self, one: &Wanted, time: Option<Written>, kind: Option<Kind>) -> Option<Line> {
        let at_rest = |print: &Print| print.is_at_rest(self.read_at);
        let prints = one.prints.filter(|prints| prints.iter().all(at_rest))?;
        let (Written { digest, time, roster, group, .. }, kind) = time.zip(kind)?;
        Some(Line { prints, digest, time, roster, group, kind, settled: false })
    }

    fn read_entry(
        &self,
        place: Place<'_>,
        reading: &Reading<'_>,
        wanted: &Wanted,
    ) -> Result<Read, LedgerError> {
        let Wanted { seq, parts, anyway, .. } = *wanted;
        let path = |part: Part| place.directory.join(part.name(seq));
        let bytes = tree::read(&path(Part::Entry), PUBLIC_BYTES_MAX)?;
        let public: Result<Public, NoEntry> =
            serde_json::from_slice(&bytes).map_err(|error| NoEntry::Text(error.to_string()));
        // A copy in another place says nothing, and takes nothing from the one that lies where it belongs.
        let public = public.and_then(|public| {
            match (&public.chain, public.seq, year_of(public.time)) == (place.chain, seq, place.year) {
                true => Ok(public),
                false => Err(NoEntry::Elsewhere(Box::new(public))),
            }
        });
        let digest = Digest::of(&bytes);
        let (time, kind) =
            public.as_ref().ok().map(|public| (Written::of(seq, digest, public), public.kind)).unzip();
        if !anyway && kind.is_some_and(|kind| !reading.has(kind)) {
            return Ok((time, kind, None));
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
            year: place.year,
            digest,
            public,
            private,
            bytes,
            signature,
        };
        Ok((time, kind, Some(entry)))
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

/// What an entry says of its time and kind, where it is one, and all of it where it is wanted.
type Read = (Option<Written>, Option<Kind>, Option<Stored>);

/// Whether an entry is the one that was read before, as far as that matters here.
fn is_as_it_was(line: &Line, now: Option<[Print; 3]>, reading: &Reading<'_>) -> bool {
    // Where all is read, nothing is left out.
    now.is_some_and(|now| match (reading.kinds, reading.settled_by) {
        (None, _) => false,
        (Some(_), None) => line.prints.first() == now.first(),
        (Some(_), Some(_)) => line.settled && line.prints == now,
    })
}

/// Reads entries on all cores: of a long ledger, most of the time goes into it.
fn read_all(
    record: &Record,
    place: Place<'_>,
    reading: &Reading<'_>,
    wanted: &[Wanted],
) -> Vec<Result<Read, LedgerError>> {
    let read = |part: &[Wanted]| -> Vec<_> {
        part.iter().map(|one| record.read_entry(place, reading, one)).collect()
    };
    if wanted.len() < AT_ONCE_MIN {
        return read(wanted);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = wanted.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let read = &read;
        let parts: Vec<_> =
            wanted.chunks(share).map(|part| (part, scope.spawn(move || read(part)))).collect();
        parts.into_iter().flat_map(|(part, done)| done.join().unwrap_or_else(|_| read(part))).collect()
    })
}

fn read_private_part(file: &Path) -> Result<PrivatePart, LedgerError> {
    let bytes = tree::read(file, PRIVATE_BYTES_MAX)?;
    let content = Private::parse(&bytes).map_err(|error| error.to_string());
    let without_records = content.map(|mut private| {
        private.details.events.clear();
        private
            .details
            .results
            .values_mut()
            .for_each(|result| super::compare::keep_installing(&mut result.records));
        Box::new(private)
    });
    Ok(PrivatePart::Here(Digest::of(&bytes), without_records))
}

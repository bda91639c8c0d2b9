//! Reading a ledger's files: of each chain and year what is asked for, the rest by what was found before.

use super::super::append::year_of;
use super::super::index::{Folder, Index, Line, Picked, Print, prints};
use super::super::late::Written;
use super::super::tree::{self, PRIVATE_BYTES_MAX, PUBLIC_BYTES_MAX, Part, SIGNATURE_BYTES_MAX};
use super::super::{Fault, Kind, LedgerError, Private, Public, compare};
use super::{NoEntry, PrivatePart, Record, Stored, moments_of};
use crate::model::Digest;
use crate::people::{ChainName, Roster};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What of a ledger is read.
#[derive(Default, Clone, Copy)]
pub(super) struct Reading<'a> {
    /// Nothing of the years before.
    pub since: u16,
    /// Only entries of these kinds, and the last of each chain and year; of each chain the last so many of a kind, as far as they are
    /// known. All, where nothing is said.
    pub kinds: Option<&'a [(Kind, usize)]>,
    /// Private parts only of chains that are somebody's by one of these.
    pub rosters: Option<&'a [&'a Roster]>,
    /// What was found in the files before.
    pub index: Option<&'a Index>,
    /// Whether it is noted what the system says of the files.
    pub notes: bool,
    /// What is left out must have held by this roster.
    pub settled_by: Option<Digest>,
    /// The group whose entries count.
    pub group: Option<Digest>,
}

impl Reading<'_> {
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.is_none_or(|kinds| kinds.iter().any(|(one, _)| *one == kind))
    }

    /// Whether each file of an entry is looked at, or its public part alone.
    pub fn looks_at_all(&self) -> bool {
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

impl Record {
    pub(super) fn read_chain(
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
                    let fault = match error {
                        LedgerError::TooLarge { limit_bytes, .. } => Fault::TooLarge(limit_bytes),
                        error => Fault::Unreadable(error.to_string()),
                    };
                    self.fault(&file, fault);
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
        private.details.results.values_mut().for_each(|result| compare::keep_installing(&mut result.records));
        Box::new(private)
    });
    Ok(PrivatePart::Here(Digest::of(&bytes), without_records))
}

//! What was found in the ledger's files when they were read last, by what the system says of each: number, size and times. What has
//! not changed since need not be opened again, which is most of a ledger of many years. It decides nothing: what a command
//! believes is read and verified, and a file of which anything differs is read like a new one. Nobody but root sets back the
//! time at which a file changed.
//!
//! It lies outside the repository, is its owner's alone, and names the device of the ledger; whatever is not as it should be
//! makes it an empty one.

use super::{Kind, tree};
use crate::model::Digest;
use crate::people::ChainName;
use jiff::Timestamp;
use rustix::fs::{AtFlags, Mode, OFlags, Stat};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

/// How it begins.
const MAGIC: &[u8; 16] = b"wgops entries 3\n";
/// Largest index that is read.
const BYTES_MAX: u64 = 1 << 30;
/// How long a file must have been as it is: within the system's tick it may change once more without a trace.
const TICK_SECONDS: i64 = 2;
/// How much must be new before it is written again.
const FRESH_MIN: usize = 256;

/// A file, as the system tells it from what was in its place before; all zero where there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Print {
    inode: u64,
    bytes: u64,
    modified: (i64, u32),
    changed: (i64, u32),
}

/// An entry, as it was read last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Its public part, its signature and its private part; the latter two only where all was read.
    pub(super) prints: [Print; 3],
    pub(super) digest: Digest,
    pub(super) time: Timestamp,
    /// The version of the roster under which it was written, by its own word.
    pub(super) roster: u64,
    pub(super) group: Digest,
    pub(super) kind: Kind,
    /// Whether it was part of a ledger in which everything held.
    pub(super) settled: bool,
}

/// One year of one chain, by number.
type Lines = BTreeMap<u64, Line>;

/// Entries, as they were read last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Index {
    device: u64,
    /// The roster by which everything held.
    pub(super) roster: Option<Digest>,
    pub(super) years: BTreeMap<(ChainName, u16), Lines>,
    /// How many entries came to it since it was read.
    pub(super) fresh: usize,
}

/// Numbers of entries, by chain and year.
pub(super) type Picked = HashMap<(ChainName, u16), HashSet<u64>>;

impl Print {
    #[expect(clippy::unnecessary_cast, reason = "the types differ from system to system")]
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino as u64,
            bytes: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
        }
    }

    /// Whether it was as it is long enough before a moment.
    pub(super) fn is_at_rest(&self, now: Timestamp) -> bool {
        self.modified.0.max(self.changed.0) < now.as_second().saturating_sub(TICK_SECONDS)
    }
}

/// A directory whose files are asked for one by one.
pub(super) struct Folder(Option<OwnedFd>);

impl Folder {
    pub(super) fn open(path: &Path) -> Self {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Self(rustix::fs::open(path, flags, Mode::empty()).ok())
    }

    /// A file of it; nothing where that can't be told.
    pub(super) fn print(&self, name: &str) -> Option<Print> {
        let stat = rustix::fs::statat(self.0.as_ref()?, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        Some(Print::of(&stat))
    }
}

impl Index {
    /// An empty one for a ledger.
    pub(super) fn new(ledger: &Path) -> Self {
        Self { device: device(ledger), ..Self::default() }
    }

    /// Reads the index of a ledger; an empty one, where it is none that can be believed.
    pub(super) fn load(file: &Path, ledger: &Path) -> Self {
        let known = read(file).and_then(|bytes| parse(&bytes));
        known.filter(|known| known.device == device(ledger)).unwrap_or_else(|| Self::new(ledger))
    }

    /// Whether enough is new in it.
    pub(super) fn is_to_be_kept(&self) -> bool {
        self.fresh >= FRESH_MIN
    }

    /// Writes it, where enough is new in it; a disk that refuses makes the next command slower, and no more.
    pub(super) fn keep(&self, file: &Path) {
        if self.is_to_be_kept()
            && let Err(error) = self.save(file)
        {
            tracing::debug!("what was read of the ledger could not be remembered: {error}");
        }
    }

    pub(super) fn save(&self, file: &Path) -> std::io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(&self.bytes())?;
        temporary.persist(file).map(drop).map_err(|error| error.error)
    }

    pub(super) fn line(&self, chain: &ChainName, year: u16, seq: u64) -> Option<&Line> {
        self.lines(chain, year)?.get(&seq)
    }

    pub(super) fn lines(&self, chain: &ChainName, year: u16) -> Option<&Lines> {
        self.years.get(&(chain.clone(), year))
    }

    /// The entries of some kinds: of each chain the last so many.
    pub(super) fn pick(&self, kinds: &[(Kind, usize)]) -> Picked {
        let mut picked = Picked::new();
        for (kind, most) in kinds {
            let mut taken: BTreeMap<&ChainName, usize> = BTreeMap::new();
            for (of, lines) in self.years.iter().rev() {
                let taken = taken.entry(&of.0).or_default();
                let last = lines.iter().rev().filter(|(_, line)| line.kind == *kind);
                let last: Vec<u64> = last.map(|(seq, _)| *seq).take(most - *taken).collect();
                *taken += last.len();
                picked.entry(of.clone()).or_default().extend(last);
            }
        }
        picked
    }

    /// How many entries of each chain were part of a ledger in which everything held.
    pub(super) fn settled(&self) -> BTreeMap<&ChainName, usize> {
        let mut counts = BTreeMap::new();
        for ((chain, _), lines) in &self.years {
            *counts.entry(chain).or_default() += lines.values().filter(|line| line.settled).count();
        }
        counts.retain(|_, count| *count > 0);
        counts
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend(self.device.to_le_bytes());
        out.extend(self.roster.map_or([0; 32], |digest| digest.bytes()));
        for ((chain, year), lines) in &self.years {
            let name = chain.to_string();
            out.extend(u16::try_from(name.len()).unwrap_or_default().to_le_bytes());
            out.extend(name.as_bytes());
            out.extend(year.to_le_bytes());
            out.extend((lines.len() as u64).to_le_bytes());
            for (seq, line) in lines {
                out.extend(seq.to_le_bytes());
                line.write(&mut out);
            }
        }
        let digest = Digest::of(&out);
        out.extend(digest.bytes());
        out
    }
}

impl Line {
    fn write(&self, out: &mut Vec<u8>) {
        for print in &self.prints {
            out.extend(print.inode.to_le_bytes());
            out.extend(print.bytes.to_le_bytes());
            for (seconds, nanos) in [print.modified, print.changed] {
                out.extend(seconds.to_le_bytes());
                out.extend(nanos.to_le_bytes());
            }
        }
        out.extend(self.digest.bytes());
        out.extend(self.time.as_nanosecond().to_le_bytes());
        out.extend(self.roster.to_le_bytes());
        out.extend(self.group.bytes());
        let kind = Kind::ALL.iter().position(|kind| *kind == self.kind).unwrap_or_default();
        out.extend([u8::try_from(kind).unwrap_or_default(), u8::from(self.settled)]);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let mut prints = [Print::default(); 3];
        for print in &mut prints {
            print.inode = u64::from_le_bytes(from.take()?);
            print.bytes = u64::from_le_bytes(from.take()?);
            print.modified = (i64::from_le_bytes(from.take()?), u32::from_le_bytes(from.take()?));
            print.changed = (i64::from_le_bytes(from.take()?), u32::from_le_bytes(from.take()?));
        }
        let digest = Digest::from_bytes(from.take()?);
        let time = Timestamp::from_nanosecond(i128::from_le_bytes(from.take()?)).ok()?;
        let roster = u64::from_le_bytes(from.take()?);
        let group = Digest::from_bytes(from.take()?);
        let [kind, settled] = from.take()?;
        let kind = *Kind::ALL.get(usize::from(kind))?;
        Some(Self { prints, digest, time, roster, group, kind, settled: settled == 1 })
    }
}

/// What is left of an index's bytes.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn text(&mut self, bytes: usize) -> Option<&'a str> {
        let (text, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

fn device(ledger: &Path) -> u64 {
    std::fs::symlink_metadata(ledger).map_or(0, |about| about.dev())
}

/// Only what is a plain file of one's own that nobody else may write.
fn read(file: &Path) -> Option<Vec<u8>> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut open =
        std::fs::OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(file).ok()?;
    let about = open.metadata().ok()?;
    let own = about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o077 == 0;
    if !about.is_file() || !own || about.len() > BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).ok()?);
    open.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn parse(bytes: &[u8]) -> Option<Index> {
    let (content, digest) = bytes.split_last_chunk::<32>()?;
    if Digest::of(content).bytes() != *digest {
        return None;
    }
    let mut from = Bytes(content.strip_prefix(MAGIC)?);
    let device = u64::from_le_bytes(from.take()?);
    let roster: [u8; 32] = from.take()?;
    let roster = (roster != [0; 32]).then(|| Digest::from_bytes(roster));
    let mut years = BTreeMap::new();
    while !from.0.is_empty() {
        let length = u16::from_le_bytes(from.take()?);
        let chain: ChainName = from.text(length.into())?.parse().ok()?;
        let year = u16::from_le_bytes(from.take()?);
        let count = u64::from_le_bytes(from.take()?);
        let mut lines = Lines::new();
        for _ in 0..count {
            let seq = u64::from_le_bytes(from.take()?);
            lines.insert(seq, Line::read(&mut from)?);
        }
        years.insert((chain, year), lines);
    }
    Some(Index { device, roster, years, fresh: 0 })
}

/// The files of an entry, as the system tells them: the public part's alone, or those of all that are there.
pub(super) fn prints(folder: &Folder, seq: u64, parts: tree::Parts, all: bool) -> Option<[Print; 3]> {
    let of = |part: tree::Part, is_there: bool| match is_there {
        true => folder.print(&part.name(seq)),
        false => Some(Print::default()),
    };
    Some([
        of(tree::Part::Entry, true)?,
        of(tree::Part::Signature, all && parts.signature)?,
        of(tree::Part::Private, all && parts.private)?,
    ])
}

//! The ledger on disk: which names mean what, reading within limits, and never through a link.

use super::LedgerError;
use crate::people::ChainName;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, FileType};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// Longest public part that is read.
pub(super) const PUBLIC_BYTES_MAX: u64 = 1 << 20;
/// Longest signature that is read.
pub(super) const SIGNATURE_BYTES_MAX: u64 = 64 << 10;
/// Longest private part that is read.
pub(super) const PRIVATE_BYTES_MAX: u64 = 256 << 20;

/// What a file of a year is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Entry,
    Signature,
    Private,
}

impl Part {
    fn suffix(self) -> &'static str {
        match self {
            Self::Entry => ".json",
            Self::Signature => ".json.sig",
            Self::Private => ".private.json",
        }
    }

    /// The name of an entry's file.
    pub(super) fn name(self, seq: u64) -> String {
        format!("{seq:08}{}", self.suffix())
    }

    /// The entry that a file name belongs to: only the name that [`Part::name`] would give.
    fn parse(name: &str) -> Option<(u64, Self)> {
        [Self::Private, Self::Signature, Self::Entry].into_iter().find_map(|part| {
            let seq = name.strip_suffix(part.suffix())?.parse().ok()?;
            (seq > 0 && part.name(seq) == name).then_some((seq, part))
        })
    }
}

/// The files of one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Parts {
    pub(super) entry: bool,
    pub(super) signature: bool,
    pub(super) private: bool,
    /// Whether the chain is anybody's.
    pub(super) is_known: bool,
}

/// One year of a chain.
#[derive(Default)]
pub(super) struct Year {
    pub(super) entries: BTreeMap<u64, Parts>,
    /// What an interrupted write left: temporary files, and entries that were set aside.
    pub(super) rests: Vec<PathBuf>,
    pub(super) strays: Vec<PathBuf>,
    pub(super) links: Vec<PathBuf>,
}

/// Names in a directory, sorted, with what they are; empty where there is no directory.
pub(super) fn list(directory: &Path) -> Result<Vec<(String, FileType)>, LedgerError> {
    let refused = |source| LedgerError::Io { action: "can't read", file: directory.to_owned(), source };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(refused)?;
        let kind = entry.file_type().map_err(refused)?;
        names.push((entry.file_name().to_string_lossy().into_owned(), kind));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(names)
}

/// The years of a chain's directory, ascending.
pub(super) fn years(chain: &Path) -> Result<Vec<u16>, LedgerError> {
    let names = list(chain)?;
    Ok(names.iter().filter(|(_, kind)| kind.is_dir()).filter_map(|(name, _)| parse_year(name)).collect())
}

pub(super) fn parse_year(name: &str) -> Option<u16> {
    name.parse().ok().filter(|_| name.len() == 4 && name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The directory of a year.
pub(super) fn year_directory(chain: &Path, year: u16) -> PathBuf {
    chain.join(format!("{year:04}"))
}

/// What lies in the directory of a year.
pub(super) fn scan(directory: &Path) -> Result<Year, LedgerError> {
    let mut year = Year::default();
    for (name, kind) in list(directory)? {
        let path = directory.join(&name);
        if kind.is_symlink() {
            year.links.push(path);
        } else if !kind.is_file() {
            year.strays.push(path);
        } else if let Some((seq, part)) = Part::parse(&name) {
            let parts: &mut Parts = year.entries.entry(seq).or_default();
            match part {
                Part::Entry => parts.entry = true,
                Part::Signature => parts.signature = true,
                Part::Private => parts.private = true,
            }
        } else if name.starts_with(".tmp") || name.ends_with(".torn") {
            year.rests.push(path);
        } else {
            year.strays.push(path);
        }
    }
    Ok(year)
}

/// The entries of a chain that have a signature, whosever it is, as year and number, the last one first. Every year is looked
/// at, because a clock may have been wrong.
pub(super) fn heads(chain: &Path) -> Result<Vec<(u16, u64)>, LedgerError> {
    let mut heads = Vec::new();
    for year in years(chain)? {
        heads.extend(signed(&year_directory(chain, year))?.into_iter().map(|seq| (seq, year)));
    }
    heads.sort_unstable_by(|a, b| b.cmp(a));
    Ok(heads.into_iter().map(|(seq, year)| (year, seq)).collect())
}

/// An entry and its signature.
pub(super) fn read_signed(directory: &Path, seq: u64) -> Result<(Vec<u8>, String), LedgerError> {
    let signature = read(&directory.join(Part::Signature.name(seq)), SIGNATURE_BYTES_MAX)?;
    let bytes = read(&directory.join(Part::Entry.name(seq)), PUBLIC_BYTES_MAX)?;
    Ok((bytes, String::from_utf8_lossy(&signature).into_owned()))
}

/// Whether the entry of a signature is there.
pub(super) fn has_entry(directory: &Path, seq: u64) -> bool {
    directory.join(Part::Entry.name(seq)).symlink_metadata().is_ok_and(|meta| meta.is_file())
}

/// The numbers that have a signature, ascending: quicker than [`scan`], because each append asks it of every chain.
fn signed(directory: &Path) -> Result<Vec<u64>, LedgerError> {
    let suffix = Part::Signature.suffix();
    let number = |name: &OsStr| Part::parse(name.to_str().filter(|name| name.ends_with(suffix))?);
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(LedgerError::io("can't read", directory))? {
        let entry = entry.map_err(LedgerError::io("can't read", directory))?;
        numbers.extend(number(&entry.file_name()).map(|(seq, _)| seq));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The directories of all chains.
pub(super) fn chains(ledger: &Path) -> Result<Vec<ChainName>, LedgerError> {
    refuse_link(ledger)?;
    let names = list(ledger)?;
    Ok(names.iter().filter(|(_, kind)| kind.is_dir()).filter_map(|(name, _)| name.parse().ok()).collect())
}

/// Reads a regular file within a limit, never through a link.
pub(super) fn read(file: &Path, limit_bytes: u64) -> Result<Vec<u8>, LedgerError> {
    refuse_link(file)?;
    let mut bytes = Vec::new();
    let open = File::open(file).map_err(LedgerError::io("can't read", file))?;
    open.take(limit_bytes + 1).read_to_end(&mut bytes).map_err(LedgerError::io("can't read", file))?;
    if bytes.len() as u64 > limit_bytes {
        return Err(LedgerError::TooLarge { file: file.to_owned(), limit_bytes });
    }
    Ok(bytes)
}

/// Refuses what is neither a plain file nor a directory. What is not there is no link.
pub(super) fn refuse_link(path: &Path) -> Result<(), LedgerError> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() || meta.is_file() => Ok(()),
        Ok(_) => Err(LedgerError::Link { file: path.to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(LedgerError::io("can't read", path)(error)),
    }
}

/// Makes a directory unless it is there, and syncs the one above it; refuses a link in its place.
pub(super) fn make_directory(path: &Path) -> Result<(), LedgerError> {
    refuse_link(path)?;
    match std::fs::create_dir(path) {
        Ok(()) => path.parent().map_or(Ok(()), sync_directory),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(LedgerError::io("can't make the directory", path)(error)),
    }
}

/// Makes sure that new names in a directory outlive a crash.
pub(super) fn sync_directory(path: &Path) -> Result<(), LedgerError> {
    File::open(path).and_then(|open| open.sync_all()).map_err(LedgerError::io("can't sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_means_one_entry_or_none() {
        assert_eq!(Part::parse("00000012.json"), Some((12, Part::Entry)));
        assert_eq!(Part::parse("00000012.json.sig"), Some((12, Part::Signature)));
        assert_eq!(Part::parse("00000012.private.json"), Some((12, Part::Private)));
        assert_eq!(Part::parse("123456789.json"), Some((123_456_789, Part::Entry)));
        for name in
            ["12.json", "00000000.json", "+0000012.json", "00000012.jsn", "000000012.json", "é.json", ".json"]
        {
            assert_eq!(Part::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_year_has_four_digits() {
        assert_eq!(parse_year("2026"), Some(2026));
        assert_eq!(["26", "+202", "02026", "year"].map(parse_year), [None; 4]);
    }
}

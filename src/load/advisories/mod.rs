//! Advisories out of files: the Debian security tracker's one document, or files in the format of OSV, single ones or
//! whole trees of them. `tracker` and `osv` know the two formats.
//!
//! Feeds come from the network by somebody else's hands, so they are read within budgets, and what is broken or of
//! neither format is refused with its file: half a feed would read as clean.

mod cvss;
mod osv;
mod tracker;

use super::problem::{Problem, Problems};
use crate::model::{Advisories, Feed};
use jiff::Timestamp;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Largest single file that is read: the tracker's document is some 70 MiB.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Most bytes of all files together.
const ALL_BYTES_MAX: u64 = 16 << 30;
/// Most files of a tree.
const FILES_MAX: usize = 1_000_000;
/// Deepest tree.
const DEPTH_MAX: usize = 16;
/// Most threads that read a tree.
const THREADS_MAX: usize = 16;

/// What was read of one file.
#[derive(Default)]
struct Portion {
    advisories: Advisories,
    /// How new it is; none for a file that is no advisory at all.
    newest: Option<Timestamp>,
}

/// A file of a feed.
struct FeedFile {
    path: PathBuf,
    bytes: u64,
    changed: Timestamp,
}

/// Reads feeds: files, or folders with files that end in `.json`.
///
/// # Errors
/// Something can't be read, is too large, or is no feed.
pub fn read(sources: &[PathBuf], now: Timestamp) -> Result<Advisories, Problems> {
    let mut all = Advisories::default();
    for source in sources {
        let portion = read_source(source)?;
        let newest = portion.newest.ok_or_else(|| {
            let problem = Problem::in_file(source, "no advisories in here");
            problem.help("expected the Debian security tracker's JSON, or files in the format of OSV")
        })?;
        all.merge(portion.advisories);
        let age = now.duration_since(newest).as_secs();
        all.age_seconds = all.age_seconds.max(u64::try_from(age).unwrap_or(0));
        all.feeds.push(Feed { source: source.display().to_string(), newest });
    }
    Ok(all)
}

fn read_source(source: &Path) -> Result<Portion, Problems> {
    let mut files = Vec::new();
    collect(source, 0, &mut files)?;
    if files.iter().map(|file| file.bytes).sum::<u64>() > ALL_BYTES_MAX {
        let message = format!("more than {} GiB of advisories", ALL_BYTES_MAX >> 30);
        return Err(Problem::in_file(source, message).help("name the folders of your releases alone").into());
    }
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let share = files.len().div_ceil(threads).max(1);
    let portions: Vec<Result<Portion, Problem>> = std::thread::scope(|scope| {
        let readers: Vec<_> = files.chunks(share).map(|files| scope.spawn(|| read_files(files))).collect();
        let broken = || Err(Problem::in_file(source, "could not be read to the end"));
        readers.into_iter().map(|reader| reader.join().unwrap_or_else(|_| broken())).collect()
    });
    let mut whole = Portion::default();
    for portion in portions {
        whole.add(portion?);
    }
    Ok(whole)
}

/// The file itself, or the files of a folder and of those below it; links to folders are not followed.
fn collect(path: &Path, depth: usize, files: &mut Vec<FeedFile>) -> Result<(), Problem> {
    let unreadable = |error: std::io::Error| Problem::in_file(path, format!("can't be read: {error}"));
    let about = std::fs::metadata(path).map_err(unreadable)?;
    if about.is_file() {
        if about.len() > FILE_BYTES_MAX || files.len() >= FILES_MAX {
            let (size, number) = (FILE_BYTES_MAX >> 20, FILES_MAX);
            let message = format!("too much: expected files of at most {size} MiB, at most {number} of them");
            return Err(Problem::in_file(path, message));
        }
        let changed = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
        let changed = changed.unwrap_or(Timestamp::UNIX_EPOCH);
        files.push(FeedFile { path: path.to_owned(), bytes: about.len(), changed });
        return Ok(());
    }
    if !about.is_dir() || depth >= DEPTH_MAX {
        return Err(Problem::in_file(path, "expected a file, or a folder that is not so deep"));
    }
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let name = entry.file_name();
        let wanted = name.as_encoded_bytes().ends_with(b".json");
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if (kind.is_dir() && !hidden) || (kind.is_file() && wanted) {
            collect(&entry.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

fn read_files(files: &[FeedFile]) -> Result<Portion, Problem> {
    let mut all = Portion::default();
    for file in files {
        let bytes = std::fs::read(&file.path)
            .map_err(|error| Problem::in_file(&file.path, format!("can't be read: {error}")))?;
        all.add(parse(&bytes, file)?);
    }
    Ok(all)
}

fn parse(bytes: &[u8], file: &FeedFile) -> Result<Portion, Problem> {
    let refused = |error: serde_json::Error| {
        let message = format!("no feed of advisories, or a broken one: {error}");
        Problem::in_file(&file.path, message).help("fetch it again")
    };
    match Format::of(bytes) {
        Some(Format::Tracker) => tracker::parse(bytes, file.changed).map_err(refused),
        Some(Format::Osv) => osv::parse(bytes).map_err(refused),
        None => Err(Problem::in_file(&file.path, "no feed of advisories: it is no JSON object or list")),
    }
}

/// Which format a document has, told by how it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Tracker,
    Osv,
}

impl Format {
    /// The tracker's packages are objects by name; the keys of OSV hold texts and lists but for one, which is known.
    fn of(bytes: &[u8]) -> Option<Self> {
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"[") {
            return Some(Self::Osv);
        }
        let inner = text.strip_prefix(b"{")?.trim_ascii_start();
        let Some(key) = inner.strip_prefix(b"\"") else {
            return inner.starts_with(b"}").then_some(Self::Osv);
        };
        let end = key.iter().position(|byte| *byte == b'"')?;
        let (name, rest) = key.split_at_checked(end)?;
        let value = rest.get(1..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let is_object = value.starts_with(b"{") && name != b"database_specific";
        Some(if is_object { Self::Tracker } else { Self::Osv })
    }
}

impl Portion {
    fn add(&mut self, other: Self) {
        self.advisories.merge(other.advisories);
        self.newest = self.newest.max(other.newest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ReleaseName;

    const TRACKER: &str = include_str!("example_tracker.json");
    const OSV: &str = include_str!("example_osv_ubuntu.json");
    const BOOKWORM: ReleaseName<'_> =
        ReleaseName { distribution: "debian", version: "12", codename: "bookworm" };

    fn now() -> Timestamp {
        "2026-11-25T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn both_formats_are_read_from_files_and_trees_and_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("osv/2026");
        std::fs::create_dir_all(&tree).unwrap();
        std::fs::write(tree.join("UBUNTU-CVE-2026-1.json"), OSV).unwrap();
        std::fs::write(tree.join("README.md"), "no advisory").unwrap();
        let tracker = folder.path().join("debian.json");
        std::fs::write(&tracker, TRACKER).unwrap();
        let all = read(&[tracker, folder.path().join("osv")], now()).unwrap();
        assert!(all.covers(BOOKWORM));
        assert!(!all.of(BOOKWORM, "libfoo").is_empty());
        let jammy = ReleaseName { distribution: "ubuntu", version: "22.04", codename: "jammy" };
        assert!(all.covers(jammy) && !all.of(jammy, "foo").is_empty());
        assert_eq!(all.feeds.len(), 2);
        assert!(!all.covers(ReleaseName { distribution: "kali", version: "12", codename: "bookworm" }));
    }

    #[test]
    fn what_is_broken_or_no_feed_is_refused_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let deep = format!("{{\"a\":{}", "{\"a\":".repeat(5000));
        let half = TRACKER.get(..TRACKER.len() / 2).unwrap();
        for (text, why) in [
            (half, "a broken one"),
            ("", "no JSON object or list"),
            ("true", "no JSON object or list"),
            ("{\"id\":", "a broken one"),
            ("[{\"id\": 1}]", "a broken one"),
            ("{\"pkg\": {\"CVE-1\": {\"releases\": []}}}", "a broken one"),
            (deep.as_str(), "a broken one"),
            ("{}", "a broken one"),
        ] {
            let file = folder.path().join("feed.json");
            std::fs::write(&file, text).unwrap();
            let error = read(&[file], now()).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("feed.json"), "{text:.20}: {error}");
        }
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert!(read(&[empty], now()).unwrap_err().to_string().contains("no advisories in here"));
        assert!(read(&["/nonexistent".into()], now()).is_err());
    }

    #[test]
    fn a_feeds_age_is_that_of_its_newest_advisory_and_never_negative() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        std::fs::write(&file, OSV).unwrap();
        let all = read(std::slice::from_ref(&file), now()).unwrap();
        assert_eq!(all.feeds[0].newest.to_string(), "2026-11-20T08:00:00Z");
        assert_eq!(all.age_seconds, 5 * 86_400 + 4 * 3600);
        let before = read(&[file], "2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(before.age_seconds, 0);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let file = FeedFile { path: "x.json".into(), bytes: 0, changed: now() };
            let _any = parse(&bytes, &file);
        }
    }
}

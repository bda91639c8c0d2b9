//! What this machine knows of each group's rosters, in whichever clone it met them. A clone that is older than another one
//! here is noticed, and so is one that goes on from the same beginning in another way.
//!
//! A group is known by the digest of its first version, and by those of all that follow: each file names the one before, so
//! whoever copies a beginning can put nothing else behind it without being noticed. What a clone's own folder remembers stays
//! what counts in it ([`super::trust`]); this here only refuses, except in a folder that was never met.

use super::console::shown;
use super::who::state_folder;
use super::{Exit, Failure};
use crate::ledger::Anchor;
use crate::model::Digest;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Longest memory of a group: more versions than any has.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The groups that this machine knows.
pub struct Groups(PathBuf);

/// A group, as far as this machine knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    version: u32,
    /// Digests of the roster's versions, the first one first: the last one was in force here.
    versions: Vec<Digest>,
    /// The clone in which that was.
    folder: String,
}

/// How a clone's roster stands to what is known of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Relation {
    /// It is the last one that is known, or follows it.
    GoesOn,
    /// It is one of those before.
    Older,
    /// Both follow the same version.
    Fork,
}

impl Group {
    /// The last version that was in force on this machine.
    pub fn head(&self) -> Option<Anchor> {
        let digest = *self.versions.last()?;
        Some(Anchor { version: self.versions.len() as u64, digest })
    }

    /// The digest of its first version.
    pub fn first(&self) -> Option<Digest> {
        self.versions.first().copied()
    }

    /// Whether a version is one of the group's, as it is known here.
    pub fn has(&self, one: Anchor) -> bool {
        let at = one.version.checked_sub(1).and_then(|at| usize::try_from(at).ok());
        at.and_then(|at| self.versions.get(at)) == Some(&one.digest)
    }

    /// The clone in which its last version was met.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    fn relation(&self, line: &[Anchor], settled: &[Anchor]) -> Relation {
        let goes_on = self.head().is_none_or(|head| line.contains(&head) || settled.contains(&head));
        match line.last() {
            _ if goes_on => Relation::GoesOn,
            Some(last) if self.has(*last) => Relation::Older,
            _ => Relation::Fork,
        }
    }

    /// Makes sure that a clone's roster, given with the versions that lead to it, is the last one that this machine knows, or
    /// follows it, or stands in its place (`settled`). Of two that follow the same one, a pin decides.
    ///
    /// # Errors
    /// It is an older one, or both go on from the same one.
    pub fn permits(&self, line: &[Anchor], settled: &[Anchor], pin: Option<Anchor>) -> Result<(), Failure> {
        let (here, known) =
            (line.last().map_or(0, |last| last.version), self.head().map_or(0, |head| head.version));
        let folder = shown(Path::new(&self.folder));
        let decided = pin.is_some_and(|pin| line.contains(&pin) && !self.has(pin));
        match self.relation(line, settled) {
            Relation::GoesOn => Ok(()),
            Relation::Fork if decided => Ok(()),
            Relation::Older => Err(Failure::new(
                Exit::Refused,
                format!(
                    "the roster here is older (version {here}) than one of this group that was in force on this machine: version {known}, in {folder}"
                ),
            )
            .hint(
                "pull; where that version was never pushed, push it from there, or, where it was lost, have 'wgops operators sign' put it \
                 back, which this machine remembers: a roster never goes back",
            )),
            Relation::Fork => Err(Failure::new(
                Exit::Refused,
                format!(
                    "version {here} of the roster here does not go on from version {known}, which was in force on this machine in {folder}, although both begin alike"
                ),
            )
            .hint("only one of them can be right: ask the leads, by voice, and give its pin once with --roster-pin")),
        }
    }
}

impl Groups {
    /// Those of whoever types; none where there is no place to remember them.
    pub fn here() -> Option<Self> {
        state_folder().map(|folder| Self(folder.join("groups")))
    }

    /// The group to which a version belongs, given with those that lead to it as far as they are known.
    ///
    /// # Errors
    /// What is remembered can't be read.
    pub fn find(&self, line: &[Anchor]) -> Result<Option<Group>, Failure> {
        match line.first() {
            Some(first) if first.version == 1 => load(&self.file(first.digest)),
            Some(_) => {
                let mut all = self.all()?.into_iter();
                Ok(all.find(|group| line.iter().any(|one| group.has(*one))))
            }
            None => Ok(None),
        }
    }

    /// Where something that belongs to a version's group is remembered: by the group, whichever clone it is.
    pub fn place(&self, version: Anchor, what: &str) -> Option<PathBuf> {
        let mut all = self.all().ok()?.into_iter();
        let group = all.find(|group| group.has(version))?;
        Some(self.0.parent()?.join(what).join(name(*group.versions.first()?)))
    }

    /// Remembers the versions that lead to one that is in force in a folder; nothing where the first one is not known.
    ///
    /// # Errors
    /// The disk refused.
    pub fn save(&self, line: &[Anchor], folder: &Path) -> Result<(), Failure> {
        let known = self.find(line)?;
        let Some(oldest) = line.first() else { return Ok(()) };
        let before = usize::try_from(oldest.version.saturating_sub(1)).unwrap_or(usize::MAX);
        let below = known.as_ref().map_or(&[][..], |known| known.versions.get(..before).unwrap_or_default());
        if below.len() != before {
            return Ok(());
        }
        let versions: Vec<Digest> = below.iter().copied().chain(line.iter().map(|one| one.digest)).collect();
        let Some(first) = versions.first().copied() else { return Ok(()) };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if known.is_some_and(|known| known.versions == versions) {
            return Ok(());
        }
        let group = Group { version: 1, versions, folder: folder.to_string_lossy().into_owned() };
        let saved = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.0)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.0)?;
            serde_json::to_writer(&mut file, &group)?;
            file.flush()?;
            file.as_file().sync_all()?;
            file.persist(self.file(first)).map(drop).map_err(|error| error.error)
        };
        saved().map_err(|error| Failure::usage(format!("can't write below {}: {error}", shown(&self.0))))
    }

    fn file(&self, first: Digest) -> PathBuf {
        self.0.join(name(first))
    }

    fn all(&self) -> Result<Vec<Group>, Failure> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unusable(&self.0, &error.to_string())),
        };
        let files = entries.flatten().map(|entry| entry.path());
        let named = |file: &PathBuf| file.extension().is_some_and(|end| end == "json");
        files.filter(named).filter_map(|file| load(&file).transpose()).collect()
    }
}

fn load(file: &Path) -> Result<Option<Group>, Failure> {
    let read = || -> std::io::Result<Vec<u8>> {
        match std::fs::metadata(file)?.len() {
            0..=FILE_BYTES_MAX => std::fs::read(file),
            _ => Err(std::io::Error::other("it is larger than 1 MiB")),
        }
    };
    let bytes = match read() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(file, &error.to_string())),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| unusable(file, &error.to_string()))
}

fn name(first: Digest) -> String {
    format!("{}.json", first.hex())
}

fn unusable(file: &Path, why: &str) -> Failure {
    let file = shown(file);
    Failure::usage(format!("can't use {file}, where a group's rosters are remembered: {why}"))
        .hint("it protects from an older roster: compare the roster with a lead before you remove it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(version: u64, text: &str) -> Anchor {
        Anchor { version, digest: Digest::of(text) }
    }

    fn line(texts: &[&str]) -> Vec<Anchor> {
        (1..).zip(texts).map(|(version, text)| one(version, text)).collect()
    }

    fn groups(home: &tempfile::TempDir) -> Groups {
        Groups(home.path().join("wgops/groups"))
    }

    fn refusal(group: &Group, texts: &[&str], pin: Option<Anchor>) -> Option<String> {
        group.permits(&line(texts), &[], pin).err().map(|failure| {
            assert_eq!(failure.exit, Exit::Refused);
            format!("{failure:?}")
        })
    }

    #[test]
    fn a_clone_goes_on_from_what_another_one_saw_or_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let groups = groups(&home);
        assert_eq!(groups.find(&line(&["1"])).unwrap(), None);
        groups.save(&line(&["1", "2", "3"]), Path::new("/ops")).unwrap();
        let group = groups.find(&line(&["1"])).unwrap().unwrap();
        for fine in [&["1", "2", "3"][..], &["1", "2", "3", "4"]] {
            assert_eq!(refusal(&group, fine, None), None);
        }
        let older = refusal(&group, &["1", "2"], None).unwrap();
        assert!(older.contains("older (version 2)") && older.contains("version 3, in /ops"), "{older}");
        for fork in [&["1", "two"][..], &["1", "2", "three"], &["1", "two", "three", "four"]] {
            assert!(refusal(&group, fork, None).unwrap().contains("although both begin alike"), "{fork:?}");
        }
    }

    #[test]
    fn a_pin_decides_between_two_and_never_for_an_older_one() {
        let home = tempfile::tempdir().unwrap();
        let groups = groups(&home);
        groups.save(&line(&["1", "2", "3"]), Path::new("/ops")).unwrap();
        let group = groups.find(&line(&["1"])).unwrap().unwrap();
        let fork = &["1", "two", "three"];
        assert_eq!(refusal(&group, fork, Some(one(3, "three"))), None);
        for other in [one(1, "1"), one(2, "2"), one(3, "3"), one(3, "drei")] {
            assert!(refusal(&group, fork, Some(other)).is_some(), "{other:?}");
        }
        assert!(refusal(&group, &["1", "2"], Some(one(2, "2"))).is_some());
        groups.save(&line(fork), Path::new("/other")).unwrap();
        let group = groups.find(&line(&["1"])).unwrap().unwrap();
        assert_eq!((group.head(), group.folder()), (Some(one(3, "three")), "/other"));
    }

    #[test]
    fn what_was_settled_is_gone_on_from() {
        let home = tempfile::tempdir().unwrap();
        let groups = groups(&home);
        groups.save(&line(&["1", "2", "3"]), Path::new("/ops")).unwrap();
        let group = groups.find(&line(&["1"])).unwrap().unwrap();
        let next = line(&["1", "2", "drei", "4"]);
        assert!(group.permits(&next, &[], None).is_err());
        assert!(group.permits(&next, &[one(3, "trois")], None).is_err());
        group.permits(&next, &[one(3, "3")], None).unwrap();
    }

    #[test]
    fn two_groups_do_not_mix_and_a_group_is_found_by_a_version_whose_beginning_is_gone() {
        let home = tempfile::tempdir().unwrap();
        let groups = groups(&home);
        groups.save(&line(&["1", "2", "3"]), Path::new("/ops")).unwrap();
        groups.save(&line(&["a", "b"]), Path::new("/others")).unwrap();
        let heads = |version, text| groups.place(one(version, text), "heads");
        assert_eq!(heads(1, "1"), heads(3, "3"));
        assert!(heads(2, "2").is_some_and(|file| file.starts_with(home.path().join("wgops/heads"))));
        assert!(heads(2, "b") != heads(2, "2") && heads(3, "2").is_none() && heads(3, "c").is_none());
        // The ledger has lost what lies before version 3.
        groups.save(&[one(3, "3"), one(4, "4")], Path::new("/ops")).unwrap();
        let group = groups.find(&[one(4, "4")]).unwrap().unwrap();
        assert_eq!(
            group.versions,
            line(&["1", "2", "3", "4"]).iter().map(|one| one.digest).collect::<Vec<_>>()
        );
        // What nobody knows the beginning of is no group yet.
        groups.save(&[one(7, "x")], Path::new("/ops")).unwrap();
        assert_eq!(groups.find(&[one(7, "x")]).unwrap(), None);
    }

    #[test]
    fn a_memory_that_cannot_be_read_lets_nothing_through() {
        let home = tempfile::tempdir().unwrap();
        let groups = groups(&home);
        groups.save(&line(&["1"]), Path::new("/ops")).unwrap();
        std::fs::write(groups.file(Digest::of("1")), "{}").unwrap();
        assert!(groups.find(&line(&["1"])).is_err());
        assert!(groups.find(&[one(2, "2")]).is_err());
    }
}

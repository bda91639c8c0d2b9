//! A text file that a module edits as a whole: what modules have in common that look after one file of the system
//! (`sysctl.conf`, `fstab`, a list of package sources). What is to stand in it is the module's decision.

use super::attributes::{Wanted, touching};
use super::copy::MAKE_PARENTS;
use super::file::REMOVE;
use super::mode::Mode;
use super::place::{New, Placement};
use super::{Args, Change, Host, Outcome, plain_result};
use crate::model::{Content, Digest, Map, Subject};
use crate::questions::contents::{Content as Old, Read};
use crate::questions::files::{Inspect, Inspected};
use crate::questions::{Output, Stop};

/// Largest file that is edited.
const BYTES_MAX: u64 = 4 << 20;

/// A text file as it is on the host.
pub(super) struct TextFile {
    /// Where, as the user names it.
    pub path: String,
    /// What stands in it; none where it isn't there.
    pub old: Option<String>,
    seen: Inspected,
}

impl TextFile {
    /// Asks for the file.
    ///
    /// # Errors
    /// Stops to ask; refuses what is no text file of reasonable size.
    pub fn ask(host: &Host<'_>, path: &str) -> Result<Self, Stop> {
        let read = Read { path: path.to_owned(), bytes_max: BYTES_MAX };
        let (seen, old) = host.get((Inspect::path(path), read))?;
        let old = match old.as_ref() {
            Old::Whole(bytes) => Some(bytes.clone()),
            Old::Absent => None,
            Old::NoFile => return Err(Stop::refuse(format!("{path} is no file"))),
            Old::TooLarge => return Err(Stop::refuse(format!("{path} is too large to be edited"))),
        };
        let digest = old.as_ref().map(|old| Digest::of(old).hex());
        let old = match old.map(String::from_utf8) {
            None => None,
            Some(Ok(text)) => Some(text),
            Some(Err(_)) => {
                return Err(Stop::refuse(format!("{path} is no UTF-8 text, and is not edited")));
            }
        };
        // The digest of the very content that is edited: the change stops where the file is another by then.
        Ok(Self { path: path.to_owned(), old, seen: Inspected { digest, ..(*seen).clone() } })
    }

    /// What stands in it; nothing where it isn't there.
    pub fn text(&self) -> &str {
        self.old.as_deref().unwrap_or_default()
    }

    /// The changes that make the file hold this, with this mode where it is made anew; none if it does.
    ///
    /// # Errors
    /// Refuses where something else than a file is there, and owners that the host doesn't know.
    pub fn put(
        &self,
        host: &Host<'_>,
        args: &Args,
        new: impl Into<Vec<u8>>,
        mode_if_new: u32,
    ) -> Result<Vec<Change>, Stop> {
        let mut wanted = Wanted::ask(args, host)?;
        if wanted.mode.is_none() && self.old.is_none() {
            wanted.mode = Some(Mode::Exact(mode_if_new));
        }
        let placement = Placement {
            named: &self.path,
            seen: &self.seen,
            follow: true,
            new: New::Content(Content::new(new.into())),
            wanted: &wanted,
            preserved: None,
            args,
            old: self.old.as_deref().map(str::as_bytes),
        };
        let Some(change) = placement.change(host)? else { return Ok(Vec::new()) };
        let parent = self.path.rsplit_once('/').filter(|_| !self.seen.parent_exists).map(|(parent, _)| {
            let summary = format!("make the directory {parent}");
            Change::state(summary, MAKE_PARENTS, [parent, "-", "-", "-"], [Subject::path(parent)])
        });
        Ok(parent.into_iter().chain([change]).collect())
    }

    /// The change that removes the file; none if it isn't there.
    pub fn remove(&self) -> Option<Change> {
        let real = self.seen.followed_path();
        let touches = touching(&self.path, &real);
        let summary = format!("remove {}", self.path);
        self.old.as_ref().map(|_| Change::state(summary, REMOVE, [real, "file".to_owned()], touches))
    }
}

/// What `register` gets: the outcome's keys, and the name of a backup.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    let written = outputs.iter().filter(|output| output.status == 0).map(Output::text);
    let mut saved =
        written.filter_map(|text| text.lines().nth(3).filter(|l| l.ends_with('~')).map(str::to_owned));
    if let Some(saved) = saved.next_back() {
        result.insert("backup_file".into(), saved.into());
    }
    result
}

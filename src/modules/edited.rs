//! A text file of the host that a module edits as a whole: `lineinfile`, `blockinfile`, `replace` and `ini_file` differ in
//! what they make of the text, and share how it is read, judged and put back.

use super::attributes::{self, Wanted};
use super::copy::MAKE_PARENTS;
use super::place::{New, Placement};
use super::{Args, Change, Host, Nature, Outcome, labels};
use crate::model::{Content, Digest, Map, Subject};
use crate::questions::contents::{Content as Old, Read};
use crate::questions::files::{Inspect, Inspected};
use crate::questions::{Output, Refusal, Stop};
use std::sync::Arc;

/// Largest file that is edited.
const BYTES_MAX: u64 = 8 << 20;

/// A file that is edited.
pub(super) struct Edited<'a> {
    path: &'a str,
    args: &'a Args,
    seen: Arc<Inspected>,
    wanted: Wanted,
    old: Option<Vec<u8>>,
    follow: bool,
}

/// What an edit comes to.
pub(super) struct Ending {
    /// The new text, in bytes.
    pub new: Vec<u8>,
    /// Ansible's word for what was done; empty: nothing.
    pub message: String,
    /// More keys of the result.
    pub result: Map,
}

/// What is done where there is no such file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// It is made.
    Made,
    /// The task fails, in these words behind the path.
    Refused(&'static str),
    /// The module is told.
    Told,
}

impl<'a> Edited<'a> {
    /// Asks for the file, and for the numbers of owner and group.
    ///
    /// # Errors
    /// Stops to ask; refuses what is no file, or too large a one.
    pub fn look(args: &'a Args, host: &Host<'_>, missing: Missing) -> Result<Self, Stop> {
        Self::look_at(args.needed("path")?, args, host, missing)
    }

    /// The same for a path of another name.
    ///
    /// # Errors
    /// As [`Edited::look`].
    pub fn look_at(path: &'a str, args: &'a Args, host: &Host<'_>, missing: Missing) -> Result<Self, Stop> {
        let wanted = Wanted::ask(args, host);
        let (seen, old) =
            host.get((Inspect::path(path), Read { path: path.to_owned(), bytes_max: BYTES_MAX }))?;
        let wanted = wanted?;
        let old = match (old.as_ref(), missing) {
            (Old::Whole(bytes), _) => Some(bytes.clone()),
            (Old::Absent, Missing::Refused(words)) => {
                return refuse(257, format!("{words} {path} does not exist !"));
            }
            (Old::Absent, _) => None,
            (Old::NoFile, _) => return refuse(256, format!("Path {path} is a directory !")),
            (Old::TooLarge, _) => {
                let limit = BYTES_MAX >> 20;
                return Err(Stop::refuse(format!("{path} is larger than {limit} MiB, which is not edited")));
            }
        };
        let follow = args.maybe_flag("follow").unwrap_or(true);
        Ok(Self { path, args, seen, wanted, old, follow })
    }

    /// The same, owned and moded like this whatever the arguments say.
    #[must_use]
    pub fn owned(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// Whether there is a file.
    pub fn exists(&self) -> bool {
        self.old.is_some()
    }

    /// The file's text.
    pub fn text(&self) -> Text {
        Text::decode(self.old.as_deref().unwrap_or_default())
    }

    /// The outcome. A file that isn't there is made only where something was done.
    ///
    /// # Errors
    /// As [`Placement::change`].
    pub fn finish(self, ending: Ending, host: &Host<'_>) -> Result<Outcome, Stop> {
        // The digest of the very content that was edited: the change stops where the file is another by then.
        let old = self.old.as_deref();
        let seen = Inspected { digest: old.map(|old| Digest::of(old).hex()), ..(*self.seen).clone() };
        let is_same = old == Some(ending.new.as_slice());
        let placement = Placement {
            named: self.path,
            seen: &seen,
            follow: self.follow,
            new: New::Content(Content::new(ending.new)),
            wanted: &self.wanted,
            preserved: None,
            args: self.args,
            old,
        };
        let is_left_out = old.is_none() && ending.message.is_empty();
        let change = if is_left_out { None } else { placement.change(host)? };
        let labels = match is_left_out {
            true => Vec::new(),
            false => labels::changes(self.args, host, self.path, &placement.real())?,
        };
        const AS_WELL: &str = "ownership, perms or SE linux context changed";
        let message = match (is_same && change.is_some(), ending.message.as_str()) {
            (false, said) => said.to_owned(),
            (true, "") => AS_WELL.to_owned(),
            (true, said) => format!("{said} and {AS_WELL}"),
        };
        let mut result = ending.result;
        result.insert("msg".into(), message.into());
        let parents = change.as_ref().and_then(|_| parents(self.path, &self.seen));
        Ok(Outcome::change(result, parents.into_iter().chain(change).chain(labels).collect()))
    }
}

/// An edit that would find something to do again in what it made (`^(.*)$` by `\1 more`): it happens once in each run, as
/// with Ansible, and can't converge.
pub(super) fn unsettled(mut outcome: Outcome) -> Outcome {
    if !outcome.changes.is_empty() {
        outcome.changes.iter_mut().for_each(|change| change.nature = Nature::Event);
        outcome.warnings.push("what is put in matches again: each run changes the file".into());
    }
    outcome
}

fn parents(path: &str, seen: &Inspected) -> Option<Change> {
    let (parent, _) = path.rsplit_once('/').filter(|_| !seen.parent_exists)?;
    let summary = format!("make the directory {parent}");
    Some(Change::state(summary, MAKE_PARENTS, [parent, "-", "-", "-"], [Subject::path(parent)]))
}

fn refuse<T>(code: i64, message: String) -> Result<T, Stop> {
    let mut result = Map::new();
    result.insert("rc".into(), code.into());
    Err(Stop::Refuse(Refusal { message, result }))
}

/// What `register` gets.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    attributes::result(outcome, outputs)
}

/// A file's content as text that can be written back byte by byte: as UTF-8, or else each byte as one character.
pub(super) struct Text {
    /// The text.
    pub text: String,
    is_utf8: bool,
}

impl Text {
    fn decode(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: text.to_owned(), is_utf8: true },
            Err(_) => Self { text: bytes.iter().copied().map(char::from).collect(), is_utf8: false },
        }
    }

    /// Its lines with their ends.
    pub fn lines(&self) -> Vec<String> {
        self.text.split_inclusive('\n').map(str::to_owned).collect()
    }

    /// What a user wrote, in the file's terms.
    pub fn adapt(&self, text: &str) -> String {
        if self.is_utf8 { text.to_owned() } else { text.bytes().map(char::from).collect() }
    }

    /// The bytes of a text in the file's terms.
    pub fn encode(&self, text: &str) -> Vec<u8> {
        match self.is_utf8 {
            true => text.as_bytes().to_vec(),
            false => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        }
    }
}

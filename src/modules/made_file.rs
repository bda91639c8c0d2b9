//! A file that a program of the host makes: keys, parameters, requests, certificates. It is made in a directory that nobody
//! else can enter, and put in its place when it is whole, owned and moded.

use super::attributes::{Wanted, number, octal, touching};
use super::{Args, Change, Host, Outcome, labels, plain_result};
use crate::model::{Digest, Map, Script};
use crate::questions::contents::{Content as Old, Read};
use crate::questions::files::{Inspect, Inspected};
use crate::questions::{Output, Stop};
use std::sync::Arc;

/// Largest file of this kind.
const BYTES_MAX: u64 = 1 << 20;

/// Puts what every such script needs around the part that makes `$new`; its own words are `$1` and so on.
macro_rules! made_file {
    ($script:literal) => {
        concat!(
            $crate::modules::nest::nest!(),
            r#"path=$1 before=$2 mode=$3 uid=$4 gid=$5 backup=$6 back=$7
shift 7
as_seen() {
    if [ "$before" = - ]; then
        [ ! -e "$path" ] && [ ! -L "$path" ] && return 0
    else
        sum=$(sha256sum 2>/dev/null <"$path") && [ "${sum%% *}" = "$before" ] && return 0
    fi
    printf '%s is not as it was seen\n' "$path" >&2
    exit 113
}
as_seen
command -v openssl >/dev/null 2>&1 || { echo 'this host has no openssl' >&2; exit 1; }
umask 077
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
nest "$path"
dir=. new=./new
"#,
            $script,
            r#"
[ -s "$new" ] || { printf 'nothing came of it for %s\n' "$path" >&2; exit 1; }
if [ "$uid" != - ]; then chown "$uid" "$new" || exit 1; fi
if [ "$gid" != - ]; then chgrp "$gid" "$new" || exit 1; fi
chmod "$mode" "$new" || exit 1
as_seen
saved=
if [ "$backup" = yes ] && [ -e "$path" ]; then
    saved=$path.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$path" saved && settle saved "$saved" || exit 1
fi
settle new "$path" || exit 1
stat -c '%f %u %g %s
%U
%G' -- "$path" || exit 1
printf 'backup %s\n' "$saved"
if [ "$back" = yes ]; then cat <"$path"; fi
exit 0"#
        )
    };
}
pub(super) use made_file;

/// Removes a file: path, what it was seen to be, whether a copy is kept.
const REMOVE: Script = Script {
    name: "remove_made_file",
    text: r#"sum=$(sha256sum 2>/dev/null <"$1") && [ "${sum%% *}" = "$2" ] || exit 113
if [ "$3" = yes ]; then
    saved=$1.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$1" "$saved" || exit 1
    printf '\n\n\nbackup %s\n' "$saved"
fi
rm -f -- "$1" || exit 1
exit 0"#,
};

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[REMOVE];

/// The file as it is, and how it is to be owned.
pub(super) struct Made<'a> {
    args: &'a Args,
    /// Where, as the user names it.
    pub path: &'a str,
    /// What it holds; nothing where it isn't there.
    pub old: Option<Vec<u8>>,
    seen: Arc<Inspected>,
    wanted: Wanted,
}

impl<'a> Made<'a> {
    /// Asks for the file at `path`.
    ///
    /// # Errors
    /// Stops to ask; refuses where something else is there, or its directory isn't.
    pub fn ask(args: &'a Args, host: &Host<'_>) -> Result<Self, Stop> {
        let path = args.needed("path")?;
        let wanted = Wanted::ask(args, host);
        let read = Read { path: path.to_owned(), bytes_max: BYTES_MAX };
        let (seen, old) = host.get((Inspect::path(path), read))?;
        let wanted = wanted?;
        let old = match old.as_ref() {
            Old::Whole(bytes) => Some(bytes.clone()),
            Old::Absent => None,
            Old::NoFile => return Err(Stop::refuse(format!("{path} is no file"))),
            Old::TooLarge => {
                return Err(Stop::refuse(format!("{path} is too large for what is to be there")));
            }
        };
        if old.is_none() && !seen.parent_exists && args.text("state") != Some("absent") {
            let above = path.rsplit_once('/').map_or("/", |(above, _)| above);
            return Err(Stop::refuse(format!(
                "The directory {above} does not exist or the file is not a directory"
            )));
        }
        Ok(Self { args, path, old, seen, wanted })
    }

    fn real(&self) -> String {
        self.seen.followed_path()
    }

    fn before(&self) -> String {
        self.old.as_ref().map_or("-".to_owned(), |old| Digest::of(old).hex())
    }

    /// The change that makes it, and what it takes beside.
    ///
    /// # Errors
    /// Stops to ask for labels.
    pub fn make(
        &self,
        host: &Host<'_>,
        summary: String,
        (script, plain_mode): (Script, u32),
        words: Vec<String>,
    ) -> Result<Vec<Change>, Stop> {
        let node = self.seen.followed();
        // What is sensitive stays so whatever the umask is.
        let umask = if plain_mode == 0o600 { 0 } else { self.seen.umask };
        let mode = match (node, &self.wanted.mode) {
            (Some(node), None) if plain_mode != 0o600 => node.mode,
            _ => self.wanted.new_mode(plain_mode, false, umask),
        };
        let yes = |flag: bool| if flag { "yes" } else { "no" }.to_owned();
        let mut argv = vec![
            self.real(),
            self.before(),
            octal(Some(mode)),
            number(self.wanted.uid.or(node.map(|node| node.uid))),
            number(self.wanted.gid.or(node.map(|node| node.gid))),
            yes(self.args.flag("backup")),
            yes(self.args.flag("return_content")),
        ];
        argv.extend(words);
        let change = Change::state(summary, script, argv, touching(self.path, &self.real()));
        Ok(std::iter::once(change)
            .chain(labels::changes(self.args, host, self.path, &self.real())?)
            .collect())
    }

    /// What is missing of owner, mode and labels where the file stays.
    ///
    /// # Errors
    /// Stops to ask for labels.
    pub fn keep(&self, host: &Host<'_>) -> Result<Vec<Change>, Stop> {
        let missing = self.seen.followed().and_then(|node| {
            let missing = self.wanted.missing(node, self.seen.umask);
            (!missing.is_empty()).then(|| missing.change(self.path, &self.real(), node))
        });
        Ok(missing.into_iter().chain(labels::changes(self.args, host, self.path, &self.real())?).collect())
    }

    /// The outcome that removes it.
    pub fn remove(&self, result: Map) -> Outcome {
        let change = self.old.as_ref().map(|_| {
            let keep = if self.args.flag("backup") { "yes" } else { "no" };
            let argv = [self.real(), self.before(), keep.to_owned()];
            Change::state(format!("remove {}", self.path), REMOVE, argv, touching(self.path, &self.real()))
        });
        Outcome::change(result, change.into_iter().collect())
    }

    /// Puts the content in, where it is asked for and the file stays.
    pub fn tell(&self, result: &mut Map, key: &str) {
        let content = self.old.as_deref().filter(|_| self.args.flag("return_content"));
        if let Some(content) = content {
            result.insert(key.to_owned(), String::from_utf8_lossy(content).into_owned().into());
        }
    }
}

/// What `register` gets of a file that was made: its owner and mode, a backup's name, and under `key` its content.
pub(super) fn result(outcome: &Outcome, outputs: &[Output], key: &str) -> Map {
    let mut result = plain_result(outcome, outputs);
    for output in outputs.iter().filter(|output| output.status == 0) {
        let text = output.text();
        let mut lines = text.splitn(5, '\n').skip(3);
        if let Some(saved) = lines.next().and_then(|line| line.strip_prefix("backup ")) {
            if !saved.is_empty() {
                result.insert("backup_file".into(), saved.into());
            }
            if let Some(content) = lines.next().filter(|content| !content.is_empty() && !key.is_empty()) {
                result.insert(key.to_owned(), content.into());
            }
        }
    }
    result
}

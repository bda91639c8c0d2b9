//! Owner, group and mode: the parameters that all modules for files share, and the change that sets them.

use super::mode::{Bits, Mode};
use super::nest::hold;
use super::{Args, Change, Diff, Host, Kind, Outcome, Param, plain_result};
use crate::model::{Map, Script, Subject, Subjects};
use crate::questions::accounts::{GroupEntry, UserEntry};
use crate::questions::files::{Inspected, Node, NodeKind};
use crate::questions::{Output, Stop};

/// `owner`.
pub(super) const OWNER: Param = Param::optional("owner", Kind::Text, "a user's name or number");
/// `group`.
pub(super) const GROUP: Param = Param::optional("group", Kind::Text, "a group's name or number");
/// `mode`.
pub(super) const MODE: Param =
    Param::optional("mode", Kind::Mode, "permissions, octal in quotes (\"0644\") or symbolic (u=rw,go=r)");
/// Puts a shell function before a script: `still PATH STAMP` ends the script unless the path is as it was seen.
macro_rules! with_still {
    ($($script:expr),+) => {
        concat!(
            r#"still() {
    if [ "$2" = any ]; then
        [ -e "$1" ] && return 0
    elif [ "$2" = - ]; then
        [ ! -e "$1" ] && [ ! -L "$1" ] && return 0
    else
        [ "$(stat -c %f:%u:%g -- "$1" 2>/dev/null)" = "$2" ] && return 0
    fi
    printf '%s is not as it was seen\n' "$1" >&2
    exit 113
}
"#,
            $($script),+
        )
    };
}
pub(super) use with_still;

/// Sets mode and ownership; prints what came of it.
pub(super) const SET: Script = Script {
    name: "set_attributes",
    text: with_still!(
        hold!(),
        r#"path=$1 mode=$3 uid=$4 gid=$5
hold "$path"
still "$path" "$2"
if [ "$held" != "$path" ] && [ "$2" != any ]; then
    [ "$(stat -L -c %f:%u:%g "$held")" = "$2" ] || exit 113
fi
give "$uid" "$gid" || exit 1
if [ "$mode" != - ]; then chmod "$mode" "$held" || exit 1; fi
stat -c '%f %u %g %s
%U
%G' -- "$path" || exit 1
exit 0"#
    ),
};

/// Ownership and mode as asked for; what isn't asked for stays.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// Owner's number.
    pub uid: Option<u32>,
    /// Group's number.
    pub gid: Option<u32>,
    /// Mode.
    pub mode: Option<Mode>,
}

/// What must be set to make a file as wanted; `None` stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Missing {
    /// Owner's number.
    pub uid: Option<u32>,
    /// Group's number.
    pub gid: Option<u32>,
    /// Mode bits.
    pub mode: Option<u32>,
}

impl Wanted {
    /// Reads the parameters; asks for the numbers of owner and group.
    ///
    /// # Errors
    /// Stops to ask; refuses names that the host doesn't know, and modes that are none.
    pub fn ask(args: &Args, host: &Host<'_>) -> Result<Self, Stop> {
        let uid = args.text("owner").map(|name| uid_of(name, host)).transpose();
        let gid = args.text("group").map(|name| gid_of(name, host)).transpose();
        let mode = args.text("mode").map(Mode::parse).transpose();
        Ok(Self { mode: mode?, uid: uid?, gid: gid? })
    }

    /// What is missing on a file that is there.
    pub fn missing(&self, node: &Node, umask: u32) -> Missing {
        let bits = Bits { mode: node.mode, is_directory: node.kind == NodeKind::Directory, umask };
        let mode = self.mode.as_ref().and_then(|mode| mode.of(bits));
        let mut missing = Missing {
            uid: self.uid.filter(|uid| *uid != node.uid),
            gid: self.gid.filter(|gid| *gid != node.gid),
            mode: mode.filter(|mode| *mode != node.mode && node.kind != NodeKind::Link),
        };
        let chowned = missing.uid.is_some() || missing.gid.is_some();
        if chowned && missing.mode.is_none() && node.kind != NodeKind::Link && node.mode & 0o6000 != 0 {
            // The kernel drops set-id bits when ownership changes.
            missing.mode = Some(node.mode);
        }
        missing
    }

    /// The mode of a file that is made anew.
    pub fn new_mode(&self, plain: u32, is_directory: bool, umask: u32) -> u32 {
        let mode = plain & !umask;
        let bits = Bits { mode, is_directory, umask };
        self.mode.as_ref().and_then(|wanted| wanted.of(bits)).unwrap_or(mode)
    }
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The change that sets it, at a path of which no part is a link, named as the user names it.
    pub fn change(&self, named: &str, real: &str, node: &Node) -> Change {
        let after = Node {
            uid: self.uid.unwrap_or(node.uid),
            gid: self.gid.unwrap_or(node.gid),
            mode: self.mode.unwrap_or(node.mode),
            ..node.clone()
        };
        let args = [real.to_owned(), node.stamp(), octal(self.mode), number(self.uid), number(self.gid)];
        let summary = format!("{} of {named}", self.summary(node));
        let diff = Diff { header: named.to_owned(), before: lines(node), after: lines(&after) };
        Change::state(summary, SET, args, touching(named, real)).with_diff(Some(diff))
    }

    fn summary(&self, node: &Node) -> String {
        let mode = self.mode.map(|mode| format!("mode {:04o} (was {:04o})", mode, node.mode));
        let uid = self.uid.map(|uid| format!("owner {uid} (was {})", node.uid));
        let gid = self.gid.map(|gid| format!("group {gid} (was {})", node.gid));
        let parts: Vec<String> = [mode, uid, gid].into_iter().flatten().collect();
        format!("set {}", parts.join(", "))
    }
}

fn lines(node: &Node) -> String {
    format!("mode: {:04o}\nowner: {}\ngroup: {}\n", node.mode, node.uid, node.gid)
}

/// Five digits: with fewer, GNU chmod keeps a directory's set-id bits.
pub(super) fn octal(mode: Option<u32>) -> String {
    mode.map_or("-".into(), |mode| format!("{mode:05o}"))
}

/// A number as a script's argument.
pub(super) fn number(number: Option<u32>) -> String {
    number.map_or("-".into(), |number| number.to_string())
}

/// A path as it is named and as it really is.
pub(super) fn touching(named: &str, real: &str) -> Subjects {
    [Subject::path(named), Subject::path(real)].into()
}

fn uid_of(name: &str, host: &Host<'_>) -> Result<u32, Stop> {
    if let Ok(uid) = name.parse() {
        return Ok(uid);
    }
    let user = host.get(UserEntry(name.to_owned()))?;
    user.as_ref()
        .as_ref()
        .map(|user| user.uid)
        .ok_or_else(|| Stop::refuse(format!("chown failed: failed to look up user {name}")))
}

fn gid_of(name: &str, host: &Host<'_>) -> Result<u32, Stop> {
    if let Ok(gid) = name.parse() {
        return Ok(gid);
    }
    let group = host.get(GroupEntry(name.to_owned()))?;
    group
        .as_ref()
        .as_ref()
        .map(|group| group.gid)
        .ok_or_else(|| Stop::refuse(format!("chgrp failed: failed to look up group {name}")))
}

/// Adds what Ansible says about a file: `mode`, `owner`, `group`, `uid`, `gid`, `size`, `state`.
pub(super) fn describe(result: &mut Map, node: &Node) {
    result.insert("mode".into(), format!("{:04o}", node.mode).into());
    result.insert("uid".into(), node.uid.into());
    result.insert("gid".into(), node.gid.into());
    result.insert("owner".into(), node.owner.clone().into());
    result.insert("group".into(), node.group.clone().into());
    result.insert("size".into(), node.size.into());
    let state = if node.kind == NodeKind::File && node.links > 1 { "hard" } else { node.kind.as_str() };
    result.insert("state".into(), state.into());
}

/// Describes what will be there as far as that is known before.
pub(super) fn describe_seen(result: &mut Map, seen: &Inspected) {
    if let Some(node) = seen.followed() {
        describe(result, node);
    }
}

/// What `register` gets: the outcome's keys, and over them what the changes printed of the file, the last one last.
pub(super) fn result(outcome: &Outcome, outputs: &[Output]) -> Map {
    let mut result = plain_result(outcome, outputs);
    for output in outputs.iter().filter(|output| output.status == 0) {
        read_final(&output.text(), &mut result);
    }
    result
}

/// Reads `MODE UID GID SIZE`, owner, group, and perhaps the name of a backup, a line each.
fn read_final(text: &str, result: &mut Map) -> Option<()> {
    let mut lines = text.lines();
    let numbers: Vec<&str> = lines.next()?.split(' ').collect();
    let [raw, uid, gid, size] = numbers[..] else { return None };
    let raw = u32::from_str_radix(raw, 16).ok()?;
    let (owner, group) = (lines.next()?, lines.next()?);
    result.insert("mode".into(), format!("{:04o}", raw & 0o7777).into());
    result.insert("uid".into(), uid.parse::<u32>().ok()?.into());
    result.insert("gid".into(), gid.parse::<u32>().ok()?.into());
    result.insert("size".into(), size.parse::<u64>().ok()?.into());
    result.insert("owner".into(), owner.into());
    result.insert("group".into(), group.into());
    result.insert("state".into(), NodeKind::of_raw_mode(raw)?.as_str().into());
    if let Some(backup) = lines.next() {
        result.insert("backup_file".into(), backup.into());
    }
    Some(())
}

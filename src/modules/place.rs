//! Puts content in the place of a file: what `copy`, `template`, `lineinfile` and `cron` have in common.
//!
//! The new file is complete, checked, owned and moded under a name of its own before it is renamed over the old one,
//! so that nobody ever sees half of it, or sees a secret before its mode is set; and in a folder of its own, so that
//! nobody can put another file under that name.

use super::attributes::{Wanted, number, octal, touching, with_still};
use super::mode::{Bits, Mode};
use super::nest::nest;
use super::shell_words::split;
use super::{Args, Change, Diff, Host, Kind, Param};
use crate::model::{Content, Digest, Script};
use crate::questions::Stop;
use crate::questions::contents::{Content as OldContent, Read};
use crate::questions::files::{Inspected, Node, NodeKind};

/// Largest content that is fetched to be compared.
const DIFF_BYTES_MAX: u64 = 256 << 10;

/// `validate`.
pub(super) const VALIDATE: Param = Param::optional(
    "validate",
    Kind::Text,
    "a command that must succeed before the file is used; %s stands for the new file",
);
/// `backup`.
pub(super) const BACKUP: Param =
    Param::optional("backup", Kind::Bool, "keep the old file beside the new one").default("no");

/// Writes a file anew and renames it into place; prints what came of it, and the backup's name.
pub(super) const WRITE: Script = Script {
    name: "write_file",
    text: with_still!(
        nest!(),
        r#"path=$1 before=$3 digest=$4 mode=$5 uid=$6 gid=$7 backup=$8 source=$9
stamp=$2
shift 9
unsafe=$1
shift
unchanged() {
    still "$path" "$stamp"
    case $before in
    -) return 0 ;;
    size:*) [ "size:$(stat -c %s:%Y -- "$path")" = "$before" ] && return 0 ;;
    *) sum=$(sha256sum <"$path") && [ "${sum%% *}" = "$before" ] && return 0 ;;
    esac
    printf '%s was changed meanwhile\n' "$path" >&2
    exit 113
}
fail() { printf '%s\n' "$1" >&2; exit 1; }
unchanged
umask 077
trap leave EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$source" != - ]; then exec <"$source"; fi
nest "$path"
cat >new || exit 1
sum=$(sha256sum <new) || exit 1
[ "${sum%% *}" = "$digest" ] || fail "the content of $path did not arrive as it was sent"
if [ "$uid" != - ]; then chown "$uid" new || exit 1; fi
if [ "$gid" != - ]; then chgrp "$gid" new || exit 1; fi
chmod "$mode" new || exit 1
if [ $# -gt 0 ]; then
    mark=%s
    for word; do
        shift
        case $word in *"$mark"*) word=${word%%"$mark"*}$nest/new${word#*"$mark"} ;; esac
        set -- "$@" "$word"
    done
    said=$("$@" 2>&1 </dev/null)
    status=$?
    [ $status = 0 ] || fail "failed to validate: rc:$status error:$said"
fi
saved=
unchanged
if [ "$backup" = yes ] && [ -e "$path" ]; then
    saved=$path.$$.$(date +%Y-%m-%d@%H:%M:%S)~
    cp -p -- "$path" saved && settle saved "$saved" || exit 1
fi
if [ -e /sys/fs/selinux/enforce ]; then
    if [ -e "$path" ]; then chcon --reference="$path" -- new || exit 1; fi
fi
if [ "$unsafe" = yes ] && [ -e "$path" ] && ! settle new "$path" 2>/dev/null; then
    cat <new >"$path" || exit 1
    rm -f new
    if [ "$uid" != - ]; then chown "$uid" "$path" || exit 1; fi
    if [ "$gid" != - ]; then chgrp "$gid" "$path" || exit 1; fi
    chmod "$mode" "$path" || exit 1
elif [ -e new ]; then
    settle new "$path" || exit 1
fi
stat -c '%f %u %g %s
%U
%G' -- "$path" || exit 1
if [ -n "$saved" ]; then printf '%s\n' "$saved"; fi
exit 0"#
    ),
};

/// A file that is to have certain content.
pub(super) struct Placement<'a> {
    /// The path as the user names it.
    pub named: &'a str,
    /// What is there.
    pub seen: &'a Inspected,
    /// Whether a link there is followed, or replaced by the file.
    pub follow: bool,
    /// What it is to hold.
    pub new: New<'a>,
    /// Owner, group and mode.
    pub wanted: &'a Wanted,
    /// The mode that `preserve` stands for.
    pub preserved: Option<u32>,
    /// `backup` and `validate`.
    pub args: &'a Args,
    /// The old content, where it is known already.
    pub old: Option<&'a [u8]>,
}

/// Where content comes from.
pub(super) enum New<'a> {
    /// From here.
    Content(Content),
    /// From a file on the host with this digest.
    OnHost {
        /// Its path.
        path: &'a str,
        /// Its digest.
        digest: String,
    },
}

impl New<'_> {
    /// The content's SHA-256 in hexadecimal.
    pub fn digest(&self) -> String {
        match self {
            Self::Content(content) => content.digest().hex(),
            Self::OnHost { digest, .. } => digest.clone(),
        }
    }
}

impl Placement<'_> {
    /// The change that makes the file so; none if it is.
    ///
    /// # Errors
    /// Refuses where something else than a file is there; asks for the old content where it is to be compared.
    pub fn change(&self, host: &Host<'_>) -> Result<Option<Change>, Stop> {
        let old = self.old();
        if let Some(node) = old.filter(|node| node.kind != NodeKind::File) {
            let kind = node.kind.as_str();
            return Err(Stop::refuse(format!("{} is a {kind}, not a file", self.named)));
        }
        let digest = self.new.digest();
        match old {
            Some(node) if self.seen.digest.as_deref() == Some(&digest) => {
                let wanted = Wanted { mode: self.mode()?, ..self.wanted.clone() };
                let missing = wanted.missing(node, self.seen.umask);
                let change = missing.change(self.named, &self.real(), node);
                Ok((!missing.is_empty()).then_some(change))
            }
            _ => self.write(&digest, old, host).map(Some),
        }
    }

    /// The file that is replaced: none where there is nothing, or a link that isn't followed.
    fn old(&self) -> Option<&Node> {
        match &self.seen.link {
            Some(_) if !self.follow => None,
            _ => self.seen.followed(),
        }
    }

    /// Where it really lies.
    pub fn real(&self) -> String {
        if self.follow { self.seen.followed_path() } else { self.seen.real.clone() }
    }

    /// The wanted mode, with the source's in the place of `preserve`.
    fn mode(&self) -> Result<Option<Mode>, Stop> {
        match (&self.wanted.mode, self.preserved) {
            (Some(Mode::Preserve), Some(bits)) => Ok(Some(Mode::Exact(bits))),
            (Some(Mode::Preserve), None) => Err(Stop::refuse("'mode: preserve' needs a source file")),
            (mode, _) => Ok(mode.clone()),
        }
    }

    fn write(&self, digest: &str, old: Option<&Node>, host: &Host<'_>) -> Result<Change, Stop> {
        let wanted = Wanted { mode: self.mode()?, ..self.wanted.clone() };
        let mode = match old {
            None => wanted.new_mode(0o666, false, self.seen.umask),
            Some(node) => {
                let bits = Bits { mode: node.mode, is_directory: false, umask: self.seen.umask };
                wanted.mode.as_ref().and_then(|mode| mode.of(bits)).unwrap_or(node.mode)
            }
        };
        let mut args = vec![
            self.real(),
            if self.follow { old } else { self.seen.node.as_ref() }.map_or("-".into(), Node::stamp),
            self.before(old),
            digest.to_owned(),
            octal(Some(mode)),
            number(wanted.uid.or(old.map(|node| node.uid))),
            number(wanted.gid.or(old.map(|node| node.gid))),
            if self.args.flag("backup") { "yes" } else { "no" }.to_owned(),
            match &self.new {
                New::Content(_) => "-".to_owned(),
                New::OnHost { path, .. } => (*path).to_owned(),
            },
        ];
        args.push(if self.args.flag("unsafe_writes") { "yes" } else { "no" }.to_owned());
        args.extend(validation(self.args)?);
        let verb = if self.seen.node.is_some() { "replace" } else { "create" };
        let touches = touching(self.named, &self.real());
        let mut change = Change::state(format!("{verb} {}", self.named), WRITE, args, touches);
        if let New::Content(content) = &self.new {
            change.diff = self.diff(content, old, host)?;
            change.content = Some(content.clone());
        }
        Ok(change)
    }

    /// What the script compares to know that nobody changed the content meanwhile.
    fn before(&self, old: Option<&Node>) -> String {
        match (old, &self.seen.digest) {
            (None, _) => "-".into(),
            (Some(_), Some(digest)) => digest.clone(),
            (Some(node), None) => format!("size:{}:{}", node.size, node.mtime),
        }
    }

    fn diff(&self, new: &Content, old: Option<&Node>, host: &Host<'_>) -> Result<Option<Diff>, Stop> {
        if !host.show_diff || new.bytes().len() as u64 > DIFF_BYTES_MAX {
            return Ok(None);
        }
        let before = match (old, self.old) {
            (None, _) => Vec::new(),
            (Some(_), Some(known)) => known.to_vec(),
            (Some(_), None) => {
                let answer = host.get(Read { path: self.real(), bytes_max: DIFF_BYTES_MAX })?;
                match answer.as_ref() {
                    OldContent::Whole(bytes) => bytes.clone(),
                    _ => return Ok(None),
                }
            }
        };
        Ok(Some(Diff { header: self.named.to_owned(), before: shown(&before), after: shown(new.bytes()) }))
    }
}

/// Content as text; what is no text is named by its digest.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("(binary, {} bytes, {})\n", bytes.len(), Digest::of(bytes)),
    }
}

/// The words of `validate`, one of which holds `%s`.
fn validation(args: &Args) -> Result<Vec<String>, Stop> {
    let Some(command) = args.text("validate") else { return Ok(Vec::new()) };
    if command.matches('%').count() != 1 || !command.contains("%s") {
        return Err(Stop::refuse(format!("validate must contain %s: {command} (once, and no other %)")));
    }
    split(command).map_err(|why| Stop::refuse(format!("validate: {why}")))
}

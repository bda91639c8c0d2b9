//! Questions about one path: what lies there, where it really lies, and its digest where that is wanted.
//!
//! One `stat` and the shell's builtins answer for a path that is no link, so that asking about many is cheap. What is
//! inside a file is asked by [`super::contents`]; what lies below a directory by [`super::tree`].

use super::{Output, ParseError, Question};
use crate::model::{Argv, Script, Subject, Subjects};

/// Asks what lies at a path.
#[derive(Clone, Debug)]
pub struct Inspect {
    path: String,
    digest: Digesting,
}

/// Whether a regular file is digested. Links are followed for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Digesting {
    /// Never.
    No,
    /// SHA-256 where the size is this one, so that contents may be equal, or small enough not to matter.
    IfSize(u64),
    /// Always, by this algorithm.
    By(Algorithm),
}

/// Digests that a host's core utilities can make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Algorithm(&'static str);

/// What lies at a path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inspected {
    /// The path without links in its directories; the last name is not followed.
    pub real: String,
    /// Whether the directory that holds it is there.
    pub parent_exists: bool,
    /// How many bytes of `real` name the nearest directory that is there.
    pub existing_bytes: usize,
    /// What is there, links not followed; `None`: nothing.
    pub node: Option<Node>,
    /// Where it leads, if it is a symbolic link.
    pub link: Option<Link>,
    /// The digest, where one was wanted and could be made.
    pub digest: Option<String>,
    /// Which of reading, writing and executing the user may do there, as letters of `rwx`.
    pub access: String,
    /// The mask that new files are made with.
    pub umask: u32,
}

/// A symbolic link.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Link {
    /// What the link says.
    pub target: String,
    /// Where it leads in the end; `None` when that can't be said.
    pub real: Option<String>,
    /// What is there; `None`: nothing.
    pub node: Option<Node>,
}

/// What `stat` says about a file of any kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Its kind.
    pub kind: NodeKind,
    /// Permission bits, with set-id and sticky bits.
    pub mode: u32,
    /// Owner's number.
    pub uid: u32,
    /// Group's number.
    pub gid: u32,
    /// Owner's name, or `UNKNOWN`.
    pub owner: String,
    /// Group's name, or `UNKNOWN`.
    pub group: String,
    /// Size in bytes.
    pub size: u64,
    /// Last change of content, in seconds since 1970.
    pub mtime: i64,
    /// Last access.
    pub atime: i64,
    /// Last change of anything.
    pub ctime: i64,
    /// Inode.
    pub inode: u64,
    /// Number of names it has.
    pub links: u64,
    /// Device that holds it.
    pub device: u64,
    /// Blocks of 512 bytes that it takes.
    pub blocks: u64,
    /// Best size for reading and writing.
    pub block_size: u64,
}

/// Kinds of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NodeKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A block device.
    Block,
    /// A character device.
    Character,
}

impl Algorithm {
    /// SHA-1, which Ansible calls `checksum`.
    pub const SHA1: Self = Self("sha1");
    /// SHA-256, which wgops compares.
    pub const SHA256: Self = Self("sha256");
    /// The algorithms by Ansible's names.
    pub const NAMES: &'static [&'static str] = &["md5", "sha1", "sha224", "sha256", "sha384", "sha512"];

    /// Finds one by name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|known| **known == name).map(|known| Self(known))
    }
}

impl Inspect {
    /// Asks about a path, without a digest.
    pub fn path(path: &str) -> Self {
        Self { path: trimmed(path), digest: Digesting::No }
    }

    /// The same with a digest.
    #[must_use]
    pub fn digesting(self, digest: Digesting) -> Self {
        Self { digest, ..self }
    }
}

/// Without the slashes at its end; the root becomes `/.`.
fn trimmed(path: &str) -> String {
    match path.trim_end_matches('/') {
        "" => "/.".into(),
        trimmed => trimmed.to_owned(),
    }
}

impl Inspected {
    /// What is there once links are followed.
    pub fn followed(&self) -> Option<&Node> {
        match &self.link {
            Some(link) => link.node.as_ref(),
            None => self.node.as_ref(),
        }
    }

    /// The path without any link in it; where a link leads nowhere, what the link says.
    pub fn followed_path(&self) -> String {
        match &self.link {
            Some(Link { real: Some(real), .. }) => real.clone(),
            Some(link) => self.beside(&link.target),
            None => self.real.clone(),
        }
    }

    /// A path that is given relative to the directory that this one lies in.
    pub fn beside(&self, relative: &str) -> String {
        if relative.starts_with('/') {
            return relative.to_owned();
        }
        let directory = self.real.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/{relative}")
    }

    /// Whether a directory is there once links are followed.
    pub fn is_directory(&self) -> bool {
        self.followed().is_some_and(|node| node.kind == NodeKind::Directory)
    }
}

impl Node {
    /// What a change script compares to know that nobody changed kind, permissions or ownership meanwhile.
    pub fn stamp(&self) -> String {
        format!("{:x}:{}:{}", self.kind.bits() | self.mode, self.uid, self.gid)
    }
}

impl NodeKind {
    const ALL: [(Self, u32); 7] = [
        (Self::File, 0o100_000),
        (Self::Directory, 0o040_000),
        (Self::Link, 0o120_000),
        (Self::Fifo, 0o010_000),
        (Self::Socket, 0o140_000),
        (Self::Block, 0o060_000),
        (Self::Character, 0o020_000),
    ];

    /// The kind's bits in a raw mode.
    pub fn bits(self) -> u32 {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or(0, |(_, bits)| *bits)
    }

    /// The kind in a raw mode.
    pub fn of_raw_mode(raw: u32) -> Option<Self> {
        Self::ALL.iter().find(|(_, bits)| *bits == raw & 0o170_000).map(|(kind, _)| *kind)
    }

    /// Ansible's word for it, in `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Block => "block device",
            Self::Character => "character device",
        }
    }
}

impl Question for Inspect {
    type Answer = Inspected;
    /// Ten fields, each ended by a NUL byte.
    const SCRIPT: Script = Script {
        name: "inspect",
        text: r#"path=$1 algorithm=$2 wanted=$3
case $algorithm in - | md5 | sha1 | sha224 | sha256 | sha384 | sha512) ;; *) exit 1 ;; esac
case $path in /*) ;; *) echo "'$path' does not begin with /" >&2; exit 1 ;; esac
format='%f %u %g %s %Y %X %Z %i %h %d %b %o
%U
%G'
directory=${path%/*}
while [ ! -d "${directory:-/}" ]; do directory=${directory%/*}; done
name=${path#"$directory"/}
real=$directory
if cd -P -- "${directory:-/}" 2>/dev/null; then real=${PWD%/}; fi
printf '%s\0%s\0' "$real" "$name"
umask
printf '\0'
if seen=$(stat -c "$format" -- "$path" 2>&1); then
    printf '%s\0' "$seen"
else
    case $seen in
    *': No such file or directory' | *': Not a directory') printf '\0\0\0\0\0\0'; exit 0 ;;
    esac
    printf '%s\n' "$seen" >&2
    exit 1
fi
if [ -L "$path" ]; then
    readlink -n -- "$path"
    printf '\0'
    readlink -f -- "$path" 2>/dev/null
    printf '\0'
    seen=$(stat -L -c "$format" -- "$path" 2>/dev/null)
    printf '%s\0' "$seen"
else
    printf '\0\0\0'
fi
if [ -r "$path" ]; then printf r; fi
if [ -w "$path" ]; then printf w; fi
if [ -x "$path" ]; then printf x; fi
printf '\0'
if [ "$algorithm" != - ] && [ -f "$path" ] && [ -r "$path" ]; then
    set -- $seen
    if [ "$wanted" = - ] || [ "$4" -eq "$wanted" ] || [ "$4" -le 262144 ]; then
        digest=$("${algorithm}sum" <"$path") || exit 1
        printf '%s' "${digest%% *}"
    fi
fi
printf '\0'
exit 0"#,
    };

    fn args(&self) -> Argv {
        let (algorithm, size) = match self.digest {
            Digesting::No => ("-", "-".to_owned()),
            Digesting::IfSize(size) => ("sha256", size.to_string()),
            Digesting::By(algorithm) => (algorithm.0, "-".to_owned()),
        };
        [self.path.clone(), algorithm.to_owned(), size].into()
    }

    fn reads(&self) -> Subjects {
        // The names of owners are part of the answer, but a change of users alters no file that keeps its owner; who
        // deletes or renumbers users touches files as well.
        [Subject::path(&self.path)].into()
    }

    fn reads_too(output: &Output) -> Subjects {
        match read(output) {
            Ok(seen) => {
                let places = [Subject::path(&seen.real), Subject::path(&seen.followed_path())];
                places.into()
            }
            Err(_) => Subjects::NONE,
        }
    }

    fn parse(&self, output: &Output) -> Result<Inspected, ParseError> {
        read(output)
    }
}

fn read(output: &Output) -> Result<Inspected, ParseError> {
    fields(output).ok_or_else(|| ParseError::new("what is known about a path", output))
}

fn fields(output: &Output) -> Option<Inspected> {
    if output.status != 0 {
        return None;
    }
    let text = output.text();
    let fields: Vec<&str> = text.split('\0').collect();
    let [directory, name, umask, node, target, real, referent, access, digest, _] = fields[..] else {
        return None;
    };
    let node = Node::read(node)?;
    let is_link = node.as_ref().is_some_and(|node| node.kind == NodeKind::Link);
    let real = real.strip_suffix('\n').unwrap_or(real);
    Some(Inspected {
        real: format!("{directory}/{name}"),
        parent_exists: !name.contains('/'),
        existing_bytes: directory.len(),
        node,
        link: match is_link {
            true => Some(Link {
                target: target.to_owned(),
                real: Some(real.to_owned()).filter(|real| !real.is_empty()),
                node: Node::read(referent)?,
            }),
            false => None,
        },
        digest: Some(digest.to_owned()).filter(|digest| !digest.is_empty()),
        access: access.to_owned(),
        umask: u32::from_str_radix(umask.trim(), 8).ok()?,
    })
}

impl Node {
    /// Reads what the script prints of one file; `Some(None)` for nothing.
    fn read(text: &str) -> Option<Option<Self>> {
        if text.is_empty() {
            return Some(None);
        }
        let mut lines = text.lines();
        let numbers: Vec<&str> = lines.next()?.split(' ').collect();
        let [raw, uid, gid, size, mtime, atime, ctime, inode, links, device, blocks, block_size] =
            numbers[..]
        else {
            return None;
        };
        let raw = u32::from_str_radix(raw, 16).ok()?;
        Some(Some(Self {
            kind: NodeKind::of_raw_mode(raw)?,
            mode: raw & 0o7777,
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            size: size.parse().ok()?,
            mtime: mtime.parse().ok()?,
            atime: atime.parse().ok()?,
            ctime: ctime.parse().ok()?,
            inode: inode.parse().ok()?,
            links: links.parse().ok()?,
            device: device.parse().ok()?,
            blocks: blocks.parse().ok()?,
            block_size: block_size.parse().ok()?,
            owner: lines.next()?.to_owned(),
            group: lines.next()?.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::questions::workbench::Workbench;
    use std::os::unix::fs::{MetadataExt, symlink};

    fn ask(bench: &Workbench, question: &Inspect) -> Inspected {
        let output = bench.run(Inspect::SCRIPT, &question.args(), None);
        question.parse(&output).unwrap_or_else(|e| panic!("{}: {e}", bench.name()))
    }

    #[test]
    fn a_file_a_directory_and_nothing_are_told_apart_whatever_they_are_called() {
        for bench in Workbench::every_shell() {
            for name in
                ["plain", "with space", "-n", "a'b\"c", "two\nlines", "*", "$HOME", "ünï", "\\", "x;y"]
            {
                let path = bench.file(name, "content");
                let seen = ask(&bench, &Inspect::path(&path).digesting(Digesting::IfSize(7)));
                let node = seen.node.clone().unwrap();
                let meta = std::fs::metadata(&path).unwrap();
                assert_eq!((node.kind, node.size), (NodeKind::File, 7));
                assert_eq!((node.inode, node.mtime, node.uid), (meta.ino(), meta.mtime(), meta.uid()));
                assert_eq!(seen.real, path);
                assert_eq!(seen.digest, Some(crate::model::Digest::of("content").hex()), "{name}");
                assert_eq!(seen.link, None);
                assert!(seen.access.contains('r'));
            }
            let seen = ask(&bench, &Inspect::path(&format!("{}/", bench.path("."))));
            assert!(seen.is_directory());
            let seen = ask(&bench, &Inspect::path(&bench.path("no/such/thing")));
            assert_eq!((seen.node, seen.parent_exists), (None, false));
            let seen = ask(&bench, &Inspect::path(&bench.path("plain/below")));
            assert_eq!((seen.node, seen.parent_exists), (None, false));
            let seen = ask(&bench, &Inspect::path(&bench.path("absent")));
            assert_eq!((seen.node, seen.parent_exists), (None, true));
            assert!(ask(&bench, &Inspect::path("/")).is_directory());
        }
    }

    #[test]
    fn links_are_seen_with_where_they_lead_and_where_they_really_lie() {
        for bench in Workbench::every_shell() {
            let file = bench.file("a file", "x");
            std::fs::create_dir(bench.at("real dir")).unwrap();
            symlink("real dir", bench.at("dir link")).unwrap();
            symlink("../a file", bench.at("real dir/link")).unwrap();
            symlink("nowhere\n", bench.at("dangling")).unwrap();
            let seen = ask(&bench, &Inspect::path(&bench.path("dir link/link")));
            assert_eq!(seen.real, bench.path("real dir/link"));
            assert_eq!(seen.followed_path(), file);
            assert_eq!(seen.followed().unwrap().kind, NodeKind::File);
            let link = seen.link.unwrap();
            assert_eq!((link.target.as_str(), link.real), ("../a file", Some(file)));
            let seen = ask(&bench, &Inspect::path(&bench.path("dangling")));
            assert_eq!((seen.followed(), seen.node.as_ref().unwrap().kind), (None, NodeKind::Link));
            assert_eq!(seen.link.unwrap().target, "nowhere\n");
        }
    }

    #[test]
    fn a_change_where_a_link_leads_makes_the_answer_stale() {
        let bench = Workbench::new();
        std::fs::create_dir(bench.at("real")).unwrap();
        symlink("real", bench.at("link")).unwrap();
        let question = Inspect::path(&bench.path("link/file"));
        let output = bench.run(Inspect::SCRIPT, &question.args(), None);
        let touched = Subjects::from([Subject::path(&bench.path("real/file"))]);
        assert!(!question.reads().meet(&touched));
        assert!(Inspect::reads_too(&output).meet(&touched));
    }

    #[test]
    fn a_large_file_of_another_size_is_not_digested() {
        let bench = Workbench::new();
        let path = bench.file("large", &"x".repeat(300_000));
        assert_eq!(ask(&bench, &Inspect::path(&path).digesting(Digesting::IfSize(5))).digest, None);
        let digest = ask(&bench, &Inspect::path(&path).digesting(Digesting::By(Algorithm::SHA1))).digest;
        assert_eq!(digest.map(|d| d.len()), Some(40));
    }

    #[test]
    fn what_a_foreign_stat_prints_is_refused_and_shown() {
        let question = Inspect::path("/x");
        let error = question.parse(&Output::ok("/\0x\x000022\0junk\0\0\0\0\0\0")).unwrap_err();
        assert!(error.0.contains("expected what is known about a path"), "{error}");
        let denied = Output {
            status: 1,
            stderr: b"stat: cannot statx '/x': Permission denied".into(),
            ..Output::default()
        };
        assert!(question.parse(&denied).unwrap_err().0.contains("Permission denied"));
    }
}

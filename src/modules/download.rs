//! The change that puts what a URL answers in a file: it is fetched under another name beside it, checked, owned and moded,
//! and only then renamed into place. `get_url`, `uri` and `unarchive` use it.

use super::attributes::{self, Wanted, number, octal, touching};
use super::mode::{Bits, Mode};
use super::{Args, Change, Host, Nature, Outcome};
use crate::model::{Content, Map, Script};
use crate::questions::files::{Inspect, Node, NodeKind};
use crate::questions::http::{DOWNLOAD, Request};
use crate::questions::{Output, Stop};

/// Fetches a URL into a file.
const DOWNLOAD_FILE: Script = Script { name: "download_file", text: DOWNLOAD };

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[DOWNLOAD_FILE];

/// The line behind which the script tells of the file.
const MARK: &str = "\n--placed ";

/// What is put where.
pub(super) struct What<'a> {
    /// The file.
    pub path: &'a str,
    /// What is sent to get it.
    pub request: &'a Request,
    /// A body that is sent.
    pub content: Option<Content>,
    /// Status codes with which there is something to keep, joined by commas.
    pub statuses: &'a str,
    /// The algorithm and the digest that it must have.
    pub sum: Option<(&'a str, &'a str)>,
}

/// The change; what it will come to nobody can know.
///
/// # Errors
/// Stops to ask; refuses a path that can't be a file.
pub(super) fn change(what: What<'_>, args: &Args, host: &Host<'_>) -> Result<Change, Stop> {
    let wanted = Wanted::ask(args, host);
    let seen = host.get(Inspect::path(what.path))?;
    let wanted = wanted?;
    let path = what.path;
    let node = seen.followed();
    if let Some(node) = node.filter(|node| node.kind != NodeKind::File) {
        return Err(Stop::refuse(format!("{path} is a {}, not a file", node.kind.as_str())));
    }
    if !seen.parent_exists {
        let parent = path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        return Err(Stop::refuse(format!("Destination {parent} does not exist")));
    }
    if matches!(wanted.mode, Some(Mode::Preserve)) {
        return Err(Stop::refuse("'mode: preserve' needs a source file"));
    }
    let mode = match node {
        None => wanted.new_mode(0o666, false, seen.umask),
        Some(node) => {
            let bits = Bits { mode: node.mode, is_directory: false, umask: seen.umask };
            wanted.mode.as_ref().and_then(|mode| mode.of(bits)).unwrap_or(node.mode)
        }
    };
    let sum = what.sum.map_or("-".to_owned(), |(algorithm, digest)| format!("{algorithm}:{digest}"));
    let yes = |name| if args.flag(name) { "yes" } else { "no" }.to_owned();
    let mut words = vec![
        path.to_owned(),
        node.map_or("-".into(), Node::stamp),
        what.statuses.to_owned(),
        sum,
        octal(Some(mode)),
        number(wanted.uid.or(node.map(|node| node.uid))),
        number(wanted.gid.or(node.map(|node| node.gid))),
        yes("backup"),
        yes("unsafe_writes"),
        args.text("tmp_dest").unwrap_or_default().to_owned(),
    ];
    words.extend(what.request.words("-", what.content.is_some()));
    let verb = if node.is_some() { "replace" } else { "create" };
    let summary = format!("{verb} {path} by what {} answers", what.request.url);
    Ok(Change {
        nature: Nature::Opaque,
        content: what.content,
        deadline: what.request.deadline().max(Change::DEADLINE),
        ..Change::event(summary, DOWNLOAD_FILE, words, touching(path, &seen.followed_path()))
    })
}

/// What came of the file.
pub(super) struct Placed {
    /// Ansible's keys for it, `changed` among them.
    pub result: Map,
    /// The SHA-1 of what was fetched.
    pub sha1: String,
}

/// Parts what the request said from what came of the file, if it came to that.
pub(super) fn parted(output: &Output) -> (Output, Option<Placed>) {
    let mark = MARK.as_bytes();
    let at = output.stdout.windows(mark.len()).rposition(|window| window == mark);
    let Some((said, rest)) = at.and_then(|at| output.stdout.split_at_checked(at)) else {
        return (output.clone(), None);
    };
    let rest = String::from_utf8_lossy(rest.get(mark.len()..).unwrap_or_default()).into_owned();
    let (line, file) = rest.split_once('\n').unwrap_or((&rest, ""));
    let (state, sha1) = line.split_once(' ').unwrap_or((line, ""));
    let described = Output::ok(file.as_bytes());
    let mut result = attributes::result(&Outcome::default(), &[described]);
    result.insert("changed".into(), (state == "changed").into());
    let said = Output { stdout: said.to_vec(), ..output.clone() };
    (said, Some(Placed { result, sha1: sha1.to_owned() }))
}

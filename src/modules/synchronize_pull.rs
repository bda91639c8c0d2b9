//! `synchronize` with `mode: pull`: a directory of the host to the controller. Names are the host's only below a place that the
//! playbook named, and none of them leads out of it.

use super::synchronize::Exclude;
use super::{Args, Change, Delivery, Host, Outcome};
use crate::model::{Content as Bytes, Map, Script, Subjects};
use crate::questions::Stop;
use crate::questions::contents::{Content, Read};
use crate::questions::files::{Inspect, NodeKind};
use crate::questions::find::Below;

/// Largest file that is brought here, and most bytes of all together.
const BYTES_MAX: u64 = 64 << 20;
const ALL_BYTES_MAX: u64 = 512 << 20;

/// Nothing is run on the host: the content is known, and written here.
const NOTHING: Script = Script { name: "pulled_here", text: "exit 0" };

/// This file's scripts.
pub(super) const SCRIPTS: &[Script] = &[NOTHING];

/// What is to be done so that a directory here holds what one of the host does.
pub(super) fn diff(args: &Args, excluded: &[Exclude], host: &Host<'_>) -> Result<Outcome, Stop> {
    let (src, dest) = (args.needed("src")?, args.needed("dest")?);
    if !src.starts_with('/') || src.split('/').any(|part| part == "..") {
        return Err(Stop::refuse(format!(
            "'src' is {src}: expected an absolute path of the host, without '..'"
        )));
    }
    if args.flag("delete") {
        return Err(Stop::refuse("'delete' is not supported with mode: pull: nothing here is removed"));
    }
    let root = src.trim_end_matches('/');
    let seen = host.get(Inspect::path(root))?;
    let Some(node) = seen.followed() else {
        return Err(Stop::refuse(format!("{src} is not there on the host")));
    };
    let base = dest.trim_end_matches('/');
    let name = root.rsplit('/').next().unwrap_or_default();
    let mut changes = Vec::new();
    let mut result = Map::new();
    result.insert("src".into(), src.into());
    result.insert("dest".into(), dest.into());
    if node.kind != NodeKind::Directory {
        let place = if dest.ends_with('/') { format!("{base}/{name}") } else { dest.to_owned() };
        changes.extend(kept(root, &place, host)?);
        return Ok(Outcome::change(result, changes));
    }
    let base = if src.ends_with('/') { base.to_owned() } else { format!("{base}/{name}") };
    let files = files(args, root, excluded, host)?;
    // All are asked for at once.
    let reads: Vec<Read> =
        files.iter().map(|(path, _)| Read { path: path.clone(), bytes_max: BYTES_MAX }).collect();
    host.get(reads)?;
    for (path, below) in &files {
        changes.extend(kept(path, &format!("{base}/{below}"), host)?);
    }
    Ok(Outcome::change(result, changes))
}

/// The files below a directory of the host, and their names from there on.
fn files(
    args: &Args,
    root: &str,
    excluded: &[Exclude],
    host: &Host<'_>,
) -> Result<Vec<(String, String)>, Stop> {
    let recursive = args.maybe_flag("recursive").unwrap_or(args.flag("archive"));
    let depth = if recursive { 0 } else { 1 };
    let found =
        host.get(Below { path: root.to_owned(), depth, follow: false, names: Vec::new(), kind: "-" })?;
    let (mut files, mut left_out, mut bytes) = (Vec::new(), Vec::<String>::new(), 0_u64);
    for entry in &found.entries {
        let below = entry.path.strip_prefix(root).unwrap_or_default().trim_start_matches('/');
        let is_directory = entry.kind == NodeKind::Directory;
        let above_is_out = left_out.iter().any(|above| below.starts_with(above.as_str()));
        if above_is_out || excluded.iter().any(|exclude| exclude.fits(below, is_directory)) {
            left_out.push(format!("{below}/"));
            continue;
        }
        if entry.kind != NodeKind::File {
            continue;
        }
        // A name is the host's own: it may hold anything but a way out.
        if below.is_empty() || below.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(Stop::refuse(format!(
                "the host names a file '{}', which is not kept",
                below.escape_debug()
            )));
        }
        bytes += entry.size;
        files.push((entry.path.clone(), below.to_owned()));
    }
    if bytes > ALL_BYTES_MAX {
        let limit = ALL_BYTES_MAX >> 20;
        return Err(Stop::refuse(format!("{root} holds more than {limit} MiB, which is not brought here")));
    }
    Ok(files)
}

/// The change that keeps a file of the host here; none where it is so.
fn kept(path: &str, place: &str, host: &Host<'_>) -> Result<Option<Change>, Stop> {
    let kept = host.controller.kept(place)?;
    let content = host.get(Read { path: path.to_owned(), bytes_max: BYTES_MAX })?;
    let Content::Whole(bytes) = content.as_ref() else {
        let limit = BYTES_MAX >> 20;
        return Err(Stop::refuse(format!(
            "{path} is gone, or larger than {limit} MiB, which is not brought here"
        )));
    };
    if kept.content.as_deref() == Some(bytes.as_slice()) {
        return Ok(None);
    }
    let shown = kept.path.to_string_lossy().into_owned();
    let change = Change::state(format!("keep {path} in {shown}"), NOTHING, [shown], Subjects::NONE);
    let change = Change { delivery: Delivery::Here(kept.path), ..change };
    Ok(Some(change.with_content(Bytes::new(bytes.clone()))))
}

#[cfg(test)]
mod tests {
    use crate::modules::Delivery;
    use crate::modules::harness::Bench;
    use crate::modules::synchronize::MODULE;
    use serde_json::json;
    use std::path::PathBuf;

    #[test]
    fn a_directory_of_the_host_is_kept_here_but_for_what_is_left_out() {
        for mut bench in Bench::every_shell() {
            std::fs::create_dir_all(bench.at("d/e/.git")).unwrap();
            for name in ["d/a b", "d/e/f", "d/e/.git/x", "d/same"] {
                bench.file(name, "content");
            }
            bench.source("here/same", "content");
            let src = format!("{}/", bench.path("d"));
            let args = json!({"mode": "pull", "src": src, "dest": "here", "rsync_opts": ["--exclude=.git"]});
            let (outcome, _) = bench.diff(&MODULE, &args).unwrap();
            let places: Vec<_> = outcome.changes.iter().map(|change| change.delivery.clone()).collect();
            assert_eq!(places, ["here/a b", "here/e/f"].map(|place| Delivery::Here(PathBuf::from(place))));
            let whole = json!({"mode": "pull", "src": bench.path("d"), "dest": "here", "recursive": false});
            let (outcome, _) = bench.diff(&MODULE, &whole).unwrap();
            assert_eq!(outcome.changes.len(), 2);
            assert_eq!(outcome.changes[0].delivery, Delivery::Here(PathBuf::from("here/d/a b")));
            for wrong in [
                json!({"mode": "pull", "src": bench.path("none"), "dest": "here"}),
                json!({"mode": "pull", "src": "relative", "dest": "here"}),
                json!({"mode": "pull", "src": src, "dest": "here", "delete": true}),
            ] {
                assert!(bench.diff(&MODULE, &wrong).is_err(), "{wrong}");
            }
        }
    }
}

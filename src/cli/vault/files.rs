//! Files with something sealed in them: which there are, what stands in each, and how one is written so that a crash loses
//! nothing.

use super::super::console::shown;
use super::super::{Exit, Failure};
use super::desk::Sealed;
use crate::load::TextFile;
use crate::load::text::reason;
use crate::model::is_sealed;
use crate::vault::{Sheet, Subject, digest};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use unicode_width::UnicodeWidthChar as _;

/// Largest file that is looked into.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 24;
/// What a file of variables begins with.
pub(super) const EMPTY: &[u8] = b"---\n";
/// Folders of an ops repository in which nothing is looked for.
const NOT_LOOKED_INTO: [&str; 3] = ["ledger", "plans", "target"];

/// Writes a text beside a file that it will replace, with that one's mode.
pub(super) fn write_new(aside: &Path, like: &Path, text: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = aside.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = std::fs::File::create(aside)?;
    if let Ok(about) = std::fs::metadata(like) {
        file.set_permissions(about.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()
}

/// Has the disk keep the names in a file's folder.
pub(super) fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let _best_effort = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    }
}

/// A file's bytes.
///
/// # Errors
/// It can't be read.
pub fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let about = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !about.is_file() || about.len() > FILE_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{} is no file of at most {} MiB",
            shown(path),
            FILE_BYTES_MAX >> 20
        )));
    }
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("can't read {}: {}", shown(path), reason(error)))
}

/// What the text of something sealed begins with.
const ARMOR: &[u8] = b"-----BEGIN AGE ENCRYPTED FILE-----";

/// The line at which git left two versions of a file in it, to be settled by somebody.
fn conflict(bytes: &[u8]) -> Option<usize> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    lines.position(|line| line.starts_with(b"<<<<<<< ")).map(|at| at + 1)
}

/// What is sealed in a file.
pub(super) fn standing(path: &Path, file: &str) -> Result<Vec<Sealed>, Failure> {
    let bytes = bytes_of(path)?;
    if let Some(line) = conflict(&bytes) {
        let message = format!("{}:{line}: git's conflict marks stand in it", shown(path));
        return Err(Failure::new(Exit::Refused, message)
            .hint(format!("settle them first, then 'wgops vault rekey {file}'")));
    }
    if is_sealed(&bytes) {
        let subject = Subject { file: file.to_owned(), name: None };
        return Ok(vec![Sealed { subject, digest: crate::vault::file_digest(&bytes) }]);
    }
    let sheet = Sheet::read(path)?;
    let one = |found: &crate::vault::Found| Sealed {
        subject: Subject { file: file.to_owned(), name: Some(found.name.clone()) },
        digest: digest(&found.text),
    };
    Ok(sheet.sealed().map(one).collect())
}

/// Why a file is no place for what is sealed: it would be found by no list and sealed anew for nobody, or be no file of its kind
/// any more.
pub(super) fn out_of_place(file: &str) -> Option<&'static str> {
    let mut parts = file.split('/');
    if file.split('/').any(|part| part.starts_with('.')) {
        return Some("hidden files and folders are looked into by nobody");
    }
    // A rule of the roster for the one says nothing of the other.
    if file.chars().any(|letter| letter.width().unwrap_or_default() == 0) {
        return Some(
            "its name has a character that is not seen, or an accent written apart from its letter, and looks like another one's",
        );
    }
    if NOT_LOOKED_INTO.contains(&parts.next().unwrap_or_default()) && parts.next().is_some() {
        return Some("what lies in that folder is no part of a play");
    }
    ["wgops.yml", "inventory/operators.yml", "inventory/known_hosts", "inventory/suppressions.yml"]
        .contains(&file)
        .then_some("it has to be read by everybody")
}

/// The link that a path within the repository leads over, if it does.
pub(super) fn link_on_the_way(root: &Path, path: &Path) -> Option<PathBuf> {
    let root = root.canonicalize().ok()?;
    let (mut at, mut inside) = (PathBuf::new(), false);
    for part in std::path::absolute(path).ok()?.components() {
        at.push(part);
        if inside && at.symlink_metadata().is_ok_and(|about| about.is_symlink()) {
            return Some(at);
        }
        // How somebody comes to the repository is their own affair.
        inside = inside || at.canonicalize().is_ok_and(|whole| whole.starts_with(&root));
    }
    None
}

/// Whether the text that was to become a file's differs from it in what is sealed alone.
pub(super) fn differs_in_seals_alone(new: &Path, file: &Path) -> bool {
    let text = |path: &Path| bytes_of(path).ok();
    let Some(bytes) = text(new) else { return false };
    if is_sealed(&bytes) {
        return true;
    }
    let before = if file.exists() { text(file) } else { Some(EMPTY.to_vec()) };
    let made = || -> Option<String> {
        let sheet = Sheet::read(new).ok()?;
        let armors = sheet.sealed().map(|found| (found.name.clone(), found.text.clone())).collect();
        let before = TextFile::from_bytes(file, before?).ok()?;
        Sheet::parse(before).ok()?.with(&armors).ok()
    };
    made().is_some_and(|made| made.as_bytes() == bytes)
}

/// Files with something sealed in them, below a folder.
pub(super) fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Ok(about) = std::fs::symlink_metadata(&path) else { continue };
        let ours = depth == 0 && NOT_LOOKED_INTO.contains(&name.as_str());
        if about.is_dir() && !name.starts_with('.') && !ours && depth < DEPTH_MAX {
            walk(&path, depth + 1, found);
        } else if about.is_file() && about.len() <= FILE_BYTES_MAX {
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let is_yaml =
                [".yml", ".yaml", ".json"].iter().any(|end| name.ends_with(end)) || !name.contains('.');
            let has = |word: &[u8]| memchr::memmem::find(&bytes, word).is_some();
            // What can't be read may hold something all the same: whoever goes over all files names it.
            let tagged = || match Sheet::read(&path) {
                Ok(sheet) => sheet.sealed().next().is_some(),
                Err(_) => has(ARMOR),
            };
            let split = || name.ends_with(".age") && has(ARMOR) && conflict(&bytes).is_some();
            if is_sealed(&bytes) || (is_yaml && has(b"!age") && tagged()) || split() {
                found.push(path);
            }
        }
    }
}

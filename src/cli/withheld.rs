//! What a job takes nothing from: the ledger, saved plans, and what is in no commit.

use super::errand::Errand;
use super::repository::Repository;
use super::{Exit, Failure, commit};
use crate::load::Source;
use crate::template::{Committed, Withheld};
use std::path::PathBuf;
use std::sync::Arc;

/// What is no part of a playbook: what wgops keeps itself, and what is in no commit.
pub(super) fn withheld(repository: &Repository) -> Withheld {
    let Some(root) = repository.root() else { return Withheld::default() };
    let commit = commit::blobs(root).map(|blobs| -> Arc<dyn Committed> { Arc::new(blobs) });
    Withheld::new(["ledger", "plans"].map(|folder| root.join(folder)), commit::ignored(root)).unlike(commit)
}

/// The same before somebody said yes; new files are read where whoever types allows for them.
pub(super) fn guarded(withheld: &Withheld, repository: &Repository, allow_dirty: bool) -> Withheld {
    let Some(root) = repository.root() else { return withheld.clone() };
    let commit = commit::blobs(root).map(|blobs| -> Arc<dyn Committed> { Arc::new(blobs) });
    let guarded = withheld.clone().guarding(commit::ignored(root), commit::ignored_folders(root));
    guarded.reading_only(commit, allow_dirty)
}

/// Deepest folder of variables that is looked into.
const DEPTH_MAX: usize = 8;

/// The files of a folder, or the file itself.
fn files_of(path: PathBuf, depth: usize) -> Vec<PathBuf> {
    if !path.is_dir() || depth == 0 {
        return vec![path];
    }
    let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
    entries.flat_map(|entry| files_of(entry.path(), depth - 1)).chain([path.clone()]).collect()
}

/// Makes sure that playbooks, inventory and files of variables are none of what is withheld.
///
/// # Errors
/// One is.
pub(super) fn not_withheld(
    withheld: &Withheld,
    repository: &Repository,
    errand: &Errand,
) -> Result<(), Failure> {
    let mut files: Vec<PathBuf> = errand.choice.files.iter().map(|(file, _)| file.clone()).collect();
    for source in repository.sources(&errand.targets)? {
        let Source::Path(inventory) = source else { continue };
        let beside = errand.playbooks.iter().filter_map(|playbook| playbook.file.parent()).map(PathBuf::from);
        for folder in inventory.parent().map(PathBuf::from).into_iter().chain(beside) {
            files.extend(["group_vars", "host_vars"].map(|name| folder.join(name)));
        }
        files.push(inventory);
    }
    files.extend(errand.playbooks.iter().map(|playbook| playbook.file.to_path_buf()));
    let files: Vec<PathBuf> = files.into_iter().flat_map(|file| files_of(file, DEPTH_MAX)).collect();
    match files.iter().find_map(|file| Some((file, withheld.why(file)?))) {
        Some((file, why)) => Err(Failure::new(Exit::Refused, format!("{} {why}", repository.named(file)))),
        None => Ok(()),
    }
}

//! What a job takes nothing from: the ledger, saved plans, and what is in no commit.

use super::errand::Errand;
use super::repository::Repository;
use super::{Exit, Failure, commit};
use crate::load::Source;
use crate::template::Withheld;
use std::path::PathBuf;

/// What is no part of a playbook: what wgops keeps itself, and what is in no commit.
pub(super) fn withheld(repository: &Repository) -> Withheld {
    let Some(root) = repository.root() else { return Withheld::default() };
    Withheld::new(["ledger", "plans"].map(|folder| root.join(folder)), commit::ignored(root))
}

/// The same before somebody said yes.
pub(super) fn guarded(withheld: &Withheld, repository: &Repository) -> Withheld {
    let Some(root) = repository.root() else { return withheld.clone() };
    withheld.clone().guarding(commit::ignored(root), commit::ignored_folders(root))
}

/// Makes sure that inventory and files of variables are none of what is withheld.
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
    match files.iter().find_map(|file| Some((file, withheld.why(file)?))) {
        Some((file, why)) => Err(Failure::new(Exit::Refused, format!("{} {why}", repository.named(file)))),
        None => Ok(()),
    }
}

//! What is known of playbooks, roles, templates and inventories without a host: [`lint`] looks through whatever lies below
//! some paths and remarks on it.
//!
//! `tree` finds out what each file is, `document` reads it, `index` knows what files say to each other, `checks` are the
//! rules' eyes and `rules` their names. It goes as far as it can in a file that is wrong, where loading would stop; what
//! loading says is told by the loader itself. It prints nothing: `crate::report::lint` writes remarks down.

mod checks;
mod document;
mod index;
mod noqa;
pub mod rules;
mod task;
mod tree;

use crate::load::Problem;
use crate::model::{Glob, Remark};
use crate::template::Templates;
use checks::Desk;
use document::Document;
use index::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is looked at, and which remarks are wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Files and folders; none: the current one.
    pub paths: Vec<PathBuf>,
    /// Rules that are left out, by name.
    pub skipped: BTreeSet<&'static str>,
    /// If not empty, the only rules that count.
    pub only: BTreeSet<&'static str>,
    /// Paths below the repository that are left out; `*` stands for any text.
    pub excluded: Vec<Glob>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Linted {
    /// Remarks, by file and from top to bottom.
    pub remarks: Vec<Remark>,
    /// How many files were looked at.
    pub files: usize,
}

/// Looks through files and folders.
///
/// # Errors
/// One of the paths is not there.
pub fn lint(wanted: &Wanted, templates: &Templates) -> Result<Linted, Problem> {
    let here = [PathBuf::from(".")];
    let paths = if wanted.paths.is_empty() { &here[..] } else { &wanted.paths };
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(Problem::in_file(missing, "no such file or folder"));
    }
    let mut homes: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        homes.entry(tree::home(path)).or_default().push(path.clone());
    }
    let mut linted = Linted::default();
    for (home, paths) in homes {
        one_home(&home, &paths, wanted, templates, &mut linted);
    }
    let order = |r: &Remark| (r.place.file.clone(), r.place.line, r.place.column, r.rule, r.message.clone());
    linted.remarks.sort_by_key(order);
    linted.remarks.dedup();
    Ok(linted)
}

/// Looks through one repository or role: all of it is read, since files speak of each other, and what was named is told.
fn one_home(home: &Path, paths: &[PathBuf], wanted: &Wanted, templates: &Templates, into: &mut Linted) {
    let mut files = tree::files(home, &wanted.excluded);
    files.extend(paths.iter().filter(|path| path.is_file()).cloned());
    files.iter_mut().for_each(|path| *path = plain(path));
    files.sort();
    files.dedup();
    let documents: Vec<Document> =
        in_parallel(&files, |path| Document::read(&plain(home), path)).into_iter().flatten().collect();
    let index = Index::of(&documents);
    let named: Vec<PathBuf> = paths.iter().map(|path| plain(path)).collect();
    let told: Vec<&Document> = documents
        .iter()
        .filter(|document| named.iter().any(|path| document.path.starts_with(path)))
        .collect();
    into.files += told.len();
    let found = in_parallel(&told, |document| Desk::look(&index, templates, document));
    let counts = |remark: &Remark| {
        !wanted.skipped.contains(remark.rule) && (wanted.only.is_empty() || wanted.only.contains(remark.rule))
    };
    into.remarks.extend(found.into_iter().flatten().filter(counts));
}

/// A path without `./` in front.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| *part != std::path::Component::CurDir).collect()
}

/// Does something with each item, on every core; results are in the items' order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
    let one = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut all: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        // A worker ends early only by a panic, which is passed on.
        let join = |worker: std::thread::ScopedJoinHandle<'_, Vec<(usize, R)>>| match worker.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        workers.into_iter().flat_map(join).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests;

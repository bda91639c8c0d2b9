//! The commit that the ops repository is at, for the ledger. Nothing of the repository's own is run: no hook, no file
//! system monitor.

use super::console::shown;
use super::{Exit, Failure};
use crate::ledger::Commit;
use std::path::Path;
use std::process::{Command, Stdio};

/// The commit of an ops repository; none where it isn't in git.
///
/// The ledger and saved plans are left out of what counts as changed: runs add to them.
///
/// # Errors
/// There are changes that are not committed, or git can't tell, and nobody allowed that.
pub fn of(root: &Path, allow_dirty: bool) -> Result<Option<Commit>, Failure> {
    if git(root, &["rev-parse", "--git-dir"]).is_none() {
        return match (is_in_git(root), allow_dirty) {
            (false, _) => Ok(None),
            (true, true) => Ok(Some(Commit { id: "unknown".into(), dirty: true })),
            (true, false) => Err(git_is_silent(root)),
        };
    }
    let id = git(root, &["rev-parse", "--verify", "--quiet", "HEAD"]).map(|id| id.trim().to_owned());
    let changed = git(
        root,
        &["status", "--porcelain", "--untracked-files=all", "--", ".", ":(exclude)ledger", ":(exclude)plans"],
    );
    let dirty = id.is_none() || changed.as_deref().is_none_or(|list| !list.trim().is_empty());
    if dirty && !allow_dirty {
        return Err(refuse_uncommitted(changed.as_deref().unwrap_or_default()));
    }
    Ok(Some(Commit { id: id.unwrap_or_else(|| "none".into()), dirty }))
}

/// Files that differ between a commit and the one that is checked out, but for the ledger and saved plans; none where git
/// doesn't know that commit.
pub fn changed_since(root: &Path, commit: &str) -> Option<Vec<String>> {
    if !is_a_commit(commit) {
        return None;
    }
    let how = ["diff", "--no-ext-diff", "--name-only", "-z", commit, "HEAD"];
    let list = git(root, &[&how, &WHAT_PEOPLE_WRITE[..]].concat())?;
    Some(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// A file that changed, and by how many lines.
pub struct Changed {
    /// Its path in the ops repository.
    pub name: String,
    /// Lines that came; `-` in a file that has none.
    pub added: String,
    /// Lines that went.
    pub removed: String,
}

/// What the ops repository's own people change, and not wgops itself.
const WHAT_PEOPLE_WRITE: [&str; 4] = ["--", ".", ":(exclude)ledger", ":(exclude)plans"];

/// The same with numbers of lines.
pub fn numbers_since(root: &Path, commit: &str) -> Option<Vec<Changed>> {
    if !is_a_commit(commit) {
        return None;
    }
    let how = ["diff", "--no-ext-diff", "--no-textconv", "--no-renames", "--numstat", "-z", commit, "HEAD"];
    let list = git(root, &[&how, &WHAT_PEOPLE_WRITE[..]].concat())?;
    let changed = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let (added, removed, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Changed { name, added, removed })
    };
    Some(list.split('\0').filter_map(changed).collect())
}

/// Whose commits came since, as git says: anybody can write any name there.
pub fn authors_since(root: &Path, commit: &str) -> Vec<String> {
    if !is_a_commit(commit) {
        return Vec::new();
    }
    let range = format!("{commit}..HEAD");
    let list = git(root, &[&["log", "--format=%an", &range], &WHAT_PEOPLE_WRITE[..]].concat());
    let mut names: Vec<String> = list.unwrap_or_default().lines().map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Files with changes that are not committed.
pub fn uncommitted(root: &Path) -> Vec<String> {
    let how = ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all"];
    let list = git(root, &[&how, &WHAT_PEOPLE_WRITE[..]].concat()).unwrap_or_default();
    list.split('\0').filter_map(|line| line.get(3..)).map(str::to_owned).collect()
}

fn is_a_commit(commit: &str) -> bool {
    commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn refuse_uncommitted(list: &str) -> Failure {
    let files: Vec<&str> = list.lines().filter_map(|line| line.get(3..)).take(5).collect();
    let files = if files.is_empty() { String::new() } else { format!(": {}", files.join(", ")) };
    Failure::new(Exit::Refused, format!("the ops repository has changes that are not committed{files}"))
        .hint(
            "commit them, or go on with --allow-dirty, which the ledger records; what playbooks fetch is best kept in a \
             folder that .gitignore names",
        )
}

/// Whether somebody made this, or a folder above it, a git repository; asked without git, which may refuse to say.
fn is_in_git(root: &Path) -> bool {
    root.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
}

fn git_is_silent(root: &Path) -> Failure {
    let place = shown(root);
    Failure::new(Exit::Refused, format!("git does not say at which commit {place} is"))
        .hint("see what 'git status' says there, or go on with --allow-dirty, which the ledger records")
}

/// Variables that would have git look at another repository than the one that is asked about.
const ELSEWHERE: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_NAMESPACE",
    "GIT_CEILING_DIRECTORIES",
];

fn git(root: &Path, args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]).args(args);
    for name in ELSEWHERE {
        git.env_remove(name);
    }
    let output =
        git.env("GIT_OPTIONAL_LOCKS", "0").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        git(home.path(), &["init", "-q", "--template="]).unwrap();
        home
    }

    fn commit(root: &Path) {
        git(root, &["add", "-A"]).unwrap();
        git(root, &["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "t"]).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_in_git_has_no_commit() {
        assert_eq!(of(tempfile::tempdir().unwrap().path(), false).unwrap(), None);
    }

    #[test]
    fn what_is_not_committed_is_refused_by_name_unless_allowed() {
        let home = repository();
        std::fs::write(home.path().join("site.yml"), "a").unwrap();
        let failure = of(home.path(), false).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.text().contains("site.yml") && failure.text().contains("--allow-dirty"));
        assert!(of(home.path(), true).unwrap().unwrap().dirty);
        commit(home.path());
        let clean = of(home.path(), false).unwrap().unwrap();
        assert_eq!((clean.id.len(), clean.dirty), (40, false));
    }

    #[test]
    fn the_ledger_may_grow_and_no_hook_runs() {
        let home = repository();
        std::fs::write(home.path().join("a"), "a").unwrap();
        commit(home.path());
        std::fs::create_dir(home.path().join("ledger")).unwrap();
        std::fs::write(home.path().join("ledger/1.json"), "{}").unwrap();
        let monitor = format!("touch {}/ran", home.path().display());
        git(home.path(), &["config", "core.fsmonitor", &monitor]).unwrap();
        assert!(!of(home.path(), false).unwrap().unwrap().dirty);
        assert!(!home.path().join("ran").exists());
    }

    #[test]
    fn where_git_can_not_tell_whether_all_is_committed_nobody_takes_it_for_granted() {
        let root = tempfile::tempdir().unwrap();
        assert!(of(root.path(), false).is_ok_and(|commit| commit.is_none()));
        std::fs::write(root.path().join(".git"), "gitdir: /nonexistent/elsewhere\n").unwrap();
        let Err(refused) = of(root.path(), false) else { panic!("expected a refusal") };
        assert_eq!(refused.exit, Exit::Refused);
        assert!(refused.text().contains("--allow-dirty"), "{}", refused.text());
        assert!(of(root.path(), true).unwrap().unwrap().dirty);
    }
}

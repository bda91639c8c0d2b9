//! The commit that the ops repository is at, for the ledger. Nothing of the repository's own is run: no hook, no file
//! system monitor, no filter, and no folder of it is taken for a repository with settings of its own.

use super::console::shown;
use super::{Exit, Failure};
use crate::ledger::Commit;
use crate::template::Committed;
use sha2::Digest as _;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What stands for the commit where there is none.
const NO_COMMIT: &str = "none";

/// The commit of an ops repository. Where it isn't in git, nothing of it is committed.
///
/// The ledger and saved plans are left out of what counts as changed: runs add to them.
///
/// # Errors
/// There are changes that are not committed, or git can't tell, and nobody allowed that.
pub fn of(root: &Path, allow_dirty: bool) -> Result<Commit, Failure> {
    if let Some(folder) = masquerade(root) {
        return Err(masked(&folder));
    }
    if git(root, &["rev-parse", "--git-dir"]).is_none() {
        return match (is_in_git(root), allow_dirty) {
            (false, false) => Err(in_no_git(root)),
            (false, true) => Ok(Commit { id: NO_COMMIT.into(), dirty: true }),
            (true, true) => Ok(Commit { id: "unknown".into(), dirty: true }),
            (true, false) => Err(git_is_silent(root)),
        };
    }
    let id = git(root, &["rev-parse", "--verify", "--quiet", "HEAD"]).map(|id| id.trim().to_owned());
    let changed = git(root, &[&STATUS[..], &["--untracked-files=all"], &WHAT_PEOPLE_WRITE].concat());
    let overlooked = overlooked(root);
    if let (Some(file), false) = (overlooked.first(), allow_dirty) {
        let message = format!("git was told not to look for changes of {}", crate::report::one_line(file));
        return Err(Failure::new(Exit::Refused, message).hint(
            "take that back with 'git update-index --no-assume-unchanged --no-skip-worktree FILE', or go on with --allow-dirty",
        ));
    }
    let is_changed = changed.as_deref().is_none_or(|list| !list.trim().is_empty());
    let dirty = id.is_none() || is_changed || !overlooked.is_empty();
    if dirty && !allow_dirty {
        return Err(refuse_uncommitted(changed.as_deref().unwrap_or_default()));
    }
    Ok(Commit { id: id.unwrap_or_else(|| NO_COMMIT.into()), dirty })
}

/// What a commit has, file by file, but for the ledger and saved plans.
pub struct Blobs {
    root: PathBuf,
    at: PathBuf,
    id: String,
    blobs: HashMap<PathBuf, String>,
    /// Other repositories in this one, which are looked at from outside.
    others: Vec<PathBuf>,
}

/// What the commit has that an ops repository is at; none where git doesn't say.
pub fn blobs(root: &Path) -> Option<Blobs> {
    let id = git(root, &["rev-parse", "--verify", "--quiet", "HEAD"])?.trim().to_owned();
    let top = git(root, &["ls-tree", "-z", "--name-only", &id])?;
    let top: Vec<&str> = top.split('\0').filter(|name| !["", "ledger", "plans"].contains(name)).collect();
    let list = match top.is_empty() {
        true => String::new(),
        false => git(root, &[&["ls-tree", "-r", "-z", &id, "--"], &top[..]].concat())?,
    };
    let mut found = Blobs {
        root: root.canonicalize().ok()?,
        at: root.to_owned(),
        id,
        blobs: HashMap::new(),
        others: Vec::new(),
    };
    for line in list.split('\0') {
        let Some((about, name)) = line.split_once('\t') else { continue };
        let path = found.root.join(name);
        match about.split(' ').collect::<Vec<_>>().as_slice() {
            [_, "blob", id] => drop(found.blobs.insert(path, (*id).to_owned())),
            _ => found.others.push(path),
        }
    }
    Some(found)
}

impl Committed for Blobs {
    fn id(&self) -> &str {
        &self.id
    }

    fn differs(&self, path: &Path) -> Option<String> {
        let id = self.blobs.get(path)?;
        let is_it = std::fs::read(path).is_ok_and(|bytes| {
            blob(id, &bytes) == *id || blob(id, &without_returns(&bytes)) == *id || self.is_filtered(path, id)
        });
        let short = self.id.get(..12).unwrap_or(&self.id);
        (!is_it).then(|| {
            format!(
                "is not what commit {short} has, by which the run is recorded: commit it, put it back ('git checkout'), or go on with \
                 --allow-dirty. Where 'git status' does not name it, it was changed since the run began, or git does not see that (ident, an \
                 encoding, its index)"
            )
        })
    }

    fn lacks(&self, path: &Path) -> bool {
        let is_ours = |path: &Path| path.starts_with(&self.root) && !path.starts_with(self.root.join(OWN));
        is_ours(path)
            && !self.blobs.contains_key(path)
            && !self.others.iter().any(|other| path.starts_with(other))
    }
}

impl Blobs {
    /// Whether a filter of who runs wgops makes a file of the commit's (large files that lie elsewhere).
    fn is_filtered(&self, path: &Path, id: &str) -> bool {
        let name = path.to_string_lossy();
        let asked = ["check-attr", "-z", "filter", "ident", "working-tree-encoding", "--", &name];
        let said = git(&self.at, &asked).unwrap_or_default();
        let values: Vec<&str> = said.split('\0').skip(2).step_by(3).collect();
        let is_set = |value: &&str| !["unspecified", "unset"].contains(value);
        let is_filter_alone =
            values.len() == 3 && values.first().is_some_and(is_set) && !values.iter().skip(1).any(is_set);
        is_filter_alone
            && git(&self.at, &["hash-object", "--", &name]).is_some_and(|found| found.trim() == id)
    }
}

/// The name of content in git, by the kind of digest that another name has.
fn blob(like: &str, bytes: &[u8]) -> String {
    let head = format!("blob {}\0", bytes.len());
    match like.len() {
        64 => hex(sha2::Sha256::new().chain_update(&head).chain_update(bytes).finalize().iter()),
        _ => hex(sha1::Sha1::new().chain_update(&head).chain_update(bytes).finalize().iter()),
    }
}

fn hex<'a>(bytes: impl Iterator<Item = &'a u8>) -> String {
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Text as git keeps it that was checked out with the line ends of another system.
fn without_returns(bytes: &[u8]) -> Vec<u8> {
    let ends = |at: usize| bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) == Some(&b'\n');
    bytes.iter().enumerate().filter(|(at, _)| !ends(*at)).map(|(_, byte)| *byte).collect()
}

/// Files that differ between a commit and the one that is checked out, but for the ledger and saved plans; none where git
/// doesn't know that commit.
pub fn changed_since(root: &Path, commit: &str) -> Option<Vec<String>> {
    if !is_a_commit(commit) {
        return None;
    }
    let how = [&DIFF, &["--name-only", "-z", commit, "HEAD"][..]].concat();
    let list = git(root, &[&how[..], &WHAT_PEOPLE_WRITE].concat())?;
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

/// Looks into no other repository that lies in this one: that has settings of its own.
const STATUS: [&str; 3] = ["status", "--porcelain", "--ignore-submodules=dirty"];
/// The same, and without programs that show differences.
const DIFF: [&str; 4] = ["diff", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty"];

/// What the ops repository's own people change, and not wgops itself.
const WHAT_PEOPLE_WRITE: [&str; 8] = [
    "--",
    ".",
    ":(exclude,glob)ledger/*/[0-9][0-9][0-9][0-9]/[0-9]*.json",
    ":(exclude,glob)ledger/*/[0-9][0-9][0-9][0-9]/[0-9]*.json.*",
    ":(exclude,glob)ledger/*/[0-9][0-9][0-9][0-9]/.tmp*",
    ":(exclude,glob)plans/.tmp*",
    ":(exclude,glob)plans/*.json",
    ":(exclude,glob)plans/*.json.sig",
];

/// Files that git was told to ignore, so that they are in no commit.
pub fn ignored(root: &Path) -> Vec<PathBuf> {
    let list = git(root, &["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", "."]);
    let list = list.unwrap_or_default();
    list.split('\0').filter(|name| !name.is_empty()).map(|name| root.join(name)).collect()
}

/// Folders that git was told to ignore whole.
pub fn ignored_folders(root: &Path) -> Vec<PathBuf> {
    let how = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory", "--", "."];
    let list = git(root, &how).unwrap_or_default();
    list.split('\0').filter_map(|name| name.strip_suffix('/')).map(|name| root.join(name)).collect()
}

/// Files whose changes git was told not to look for (`git update-index --assume-unchanged`, `--skip-worktree`).
fn overlooked(root: &Path) -> Vec<String> {
    let list = git(root, &["ls-files", "-z", "-v", "--", "."]).unwrap_or_default();
    let is_overlooked = |tag: char| tag.is_ascii_lowercase() || tag == 'S';
    let names = list.split('\0').filter(|line| line.starts_with(is_overlooked));
    names.filter_map(|line| Some(line.get(2..)?.to_owned())).collect()
}

/// The same with numbers of lines.
pub fn numbers_since(root: &Path, commit: &str) -> Option<Vec<Changed>> {
    if !is_a_commit(commit) {
        return None;
    }
    let how = [&DIFF, &["--no-renames", "--numstat", "-z", commit, "HEAD"][..]].concat();
    let list = git(root, &[&how[..], &WHAT_PEOPLE_WRITE].concat())?;
    let changed = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        let (added, removed, name) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Changed { name, added, removed })
    };
    Some(list.split('\0').filter_map(changed).collect())
}

/// A file of the ops repository as a commit, or `HEAD`, has it.
pub fn text_at(root: &Path, commit: &str, file: &str) -> Option<String> {
    let known = is_a_commit(commit) || commit == "HEAD";
    known.then(|| git(root, &["cat-file", "blob", &format!("{commit}:./{file}")])).flatten()
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
    let how = [&STATUS, &["-z", "--no-renames", "--untracked-files=all"][..]].concat();
    let list = git(root, &[&how[..], &WHAT_PEOPLE_WRITE].concat()).unwrap_or_default();
    list.split('\0').filter_map(|line| line.get(3..)).map(str::to_owned).collect()
}

/// Whether a commit could be found by its name: where nothing was committed, there is none.
pub fn is_a_commit(commit: &str) -> bool {
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

/// Makes sure that git brings nothing into the folder that is this clone's own (`.wgops`): what lies there is believed, as nobody else
/// can have put it there.
///
/// # Errors
/// It does.
pub fn brings_nothing_of_our_own(root: &Path) -> Result<(), Failure> {
    if root.join(OWN).symlink_metadata().is_err() || !is_in_git(root) {
        return Ok(());
    }
    if let Some(folder) = masquerade(root) {
        return Err(masked(&folder));
    }
    let listed = plain_git(root, &QUIET.map(str::to_owned), &["ls-files", "-z", "--", OWN]);
    let files: Vec<String> = listed
        .unwrap_or_default()
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| crate::report::one_line(name).into_owned())
        .collect();
    if files.is_empty() {
        return Ok(());
    }
    let files = files.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(" ");
    let message =
        format!("somebody committed {files}, and {OWN} is a clone's own: nothing in it may come by git");
    Err(Failure::new(Exit::Refused, message).hint(format!(
        "'git log -- {OWN}' says who did; 'git rm -f {files}' and a commit take it out, and wgops makes anew what it needs"
    )))
}

/// What belongs to a clone alone.
const OWN: &str = ".wgops";

/// Whether somebody made this, or a folder above it, a git repository; asked without git, which may refuse to say.
pub fn is_in_git(root: &Path) -> bool {
    root.ancestors().any(|folder| folder.join(".git").symlink_metadata().is_ok())
}

fn in_no_git(root: &Path) -> Failure {
    let place = shown(root);
    Failure::new(Exit::Refused, format!("{place} is in no git repository: nothing of it is committed"))
        .hint("clone the group's repository, or 'git init' and commit; or go on with --allow-dirty, which the ledger records")
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

/// What settings of a repository could have git start, turned off: hooks, monitors, checks of signatures, fetches of what is
/// missing; and no folder counts as a repository because it looks like one.
const QUIET: [&str; 9] = [
    "core.checkStat=default",
    "core.trustctime=true",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "status.submoduleSummary=false",
];

fn git(root: &Path, args: &[&str]) -> Option<String> {
    let settings: Vec<String> = QUIET.map(str::to_owned).into_iter().chain(no_filters(root)?).collect();
    plain_git(root, &settings, args)
}

fn plain_git(root: &Path, settings: &[String], args: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).arg("--no-pager");
    for setting in settings {
        git.arg("-c").arg(setting);
    }
    for name in ELSEWHERE {
        git.env_remove(name);
    }
    git.args(args).env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    let output = git.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Settings that turn off the filters of the repository's own settings: `git status` would run them. Those of who runs wgops stay.
/// None where that can't be done, so that git is not asked at all.
fn no_filters(root: &Path) -> Option<Vec<String>> {
    let words = ["config", "--show-scope", "--name-only", "-z", "--get-regexp", "^filter\\."];
    let listed = plain_git(root, &QUIET.map(str::to_owned), &words).unwrap_or_default();
    let mut off = Vec::new();
    let mut parts = listed.split('\0');
    while let (Some(scope), Some(name)) = (parts.next(), parts.next()) {
        if matches!(scope, "local" | "worktree") {
            let (filter, _) = name.rsplit_once('.')?;
            // What can't be said on a command line can't be turned off there.
            if filter.contains(['=', '\n']) {
                return None;
            }
            off.extend(
                ["clean=", "smudge=", "process=", "required=false"].map(|end| format!("{filter}.{end}")),
            );
        }
    }
    off.sort();
    off.dedup();
    Some(off)
}

/// A folder on the way up to the repository that git would take for one itself, with the settings that lie in it.
fn masquerade(root: &Path) -> Option<PathBuf> {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    for folder in root.ancestors() {
        if folder.join(".git").symlink_metadata().is_ok() {
            return None;
        }
        let has = |name: &str| folder.join(name).symlink_metadata().is_ok();
        if has("HEAD") && has("objects") && has("refs") {
            return Some(folder.to_owned());
        }
    }
    None
}

fn masked(folder: &Path) -> Failure {
    let message = format!(
        "{} looks like a git repository without being one: git would run what its settings name",
        shown(folder)
    );
    Failure::new(Exit::Refused, message)
        .hint("an ops repository has no HEAD, objects and refs beside its files: find out who put them there")
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
    fn a_folder_that_is_not_in_git_is_like_a_tree_of_which_nothing_is_committed() {
        let folder = tempfile::tempdir().unwrap();
        let failure = of(folder.path(), false).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.text().contains("in no git repository") && failure.text().contains("--allow-dirty"));
        assert_eq!(of(folder.path(), true).unwrap(), Commit { id: "none".into(), dirty: true });
    }

    #[test]
    fn what_is_not_committed_is_refused_by_name_unless_allowed() {
        let home = repository();
        std::fs::write(home.path().join("site.yml"), "a").unwrap();
        let failure = of(home.path(), false).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.text().contains("site.yml") && failure.text().contains("--allow-dirty"));
        assert!(of(home.path(), true).unwrap().dirty);
        commit(home.path());
        let clean = of(home.path(), false).unwrap();
        assert_eq!((clean.id.len(), clean.dirty), (40, false));
    }

    #[test]
    fn the_ledger_may_grow_and_no_hook_runs() {
        let home = repository();
        std::fs::write(home.path().join("a"), "a").unwrap();
        commit(home.path());
        let year = home.path().join("ledger/alice-00000000-000000/2026");
        std::fs::create_dir_all(&year).unwrap();
        for name in ["00000001.json", "00000001.json.sig", "00000001.private.json"] {
            std::fs::write(year.join(name), "{}").unwrap();
        }
        std::fs::create_dir(home.path().join("plans")).unwrap();
        std::fs::write(home.path().join("plans/a.plan.json"), "{}").unwrap();
        // A file that is being written, as a plan is while it is made.
        let _under_way = tempfile::NamedTempFile::new_in(home.path().join("plans")).unwrap();
        let monitor = format!("touch {}/ran", home.path().display());
        git(home.path(), &["config", "core.fsmonitor", &monitor]).unwrap();
        assert!(!of(home.path(), false).unwrap().dirty);
        assert!(!home.path().join("ran").exists());
        // Anything else there is somebody's, and could be a playbook.
        for name in ["ledger/tasks.yml", "plans/tasks.yml"] {
            std::fs::write(home.path().join(name), "[]").unwrap();
            assert_eq!(uncommitted(home.path()), [name]);
            std::fs::remove_file(home.path().join(name)).unwrap();
        }
    }

    #[test]
    fn what_git_was_told_to_overlook_is_not_taken_for_committed() {
        let home = repository();
        for name in ["site.yml", ".gitignore"] {
            std::fs::write(home.path().join(name), "local.yml\n").unwrap();
        }
        commit(home.path());
        std::fs::write(home.path().join("local.yml"), "a").unwrap();
        assert!(!of(home.path(), false).unwrap().dirty);
        assert_eq!(ignored(home.path()), [home.path().join("local.yml")]);
        for (set, unset) in
            [("--assume-unchanged", "--no-assume-unchanged"), ("--skip-worktree", "--no-skip-worktree")]
        {
            git(home.path(), &["update-index", set, "site.yml"]).unwrap();
            let failure = of(home.path(), false).unwrap_err();
            assert!(failure.text().contains("site.yml"), "{}", failure.text());
            assert!(of(home.path(), true).unwrap().dirty);
            git(home.path(), &["update-index", unset, "site.yml"]).unwrap();
        }
        assert!(!of(home.path(), false).unwrap().dirty);
    }

    #[test]
    fn what_is_read_is_compared_with_what_the_commit_has() {
        let home = repository();
        let at = |name: &str| home.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        for (name, text) in
            [("site.yml", "a $Id$\n"), ("sub/crlf.yml", "b\n"), (".gitattributes", "site.yml ident\n")]
        {
            std::fs::write(at(name), text).unwrap();
        }
        std::fs::create_dir(at("ledger")).unwrap();
        std::fs::write(at("ledger/x.yml"), "x").unwrap();
        commit(home.path());
        let blobs = blobs(home.path()).unwrap();
        let root = home.path().canonicalize().unwrap();
        let differs = |name: &str| blobs.differs(&root.join(name));
        assert_eq!((differs("site.yml"), differs("sub/crlf.yml"), differs("none")), (None, None, None));
        std::fs::write(at("sub/crlf.yml"), "b\r\n").unwrap();
        assert_eq!(differs("sub/crlf.yml"), None, "the line ends of another system");
        // git calls that clean.
        std::fs::write(at("site.yml"), "a $Id: touch evil $\n").unwrap();
        assert!(differs("site.yml").unwrap().contains("is not what commit"));
        std::fs::write(at("sub/crlf.yml"), "c\n").unwrap();
        assert!(differs("sub/crlf.yml").is_some());
        std::fs::write(at("sub/new.yml"), "d").unwrap();
        assert!(blobs.lacks(&root.join("sub/new.yml")) && !blobs.lacks(&root.join("site.yml")));
        assert!(!blobs.lacks(Path::new("/elsewhere/x.yml")) && !blobs.lacks(&root.join(".wgops/x.yml")));
        // A repository in a folder of another one.
        let inner = super::blobs(&at("sub")).unwrap();
        assert!(inner.differs(&root.join("sub/crlf.yml")).is_some() && inner.blobs.len() == 1);
    }

    #[test]
    fn no_filter_of_the_repositorys_own_runs_and_what_changed_is_still_seen() {
        let home = repository();
        std::fs::write(home.path().join("a"), "a").unwrap();
        std::fs::write(home.path().join(".gitattributes"), "* filter=x\n").unwrap();
        commit(home.path());
        let elsewhere = tempfile::tempdir().unwrap();
        let ran = elsewhere.path().join("ran");
        let program = format!("sh -c 'touch {}; cat'", ran.display());
        for (name, value) in [
            ("filter.x.clean", program.as_str()),
            ("filter.x.process", &program),
            ("filter.x.required", "true"),
            ("gpg.program", &program),
            ("log.showSignature", "true"),
        ] {
            git(home.path(), &["config", name, value]).unwrap();
        }
        // Another time and size make git look into it.
        std::fs::write(home.path().join("a"), "b, and longer").unwrap();
        assert!(of(home.path(), true).unwrap().dirty);
        assert_eq!(uncommitted(home.path()), ["a"]);
        std::fs::write(home.path().join("a"), "a").unwrap();
        assert!(!of(home.path(), false).unwrap().dirty);
        assert!(!ran.exists());
    }

    #[test]
    fn a_folder_that_looks_like_a_repository_is_not_taken_for_one() {
        let home = repository();
        let ops = home.path().join("ops");
        git(home.path(), &["init", "-q", "--bare", "--template=", "ops"]).unwrap();
        let ran = home.path().join("ran");
        let config = format!(
            "[core]\n\tbare = false\n\tworktree = .\n[filter \"x\"]\n\tclean = \"touch {}\"\n",
            ran.display()
        );
        std::fs::write(ops.join("config"), config).unwrap();
        std::fs::write(ops.join(".gitattributes"), "* filter=x\n").unwrap();
        let failure = of(&ops, true).unwrap_err();
        assert_eq!(failure.exit, Exit::Refused);
        assert!(failure.text().contains("looks like a git repository"), "{}", failure.text());
        assert!(uncommitted(&ops).is_empty() && !ran.exists());
    }

    #[test]
    fn where_git_can_not_tell_whether_all_is_committed_nobody_takes_it_for_granted() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(".git"), "gitdir: /nonexistent/elsewhere\n").unwrap();
        let Err(refused) = of(root.path(), false) else { panic!("expected a refusal") };
        assert_eq!(refused.exit, Exit::Refused);
        assert!(refused.text().contains("--allow-dirty"), "{}", refused.text());
        assert!(of(root.path(), true).unwrap().dirty);
    }
}

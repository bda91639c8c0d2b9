//! What templates may learn of the machine that wgops runs on: its clock, its environment, its files. Where a run may act,
//! lookups that say so also run a program there (`pipe`, `lines`, `url`) or keep a new password. Tests, and whoever
//! narrows what a playbook may read, bring their own [`Controller`].

use crate::model::{Opener, Unopened};
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The machine that wgops runs on, as far as templates see it.
pub trait Controller: Send + Sync {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// Whether a playbook may know what an environment variable says.
    fn shows_variable(&self, name: &str) -> bool {
        let _ = name;
        true
    }
    /// The time, in the controller's own time zone.
    fn now(&self) -> jiff::Zoned;
    /// Whether there is a file of this name.
    fn is_file(&self, path: &Path) -> bool;
    /// A file's content.
    ///
    /// # Errors
    /// The file can't be read, or may not be.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// Why a file, or one of a folder's tasks and variables, is not taken as part of a playbook though it may be read.
    fn withholds(&self, path: &Path) -> Option<String> {
        let _ = path;
        None
    }
    /// What is under this name, a link followed; nothing where nothing is.
    fn kind(&self, path: &Path) -> Option<Kind> {
        self.is_file(path).then_some(Kind::File)
    }
    /// Whether the name is a link, wherever that leads.
    fn is_link(&self, path: &Path) -> bool {
        path.is_symlink()
    }
    /// What is said of a name, a link not followed; nothing where nothing is.
    fn about(&self, path: &Path) -> Option<std::fs::Metadata> {
        std::fs::symlink_metadata(path).ok()
    }
    /// Where a link leads, as it is written.
    fn target(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(path).ok()
    }
    /// The path with every link resolved, or itself where there is none.
    fn resolved(&self, path: &Path) -> PathBuf {
        path.canonicalize().unwrap_or_else(|_| path.to_owned())
    }
    /// The names in a folder, in order; none where there is no such folder.
    fn entries(&self, folder: &Path) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }
    /// Whether lookups may do more than look: run programs, keep a new password, draw by chance. In a dry run they may not.
    fn acts(&self) -> bool {
        false
    }
    /// What a program prints that a lookup runs, by its words and what it reads. Asked once for each such program.
    ///
    /// # Errors
    /// It can't be run, or it failed.
    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        let _ = (program, input, folder);
        Err(io::Error::new(io::ErrorKind::Unsupported, "no programs are run here"))
    }
    /// Keeps a secret that a lookup made in a new file that only its owner may read.
    ///
    /// # Errors
    /// The file can't be written, or may not be.
    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        let _ = (path, text);
        Err(io::Error::new(io::ErrorKind::Unsupported, "nothing is kept here"))
    }
    /// What chance begins with, the same for the whole run.
    fn chance(&self) -> [u8; 32] {
        [0; 32]
    }
    /// What opens sealed values.
    fn opener(&self) -> &dyn Opener {
        &Unopened
    }
}

/// What there can be under a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// Something else: a device, a pipe.
    Other,
}

/// The real machine: everything that the operator may read.
pub struct ThisMachine;

impl Controller for ThisMachine {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn now(&self) -> jiff::Zoned {
        jiff::Zoned::now()
    }

    fn is_file(&self, path: &Path) -> bool {
        path.is_file()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        let about = std::fs::metadata(path).ok()?;
        Some(match (about.is_file(), about.is_dir()) {
            (true, _) => Kind::File,
            (_, true) => Kind::Folder,
            _ => Kind::Other,
        })
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        let names = std::fs::read_dir(folder).into_iter().flatten();
        let mut names: Vec<String> =
            names.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        super::machine::run(program, input, folder)
    }

    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        super::machine::keep(path, text)
    }
}

/// Environment variables that hold no secret.
const SHOWN: [&str; 11] =
    ["HOME", "HOSTNAME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "TZ", "USER"];

/// The real machine, but of its files only what lies in certain folders: a playbook from somewhere else must not carry
/// the operator's files to hosts. Links that lead out of the folders are not followed.
pub struct Beneath {
    roots: Vec<PathBuf>,
    /// Folders in which git keeps what it knows of the roots, where a file says so.
    git: Vec<PathBuf>,
    withheld: Withheld,
    acts: bool,
    /// Whether variables that may hold a secret are kept from playbooks.
    keeps_environment: bool,
    draws: bool,
    chance: [u8; 32],
    opener: Arc<dyn Opener>,
    /// What programs printed that lookups ran: each is run once.
    printed: Mutex<HashMap<String, Result<String, String>>>,
}

impl Beneath {
    /// Confines to these folders.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        let roots: Vec<PathBuf> = roots.into_iter().filter_map(|root| root.canonicalize().ok()).collect();
        let git = roots.iter().flat_map(|root| root.ancestors()).filter_map(git_elsewhere).collect();
        let mut chance = [0; 32];
        // Without chance nothing is drawn: see `acts`.
        let draws = getrandom::fill(&mut chance).is_ok();
        let (withheld, opener, printed) = (Withheld::default(), Arc::new(Unopened), Mutex::default());
        Self { roots, git, withheld, acts: false, keeps_environment: false, draws, chance, opener, printed }
    }

    /// Takes no file of these for part of a playbook.
    #[must_use]
    pub fn without(self, withheld: Withheld) -> Self {
        Self { withheld, ..self }
    }

    /// Lets lookups act, which they may where the run may change something.
    #[must_use]
    pub fn acting(self, acts: bool) -> Self {
        Self { acts, ..self }
    }

    /// Keeps environment variables from playbooks, but for those that say who and where somebody is.
    #[must_use]
    pub fn keeping_environment(self) -> Self {
        Self { keeps_environment: true, ..self }
    }

    /// Opens sealed values with this.
    #[must_use]
    pub fn opening(self, opener: Arc<dyn Opener>) -> Self {
        Self { opener, ..self }
    }

    fn holds(&self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|path| self.roots.iter().any(|root| path.starts_with(root)))
    }

    /// Whether something lies where git, wgops or the ledger's private parts are: tokens of whoever cloned, names of hosts. No
    /// playbook is made of that, and none takes it.
    fn keeps(&self, path: &Path) -> bool {
        let Ok(path) = path.canonicalize() else { return false };
        let is_private = path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PRIVATE));
        let mut below = self.roots.iter().filter_map(|root| path.strip_prefix(root).ok());
        let has = |path: &Path, named: &[&str]| {
            path.components().any(|part| named.iter().any(|name| part.as_os_str() == *name))
        };
        below.any(|path| has(path, &KEPT) || is_private && has(path, &["ledger"]))
            || self.git.iter().any(|folder| path.starts_with(folder))
    }
}

/// Folders that are no part of what a repository's files are.
const KEPT: [&str; 2] = [".git", ".wgops"];
/// How files of the ledger end that hold what isn't for all.
const PRIVATE: &str = ".private.json";

/// Where git keeps a folder's repository, where a file `.git` says that.
fn git_elsewhere(folder: &Path) -> Option<PathBuf> {
    let file = folder.join(".git");
    let text = std::fs::read_to_string(&file).ok().filter(|_| file.is_file())?;
    folder.join(text.trim().strip_prefix("gitdir:")?.trim()).canonicalize().ok()
}

impl Controller for Beneath {
    fn variable(&self, name: &str) -> Option<String> {
        ThisMachine.variable(name)
    }

    fn shows_variable(&self, name: &str) -> bool {
        !self.keeps_environment || name.starts_with("LC_") || SHOWN.contains(&name)
    }

    fn now(&self) -> jiff::Zoned {
        ThisMachine.now()
    }

    fn is_file(&self, path: &Path) -> bool {
        self.holds(path) && !self.keeps(path) && ThisMachine.is_file(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if !self.holds(path) {
            return Err(outside());
        }
        match self.withholds(path) {
            Some(why) => Err(io::Error::new(io::ErrorKind::PermissionDenied, why)),
            None => ThisMachine.read(path),
        }
    }

    fn withholds(&self, path: &Path) -> Option<String> {
        match self.keeps(path) {
            true => Some("is what git or wgops keep for themselves, and no part of a playbook".into()),
            false => self.withheld.why(path),
        }
    }

    fn kind(&self, path: &Path) -> Option<Kind> {
        ThisMachine.kind(path)
    }

    fn entries(&self, folder: &Path) -> Vec<String> {
        if !self.holds(folder) || self.keeps(folder) {
            return Vec::new();
        }
        let mut names = ThisMachine.entries(folder);
        names.retain(|name| !self.keeps(&folder.join(name)));
        names
    }

    fn acts(&self) -> bool {
        self.acts && self.draws
    }

    fn run(&self, program: &[&str], input: &str, folder: Option<&Path>) -> io::Result<String> {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let folder_name = folder.map(|folder| folder.to_string_lossy().into_owned()).unwrap_or_default();
        let key = [program.join("\0"), input.to_owned(), folder_name].join("\0\0");
        let said = printed
            .entry(key)
            .or_insert_with(|| ThisMachine.run(program, input, folder).map_err(|error| error.to_string()));
        said.clone().map_err(io::Error::other)
    }

    fn keep(&self, path: &Path, text: &str) -> io::Result<()> {
        let there = path.ancestors().skip(1).find(|folder| folder.exists());
        let climbs = path.components().any(|part| matches!(part, std::path::Component::ParentDir));
        if !climbs && there.is_some_and(|folder| self.holds(folder) && !self.keeps(folder)) {
            ThisMachine.keep(path, text)
        } else {
            Err(outside())
        }
    }

    fn chance(&self) -> [u8; 32] {
        self.chance
    }

    fn opener(&self) -> &dyn Opener {
        &*self.opener
    }
}

/// The commit that a run is recorded with.
pub trait Committed: Send + Sync {
    /// Its name in git.
    fn id(&self) -> &str;

    /// Why a file, every link resolved, is not what the commit has; nothing where it is, or where it is none of the commit's.
    fn differs(&self, path: &Path) -> Option<String>;

    /// Whether a file lies where the commit could have it, and has none.
    fn lacks(&self, path: &Path) -> bool;
}

/// Files that lie in the ops repository and that nobody who reviews it sees.
#[derive(Clone, Default)]
pub struct Withheld {
    /// Folders that wgops writes itself, with every link resolved.
    kept: Vec<PathBuf>,
    /// Files that are in no commit, likewise.
    ignored: BTreeSet<PathBuf>,
    /// Folders of which no file is in a commit, likewise.
    ignored_folders: Vec<PathBuf>,
    /// What files are compared with as they are read: git looks once, and at what it is told to.
    commit: Option<Arc<dyn Committed>>,
    /// Whether what tasks are made of may be among them.
    lenient: bool,
    /// Whether none of them is read but those of roles and collections that were fetched whole.
    guarded: bool,
    /// What is read there: nothing else than this commit has, and new files of which git would say so where whoever types said that
    /// there are such.
    reviewed: Option<(Arc<dyn Committed>, bool)>,
    /// Whether one of these was taken.
    taken: Arc<AtomicBool>,
}

impl Withheld {
    /// These folders, and these files.
    pub fn new(kept: impl IntoIterator<Item = PathBuf>, ignored: impl IntoIterator<Item = PathBuf>) -> Self {
        let whole = |path: PathBuf| path.canonicalize().ok();
        let kept = kept.into_iter().filter_map(whole).collect();
        Self { kept, ignored: ignored.into_iter().filter_map(whole).collect(), ..Self::default() }
    }

    /// The same with what is not as this commit has it.
    #[must_use]
    pub fn unlike(self, commit: Option<Arc<dyn Committed>>) -> Self {
        Self { commit, ..self }
    }

    /// The same where all files are taken that are in no commit, and that is noted.
    #[must_use]
    pub fn noting(self) -> Self {
        Self { lenient: true, ..self }
    }

    /// The same where nobody said yes to what is done with them: tokens, passwords and states of other programs lie in a clone, in
    /// files that git ignores. Roles and collections that somebody fetched are ignored as whole folders, and read.
    #[must_use]
    pub fn guarding(
        self,
        ignored: impl IntoIterator<Item = PathBuf>,
        folders: impl IntoIterator<Item = PathBuf>,
    ) -> Self {
        let whole = |path: PathBuf| path.canonicalize().ok();
        let ignored = ignored.into_iter().filter_map(whole).collect();
        Self {
            ignored,
            ignored_folders: folders.into_iter().filter_map(whole).collect(),
            guarded: true,
            ..self
        }
    }

    /// The same where besides nothing is read that the commit hasn't: what git ignores is for whoever pushes to say. New files are
    /// read where whoever types takes them, but for those that git ignores.
    #[must_use]
    pub fn reading_only(self, commit: Option<Arc<dyn Committed>>, takes_new: bool) -> Self {
        Self { reviewed: commit.map(|commit| (commit, takes_new)), ..self }
    }

    /// Whether a file that git ignores belongs to a role or a collection of which it ignores all.
    fn was_fetched(&self, file: &Path) -> bool {
        self.ignored_folders.iter().filter(|folder| file.starts_with(folder)).any(|folder| {
            let parts: Vec<&OsStr> = file.components().map(Component::as_os_str).collect();
            let mut kinds = (0..parts.len())
                .filter(|at| FETCHED.iter().any(|name| parts.get(*at) == Some(&OsStr::new(name))));
            // The folder below `roles`, or that one itself.
            kinds.any(|kind| folder.components().count() <= kind + 2 && parts.len() > kind + 2)
        })
    }

    /// Whether a file was taken that is in no commit.
    pub fn was_taken(&self) -> bool {
        self.taken.load(Ordering::Relaxed)
    }

    /// Why a file, or one of a folder's tasks and variables, is not taken. Other files that are in no commit are, and that is
    /// noted: what a playbook fetched may lie there.
    pub fn why(&self, path: &Path) -> Option<String> {
        let path = path.canonicalize().ok()?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_record = name.contains(".json") || name.starts_with(".tmp");
        if is_record && self.kept.iter().any(|folder| path.starts_with(folder)) {
            return Some(
                "lies where wgops keeps the ledger and plans, and is not taken for tasks or files".into(),
            );
        }
        if let Some((commit, takes_new)) = self.reviewed.as_ref().filter(|_| self.guarded)
            && !self.ignored.contains(&path)
            && path.is_file()
            && commit.lacks(&path)
            && !takes_new
        {
            return Some(
                "is not committed, and is not read before somebody said yes: commit it, or go on with --allow-dirty".into(),
            );
        }
        let file = match self.ignored.contains(&path) {
            true => &path,
            false if path.is_file() && self.commit.is_some() => return self.why_not_committed(&path),
            false => {
                let below = self.ignored.range(path.clone()..).take_while(|file| file.starts_with(&path));
                below.into_iter().find(|file| makes_tasks(file))?
            }
        };
        if self.guarded && *file == path && !self.was_fetched(file) {
            return Some(
                "is a file that git is told to ignore, as secrets are: it is not read before somebody said yes".into(),
            );
        }
        if self.guarded || self.lenient || !makes_tasks(file) {
            self.taken.store(true, Ordering::Relaxed);
            return None;
        }
        let name = file.strip_prefix(&path).ok().filter(|rest| !rest.as_os_str().is_empty());
        let of = name.map(|name| format!(", with its {},", name.display())).unwrap_or_default();
        Some(format!(
            "is in no commit{of} because git is told to ignore it: commit it, or go on with --allow-dirty"
        ))
    }
}

/// Folders in which roles and collections lie that somebody fetched.
const FETCHED: [&str; 3] = ["roles", "collections", "ansible_collections"];

impl Withheld {
    /// The commit that files are compared with.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_ref().map(|commit| commit.id())
    }

    fn why_not_committed(&self, path: &Path) -> Option<String> {
        let commit = self.commit.as_ref()?;
        let differs = commit.differs(path);
        let is_taken = self.lenient || differs.is_none() && !makes_tasks(path);
        if differs.is_none() && !commit.lacks(path) {
            return None;
        }
        if is_taken {
            self.taken.store(true, Ordering::Relaxed);
            return None;
        }
        Some(differs.unwrap_or_else(|| {
            "is not committed, or came since the run began: commit it, or go on with --allow-dirty".into()
        }))
    }
}

/// Whether playbooks, variables or templates are kept in files of such a name.
fn makes_tasks(file: &Path) -> bool {
    let end = file.extension().and_then(|end| end.to_str());
    end.is_some_and(|end| ["yml", "yaml", "json", "j2", "jinja", "ini"].contains(&end))
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "it lies outside the ops repository")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reviews_is_part_of_no_playbook() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for name in
            ["plans/a.json", "roles/x/tasks/main.yml", "roles/x/files/a", "roles/y/tasks/main.yml", "a"]
        {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "a").unwrap();
        }
        std::os::unix::fs::symlink(at("plans/a.json"), at("link")).unwrap();
        let withheld =
            Withheld::new([at("plans"), at("ledger")], [at("roles/x/tasks/main.yml"), at("roles/y")]);
        let machine = Beneath::new([home.path().to_owned()]).without(withheld);
        for (name, why) in [
            ("plans/a.json", Some("keeps the ledger and plans")),
            ("plans", None),
            ("link", Some("keeps the ledger and plans")),
            ("roles/x/tasks/main.yml", Some("is in no commit because")),
            ("roles/x", Some("is in no commit, with its tasks/main.yml,")),
            ("roles/x/files/a", None),
            ("a", None),
            ("none", None),
        ] {
            let said = machine.withholds(&at(name));
            assert!(
                said.as_deref().unwrap_or_default().contains(why.unwrap_or_default()),
                "{name}: {said:?}"
            );
            assert_eq!(said.is_some(), why.is_some(), "{name}: {said:?}");
        }
        assert!(machine.read(&at("plans/a.json")).is_err() && machine.read(&at("a")).is_ok());
    }

    #[test]
    fn what_git_ignores_is_read_before_yes_where_it_is_a_role_that_was_fetched() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let names = [
            ".vault_pass",
            "playbooks/key.pem",
            "secrets.yml",
            "roles/own/files/key",
            "roles/fetched/tasks/main.yml",
            "roles/fetched/files/a",
            "collections/x/y/roles/z/tasks/main.yml",
            "state/roles/a/terraform.tfstate",
            "playbooks/site.yml",
        ];
        for name in names {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "a").unwrap();
        }
        let ignored = names.into_iter().filter(|name| *name != "playbooks/site.yml").map(at);
        let folders = ["roles/fetched", "collections", "roles/own/files"].map(at);
        let withheld = Withheld::default().guarding(ignored, folders);
        let machine = Beneath::new([home.path().to_owned()]).without(withheld);
        for name in names {
            let is_read = ["fetched", "collections", "site.yml"].iter().any(|word| name.contains(word));
            assert_eq!(machine.read(&at(name)).is_ok(), is_read, "{name}");
        }
        assert!(machine.withholds(&at("roles/own")).is_none());
    }

    /// A commit that has these files.
    struct Has(Vec<PathBuf>);

    impl Committed for Has {
        fn id(&self) -> &str {
            "x"
        }
        fn differs(&self, _: &Path) -> Option<String> {
            None
        }
        fn lacks(&self, path: &Path) -> bool {
            !self.0.iter().any(|has| has == path)
        }
    }

    #[test]
    fn what_no_commit_has_is_read_before_yes_where_whoever_types_says_so() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().canonicalize().unwrap().join(name);
        std::fs::create_dir_all(at("roles/fetched")).unwrap();
        for name in [".env", "new.yml", "site.yml", "key", "roles/fetched/a"] {
            std::fs::write(at(name), "a").unwrap();
        }
        let commit: Arc<dyn Committed> = Arc::new(Has(vec![at("site.yml")]));
        let read = |takes_new| {
            let withheld = Withheld::default()
                .guarding([at("key"), at("roles/fetched/a")], [at("roles/fetched")])
                .reading_only(Some(commit.clone()), takes_new);
            let machine = Beneath::new([home.path().to_owned()]).without(withheld);
            [".env", "new.yml", "site.yml", "key", "roles/fetched/a"]
                .map(|name| machine.read(&at(name)).is_ok())
        };
        assert_eq!(read(false), [false, false, true, false, true]);
        assert_eq!(read(true), [true, true, true, false, true]);
    }

    #[test]
    fn what_git_and_wgops_keep_is_read_by_no_playbook() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        let kept =
            [".git/config", ".wgops/history.json", "ledger/a/2026/00000001.private.json", "data/config"];
        for name in
            kept.into_iter().chain(["sub/.git", "ledger/a/2026/00000001.json", "a.private.json", "x.git"])
        {
            std::fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            std::fs::write(at(name), "gitdir: ../data\n").unwrap();
        }
        std::os::unix::fs::symlink(at(".git"), at("link")).unwrap();
        let machine = Beneath::new([home.path().to_owned(), at("sub")]);
        for name in kept.into_iter().chain(["link/config", "sub/.git", "sub/../.git/config"]) {
            let path = at(name);
            assert!(machine.read(&path).is_err() && !machine.is_file(&path), "{name}");
            assert!(machine.withholds(&path).is_some_and(|why| why.contains("git or wgops")), "{name}");
        }
        assert!(machine.entries(&at("link")).is_empty() && machine.entries(&at(".git")).is_empty());
        assert_eq!(machine.entries(home.path()), ["a.private.json", "ledger", "sub", "x.git"]);
        for name in ["a.private.json", "x.git", "ledger/a/2026/00000001.json"] {
            assert!(machine.read(&at(name)).is_ok(), "{name}");
        }
        assert!(machine.keep(&at(".git/new"), "x").is_err() && machine.keep(&at("new"), "x").is_ok());
    }

    #[test]
    fn nothing_outside_the_folders_is_read_not_even_by_a_link() {
        let inside = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(inside.path().join("a"), "in").unwrap();
        std::fs::write(outside.path().join("b"), "out").unwrap();
        std::os::unix::fs::symlink(outside.path().join("b"), inside.path().join("link")).unwrap();
        let machine = Beneath::new([inside.path().to_owned()]);
        assert_eq!(machine.read(&inside.path().join("a")).unwrap(), b"in");
        for path in [outside.path().join("b"), inside.path().join("link"), inside.path().join("../b")] {
            assert!(!machine.is_file(&path) && machine.read(&path).is_err(), "{}", path.display());
        }
    }
}

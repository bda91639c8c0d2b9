//! The ops repository around the current folder, and the hosts that the command line names.

use super::Failure;
use super::args::Targets;
use super::console::shown;
use crate::load::{
    Inventory, Pattern, Playbook, Problem, Problems, Project, Settings, Source, TextFile, project,
};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The ops repository, if there is one around the current folder.
pub struct Repository(Option<Project>);

impl Repository {
    /// Looks for it from the current folder upwards.
    ///
    /// # Errors
    /// There is one, and its settings are wrong.
    pub fn here() -> Result<Self, Failure> {
        let here = std::env::current_dir()
            .map_err(|error| Failure::usage(format!("the current folder can't be read: {error}")))?;
        let found = Project::find(&here)?;
        if let Some(project) = &found {
            trust(project)?;
            super::commit::brings_nothing_of_our_own(project.root())?;
        }
        Ok(Self(found))
    }

    /// Its folder, where nothing can be done without it.
    ///
    /// # Errors
    /// There is none.
    pub fn needed(&self) -> Result<&Path, Failure> {
        self.root().ok_or_else(|| {
            Failure::usage("this is no ops repository, and neither is any folder above it (no wgops.yml)")
                .hint("go into it, or begin one with 'wgops init'")
        })
    }

    /// Its folder.
    pub fn root(&self) -> Option<&Path> {
        self.0.as_ref().map(Project::root)
    }

    /// What `wgops.yml` says.
    pub fn settings(&self) -> Settings {
        self.0.as_ref().map(|project| project.settings().clone()).unwrap_or_default()
    }

    /// A file of the repository, if it is there.
    ///
    /// # Errors
    /// It leads out of the repository.
    pub fn file(&self, path: &str) -> Result<Option<PathBuf>, Problems> {
        let Some(project) = &self.0 else { return Ok(None) };
        let path = project.inside(path)?;
        Ok(path.exists().then_some(path))
    }

    /// Where a file of the repository lies or would lie; without a repository, nowhere.
    ///
    /// # Errors
    /// It leads out of the repository.
    pub fn place(&self, path: &str) -> Result<Option<PathBuf>, Problems> {
        Ok(self.0.as_ref().map(|project| project.inside(path)).transpose()?)
    }

    /// Reads the inventory that was named, or the one that `wgops.yml` names.
    ///
    /// # Errors
    /// None was named, it isn't there, or something is wrong with it.
    pub fn inventory(&self, targets: &Targets) -> Result<Inventory, Problems> {
        Inventory::load(&self.sources(targets)?)
    }

    /// What names the hosts.
    ///
    /// # Errors
    /// Nothing was named, or it isn't there.
    pub fn sources(&self, targets: &Targets) -> Result<Vec<Source>, Problems> {
        self.sources_named(targets.inventory().as_deref())
    }

    /// Reads an inventory by its name, or the one that `wgops.yml` names.
    ///
    /// # Errors
    /// As [`Repository::inventory`].
    pub fn inventory_named(&self, name: Option<&str>) -> Result<Inventory, Problems> {
        Inventory::load(&self.sources_named(name)?)
    }

    /// Every inventory of the repository, as far as it can be read.
    pub fn inventories(&self) -> impl Iterator<Item = Result<Inventory, Problems>> {
        let names = self.0.as_ref().map(Project::inventories).unwrap_or_default();
        names.into_iter().map(|name| self.inventory_named(Some(&name)))
    }

    fn sources_named(&self, names: Option<&str>) -> Result<Vec<Source>, Problems> {
        let default = self.settings().inventory;
        let Some(names) = names.or(default.as_deref()) else {
            return Err(self.unnamed().into());
        };
        let source = |name| {
            Ok(match &self.0 {
                Some(project) => project.source(name)?,
                None => project::source_without_project(name)?,
            })
        };
        names.split(SEVERAL).map(source).collect()
    }

    /// A file as the ledger names it: seen from the root of the repository where it lies in it.
    pub fn named(&self, file: &Path) -> String {
        let whole = file.canonicalize().unwrap_or_else(|_| file.to_owned());
        let root = self.root().and_then(|root| root.canonicalize().ok());
        let inner = root.and_then(|root| whole.strip_prefix(root).ok().map(Path::to_owned));
        inner.as_deref().unwrap_or(file).display().to_string()
    }

    fn unnamed(&self) -> Problem {
        let known = self.0.as_ref().map(Project::inventories).unwrap_or_default();
        let known = match known.as_slice() {
            [] => String::new(),
            names => format!(" (there is {})", names.join(", ")),
        };
        Problem::bare("no inventory was named")
            .help(format!("use --inventory NAME{known}, or --inventory local for this machine"))
    }
}

/// The repository's own playbook of this name, or the built-in one.
///
/// # Errors
/// It can't be read, or something is wrong with it.
pub fn project_playbook(path: &str, built_in: &str) -> Result<Playbook, Failure> {
    let playbook = match Repository::here()?.file(path)? {
        Some(file) => Playbook::load(&file)?,
        None => built_in_playbook(path, built_in)?,
    };
    Ok(playbook)
}

/// A playbook that wgops brings along.
///
/// # Errors
/// As [`project_playbook`].
pub fn built_in_playbook(name: &str, text: &str) -> Result<Playbook, Failure> {
    let file = TextFile::from_bytes(&Path::new("(built in)").join(name), text.as_bytes().to_vec())?;
    Ok(Playbook::parse(&file)?)
}

/// Between the names of several inventories.
const SEVERAL: char = '\n';

impl Targets {
    /// What was named as inventory, as one text.
    pub fn inventory(&self) -> Option<String> {
        (!self.inventory.is_empty()).then(|| self.inventory.join(&SEVERAL.to_string()))
    }

    /// What `--limit` chooses from the inventory.
    ///
    /// # Errors
    /// The pattern is wrong.
    pub fn pattern(&self) -> Result<Option<Pattern>, Problem> {
        self.limit.as_deref().map(Pattern::parse_limit).transpose()
    }
}

/// Makes sure that an ops repository is ours: on a machine with several users anybody can put a `wgops.yml` above the
/// folder that somebody else works in, and what it says would be done as that one.
fn trust(project: &Project) -> Result<(), Failure> {
    let root = project.root();
    if std::env::var_os(SAFE).is_some_and(|safe| Path::new(&safe) == root) {
        return Ok(());
    }
    let me = rustix::process::geteuid().as_raw();
    let behind_sudo = std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| me == 0);
    let why = [root.to_owned(), root.join(project::SETTINGS_FILE), root.join("inventory")]
        .iter()
        .filter_map(|path| Some((path, path.symlink_metadata().ok()?)))
        .find_map(|(path, about)| strangers(path, &about, &[Some(0), Some(me), behind_sudo]));
    let Some(why) = why.or_else(|| inside_another(project)) else { return Ok(()) };
    Err(Failure::usage(why)
        .hint(format!("if this is your group's ops repository, set {SAFE}={}", shown(root))))
}

/// Whoever may push to a repository can make a folder in it look like an ops repository: with a roster of its own, without the
/// freezes, the claims and the known machines of the real one.
fn inside_another(project: &Project) -> Option<String> {
    let root = project.root();
    let is_git = |folder: &&Path| folder.join(GIT).symlink_metadata().is_ok();
    let (outer, what) = match project.outer() {
        Some(outer) => (outer, "the ops repository"),
        None if is_git(&root) => return None,
        None => (root.ancestors().skip(1).find(is_git)?, "the git repository"),
    };
    let (root, outer) = (shown(root), shown(outer));
    Some(format!(
        "the ops repository {root} lies inside of {what} {outer}: whoever can push there may have made it, with rules of its own"
    ))
}

/// What makes a folder a git repository.
const GIT: &str = ".git";

/// Names the ops repository that is taken although it belongs to somebody else.
const SAFE: &str = "WGOPS_SAFE_DIRECTORY";

/// Why what is there may be somebody else's, if it may.
fn strangers(path: &Path, about: &Metadata, ours: &[Option<u32>]) -> Option<String> {
    const WRITABLE_BY_ALL: u32 = 0o002;
    if !ours.contains(&Some(about.uid())) {
        return Some(format!("{} belongs to another user (number {})", shown(path), about.uid()));
    }
    let open = about.mode() & WRITABLE_BY_ALL != 0 && !about.file_type().is_symlink();
    open.then(|| format!("everybody can write to {}", shown(path)))
}

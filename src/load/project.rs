//! The ops repository: where it is, what its inventories are called, and that nothing in it leads out of it.
//!
//! It is found from a folder upwards. The first folder counts that holds `wgops.yml`, or a folder `inventory/` and
//! beside it `playbooks/`, `ledger/` or `.git`.

use super::inventory::Source;
use super::problem::{Problem, Problems};
use super::settings::Settings;
use std::path::{Path, PathBuf};

/// Name of the file of settings.
pub const SETTINGS_FILE: &str = "wgops.yml";
/// Folders beside `inventory/` that make a folder an ops repository.
const BESIDE: [&str; 3] = ["playbooks", "ledger", ".git"];
/// Folders in which git and wgops keep what is no part of a repository's files.
const KEPT: [&str; 2] = [".git", ".wgops"];
/// How files of the ledger end that hold what isn't for all.
const PRIVATE: &str = ".private.json";
/// Endings of inventories, in the order in which they are looked for.
const ENDINGS: [&str; 3] = ["yml", "yaml", "ini"];
/// Files of `inventory/` that are no inventories.
const NO_INVENTORIES: [&str; 3] = ["operators.yml", "suppressions.yml", "known_hosts"];
/// Most files that are looked at for links that lead out.
const ENTRIES_MAX: usize = 100_000;
/// The inventory that needs no file.
const LOCAL: &str = "local";

/// An ops repository.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    settings: Settings,
}

impl Project {
    /// Finds the ops repository that a folder, named absolutely, is in; `None` where it is in none.
    ///
    /// # Errors
    /// There is one, but its settings are wrong, or it leads out of itself.
    pub fn find(from: &Path) -> Result<Option<Self>, Problems> {
        from.ancestors().find(|folder| is_project(folder)).map(Self::open).transpose()
    }

    /// Opens the ops repository in a folder.
    ///
    /// # Errors
    /// Its settings are wrong, or it leads out of itself.
    pub fn open(root: &Path) -> Result<Self, Problems> {
        let mut project = Self { root: root.to_owned(), settings: Settings::default() };
        let file = project.inside(SETTINGS_FILE)?;
        if std::fs::symlink_metadata(&file).is_ok() {
            project.settings = Settings::read(&file)?;
        }
        Ok(project)
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The ops repository that this one lies in, if it lies in one.
    pub fn outer(&self) -> Option<&Path> {
        self.root.ancestors().skip(1).find(|folder| is_project(folder))
    }

    /// What `wgops.yml` says.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A path of the repository, whether it exists or not.
    ///
    /// # Errors
    /// A symbolic link, or `..`, leads out of the repository.
    pub fn inside(&self, path: impl AsRef<Path>) -> Result<PathBuf, Problem> {
        let path = self.root.join(path.as_ref());
        let problem = |message: &str| Problem::in_file(&path, message.to_owned());
        let resolved = |path: &Path| path.canonicalize().ok();
        let root = resolved(&self.root).ok_or_else(|| problem("the ops repository can't be read"))?;
        // What doesn't exist yet is judged by the folder that it would be made in.
        let existing = path.ancestors().find(|part| std::fs::symlink_metadata(part).is_ok());
        let outside = || {
            problem("leads out of the ops repository")
                .help("symbolic links may not leave it; put the file in")
        };
        let target = existing.and_then(resolved).ok_or_else(outside)?;
        let climbs = path.components().any(|part| part == std::path::Component::ParentDir);
        if target.starts_with(&root) && !climbs { Ok(path) } else { Err(outside()) }
    }

    /// Makes sure that no symbolic link below a folder of the repository leads out of it.
    ///
    /// # Errors
    /// One does, or the folder is too large to look through.
    pub fn check_links(&self, folder: impl AsRef<Path>) -> Result<(), Problem> {
        let mut folders = vec![self.inside(folder)?];
        let mut seen = 0_usize;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                seen += 1;
                if seen > ENTRIES_MAX {
                    return Err(Problem::in_file(&folder, format!("more than {ENTRIES_MAX} files")));
                }
                let kind = entry.file_type().ok();
                if kind.is_some_and(|kind| kind.is_dir()) {
                    folders.push(entry.path());
                } else if kind.is_some_and(|kind| kind.is_symlink()) {
                    self.inside(entry.path())?;
                    check_link(&self.root, &entry.path())?;
                }
            }
        }
        Ok(())
    }

    /// The sources that `--inventory` names: `local`, a list with commas, the name of an inventory of the repository,
    /// or a path.
    ///
    /// # Errors
    /// Nothing has this name; the help says what there is.
    pub fn source(&self, name: &str) -> Result<Source, Problem> {
        if let Some(source) = built_in(name) {
            return Ok(source);
        }
        self.check_links("inventory")?;
        let typed = Path::new(name);
        if !name.contains('/') {
            let found = self.named(name)?;
            match found.as_slice() {
                [one] => return Ok(Source::Path(one.clone())),
                [] => {}
                [one, other, ..] => {
                    let message = format!("'{name}' is both '{}' and '{}'", one.display(), other.display());
                    return Err(Problem::bare(message).help("name the file"));
                }
            }
        }
        match path_source(name) {
            Ok(Source::Path(path)) => match typed.strip_prefix(&self.root) {
                Ok(inner) => self.inside(inner).map(Source::Path),
                Err(_) => Ok(Source::Path(path)),
            },
            Ok(source) => Ok(source),
            Err(problem) => Err(self.unknown(name, problem)),
        }
    }

    /// The names of the repository's inventories.
    pub fn inventories(&self) -> Vec<String> {
        let names = self.inventory_files().into_iter().filter(|name| !name.ends_with(".example"));
        let mut names: Vec<String> = names.map(|name| stem(&name).to_owned()).collect();
        names.dedup();
        names
    }

    fn named(&self, name: &str) -> Result<Vec<PathBuf>, Problem> {
        let mut found = Vec::new();
        let endings = ENDINGS.iter().map(|ending| format!("{name}.{ending}"));
        for file in endings.chain([name.to_owned()]) {
            let path = Path::new("inventory").join(&file);
            let reserved =
                NO_INVENTORIES.contains(&file.as_str()) || file.ends_with("_vars") || file.starts_with('.');
            if !reserved && !file.is_empty() && std::fs::symlink_metadata(self.root.join(&path)).is_ok() {
                found.push(self.inside(path)?);
            }
        }
        Ok(found)
    }

    fn inventory_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join("inventory")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_dir() || is_inventory_name(&entry.file_name().to_string_lossy()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .filter(|name| !name.starts_with('.') && !name.ends_with("_vars"))
            .collect();
        names.sort();
        names
    }

    fn unknown(&self, name: &str, problem: Problem) -> Problem {
        let mut known = self.inventories();
        known.push(LOCAL.to_owned());
        let sample =
            self.inventory_files().into_iter().find(|file| file.ends_with(".example") && stem(file) == name);
        match sample {
            Some(sample) => problem.help(format!(
                "copy 'inventory/{sample}' to 'inventory/{}' and put your hosts in",
                sample.trim_end_matches(".example")
            )),
            None => problem.nearest(name, known.iter().map(String::as_str)),
        }
    }
}

/// The source that `--inventory` names where there is no ops repository.
///
/// # Errors
/// It is neither `local`, nor a list with commas, nor a path.
pub fn source_without_project(name: &str) -> Result<Source, Problem> {
    match built_in(name) {
        Some(source) => Ok(source),
        None => path_source(name).map_err(|problem| {
            problem.help("this folder is in no ops repository ('wgops init' makes one): name a file, 'host,' or 'local'")
        }),
    }
}

fn built_in(name: &str) -> Option<Source> {
    match name {
        LOCAL => Some(Source::Local),
        list if list.contains(',') => Some(Source::List(list.to_owned())),
        _ => None,
    }
}

fn path_source(name: &str) -> Result<Source, Problem> {
    let exists = !name.is_empty() && Path::new(name).exists();
    let unknown = || Problem::bare(format!("no inventory is called '{name}'"));
    exists.then(|| Source::Path(name.into())).ok_or_else(unknown)
}

/// Makes sure that what is read below a folder of an ops repository lies in it, and is nothing that git or wgops keep for themselves
/// there, wherever links lead: a token, names of hosts. Elsewhere there is nobody's repository to leave.
///
/// # Errors
/// It lies there.
pub(super) fn check_read(folder: &Path, path: &Path) -> Result<(), Problem> {
    let Ok(folder) = folder.canonicalize() else { return Ok(()) };
    let Some(root) = folder.ancestors().find(|folder| is_project(folder)) else { return Ok(()) };
    if path.canonicalize().is_ok_and(|target| !target.starts_with(root)) {
        let problem = Problem::in_file(path, "leads out of the ops repository");
        return Err(problem.help("symbolic links may not leave it; put the file in"));
    }
    check_link(root, path)
}

fn check_link(root: &Path, path: &Path) -> Result<(), Problem> {
    let (Ok(root), Ok(target)) = (root.canonicalize(), path.canonicalize()) else { return Ok(()) };
    let Ok(inner) = target.strip_prefix(root) else { return Ok(()) };
    let is_kept = |part: std::path::Component<'_>| KEPT.iter().any(|kept| part.as_os_str() == *kept);
    let is_private = inner.starts_with("ledger") && inner.to_string_lossy().ends_with(PRIVATE);
    if inner.components().any(is_kept) || is_private {
        let problem = Problem::in_file(path, "leads to what git or wgops keep for themselves");
        return Err(problem.help("put a file in its place; 'git log' names who made the link"));
    }
    Ok(())
}

fn is_project(folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).exists();
    folder.join(SETTINGS_FILE).is_file() || (folder.join("inventory").is_dir() && BESIDE.into_iter().any(has))
}

fn is_inventory_name(name: &str) -> bool {
    let plain = name.trim_end_matches(".example");
    ENDINGS.iter().any(|ending| plain.ends_with(&format!(".{ending}"))) && !NO_INVENTORIES.contains(&plain)
}

fn stem(name: &str) -> &str {
    let plain = name.trim_end_matches(".example");
    plain.rsplit_once('.').filter(|(_, ending)| ENDINGS.contains(ending)).map_or(plain, |(stem, _)| stem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn project(files: &[&str]) -> (tempfile::TempDir, Project) {
        let root = tempfile::tempdir().unwrap();
        for file in files.iter().chain(&[SETTINGS_FILE]) {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let project = Project::open(root.path()).unwrap();
        (root, project)
    }

    const FILES: [&str; 7] = [
        "inventory/prod.yml",
        "inventory/staging.ini",
        "inventory/lab/hosts",
        "inventory/operators.yml",
        "inventory/group_vars/all.yml",
        "inventory/customer.yml.example",
        "inventory/known_hosts",
    ];

    #[test]
    fn a_repository_is_found_from_any_folder_in_it() {
        let (root, _) = project(&["playbooks/deep/x.yml"]);
        let found = Project::find(&root.path().join("playbooks/deep")).unwrap().unwrap();
        assert_eq!(found.root(), root.path());
        fs::remove_file(root.path().join(SETTINGS_FILE)).unwrap();
        assert!(Project::find(root.path()).unwrap().is_none());
        fs::create_dir(root.path().join("inventory")).unwrap();
        assert!(Project::find(root.path()).unwrap().is_some());
    }

    #[test]
    fn wrong_settings_are_an_error_and_not_no_repository() {
        let (root, _) = project(&[]);
        fs::write(root.path().join(SETTINGS_FILE), "gruop: x\n").unwrap();
        assert!(Project::find(root.path()).unwrap_err().to_string().contains("did you mean 'group'?"));
    }

    #[test]
    fn inventories_have_short_names() {
        let (root, project) = project(&FILES);
        let path = |name: &str| Source::Path(root.path().join("inventory").join(name));
        assert_eq!(project.source("prod"), Ok(path("prod.yml")));
        assert_eq!(project.source("prod.yml"), Ok(path("prod.yml")));
        assert_eq!(project.source("staging"), Ok(path("staging.ini")));
        assert_eq!(project.source("lab"), Ok(path("lab")));
        assert_eq!(project.source("local"), Ok(Source::Local));
        assert_eq!(project.source("a,b"), Ok(Source::List("a,b".into())));
        assert_eq!(project.inventories(), ["lab", "prod", "staging"]);
        let full = root.path().join("inventory/prod.yml");
        assert_eq!(project.source(full.to_str().unwrap()), Ok(Source::Path(full)));
    }

    #[test]
    fn an_unknown_inventory_says_what_there_is() {
        let (_root, project) = project(&FILES);
        let help = |name: &str| project.source(name).unwrap_err().help.unwrap_or_default();
        assert_eq!(help("prdo"), "did you mean 'prod'?");
        assert_eq!(help("kubernetes"), "known: lab, prod, staging, local");
        assert_eq!(
            help("customer"),
            "copy 'inventory/customer.yml.example' to 'inventory/customer.yml' and put your hosts in"
        );
        for name in ["operators", "operators.yml", "known_hosts", "group_vars", "", "no/such"] {
            assert!(project.source(name).is_err(), "{name}");
        }
        assert!(source_without_project("prod").unwrap_err().to_string().contains("wgops init"));
    }

    #[test]
    fn one_name_for_two_inventories_is_refused() {
        let (_root, project) = project(&["inventory/prod.yml", "inventory/prod.ini"]);
        assert!(project.source("prod").unwrap_err().message.starts_with("'prod' is both"));
    }

    #[test]
    fn nothing_leads_out_of_the_repository() {
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("evil.yml"), "").unwrap();
        let (root, project) = project(&["inventory/prod.yml"]);
        symlink(elsewhere.path(), root.path().join("ledger")).unwrap();
        symlink(elsewhere.path().join("evil.yml"), root.path().join("inventory/evil.yml")).unwrap();
        symlink(elsewhere.path().join("none"), root.path().join("plans")).unwrap();
        symlink(root.path().join("inventory/prod.yml"), root.path().join("inventory/alias.yml")).unwrap();
        for path in
            ["ledger", "ledger/new/file", "inventory/evil.yml", "plans", "../x", "/etc/passwd", "a/../../x"]
        {
            assert!(project.inside(path).is_err(), "{path}");
        }
        for name in ["evil", "prod", root.path().join("inventory/evil.yml").to_str().unwrap()] {
            assert!(
                project.source(name).unwrap_err().message.contains("leads out of the ops repository"),
                "{name}"
            );
        }
        fs::remove_file(root.path().join("inventory/evil.yml")).unwrap();
        assert!(project.source("alias").is_ok());
        assert!(project.inside("new/folder/file").is_ok());
    }

    #[test]
    fn what_git_and_wgops_keep_is_no_part_of_an_inventory_wherever_links_lead() {
        let kept = [".git/config", ".wgops/history.json", "ledger/a/2026/00000001.private.json"];
        let (root, project) = project(&["inventory/prod.yml", "playbooks/site.yml", "own/all.yml"]);
        for name in kept {
            let file = root.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, "").unwrap();
            for folder in ["inventory/group_vars", "playbooks/host_vars"] {
                let link = root.path().join(folder).join("all.yml");
                fs::create_dir_all(link.parent().unwrap()).unwrap();
                symlink(&file, &link).unwrap();
                let beside = root.path().join(folder).parent().unwrap().to_owned();
                let refused = check_read(&beside, &link).unwrap_err();
                assert!(refused.message.contains("what git or wgops keep"), "{name}: {}", refused.message);
                assert_eq!(project.source("prod").is_err(), folder.starts_with("inventory"), "{name}");
                fs::remove_file(link).unwrap();
            }
        }
        // Also by the folder, and as a whole inventory.
        symlink(root.path().join(".wgops"), root.path().join("inventory/more")).unwrap();
        assert!(project.source("more").unwrap_err().message.contains("what git or wgops keep"));
        fs::remove_file(root.path().join("inventory/more")).unwrap();
        let (link, out) = (root.path().join("playbooks/group_vars"), tempfile::tempdir().unwrap());
        symlink(root.path().join("own"), &link).unwrap();
        assert!(check_read(&root.path().join("playbooks"), &link.join("all.yml")).is_ok());
        fs::remove_file(&link).unwrap();
        fs::write(out.path().join("all.yml"), "").unwrap();
        symlink(out.path(), &link).unwrap();
        assert!(check_read(&root.path().join("playbooks"), &link.join("all.yml")).is_err());
        assert!(check_read(out.path(), &out.path().join("all.yml")).is_ok(), "nobody's repository");
    }

    #[test]
    fn settings_behind_a_link_out_of_the_repository_are_refused() {
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join("w.yml"), "group: x\n").unwrap();
        let root = tempfile::tempdir().unwrap();
        symlink(elsewhere.path().join("w.yml"), root.path().join(SETTINGS_FILE)).unwrap();
        assert!(Project::find(root.path()).is_err());
    }
}

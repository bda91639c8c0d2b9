//! Roles: a folder with `tasks/`, `handlers/`, `defaults/`, `vars/` and `meta/`, of which each file is read as Ansible does.
//!
//! What a role's tasks mean is said in `plan`; here are only its files. `defaults` and `vars` may be folders, whose files
//! are laid over each other by name; of the others one file counts.

use super::playbook::{self, RoleEntry, Section, TaskItem};
use super::problem::{Problem, Problems};
use super::yaml::{Node, NodeValue, Variables, load_vars};
use indexmap::IndexMap;
use std::path::{Component, Path, PathBuf};

/// Endings of a role's files, in the order in which they are looked for.
const ENDINGS: [&str; 3] = [".yml", ".yaml", ".json"];
/// Deepest folder below `vars/main/` that is looked into.
const DEPTH_MAX: usize = 8;

/// Says why a file may not be read.
pub type Refusal<'a> = &'a dyn Fn(&Path) -> Option<String>;

/// A role's files.
#[derive(Clone, Debug, Default)]
pub struct Role {
    /// Its folder.
    pub path: PathBuf,
    /// `defaults/main.yml`.
    pub defaults: Variables,
    /// `vars/main.yml`.
    pub vars: Variables,
    /// `tasks/main.yml`.
    pub tasks: Vec<TaskItem>,
    /// The folder of the tasks, from which they include others.
    pub tasks_folder: PathBuf,
    /// `handlers/main.yml`.
    pub handlers: Vec<TaskItem>,
    /// What it depends on.
    pub dependencies: Vec<RoleEntry>,
    /// Whether it may run more than once with the same parameters.
    pub allow_duplicates: bool,
    /// What it takes, by entry point.
    pub argument_specs: IndexMap<String, Node>,
}

/// Which files are read in place of the main ones.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct FromFiles {
    /// `tasks_from`.
    pub tasks: Option<String>,
    /// `vars_from`.
    pub vars: Option<String>,
    /// `defaults_from`.
    pub defaults: Option<String>,
    /// `handlers_from`.
    pub handlers: Option<String>,
}

/// Finds a role's folder by its name in folders that hold roles.
///
/// # Errors
/// It is in none of them.
pub fn find(name: &str, folders: &[PathBuf]) -> Result<PathBuf, Problem> {
    // A role of a collection: NAMESPACE.COLLECTION.ROLE.
    let of_collection = match name.split('.').collect::<Vec<_>>()[..] {
        [namespace, collection, ref role @ ..] if !role.is_empty() && !name.contains('/') => {
            Some(format!("{namespace}/{collection}/roles/{}", role.join("/")))
        }
        _ => None,
    };
    let in_folder = |folder: &PathBuf| {
        let collection = of_collection.as_ref().map(|role| folder.join(role));
        collection.into_iter().chain([folder.join(name)]).find(|path| path.is_dir())
    };
    let found = folders.iter().find_map(in_folder);
    let own = || Some(PathBuf::from(name)).filter(|path| name.contains('/') && path.is_dir());
    found.or_else(own).ok_or_else(|| {
        let problem = Problem::bare(format!("there is no role '{name}'"));
        let is_collection = name.split('.').count() > 2;
        let looked: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        let looked = looked.join(", ");
        problem.help(if is_collection {
            format!(
                "put its collection below collections/ansible_collections beside the playbook, or name a folder of \
                 collections in ANSIBLE_COLLECTIONS_PATH; looked in {looked}"
            )
        } else {
            format!("looked in {looked}; ANSIBLE_ROLES_PATH names other folders")
        })
    })
}

impl Role {
    /// Reads a role's files; `refusal` says why one may not be read, where a link leads.
    ///
    /// # Errors
    /// Everything that is wrong with them, or a file that was named is not there.
    pub fn load(path: &Path, from: &FromFiles, refusal: Refusal<'_>) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut role = Self { path: path.to_owned(), tasks_folder: path.join("tasks"), ..Self::default() };
        let own = Own { path, refusal };
        role.defaults = own.variables("defaults", from.defaults.as_deref(), &mut problems);
        role.vars = own.variables("vars", from.vars.as_deref(), &mut problems);
        if let Some(file) = own.one_file("tasks", from.tasks.as_deref(), &mut problems) {
            role.tasks_folder = file.parent().unwrap_or(path).to_owned();
            role.tasks = tasks(&file, Section::Tasks, &mut problems);
        }
        if let Some(file) = own.one_file("handlers", from.handlers.as_deref(), &mut problems) {
            role.handlers = tasks(&file, Section::Handlers, &mut problems);
        }
        role.meta(&own, &mut problems);
        Problems::check(problems)?;
        Ok(role)
    }

    fn meta(&mut self, own: &Own<'_>, problems: &mut Vec<Problem>) {
        let meta = own.one_file("meta", None, problems).and_then(|file| read(&file, problems));
        if let Some((file, node)) = &meta {
            match playbook::read_dependencies(file, node.get("dependencies")) {
                Ok(dependencies) => self.dependencies = dependencies,
                Err(found) => problems.extend(found.0),
            }
            self.allow_duplicates = node.get("allow_duplicates").is_some_and(is_yes);
        }
        let own = existing(&self.path.join("meta/argument_specs"), &ENDINGS);
        let own = own.and_then(|file| read(&file, problems)).map(|(_, node)| node);
        let specs = own.or(meta.map(|(_, node)| node));
        if let Some(NodeValue::Map(entries)) =
            specs.and_then(|node| node.get("argument_specs").cloned()).map(|n| n.value)
        {
            self.argument_specs = entries.into_iter().map(|(key, node)| (key.name, node)).collect();
        }
    }
}

fn is_yes(node: &Node) -> bool {
    match &node.value {
        NodeValue::Bool(flag) => *flag,
        NodeValue::Text(text) => matches!(text.to_lowercase().as_str(), "yes" | "true" | "on" | "1"),
        _ => false,
    }
}

fn read(file: &Path, problems: &mut Vec<Problem>) -> Option<(super::TextFile, Node)> {
    let text = super::TextFile::read(file).map_err(Problems::from);
    match text.and_then(|text| Node::parse(&text).map(|node| (text, node))) {
        Ok(read) => Some(read),
        Err(found) => {
            problems.extend(found.0);
            None
        }
    }
}

fn tasks(file: &Path, section: Section, problems: &mut Vec<Problem>) -> Vec<TaskItem> {
    playbook::load_tasks(file, section).unwrap_or_else(|found| {
        problems.extend(found.0);
        Vec::new()
    })
}

/// The path with the first of the endings with which it is a file.
fn existing(path: &Path, endings: &[&str]) -> Option<PathBuf> {
    let with = |ending: &&str| PathBuf::from(format!("{}{ending}", path.display()));
    endings.iter().map(with).find(|path| path.is_file())
}

/// Whether the name of a file leads out of the folder that it is in: roles name their own files.
fn climbs_out(name: &str) -> bool {
    let mut depth = 0_usize;
    Path::new(name).components().any(|part| match part {
        Component::ParentDir => depth.checked_sub(1).map(|less| depth = less).is_none(),
        Component::RootDir | Component::Prefix(_) => true,
        Component::Normal(_) | Component::CurDir => {
            depth += usize::from(part != Component::CurDir);
            false
        }
    })
}

/// A role's own files. Links may lead to those of other roles, as far as `refusal` lets them.
struct Own<'a> {
    path: &'a Path,
    refusal: Refusal<'a>,
}

impl Own<'_> {
    /// The file of a folder that counts: `main`, or the one that was named.
    fn one_file(&self, folder: &str, named: Option<&str>, problems: &mut Vec<Problem>) -> Option<PathBuf> {
        let path = self.path.join(folder).join(named.unwrap_or("main"));
        let endings: Vec<&str> = match named {
            None => ENDINGS.iter().copied().chain([""]).collect(),
            Some(_) => std::iter::once("").chain(ENDINGS).collect(),
        };
        match (existing(&path, &endings), named) {
            (Some(file), Some(name)) if climbs_out(name) => {
                problems.push(Problem::in_file(file, "leads out of the role"));
                None
            }
            (Some(file), _) => self.readable(file, problems),
            (None, Some(name)) => {
                let message = format!("the role has no file '{folder}/{name}'");
                problems.push(Problem::in_file(self.path, message));
                None
            }
            (None, None) => None,
        }
    }

    /// The file, unless it may not be read.
    fn readable(&self, file: PathBuf, problems: &mut Vec<Problem>) -> Option<PathBuf> {
        match (self.refusal)(&file) {
            Some(why) => {
                problems.push(Problem::in_file(file, why));
                None
            }
            None => Some(file),
        }
    }

    /// The variables of a folder: of one file, or of all files of a folder of that name.
    fn variables(&self, folder: &str, named: Option<&str>, problems: &mut Vec<Problem>) -> Variables {
        let whole = self.path.join(folder).join(named.unwrap_or("main"));
        let mut files = Vec::new();
        if whole.is_dir() {
            files_below(&whole, 0, &mut files);
        } else {
            files.extend(self.one_file(folder, named, problems));
        }
        let mut all = Variables::new();
        for file in files {
            let Some(file) = self.readable(file, problems) else { continue };
            match load_vars(&file) {
                Ok(variables) => all.extend(variables),
                Err(found) => problems.extend(found.0),
            }
        }
        all
    }
}

/// The files of variables below a folder, in the order of their names.
fn files_below(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if path.is_dir() && depth < DEPTH_MAX {
            files_below(&path, depth + 1, files);
        } else if ENDINGS.iter().any(|ending| name.ends_with(ending)) || !name.contains('.') {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two roles, of which the second has the handlers of the first, by a link.
    fn roles() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["one/tasks", "one/handlers", "two/tasks", "two/handlers"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("one/handlers/main.yml"), "- name: Again\n  debug:\n").unwrap();
        std::fs::write(dir.path().join("two/tasks/main.yml"), "- ping:\n").unwrap();
        std::os::unix::fs::symlink("../../one/handlers/main.yml", dir.path().join("two/handlers/main.yml"))
            .unwrap();
        dir
    }

    #[test]
    fn a_link_may_lead_to_another_role_but_not_out_of_what_may_be_read() {
        let dir = roles();
        let two = dir.path().join("two");
        let role = Role::load(&two, &FromFiles::default(), &|_| None).unwrap();
        assert_eq!(role.handlers.len(), 1);
        let outside =
            |path: &Path| path.ends_with("two/handlers/main.yml").then(|| "lies outside".to_owned());
        let refused = Role::load(&two, &FromFiles::default(), &outside).unwrap_err();
        assert!(refused.to_string().contains("lies outside"), "{refused}");
    }

    #[test]
    fn a_named_file_is_the_roles_own() {
        let dir = roles();
        let named = |name: &str| FromFiles { tasks: Some(name.into()), ..FromFiles::default() };
        let load = |name: &str| Role::load(&dir.path().join("two"), &named(name), &|_| None);
        assert!(load("main").is_ok());
        assert!(load("./x/../main.yml").is_err(), "there is no folder x");
        for name in ["../../one/handlers/main.yml", "x/../../../one/handlers/main"] {
            std::fs::create_dir_all(dir.path().join("two/tasks/x")).unwrap();
            let refused = load(name).unwrap_err();
            assert!(refused.to_string().contains("leads out of the role"), "{name}: {refused}");
        }
        assert!(load("./x/../main.yml").is_ok());
    }
}

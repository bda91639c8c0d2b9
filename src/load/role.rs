//! Roles: a folder with `tasks/`, `handlers/`, `defaults/`, `vars/` and `meta/`, of which each file is read as Ansible does.
//!
//! What a role's tasks mean is said in `plan`; here are only its files. `defaults` and `vars` may be folders, whose files
//! are laid over each other by name; of the others one file counts.

use super::playbook::{self, RoleEntry, Section, TaskItem};
use super::problem::{Problem, Problems};
use super::yaml::{Node, NodeValue, Variables, load_vars};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};

/// Endings of a role's files, in the order in which they are looked for.
const ENDINGS: [&str; 3] = [".yml", ".yaml", ".json"];
/// Deepest folder below `vars/main/` that is looked into.
const DEPTH_MAX: usize = 8;

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
    /// Reads a role's files.
    ///
    /// # Errors
    /// Everything that is wrong with them, or a file that was named is not there.
    pub fn load(path: &Path, from: &FromFiles) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut role = Self { path: path.to_owned(), tasks_folder: path.join("tasks"), ..Self::default() };
        role.defaults = variables(path, "defaults", from.defaults.as_deref(), &mut problems);
        role.vars = variables(path, "vars", from.vars.as_deref(), &mut problems);
        if let Some(file) = one_file(path, "tasks", from.tasks.as_deref(), &mut problems) {
            role.tasks_folder = file.parent().unwrap_or(path).to_owned();
            role.tasks = tasks(&file, Section::Tasks, &mut problems);
        }
        if let Some(file) = one_file(path, "handlers", from.handlers.as_deref(), &mut problems) {
            role.handlers = tasks(&file, Section::Handlers, &mut problems);
        }
        role.meta(&mut problems);
        Problems::check(problems)?;
        Ok(role)
    }

    fn meta(&mut self, problems: &mut Vec<Problem>) {
        let meta = one_file(&self.path, "meta", None, problems).and_then(|file| read(&file, problems));
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

/// The file of a folder that counts: `main`, or the one that was named.
fn one_file(role: &Path, folder: &str, named: Option<&str>, problems: &mut Vec<Problem>) -> Option<PathBuf> {
    let path = role.join(folder).join(named.unwrap_or("main"));
    let endings: Vec<&str> = match named {
        None => ENDINGS.iter().copied().chain([""]).collect(),
        Some(_) => std::iter::once("").chain(ENDINGS).collect(),
    };
    let found = existing(&path, &endings);
    match (&found, named) {
        (Some(file), _) if !super::text::lies_beneath(&role.join(folder), file) => {
            problems.push(Problem::in_file(file, "leads out of the role"));
            None
        }
        (None, Some(name)) => {
            let message = format!("the role has no file '{folder}/{name}'");
            problems.push(Problem::in_file(role, message));
            None
        }
        _ => found,
    }
}

/// The variables of a folder: of one file, or of all files of a folder of that name.
fn variables(role: &Path, folder: &str, named: Option<&str>, problems: &mut Vec<Problem>) -> Variables {
    let whole = role.join(folder).join(named.unwrap_or("main"));
    let mut files = Vec::new();
    if whole.is_dir() {
        files_below(&whole, 0, &mut files);
    } else {
        files.extend(one_file(role, folder, named, problems));
    }
    let mut all = Variables::new();
    for file in files {
        match load_vars(&file) {
            Ok(variables) => all.extend(variables),
            Err(found) => problems.extend(found.0),
        }
    }
    all
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

//! The files of roles and tasks that a play is made of: where they are, which of them may be read, and each read once.

use crate::load::playbook::{Section, TaskItem, load_tasks};
use crate::load::role::FromFiles;
use crate::load::text::lies_beneath;
use crate::load::{Problems, Role, yaml};
use crate::model::{Digest, Map};
use crate::template::Controller;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// The files of roles and tasks of one play.
#[derive(Default)]
pub struct Library {
    /// The playbook's folder.
    pub directory: PathBuf,
    /// The folder out of which no file is read, but for those that the operator named.
    pub root: PathBuf,
    /// Folders of roles that the operator named.
    pub roles_path: Arc<[PathBuf]>,
    controller: Option<Arc<dyn Controller>>,
    shelves: Mutex<Shelves>,
}

#[derive(Default)]
struct Shelves {
    roles: HashMap<(PathBuf, FromFiles), Arc<Role>>,
    tasks: HashMap<(PathBuf, Section, Stamp), Arc<Vec<TaskItem>>>,
    instances: HashMap<Digest, usize>,
    variables: HashMap<(PathBuf, Stamp), Arc<Map>>,
}

/// When a file was written last, and how long it is: a run on this machine may write one that it reads later.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// A path from the root on. The folder of a playbook that is named without one is the current folder.
pub fn whole(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Library {
    /// A library in which nothing was read yet.
    pub fn new(directory: &Path, root: &Path, roles_path: &Arc<[PathBuf]>) -> Self {
        Self {
            directory: directory.to_owned(),
            root: root.to_owned(),
            roles_path: roles_path.clone(),
            controller: None,
            shelves: Mutex::default(),
        }
    }

    /// The same without what the controller withholds.
    #[must_use]
    pub fn asking(self, controller: &Arc<dyn Controller>) -> Self {
        Self { controller: Some(controller.clone()), ..self }
    }

    /// Folders in which roles are looked for, in order; `beside` is the role that names one.
    pub fn role_folders(&self, beside: Option<&Path>) -> Vec<PathBuf> {
        let mut folders = vec![self.directory.join("roles")];
        folders.extend(self.roles_path.iter().cloned());
        folders.extend(beside.and_then(Path::parent).map(Path::to_owned));
        // Where the role is a link, its neighbours are those of what it leads to.
        let real = beside.and_then(|role| role.canonicalize().ok());
        folders.extend(real.as_deref().and_then(Path::parent).map(Path::to_owned));
        folders.push(self.root.join("roles"));
        for above in [&self.directory, &self.root] {
            folders.push(above.join("collections/ansible_collections"));
        }
        folders.push(self.directory.clone());
        let mut known = Vec::new();
        folders.retain(|folder| {
            !known.contains(folder) && {
                known.push(folder.clone());
                true
            }
        });
        folders
    }

    /// Why a file or folder is no part of a playbook here, with its name before that.
    pub fn refusal(&self, path: &Path) -> Option<String> {
        if !self.may_read(path) {
            return Some(format!("lies outside {}", self.root.display()));
        }
        self.controller.as_ref()?.withholds(path)
    }

    /// Whether a file or folder may be read.
    pub fn may_read(&self, path: &Path) -> bool {
        lies_beneath(&self.root, path) || self.roles_path.iter().any(|folder| lies_beneath(folder, path))
    }

    /// A role's files.
    ///
    /// # Errors
    /// As [`Role::load`].
    pub fn role(&self, path: &Path, from: &FromFiles) -> Result<Arc<Role>, Problems> {
        let key = (path.to_owned(), from.clone());
        if let Ok(shelves) = self.shelves.lock()
            && let Some(role) = shelves.roles.get(&key)
        {
            return Ok(role.clone());
        }
        let role = Arc::new(Role::load(path, from, &|file| self.refusal(file))?);
        if let Ok(mut shelves) = self.shelves.lock() {
            shelves.roles.insert(key, role.clone());
        }
        Ok(role)
    }

    /// The tasks of a file.
    ///
    /// # Errors
    /// As [`load_tasks`].
    pub fn tasks(&self, path: &Path, section: Section) -> Result<Arc<Vec<TaskItem>>, Problems> {
        let key = (path.to_owned(), section, stamp(path));
        if let Ok(shelves) = self.shelves.lock()
            && let Some(items) = shelves.tasks.get(&key)
        {
            return Ok(items.clone());
        }
        let items = Arc::new(load_tasks(path, section)?);
        if let Ok(mut shelves) = self.shelves.lock() {
            shelves.tasks.insert(key, items.clone());
        }
        Ok(items)
    }

    /// The variables of a file, unrendered.
    ///
    /// # Errors
    /// As [`yaml::load_vars`].
    pub fn variables(&self, path: &Path) -> Result<Arc<Map>, Problems> {
        let key = (path.to_owned(), stamp(path));
        if let Ok(shelves) = self.shelves.lock()
            && let Some(variables) = shelves.variables.get(&key)
        {
            return Ok(variables.clone());
        }
        let variables = Arc::new(yaml::values(&yaml::load_vars(path)?));
        if let Ok(mut shelves) = self.shelves.lock() {
            shelves.variables.insert(key, variables.clone());
        }
        Ok(variables)
    }

    /// The number of a use of a role: equal uses have the same.
    pub fn instance(&self, identity: Digest) -> usize {
        let Ok(mut shelves) = self.shelves.lock() else { return usize::MAX };
        let next = shelves.instances.len();
        *shelves.instances.entry(identity).or_insert(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playbook_without_a_folder_lies_in_the_current_one() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(whole(Path::new("")), here);
        assert_eq!(whole(Path::new("playbooks")), here.join("playbooks"));
        assert_eq!(whole(Path::new("/x/y")), Path::new("/x/y"));
    }
}

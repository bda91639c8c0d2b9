//! `group_vars/` and `host_vars/`: for each name a file `NAME`, `NAME.yml`, `NAME.yaml` or `NAME.json`, or a directory
//! `NAME/` whose files are laid over each other by name.

use super::source::sorted_entries;
use super::{Beside, Inventory, Layer};
use crate::load::problem::{Problem, Problems};
use crate::load::project::check_read;
use crate::load::yaml::{Variables, load_vars};
use indexmap::IndexMap;
use std::path::{Path, PathBuf};

const ENDINGS: [&str; 3] = [".yml", ".yaml", ".json"];
/// Deepest directory within `group_vars/NAME/`.
const DEPTH_MAX: usize = 8;

impl Inventory {
    pub(super) fn read_beside(
        &self,
        beside: Beside,
        directory: &Path,
    ) -> Result<(Layer, Vec<Problem>), Problems> {
        let mut reading = Reading { folder: directory.to_owned(), ..Reading::default() };
        let groups = reading.names(&directory.join("group_vars"));
        let hosts = reading.names(&directory.join("host_vars"));
        reading.check_names("group", &groups, self.groups.keys().map(String::as_str));
        reading.check_names("host", &hosts, self.hosts.keys().map(crate::model::HostName::as_str));
        let groups = reading.all(groups);
        let hosts = reading.all(hosts);
        Problems::check(reading.problems)?;
        let directories = vec![directory.to_owned()];
        Ok((Layer { beside, directories, groups, hosts }, reading.warnings))
    }
}

#[derive(Default)]
struct Reading {
    /// Beside which `group_vars/` and `host_vars/` lie.
    folder: PathBuf,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Reading {
    /// The files or directories of a directory by the group or host they are for.
    fn names(&mut self, directory: &Path) -> IndexMap<String, PathBuf> {
        let mut names: IndexMap<String, PathBuf> = IndexMap::new();
        if !directory.is_dir() {
            return names;
        }
        let entries = sorted_entries(directory).unwrap_or_else(|problem| {
            self.problems.push(problem);
            Vec::new()
        });
        for path in entries {
            let Some(name) = variables_name(&path) else { continue };
            if let Some(first) = names.insert(name.clone(), path.clone()) {
                let problem = Problem::in_file(
                    &path,
                    format!("'{name}' has variables in '{}' as well", first.display()),
                );
                self.problems.push(problem.help("Ansible would read only one of them: put them into one"));
            }
        }
        names
    }

    /// Warns of names that nothing in the inventory has, but something nearly has.
    fn check_names<'a>(
        &mut self,
        what: &str,
        names: &IndexMap<String, PathBuf>,
        known: impl Iterator<Item = &'a str> + Clone,
    ) {
        for (name, path) in names {
            let unknown = !known.clone().any(|known| known == name);
            if unknown && crate::model::nearest(name, known.clone()).is_some() {
                let problem = Problem::in_file(path, format!("the inventory has no {what} '{name}'"));
                self.warnings.push(problem.nearest(name, known.clone()).warning());
            }
        }
    }

    fn all(&mut self, names: IndexMap<String, PathBuf>) -> IndexMap<String, Variables> {
        names.into_iter().map(|(name, path)| (name, self.variables(&path, 0))).collect()
    }

    fn variables(&mut self, path: &Path, depth: usize) -> Variables {
        if !path.is_dir() {
            let folder = self.folder.clone();
            let read = check_read(&folder, path).map_err(Problems::from).and_then(|()| load_vars(path));
            return read.unwrap_or_else(|Problems(problems)| {
                self.problems.extend(problems);
                Variables::new()
            });
        }
        if depth > DEPTH_MAX {
            self.problems.push(Problem::in_file(path, "directories nested too deeply"));
            return Variables::new();
        }
        let mut merged = Variables::new();
        match sorted_entries(path) {
            Ok(entries) => {
                for entry in entries.iter().filter(|entry| variables_name(entry).is_some()) {
                    merged.extend(self.variables(entry, depth + 1));
                }
            }
            Err(problem) => self.problems.push(problem),
        }
        merged
    }
}

/// The group or host whose variables a path holds; `None` where it holds none.
fn variables_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    if name.starts_with('.') || name.ends_with('~') {
        return None;
    }
    if path.is_dir() {
        return Some(name.to_owned());
    }
    let backups = [".example", ".md", ".bak", ".orig", ".rej", ".swp", ".retry", ".sig", ".age"];
    if backups.iter().any(|ending| name.ends_with(ending)) {
        return None;
    }
    Some(ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned())
}

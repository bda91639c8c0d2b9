//! What stands around a task: the role it belongs to, that role's variables at each rung where they count, and the folders
//! in which its files are looked for. Tasks of one file share it.

use super::scope::{Layer, written};
use crate::load::Role;
use crate::load::yaml::values;
use crate::model::{Map, Value};
use crate::template::Binding;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands around a task.
#[derive(Clone, Default)]
pub struct Around {
    /// The role it belongs to.
    pub role: Option<Arc<InRole>>,
    /// Defaults of the role: below the inventory.
    pub defaults: Arc<Layer>,
    /// Variables of the role: between those of the play and those of blocks.
    pub role_vars: Arc<Layer>,
    /// Parameters of roles and includes: above all but the command line's.
    pub params: Arc<Layer>,
    /// `role_name` and its kin.
    pub magic: Arc<Layer>,
    /// Where relative names of files begin, nearest first.
    pub folders: Arc<[PathBuf]>,
}

/// A role in one of the places where it is used.
#[derive(Clone, Debug, Default)]
pub struct InRole {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub path: PathBuf,
    /// The same role with the same parameters has the same number in a play.
    pub instance: usize,
    /// By `import_role` or `include_role`.
    pub included: bool,
    /// Whether it runs as often as it is named.
    pub allow_duplicates: bool,
    /// Its own defaults.
    pub defaults: Map,
    /// Defaults of what it depends on.
    pub defaults_below: Map,
    /// Its own variables.
    pub vars: Map,
    /// Variables of what it depends on.
    pub vars_below: Map,
    /// `vars` where it was named.
    pub entry_vars: Map,
    /// Parameters where it was named.
    pub params: Map,
    /// Names of what it depends on.
    pub depends: Vec<String>,
    /// The roles that brought it here, outermost first.
    pub chain: Vec<Arc<InRole>>,
}

impl Around {
    /// Whether a module of this name lies in the `library` of the role, or of a role around it.
    pub fn brings_module(&self, name: &str) -> bool {
        let roles = self.role.iter().flat_map(InRole::whole_chain);
        let files = |path: &Path| ["", ".py"].map(|end| path.join("library").join(format!("{name}{end}")));
        !name.contains('/')
            && roles.into_iter().any(|role| files(&role.path).iter().any(|file| file.is_file()))
    }
}

impl InRole {
    /// Defaults as others of the play see them.
    pub fn exported_defaults(&self) -> Map {
        let mut all = self.defaults_below.clone();
        all.extend(self.defaults.clone());
        all
    }

    /// Variables as others of the play see them.
    pub fn exported_vars(&self) -> Map {
        let mut all = self.vars_below.clone();
        all.extend(self.vars.clone());
        all
    }

    /// The roles that brought it here, and itself.
    pub fn whole_chain(self: &Arc<Self>) -> Vec<Arc<Self>> {
        self.chain.iter().chain([self]).cloned().collect()
    }

    /// The roles that included it, nearest first; a role that only depends on it did not.
    pub fn included_by(&self) -> Vec<&Arc<Self>> {
        let mut included = self.included;
        let mut parents = self.chain.iter().rev();
        std::iter::from_fn(|| {
            let parent = parents.next().filter(|_| included)?;
            included = parent.included;
            Some(parent)
        })
        .collect()
    }

    /// Takes what it has from its files.
    pub fn with_files(self, role: &Role) -> Self {
        Self { defaults: values(&role.defaults), vars: values(&role.vars), ..self }
    }
}

impl Around {
    /// What stands around the tasks of a role; `outer` is what stands around where it was named.
    pub fn of_role(outer: &Self, role: &Arc<InRole>, tasks: &Path, playbook: &Path) -> Self {
        let mut defaults = role.defaults_below.clone();
        let mut vars = Map::new();
        let mut params = Map::new();
        for parent in &role.chain {
            defaults.extend(parent.defaults.clone());
            vars.extend(parent.entry_vars.clone());
            vars.extend(parent.vars.clone());
            params.extend(parent.params.clone());
        }
        defaults.extend(role.defaults.clone());
        vars.extend(role.exported_vars());
        vars.extend(role.entry_vars.clone());
        params.extend(role.params.clone());
        let mut layer = written(&params);
        layer.extend(outer.params.iter().map(|(name, bound)| (name.clone(), bound.clone())));
        let mut folders: Vec<PathBuf> = role.whole_chain().iter().rev().map(|r| r.path.clone()).collect();
        for more in [tasks, playbook] {
            if !folders.iter().any(|folder| folder == more) {
                folders.push(more.to_owned());
            }
        }
        Self {
            role: Some(role.clone()),
            defaults: Arc::new(written(&defaults)),
            role_vars: Arc::new(written(&vars)),
            params: Arc::new(layer),
            magic: Arc::new(magic(role)),
            folders: folders.into(),
        }
    }

    /// The same for tasks of a file that was included or imported.
    #[must_use]
    pub fn of_file(&self, file: &Path) -> Self {
        let Some(folder) = file.parent().filter(|folder| !self.folders.iter().any(|known| known == folder))
        else {
            return self.clone();
        };
        // Folders of roles come first, then that of the file, then the playbook's.
        let roles = self.role.as_ref().map_or(0, |role| role.chain.len() + 1);
        let mut folders: Vec<PathBuf> = self.folders.iter().take(roles).cloned().collect();
        folders.push(folder.to_owned());
        folders.extend(self.folders.last().cloned());
        folders.dedup();
        Self { folders: folders.into(), ..self.clone() }
    }

    /// Where a file of a kind may be, in the order in which that is looked through.
    pub fn candidates<'a>(&'a self, kind: &'a str, name: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let beneath = move |folder: &PathBuf| {
            // Ansible looks beside the folder of tasks too, where it is a role's.
            let beside = folder.file_name().is_some_and(|name| name == "tasks").then(|| folder.parent());
            let beside = beside.flatten().map(|role| role.join(kind).join(name));
            let own = (!name.starts_with(kind)).then(|| folder.join(kind).join(name));
            [beside, own, Some(folder.join(name))].into_iter().flatten()
        };
        let absolute = name.is_absolute();
        let folders = self.folders.iter().filter(move |_| !absolute).flat_map(beneath);
        absolute.then(|| name.to_owned()).into_iter().chain(folders)
    }

    /// Where a folder of variables may be.
    pub fn folders_of_variables(&self, name: &str) -> Vec<PathBuf> {
        let path = Path::new(name);
        match &self.role {
            _ if path.is_absolute() => vec![path.to_owned()],
            Some(role) if path.starts_with("vars") => vec![role.path.join(path)],
            Some(role) => vec![role.path.join("vars").join(path)],
            None => self.folders.iter().map(|folder| folder.join(path)).collect(),
        }
    }

    /// A task's name as people see it.
    pub fn shown(&self, title: &str) -> String {
        match &self.role {
            Some(role) => format!("{} : {title}", role.name),
            None => title.to_owned(),
        }
    }
}

/// The collection that a role came with: it lies in `…/NAMESPACE/COLLECTION/roles/NAME` and is called by all of it.
fn collection_of(role: &InRole) -> Option<String> {
    let (collection, name) = role.name.rsplit_once('.')?;
    let (namespace, short) = collection.split_once('.')?;
    role.path
        .ends_with(Path::new(namespace).join(short).join("roles").join(name))
        .then(|| collection.to_owned())
}

fn magic(role: &Arc<InRole>) -> Layer {
    let text = |text: &str| Value::String(text.to_owned());
    let path = |path: &Path| {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Value::String(absolute.to_string_lossy().into_owned())
    };
    let collection = collection_of(role);
    let base = match &collection {
        Some(_) => role.name.rsplit('.').next().unwrap_or_default(),
        None => role.name.rsplit('/').next().unwrap_or_default(),
    };
    let mut entries = vec![
        ("role_name", text(base)),
        ("ansible_collection_name", collection.map_or(Value::Null, Value::String)),
        ("ansible_role_name", text(&role.name)),
        ("role_path", path(&role.path)),
    ];
    let parents = role.included_by();
    if !parents.is_empty() {
        entries.push(("ansible_parent_role_names", parents.iter().map(|role| text(&role.name)).collect()));
        entries.push(("ansible_parent_role_paths", parents.iter().map(|role| path(&role.path)).collect()));
    }
    entries.into_iter().map(|(name, value)| (name.to_owned(), Binding::Data(Arc::new(value)))).collect()
}

/// Roles whose defaults and variables all tasks of a play see.
#[derive(Clone, Default)]
pub struct Exported {
    /// Their defaults.
    pub defaults: Arc<Layer>,
    /// Their variables.
    pub vars: Arc<Layer>,
    /// Their names, in order.
    pub names: Vec<String>,
    /// Names of those that they depend on.
    pub dependent: Vec<String>,
}

impl Exported {
    /// Adds a role's.
    pub fn add(&mut self, role: &InRole) {
        Arc::make_mut(&mut self.defaults).extend(written(&role.exported_defaults()));
        Arc::make_mut(&mut self.vars).extend(written(&role.exported_vars()));
        self.names.push(role.name.clone());
        for name in &role.depends {
            if !self.dependent.contains(name) {
                self.dependent.push(name.clone());
            }
        }
    }
}

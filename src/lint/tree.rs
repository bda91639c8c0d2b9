//! Which files there are below a folder, and what each of them is: by the folder it lies in, else by what it holds.

use crate::load::{Node, TextFile};
use crate::model::Glob;
use std::path::{Path, PathBuf};

/// Most files that are looked at.
const FILES_MAX: usize = 100_000;
/// Largest file that is read; larger ones are data.
pub(super) const BYTES_MAX: u64 = 2 << 20;
/// Folders of other programs, and of wgops' own records.
const SKIPPED: [&str; 8] = [
    "node_modules",
    "venv",
    "__pycache__",
    "ledger",
    "plans",
    "target",
    "site-packages",
    "ansible_collections",
];

/// What a file is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Playbook,
    Tasks,
    Handlers,
    Vars,
    /// A role's `meta/main.yml`.
    Meta,
    Template,
    Inventory,
    /// Which roles and collections come from elsewhere.
    Requirements,
    /// Something that no rule but those for any text is about.
    Text,
}

/// Every file below a folder, in order; links to folders are not followed.
pub(super) fn files(root: &Path, excluded: &[Glob]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            let inner = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
            if name.starts_with('.')
                || excluded.iter().any(|glob| glob.fits(&inner))
                || found.len() >= FILES_MAX
            {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !SKIPPED.contains(&name.as_ref()) => folders.push(path),
                Ok(kind) if kind.is_file() || (kind.is_symlink() && path.is_file()) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The text of a file, unless it is none, or too large to have been written by hand.
pub(super) fn text(path: &Path) -> Option<TextFile> {
    let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?.len();
    if size > BYTES_MAX {
        return None;
    }
    TextFile::read(path).ok().filter(|file| !file.text.starts_with("$ANSIBLE_VAULT"))
}

/// Whether a file is larger than any that is read.
pub(super) fn is_too_large(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|about| about.is_file() && about.len() > BYTES_MAX)
}

/// Whether a file's name is that of YAML.
pub(super) fn is_yaml(path: &Path) -> bool {
    matches!(path.extension().and_then(|ending| ending.to_str()), Some("yml" | "yaml"))
}

/// What a file is by its name and the folders that it lies in, below `root`; `None` where that does not say.
pub(super) fn kind_by_path(root: &Path, path: &Path) -> Option<Kind> {
    let inner = path.strip_prefix(root).unwrap_or(path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if matches!(path.extension().and_then(|e| e.to_str()), Some("j2" | "jinja2" | "jinja")) {
        return Some(Kind::Template);
    }
    let folders: Vec<&str> = inner
        .parent()
        .into_iter()
        .flat_map(Path::components)
        .filter_map(|c| c.as_os_str().to_str())
        .collect();
    // A file that was named by itself still lies in a folder.
    let own = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let folders: Vec<&str> = if folders.is_empty() { own.into_iter().collect() } else { folders };
    if folders.iter().any(|folder| matches!(*folder, "files" | "templates")) {
        return Some(Kind::Text);
    }
    let bare = !name.contains('.');
    if !is_yaml(path) {
        let in_inventory = folders.iter().any(|folder| matches!(*folder, "inventory" | "inventories"));
        let variables = folders.iter().any(|folder| matches!(*folder, "group_vars" | "host_vars"));
        return Some(match variables && bare {
            true => Kind::Vars,
            _ if name.ends_with(".ini") && in_inventory || name == "hosts" => Kind::Inventory,
            _ => Kind::Text,
        });
    }
    let near = folders.iter().rev().find_map(|folder| match *folder {
        "tasks" => Some(Kind::Tasks),
        "handlers" => Some(Kind::Handlers),
        "vars" | "defaults" | "group_vars" | "host_vars" => Some(Kind::Vars),
        "meta" if matches!(name.as_ref(), "main.yml" | "main.yaml") => Some(Kind::Meta),
        "meta" => Some(Kind::Text),
        _ => None,
    });
    let required = matches!(name.as_ref(), "requirements.yml" | "requirements.yaml");
    near.or(required.then_some(Kind::Requirements))
}

/// What a YAML file is by what it holds.
pub(super) fn kind_by_content(node: &Node) -> Option<Kind> {
    if let Ok(entries) = node.map() {
        let hosts = |(key, node): &(crate::load::Key, Node)| {
            key.name == "all" && ["hosts", "children", "vars"].iter().any(|part| node.get(part).is_some())
        };
        return entries.iter().any(hosts).then_some(Kind::Inventory);
    }
    let items = node.list().ok().filter(|items| !items.is_empty())?;
    let plays = |item: &Node| {
        let import = |(key, _): &(crate::load::Key, Node)| {
            crate::load::playbook::short_module_name(&key.name) == "import_playbook"
        };
        item.get("hosts").is_some() || item.map().is_ok_and(|entries| entries.iter().any(import))
    };
    if items.iter().any(plays) {
        return Some(Kind::Playbook);
    }
    let runs = |item: &Node| {
        let calls = |(key, _): &(crate::load::Key, Node)| {
            let name = crate::load::playbook::short_module_name(&key.name);
            name == "block" || crate::modules::find(name).is_some() || super::task::is_action(name)
        };
        item.map().is_ok_and(|entries| entries.iter().any(calls))
    };
    items.iter().all(runs).then_some(Kind::Tasks)
}

/// Whether a text that is no YAML was meant to be a playbook or tasks.
pub(super) fn looks_like_tasks(text: &str) -> bool {
    let begins = |line: &str| {
        ["- hosts:", "- name:", "- import_playbook:", "- block:"].iter().any(|start| line.starts_with(start))
    };
    text.lines().any(begins)
}

/// The folder that a path belongs to: the ops repository, the repository or the role around it.
pub(super) fn home(path: &Path) -> PathBuf {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    let marks = ["wgops.yml", "ansible.cfg", "galaxy.yml", ".git"];
    // What stands in the path itself is enough to name files as the user did; a relative path begins here.
    let named = |above: &Path| if above == Path::new("") { PathBuf::from(".") } else { above.to_owned() };
    let above = || folder.ancestors().map(named).filter(|above| above != Path::new("/"));
    let marked = above().find(|above| marks.iter().any(|mark| above.join(mark).exists()));
    let inner = ["tasks", "handlers", "vars", "defaults", "meta", "playbooks"];
    let around = || {
        let part =
            above().find(|above| above.file_name().is_some_and(|name| inner.iter().any(|i| name == *i)))?;
        part.parent().map(named)
    };
    marked.or_else(around).unwrap_or_else(|| folder.to_owned())
}

/// The role that a file belongs to, if it lies in one.
pub(super) fn role_of(path: &Path) -> Option<&Path> {
    let parts = ["tasks", "handlers", "vars", "defaults", "meta", "templates", "files"];
    let inside = path.ancestors().skip(1).find(|folder| {
        let named = folder.file_name().is_some_and(|name| parts.iter().any(|part| name == *part));
        named && folder.parent().is_some_and(is_role)
    });
    inside.and_then(Path::parent)
}

/// Whether a folder is a role.
pub(super) fn is_role(folder: &Path) -> bool {
    let main = |part: &str| {
        ["main.yml", "main.yaml", "main"].iter().any(|name| folder.join(part).join(name).exists())
    };
    main("tasks") || main("meta") || main("defaults") || main("handlers")
}

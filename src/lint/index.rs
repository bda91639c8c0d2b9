//! What files say to each other: handlers that are defined and notified, roles, loops that includes run in, and where a
//! file that is named may lie.

use super::document::Document;
use super::task::Task;
use super::tree::{self, Kind};
use crate::load::Node;
use crate::model::{Glob, nearest};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Folders, besides its own, in which a file that is named is looked for.
const PLACES: [&str; 7] = ["", "files", "templates", "tasks", "vars", "playbooks", "handlers"];
/// How far above a file another that it names may lie.
const ABOVE_MAX: usize = 6;

/// What is known of all files together.
#[derive(Default)]
pub(super) struct Index {
    /// Names of handlers and topics that they listen to.
    handlers: BTreeSet<String>,
    /// The same, where a template is part of the name.
    handler_patterns: Vec<Glob>,
    notified: BTreeSet<String>,
    /// Whether somebody notifies by a template, so that nobody knows which.
    notified_by_template: bool,
    /// Roles by the last part of their names.
    roles: BTreeMap<String, PathBuf>,
    /// Roles that come from elsewhere.
    required: BTreeSet<String>,
    /// Files of tasks with a loop, and the variable that it sets.
    loops: HashMap<PathBuf, BTreeSet<String>>,
    collections: bool,
    /// Whether plays use roles that are not in this tree, so that their handlers are not known.
    foreign: bool,
    /// Names of macros that templates define: one template may call what another one defines.
    macros: BTreeSet<String>,
}

impl Index {
    /// Looks through all files.
    pub fn of(documents: &[Document]) -> Self {
        let mut index = Self::default();
        let from_handlers = included_by_handlers(documents);
        for document in documents {
            let handlers = from_handlers.contains(&document.path);
            index.collections |= document.path.ends_with("galaxy.yml");
            if let Some(role) = tree::role_of(&document.path) {
                index.role(role);
            }
            if document.kind == Kind::Requirements {
                document.node.iter().for_each(|node| index.requirements(node));
            }
            if document.kind == Kind::Template {
                index.macros.extend(macros(&document.file.text));
            }
            document.each_task(&mut |task| index.task(document, task, handlers));
            for play in document.plays() {
                play.get("notify").into_iter().for_each(|node| index.notifies(node));
            }
            document.each_block(&mut |block| {
                block.get("notify").into_iter().for_each(|node| index.notifies(node));
            });
        }
        index.foreign = documents.iter().any(|document| index.uses_foreign_roles(document));
        index
    }

    fn uses_foreign_roles(&self, document: &Document) -> bool {
        let mut any = false;
        let mut uses = |entry: &Node| {
            let named = entry.get("role").or_else(|| entry.get("name")).unwrap_or(entry);
            let last = |name: &str| name.rsplit(['/', '.']).next().unwrap_or_default().to_owned();
            any |= named
                .str()
                .is_ok_and(|name| !self.roles.contains_key(name) && !self.roles.contains_key(&last(name)));
        };
        let roles = document.plays().iter().filter_map(|play| play.get("roles"));
        roles.flat_map(Node::items).for_each(&mut uses);
        document.each_task(&mut |task| {
            let call = task.call.as_ref().filter(|call| call.name.ends_with("_role"));
            call.and_then(|call| call.arg(&["name", "role"])).into_iter().for_each(&mut uses);
        });
        any
    }

    /// Whether there may be handlers that nobody knows here.
    pub fn has_unknown_handlers(&self) -> bool {
        self.foreign
    }

    fn role(&mut self, folder: &Path) {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.roles.entry(name).or_insert_with(|| folder.to_owned());
    }

    fn requirements(&mut self, node: &Node) {
        let roles = if node.list().is_ok() { Some(node) } else { node.get("roles") };
        for role in roles.map(Node::items).unwrap_or_default() {
            let named = |key: &str| role.get(key).and_then(|node| node.word().ok());
            let names = [role.word().ok(), named("name"), named("role"), named("src")];
            self.required.extend(names.into_iter().flatten());
        }
    }

    fn task(&mut self, document: &Document, task: &Task<'_>, handlers: bool) {
        if task.is_handler || handlers {
            task.own("name").into_iter().for_each(|name| self.handler(name));
            task.own("listen").into_iter().flat_map(Node::items).for_each(|topic| self.handler(topic));
        }
        task.own("notify").into_iter().for_each(|node| self.notifies(node));
        if let Some(variable) = task.loop_variable() {
            self.loops.entry(document.path.clone()).or_default().insert(variable);
        }
    }

    fn handler(&mut self, name: &Node) {
        let Ok(name) = name.word() else { return };
        if name.contains("{{") {
            self.handler_patterns.push(pattern(&name));
        }
        self.handlers.insert(name);
    }

    fn notifies(&mut self, node: &Node) {
        for name in node.items().iter().filter_map(|name| name.word().ok()) {
            self.notified_by_template |= name.contains("{{");
            self.notified.insert(short(&name).to_owned());
        }
    }

    /// Whether a handler of this name may be there.
    pub fn has_handler(&self, name: &str) -> bool {
        let name = name.trim();
        let known = |name: &str| {
            self.handlers.contains(name) || self.handler_patterns.iter().any(|pattern| pattern.fits(name))
        };
        known(name)
            || known(short(name))
            || (name.contains(" : ") && !self.has_role(name.split(" : ").next().unwrap_or_default()))
    }

    /// Names of handlers.
    pub fn handlers(&self) -> impl Iterator<Item = &str> {
        self.handlers.iter().map(String::as_str)
    }

    /// Whether somebody may notify this name.
    pub fn is_notified(&self, name: &str) -> bool {
        self.notified_by_template || name.contains("{{") || self.notified.contains(name)
    }

    /// Whether a template defines a macro of this name.
    pub fn has_macro(&self, name: &str) -> bool {
        self.macros.contains(name)
    }

    /// Whether a role of this name may be there.
    pub fn has_role(&self, name: &str) -> bool {
        let last = name.rsplit(['/', '.']).next().unwrap_or_default();
        let of_collection =
            name.matches('.').count() >= 2 && self.collections && self.roles.contains_key(last);
        let required = self.required.iter().any(|known| {
            let tail = known.trim_end_matches(".git").rsplit('/').next().unwrap_or_default();
            known == name || tail == name || known == last_part(name)
        });
        self.roles.contains_key(name) || self.roles.contains_key(last_part(name)) || of_collection || required
    }

    /// Names of roles.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// The variables that loops of a file set.
    pub fn loop_variables(&self, path: &Path) -> Option<&BTreeSet<String>> {
        self.loops.get(path)
    }
}

/// The names of the macros that a template defines.
fn macros(text: &str) -> Vec<String> {
    static MACRO: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\{%[-+]?\s*macro\s+(\w+)").ok());
    let all = MACRO.as_ref().map(|pattern| pattern.captures_iter(text));
    all.into_iter().flatten().filter_map(|found| Some(found.get(1)?.as_str().to_owned())).collect()
}

/// What stands behind the last `/`.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// `role : handler` is the handler, too.
fn short(name: &str) -> &str {
    name.rsplit_once(" : ").map_or(name, |(_, handler)| handler.trim())
}

/// What a name with templates may come to.
fn pattern(name: &str) -> Glob {
    let mut out = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        out.push('*');
        rest = after.split_once("}}").map_or("", |(_, rest)| rest);
    }
    Glob::new(out + rest)
}

/// Files that are included where handlers stand.
fn included_by_handlers(documents: &[Document]) -> BTreeSet<PathBuf> {
    let mut all = BTreeSet::new();
    for document in documents {
        document.each_task(&mut |task| {
            let call = task
                .call
                .as_ref()
                .filter(|call| task.is_handler && call.name.contains("clude") | call.name.contains("import"));
            let file = call.and_then(|call| call.free_or(&["file"])).and_then(|node| node.word().ok());
            all.extend(file.and_then(|file| find(&document.path, &file)));
        });
    }
    all
}

/// Where a file that another one names lies.
pub(super) fn find(from: &Path, named: &str) -> Option<PathBuf> {
    let found = folders(from).into_iter().map(|folder| folder.join(named)).find(|path| path.exists())?;
    Some(normal(&found))
}

/// The name of a file that may be meant by a name that is none.
pub(super) fn near(from: &Path, named: &str) -> Option<String> {
    let (folder, name) = named.rsplit_once('/').unwrap_or(("", named));
    let entries = folders(from).into_iter().filter_map(|place| std::fs::read_dir(place.join(folder)).ok());
    let entries = entries.flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let known: Vec<String> = entries.collect();
    let near = nearest(name, known.iter().map(String::as_str))?;
    Some(if folder.is_empty() { near.to_owned() } else { format!("{folder}/{near}") })
}

/// Where files are looked for that a file names, nearest first.
fn folders(from: &Path) -> Vec<PathBuf> {
    let own = from.parent().unwrap_or(Path::new(""));
    let above = own.ancestors().take(ABOVE_MAX).chain(tree::role_of(from));
    above.flat_map(|folder| PLACES.map(|place| folder.join(place))).collect()
}

/// A path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

//! Playbooks: plays, blocks and tasks with every keyword in its place and nothing rendered.
//!
//! This room knows the keywords and not the modules: a task's module is its one key that is no keyword. A keyword that
//! Ansible has and wgops has not yet is an error that says so; nothing is skipped silently. `shape` is what comes of it,
//! `keywords` is the list, `play` and `task` read the two levels, `words` splits `key=value` strings.

mod batch;
pub mod glance;
mod import;
mod keywords;
mod play;
mod role_entry;
mod shape;
mod task;
mod words;

use super::problem::{Problem, Problems};
use super::text::TextFile;
use super::yaml::{Node, NodeValue, Variables};
use std::path::Path;
use std::sync::Arc;

pub use batch::Batch;
use import::Imports;
pub use keywords::{MODULE_PREFIXES, short_module_name};
pub use role_entry::RoleEntry;
pub use shape::{
    Args, Block, Keywords, Loop, LoopControl, LoopKind, Order, Play, Playbook, Prompt, Section, Task,
    TaskItem,
};
pub use words::pairs_of;

impl Playbook {
    /// Reads a playbook.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as can be told without modules, variables and hosts.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(&TextFile::read(path)?)
    }

    /// The same where imports may be named by templates, which are asked of `names`.
    ///
    /// # Errors
    /// As [`Playbook::load`].
    pub fn load_named(path: &Path, names: Names<'_>) -> Result<Self, Problems> {
        Self::parse_within(&TextFile::read(path)?, 0, Some(names), &Imports::default())
    }

    /// Parses the text of a playbook.
    ///
    /// # Errors
    /// As [`Playbook::load`].
    pub fn parse(file: &TextFile) -> Result<Self, Problems> {
        Self::parse_within(file, 0, None, &Imports::default())
    }

    fn parse_within(
        file: &TextFile,
        depth: usize,
        names: Option<Names<'_>>,
        imports: &Imports,
    ) -> Result<Self, Problems> {
        is_no_record(&file.file)?;
        let node = Node::parse(file)?;
        let mut reader = Reader { file, names, imports: imports.clone(), problems: Vec::new() };
        let plays = match &node.value {
            NodeValue::List(plays) if !plays.is_empty() => {
                plays.iter().flat_map(|play| reader.plays(play, depth)).collect()
            }
            NodeValue::List(_) | NodeValue::Null => {
                reader.problems.push(Problem::in_file(&**file.file, "holds no play"));
                Vec::new()
            }
            _ => {
                reader
                    .problems
                    .push(node.expected("a list of plays").help("begin each play with '- hosts:'"));
                Vec::new()
            }
        };
        reader.problems.iter_mut().for_each(|problem| problem.quote(file));
        Problems::check(reader.problems)?;
        Ok(Self { file: Arc::clone(&file.file), plays })
    }
}

/// Reads a file of tasks; an empty one has none.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_tasks(path: &Path, section: Section) -> Result<Vec<TaskItem>, Problems> {
    is_no_record(path)?;
    let file = TextFile::read(path)?;
    let node = Node::parse(&file)?;
    let scope = match section {
        Section::Tasks => keywords::Scope::Task,
        Section::Handlers => keywords::Scope::Handler,
    };
    finished(&file, |reader| reader.tasks(&node, scope))
}

/// Reads what a role's `meta/main.yml` says that it depends on.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read_dependencies(file: &TextFile, node: Option<&Node>) -> Result<Vec<RoleEntry>, Problems> {
    finished(file, |reader| node.map(|node| reader.dependencies(node)).unwrap_or_default())
}

/// Makes sure that a file is none of those that wgops keeps itself: what lies there is not looked at by who reviews playbooks, nor by
/// the check whether all is committed.
fn is_no_record(path: &Path) -> Result<(), Problems> {
    let kept =
        |folder: &std::path::Component<'_>| matches!(folder.as_os_str().to_str(), Some("ledger" | "plans"));
    let yaml = |end: &std::ffi::OsStr| end.eq_ignore_ascii_case("yml") || end.eq_ignore_ascii_case("yaml");
    let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let is_other = is_hidden || path.extension().is_some_and(|end| !yaml(end));
    if !(is_other && path.components().any(|part| kept(&part))) {
        return Ok(());
    }
    let problem =
        Problem::in_file(path, "lies where wgops keeps the ledger and plans, and is not taken for tasks");
    Err(Problems::from(problem.help("keep playbooks and tasks in folders of their own")))
}

/// What a reader made of a file, if nothing was wrong.
fn finished<T>(file: &TextFile, read: impl FnOnce(&mut Reader<'_>) -> T) -> Result<T, Problems> {
    let mut reader = Reader { file, names: None, imports: Imports::default(), problems: Vec::new() };
    let done = read(&mut reader);
    reader.problems.iter_mut().for_each(|problem| problem.quote(file));
    Problems::check(reader.problems)?;
    Ok(done)
}

/// Says what a template comes to that names a playbook, with the variables of its import; nothing: the import is passed
/// over.
pub type Names<'a> = &'a dyn Fn(&Node, &Variables) -> Result<Option<String>, Problem>;

/// Reads plays and tasks of one file and collects what is wrong with them.
struct Reader<'a> {
    file: &'a TextFile,
    names: Option<Names<'a>>,
    imports: Imports,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// The value, or a place in the list of problems.
    fn take<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }
}

#[cfg(test)]
mod tests;

//! Where hosts come from: a file, a directory of files, a list on the command line, or this machine.

use super::draft::{Draft, UNGROUPED};
use super::{ini_format, range, yaml_format};
use crate::load::problem::Problem;
use crate::load::text::{self, TextFile};
use crate::load::yaml::{Key, Node};
use crate::model::{HostName, Place};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of an inventory directory that hold no hosts.
const NO_HOSTS: [&str; 5] = ["operators.yml", "suppressions.yml", "known_hosts", "group_vars", "host_vars"];
/// Endings of files of an inventory directory that hold no hosts.
const NO_HOSTS_ENDINGS: [&str; 11] =
    [".example", ".md", "~", ".bak", ".orig", ".rej", ".swp", ".cfg", ".retry", ".sig", ".age"];
/// Deepest directory within an inventory directory.
const DEPTH_MAX: usize = 8;

/// One source of hosts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A file or a directory of files.
    Path(PathBuf),
    /// Names with commas between them, each perhaps a range.
    List(String),
    /// This machine, as host `localhost`.
    Local,
}

impl Source {
    /// The directory beside whose `group_vars/` this source stands.
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Path(path) if path.is_dir() => Some(path),
            Self::Path(path) => {
                path.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent })
            }
            Self::List(_) | Self::Local => None,
        }
    }

    pub(super) fn read(&self, draft: &mut Draft) {
        let result = match self {
            Self::Path(path) => read_path(path, 0, draft),
            Self::List(list) => read_list(list, draft),
            Self::Local => read_local(draft),
        };
        draft.problems.extend(result.err());
    }
}

fn read_path(path: &Path, depth: usize, draft: &mut Draft) -> Result<(), Problem> {
    if path.as_os_str().to_string_lossy().trim_end_matches('/').ends_with(".example") {
        let problem = Problem::in_file(path, "a sample inventory");
        return Err(problem.help("copy it to a name without '.example' and put your hosts in"));
    }
    if !path.is_dir() {
        return read_file(path, draft);
    }
    if depth > DEPTH_MAX {
        return Err(Problem::in_file(path, "directories nested too deeply"));
    }
    for entry in sorted_entries(path)? {
        let name = entry.file_name().unwrap_or_default().to_string_lossy();
        let skipped = name.starts_with('.')
            || NO_HOSTS.contains(&name.as_ref())
            || NO_HOSTS_ENDINGS.iter().any(|ending| name.ends_with(ending));
        if !skipped && let Err(problem) = read_path(&entry, depth + 1, draft) {
            draft.problems.push(problem);
        }
    }
    Ok(())
}

/// The entries of a directory by name.
pub(super) fn sorted_entries(directory: &Path) -> Result<Vec<PathBuf>, Problem> {
    let refuse = |error: std::io::Error| {
        Problem::in_file(directory, format!("can't be read: {}", text::reason(&error)))
    };
    let entries = std::fs::read_dir(directory).map_err(refuse)?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, _>>().map_err(refuse)?;
    paths.sort();
    Ok(paths)
}

fn read_file(path: &Path, draft: &mut Draft) -> Result<(), Problem> {
    let file = TextFile::read(path)?;
    if file.text.starts_with("#!") {
        let problem = Problem::at(&file.place(1, 1), "an inventory script, which wgops never runs");
        return Err(
            problem.help("save its output: 'ansible-inventory -i SCRIPT --list --yaml --output FILE'")
        );
    }
    let (problems, warnings) = (draft.problems.len(), draft.warnings.len());
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml" | "json") => yaml_format::read(&file, draft),
        _ if ini_format::looks_like_yaml(&file.text) => yaml_format::read(&file, draft),
        _ => ini_format::read(&file, draft),
    }
    let fresh = draft.problems.iter_mut().skip(problems).chain(draft.warnings.iter_mut().skip(warnings));
    fresh.for_each(|problem| problem.quote(&file));
    Ok(())
}

fn command_line_key(name: &str) -> Key {
    let place = Place { file: Arc::new("--inventory".into()), line: 0, column: 0 };
    Key::new(&place, name)
}

fn read_list(list: &str, draft: &mut Draft) -> Result<(), Problem> {
    let group = command_line_key(UNGROUPED);
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let expanded = range::expand(name).map_err(Problem::bare)?;
        for host in &expanded.hosts {
            draft.host(&group, host, &group.place);
            if let Some(port) = expanded.port {
                let node = Node::from_value(&group.place, &port.into());
                draft.host_variable(host, &command_line_key("ansible_port"), node);
            }
        }
    }
    Ok(())
}

fn read_local(draft: &mut Draft) -> Result<(), Problem> {
    let group = command_line_key(UNGROUPED);
    let host: HostName = "localhost".parse().map_err(|error| Problem::bare(format!("{error}")))?;
    draft.host(&group, &host, &group.place);
    draft.host_variable(&host, &command_line_key("ansible_connection"), Node::text(&group.place, "local"));
    Ok(())
}

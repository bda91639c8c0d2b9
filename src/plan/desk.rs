//! Files of the controller, as a task sees them: found beside the playbook, read whole, templates rendered in the task's
//! own scope.

use crate::model::{Advisories, Content};
use crate::modules::{Controller, TreeEntry, TreeKind};
use crate::questions::Stop;
use crate::template::{Rendered, Scope, Templates};
use std::cell::Cell;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is sent to a host.
const CONTENT_MAX: u64 = 64 << 20;

/// How deep a directory that is copied may be.
const TREE_DEPTH_MAX: usize = 40;
/// How much may lie below it.
const TREE_ENTRIES_MAX: usize = 20_000;

/// One task's access to the controller's files.
pub struct Desk<'a> {
    templates: &'a Templates,
    scope: &'a Arc<dyn Scope>,
    directory: &'a Path,
    root: &'a Path,
    advisories: Option<&'a Advisories>,
    tainted: Cell<bool>,
}

impl<'a> Desk<'a> {
    /// A desk for one evaluation.
    pub fn new(
        templates: &'a Templates,
        scope: &'a Arc<dyn Scope>,
        directory: &'a Path,
        root: &'a Path,
        advisories: Option<&'a Advisories>,
    ) -> Self {
        Self { templates, scope, directory, root, advisories, tainted: Cell::new(false) }
    }

    /// Whether a template that was rendered here used a secret.
    pub fn is_tainted(&self) -> bool {
        self.tainted.get()
    }

    /// Where a name may lie: absolute as it is, relative in the folder for its kind and beside the playbook.
    fn find(&self, folder: &str, source: &str) -> Result<PathBuf, Stop> {
        let name = Path::new(source);
        let tries = if name.is_absolute() {
            vec![name.to_owned()]
        } else {
            vec![self.directory.join(folder).join(name), self.directory.join(name)]
        };
        if let Some(found) = tries.iter().find(|path| path.exists()) {
            if lies_beneath(self.root, found) {
                return Ok(found.clone());
            }
            return Err(Stop::refuse(format!(
                "'{source}' lies outside {}: copy it there, so that nobody's playbook can carry other files away",
                self.root.display()
            )));
        }
        let looked: Vec<String> = tries.iter().map(|p| p.display().to_string()).collect();
        Err(Stop::refuse(format!("there is no file '{source}' here; looked for {}", looked.join(" and "))))
    }

    /// All that lies below a directory, in the order of names; links are followed as long as they stay inside.
    fn walk(&self, directory: &Path, below: &str, entries: &mut Vec<TreeEntry>) -> Result<(), Stop> {
        let unreadable = |error| Stop::refuse(format!("{}: {error}", directory.display()));
        if below.matches('/').count() > TREE_DEPTH_MAX || entries.len() > TREE_ENTRIES_MAX {
            return Err(Stop::refuse(format!(
                "{}: there is too much below it to be copied",
                directory.display()
            )));
        }
        if !lies_beneath(self.root, directory) {
            return Err(Stop::refuse(format!(
                "'{}' leads outside {}",
                directory.display(),
                self.root.display()
            )));
        }
        let mut all = std::fs::read_dir(directory)
            .and_then(|all| all.collect::<std::io::Result<Vec<_>>>())
            .map_err(unreadable)?;
        all.sort_by_key(std::fs::DirEntry::file_name);
        for entry in all {
            let path = entry.path();
            let name = entry.file_name().into_string().map_err(|name| {
                Stop::refuse(format!("{}: its name is not UTF-8", directory.join(name).display()))
            })?;
            let name = if below.is_empty() { name } else { format!("{below}/{name}") };
            let about = std::fs::metadata(&path).map_err(unreadable)?;
            if about.is_dir() {
                entries.push(TreeEntry { name: name.clone(), kind: TreeKind::Directory });
                self.walk(&path, &name, entries)?;
            } else if about.is_file() {
                let kind = TreeKind::File {
                    path: path.to_string_lossy().into_owned(),
                    mode: about.permissions().mode() & 0o7777,
                };
                entries.push(TreeEntry { name, kind });
            }
        }
        Ok(())
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, Stop> {
        let unreadable = |error| Stop::refuse(format!("{}: {error}", path.display()));
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if about.is_dir() {
            return Err(Stop::refuse(format!("{}: is a directory, and a file is needed", path.display())));
        }
        if about.len() > CONTENT_MAX {
            return Err(Stop::refuse(format!(
                "{}: is {} MiB; at most {} MiB can be sent",
                path.display(),
                about.len() >> 20,
                CONTENT_MAX >> 20
            )));
        }
        std::fs::read(path).map_err(unreadable)
    }
}

/// Whether a path, its links followed, lies in a folder.
pub fn lies_beneath(root: &Path, path: &Path) -> bool {
    match (root.canonicalize(), path.canonicalize()) {
        (Ok(root), Ok(path)) => path.starts_with(root),
        _ => false,
    }
}

impl Controller for Desk<'_> {
    fn advisories(&self) -> Option<&Advisories> {
        self.advisories
    }

    fn file(&self, source: &str) -> Result<Content, Stop> {
        let path = self.find("files", source)?;
        Ok(Content::new(self.read(&path)?))
    }

    fn mode(&self, source: &str) -> Result<u32, Stop> {
        let path = self.find("files", source).or_else(|_| self.find("templates", source))?;
        let about =
            std::fs::metadata(&path).map_err(|error| Stop::refuse(format!("{}: {error}", path.display())))?;
        Ok(about.permissions().mode() & 0o7777)
    }

    fn template(&self, source: &str) -> Result<Content, Stop> {
        self.template_with(source, &[])
    }

    fn tree(&self, source: &str) -> Result<Option<Vec<TreeEntry>>, Stop> {
        let path = self.find("files", source)?;
        if !path.is_dir() {
            return Ok(None);
        }
        let mut entries = Vec::new();
        self.walk(&path, "", &mut entries)?;
        Ok(Some(entries))
    }

    fn template_with(&self, source: &str, options: &[(&str, String)]) -> Result<Content, Stop> {
        let path = self.find("templates", source)?;
        let bytes = self.read(&path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Stop::refuse(format!("{}: is not UTF-8 text, so no template", path.display())))?;
        let name = path.to_string_lossy();
        let rendered = self.templates.text_with(&name, &text, options, self.scope).map_err(|error| {
            let at = if error.line > 0 { format!(":{}:{}", error.line, error.column) } else { String::new() };
            Stop::Refuse(super::evaluate::refusal(&format!("{}{at}: {error}", path.display()), &error))
        })?;
        match rendered {
            Rendered::Unknown(cause) => Err(Stop::Unknown(cause.to_string())),
            Rendered::Omitted => Ok(Content::new(Vec::new())),
            Rendered::Known { value, tainted } => {
                self.tainted.set(self.tainted.get() || tainted);
                Ok(Content::new(value.into_bytes()))
            }
        }
    }
}

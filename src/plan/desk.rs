//! Files of the controller, as a task sees them: found beside the playbook, read whole, templates rendered in the task's
//! own scope.

use crate::model::{Advisories, Content};
use crate::modules::Controller;
use crate::questions::Stop;
use crate::template::{Rendered, Scope, Templates};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is sent to a host.
const CONTENT_MAX: u64 = 64 << 20;

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

    fn read(&self, path: &Path) -> Result<Vec<u8>, Stop> {
        let unreadable = |error| Stop::refuse(format!("{}: {error}", path.display()));
        let about = std::fs::metadata(path).map_err(unreadable)?;
        if about.is_dir() {
            return Err(Stop::refuse(format!(
                "{}: is a directory; copying directories is not supported yet, name the files",
                path.display()
            )));
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
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.find("files", source).or_else(|_| self.find("templates", source))?;
        let about =
            std::fs::metadata(&path).map_err(|error| Stop::refuse(format!("{}: {error}", path.display())))?;
        Ok(about.permissions().mode() & 0o7777)
    }

    fn template(&self, source: &str) -> Result<Content, Stop> {
        let path = self.find("templates", source)?;
        let bytes = self.read(&path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Stop::refuse(format!("{}: is not UTF-8 text, so no template", path.display())))?;
        let rendered = self.templates.text(&path.to_string_lossy(), &text, self.scope).map_err(|error| {
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

//! Files of the controller, as a task sees them: found beside the playbook, read whole, templates rendered in the task's
//! own scope.

use super::around::Around;
use super::jobs::Jobs;
use super::library::Library;
use crate::load::text::lies_beneath;
use crate::model::{Advisories, Content, Map, Opened, Value, is_sealed};
use crate::modules::{Controller, Kept, TreeEntry, TreeKind};
use crate::questions::{Output, Stop};
use crate::template::{Binding, Rendered, Scope, Templates};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Deepest folder of variables that is looked into.
const DEPTH_MAX: usize = 20;
/// Largest file that is sent to a host.
const CONTENT_MAX: u64 = 64 << 20;

/// How deep a directory that is copied may be.
const TREE_DEPTH_MAX: usize = 40;
/// How much may lie below it.
const TREE_ENTRIES_MAX: usize = 20_000;

/// Templates of files that a task rendered, by file and destination, and whether a secret is in each. What was rendered once
/// stays so for this task on this host, as its arguments do: the time goes on, and a file that names it would never be as
/// wished.
#[derive(Clone, Default)]
pub struct RenderedOnce(Arc<Mutex<TextsByFile>>);

/// By file and destination.
type TextsByFile = BTreeMap<(PathBuf, String), (Content, bool)>;

impl RenderedOnce {
    fn get(&self, of: &(PathBuf, String)) -> Option<(Content, bool)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(of).cloned()
    }

    fn keep(&self, of: (PathBuf, String), content: Content, tainted: bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of, (content, tainted));
    }
}

/// One task's access to the controller's files.
pub struct Desk<'a> {
    templates: &'a Templates,
    scope: &'a Arc<dyn Scope>,
    around: &'a Around,
    library: &'a Library,
    advisories: Option<&'a Advisories>,
    jobs: Option<&'a Jobs>,
    rendered: RenderedOnce,
    tainted: Cell<bool>,
}

impl<'a> Desk<'a> {
    /// A desk for one evaluation.
    pub fn new(
        templates: &'a Templates,
        scope: &'a Arc<dyn Scope>,
        around: &'a Around,
        library: &'a Library,
        advisories: Option<&'a Advisories>,
    ) -> Self {
        let (rendered, tainted) = (RenderedOnce::default(), Cell::new(false));
        Self { templates, scope, around, library, advisories, jobs: None, rendered, tainted }
    }

    /// The same, with what the task rendered already.
    #[must_use]
    pub fn having(self, rendered: &RenderedOnce) -> Self {
        Self { rendered: rendered.clone(), ..self }
    }

    /// The same, knowing what goes on apart from tasks.
    #[must_use]
    pub fn knowing(self, jobs: &'a Jobs) -> Self {
        Self { jobs: Some(jobs), ..self }
    }

    /// Whether a template that was rendered here used a secret.
    pub fn is_tainted(&self) -> bool {
        self.tainted.get()
    }

    /// Where a name may lie: absolute as it is, relative in the folder for its kind and beside the playbook.
    fn find(&self, folder: &str, source: &str) -> Result<PathBuf, Stop> {
        self.templates.note_file();
        let tries: Vec<PathBuf> = self.around.candidates(folder, Path::new(source)).collect();
        if let Some(found) = tries.iter().find(|path| path.exists()) {
            return match self.library.refusal(found) {
                None => Ok(found.clone()),
                Some(why) if why.starts_with("lies outside") => Err(Stop::refuse(format!(
                    "'{source}' {why}: copy it there, so that nobody's playbook can carry other files away"
                ))),
                Some(why) => Err(Stop::refuse(format!("'{source}' {why}"))),
            };
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
        if let Some(why) = self.library.refusal(directory) {
            return Err(Stop::refuse(format!("'{}' {why}", directory.display())));
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
                if let Some(why) = self.library.refusal(&path) {
                    return Err(Stop::refuse(format!("'{}' {why}", path.display())));
                }
                let kind = TreeKind::File {
                    path: path.to_string_lossy().into_owned(),
                    mode: about.permissions().mode() & 0o7777,
                };
                entries.push(TreeEntry { name, kind });
            }
        }
        Ok(())
    }

    /// The same with what is sealed opened: whatever is made of it is then a secret.
    fn read_open(&self, path: &Path) -> Result<Vec<u8>, Stop> {
        let bytes = self.read(path)?;
        if !is_sealed(&bytes) {
            return Ok(bytes);
        }
        match self.templates.opener().file(path, &bytes) {
            Opened::Known(plain) => {
                self.tainted.set(true);
                Ok(plain.to_vec())
            }
            Opened::Unknown(cause) => Err(Stop::Unknown(cause)),
            Opened::Refused(why) => Err(Stop::refuse(why)),
        }
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

/// What a template of a file sees: where it is itself, besides all else.
struct OfTemplate {
    /// As the task names it.
    source: String,
    path: PathBuf,
    dest: String,
    beneath: Arc<dyn Scope>,
}

impl OfTemplate {
    /// What is said of the file under a name.
    fn said(&self, name: &str) -> Option<Binding> {
        let data = |value: Value| Some(Binding::Data(Arc::new(value)));
        // Moments are no data, so they are written as what makes them.
        let written = |text: String| Some(Binding::Written(Arc::new(text.into())));
        match name {
            "template_path" => data(self.source.clone().into()),
            "template_fullpath" => {
                let whole = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
                data(whole.to_string_lossy().into_owned().into())
            }
            "template_destpath" => data(self.dest.clone().into()),
            "template_host" => {
                let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
                data(name.trim().into())
            }
            "template_uid" => data(self.owner()?),
            "template_mtime" => {
                let modified = std::fs::metadata(&self.path).ok()?.modified().ok()?;
                let moment = jiff::Zoned::try_from(modified).ok()?.strftime("%Y-%m-%d %H:%M:%S.%6f");
                written(format!("{{{{ '{moment}' | to_datetime('%Y-%m-%d %H:%M:%S.%f') }}}}"))
            }
            "template_run_date" => written("{{ now() }}".to_owned()),
            _ => None,
        }
    }

    /// The name of the account that the file belongs to; its number where it has none.
    fn owner(&self) -> Option<Value> {
        let uid = std::fs::metadata(&self.path).ok()?.uid();
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let owner = users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
        });
        Some(owner.map_or_else(|| uid.into(), Value::from))
    }
}

impl Scope for OfTemplate {
    fn get(&self, name: &str) -> Option<Binding> {
        self.said(name).or_else(|| self.beneath.get(name))
    }

    fn names(&self) -> Vec<String> {
        self.beneath.names()
    }

    fn search_dirs(&self) -> Vec<PathBuf> {
        self.beneath.search_dirs()
    }
}

/// The files of a folder by name, then those of its folders.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries: Vec<(String, PathBuf)> =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path())).collect();
    entries.sort();
    let (folders, plain): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(_, path)| path.is_dir());
    files.extend(
        plain
            .into_iter()
            .map(|(name, path)| (format!("{prefix}{name}"), path.to_string_lossy().into_owned())),
    );
    for (name, path) in folders.into_iter().filter(|_| prefix.matches('/').count() < DEPTH_MAX) {
        walk(&path, &format!("{prefix}{name}/"), files);
    }
}

/// Where something of a host may be kept: below the project, or below the directory for temporary files. No part of the
/// way there may lead out again.
fn place_to_keep(directory: &Path, root: &Path, dest: &str) -> Result<PathBuf, Stop> {
    // A playbook in the current folder has no folder before its name.
    let path = directory.join(dest);
    let path = std::path::absolute(&path).unwrap_or(path);
    let climbs = path.components().any(|part| matches!(part, Component::ParentDir));
    let nearest = path.ancestors().skip(1).find(|above| above.exists());
    let roots = [root.to_owned(), std::env::temp_dir()];
    let is_inside = nearest.is_some_and(|above| roots.iter().any(|root| lies_beneath(root, above)));
    let is_link = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_symlink());
    if climbs || !is_inside || is_link {
        return Err(Stop::refuse(format!(
            "'{}' lies outside {}: what comes from hosts is kept below it, or below {}",
            path.display(),
            root.display(),
            std::env::temp_dir().display()
        )));
    }
    if let Some(name) = nearest.and_then(|above| taken(root, above, &path)) {
        return Err(Stop::refuse(format!(
            "'{}' would lie in {name}, which says what is done and by whom: what comes from hosts is kept elsewhere, as in 'fetched/'",
            path.display()
        )));
    }
    Ok(path)
}

/// What of the ops repository no file of a host may take a place in: git's folders, whose settings name programs, what other
/// programs read unasked because its name begins with a dot, and what people sign or answer for.
fn taken(root: &Path, above: &Path, path: &Path) -> Option<String> {
    let rest = path.strip_prefix(above).ok()?;
    let whole = above.canonicalize().ok()?.join(rest);
    let name = |part: Component<'_>| part.as_os_str().to_string_lossy().into_owned();
    if let Some(git) = whole.components().map(name).find(|part| part.eq_ignore_ascii_case(".git")) {
        return Some(git);
    }
    let inner = whole.strip_prefix(root.canonicalize().ok()?).ok()?;
    let first = name(inner.components().next()?);
    let signed = ["ledger", "plans", "inventory", "wgops.yml"].contains(&first.to_lowercase().as_str());
    (signed || first.starts_with('.')).then_some(first)
}

impl Controller for Desk<'_> {
    fn job(&self, name: &str, steps: &[Output]) -> Option<Map> {
        let (result, tainted) = self.jobs?.result(name, steps)?;
        if tainted {
            self.tainted.set(true);
        }
        Some(result)
    }

    fn advisories(&self) -> Option<&Advisories> {
        self.advisories
    }

    fn file(&self, source: &str) -> Result<Content, Stop> {
        let path = self.find("files", source)?;
        Ok(Content::new(self.read_open(&path)?))
    }

    fn variables(&self, source: &str) -> Result<(Map, String), Stop> {
        let path = self.find("vars", source)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        let read = self.library.variables(&path);
        let variables = read.map_err(|problems| Stop::refuse(problems.to_string()))?;
        Ok((Map::clone(&variables), path.to_string_lossy().into_owned()))
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, Stop> {
        let bound = match self.scope.get(name) {
            Some(Binding::Secret(inner)) => {
                self.tainted.set(true);
                Some(*inner)
            }
            other => other,
        };
        match bound {
            Some(Binding::Unknown(cause)) => Err(Stop::Unknown(cause.to_string())),
            Some(Binding::Data(value)) if Templates::has_templates(&value) => Err(Stop::refuse(format!(
                "'{name}' holds what was found out in this run, which is never read as a template: use the filter 'combine'"
            ))),
            bound => Ok(bound.as_ref().and_then(Binding::value).cloned()),
        }
    }

    fn files_of_variables(&self, folder: &str) -> Result<Vec<(String, String)>, Stop> {
        self.templates.note_file();
        let tries = self.around.folders_of_variables(folder);
        let Some(found) = tries.iter().find(|path| path.is_dir()) else {
            let looked: Vec<String> = tries.iter().map(|path| path.display().to_string()).collect();
            return Err(Stop::refuse(format!(
                "there is no folder '{folder}' here; looked for {}",
                looked.join(" and ")
            )));
        };
        if let Some(why) = self.library.refusal(found) {
            return Err(Stop::refuse(format!("'{folder}' {why}")));
        }
        let mut files = Vec::new();
        walk(found, "", &mut files);
        Ok(files)
    }

    fn host_name(&self) -> Result<String, Stop> {
        let name = Value::String("{{ inventory_hostname }}".into());
        match self.templates.render(&name, self.scope) {
            Ok(Rendered::Known { value: Value::String(name), .. })
                if !name.is_empty() && !name.contains('/') && !name.starts_with('.') =>
            {
                Ok(name)
            }
            _ => Err(Stop::refuse("the host has no name that a directory could have")),
        }
    }

    fn kept(&self, dest: &str) -> Result<Kept, Stop> {
        let path = place_to_keep(&self.library.directory, &self.library.root, dest)?;
        let path = std::path::absolute(&path).unwrap_or(path);
        match std::fs::metadata(&path) {
            Ok(about) if about.is_dir() => Err(Stop::refuse(format!(
                "{} is a directory, and a file is to be kept there",
                path.display()
            ))),
            Ok(about) if about.len() > CONTENT_MAX => Ok(Kept { path, content: Some(Vec::new()) }),
            Ok(_) => Ok(Kept { content: Some(self.read(&path)?), path }),
            Err(_) => Ok(Kept { path, content: None }),
        }
    }

    fn mode(&self, source: &str) -> Result<u32, Stop> {
        let path = self.find("files", source).or_else(|_| self.find("templates", source))?;
        let about =
            std::fs::metadata(&path).map_err(|error| Stop::refuse(format!("{}: {error}", path.display())))?;
        Ok(about.permissions().mode() & 0o7777)
    }

    fn template(&self, source: &str) -> Result<Content, Stop> {
        self.template_with(source, "", &[])
    }

    fn tree(&self, source: &str) -> Result<Option<Vec<TreeEntry>>, Stop> {
        let path = self.find("files", source)?;
        if !path.is_dir() {
            return Ok(None);
        }
        // What is found is asked for again by its own path, which must not begin anywhere else then.
        let path = std::path::absolute(&path).unwrap_or(path);
        let mut entries = Vec::new();
        self.walk(&path, "", &mut entries)?;
        Ok(Some(entries))
    }

    fn template_with(&self, source: &str, dest: &str, options: &[(&str, String)]) -> Result<Content, Stop> {
        let path = self.find("templates", source)?;
        let of = (path, dest.to_owned());
        if let Some((content, tainted)) = self.rendered.get(&of) {
            self.tainted.set(self.tainted.get() || tainted);
            return Ok(content);
        }
        let path = &of.0;
        let bytes = self.read_open(path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Stop::refuse(format!("{}: is not UTF-8 text, so no template", path.display())))?;
        let name = path.to_string_lossy();
        let beneath = self.scope.clone();
        let about =
            OfTemplate { source: source.to_owned(), path: path.clone(), dest: dest.to_owned(), beneath };
        let scope: Arc<dyn Scope> = Arc::new(about);
        let rendered = self.templates.text_with(&name, &text, options, &scope).map_err(|error| {
            let at = if error.line > 0 { format!(":{}:{}", error.line, error.column) } else { String::new() };
            Stop::Refuse(super::evaluate::refusal(&format!("{}{at}: {error}", path.display()), &error))
        })?;
        match rendered {
            Rendered::Unknown(cause) => Err(Stop::Unknown(cause.to_string())),
            Rendered::Omitted => Ok(Content::new(Vec::new())),
            Rendered::Known { value, tainted } => {
                self.tainted.set(self.tainted.get() || tainted);
                let content = Content::new(value.into_bytes());
                self.rendered.keep(of, content.clone(), tainted || self.tainted.get());
                Ok(content)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_hosts_is_kept_inside_and_nowhere_else() {
        let all = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let root = all.path().join("ops");
        std::fs::create_dir_all(root.join("playbooks")).unwrap();
        std::fs::create_dir(all.path().join("other")).unwrap();
        std::os::unix::fs::symlink(all.path().join("other"), root.join("way-out")).unwrap();
        let keeps = |dest: &str| place_to_keep(&root.join("playbooks"), &root, dest);
        assert_eq!(keeps("got/h1/etc/x").unwrap(), root.join("playbooks/got/h1/etc/x"));
        assert!(keeps(root.join("x").to_str().unwrap()).is_ok());
        assert!(keeps(std::env::temp_dir().join("x/y").to_str().unwrap()).is_ok());
        for wrong in ["../../other/x", "/etc/x", "../way-out/x", "got/../../../x"] {
            assert!(keeps(wrong).is_err(), "{wrong}");
        }
        assert!(keeps(root.join("way-out").to_str().unwrap()).is_err());
        // Nor where it would be somebody's word, or a program at the next git.
        std::fs::create_dir(root.join("inventory")).unwrap();
        std::os::unix::fs::symlink(root.join("inventory"), root.join("hosts")).unwrap();
        let inside = |path: &str| keeps(root.join(path).to_str().unwrap());
        for wrong in [
            ".git/config",
            "inventory/prod.yml",
            "inventory/host_vars/h1/x.yml",
            "ledger/x/1.json",
            "plans/x",
            "wgops.yml",
            ".github/workflows/x.yml",
            ".wgops/clone",
            "hosts/prod.yml",
            "got/h1/srv/.git/config",
        ] {
            assert!(inside(wrong).is_err(), "{wrong}");
        }
        for fine in ["got/h1/etc/.profile", "playbooks/got/x", "gitlog", "inventory.bak"] {
            assert!(inside(fine).is_ok(), "{fine}");
        }
        // Named without a folder, a playbook lies in the current one.
        let here = std::env::current_dir().unwrap();
        assert_eq!(place_to_keep(Path::new(""), &here, "none/x").unwrap(), here.join("none/x"));
    }
}

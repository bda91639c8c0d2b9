//! The lookup `filetree`: everything below folders of the controller, as `file`, `copy` and `template` take it in a loop.

use super::files::candidates;
use super::names;
use crate::model::{Pattern, PatternOptions};
use crate::template::call::{Call, text_of, wrong};
use crate::template::controller::{Controller, Kind};
use crate::template::functions::terms;
use minijinja::{Error, State, Value};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 40;

/// A walk through folders.
struct Walk<'a> {
    controller: &'a dyn Controller,
    exclude: Option<Pattern>,
    /// Paths that were found: of several folders, the first that has one counts.
    known: BTreeSet<String>,
    found: Vec<Value>,
}

pub(super) fn filetree(state: &mut State, call: &Call) -> Result<Value, Error> {
    let names = names(state)?;
    let exclude = call.text("exclude")?.map(|text| Pattern::new(&text, PatternOptions::default()));
    let exclude = exclude.transpose().map_err(|error| wrong(format!("'exclude': {error}")))?;
    let controller = names.session.cache.controller.as_ref();
    let mut walk = Walk { controller, exclude, known: BTreeSet::new(), found: Vec::new() };
    for term in terms(call.rest.clone())? {
        let places = candidates(&names, &text_of(&term)?, "files");
        if let Some(root) = places.iter().find(|place| controller.kind(place) == Some(Kind::Folder)) {
            walk.folder(root, "")?;
        }
    }
    Ok(Value::from(walk.found))
}

impl Walk<'_> {
    /// Folders come before files, and before what is in them.
    fn folder(&mut self, root: &Path, below: &str) -> Result<(), Error> {
        let entries = self.controller.entries(&root.join(below));
        let is_folder =
            |name: &String| self.controller.kind(&root.join(below).join(name)) == Some(Kind::Folder);
        let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(is_folder);
        let path = |name: &String| if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        for name in folders.iter().chain(&files) {
            self.entry(root, path(name))?;
        }
        for name in folders.iter().filter(|_| below.matches('/').count() < DEPTH_MAX) {
            let inner = path(name);
            if !self.controller.is_link(&root.join(&inner)) {
                self.folder(root, &inner)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, root: &Path, path: String) -> Result<(), Error> {
        if let Some(pattern) = &self.exclude
            && pattern.is_found(&path).map_err(|error| wrong(error.to_string()))?
        {
            return Ok(());
        }
        let whole = root.join(&path);
        let Some(about) = self.controller.about(&whole).filter(|_| !self.known.contains(&path)) else {
            return Ok(());
        };
        let text = |path: &Path| Value::from(path.to_string_lossy());
        let (state, src) = match about.file_type() {
            kind if kind.is_symlink() => ("link", self.controller.target(&whole).map(|target| text(&target))),
            kind if kind.is_dir() => ("directory", None),
            kind if kind.is_file() => ("file", Some(text(&whole))),
            _ => return Ok(()),
        };
        let mut said = vec![
            ("root", text(root)),
            ("path", Value::from(path.as_str())),
            ("state", Value::from(state)),
            ("uid", Value::from(about.uid())),
            ("gid", Value::from(about.gid())),
            ("owner", named("/etc/passwd", about.uid())),
            ("group", named("/etc/group", about.gid())),
            ("mode", Value::from(format!("0{:03o}", about.mode() & 0o7777))),
            ("size", Value::from(about.size())),
            ("mtime", Value::from(about.mtime())),
            ("ctime", Value::from(about.ctime())),
        ];
        said.extend(src.map(|src| ("src", src)));
        self.found.push(Value::from_pairs(said));
        self.known.insert(path);
        Ok(())
    }
}

/// The name that a number has on this machine, or the number.
fn named(file: &str, number: u32) -> Value {
    let all = std::fs::read_to_string(file).unwrap_or_default();
    let name = all.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(number)).then(|| Value::from(name))
    });
    name.unwrap_or_else(|| Value::from(number))
}

//! `vars_files`: what can be named without a host is read before any is touched; from the first on that can't, a host reads
//! them when it knows their names, which may be made of its facts.

use super::compile::Compiler;
use super::host_run::HostRun;
use super::scope::{Layer, written};
use crate::load::{Node, Problem, Problems, playbook};
use crate::model::{Map, Place, Value};
use crate::template::{Rendered, Scope, TemplateErrorKind, Templates};
use std::path::PathBuf;
use std::sync::Arc;

/// A file of variables, or several of which the first that exists counts; their names may be templates.
pub struct VarsFile {
    candidates: Vec<Value>,
    place: Place,
}

/// What the name of a file came to.
enum Named {
    Found(PathBuf),
    Missing(Vec<PathBuf>),
    /// A variable is not there yet.
    Later,
}

impl VarsFile {
    fn of(node: &Node) -> Self {
        let candidates = match node.to_value() {
            Value::Array(list) => list,
            one => vec![one],
        };
        Self { candidates, place: node.place.clone() }
    }

    fn find(
        &self,
        templates: &Templates,
        scope: &Arc<dyn Scope>,
        folder: &std::path::Path,
    ) -> Result<Named, String> {
        let mut tried = Vec::new();
        for candidate in &self.candidates {
            let name = match templates.render(candidate, scope) {
                Ok(Rendered::Known { tainted: true, .. }) => {
                    return Err("a file of variables would be named by a sealed value, and names are seen: write it as it is".into());
                }
                Ok(Rendered::Known { value, .. }) => super::evaluate::text_of(&value),
                Ok(Rendered::Omitted) => continue,
                Ok(Rendered::Unknown(_)) => return Ok(Named::Later),
                Err(error) if error.kind == TemplateErrorKind::Undefined => return Ok(Named::Later),
                Err(error) => return Err(error.to_string()),
            };
            for path in [folder.join("vars").join(&name), folder.join(&name)] {
                if path.is_file() {
                    return Ok(Named::Found(path));
                }
                tried.push(path);
            }
        }
        Ok(Named::Missing(tried))
    }
}

impl Compiler<'_> {
    /// The variables of files that can be named without a host, and the files that can't.
    pub(super) fn file_vars(
        &mut self,
        play: &playbook::Play,
        scope: &dyn Fn(&Map) -> Arc<dyn Scope>,
    ) -> (Map, Vec<VarsFile>) {
        let (mut all, mut later) = (Map::new(), Vec::new());
        let library = self.foundation.library.clone();
        for node in &play.vars_files {
            let file = VarsFile::of(node);
            if !later.is_empty() {
                later.push(file);
                continue;
            }
            match file.find(self.templates, &scope(&all), &library.directory) {
                Ok(Named::Found(path)) => match library.refusal(&path).map_or_else(
                    || library.variables(&path),
                    |why| {
                        let problem = Problem::at(&node.place, format!("{} {why}", path.display()));
                        Err(Problems(vec![problem.help("copy the file into the ops repository")]))
                    },
                ) {
                    Ok(variables) => all.extend(Map::clone(&variables)),
                    Err(problems) => self.problems.extend(problems.0),
                },
                Ok(Named::Missing(tried)) => {
                    let looked: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
                    let problem = Problem::at(&node.place, "there is no such variables file");
                    self.problems.push(problem.help(format!("looked for {}", looked.join(", "))));
                }
                Ok(Named::Later) => later.push(file),
                Err(error) => self.problems.push(Problem::at(&node.place, error)),
            }
        }
        (all, later)
    }
}

impl HostRun {
    /// Reads the files of variables whose names are known by now.
    pub(super) fn read_vars_files(&mut self) {
        let foundation = self.play.foundation.clone();
        if foundation.late_files.is_empty() {
            return;
        }
        let mut layer = Layer::clone(&foundation.files);
        let frame = Arc::default();
        for file in &foundation.late_files {
            self.ground.variables.set_files(layer.clone());
            let view = self.ground.variables.view(&frame, &Arc::default(), None);
            let found = file.find(&self.ground.templates, &view, &foundation.library.directory);
            let read = match found {
                Ok(Named::Found(path)) => match foundation.library.refusal(&path) {
                    None => {
                        foundation.library.variables(&path).map_err(|problems: Problems| problems.to_string())
                    }
                    Some(why) => Err(format!("{} {why}", path.display())),
                },
                Ok(Named::Missing(_)) => Err("there is no such variables file".into()),
                Ok(Named::Later) => continue,
                Err(error) => Err(error),
            };
            match read {
                Ok(variables) => layer.extend(written(&variables)),
                Err(message) => self.warn_once(format!("{}: {message}", file.place)),
            }
        }
        self.ground.variables.set_files(layer);
    }
}

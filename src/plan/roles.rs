//! Roles and imports that are known before any host is: opened in place, so that a play's steps hold their tasks.

use super::around::{Around, InRole};
use super::compile::{Compiler, Spot};
use super::inherit::inherit;
use super::scope::Layer;
use super::task::Step;
use crate::load::playbook::{Keywords, RoleEntry, Section, Task, TaskItem};
use crate::load::role::{self, FromFiles};
use crate::load::{Node, Problem, Role, yaml};
use crate::model::{Digest, Map, Place, Value};
use crate::template::{Binding, Rendered, Scope};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Deepest nesting of roles and files that include each other.
pub(super) const DEPTH_MAX: usize = 40;

/// How a role is asked for.
pub(super) struct Asked<'a> {
    /// Where.
    pub place: &'a Place,
    pub name: String,
    pub from: FromFiles,
    pub keywords: &'a Keywords,
    /// `vars` with it.
    pub vars: Map,
    pub params: Map,
    /// What its own metadata says of duplicates, unless this does.
    pub allow_duplicates: Option<bool>,
    /// Whether its arguments are checked.
    pub validate: bool,
    /// By `import_role` or `include_role`.
    pub included: bool,
}

impl Compiler<'_> {
    /// Opens a role that `roles` or `dependencies` name.
    pub(super) fn role_entry(
        &mut self,
        entry: &RoleEntry,
        spot: &Spot,
        chain: &[Arc<InRole>],
        steps: &mut Vec<Step>,
    ) -> Option<Arc<InRole>> {
        let name = self.known_text(&entry.name, spot)?;
        let params = entry.params.iter().map(|(key, node)| (key.name.clone(), node.to_value())).collect();
        let keywords = Keywords { name: None, vars: yaml::Variables::default(), ..entry.keywords.clone() };
        let asked = Asked {
            place: &entry.place,
            name,
            from: FromFiles::default(),
            keywords: &keywords,
            vars: yaml::values(&entry.keywords.vars),
            params,
            allow_duplicates: None,
            validate: true,
            included: false,
        };
        self.role(&asked, spot, chain, steps)
    }

    /// Opens a role: what it depends on, then its own tasks; takes up its handlers.
    pub(super) fn role(
        &mut self,
        asked: &Asked<'_>,
        spot: &Spot,
        chain: &[Arc<InRole>],
        steps: &mut Vec<Step>,
    ) -> Option<Arc<InRole>> {
        if chain.len() + spot.depth > DEPTH_MAX {
            let names: Vec<&str> = chain.iter().rev().take(4).map(|role| role.name.as_str()).collect();
            let problem = Problem::at(asked.place, "roles bring each other in without end");
            self.problems.push(problem.help(format!("the last were {}", names.join(", "))));
            return None;
        }
        let (path, files) = self.role_files(asked, chain.last().map(|role| role.path.as_path()))?;
        let inherited = inherit(&spot.inherited, asked.keywords);
        let role = InRole {
            name: asked.name.rsplit('/').next().unwrap_or_default().to_owned(),
            instance: self.foundation.library.instance(identity(asked, &path)),
            allow_duplicates: asked.allow_duplicates.unwrap_or(files.allow_duplicates),
            included: asked.included,
            entry_vars: asked.vars.clone(),
            params: asked.params.clone(),
            chain: chain.to_vec(),
            path,
            ..InRole::default()
        }
        .with_files(&files);
        // What it depends on sees it as its parent, whose own variables are known already.
        let as_parent = Arc::new(role);
        let below: Vec<Arc<InRole>> = as_parent.whole_chain();
        let inside = Spot { inherited, depth: spot.depth + 1, ..spot.clone() };
        let mut depends = Vec::new();
        for entry in &files.dependencies {
            depends.extend(self.role_entry(entry, &inside, &below, steps));
        }
        let mut role = InRole::clone(&as_parent);
        for dependency in &depends {
            role.defaults_below.extend(dependency.exported_defaults());
            role.vars_below.extend(dependency.exported_vars());
            role.depends.extend(dependency.depends.iter().cloned().chain([dependency.name.clone()]));
        }
        let role = Arc::new(role);
        let around = Arc::new(Around::of_role(
            &spot.around,
            &role,
            &files.tasks_folder,
            &self.foundation.library.directory,
        ));
        let inside = Spot { around, folders: Arc::new([files.tasks_folder.clone()]), ..inside };
        steps.push(Step::RoleBegins(role.clone()));
        if asked.validate {
            self.validation(asked, &files, &inside, steps);
        }
        for item in &files.tasks {
            self.item(item, &inside, steps);
        }
        steps.push(Step::RoleEnds(role.clone()));
        let handlers = Spot { folders: Arc::new([role.path.join("handlers")]), ..inside };
        for item in &files.handlers {
            self.handler(item, &handlers);
        }
        Some(role)
    }

    fn role_files(&mut self, asked: &Asked<'_>, beside: Option<&Path>) -> Option<(PathBuf, Arc<Role>)> {
        let found = role::find(&asked.name, &self.foundation.library.role_folders(beside));
        let path = found.map_err(|problem| self.problems.push(problem_at(problem, asked.place))).ok()?;
        if !self.foundation.library.may_read(&path) {
            self.problems.push(outside(&path, &self.foundation.library.root, asked.place));
            return None;
        }
        if let Some(why) = self.foundation.library.refusal(&path) {
            self.problems.push(Problem::at(asked.place, format!("the role {} {why}", path.display())));
            return None;
        }
        match self.foundation.library.role(&path, &asked.from) {
            Ok(files) => Some((path, files)),
            Err(problems) => {
                self.problems.extend(problems.0.into_iter().map(|p| problem_at(p, asked.place)));
                None
            }
        }
    }

    /// `import_role`.
    pub(super) fn import_role(&mut self, task: &Task, spot: &Spot, steps: &mut Vec<Step>) {
        self.refuse_loop(task, "include_role");
        let known = ["name", "role", "tasks_from", "vars_from", "defaults_from", "handlers_from"];
        let flags = ["allow_duplicates", "public", "rolespec_validate"];
        self.check_import_args(task, &[&known[..], &flags[..]].concat());
        let inside = Spot { inherited: inherit(&spot.inherited, &task.keywords), ..spot.clone() };
        let mut text = |name: &str| {
            let node = task.args.get(name)?;
            self.known_text(node, &inside)
        };
        let from = FromFiles {
            tasks: text("tasks_from"),
            vars: text("vars_from"),
            defaults: text("defaults_from"),
            handlers: text("handlers_from"),
        };
        let Some(name) = text("name").or_else(|| text("role")) else {
            let problem = Problem::at(&task.module_key.place, "import_role without a name");
            self.problems.push(problem.help("write 'name: ROLE' below it"));
            return;
        };
        let mut flag = |name: &str| task.args.get(name).map(|node| self.plain_bool(node));
        let (duplicates, public) = (flag("allow_duplicates"), flag("public"));
        let validate = flag("rolespec_validate").unwrap_or(true);
        let none = Keywords::default();
        let asked = Asked {
            place: &task.module_key.place,
            name,
            from,
            keywords: &none,
            vars: yaml::values(&task.keywords.vars),
            params: Map::new(),
            allow_duplicates: Some(duplicates.unwrap_or(true)),
            validate,
            included: true,
        };
        let chain = spot.around.role.as_ref().map(InRole::whole_chain).unwrap_or_default();
        if let Some(role) = self.role(&asked, &inside, &chain, steps)
            && public.unwrap_or(true)
        {
            self.exported.add(&role);
            self.imported.push(role);
        }
    }

    /// `import_tasks`: the tasks of the file, as if they stood here.
    pub(super) fn import_tasks(&mut self, task: &Task, spot: &Spot, section: Section) -> Option<Opened> {
        self.refuse_loop(task, "include_tasks");
        self.check_import_args(task, &["file"]);
        let inside = Spot { inherited: inherit(&spot.inherited, &task.keywords), ..spot.clone() };
        let Some(node) = task.args.free.as_ref().or_else(|| task.args.get("file")) else {
            let problem = Problem::at(&task.module_key.place, "import_tasks without a file");
            self.problems.push(problem.help("write 'import_tasks: FILE.yml'"));
            return None;
        };
        let name = self.known_text(node, &inside)?;
        let tries = inside.tasks_files(&name, section, &self.foundation.library.directory);
        let path = self.tasks_file(&name, &tries, &node.place)?;
        self.open(&path, inside, section, &node.place)
    }

    /// Reads a file of tasks, to be compiled in a place.
    pub(super) fn open(&mut self, path: &Path, spot: Spot, section: Section, at: &Place) -> Option<Opened> {
        if spot.depth >= DEPTH_MAX {
            let problem = Problem::at(at, format!("{} is included without end", path.display()));
            self.problems.push(problem.help("files include each other"));
            return None;
        }
        match self.foundation.library.tasks(path, section) {
            Ok(items) => {
                let own = path.parent().unwrap_or(path).to_owned();
                let folders = [own].into_iter().chain(spot.folders.iter().cloned()).collect();
                let around = Arc::new(spot.around.of_file(path));
                Some(Opened { items, spot: Spot { around, folders, depth: spot.depth + 1, ..spot } })
            }
            Err(problems) => {
                self.problems.extend(problems.0.into_iter().map(|p| problem_at(p, at)));
                None
            }
        }
    }

    /// The first place where a file of tasks is.
    pub(super) fn tasks_file(&mut self, name: &str, tries: &[PathBuf], at: &Place) -> Option<PathBuf> {
        match tries.iter().find(|path| path.is_file()) {
            Some(path) => match self.foundation.library.refusal(path) {
                None => return Some(path.clone()),
                Some(why) => {
                    let problem = Problem::at(at, format!("{} {why}", path.display()));
                    self.problems.push(problem.help("copy the file into the ops repository"));
                }
            },
            None => {
                let looked: Vec<String> = tries.iter().map(|path| path.display().to_string()).collect();
                let problem = Problem::at(at, format!("there is no file of tasks '{name}'"));
                self.problems.push(problem.help(format!("looked for {}", looked.join(", "))));
            }
        }
        None
    }

    fn refuse_loop(&mut self, task: &Task, other: &str) {
        if task.r#loop.is_some() {
            let problem = Problem::at(&task.place, format!("{} can't be repeated", task.module));
            self.problems.push(problem.help(format!("use {other}")));
        }
    }

    fn check_import_args(&mut self, task: &Task, known: &[&str]) {
        for (key, _) in &task.args.params {
            if !known.contains(&key.name.as_str()) {
                let message = format!("{}: there is no parameter '{}'", task.module, key.name);
                self.problems
                    .push(Problem::at(&key.place, message).nearest(&key.name, known.iter().copied()));
            }
        }
    }

    /// A text that may be a template over what is known without a host.
    pub(super) fn known_text(&mut self, node: &Node, spot: &Spot) -> Option<String> {
        if !node.is_template() {
            return Some(super::evaluate::text_of(&node.to_value()));
        }
        match self.templates.render(&node.to_value(), &self.known(spot)) {
            Ok(Rendered::Known { value, .. }) => return Some(super::evaluate::text_of(&value)),
            Ok(Rendered::Omitted) => {}
            Ok(Rendered::Unknown(cause)) => {
                self.problems.push(Problem::at(&node.place, format!("is not known here: {cause}")));
            }
            Err(error) => {
                let help = "without a host only --extra-vars and variables of plays, roles and tasks are known; \
                            include_tasks and include_role see the others";
                let problem = Problem::at(&node.place, error.to_string());
                self.problems.push(problem.help(error.hint.clone().unwrap_or_else(|| help.to_owned())));
            }
        }
        None
    }

    /// Tags, with what templates among them come to. One that only a host could tell stays as it is written.
    pub(super) fn known_tags(&self, own: &Keywords, spot: &Spot) -> Vec<String> {
        let is_template = |tag: &String| tag.contains("{{") || tag.contains("{%");
        if !own.tags.iter().any(is_template) {
            return own.tags.clone();
        }
        let scope = self.known(&Spot { inherited: own.clone(), ..spot.clone() });
        let known = |tag: &String| {
            let rendered =
                is_template(tag).then(|| self.templates.render(&Value::String(tag.clone()), &scope));
            match rendered {
                Some(Ok(Rendered::Known { value: Value::Array(list), .. })) => {
                    list.iter().map(super::evaluate::text_of).collect()
                }
                Some(Ok(Rendered::Known { value, .. })) => {
                    let text = super::evaluate::text_of(&value);
                    text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
                }
                _ => vec![tag.clone()],
            }
        };
        own.tags.iter().flat_map(known).collect()
    }

    /// The variables that are known in a place without a host.
    pub(super) fn known(&self, spot: &Spot) -> Arc<dyn Scope> {
        let own = Arc::new(super::scope::written(&yaml::values(&spot.inherited.vars)));
        let around = &spot.around;
        Arc::new(KnownScope(vec![
            self.foundation.extra.clone(),
            around.params.clone(),
            own,
            around.role_vars.clone(),
            self.exported.vars.clone(),
            self.foundation.files.clone(),
            self.foundation.play.clone(),
            around.defaults.clone(),
            self.exported.defaults.clone(),
            around.magic.clone(),
            self.foundation.magic.clone(),
        ]))
    }
}

/// A file of tasks that is to be compiled.
pub(super) struct Opened {
    pub items: Arc<Vec<TaskItem>>,
    pub spot: Spot,
}

/// Variables that need no host, highest rung first.
struct KnownScope(Vec<Arc<Layer>>);

impl Scope for KnownScope {
    fn get(&self, name: &str) -> Option<Binding> {
        self.0.iter().find_map(|layer| layer.get(name)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(|layer| layer.keys().cloned()).collect()
    }
}

impl Spot {
    /// The same for an include, which looks in the role's folder before it looks beside the file that names it.
    pub(super) fn includes_files(&self, name: &str, section: Section, playbook: &Path) -> Vec<PathBuf> {
        let mut tries = self.tasks_files(name, section, playbook);
        if let Some(role) = &self.around.role {
            let folder = if section == Section::Handlers { "handlers" } else { "tasks" };
            let first = role.path.join(folder).join(name);
            tries.retain(|path| *path != first);
            tries.insert(0, first);
        }
        tries
    }

    /// Where a file of tasks may be, in the order in which that is looked through.
    pub(super) fn tasks_files(&self, name: &str, section: Section, playbook: &Path) -> Vec<PathBuf> {
        let path = Path::new(name);
        if path.is_absolute() {
            return vec![path.to_owned()];
        }
        let folder = if section == Section::Handlers { "handlers" } else { "tasks" };
        let mut folders: Vec<PathBuf> = self.folders.to_vec();
        if let Some(role) = &self.around.role {
            // Handlers bring in files of tasks, too.
            let tasks = role.path.join("tasks");
            folders.extend([role.path.join(folder), tasks, role.path.clone(), playbook.join(folder)]);
        }
        folders.push(playbook.to_owned());
        let mut tries: Vec<PathBuf> = Vec::new();
        for path in folders.iter().map(|folder| folder.join(path)) {
            if !tries.contains(&path) {
                tries.push(path);
            }
        }
        tries
    }
}

/// What makes two uses of a role the same.
fn identity(asked: &Asked<'_>, path: &Path) -> Digest {
    let when: Vec<Value> = asked.keywords.when.iter().map(Node::to_value).collect();
    let from = format!("{:?}", asked.from);
    let all = serde_json::json!([
        path.to_string_lossy(),
        asked.params,
        asked.vars,
        when,
        asked.keywords.tags,
        from,
        asked.included
    ]);
    Digest::of(all.to_string())
}

/// Complains about a role that may not be read. Where it is a link, whoever runs the playbook has to name where that leads:
/// others may have put it there.
fn outside(path: &Path, root: &Path, place: &Place) -> Problem {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let is_link = path.is_symlink();
    match real.parent().filter(|_| is_link) {
        Some(folder) => Problem::at(
            place,
            format!("the role is a link to {}, outside {}", real.display(), root.display()),
        )
        .help(format!("name {} in ANSIBLE_ROLES_PATH, too", folder.display())),
        None => Problem::at(place, format!("the role lies outside {}", root.display()))
            .help("copy it into the ops repository, or name its folder in ANSIBLE_ROLES_PATH"),
    }
}

/// A problem that has no place of its own gets one.
fn problem_at(problem: Problem, place: &Place) -> Problem {
    match &problem.place {
        Some(at) if at.line > 0 || problem.message.is_empty() => problem,
        Some(at) => {
            let message = format!("{}: {}", at.file.display(), problem.message);
            Problem { place: Some(place.clone()), message, ..problem }
        }
        None => Problem { place: Some(place.clone()), ..problem },
    }
}

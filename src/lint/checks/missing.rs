//! Files and roles that are named and not there.

use super::Desk;
use crate::lint::task::{Call, Task};
use crate::lint::tree::Kind;
use crate::lint::{index, rules};
use crate::load::Node;
use crate::load::playbook::short_module_name;
use crate::model::{Place, nearest};

/// Modules that are given a file of the controller as `src`.
const SOURCES: [&str; 5] = ["copy", "template", "script", "unarchive", "patch"];

pub(super) fn document(desk: &mut Desk<'_>) {
    let document = desk.document;
    for play in document.plays() {
        for (key, node) in play.map().unwrap_or_default() {
            match short_module_name(&key.name) {
                "import_playbook" => file(desk, node),
                "vars_files" => {
                    node.items().iter().filter(|item| item.str().is_ok()).for_each(|item| file(desk, item))
                }
                "roles" => node.items().iter().for_each(|entry| role_entry(desk, entry)),
                _ => {}
            }
        }
    }
    if document.kind == Kind::Meta {
        let dependencies = document.node.as_ref().and_then(|node| node.get("dependencies"));
        dependencies.map(Node::items).into_iter().flatten().for_each(|entry| role_entry(desk, entry));
    }
}

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    let Some(call) = &task.call else { return };
    match call.name.as_str() {
        "include_tasks" | "import_tasks" | "include" => {
            call.free_or(&["file"]).into_iter().for_each(|node| file(desk, node));
            shadowed(desk, task, call);
        }
        "include_role" | "import_role" => {
            call.arg(&["name", "role"]).into_iter().for_each(|node| role(desk, node));
        }
        "include_vars" => call.free_or(&["file"]).into_iter().for_each(|node| file(desk, node)),
        name if SOURCES.contains(&name) => source(desk, task, call),
        _ => {}
    }
}

fn source(desk: &mut Desk<'_>, task: &Task<'_>, call: &Call) {
    let remote = call.arg(&["remote_src", "copy"]).is_some();
    // A task with a condition may never need its file, and one that may fail has been thought of.
    let optional = task.inherited("when").is_some() || task.own("ignore_errors").is_some();
    if remote || optional {
        return;
    }
    if call.name == "script" {
        // Behind it stand the script's own words.
        let node = call.free_or(&["cmd"]);
        let line = node.and_then(|node| Some((node, node.str().ok()?.trim())));
        if let Some((node, line)) = line.filter(|(_, line)| !line.starts_with(['"', '\''])) {
            named(desk, node, line.split_whitespace().next().unwrap_or_default());
        }
    } else if let Some(node) = call.arg(&["src"]) {
        file(desk, node);
    }
}

fn file(desk: &mut Desk<'_>, node: &Node) {
    if let Ok(name) = node.str() {
        named(desk, node, name.trim());
    }
}

/// A file of this name is there, or may be.
fn named(desk: &mut Desk<'_>, node: &Node, name: &str) {
    let unknown =
        name.contains("{{") || name.contains("{%") || name.starts_with(['/', '~']) || name.contains("://");
    if unknown || name.is_empty() || name.contains(".tar") || index::find(&desk.document.path, name).is_some()
    {
        return;
    }
    let help = index::near(&desk.document.path, name).map(|near| format!("did you mean '{near}'?"));
    desk.say(&rules::MISSING_FILE, &node.place, format!("there is no file '{name}'"), help);
}

fn role_entry(desk: &mut Desk<'_>, entry: &Node) {
    let named =
        if entry.map().is_ok() { entry.get("role").or_else(|| entry.get("name")) } else { Some(entry) };
    named.into_iter().for_each(|node| role(desk, node));
}

fn role(desk: &mut Desk<'_>, node: &Node) {
    let Ok(name) = node.str() else { return };
    let path = desk
        .document
        .path
        .parent()
        .is_some_and(|folder| folder.join(name).is_dir() || folder.join("roles").join(name).is_dir());
    if name.contains("{{") || desk.index.has_role(name) || path {
        return;
    }
    let help = match nearest(name, desk.index.roles()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => "put it into roles/, or name it in requirements.yml".into(),
    };
    desk.say(&rules::MISSING_ROLE, &node.place, format!("there is no role '{name}'"), Some(help));
}

/// A loop over a file of tasks in which another loop sets the same variable.
fn shadowed(desk: &mut Desk<'_>, task: &Task<'_>, call: &Call) {
    let Some(variable) = task.loop_variable() else { return };
    let named = call.free_or(&["file"]).and_then(|node| node.word().ok());
    let Some(path) = named.and_then(|name| index::find(&desk.document.path, &name)) else { return };
    if desk.index.loop_variables(&path).is_some_and(|inner| inner.contains(&variable)) {
        let place: &Place = task.each().map_or(&task.node.place, |(key, _)| &key.place);
        let message = format!("the loop sets '{variable}', and so does one in {}", path.display());
        let help = "give one of them another name by 'loop_control: {loop_var: …}'".to_owned();
        desk.say(&rules::SHADOWED_LOOP_VARIABLE, place, message, Some(help));
    }
}

//! Templates: in arguments, keywords and variables, conditions, and template files.

use super::Desk;
use crate::lint::rules;
use crate::lint::task::Task;
use crate::lint::tree::Kind;
use crate::load::Node;
use crate::model::Place;
use crate::modules::{self, Kind as Takes};
use crate::template::{TemplateError, TemplateErrorKind};

/// Keywords that are conditions.
const CONDITIONS: [&str; 4] = ["when", "changed_when", "failed_when", "until"];

pub(super) fn document(desk: &mut Desk<'_>) {
    let document = desk.document;
    match (document.kind, &document.node) {
        (Kind::Template, _) => {
            let name = document.path.to_string_lossy();
            for error in desk.templates.check_text(&name, &document.file.text) {
                let place = document.file.place(error.line.max(1), error.column.max(1));
                tell(desk, &place, &error);
            }
        }
        (Kind::Vars, Some(node)) => value(desk, node),
        (Kind::Playbook, _) => {
            for play in document.plays() {
                let parts = ["name", "hosts", "vars", "environment", "vars_files", "serial", "roles"];
                parts.iter().filter_map(|part| play.get(part)).for_each(|node| value(desk, node));
            }
        }
        _ => {}
    }
    document.each_block(&mut |block| {
        block.get("when").into_iter().for_each(|node| condition(desk, node));
        block.get("vars").into_iter().for_each(|node| value(desk, node));
    });
}

pub(super) fn task(desk: &mut Desk<'_>, task: &Task<'_>) {
    for (key, node) in task.entries {
        match key.name.as_str() {
            name if CONDITIONS.contains(&name) => condition(desk, node),
            name if crate::load::playbook::glance::is_task_keyword(name) && name != "args" => {
                value(desk, node)
            }
            _ => {}
        }
    }
    let Some(call) = &task.call else { return };
    call.free.iter().for_each(|node| value(desk, node));
    let params = call.module().map(|module: &modules::Module| module.params).unwrap_or_default();
    for (key, node) in &call.args {
        let takes = params.iter().find(|p| p.name == key.name || p.aliases.contains(&key.name.as_str()));
        match takes.map(|param| param.kind) {
            Some(Takes::Conditions | Takes::Checks) => condition(desk, node),
            Some(Takes::Expression) => {}
            _ => value(desk, node),
        }
    }
}

/// A value all the way down; each text is told at its own place.
fn value(desk: &mut Desk<'_>, node: &Node) {
    match &node.value {
        crate::load::NodeValue::List(items) => items.iter().for_each(|item| value(desk, item)),
        crate::load::NodeValue::Map(entries) => entries.iter().for_each(|(_, node)| value(desk, node)),
        crate::load::NodeValue::Text(text) if node.is_template() => {
            for error in desk.templates.check(&text.as_str().into()) {
                tell(desk, &node.place, &error);
            }
        }
        _ => {}
    }
}

fn condition(desk: &mut Desk<'_>, node: &Node) {
    for item in node.items() {
        for error in desk.templates.check_condition(&item.to_value()) {
            tell(desk, &item.place, &error);
        }
    }
}

/// The function that there is not, by an error's words.
fn function(error: &TemplateError) -> Option<&str> {
    error.message.strip_prefix("there is no function '")?.split('\'').next()
}

fn tell(desk: &mut Desk<'_>, place: &Place, error: &TemplateError) {
    // What a template brings in, or what brings it in, may define it.
    let is_template = desk.document.kind == Kind::Template;
    if is_template && function(error).is_some_and(|name| desk.index.has_macro(name)) {
        return;
    }
    let rule = match error.kind {
        TemplateErrorKind::UnknownName => &rules::UNKNOWN_JINJA_NAME,
        TemplateErrorKind::Unsupported => &rules::NOT_SUPPORTED_YET,
        TemplateErrorKind::NotBoolean => &rules::STRUCTURE,
        TemplateErrorKind::Embedded => &rules::NO_JINJA_WHEN,
        _ => &rules::JINJA,
    };
    desk.say(rule, place, error.to_string(), error.hint.clone());
}

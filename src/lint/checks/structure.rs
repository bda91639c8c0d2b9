//! What the loader says about a file.

use super::Desk;
use crate::lint::rules::{self, Rule};
use crate::lint::tree::Kind;
use crate::load::playbook::glance;
use crate::load::yaml::is_variable_name;
use crate::load::{Inventory, Level, Problem, Source};

pub(super) fn document(desk: &mut Desk<'_>) {
    let document = desk.document;
    document.broken.iter().for_each(|problem| tell(desk, problem, &rules::YAML_SYNTAX));
    let problems = match (document.kind, &document.node) {
        (Kind::Playbook, Some(_)) => glance::problems_of_plays(&document.file),
        (Kind::Tasks, Some(node)) => glance::problems_of_tasks(&document.file, node, false),
        (Kind::Handlers, Some(node)) => glance::problems_of_tasks(&document.file, node, true),
        (Kind::Inventory, _) => {
            let loaded = Inventory::load(&[Source::Path(document.path.clone())]);
            let own =
                |problem: &Problem| problem.place.as_ref().is_some_and(|place| *place.file == document.path);
            loaded.err().map(|all| all.0.into_iter().filter(own).collect()).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    problems.iter().for_each(|problem| tell(desk, problem, &rules::STRUCTURE));
    if document.kind == Kind::Vars {
        variables(desk);
    }
}

fn tell(desk: &mut Desk<'_>, problem: &Problem, rule: &'static Rule) {
    if problem.level != Level::Error {
        return;
    }
    let later = problem.message.contains("not supported yet");
    let rule = if later { &rules::NOT_SUPPORTED_YET } else { rule };
    let place = problem.place.clone().unwrap_or_else(|| desk.document.file.place(1, 1));
    desk.say(rule, &place, problem.message.clone(), problem.help.clone());
}

fn variables(desk: &mut Desk<'_>) {
    let Some(node) = &desk.document.node else { return };
    match node.entries() {
        Err(problem) => tell(desk, &problem, &rules::STRUCTURE),
        Ok(entries) => {
            for (key, _) in entries.iter().filter(|(key, _)| !is_variable_name(&key.name)) {
                let message = format!("'{}' is no variable name", key.name);
                let help = "a name has letters, digits and '_', and begins with no digit".to_owned();
                desk.say(&rules::VARIABLE_NAME, &key.place, message, Some(help));
            }
        }
    }
}

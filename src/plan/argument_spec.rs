//! `meta/argument_specs.yml`: what a role takes is checked before its tasks, by a task of its own.

use super::compile::{Compiler, Spot};
use super::roles::Asked;
use super::scope::Frame;
use super::task::{Step, Task};
use crate::load::{Node, Role, yaml::NodeValue};
use crate::model::{Map, Value};
use crate::modules;
use serde_json::json;
use std::sync::Arc;

/// What of an option decides whether an argument fits; the rest is for people.
const DECIDES: [&str; 12] = [
    "type",
    "required",
    "choices",
    "elements",
    "options",
    "default",
    "aliases",
    "mutually_exclusive",
    "required_together",
    "required_one_of",
    "required_if",
    "required_by",
];

impl Compiler<'_> {
    /// Adds the task that checks what a role is given.
    pub(super) fn validation(&mut self, asked: &Asked<'_>, role: &Role, spot: &Spot, steps: &mut Vec<Step>) {
        let entry = asked.from.tasks.as_deref().unwrap_or("main");
        let short = entry.trim_end_matches(".yml").trim_end_matches(".yaml");
        let Some(spec) = role.argument_specs.get(entry).or_else(|| role.argument_specs.get(short)) else {
            return;
        };
        let (Some(module), Some(options)) = (modules::find("validate_argument_spec"), spec.get("options"))
        else {
            return;
        };
        let options = decisive(options);
        let given: Map = options
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys())
            // What is no variable's name (`outer.inner`, for people) is never given, as Ansible has it.
            .filter(|name| is_variable(name))
            .map(|name| (name.clone(), format!("{{{{ {name} | default(omit) }}}}").into()))
            .collect();
        let about = spec.get("short_description").and_then(|node| node.word().ok());
        let about = about.map(|text| format!(" - {text}")).unwrap_or_default();
        let title = format!("Validating arguments against arg spec '{entry}'{about}");
        let args = Map::from_iter([
            ("argument_spec".to_owned(), options),
            ("provided_arguments".to_owned(), Value::Object(given)),
            (
                "validate_args_context".to_owned(),
                json!({"type": "role", "name": asked.name, "argument_spec_name": entry}),
            ),
        ]);
        let mut own = spot.inherited.clone();
        own.tags = self.known_tags(&own, spot);
        own.tags.push("always".into());
        if !self.foundation.tags.choose(&own.tags) {
            return;
        }
        steps.push(Step::Task(Arc::new(Task {
            name: spot.around.shown(&title),
            title,
            place: spec.place.to_string(),
            args,
            frame: Frame::new(crate::load::yaml::values(&own.vars), spot.around.clone()),
            when: own.when.iter().map(Node::to_value).collect(),
            ..self.plain_task(module, spot)
        })));
    }
}

/// Whether a variable can be called that.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The options without what is only for people: nothing in it is a template.
fn decisive(options: &Node) -> Value {
    let option = |node: &Node| -> Value {
        let NodeValue::Map(entries) = &node.value else { return json!({}) };
        let entries = entries.iter().filter(|(key, _)| DECIDES.contains(&key.name.as_str()));
        entries
            .map(|(key, node)| {
                let value = match key.name.as_str() {
                    "options" => decisive(node),
                    // Documented only, as Ansible has it.
                    "default" => Value::Bool(true),
                    _ => node.to_value(),
                };
                (key.name.clone(), value)
            })
            .collect::<Map>()
            .into()
    };
    let NodeValue::Map(entries) = &options.value else { return json!({}) };
    entries.iter().map(|(key, node)| (key.name.clone(), option(node))).collect::<Map>().into()
}

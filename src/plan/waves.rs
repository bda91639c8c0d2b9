//! What is said of a play as a whole and may be a template: `hosts`, `serial` and `max_fail_percentage`. They are rendered
//! before any host is chosen, so they see `--extra-vars` and the play's own variables, and nothing of a host.

use super::compile::Compiler;
use super::evaluate::text_of;
use super::scope::{Layer, written};
use super::task::{BatchSize, Play};
use crate::load::inventory::{Inventory, Pattern};
use crate::load::playbook::Batch;
use crate::load::yaml::{Variables, values};
use crate::load::{Node, Problem};
use crate::model::{Map, Place, Value};
use crate::template::{Binding, Rendered, Scope, Templates};
use std::sync::Arc;

/// The variables of a play as a whole: the command line's over those of files over its own.
pub(super) struct PlayScope([Layer; 4]);

impl PlayScope {
    pub fn of(extra: &Map, files: &Map, play: &Map) -> Arc<dyn Scope> {
        Arc::new(Self([Layer::default(), written(extra), written(files), written(play)]))
    }
}

impl Scope for PlayScope {
    fn get(&self, name: &str) -> Option<Binding> {
        self.0.iter().find_map(|layer| layer.get(name)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.iter().flat_map(|layer| layer.keys().cloned()).collect()
    }
}

/// What a template comes to that names a playbook to import: what the command line and the import itself say is known.
///
/// # Errors
/// It can't be rendered, or comes to no name.
pub fn playbook_name(
    templates: &Templates,
    extra: &Map,
    node: &Node,
    vars: &Variables,
) -> Result<Option<String>, Problem> {
    let scope = PlayScope::of(extra, &Map::new(), &values(vars));
    let help = "only --extra-vars and variables of the import are known then";
    match templates.render(&node.to_value(), &scope) {
        Ok(Rendered::Known { value: Value::String(name), .. }) if !name.trim().is_empty() => Ok(Some(name)),
        Ok(_) => Err(node.expected("the name of a playbook").help(help)),
        Err(error) => {
            let problem = Problem::at(&node.place, error.to_string());
            Err(problem.help(error.hint.clone().unwrap_or_else(|| help.to_owned())))
        }
    }
}

/// The hosts that a play names, where templates are in that: they know the groups of the inventory, too.
///
/// # Errors
/// A template can't be rendered, or comes to something else than names.
pub fn hosts_named(
    templates: &Templates,
    extra: &Map,
    play: &Play,
    inventory: &Inventory,
    place: &Place,
) -> Result<String, Problem> {
    let groups = Binding::Data(super::live::groups(inventory));
    let known = Layer::from_iter([("groups".to_owned(), groups)]);
    let layers = [known, written(extra), written(&play.file_vars), written(&play.vars)];
    let scope: Arc<dyn Scope> = Arc::new(PlayScope(layers));
    let wrong = |said: String| {
        Problem::at(place, format!("'hosts' is {said}: expected names of groups or hosts"))
            .help("--extra-vars, the play's own variables and 'groups' are known here".to_owned())
    };
    let mut names: Vec<String> = Vec::new();
    for part in Pattern::parts(&play.hosts) {
        let rendered = templates.render(&Value::String(part.to_owned()), &scope).map_err(|error| {
            let help = "give it with --extra-vars, or name it in the play's own variables";
            let problem = Problem::at(place, format!("hosts: {error}"));
            problem.help(error.hint.clone().unwrap_or_else(|| help.to_owned()))
        })?;
        match rendered {
            Rendered::Known { value: Value::Array(list), .. } => names.extend(list.iter().map(text_of)),
            Rendered::Known { value: Value::String(text), .. } => names.push(text),
            Rendered::Known { value: Value::Number(number), .. } => names.push(number.to_string()),
            Rendered::Known { value, .. } => return Err(wrong(value.to_string())),
            Rendered::Omitted | Rendered::Unknown(_) => return Err(wrong("not known".to_owned())),
        }
    }
    match names.iter().all(|name| name.trim().is_empty()) {
        true => Err(wrong("empty".to_owned())),
        false => Ok(names.join(",")),
    }
}

impl Compiler<'_> {
    /// The sizes of a play's batches; a template may give one of them or a list.
    pub(super) fn serial(&mut self, nodes: &[Node], scope: &Arc<dyn Scope>) -> Vec<BatchSize> {
        let mut sizes = Vec::new();
        for node in nodes {
            let values = match self.play_value(node, scope) {
                Some(Value::Array(list)) => list,
                Some(one) => vec![one],
                None => continue,
            };
            for value in values {
                match Batch::of(&value) {
                    Some(Batch::All) => sizes.push(BatchSize::Percent(100.0)),
                    Some(Batch::Hosts(hosts)) => sizes.push(BatchSize::Hosts(hosts)),
                    Some(Batch::Percent(share)) => sizes.push(BatchSize::Percent(share)),
                    None => self.wrong(node, "serial", "a number of hosts or a percentage", &value),
                }
            }
        }
        sizes
    }

    /// The share of failed hosts after which a play stops, in percent.
    pub(super) fn max_fail(&mut self, node: &Node, scope: &Arc<dyn Scope>) -> Option<f64> {
        let value = self.play_value(node, scope)?;
        let text =
            |value: &Value| value.as_str().and_then(|text| text.trim().trim_end_matches('%').parse().ok());
        let number = value.as_f64().or_else(|| text(&value)).filter(|share| (0.0..=100.0).contains(share));
        if number.is_none() {
            self.wrong(node, "max_fail_percentage", "a number from 0 to 100", &value);
        }
        number
    }

    /// What a node comes to; nothing where it is `omit`, or wrong.
    fn play_value(&mut self, node: &Node, scope: &Arc<dyn Scope>) -> Option<Value> {
        if !node.is_template() {
            return Some(node.to_value());
        }
        match self.templates.render(&node.to_value(), scope) {
            Ok(rendered) => match rendered {
                Rendered::Known { value, .. } => Some(value),
                Rendered::Omitted | Rendered::Unknown(_) => None,
            },
            Err(error) => {
                let problem = Problem::at(&node.place, error.to_string());
                let help = "only --extra-vars and variables of the play are known before hosts are chosen";
                self.problems.push(problem.help(error.hint.clone().unwrap_or_else(|| help.to_owned())));
                None
            }
        }
    }

    fn wrong(&mut self, node: &Node, name: &str, expected: &str, value: &Value) {
        let shown = crate::model::Excerpt { lines_max: 1, columns_max: 60 }.of(&value.to_string());
        let problem = Problem::at(&node.place, format!("{name} is {shown}: expected {expected}"));
        self.problems.push(problem);
    }
}

#[cfg(test)]
mod tests {
    use crate::load::{Playbook, TextFile};
    use crate::model::Map;
    use crate::plan::{BatchSize, Given, Tags, compile};
    use crate::template::{Templates, ThisMachine};
    use serde_json::json;
    use std::path::Path;
    use std::sync::Arc;

    fn compiled(keywords: &str, extra: &serde_json::Value) -> Result<(Vec<BatchSize>, Option<f64>), String> {
        let text = format!("- hosts: all\n  vars: {{own: 3}}\n{keywords}");
        let file = TextFile::from_bytes(Path::new("p.yml"), text.into_bytes()).unwrap();
        let playbook = Playbook::parse(&file).map_err(|problems| problems.to_string())?;
        let templates = Templates::new(Arc::new(ThisMachine));
        let extra: Map = extra.as_object().cloned().unwrap_or_default();
        let (tags, roles_path) = (Tags::default(), Arc::from([]));
        let given = Given { tags: &tags, templates: &templates, extra: &extra, roles_path };
        let plays = compile(&playbook, &given).map_err(|problems| problems.to_string())?;
        Ok((plays[0].serial.clone(), plays[0].max_fail_percentage))
    }

    #[test]
    fn serial_and_the_stop_rule_may_be_templates_over_the_plays_own_variables() {
        use BatchSize::{Hosts, Percent};
        let patch = "  serial: \"{{ waves | default([1, '25%', '100%']) }}\"\n  max_fail_percentage: \"{{ most | default(0) }}\"\n";
        let usual = vec![Hosts(1), Percent(25.0), Percent(100.0)];
        assert_eq!(compiled(patch, &json!({})), Ok((usual, Some(0.0))));
        let given = json!({"waves": ["2", "50%"], "most": "10"});
        assert_eq!(compiled(patch, &given), Ok((vec![Hosts(2), Percent(50.0)], Some(10.0))));
        assert_eq!(
            compiled("  serial: [1, '{{ own }}']\n", &json!({})),
            Ok((vec![Hosts(1), Hosts(3)], None))
        );
        assert_eq!(compiled("  serial: '{{ omit }}'\n", &json!({})), Ok((vec![], None)));
    }

    #[test]
    fn what_is_no_size_is_refused_with_its_place() {
        let refused = |keywords: &str, extra| compiled(keywords, &extra).unwrap_err();
        let none = refused("  serial: '{{ waves }}'\n", json!({"waves": ["many"]}));
        assert!(none.contains("serial is \"many\"") && none.contains("p.yml:3:11"), "{none}");
        let host = refused("  serial: '{{ ansible_processor_count }}'\n", json!({}));
        assert!(host.contains("p.yml:3:11") && host.contains("ansible_processor_count"), "{host}");
        let share = refused("  max_fail_percentage: '{{ most }}'\n", json!({"most": 200}));
        assert!(share.contains("expected a number from 0 to 100"), "{share}");
    }
}

//! What a loop is over: a list, or what a lookup makes of what it says.

use super::evaluate::{Items, Means, Truth, kind_of};
use super::task::{Loop, Task};
use crate::load::playbook::LoopKind;
use crate::model::Value;
use crate::modules::Module;
use crate::template::{Binding, LOOP_FOLDER, Rendered, Scope, TemplateError, TemplateErrorKind};
use std::sync::Arc;

impl Means<'_> {
    /// The items of a loop. An undefined list counts as empty when the task's conditions don't hold anyway.
    ///
    /// # Errors
    /// The list can't be evaluated, or isn't a list.
    pub fn items(&self, task: &Task, each: &Loop, scope: &Arc<dyn Scope>) -> Result<Items, TemplateError> {
        let rendered = match self.loop_value(task.module, each, scope) {
            Ok(rendered) => rendered,
            Err(error) if error.kind == TemplateErrorKind::Undefined => {
                return match self.conditions(&task.when, scope) {
                    Ok(Truth::Fails(_)) => Ok(Items::Meaningless),
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        };
        let (value, tainted) = match rendered {
            Rendered::Unknown(cause) => return Ok(Items::Unknown(cause.to_string())),
            Rendered::Omitted => (Value::Null, false),
            Rendered::Known { value, tainted } => (value, tainted),
        };
        let items = match value {
            Value::Array(items) if each.kind == LoopKind::Items => items
                .into_iter()
                .flat_map(|item| match item {
                    Value::Array(inner) => inner,
                    other => vec![other],
                })
                .collect(),
            Value::Array(items) => items,
            Value::Null => Vec::new(),
            other if each.kind == LoopKind::Items => vec![other],
            other => return Ok(Items::NoList(kind_of(&other))),
        };
        Ok(Items::Known(items, tainted))
    }

    /// What a loop is over: what it says, or what a lookup makes of that.
    fn loop_value(
        &self,
        module: &Module,
        each: &Loop,
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered, TemplateError> {
        let terms = match &each.kind {
            LoopKind::Lookup(name) if name == "first_found" => self.defined_alone(&each.items, scope)?,
            _ => self.templates.render(&each.items, scope)?,
        };
        let (LoopKind::Lookup(name), Rendered::Known { value, tainted }) = (&each.kind, &terms) else {
            return Ok(terms);
        };
        let terms = if value.is_array() { value.clone() } else { Value::Array(vec![value.clone()]) };
        let data = Binding::Data(Arc::new(terms));
        let bound = if *tainted { Binding::Secret(Box::new(data)) } else { data };
        let scope: Arc<dyn Scope> =
            Arc::new(WithTerms { terms: bound, folder: module.folder(), beneath: scope.clone() });
        self.templates.render(&Value::String(format!("{{{{ query('{name}', *{TERMS}) }}}}")), &scope)
    }

    /// A list without what is undefined in it: who looks for the first file of several may name some by what there is not.
    fn defined_alone(&self, items: &Value, scope: &Arc<dyn Scope>) -> Result<Rendered, TemplateError> {
        let Value::Array(items) = items else { return self.templates.render(items, scope) };
        let (mut defined, mut secret) = (Vec::new(), false);
        for item in items {
            match self.templates.render(item, scope) {
                Ok(Rendered::Known { value, tainted }) => {
                    secret |= tainted;
                    defined.push(value);
                }
                Ok(Rendered::Omitted) => {}
                Ok(Rendered::Unknown(cause)) => return Ok(Rendered::Unknown(cause)),
                Err(error) if error.kind == TemplateErrorKind::Undefined => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Rendered::Known { value: Value::Array(defined), tainted: secret })
    }
}

/// The name under which a lookup finds what a loop gives it.
const TERMS: &str = "wgops_loop_terms";

/// What a task sees, and what the loop gives to a lookup.
struct WithTerms {
    terms: Binding,
    /// Where files are looked for that the loop names.
    folder: &'static str,
    beneath: Arc<dyn Scope>,
}

impl Scope for WithTerms {
    fn get(&self, name: &str) -> Option<Binding> {
        match name {
            TERMS => Some(self.terms.clone()),
            LOOP_FOLDER => Some(Binding::Data(Arc::new(self.folder.into()))),
            _ => self.beneath.get(name),
        }
    }

    fn names(&self) -> Vec<String> {
        self.beneath.names()
    }

    fn search_dirs(&self) -> Vec<std::path::PathBuf> {
        self.beneath.search_dirs()
    }
}

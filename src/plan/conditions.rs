//! Whether conditions hold, as far as that can be known now.

use super::evaluate::{Means, SEALED, Truth, text_of};
use crate::model::Value;
use crate::template::{Binding, Rendered, Scope, TemplateError, Templates};
use std::sync::Arc;

impl Means<'_> {
    /// Whether all conditions hold.
    ///
    /// # Errors
    /// A condition can't be evaluated, or is neither true nor false.
    pub fn conditions(&self, conditions: &[Value], scope: &Arc<dyn Scope>) -> Result<Truth, TemplateError> {
        let mut unknown = None;
        for condition in conditions {
            match self.templates.condition(condition, scope) {
                Ok(Rendered::Known { tainted: true, .. })
                    if self.is_blind && !asks_for_being_there(condition, scope) =>
                {
                    unknown = unknown.or(Some(SEALED.into()));
                }
                Ok(Rendered::Known { value: true, .. } | Rendered::Omitted) => {}
                Ok(Rendered::Known { value: false, .. }) => return Ok(Truth::Fails(condition.clone())),
                Ok(Rendered::Unknown(cause)) => unknown = unknown.or(Some(cause)),
                // What follows an unknown condition may rely on it, and is then no mistake.
                Err(_) if unknown.is_some() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(unknown.map_or(Truth::Holds, |cause| Truth::Unknown(cause.to_string())))
    }
}

/// Whether a condition is just that something is defined or not: that a value is there is no secret, but where a template decides it.
fn asks_for_being_there(condition: &Value, scope: &Arc<dyn Scope>) -> bool {
    let text = text_of(condition);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [name, "is", "defined" | "undefined"] | [name, "is", "not", "defined"] => {
            is_there_openly(name, scope, 0)
        }
        _ => false,
    }
}

/// Whether a name stands for a value itself, or for another such name.
fn is_there_openly(name: &str, scope: &Arc<dyn Scope>, depth: usize) -> bool {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let Some(bound) = scope.get(name).filter(|_| is_name && depth < NAMES_MAX) else { return false };
    let mut inner = &bound;
    while let Binding::Secret(within) = inner {
        inner = within;
    }
    match inner {
        Binding::Data(_) => true,
        Binding::Written(value) => match value.as_str().map(str::trim) {
            Some(text) if Templates::has_templates(value) => {
                let named = text.strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
                named.is_some_and(|named| is_there_openly(named.trim(), scope, depth + 1))
            }
            _ => true,
        },
        Binding::Unknown(_) | Binding::Scope(_) | Binding::Refused(_) | Binding::Secret(_) => false,
    }
}

/// How many names stand for each other at the most.
const NAMES_MAX: usize = 8;

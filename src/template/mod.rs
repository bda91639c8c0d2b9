//! Jinja as Ansible's dialect has it: strings that are templates, conditions, template files. A template sees only what
//! its [`Scope`] hands out; it runs no programs but those that a lookup names, and what is Data is never rendered. Three things follow a value through
//! every filter: whether a secret went into it, whether it depends on something not known yet, and its native type.
//!
//! Start at [`Templates`]; then `evaluate.rs` (one evaluation), `source.rs` (what is checked before one),
//! `filters/`, `is.rs` and `functions.rs` (the vocabulary, each a table).

mod call;
mod chance;
mod changing;
mod clock;
mod compile;
mod controller;
mod convert;
mod depth;
mod embedded;
mod error;
mod evaluate;
mod explain;
mod filters;
mod foreign;
mod functions;
mod header;
mod is;
mod lazy;
mod lookups;
mod machine;
mod methods;
mod moment;
mod operators;
mod own;
mod python;
mod rewrite;
mod scope;
mod source;
#[cfg(test)]
mod tests;
mod version;
mod walk;
mod yaml;

/// A value's text as Python has it: where Ansible makes a text of something else.
pub(crate) fn python_text(value: &crate::model::Value) -> String {
    convert::file_text(value.clone())
}

pub use controller::{Beneath, Committed, Controller, Kind, ThisMachine, Withheld};
pub use error::{Mistake, TemplateError, TemplateErrorKind};
pub use scope::{Binding, Cause, LOOP_FOLDER, Scope};

use crate::model::{Opener, Value};
use compile::{Cache, Form};
use evaluate::Session;
use lazy::Names;
use scope::Over;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A password's hash as it stands in `/etc/shadow`.
///
/// # Errors
/// There is no such kind, or the salt doesn't fit it.
pub fn hash_of(kind: &str, salt: &str, password: &str) -> Result<String, String> {
    filters::hash_password(&filters::Hashing { kind, salt, rounds: None }, password)
}

/// What rendering something came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Rendered<T = Value> {
    /// A value.
    Known {
        /// The value itself.
        value: T,
        /// Whether a secret went into it.
        tainted: bool,
    },
    /// It is `omit`: whoever asked does as if it had not been written at all.
    Omitted,
    /// It depends on something not known yet, whatever the template made of that.
    Unknown(Cause),
}

impl<T> Rendered<T> {
    /// The value, where there is one.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Omitted | Self::Unknown(_) => None,
        }
    }

    /// Whether a secret went into it.
    pub fn is_tainted(&self) -> bool {
        matches!(self, Self::Known { tainted: true, .. })
    }
}

/// Renders templates, and keeps them compiled: one for a whole run, shared by all hosts.
pub struct Templates {
    cache: Arc<Cache>,
    any_condition: bool,
    /// What a failure depends on that had a secret before it, where nobody is to see that it is one.
    hides: Option<Cause>,
}

impl Templates {
    /// What templates may learn of this machine.
    pub fn controller(&self) -> &Arc<dyn Controller> {
        &self.cache.controller
    }

    /// Makes the environment. The controller is what templates may learn of this machine.
    pub fn new(controller: Arc<dyn Controller>) -> Self {
        Self { cache: Arc::new(Cache::new(controller)), any_condition: false, hides: None }
    }

    /// The same for where nobody is to see how an evaluation failed that a secret had a part in, nor that it did: it is unknown.
    #[must_use]
    pub fn hiding_failures(&self, cause: &str) -> Self {
        Self { cache: self.cache.clone(), any_condition: self.any_condition, hides: Some(cause.into()) }
    }

    /// The same, where the result of any condition counts by its truth, and an empty condition holds.
    #[must_use]
    pub fn taking_any_condition(self, any_condition: bool) -> Self {
        Self { any_condition, ..self }
    }

    /// How often a file of the controller was looked for so far: where the number stays the same, nothing depended on one.
    pub fn files_asked(&self) -> u64 {
        self.cache.asked.load(Ordering::Relaxed)
    }

    /// Notes that a file of the controller was looked for.
    pub fn note_file(&self) {
        self.cache.asked.fetch_add(1, Ordering::Relaxed);
    }

    /// What opens sealed values.
    pub fn opener(&self) -> &dyn Opener {
        self.cache.controller.opener()
    }

    /// Renders a value all the way down. A string that is one `{{ expression }}` becomes the expression's value with
    /// its native type, any other string a text; `omit` removes a member, an item, or the whole.
    ///
    /// # Errors
    /// A template has a mistake, or uses what is undefined, and nothing unknown was needed before that.
    pub fn render(&self, value: &Value, scope: &Arc<dyn Scope>) -> Result<Rendered, TemplateError> {
        self.session(scope, |session, names| session.render(value, names))
    }

    /// Decides a condition: a bare expression, a boolean, or a list of them of which all must hold. What `and` and `or`
    /// make of values (`users is defined and users`) counts by its truth; any other result must be a boolean.
    ///
    /// # Errors
    /// As for [`render`](Self::render); also a result that is neither true nor false.
    pub fn condition(
        &self,
        condition: &Value,
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered<bool>, TemplateError> {
        let Value::Array(all) = condition else { return self.one_condition(condition, scope) };
        let (mut unknown, mut any_tainted) = (None, false);
        for one in all {
            match self.one_condition(one, scope) {
                Ok(Rendered::Known { value: false, tainted }) => {
                    return Ok(Rendered::Known { value: false, tainted: tainted || any_tainted });
                }
                Ok(Rendered::Known { tainted, .. }) => any_tainted |= tainted,
                Ok(Rendered::Unknown(cause)) => unknown = unknown.or(Some(cause)),
                Ok(Rendered::Omitted) => {}
                // What follows an unknown condition may rely on it, and is then no mistake.
                Err(_) if unknown.is_some() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(unknown.map_or(Rendered::Known { value: true, tainted: any_tainted }, Rendered::Unknown))
    }

    fn one_condition(
        &self,
        condition: &Value,
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered<bool>, TemplateError> {
        let text = match condition {
            Value::Bool(value) => return Ok(Rendered::Known { value: *value, tainted: false }),
            Value::String(text) if self.any_condition && text.trim().is_empty() => {
                return Ok(Rendered::Known { value: true, tainted: false });
            }
            Value::String(text) => text,
            other if self.any_condition => {
                return Ok(Rendered::Known { value: has_truth(other), tainted: false });
            }
            other => return Err(explain::not_boolean(other, &other.to_string())),
        };
        let (form, text) = condition_form(text)?;
        let rendered = self.session(scope, |session, names| session.string(form, &text, names))?;
        match rendered {
            Rendered::Known { value, tainted: true } if self.hides.is_some() && !value.is_boolean() => {
                Ok(self.hides.clone().map_or(Rendered::Omitted, Rendered::Unknown))
            }
            Rendered::Known { value: Value::Bool(value), tainted } => Ok(Rendered::Known { value, tainted }),
            Rendered::Known { value, tainted } if self.any_condition => {
                Ok(Rendered::Known { value: has_truth(&value), tainted })
            }
            // What braces come to is an expression again, where people wrote it.
            Rendered::Known { value: Value::String(said), tainted } if form == Form::Value => {
                match said.trim() {
                    "true" | "True" => return Ok(Rendered::Known { value: true, tainted }),
                    "false" | "False" => return Ok(Rendered::Known { value: false, tainted }),
                    _ if is_written(&text, &said, scope) => {}
                    _ => return Err(explain::not_boolean(&said.into(), &text)),
                }
                self.one_condition(&Value::String(said), scope)
            }
            Rendered::Known { value, tainted } => match is_true(&value) {
                Some(value) if form == Form::Expression && source::is_junction(&text) => {
                    Ok(Rendered::Known { value, tainted })
                }
                _ => Err(explain::not_boolean(&value, &text)),
            },
            Rendered::Omitted => Err(explain::not_boolean(&Value::Null, &text)),
            Rendered::Unknown(cause) => Ok(Rendered::Unknown(cause)),
        }
    }

    /// Renders a template file's text. The name is for error messages.
    ///
    /// # Errors
    /// As for [`render`](Self::render).
    pub fn text(
        &self,
        name: &str,
        source: &str,
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered<String>, TemplateError> {
        self.text_with(name, source, &[], scope)
    }

    /// The same with options of the `#jinja2:` line, which hold over those that the text has.
    ///
    /// # Errors
    /// As for [`render`](Self::render); also options that are none.
    pub fn text_with(
        &self,
        name: &str,
        source: &str,
        options: &[(&str, String)],
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered<String>, TemplateError> {
        let rendered = self.session(scope, |session, names| session.file(name, source, options, names))?;
        Ok(match rendered {
            Rendered::Known { value, tainted } => {
                Rendered::Known { value: convert::file_text(value), tainted }
            }
            Rendered::Omitted => Rendered::Omitted,
            Rendered::Unknown(cause) => Rendered::Unknown(cause),
        })
    }

    /// What a lookup finds for its terms, always as a list: what a `with_…` loop goes over.
    ///
    /// # Errors
    /// As for [`render`](Self::render); also a lookup that doesn't exist, or finds nothing where it must.
    pub fn look_up(
        &self,
        lookup: &str,
        terms: &Value,
        scope: &Arc<dyn Scope>,
    ) -> Result<Rendered, TemplateError> {
        let (terms, was_tainted) = match self.render(terms, scope)? {
            Rendered::Known { value, tainted } => (value, tainted),
            other => return Ok(other),
        };
        let terms = if terms.is_array() { terms } else { Value::Array(vec![terms]) };
        let data = |value| Binding::Data(Arc::new(value));
        let names = [("__lookup", data(lookup.into())), ("__terms", data(terms))];
        let names = names.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let over: Arc<dyn Scope> = Arc::new(Over { beneath: scope.clone(), names });
        let found = self.session(&over, |session, names| {
            session.string(Form::Expression, "query(__lookup, *__terms)", names)
        })?;
        Ok(match found {
            Rendered::Known { value, tainted } => Rendered::Known { value, tainted: tainted || was_tainted },
            other => other,
        })
    }

    /// Finds what is wrong with the templates in a value without evaluating any: syntax, and filters, tests and
    /// functions that don't exist.
    pub fn check(&self, value: &Value) -> Vec<TemplateError> {
        match value {
            Value::String(text) => self.cache.check(Form::Value, text),
            Value::Array(items) => items.iter().flat_map(|item| self.check(item)).collect(),
            Value::Object(map) => map.values().flat_map(|member| self.check(member)).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }

    /// Whether there is something to render in a value, or in one of its members.
    pub fn has_templates(value: &Value) -> bool {
        match value {
            Value::String(text) => compile::has_templates(text),
            Value::Array(items) => items.iter().any(Self::has_templates),
            Value::Object(map) => map.values().any(Self::has_templates),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// Like [`check`](Self::check), for a condition.
    pub fn check_condition(&self, condition: &Value) -> Vec<TemplateError> {
        match condition {
            Value::Bool(_) => Vec::new(),
            Value::String(text) => match condition_form(text) {
                Ok((form, text)) => self.cache.check(form, &text),
                Err(error) => vec![error],
            },
            Value::Array(all) => all.iter().flat_map(|one| self.check_condition(one)).collect(),
            other => vec![explain::not_boolean(other, &other.to_string())],
        }
    }

    /// Like [`check`](Self::check), for a template file's text.
    pub fn check_text(&self, name: &str, source: &str) -> Vec<TemplateError> {
        self.cache.file(name, source, &[]).err().unwrap_or_default()
    }

    fn session(
        &self,
        scope: &Arc<dyn Scope>,
        work: impl FnOnce(&Arc<Session>, &Arc<Names>) -> Result<Option<Value>, TemplateError>,
    ) -> Result<Rendered, TemplateError> {
        let session = Session::new(self.cache.clone());
        let names = session.scope(scope.clone());
        let result = work(&session, &names);
        let verdict = session.end();
        if let Some(cause) = verdict.unknown {
            return Ok(Rendered::Unknown(cause));
        }
        let result = result.and_then(|value| verdict.failure.map_or(Ok(value), Err));
        match (result, &self.hides) {
            (Ok(Some(value)), _) => Ok(Rendered::Known { value, tainted: verdict.tainted }),
            (Ok(None) | Err(_), Some(cause)) if verdict.tainted => Ok(Rendered::Unknown(cause.clone())),
            (Ok(None), _) => Ok(Rendered::Omitted),
            (Err(error), _) if verdict.tainted => Err(explain::discreet(error)),
            (Err(error), _) => Err(error),
        }
    }
}

/// Whether a value counts as true beside `and` and `or`. None for a text that spells the opposite of what it would be.
fn is_true(value: &Value) -> Option<bool> {
    let text = value.as_str().unwrap_or_default().trim().to_ascii_lowercase();
    let spells_no = matches!(text.as_str(), "false" | "no" | "off" | "n" | "f" | "0" | "none" | "null");
    (!spells_no).then(|| has_truth(value))
}

/// Whether a value is true in Python's eyes.
fn has_truth(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// Whether what `{{ a.b }}` came to stands so in a variable that people wrote, and in braces no more.
fn is_written(template: &str, said: &str, scope: &Arc<dyn Scope>) -> bool {
    let inner = template.trim_start_matches("{{").trim_end_matches("}}").trim();
    let mut names = inner.split('.');
    let Some(Binding::Written(value)) = names.next().and_then(|name| scope.get(name)) else { return false };
    let at = names.try_fold(&*value, |value, name| value.get(name));
    !compile::has_templates(said) && at.and_then(Value::as_str) == Some(said)
}

/// A condition is a bare expression; braces around all of it are forgiven.
fn condition_form(text: &str) -> Result<(Form, Cow<'_, str>), TemplateError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(TemplateError::new(TemplateErrorKind::NotBoolean, "the condition is empty").at(
            "condition",
            "",
            None,
        ));
    }
    if trimmed.starts_with("{{") && trimmed.ends_with("}}") {
        return Ok((Form::Value, Cow::Borrowed(trimmed)));
    }
    let whole = embedded::without_embedded(trimmed);
    let braces = trimmed.find("{{").or_else(|| trimmed.find("{%"));
    if let Some(start) = braces.filter(|_| !source::is_expression(&whole)) {
        let message = "a condition is an expression already and holds no templates";
        return Err(TemplateError::new(TemplateErrorKind::Embedded, message)
            .hint(Some("write the variable's name without {{ and }}".into()))
            .at("condition", trimmed, Some(start..start + 2)));
    }
    Ok((Form::Expression, whole))
}

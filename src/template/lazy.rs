//! What templates hold in their hands: a namespace, and a list or mapping whose members are rendered when they are
//! read. To the engine they are ordinary sequences and mappings.

use super::convert::{engine_key, model_key};
use super::error::TemplateError;
use super::evaluate::Session;
use super::scope::Scope;
use crate::load::Marked;
use crate::model;
use minijinja::value::{Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use std::fmt;
use std::sync::Arc;

/// Under this name, which nobody can write, a namespace gives itself to our own functions.
pub(super) const SELF: &str = "\0self";

/// A namespace as templates see it.
pub(super) struct Names {
    /// Tells namespaces of one session apart.
    pub id: usize,
    pub scope: Arc<dyn Scope>,
    pub session: Arc<Session>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<variables>")
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if key == SELF {
            return Some(Value::from_dyn_object(self.clone()));
        }
        self.session.resolve(self, key).filter(|value| !self.session.hides(value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.scope.names().into_iter().map(Value::from).collect())
    }
}

/// Whether strings in a value are templates.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    /// A person wrote it: they are.
    Written,
    /// It came from elsewhere: they are not.
    Data,
}

#[derive(Clone)]
enum Step {
    Key(Arc<str>),
    Index(usize),
}

/// A place in a value: the whole, or a member of a member.
#[derive(Clone)]
pub(super) struct Lazy {
    names: Arc<Names>,
    root: Arc<model::Value>,
    path: Vec<Step>,
    nature: Nature,
    label: String,
}

impl fmt::Debug for Lazy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.label)
    }
}

impl Lazy {
    /// A whole value under its name.
    pub fn root(names: &Arc<Names>, root: Arc<model::Value>, nature: Nature, label: &str) -> Self {
        Self { names: names.clone(), root, path: Vec::new(), nature, label: label.to_owned() }
    }

    /// The value at this place. It was there when the place was made.
    pub fn json(&self) -> &model::Value {
        let mut at = &*self.root;
        for step in &self.path {
            let next = match step {
                Step::Key(key) => at.get(&**key),
                Step::Index(index) => at.get(index),
            };
            at = next.unwrap_or(&model::Value::Null);
        }
        at
    }

    pub fn nature(&self) -> Nature {
        self.nature
    }

    /// Why a member counts as undefined, if its own template does.
    pub fn undefined_member(&self, key: &str) -> Option<TemplateError> {
        self.names.session.reason(&format!("{}{key}", self.label))
    }

    fn member(&self, step: Step) -> Value {
        let label = match &step {
            Step::Key(key) => format!("{}.{}", self.label, model::plain_key(key)),
            Step::Index(index) => format!("{}[{index}]", self.label),
        };
        let mut path = self.path.clone();
        path.push(step);
        Self { names: self.names.clone(), root: self.root.clone(), path, nature: self.nature, label }.value()
    }

    /// What the engine gets: a scalar as it is, a written string rendered, anything larger as a lazy object.
    pub fn value(self) -> Value {
        if self.nature == Nature::Written
            && let Some(marked) = Marked::of(self.json())
        {
            return match self.names.session.unsealed(marked) {
                Ok(text) => text.map_or_else(|| not_known(&self.label), Value::from),
                Err(error) => self.names.session.fail(error.through(&self.label)),
            };
        }
        match self.json() {
            model::Value::Null => Value::from(()),
            model::Value::Bool(value) => Value::from(*value),
            model::Value::Number(number) => super::convert::number(number),
            model::Value::String(text) if self.nature == Nature::Written => {
                self.names.session.written(&self.names, &self.label, text)
            }
            model::Value::String(text) => Value::from(text.as_str()),
            model::Value::Array(_) | model::Value::Object(_) => Value::from_object(self),
        }
    }
}

/// What stands for a value that nobody knows yet; the session has noted why.
fn not_known(label: &str) -> Value {
    Value::from(Error::new(ErrorKind::InvalidOperation, format!("'{label}' is not known yet")))
}

impl Object for Lazy {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.json().is_array() { ObjectRepr::Seq } else { ObjectRepr::Map }
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let member = match self.json() {
            model::Value::Array(items) => {
                let index = key.as_usize()?;
                items.get(index).map(|_| self.member(Step::Index(index)))
            }
            model::Value::Object(map) => {
                let key = match key.kind() {
                    ValueKind::String => key.as_str()?.to_owned(),
                    ValueKind::Number | ValueKind::Bool | ValueKind::None => model_key(key),
                    _ => return None,
                };
                map.contains_key(&key).then(|| self.member(Step::Key(key.into())))
            }
            _ => None,
        };
        member.filter(|member| !self.names.session.hides(member))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.json() {
            model::Value::Array(items) => Enumerator::Seq(items.len()),
            model::Value::Object(map) => Enumerator::Values(map.keys().map(|key| engine_key(key)).collect()),
            _ => Enumerator::Empty,
        }
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(match self.json() {
            model::Value::Array(items) => items.len(),
            model::Value::Object(map) => map.len(),
            _ => 0,
        })
    }
}

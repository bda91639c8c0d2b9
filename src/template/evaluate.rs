//! One evaluation: names are looked up through the caller's [`Scope`], what a person wrote is rendered when it is used,
//! and it is noted what was needed on the way: secrets (the result is tainted) and things not known yet (the result is
//! unknown, whatever the expression made of them). What is Data is never rendered.
//!
//! A [`Session`] lives as long as one call from outside. `lazy.rs` has the objects that templates hold in their hands.

use super::compile::{Cache, Compiled, Form, first};
use super::convert;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::lazy::{Lazy, Names, Nature, unsealed};
use super::scope::{Binding, Cause, Scope};
use super::source::RESULT;
use crate::load::Marked;
use crate::model;
use minijinja::{Error, ErrorKind, Value};
use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many variables may need each other in a row.
const DEPTH_MAX: usize = 40;
/// How many templates one call may render.
const EVALUATIONS_MAX: usize = 200_000;
/// The most text that one evaluation may make, in bytes.
pub(super) const OUTPUT_BYTES_MAX: usize = 16 << 20;

/// What is shared by everything that happens in one call.
pub(super) struct Session {
    pub cache: Arc<Cache>,
    purpose: Purpose,
    notes: Mutex<Notes>,
}

/// What a session is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// A result.
    Result,
    /// Finding out which expression is undefined: the engine traces only undefined values of its own making.
    Trace,
}

#[derive(Default)]
struct Notes {
    unknown: Option<Cause>,
    tainted: bool,
    /// The first mistake in a variable: the engine might swallow it, we don't.
    failure: Option<TemplateError>,
    /// Why a variable counts as undefined.
    undefined: HashMap<String, TemplateError>,
    /// The variables being rendered, outermost first.
    path: Vec<(usize, String)>,
    evaluations: usize,
    scopes: usize,
    values: HashMap<(usize, String), Value>,
}

/// What one call found out beside its value.
pub(super) struct Verdict {
    pub unknown: Option<Cause>,
    pub tainted: bool,
    pub failure: Option<TemplateError>,
}

impl Session {
    pub fn new(cache: Arc<Cache>) -> Arc<Self> {
        Arc::new(Self { cache, purpose: Purpose::Result, notes: Mutex::default() })
    }

    /// Whether a value should look to the engine as if it weren't there at all.
    pub fn hides(&self, value: &Value) -> bool {
        self.purpose == Purpose::Trace && value.is_undefined()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A namespace as templates see it.
    pub fn scope(self: &Arc<Self>, scope: Arc<dyn Scope>) -> Arc<Names> {
        let mut notes = self.notes();
        notes.scopes += 1;
        Arc::new(Names { id: notes.scopes, scope, session: self.clone() })
    }

    /// Ends the session. Values made in it refer back to it; forgetting them breaks that circle.
    pub fn end(&self) -> Verdict {
        let mut notes = std::mem::take(&mut *self.notes());
        notes.values.clear();
        Verdict { unknown: notes.unknown, tainted: notes.tainted, failure: notes.failure }
    }

    /// Whether a secret was used so far.
    pub fn is_tainted(&self) -> bool {
        self.notes().tainted
    }

    /// Notes a mistake that the engine can't be given as an error, and makes the value that stands for it.
    pub fn fail(&self, error: TemplateError) -> Value {
        self.notes().failure.get_or_insert_with(|| error.clone());
        Value::from(into_engine(error))
    }

    /// The value of a name in a scope, resolved once per session.
    pub fn resolve(self: &Arc<Self>, names: &Arc<Names>, name: &str) -> Option<Value> {
        let key = (names.id, name.to_owned());
        if let Some(value) = self.notes().values.get(&key) {
            return Some(value.clone());
        }
        let value = self.bound(names.scope.get(name)?, names, name);
        self.notes().values.insert(key, value.clone());
        Some(value)
    }

    fn bound(self: &Arc<Self>, binding: Binding, names: &Arc<Names>, name: &str) -> Value {
        match binding {
            Binding::Written(value) => Lazy::root(names, value, Nature::Written, name).value(),
            Binding::Data(value) => Lazy::root(names, value, Nature::Data, name).value(),
            Binding::Secret(inner) => {
                self.notes().tainted = true;
                self.bound(*inner, names, name)
            }
            Binding::Unknown(cause) => {
                self.notes().unknown.get_or_insert_with(|| cause.clone());
                Value::from(Error::new(ErrorKind::InvalidOperation, format!("'{name}' is not known yet")))
            }
            Binding::Scope(inner) => Value::from_dyn_object(self.scope(inner)),
            Binding::Refused(reason) => {
                self.fail(TemplateError::new(Kind::Lookup, format!("'{name}' can't be used: {reason}")))
            }
        }
    }

    /// Renders what a person wrote under a name. Undefined there means undefined here, so that `default` still works.
    pub fn written(self: &Arc<Self>, names: &Arc<Names>, label: &str, text: &str) -> Value {
        let compiled = match self.cache.get(Form::Value, text) {
            Ok(None) => return Value::from(text),
            Ok(Some(compiled)) => compiled,
            Err(error) => return self.fail(error.through(label)),
        };
        if let Err(error) = self.enter(names.id, label) {
            return self.fail(error);
        }
        let result = self.evaluate(&compiled, names);
        self.notes().path.pop();
        match result {
            Ok(value) => value,
            Err(error) if error.kind == Kind::Undefined => {
                self.notes().undefined.insert(label.to_owned(), error.through(label));
                Value::UNDEFINED
            }
            Err(error) => self.fail(error.through(label)),
        }
    }

    /// Why the variable or member with this label counts as undefined.
    pub fn reason(&self, label: &str) -> Option<TemplateError> {
        self.notes().undefined.get(label).cloned()
    }

    /// Renders a value all the way down; nothing where it is `omit`.
    pub fn render(
        self: &Arc<Self>,
        value: &model::Value,
        names: &Arc<Names>,
    ) -> Result<Option<model::Value>, TemplateError> {
        if let Some(marked) = Marked::of(value) {
            return unsealed(marked).map(|text| Some(model::Value::from(text)));
        }
        Ok(Some(match value {
            model::Value::String(text) => return self.string(Form::Value, text, names),
            model::Value::Array(items) => {
                let mut rendered = Vec::with_capacity(items.len());
                for item in items {
                    rendered.extend(self.render(item, names)?);
                }
                model::Value::Array(rendered)
            }
            model::Value::Object(map) => {
                let mut rendered = model::Map::new();
                for (key, member) in map {
                    if let Some(member) = self.render(member, names)? {
                        rendered.insert(key.clone(), member);
                    }
                }
                model::Value::Object(rendered)
            }
            scalar => scalar.clone(),
        }))
    }

    /// Renders one string.
    pub fn string(
        self: &Arc<Self>,
        form: Form,
        text: &str,
        names: &Arc<Names>,
    ) -> Result<Option<model::Value>, TemplateError> {
        let Some(compiled) = self.cache.get(form, text)? else {
            return Ok(Some(model::Value::String(text.to_owned())));
        };
        self.forced(&compiled, names)
    }

    /// Renders a template file.
    pub fn file(
        self: &Arc<Self>,
        name: &str,
        source: &str,
        names: &Arc<Names>,
    ) -> Result<Option<model::Value>, TemplateError> {
        let compiled = self.cache.file(name, source).map_err(first)?;
        self.forced(&compiled, names)
    }

    /// Renders a template file from within another template.
    pub fn nested_file(
        self: &Arc<Self>,
        name: &str,
        source: &str,
        names: &Arc<Names>,
    ) -> Result<Value, TemplateError> {
        let compiled = self.cache.file(name, source).map_err(first)?;
        self.enter(names.id, name)?;
        let result = self.evaluate(&compiled, names);
        self.notes().path.pop();
        result
    }

    fn forced(
        self: &Arc<Self>,
        compiled: &Compiled,
        names: &Arc<Names>,
    ) -> Result<Option<model::Value>, TemplateError> {
        let value = self.evaluate(compiled, names)?;
        convert::to_model(&value).map_err(|error| self.explain(&error, compiled, names))
    }

    fn enter(&self, scope: usize, label: &str) -> Result<(), TemplateError> {
        let mut notes = self.notes();
        let step = (scope, label.to_owned());
        let again = notes.path.contains(&step);
        if again || notes.path.len() >= DEPTH_MAX {
            let start =
                notes.path.iter().position(|s| *s == step).unwrap_or(notes.path.len().saturating_sub(5));
            let mut chain: Vec<&str> =
                notes.path.iter().skip(start).map(|(_, label)| label.as_str()).collect();
            chain.push(label);
            let message = match again {
                true => format!("variables need each other in a circle: {}", chain.join(" → ")),
                false => format!(
                    "more than {DEPTH_MAX} variables need each other in a row: … {}",
                    chain.join(" → ")
                ),
            };
            return Err(TemplateError::new(Kind::Loop, message).at("expression", "", None));
        }
        notes.path.push(step);
        Ok(())
    }

    /// Evaluates a compiled source to a value of the engine.
    pub fn evaluate(
        self: &Arc<Self>,
        compiled: &Compiled,
        names: &Arc<Names>,
    ) -> Result<Value, TemplateError> {
        self.count()?;
        let root = Value::from_dyn_object(names.clone());
        let result =
            compiled.template().and_then(|template| template.render_captured(root)).and_then(|captured| {
                if !compiled.prepared.single {
                    return Ok(Value::from(captured.into_output()));
                }
                convert::valid(captured.state().lookup(RESULT).unwrap_or_default())
            });
        match result {
            Ok(value) if value.is_undefined() => Err(self.undefined(compiled, names, None)),
            Ok(value) => self.bounded(compiled.restore_line_feeds(value), compiled),
            Err(error) => Err(self.explain(&error, compiled, names)),
        }
    }

    fn count(&self) -> Result<(), TemplateError> {
        let mut notes = self.notes();
        notes.evaluations += 1;
        if notes.evaluations > EVALUATIONS_MAX {
            let message = format!("more than {EVALUATIONS_MAX} templates had to be rendered for one value");
            return Err(TemplateError::new(Kind::Limit, message).at("expression", "", None));
        }
        Ok(())
    }

    fn bounded(&self, value: Value, compiled: &Compiled) -> Result<Value, TemplateError> {
        if value.as_str().is_some_and(|text| text.len() > OUTPUT_BYTES_MAX) {
            return Err(too_large().at(&compiled.name, &compiled.source, None));
        }
        Ok(value)
    }

    /// Turns the engine's error into ours: with its place, without what could give a secret away.
    fn explain(self: &Arc<Self>, error: &Error, compiled: &Compiled, names: &Arc<Names>) -> TemplateError {
        if let Some(ours) = ours(error) {
            return ours.at(&compiled.name, &compiled.source, compiled.original(error));
        }
        let about_undefined =
            error.detail().is_some_and(|detail| detail.contains("type") && detail.contains("undefined"));
        if error.kind() == ErrorKind::UndefinedError || about_undefined {
            return self.undefined(compiled, names, error.detail());
        }
        let detail = match error.detail() {
            Some(detail) if !self.is_tainted() => detail.to_owned(),
            Some(_) => format!("{} (a secret is involved: no details)", error.kind()),
            None => error.kind().to_string(),
        };
        let kind = match error.kind() {
            ErrorKind::OutOfFuel => Kind::Limit,
            ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
                Kind::UnknownName
            }
            ErrorKind::SyntaxError => Kind::Syntax,
            _ => Kind::Operation,
        };
        let message = if kind == Kind::Limit { "the template runs too long".to_owned() } else { detail };
        TemplateError::new(kind, message).at(&compiled.name, &compiled.source, compiled.original(error))
    }

    /// Says what exactly is undefined: the source is run once more, on the side, with the engine's own tracing.
    fn undefined(
        self: &Arc<Self>,
        compiled: &Compiled,
        names: &Arc<Names>,
        detail: Option<&str>,
    ) -> TemplateError {
        let unplaced = || TemplateError::new(Kind::Undefined, detail.unwrap_or("an undefined value is used"));
        if self.notes().unknown.is_some() {
            return unplaced();
        }
        let aside =
            Arc::new(Self { cache: self.cache.clone(), purpose: Purpose::Trace, notes: Mutex::default() });
        let aside_names = aside.scope(names.scope.clone());
        let (what, range) = compiled.trace(Value::from_dyn_object(aside_names.clone()));
        let reason = what.as_ref().and_then(|what| aside.notes().undefined.get(what).cloned());
        let near = what.as_ref().and_then(|what| aside.nearest(&aside_names, what));
        aside.end();
        match (what, reason) {
            (_, Some(reason)) => reason,
            (None, None) => unplaced().at(&compiled.name, &compiled.source, range),
            (Some(what), None) => {
                let written = range.as_ref().and_then(|range| compiled.source.get(..range.end)?.rfind(&what));
                let range = written.map(|start| start..start + what.len()).or(range);
                TemplateError::new(Kind::Undefined, format!("'{what}' is undefined"))
                    .hint(near.map(|near| format!("did you mean '{near}'?")))
                    .at(&compiled.name, &compiled.source, range)
            }
        }
    }

    /// The known name, or member of a known name, that is nearest to one which is undefined.
    fn nearest(self: &Arc<Self>, names: &Arc<Names>, what: &str) -> Option<String> {
        let Some((parent, member)) = what.rsplit_once('.') else {
            let known = names.scope.names();
            return model::nearest(what, known.iter().map(String::as_str)).map(str::to_owned);
        };
        let compiled = self.cache.get(Form::Expression, parent).ok()??;
        let root = Value::from_dyn_object(names.clone());
        let captured = compiled.template().ok()?.render_captured(root).ok()?;
        let parent_value = captured.state().lookup(RESULT)?;
        let known: Vec<String> =
            parent_value.try_iter().ok()?.filter_map(|key| key.as_str().map(str::to_owned)).collect();
        model::nearest(member, known.iter().map(String::as_str)).map(|near| format!("{parent}.{near}"))
    }
}

/// Wraps our error so that it survives the way through the engine.
pub(super) fn into_engine(error: TemplateError) -> Error {
    let kind =
        if error.kind == Kind::Undefined { ErrorKind::UndefinedError } else { ErrorKind::InvalidOperation };
    Error::new(kind, error.to_string()).with_source(error)
}

/// Our own error inside one of the engine's.
fn ours(error: &Error) -> Option<TemplateError> {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(ours) = inner.downcast_ref::<TemplateError>() {
            return Some(ours.clone());
        }
        source = inner.source();
    }
    None
}

/// The complaint about a text that grew too large.
pub(super) fn too_large() -> TemplateError {
    TemplateError::new(Kind::Limit, format!("the result is larger than {} MiB", OUTPUT_BYTES_MAX >> 20))
}

/// The complaint about a condition that is neither true nor false, with what to write instead.
pub(super) fn not_boolean(value: &model::Value, condition: &str) -> TemplateError {
    let (kind, instead) = match value {
        model::Value::String(_) => ("a string", format!("{condition} | bool, or {condition} | length > 0")),
        model::Value::Number(_) => ("a number", format!("{condition} != 0")),
        model::Value::Array(_) => ("a list", format!("{condition} | length > 0")),
        model::Value::Object(_) => ("a mapping", format!("{condition} | length > 0")),
        _ => ("nothing", format!("{condition} is not none")),
    };
    TemplateError::new(Kind::NotBoolean, format!("the condition is neither true nor false but {kind}"))
        .hint(Some(format!("write {instead}")))
        .at("condition", condition, Some(0..condition.len()))
}

//! One evaluation: names are looked up through the caller's [`Scope`], what a person wrote is rendered when it is used,
//! and it is noted what was needed on the way: secrets (the result is tainted) and things not known yet (the result is
//! unknown, whatever the expression made of them). What is Data is never rendered.
//!
//! A [`Session`] lives as long as one call from outside. `lazy.rs` has the objects that templates hold in their hands.

use super::changing::Owning;
use super::compile::{self, Cache, Compiled, Form, first};
use super::convert;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::explain::{UNUSABLE, concealed, into_engine, too_large};
use super::lazy::{Lazy, Names, Nature};
use super::scope::{Binding, Cause, Scope};
use super::source::RESULT;
use crate::load::Marked;
use crate::model::{self, Opened};
use minijinja::{Error, ErrorKind, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many variables may need each other in a row.
const DEPTH_MAX: usize = 40;
/// How many templates one call may render.
const EVALUATIONS_MAX: usize = 200_000;
/// Stack for templates that could nest values as deeply as their fuel lasts.
const STACK_BYTES: usize = 512 << 20;
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
    drawn: usize,
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

    /// A session on the side, in which it shows which expression is undefined.
    pub fn aside(&self) -> Arc<Self> {
        Arc::new(Self { cache: self.cache.clone(), purpose: Purpose::Trace, notes: Mutex::default() })
    }

    /// Whether something unknown was needed so far.
    pub fn is_unknown(&self) -> bool {
        self.notes().unknown.is_some()
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
                self.fail(TemplateError::new(Kind::Lookup, format!("'{name}'{UNUSABLE}{reason}")))
            }
        }
    }

    /// Renders what a person wrote under a name. Undefined there means undefined here, so that `default` still works.
    pub fn written(self: &Arc<Self>, names: &Arc<Names>, label: &str, text: &str) -> Value {
        let result = match self.cache.get(Form::Value, text) {
            Ok(None) => return Value::from(text),
            Ok(Some(compiled)) => self.enter(names.id, label).and_then(|()| {
                let result = self.evaluate(&compiled, names);
                self.notes().path.pop();
                result
            }),
            Err(error) => Err(error),
        };
        // The text itself may be the secret.
        let reached = |error: TemplateError| {
            if self.is_tainted() { concealed(error).through(label) } else { error.through(label) }
        };
        match result {
            Ok(value) => value,
            Err(error) if error.kind == Kind::Undefined => {
                let reason = reached(error);
                self.notes().undefined.insert(label.to_owned(), reason);
                Value::UNDEFINED
            }
            Err(error) => self.fail(reached(error)),
        }
    }

    /// Notes that the result depends on something not known yet.
    pub fn unknown(&self, cause: &str) -> Error {
        self.notes().unknown.get_or_insert_with(|| Cause::from(cause));
        Error::new(ErrorKind::InvalidOperation, format!("{cause} is not known yet"))
    }

    /// Notes that a secret went into the result.
    pub fn taint(&self) {
        self.notes().tainted = true;
    }

    /// The text behind a tag: never rendered, and where it was sealed, a secret. Nothing where it can't be known yet.
    pub fn unsealed(&self, marked: Marked<'_>) -> Result<Option<String>, TemplateError> {
        let (file, text) = match marked {
            Marked::Unsafe(text) => return Ok(Some(text.to_owned())),
            Marked::Vault(_) => {
                let message = "a value sealed by ansible-vault can't be opened in a run";
                let hint =
                    "'wgops vault import FILE' seals what is in the file for people instead".to_owned();
                return Err(TemplateError::new(Kind::Unsupported, message).hint(Some(hint)));
            }
            Marked::Age { file, text } => (file, text),
        };
        match self.cache.controller.opener().value(file, text) {
            Opened::Known(secret) => {
                self.taint();
                Ok(Some(secret.expose().to_owned()))
            }
            Opened::Unknown(cause) => {
                self.unknown(&cause);
                Ok(None)
            }
            Opened::Refused(why) => Err(TemplateError::new(Kind::Lookup, why)),
        }
    }

    /// A file's content as text; what is sealed is opened.
    pub fn opened_file(&self, path: &std::path::Path, bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        if !model::is_sealed(&bytes) {
            return Ok(bytes);
        }
        match self.cache.controller.opener().file(path, &bytes) {
            Opened::Known(plain) => {
                self.taint();
                Ok(plain.to_vec())
            }
            Opened::Unknown(cause) => {
                self.unknown(&cause);
                Ok(Vec::new())
            }
            Opened::Refused(why) => Err(why),
        }
    }

    /// How often this session drew by chance before.
    pub fn drawn(&self) -> usize {
        let mut notes = self.notes();
        notes.drawn += 1;
        notes.drawn
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
            // Where it is not known yet, the session has noted that, and nobody looks at the value.
            return self.unsealed(marked).map(|text| Some(model::Value::from(text.unwrap_or_default())));
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
        options: &[(&str, String)],
        names: &Arc<Names>,
    ) -> Result<Option<model::Value>, TemplateError> {
        let compiled = self.cache.file(name, source, options).map_err(first)?;
        self.forced(&compiled, names)
    }

    /// Renders a template file from within another template.
    pub fn nested_file(
        self: &Arc<Self>,
        name: &str,
        source: &str,
        options: &[(&str, String)],
        names: &Arc<Names>,
    ) -> Result<Value, TemplateError> {
        let compiled = self.cache.file(name, source, options).map_err(first)?;
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
        if !compiled.prepared.deepens {
            return self.evaluate_here(compiled, names);
        }
        // What such a template may build is forgotten recursively, level by level.
        let evaluated = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let evaluation = thread.spawn_scoped(scope, || self.evaluate_here(compiled, names));
            evaluation.map(|thread| thread.join())
        });
        match evaluated {
            Ok(Ok(result)) => result,
            _ => Err(TemplateError::new(Kind::Limit, "there is no thread to render the template")),
        }
    }

    fn evaluate_here(
        self: &Arc<Self>,
        compiled: &Compiled,
        names: &Arc<Names>,
    ) -> Result<Value, TemplateError> {
        let root = Owning::over(names, &compiled.prepared.changed);
        let environment = compiled.environment(names);
        let result = Compiled::template(&environment)
            .and_then(|template| template.render_captured(root))
            .and_then(|captured| {
                if !compiled.prepared.single && !compile::has_templates(&compiled.source) {
                    return Ok(Value::from(captured.into_output()));
                }
                if !compiled.prepared.single {
                    return convert::written(captured);
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
}

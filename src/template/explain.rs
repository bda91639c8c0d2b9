//! What went wrong in an evaluation, in our words: with its place, the variables through which it was reached, the
//! nearest known name, and nothing that could give a secret away.

use super::changing::Owning;
use super::compile::{Compiled, Form, MAIN};
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::evaluate::{OUTPUT_BYTES_MAX, Session};
use super::lazy::Names;
use super::source::RESULT;
use crate::model;
use minijinja::{Error, ErrorKind, Value};
use std::error::Error as _;
use std::sync::Arc;

impl Session {
    /// Turns the engine's error into ours: with its place, without what could give a secret away.
    pub fn explain(
        self: &Arc<Self>,
        error: &Error,
        compiled: &Compiled,
        names: &Arc<Names>,
    ) -> TemplateError {
        if let Some(ours) = ours(error) {
            let ours = if self.is_tainted() { discreet(ours) } else { ours };
            return ours.at(&compiled.name, &compiled.source, compiled.original(error));
        }
        let error = innermost(error);
        let about_undefined =
            error.detail().is_some_and(|detail| detail.contains("type") && detail.contains("undefined"));
        if error.kind() == ErrorKind::UndefinedError || about_undefined {
            return self.undefined(compiled, names, error.detail());
        }
        let detail = match error.detail() {
            Some(detail) if !self.is_tainted() => detail.to_owned(),
            Some(_) => format!("{} {DISCREET}", error.kind()),
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
        if error.name().is_some_and(|name| name != MAIN) {
            let (name, line) = (error.name().unwrap_or_default(), error.line().unwrap_or_default());
            return TemplateError::new(kind, format!("{message} ({name}, line {line})")).at(
                &compiled.name,
                "",
                None,
            );
        }
        TemplateError::new(kind, message).at(&compiled.name, &compiled.source, compiled.original(error))
    }

    /// Says what exactly is undefined: the source is run once more, on the side, with the engine's own tracing.
    pub fn undefined(
        self: &Arc<Self>,
        compiled: &Compiled,
        names: &Arc<Names>,
        detail: Option<&str>,
    ) -> TemplateError {
        let unplaced = || TemplateError::new(Kind::Undefined, detail.unwrap_or("an undefined value is used"));
        if self.is_unknown() {
            return unplaced();
        }
        let aside = self.aside();
        let aside_names = aside.scope(names.scope.clone());
        let (what, range) =
            compiled.trace(&aside_names, Owning::over(&aside_names, &compiled.prepared.changed));
        let reason = what.as_ref().and_then(|what| aside.reason(what));
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
        let environment = compiled.environment(names);
        let captured = Compiled::template(&environment).ok()?.render_captured(root).ok()?;
        let parent_value = captured.state().lookup(RESULT)?;
        let known: Vec<String> =
            parent_value.try_iter().ok()?.filter_map(|key| key.as_str().map(str::to_owned)).collect();
        model::nearest(member, known.iter().map(String::as_str)).map(|near| format!("{parent}.{near}"))
    }
}

/// Stands where the details of an error could hold a secret.
const DISCREET: &str = "(a secret is involved: no details)";

/// Stands in the words of a variable that there is and that can't be had.
pub(super) const UNUSABLE: &str = " can't be used: ";

/// Begins the words that refuse a sealed value its place.
pub(super) const PLACED: &str = "a sealed value would stand in ";

/// An error without what could be a part of a value. What somebody wrote in the template itself is none.
pub(super) fn discreet(error: TemplateError) -> TemplateError {
    let quoted: Vec<&str> = error.message.split('\'').collect();
    let is_written =
        matches!(quoted.as_slice(), [_, what, _] if !what.is_empty() && error.line_text.contains(what));
    match error.kind {
        Kind::Loop | Kind::Limit | Kind::NotBoolean | Kind::Syntax => error,
        Kind::Undefined if is_written || !error.message.contains('\'') => error.hint(None),
        Kind::Undefined => error.saying(format!("something is undefined {DISCREET}")).hint(None),
        _ if error.message.contains(DISCREET) => error.hint(None),
        // Why a value can't be opened is about the value's seal; and where one may not stand is said in our own words.
        Kind::Lookup if error.message.contains(UNUSABLE) => error,
        Kind::Unsupported if error.message.starts_with(PLACED) => error,
        _ => error.saying(format!("the operation failed {DISCREET}")).hint(None),
    }
}

/// An error without the source in which it was found.
pub(super) fn concealed(error: TemplateError) -> TemplateError {
    let message = match error.kind {
        Kind::Loop | Kind::Limit | Kind::Undefined | Kind::NotBoolean => error.message.clone(),
        _ => format!("a variable can't be rendered {DISCREET}"),
    };
    let hidden = TemplateError::new(error.kind, message).at("variable", "", None);
    error.via.iter().fold(hidden, |hidden, variable| hidden.through(variable))
}

/// Wraps our error so that it survives the way through the engine.
pub(super) fn into_engine(error: TemplateError) -> Error {
    let kind =
        if error.kind == Kind::Undefined { ErrorKind::UndefinedError } else { ErrorKind::InvalidOperation };
    Error::new(kind, error.to_string()).with_source(error)
}

/// The error in a template that another one brought in, rather than that one's word that there was an error.
pub(super) fn innermost(error: &Error) -> &Error {
    let mut at = error;
    while at.kind() == ErrorKind::BadInclude
        && let Some(inner) = at.source().and_then(|inner| inner.downcast_ref())
    {
        at = inner;
    }
    at
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

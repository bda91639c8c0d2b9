//! Between the engine's values and ours: a result is forced all the way down, `omit` takes a member away, and what is
//! undefined or no value at all is refused.

use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::evaluate::OUTPUT_BYTES_MAX;
use super::explain::{into_engine, too_large};
use super::lazy::{Lazy, Nature};
use super::moment::{Moment, Span};
use super::python;
use crate::model;
use minijinja::value::{Object, ObjectRepr, Serde, ValueKind};
use minijinja::{Captured, Error, ErrorKind, Output, State, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// How deep lists and mappings may be nested.
const DEPTH_MAX: usize = 100;
/// How much a value may come to with all its members: a list that holds the same text a million times holds it once, and here each
/// is a copy.
const WHOLE_BYTES_MAX: usize = 256 << 20;
/// What a value takes besides its text.
const VALUE_BYTES: usize = 64;

/// The value of `omit`.
pub(super) struct Omit;

impl fmt::Debug for Omit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("omit")
    }
}

impl Object for Omit {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// A number of ours as the engine's.
pub(super) fn number(number: &serde_json::Number) -> Value {
    match (number.as_i64(), number.as_u64()) {
        (Some(value), _) => Value::from(value),
        (None, Some(value)) => Value::from(value),
        (None, None) => Value::from(number.as_f64().unwrap_or_default()),
    }
}

/// A value of ours as the engine's.
pub(super) fn to_engine(value: &model::Value) -> Value {
    match value {
        model::Value::Null => Value::from(()),
        model::Value::Bool(value) => Value::from(*value),
        model::Value::Number(value) => number(value),
        model::Value::String(text) => Value::from(text.as_str()),
        other if !model::has_typed_keys(other) => Value::from(Serde(other)),
        model::Value::Array(items) => items.iter().map(to_engine).collect(),
        model::Value::Object(map) => {
            Value::from_pairs(map.iter().map(|(key, member)| (engine_key(key), to_engine(member))))
        }
    }
}

/// A key of a mapping of ours as the engine's.
pub(super) fn engine_key(key: &str) -> Value {
    model::typed_key(key).map_or_else(|| Value::from(key), |typed| to_engine(&typed))
}

/// A key of the engine's as mappings of ours hold it.
pub(super) fn model_key(key: &Value) -> String {
    let typed = match key.kind() {
        ValueKind::None => model::key_of(&model::Value::Null),
        ValueKind::Bool => model::key_of(&model::Value::Bool(key.is_true())),
        ValueKind::Number => from_number(key).ok().as_ref().and_then(model::key_of),
        _ => None,
    };
    typed.unwrap_or_else(|| key.to_string())
}

/// Gives back a value, or the error that it carries.
pub(super) fn valid(value: Value) -> Result<Value, Error> {
    if value.kind() != ValueKind::Invalid {
        return Ok(value);
    }
    match Value::from(vec![value]).try_iter()?.checked().next() {
        Some(result) => result,
        None => Err(Error::new(ErrorKind::InvalidOperation, "an invalid value")),
    }
}

/// A value of the engine as ours, members forced; nothing where it is `omit`.
pub(super) fn to_model(value: &Value) -> Result<Option<model::Value>, Error> {
    at_depth(value, 0, &mut 0)
}

/// Takes note of what a value comes to.
fn grown(whole: &mut usize, bytes: usize) -> Result<(), Error> {
    *whole = whole.saturating_add(bytes).saturating_add(VALUE_BYTES);
    if *whole <= WHOLE_BYTES_MAX {
        return Ok(());
    }
    let message = format!("the value is larger than {} MiB with all that is in it", WHOLE_BYTES_MAX >> 20);
    Err(into_engine(TemplateError::new(Kind::Limit, message)))
}

/// What a value of ours comes to.
fn size(value: &model::Value) -> usize {
    VALUE_BYTES
        + match value {
            model::Value::String(text) => text.len(),
            model::Value::Array(items) => items.iter().map(size).sum(),
            model::Value::Object(map) => map.iter().map(|(key, member)| key.len() + size(member)).sum(),
            model::Value::Null | model::Value::Bool(_) | model::Value::Number(_) => 0,
        }
}

/// Like [`to_model`], where `omit` makes no sense.
pub(super) fn to_model_whole(value: &Value) -> Result<model::Value, Error> {
    to_model(value)?.ok_or_else(not_whole)
}

fn not_whole() -> Error {
    into_engine(TemplateError::new(
        Kind::Operation,
        "omit can only stand for a whole value, not be a part of one",
    ))
}

fn at_depth(value: &Value, depth: usize, whole: &mut usize) -> Result<Option<model::Value>, Error> {
    if depth > DEPTH_MAX {
        let message = format!("lists and mappings are nested more than {DEPTH_MAX} deep");
        return Err(into_engine(TemplateError::new(Kind::Limit, message)));
    }
    if let Some(lazy) = value.downcast_object_ref::<Lazy>().filter(|lazy| lazy.nature() == Nature::Data) {
        let value = lazy.json();
        // What stands alone was read as it is; only what is copied again and again grows.
        if depth > 0 {
            grown(whole, size(value))?;
        }
        return Ok(Some(value.clone()));
    }
    if value.downcast_object_ref::<Omit>().is_some() {
        return Ok(None);
    }
    if let Some(text) = moment_text(value) {
        return Ok(Some(text.into()));
    }
    Ok(Some(match value.kind() {
        ValueKind::None => model::Value::Null,
        ValueKind::Bool => model::Value::Bool(value.is_true()),
        ValueKind::Number => from_number(value)?,
        ValueKind::String | ValueKind::Bytes => {
            let text = text(value)?;
            grown(whole, text.as_str().map_or(0, str::len))?;
            text
        }
        ValueKind::Seq | ValueKind::Iterable => {
            let mut items = Vec::new();
            for (index, item) in value.try_iter()?.checked().enumerate() {
                let item = item?;
                if item.is_undefined() {
                    return Err(undefined_member(value, &format!("[{index}]")));
                }
                grown(whole, 0)?;
                items.extend(at_depth(&item, depth + 1, whole)?);
            }
            model::Value::Array(items)
        }
        ValueKind::Map => model::Value::Object(mapping(value, depth, whole)?),
        ValueKind::Undefined => return Err(Error::new(ErrorKind::UndefinedError, "a member is undefined")),
        ValueKind::Invalid => return valid(value.clone()).map(|_| None),
        _ => {
            let message = "a function or macro is no value; was it meant to be called?";
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    }))
}

/// A moment's text, and that of what lies between two.
fn moment_text(value: &Value) -> Option<String> {
    let moment = value.downcast_object_ref::<Moment>().map(ToString::to_string);
    moment.or_else(|| value.downcast_object_ref::<Span>().map(ToString::to_string))
}

fn mapping(value: &Value, depth: usize, whole: &mut usize) -> Result<model::Map, Error> {
    let mut map = model::Map::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let member = valid(value.get_item(&key)?)?;
        if member.is_undefined() {
            return Err(undefined_member(value, &format!(".{key}")));
        }
        if let Some(member) = at_depth(&member, depth + 1, whole)? {
            grown(whole, 0)?;
            map.insert(model_key(&key), member);
        }
    }
    Ok(map)
}

fn undefined_member(parent: &Value, member: &str) -> Error {
    let reason = parent.downcast_object_ref::<Lazy>().and_then(|lazy| lazy.undefined_member(member));
    reason.map_or_else(
        || Error::new(ErrorKind::UndefinedError, format!("the member {member} is undefined")),
        into_engine,
    )
}

fn from_number(value: &Value) -> Result<model::Value, Error> {
    if let Ok(integer) = i64::try_from(value.clone()) {
        if value.is_integer() {
            return Ok(integer.into());
        }
    } else if let Ok(integer) = u64::try_from(value.clone()) {
        return Ok(integer.into());
    }
    let float = f64::try_from(value.clone())?;
    let number = serde_json::Number::from_f64(float);
    number.map(model::Value::Number).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidOperation,
            format!("{float} is not a number that YAML and JSON can hold"),
        )
    })
}

fn text(value: &Value) -> Result<model::Value, Error> {
    let text = value.to_string();
    if text.len() > OUTPUT_BYTES_MAX {
        return Err(into_engine(too_large()));
    }
    Ok(model::Value::String(text))
}

/// What an evaluation has written so far.
#[derive(Default)]
struct Emitted {
    bytes: usize,
    /// How many values were written, and how many of them came to no text.
    values: usize,
    empty: usize,
    last: Value,
    omitted: bool,
}

/// Writes what `{{ … }}` in a text evaluates to, in Python's form; None is nothing.
pub(super) fn emit(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let omits = value.downcast_object_ref::<Omit>().is_some();
    let text = if omits { Cow::Borrowed("") } else { emitted(value)? };
    let emitted = state.get_or_insert_extension(Emitted::default());
    emitted.bytes += text.len();
    emitted.values += 1;
    emitted.empty += usize::from(text.is_empty());
    emitted.omitted |= omits;
    emitted.last = value.clone();
    if emitted.bytes > OUTPUT_BYTES_MAX {
        return Err(into_engine(too_large()));
    }
    Ok(out.write_str(&text)?)
}

fn emitted(value: &Value) -> Result<Cow<'_, str>, Error> {
    Ok(match value.kind() {
        // An inline `if` without `else` that was false; the engine has refused every other undefined value.
        ValueKind::None | ValueKind::Undefined => "".into(),
        ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => {
            to_model_whole(value)?;
            repr(value).into()
        }
        ValueKind::Plain => {
            to_model_whole(value)?;
            value.to_string().into()
        }
        _ => value.as_str().map_or_else(|| repr(value).into(), Cow::Borrowed),
    })
}

/// What a text came to: where it is nothing but what one `{{ … }}` wrote, that value with its type, and None where
/// nothing was written.
pub(super) fn written(captured: Captured<'_>) -> Result<Value, Error> {
    if let Some(emitted) = captured.state().get_extension::<Emitted>() {
        let alone = emitted.values == 1 || emitted.empty == 0;
        if alone && emitted.last.kind() != ValueKind::String && !emitted.last.is_undefined() {
            let text = if emitted.omitted { Cow::Borrowed("") } else { self::emitted(&emitted.last)? };
            if text == captured.output() {
                return Ok(emitted.last.clone());
            }
        }
        if emitted.omitted {
            return Err(not_whole());
        }
    } else if captured.output().is_empty() {
        return Ok(Value::from(()));
    }
    Ok(Value::from(captured.into_output()))
}

/// What a file holds that a template made of nothing but a value: Python's text for it.
pub(super) fn file_text(value: model::Value) -> String {
    match value {
        model::Value::String(text) => text,
        model::Value::Null => String::new(),
        other => repr(&to_engine(&other)),
    }
}

/// A value as Python's `repr` has it; a tuple counts as a list.
pub(super) fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(value, 0, &mut out);
    out
}

fn write_repr(value: &Value, depth: usize, out: &mut String) {
    match value.kind() {
        _ if depth > DEPTH_MAX => out.push('…'),
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(float) => out.push_str(&python::float_repr(float)),
            Err(_) => out.push_str(&value.to_string()),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            out.push('[');
            for (at, item) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_repr(&item, depth + 1, out);
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (at, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write_repr(&key, depth + 1, out);
                out.push_str(": ");
                write_repr(&value.get_item(&key).unwrap_or_default(), depth + 1, out);
            }
            out.push('}');
        }
        ValueKind::String => out.push_str(&python::string_repr(value.as_str().unwrap_or_default())),
        _ => out.push_str(&value.to_string()),
    }
}

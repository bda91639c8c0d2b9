//! How filters, tests and functions take their arguments: by position or by name, as in Python. Each is an entry of a
//! table, with its parameters' names; the rest is done here.

use super::convert::valid;
use super::error::{TemplateError, TemplateErrorKind as Kind};
use super::explain::into_engine;
use crate::model;
use minijinja::value::{Kwargs, Rest, Tuple, ValueKind, ValueOrKwargs};
use minijinja::{Error, ErrorKind, State, Value};

/// The most items that a list is given by what is done with it.
pub(super) const ITEMS_MAX: usize = 1_000_000;

/// A word of the templates' vocabulary.
pub(super) struct Word {
    /// The name in templates.
    pub name: &'static str,
    /// Names of the parameters after the operand. One that begins with `*` takes all further positions; those after it
    /// go by name only.
    pub params: &'static [&'static str],
    /// What it does.
    pub body: Body,
}

/// What a word does.
pub(super) type Body = fn(&mut State, &Call) -> Result<Value, Error>;

/// The arguments of one use.
pub(super) struct Call {
    word: &'static Word,
    /// What stands before the `|` or `is`.
    pub operand: Value,
    args: Vec<Option<Value>>,
    /// What a parameter with `*` took.
    pub rest: Vec<Value>,
}

impl Call {
    /// Binds the arguments of a filter or test, whose first is the operand.
    pub fn with_operand(word: &'static Word, args: Rest<ValueOrKwargs>) -> Result<Self, Error> {
        let mut values = args.into_values().into_iter();
        let operand = values.next().unwrap_or_default();
        Self::bind(word, valid(operand)?, values)
    }

    /// Binds the arguments of a function.
    pub fn of_function(word: &'static Word, args: Rest<ValueOrKwargs>) -> Result<Self, Error> {
        Self::bind(word, Value::UNDEFINED, args.into_values().into_iter())
    }

    fn bind(word: &'static Word, operand: Value, values: impl Iterator<Item = Value>) -> Result<Self, Error> {
        let mut call = Self { word, operand, args: vec![None; word.params.len()], rest: Vec::new() };
        let star = word.params.iter().position(|param| param.starts_with('*'));
        let (takes_rest, positional) = (star.is_some(), star.unwrap_or(word.params.len()));
        let mut at = 0;
        for value in values {
            if value.is_kwargs() {
                call.bind_named(&Kwargs::try_from(value)?)?;
                continue;
            }
            let value = valid(value)?;
            match call.args.get_mut(at).filter(|_| at < positional) {
                Some(slot) => *slot = Some(value),
                None if takes_rest => call.rest.push(value),
                None => return Err(wrong(format!("'{}' takes at most {positional} arguments", word.name))),
            }
            at += 1;
        }
        Ok(call)
    }

    fn bind_named(&mut self, named: &Kwargs) -> Result<(), Error> {
        for name in named.args() {
            let place = self.word.params.iter().position(|param| *param == name);
            match place.and_then(|place| self.args.get_mut(place)) {
                Some(slot) => *slot = Some(valid(named.peek::<Value>(name)?)?),
                None => {
                    let near = model::nearest(name, self.word.params.iter().copied());
                    let error = TemplateError::new(
                        Kind::Operation,
                        format!("'{}' has no argument '{name}'", self.word.name),
                    )
                    .hint(near.map(|near| format!("did you mean '{near}'?")));
                    return Err(into_engine(error));
                }
            }
        }
        Ok(())
    }

    /// An argument, if it was given.
    pub fn arg(&self, param: &str) -> Option<&Value> {
        let place = self.word.params.iter().position(|known| *known == param)?;
        self.args.get(place)?.as_ref()
    }

    /// An argument that must be given, and be defined.
    pub fn need(&self, param: &str) -> Result<&Value, Error> {
        let value = self
            .arg(param)
            .ok_or_else(|| wrong(format!("'{}' needs its argument '{param}'", self.word.name)))?;
        defined(value)
    }

    /// The first argument, whatever its name, which must be given and be defined.
    pub fn first(&self) -> Result<&Value, Error> {
        self.need(self.word.params.first().copied().unwrap_or_default())
    }

    /// An argument as text, if it was given.
    pub fn text(&self, param: &str) -> Result<Option<String>, Error> {
        self.arg(param).filter(|value| !value.is_none()).map(text_of).transpose()
    }

    /// An argument as text, which must be given.
    pub fn need_text(&self, param: &str) -> Result<String, Error> {
        text_of(self.need(param)?)
    }

    /// An argument as an integer.
    pub fn integer(&self, param: &str) -> Result<Option<i64>, Error> {
        let Some(value) = self.arg(param).filter(|value| !value.is_none()) else { return Ok(None) };
        i64::try_from(value.clone()).map(Some).map_err(|_| {
            wrong(format!(
                "the argument '{param}' of '{}' is an integer, not {}",
                self.word.name,
                kind_of(value)
            ))
        })
    }

    /// Whether an argument was given and is true.
    pub fn is_set(&self, param: &str) -> bool {
        self.arg(param).is_some_and(Value::is_true)
    }

    /// The operand as text; whatever is no string is written as Python would.
    pub fn operand_text(&self) -> Result<String, Error> {
        text_of(&self.operand)
    }

    /// The operand's items.
    pub fn items(&self) -> Result<Vec<Value>, Error> {
        items_of(&self.operand, self.word.name)
    }

    /// The operand's pairs.
    pub fn pairs(&self) -> Result<Vec<(Value, Value)>, Error> {
        pairs_of(&self.operand, self.word.name)
    }

    /// An error that names the word.
    pub fn wrong(&self, message: impl std::fmt::Display) -> Error {
        wrong(format!("'{}': {message}", self.word.name))
    }
}

/// An error about the use of a word.
pub(super) fn wrong(message: impl Into<String>) -> Error {
    into_engine(TemplateError::new(Kind::Operation, message))
}

/// An error about a list that grew too long.
pub(super) fn too_many(word: &str) -> Error {
    let message = format!("'{word}' makes a list of more than {ITEMS_MAX} items");
    into_engine(TemplateError::new(Kind::Limit, message))
}

/// An error about something that is not there yet.
pub(super) fn unsupported(message: impl Into<String>) -> Error {
    into_engine(TemplateError::new(Kind::Unsupported, message))
}

/// The value, if it is defined. The engine's own error knows which expression isn't, so it is asked to make it.
pub(super) fn defined(value: &Value) -> Result<&Value, Error> {
    match value.is_undefined() {
        true => Err(value.get_attr("").err().unwrap_or_else(|| Error::from(ErrorKind::UndefinedError))),
        false => Ok(value),
    }
}

/// A value as text, written as Python would.
pub(super) fn text_of(value: &Value) -> Result<String, Error> {
    match defined(value)?.as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Ok(value.to_string()),
    }
}

/// What a value is, in words.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "undefined",
        ValueKind::None => "none",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String | ValueKind::Bytes => "a string",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "no value",
    }
}

/// Python's name of a value's type.
pub(super) fn python_type(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "AnsibleUndefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq | ValueKind::Iterable => "list",
        ValueKind::Map => "dict",
        _ => kind_of(value),
    }
}

/// The items of a list (of a mapping: its keys; of a string: its characters).
pub(super) fn items_of(value: &Value, word: &str) -> Result<Vec<Value>, Error> {
    match defined(value)?.kind() {
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => value.try_iter()?.checked().collect(),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().chars().map(Value::from).collect()),
        _ => Err(wrong(format!("'{word}' needs a list, not {}", kind_of(value)))),
    }
}

/// The pairs of a mapping.
pub(super) fn pairs_of(value: &Value, word: &str) -> Result<Vec<(Value, Value)>, Error> {
    if defined(value)?.kind() != ValueKind::Map {
        return Err(wrong(format!("'{word}' needs a mapping, not {}", kind_of(value))));
    }
    let mut pairs = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let member = valid(value.get_item(&key)?)?;
        pairs.push((key, member));
    }
    Ok(pairs)
}

/// A tuple, which in text is written with round brackets.
pub(super) fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
    Value::from(Tuple::from(items.into_iter().collect::<Vec<_>>()))
}

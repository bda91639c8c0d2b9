//! Stands in for the room `load` until it is there: the few accessors that reading a roster needs.

use super::PeopleError;
use crate::model::{Place, nearest, printable};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

pub(super) struct Problem(String);

pub(super) struct Name {
    pub(super) place: Place,
    pub(super) name: String,
}

pub(super) struct Node {
    pub(super) place: Place,
    value: Held,
}

enum Held {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

pub(super) fn parse(path: &Path, bytes: &[u8]) -> Result<Node, PeopleError> {
    let place = Place { file: Arc::new(path.to_owned()), line: 0, column: 0 };
    let value =
        serde_yaml::from_slice(bytes).map_err(|error| PeopleError::Roster(format!("{place}: {error}")))?;
    Ok(node(&place, &value))
}

pub(super) fn check(problems: Vec<Problem>) -> Result<(), PeopleError> {
    if problems.is_empty() {
        return Ok(());
    }
    let texts: Vec<String> = problems.into_iter().map(|problem| problem.0).collect();
    Err(PeopleError::Roster(texts.join("\n")))
}

fn node(place: &Place, value: &serde_yaml::Value) -> Node {
    use serde_yaml::Value;
    let scalar = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let value = match value {
        Value::Sequence(items) => Held::List(items.iter().map(|item| node(place, item)).collect()),
        Value::Mapping(map) => Held::Map(
            map.iter()
                .map(|(k, v)| (Name { place: place.clone(), name: scalar(k) }, node(place, v)))
                .collect(),
        ),
        other => Held::Scalar(scalar(other)),
    };
    Node { place: place.clone(), value }
}

impl Problem {
    pub(super) fn at(place: &Place, message: impl Into<String>) -> Self {
        Self(format!("{place}: {}", message.into()))
    }

    pub(super) fn nearest<'a>(mut self, word: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(near) = nearest(word, known) {
            let _ = write!(self.0, "; did you mean '{}'?", printable(near));
        }
        self
    }
}

impl Node {
    fn expected(&self, what: &str) -> Problem {
        Problem::at(&self.place, format!("expected {what}"))
    }

    pub(super) fn map(&self) -> Result<&[(Name, Self)], Problem> {
        match &self.value {
            Held::Map(entries) => Ok(entries),
            _ => Err(self.expected("a mapping")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        self.map().ok()?.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    pub(super) fn list(&self) -> Result<&[Self], Problem> {
        match &self.value {
            Held::List(items) => Ok(items),
            _ => Err(self.expected("a list")),
        }
    }

    pub(super) fn word(&self) -> Result<String, Problem> {
        match &self.value {
            Held::Scalar(text) => Ok(text.clone()),
            _ => Err(self.expected("text")),
        }
    }

    pub(super) fn str(&self) -> Result<&str, Problem> {
        match &self.value {
            Held::Scalar(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    pub(super) fn unsigned(&self) -> Result<u64, Problem> {
        self.word()?.parse().map_err(|_| self.expected("a whole number from 0"))
    }

    pub(super) fn unknown_keys(&self, known: &[&str]) -> Vec<Problem> {
        let entries = match self.map() {
            Ok(entries) => entries,
            Err(problem) => return vec![problem],
        };
        let unknown = entries.iter().filter(|(key, _)| !known.contains(&key.name.as_str()));
        unknown
            .map(|(key, _)| {
                let message = format!("unknown key '{}'", key.name);
                Problem::at(&key.place, message).nearest(&key.name, known.iter().copied())
            })
            .collect()
    }
}

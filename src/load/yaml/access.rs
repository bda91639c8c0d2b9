//! Asking a node for what it should be, with an error at its place where it is something else.

use super::{Key, Node, NodeValue};
use crate::load::problem::Problem;

impl Node {
    /// What it is, for a sentence.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            NodeValue::Null => "nothing",
            NodeValue::Bool(_) => "true or false",
            NodeValue::Number(_) => "a number",
            NodeValue::Text(_) => "text",
            NodeValue::List(_) => "a list",
            NodeValue::Map(_) => "a mapping",
        }
    }

    /// The error that something else was expected here.
    pub fn expected(&self, what: &str) -> Problem {
        Problem::at(&self.place, format!("expected {what}, found {}", self.kind()))
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, NodeValue::Null)
    }

    /// The entries of a mapping.
    ///
    /// # Errors
    /// It is no mapping.
    pub fn map(&self) -> Result<&[(Key, Self)], Problem> {
        match &self.value {
            NodeValue::Map(entries) => Ok(entries),
            _ => Err(self.expected("a mapping")),
        }
    }

    /// The entries of a mapping; nothing has none.
    ///
    /// # Errors
    /// It is neither.
    pub fn entries(&self) -> Result<&[(Key, Self)], Problem> {
        if self.is_null() { Ok(&[]) } else { self.map() }
    }

    /// The value of a key, where this is a mapping that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match &self.value {
            NodeValue::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The items of a list.
    ///
    /// # Errors
    /// It is no list.
    pub fn list(&self) -> Result<&[Self], Problem> {
        match &self.value {
            NodeValue::List(items) => Ok(items),
            _ => Err(self.expected("a list")),
        }
    }

    /// The items of a list; anything else is a list of itself, and nothing an empty one.
    pub fn items(&self) -> &[Self] {
        match &self.value {
            NodeValue::List(items) => items,
            NodeValue::Null => &[],
            _ => std::slice::from_ref(self),
        }
    }

    /// The text.
    ///
    /// # Errors
    /// It is no text.
    pub fn str(&self) -> Result<&str, Problem> {
        match &self.value {
            NodeValue::Text(text) => Ok(text),
            _ => Err(self.expected("text")),
        }
    }

    /// Text, or a number or boolean as text, as a name may look like one.
    ///
    /// # Errors
    /// It is a list, a mapping or nothing.
    pub fn word(&self) -> Result<String, Problem> {
        match &self.value {
            NodeValue::Text(text) => Ok(text.clone()),
            NodeValue::Number(number) => Ok(number.to_string()),
            NodeValue::Bool(flag) => Ok(flag.to_string()),
            _ => Err(self.expected("text")),
        }
    }

    /// True or false.
    ///
    /// # Errors
    /// It is something else.
    pub fn bool(&self) -> Result<bool, Problem> {
        match &self.value {
            NodeValue::Bool(flag) => Ok(*flag),
            _ => Err(self.expected("true or false")),
        }
    }

    /// A whole number from 0.
    ///
    /// # Errors
    /// It is something else.
    pub fn unsigned(&self) -> Result<u64, Problem> {
        match &self.value {
            NodeValue::Number(number) => {
                number.as_u64().ok_or_else(|| self.expected("a whole number from 0"))
            }
            _ => Err(self.expected("a whole number from 0")),
        }
    }

    /// Texts: one, or a list of them.
    ///
    /// # Errors
    /// It, or an item, is something else.
    pub fn words(&self) -> Result<Vec<String>, Problem> {
        self.items().iter().map(Self::word).collect()
    }

    /// Whether this is text that a template has to make something of.
    pub fn is_template(&self) -> bool {
        let renders = self.tag.is_none();
        renders && matches!(&self.value, NodeValue::Text(text) if text.contains("{{") || text.contains("{%"))
    }

    /// Errors for keys that aren't known here, each with the nearest one that is.
    pub fn unknown_keys(&self, known: &[&str]) -> Vec<Problem> {
        let NodeValue::Map(entries) = &self.value else { return vec![self.expected("a mapping")] };
        entries
            .iter()
            .filter(|(key, _)| !known.contains(&key.name.as_str()))
            .map(|(key, _)| {
                let problem = Problem::at(&key.place, format!("unknown key '{}'", key.name));
                problem.nearest(&key.name, known.iter().copied())
            })
            .collect()
    }
}

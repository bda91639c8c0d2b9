//! YAML with positions: every key and value knows its line and column, so that any later complaint can point at it.
//!
//! The dialect is Ansible's: YAML 1.1 booleans (`yes`, `off`), merges (`<<`), `mode: 0644` stays the text `0644`, a time
//! such as `22:22` stays text. `!unsafe` text is never rendered; `!age` and `!vault` values stay sealed here.
//! This room doesn't know what any key means. `read` parses, `explain` puts the parser's complaints into words,
//! `access` asks a node for what it should be.

mod access;
mod explain;
mod mend;
mod read;

pub use read::{is_variable_name, load_vars};

use crate::model::{self, Map, Place, Value};
use indexmap::IndexMap;

/// Variables by name, in the order in which they were written.
pub type Variables = IndexMap<String, Variable>;

/// A variable: where its name stands, and its value.
#[derive(Clone, PartialEq, Debug)]
pub struct Variable {
    /// Where the name stands.
    pub place: Place,
    /// The value.
    pub node: Node,
}

/// A key of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// Where it stands.
    pub place: Place,
    /// Its text, as written.
    pub name: String,
    /// What it is, where that is no text: a number, yes or no, nothing.
    pub typed: Option<Value>,
}

/// A value as somebody wrote it.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// A tag that changes what may be done with it.
    pub tag: Option<Tag>,
    /// What it holds.
    pub value: NodeValue,
}

/// A tag that is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tag {
    /// `!unsafe`: text that is never rendered as a template.
    Unsafe,
    /// `!age`: sealed by `wgops vault`.
    Age,
    /// `!vault`: sealed by ansible-vault.
    Vault,
}

/// What a node holds.
#[derive(Clone, PartialEq, Debug)]
pub enum NodeValue {
    /// Nothing, `~` or `null`.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number, or one with a point.
    Number(serde_json::Number),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order in which it was written.
    Map(Vec<(Key, Node)>),
}

/// What a tag left behind in a plain [`Value`]: a mapping with one reserved key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Marked<'a> {
    /// Text that must not be rendered.
    Unsafe(&'a str),
    /// A value sealed by `wgops vault`: an armored age file.
    Age {
        /// The file where it was written; empty where nobody wrote it in a file.
        file: &'a str,
        /// The sealed text.
        text: &'a str,
    },
    /// A value sealed by ansible-vault.
    Vault(&'a str),
}

/// Between a sealed text and the file where it was written: no text file holds it.
const FILE_END: char = '\0';

impl Tag {
    const ALL: [Self; 3] = [Self::Unsafe, Self::Age, Self::Vault];

    fn parse(text: &str) -> Option<Self> {
        match text {
            "!unsafe" => Some(Self::Unsafe),
            "!age" => Some(Self::Age),
            "!vault" | "!vault-encrypted" => Some(Self::Vault),
            _ => None,
        }
    }

    fn reserved_key(self) -> &'static str {
        match self {
            Self::Unsafe => "__ansible_unsafe",
            Self::Age => "__wgops_age",
            Self::Vault => "__ansible_vault",
        }
    }
}

impl<'a> Marked<'a> {
    /// What a tag left behind in this value, if there was one. Ask only values that came from [`Node::to_value`]: what
    /// a host says must never be opened, whatever it looks like.
    pub fn of(value: &'a Value) -> Option<Self> {
        let map = value.as_object().filter(|map| map.len() == 1)?;
        let (key, text) = map.iter().next()?;
        let tag = Tag::ALL.into_iter().find(|tag| tag.reserved_key() == key)?;
        let text = text.as_str()?;
        Some(match tag {
            Tag::Unsafe => Self::Unsafe(text),
            Tag::Age => {
                let (file, text) = text.split_once(FILE_END).unwrap_or(("", text));
                Self::Age { file, text }
            }
            Tag::Vault => Self::Vault(text),
        })
    }
}

impl Key {
    /// A key that is text.
    pub fn new(place: &Place, name: impl Into<String>) -> Self {
        Self { place: place.clone(), name: name.into(), typed: None }
    }

    /// The key as mappings of values hold it.
    fn in_value(&self) -> String {
        self.typed.as_ref().and_then(model::key_of).unwrap_or_else(|| self.name.clone())
    }
}

impl Node {
    /// A node that is text.
    pub fn text(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), tag: None, value: NodeValue::Text(text.into()) }
    }

    /// A node from a plain value; everything in it stands at the same place.
    pub fn from_value(place: &Place, value: &Value) -> Self {
        let value = match value {
            Value::Null => NodeValue::Null,
            Value::Bool(flag) => NodeValue::Bool(*flag),
            Value::Number(number) => NodeValue::Number(number.clone()),
            Value::String(text) => NodeValue::Text(text.clone()),
            Value::Array(list) => {
                NodeValue::List(list.iter().map(|item| Self::from_value(place, item)).collect())
            }
            Value::Object(map) => NodeValue::Map(
                map.iter()
                    .map(|(name, value)| {
                        let typed = model::typed_key(name);
                        let key = Key { typed, ..Key::new(place, model::plain_key(name)) };
                        (key, Self::from_value(place, value))
                    })
                    .collect(),
            ),
        };
        Self { place: place.clone(), tag: None, value }
    }

    /// The value without places. Tagged text becomes a mapping with one reserved key, which [`Marked::of`] recognises;
    /// sealed text keeps its file with it, for who may open it depends on where it stands.
    pub fn to_value(&self) -> Value {
        let plain = match &self.value {
            NodeValue::Null => Value::Null,
            NodeValue::Bool(flag) => Value::Bool(*flag),
            NodeValue::Number(number) => Value::Number(number.clone()),
            NodeValue::Text(text) if self.tag == Some(Tag::Age) => {
                Value::String(format!("{}{FILE_END}{text}", self.place.file.display()))
            }
            NodeValue::Text(text) => Value::String(text.clone()),
            NodeValue::List(list) => Value::Array(list.iter().map(Self::to_value).collect()),
            NodeValue::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.in_value(), node.to_value())).collect())
            }
        };
        match self.tag {
            Some(tag) => Value::Object(Map::from_iter([(tag.reserved_key().to_owned(), plain)])),
            None => plain,
        }
    }
}

/// The plain values of variables.
pub fn values(variables: &Variables) -> Map {
    variables.iter().map(|(name, variable)| (name.clone(), variable.node.to_value())).collect()
}

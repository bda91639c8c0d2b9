//! Keys of mappings that are no texts: YAML and Jinja have numbers, yes and no, and nothing for keys, and our mappings
//! have texts alone. Such a key is kept as a text that no file holds (a zero byte, then the key as JSON), so that
//! templates can give it back as what it is; whoever else looks at a mapping gets it as JSON writes it ([`plain`]).

use super::{Map, Value};
use std::borrow::Cow;

const MARK: char = '\0';

/// The key that stands for a value; a text stands for itself. Nothing for what can be no key here: a list, a mapping.
pub fn key_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(format!("{MARK}{other}")),
    }
}

/// What a key stands for, where that is no text.
pub fn typed_key(key: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(key.strip_prefix(MARK)?).ok()?;
    (!matches!(value, Value::String(_) | Value::Array(_) | Value::Object(_))).then_some(value)
}

/// A key as JSON writes it.
pub fn plain_key(key: &str) -> &str {
    key.strip_prefix(MARK).unwrap_or(key)
}

/// Whether a key somewhere in a value is no text.
pub fn has_typed_keys(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_typed_keys),
        Value::Object(map) => map.iter().any(|(key, member)| key.starts_with(MARK) || has_typed_keys(member)),
        _ => false,
    }
}

/// A value whose keys are as JSON writes them.
pub fn plain(value: &Value) -> Cow<'_, Value> {
    if has_typed_keys(value) { Cow::Owned(rewritten(value)) } else { Cow::Borrowed(value) }
}

fn rewritten(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(rewritten).collect()),
        Value::Object(map) => {
            let members = map.iter().map(|(key, member)| (plain_key(key).to_owned(), rewritten(member)));
            Value::Object(members.collect::<Map>())
        }
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_are_no_texts_come_back_as_what_they_were_and_show_as_json() {
        for value in [json!(3), json!(-7.5), json!(true), json!(null)] {
            let key = key_of(&value).unwrap();
            assert_eq!(typed_key(&key), Some(value.clone()));
            assert_eq!(plain_key(&key), value.to_string());
        }
        assert_eq!(key_of(&json!("3")).as_deref(), Some("3"));
        assert_eq!(typed_key("3"), None);
        assert_eq!(typed_key("\0[1]"), None);
        let mut inner = Map::new();
        inner.insert(key_of(&json!(80)).unwrap(), json!("http"));
        let value = json!({"a": [inner], "b": 1});
        assert_eq!(*plain(&value), json!({"a": [{"80": "http"}], "b": 1}));
        assert!(matches!(plain(&json!({"80": [{}]})), Cow::Borrowed(_)));
    }
}

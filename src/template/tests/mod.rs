//! Tests of the whole room, as its callers use it. Each file is one promise.

mod core;
mod files;
mod limits;
mod unknowns;
mod vocabulary;

use super::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A scope made by hand.
#[derive(Default, Clone)]
pub(super) struct Vars(BTreeMap<String, Binding>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Binding> {
        self.0.get(name).cloned()
    }
    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
    fn search_dirs(&self) -> Vec<std::path::PathBuf> {
        vec!["/role".into()]
    }
}

impl Vars {
    /// Variables that a person wrote.
    pub fn written(map: Value) -> Self {
        Self::default().and(map, |value| Binding::Written(Arc::new(value)))
    }
    /// Adds what came from elsewhere.
    pub fn data(self, map: Value) -> Self {
        self.and(map, |value| Binding::Data(Arc::new(value)))
    }
    pub fn with(mut self, name: &str, binding: Binding) -> Self {
        self.0.insert(name.into(), binding);
        self
    }
    fn and(mut self, map: Value, bind: impl Fn(Value) -> Binding) -> Self {
        for (name, value) in map.as_object().unwrap() {
            self.0.insert(name.clone(), bind(value.clone()));
        }
        self
    }
    pub fn arc(self) -> Arc<dyn Scope> {
        Arc::new(self)
    }
}

const MACROS: &[u8] =
    b"{% macro hi(who, end='!') %}\nhi {{ who }}{{ end }}\n{% endmacro %}\n{% set level = 3 %}";

/// A controller on which nothing is left to chance.
pub(super) struct StillLife;

impl Controller for StillLife {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "HOME").then(|| "/home/op".to_owned())
    }
    fn now(&self) -> jiff::Zoned {
        "2026-11-21T22:05:09+00:00[UTC]".parse().unwrap()
    }
    fn is_file(&self, path: &Path) -> bool {
        self.read(path).is_ok()
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match path.to_str().unwrap() {
            "/role/files/motd" => Ok(b"welcome {{ x }}\n\n".to_vec()),
            "/role/templates/t.j2" => Ok(b"{% if x %}\nx={{ x }}\n{% endif %}\n".to_vec()),
            "/role/templates/part.j2" => Ok(b"part {{ x }}\n".to_vec()),
            "/role/templates/macros.j2" => Ok(MACROS.to_vec()),
            "/role/templates/base.j2" => Ok(b"top\n{% block body %}base{% endblock %}\n".to_vec()),
            "/role/templates/wrong.j2" => Ok(b"{{ x | nosuch }}".to_vec()),
            "/role/templates/missing.j2" => Ok(b"a\n{{ missing }}".to_vec()),
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

pub(super) fn templates() -> Templates {
    Templates::new(Arc::new(StillLife))
}

/// Renders with variables and gives the value, or the error's text with its hint.
pub(super) fn outcome(value: &Value, vars: &Vars) -> Result<Value, String> {
    match templates().render(value, &vars.clone().arc()) {
        Ok(Rendered::Known { value, .. }) => Ok(value),
        Ok(Rendered::Omitted) => Ok(json!("<omitted>")),
        Ok(Rendered::Unknown(cause)) => Ok(json!(format!("<unknown: {cause}>"))),
        Err(error) => Err(match &error.hint {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }),
    }
}

/// Checks a table of expressions and values; an error is written `!` and a part of its text.
pub(super) fn table(vars: &Vars, rows: &[(&str, Value)]) {
    let mut wrong = Vec::new();
    for (source, expected) in rows {
        let got = outcome(&json!(source), vars);
        let right = match (&got, expected.as_str().and_then(|text| text.strip_prefix('!'))) {
            (Err(error), Some(part)) => error.contains(part),
            (Ok(value), None) => value == expected,
            _ => false,
        };
        if !right {
            wrong.push(format!("{source}\n    expected {expected}\n    got      {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

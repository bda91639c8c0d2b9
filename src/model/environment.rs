//! The environment variables with which a script runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Environment variables by name, set over those that a login has. Values may be secret, so they have no `Debug`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Environment(Arc<BTreeMap<String, String>>);

impl Environment {
    /// These variables.
    ///
    /// # Errors
    /// The first name that is none for a variable.
    pub fn new(variables: BTreeMap<String, String>) -> Result<Self, String> {
        let begins = |name: &str| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_name =
            |name: &str| begins(name) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match variables.keys().find(|name| !is_name(name)) {
            Some(wrong) => Err(wrong.clone()),
            None => Ok(Self(Arc::new(variables))),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_could_set_is_a_variable_and_no_value_is_shown() {
        let of = |name: &str| Environment::new([(name.to_owned(), "hidden".to_owned())].into());
        for name in ["PATH", "_x9", "http_proxy"] {
            assert!(!format!("{:?}", of(name).unwrap()).contains("hidden"));
        }
        for name in ["", "9a", "a-b", "a b", "a=b", "é", "a\nb"] {
            assert_eq!(of(name), Err(name.to_owned()));
        }
    }
}

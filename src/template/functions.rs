//! The functions that templates can call, and `omit`.

use super::convert::Omit;
use minijinja::{Environment, Value};
use std::collections::BTreeSet;

/// Adds the functions to an environment and returns their names.
pub(super) fn register(environment: &mut Environment<'static>) -> BTreeSet<String> {
    environment.remove_global("debug");
    environment.add_global("omit", Value::from_object(Omit));
    ["range", "dict", "namespace", "loop", "caller", "super"].into_iter().map(str::to_owned).collect()
}

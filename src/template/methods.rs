//! Python's methods on strings, lists and mappings, as far as the engine's own set lacks them.

use minijinja::{Error, State, Value};
use minijinja_contrib::pycompat;

/// Calls a method that the engine itself doesn't know.
pub(super) fn call(state: &mut State, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    pycompat::unknown_method_callback(state, value, method, args)
}

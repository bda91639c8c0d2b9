//! The tests that templates can make: what follows `is`.

use minijinja::Environment;
use std::collections::BTreeSet;

/// Adds the tests to an environment and returns their names.
pub(super) fn register(_environment: &mut Environment<'static>) -> BTreeSet<String> {
    ["defined", "undefined"].into_iter().map(str::to_owned).collect()
}

//! Filters about whether there is a value at all, and which of two is taken.

use crate::template::call::{Call, Word, defined};
use crate::template::convert::valid;
use crate::template::source::MEMBER;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "default", params: &["default_value", "boolean"], body: default },
    Word { name: "d", params: &["default_value", "boolean"], body: default },
    Word { name: MEMBER, params: &["key"], body: member },
];

fn default(_: &mut State, call: &Call) -> Result<Value, Error> {
    let missing = call.operand.is_undefined() || (call.is_set("boolean") && !call.operand.is_true());
    if !missing {
        return Ok(call.operand.clone());
    }
    Ok(call.arg("default_value").cloned().unwrap_or_else(|| Value::from("")))
}

/// Reads a member; what has no members has none of this name either.
fn member(_: &mut State, call: &Call) -> Result<Value, Error> {
    let key = defined(call.need("key")?)?;
    if call.operand.is_undefined() {
        return Ok(Value::UNDEFINED);
    }
    valid(call.operand.get_item(key).unwrap_or_default())
}

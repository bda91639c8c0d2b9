//! Filters about whether there is a value, which of two is taken, and what type it has.

use crate::template::call::{Call, Word, defined, items_of, python_type, text_of};
use crate::template::convert::valid;
use crate::template::moment::{Moment, Span};
use crate::template::rewrite::MEMBER;
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "default", params: &["default_value", "boolean"], body: default },
    Word { name: "d", params: &["default_value", "boolean"], body: default },
    Word { name: MEMBER, params: &["key"], body: member },
    Word { name: "mandatory", params: &["msg"], body: mandatory },
    Word { name: "ternary", params: &["true_val", "false_val", "none_val"], body: ternary },
    Word { name: "bool", params: &[], body: bool },
    Word { name: "int", params: &["default", "base"], body: int },
    Word { name: "float", params: &["default"], body: float },
    Word { name: "string", params: &[], body: string },
    Word { name: "list", params: &[], body: list },
    Word { name: "length", params: &[], body: length },
    Word { name: "count", params: &[], body: length },
    Word { name: "type_debug", params: &[], body: type_debug },
    Word { name: "attr", params: &["name"], body: member },
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
    let key = call.first()?;
    if call.operand.is_undefined() {
        return Ok(Value::UNDEFINED);
    }
    valid(call.operand.get_item(key).unwrap_or_default())
}

fn mandatory(_: &mut State, call: &Call) -> Result<Value, Error> {
    match (call.operand.is_undefined(), call.text("msg")?) {
        (true, Some(message)) => Err(call.wrong(message)),
        _ => Ok(defined(&call.operand)?.clone()),
    }
}

fn ternary(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = defined(&call.operand)?;
    if let (true, Some(none)) = (operand.is_none(), call.arg("none_val").filter(|none| !none.is_none())) {
        return Ok(none.clone());
    }
    call.need(if operand.is_true() { "true_val" } else { "false_val" }).cloned()
}

fn bool(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = defined(&call.operand)?;
    Ok(match operand.kind() {
        ValueKind::None => Value::from(false),
        ValueKind::Bool => operand.clone(),
        ValueKind::Number => Value::from(*operand == Value::from(1)),
        _ => {
            let text = text_of(operand)?.to_lowercase();
            Value::from(matches!(text.as_str(), "yes" | "on" | "1" | "true"))
        }
    })
}

fn int(_: &mut State, call: &Call) -> Result<Value, Error> {
    let fallback = || call.arg("default").cloned().unwrap_or_else(|| Value::from(0));
    let operand = defined(&call.operand)?;
    let base = call.integer("base")?.unwrap_or(10);
    Ok(match operand.kind() {
        ValueKind::Bool => Value::from(i64::from(operand.is_true())),
        ValueKind::Number if operand.is_integer() => operand.clone(),
        ValueKind::Number => {
            f64::try_from(operand.clone()).map_or_else(|_| fallback(), |float| Value::from(float as i64))
        }
        ValueKind::String => {
            parse_integer(operand.as_str().unwrap_or_default(), base).map_or_else(fallback, integer)
        }
        _ => fallback(),
    })
}

/// The engine's smaller kind of integer where that holds it: the larger one is not equal to it everywhere.
fn integer(number: i128) -> Value {
    i64::try_from(number).map_or_else(|_| Value::from(number), Value::from)
}

/// Python's `int(text, base)`, and its `int(float(text))` for the base ten.
fn parse_integer(text: &str, base: i64) -> Option<i128> {
    let text = text.trim().replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let lower = digits.to_lowercase();
    let (base, digits) = match (base, lower.get(..2)) {
        (0 | 16, Some("0x")) => (16, lower.get(2..)?),
        (0 | 8, Some("0o")) => (8, lower.get(2..)?),
        (0 | 2, Some("0b")) => (2, lower.get(2..)?),
        (0, _) => (10, lower.as_str()),
        _ => (u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?, lower.as_str()),
    };
    let whole = i128::from_str_radix(digits, base).ok().map(|value| sign * value);
    whole.or_else(|| {
        text.parse::<f64>().ok().filter(|float| base == 10 && float.is_finite()).map(|float| float as i128)
    })
}

fn float(_: &mut State, call: &Call) -> Result<Value, Error> {
    let fallback = || call.arg("default").cloned().unwrap_or_else(|| Value::from(0.0));
    let operand = defined(&call.operand)?;
    let parsed = match operand.kind() {
        ValueKind::Bool | ValueKind::Number => f64::try_from(operand.clone()).ok(),
        ValueKind::String => operand.as_str().and_then(|text| text.trim().parse().ok()),
        _ => None,
    };
    Ok(parsed.map_or_else(fallback, |float: f64| Value::from(float)))
}

fn string(_: &mut State, call: &Call) -> Result<Value, Error> {
    call.operand_text().map(Value::from)
}

fn list(_: &mut State, call: &Call) -> Result<Value, Error> {
    items_of(&call.operand, "list").map(Value::from)
}

fn length(_: &mut State, call: &Call) -> Result<Value, Error> {
    let operand = defined(&call.operand)?;
    match operand.kind() {
        ValueKind::String | ValueKind::Seq | ValueKind::Map => {
            Ok(Value::from(operand.len().unwrap_or_default()))
        }
        _ => Ok(Value::from(items_of(operand, "length")?.len())),
    }
}

/// Python's name of the type, as Ansible shows it.
fn type_debug(_: &mut State, call: &Call) -> Result<Value, Error> {
    Ok(Value::from(match &call.operand {
        value if value.downcast_object_ref::<Moment>().is_some() => "datetime",
        value if value.downcast_object_ref::<Span>().is_some() => "timedelta",
        value => python_type(value),
    }))
}

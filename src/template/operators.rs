//! Operators that mean more to Python than to the engine: `%` also fills in a text, and `-` also works on moments.

use super::call::{Call, defined, items_of, kind_of, pairs_of, wrong};
use super::evaluate::OUTPUT_BYTES_MAX;
use super::explain::{into_engine, too_large};
use super::filters::{check_growth, check_widths, occurrences};
use super::moment::{Moment, Span};
use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Error, State, Value, filters};

/// `left % right`.
pub(super) fn percent(state: &mut State, call: &Call) -> Result<Value, Error> {
    let (left, right) = (call.need("left")?, defined(call.need("right")?)?);
    if let Some(format) = left.as_str() {
        check_widths(format, '%')?;
        let longest = right.as_str().map(str::to_owned).into_iter();
        let longest = longest.chain(
            items_of(right, "%").into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)),
        );
        check_growth(occurrences(format, "%"), &longest.max_by_key(String::len).unwrap_or_default())?;
        let args: Vec<ValueOrKwargs> = match right.kind() {
            ValueKind::Map => {
                let named: Kwargs =
                    pairs_of(right, "%")?.into_iter().map(|(key, value)| (key.to_string(), value)).collect();
                vec![ValueOrKwargs::from(Value::from(named))]
            }
            ValueKind::Seq if right.is_tuple() => {
                items_of(right, "%")?.into_iter().map(ValueOrKwargs::from).collect()
            }
            _ => vec![ValueOrKwargs::from(right.clone())],
        };
        return filters::format(state, left, Rest(args));
    }
    let refuse = || wrong(format!("'%' doesn't work on {} and {}", kind_of(left), kind_of(right)));
    if left.is_integer() && right.is_integer() {
        let (left, right) = (whole(left)?, whole(right)?);
        let rest = left.checked_rem(right).ok_or_else(|| wrong("'%': division by zero"))?;
        return Ok(Value::from(if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }));
    }
    if left.kind() != ValueKind::Number || right.kind() != ValueKind::Number {
        return Err(refuse());
    }
    let (left, right) = (f64::try_from(left.clone())?, f64::try_from(right.clone())?);
    Ok(Value::from(left - right * (left / right).floor()))
}

fn whole(value: &Value) -> Result<i64, Error> {
    i64::try_from(value.clone())
}

/// What `left ~ right` or `left + right` came to, unless it is a text that grew too large.
pub(super) fn within(_: &mut State, call: &Call) -> Result<Value, Error> {
    let value = call.need("value")?;
    match value.as_str() {
        Some(text) if text.len() > OUTPUT_BYTES_MAX => Err(into_engine(too_large())),
        _ => Ok(value.clone()),
    }
}

/// `left - right`.
pub(super) fn minus(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (left, right) = (call.need("left")?, call.need("right")?);
    let moment = |value: &Value| value.downcast_object_ref::<Moment>().copied();
    if let (Some(left), Some(right)) = (moment(left), moment(right)) {
        return Ok(Value::from_object(Span(left.0.duration_since(right.0))));
    }
    if left.is_integer() && right.is_integer() {
        let (left, right) = (whole(left)?, whole(right)?);
        return left
            .checked_sub(right)
            .map(Value::from)
            .ok_or_else(|| wrong("'-': the difference is too large"));
    }
    if left.kind() == ValueKind::Number && right.kind() == ValueKind::Number {
        return Ok(Value::from(f64::try_from(left.clone())? - f64::try_from(right.clone())?));
    }
    Err(wrong(format!("'-' doesn't work on {} and {}", kind_of(left), kind_of(right))))
}

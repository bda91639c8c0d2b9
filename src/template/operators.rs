//! Operators that mean more to Python than to the engine: `%` also fills in a text, and `-` also works on moments.

use super::call::{Call, ITEMS_MAX, defined, items_of, kind_of, pairs_of, too_many, wrong};
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

/// How many items of lists whose length nobody knew were counted in this evaluation.
#[derive(Default)]
struct Counted(usize);

/// What `left ~ right` or `left + right` came to, unless it is a text or a list that grew too large. The engine joins lists without
/// looking at their items, so one that is joined to itself again and again would take no step of its fuel and all of the memory.
pub(super) fn within(state: &mut State, call: &Call) -> Result<Value, Error> {
    let value = call.need("value")?;
    match value.kind() {
        ValueKind::String if value.as_str().is_some_and(|text| text.len() > OUTPUT_BYTES_MAX) => {
            Err(into_engine(too_large()))
        }
        ValueKind::Seq | ValueKind::Iterable => match value.len() {
            Some(items) if items > ITEMS_MAX => Err(too_many("+")),
            Some(_) => Ok(value.clone()),
            None => counted(state, value),
        },
        _ => Ok(value.clone()),
    }
}

/// A list whose length nobody knows before its items were looked at.
fn counted(state: &mut State, value: &Value) -> Result<Value, Error> {
    let counted = state.get_or_insert_extension(Counted::default());
    let mut items = Vec::new();
    for item in value.try_iter()?.checked() {
        counted.0 += 1;
        if items.len() >= ITEMS_MAX || counted.0 > 10 * ITEMS_MAX {
            return Err(too_many("+"));
        }
        items.push(item?);
    }
    Ok(Value::from(items))
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

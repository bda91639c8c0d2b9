//! `json_query`: JMESPath over a value, by the crate of JMESPath's own authors. It has no limits of its own, and reads, searches and
//! drops an expression recursively: what is long or nests deeply is refused before, and what a short one makes of little, after.

use crate::model::plain;
use crate::template::call::{Call, Word, defined, wrong};
use crate::template::convert::to_model_whole;
use jmespath::Variable;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[Word { name: "json_query", params: &["expr"], body: json_query }];

/// Longest expression.
const QUERY_BYTES_MAX: usize = 16 << 10;
/// Most brackets, dots and operators in one: each may nest what follows.
const LINKS_MAX: usize = 250;
/// Deepest result.
const DEPTH_MAX: usize = 100;
/// Most values and text in a result: what stands in it twice is there once, and twice behind it.
const RESULT_BYTES_MAX: usize = 64 << 20;
/// What a value takes besides its text.
const VALUE_BYTES: usize = 64;

fn json_query(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.need_text("expr")?;
    if let Some(why) = too_long(&text) {
        return Err(call.wrong(why));
    }
    let query = jmespath::compile(&text)
        .map_err(|error| call.wrong(format!("'{text}' is no JMESPath: {}", error.reason)))?;
    let value = to_model_whole(defined(&call.operand)?)?;
    let input = Variable::try_from(plain(&value).into_owned()).map_err(|error| call.wrong(error.reason))?;
    let found = query.search(input).map_err(|error| call.wrong(error.reason))?;
    result(&found, 0, &mut 0)
}

/// Why an expression is not read, if it isn't. What stands between quotes nests nothing, but for JSON between backticks, which its
/// own reader bounds.
fn too_long(text: &str) -> Option<String> {
    if text.len() > QUERY_BYTES_MAX {
        return Some(format!("the expression is longer than {} KiB", QUERY_BYTES_MAX >> 10));
    }
    let (mut links, mut quote, mut escaped) = (0, None, false);
    for c in text.chars() {
        match quote {
            Some(open) => {
                quote = (escaped || c != open).then_some(open);
                escaped = c == '\\' && !escaped;
            }
            None if "'\"`".contains(c) => quote = Some(c),
            None => links += usize::from("[({.|&!*,:<>=?-".contains(c)),
        }
    }
    (links > LINKS_MAX)
        .then(|| format!("the expression has more than {LINKS_MAX} brackets, dots and operators"))
}

/// What was found, as the engine's value.
fn result(found: &Variable, depth: usize, bytes: &mut usize) -> Result<Value, Error> {
    *bytes = bytes.saturating_add(VALUE_BYTES);
    if let Variable::String(text) = found {
        *bytes = bytes.saturating_add(text.len());
    }
    if *bytes > RESULT_BYTES_MAX || depth > DEPTH_MAX {
        return Err(wrong(format!(
            "'json_query' finds more than {} MiB, or lists more than {DEPTH_MAX} deep",
            RESULT_BYTES_MAX >> 20
        )));
    }
    Ok(match found {
        Variable::Null | Variable::Expref(_) => Value::from(()),
        Variable::Bool(value) => Value::from(*value),
        Variable::Number(number) => crate::template::convert::number(number),
        Variable::String(text) => Value::from(text.as_str()),
        Variable::Array(items) => {
            let items = items.iter().map(|item| result(item, depth + 1, bytes));
            Value::from(items.collect::<Result<Vec<_>, _>>()?)
        }
        Variable::Object(members) => {
            let pairs = members
                .iter()
                .map(|(key, member)| Ok((Value::from(key.as_str()), result(member, depth + 1, bytes)?)));
            Value::from_pairs(pairs.collect::<Result<Vec<_>, Error>>()?)
        }
    })
}

//! `json_query`: JMESPath over a value, by the crate of JMESPath's own authors.

use crate::model::plain;
use crate::template::call::{Call, Word, defined};
use crate::template::convert::{to_engine, to_model_whole};
use jmespath::Variable;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[Word { name: "json_query", params: &["expr"], body: json_query }];

fn json_query(_: &mut State, call: &Call) -> Result<Value, Error> {
    let text = call.need_text("expr")?;
    let query = jmespath::compile(&text)
        .map_err(|error| call.wrong(format!("'{text}' is no JMESPath: {}", error.reason)))?;
    let value = to_model_whole(defined(&call.operand)?)?;
    let input = Variable::try_from(plain(&value).into_owned()).map_err(|error| call.wrong(error.reason))?;
    let found = query.search(input).map_err(|error| call.wrong(error.reason))?;
    let found = serde_json::to_value(&*found).map_err(|error| call.wrong(error))?;
    Ok(to_engine(&found))
}

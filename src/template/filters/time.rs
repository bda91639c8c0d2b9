//! Filters on time.

use crate::template::call::{Call, Word};
use crate::template::clock;
use crate::template::moment::Moment;
use minijinja::{Error, State, Value};

pub(super) const FILTERS: &[Word] = &[
    Word { name: "strftime", params: &["second", "utc"], body: strftime },
    Word { name: "to_datetime", params: &["format"], body: to_datetime },
];

/// Reads a moment that is written in Python's format.
fn to_datetime(_: &mut State, call: &Call) -> Result<Value, Error> {
    let (text, format) = (call.operand_text()?, call.text("format")?);
    let format = format.unwrap_or_else(|| "%Y-%m-%d %H:%M:%S".into());
    let read = jiff::fmt::strtime::BrokenDownTime::parse(&format, &text)
        .map_err(|error| call.wrong(format!("'{text}' is no time in the format '{format}': {error}")))?;
    let date = read.to_date().map_err(|error| call.wrong(error))?;
    let time = read.to_time().unwrap_or_default();
    Ok(Value::from_object(Moment(date.to_datetime(time))))
}

/// Writes a moment (seconds since 1970; now, if none is given) in the format that the operand is.
fn strftime(state: &mut State, call: &Call) -> Result<Value, Error> {
    let format = call.operand_text()?;
    let now = clock::now(state)?;
    let zone = if call.is_set("utc") { jiff::tz::TimeZone::UTC } else { now.time_zone().clone() };
    let moment = match call.arg("second").filter(|second| !second.is_none()) {
        None => now.timestamp(),
        Some(second) => {
            let seconds: f64 = match second.as_str() {
                Some(text) => text
                    .trim()
                    .parse()
                    .map_err(|_| call.wrong(format!("'{text}' is no number of seconds")))?,
                None => f64::try_from(second.clone())?,
            };
            jiff::Timestamp::from_second(seconds as i64).map_err(|error| call.wrong(error))?
        }
    };
    clock::format(&moment.to_zoned(zone), &format).map(Value::from)
}

//! The lookup `sequence`: numbers as texts, by `start=1 end=3 format=web%02d`, by `1-3:web%02d`, or by named arguments.

use super::lists::ITEMS_MAX;
use crate::template::call::{Call, text_of};
use minijinja::formatting::{FormatStyle, format};
use minijinja::{Error, State, Value};

pub(super) const SEQUENCE: &[&str] = &["*terms", "start", "end", "count", "stride", "format"];

/// One sequence after the other; named arguments are for what a term leaves open.
pub(super) fn sequence(_: &mut State, call: &Call) -> Result<Value, Error> {
    let mut named = Vec::new();
    for name in ["start", "end", "count", "stride", "format"] {
        if let Some(value) = call.text(name)? {
            named.push((name.to_owned(), value));
        }
    }
    let mut texts = Vec::new();
    for term in &call.rest {
        let mut options = named.clone();
        options.extend(options_of(call, &text_of(term)?)?);
        one(call, &options, &mut texts)?;
    }
    if call.rest.is_empty() && !named.is_empty() {
        one(call, &named, &mut texts)?;
    }
    Ok(texts.into_iter().map(Value::from).collect())
}

/// The options that a term writes; the later ones win.
fn options_of(call: &Call, term: &str) -> Result<Vec<(String, String)>, Error> {
    if let Some(short) = shortcut(term) {
        return Ok(short);
    }
    let mut options = Vec::new();
    for word in term.split_whitespace() {
        match word.split_once('=') {
            Some((name, value)) if SEQUENCE.contains(&name) => {
                options.push((name.to_owned(), value.to_owned()))
            }
            _ => return Err(call.wrong(format!("unrecognized arguments to with_sequence: {word}"))),
        }
    }
    Ok(options)
}

/// Puts one sequence behind what there is.
fn one(call: &Call, options: &[(String, String)], texts: &mut Vec<String>) -> Result<(), Error> {
    let option =
        |name: &str| options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let number = |name: &str| {
        let read = |value: &str| {
            number_in(value)
                .ok_or_else(|| call.wrong(format!("'{name}' has an invalid value: '{value}' is no number")))
        };
        option(name).map(read).transpose()
    };
    let (start, stride) = (number("start")?.unwrap_or(1), number("stride")?.unwrap_or(1));
    let end = match (number("end")?, number("count")?) {
        (Some(_), Some(_)) => return Err(call.wrong("can't specify both count and end in with_sequence")),
        (None, None) => return Err(call.wrong("it must specify count or end in with_sequence")),
        (Some(end), None) => end,
        (None, Some(0)) => return Ok(()),
        (None, Some(count)) => start.saturating_add(count.saturating_mul(stride)).saturating_sub(1),
    };
    if stride == 0 {
        return Ok(());
    }
    if stride > 0 && end < start {
        return Err(call.wrong("to count backwards make stride negative"));
    }
    if stride < 0 && end > start {
        return Err(call.wrong("to count forward don't make stride negative"));
    }
    let steps = end.checked_sub(start).map(|span| span / stride);
    let Some(steps) = steps.filter(|steps| *steps < ITEMS_MAX - texts.len() as i64) else {
        return Err(call.wrong(format!("it would have more than {ITEMS_MAX} items")));
    };
    let written = option("format").unwrap_or("%d");
    if written.matches('%').count() != 1 {
        return Err(call.wrong(format!("bad formatting string: {written}")));
    }
    for step in 0..=steps {
        texts.push(format(FormatStyle::Printf, written, &[Value::from(start + step * stride)])?);
    }
    Ok(())
}

/// A number as Python reads one in a program: also `0x1f`, `0o17`.
fn number_in(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        _ => (10, digits),
    };
    i64::from_str_radix(digits, radix).ok().map(|number| sign * number)
}

/// Reads `[start-]end[/stride][:format]`, whatever stands for the numbers.
fn shortcut(term: &str) -> Option<Vec<(String, String)>> {
    if term.contains('=') {
        return None;
    }
    let (numbers, format) = match term.split_once(':') {
        None => (term, None),
        Some((numbers, format)) => (numbers, Some(format)),
    };
    let (span, stride) = match numbers.split_once('/') {
        None => (numbers, None),
        Some((span, stride)) => (span, Some(stride)),
    };
    let (start, end) = match span.split_once('-') {
        None => (None, span),
        Some((start, end)) => (Some(start), end),
    };
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if ![start, stride, Some(end)].into_iter().flatten().all(is_token) {
        return None;
    }
    let pairs = [("start", start), ("end", Some(end)), ("stride", stride), ("format", format)];
    Some(pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect())
}

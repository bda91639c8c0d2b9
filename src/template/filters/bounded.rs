//! The engine's own filters that make much of little: the same, within bounds. A text in a playbook must not be able to
//! take all memory, since running out of it ends the program in the middle of a run.

use crate::template::call::{ITEMS_MAX, too_many, wrong};
use crate::template::evaluate::OUTPUT_BYTES_MAX;
use crate::template::explain::{into_engine, too_large};
use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

/// The most characters that a number in a format may ask for.
const WIDTH_MAX: usize = 10_000;
/// How much text filters may make in one evaluation, of which most is forgotten at once: an item of a long list may be a long text.
const MADE_BYTES_MAX: usize = 256 << 20;

/// How much text filters made in this evaluation so far.
#[derive(Default)]
struct Made(usize);

/// Takes note of what a filter made.
///
/// # Errors
/// It is more than one evaluation needs.
pub(super) fn made(state: &mut State, name: &str, value: Value) -> Result<Value, Error> {
    if value.as_str().is_none() && value.len().is_some_and(|items| items > ITEMS_MAX) {
        return Err(too_many(name));
    }
    let made = state.get_or_insert_extension(Made::default());
    made.0 = made.0.saturating_add(value.as_str().map_or(0, str::len));
    match made.0 > MADE_BYTES_MAX {
        true => Err(wrong(format!("filters made more than {} MiB of text", MADE_BYTES_MAX >> 20))),
        false => Ok(value),
    }
}

/// Refuses to put a text into another so often that it grows too large.
///
/// # Errors
/// It would.
pub(in crate::template) fn check_growth(times: usize, text: &str) -> Result<(), Error> {
    match times.saturating_mul(text.len()) > OUTPUT_BYTES_MAX {
        true => Err(into_engine(too_large())),
        false => Ok(()),
    }
}

/// How often a text stands in another; the empty one stands between all letters.
pub(in crate::template) fn occurrences(text: &str, of: &str) -> usize {
    if of.is_empty() { text.chars().count() + 1 } else { text.matches(of).count() }
}

/// Puts bounds around the engine's filters.
pub(super) fn register(environment: &mut Environment<'static>) {
    environment.add_filter("batch", |state: &State, value: Value, count: usize, fill: Option<Value>| {
        filters::batch(state, value, within("batch", count)?, fill)
    });
    environment.add_filter("slice", |state: &State, value: Value, count: usize, fill: Option<Value>| {
        filters::slice(state, value, within("slice", count)?, fill)
    });
    environment.add_filter("format", |state: &mut State, format: Value, args: Rest<ValueOrKwargs>| {
        check_widths(format.as_str().unwrap_or_default(), '%')?;
        filters::format(state, &format, args)
    });
}

fn within(name: &str, count: usize) -> Result<usize, Error> {
    if count > ITEMS_MAX {
        return Err(wrong(format!("'{name}': count is at most {ITEMS_MAX}")));
    }
    Ok(count)
}

/// Refuses a format that asks for a very wide text: behind `opener` ('%', or '{' of the method `format`) and before its
/// end, no number may be large.
///
/// # Errors
/// A number is.
pub(in crate::template) fn check_widths(format: &str, opener: char) -> Result<(), Error> {
    for spec in format.split(opener).skip(1) {
        let end = |c: char| c == '}' || c == opener || (opener == '%' && c.is_alphabetic());
        let spec = spec.split(end).next().unwrap_or_default();
        let spec = if opener == '{' { spec.split_once(':').map_or("", |(_, spec)| spec) } else { spec };
        for digits in spec.split(|c: char| !c.is_ascii_digit()) {
            if digits.trim_start_matches('0').len() > 5
                || digits.parse::<usize>().is_ok_and(|n| n > WIDTH_MAX)
            {
                return Err(wrong(format!("a text is filled up to {WIDTH_MAX} characters at most")));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_may_be_wide_and_not_endless() {
        for (format, opener) in [
            ("%5d of %-40s", '%'),
            ("%s 12345678", '%'),
            ("{} 12345678", '{'),
            ("%.3f", '%'),
            ("{:>9999}", '{'),
            ("{0:08.3f}", '{'),
        ] {
            assert!(check_widths(format, opener).is_ok(), "{format}");
        }
        for (format, opener) in
            [("%099999999999d", '%'), ("%.99999999f", '%'), ("{:>10001}", '{'), ("{0:.99999999999}", '{')]
        {
            assert!(check_widths(format, opener).is_err(), "{format}");
        }
    }
}

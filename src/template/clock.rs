//! The time in templates: the controller's, asked once per use, written by Python's formats.

use super::call::wrong;
use super::lazy::{Names, SELF};
use jiff::Zoned;
use minijinja::{Error, State};

/// The time on the controller.
pub(super) fn now(state: &State) -> Result<Zoned, Error> {
    let scope = state.lookup(SELF);
    let names = scope.as_ref().and_then(|scope| scope.downcast_object_ref::<Names>());
    names.map(|names| names.session.cache.controller.now()).ok_or_else(|| wrong("there is no clock here"))
}

/// A moment in Python's format.
pub(super) fn format(moment: &Zoned, format: &str) -> Result<String, Error> {
    let mut text = String::new();
    jiff::fmt::strtime::BrokenDownTime::from(moment)
        .format(format, &mut text)
        .map_err(|error| wrong(format!("'{format}' is no format for a time: {error}")))?;
    Ok(text)
}

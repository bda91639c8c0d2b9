//! The refresh of apt's lists that belongs to a change of its sources.

use super::Change;
use super::updates::{Tolerance, refresh_lists_within};
use std::time::Duration;

/// How long to wait for those who work on the package database.
const PATIENCE: Duration = Duration::from_secs(300);

/// The change that refreshes the package lists once sources changed.
pub(super) fn refreshed() -> Change {
    refresh_lists_within(PATIENCE, Tolerance::None)
}

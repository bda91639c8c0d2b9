//! When hosts may be changed: maintenance windows and freezes, as `wgops.yml` has them.
//!
//! ```yaml
//! zone: Europe/Berlin              # where windows and freezes name none; else UTC
//! windows:                         # a host that no window is for may be changed at any time
//!   - {hosts: "web:!web3", days: [sat, sun], from: "22:00", for: 4h}
//! freezes:
//!   - {from: 2026-12-20, until: 2027-01-03, reason: holiday season}
//!   - {hosts: db, from: 2026-11-27 18:00, until: 2026-11-28 06:00, reason: black friday, zone: America/New_York}
//! ```
//!
//! This room knows when windows are open; which hosts that concerns, and what else holds them out, `crate::execute` knows.

mod read;
mod window;

pub use window::{Freeze, Window};

use crate::load::inventory::Inventory;
use crate::load::problem::Problem;
use crate::model::Period;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Windows and freezes.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The time zone in which times are shown and read where nothing else is said.
    pub zone: TimeZone,
    /// When hosts may be changed.
    pub windows: Vec<Window>,
    /// When they may not, whatever windows say.
    pub freezes: Vec<Freeze>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { zone: TimeZone::UTC, windows: Vec::new(), freezes: Vec::new() }
    }
}

impl Calendar {
    /// A moment as people of the group read it: `Sat 2026-11-28 22:00 Europe/Berlin`.
    pub fn shown(&self, moment: Timestamp) -> String {
        shown(moment, &self.zone)
    }

    /// What its windows and freezes say of hosts that none of these inventories has; see `Pattern::unknown_to`.
    pub fn unknown_to(&self, inventories: &[&Inventory]) -> Vec<Problem> {
        let windows = self.windows.iter().map(|window| &window.hosts);
        let freezes = self.freezes.iter().filter_map(|freeze| freeze.hosts.as_ref());
        windows.chain(freezes).flat_map(|hosts| hosts.unknown_to(inventories)).collect()
    }

    /// The moment that somebody means by `8h`, `2d`, `2026-11-30 18:00` or `2026-11-30` (all of that day).
    ///
    /// # Errors
    /// It is none of these.
    pub fn moment(&self, text: &str, now: Timestamp) -> Result<Timestamp, Problem> {
        if let Ok(period) = text.parse::<Period>() {
            return now.checked_add(period.duration()).map_err(|_| Problem::bare("that is too far away"));
        }
        ends(text, &self.zone).ok_or_else(|| {
            Problem::bare(format!("'{}' is no time", crate::model::printable(text)))
                .help("write 8h, 2d, \"2026-11-30 18:00\" or 2026-11-30")
        })
    }
}

/// A moment in a time zone, for people.
pub(super) fn shown(moment: Timestamp, zone: &TimeZone) -> String {
    let name = zone.iana_name().unwrap_or("UTC");
    format!("{} {name}", moment.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H:%M"))
}

/// A day and a time, or the beginning of a day.
fn begins(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let date = text.parse::<Date>().ok().filter(|_| is_date(text)).map(|day| day.at(0, 0, 0, 0));
    moment(date.or_else(|| date_time(text))?, zone)
}

/// A day and a time, or the end of a day.
fn ends(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let date = text.parse::<Date>().ok().filter(|_| is_date(text));
    let after = date.and_then(|day| day.checked_add(1.day()).ok()).map(|day| day.at(0, 0, 0, 0));
    moment(after.or_else(|| date_time(text))?, zone)
}

/// The parser takes more than we want to explain: zones and offsets in brackets, weeks.
fn is_date(text: &str) -> bool {
    text.len() == "2026-11-30".len()
}

fn date_time(text: &str) -> Option<DateTime> {
    let plain = |c: char| c.is_ascii_digit() || "-: T".contains(c);
    text.parse::<DateTime>().ok().filter(|_| text.len() > 10 && text.chars().all(plain))
}

/// A time that clocks skip is the moment at which they skip it; one that they show twice is the first.
fn moment(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}

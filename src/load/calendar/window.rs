//! When a window is open, and when it opens next. Pure: the clock is an argument.

use super::{moment, shown};
use crate::load::inventory::Pattern;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use std::time::Duration;

/// Longest window.
pub(super) const LENGTH_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How far ahead is looked for the end of windows that follow each other without a gap.
const AHEAD_DAYS: i32 = 9;

/// When hosts may be changed, week by week.
#[derive(Clone, Debug)]
pub struct Window {
    /// Which hosts.
    pub hosts: Pattern,
    pub(super) days: Vec<Weekday>,
    pub(super) from: Time,
    /// How long it is open, whatever clocks do meanwhile.
    pub(super) length: Duration,
    pub(super) zone: TimeZone,
}

/// When hosts may not be changed.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// Which hosts; nothing: all.
    pub hosts: Option<Pattern>,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub until: Timestamp,
    /// Why.
    pub reason: String,
    pub(super) zone: TimeZone,
}

/// From one moment on, up to another and without it.
type Stretch = (Timestamp, Timestamp);

impl Window {
    /// The times at which it is open around a moment, in order.
    fn stretches(&self, around: Timestamp) -> Vec<Stretch> {
        let length_days = i32::try_from(self.length.as_secs() / (24 * 60 * 60)).unwrap_or(7);
        let today = around.to_zoned(self.zone.clone()).date();
        // A zone may be a day ahead, and a window may have begun days ago.
        let days = (-length_days - 2..=AHEAD_DAYS).filter_map(|days| today.checked_add(days.days()).ok());
        days.filter(|day| self.days.contains(&day.weekday())).filter_map(|day| self.on(day)).collect()
    }

    fn on(&self, day: Date) -> Option<Stretch> {
        let begins = moment(day.to_datetime(self.from), &self.zone)?;
        Some((begins, begins.checked_add(self.length).ok()?))
    }

    /// When windows close that are open at a moment, those that follow without a gap included; nothing where none is open.
    pub fn closes(windows: &[&Self], now: Timestamp) -> Option<Timestamp> {
        let stretches: Vec<Stretch> = windows.iter().flat_map(|window| window.stretches(now)).collect();
        let open = |at: Timestamp| {
            let covering = stretches.iter().filter(|(begins, ends)| *begins <= at && at < *ends);
            covering.map(|(_, ends)| *ends).max()
        };
        let mut closes = open(now)?;
        while let Some(later) = open(closes) {
            closes = later;
        }
        Some(closes)
    }

    /// When the first of some windows opens after a moment.
    pub fn opens(windows: &[&Self], now: Timestamp) -> Option<Timestamp> {
        let begins = windows.iter().flat_map(|window| window.stretches(now)).map(|(begins, _)| begins);
        begins.filter(|begins| *begins > now).min()
    }

    /// A moment as its time zone has it.
    pub fn shown(&self, moment: Timestamp) -> String {
        shown(moment, &self.zone)
    }
}

impl Freeze {
    /// Whether it holds at a moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// A moment as its time zone has it.
    pub fn shown(&self, moment: Timestamp) -> String {
        shown(moment, &self.zone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, from: &str, hours: u64, zone: &str) -> Window {
        let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = |name: &str| {
            let at = week.iter().position(|known| *known == name).unwrap();
            Weekday::from_monday_zero_offset(i8::try_from(at).unwrap()).unwrap()
        };
        Window {
            hosts: Pattern::parse("all", None).unwrap(),
            days: days.split_whitespace().map(day).collect(),
            from: from.parse().unwrap(),
            length: Duration::from_secs(hours * 3600),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn closes(windows: &[Window], now: &str) -> Option<String> {
        let windows: Vec<&Window> = windows.iter().collect();
        Window::closes(&windows, at(now)).map(|moment| moment.to_string())
    }

    fn opens(windows: &[Window], now: &str) -> Option<String> {
        let windows: Vec<&Window> = windows.iter().collect();
        Window::opens(&windows, at(now)).map(|moment| moment.to_string())
    }

    #[test]
    fn a_window_crosses_midnight_and_ends_in_the_next_day() {
        let nights = [window("sat sun", "22:00", 4, "Europe/Berlin")];
        // 28 November 2026 is a Saturday; Berlin is an hour ahead of UTC.
        assert_eq!(closes(&nights, "2026-11-28T20:59:59Z"), None);
        assert_eq!(closes(&nights, "2026-11-28T21:00:00Z").as_deref(), Some("2026-11-29T01:00:00Z"));
        assert_eq!(closes(&nights, "2026-11-29T00:59:59Z").as_deref(), Some("2026-11-29T01:00:00Z"));
        assert_eq!(closes(&nights, "2026-11-29T01:00:00Z"), None);
        assert_eq!(opens(&nights, "2026-11-29T01:00:00Z").as_deref(), Some("2026-11-29T21:00:00Z"));
        assert_eq!(opens(&nights, "2026-11-30T02:00:00Z").as_deref(), Some("2026-12-05T21:00:00Z"));
        // Sunday's window goes on into Monday.
        assert_eq!(closes(&nights, "2026-11-30T00:30:00Z").as_deref(), Some("2026-11-30T01:00:00Z"));
    }

    #[test]
    fn a_window_keeps_its_length_and_its_local_time_when_clocks_change() {
        let nights = [window("sun", "01:00", 4, "Europe/Berlin")];
        // Clocks go back on 25 October 2026 at 03:00 and forward on 28 March 2027 at 02:00.
        assert_eq!(closes(&nights, "2026-10-24T23:00:00Z").as_deref(), Some("2026-10-25T03:00:00Z"));
        assert_eq!(closes(&nights, "2027-03-28T00:00:00Z").as_deref(), Some("2027-03-28T04:00:00Z"));
        assert_eq!(opens(&nights, "2026-10-25T04:00:00Z").as_deref(), Some("2026-11-01T00:00:00Z"));
        // 02:30 does not exist on 28 March 2027: an hour later it is.
        let gap = [window("sun", "02:30", 1, "Europe/Berlin")];
        assert_eq!(opens(&gap, "2027-03-28T00:00:00Z").as_deref(), Some("2027-03-28T01:30:00Z"));
        // 02:30 comes twice on 25 October 2026: the first counts.
        assert_eq!(opens(&gap, "2026-10-24T23:00:00Z").as_deref(), Some("2026-10-25T00:30:00Z"));
    }

    #[test]
    fn windows_that_follow_each_other_are_one() {
        let both = [window("sat", "20:00", 4, "UTC"), window("sun", "00:00", 2, "UTC")];
        assert_eq!(closes(&both, "2026-11-28T23:00:00Z").as_deref(), Some("2026-11-29T02:00:00Z"));
        let always = [window("mon tue wed thu fri sat sun", "00:00", 24, "UTC")];
        assert!(closes(&always, "2026-11-28T23:00:00Z").unwrap().as_str() > "2026-12-06");
        let week = [window("mon", "00:00", 7 * 24, "Pacific/Kiritimati")];
        assert!(closes(&week, "2026-11-28T23:00:00Z").is_some());
    }
}

//! Moments, and what lies between two of them, as Python's `datetime` and `timedelta` are in templates.

use super::call::wrong;
use super::clock;
use jiff::civil::DateTime;
use jiff::{SignedDuration, tz};
use minijinja::value::{Object, ObjectRepr, from_args};
use minijinja::{Error, ErrorKind, State, Value};
use std::fmt;
use std::sync::Arc;

/// A moment, in whichever time zone it was written.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) struct Moment(pub DateTime);

/// What lies between two moments.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) struct Span(pub SignedDuration);

const DAY: i64 = 86_400;

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%d %H:%M:%S"))?;
        match self.0.subsec_nanosecond() / 1000 {
            0 => Ok(()),
            micros => write!(f, ".{micros:06}"),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, seconds) = (self.days(), self.seconds());
        if days != 0 {
            write!(f, "{days} day{}, ", if days.abs() == 1 { "" } else { "s" })?;
        }
        write!(f, "{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

impl Span {
    fn days(self) -> i64 {
        self.0.as_secs().div_euclid(DAY)
    }

    fn seconds(self) -> i64 {
        self.0.as_secs().rem_euclid(DAY)
    }
}

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => self.0.year().into(),
            "month" => self.0.month().into(),
            "day" => self.0.day().into(),
            "hour" => self.0.hour().into(),
            "minute" => self.0.minute().into(),
            "second" => self.0.second().into(),
            "microsecond" => (self.0.subsec_nanosecond() / 1000).into(),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        if method == "strftime" {
            let (format,): (String,) = from_args(args)?;
            let zoned = self.0.to_zoned(tz::TimeZone::UTC).map_err(|error| wrong(error.to_string()))?;
            return clock::format(&zoned, &format).map(Value::from);
        }
        let () = from_args(args)?;
        Ok(match method {
            "isoformat" => Value::from(self.to_string().replacen(' ', "T", 1)),
            "date" => Value::from(self.0.strftime("%Y-%m-%d").to_string()),
            "time" => Value::from(self.0.strftime("%H:%M:%S").to_string()),
            "weekday" => self.0.weekday().to_monday_zero_offset().into(),
            "isoweekday" => self.0.weekday().to_monday_one_offset().into(),
            "timestamp" => {
                let zone = clock::now(state)?.time_zone().clone();
                let there = self.0.to_zoned(zone).map_err(|error| wrong(error.to_string()))?;
                Value::from(there.timestamp().as_microsecond() as f64 / 1e6)
            }
            _ => return Err(Error::from(ErrorKind::UnknownMethod)),
        })
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Object for Span {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "days" => self.days().into(),
            "seconds" => self.seconds().into(),
            "microseconds" => (self.0.subsec_nanos() / 1000).into(),
            _ => return None,
        })
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        args: &[Value],
    ) -> Result<Value, Error> {
        let () = from_args(args)?;
        match method {
            "total_seconds" => Ok(Value::from(self.0.as_secs_f64())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

//! A run's id: sorts by time, fits in a file name, a log line and a sentence.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A run's id, a ULID: 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RunId(ulid::Ulid);

impl RunId {
    /// Makes an id from a time in milliseconds since 1970 and randomness.
    pub fn from_parts(time_ms: u64, random: u128) -> Self {
        Self(ulid::Ulid::from_parts(time_ms, random))
    }

    /// When the run began; its id was made then.
    pub fn begun(self) -> Option<jiff::Timestamp> {
        i64::try_from(self.0.timestamp_ms()).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for RunId {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        ulid::Ulid::from_str(text).map(Self).map_err(|_| format!("'{}' is no run id", super::printable(text)))
    }
}

impl Serialize for RunId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

//! A length of time as people write it: `90s`, `45m`, `4h`, `1h30m`, `2d`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time, from one second on. A day has 24 hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Period(Duration);

/// Longest period: ten years.
const SECONDS_MAX: u64 = 10 * 366 * 24 * 60 * 60;
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

impl Period {
    /// How long it is.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "'{}' is no length of time: expected one such as 90s, 45m, 4h, 1h30m or 2d",
                super::printable(text)
            )
        };
        let (mut rest, mut seconds, mut units) = (text.trim(), 0_u64, UNITS.as_slice());
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let (number, behind) = rest.split_at(digits);
            let unit = behind.chars().next().ok_or_else(wrong)?;
            // Each unit once, the largest first: anything else is a slip.
            let at = units.iter().position(|(name, _)| *name == unit).ok_or_else(wrong)?;
            let (_, length) = units.get(at).copied().ok_or_else(wrong)?;
            units = units.get(at + 1..).unwrap_or_default();
            let number: u64 = number.parse().map_err(|_| wrong())?;
            seconds =
                number.checked_mul(length).and_then(|more| seconds.checked_add(more)).ok_or_else(wrong)?;
            rest = behind.get(unit.len_utf8()..).unwrap_or_default();
        }
        if (1..=SECONDS_MAX).contains(&seconds) {
            Ok(Self(Duration::from_secs(seconds)))
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_secs();
        for (unit, length) in UNITS {
            if rest >= length {
                write!(f, "{}{unit}", rest / length)?;
                rest %= length;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_length_of_time_is_refused() {
        for wrong in
            ["", "4", "h", "4 h", "-1h", "1h1h", "5m1h", "0s", "99999999d", "18446744073709551615d", "1h²"]
        {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
        assert_eq!("1h30m".parse::<Period>().unwrap().duration(), Duration::from_secs(5400));
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(seconds in 1..SECONDS_MAX) {
            let period = Period(Duration::from_secs(seconds));
            prop_assert_eq!(period.to_string().parse::<Period>(), Ok(period));
        }
    }
}

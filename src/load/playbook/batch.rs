//! `serial`: how many hosts at a time.

use crate::model::Value;

/// The hosts of one batch.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Batch {
    /// All that are left.
    All,
    /// So many.
    Hosts(usize),
    /// So many of a hundred of the play's hosts, at least one.
    Percent(f64),
}

impl Batch {
    /// What a value of `serial` means: a number of hosts (0 for all), or a percentage such as `25%`.
    pub fn of(value: &Value) -> Option<Self> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.trim().to_owned(),
            _ => return None,
        };
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.trim().parse().ok()?;
                (percent > 0.0 && percent <= 100.0).then_some(Self::Percent(percent))
            }
            None => match text.parse().ok()? {
                0 => Some(Self::All),
                hosts => Some(Self::Hosts(hosts)),
            },
        }
    }

    /// How many hosts of a play with so many in all.
    pub fn size(self, hosts: usize) -> usize {
        match self {
            Self::All => hosts,
            Self::Hosts(count) => count.min(hosts),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a share of a number of hosts is small and positive, and is meant to be rounded down"
            )]
            Self::Percent(percent) => ((hosts as f64 * percent / 100.0) as usize).max(1).min(hosts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_batch_is_a_number_or_a_share_of_the_hosts() {
        let size = |value| Batch::of(&value).map(|batch| batch.size(10));
        assert_eq!(size(json!(3)), Some(3));
        assert_eq!(size(json!("25%")), Some(2));
        assert_eq!(size(json!("1%")), Some(1));
        assert_eq!(size(json!("0")), Some(10));
        assert_eq!(size(json!(99)), Some(10));
        for wrong in [json!("x"), json!(-1), json!("0%"), json!("101%"), json!([1]), json!("NaN%")] {
            assert_eq!(size(wrong.clone()), None, "{wrong}");
        }
    }
}

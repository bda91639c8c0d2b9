//! What an audit fails on: rules, each a kind or a severity, and an age from which it counts.
//!
//! `security:7d,critical:24h,reboot-needed:30d`: security updates that have been known for seven days, anything critical
//! after a day, a reboot that has been due for a month. Which findings a rule means is for whoever judges.

use super::{FindingKind, Severity, nearest, printable};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest age of a rule: ten years.
const AGE_HOURS_MAX: i64 = 10 * 366 * 24;

/// What an audit fails on; without a rule, on nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FailOn(Vec<Rule>);

/// One thing that an audit fails on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Rule {
    /// What counts.
    pub what: What,
    /// From which age on; without one, at once.
    pub age: Option<Age>,
}

/// What counts for a rule.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum What {
    /// A pending security update, a vulnerability that has a fix, or something that may hide one.
    Security,
    /// Any finding.
    Any,
    /// A finding that is as bad as this, or worse.
    Severity(Severity),
    /// A finding of this kind.
    Kind(FindingKind),
}

/// An age as it was typed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Age {
    number: u16,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Unit {
    Hours,
    Days,
    Weeks,
}

impl FailOn {
    /// Nothing: the report alone is wanted.
    pub const NOTHING: Self = Self(Vec::new());

    /// The rules, in the order in which they were typed.
    pub fn rules(&self) -> &[Rule] {
        &self.0
    }

    /// Whether a rule counts from an age on.
    pub fn needs_ages(&self) -> bool {
        self.0.iter().any(|rule| rule.age.is_some())
    }
}

impl Default for FailOn {
    fn default() -> Self {
        Self(vec![Rule { what: What::Security, age: None }])
    }
}

impl Age {
    /// How long that is.
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(self.hours())
    }

    fn hours(self) -> i64 {
        i64::from(self.number)
            * match self.unit {
                Unit::Hours => 1,
                Unit::Days => 24,
                Unit::Weeks => 7 * 24,
            }
    }
}

impl FromStr for FailOn {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self::NOTHING);
        }
        let rules: Vec<Rule> = text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>()?;
        for (at, rule) in rules.iter().enumerate() {
            if rules.iter().take(at).any(|other| other.what == rule.what) {
                return Err(format!("'{}' is there twice", rule.what));
            }
        }
        Ok(Self(rules))
    }
}

impl FromStr for Rule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((what, age)) => Ok(Self { what: what.parse()?, age: Some(age.parse()?) }),
            None => Ok(Self { what: text.parse()?, age: None }),
        }
    }
}

impl FromStr for What {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let severities = Severity::ALL.into_iter().map(Self::Severity);
        let all = [Self::Security, Self::Any].into_iter().chain(severities);
        let mut all = all.chain(FindingKind::ALL.into_iter().map(Self::Kind));
        let words: Vec<&str> = all.clone().map(Self::as_str).collect();
        if text == "none" {
            return Err("'none' stands alone".into());
        }
        all.find(|what| what.as_str() == text).ok_or_else(|| {
            let known = match nearest(text, words.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("expected none, or some of {}", words.join(", ")),
            };
            format!("'{}' is nothing to fail on; {known}", printable(text))
        })
    }
}

impl FromStr for Age {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (at, unit) = text.char_indices().next_back()?;
            let unit = match unit {
                'h' => Unit::Hours,
                'd' => Unit::Days,
                'w' => Unit::Weeks,
                _ => return None,
            };
            let digits = text.get(..at).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            let age = Self { number: digits.parse().ok()?, unit };
            (1..=AGE_HOURS_MAX).contains(&age.hours()).then_some(age)
        };
        parsed().ok_or_else(|| {
            format!("'{}' is no age; expected hours, days or weeks such as 24h, 7d or 2w", printable(text))
        })
    }
}

impl What {
    /// The word that is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Any => "any",
            Self::Severity(severity) => severity.as_str(),
            Self::Kind(kind) => kind.as_str(),
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Hours => 'h',
            Unit::Days => 'd',
            Unit::Weeks => 'w',
        };
        write!(f, "{}{unit}", self.number)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.age {
            Some(age) => write!(f, "{}:{age}", self.what),
            None => write!(f, "{}", self.what),
        }
    }
}

impl fmt::Display for FailOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.pad(if rules.is_empty() { "none".into() } else { rules.join(",") }.as_str())
    }
}

impl TryFrom<String> for FailOn {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<FailOn> for String {
    fn from(fail_on: FailOn) -> Self {
        fail_on.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_as_they_were_typed() {
        for text in [
            "security",
            "any",
            "none",
            "critical",
            "security:7d,critical:24h,reboot-needed:30d",
            "vulnerability,not-assessed:2w",
        ] {
            assert_eq!(text.parse::<FailOn>().unwrap().to_string(), text);
        }
        assert_eq!("security:7d, high".parse::<FailOn>().unwrap().to_string(), "security:7d,high");
        assert_eq!(FailOn::default().to_string(), "security");
    }

    #[test]
    fn bad_words_are_refused_with_what_was_meant() {
        let why = |text: &str| text.parse::<FailOn>().unwrap_err();
        for (text, part) in [
            ("securty", "did you mean 'security'?"),
            ("reboot", "expected none, or some of security, any, info"),
            ("security:7", "no age"),
            ("security:7m", "such as 24h"),
            ("security:0d", "no age"),
            ("security:-1d", "no age"),
            ("security:", "no age"),
            ("security:9999w", "no age"),
            ("security:7ä", "no age"),
            ("none,security", "stands alone"),
            ("security:7d,security", "'security' is there twice"),
            ("", "nothing to fail on"),
            ("security,", "nothing to fail on"),
        ] {
            assert!(why(text).contains(part), "{text}: {}", why(text));
        }
    }

    #[test]
    fn ages_have_hours_days_and_weeks() {
        let hours = |text: &str| text.parse::<Age>().unwrap().duration().as_hours();
        assert_eq!([hours("24h"), hours("7d"), hours("2w")], [24, 168, 336]);
    }
}

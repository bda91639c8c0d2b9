//! Regular expressions as Ansible's users write them, which is Python's way: look-ahead, `\1` and `\g<name>` in
//! replacements, `$` before a last line feed. Matching is bounded, so no pattern can hang a run.

use fancy_regex::{Captures, Regex, RegexBuilder};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How much a pattern may go back and forth before it is given up.
const BACKTRACK_MAX: usize = 1_000_000;
/// How large a compiled pattern may be, in bytes.
const COMPILED_BYTES_MAX: usize = 4 << 20;

/// How many matches are gathered, and how much text in them.
const FOUND_MAX: usize = 1_000_000;
const FOUND_BYTES_MAX: usize = 64 << 20;
/// How much longer than the text a replaced one may be.
const GROWTH_BYTES_MAX: usize = 64 << 20;
/// How long all matches of a text are looked for. One of them is bounded by its steps.
const TIME_MAX: Duration = Duration::from_secs(10);

/// A regular expression in Python's syntax.
#[derive(Clone, Debug)]
pub struct Pattern {
    plain: Regex,
    /// The same for texts that end in a line feed, before which Python's `$` matches too.
    before_line_feed: Option<Regex>,
}

/// How a pattern is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct PatternOptions {
    /// Whether upper and lower case are the same.
    pub ignore_case: bool,
    /// Whether `^` and `$` match at each line.
    pub multi_line: bool,
}

/// Why a pattern can't be used.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum PatternError {
    /// It is no regular expression.
    #[error("'{pattern}' is no regular expression: {reason}")]
    Syntax {
        /// The pattern as it was written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It went back and forth too often on this text.
    #[error("the regular expression needs too many steps on this text; write it less ambiguously")]
    TooHard,
    /// It matches more than can be kept.
    #[error(
        "the regular expression finds more in this text than {FOUND_MAX} matches or {} MiB; write it so that it matches less",
        FOUND_BYTES_MAX >> 20
    )]
    TooMuch,
    /// What it replaces grows without measure.
    #[error("the text would grow by more than {} MiB", GROWTH_BYTES_MAX >> 20)]
    TooLarge,
    /// The replacement names a group that the pattern doesn't have.
    #[error("the replacement uses group '{0}', which the pattern doesn't have")]
    NoGroup(String),
    /// The replacement has a letter behind a backslash that means nothing.
    #[error("bad escape \\{0}: in a replacement it means nothing")]
    BadEscape(char),
}

/// What a pattern found: the whole, then its groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'t> {
    /// Where the match begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The text of the whole match and of each group; nothing for a group that took no part.
    pub groups: Vec<Option<&'t str>>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is no regular expression, or too large a one.
    pub fn new(pattern: &str, options: PatternOptions) -> Result<Self, PatternError> {
        let build = |text: &str| {
            RegexBuilder::new(text)
                .case_insensitive(options.ignore_case)
                .multi_line(options.multi_line)
                .backtrack_limit(BACKTRACK_MAX)
                .delegate_size_limit(COMPILED_BYTES_MAX)
                .build()
                .map_err(|error| PatternError::Syntax {
                    pattern: pattern.to_owned(),
                    // Python's words, which playbooks look for.
                    reason: error
                        .to_string()
                        .replace("Target of repeat operator is invalid", "nothing to repeat"),
                })
        };
        let translated = translate(pattern, Dollar::AtEnd);
        let relaxed = translate(pattern, Dollar::BeforeLineFeed);
        let before_line_feed = match !options.multi_line && relaxed != translated {
            true => Some(build(&relaxed)?),
            false => None,
        };
        Ok(Self { plain: build(&translated)?, before_line_feed })
    }

    fn regex(&self, text: &str) -> &Regex {
        self.before_line_feed.as_ref().filter(|_| text.ends_with('\n')).unwrap_or(&self.plain)
    }

    fn captures<'t>(&self, text: &'t str, from: usize) -> Result<Option<Captures<'t, str>>, PatternError> {
        self.regex(text).captures_from_pos(text, from).map_err(|_| PatternError::TooHard)
    }

    /// The first match from a byte position on.
    ///
    /// # Errors
    /// The pattern is too ambiguous for this text.
    pub fn search_from<'t>(&self, text: &'t str, from: usize) -> Result<Option<Found<'t>>, PatternError> {
        Ok(self.captures(text, from)?.and_then(|captures| found(&captures)))
    }

    /// Whether the pattern matches anywhere.
    ///
    /// # Errors
    /// The pattern is too ambiguous for this text.
    pub fn is_found(&self, text: &str) -> Result<bool, PatternError> {
        self.regex(text).is_match(text).map_err(|_| PatternError::TooHard)
    }

    /// Whether the pattern matches at the text's beginning (Python's `match`).
    ///
    /// # Errors
    /// The pattern is too ambiguous for this text.
    pub fn is_at_start(&self, text: &str) -> Result<bool, PatternError> {
        Ok(self.search_from(text, 0)?.is_some_and(|found| found.start == 0))
    }

    /// Every match, one after the other, as Python's `finditer` gives them.
    ///
    /// # Errors
    /// The pattern is too ambiguous for this text.
    pub fn all<'t>(&self, text: &'t str) -> Result<Vec<Found<'t>>, PatternError> {
        let (mut all, mut bytes) = (Vec::new(), 0_usize);
        self.each(text, |found| {
            bytes = found.groups.iter().flatten().fold(bytes, |sum, group| sum.saturating_add(group.len()));
            all.push(found);
            match all.len() > FOUND_MAX || bytes > FOUND_BYTES_MAX {
                true => Err(PatternError::TooMuch),
                false => Ok(all.len()),
            }
        })?;
        Ok(all)
    }

    /// Hands out one match after the other.
    fn each<'t>(
        &self,
        text: &'t str,
        mut take: impl FnMut(Found<'t>) -> Result<usize, PatternError>,
    ) -> Result<(), PatternError> {
        let (begin, mut from) = (Instant::now(), 0);
        while let Some(found) = self.search_from(text, from)? {
            let next = text.get(found.end..).and_then(|rest| rest.chars().next());
            from =
                if found.start < found.end { found.end } else { found.end + next.map_or(1, char::len_utf8) };
            let taken = take(found)?;
            if from > text.len() || taken == usize::MAX {
                break;
            }
            if taken.is_multiple_of(64) && begin.elapsed() > TIME_MAX {
                return Err(PatternError::TooHard);
            }
        }
        Ok(())
    }

    /// Replaces the first `count` matches (0: all). The replacement may hold `\1`, `\g<1>`, `\g<name>`, `\n`, `\t`.
    ///
    /// # Errors
    /// The pattern is too ambiguous for this text, or lacks a group.
    pub fn replace(&self, text: &str, replacement: &str, count: usize) -> Result<String, PatternError> {
        let replacement = Replacement::read(replacement, &self.plain)?;
        let (mut out, mut at, mut done) = (String::with_capacity(text.len()), 0, 0_usize);
        self.each(text, |found| {
            out.push_str(text.get(at..found.start).unwrap_or_default());
            replacement.write(&found, &mut out);
            at = found.end;
            done += 1;
            match out.len() > text.len().saturating_add(GROWTH_BYTES_MAX) {
                true => Err(PatternError::TooLarge),
                false => Ok(if done == count { usize::MAX } else { done }),
            }
        })?;
        out.push_str(text.get(at..).unwrap_or_default());
        Ok(out)
    }

    /// What a replacement comes to for one match.
    ///
    /// # Errors
    /// The pattern lacks a group.
    pub fn expand(&self, found: &Found<'_>, replacement: &str) -> Result<String, PatternError> {
        let mut out = String::new();
        Replacement::read(replacement, &self.plain)?.write(found, &mut out);
        Ok(out)
    }

    /// The number of a named group.
    pub fn group(&self, name: &str) -> Option<usize> {
        self.plain.capture_names().position(|known| known == Some(name))
    }

    /// Whether it says itself, at its beginning, that `^` and `$` match at each line.
    pub fn is_multi_line(&self) -> bool {
        let flags = self.plain.as_str().split_once("(?").and_then(|(before, rest)| {
            rest.split_once(')').map(|(flags, _)| flags).filter(|_| before.is_empty())
        });
        flags.is_some_and(|flags| flags.contains('m') && flags.bytes().all(|flag| flag.is_ascii_lowercase()))
    }

    /// The groups that have names, and their numbers.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.plain.capture_names().enumerate().filter_map(|(at, name)| name.map(|name| (name, at)))
    }

    /// How many groups the pattern has.
    pub fn groups(&self) -> usize {
        self.plain.captures_len().saturating_sub(1)
    }

    /// A pattern that matches the text itself.
    pub fn escape(text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(c) {
                out.push('\\');
            }
            out.push(c);
        }
        out
    }
}

fn found<'t>(captures: &Captures<'t, str>) -> Option<Found<'t>> {
    let whole = captures.get(0)?;
    let groups = captures.iter().map(|group| group.map(|group| group.as_str())).collect();
    Some(Found { start: whole.start(), end: whole.end(), groups })
}

enum Part {
    Text(String),
    Group(usize),
}

struct Replacement(Vec<Part>);

impl Replacement {
    fn read(text: &str, regex: &Regex) -> Result<Self, PatternError> {
        let (mut parts, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('\\') {
            parts.push(Part::Text(rest.get(..at).unwrap_or_default().to_owned()));
            rest = rest.get(at + 1..).unwrap_or_default();
            let Some(c) = rest.chars().next() else {
                parts.push(Part::Text("\\".into()));
                break;
            };
            let (part, used) = match c {
                '1'..='9' => {
                    let second = rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit());
                    let digits = rest.get(..if second { 2 } else { 1 }).unwrap_or_default();
                    (group(digits, regex)?, digits.len())
                }
                'g' if rest.starts_with("g<") && rest.contains('>') => {
                    let end = rest.find('>').unwrap_or_default();
                    (group(rest.get(2..end).unwrap_or_default(), regex)?, end + 1)
                }
                'n' => (Part::Text("\n".into()), 1),
                't' => (Part::Text("\t".into()), 1),
                'r' => (Part::Text("\r".into()), 1),
                '\\' => (Part::Text("\\".into()), 1),
                'a' => (Part::Text("\u{7}".into()), 1),
                'f' => (Part::Text("\u{c}".into()), 1),
                'v' => (Part::Text("\u{b}".into()), 1),
                '0' => (Part::Text("\0".into()), 1),
                letter if letter.is_ascii_alphabetic() => return Err(PatternError::BadEscape(letter)),
                other => (Part::Text(format!("\\{other}")), other.len_utf8()),
            };
            parts.push(part);
            rest = rest.get(used..).unwrap_or_default();
        }
        if !rest.is_empty() && rest != "\\" {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    fn write(&self, found: &Found<'_>, out: &mut String) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Group(number) => {
                    out.push_str(found.groups.get(*number).copied().flatten().unwrap_or_default())
                }
            }
        }
    }
}

fn group(name: &str, regex: &Regex) -> Result<Part, PatternError> {
    let number = match name.parse::<usize>() {
        Ok(number) => Some(number).filter(|number| *number < regex.captures_len()),
        Err(_) => regex.capture_names().position(|known| known == Some(name)),
    };
    number.map(Part::Group).ok_or_else(|| PatternError::NoGroup(name.to_owned()))
}

#[derive(Clone, Copy, PartialEq)]
enum Dollar {
    AtEnd,
    BeforeLineFeed,
}

/// Python's syntax in the words of the crate: where the two read a pattern differently, this writes what Python means.
fn translate(pattern: &str, dollar: Dollar) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut class: Option<usize> = None;
    while let Some(c) = chars.next() {
        match (c, class) {
            ('\\', _) => match chars.next() {
                Some('Z') if class.is_none() => out.push_str("\\z"),
                Some(
                    punctuation @ ('<' | '>' | ' ' | '\'' | '"' | '=' | '!' | ':' | ',' | ';' | '@' | '%'
                    | '`' | '/' | '_'),
                ) => {
                    out.push(punctuation);
                }
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            ('[', None) => {
                class = Some(0);
                out.push('[');
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                if chars.peek() == Some(&']') {
                    chars.next();
                    out.push_str("\\]");
                }
            }
            (']', Some(_)) => {
                class = None;
                out.push(']');
            }
            ('[', Some(_)) => out.push_str("\\["),
            ('&' | '~', Some(_)) => out.extend(['\\', c]),
            ('-', Some(_)) if chars.peek() == Some(&'-') => out.push_str("\\-"),
            ('{', None) if !is_repetition(chars.clone()) => out.push_str("\\{"),
            ('$', None) if dollar == Dollar::BeforeLineFeed => out.push_str("(?=\\n?\\z)"),
            _ => out.push(c),
        }
    }
    out
}

/// Whether what follows a `{` makes it a repetition: `3}`, `3,}`, `3,4}`, `,4}`.
fn is_repetition(rest: impl Iterator<Item = char>) -> bool {
    let inner: String = rest.take_while(|c| c.is_ascii_digit() || *c == ',' || *c == '}').take(12).collect();
    inner.split_once('}').is_some_and(|(inner, _)| {
        let (low, high) = inner.split_once(',').unwrap_or((inner, ""));
        (!low.is_empty() || !high.is_empty()) && !high.contains(',')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text, PatternOptions::default()).unwrap()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_python() {
        for (text, subject, expected) in [
            ("^a$", "a\n", true),
            ("^a$", "a\n\n", false),
            ("a{b", "xa{b", true),
            ("[[]x", "[x", true),
            ("[]x]+$", "]x", true),
            ("foo(?=bar)", "foobar", true),
            ("(?i)FOO", "foo", true),
            ("(a)\\1", "aa", true),
            ("\\<tag\\>", "<tag>", true),
            ("(?P<n>a)(?P=n)", "aa", true),
            ("[a&&b]", "&", true),
            ("a\\Z", "a", true),
            ("x{2,}", "xx", true),
            ("\\/etc\\-x", "/etc-x", true),
            ("[\\w.-]+@", "a.b-c@", true),
        ] {
            assert_eq!(pattern(text).is_found(subject), Ok(expected), "{text} on {subject:?}");
        }
    }

    #[test]
    fn replacements_are_pythons() {
        for (text, subject, replacement, expected) in [
            ("^web-(\\d+).*$", "web-07.example", "n\\1", "n07"),
            ("(?P<a>x)(y)?", "x", "[\\g<a>\\g<2>\\2]", "[x]"),
            ("a", "banana", "\\\\", "b\\n\\n\\"),
            ("o", "foo", "0\\n", "f0\n0\n"),
            (".*", "abc", "X", "XX"),
            ("x*", "abxd", "-", "-a-b--d-"),
            ("$", "a", "!", "a!"),
            ("é", "éa", "e", "ea"),
        ] {
            assert_eq!(pattern(text).replace(subject, replacement, 0).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(pattern("a").replace("aaa", "b", 2).as_deref(), Ok("bba"));
        assert_eq!(pattern("a").replace("a", "\\1", 0), Err(PatternError::NoGroup("1".into())));
    }

    #[test]
    fn what_is_no_pattern_or_too_hard_is_an_error() {
        assert!(Pattern::new("(", PatternOptions::default()).is_err());
        let hard = pattern("(a+)+(?=b)\\1c").is_found(&"a".repeat(5000));
        assert!(matches!(hard, Ok(false) | Err(PatternError::TooHard)));
    }

    proptest! {
        #[test]
        fn an_escaped_text_matches_itself(text in any::<String>()) {
            let found = pattern(&Pattern::escape(&text)).search_from(&text, 0).unwrap().unwrap();
            prop_assert_eq!(found.groups[0], Some(text.as_str()));
        }

        #[test]
        fn no_pattern_panics(text in any::<String>(), subject in any::<String>(), with in "[\\\\g<>0-9a]{0,8}") {
            if let Ok(pattern) = Pattern::new(&text, PatternOptions::default()) {
                let _ = pattern.replace(&subject, &with, 0);
            }
        }
    }
}

//! `# noqa`: a comment that asks for silence, for all rules or (`# noqa: rule, rule`) for some, on its own line or anywhere
//! in the task that it stands in.

use super::rules;
use regex::Regex;
use std::sync::LazyLock;

/// The comments of one file, by line.
#[derive(Default)]
pub(super) struct Comments(Vec<(u32, Vec<String>)>);

impl Comments {
    pub(super) fn of(text: &str) -> Self {
        static NOQA: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"#\s*noqa\b(:?)([ \t,\w\[\]./-]*)").ok());
        let Some(noqa) = NOQA.as_ref().filter(|_| text.contains("noqa")) else { return Self::default() };
        let mut all = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let Some(found) = noqa.captures(line) else { continue };
            let part = |at| found.get(at).map(|part: regex::Match<'_>| part.as_str()).unwrap_or_default();
            let words: Vec<String> = part(2)
                .split([' ', '\t', ','])
                .filter(|word| !word.is_empty())
                .map(|word| word.split('[').next().unwrap_or_default().to_owned())
                .collect();
            let names_rules = words.first().is_some_and(|word| !rules::named(word).is_empty());
            // Without a colon, what follows may be a sentence.
            let words = if part(1).is_empty() && !names_rules { Vec::new() } else { words };
            all.push((number, words));
        }
        Self(all)
    }

    /// Whether a rule is silenced by a comment on one of these lines.
    pub(super) fn silence(&self, rule: &str, lines: std::ops::RangeInclusive<u32>) -> bool {
        let names = |words: &[String]| {
            words.is_empty() || words.iter().any(|word| rules::named(word).iter().any(|r| r.name == rule))
        };
        self.0.iter().any(|(line, words)| lines.contains(line) && names(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_silences_all_rules_or_those_it_names() {
        let text = "a: 1  # noqa\nb: 2  # noqa: ignore-errors, name[missing]\nc: 3\nd: 4 # noqa risky-octal\n\
                    e: 5 # noqa because of the old hosts\nf: 6 # noqa: something-else\n";
        let comments = Comments::of(text);
        let silent = |rule, line| comments.silence(rule, line..=line);
        assert!(silent("risky-octal", 1));
        assert!(silent("ignore-errors", 2) && silent("name-missing", 2) && !silent("risky-octal", 2));
        assert!(!silent("risky-octal", 3));
        assert!(silent("risky-octal", 4) && !silent("ignore-errors", 4));
        assert!(silent("risky-octal", 5));
        assert!(!silent("risky-octal", 6));
        assert!(comments.silence("risky-octal", 2..=5));
    }
}

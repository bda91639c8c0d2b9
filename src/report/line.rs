//! What lines are made of: text that can't break out of its line, colours, widths.

use crate::model::printable;
use owo_colors::{OwoColorize, Style};
use std::borrow::Cow;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(super) const OK: Style = Style::new().green();
pub(super) const CHANGED: Style = Style::new().yellow();
pub(super) const FAILED: Style = Style::new().red();
pub(super) const SKIPPED: Style = Style::new().cyan();
pub(super) const WARNING: Style = Style::new().magenta();
pub(super) const FAINT: Style = Style::new().dimmed();
pub(super) const STRONG: Style = Style::new().bold();

/// Text as one line that is safe to print: a line feed shows as `↵`, so that no text can pass for a line of ours.
pub fn one_line(text: &str) -> Cow<'_, str> {
    match printable(text) {
        safe if safe.contains(['\n', '\t']) => {
            Cow::Owned(safe.trim_end_matches('\n').replace('\n', "↵").replace('\t', " "))
        }
        safe => safe,
    }
}

/// The text in a colour.
pub(super) fn painted(text: impl AsRef<str>, style: Style) -> String {
    text.as_ref().style(style).to_string()
}

/// Columns that a text without colours takes.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of a text that fits a width.
pub(super) fn fitted(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut taken = 0;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken < columns
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    Cow::Owned(short)
}

/// A text in lines that fit a width, broken at blanks; a word that is longer than that stays whole.
pub(super) fn folded(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Every line of a text behind an indent.
pub(super) fn indented(text: &str, indent: &str) -> String {
    text.lines().map(|line| format!("{indent}{line}\n")).collect()
}

/// `1 host`, `2 hosts`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_on_its_line() {
        assert_eq!(one_line("a\nTASK [x]\r\n\u{9b}2J\tb\n"), "a↵TASK [x]^M↵\\u{9b}2J b");
        assert_eq!(one_line("plain"), "plain");
    }

    #[test]
    fn a_long_text_is_broken_at_blanks() {
        assert_eq!(folded("too little room: / needs", 10), ["too little", "room: /", "needs"]);
        assert_eq!(folded("abcdefghijklm no", 5), ["abcdefghijklm", "no"]);
    }

    #[test]
    fn a_text_is_cut_to_the_columns_it_may_take() {
        assert_eq!(fitted("abcdef", 4), "abc…");
        assert_eq!(fitted("abcd", 4), "abcd");
        assert_eq!(width(&fitted("日本日本日本", 6)), 5);
        assert_eq!(fitted("abc", 0), "…");
    }
}

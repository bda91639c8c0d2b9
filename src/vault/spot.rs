//! Places in the text of a file of variables where a value stands, or could: from its tag, or from its first letter, to the
//! end of its last line. What YAML itself makes of the text is not asked here; whoever replaces something reads it again.

use std::ops::Range;

/// How far a value is indented below what holds it.
pub(super) const INDENT: usize = 2;

/// A tagged value as text: its first line, and the others below it.
pub(super) fn block(head: &str, behind: &str, column: usize, content: &str) -> String {
    let margin = " ".repeat(column + INDENT);
    let lines = content.lines().map(|line| match line.is_empty() {
        true => "\n".to_owned(),
        false => format!("{margin}{line}\n"),
    });
    format!("{head}{behind}\n{}", lines.collect::<String>())
}

/// A place in the text where a tagged value may stand.
pub(super) struct Spot {
    pub(super) range: Range<usize>,
    content: Range<usize>,
    is_block: bool,
    pub(super) behind: String,
    pub(super) column: usize,
}

impl Spot {
    /// Whether what stands there is read as this text.
    pub(super) fn holds(&self, text: &str, value: &str) -> bool {
        let content = text.get(self.content.clone()).unwrap_or_default();
        let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.is_block {
            return squeezed(content) == squeezed(value);
        }
        let plain = content.trim();
        let read: Result<String, _> = serde_saphyr::from_str(plain);
        plain == value || read.is_ok_and(|read| read == value)
    }
}

/// Where one of these words stands as a tag.
pub(super) fn spots<'a>(text: &'a str, words: &'a [&str], from: usize) -> impl Iterator<Item = Spot> + 'a {
    let starts = text.get(from..).unwrap_or_default().match_indices('!').map(move |(at, _)| at + from);
    starts.filter_map(move |at| {
        let rest = text.get(at..)?;
        let word = words.iter().find(|word| rest.starts_with(**word))?;
        let after = rest.get(word.len()..)?.chars().next();
        let before = text.get(..at)?.chars().next_back();
        let apart = before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace);
        if !apart {
            return None;
        }
        let line_at = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
        let ahead = text.get(line_at..at)?;
        if ahead.trim_start().starts_with('#') || ahead.contains(" #") {
            return None;
        }
        let column = match ahead.trim().is_empty() {
            true => holder_above(text.get(..line_at)?, ahead.len()),
            false => holder(text.get(line_at..)?.lines().next()?),
        };
        Some(spot(text, at, at + word.len(), column))
    })
}

/// The value that begins at `start`, and whose content follows at `after`.
pub(super) fn spot(text: &str, start: usize, after: usize, column: usize) -> Spot {
    let rest = text.get(after..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let blank = line.len() - line.trim_start().len();
    let trimmed = line.trim();
    let line_end = after + line.len();
    let next = (line_end + rest.get(line.len()..).map_or(0, newline)).min(text.len());
    if trimmed.starts_with(['|', '>']) {
        let mark = trimmed.find(char::is_whitespace).unwrap_or(trimmed.len());
        let behind = trimmed.get(mark..).unwrap_or_default().to_owned();
        let (mut end, mut at) = (next, next);
        for line in text.get(next..).unwrap_or_default().split_inclusive('\n') {
            at += line.len();
            let depth = line.len() - line.trim_start_matches(' ').len();
            if line.trim().is_empty() {
                continue;
            }
            if depth <= column {
                break;
            }
            end = at;
        }
        return Spot { range: start..end, content: next..end, is_block: true, behind, column };
    }
    let value = text.get(after + blank..).unwrap_or_default();
    let length = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => quoted(value, quote),
        _ => plain(value, column),
    };
    // Where there is nothing, the blanks belong to the comment.
    let value_at = if length == 0 { after } else { after + blank };
    let value_end = value_at + length;
    let tail = text.get(value_end..).unwrap_or_default();
    let behind = tail.lines().next().unwrap_or_default();
    let end =
        (value_end + behind.len() + newline(tail.get(behind.len()..).unwrap_or_default())).min(text.len());
    Spot {
        range: start..end,
        content: value_at..value_end,
        is_block: false,
        behind: behind.trim_end().to_owned(),
        column,
    }
}

/// How long a text without quotes is that may go on in the lines below, as long as they are indented deeper than what holds it.
fn plain(text: &str, column: usize) -> usize {
    let (mut end, mut at) = (0, 0);
    if text.starts_with('#') {
        return 0;
    }
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        let depth = line.len() - line.trim_start_matches(' ').len();
        if at > 0 && !bare.is_empty() && (depth <= column || bare.starts_with('#')) {
            break;
        }
        // Blanks before a comment belong to the comment, which ends the text.
        let kept = line.split(" #").next().unwrap_or_default().trim_end();
        if !bare.is_empty() {
            end = at + kept.len();
        }
        if kept.len() < line.trim_end().len() || (at == 0 && bare.is_empty()) {
            break;
        }
        at += line.len();
    }
    end
}

fn newline(text: &str) -> usize {
    if text.starts_with("\r\n") { 2 } else { usize::from(text.starts_with('\n')) }
}

/// How long a quoted text is.
pub(super) fn quoted(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1).peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        // In double quotes a backslash takes what follows; in single quotes a quote is written twice.
        let takes_next =
            (letter == '\\' && quote == '"') || (letter == quote && quote == '\'' && next == Some('\''));
        if takes_next {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

/// The column of what holds a value that stands on a line of its own, this far in, below these lines.
fn holder_above(above: &str, indent: usize) -> usize {
    let depth = |line: &&str| line.len() - line.trim_start_matches(' ').len() < indent;
    let holds = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    above.lines().rev().filter(holds).find(depth).map_or(0, holder)
}

/// The column of what holds a value on this line: its key, or the dash of its item.
pub(super) fn holder(line: &str) -> usize {
    let mut column = line.len() - line.trim_start_matches(' ').len();
    loop {
        let rest = line.get(column..).unwrap_or_default();
        let Some(inner) = rest.strip_prefix("- ") else { return column };
        let inner_at = column + 2 + (inner.len() - inner.trim_start_matches(' ').len());
        if line.get(inner_at..).is_none_or(|value| value.starts_with('!')) {
            return column;
        }
        column = inner_at;
    }
}

/// Where a line has the mark behind which a block of text begins.
pub(super) fn block_mark(line: &str) -> Option<usize> {
    line.match_indices(['|', '>']).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).is_some_and(|text| text.ends_with([' ', '\t']));
        let behind = line.get(at + 1..).unwrap_or_default().trim_start_matches(['+', '-']);
        let behind =
            behind.trim_start_matches(|letter: char| letter.is_ascii_digit()).trim_start_matches(['+', '-']);
        before
            && (behind.trim().is_empty()
                || behind.trim_start() != behind && behind.trim_start().starts_with('#'))
    })
}

pub(super) fn line_start(text: &str, number: u32) -> Option<usize> {
    let number = usize::try_from(number).ok()?;
    if number <= 1 {
        return Some(0);
    }
    text.match_indices('\n').nth(number - 2).map(|(at, _)| at + 1)
}

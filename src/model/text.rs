//! Text that is safe and short enough to show, and the nearest known word to a misspelt one.

use std::borrow::Cow;

/// Makes control characters visible: C0 and C1, DEL, escape sequences and characters that change the direction of text
/// or can't be seen. Line feeds and tabs stay. What comes from a host or a file passes through here before it reaches
/// a terminal or a report.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if !is_unsafe(c) => out.push(c),
            c if u32::from(c) < 0x20 => {
                out.push('^');
                out.push(char::from((c as u8) + 0x40));
            }
            '\u{7f}' => out.push_str("^?"),
            c => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
        }
    }
    Cow::Owned(out)
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || is_unseen(c)
}

/// Whether a character takes no place where it stands, so that a reader never knows of it (Unicode's `Default_Ignorable_Code_Point`):
/// marks that choose a form of the letter before, tags, fillers.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}')
        || matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}')
        || matches!(c, '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The beginning of a text, cut at a limit, with what was cut counted.
#[derive(Clone, Copy, Debug)]
pub struct Excerpt {
    /// Most lines that are kept.
    pub lines_max: usize,
    /// Most characters of a line that are kept.
    pub columns_max: usize,
}

impl Excerpt {
    /// Cuts the text, and makes it printable.
    pub fn of(self, text: &str) -> String {
        let total = text.lines().count();
        let mut out: Vec<String> = text
            .lines()
            .take(self.lines_max)
            .map(|line| match line.char_indices().nth(self.columns_max) {
                Some((end, _)) => format!("{}…", printable(&line[..end])),
                None => printable(line).into_owned(),
            })
            .collect();
        if total > self.lines_max {
            out.push(format!("… {} more lines", total - self.lines_max));
        }
        out.join("\n")
    }

    /// A text as one printable line of at most 300 characters: what comes from a host or a playbook may be anything.
    pub fn single(text: &str) -> String {
        let cut = Self { lines_max: 1, columns_max: 300 }.of(text).replace('\t', " ");
        cut.lines().next().unwrap_or_default().to_owned()
    }
}

/// The known word nearest to a misspelt one, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let most = |k: &str| 1 + k.len().max(word.len()) / 4;
    known
        .into_iter()
        // A word cannot be nearer than their lengths are; most of a long list ends here.
        .filter(|k| k.chars().count().abs_diff(word.chars().count()) <= most(k))
        .map(|k| (distance(&word, &k.to_lowercase()), k))
        .filter(|(d, k)| *d <= most(k))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Edit distance in which swapping two neighbours counts as one edit (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let same = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(row[j - 1] + 1).min(rows[i - 1][j - 1] + same);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(printable("plain é\n\tok"), "plain é\n\tok");
        assert_eq!(printable("\x1b]52;c;AA\x07"), "^[]52;c;AA^G");
        assert_eq!(printable("a\u{e0041}\u{ad}b\u{fe01}\u{3164}"), "a\\u{e0041}\\u{ad}b\\u{fe01}\\u{3164}");
        assert_eq!(printable("a\u{9b}2Jb\u{202e}c\x7f\r"), "a\\u{9b}2Jb\\u{202e}c^?^M");
    }

    #[test]
    fn the_nearest_word_is_offered_only_when_it_is_near() {
        let known = ["copy", "template", "lineinfile", "apt"];
        assert_eq!(nearest("tempalte", known), Some("template"));
        assert_eq!(nearest("cpoy", known), Some("copy"));
        assert_eq!(nearest("kubernetes", known), None);
    }

    #[test]
    fn an_excerpt_says_what_it_left_out() {
        let cut = Excerpt { lines_max: 2, columns_max: 3 }.of("abcdef\nx\ny\nz");
        assert_eq!(cut, "abc…\nx\n… 2 more lines");
    }
}

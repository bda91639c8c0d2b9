//! Quoted text over several lines, as people write it for Ansible: lines that continue it stand further to the left than
//! YAML 1.2 allows, or begin with tabs.
//!
//! ```yaml
//! enabled: "{{
//!   a and b
//! }}"
//! ```
//!
//! PyYAML takes that. White space at the beginning of such a line means nothing, so it is moved to the right, and only
//! where a file can't be parsed as it is. Lines stay lines, so that places stay true.

/// Columns that a line which continues quoted text is moved to.
const FAR: usize = 200;

/// The text with its continued lines moved; `None` where there are none to move.
pub(super) fn mended(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut scan = Scan::default();
    let mut any = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches([' ', '\t']);
        let moves = scan.quote.is_some() && !bare.trim().is_empty();
        if moves {
            out.push_str(&" ".repeat(FAR));
            out.push_str(bare);
            any = true;
        } else {
            out.push_str(line);
        }
        scan.line(line);
    }
    any.then_some(out)
}

/// Where in a text one is.
#[derive(Default)]
struct Scan {
    /// The quote that is open.
    quote: Option<char>,
    /// How many brackets are open.
    depth: usize,
    /// The column of the key or item that a block of text hangs on, while one goes on.
    block: Option<usize>,
}

impl Scan {
    fn line(&mut self, line: &str) {
        let indent = line.chars().take_while(|c| *c == ' ').count();
        if let Some(parent) = self.block {
            if line.trim().is_empty() || indent > parent {
                return;
            }
            self.block = None;
        }
        let chars: Vec<char> = line.trim_end_matches(['\n', '\r']).chars().collect();
        let mut at = 0;
        let mut key = indent;
        let mut fresh = self.quote.is_none();
        while at < chars.len() {
            if let Some(quote) = self.quote {
                at = self.inside(quote, &chars, at);
                fresh = false;
                continue;
            }
            let next = chars.get(at + 1).copied().unwrap_or(' ');
            match chars[at] {
                ' ' | '\t' => {}
                '#' if at == 0 || chars[at - 1].is_whitespace() => return,
                c @ ('\'' | '"') if fresh => self.quote = Some(c),
                '-' | '?' if fresh && next.is_whitespace() => key = at + 2,
                ':' if next.is_whitespace() => fresh = true,
                '[' | '{' if fresh || self.depth > 0 => {
                    self.depth += 1;
                    fresh = true;
                }
                ']' | '}' if self.depth > 0 => self.depth -= 1,
                ',' if self.depth > 0 => fresh = true,
                '|' | '>' if fresh && self.depth == 0 && is_block(&chars, at) => {
                    self.block = Some(key.saturating_sub(usize::from(key > indent)).max(indent));
                    return;
                }
                '!' | '&' if fresh => {
                    // A tag or an anchor: what it is about stands behind it.
                    while chars.get(at + 1).is_some_and(|c| !c.is_whitespace()) {
                        at += 1;
                    }
                }
                _ => fresh = false,
            }
            at += 1;
        }
    }

    /// Goes on inside of quotes; the position behind what was read.
    fn inside(&mut self, quote: char, chars: &[char], at: usize) -> usize {
        let next = chars.get(at + 1).copied();
        match chars[at] {
            '\\' if quote == '"' => at + 2,
            '\'' if quote == '\'' && next == Some('\'') => at + 2,
            c if c == quote => {
                self.quote = None;
                at + 1
            }
            _ => at + 1,
        }
    }
}

/// Whether a block of text begins here: `|`, `>-`, `|2+`, and nothing but a comment behind it.
fn is_block(chars: &[char], at: usize) -> bool {
    let rest: String = chars[at + 1..].iter().collect();
    let rest = rest.trim_start_matches(['+', '-', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    rest.trim().is_empty() || rest.trim_start().starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_within_quotes_are_moved() {
        let text =
            "a: \"{{\n  b\n\tc\n}}\" # it's\nd: it's\ne: |\n  'x\n  y\nf: 'z''\n g'\nh: [1, \"i\nj\"]\n";
        let mended = mended(text).unwrap();
        let moved: Vec<&str> =
            mended.lines().filter(|line| line.starts_with("    ")).map(str::trim_start).collect();
        assert_eq!(moved, ["b", "c", "}}\" # it's", "g'", "j\"]"]);
        assert_eq!(mended.lines().count(), text.lines().count());
        assert_eq!(super::mended("a: it's\n  b\n"), None);
        assert_eq!(super::mended("- |\n  'a\n- b\n"), None);
    }
}

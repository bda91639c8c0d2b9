//! Texts for the log of GitHub Actions, whose runner takes orders from it: a line that begins with `::`, or holds `##[`, may
//! mask letters, forge annotations, or silence what follows. Hosts write into that log by what they say.
//!
//! # Source
//! GitHub's documentation, *Workflow commands for GitHub Actions*; its runner looks for `::` behind blanks at the beginning of a
//! line, and for `##[` anywhere in it.

use std::borrow::Cow;

/// Whether what is printed is such a log.
pub fn is_one() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// A text as the runner takes no orders from it; a JSON document stays the same document.
pub fn inert(text: &[u8]) -> Cow<'_, [u8]> {
    if !is_one() { Cow::Borrowed(text) } else { Cow::Owned(without_orders(text)) }
}

fn without_orders(text: &[u8]) -> Vec<u8> {
    let is_json = matches!(text.first(), Some(b'{' | b'['));
    let mut inert = Vec::with_capacity(text.len());
    let (mut begins, mut hashes, mut last) = (true, 0, None);
    for &byte in text {
        // Colours are taken out further on: what stands behind them may be a beginning.
        if let Some(before) = last {
            inert.push(byte);
            last = (before == b'\x1b' && byte == b'[' || !(0x40..=0x7e).contains(&byte)).then_some(byte);
            continue;
        }
        match byte {
            b'\x1b' => {
                inert.push(byte);
                last = Some(byte);
                continue;
            }
            b':' if begins => inert.extend(b"| "),
            b'[' if hashes >= 2 && is_json => {
                inert.pop();
                inert.extend(br"\u0023");
            }
            b'[' if hashes >= 2 => inert.push(b' '),
            _ => {}
        }
        inert.push(byte);
        hashes = if byte == b'#' { hashes + 1 } else { 0 };
        // Of what is not ASCII some is blank, too.
        begins =
            matches!(byte, b'\n' | b'\r') || (begins && (byte.is_ascii_whitespace() || !byte.is_ascii()));
    }
    inert
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str) -> String {
        String::from_utf8(without_orders(text.as_bytes())).unwrap()
    }

    #[test]
    fn no_line_gives_the_runner_an_order() {
        assert_eq!(
            made("ok: [a]\n   ::add-mask::e\n\u{2003}::x\rx ::y\r::z"),
            "ok: [a]\n   | ::add-mask::e\n\u{2003}| ::x\rx ::y\r| ::z"
        );
        assert_eq!(made("a ##[error]x ###[b] #[c]"), "a ## [error]x ### [b] #[c]");
        assert_eq!(
            made("\u{1b}[1;31m::x\u{1b}[0m ::y\n\u{1b}[1m \u{1b}[2m::z"),
            "\u{1b}[1;31m| ::x\u{1b}[0m ::y\n\u{1b}[1m \u{1b}[2m| ::z"
        );
        assert_eq!(made("a::b\n- c: d\n"), "a::b\n- c: d\n");
    }

    #[test]
    fn a_document_says_the_same_as_before() {
        let text = "{\"a\": [\"##[error]x\", \"###[\", \"::y\"]}\n";
        let inert = made(text);
        assert!(!inert.contains("##["), "{inert}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&inert), read(text));
    }
}

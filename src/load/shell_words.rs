//! Words of a line as a POSIX shell splits them, with their columns: for INI inventories and SSH options.

/// A word, its quotes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Column of its first character, from 1.
    pub column: usize,
    /// Its text.
    pub text: String,
}

/// A quote that isn't closed, by the column where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a quote is not closed")]
pub struct OpenQuote {
    /// Column of the quote, from 1.
    pub column: usize,
}

/// Splits a line into words: white space separates, quotes and backslashes join, an unquoted `#` begins a comment.
///
/// # Errors
/// A quote isn't closed.
///
/// # Source
/// Python's `shlex.split(line, comments=True)`, which Ansible applies to host lines.
pub fn split(line: &str) -> Result<Vec<Word>, OpenQuote> {
    let mut words: Vec<Word> = Vec::new();
    let mut open = false;
    let mut chars = line.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        if c == '#' {
            break;
        }
        if c.is_whitespace() {
            open = false;
            continue;
        }
        if !open {
            words.push(Word { column: at + 1, text: String::new() });
            open = true;
        }
        let Some(Word { text, .. }) = words.last_mut() else { continue };
        match c {
            '\\' => text.extend(chars.next().map(|(_, next)| next)),
            '\'' | '"' => quoted(&mut chars, c, text).ok_or(OpenQuote { column: at + 1 })?,
            _ => text.push(c),
        }
    }
    Ok(words)
}

fn quoted(chars: &mut impl Iterator<Item = (usize, char)>, quote: char, text: &mut String) -> Option<()> {
    loop {
        let (_, c) = chars.next()?;
        if c == quote {
            return Some(());
        }
        if c == '\\' && quote == '"' {
            let (_, next) = chars.next()?;
            if next != '"' && next != '\\' {
                text.push(c);
            }
            text.push(next);
        } else {
            text.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<(usize, String)> {
        split(line).unwrap().into_iter().map(|word| (word.column, word.text)).collect()
    }

    #[test]
    fn quotes_join_and_are_gone() {
        assert_eq!(
            words(r#"  a b='c d'"e" 'x\n' "q\"r\s" g\ h # i"#),
            [(3, "a"), (5, "b=c de"), (16, r"x\n"), (22, r#"q"r\s"#), (31, "g h")]
                .map(|(n, t)| (n, t.to_owned()))
        );
        assert_eq!(words("a=''"), [(1, "a=".to_owned())]);
        assert_eq!(words("# only a comment"), []);
    }

    #[test]
    fn an_open_quote_is_refused_at_its_column() {
        assert_eq!(split("ab 'c"), Err(OpenQuote { column: 4 }));
        assert_eq!(split("é \"c\\"), Err(OpenQuote { column: 3 }));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(line in ".{0,60}") {
            let _ = split(&line);
        }
    }
}

//! Splits a command line into words as Python's `shlex.split` does, which is what Ansible takes for `command`: quotes and
//! backslashes as in a shell, but no variables, no patterns, no operators and no comments.

/// Why a text can't be split into words.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum SplitError {
    /// A quote has no end.
    #[error("the quote {0} is not closed")]
    OpenQuote(char),
    /// A backslash is the last character.
    #[error("a backslash at the end escapes nothing")]
    OpenEscape,
}

/// Splits a text into words.
pub(super) fn split(text: &str) -> Result<Vec<String>, SplitError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(SplitError::OpenEscape)?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads up to the closing quote. In double quotes a backslash escapes a double quote and itself, and else stays.
fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), SplitError> {
    while let Some(c) = chars.next() {
        match c {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => {
                let escaped = chars.next().ok_or(SplitError::OpenQuote(quote))?;
                if escaped != '"' && escaped != '\\' {
                    word.push('\\');
                }
                word.push(escaped);
            }
            c => word.push(c),
        }
    }
    Err(SplitError::OpenQuote(quote))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_python_splits_them() {
        let cases: &[(&str, &[&str])] = &[
            ("", &[]),
            ("  a  b\tc\nd ", &["a", "b", "c", "d"]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            ("a''b '' \"\"", &["ab", "", ""]),
            (r#"a\ b "c\"d\\e\f" 'g\h'"#, &["a b", r#"c"d\e\f"#, r"g\h"]),
            (
                "echo # no comment; $x | y > z *",
                &["echo", "#", "no", "comment;", "$x", "|", "y", ">", "z", "*"],
            ),
        ];
        for (text, words) in cases {
            assert_eq!(split(text).unwrap(), *words, "{text}");
        }
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert_eq!(split("a 'b"), Err(SplitError::OpenQuote('\'')));
        assert_eq!(split("a \"b\\"), Err(SplitError::OpenQuote('"')));
        assert_eq!(split("a\\"), Err(SplitError::OpenEscape));
    }

    proptest! {
        #[test]
        fn any_words_come_back_from_single_quotes(words in prop::collection::vec("\\PC*", 0..5)) {
            let quoted: Vec<String> =
                words.iter().map(|word| format!("'{}'", word.replace('\'', "'\"'\"'"))).collect();
            prop_assert_eq!(split(&quoted.join(" ")).unwrap(), words);
        }
    }
}
